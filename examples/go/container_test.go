//go:build ignore

// To test against the service in a container, as other languages do, remove the line above and run
//
//	go get github.com/testcontainers/testcontainers-go
//
// The image is the one that examples/README.md makes. Package carillontest needs no container.

package downgrade_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chime"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// endpoint returns the URL of the service: the one that AWS_ENDPOINT_URL_CHIME names, or one that
// is started for this test.
func endpoint(t *testing.T) string {
	t.Helper()
	if url := os.Getenv("AWS_ENDPOINT_URL_CHIME"); url != "" {
		return url
	}
	container, err := testcontainers.Run(t.Context(), "carillon",
		testcontainers.WithCmd("serve", "--test=public"),
		testcontainers.WithExposedPorts("24463/tcp"),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/_carillon/health").WithPort("24463/tcp")),
	)
	testcontainers.CleanupContainer(t, container)
	if err != nil {
		t.Fatal(err)
	}
	url, err := container.PortEndpoint(t.Context(), "24463/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// newClient returns a client of the service. All services for tests have this key.
func newClient(t *testing.T) *chime.Client {
	t.Helper()
	url := endpoint(t)
	return chime.New(chime.Options{
		BaseEndpoint: &url,
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIACARILLONTEST0000", "carillonTestSecretAccessKey0000000000000", ""),
	})
}

func TestDowngrade_container(t *testing.T) {
	client := newClient(t)
	name := "Acme"
	made, err := client.CreateAccount(t.Context(), &chime.CreateAccountInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	refused, err := downgrade(t.Context(), client, *made.Account.AccountId)
	if err != nil || len(refused) > 0 {
		t.Errorf("got %v, %v, want nobody refused", refused, err)
	}
}
