package sqlite

import (
	"context"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// DueTasks shares the sessions of the look-ups, so that no view has to wait while the scheduler
// looks whether there is anything to do.
func (d *database) DueTasks(ctx context.Context, at time.Time, limit int) (due []store.Task, next time.Time, err error) {
	err = d.view(ctx, d.lookups, func(t *tx) (err error) {
		due, next, err = t.sql.DueTasks(at, limit)
		return err
	})
	return due, next, err
}

func (d *database) CountDueTasks(ctx context.Context, at time.Time) (counts map[string]int, err error) {
	err = d.view(ctx, d.readers, func(t *tx) (err error) {
		counts, err = t.sql.CountDueTasks(at)
		return err
	})
	return counts, err
}

func (t *tx) Task(awsAccountID, accountID, kind, target string) (store.Task, error) {
	return t.sql.Task(awsAccountID, accountID, kind, target)
}

func (t *tx) PutTask(task store.Task) error { return t.sql.PutTask(task) }

func (t *tx) DeleteTask(task store.Task) error { return t.sql.DeleteTask(task) }
