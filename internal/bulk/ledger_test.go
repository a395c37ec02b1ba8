package bulk

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
)

// jobOf is a job for some users of a service, in a new ledger.
func jobOf(t *testing.T, s *httptest.Server, users int) (*Account, *Ledger) {
	t.Helper()
	began := time.Now()
	a, err := Open(Config{
		Client: client.Config{Endpoint: s.URL, Region: "us-east-1", Service: chime.Service}, Account: "A", Job: "j", Parallel: 1,
		Now: func() time.Time { return began }, // so that it is never time to tell the service of progress
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	p := &Plan{Head: Head{Action: Update, Account: "A", Job: "j"}}
	for i := range users {
		p.Rows = append(p.Rows, Row{Number: i + 1, User: strconv.Itoa(i), To: Values{{License, "Pro"}}, Status: Planned})
	}
	l, err := Create(filepath.Join(t.TempDir(), "ledger"), p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return a, l
}

// After an interrupt the error still says that the ledger could not be written: the calls that were
// made are not on record.
func TestRunIsInterruptedWithoutDisk(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var a *Account
	var l *Ledger
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		interrupt()
		l.file.Close()
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	a, l = jobOf(t, s, 40) // for two calls
	if _, err := a.Run(ctx, l, RunOptions{}); err == nil || !strings.HasPrefix(err.Error(), "writing the ledger: ") {
		t.Errorf("got %v, want that the ledger cannot be written", err)
	}
}

// What was written to a ledger, but cannot be brought to the disk, is not on record. No call is
// made then, nor when the disk is well again. A pipe takes everything, and cannot be synced.
func TestRunWithoutSync(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows waits until a pipe was read")
	}
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // not a look at the users of the former run
			calls.Add(1)
		}
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	a, l := jobOf(t, s, 40)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	whole := l.file
	for _, l.file = range []*os.File{w, whole} {
		if _, err := a.Run(t.Context(), l, RunOptions{}); err == nil || !strings.HasPrefix(err.Error(), "writing the ledger: ") {
			t.Errorf("got %v, want that the ledger cannot be written", err)
		}
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls were made, want none", n)
	}
}
