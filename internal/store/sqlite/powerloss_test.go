package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/store/storetest"
)

var (
	powerLosses = flag.Int("power-losses", 600, "power losses of TestPowerLoss; a tenth of them with -short")
	powerBursts = flag.Bool("bursts", false, "let syncs of TestPowerLoss fail in bursts, and the power near them: in some 40,000 losses one still damages a database")
	powerSeed   = flag.Uint64("seed", 0, "what TestPowerLoss derives its first random moments from")
)

// After a power loss at any moment, everything that was acknowledged before it is there, and of
// everything else all or nothing.
func TestPowerLoss(t *testing.T) {
	const perRun = 50
	losses := *powerLosses
	if testing.Short() {
		losses /= 10
	}
	lost := disktest.InMemory(t)
	survived := 0
	for seed := *powerSeed; survived < losses; seed++ {
		luck := rand.New(rand.NewPCG(seed, 0))
		w := work(t, luck)
		for range min(perRun, losses-survived) {
			moment := w.ready + luck.IntN(w.disk.Now()-w.ready+1)
			switch n := luck.IntN(20); {
			case n == 0: // the check of a first start takes as long as many others
				moment = luck.IntN(w.ready)
			case n < 10 && *powerBursts && len(w.failures) > 0:
				moment = min(w.disk.Now(), w.failures[luck.IntN(len(w.failures))]+luck.IntN(200))
			}
			if err := w.disk.AfterPowerLoss(moment, luck).Write(lost); err != nil {
				t.Fatal(err)
			}
			w.check(t, lost, moment, luck.IntN(50) == 0)
			if t.Failed() {
				t.Fatalf("seed %d, after %d of %d events", seed, moment, w.disk.Now())
			}
			survived++
		}
	}
	t.Logf("%d power losses survived", survived)
}

// worked is what clients have done to a store.
type worked struct {
	disk     *disk
	ready    int            // when the store was open
	acks     map[string]int // when each update was acknowledged, by the id of its account
	failures []int          // when syncs have failed
}

// usersEach is how many users an update adds to its account.
const usersEach = 5

// work lets clients add accounts with users and audit records, at the same time, and notes when
// each of them was acknowledged.
func work(t *testing.T, luck *rand.Rand) *worked {
	dir := disktest.InMemory(t)
	w := &worked{disk: newDisk(t, dir), acks: map[string]int{}}
	s, err := sqlite.Open(t.Context(), dir, sqlite.ShortLog(20+luck.IntN(200)))
	if err != nil {
		t.Fatal(err)
	}
	w.ready = w.disk.Now()
	failing := false
	if luck.IntN(3) == 0 {
		failing = true
		syncs := rand.New(rand.NewPCG(luck.Uint64(), 0))
		bad := 20 // one in so many fails
		w.disk.fail(func(string) bool {
			if syncs.IntN(bad) > 0 {
				bad = min(20, bad+1)
				return false
			}
			if *powerBursts {
				bad = 2
			}
			w.failures = append(w.failures, w.disk.Now())
			return true
		})
	}
	var mu sync.Mutex
	var clients sync.WaitGroup
	each := 1 + luck.IntN(30)
	for client := range 1 + luck.IntN(4) {
		clients.Go(func() {
			for n := range each {
				id := fmt.Sprintf("account-%d-%d", client, n)
				if n%7 == 3 { // an update that changes its mind
					err := s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(addAccount(tx, "undone-"+id), errUndone) })
					if !errors.Is(err, errUndone) && !failing {
						t.Errorf("Update: %v", err)
					}
				}
				err := s.Update(t.Context(), func(tx store.Tx) error { return addAccount(tx, id) })
				if failing && (errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrUnavailable)) {
					continue // it is not acknowledged
				}
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				now := w.disk.Now()
				mu.Lock()
				w.acks[id] = now
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if len(w.acks) == 0 && each > 3 && !*powerBursts {
		t.Error("no update was acknowledged")
	}
	return w
}

var errUndone = errors.New("never mind")

func addAccount(tx store.Tx, id string) error {
	a := store.Account{AWSAccountID: "111122223333", AccountID: id, Name: id, Type: "Team", Status: "Active", DefaultLicense: "Pro", Created: time.Now()}
	if err := tx.InsertAccount(&a); err != nil {
		return err
	}
	users := make([]store.User, usersEach)
	records := make([]store.AuditRecord, usersEach)
	for i := range users {
		user := fmt.Sprintf("%s-%d", id, i)
		users[i] = store.User{AccountID: id, UserID: user, Email: user + "@example.com", Registration: "Registered", License: "Pro", Type: "PrivateUser"}
		records[i] = store.AuditRecord{AWSAccountID: a.AWSAccountID, AccountID: id, Operation: "InviteUsers", Target: user, Time: time.Now()}
	}
	if err := tx.InsertUsers(users); err != nil {
		return err
	}
	return tx.AppendAudit(records)
}

// check looks at what a power loss has left. A thorough check is that of the next start, which also
// goes on to write.
func (w *worked) check(t *testing.T, dir string, moment int, thorough bool) {
	t.Helper()
	if moment < w.ready { // nothing was acknowledged, and the next start sees to what there is
		thorough = true
	}
	if thorough {
		s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
		if err != nil {
			t.Errorf("opening: %v", err)
			return
		}
		storetest.Update(t, s, func(tx store.Tx) error { return addAccount(tx, "later") })
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if thorough {
		var verdict string
		if err := db.QueryRow("PRAGMA integrity_check(1)").Scan(&verdict); err != nil || verdict != "ok" {
			t.Errorf("integrity_check: %s, %v", verdict, err)
		}
	}
	rows, err := db.QueryContext(context.Background(), `SELECT account_id, (SELECT count(*) FROM users u WHERE u.account_id = a.account_id),
		(SELECT count(*) FROM account_audit r WHERE r.account_id = a.account_id) FROM accounts a`)
	if err != nil {
		t.Errorf("reading: %v", err)
		return
	}
	defer rows.Close()
	there := map[string]bool{}
	for rows.Next() {
		var id string
		var users, records int
		if err := rows.Scan(&id, &users, &records); err != nil {
			t.Fatal(err)
		}
		there[id] = true
		if strings.HasPrefix(id, "undone-") {
			t.Errorf("%s was undone, and is there", id)
		}
		if users != usersEach || records != usersEach {
			t.Errorf("%s has %d users and %d records, want %d of both", id, users, records, usersEach)
		}
	}
	if err := rows.Err(); err != nil {
		t.Errorf("reading: %v", err)
	}
	for id, at := range w.acks {
		if at <= moment && !there[id] {
			t.Errorf("%s was acknowledged, and is lost", id)
		}
	}
}
