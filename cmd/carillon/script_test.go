package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/csv"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"
)

// TestMain lets a copy of the test binary stand for carillon: called by that name, it is the
// program. The copy is on PATH, and so are the programs that built has made.
func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"carillon": main})
}

// built builds programs before the tests run. Scripts start them hundreds of times. A start takes a
// third of the time that a copy of the test binary needs, and a tenth of what that needs with the
// race detector. The tests of internal/awscli run under the detector all that aws does.
type built struct{ *testing.M }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "carillon-programs-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-o", dir+"/", "../aws", "./testdata/environ")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		log.Fatalf("%v: %v\n%s", build, err, out)
	}
	os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return b.M.Run()
}

// TestScripts runs testdata/script/*.txtar: users' stories, told to the two programs. Beside
// the commands of testscript (go doc github.com/rogpeppe/go-internal/testscript) they have
//
//	serve ARGS...             start `carillon serve`, wait until it is ready, and export the lines
//	                          for a shell that it saved; its output so far is stdout and stderr.
//	                          CARILLON_DATA is $WORK/data unless the script says otherwise
//	halt                      SIGTERM the latest service, which must end with code 0 and leaves
//	                          the rest of its complaints as stderr
//	exits CODE PROGRAM ARGS...  run a program that must end with this code
//	completes WORDS...        complete the last word of a command of carillon
//	keep NAME                 make the last stdout, a line or a string of JSON, a variable
//	edit FILE REGEXP TEXT     replace the one match of an expression in a file
//	fill FILE SIZE            make a file of so many letters
//	workbook FILE CSV...      make an .xlsx workbook of CSV files, each a sheet of its name
//	perm MODE FILE            the file must have this mode
//	certificate CERT KEY      make a certificate for 127.0.0.1 and its key
//	request [-signed] METHOD PATH [BODY]  send a request to $URL, without a body if it is signed; the
//	                          reply is stdout
//	bot CERT                  start a bot at $BOT_URL, which says again what mentions it, and save the
//	                          certificate to trust
//	heard TYPE...             wait for the next events of the bot, and for no others; they are stdout
//	metrics                   make $URL the place of the latest service's metrics
//	counted                   wait until the metrics at $URL tell of seats
//
// UPDATE=1 go test ./cmd/carillon -run Scripts rewrites the files that `cmp` compares with.
func TestScripts(t *testing.T) {
	t.Parallel()
	dir, files := scriptDir, []string(nil)
	if testing.Short() {
		// These have programs that do many things at a time: see takesTurns.
		for _, name := range []string{"backup", "bulk_stopped", "bulk_verbs", "serve_names"} {
			files = append(files, filepath.Join(dir, name+".txtar"))
		}
		dir = ""
	}
	testscript.Run(t, params(dir, files, func(env *testscript.Env) string {
		return "CARILLON_DATA=" + filepath.Join(env.WorkDir, "data")
	}))
}

// TestScripts_postgres tells stories to services on PostgreSQL: those that are about the records
// kept there. If the tests are given a Citus, it tells on its nodes all stories that have nothing
// to do with a data directory.
func TestScripts_postgres(t *testing.T) {
	takesTurns(t)
	names := []string{"batch_suspend", "batch_update", "bots", "bulk_promised", "operator_account", "operator_list", "paging_filters", "report", "bulk_verbs"}
	if os.Getenv("CARILLON_TEST_CITUS") != "" {
		names = []string{"*"}
	}
	var all []string
	for _, name := range names {
		some, err := filepath.Glob(filepath.Join(scriptDir, name+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	var files []string
	for _, file := range all {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !aboutData.Match(text) {
			files = append(files, file)
		}
	}
	if len(files) < 9 {
		t.Fatalf("only %d scripts are left: %v", len(files), files)
	}
	base := testPostgres(t)
	var schemas atomic.Int64
	testscript.Run(t, params("", files, func(env *testscript.Env) string {
		return "CARILLON_DATABASE_URL=" + emptySchema(t, base, fmt.Sprintf("scripts_%d_%d", os.Getpid(), schemas.Add(1)))
	}))
}

const scriptDir = "testdata/script"

// aboutData matches what a script says of its data directory, or of certificates beside it.
var aboutData = regexp.MustCompile(`data/|--data|CARILLON_DATA|CARILLON_TLS_CERT`)

// params are those of a run of scripts. where gives each the variable that says where its data is.
func params(dir string, files []string, where func(*testscript.Env) string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			home := filepath.Join(env.WorkDir, ".home")
			env.Vars = append(env.Vars, childEnv(home)...)
			env.Vars = append(env.Vars, "TMPDIR="+filepath.Join(env.WorkDir, ".tmp"), where(env))
			env.Values[latest{}] = new(*service)
			env.Values[theBot{}] = new(*bot)
			return os.Mkdir(home, 0o700)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": serve, "halt": halt, "exits": exits, "completes": completes, "keep": keep, "edit": edit, "fill": fill, "crowd": crowd, "workbook": workbook, "perm": perm,
			"certificate": certificate, "request": request, "metrics": metrics, "counted": counted,
			"bot": startBotInScript, "heard": heard,
		},
	}
}

// latest is the key of the service that a script has started last.
type latest struct{}

func serve(ts *testscript.TestScript, neg bool, args []string) {
	environ := filepath.Join(ts.Getenv("WORK"), ".environ")
	ts.Check(ts.Exec("environ", environ)) // the script's variables, which testscript keeps to itself
	env := strings.Split(ts.ReadFile(environ), "\x00")
	s, err := startService("carillon", ts.MkAbs("."), env, args...)
	ts.Check(err)
	ts.Defer(func() { s.end(os.Kill) })
	*ts.Value(latest{}).(**service) = s

	io.WriteString(ts.Stdout(), ts.ReadFile(s.stdout))
	io.WriteString(ts.Stderr(), s.complaints())
	ts.Setenv("URL", s.url)
	ts.Setenv("ADDRESS", s.url[strings.Index(s.url, "//")+2:])
	ts.Setenv("AWS_ENDPOINT_URL_CHIME", s.url)
	for name, value := range s.env {
		ts.Setenv(name, value)
	}
}

func halt(ts *testscript.TestScript, neg bool, args []string) {
	s := *ts.Value(latest{}).(**service)
	before := len(s.complaints())
	err := s.end(syscall.SIGTERM)
	io.WriteString(ts.Stderr(), s.complaints()[before:])
	if err != nil {
		ts.Fatalf("carillon serve ended with %v, want exit code 0", err)
	}
}

func metrics(ts *testscript.TestScript, neg bool, args []string) {
	s := *ts.Value(latest{}).(**service)
	found := regexp.MustCompile(`(?m)^carillon: metrics on (.*)/metrics$`).FindStringSubmatch(s.complaints())
	if found == nil {
		ts.Fatalf("the service does not say where its metrics are")
	}
	ts.Setenv("URL", found[1])
}

// scrape returns the metrics of a service.
func scrape(url string) (string, error) {
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func counted(ts *testscript.TestScript, neg bool, args []string) {
	// A request for metrics waits a second for a count, which a busy machine may take longer.
	for begin := time.Now(); time.Since(begin) < hung; {
		text, err := scrape(ts.Getenv("URL"))
		ts.Check(err)
		if strings.Contains(text, "\ncarillon_seats{") {
			return
		}
	}
	ts.Fatalf("the metrics do not tell of seats")
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with exit code %d, want %d", args[1], got, want)
	}
}

func completes(ts *testscript.TestScript, neg bool, args []string) {
	// A person waits two seconds for what the service has to offer, and then there is nothing.
	for begin := time.Now(); ; {
		ts.Check(ts.Exec("carillon", append([]string{"__complete"}, args...)...))
		if ts.ReadFile("stdout") != ":4\n" || time.Since(begin) > hung {
			return
		}
	}
}

func keep(ts *testscript.TestScript, neg bool, args []string) {
	text := strings.Trim(ts.ReadFile("stdout"), "\"\r\n")
	if text == "" {
		ts.Fatalf("the last command printed nothing to keep as %s", args[0])
	}
	ts.Setenv(args[0], text)
}

func edit(ts *testscript.TestScript, neg bool, args []string) {
	text := ts.ReadFile(args[0])
	found := regexp.MustCompile(args[1]).FindAllStringIndex(text, -1)
	if len(found) != 1 {
		ts.Fatalf("%s has %d matches of %q, want 1\n%s", args[0], len(found), args[1], text)
	}
	text = text[:found[0][0]] + args[2] + text[found[0][1]:]
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

func fill(ts *testscript.TestScript, neg bool, args []string) {
	size, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat("x", size)), 0o600))
}

// crowd writes a list of the users u1, u2, ... of an account, of which the last is a device.
func crowd(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	var users []string
	for i := range n {
		kind := "PrivateUser"
		if i == n-1 {
			kind = "SharedDevice"
		}
		users = append(users, fmt.Sprintf(`{"UserId": "u%[1]d", "AccountId": "%[2]s", "PrimaryEmail": "u%[1]d@example.com",
			"LicenseType": "Pro", "UserType": "%[3]s", "UserRegistrationStatus": "Registered",
			"RegisteredOn": "2020-01-01T00:00:00.000Z", "DisplayName": "U"}`, i+1, args[1], kind))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(`{"Users": [`+strings.Join(users, ",")+`]}`), 0o600))
}

func workbook(ts *testscript.TestScript, neg bool, args []string) {
	book := excelize.NewFile()
	defer book.Close()
	for i, name := range args[1:] {
		sheet := strings.TrimSuffix(name, ".csv")
		_, err := book.NewSheet(sheet)
		ts.Check(err)
		rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(name))).ReadAll()
		ts.Check(err)
		for j, row := range rows {
			ts.Check(book.SetSheetRow(sheet, "A"+strconv.Itoa(j+1), &row))
			for k, cell := range row {
				if formula, ok := strings.CutPrefix(cell, "="); ok {
					at, err := excelize.CoordinatesToCellName(k+1, j+1)
					ts.Check(err)
					ts.Check(book.SetCellValue(sheet, at, nil))
					ts.Check(book.SetCellFormula(sheet, at, formula))
				}
			}
		}
		if i == 0 {
			ts.Check(book.DeleteSheet("Sheet1"))
		}
	}
	var whole bytes.Buffer
	ts.Check(book.Write(&whole))
	text, err := withEmptyResults(whole.Bytes())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// withEmptyResults gives the formulas of a workbook the results that openpyxl writes.
func withEmptyResults(book []byte) ([]byte, error) {
	in, err := zip.NewReader(bytes.NewReader(book), int64(len(book)))
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	out := zip.NewWriter(&text)
	for _, f := range in.File {
		part, err := fs.ReadFile(in, f.Name)
		if err != nil {
			return nil, err
		}
		w, err := out.Create(f.Name)
		if err == nil {
			_, err = strings.NewReplacer(` t="str"><f>`, "><f>", "</f></c>", "</f><v></v></c>").WriteString(w, string(part))
		}
		if err != nil {
			return nil, err
		}
	}
	err = out.Close()
	return text.Bytes(), err
}

func perm(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := info.Mode().Perm(); got != os.FileMode(want) && runtime.GOOS != "windows" { // where only read-only counts
		ts.Fatalf("%s has mode %o, want %o", args[1], got, want)
	}
}

func certificate(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(writeCertificate(ts.MkAbs(args[0]), ts.MkAbs(args[1])))
}

// writeCertificate makes a certificate for 127.0.0.1 that is its own authority, and its key.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "carillon"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}

func request(ts *testscript.TestScript, neg bool, args []string) {
	signed := args[0] == "-signed"
	if signed {
		args = args[1:]
	}
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, args[0], ts.Getenv("URL")+args[1], strings.NewReader(strings.Join(args[2:], " ")))
	ts.Check(err)
	if signed {
		sign(r, "", ts.Getenv)
	}
	transport := new(http.Transport) // no redirects, and no connection that outlives the script
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	ts.Check(err)
	defer resp.Body.Close()
	fmt.Fprintln(ts.Stdout(), resp.Status)
	ts.Check(resp.Header.Write(ts.Stdout()))
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
}
