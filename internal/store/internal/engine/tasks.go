package engine

import (
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Tasks of an account lie with its users, like its trail: see audit.go. The column ready is when a
// task can be taken: when it is due, or later if it is leased.

// taskTables are where tasks are, with the column that their keys begin with.
var taskTables = [...]struct{ table, owner string }{{"account_tasks", "account_id"}, {"tasks", "aws_account_id"}}

func scanTask(row Row) (t store.Task, err error) {
	err = row.Scan(&t.AWSAccountID, &t.AccountID, &t.Kind, &t.Target, millisTo{&t.Due}, millisTo{&t.Leased})
	return t, err
}

func (s *SQL) Task(awsAccountID, accountID, kind, target string) (store.Task, error) {
	if accountID == "" {
		return one(List(s, scanTask, `SELECT aws_account_id, '', kind, target, due, leased FROM tasks
			WHERE aws_account_id = $1 AND kind = $2 AND target = $3`, awsAccountID, kind, target))
	}
	return one(List(s, scanTask, `SELECT aws_account_id, account_id, kind, target, due, leased FROM account_tasks
		WHERE account_id = $1 AND kind = $2 AND target = $3 AND aws_account_id = $4`, accountID, kind, target, awsAccountID))
}

func (s *SQL) PutTask(t store.Task) error {
	due, leased := Millis(t.Due), Millis(t.Leased)
	values := []any{t.AWSAccountID, t.Kind, t.Target, due, leased, max(due, leased)}
	if t.AccountID == "" {
		_, err := s.Write(`INSERT INTO tasks (aws_account_id, kind, target, due, leased, ready) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (aws_account_id, kind, target) DO UPDATE SET due = excluded.due, leased = excluded.leased, ready = excluded.ready`, values...)
		return err
	}
	_, err := s.Write(`INSERT INTO account_tasks (aws_account_id, kind, target, due, leased, ready, account_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account_id, kind, target) DO UPDATE SET due = excluded.due, leased = excluded.leased, ready = excluded.ready`,
		append(values, t.AccountID)...)
	return err
}

func (s *SQL) DeleteTask(t store.Task) error {
	var err error
	if t.AccountID == "" {
		_, err = s.Write(`DELETE FROM tasks WHERE aws_account_id = $1 AND kind = $2 AND target = $3`, t.AWSAccountID, t.Kind, t.Target)
	} else {
		_, err = s.Write(`DELETE FROM account_tasks WHERE account_id = $1 AND kind = $2 AND target = $3`, t.AccountID, t.Kind, t.Target)
	}
	return err
}

// DueTasks does what the method of [store.Store] does, in a view.
func (s *SQL) DueTasks(at time.Time, limit int) (due []store.Task, next time.Time, err error) {
	ready := func(t store.Task) time.Time {
		if t.Leased.After(t.Due) {
			return t.Leased
		}
		return t.Due
	}
	var all []store.Task
	for _, in := range taskTables {
		accountID := "account_id"
		if in.owner != accountID {
			accountID = "''"
		}
		some, err := List(s, scanTask, `SELECT aws_account_id, `+accountID+`, kind, target, due, leased FROM `+in.table+`
			ORDER BY ready LIMIT $1`, limit+1)
		if err != nil {
			return nil, time.Time{}, err
		}
		all = append(all, some...)
	}
	slices.SortStableFunc(all, func(a, b store.Task) int { return ready(a).Compare(ready(b)) })
	for _, t := range all {
		switch {
		case ready(t).After(at):
			return due, ready(t), nil
		case len(due) < limit:
			due = append(due, t)
		}
	}
	return due, time.Time{}, nil
}

// CountDueTasks does what the method of [store.Store] does, in a view.
func (s *SQL) CountDueTasks(at time.Time) (map[string]int, error) {
	counts := make(map[string]int)
	for _, in := range taskTables {
		err := s.Read(`SELECT kind, COUNT(*) FROM `+in.table+` WHERE ready <= $1 GROUP BY kind`, func(row Row) error {
			var kind string
			var n int
			err := row.Scan(&kind, &n)
			counts[kind] += n
			return err
		}, Millis(at))
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
