//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// listing are commands that read the users of an account, in pages.
var listing = []string{
	"aws chime list-users --account-id " + anyAccount + " --query Users[].UserId --output text",
	"carillon bulk export --account-id " + anyAccount + " --format jsonl",
}

// listOf returns one of these commands, to run on a service by a shell.
func listOf(t *testing.T, url, before, command string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hung)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "sh", "-c", before+"exec "+command)
	cmd.Dir = t.TempDir()
	cmd.Env = append(childEnv(cmd.Dir), "AWS_ENDPOINT_URL_CHIME="+url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-1")
	return cmd
}

// A program that was started to ignore interrupts, as by nohup or in the background of a script,
// goes on when there is one.
func TestIgnoredInterrupt(t *testing.T) {
	t.Parallel()
	for _, command := range listing {
		t.Run(strings.Fields(command)[0], func(t *testing.T) {
			t.Parallel()
			asked, interrupted := make(chan struct{}), make(chan struct{})
			first := sync.OnceFunc(func() { close(asked) })
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				first()
				<-interrupted
				io.WriteString(w, `{"Users": [{"UserId": "the-user"}]}`)
			}))
			defer s.Close()
			var out strings.Builder
			cmd := listOf(t, s.URL, "trap '' INT; ", command)
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Error(err)
			}
			close(interrupted)
			if err := cmd.Wait(); err != nil || !strings.Contains(out.String(), "the-user") {
				t.Errorf("got %v and %q, want the user", err, out.String())
			}
		})
	}
}

// What Go's library has to say about an odd server is for nobody.
func TestOddServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				request := make([]byte, 64<<10)
				for {
					n, err := conn.Read(request)
					if err != nil {
						return
					}
					page := `{"Users": [{"UserId": "first"}], "NextToken": "more"}`
					if strings.Contains(string(request[:n]), "next-token=more") {
						page = `{"Users": [{"UserId": "last"}]}`
					}
					// Something follows that nobody has asked for, upon which Go's client complains. If it is
					// there before the client lets go of the connection, it is no reply to the next request,
					// which is sent again.
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%sunasked\r\n\r\n", len(page), page)
				}
			}()
		}
	}()
	for _, command := range listing {
		var out, complaints strings.Builder
		cmd := listOf(t, "http://"+l.Addr().String(), "", command)
		cmd.Stdout, cmd.Stderr = &out, &complaints
		if err := cmd.Run(); err != nil || !strings.Contains(out.String(), "last") || strings.Contains(complaints.String(), "nsolicited") {
			t.Errorf("%s: got %v, %q and %q, want both pages and no word of the library", command, err, out.String(), complaints.String())
		}
	}
}
