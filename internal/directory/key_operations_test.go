package directory_test

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/extension"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
)

type apiKey struct {
	KeyID                      string `json:"KeyId"`
	Name, Policy               string
	Root, Disabled             bool
	Created, Expires, LastUsed string
}

// serveKeys serves the keys of a desk, which sign the calls. The function returns the house as the
// holder of a key sees it.
func (d *desk) serveKeys(t *testing.T) func(directory.Key) *house {
	t.Helper()
	listener := httptest.NewServer(server.New(chime.Service, d.house.service, d.keys, server.Options{
		Clock: clock, Unavailable: store.ErrUnavailable,
		Extension: map[*model.Operation]api.Handler{
			&extension.ListKeys: d.keys.ListKeys, &extension.CreateKey: d.keys.CreateKey, &extension.DisableKey: d.keys.DisableKey,
			&extension.EnableKey: d.keys.EnableKey, &extension.DeleteKey: d.keys.DeleteKey,
		},
	}))
	t.Cleanup(listener.Close)
	return func(key directory.Key) *house {
		h := *d.house
		h.url, h.keyID, h.secret = listener.URL, key.ID, key.Secret
		return &h
	}
}

// A key is made, listed, disabled, enabled and deleted by another key, which the trail names.
func TestKeyOperations(t *testing.T) {
	d := newDesk(t, newHouse(t))
	as := d.serveKeys(t)
	admin := as(d.root)
	n := len(d.audit())

	var made struct {
		Key             apiKey
		SecretAccessKey string
	}
	parse(t, admin.must("CreateKey", "", "", `{"Name": "reports", "Policy": "AmazonChimeReadOnly", "Expires": "2026-06-01T00:00:00+02:00"}`), &made)
	want := apiKey{KeyID: made.Key.KeyID, Name: "reports", Policy: "AmazonChimeReadOnly", Created: "2026-03-01T12:00:00.123Z", Expires: "2026-05-31T22:00:00.000Z"}
	equal(t, "key made", made.Key, want)
	colleague := directory.Key{ID: made.Key.KeyID, Secret: made.SecretAccessKey}
	as(colleague).must("ListAccounts", "", "", "")
	as(colleague).refused(api.ForbiddenException, "CreateAccount", "", "", `{"Name": "n"}`)

	var listed struct{ Keys []apiKey }
	text := admin.must("ListKeys", "", "", "")
	parse(t, text, &listed)
	slices.SortFunc(listed.Keys, func(a, b apiKey) int { return strings.Compare(a.Name, b.Name) }) // both are of one moment
	equal(t, "keys", listed.Keys, []apiKey{want, {KeyID: d.root.ID, Name: "root", Root: true, Created: want.Created}})
	for _, secret := range []string{d.root.Secret, colleague.Secret} {
		if strings.Contains(text, secret) {
			t.Error("the list shows a secret")
		}
	}
	stranger := d.makeKey(t, foreignAccount, "stranger", time.Time{})

	token := d.signIn(t, colleague)
	var one struct{ Key apiKey }
	for range 2 { // the second time it is so already
		parse(t, admin.must("DisableKey", "keyId="+colleague.ID, "", ""), &one)
		want.Disabled = true
		equal(t, "key disabled", one.Key, want)
	}
	as(colleague).refused(api.UnauthorizedClientException, "ListAccounts", "", "", "")
	d.ended(t, "the session of a key that is disabled", token)
	parse(t, admin.must("EnableKey", "keyId="+colleague.ID, "", ""), &one)
	want.Disabled = false
	equal(t, "key enabled", one.Key, want)
	as(colleague).must("ListAccounts", "", "", "")
	admin.must("DeleteKey", "keyId="+colleague.ID, "", "")
	admin.refused(api.NotFoundException, "DeleteKey", "keyId="+colleague.ID, "", "")
	as(colleague).refused(api.UnauthorizedClientException, "ListAccounts", "", "", "")

	var operations []string
	for _, r := range d.audit()[n:] {
		if r.Operation == "SignIn" {
			continue
		}
		operations = append(operations, r.Operation)
		if r.Target != colleague.ID || r.KeyID != d.root.ID || r.KeyName != "root" || r.UserAgent != "test/1" || r.RequestID == "" {
			t.Errorf("audit: got %+v, want the change of the key by the root key", r)
		}
		if strings.Contains(r.Before+r.After, colleague.Secret) {
			t.Errorf("audit: the record holds the secret: %+v", r)
		}
	}
	equal(t, "audit", operations, []string{"CreateKey", "DisableKey", "EnableKey", "DeleteKey"})
	holds(t, d.keys, stranger)
}

func TestKeyOperations_Refused(t *testing.T) {
	d := newDesk(t, newHouse(t))
	as := d.serveKeys(t)
	full := ok[directory.Key](t)(d.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "full", Policy: "AmazonChimeFullAccess"}))
	own := ok[directory.Key](t)(d.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "own",
		Policy: `{"Statement": {"Effect": "Allow", "Action": "carillon:ListKeys", "Resource": "*"}}`}))
	chimeOnly := ok[directory.Key](t)(d.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "chime",
		Policy: `{"Statement": {"Effect": "Allow", "Action": "chime:*", "Resource": "*"}}`}))
	reader := d.makeKey(t, awsAccount, "reader", time.Time{})
	manager := ok[directory.Key](t)(d.keys.Create(t.Context(), directory.NewKey{AWSAccountID: awsAccount, Name: "manager", Policy: "AmazonChimeUserManagement"}))
	stranger := d.makeKey(t, foreignAccount, "stranger", time.Time{})
	former := ensure(t, d.keys, givenID, givenSecret, directory.RootReplaced)
	n := len(d.audit())

	for _, key := range []directory.Key{chimeOnly, reader, manager} {
		for _, op := range []string{"ListKeys", "CreateKey", "DisableKey", "EnableKey", "DeleteKey"} {
			as(key).refused(api.ForbiddenException, op, "keyId="+reader.ID, "", "")
		}
	}
	as(own).must("ListKeys", "", "", "")
	as(own).refused(api.ForbiddenException, "CreateKey", "", "", `{"Name": "more", "Policy": "AmazonChimeFullAccess"}`)

	admin := as(full)
	for _, body := range []string{
		``, `[]`, `{"Name": 1}`, `{}`, `{"Name": "more"}`, `{"Policy": "AmazonChimeReadOnly"}`,
		`{"Name": "two words", "Policy": "AmazonChimeReadOnly"}`,
		`{"Name": "root", "Policy": "AmazonChimeReadOnly"}`,
		`{"Name": "more", "Policy": "AdministratorAccess"}`,
		`{"Name": "more", "Policy": "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"chime:*\", \"Resource\": \"*\", \"Condition\": {}}}"}`,
		`{"Name": "more", "Policy": "` + strings.Repeat(" ", extension.PolicyLength) + `AmazonChimeReadOnly"}`,
		`{"Name": "more", "Policy": "AmazonChimeReadOnly", "Expires": "tomorrow"}`,
		`{"Name": "more", "Policy": "AmazonChimeReadOnly", "Expires": "2026-03-01T12:00:00Z"}`,
	} {
		admin.refused(api.BadRequestException, "CreateKey", "", "", body)
	}
	admin.refused(api.ConflictException, "CreateKey", "", "", `{"Name": "reader", "Policy": "AmazonChimeReadOnly"}`)
	for _, op := range []string{"DisableKey", "DeleteKey"} {
		_, err := admin.call(op, "keyId="+full.ID, "", "")
		if exception(err) != api.ConflictException || !strings.Contains(err.Error(), "lock itself out") {
			t.Errorf("%s of the key that calls: got error %v, want it to say why not", op, err)
		}
	}
	admin.must("EnableKey", "keyId="+full.ID, "", "") // as it is
	for _, op := range []string{"DisableKey", "EnableKey", "DeleteKey"} {
		for _, id := range []string{stranger.ID, "AKIANOBODYHASTHIS000", "\x00", strings.Repeat("A", 3000)} {
			admin.refused(api.NotFoundException, op, "keyId="+id, "", "")
		}
	}
	admin.refused(api.BadRequestException, "EnableKey", "keyId="+d.root.ID, "", "") // was the root key
	equal(t, "audit", len(d.audit()), n)
	holds(t, d.keys, stranger)
	holds(t, d.keys, former)
}
