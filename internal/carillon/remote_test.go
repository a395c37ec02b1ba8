package carillon_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/carillon-project/carillon/internal/carillon"
)

// A command that asks a service ends, whatever the service answers, and never takes nonsense for a
// trail or a list without entries.
func TestRemote_OddReplies(t *testing.T) {
	for _, tt := range []struct{ command, reply, want string }{
		{"audit", `{"AuditRecords": [], "NextToken": "same"}`, "carillon: audit: the service repeats the NextToken of ReadAudit: the listing would never end\n"},
		{"report", `{"Accounts": [], "NextToken": "same"}`, "carillon: report: the service repeats the NextToken of ListAccounts: the listing would never end\n"},
		{"audit", `{"AuditRecords": [null]}`, "carillon: audit: the reply has AuditRecords that are none: the endpoint is not that of carillon serve\n"},
		{"audit", `{"AuditRecords": [{"Target": 1}]}`, "carillon: audit: the reply has a record without a time: the endpoint is not that of carillon serve, or a proxy has changed it\n"},
		{"audit", `{}`, "carillon: audit: the reply has no AuditRecords: the endpoint is not that of carillon serve, or a proxy has answered\n"},
	} {
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, tt.reply) }))
		var stdout, stderr bytes.Buffer
		env := []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "HOME=" + t.TempDir()}
		code := carillon.Main(t.Context(), []string{tt.command, "--endpoint-url", service.URL}, env, strings.NewReader(""), &stdout, &stderr)
		if code == 0 || stderr.String() != tt.want {
			t.Errorf("%s of %s: got code %d, %q and %q, want %q", tt.command, tt.reply, code, stdout.String(), stderr.String(), tt.want)
		}
		service.Close()
	}
}

// A command that waits for a service says so, and why.
func TestRemote_Waits(t *testing.T) {
	for _, tt := range []struct {
		path, want string
		answer     func(w http.ResponseWriter, told <-chan struct{})
	}{
		{"/_carillon/clock", "the service has not answered for 1s", func(_ http.ResponseWriter, told <-chan struct{}) { <-told }},
		{"/_carillon/clock", "every try has failed for 1s, the last one: .*", func(_ http.ResponseWriter, told <-chan struct{}) {
			select {
			case <-told:
			default:
				panic(http.ErrAbortHandler) // the connection breaks
			}
		}},
		{"/accounts", "the service has not answered for 1s", func(_ http.ResponseWriter, told <-chan struct{}) { <-told }},
		{"/accounts", `every try has failed for 1s, the last one: An error occurred \(ServiceFailureException\) when calling the ListAccounts operation: ill`, func(w http.ResponseWriter, told <-chan struct{}) {
			select {
			case <-told:
			default:
				w.Header().Set("X-Amzn-Errortype", "ServiceFailureException")
				w.WriteHeader(http.StatusInternalServerError)
				io.WriteString(w, `{"Message": "ill"}`)
			}
		}},
	} {
		t.Run(tt.path+" "+tt.want, func(t *testing.T) {
			told := make(chan struct{})
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == tt.path {
					tt.answer(w, told)
				}
				select {
				case <-told:
					io.WriteString(w, `{"Accounts": [], "PhoneNumbers": []}`)
				default:
				}
			}))
			defer service.Close()
			stderr := &alarm{at: "waiting", ring: sync.OnceFunc(func() { close(told) })}
			env := []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=50", "HOME=" + t.TempDir()}
			var stdout bytes.Buffer
			code := carillon.Main(t.Context(), []string{"report", "--endpoint-url", service.URL, "--cli-read-timeout", "2"}, env, strings.NewReader(""), &stdout, stderr)
			want := `^carillon: waiting: ` + tt.want + `\n$`
			if code != 0 || !regexp.MustCompile(want).MatchString(stderr.String()) {
				t.Errorf("got code %d, %q, want %s", code, stderr.String(), want)
			}
		})
	}
}

// An interrupt ends a command that asks a service, and is told as such.
func TestRemote_Interrupted(t *testing.T) {
	for _, tt := range []struct{ command, path string }{
		{"report", "/_carillon/clock"}, {"report", "/accounts"}, {"audit", "/carillon/audit"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == tt.path {
				interrupt()
				<-r.Context().Done()
			}
		}))
		env := []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1", "HOME=" + t.TempDir()}
		var stdout, stderr bytes.Buffer
		code := carillon.Main(ctx, []string{tt.command, "--endpoint-url", service.URL}, env, strings.NewReader(""), &stdout, &stderr)
		if want := "carillon: " + tt.command + ": interrupted\n"; code != 130 || stderr.String() != want {
			t.Errorf("%s at %s: got code %d, %q, want 130 and %q", tt.command, tt.path, code, stderr.String(), want)
		}
		service.Close()
	}
}
