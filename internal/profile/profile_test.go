package profile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/profile"
)

// now is between the expirations that the tests use.
var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// setup writes files below a new home ("config" and "credentials" below its .aws) and returns
// the settings of a command with the variables and flags; HOME in a text stands for that home.
func setup(t *testing.T, files map[string]string, env []string, flags profile.Flags) (*profile.Settings, string) {
	t.Helper()
	home := t.TempDir()
	for name, text := range files {
		if name == "config" || name == "credentials" {
			name = ".aws/" + name
		}
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "HOME", home)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	vars := profile.Env{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	for _, v := range env {
		vars = append(vars, strings.ReplaceAll(v, "HOME", home))
	}
	vars = append(vars, "AWS_EC2_METADATA_DISABLED=true") // unless a test says otherwise
	return profile.New(vars, flags), home
}

// ptr makes a flag that was given.
func ptr(text string) *string { return &text }

func named(name string) profile.Flags { return profile.Flags{Profile: ptr(name)} }

// outcome tells what a command would make of its settings, in one line.
func outcome(s *profile.Settings, home string, service *model.Service, sign bool) string {
	c, err := s.Connect(context.Background(), service, sign)
	if err == nil {
		err = c.Ready(context.Background())
	}
	var keys *profile.Credentials
	if err == nil && c.Credentials != nil {
		keys, err = c.Credentials.Get(context.Background())
	}
	if err != nil {
		return strings.ReplaceAll(err.Error(), home, "HOME")
	}
	key := "unsigned"
	if keys != nil {
		key = keys.AccessKeyID
		if keys.SecretAccessKey != "secret/"+key {
			key += " with the secret of another key"
		}
		if keys.SessionToken != "" {
			key += "+" + keys.SessionToken
		}
	}
	return strings.ReplaceAll(fmt.Sprintf("%s %s %s", c.Endpoint.URL, c.Endpoint.SigningRegion, key), home, "HOME")
}

func keys(id string) string {
	return "aws_access_key_id = " + id + "\naws_secret_access_key = secret/" + id + "\n"
}

const (
	local  = "http://127.0.0.1:8000"
	envKey = "AWS_ACCESS_KEY_ID=ENV"
	envSec = "AWS_SECRET_ACCESS_KEY=secret/ENV"
	region = "AWS_DEFAULT_REGION=us-west-2"
	toHere = "AWS_ENDPOINT_URL=" + local
)

// TestConnect_credentials asks which keys sign, or what is said instead.
func TestConnect_credentials(t *testing.T) {
	process := func(body string) map[string]string {
		return map[string]string{"config": "[default]\ncredential_process = HOME/p.sh\n", "p.sh": "#!/bin/sh\n" + body + "\n"}
	}
	const printed = `echo '{"Version":1,"AccessKeyId":"PROC","SecretAccessKey":"secret/PROC"%s}'`
	sso := "sso_account_id = 1\nsso_role_name = x\nsso_region = us-east-1\n"
	const noRoleARN = "The provided profile or the current environment is configured to assume role with web identity but has no role ARN configured. Ensure that the profile has the role_arnconfiguration set or the AWS_ROLE_ARN env var is set."

	for _, tt := range []struct {
		name  string
		files map[string]string
		env   []string
		flags profile.Flags
		want  string // "" after a successful one: the key
	}{
		{name: "environment", env: []string{envKey, envSec}, want: "=ENV"},
		{name: "session token", env: []string{envKey, envSec, "AWS_SESSION_TOKEN=new"}, want: "=ENV+new"},
		{name: "security token wins", env: []string{envKey, envSec, "AWS_SESSION_TOKEN=new", "AWS_SECURITY_TOKEN=old"}, want: "=ENV+old"},
		{name: "empty security token", env: []string{envKey, envSec, "AWS_SESSION_TOKEN=new", "AWS_SECURITY_TOKEN="}, want: "=ENV+new"},
		{name: "expired", env: []string{envKey, envSec, "AWS_CREDENTIAL_EXPIRATION=2020-01-01T00:00:00Z"}, want: "Credentials were refreshed, but the refreshed credentials are still expired."},
		{name: "not yet expired", env: []string{envKey, envSec, "AWS_CREDENTIAL_EXPIRATION=2099-01-01T00:00:00Z"}, want: "=ENV"},
		{name: "expires at no time", env: []string{envKey, envSec, "AWS_CREDENTIAL_EXPIRATION=soon"}, want: "Unknown string format: soon"},
		{name: "none", want: profile.ErrNoCredentials.Error()},
		{name: "only an access key", env: []string{envKey}, want: "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"},
		{name: "only a secret", env: []string{envSec}, want: profile.ErrNoCredentials.Error()},
		{name: "empty access key", env: []string{"AWS_ACCESS_KEY_ID=", envSec}, want: profile.ErrNoCredentials.Error()},

		{name: "credentials file", files: map[string]string{"credentials": "[default]\n" + keys("FILE") + "aws_session_token = T\n"}, want: "=FILE+T"},
		{name: "environment over file", files: map[string]string{"credentials": "[default]\n" + keys("FILE")}, env: []string{envKey, envSec}, want: "=ENV"},
		{name: "config file", files: map[string]string{"config": "[default]\n" + keys("CFG")}, want: "=CFG"},
		{name: "credentials file over config file", files: map[string]string{"config": "[default]\n" + keys("CFG"), "credentials": "[default]\n" + keys("FILE")}, want: "=FILE"},
		{name: "pair split over two files", files: map[string]string{"config": "[default]\naws_secret_access_key = x\n", "credentials": "[default]\naws_access_key_id = x\n"}, want: "Partial credentials found in shared-credentials-file, missing: aws_secret_access_key"},
		{name: "partial in config", files: map[string]string{"config": "[default]\naws_access_key_id = x\n"}, want: "Partial credentials found in config-file, missing: aws_secret_access_key"},
		{name: "other files", files: map[string]string{"a": "[profile p]\nregion = x\n", "b": "[p]\n" + keys("OTHER")}, env: []string{"AWS_CONFIG_FILE=~/a", "D=HOME", "AWS_SHARED_CREDENTIALS_FILE=${D}/b", "AWS_PROFILE=p"}, want: "=OTHER"},
		{name: "no file is no default file", files: map[string]string{"credentials": "[default]\n" + keys("FILE")}, env: []string{"AWS_SHARED_CREDENTIALS_FILE="}, want: profile.ErrNoCredentials.Error()},
		{name: "broken file", files: map[string]string{"credentials": "nonsense\n"}, env: []string{envKey, envSec}, want: "Unable to parse config file: HOME/.aws/credentials: line 1: text before the first [section]"},

		{name: "--profile over variables", files: map[string]string{"credentials": "[p]\n" + keys("P") + "[q]\n" + keys("Q")}, env: []string{"AWS_PROFILE=q", envKey, envSec}, flags: named("p"), want: "=P"},
		{name: "AWS_DEFAULT_PROFILE over AWS_PROFILE", files: map[string]string{"credentials": "[p]\n" + keys("P") + "[q]\n" + keys("Q")}, env: []string{"AWS_PROFILE=q", "AWS_DEFAULT_PROFILE=p"}, want: "=P"},
		{name: "AWS_PROFILE leaves keys alone", files: map[string]string{"credentials": "[p]\n" + keys("P")}, env: []string{"AWS_PROFILE=p", envKey, envSec}, want: "=ENV"},
		{name: "--profile without keys", files: map[string]string{"config": "[profile p]\nregion = x\n"}, env: []string{envKey, envSec}, flags: named("p"), want: profile.ErrNoCredentials.Error()},
		{name: "no such profile", env: []string{envKey, envSec}, flags: named("nope"), want: "The config profile (nope) could not be found"},
		{name: "empty AWS_PROFILE", env: []string{envKey, envSec, "AWS_PROFILE="}, want: "The config profile () could not be found"},
		{name: "empty --profile", env: []string{envKey, envSec}, flags: named(""), want: "=ENV"},
		{name: "config profile without the prefix", files: map[string]string{"config": "[p]\n" + keys("P")}, flags: named("p"), want: "The config profile (p) could not be found"},
		{name: "quoted profile", files: map[string]string{"config": "[profile \"a b\"]\n" + keys("P")}, flags: named("a b"), want: "=P"},
		{name: "last spelling of default", files: map[string]string{"config": "[default]\n" + keys("A") + "[profile default]\n" + keys("B")}, want: "=B"},

		{name: "process", files: process(fmt.Sprintf(printed, `,"SessionToken":"T","Expiration":"2099-01-01T00:00:00Z"`)), want: "=PROC+T"},
		{name: "process, expired", files: process(fmt.Sprintf(printed, `,"Expiration":"2020-01-01T00:00:00Z"`)), want: "Credentials were refreshed, but the refreshed credentials are still expired."},
		{name: "process in the credentials file", files: map[string]string{"credentials": "[default]\ncredential_process = HOME/p.sh\n", "p.sh": "#!/bin/sh\n" + fmt.Sprintf(printed, "")}, want: "=PROC"},
		{name: "process gets words", files: map[string]string{"config": "[default]\ncredential_process = HOME/p.sh 'a  b' \"c\\\"\\d\" e\\ f $X #\n",
			"p.sh": "#!/bin/sh\n" + `[ "$*" = 'a  b c"\d e f $X #' ] && ` + fmt.Sprintf(printed, "")}, want: "=PROC"},
		{name: "process gets the environment", files: process(`[ "$MARK" = here ] && ` + fmt.Sprintf(printed, "")), env: []string{"MARK=here"}, want: "=PROC"},
		{name: "process before keys in config", files: map[string]string{"config": "[default]\ncredential_process = HOME/p.sh\n" + keys("CFG"), "p.sh": "#!/bin/sh\n" + fmt.Sprintf(printed, "")}, want: "=PROC"},
		{name: "process after keys in credentials", files: map[string]string{"config": "[default]\ncredential_process = false\n", "credentials": "[default]\n" + keys("FILE")}, want: "=FILE"},
		{name: "process fails", files: process("echo oh no >&2; exit 3"), want: "Error when retrieving credentials from custom-process: oh no\n"},
		{name: "process prints no JSON", files: process("echo hi"), want: "Expecting value: line 1 column 1 (char 0)"},
		{name: "process of another version", files: process(`echo '{"Version":2}'`), want: "Error when retrieving credentials from custom-process: Unsupported version '2' for credential process provider, supported versions: 1"},
		{name: "process without version", files: process(`echo '{}'`), want: "Error when retrieving credentials from custom-process: Unsupported version '<Version key not provided>' for credential process provider, supported versions: 1"},
		{name: "process without secret", files: process(`echo '{"Version":1,"AccessKeyId":"A"}'`), want: "Error when retrieving credentials from custom-process: Missing required key in response: 'SecretAccessKey'"},
		{name: "process is missing", files: map[string]string{"config": "[default]\ncredential_process = HOME/none x\n"}, want: "[Errno 2] No such file or directory: 'HOME/none'"},
		{name: "process is not to be run", files: map[string]string{"config": "[default]\ncredential_process = HOME/.aws\n"}, want: "[Errno 13] Permission denied: 'HOME/.aws'"},
		{name: "process with an open quote", files: map[string]string{"config": "[default]\ncredential_process = a 'b\n"}, want: "No closing quotation"},

		{name: "role without source", files: map[string]string{"config": "[profile r]\nrole_arn = x\n"}, flags: named("r"), want: "Partial credentials found in assume-role, missing: source_profile or credential_source"},
		{name: "role with two sources", files: map[string]string{"config": "[profile r]\nrole_arn = x\nsource_profile = r\ncredential_source = Environment\n"}, flags: named("r"), want: `The profile "r" contains both source_profile and credential_source.`},
		{name: "role with a bad source", files: map[string]string{"config": "[profile r]\nrole_arn = x\ncredential_source = Nowhere\n"}, flags: named("r"), want: `The credential source "Nowhere" referenced in profile "r" is not valid.`},
		{name: "role of a missing profile", files: map[string]string{"config": "[profile r]\nrole_arn = x\nsource_profile = q\n"}, flags: named("r"), want: `The source_profile "q" referenced in the profile "r" does not exist.`},
		{name: "role of a profile without keys", files: map[string]string{"config": "[profile r]\nrole_arn = x\nsource_profile = q\n[profile q]\n"}, flags: named("r"), want: `The source profile "q" must have credentials.`},
		{name: "roles in a circle", files: map[string]string{"config": "[profile r]\nrole_arn = x\nsource_profile = q\n[profile q]\nrole_arn = y\nsource_profile = r\n"}, flags: named("r"),
			want: "Infinite loop in credential configuration detected. Attempting to load from profile r which has already been visited. Visited profiles: ['r', 'q']"},
		{name: "role, but keys in the environment", files: map[string]string{"config": "[profile r]\nrole_arn = x\n"}, env: []string{"AWS_PROFILE=r", envKey, envSec}, want: "=ENV"},
		{name: "web identity without role", env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=HOME/x"}, want: noRoleARN},
		{name: "web identity without token", env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=HOME/x", "AWS_ROLE_ARN=y"}, want: "[Errno 2] No such file or directory: 'HOME/x'"},
		{name: "web identity of the environment, --profile", files: map[string]string{"credentials": "[p]\n" + keys("P")}, env: []string{"AWS_WEB_IDENTITY_TOKEN_FILE=HOME/x"}, flags: named("p"), want: "=P"},
		{name: "sso without url", files: map[string]string{"config": "[default]\n" + sso, "credentials": "[default]\n" + keys("FILE")}, want: `The profile "default" is configured to use SSO but is missing required configuration: sso_start_url`},
		{name: "sso without session", files: map[string]string{"config": "[default]\nsso_session = s\n" + sso}, want: `The specified sso-session does not exist: "s"`},
		{name: "sso without login", files: map[string]string{"config": "[default]\nsso_start_url = http://x\n" + sso}, want: "Error loading SSO Token: Token for http://x does not exist"},
		{name: "login", files: map[string]string{"config": "[default]\nlogin_session = x\n"}, want: string(profile.ErrLoginSession)},
		{name: "session without section", files: map[string]string{"config": "[default]\nsso_session = s\n" + keys("FILE")},
			want: `The profile "default" is configured to use the SSO token provider but the "s" sso_session configuration does not exist.`},
		{name: "session without settings", files: map[string]string{"config": "[default]\nsso_session = s\n[sso-session s]\n"},
			want: `The profile "default" is configured to use the SSO token provider but the "s" sso_session configuration does not exist.`},
		{name: "session without url", files: map[string]string{"config": "[default]\nsso_session = s\n" + keys("FILE") + "[sso-session s]\nx = y\n"},
			want: `The profile "default" is configured to use the SSO token provider but is missing the following configuration: ['sso_start_url', 'sso_region'].`},
		{name: "session beside keys", files: map[string]string{"config": "[default]\nsso_session = s\n" + keys("FILE") + "[sso-session s]\nsso_start_url = x\nsso_region = y\n"}, want: "=FILE"},
		{name: "empty keys in a file", files: map[string]string{"config": "[default]\naws_access_key_id =\naws_secret_access_key = secret/\n"}, want: "="},
		{name: "boto", files: map[string]string{".boto": "[Credentials]\naws_security_token = no\n" + keys("BOTO")}, want: "=BOTO"},
		{name: "boto, --profile", files: map[string]string{"config": "[profile p]\n", ".boto": "[Credentials]\n" + keys("BOTO")}, flags: named("p"), want: "=BOTO"},
		{name: "boto elsewhere", files: map[string]string{".boto": "[Credentials]\n" + keys("BOTO"), "b": "[Credentials]\n" + keys("OTHER")}, env: []string{"BOTO_CONFIG=~/b"}, want: "=OTHER"},
		{name: "boto nowhere", files: map[string]string{".boto": "[Credentials]\n" + keys("BOTO")}, env: []string{"BOTO_CONFIG=HOME/none"}, want: string(profile.ErrNoCredentials)},
		{name: "half of boto", files: map[string]string{".boto": "[Credentials]\naws_access_key_id = BOTO\n"}, want: "Partial credentials found in boto-config, missing: aws_secret_access_key"},
		{name: "broken boto", files: map[string]string{".boto": "oops\n"}, want: "Unable to parse config file: HOME/.boto"},
		{name: "boto after the files", files: map[string]string{".boto": "oops\n", "config": "[default]\n" + keys("FILE")}, want: "=FILE"},
		{name: "ec2 tools", files: map[string]string{"ec2": "# mine\nAWSAccessKeyId = EC2\r\nAWSSecretKey=secret/EC2\n", ".boto": "oops\n"}, env: []string{"AWS_CREDENTIAL_FILE=~/ec2"}, want: "=EC2"},
		{name: "half of ec2 tools", files: map[string]string{"ec2": "AWSAccessKeyId=EC2\n"}, env: []string{"AWS_CREDENTIAL_FILE=HOME/ec2"}, want: "'AWSSecretKey'"},
		{name: "no key of ec2 tools", files: map[string]string{"ec2": "AWSSecretKey=EC2\n", ".boto": "[Credentials]\n" + keys("BOTO")}, env: []string{"AWS_CREDENTIAL_FILE=HOME/ec2"}, want: "=BOTO"},
		{name: "no file of ec2 tools", env: []string{"AWS_CREDENTIAL_FILE=$PATH/ec2"}, want: "The specified config file ($PATH/ec2) could not be found."},
		{name: "container, but boto", files: map[string]string{".boto": "[Credentials]\n" + keys("BOTO")}, env: []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x"}, want: "=BOTO"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, home := setup(t, tt.files, append(tt.env, region, toHere), tt.flags)
			want := tt.want
			if key, ok := strings.CutPrefix(want, "="); ok {
				want = local + " us-west-2 " + key
			}
			if got := outcome(s, home, chime.Service, true); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestConnect_endpoint asks for URL and signing region, with keys in the environment.
func TestConnect_endpoint(t *testing.T) {
	const services = "[services s1]\nchime =\n  endpoint_url = http://services\ns3 =\n  endpoint_url = http://s3\n"
	for _, tt := range []struct {
		name, config string
		env          []string
		flags        profile.Flags
		want         string
	}{
		{name: "nothing", want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "region", env: []string{"AWS_DEFAULT_REGION=cn-north-1"}, want: "https://chime.cn-north-1.amazonaws.com.cn cn-north-1"},
		{name: "AWS_REGION is not read", env: []string{"AWS_REGION=cn-north-1"}, want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "URL without region", env: []string{toHere}, want: profile.ErrNoRegion.Error()},
		{name: "URL and an empty region", env: []string{toHere, "AWS_DEFAULT_REGION="}, want: local + " "},
		{name: "--region first", config: "[default]\nregion = c\n", env: []string{toHere, "AWS_DEFAULT_REGION=b"}, flags: profile.Flags{Region: ptr("a")}, want: local + " a"},
		{name: "variable before config", config: "[default]\nregion = c\n", env: []string{toHere, "AWS_DEFAULT_REGION=b"}, want: local + " b"},
		{name: "region of the profile", config: "[default]\nregion = c\n[profile p]\nregion = d\n", env: []string{toHere, "AWS_PROFILE=p"}, want: local + " d"},
		{name: "bad region", env: []string{toHere, "AWS_DEFAULT_REGION=bad region"}, want: "Provided region_name 'bad region' doesn't match a supported format."},
		{name: "region is a block", config: "[default]\nregion =\n  a = b\n", want: "region in HOME/.aws/config [default] must be one value, not a block of settings"},
		{name: "FIPS", env: []string{"AWS_USE_FIPS_ENDPOINT=TRUE"}, want: "https://chime-fips.aws-global.amazonaws.com us-east-1"},
		{name: "FIPS takes a word only", env: []string{"AWS_USE_FIPS_ENDPOINT=1"}, want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "FIPS off by variable", config: "[default]\nuse_fips_endpoint = true\n", env: []string{"AWS_USE_FIPS_ENDPOINT=false"}, want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "dual stack", config: "[default]\nuse_dualstack_endpoint = true\nregion = us-west-2\n", want: "https://chime.us-west-2.api.aws us-east-1"},
		{name: "URL over FIPS", env: []string{toHere, region, "AWS_USE_FIPS_ENDPOINT=true"}, want: local + " us-west-2"},
		{name: "FIPS region and URL", env: []string{toHere, "AWS_DEFAULT_REGION=fips-us-west-2"}, want: local + " us-west-2"},

		{name: "option first", env: []string{region, toHere, "AWS_ENDPOINT_URL_CHIME=http://chime"}, flags: profile.Flags{EndpointURL: ptr("http://option")}, want: "http://option us-west-2"},
		{name: "service variable second", config: "[default]\nservices = s1\n" + services, env: []string{region, toHere, "AWS_ENDPOINT_URL_CHIME=http://chime"}, want: "http://chime us-west-2"},
		{name: "variable third", config: "[default]\nservices = s1\n" + services, env: []string{region, toHere, "AWS_ENDPOINT_URL_CHIME="}, want: local + " us-west-2"},
		{name: "services fourth", config: "[default]\nendpoint_url = http://config\nservices = s1\n" + services, env: []string{region}, want: "http://services us-west-2"},
		{name: "config last", config: "[default]\nendpoint_url = http://config\nservices = s1\n[services s1]\ns3 =\n  endpoint_url = http://x\n", env: []string{region}, want: "http://config us-west-2"},
		{name: "services without section", config: "[default]\nservices = s1\n", env: []string{region}, want: `The profile is configured to use the services section but the "s1" services configuration does not exist.`},
		{name: "services without section, not asked", config: "[default]\nservices = s1\n", env: []string{region, toHere}, want: local + " us-west-2"},
		{name: "ignored", config: "[default]\nendpoint_url = http://config\n", env: []string{region, toHere, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"}, want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "ignored by config", config: "[default]\nendpoint_url = http://config\nignore_configured_endpoint_urls = true\n", want: "https://chime.us-east-1.amazonaws.com us-east-1"},
		{name: "ignored but for the option", env: []string{region, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true"}, flags: profile.Flags{EndpointURL: ptr("http://option")}, want: "http://option us-west-2"},
		{name: "no scheme", env: []string{region, "AWS_ENDPOINT_URL=foo"}, want: "Invalid endpoint: foo"},
		{name: "a port is no scheme", env: []string{region}, flags: profile.Flags{EndpointURL: ptr("localhost:1234")}, want: "Invalid endpoint: localhost:1234"},
		{name: "no host", env: []string{region, "AWS_ENDPOINT_URL=http:///p"}, want: "Invalid endpoint: http:///p"},
		{name: "bad host", env: []string{region, "AWS_ENDPOINT_URL=http://a_b/"}, want: "Invalid endpoint: http://a_b/"},
		{name: "bad port", env: []string{region, "AWS_ENDPOINT_URL=http://a:b/"}, want: "Port could not be cast to integer value as 'b'"},
		{name: "blanks in front, and a port too large", env: []string{region, "AWS_ENDPOINT_URL=  http://a:70000"}, want: "Port out of range 0-65535"},
		{name: "port too large", env: []string{region, "AWS_ENDPOINT_URL=http://a:65536/"}, want: "Port out of range 0-65535"},
		{name: "port much too large", env: []string{region, "AWS_ENDPOINT_URL=http://a:99999999999999999999"}, want: "Port out of range 0-65535"},
		{name: "open bracket", env: []string{region, "AWS_ENDPOINT_URL=http://[::1"}, want: "Invalid IPv6 URL"},
		{name: "IPv6", env: []string{region, "AWS_ENDPOINT_URL=http://[::1]:80/?x=1"}, want: "http://[::1]:80/?x=1 us-west-2"},
		{name: "path and final dot", env: []string{region, "AWS_ENDPOINT_URL=https://a.b./c"}, want: "https://a.b./c us-west-2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, home := setup(t, map[string]string{"config": tt.config}, append(tt.env, envKey, envSec), tt.flags)
			if got := strings.TrimSuffix(outcome(s, home, chime.Service, true), " ENV"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestConnect_order: of several things wrong, which is told.
func TestConnect_order(t *testing.T) {
	wrong := []struct{ env, want string }{
		{"AWS_PROFILE=nope", "The config profile (nope) could not be found"},
		{"AWS_DEFAULT_REGION=-", "Provided region_name '-' doesn't match a supported format."},
		{"AWS_ACCESS_KEY_ID=A", "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY"},
		{"AWS_DEFAULTS_MODE=Bogus", "Client configured with invalid defaults mode: Bogus. Valid defaults modes include: legacy, auto, standard, in-region, cross-region, mobile."},
		{"AWS_CONFIG_FILE=HOME/services", `The profile is configured to use the services section but the "s1" services configuration does not exist.`},
		{"AWS_MAX_ATTEMPTS=abc", "invalid literal for int() with base 10: 'abc'"},
		{"AWS_RETRY_MODE=LEGACY", `Invalid value provided to "mode": "LEGACY" must be one of: ('legacy', 'standard', 'adaptive')`},
	}
	var env []string
	for i := len(wrong) - 1; i >= 0; i-- {
		env = append(env, wrong[i].env)
		s, home := setup(t, map[string]string{"services": "[default]\nservices = s1\n"}, env, profile.Flags{})
		if got := outcome(s, home, chime.Service, true); got != wrong[i].want {
			t.Errorf("with %q: got %s, want %s", env, got, wrong[i].want)
		}
	}
	s, home := setup(t, nil, []string{toHere}, profile.Flags{})
	if got := outcome(s, home, chime.Service, true); got != profile.ErrNoRegion.Error() {
		t.Errorf("without region and credentials: got %s, want %s", got, profile.ErrNoRegion)
	}
	s, home = setup(t, nil, []string{toHere, "AWS_ACCESS_KEY_ID=A"}, profile.Flags{})
	if got, want := outcome(s, home, chime.Service, false), local+"  unsigned"; got != want {
		t.Errorf("unsigned without region and credentials: got %q, want %q", got, want)
	}
}

// regional is a service with an endpoint in each region.
var regional = &model.Service{Command: "chime-sdk-messaging", ID: "Chime SDK Messaging", EndpointPrefix: "messaging-chime", SigningName: "chime"}

// worldwide is a service with an endpoint for each partition, as its rules say.
var worldwide = &model.Service{Command: "iam", ID: "IAM", EndpointPrefix: "iam", SigningName: "iam", Rules: `{
	"parameters": {"Region": {"builtIn": "AWS::Region"}},
	"rules": [{
		"conditions": [{"fn": "aws.partition", "argv": [{"ref": "Region"}], "assign": "P"}],
		"type": "endpoint",
		"endpoint": {
			"url": "https://iam.{P#implicitGlobalRegion}.{P#dnsSuffix}",
			"properties": {"authSchemes": [{"name": "sigv4", "signingName": "iam", "signingRegion": "{P#implicitGlobalRegion}"}]}
		}
	}]
}`}

func TestConnect_defaultEndpoint(t *testing.T) {
	for _, tt := range []struct {
		service         *model.Service
		region          string
		fips, dualStack bool
		want            string
	}{
		{chime.Service, "us-east-1", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "eu-central-1", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "eu-central-1", true, false, "https://chime-fips.eu-central-1.amazonaws.com us-east-1"},
		{chime.Service, "US-EAST-1", false, true, "https://chime.US-EAST-1.api.aws us-east-1"},
		{chime.Service, "bogus", true, true, "https://chime-fips.bogus.api.aws us-east-1"},
		{chime.Service, "", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "us-west-2-fips", false, false, "https://chime-fips.us-west-2.amazonaws.com us-east-1"},
		{chime.Service, "cn-foo-9", true, true, "https://chime-fips.cn-foo-9.api.amazonwebservices.com.cn cn-foo-9"},
		{chime.Service, "cn-north-1a", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "cn--1", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "aws-cn-global", false, true, "https://chime.aws-cn-global.api.amazonwebservices.com.cn us-east-1"},
		{chime.Service, "fips-us-gov-west-1", false, false, "https://chime-fips.us-gov-west-1.amazonaws.com us-gov-west-1"},
		{chime.Service, "us-iso-east-1", false, false, "https://chime.us-iso-east-1.c2s.ic.gov us-iso-east-1"},
		{chime.Service, "us-iso-east-1", false, true, "https://chime.us-iso-east-1.api.aws.ic.gov us-east-1"},
		{chime.Service, "us-isob-east-1", true, false, "https://chime-fips.us-isob-east-1.sc2s.sgov.gov us-isob-east-1"},
		{chime.Service, "eu-isoe-west-1", false, false, "https://chime.eu-isoe-west-1.cloud.adc-e.uk eu-isoe-west-1"},
		{chime.Service, "eu-isoe-west-1", false, true, "Unable to construct a modeled endpoint with the following variant(s) ['dualstack']: "},
		{chime.Service, "us-isof-south-1", true, true, "Unable to construct a modeled endpoint with the following variant(s) ['dualstack', 'fips']: "},
		{chime.Service, "eusc-de-east-1", false, true, "https://chime.eusc-de-east-1.api.amazonwebservices.eu eusc-de-east-1"},
		{chime.Service, "eusc-fr-east-1", false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, strings.Repeat("a", 63), false, false, "https://chime.us-east-1.amazonaws.com us-east-1"},
		{chime.Service, "a_b", false, false, "Provided region_name 'a_b' doesn't match a supported format."},
		{chime.Service, "us-east-1.", false, false, "Provided region_name 'us-east-1.' doesn't match a supported format."},
		{chime.Service, "123", false, false, "Provided region_name '123' doesn't match a supported format."},
		{chime.Service, "x-", false, false, "Provided region_name 'x-' doesn't match a supported format."},
		{chime.Service, "fips-", false, false, "Provided region_name 'fips-' doesn't match a supported format."},
		{chime.Service, strings.Repeat("a", 64), false, false, "Provided region_name '" + strings.Repeat("a", 64) + "' doesn't match a supported format."},

		{regional, "us-west-2", false, false, "https://messaging-chime.us-west-2.amazonaws.com us-west-2"},
		{regional, "us-west-2", true, false, "https://messaging-chime-fips.us-west-2.amazonaws.com us-west-2"},
		{regional, "us-west-2", false, true, "https://messaging-chime.us-west-2.api.aws us-west-2"},
		{regional, "us-west-2", true, true, "https://messaging-chime-fips.us-west-2.api.aws us-west-2"},
		{regional, "fips-us-west-2", false, false, "https://messaging-chime-fips.us-west-2.amazonaws.com us-west-2"},
		{regional, "aws-global", false, false, "https://messaging-chime.aws-global.amazonaws.com aws-global"},
		{regional, "bogus", false, false, "https://messaging-chime.bogus.amazonaws.com bogus"},
		{regional, "cn-north-1", false, true, "https://messaging-chime.cn-north-1.api.amazonwebservices.com.cn cn-north-1"},
		{regional, "us-iso-east-1", false, true, "https://messaging-chime.us-iso-east-1.api.aws.ic.gov us-iso-east-1"},
		{regional, "", false, false, profile.ErrNoRegion.Error()},
		{regional, "us-isof-south-1", false, true, "Unable to construct a modeled endpoint with the following variant(s) ['dualstack']: "},
		{regional, "aws-iso-e-global", false, true, "https://messaging-chime.aws-iso-e-global.api.cloud-aws.adc-e.uk aws-iso-e-global"},

		{worldwide, "", false, false, "https://iam.us-east-1.amazonaws.com us-east-1"},
		{worldwide, "eu-west-3", false, false, "https://iam.us-east-1.amazonaws.com us-east-1"},
		{worldwide, "cn-north-1", false, false, "https://iam.cn-northwest-1.amazonaws.com.cn cn-northwest-1"},
		{worldwide, "us-gov-east-1", false, false, "https://iam.us-gov-west-1.amazonaws.com us-gov-west-1"},
		{worldwide, "us-isob-west-1", false, false, "https://iam.us-isob-east-1.sc2s.sgov.gov us-isob-east-1"},
		{worldwide, "eusc-de-x-7", false, false, "https://iam.eusc-de-east-1.amazonaws.eu eusc-de-east-1"},
		{worldwide, "eu-isoe-west-1", true, true, "Unable to construct a modeled endpoint with the following variant(s) ['dualstack', 'fips']: "},
	} {
		env := []string{envKey, envSec, fmt.Sprintf("AWS_USE_FIPS_ENDPOINT=%v", tt.fips), fmt.Sprintf("AWS_USE_DUALSTACK_ENDPOINT=%v", tt.dualStack)}
		if tt.region != "" {
			env = append(env, "AWS_DEFAULT_REGION="+tt.region)
		}
		s, home := setup(t, nil, env, profile.Flags{})
		if got := strings.TrimSuffix(outcome(s, home, tt.service, true), " ENV"); got != tt.want {
			t.Errorf("%s in region %q, fips %v, dual stack %v:\ngot  %s\nwant %s", tt.service.ID, tt.region, tt.fips, tt.dualStack, got, tt.want)
		}
	}
}

// TestConnect_otherService asks where the settings of one service count, and those of another.
func TestConnect_otherService(t *testing.T) {
	config := map[string]string{"config": "[default]\nservices = s\n[services s]\nchime =\n  endpoint_url = http://chime.example\n" +
		"chime_sdk_messaging =\n  endpoint_url = http://section.example\n"}
	for _, tt := range []struct {
		service *model.Service
		env     []string
		want    string
	}{
		{regional, nil, "http://section.example"},
		{chime.Service, nil, "http://chime.example"},
		{regional, []string{"AWS_ENDPOINT_URL_CHIME=http://other.example"}, "http://section.example"},
		{regional, []string{"AWS_ENDPOINT_URL=http://all.example"}, "http://all.example"},
		{regional, []string{"AWS_ENDPOINT_URL=http://all.example", "AWS_ENDPOINT_URL_CHIME_SDK_MESSAGING=http://one.example"}, "http://one.example"},
	} {
		s, home := setup(t, config, append(tt.env, region), profile.Flags{})
		if got, want := outcome(s, home, tt.service, false), tt.want+" us-west-2 unsigned"; got != want {
			t.Errorf("%s with %q: got %s, want %s", tt.service.ID, tt.env, got, want)
		}
	}
	s, home := setup(t, map[string]string{"config": "[default]\nservices = s\n[services s]\nchime_sdk_messaging = http://x\n"}, []string{region}, profile.Flags{})
	want := "chime_sdk_messaging in HOME/.aws/config [services s] must be a block of settings, such as an indented line endpoint_url = URL"
	if got := outcome(s, home, regional, false); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestConnect_retry(t *testing.T) {
	for _, tt := range []struct {
		config string
		env    []string
		want   string
	}{
		{"", nil, "legacy 5"},
		{"", []string{"AWS_RETRY_MODE=standard"}, "standard 3"},
		{"", []string{"AWS_RETRY_MODE=adaptive"}, "adaptive 3"},
		{"[default]\nretry_mode = standard\nmax_attempts = 2\n", nil, "standard 2"},
		{"[default]\nretry_mode = standard\nmax_attempts = 2\n", []string{"AWS_MAX_ATTEMPTS=1", "AWS_RETRY_MODE=legacy"}, "legacy 1"},
		{"", []string{"AWS_DEFAULTS_MODE=In-Region"}, "standard 3"},
		{"", []string{"AWS_DEFAULTS_MODE=legacy"}, "legacy 5"},
		{"", []string{"AWS_DEFAULTS_MODE=auto", "AWS_RETRY_MODE=legacy"}, "legacy 5"},
		{"", []string{"AWS_MAX_ATTEMPTS= +1_0 "}, "legacy 10"},
		{"", []string{"AWS_MAX_ATTEMPTS=0"}, `Value provided to "max_attempts": 0 must be an integer greater than or equal to 1.`},
		{"", []string{"AWS_MAX_ATTEMPTS=-1"}, `Value provided to "max_attempts": -1 must be an integer greater than or equal to 1.`},
		{"", []string{"AWS_MAX_ATTEMPTS="}, "invalid literal for int() with base 10: ''"},
		{"", []string{"AWS_MAX_ATTEMPTS=1__0"}, "invalid literal for int() with base 10: '1__0'"},
		{"", []string{"AWS_MAX_ATTEMPTS=a'b"}, `invalid literal for int() with base 10: "a'b"`},
		{"[default]\nretry_mode = x\n", nil, `Invalid value provided to "mode": "x" must be one of: ('legacy', 'standard', 'adaptive')`},
	} {
		s, _ := setup(t, map[string]string{"config": tt.config}, tt.env, profile.Flags{})
		c, err := s.Connect(context.Background(), chime.Service, false)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = fmt.Sprint(c.Retry.Mode, " ", c.Retry.MaxAttempts)
		}
		if got != tt.want {
			t.Errorf("%q %q: got %s, want %s", tt.config, tt.env, got, tt.want)
		}
	}
}

func TestSettings_small(t *testing.T) {
	all := "[default]\noutput = table\nca_bundle = c\ncli_timestamp_format = iso8601\ncli_follow_urlparam = True\nparameter_validation = no\n"
	for _, tt := range []struct {
		name, config string
		env          []string
		flags        profile.Flags
		want         string
	}{
		{"defaults", "", nil, profile.Flags{}, "json|none|true|true|"},
		{"config", all, nil, profile.Flags{}, "table|iso8601|false|false|c"},
		{"variables", all, []string{"AWS_DEFAULT_OUTPUT=text", "AWS_CA_BUNDLE=v", "AWS_OUTPUT=xml"}, profile.Flags{}, "text|iso8601|false|false|v"},
		{"flags", all, []string{"AWS_DEFAULT_OUTPUT=text", "AWS_CA_BUNDLE=v"}, profile.Flags{Output: ptr("json"), CABundle: ptr("f")}, "json|iso8601|false|false|f"},
		{"empty output counts", "", []string{"AWS_DEFAULT_OUTPUT="}, profile.Flags{}, "|none|true|true|"},
		{"other bundle", "", []string{"REQUESTS_CA_BUNDLE=r"}, profile.Flags{}, "json|none|true|true|r"},
		{"empty bundle counts", "", []string{"AWS_CA_BUNDLE=", "REQUESTS_CA_BUNDLE=r"}, profile.Flags{}, "json|none|true|true|"},
		{"bad format", "[default]\ncli_timestamp_format = x\n", nil, profile.Flags{}, `json|Unknown cli_timestamp_format value: x, valid values are "none", "wire" or "iso8601"|true|true|`},
		{"missing profile", all, []string{"AWS_PROFILE=nope"}, profile.Flags{}, "The config profile (nope) could not be found|none|true|The config profile (nope) could not be found|The config profile (nope) could not be found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := setup(t, map[string]string{"config": tt.config}, tt.env, tt.flags)
			var got []string
			add := func(v any, err error) {
				if err != nil {
					v = err
				}
				got = append(got, fmt.Sprint(v))
			}
			output, err := s.Output()
			add(output.Text, err)
			format, err := s.TimestampFormat()
			add(format, err)
			follow, err := s.FollowURLs()
			add(follow, err)
			validate, err := s.ValidateParameters()
			add(validate, err)
			bundle, err := s.CABundle()
			add(bundle.Text, err)
			if got := strings.Join(got, "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestSources: --debug tells where a value came from, and no form of printing tells a secret.
func TestSources(t *testing.T) {
	s, home := setup(t, map[string]string{
		"config":      "[profile p]\nendpoint_url = http://x\n",
		"credentials": "[p]\nregion = r\n" + keys("P"),
	}, []string{"AWS_PROFILE=p"}, profile.Flags{Output: ptr("text")})
	c, err := s.Connect(context.Background(), chime.Service, true)
	if err != nil {
		t.Fatal(err)
	}
	output, err := s.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(fmt.Sprint(s.Profile().Source, ", ", output.Source, ", ", c.Region.Source, ", ", c.Endpoint.Source, ", ", c.Credentials.Source), home, "~")
	want := "env (AWS_PROFILE), manual (--output), config-file (~/.aws/credentials [p]), config-file (~/.aws/config [profile p]), shared-credentials-file (~/.aws/credentials [p])"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	keys, err := c.Credentials.Get(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{c.Credentials, keys, *keys} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "secret/") || !strings.Contains(text, "P from") {
				t.Errorf("%s of credentials: got %s, want the access key and no secret", verb, text)
			}
		}
	}
}

// TestNew_lazy: a command that asks for nothing does not mind broken files.
func TestNew_lazy(t *testing.T) {
	s, _ := setup(t, map[string]string{"config": "nonsense\n"}, []string{"AWS_PROFILE=nope"}, profile.Flags{})
	if got := s.Profile().Text; got != "nope" {
		t.Errorf("got profile %q, want nope", got)
	}
	err := s.Check()
	if _, ok := errors.AsType[*profile.FileError](err); !ok {
		t.Errorf("got %v, want a FileError", err)
	}
}

func TestConnect_canceledProcess(t *testing.T) {
	s, _ := setup(t, map[string]string{"config": "[default]\ncredential_process = sleep 600\n"}, nil, profile.Flags{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Connect(ctx, chime.Service, true); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestCheckEndpointFlag(t *testing.T) {
	for url, good := range map[string]bool{
		"http://x": true, "https://x/": true, "localhost:1234": true, "a+b.c-1:x": true,
		"foo": false, "": false, "//x": false, "1a:x": false, "127.0.0.1:80": false, ":x": false,
	} {
		want := ""
		if !good {
			want = `Bad value for --endpoint-url "` + url + `": scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/`
		}
		got := ""
		if err := profile.CheckEndpointFlag(url); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("CheckEndpointFlag(%q): got %q, want %q", url, got, want)
		}
	}
}

func TestEnv_Expand(t *testing.T) {
	env := profile.Env{"HOME=/h", "A=1", "A=2", "B_c=x y", "E="}
	for path, want := range map[string]string{
		"~": "/h", "~/x": "/h/x", "~joe/x": "~joe/x", "x/~": "x/~", "": "",
		"$A/${B_c}/$E.": "1/x y/.", "$Z ${Z} $ $$A ${A": "$Z ${Z} $ $1 ${A", "$A$A": "11",
	} {
		if got := env.Expand(path); got != want {
			t.Errorf("Expand(%q): got %q, want %q", path, got, want)
		}
	}
	// Without the variable the home is where the system says, never a directory called "~".
	me, err := user.Current()
	if err != nil {
		t.Skipf("the system does not know who runs the tests: %v", err)
	}
	if got, want := (profile.Env{}).Expand("~/x"), strings.TrimRight(me.HomeDir, "/")+"/x"; got != want {
		t.Errorf("without HOME: got %q, want %q", got, want)
	}
}
