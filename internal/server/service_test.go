package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	sdk "github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"
	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// These tests run the whole service: the domain on a real database behind a real listener.

const awsAccount = "111122223333"

type installation struct {
	url   string
	store store.Store
	root  directory.Key
	users directory.Key // a key with the policy AmazonChimeUserManagement
	read  directory.Key // and one with AmazonChimeReadOnly
}

func install(t testing.TB, o server.Options) installation {
	t.Helper()
	ctx := t.Context()
	dir := t.TempDir()
	st, err := sqlite.Open(ctx, dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	sealer, err := seal.FromFile(ctx, st, filepath.Join(dir, "secret.key"))
	if err != nil {
		t.Fatal(err)
	}
	keys := directory.NewKeys(st, sealer, directory.Options{})
	in := installation{store: st}
	if in.root, _, err = keys.EnsureRootKey(ctx, awsAccount, "", "", nil); err != nil {
		t.Fatal(err)
	}
	for id, policy := range map[string]string{"AKIAUSERSUSERSUSERSU": "AmazonChimeUserManagement", "AKIAREADREADREADREAD": "AmazonChimeReadOnly"} {
		err := st.Update(ctx, func(tx store.Tx) error {
			sealed, err := sealer.Seal(tx, id, []byte(secret))
			if err != nil {
				return err
			}
			return tx.PutAccessKey(store.AccessKey{KeyID: id, AWSAccountID: awsAccount, Name: policy, Policy: policy, SealedSecret: sealed})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if in.users, err = keys.AccessKey(ctx, "AKIAUSERSUSERSUSERSU"); err != nil {
		t.Fatal(err)
	}
	if in.read, err = keys.AccessKey(ctx, "AKIAREADREADREADREAD"); err != nil {
		t.Fatal(err)
	}
	service, err := directory.New(st, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Unavailable, o.Ready = store.ErrUnavailable, st.Ping
	in.url = start(t, server.New(chime.Service, service, keys, o))
	return in
}

// by makes a call one of a key at the present time.
func (in installation) by(key directory.Key, c call) call {
	c.keyID, c.at = key.ID, time.Now()
	if c.secret == "" {
		c.secret = key.Secret
	}
	return c
}

func (in installation) client(key directory.Key, edit ...func(*sdk.Options)) *sdk.Client {
	o := sdk.Options{
		Region:           "eu-central-1",
		BaseEndpoint:     aws.String(in.url),
		Credentials:      credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		RetryMaxAttempts: 1,
		AppID:            "carillon-test",
	}
	return sdk.New(o, edit...)
}

// members invites people and, where accept, makes them members, as the operator's channel will.
func (in installation) members(t testing.TB, accountID string, accept bool, emails ...string) (ids []string) {
	t.Helper()
	if _, err := in.client(in.root).InviteUsers(t.Context(), &sdk.InviteUsersInput{AccountId: &accountID, UserEmailList: emails}); err != nil {
		t.Fatal(err)
	}
	err := in.store.Update(t.Context(), func(tx store.Tx) error {
		ids = nil
		rows, err := tx.UsersByEmail(accountID, emails)
		if err != nil {
			return err
		}
		var changes []store.UserChange
		for _, u := range rows {
			ids = append(ids, u.UserID)
			after := u
			after.Registration, after.Invitation, after.RegisteredOn = "Registered", "Accepted", time.Now()
			changes = append(changes, store.UserChange{Before: u, After: after})
		}
		if !accept {
			return nil
		}
		return tx.UpdateUsers(accountID, changes)
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (in installation) account(t testing.TB, name string) string {
	t.Helper()
	out, err := in.client(in.root).CreateAccount(t.Context(), &sdk.CreateAccountInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Account.AccountId
}

// rows returns all users of an account, to see whether anything has changed.
func (in installation) rows(t testing.TB, accountID string) (users []store.User) {
	t.Helper()
	err := in.store.View(t.Context(), func(tx store.ReadTx) (err error) {
		users, _, err = tx.ListUsers(accountID, store.UserFilter{}, 0, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// The client that the SDK for Go has for the API, unmodified, works against the service.
func TestSDK(t *testing.T) {
	in := install(t, server.Options{})
	ctx := t.Context()
	client := in.client(in.root)

	created, err := client.CreateAccount(ctx, &sdk.CreateAccountInput{Name: aws.String("Été & Söhne")})
	if err != nil {
		t.Fatal(err)
	}
	account := created.Account
	if *account.Name != "Été & Söhne" || account.AccountType != types.AccountTypeTeam || *account.AwsAccountId != awsAccount {
		t.Errorf("created %+v", account)
	}
	if age := time.Since(*account.CreatedTimestamp); age < -time.Second || age > time.Minute {
		t.Errorf("created at %v, want now", account.CreatedTimestamp)
	}
	invited, err := client.InviteUsers(ctx, &sdk.InviteUsersInput{AccountId: account.AccountId, UserEmailList: []string{"Ann@corp.example", "bob+x@corp.example", "eve@corp.example"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(invited.Invites) != 3 || invited.Invites[0].Status != types.InviteStatusPending {
		t.Errorf("invited %+v, want three pending", invited.Invites)
	}

	var users []types.User
	for pages := sdk.NewListUsersPaginator(client, &sdk.ListUsersInput{AccountId: account.AccountId, MaxResults: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, page.Users...)
	}
	if len(users) != 3 || *users[0].PrimaryEmail != "Ann@corp.example" || users[0].LicenseType != types.LicensePro {
		t.Fatalf("listed %+v, want the three in order, Pro", users)
	}
	found, err := client.ListUsers(ctx, &sdk.ListUsersInput{AccountId: account.AccountId, UserEmail: aws.String("BOB+x@corp.example")})
	if err != nil || len(found.Users) != 1 || *found.Users[0].UserId != *users[1].UserId {
		t.Errorf("by address: got %+v, %v, want the second user", found, err)
	}

	updated, err := client.BatchUpdateUser(ctx, &sdk.BatchUpdateUserInput{AccountId: account.AccountId, UpdateUserRequestItems: []types.UpdateUserRequestItem{
		{UserId: users[0].UserId, LicenseType: types.LicenseBasic},
		{UserId: aws.String("nobody"), LicenseType: types.LicenseBasic},
		{UserId: users[1].UserId, LicenseType: types.LicensePlus},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(updated.UserErrors) != 2 || *updated.UserErrors[0].UserId != "nobody" || updated.UserErrors[0].ErrorCode != types.ErrorCodeNotFound ||
		updated.UserErrors[1].ErrorCode != types.ErrorCodeBadRequest {
		t.Errorf("batch: got %+v, want NotFound of nobody and BadRequest", updated.UserErrors)
	}
	user, err := client.GetUser(ctx, &sdk.GetUserInput{AccountId: account.AccountId, UserId: users[0].UserId})
	if err != nil || user.User.LicenseType != types.LicenseBasic {
		t.Errorf("after the batch: got %+v, %v, want license Basic", user, err)
	}

	suspended, err := client.BatchSuspendUser(ctx, &sdk.BatchSuspendUserInput{AccountId: account.AccountId, UserIdList: []string{*users[2].UserId}})
	if err != nil || len(suspended.UserErrors) != 0 {
		t.Errorf("suspending: got %+v, %v", suspended, err)
	}
	_, err = client.GetUser(ctx, &sdk.GetUserInput{AccountId: account.AccountId, UserId: users[2].UserId})
	if missing, ok := errors.AsType[*types.NotFoundException](err); !ok || missing.Code != types.ErrorCodeNotFound || missing.ErrorMessage() == "" {
		t.Errorf("a removed user: got %v, want NotFoundException with code and message", err)
	}
	_, err = client.DeleteAccount(ctx, &sdk.DeleteAccountInput{AccountId: account.AccountId})
	if _, ok := errors.AsType[*types.UnprocessableEntityException](err); !ok {
		t.Errorf("deleting an account with users: got %v, want UnprocessableEntityException", err)
	}
	if _, err = client.BatchSuspendUser(ctx, &sdk.BatchSuspendUserInput{AccountId: account.AccountId, UserIdList: []string{*users[0].UserId, *users[1].UserId}}); err != nil {
		t.Fatal(err)
	}
	if _, err = client.DeleteAccount(ctx, &sdk.DeleteAccountInput{AccountId: account.AccountId}); err != nil {
		t.Errorf("deleting an empty account: %v", err)
	}

	wrong := in.client(directory.Key{ID: in.root.ID, Secret: "wrong"})
	_, err = wrong.ListAccounts(ctx, &sdk.ListAccountsInput{})
	if _, ok := errors.AsType[*types.UnauthorizedClientException](err); !ok {
		t.Errorf("wrong secret: got %v, want UnauthorizedClientException", err)
	}
	limited := in.client(in.read)
	if _, err = limited.ListAccounts(ctx, &sdk.ListAccountsInput{}); err != nil {
		t.Errorf("reading with AmazonChimeReadOnly: %v", err)
	}
	_, err = limited.CreateAccount(ctx, &sdk.CreateAccountInput{Name: aws.String("x")})
	if _, ok := errors.AsType[*types.ForbiddenException](err); !ok {
		t.Errorf("writing with AmazonChimeReadOnly: got %v, want ForbiddenException", err)
	}
}

// What changes a request of the SDK on its way is noticed, and nothing is done.
func TestForgery(t *testing.T) {
	in := install(t, server.Options{})
	account := in.account(t, "Corp")
	users := in.members(t, account, true, "ann@corp.example", "bob@corp.example")
	before := in.rows(t, account)
	for name, forge := range map[string]func(*http.Request){
		"signature": func(r *http.Request) {
			h := r.Header.Get("Authorization")
			last := "0"
			if strings.HasSuffix(h, last) {
				last = "1"
			}
			r.Header.Set("Authorization", h[:len(h)-1]+last)
		},
		"body": func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), users[0], users[1], 1)))
		},
		"account": func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "/users", "2/users", 1) },
		"selector": func(r *http.Request) {
			r.URL.RawQuery = "operation=suspend"
		},
		"age": func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := in.client(in.root, func(o *sdk.Options) {
				o.HTTPClient = transport(func(r *http.Request) (*http.Response, error) {
					forge(r)
					return http.DefaultClient.Do(r)
				})
			})
			_, err := client.BatchUpdateUser(t.Context(), &sdk.BatchUpdateUserInput{AccountId: &account, UpdateUserRequestItems: []types.UpdateUserRequestItem{
				{UserId: &users[0], LicenseType: types.LicenseBasic},
			}})
			if _, ok := errors.AsType[*types.UnauthorizedClientException](err); !ok {
				t.Errorf("got %v, want UnauthorizedClientException", err)
			}
		})
	}
	if diff := cmp.Diff(before, in.rows(t, account)); diff != "" {
		t.Errorf("the account has changed:\n%s", diff)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) Do(r *http.Request) (*http.Response, error) { return f(r) }

// The cases of BatchUpdateUser that are decided on the wire, by their number in the specification
// of the service. A request that fails as a whole changes nothing.
func TestBatchUpdateUserOnTheWire(t *testing.T) {
	in := install(t, server.Options{})
	account := in.account(t, "Corp")
	ids := in.members(t, account, true, "ann@corp.example", "bob@corp.example")
	suspended := in.account(t, "Suspended")
	of := in.members(t, suspended, true, "cay@corp.example")
	deleted := in.account(t, "Deleted")
	if _, err := in.client(in.root).DeleteAccount(t.Context(), &sdk.DeleteAccountInput{AccountId: &deleted}); err != nil {
		t.Fatal(err)
	}
	foreign := "0190a5b4-7c3e-7d21-9f00-00000000f0f0"
	err := in.store.Update(t.Context(), func(tx store.Tx) error {
		a, err := tx.Account(awsAccount, suspended)
		if err != nil {
			return err
		}
		a.Status = "Suspended"
		if err := tx.UpdateAccount(a); err != nil {
			return err
		}
		return tx.InsertAccount(&store.Account{AWSAccountID: "999988887777", AccountID: foreign, Name: "Foreign", Type: "Team", Status: "Active",
			DefaultLicense: "Pro", SupportedLicenses: []string{"Basic", "Pro"}, Created: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}

	path := func(account string) string { return "/accounts/" + account + "/users" }
	item := func(members string) string {
		return fmt.Sprintf(`{"UpdateUserRequestItems":[{"UserId":%q,"LicenseType":"Basic"},%s]}`, ids[0], members)
	}
	good := fmt.Sprintf(`{"UpdateUserRequestItems":[{"UserId":%q,"LicenseType":"Basic"}]}`, ids[0])
	many := func(n int) string {
		one := fmt.Sprintf(`{"UserId":%q,"LicenseType":"Basic"}`, ids[0])
		return `{"UpdateUserRequestItems":[` + strings.Repeat(one+",", n-1) + one + `]}`
	}
	typed := func(contentType string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Content-Type", contentType) }
	}

	for _, tt := range []struct {
		name string
		by   directory.Key
		call
		want api.Exception
		says string
	}{
		{"1 unknown account", in.root, call{target: path("nowhere"), body: good}, api.NotFoundException, ""},
		{"1 deleted account", in.root, call{target: path(deleted), body: good}, api.NotFoundException, ""},
		{"1 foreign account", in.root, call{target: path(foreign), body: good}, api.NotFoundException, ""},
		{"2 blank account", in.root, call{target: path("%20"), body: good}, api.BadRequestException, "AccountId"},
		{"3 suspended account", in.root, call{target: path(suspended), body: strings.Replace(good, ids[0], of[0], 1)}, api.ForbiddenException, ""},
		{"4 policy", in.read, call{body: good}, api.ForbiddenException, "chime:BatchUpdateUser"},
		{"5 unsigned", in.root, call{body: good, forge: func(r *http.Request) { r.Header.Del("Authorization") }}, api.UnauthorizedClientException, ""},
		{"5 bad signature", in.root, call{body: good, secret: "x"}, api.UnauthorizedClientException, ""},
		{"6 list missing", in.root, call{body: `{}`}, api.BadRequestException, "UpdateUserRequestItems is required"},
		{"6 list null", in.root, call{body: `{"UpdateUserRequestItems":null}`}, api.BadRequestException, "UpdateUserRequestItems is required"},
		{"8 21 items", in.root, call{body: many(21)}, api.BadRequestException, "at most 20 items, it has 21"},
		{"9 null item", in.root, call{body: item(`null`)}, api.BadRequestException, "UpdateUserRequestItems[1] must be a structure"},
		{"9 item of another type", in.root, call{body: item(`[]`)}, api.BadRequestException, "UpdateUserRequestItems[1] must be a structure"},
		{"9 no id", in.root, call{body: item(`{"LicenseType":"Pro"}`)}, api.BadRequestException, "UpdateUserRequestItems[1].UserId is required"},
		{"9 blank id", in.root, call{body: item(`{"UserId":" "}`)}, api.BadRequestException, "UpdateUserRequestItems[1].UserId must not be blank"},
		{"9 number for an id", in.root, call{body: item(`{"UserId":1}`)}, api.BadRequestException, "UpdateUserRequestItems[1].UserId must be a string"},
		{"10 license", in.root, call{body: item(`{"UserId":"x","LicenseType":"pro"}`)}, api.BadRequestException, `UpdateUserRequestItems[1].LicenseType is "pro"`},
		{"10 type", in.root, call{body: item(`{"UserId":"x","UserType":"Room"}`)}, api.BadRequestException, `UpdateUserRequestItems[1].UserType is "Room"`},
		{"10 boolean", in.root, call{body: item(`{"UserId":"x","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":"true"}}`)}, api.BadRequestException,
			"UpdateUserRequestItems[1].AlexaForBusinessMetadata.IsAlexaForBusinessEnabled"},
		{"35 cut off", in.root, call{body: good[:len(good)-1]}, api.BadRequestException, "not valid JSON"},
		{"35 array", in.root, call{body: `[` + good + `]`}, api.BadRequestException, "The body must be a structure"},
		{"35 string", in.root, call{body: `"x"`}, api.BadRequestException, "The body must be a structure"},
		{"35 empty", in.root, call{body: ``}, api.BadRequestException, "UpdateUserRequestItems is required"},
		{"36 foreign type", in.root, call{body: good, edit: typed("text/xml")}, api.UnsupportedMediaTypeException, ""},
		{"37 too large", in.root, call{body: good + strings.Repeat(" ", tooMuch)}, api.RequestEntityTooLargeException, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := in.rows(t, account)
			if tt.target == "" {
				tt.target = path(account)
			}
			if message := in.by(tt.by, tt.call).send(t, in.url).failed(t, tt.want); !strings.Contains(message, tt.says) {
				t.Errorf("got %q, want %q in it", message, tt.says)
			}
			if diff := cmp.Diff(before, in.rows(t, account)); diff != "" {
				t.Errorf("the account has changed:\n%s", diff)
			}
		})
	}

	for _, tt := range []struct {
		name string
		call
	}{
		{"7 empty list", call{body: `{"UpdateUserRequestItems":[]}`}},
		{"8 20 items", call{body: many(20)}},
		{"36 no type", call{body: good}},
		{"36 json", call{body: good, edit: typed("application/json; charset=utf-8")}},
		{"36 json of old SDKs", call{body: good, edit: typed("application/x-amz-json-1.1")}},
		{"38 unknown members", call{body: strings.Replace(good, `{"UserId"`, `{"Color":{"a":[null]},"UserId"`, 1)}},
		{"old prefix", call{target: "/console" + path(account), body: good}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.target == "" {
				tt.target = path(account)
			}
			in.by(in.users, tt.call).send(t, in.url).succeeded(t, 200, `{"UserErrors":[]}`)
		})
	}
	if got := in.rows(t, account); got[0].License != "Basic" || got[1].License != "Pro" {
		t.Errorf("licenses: got %s and %s, want Basic and Pro", got[0].License, got[1].License)
	}
}

// 39: a throttled request changes nothing, and it is the request that counts, not its items.
func TestBatchUpdateUserThrottled(t *testing.T) {
	now := time.Now() // stands still, so that no token comes back
	in := install(t, server.Options{Rate: 5, Clock: func() time.Time { return now }})
	account := in.account(t, "Corp")                        // root's first of five
	ids := in.members(t, account, true, "ann@corp.example") // and second
	body := func(license string) string {
		one := fmt.Sprintf(`{"UserId":%q,"LicenseType":%q}`, ids[0], license)
		return `{"UpdateUserRequestItems":[` + strings.Repeat(one+",", 19) + one + `]}`
	}
	c := in.by(in.root, call{target: "/accounts/" + account + "/users"})
	c.body = body("Basic")
	for range 3 {
		c.send(t, in.url).succeeded(t, 200, `{"UserErrors":[]}`)
	}
	c.body = body("Pro")
	c.send(t, in.url).failed(t, api.ThrottledClientException)
	if got := in.rows(t, account)[0].License; got != "Basic" {
		t.Errorf("license: got %s, want Basic as before", got)
	}
}

// 34: many clients at once, all on the same users. Batches take turns, so that one of them leaves
// its mark on all users; an address that all invite is invited once; and the trail explains what
// there is.
func TestManyClients(t *testing.T) {
	in := install(t, server.Options{})
	account := in.account(t, "Corp")
	var emails []string
	for i := range 20 {
		emails = append(emails, fmt.Sprintf("user%d@corp.example", i))
	}
	ids := in.members(t, account, true, emails...)
	const clients, rounds = 64, 2
	shared := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer shared.CloseIdleConnections()
	invited := make([]string, clients)
	var wg sync.WaitGroup
	for i := range clients {
		client := in.client(in.users, func(o *sdk.Options) { o.HTTPClient = shared })
		wg.Go(func() {
			for round := range rounds {
				license := []types.License{types.LicenseBasic, types.LicensePro}[(i+round)%2]
				items := make([]types.UpdateUserRequestItem, len(ids))
				for j, k := range rand.Perm(len(ids)) {
					items[j] = types.UpdateUserRequestItem{UserId: &ids[k], LicenseType: license}
				}
				out, err := client.BatchUpdateUser(t.Context(), &sdk.BatchUpdateUserInput{AccountId: &account, UpdateUserRequestItems: items})
				if err != nil || len(out.UserErrors) > 0 {
					t.Errorf("client %d: got %+v, %v, want success", i, out, err)
					return
				}
				list, err := client.ListUsers(t.Context(), &sdk.ListUsersInput{AccountId: &account, MaxResults: aws.Int32(20)})
				if err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
				for _, u := range list.Users {
					if u.LicenseType != list.Users[0].LicenseType {
						t.Errorf("client %d: got licenses of two batches at once: %s and %s", i, list.Users[0].LicenseType, u.LicenseType)
						break
					}
				}
			}
			out, err := client.InviteUsers(t.Context(), &sdk.InviteUsersInput{AccountId: &account, UserEmailList: []string{"new@corp.example"}})
			if err != nil {
				t.Errorf("client %d: %v", i, err)
				return
			}
			invited[i] = *out.Invites[0].InviteId
		})
	}
	wg.Wait()
	if slices.Sort(invited); invited[0] != invited[clients-1] || invited[0] == "" {
		t.Errorf("got invitations from %q to %q, want one", invited[0], invited[clients-1])
	}

	users := in.rows(t, account)
	if len(users) != len(ids)+1 {
		t.Errorf("got %d users, want %d and the one invited", len(users), len(ids))
	}
	licenses := map[string]string{}
	for _, id := range ids {
		licenses[id] = "Pro" // the default
	}
	err := in.store.View(t.Context(), func(tx store.ReadTx) error {
		records, _, err := tx.Audit(awsAccount, store.AuditFilter{AccountID: account}, 0, 10_000)
		for _, r := range records {
			if r.Operation != "BatchUpdateUser" {
				continue
			}
			var before, after struct{ LicenseType string }
			if err := errors.Join(json.Unmarshal([]byte(r.Before), &before), json.Unmarshal([]byte(r.After), &after)); err != nil {
				return err
			}
			if was := licenses[r.Target]; before.LicenseType != was || after.LicenseType == was {
				t.Errorf("the trail has %s from %s to %s, after which it was %s", r.Target, r.Before, r.After, was)
			}
			licenses[r.Target] = after.LicenseType
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range users[:len(ids)] {
		if want := licenses[u.UserID]; u.License != want {
			t.Errorf("user %s: got %s, the trail ends with %s", u.UserID, u.License, want)
		}
	}
}

// The audit trail names the request, the key and the program, as the server saw them.
func TestAuditOfARequest(t *testing.T) {
	in := install(t, server.Options{})
	account := in.account(t, "Corp")
	ids := in.members(t, account, true, "ann@corp.example")
	got := in.by(in.users, call{target: "/accounts/" + account + "/users",
		body: fmt.Sprintf(`{"UpdateUserRequestItems":[{"UserId":%q,"LicenseType":"Basic"}]}`, ids[0]),
		edit: func(r *http.Request) { r.Header.Set("User-Agent", "aws-cli/1.45.0 \xff"+strings.Repeat("x", 5000)) },
	}).send(t, in.url)
	got.succeeded(t, 200, `{"UserErrors":[]}`)
	var records []store.AuditRecord
	err := in.store.View(t.Context(), func(tx store.ReadTx) (err error) {
		records, _, err = tx.Audit(awsAccount, store.AuditFilter{Target: ids[0], Key: in.users.ID}, 0, 10)
		return err
	})
	if err != nil || len(records) != 1 {
		t.Fatalf("got %d records, %v, want the one of the request", len(records), err)
	}
	r := records[0]
	if r.RequestID != got.header.Get("x-amzn-RequestId") || r.KeyID != in.users.ID || r.KeyName != in.users.Name || r.Operation != "BatchUpdateUser" || r.Target != ids[0] {
		t.Errorf("got %+v, want BatchUpdateUser of %s by %s", r, ids[0], in.users.ID)
	}
	if !strings.HasPrefix(r.UserAgent, "aws-cli/1.45.0 ?xxx") || len(r.UserAgent) > 256 {
		t.Errorf("user agent: got %q, want its beginning as UTF-8", r.UserAgent)
	}
}

// 33: with the storage gone the service says so, and says it is not ready.
func TestStorageGone(t *testing.T) {
	in := install(t, server.Options{})
	account := in.account(t, "Corp")
	if err := in.store.Close(); err != nil {
		t.Fatal(err)
	}
	in.by(in.root, call{target: "/accounts/" + account + "/users", body: oneItem}).send(t, in.url).failed(t, api.ServiceUnavailableException)
	r, err := http.NewRequestWithContext(context.Background(), "GET", in.url+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, r).failed(t, api.ServiceUnavailableException)
}
