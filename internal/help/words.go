package help

import "github.com/carillon-project/carillon/internal/model"

// options describes the options that fill no member of an input.
var options = model.Words{
	{"--debug", "Prints to standard error what is sent and received, without secrets."},
	{"--endpoint-url", "Sends requests to this URL."},
	{"--no-verify-ssl", "Accepts any certificate."},
	{"--no-paginate", "Fetches only the first page of a listing."},
	{"--output", "Format of the output."},
	{"--query", "A JMESPath expression that selects what is printed."},
	{"--profile", "Profile to use from ~/.aws/config and ~/.aws/credentials."},
	{"--region", "Region to use."},
	{"--version", "Prints the version."},
	{"--color", "Whether tables are colored; auto does so on a terminal."},
	{"--no-sign-request", "Sends requests without a signature. No credentials are needed."},
	{"--ca-bundle", "File with the certificates to trust."},
	{"--cli-read-timeout", "Seconds to wait for a server that sends nothing, 60 by default; 0 waits forever."},
	{"--cli-connect-timeout", "Seconds to wait for a connection, 60 by default; 0 waits forever."},

	{"--cli-input-json", "The input as JSON, in the form that --generate-cli-skeleton prints: most often file:// with the name of a file. Other options win over it."},
	{"--starting-token", "Continues a listing that --max-items stopped: the NextToken that it printed."},
	{"--page-size", "Items to ask for in each request. It does not change how many are printed."},
	{"--max-items", "Items to print. If there are more, a NextToken for --starting-token is printed."},
	{"--generate-cli-skeleton", "Sends nothing. With input, the default, prints a template for --cli-input-json. With output, checks the input and prints a sample reply."},
}
