package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// addTrail adds records to the trail, the i-th of them i seconds after the beginning of March.
func (s *service) addTrail(t *testing.T, records ...store.AuditRecord) {
	t.Helper()
	for i := range records {
		r := &records[i]
		r.AWSAccountID, r.Time = awsAccount, time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)
	}
	if err := s.store.Update(t.Context(), func(tx store.Tx) error { return tx.AppendAudit(records) }); err != nil {
		t.Fatal(err)
	}
}

func TestAudit(t *testing.T) {
	s := start(t, nil)
	const account = "01890a5d-ac96-774b-bcce-b302099a8057"
	records := make([]store.AuditRecord, 120)
	for i := range records {
		records[i] = store.AuditRecord{AccountID: account, Operation: "UpdateUser", Target: fmt.Sprint("user-", i), KeyID: "AKIA1", KeyName: "ci", UserAgent: "carillon-bulk/1 job/j7",
			Before: `{"LicenseType": "Basic"}`, After: `{"LicenseType": "Pro"}`}
	}
	records[3].KeyName, records[3].KeyID, records[3].Operation, records[3].UserAgent = "<b>eve</b>", "AKIA2", "InviteUsers", "x/1 <script>alert(1)</script>"
	records[3].After = `{"PrimaryEmail": "\u003cimg src=x>@example.com", "DisplayName": "=1+1"}`
	records[3].Before = ""
	s.addTrail(t, records...)
	token := s.signIn(t, s.root)
	read := func(query string) (string, []string) {
		t.Helper()
		status, _, text, _ := s.as(t, token, "GET", "/audit?"+query, nil)
		holds(t, query, status, 200, text)
		var found []string
		for _, m := range regexp.MustCompile(`<code>(user-\d+)</code>`).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		if len(text) > 100_000 {
			t.Errorf("%s: the page has %d bytes", query, len(text))
		}
		return text, found
	}
	next := func(text string) string {
		m := regexp.MustCompile(`href="/console/ui/audit\?([^"]*token=[^"]*)"`).FindStringSubmatch(text)
		if m == nil {
			return ""
		}
		return strings.ReplaceAll(m[1], "&amp;", "&")
	}
	_, found := read("")
	if len(found) < 45 || found[0] != "user-119" {
		t.Errorf("the first page has %v", found)
	}
	for query, want := range map[string]int{"": 120, "key=ci": 119, "key=AKIA2": 1, "operation=InviteUsers": 1, "job=j7": 119, "user=user-7": 1, "account=" + account: 120,
		"since=2026-03-01T12:00&until=2026-03-01T12:01": 60, "since=2026-03-02T00:00:00Z": 0, "user=%3Cimg+src%3Dx%3E%40example.com": 1} {
		var all []string
		for at := query; ; {
			text, found := read(at)
			all = append(all, found...)
			if at = next(text); at == "" {
				break
			}
		}
		if len(all) != want {
			t.Errorf("%s: %d records, want %d", query, len(all), want)
		}
	}
	text, _ := read("user=user-3")
	for _, hostile := range []string{"<script>alert", "<b>eve", "<img"} {
		if strings.Contains(text, hostile) {
			t.Errorf("the page runs %s", hostile)
		}
	}
	text, _ = read("user=user-7")
	holds(t, "before and after", 200, 200, text, `<th scope="row">LicenseType</th><td>Basic</td><td>Pro</td>`, `<time datetime="2026-03-01T12:00:07.000Z">`, `<a href="/console/ui/jobs/j7">job j7</a>`)

	status, _, text, _ := s.as(t, token, "GET", "/audit?since=yesterday", nil)
	holds(t, "no time", status, 422, text, "yesterday is no time")
	status, _, text, _ = s.as(t, token, "GET", "/audit?token=x", nil)
	holds(t, "no token", status, 422, text, "NextToken was not given out")

	status, _, text, _ = s.as(t, token, "GET", "/audit.csv?"+url.Values{"account": {account}}.Encode(), nil)
	holds(t, "CSV", status, 200, text)
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 121 || rows[1][4] != "user-119" {
		t.Errorf("the CSV has %d rows, %v", len(rows), err)
	}
	status, _, text, _ = s.as(t, token, "GET", "/audit.json?key=AKIA2", nil)
	holds(t, "JSON", status, 200, text)
	var trail struct{ AuditRecords []struct{ Target string } }
	if err := json.Unmarshal([]byte(text), &trail); err != nil || len(trail.AuditRecords) != 1 || trail.AuditRecords[0].Target != "user-3" {
		t.Errorf("the JSON is %s, %v", text, err)
	}

	// Who may not read the trail reads none of it.
	colleague := s.signIn(t, s.keyNamed(t, "colleague", "AmazonChimeReadOnly"))
	for _, path := range []string{"/audit", "/audit.csv", "/audit.json"} {
		status, _, text, _ := s.as(t, colleague, "GET", path, nil)
		holds(t, path, status, 403, text, "does not allow")
		if strings.Contains(text, "user-1") {
			t.Errorf("%s shows records", path)
		}
	}
	// A policy of one's own that allows only this shows the page without lists to choose from.
	reader := s.signIn(t, s.keyNamed(t, "reader", `{"Statement": {"Effect": "Allow", "Action": "carillon:ReadAudit", "Resource": "*"}}`))
	status, _, text, _ = s.as(t, reader, "GET", "/audit", nil)
	holds(t, "the trail of who may only read it", status, 200, text, "user-119")
}

// Who names an account finds its records, and who misspells an operation learns it.
func TestAudit_Names(t *testing.T) {
	s := start(t, nil)
	p, acme, other := s.person(t, s.root), s.enterprise(t, "Acme"), s.enterprise(t, "Other")
	s.addTrail(t, store.AuditRecord{AccountID: acme, Operation: "UpdateUser", Target: "user-1"}, store.AuditRecord{AccountID: other, Operation: "UpdateUser", Target: "user-2"})
	found := p.get("/audit?account=Acme&operation=UpdateUser")
	p.has(found, 200, "user-1")
	if strings.Contains(found.text, "user-2") || !strings.Contains(found.text, "audit.csv?account="+acme) {
		t.Errorf("the account that was named is not taken: %s", plain(found.text))
	}
	p.has(p.get("/audit?operation=UpdateUsers"), 200, "There is no operation UpdateUsers.")
	s.enterprise(t, "Acme")
	p.has(p.get("/audit?account=Acme"), 200, "There are no such records of Acme.")
	p.has(p.get("/audit?account=Nobody"), 200, "There are no such records of Nobody.")
}

func TestScenario_audit(t *testing.T) {
	scenario(t, "who changed what", func(t *testing.T, v visitor) {
		s := start(t, nil)
		s.addTrail(t, store.AuditRecord{Operation: "UpdateUser", Target: "user-1", KeyName: "ci", UserAgent: "carillon-bulk/1 job/j7", Before: `{"LicenseType": "Basic"}`, After: `{"LicenseType": "Pro"}`},
			store.AuditRecord{Operation: "LogoutUser", Target: "user-2", KeyName: "ana"},
			store.AuditRecord{Operation: "CreateBot", Target: "bot-1", KeyName: "ana", After: `{"DisplayName": "Lunch", "BotType": "ChatBot"}`},
			store.AuditRecord{Operation: "InviteUsers", Target: "user-3", KeyName: "ana",
				After: `{"PrimaryEmail": "bo@example.com", "LicenseType": "Plus", "UserType": "PrivateUser", "UserRegistrationStatus": "Unregistered", "UserInvitationStatus": "Pending", "InviteId": "i1"}`})
		signIn(t, v, s)
		v.follow("Audit trail")
		v.sees("LogoutUser", "UpdateUser", "Member Before After LicenseType Basic Pro", "2 new values DisplayName Lunch, BotType ChatBot")
		v.seesNot("UserType PrivateUser")
		v.press("6 new values")
		v.sees("LicenseType Plus, UserType PrivateUser")
		accessible(t, v)
		v.fill("Key", "ci")
		v.press("Search")
		v.sees("UpdateUser", "job j7")
		v.seesNot("LogoutUser")
		name, content := v.download("CSV")
		if !strings.HasPrefix(name, "audit-") || !strings.Contains(string(content), "user-1") || strings.Contains(string(content), "user-2") {
			t.Errorf("the file %q has %s", name, content)
		}
		v.follow("Show all")
		v.sees("LogoutUser")
	})
}
