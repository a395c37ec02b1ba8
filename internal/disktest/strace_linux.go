package disktest

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// watchedCalls are those that do something to files, and those by which a program tells something.
// Calls with a question mark are not on each machine.
const watchedCalls = "?open,?creat,openat,?openat2,close,read,lseek,write,pwrite64,writev,pwritev,pwritev2,ftruncate,?truncate,fallocate,copy_file_range,sendfile,mmap," +
	"?rename,?renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?mkdir,mkdirat,?rmdir,fsync,fdatasync"

// Watched returns a command that runs another one under strace, which needs version 5.3, and writes
// what it does to a file. strace has a process group of its own with the program. It ignores
// interrupts: send them to the group.
func Watched(cmd *exec.Cmd, record string) *exec.Cmd {
	watched := exec.Command("strace", "-f", "--seccomp-bpf", "-qq", "-y", "-xx", "-a", "1", "-s", "100000000",
		"-e", "signal=none", "-e", "trace="+watchedCalls, "-o", record, "--", cmd.Path)
	watched.Args = append(watched.Args, cmd.Args[1:]...)
	watched.Dir, watched.Env, watched.Stdin, watched.Stdout, watched.Stderr = cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr
	watched.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return watched
}

// ReadRecord adds to the disk what a program has done to it while strace was watching. The path of
// the disk's directory must be absolute, and lead through no symbolic link. What the program has
// written to anything else, such as standard output or a connection, is told with the number of the
// descriptor, before all that has happened later. The order is that of calls as they return, but
// whatever is told counts from the moment at which it may have been heard.
func (d *Disk) ReadRecord(record io.Reader, dir string, told func(descriptor int, data []byte)) error {
	r := &reader{disk: d, dir: dir, told: told, handles: map[int]*handle{}, sizes: map[File]int64{}, begun: map[string]*call{}}
	for _, e := range d.events {
		if e.kind == written {
			r.grow(e.file, e.offset+int64(len(e.data)))
		}
	}
	for lines := bufio.NewReaderSize(record, 1<<20); ; {
		line, err := lines.ReadString('\n')
		if err != nil { // the rest of a line is that of a program that was killed
			if err == io.EOF {
				err = nil
			}
			return err
		}
		if err := r.line(strings.TrimSuffix(line, "\n")); err != nil {
			return fmt.Errorf("%w in the record of strace: %.300s", err, line)
		}
	}
}

type reader struct {
	disk    *Disk
	dir     string
	told    func(int, []byte)
	handles map[int]*handle // of files of the disk, by descriptor
	sizes   map[File]int64
	begun   map[string]*call // by thread: those that have not returned
}

// handle is an open file.
type handle struct {
	file   File
	at     int64
	atEnd  bool // each write is
	memory bool // an index that processes share, which is no longer used after a loss of power
}

// call is a system call. Its arguments are as strace writes them.
type call struct {
	name   string
	text   string // of the arguments
	args   []string
	since  int // the moment at which it began
	result string
}

var errSense = errors.New("a line that makes no sense")

// line reads a line: a call, the beginning of a call, or its end.
func (r *reader) line(line string) error {
	thread, text, _ := strings.Cut(line, " ")
	text = strings.TrimLeft(text, " ")
	c := r.begun[thread]
	delete(r.begun, thread)
	if rest, resumed := strings.CutPrefix(text, "<... "); resumed {
		_, rest, ok := strings.Cut(rest, " resumed>")
		if c == nil || !ok {
			return errSense
		}
		c.text += rest
	} else {
		name, rest, ok := strings.Cut(text, "(")
		if !ok {
			return errSense
		}
		c = &call{name: name, text: rest, since: r.disk.Now()}
		begun, unfinished := strings.CutSuffix(rest, " <unfinished ...>")
		c.args = arguments(begun)
		if err := r.begins(c); err != nil {
			return err
		}
		if unfinished {
			c.text = begun
			r.begun[thread] = c
			return nil
		}
	}
	end := strings.LastIndex(c.text, ") = ")
	if end < 0 {
		return errSense
	}
	c.args, c.result = arguments(c.text[:end]), c.text[end+len(") = "):]
	return r.ends(c)
}

// arguments splits arguments. Texts and names are written in hexadecimal, so nothing in them is
// taken for something else.
func arguments(text string) []string {
	var args []string
	depth, start := 0, 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			depth--
		case ',':
			if depth == 0 {
				args = append(args, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
		}
	}
	return append(args, strings.TrimSpace(text[start:]))
}

func (c *call) arg(i int) string {
	if i >= len(c.args) {
		return ""
	}
	return c.args[i]
}

func (c *call) number(i int) int64 {
	n, err := strconv.ParseInt(c.arg(i), 0, 64)
	if err != nil {
		return -1
	}
	return n
}

// descriptor returns the number of a descriptor, and what it is of: 3</home/somebody/file>.
func descriptor(text string) (n int, path string) {
	number, rest, _ := strings.Cut(text, "<")
	n, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		n = -1 // as AT_FDCWD is
	}
	end := strings.LastIndex(rest, ">")
	if end < 0 {
		return n, ""
	}
	return n, string(plain(rest[:end]))
}

// plain is a text that was written in hexadecimal, if it was.
func plain(text string) []byte {
	if b, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, "")); err == nil && strings.HasPrefix(text, `\x`) {
		return b
	}
	return []byte(text)
}

// data returns an argument that is a text, or all texts of one that is a list of them.
func (c *call) data(i int) (data []byte, err error) {
	if strings.HasSuffix(c.arg(i), `"...`) {
		return nil, errors.New("a text that is cut short")
	}
	parts := strings.Split(c.arg(i), `"`)
	for at := 1; at < len(parts); at += 2 {
		data = append(data, plain(parts[at])...)
	}
	return data, nil
}

// on returns the path on the disk that two arguments name, a directory and a path in it. Without a
// directory, which is -1, the path must be absolute.
func (r *reader) on(c *call, directory, path int) (name string, ok bool) {
	data, err := c.data(path)
	if err != nil {
		return "", false
	}
	full := string(data)
	if !filepath.IsAbs(full) {
		if directory < 0 {
			return "", false
		}
		_, dir := descriptor(c.arg(directory))
		full = filepath.Join(dir, full)
	}
	return r.below(full)
}

func (r *reader) below(path string) (name string, ok bool) {
	name, err := filepath.Rel(r.dir, path)
	return name, err == nil && filepath.IsLocal(name)
}

// begins is about what counts from the beginning of a call.
func (r *reader) begins(c *call) error {
	fd, path := descriptor(c.arg(0))
	switch c.name {
	case "close": // the number may be used again before it returns
		delete(r.handles, fd)
	case "write", "writev":
		if r.handles[fd] != nil {
			return nil
		}
		if _, ours := r.below(strings.TrimSuffix(path, " (deleted)")); ours {
			return errors.New("a descriptor that was not seen to be opened")
		}
		data, err := c.data(1)
		if err == nil {
			r.told(fd, data)
		}
		return err
	}
	return nil
}

// ends is about all else.
func (r *reader) ends(c *call) error {
	result, _, _ := strings.Cut(c.result, " ")
	fd, path := descriptor(c.arg(0))
	h := r.handles[fd]
	if strings.HasPrefix(result, "-") || result == "?" {
		if h != nil && (c.name == "fsync" || c.name == "fdatasync") {
			r.disk.FailSync(h.file)
		}
		return nil
	}
	n, _ := strconv.ParseInt(result, 0, 64)
	switch c.name {
	case "open", "creat", "openat", "openat2":
		return r.open(c)
	case "read":
		if h != nil {
			h.at += n
		}
	case "lseek":
		if h != nil {
			h.at = n
		}
	case "write", "pwrite64":
		if h == nil {
			return nil
		}
		data, err := c.data(1)
		if err != nil || int64(len(data)) < n {
			return errors.Join(err, errSense)
		}
		at := h.at
		switch {
		case c.name == "pwrite64":
			at = c.number(3)
		case h.atEnd:
			at = r.sizes[h.file]
		}
		r.disk.Write(h.file, at, data[:n])
		r.grow(h.file, at+n)
		if c.name == "write" {
			h.at = at + n
		}
	case "ftruncate":
		if h != nil {
			r.disk.Cut(h.file, c.number(1))
			r.sizes[h.file] = c.number(1)
		}
	case "fsync", "fdatasync":
		if h != nil {
			r.disk.Sync(h.file, c.since)
		}
	case "mkdir", "mkdirat":
		if name, ours := r.named(c, "mkdirat"); ours {
			r.disk.Mkdir(name)
		}
	case "unlink", "unlinkat", "rmdir":
		if name, ours := r.named(c, "unlinkat"); ours {
			r.disk.Remove(name)
		}
	case "linkat", "renameat", "renameat2", "link", "rename":
		from, to := 1, 3
		if !strings.Contains(c.name, "at") {
			from, to = 0, 1
		}
		former, was := r.on(c, from-1, from)
		name, is := r.on(c, to-1, to)
		switch {
		case !was && !is:
		case was != is:
			return errors.New("a file that moves between disks")
		case strings.HasPrefix(c.name, "link"):
			r.disk.Link(former, name)
		default:
			r.disk.Rename(former, name)
		}
	case "mmap":
		mapped, _ := descriptor(c.arg(4))
		h := r.handles[mapped]
		if h != nil && !h.memory && strings.Contains(c.arg(2), "PROT_WRITE") && strings.Contains(c.arg(3), "MAP_SHARED") {
			return errors.New("a file that is written to without a call")
		}
	case "writev", "pwritev", "pwritev2", "truncate", "fallocate", "copy_file_range", "sendfile", "symlink", "symlinkat":
		to, _ := descriptor(c.arg(2))
		_, ours := r.below(path)
		if h != nil || ours || c.name == "copy_file_range" && r.handles[to] != nil {
			return errors.New("a call that the model of a disk does not know")
		}
	}
	return nil
}

// named returns the path that a call is about: one of two, of which one takes a directory, too.
func (r *reader) named(c *call, withDirectory string) (name string, ours bool) {
	if c.name == withDirectory {
		return r.on(c, 0, 1)
	}
	return r.on(c, -1, 0)
}

// open takes note of a descriptor, and of what opening it did.
func (r *reader) open(c *call) error {
	fd, path := descriptor(c.result)
	name, ours := r.below(path)
	if !ours {
		return nil
	}
	flags := c.arg(1)
	if strings.HasPrefix(c.name, "openat") {
		flags = c.arg(2)
	}
	if _, known := r.disk.Find(name); !known && !strings.Contains(flags, "O_CREAT") {
		return errors.New("a file that nobody has made")
	}
	h := &handle{file: r.disk.Open(name), atEnd: strings.Contains(flags, "O_APPEND"), memory: strings.HasSuffix(name, "-shm")}
	if (strings.Contains(flags, "O_TRUNC") || c.name == "creat") && r.sizes[h.file] > 0 {
		r.disk.Cut(h.file, 0)
		r.sizes[h.file] = 0
	}
	r.handles[fd] = h
	return nil
}

func (r *reader) grow(f File, size int64) { r.sizes[f] = max(r.sizes[f], size) }
