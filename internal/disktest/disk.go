// Package disktest tells what a loss of power leaves of files. It is for tests.
//
// A [Disk] is a record of what was done to the files of a directory and below it: by whoever tells
// it ([Disk.Write] and its like), or by a program that strace has watched ([Watched],
// [Disk.ReadRecord]). [Disk.AfterPowerLoss] makes up what the directory may be like if the power
// fails at some moment of it.
package disktest

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Disk is a record of what was done to files. Paths are relative to its directory, which is ".".
// Its methods may be called at the same time.
type Disk struct {
	mu     sync.Mutex
	events []event
	names  []map[string]File // what the names in each directory lead to now; nil for a file
}

// File is a file or a directory, whatever its names are.
type File int

// root is the directory of the disk.
const root File = 0

// event is something that was done to a file, or to the names in a directory.
type event struct {
	kind   eventKind
	file   File   // whose contents, or in which the name
	name   string // that was given or lost
	former string // that was lost by a rename
	target File   // what the name leads to
	offset int64  // of written bytes; the size of a file that was cut
	data   []byte // that was written
	since  int    // a sync is about what was done before this event
}

type eventKind int

const (
	written eventKind = iota
	cut
	synced
	unsynced // a sync has failed
	named
	removed
)

// New begins a record of an empty directory.
func New() *Disk { return &Disk{names: []map[string]File{{}}} }

// Load begins a record of a directory as it is, all of which is on the disk.
func Load(dir string) (*Disk, error) {
	d := New()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil || name == "." {
			return err
		}
		if entry.IsDir() {
			d.Mkdir(name)
			return nil
		}
		data, err := os.ReadFile(path)
		d.Write(d.Open(name), 0, data)
		return err
	})
	for file := range d.names {
		d.Sync(File(file), d.Now())
	}
	return d, err
}

// Now is the present moment: the number of events so far.
func (d *Disk) Now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.events)
}

// Find returns what a path leads to.
func (d *Disk) Find(path string) (f File, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.find(path)
}

func (d *Disk) find(path string) (f File, ok bool) {
	path = filepath.Clean(path)
	if path == "." {
		return root, true
	}
	for name := range strings.SplitSeq(path, string(filepath.Separator)) {
		if f, ok = d.names[f][name]; !ok {
			return 0, false
		}
	}
	return f, true
}

// place returns the directory of a path, and the name in it.
func (d *Disk) place(path string) (dir File, name string) {
	path = filepath.Clean(path)
	dir, ok := d.find(filepath.Dir(path))
	if !ok || d.names[dir] == nil {
		panic(fmt.Sprintf("disktest: %s is in no directory", path))
	}
	return dir, filepath.Base(path)
}

// Open returns the file of a path, which it makes if there is none.
func (d *Disk) Open(path string) File { return d.open(path, nil) }

// Mkdir makes a directory if there is none.
func (d *Disk) Mkdir(path string) { d.open(path, map[string]File{}) }

func (d *Disk) open(path string, names map[string]File) File {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.find(path)
	if !ok {
		f = File(len(d.names))
		d.names = append(d.names, names)
		d.name(path, f)
	}
	return f
}

func (d *Disk) name(path string, f File) {
	dir, name := d.place(path)
	d.names[dir][name] = f
	d.events = append(d.events, event{kind: named, file: dir, name: name, target: f})
}

// Link gives a file another name.
func (d *Disk) Link(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, _ := d.find(from)
	d.name(to, f)
}

// Rename gives a file another name in the same directory in place of the one that it has.
func (d *Disk) Rename(from, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, former := d.place(from)
	there, name := d.place(to)
	if there != dir {
		panic("disktest: renamed to another directory")
	}
	f := d.names[dir][former]
	delete(d.names[dir], former)
	d.names[dir][name] = f
	d.events = append(d.events, event{kind: named, file: dir, name: name, target: f, former: former})
}

// Remove removes a name.
func (d *Disk) Remove(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dir, name := d.place(path)
	delete(d.names[dir], name)
	d.events = append(d.events, event{kind: removed, file: dir, name: name})
}

func (d *Disk) note(e event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// Write writes data, which the disk keeps.
func (d *Disk) Write(f File, offset int64, data []byte) {
	d.note(event{kind: written, file: f, offset: offset, data: data})
}

// Cut cuts a file to a size.
func (d *Disk) Cut(f File, size int64) { d.note(event{kind: cut, file: f, offset: size}) }

// Sync brings to the disk what was done to a file, or to the names in a directory, until the moment
// since, at which the sync began.
func (d *Disk) Sync(f File, since int) { d.note(event{kind: synced, file: f, since: since}) }

// FailSync is a sync that has failed: what it was about may never get to the disk.
func (d *Disk) FailSync(f File) { d.note(event{kind: unsynced, file: f}) }

// Files are the contents of files by their paths. A path that ends in a separator is a directory.
type Files map[string][]byte

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// AfterPowerLoss returns the files as they may be if the power fails at a moment. What was done to
// a file before its last sync is there. Of what came after it, luck decides about each sector. The
// names in a directory come and go in their order, as file systems with a journal see to, so luck
// decides how many of the latest are lost since the last sync of the directory.
func (d *Disk) AfterPowerLoss(moment int, luck *rand.Rand) Files {
	events, directory := d.until(moment)
	count := len(directory)
	safe := make([]bool, moment)    // which events are on the disk
	pending := make([][]int, count) // events of each file that no sync has followed yet
	for i, e := range events {
		switch e.kind {
		case synced:
			n, _ := slices.BinarySearch(pending[e.file], e.since)
			for _, earlier := range pending[e.file][:n] {
				safe[earlier] = true
			}
			pending[e.file] = pending[e.file][n:]
		case unsynced: // what was to be synced may never be written, whatever is synced later
			pending[e.file] = nil
		default:
			pending[e.file] = append(pending[e.file], i)
		}
	}
	kept := luck.Float64() // some losses keep nearly all, and some nearly nothing
	for f := range directory {
		if n := len(pending[f]); directory[f] && n > 0 {
			for _, latest := range pending[f][:luck.IntN(n+1)] {
				safe[latest] = true
			}
		}
	}
	return replay(events, directory, func(i int) bool {
		return safe[i] || !directory[events[i].file] && luck.Float64() < kept
	})
}

// Contents returns the files as programs see them at a moment.
func (d *Disk) Contents(moment int) Files {
	events, directory := d.until(moment)
	return replay(events, directory, func(int) bool { return true })
}

// until returns the events before a moment, and which files are directories.
func (d *Disk) until(moment int) (events []event, directory []bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, names := range d.names {
		directory = append(directory, names != nil)
	}
	return d.events[:moment], directory
}

// replay returns the files of which kept events are made. It asks about each sector of an event.
func replay(events []event, directory []bool, kept func(int) bool) Files {
	size := make([]int64, len(directory))
	for _, e := range events {
		size[e.file] = max(size[e.file], e.offset+int64(len(e.data)))
	}
	contents := make([][]byte, len(directory))
	for f := range contents {
		contents[f] = make([]byte, 0, size[f])
	}
	names := map[File]map[string]File{}
	for i, e := range events {
		switch e.kind {
		case written:
			f := contents[e.file]
			for at := 0; at < len(e.data); {
				n := min(sector-int(e.offset+int64(at))%sector, len(e.data)-at)
				if kept(i) {
					start, end := int(e.offset)+at, int(e.offset)+at+n
					if end > len(f) {
						f = f[:end] // what is passed over is zero
					}
					copy(f[start:end], e.data[at:at+n])
				}
				at += n
			}
			contents[e.file] = f
		case cut:
			switch n := int64(len(contents[e.file])); {
			case n == e.offset || !kept(i):
			case n > e.offset:
				clear(contents[e.file][e.offset:])
				contents[e.file] = contents[e.file][:e.offset]
			default:
				contents[e.file] = contents[e.file][:e.offset]
			}
		case named, removed:
			if !kept(i) {
				continue
			}
			if names[e.file] == nil {
				names[e.file] = map[string]File{}
			}
			delete(names[e.file], e.former)
			if e.kind == removed {
				delete(names[e.file], e.name)
			} else {
				names[e.file][e.name] = e.target
			}
		}
	}
	files := Files{}
	var add func(dir File, path string)
	add = func(dir File, path string) {
		for name, f := range names[dir] {
			if name = filepath.Join(path, name); directory[f] {
				files[name+string(filepath.Separator)] = nil
				add(f, name)
			} else {
				files[name] = contents[f]
			}
		}
	}
	add(root, "")
	return files
}

// Write makes a directory have these files only.
func (f Files) Write(dir string) error {
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range old {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(f)) { // directories come before what is in them
		if strings.HasSuffix(path, string(filepath.Separator)) {
			err = os.Mkdir(filepath.Join(dir, path), 0o700)
		} else {
			err = os.WriteFile(filepath.Join(dir, path), f[path], 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// InMemory returns a directory for files that are thrown away with the test: in memory, where there
// is a place for that.
func InMemory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "carillon-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
