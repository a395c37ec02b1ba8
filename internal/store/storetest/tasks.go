package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

var taskTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// task is a task that is due some minutes after taskTime; an account "" is none.
func task(account, kind, target string, minutes int) store.Task {
	return store.Task{AWSAccountID: awsA, AccountID: account, Kind: kind, Target: target, Due: taskTime.Add(time.Duration(minutes) * time.Minute)}
}

func (f *fixture) putTasks(tasks ...store.Task) {
	f.Helper()
	f.update(func(tx store.Tx) error {
		for _, t := range tasks {
			if err := tx.PutTask(t); err != nil {
				return err
			}
		}
		return nil
	})
}

// due checks which tasks are due some minutes after taskTime, and when the next one is.
func (f *fixture) due(minutes, limit int, next time.Time, want ...store.Task) {
	f.Helper()
	got, gotNext, err := f.DueTasks(context.Background(), taskTime.Add(time.Duration(minutes)*time.Minute), limit)
	if err != nil {
		f.Fatalf("DueTasks: %v", err)
	}
	what := fmt.Sprintf("DueTasks after %d minutes", minutes)
	same(f.T, what, got, want)
	if !gotNext.Equal(next) {
		f.Errorf("%s: next is at %v, want %v", what, gotNext, next)
	}
}

func testTasks(t *testing.T, f *fixture) {
	never := time.Time{}
	f.due(1000, 10, never)
	fill := task("", "Fill", "order", 10)
	purge, other := task("a1", "Purge", "a1", 5), task("a2", "Purge", "a1", 7)
	far := task("a1", "Fill", "order", 600)
	f.putTasks(fill, purge, other, far)
	f.due(4, 10, purge.Due)
	f.due(5, 10, other.Due, purge)
	f.due(10, 10, far.Due, purge, other, fill)
	f.due(1000, 2, never, purge, other)
	f.due(1000, 3, never, purge, other, fill)
	for _, want := range []store.Task{fill, purge, other, far} {
		f.view(func(r store.ReadTx) error {
			got, err := r.Task(want.AWSAccountID, want.AccountID, want.Kind, want.Target)
			same(t, "Task", got, want)
			return err
		})
	}
	for _, absent := range []store.Task{
		task("", "Purge", "order", 0), task("", "Fill", "a1", 0), task("a2", "Fill", "order", 0),
		{AWSAccountID: awsB, Kind: "Fill", Target: "order"}, {AWSAccountID: awsB, AccountID: "a1", Kind: "Purge", Target: "a1"},
	} {
		f.viewFails(store.ErrNotFound, func(r store.ReadTx) error {
			_, err := r.Task(absent.AWSAccountID, absent.AccountID, absent.Kind, absent.Target)
			return err
		})
	}

	// A lease keeps others away until it ends; a task may also be put off, or have its time brought
	// forward.
	purge.Leased = taskTime.Add(20 * time.Minute)
	fill.Due = taskTime.Add(6 * time.Minute)
	f.putTasks(purge, fill)
	f.due(10, 10, purge.Leased, fill, other)
	f.due(20, 10, far.Due, fill, other, purge)
	far.Leased = taskTime // has ended long before the task is due
	f.putTasks(far)
	f.due(20, 10, far.Due, fill, other, purge)
	for minutes, want := range map[int]map[string]int{0: {}, 10: {"Fill": 1, "Purge": 1}, 1000: {"Fill": 2, "Purge": 2}} {
		counts, err := f.CountDueTasks(context.Background(), taskTime.Add(time.Duration(minutes)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("CountDueTasks after %d minutes", minutes), counts, want)
	}

	f.update(func(tx store.Tx) error { return tx.DeleteTask(other) })
	f.update(func(tx store.Tx) error { return tx.DeleteTask(fill) })
	f.update(func(tx store.Tx) error { return tx.DeleteTask(task("a3", "Fill", "order", 0)) })
	f.due(1000, 10, never, purge, far)
	f.updateFails(store.ErrNotFound, func(tx store.Tx) error {
		if err := tx.DeleteTask(purge); err != nil {
			return err
		}
		return store.ErrNotFound
	})
	f.due(20, 10, far.Due, purge)
}

// taskTurns are the turns of what reads tasks.
func taskTurns() []turn {
	put := func(t store.Task) turn {
		return turn{"Task of " + t.AccountID, func(tx store.Tx, round string) (bool, error) {
			_, err := tx.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target+round)
			return missing(err)
		}, func(tx store.Tx, round, _ string) error {
			t := t
			t.Target += round
			return tx.PutTask(t)
		}}
	}
	return []turn{put(task("a1", "Turn", "t", 0)), put(task("", "Turn", "t", 0))}
}
