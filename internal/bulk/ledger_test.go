package bulk

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
)

// After an interrupt the error still says that the ledger could not be written: the calls that were
// made are not on record.
func TestRunIsInterruptedWithoutDisk(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	var l *Ledger
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		interrupt()
		l.file.Close()
		io.WriteString(w, "{}")
	}))
	defer s.Close()
	a, err := Open(Config{Client: client.Config{Endpoint: s.URL, Region: "us-east-1", Service: chime.Service}, Account: "A", Job: "j", Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	p := &Plan{Head: Head{Action: Update, Account: "A", Job: "j"}}
	for i := range 40 { // for two calls
		p.Rows = append(p.Rows, Row{Number: i + 1, User: strconv.Itoa(i), To: Values{{License, "Pro"}}, Status: Planned})
	}
	l, err = Create(filepath.Join(t.TempDir(), "ledger"), p, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Run(ctx, l, RunOptions{}); err == nil || !strings.HasPrefix(err.Error(), "writing the ledger: ") {
		t.Errorf("got %v, want that the ledger cannot be written", err)
	}
}
