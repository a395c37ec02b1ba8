package carillon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/atomicfile"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/testmode"
)

// rootKeyFile holds, in the data directory, the lines that a shell needs to use a root key that
// was made up.
const rootKeyFile = "root-key.sh"

// memoryLimit is what the heap is kept below as far as possible, in bytes, unless GOMEMLIMIT is
// set, and beside the bodies of requests. It is several times what the service needs, and enough
// for what clients without a key can take.
const memoryLimit = 96 << 20

// secretKeyFile holds, in the data directory, the key that encrypts the secrets of access keys.
const secretKeyFile = "secret.key"

// The pair of a root key, which no command line shows to other users of the machine.
const (
	rootKeyIDVariable  = "CARILLON_ROOT_ACCESS_KEY_ID"
	rootSecretVariable = "CARILLON_ROOT_SECRET_ACCESS_KEY"
)

type serveOptions struct {
	serviceOptions
	TestMode  string // "loopback", "public", or empty: none
	Seed      string // file with what the service begins with, in test mode
	FaultFile string // of fault rules; empty: none
	LogLevel  slog.Level
	LogFormat string
}

// defaultListen is the address of the API where none is named.
const defaultListen = "127.0.0.1:24463"

// logFormats are the forms of a line of the log. The first is the default.
var logFormats = []string{"text", "json"}

// logger returns a logger of the form and level that were asked for.
func (o serveOptions) logger(w io.Writer) *slog.Logger {
	level := &slog.HandlerOptions{Level: o.LogLevel}
	if o.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, level))
	}
	return slog.New(slog.NewTextHandler(w, level))
}

// serveCommand declares `carillon serve`.
func (p *program) serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "serve the API",
		Long: `Serve the API until the process is interrupted.

The first start makes a root access key. It prints the key as export lines for a
shell and saves the lines in root-key.sh in the data directory. To bring a key of
your own, set ` + rootKeyIDVariable + ` and ` + rootSecretVariable + `.

The line "carillon: serving URL" on standard error says that requests are
accepted. On SIGTERM or SIGINT the service accepts no more, finishes the requests
under way within 15 seconds, and ends with exit code 0. On SIGHUP it reads the
certificate again, which it also does by itself when the files change.

With --test the service is one for tests of scripts and programs. Its data is in
a temporary directory, unless a flag or a variable names a new one, or one of
tests; its access key is the same each time, whatever the variables say; tests
move its clock: GET, PUT and POST /_carillon/clock, without a signature; and it
fails on demand: /_carillon/faults.`,
		Example: `carillon serve
carillon serve --test --listen 127.0.0.1:0
carillon serve --data /srv/carillon --listen 0.0.0.0:24463 \
    --tls-cert cert.pem --tls-key key.pem`,
		RunE: func(c *cobra.Command, _ []string) error { return p.serve(c.Context(), o) },
		Annotations: map[string]string{
			rootKeyIDVariable:  "access key id of a root key of your own, 16 to 128 of A-Z, a-z, 0-9 and _",
			rootSecretVariable: "its secret, 16 characters or more",
		},
	}
	f := flagsOf(c)
	f.group("network")
	parsed(f, &o.Listen, address, "listen ADDRESS", defaultListen, "serve the API on this address; port 0 picks a free one", variable)
	f.text(&o.TLSCert, "tls-cert FILE", "certificate chain for https, PEM", variable, files("pem", "crt", "cer"))
	f.text(&o.TLSKey, "tls-key FILE", "private key of the certificate, PEM", variable, files("pem", "key"))
	parsed(f, &o.Metrics, address, "metrics-listen ADDRESS", "", "serve /metrics for Prometheus on this address only, without TLS; "+
		"without this flag they are beside the API if only this machine can reach it, and nowhere otherwise", variable)
	f.group("names")
	parsed(f, &o.PublicURL, server.ParsePublicURL, "public-url URL", "", "URL that clients and bots use, if it is another than that of this machine; "+
		"signatures must be for it, or for a --host", variable)
	f.add(&o.Hosts, "host NAME", "host that signatures may be for, with a port or for any port; may be repeated, and as a variable "+
		"holds names separated by commas; without names and --public-url, signatures may be for any host", []trait{variable})
	o.Console.flags(f)
	f.group("requests")
	parsed(f, &o.Rate, rate, "rate N", "", "most requests a second of each access key; 0, and without this flag, any number", variable)
	parsed(f, &o.BodyMemory, size, "max-body-memory SIZE", "32MiB", "most memory for the bodies of all requests under way, 1MiB or more", variable)
	f.group("phone numbers")
	parsed(f, &o.Numbers.Quota, numberFrom(1, math.MaxInt), "phone-number-quota N", "", "most phone numbers of an AWS account; without this flag, any number of them", variable)
	parsed(f, &o.Numbers.OrderDelay, delay, "order-delay DURATION", "0s", "how long it takes to fill an order of phone numbers", variable)
	parsed(f, &o.Numbers.CallingNameDelay, delay, "calling-name-delay DURATION", "0s", "how long it takes to change the calling name of a phone number", variable)
	parsed(f, &o.Numbers.CallingNameInterval, delay, "calling-name-interval DURATION", "168h",
		"least time between two changes of the calling name of an AWS account", variable)
	f.group("events")
	f.add(&o.EventsAllow, "events-allow CIDR", "private network in which bots may get their events, such as 10.0.0.0/8; may be repeated, and "+
		"as a variable holds networks separated by commas; without this flag, bots must be on the internet", []trait{variable})
	f.text(&o.EventsCA, "events-ca FILE", "certificates to trust in endpoints of bots, and in the hook of dial-outs, beside those of the system, PEM", variable, files("pem", "crt", "cer"))
	o.DialOut.flags(f)
	f.group("log")
	parsed(f, &o.LogLevel, logLevel, "log-level LEVEL", slog.LevelInfo.String(),
		"least level to log: DEBUG (every request), INFO, WARN or ERROR", variable, completedBy(fixed(logLevels...)))
	f.choice(&o.LogFormat, "log-format FORMAT", "form of the lines of the log", logFormats, variable)
	f.group("tests")
	// No variable turns a service into one for tests.
	f.optionalChoice(&o.TestMode, "test[=public]", "serve tests, on a loopback address only, unless it is public", testModes)
	f.text(&o.FaultFile, "faults FILE", "fault rules to begin with, JSON; with --test only", files("json"))
	f.text(&o.Seed, "seed FILE", "what a new service for tests begins with, and goes back to at each reset: a file that carillon import takes, "+
		"such as what aws chime list-accounts and list-users print, one after the other, or a table of users", files("json", "csv", "xlsx"))
	o.database.serviceFlags(f)
	o.poolFlag(f)
	o.secretKeyFlag(f)
	f.group("root key")
	// Whose the root key is says whom later commands work for: no variable decides that.
	parsed(f, &o.AWSAccountID, awsAccountID, "aws-account-id ID", "", "AWS account of the root key, 12 digits (default "+defaultAWSAccount+
		", or that of accounts imported into an empty store)")
	return c
}

func (p *program) serve(ctx context.Context, o serveOptions) error {
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return p.misused("--tls-cert and --tls-key go together")
	}
	if err := o.Console.check(o.TLSCert != ""); err != nil {
		return p.badInput("%w", err)
	}
	o.RootKeyID, o.RootSecret = p.getenv(rootKeyIDVariable), p.getenv(rootSecretVariable)
	if o.FaultFile != "" && o.TestMode == "" {
		return p.misused("--faults is for services for tests: give --test, too")
	}
	if o.TestMode != "" {
		remove, err := p.forTests(&o)
		if err != nil {
			return err
		}
		defer remove()
	}
	if o.Seed != "" {
		if o.TestMode == "" {
			return p.misused("--seed goes with --test only: carillon import fills a directory of another kind")
		}
		o.fill = p.seedReader(o.Seed, o.AWSAccountID)
	}
	o.database = o.orDefault()
	o.Logger = o.logger(p.stderr)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP) // which would end the process
	defer signal.Stop(hangups)

	if p.getenv("GOGC") == "" {
		// A few megabytes are alive at a time. To collect the others when these have doubled, as is
		// usual, takes an eighth of the CPU under load.
		debug.SetGCPercent(400)
	}
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit + o.BodyMemory)
	}
	s, err := startService(ctx, o.serviceOptions)
	if err != nil {
		return err
	}
	if err := p.announce(s, o.serviceOptions); err != nil {
		s.stop()
		return err
	}
	s.logStart(o.serviceOptions)
	if s.metricsURL != "" {
		fmt.Fprintf(p.stderr, "carillon: metrics on %s\n", s.metricsURL)
	}
	if s.consoleURL != "" {
		fmt.Fprintf(p.stderr, "carillon: console on %s\n", s.consoleURL)
	}
	fmt.Fprintf(p.stderr, "carillon: serving %s\n", s.url)
	return s.wait(ctx, hangups)
}

// testModes are the values of --test. The first one is that of the bare flag.
var testModes = []string{"loopback", "public"}

// forTests makes the options those of a service for tests. The caller removes what it has made up.
func (p *program) forTests(o *serveOptions) (remove func(), err error) {
	host, _, _ := net.SplitHostPort(o.Listen)
	if o.TestMode != "public" && !isLoopback(host) {
		return nil, p.misused("--test serves this machine only, since everybody knows its access key: listen on 127.0.0.1, or give --test=public")
	}
	if o.FaultFile != "" {
		text, err := readText(o.FaultFile)
		if err != nil {
			return nil, p.badInput("reading the rules of --faults: %w", err)
		}
		if o.Faults, err = testmode.ReadRules(chime.Service, text); err != nil {
			return nil, p.badInput("--faults %s: %w", o.FaultFile, err)
		}
	}
	o.Test = true
	if o.RootKeyID != "" || o.RootSecret != "" {
		fmt.Fprintf(p.stderr, "carillon: test mode: %s and %s are ignored: the access key of all services for tests is the same\n", rootKeyIDVariable, rootSecretVariable)
	}
	o.RootKeyID, o.RootSecret = testmode.AccessKeyID, testmode.SecretAccessKey
	remove = func() {}
	if o.Data == "" && o.URL == "" {
		if o.Data, err = os.MkdirTemp("", "carillon-test-"); err != nil {
			return nil, err
		}
		remove = func() { os.RemoveAll(o.Data) }
	}
	return remove, nil
}

// saveRootKey saves the lines that a shell needs to use the root key, if there is a data directory.
func (o serviceOptions) saveRootKey(lines string) error {
	if o.Data == "" {
		return nil
	}
	return atomicfile.WriteFile(filepath.Join(o.Data, rootKeyFile), []byte(lines), 0o600)
}

// announce tells the operator about the root key and about an open door.
func (p *program) announce(s *service, o serviceOptions) error {
	path := filepath.Join(o.Data, rootKeyFile)
	lines := profile.ExportLines(environment(s.exportURL(o), s.root))
	if o.Test {
		fmt.Fprint(p.stdout, lines)
		fmt.Fprint(p.stderr, "carillon: test mode: everybody knows the access key, and whoever reaches the service can move its clock and make it fail\n")
		return o.saveRootKey(lines)
	}
	_, missing := os.Stat(path)
	if o.Data == "" { // the lines are saved nowhere
		missing = os.ErrNotExist
	}
	switch {
	case s.rootChange == directory.RootMadeUp:
		fmt.Fprint(p.stdout, lines)
		if o.Data != "" {
			fmt.Fprintf(p.stderr, "carillon: these lines are also in %s\n", path)
		}
	case s.rootChange == directory.RootReplaced || s.rootChange == directory.RootGiven:
		if s.rootChange == directory.RootReplaced {
			fmt.Fprintf(p.stderr, "carillon: warning: the root key is %s now; the former one is disabled\n", s.root.ID)
		}
		if missing == nil {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("removing the lines of the former root key: %w", err)
			}
		}
	case missing == nil:
		if old, err := os.ReadFile(path); err != nil || string(old) != lines { // the port may be another one this time
			if err := o.saveRootKey(lines); err != nil { // a full disk, say, can still be read
				fmt.Fprintf(p.stderr, "carillon: warning: the root key's lines for a shell are out of date: %v\n", err)
				break
			}
		}
		fmt.Fprintf(p.stderr, "carillon: the root key's lines for a shell are in %s\n", path)
	case o.RootKeyID == "": // the file was removed; without a directory, a first start may have broken off
		fmt.Fprintf(p.stderr, "carillon: the root key is %s; if its secret is lost, start with CARILLON_ROOT_ACCESS_KEY_ID and CARILLON_ROOT_SECRET_ACCESS_KEY set to a pair of your own\n", s.root.ID)
	}
	if s.root.Disabled {
		fmt.Fprintf(p.stderr, "carillon: warning: the root key %s is disabled; carillon key enable %s, or carillon key delete and a restart, which makes another\n", s.root.ID, s.root.ID)
	}
	if o.keyIsInside() {
		fmt.Fprint(p.stderr, "carillon: warning: the key that encrypts access keys is in the database itself, and in every copy of it; give --secret-key-file\n")
	}
	if host, _, err := net.SplitHostPort(o.Listen); err == nil && o.TLSCert == "" && !isLoopback(host) {
		fmt.Fprintf(p.stderr, "carillon: warning: %s is open to the network without TLS; give --tls-cert and --tls-key, or listen on 127.0.0.1\n", o.Listen)
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// environment is what programs need to call a service with a key.
func environment(url string, key directory.Key) []string {
	return profile.Variables(chime.Service, url, key.ID, key.Secret)
}
