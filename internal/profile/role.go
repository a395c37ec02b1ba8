package profile

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/sts"
)

func (s *search) fromRole(ctx context.Context) (*Provider, error) {
	if _, ok, err := s.option(s.profile, "role_arn"); err != nil {
		return nil, err
	} else if !ok {
		return nil, absent(fmt.Sprintf("the profile %q has no role_arn", s.profile))
	}
	if !s.assumesRole(s.profile) {
		return nil, absent(fmt.Sprintf("the profile %q has a web_identity_token_file", s.profile))
	}
	s.visited = []string{s.profile}
	return s.assume(ctx, s.profile)
}

// assumesRole reports whether a profile assumes a role with credentials of another place.
func (s *Settings) assumesRole(profile string) bool {
	return s.has(profile, "role_arn") && !s.has(profile, "web_identity_token_file")
}

// hasKeys reports whether a profile holds an access key, or a part of one.
func (s *Settings) hasKeys(profile string) bool {
	return s.has(profile, "aws_access_key_id") || s.has(profile, "aws_secret_access_key")
}

// assume returns the provider of the role of a profile. It finds the source of the role, but asks
// for nothing yet.
func (s *search) assume(ctx context.Context, profile string) (*Provider, error) {
	from, err := s.roleSource(ctx, profile)
	if err != nil {
		return nil, err
	}
	value := func(name string) string { text, _, _ := s.option(profile, name); return text }
	r := &roleCall{Settings: s.Settings, operation: "AssumeRole", from: from, cached: true}
	add := func(name, option string) {
		if s.has(profile, option) {
			r.parameters = append(r.parameters, sts.Parameter{Name: name, Value: value(option)})
		}
	}
	if value("role_session_name") != "" {
		add("RoleSessionName", "role_session_name")
	}
	add("ExternalId", "external_id")
	add("SerialNumber", "mfa_serial")
	if digits, err := python.ParseInt(value("duration_seconds")); err == nil {
		r.parameters = append(r.parameters, sts.Parameter{Name: "DurationSeconds", Value: digits})
	}
	add("RoleArn", "role_arn")
	if s.has(profile, "mfa_serial") {
		r.serial = value("mfa_serial")
		r.code = s.askCode
	}
	return r.provider(Source{"assume-role", "profile " + profile}), nil
}

// roleSource returns the provider of the credentials that a role is assumed with.
func (s *search) roleSource(ctx context.Context, profile string) (*Provider, error) {
	from, hasFrom, _ := s.option(profile, "source_profile")
	place, hasPlace, _ := s.option(profile, "credential_source")
	switch {
	case hasFrom && hasPlace:
		return nil, errorf(`The profile "%s" contains both source_profile and credential_source.`, profile)
	case hasPlace:
		return s.namedSource(ctx, place, profile)
	case !hasFrom:
		return nil, partial("assume-role", "source_profile or credential_source")
	}
	config, credentials, err := s.files()
	if err != nil {
		return nil, err
	}
	if config.named("profile", from) == nil && credentials.section(from) == nil {
		return nil, errorf(`The source_profile "%s" referenced in the profile "%s" does not exist.`, from, profile)
	}
	// A profile may name itself if it holds keys and a role.
	if slices.Contains(s.visited, from) && (from != profile || !s.hasKeys(from)) {
		names := make([]string, len(s.visited))
		for i, v := range s.visited {
			names[i] = python.Repr(v)
		}
		return nil, errorf("Infinite loop in credential configuration detected. Attempting to load from profile %s which has already been visited. Visited profiles: [%s]",
			from, strings.Join(names, ", "))
	}
	s.visited = append(s.visited, from)
	if s.assumesRole(from) && !s.hasKeys(from) {
		return s.assume(ctx, from)
	}
	source := &search{Settings: s.Settings, profile: from}
	p, err := source.first(ctx, source.profileSources())
	if p == nil && err == nil {
		err = errorf(`The source profile "%s" must have credentials.`, from)
	}
	return p, err
}

// namedSource returns the provider of a credential_source.
func (s *search) namedSource(ctx context.Context, place, profile string) (*Provider, error) {
	own := &search{Settings: s.Settings, profile: profile, variables: true}
	var from source
	switch place {
	case "Environment":
		from = source{"env", own.fromVariables}
	case "EcsContainer":
		from = source{"container-role", own.fromContainer}
	case "Ec2InstanceMetadata":
		from = source{"iam-role", own.fromInstance}
	default:
		return nil, errorf(`The credential source "%s" referenced in profile "%s" is not valid.`, place, profile)
	}
	p, err := own.first(ctx, []source{from})
	if p == nil && err == nil {
		err = retrievalError(place, "No credentials found in credential_source referenced in profile "+profile)
	}
	return p, err
}

// retrievalError says why a place has no credentials that should have some.
func retrievalError(place, reason string) error {
	return errorf("Error when retrieving credentials from %s: %s", place, reason)
}

// askCode asks for the code of an MFA device.
func (s *Settings) askCode(ctx context.Context, serial string) (string, error) {
	if s.Prompt != nil {
		if code, ok, err := s.Prompt(ctx, "Enter MFA code for "+serial+": "); ok {
			return code, err
		}
	}
	return "", errorf("the role needs a code of the MFA device %s, and there is no terminal to ask at: run a command of aws with the same profile first, whose credentials are kept for this one", serial)
}

func (s *search) fromWebIdentity(context.Context) (*Provider, error) {
	find := func(variable, name string) (text, from string) {
		if v := s.fromEnv(variable); v.IsSet() && s.variables {
			return v.Text, variable
		}
		text, _, _ = s.option(s.profile, name)
		return text, "profile " + s.profile
	}
	file, from := find("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")
	if file == "" {
		if s.variables {
			return nil, absent(fmt.Sprintf("neither AWS_WEB_IDENTITY_TOKEN_FILE is set, nor has the profile %q a web_identity_token_file", s.profile))
		}
		return nil, absent(fmt.Sprintf("the profile %q has no web_identity_token_file", s.profile))
	}
	role, _ := find("AWS_ROLE_ARN", "role_arn")
	if role == "" {
		// The missing blank is version 1's.
		return nil, Error("The provided profile or the current environment is configured to assume role with web identity but has no role ARN configured. Ensure that the profile has the role_arnconfiguration set or the AWS_ROLE_ARN env var is set.")
	}
	r := &roleCall{Settings: s.Settings, operation: "AssumeRoleWithWebIdentity", cached: s.cached, token: file}
	if name, _ := find("AWS_ROLE_SESSION_NAME", "role_session_name"); name != "" {
		r.parameters = append(r.parameters, sts.Parameter{Name: "RoleSessionName", Value: name})
	}
	r.parameters = append(r.parameters, sts.Parameter{Name: "RoleArn", Value: role})
	return r.provider(Source{"assume-role-with-web-identity", from}), nil
}

// roleCall asks the token service for the credentials of a role.
type roleCall struct {
	*Settings
	operation  string
	parameters []sts.Parameter // what does not change: the name of the file in the cache is made of it
	cached     bool            // what the service gives is kept on disk

	from   *Provider // of the credentials that it is asked with; nil for none
	token  string    // the file with the token of web identity
	serial string    // of the MFA device
	code   func(ctx context.Context, serial string) (string, error)
	asked  bool
}

func (r *roleCall) provider(source Source) *Provider {
	p := r.Settings.provider(nil, nil)
	p.Source = source
	session := "botocore-session-" + strconv.FormatInt(p.now().Unix(), 10)
	p.renew = func(ctx context.Context) (*Credentials, error) {
		if r.code != nil && r.asked {
			return nil, Error("Cannot refresh credentials: MFA token required.")
		}
		r.asked = true
		c, err := r.credentials(ctx, session, p.now)
		if err != nil {
			r.trace(source.Type, "refused")
			return nil, err
		}
		c.Source = source
		return c, nil
	}
	return p
}

// credentials takes the credentials from the cache, or asks for them. session is the name of the
// session if the settings have none.
func (r *roleCall) credentials(ctx context.Context, session string, now func() time.Time) (*Credentials, error) {
	cache := replyCache{r.Settings, r.key()}
	if r.cached {
		if c, err := cache.load(now().Add(renewEarly)); c != nil || err != nil {
			return c, err
		}
	}
	parameters := slices.Clone(r.parameters)
	if !slices.ContainsFunc(parameters, func(p sts.Parameter) bool { return p.Name == "RoleSessionName" }) {
		parameters = append(parameters, sts.Parameter{Name: "RoleSessionName", Value: session})
	}
	var keys *Credentials
	send := sts.AssumeRole
	if r.token != "" {
		send = sts.AssumeRoleWithWebIdentity
		token, err := readToken(r.token)
		if err != nil {
			return nil, err
		}
		parameters = append(parameters, sts.Parameter{Name: "WebIdentityToken", Value: token})
	}
	if r.code != nil {
		code, err := r.code(ctx, r.serial)
		if err != nil {
			return nil, err
		}
		parameters = append(parameters, sts.Parameter{Name: "TokenCode", Value: code})
	}
	if r.from != nil {
		var err error
		if keys, err = r.from.Get(ctx); err != nil {
			return nil, err
		}
	}
	region, err := r.Region()
	if err != nil {
		return nil, err
	}
	c, err := r.askFor(ctx, tokenService, region, keys)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if validate, err := r.ValidateParameters(); err != nil {
		return nil, err
	} else if validate {
		if err := sts.Minima(parameters); err != nil {
			return nil, err
		}
	}
	r.trace(r.operation, "asked")
	reply, err := send(ctx, c, parameters)
	if err != nil {
		return nil, err
	}
	got, err := fromReply(reply)
	if err == nil && r.cached {
		cache.store(reply)
	}
	return got, err
}

// readToken reads the token of web identity, as it is.
func readToken(name string) (string, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return "", fileError(err, name)
	}
	text, err := python.Decode(data)
	return python.UniversalNewlines(text), err
}

// key is the name of the call in the cache: a hash of its parameters, as version 1 computes it.
func (r *roleCall) key() string {
	sorted := slices.Clone(r.parameters)
	slices.SortFunc(sorted, func(a, b sts.Parameter) int { return strings.Compare(a.Name, b.Name) })
	o := document.NewObject()
	for _, p := range sorted {
		if p.Name == "DurationSeconds" {
			o.Set(p.Name, document.Number(p.Value))
		} else {
			o.Set(p.Name, p.Value)
		}
	}
	sum := sha1.Sum(document.AppendCompact(nil, o))
	return hex.EncodeToString(sum[:])
}

// fromReply reads the credentials of a reply of the token service.
func fromReply(reply *document.Object) (*Credentials, error) {
	keys, err := replyKeys(reply)
	if err != nil {
		return nil, err
	}
	c := new(Credentials)
	var expires string
	if err := members(keys, memberTexts{{"Expiration", &expires}, {"AccessKeyId", &c.AccessKeyID}, {"SecretAccessKey", &c.SecretAccessKey}, {"SessionToken", &c.SessionToken}}); err != nil {
		return nil, err
	}
	c.Expires, err = parseTime(expires)
	return c, err
}

// expiration reads when the credentials of a reply expire.
func expiration(reply *document.Object) (time.Time, error) {
	keys, err := replyKeys(reply)
	if err != nil {
		return time.Time{}, err
	}
	var expires string
	if err := members(keys, memberTexts{{"Expiration", &expires}}); err != nil {
		return time.Time{}, err
	}
	return parseTime(expires)
}

func replyKeys(reply *document.Object) (*document.Object, error) {
	v, ok := reply.Get("Credentials")
	if !ok {
		return nil, Error("'Credentials'") // as version 1 says of what it does not expect to be missing
	}
	return object(v)
}

// object returns an object that must be one. The error for another value is Python's.
func object(v any) (*document.Object, error) {
	switch v := v.(type) {
	case *document.Object:
		return v, nil
	case []any:
		return nil, Error("list indices must be integers or slices, not str")
	case string:
		return nil, Error("string indices must be integers, not 'str'")
	default:
		return nil, errorf("'%s' object is not subscriptable", document.Class(v))
	}
}

// memberTexts names members of an object, and where to put their texts.
type memberTexts []struct {
	name string
	to   *string
}

// members reads members that must be there. To version 1 a missing one is an error of Python, which
// is only its name. A token that is null is none: requests are signed without.
func members(o *document.Object, texts memberTexts) error {
	for _, m := range texts {
		if _, ok := o.Get(m.name); !ok {
			return Error(python.Repr(m.name))
		}
	}
	for _, m := range texts {
		v, _ := o.Get(m.name)
		text, ok := v.(string)
		switch {
		case ok, v == nil && (m.name == "Token" || m.name == "SessionToken"):
			*m.to = text
		case m.name == "Expiration":
			return noDate(v)
		default:
			return errorf("%s is not a string", m.name)
		}
	}
	return nil
}

// noDate refuses a value that should be the text of a time.
func noDate(v any) error {
	return errorf("Parser must be a string or character stream, not %s", document.Class(v))
}
