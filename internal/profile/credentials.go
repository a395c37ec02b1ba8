package profile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // "" for none
	Expires         time.Time // zero for never
	Source          Source
}

func (c *Credentials) forClient() *client.Credentials {
	return &client.Credentials{AccessKey: c.AccessKeyID, SecretKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// String and GoString leave out the secrets, so that no log holds them by accident.
func (c Credentials) String() string   { return c.AccessKeyID + " from " + c.Source.String() }
func (c Credentials) GoString() string { return "profile.Credentials{" + c.String() + "}" }

// Credentials looks for credentials in the places and in the order of version 1: environment
// (unless --profile was given), assumed role, web identity, SSO, credentials file, console login,
// credential_process, config file, the files of older tools (AWS_CREDENTIAL_FILE, ~/.boto),
// container, instance metadata. The error is [ErrNoCredentials] if no place has any.
//
// It runs a credential_process, and asks a container or the instance metadata. Roles, web identity
// and SSO are asked when the provider is first used. A place that has been chosen and fails is an
// error: it is not skipped, since the next one may hold the keys of another user.
func (s *Settings) Credentials(ctx context.Context) (*Provider, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	// Version 1 checks how metadata are asked for, even if others have credentials.
	if _, err := s.metadata(); err != nil {
		return nil, err
	}
	look := &search{Settings: s, profile: s.profileName(), variables: !s.explicit(), cached: true}
	p, err := look.first(ctx, look.sources())
	if p == nil && err == nil {
		err = ErrNoCredentials
	}
	return p, err
}

// search is one search for credentials.
type search struct {
	*Settings
	profile   string
	variables bool     // the environment counts
	cached    bool     // what web identity gives is kept on disk
	visited   []string // the profiles that lead to this one, for roles
}

// source is a place where credentials may be. find returns the error absent if there are none.
type source struct {
	name string // version 1's
	find func(context.Context) (*Provider, error)
}

// absent says why a place has no credentials.
type absent string

func (a absent) Error() string { return string(a) }

// sources are all places in their order.
func (s *search) sources() []source {
	return slices.Concat(
		[]source{{"env", s.fromVariables}, {"assume-role", s.fromRole}},
		s.profileSources(),
		[]source{
			{"ec2-credentials-file", s.fromEC2Tools}, {"boto-config", s.fromBoto},
			{"container-role", s.fromContainer}, {"iam-role", s.fromInstance},
		},
	)
}

// profileSources are the places of a profile that is the source of a role.
func (s *search) profileSources() []source {
	return []source{
		{"assume-role-with-web-identity", s.fromWebIdentity}, {"sso", s.fromSSO},
		{"shared-credentials-file", s.fromSharedFile}, {"login", s.fromLogin},
		{"custom-process", s.fromProcess}, {"config-file", s.fromConfigFile},
	}
}

// first returns what the first place with credentials has, nil if there is none. It tells the trace
// about each place.
func (s *search) first(ctx context.Context, places []source) (*Provider, error) {
	for _, place := range places {
		p, err := place.find(ctx)
		if why, ok := errors.AsType[absent](err); ok {
			s.trace(place.name, "none: "+string(why))
			continue
		}
		if err != nil {
			s.trace(place.name, "failed")
			return nil, err
		}
		s.trace(place.name, "found in "+p.Source.Location)
		return p, nil
	}
	return nil, nil
}

func (s *Settings) trace(place, outcome string) {
	if s.Trace != nil {
		s.Trace(place, outcome)
	}
}

func partial(place, missing string) error {
	return errorf("Partial credentials found in %s, missing: %s", place, missing)
}

func (s *search) fromVariables(context.Context) (*Provider, error) {
	if !s.variables {
		return nil, absent("--profile is given")
	}
	if s.fromEnv("AWS_ACCESS_KEY_ID").Text == "" {
		return nil, absent("AWS_ACCESS_KEY_ID is not set")
	}
	read := func(context.Context) (*Credentials, error) { return s.variableKeys() }
	c, err := s.variableKeys()
	if err != nil {
		return nil, err
	}
	return s.provider(c, read), nil
}

func (s *search) variableKeys() (*Credentials, error) {
	key, secret := s.fromEnv("AWS_ACCESS_KEY_ID"), s.fromEnv("AWS_SECRET_ACCESS_KEY")
	if secret.Text == "" {
		return nil, partial("env", "AWS_SECRET_ACCESS_KEY")
	}
	var expires time.Time // zero for never
	if text := s.fromEnv("AWS_CREDENTIAL_EXPIRATION").Text; text != "" {
		var err error
		if expires, err = parseTime(text); err != nil {
			return nil, err
		}
	}
	token := s.fromEnv("AWS_SECURITY_TOKEN")
	if token.Text == "" {
		token = s.fromEnv("AWS_SESSION_TOKEN")
	}
	return &Credentials{key.Text, secret.Text, token.Text, expires, key.Source}, nil
}

// parseTime reads the time at which credentials expire, which must name its zone.
func parseTime(text string) (time.Time, error) {
	t, zoned, err := timestamp.ParseDate(text)
	if err != nil {
		return time.Time{}, Error(err.Error())
	}
	if !zoned {
		return time.Time{}, Error("can't subtract offset-naive and offset-aware datetimes")
	}
	if t.IsZero() { // to us, that is never
		t = t.Add(time.Second)
	}
	return t, nil
}

// option returns the text of an option of a profile, and whether the profile has it.
func (s *Settings) option(profile, name string) (string, bool, error) {
	o, _, err := s.lookup(profile, name)
	if o == nil || err != nil {
		return "", false, err
	}
	return o.Value, true, nil
}

// has reports whether a profile has an option. The files must have been parsed before.
func (s *Settings) has(profile, name string) bool {
	_, ok, _ := s.option(profile, name)
	return ok
}

// checkSSOToken reports a profile whose sso_session is not complete. Version 1 looks at the session
// of every call, for the few services that take its token, and so also where there are keys.
func (s *Settings) checkSSOToken() error {
	profile := s.profileName()
	name, ok, err := s.option(profile, "sso_session")
	if !ok || err != nil {
		return err
	}
	config, _, err := s.files()
	if err != nil {
		return err
	}
	session := config.named("sso-session", name)
	if session == nil || len(session.Options) == 0 {
		return errorf(`The profile "%s" is configured to use the SSO token provider but the "%s" sso_session configuration does not exist.`, profile, name)
	}
	var missing []string
	for _, name := range []string{"sso_start_url", "sso_region"} {
		if session.option(name) == nil {
			missing = append(missing, python.Repr(name))
		}
	}
	if missing != nil {
		return errorf(`The profile "%s" is configured to use the SSO token provider but is missing the following configuration: [%s].`, profile, strings.Join(missing, ", "))
	}
	return nil
}

func (s *search) fromSharedFile(context.Context) (*Provider, error) {
	_, credentials, err := s.files()
	if err != nil {
		return nil, err
	}
	return s.keys("shared-credentials-file", credentials, credentials.section(s.profile))
}

func (s *search) fromConfigFile(context.Context) (*Provider, error) {
	config, _, err := s.files()
	if err != nil {
		return nil, err
	}
	return s.keys("config-file", config, config.named("profile", s.profile))
}

// fromEC2Tools reads the file of the first tools for EC2, which AWS_CREDENTIAL_FILE names. Its
// lines are NAME=VALUE; others are ignored. A file that is named must be there.
func (s *search) fromEC2Tools(context.Context) (*Provider, error) {
	name := s.fromEnv("AWS_CREDENTIAL_FILE")
	if !name.IsSet() {
		return nil, absent("AWS_CREDENTIAL_FILE is not set")
	}
	path := s.env.expandHome(name.Text)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, errorf("The specified config file (%s) could not be found.", path)
	}
	text, err := python.Decode(data)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for line := range strings.Lines(python.UniversalNewlines(text)) {
		if name, value, ok := strings.Cut(line, "="); ok {
			found[python.Strip(name)] = python.Strip(value)
		}
	}
	key, ok := found["AWSAccessKeyId"]
	if !ok {
		return nil, absent("no AWSAccessKeyId in " + path)
	}
	secret, ok := found["AWSSecretKey"]
	if !ok {
		return nil, Error("'AWSSecretKey'") // no more than the name: version 1 does not expect this
	}
	return s.provider(&Credentials{AccessKeyID: key, SecretAccessKey: secret, Source: Source{"ec2-credentials-file", path}}, nil), nil
}

// fromBoto reads [Credentials] in the files of boto, the library before the one of version 1:
// BOTO_CONFIG or, if that is not set, /etc/boto.cfg and ~/.boto. It has no session tokens.
func (s *search) fromBoto(context.Context) (*Provider, error) {
	names := []string{"/etc/boto.cfg", "~/.boto"}
	if named := s.fromEnv("BOTO_CONFIG"); named.IsSet() {
		names = []string{named.Text}
	}
	for _, name := range names {
		path := s.env.Expand(name)
		f, err := Load(path)
		if err != nil {
			// Read this late, a broken file is an error like any other.
			return nil, errorf("Unable to parse config file: %s", path)
		}
		p, err := s.keys("boto-config", f, f.section("Credentials"))
		if _, none := errors.AsType[absent](err); none {
			continue
		}
		if p != nil {
			p.current.SessionToken = ""
		}
		return p, err
	}
	return nil, absent("no keys in " + strings.Join(names, ", "))
}

// keys reads access keys from one section of one file. A pair is never taken from both files.
func (s *search) keys(place string, f *File, section *Section) (*Provider, error) {
	if section.option("aws_access_key_id") == nil {
		return nil, absent(fmt.Sprintf("no aws_access_key_id of profile %q in %s", s.profile, f.Path))
	}
	if section.option("aws_secret_access_key") == nil {
		return nil, partial(place, "aws_secret_access_key")
	}
	token := section.value("aws_session_token")
	if section.option("aws_security_token") != nil {
		token = section.value("aws_security_token")
	}
	return s.provider(&Credentials{
		AccessKeyID:     section.value("aws_access_key_id"),
		SecretAccessKey: section.value("aws_secret_access_key"),
		SessionToken:    token,
		Source:          Source{place, location(f, section)},
	}, nil), nil
}

// fromProcess runs the program that the profile names, without a shell. The program prints a JSON
// object with Version (1), AccessKeyId, SecretAccessKey and, optionally, SessionToken and
// Expiration.
func (s *search) fromProcess(ctx context.Context) (*Provider, error) {
	o, source, err := s.lookup(s.profile, "credential_process")
	if err != nil {
		return nil, err
	}
	if o == nil {
		return nil, absent(fmt.Sprintf("the profile %q has no credential_process", s.profile))
	}
	run := func(ctx context.Context) (*Credentials, error) { return s.runProcess(ctx, o, source) }
	c, err := run(ctx)
	if err != nil {
		return nil, err
	}
	return s.provider(c, run), nil
}

func (s *search) runProcess(ctx context.Context, o *Option, source Source) (*Credentials, error) {
	words, err := shell.Split(o.Value)
	if err != nil {
		return nil, Error(err.Error())
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errorf("credential_process in %s names no program", source.Location)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Env = append([]string{}, s.env...) // never nil: that would be our own
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = time.Second // for children that keep the pipes open after a kill
	if s.Stdin != nil {
		cmd.Stdin = s.Stdin
	}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, ended := errors.AsType[*exec.ExitError](err); ended {
			return nil, processError(stderr.String())
		}
		return nil, fileError(err, words[0])
	}
	text, err := python.Decode(stdout.Bytes())
	if err != nil {
		return nil, err
	}
	v, err := document.Parse(text)
	if err != nil {
		return nil, err
	}
	reply, ok := v.(*document.Object)
	if !ok {
		return nil, processError("the program printed JSON that is not an object")
	}
	if err := checkVersion(reply); err != nil {
		return nil, err
	}
	c := &Credentials{Source: Source{"custom-process", source.Location}}
	for _, member := range []struct {
		name string
		to   *string
	}{{"AccessKeyId", &c.AccessKeyID}, {"SecretAccessKey", &c.SecretAccessKey}} {
		v, _ := reply.Get(member.name)
		if *member.to, ok = v.(string); !ok {
			return nil, processError(fmt.Sprintf("Missing required key in response: '%s'", member.name))
		}
	}
	if v, _ := reply.Get("SessionToken"); v != nil {
		if c.SessionToken, ok = v.(string); !ok {
			return nil, processError("SessionToken is not a string")
		}
	}
	if v, _ := reply.Get("Expiration"); v != nil {
		text, ok := v.(string)
		if !ok {
			return nil, noDate(v)
		}
		if c.Expires, err = parseTime(text); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func processError(reason string) error {
	return errorf("Error when retrieving credentials from custom-process: %s", reason)
}

// checkVersion refuses any version but 1. To Python 1.0 and true are equal to 1.
func checkVersion(reply *document.Object) error {
	got := "<Version key not provided>"
	if v, ok := reply.Get("Version"); ok {
		if n, ok := v.(document.Number); v == true || ok && n.Float64() == 1 {
			return nil
		}
		got = document.Spell(v)
	}
	return processError(fmt.Sprintf("Unsupported version '%s' for credential process provider, supported versions: 1", got))
}

// fileError says why a file cannot be used, in Python's form.
func fileError(err error, name string) error { return Error(python.OSError(err, name).Error()) }
