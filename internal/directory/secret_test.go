package directory_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
)

// All keys work before, during and after a rotation, for a service that runs and keeps what it has
// read, and a key that is made meanwhile is no exception.
func TestRotateSecret(t *testing.T) {
	h := newHouse(t)
	file := filepath.Join(t.TempDir(), "key")
	keysOf := func() *directory.Keys {
		t.Helper()
		sealer := ok[*seal.Sealer](t)(seal.FromFile(t.Context(), h.store, file))
		return directory.NewKeys(h.store, sealer, directory.Options{Clock: func() time.Time { return now }, Operator: "alice"})
	}
	service, operator, late := keysOf(), keysOf(), keysOf()
	all := []directory.Key{ensure(t, service, "", "", directory.RootMadeUp)}
	for _, aws := range []string{awsAccount, foreignAccount} {
		all = append(all, ok[directory.Key](t)(service.Create(t.Context(), directory.NewKey{AWSAccountID: aws, Name: "ci", Policy: "AmazonChimeFullAccess"})))
	}
	disabled := ok[directory.Key](t)(service.Disable(t.Context(), all[1].ID))
	all[1].Disabled = disabled.Disabled
	n := len(h.audit())

	for _, forget := range []bool{false, false, true, true} { // the second carries the first through
		if got := ok[int](t)(operator.RotateSecret(t.Context(), forget)); got != 3 {
			t.Errorf("RotateSecret: got %d keys, want 3", got)
		}
		for _, keys := range []*directory.Keys{service, operator, keysOf()} {
			for _, key := range all {
				holds(t, keys, key)
			}
		}
	}
	made := ok[directory.Key](t)(late.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "late", Policy: "AmazonChimeFullAccess"}))
	holds(t, keysOf(), made)
	rotated, forgotten := `RotateSecret `+awsAccount+`  {"AccessKeys": 2}`, `ForgetSecret `+awsAccount+`  {"AccessKeys": 2}`
	equal(t, "audit", h.audited(n)[:4], []string{rotated, forgotten, rotated, forgotten})
}

// What is lost with the secret key are the access keys, and nothing else.
func TestRecoverSecret(t *testing.T) {
	h := newHouse(t)
	h.addAccount("acme", "Team")
	file := filepath.Join(t.TempDir(), "key")
	sealer := ok[*seal.Sealer](t)(seal.FromFile(t.Context(), h.store, file))
	options := directory.Options{Clock: func() time.Time { return now }, Operator: "alice"}
	keys := directory.NewKeys(h.store, sealer, options)
	root := ensure(t, keys, "", "", directory.RootMadeUp)
	other := ok[directory.Key](t)(keys.Create(t.Context(), directory.NewKey{AWSAccountID: foreignAccount, Name: "ci", Policy: "AmazonChimeFullAccess"}))
	if _, err := directory.RecoverSecret(t.Context(), h.store, file, options); !errors.Is(err, seal.ErrNotLost) {
		t.Errorf("a key that is there: got error %v, want %v", err, seal.ErrNotLost)
	}
	holds(t, keys, root)

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := ok[int](t)(directory.RecoverSecret(t.Context(), h.store, file, options)); got != 2 {
		t.Errorf("RecoverSecret: got %d keys, want 2", got)
	}
	sealer = ok[*seal.Sealer](t)(seal.FromFile(t.Context(), h.store, file))
	keys = directory.NewKeys(h.store, sealer, options)
	for _, key := range []directory.Key{root, other} {
		if _, err := keys.AccessKey(t.Context(), key.ID); !errors.Is(err, directory.ErrUnknownKey) {
			t.Errorf("key %s: got error %v, want %v", key.ID, err, directory.ErrUnknownKey)
		}
	}
	trail := h.audit()
	if last := trail[len(trail)-1]; last.Operation != "RecoverSecret" || last.KeyName != "operator/alice" || last.After != `{"AccessKeys": 1}` {
		t.Errorf("audit: got %+v last, want the recovery by operator/alice", last)
	}
	holds(t, keys, ensure(t, keys, "", "", directory.RootMadeUp))
	h.must("GetAccount", "accountId=acme", "", "")
}

func TestHasLiveKey(t *testing.T) {
	keys, h, _ := newKeys(t)
	clock := now
	live := func(want bool) {
		t.Helper()
		got := ok[bool](t)(directory.HasLiveKey(t.Context(), h.store, directory.Options{Clock: func() time.Time { return clock }}))
		if got != want {
			t.Errorf("HasLiveKey: got %t, want %t", got, want)
		}
	}
	live(false)
	root := ensure(t, keys, "", "", directory.RootMadeUp)
	live(true)
	ok[directory.Key](t)(keys.Disable(t.Context(), root.ID))
	live(false)
	ok[directory.Key](t)(keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "ci", Policy: "AmazonChimeFullAccess", Expires: now.Add(time.Hour)}))
	live(true)
	clock = now.Add(time.Hour)
	live(false)
}
