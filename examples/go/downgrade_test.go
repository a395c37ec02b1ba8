// Package downgrade_test shows how to test a program that calls the API, with package carillontest.
package downgrade_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	//lint:ignore SA1019 deprecated with the service it was made for, and what programs still use
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/aws/aws-sdk-go-v2/service/chime/types"

	"github.com/carillon-project/carillon/carillontest"
)

// downgrade is the code under test: replace it by yours. It gives each user of an account a Basic
// license, and returns the ids of those who were refused.
func downgrade(ctx context.Context, client *chime.Client, accountID string) (refused []string, err error) {
	var left []string
	pages := chime.NewListUsersPaginator(client, &chime.ListUsersInput{AccountId: &accountID})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, user := range page.Users {
			left = append(left, *user.UserId)
		}
	}
	for try := 0; try < 3 && len(left) > 0; try++ {
		batch := &chime.BatchUpdateUserInput{AccountId: &accountID}
		for _, id := range left {
			batch.UpdateUserRequestItems = append(batch.UpdateUserRequestItems, types.UpdateUserRequestItem{UserId: &id, LicenseType: types.LicenseBasic})
		}
		reply, err := client.BatchUpdateUser(ctx, batch)
		if err != nil {
			return nil, err
		}
		left = nil
		for _, e := range reply.UserErrors {
			left = append(left, *e.UserId)
		}
	}
	return left, nil
}

// start starts a service with an account of two people, and a client of it.
func start(t *testing.T) (*carillontest.Server, *chime.Client, carillontest.Account) {
	t.Helper()
	srv := carillontest.Start(t)
	acme := srv.Seed(carillontest.Account{
		Name:  "Acme",
		Users: []carillontest.User{{Email: "ana@example.com"}, {Email: "bo@example.com"}},
	})[0]
	client := chime.New(chime.Options{
		BaseEndpoint: &srv.URL,
		Region:       srv.Region,
		Credentials:  credentials.NewStaticCredentialsProvider(srv.AccessKeyID, srv.SecretAccessKey, ""),
	})
	return srv, client, acme
}

func TestDowngrade(t *testing.T) {
	t.Parallel()
	srv, client, acme := start(t)
	refused, err := downgrade(t.Context(), client, acme.ID)
	if err != nil || len(refused) > 0 {
		t.Errorf("got %v, %v, want nobody refused", refused, err)
	}
	for _, user := range srv.Users(acme.ID) {
		if user.License != "Basic" {
			t.Errorf("%s has a %s license, want Basic", user.Email, user.License)
		}
	}
}

// The service refuses Ana once, in a batch that is fine otherwise.
func TestDowngrade_refusedOnce(t *testing.T) {
	t.Parallel()
	srv, client, acme := start(t)
	fault := srv.Fault(carillontest.Fault{
		Operation: "BatchUpdateUser",
		User:      "ana@example.com",
		Where:     carillontest.Item,
		Code:      "Throttled",
		Count:     1,
	})
	refused, err := downgrade(t.Context(), client, acme.ID)
	if err != nil || len(refused) > 0 {
		t.Errorf("got %v, %v, want her tried again", refused, err)
	}
	if fault.Fired() != 1 {
		t.Errorf("the fault has happened %d times, want once", fault.Fired())
	}
	if ana := srv.Users(acme.ID)[0]; ana.License != "Basic" {
		t.Errorf("Ana has a %s license, want Basic", ana.License)
	}
}

// The work is done, and the connection breaks before the reply. The SDK sends the call again.
func TestDowngrade_lostReply(t *testing.T) {
	t.Parallel()
	srv, client, acme := start(t)
	srv.Fault(carillontest.Fault{
		Operation:  "BatchUpdateUser",
		Where:      carillontest.After,
		Connection: carillontest.Reset,
		Count:      1,
	})
	refused, err := downgrade(t.Context(), client, acme.ID)
	if err != nil || len(refused) > 0 {
		t.Errorf("got %v, %v, want nobody refused", refused, err)
	}
	if n := len(srv.Calls()); n != 3 { // ListUsers, BatchUpdateUser, BatchUpdateUser
		t.Errorf("got %d calls, want the lost one again", n)
	}
}
