package bulk_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/carillon-project/carillon/internal/bulk"
)

// job is a random job on a random directory.
type job struct {
	kind    string // of the account
	action  bulk.Action
	users   []user
	rows    string // a CSV
	refused map[string]string
	trials  trials
	seed    uint64
}

func drawJob(t *rapid.T, actions ...bulk.Action) job {
	j := job{kind: "EnterpriseLWA", refused: map[string]string{}}
	j.action = rapid.SampledFrom(actions).Draw(t, "action")
	if j.action == bulk.Invite || j.action == bulk.Suspend && rapid.Bool().Draw(t, "team") {
		j.kind = "Team"
	}
	j.users = people(rapid.IntRange(1, 150).Draw(t, "users"))
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	one := func(texts ...string) string { return texts[random.IntN(len(texts))] }
	j.rows = "email,UserId,license,UserType,Alexa,AlexaArn\n"
	for i := range j.users {
		u := &j.users[i]
		u.UserRegistrationStatus = one("Registered", "Suspended")
		if one("person", "person", "room") == "room" {
			u.UserType = "SharedDevice"
			if one("deaf", "listening") == "listening" {
				u.AlexaForBusinessMetadata = alexa{true, one("", "arn:aws:a4b:room/1")}
			}
		}
		switch random.IntN(10) {
		case 0:
			j.refused[u.UserId] = "Forbidden"
			continue
		case 1: // not in the file
			continue
		}
		id := one(u.UserId, "")
		email := one(strings.ToUpper(u.PrimaryEmail), strings.ToLower(u.PrimaryEmail))
		if id != "" {
			email = one(email, "")
		}
		userType := one("", "", "PrivateUser", "SharedDevice")
		arn := ""
		if userType == "SharedDevice" {
			arn = one("", "arn:aws:a4b:room/2")
		}
		row := strings.Join([]string{email, id, one("Pro", "Basic", ""), userType, one("", "", "TRUE", "no"), arn}, ",") + "\n"
		if userType == "PrivateUser" || userType == "" { // Alexa is for devices
			row = strings.Join([]string{email, id, one("Pro", "Basic", ""), userType, "", ""}, ",") + "\n"
		}
		j.rows += row
		switch random.IntN(20) {
		case 0:
			j.rows += row // twice
		case 1:
			j.rows += fmt.Sprintf("nobody%d@example.com,,Pro,,,\n", i)
		case 2:
			j.rows += email + "," + id + ",Gold,,,\n"
		}
	}
	if j.action == bulk.Invite {
		for i := range random.IntN(120) {
			j.rows += fmt.Sprintf("new%d@example.com,,,,,\n", i)
			if random.IntN(10) == 0 {
				j.refused[fmt.Sprintf("new%d@example.com", i)] = "Failed"
			}
		}
	}
	share := rapid.Float64Range(0, 0.12)
	j.trials = trials{share.Draw(t, "throttled"), share.Draw(t, "failed"), share.Draw(t, "failedLate"), share.Draw(t, "dropped"), share.Draw(t, "lost"), share.Draw(t, "page")}
	j.seed = rapid.Uint64().Draw(t, "luck")
	return j
}

// service starts a service with the directory of the job.
func (j *job) service(t rapidT, hard bool) *fake {
	f := newFake(t, j.kind, j.users)
	f.refuse = j.refused
	f.random = rand.New(rand.NewPCG(j.seed, 1))
	if hard {
		f.trials = j.trials
	}
	return f
}

func (j *job) plan(t rapidT, a *bulk.Account) *bulk.Plan {
	t.Helper()
	table, err := bulk.ReadRows(strings.NewReader(j.rows), "rows.csv", bulk.RowOptions{Action: j.action})
	if err != nil {
		t.Fatalf("reading rows: %v", err)
	}
	plan, err := a.Plan(t.(interface{ Context() context.Context }).Context(), j.action, bulk.Selection{Wishes: table.Wishes},
		bulk.PlanOptions{Source: "rows.csv", Columns: table.Columns, Type: j.kind})
	if err != nil {
		t.Fatalf("planning: %v", err)
	}
	plan.Job = "j"
	return plan
}

func create(t rapidT, path string, p *bulk.Plan) *bulk.Ledger {
	t.Helper()
	l, err := bulk.Create(path, p, time.Now)
	if err != nil {
		t.Fatalf("creating the ledger: %v", err)
	}
	return l
}

// run carries out a ledger to its end.
func run(t rapidT, ctx context.Context, a *bulk.Account, l *bulk.Ledger) {
	t.Helper()
	if _, err := a.Run(ctx, l, bulk.RunOptions{}); err != nil {
		t.Fatalf("running: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("closing the ledger: %v", err)
	}
}

func scratch(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "bulk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A job is killed when its ledger has any number of bytes. Its service throttles, fails and loses
// answers. After resume the users are as after one undisturbed run.
func TestResumeEqualsOneCleanRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		j := drawJob(t, bulk.Update, bulk.Update, bulk.Suspend, bulk.Unsuspend, bulk.Invite)
		dir := scratch(t)

		calm := j.service(t, false)
		a := open(t, calm, "j")
		plan := j.plan(t, a)
		clean := create(t, filepath.Join(dir, "clean.jsonl"), plan)
		run(t, t.Context(), a, clean)
		size, err := os.Stat(clean.Path)
		if err != nil {
			t.Fatal(err)
		}

		hard := j.service(t, true)
		path := filepath.Join(dir, "ledger.jsonl")
		deaths := rapid.SliceOfN(rapid.Int64Range(0, size.Size()+500), 0, 3).Draw(t, "deaths")
		slices.Sort(deaths)
		var l *bulk.Ledger
		for n := 0; ; n++ {
			// The service sees how long the ledger is when a call comes. If it is longer than the
			// byte at which the program dies, a program would not have made that call.
			ctx, kill := context.WithCancel(t.Context())
			hard.mu.Lock()
			hard.before = nil
			if n < len(deaths) {
				hard.before = func(string) bool {
					info, err := os.Stat(path)
					if err == nil && info.Size() > deaths[n] {
						kill()
						return false
					}
					return true
				}
			}
			hard.mu.Unlock()
			a := open(t, hard, "j")
			err := attempt(t, ctx, &j, a, path, &l)
			kill()
			a.Close()
			if err == nil && n >= len(deaths) {
				break
			}
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatalf("attempt %d: %v", n, err)
			}
			if n < len(deaths) {
				truncate(t, path, deaths[n])
			}
		}
		if got, want := hard.state(), calm.state(); !reflect.DeepEqual(got, want) {
			t.Errorf("the directory differs from that of a clean run:\n%s", strings.Join(differences(want, got), "\n"))
		}
		if got, want := outcomes(l), outcomes(clean); !slices.Equal(got, want) {
			t.Errorf("the rows ended differently:\n got %v\nwant %v", got, want)
		}
	})
}

// attempt starts a job or resumes it.
func attempt(t *rapid.T, ctx context.Context, j *job, a *bulk.Account, path string, l **bulk.Ledger) error {
	opened, err := bulk.OpenLedger(path, time.Now)
	input, bad := errors.AsType[*bulk.InputError](err)
	switch {
	case err == nil:
		if err := a.Resume(ctx, opened); err != nil {
			opened.Close()
			return err
		}
	case bad && (strings.Contains(input.Text, "no such file") || strings.Contains(input.Text, "no call was made") || strings.Contains(input.Text, "first line")):
		os.Remove(path)
		opened = create(t, path, j.plan(t, a))
	default:
		return err
	}
	*l = opened
	_, err = a.Run(ctx, opened, bulk.RunOptions{})
	return errors.Join(err, opened.Close())
}

func truncate(t *rapid.T, path string, size int64) {
	if info, err := os.Stat(path); err == nil && info.Size() > size {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
	}
}

// Plan and apply agree row by row: the directory changes as the plan says, for the rows that are
// done and for nobody else.
func TestPlanAndApplyAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		j := drawJob(t, bulk.Update, bulk.Suspend, bulk.Unsuspend)
		f := j.service(t, true)
		a := open(t, f, "j")
		plan := j.plan(t, a)
		want := f.state()
		l := create(t, filepath.Join(scratch(t), "ledger.jsonl"), plan)
		run(t, t.Context(), a, l)
		for i, r := range l.Rows {
			planned := plan.Rows[i]
			end := planned.Status
			switch {
			case end == bulk.Planned && j.refused[r.User] != "":
				end = bulk.Failed
			case end == bulk.Planned:
				end = bulk.Done
			}
			if r.Status != end {
				t.Errorf("row %d, %s in the plan, ended as %s (%s), want %s", r.Number, planned.Status, r.Status, r.Message, end)
			}
			if r.Status != bulk.Done {
				continue
			}
			u := want[r.User]
			for _, v := range planned.To {
				switch v.Field {
				case bulk.License:
					u.LicenseType = v.Text
				case bulk.UserType:
					u.UserType = v.Text
				case bulk.AlexaEnabled:
					u.AlexaForBusinessMetadata.IsAlexaForBusinessEnabled = v.Text == "true"
				case bulk.AlexaARN:
					u.AlexaForBusinessMetadata.AlexaForBusinessRoomArn = v.Text
				case bulk.Registration:
					u.UserRegistrationStatus = v.Text
				}
			}
			want[r.User] = u
			if u.UserRegistrationStatus == "Absent" {
				delete(want, r.User)
			}
		}
		if got := f.state(); !reflect.DeepEqual(got, want) {
			t.Errorf("the directory is not as planned:\n%s", strings.Join(differences(want, got), "\n"))
		}
		again := j.plan(t, a)
		left := 0
		for _, r := range again.Rows {
			if r.Status == bulk.Planned && j.refused[r.User] == "" {
				left++
			}
		}
		if left != 0 {
			t.Errorf("the same rows still plan %d changes, want none: %+v", left, again.Rows)
		}
	})
}

// Rollback after apply restores the directory, except for users whom somebody else changed since.
// Their rows fail, and the users stay as they are.
func TestRollbackRestores(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		j := drawJob(t, bulk.Update, bulk.Suspend, bulk.Unsuspend)
		j.kind = "EnterpriseLWA"
		f := j.service(t, true)
		want := f.state()
		a := open(t, f, "j")
		dir := scratch(t)
		l := create(t, filepath.Join(dir, "ledger.jsonl"), j.plan(t, a))
		run(t, t.Context(), a, l)

		touched := map[string]bool{} // by somebody else
		random := rand.New(rand.NewPCG(j.seed, 3))
		for _, r := range l.Rows {
			_, license := r.To.Get(bulk.License)
			_, registration := r.To.Get(bulk.Registration)
			if r.Status == bulk.Done && (license || registration) && random.IntN(8) == 0 {
				touched[r.User] = true
				u := f.users[r.User]
				if license {
					u.LicenseType = "Plus"
				} else {
					u.UserRegistrationStatus = "Unregistered"
				}
			}
		}
		read, err := bulk.ReadLedger(l.Path)
		if err != nil {
			t.Fatalf("reading the ledger: %v", err)
		}
		plan, err := a.Rollback(t.Context(), read)
		if err != nil {
			t.Fatalf("planning the rollback: %v", err)
		}
		for _, r := range plan.Rows {
			if drifted := r.Code == "Drifted"; drifted != touched[r.User] {
				t.Errorf("%s was touched: %v; in the rollback it is %s %q", r.User, touched[r.User], r.Status, r.Code)
			}
		}
		plan.Job = "back"
		back := create(t, filepath.Join(dir, "back.jsonl"), plan)
		run(t, t.Context(), a, back)
		got := f.state()
		for id := range touched {
			delete(got, id)
			delete(want, id)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the directory is not as before:\n%s", strings.Join(differences(want, got), "\n"))
		}
	})
}
