package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/disktest"
	"github.com/carillon-project/carillon/internal/scheduletest"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// Whatever clients do at the same time, and whatever fails meanwhile: an update is done once and
// whole if it was acknowledged, and not at all if it was refused. Updates are in the order in which
// they were acknowledged, nobody waits longer than he wants to, and the store can be closed at any
// moment.
//
// A seed decides who does what and when. Time passes only while nobody has anything to do, so much
// happens at the same moment. A bubble ends only when all of its goroutines have.
func TestSchedules(t *testing.T) {
	total := tally{}
	dir, files := disktest.InMemory(t), emptyDatabase(t)
	scheduletest.Play(t, 120, func(seed uint64) {
		s := newSchedule(t, seed, dir, files)
		synctest.Test(t, s.play)
		s.check(t)
		for outcome, n := range s.tally {
			total[outcome] += n
		}
	})
	t.Logf("updates: %v", total)
}

// tally counts how updates have ended.
type tally map[string]int

// schedule is what clients do to a store. What they do takes no time of the bubble, unless it is
// slow: then functions, syncs and views do. Time does not pass while somebody waits for a mutex, or
// for readers after a failure: so a slow schedule has no log to start again, and none that fails
// has slow views.
type schedule struct {
	luck    *dice
	dir     string
	disk    *disk
	slow    bool
	failing bool // some syncs and writes fail

	store   store.Store
	closing atomic.Bool  // Close has been called
	closed  atomic.Bool  // and has returned
	known   atomic.Int64 // the latest update that was acknowledged, see attempt.number

	mu    sync.Mutex
	tries []*attempt
	tally tally
}

// attempt is one call of Update.
type attempt struct {
	id     string
	end    ending
	after  int64 // which update was the latest one that was acknowledged when this one began
	number int64 // how many updates there were when its function ran, with this one
	ran    int   // how often it did
	err    error
}

// ending is how the function of an update ends.
type ending int

const (
	returns ending = iota
	changesItsMind
	panics
	exits // with its goroutine
	loses // the transaction, and those who had their turn before lose it, too
)

// dice are for several goroutines.
type dice struct {
	mu   sync.Mutex
	luck *rand.Rand
}

// roll returns a number below n.
func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.luck.IntN(n)
}

func rolled(seed, stream uint64) *dice { return &dice{luck: rand.New(rand.NewPCG(seed, stream))} }

// moments are a time of n milliseconds at most, and often none.
func (d *dice) moments(n int) { time.Sleep(time.Duration(max(0, d.roll(2*n)-n)) * time.Millisecond) }

// emptyDatabase returns the files of a database without records.
func emptyDatabase(t *testing.T) disktest.Files {
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(dir, sqlite.File))
	if err != nil {
		t.Fatal(err)
	}
	return disktest.Files{sqlite.File: data}
}

func newSchedule(t *testing.T, seed uint64, dir string, files disktest.Files) *schedule {
	s := &schedule{luck: rolled(seed, 0), dir: dir, tally: tally{}}
	if err := files.Write(dir); err != nil {
		t.Fatal(err)
	}
	s.disk = newDisk(t, dir)
	s.slow = s.luck.roll(2) == 0
	s.failing = s.luck.roll(3) == 0
	return s
}

// play opens the store, lets clients work with it, and closes it, perhaps before they are done.
func (s *schedule) play(t *testing.T) {
	var options sqlite.Options
	if !s.slow {
		options = sqlite.ShortLog(20 + s.luck.roll(200))
	}
	var err error
	if s.store, err = sqlite.Open(t.Context(), s.dir, options); err != nil {
		t.Fatal(err)
	}
	seed := uint64(s.luck.roll(1 << 30))
	if s.slow {
		syncs := rolled(seed, 1)
		s.disk.slow(func() { syncs.moments(3) })
	}
	if s.failing {
		syncs, writes, often := rolled(seed, 2), rolled(seed, 3), 2+s.luck.roll(30)
		s.disk.fail(func(string) bool { return syncs.roll(often) == 0 })
		s.disk.refuse(func() bool { return writes.roll(10*often) == 0 })
	}
	var clients sync.WaitGroup
	for client := range 1 + s.luck.roll(8) {
		luck := rolled(seed, 10+uint64(client))
		clients.Go(func() {
			for n := range 1 + luck.roll(15) {
				luck.moments(3)
				switch luck.roll(12) {
				case 0:
					s.look(t, luck)
				case 1:
					s.takeTurn(t, luck)
				case 2:
					s.ping(t, luck)
				default:
					s.try(t, luck, fmt.Sprintf("%d-%d", client, n))
				}
			}
		})
	}
	if s.luck.roll(2) == 0 {
		s.luck.moments(40)
	} else {
		clients.Wait()
	}
	s.closing.Store(true)
	if err := s.store.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	s.closed.Store(true)
	clients.Wait()
	if err := s.store.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

// caller is somebody who may leave.
func (s *schedule) caller(t *testing.T, luck *dice) (ctx context.Context, leave context.CancelFunc) {
	if luck.roll(3) > 0 {
		return context.WithCancel(t.Context())
	}
	return context.WithTimeout(t.Context(), time.Duration(luck.roll(5))*time.Millisecond)
}

// begun checks that what begins now was not begun for a caller who wanted to leave before.
func (s *schedule) begun(t *testing.T, ctx context.Context, what string) {
	if deadline, bounded := ctx.Deadline(); bounded && time.Now().After(deadline) {
		t.Errorf("%s began %v after its caller wanted to leave", what, time.Since(deadline))
	}
}

// refused checks that an error of a call whose function never ran is one that it may have, and came
// in time.
func (s *schedule) refused(t *testing.T, ctx context.Context, what string, err error, closed bool) {
	deadline, bounded := ctx.Deadline()
	if bounded && time.Now().After(deadline) {
		t.Errorf("%s returned %v after its caller wanted to leave", what, time.Since(deadline))
	}
	switch {
	case ctx.Err() != nil && err == ctx.Err():
	case errors.Is(err, engine.ErrClosed) && s.closing.Load():
	case !closed && s.failing && errors.Is(err, store.ErrUnavailable):
	default:
		t.Errorf("%s, closed %v: %v", what, closed, err)
	}
}

// try makes an update, and notes how it went.
func (s *schedule) try(t *testing.T, luck *dice, id string) {
	a := &attempt{id: id, after: s.known.Load()}
	if luck.roll(4) == 0 {
		a.end = ending(luck.roll(5))
	}
	if a.end == loses && !s.failing {
		a.end = returns
	}
	ctx, leave := s.caller(t, luck)
	defer leave()
	leavesEarly := luck.roll(10) == 0
	closed := s.closed.Load()
	var given error // what the function has returned
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() {
			if p := recover(); p != nil && p != any(a) {
				panic(p)
			}
		}()
		a.err = errUnwound
		a.err = s.store.Update(ctx, func(tx store.Tx) error {
			a.ran++
			s.begun(t, ctx, "an update")
			n, err := count(tx)
			a.number = n + 1
			half := []store.AuditRecord{{AWSAccountID: "111122223333", Target: id, Time: time.Now()}}
			err = errors.Join(err, tx.AppendAudit(half))
			if s.slow {
				luck.moments(3)
			}
			if leavesEarly {
				leave()
			}
			given = errors.Join(err, tx.PutSetting("count", strconv.AppendInt(nil, a.number, 10)), tx.AppendAudit(half))
			switch a.end {
			case changesItsMind:
				given = errors.Join(given, errUndone)
			case panics:
				panic(a)
			case exits:
				runtime.Goexit()
			case loses:
				given = errors.Join(given, sqlite.Lose(tx), errUndone)
			}
			return given
		})
	}()
	<-ended
	switch {
	case a.ran == 0:
		s.refused(t, ctx, "Update", a.err, closed)
	case a.ran > 1 || closed:
		t.Errorf("the function of an update has run %d times, closed before: %v", a.ran, closed)
	case a.err == errUnwound && (a.end == panics || a.end == exits):
	case given != nil && a.err == given:
	case a.err != nil && !(s.failing && errors.Is(a.err, store.ErrFailed)):
		t.Errorf("Update: %v", a.err)
	}
	if a.err == nil {
		for n := s.known.Load(); n < a.number && !s.known.CompareAndSwap(n, a.number); n = s.known.Load() {
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries = append(s.tries, a)
	s.tally[a.outcome()]++
}

var errUnwound = errors.New("the update has not returned")

func (a *attempt) outcome() string {
	switch {
	case a.err == nil:
		return "done"
	case a.ran == 0 && errors.Is(a.err, engine.ErrClosed):
		return "closed"
	case a.ran == 0 && errors.Is(a.err, store.ErrUnavailable):
		return "unavailable"
	case a.ran == 0:
		return "left"
	case errors.Is(a.err, store.ErrFailed):
		return "failed"
	}
	return "undone"
}

// count is how many updates were made.
func count(tx store.ReadTx) (int64, error) {
	value, err := tx.Setting("count")
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(value), 10, 64)
}

// look reads, and checks that it sees whole updates, and all that were acknowledged.
func (s *schedule) look(t *testing.T, luck *dice) {
	ctx, leave := s.caller(t, luck)
	defer leave()
	known, closed, saw := s.known.Load(), s.closed.Load(), false
	err := s.store.View(ctx, func(tx store.ReadTx) error {
		n, err := count(tx)
		if err != nil {
			return err
		}
		if s.slow && !s.failing {
			luck.moments(3)
		}
		trail, _, err := tx.Audit("111122223333", store.AuditFilter{}, 0, 1000)
		if err != nil {
			return err
		}
		saw = true
		if n < known || len(trail) != 2*int(n) {
			t.Errorf("a view sees %d updates and %d records, after update %d was acknowledged", n, len(trail), known)
		}
		return nil
	})
	if err != nil && !saw && !(ctx.Err() != nil && errors.Is(err, ctx.Err())) {
		s.refused(t, ctx, "View", err, closed)
	}
}

// ping asks whether the store is ready, which it is unless something fails.
func (s *schedule) ping(t *testing.T, luck *dice) {
	ctx, leave := s.caller(t, luck)
	defer leave()
	closed := s.closed.Load()
	err := s.store.Ping(ctx)
	if closed || err != nil && !(s.failing && errors.Is(err, store.ErrFailed)) {
		s.refused(t, ctx, "Ping", err, closed)
	}
}

// takeTurn does something between two groups.
func (s *schedule) takeTurn(t *testing.T, luck *dice) {
	ctx, leave := s.caller(t, luck)
	defer leave()
	closed, ran := s.closed.Load(), false
	err := sqlite.InTurn(ctx, s.store, func() error {
		ran = true
		s.begun(t, ctx, "a turn")
		if s.slow {
			luck.moments(3)
		}
		return errUndone
	})
	switch {
	case !ran:
		s.refused(t, ctx, "a turn", err, closed)
	case err != errUndone || closed:
		t.Errorf("a turn ended with %v, closed before: %v", err, closed)
	}
}

// check opens the store again, perhaps after a loss of power, and compares what is there with how
// the updates have ended.
func (s *schedule) check(t *testing.T) {
	s.disk.fail(nil)
	s.disk.refuse(nil)
	s.disk.slow(nil)
	if s.luck.roll(2) == 0 {
		if err := s.disk.AfterPowerLoss(s.disk.Now(), s.luck.luck).Write(s.dir); err != nil {
			t.Fatal(err)
		}
	}
	again, err := sqlite.Open(t.Context(), s.dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var n int64
	var trail []store.AuditRecord
	if err := again.View(t.Context(), func(tx store.ReadTx) (err error) {
		if n, err = count(tx); err != nil {
			return err
		}
		trail, _, err = tx.Audit("111122223333", store.AuditFilter{}, 0, 1000)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if int(n)*2 != len(trail) {
		t.Fatalf("%d updates have left %d records", n, len(trail))
	}
	there := map[string]int64{} // which update it was, by its id
	for pair := range slices.Chunk(trail, 2) {
		id := pair[0].Target
		if pair[1].Target != id || there[id] != 0 {
			t.Errorf("there is half of update %s, or it is there twice", id)
		}
		there[id] = int64(len(there)) + 1
	}
	for _, a := range s.tries {
		is := there[a.id]
		switch outcome := a.outcome(); {
		case outcome == "done" && is == 0:
			t.Errorf("update %s was acknowledged, and is not there", a.id)
		case outcome != "done" && outcome != "failed" && is != 0:
			t.Errorf("update %s is there, and ended with %v", a.id, a.err)
		case is != 0 && (is != a.number || is <= a.after):
			t.Errorf("update %s is number %d, saw itself as %d, and began after number %d was acknowledged", a.id, is, a.number, a.after)
		}
	}
}
