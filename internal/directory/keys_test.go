package directory_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

const (
	givenID     = "CARILLON_KEY_0001"
	givenSecret = "sixteen-letters!"
)

func newKeys(t *testing.T) (*directory.Keys, *house, *seal.Sealer) {
	t.Helper()
	h := newHouse(t)
	sealer, err := seal.FromFile(t.Context(), h.store, filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return directory.NewKeys(h.store, sealer, directory.Options{Clock: func() time.Time { return now }}), h, sealer
}

// ensure calls EnsureRootKey and checks what it reports.
func ensure(t *testing.T, keys *directory.Keys, id, secret string, want directory.RootChange) directory.Key {
	t.Helper()
	key, got, err := keys.EnsureRootKey(t.Context(), awsAccount, id, secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("EnsureRootKey(%q): got change %d, want %d", id, got, want)
	}
	return key
}

// holds checks that a key can be looked up as it is.
func holds(t *testing.T, keys *directory.Keys, want directory.Key) {
	t.Helper()
	got, err := keys.AccessKey(t.Context(), want.ID)
	if err != nil {
		t.Fatalf("AccessKey(%q): %v", want.ID, err)
	}
	equal(t, "access key", got, want)
}

func TestRootKeyMadeUp(t *testing.T) {
	keys, h, _ := newKeys(t)
	made := ensure(t, keys, "", "", directory.RootMadeUp)
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(made.ID) || !regexp.MustCompile(`^[A-Za-z0-9+/]{40}$`).MatchString(made.Secret) {
		t.Errorf("made-up pair: got %s and a secret of %d characters, want the form of AWS", made.ID, len(made.Secret))
	}
	equal(t, "key", made, directory.Key{ID: made.ID, AWSAccountID: awsAccount, Name: "root", Root: true, Created: now, Secret: made.Secret})
	holds(t, keys, made)
	equal(t, "second start", ensure(t, keys, "", "", directory.RootUnchanged), made)

	trail := h.audit()
	if len(trail) != 1 || trail[0].Target != made.ID || trail[0].KeyName != "operator" || trail[0].RequestID == "" {
		t.Fatalf("audit: got %+v, want one record of the key, by the operator", trail)
	}
	if r := trail[0]; strings.Contains(r.Before+r.After, made.Secret) {
		t.Errorf("audit: the record holds the secret: %+v", r)
	}

	// Another AWS account has a root key of its own.
	other, change, err := keys.EnsureRootKey(t.Context(), "444455556666", "", "", nil)
	if err != nil || change != directory.RootMadeUp || other.ID == made.ID {
		t.Errorf("another AWS account: got %s, change %d, error %v; want a key of its own", other.ID, change, err)
	}
}

func TestRootKeyGiven(t *testing.T) {
	keys, h, _ := newKeys(t)
	given := ensure(t, keys, givenID, givenSecret, directory.RootGiven)
	equal(t, "key", given, directory.Key{ID: givenID, AWSAccountID: awsAccount, Name: "root", Root: true, Created: now, Secret: givenSecret})
	ensure(t, keys, givenID, givenSecret, directory.RootUnchanged)
	equal(t, "no pair given", ensure(t, keys, "", "", directory.RootUnchanged), given)
	if got := h.audited(0); len(got) != 1 {
		t.Errorf("audit: got %q, want one record", got)
	}
}

func TestRootKeyReplaced(t *testing.T) {
	keys, h, _ := newKeys(t)
	made := ensure(t, keys, "", "", directory.RootMadeUp)
	given := ensure(t, keys, givenID, givenSecret, directory.RootReplaced)
	holds(t, keys, given)
	made.Root, made.Disabled = false, true
	holds(t, keys, made)
	if _, err := keys.Enable(t.Context(), made.ID); exception(err) != api.BadRequestException {
		t.Errorf("a former root key, which has no policy, was enabled: error %v", err)
	}
	if got := h.audited(1); len(got) != 2 || !strings.Contains(got[0], made.ID) || !strings.Contains(got[1], givenID) {
		t.Errorf("audit: got %q, want a record of each key", got)
	}

	// A new secret for the same id, and the way back to a former pair.
	holds(t, keys, ensure(t, keys, givenID, "another-secret-of-mine", directory.RootReplaced))
	back := ensure(t, keys, made.ID, made.Secret, directory.RootReplaced)
	if !back.Root || back.Disabled {
		t.Errorf("a former root key that is given again: got %+v, want it to be the root key", back)
	}
	if former, err := keys.AccessKey(t.Context(), givenID); err != nil || !former.Disabled || former.Root {
		t.Errorf("the key it replaced: got %+v, error %v; want it disabled", former, err)
	}
}

// A root key that is made up is saved before the store has it. If it cannot be saved, there is
// none.
func TestRootKeySaved(t *testing.T) {
	keys, h, _ := newKeys(t)
	full := errors.New("the disk is full")
	var saved []directory.Key
	save := func(problem error) func(directory.Key) error {
		return func(key directory.Key) error {
			if _, err := keys.AccessKey(t.Context(), key.ID); !errors.Is(err, directory.ErrUnknownKey) {
				t.Errorf("when the key is saved: got error %v, want %v", err, directory.ErrUnknownKey)
			}
			saved = append(saved, key)
			return problem
		}
	}
	if _, _, err := keys.EnsureRootKey(t.Context(), awsAccount, "", "", save(full)); !errors.Is(err, full) {
		t.Errorf("a key that cannot be saved: got error %v, want %v", err, full)
	}
	if got := h.audited(0); len(got) != 0 {
		t.Errorf("audit of a key that cannot be saved: got %q, want nothing", got)
	}
	for range 2 { // the second time it is there
		if _, _, err := keys.EnsureRootKey(t.Context(), awsAccount, "", "", save(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if len(saved) != 2 {
		t.Fatalf("got %d keys to save, want 2", len(saved))
	}
	holds(t, keys, saved[1])
}

// What an operator has disabled stays so, though the environment still names it.
func TestRootKeyStaysDisabled(t *testing.T) {
	keys, h, _ := newKeys(t)
	ensure(t, keys, givenID, givenSecret, directory.RootGiven)
	h.write(func(tx store.Tx) error {
		key, err := tx.AccessKey(givenID)
		if err != nil {
			return err
		}
		key.Disabled = true
		return tx.PutAccessKey(key)
	})
	for _, pair := range [][2]string{{givenID, givenSecret}, {"", ""}} {
		if key := ensure(t, keys, pair[0], pair[1], directory.RootUnchanged); !key.Disabled {
			t.Errorf("start with %q has enabled the key", pair)
		}
	}
}

func TestRootKeyRefused(t *testing.T) {
	keys, h, sealer := newKeys(t)
	h.write(func(tx store.Tx) error {
		for _, k := range []store.AccessKey{
			{KeyID: "AKIAREADERREADER", AWSAccountID: awsAccount, Name: "reader", Policy: "AmazonChimeReadOnly"},
			{KeyID: "AKIAFOREIGNFOREI", AWSAccountID: "444455556666", Name: "root", Root: true},
		} {
			var err error
			if k.SealedSecret, err = sealer.Seal(tx, k.KeyID, []byte(givenSecret)); err != nil {
				return err
			}
			if err := tx.PutAccessKey(k); err != nil {
				return err
			}
		}
		return nil
	})
	long := strings.Repeat("k", 129)
	for _, test := range []struct{ aws, id, secret, message string }{
		{"11112222333", givenID, givenSecret, "12 digits"},
		{"11112222333x", "", "", "12 digits"},
		{awsAccount, givenID, "", "without a secret"},
		{awsAccount, "", givenSecret, "without an access key id"},
		{awsAccount, givenID[:15], givenSecret, "16 to 128"},
		{awsAccount, long, givenSecret, "16 to 128"},
		{awsAccount, "CARILLON-KEY-0001", givenSecret, "16 to 128"},
		{awsAccount, givenID, givenSecret[:15], "16 characters"},
		{awsAccount, givenID, givenSecret + "\n", "end of a line"},
		{awsAccount, givenID, givenSecret + "\r", "end of a line"},
		{awsAccount, givenID, " " + givenSecret, "blank"},
		{awsAccount, givenID, "sixteen letters!", "blank"},
		{awsAccount, "AKIAREADERREADER", givenSecret, `"reader"`},
		{awsAccount, "AKIAFOREIGNFOREI", givenSecret, "another AWS account"},
	} {
		_, _, err := keys.EnsureRootKey(t.Context(), test.aws, test.id, test.secret, nil)
		if err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("pair %q, %q of %s: got error %v, want one with %q", test.id, test.secret, test.aws, err, test.message)
		} else if test.secret != "" && strings.Contains(err.Error(), test.secret) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
	if got := h.audited(0); len(got) != 0 {
		t.Errorf("audit: got %q, want nothing", got)
	}
	ensure(t, keys, long[:128], givenSecret, directory.RootGiven)
}

func TestAccessKey(t *testing.T) {
	keys, h, sealer := newKeys(t)
	if _, err := keys.AccessKey(t.Context(), "AKIANOBODYNOBODY"); !errors.Is(err, directory.ErrUnknownKey) {
		t.Errorf("unknown key: got error %v, want ErrUnknownKey", err)
	}
	want := directory.Key{
		ID:           "AKIAREADERREADER",
		AWSAccountID: "444455556666",
		Name:         "reader",
		Policy:       "AmazonChimeReadOnly",
		Disabled:     true,
		Created:      now,
		Expires:      now,
		Secret:       givenSecret,
	}
	kept := store.AccessKey{
		KeyID:        want.ID,
		AWSAccountID: want.AWSAccountID,
		Name:         want.Name,
		Policy:       want.Policy,
		Disabled:     true,
		Created:      now,
		Expires:      now,
	}
	h.write(func(tx store.Tx) (err error) {
		kept.SealedSecret, err = sealer.Seal(tx, want.ID, []byte(givenSecret))
		return err
	})
	if bytes.Contains(kept.SealedSecret, []byte(givenSecret)) {
		t.Error("the secret is stored as it is")
	}
	h.write(func(tx store.Tx) error { return tx.PutAccessKey(kept) })
	holds(t, keys, want)

	h.store.Close()
	if _, err := keys.AccessKey(context.Background(), want.ID); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("storage away: got error %v, want ErrUnavailable", err)
	}
}

func TestCreateKey(t *testing.T) {
	keys, h, _ := newKeys(t)
	expires := now.Add(90 * 24 * time.Hour)
	made, err := keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "ci", Policy: "AmazonChimeReadOnly", Expires: expires})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "key", made, directory.Key{ID: made.ID, AWSAccountID: awsAccount, Name: "ci", Policy: "AmazonChimeReadOnly", Created: now, Expires: expires, Secret: made.Secret})
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(made.ID) || len(made.Secret) != 40 {
		t.Errorf("pair: got %s and a secret of %d characters, want the form of AWS", made.ID, len(made.Secret))
	}
	holds(t, keys, made)
	equal(t, "audit", h.audited(0), []string{"CreateKey " + made.ID + `  {"Name": "ci", "Policy": "AmazonChimeReadOnly", ` +
		`"Created": "2026-03-01T12:00:00.123Z", "Expires": "2026-05-30T12:00:00.123Z"}`})

	document := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"chime:Get*","Resource":"*"}}`
	for _, r := range []directory.NewKey{
		{AWSAccountID: foreignAccount, Name: "ci", Policy: document}, // names are unique in an AWS account only
		{AWSAccountID: awsAccount, Name: "CI", Policy: "AmazonChimeFullAccess"},
		{AWSAccountID: awsAccount, Name: strings.Repeat("a", 58) + "+=,.@_", Policy: "AmazonChimeUserManagement"},
	} {
		key, err := keys.Create(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		holds(t, keys, key)
	}
	n := len(h.audit())
	for _, test := range []struct {
		aws, name, policy string
		expires           time.Time
		want              api.Exception
		message           string
	}{
		{awsAccount, "ci", "AmazonChimeFullAccess", time.Time{}, api.ConflictException, made.ID},
		{"1", "a", document, time.Time{}, api.BadRequestException, "12 digits"},
		{awsAccount, "", document, time.Time{}, api.BadRequestException, "name"},
		{awsAccount, strings.Repeat("a", 65), document, time.Time{}, api.BadRequestException, "name"},
		{awsAccount, "operator/alice", document, time.Time{}, api.BadRequestException, "name"},
		{awsAccount, "operator", document, time.Time{}, api.BadRequestException, "reserved"},
		{awsAccount, "root", document, time.Time{}, api.BadRequestException, "reserved"},
		{awsAccount, "a", document, now, api.BadRequestException, "expire"},
		{awsAccount, "a", "", time.Time{}, api.BadRequestException, "policy"},
		{awsAccount, "a", "AdministratorAccess", time.Time{}, api.BadRequestException, "AdministratorAccess"},
		{awsAccount, "a", strings.Replace(document, `"Resource"`, `"Condition":{},"Resource"`, 1), time.Time{}, api.BadRequestException, "Condition"},
	} {
		_, err := keys.Create(t.Context(), directory.NewKey{AWSAccountID: test.aws, Name: test.name, Policy: test.policy, Expires: test.expires})
		if exception(err) != test.want || !strings.Contains(err.Error(), test.message) {
			t.Errorf("%+v: got error %v, want %s with %q", test, err, test.want, test.message)
		}
	}
	equal(t, "audit of nothing", h.audited(n), []string{})
}

func TestListDisableAndDeleteKeys(t *testing.T) {
	keys, h, _ := newKeys(t)
	root := ensure(t, keys, givenID, givenSecret, directory.RootGiven)
	create := func(aws, name string) directory.Key {
		t.Helper()
		key, err := keys.Create(t.Context(), directory.NewKey{AWSAccountID: aws, Name: name, Policy: "AmazonChimeFullAccess"})
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	ci, other := create(awsAccount, "ci"), create(foreignAccount, "ci")
	n := len(h.audit())

	// These need no secret, so an operator's command does without the sealer.
	plain := directory.NewKeys(h.store, nil, directory.Options{Clock: func() time.Time { return now }, Operator: "alice"})
	list := func(aws string, want ...directory.Key) {
		t.Helper()
		got, err := plain.List(t.Context(), aws)
		if err != nil {
			t.Fatal(err)
		}
		byID := make(map[string]directory.Key)
		for _, k := range want {
			k.Secret = ""
			byID[k.ID] = k
		}
		if len(got) != len(want) {
			t.Errorf("keys of %q: got %d, want %d", aws, len(got), len(want))
		}
		for _, k := range got {
			equal(t, "listed key", k, byID[k.ID])
		}
	}
	list("", root, ci, other)
	list(awsAccount, root, ci)
	list("777788889999")

	for range 2 {
		got, err := plain.Disable(t.Context(), ci.ID)
		if err != nil {
			t.Fatal(err)
		}
		ci.Disabled = true
		want := ci
		want.Secret = ""
		equal(t, "disabled key", got, want)
	}
	holds(t, keys, ci) // still known, so that the verifier can say why
	equal(t, "audit", h.audited(n), []string{"DisableKey " + ci.ID + ` {"Disabled": false} {"Disabled": true}`})

	for range 2 {
		got, err := plain.Enable(t.Context(), ci.ID)
		if err != nil {
			t.Fatal(err)
		}
		ci.Disabled = false
		want := ci
		want.Secret = ""
		equal(t, "enabled key", got, want)
	}
	holds(t, keys, ci)
	equal(t, "audit", h.audited(n+1), []string{"EnableKey " + ci.ID + ` {"Disabled": true} {"Disabled": false}`})

	if err := plain.Delete(t.Context(), other.ID); err != nil {
		t.Fatal(err)
	}
	list("", root, ci)
	for id := range map[string]bool{other.ID: true, "AKIANOBODYNOBODY": true} {
		_, lookup := keys.AccessKey(t.Context(), id)
		_, disable := plain.Disable(t.Context(), id)
		_, enable := plain.Enable(t.Context(), id)
		for _, err := range []error{lookup, disable, enable, plain.Delete(t.Context(), id)} {
			if !errors.Is(err, directory.ErrUnknownKey) {
				t.Errorf("key %s: got error %v, want ErrUnknownKey", id, err)
			}
		}
	}
	create(foreignAccount, "ci") // the name is free again

	// The way back in: without a root key the next start makes one.
	if err := plain.Delete(t.Context(), root.ID); err != nil {
		t.Fatal(err)
	}
	if trail := h.audit(); trail[len(trail)-1].KeyName != "operator/alice" || !strings.Contains(trail[len(trail)-1].Before, `"Root": true`) {
		t.Errorf("audit: got %+v last, want the root key deleted by operator/alice", trail[len(trail)-1])
	}
	ensure(t, keys, "", "", directory.RootMadeUp)
}
