package profile

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

const (
	metadataTokens      = "latest/api/token"
	metadataCredentials = "latest/meta-data/iam/security-credentials/"
	metadataZone        = "latest/meta-data/placement/availability-zone/"
)

// fromInstance asks the metadata service of the machine for the credentials of its role. Where that
// is no machine of EC2, there are none: the reason is for the trace.
func (s *search) fromInstance(ctx context.Context) (*Provider, error) {
	if isTrue(s.fromEnv("AWS_EC2_METADATA_DISABLED").Text) {
		return nil, absent("AWS_EC2_METADATA_DISABLED is true")
	}
	m, err := s.metadata()
	if err != nil {
		return nil, err
	}
	ask := func(ctx context.Context) (*Credentials, error) {
		c, err := m.ask(ctx)
		if _, none := errors.AsType[absent](err); none {
			return nil, retrievalError("iam-role", "Credential refresh failed, response did not contain: access_key, secret_key, token, expiry_time")
		}
		return c, err
	}
	c, err := m.ask(ctx)
	if err != nil {
		return nil, err
	}
	return s.provider(c, ask), nil
}

// metadata is the metadata service, and how it is asked.
type metadata struct {
	*Settings
	base     string // ends with a slash
	timeout  int    // in seconds
	attempts int
	onlyV2   bool // without a token nothing is asked
}

// CheckMetadata reports settings of the metadata service that make no sense. Version 1 reads them
// whatever the command, and before it checks that the profile exists.
func (s *Settings) CheckMetadata() error {
	_, err := s.metadata()
	if _, missing := errors.AsType[NotFoundError](err); missing {
		return nil
	}
	return err
}

// metadata finds out how the metadata service is asked.
func (s *Settings) metadata() (*metadata, error) {
	m := &metadata{Settings: s, base: "http://169.254.169.254/"}
	for _, number := range []struct {
		variable, name string
		to             *int
	}{
		{"AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout", &m.timeout},
		{"AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts", &m.attempts},
	} {
		*number.to = 1
		v, err := s.resolve(nil, "", number.variable, number.name)
		if err == nil && v.IsSet() {
			*number.to, err = parseInt(v.Text)
		}
		if err != nil {
			return nil, err
		}
	}
	var values [4]Value
	for i, setting := range [...][2]string{
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode"},
		{"AWS_IMDS_USE_IPV6", "imds_use_ipv6"},
		{"AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"},
	} {
		var err error
		if values[i], err = s.resolve(nil, "", setting[0], setting[1]); err != nil {
			return nil, err
		}
	}
	endpoint, mode, v6 := values[0], values[1], values[2]
	m.onlyV2 = isTrue(values[3].Text)
	if mode.IsSet() && python.Lower(mode.Text) != "ipv4" && python.Lower(mode.Text) != "ipv6" {
		return nil, errorf("Invalid EC2 Instance Metadata endpoint mode: %s Valid endpoint modes (case-insensitive): ('ipv4', 'ipv6').", mode.Text)
	}
	switch {
	case endpoint.Text != "":
		m.base = endpoint.Text
		if checkURL(m.base) != nil {
			return nil, errorf("Invalid endpoint EC2 Instance Metadata endpoint: %s", m.base)
		}
	case python.Lower(mode.Text) == "ipv6", !mode.IsSet() && isTrue(v6.Text):
		m.base = "http://[fd00:ec2::254]/"
	}
	if !strings.HasSuffix(m.base, "/") {
		m.base += "/"
	}
	return m, nil
}

// askRegion asks in which region this machine is, if nothing else says so, and drops the answer.
func (s *Settings) askRegion(ctx context.Context) {
	if s.placed || isTrue(s.fromEnv("AWS_EC2_METADATA_DISABLED").Text) {
		return
	}
	if s.fromEnv("AWS_EXECUTION_ENV").Text != "" && s.fromEnv("AWS_REGION", "AWS_DEFAULT_REGION").Text != "" {
		return
	}
	m, err := s.metadata()
	if err != nil {
		return
	}
	near, header, err := m.open(ctx)
	if err != nil {
		return
	}
	defer near.Close()
	_, err = m.get(ctx, near, metadataZone, header, func(text string) bool { return text != "" })
	s.placed = err == nil
}

// open returns a client of the service, and the header that each request needs: it asks for a
// token. If that is refused, the error is absent.
func (m *metadata) open(ctx context.Context) (*client.Client, http.Header, error) {
	if m.timeout <= 0 {
		return nil, nil, errorf("An HTTP Client raised an unhandled exception: Attempted to set connect timeout to %d, but the timeout cannot be set to a value less than or equal to 0.", m.timeout)
	}
	timeout := time.Duration(min(m.timeout, 1e6)) * time.Second
	near, err := m.askNear(m.base, client.ProxyFromEnvironment(m.env.Lookup, m.base), timeout)
	if err != nil {
		return nil, nil, err
	}
	header := http.Header{}
	token, err := m.token(ctx, near)
	if token != nil {
		header["X-Aws-Ec2-Metadata-Token"] = []string{*token}
	}
	if err == nil && m.onlyV2 && (token == nil || *token == "") {
		err = Error("Error retrieving metadata: Unable to retrieve token for use in IMDSv2 call and IMDSv1 has been disabled")
	}
	if err != nil {
		near.Close()
		return nil, nil, err
	}
	return near, header, nil
}

// ask asks for the name of the role and its credentials. Whatever is missing or broken means that
// there are none: the error is absent.
func (m *metadata) ask(ctx context.Context) (*Credentials, error) {
	near, header, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	role, err := m.get(ctx, near, metadataCredentials, header, func(text string) bool { return text != "" })
	if err != nil {
		return nil, err
	}
	var found any
	// Version 1's parser of URLs drops line breaks.
	name := strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(role)
	_, err = m.get(ctx, near, metadataCredentials+pathOf(name), header, func(text string) bool {
		var err error
		found, err = document.Parse(text)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	reply, ok := found.(*document.Object)
	if !ok {
		return nil, absent("the metadata service answers with JSON that is not an object")
	}
	for _, name := range []string{"AccessKeyId", "SecretAccessKey", "Token", "Expiration"} {
		if _, ok := reply.Get(name); !ok {
			return nil, absent("the metadata service answers without " + name)
		}
	}
	c, err := nearReply{found}.credentials()
	if err != nil {
		return nil, err
	}
	c.Source = Source{"iam-role", m.base}
	// The service is sometimes late with new credentials. Those at hand are used on, and asked for
	// again after a while.
	now := m.Now
	if now == nil {
		now = time.Now
	}
	if again := now().Add(renewEarly + 2*time.Minute + rand.N(8*time.Minute)); c.Expires.Before(again) {
		c.Expires = again
	}
	return c, nil
}

// pathOf returns the name of a role as part of a path.
func pathOf(name string) string {
	return (&url.URL{Path: name}).EscapedPath()
}

// token returns the token of version 2 of the service, nil if it has none: then version 1 is asked.
func (m *metadata) token(ctx context.Context, near *client.Client) (*string, error) {
	for range m.attempts {
		answer, err := near.Send(ctx, &client.Message{
			Method: http.MethodPut, Path: "/" + metadataTokens,
			Header: http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {"21600"}},
		})
		if err != nil {
			if err := retryable(ctx, err); err != nil {
				return nil, err
			}
			if lost, _ := errors.AsType[*client.TransportError](err); lost.Failure == client.ReadTimeout {
				return nil, nil
			}
			continue
		}
		switch answer.Status {
		case http.StatusOK:
			text, err := answer.Text()
			return &text, err
		case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
			return nil, nil
		case http.StatusBadRequest:
			return nil, absent("the metadata service refuses to give a token")
		}
	}
	return nil, nil
}

// get returns a text that the service has, and that is good.
func (m *metadata) get(ctx context.Context, near *client.Client, path string, header http.Header, good func(text string) bool) (string, error) {
	why := absent("the metadata service was not asked")
	for range m.attempts {
		answer, err := near.Send(ctx, &client.Message{Method: http.MethodGet, Path: "/" + path, Header: header})
		if err != nil {
			if err := retryable(ctx, err); err != nil {
				return "", err
			}
			why = absent(err.Error())
			continue
		}
		text, err := answer.Text()
		if err == nil && answer.Status == http.StatusOK && good(text) {
			return text, nil
		}
		why = absent("the metadata service has nothing at " + path)
	}
	return "", why
}

// retryable returns an error that is not just a service that cannot be reached.
func retryable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lost, ok := errors.AsType[*client.TransportError](err)
	if ok && (lost.Failure == client.Unreachable || lost.Failure == client.ConnectTimeout || lost.Failure == client.ReadTimeout || lost.Failure == client.Closed) {
		return nil
	}
	return err
}
