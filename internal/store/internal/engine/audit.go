package engine

import (
	"cmp"
	"errors"
	"maps"
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

// The trail of an AWS account is in two tables. Records of an account lie with its users, so that a
// batch touches one place: table account_audit, by account id. What belongs to the AWS account as a
// whole is in table audit. Readers see one trail, in order of entry.

// auditTable returns the table that a record belongs to, and the key of its trail there.
func auditTable(r *store.AuditRecord) (table, key string) {
	if r.AccountID != "" {
		return "account_audit", r.AccountID
	}
	return "audit", r.AWSAccountID
}

// Statement is a statement to run.
type Statement struct {
	Text string
	Args []any
}

// auditRows is how many records a statement adds at most: those of a full batch.
const auditRows = 20

// NumberAudit sets the entries of records. last holds the last entries of accounts that are known
// already; it may be nil.
func (s *SQL) NumberAudit(records []store.AuditRecord, last map[string]store.Entry) error {
	ofAccounts, ofAWSAccounts := s.NewRows("account_audit", "account_id", last), s.NewRows("audit", "aws_account_id", nil)
	for i := range records {
		rows := ofAccounts
		table, key := auditTable(&records[i])
		if table == "audit" {
			rows = ofAWSAccounts
		}
		var err error
		if records[i].Entry, err = rows.Next(key); err != nil {
			return err
		}
	}
	return nil
}

// InsertAudit returns the statements that add records. Those of one request to one account share a
// statement, for half of what they cost one by one.
func InsertAudit(records []store.AuditRecord) (all []Statement) {
	for len(records) > 0 {
		n := 1
		for n < min(len(records), auditRows) && event(records[n]) == event(records[0]) {
			n++
		}
		all = append(all, insertEvent(records[:n]))
		records = records[n:]
	}
	return all
}

// event is what the records of one request to one account have in common.
func event(r store.AuditRecord) store.AuditRecord {
	r.Entry, r.Target, r.Before, r.After = 0, "", "", ""
	return r
}

// sharedColumns are those that records of one event have in common.
const sharedColumns = `aws_account_id, time, request_id, key_id, key_name, user_agent, operation, account_id`

func insertEvent(records []store.AuditRecord) Statement {
	r := &records[0]
	table, _ := auditTable(r)
	args := make([]any, 0, 8+4*len(records))
	args = append(args, r.AWSAccountID, Millis(r.Time), r.RequestID, r.KeyID, r.KeyName, r.UserAgent, r.Operation, r.AccountID)
	for i := range records {
		r := &records[i]
		args = append(args, int64(r.Entry), r.Target, r.Before, r.After)
	}
	return Statement{insertText(insertion{table, sharedColumns, "entry, target, before, after", len(records), 8, 4}), args}
}

func (s *SQL) Audit(awsAccountID string, filter store.AuditFilter, after store.Entry, limit int) ([]store.AuditRecord, store.Entry, error) {
	if filter.AccountID != "" {
		page, next, err := s.records("account_audit", "account_id", filter.AccountID, filter, after, limit)
		if err != nil {
			return nil, 0, err
		}
		// An account belongs to one AWS account for good, so any of its records says which.
		var owner string
		switch {
		case len(page) > 0:
			owner = page[0].AWSAccountID
		case next != 0:
			if err := s.ReadRow(`SELECT aws_account_id FROM account_audit WHERE account_id = $1 AND entry = $2`,
				[]any{filter.AccountID, next}, &owner); err != nil {
				return nil, 0, err
			}
		}
		if owner != awsAccountID {
			return nil, 0, nil
		}
		return page, next, nil
	}
	ofAccounts, nextOfAccounts, err := s.records("account_audit", "aws_account_id", awsAccountID, filter, after, limit)
	if err != nil {
		return nil, 0, err
	}
	others, next, err := s.records("audit", "aws_account_id", awsAccountID, filter, after, limit)
	if err != nil {
		return nil, 0, err
	}
	if next == 0 || nextOfAccounts != 0 && filter.IsBefore(nextOfAccounts, next) {
		next = nextOfAccounts
	}
	page, next := mergeRecords(ofAccounts, others, filter, next, limit)
	return page, next, nil
}

// records lists records of one table. Two accounts may have the same entry, so a page ends between
// two entries, never within one; it is longer than the limit only if so many records have one
// entry.
func (s *SQL) records(table, column, key string, filter store.AuditFilter, after store.Entry, limit int) ([]store.AuditRecord, store.Entry, error) {
	from := upFrom(after)
	if filter.Newest {
		from = downFrom(after)
	}
	emails := 0 // a number: the engines write truth in different ways
	if filter.Emails {
		emails = 1
	}
	var end store.Entry // the last that may be looked at; 0: there are not so many
	if filter != (store.AuditFilter{AccountID: filter.AccountID, Newest: filter.Newest}) {
		var err error
		if end, err = s.scanEnd(table, column, key, from, limit); err != nil {
			return nil, 0, err
		}
	}
	for n := limit + 1; ; n *= 2 {
		page, err := List(s, ScanAudit, `SELECT `+AuditColumns+` FROM `+table+` WHERE `+column+` = $1 AND entry `+from.beyond+` $2
				AND entry `+from.within+` $3 AND ($4 = '' AND $11 = 0 OR target = $4 OR $11 = 1 AND (before LIKE '%"PrimaryEmail"%' OR after LIKE '%"PrimaryEmail"%')) AND ($5 = '' OR key_id = $5 OR key_name = $5)
				AND (time >= $6 OR $6 = 0) AND (time < $7 OR $7 = 0)
				AND ($8 = '' OR replace(' ' || user_agent || ' ', ' job/' || $8 || ' ', '') <> ' ' || user_agent || ' ')
				AND ($9 = '' OR operation = $9)
			ORDER BY entry`+from.order+` LIMIT $10`, key, from.after, cmp.Or(end, from.end), filter.Target, filter.Key,
			Millis(filter.Since), Millis(filter.Until), filter.Job, filter.Operation, n, emails)
		if err != nil {
			return nil, 0, err
		}
		if len(page) < n {
			return page, end, nil
		}
		last := page[n-1].Entry // of which there may be more
		for len(page) > 0 && page[len(page)-1].Entry == last {
			page = page[:len(page)-1]
		}
		if len(page) > 0 {
			return page, page[len(page)-1].Entry, nil
		}
	}
}

// mergeRecords makes one page of two, which are complete up to an entry (0: to the end).
func mergeRecords(a, b []store.AuditRecord, filter store.AuditFilter, next store.Entry, limit int) ([]store.AuditRecord, store.Entry) {
	if len(b) > 0 {
		a = append(a, b...)
		slices.SortStableFunc(a, func(a, b store.AuditRecord) int {
			if filter.Newest {
				a, b = b, a
			}
			return cmp.Compare(a.Entry, b.Entry)
		})
	}
	n := len(a)
	for next != 0 && n > 0 && filter.IsBefore(next, a[n-1].Entry) {
		n--
	}
	a = a[:n]
	return store.CutAudit(a, next, limit)
}

// AWSAccounts steps from one AWS account to the next, since a DISTINCT would read whole tables. An
// AWS account in which something was done has a row in accounts, where deleted ones stay, or in
// audit.
func (s *SQL) AWSAccounts() ([]string, error) {
	ids := make(map[string]bool)
	for _, table := range []string{"accounts", "audit"} {
		for id := ""; ; {
			err := s.ReadRow(`SELECT aws_account_id FROM `+table+` WHERE aws_account_id > $1 ORDER BY aws_account_id LIMIT 1`,
				[]any{id}, &id)
			if errors.Is(err, store.ErrNotFound) {
				break
			}
			if err != nil {
				return nil, err
			}
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids)), nil
}

// What is old is at the beginning of a trail, but for clocks and overlaps: DeleteAudit has seen
// enough once auditPage records in a row are not even from auditSlack after the time in question.
// To read on to the end would take minutes in a long trail, and everybody waits for an update.
const (
	auditPage  = 1000
	auditSlack = time.Hour
)

func (s *SQL) DeleteAudit(awsAccountID string, before time.Time, limit int) (int, error) {
	removed := 0
	for _, table := range []string{"account_audit", "audit"} {
		if removed >= limit {
			break
		}
		n, err := s.deleteRecords(table, awsAccountID, before, limit-removed)
		if err != nil {
			return 0, err
		}
		removed += n
	}
	return removed, nil
}

func (s *SQL) deleteRecords(table, awsAccountID string, before time.Time, limit int) (int, error) {
	type place struct {
		entry store.Entry
		time  int64
	}
	scan := func(row Row) (p place, err error) { return p, row.Scan(&p.entry, &p.time) }
	var last, end store.Entry // what has been looked at, and the last of it that is to go
	for found, done := 0, false; !done; {
		page, err := List(s, scan, `SELECT entry, time FROM `+table+` WHERE aws_account_id = $1 AND entry > $2 ORDER BY entry LIMIT $3`,
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
	n, err := s.Write(`DELETE FROM `+table+` WHERE aws_account_id = $1 AND entry <= $2 AND time < $3`, awsAccountID, end, Millis(before))
	return int(n), err
}
