package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// holds checks the files of a directory: their names and texts, and nothing else.
func holds(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, ok := want[e.Name()]
		if !ok {
			t.Errorf("%s was left behind", e.Name())
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil || string(got) != text {
			t.Errorf("%s: got %.100q and error %v, want %.100q", e.Name(), got, err, text)
		}
	}
	if len(entries) < len(want) {
		t.Errorf("got %d files, want %d", len(entries), len(want))
	}
}

func mode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != want && runtime.GOOS != "windows" {
		t.Errorf("mode of %s: got %v, want %v", path, got, want)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, step := range []struct {
		text string
		perm fs.FileMode
	}{{"first", 0o600}, {"", 0o666}, {"third", 0o600}} {
		if err := WriteFile(path, []byte(step.text), step.perm); err != nil {
			t.Fatal(err)
		}
		mode(t, path, step.perm)
		holds(t, dir, map[string]string{"file": step.text})
	}
}

// A link is replaced, not what it leads to: who can make links in a directory must not choose the
// file that is written.
func TestWriteFile_Symlink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("mine"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	mode(t, link, 0o600)
	holds(t, dir, map[string]string{"target": "mine", "link": "new"})
}

// A device that is renamed over would be gone for everybody.
func TestWriteFile_NotRegular(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir) // the names of sockets are short
	socket, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := errors.Join(os.Mkdir("directory", 0o700), os.Symlink("socket", "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"socket", "directory", "link"} {
		before, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteFile(name, []byte("new"), 0o600); err == nil || !strings.Contains(err.Error(), name+": not a regular file") {
			t.Errorf("%s: got error %v", name, err)
		}
		if after, err := os.Lstat(name); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s was replaced (%v)", name, err)
		}
	}
	if left, _ := filepath.Glob("*.partial-*"); left != nil {
		t.Errorf("%v were left behind", left)
	}
}

func TestCreateFile(t *testing.T) {
	for name, linking := range map[string]func(string, string) error{
		"links":    os.Link,
		"no links": func(string, string) error { return errors.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			link = linking
			defer func() { link = os.Link }()
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			if err := CreateFile(path, []byte("first"), 0o600); err != nil {
				t.Fatal(err)
			}
			mode(t, path, 0o600)
			if err := CreateFile(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path+":") {
				t.Errorf("a name that is taken: got error %v, want %v, naming %s", err, fs.ErrExist, path)
			}
			holds(t, dir, map[string]string{"file": "first"})

			dangling := filepath.Join(t.TempDir(), "link")
			if err := os.Symlink(path+"2", dangling); err != nil {
				t.Fatal(err)
			}
			if err := CreateFile(dangling, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
				t.Errorf("a link that leads nowhere: got error %v, want %v", err, fs.ErrExist)
			}
			holds(t, dir, map[string]string{"file": "first"})
		})
	}
}

func TestCreateMissing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, data := range []string{"first", "second"} {
		if err := CreateMissing(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(file); err != nil || string(text) != "first" {
			t.Errorf("got %q, error %v, want that the first one stays", text, err)
		}
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file+"-not", link); err != nil {
		t.Skip(err)
	}
	if err := CreateMissing(link, nil, 0o600); err == nil || !strings.Contains(err.Error(), link+" is a symbolic link that leads nowhere") {
		t.Errorf("a link that leads nowhere: got error %v", err)
	}
}

// Of many that want a name one gets it.
func TestCreateFile_Race(t *testing.T) {
	for name, linking := range map[string]func(string, string) error{
		"links":    os.Link,
		"no links": func(string, string) error { return errors.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			link = linking
			defer func() { link = os.Link }()
			dir := t.TempDir()
			won := make(chan string, 8)
			var wg sync.WaitGroup
			for i := range cap(won) {
				wg.Go(func() {
					text := strings.Repeat(string(rune('a'+i)), 1000)
					switch err := CreateFile(filepath.Join(dir, "file"), []byte(text), 0o600); {
					case err == nil:
						won <- text
					case !errors.Is(err, fs.ErrExist):
						t.Errorf("got error %v, want %v", err, fs.ErrExist)
					}
				})
			}
			wg.Wait()
			if len(won) != 1 {
				t.Fatalf("%d got the name, want one", len(won))
			}
			holds(t, dir, map[string]string{"file": <-won})
		})
	}
}

// The bytes are on stable storage before the file has its name, and the name is before anybody is
// told. If either fails, so does the whole.
func TestSynced(t *testing.T) {
	defer func() { link, flush = os.Link, (*os.File).Sync }()
	noLinks := func(string, string) error { return errors.ErrUnsupported }
	broken := errors.New("the disk is broken")
	for _, test := range []struct {
		name        string
		write       func(path string, data []byte, perm fs.FileMode) error
		link        func(string, string) error
		old         string // what has the name before; empty: nothing
		afterBroken string // what has it if the directory could not be synced
	}{
		{"WriteFile", WriteFile, os.Link, "old", "new"},
		{"CreateFile", CreateFile, os.Link, "", ""},
		{"CreateFile without links", CreateFile, noLinks, "", ""},
	} {
		for failing := range 3 {
			if failing == 2 && runtime.GOOS == "windows" { // which syncs directories by itself
				continue
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "file")
			holding := map[string]string{}
			if test.old != "" {
				holding["file"] = test.old
				if err := os.WriteFile(path, []byte(test.old), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var steps []string
			link = test.link
			flush = func(f *os.File) error {
				text, _ := os.ReadFile(f.Name())
				named, _ := os.ReadFile(path)
				what := "the directory"
				if f.Name() != dir {
					what = string(text)
				}
				steps = append(steps, fmt.Sprintf("%s while the name has %q", what, named))
				if len(steps) == failing {
					return broken
				}
				return f.Sync()
			}
			err := test.write(path, []byte("new"), 0o600)
			want := []string{fmt.Sprintf("new while the name has %q", test.old), `the directory while the name has "new"`}
			if runtime.GOOS == "windows" {
				want = want[:1]
			}
			switch failing {
			case 0:
				holding["file"] = "new"
			case 1:
				want = want[:1]
			case 2:
				if holding["file"] = test.afterBroken; test.afterBroken == "" {
					delete(holding, "file")
				}
			}
			if (failing > 0) != errors.Is(err, broken) || err != nil && failing == 0 {
				t.Errorf("%s, when sync %d fails: got error %v", test.name, failing, err)
			}
			if !slices.Equal(steps, want) {
				t.Errorf("%s, when sync %d fails: got the syncs %q, want %q", test.name, failing, steps, want)
			}
			holds(t, dir, holding)
		}
	}
}

// What another program writes to the temporary file is in the finished one.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	f, err := New(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.TempName(), []byte("by name"), 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), f.Replace()); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	holds(t, dir, map[string]string{"file": "by name"})

	if f, err = New(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("never mind")); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	f.Discard()
	holds(t, dir, map[string]string{"file": "by name"})
}

func TestNew_Fails(t *testing.T) {
	for _, path := range []string{
		filepath.Join(t.TempDir(), "none", "file"),
		filepath.Join(t.TempDir(), "file\x00"),
	} {
		_, err := New(path, 0o600)
		e, ok := errors.AsType[*fs.PathError](err)
		if !ok || e.Path != path {
			t.Errorf("New(%q): got error %v, want one about this path", path, err)
		}
	}
}
