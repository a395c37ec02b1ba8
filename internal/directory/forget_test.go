package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// viewed calls a function after each view.
type viewed struct {
	store.Store
	after func()
}

func (v *viewed) View(ctx context.Context, fn func(store.ReadTx) error) error {
	err := v.Store.View(ctx, fn)
	v.after()
	return err
}

// A count that was made of the former state, or begun in it, is not told of the next one.
func TestForget_counts(t *testing.T) {
	st := &viewed{open(t, t.TempDir()), func() {}}
	h := houseOver(t, st)
	h.addAccount("A", "Team")
	count := func(want string) {
		t.Helper()
		if got := h.must("CountUsers", "accountId=A", "", ""); !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	h.addUsers(registered("A", "a"))
	count(`"Users": 1}`)
	h.addUsers(registered("A", "b"))
	count(`"Users": 1}`)
	h.service.Forget()
	st.after = h.service.Forget
	count(`"Users": 2}`)
	st.after = func() {}
	h.addUsers(registered("A", "c"))
	count(`"Users": 3}`)
}

// Work for a task of the former state ends without a complaint. Work that begins later goes on.
func TestForget_work(t *testing.T) {
	h := newHouse(t)
	h.addAccount("a1", "Team")
	begun, goOn := make(chan context.Context), make(chan struct{})
	directory.Errand(h.service, func(ctx context.Context, task store.Task) error {
		begun <- ctx
		select {
		case <-goOn:
		case <-ctx.Done():
		}
		return ctx.Err()
	})
	due := func() (result chan error) {
		result = make(chan error, 1)
		h.schedule(chore("errand", "a1", "t", now))
		go func() { result <- h.service.RunDue(context.Background()) }()
		return result
	}
	ended := due()
	<-begun
	h.service.Forget()
	if err := <-ended; err != nil {
		t.Errorf("got error %v", err)
	}
	equal(t, "tasks", h.tasks(), []string{"t"}) // which a load would have replaced
	h.moved.Add(int64(time.Hour))               // so that the lease is over
	ended = due()
	ctx := <-begun
	if err := ctx.Err(); err != nil {
		t.Errorf("the next work has ended with %v", err)
	}
	close(goOn)
	if err := <-ended; err != nil {
		t.Errorf("got error %v", err)
	}
	equal(t, "tasks", h.tasks(), []string(nil))
}

// That a key was used in the former state is not written to the next one.
func TestForget_uses(t *testing.T) {
	clock := now
	keys, st, use, days := usedKeys(t, &clock)
	ended, end := context.WithCancel(t.Context())
	end()
	use("reports")
	keys.Forget()
	use("nightly")
	keys.KeepUses(ended, st.complain)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	equal(t, "days of last use", days(), map[string]time.Time{"reports": {}, "nightly": day})
}
