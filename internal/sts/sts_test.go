package sts_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sts"
)

// ask asks a service that answers with a status and a body, and tells what came of it and how often
// the service was asked.
func ask(t *testing.T, status int, body string) (reply *document.Object, requests int, err error) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	defer server.Close()
	c, err := client.New(client.Config{
		Endpoint: server.URL, Region: "us-east-1", SigningName: "sts", MaxReply: sts.MaxReply,
		Credentials: &client.Credentials{AccessKey: "A", SecretKey: "secret/A"},
		Sleep:       func(context.Context, time.Duration) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reply, err = sts.AssumeRole(context.Background(), c, []sts.Parameter{{Name: "RoleArn", Value: "arn:aws:iam::1:role/r"}})
	return reply, requests, err
}

const (
	keys = "<Credentials><AccessKeyId>K</AccessKeyId><SecretAccessKey>a&amp;b</SecretAccessKey><SessionToken/><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
	good = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>" + keys + "</AssumeRoleResult></AssumeRoleResponse>"
)

func TestAssumeRole(t *testing.T) {
	reply, _, err := ask(t, 200, good)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := reply.Get("Credentials")
	got := string(document.AppendCompact(nil, v))
	if want := `{"AccessKeyId": "K", "SecretAccessKey": "a&b", "SessionToken": "", "Expiration": "2099-01-01T00:00:00Z"}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The words for what is no reply are those of version 1, taken down from it.
func TestAssumeRole_broken(t *testing.T) {
	unreadable := func(reason, shown string) string {
		return "Unable to parse response (" + reason + "), invalid XML received. Further retries may succeed:\nb'" + shown + "'"
	}
	for _, tt := range []struct {
		status     int
		body, want string
	}{
		{200, "", unreadable("no element found: line 1, column 0", "")},
		{200, "oops", unreadable("syntax error: line 1, column 0", "oops")},
		{200, "<a", unreadable("unclosed token: line 1, column 0", "<a")},
		{200, "<a>", unreadable("no element found: line 1, column 3", "<a>")},
		{200, "<a></b>", unreadable("mismatched tag: line 1, column 5", "<a></b>")},
		{200, "<a>\n<b></a>", unreadable("mismatched tag: line 2, column 5", `<a>\n<b></a>`)},
		{200, "<a/><b/>", unreadable("junk after document element: line 1, column 4", "<a/><b/>")},
		{200, "<a>&x;</a>", unreadable("undefined entity: line 1, column 3", "<a>&x;</a>")},
		{200, "<a>&#1;</a>", unreadable("reference to invalid character number: line 1, column 3", "<a>&#1;</a>")},
		{200, "<a>\x01</a>", unreadable("not well-formed (invalid token): line 1, column 3", `<a>\x01</a>`)},
		{200, "<AssumeRoleResponse/>", "'AssumeRoleResult'"},
		{200, "<R><AssumeRoleResult/></R>", "'Credentials'"},
		{403, "<R><Error><Code>No</Code><Message>you &lt;may&gt; not<!-- x --></Message></Error></R>", "An error occurred (No) when calling the AssumeRole operation: you <may> not"},
		{403, "<R><Error><Code>No</Code><Message/></Error></R>", "An error occurred (No) when calling the AssumeRole operation: None"},
		{403, "<Error><Code>No</Code></Error>", "An error occurred (Unknown) when calling the AssumeRole operation: Unknown"},
		{403, "", unreadable("no element found: line 1, column 0", "")},
	} {
		if _, _, err := ask(t, tt.status, tt.body); err == nil || err.Error() != tt.want {
			t.Errorf("%d %s:\ngot  %v\nwant %s", tt.status, tt.body, err, tt.want)
		}
	}
}

// A hostile reply costs little, and a broken one shows no keys.
func TestAssumeRole_hostile(t *testing.T) {
	bomb := `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>`
	for name, tt := range map[string]struct{ body, want string }{
		"entities":  {bomb, "a declaration"},
		"depth":     {strings.Repeat("<a>", 100_000), "elements too deep in each other"},
		"size":      {strings.Repeat("<a></a>", sts.MaxReply), "too long"},
		"half keys": {strings.TrimSuffix(good, "</AssumeRoleResponse>"), "not shown"},
	} {
		_, requests, err := ask(t, 200, tt.body)
		switch {
		case err == nil || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s: got %.200v, want an error with %q", name, err, tt.want)
		case requests != 1:
			t.Errorf("%s: asked %d times, want once", name, requests)
		case strings.Contains(err.Error(), "a&amp;b"):
			t.Errorf("%s: the error holds a secret: %v", name, err)
		}
	}
}

// A role is asked for again only where version 1 would do so.
func TestAssumeRole_attempts(t *testing.T) {
	refusal := func(code string) string { return "<R><Error><Code>" + code + "</Code></Error></R>" }
	for _, tt := range []struct {
		status int
		code   string
		want   int
	}{
		{400, "IDPCommunicationError", 5}, {403, "IDPCommunicationError", 1}, {400, "Throttling", 5}, {503, "X", 5},
		{400, "ExpiredTokenException", 1}, {403, "AccessDenied", 1}, {501, "X", 1},
	} {
		_, got, err := ask(t, tt.status, refusal(tt.code))
		if refused, ok := errors.AsType[*client.ServiceError](err); !ok || refused.Code != tt.code {
			t.Errorf("%d %s: got %v, want a ServiceError", tt.status, tt.code, err)
		}
		if got != tt.want {
			t.Errorf("%d %s: asked %d times, want %d", tt.status, tt.code, got, tt.want)
		}
	}
}
