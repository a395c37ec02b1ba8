package help

import "github.com/carillon-project/carillon/internal/model"

// options describes the options that no member of an input stands behind.
var options = model.Words{
	{"--debug", "Tells on standard error what is sent and received, without secrets."},
	{"--endpoint-url", "Sends requests to this URL."},
	{"--no-verify-ssl", "Accepts any certificate."},
	{"--no-paginate", "Fetches only the first page of a listing."},
	{"--output", "Form of the output."},
	{"--query", "A JMESPath expression that picks what is printed."},
	{"--profile", "Profile of ~/.aws/config and ~/.aws/credentials to use."},
	{"--region", "Region to use."},
	{"--version", "Prints the version."},
	{"--color", "Whether tables are colored; auto does so on a terminal."},
	{"--no-sign-request", "Sends requests without a signature, and needs no credentials."},
	{"--ca-bundle", "File of the certificates to trust."},
	{"--cli-read-timeout", "Seconds to wait for a silent server, 60 by default; 0 waits forever."},
	{"--cli-connect-timeout", "Seconds to wait for a connection, 60 by default; 0 waits forever."},

	{"--cli-input-json", "The input as JSON, in the form that --generate-cli-skeleton prints. Other options win over it. Mostly file:// with the name of a file."},
	{"--starting-token", "Goes on where a listing stopped: the NextToken that it printed after --max-items."},
	{"--page-size", "Items in each request. All pages are printed nevertheless."},
	{"--max-items", "Items to print. If there are more, a NextToken is printed for --starting-token."},
	{"--generate-cli-skeleton", "Sends nothing. With input, the default, prints a template for --cli-input-json; with output checks the input and prints what a reply looks like."},
}
