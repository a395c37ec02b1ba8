package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// RunAddresses tests the upgrade of a database from a release that compared addresses in lower
// case. old makes one, with the schema of that release; it returns a function that runs SQL on it,
// and one that opens it with this release and returns what was found.
func RunAddresses(t *testing.T, old func(*testing.T) (exec func(sql string), open func() (store.Store, store.Upgraded))) {
	exec, open := old(t)
	insertUser := func(account, id, email, registration string) {
		key := strings.ToLower(email)
		entry := strings.TrimPrefix(id, "u")
		exec(fmt.Sprintf(`INSERT INTO users (account_id, entry, user_id, email_key, email, display_name, license, type, registration,
			registered_on, invitation, invite_id, invited_on, alexa_enabled, alexa_arn, personal_pin, phone_number, phone_product_type,
			inbound_calling, outbound_calling, sms)
			VALUES ('%s', %s, '%s', '%s', '%s', '', 'Pro', 'PrivateUser', '%s', 0, '', '', 0, FALSE, '', 'pin %s', '', '', FALSE, FALSE, FALSE);
			INSERT INTO emails (email_key, account_id, user_id, registered) VALUES ('%s', '%s', '%s', %t);
			INSERT INTO pins (pin, account_id, user_id) VALUES ('pin %s', '%s', '%s')`,
			account, entry, id, key, email, registration, id, key, account, id, registration != store.Unregistered, id, account, id))
	}
	const member, guest = "Registered", store.Unregistered
	insertUser("a1", "u1", "Plain@example.com", member)
	insertUser("a1", "u2", "Jose\u0301@corp.example", member) // two normal forms of one address
	insertUser("a1", "u3", "José@corp.example", member)
	insertUser("a1", "u4", "Jose\u0301@ｃorp.example", guest) // and a third spelling
	insertUser("a1", "u5", "X@corp.example.", member)
	insertUser("a1", "u6", "x@evil@corp.example", guest)
	insertUser("a1", "u7", "ü@example.com", guest) // invited, and a member under another spelling
	insertUser("a1", "u8", "u\u0308@example.com", member)
	insertUser("a2", "u9", "josé@ｃorp.example", member) // a member of another account
	insertUser("a2", "u10", "Zed@ｃorp.example", "Suspended")
	insertUser("a2", "u11", "İ@example.com", guest)        // kept as i@example.com
	insertUser("a2", "u12", "i@ｅxample.com", guest)        // which is what this one needs
	insertUser("a2", "u13", "x@bücher.example", guest)     // alone
	insertUser("a2", "u14", "x\u200b@example.com", member) // nobody sees the difference to u15
	insertUser("a2", "u15", "x@example.com", member)
	for i, d := range [][2]string{{"corp.example", "a1"}, {"bücher.example", "a1"}, {"xn--bcher-kva.example", "a2"}, {"ümlaut.example", "a2"},
		{"\u0301x.example", "a2"}} {
		exec(fmt.Sprintf(`INSERT INTO domains (name, aws_account_id, account_id, claimed) VALUES ('%s', '%s', '%s', %d)`, d[0], awsA, d[1], i+1))
	}

	s, found := open()
	claim := func(name, account string, at int64) store.Domain {
		return store.Domain{Name: name, AWSAccountID: awsA, AccountID: account, Claimed: time.UnixMilli(at).UTC()}
	}
	name := func(account, id string) store.UserName { return store.UserName{AccountID: account, UserID: id} }
	same(t, "what the upgrade found", found, store.Upgraded{
		Users:   8,
		Unfit:   []store.UserName{name("a1", "u5"), name("a1", "u6"), name("a2", "u14")},
		Doubled: []store.UserName{name("a1", "u2"), name("a1", "u4"), name("a1", "u7"), name("a2", "u9")},
		Claimed: []store.UserName{name("a2", "u9"), name("a2", "u10")},
		Domains: []store.Domain{claim("bücher.example", "a1", 2), claim("\u0301x.example", "a2", 5)},
	})
	s.Close()
	s, found = open()
	defer s.Close()
	same(t, "what the next start found", found, store.Upgraded{})

	view := func(fn func(store.ReadTx) error) {
		t.Helper()
		if err := s.View(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	held := func(email string, want ...store.Address) {
		t.Helper()
		view(func(r store.ReadTx) error {
			got, err := r.Addresses([]string{email})
			same(t, "holders of "+email, got, want)
			return err
		})
	}
	const jose, zed = "josé@corp.example", "zed@corp.example"
	for _, spelling := range []string{jose, "JOSE\u0301@CORP.example", "jose\u0301@ｃｏｒｐ.example"} {
		held(spelling, store.Address{Email: jose, AccountID: "a1", UserID: "u3", Registered: true})
	}
	held("ü@example.com", store.Address{Email: "ü@example.com", AccountID: "a1", UserID: "u8", Registered: true})
	held(zed, store.Address{Email: zed, AccountID: "a2", UserID: "u10", Registered: true})
	held("İ@example.com", store.Address{Email: "i\u0307@example.com", AccountID: "a2", UserID: "u11"})
	held("i@example.com", store.Address{Email: "i@example.com", AccountID: "a2", UserID: "u12"})
	held("x@BÜCHER.example", store.Address{Email: "x@xn--bcher-kva.example", AccountID: "a2", UserID: "u13"})
	held("x@corp.example")
	held("x@CORP.example.", store.Address{Email: "x@corp.example.", AccountID: "a1", UserID: "u5", Registered: true}) // as before

	err := s.Update(t.Context(), func(tx store.Tx) error {
		return tx.InsertUsers([]store.User{{AccountID: "a1", UserID: "new", Email: "Jose\u0301@ⓒorp.example", Registration: guest}})
	})
	if !errors.Is(err, store.ErrExists) {
		t.Errorf("a second user with an address: got %v, want ErrExists", err)
	}
	view(func(r store.ReadTx) error {
		got, err := r.DomainOwners([]string{"xn--bcher-kva.example", "xn--mlaut-jva.example", "corp.example"})
		same(t, "claims", got, []store.Domain{claim("corp.example", "a1", 1), claim("xn--bcher-kva.example", "a2", 3), claim("xn--mlaut-jva.example", "a2", 4)})
		return err
	})
	Update(t, s, func(tx store.Tx) error { return tx.DeleteDomain("a1", "bücher.example") })

	// Nobody is locked out: all are there, and can be changed, leave, and come back.
	for account, want := range map[string]int{"a1": 8, "a2": 7} {
		users := make([]store.User, 0, want)
		view(func(r store.ReadTx) (err error) {
			users, _, err = r.ListUsers(account, store.UserFilter{}, 0, 100)
			return err
		})
		same(t, "users of "+account, len(users), want)
		for _, u := range users {
			was := u.Registration
			for _, now := range []string{was, guest, was} {
				Update(t, s, func(tx store.Tx) error {
					read, err := tx.Users(account, []string{u.UserID})
					if err != nil {
						return err
					}
					after := read[0]
					after.License, after.Registration = "Basic", now
					return tx.UpdateUsers(account, []store.UserChange{{Before: read[0], After: after}})
				})
			}
			u.License = "Basic"
			view(func(r store.ReadTx) error {
				got, err := r.Users(account, []string{u.UserID})
				same(t, "user "+u.UserID, got, []store.User{u})
				return err
			})
		}
	}
	held(jose, store.Address{Email: jose, AccountID: "a1", UserID: "u3", Registered: true})
	for account, ids := range map[string][]string{"a1": {"u2", "u4", "u5", "u7"}, "a2": {"u9", "u14"}} {
		Update(t, s, func(tx store.Tx) error {
			users, err := tx.Users(account, ids)
			if err != nil {
				return err
			}
			return tx.DeleteUsers(account, users)
		})
	}
	held(jose, store.Address{Email: jose, AccountID: "a1", UserID: "u3", Registered: true})
	Update(t, s, func(tx store.Tx) error {
		users, err := tx.Users("a1", []string{"u3"})
		if err != nil {
			return err
		}
		return tx.DeleteUsers("a1", users)
	})
	held(jose)
	// Their PINs and addresses are free again.
	Update(t, s, func(tx store.Tx) error {
		return tx.InsertUsers([]store.User{{AccountID: "a2", UserID: "new", Email: jose, Registration: member, PersonalPIN: "pin u2"}})
	})
}
