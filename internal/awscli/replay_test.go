//go:build unix

package awscli_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chimesdk"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// testdata/cases.jsonl, cases-more.jsonl for services beside Chime, and credentials.jsonl hold what
// AWS CLI version 1 was seen to do, one command line in each line. TestReplay runs every one as a
// process of its own, with a home, a working directory and a server of its own, and compares what
// can be seen from outside.
//
// A case is a JSON object:
//
//	id         its name: -run 'TestReplay/errors-057$' runs one
//	group,
//	note       for the reader
//	argv       the words after the program's name; see words
//	env        added to baseEnv and HOME
//	files      content by name, below home/ or cwd/. Content is a text, or {"base64": ...},
//	           or {"text": ..., "mode": "0755"}
//	stdin      text
//	server     what listens at {ENDPOINT}: see mock
//	responses  the server's answers in order, the last one for ever: {status, headers, body,
//	           body_base64, delay (seconds), drop (hang up instead)}. Default: 200 and {}
//	timeout    seconds until the process is killed, which fails the case
//	weight     the heavy ones start first
//	keep       files that are compared afterwards
//	expect     exit, stdout, stderr, files (null: not there), and requests in the form of
//	           request, below
//	compare    how, where it is not byte by byte: see rule
//	enums      for the rule "skeleton_enum": the allowed texts by path, such as "Items[].Kind"
//
// Texts of a case name what differs between runs by placeholders, which are put in before a
// run and back in whatever is compared: {ENDPOINT} the server's URL, {HOSTPORT} its address,
// {HOME}, {CWD}, {ROOT} (which holds both), {CERT} a file with the https server's certificate,
// and in a request {UUID} for a token that the program made up.
type testCase struct {
	ID        string
	Argv      words
	Env       map[string]string
	Files     map[string]content
	Stdin     string
	Server    string
	Responses []response
	Timeout   int
	Weight    int
	Keep      []string
	Expect    struct {
		Exit           int
		Stdout, Stderr string
		Requests       []request
		Files          map[string]*content
	}
	Compare struct{ Exit, Stdout, Stderr, Requests rule }
	Enums   map[string][]string
}

// request is a request as the server saw it.
type request struct {
	Method, Path, Query string
	Body                bodyText
	ContentType         *string `json:"content_type"`
	// Headers are those that not every request has, in small letters.
	Headers map[string]string
	// The signature: how it was made, and whether it is that of secretOf the access key.
	Signed        bool
	Algorithm     string
	AccessKey     string `json:"access_key"`
	Scope         string // without the day
	SignedHeaders string `json:"signed_headers"`
	AMZDateOK     bool   `json:"amz_date_ok"`
	SignatureOK   bool   `json:"signature_ok"`
	SecurityToken string `json:"security_token"`
	Authorization string // if it is no signature
}

// bodyText is a body: a text, or in a case {"base64": ...} if it is none.
type bodyText string

func (b *bodyText) UnmarshalJSON(data []byte) error {
	var c content
	err := c.UnmarshalJSON(data)
	*b = bodyText(c.data)
	return err
}

// rule says how a part is compared.
type rule struct {
	// word is one of
	//
	//	""               byte by byte; requests one by one
	//	"ignore"         not at all
	//	"nonempty"       any text
	//	"nonzero"        any exit code but 0
	//	"json"           as JSON, whatever its layout
	//	"skeleton_enum"  byte by byte, but any member of an enum does
	//	"count"          requests only by their number
	word     string
	Contains []string // each of these texts occurs
	Regex    string   // the whole text matches
	Min      int      // at least so many requests, of which the first is compared
}

func (r *rule) UnmarshalJSON(data []byte) error {
	if data[0] == '"' {
		return json.Unmarshal(data, &r.word)
	}
	type plain rule // without this method
	return json.Unmarshal(data, (*plain)(r))
}

// words are words of a command line, in which \udcff is the byte FF, which is no UTF-8.
type words []string

func (w *words) UnmarshalJSON(data []byte) error {
	v, err := document.Parse(string(data)) // encoding/json loses surrogates
	if err != nil {
		return err
	}
	for _, word := range v.([]any) {
		var b []byte
		for _, r := range python.Runes(word.(string)) {
			if r >= 0xDC80 && r <= 0xDCFF {
				b = append(b, byte(r))
			} else {
				b = python.AppendRune(b, r)
			}
		}
		*w = append(*w, string(b))
	}
	return nil
}

// content is what a file holds.
type content struct {
	data []byte
	mode os.FileMode
	text bool // placeholders are to be filled in
}

func (c *content) UnmarshalJSON(data []byte) error {
	var s string
	if data[0] == '"' {
		err := json.Unmarshal(data, &s)
		*c = content{[]byte(s), 0o644, true}
		return err
	}
	var o struct {
		Text   string
		Base64 []byte
		Mode   string
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	*c = content{[]byte(o.Text), 0o644, true}
	if o.Base64 != nil {
		*c = content{o.Base64, 0o644, false}
	}
	if o.Mode != "" {
		if _, err := fmt.Sscanf(o.Mode, "%o", &c.mode); err != nil {
			return fmt.Errorf("reading mode %q: %w", o.Mode, err)
		}
	}
	return nil
}

// baseEnv is the environment of every case beside HOME.
var baseEnv = map[string]string{
	"PATH": "/usr/local/bin:/usr/bin:/bin",
	"LANG": "C.UTF-8",
	// Nobody waits for the metadata service of a cloud that is not there.
	"AWS_EC2_METADATA_DISABLED": "true",
	// Cases that have one get its answers however busy the machine is: else a second is all it has.
	"AWS_METADATA_SERVICE_TIMEOUT": "50",
}

// secretOf is the secret that belongs to an access key in all cases.
func secretOf(accessKey string) string { return "secret/" + accessKey }

// TestMain makes this test program an aws as well: started by that name, it is one. Cases get
// processes of their own without a build.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "aws" {
		// Not os.Exit, whose hooks would write to stderr when coverage is measured.
		syscall.Exit(awscli.Process(append([]*model.Service{chime.Service}, chimesdk.Services...)...))
	}
	// Cases mostly wait, the retries among them for seconds: whoever sets a -parallel for all
	// packages means others.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// linkAWS makes a link by the name of aws to this test program: see TestMain.
func linkAWS(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "aws")
	if err := os.Symlink(self, link); err != nil {
		t.Fatal(err)
	}
	return link
}

func readCases(t *testing.T) []*testCase {
	t.Helper()
	var cases []*testCase
	for _, name := range []string{"testdata/cases.jsonl", "testdata/cases-more.jsonl", "testdata/credentials.jsonl"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for d := json.NewDecoder(f); ; {
			c := new(testCase)
			if err := d.Decode(c); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("reading %s after %d cases: %v", name, len(cases), err)
			}
			cases = append(cases, c)
		}
	}
	slices.SortStableFunc(cases, func(a, b *testCase) int { return cmp.Compare(b.Weight, a.Weight) })
	return cases
}

func TestReplay(t *testing.T) {
	aws := linkAWS(t)
	cert := newCertificate(t)
	for i, c := range readCases(t) {
		if testing.Short() && i%10 > 0 {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			replay(t, aws, cert, c)
		})
	}
}

// placeholders are names and values in turn. Of two that fit, the first counts.
type placeholders []string

func (p placeholders) fill(s string) string { return strings.NewReplacer(p...).Replace(s) }

func (p placeholders) restore(s string) string {
	for i := 0; i < len(p); i += 2 {
		s = strings.ReplaceAll(s, p[i+1], p[i])
	}
	return s
}

// replay runs one case and compares.
func replay(t *testing.T, aws string, cert *certificate, c *testCase) {
	root := t.TempDir()
	home, cwd := filepath.Join(root, "home"), filepath.Join(root, "cwd")
	for _, dir := range []string{home, cwd} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	server := startMock(t, c.Server, cert)
	names := placeholders{
		"{ENDPOINT}", server.endpoint, "{HOSTPORT}", server.address,
		"{HOME}", home, "{CWD}", cwd, "{CERT}", cert.file, "{ROOT}", root,
	}
	server.answer(c.Responses, names)
	for name, content := range c.Files {
		data := content.data
		if content.text {
			data = []byte(names.fill(string(data)))
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, content.mode); err != nil {
			t.Fatal(err)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(cmp.Or(c.Timeout, 60))*time.Second)
	defer cancel()
	argv := make([]string, len(c.Argv))
	for i, word := range c.Argv {
		argv[i] = names.fill(word)
	}
	env := maps.Clone(baseEnv)
	env["HOME"] = home
	for name, value := range c.Env {
		env[name] = names.fill(value)
	}
	cmd := exec.CommandContext(ctx, aws, argv...)
	cmd.Dir = cwd
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin = strings.NewReader(names.fill(c.Stdin))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// What a case starts (credential_process) is to end with it, and nobody is asked at a terminal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		t.Fatal(err)
	}
	if ctx.Err() != nil {
		t.Fatalf("still running: %s", strings.Join(argv, " "))
	}

	gotOut, gotErr := names.restore(stdout.String()), names.restore(stderr.String())
	requests := server.seen()
	for i := range requests {
		r := &requests[i]
		r.Path, r.Query = names.restore(r.Path), names.restore(r.Query)
		r.Body = bodyText(maskToken(names.restore(string(r.Body)), argv))
	}
	if code := cmd.ProcessState.ExitCode(); c.Compare.Exit.word == "nonzero" && code == 0 || c.Compare.Exit.word == "" && code != c.Expect.Exit {
		t.Errorf("exit code: got %d, want %d (stderr %q)", code, c.Expect.Exit, gotErr)
	}
	compareText(t, "stdout", c.Compare.Stdout, gotOut, c.Expect.Stdout, c.Enums)
	compareText(t, "stderr", c.Compare.Stderr, gotErr, c.Expect.Stderr, nil)
	compareRequests(t, c.Compare.Requests, requests, c.Expect.Requests)
	for _, name := range c.Keep {
		want := c.Expect.Files[name]
		got, err := os.ReadFile(filepath.Join(root, name))
		switch text := names.restore(string(got)); {
		case errors.Is(err, os.ErrNotExist) && want == nil:
		case err != nil:
			t.Errorf("reading a file to keep: %v", err)
		case want == nil:
			t.Errorf("file %s: got %q, want none", name, text)
		case text != string(want.data):
			t.Errorf("file %s: %s", name, difference(text, string(want.data)))
		}
	}
	if t.Failed() {
		t.Logf("argv: %q", c.Argv)
	}
}

// maskToken hides the idempotency token that the program made up, unless it was given.
func maskToken(body string, argv []string) string {
	token := regexp.MustCompile(`("ClientRequestToken": ?")([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"`)
	m := token.FindStringSubmatch(body)
	if m == nil || slices.ContainsFunc(argv, func(word string) bool { return strings.Contains(word, m[2]) }) {
		return body
	}
	return strings.Replace(body, m[0], m[1]+`{UUID}"`, 1)
}

// difference shows where two texts part.
func difference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	from := max(0, i-40)
	part := func(s string) string { return s[from:min(len(s), i+200)] }
	return fmt.Sprintf("at byte %d\n got %q\nwant %q", i, part(got), part(want))
}

func compareText(t *testing.T, name string, how rule, got, want string, enums map[string][]string) {
	t.Helper()
	switch {
	case how.word == "ignore":
	case how.word == "nonempty":
		if got == "" {
			t.Errorf("%s: got nothing, want some text", name)
		}
	case how.word == "json":
		if !sameJSON(got, want) {
			t.Errorf("%s: got %s, want the JSON %s", name, got, want)
		}
	case how.word == "skeleton_enum":
		compareSkeletons(t, name, got, want, enums)
	case how.word != "":
		t.Fatalf("%s: unknown rule %q", name, how.word)
	case how.Contains != nil:
		for _, part := range how.Contains {
			if !strings.Contains(got, part) {
				t.Errorf("%s: got %q, want it to contain %q", name, got, part)
			}
		}
	case how.Regex != "":
		if !regexp.MustCompile(`(?s)\A(?:` + how.Regex + `)\z`).MatchString(got) {
			t.Errorf("%s: got %q, want a match of %s", name, got, how.Regex)
		}
	case got != want:
		t.Errorf("%s: %s", name, difference(got, want))
	}
}

// compareSkeletons compares documents in which any member of an enum will do.
func compareSkeletons(t *testing.T, name, got, want string, enums map[string][]string) {
	t.Helper()
	mask := func(text string) string {
		v, err := document.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v in %s", name, err, text)
		}
		v = maskEnums(t, name, v, "", enums)
		return string(document.AppendIndented(nil, v)) + "\n"
	}
	if v, err := document.Parse(got); err == nil {
		if layout := string(document.AppendIndented(nil, v)) + "\n"; layout != got {
			t.Errorf("%s: layout %s", name, difference(got, layout))
		}
	}
	if g, w := mask(got), mask(want); g != w {
		t.Errorf("%s: %s", name, difference(g, w))
	}
}

func maskEnums(t *testing.T, name string, v any, path string, enums map[string][]string) any {
	t.Helper()
	switch v := v.(type) {
	case string:
		if members, ok := enums[path]; ok {
			if !slices.Contains(members, v) {
				t.Errorf("%s: got %s %q, want one of %q", name, path, v, members)
			}
			return "(enum)"
		}
	case []any:
		for i := range v {
			v[i] = maskEnums(t, name, v[i], path+"[]", enums)
		}
	case *document.Object:
		for _, m := range v.Members() {
			v.Set(m.Key, maskEnums(t, name, m.Value, strings.TrimPrefix(path+"."+m.Key, "."), enums))
		}
	}
	return v
}

func compareRequests(t *testing.T, how rule, got, want []request) {
	t.Helper()
	switch {
	case how.word == "ignore":
		return
	case how.Min > 0:
		if len(got) < how.Min {
			t.Fatalf("requests: got %d, want at least %d", len(got), how.Min)
		}
		got, want = got[:1], want[:1]
	case len(got) != len(want):
		t.Fatalf("requests: got %d, want %d: %+v", len(got), len(want), got)
	case how.word == "count":
		return
	}
	for i, g := range got {
		w := want[i]
		if !slices.Equal(queryPairs(g.Query), queryPairs(w.Query)) {
			t.Errorf("request %d: got query %s, want %s", i, g.Query, w.Query)
		}
		if g.Body != w.Body && !sameJSON(string(g.Body), string(w.Body)) {
			t.Errorf("request %d: got body %s, want %s", i, g.Body, w.Body)
		}
		g.Query, w.Query, g.Body, w.Body = "", "", "", ""
		if len(w.Headers) == 0 {
			w.Headers = nil
		}
		if !reflect.DeepEqual(g, w) {
			gotJSON, _ := json.Marshal(g)
			wantJSON, _ := json.Marshal(w)
			t.Errorf("request %d:\n got %s\nwant %s", i, gotJSON, wantJSON)
		}
	}
}

// queryPairs returns the decoded pairs of a query in a fixed order.
func queryPairs(query string) []string {
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		if decoded, err := url.PathUnescape(pair); err == nil {
			pair = decoded
		}
		pairs = append(pairs, pair)
	}
	slices.Sort(pairs)
	return pairs
}

// sameJSON compares JSON texts by value; the order of members is no part of it, the spelling
// of numbers is.
func sameJSON(a, b string) bool {
	decode := func(s string) (v any, ok bool) {
		// Surrogates, of which the decoder makes question marks, are compared as text.
		d := json.NewDecoder(strings.NewReader(strings.ReplaceAll(s, `\ud`, `\\ud`)))
		d.UseNumber()
		err := d.Decode(&v)
		_, end := d.Token()
		return v, err == nil && errors.Is(end, io.EOF)
	}
	va, okA := decode(a)
	vb, okB := decode(b)
	return okA && okB && reflect.DeepEqual(va, vb)
}

// decodeBody returns the bytes of a canned answer.
func (r *response) decodeBody(names placeholders) ([]byte, error) {
	if r.Base64 != "" {
		return base64.StdEncoding.DecodeString(r.Base64)
	}
	return []byte(names.fill(r.Body)), nil
}
