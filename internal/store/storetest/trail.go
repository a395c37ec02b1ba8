package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// RunTrail tests that the trail of an earlier release, which was one table, is whole after an
// upgrade, and how a trail of several accounts is read. old is that of [RunAddresses].
func RunTrail(t *testing.T, old func(*testing.T) (exec func(script string), open func() (store.Store, store.Upgraded))) {
	exec, open := old(t)
	insert := func(table, awsAccountID, accountID string, entry int, target string) {
		t.Helper()
		exec(fmt.Sprintf(`INSERT INTO %s (aws_account_id, entry, time, request_id, key_id, key_name, user_agent, operation,
			account_id, target, before, after) VALUES ('%s', %d, %d, 'r', 'k', 'ci', 'test', 'Op', '%s', '%s', '', '')`,
			table, awsAccountID, entry, 1000*entry, accountID, target))
	}
	insert("audit", awsA, "a1", 1, "t1")
	insert("audit", awsA, "", 2, "t2")
	insert("audit", awsA, "a2", 3, "t3")
	insert("audit", awsA, "a1", 4, "t4")
	insert("audit", awsB, "", 1, "other")
	insert("audit", awsB, "b1", 2, "other")
	s, _ := open()
	defer s.Close()

	// read pages through a trail and returns the targets, a page each.
	read := func(filter store.AuditFilter, limit int) (pages []string) {
		t.Helper()
		var after store.Entry
		for more := true; more; {
			err := s.View(t.Context(), func(r store.ReadTx) error {
				records, next, err := r.Audit(awsA, filter, after, limit)
				var targets []string
				for _, record := range records {
					targets = append(targets, record.Target)
				}
				pages = append(pages, strings.Join(targets, " "))
				more, after = next != 0, next
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		return pages
	}
	same(t, "the trail", read(store.AuditFilter{}, 10), []string{"t1 t2 t3 t4"})
	same(t, "its pages", read(store.AuditFilter{}, 3), []string{"t1 t2 t3", "t4"})
	same(t, "the trail of an account", read(store.AuditFilter{AccountID: "a1"}, 10), []string{"t1 t4"})

	// Accounts whose updates ran at the same time may have the same entries. No page ends between
	// two of those, so that the next one has them all or none.
	insert("account_audit", awsA, "a2", 5, "t5")
	insert("account_audit", awsA, "a3", 5, "t5")
	insert("account_audit", awsA, "a4", 5, "t5")
	insert("audit", awsA, "", 5, "t5")
	insert("account_audit", awsA, "a1", 6, "t6")
	insert("audit", awsA, "", 7, "t7")
	for limit := 1; limit <= 10; limit++ {
		for _, filter := range []store.AuditFilter{{}, {Key: "ci"}, {Newest: true}, {Key: "ci", Newest: true}} {
			pages := read(filter, limit)
			want := strings.Fields("t1 t2 t3 t4 t5 t5 t5 t5 t6 t7")
			if filter.Newest {
				slices.Reverse(want)
			}
			same(t, fmt.Sprintf("pages of %d by %+v", limit, filter), strings.Fields(strings.Join(pages, " ")), want)
			for _, page := range pages {
				if n := strings.Count(page, "t5"); n != 0 && n != 4 {
					t.Errorf("a page of %d has %d of the 4 records with one entry: %s", limit, n, page)
				}
				if n := len(strings.Fields(page)); n > max(limit, 4) {
					t.Errorf("a page of %d has %d records", limit, n)
				}
			}
		}
	}
	same(t, "no such record", slices.Concat(read(store.AuditFilter{Target: "t9"}, 2)), []string{""})

	deleted := 0
	Update(t, s, func(tx store.Tx) (err error) {
		deleted, err = tx.DeleteAudit(awsA, time.UnixMilli(6000), 100)
		return err
	})
	same(t, "what was deleted", deleted, 8)
	same(t, "what is left", read(store.AuditFilter{}, 10), []string{"t6 t7"})
}
