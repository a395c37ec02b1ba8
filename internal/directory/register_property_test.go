package directory_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// people is all there is about some accounts and addresses.
type people struct {
	Accounts  map[string]store.Account
	Domains   map[string][]string
	Users     []store.User
	Addresses []store.Address
}

func (h *house) people(accounts, emails []string) people {
	h.t.Helper()
	p := people{Accounts: make(map[string]store.Account), Domains: make(map[string][]string)}
	err := h.store.View(context.Background(), func(tx store.ReadTx) error {
		for _, id := range accounts {
			a, err := tx.FindAccount(id)
			if err != nil {
				return err
			}
			p.Accounts[id] = a
			domains, err := tx.Domains(id)
			if err != nil {
				return err
			}
			for _, d := range domains {
				p.Domains[id] = append(p.Domains[id], d.Name)
			}
			users, _, err := tx.ListUsers(id, store.UserFilter{}, 0, 100)
			if err != nil {
				return err
			}
			p.Users = append(p.Users, users...)
		}
		var err error
		p.Addresses, err = tx.Addresses(emails)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// check checks what must hold whatever was done.
func (p people) check(t *rapid.T) {
	holder := make(map[string]string)
	pins := make(map[string]string)
	var rows []store.Address
	for _, u := range p.Users {
		who := u.AccountID + "/" + u.UserID
		a := p.Accounts[u.AccountID]
		member := u.Registration != store.Unregistered
		rows = append(rows, store.Address{Email: address.Key(u.Email), AccountID: u.AccountID, UserID: u.UserID, Registered: member})
		if !member {
			if a.Type != "Team" || u.Invitation != "Pending" && u.Invitation != "Failed" {
				t.Fatalf("%s is only invited (%s) in an account of type %s", who, u.Invitation, a.Type)
			}
			continue
		}
		if other := holder[address.Key(u.Email)]; other != "" {
			t.Fatalf("%s is held by %s and %s", u.Email, other, who)
		}
		holder[address.Key(u.Email)] = who
		if other := pins[u.PersonalPIN]; other != "" || len(u.PersonalPIN) != 10 {
			t.Fatalf("PIN %q of %s: want 10 digits that no one else has, such as %s", u.PersonalPIN, who, other)
		}
		pins[u.PersonalPIN] = who
		if u.Registration == "Suspended" && a.Type != "EnterpriseLWA" || u.Invitation != "" && u.Invitation != "Accepted" {
			t.Fatalf("%s is %s with an invitation %q in an account of type %s", who, u.Registration, u.Invitation, a.Type)
		}
	}
	byKey := func(a, b store.Address) int { return strings.Compare(a.Email+" "+a.AccountID, b.Email+" "+b.AccountID) }
	slices.SortFunc(rows, byKey)
	if fmt.Sprint(rows) != fmt.Sprint(p.Addresses) {
		t.Fatalf("table of addresses: got %v, want %v as the users have it", p.Addresses, rows)
	}
	for id, a := range p.Accounts {
		if a.Type == "Team" && len(p.Domains[id]) > 0 {
			t.Fatalf("Team account %s has the domains %v", id, p.Domains[id])
		}
	}
}

// Whatever operators and administrators do in whichever order: an address has one registered holder
// at most, PINs are unique, a person keeps the same one until it is reset, and what is refused or
// changes nothing leaves no trace.
func TestRegistrationsAndMoves(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	runs := 0
	seen := make(map[string]store.Entry)
	rapid.Check(t, func(t *rapid.T) {
		runs++
		var accounts, emails []string
		domains := []string{fmt.Sprintf("one%d.example", runs), fmt.Sprintf("two%d.example", runs)}
		for i, kind := range []string{"Team", "EnterpriseLWA", "Team", "EnterpriseDirectory"} {
			id := fmt.Sprintf("R%d-%d", runs, i)
			h.addAccount(id, kind, func(a *store.Account) {
				if i > 1 {
					a.AWSAccountID = foreignAccount
				}
			})
			accounts = append(accounts, id)
		}
		for _, d := range domains {
			emails = append(emails, "Ann@"+d)
		}
		busy := rapid.SampledFrom(append(accounts, accounts[:3]...)) // most happens where people come and go
		state := h.people(accounts, emails)
		h.newRecords(seen)

		for range rapid.IntRange(1, 4).Draw(t, "dozens") * 12 {
			account := busy.Draw(t, "account")
			email := rapid.SampledFrom(emails).Draw(t, "email")
			domain := rapid.SampledFrom(domains).Draw(t, "domain")
			action := rapid.SampledFrom([]string{"register", "register", "register", "register", "register",
				"invite", "invite", "invite", "claim", "claim", "release", "fail", "create", "suspend", "unsuspend", "reset"}).Draw(t, "action")
			owner := h.as(state.Accounts[account].AWSAccountID)
			user := "nobody"
			for _, u := range state.Users {
				if u.AccountID == account && strings.EqualFold(u.Email, email) {
					user = u.UserID
				}
			}
			var err error
			switch action {
			case "claim":
				_, err = op.ClaimDomain(context.Background(), account, domain)
			case "release":
				_, err = op.ReleaseDomain(context.Background(), account, domain)
			case "register":
				_, err = op.RegisterUser(context.Background(), account, strings.ToUpper(email[:1])+email[1:])
			case "fail":
				_, err = op.FailInvitation(context.Background(), account, email)
			case "invite":
				_, err = owner.call("InviteUsers", "accountId="+account, "", `{"UserEmailList":["`+strings.Join(emails, `","`)+`"]}`)
			case "create":
				_, err = owner.call("CreateUser", "accountId="+account, "", `{"Email":"`+email+`"}`)
			case "suspend", "unsuspend":
				operation := map[string]string{"suspend": "BatchSuspendUser", "unsuspend": "BatchUnsuspendUser"}[action]
				_, err = owner.call(operation, "accountId="+account, "", `{"UserIdList":["`+user+`"]}`)
			case "reset":
				_, err = owner.call("ResetPersonalPIN", "accountId="+account+"&userId="+user, "", "")
			}
			step := fmt.Sprintf("%s of %s, %s in %s", action, email, domain, account)
			if err != nil && exception(err) == "" {
				t.Fatalf("%s: got error %v, want none but exceptions", step, err)
			}

			before := state
			state = h.people(accounts, emails)
			state.check(t)
			changed := !reflect.DeepEqual(state, before)
			if traces := h.newRecords(seen); changed != (traces > 0) || err != nil && changed {
				t.Fatalf("%s: error %v, changed %t, %d records in the trail", step, err, changed, traces)
			}
			if action == "register" && err == nil {
				i := slices.IndexFunc(state.Users, func(u store.User) bool {
					return u.AccountID == account && strings.EqualFold(u.Email, email) && u.Registration == "Registered"
				})
				if i < 0 {
					t.Fatalf("%s succeeded, but there is no such member", step)
				}
				for _, u := range before.Users {
					if strings.EqualFold(u.Email, email) && u.AccountID != account && u.Registration != store.Unregistered &&
						before.Accounts[u.AccountID].Type != "Team" {
						t.Fatalf("%s has taken a member away from %s", step, u.AccountID)
					}
					if strings.EqualFold(u.Email, email) && u.PersonalPIN != "" && u.PersonalPIN != state.Users[i].PersonalPIN {
						t.Fatalf("%s: got the PIN %s, want %s as before", step, state.Users[i].PersonalPIN, u.PersonalPIN)
					}
				}
			}
		}
	})
}

// newRecords counts what has come into the trails of both AWS accounts since it was last seen.
func (h *house) newRecords(seen map[string]store.Entry) (n int) {
	h.t.Helper()
	err := h.store.View(context.Background(), func(tx store.ReadTx) error {
		for _, aws := range []string{awsAccount, foreignAccount} {
			records, _, err := tx.Audit(aws, store.AuditFilter{}, seen[aws], 1000)
			if err != nil {
				return err
			}
			for _, r := range records {
				seen[aws] = r.Entry
				n++
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// Several processes sign the same people in to several accounts at once.
func TestRegistrationsRace(t *testing.T) {
	dir := t.TempDir()
	h := houseOver(t, open(t, dir))
	accounts := []string{"A", "B", "C"}
	emails := []string{"u0@example.com", "u1@example.com", "u2@example.com", "u3@example.com"}
	for _, id := range accounts {
		h.addAccount(id, "Team")
		h.must("InviteUsers", "accountId="+id, "", `{"UserEmailList":["`+strings.Join(emails, `","`)+`"]}`)
	}
	var wg sync.WaitGroup
	for _, id := range accounts {
		st := ok[store.Store](t)(sqlite.Open(t.Context(), dir, sqlite.Options{Beside: true})) // waits longer for its turn
		t.Cleanup(func() { st.Close() })
		op := directory.NewOperator(st, directory.Options{})
		for _, email := range emails {
			wg.Go(func() {
				// Whoever is first, the others find the member moved or take the member over.
				if _, err := op.RegisterUser(context.Background(), id, email); err != nil {
					t.Errorf("registering %s in %s: %v", email, id, err)
				}
			})
		}
	}
	wg.Wait()
	state := h.people(accounts, emails)
	if len(state.Users) != len(emails) {
		t.Errorf("got %d users, want %d: each has moved to the account that was last", len(state.Users), len(emails))
	}
	members := 0
	for _, a := range state.Addresses {
		if a.Registered {
			members++
		}
	}
	if members != len(emails) {
		t.Errorf("got %d members in %v, want one for each address", members, state.Addresses)
	}
}

// Storage that does not answer is no fault of the operator's.
func TestOperatorWithoutStorage(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.store.Close()
	_, account := op.CreateAccount(t.Context(), awsAccount, "Acme", api.AccountTypeTeam)
	_, user := op.RegisterUser(t.Context(), "A", "ann@example.com")
	_, prune := op.PruneAudit(t.Context(), "", now)
	for _, err := range []error{account, user, prune} {
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("got error %v, want ErrUnavailable", err)
		}
	}
}
