package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

func TestClock(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	for _, path := range []string{"/clock", "/clock/advance", "/clock/set", "/clock/freeze", "/clock/run"} {
		p.has(p.get(path), http.StatusNotFound, "There is no such page.")
		p.has(p.post(path, "by", "1h"), http.StatusNotFound, "There is no such page.")
	}

	clock, _ := s.forTests(t)
	p.has(p.get("/clock"), http.StatusOK, "Goes on", "Clock")
	p.has(p.post("/clock/set", "now", "2030-03-01T12:00"), http.StatusOK, "The clock was changed.", "2030-03-01 12:0")
	p.has(p.post("/clock/freeze"), http.StatusOK, "Stands still")
	frozen := clock.Now()
	p.has(p.post("/clock/advance", "by", "7d"), http.StatusOK, "The clock was changed.", "2030-03-08", "Stands still")
	if got := clock.Now().Sub(frozen); got != 7*24*time.Hour {
		t.Errorf("the clock went forward by %v", got)
	}
	p.has(p.post("/clock/run"), http.StatusOK, "Goes on")
	p.has(p.post("/clock/advance", "by", "a week"), http.StatusUnprocessableEntity, `advance is "a week"`)
	p.has(p.post("/clock/set", "now", "2500-01-01"), http.StatusUnprocessableEntity, "the years 1970 to 2199")
	p.has(p.post("/clock/set", "now", "<b>"), http.StatusUnprocessableEntity, "<b> is no time")
	p.has(p.get("/clock/set"), http.StatusMethodNotAllowed)
}

// What has expired, and what has not been heard of for a while, goes by the clock that tests move.
func TestClock_PagesGoByIt(t *testing.T) {
	s := start(t, nil)
	clock, _ := s.forTests(t)
	p, account := s.person(t, s.root), s.roster(t, api.AccountTypeTeam, 1)
	key := s.keyNamed(t, "ci", "AmazonChimeReadOnly")
	p.has(p.post("/clock/set", "now", "2040-03-01T12:00"), http.StatusOK)
	made := p.post("/keys", "name", "until", "policy", "AmazonChimeReadOnly", "expires", "2040-03-02")
	p.has(made, http.StatusOK, "Key until was created.")
	p.has(p.get("/keys"), http.StatusOK, "until", "2040-03-02", "In use")
	if strings.Contains(plain(p.get("/keys").text), "Expired") {
		t.Error("a key has expired by the clock of the machine")
	}
	job := "20400301-120000-1f3a5c"
	if err := s.store.Update(t.Context(), func(tx store.Tx) error {
		at := clock.Now()
		return tx.InsertJob(&store.Job{
			AWSAccountID: awsAccount, JobID: job, AccountID: account, Action: "update", KeyID: key.ID, KeyName: key.Name, Began: at, Latest: at, Outcome: "running",
		})
	}); err != nil {
		t.Fatal(err)
	}
	p.has(p.get("/jobs"), http.StatusOK, "Running")
	p.has(p.get("/report?since=2040-02-28"), http.StatusOK, "2040-03-01")
	p.has(p.post("/clock/advance", "by", "1d"), http.StatusOK)
	p.has(p.get("/keys"), http.StatusOK, "Expired")
	p.has(p.get("/jobs"), http.StatusOK, "No word since")
	p.has(p.post("/clock/set", "now", "2020-03-01T12:00"), http.StatusOK)
	if strings.Contains(plain(p.get("/keys").text), "Expired") {
		t.Error("a key that works again is said to have expired")
	}
}

func TestScenario_clock(t *testing.T) {
	scenario(t, "the clock of a service for tests", func(t *testing.T, v visitor) {
		s := start(t, nil)
		s.forTests(t)
		signIn(t, v, s)
		v.follow("Clock")
		v.sees("Goes on")
		accessible(t, v)
		v.press("Freeze the clock")
		v.sees("Stands still")
		v.fill("Forward by", "36h")
		v.press("Advance: carillon command")
		v.sees("carillon clock advance 36h")
		accessible(t, v)
		v.follow("Cancel")
		v.fill("Forward by", "24h")
		v.press("Advance")
		v.sees("The clock was changed.", "Stands still")
		v.press("Let the clock go on")
		v.sees("Goes on")
	})
}
