package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carillon-project/carillon/internal/store"
)

// turn is what an update looks at, and how it changes that.
type turn struct {
	name  string
	free  func(tx store.Tx, round string) (bool, error)
	claim func(tx store.Tx, round, who string) error
}

// testTurns checks for every reading method that what an update reads cannot change before the
// update ends. Several updates at once look whether something is free, and if it is, they claim it
// where the others would see it. Whatever they look at, exactly one of them must come first.
func testTurns(t *testing.T, f *fixture) {
	tests := append(slices.Concat(roomTurns(), botTurns(), numberTurns(), taskTurns(), messageTurns(), dialOutTurns(), jobTurns(), sessionTurns()), []turn{
		{"Account", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Account(awsA, "new"+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			a := account(awsA, "new"+round)
			return tx.InsertAccount(&a)
		}},
		{"Account that changes", func(tx store.Tx, round string) (bool, error) {
			a, err := tx.Account(awsA, "a1")
			return a.Name != round, err
		}, func(tx store.Tx, round, _ string) error {
			a := account(awsA, "a1")
			a.Name = round
			return tx.UpdateAccount(a)
		}},
		{"FindAccount", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.FindAccount("found" + round)
			return missing(err)
		}, func(tx store.Tx, round, who string) error {
			a := account(awsA+who, "found"+round)
			return tx.InsertAccount(&a)
		}},
		{"Accounts", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.Accounts(awsA, store.AccountFilter{NamePrefix: "only " + round}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error {
			a := account(awsA, "only"+round+who)
			a.Name = "only " + round
			return tx.InsertAccount(&a)
		}},
		{"Accounts by id", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.Accounts(awsA, store.AccountFilter{AccountIDs: []string{"listed" + round}}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, _ string) error {
			a := account(awsA, "listed"+round)
			return tx.InsertAccount(&a)
		}},
		{"Users", func(tx store.Tx, round string) (bool, error) {
			users, err := tx.Users("a1", []string{"u1"})
			return err == nil && users[0].DisplayName != round, err
		}, renamed},
		{"UsersByEmail", func(tx store.Tx, round string) (bool, error) {
			users, err := tx.UsersByEmail("a1", []string{"u1@example.com"})
			return err == nil && users[0].DisplayName != "by "+round, err
		}, func(tx store.Tx, round, who string) error { return renamed(tx, "by "+round, who) }},
		{"UsersByEmail, absent", func(tx store.Tx, round string) (bool, error) {
			users, err := tx.UsersByEmail("a1", []string{"absent" + round + "@example.com"})
			return empty(len(users), err)
		}, func(tx store.Tx, round, who string) error {
			u := invited("a1", "absent"+round+who)
			u.Email = "absent" + round + "@example.com"
			return tx.InsertUsers([]store.User{u})
		}},
		{"ListUsers", func(tx store.Tx, round string) (bool, error) {
			users, _, err := tx.ListUsers("a1", store.UserFilter{Type: "type " + round}, 0, 1)
			return empty(len(users), err)
		}, func(tx store.Tx, round, who string) error {
			users, err := tx.Users("a1", []string{"own" + who})
			if err != nil {
				return err
			}
			after := users[0]
			after.Type = "type " + round
			return tx.UpdateUsers("a1", []store.UserChange{{Before: users[0], After: after}})
		}},
		{"SearchUsers", func(tx store.Tx, round string) (bool, error) {
			users, _, err := tx.SearchUsers("a1", store.UserSearch{Text: "found " + round + "."}, store.UserCursor{}, 1)
			return empty(len(users), err)
		}, func(tx store.Tx, round, who string) error { return renamed(tx, "found "+round+".", who) }},
		{"CountUsers", func(tx store.Tx, round string) (bool, error) {
			counts, err := tx.CountUsers("counted" + round)
			return empty(len(counts), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertUsers([]store.User{invited("counted"+round, who)})
		}},
		{"HasUsers", func(tx store.Tx, round string) (bool, error) {
			has, err := tx.HasUsers("full" + round)
			return !has, err
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertUsers([]store.User{invited("full"+round, who)})
		}},
		{"Addresses", func(tx store.Tx, round string) (bool, error) {
			holders, err := tx.Addresses([]string{"held" + round + "@example.com"})
			return empty(len(holders), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertUsers([]store.User{invited("holder"+who, "held"+round)})
		}},
		{"Addresses, many", func(tx store.Tx, round string) (bool, error) {
			emails := []string{"crowded" + round + "@example.com"}
			for i := range 1000 {
				emails = append(emails, fmt.Sprint("nobody", i, "@example.com"))
			}
			holders, err := tx.Addresses(emails)
			return empty(len(holders), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertUsers([]store.User{invited("holder"+who, "crowded"+round)})
		}},
		{"Addresses, given up", func(tx store.Tx, round string) (bool, error) {
			holders, err := tx.Addresses([]string{"leaving" + round + "@example.com"})
			return len(holders) == 1, err
		}, func(tx store.Tx, round, _ string) error {
			users, err := tx.Users("left", []string{"leaving" + round})
			if err != nil {
				return err
			}
			return tx.DeleteUsers("left", users)
		}},
		{"DomainOwners", func(tx store.Tx, round string) (bool, error) {
			owners, err := tx.DomainOwners([]string{"owned" + round})
			return empty(len(owners), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertDomain(store.Domain{Name: "owned" + round, AWSAccountID: awsA, AccountID: who})
		}},
		{"Domains", func(tx store.Tx, round string) (bool, error) {
			domains, err := tx.Domains("domains" + round)
			return empty(len(domains), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.InsertDomain(store.Domain{Name: "domain" + round + who, AWSAccountID: awsA, AccountID: "domains" + round})
		}},
		{"AccessKey", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.AccessKey("AKIA" + round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			return tx.PutAccessKey(store.AccessKey{KeyID: "AKIA" + round, AWSAccountID: awsA})
		}},
		{"AccessKeys", func(tx store.Tx, round string) (bool, error) {
			keys, err := tx.AccessKeys("keys" + round)
			return empty(len(keys), err)
		}, func(tx store.Tx, round, who string) error {
			return tx.PutAccessKey(store.AccessKey{KeyID: "AKIA" + round + who, AWSAccountID: "keys" + round})
		}},
		{"GlobalSettings", func(tx store.Tx, round string) (bool, error) {
			g, err := tx.GlobalSettings("settings" + round)
			return g == store.GlobalSettings{}, err
		}, func(tx store.Tx, round, who string) error {
			return tx.PutGlobalSettings("settings"+round, store.GlobalSettings{VoiceConnectorBucket: who})
		}},
		{"Setting", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Setting("setting" + round)
			return missing(err)
		}, func(tx store.Tx, round, who string) error { return tx.PutSetting("setting"+round, []byte(who)) }},
		{"Audit", func(tx store.Tx, round string) (bool, error) {
			records, _, err := tx.Audit(awsA, store.AuditFilter{Target: "target" + round}, 0, 1)
			return empty(len(records), err)
		}, func(tx store.Tx, round, _ string) error {
			return tx.AppendAudit([]store.AuditRecord{{AWSAccountID: awsA, Target: "target" + round}})
		}},
		{"AWSAccounts", func(tx store.Tx, round string) (bool, error) {
			accounts, err := tx.AWSAccounts()
			for _, a := range accounts {
				if a == "trail"+round {
					return false, err
				}
			}
			return true, err
		}, func(tx store.Tx, round, _ string) error {
			return tx.AppendAudit([]store.AuditRecord{{AWSAccountID: "trail" + round}})
		}},
	}...)

	const rounds, updates = 3, 6
	a1 := account(awsA, "a1")
	f.update(func(tx store.Tx) error { return tx.InsertAccount(&a1) })
	f.insertUsers(registered("a1", "u1"))
	for i := range updates {
		f.insertUsers(registered("a1", fmt.Sprint("own", i)))
	}
	called := dialOut("called", "d")
	worked := job("worked", "a1", "j")
	f.update(func(tx store.Tx) error { return errors.Join(tx.InsertDialOut(&called), tx.InsertJob(&worked)) })
	for i := range rounds {
		f.insertRoom("a1", fmt.Sprint("room", i))
		f.insertBot(bot("bots", fmt.Sprint("bot", i)))
		f.say(store.Discussion{AccountID: "kept", ConversationID: "c"}, fmt.Sprint("message", i))
		f.insertUsers(invited("left", fmt.Sprint("leaving", i)))
		link := store.SignInLink{LinkID: fmt.Sprint("used", i), KeyID: "AKIA", Expires: said}
		f.update(func(tx store.Tx) error { return tx.InsertSignInLink(link) })
	}
	for _, test := range tests {
		for round := range rounds {
			var first atomic.Int32
			var wg sync.WaitGroup
			for who := range updates {
				wg.Go(func() {
					var free bool
					if err := f.Update(context.Background(), func(tx store.Tx) (err error) {
						if free, err = test.free(tx, fmt.Sprint(round)); err != nil || !free {
							return err
						}
						return test.claim(tx, fmt.Sprint(round), fmt.Sprint(who))
					}); err != nil {
						t.Errorf("%s: Update: %v", test.name, err)
					} else if free {
						first.Add(1)
					}
				})
			}
			wg.Wait()
			if n := first.Load(); n != 1 {
				t.Errorf("%s: %d updates found that they were first, want 1", test.name, n)
			}
		}
	}
}

func empty(n int, err error) (bool, error) { return n == 0, err }

func missing(err error) (bool, error) {
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func renamed(tx store.Tx, name, _ string) error {
	users, err := tx.Users("a1", []string{"u1"})
	if err != nil {
		return err
	}
	after := users[0]
	after.DisplayName = name
	return tx.UpdateUsers("a1", []store.UserChange{{Before: users[0], After: after}})
}
