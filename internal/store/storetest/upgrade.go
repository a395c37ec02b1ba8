package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

// Release says who opens a database.
type Release struct {
	Next   bool // a release that brings one more migration, see [NextRelease]
	Beside bool // a command beside a service, not the service itself
}

// RunUpgrade tests that a release does not change the schema that an older service relies on: its
// commands wait until its service has upgraded the schema, and the older release is refused from
// then on. open returns a function that opens one and the same database again and again.
func RunUpgrade(t *testing.T, open func(*testing.T) func(Release) (store.Store, error)) {
	service, command := Release{}, Release{Beside: true}
	nextService, nextCommand := Release{Next: true}, Release{Next: true, Beside: true}
	t.Run("Used", func(t *testing.T) {
		opener := open(t)
		opens := func(by Release) store.Store {
			t.Helper()
			s, err := opener(by)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		refused := func(by Release, want error, says string) {
			t.Helper()
			s, err := opener(by)
			if err == nil {
				s.Close()
			}
			if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
				t.Errorf("got error %v, want %v, and it to say %q", err, want, says)
			}
		}
		old := opens(service)
		Update(t, old, Insert("a1", "u1"))
		opens(command).Close()
		refused(nextCommand, store.ErrOlderSchema, "start carillon serve of this release")
		Update(t, old, Insert("a1", "u2"))
		opens(service).Close() // the schema is still that of the older release
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}

		upgraded := opens(nextService)
		defer upgraded.Close()
		if got := UserIDs(t, upgraded, "a1"); len(got) != 2 {
			t.Errorf("users after the upgrade: got %v, want 2", got)
		}
		opens(nextCommand).Close()
		refused(command, store.ErrNewerSchema, "run that release")
		refused(service, store.ErrNewerSchema, "run that release")
	})
	t.Run("Empty", func(t *testing.T) { // no service relies on it yet
		s, err := open(t)(nextCommand)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		Update(t, s, Insert("a1", "u1"))
	})
}
