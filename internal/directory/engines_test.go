package directory_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/carillon-project/carillon/internal/store/postgres"
)

// onEngines runs a test in a house over each engine.
func onEngines(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("postgres", func(t *testing.T) {
		st, err := postgres.Open(t.Context(), postgresSchema(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { st.Close() })
		test(t, houseOver(t, st))
	})
}

// postgresSchema is the URL of an empty schema in the PostgreSQL to test against, which is dropped
// at the end of the test.
func postgresSchema(t *testing.T) string {
	t.Helper()
	base := os.Getenv("CARILLON_TEST_POSTGRES")
	if base == "" {
		t.Skip("set CARILLON_TEST_POSTGRES to the URL of a PostgreSQL to test against; .ci/postgres run COMMAND does")
	}
	run := func(script string) {
		t.Helper()
		ctx := context.WithoutCancel(t.Context()) // the test cleans up with it, too
		conn, err := pgx.Connect(ctx, base)
		if err == nil {
			defer conn.Close(ctx)
			_, err = conn.Exec(ctx, script)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	schema := fmt.Sprintf("directory_%d_%s", os.Getpid(), strings.ToLower(strings.NewReplacer("/", "_", "#", "_").Replace(t.Name())))
	schema = schema[:min(len(schema), 60)]
	run("CREATE SCHEMA " + schema)
	t.Cleanup(func() { run("DROP SCHEMA " + schema + " CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("connect_timeout", "120") // seconds; there may be much else to do, for the server as well
	query.Set("lock_timeout", "2min")
	u.RawQuery = query.Encode()
	return u.String()
}
