package directory_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/scheduletest"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
	"github.com/carillon-project/carillon/internal/webhook"
)

// Two services do what falls due in one database. Whatever happens to them, a task in an update is
// done exactly once, and a dial-out has exactly one end, after those before it. The hook is told
// twice only after a service was killed or has lost its lease.
//
// A seed decides what happens and when, in the time of a bubble.
func TestLeases(t *testing.T) {
	made := t.TempDir()
	h := houseOver(t, open(t, made))
	h.own("VoiceConnector", ana)
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	start := ok[[]byte](t)(os.ReadFile(filepath.Join(made, sqlite.File)))
	total := map[string]int{}
	scheduletest.Play(t, 40, func(seed uint64) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, sqlite.File), start, 0o600); err != nil {
			t.Fatal(err)
		}
		w := newWatch(seed, dir)
		synctest.Test(t, w.play)
		os.RemoveAll(dir)
		w.count(total)
	})
	t.Logf("what happened: %v", total)
}

// trouble is what a schedule has to do with.
type trouble int

const (
	kills  trouble = 1 << iota // a service is killed, at times right after a change, and another starts
	stops                      // a service is told to stop, and another starts
	jumps                      // the clock of a service steps forward or back
	pauses                     // a service does not get on, for longer than a lease at times
	faults                     // the hook is slow, answers with errors, or not at all
)

// watch is what happens in a schedule, and what came of it.
type watch struct {
	dir      string
	troubles trouble
	quiet    atomic.Bool // there is no trouble any more
	store    store.Store
	sender   *webhook.Sender
	hooks    sync.WaitGroup // goroutines of the hook

	mu     sync.Mutex
	luck   *rand.Rand
	told   []string             // ids of dial-outs that the hook was told, one after the other
	ended  map[string][]string  // how each has ended, as the services said
	asked  []string             // ids of dial-outs that were acknowledged
	chores map[string]time.Time // when each chore was due that was acknowledged
	done   map[string]time.Time // when each was done
	errs   []error              // of tasks
	kills  int
}

func newWatch(seed uint64, dir string) *watch {
	w := &watch{dir: dir, luck: rand.New(rand.NewPCG(seed, 0)), ended: map[string][]string{}, chores: map[string]time.Time{}, done: map[string]time.Time{}}
	switch w.roll(4) {
	case 0: // no trouble
	case 1:
		w.troubles = faults
	default:
		w.troubles = trouble(w.roll(32))
	}
	return w
}

// count adds to the totals of all schedules.
func (w *watch) count(total map[string]int) {
	total["dial-outs"] += len(w.ended)
	total["told"] += len(w.told)
	total["chores"] += len(w.done)
	total["kills"] += w.kills
	total["errors"] += len(w.errs)
}

func (w *watch) roll(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.luck.IntN(n)
}

// has reports whether there is any of some troubles now, once in n times.
func (w *watch) has(what trouble, n int) bool {
	return w.troubles&what != 0 && !w.quiet.Load() && w.roll(n) == 0
}

// seconds is a time of n seconds at most.
func (w *watch) seconds(n int) time.Duration { return time.Duration(w.roll(n*1000)) * time.Millisecond }

// member is one of the two services, of which one comes after the other.
type member struct {
	w       *watch
	begun   time.Time    // of the bubble
	offset  atomic.Int64 // by which its clock is wrong
	mu      sync.Mutex
	service *directory.Service // nil while there is none
	store   *mortal
	end     context.CancelFunc
	ended   chan struct{}
}

// mortal is the store of a service that can be killed.
type mortal struct {
	store.Store
	w    *watch
	dead atomic.Bool
}

var errDead = fmt.Errorf("%w: the process was killed", store.ErrUnavailable)

func (m *mortal) Update(ctx context.Context, fn func(store.Tx) error) error {
	if m.dead.Load() {
		return errDead
	}
	err := m.Store.Update(ctx, fn)
	if m.w.has(kills, 40) {
		m.dead.Store(true)
		return errDead
	}
	return err
}

// View is what work begins with.
func (m *mortal) View(ctx context.Context, fn func(store.ReadTx) error) error {
	if m.dead.Load() {
		return errDead
	}
	err := m.Store.View(ctx, fn)
	if m.w.has(pauses, 10) {
		select {
		case <-time.After(m.w.seconds(120)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

func (m *mortal) DueTasks(ctx context.Context, at time.Time, limit int) ([]store.Task, time.Time, error) {
	if m.dead.Load() {
		return nil, time.Time{}, errDead
	}
	return m.Store.DueTasks(ctx, at, limit)
}

// start starts a service.
func (m *member) start(t *testing.T) {
	m.store = &mortal{Store: m.w.store, w: m.w}
	service := ok[*directory.Service](t)(directory.New(m.store, directory.Options{
		Clock: func() time.Time { return now.Add(time.Since(m.begun) + time.Duration(m.offset.Load())) },
		DialOutHook: &directory.DialOutHook{URL: "http://hook.example", Secret: "s", Sender: m.w.sender, Ended: func(id, status, _ string) {
			m.w.mu.Lock()
			defer m.w.mu.Unlock()
			m.w.ended[id] = append(m.w.ended[id], status)
		}},
	}))
	directory.Chore(service, m.w.chore)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.service, m.end, m.ended = service, cancel, ended
	go func() {
		defer close(ended)
		service.RunTasks(ctx, func(kind string, err error) {
			m.w.mu.Lock()
			defer m.w.mu.Unlock()
			m.w.errs = append(m.w.errs, fmt.Errorf("%s: %w", kind, err))
		})
	}()
}

// stop ends a service. If it is dead, what it does meanwhile has no effect.
func (m *member) stop() {
	m.mu.Lock()
	m.service = nil
	m.mu.Unlock()
	m.end()
	<-m.ended
}

// now returns the service, nil if there is none.
func (m *member) now() *directory.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.service
}

var errEarly = errors.New("a chore is done before it is due")

// chore is done in as many pieces as the length of its target.
func (w *watch) chore(tx store.Tx, task store.Task, now time.Time) (again time.Time, err error) {
	name := "did " + task.Target
	did, err := tx.Setting(name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return time.Time{}, err
	}
	did = append(did, 'x')
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(did) < pieces(task.Target) {
		again = now.Add(time.Duration(w.luck.IntN(3)) * time.Second)
	}
	if task.Due.After(now) {
		w.errs = append(w.errs, errEarly)
	}
	w.done[task.Target] = time.Now()
	return again, tx.PutSetting(name, did)
}

// pieces is in how many pieces a chore is done.
func pieces(target string) int { return 1 + int(target[len(target)-1]-'0')%3 }

// dial connects to the hook.
func (w *watch) dial(context.Context, string, string) (net.Conn, error) {
	if w.has(faults, 10) {
		return nil, errors.New("refused")
	}
	here, there := net.Pipe()
	w.hooks.Go(func() { w.hook(there) })
	return here, nil
}

// hook answers what comes over a connection.
func (w *watch) hook(conn net.Conn) {
	defer conn.Close()
	for in := bufio.NewReader(conn); ; {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		var told struct {
			TransactionID string `json:"TransactionId"`
		}
		if body, err := io.ReadAll(r.Body); err != nil || json.Unmarshal(body, &told) != nil {
			return
		}
		w.mu.Lock()
		w.told = append(w.told, told.TransactionID)
		w.mu.Unlock()
		status := http.StatusOK
		if w.has(faults, 2) {
			time.Sleep(w.seconds(3))
			if status = []int{200, 404, 500, 503, 0}[w.roll(5)]; status == 0 {
				return
			}
		}
		if _, err := fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Length: 0\r\n\r\n", status, http.StatusText(status)); err != nil {
			return
		}
	}
}

// play lets two services work until nothing happens any more.
func (w *watch) play(t *testing.T) {
	begun := time.Now()
	w.store = ok[store.Store](t)(sqlite.Open(t.Context(), w.dir, sqlite.Options{Volatile: true, Clock: func() time.Time { return now.Add(time.Since(begun)) }}))
	w.sender = ok[*webhook.Sender](t)(webhook.New(webhook.Options{Dial: w.dial}))
	members := []*member{{w: w, begun: begun}, {w: w, begun: begun}}
	for _, m := range members {
		m.start(t)
	}
	var happening sync.WaitGroup
	for client := range 3 {
		happening.Go(func() {
			for i := range 1 + w.roll(8) {
				time.Sleep(w.seconds(20))
				w.ask(t, members[w.roll(2)], fmt.Sprintf("%d-%d", client, i))
			}
		})
	}
	for _, m := range members {
		happening.Go(func() {
			for range w.roll(8) {
				time.Sleep(w.seconds(30))
				switch {
				case w.has(kills, 3):
					m.store.dead.Store(true)
				case w.has(stops, 3):
					m.stop()
					time.Sleep(w.seconds(5))
					m.start(t)
				case w.has(jumps, 3):
					m.offset.Store(int64(w.seconds(240) - 120*time.Second))
				}
				if m.store.dead.Load() {
					m.stop()
					time.Sleep(w.seconds(90))
					m.start(t)
					w.mu.Lock()
					w.kills++
					w.mu.Unlock()
				}
			}
		})
	}
	happening.Wait()
	w.quiet.Store(true)
	for _, m := range members {
		m.offset.Store(0)
		if m.store.dead.Load() {
			m.stop()
			m.start(t)
		}
	}
	time.Sleep(5 * time.Minute)
	w.check(t)
	for _, m := range members {
		m.stop()
	}
	w.sender.Close()
	w.hooks.Wait()
	if err := w.store.Close(); err != nil {
		t.Error(err)
	}
}

// ask asks a service for a dial-out, or for a chore.
func (w *watch) ask(t *testing.T, m *member, name string) {
	service := m.now()
	if service == nil {
		return
	}
	ctx := directory.WithCaller(t.Context(), directory.Caller{AWSAccountID: awsAccount, KeyName: "ci"})
	if w.roll(2) == 0 {
		after := w.seconds(30)
		task := chore("chore", "", name, now.Add(time.Since(m.begun)+after))
		due := time.Now().Add(after)
		if err := directory.Schedule(ctx, service, task); err == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.chores[name] = due
		} else if !errors.Is(err, errDead) {
			t.Error(err)
		}
		return
	}
	for range 1 + w.roll(5) {
		out, err := service.CreateMeetingDialOut(ctx, &api.CreateMeetingDialOutInput{MeetingId: meeting, FromPhoneNumber: ana, ToPhoneNumber: "+12065550190", JoinToken: "c2VjcmV0"})
		if errors.Is(err, errDead) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		w.mu.Lock()
		w.asked = append(w.asked, *out.TransactionId)
		w.mu.Unlock()
	}
}

// check compares what has become of the tasks with what must.
func (w *watch) check(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.troubles&^faults == 0 && len(w.errs) > 0 || slices.Contains(w.errs, errEarly) {
		t.Errorf("tasks have failed without trouble: %v", w.errs)
	}
	left, _, err := w.store.DueTasks(t.Context(), now.AddDate(1000, 0, 0), 1000)
	if err != nil || len(left) > 0 {
		t.Errorf("tasks left: %v, error %v; errors of tasks: %v", left, err, w.errs)
	}
	var all []store.DialOut
	err = w.store.View(t.Context(), func(tx store.ReadTx) (err error) {
		for target := range w.done {
			did, err := tx.Setting("did " + target)
			if err != nil || len(did) != pieces(target) {
				t.Errorf("chore %s was done %q, want %d pieces; error %v", target, did, pieces(target), err)
			}
		}
		all, _, err = tx.ListDialOuts(awsAccount, store.DialOutFilter{}, 0, 1000)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for target, due := range w.chores {
		done, did := w.done[target]
		switch late := done.Sub(due); {
		case !did:
			t.Errorf("chore %s was not done", target)
		case w.troubles&^faults == 0 && (late < -time.Millisecond || late > 2*time.Second*time.Duration(1+pieces(target))):
			t.Errorf("chore %s was done %v after it was due", target, late)
		}
	}
	places := map[string]int{} // of dial-outs, in the order of the requests
	for i, d := range all {
		places[d.TransactionID] = i
		ends := w.ended[d.TransactionID]
		switch {
		case d.Status != directory.DialOutDelivered && d.Status != directory.DialOutGivenUp:
			t.Errorf("dial-out %d is %s", i, d.Status)
		case len(ends) > 1, len(ends) == 0 && w.troubles&kills == 0, len(ends) == 1 && ends[0] != d.Status:
			t.Errorf("dial-out %d is %s, and has ended as %q", i, d.Status, ends)
		case d.Status == directory.DialOutDelivered && !slices.Contains(w.told, d.TransactionID):
			t.Errorf("dial-out %d was delivered, and nobody was told", i)
		case d.Status == directory.DialOutGivenUp && w.troubles&faults == 0:
			t.Errorf("dial-out %d was given up without a fault", i)
		}
	}
	for _, id := range w.asked {
		if _, is := places[id]; !is {
			t.Errorf("dial-out %s was acknowledged, and is gone", id)
		}
	}
	last, seen := -1, map[string]bool{}
	for _, id := range slices.Compact(slices.Clone(w.told)) { // a retry is no second time
		if seen[id] {
			if w.troubles&^faults == 0 {
				t.Errorf("the hook was told of dial-out %d again, without trouble", places[id])
			}
			continue
		}
		seen[id] = true
		if places[id] < last {
			t.Errorf("the hook was told of dial-out %d after %d", places[id], last)
		}
		last = places[id]
	}
}
