package awscli

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/profile"
)

// debugConnection shows where the settings of a connection come from, without secrets.
func (c *cli) debugConnection(conn *profile.Connection) {
	line := func(what, value string, source profile.Source) {
		from := source.String()
		if from == "" {
			from = "default"
		}
		fmt.Fprintf(c.stderr, "debug: %-12s %s  [%s]\n", what+":", value, from)
	}
	p := c.settings.Profile()
	if p.Text == "" {
		p.Text = "default"
	}
	line("version", version(), profile.Source{Type: "this program"})
	line("profile", p.Text, p.Source)
	line("region", conn.Region.Text, conn.Region.Source)
	endpoint := conn.Endpoint.URL
	if u, err := url.Parse(endpoint); err == nil {
		endpoint = u.Redacted()
	}
	line("endpoint", endpoint+" signed for "+conn.Endpoint.SigningRegion, conn.Endpoint.Source)
	if conn.Credentials != nil {
		line("access key", cmp.Or(conn.Credentials.AccessKeyID(), "asked for when a request is signed"), conn.Credentials.Source)
	} else {
		line("access key", "none", profile.Source{})
	}
	line("retries", fmt.Sprintf("%s, at most %d attempts", conn.Retry.Mode, conn.Retry.MaxAttempts), profile.Source{Type: "settings"})
	line("trust", conn.CABundle.Text, conn.CABundle.Source)
}

// debugCredentials shows that a place was asked for credentials, and what became of it.
func (c *cli) debugCredentials(place, outcome string) {
	fmt.Fprintf(c.stderr, "debug: %-12s %s: %s\n", "credentials:", place, outcome)
}

// debugAttempt shows a request and what became of it.
func (c *cli) debugAttempt(a client.Attempt) {
	fmt.Fprintf(c.stderr, "debug: attempt %d: %s %s\n", a.Number, a.Method, a.URL)
	if a.Canonical != nil {
		fmt.Fprintf(c.stderr, "debug: canonical request:\n    %s\n", strings.ReplaceAll(a.Canonical.String(), "\n", "\n    "))
	}
	took := a.Took.Round(time.Microsecond)
	if a.Status == 0 {
		fmt.Fprintf(c.stderr, "debug: no reply after %v: %v\n", took, a.Err)
		return
	}
	fmt.Fprintf(c.stderr, "debug: status %d after %v, request id %s\n", a.Status, took, a.RequestID)
}
