package carillon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/testmode"
)

// consoleOptions say where the console is.
type consoleOptions struct {
	Listen string   // address of its own listener; empty: that of the API, if only this machine reaches it
	URL    *url.URL // that browsers use, if it is not that of the listener
	Jobs   string   // folder of the ledgers of its jobs; empty: "jobs" in the data directory
	Off    bool
}

func (o *consoleOptions) flags(f *flags) {
	f.group("console")
	parsed(f, &o.Listen, address, "console-listen ADDRESS", "", "serve the console on this address; without this flag it is beside the API "+
		"if only this machine can reach it and it has no other name, and nowhere otherwise", variable)
	parsed(f, &o.URL, server.ParsePublicURL, "console-url URL", "", "URL by which browsers reach the service with the console, if it is another than that of this machine; "+
		"https unless it is on this machine", variable)
	f.text(&o.Jobs, "console-jobs DIR", "keep the ledgers of jobs that are started in the console in this directory (default jobs in the data directory)", variable, folder)
	f.toggle(&o.Off, "no-console", "serve no console")
}

// check refuses places where secrets of access keys would cross a network in clear.
func (o consoleOptions) check(tls bool) error {
	if o.Off && (o.Listen != "" || o.URL != nil) {
		return errors.New("--no-console goes with neither --console-listen nor --console-url")
	}
	if o.URL != nil && o.URL.Scheme != "https" && !isLoopback(o.URL.Hostname()) {
		return errors.New("--console-url must be https, since people sign in there with the secrets of access keys")
	}
	if host, _, _ := net.SplitHostPort(o.Listen); o.Listen != "" && !isLoopback(host) {
		switch {
		case o.URL == nil:
			return errors.New("--console-listen is open to the network: say by --console-url under which name browsers reach it")
		case !tls:
			return errors.New("--console-listen is open to the network without TLS: give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a proxy that has TLS")
		}
	}
	return nil
}

// beside reports whether the console is on the listener of the API. One that is reached under other
// names is reached through a proxy, and by more than this machine.
func (o consoleOptions) beside(listener net.Listener, s serviceOptions) bool {
	if o.Off || o.Listen != "" {
		return false
	}
	return o.URL != nil || isLoopbackAddr(listener.Addr()) && s.PublicURL == nil && len(s.Hosts.names) == 0
}

// consoleURLSetting is where the store says at which URL the console is.
const consoleURLSetting = "console-url"

// openConsole makes the console of a service. listened is the URL of its listener, and testMode
// answers the paths of test mode, nil if the service is not for tests.
func (s *service) openConsole(ctx context.Context, o serviceOptions, listened string, api, testMode http.Handler, keys *directory.Keys, clock *testmode.Clock) error {
	at := o.Console.URL
	if at == nil {
		var err error
		if at, err = url.Parse(listened); err != nil {
			return err
		}
	}
	jobs := o.Console.Jobs
	if jobs == "" && o.Data != "" {
		jobs = filepath.Join(o.Data, "jobs")
	}
	// Sessions of people end by the time of the machine, whatever the clock of tests shows.
	s.sessions = directory.NewSessions(s.store, keys, directory.Options{})
	s.console = console.New(console.Options{
		Service: chime.Service, API: api, Endpoint: s.exportURL(o), URL: at, Jobs: jobs, Logger: o.Logger, Sessions: s.sessions, Unavailable: store.ErrUnavailable, TestMode: testMode,
		ServiceClock: clock.Now,
	})
	s.consoleURL = strings.TrimSuffix(at.String(), "/") + console.Prefix + "/"
	s.tellOfConsole(ctx, o)
	return nil
}

// tellOfConsole is keepConsoleURL for a service that does not need that.
func (s *service) tellOfConsole(ctx context.Context, o serviceOptions) {
	if err := s.keepConsoleURL(ctx, o); err != nil { // a full disk, say, can still be read
		o.Logger.Warn("carillon console does not get to know where the console is", "error", err)
	}
}

// keepConsoleURL lets `carillon console` know where the console is, or that there is none any more.
// On PostgreSQL another service may have one.
func (s *service) keepConsoleURL(ctx context.Context, o serviceOptions) error {
	if s.consoleURL == "" && o.database.URL != "" {
		return nil
	}
	return keepSetting(ctx, s.store, consoleURLSetting, s.consoleURL)
}

// keepSetting puts a setting unless it is as it should be. None at all is as good as an empty one.
func keepSetting(ctx context.Context, st store.Store, name, value string) error {
	same := false
	err := st.View(ctx, func(tx store.ReadTx) error {
		kept, err := tx.Setting(name)
		same = (err == nil || errors.Is(err, store.ErrNotFound)) && string(kept) == value
		return nil
	})
	if err != nil || same {
		return err
	}
	return st.Update(ctx, func(tx store.Tx) error { return tx.PutSetting(name, []byte(value)) })
}

// withConsole gives what is below the path of the console to it, and all else to the API.
func withConsole(c *console.Console, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.Serves(r.URL.Path) {
			c.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}

type consoleLinkOptions struct {
	database
	Key          string
	AWSAccountID string
	Format       string
}

// consoleCommand declares `carillon console`.
func (p *program) consoleCommand() *cobra.Command {
	var o consoleLinkOptions
	c := &cobra.Command{
		Use:   "console",
		Short: "make a link that signs in to the console of a service",
		Long: `Make a link to the console of a service, which signs in whoever opens it first,
within two minutes. Who signs in may do what the access key may that the link is
for: the root key, unless --key names another.

The service must be running. The command works on its data, like the other
commands of an operator. The audit trail shows the sign-in under the name of the
key. To sign in without a link, open the console and give an access key.`,
		Example: `carillon console
carillon console --key "$KEY"`,
		RunE: func(c *cobra.Command, _ []string) error { return p.consoleLink(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.Key, "key KEY-ID", "access key to sign in with (default the root key)", completedBy(p.storeKeys(&o.database)))
	awsAccountFlag(f, &o.AWSAccountID)
	outputFlag(f, &o.Format, formatText, formatJSON)
	o.database.flags(f)
	return c
}

func (p *program) consoleLink(ctx context.Context, o consoleLinkOptions) error {
	return p.onStore(ctx, o.database, func(st openStore) error {
		var at string
		err := st.View(ctx, func(tx store.ReadTx) error {
			kept, err := tx.Setting(consoleURLSetting)
			at = string(kept)
			return err
		})
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && at == "":
			return &codedError{exitFailed, errors.New("the service has no console: see carillon serve --help")}
		case err != nil:
			return err
		}
		key := o.Key
		if key == "" {
			if key, err = rootKeyID(ctx, st, o.AWSAccountID); err != nil {
				return err
			}
		}
		code, err := directory.NewSessions(st, st.keys(nil), directory.Options{Operator: st.options.Operator}).MakeLink(ctx, key)
		if err != nil {
			return err
		}
		link := at + "link#" + code
		if o.Format == formatJSON {
			return p.print(formatJSON, "", document.NewObject(document.Member{Key: "Url", Value: link}))
		}
		_, err = fmt.Fprintln(p.stdout, link)
		return err
	})
}

// rootKeyID returns the id of the root key of an AWS account, that of the service if none is named.
func rootKeyID(ctx context.Context, st openStore, awsAccountID string) (string, error) {
	owner, err := awsAccount(ctx, st, awsAccountID)
	if err != nil {
		return "", err
	}
	keys, err := st.keys(nil).List(ctx, owner)
	if err != nil {
		return "", err
	}
	for _, k := range keys {
		if k.Root && !k.Disabled {
			return k.ID, nil
		}
	}
	return "", usagef("AWS account %s has no root key in use: name a key by --key", owner)
}
