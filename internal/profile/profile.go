// Package profile finds out what a command line gets from its environment and from the files
// in ~/.aws: profile, credentials, region, endpoint, retries and the smaller settings, with
// the precedence, the checks and the words of AWS CLI version 1.
//
// Start at [New], which opens no file. [Settings.Connect] finds what a request needs, in the order
// in which version 1 reports what is wrong. The other methods of [Settings] answer one question
// each. [Settings.Variable] and the methods that set something are for `aws configure`.
//
// The texts of errors are printed as they are, to standard error, after an empty line, and the
// exit code is 255. There are two exceptions: no empty line comes before [ErrNoRegion] and
// [ErrNoCredentials], and the exit code of a [*FileError] is 1.
package profile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/python"
)

// Error is an error in the words in which it is printed.
type Error string

func (e Error) Error() string { return string(e) }

func errorf(format string, args ...any) error { return Error(fmt.Sprintf(format, args...)) }

// The most frequent errors. Version 1 prints no empty line before them.
const (
	ErrNoRegion      = Error(`You must specify a region. You can also configure your region by running "aws configure".`)
	ErrNoCredentials = Error(`Unable to locate credentials. You can configure credentials by running "aws configure".`)
)

// Env is an environment in the form of os.Environ: "NAME=value" each.
type Env []string

// Lookup returns the value of a variable, and whether it is set. If the name is repeated, the
// first one counts.
func (e Env) Lookup(name string) (string, bool) {
	for _, v := range e {
		if len(v) > len(name) && v[len(name)] == '=' && v[:len(name)] == name {
			return v[len(name)+1:], true
		}
	}
	return "", false
}

// Expand replaces $NAME and ${NAME}, and then a leading ~, in the name of a file. Variables that
// are not set stay as written, and so does the home of another user. The user's own home is known
// even if no variable is set.
func (e Env) Expand(path string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(path, "$")
		b.WriteString(before)
		if !found {
			break
		}
		name, rest := variableName(after)
		value, ok := e.Lookup(strings.Trim(name, "{}"))
		if name == "" || !ok {
			value = "$" + name
		}
		b.WriteString(value)
		path = rest
	}
	return e.expandHome(b.String())
}

// expandHome replaces a leading ~ in the name of a file, but no variables.
func (e Env) expandHome(path string) string {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path
	}
	home, ok := e.Lookup("HOME")
	if runtime.GOOS == "windows" {
		home, ok = e.Lookup("USERPROFILE")
	}
	if !ok { // cron or the system may have started the program
		me, err := user.Current()
		if err != nil {
			return path
		}
		home = me.HomeDir
	}
	return strings.TrimRight(home, "/") + path[1:]
}

// variableName splits what follows a "$" into a name, braces included, and the rest.
func variableName(s string) (name, rest string) {
	if strings.HasPrefix(s, "{") {
		if end := strings.IndexByte(s, '}'); end > 0 {
			return s[:end+1], s[end+1:]
		}
		return "", s
	}
	end := 0
	for end < len(s) && (s[end] == '_' || isAlnum(s[end])) {
		end++
	}
	return s[:end], s[end:]
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// Flags are the global options that win over the environment and the files. nil is "not given".
type Flags struct {
	Profile     *string // --profile; empty counts as not given
	Region      *string // --region
	EndpointURL *string // --endpoint-url, see CheckEndpointFlag
	Output      *string // --output
	CABundle    *string // --ca-bundle
}

// Value is a setting and where it comes from.
type Value struct {
	Text   string
	Source Source // zero if it is not set, and Text is the default
}

// IsSet reports whether the value is set, even to an empty text.
func (v Value) IsSet() bool { return v.Source.Type != "" }

// Source says where a value comes from, for --debug and for `aws configure list`.
type Source struct {
	// Type is what version 1 calls the place: "manual" (an option), "env", "config-file",
	// "shared-credentials-file", "custom-process", "ec2-credentials-file", "boto-config",
	// "assume-role", "assume-role-with-web-identity", "sso", "container-role", "iam-role".
	Type string
	// Location is the option, the variable, or the file and its section.
	Location string
}

func (s Source) String() string {
	if s.Location == "" {
		return s.Type
	}
	return s.Type + " (" + s.Location + ")"
}

// Settings are the settings of one command line. The files are read once, when they are first
// needed. A Settings is not for concurrent use.
type Settings struct {
	// Stdin is the standard input of a credential_process; nil is empty input.
	Stdin *os.File
	// Warn, if set, is told what a user should mend though the command goes on.
	Warn func(text string)
	// Trace, if set, is told of each place that was asked for credentials, by version 1's name, and
	// what became of it. It hears no secrets.
	Trace func(place, outcome string)
	// Prompt asks a person for the code of an MFA device, and returns it without the line's end. If ok
	// is false, or Prompt nil, nobody can be asked.
	Prompt func(ctx context.Context, text string) (line string, ok bool, err error)

	// ContextParams are what the call that is to be made says to the rules of endpoints. Values are
	// texts, booleans and lists of texts.
	ContextParams map[string]any

	// UserAgent and the timeouts are for requests for credentials: see [client.Config]. The timeouts
	// are not for containers and instance metadata, which answer at once.
	UserAgent                   string
	ReadTimeout, ConnectTimeout time.Duration

	// Now and Sleep are for tests: see [client.Config].
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error

	env   Env
	flags Flags

	config, credentials loaded
	placed              bool // the region of this machine was asked for
}

type loaded struct {
	file *File
	err  error
}

// New returns the settings of a command line. It opens no file.
func New(env Env, flags Flags) *Settings { return &Settings{env: env, flags: flags} }

// Profile returns the name of the chosen profile: --profile, AWS_DEFAULT_PROFILE or AWS_PROFILE,
// in this order. If it is not set, the profile "default" is used, if it exists. [Settings.Check]
// says whether the profile exists.
func (s *Settings) Profile() Value {
	if s.explicit() {
		return Value{*s.flags.Profile, Source{"manual", "--profile"}}
	}
	return s.fromEnv("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
}

// explicit reports whether --profile was given. If so, keys in the environment do not count.
func (s *Settings) explicit() bool { return s.flags.Profile != nil && *s.flags.Profile != "" }

// profileName returns the profile in use.
func (s *Settings) profileName() string {
	if p := s.Profile(); p.IsSet() {
		return p.Text
	}
	return "default"
}

// ConfigFile returns the name of the config file as configured, for [Env.Expand].
func (s *Settings) ConfigFile() string { return s.fileName("AWS_CONFIG_FILE", "~/.aws/config") }

// CredentialsFile returns the name of the credentials file as configured, for [Env.Expand].
func (s *Settings) CredentialsFile() string {
	return s.fileName("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
}

func (s *Settings) fileName(variable, otherwise string) string {
	if name, ok := s.env.Lookup(variable); ok {
		return name
	}
	return otherwise
}

func (s *Settings) load(l *loaded, name string) (*File, error) {
	if l.file == nil && l.err == nil {
		l.file, l.err = Load(s.env.Expand(name))
	}
	return l.file, l.err
}

// files returns the config file and the credentials file.
func (s *Settings) files() (config, credentials *File, err error) {
	if config, err = s.load(&s.config, s.ConfigFile()); err != nil {
		return nil, nil, err
	}
	if credentials, err = s.load(&s.credentials, s.CredentialsFile()); err != nil {
		return nil, nil, err
	}
	return config, credentials, nil
}

// CheckFiles reports a file that does not parse. Version 1 does so before it looks at its command
// line.
func (s *Settings) CheckFiles() error {
	_, _, err := s.files()
	return err
}

// Check reports a chosen profile that is in neither file. The error is a [NotFoundError].
func (s *Settings) Check() error {
	config, credentials, err := s.files()
	if err != nil {
		return err
	}
	p := s.Profile()
	if p.IsSet() && config.named("profile", p.Text) == nil && credentials.section(p.Text) == nil {
		return NotFoundError{p.Text}
	}
	return nil
}

// NotFoundError says that the chosen profile is in no file.
type NotFoundError struct{ Profile string }

func (e NotFoundError) Error() string {
	return fmt.Sprintf("The config profile (%s) could not be found", e.Profile)
}

// lookup finds an option of a profile. The credentials file may hold any option and wins over the
// config file. Both are read in any case: a file that cannot be parsed is an error even if it is
// not needed. The option is nil if the profile does not have it.
func (s *Settings) lookup(profile, name string) (*Option, Source, error) {
	config, credentials, err := s.files()
	if err != nil {
		return nil, Source{}, err
	}
	if section := credentials.section(profile); section.option(name) != nil {
		return section.option(name), Source{"config-file", location(credentials, section)}, nil
	}
	section := config.named("profile", profile)
	if section.option(name) == nil {
		return nil, Source{}, nil
	}
	return section.option(name), Source{"config-file", location(config, section)}, nil
}

func location(f *File, s *Section) string { return fmt.Sprintf("%s [%s]", f.Path, s.Name) }

// Setting returns an option of the chosen profile. The value is not set if the profile does not
// have it. The name must be in lower case. It is an error if the chosen profile does not exist, or
// if the option is a block of nested settings.
func (s *Settings) Setting(name string) (Value, error) {
	if err := s.Check(); err != nil {
		return Value{}, err
	}
	o, source, err := s.lookup(s.profileName(), name)
	switch {
	case err != nil || o == nil:
		return Value{}, err
	case o.Nested != nil:
		return Value{}, errorf("%s in %s must be one value, not a block of settings", name, source.Location)
	}
	return Value{o.Value, source}, nil
}

// resolve looks for a value in an option of the command line, a variable and an entry in the
// config file, in this order. An empty text counts, as it does in version 1.
func (s *Settings) resolve(flag *string, option, variable, name string) (Value, error) {
	if flag != nil {
		return Value{*flag, Source{"manual", option}}, nil
	}
	if v := s.fromEnv(variable); v.IsSet() {
		return v, nil
	}
	return s.Setting(name)
}

// fromEnv returns the first of the variables that is set, even to an empty text.
func (s *Settings) fromEnv(variables ...string) Value {
	for _, name := range variables {
		if text, ok := s.env.Lookup(name); ok {
			return Value{text, Source{"env", name}}
		}
	}
	return Value{}
}

// isTrue reads a boolean as version 1 does: any text but "true", in any case, is false.
func isTrue(text string) bool { return python.Lower(text) == "true" }

// Region returns the region as configured: --region, AWS_DEFAULT_REGION, `region`. AWS_REGION
// is not read. Its form is not checked here.
func (s *Settings) Region() (Value, error) {
	return s.resolve(s.flags.Region, "--region", "AWS_DEFAULT_REGION", "region")
}

// Output returns the output format: --output, AWS_DEFAULT_OUTPUT, `output`, or the default "json".
// It does not check that the format exists, since version 1 does so after the request.
func (s *Settings) Output() (Value, error) {
	v, err := s.resolve(s.flags.Output, "--output", "AWS_DEFAULT_OUTPUT", "output")
	if err == nil && !v.IsSet() {
		v.Text = "json"
	}
	return v, err
}

// CABundle returns the file with the certificates to trust instead of the system's: --ca-bundle,
// AWS_CA_BUNDLE, `ca_bundle`, REQUESTS_CA_BUNDLE. See [Connection.CheckCABundle] for an empty name.
func (s *Settings) CABundle() (Value, error) {
	v, err := s.resolve(s.flags.CABundle, "--ca-bundle", "AWS_CA_BUNDLE", "ca_bundle")
	if err == nil && !v.IsSet() {
		v = s.fromEnv("REQUESTS_CA_BUNDLE")
	}
	return v, err
}

// TimestampFormat returns `cli_timestamp_format`: "none" (the default), "wire" or "iso8601". It
// does not report a profile that does not exist: version 1 does so later.
func (s *Settings) TimestampFormat() (string, error) {
	v, err := s.early("cli_timestamp_format", "none")
	if err != nil {
		return "", err
	}
	switch v {
	case "none", "wire", "iso8601":
		return v, nil
	}
	return "", errorf(`Unknown cli_timestamp_format value: %s, valid values are "none", "wire" or "iso8601"`, v)
}

// FollowURLs reports whether a parameter http://... stands for the content of that URL
// (`cli_follow_urlparam`: only the exact word "true", or no entry, means yes). It does not report
// a profile that does not exist either.
func (s *Settings) FollowURLs() (bool, error) {
	v, err := s.early("cli_follow_urlparam", "true")
	return v == "true", err
}

// APIVersion returns the version of a service that the profile asks for; ok is false if any will
// do:
//
//	api_versions =
//	  SERVICE = VERSION
func (s *Settings) APIVersion(service string) (version string, ok bool, err error) {
	o, source, err := s.lookup(s.profileName(), "api_versions")
	if err != nil || o == nil {
		return "", false, err
	}
	if o.Nested == nil { // version 1 breaks off with a traceback
		return "", false, &FileError{Path: source.Location, Reason: "api_versions must be a block of settings, such as an indented line " + service + " = VERSION"}
	}
	if p := o.pair(service); p != nil {
		return p.Value, true, nil
	}
	return "", false, nil
}

// early is Setting for what version 1 reads before it checks that the profile exists.
func (s *Settings) early(name, otherwise string) (string, error) {
	v, err := s.Setting(name)
	if _, missing := errors.AsType[NotFoundError](err); missing || err == nil && !v.IsSet() {
		return otherwise, nil
	}
	return v.Text, err
}

// ValidateParameters reports whether input is validated before it is sent: `parameter_validation`,
// true by default.
func (s *Settings) ValidateParameters() (bool, error) {
	v, err := s.Setting("parameter_validation")
	return !v.IsSet() || isTrue(v.Text), err
}
