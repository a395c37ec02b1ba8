//go:build unix

package help_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/help"
	"github.com/carillon-project/carillon/internal/model"
)

// TestMain makes this test program an aws as well: started by that name, it is one.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "aws" {
		os.Exit(awscli.Main(context.Background(), os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr, chime.Service))
	}
	os.Exit(m.Run())
}

// shownExample is an example as the page shows it.
type shownExample struct{ command, output string }

// readExamples takes the examples from a page, as a reader would: indented as they are.
func readExamples(t *testing.T, page string) []shownExample {
	t.Helper()
	_, section, ok := strings.Cut(page, "\nEXAMPLES\n")
	section, _, ok2 := strings.Cut(section, "\nOUTPUT\n")
	if !ok || !ok2 {
		t.Fatalf("the page has no EXAMPLES above its OUTPUT:\n%s", page)
	}
	var found []shownExample
	isOutput := false
	for block := range strings.SplitSeq(strings.Trim(section, "\n"), "\n\n") {
		switch {
		case block == "    Output:":
			isOutput = true
		case !strings.HasPrefix(block, "        "):
			isOutput = false
		case isOutput:
			found[len(found)-1].output = strings.ReplaceAll(strings.TrimPrefix(block, "        "), "\n        ", "\n") + "\n"
		default:
			found = append(found, shownExample{command: block})
		}
	}
	return found
}

// TestExamples copies every example from its page into bash. The service that answers takes
// only a request that its operation's contract allows.
func TestExamples(t *testing.T) {
	data, err := os.ReadFile("testdata/replies.json")
	if err != nil {
		t.Fatal(err)
	}
	var replies map[string]json.RawMessage
	if err := json.Unmarshal(data, &replies); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "aws")); err != nil {
		t.Fatal(err)
	}
	for _, op := range chime.Service.All() {
		t.Run(op.Command, func(t *testing.T) {
			t.Parallel()
			found := readExamples(t, help.Operation(chime.Service, op, nil, nil, 80))
			if len(found) == 0 {
				t.Fatalf("%s has no example", op.Name)
			}
			for _, e := range found {
				runExample(t, bin, op, e, replies[op.Name])
			}
		})
	}
	for name := range replies {
		if chime.Service.Operation(name) == nil {
			t.Errorf("testdata/replies.json has a reply to %s, which is no operation", name)
		}
	}
}

// runExample runs one example. Where its output is not picked by --query it is the reply itself.
func runExample(t *testing.T, bin string, op *model.Operation, e shownExample, picked json.RawMessage) {
	reply := []byte(e.output)
	if strings.Contains(e.command, "--query") {
		reply = picked
	}
	var requests []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.URL.String())
		if err := accept(op, r); err != nil {
			http.Error(w, fmt.Sprintf(`{"Code": "BadRequest", "Message": %q}`, err), http.StatusBadRequest)
			return
		}
		w.WriteHeader(op.Status)
		if op.Status != http.StatusNoContent {
			w.Write(reply)
		}
	}))
	defer service.Close()

	cmd := exec.Command("bash", "-e", "-c", e.command)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + cmd.Dir, "LANG=C.UTF-8",
		"AWS_ENDPOINT_URL_CHIME=" + service.URL, "AWS_DEFAULT_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=AKIDEXAMPLEEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
		"GORACE=atexit_sleep_ms=10", // built with the race detector, each program would wait for a second before it ends
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%s\nrequests: %q\n%s", err, e.command, requests, stderr.Bytes())
		return
	}
	if len(requests) != 1 {
		t.Errorf("got requests %q, want one\n%s", requests, e.command)
	}
	if stderr.Len() > 0 {
		t.Errorf("got on standard error\n%s\nwant nothing\n%s", stderr.Bytes(), e.command)
	}
	if e.output != "" && stdout.String() != e.output {
		t.Errorf("got output\n%s\nwant, as the page shows it,\n%s\n%s", stdout.Bytes(), e.output, e.command)
	}
}

// takesAll has every method of the service, and panics in each.
type takesAll struct{ api.API }

// accept says what is wrong with a request, by the contract of an operation.
func accept(op *model.Operation, r *http.Request) (err error) {
	if r.Method != op.Method {
		return fmt.Errorf("got method %s, want %s", r.Method, op.Method)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	fixed, err := url.ParseQuery(op.Query)
	if err != nil {
		return err
	}
	if query.Get("operation") != fixed.Get("operation") {
		return fmt.Errorf("got query %q, want %q in it", r.URL.RawQuery, op.Query)
	}
	labels := map[string]string{}
	names, values := strings.Split(op.Path, "/"), strings.Split(r.URL.EscapedPath(), "/")
	if len(names) != len(values) {
		return fmt.Errorf("got path %s, want %s", r.URL.EscapedPath(), op.Path)
	}
	for i, name := range names {
		if !strings.HasPrefix(name, "{") {
			if name != values[i] {
				return fmt.Errorf("got path %s, want %s", r.URL.EscapedPath(), op.Path)
			}
			continue
		}
		if labels[strings.Trim(name, "{}")], err = url.PathUnescape(values[i]); err != nil {
			return err
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	defer func() {
		if recover() != nil {
			err = nil // the method was called, so the input has passed
		}
	}()
	_, err = api.Bind(takesAll{}, op.Name)(r.Context(), api.Request{
		Label: func(name string) string { return labels[name] }, Query: query, Body: body,
	})
	return err
}
