package bulk_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
)

// ledgerOf makes the ledger of a job with one row, which is done, and closes it.
func ledgerOf(t *testing.T, path, job, undoes string, status bulk.Status) {
	t.Helper()
	p := &bulk.Plan{
		Head: bulk.Head{Action: bulk.Update, Account: account, Endpoint: "http://127.0.0.1:1", Job: job, Undoes: undoes},
		Rows: []bulk.Row{{Number: 1, User: "u", To: bulk.Values{{Field: bulk.License, Text: "Pro"}}, Status: bulk.Planned}},
	}
	l := create(t, path, p)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if status == bulk.Planned {
		return
	}
	appendTo(t, path, `{"status": "`+string(status)+`", "row": 1, "user": "u", "to": {}, "at": "2026-11-24T13:00:00Z"}`+"\n")
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// Whoever looks at a ledger never keeps a program from going on with its job.
func TestLookAtKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l.jsonl")
	ledgerOf(t, path, "j", "", bulk.Planned)
	stop, stopped := make(chan struct{}), make(chan error, 4)
	for range cap(stopped) {
		go func() {
			for {
				select {
				case <-stop:
					stopped <- nil
					return
				default:
					if _, err := bulk.LookAt(path); err != nil {
						stopped <- err
						return
					}
				}
			}
		}()
	}
	for range 200 {
		l, err := bulk.OpenLedger(path, time.Now)
		if err != nil {
			t.Error(err)
			break
		}
		j, err := bulk.LookAt(path)
		if err != nil || j.State != bulk.JobRunning || j.Left != 1 {
			t.Errorf("got %+v, %v; want a running job", j, err)
		}
		l.Close()
	}
	close(stop)
	for range cap(stopped) {
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
}

// A line that says "sent" has no time: what was latest is the line before it, or the beginning.
func TestLatest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		before bulk.Status // of a line with a time
		want   string
	}{
		{bulk.Planned, ""},
		{bulk.Failed, "2026-11-24T13:00:00Z"},
	} {
		path := filepath.Join(t.TempDir(), "l.jsonl")
		ledgerOf(t, path, "j", "", tt.before)
		appendTo(t, path, `{"status": "sent", "row": 1, "user": "u"}`+"\n")
		j, err := bulk.LookAt(path)
		if err != nil {
			t.Fatal(err)
		}
		want := j.Began
		if tt.want != "" {
			want, _ = time.Parse(time.RFC3339, tt.want)
		}
		if !j.CanRollBack() {
			t.Errorf("after a line with %s: what was sent may be done, and cannot be undone", tt.before)
		}
		if j.Latest.IsZero() || !j.Latest.Equal(want) {
			t.Errorf("after a line with %s: got %v, want %v", tt.before, j.Latest, want)
		}
	}
}

// Of several jobs that undid one, the one that did the most is named.
func TestJobs_rolledBackTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	two := func(name, job, undoes string, done int) {
		p := &bulk.Plan{Head: bulk.Head{Action: bulk.Update, Account: account, Endpoint: "http://127.0.0.1:1", Job: job, Undoes: undoes}}
		for n := range 2 {
			r := bulk.Row{Number: n + 1, User: "u", To: bulk.Values{{Field: bulk.License, Text: "Pro"}}, Status: bulk.Planned}
			if n >= done {
				r.Status = bulk.Failed
			}
			p.Rows = append(p.Rows, r)
		}
		if err := create(t, path(name), p).Close(); err != nil {
			t.Fatal(err)
		}
		for n := range done {
			appendTo(t, path(name), fmt.Sprintf(`{"status": "done", "row": %d, "user": "u", "to": {}, "at": "2026-11-24T13:00:00Z"}`+"\n", n+1))
		}
	}
	two("1.jsonl", "1", "", 2)
	two("2.jsonl", "2", "1", 2)
	two("3.jsonl", "3", "1", 1)
	j, err := bulk.LookAt(path("1.jsonl"))
	if err != nil || j.RolledBack != path("2.jsonl") {
		t.Errorf("got %+v, %v; want that 2.jsonl has rolled it back", j, err)
	}
}

// A job is rolled back if a job that undid it has finished, and was not undone itself.
func TestJobs(t *testing.T) {
	t.Parallel()
	type ledger struct {
		job, undoes string
		status      bulk.Status
	}
	for _, tt := range []struct {
		name    string
		ledgers []ledger
		want    bulk.State // of job 1
	}{
		{"finished", []ledger{{"1", "", bulk.Done}}, bulk.JobFinished},
		{"all failed", []ledger{{"1", "", bulk.Failed}}, bulk.JobFinished},
		{"stopped", []ledger{{"1", "", bulk.Sent}}, bulk.JobStopped},
		{"rolled back", []ledger{{"1", "", bulk.Done}, {"2", "1", bulk.Done}}, bulk.JobRolledBack},
		{"the rollback failed", []ledger{{"1", "", bulk.Done}, {"2", "1", bulk.Failed}}, bulk.JobFinished},
		{"the rollback was stopped", []ledger{{"1", "", bulk.Done}, {"2", "1", bulk.Planned}}, bulk.JobFinished},
		{"the rollback was rolled back", []ledger{{"1", "", bulk.Done}, {"2", "1", bulk.Done}, {"3", "2", bulk.Done}}, bulk.JobFinished},
		{"and that as well", []ledger{{"1", "", bulk.Done}, {"2", "1", bulk.Done}, {"3", "2", bulk.Done}, {"4", "3", bulk.Done}}, bulk.JobRolledBack},
		{"round in circles", []ledger{{"1", "2", bulk.Done}, {"2", "1", bulk.Done}}, bulk.JobFinished},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, l := range tt.ledgers {
				ledgerOf(t, filepath.Join(dir, l.job+".jsonl"), l.job, l.undoes, l.status)
			}
			jobs, err := bulk.Jobs(dir)
			if err != nil || len(jobs) != len(tt.ledgers) || jobs[0].State != tt.want {
				t.Fatalf("got %v, %v; want %d jobs, the first of them %s", jobs, err, len(tt.ledgers), tt.want)
			}
			j, err := bulk.LookAt(filepath.Join(dir, "1.jsonl"))
			if err != nil || j.State != tt.want || j.RolledBack != jobs[0].RolledBack {
				t.Errorf("alone: got %+v, %v; want %s", j, err, tt.want)
			}
		})
	}
}

// A watch reads no line twice: what becomes of those that it has read does not matter to it, until
// the file is shorter, or another one.
func TestWatch(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "l.jsonl")
	ledgerOf(t, path, "j", "", bulk.Failed)
	l, err := bulk.OpenLedger(path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := bulk.NewWatch(path)
	look := func(when string, state bulk.State, done, failed, left int) {
		t.Helper()
		j, err := w.Look()
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if j.State != state || j.Done != done || j.Failed != failed || j.Left != left {
			t.Errorf("%s: %s, %d done, %d failed, %d left; want %s, %d, %d, %d", when, j.State, j.Done, j.Failed, j.Left, state, done, failed, left)
		}
	}
	look("first", bulk.JobRunning, 0, 1, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damage(t, path, int64(bytes.IndexByte(whole, '\n')+1)) // the row
	look("of what was read already", bulk.JobRunning, 0, 1, 0)
	appendTo(t, path, `{"status": "sent", "row": 1, "user": "u"}`+"\n"+`{"status": "done", "row"`)
	look("with half a line", bulk.JobRunning, 0, 0, 1)
	appendTo(t, path, `: 1, "user": "u", "to": {}, "at": "2026-11-24T14:00:00Z"}`+"\n")
	look("with the other half", bulk.JobRunning, 1, 0, 0)
	if err := os.WriteFile(path, whole, 0o600); err != nil { // it is shorter
		t.Fatal(err)
	}
	look("cut", bulk.JobRunning, 0, 1, 0)
	ledgerOf(t, path+"2", "j", "", bulk.Done)
	if err := os.Rename(path+"2", path); err != nil {
		t.Fatal(err)
	}
	look("another file", bulk.JobFinished, 1, 0, 0)
}

// damage writes over a byte of a file.
func damage(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("x"), at); err != nil {
		t.Fatal(err)
	}
}
