package carillon_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/carillon"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

// trail makes a database with these records and returns its directory.
func trail(t *testing.T, records []store.AuditRecord) string {
	t.Helper()
	dir := t.TempDir()
	st, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), func(tx store.Tx) error { return tx.AppendAudit(records) })
	if err == nil {
		err = st.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command line that must succeed and print nothing but its result.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := carillon.Main(t.Context(), args, nil, strings.NewReader(""), &stdout, &stderr); code != 0 || stderr.Len() > 0 {
		t.Fatalf("carillon %s: got exit code %d and complaints %q, want neither", strings.Join(args, " "), code, stderr.String())
	}
	return stdout.String()
}

func TestAuditOfManyPages(t *testing.T) {
	var records []store.AuditRecord
	want := []any{}
	for i := range 2500 {
		r := store.AuditRecord{
			AWSAccountID: "111122223333",
			Time:         time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Second),
			Operation:    "UpdateUser",
			Target:       fmt.Sprint("user-", i),
			Before:       `{"DisplayName": "two\nlines"}`,
			After:        `{"SupportedLicenses": ["Basic", "Pro"], "Empty": {}}`,
			KeyName:      "root",
		}
		records = append(records, r)
		want = append(want, directory.AuditDocument(directory.AuditEntry{AuditRecord: r}))
	}
	dir := trail(t, records)

	var whole strings.Builder
	if err := output.JSON(&whole, document.NewObject(document.Member{Key: "AuditRecords", Value: want})); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "audit", "--data", dir, "--output", "json"); got != whole.String() {
		t.Errorf("json: got %d bytes that begin %.600q, want %d that begin %.600q", len(got), got, whole.Len(), whole.String())
	}

	rows, err := csv.NewReader(strings.NewReader(run(t, "audit", "--data", dir, "--output", "csv"))).ReadAll()
	if err != nil || len(rows) != 2501 || rows[2500][4] != "user-2499" {
		t.Errorf("csv: got %d rows, %v, want 2501 that end with user-2499: %q", len(rows), err, rows[len(rows)-1])
	}

	table := run(t, "audit", "--data", dir)
	for i := range 2500 {
		who := fmt.Sprintf("\n    user-%d", i)
		if n := strings.Count(table, who+"  ") + strings.Count(table, who+"\n"); n != 1 {
			t.Fatalf("table: got user-%d %d times, want it once", i, n)
		}
	}
}

func TestAuditCSVHasNoFormulas(t *testing.T) {
	var records []store.AuditRecord
	agents := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＠x", "aws-cli/1 -", "", "'=1"}
	want := []string{"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\r=1", "'＝1", "'＠x", "aws-cli/1 -", "", "''=1"}
	for _, agent := range agents {
		records = append(records, store.AuditRecord{AWSAccountID: "111122223333", Time: time.Now(), UserAgent: agent})
	}
	rows, err := csv.NewReader(strings.NewReader(run(t, "audit", "--data", trail(t, records), "--output", "csv"))).ReadAll()
	if err != nil || len(rows) != len(want)+1 {
		t.Fatalf("got %d rows, %v, want %d", len(rows), err, len(want)+1)
	}
	for i, cell := range want {
		if got := rows[i+1][10]; got != cell {
			t.Errorf("user agent %q: got cell %q, want %q", agents[i], got, cell)
		}
	}
}

// Without data here, a setting that is wrong is said to be wrong, not that there is no data.
func TestAuditOfWrongSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	const url = "AWS_ENDPOINT_URL_CHIME=http://127.0.0.1:1"
	for _, tt := range []struct {
		env  []string
		want string
	}{
		{nil, "there is no database in carillon-data"},
		{[]string{"AWS_RETRY_MODE=q"}, "there is no database in carillon-data"},
		{[]string{url, "AWS_RETRY_MODE=q"}, `Invalid value provided to "mode": "q" must be one of`},
		{[]string{url, "AWS_REQUEST_CHECKSUM_CALCULATION=q"}, "Unsupported configuration value for request_checksum_calculation"},
		{[]string{"AWS_PROFILE=nope"}, "The config profile (nope) could not be found"},
		{[]string{url, "AWS_PROFILE=nope"}, "The config profile (nope) could not be found"},
	} {
		var stdout, stderr bytes.Buffer
		env := append([]string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "HOME=" + t.TempDir()}, tt.env...)
		code := carillon.Main(t.Context(), []string{"audit"}, env, strings.NewReader(""), &stdout, &stderr)
		if code == 0 || !strings.HasPrefix(stderr.String(), "carillon: audit: "+tt.want) {
			t.Errorf("%q: got code %d and %q, want %q", tt.env, code, stderr.String(), tt.want)
		}
	}
}

// Whatever else is wrong, the hint says that nothing names the service.
func TestClientHint(t *testing.T) {
	for _, odd := range []string{"AWS_RETRY_MODE=q", "AWS_DEFAULTS_MODE=q", "AWS_ACCESS_KEY_ID="} {
		var stdout, stderr bytes.Buffer
		env := []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "HOME=" + t.TempDir(), odd}
		code := carillon.Main(t.Context(), []string{"audit", "--region", "us-east-1"}, env, strings.NewReader(""), &stdout, &stderr)
		if code == 0 || !strings.Contains(stderr.String(), "set AWS_ENDPOINT_URL_CHIME") {
			t.Errorf("%s: got code %d and %q, want the hint", odd, code, stderr.String())
		}
	}
}
