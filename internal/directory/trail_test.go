package directory_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// targets reads a trail and returns its targets.
func targets(t testing.TB, op *directory.Operator, query directory.AuditQuery) []string {
	t.Helper()
	got := []string{}
	for r, err := range op.Audit(t.Context(), query) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, r.Target)
	}
	return got
}

func (h *house) addAudit(records ...store.AuditRecord) {
	h.t.Helper()
	h.write(func(tx store.Tx) error { return tx.AppendAudit(records) })
}

// trailOf makes records, the i-th of them i seconds after now.
func trailOf(records ...store.AuditRecord) []store.AuditRecord {
	for i := range records {
		records[i].Time = now.Add(time.Duration(i) * time.Second)
		if records[i].AWSAccountID == "" {
			records[i].AWSAccountID = awsAccount
		}
		if records[i].Target == "" {
			records[i].Target = fmt.Sprint(i)
		}
	}
	return records
}

// Nothing is changed that cannot be told in the trail.
func TestTrailOrNothing(t *testing.T) {
	dir := t.TempDir()
	h := houseOver(t, open(t, dir))
	h.populate("A", "Team")
	before, n := h.users("A"), len(h.audit())
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.File))
	if err == nil {
		defer db.Close()
		for _, table := range []string{"audit", "account_audit"} {
			_, failure := db.Exec("CREATE TRIGGER no_" + table + " BEFORE INSERT ON " + table + " BEGIN SELECT RAISE(ABORT, 'no more'); END")
			err = errors.Join(err, failure)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range [][]string{
		{"UpdateUser", "accountId=A&userId=reg", "", `{"LicenseType": "Pro"}`},
		{"BatchUpdateUser", "accountId=A", "", `{"UpdateUserRequestItems": [{"UserId": "reg", "LicenseType": "Pro"}]}`},
		{"CreateAccount", "", "", `{"Name": "B"}`},
	} {
		if out, err := h.call(call[0], call[1], call[2], call[3]); err == nil {
			t.Errorf("%s was acknowledged without a record: %s", call[0], out)
		}
	}
	equal(t, "users", h.users("A"), before)
	equal(t, "accounts", h.accountIDs(""), []string{"A"})
	equal(t, "records", len(h.audit()), n)
}

func TestAuditQueries(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.write(func(tx store.Tx) error {
		return errors.Join(tx.InsertAccount(&store.Account{AWSAccountID: awsAccount, AccountID: "A"}),
			tx.InsertAccount(&store.Account{AWSAccountID: foreignAccount, AccountID: "B"}))
	})
	h.addAudit(trailOf(
		store.AuditRecord{AccountID: "A", KeyID: "AKIA1", KeyName: "ci", UserAgent: "carillon-bulk/1.2 job/j1"},
		store.AuditRecord{AccountID: "B", KeyID: "AKIA2", KeyName: "admin", AWSAccountID: foreignAccount},
		store.AuditRecord{AccountID: "A", KeyID: "AKIA1", KeyName: "ci", UserAgent: "carillon-bulk/1.2 job/j10"},
		store.AuditRecord{AccountID: "C", KeyName: "operator/alice"},
		store.AuditRecord{AccountID: "B", KeyID: "AKIA2", KeyName: "admin", AWSAccountID: foreignAccount},
	)...)
	for _, test := range []struct {
		query directory.AuditQuery
		want  []string
	}{
		{directory.AuditQuery{}, []string{"0", "1", "2", "3", "4"}},
		{directory.AuditQuery{AWSAccountID: foreignAccount}, []string{"1", "4"}},
		{directory.AuditQuery{AccountID: "A"}, []string{"0", "2"}},
		{directory.AuditQuery{User: "3"}, []string{"3"}},
		{directory.AuditQuery{Key: "AKIA1"}, []string{"0", "2"}},
		{directory.AuditQuery{Key: "admin"}, []string{"1", "4"}},
		{directory.AuditQuery{Key: "operator/alice"}, []string{"3"}},
		{directory.AuditQuery{Job: "j1"}, []string{"0"}},
		{directory.AuditQuery{Since: now.Add(time.Second), Until: now.Add(4 * time.Second)}, []string{"1", "2", "3"}},
		{directory.AuditQuery{Key: "admin", Since: now.Add(2 * time.Second)}, []string{"4"}},
		{directory.AuditQuery{Job: "j2"}, []string{}},
		{directory.AuditQuery{AccountID: "B", AWSAccountID: awsAccount}, []string{}},
	} {
		equal(t, fmt.Sprintf("%+v", test.query), targets(t, op, test.query), test.want)
	}

	// Reading may stop anywhere, and an error ends the reading.
	for range op.Audit(t.Context(), directory.AuditQuery{}) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := 0
	for _, err := range op.Audit(ctx, directory.AuditQuery{}) {
		if n++; err == nil || n > 1 {
			t.Errorf("reading with a context that has ended: got error %v in step %d, want one error", err, n)
		}
	}
}

// A person is found by address through removals, invitations and moves between AWS accounts.
func TestAuditByAddress(t *testing.T) {
	h := newHouse(t)
	op := h.operator()
	h.addAccount("A", "Team")
	h.addAccount("B", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
	other := h.as(foreignAccount)
	invite := func(h *house, account string) {
		t.Helper()
		h.must("InviteUsers", "accountId="+account, "", `{"UserEmailList":["Ann@Example.com","ben@example.com"]}`)
		ok[api.User](t)(op.RegisterUser(t.Context(), account, "ann@example.com"))
	}
	invite(h, "A")
	invite(other, "B")
	var list struct{ Users []api.User }
	parse(t, other.must("ListUsers", "accountId=B", "user-email=ann@example.com", ""), &list)
	other.must("UpdateUser", "accountId=B&userId="+list.Users[0].UserId, "", `{"LicenseType":"Basic"}`)
	other.must("BatchSuspendUser", "accountId=B", "", `{"UserIdList":["`+list.Users[0].UserId+`"]}`)

	operations := func(query directory.AuditQuery) []string {
		t.Helper()
		got := []string{}
		for r, err := range op.Audit(t.Context(), query) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, r.AccountID+" "+r.Operation)
		}
		return got
	}
	// All of it happened at one moment of this test's clock, so AWS accounts come one by one.
	equal(t, "trail", operations(directory.AuditQuery{User: "ANN@example.com"}), []string{
		"A InviteUsers", "A RegisterUser", "A RegisterUser",
		"B InviteUsers", "B RegisterUser", "B UpdateUser", "B BatchSuspendUser",
	})
	equal(t, "trail in B", operations(directory.AuditQuery{User: "ann@example.com", AccountID: "B", Key: h.keyID}), []string{})
	equal(t, "trail of the operator", operations(directory.AuditQuery{User: "ann@example.com", AccountID: "B", Key: "operator/alice"}), []string{"B RegisterUser"})
	equal(t, "trail of nobody", operations(directory.AuditQuery{User: "eve@example.com"}), []string{})
}

// Trails longer than a page come whole and in order.
func TestAuditPages(t *testing.T) {
	h := newHouse(t)
	records := make([]store.AuditRecord, 4500)
	for i := range records {
		if i%3 == 0 {
			records[i].AWSAccountID = foreignAccount
		}
	}
	h.addAudit(trailOf(records...)...)
	got := targets(t, h.operator(), directory.AuditQuery{})
	if len(got) != len(records) {
		t.Fatalf("got %d records, want %d", len(got), len(records))
	}
	for i, target := range got {
		if target != fmt.Sprint(i) {
			t.Fatalf("record %d: got target %s", i, target)
		}
	}
}

// A service shows the trail of the caller's AWS account alone, in pages of any size.
func TestReadAudit(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addUsers(store.User{AccountID: "A", UserID: "ana", Email: "ana@now.example"})
	h.addAudit(trailOf(
		store.AuditRecord{AccountID: "A", Target: "bo", After: `{"PrimaryEmail": "Bo@example.com"}`, KeyName: "ci"},
		store.AuditRecord{AccountID: "A", Target: "ana", Before: `{"LicenseType": "Pro"}`, After: `{"LicenseType": "Basic"}`, UserAgent: "x/1 job/7"},
		store.AuditRecord{AWSAccountID: foreignAccount, AccountID: "B", Target: "theirs"},
		store.AuditRecord{AccountID: "A", Target: "bo", Before: `{"PrimaryEmail": "Bo@example.com"}`, Operation: "BatchSuspendUser"},
	)...)
	type page struct {
		AuditRecords []struct{ Target, TargetEmail, Before string }
		NextToken    string
	}
	read := func(h *house, query string) (p page) {
		t.Helper()
		if err := json.Unmarshal([]byte(h.must("ReadAudit", "", query, "")), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	told := func(h *house, query string) (all []string) {
		t.Helper()
		for token := ""; ; {
			p := read(h, query+"&next-token="+url.QueryEscape(token))
			for _, r := range p.AuditRecords {
				all = append(all, r.Target+" "+r.TargetEmail)
			}
			if token = p.NextToken; token == "" {
				return all
			}
		}
	}
	all := []string{"bo Bo@example.com", "ana ana@now.example", "bo Bo@example.com"}
	equal(t, "all", told(h, ""), all)
	equal(t, "in pages of one", told(h, "max-results=1"), all)
	equal(t, "another AWS account", told(h.as(foreignAccount), ""), []string{"theirs "})
	for query, want := range map[string][]string{
		"newest=true&max-results=1": {all[2], all[1], all[0]}, "newest=true&email=bo@example.com&max-results=1": {all[2], all[0]},
		"newest=false": all, "operation-name=BatchSuspendUser": {all[2]},
		"email=BO@EXAMPLE.COM": {all[0], all[2]}, "email=BO@example.com&max-results=1": {all[0], all[2]}, "email=ana@now.example": {all[1]}, "target=ana": {all[1]}, "key=ci": {all[0]}, "job=7": {all[1]},
		"account-id=B": nil, "since=2026-03-01T12:00:02Z": {all[2]}, "until=2026-03-01T12:00:01Z": {all[0]},
	} {
		equal(t, query, told(h, query), want)
	}
	token := read(h, "max-results=1").NextToken
	for _, query := range []string{
		"max-results=0", "max-results=1001", "max-results=x", "since=yesterday", "until=2026-03-01", "next-token=x",
		"target=ana&next-token=" + token, "newest=true&next-token=" + token, "operation-name=UpdateUser&next-token=" + token, // of another listing
		"newest=yes",
	} {
		h.refused(api.BadRequestException, "ReadAudit", "", query, "")
	}
	h.as(foreignAccount).refused(api.BadRequestException, "ReadAudit", "", "next-token="+token, "")
}

// A bulk job tells of itself, and whoever reads the trail sees it.
func TestRecordJob(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.must("RecordJob", "jobId=20260301-120000-abcdef", "", `{"AccountId": "A", "Action": "update", "Left": 60}`)
	h.must("RecordJob", "jobId=20260301-120000-abcdef", "", `{"AccountId": "A", "Action": "update", "Outcome": "stopped", "Done": 40, "Failed": 2, "Left": 18}`)
	equal(t, "audit", h.audited(0), []string{
		`BeginJob 20260301-120000-abcdef  {"Action": "update", "Done": 0, "Failed": 0, "Left": 60}`,
		`EndJob 20260301-120000-abcdef  {"Action": "update", "Outcome": "stopped", "Done": 40, "Failed": 2, "Left": 18}`,
	})
	for _, body := range []string{
		``, `[]`, `{"AccountId": "A"}`, `{"AccountId": "A", "Action": "Update all"}`, `{"AccountId": "A", "Action": "update", "Left": "many"}`,
		`{"AccountId": "A", "Action": "update", "Left": -1}`, `{"AccountId": "A", "Action": "update", "Done": 99999999999}`, `{"Action": "update"}`, `{"AccountId": "A", "Action": "update", "Outcome": "\u001b[2J"}`,
		`{"AccountId": "A", "Action": "update", "By": "\u001b[2J"}`, `{"AccountId": "A", "Action": "update", "By": "` + strings.Repeat("a", 129) + `"}`,
		`{"AccountId": "A", "Action": "update", "Undoes": "yesterday"}`,
	} {
		h.refused(api.BadRequestException, "RecordJob", "jobId=20260301-120000-abcdef", "", body)
	}
	h.refused(api.BadRequestException, "RecordJob", "jobId=01a22717-1ab6-73f2-ad21-0c069a0824a3", "", `{"AccountId": "A", "Action": "update"}`)
	h.refused(api.NotFoundException, "RecordJob", "jobId=20260301-120000-abcdef", "", `{"AccountId": "B", "Action": "update"}`)
	h.as(foreignAccount).refused(api.NotFoundException, "RecordJob", "jobId=20260301-120000-abcdef", "", `{"AccountId": "A", "Action": "update"}`)
}

// A job that has finished says by which other one it was undone: by the one that did the most,
// unless that was undone, too.
func TestJobs_UndoneBy(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	h.addAccount("B", "Team")
	id := func(n int) string { return fmt.Sprintf("20260301-12000%d-aaaaaa", n) }
	tell := func(n int, account, outcome string, done int, undoes string) {
		t.Helper()
		h.must("RecordJob", "jobId="+id(n), "", fmt.Sprintf(`{"AccountId": %q, "Action": "update", "Left": 9, "Undoes": %q}`, account, undoes))
		h.must("RecordJob", "jobId="+id(n), "", fmt.Sprintf(`{"AccountId": %q, "Action": "update", "Outcome": %q, "Done": %d, "Undoes": %q}`, account, outcome, done, undoes))
	}
	undone := func(what, want string) {
		t.Helper()
		var read struct{ Job struct{ UndoneBy string } }
		parse(t, h.must("ReadJob", "jobId="+id(0), "", ""), &read)
		var list struct {
			Jobs []struct{ JobId, UndoneBy string }
		}
		parse(t, h.must("ListJobs", "", "", ""), &list)
		first := list.Jobs[len(list.Jobs)-1]
		equal(t, what, []string{read.Job.UndoneBy, first.JobId, first.UndoneBy}, []string{want, id(0), want})
	}
	tell(0, "A", "finished", 9, "")
	undone("at first", "")
	tell(1, "A", "stopped", 9, id(0))
	tell(2, "A", "finished", 0, id(0))
	tell(3, "B", "finished", 9, id(0))
	undone("by none that has finished, did something and is of the account", "")
	tell(4, "A", "finished", 5, id(0))
	undone("by one", id(4))
	tell(5, "A", "finished", 3, id(0))
	undone("by the one that did more", id(4))
	tell(6, "A", "finished", 4, id(4))
	undone("by the one that was not undone itself", id(5))
	tell(7, "A", "finished", 3, id(5))
	undone("by none any more", "")
	tell(8, "A", "finished", 3, id(7))
	undone("by one whose undo was undone", id(5))
}

// What a job tells of itself is listed, by the newest job first, for its AWS account alone.
func TestJobs(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "Team")
		h.addAccount("B", "Team")
		h.addAccount("F", "Team", func(a *store.Account) { a.AWSAccountID = foreignAccount })
		const first, second, third = "20260301-120000-aaaaaa", "20260301-120001-bbbbbb", "20260301-120002-cccccc"
		tell := func(h *house, id, body string) {
			t.Helper()
			h.must("RecordJob", "jobId="+id, "", body)
		}
		shown := func(id string) string {
			t.Helper()
			return h.must("ReadJob", "jobId="+id, "", "")
		}
		tell(h, first, `{"AccountId": "A", "Action": "update", "Left": 60, "By": "ana"}`)
		tell(h, second, `{"AccountId": "B", "Action": "suspend", "Left": 5}`)
		tell(h, third, `{"AccountId": "A", "Action": "update", "Outcome": "running", "Left": 1, "Undoes": "`+first+`"}`) // nobody heard that it began
		foreign := h.as(foreignAccount)
		tell(foreign, first, `{"AccountId": "F", "Action": "invite", "Left": 7}`)
		n := len(h.audit())

		of := func(outcome string, latest time.Time, left, done, failed int) string {
			return fmt.Sprintf(`{"Job": {"JobId": "%s", "AccountId": "A", "Action": "update", "By": "ana", "Undoes": "", "KeyId": "AKIAEXAMPLE%s", "KeyName": "admin", `+
				`"Began": "2026-03-01T12:00:00.123Z", "Latest": "%s", "Left": %d, "Done": %d, "Failed": %d, "Outcome": "%s", "UndoneBy": ""}}`,
				first, awsAccount, api.FormatTime(latest), left, done, failed, outcome)
		}
		equal(t, "at the beginning", shown(first), of("running", now, 60, 0, 0))
		h.advance(time.Second)
		tell(h, first, `{"AccountId": "A", "Action": "suspend", "Outcome": "running", "Left": 50, "Done": 8, "Failed": 2, "By": "bo"}`)
		equal(t, "on its way", shown(first), of("running", now.Add(time.Second), 50, 8, 2))
		equal(t, "audit of progress", len(h.audit()), n)
		tell(h, first, `{"AccountId": "A", "Action": "update", "Outcome": "stopped", "Left": 40, "Done": 18, "Failed": 2}`)
		equal(t, "at its end", shown(first), of("stopped", now.Add(time.Second), 40, 18, 2))
		tell(h, first, `{"AccountId": "A", "Action": "update", "Outcome": "running", "Left": 45, "Done": 13, "Failed": 2}`) // comes too late
		equal(t, "after its end", shown(first), of("stopped", now.Add(time.Second), 40, 18, 2))
		tell(h, first, `{"AccountId": "A", "Action": "update", "Left": 40, "Done": 18, "Failed": 2}`)
		tell(h, first, `{"AccountId": "A", "Action": "update", "Outcome": "running", "Left": 30, "Done": 28, "Failed": 2}`)
		equal(t, "resumed", shown(first), of("running", now.Add(time.Second), 30, 28, 2))
		equal(t, "audit", len(h.audit()), n+2)

		// Neither another account nor another AWS account gets at a job.
		h.refused(api.ConflictException, "RecordJob", "jobId="+first, "", `{"AccountId": "B", "Action": "update"}`)
		equal(t, "after a job of another account", shown(first), of("running", now.Add(time.Second), 30, 28, 2))
		foreign.refused(api.NotFoundException, "ReadJob", "jobId="+second, "", "")
		foreign.refused(api.NotFoundException, "RecordJob", "jobId="+second, "", `{"AccountId": "B", "Action": "update"}`)
		h.refused(api.NotFoundException, "ReadJob", "jobId=20260301-120000-dddddd", "", "")
		h.refused(api.NotFoundException, "ReadJob", "jobId=\x00", "", "")

		listed := func(h *house, query string) (all []string) {
			t.Helper()
			for token := ""; ; {
				var page struct {
					Jobs []struct {
						JobID  string `json:"JobId"`
						Undoes string
					}
					NextToken string
				}
				parse(t, h.must("ListJobs", "", query+"&next-token="+url.QueryEscape(token), ""), &page)
				for _, j := range page.Jobs {
					all = append(all, j.JobID+" "+j.Undoes)
				}
				if token = page.NextToken; token == "" {
					return all
				}
			}
		}
		all := []string{third + " " + first, second + " ", first + " "}
		equal(t, "jobs", listed(h, ""), all)
		equal(t, "jobs in pages of one", listed(h, "max-results=1"), all)
		equal(t, "jobs of an account", listed(h, "account-id=A&max-results=1"), []string{all[0], all[2]})
		equal(t, "jobs of an account of others", len(listed(h, "account-id=F")), 0)
		equal(t, "jobs of another AWS account", listed(foreign, ""), []string{first + " "})
		for _, query := range []string{"max-results=0", "max-results=101", "max-results=x", "next-token=x"} {
			h.refused(api.BadRequestException, "ListJobs", "", query, "")
		}
	})
}

func TestAuditDocument(t *testing.T) {
	show := func(r store.AuditRecord) string {
		return string(document.AppendCompact(nil, directory.AuditDocument(directory.AuditEntry{AuditRecord: r, TargetEmail: "ana@example.com"})))
	}
	equal(t, "record", show(store.AuditRecord{
		AWSAccountID: awsAccount, Entry: 7, Time: now, RequestID: "r", KeyID: "AKIA1", KeyName: "ci", UserAgent: "aws-cli/1.45",
		Operation: "UpdateUser", AccountID: "A", Target: "u", Before: `{"LicenseType": "Basic"}`, After: `{"LicenseType": "Pro"}`,
	}), `{"Time": "2026-03-01T12:00:00.123Z", "AwsAccountId": "111122223333", "AccountId": "A", "Operation": "UpdateUser", "Target": "u", `+
		`"Before": {"LicenseType": "Basic"}, "After": {"LicenseType": "Pro"}, "KeyName": "ci", "KeyId": "AKIA1", "RequestId": "r", "UserAgent": "aws-cli/1.45", "TargetEmail": "ana@example.com"}`)
	equal(t, "empty record", show(store.AuditRecord{Time: now}), `{"Time": "2026-03-01T12:00:00.123Z", "AwsAccountId": "", "AccountId": "", `+
		`"Operation": "", "Target": "", "Before": null, "After": null, "KeyName": "", "KeyId": "", "RequestId": "", "UserAgent": "", "TargetEmail": "ana@example.com"}`)
}

func TestPruneAudit(t *testing.T) {
	h := newHouse(t)
	past := func(hours int, aws, target string) store.AuditRecord {
		return store.AuditRecord{AWSAccountID: aws, Time: now.Add(time.Duration(-hours) * time.Hour), Target: target}
	}
	h.addAudit(past(5, awsAccount, "a"), past(4, foreignAccount, "b"), past(3, awsAccount, "c"), past(2, foreignAccount, "d"), past(1, awsAccount, "e"))
	op := h.operator()
	prune := func(aws string, before time.Time, want int) {
		t.Helper()
		if got := ok[int](t)(op.PruneAudit(t.Context(), aws, before)); got != want {
			t.Errorf("PruneAudit of %q before %s: got %d removed, want %d", aws, before, got, want)
		}
	}
	prune(awsAccount, now.Add(-3*time.Hour), 1) // what is from that very moment stays
	equal(t, "trail", targets(t, op, directory.AuditQuery{}), []string{"b", "c", "d", "e", awsAccount})
	prune(awsAccount, now.Add(-3*time.Hour), 0)
	prune("", now.Add(-2*time.Hour), 2)
	equal(t, "trail", targets(t, op, directory.AuditQuery{}), []string{"d", "e", awsAccount, awsAccount, foreignAccount})
	prune("", now, 2)
	equal(t, "who did it", targets(t, op, directory.AuditQuery{Key: "operator/alice"}), []string{awsAccount, awsAccount, awsAccount, foreignAccount, foreignAccount})
	equal(t, "audit", h.audited(2), []string{`PruneAudit 111122223333 {"Records": 1, "Before": "2026-03-01T12:00:00.123Z"} `})

	for _, before := range []time.Time{{}, now.Add(time.Millisecond)} {
		denied[int](t, api.BadRequestException)(op.PruneAudit(t.Context(), "", before))
	}
}

// More records than are removed at a time.
func TestPruneAuditInPieces(t *testing.T) {
	h := newHouse(t)
	many := make([]store.AuditRecord, 20_000)
	for i := range many {
		many[i] = store.AuditRecord{AWSAccountID: awsAccount, Time: now.Add(-time.Hour)}
	}
	h.addAudit(many...)
	if got := ok[int](t)(h.operator().PruneAudit(t.Context(), awsAccount, now)); got != len(many) {
		t.Errorf("got %d removed, want %d", got, len(many))
	}
	equal(t, "audit", h.audited(0), []string{
		`PruneAudit 111122223333 {"Records": 10000, "Before": "2026-03-01T12:00:00.123Z"} `,
		`PruneAudit 111122223333 {"Records": 10000, "Before": "2026-03-01T12:00:00.123Z"} `,
	})
}
