package bulk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
)

// planned plans rows of a CSV file on a fake service.
func planned(t *testing.T, a *bulk.Account, action bulk.Action, rows string, o bulk.PlanOptions) *bulk.Plan {
	t.Helper()
	table, err := bulk.ReadRows(strings.NewReader(rows), "rows.csv", bulk.RowOptions{Action: action})
	if err != nil {
		t.Fatal(err)
	}
	o.Columns = table.Columns
	p, err := a.Plan(t.Context(), action, bulk.Selection{Wishes: table.Wishes}, o)
	if err != nil {
		t.Fatal(err)
	}
	p.Job = "j"
	return p
}

// started plans rows and carries them out. It returns the ledger as read from its file.
func started(t *testing.T, a *bulk.Account, action bulk.Action, rows string, o bulk.RunOptions) (*bulk.Ledger, error) {
	t.Helper()
	l := create(t, filepath.Join(t.TempDir(), "ledger.jsonl"), planned(t, a, action, rows, bulk.PlanOptions{Type: "Team"}))
	_, err := a.Run(t.Context(), l, o)
	if e := l.Close(); e != nil {
		t.Fatal(e)
	}
	read, e := bulk.ReadLedger(l.Path)
	if e != nil {
		t.Fatal(e)
	}
	return read, err
}

// lines returns what a plan says about each row.
func lines(rows []bulk.Row) []string {
	var out []string
	for _, r := range rows {
		what := r.Change()
		if r.Status != bulk.Planned {
			what = r.Code + ": " + r.Message
		}
		out = append(out, fmt.Sprintf("%d %s %s", r.Line, r.Name(), what))
	}
	return out
}

func TestPlanNamesRows(t *testing.T) {
	t.Parallel()
	users := people(8) // even ones are Basic
	users[7].PrimaryEmail = "USER006@example.com"
	f := newFake(t, "Team", users)
	a := open(t, f, "j")
	p := planned(t, a, bulk.Update, `email,UserId,license,UserType
user000@EXAMPLE.com,,Pro,
user001@example.com,,Pro,
,id-002,Pro,SharedDevice
user003@example.com,,Basic,
nobody@example.com,,Pro,
user006@example.com,,Pro,
user004@example.com,,Basic,
user004@example.com,,Pro,
user005@example.com,id-004,Pro,
user000@example.com,,Pro,
user005@example.com,,Gold,
,user001@example.com,Pro,
id-001,,Pro,
#BEZUG!,,Pro,
`, bulk.PlanOptions{Source: "rows.csv"})
	want := []string{
		"2 User000@example.com LicenseType Basic -> Pro",
		"4 User002@example.com LicenseType Basic -> Pro, UserType PrivateUser -> SharedDevice",
		"5 User003@example.com LicenseType Pro -> Basic",
		"6 nobody@example.com UnknownUser: no user nobody@example.com is in account " + account,
		"7 user006@example.com AmbiguousUser: user006@example.com is the address of 2 users: name one by UserId, id-006 or id-007",
		"8 User004@example.com ContradictingRow: the lines 8, 9 want different things for user004@example.com",
		"9 User004@example.com ContradictingRow: the lines 8, 9 want different things for user004@example.com",
		"10 user005@example.com ContradictingRow: user id-004 has the address User004@example.com; the user with the address user005@example.com has the id id-005: correct one of them",
		"11 User000@example.com DuplicateRow: line 2 says the same for user000@example.com",
		`12 user005@example.com InvalidRow: "Gold": LicenseType is one of Basic, Plus, Pro, ProTrial`,
		"13 user001@example.com UnknownUser: no user has the id user001@example.com, which is an address: call a column of addresses email, and one of both user",
		"14 id-001 UnknownUser: no user has the address id-001: call a column of ids UserId, and one of both user",
		"15 #BEZUG! InvalidRow: #BEZUG! is what a spreadsheet says instead of a value",
	}
	if got := lines(p.Rows); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	seats := []bulk.Seats{{License: "Basic", Before: 4, After: 3}, {License: "Pro", Before: 4, After: 5}}
	if p.Same != 1 || p.Members != 8 || !reflect.DeepEqual(p.Seats, seats) {
		t.Errorf("got %d as they should be, %d members, seats %v; want 1, 8, %v", p.Same, p.Members, p.Seats, seats)
	}
	if f.calls["ListUsers"] != 1 || f.calls["GetAccount"] != 1 || len(f.calls) != 2 {
		t.Errorf("got calls %v, want the account and one listing", f.calls)
	}
}

// An address that nobody can have fails while planning, with the one that was probably meant. A
// user whom an older release let in under one is still found by it.
func TestPlanRefusesAddresses(t *testing.T) {
	t.Parallel()
	users := people(4)
	users[3].PrimaryEmail = "x@corp.example."
	a := open(t, newFake(t, "Team", users), "j")
	const sheet = `email,license
"zed@example.com;",Pro
<zed@example.com>,Pro
mailto:zed@example.com,Pro
"z` + "\u200b" + `ed@example.com",Pro
a@b@example.com,Pro
X@corp.example.,Pro
user000@ｅxample.com,Pro
`
	invited := planned(t, a, bulk.Invite, strings.ReplaceAll(sheet, `\u200b`, "\u200b"), bulk.PlanOptions{Source: "rows.csv"})
	want := []string{
		`2 zed@example.com; InvalidRow: "zed@example.com;" is not an e-mail address: it holds a semicolon; did you mean zed@example.com?`,
		`3 <zed@example.com> InvalidRow: "<zed@example.com>" is not an e-mail address: it holds an angle bracket; did you mean zed@example.com?`,
		`4 mailto:zed@example.com InvalidRow: "mailto:zed@example.com" is not an e-mail address: it begins with mailto:; did you mean zed@example.com?`,
		`5 z\u200bed@example.com InvalidRow: "z\u200bed@example.com" is not an e-mail address: it holds the invisible character U+200B; did you mean zed@example.com?`,
		`6 a@b@example.com InvalidRow: "a@b@example.com" is not an e-mail address: it has 2 @`,
		`7 X@corp.example. InvalidRow: "X@corp.example." is not an e-mail address: its domain ends with a dot; did you mean X@corp.example?`,
	}
	if got := lines(invited.Rows); !slices.Equal(got, want) {
		t.Errorf("invite: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	updated := planned(t, a, bulk.Update, strings.ReplaceAll(sheet, `\u200b`, "\u200b"), bulk.PlanOptions{Source: "rows.csv"})
	want = append(want[:5:5], "8 User000@example.com LicenseType Basic -> Pro")
	if got := lines(updated.Rows); !slices.Equal(got, want) || updated.Same != 1 {
		t.Errorf("update: got %d as they should be,\n%s\nwant 1,\n%s", updated.Same, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPlanGuardsAndFilters(t *testing.T) {
	t.Parallel()
	a := open(t, newFake(t, "Team", people(6)), "j") // users 1, 3 and 5 are Pro
	o := bulk.PlanOptions{Set: values("LicenseType=Plus"), From: values("LicenseType=Basic")}
	p := planned(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\nuser001@example.com,Pro\n", o)
	want := []string{"2 User000@example.com LicenseType Basic -> Plus", "3 User001@example.com Guarded: LicenseType is Pro, not Basic"}
	if got := lines(p.Rows); !slices.Equal(got, want) {
		t.Errorf("rows: got %q, want %q", got, want)
	}
	where, err := bulk.ParseWhere("contains(['id-001', 'id-002', 'id-003'], UserId) && LicenseType")
	if err != nil {
		t.Fatal(err)
	}
	p, err = a.Plan(t.Context(), bulk.Update, bulk.Selection{Where: where}, o)
	want = []string{"0 User002@example.com LicenseType Basic -> Plus"}
	if got := lines(p.Rows); err != nil || !slices.Equal(got, want) || p.Guarded != 2 {
		t.Errorf("filter: got %q, %d guarded, %v; want %q, 2", got, p.Guarded, err, want)
	}
	p, err = a.Plan(t.Context(), bulk.Update, bulk.Selection{All: true}, bulk.PlanOptions{Set: values("LicenseType=Pro")})
	if err != nil || len(p.Rows) != 3 || p.Same != 3 {
		t.Errorf("all: got %d rows, %d as they should be, %v; want 3 and 3", len(p.Rows), p.Same, err)
	}
}

// A saved plan refuses rows whose users somebody else has changed, one by one, and drops rows that
// became needless.
func TestPlanDrifts(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(6))
	a := open(t, f, "j")
	p := planned(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\nuser002@example.com,Pro\nuser004@example.com,Pro\nuser001@example.com,Basic\n", bulk.PlanOptions{})
	p.Job = ""
	var file bytes.Buffer
	if err := p.Write(&file, time.Now()); err != nil {
		t.Fatal(err)
	}
	f.users["id-000"].LicenseType = "Plus"
	f.users["id-002"].LicenseType = "Pro"
	delete(f.users, "id-004")
	read, err := bulk.ReadPlan(&file, "plan.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read.Rows, p.Rows) || !reflect.DeepEqual(read.Head, p.Head) {
		t.Errorf("read back\n got %+v\nwant %+v", read, p)
	}
	if err := a.Revise(t.Context(), read); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2 User000@example.com Drifted: changed by somebody else: LicenseType is Plus, not Basic",
		"4 User004@example.com Drifted: the user is not in the account any more",
		"5 User001@example.com LicenseType Pro -> Basic",
	}
	if got := lines(read.Rows); !slices.Equal(got, want) || read.Same != 1 {
		t.Errorf("got %q and %d as they should be\nwant %q and 1", got, read.Same, want)
	}
}

func TestRunBatches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		action bulk.Action
		users  int // 120 rows
		calls  map[string]int
	}{
		{bulk.Update, 120, map[string]int{"GetAccount": 1, "ListUsers": 4, "BatchUpdateUser": 6}},
		{bulk.Suspend, 120, map[string]int{"GetAccount": 1, "ListUsers": 4, "BatchSuspendUser": 3}},
		{bulk.Logout, 120, map[string]int{"GetAccount": 1, "ListUsers": 4, "LogoutUser": 120}},
		{bulk.ResetPIN, 120, map[string]int{"GetAccount": 1, "ListUsers": 4, "ResetPersonalPIN": 120}},
		{bulk.Invite, 0, map[string]int{"GetAccount": 1, "ListUsers": 1, "InviteUsers": 3}},
	}
	for _, tt := range tests {
		t.Run(string(tt.action), func(t *testing.T) {
			f := newFake(t, "Team", people(tt.users))
			for _, u := range f.users {
				u.LicenseType = "Basic"
			}
			rows := "email,license\n"
			for i := range 120 {
				rows += fmt.Sprintf("user%03d@example.com,Pro\n", i)
			}
			var mu sync.Mutex
			last := bulk.Counts{}
			l, err := started(t, open(t, f, "20261124-1"), tt.action, rows, bulk.RunOptions{Progress: func(c bulk.Counts) {
				mu.Lock()
				defer mu.Unlock()
				last = c
			}})
			if err != nil || l.Count(bulk.Done) != 120 || last != (bulk.Counts{Total: 120, Done: 120}) {
				t.Errorf("got %s, progress %+v, %v; want 120 done", l.Summary(), last, err)
			}
			if !reflect.DeepEqual(f.calls, tt.calls) {
				t.Errorf("got calls %v, want %v", f.calls, tt.calls)
			}
			if want := map[string]bool{"carillon-bulk/1.2.3 job/20261124-1": true}; !reflect.DeepEqual(f.agents, want) {
				t.Errorf("got user agents %v, want %v", f.agents, want)
			}
		})
	}
}

// The ledger is on disk, only its owner can read it, and it has what the service said.
func TestLedgerLines(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(2))
	f.refuse["id-001"] = "Forbidden"
	l, err := started(t, open(t, f, "j"), bulk.Update, "email,license\nuser000@example.com,Pro\nuser001@example.com,Basic\n", bulk.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Split(readFile(t, l.Path), "\n")
	if len(text) != 8 {
		t.Fatalf("got %d lines, want a head, two rows, two sent and two ends\n%s", len(text)-1, strings.Join(text, "\n"))
	}
	for i, want := range []string{
		`{"carillon": "ledger", "version": 1, "job": "j", "action": "update", `,
		`{"status": "planned", "row": 1, "line": 2, "job": "j", "user": "id-000", "email": "User000@example.com", "from": {"LicenseType": "Basic"}, "to": {"LicenseType": "Pro"}, "cells": ["user000@example.com", "Pro"]}`,
		`{"status": "planned", "row": 2, `,
		`{"status": "sent", "row": 1, "line": 2, "job": "j", "user": "id-000"}`,
		`{"status": "sent", "row": 2, `,
		`{"status": "done", "row": 1, "line": 2, "job": "j", "user": "id-000", "from": {"LicenseType": "Basic"}, "to": {"LicenseType": "Pro"}, "request": "request-1", `,
		`{"status": "failed", "row": 2, "line": 3, "job": "j", "user": "id-001", "from": {"LicenseType": "Pro"}, "to": {"LicenseType": "Basic"}, "code": "Forbidden", "message": "not this one", "request": "request-1", `,
	} {
		if !strings.HasPrefix(text[i], want) {
			t.Errorf("line %d:\n got %s\nwant %s", i+1, text[i], want)
		}
	}
	if info, err := os.Stat(l.Path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("got mode %v, %v; want one for the owner only", info.Mode(), err)
	}
}

// A call that is refused as a whole has a name, too, by which the service's log tells more.
func TestLedgerLines_refusedCall(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(1))
	f.refuse["id-000"] = "gone"
	l, err := started(t, open(t, f, "j"), bulk.Logout, "email\nuser000@example.com\n", bulk.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"status": "failed", "row": 1, "line": 2, "job": "j", "user": "id-000", "from": {}, "to": {}, "code": "NotFoundException", "message": "trouble", "request": "request-1", `
	if text := readFile(t, l.Path); !strings.Contains(text, want) {
		t.Errorf("got\n%s\nwant a line that begins with\n%s", text, want)
	}
}

func TestRetryAndRejects(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(6))
	f.refuse["id-000"], f.refuse["id-002"] = "Throttled", "Throttled"
	a := open(t, f, "j")
	l, err := started(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\nuser002@example.com,Pro\nuser004@example.com,Pro\nlate@example.com,Pro\nuser001@example.com,Gold\n", bulk.RunOptions{})
	if err != nil || l.Summary() != "1 done, 4 failed" {
		t.Fatalf("got %s, %v; want 1 done, 4 failed", l.Summary(), err)
	}
	var rejects bytes.Buffer
	if n, err := l.WriteRejects(&rejects, bulk.CSV); err != nil || n != 4 {
		t.Errorf("got %d rejects, %v; want 4", n, err)
	}
	const want = "email,license,Code,Message\r\n" +
		"user000@example.com,Pro,Throttled,not this one\r\n" +
		"user002@example.com,Pro,Throttled,not this one\r\n" +
		"late@example.com,Pro,UnknownUser,no user late@example.com is in account " + account + "\r\n" +
		"user001@example.com,Gold,InvalidRow,\"\"\"Gold\"\": LicenseType is one of Basic, Plus, Pro, ProTrial\"\r\n"
	if rejects.String() != want {
		t.Errorf("got rejects\n%s\nwant\n%s", rejects.String(), want)
	}

	// One has joined, one is let through, one was changed by hand, one is refused still.
	delete(f.refuse, "id-000")
	f.users["id-002"].LicenseType = "Pro"
	f.users["late"] = &user{UserId: "late", PrimaryEmail: "Late@example.com", LicenseType: "Basic", UserType: "PrivateUser", UserRegistrationStatus: "Registered"}
	f.order = append(f.order, "late")
	again, err := bulk.OpenLedger(l.Path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Retry(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	f.calls = map[string]int{}
	run(t, t.Context(), a, again)
	after, err := bulk.ReadLedger(l.Path)
	if err != nil {
		t.Fatal(err)
	}
	ends := []string{"2:done ", "3:skipped ", "4:done ", "5:done ", "6:failed InvalidRow"}
	if got := outcomes(after); !slices.Equal(got, ends) || f.calls["BatchUpdateUser"] != 1 {
		t.Errorf("got %v by calls %v, want %v by one", got, f.calls, ends)
	}
	if got := f.users["late"].LicenseType; got != "Pro" {
		t.Errorf("the user who joined has the license %s, want Pro", got)
	}
	rejects.Reset()
	if n, err := after.WriteRejects(&rejects, bulk.CSV); err != nil || n != 1 || !strings.HasPrefix(rejects.String(), "email,license,Code,Message\r\nuser001@example.com,Gold,InvalidRow,") {
		t.Errorf("after that: got %d rejects, %v: %s; want the row with Gold", n, err, rejects.String())
	}
}

// A retry plans what rows say, not what has become of them: whom they name, by their address if
// that is what they have, all that they ask for, and what --set and --from say.
func TestRetryPlansRows(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rows string
		o          bulk.PlanOptions
		change     func(*fake)
		want       string // of user001
	}{
		{"a table names somebody who has come back", "email,license,UserType\nuser001@example.com,Pro,SharedDevice\n", bulk.PlanOptions{}, comeBack, "new Pro SharedDevice, done"},
		{"so does JSONL", `{"email": "user001@example.com", "license": "Pro", "UserType": "SharedDevice"}`, bulk.PlanOptions{}, comeBack, "new Pro SharedDevice, done"},
		{"an id names nobody else", "UserId,license,UserType\nid-001,Pro,SharedDevice\n", bulk.PlanOptions{}, comeBack, "new Basic PrivateUser, failed UnknownUser"},
		{"what was set wins", "email,license,UserType\nuser001@example.com,Basic,SharedDevice\n", bulk.PlanOptions{Set: values("license=Pro")}, func(*fake) {},
			"id-001 Pro SharedDevice, done"},
		{"what the user must have", "email,license\nuser001@example.com,Basic\n", bulk.PlanOptions{From: values("license=Pro")},
			func(f *fake) { f.users["id-001"].LicenseType = "Plus" }, "id-001 Plus PrivateUser, skipped Guarded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "Team", people(2)) // the second one is Pro
			f.refuse["id-001"] = "Forbidden"
			a := open(t, f, "j")
			l := create(t, filepath.Join(t.TempDir(), "ledger.jsonl"), planned(t, a, bulk.Update, tt.rows, tt.o))
			run(t, t.Context(), a, l)
			delete(f.refuse, "id-001")
			tt.change(f)
			for range 2 { // the second time finds what the first one has left
				again, err := bulk.OpenLedger(l.Path, time.Now)
				if err == nil {
					err = a.Retry(t.Context(), again)
				}
				if err != nil {
					t.Fatal(err)
				}
				run(t, t.Context(), a, again)
			}
			after, err := bulk.ReadLedger(l.Path)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range f.users {
				if u.PrimaryEmail != "User001@example.com" {
					continue
				}
				got := strings.TrimSpace(fmt.Sprintf("%s %s %s, %s %s", u.UserId, u.LicenseType, u.UserType, after.Rows[0].Status, after.Rows[0].Code))
				if got != tt.want {
					t.Errorf("got %s, want %s", got, tt.want)
				}
			}
		})
	}
}

// What is wrong with rows that are tried again is said by their lines in the sheet.
func TestRetryTellsLines(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(2))
	f.refuse["id-001"] = "Forbidden"
	a := open(t, f, "j")
	rows := "UserId,email,license\nid-000,,Pro\nnew,,Plus\n,user001@example.com,Basic\n"
	l := create(t, filepath.Join(t.TempDir(), "ledger.jsonl"), planned(t, a, bulk.Update, rows, bulk.PlanOptions{}))
	run(t, t.Context(), a, l)
	comeBack(f)
	again, err := bulk.OpenLedger(l.Path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Retry(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	run(t, t.Context(), a, again)
	for _, r := range again.Rows {
		if r.Status == bulk.Failed && !strings.HasPrefix(r.Message, "the lines 3, 4 want different things for ") {
			t.Errorf("line %d: got %q, want the lines of both rows", r.Line, r.Message)
		}
	}
	if n := again.Count(bulk.Failed); n != 2 {
		t.Errorf("%d rows have failed, want 2: %+v", n, again.Rows)
	}
}

// comeBack gives a user another id, as if they had been removed and invited anew.
func comeBack(f *fake) {
	delete(f.users, "id-001")
	f.users["new"] = &user{UserId: "new", PrimaryEmail: "User001@example.com", LicenseType: "Basic", UserType: "PrivateUser", UserRegistrationStatus: "Registered"}
	f.order = append(f.order, "new")
}

func TestWriteRejects(t *testing.T) {
	t.Parallel()
	unknown := "UnknownUser,no user nobody@example.com is in account " + account + "\r\n"
	tests := []struct {
		name   string
		action bulk.Action
		rows   string
		set    bulk.Values
		want   string
	}{
		{"columns stay as they are, in their order", bulk.Update,
			"Name;'=Pay;E-Mail;License Type;;Note\n\"Silva; Ana\";'-5;nobody@example.com;pro;;\nBo;;user001@example.com;Basic\n", nil,
			"Name,'=Pay,E-Mail,License Type,,Note,Code,Message\r\nSilva; Ana,'-5,nobody@example.com,pro,,," + unknown},
		{"for other actions, too", bulk.Suspend, "license,user,what\nPro,nobody@example.com,\"a\nb\"\n", nil,
			"license,user,what,Code,Message\r\nPro,nobody@example.com,\"a\r\nb\"," + unknown},
		{"what --set has changed, and what it adds", bulk.Update, "license,email\nBasic,nobody@example.com\n", values("license=Pro", "UserType=SharedDevice"),
			"license,email,UserType,Code,Message\r\nPro,nobody@example.com,SharedDevice," + unknown},
		{"a file of rejects", bulk.Update, "email,license,Code,Message\nnobody@example.com,pro,Forbidden,not this one\n", nil,
			"email,license,Code,Message\r\nnobody@example.com,pro," + unknown},
		{"rows that are no table", bulk.Update, "{\"email\": \"nobody@example.com\", \"license\": \"pro\", \"x\": 1}\n", nil,
			"Line,UserId,PrimaryEmail,LicenseType,UserType,IsAlexaForBusinessEnabled,AlexaForBusinessRoomArn,Code,Message\r\n1,,nobody@example.com,Pro,,,," + unknown},
		{"rows that are no table, for another action", bulk.Suspend, "{\"email\": \"nobody@example.com\"}\n", nil,
			"Line,UserId,PrimaryEmail,Code,Message\r\n1,,nobody@example.com," + unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := open(t, newFake(t, "EnterpriseLWA", people(6)), "j")
			l := create(t, filepath.Join(t.TempDir(), "ledger.jsonl"), planned(t, a, tt.action, tt.rows, bulk.PlanOptions{Set: tt.set, Type: "EnterpriseLWA"}))
			run(t, t.Context(), a, l)
			read, err := bulk.ReadLedger(l.Path)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range []*bulk.Ledger{l, read} {
				var got strings.Builder
				if n, err := l.WriteRejects(&got, bulk.CSV); err != nil || n != 1 || got.String() != tt.want {
					t.Errorf("got %d, %v:\n%q\nwant\n%q", n, err, got.String(), tt.want)
				}
			}
		})
	}
}

func TestRunStopsAfterErrors(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(100))
	rows := "email,license\n"
	for i := range 100 {
		f.refuse[fmt.Sprintf("id-%03d", i)] = "Forbidden"
		rows += fmt.Sprintf("user%03d@example.com,Plus\n", i)
	}
	l, err := started(t, open(t, f, "j"), bulk.Update, rows, bulk.RunOptions{StopAfter: 1})
	open := l.Count(bulk.Planned) + l.Count(bulk.Sent)
	if !errors.Is(err, bulk.ErrStopped) || l.Count(bulk.Failed) < 20 || open == 0 || l.Count(bulk.Failed)+open != 100 {
		t.Errorf("got %s, %v; want it stopped with some rows not sent", l.Summary(), err)
	}
}

// A job stops when all other calls would end the same way.
func TestRunGivesUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(2))
	a := open(t, f, "j")
	l := create(t, filepath.Join(t.TempDir(), "l"), planned(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\n", bulk.PlanOptions{}))
	// A server that is closed would leave its port to a server of another test.
	f.before = func(string) bool { return false }
	_, err := a.Run(t.Context(), l, bulk.RunOptions{})
	if !errors.Is(err, bulk.ErrUnreachable) {
		t.Errorf("got %v, want that the service cannot be reached", err)
	}
	if err := l.Close(); err != nil || l.Count(bulk.Planned)+l.Count(bulk.Sent) != 1 {
		t.Errorf("got %s, %v; want one row that may be resumed", l.Summary(), err)
	}
}

// What can never succeed is not tried again: a key that cannot be sent at once, replies that make
// no sense until patience ends.
func TestPlanGivesUp(t *testing.T) {
	t.Parallel()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		io.WriteString(w, "null")
	}))
	defer s.Close()
	for _, tt := range []struct {
		key, want string
		asked     int // at least; no more than 60 times
	}{
		{"AKID\nEXAMPLE", "the access key has a line break", 0},
		{"AKIDEXAMPLE", "no call has succeeded for ", 12},
	} {
		asked = 0
		c := &clock{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
		a, err := bulk.Open(bulk.Config{
			Client:  client.Config{Endpoint: s.URL, Region: "us-east-1", Service: chime.Service, Credentials: &client.Credentials{AccessKey: tt.key, SecretKey: "s"}},
			Account: account, Job: "j", Version: "1.2.3", AnnounceTime: hung, Now: c.Now, Sleep: c.Sleep,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Plan(t.Context(), bulk.Update, bulk.Selection{All: true}, bulk.PlanOptions{})
		a.Close()
		if err == nil || !strings.Contains(err.Error(), tt.want) || asked < tt.asked || asked > 60 || tt.asked == 0 && asked > 0 {
			t.Errorf("%q: got %v after %d calls, want %s after %d or more", tt.key, err, asked, tt.want, tt.asked)
		}
	}
}

// Reading cannot tell a new PIN from the old one, so a row whose answer was lost fails and says so.
// A second logout does no harm.
func TestRunCannotReadEverything(t *testing.T) {
	t.Parallel()
	for action, want := range map[bulk.Action]string{bulk.ResetPIN: "2:failed AnswerLost", bulk.Logout: "2:done "} {
		f := newFake(t, "Team", people(1))
		lose := true
		f.before = func(operation string) bool {
			keep := operation == "GetAccount" || operation == "ListUsers" || !lose
			lose = lose && keep
			return keep
		}
		l, err := started(t, open(t, f, "j"), action, "email\nuser000@example.com\n", bulk.RunOptions{})
		if got := outcomes(l); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v, %v; want %s", action, got, err, want)
		}
	}
}

// A page that a proxy answers with status 200 is no answer of the service: what reads asks again,
// and what changes is settled by reading.
func TestRunDistrustsPages(t *testing.T) {
	t.Parallel()
	for action, want := range map[bulk.Action]string{
		bulk.Update: "2:done ", bulk.Suspend: "2:done ", bulk.Logout: "2:done ", bulk.ResetPIN: "2:failed AnswerLost",
	} {
		f := newFake(t, "Team", people(1))
		f.before = func(operation string) bool {
			f.trials.page = 0
			if f.calls[operation] == 1 { // the first of each kind
				f.trials.page = 1
			}
			return true
		}
		l, err := started(t, open(t, f, "j"), action, "email,license\nuser000@example.com,Pro\n", bulk.RunOptions{})
		if got := outcomes(l); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: got %v, %v; want %s", action, got, err, want)
		}
		if action == bulk.Update && f.state()["id-000"].LicenseType != "Pro" {
			t.Errorf("the row is done, and the user is %+v", f.state())
		}
	}
}

// Rows that failed for one reason are one group, whatever ids and addresses their messages name.
func TestFailures(t *testing.T) {
	t.Parallel()
	p := &bulk.Plan{}
	for i, r := range []struct{ user, email, code, message string }{
		{"", "", "InvalidRow", "the row names no user"},
		{"01a2270b-966b", "", "NotFound", "User 01a2270b-966b was not found in the account"},
		{"abc", "", "NotFound", "User abc was not found in the account"},
		{"", "a@example.com", "UnknownUser", "no user a@example.com is in account 7"},
		{"01a2270b-966c", "", "NotFound", "User 01a2270b-966c was not found in the account"},
		{"", "b@example.com", "UnknownUser", "no user b@example.com is in account 7"},
		{"", "c@example.com", "InvalidRow", `"Gold": LicenseType is one of Basic, Pro`},
		{"01a2270b-966d", "", "NotFound", "User 01a2270b-966d was not found in the account"},
	} {
		p.Rows = append(p.Rows, bulk.Row{Number: i + 1, User: r.user, Email: r.email, Status: bulk.Failed, Code: r.code, Message: r.message})
	}
	p.Rows = append(p.Rows, bulk.Row{Status: bulk.Done}, bulk.Row{Status: bulk.Skipped, Code: "Guarded", Message: "x"})
	var got []string
	for _, f := range p.Failures() {
		line := fmt.Sprintf("%d %s: %s:", f.Count, f.Code, f.Message)
		for _, r := range f.Some {
			line += fmt.Sprintf(" %d", r.Number)
		}
		got = append(got, line)
	}
	want := []string{
		"4 NotFound: User ... was not found in the account: 2 3 5",
		"2 UnknownUser: no user ... is in account 7: 4 6",
		"1 InvalidRow: the row names no user: 1",
		`1 InvalidRow: "Gold": LicenseType is one of Basic, Pro: 7`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A killed program leaves few PINs in doubt: nobody can find out whether they were reset.
func TestRunDoubtsFewPINs(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(100))
	a := open(t, f, "j") // with four workers
	p, err := a.Plan(t.Context(), bulk.ResetPIN, bulk.Selection{All: true}, bulk.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.Job = "j"
	l := create(t, filepath.Join(t.TempDir(), "ledger"), p)
	f.before = func(string) bool {
		f.before = nil
		// Four calls are under way, four wait, and four are being recorded.
		if sent := strings.Count(readFile(t, l.Path), `"sent"`); sent == 0 || sent > 12 {
			t.Errorf("got %d rows on record at the first call, want some and 12 at most", sent)
		}
		return true
	}
	run(t, t.Context(), a, l)
	if l.Count(bulk.Done) != 100 {
		t.Errorf("got %s, want 100 done", l.Summary())
	}
}

// After an interrupt the calls that are under way are finished and recorded, and no others start.
func TestRunIsInterrupted(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(200))
	rows := "email,license\n"
	for i := range 200 {
		rows += fmt.Sprintf("user%03d@example.com,Plus\n", i)
	}
	a := open(t, f, "j")
	l := create(t, filepath.Join(t.TempDir(), "ledger"), planned(t, a, bulk.Update, rows, bulk.PlanOptions{}))
	ctx, interrupt := context.WithCancel(t.Context())
	f.before = func(string) bool {
		interrupt()
		return true
	}
	_, err := a.Run(ctx, l, bulk.RunOptions{})
	if e := l.Close(); err != context.Canceled || e != nil {
		t.Errorf("got %v, %v; want that the context was canceled", err, e)
	}
	read, err := bulk.ReadLedger(l.Path)
	if err != nil {
		t.Fatal(err)
	}
	changed := 0
	for _, u := range f.state() {
		if u.LicenseType == "Plus" {
			changed++
		}
	}
	done := read.Count(bulk.Done)
	if done != changed || done != 20*f.calls["BatchUpdateUser"] || done == 0 || f.calls["BatchUpdateUser"] > 4 {
		t.Errorf("got %s after %d calls that changed %d users; want as many done, of the calls that were under way", read.Summary(), f.calls["BatchUpdateUser"], changed)
	}
}

func TestRollbackSaysWhyNot(t *testing.T) {
	t.Parallel()
	for action, want := range map[bulk.Action]string{
		bulk.Suspend: "users who were removed from a Team account are gone for good; they can be invited again, as new users",
		bulk.Logout:  "users who were logged out can only log in again",
		bulk.Invite:  "an invitation cannot be taken back; to suspend the users who were invited removes them",
	} {
		f := newFake(t, "Team", people(1))
		a := open(t, f, "j")
		l, err := started(t, a, action, "email\nuser000@example.com\n", bulk.RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		f.calls = map[string]int{}
		_, err = a.Rollback(t.Context(), l)
		if input, ok := errors.AsType[*bulk.InputError](err); !ok || input.Text != want || len(f.calls) > 0 {
			t.Errorf("%s: got %v after calls %v, want %q before anything", action, err, f.calls, want)
		}
	}
}

func TestLedgerOfAnotherPlace(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(1))
	a := open(t, f, "j")
	l, err := started(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\n", bulk.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := bulk.Open(bulk.Config{Client: client.Config{Endpoint: "http://127.0.0.1:1", Region: "us-east-1", Service: chime.Service}, Account: account, Job: "j"})
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := bulk.Open(bulk.Config{Client: client.Config{Endpoint: f.URL, Region: "us-east-1", Service: chime.Service}, Account: "other", Job: "j"})
	if err != nil {
		t.Fatal(err)
	}
	f.calls = map[string]int{}
	for _, tt := range []struct {
		a    *bulk.Account
		want string
	}{
		{other, l.Path + ":1: it is about the service at " + f.URL + ", not http://127.0.0.1:1"},
		{stranger, l.Path + ":1: it is about account " + account + ", not other"},
	} {
		_, rollback := tt.a.Rollback(t.Context(), l)
		for _, err := range []error{tt.a.Resume(t.Context(), l), tt.a.Retry(t.Context(), l), rollback} {
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		}
	}
	if len(f.calls) > 0 {
		t.Errorf("got calls %v, want none", f.calls)
	}
}

func TestLedgerDamage(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(2))
	l, err := started(t, open(t, f, "j"), bulk.Update, "email,license\nuser000@example.com,Pro\nuser001@example.com,Basic\n", bulk.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, l.Path)
	all := strings.SplitAfter(whole, "\n")
	join := func(lines ...string) string { return strings.Join(lines, "") }
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "L:1: the first line of the plan or ledger is missing; if this is a ledger, it was not begun, so no call was made: start the job again"},
		{"not a ledger", "email,license\n", "L:1: this is neither a plan nor a ledger"},
		{"cut in the plan", join(all[0], all[1][:40]), "L:2: the ledger ends before its plan does (0 of 2 rows), so no call was made: start the job again"},
		{"a damaged line in the middle", join(all[0], all[1], all[2], "{\"status\":\n", all[3]), "L:4: the line is damaged; it is not a JSON object"},
		{"a missing row", join(all[0], all[2], all[3]), "L:2: row 1 is expected, this is row 2: a line is missing or the file was sorted"},
		{"an unknown row", join(all[0], all[1], all[2], strings.Replace(all[3], `"row": 1`, `"row": 7`, 1)), "L:4: there is no row 7"},
		{"another version", strings.Replace(whole, `"version": 1`, `"version": 2`, 1), "L:1: it is of version 2; this program reads version 1"},
		{"a strange status", strings.Replace(whole, `"sent"`, `"posted"`, 1), `L:4: there is no status "posted"`},
	} {
		path := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := bulk.OpenLedger(path, time.Now)
		if got := strings.Replace(fmt.Sprint(err), path, "L", 1); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
		if got := readFile(t, path); got != tt.text {
			t.Errorf("%s: the file was changed to %q", tt.name, got)
		}
	}

	// A crash may leave a part of a last line: it is cut off, and the row counts as sent.
	path := filepath.Join(t.TempDir(), "ledger")
	if err := os.WriteFile(path, []byte(whole[:len(whole)-10]), 0o600); err != nil {
		t.Fatal(err)
	}
	torn, err := bulk.OpenLedger(path, time.Now)
	if err != nil || torn.Rows[0].Status != bulk.Done || torn.Rows[1].Status != bulk.Sent {
		t.Fatalf("got %+v, %v; want a row that is done and one that was sent", torn, err)
	}
	if _, err := bulk.OpenLedger(path, time.Now); err == nil || !strings.Contains(err.Error(), "another carillon bulk is working with this ledger") {
		t.Errorf("opening it a second time: got %v, want that it is in use", err)
	}
	if err := torn.Close(); err != nil || readFile(t, path) != join(all[:6]...) {
		t.Errorf("got %q, %v; want the whole lines", readFile(t, path), err)
	}
}

// Nothing is written through a symbolic link that somebody has put in the place of a ledger.
func TestLedger_Symlink(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(2))
	a := open(t, f, "j")
	l, err := started(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\nuser001@example.com,Basic\n", bulk.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	torn := readFile(t, l.Path) + `{"status": "se`
	dir := t.TempDir()
	target, link, free := filepath.Join(dir, "target.jsonl"), filepath.Join(dir, "link.jsonl"), filepath.Join(dir, "free.jsonl")
	if err := os.WriteFile(target, []byte(torn), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{link: target, free: filepath.Join(dir, "nowhere.jsonl")} {
		if err := os.Symlink(to, from); err != nil {
			t.Skip(err) // Windows asks for a privilege
		}
	}
	_, err = bulk.OpenLedger(link, time.Now)
	if want := link + ": the ledger must not be a symbolic link: name the file that it leads to"; err == nil || err.Error() != want {
		t.Errorf("opening a link: got error %v, want %s", err, want)
	}
	if got := readFile(t, target); got != torn {
		t.Errorf("where the link leads the file has changed to %q", got)
	}
	p := planned(t, a, bulk.Update, "email,license\nuser001@example.com,Pro\n", bulk.PlanOptions{})
	for _, path := range []string{link, free} {
		if _, err := bulk.Create(path, p, time.Now); !errors.Is(err, os.ErrExist) {
			t.Errorf("starting a ledger in the place of a link: got error %v, want %v", err, os.ErrExist)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "nowhere*")); err != nil || len(left) > 0 {
		t.Errorf("where the link leads there is %v, error %v", left, err)
	}
	again, err := bulk.OpenLedger(target, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestBrakes(t *testing.T) {
	t.Parallel()
	a := open(t, newFake(t, "Team", people(40)), "j")
	p := planned(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\nuser002@example.com,Pro\nuser004@example.com,Pro\nuser001@example.com,Pro\n", bulk.PlanOptions{})
	for text, ok := range map[string]bool{"3": true, "2": false, "0": false, "7.5%": true, "7.4%": false, "100%": true} {
		m, err := bulk.ParseLimit(text)
		if err != nil {
			t.Fatal(err)
		}
		err = m.Check(p)
		if _, brake := errors.AsType[*bulk.BrakeError](err); brake == ok {
			t.Errorf("--max-changes %s of 3 changes in 40 users: got %v, want fine: %v", text, err, ok)
		}
	}
	for _, text := range []string{"", "-1", "many", "101%", "NaN%"} {
		if _, err := bulk.ParseLimit(text); err == nil {
			t.Errorf("--max-changes %q was accepted", text)
		}
	}
	for text, want := range map[string]string{
		"# people\r\n\r\nUSER001@example.com\nboss@example.com\n": "<nil>", // they are not changed
		"\uFEFFuser002@EXAMPLE.com\nid-004\n":                     "the job would change protected users, User002@example.com (vip:1), User004@example.com (vip:2): nothing was changed",
	} {
		protected, err := bulk.ReadProtected(strings.NewReader(text), "vip", false)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(protected.Check(p)); got != want {
			t.Errorf("protected %q: got %s, want %s", text, got, want)
		}
	}
	if _, err := bulk.ReadProtected(strings.NewReader("a@example.com\nb@example.com,c@example.com\n"), "vip", false); err == nil || !strings.HasPrefix(err.Error(), "vip:2: ") {
		t.Errorf("got %v, want line 2 named", err)
	}
}
