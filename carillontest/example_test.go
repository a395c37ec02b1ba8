package carillontest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"github.com/carillon-project/carillon/carillontest"
)

// t is the *testing.T of a test, which an example does not have.
var t = &fakeT{ctx: context.Background()}

func TestMain(m *testing.M) {
	code := m.Run()
	t.end()
	os.Exit(code)
}

// fakeT is a testing.TB that is no test's: it keeps what a test would be failed with.
type fakeT struct {
	testing.TB // what is not below is not for a server to call
	ctx        context.Context
	cleanups   []func()
	fatal      string
}

func (f *fakeT) Helper()                  {}
func (f *fakeT) Context() context.Context { return f.ctx }
func (f *fakeT) Output() io.Writer        { return io.Discard }
func (f *fakeT) Cleanup(fn func())        { f.cleanups = append(f.cleanups, fn) }

func (f *fakeT) TempDir() string {
	dir, err := os.MkdirTemp("", "carillontest-")
	if err != nil {
		f.Fatalf("%v", err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (f *fakeT) Errorf(format string, args ...any) { f.fatal = fmt.Sprintf(format, args...) }

// end is the end of the test.
func (f *fakeT) end() {
	for _, fn := range slices.Backward(f.cleanups) {
		fn()
	}
	f.cleanups = nil
}

// downgrade is a program under test: it gives everybody a Basic license.
func downgrade(ctx context.Context, client *chime.Client, accountID string) error {
	pages := chime.NewListUsersPaginator(client, &chime.ListUsersInput{AccountId: &accountID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		batch := &chime.BatchUpdateUserInput{AccountId: &accountID}
		for _, user := range page.Users {
			batch.UpdateUserRequestItems = append(batch.UpdateUserRequestItems, types.UpdateUserRequestItem{UserId: user.UserId, LicenseType: types.LicenseBasic})
		}
		out, err := client.BatchUpdateUser(ctx, batch)
		if err != nil {
			return err
		}
		for _, e := range out.UserErrors {
			return fmt.Errorf("user %s: %s", *e.UserId, e.ErrorCode)
		}
	}
	return nil
}

func Example() {
	srv := carillontest.Start(t)
	acme := srv.Seed(carillontest.Account{
		Name:  "Acme",
		Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "bo@example.com"}},
	})[0]

	if err := downgrade(t.Context(), newClient(srv), acme.ID); err != nil {
		t.Fatal(err)
	}
	for _, user := range srv.Users(acme.ID) {
		fmt.Println(user.Email, user.License)
	}
	for _, call := range srv.Calls() {
		fmt.Println(call.Operation)
	}
	// Output:
	// ana@example.com Basic
	// bo@example.com Basic
	// ListUsers
	// BatchUpdateUser
}

// A user of a batch is refused, and the others are done.
func ExampleServer_Fault() {
	srv := carillontest.Start(t)
	acme := srv.Seed(carillontest.Account{
		Name:  "Acme",
		Users: []carillontest.User{{ID: "ana", Email: "ana@example.com"}, {ID: "bo", Email: "bo@example.com"}},
	})[0]
	throttled := srv.Fault(carillontest.Fault{
		Operation: "BatchUpdateUser",
		User:      "ana@example.com",
		Where:     carillontest.Item,
		Code:      "Throttled",
	})

	fmt.Println(downgrade(t.Context(), newClient(srv), acme.ID))
	for _, user := range srv.Users(acme.ID) {
		fmt.Println(user.Email, user.License)
	}
	fmt.Println("fired:", throttled.Fired())
	// Output:
	// user ana: Throttled
	// ana@example.com Pro
	// bo@example.com Basic
	// fired: 1
}

// A phone number is in the deletion queue for seven days.
func ExampleServer_Advance() {
	srv := carillontest.Start(t)
	acme := srv.Seed(carillontest.Account{
		Name:  "Acme",
		Users: []carillontest.User{{Email: "ana@example.com", PhoneNumber: "+12065550100"}},
	})[0]
	client := newClient(srv)
	ana := acme.Users[0]
	client.DisassociatePhoneNumberFromUser(t.Context(), &chime.DisassociatePhoneNumberFromUserInput{AccountId: &acme.ID, UserId: &ana.ID})
	client.DeletePhoneNumber(t.Context(), &chime.DeletePhoneNumberInput{PhoneNumberId: &ana.PhoneNumber})

	srv.Advance(7 * 24 * time.Hour)

	_, err := client.RestorePhoneNumber(t.Context(), &chime.RestorePhoneNumberInput{PhoneNumberId: &ana.PhoneNumber})
	fmt.Println(err != nil)
	fmt.Println(srv.Calls()[2])
	// Output:
	// true
	// {RestorePhoneNumber NotFoundException}
}
