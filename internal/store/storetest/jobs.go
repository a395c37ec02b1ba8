package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func job(aws, accountID, id string) store.Job {
	return store.Job{
		AWSAccountID: aws, JobID: id, AccountID: accountID, Action: "update", By: "ana", Undoes: "job before " + id, KeyID: "AKIA1", KeyName: "ci",
		Began: said, Latest: said, Left: 40, Outcome: "running",
	}
}

func testJobs(t *testing.T, f *fixture) {
	var all []store.Job
	f.update(func(tx store.Tx) error {
		all = nil
		for i := range 7 {
			j, other := job(awsA, fmt.Sprint("a", i%2), fmt.Sprint("j", (i*3)%7)), job(awsB, "a0", fmt.Sprint("j", i))
			if err := errors.Join(tx.InsertJob(&j), tx.InsertJob(&other)); err != nil {
				return err
			}
			all = append(all, j)
		}
		return nil
	})
	check := func(accountID string) {
		t.Helper()
		var want []store.Job
		for _, j := range slices.Backward(all) {
			if accountID == "" || j.AccountID == accountID {
				want = append(want, j)
			}
		}
		for _, limit := range []int{1, 3, 100} {
			var got []store.Job
			var before store.Entry
			for more := true; more; {
				f.view(func(r store.ReadTx) error {
					page, next, err := r.ListJobs(awsA, store.JobFilter{AccountID: accountID}, before, limit)
					got = append(got, page...)
					more, before = next != 0, next
					return err
				})
			}
			same(t, fmt.Sprint("ListJobs of ", accountID, ", ", limit, " a page"), got, want)
		}
	}
	for _, accountID := range []string{"", "a0", "a1", "a2"} {
		check(accountID)
	}

	for after, want := range map[string][]store.Job{"": {all[0], all[2], all[4], all[6]}, all[2].JobID: {all[4], all[6]}, all[6].JobID: nil} {
		f.view(func(r store.ReadTx) error {
			from, err := store.Job{}, error(nil)
			if after != "" {
				from, err = r.Job(awsA, after)
			}
			got, err2 := r.ListUndoing(awsA, store.JobFilter{AccountID: "a0"}, from.Entry, 100)
			same(t, "ListUndoing after "+after, got, want)
			return errors.Join(err, err2)
		})
	}
	f.view(func(r store.ReadTx) error {
		got, err := r.ListUndoing(awsA, store.JobFilter{}, all[4].Entry, 100)
		same(t, "ListUndoing of all accounts", got, all[5:])
		return err
	})
	f.update(func(tx store.Tx) error {
		plain := job(awsA, "a0", "plain")
		plain.Undoes = ""
		return tx.InsertJob(&plain)
	})
	f.view(func(r store.ReadTx) error {
		got, err := r.ListUndoing(awsA, store.JobFilter{}, all[5].Entry, 100)
		same(t, "ListUndoing beside a job that undoes none", got, all[6:])
		few, err3 := r.ListUndoing(awsA, store.JobFilter{}, all[3].Entry, 2)
		same(t, "ListUndoing among the next two jobs", few, all[4:6])
		all, _, err2 := r.ListJobs(awsA, store.JobFilter{}, 0, 1)
		same(t, "the latest job", all[0].JobID, "plain")
		return errors.Join(err, err2, err3)
	})
	f.view(func(r store.ReadTx) error {
		plain, err := r.Job(awsA, "plain")
		all = append(all, plain)
		return err
	})

	done := &all[3]
	done.Latest, done.Left, done.Done, done.Failed, done.Outcome = said.Add(time.Minute), 0, 39, 1, "finished"
	f.update(func(tx store.Tx) error {
		changed := *done
		changed.Action, changed.By, changed.KeyID, changed.Began = "suspend", "bo", "AKIA2", said.Add(time.Hour) // do not change
		return tx.UpdateJob(changed)
	})
	check("")
	f.view(func(r store.ReadTx) error {
		got, err := r.Job(awsA, done.JobID)
		same(t, "Job", got, *done)
		return err
	})
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Job(awsC, done.JobID); return err })
	f.viewFails(store.ErrNotFound, func(r store.ReadTx) error { _, err := r.Job(awsA, "j9"); return err })

	gone := *done
	gone.AWSAccountID = awsB
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error { return tx.UpdateJob(gone) })
	taken := job(awsA, "a3", "j1")
	f.updateFails(store.ErrExists, func(tx store.Tx) error { return tx.InsertJob(&taken) })
}

// jobTurns are the turns of what reads jobs.
func jobTurns() []turn {
	insert := func(tx store.Tx, aws, id string) error {
		j := job(aws, "a1", id)
		return tx.InsertJob(&j)
	}
	return []turn{
		{"Job", func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Job(awsA, "alone"+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error { return insert(tx, awsA, "alone"+round) }},
		{"ListJobs", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListJobs("jobs"+round, store.JobFilter{}, 0, 1)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, "jobs"+round, who) }},
		{"ListUndoing", func(tx store.Tx, round string) (bool, error) {
			all, err := tx.ListUndoing("undone"+round, store.JobFilter{}, 0, 100)
			return empty(len(all), err)
		}, func(tx store.Tx, round, who string) error { return insert(tx, "undone"+round, who) }},
		{"ListJobs, one that changes", func(tx store.Tx, round string) (bool, error) {
			all, _, err := tx.ListJobs("worked", store.JobFilter{AccountID: "a1"}, 0, 1)
			return len(all) == 1 && all[0].Outcome != "round "+round, err
		}, func(tx store.Tx, round, _ string) error {
			j, err := tx.Job("worked", "j")
			if err != nil {
				return err
			}
			j.Outcome = "round " + round
			return tx.UpdateJob(j)
		}},
	}
}
