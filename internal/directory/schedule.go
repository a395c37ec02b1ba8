package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// What happens by itself is a task in the store. A change schedules it in its own update, so that a
// task is there if and only if what it is about is. The scheduler of each service looks for tasks
// that are due, by the service's clock: when the next one falls due, when a change of its own
// service has scheduled one, and every few seconds, since other processes schedule tasks, too.
//
// A task that only changes the store is done in one update, which finds out first whether the task
// is still there: so it is done exactly once, whichever services try. Work that calls others is
// done outside of updates, at least once: the task is leased meanwhile, for longer than the work
// takes, so that another service goes on with it only if this one has died.

const (
	tasksPause   = 2 * time.Second // between two looks, if nothing else gives reason for one
	tasksPage    = 100             // tasks that are looked for at a time
	tasksAtWork  = 256             // pieces of work under way at most, so that some that hang delay no others
	tasksPutOff  = time.Minute     // how long a task that has failed waits
	systemName   = "system"        // who does it, in the audit trail
	tasksBreaker = time.Second     // how long the scheduler waits if it cannot even look
	tasksTold    = time.Minute     // between two complaints that it cannot
)

// kind says how tasks of a kind are done: in an update, or by work outside of one.
type kind struct {
	operation operation
	// lock keeps other updates from what a task is about. It comes before the task is read, since
	// requests, too, read what they change before they schedule a task about it, or remove one: two
	// that lock in turn would wait for each other. nil: the account is enough.
	lock func(c *change, t store.Task) error
	// run does a task inside an update, and returns when it is due again: the zero time if it is
	// done. What may take long is done in pieces: c.now asks for the next one.
	run func(c *change, t store.Task) (again time.Time, err error)

	// lease is longer than work takes. work gets the task as it is leased, and removes it or schedules
	// it anew by itself: see inTurns.
	lease time.Duration
	work  func(s *Service, ctx context.Context, t store.Task) error
}

// kinds says how tasks of each kind are done. The names are in the databases of people: none may
// change.
var kinds = map[string]kind{
	fillOrder:           {operation: opFillOrder, lock: (*change).lockNumbers, run: (*change).fillOrder},
	finishCallingName:   {operation: opFinishCallingName, lock: (*change).lockNumbers, run: (*change).finishCallingName},
	releaseNumber:       {operation: opReleasePhoneNumber, lock: (*change).lockNumbers, run: (*change).releaseNumber},
	deliverDialOuts:     {lease: turnLease, work: inTurns((*Service).deliverDialOut, dialOutsLeft)},
	deleteRoomMessages:  {operation: opDeleteRoomMessages, run: (*change).deleteRoomMessages},
	purgeMessages:       {operation: opPurgeMessages, run: (*change).purgeMessages},
	purgeSharedMessages: {operation: opPurgeSharedMessages, lock: (*change).lockMessages, run: (*change).purgeSharedMessages},
	deliverEvents:       {lease: turnLease, work: inTurns((*Service).deliverEvent, eventsLeft)},
}

// TaskKinds returns the kinds of tasks that there are.
func TaskKinds() []string { return slices.Sorted(maps.Keys(kinds)) }

// schedule asks for a task, or changes when it is due. A lease on it stays.
func (c *change) schedule(t store.Task) error {
	is, err := c.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	t.Leased = is.Leased
	c.scheduled = true
	return c.PutTask(t)
}

// scheduler is what the tasks of a service need in memory.
type scheduler struct {
	kinds map[string]kind
	woken chan struct{} // a change has scheduled something; buffered, since one word of it is enough
	slots chan struct{} // one for each piece of work under way

	mu      sync.Mutex // held while tasks are handed out
	working map[store.Task]chan struct{}

	interrupted atomic.Pointer[chan struct{}] // closed when work that is under way must end
}

func newScheduler() *scheduler {
	s := &scheduler{
		kinds:   kinds,
		woken:   make(chan struct{}, 1),
		slots:   make(chan struct{}, tasksAtWork),
		working: make(map[store.Task]chan struct{}),
	}
	s.interrupted.Store(new(make(chan struct{})))
	return s
}

// interrupt ends the work that is under way.
func (s *scheduler) interrupt() {
	close(*s.interrupted.Swap(new(make(chan struct{}))))
}

// withInterrupt returns a context that ends when work that begins now must end.
func (s *scheduler) withInterrupt(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	interrupted := *s.interrupted.Load()
	go func() {
		select {
		case <-interrupted:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (s *scheduler) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// RunTasks does what falls due, until the context ends. It returns when no work is under way any
// more. failed gets the errors: of a task, or of looking for tasks if that has no kind. While no
// look succeeds, it hears of one a minute: a database that is away must not fill a log.
func (s *Service) RunTasks(ctx context.Context, failed func(kind string, err error)) {
	var told time.Time // of a look; zero: the last one succeeded
	for ctx.Err() == nil {
		_, next, err := s.handOut(ctx, failed)
		pause := min(tasksPause, max(0, next.Sub(s.options.Clock())))
		if err == nil {
			told = time.Time{}
		}
		switch {
		case err != nil:
			pause = tasksBreaker
			if ctx.Err() == nil && time.Since(told) >= tasksTold {
				told = time.Now()
				failed("", err)
			}
		case next.IsZero():
			pause = tasksPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.tasks.woken:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	s.tasks.wait()
}

// RunDue does what is due, and returns when nothing is any more, and no work is under way. The
// error joins those of tasks; a task that has failed is put off.
func (s *Service) RunDue(ctx context.Context) error {
	var mu sync.Mutex
	var all []error
	failed := func(_ string, err error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, err)
	}
	for {
		n, next, err := s.handOut(ctx, failed)
		if err == nil && !next.IsZero() && !next.After(s.options.Clock()) {
			continue // what is under way must not hold up the others
		}
		s.tasks.wait()
		if n == 0 || err != nil {
			mu.Lock()
			defer mu.Unlock()
			return errors.Join(append(all, err)...)
		}
	}
}

// FreeTasks ends all leases. It is for a service that is alone on its database and has not begun to
// run tasks: whoever has leased one is dead, and the lease would last if the clock stands still, or
// was set to an earlier time.
func (s *Service) FreeTasks(ctx context.Context) error {
	leased, err := s.leasedTasks(ctx)
	if err != nil {
		return err
	}
	return s.free(ctx, leased)
}

// KeepTasksFree ends the leases of services that have died, until the context ends. It is for a
// service whose clock may stand still while it shares its database: then a lease does not end by
// itself. A lease that has stayed for longer, by the time of the machine, than work takes belongs
// to nobody. failed hears of what goes wrong.
func (s *Service) KeepTasksFree(ctx context.Context, failed func(error)) {
	var before []store.Task
	for {
		leased, err := s.freeDead(ctx, before)
		if err == nil {
			before = leased
		} else if ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-time.After(deadAfter):
		case <-ctx.Done():
			return
		}
	}
}

// freeDead ends the leases that are as they were before, and are not of this service. It returns
// the others.
func (s *Service) freeDead(ctx context.Context, before []store.Task) ([]store.Task, error) {
	leased, err := s.leasedTasks(ctx)
	if err != nil {
		return nil, err
	}
	var dead []store.Task
	s.tasks.mu.Lock()
	leased = slices.DeleteFunc(leased, func(t store.Task) bool {
		same := slices.ContainsFunc(before, func(b store.Task) bool { return keyOf(b) == keyOf(t) && b.Leased.Equal(t.Leased) })
		if !same || s.tasks.working[keyOf(t)] != nil {
			return false
		}
		dead = append(dead, t)
		return true
	})
	s.tasks.mu.Unlock()
	if err := s.free(ctx, dead); err != nil {
		return nil, err
	}
	return leased, nil
}

func (s *Service) leasedTasks(ctx context.Context) ([]store.Task, error) {
	always := time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)
	all, _, err := s.store.DueTasks(ctx, always, math.MaxInt32)
	return slices.DeleteFunc(all, func(t store.Task) bool { return t.Leased.IsZero() }), err
}

// free ends leases, unless they have become others, each in an update of its own: two in one could
// lock their tasks in another order than a request does.
func (s *Service) free(ctx context.Context, leased []store.Task) (err error) {
	for _, t := range leased {
		err = errors.Join(err, s.store.Update(ctx, func(tx store.Tx) error {
			if err := lockAccount(tx, t); err != nil {
				return err
			}
			is, err := tx.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target)
			if errors.Is(err, store.ErrNotFound) || err == nil && !is.Leased.Equal(t.Leased) {
				return nil
			}
			if err != nil {
				return err
			}
			is.Leased = time.Time{}
			return tx.PutTask(is)
		}))
	}
	if len(leased) > 0 {
		s.tasks.wake()
	}
	return err
}

// lockAccount locks the account of a task, which comes before the task, as in requests that
// schedule one.
func lockAccount(tx store.Tx, t store.Task) error {
	if t.AccountID == "" {
		return nil
	}
	if _, err := tx.FindAccount(t.AccountID); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// keyOf is what tells a task from others.
func keyOf(t store.Task) store.Task {
	return store.Task{AWSAccountID: t.AWSAccountID, AccountID: t.AccountID, Kind: t.Kind, Target: t.Target}
}

// CountDueTasks counts the tasks that wait although they are due, by kind.
func (s *Service) CountDueTasks(ctx context.Context) (map[string]int, error) {
	return s.store.CountDueTasks(ctx, s.options.Clock())
}

// wait returns when none of the work is under way that is now.
func (s *scheduler) wait() {
	s.mu.Lock()
	var all []chan struct{}
	for _, done := range s.working {
		all = append(all, done)
	}
	s.mu.Unlock()
	for _, done := range all {
		<-done
	}
}

// handOut does the tasks that are due, and begins the work of those that are done outside of
// updates, as far as there is room for it. It returns how many tasks it found due, and when the
// next one is: now if there may be more, the zero time if there is none.
func (s *Service) handOut(ctx context.Context, failed func(kind string, err error)) (n int, next time.Time, err error) {
	s.tasks.mu.Lock()
	defer s.tasks.mu.Unlock()
	for limit := tasksPage; ; limit *= 2 {
		now := s.options.Clock()
		due, next, err := s.store.DueTasks(ctx, now, limit)
		if err != nil {
			return n, next, err
		}
		stuck := 0 // tasks under way, or without room: more of them must not hide the others
		for _, t := range due {
			if err := ctx.Err(); err != nil {
				return n, next, err
			}
			begun, err := s.begin(ctx, t, failed)
			if err != nil && (errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil) {
				return n, next, err // not for anything about the task
			}
			if err != nil {
				failed(t.Kind, fmt.Errorf("%w (put off for %v)", err, tasksPutOff))
				if _, _, err := s.lease(ctx, t, tasksPutOff); err != nil {
					return n, next, err
				}
			}
			n++
			if !begun {
				stuck++
			}
		}
		if len(due) < limit {
			return n, next, nil
		}
		if stuck == 0 {
			return n, now, nil
		}
	}
}

// begin does a task, or begins its work. It reports whether it did: work may be under way already,
// or there may be no room for more.
func (s *Service) begin(ctx context.Context, t store.Task, failed func(kind string, err error)) (bool, error) {
	k, known := s.tasks.kinds[t.Kind]
	switch {
	case !known: // a newer release has scheduled it, and was replaced by this one
		return true, fmt.Errorf("this release does not know the tasks %.64q", t.Kind)
	case k.run != nil:
		return true, guarded(func() error { return s.run(ctx, k, t) })
	}
	key := keyOf(t)
	if s.tasks.working[key] != nil {
		return false, nil
	}
	select {
	case s.tasks.slots <- struct{}{}:
	default:
		return false, nil
	}
	workCtx, end := s.tasks.withInterrupt(ctx) // first: the lease belongs to what the store holds now
	t, leased, err := s.lease(ctx, t, k.lease)
	if err != nil || !leased {
		end()
		<-s.tasks.slots
		return true, err
	}
	done := make(chan struct{})
	s.tasks.working[key] = done
	go func() {
		err := guarded(func() error { return k.work(s, workCtx, t) })
		if err != nil && workCtx.Err() == nil {
			failed(t.Kind, err) // the lease ends by itself
		}
		end()
		<-s.tasks.slots
		s.tasks.mu.Lock()
		delete(s.tasks.working, key)
		s.tasks.mu.Unlock()
		close(done)
		s.tasks.wake() // another may have waited for the room
	}()
	return true, nil
}

// guarded makes an error of a panic: one task must not end the service, again and again.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// run does a task in an update, unless another service was first.
func (s *Service) run(ctx context.Context, k kind, t store.Task) error {
	_, err := s.updateTask(ctx, k.operation, t, k.lock, func(c *change, t store.Task) error {
		again, err := k.run(c, t)
		switch {
		case err != nil:
			return err
		case again.IsZero():
			return c.DeleteTask(t)
		}
		t.Due, t.Leased = again, time.Time{}
		return c.PutTask(t)
	})
	return err
}

// lease keeps everybody else from a task for a time, and returns it as it is then, unless another
// service was first: then it returns false. Up to a second is added, or leases could not be told
// apart while the clock stands still; in a thousand pairs one cannot.
func (s *Service) lease(ctx context.Context, t store.Task, d time.Duration) (leased store.Task, did bool, err error) {
	did, err = s.updateTask(ctx, operation{}, t, nil, func(c *change, t store.Task) error {
		t.Leased = c.now.Add(d + time.Duration(rand.IntN(1000))*time.Millisecond)
		leased = t
		return c.PutTask(t)
	})
	return leased, did, err
}

var errLostLease = errors.New("the work took longer than its lease: another service has gone on with it")

// stillLeased returns errLostLease if a task is not leased as it was when its work began. Then what
// the work was about is no longer its own. An update must lock that first, as changes do that
// schedule the task.
func stillLeased(tx store.Tx, t store.Task) error {
	is, err := tx.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target)
	if errors.Is(err, store.ErrNotFound) || err == nil && !is.Leased.Equal(t.Leased) {
		return errLostLease
	}
	return err
}

// Work that sends what waits for somebody takes turns, so that who has much to get, or does not
// answer, delays others for no longer than one.
const (
	turnTime  = 10 * time.Second // after which what is left waits for the next turn
	turnLease = time.Minute      // longer than a turn that begins to send at its end

	deadAfter = 70 * time.Second // longer than any lease, those of put-off tasks too
)

// inTurns returns the work of tasks that send what waits for their target, one after the other:
// send sends the first, and reports whether the next may follow in the same turn; left reports
// whether any waits.
func inTurns(send func(*Service, context.Context, store.Task) (more bool, err error), left func(store.Tx, store.Task) (bool, error)) func(*Service, context.Context, store.Task) error {
	return func(s *Service, ctx context.Context, t store.Task) error {
		begun := time.Now() // a turn is bounded by what it takes, not by what the service's clock says
		var err error
		for more := true; more && err == nil && time.Since(begun) < turnTime; {
			more, err = send(s, ctx, t)
		}
		if err != nil && ctx.Err() == nil {
			return err // its lease puts the task off
		}
		// A service that stops frees the task for the next one.
		return errors.Join(err, s.store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
			more, err := left(tx, t)
			if err == nil {
				err = stillLeased(tx, t)
			}
			switch {
			case err != nil:
				return err
			case !more:
				return tx.DeleteTask(t)
			}
			next := t
			next.Due, next.Leased = s.options.Clock().UTC().Truncate(time.Millisecond), time.Time{}
			return tx.PutTask(next)
		}))
	}
}

// updateTask runs fn in an update if a task is still due, and nobody works on it; did tells whether
// that was so. lock, which may be nil, locks what comes after the account and before the task.
func (s *Service) updateTask(ctx context.Context, op operation, t store.Task, lock, fn func(*change, store.Task) error) (did bool, err error) {
	caller := Caller{AWSAccountID: t.AWSAccountID, KeyName: systemName}
	err = update(ctx, s.store, s.options, caller, op, func(c *change) error {
		did = false
		if err := lockAccount(c, t); err != nil {
			return err
		}
		if lock != nil {
			if err := lock(c, t); err != nil {
				return err
			}
		}
		t, err := c.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target)
		if errors.Is(err, store.ErrNotFound) || err == nil && (t.Due.After(c.now) || t.Leased.After(c.now)) {
			return nil
		}
		if err != nil {
			return err
		}
		did = true
		return fn(c, t)
	})
	return did && err == nil, err
}
