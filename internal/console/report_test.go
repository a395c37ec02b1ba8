package console_test

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	cdppage "github.com/chromedp/cdproto/page"

	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/store"
)

func TestReport(t *testing.T) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	s := start(t, nil)
	s.options.Clock = func() time.Time { return now }
	s.console = console.New(s.options)
	account := s.enterprise(t, "Example <b>")
	s.people(t, account, 30) // of whom 10 have the license Basic
	s.enterprise(t, "Other")
	s.write(t, func(tx store.Tx) error {
		return tx.InsertPhoneNumbers([]store.PhoneNumber{{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}})
	})
	var records []store.AuditRecord
	for _, id := range []string{"u1", "u2", "u4"} { // on the first of March
		records = append(records, store.AuditRecord{AccountID: account, Operation: "UpdateUser", Target: id, KeyName: "ci", KeyID: "AKIA1",
			Before: `{"PrimaryEmail": "x@example.com", "LicenseType": "Basic"}`, After: `{"PrimaryEmail": "x@example.com", "LicenseType": "Pro"}`})
	}
	s.addTrail(t, records...)
	p := s.person(t, s.root)
	p.has(p.get("/report"), http.StatusOK, "Example <b>", "Basic 10 0 0", "Pro 20 0 0", "Total 30 0 0", "All accounts", "BusinessCalling 0 1 0")
	page := p.get("/report?since=2026-02-27&account=" + account)
	p.has(page, http.StatusOK, "Basic 10 0 0 -3", "Pro 20 0 0 +3", "Seats over time", "2026-02-27", "2026-03-10", "2026-02-28 13 17", "2026-03-01 10 20", "ci 3 3")
	if !strings.Contains(page.text, "<polyline") || strings.Contains(page.text, "Example <b>") {
		t.Errorf("the page has no chart, or runs what an account is called: %s", page.text)
	}
	for _, since := range []string{"2027-01-01", "yesterday"} {
		p.has(p.get("/report?since="+since), http.StatusUnprocessableEntity, "is no day of the past")
	}
	file := p.get("/report.csv?" + url.Values{"since": {"2026-02-27"}}.Encode())
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.text, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 4 || rows[1][3] != "10" || rows[1][6] != "-3" {
		t.Errorf("the CSV is %v, %v", rows, err)
	}

	// A read-only key may see everything but changes; one that may count alone is told what it lacks.
	reader := s.person(t, s.keyNamed(t, "ana", "AmazonChimeReadOnly"))
	reader.has(reader.get("/report"), http.StatusOK, "Basic 10 0 0")
	reader.has(reader.get("/report?since=2026-02-27"), http.StatusForbidden)
	counter := s.person(t, s.keyNamed(t, "counter", `{"Statement": {"Effect": "Allow", "Action": ["chime:ListAccounts", "carillon:CountUsers"], "Resource": "*"}}`))
	counter.has(counter.get("/report"), http.StatusOK, "Basic 10 0 0", "left out: ListRooms, ListBots, ListPhoneNumbers")
	nobody := s.person(t, s.keyNamed(t, "nobody", `{"Statement": {"Effect": "Allow", "Action": ["chime:*"], "Resource": "*"}}`))
	nobody.has(nobody.get("/report"), http.StatusForbidden)
}

// The report of a few accounts fits on a page of paper.
func TestReport_print(t *testing.T) {
	needsBrowser(t)
	t.Parallel()
	s := start(t, func() time.Time { return time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC) })
	account := s.enterprise(t, "Example Corp")
	s.people(t, account, 120)
	for _, name := range []string{"Example Lab", "Example School"} {
		s.enterprise(t, name)
	}
	s.addTrail(t, pastOf(account)...)
	b := newBrowser(t, manner{})
	defer b.leave()
	signIn(t, b, s)
	b.open(s.url + console.Prefix + "/report?since=2026-02-27")
	b.sees("Seats over time", "Example School")
	paper := call(b, cdppage.PrintToPDF, cdppage.PrintToPDFParams{}).Data
	if pages := len(regexp.MustCompile(`/Type /Page\b`).FindAll(paper, -1)); pages != 1 {
		t.Errorf("printed, the report has %d pages, want 1", pages)
	}
}

func TestScenario_report(t *testing.T) {
	scenario(t, "a summary for the boss", func(t *testing.T, v visitor) {
		s := start(t, nil)
		s.people(t, s.enterprise(t, "Example"), 30)
		signIn(t, v, s)
		v.follow("Report")
		v.sees("Basic", "Pro", "Total")
		accessible(t, v)
		v.fill("Compare since", time.Now().AddDate(0, -1, 0).Format(time.DateOnly))
		v.press("Show")
		v.sees("Seats over time", "Nobody has changed users since then.")
		accessible(t, v)
		if name, content := v.download("Download as CSV"); !strings.HasSuffix(name, ".csv") || !strings.Contains(string(content), "Basic,10") {
			t.Errorf("the file %q has %s", name, content)
		}
	})
}
