package carillon

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/server"
)

// healthTime is how long an answer is waited for. Storage that takes longer is not ready.
const healthTime = 5 * time.Second

// What carillon serve is told by a flag or a variable, and health needs to find it.
const (
	listenVariable  = "CARILLON_LISTEN"
	tlsCertVariable = "CARILLON_TLS_CERT"
)

// healthCommand declares `carillon health`.
func (p *program) healthCommand() *cobra.Command {
	var at *url.URL
	c := &cobra.Command{
		Use:   "health",
		Short: "ask a service whether it can do its work",
		Long: `Ask a service whether it can do its work, for the health check of a container.
Exit code 0 says that it can, its storage included; 1 that it cannot, or did not
answer within 5 seconds.

Without --url this asks the service on this machine that has the same variables,
at 127.0.0.1:24463 if they are not set. Its certificate may then be for any name
and by anybody: nothing secret is sent. The certificate at a --url is verified.`,
		Example: `carillon health
carillon health --url https://chime.example.com`,
		RunE: func(c *cobra.Command, _ []string) error { return p.health(c.Context(), at) },
		Annotations: map[string]string{
			listenVariable:  "where the service listens",
			tlsCertVariable: "if set, the service is asked over https",
		},
	}
	f := flagsOf(c)
	parsed(f, &at, server.ParsePublicURL, "url URL", "", "URL of the service")
	return c
}

func (p *program) health(ctx context.Context, at *url.URL) error {
	// A proxy would answer for itself, and a connection that stays is of no use.
	transport := &http.Transport{DisableKeepAlives: true}
	if at == nil {
		var err error
		if at, err = p.ownURL(); err != nil {
			return err
		}
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} // see the help
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at.JoinPath("readyz").String(), nil)
	if err != nil {
		return p.badInput("--url: %w", err)
	}
	resp, err := transport.RoundTrip(r) // follows no redirect
	if err != nil {
		return p.named(fmt.Errorf("no answer from %s: %w", at, err))
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return p.named(fmt.Errorf("%s is not ready: it answers with status %d", at, resp.StatusCode))
	}
	fmt.Fprintf(p.stdout, "%s is ready\n", at)
	return nil
}

// ownURL returns where a service listens that has the variables of this process.
func (p *program) ownURL() (*url.URL, error) {
	listen, err := address(cmp.Or(p.getenv(listenVariable), defaultListen))
	if err != nil {
		return nil, p.badInput("%s: %w", listenVariable, err)
	}
	host, port, _ := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // is among all addresses
	}
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if p.getenv(tlsCertVariable) != "" {
		u.Scheme = "https"
	}
	return u, nil
}
