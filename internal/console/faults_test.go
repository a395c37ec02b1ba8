package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/document"
)

func TestFaults(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	for _, path := range []string{"/faults", "/faults/events", "/faults/json", "/faults/clear", "/faults/r1/remove"} {
		p.has(p.get(path), http.StatusNotFound, "There is no such page.")
		p.has(p.post(path, "code", "NotFoundException"), http.StatusNotFound, "There is no such page.")
	}

	_, programs := s.forTests(t)
	listing := func() error { return s.program(t, programs, "ListAccounts", document.NewObject()) }
	p.has(p.get("/faults"), http.StatusOK, "There are no rules", "No rule has fired yet.", "ThrottledClientException", "PhoneNumberAssociationsExist")
	p.has(p.post("/faults", "operation", "ListAccounts", "where", "before", "code", "ThrottledClientException", "count", "1"), http.StatusOK,
		"The rule was added.", "429 ThrottledClientException", "Fires 1 time")
	if err := listing(); err == nil || !strings.Contains(err.Error(), "ThrottledClientException") {
		t.Errorf("got %v, want the fault", err)
	}
	if err := listing(); err != nil {
		t.Errorf("got %v, want one fault", err)
	}
	p.has(p.get("/accounts"), http.StatusOK) // which asks for accounts, too
	p.has(p.get("/faults"), http.StatusOK, "Key "+s.root.ID)
	p.changes("/faults", []string{"operation", "ListPhoneNumbers", "where", "before", "code", "NotFoundException"}, "The rule was added.")
	if err := s.program(t, programs, "ListPhoneNumbers", document.NewObject()); err == nil {
		t.Error("the second rule does nothing")
	}
	_, firings, _ := strings.Cut(plain(p.get("/faults").text), "What has failed")
	if latest, former := strings.Index(firings, "ListPhoneNumbers"), strings.Index(firings, "ListAccounts"); latest < 0 || former < latest {
		t.Errorf("the latest firing does not come first: %s", firings)
	}
	p.changes("/faults/r2/remove", nil, "The rule was removed.")
	p.has(p.post("/faults/json", "rules", `[{"id": "slow", "skip": 2, "probability": 0.5, "expires": "7d", "user": "*@example.com", "test": "T",
		"effect": {"latency": {"ms": 30, "jitter": 5}}}, {"id": "broken", "where": "after", "effect": {"connection": "truncate"}}]`), http.StatusOK,
		"The rules were added.", "30 ms late", "Give or take 5 ms", "Not the first 2", "Probability 0.5", "Expires after 7d", "User *@example.com", "Test T",
		"All operations", "After the work, which is done", "Closed after half of the answer")
	p.has(p.post("/faults/slow/remove"), http.StatusOK, "The rule was removed.", "broken")

	p.has(p.post("/faults/slow/remove"), http.StatusNotFound, "There is no rule slow any more.")

	// What is refused is shown again, and changes nothing.
	p.has(p.post("/faults", "operation", "ListAccounts", "where", "item", "code", "Throttled"), http.StatusUnprocessableEntity, "where: ListAccounts is no batch")
	p.has(p.post("/faults", "where", "before", "count", "<b>", "connection", "reset"), http.StatusUnprocessableEntity, `count: must be a whole number from 1`, `"<b>"`)
	p.has(p.post("/faults", "where", "before"), http.StatusUnprocessableEntity, "effect: needs one of")
	p.has(p.post("/faults/json", "rules", `[{"effect": {"code": "Nonsense"}}]`), http.StatusUnprocessableEntity, `[0].effect.code: the API has no exception "Nonsense"`)
	p.has(p.post("/faults/json", "rules", `[`), http.StatusUnprocessableEntity, "not valid JSON")
	if got := s.faults.Fired(); len(got) != 2 || got["r1"] != 1 || got["broken"] != 0 {
		t.Errorf("the rules are %v", got)
	}
	p.has(p.post("/faults/clear"), http.StatusOK, "All rules were removed.", "There are no rules")
}

func TestStates(t *testing.T) {
	s := start(t, nil)
	p := s.person(t, s.root)
	clock, _ := s.forTests(t)
	p.changes("/faults/json", []string{"rules", `{"id": "the-rule", "effect": {"statusCode": 503}}`}, "The rules were added.")
	p.changes("/clock/set", []string{"now", "2030-03-01T12:00"}, "The clock was changed.")
	p.changes("/accounts", []string{"new", "Former"})
	p.changes("/snapshots", []string{"snapshot", "half-way"}, "The snapshot was saved.", "half-way", "KiB")
	p.changes("/accounts", []string{"new", "Later"})
	p.has(p.get("/snapshots/half-way/load/ask"), http.StatusOK, "become those of the snapshot half-way", "This cannot be undone.", "carillon snapshot load half-way")
	p.changes("/snapshots/half-way/load", nil, "The snapshot was loaded.", "the-rule")
	if page := plain(p.get("/accounts").text); !strings.Contains(page, "Former") || strings.Contains(page, "Later") {
		t.Errorf("the accounts are not those of the snapshot: %s", page)
	}
	p.has(p.get("/reset/ask?keep=yes"), http.StatusOK, "The data stays.", "carillon reset --keep-data")
	p.changes("/reset", []string{"keep", "yes"}, "The service was reset.", "There are no rules")
	if now := clock.Now(); now.Year() == 2030 {
		t.Errorf("the clock shows %v", now)
	}
	p.has(p.get("/accounts"), http.StatusOK, "Former")
	p.changes("/reset", nil, "The service was reset.")
	if page := p.get("/accounts"); page.status != http.StatusOK || strings.Contains(page.text, "Former") {
		t.Errorf("the accounts are not those of the start: %d, %s", page.status, plain(page.text))
	}
	p.changes("/snapshots/half-way/delete", nil, "The snapshot was deleted.")
	p.has(p.post("/snapshots/half-way/delete"), http.StatusNotFound, "There is no snapshot half-way any more.")
	for _, name := range []string{"", "..", "a/b", ".seed", "<b>"} {
		p.has(p.post("/snapshots", "snapshot", name), http.StatusUnprocessableEntity, "a snapshot cannot be called")
	}
}

func TestScenario_faults(t *testing.T) {
	scenario(t, "a program is throttled, and the other user of a batch is not", func(t *testing.T, v visitor) {
		s := start(t, nil)
		_, programs := s.forTests(t)
		signIn(t, v, s)
		v.follow("Faults")
		v.sees("There are no rules: nothing fails.", "No rule has fired yet.")
		accessible(t, v)
		v.choose("Operation", "ListAccounts")
		v.choose("Error", "429 ThrottledClientException")
		v.fill("Times", "1")
		v.press("Add rule: carillon command")
		v.sees("carillon fault add --operation ListAccounts --where before --count 1 --code ThrottledClientException")
		accessible(t, v)
		v.press("Add rule")
		v.sees("The rule was added.", "Fires 1 time")
		if err := s.program(t, programs, "ListAccounts", document.NewObject()); err == nil {
			t.Error("the program is not throttled")
		}
		v.awaits("Key " + s.root.ID) // has failed
		accessible(t, v)
		v.press("Remove rule r1")
		v.sees("The rule was removed.", "There are no rules")
		v.fill("User", "*")
		v.press("Add rule")
		v.sees("effect: needs one of statusCode, code, latency and connection")
		v.fill("Name of a snapshot", "before")
		v.press("Save snapshot")
		v.sees("The snapshot was saved.")
		accessible(t, v)
		v.press("Load snapshot before")
		v.sees("The data and the clock become those of the snapshot before.", "This cannot be undone.", "carillon snapshot load before")
		accessible(t, v)
		v.press("Load")
		v.sees("The snapshot was loaded.")
		v.check("Keep the data")
		v.press("Reset")
		v.sees("The data stays.", "carillon reset --keep-data")
		v.press("Reset")
		v.sees("The service was reset.", "There are no rules", "No rule has fired yet.")
	})
}
