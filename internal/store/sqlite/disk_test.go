package sqlite_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// disk keeps a record of what SQLite does to the files of a directory, which tells what would be
// left of them if the power failed at some moment. The files themselves are written as usual, but
// for the syncs: what is synced counts as that in the record only, and takes no time.
type disk struct {
	*disktest.Disk
	mu       sync.Mutex
	failing  func(file string) bool // decides which syncs fail; nil: none
	refusing func() bool            // decides which writes fail; nil: none
	pause    func()                 // is how long a sync takes; nil: no time
	failures map[disktest.File]int  // of syncs
	calls    []call
}

// call is what SQLite did to a file.
type call struct {
	kind   callKind
	file   string // its name
	offset int64  // of what was written
	data   []byte
	full   bool // a sync asked the disk to empty its own cache, where there is a choice
}

type callKind string

const (
	wrote   callKind = "wrote"
	synced  callKind = "synced"
	removed callKind = "removed"
)

func (d *disk) note(c call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, c)
}

// called returns what SQLite has done so far.
func (d *disk) called() []call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// newDisk begins the record of a directory. What is in it is on the disk.
func newDisk(t testing.TB, dir string) *disk {
	recordFiles()
	record, err := disktest.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{Disk: record, failures: map[disktest.File]int{}}
	disks.Store(dir, d)
	t.Cleanup(func() { disks.Delete(dir) })
	return d
}

// failed counts the syncs of a file that have failed.
func (d *disk) failed(file disktest.File) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.failures[file]
}

func (d *disk) remove(name string, syncDir bool) {
	d.note(call{kind: removed, file: name})
	d.Remove(name)
	if syncDir {
		d.syncDir()
	}
}

// syncDir syncs the directory.
func (d *disk) syncDir() {
	dir, _ := d.Find(".")
	d.Sync(dir, d.Now())
}

// fail lets the function decide from now on which syncs of files, by name, fail; nil: none.
func (d *disk) fail(decide func(file string) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = decide
}

// refuse lets the function decide from now on which writes fail.
func (d *disk) refuse(decide func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusing = decide
}

// slow lets each sync from now on take as long as the function does.
func (d *disk) slow(pause func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pause = pause
}

// write notes that something is written to a file, or refuses it.
func (d *disk) write(f *openFile, offset int64, data []byte) (ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refusing != nil && d.refusing() {
		return false
	}
	d.Write(f.file, offset, data)
	d.calls = append(d.calls, call{kind: wrote, file: f.name, offset: offset, data: data})
	return true
}

// sync syncs a file through one of its handles, or fails to. As on Linux, whatever kept something
// from the disk is told to each handle once.
func (d *disk) sync(f *openFile, flags int32) (ok bool) {
	d.mu.Lock()
	pause := d.pause
	d.mu.Unlock()
	if pause != nil {
		pause()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing != nil && d.failing(f.name) {
		d.failures[f.file]++
		d.FailSync(f.file)
	}
	if f.told < d.failures[f.file] {
		f.told = d.failures[f.file]
		return false
	}
	d.Sync(f.file, d.Now())
	d.calls = append(d.calls, call{kind: synced, file: f.name, full: flags&0x0f == sqlite3.SQLITE_SYNC_FULL})
	if f.syncsDir {
		f.syncsDir = false
		d.syncDir()
	}
	return true
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
	name    string
	file    disktest.File
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
	sqlite.WatchLog(recordLog)
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
	f, opened := at[sqlite3.Tsqlite3_file](file), d.(*disk).Open(base)
	f.FpMethods = wrapped(f.FpMethods, &openFile{
		disk: d.(*disk), name: base, file: opened, told: d.(*disk).failed(opened),
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
	bytes := append([]byte(nil), unsafe.Slice(at[byte](data), n)...)
	if !f.disk.write(f, offset, bytes) {
		return sqlite3.SQLITE_IOERR_WRITE
	}
	return function[writeFunc](f.methods.FxWrite)(tls, file, data, n, offset)
}

var recordTruncate truncateFunc = func(tls *libc.TLS, file uintptr, size int64) int32 {
	f := opened(file)
	f.disk.Cut(f.file, size)
	return function[truncateFunc](f.methods.FxTruncate)(tls, file, size)
}

var recordSync syncFunc = func(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := opened(file)
	if !f.disk.sync(f, flags) {
		return sqlite3.SQLITE_IOERR_FSYNC
	}
	return sqlite3.SQLITE_OK
}

// recordLog records what the store itself writes to a log.
func recordLog(path string, log *os.File) recordedFile {
	d, recorded := disks.Load(filepath.Dir(path))
	if !recorded {
		return log
	}
	file := d.(*disk).Open(filepath.Base(path))
	return &recordedLog{log, &openFile{disk: d.(*disk), name: filepath.Base(path), file: file, told: d.(*disk).failed(file)}}
}

type recordedFile = interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

type recordedLog struct {
	*os.File
	opened *openFile
}

func (l *recordedLog) WriteAt(p []byte, at int64) (int, error) {
	if !l.opened.disk.write(l.opened, at, bytes.Clone(p)) {
		return 0, syscall.EIO
	}
	return l.File.WriteAt(p, at)
}

func (l *recordedLog) Sync() error {
	if !l.opened.disk.sync(l.opened, sqlite3.SQLITE_SYNC_FULL) {
		return syscall.EIO
	}
	return nil
}
