package profile

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

const (
	relativeURI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	fullURI     = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
)

// containerHosts are those that may be asked in plain HTTP beside loopback addresses: the agents of
// containers. Whoever answers decides which user this is.
var containerHosts = []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"}

// How often a container is asked, how long it may be silent, and how long to wait in between.
const (
	containerAttempts = 3
	containerTimeout  = 2 * time.Second
	containerPause    = time.Second
)

// fromContainer asks what serves the credentials of this container, which variables name.
func (s *search) fromContainer(ctx context.Context) (*Provider, error) {
	variable, at := fullURI, s.fromEnv(fullURI)
	if relative := s.fromEnv(relativeURI); relative.IsSet() {
		variable, at.Text = relativeURI, "http://"+containerHosts[0]+relative.Text
	} else if !at.IsSet() {
		return nil, absent("neither " + relativeURI + " nor " + fullURI + " is set")
	}
	ask := func(ctx context.Context) (*Credentials, error) {
		c, err := s.askContainer(ctx, at.Text)
		if err == nil {
			c.Source = Source{"container-role", variable}
		}
		return c, err
	}
	c, err := ask(ctx)
	if err != nil {
		return nil, err
	}
	return s.provider(c, ask), nil
}

func (s *Settings) askContainer(ctx context.Context, at string) (*Credentials, error) {
	header := http.Header{"Accept": {"application/json"}}
	token := s.fromEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN")
	if file := s.fromEnv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); file.IsSet() {
		text, err := readToken(file.Text)
		if err != nil {
			return nil, err
		}
		token = Value{text, file.Source}
	}
	if token.IsSet() {
		if strings.ContainsAny(token.Text, "\r\n") {
			return nil, Error("Auth token value is not a legal header value")
		}
		value, err := python.EncodeLatin1(token.Text)
		if err != nil {
			return nil, errorf("An HTTP Client raised an unhandled exception: %v", err)
		}
		header.Set("Authorization", value)
	}
	u, err := checkContainer(at)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, errorf("An HTTP Client raised an unhandled exception: Not supported URL scheme %s", u.Scheme)
	}
	near, err := s.askNear(u.Scheme+"://"+u.Host, "", containerTimeout)
	if err != nil {
		return nil, err
	}
	defer near.Close()
	sleep := s.Sleep
	if sleep == nil {
		sleep = client.Sleep
	}
	for n := 1; ; n++ {
		answer, err := near.Send(ctx, &client.Message{Method: http.MethodGet, Path: u.EscapedPath(), Query: strings.ReplaceAll(u.RawQuery, " ", "%20"), Header: header})
		c, reason, err := readContainer(answer, err)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			return nil, err
		case c != nil:
			return c.credentials()
		}
		// Version 1 also waits after the last attempt, which helps nobody.
		if n == containerAttempts {
			return nil, retrievalError("container-role", "Error retrieving metadata: "+reason)
		}
		s.trace("container-role", fmt.Sprintf("attempt %d failed", n))
		if err := sleep(ctx, containerPause); err != nil {
			return nil, err
		}
	}
}

// checkContainer reads a URI of credentials. Over http they are asked for only at hosts that belong
// to this machine, since anybody on the way could answer.
func checkContainer(at string) (*url.URL, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, errorf("Invalid endpoint: %s", at)
	}
	host := strings.ToLower(u.Hostname())
	ip, err := netip.ParseAddr(host)
	if u.Scheme != "https" && !(err == nil && ip.IsLoopback()) && !slices.Contains(containerHosts, host) {
		if host == "" {
			host = "None"
		}
		return nil, errorf("Unsupported host '%s'.  Can only retrieve metadata from a loopback address or one of these hosts: %s",
			host, strings.Join(containerHosts, ", "))
	}
	return u, nil
}

// nearReply is the JSON that containers and instance metadata answer with.
type nearReply struct{ value any }

// readContainer reads an answer, or why there is none. If another attempt is worth it, reason says
// why.
func readContainer(answer *client.Answer, err error) (reply *nearReply, reason string, _ error) {
	if lost, ok := errors.AsType[*client.TransportError](err); ok && lost.Failure != client.ProxyFailed &&
		lost.Failure != client.BrokenHandshake && lost.Failure != client.Untrusted {
		return nil, "Received error when attempting to retrieve container metadata: " + err.Error(), nil
	}
	if err != nil {
		return nil, "", err
	}
	text, err := python.Decode(answer.Body)
	if err != nil {
		return nil, "", err
	}
	if answer.Status != http.StatusOK {
		return nil, fmt.Sprintf("Received non 200 response %d from container metadata: %s", answer.Status, text), nil
	}
	v, err := document.Parse(text)
	if err != nil {
		return nil, "Unable to parse JSON returned from container metadata services", nil
	}
	return &nearReply{v}, "", nil
}

// credentials reads what a reply holds. All members must be there.
func (r nearReply) credentials() (*Credentials, error) {
	o, err := object(r.value)
	if err != nil {
		return nil, err
	}
	c := new(Credentials)
	var expires string
	err = members(o, memberTexts{{"AccessKeyId", &c.AccessKeyID}, {"SecretAccessKey", &c.SecretAccessKey}, {"Token", &c.SessionToken}, {"Expiration", &expires}})
	if err != nil {
		return nil, err
	}
	c.Expires, err = parseTime(expires)
	return c, err
}
