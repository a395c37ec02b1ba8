package profile

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// Connection is what a client needs to know before it sends a request.
type Connection struct {
	Endpoint    Endpoint
	Region      Value     // as configured; the signature has Endpoint.SigningRegion
	Credentials *Provider // nil if none were found or none are wanted
	Retry       Retry
	CABundle    Value
	// NoHostPrefix says not to put before the host what operations ask for.
	NoHostPrefix bool

	unsigned bool
	global   bool // the service has an endpoint that needs no region
}

// Ready reports what a request lacks: [ErrNoRegion] or [ErrNoCredentials]. Call it after the input
// was validated: that is when version 1 finds out, and when it asks for the credentials of a role,
// even where there is no region to sign for.
func (c *Connection) Ready(ctx context.Context) error {
	switch {
	case c.unsigned:
		return nil
	// Without a region and a URL, a global service is called at its only endpoint. With a URL
	// alone, no region to sign for is known.
	case !c.Region.IsSet() && (c.Endpoint.Source.Type != "" || !c.global):
		if c.Credentials != nil {
			if _, err := c.Credentials.Get(ctx); err != nil {
				return err
			}
		}
		return ErrNoRegion
	case c.Credentials == nil:
		return ErrNoCredentials
	}
	return nil
}

// Renew is for [client.Config]: it hands out the credentials of each attempt. It is nil for
// requests without a signature.
func (c *Connection) Renew() func(context.Context) (*client.Credentials, error) {
	if c.Credentials == nil {
		return nil
	}
	return func(ctx context.Context) (*client.Credentials, error) {
		k, err := c.Credentials.Get(ctx)
		if err != nil {
			return nil, err
		}
		return k.forClient(), nil
	}
}

// CheckCABundle reports a bundle with an empty name, which is no way to say "none". It does not
// matter to a command that verifies nothing.
func (c *Connection) CheckCABundle() error {
	if c.CABundle.IsSet() && python.Strip(c.CABundle.Text) == "" {
		return Error("Invalid CA bundle: the configured value (ca_bundle, AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE, or verify) resolved to an empty or whitespace-only string. Provide a valid path to a CA bundle file.")
	}
	return nil
}

// Connect finds the endpoint of a service, the region, credentials, retries and certificates. If
// several things are wrong, it reports the one that version 1 reports: the first of profile, form
// of the region, credentials, session of SSO, defaults mode, services section, retries, form of the
// URL. Without sign it does not look for credentials: see [Settings.Credentials].
func (s *Settings) Connect(ctx context.Context, service *model.Service, sign bool) (*Connection, error) {
	c := &Connection{unsigned: !sign, global: service.GlobalRegion != "" || slices.Contains(regionless, service.EndpointPrefix)}
	err := s.Check()
	if err != nil {
		return nil, err
	}
	if c.Region, err = s.Region(); err != nil {
		return nil, err
	}
	if err := checkRegion(c.Region.Text); err != nil {
		return nil, err
	}
	if sign {
		c.Credentials, err = s.Credentials(ctx)
		if err != nil && !errors.Is(err, ErrNoCredentials) {
			return nil, err
		}
	}
	if err := s.checkSSOToken(); err != nil {
		return nil, err
	}
	to := targetOf(service)
	if to.rules != "" {
		if err := s.tell(&to, c); err != nil {
			return nil, err
		}
	}
	if err := s.reach(ctx, c, to); err != nil {
		return nil, err
	}
	return c, nil
}

// tell adds what the rules of endpoints are told: what the operation says, the account of the keys,
// and whether the endpoint may be that of the account. The account of a role is not known here.
func (s *Settings) tell(to *target, c *Connection) error {
	to.told = maps.Clone(s.ContextParams)
	if to.told == nil {
		to.told = map[string]any{}
	}
	if c.unsigned {
		to.told[accountMode] = "disabled"
		return nil
	}
	mode, err := s.resolve(nil, "", "AWS_ACCOUNT_ID_ENDPOINT_MODE", "account_id_endpoint_mode")
	if err != nil {
		return err
	}
	to.told[accountMode] = "preferred"
	if mode.IsSet() {
		to.told[accountMode] = python.Lower(mode.Text)
	}
	if c.Credentials == nil {
		return nil
	}
	var account Value
	switch c.Credentials.Source.Type {
	case "env":
		account = s.fromEnv("AWS_ACCOUNT_ID")
	case "shared-credentials-file", "config-file":
		if account, err = s.Setting("aws_account_id"); err != nil {
			return err
		}
	}
	if account.Text != "" {
		to.told[accountID] = account.Text
	}
	return nil
}

// reach finds what a connection in a region needs beside credentials. It reports the first thing
// that is wrong with defaults mode, services section, retries and form of the URL.
func (s *Settings) reach(ctx context.Context, c *Connection, service target) error {
	mode, err := s.defaultRetryMode(ctx)
	if err != nil {
		return err
	}
	if c.Endpoint, err = s.endpoint(service, c.Region); err != nil {
		return err
	}
	if c.Retry, err = s.retry(mode, !c.unsigned); err != nil {
		return err
	}
	if c.Endpoint.Source.Type != "" {
		if err := checkURL(c.Endpoint.URL); err != nil {
			return err
		}
	}
	if _, err := s.tokenEndpoints(); err != nil {
		return err
	}
	if err := s.checkStorageEndpoints(); err != nil {
		return err
	}
	prefix, err := s.resolve(nil, "", "AWS_DISABLE_HOST_PREFIX_INJECTION", "disable_host_prefix_injection")
	if err != nil {
		return err
	}
	c.NoHostPrefix = isTrue(prefix.Text)
	c.CABundle, err = s.CABundle()
	return err
}

// Retry says how many times a request is tried.
type Retry struct {
	Mode        string // "legacy", "standard" or "adaptive"
	MaxAttempts int    // the first one included, at least 1
}

// defaultRetryMode returns the retry mode that the defaults mode implies: every one but
// "legacy" asks for "standard". For "auto" it asks in which region this machine is, as version 1
// does, although nothing here depends on the answer.
func (s *Settings) defaultRetryMode(ctx context.Context) (string, error) {
	v, err := s.resolve(nil, "", "AWS_DEFAULTS_MODE", "defaults_mode")
	if err != nil || !v.IsSet() {
		return "legacy", err
	}
	switch python.Lower(v.Text) {
	case "legacy":
		return "legacy", nil
	case "auto":
		s.askRegion(ctx)
		return "standard", nil
	case "standard", "in-region", "cross-region", "mobile":
		return "standard", nil
	}
	return "", errorf("Client configured with invalid defaults mode: %s. Valid defaults modes include: legacy, auto, standard, in-region, cross-region, mobile.", v.Text)
}

// retry returns the retry settings: AWS_RETRY_MODE or `retry_mode`, and AWS_MAX_ATTEMPTS or
// `max_attempts`. The default is 5 attempts in legacy mode and 3 in the others. Between reading and
// checking them, version 1 checks what [Settings.checkUnused] does.
func (s *Settings) retry(defaultMode string, signed bool) (Retry, error) {
	r := Retry{Mode: defaultMode}
	attempts, err := s.resolve(nil, "", "AWS_MAX_ATTEMPTS", "max_attempts")
	if err != nil {
		return r, err
	}
	if attempts.IsSet() {
		if r.MaxAttempts, err = parseInt(attempts.Text); err != nil {
			return r, err
		}
	}
	mode, err := s.resolve(nil, "", "AWS_RETRY_MODE", "retry_mode")
	if err != nil {
		return r, err
	}
	if err := s.checkUnused(signed); err != nil {
		return r, err
	}
	if attempts.IsSet() && r.MaxAttempts < 1 {
		return r, errorf(`Value provided to "max_attempts": %d must be an integer greater than or equal to 1.`, r.MaxAttempts)
	}
	if mode.IsSet() {
		r.Mode = mode.Text
	}
	switch r.Mode {
	case "legacy", "standard", "adaptive":
	default:
		return r, errorf(`Invalid value provided to "mode": "%s" must be one of: ('legacy', 'standard', 'adaptive')`, r.Mode)
	}
	switch {
	case attempts.IsSet():
	case r.Mode == "legacy":
		r.MaxAttempts = 5
	default:
		r.MaxAttempts = 3
	}
	return r, nil
}

// checkUnused reports settings that no request here depends on, and that version 1 refuses all the
// same.
func (s *Settings) checkUnused(signed bool) error {
	size, err := s.resolve(nil, "", "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "request_min_compression_size_bytes")
	if err != nil {
		return err
	}
	if size.IsSet() {
		n, err := parseInt(size.Text)
		if err != nil {
			return errorf(`Invalid value "%s" for request_min_compression_size_bytes. Value must be an integer. Received <class 'str'> instead.`, size.Text)
		}
		if n < 1 || n > 1<<20 {
			return errorf(`Invalid value "%s" for request_min_compression_size_bytes. Value must be between 1 and 1048576.`, size.Text)
		}
	}
	for _, setting := range [...][2]string{
		{"AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation"},
		{"AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation"},
	} {
		when, err := s.resolve(nil, "", setting[0], setting[1])
		if err != nil {
			return err
		}
		if word := python.Lower(when.Text); when.IsSet() && word != "when_supported" && word != "when_required" {
			return errorf("Unsupported configuration value for %s. Expected one of ('when_supported', 'when_required') but got %s.", setting[1], word)
		}
	}
	mode, err := s.resolve(nil, "", "AWS_ACCOUNT_ID_ENDPOINT_MODE", "account_id_endpoint_mode")
	if err != nil {
		return err
	}
	if word := python.Lower(mode.Text); signed && mode.IsSet() && word != "preferred" && word != "disabled" && word != "required" {
		return errorf("The configured value '%s' for 'account_id_endpoint_mode' is invalid. Valid values are: ('preferred', 'disabled', 'required').", word)
	}
	express, err := s.resolve(nil, "", "AWS_S3_DISABLE_EXPRESS_SESSION_AUTH", "s3_disable_express_session_auth")
	if err != nil {
		return err
	}
	if word := python.Lower(express.Text); express.IsSet() && word != "true" && word != "false" {
		return errorf(`Invalid value "%s" for s3_disable_express_session_auth. Value must be a boolean`, express.Text)
	}
	return nil
}

// checkStorageEndpoints reports a setting of S3 that makes no sense. Version 1 checks it whatever
// service it calls.
func (s *Settings) checkStorageEndpoints() error {
	mode, err := s.resolve(nil, "", "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "s3_us_east_1_regional_endpoint")
	if err == nil && mode.IsSet() && mode.Text != "legacy" && mode.Text != "regional" {
		err = errorf(`S3 us-east-1 regional endpoint option %s is invalid. Valid options are: "legacy", "regional"`, mode.Text)
	}
	return err
}

// parseInt reads an integer as Python does. What is out of range becomes the nearest int.
func parseInt(text string) (int, error) {
	digits, err := python.ParseInt(text)
	if err != nil {
		return 0, Error(err.Error())
	}
	n, _ := strconv.Atoi(digits) // its only error is the range, with the nearest int
	return n, nil
}
