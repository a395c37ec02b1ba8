package console

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/testmode"
)

// states are what a service for tests can go back to, beside its seed.
type states struct {
	Snapshots []snapshot
	Name      string // of a new one, as somebody has typed it
	None      string // why the storage has none, if it cannot
}

// snapshot is a state with a name.
type snapshot struct {
	Name  string
	Time  time.Time
	Bytes int64
}

// Size writes the size for people.
func (s snapshot) Size() string { return sizeOf(s.Bytes) }

// states asks which states there are.
func (v *visit) states() (s states, err error) {
	err = v.askTests(http.MethodGet, "snapshot", nil, &s)
	if refused, ok := errors.AsType[errRefused](err); ok {
		return states{None: refused.message}, nil
	}
	return s, err
}

// reset takes the service back to its seed, with or without its data.
func (c *Console) reset(v *visit) (*change, error) {
	ch := v.faultChange(say("states.reset"), "done.reset", testRequest{http.MethodPost, "reset", nil, "carillon reset"}, faultsPage{})
	ch.Will, ch.Final = say("states.reset.all"), true
	if v.r.FormValue("keep") != "" {
		ch.Will, ch.request.path, ch.request.command = say("states.reset.kept"), "reset?data=0", "carillon reset --keep-data"
	}
	return ch, nil
}

func (c *Console) saveSnapshot(v *visit) (*change, error) {
	name := v.r.FormValue("snapshot")
	ch := v.snapshotChange("states.save", "done.snapshot-saved", http.MethodPost, "save", name)
	if err := testmode.CheckSnapshotName(name); err != nil {
		ch.wrong = err.Error()
	}
	return ch, nil
}

func (c *Console) loadSnapshot(v *visit) (*change, error) {
	ch, err := v.changeOfSnapshot("states.load", "done.snapshot-loaded", http.MethodPut, "load")
	if err != nil {
		return nil, err
	}
	ch.Will, ch.Final = say("states.load.will", ch.About), true
	return ch, nil
}

func (c *Console) deleteSnapshot(v *visit) (*change, error) {
	ch, err := v.changeOfSnapshot("states.delete", "done.snapshot-deleted", http.MethodDelete, "delete")
	if err != nil {
		return nil, err
	}
	ch.Will, ch.Final = say("states.delete.will", ch.About), true
	return ch, nil
}

// changeOfSnapshot returns a change of the snapshot that the path names.
func (v *visit) changeOfSnapshot(title, said, method, word string) (*change, error) {
	name := v.r.PathValue("snapshot")
	s, err := v.states()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(s.Snapshots, func(s snapshot) bool { return s.Name == name }) {
		return nil, refusing(http.StatusNotFound, "states.gone", name)
	}
	return v.snapshotChange(title, said, method, word, name), nil
}

// snapshotChange returns a change of a snapshot. word is that of its command, after carillon
// snapshot.
func (v *visit) snapshotChange(title, said, method, word, name string) *change {
	ch := v.faultChange(say(title), said, testRequest{method, "snapshot/" + name, nil, "carillon snapshot " + word + " " + operand(name)},
		faultsPage{States: states{Name: v.r.FormValue("snapshot")}})
	ch.About = name
	return ch
}
