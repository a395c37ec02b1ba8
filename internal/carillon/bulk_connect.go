package carillon

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/build"
	"github.com/carillon-project/carillon/internal/bulk"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/terminal"
)

// connectionGroup is the title of the flags that say how to reach a service.
const connectionGroup = "connection"

// connection says how to reach a service, in the words of the options of aws.
type connection struct {
	Profile, Region, URL, CABundle string // empty: what the environment and ~/.aws say
	NoVerifySSL, NoSignRequest     bool
	ReadTimeout, ConnectTimeout    int // seconds; 0 for any
	Parallel                       int // calls at a time; 0 for the default
	Patience                       time.Duration
}

// flags declares the flags of a connection for a job.
func (c *connection) flags(f *flags) {
	c.serviceFlags(f)
	parsed(f, &c.Patience, duration, "patience DURATION", "2m", "end when no call has succeeded for so long")
}

// serviceFlags declares those that every connection has.
func (c *connection) serviceFlags(f *flags) {
	f.group(connectionGroup)
	f.text(&c.Profile, "profile NAME", "profile in ~/.aws, as for aws", variable)
	f.text(&c.Region, "region NAME", "region, as for aws", variable)
	c.endpointFlags(f)
	f.toggle(&c.NoSignRequest, "no-sign-request", "send no signatures, as for aws")
	seconds := numberFrom(0, math.MaxInt32)
	parsed(f, &c.ReadTimeout, seconds, "cli-read-timeout SECONDS", "60", "longest silence of the service; 0 for any")
	parsed(f, &c.ConnectTimeout, seconds, "cli-connect-timeout SECONDS", "60", "longest wait for a connection; 0 for any")
}

// endpointFlags declares those that say where the service is, and how its certificate is verified.
func (c *connection) endpointFlags(f *flags) {
	f.group(connectionGroup)
	parsed(f, &c.URL, endpoint, "endpoint-url URL", "", "URL of the service, as for aws", variable)
	f.text(&c.CABundle, "ca-bundle FILE", "file of certificates to trust, as for aws", variable, files("pem", "crt", "cer"))
	f.toggle(&c.NoVerifySSL, "no-verify-ssl", "accept every certificate, as for aws")
}

// words spells the flags that lead another command to the same service.
func (c *connection) words() string {
	var b strings.Builder
	for _, flag := range []struct{ name, value string }{
		{"profile", c.Profile}, {"region", c.Region}, {"endpoint-url", c.URL}, {"ca-bundle", c.CABundle},
	} {
		if flag.value != "" {
			b.WriteString(" --" + flag.name + " " + shell.Quote(flag.value))
		}
	}
	if c.NoVerifySSL {
		b.WriteString(" --no-verify-ssl")
	}
	if c.NoSignRequest {
		b.WriteString(" --no-sign-request")
	}
	return b.String()
}

// settings are what the flags, the environment and ~/.aws say of a connection.
func (p *program) settings(c connection) *profile.Settings {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	s := profile.New(p.env, profile.Flags{
		Profile: optional(c.Profile), Region: optional(c.Region), EndpointURL: optional(c.URL), CABundle: optional(c.CABundle),
	})
	s.UserAgent = "carillon/" + build.Version()
	s.ReadTimeout, s.ConnectTimeout = time.Duration(c.ReadTimeout)*time.Second, time.Duration(c.ConnectTimeout)*time.Second
	s.Warn = func(text string) { fmt.Fprintf(p.stderr, "carillon: %s\n", text) }
	s.Prompt = terminal.AskSecret // standard input may be the rows of a job
	return s
}

// knowsEndpoint reports whether anything says where the service is. Otherwise calls would go to
// AWS. The error is about what should say it, such as a profile that does not exist.
func (p *program) knowsEndpoint(c connection) (bool, error) {
	url, err := p.settings(c).EndpointURL(chime.Service)
	return url.IsSet(), err
}

// checkNoLogin refuses the URL of a service with a user or a password. Requests are signed, and
// what is in the URL shows in plans, ledgers and reports.
func checkNoLogin(endpoint string) error {
	if u, err := url.Parse(endpoint); err == nil && u.User != nil {
		return errors.New("the URL of the service has a user or a password, which would be shown and are not sent")
	}
	return nil
}

// client finds out all that calls need. attempts is how often one may be made, by what the person
// has set; 0 is the default.
func (p *program) client(ctx context.Context, c connection) (config client.Config, attempts int, err error) {
	conn, err := p.settings(c).Connect(ctx, chime.Service, !c.NoSignRequest)
	if known, unclear := p.knowsEndpoint(c); !known && unclear == nil {
		p.hint = "nothing says where the service is, so AWS was meant, which has closed its own: set AWS_ENDPOINT_URL_CHIME, " +
			"as root-key.sh in the data directory of carillon serve does, or give --endpoint-url"
	}
	if err == nil && !c.NoVerifySSL {
		err = conn.CheckCABundle()
	}
	if err == nil {
		err = conn.Ready(ctx)
	}
	if err == nil && conn.Credentials != nil { // a job should not begin without
		_, err = conn.Credentials.Get(ctx)
	}
	if err == nil {
		err = checkNoLogin(conn.Endpoint.URL)
	}
	if err != nil {
		return config, 0, err
	}
	config = client.Config{
		Endpoint: strings.TrimRight(conn.Endpoint.URL, "/"), Region: conn.Endpoint.SigningRegion, Service: chime.Service,
		Proxy: client.ProxyFromEnvironment(profile.Env(p.env).Lookup, conn.Endpoint.URL), CABundle: conn.CABundle.Text, NoVerifySSL: c.NoVerifySSL,
		ReadTimeout: time.Duration(c.ReadTimeout) * time.Second, ConnectTimeout: time.Duration(c.ConnectTimeout) * time.Second,
	}
	config.Renew = conn.Renew()
	return config, conn.Retry.MaxAttempts, nil
}

// connect prepares calls for a job to the account that the line names. If it names none, it is the
// account of a plan or a ledger, or, where that is empty, too, the only one.
func (r *bulkRun) connect(ctx context.Context, account, job string) (*bulk.Account, error) {
	config, attempts, err := r.client(ctx, r.connection)
	if err != nil {
		return nil, r.badInput("%w", err)
	}
	r.bar = r.progress(time.Now)
	a, err := bulk.Open(bulk.Config{
		Client: config, Account: account, Job: job, Version: build.Version(), Attempts: attempts, Parallel: r.Parallel,
		Protected: r.protected, Patience: r.Patience, Waiting: r.bar.waiting, Reading: r.bar.reading,
	})
	if err != nil || account != "" && (r.Account == "" || r.Account == account) {
		return a, err
	}
	if err := a.Find(ctx, r.Account); err != nil {
		a.Close()
		if _, ok := errors.AsType[*bulk.InputError](err); !ok {
			return nil, err
		}
		return nil, r.badInput("%w", ofAccountFlag(r.Account, err))
	}
	return a, nil
}

// serviceAccounts completes by the accounts that a service lists.
func (p *program) serviceAccounts(where *connection) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		config, _, err := p.client(ctx, *where)
		if err != nil {
			return nil, err
		}
		config.MaxAttempts = 1
		config.UserAgent = "carillon-completion/" + build.Version()
		calls, err := client.New(config)
		if err != nil {
			return nil, err
		}
		defer calls.Close()
		reply, err := calls.Call(ctx, chime.Service.Operation("ListAccounts"), document.NewObject(document.Member{Key: "MaxResults", Value: document.Int(mostOffered)}))
		if err != nil {
			return nil, err
		}
		list, _ := reply.Output.Get("Accounts")
		accounts, _ := list.([]any)
		for _, each := range accounts {
			if account, ok := each.(*document.Object); ok {
				id, _ := account.Get("AccountId")
				name, _ := account.Get("Name")
				found = append(found, described(fmt.Sprint(id), fmt.Sprint(name)))
			}
		}
		return found, nil
	})
}
