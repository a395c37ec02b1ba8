package store_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

// A release does not change the schema beneath an older one that is serving: its commands wait until
// its service has upgraded the schema, and those of the older release are refused from then on.
func TestUpgrade(t *testing.T) {
	engines := []struct {
		name string
		open func(t *testing.T) func(store.Options) (store.Store, error)
	}{
		{"SQLite", func(t *testing.T) func(store.Options) (store.Store, error) {
			dir := t.TempDir()
			return func(opts store.Options) (store.Store, error) { return store.OpenSQLite(t.Context(), dir, opts) }
		}},
		{"Postgres", func(t *testing.T) func(store.Options) (store.Store, error) {
			url := newSchema(t)
			return func(opts store.Options) (store.Store, error) { return store.OpenPostgres(t.Context(), url, opts) }
		}},
	}
	service, command := store.Options{}, store.Options{Beside: true}
	for _, engine := range engines {
		t.Run(engine.name, func(t *testing.T) {
			opener := engine.open(t)
			open := func(opts store.Options) store.Store {
				t.Helper()
				s, err := opener(opts)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			refused := func(opts store.Options, want error, says string) {
				t.Helper()
				s, err := opener(opts)
				if err == nil {
					s.Close()
				}
				if !errors.Is(err, want) || !strings.Contains(err.Error(), says) {
					t.Errorf("got error %v, want %v, and it to say %q", err, want, says)
				}
			}
			old := open(service)
			update(t, old, insert("a1", "u1"))
			open(command).Close()
			refused(command.NextRelease(), store.ErrOlderSchema, "start carillon serve of this release")
			update(t, old, insert("a1", "u2"))
			open(service).Close() // the schema is still that of the older release
			if err := old.Close(); err != nil {
				t.Fatal(err)
			}

			upgraded := open(service.NextRelease())
			defer upgraded.Close()
			if got := userIDs(t, upgraded, "a1"); len(got) != 2 {
				t.Errorf("users after the upgrade: got %v, want 2", got)
			}
			open(command.NextRelease()).Close()
			refused(command, store.ErrNewerSchema, "run that release")
			refused(service, store.ErrNewerSchema, "run that release")
		})
		t.Run(engine.name+" empty", func(t *testing.T) { // what nobody serves yet a command may make
			s, err := engine.open(t)(command.NextRelease())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			update(t, s, insert("a1", "u1"))
		})
	}
}
