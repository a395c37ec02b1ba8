package bulk

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
)

// State is how far a job has come, as its ledger tells.
type State string

const (
	JobRunning    State = "running"     // a program is working with the ledger
	JobStopped    State = "stopped"     // before its end: it can be resumed
	JobFinished   State = "finished"    // all its rows have an end
	JobRolledBack State = "rolled back" // it had finished, and then another job undid it
	JobDamaged    State = "damaged"     // the ledger cannot be read
)

// Job is what the ledger of a job tells to those who only look. Of a ledger that is damaged nothing
// is known but its path and, if its first line is sound, its head.
type Job struct {
	*Ledger
	State State
	// RolledBack is the ledger of the job that undid this one, empty if there is none in the same
	// folder.
	RolledBack string
	Damage     error // why the ledger cannot be read

	Done, Failed, Skipped int // rows
	Left                  int // rows that have no end yet
	Retriable             int // rows that have failed, and may succeed when they are tried again
}

// errNoLedger is the error of a file that is no ledger: no job knows it.
var errNoLedger = errors.New("no ledger")

// CanRollBack reports whether [Account.Rollback] may have something to undo. A row that was sent
// may be done: its answer was lost.
func (j *Job) CanRollBack() bool {
	_, problem := j.Undo()
	return problem == "" && j.State != JobRolledBack && (j.Done > 0 || j.Count(Sent) > 0)
}

// LookAt reads the ledger of a job. It locks and changes nothing, so the job may be running. A file
// that is no ledger, and a ledger that is damaged, are an [*InputError].
func LookAt(path string) (*Job, error) { return NewWatch(path).Look() }

// Watch looks at the ledger of a job again and again.
type Watch struct {
	path string
	file os.FileInfo // that was read
	read *reading    // nil: nothing was
}

// NewWatch returns a watch of a ledger, which has not looked at it yet.
func NewWatch(path string) *Watch { return &Watch{path: path} }

// Look is [LookAt], and reads only what was added since it looked before. The rows of the job are
// the watch's: they change when it looks again.
func (w *Watch) Look() (*Job, error) {
	path := w.path
	j, err := w.look()
	if errors.Is(err, errNoLedger) {
		err = badInput(path, 1, "this is neither a plan nor a ledger")
		if info, problem := os.Stat(path); problem != nil || info.Mode().IsRegular() {
			_, problem = ReadLedger(path) // it knows better what the file is
			err = cmp.Or(problem, err)
		}
	}
	if err == nil && j.State == JobDamaged {
		err = j.Damage
	}
	if err != nil {
		return nil, err
	}
	if j.State == JobRunning { // nothing undoes it yet
		return j, nil
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	j.settle(undoing(filepath.Dir(path), files), nil)
	return j, nil
}

// Jobs returns the jobs that have their ledgers in a folder, in the order in which they began. All
// other files are passed over. The jobs have no rows.
func Jobs(dir string) ([]*Job, error) {
	files, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, badInput("", 0, "%v", err)
	}
	undone := undoing(dir, files)
	var jobs []*Job
	for _, file := range files {
		j, err := lookAt(filepath.Join(dir, file.Name()))
		if errors.Is(err, errNoLedger) {
			continue
		}
		if err != nil {
			return nil, err
		}
		j.settle(undone, nil)
		j.Rows = nil
		jobs = append(jobs, j)
	}
	slices.SortStableFunc(jobs, func(a, b *Job) int { return a.Began.Compare(b.Began) })
	return jobs, nil
}

// lookAt reads a ledger, without knowing of others. The error is errNoLedger for any other file.
func lookAt(path string) (*Job, error) { return NewWatch(path).look() }

// look is lookAt, and reads only what was added.
func (w *Watch) look() (*Job, error) {
	path := w.path
	j := &Job{Ledger: &Ledger{Path: path}}
	file, err := openLedger(path)
	if errors.Is(err, errNoLedger) {
		return nil, err
	}
	if err != nil {
		j.State, j.Damage = JobDamaged, err
		return j, nil
	}
	defer file.Close()
	head, err := ReadHead(file)
	if err == nil && head.Job == "" {
		return nil, errNoLedger // but a plan
	}
	if err != nil {
		j.State, j.Damage = JobDamaged, badInput(path, 1, "%v", err)
		return j, nil
	}
	running, err := busy(file)
	if err != nil {
		return nil, err
	}
	err = w.add(file)
	switch {
	case err == nil:
		j.Ledger = w.read.Ledger
		j.count()
	case !running: // while it is, its plan may not be whole yet
		j.Head, j.State, j.Damage = head, JobDamaged, err
		return j, nil
	default:
		j.Head = head
	}
	switch {
	case running:
		j.State = JobRunning
	case j.Left > 0:
		j.State = JobStopped
	default:
		j.State = JobFinished
	}
	return j, nil
}

// add reads what a file has beyond what was read of it: all of another file, and of one that was
// cut.
func (w *Watch) add(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if w.read == nil || !os.SameFile(w.file, info) || info.Size() < w.read.whole {
		w.read = &reading{Ledger: &Ledger{Path: w.path}}
	}
	w.file = info
	if _, err = file.Seek(w.read.whole, io.SeekStart); err == nil {
		err = w.read.read(file)
	}
	if err != nil {
		w.read = nil
	}
	return err
}

// openLedger opens a file that begins like a plan or a ledger. The error is errNoLedger for any
// other file, and for what is no file: to open a pipe would mean to wait.
func openLedger(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, errNoLedger
	}
	file, err := os.Open(path)
	if err != nil && !strings.HasSuffix(path, ".jsonl") {
		return nil, errNoLedger // as far as anybody can see
	}
	if err != nil {
		return nil, badInput("", 0, "opening the ledger: %v", err)
	}
	if !IsPlan(bufio.NewReaderSize(file, 64)) {
		file.Close()
		return nil, errNoLedger
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// IsLedger reports whether a file is the ledger of a job, even one that is damaged or of another
// version. An error means that nobody can tell.
func IsLedger(path string) (bool, error) {
	file, err := openLedger(path)
	if errors.Is(err, errNoLedger) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	text, _ := sheet.ReadLine(bufio.NewReader(file))
	v, _ := document.Parse(string(bytes.TrimSpace(text)))
	head, _ := v.(*document.Object)
	return head == nil || head.Text(kindKey) != planKind, nil
}

// count counts the rows by their states.
func (j *Job) count() {
	j.Retriable = j.CountRetriable()
	for i := range j.Rows {
		switch j.Rows[i].Status {
		case Done:
			j.Done++
		case Failed:
			j.Failed++
		case Skipped:
			j.Skipped++
		default:
			j.Left++
		}
	}
}

// undoing returns the ledgers in a folder that roll jobs back, by those jobs.
func undoing(dir string, files []os.DirEntry) map[string][]string {
	undone := map[string][]string{}
	for _, file := range files {
		path := filepath.Join(dir, file.Name())
		if f, err := openLedger(path); err == nil {
			if head, err := ReadHead(f); err == nil && head.Job != "" && head.Undoes != "" {
				undone[head.Undoes] = append(undone[head.Undoes], path)
			}
			f.Close()
		}
	}
	return undone
}

// settle finds out whether another job has undone this one, and was not undone itself. seen are the
// jobs that are being settled: a ledger that somebody has edited may go round in circles.
func (j *Job) settle(undone map[string][]string, seen []string) {
	if j.State != JobFinished || slices.Contains(seen, j.Job) {
		return
	}
	most := 0 // rows that one of them has done, if several have
	for _, path := range undone[j.Job] {
		back, err := lookAt(path)
		if err != nil || back.State != JobFinished || back.Done <= most {
			continue
		}
		if back.settle(undone, append(seen, j.Job)); back.State == JobFinished {
			j.State, j.RolledBack, most = JobRolledBack, path, back.Done
		}
	}
}
