package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// Benchmark measures what BatchUpdateUser does to a store: it changes the licenses of 20 random
// users of a random account at a time, each with an audit record.
func Benchmark(b *testing.B, s store.Store) {
	const accounts, users = 20, 2000
	for i := range accounts {
		Fill(b, s, fmt.Sprint("a", i), users)
	}
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			var next atomic.Int64
			var wg sync.WaitGroup
			for range clients {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if err := s.Update(context.Background(), Batch(fmt.Sprint("a", rand.N(accounts)), users)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "batches/s")
		})
	}
}

// Fill makes an account of the AWS account 111122223333, with users u0, u1, ...
func Fill(b testing.TB, s store.Store, accountID string, n int) {
	b.Helper()
	all := make([]store.User, n)
	for i := range all {
		id := fmt.Sprint("u", i)
		all[i] = store.User{AccountID: accountID, UserID: id, Email: id + "@" + accountID + ".example.com", License: "Pro",
			Type: "PrivateUser", Registration: store.Unregistered, Invitation: "Pending", InviteID: "invite-" + id, InvitedOn: time.Now()}
	}
	a := store.Account{AWSAccountID: "111122223333", AccountID: accountID, Name: accountID, Type: "EnterpriseLWA", Status: "Active",
		DefaultLicense: "Pro", SupportedLicenses: []string{"Basic", "Pro"}, Created: time.Now()}
	if err := s.Update(b.Context(), func(tx store.Tx) error {
		if err := tx.InsertAccount(&a); err != nil {
			return err
		}
		return tx.InsertUsers(all)
	}); err != nil {
		b.Fatal(err)
	}
}

// Batch returns an update that changes the licenses of 20 random users of an account that [Fill]
// has made, one in each twentieth of them, each with an audit record.
func Batch(accountID string, users int) func(store.Tx) error {
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = fmt.Sprint("u", i*users/len(ids)+rand.N(users/len(ids)))
	}
	request, now := fmt.Sprint(rand.Int64()), time.Now()
	return func(tx store.Tx) error {
		a, found, err := tx.AccountUsers("111122223333", accountID, ids)
		if err != nil {
			return err
		}
		changes := make([]store.UserChange, len(found))
		records := make([]store.AuditRecord, len(found))
		for i, u := range found {
			after := u
			after.License = "Basic"
			if u.License == "Basic" {
				after.License = "Pro"
			}
			changes[i] = store.UserChange{Before: u, After: after}
			records[i] = store.AuditRecord{AWSAccountID: a.AWSAccountID, Time: now, RequestID: request, KeyID: "AKIAROOT",
				KeyName: "root", UserAgent: "benchmark", Operation: "BatchUpdateUser", AccountID: accountID, Target: u.UserID,
				Before: `{"LicenseType": "` + u.License + `"}`, After: `{"LicenseType": "` + after.License + `"}`}
		}
		if err := tx.UpdateUsers(accountID, changes); err != nil {
			return err
		}
		return tx.AppendAudit(records)
	}
}
