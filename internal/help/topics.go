package help

import (
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/profile"
)

// topic is a page that belongs to no command.
type topic struct {
	name, title string
	sections    []topicSection
}

type topicSection struct {
	title, text string
	items       model.Words
}

// endpointVariables stands in a topic for the names of the variables that hold the URLs of
// services.
const endpointVariables = "{ENDPOINT_VARIABLES}"

func variables(services []*model.Service) string {
	all := make([]string, len(services))
	for i, s := range services {
		all[i] = profile.EndpointVariable(s)
	}
	return strings.Join(all, ", ")
}

var topics = [...]topic{
	{"topics", "the topics of `aws help TOPIC`", []topicSection{{
		title: "TOPICS",
		items: model.Words{
			{"config-vars", "Environment variables and the files in ~/.aws."},
			{"return-codes", "What the exit codes mean."},
		},
	}}},
	{"config-vars", "environment variables and the files in ~/.aws", []topicSection{
		{"DESCRIPTION", "An option on the command line wins over an environment variable, and a variable wins over the files. " +
			"`aws configure` writes the files, and `aws configure list` shows where values come from.", nil},
		{"ENVIRONMENT VARIABLES", "", model.Words{
			{"AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "The access key that signs requests, and its secret."},
			{"AWS_SESSION_TOKEN, AWS_SECURITY_TOKEN", "The token that belongs to a temporary access key. The second one wins."},
			{"AWS_CREDENTIAL_EXPIRATION", "When that key expires. It is not used after that time."},
			{"AWS_PROFILE, AWS_DEFAULT_PROFILE", "Profile of the files to use. The second one wins. Option: --profile."},
			{"AWS_DEFAULT_REGION", "Region to use. It is needed if an endpoint is set. Option: --region."},
			{"AWS_DEFAULT_OUTPUT", "Format of the output. Option: --output."},
			{endpointVariables + ", AWS_ENDPOINT_URL", "URL to send requests to, for one service or for all. The one for the service wins. Option: --endpoint-url."},
			{"AWS_DATA_PATH", "Folders with the models of services that are not built in, before ~/.aws/models."},
			{"AWS_BEARER_TOKEN_<SERVICE>", "The token that is sent to a service that takes one in place of a signature."},
			{"AWS_DISABLE_HOST_PREFIX_INJECTION", "With the value true, no operation puts a name of its own before the host."},
			{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "With the value true, only --endpoint-url sets an endpoint."},
			{"AWS_USE_FIPS_ENDPOINT, AWS_USE_DUALSTACK_ENDPOINT", "With the value true, the default endpoint is the one for FIPS, or the one that also has IPv6."},
			{"AWS_CA_BUNDLE, REQUESTS_CA_BUNDLE", "File with the certificates to trust. The first one wins. Option: --ca-bundle."},
			{"AWS_MAX_ATTEMPTS", "How many times a request is tried at most."},
			{"AWS_RETRY_MODE", "Which failures are tried again, and when: legacy, standard or adaptive."},
			{"AWS_ACCOUNT_ID, AWS_ACCOUNT_ID_ENDPOINT_MODE", "For models whose endpoint rules have endpoints of accounts: the account of the keys, and preferred, required or disabled."},
			{"AWS_REQUEST_CHECKSUM_CALCULATION, AWS_RESPONSE_CHECKSUM_VALIDATION, AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES, AWS_S3_DISABLE_EXPRESS_SESSION_AUTH, AWS_S3_US_EAST_1_REGIONAL_ENDPOINT", "Checked, but without effect."},
			{"AWS_DEFAULTS_MODE", "A set of defaults for retries. With the value auto, the metadata of the instance are asked for its region, unless AWS_EXECUTION_ENV and a region are set."},
			{"AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE", "Files to use instead of ~/.aws/config and ~/.aws/credentials."},
			{"AWS_CREDENTIAL_FILE, BOTO_CONFIG", "Files of older tools that may hold an access key, if nothing else does: lines AWSAccessKeyId= and AWSSecretKey=, or a section [Credentials]."},
			{"AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME", "A file with a token, the role to assume with it, and the name of the session. With --profile they are not read."},
			{"AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL_SSO, AWS_ENDPOINT_URL_SSO_OIDC", "URLs to ask for the credentials of roles and of single sign-on at."},
			{"AWS_STS_REGIONAL_ENDPOINTS", "With the value legacy, roles of the older regions are asked for at sts.amazonaws.com."},
			{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI", "Where a container gets its credentials. The first one wins."},
			{"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, AWS_CONTAINER_AUTHORIZATION_TOKEN", "What authorizes a container to get them. The first one wins."},
			{"AWS_EC2_METADATA_DISABLED", "With the value true, the metadata of an instance are not asked for credentials."},
			{"AWS_EC2_METADATA_SERVICE_ENDPOINT, AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE, AWS_IMDS_USE_IPV6", "Where these metadata are, and whether they are asked over IPv6: ipv4 or ipv6, or true."},
			{"AWS_EC2_METADATA_V1_DISABLED", "With the value true, they are only asked with a token."},
			{"AWS_METADATA_SERVICE_TIMEOUT, AWS_METADATA_SERVICE_NUM_ATTEMPTS", "For how many seconds their service may be silent, and how often it is asked: 1 each."},
			{"HTTP_PROXY, HTTPS_PROXY, NO_PROXY", "Proxies, in capital or small letters."},
			{"AWS_REGION", "Not read, as in version 1, but for AWS_DEFAULTS_MODE."},
			{"AWS_CLI_ERROR_FORMAT", "With the value json, errors are JSON objects with Code and Message."},
			{"CARILLON_FAIL_ON_USER_ERRORS", "With the value 1, the exit code of a batch is 3 if some of its items failed."},
			{"CARILLON_AWS_HANDED_ON", "Set for the aws that a command is handed on to. It keeps two programs from handing it to each other forever."},
			{"MANPAGER, PAGER", "Program that shows these pages on a terminal; less -R by default. The first one wins."},
		}},
		{"SETTINGS OF A PROFILE", "These are in ~/.aws/config, below [default] or [profile NAME]. The first three may also be in ~/.aws/credentials, below [NAME].", model.Words{
			{"aws_access_key_id, aws_secret_access_key, aws_session_token", "The access key, its secret, and the token of a temporary key."},
			{"credential_process", "A command that prints credentials."},
			{"role_arn, source_profile, credential_source", "A role to assume, and whose credentials to assume it with: those of another profile, or Environment, EcsContainer or Ec2InstanceMetadata."},
			{"role_session_name, external_id, duration_seconds, mfa_serial", "What is said of the session, how long it lasts, and the device whose code is asked for."},
			{"web_identity_token_file", "A file with a token to assume the role with."},
			{"sso_session, sso_start_url, sso_region, sso_account_id, sso_role_name", "Single sign-on, with the token of a login that another tool has made."},
			{"region", "As AWS_DEFAULT_REGION."},
			{"output", "As AWS_DEFAULT_OUTPUT."},
			{"endpoint_url", "As AWS_ENDPOINT_URL."},
			{"services", "Name of a section [services NAME], in which each service may have its own endpoint_url."},
			{"ca_bundle", "As AWS_CA_BUNDLE."},
			{"max_attempts, retry_mode", "As AWS_MAX_ATTEMPTS and AWS_RETRY_MODE."},
			{"parameter_validation", "With the value false, input is sent without a check."},
			{"cli_timestamp_format", "With the value iso8601, times are printed in that format; otherwise as they are received."},
			{"cli_follow_urlparam", "With any value but true, values that begin with http:// or https:// stand for themselves."},
		}},
	}},
	{"return-codes", "what the exit codes mean", []topicSection{{
		title: "RETURN CODES",
		items: model.Words{
			{"0", "The command succeeded. Some items of a batch may have failed: the output lists them."},
			{"1", "`aws configure get` found no value, or a file in ~/.aws cannot be parsed."},
			{"2", "The command line is wrong: an unknown command, an option without its value, a required option that is missing."},
			{"3", "Some items of a batch failed, and CARILLON_FAIL_ON_USER_ERRORS asks for this code."},
			{"130", "The command was interrupted."},
			{"255", "Anything else: an unknown option, bad input, no credentials, an error of the service, no connection."},
		},
	}}},
}
