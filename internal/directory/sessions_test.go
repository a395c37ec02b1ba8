package directory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

var browser = directory.Visitor{Address: "192.0.2.7", UserAgent: "Firefox"}

// desk is where people sign in to a house: keys, the root key among them, and sessions. The clock
// of each stands still until it is moved.
type desk struct {
	*house
	file     string // of the secret key
	keys     *directory.Keys
	sessions *directory.Sessions
	root     directory.Key
	moved    *atomic.Int64 // the clock of the sessions
	aged     *atomic.Int64 // that of the keys
}

func newDesk(t *testing.T, h *house) *desk {
	t.Helper()
	d := &desk{house: h, file: filepath.Join(t.TempDir(), "key"), moved: new(atomic.Int64), aged: new(atomic.Int64)}
	d.keys, d.sessions = d.service(t)
	d.root = ensure(t, d.keys, "", "", directory.RootMadeUp)
	return d
}

// service returns the keys and sessions of another service on the same store.
func (d *desk) service(t *testing.T) (*directory.Keys, *directory.Sessions) {
	t.Helper()
	sealer := ok[*seal.Sealer](t)(seal.FromFile(t.Context(), d.store, d.file))
	ahead := func(by *atomic.Int64) func() time.Time {
		return func() time.Time { return now.Add(time.Duration(by.Load())) }
	}
	keys := directory.NewKeys(d.store, sealer, directory.Options{Clock: ahead(d.aged), Operator: "alice"})
	return keys, directory.NewSessions(d.store, keys, directory.Options{Clock: ahead(d.moved)})
}

func (d *desk) move(by time.Duration) { d.moved.Add(int64(by)) }
func (d *desk) age(by time.Duration)  { d.aged.Add(int64(by)) }

func (d *desk) makeKey(t *testing.T, aws, name string, expires time.Time) directory.Key {
	t.Helper()
	return ok[directory.Key](t)(d.keys.Create(t.Context(), directory.NewKey{AWSAccountID: aws, Name: name, Policy: "AmazonChimeReadOnly", Expires: expires}))
}

func (d *desk) signIn(t *testing.T, key directory.Key) string {
	t.Helper()
	return ok[string](t)(d.sessions.SignIn(t.Context(), key.ID, key.Secret, browser))
}

// resumes checks that a session goes on.
func (d *desk) resumes(t *testing.T, what, token string) directory.Session {
	t.Helper()
	session, _, err := d.sessions.Resume(t.Context(), token)
	if err != nil {
		t.Errorf("%s: Resume: %v", what, err)
	}
	return session
}

// ended checks that a session does not go on.
func (d *desk) ended(t *testing.T, what, token string) {
	t.Helper()
	if session, key, err := d.sessions.Resume(t.Context(), token); !errors.Is(err, directory.ErrNoSession) || session.ID != "" || key.Secret != "" {
		t.Errorf("%s: Resume: got %+v, error %v, want %v", what, session, err, directory.ErrNoSession)
	}
}

// kept returns how many sessions of the AWS account the store has, ended ones included.
func (d *desk) kept(t *testing.T) (n int) {
	t.Helper()
	if err := d.store.View(t.Context(), func(tx store.ReadTx) error {
		all, err := tx.Sessions(awsAccount)
		n = len(all)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSignIn(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		d := newDesk(t, h)
		key := d.makeKey(t, awsAccount, "help-desk", time.Time{})
		n := len(d.audit())
		rude := directory.Visitor{Address: browser.Address, UserAgent: strings.Repeat("Firefox\xff", 100)}
		token := ok[string](t)(d.sessions.SignIn(t.Context(), key.ID, key.Secret, rude))
		if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || len(raw) != 32 {
			t.Errorf("the token %q is not 32 bytes in base64url: %v", token, err)
		}
		session, resumed, err := d.sessions.Resume(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "key of the session", resumed, key)
		hash := sha256.Sum256([]byte(token))
		equal(t, "session", session, directory.Session{
			ID: base64.RawURLEncoding.EncodeToString(hash[:]), KeyID: key.ID, AWSAccountID: awsAccount,
			Created: now, Seen: now, Expires: now.Add(12 * time.Hour),
			Visitor: directory.Visitor{Address: browser.Address, UserAgent: strings.Repeat("Firefox?", 32)},
		})
		if again := d.signIn(t, key); again == token {
			t.Error("two sessions have one token")
		}
		equal(t, "audit", d.audited(n)[0], "SignIn "+key.ID+`  {"Address": "192.0.2.7"}`)
		if r := d.audit()[n]; r.KeyID != key.ID || r.KeyName != key.Name || r.RequestID == "" || !strings.HasPrefix(r.UserAgent, "Firefox") || !r.Time.Equal(now) {
			t.Errorf("audit: got %+v, want it to name the key and the browser", r)
		}
		for _, made := range []string{"", "x", token + "A", strings.Repeat("A", 43), session.ID} {
			d.ended(t, fmt.Sprintf("the token %q", made), made)
		}
	})
}

// All refusals look the same, and take the same time, whether the key exists or not. The trail
// tells of those of keys that exist.
func TestSignIn_Refused(t *testing.T) {
	d := newDesk(t, newHouse(t))
	expired, disabled := d.makeKey(t, awsAccount, "old", now.Add(time.Minute)), d.makeKey(t, awsAccount, "lost", time.Time{})
	ok[directory.Key](t)(d.keys.Disable(t.Context(), disabled.ID))
	d.age(time.Minute)
	n := len(d.audit())
	tests := []struct{ keyID, secret string }{
		{"", ""},
		{"AKIANOBODYHASTHIS000", ""},
		{"AKIANOBODYHASTHIS000", d.root.Secret},
		{strings.ToLower(d.root.ID), d.root.Secret},
		{"AKIA\x00'", d.root.Secret},
		{strings.Repeat("A", 100_000), d.root.Secret},
		{d.root.ID, ""},
		{d.root.ID, d.root.Secret + "x"},
		{d.root.ID, disabled.Secret},
		{disabled.ID, disabled.Secret},
		{expired.ID, expired.Secret},
	}
	var waiting sync.WaitGroup
	for _, test := range tests {
		waiting.Go(func() {
			begun := time.Now()
			token, err := d.sessions.SignIn(t.Context(), test.keyID, test.secret, browser)
			if err != directory.ErrSignIn || token != "" {
				t.Errorf("SignIn as %.40q: got error %v, want %v alone", test.keyID, err, directory.ErrSignIn)
			}
			if took := time.Since(begun); took < directory.RefusalTime {
				t.Errorf("SignIn as %.40q was refused in %v, want %v at least", test.keyID, took, directory.RefusalTime)
			}
		})
	}
	waiting.Wait()
	told := make(map[string]int)
	for _, line := range d.audited(n) {
		told[line]++
	}
	refused := func(key directory.Key, reason string) string {
		return "RefuseSignIn " + key.ID + `  {"Address": "192.0.2.7", "Reason": "` + reason + `"}`
	}
	equal(t, "audit", told, map[string]int{refused(d.root, "another secret"): 3, refused(disabled, "disabled"): 1, refused(expired, "expired"): 1})
	equal(t, "sessions", d.kept(t), 0)
}

// Neither the files of the database nor the trail have what lets people in.
func TestSignIn_HashesOnly(t *testing.T) {
	dir := t.TempDir()
	d := newDesk(t, houseOver(t, open(t, dir)))
	token := d.signIn(t, d.root)
	link := ok[string](t)(d.sessions.MakeLink(t.Context(), d.root.ID))
	var all []byte
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	hash := sha256.Sum256([]byte(token))
	if !bytes.Contains(all, []byte(base64.RawURLEncoding.EncodeToString(hash[:]))) {
		t.Fatal("the hash of the token is not in the files: the test looks in the wrong place")
	}
	for _, s := range []string{token, link, d.root.Secret} {
		if bytes.Contains(all, []byte(s)) {
			t.Error("a token, link or secret is in the files of the database")
		}
	}
}

func TestSession_Ends(t *testing.T) {
	d := newDesk(t, newHouse(t))
	idle, busy := d.signIn(t, d.root), d.signIn(t, d.root)
	d.move(directory.SessionIdle - time.Millisecond)
	seen := d.resumes(t, "just before it is idle for too long", busy)
	equal(t, "seen", seen.Seen, now.Add(directory.SessionIdle-time.Millisecond))
	d.move(time.Millisecond)
	d.ended(t, "idle for too long", idle)

	d.move(directory.SessionIdle - 2*time.Millisecond)
	for left := directory.SessionLife - 2*directory.SessionIdle; left > 0; left -= 20 * time.Minute {
		d.resumes(t, "a busy session", busy)
		d.move(20 * time.Minute)
	}
	d.resumes(t, "a busy session", busy)
	d.move(2 * time.Millisecond)
	d.ended(t, "the oldest that it can be", busy)
	equal(t, "sessions listed", len(ok[[]directory.Session](t)(d.sessions.List(t.Context(), awsAccount))), 0)

	equal(t, "sessions kept", d.kept(t), 2)
	d.signIn(t, d.root)
	equal(t, "sessions kept after somebody has signed in", d.kept(t), 1)
}

// That a session is in use is written once a minute.
func TestSession_Seen(t *testing.T) {
	d := newDesk(t, newHouse(t))
	token := d.signIn(t, d.root)
	writes := d.store.Stats().Committed
	for range 30 {
		d.move(10 * time.Second)
		d.resumes(t, "a session", token)
	}
	equal(t, "writes in 5 minutes", d.store.Stats().Committed-writes, uint64(5))
}

// Whatever happens to a key ends its sessions and links for good, even if it is undone.
func TestSession_EndsWithItsKey(t *testing.T) {
	tests := []struct {
		name string
		end  func(d *desk, key directory.Key) error
	}{
		{"disabled", func(d *desk, key directory.Key) error {
			_, err := d.keys.Disable(d.t.Context(), key.ID)
			return err
		}},
		{"disabled, and enabled again", func(d *desk, key directory.Key) error {
			_, err := d.keys.Disable(d.t.Context(), key.ID)
			_, err2 := d.keys.Enable(d.t.Context(), key.ID)
			return errors.Join(err, err2)
		}},
		{"deleted", func(d *desk, key directory.Key) error { return d.keys.Delete(d.t.Context(), key.ID) }},
		{"deleted, and made again", func(d *desk, key directory.Key) error {
			_, _, err := d.keys.EnsureRootKey(d.t.Context(), awsAccount, givenID, givenSecret, nil)
			return errors.Join(d.keys.Delete(d.t.Context(), key.ID), err)
		}},
		{"of another secret", func(d *desk, key directory.Key) error {
			_, _, err := d.keys.EnsureRootKey(d.t.Context(), awsAccount, key.ID, "another-secret-of-mine", nil)
			return err
		}},
		{"replaced", func(d *desk, key directory.Key) error {
			_, _, err := d.keys.EnsureRootKey(d.t.Context(), awsAccount, "CARILLON_KEY_0002", givenSecret, nil)
			return err
		}},
		{"replaced, and root again", func(d *desk, key directory.Key) error {
			_, _, err := d.keys.EnsureRootKey(d.t.Context(), awsAccount, "CARILLON_KEY_0002", givenSecret, nil)
			_, _, err2 := d.keys.EnsureRootKey(d.t.Context(), awsAccount, givenID, givenSecret, nil)
			return errors.Join(err, err2)
		}},
		{"given up with all others", func(d *desk, key directory.Key) error {
			if err := os.Remove(d.file); err != nil {
				return err
			}
			_, err := directory.RecoverSecret(d.t.Context(), d.store, d.file, directory.Options{Clock: clock})
			return err
		}},
		{"from a backup", func(d *desk, key directory.Key) error {
			return d.operator().RecordRestore(d.t.Context(), directory.Copy{File: "backup.db", Time: now})
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := newDesk(t, newHouse(t))
			key := ensure(t, d.keys, givenID, givenSecret, directory.RootReplaced)
			if strings.HasPrefix(test.name, "disabled, and") { // a root key that was replaced cannot be enabled
				key = d.makeKey(t, awsAccount, "desk", time.Time{})
			}
			other := d.makeKey(t, foreignAccount, "other", time.Time{})
			token, otherToken := d.signIn(t, key), d.signIn(t, other)
			link := ok[string](t)(d.sessions.MakeLink(t.Context(), key.ID))
			if err := test.end(d, key); err != nil {
				t.Fatal(err)
			}
			d.ended(t, "its session", token)
			if _, err := d.sessions.SignInByLink(t.Context(), link, browser); !errors.Is(err, directory.ErrSignIn) {
				t.Errorf("its link: got error %v, want %v", err, directory.ErrSignIn)
			}
			equal(t, "sessions kept", d.kept(t), 0)
			if test.name != "given up with all others" && test.name != "from a backup" {
				d.resumes(t, "the session of another key", otherToken)
			}
		})
	}
	t.Run("expired", func(t *testing.T) {
		d := newDesk(t, newHouse(t))
		key := d.makeKey(t, awsAccount, "guest", now.Add(time.Minute))
		token := d.signIn(t, key)
		link := ok[string](t)(d.sessions.MakeLink(t.Context(), key.ID))
		d.age(time.Minute)
		d.ended(t, "its session", token)
		equal(t, "sessions listed", len(ok[[]directory.Session](t)(d.sessions.List(t.Context(), awsAccount))), 0)
		if _, err := d.sessions.SignInByLink(t.Context(), link, browser); !errors.Is(err, directory.ErrSignIn) {
			t.Errorf("its link: got error %v, want %v", err, directory.ErrSignIn)
		}
		if _, err := d.sessions.MakeLink(t.Context(), key.ID); exception(err) != api.BadRequestException {
			t.Errorf("MakeLink: got error %v, want a bad request", err)
		}
	})
}

// A new secret key seals the same access keys, whose sessions go on.
func TestSession_OutlivesRotation(t *testing.T) {
	d := newDesk(t, newHouse(t))
	token := d.signIn(t, d.root)
	operator, _ := d.service(t)
	ok[int](t)(operator.RotateSecret(t.Context(), true))
	d.resumes(t, "after a rotation", token)
	d.resumes(t, "begun after a rotation", d.signIn(t, d.root))
}

func TestSignInByLink(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		d := newDesk(t, h)
		n := len(d.audit())
		link := ok[string](t)(d.sessions.MakeLink(t.Context(), d.root.ID))
		var in atomic.Int32
		var wg sync.WaitGroup
		for range 5 { // at once
			wg.Go(func() {
				token, err := d.sessions.SignInByLink(context.WithoutCancel(t.Context()), link, browser)
				switch {
				case err == nil:
					in.Add(1)
					d.resumes(t, "by a link", token)
				case err != directory.ErrSignIn:
					t.Errorf("SignInByLink: got error %v, want %v alone", err, directory.ErrSignIn)
				}
			})
		}
		wg.Wait()
		if got := in.Load(); got != 1 {
			t.Errorf("%d have signed in by one link, want 1", got)
		}
		equal(t, "audit", d.audited(n), []string{"MakeLink " + d.root.ID + "  ", "SignIn " + d.root.ID + `  {"Address": "192.0.2.7", "ByLink": true}`})
		trail := d.audit()[n:]
		equal(t, "who", []string{trail[0].KeyName, trail[1].KeyName}, []string{"operator/alice", "root"})

		late := ok[string](t)(d.sessions.MakeLink(t.Context(), d.root.ID))
		d.move(directory.LinkLife)
		for _, useless := range []string{late, "", "x", strings.Repeat("A", 43)} {
			if _, err := d.sessions.SignInByLink(t.Context(), useless, browser); err != directory.ErrSignIn {
				t.Errorf("the link %q: got error %v, want %v", useless, err, directory.ErrSignIn)
			}
		}
		if _, err := d.sessions.MakeLink(t.Context(), "AKIANOBODY"); !errors.Is(err, directory.ErrUnknownKey) {
			t.Errorf("MakeLink for no key: got error %v, want %v", err, directory.ErrUnknownKey)
		}
	})
}

// Services that share a store share its sessions, and what ends them.
func TestSessions_TwoServices(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		d := newDesk(t, h)
		keys, elsewhere := d.service(t)
		first, second := d.signIn(t, d.root), d.signIn(t, d.root)
		session, _, err := elsewhere.Resume(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		all := ok[[]directory.Session](t)(elsewhere.List(t.Context(), awsAccount))
		if len(all) != 2 || all[0] != session && all[1] != session {
			t.Errorf("List: got %+v, want two sessions, %+v among them", all, session)
		}

		// Another AWS account neither sees nor ends them.
		stranger := directory.Caller{AWSAccountID: foreignAccount, KeyID: "AKIASTRANGER", KeyName: "stranger"}
		equal(t, "another's sessions", len(ok[[]directory.Session](t)(elsewhere.List(t.Context(), foreignAccount))), 0)
		if err := elsewhere.Revoke(t.Context(), stranger, session.ID); !errors.Is(err, directory.ErrNoSession) {
			t.Errorf("Revoke by another AWS account: got error %v, want %v", err, directory.ErrNoSession)
		}
		d.resumes(t, "after that", first)

		n := len(d.audit())
		colleague := directory.Caller{AWSAccountID: awsAccount, KeyID: "AKIACOLLEAGUE", KeyName: "colleague", RequestID: "r", UserAgent: "Safari"}
		if err := elsewhere.Revoke(t.Context(), colleague, session.ID); err != nil {
			t.Fatal(err)
		}
		d.ended(t, "revoked by the other service", first)
		if err := elsewhere.Revoke(t.Context(), colleague, session.ID); !errors.Is(err, directory.ErrNoSession) {
			t.Errorf("Revoke, again: got error %v, want %v", err, directory.ErrNoSession)
		}
		for range 2 { // the second time there is nothing to do
			if err := d.sessions.SignOut(t.Context(), second); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := elsewhere.Resume(t.Context(), second); !errors.Is(err, directory.ErrNoSession) {
			t.Errorf("signed out of the other service: got error %v, want %v", err, directory.ErrNoSession)
		}
		was := ` {"Address": "192.0.2.7", "SignedIn": "2026-03-01T12:00:00.123Z"} `
		equal(t, "audit", d.audited(n), []string{"RevokeSession " + d.root.ID + was, "SignOut " + d.root.ID + was})
		trail := d.audit()[n:]
		equal(t, "who", []string{trail[0].KeyName, trail[0].UserAgent, trail[1].KeyName, trail[1].UserAgent}, []string{"colleague", "Safari", "root", "Firefox"})

		third := d.signIn(t, d.root)
		ok[directory.Key](t)(keys.Disable(t.Context(), d.root.ID))
		d.ended(t, "disabled at the other service", third)
	})
}
