package console_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// folder is what a folder held at a moment, by path.
type folder map[string]string

func folderOf(t testing.TB, dir string) folder {
	t.Helper()
	f := folder{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		f[path] = string(text)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return f
}

// ends returns the path of the file whose path ends like this.
func (f folder) ends(with string) string {
	for path := range f {
		if strings.HasSuffix(path, with) && (with != ".jsonl" || !strings.Contains(path, "/")) {
			return path
		}
	}
	return ""
}

// stopsAt makes the console stop at the first call that is like this: reached is closed then. When
// it is killed, nothing of it gets to the API any more, and another console goes on with the folder
// as the former one left it.
func (s *service) stopsAt(t *testing.T, like func(*http.Request) bool) (reached <-chan struct{}, kill func(left folder)) {
	calls, at, gate := s.options.API, make(chan struct{}), make(chan struct{})
	var dead atomic.Bool
	arrive, open := sync.OnceFunc(func() { close(at) }), sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if like(r) {
			arrive()
			<-gate
		}
		if dead.Load() {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		calls.ServeHTTP(w, r)
	})
	s.restart()
	return at, func(left folder) {
		t.Helper()
		former := s.console
		s.options.API, s.options.Jobs = calls, t.TempDir()
		for path, text := range left {
			path = filepath.Join(s.options.Jobs, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		dead.Store(true)
		open()
		former.Stop(t.Context())
		s.restart()
	}
}

// tells is like the call by which a job tells that it begins (no outcome) or how it has ended.
func tells(outcome string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		if r.Method != http.MethodPost || !strings.HasPrefix(r.URL.Path, "/carillon/jobs/") {
			return false
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		var told struct{ Outcome string }
		return err == nil && json.Unmarshal(body, &told) == nil && told.Outcome == outcome
	}
}

func updatesUsers(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/users")
}

// third is like the third call that is like this.
func third(like func(*http.Request) bool) func(*http.Request) bool {
	var n atomic.Int32
	return func(r *http.Request) bool { return like(r) && n.Add(1) >= 3 }
}

// Whenever the service is killed, or the power fails, while a plan is applied: either the plan can
// be applied again, and nothing is left of its job, or the job is there, interrupted, and can be
// resumed.
func TestPlan_Killed(t *testing.T) {
	const users = 100
	// What a ledger is like that was not written to its end.
	cut := func(at func(ledger string) int) func(named, made folder) folder {
		return func(named, made folder) folder {
			left, ledger := maps.Clone(named), made[made.ends(".jsonl")]
			left[made.ends(".jsonl")] = ledger[:at(ledger)]
			return left
		}
	}
	whole := func(ledger string) int { return len(ledger) }
	for _, tt := range []struct {
		name  string
		stop  func(*http.Request) bool
		left  func(named, made folder) folder // when the plan has named its job, and at the stop
		state string                          // of the job, empty for none
	}{
		{name: "before the ledger", stop: tells(""), left: func(named, made folder) folder {
			left := maps.Clone(named)
			delete(left, made.ends(".jsonl"))
			return left
		}},
		{name: "empty ledger", stop: tells(""), left: func(named, _ folder) folder { return named }},
		{name: "in the first line", stop: tells(""), left: cut(func(string) int { return 8 })},
		{name: "further in the first line", stop: tells(""), left: cut(func(string) int { return 30 })},
		{name: "after the first line", stop: tells(""), left: cut(func(l string) int { return strings.Index(l, "\n") + 1 })},
		{name: "in a row", stop: tells(""), left: cut(func(l string) int { return len(l) / 2 })},
		{name: "a row short", stop: tells(""), left: cut(func(l string) int { return strings.LastIndex(l[:len(l)-1], "\n") + 1 })},
		{name: "a byte short", stop: tells(""), left: cut(func(l string) int { return len(l) - 1 })},
		{name: "zeros", stop: tells(""), left: func(named, made folder) folder { // as a loss of power may leave them
			left := cut(func(l string) int { return len(l) / 2 })(named, made)
			path := made.ends(".jsonl")
			left[path] += strings.Repeat("\x00", len(made[path])-len(left[path]))
			return left
		}},
		{name: "before the plan says so", stop: tells(""), state: "Interrupted", left: cut(whole)},
		{name: "while the plan says so", stop: tells(""), state: "Interrupted", left: func(named, made folder) folder {
			left := cut(whole)(named, made)
			left[made.ends(".json")+".partial-123"] = `{"ID":`
			return left
		}},
		{name: "before the service knows", stop: tells(""), state: "Interrupted", left: func(_, made folder) folder { return made }},
		{name: "before the first call", stop: updatesUsers, state: "Interrupted", left: func(_, made folder) folder { return made }},
		{name: "in the middle", stop: third(updatesUsers), state: "Interrupted", left: func(_, made folder) folder { return made }},
		{name: "before the service knows of the end", stop: tells("finished"), state: "Finished", left: func(_, made folder) folder { return made }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s *service
			var mu sync.Mutex
			var named folder
			clock := func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				// The ledger is empty when it asks for the time.
				if s != nil && named == nil {
					if found, err := filepath.Glob(filepath.Join(s.options.Jobs, "*.jsonl")); err == nil && found != nil {
						named = folderOf(t, s.options.Jobs)
					}
				}
				return time.Now()
			}
			started := start(t, clock)
			mu.Lock()
			s = started
			mu.Unlock()
			p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, users)
			reached, kill := s.stopsAt(t, tt.stop)
			plan := p.importFile(account, "all.csv", everybody(users), "license", "LicenseType=Pro")
			p.post(plan.path+"/apply", "changes", fmt.Sprint(users))
			<-reached
			made := folderOf(t, s.options.Jobs)
			mu.Lock()
			left := tt.left(named, made)
			mu.Unlock()
			kill(left)

			id := strings.TrimSuffix(made.ends(".jsonl"), ".jsonl")
			jobs := p.get("/jobs")
			again := p.get(plan.path)
			if tt.state == "" {
				p.has(jobs, 200, "There have been no jobs.")
				p.has(again, 200, "To change 100 of 100 users", "Apply 100 changes")
				if strings.Contains(again.text, "was applied") {
					t.Errorf("the plan was applied: %s", plain(again.text))
				}
				p.has(p.get("/jobs/"+id), 404, "has told of itself")
				if path := folderOf(t, s.options.Jobs).ends(".jsonl"); path != "" {
					t.Errorf("%s is left", path)
				}
				p.has(p.apply(again, "changes", "100"), 200, "Finished", "Done 100")
			} else {
				p.has(jobs, 200, "Update users", tt.state)
				p.has(again, 200, "This plan was applied.", "Job "+id)
				p.has(p.post(plan.path+"/apply", "changes", "100"), 409, "Nothing was done again")
				p.has(p.get("/jobs/"+id), 200, tt.state)
				if tt.state == "Interrupted" {
					p.has(p.awaited(p.post("/jobs/"+id+"/resume")), 200, "Finished", "Not finished 0")
				}
			}
			if got := s.licenses(p, account)["Pro"]; got != users {
				t.Errorf("%d of %d users were changed", got, users)
			}
			jobs = p.get("/jobs")
			p.has(jobs, 200, "Finished")
			if n := strings.Count(jobs.text, `data-title="State"`); n != 1 {
				t.Errorf("%d jobs are listed, want 1", n)
			}
			for path := range folderOf(t, s.options.Jobs) {
				if strings.Contains(path, ".partial-") {
					t.Errorf("%s is left", path)
				}
			}
		})
	}
}

// A job of a key that may not tell of it is known to the service by its ledger only. Whoever may
// see the jobs of the account sees it, and so does the key itself; nobody else does.
func TestJobs_Untold(t *testing.T) {
	s := start(t, nil)
	manages := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"chime:*","Resource":"*"}]}`
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 100)
	manager, other := s.person(t, s.key(t, "manager", manages)), s.person(t, s.key(t, "other", manages))
	root, _, err := s.keys.EnsureRootKey(t.Context(), "999988887777", "", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	stranger := s.person(t, root)
	reached, kill := s.stopsAt(t, updatesUsers)
	plan := manager.importFile(account, "all.csv", everybody(100), "license", "LicenseType=Pro")
	job := manager.post(plan.path+"/apply", "changes", "100")
	<-reached
	if strings.Contains(job.path, "/plans/") {
		job = manager.awaited(job)
	}
	seen := func(state string) {
		t.Helper()
		p.has(p.get("/jobs"), 200, "Update users", state)
		p.has(p.get("/jobs?account="+account), 200, "Update users", state)
		p.has(p.get("/jobs?account=another"), 200, "There have been no jobs.")
		p.has(p.get(job.path), 200, state)
		p.has(manager.get(job.path), 200, state)
		p.has(manager.get("/jobs"), 403, "carillon:ListJobs")
		p.has(other.get(job.path), 403, "carillon:ReadJob")
		p.has(stranger.get("/jobs"), 200, "There have been no jobs.")
		for _, what := range []string{"", "/events", "/rejects"} {
			p.has(stranger.get(job.path+what), 404, "has told of itself")
		}
		for _, what := range []string{"/stop", "/resume", "/retry", "/undo"} {
			p.has(stranger.post(job.path+what), 404, "has told of itself")
			p.has(other.post(job.path+what), 403, "carillon:ReadJob")
		}
	}
	seen("Running")
	kill(folderOf(t, s.options.Jobs))
	seen("Interrupted")
	p.has(manager.awaited(manager.post(job.path+"/resume")), 200, "Finished", "Done 100")
	seen("Finished")
}

// untold begins a job of which the service does not hear.
func (s *service) untold(t *testing.T, account string, at time.Time) *bulk.Ledger {
	t.Helper()
	if err := os.MkdirAll(s.options.Jobs, 0o700); err != nil {
		t.Fatal(err)
	}
	id := bulk.NewJob(at, 0xABCDEF)
	plan := &bulk.Plan{Head: bulk.Head{Action: bulk.Logout, Account: account, Job: id}, Rows: []bulk.Row{{Number: 1, User: "x", Status: bulk.Planned}}}
	l, err := bulk.Create(filepath.Join(s.options.Jobs, id+".jsonl"), plan, func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A program that works on a ledger in the folder may be killed without another word.
func TestJobs_KilledElsewhere(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	l := s.untold(t, account, time.Now())
	p.has(p.get("/jobs"), 200, "Log users out", "Running")
	p.has(p.get("/jobs/"+l.Job), 200, "Running")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	p.has(p.get("/jobs"), 200, "Interrupted")
	p.has(p.get("/jobs/"+l.Job), 200, "Interrupted", "Resume")
}

// A ledger that another program works on is read once, and then what was added to it: people look
// at its job each second.
func TestJobs_LedgerGrowsElsewhere(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	l := s.untold(t, account, time.Now())
	defer l.Close()
	p.has(p.get("/jobs/"+l.Job), 200, "Running", "0 of 1 rows")
	file, err := os.OpenFile(l.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	whole, err := io.ReadAll(file)
	if err == nil { // whoever reads the row again can do nothing with the ledger
		_, err = file.WriteAt([]byte("x"), int64(bytes.IndexByte(whole, '\n')+1))
	}
	if err == nil {
		_, err = file.WriteString(`{"status": "failed", "row": 1, "user": "x", "code": "Gone", "message": "it has left", "at": "2026-11-24T14:00:00Z"}` + "\n")
	}
	if err != nil {
		t.Fatal(err)
	}
	p.has(p.get("/jobs/"+l.Job), 200, "Running", "1 of 1 rows", "Failed 1", "it has left")
	p.has(p.get("/jobs"), 200, "0 1 0 Running")
}

// Jobs that the service has never heard of are on the page of their time.
func TestJobs_UntoldPages(t *testing.T) {
	s := start(t, nil)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 3)
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := s.store.Update(t.Context(), func(tx store.Tx) error {
		for i := range 60 {
			at := began.Add(time.Duration(i) * time.Minute)
			j := store.Job{
				AWSAccountID: awsAccount, JobID: bulk.NewJob(at, uint32(i)), AccountID: account, Action: "update", KeyName: "root",
				Began: at, Latest: at, Outcome: "finished",
			}
			if err := tx.InsertJob(&j); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, after := range []time.Duration{-time.Hour, 5*time.Minute + time.Second, 30*time.Minute + time.Second, 2 * time.Hour} {
		l := s.untold(t, account, began.Add(after))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, l.Job)
	}
	links := regexp.MustCompile(`/jobs/([0-9a-f-]+)"`)
	on := func(page shown) (listed []string) {
		for _, m := range links.FindAllStringSubmatch(page.text, -1) {
			listed = append(listed, m[1])
		}
		return listed
	}
	first := p.get("/jobs")
	next := regexp.MustCompile(`/jobs(\?next=[^"]+)"`).FindStringSubmatch(first.text)
	if next == nil {
		t.Fatalf("there is no second page: %s", plain(first.text))
	}
	second := p.get("/jobs" + html.UnescapeString(next[1]))
	for i, listed := range [][]string{on(first), on(second)} {
		if want := []int{52, 12}[i]; len(listed) != want || !slices.IsSortedFunc(listed, func(a, b string) int { return strings.Compare(b, a) }) {
			t.Errorf("page %d has %d jobs, want %d, the newest first: %v", i+1, len(listed), want, listed)
		}
		for k, id := range ids {
			if want := i == 0 == (k >= 2); slices.Contains(listed, id) != want {
				t.Errorf("page %d: job %s is there: %v, want %v", i+1, id, !want, want)
			}
		}
	}
}

// A job whose last word was lost has finished nevertheless, in the list as on its page.
func TestJobs_LastWordLost(t *testing.T) {
	s := start(t, nil)
	calls, lost := s.options.API, tells("finished")
	s.options.API = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		calls.ServeHTTP(w, r)
	})
	s.restart()
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeEnterpriseLWA, 40)
	job := p.apply(p.importFile(account, "one.csv", everybody(1), "license", "LicenseType=Pro"))
	for _, when := range []string{"at once", "after another start"} {
		t.Log(when)
		p.has(job, 200, "Finished", "Done 1")
		p.has(p.get("/jobs"), 200, "Update users", "1 0 0 Finished")
		s.restart()
	}
}
