package profile

import (
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/shell"
)

// Variables returns what a program needs in its environment to call a service at a URL with an
// access key, as NAME=VALUE. The URL is for this service alone. Any region will do, by both of its
// names: version 1 of the AWS CLI reads the first, the JavaScript SDK the second. A session token
// of other keys would be sent with this one, so both of its names are empty.
func Variables(service *model.Service, url, keyID, secret string) []string {
	return []string{
		EndpointVariable(service) + "=" + url,
		"AWS_ACCESS_KEY_ID=" + keyID,
		"AWS_SECRET_ACCESS_KEY=" + secret,
		"AWS_SESSION_TOKEN=",
		"AWS_SECURITY_TOKEN=",
		"AWS_DEFAULT_REGION=us-east-1",
		"AWS_REGION=us-east-1",
	}
}

// ExportLines returns the lines that set variables, NAME=VALUE, in a shell.
func ExportLines(variables []string) string {
	var b strings.Builder
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		b.WriteString("export " + name + "=" + shell.Quote(value) + "\n")
	}
	return b.String()
}
