package directory_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

var numberSteps = flag.Int("numbers.steps", 20, "steps of each of the 100 runs of the property test of phone numbers")

// exchange is the model of the telephone numbers of an installation: what the rules say, kept in
// the simplest way.
type exchange struct {
	now     time.Time
	numbers map[string]*line      // all of the pool
	orders  map[string]*lineOrder // by id
	users   map[string]*lineUser  // by id; the account of a user is that of the AWS account
	ids     map[string]string     // AWS account by account
	failing map[string]bool       // numbers whose next order fails
	quota   int                   // of each AWS account
}

// line is a number of the pool; owner is empty for one that is available.
type line struct {
	owner, status, product, order string
	user                          string
	name, nameStatus              string
	named, deleted                time.Time
}

type lineOrder struct {
	owner, status string
	numbers       []string
	got           map[string]bool
	due           time.Time
}

type lineUser struct{ account, registration, number string }

const (
	fillTime = time.Hour
	nameTime = 2 * time.Hour
)

func (x *exchange) count(owner string) (n int) {
	for _, l := range x.numbers {
		if l.owner == owner && l.deleted.IsZero() {
			n++
		}
	}
	return n
}

// of returns a number of an AWS account, nil if it has none such.
func (x *exchange) of(owner, number string) *line {
	if l := x.numbers[number]; l.owner == owner {
		return l
	}
	return nil
}

func (x *exchange) order(owner, id, product string, numbers []string) string {
	var free []string
	for _, n := range numbers {
		if product == "BusinessCalling" && strings.HasPrefix(n, "+1800") {
			return "BadRequest"
		}
		if x.numbers[n].owner == "" {
			free = append(free, n)
		}
	}
	if len(free) > 0 && x.count(owner)+len(free) > x.quota {
		return "ResourceLimitExceeded"
	}
	if id == "" { // it was to be refused: nothing may have happened
		return ""
	}
	o := &lineOrder{owner: owner, status: "Processing", numbers: numbers, got: make(map[string]bool), due: x.now.Add(fillTime)}
	x.orders[id] = o
	for _, n := range free {
		*x.numbers[n] = line{owner: owner, status: "AcquireInProgress", product: product, order: id, nameStatus: "Unassigned"}
	}
	return ""
}

// end decides about an order.
func (x *exchange) end(id string, all bool) {
	o := x.orders[id]
	for _, n := range o.numbers {
		l := x.numbers[n]
		if l.owner != o.owner || l.order != id || l.status != "AcquireInProgress" {
			continue
		}
		if all && !x.failing[n] {
			l.status, o.got[n] = "Unassigned", true
		} else {
			*l = line{}
			delete(x.failing, n)
		}
	}
	switch len(o.got) {
	case len(o.numbers):
		o.status = "Successful"
	case 0:
		o.status = "Failed"
	default:
		o.status = "Partial"
	}
}

func (x *exchange) fail(word string) string {
	if o := x.orders[word]; o != nil {
		if o.status != "Processing" {
			return "Conflict"
		}
		x.end(word, false)
		return ""
	}
	switch l := x.numbers[word]; {
	case l.owner == "" || l.status == "AcquireInProgress":
		x.failing[word] = true
	case l.status == "DeleteInProgress":
		l.status = "DeleteFailed"
	default:
		return "Conflict"
	}
	return ""
}

func (x *exchange) associate(owner, user, number string) string {
	u, l := x.users[user], x.of(owner, number)
	switch {
	case u == nil || x.ids[u.account] != owner || l == nil:
		return "NotFound"
	case l.user == user:
		return ""
	case l.product != "BusinessCalling" || l.status != "Unassigned" || u.registration != "Registered" || u.number != "":
		return "BadRequest"
	}
	l.status, l.user, u.number = "Assigned", user, number
	return ""
}

func (x *exchange) free(user string) {
	if u := x.users[user]; u.number != "" {
		l := x.numbers[u.number]
		l.status, l.user, u.number = "Unassigned", "", ""
	}
}

func (x *exchange) disassociate(owner, user string) string {
	if u := x.users[user]; u == nil || x.ids[u.account] != owner {
		return "NotFound"
	}
	x.free(user)
	return ""
}

func (x *exchange) remove(owner, number string) string {
	l := x.of(owner, number)
	switch {
	case l == nil:
		return "NotFound"
	case l.status == "AcquireInProgress" || l.status == "Assigned":
		return "BadRequest"
	case l.status != "DeleteInProgress":
		l.status, l.deleted = "DeleteInProgress", x.now
	}
	return ""
}

func (x *exchange) restore(owner, number string) string {
	l := x.of(owner, number)
	switch {
	case l == nil:
		return "NotFound"
	case l.deleted.IsZero():
		return "BadRequest"
	case x.count(owner)+1 > x.quota:
		return "ResourceLimitExceeded"
	}
	l.status, l.deleted = "Unassigned", time.Time{}
	return ""
}

func (x *exchange) update(owner, number, product, name string) string {
	l := x.of(owner, number)
	moving := l != nil && (!l.deleted.IsZero() || l.status == "AcquireInProgress")
	switch {
	case l == nil:
		return "NotFound"
	case product == l.product || product == "" && name == l.name:
		return ""
	case moving || product != "" && l.status == "Assigned" || product == "" && l.nameStatus == "UpdateInProgress":
		return "Conflict"
	case product == "BusinessCalling" && strings.HasPrefix(number, "+1800"):
		return "BadRequest"
	case product != "":
		l.product = product
	default:
		l.name, l.nameStatus, l.named = name, "UpdateInProgress", x.now
	}
	return ""
}

func (x *exchange) suspend(user string) {
	if u := x.users[user]; u != nil && u.account[0] == 'T' {
		x.free(user)
		delete(x.users, user)
	} else if u != nil {
		u.registration = "Suspended"
	}
}

func (x *exchange) advance(d time.Duration) {
	x.now = x.now.Add(d)
	for id, o := range x.orders {
		if o.status == "Processing" && !x.now.Before(o.due) {
			x.end(id, true)
		}
	}
	for _, l := range x.numbers {
		if l.nameStatus == "UpdateInProgress" && !x.now.Before(l.named.Add(nameTime)) {
			l.nameStatus = "UpdateSucceeded"
			if l.name == "" {
				l.nameStatus = "Unassigned"
			}
		}
		if l.status == "DeleteInProgress" && !x.now.Before(l.deleted.Add(7*24*time.Hour)) {
			*l = line{}
		}
	}
}

// state tells all that there is to see.
func (x *exchange) state() string {
	var all []string
	for number, l := range x.numbers {
		text := number + " " + l.owner
		if l.owner != "" {
			text += fmt.Sprintf(" %s %s %q %q %s %v", l.status, l.product, l.user, l.name, l.nameStatus, !l.deleted.IsZero())
		}
		if x.failing[number] {
			text += " failing"
		}
		all = append(all, text)
	}
	for id, o := range x.orders {
		text := id + " " + o.status
		for _, n := range o.numbers {
			text += fmt.Sprint(" ", n, o.got[n])
		}
		all = append(all, text)
	}
	for id, u := range x.users {
		all = append(all, fmt.Sprint(id, " ", u.account, " ", u.registration, " ", u.number))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// stateOf tells the same of a store.
func stateOf(t *rapid.T, st store.Store, ids map[string]string, numbers []string) string {
	var all []string
	err := st.View(context.Background(), func(tx store.ReadTx) error {
		all = nil
		pool, err := tx.PoolNumbers(numbers)
		if err != nil {
			return err
		}
		for _, n := range pool {
			text := n.Number + " " + n.Owner
			owned, err := tx.PhoneNumbers(n.Owner, []string{n.Number})
			if err != nil || len(owned) > 1 || (len(owned) == 1) != (n.Owner != "") {
				return fmt.Errorf("%s: the AWS account %q has %v, %w", n.Number, n.Owner, owned, err)
			}
			for _, o := range owned {
				text += fmt.Sprintf(" %s %s %q %q %s %v", o.Status, o.ProductType, o.UserID, o.CallingName, o.CallingNameStatus, !o.Deleted.IsZero())
			}
			if n.Failing {
				text += " failing"
			}
			all = append(all, text)
		}
		for account, owner := range ids {
			orders, _, err := tx.ListPhoneNumberOrders(owner, 0, 100_000)
			if err != nil {
				return err
			}
			for _, o := range orders {
				text := o.OrderID + " " + o.Status
				for _, n := range o.Numbers {
					text += fmt.Sprint(" ", n.Number, n.Status == "Acquired")
				}
				if !slices.Contains(all, text) { // two accounts of one AWS account
					all = append(all, text)
				}
			}
			users, _, err := tx.ListUsers(account, store.UserFilter{}, 0, 1000)
			if err != nil {
				return err
			}
			for _, u := range users {
				all = append(all, fmt.Sprint(u.UserID, " ", u.AccountID, " ", u.Registration, " ", u.PhoneNumber))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// Whatever is done with numbers, in whichever order and with whatever restarts: answers and numbers
// are those of the model. For more steps: go test ./internal/directory -run AgreeWithModel
// -numbers.steps 1000
func TestNumbersAgreeWithModel(t *testing.T) {
	dir := t.TempDir()
	st := open(t, dir)
	defer func() { st.Close() }()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Each run has AWS accounts, accounts and numbers of its own, among those of a few
		// runs before: what becomes of the pool is recorded for all of them.
		if runs++; runs%10 == 0 {
			dir = t.TempDir()
		}
		us, them := fmt.Sprintf("1%011d", runs), fmt.Sprintf("2%011d", runs)
		team, enterprise, foreign := fmt.Sprint("T", runs), fmt.Sprint("E", runs), fmt.Sprint("TF", runs)
		x := &exchange{
			now: now, numbers: make(map[string]*line), orders: make(map[string]*lineOrder), users: make(map[string]*lineUser), quota: 3,
			failing: make(map[string]bool), ids: map[string]string{team: us, enterprise: us, foreign: them},
		}
		options := directory.Options{
			Clock:   func() time.Time { return x.now },
			Numbers: directory.NumberRules{Quota: x.quota, OrderDelay: fillTime, CallingNameDelay: nameTime},
		}
		var service *directory.Service
		var op *directory.Operator
		reopen := func() {
			st.Close()
			var err error
			if st, err = sqlite.Open(context.Background(), dir, sqlite.Options{}); err == nil {
				service, err = directory.New(st, options)
			}
			if err != nil {
				rt.Fatal(err)
			}
			op = directory.NewOperator(st, options)
		}
		reopen()
		var numbers []string
		for i := range 5 {
			numbers = append(numbers, fmt.Sprintf("+1206%06d%d", runs, i))
		}
		numbers = append(numbers, fmt.Sprintf("+1800%06d0", runs))
		h := &house{t: t, store: st}
		h.write(func(tx store.Tx) error { // the other AWS accounts need no records of it
			var pool []store.PoolNumber
			for _, n := range numbers {
				x.numbers[n] = new(line)
				pool = append(pool, store.PoolNumber{Number: n, Country: "US", Type: "Local"})
			}
			pool[len(pool)-1].Type = "TollFree"
			return tx.PutPoolNumbers(pool)
		})
		for account, owner := range x.ids {
			kind := "Team"
			if account == enterprise {
				kind = "EnterpriseLWA"
			}
			h.addAccount(account, kind, func(a *store.Account) { a.AWSAccountID = owner })
		}
		people := map[string]string{"u1": team, "u2": team, "e1": enterprise, "f1": foreign}
		join := func(ids ...string) {
			h.store = st
			var users []store.User
			for _, id := range ids {
				users = append(users, registered(people[id], id))
				x.users[id] = &lineUser{account: people[id], registration: "Registered"}
			}
			h.addUsers(users...)
		}
		join("u1", "u2", "e1", "f1")
		everybody := slices.Sorted(maps.Keys(people))

		for range *numberSteps {
			owner := rapid.SampledFrom([]string{us, us, them}).Draw(rt, "owner")
			ctx := directory.WithCaller(context.Background(), directory.Caller{AWSAccountID: owner, KeyName: "admin"})
			number := rapid.SampledFrom(numbers).Draw(rt, "number")
			user := rapid.SampledFrom(everybody).Draw(rt, "user")
			account := people[user]
			what := rapid.SampledFrom([]string{"order", "order", "fail", "fail order", "associate", "associate", "disassociate", "delete", "delete", "restore",
				"product", "name", "suspend", "return", "advance", "advance", "advance", "reopen"}).Draw(rt, "what")
			var err error
			var want string
			switch what {
			case "order":
				wanted := rapid.SliceOfNDistinct(rapid.SampledFrom(numbers), 1, 3, rapid.ID).Draw(rt, "numbers")
				product := rapid.SampledFrom([]string{"BusinessCalling", "BusinessCalling", "VoiceConnector"}).Draw(rt, "product")
				var out *api.CreatePhoneNumberOrderOutput
				out, err = service.CreatePhoneNumberOrder(ctx, &api.CreatePhoneNumberOrderInput{ProductType: api.PhoneNumberProductType(product), E164PhoneNumbers: wanted})
				id := ""
				if err == nil {
					id = *out.PhoneNumberOrder.PhoneNumberOrderId
				}
				want = x.order(owner, id, product, wanted)
			case "fail":
				_, err = op.FailNumber(ctx, number)
				want = x.fail(number)
			case "fail order":
				if ids := slices.Sorted(maps.Keys(x.orders)); len(ids) > 0 {
					_, err = op.FailNumber(ctx, ids[len(ids)-1])
					want = x.fail(ids[len(ids)-1])
				}
			case "associate":
				_, err = service.AssociatePhoneNumberWithUser(ctx, &api.AssociatePhoneNumberWithUserInput{AccountId: account, UserId: user, E164PhoneNumber: number})
				want = x.associate(owner, user, number)
			case "disassociate":
				_, err = service.DisassociatePhoneNumberFromUser(ctx, &api.DisassociatePhoneNumberFromUserInput{AccountId: account, UserId: user})
				want = x.disassociate(owner, user)
			case "delete":
				_, err = service.DeletePhoneNumber(ctx, &api.DeletePhoneNumberInput{PhoneNumberId: number})
				want = x.remove(owner, number)
			case "restore":
				_, err = service.RestorePhoneNumber(ctx, &api.RestorePhoneNumberInput{PhoneNumberId: number})
				want = x.restore(owner, number)
			case "product":
				product := rapid.SampledFrom([]string{"BusinessCalling", "VoiceConnector"}).Draw(rt, "product")
				_, err = service.UpdatePhoneNumber(ctx, &api.UpdatePhoneNumberInput{PhoneNumberId: number, ProductType: api.PhoneNumberProductType(product)})
				want = x.update(owner, number, product, "")
			case "name":
				name := rapid.SampledFrom([]string{"", "Ana", "Bo"}).Draw(rt, "name")
				_, err = service.UpdatePhoneNumber(ctx, &api.UpdatePhoneNumberInput{PhoneNumberId: number, CallingName: &name})
				want = x.update(owner, number, "", name)
			case "suspend", "return":
				ctx := directory.WithCaller(ctx, directory.Caller{AWSAccountID: x.ids[account], KeyName: "admin"})
				switch {
				case what == "suspend" && x.users[user] != nil:
					_, err = service.BatchSuspendUser(ctx, &api.BatchSuspendUserInput{AccountId: account, UserIdList: []string{user}})
					x.suspend(user)
				case what == "return" && x.users[user] == nil:
					join(user)
				case what == "return" && account == enterprise:
					_, err = service.BatchUnsuspendUser(ctx, &api.BatchUnsuspendUserInput{AccountId: account, UserIdList: []string{user}})
					x.users[user].registration = "Registered"
				}
			case "advance":
				x.advance(rapid.SampledFrom([]time.Duration{0, 30 * time.Minute, time.Hour, 24 * time.Hour, 8 * 24 * time.Hour}).Draw(rt, "time"))
				err = service.RunDue(ctx)
			case "reopen":
				reopen()
			}
			got := strings.TrimSuffix(string(exception(err)), "Exception")
			if got != want || err != nil && got == "" {
				rt.Fatalf("%s of %s, %s, %s: got error %v, want %q", what, owner, number, user, err, want)
			}
			if got, want := stateOf(rt, st, x.ids, numbers), x.state(); got != want {
				rt.Fatalf("after %s of %s, %s, %s: got\n%s\nwant\n%s", what, owner, number, user, got, want)
			}
		}
	})
}
