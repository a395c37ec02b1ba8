package profile

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/shell"
)

// Credentials sign requests.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string    // "" for none
	Expires         time.Time // zero for never
	Source          Source
}

// String and GoString leave out the secrets, so that no log holds them by accident.
func (c Credentials) String() string   { return c.AccessKeyID + " from " + c.Source.String() }
func (c Credentials) GoString() string { return "profile.Credentials{" + c.String() + "}" }

// Credentials looks for credentials in the places and in the order of version 1: environment
// (unless --profile was given), assumed role, web identity, SSO, credentials file,
// credential_process, config file, the files of older tools (AWS_CREDENTIAL_FILE, ~/.boto),
// container. It never asks for instance metadata. The error is [ErrNoCredentials] if no place has
// any.
//
// A place that is on the network is an error, which says what to do instead. Such a place is not
// skipped, since the next one may hold the keys of another user.
func (s *Settings) Credentials(ctx context.Context) (*Credentials, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	for _, find := range []func(context.Context) (*Credentials, error){
		s.fromVariables, s.fromRole, s.fromWebIdentity, s.fromSSO, s.fromSharedFile,
		s.fromLogin, s.fromProcess, s.fromConfigFile, s.fromEC2Tools, s.fromBoto, s.fromContainer,
	} {
		if c, err := find(ctx); c != nil || err != nil {
			return c, err
		}
	}
	return nil, ErrNoCredentials
}

// unsupported is the error of a place that is known and not supported.
func unsupported(what string) error {
	return errorf("%s, which this command does not support: put aws_access_key_id and aws_secret_access_key into a profile, or name a program that prints credentials as credential_process", what)
}

func partial(place, missing string) error {
	return errorf("Partial credentials found in %s, missing: %s", place, missing)
}

func (s *Settings) fromVariables(context.Context) (*Credentials, error) {
	key := s.fromEnv("AWS_ACCESS_KEY_ID")
	if key.Text == "" || s.explicit() {
		return nil, nil
	}
	secret := s.fromEnv("AWS_SECRET_ACCESS_KEY")
	if secret.Text == "" {
		return nil, partial("env", "AWS_SECRET_ACCESS_KEY")
	}
	expires, err := parseTime(s.fromEnv("AWS_CREDENTIAL_EXPIRATION").Text)
	if err != nil {
		return nil, err
	}
	token := s.fromEnv("AWS_SECURITY_TOKEN")
	if token.Text == "" {
		token = s.fromEnv("AWS_SESSION_TOKEN")
	}
	return &Credentials{key.Text, secret.Text, token.Text, expires, key.Source}, nil
}

// parseTime reads the time at which credentials expire. An empty text means never.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 UTC"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errorf("Unknown string format: %s", text)
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

func (s *Settings) assumesRole(profile string) bool {
	return s.has(profile, "role_arn") && !s.has(profile, "web_identity_token_file")
}

func (s *Settings) fromRole(context.Context) (*Credentials, error) {
	profile := s.profileName()
	if !s.assumesRole(profile) {
		return nil, nil
	}
	if err := s.checkRole(profile, []string{profile}); err != nil {
		return nil, err
	}
	return nil, unsupported(fmt.Sprintf("The profile %q assumes a role (role_arn)", profile))
}

// checkRole reports what is wrong with a profile that assumes a role. It follows the profiles that
// the credentials come from; visited ends with the profile itself.
func (s *Settings) checkRole(profile string, visited []string) error {
	source, hasSource, _ := s.option(profile, "source_profile")
	place, hasPlace, _ := s.option(profile, "credential_source")
	switch {
	case hasSource && hasPlace:
		return errorf(`The profile "%s" contains both source_profile and credential_source.`, profile)
	case hasPlace:
		switch place {
		case "Environment":
			if s.fromEnv("AWS_ACCESS_KEY_ID").Text == "" {
				return errorf("Error when retrieving credentials from Environment: No credentials found in credential_source referenced in profile %s", profile)
			}
		case "Ec2InstanceMetadata", "EcsContainer":
		default:
			return errorf(`The credential source "%s" referenced in profile "%s" is not valid.`, place, profile)
		}
		return nil
	case !hasSource:
		return partial("assume-role", "source_profile or credential_source")
	}
	config, credentials, err := s.files()
	if err != nil {
		return err
	}
	if config.named("profile", source) == nil && credentials.section(source) == nil {
		return errorf(`The source_profile "%s" referenced in the profile "%s" does not exist.`, source, profile)
	}
	static := s.has(source, "aws_access_key_id") && s.has(source, "aws_secret_access_key")
	// A profile may name itself if it holds keys and a role.
	if slices.Contains(visited, source) && (source != profile || !static) {
		var names []string
		for _, v := range visited {
			names = append(names, python.Repr(v))
		}
		return errorf("Infinite loop in credential configuration detected. Attempting to load from profile %s which has already been visited. Visited profiles: [%s]",
			source, strings.Join(names, ", "))
	}
	switch {
	case static:
		return nil
	case s.assumesRole(source):
		return s.checkRole(source, append(visited, source))
	}
	for _, other := range []string{"aws_access_key_id", "credential_process", "web_identity_token_file", "sso_account_id", "sso_role_name", "login_session"} {
		if s.has(source, other) {
			return nil
		}
	}
	return errorf(`The source profile "%s" must have credentials.`, source)
}

func (s *Settings) fromWebIdentity(context.Context) (*Credentials, error) {
	find := func(variable, name string) string {
		if v := s.fromEnv(variable); v.IsSet() && !s.explicit() {
			return v.Text
		}
		text, _, _ := s.option(s.profileName(), name)
		return text
	}
	token := find("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")
	if token == "" {
		return nil, nil
	}
	if find("AWS_ROLE_ARN", "role_arn") == "" {
		// The missing blank is version 1's.
		return nil, Error("The provided profile or the current environment is configured to assume role with web identity but has no role ARN configured. Ensure that the profile has the role_arnconfiguration set or the AWS_ROLE_ARN env var is set.")
	}
	if _, err := os.Stat(token); err != nil {
		return nil, fileError(err, token)
	}
	return nil, unsupported("The environment or the profile assumes a role with web identity (web_identity_token_file)")
}

func (s *Settings) fromSSO(context.Context) (*Credentials, error) {
	profile := s.profileName()
	if !s.has(profile, "sso_account_id") && !s.has(profile, "sso_role_name") {
		return nil, nil
	}
	config, _, err := s.files()
	if err != nil {
		return nil, err
	}
	var missing []string
	need := func(found bool, name string) {
		if !found {
			missing = append(missing, name)
		}
	}
	need(s.has(profile, "sso_role_name"), "sso_role_name")
	need(s.has(profile, "sso_account_id"), "sso_account_id")
	token, inSession, _ := s.option(profile, "sso_session")
	if inSession {
		session := config.named("sso-session", token)
		if session == nil {
			return nil, errorf(`The specified sso-session does not exist: "%s"`, token)
		}
		need(session.option("sso_start_url") != nil, "sso_start_url")
		need(session.option("sso_region") != nil, "sso_region")
	} else {
		token, _, _ = s.option(profile, "sso_start_url")
		need(s.has(profile, "sso_start_url"), "sso_start_url")
		need(s.has(profile, "sso_region"), "sso_region")
	}
	if missing != nil {
		return nil, errorf(`The profile "%s" is configured to use SSO but is missing required configuration: %s`, profile, strings.Join(missing, ", "))
	}
	// Without the token of an earlier login, version 1 gives up before it asks the network.
	sum := sha1.Sum([]byte(token))
	if _, err := os.Stat(s.env.Expand("~/.aws/sso/cache/" + hex.EncodeToString(sum[:]) + ".json")); err != nil {
		return nil, errorf("Error loading SSO Token: Token for %s does not exist", token)
	}
	return nil, unsupported(fmt.Sprintf("The profile %q signs in through SSO (sso_account_id)", profile))
}

func (s *Settings) fromLogin(context.Context) (*Credentials, error) {
	if !s.has(s.profileName(), "login_session") {
		return nil, nil
	}
	return nil, unsupported(fmt.Sprintf("The profile %q takes its credentials from a console login (login_session)", s.profileName()))
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

func (s *Settings) fromContainer(context.Context) (*Credentials, error) {
	for _, name := range []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"} {
		if s.fromEnv(name).IsSet() {
			return nil, unsupported("The environment offers the credentials of a container (" + name + ")")
		}
	}
	return nil, nil
}

func (s *Settings) fromSharedFile(context.Context) (*Credentials, error) {
	_, credentials, err := s.files()
	if err != nil {
		return nil, err
	}
	return keys("shared-credentials-file", credentials, credentials.section(s.profileName()))
}

func (s *Settings) fromConfigFile(context.Context) (*Credentials, error) {
	config, _, err := s.files()
	if err != nil {
		return nil, err
	}
	return keys("config-file", config, config.named("profile", s.profileName()))
}

// fromEC2Tools reads the file of the first tools for EC2, which AWS_CREDENTIAL_FILE names. Its
// lines are NAME=VALUE; others are ignored. A file that is named must be there.
func (s *Settings) fromEC2Tools(context.Context) (*Credentials, error) {
	name := s.fromEnv("AWS_CREDENTIAL_FILE")
	if !name.IsSet() {
		return nil, nil
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
		return nil, nil
	}
	secret, ok := found["AWSSecretKey"]
	if !ok {
		return nil, Error("'AWSSecretKey'") // no more than the name: version 1 does not expect this
	}
	return &Credentials{AccessKeyID: key, SecretAccessKey: secret, Source: Source{"ec2-credentials-file", path}}, nil
}

// fromBoto reads [Credentials] in the files of boto, the library before the one of version 1:
// BOTO_CONFIG or, if that is not set, /etc/boto.cfg and ~/.boto. It has no session tokens.
func (s *Settings) fromBoto(context.Context) (*Credentials, error) {
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
		if c, err := keys("boto-config", f, f.section("Credentials")); err != nil {
			return nil, err
		} else if c != nil {
			c.SessionToken = ""
			return c, nil
		}
	}
	return nil, nil
}

// keys reads access keys from one section of one file. A pair is never taken from both files.
func keys(place string, f *File, section *Section) (*Credentials, error) {
	if section.option("aws_access_key_id") == nil {
		return nil, nil
	}
	if section.option("aws_secret_access_key") == nil {
		return nil, partial(place, "aws_secret_access_key")
	}
	token := section.value("aws_session_token")
	if section.option("aws_security_token") != nil {
		token = section.value("aws_security_token")
	}
	return &Credentials{
		AccessKeyID:     section.value("aws_access_key_id"),
		SecretAccessKey: section.value("aws_secret_access_key"),
		SessionToken:    token,
		Source:          Source{place, location(f, section)},
	}, nil
}

// fromProcess runs the program that the profile names, without a shell. The program prints a JSON
// object with Version (1), AccessKeyId, SecretAccessKey and, optionally, SessionToken and
// Expiration.
func (s *Settings) fromProcess(ctx context.Context) (*Credentials, error) {
	o, source, err := s.lookup(s.profileName(), "credential_process")
	if o == nil || err != nil {
		return nil, err
	}
	words, err := shell.Split(o.Value)
	if err != nil {
		return nil, Error(err.Error())
	}
	if len(words) == 0 {
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
			return nil, processError("Expiration is not a string")
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
