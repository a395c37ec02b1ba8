package carillontest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"github.com/carillon-project/carillon/carillontest"
	"github.com/carillon-project/carillon/internal/awscli"
	contract "github.com/carillon-project/carillon/internal/chime"
)

// newClient is what a program under test makes: a client with the SDK's own retries.
func newClient(srv *carillontest.Server) *chime.Client {
	return chime.New(chime.Options{
		BaseEndpoint: &srv.URL, Region: srv.Region,
		Credentials: credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
	})
}

// until waits until something is so.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// acme is an account with two people.
func acme() carillontest.Account {
	return carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "bo@example.com", License: "Basic"}}}
}

func TestStart_apart(t *testing.T) {
	for _, license := range []string{"Basic", "Plus", "Pro"} {
		t.Run(license, func(t *testing.T) {
			t.Parallel()
			srv := carillontest.Start(t)
			account := srv.Seed(carillontest.Account{ID: "the same", Name: license, Users: []carillontest.User{{ID: "ana", Email: "ana@example.com"}}})[0]
			ctx, client := t.Context(), newClient(srv)
			_, err := client.UpdateAccount(ctx, &chime.UpdateAccountInput{AccountId: &account.ID, DefaultLicense: types.LicensePro})
			if err != nil {
				t.Fatal(err)
			}
			list, err := client.ListAccounts(ctx, &chime.ListAccountsInput{})
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Accounts) != 1 || *list.Accounts[0].Name != license {
				t.Errorf("got accounts %+v, want the one that was seeded here", list.Accounts)
			}
		})
	}
}

// When a test is over, no port, file or goroutine of its server is left, whatever its clients do.
// This is no parallel test, so that there are no other servers.
func TestStart_leavesNothing(t *testing.T) {
	var url, dir string
	t.Run("a test", func(t *testing.T) {
		srv := carillontest.Start(t)
		url, dir = srv.URL, filepath.Dir(t.TempDir())
		account := srv.Seed(acme())[0]
		if _, err := newClient(srv).GetAccount(t.Context(), &chime.GetAccountInput{AccountId: &account.ID}); err != nil {
			t.Fatal(err)
		}
		silent, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { silent.Close() })
		if _, err := fmt.Fprintf(silent, "POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := http.Get(url + "/healthz"); !errors.Is(err, syscall.ECONNREFUSED) && runtime.GOOS != "windows" {
		t.Errorf("got %v from the port of a server that was stopped, want nobody to listen there", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("got files %v, %v, want none", left, err)
	}
	var left []string
	for end := time.Now().Add(time.Minute); ; { // a goroutine that has been told may still have to end
		left = left[:0]
		stacks := make([]byte, 1<<20)
		for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(stack, "carillon/internal/") || strings.Contains(stack, "net/http.(*Server)") || strings.Contains(stack, "net/http.(*conn)") || strings.Contains(stack, "database/sql") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			break
		}
		runtime.Gosched()
	}
	if len(left) > 0 {
		t.Errorf("got goroutines of a server that was stopped:\n%s", strings.Join(left, "\n\n"))
	}
}

func TestSeed(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	seeded := srv.Seed(acme(), carillontest.Account{
		ID: "ent", Name: "Enterprise", Type: "EnterpriseLWA", DefaultLicense: "Basic", Licenses: []string{"Basic", "Plus", "Pro"},
		Users: []carillontest.User{
			{ID: "chidi", Email: "chidi@example.org", DisplayName: "Chidi", License: "Pro", Registration: "Suspended"},
			{Email: "dana@example.org", Registration: "Unregistered", Invitation: "Pending"},
			{Email: "room@example.org", License: "Plus", Type: "SharedDevice", PhoneNumber: "+12065550100"},
		},
	})
	if a := seeded[0]; a.ID == "" || a.Type != "Team" || a.DefaultLicense != "Pro" || len(a.Users) != 2 || a.Users[0].ID == "" || a.Users[0].License != "Pro" {
		t.Errorf("got %+v, want a Team account with two users, their ids and defaults", a)
	}
	want := []carillontest.User{
		{ID: "chidi", Email: "chidi@example.org", DisplayName: "Chidi", License: "Pro", Type: "PrivateUser", Registration: "Suspended"},
		{ID: seeded[1].Users[1].ID, Email: "dana@example.org", License: "Basic", Type: "PrivateUser", Registration: "Unregistered", Invitation: "Pending"},
		{ID: seeded[1].Users[2].ID, Email: "room@example.org", License: "Plus", Type: "SharedDevice", Registration: "Registered", PhoneNumber: "+12065550100"},
	}
	if got := srv.Users("ent"); !slices.Equal(got, want) || !slices.Equal(seeded[1].Users, want) {
		t.Errorf("got users\n%+v, and from Seed\n%+v, want\n%+v", got, seeded[1].Users, want)
	}
	// The API shows what was seeded.
	user, err := newClient(srv).GetUser(t.Context(), &chime.GetUserInput{AccountId: aws.String("ent"), UserId: aws.String("chidi")})
	if err != nil {
		t.Fatal(err)
	}
	if u := user.User; *u.DisplayName != "Chidi" || u.UserRegistrationStatus != types.RegistrationStatusSuspended || u.RegisteredOn.IsZero() {
		t.Errorf("got %+v, want Chidi as seeded", u)
	}
}

// What an account with a domain has beyond others can be tested, and orders of phone numbers, also
// after a reset.
func TestSeed_domainsAndNumbers(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	account := srv.Seed(carillontest.Account{Name: "Acme", Type: "EnterpriseDirectory", Domains: []string{"example.com"},
		Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "bo@example.com", Registration: "Unregistered", Invitation: "Pending"}}})[0]
	if account.Type != "EnterpriseDirectory" || len(account.Users) != 2 {
		t.Errorf("got %+v, want an EnterpriseDirectory account with two users", account)
	}
	domains := []string{"example.org"}
	if other := srv.Seed(carillontest.Account{Name: "Bell", Domains: domains})[0]; other.Type != "EnterpriseLWA" {
		t.Errorf("got %+v, want an EnterpriseLWA account", other)
	}
	domains[0] = "@" // of the test: Reset claims what was seeded
	srv.AddNumbers("+12065550100", "+12065550101")
	client := newClient(srv)
	for range 2 {
		ctx := t.Context()
		if _, err := client.CreateUser(ctx, &chime.CreateUserInput{AccountId: &account.ID, Email: aws.String("eva@example.com")}); err != nil {
			t.Error(err)
		}
		if _, err := client.CreateBot(ctx, &chime.CreateBotInput{AccountId: &account.ID, DisplayName: aws.String("Bot"), Domain: aws.String("example.com")}); err != nil {
			t.Error(err)
		}
		found, err := client.SearchAvailablePhoneNumbers(ctx, &chime.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206")})
		if err != nil || len(found.E164PhoneNumbers) != 2 {
			t.Fatalf("got %+v and error %v, want the two numbers", found, err)
		}
		order, err := client.CreatePhoneNumberOrder(ctx, &chime.CreatePhoneNumberOrderInput{
			E164PhoneNumbers: found.E164PhoneNumbers, ProductType: types.PhoneNumberProductTypeBusinessCalling})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(order.PhoneNumberOrder.OrderedPhoneNumbers); n != 2 {
			t.Errorf("got %d ordered numbers, want 2", n)
		}
		srv.Reset()
	}
}

func TestUsers_pages(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	big := carillontest.Account{Name: "Big"}
	for i := range 1500 {
		big.Users = append(big.Users, carillontest.User{Email: fmt.Sprintf("user-%d@example.com", i)})
	}
	users := srv.Users(srv.Seed(big)[0].ID)
	if len(users) != len(big.Users) {
		t.Fatalf("got %d users, want %d", len(users), len(big.Users))
	}
	for i, u := range users {
		if u.Email != big.Users[i].Email {
			t.Fatalf("user %d is %s, want %s", i, u.Email, big.Users[i].Email)
		}
	}
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	account := srv.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{ID: "ana", Email: "ana@example.com", PhoneNumber: "+12065550100"}}})[0]
	ctx, client := t.Context(), newClient(srv)
	number := &account.Users[0].PhoneNumber
	if _, err := client.DisassociatePhoneNumberFromUser(ctx, &chime.DisassociatePhoneNumberFromUserInput{AccountId: &account.ID, UserId: aws.String("ana")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.DeletePhoneNumber(ctx, &chime.DeletePhoneNumberInput{PhoneNumberId: number}); err != nil {
		t.Fatal(err)
	}
	get := func() (types.PhoneNumberStatus, error) {
		got, err := client.GetPhoneNumber(ctx, &chime.GetPhoneNumberInput{PhoneNumberId: number})
		if err != nil {
			return "", err
		}
		return got.PhoneNumber.Status, nil
	}
	before := srv.Now()
	srv.Advance(6 * 24 * time.Hour)
	if status, err := get(); status != types.PhoneNumberStatusDeleteInProgress || err != nil {
		t.Errorf("got status %q, %v after 6 days, want the number in the deletion queue", status, err)
	}
	srv.Advance(24 * time.Hour)
	_, err := get()
	if _, gone := errors.AsType[*types.NotFoundException](err); !gone {
		t.Errorf("got %v after 7 days, want a NotFoundException", err)
	}
	if ahead := srv.Now().Sub(before); ahead < 7*24*time.Hour || ahead > 8*24*time.Hour {
		t.Errorf("the clock went %v forward, want 7 days", ahead)
	}
}

// A reset brings back what was seeded and nothing else, for the same client, also while a request
// hangs.
func TestReset(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	account := srv.Seed(acme())[0]
	ctx, client := t.Context(), newClient(srv)
	if err := downgrade(ctx, client, account.ID); err != nil {
		t.Fatal(err)
	}
	name := "Another"
	if _, err := client.CreateAccount(ctx, &chime.CreateAccountInput{Name: &name}); err != nil {
		t.Fatal(err)
	}
	srv.Advance(24 * time.Hour)
	fault := srv.Fault(carillontest.Fault{Operation: "CreateAccount", Connection: carillontest.Stall})
	hanging := make(chan error, 1)
	go func() { // net/http would send what is no POST again
		_, err := client.CreateAccount(ctx, &chime.CreateAccountInput{Name: &name}, func(o *chime.Options) { o.RetryMaxAttempts = 1 })
		hanging <- err
	}()
	until(t, func() bool { return fault.Fired() > 0 })

	srv.Reset()
	if err := <-hanging; err == nil {
		t.Error("the request that hung has got an answer")
	}
	if got := srv.Users(account.ID); !slices.Equal(got, account.Users) {
		t.Errorf("got users %+v, want them as they were seeded: %+v", got, account.Users)
	}
	if calls := srv.Calls(); len(calls) > 0 {
		t.Errorf("got calls %+v, want none", calls)
	}
	if ahead := time.Until(srv.Now()); ahead > time.Hour {
		t.Errorf("the clock is %v ahead, want the time of the machine", ahead)
	}
	list, err := client.ListAccounts(ctx, &chime.ListAccountsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Accounts) != 1 || *list.Accounts[0].Name != "Acme" {
		t.Errorf("got accounts %+v, want Acme alone", list.Accounts)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	account := srv.Seed(acme())[0]
	ctx, client := t.Context(), newClient(srv)
	if _, err := client.GetAccount(ctx, &chime.GetAccountInput{AccountId: &account.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.GetAccount(ctx, &chime.GetAccountInput{AccountId: aws.String("nobody's")}); err == nil {
		t.Fatal("there is an account that was never made")
	}
	if resp, err := http.Get(srv.URL + "/nothing"); err != nil {
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}
	want := []carillontest.Call{{Operation: "GetAccount"}, {Operation: "GetAccount", Error: "NotFoundException"}, {Operation: "unknown", Error: "UnknownOperationException"}}
	if got := srv.Calls(); !slices.Equal(got, want) {
		t.Errorf("got calls %+v, want %+v", got, want)
	}
}

// A program that is told of the server by its environment alone finds it, whatever the machine's
// own environment says.
func TestEnviron(t *testing.T) {
	srv := carillontest.Start(t)
	srv.Seed(acme())
	machine := []string{"HOME=" + t.TempDir(), "AWS_ACCESS_KEY_ID=somebody", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=token", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"}
	environment := (&exec.Cmd{Env: append(machine, srv.Environ()...)}).Environ()
	var out, complaints strings.Builder
	code := awscli.Main(t.Context(), []string{"chime", "list-accounts", "--query", "Accounts[].Name", "--output", "text"}, environment, strings.NewReader(""), &out, &complaints, contract.Service)
	if code != 0 || out.String() != "Acme\n" {
		t.Errorf("got code %d, %q and %q, want Acme", code, out.String(), complaints.String())
	}
	srv.Setenv()
	cmd := exec.Command("x")
	for _, v := range srv.Environ() {
		if !slices.Contains(cmd.Environ(), v) {
			t.Errorf("the environment of the test does not have %s", v)
		}
	}
}

// What a test has done wrong ends it, and it is told what and where.
func TestFatal(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func(*carillontest.Server)
		want string
	}{
		{"no name", func(s *carillontest.Server) { s.Seed(acme(), carillontest.Account{}) }, "seeding: accounts[1]: Name is missing"},
		{"bad license", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "bo@example.com", License: "Gold"}}})
		}, "accounts[0].Users[1].License: Gold is not supported by the account, which has Basic, Pro"},
		{"no license", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Licenses: []string{"Basic", "Gold"}, DefaultLicense: "Basic"})
		}, `accounts[0]: SupportedLicenses is "Gold", not one of Basic, Plus`},
		{"license that a Team account does not have", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com", License: "Plus"}}})
		}, "accounts[0].Users[0].License: Plus is not supported by the account, which has Basic, Pro: see Account.Licenses"},
		{"default that is not supported", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", DefaultLicense: "ProTrial"})
		}, "accounts[0].DefaultLicense: ProTrial is not supported"},
		{"same number", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{
				{Email: "ana@example.com", PhoneNumber: "+12065550100"}, {Email: "bo@example.com", PhoneNumber: "+12065550100"}}})
		}, "accounts[0].Users[1]: PrimaryProvisionedNumber belongs to somebody else"},
		{"number of one who has not joined", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com", Registration: "Unregistered", PhoneNumber: "+12065550100"}}})
		}, "accounts[0].Users[0]: PrimaryProvisionedNumber of a user who has not joined"},
		{"no number", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com", PhoneNumber: "12"}}})
		}, `accounts[0].Users[0].PhoneNumber: "12" is not a phone number such as "+12065550100"`},
		{"domain of a Team account", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Type: "Team", Domains: []string{"example.com"}})
		}, "accounts[0].Domains: a Team account has none"},
		{"no domain", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Domains: []string{"example.com", "@"}})
		}, "accounts[0].Domains[1]: "},
		{"claimed domain", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Domains: []string{"example.com"}}, carillontest.Account{Name: "Bell", Domains: []string{"example.com"}})
		}, "accounts[1].Domains[0]: "},
		{"number that is none", func(s *carillontest.Server) { s.AddNumbers("+12065550100", "12") }, "adding numbers: numbers[1]: "},
		{"no address", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{ID: "ana"}}})
		}, "accounts[0].Users[0]: PrimaryEmail of user ana is missing"},
		{"same address", func(s *carillontest.Server) {
			s.Seed(carillontest.Account{Name: "Acme", Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "Ana@example.com"}}})
		}, "in accounts[0].Users[0]"},
		{"same account", func(s *carillontest.Server) { s.Seed(s.Seed(acme())...) }, "accounts[0]: account "},
		{"unknown account", func(s *carillontest.Server) { s.Users("nobody's") }, `listing the users of account "nobody's"`},
		{"back in time", func(s *carillontest.Server) { s.Advance(-time.Hour) }, "advancing the clock by -1h0m0s: time only goes forward"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			fake := &fakeT{ctx: t.Context()}
			defer fake.end()
			srv := carillontest.Start(fake)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				test.do(srv)
			}()
			<-ended
			if !strings.Contains(fake.fatal, test.want) {
				t.Errorf("got %q, want %q", fake.fatal, test.want)
			}
		})
	}
}

// Programs that test with this package do not link what only the other programs need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on PATH")
	}
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, "github.com/carillon-project/carillon/carillontest") {
		t.Fatalf("go list -deps does not list this package: %s", out)
	}
	const ours = "github.com/carillon-project/carillon/internal/"
	for _, banned := range []string{
		"github.com/spf13", "github.com/xuri", "github.com/jackc", "github.com/prometheus", "github.com/aws",
		ours + "console", ours + "carillon", ours + "metrics", ours + "sheet", ours + "bulk", ours + "store/postgres", ours + "awscli",
	} {
		for _, p := range packages {
			if p == banned || strings.HasPrefix(p, banned+"/") {
				t.Errorf("it links %s", p)
			}
		}
	}
}

// BenchmarkStart is a test of one call: ns/op are those of Start, the call, and the end.
func BenchmarkStart(b *testing.B) {
	var starting time.Duration
	for b.Loop() {
		t := &fakeT{ctx: context.Background()}
		begin := time.Now()
		carillontest.Start(t)
		starting += time.Since(begin)
		t.end()
		if t.fatal != "" {
			b.Fatal(t.fatal)
		}
	}
	b.ReportMetric(float64(starting.Microseconds())/1000/float64(b.N), "ms/start")
}

// Parallel subtests may share a server: what one of them asks for is not lost, nor taken for that
// of another.
func TestServer_shared(t *testing.T) {
	t.Parallel()
	srv := carillontest.Start(t)
	const subtests = 8
	var running sync.WaitGroup
	for i := range subtests { // at once, whatever -parallel says
		running.Go(func() {
			for range 20 {
				srv.Fault(carillontest.Fault{Operation: "ListAccounts", StatusCode: 503}).Remove()
			}
			srv.Seed(carillontest.Account{ID: strconv.Itoa(i), Name: "Shared"})
		})
	}
	running.Wait()
	srv.Reset()
	for i := range subtests {
		srv.Users(strconv.Itoa(i)) // an account that is not there is a fatal error
	}
}
