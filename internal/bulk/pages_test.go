package bulk_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
)

// Pages of a file have the rows that are in it, in their order, and no others.
func TestPages(t *testing.T) {
	t.Parallel()
	p := &bulk.Plan{Head: bulk.Head{Action: bulk.Update, Account: account, Endpoint: "http://127.0.0.1:1", Columns: []string{"email", `"status"`}}}
	want := map[bulk.Status][]bulk.Row{}
	for i := range 500 {
		r := bulk.Row{Number: i + 1, Line: i + 2, User: fmt.Sprint("u", i), Email: `{"status": "failed"}@example.com`, Status: bulk.Planned}
		if i%7 == 0 {
			r.Status, r.Code, r.Message = bulk.Failed, "UnknownUser", "no user\n"
		} else {
			r.From, r.To = bulk.Values{{Field: bulk.License, Text: "Basic"}}, bulk.Values{{Field: bulk.License, Text: "Pro"}}
		}
		p.Rows = append(p.Rows, r)
		want[r.Status] = append(want[r.Status], r)
	}
	var text bytes.Buffer
	if err := p.Write(&text, time.Now()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "plan.jsonl")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	pages, err := bulk.OpenPages(path)
	if err != nil {
		t.Fatal(err)
	}
	for status, rows := range want {
		if pages.Count(status) != len(rows) {
			t.Errorf("%d rows are %s, want %d", pages.Count(status), status, len(rows))
		}
		for _, from := range []int{0, 17, len(rows) - 3, len(rows), len(rows) + 1} {
			got, err := pages.Rows(status, from, 20)
			expected := rows[min(from, len(rows)):min(from+20, len(rows))]
			for i := range got {
				if len(got[i].From) == 0 {
					got[i].From, got[i].To = nil, nil // an empty object
				}
			}
			if err != nil || !slices.EqualFunc(got, expected, func(a, b bulk.Row) bool { return reflect.DeepEqual(a, b) }) {
				t.Errorf("%s from %d: got %v, %v; want %v", status, from, got, err, expected)
			}
		}
	}
	if rows, err := pages.Rows(bulk.Skipped, 0, 20); err != nil || rows != nil {
		t.Errorf("got %v, %v; want no skipped rows", rows, err)
	}
	for name, text := range map[string][]byte{"cut off": text.Bytes()[:text.Len()/2], "something else": []byte("email\n"), "nothing": nil} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := bulk.OpenPages(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Whoever reads the trail sees how a job came in.
func TestOpen_Door(t *testing.T) {
	t.Parallel()
	f := newFake(t, "Team", people(1))
	a, err := bulk.Open(bulk.Config{
		Client: clientOf(f), Account: account, Job: "j", Version: "1.2.3", Door: "carillon-console/1.2.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	planned(t, a, bulk.Update, "email,license\nuser000@example.com,Pro\n", bulk.PlanOptions{})
	if want := map[string]bool{"carillon-console/1.2.3 carillon-bulk/1.2.3 job/j": true}; !reflect.DeepEqual(f.agents, want) {
		t.Errorf("got user agents %v, want %v", f.agents, want)
	}
}

// An action that nothing undoes says so, and every action has an operation.
func TestHead_Undo(t *testing.T) {
	t.Parallel()
	for _, action := range bulk.Actions() {
		for _, kind := range []string{"Team", "EnterpriseLWA"} {
			h := bulk.Head{Action: action, Type: kind}
			final := action == bulk.Invite || action == bulk.Logout || action == bulk.ResetPIN || action == bulk.Suspend && kind == "Team"
			if undo, problem := h.Undo(); (problem != "") != final || (undo == "") != final {
				t.Errorf("%s on %s: got %q, %q", action, kind, undo, problem)
			}
		}
		if action.Operation() == "" {
			t.Errorf("%s has no operation", action)
		}
	}
}
