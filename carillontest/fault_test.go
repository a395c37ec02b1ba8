package carillontest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"github.com/carillon-project/carillon/carillontest"
)

func TestFault_item(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	account := srv.Seed(acme())[0]
	fault := srv.Fault(carillontest.Fault{Operation: "BatchUpdateUser", User: "ana@example.com", Where: carillontest.Item, Code: "Throttled"})
	client := newClient(srv)
	if err := downgrade(t.Context(), client, account.ID); err == nil || !strings.Contains(err.Error(), account.Users[0].ID+": Throttled") {
		t.Errorf("got %v, want the first user throttled", err)
	}
	if n := fault.Fired(); n != 1 {
		t.Errorf("the fault has fired %d times, want once", n)
	}
	fault.Remove()
	fault.Remove()
	if err := downgrade(t.Context(), client, account.ID); err != nil {
		t.Errorf("after the fault was removed: %v", err)
	}
	if n := fault.Fired(); n != 1 {
		t.Errorf("the fault that was removed has fired %d times, want once, as before", n)
	}
}

// logged is a test whose output is kept.
type logged struct {
	testing.TB
	output bytes.Buffer
}

func (l *logged) Output() io.Writer { return &l.output }

// The log tells a fault from a failure of the service.
func TestFault_log(t *testing.T) {
	t.Parallel()
	l := &logged{TB: t}
	srv := carillontest.Start(l)
	client := newClient(srv)
	for _, fault := range []carillontest.Fault{{Connection: carillontest.Empty, Count: 1}, {Code: "ServiceFailureException", Count: 1}} {
		f := srv.Fault(fault)
		if _, err := client.ListAccounts(t.Context(), &chime.ListAccountsInput{}); err != nil { // after another try
			t.Error(err)
		}
		f.Remove()
	}
	text := l.output.String()
	if strings.Count(text, "\n") != 2 || strings.Count(text, " level=INFO msg=request operation=ListAccounts ") != 2 ||
		!strings.Contains(text, ` reason="fault rule fault-1"`) || !strings.Contains(text, ` reason="fault rule fault-2"`) {
		t.Errorf("got the log %s", text)
	}
}

// The SDK sends a call again that the service could not do, or whose reply is lost. It does not if
// the exception is ThrottledClientException, which it does not know as one of throttling.
func TestFault_retries(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault carillontest.Fault
		calls []carillontest.Call
	}{
		{"by status", carillontest.Fault{StatusCode: http.StatusInternalServerError, RetryAfter: time.Millisecond},
			[]carillontest.Call{{Operation: "CreateAccount", Error: "ServiceFailureException"}, {Operation: "CreateAccount"}}},
		{"by name, and late", carillontest.Fault{Code: "ServiceUnavailableException", Latency: time.Millisecond},
			[]carillontest.Call{{Operation: "CreateAccount", Error: "ServiceUnavailableException"}, {Operation: "CreateAccount"}}},
		{"lost", carillontest.Fault{Where: carillontest.After, Connection: carillontest.Reset},
			[]carillontest.Call{{Operation: "CreateAccount"}, {Operation: "CreateAccount"}}},
		{"the second one", carillontest.Fault{Where: carillontest.After, Connection: carillontest.Empty, Skip: 1},
			[]carillontest.Call{{Operation: "CreateAccount"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			srv := carillontest.Start(t)
			test.fault.Operation, test.fault.Count = "CreateAccount", 1
			srv.Fault(test.fault)
			name := "Acme"
			if _, err := newClient(srv).CreateAccount(t.Context(), &chime.CreateAccountInput{Name: &name}); err != nil {
				t.Errorf("got %v, want the SDK to call again", err)
			}
			if got := srv.Calls(); !slices.Equal(got, test.calls) {
				t.Errorf("got calls %+v, want %+v", got, test.calls)
			}
		})
	}
}

// The same users fail in each run, and others with another seed.
func TestFault_probability(t *testing.T) {
	t.Parallel()
	refused := func(seed int) (emails []string) {
		srv := carillontest.Start(t)
		many := carillontest.Account{ID: "many", Name: "Many"}
		for _, letter := range strings.Split("abcdefghijklmnopqrst", "") {
			many.Users = append(many.Users, carillontest.User{ID: letter, Email: letter + "@example.com"})
		}
		srv.Seed(many)
		srv.Fault(carillontest.Fault{User: "*@example.com", Where: carillontest.Item, Code: "Throttled", Probability: 0.5, Seed: seed})
		batch := &chime.BatchUpdateUserInput{AccountId: &many.ID}
		for _, u := range many.Users {
			batch.UpdateUserRequestItems = append(batch.UpdateUserRequestItems, types.UpdateUserRequestItem{UserId: &u.ID, LicenseType: types.LicenseBasic})
		}
		reply, err := newClient(srv).BatchUpdateUser(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range reply.UserErrors {
			emails = append(emails, *e.UserId)
		}
		return emails
	}
	first := refused(1)
	if len(first) == 0 || len(first) == 20 {
		t.Errorf("%d of 20 users were refused, want some", len(first))
	}
	if again := refused(1); !slices.Equal(again, first) {
		t.Errorf("got %v refused, and then %v", first, again)
	}
	if other := refused(2); slices.Equal(other, first) {
		t.Errorf("got %v refused with another seed, too", other)
	}
}

// A fault that cannot happen is refused with the name of the member, and what it may be.
func TestFault_fatal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		fault carillontest.Fault
		want  []string
	}{
		{carillontest.Fault{Operation: "BatchUpdateUser"}, []string{"effect"}},
		{carillontest.Fault{Operation: "BatchUpdateUsers", StatusCode: 429}, []string{"operation", "BatchUpdateUsers", "BatchUpdateUser"}},
		{carillontest.Fault{Operation: "BatchUpdateUser", Where: carillontest.Item, Code: "Throtled"}, []string{"effect.code", "Throtled", "Throttled"}},
		{carillontest.Fault{Operation: "GetUser", Where: "befor", StatusCode: 429}, []string{"where", "befor", "before"}},
		{carillontest.Fault{Operation: "GetUser", Code: "NoSuchException"}, []string{"effect.code", "NotFoundException"}},
		{carillontest.Fault{StatusCode: 429, Probability: 2}, []string{"probability"}},
	} {
		fake := &fakeT{ctx: t.Context()}
		srv := carillontest.Start(fake)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			srv.Fault(test.fault)
		}()
		<-ended
		fake.end()
		for _, want := range append(test.want, "carillontest: fault: ") {
			if !strings.Contains(fake.fatal, want) {
				t.Errorf("%+v: got %q, want %q in it", test.fault, fake.fatal, want)
			}
		}
	}
}

// A stalled answer does not hold up the end of a test.
func TestFault_stall(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	t.Run("a test", func(t *testing.T) {
		srv := carillontest.Start(t)
		fault := srv.Fault(carillontest.Fault{Operation: "ListAccounts", Connection: carillontest.Stall})
		client := newClient(srv)
		go func() {
			_, err := client.ListAccounts(t.Context(), &chime.ListAccountsInput{}, func(o *chime.Options) { o.RetryMaxAttempts = 1 })
			failed <- err
		}()
		until(t, func() bool { return fault.Fired() > 0 })
	})
	if err := <-failed; err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("got %v from a call that was stalled, want an error", err)
	}
}

// A delay is never shorter than what was asked for.
func TestFault_latency(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	srv.Fault(carillontest.Fault{Latency: time.Microsecond})
	srv.Fault(carillontest.Fault{Latency: 2 * time.Millisecond})
	response, err := http.Get(srv.URL + "/_carillon/faults")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var rules []struct {
		Effect struct{ Latency struct{ MS int } }
	}
	if err := json.NewDecoder(response.Body).Decode(&rules); err != nil {
		t.Fatal(err)
	}
	if len(rules) != 2 || rules[0].Effect.Latency.MS != 1 || rules[1].Effect.Latency.MS != 2 {
		t.Errorf("got %+v, want 1 and 2 ms", rules)
	}
}
