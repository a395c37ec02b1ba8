package console

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/shell"
)

// Jobs are shown as the service knows them, whoever began them. For one whose ledger is in our
// folder the ledger knows more, and it can be gone on with. For one that this process works on, the
// run knows best.
//
// The service knows what it was told. A job that is killed, or whose key may not tell, tells less
// than its ledger, or nothing: see told and untold.

// jobsOfPage is how many jobs a page lists.
const jobsOfPage = 50

// How a job is getting on. Each has a text, and a color.
const (
	jobReading     = "reading" // users, before the first call
	jobRunning     = "running"
	jobStopping    = "stopping"
	jobSilent      = "silent" // it ran when the service last heard of it
	jobStopped     = "stopped"
	jobInterrupted = "interrupted"
	jobFinished    = "finished"
	jobRolledBack  = "undone"
	jobDamaged     = "damaged"
)

var jobStates = map[string]struct{ word, tag string }{
	jobReading: {"job.reading", ""}, jobRunning: {"job.state.running", ""}, jobStopping: {"job.state.stopping", "warn"}, jobSilent: {"job.state.silent", "warn"},
	jobStopped: {"job.state.stopped", "bad"}, jobInterrupted: {"job.state.interrupted", "warn"}, jobFinished: {"job.state.finished", "good"},
	jobRolledBack: {"job.state.undone", ""}, jobDamaged: {"job.state.damaged", "bad"},
}

// jobRow is a job in a list.
type jobRow struct {
	ID, Account, Action, By, KeyName, Undoes string
	Began, Latest                            time.Time
	progress                                 // Total is what the service has been told of
	State                                    string
	UndoneBy                                 string // a job
}

func (j jobRow) ActionName() string { return actionName(j.Action) }
func (j jobRow) StateName() string  { return say(jobStates[j.State].word) }
func (j jobRow) Tag() string        { return jobStates[j.State].tag }

// Busy reports whether the job is said to run.
func (j jobRow) Busy() bool {
	return j.State == jobReading || j.State == jobRunning || j.State == jobStopping
}

// jobRow reads a job as the service lists it.
func (c *Console) jobRow(o *document.Object) jobRow {
	at := func(name string) time.Time {
		t, _ := time.Parse(time.RFC3339, o.Text(name))
		return t
	}
	j := jobRow{
		ID: o.Text("JobId"), Account: o.Text("AccountId"), Action: o.Text("Action"), By: o.Text("By"), KeyName: o.Text("KeyName"), Undoes: o.Text("Undoes"),
		Began: at("Began"), Latest: at("Latest"), UndoneBy: o.Text("UndoneBy"),
	}
	j.Done, j.Failed = count(o, "Done"), count(o, "Failed")
	j.Total = j.Done + j.Failed + count(o, "Left")
	switch bulk.Outcome(o.Text("Outcome")) {
	case bulk.Finished:
		if j.State = jobFinished; j.UndoneBy != "" {
			j.State = jobRolledBack
		}
	case bulk.Stopped:
		j.State = jobStopped
	case bulk.Interrupted:
		j.State = jobInterrupted
	default:
		if j.State = jobRunning; c.ServiceClock().Sub(j.Latest) > silence {
			j.State = jobSilent
		}
	}
	return j
}

// endStates are the states of jobs by how their runs have ended.
var endStates = map[bulk.Outcome]string{bulk.Finished: jobFinished, bulk.Stopped: jobStopped, bulk.Interrupted: jobInterrupted}

// open reports whether nobody has said how the job has ended.
func (j *jobRow) open() bool { return j.State == "" || j.State == jobRunning || j.State == jobSilent }

// live takes over what the run of a job knows, while it lasts.
func (j *jobRow) live(r *run) {
	p := r.progress()
	j.Action = cmp.Or(j.Action, string(r.action))
	if p.Ended {
		if j.Reason = p.Reason; j.open() { // nobody could tell the service
			j.State = cmp.Or(endStates[p.Outcome], jobStopped)
		}
		return
	}
	if p.Calling {
		j.progress = p
	} else {
		if p.Total > 0 { // the job goes on
			j.Counts = p.Counts
		}
		j.Read, j.Calling, j.Stopping, j.Waiting = p.Read, false, p.Stopping, p.Waiting
	}
	switch {
	case p.Stopping:
		j.State = jobStopping
	case p.Calling:
		j.State = jobRunning
	default:
		j.State = jobReading
	}
}

// count returns a member that is a number.
func count(o *document.Object, name string) int {
	n, _ := strconv.Atoi(spell(o, name))
	return n
}

// told takes over what the ledger of a job says, on which nobody works here.
func (j *jobRow) told(l *looked) {
	j.Account, j.Action, j.Began = l.Account, string(l.Action), l.Began
	j.By, j.Undoes = cmp.Or(j.By, l.By), cmp.Or(j.Undoes, l.Undoes)
	if l.Latest.After(j.Latest) {
		j.Latest = l.Latest
	}
	j.Counts = bulk.Counts{Total: l.Done + l.Failed + l.Skipped + l.Left, Done: l.Done, Failed: l.Failed, Skipped: l.Skipped}
	switch l.State {
	case bulk.JobRunning: // by another program
		j.State = jobRunning
	case bulk.JobFinished, bulk.JobRolledBack: // see undoneHere
		if j.State = jobFinished; j.UndoneBy != "" {
			j.State = jobRolledBack
		}
	case bulk.JobStopped:
		if j.State != jobStopped { // whatever the service heard of it last
			j.State = jobInterrupted
		}
	}
}

// latest completes a row of a list by what is known here, if the service may not have heard it.
func (c *Console) latest(j *jobRow) {
	if r := c.work.running(j.ID, j.Account); r != nil {
		if j.live(r); !r.progress().Ended {
			return
		}
	}
	if c.Jobs == "" || !jobID.MatchString(j.ID) {
		return
	}
	info, err := os.Lstat(c.ledger(j.ID))
	if err != nil || !j.open() && !info.ModTime().After(j.Latest) {
		return
	}
	switch l, err := c.look(j.ID, j.Account); {
	case err != nil:
		j.State = jobDamaged
	case l != nil:
		j.told(l)
	}
}

// untold reports whether a job is one that the service has never heard of, and the key may know it.
// What the service answers to ReadJob is the error. Whose the job is, the account in its ledger
// tells, which is in our folder. A key also sees what it has applied itself.
func (v *visit) untold(job string, err error) bool {
	account := v.accountOf(job)
	switch {
	case account == "":
		return false
	case v.hasApplied(job):
		return refusedWith(err, http.StatusNotFound) || refusedWith(err, http.StatusForbidden)
	case !refusedWith(err, http.StatusNotFound):
		return false
	}
	_, err = v.call("GetAccount", input("AccountId", account))
	return err == nil
}

// hasApplied reports whether a job carries out a plan of the key.
func (v *visit) hasApplied(job string) bool {
	v.work.mu.Lock()
	defer v.work.mu.Unlock()
	for _, p := range v.work.plans {
		if p.Job == job && p.Key == v.key.ID {
			return true
		}
	}
	return false
}

// recallPlans reads the plans of before this start, which puts away ledgers that were not begun.
func (v *visit) recallPlans() {
	if v.Jobs == "" {
		return
	}
	v.work.mu.Lock()
	defer v.work.mu.Unlock()
	if err := v.loadPlans(); err != nil {
		v.Logger.Warn("the folder of jobs cannot be used", slog.Any("error", err))
	}
}

// undoneHere finds out whether a job was undone by one whose ledger is in our folder, and of which
// the service has not heard, or not to its end. undos are the jobs that such ledgers undo.
func (v *visit) undoneHere(j *jobRow, undos map[string]bool) {
	if j.State != jobFinished || !undos[j.ID] {
		return
	}
	l, err := v.look(j.ID, j.Account)
	if err != nil || l == nil || undoneBy(l) == "" {
		return
	}
	// The undo itself may have been undone by a job of the command line, which only the service knows.
	out, err := v.call("ReadJob", input("JobId", undoneBy(l)))
	if err != nil || object(out, "Job").Text("UndoneBy") == "" {
		j.State, j.UndoneBy = jobRolledBack, undoneBy(l)
	}
}

// undos returns the jobs that ledgers in our folder undo.
func (c *Console) undos() map[string]bool {
	jobs := map[string]bool{}
	if c.Jobs == "" {
		return jobs
	}
	files, _ := os.ReadDir(c.Jobs) // untoldJobs says what is wrong with it
	for _, file := range files {
		if id, isLedger := strings.CutSuffix(file.Name(), ".jsonl"); isLedger {
			if h := c.headOf(id); h.undoes != "" {
				jobs[h.undoes] = true
			}
		}
	}
	return jobs
}

type jobsPage struct {
	Jobs   []jobRow
	Next   string // token of the page after this one
	Before string // of which jobs that page is, as ids begin
	First  bool
}

func (c *Console) jobs(v *visit) error {
	token, account, before := v.r.FormValue("next"), v.r.FormValue("account"), v.r.FormValue("before")
	out, err := v.call("ListJobs", input("AccountId", account, "MaxResults", document.Int(jobsOfPage), "NextToken", token))
	if err != nil {
		return err
	}
	p := jobsPage{Next: out.Text("NextToken"), First: token == ""}
	for _, o := range objects(out, "Jobs") {
		j := c.jobRow(o)
		c.latest(&j)
		p.Jobs = append(p.Jobs, j)
	}
	if n := len(p.Jobs); n > 0 && p.Next != "" {
		p.Before = p.Jobs[n-1].Began.UTC().Format(jobTime)
	}
	for _, j := range v.untoldJobs(p.Jobs, account, p.Before, before) {
		at := slices.IndexFunc(p.Jobs, func(other jobRow) bool { return other.Began.Before(j.Began) })
		if at < 0 {
			at = len(p.Jobs)
		}
		p.Jobs = slices.Insert(p.Jobs, at, j)
	}
	undos := v.undos()
	for i := range p.Jobs {
		v.undoneHere(&p.Jobs[i], undos)
	}
	return v.show("jobs", p)
}

// jobTime is how the ids of jobs begin: see [bulk.NewJob].
const jobTime = "20060102-150405"

// untoldJobs returns the jobs of a time that the service has not listed, since it has never heard
// of them: the newest, as many as a page has.
func (v *visit) untoldJobs(listed []jobRow, account, from, before string) (jobs []jobRow) {
	if v.Jobs == "" {
		return nil
	}
	v.recallPlans()
	files, err := os.ReadDir(v.Jobs)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.Logger.Warn("the folder of jobs cannot be read", slog.Any("error", err))
	}
	of := map[string]bool{} // accounts that the key may read
	for _, file := range slices.Backward(files) {
		if len(jobs) == jobsOfPage {
			break
		}
		id, isLedger := strings.CutSuffix(file.Name(), ".jsonl")
		if !isLedger || !jobID.MatchString(id) || id < from || before != "" && id >= before ||
			slices.ContainsFunc(listed, func(j jobRow) bool { return j.ID == id }) {
			continue
		}
		owner := v.accountOf(id)
		if owner == "" || account != "" && owner != account {
			continue
		}
		if _, known := of[owner]; !known {
			_, err := v.call("GetAccount", input("AccountId", owner))
			of[owner] = err == nil
		}
		if !of[owner] && !v.hasApplied(id) {
			continue
		}
		if _, err := v.call("ReadJob", input("JobId", id)); !refusedWith(err, http.StatusNotFound) {
			continue // it is on another page
		}
		j := jobRow{ID: id, Account: owner}
		j.Began, _ = time.Parse(jobTime, id[:len(jobTime)])
		if v.latest(&j); j.State != "" {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// jobPage is what the page of a job shows.
type jobPage struct {
	jobRow
	AccountName string
	Source      string
	Ledger      *looked // nil: it is not in our folder
	Run         *run    // nil: this process has not worked on it
	Reasons     []reason
	MayUsers    bool // read what is said of users
	May         bool // what the job does
	MayUndo     bool
	Operation   string
	UndoOf      string // its operation
	NoUndo      string // why there is no undo
	Problem     string
}

// Here reports whether a page can go on with the job: nobody works on it.
func (p jobPage) Here() bool { return p.Ledger != nil && p.State != jobDamaged && !p.Busy() }

// ReasonLost reports whether a job has ended early for a reason that only the log knows: runs are
// remembered until the next start at most.
func (p jobPage) ReasonLost() bool {
	return p.Here() && p.Reason == "" && (p.State == jobStopped || p.State == jobInterrupted)
}

// CanResume reports whether rows have no end yet.
func (p jobPage) CanResume() bool { return p.Here() && p.Ledger.Left > 0 }

// CanRetry reports whether rows that have failed may succeed.
func (p jobPage) CanRetry() bool { return p.Here() && p.Ledger.Retriable > 0 }

// CanUndo reports whether there is something to undo.
func (p jobPage) CanUndo() bool {
	return p.Here() && p.State != jobRolledBack && p.Ledger.CanRollBack()
}

// CanStop reports whether this process works on the job.
func (p jobPage) CanStop() bool { return p.Run != nil && !p.Run.progress().Ended }

// Where spells the command that shows what to do with a ledger elsewhere.
func (p jobPage) Where() string {
	return "carillon bulk status " + shell.Quote("carillon-ledger-"+p.ID+".jsonl")
}

// jobOf returns the job that the path names. The service decides who may see it. A key sees its own
// job even if it may not read others.
func (v *visit) jobOf() (p jobPage, err error) {
	id := v.r.PathValue("job")
	if !jobID.MatchString(id) {
		return p, refusing(http.StatusNotFound, "job.none")
	}
	own := v.work.runOf(id, v.key.ID)
	out, err := v.call("ReadJob", input("JobId", id))
	if err != nil {
		v.recallPlans()
	}
	switch {
	case err == nil:
		p.jobRow = v.jobRow(object(out, "Job"))
		p.Run = v.work.running(id, p.Account)
	case own != nil && (refusedWith(err, http.StatusForbidden) || refusedWith(err, http.StatusNotFound)):
		p.Run = own
		p.jobRow = jobRow{ID: id, Account: own.account}
	case v.untold(id, err):
		p.jobRow = jobRow{ID: id, Account: v.accountOf(id)}
		p.Run = v.work.running(id, p.Account)
	default:
		return p, err
	}
	if p.Run != nil {
		p.live(p.Run)
	}
	if p.Run == nil || p.Run.progress().Ended {
		if p.Ledger, err = v.look(id, p.Account); err != nil {
			p.State, p.Problem = jobDamaged, why(err)
		}
	}
	if l := p.Ledger; l != nil {
		p.told(l)
	}
	if p.State == "" { // the ledger has gone since
		return p, refusing(http.StatusNotFound, "job.none")
	}
	v.undoneHere(&p.jobRow, v.undos())
	action := bulk.Action(p.Action)
	p.Operation = action.Operation()
	p.May = p.Operation != "" && v.may(p.Operation)
	p.MayUsers = v.may("ListUsers")
	if !p.MayUsers {
		p.Reasons = nil
	}
	if p.UndoOf != "" {
		p.MayUndo = v.may(p.UndoOf)
	}
	return p, nil
}

// told takes over what the ledger says, on which nobody works here.
func (p *jobPage) told(l *looked) {
	p.jobRow.told(l)
	p.AccountName, p.Reasons = l.Name, l.Reasons
	if l.Undoes == "" { // the source of an undo is the path of a ledger
		p.Source = l.Source
	}
	undo, problem := l.Undo()
	p.NoUndo, p.UndoOf = problem, undo.Operation()
}

// undoneBy returns the id of the job that undid another one, empty for none.
func undoneBy(l *looked) string {
	name := l.RolledBack
	if len(name) < len("20260301-120000-1f3a5c.jsonl") {
		return ""
	}
	id := name[len(name)-len("20260301-120000-1f3a5c.jsonl") : len(name)-len(".jsonl")]
	if !jobID.MatchString(id) {
		return ""
	}
	return id
}

func (c *Console) job(v *visit) error {
	p, err := v.jobOf()
	if err != nil {
		return err
	}
	return v.show("job", v.named(p))
}

// named adds the name of the account, if the key may know it.
func (v *visit) named(p jobPage) jobPage {
	if p.AccountName == "" && p.Account != "" {
		if out, err := v.call("GetAccount", input("AccountId", p.Account)); err == nil {
			p.AccountName = object(out, "Account").Text("Name")
		}
	}
	p.AccountName = cmp.Or(p.AccountName, p.Account)
	return p
}

func (c *Console) jobEvents(v *visit) error {
	first, err := v.jobOf()
	if err != nil {
		return err
	}
	return v.stream("job", "part-running.html", func() (any, bool, error) {
		if r := first.Run; r != nil && !r.progress().Ended { // it knows best, and takes no calls from the job's key
			p := first
			p.live(r)
			return p, false, nil
		}
		p, err := v.jobOf()
		return p, !p.Busy(), err
	})
}

// jobChange finds the job that a form is about, and what may be done with it.
func (v *visit) jobChange(can func(jobPage) bool, operation func(jobPage) string) (jobPage, error) {
	p, err := v.jobOf()
	if err != nil {
		return p, err
	}
	if called := operation(p); called != "" {
		if err := v.canWork(called); err != nil {
			return p, err
		}
	}
	if !can(p) {
		return p, refusing(http.StatusConflict, "job.cannot")
	}
	return p, nil
}

func (p jobPage) operation() string { return p.Operation }

func (c *Console) jobStop(v *visit) error {
	p, err := v.jobChange(jobPage.CanStop, jobPage.operation)
	if err != nil {
		return err
	}
	p.Run.stop()
	return v.done("job-stopping", "/jobs/%s", p.ID)
}

func (c *Console) jobResume(v *visit) error {
	p, err := v.jobChange(jobPage.CanResume, jobPage.operation)
	if err == nil {
		err = v.goOn(p.ID, p.Account, bulk.Action(p.Action), (*bulk.Account).Resume)
	}
	if err != nil {
		return err
	}
	return v.done("job-resumed", "/jobs/%s", p.ID)
}

func (c *Console) jobRetry(v *visit) error {
	p, err := v.jobChange(jobPage.CanRetry, jobPage.operation)
	if err == nil {
		err = v.goOn(p.ID, p.Account, bulk.Action(p.Action), (*bulk.Account).Retry)
	}
	if err != nil {
		return err
	}
	return v.done("job-retried", "/jobs/%s", p.ID)
}

// jobUndo plans a job that undoes another one.
func (c *Console) jobUndo(v *visit) error {
	p, err := v.jobChange(jobPage.CanUndo, func(p jobPage) string { return p.UndoOf })
	if err != nil {
		return err
	}
	undo, _ := p.Ledger.Undo()
	path := c.ledger(p.ID)
	return v.planBy(planWish{about: &account{ID: p.Account}, action: undo, what: say("plan.undoes", p.ID), make: func(ctx context.Context, a *bulk.Account) (*bulk.Plan, error) {
		l, err := bulk.ReadLedger(path)
		if err != nil {
			return nil, err
		}
		l.Endpoint = c.Endpoint // it may have been another one before a restart
		return a.Rollback(ctx, l)
	}})
}

// jobRejects gives away the rows that failed, to be mended and imported.
func (c *Console) jobRejects(v *visit) error {
	p, err := v.jobOf()
	if err != nil {
		return err
	}
	switch {
	case !p.MayUsers:
		return refusing(http.StatusForbidden, "jobs.forbidden", "ListUsers")
	case p.Ledger == nil || p.State == jobDamaged:
		return refusing(http.StatusConflict, "job.cannot")
	}
	l, err := bulk.ReadLedger(c.ledger(p.ID))
	if err != nil {
		return err
	}
	return v.download("rejects-"+p.ID, bulk.CSV, func(w io.Writer) error {
		_, err := l.WriteRejects(w, bulk.CSV)
		return err
	})
}
