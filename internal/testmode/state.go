package testmode

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/nearest"
	"github.com/carillon-project/carillon/internal/store"
)

// SnapshotsDir is the directory, within that of the data, which has the snapshots.
const SnapshotsDir = "snapshots"

// Suffix of the files of snapshots, and the file of the seed, which is a name that no snapshot has.
const (
	stateSuffix = ".db"
	seedFile    = ".seed" + stateSuffix
)

// saver is a store that can save what it holds in a file, and hold again what is in one, all at
// once. loaded is called before anything else is done with what the store holds then.
type saver interface {
	Save(ctx context.Context, file string) error
	Load(ctx context.Context, file string, loaded func(store.ReadTx) error) error
}

// States keeps what the store of a service holds at some moments: the seed, which is what a reset
// goes back to, and snapshots, which have names. They are files, and outlive a restart. The clock
// is in them.
type States struct {
	Forget func()                          // drops what is known of the data beside the store; it must not wait for the store
	Ready  func(ctx context.Context) error // does to the store what a start does

	store    saver
	dir      string
	changing sync.Mutex // held while a state is saved, loaded or deleted
}

// OpenStates returns the states in a directory, which it makes (mode 0700). It returns nil if the
// store cannot save what it holds.
func OpenStates(st store.Store, dir string) (*States, error) {
	s, ok := st.(saver)
	if !ok {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating directory of snapshots: %w", err)
	}
	// What processes have left that were killed.
	partial, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+stateSuffix+".partial-*"))
	if err != nil {
		return nil, err
	}
	for _, file := range partial {
		os.Remove(file)
	}
	return &States{store: s, dir: dir}, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(s)
}

// HasSeed reports whether there is a seed.
func (s *States) HasSeed() (bool, error) {
	_, err := os.Lstat(filepath.Join(s.dir, seedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// SaveSeed makes what the store holds the seed, unless there is one.
func (s *States) SaveSeed(ctx context.Context) error {
	if has, err := s.HasSeed(); has || err != nil {
		return err
	}
	return s.store.Save(ctx, filepath.Join(s.dir, seedFile))
}

// snapshot is what is told of one.
type snapshot struct {
	Name  string `json:"name"`
	Time  string `json:"time"` // of the machine, when it was saved
	Bytes int64  `json:"bytes"`
}

// list returns the snapshots, by name.
func (s *States) list() ([]snapshot, error) {
	entries, err := os.ReadDir(s.dir) // sorted
	if err != nil {
		return nil, err
	}
	all := []snapshot{}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), stateSuffix)
		if !ok || CheckSnapshotName(name) != nil {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() { // it may have been removed just now
			all = append(all, snapshot{name, api.FormatTime(info.ModTime()), info.Size()})
		}
	}
	return all, nil
}

// find returns the snapshot with a name.
func (s *States) find(name string) (snapshot, error) {
	all, err := s.list()
	if err != nil {
		return snapshot{}, err
	}
	var names []string
	for _, one := range all {
		if one.Name == name {
			return one, nil
		}
		names = append(names, one.Name)
	}
	return snapshot{}, &unknownName{name, names}
}

// unknownName is the error for the name of no snapshot.
type unknownName struct {
	name  string
	names []string // that there are
}

func (e *unknownName) Error() string {
	if near := nearest.Of(e.name, e.names); near != "" {
		return fmt.Sprintf("there is no snapshot %q (did you mean %s?)", e.name, near)
	}
	const shown = 10
	switch n := len(e.names); {
	case n == 0:
		return fmt.Sprintf("there is no snapshot %q, and no other: none was saved", e.name)
	case n > shown:
		return fmt.Sprintf("there is no snapshot %q; there are %s, and %d others", e.name, strings.Join(e.names[:shown], ", "), n-shown)
	default:
		return fmt.Sprintf("there is no snapshot %q; there are %s", e.name, strings.Join(e.names, ", "))
	}
}

// badName is the error for what cannot be a name.
type badName string

func (e badName) Error() string {
	return fmt.Sprintf("a snapshot cannot be called %.80q: a name has 1 to 64 letters from A to Z, digits, -, _ and ., and does not begin with .", string(e))
}

// CheckSnapshotName checks what is to be the name of a snapshot, and so of a file. Clients ask it
// before they make a path of the name: ".." would lead elsewhere.
func CheckSnapshotName(name string) error {
	for i, r := range name {
		switch {
		case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '-', r == '_', r == '.' && i > 0:
		default:
			return badName(name)
		}
	}
	if name == "" || len(name) > 64 || !filepath.IsLocal(name+stateSuffix) { // Windows has names of its own
		return badName(name)
	}
	return nil
}

func (s *States) file(name string) string { return filepath.Join(s.dir, name+stateSuffix) }

// load makes a saved state that of the service: data, clock, and nothing that is known of the
// former data.
func (m *Mode) load(ctx context.Context, file string, also func()) error {
	m.Clock.changing.Lock()
	defer m.Clock.changing.Unlock()
	err := m.States.store.Load(ctx, file, func(tx store.ReadTx) error {
		state, err := readClock(tx)
		if err != nil {
			return err
		}
		m.Clock.state.Store(&state)
		m.States.Forget()
		if m.Faults != nil {
			m.Faults.addresses.forget()
		}
		also()
		return nil
	})
	if err != nil {
		return err
	}
	return m.States.Ready(context.WithoutCancel(ctx)) // the caller may have left
}

// errNoStates says what to do where the storage cannot save what it holds.
var errNoStates = errors.New("this storage cannot save and load what it holds: serve tests from a directory, " +
	"which is to say without --database-url; POST /_carillon/reset?data=0 resets all but the data here, too")

// withStates runs fn while nothing else does something with states, and answers.
func (m *Mode) withStates(w http.ResponseWriter, fn func() (any, error)) {
	if m.States == nil {
		refuse(w, http.StatusNotImplemented, errNoStates)
		return
	}
	m.States.changing.Lock()
	defer m.States.changing.Unlock()
	body, err := fn()
	if err != nil {
		status := http.StatusInternalServerError
		if _, ok := errors.AsType[badName](err); ok {
			status = http.StatusBadRequest
		} else if _, ok := errors.AsType[*unknownName](err); ok {
			status = http.StatusNotFound
		}
		refuse(w, status, err)
		return
	}
	answer(w, http.StatusOK, body)
}

// nothing is the body of an answer that says no more than its status.
type nothing struct{}

func (m *Mode) reset(w http.ResponseWriter, r *http.Request) {
	keep, err := keepsData(r.URL.RawQuery)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if keep {
		if err := m.Clock.reset(r.Context()); err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		m.resetRest()
		answer(w, http.StatusOK, nothing{})
		return
	}
	m.withStates(w, func() (any, error) {
		return nothing{}, m.load(r.Context(), filepath.Join(m.States.dir, seedFile), m.resetRest)
	})
}

// resetRest resets what is neither data nor the clock.
func (m *Mode) resetRest() {
	if m.Faults != nil {
		m.Faults.Reset()
	}
}

// keepsData reads the query of a reset. One that is not understood must not cost the data.
func keepsData(query string) (bool, error) {
	values, err := url.ParseQuery(query)
	if err == nil {
		for name := range values {
			if name != "data" {
				err = fmt.Errorf("a reset does not take %.40q", name)
			}
		}
	}
	if data := values["data"]; err == nil && len(data) > 0 {
		if !slices.Contains([]string{"0", "1"}, data[0]) || len(data) > 1 {
			err = fmt.Errorf("data is %.40q", data)
		} else if data[0] == "0" {
			return true, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("%w: ?data=0 keeps the data, and is all that can be said", err)
	}
	return false, nil
}

func (m *Mode) listSnapshots(w http.ResponseWriter, r *http.Request) {
	m.withStates(w, func() (any, error) {
		all, err := m.States.list()
		return struct {
			Snapshots []snapshot `json:"snapshots"`
		}{all}, err
	})
}

// onSnapshot is the handler of what is done with the snapshot that the path names.
func (m *Mode) onSnapshot(do func(ctx context.Context, name string) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		m.withStates(w, func() (any, error) {
			name := r.PathValue("name")
			if err := CheckSnapshotName(name); err != nil {
				return nil, err
			}
			return do(r.Context(), name)
		})
	}
}

func (m *Mode) describeSnapshot(_ context.Context, name string) (any, error) {
	return m.States.find(name)
}

func (m *Mode) saveSnapshot(ctx context.Context, name string) (any, error) {
	if err := m.States.store.Save(ctx, m.States.file(name)); err != nil {
		return nil, err
	}
	return m.States.find(name)
}

func (m *Mode) loadSnapshot(ctx context.Context, name string) (any, error) {
	found, err := m.States.find(name)
	if err != nil {
		return nil, err
	}
	return found, m.load(ctx, m.States.file(name), func() {})
}

func (m *Mode) deleteSnapshot(_ context.Context, name string) (any, error) {
	if _, err := m.States.find(name); err != nil {
		return nil, err
	}
	return nothing{}, os.Remove(m.States.file(name))
}

// health is the body of an answer.
type health struct {
	Mode    string `json:"mode"`
	Storage string `json:"storage"`
	Version string `json:"version"`
}

func (m *Mode) showHealth(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, health{Mode: "test", Storage: m.Storage, Version: build.Version()})
}
