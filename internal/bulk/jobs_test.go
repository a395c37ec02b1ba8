package bulk_test

import (
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
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(`{"status": "` + string(status) + `", "row": 1, "user": "u", "to": {}, "at": "2026-11-24T13:00:00Z"}` + "\n"); err != nil {
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
