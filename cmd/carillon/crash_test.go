package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
)

var (
	crashRounds = flag.Int("rounds", 10, "how often TestCrash kills the service; once with -short")
	crashSeed   = flag.Uint64("seed", 0, "what TestCrash derives its random moments from; 0 for another one each time")
)

const (
	crashClients = 8
	batchSize    = 20 // the most that the API takes
)

// The service is killed, as by kill -9, at random moments while clients change licenses in
// batches, and started again on the same directory. Then every batch that was acknowledged is
// there, none is there by half, and the audit trail tells the same.
//
// Each client has an account of its own and turns all of its users from one license to the
// other, so that half a batch shows as two licenses in one account. The trail knows a batch by
// the request id of the reply, so that none can stand for another. At most one batch of each
// client is under way when the service dies: it may have been committed or not, but whole.
//
// A killed process leaves what it gave to the system, so this shows that replies wait for the
// commit and that commits are whole; it cannot show that a commit survives a loss of power.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start := func() *service { return serving(t, dir) }
	crash(t, *crashRounds, crashSite{start: start, strike: kill(start), open: func() (store.Store, error) {
		return sqlite.Open(t.Context(), filepath.Join(dir, "carillon-data"), sqlite.Options{})
	}})
}

// crashSite is where a crash test strikes.
type crashSite struct {
	start  func() *service
	strike func(*service) *service // does harm to the service, and returns the one to go on with
	open   func() (store.Store, error)
}

func kill(start func() *service) func(*service) *service {
	return func(s *service) *service {
		s.end(os.Kill)
		return start()
	}
}

// crash runs a crash test.
func crash(t *testing.T, rounds int, site crashSite) {
	if testing.Short() {
		rounds = 1
	}
	seed := cmp.Or(*crashSeed, uint64(time.Now().UnixNano()))
	t.Logf("go test ./cmd/carillon -run %s -rounds %d -seed %d", t.Name(), *crashRounds, seed)
	random := rand.New(rand.NewPCG(seed, 0))

	s := site.start()
	crowd := newCrowd(t, s, crashClients)
	kept, refused := 0, 0
	for round := range rounds {
		// The moment: after so many replies, and then anywhere in the next commits.
		replies, pause := random.IntN(100), time.Duration(random.IntN(3000))*time.Microsecond
		replied := make(chan string)
		ctx, stop := context.WithCancel(t.Context())
		var load sync.WaitGroup
		for _, c := range crowd {
			load.Go(func() { c.change(ctx, t, replied) })
		}
		go func() {
			load.Wait()
			close(replied)
		}()
		for range replies {
			<-replied
		}
		time.Sleep(pause)
		struck := make(chan *service)
		go func() { struck <- site.strike(s) }()
		for done := false; !done; { // lets those go on that have a reply to report
			select {
			case <-replied:
			case s = <-struck:
				done = true
			}
		}
		stop()
		for range replied {
		}

		trail := readTrail(t, site.open)
		for _, c := range crowd {
			c.connect(t, s)
			kept += c.check(t, trail, 1)
			refused += c.refused
		}
		if t.Failed() {
			t.Fatalf("round %d, struck %v after %d replies\n%s", round, pause, replies, s.complaints())
		}
	}
	if err := s.end(os.Interrupt); err != nil {
		t.Errorf("carillon serve ended with %v\n%s", err, s.complaints())
	}
	t.Logf("%d unacknowledged batches were kept, of at most %d; %d were refused", kept, crashClients*rounds, refused)
}

// crashClient is one client with what it knows of its account.
type crashClient struct {
	name      string
	client    *client.Client
	requestID string // of the latest reply
	account   string
	users     []string
	refused   int // batches, because the storage did not answer
	patience  int // how many may be that could not begin, one after another; 0: any number

	batches []string // the request ids of all batches there must be, in their order
}

// newCrowd are some clients, each with an account of its own.
func newCrowd(t *testing.T, s *service, clients int) []*crashClient {
	t.Helper()
	crowd := make([]*crashClient, clients)
	for i := range crowd {
		crowd[i] = &crashClient{name: fmt.Sprintf("client%d", i)}
		crowd[i].connect(t, s)
		crowd[i].createUsers(t)
	}
	return crowd
}

// license is what a client's users have after so many of its batches.
func license(batches int) string {
	if batches%2 == 0 {
		return "Pro" // the default
	}
	return "Basic"
}

func (c *crashClient) connect(t *testing.T, s *service) {
	t.Helper()
	var err error
	c.client, err = client.New(client.Config{
		Endpoint: s.url, Region: s.env["AWS_REGION"], Service: chime.Service, UserAgent: c.name,
		Credentials: &client.Credentials{AccessKey: s.env["AWS_ACCESS_KEY_ID"], SecretKey: s.env["AWS_SECRET_ACCESS_KEY"]},
		ReadTimeout: hung, ConnectTimeout: hung,
		MaxAttempts: 1, // a second attempt could hide that the first was lost
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.client.Close)
}

func (c *crashClient) call(operation string, input ...document.Member) (*document.Object, error) {
	i := slices.IndexFunc(chime.Service.All(), func(op *model.Operation) bool { return op.Name == operation })
	reply, err := c.client.Call(context.Background(), chime.Service.All()[i], document.NewObject(input...))
	if err != nil {
		return nil, err
	}
	c.requestID = reply.RequestID
	return reply.Output, nil
}

func (c *crashClient) createUsers(t *testing.T) {
	t.Helper()
	reply, err := c.call("CreateAccount", document.Member{Key: "Name", Value: c.name})
	if err != nil {
		t.Fatal(err)
	}
	c.account = member(member(reply, "Account"), "AccountId").(string)
	emails := make([]any, batchSize)
	for i := range emails {
		emails[i] = fmt.Sprintf("user%d@%s.example.com", i, c.name)
	}
	_, err = c.call("InviteUsers", document.Member{Key: "AccountId", Value: c.account}, document.Member{Key: "UserEmailList", Value: emails})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range c.list(t) {
		c.users = append(c.users, member(u, "UserId").(string))
	}
}

func (c *crashClient) list(t *testing.T) []any {
	t.Helper()
	reply, err := c.call("ListUsers", document.Member{Key: "AccountId", Value: c.account})
	if err != nil {
		t.Fatal(err)
	}
	return member(reply, "Users").([]any)
}

// batch sends the next batch.
func (c *crashClient) batch() (*document.Object, error) {
	items := make([]any, len(c.users))
	for i, id := range c.users {
		items[i] = document.NewObject(document.Member{Key: "UserId", Value: id},
			document.Member{Key: "LicenseType", Value: license(len(c.batches) + 1)})
	}
	return c.call("BatchUpdateUser", document.Member{Key: "AccountId", Value: c.account}, document.Member{Key: "UpdateUserRequestItems", Value: items})
}

// change sends batches until the context ends or there is no reply, and reports the request id of
// each reply. A service that is not available promises that nothing has changed, so that the batch
// is sent again; after any other failure of the service nothing is known.
func (c *crashClient) change(ctx context.Context, t *testing.T, replied chan<- string) {
	unavailable := 0
	for ctx.Err() == nil {
		reply, err := c.batch()
		if _, lost := errors.AsType[*client.TransportError](err); lost {
			return
		}
		if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Status >= 500 {
			c.refused++
			if unavailable++; refusal.Status == http.StatusServiceUnavailable && unavailable != c.patience {
				continue
			}
			return
		}
		unavailable = 0
		if err != nil || len(member(reply, "UserErrors").([]any)) > 0 {
			t.Errorf("%s: BatchUpdateUser: %v, %s", c.name, err, document.AppendCompact(nil, reply))
			return
		}
		c.batches = append(c.batches, c.requestID)
		replied <- c.requestID
	}
}

// check compares what is there with what must be. A batch that had no reply may be there, so many
// of them at the most; it counts from now on. check returns how many there were.
func (c *crashClient) check(t *testing.T, trail []store.AuditRecord, most int) (more int) {
	t.Helper()
	var got []string // the request ids of the trail
	targets := map[string][]string{}
	for _, r := range trail {
		if r.AccountID != c.account {
			continue
		}
		if len(targets[r.RequestID]) == 0 {
			got = append(got, r.RequestID)
		}
		targets[r.RequestID] = append(targets[r.RequestID], r.Target)
		want := fmt.Sprintf(`{"LicenseType": "%s"}`, license(len(got)))
		if r.After != want || r.UserAgent != c.name {
			t.Errorf("%s: the audit record of batch %d for %s has After %s, UserAgent %q; want %s, %q",
				c.name, len(got), r.Target, r.After, r.UserAgent, want, c.name)
		}
	}
	for i, id := range got {
		slices.Sort(targets[id])
		if want := slices.Sorted(slices.Values(c.users)); !slices.Equal(targets[id], want) {
			t.Errorf("%s: batch %d (request %s) has audit records for %d users, want one for each of %d", c.name, i+1, id, len(targets[id]), len(want))
		}
	}
	for i, want := range c.batches {
		if i >= len(got) || got[i] != want {
			t.Errorf("%s: batch %d of %d (request %s) was acknowledged and is not in its place in the trail, which has %d batches",
				c.name, i+1, len(c.batches), want, len(got))
			break
		}
	}
	if more = len(got) - len(c.batches); more > most {
		t.Errorf("%s: got %d batches in the trail, want the %d that were acknowledged and at most %d more", c.name, len(got), len(c.batches), most)
	}
	c.batches = got

	count := map[any]int{}
	for _, u := range c.list(t) {
		count[member(u, "LicenseType")]++
	}
	if want := map[any]int{license(len(c.batches)): batchSize}; !reflect.DeepEqual(count, want) {
		t.Errorf("%s: after %d batches there are users with licenses %v, want %v", c.name, len(c.batches), count, want)
	}
	return more
}

// readTrail returns what the audit trail has of BatchUpdateUser, beside the service that runs.
func readTrail(t *testing.T, open func() (store.Store, error)) []store.AuditRecord {
	t.Helper()
	st, err := open()
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var all []store.AuditRecord
	err = st.View(t.Context(), func(tx store.ReadTx) error {
		const page = 1000
		for after := store.Entry(0); ; {
			records, _, err := tx.Audit("111122223333", store.AuditFilter{}, after, page)
			for _, r := range records {
				if r.Operation == "BatchUpdateUser" {
					all = append(all, r)
				}
			}
			if err != nil || len(records) < page {
				return err
			}
			after = records[page-1].Entry
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// member returns a member of an object, nil if it has none.
func member(object any, key string) any {
	v, _ := object.(*document.Object).Get(key)
	return v
}
