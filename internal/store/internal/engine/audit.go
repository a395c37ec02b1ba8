package engine

import (
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// AuditColumns are the columns of an audit record, in the order of [ScanAudit].
const AuditColumns = `aws_account_id, entry, time, request_id, key_id, key_name, user_agent, operation,
	account_id, target, before, after`

// ScanAudit scans its columns.
func ScanAudit(row Row) (r store.AuditRecord, err error) {
	err = row.Scan(&r.AWSAccountID, &r.Entry, millisTo{&r.Time}, &r.RequestID, &r.KeyID, &r.KeyName, &r.UserAgent,
		&r.Operation, &r.AccountID, &r.Target, &r.Before, &r.After)
	return r, err
}

func (s *SQL) Audit(awsAccountID string, filter store.AuditFilter, after store.Entry, limit int) ([]store.AuditRecord, store.Entry, error) {
	records, err := List(s, ScanAudit, `SELECT `+AuditColumns+` FROM (
			SELECT * FROM audit WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3
		) AS scanned WHERE ($4 = '' OR account_id = $4) AND ($5 = '' OR target = $5)
			AND ($6 = '' OR key_id = $6 OR key_name = $6) AND (time >= $7 OR $7 = 0) AND (time < $8 OR $8 = 0)
			AND ($9 = '' OR replace(' ' || user_agent || ' ', ' job/' || $9 || ' ', '') <> ' ' || user_agent || ' ')
		LIMIT $10`, awsAccountID, after, scan(limit), filter.AccountID, filter.Target, filter.Key,
		Millis(filter.Since), Millis(filter.Until), filter.Job, limit+1)
	if err != nil {
		return nil, 0, err
	}
	l := listing{"audit", "aws_account_id", awsAccountID, after, limit, filter == store.AuditFilter{}}
	return endPage(s, l, records, func(r *store.AuditRecord) store.Entry { return r.Entry })
}

// AWSAccounts steps from one AWS account to the next: a DISTINCT would read the whole trail.
func (s *SQL) AWSAccounts() ([]string, error) {
	return List(s, func(row Row) (id string, err error) {
		err = row.Scan(&id)
		return id, err
	}, `WITH RECURSIVE owners (id) AS (
			SELECT MIN(aws_account_id) FROM audit
			UNION ALL
			SELECT (SELECT MIN(aws_account_id) FROM audit WHERE aws_account_id > owners.id)
			FROM owners WHERE owners.id IS NOT NULL
		) SELECT id FROM owners WHERE id IS NOT NULL`)
}

// What is old is at the beginning of a trail, but for clocks and overlaps: DeleteAudit has seen
// enough once auditPage records in a row are not even from auditSlack after the time in question.
// To read on to the end would take minutes in a long trail, and everybody waits for an update.
const (
	auditPage  = 1000
	auditSlack = time.Hour
)

func (s *SQL) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	type place struct {
		entry store.Entry
		time  int64
	}
	scan := func(row Row) (p place, err error) { return p, row.Scan(&p.entry, &p.time) }
	var last, end store.Entry // what has been looked at, and the last of it that is to go
	for found, done := 0, false; !done; {
		page, err := List(s, scan, `SELECT entry, time FROM audit WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3`,
			awsAccountID, last, auditPage)
		if err != nil {
			return 0, err
		}
		done = len(page) < auditPage || !slices.ContainsFunc(page, func(p place) bool { return p.time < Millis(before.Add(auditSlack)) })
		for _, p := range page {
			last = p.entry
			if p.time < Millis(before) {
				if found, end = found+1, p.entry; found == limit {
					done = true
					break
				}
			}
		}
	}
	n, err := s.Write(`DELETE FROM audit WHERE aws_account_id = $1 AND entry <= $2 AND time < $3`, awsAccountID, end, Millis(before))
	return int(n), err
}
