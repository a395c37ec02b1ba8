package console

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/sheet"
)

// A plan belongs to the key that asked for it. It is made in the background, and then lies in two
// files: its rows, as package bulk writes plans, and what the page says of them. So a page reads
// only the rows that it shows, and a plan is there after a restart.

const (
	planLife    = 24 * time.Hour
	plansOfKey  = 5   // the oldest goes
	rowsOfPage  = 50  // of a plan
	mostKinds   = 20  // of changes that a page counts one by one
	mostColumns = 50  // that a page names
	freely      = 100 // changes for which nobody has to type their number

	choosingAttempts = 10 // of a call that finds users: there may be many, and the key has a rate
)

// planID is how plans are called. Paths are made of it.
var planID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// remnant is how files are called that a console has left: those of plans, whole or not, and
// uploads. All others are somebody else's, whoever put them into the folder.
var remnant = regexp.MustCompile(`^(?:[A-Z2-7]{26}\.jsonl?(?:\.partial-[0-9]+)?|upload-[0-9]+)$`)

// How far a plan has come.
const (
	planWaiting  = "waiting" // for its turn
	planMaking   = "making"
	planFailed   = "failed" // there is none
	planReady    = "ready"
	planApplying = "applying" // users are read again
	planApplied  = "applied"  // its job has begun
)

// planned is a plan, or is to be one. The mutex of [work] guards it.
type planned struct {
	planSaid
	State   string
	Problem string // why there is no plan, or why it was not carried out
	Read    int    // users, so far

	pages  *bulk.Pages
	cancel context.CancelCauseFunc
}

// planSaid is what is known of a plan besides its rows. It lies in a file.
type planSaid struct {
	ID, Key string // Key is the id of the key that asked for it
	Account string // an id
	Action  bulk.Action
	What    string // where users come from, for people
	Most    string // changes that the person allows, as for carillon bulk --max-changes
	Made    time.Time
	Job     string // that carries it out, empty for none
	Begun   bool   // the job has its ledger

	Undoes    string // a job
	Changing  int    // users
	Same      int
	Skipped   int
	Failed    int
	Members   int
	Kinds     []kind
	Others    int // users whose changes are of other kinds
	Seats     []bulk.Seats
	Reasons   []reason // why rows cannot be done
	Columns   []string // that were understood
	Unused    []sheet.Unknown
	Excluded  []bulk.Exclusion
	Remarks   []string // on the workbook
	Unchecked string
	Final     string // why it cannot be undone
	Exceeds   bool   // it changes more users than the person allows
}

// kind is how many users change in one way.
type kind struct {
	Change string
	Users  int
}

// planWish is a plan to be made.
type planWish struct {
	about  *account
	action bulk.Action
	what   string // where users come from, for people
	most   string // changes that the person allows, empty for any number
	make   func(context.Context, *bulk.Account) (*bulk.Plan, error)
	over   func() // called when make has ended, or is never called; nil for nothing
}

// plan begins to plan a job in the background and sends the browser to the page of the plan. choose
// finds the users; it may call the API many times. what names the source for people. If the request
// is a form with a field "most", that is the most changes that the person allows: a number, or a
// share such as 5%.
func (v *visit) plan(about *account, action bulk.Action, what string, choose func(ctx context.Context, calls *client.Client) (bulk.Selection, bulk.PlanOptions, error)) error {
	config := v.calling(v.key)
	config.MaxAttempts = choosingAttempts
	calls, err := client.New(config)
	if err != nil {
		return err
	}
	return v.planBy(planWish{about: about, action: action, what: what, most: v.r.PostFormValue("most"), make: func(ctx context.Context, a *bulk.Account) (*bulk.Plan, error) {
		users, options, err := choose(ctx, calls)
		if err != nil {
			return nil, err
		}
		options.Source = cmp.Or(options.Source, what)
		return a.Plan(ctx, action, users, options)
	}})
}

// planBy is plan for a wish.
func (v *visit) planBy(wish planWish) error {
	id, err := v.beginPlan(wish)
	if err != nil {
		if wish.over != nil {
			wish.over()
		}
		return err
	}
	return v.redirect("/accounts/%s/plans/%s", wish.about.ID, id)
}

func (v *visit) beginPlan(wish planWish) (id string, err error) {
	c, w, key := v.Console, v.work, v.key
	if err := v.canWork(wish.action.Operation()); err != nil {
		return "", err
	}
	limit, err := limitOf(wish.most)
	if err != nil {
		return "", &client.ServiceError{Status: http.StatusUnprocessableEntity, Message: err.Error()}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.Err() != nil {
		return "", refusing(http.StatusServiceUnavailable, "jobs.ending")
	}
	if err := c.loadPlans(); err != nil {
		return "", err
	}
	c.makeRoom(key.ID)
	p := &planned{State: planWaiting, planSaid: planSaid{
		ID: rand.Text(), Key: key.ID, Account: wish.about.ID, Action: wish.action, What: wish.what, Most: wish.most, Made: c.Clock().UTC(),
	}}
	said := p.planSaid
	var ctx context.Context
	ctx, p.cancel = context.WithCancelCause(w)
	w.plans[p.ID] = p
	w.group.Go(func() {
		defer p.cancel(nil)
		pages, err := c.makePlan(ctx, key, p, &said, limit, wish.make)
		if wish.over != nil {
			wish.over()
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		switch {
		case w.plans[said.ID] == nil: // dropped meanwhile
			c.removePlan(said.ID)
		case err != nil:
			c.Logger.Info("a plan could not be made", slog.String("action", string(said.Action)), slog.Any("error", err))
			p.State, p.Problem = planFailed, why(err)
		default:
			p.planSaid, p.State, p.pages = said, planReady, pages
		}
		w.tell()
	})
	return p.ID, nil
}

// limitOf reads how many changes a person allows.
func limitOf(most string) (bulk.Limit, error) {
	most = strings.Join(strings.Fields(most), "")
	if most == "" {
		return bulk.Limit{}, nil
	}
	return bulk.ParseLimit(most)
}

// makePlan makes a plan and its files, and completes what is said of it.
func (c *Console) makePlan(ctx context.Context, key directory.Key, p *planned, said *planSaid, limit bulk.Limit, do func(context.Context, *bulk.Account) (*bulk.Plan, error)) (*bulk.Pages, error) {
	w := c.work
	select {
	case w.planning <- struct{}{}:
		defer func() { <-w.planning }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	reading := func(users int, _ bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		p.State, p.Read = planMaking, users
	}
	reading(0, false)
	a, err := c.users(key, said.Account, c.newJob(), bulk.Config{Reading: reading})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	plan, err := c.calmly(func() (*bulk.Plan, error) { return do(ctx, a) })
	if err = cmp.Or(context.Cause(ctx), err); err != nil {
		return nil, err
	}
	said.tell(plan, limit)
	rows := c.planFile(said.ID, rowsEnd)
	file, err := atomicfile.New(rows, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Discard()
	if err := plan.Write(file, c.Clock()); err != nil {
		return nil, err
	}
	if err := file.Replace(); err != nil {
		return nil, err
	}
	pages, err := bulk.OpenPages(rows)
	if err == nil {
		err = c.savePlan(said)
	}
	return pages, err
}

// calmly makes an error of a panic, which would end the service here in the background: a plan is
// made of what people send.
func (c *Console) calmly(do func() (*bulk.Plan, error)) (plan *bulk.Plan, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.Logger.Error("making a plan has panicked", slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
			plan, err = nil, refusing(http.StatusInternalServerError, "error.failed")
		}
	}()
	return do()
}

// tell fills in what is said of a plan.
func (s *planSaid) tell(p *bulk.Plan, limit bulk.Limit) {
	s.Undoes, s.Same, s.Members, s.Seats, s.Unused, s.Excluded, s.Unchecked = p.Undoes, p.Same, p.Members, p.Seats, p.Unused, p.Excluded, p.Unchecked
	s.Remarks = p.Remarks
	s.Changing, s.Skipped, s.Failed = p.Count(bulk.Planned), p.Guarded+p.Count(bulk.Skipped), p.Count(bulk.Failed)
	_, s.Final = p.Undo()
	s.Exceeds = limit.Check(p) != nil
	s.Reasons = reasons(p)
	s.Unused = slices.Clone(s.Unused)
	for i := range s.Unused {
		s.Unused[i].Name = cut(s.Unused[i].Name)
	}
	s.Unused = s.Unused[:min(len(s.Unused), mostColumns)]
	for _, name := range p.Columns {
		if len(s.Columns) < mostColumns && name != "" && !slices.ContainsFunc(p.Unused, func(u sheet.Unknown) bool { return u.Name == name }) {
			s.Columns = append(s.Columns, cut(name))
		}
	}
	at := map[string]int{}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Status != bulk.Planned {
			continue
		}
		change := r.Change()
		n, ok := at[change]
		switch {
		case change == "": // of an action that shows nothing
			continue
		case !ok && len(s.Kinds) == mostKinds:
			s.Others++
			continue
		case !ok:
			n = len(s.Kinds)
			at[change], s.Kinds = n, append(s.Kinds, kind{Change: cut(change)})
		}
		s.Kinds[n].Users++
	}
	slices.SortStableFunc(s.Kinds, func(a, b kind) int { return b.Users - a.Users })
}

// Typing reports whether somebody has to type the number of changes to apply the plan.
func (s planSaid) Typing() bool {
	return s.Final != "" || s.Changing > freely || s.Changing*10 > s.Members
}

// The files of a plan.
const (
	saidEnd = ".json"
	rowsEnd = ".jsonl"
)

// plansDir is the folder of plans, and of uploads on their way.
func (c *Console) plansDir() string { return filepath.Join(c.Jobs, "plans") }

func (c *Console) planFile(id, end string) string { return filepath.Join(c.plansDir(), id+end) }

func (c *Console) savePlan(said *planSaid) error {
	text, err := json.Marshal(said)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(c.planFile(said.ID, saidEnd), text, 0o600)
}

// loadPlans reads the plans that are there since the last start, and removes what is left of
// others. It does so once, and sees to it each time that the folder is there. The caller holds the
// mutex.
func (c *Console) loadPlans() error {
	w := c.work
	if err := atomicfile.MkdirAll(c.plansDir(), 0o700); err != nil || w.plans != nil {
		return err
	}
	files, err := os.ReadDir(c.plansDir())
	if err != nil {
		return err
	}
	plans := map[string]*planned{}
	for _, file := range files {
		id, isSaid := strings.CutSuffix(file.Name(), saidEnd)
		if !isSaid || !planID.MatchString(id) {
			continue
		}
		text, err := os.ReadFile(c.planFile(id, saidEnd))
		if err != nil {
			return err
		}
		p := &planned{cancel: func(error) {}}
		if json.Unmarshal(text, &p.planSaid) != nil || p.ID != id || p.Job != "" && !jobID.MatchString(p.Job) {
			continue
		}
		if err := c.recall(p); err != nil {
			return err
		}
		plans[id] = p
	}
	w.plans = plans
	for _, file := range files {
		id, end, _ := strings.Cut(file.Name(), ".")
		if (plans[id] == nil || strings.Contains(end, ".partial-")) && remnant.MatchString(file.Name()) {
			if err := os.Remove(filepath.Join(c.plansDir(), file.Name())); err != nil {
				c.Logger.Warn("a file of a former plan cannot be removed", slog.Any("error", err))
			}
		}
	}
	return nil
}

// recall finds out whether a plan was applied before this start. A plan names its job before that
// has a ledger, and the ledger is whole before the plan says so and the first call is made. If the
// service ended in between, the ledger tells: what there is of one that is not whole goes, and the
// plan can be applied again.
func (c *Console) recall(p *planned) error {
	whole := p.Begun
	if p.Job != "" && !whole {
		path := c.ledger(p.Job)
		_, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			_, err := bulk.ReadLedger(path)
			if whole = !bulk.Unbegun(err); whole {
				break
			}
			if err := os.Remove(path); err != nil {
				c.Logger.Warn("a ledger that was not begun cannot be removed", slog.Any("error", err))
			}
		}
	}
	if p.State = planReady; whole {
		p.State = planApplied
	} else {
		p.Job = ""
	}
	return nil
}

// makeRoom forgets the plans that are too old and, before a key gets another one, the oldest of too
// many. The caller holds the mutex.
func (c *Console) makeRoom(key string) {
	var of []*planned
	for _, p := range c.work.plans {
		switch {
		case p.State == planApplying:
		case c.Clock().Sub(p.Made) > planLife:
			c.drop(p)
		case p.Key == key:
			of = append(of, p)
		}
	}
	slices.SortFunc(of, func(a, b *planned) int { return a.Made.Compare(b.Made) })
	for len(of) >= plansOfKey {
		c.drop(of[0])
		of = of[1:]
	}
}

// drop forgets a plan.
func (c *Console) drop(p *planned) {
	p.cancel(errDropped)
	delete(c.work.plans, p.ID)
	c.removePlan(p.ID)
}

func (c *Console) removePlan(id string) {
	for _, end := range []string{saidEnd, rowsEnd} {
		if err := os.Remove(c.planFile(id, end)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.Logger.Warn("a plan cannot be removed", slog.Any("error", err))
		}
	}
}

// planOf returns a plan as it is now. There is none for other keys than its own, and for paths of
// other accounts.
func (v *visit) planOf(id string) (planned, error) {
	none := refusing(http.StatusNotFound, "plan.none")
	if v.Jobs == "" || !planID.MatchString(id) {
		return planned{}, none
	}
	v.work.mu.Lock()
	defer v.work.mu.Unlock()
	if err := v.loadPlans(); err != nil {
		return planned{}, err
	}
	p := v.work.plans[id]
	if p == nil || p.Key != v.key.ID || p.Account != v.r.PathValue("account") || v.Clock().Sub(p.Made) > planLife {
		return planned{}, none
	}
	if p.pages == nil && (p.State == planReady || p.State == planApplied) {
		var err error
		if p.pages, err = bulk.OpenPages(v.planFile(id, rowsEnd)); err != nil {
			return planned{}, err
		}
	}
	return *p, nil
}

// planPage is what the page of a plan shows.
type planPage struct {
	ofAccount
	planned
	May       bool   // apply it
	Typed     string // as the number of changes
	Show      bulk.Status
	Shows     []planTab
	Rows      []bulk.Row
	Pager     pager
	Refused   string // why it was not applied just now
	Operation string
}

// planTab is a choice of rows.
type planTab struct {
	Status bulk.Status
	Word   string
	Rows   int
}

// Busy reports whether the page is to be shown again soon.
func (p planPage) Busy() bool {
	return p.State == planWaiting || p.State == planMaking || p.State == planApplying
}

// OfUsers reports whether a plan changes some of the users that there are.
func (p planPage) OfUsers() bool { return p.Action != bulk.Invite }

// ActionName is what the plan does.
func (p planPage) ActionName() string { return actionName(string(p.Action)) }

// Moving reports whether seats of a license change.
func (p planPage) Moving() bool {
	return slices.ContainsFunc(p.Seats, func(s bulk.Seats) bool { return s.Before != s.After })
}

// Net is how many seats of a license are added.
func (planPage) Net(s bulk.Seats) string {
	if s.After > s.Before {
		return "+" + number(s.After-s.Before)
	}
	return number(s.After - s.Before)
}

// pager leads from one page of a list to the others.
type pager struct{ Page, Pages int }

func (p pager) Previous() string { return strconv.Itoa(p.Page - 1) }
func (p pager) Next() string     { return strconv.Itoa(p.Page + 1) }
func (p pager) Last() string     { return strconv.Itoa(p.Pages) }

// planPage makes the page of the plan that the path names.
func (v *visit) planPage() (p planPage, err error) {
	if p.ofAccount, err = v.account(); err != nil {
		return p, err
	}
	if p.planned, err = v.planOf(v.r.PathValue("plan")); err != nil {
		return p, err
	}
	p.Operation = p.Action.Operation()
	p.May = v.may(p.Operation)
	if p.pages == nil {
		return p, nil
	}
	p.Show = bulk.Status(v.r.FormValue("show"))
	for _, tab := range []planTab{{Status: bulk.Planned, Word: "plan.changing"}, {Status: bulk.Failed, Word: "plan.failed"}, {Status: bulk.Skipped, Word: "plan.skipped"}} {
		if tab.Rows = p.pages.Count(tab.Status); tab.Rows > 0 {
			p.Shows = append(p.Shows, tab)
		}
	}
	if len(p.Shows) > 0 && !slices.ContainsFunc(p.Shows, func(t planTab) bool { return t.Status == p.Show }) {
		p.Show = p.Shows[0].Status
	}
	page, _ := strconv.Atoi(v.r.FormValue("page"))
	p.Pager.Pages = (p.pages.Count(p.Show) + rowsOfPage - 1) / rowsOfPage
	p.Pager.Page = max(1, min(page, p.Pager.Pages))
	p.Rows, err = p.pages.Rows(p.Show, (p.Pager.Page-1)*rowsOfPage, rowsOfPage)
	return p, err
}

func (c *Console) planShow(v *visit) error {
	p, err := v.planPage()
	if err != nil {
		return err
	}
	// Whoever has just applied it gets to the job as soon as that has begun.
	if p.State == planApplied && v.r.FormValue("applied") != "" {
		return v.redirect("/jobs/%s", p.Job)
	}
	return v.show("plan", p)
}

func (c *Console) planEvents(v *visit) error {
	if _, err := v.planOf(v.r.PathValue("plan")); err != nil {
		return err
	}
	return v.stream("plan", "part-planning.html", func() (any, bool, error) {
		plan, err := v.planOf(v.r.PathValue("plan"))
		p := planPage{planned: plan}
		return p, !p.Busy(), err
	})
}

// planApply carries out a plan, once.
func (c *Console) planApply(v *visit) error {
	p, err := v.planPage()
	if err != nil {
		return err
	}
	if err := v.canWork(p.Operation); err != nil {
		return err
	}
	p.Typed = strings.TrimSpace(v.r.PostFormValue("changes"))
	again := func(status int, text string) error {
		p.Refused = text
		return c.show(v.w, v.r, v, status, "plan", p)
	}
	switch {
	case p.State == planReady && (p.Exceeds || p.Changing == 0):
		return again(http.StatusUnprocessableEntity, say("plan.cannot"))
	case p.State == planReady && p.Typing() && strings.ReplaceAll(p.Typed, ",", "") != strconv.Itoa(p.Changing):
		return again(http.StatusUnprocessableEntity, say("plan.type.wrong", p.Changing))
	}
	problem, err := v.applyPlan(p.ID)
	if refused, ok := refusal(err); ok {
		p.planned, _ = v.planOf(p.ID)
		return again(refused.Status, refused.Message)
	}
	if err != nil {
		return err
	}
	if problem != "" {
		if p.planned, err = v.planOf(p.ID); err != nil {
			return err
		}
		return again(http.StatusConflict, problem)
	}
	return v.redirect("/accounts/%s/plans/%s?applied=yes", p.ofAccount.Account.ID, p.ID)
}

// applyPlan begins the job of a plan, or says why it does not.
func (v *visit) applyPlan(id string) (problem string, err error) {
	c, w, key := v.Console, v.work, v.key
	w.mu.Lock()
	p := w.plans[id]
	switch {
	case p == nil:
		problem = say("plan.none")
	case p.State == planApplied:
		problem = say("plan.applied.before")
	case p.State == planApplying:
		problem = say("plan.applying.before")
	case p.State != planReady:
		problem = say("plan.cannot")
	default:
		p.State, p.Problem, p.Read = planApplying, "", 0
	}
	w.mu.Unlock()
	if problem != "" {
		return problem, nil
	}
	// It has become this request's alone.
	job := c.newJob()
	back := func(problem string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		p.State, p.Problem, p.Job = planReady, problem, ""
		w.tell()
	}
	err = c.begin(job, p.Account, key, p.Action, func(ctx context.Context, r *run) error {
		a, l, err := c.openPlan(ctx, key, p, job)
		if err != nil {
			w.mu.Lock()
			delete(w.runs, job) // there is no job
			w.mu.Unlock()
			back(why(err))
			return err
		}
		defer a.Close()
		return r.work(ctx, a, l, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			p.State = planApplied
			w.tell()
		})
	})
	if err != nil {
		back("")
	}
	return "", err
}

// openPlan looks at the users of a plan again, and begins the ledger of its job.
func (c *Console) openPlan(ctx context.Context, key directory.Key, p *planned, job string) (*bulk.Account, *bulk.Ledger, error) {
	file, err := os.Open(c.planFile(p.ID, rowsEnd))
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	plan, err := bulk.ReadPlan(bufio.NewReader(file), p.What)
	if err != nil {
		return nil, nil, err
	}
	plan.Endpoint = c.Endpoint // it may have been another one before a restart
	var r *run
	w := c.work
	a, err := c.users(key, p.Account, job, bulk.Config{
		Reading: func(users int, _ bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			p.Read = users
		},
		Waiting: func(wait bulk.Waiting) {
			if r = cmp.Or(r, w.running(job, p.Account)); r != nil {
				r.pauses(wait)
			}
		},
	})
	if err != nil {
		return nil, nil, err
	}
	l, err := c.startLedger(ctx, a, plan, p, job, key)
	if err != nil {
		a.Close()
		return nil, nil, err
	}
	return a, l, nil
}

func (c *Console) startLedger(ctx context.Context, a *bulk.Account, plan *bulk.Plan, p *planned, job string, key directory.Key) (*bulk.Ledger, error) {
	if err := a.Revise(ctx, plan); err != nil {
		return nil, err
	}
	if limit, err := limitOf(p.Most); err != nil || limit.Check(plan) != nil {
		return nil, cmp.Or(err, refusing(http.StatusConflict, "plan.exceeds", p.Most))
	}
	if plan.Count(bulk.Planned) == 0 {
		return nil, refusing(http.StatusConflict, "plan.nothing.left")
	}
	plan.Job, plan.By = job, key.Name
	c.work.mu.Lock()
	p.Job = job
	said := p.planSaid
	c.work.mu.Unlock()
	if err := c.savePlan(&said); err != nil {
		return nil, err
	}
	l, err := bulk.Create(c.ledger(job), plan, c.Clock)
	if err != nil {
		return nil, err
	}
	said.Begun = true
	if err := c.savePlan(&said); err != nil { // else the ledger tells: see recall
		c.Logger.Warn("a plan cannot say that its job has begun", slog.String("job", job), slog.Any("error", err))
	}
	return l, nil
}
