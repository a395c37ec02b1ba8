package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// testScanBounds walks listings whose filters few rows pass, or none, over more rows than a page
// may look at.
func testScanBounds(t *testing.T, f *fixture) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	const rows = 2*store.ScanRows + 500
	const last = rows - 100 // the one row that some filters are for
	users := make([]store.User, rows)
	records := make([]store.AuditRecord, rows)
	accounts := make([]store.Account, rows)
	for i := range rows {
		users[i] = invited("a1", fmt.Sprint("u", i))
		records[i] = store.AuditRecord{AWSAccountID: awsA, Target: fmt.Sprint("u", i)}
		accounts[i] = account(awsA, fmt.Sprint("a", i))
	}
	users[last].Type = "SharedDevice"
	accounts[last].Name = "Rare"
	f.update(func(tx store.Tx) error { return errors.Join(tx.InsertUsers(users), tx.AppendAudit(records)) })
	for begin := 0; begin < rows; begin += 1000 { // an update locks what it inserts
		f.update(func(tx store.Tx) error {
			for i := begin; i < min(begin+1000, rows); i++ {
				if err := tx.InsertAccount(&accounts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	// A filter that nothing passes says nothing of an account of another AWS account.
	foreign := make([]store.AuditRecord, store.ScanRows+100)
	for i := range foreign {
		foreign[i] = store.AuditRecord{AWSAccountID: awsB, AccountID: "b1"}
	}
	f.update(func(tx store.Tx) error { return tx.AppendAudit(foreign) })
	f.view(func(r store.ReadTx) error {
		page, next, err := r.Audit(awsA, store.AuditFilter{AccountID: "b1", Target: "u1"}, 0, 10)
		if len(page) > 0 || next != 0 {
			t.Errorf("the trail of another AWS account's account: got %d records, and more after %d", len(page), next)
		}
		return err
	})

	ofUsers := func(i int) store.Entry { return users[i].Entry }
	ofRecords := func(i int) store.Entry { return records[i].Entry }
	ofAccounts := func(i int) store.Entry { return accounts[i].Entry }

	// A page function returns how many rows a page has, and where the listing goes on.
	type page func(r store.ReadTx, after store.Entry, limit int) (int, store.Entry, error)
	listUsers := func(filter store.UserFilter) page {
		return func(r store.ReadTx, after store.Entry, limit int) (int, store.Entry, error) {
			rows, next, err := r.ListUsers("a1", filter, after, limit)
			return len(rows), next, err
		}
	}
	audit := func(filter store.AuditFilter) page {
		return func(r store.ReadTx, after store.Entry, limit int) (int, store.Entry, error) {
			rows, next, err := r.Audit(awsA, filter, after, limit)
			return len(rows), next, err
		}
	}
	listAccounts := func(prefix string) page {
		return func(r store.ReadTx, after store.Entry, limit int) (int, store.Entry, error) {
			rows, next, err := r.Accounts(awsA, store.AccountFilter{NamePrefix: prefix}, after, limit)
			return len(rows), next, err
		}
	}
	for _, test := range []struct {
		name  string
		entry func(i int) store.Entry
		page  page
		want  int
	}{
		{"no user", ofUsers, listUsers(store.UserFilter{Registration: "Suspended"}), 0},
		{"one user", ofUsers, listUsers(store.UserFilter{Type: "SharedDevice"}), 1},
		{"all users", ofUsers, listUsers(store.UserFilter{}), rows},
		{"no record", ofRecords, audit(store.AuditFilter{Job: "7"}), 0},
		{"one record", ofRecords, audit(store.AuditFilter{Target: fmt.Sprint("u", last)}), 1},
		{"no account", ofAccounts, listAccounts("none"), 0},
		{"one account", ofAccounts, listAccounts("Rare"), 1},
	} {
		const limit = 1000
		found, seen := 0, 0 // seen counts the rows up to where the scan has ended
		var after store.Entry
		for done := false; !done; {
			f.view(func(r store.ReadTx) error {
				n, next, err := test.page(r, after, limit)
				after = next
				if done = next == 0; done {
					next = test.entry(rows - 1)
				}
				before := seen
				for seen < rows && test.entry(seen) <= next {
					seen++
				}
				if looked := seen - before; n > limit || looked > limit+store.ScanRows || looked == 0 && !done {
					t.Errorf("%s: a page has %d rows of %d, want %d of %d at most", test.name, n, looked, limit, limit+store.ScanRows)
					done = true
				}
				found += n
				return err
			})
		}
		if found != test.want || seen != rows {
			t.Errorf("%s: found %d in %d rows, want %d in %d", test.name, found, seen, test.want, rows)
		}
	}
	f.view(func(r store.ReadTx) error {
		const limit = 1000
		page, next, err := r.Audit(awsA, store.AuditFilter{Job: "7", Newest: true}, 0, limit)
		same(t, "newest records of none, and the last that was looked at", []int{len(page), int(next)}, []int{0, int(records[rows-limit-store.ScanRows].Entry)})
		return err
	})
}

// RunLookups checks that keys are looked up, and that Ping answers, while views are listing and do
// not end: as many as the store can have.
func RunLookups(t *testing.T, s store.Store, views int) {
	key := store.AccessKey{KeyID: "AKIA1", AWSAccountID: awsA, Name: "ci", SealedSecret: []byte("x")}
	Update(t, s, func(tx store.Tx) error { return tx.PutAccessKey(key) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only a failure takes so long
	defer cancel()
	entered := make(chan struct{}, views)
	leave := make(chan struct{})
	ended := make(chan error, views)
	for range views {
		go func() {
			ended <- s.View(ctx, func(r store.ReadTx) error {
				_, _, err := r.ListUsers("a1", store.UserFilter{}, 0, 1)
				entered <- struct{}{}
				<-leave
				return err
			})
		}()
	}
	for range views {
		<-entered
	}
	got, err := s.AccessKey(ctx, "AKIA1")
	if err != nil {
		t.Errorf("AccessKey while all views are listing: %v", err)
	}
	same(t, "AccessKey", got, key)
	if _, err := s.AccessKey(ctx, "AKIA2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("AccessKey of no key: got error %v, want %v", err, store.ErrNotFound)
	}
	if err := s.Ping(ctx); err != nil {
		t.Errorf("Ping while all views are listing: %v", err)
	}
	close(leave)
	for range views {
		if err := <-ended; err != nil {
			t.Errorf("View: %v", err)
		}
	}
}
