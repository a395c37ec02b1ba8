package sqlite_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk keeps a record of what SQLite does to the files of a directory, so that it can tell what
// would be left of them if the power failed at some moment. The files themselves are written as
// usual, but for the syncs: what is synced counts as that in the record only, and takes no time.
type disk struct {
	mu       sync.Mutex
	events   []event
	failing  func() bool    // decides which syncs fail; nil: none
	failures map[int]int    // of syncs, by file
	weak     int            // syncs that did not ask the disk to empty its own cache, where there is a choice
	files    int            // that were ever made
	named    map[string]int // of these, those that have a name now
}

// event is something that was done to a file, or to the directory.
type event struct {
	kind   eventKind
	file   int    // -1: the directory
	name   string // that the directory was given, or has lost
	offset int64  // of written bytes; the size of a file that was cut
	data   []byte // that was written
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

// directory is the file of an event that is about the names of files.
const directory = -1

// newDisk begins the record of a directory, which must be empty.
func newDisk(t testing.TB, dir string) *disk {
	recordFiles()
	d := &disk{named: map[string]int{}, failures: map[int]int{}}
	disks.Store(dir, d)
	t.Cleanup(func() { disks.Delete(dir) })
	return d
}

func (d *disk) note(e event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, e)
}

// opened returns the file of a name, which it makes if there is none.
func (d *disk) opened(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	file, ok := d.named[name]
	if !ok {
		file = d.files
		d.files++
		d.named[name] = file
		d.events = append(d.events, event{kind: named, file: file, name: name})
	}
	return file
}

// failed counts the syncs of a file that have failed.
func (d *disk) failed(name string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failures[d.named[name]]
}

// left puts a file into the empty directory that an earlier process has left there. Unless it was
// synced, nobody knows how much of it is on the disk, and no later sync makes up for that.
func (d *disk) left(t testing.TB, dir, name string, data []byte, isSynced bool) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	file := d.opened(name)
	d.note(event{kind: written, file: file, data: data})
	if isSynced {
		d.note(event{kind: synced, file: file})
	} else {
		d.note(event{kind: unsynced, file: file})
	}
	d.note(event{kind: synced, file: directory})
}

func (d *disk) remove(name string, syncDir bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.named, name)
	d.events = append(d.events, event{kind: removed, name: name})
	if syncDir {
		d.events = append(d.events, event{kind: synced, file: directory})
	}
}

// fail lets the function decide from now on which syncs fail; nil: none.
func (d *disk) fail(decide func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = decide
}

// sync syncs a file through one of its handles, or fails to. As on Linux, whatever kept something
// from the disk is told to each handle once.
func (d *disk) sync(f *openFile, flags int32) (ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if flags&0x0f != sqlite3.SQLITE_SYNC_FULL {
		d.weak++
	}
	if d.failing != nil && d.failing() {
		d.failures[f.file]++
		d.events = append(d.events, event{kind: unsynced, file: f.file})
	}
	if f.told < d.failures[f.file] {
		f.told = d.failures[f.file]
		return false
	}
	d.events = append(d.events, event{kind: synced, file: f.file})
	if f.syncsDir {
		f.syncsDir = false
		d.events = append(d.events, event{kind: synced, file: directory})
	}
	return true
}

// now is the present moment: the number of events so far.
func (d *disk) now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.events)
}

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// afterPowerLoss returns the files as they may be if the power fails at a moment. What was done to
// a file before its last sync is there. Of what came after it, luck decides about each sector.
// Names come and go in their order, as file systems with a journal see to, so luck decides how many
// of the latest are lost.
func (d *disk) afterPowerLoss(moment int, luck *rand.Rand) map[string][]byte {
	d.mu.Lock()
	events, contents := d.events[:moment], make([][]byte, d.files)
	d.mu.Unlock()
	safe := make([]bool, moment) // which events are on the disk
	pending := map[int][]int{}   // events of each file that no sync has followed yet
	size, namesKept := map[int]int64{}, 0
	for i, e := range events {
		switch e.kind {
		case synced:
			for _, earlier := range pending[e.file] {
				safe[earlier] = true
			}
			pending[e.file] = nil
			if e.file == directory {
				namesKept = i
			}
		case unsynced: // what was to be synced may never be written, whatever is synced later
			pending[e.file] = nil
		case written, cut:
			pending[e.file] = append(pending[e.file], i)
			size[e.file] = max(size[e.file], e.offset+int64(len(e.data)))
		}
	}
	for file, n := range size {
		contents[file] = make([]byte, 0, n)
	}
	kept := luck.Float64() // some losses keep nearly all, and some nearly nothing
	namesKept += luck.IntN(moment - namesKept + 1)
	there := map[string]int{}
	for i, e := range events {
		lucky := func() bool { return safe[i] || luck.Float64() < kept }
		switch e.kind {
		case written:
			f := contents[e.file]
			for at := 0; at < len(e.data); {
				n := min(sector-int(e.offset+int64(at))%sector, len(e.data)-at)
				if lucky() {
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
			if int64(len(contents[e.file])) > e.offset && lucky() {
				clear(contents[e.file][e.offset:])
				contents[e.file] = contents[e.file][:e.offset]
			}
		case named:
			if i < namesKept {
				there[e.name] = e.file
			}
		case removed:
			if i < namesKept {
				delete(there, e.name)
			}
		}
	}
	files := map[string][]byte{}
	for name, file := range there {
		files[name] = contents[file]
	}
	return files
}

// writeFiles makes a directory have these files only.
func writeFiles(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	old, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range old {
		if err := os.Remove(filepath.Join(dir, f.Name())); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// SQLite reaches files through tables of functions, its VFS. recordFiles puts functions of ours
// before some of them, for the whole process. Everything else is the driver's, as in production.

var (
	disks sync.Map // of directories to *disk
	opens sync.Map // of sqlite3_file, by address, to *openFile
)

// openFile is a file that SQLite has opened in the directory of a disk.
type openFile struct {
	disk    *disk
	file    int                          // of the disk
	told    int                          // how many of the failures of the file this handle was told of
	methods *sqlite3.Tsqlite3_io_methods // of the driver

	// syncsDir says that the next sync of the file is one of its directory, too. SQLite does so once
	// for a journal or a log that it may have made.
	syncsDir bool
}

type (
	openFunc     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteFunc   = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
	closeFunc    = func(tls *libc.TLS, file uintptr) int32
	writeFunc    = func(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32
	truncateFunc = func(tls *libc.TLS, file uintptr, size int64) int32
	syncFunc     = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// at returns what an address of the driver leads to.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// function returns the function that a table of the driver names.
func function[F any](entry uintptr) F { return *(*F)(unsafe.Pointer(&entry)) }

// entry is what names a function in such a table. The function must live for ever.
func entry[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

var recordFiles = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	standard := sqlite3.Xsqlite3_vfs_find(tls, 0)
	vfs := at[sqlite3.Tsqlite3_vfs](libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{}))))
	*vfs = *at[sqlite3.Tsqlite3_vfs](standard)
	name, err := libc.CString("recorded")
	if err != nil {
		panic(err)
	}
	vfs.FzName = name
	vfs.FxOpen, vfs.FxDelete = entry(recordOpen), entry(recordDelete)
	driverVFS = standard
	if code := sqlite3.Xsqlite3_vfs_register(tls, uintptr(unsafe.Pointer(vfs)), 1); code != sqlite3.SQLITE_OK {
		panic(code)
	}
})

var driverVFS uintptr // that of the driver

var recordOpen openFunc = func(tls *libc.TLS, _, name, file uintptr, flags int32, outFlags uintptr) int32 {
	open := function[openFunc](at[sqlite3.Tsqlite3_vfs](driverVFS).FxOpen)
	code := open(tls, driverVFS, name, file, flags, outFlags)
	if code != sqlite3.SQLITE_OK || name == 0 {
		return code
	}
	dir, base := filepath.Split(libc.GoString(name))
	d, recorded := disks.Load(filepath.Clean(dir))
	if !recorded {
		return code
	}
	f := at[sqlite3.Tsqlite3_file](file)
	f.FpMethods = wrapped(f.FpMethods, &openFile{
		disk: d.(*disk), file: d.(*disk).opened(base), told: d.(*disk).failed(base),
		syncsDir: flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&(sqlite3.SQLITE_OPEN_MAIN_JOURNAL|sqlite3.SQLITE_OPEN_WAL) != 0,
	}, file)
	return code
}

// wrapped returns the table of the functions of a file, with ours in it.
func wrapped(methods uintptr, f *openFile, file uintptr) uintptr {
	f.methods = at[sqlite3.Tsqlite3_io_methods](methods)
	opens.Store(file, f)
	if table, ok := tables.Load(methods); ok {
		return uintptr(unsafe.Pointer(table.(*sqlite3.Tsqlite3_io_methods)))
	}
	ours := *f.methods
	ours.FxClose, ours.FxWrite, ours.FxTruncate, ours.FxSync = entry(recordClose), entry(recordWrite), entry(recordTruncate), entry(recordSync)
	table, _ := tables.LoadOrStore(methods, &ours)
	return uintptr(unsafe.Pointer(table.(*sqlite3.Tsqlite3_io_methods)))
}

var tables sync.Map // of tables of the driver, by address, to *sqlite3.Tsqlite3_io_methods

func opened(file uintptr) *openFile {
	f, _ := opens.Load(file)
	return f.(*openFile)
}

var recordDelete deleteFunc = func(tls *libc.TLS, _, name uintptr, syncDir int32) int32 {
	dir, base := filepath.Split(libc.GoString(name))
	if d, recorded := disks.Load(filepath.Clean(dir)); recorded {
		d.(*disk).remove(base, syncDir != 0)
	}
	return function[deleteFunc](at[sqlite3.Tsqlite3_vfs](driverVFS).FxDelete)(tls, driverVFS, name, syncDir)
}

var recordClose closeFunc = func(tls *libc.TLS, file uintptr) int32 {
	f := opened(file)
	opens.Delete(file)
	return function[closeFunc](f.methods.FxClose)(tls, file)
}

var recordWrite writeFunc = func(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
	f := opened(file)
	f.disk.note(event{kind: written, file: f.file, offset: offset, data: append([]byte(nil), unsafe.Slice(at[byte](data), n)...)})
	return function[writeFunc](f.methods.FxWrite)(tls, file, data, n, offset)
}

var recordTruncate truncateFunc = func(tls *libc.TLS, file uintptr, size int64) int32 {
	f := opened(file)
	f.disk.note(event{kind: cut, file: f.file, offset: size})
	return function[truncateFunc](f.methods.FxTruncate)(tls, file, size)
}

var recordSync syncFunc = func(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := opened(file)
	if !f.disk.sync(f, flags) {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	return sqlite3.SQLITE_OK
}
