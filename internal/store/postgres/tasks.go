package postgres

import (
	"context"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func (d *database) DueTasks(ctx context.Context, at time.Time, limit int) (due []store.Task, next time.Time, err error) {
	err = d.view(ctx, forWork, func(t *tx) (err error) {
		due, next, err = t.sql.DueTasks(at, limit)
		return err
	})
	return due, next, err
}

func (d *database) CountDueTasks(ctx context.Context, at time.Time) (counts map[string]int, err error) {
	err = d.view(ctx, forWork, func(t *tx) (err error) {
		counts, err = t.sql.CountDueTasks(at)
		return err
	})
	return counts, err
}

// takeTask locks a task.
func (t *tx) takeTask(awsAccountID, accountID, kind, target string) {
	t.take("task", awsAccountID+" "+accountID+" "+kind+" "+target)
}

func (t *tx) Task(awsAccountID, accountID, kind, target string) (store.Task, error) {
	t.takeTask(awsAccountID, accountID, kind, target)
	return t.sql.Task(awsAccountID, accountID, kind, target)
}

func (t *tx) PutTask(task store.Task) error {
	t.takeTask(task.AWSAccountID, task.AccountID, task.Kind, task.Target)
	if task.AccountID != "" {
		t.account = task.AccountID
	}
	return t.sql.PutTask(task)
}

func (t *tx) DeleteTask(task store.Task) error {
	t.takeTask(task.AWSAccountID, task.AccountID, task.Kind, task.Target)
	if task.AccountID != "" {
		t.account = task.AccountID
	}
	return t.sql.DeleteTask(task)
}
