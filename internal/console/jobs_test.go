package console_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// A sheet with rows that cannot be done becomes a plan, the plan a job, and another plan undoes it.
func TestImport(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 30)
	sheet := "email,Licence,Nickname,Licens Type\n" +
		"person0@example.com,Pro,=1+1,x\nperson1@example.com,Pro,<script>alert(1)</script>,\nperson2@example.com,Basic,,\n" +
		"nobody@example.com,Pro,=cmd|' /C calc'!A0,\nperson3@example.com,Gold,,\n"
	plan := p.importFile(account, `C:\sheets\<b>people.csv`, sheet, "action", "update")
	p.has(plan, 200, "Plan: Update users", "From <b>people.csv", "To change 2 of 30 users", "As they should be 1", "Cannot be done 2",
		"LicenseType Basic -> Pro 2", "Pro 0 2 +2", "Columns used email", "Nickname", "(did you mean LicenseType?)",
		"line 5: nobody@example.com", "line 6: person3@example.com", "Apply 2 changes")
	if strings.Contains(plan.text, "<script>alert") || strings.Contains(plan.text, "<b>people") {
		t.Error("a cell or a name of a file has become HTML")
	}
	failed := p.get(plan.path + "?show=failed")
	p.has(failed, 200, "5 nobody@example.com UnknownUser", "6 person3@example.com InvalidRow")
	if got := s.licenses(p, account); got["Pro"] != 0 {
		t.Errorf("before the plan is applied: %v", got)
	}

	job := p.apply(plan)
	p.has(job, 200, "Job: Update users", "Finished", "Done 2", "Failed 2", "Try 1 failed row again", "Plan to undo it")
	if got := s.licenses(p, account); got["Pro"] != 2 {
		t.Errorf("after the job: %v", got)
	}
	p.has(p.get("/jobs"), 200, "Update users", "Finished")
	rejects := p.get(job.path + "/rejects")
	if want := "\uFEFFemail,Licence,Nickname,Licens Type,Code,Message\r\nnobody@example.com,Pro,'=cmd|' /C calc'!A0,,UnknownUser,"; !strings.HasPrefix(rejects.text, want) {
		t.Errorf("rejects: %q, want %q", rejects.text, want)
	}

	// Back, and again.
	p.has(p.get(plan.path), 200, "This plan was applied.")
	p.has(p.post(plan.path+"/apply"), 409, "Nothing was done again", "Job 2")

	undo, back := p.undone(job)
	p.has(undo, 200, "undo of job", "LicenseType Pro -> Basic 2")
	p.has(back, 200, "Finished", "Done 2", "Undoes "+strings.TrimPrefix(job.path, "/jobs/"))
	if strings.Contains(back.text, s.options.Jobs) {
		t.Error("the page of a job names a file of the machine of the service")
	}
	p.has(p.get(job.path), 200, "Undone", "This job was undone by job "+strings.TrimPrefix(back.path, "/jobs/"))
	p.has(p.get("/jobs"), 200, "undo root 2 0 0 Finished", "root 2 2 0 Undone")
	if got := s.licenses(p, account); got["Pro"] != 0 {
		t.Errorf("after the undo: %v", got)
	}
	p.has(p.post(job.path+"/undo"), 409, "cannot be done with the job")
	trail, err := s.operator.Audit(t.Context(), directory.AuditQuery{AccountID: account, Job: strings.TrimPrefix(job.path, "/jobs/")}), error(nil)
	n := 0
	for entry, e := range trail {
		if err = e; err != nil {
			t.Fatal(err)
		}
		if n++; !strings.HasPrefix(entry.UserAgent, "carillon-console/") {
			t.Errorf("the trail says %q", entry.UserAgent)
		}
	}
	if n == 0 {
		t.Error("the trail knows nothing of the job")
	}
}

// A job is stopped in the middle of its calls, which end as they would; what it has not done it
// does when somebody resumes it, even after another start of the service, at another URL.
func TestJob_StopAndResume(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 400)
	plan := p.importFile(account, "all.csv", everybody(400), "license", "LicenseType=Pro")
	p.has(plan, 200, "To change 400 of 400 users", "Type 400 to confirm")
	p.has(p.post(plan.path+"/apply"), 422, "Type the number of changes to confirm: 400")
	p.has(p.post(plan.path+"/apply", "changes", "40"), 422, "Type the number of changes to confirm: 400")
	reached, release := s.holds(t)
	job := p.begun(plan, reached, "changes", "400")
	p.has(job, 200, "Running", "0 of 400 rows", "Stop")
	p.has(p.post(job.path+"/resume"), 409, "cannot be done with the job")
	p.has(p.post(job.path+"/undo"), 409, "cannot be done with the job")
	p.has(p.post(job.path+"/stop"), 200, "The job finishes the calls that are under way, and stops.", "Stopping")
	release()
	job = p.awaited(p.get(job.path))
	p.has(job, 200, "Interrupted", "It ended early: somebody has stopped it", "Resume")
	made := s.licenses(p, account)["Pro"]
	if made == 0 || made == 400 {
		t.Fatalf("%d of 400 users were changed", made)
	}

	reached, release = s.holds(t)
	p.has(p.post(job.path+"/resume"), 200, "The job goes on.")
	<-reached
	stopped := make(chan struct{})
	former := s.console
	go func() {
		former.Stop(t.Context())
		close(stopped)
	}()
	stream, err := p.send("GET", job.path+"/events", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(stream.Body) // which ends though the job has not
	stream.Body.Close()
	if !bytes.Contains(text, []byte("\n\nretry: 1000\n\n")) {
		t.Errorf("the browser is not told to ask again soon: %.100q", text)
	}
	release()
	<-stopped
	s.options.Endpoint = "http://carillon.example"
	s.restart()
	job = p.get(job.path)
	p.has(job, 200, "Interrupted", "the service no longer knows why", "Resume")
	p.has(p.awaited(p.post(job.path+"/resume")), 200, "Finished", "Done 400", "Not finished 0")
	if got := s.licenses(p, account)["Pro"]; got != 400 {
		t.Errorf("%d of 400 users were changed", got)
	}
	p.has(p.awaited(p.post(job.path+"/undo")), 200, "To change 400 of 400 users")
}

// A plan is there after another start of the service, for whoever made it, and is carried out by
// the first of those who apply it at once.
func TestPlan_Restart(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 20)
	plan := p.importFile(account, "all.csv", everybody(20), "license", "LicenseType=Pro", "most", "100 %")
	s.console.Stop(t.Context())
	s.options.Endpoint = "http://carillon.example"
	s.restart()
	p.has(p.get(plan.path), 200, "To change 20 of 20 users", "LicenseType Basic -> Pro 20", "person19@example.com")
	var pages [2]shown
	var both sync.WaitGroup
	for i := range pages {
		both.Go(func() { pages[i] = p.post(plan.path+"/apply", "changes", "20") })
	}
	both.Wait()
	if pages[0].status == 409 {
		pages[0], pages[1] = pages[1], pages[0]
	}
	if pages[0].status != 200 || pages[1].status != 409 {
		t.Errorf("statuses %d and %d, want 200 and 409", pages[0].status, pages[1].status)
	}
	if strings.Contains(pages[0].path, "/plans/") {
		pages[0] = p.awaited(pages[0])
	}
	p.has(p.awaited(pages[0]), 200, "Finished", "Done 20")
	if jobs := strings.Count(p.get("/jobs").text, `data-title="State"`); jobs != 1 {
		t.Errorf("there are %d jobs", jobs)
	}
	s.restart()
	p.has(p.get(plan.path), 200, "This plan was applied.")
	p.has(p.post(plan.path+"/apply", "changes", "20"), 409, "Nothing was done again")

	limited := p.importFile(account, "all.csv", everybody(20), "license", "LicenseType=Basic", "most", "5%")
	p.has(limited, 200, "This plan changes more users than your limit of 5%")
	p.has(p.post(limited.path+"/apply", "changes", "20"), 422, "cannot be applied")
	for range 5 {
		p.importFile(account, "all.csv", everybody(2), "license", "LicenseType=Basic")
	}
	p.has(p.get(limited.path), 404, "There is no such plan")
	files, err := os.ReadDir(filepath.Join(s.options.Jobs, "plans"))
	if err != nil || len(files) != 2*5 {
		t.Errorf("%d files of plans, %v; want 10", len(files), err)
	}
}

// Whoever may not do it is refused, sees nothing of other people's plans and of other AWS accounts,
// and paths lead nowhere else.
func TestJobs_Rights(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 300)
	may := func(name string, actions ...string) *person {
		return s.person(t, s.key(t, name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["`+strings.Join(actions, `","`)+`"],"Resource":"*"}]}`))
	}
	reader, manager := may("reader", "chime:Get*", "chime:List*", "carillon:ListJobs", "carillon:ReadJob"), may("manager", "chime:*")
	other, _, err := s.keys.EnsureRootKey(t.Context(), "999988887777", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := s.person(t, other)

	p.has(reader.get("/accounts/"+account+"/import"), 200, "Import")
	p.has(reader.importFile(account, "all.csv", everybody(3)), 403, "Your access key may not call BatchUpdateUser")
	p.has(stranger.importFile(account, "all.csv", everybody(3)), 404, "was not found")
	plan := p.importFile(account, "all.csv", everybody(300), "license", "LicenseType=Pro")
	for name, who := range map[string]*person{"reader": reader, "manager": manager, "stranger": stranger} {
		for _, page := range []shown{who.get(plan.path), who.get(plan.path + "/events"), who.post(plan.path+"/apply", "changes", "300")} {
			if page.status != 404 {
				t.Errorf("%s: %s: status %d, want 404", name, page.path, page.status)
			}
		}
	}
	reached, release := s.holds(t)
	job := p.begun(plan, reached, "changes", "300")
	p.has(reader.get(job.path), 200, "Running")
	if !strings.Contains(reader.get(job.path).text, `disabled title="Your access key may not call BatchUpdateUser."`) {
		t.Error("the button is not disabled")
	}
	p.has(reader.post(job.path+"/stop"), 403, "Your access key may not call BatchUpdateUser")
	p.has(manager.get(job.path), 403, "carillon:ReadJob")
	p.has(stranger.post(job.path+"/stop"), 404, "has told of itself")
	release()
	p.has(p.awaited(job), 200, "Finished")
	for _, what := range []string{"", "/events", "/rejects"} {
		p.has(stranger.get(job.path+what), 404, "has told of itself")
	}
	for _, what := range []string{"/stop", "/resume", "/retry", "/undo"} {
		if page := stranger.post(job.path + what); page.status != 404 {
			t.Errorf("%s: status %d, want 404", what, page.status)
		}
		if page := reader.post(job.path + what); page.status != 403 && page.status != 409 {
			t.Errorf("%s: status %d, want 403 or 409", what, page.status)
		}
	}
	id := strings.TrimPrefix(job.path, "/jobs/")
	for _, path := range []string{"/jobs/x", "/jobs/..%2f" + id, "/jobs/plans%2f" + id, "/jobs/" + id + ".jsonl", "/jobs/%2e%2e/rejects", "/jobs/" + id + "%00",
		"/accounts/" + account + "/plans/..%2f..%2f" + id, "/accounts/" + account + "/plans/" + strings.Repeat("A", 26)} {
		if page := p.get(path); page.status != 404 {
			t.Errorf("%s: status %d, want 404", path, page.status)
		}
	}
	// A key sees its own job, though it may not read those of others.
	p.has(manager.apply(manager.importFile(account, "all.csv", everybody(3), "license", "LicenseType=Basic")), 200, "Finished")
}

// A key that is disabled in the middle stops its job, which says so, and others go on with it.
func TestJob_KeyDisabled(t *testing.T) {
	s := start(t, nil)
	key := s.key(t, "colleague", "AmazonChimeFullAccess")
	p, colleague, account := s.person(t, s.root), s.person(t, key), s.roster(t, api.AccountTypeEnterpriseLWA, 300)
	plan := colleague.importFile(account, "all.csv", everybody(300), "license", "LicenseType=Pro")
	reached, release := s.holds(t)
	job := colleague.begun(plan, reached, "changes", "300")
	if _, err := s.keys.Disable(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	release()
	job = p.awaited(job)
	p.has(job, 200, "It ended early:", "disabled", "colleague", "Resume")
	p.has(p.awaited(p.post(job.path+"/resume")), 200, "Finished", "Done 300")
}

// A few jobs run at a time.
func TestJobs_Full(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 20)
	reached, release := s.holds(t)
	var jobs []shown
	for range 4 {
		jobs = append(jobs, p.begun(p.importFile(account, "one.csv", everybody(1), "license", "LicenseType=Pro"), reached))
	}
	plan := p.importFile(account, "one.csv", everybody(1), "license", "LicenseType=Pro")
	p.has(p.post(plan.path+"/apply"), 409, "4 jobs run already", "Apply 1 change")
	release()
	for _, job := range jobs {
		p.has(p.awaited(job), 200, "Finished")
	}
	page := p.awaited(p.post(plan.path + "/apply"))
	p.has(page, 200, "nothing was changed: there is nothing left to change") // the others have done it
}

// Rows that failed are tried again, by themselves or from the file of rejects.
func TestJob_Retry(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 40)
	job := p.apply(p.importFile(account, "new.csv", "email,license\nperson1@example.com,Pro\nlate@example.com,Pro\n"))
	p.has(job, 200, "Done 1", "Failed 1", "no user late@example.com", "Try 1 failed row again")
	late := store.User{AccountID: account, UserID: "late", Email: "late@example.com", License: "Basic", Type: "PrivateUser", Registration: "Registered", PersonalPIN: "9999999999"}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertUsers([]store.User{late}) }); err != nil {
		t.Fatal(err)
	}
	rejects := p.get(job.path + "/rejects")
	if got, want := rejects.header.Get("Content-Disposition"), "attachment; filename=rejects-"+strings.TrimPrefix(job.path, "/jobs/")+".csv"; got != want {
		t.Errorf("Content-Disposition: %q, want %q", got, want)
	}
	p.has(p.importFile(account, "rejects.csv", rejects.text), 200, "To change 1 of 41 users")
	p.has(p.awaited(p.post(job.path+"/retry")), 200, "Finished", "Done 2", "Failed 0")
}

// A job of the command line is watched, and says where it can be gone on with. After a minute
// without a word nobody knows.
func TestJobs_Elsewhere(t *testing.T) {
	var later atomic.Int64
	s := start(t, func() time.Time { return time.Now().Add(time.Duration(later.Load())) })
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 40)
	c := client.Config{Endpoint: s.url, Region: "us-east-1", Service: chime.Service, RoundTripper: s, Credentials: &client.Credentials{AccessKey: s.root.ID, SecretKey: s.root.Secret}}
	id := "20260301-120000-1f3a5c"
	a, err := bulk.Open(bulk.Config{Client: c, Account: account, Job: id})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := a.Plan(t.Context(), bulk.Update, bulk.Selection{All: true}, bulk.PlanOptions{Set: bulk.Values{{Field: bulk.License, Text: "Pro"}}})
	if err != nil {
		t.Fatal(err)
	}
	plan.Job, plan.By = id, "ana@laptop"
	l, err := bulk.Create(filepath.Join(t.TempDir(), "l.jsonl"), plan, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a.Announce(t.Context(), l, "")
	p.has(p.get("/jobs"), 200, "Update users", "Running")
	p.has(p.get("/jobs/"+id), 200, "Running", "begun on the command line", "carillon bulk status carillon-ledger-"+id+".jsonl")
	p.has(p.post("/jobs/"+id+"/stop"), 409, "cannot be done with the job")
	p.has(p.get("/jobs/"+id+"/rejects"), 409, "cannot be done with the job")
	later.Store(int64(2 * time.Minute))
	p.has(p.get("/jobs"), 200, "No word since")
	p.has(p.get("/jobs/"+id), 200, "The service has heard nothing of this job since")
	if _, err := a.Run(t.Context(), l, bulk.RunOptions{}); err != nil {
		t.Fatal(err)
	}
	a.Announce(t.Context(), l, bulk.Finished)
	p.has(p.get("/jobs/"+id), 200, "Finished", "Done 40")
}

// A job may make all calls of a second that its key may. Its page comes nevertheless, and can stop
// it.
func TestJob_TakesAllCalls(t *testing.T) {
	s := start(t, nil)
	calls := s.options.API
	var busy atomic.Int64 // calls of pages that come too soon
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy.Add(-1) >= 0 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		calls.ServeHTTP(w, r)
	})
	s.restart()
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 40)
	reached, release := s.holds(t)
	job := p.begun(p.importFile(account, "all.csv", everybody(40), "license", "LicenseType=Pro"), reached, "changes", "40")
	busy.Store(2)
	p.has(p.get(job.path), 200, "Running", "Stop")
	busy.Store(2)
	p.has(p.post(job.path+"/stop"), 200, "The job finishes the calls that are under way, and stops.")
	busy.Store(2)
	p.has(p.get("/audit"), 200, "root")
	release()
	p.awaited(p.get(job.path))
}

// Who watches a job is sent to sign in when the session ends, and is told when the service does not
// answer.
func TestJob_WatchedWithoutAnswer(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 40)
	reached, release := s.holds(t)
	job := p.begun(p.importFile(account, "all.csv", everybody(40), "license", "LicenseType=Pro"), reached, "changes", "40")
	service, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	var down atomic.Bool
	through := httputil.NewSingleHostReverseProxy(service)
	through.FlushInterval = -1
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		through.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	b := newBrowser(t, manner{})
	defer b.leave()
	b.open(proxy.URL + "/console/ui" + job.path)
	b.fill("Access key ID", s.root.ID)
	b.fill("Secret access key", s.root.Secret)
	b.press("Sign in")
	b.sees("Running")
	down.Store(true)
	proxy.CloseClientConnections()
	b.sees("The service does not answer just now.")
	down.Store(false)
	b.until(func() bool { return !strings.Contains(b.page().text(), "does not answer") }, hung)
	b.sees("Running")
	p.post("/sessions/end-others")
	b.sees("Secret access key")
	b.mu.Lock()
	b.findings = nil // the browser notes that a proxy has answered, and a page of HTML
	b.mu.Unlock()
	release()
	p.awaited(p.get(job.path))
}

// A job that goes on says what it has done before, also while it reads the users, and if the
// service was never told.
func TestJob_ReadingAgain(t *testing.T) {
	s := start(t, nil)
	calls, running, interrupted := s.options.API, tells("running"), tells("interrupted")
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if running(r) || interrupted(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		calls.ServeHTTP(w, r)
	})
	s.restart()
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 400)
	reached, release := s.holds(t)
	job := p.begun(p.importFile(account, "all.csv", everybody(400), "license", "LicenseType=Pro"), reached, "changes", "400")
	p.has(p.post(job.path+"/stop"), 200, "Stopping")
	release()
	job = p.awaited(p.get(job.path))
	bar := regexp.MustCompile(`[1-9]\d* of 400 rows`).FindString(plain(job.text))
	p.has(job, 200, "Interrupted", cmp.Or(bar, "some rows"))
	reading, gate := make(chan struct{}, 100), make(chan struct{})
	hold := func(r *http.Request) {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/users") {
			reading <- struct{}{}
			<-gate
		}
	}
	s.before.Store(&hold)
	p.post(job.path + "/resume")
	<-reading
	p.has(p.get(job.path), 200, "Reading", bar)
	p.has(p.get("/jobs"), 200, "root "+strings.TrimSuffix(bar, " of 400 rows")+" 0 ")
	close(gate)
	p.has(p.awaited(p.get(job.path)), 200, "Finished", "Done 400")
}

// A job that was undone is listed so, also if its undo is on another page, and if both were begun
// on the command line. A job whose undo was undone has finished. No ledger is read for that.
func TestJobs_Undone(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 30)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	heard := func(undoes string, done int, outcome bulk.Outcome) string {
		t.Helper()
		at = at.Add(time.Minute)
		j := store.Job{
			AWSAccountID: awsAccount, JobID: bulk.NewJob(at, 1), AccountID: account, Action: "update", Undoes: undoes, KeyName: "root",
			Began: at, Latest: at, Done: done, Outcome: string(outcome),
		}
		if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertJob(&j) }); err != nil {
			t.Fatal(err)
		}
		return j.JobID
	}
	is := func(job string, texts ...string) {
		t.Helper()
		p.has(p.get("/jobs/"+job), 200, texts...)
	}
	undone := heard("", 11, bulk.Finished)
	back := heard(undone, 12, bulk.Finished)
	twice := heard("", 13, bulk.Finished)
	heard(heard(twice, 14, bulk.Finished), 15, bulk.Finished)
	half := heard("", 16, bulk.Finished)
	heard(half, 17, bulk.Interrupted)
	nothing := heard("", 18, bulk.Finished)
	heard(nothing, 0, bulk.Finished)
	list := p.get("/jobs")
	p.has(list, 200, "11 0 0 Undone", "12 0 0 Finished", "13 0 0 Finished", "14 0 0 Undone", "15 0 0 Finished", "16 0 0 Finished", "18 0 0 Finished")
	is(undone, "Undone", "This job was undone by job "+back)
	is(twice, "Finished")
	is(half, "Finished")
	is(nothing, "Finished")

	early := heard("", 19, bulk.Finished)
	job := p.apply(p.importFile(account, "two.csv", everybody(2), "license", "LicenseType=Pro"))
	_, second := p.undone(job)
	for range 48 {
		heard("", 20, bulk.Finished)
	}
	late := heard(early, 21, bulk.Finished)
	first := p.get("/jobs")
	p.has(first, 200, "undo root 2 0 0 Finished")
	next := regexp.MustCompile(`/jobs(\?next=[^"]+)"`).FindStringSubmatch(first.text)
	if next == nil || strings.Contains(first.text, job.path+`"`) {
		t.Fatalf("the job is not on the second page: %s", plain(first.text))
	}
	is(early, "Undone", "This job was undone by job "+late)
	is(strings.TrimPrefix(job.path, "/jobs/"), "Undone", "This job was undone by job "+strings.TrimPrefix(second.path, "/jobs/"))
	ledger := filepath.Join(s.options.Jobs, strings.TrimPrefix(job.path, "/jobs/")+".jsonl")
	if err := errors.Join(os.WriteFile(ledger, []byte("no ledger"), 0o600), os.Chtimes(ledger, at, at)); err != nil {
		t.Fatal(err)
	}
	p.has(p.get("/jobs"+html.UnescapeString(next[1])), 200, "root 2 0 0 Undone", "11 0 0 Undone", "13 0 0 Finished", "19 0 0 Undone")
}

// undone undoes a job, and returns the pages of the plan and of the job that do so.
func (p *person) undone(job shown) (plan, back shown) {
	p.t.Helper()
	plan = p.awaited(p.post(job.path + "/undo"))
	return plan, p.apply(plan)
}

// RoundTrip carries a request to the API of the service.
func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	s.options.API.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// counted counts what is read of it.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// endless is a file that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// What is no sheet, or too large, is refused with a page that says so, and nothing of it stays.
func TestImport_Refused(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeTeam, 3)
	const gigabyte = 1 << 30
	for _, announced := range []bool{true, false} {
		kind, form := upload("large.csv", io.LimitReader(endless{}, gigabyte))
		body := &counted{Reader: form}
		r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+console.Prefix+"/accounts/"+account+"/import", io.NopCloser(body))
		if err != nil {
			t.Fatal(err)
		}
		if announced {
			r.ContentLength = gigabyte + 1000
		}
		r.Header.Set("Content-Type", kind)
		r.AddCookie(s.cookie(p.token))
		// net/http would lose an answer that it has not read yet when it can send no more.
		conn, err := net.Dial("tcp", r.URL.Host)
		if err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() { r.Write(conn) }) // until the service reads no more
		response, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		conn.Close()
		sending.Wait()
		if err != nil || response.StatusCode != 413 || !strings.Contains(string(text), "at most 50 MiB") {
			t.Errorf("status %d, %v: %s", response.StatusCode, err, plain(string(text)))
		}
		if n := body.n.Load(); n > 80<<20 || announced && n > 30<<20 {
			t.Errorf("%d bytes were read", n)
		}
	}
	for _, tt := range []struct {
		name, rows string
		fields     []string
		status     int
		text       string
	}{
		{"no heading.csv", "person0@example.com\n", nil, 200, "no column names a user"},
		{"nothing to change.csv", "email\nperson0@example.com\n", nil, 200, "no column says what to change"},
		{"empty.csv", "", nil, 200, "the file is empty"},
		{"no.xlsx", "PK\x03\x04 and so on", nil, 200, "damaged or cut off"},
		{"no sheet.csv", "email,license\n", []string{"sheet", "Users"}, 200, `not a workbook, so it has no sheet "Users"`},
		{"condition.csv", "email,license\n", []string{"only", "Oslo"}, 422, `"Oslo" is neither COLUMN=VALUE nor COLUMN!=VALUE`},
		{"condition.csv", "email,license,Team\nperson0@example.com,Pro,Bern\n", []string{"only", "Team=Oslo"}, 200, "no row meets this"},
		{"limit.csv", "email,license\n", []string{"most", "many"}, 422, "neither a number of changes nor a share"},
		{"", "email\n", nil, 422, "Choose a file"},
		{"action.csv", "email\n", []string{"action", "delete"}, 422, "Choose what to do"},
		{"unsuspend.csv", "email\nperson0@example.com\n", []string{"action", "unsuspend"}, 200, "EnterpriseLWA"},
		{"bomb.xlsx", bomb(t), nil, 200, "larger than 256 MiB"},
		{"long.csv", everybody(300_001), nil, 413, "more than 300,000 rows"},
	} {
		p.has(p.importFile(account, tt.name, tt.rows, tt.fields...), tt.status, tt.text)
	}
	long := p.importFile(account, "long.csv", "email,license,"+strings.Repeat("column,", 10_000)+"\n"+strings.Repeat(strings.Repeat("x", 30_000)+"@example.com,Pro\n", 60))
	p.has(long, 200, "Cannot be done 60")
	if len(long.text) > 100_000 {
		t.Errorf("the page of a plan has %d bytes", len(long.text))
	}
	removal := p.importFile(account, "gone.csv", "email\nperson0@example.com\n", "action", "suspend")
	p.has(removal, 200, "This cannot be undone: users who were removed from a Team account are gone for good", "Type 1 to confirm", "UserRegistrationStatus Registered -> Absent 1")
	files, err := filepath.Glob(filepath.Join(s.options.Jobs, "plans", "upload-*"))
	if err != nil || files != nil {
		t.Errorf("left on disk: %v, %v", files, err)
	}
	s.options.Jobs = ""
	s.restart()
	p.has(p.importFile(account, "users.csv", everybody(3)), 409, "keeps no ledgers")
	if _, err := os.Stat("plans"); err == nil {
		t.Error("a console without a folder has made one")
	}
	// No other form takes a file.
	kind, form := upload("large.csv", io.LimitReader(endless{}, 2<<20))
	if page := p.ask("POST", "/accounts/"+account+"/plans/x/apply", kind, form); page.status == 200 {
		t.Errorf("status %d", page.status)
	}
}

// bomb is a workbook whose sheet is much larger than it looks.
func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="x/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":            `<workbook xmlns:r="x"><sheets><sheet name="Users" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="x/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   "",
	} {
		w, err := archive.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err == nil && text == "" {
			_, err = io.Copy(w, io.LimitReader(endless{}, 1<<30))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Users leave as a file, all of them or those whom a search finds, and no cell is a formula.
func TestExport(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 450)
	hostile := store.User{
		AccountID: account, UserID: "h", Email: "h@example.com", DisplayName: `=HYPERLINK("http://evil.example")`, License: "Pro", Type: "PrivateUser",
		Registration: "Registered", PersonalPIN: "9999999999",
	}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.InsertUsers([]store.User{hostile}) }); err != nil {
		t.Fatal(err)
	}
	all := p.get("/accounts/" + account + "/export?format=csv")
	if lines := strings.Count(all.text, "\r\n"); all.status != 200 || lines != 452 || !strings.HasPrefix(all.text, "\uFEFFUserId,") || !strings.Contains(all.text, `"'=HYPERLINK(""http`) {
		t.Errorf("status %d, %d lines: %.300q", all.status, lines, all.text)
	}
	if got := all.header.Get("Content-Disposition"); got != "attachment; filename=users.csv" {
		t.Errorf("Content-Disposition: %q", got)
	}
	found := p.get("/accounts/" + account + "/export?format=jsonl&license=Pro")
	if lines := strings.Count(found.text, "\n"); lines != 1 || !strings.Contains(found.text, "h@example.com") {
		t.Errorf("of a search: status %d: %.300q", found.status, found.text)
	}
	if book := p.get("/accounts/" + account + "/export?format=xlsx"); !strings.HasPrefix(book.text, "PK\x03\x04") {
		t.Errorf("workbook: status %d: %.100q", book.status, book.text)
	}
	p.has(p.get("/accounts/"+account+"/export?format=exe"), 404, "no such page")
	p.has(p.get("/accounts/"+account+"/export?format=csv&registered-from=May"), 422, "A date must be like 2026-03-01")
	if list := p.get("/accounts/" + account + "/users?license=Pro"); !strings.Contains(list.text, `export?format=csv&amp;license=Pro"`) {
		t.Errorf("the list leads to no file: %s", list.text)
	}
	none := s.person(t, s.key(t, "none", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:GetAccount","Resource":"*"}]}`))
	p.has(none.get("/accounts/"+account+"/export?format=csv"), 403, "ListUsers")
	if template := p.get("/accounts/" + account + "/import/template"); template.text != "\uFEFF"+bulk.Template() {
		t.Errorf("template: %q", template.text)
	}
}

func TestScenario_jobs(t *testing.T) {
	scenario(t, "import, stop, resume, undo", func(t *testing.T, v visitor) {
		s := start(t, nil)
		account := s.roster(t, api.AccountTypeEnterpriseLWA, 400)
		signIn(t, v, s)
		v.follow("Jobs")
		v.sees("There have been no jobs.")
		v.open(s.url + console.Prefix + "/accounts/" + account + "/users")
		v.follow("Import")
		accessible(t, v)
		if name, template := v.download("Download a sheet to start from"); name != "users.csv" || !strings.Contains(string(template), "LicenseType") {
			t.Errorf("the template is %s: %q", name, template)
		}
		v.attach("Sheet", "people.csv", []byte("email,license,Lisense\n"+strings.ReplaceAll(strings.TrimPrefix(everybody(400), "email\n"), "\n", ",Pro,\n")+"nobody@example.com,Pro,\n"))
		v.press("Show what would change")
		v.awaits("To change 400 of 400 users", "Cannot be done 1", "Lisense (did you mean LicenseType?)", "Page 1 of 8")
		accessible(t, v)
		v.follow("Last")
		v.sees("person399@example.com")
		v.follow("Cannot be done (1)")
		v.sees("402 nobody@example.com UnknownUser")
		v.fill("Type 400 to confirm", "4")
		v.press("Apply 400 changes")
		v.sees("Type the number of changes to confirm: 400.")
		v.fill("Type 400 to confirm", "400")
		reached, release := s.holds(t)
		v.press("Apply 400 changes")
		<-reached
		v.awaits("Job: Update users", "Running", "of 401 rows")
		accessible(t, v)
		v.press("Stop")
		v.sees("The job finishes the calls that are under way, and stops.")
		release()
		v.awaits("It ended early: somebody has stopped it", "nobody@example.com")
		accessible(t, v)
		v.press("Resume")
		v.awaits("Finished", "Not finished 0")
		if _, rejects := v.download("Failed rows as CSV"); !strings.Contains(string(rejects), "nobody@example.com,Pro,,UnknownUser") {
			t.Errorf("rejects: %q", rejects)
		}
		v.press("Plan to undo it")
		v.awaits("undo of job", "To change 400 of 400 users", "LicenseType Pro -> Basic")
		v.fill("Type 400 to confirm", "400")
		v.press("Apply 400 changes")
		v.awaits("Job: Update users", "Finished", "Done 400")
		v.back()
		v.awaits("This plan was applied.")
		v.follow("Jobs")
		v.sees("Update users undo", "Finished")
		accessible(t, v)
	}, noScript)
}

// Messages about a sheet call what can be chosen as the form does, which has no flags.
func TestImport_Fields(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeTeam, 20)
	table := "email,license,Team,Site\nperson0@example.com,Pro,Oslo,North\nperson1@example.com,Pro,Bern,South\n"
	var book bytes.Buffer // whose first sheet is empty
	workbook := excelize.NewFile()
	if _, err := workbook.NewSheet("People"); err != nil {
		t.Fatal(err)
	}
	if err := workbook.Write(&book); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(workbook.SetSheetCol("Sheet1", "A1", &[]string{"email", "person0@example.com"}), workbook.SetRowVisible("Sheet1", 2, false), workbook.SetCellValue("People", "A1", "Bo")); err != nil {
		t.Fatal(err)
	}
	var hidden bytes.Buffer // whose only row is hidden
	if err := workbook.Write(&hidden); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, rows string
		fields     []string
		text       string
	}{
		{"a.csv", "email,Licnese\nperson0@example.com,Pro\n", nil,
			`not understood: "Licnese" (did you mean LicenseType?); name one of them LicenseType, UserType, IsAlexaForBusinessEnabled, AlexaForBusinessRoomArn, or give “License of all rows”, as in “License of all rows”: Pro`},
		{"b.csv", table, []string{"only", "dept=x"}, `b.csv: “Only some rows”: dept=x: there is no column "dept"`},
		{"c.csv", table, []string{"only", "Team=Olso"}, `c.csv: “Only some rows”: Team=Olso: no row meets this (did you mean Oslo?)`},
		{"d.csv", table, []string{"only", "Team=Oslo\nSite=South"}, `d.csv: no row meets all of “Only some rows”: Team=Oslo, “Only some rows”: Site=South`},
		{"e.csv", "email,license,Team,Team\n", []string{"only", "Team=Oslo"}, `“Only some rows”: Team=Oslo: columns 3 and 4 have this heading`},
		{"f.jsonl", `{"email": "person0@example.com", "license": "Pro"}`, []string{"only", "Team=Oslo"}, `“Only some rows”: Team=Oslo: there is no column "Team"`},
		{"g.csv", table, []string{"only", "Team=Oslo"}, `Left out by “Only some rows”: Team=Oslo 1`},
		{"h.csv", everybody(3), []string{"license", "LicenseType=ProTrial"}, `“License of all rows”: LicenseType ProTrial is not supported by the account`},
		{"i.xlsx", book.String(), nil, `the sheet "Sheet1" is empty; name another one by “Sheet of the workbook”: the workbook has "Sheet1", "People"`},
		{"k.xlsx", hidden.String(), []string{"license", "LicenseType=Pro"}, `Workbook the sheet "Sheet1" is read, and not "People" Workbook 1 row that is hidden in the sheet counts, too`},
		{"j.csv", "email\nnew@example.com\n", []string{"action", "invite"}, "an invitation cannot be taken back; to suspend the users who were invited removes them"},
	} {
		page := p.importFile(account, tt.name, tt.rows, tt.fields...)
		p.has(page, 200, tt.text)
		if flag := regexp.MustCompile(`--[a-z]+|carillon [a-z]+`).FindString(plain(page.text)); flag != "" {
			t.Errorf("%s: the page names %s", tt.name, flag)
		}
	}
}
