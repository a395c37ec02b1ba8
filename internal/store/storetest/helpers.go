package storetest

import (
	"context"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/carillon-project/carillon/internal/store"
)

// Update runs an update that must succeed.
func Update(t testing.TB, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// Insert returns an update that adds a registered user to an account.
func Insert(accountID, id string) func(store.Tx) error {
	return func(tx store.Tx) error {
		return tx.InsertUsers([]store.User{
			{AccountID: accountID, UserID: id, Email: id + "@example.com", Registration: "Registered"},
		})
	}
}

// UserIDs returns the ids of the users of an account, in the order of the listing.
func UserIDs(t testing.TB, s store.Store, accountID string) []string {
	t.Helper()
	var users []store.User
	err := s.View(context.Background(), func(r store.ReadTx) (err error) {
		users, _, err = r.ListUsers(accountID, store.UserFilter{}, 0, 1_000_000)
		return err
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return ids(users)
}

// NextRelease returns the migrations of an engine as a release has them that brings one more.
func NextRelease(files fs.FS) fs.FS {
	names, err := fs.Glob(files, "migrations/*.sql")
	if err != nil {
		panic(err)
	}
	all := fstest.MapFS{
		fmt.Sprintf("migrations/%04d_next.sql", len(names)+1): {Data: []byte("CREATE TABLE next (id INTEGER PRIMARY KEY);")},
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		all[name] = &fstest.MapFile{Data: text}
	}
	return all
}

// FirstRelease returns the migrations of an engine as the first release had them.
func FirstRelease(files fs.FS) fs.FS {
	const name = "migrations/0001_directory.sql"
	text, err := fs.ReadFile(files, name)
	if err != nil {
		panic(err)
	}
	return fstest.MapFS{name: {Data: text}}
}
