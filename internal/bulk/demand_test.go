package bulk_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/carillontest"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
)

// Jobs against the real service, which fails on demand: package carillontest.

// errand is a job on an account of its own in a real service.
type errand struct {
	srv     *carillontest.Server
	account carillontest.Account
	before  map[string]carillontest.User // by address
	action  bulk.Action
	plan    *bulk.Plan
	path    string        // of the ledger
	silence time.Duration // for how long a silent service is waited for
}

// errandOf makes an account with some users, and plans an action for all of them.
func errandOf(t rapidT, srv *carillontest.Server, dir string, action bulk.Action, users int) *errand {
	t.Helper()
	e := &errand{srv: srv, action: action, path: filepath.Join(dir, "ledger.jsonl"), silence: time.Minute}
	seed := carillontest.Account{Name: "Acme", Type: "EnterpriseLWA"}
	if action == bulk.Invite {
		seed.Type = "Team"
	}
	run := runs.Add(1)
	rows := "email,license\n"
	for i := range users {
		email := fmt.Sprintf("user%d@run%d.example", i, run)
		rows += email + ",Basic\n"
		u := carillontest.User{Email: email, License: "Pro"}
		if action == bulk.Unsuspend {
			u.Registration = "Suspended"
		}
		if action != bulk.Invite {
			seed.Users = append(seed.Users, u)
		}
	}
	e.account = srv.Seed(seed)[0]
	e.before = e.users()
	table, err := bulk.ReadRows(strings.NewReader(rows), "rows.csv", bulk.RowOptions{Action: action})
	if err != nil {
		t.Fatalf("reading rows: %v", err)
	}
	a := e.open(t)
	defer a.Close()
	e.plan, err = a.Plan(context.Background(), action, bulk.Selection{Wishes: table.Wishes}, bulk.PlanOptions{Source: "rows.csv", Columns: table.Columns, Type: seed.Type})
	if err != nil {
		t.Fatalf("planning: %v", err)
	}
	if n := e.plan.Count(bulk.Planned); n != users {
		t.Fatalf("%d of %d rows are planned: %+v", n, users, e.plan.Rows)
	}
	e.plan.Job = "j"
	return e
}

var runs atomic.Int64 // of errands: each has addresses of its own

// users returns the users of the account by address.
func (e *errand) users() map[string]carillontest.User {
	users := map[string]carillontest.User{}
	for _, u := range e.srv.Users(e.account.ID) {
		users[strings.ToLower(u.Email)] = u
	}
	return users
}

func (e *errand) open(t rapidT) *bulk.Account {
	c := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	a, err := bulk.Open(bulk.Config{
		Client: client.Config{
			Endpoint: e.srv.URL, Region: e.srv.Region, Service: chime.Service, Strict: true,
			Credentials: &client.Credentials{AccessKey: e.srv.AccessKeyID, SecretKey: e.srv.SecretAccessKey},
			ReadTimeout: e.silence, Now: time.Now,
		},
		Account: e.account.ID, Job: "j", Version: "1.2.3", Attempts: 3, Parallel: 4, Patience: time.Hour, AnnounceTime: hung, Now: c.Now, Sleep: c.Sleep,
	})
	if err != nil {
		t.Fatalf("opening the account: %v", err)
	}
	return a
}

// run begins the job, or goes on with it, and returns what the ledger says afterwards, in its file,
// and why the run ended.
func (e *errand) run(t rapidT) (*bulk.Ledger, error) {
	t.Helper()
	a := e.open(t)
	defer a.Close()
	l, err := bulk.OpenLedger(e.path, time.Now)
	if err != nil {
		l = create(t, e.path, e.plan)
	} else if err = a.Resume(context.Background(), l); err != nil {
		t.Fatalf("resuming: %v", err)
	}
	return e.carryOut(t, a, l)
}

// retry tries the rows once more that have failed.
func (e *errand) retry(t rapidT) *bulk.Ledger {
	t.Helper()
	a := e.open(t)
	defer a.Close()
	l, err := bulk.OpenLedger(e.path, time.Now)
	if err == nil {
		err = a.Retry(context.Background(), l)
	}
	if err != nil {
		t.Fatalf("retrying: %v", err)
	}
	l, why := e.carryOut(t, a, l)
	if why != nil {
		t.Fatalf("retrying: %v", why)
	}
	return l
}

func (e *errand) carryOut(t rapidT, a *bulk.Account, l *bulk.Ledger) (*bulk.Ledger, error) {
	t.Helper()
	_, why := a.Run(context.Background(), l, bulk.RunOptions{})
	if err := l.Close(); err != nil {
		t.Fatalf("closing the ledger: %v", err)
	}
	read, err := bulk.ReadLedger(e.path)
	if err != nil {
		t.Fatalf("reading the ledger: %v", err)
	}
	return read, why
}

// changed reports whether the action has been carried out for a user. Of a user who was logged out,
// or has another PIN, the directory does not tell.
func (e *errand) changed(u carillontest.User) bool {
	switch e.action {
	case bulk.Update:
		return u.License == "Basic"
	case bulk.Suspend:
		return u.Registration == "Suspended"
	case bulk.Unsuspend:
		return u.Registration == "Registered"
	case bulk.Invite:
		return u.Invitation == "Pending"
	}
	return false
}

// agrees holds the directory against the ledger. A reply that says that nothing was done, though it
// was, is believed: lied says that there were such replies.
func (e *errand) agrees(t rapidT, l *bulk.Ledger, lied bool) {
	t.Helper()
	users := e.users()
	for _, r := range l.Rows {
		u, there := users[strings.ToLower(r.Email)]
		done := there && e.changed(u)
		switch {
		case e.action == bulk.Logout || e.action == bulk.ResetPIN:
			continue
		case r.Status == bulk.Sent: // nobody knows
		case r.Status == bulk.Done && !done, r.Status == bulk.Skipped && !done, r.Status == bulk.Planned && done && !lied, r.Status == bulk.Failed && done && !lied:
			t.Errorf("%s is %s in the ledger (%s %s), and %+v in the directory", r.Email, r.Status, r.Code, r.Message, u)
		}
	}
}

// as holds that everything ended as one clean run would have: each row done, or found to be done,
// and each user changed, and nothing else of them.
func (e *errand) as(t rapidT, l *bulk.Ledger) {
	t.Helper()
	for _, r := range l.Rows {
		if r.Status != bulk.Done && r.Status != bulk.Skipped {
			t.Errorf("%s is %s in the end: %s %s", r.Email, r.Status, r.Code, r.Message)
		}
	}
	users := e.users()
	if len(users) != len(l.Rows) {
		t.Errorf("there are %d users in the end, want %d", len(users), len(l.Rows))
	}
	for email, u := range users {
		before, there := e.before[email]
		switch e.action {
		case bulk.Logout, bulk.ResetPIN:
			if u != before {
				t.Errorf("%s was %+v, and is %+v", email, before, u)
			}
			continue
		case bulk.Update:
			before.License = "Basic"
		case bulk.Suspend:
			before.Registration = "Suspended"
		case bulk.Unsuspend:
			before.Registration = "Registered"
		}
		if !e.changed(u) || there && u != before {
			t.Errorf("%s is %+v in the end, want %+v", email, u, before)
		}
	}
}

// lies reports whether a fault says that nothing was done although it was: with an error that the
// service means to be final.
func lies(f carillontest.Fault, status int) bool {
	return f.Where == carillontest.After && f.Code != "" && status < 500
}

// targets asks the service which exceptions an operation has, with their statuses, and which codes
// its items can have.
func targets(t *testing.T, srv *carillontest.Server, operation string) (exceptions map[string]int, items []string) {
	reply, err := http.Get(srv.URL + "/_carillon/targets")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	var list struct {
		Operations []struct {
			Operation  string
			Where      []carillontest.Where
			Exceptions []struct {
				Code       string
				StatusCode int
			}
		}
		ItemCodes []string
	}
	if err := json.NewDecoder(reply.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	exceptions = map[string]int{}
	for _, o := range list.Operations {
		if o.Operation == operation {
			for _, x := range o.Exceptions {
				exceptions[x.Code] = x.StatusCode
			}
			if slices.Contains(o.Where, carillontest.Item) {
				items = list.ItemCodes
			}
		}
	}
	batch := operation != "LogoutUser" && operation != "ResetPersonalPIN"
	if len(exceptions) == 0 || batch != (len(items) > 0) {
		t.Fatalf("%s has the exceptions %v and the codes of items %v", operation, exceptions, items)
	}
	return exceptions, items
}

var connections = []carillontest.Connection{carillontest.Reset, carillontest.Empty, carillontest.Truncate, carillontest.Stall}

// Every action meets every fault that its operation can have, once. Whatever becomes of the run,
// the directory is what the ledger says; and resume and retry end it as one clean run.
func TestEveryFault(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	const users = 23 // of an action with items, more than one call
	for _, action := range bulk.Actions() {
		operation := action.Operation()
		exceptions, items := targets(t, srv, operation)
		try := func(f carillontest.Fault, status int) {
			name := fmt.Sprintf("%s/%s/%s", action, f.Where, cmp.Or(f.Code, string(f.Connection)))
			t.Run(name, func(t *testing.T) {
				e := errandOf(t, srv, t.TempDir(), action, users)
				f.Operation, f.Account, f.Count = operation, e.account.ID, 1
				if f.Where == carillontest.Item {
					f.User, f.Count = "user1*", 0
				}
				if f.Connection == carillontest.Stall {
					e.silence = 300 * time.Millisecond
				}
				fault := srv.Fault(f)
				l, why := e.run(t)
				if fault.Fired() == 0 {
					t.Error("the fault has not happened")
				}
				e.agrees(t, l, lies(f, status))
				fault.Remove()
				e.silence = time.Minute
				if why != nil {
					if l, why = e.run(t); why != nil {
						t.Fatalf("the run ended again: %v", why)
					}
					e.agrees(t, l, lies(f, status))
				}
				e.as(t, e.retry(t))
			})
		}
		for code, status := range exceptions {
			try(carillontest.Fault{Where: carillontest.Before, Code: code}, status)
			try(carillontest.Fault{Where: carillontest.After, Code: code}, status)
		}
		for _, connection := range connections {
			if connection == carillontest.Stall && testing.Short() {
				continue // which waits
			}
			try(carillontest.Fault{Where: carillontest.Before, Connection: connection}, 0)
			try(carillontest.Fault{Where: carillontest.After, Connection: connection}, 0)
		}
		for _, code := range items {
			try(carillontest.Fault{Where: carillontest.Item, Code: code}, 0)
		}
	}
}

// Any faults at once, by chance, on all calls of a job, the ones that read, too. More of them:
//
//	go test ./internal/bulk -run TestAnyFaults -rapid.checks 2000
func TestAnyFaults(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	for _, action := range bulk.Actions() {
		exceptions, items := targets(t, srv, action.Operation())
		t.Run(string(action), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { anyFaults(t, srv, action, exceptions, items) })
		})
	}
}

func anyFaults(t *rapid.T, srv *carillontest.Server, action bulk.Action, exceptions map[string]int, items []string) {
	e := errandOf(t, srv, scratch(t), action, rapid.IntRange(1, 120).Draw(t, "users"))
	var rules []map[string]any
	lied := false
	for i := range rapid.IntRange(1, 5).Draw(t, "faults") {
		f := carillontest.Fault{Where: rapid.SampledFrom([]carillontest.Where{carillontest.Before, carillontest.After, carillontest.Item}).Draw(t, "where")}
		operation, effect := action.Operation(), map[string]any{}
		if f.Where == carillontest.Item && len(items) == 0 {
			f.Where = carillontest.Before
		}
		switch kind := rapid.SampledFrom([]string{"exception", "exception", "connection", "late", "reading"}).Draw(t, "kind"); {
		case f.Where == carillontest.Item:
			f.Code = rapid.SampledFrom(items).Draw(t, "code")
			effect["code"] = f.Code
		case kind == "exception":
			f.Code = rapid.SampledFrom(keysOf(exceptions)).Draw(t, "code")
			effect["code"] = f.Code
			lied = lied || lies(f, exceptions[f.Code])
		case kind == "connection":
			effect["connection"] = rapid.SampledFrom(connections[:3]).Draw(t, "connection")
		case kind == "late":
			effect["latency"] = map[string]int{"ms": 2, "jitter": 1}
		case kind == "reading":
			operation = "ListUsers"
			effect["code"] = rapid.SampledFrom([]string{"ThrottledClientException", "ServiceFailureException"}).Draw(t, "code")
		}
		rules = append(rules, map[string]any{
			"id": fmt.Sprint("r", i), "operation": operation, "account": e.account.ID, "where": f.Where, "effect": effect,
			"probability": rapid.Float64Range(0.01, 0.4).Draw(t, "probability"), "seed": rapid.IntRange(0, 1000).Draw(t, "seed"),
			"skip": rapid.IntRange(0, 3).Draw(t, "skip"),
		})
	}
	setRules(t, srv, rules)
	var l *bulk.Ledger
	for n := 0; ; n++ {
		if n == 3 {
			setRules(t, srv, nil)
		}
		var why error
		l, why = e.runOrStop(t)
		e.agrees(t, l, lied)
		if why == nil {
			break
		}
		if n > 3 {
			t.Fatalf("without faults the run ended: %v", why)
		}
	}
	setRules(t, srv, nil)
	e.as(t, e.retry(t))
}

// runOrStop is run, except that a resume may fail: it reads.
func (e *errand) runOrStop(t rapidT) (*bulk.Ledger, error) {
	t.Helper()
	l, err := bulk.OpenLedger(e.path, time.Now)
	if err == nil {
		a := e.open(t)
		defer a.Close()
		if err := a.Resume(context.Background(), l); err != nil {
			l.Close()
			read, problem := bulk.ReadLedger(e.path)
			return read, errors.Join(err, problem)
		}
		return e.carryOut(t, a, l)
	}
	return e.run(t)
}

func keysOf(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// setRules replaces the fault rules of a service.
func setRules(t rapidT, srv *carillontest.Server, rules []map[string]any) {
	t.Helper()
	if rules == nil {
		rules = []map[string]any{}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		t.Fatalf("%v", err)
	}
	reply, err := http.Post(srv.URL+"/_carillon/faults", "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer reply.Body.Close()
	if answer, _ := io.ReadAll(reply.Body); reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", text, reply.StatusCode, answer)
	}
}
