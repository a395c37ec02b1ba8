// Package storetest is the proof that an engine keeps the contract of package store. The tests of
// an engine call [Run] and [RunUpgrade], with functions that open a database, and [Benchmark].
package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/store"
)

const (
	awsA = "111122223333"
	awsB = "444455556666"
	awsC = "777788889999"
)

// Run runs the suite. Each test calls open for an empty store of its own, whose entries get their
// time from the clock; open closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T, clock func() time.Time) store.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, *fixture)
	}{
		{"Accounts", testAccounts},
		{"AccountListing", testAccountListing},
		{"DeletedAccounts", testDeletedAccounts},
		{"Users", testUsers},
		{"UserListing", testUserListing},
		{"UserSearch", testUserSearch},
		{"UserSearchBounds", testUserSearchBounds},
		{"UserSearchUnderInsertion", testUserSearchUnderInsertion},
		{"UserCounts", testUserCounts},
		{"UserChanges", testUserChanges},
		{"Addresses", testAddresses},
		{"AddressMoves", testAddressMoves},
		{"PINs", testPINs},
		{"Rooms", testRooms},
		{"RoomListing", testRoomListing},
		{"RoomMemberships", testRoomMemberships},
		{"RoomDeletion", testRoomDeletion},
		{"Bots", testBots},
		{"BotListing", testBotListing},
		{"BotEvents", testBotEvents},
		{"NumberPool", testNumberPool},
		{"PhoneNumbers", testPhoneNumbers},
		{"PhoneNumberListing", testPhoneNumberListing},
		{"PhoneNumberOrders", testPhoneNumberOrders},
		{"PhoneNumberRules", testPhoneNumberRules},
		{"Tasks", testTasks},
		{"Conversations", testConversations},
		{"Messages", testMessages},
		{"MessageDeletion", testMessageDeletion},
		{"DialOuts", testDialOuts},
		{"Jobs", testJobs},
		{"Domains", testDomains},
		{"AccessKeys", testAccessKeys},
		{"Sessions", testSessions},
		{"ScanBounds", testScanBounds},
		{"Audit", testAudit},
		{"AuditDeletion", testAuditDeletion},
		{"GlobalSettings", testGlobalSettings},
		{"Settings", testSettings},
		{"Entries", testEntries},
		{"EntriesAcrossDeletion", testEntriesAcrossDeletion},
		{"AllOrNothing", testAllOrNothing},
		{"HiddenErrors", testHiddenErrors},
		{"FailingNeighbors", testFailingNeighbors},
		{"Snapshots", testSnapshots},
		{"ConcurrentUpdates", testConcurrentUpdates},
		{"Turns", testTurns},
		{"PagesUnderInsertion", testPagesUnderInsertion},
		{"PrivateErrors", testPrivateErrors},
		{"Contexts", testContexts},
		{"Stats", testStats},
		{"Seats", testSeats},
		{"Closed", testClosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &fixture{T: t, clock: new(clock)}
			f.clock.set(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			f.Store = open(t, f.clock.now)
			test.run(t, f)
		})
	}
}

// clock tells the time it was set to.
type clock struct{ millis atomic.Int64 }

func (c *clock) set(t time.Time)         { c.millis.Store(t.UnixMilli()) }
func (c *clock) advance(d time.Duration) { c.millis.Add(d.Milliseconds()) }
func (c *clock) now() time.Time          { return time.UnixMilli(c.millis.Load()) }

// fixture is the store under test, with methods that fail the test when it returns an error.
type fixture struct {
	*testing.T
	store.Store
	clock *clock
}

func (f *fixture) update(fn func(store.Tx) error) {
	f.Helper()
	Update(f, f.Store, fn)
}

func (f *fixture) view(fn func(store.ReadTx) error) {
	f.Helper()
	if err := f.View(context.Background(), fn); err != nil {
		f.Fatalf("View: %v", err)
	}
}

// updateFails runs an update that must fail with an error that is want.
func (f *fixture) updateFails(want error, fn func(store.Tx) error) {
	f.Helper()
	if err := f.Update(context.Background(), fn); !errors.Is(err, want) {
		f.Fatalf("Update: got error %v, want %v", err, want)
	}
}

// viewFails runs a view that must fail with an error that is want.
func (f *fixture) viewFails(want error, fn func(store.ReadTx) error) {
	f.Helper()
	if err := f.View(context.Background(), fn); !errors.Is(err, want) {
		f.Fatalf("View: got error %v, want %v", err, want)
	}
}

func (f *fixture) insertUsers(users ...store.User) []store.User {
	f.Helper()
	f.update(func(tx store.Tx) error { return tx.InsertUsers(users) })
	return users
}

// setting returns the value of a setting, "" if there is none.
func (f *fixture) setting(name string) string {
	f.Helper()
	var value []byte
	f.view(func(r store.ReadTx) (err error) {
		value, err = r.Setting(name)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return string(value)
}

// userIDs returns the ids of the users of an account, in the order of the listing.
func (f *fixture) userIDs(accountID string) []string {
	f.Helper()
	return UserIDs(f, f.Store, accountID)
}

func (f *fixture) addresses(emails ...string) []store.Address {
	f.Helper()
	var got []store.Address
	f.view(func(r store.ReadTx) (err error) {
		got, err = r.Addresses(emails)
		return err
	})
	return got
}

// same compares what a test got with what it wants.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func ids(users []store.User) []string {
	var ids []string
	for _, u := range users {
		ids = append(ids, u.UserID)
	}
	return ids
}

func account(aws, id string) store.Account {
	return store.Account{
		AWSAccountID: aws, AccountID: id, Name: "Name of " + id, Type: "Team", Status: "Active",
		DefaultLicense: "Pro", SupportedLicenses: []string{"Basic", "Pro"},
		Created: time.Date(2019, 1, 4, 17, 11, 22, 3e6, time.UTC),
	}
}

func invited(accountID, id string) store.User {
	return store.User{
		AccountID: accountID, UserID: id, Email: id + "@example.com", License: "Pro", Type: "PrivateUser",
		Registration: store.Unregistered, Invitation: "Pending", InviteID: "invite-" + id,
		InvitedOn: time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC),
	}
}

func registered(accountID, id string) store.User {
	u := invited(accountID, id)
	u.Registration, u.Invitation = "Registered", "Accepted"
	u.RegisteredOn = time.Date(2026, 3, 1, 11, 30, 0, 5e6, time.UTC)
	u.DisplayName = "User " + id
	return u
}

func testAccounts(t *testing.T, f *fixture) {
	full := account(awsA, "a1")
	full.SigninDelegateGroups = []string{"Zeta", `quoted "and, comma"`}
	full.DisableRemoteControl, full.EnableDialOut = true, true
	full.RoomRetentionDays, full.ConversationRetentionDays, full.InitiateDeletion = 30, 5475, said
	full.Created = time.Date(2019, 1, 4, 18, 11, 22, 3_999_999, time.FixedZone("", 3600))
	bare := store.Account{AWSAccountID: awsA, AccountID: "a2", Name: "x"}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.InsertAccount(&full), tx.InsertAccount(&bare))
	})
	if full.Entry <= 0 || bare.Entry <= full.Entry {
		t.Errorf("got entries %d and %d, want positive and rising", full.Entry, bare.Entry)
	}

	want := full
	want.Created = time.Date(2019, 1, 4, 17, 11, 22, 3e6, time.UTC)
	f.view(func(r store.ReadTx) error {
		got, err := r.Account(awsA, "a1")
		same(t, "Account", got, want)
		if got.Created.Location() != time.UTC {
			t.Errorf("got a time in %v, want UTC", got.Created.Location())
		}
		found, err2 := r.FindAccount("a1")
		same(t, "FindAccount", found, want)
		got, err3 := r.Account(awsA, "a2")
		same(t, "Account with empty members", got, bare)
		return errors.Join(err, err2, err3)
	})
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Account(awsB, "a1"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Account(awsA, "a3"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.FindAccount("a3"); return err })

	changed := want
	changed.Name, changed.Type, changed.Status, changed.DefaultLicense = "New", "EnterpriseLWA", "Suspended", "Basic"
	changed.SupportedLicenses, changed.SigninDelegateGroups = []string{"Basic"}, nil
	changed.DisableRemoteControl, changed.EnableDialOut = false, false
	changed.RoomRetentionDays, changed.ConversationRetentionDays, changed.InitiateDeletion = 1, 0, time.Time{}
	f.update(func(tx store.Tx) error {
		if err := tx.UpdateAccount(changed); err != nil {
			return err
		}
		got, err := tx.Account(awsA, "a1")
		same(t, "Account inside the update", got, changed)
		return err
	})
	f.view(func(r store.ReadTx) error {
		got, err := r.Account(awsA, "a1")
		same(t, "Account after the update", got, changed)
		return err
	})

	foreign := account(awsB, "a1")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertAccount(&foreign) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertAccount(&want) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateAccount(account(awsB, "a1")) })
}

func testAccountListing(t *testing.T, f *fixture) {
	names := []string{"Sales", "sales", "Salt", "100%", "100x", "Größe", "Support"}
	f.update(func(tx store.Tx) error {
		for i, name := range names {
			a := account(awsA, fmt.Sprint("a", i))
			a.Name = name
			b := account(awsB, fmt.Sprint("b", i))
			b.Name = name
			if err := errors.Join(tx.InsertAccount(&a), tx.InsertAccount(&b)); err != nil {
				return err
			}
		}
		return nil
	})
	tests := []struct {
		filter store.AccountFilter
		want   []string
	}{
		{store.AccountFilter{}, []string{"a0", "a1", "a2", "a3", "a4", "a5", "a6"}},
		{store.AccountFilter{NamePrefix: "Sal"}, []string{"a0", "a2"}},
		{store.AccountFilter{NamePrefix: "100%"}, []string{"a3"}},
		{store.AccountFilter{NamePrefix: "Grö"}, []string{"a5"}},
		{store.AccountFilter{NamePrefix: "Salesman"}, nil},
		{store.AccountFilter{AccountIDs: []string{"a4", "b1", "a1", "none", "a4"}}, []string{"a1", "a4"}},
		{store.AccountFilter{AccountIDs: []string{"a1", "a2"}, NamePrefix: "Sal"}, []string{"a2"}},
		{store.AccountFilter{AccountIDs: []string{}}, nil},
	}
	for _, test := range tests {
		for _, limit := range []int{1, 2, 100} {
			var got []string
			var after store.Entry
			for more := true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.Accounts(awsA, test.filter, after, limit)
					for _, a := range page {
						got = append(got, a.AccountID)
					}
					more, after = next != 0, next
					return err
				})
			}
			same(t, fmt.Sprintf("Accounts with %+v, %d a page", test.filter, limit), got, test.want)
		}
	}
}

func testDeletedAccounts(t *testing.T, f *fixture) {
	a, kept := account(awsA, "a1"), account(awsA, "a2")
	f.update(func(tx store.Tx) error { return errors.Join(tx.InsertAccount(&a), tx.InsertAccount(&kept)) })

	user := f.insertUsers(invited("a1", "u1"))
	if err := f.Update(context.Background(), func(tx store.Tx) error {
		return tx.DeleteAccount(awsA, "a1", f.clock.now())
	}); err == nil {
		t.Error("an account with a user was deleted")
	}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.DeleteUsers("a1", user),
			tx.InsertDomain(store.Domain{Name: "example.com", AWSAccountID: awsA, AccountID: "a1"}))
	})
	if err := f.Update(context.Background(), func(tx store.Tx) error {
		return tx.DeleteAccount(awsA, "a1", f.clock.now())
	}); err == nil {
		t.Error("an account with a domain was deleted")
	}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.DeleteDomain("a1", "example.com"), tx.DeleteAccount(awsA, "a1", f.clock.now()))
	})

	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Account(awsA, "a1"); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.FindAccount("a1"); return err })
	for _, filter := range []store.AccountFilter{{}, {AccountIDs: []string{"a1", "a2"}}} {
		f.view(func(r store.ReadTx) error {
			got, _, err := r.Accounts(awsA, filter, 0, 10)
			same(t, "Accounts", got, []store.Account{kept})
			return err
		})
	}
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateAccount(a) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteAccount(awsA, "a1", f.clock.now()) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteAccount(awsB, "a2", f.clock.now()) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertAccount(&a) })
}

func testUsers(t *testing.T, f *fixture) {
	full := store.User{
		AccountID: "a1", UserID: "u1", Email: "Jane.Doe@Example.COM", DisplayName: "Jane \x01 Döe", License: "Pro",
		Type: "SharedDevice", Registration: "Registered", RegisteredOn: time.Date(2026, 2, 3, 4, 5, 6, 7e6, time.UTC),
		Invitation: "Accepted", InviteID: "i1", InvitedOn: time.Date(2026, 2, 1, 0, 0, 0, 1e6, time.UTC),
		AlexaEnabled: true, AlexaARN: "arn:x", PersonalPIN: "0123456789", PhoneNumber: "+12065550100",
		PhoneProductType: "BusinessCalling", InboundCalling: true, OutboundCalling: true, SMS: true,
	}
	bare := store.User{AccountID: "a1", UserID: "u0", Email: "b@example.com", Registration: store.Unregistered}
	users := f.insertUsers(full, bare, invited("a1", "u2"), invited("a2", "u1"))

	f.view(func(r store.ReadTx) error {
		got, err := r.Users("a1", []string{"u2", "u1", "nobody", "u0", "u1", "u2\x00", `"`, "\xff"})
		same(t, "Users", got, users[:3])
		got, err2 := r.Users("a2", []string{"u1", "u2"})
		same(t, "Users of another account", got, users[3:])
		got, err3 := r.Users("a1", nil)
		same(t, "no Users", len(got), 0)
		got, err4 := r.UsersByEmail("a1", []string{"B@example.com", "jane.doe@example.com", "none@example.com"})
		same(t, "UsersByEmail", got, users[:2])
		// No part of a key is taken for the key.
		got, err5 := r.Users("a1", []string{"u1\x00", "u2\x00x", "\x00u0", "u"})
		same(t, "Users with a NUL", len(got), 0)
		got, err6 := r.UsersByEmail("a1", []string{"b@example.com\x00", "u2@example.com\x00x"})
		same(t, "UsersByEmail with a NUL", len(got), 0)
		return errors.Join(err, err2, err3, err4, err5, err6)
	})
	a := store.Account{AWSAccountID: awsA, AccountID: "a1", Name: "Users"}
	f.update(func(tx store.Tx) error { return tx.InsertAccount(&a) })
	withAccount := func(r store.ReadTx) error {
		gotAccount, got, err := r.AccountUsers(awsA, "a1", []string{"u2", "u1", "nobody", "u1"})
		same(t, "account of AccountUsers", gotAccount.Name, "Users")
		same(t, "users of AccountUsers", got, []store.User{users[0], users[2]})
		if gotAccount, got, err := r.AccountUsers(awsB, "a1", []string{"u1"}); !errors.Is(err, store.ErrNotFound) || got != nil || gotAccount.Name != "" {
			t.Errorf("AccountUsers of another AWS account: got %v, %v, %v, want %v", gotAccount, got, err, store.ErrNotFound)
		}
		return err
	}
	f.view(withAccount)
	f.update(func(tx store.Tx) error { return withAccount(tx) })
	for id, want := range map[string]bool{"a1": true, "a2": true, "a3": false} {
		f.view(func(r store.ReadTx) error {
			got, err := r.HasUsers(id)
			if got != want {
				t.Errorf("HasUsers(%s): got %v, want %v", id, got, want)
			}
			return err
		})
	}

	taken := invited("a1", "u1")
	taken.Email = "new@example.com"
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertUsers([]store.User{taken}) })
	taken = invited("a1", "u9")
	taken.Email = "JANE.DOE@example.com"
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertUsers([]store.User{taken}) })

	f.update(func(tx store.Tx) error { return tx.DeleteUsers("a1", users[1:3]) })
	same(t, "users left", f.userIDs("a1"), []string{"u1"})
	same(t, "users left in the other account", f.userIDs("a2"), []string{"u1"})
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteUsers("a1", users[:2]) })
	same(t, "users after a failed deletion", f.userIDs("a1"), []string{"u1"})
	f.insertUsers(invited("a1", "u2")) // the keys are free again
}

func testUserListing(t *testing.T, f *fixture) {
	var users []store.User
	var want, devices, members []string
	for i := range 10 {
		u := invited("a1", fmt.Sprintf("u%d", (i*7)%10)) // ids in another order than entries
		want = append(want, u.UserID)
		if i%3 == 0 {
			u.Type = "SharedDevice"
			devices = append(devices, u.UserID)
		}
		if i%2 == 1 {
			u.Registration = "Registered"
			members = append(members, u.UserID)
		}
		users = append(users, u, invited("a2", u.UserID))
	}
	f.insertUsers(users...)

	tests := []struct {
		filter store.UserFilter
		want   []string
	}{
		{store.UserFilter{}, want},
		{store.UserFilter{Type: "SharedDevice"}, devices},
		{store.UserFilter{Registration: "Registered"}, members},
		{store.UserFilter{Email: "U7@EXAMPLE.com"}, []string{"u7"}},
		{store.UserFilter{Email: "u7@example.com", Registration: store.Unregistered}, nil},
		{store.UserFilter{Email: "u0@example.com", Type: "SharedDevice"}, []string{"u0"}},
		{store.UserFilter{Email: "u7@example.com", Type: "SharedDevice"}, nil},
		{store.UserFilter{Email: "u77@example.com"}, nil},
	}
	for _, test := range tests {
		for _, limit := range []int{1, 3, 200} {
			var got []string
			var after store.Entry
			for more := true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.ListUsers("a1", test.filter, after, limit)
					got = append(got, ids(page)...)
					more, after = next != 0, next
					return err
				})
			}
			same(t, fmt.Sprintf("ListUsers with %+v, %d a page", test.filter, limit), got, test.want)
		}
	}
}

func testUserChanges(t *testing.T, f *fixture) {
	users := f.insertUsers(registered("a1", "u1"), invited("a1", "u2"), registered("a1", "u3"))
	holders := f.addresses("u1@example.com", "u2@example.com", "u3@example.com")

	changed := slices.Clone(users)
	changed[0].License, changed[0].Type = "Basic", "SharedDevice"
	changed[0].AlexaEnabled, changed[0].AlexaARN = true, "arn:new"
	changed[0].InboundCalling, changed[0].OutboundCalling, changed[0].SMS = true, true, true
	changed[0].PhoneNumber, changed[0].PhoneProductType, changed[0].DisplayName = "+12065550100", "VoiceConnector", "Other"
	changed[1].Invitation, changed[1].InviteID, changed[1].InvitedOn = "Failed", "i9", time.Time{}
	changed[2].License, changed[2].Type, changed[2].AlexaEnabled, changed[2].AlexaARN = "Plus", "SharedDevice", true, "arn:3"
	f.update(func(tx store.Tx) error {
		return tx.UpdateUsers("a1", []store.UserChange{
			{Before: users[0], After: changed[0]}, {Before: users[1], After: changed[1]}, {Before: users[2], After: changed[2]},
		})
	})
	f.view(func(r store.ReadTx) error {
		got, err := r.Users("a1", []string{"u1", "u2", "u3"})
		same(t, "Users", got, changed)
		return err
	})
	same(t, "Addresses", f.addresses("u1@example.com", "u2@example.com", "u3@example.com"), holders)

	f.update(func(tx store.Tx) error { return tx.DeleteUsers("a1", changed[1:2]) })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error {
		return tx.UpdateUsers("a1", []store.UserChange{
			{Before: changed[0], After: users[0]}, {Before: changed[1], After: users[1]},
		})
	})
	f.view(func(r store.ReadTx) error {
		got, err := r.Users("a1", []string{"u1"})
		same(t, "a user after a failed change", got, changed[:1])
		return err
	})

	for name, after := range map[string]func(*store.User){
		"user id": func(u *store.User) { u.UserID = "other" },
		"account": func(u *store.User) { u.AccountID = "a2" },
		"entry":   func(u *store.User) { u.Entry++ },
	} {
		u := changed[0]
		after(&u)
		if err := f.Update(context.Background(), func(tx store.Tx) error {
			return tx.UpdateUsers("a1", []store.UserChange{{Before: changed[0], After: u}})
		}); err == nil {
			t.Errorf("changing the %s of a user: got no error", name)
		}
	}
}

func testAddresses(t *testing.T, f *fixture) {
	shared := func(accountID string, u store.User) store.User {
		u.AccountID, u.Email = accountID, "Pat@Example.com"
		return u
	}
	f.insertUsers(shared("a2", invited("", "u2")), shared("a1", registered("", "u1")), shared("a3", invited("", "u3")))
	want := []store.Address{
		{Email: "pat@example.com", AccountID: "a1", UserID: "u1", Registered: true},
		{Email: "pat@example.com", AccountID: "a2", UserID: "u2"},
		{Email: "pat@example.com", AccountID: "a3", UserID: "u3"},
	}
	same(t, "Addresses", f.addresses("PAT@example.com", "nobody@example.com", "pat@EXAMPLE.com"), want)

	// A second member with this address is refused, however the letters are written and however the
	// user comes to be one.
	second := shared("a4", registered("", "u4"))
	second.Email = "pat@example.COM"
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertUsers([]store.User{second}) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error {
		users, err := tx.Users("a2", []string{"u2"})
		if err != nil {
			return err
		}
		after := users[0]
		after.Registration = "Registered"
		return tx.UpdateUsers("a2", []store.UserChange{{Before: users[0], After: after}})
	})
	same(t, "Addresses after refusals", f.addresses("pat@example.com"), want)

	// A suspended member keeps the address.
	f.setRegistration("a1", "u1", "Suspended")
	same(t, "Addresses with a suspended member", f.addresses("pat@example.com"), want)
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertUsers([]store.User{second}) })

	// Once the member gives it up, it is free for the others.
	f.setRegistration("a1", "u1", store.Unregistered)
	f.setRegistration("a2", "u2", "Registered")
	want[0].Registered, want[1].Registered = false, true
	same(t, "Addresses after a change of member", f.addresses("pat@example.com"), want)
}

func (f *fixture) setRegistration(accountID, userID, registration string) {
	f.Helper()
	f.update(func(tx store.Tx) error {
		users, err := tx.Users(accountID, []string{userID})
		if err != nil {
			return err
		}
		after := users[0]
		after.Registration = registration
		return tx.UpdateUsers(accountID, []store.UserChange{{Before: users[0], After: after}})
	})
}

func testAddressMoves(t *testing.T, f *fixture) {
	member, guest := registered("a1", "u1"), invited("a2", "u2")
	guest.Email = member.Email
	users := f.insertUsers(member, guest)

	// From one account to another, in one update.
	joined := users[1]
	joined.Registration, joined.Invitation = "Registered", "Accepted"
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.DeleteUsers("a1", users[:1]),
			tx.UpdateUsers("a2", []store.UserChange{{Before: users[1], After: joined}}))
	})
	same(t, "Addresses after the move", f.addresses("u1@example.com"),
		[]store.Address{{Email: "u1@example.com", AccountID: "a2", UserID: "u2", Registered: true}})

	// A user gets another address, which frees the old one.
	renamed := joined
	renamed.Email = "Renamed@example.com"
	f.update(func(tx store.Tx) error {
		return tx.UpdateUsers("a2", []store.UserChange{{Before: joined, After: renamed}})
	})
	same(t, "Addresses after renaming", f.addresses("u1@example.com", "renamed@example.com"),
		[]store.Address{{Email: "renamed@example.com", AccountID: "a2", UserID: "u2", Registered: true}})
	f.view(func(r store.ReadTx) error {
		got, err := r.UsersByEmail("a2", []string{"u1@example.com", "RENAMED@example.com"})
		same(t, "UsersByEmail", got, []store.User{renamed})
		return err
	})
	f.insertUsers(registered("a1", "u1"))

	// Only the spelling changes: the address is the same.
	respelled := renamed
	respelled.Email = "RENAMED@example.com"
	f.update(func(tx store.Tx) error {
		return tx.UpdateUsers("a2", []store.UserChange{{Before: renamed, After: respelled}})
	})
	f.view(func(r store.ReadTx) error {
		got, err := r.UsersByEmail("a2", []string{"renamed@example.com"})
		same(t, "UsersByEmail after a new spelling", got, []store.User{respelled})
		return err
	})
}

func testPINs(t *testing.T, f *fixture) {
	with := func(u store.User, pin string) store.User { u.PersonalPIN = pin; return u }
	users := f.insertUsers(with(registered("a1", "u1"), "0000000001"), with(registered("a2", "u2"), "0000000002"),
		invited("a1", "u3"), invited("a1", "u4"))

	f.updateFails(store.ErrExists, func(tx store.Tx) error {
		return tx.InsertUsers([]store.User{with(registered("a3", "u5"), "0000000001")})
	})
	change := func(u store.User, pin string) []store.UserChange {
		return []store.UserChange{{Before: u, After: with(u, pin)}}
	}
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.UpdateUsers("a1", change(users[0], "0000000002")) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.UpdateUsers("a1", change(users[2], "0000000002")) })

	// A user takes what another gives up in the same call, whatever their order.
	f.update(func(tx store.Tx) error {
		return tx.UpdateUsers("a1", append(change(users[2], "0000000001"), change(users[0], "0000000003")...))
	})
	// Deleting the user frees the PIN.
	f.update(func(tx store.Tx) error { return tx.DeleteUsers("a2", users[1:2]) })
	f.insertUsers(with(registered("a3", "u6"), "0000000002"))
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.UpdateUsers("a1", change(users[3], "0000000003")) })
}

func testDomains(t *testing.T, f *fixture) {
	claimed := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	f.update(func(tx store.Tx) error {
		for _, d := range []store.Domain{
			{Name: "b.example", AWSAccountID: awsA, AccountID: "a1", Claimed: claimed},
			{Name: "a.example", AWSAccountID: awsA, AccountID: "a1", Claimed: claimed},
			{Name: "c.example", AWSAccountID: awsB, AccountID: "a2", Claimed: claimed},
		} {
			if err := tx.InsertDomain(d); err != nil {
				return err
			}
		}
		return nil
	})
	a := store.Domain{Name: "a.example", AWSAccountID: awsA, AccountID: "a1", Claimed: claimed}
	b, c := a, a
	b.Name = "b.example"
	c.Name, c.AWSAccountID, c.AccountID = "c.example", awsB, "a2"
	check := func(wantOwners, wantA1 []store.Domain) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			owners, err := r.DomainOwners([]string{"c.example", "none.example", "c.example", "b.example"})
			same(t, "DomainOwners", owners, wantOwners)
			domains, err2 := r.Domains("a1")
			same(t, "Domains", domains, wantA1)
			return errors.Join(err, err2)
		})
	}
	check([]store.Domain{b, c}, []store.Domain{a, b})

	f.updateFails(store.ErrExists, func(tx store.Tx) error {
		return tx.InsertDomain(store.Domain{Name: "c.example", AWSAccountID: awsA, AccountID: "a1"})
	})
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteDomain("a1", "c.example") })
	f.update(func(tx store.Tx) error { return tx.DeleteDomain("a1", "b.example") })
	check([]store.Domain{c}, []store.Domain{a})
}

func testAccessKeys(t *testing.T, f *fixture) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	young := store.AccessKey{KeyID: "AKIA1", AWSAccountID: awsA, Name: "ci", Policy: `{"Statement":[]}`,
		SealedSecret: []byte{0, 1, 0xff}, Created: created.Add(time.Hour), Expires: created.Add(48 * time.Hour)}
	old := store.AccessKey{KeyID: "AKIA2", AWSAccountID: awsA, Name: "root", Root: true, SealedSecret: []byte{2}, Created: created}
	other := store.AccessKey{KeyID: "AKIA3", AWSAccountID: awsB, SealedSecret: []byte{3}, Created: created}
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.PutAccessKey(young), tx.PutAccessKey(old), tx.PutAccessKey(other))
	})
	young.Disabled, young.Name, young.SealedSecret = true, "former ci", []byte{9, 9}
	f.update(func(tx store.Tx) error { return tx.PutAccessKey(young) })

	f.view(func(r store.ReadTx) error {
		got, err := r.AccessKey("AKIA1")
		same(t, "AccessKey", got, young)
		all, err2 := r.AccessKeys(awsA)
		same(t, "AccessKeys", all, []store.AccessKey{old, young})
		return errors.Join(err, err2)
	})
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.AccessKey("akia1"); return err })

	// The latest day counts, whoever comes last, and no change of a key takes it back.
	day := created.Truncate(24 * time.Hour)
	for _, used := range []time.Time{day, day.AddDate(0, 0, 1), day} {
		f.update(func(tx store.Tx) error {
			return errors.Join(tx.UseAccessKey("AKIA1", used), tx.UseAccessKey("AKIA0", used), tx.PutAccessKey(young))
		})
	}
	young.LastUsed = day.AddDate(0, 0, 1)
	f.view(func(r store.ReadTx) error {
		all, err := r.AccessKeys(awsA)
		same(t, "AccessKeys after use", all, []store.AccessKey{old, young})
		return err
	})

	stolen := other
	stolen.AWSAccountID = awsA
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.PutAccessKey(stolen) })

	f.update(func(tx store.Tx) error { return tx.DeleteAccessKey("AKIA1") })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.AccessKey("AKIA1"); return err })
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.DeleteAccessKey("AKIA1") })
}

func testAudit(t *testing.T, f *fixture) {
	base := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var records []store.AuditRecord
	for i := range 6 {
		records = append(records, store.AuditRecord{
			AWSAccountID: awsA, Time: base.Add(time.Duration(i) * time.Millisecond), RequestID: fmt.Sprint("r", i/2),
			KeyID: fmt.Sprint("AKIA", i%2), KeyName: "ci", UserAgent: "aws-cli/1.45", Operation: "BatchUpdateUser",
			AccountID: fmt.Sprint("a", i%3), Target: fmt.Sprint("u", i), Before: `{"LicenseType":"Basic"}`, After: `{"LicenseType":"Pro"}`,
		})
	}
	records[1].UserAgent = "carillon-bulk/1.0 job/7"
	records[2].UserAgent = "carillon-bulk/1.0 job/77"
	records[4].UserAgent = "job/7 behind/2"
	records[2].Operation = "UpdateUser"
	records[4].Before = `{"PrimaryEmail":"ana@example.com"}`
	records[3].AccountID, records[5].AccountID = "", "" // what belongs to the AWS account as a whole
	other := store.AuditRecord{AWSAccountID: awsB, Time: base, Operation: "CreateAccessKey", RequestID: "r0"}
	owner := account(awsA, "a1")
	f.update(func(tx store.Tx) error { return tx.InsertAccount(&owner) })
	// In two calls of one update, with one for another AWS account between them.
	f.update(func(tx store.Tx) error {
		first, last := slices.Clone(records[:4]), slices.Clone(records[4:])
		err := errors.Join(tx.AppendAudit(first), tx.AppendAudit([]store.AuditRecord{other}), tx.AppendAudit(last))
		records = slices.Concat(first, last)
		return err
	})
	if !slices.IsSortedFunc(records, func(a, b store.AuditRecord) int { return int(a.Entry - b.Entry) }) {
		t.Errorf("entries do not rise: %v", records)
	}

	tests := []struct {
		name   string
		filter store.AuditFilter
		want   []int
	}{
		{"all", store.AuditFilter{}, []int{0, 1, 2, 3, 4, 5}},
		{"account", store.AuditFilter{AccountID: "a1"}, []int{1, 4}},
		{"target", store.AuditFilter{Target: "u3"}, []int{3}},
		{"key", store.AuditFilter{Key: "AKIA1"}, []int{1, 3, 5}},
		{"name of a key", store.AuditFilter{Key: "ci"}, []int{0, 1, 2, 3, 4, 5}},
		{"unknown key", store.AuditFilter{Key: "AKIA"}, nil},
		{"addresses", store.AuditFilter{Emails: true}, []int{4}},
		{"addresses and a target", store.AuditFilter{Emails: true, Target: "u1"}, []int{1, 4}},
		{"operation", store.AuditFilter{Operation: "UpdateUser"}, []int{2}},
		{"job", store.AuditFilter{Job: "7"}, []int{1, 4}},
		{"longer job", store.AuditFilter{Job: "77"}, []int{2}},
		{"job of another spelling", store.AuditFilter{Job: "_"}, nil},
		{"time", store.AuditFilter{Since: base.Add(2 * time.Millisecond), Until: base.Add(4 * time.Millisecond)}, []int{2, 3}},
		{"several", store.AuditFilter{AccountID: "a1", Key: "AKIA1"}, []int{1}},
		{"no account", store.AuditFilter{AccountID: "a9"}, nil},
	}
	for _, test := range tests {
		var want []store.AuditRecord
		for _, i := range test.want {
			want = append(want, records[i])
		}
		read := func(filter store.AuditFilter) (got []store.AuditRecord) {
			var after store.Entry
			for more := true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.Audit(awsA, filter, after, 2)
					got = append(got, page...)
					more, after = next != 0, next
					return err
				})
			}
			return got
		}
		same(t, "Audit by "+test.name, read(test.filter), want)
		test.filter.Newest = true
		slices.Reverse(want)
		same(t, "Audit, newest first, by "+test.name, read(test.filter), want)
	}

	f.view(func(r store.ReadTx) error {
		got, next, err := r.Audit(awsB, store.AuditFilter{AccountID: "a1"}, 0, 10)
		same(t, "records of another AWS account's account", len(got)+int(next), 0)
		return err
	})

	f.view(func(r store.ReadTx) error {
		accounts, err := r.AWSAccounts()
		same(t, "AWSAccounts", accounts, []string{awsA, awsB})
		return err
	})

	// Many at once, of several requests.
	var many []store.AuditRecord
	for i := range 66 {
		many = append(many, store.AuditRecord{AWSAccountID: "777788889999", Time: base, RequestID: fmt.Sprint("r", min(i/45, 1)), AccountID: "many",
			Target: fmt.Sprint("u", i), Before: fmt.Sprint("b", i), After: fmt.Sprint("a", i)})
	}
	f.update(func(tx store.Tx) error { return tx.AppendAudit(many) })
	f.view(func(r store.ReadTx) error {
		got, _, err := r.Audit("777788889999", store.AuditFilter{}, 0, 100)
		same(t, "many records", got, many)
		return err
	})

	// What is undone leaves no trace.
	f.updateFails(errUndo, func(tx store.Tx) error {
		if err := tx.AppendAudit([]store.AuditRecord{other}); err != nil {
			return err
		}
		return errUndo
	})
	f.view(func(r store.ReadTx) error {
		got, _, err := r.Audit(awsB, store.AuditFilter{}, 0, 10)
		if len(got) != 1 {
			t.Errorf("got %d records of %s, want 1", len(got), awsB)
		}
		return err
	})
}

// testAuditDeletion removes the beginning of one trail, piece by piece, and nothing else.
func testAuditDeletion(t *testing.T, f *fixture) {
	f.view(func(r store.ReadTx) error {
		got, next, err := r.Audit(awsB, store.AuditFilter{AccountID: "a1"}, 0, 10)
		same(t, "records of another AWS account's account", len(got)+int(next), 0)
		return err
	})

	f.view(func(r store.ReadTx) error {
		accounts, err := r.AWSAccounts()
		if len(accounts) != 0 {
			t.Errorf("AWSAccounts of an empty store: got %q, want none", accounts)
		}
		return err
	})
	base := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var all []store.AuditRecord
	for i := range 5 {
		for _, aws := range []string{awsA, awsB} {
			all = append(all, store.AuditRecord{AWSAccountID: aws, Time: base.Add(time.Duration(i) * time.Second), Target: fmt.Sprint(i)})
		}
	}
	f.update(func(tx store.Tx) error { return tx.AppendAudit(slices.Clone(all)) })

	targets := func(aws string) (targets []string) {
		f.view(func(r store.ReadTx) error {
			records, _, err := r.Audit(aws, store.AuditFilter{}, 0, 10)
			for _, record := range records {
				targets = append(targets, record.Target)
			}
			return err
		})
		return targets
	}
	for _, want := range []struct {
		removed int
		left    []string
	}{{2, []string{"2", "3", "4"}}, {1, []string{"3", "4"}}, {0, []string{"3", "4"}}} {
		f.update(func(tx store.Tx) error {
			n, err := tx.DeleteAudit(awsA, base.Add(3*time.Second), 2)
			if n != want.removed {
				t.Errorf("DeleteAudit: got %d removed, want %d", n, want.removed)
			}
			return err
		})
		same(t, "trail", targets(awsA), want.left)
	}
	same(t, "trail of the other", targets(awsB), []string{"0", "1", "2", "3", "4"})

	// Updates that overlap leave records that are not in order of time; they are found. Old records
	// that come after many much younger ones are not looked for.
	const much = 2000
	var mixed []store.AuditRecord
	at := func(seconds int) {
		mixed = append(mixed, store.AuditRecord{AWSAccountID: awsC, Time: base.Add(time.Duration(seconds) * time.Second)})
	}
	for i := range much {
		at(i % 7) // 5 of 7 are from before the 5th second
	}
	f.update(func(tx store.Tx) error { return tx.AppendAudit(mixed) })
	mixed = nil
	for range much {
		at(2 * 3600)
	}
	at(0)
	f.update(func(tx store.Tx) error { return tx.AppendAudit(mixed) })
	old := (much/7)*5 + min(much%7, 5)
	for _, want := range []struct{ before, limit, removed int }{{5, old - 1, old - 1}, {5, old, 1}, {5, 10, 0}, {7, 10 * much, much - old}, {3 * 3600, 10 * much, much + 1}} {
		f.update(func(tx store.Tx) error {
			n, err := tx.DeleteAudit(awsC, base.Add(time.Duration(want.before)*time.Second), want.limit)
			if n != want.removed {
				t.Errorf("DeleteAudit before second %d, limit %d: got %d removed, want %d", want.before, want.limit, n, want.removed)
			}
			return err
		})
	}
}

func testGlobalSettings(t *testing.T, f *fixture) {
	check := func(aws string, want store.GlobalSettings) {
		t.Helper()
		f.view(func(r store.ReadTx) error {
			got, err := r.GlobalSettings(aws)
			same(t, "GlobalSettings", got, want)
			return err
		})
	}
	check(awsA, store.GlobalSettings{})
	for _, g := range []store.GlobalSettings{{BusinessCallingBucket: "calls"}, {VoiceConnectorBucket: "voice"}, {}} {
		f.update(func(tx store.Tx) error { return tx.PutGlobalSettings(awsA, g) })
		check(awsA, g)
		check(awsB, store.GlobalSettings{})
	}
}

var errUndo = errors.New("undo")

func testSettings(t *testing.T, f *fixture) {
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Setting("x"); return err })
	for _, value := range []string{"one", "", "\x00\xff"} {
		f.update(func(tx store.Tx) error { return tx.PutSetting("x", []byte(value)) })
		f.view(func(r store.ReadTx) error {
			got, err := r.Setting("x")
			if string(got) != value {
				t.Errorf("Setting: got %q, want %q", got, value)
			}
			return err
		})
	}
}

func testEntries(t *testing.T, f *fixture) {
	start := f.clock.now()
	first := f.insertUsers(invited("a1", "u1"), invited("a2", "v1"), invited("a1", "u2"))
	if want := store.Entry(start.UnixMilli() << 20); first[0].Entry < want {
		t.Errorf("got first entry %d, want at least that of the time, %d", first[0].Entry, want)
	}
	f.clock.set(start.Add(-time.Hour))
	second := f.insertUsers(invited("a1", "u3"), invited("a1", "u4"))
	f.clock.set(start.Add(time.Hour))
	third := f.insertUsers(invited("a1", "u5"))
	if want := store.Entry(start.Add(time.Hour).UnixMilli() << 20); third[0].Entry < want {
		t.Errorf("got entry %d after the clock went on, want at least %d", third[0].Entry, want)
	}
	got := []store.Entry{first[0].Entry, first[2].Entry, second[0].Entry, second[1].Entry, third[0].Entry}
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Errorf("entries do not rise: %d", got)
		}
	}
	same(t, "users in order", f.userIDs("a1"), []string{"u1", "u2", "u3", "u4", "u5"})
}

// A reader has come to the last user, who is then deleted. The reader must still see the next user.
func testEntriesAcrossDeletion(t *testing.T, f *fixture) {
	users := f.insertUsers(invited("a1", "u1"), invited("a1", "u2"))
	f.update(func(tx store.Tx) error { return tx.DeleteUsers("a1", users[1:]) })
	f.clock.advance(-time.Minute)
	f.insertUsers(invited("a1", "u3"))
	f.view(func(r store.ReadTx) error {
		page, _, err := r.ListUsers("a1", store.UserFilter{}, users[1].Entry, 10)
		same(t, "the page after a deleted user", ids(page), []string{"u3"})
		return err
	})
}

func testAllOrNothing(t *testing.T, f *fixture) {
	kept := f.insertUsers(invited("a1", "kept"))
	write := func(tx store.Tx) error {
		a := account(awsA, "a9")
		return errors.Join(tx.InsertUsers([]store.User{registered("a1", "lost")}), tx.DeleteUsers("a1", kept),
			tx.PutSetting("lost", []byte("x")), tx.InsertAccount(&a), tx.AppendAudit([]store.AuditRecord{{AWSAccountID: awsA}}))
	}
	check := func(what string) {
		t.Helper()
		same(t, "users after "+what, f.userIDs("a1"), []string{"kept"})
		same(t, "Addresses after "+what, f.addresses("lost@example.com"), []store.Address(nil))
		same(t, "setting after "+what, f.setting("lost"), "")
		f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.FindAccount("a9"); return err })
		f.view(func(r store.ReadTx) error {
			got, _, err := r.Audit(awsA, store.AuditFilter{}, 0, 10)
			same(t, "audit records after "+what, len(got), 0)
			return err
		})
	}

	if err := f.Update(context.Background(), func(tx store.Tx) error {
		if err := write(tx); err != nil {
			return err
		}
		return errUndo
	}); err != errUndo {
		t.Fatalf("Update: got error %v, want that of the function", err)
	}
	check("an error")

	func() {
		defer func() {
			if got := recover(); got != "boom" {
				t.Fatalf("recovered %v, want the panic of the function", got)
			}
		}()
		f.Update(context.Background(), func(tx store.Tx) error {
			if err := write(tx); err != nil {
				t.Error(err)
			}
			panic("boom")
		})
	}()
	check("a panic")

	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Update(context.Background(), func(tx store.Tx) error {
			if err := write(tx); err != nil {
				t.Error(err)
			}
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	check("the end of the goroutine")

	// A view that panics takes nothing with it either.
	func() {
		defer func() { recover() }()
		f.View(context.Background(), func(r store.ReadTx) error {
			r.HasUsers("a1")
			panic("boom")
		})
	}()
	check("a panic of a view")
	f.update(write)
	same(t, "users after success", f.userIDs("a1"), []string{"lost"})
}

func testHiddenErrors(t *testing.T, f *fixture) {
	users := f.insertUsers(invited("a1", "u1"))
	tests := []struct {
		name string
		call func(store.Tx) error
		want error
	}{
		{"InsertUsers", func(tx store.Tx) error {
			return tx.InsertUsers([]store.User{invited("a1", "u2"), invited("a1", "u1")})
		}, store.ErrExists},
		{"UpdateAccount", func(tx store.Tx) error { return tx.UpdateAccount(account(awsA, "none")) }, store.ErrNotFound},
		{"DeleteUsers", func(tx store.Tx) error {
			return tx.DeleteUsers("a1", []store.User{users[0], invited("a1", "u3")})
		}, store.ErrNotFound},
	}
	for _, test := range tests {
		f.updateFails(test.want, func(tx store.Tx) error {
			if err := tx.PutSetting("x", []byte("lost")); err != nil {
				return err
			}
			if err := test.call(tx); !errors.Is(err, test.want) {
				t.Errorf("%s: got error %v, want %v", test.name, err, test.want)
			}
			if _, err := tx.HasUsers("a1"); !errors.Is(err, test.want) {
				t.Errorf("reading after %s failed: got error %v, want %v", test.name, err, test.want)
			}
			return nil
		})
		same(t, "setting after hidden error of "+test.name, f.setting("x"), "")
		same(t, "users after hidden error of "+test.name, f.userIDs("a1"), []string{"u1"})
	}

	// Reads that find nothing do no harm.
	f.update(func(tx store.Tx) error {
		if _, err := tx.Setting("x"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Setting: got error %v, want %v", err, store.ErrNotFound)
		}
		return tx.PutSetting("x", []byte("kept"))
	})
	same(t, "setting", f.setting("x"), "kept")

	// A transaction cannot be used after its end.
	var escaped store.Tx
	f.update(func(tx store.Tx) error { escaped = tx; return nil })
	if err := escaped.PutSetting("x", []byte("late")); err == nil {
		t.Error("writing after the end of the update: got no error")
	}
	same(t, "setting", f.setting("x"), "kept")
}

// Updates that share a commit fail alone.
func testFailingNeighbors(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	var want []string
	for i := range 48 {
		id := fmt.Sprintf("u%02d", i)
		kind := i % 3
		if kind == 0 {
			want = append(want, id)
		}
		wg.Go(func() {
			defer func() { recover() }()
			err := f.Update(context.Background(), func(tx store.Tx) error {
				if err := tx.InsertUsers([]store.User{registered("a1", id)}); err != nil {
					return err
				}
				switch kind {
				case 1:
					return errUndo
				case 2:
					panic("boom")
				}
				return nil
			})
			if kind == 0 && err != nil || kind == 1 && err != errUndo {
				t.Errorf("update %d: got error %v", i, err)
			}
		})
	}
	wg.Wait()
	got := f.userIDs("a1")
	slices.Sort(got)
	same(t, "users", got, want)
}

func testSnapshots(t *testing.T, f *fixture) {
	f.insertUsers(invited("a1", "u1"))
	f.view(func(r store.ReadTx) error {
		list := func() []string {
			users, _, err := r.ListUsers("a1", store.UserFilter{}, 0, 10)
			if err != nil {
				t.Error(err)
			}
			return ids(users)
		}
		same(t, "before", list(), []string{"u1"})
		inserted := make(chan error)
		go func() {
			inserted <- f.Update(context.Background(), func(tx store.Tx) error {
				return tx.InsertUsers([]store.User{invited("a1", "u2")})
			})
		}()
		if err := <-inserted; err != nil {
			t.Error(err)
		}
		same(t, "the snapshot after another's commit", list(), []string{"u1"})
		addresses, err := r.Addresses([]string{"u2@example.com"})
		same(t, "addresses in the snapshot", len(addresses), 0)
		return err
	})
	same(t, "after", f.userIDs("a1"), []string{"u1", "u2"})

	// A view does not see an update that has not ended, and does not wait for it.
	f.update(func(tx store.Tx) error {
		if err := tx.InsertUsers([]store.User{invited("a1", "u3")}); err != nil {
			return err
		}
		seen := make(chan []string)
		go func() {
			var got []string
			f.View(context.Background(), func(r store.ReadTx) error {
				users, _, err := r.ListUsers("a1", store.UserFilter{}, 0, 10)
				got = ids(users)
				return err
			})
			seen <- got
		}()
		same(t, "a view beside an update", <-seen, []string{"u1", "u2"})
		return nil
	})
	same(t, "after the update", f.userIDs("a1"), []string{"u1", "u2", "u3"})
}

func testConcurrentUpdates(t *testing.T, f *fixture) {
	const updaters, each = 64, 5
	var wg sync.WaitGroup
	for range updaters {
		wg.Go(func() {
			for range each {
				var mine int
				if err := f.Update(context.Background(), func(tx store.Tx) error {
					value, err := tx.Setting("counter")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					n, _ := strconv.Atoi(string(value))
					mine = n + 1
					return tx.PutSetting("counter", []byte(strconv.Itoa(mine)))
				}); err != nil {
					t.Errorf("Update: %v", err)
				}
				// Everybody sees what was acknowledged.
				if err := f.View(context.Background(), func(r store.ReadTx) error {
					value, err := r.Setting("counter")
					if n, _ := strconv.Atoi(string(value)); n < mine {
						t.Errorf("read %d after %d was written", n, mine)
					}
					return err
				}); err != nil {
					t.Errorf("View: %v", err)
				}
			}
		})
	}
	wg.Wait()
	same(t, "counter", f.setting("counter"), strconv.Itoa(updaters*each))
}

func testPagesUnderInsertion(t *testing.T, f *fixture) {
	var staying []store.User
	for i := range 40 {
		staying = append(staying, invited("a1", fmt.Sprint("stays", i)))
	}
	leaving := []store.User{}
	for i := range 20 { // among the others
		leaving = append(leaving, invited("a1", fmt.Sprint("leaves", i)))
		f.insertUsers(staying[2*i], staying[2*i+1])
		f.update(func(tx store.Tx) error { return tx.InsertUsers(leaving[i:]) })
	}

	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				f.clock.advance(time.Duration(1-i%3) * time.Millisecond) // the clock is unsteady
				if err := f.Update(context.Background(), func(tx store.Tx) error {
					if i < 10 {
						if err := tx.DeleteUsers("a1", leaving[10*w+i:10*w+i+1]); err != nil {
							return err
						}
					}
					return tx.InsertUsers([]store.User{invited("a1", fmt.Sprint("new", w, "-", i))})
				}); err != nil {
					t.Errorf("Update: %v", err)
					return
				}
			}
		})
	}
	for range 20 {
		count := make(map[string]int)
		var after store.Entry
		for range 40 {
			f.view(func(r store.ReadTx) error {
				page, _, err := r.ListUsers("a1", store.UserFilter{}, after, 3)
				for _, u := range page {
					if u.Entry <= after {
						t.Errorf("entry %d comes after %d", u.Entry, after)
					}
					after = u.Entry
					count[u.UserID]++
				}
				return err
			})
		}
		for _, u := range staying {
			if n := count[u.UserID]; n != 1 {
				t.Errorf("user %s: seen %d times, want once", u.UserID, n)
			}
		}
	}
	close(stop)
	wg.Wait()
}

// Errors end up in a log, where names and addresses have no place.
func testPrivateErrors(t *testing.T, f *fixture) {
	const email, pin, name = "jane.doe@corp.example", "0123456789", "Jane Doe"
	member := registered("a1", "u1")
	member.Email, member.PersonalPIN, member.DisplayName = email, pin, name
	domain := store.Domain{Name: "corp.example", AWSAccountID: awsA, AccountID: "a1"}
	f.insertUsers(member, invited("a1", "u2"))
	f.update(func(tx store.Tx) error { return tx.InsertDomain(domain) })
	insert := func(accountID, userID string, change func(*store.User)) func(store.Tx) error {
		u := member
		u.AccountID, u.UserID = accountID, userID
		change(&u)
		return func(tx store.Tx) error { return tx.InsertUsers([]store.User{u}) }
	}
	change := func(change func(*store.User)) func(store.Tx) error {
		return func(tx store.Tx) error {
			users, err := tx.Users("a1", []string{"u2"})
			if err != nil {
				return err
			}
			after := users[0]
			change(&after)
			return tx.UpdateUsers("a1", []store.UserChange{{Before: users[0], After: after}})
		}
	}
	for what, fn := range map[string]func(store.Tx) error{
		"user id":                   insert("a1", "u1", func(u *store.User) { u.Email, u.PersonalPIN = "x"+email, "" }),
		"address in the account":    insert("a1", "u3", func(u *store.User) { u.PersonalPIN = "" }),
		"address of a member":       insert("a2", "u3", func(u *store.User) { u.PersonalPIN = "" }),
		"PIN":                       insert("a2", "u3", func(u *store.User) { u.Email = "x" + email }),
		"address, taken by changes": change(func(u *store.User) { u.Email = email }),
		"PIN, taken by changes":     change(func(u *store.User) { u.PersonalPIN = pin }),
		"domain":                    func(tx store.Tx) error { return tx.InsertDomain(domain) },
	} {
		err := f.Update(context.Background(), fn)
		if !errors.Is(err, store.ErrExists) {
			t.Errorf("%s: got error %v, want %v", what, err, store.ErrExists)
			continue
		}
		for _, private := range []string{"jane", "corp.example", pin, name} {
			if strings.Contains(err.Error(), private) {
				t.Errorf("%s: the error tells %q: %v", what, private, err)
			}
		}
	}
}

func testStats(t *testing.T, f *fixture) {
	check := func(after string, want store.Stats) {
		t.Helper()
		got := f.Stats()
		got.LogBytes, got.Repeats, got.FreeBytes = 0, 0, nil // differ between engines
		if committed := got.Commits > 0; got.LastCommit.IsZero() == committed || time.Since(got.LastCommit) > time.Hour && committed {
			t.Errorf("Stats after %s: the last commit was at %v", after, got.LastCommit)
		}
		got.LastCommit = time.Time{}
		same(t, "Stats after "+after, got, want)
	}
	check("opening", store.Stats{})
	f.insertUsers(invited("a1", "u1"))
	check("a change", store.Stats{Committed: 1, Commits: 1})
	f.update(func(tx store.Tx) error { _, err := tx.HasUsers("a1"); return err })
	check("an update that only reads", store.Stats{Committed: 2, Commits: 1})

	f.updateFails(errUndo, func(tx store.Tx) error { return errors.Join(tx.PutSetting("x", nil), errUndo) })
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertUsers([]store.User{invited("a1", "u1")}) })
	func() {
		defer func() { recover() }()
		f.Update(context.Background(), func(store.Tx) error { panic("boom") })
	}()
	over, cancel := context.WithCancel(context.Background())
	cancel()
	f.Update(over, func(store.Tx) error { return nil })
	check("four that were undone", store.Stats{Committed: 2, Commits: 1, Undone: 4})

	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.updateFails(store.ErrUnavailable, func(store.Tx) error { return nil })
	check("one that failed", store.Stats{Committed: 2, Commits: 1, Undone: 4, Failed: 1})
}

func testSeats(t *testing.T, f *fixture) {
	check := func(of string, want map[string]int) {
		t.Helper()
		got, err := f.Seats(context.Background())
		if err != nil {
			t.Fatalf("Seats: %v", err)
		}
		same(t, "Seats of "+of, got, want)
	}
	check("nobody", map[string]int{})
	with := func(u store.User, license string) store.User { u.License = license; return u }
	users := f.insertUsers(with(registered("a1", "u1"), "Pro"), with(invited("a1", "u2"), "Pro"),
		with(registered("a2", "u3"), "Basic"), with(registered("a2", "u4"), "Pro"), with(registered("a2", "u5"), ""))
	check("two accounts", map[string]int{"Basic": 1, "Pro": 3})
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.DeleteUsers("a1", users[:1]),
			tx.UpdateUsers("a2", []store.UserChange{{Before: users[2], After: with(users[2], "Plus")}}))
	})
	check("those who are left", map[string]int{"Plus": 1, "Pro": 2})

	over, cancel := context.WithCancel(context.Background())
	cancel()
	if got, err := f.Seats(over); !errors.Is(err, context.Canceled) {
		t.Errorf("Seats after the end of the context: got %v, %v, want %v", got, err, context.Canceled)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Seats(context.Background()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Seats of a closed store: got %v, %v, want %v", got, err, store.ErrUnavailable)
	}
}

func testContexts(t *testing.T, f *fixture) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	never := func(store.Tx) error { t.Error("the function ran"); return nil }
	if err := f.Update(ended, never); !errors.Is(err, context.Canceled) {
		t.Errorf("Update: got error %v, want %v", err, context.Canceled)
	}
	if _, err := f.AccessKey(ended, "AKIA"); !errors.Is(err, context.Canceled) {
		t.Errorf("AccessKey: got error %v, want %v", err, context.Canceled)
	}
	if err := f.View(ended, func(store.ReadTx) error { t.Error("the function ran"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("View: got error %v, want %v", err, context.Canceled)
	}

	// An update that waits for its turn gives up. (An engine that runs both at the same time may
	// have begun it.)
	f.update(func(store.Tx) error {
		ctx, cancel := context.WithCancel(context.Background())
		ran := false
		result := make(chan error)
		go func() { result <- f.Update(ctx, func(store.Tx) error { ran = true; return nil }) }()
		cancel()
		if err := <-result; ran && err != nil || !ran && !errors.Is(err, context.Canceled) {
			t.Errorf("Update while another runs: got error %v, want %v, or none if it ran; it ran: %v", err, context.Canceled, ran)
		}
		return nil
	})

	// An update that has begun is carried through.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := f.Update(ctx, func(tx store.Tx) error {
		cancel()
		if _, err := tx.HasUsers("a1"); err != nil {
			return err
		}
		return tx.PutSetting("x", []byte("kept"))
	}); err != nil {
		t.Errorf("Update: got error %v after it had begun", err)
	}
	same(t, "setting", f.setting("x"), "kept")

	// A view ends with its context.
	ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	if err := f.View(ctx, func(r store.ReadTx) error {
		cancel()
		_, err := r.HasUsers("a1")
		return err
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("View: got error %v, want %v", err, context.Canceled)
	}
}

func testClosed(t *testing.T, f *fixture) {
	ctx := context.Background()
	if err := f.Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if err := f.Ping(ctx); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("Ping: got error %v, want %v", err, store.ErrUnavailable)
	}
	if _, err := f.AccessKey(ctx, "AKIA"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("AccessKey: got error %v, want %v", err, store.ErrUnavailable)
	}
	f.updateFails(store.ErrUnavailable, func(store.Tx) error { t.Error("the function ran"); return nil })
	f.viewFails(store.ErrUnavailable, func(store.ReadTx) error { t.Error("the function ran"); return nil })
}
