package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
)

// work is what goes on by itself: plans that are being made (plan.go), and jobs that run (job.go).
// A job is known by its ledger in [Options].Jobs, and a plan by two files in a folder of that. What
// is here is what those who watch want to know besides.
type work struct {
	context.Context // ends when the console stops
	end             context.CancelCauseFunc
	group           sync.WaitGroup
	planning        chan struct{} // has room for each plan that is being made

	mu     sync.Mutex
	plans  map[string]*planned // nil until the folder was read
	runs   map[string]*run
	looked map[string]looked // by the id of the job
	heads  map[string]head   // of the ledgers of jobs
	others map[string]*other // ledgers that other programs work on
	news   chan struct{}     // closed when something begins or ends
}

const (
	mostPlanning = 2               // plans that are made at a time; others wait
	mostRunning  = 4               // jobs that run at a time; others are refused
	parallel     = 4               // calls of a job at a time: people want their pages meanwhile
	mostEnded    = 100             // runs that are remembered after their end
	silence      = 1 * time.Minute // after which nobody knows whether a job still runs
)

// Why jobs and plans end early.
var (
	errStopped  = errors.New("somebody has stopped it")
	errStopping = errors.New("the service was stopped")
	errDropped  = errors.New("the plan is not wanted any more")
)

func newWork() *work {
	w := &work{planning: make(chan struct{}, mostPlanning), runs: map[string]*run{}, looked: map[string]looked{}, heads: map[string]head{}, others: map[string]*other{}, news: make(chan struct{})}
	w.Context, w.end = context.WithCancelCause(context.Background())
	return w
}

// tell wakes those who watch. The caller holds the mutex.
func (w *work) tell() {
	close(w.news)
	w.news = make(chan struct{})
}

// changes returns what is closed when something begins or ends.
func (w *work) changes() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.news
}

// Stop ends what goes on by itself, and waits for it as long as the context lasts. Jobs finish the
// calls that are under way, and can be resumed.
func (c *Console) Stop(ctx context.Context) {
	c.work.mu.Lock() // nothing begins any more
	c.work.end(errStopping)
	c.work.mu.Unlock()
	done := make(chan struct{})
	go func() {
		c.work.group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// refusing returns what the console itself refuses, as the API would.
func refusing(status int, key string, values ...any) error {
	return &client.ServiceError{Status: status, Message: say(key, values...)}
}

// canWork refuses what nothing can be done with: a console without a folder for ledgers, or a key
// that may not call an operation.
func (v *visit) canWork(operation string) error {
	switch {
	case v.Jobs == "":
		return refusing(http.StatusConflict, "jobs.nofolder")
	case !v.may(operation):
		return refusing(http.StatusForbidden, "jobs.forbidden", operation)
	}
	return nil
}

// jobID is how jobs are called: see [bulk.NewJob]. Paths are made of it.
var jobID = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$`)

// actionWords are what actions are called.
var actionWords = map[bulk.Action]string{
	bulk.Update: "action.update", bulk.Suspend: "action.suspend", bulk.Unsuspend: "action.unsuspend", bulk.Invite: "action.invite",
	bulk.Logout: "action.logout", bulk.ResetPIN: "action.reset-pin",
}

// actionName says an action, also one that only later releases know.
func actionName(action string) string {
	if key, ok := actionWords[bulk.Action(action)]; ok {
		return say(key)
	}
	return action
}

// ledger returns the path of the ledger of a job.
func (c *Console) ledger(job string) string { return filepath.Join(c.Jobs, job+".jsonl") }

// users opens an account for a job, under a key.
func (c *Console) users(key directory.Key, account, job string, config bulk.Config) (*bulk.Account, error) {
	config.Client, config.Account, config.Job = c.calling(key), account, job
	config.Version, config.Door, config.Parallel = build.Version(), userAgent(), parallel
	config.AnnounceTime = c.AnnounceTime
	return bulk.Open(config)
}

func (c *Console) newJob() string { return bulk.NewJob(c.Clock(), rand.Uint32()) }

// why says to a person why something has failed.
func why(err error) string {
	switch e, refused := refusal(err); {
	case errors.Is(err, errStopped):
		return say("job.why.stopped")
	case errors.Is(err, errStopping):
		return say("job.why.stopping")
	case refused:
		return e.Message
	}
	if e, ok := errors.AsType[*bulk.InputError](err); ok {
		return e.Say(fieldOf)
	}
	return err.Error()
}

// fieldOf is what the form of an import calls an option of carillon bulk.
func fieldOf(o bulk.Option) string {
	field := map[string]string{"only": "import.only", "set": "import.license", "sheet": "import.sheet"}[o.Name]
	if field == "" {
		return o.String()
	}
	if o.Value == "" {
		return say("import.field", say(field))
	}
	value := o.Value
	if o.Name == "set" {
		_, value, _ = strings.Cut(value, "=")
	}
	return say("import.field.value", say(field), value)
}

// run is a job that this process works on, or has worked on.
type run struct {
	job, account, key string // ids
	action            bulk.Action
	now               func() time.Time
	cancel            context.CancelCauseFunc

	mu       sync.Mutex
	read     int // users, before the first call
	calling  bool
	began    time.Time // of the calls
	base     bulk.Counts
	counts   bulk.Counts // since then
	waiting  string
	until    time.Time // the end of the pause
	silent   bool      // it is no pause, but an answer that does not come: it ends with progress
	stopping bool
	ended    time.Time
	outcome  bulk.Outcome // empty if it made no calls
	reason   string       // why it ended early
}

// progress is how far a run has come.
type progress struct {
	bulk.Counts        // of all rows of the job
	Read        int    // users
	Calling     bool   // it has read all users
	Waiting     string // why no calls are made just now
	Stopping    bool
	Ended       bool
	Outcome     bulk.Outcome
	Reason      string
	Rate        int // rows a second
	Time        time.Duration
}

// Left returns the number of rows that have no end yet.
func (p progress) Left() int { return p.Total - p.Done - p.Failed - p.Skipped }

// TimeLeft is the time that the rest will take, for people.
func (p progress) TimeLeft() string { return p.Time.Round(time.Second).String() }

// Finished returns the number of rows that have one.
func (p progress) Finished() int { return p.Done + p.Failed + p.Skipped }

func (r *run) progress() progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := progress{Read: r.read, Calling: r.calling, Stopping: r.stopping, Ended: !r.ended.IsZero(), Outcome: r.outcome, Reason: r.reason}
	p.Counts = bulk.Counts{
		Total: r.base.Total, Done: r.base.Done + r.counts.Done, Failed: r.base.Failed + r.counts.Failed, Skipped: r.base.Skipped + r.counts.Skipped,
	}
	if r.now().Before(r.until) {
		p.Waiting = r.waiting
	}
	n := r.counts.Done + r.counts.Failed + r.counts.Skipped
	if took := r.now().Sub(r.began).Seconds(); r.calling && n > 0 && took > 0 {
		rate := float64(n) / took
		p.Rate = int(rate + 0.5)
		p.Time = time.Duration(float64(p.Left())/rate*float64(time.Second)) + time.Second
	}
	return p
}

func (r *run) stop() {
	r.mu.Lock()
	r.stopping = true
	r.mu.Unlock()
	r.cancel(errStopped)
}

func (r *run) reading(users int, _ bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = users
}

func (r *run) pauses(w bulk.Waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	switch {
	case w.Silent == 0:
		r.waiting, r.until, r.silent = w.String(), now.Add(w.Next), false
	case !now.Before(r.until): // else a pause is told
		r.waiting, r.until, r.silent = w.String(), now.Add(time.Hour), true // see silent
	}
}

// begin starts the run of a job in the background. do does all of it.
func (c *Console) begin(job, account string, key directory.Key, action bulk.Action, do func(context.Context, *run) error) error {
	w := c.work
	w.mu.Lock()
	defer w.mu.Unlock()
	running := 0
	for _, r := range w.runs {
		if !r.progress().Ended {
			running++
		}
	}
	switch former := w.runs[job]; {
	case w.Err() != nil:
		return refusing(http.StatusServiceUnavailable, "jobs.ending")
	case former != nil && !former.progress().Ended:
		return refusing(http.StatusConflict, "job.running")
	case running >= mostRunning:
		return refusing(http.StatusConflict, "jobs.full", mostRunning)
	}
	ctx, cancel := context.WithCancelCause(w)
	r := &run{job: job, account: account, key: key.ID, action: action, now: c.Clock, cancel: cancel}
	w.runs[job] = r
	w.group.Go(func() {
		defer cancel(nil)
		err := do(ctx, r)
		if err != nil {
			c.Logger.Warn("a job has ended early", slog.String("job", job), slog.Any("error", err))
		}
		r.mu.Lock()
		r.ended = c.Clock()
		if err != nil {
			r.reason = why(err)
		}
		r.mu.Unlock()
		w.mu.Lock()
		defer w.mu.Unlock()
		clear(w.looked) // what is said of other jobs may have changed with this one
		w.tell()
		w.forgetRuns()
	})
	return nil
}

// forgetRuns forgets the run that ended first, if there are too many.
func (w *work) forgetRuns() {
	var first *run
	ended := 0
	for _, r := range w.runs {
		r.mu.Lock()
		if !r.ended.IsZero() {
			if ended++; first == nil || r.ended.Before(first.ended) {
				first = r
			}
		}
		r.mu.Unlock()
	}
	if ended > mostEnded {
		delete(w.runs, first.job)
	}
}

// running returns the run of a job of an account in this process, nil if there is none. Whoever
// tells the service of a job chooses its id, so an id alone says nothing of whose job it is.
func (w *work) running(job, account string) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.runs[job]; r != nil && r.account == account {
		return r
	}
	return nil
}

// runOf is running for whoever has begun the run: a key sees its own job by the id alone.
func (w *work) runOf(job, key string) *run {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.runs[job]; r != nil && r.key == key {
		return r
	}
	return nil
}

// starts takes over how far a ledger has come.
func (r *run) starts(l *bulk.Ledger) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.base = bulk.Counts{Total: len(l.Rows), Done: l.Count(bulk.Done), Failed: l.Count(bulk.Failed), Skipped: l.Count(bulk.Skipped)}
}

// work carries out a ledger. The service knows of the job when begun is called.
func (r *run) work(ctx context.Context, a *bulk.Account, l *bulk.Ledger, begun func()) error {
	r.starts(l)
	r.mu.Lock()
	r.calling, r.began = true, r.now()
	r.mu.Unlock()
	a.Announce(ctx, l, "")
	begun()
	_, err := a.Run(ctx, l, bulk.RunOptions{Progress: func(c bulk.Counts) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.counts = c
		if r.silent {
			r.until, r.silent = time.Time{}, false
		}
	}})
	outcome := outcomeOf(ctx, err)
	r.mu.Lock()
	r.outcome = outcome
	r.mu.Unlock()
	a.Announce(ctx, l, outcome)
	return errors.Join(err, l.Close())
}

// outcomeOf says how a run has ended.
func outcomeOf(ctx context.Context, err error) bulk.Outcome {
	switch {
	case err == nil:
		return bulk.Finished
	case errors.Is(err, context.Cause(ctx)):
		return bulk.Interrupted
	}
	return bulk.Stopped
}

// goOn goes on with a job in its ledger, after prepare has decided about the rows.
func (v *visit) goOn(job, account string, action bulk.Action, prepare func(*bulk.Account, context.Context, *bulk.Ledger) error) error {
	c, key := v.Console, v.key
	return c.begin(job, account, key, action, func(ctx context.Context, r *run) error {
		l, err := bulk.OpenLedger(c.ledger(job), c.Clock)
		if err != nil {
			return err
		}
		defer l.Close()
		r.starts(l)
		// Whatever the URL of the service was when the ledger was made, it is this service.
		l.Endpoint = c.Endpoint
		a, err := c.users(key, l.Account, job, bulk.Config{Reading: r.reading, Waiting: r.pauses})
		if err != nil {
			return err
		}
		defer a.Close()
		if err := prepare(a, ctx, l); err != nil {
			return err
		}
		return r.work(ctx, a, l, func() {})
	})
}

// looked is what the ledger of a job in our folder tells, without the rows.
type looked struct {
	*bulk.Job
	Reasons []reason
	size    int64
	written time.Time
}

// look reads the ledger of a job of an account, unless it is as it was. It returns nil if there is
// none, or if it is one of another account: see [work.running].
func (c *Console) look(job, account string) (*looked, error) {
	found, err := c.lookAt(job)
	if err != nil || found == nil || found.Account != account {
		return nil, err
	}
	return found, nil
}

func (c *Console) lookAt(job string) (*looked, error) {
	if c.Jobs == "" || !jobID.MatchString(job) {
		return nil, nil
	}
	path := c.ledger(job)
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the ledger %s is no file", path)
	}
	c.work.mu.Lock()
	found, ok := c.work.looked[job]
	c.work.mu.Unlock()
	if ok && found.State != bulk.JobRunning && found.size == info.Size() && found.written.Equal(info.ModTime()) {
		return &found, nil
	}
	if found, err = c.work.read(job, path); err != nil {
		return nil, err
	}
	found.size, found.written = info.Size(), info.ModTime()
	c.work.mu.Lock()
	defer c.work.mu.Unlock()
	if len(c.work.looked) >= mostEnded {
		clear(c.work.looked)
	}
	c.work.looked[job] = found
	return &found, nil
}

// other is a ledger that another program works on, which is read on from where it was read before:
// people watch it each second. It is forgotten when nobody has looked for a while.
type other struct {
	mu sync.Mutex
	*bulk.Watch
	forget *time.Timer
}

// read reads a ledger.
func (w *work) read(job, path string) (looked, error) {
	w.mu.Lock()
	o := w.others[job]
	if o == nil {
		o = &other{Watch: bulk.NewWatch(path)}
		w.others[job] = o
	} else {
		o.forget.Stop()
	}
	forget := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if o.forget.Stop(); w.others[job] == o {
			delete(w.others, job)
		}
	}
	o.forget = time.AfterFunc(silence, forget)
	w.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	j, err := o.Look()
	if err != nil || j.State != bulk.JobRunning {
		forget()
	}
	if err != nil {
		return looked{}, err
	}
	found := looked{Job: new(*j), Reasons: reasons(&j.Plan)}
	found.Ledger = &bulk.Ledger{Plan: bulk.Plan{Head: j.Head}, Path: j.Path, Began: j.Began, Latest: j.Latest}
	return found, nil
}

// head is what the first line of a ledger says, which never changes.
type head struct{ account, undoes string }

// headOf returns the head of a ledger in our folder, empty if there is none that can be read.
func (c *Console) headOf(job string) head {
	if c.Jobs == "" || !jobID.MatchString(job) {
		return head{}
	}
	info, err := os.Lstat(c.ledger(job))
	if err != nil || !info.Mode().IsRegular() {
		return head{}
	}
	w := c.work
	w.mu.Lock()
	known, ok := w.heads[job]
	w.mu.Unlock()
	if ok {
		return known
	}
	file, err := os.Open(c.ledger(job))
	if err != nil {
		return head{}
	}
	defer file.Close()
	first, err := bulk.ReadHead(file)
	if err != nil || first.Job != job {
		return head{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heads[job] = head{first.Account, first.Undoes}
	return w.heads[job]
}

// accountOf returns the account of a job whose ledger is in our folder, empty if nobody can tell.
func (c *Console) accountOf(job string) string { return c.headOf(job).account }

// reason is why some rows fail.
type reason struct {
	Code, Message string
	Count         int
	Some          []named
	More          int
}

// named is a row by its line and its user.
type named struct {
	Line int
	Name string
}

// mostReasons is how many reasons a page shows.
const mostReasons = 20

// cut shortens a text from a sheet, of which a page has room for many.
func cut(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// reasons returns why rows fail. It keeps none of them.
func reasons(p *bulk.Plan) (list []reason) {
	for _, f := range p.Failures() {
		if len(list) == mostReasons {
			break
		}
		each := reason{Code: f.Code, Message: cut(f.Message), Count: f.Count, More: f.Count - len(f.Some)}
		for _, r := range f.Some {
			each.Some = append(each.Some, named{r.Line, cut(r.Name())})
		}
		list = append(list, each)
	}
	return list
}
