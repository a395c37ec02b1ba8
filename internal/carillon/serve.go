package carillon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/carillon-project/carillon/internal/directory"
)

// rootKeyFile holds, in the data directory, the lines that a shell needs to use a root key that
// was made up.
const rootKeyFile = "root-key.sh"

// secretKeyFile holds, in the data directory, the key that encrypts the secrets of access keys.
const secretKeyFile = "secret.key"

// serve is `carillon serve`.
func (p *program) serve(ctx context.Context, args []string) error {
	o := serviceOptions{
		RootKeyID:  p.getenv("CARILLON_ROOT_ACCESS_KEY_ID"),
		RootSecret: p.getenv("CARILLON_ROOT_SECRET_ACCESS_KEY"),
	}
	f := p.flags("serve", "serves the API until it is interrupted.\n\n"+
		"The first start makes a root access key, prints it as lines for a shell and saves them in the data\n"+
		"directory. CARILLON_ROOT_ACCESS_KEY_ID and CARILLON_ROOT_SECRET_ACCESS_KEY bring a key of your own.")
	var level slog.Level
	f.StringVar(&o.Listen, "listen", "127.0.0.1:24463", "`ADDRESS` to serve on; port 0 picks a free one")
	f.StringVar(&o.Metrics, "metrics-listen", "", "`ADDRESS` to serve /metrics on for Prometheus, in the clear, and there alone (default that of the API if\n"+
		"      only this machine can reach it, else none)")
	o.database.flags(f)
	f.StringVar(&o.AWSAccountID, "aws-account-id", "", "`ID` of the AWS account that the root key belongs to, 12 digits (default 111122223333, or that of\n      accounts imported into an empty store)")
	f.StringVar(&o.TLSCert, "tls-cert", "", "`FILE` with the certificate chain for https, PEM")
	f.StringVar(&o.TLSKey, "tls-key", "", "`FILE` with the certificate's private key, PEM")
	f.Float64Var(&o.Rate, "rate", 0, "most requests a second, `N`, of each access key; 0 for no limit")
	f.TextVar(&level, "log-level", slog.LevelInfo, "least `LEVEL` to log: DEBUG (every request), INFO, WARN or ERROR")
	if err := f.parse(args); err != nil {
		return err
	}
	if err := o.database.check(); err != nil {
		return usagef("serve: %w", err)
	}
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return usagef("serve: --tls-cert and --tls-key go together")
	}
	if o.Rate < 0 {
		return usagef("serve: --rate must not be negative")
	}
	o.Logger = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))

	if p.getenv("GOGC") == "" {
		// A few megabytes are alive at a time. To collect the others when these have doubled, as is usual,
		// takes an eighth of the CPU under load.
		debug.SetGCPercent(400)
	}
	s, err := startService(ctx, o)
	if err != nil {
		return err
	}
	if err := p.announce(s, o); err != nil {
		s.stop()
		return err
	}
	if s.metricsURL != "" {
		fmt.Fprintf(p.stderr, "carillon: metrics on %s\n", s.metricsURL)
	}
	fmt.Fprintf(p.stderr, "carillon: serving %s\n", s.url)
	return s.wait(ctx)
}

// announce tells the operator about the root key and about an open door.
func (p *program) announce(s *service, o serviceOptions) error {
	path := filepath.Join(o.Data, rootKeyFile)
	lines := exportLines(s.exportURL(), s.root)
	_, missing := os.Stat(path)
	if o.Data == "" { // the lines are saved nowhere
		missing = os.ErrNotExist
	}
	switch {
	case s.rootChange == directory.RootMadeUp:
		fmt.Fprint(p.stdout, lines) // first: there is no other copy if saving fails
		if o.Data == "" {
			break
		}
		if err := writePrivate(path, lines); err != nil {
			return fmt.Errorf("saving the root key: %w", err)
		}
		fmt.Fprintf(p.stderr, "carillon: these lines are also in %s\n", path)
	case s.rootChange == directory.RootReplaced || s.rootChange == directory.RootGiven:
		if s.rootChange == directory.RootReplaced {
			fmt.Fprintf(p.stderr, "carillon: warning: the root key is %s now; the former one is disabled\n", s.root.ID)
		}
		if missing == nil {
			if err := os.Remove(path); err != nil {
				return fmt.Errorf("removing the lines of the former root key: %w", err)
			}
		}
	case missing == nil: // the port may be another one this time
		if err := writePrivate(path, lines); err != nil {
			return fmt.Errorf("saving the root key: %w", err)
		}
		fmt.Fprintf(p.stderr, "carillon: the root key's lines for a shell are in %s\n", path)
	case o.RootKeyID == "": // the file was removed, or a first start broke off before it was made
		fmt.Fprintf(p.stderr, "carillon: the root key is %s; if its secret is lost, start with CARILLON_ROOT_ACCESS_KEY_ID and CARILLON_ROOT_SECRET_ACCESS_KEY set to a pair of your own\n", s.root.ID)
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

// exportLines are what a shell needs for `aws chime` and for programs on an SDK. Both names of
// the region are there: version 1 of the AWS CLI reads the first, the JavaScript SDK the second.
func exportLines(url string, key directory.Key) string {
	var b strings.Builder
	for _, v := range environment(url, key) {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s=%s\n", name, shellQuote(value))
	}
	return b.String()
}

func environment(url string, key directory.Key) []string {
	return []string{
		"AWS_ENDPOINT_URL_CHIME=" + url,
		"AWS_ACCESS_KEY_ID=" + key.ID,
		"AWS_SECRET_ACCESS_KEY=" + key.Secret,
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_REGION=us-east-1",
	}
}

// shellQuote quotes a word for a POSIX shell where it needs it.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=,@%+", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// writePrivate replaces a file by one that only its owner can read, whole or not at all.
func writePrivate(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
