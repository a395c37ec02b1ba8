package awscli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
)

// Hints say what to try after an error. They are for people: exit prints them below the error
// only if standard error is a terminal. In a pipe it gets version 1's text, byte for byte.

// hint returns what to try after an error, "" if the error says it all.
func (c *command) hint(err error) string {
	refusal, refused := errors.AsType[*client.ServiceError](err)
	lost, unanswered := errors.AsType[*client.TransportError](err)
	noCredentials := errors.Is(err, profile.ErrNoCredentials)
	// The user of a service that has closed runs another one in its place, most likely Carillon.
	var closed *model.Manual
	if m := c.service.Manual; m != nil && m.Closed != "" {
		closed = m
	}
	switch conn := c.connection; {
	case is[*params.Error](err), is[*params.ValidationError](err):
		return fmt.Sprintf("`aws %s %s help` shows the syntax of each option, with examples", c.service.Command, c.op.Command)
	case errors.Is(err, profile.ErrLoginSession):
		return "a console login is of version 2 of the AWS CLI: put aws_access_key_id and aws_secret_access_key into the\n" +
			"profile, or let version 2 print the credentials:\n" +
			"credential_process = /path/to/version-2/aws configure export-credentials --format process --profile NAME"
	case errors.Is(err, profile.ErrSignInAgain), is[profile.NoTokenError](err):
		return "version 1 has no `aws sso login`: log in with version 2 of the AWS CLI, which shares ~/.aws/sso/cache, or put\n" +
			"aws_access_key_id and aws_secret_access_key into the profile"
	case is[profile.CacheError](err):
		damaged, _ := errors.AsType[profile.CacheError](err)
		return damaged.Path + " is damaged: remove it, and the next command asks for new credentials"
	case conn == nil: // the errors below come later
		return ""
	// This goes first: whatever the answer was, it did not come from a service that can help.
	case closed != nil && conn.Endpoint.Source.Type == "" && (refused || unanswered || noCredentials):
		return fmt.Sprintf("no endpoint is set, and %s was %s, which %s.\n"+
			"Set %s to the URL of the service that took its place; `carillon serve` starts one\n"+
			"and prints the lines to paste", conn.Endpoint.URL, closed.Name, closed.Closed, profile.EndpointVariable(c.service))
	case noCredentials && closed != nil:
		return "the service prints an access key as lines to paste when it starts for the first time, and keeps them in\nroot-key.sh in its data directory"
	case errors.Is(err, profile.ErrNoRegion):
		if _, ok := c.env.Lookup("AWS_REGION"); ok {
			return "AWS_REGION is set, but version 1 reads AWS_DEFAULT_REGION only: set that, too"
		}
		if closed != nil {
			return "any region will do for a service of your own: export AWS_DEFAULT_REGION=us-east-1"
		}
	case unanswered && !strings.HasPrefix(lost.URL, conn.Endpoint.URL) && lost.Failure != client.ProxyFailed:
		return fmt.Sprintf("this is where credentials are asked for, for %s; --debug tells more", conn.Credentials.Source)
	case unanswered:
		return connectionHint(lost, conn, closed != nil)
	case refused && refusal.Code == "UnauthorizedClientException" && conn.Credentials != nil && closed != nil:
		return fmt.Sprintf("the request was signed with the access key %s from %s; `carillon key list` shows the keys\nthat the service knows",
			conn.Credentials.AccessKeyID(), conn.Credentials.Source)
	}
	return ""
}

// connectionHint says what to try after a failed connection. own is true for a service that
// users run themselves.
func connectionHint(lost *client.TransportError, conn *profile.Connection, own bool) string {
	switch lost.Failure {
	case client.Unreachable, client.ConnectTimeout:
		hint := fmt.Sprintf("the URL comes from %s; is the service running there?", conn.Endpoint.Source)
		if own {
			hint += " `carillon serve` starts one"
		}
		return hint
	case client.ProxyFailed:
		return "the proxy comes from HTTP_PROXY or HTTPS_PROXY; NO_PROXY=HOST,HOST goes around it"
	case client.Untrusted:
		if !lost.UnknownIssuer() { // the error says it all: another name, an end that has passed, no TLS
			return ""
		}
		return "--ca-bundle FILE or AWS_CA_BUNDLE=FILE names the certificates to trust"
	}
	return ""
}
