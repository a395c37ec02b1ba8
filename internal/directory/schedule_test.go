package directory_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/postgres"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

func chore(kind, account, target string, due time.Time) store.Task {
	return store.Task{AWSAccountID: awsAccount, AccountID: account, Kind: kind, Target: target, Due: due}
}

func (h *house) schedule(tasks ...store.Task) {
	h.t.Helper()
	for _, task := range tasks {
		if err := directory.Schedule(h.t.Context(), h.service, task); err != nil {
			h.t.Fatal(err)
		}
	}
}

// tasks are the targets of all tasks that are there, due or not.
func (h *house) tasks() []string {
	h.t.Helper()
	due, _, err := h.store.DueTasks(context.Background(), now.AddDate(1000, 0, 0), 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	var targets []string
	for _, task := range due {
		targets = append(targets, task.Target)
	}
	slices.Sort(targets)
	return targets
}

func noErrand(store.Task) error { return nil }

func TestSchedule_inTime(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("a1", "Team")
		var done []string
		directory.Chores(h.service, func(_ store.Tx, task store.Task, _ time.Time) (time.Time, error) {
			done = append(done, task.Target)
			return time.Time{}, nil
		}, noErrand)
		h.schedule(chore("chore", "a1", "in an hour", now.Add(time.Hour)), chore("chore", "", "in a day", now.Add(24*time.Hour)), chore("chore", "a1", "in two days", now.Add(48*time.Hour)))
		h.advance(59 * time.Minute)
		equal(t, "done before the hour", done, []string(nil))
		h.advance(2 * time.Minute)
		equal(t, "done after the hour", done, []string{"in an hour"})
		h.advance(365 * 24 * time.Hour) // a clock that jumps leaves nothing out
		equal(t, "done after a year", done, []string{"in an hour", "in a day", "in two days"})
		equal(t, "tasks left", h.tasks(), []string(nil))
		h.advance(-365 * 24 * time.Hour)
		equal(t, "done after the clock was set back", len(done), 3)
		for _, r := range h.audit() {
			if r.Operation == "Chore" && r.KeyName != "system" {
				t.Errorf("a record of %s is of %q, want system", r.Operation, r.KeyName)
			}
		}
	})
}

// A task may go on with another piece, come again later, or be put off by another change.
func TestSchedule_again(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		pieces := 0
		directory.Chores(h.service, func(_ store.Tx, task store.Task, now time.Time) (time.Time, error) {
			if pieces++; pieces%3 > 0 {
				return now, nil
			}
			return now.Add(24 * time.Hour), nil
		}, noErrand)
		task := chore("chore", "", "daily", now.Add(time.Hour))
		h.schedule(task)
		task.Due = now.Add(2 * time.Hour)
		h.schedule(task)
		for _, step := range []struct {
			hours time.Duration
			want  int
		}{{1, 0}, {1, 3}, {23, 3}, {1, 6}} {
			h.advance(step.hours * time.Hour)
			equal(t, "pieces", pieces, step.want)
		}
	})
}

// Whichever services see a task, and however often they look, it is done once.
func TestSchedule_once(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("a1", "Team")
		others := []*house{h, houseOver(t, h.store), houseOver(t, h.store)}
		const tasks = 30
		for _, o := range others {
			directory.Chores(o.service, func(tx store.Tx, task store.Task, _ time.Time) (time.Time, error) {
				name := "count " + task.Target
				value, err := tx.Setting(name)
				if err != nil && !errors.Is(err, store.ErrNotFound) {
					return time.Time{}, err
				}
				return time.Time{}, tx.PutSetting(name, append(value, 'x'))
			}, noErrand)
		}
		for i := range tasks {
			h.schedule(chore("chore", []string{"", "a1"}[i%2], fmt.Sprint(i), now))
		}
		var wg sync.WaitGroup
		for _, o := range others {
			wg.Go(func() {
				if err := o.service.RunDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for i := range tasks {
			if err := h.store.View(t.Context(), func(tx store.ReadTx) error {
				value, err := tx.Setting(fmt.Sprint("count ", i))
				equal(t, fmt.Sprintf("task %d was done", i), string(value), "x")
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// While the clock stands still no lease ends by itself. One that belongs to nobody any more is
// ended all the same; one that was renewed, or whose work is under way here, is not.
func TestSchedule_leasedForEver(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		other := houseOver(t, h.store)
		var did []string
		directory.Chores(other.service, nil, func(task store.Task) error { did = append(did, task.Target); return nil })
		put := func(target string, leased time.Duration) {
			h.write(func(tx store.Tx) error {
				task := chore("errand", "", target, now)
				task.Leased = now.Add(leased)
				return tx.PutTask(task)
			})
		}
		begun, end := make(chan struct{}), make(chan struct{})
		directory.Chores(h.service, nil, func(store.Task) error { close(begun); <-end; return nil })
		h.schedule(chore("errand", "", "own", now))
		result := make(chan error)
		go func() { result <- h.service.RunDue(context.Background()) }()
		<-begun
		put("dead", time.Minute)
		put("busy", time.Minute)
		round := func(before []store.Task) []store.Task {
			leased, err := directory.FreeDead(t.Context(), h.service, before)
			if err != nil {
				t.Fatal(err)
			}
			return leased
		}
		leased := round(nil)
		other.runDue()
		equal(t, "done after the first round", did, []string(nil))
		put("busy", time.Minute+time.Millisecond)
		leased = round(leased)
		other.runDue()
		equal(t, "done after the second round", did, []string{"dead"})
		round(leased)
		other.runDue()
		equal(t, "done after the third round", did, []string{"dead", "busy"})
		close(end)
		if err := <-result; err != nil {
			t.Error(err)
		}
		equal(t, "tasks left", h.tasks(), []string(nil))
	})
}

// A lease that has become another one is not ended, though the clock stands still.
func TestSchedule_leasedAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		var leases []store.Task
		h.schedule(chore("errand", "a1", "e", now))
		lease := func() (leased bool) {
			t.Helper()
			task, leased, err := directory.Lease(t.Context(), h.service, chore("errand", "a1", "e", now))
			if err != nil {
				t.Fatal(err)
			}
			leases = append(leases, task)
			return leased
		}
		free := func(task store.Task) {
			t.Helper()
			if err := directory.Free(t.Context(), h.service, task); err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "leased", lease(), true)
		for range 3 {
			free(leases[len(leases)-1])
			equal(t, "leased when it was freed", lease(), true)
		}
		last := leases[len(leases)-1]
		others := slices.DeleteFunc(leases, func(task store.Task) bool { return task.Leased.Equal(last.Leased) })
		if len(others) == 0 {
			t.Fatal("four leases cannot be told apart")
		}
		free(others[0])
		equal(t, "leased when another lease was freed", lease(), false)
	})
}

// A service whose clock may stand still ends the leases of the dead by the time of the machine.
func TestKeepTasksFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := ok[store.Store](t)(sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Volatile: true}))
		defer st.Close()
		a := &away{Store: st}
		service := ok[*directory.Service](t)(directory.New(a, directory.Options{Clock: func() time.Time { return now }}))
		did := 0
		directory.Errand(service, func(context.Context, store.Task) error { did++; return nil })
		task := chore("errand", "", "dead", now)
		task.Leased = now.Add(time.Minute)
		if err := st.Update(t.Context(), func(tx store.Tx) error { return tx.PutTask(task) }); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		var complaints atomic.Int64
		go service.KeepTasksFree(ctx, func(error) { complaints.Add(1) })
		after := func(d time.Duration) int {
			t.Helper()
			time.Sleep(d)
			if err := service.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			return did
		}
		equal(t, "done while the lease may be alive", after(directory.DeadAfter-time.Second), 0)
		a.gone.Store(true)
		time.Sleep(2 * time.Second)
		equal(t, "complaints while the store is away", complaints.Load(), int64(1))
		a.gone.Store(false)
		equal(t, "done after it was away", after(0), 0)
		equal(t, "done when the lease is dead", after(directory.DeadAfter), 1)
	})
}

// Work outside of updates is leased: no second service does it meanwhile, and one does it after the
// first has died.
func TestSchedule_leased(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		other := houseOver(t, h.store)
		begun, end := make(chan struct{}), make(chan struct{})
		directory.Chores(h.service, nil, func(store.Task) error {
			close(begun)
			<-end
			return errors.New("killed")
		})
		var did atomic.Int64
		directory.Chores(other.service, nil, func(store.Task) error { did.Add(1); return nil })
		h.schedule(chore("errand", "", "e", now))
		result := make(chan error)
		go func() { result <- h.service.RunDue(context.Background()) }()
		<-begun
		h.schedule(chore("errand", "", "e", now)) // there is more to do, which does not end the lease
		other.advance(29 * time.Second)
		equal(t, "done during the lease", did.Load(), int64(0))
		other.advance(2 * time.Second)
		equal(t, "done after the lease", did.Load(), int64(1))
		close(end)
		if err := <-result; err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("RunDue: got error %v, want that of the work", err)
		}
		equal(t, "tasks left", h.tasks(), []string(nil))
	})
}

// A task that fails, even by a panic or for being unknown, is put off, and holds up no other.
func TestSchedule_failing(t *testing.T) {
	h := newHouse(t)
	var done []string
	fails := true
	directory.Chores(h.service, func(tx store.Tx, task store.Task, _ time.Time) (time.Time, error) {
		switch {
		case strings.HasPrefix(task.Target, "bad") && fails:
			return time.Time{}, errors.New("cannot be done")
		case strings.HasPrefix(task.Target, "panics") && fails:
			panic("at the disco")
		}
		done = append(done, task.Target)
		return time.Time{}, nil
	}, noErrand)
	for i := range 120 { // more than are looked for at a time
		h.schedule(chore("chore", "", fmt.Sprint("bad", i), now.Add(-time.Hour)))
	}
	h.schedule(chore("chore", "", "panics", now.Add(-time.Hour)), chore("of tomorrow", "", "unknown", now.Add(-time.Hour)), chore("chore", "", "good", now))
	err := h.service.RunDue(t.Context())
	for _, want := range []string{"cannot be done", "at the disco", "of tomorrow"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("RunDue: got error %v, want one that has %q", err, want)
		}
	}
	equal(t, "done beside those that fail", done, []string{"good"})
	fails = false
	h.schedule(chore("chore", "", "good", now))
	h.moved.Add(int64(61 * time.Second))
	h.service.RunDue(t.Context()) // the unknown one fails again
	equal(t, "done a minute later", len(done), 123)
}

// The scheduler of a service wakes up when a change schedules a task, and stops with its context.
func TestRunTasks(t *testing.T) {
	h := newHouse(t)
	did := make(chan string)
	directory.Chores(h.service, func(_ store.Tx, task store.Task, _ time.Time) (time.Time, error) {
		did <- task.Target
		return time.Time{}, nil
	}, func(task store.Task) error { did <- task.Target; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.service.RunTasks(ctx, func(kind string, err error) { t.Errorf("%s: %v", kind, err) })
	}()
	for _, kind := range []string{"chore", "errand", "chore"} {
		h.schedule(chore(kind, "", kind, now))
		equal(t, "done", <-did, kind)
	}
	cancel()
	<-ended
}

// A service that stops has not failed in the task that it is doing.
func TestRunTasks_stopped(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		ctx, stop := context.WithCancel(t.Context())
		directory.Chores(h.service, func(store.Tx, store.Task, time.Time) (time.Time, error) {
			stop()
			return time.Time{}, ctx.Err()
		}, noErrand)
		h.schedule(chore("chore", "", "slow", now))
		h.service.RunTasks(ctx, func(kind string, err error) { t.Errorf("%s: %v", kind, err) })
		equal(t, "tasks left", h.tasks(), []string{"slow"})
	})
}

// away is a store in which nobody can look for tasks, while that is so.
type away struct {
	store.Store
	looks atomic.Int64
	gone  atomic.Bool
}

func (a *away) DueTasks(ctx context.Context, at time.Time, limit int) ([]store.Task, time.Time, error) {
	a.looks.Add(1)
	if a.gone.Load() {
		return nil, time.Time{}, errors.New("nobody answers")
	}
	return a.Store.DueTasks(ctx, at, limit)
}

// While the store is away, the scheduler goes on looking each second, and complains once a minute.
func TestRunTasks_away(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := ok[store.Store](t)(sqlite.Open(t.Context(), t.TempDir(), sqlite.Options{Volatile: true}))
		defer st.Close()
		a := &away{Store: st}
		service := ok[*directory.Service](t)(directory.New(a, directory.Options{}))
		ctx, cancel := context.WithCancel(t.Context())
		defer synctest.Wait()
		defer cancel()
		var complaints atomic.Int64
		go service.RunTasks(ctx, func(kind string, err error) { complaints.Add(1) })
		spend := func(gone bool, d time.Duration) (heard, looked int64) {
			a.gone.Store(gone)
			heard, looked = complaints.Load(), a.looks.Load()
			time.Sleep(d)
			return complaints.Load() - heard, a.looks.Load() - looked
		}
		spend(false, 10*time.Second)
		if heard, looked := spend(true, 10*time.Minute); heard < 9 || heard > 11 || looked < 500 {
			t.Errorf("in ten minutes: %d complaints, want one a minute, and %d looks, want one a second", heard, looked)
		}
		spend(false, 10*time.Second)
		if heard, _ := spend(true, 10*time.Second); heard != 1 {
			t.Errorf("away again: %d complaints, want one", heard)
		}
	})
}

// More work than there is room for is done all the same, and tasks in updates do not wait for it.
func TestSchedule_room(t *testing.T) {
	h := newHouse(t)
	end := make(chan struct{})
	var working, most, chores atomic.Int64
	directory.Chores(h.service, func(store.Tx, store.Task, time.Time) (time.Time, error) {
		if chores.Add(1) == 5 {
			close(end)
		}
		return time.Time{}, nil
	}, func(store.Task) error {
		if n := working.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-end
		working.Add(-1)
		return nil
	})
	for i := range 600 {
		h.schedule(chore("errand", "", fmt.Sprint("e", i), now.Add(-time.Hour)))
	}
	for i := range 5 {
		h.schedule(chore("chore", "", fmt.Sprint("c", i), now))
	}
	if err := h.service.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	equal(t, "tasks left", h.tasks(), []string(nil))
	if most.Load() > 256 {
		t.Errorf("%d pieces of work at a time, want 256 at most", most.Load())
	}
}

// What happens by itself, and what the operator does, lock in the order of requests. Otherwise two
// of them wait for each other until the server notices, and everybody else waits for them.
func TestSchedule_locks(t *testing.T) {
	records := func(tx store.Tx) error {
		return tx.AppendAudit([]store.AuditRecord{{AWSAccountID: awsAccount, Time: now, Operation: "Request", Target: ana}})
	}
	numbers := func(tx store.Tx) error { _, err := tx.PhoneNumbers(awsAccount, []string{ana}); return err }
	for _, test := range []struct {
		name        string
		due         store.Task
		other       func(*house) error
		first, then func(store.Tx) error // of a request
	}{
		{"orders", chore("FillOrder", "", "o", now), nil, numbers, nil},
		{"calling names", chore("FinishCallingName", "", ana, now), nil, numbers, nil},
		{"deleted numbers", chore("ReleasePhoneNumber", "", ana, now), nil, numbers, nil},
		{"shared messages", chore("PurgeSharedMessages", "a1", "a1", now), nil, func(tx store.Tx) error {
			return tx.InsertMessage(&store.Message{Discussion: store.Discussion{AccountID: "a1", ConversationID: "c"}, MessageID: "m", Retention: store.RetainShared, Created: now})
		}, nil},
		{"numbers that fail", store.Task{}, func(h *house) error { _, err := h.operator().FailNumber(h.t.Context(), bo); return err }, numbers, records},
		{"orders that fail", store.Task{}, func(h *house) error { h.operator().FailNumber(h.t.Context(), "o"); return nil }, numbers, records},
	} {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			at := postgresSchema(t) + "&application_name=" + url.QueryEscape(t.Name())
			st, err := postgres.Open(t.Context(), at, postgres.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { st.Close() })
			h := houseOver(t, st)
			h.addAccount("a1", "EnterpriseLWA")
			h.own("BusinessCalling", ana)
			h.fillPool(bo)
			other, then := test.other, test.then
			if other == nil {
				h.schedule(test.due)
				other = func(h *house) error { return h.service.RunDue(h.t.Context()) }
				then = func(tx store.Tx) error { return tx.DeleteTask(test.due) }
			}
			ended := make(chan error, 1)
			before := st.Stats().Repeats
			begun := false
			h.write(func(tx store.Tx) error {
				if err := test.first(tx); err != nil {
					return err
				}
				if !begun {
					begun = true
					go func() { ended <- other(h) }()
					waitForLock(t, at)
				}
				return then(tx)
			})
			if err := <-ended; err != nil {
				t.Error(err)
			}
			equal(t, "updates that began anew", st.Stats().Repeats-before, uint64(0))
		})
	}
}

// waitForLock returns when a connection to a PostgreSQL waits for a lock, of those with the name
// that the URL gives.
func waitForLock(t *testing.T, at string) {
	t.Helper()
	config, err := pgx.ParseConfig(at)
	if err != nil {
		t.Fatal(err)
	}
	name := config.RuntimeParams["application_name"]
	config.RuntimeParams = nil
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for waits := false; !waits; {
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = left($1, 63) AND wait_event_type = 'Lock')`,
			name).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
}
