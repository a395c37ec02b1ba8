package awscli

import (
	"errors"
	"fmt"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
)

// Hints say what to try after an error. They are for people: exit prints them below the error,
// and only where standard error is a terminal. In a pipe it stays version 1's, byte for byte.

// hint returns what to try after an error, "" where the error says it all.
func (c *cli) hint(err error) string {
	var (
		refusal *client.ServiceError
		lost    *client.TransportError
		option  *params.Error
		invalid *params.ValidationError
	)
	refused, unanswered := errors.As(err, &refusal), errors.As(err, &lost)
	noCredentials := errors.Is(err, profile.ErrNoCredentials)
	switch conn := c.connection; {
	case errors.As(err, &option), errors.As(err, &invalid):
		return fmt.Sprintf("`aws chime %s help` shows the syntax of each option, with examples", c.operationName)
	case conn == nil: // nothing below comes before there is one
		return ""
	// What matters most: whatever the answer was, it was not that of a service that can help.
	case conn.Endpoint.Source.Type == "" && (refused || unanswered || noCredentials):
		return fmt.Sprintf("no endpoint is set, and %s was Amazon Chime, which closed in February 2026.\n"+
			"Set AWS_ENDPOINT_URL_CHIME to the URL of the service that took its place; `carillon serve` starts one\n"+
			"and prints the lines to paste", conn.Endpoint.URL)
	case noCredentials:
		return "the service prints an access key as lines to paste when it starts for the first time, and keeps them in\nroot-key.sh in its data directory"
	case errors.Is(err, profile.ErrNoRegion):
		if _, ok := c.env.Lookup("AWS_REGION"); ok {
			return "AWS_REGION is set, but version 1 reads AWS_DEFAULT_REGION only: set that, too"
		}
		return "any region will do for a service of your own: export AWS_DEFAULT_REGION=us-east-1"
	case unanswered:
		return connectionHint(lost, conn)
	case refused && refusal.Code == "UnauthorizedClientException" && conn.Credentials != nil:
		return fmt.Sprintf("the request was signed with the access key %s from %s; `carillon key list` shows the keys\nthat the service knows",
			conn.Credentials.AccessKeyID, conn.Credentials.Source)
	}
	return ""
}

func connectionHint(lost *client.TransportError, conn *profile.Connection) string {
	switch lost.Failure {
	case client.Unreachable, client.ConnectTimeout:
		return fmt.Sprintf("the URL comes from %s; is the service running there? `carillon serve` starts one", conn.Endpoint.Source)
	case client.ProxyFailed:
		return "the proxy comes from HTTP_PROXY or HTTPS_PROXY; NO_PROXY=HOST,HOST goes around it"
	case client.Untrusted:
		return "--ca-bundle FILE or AWS_CA_BUNDLE=FILE names the certificates to trust"
	}
	return ""
}
