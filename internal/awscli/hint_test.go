//go:build unix

package awscli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/creack/pty"

	"github.com/carillon-project/carillon/internal/porttest"
)

// outcome is what a run of aws leaves to see.
type outcome struct {
	exit           int
	stdout, stderr string
}

// runAWS runs aws with credentials, a region and the variables given, without those of which
// only the name is given, and with a terminal for standard error if it is to have one.
func runAWS(t *testing.T, onTerminal bool, env []string, args ...string) outcome {
	t.Helper()
	cmd, _ := process(t, args...)
	cmd.Env = append(cmd.Env, "AWS_MAX_ATTEMPTS=1")
	for _, v := range env {
		name, _, set := strings.Cut(v, "=")
		if set {
			cmd.Env = append(cmd.Env, v)
			continue
		}
		cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if !onTerminal {
		cmd.Run()
		return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	}
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	cmd.Stderr = tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	io.Copy(&stderr, terminal) // until the last one who has it open is gone, which is an error to Linux
	cmd.Wait()
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), strings.ReplaceAll(stderr.String(), "\r\n", "\n")}
}

// On a terminal what version 1 prints is followed by a hint, in a pipe by nothing.
func TestHint(t *testing.T) {
	list := []string{"chime", "list-accounts"}
	refused := "http://" + porttest.Refusing(t)
	server := startMock(t, "http", nil)
	server.answer([]response{{Status: 401, Headers: headerList{{"x-amzn-ErrorType", "UnauthorizedClientException"}}, Body: `{"Message":"m"}`}}, nil)
	untrusted := startMock(t, "https", newCertificate(t))
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	none := []string{"AWS_ACCESS_KEY_ID="}
	config := filepath.Join(t.TempDir(), "config")
	err := os.WriteFile(config, []byte("[profile login]\nlogin_session = x\n[profile sso]\nsso_account_id = 1\nsso_role_name = r\nsso_start_url = u\nsso_region = us-east-1\n"+
		"[profile role]\nrole_arn = arn:aws:iam::111122223333:role/r\nsource_profile = s\n[profile s]\naws_access_key_id = S\naws_secret_access_key = secret/S\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		hint string // how it begins; empty for none
	}{
		{"the retired service, without credentials", none, list, "no endpoint is set, and https://chime.us-east-1.amazonaws.com was Amazon Chime, which closed in February 2026.\nSet AWS_ENDPOINT_URL_CHIME"},
		{"the retired service, unreachable", []string{"HTTPS_PROXY=" + refused}, list, "no endpoint is set, and https://chime.us-east-1.amazonaws.com was Amazon Chime"},
		{"the retired service, in another region", slices.Concat(none, []string{"AWS_DEFAULT_REGION=cn-north-1"}), list, "no endpoint is set, and https://chime.cn-north-1.amazonaws.com.cn was Amazon Chime"},
		{"nobody at the endpoint", []string{"AWS_ENDPOINT_URL_CHIME=" + refused}, list, "the URL comes from env (AWS_ENDPOINT_URL_CHIME); is the service running there?"},
		{"no credentials", slices.Concat(none, []string{"AWS_ENDPOINT_URL=" + refused}), list, "the service prints an access key"},
		{"no region", []string{"AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL=" + refused}, list, "any region will do for a service of your own"},
		{"no region that version 1 reads", []string{"AWS_DEFAULT_REGION", "AWS_REGION=us-west-2", "AWS_ENDPOINT_URL=" + refused}, list, "AWS_REGION is set, but version 1 reads AWS_DEFAULT_REGION only"},
		{"a key that the service does not know", []string{"AWS_ENDPOINT_URL=" + server.endpoint}, list, "the request was signed with the access key AKIDEXAMPLE from env"},
		{"a certificate that nobody knows", []string{"AWS_ENDPOINT_URL=" + untrusted.endpoint, "AWS_CA_BUNDLE=" + newCertificate(t).file}, list, "--ca-bundle FILE or AWS_CA_BUNDLE=FILE"},
		{"a server without TLS", []string{"AWS_ENDPOINT_URL=" + strings.Replace(plain.URL, "http:", "https:", 1)}, list, ""},
		{"a console login", []string{"AWS_PROFILE=login", "AWS_CONFIG_FILE=" + config, "AWS_ACCESS_KEY_ID"}, list, "a console login is of version 2 of the AWS CLI"},
		{"single sign-on without a login", []string{"AWS_PROFILE=sso", "AWS_CONFIG_FILE=" + config, "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL=" + refused}, list, "version 1 has no `aws sso login`"},
		{"nobody to ask for a role", []string{"AWS_PROFILE=role", "AWS_CONFIG_FILE=" + config, "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL=" + server.endpoint, "AWS_ENDPOINT_URL_STS=" + refused}, list, "this is where credentials are asked for, for assume-role (profile role)"},
		{"shorthand that does not parse", nil, []string{"chime", "batch-update-user", "--account-id", "a", "--update-user-request-items", "UserId"}, "`aws chime batch-update-user help` shows the syntax"},
		{"input that is not valid", nil, []string{"chime", "batch-update-user", "--account-id", "a", "--update-user-request-items", "LicenseType=Pro"}, "`aws chime batch-update-user help` shows the syntax"},
		{"a line that the parser refuses", nil, []string{"chime", "nosuch"}, ""},
		{"an error for a program", append(none, "AWS_CLI_ERROR_FORMAT=json"), list, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			piped := runAWS(t, false, test.env, test.args...)
			if piped.exit == 0 || piped.stderr == "" || strings.Contains(piped.stderr, "hint:") {
				t.Errorf("in a pipe: got status %d and %q, want an error without a hint", piped.exit, piped.stderr)
			}
			shown := runAWS(t, true, test.env, test.args...)
			rest, ok := strings.CutPrefix(strings.ReplaceAll(shown.stderr, "\r", ""), strings.ReplaceAll(piped.stderr, "\r", ""))
			if !ok || shown.exit != piped.exit {
				t.Errorf("on a terminal: got status %d and %q, want %d and first %q", shown.exit, shown.stderr, piped.exit, piped.stderr)
			}
			want := ""
			if test.hint != "" {
				want = "\nhint: " + test.hint
			}
			if !strings.HasPrefix(rest, want) || (want == "") != (rest == "") {
				t.Errorf("hint: got %q, want %q", rest, want)
			}
		})
	}
}

// With AWS_CLI_ERROR_FORMAT=json every error is an object, and the exit code stays.
func TestErrorFormatJSON(t *testing.T) {
	server := startMock(t, "http", nil)
	server.answer([]response{{Status: 404, Headers: headerList{{"x-amzn-ErrorType", "NotFoundException"}}, Body: `{"Code":"NotFound","Message":"no \"ü\""}`}}, nil)
	endpoint := "AWS_ENDPOINT_URL=" + server.endpoint
	refused := "http://" + porttest.Refusing(t)
	home := t.TempDir()
	broken := home + "/config"
	if err := os.WriteFile(broken, []byte("no ini file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	object := func(code, message string) string {
		return "{\n    \"Code\": \"" + code + "\",\n    \"Message\": \"" + message + "\"\n}\n"
	}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		exit int
		want string // all of it, or how it begins
	}{
		{"the service refuses", []string{endpoint}, []string{"chime", "list-accounts"}, 255, object("NotFoundException", `no \"ü\"`)},
		{"no credentials", []string{"AWS_ACCESS_KEY_ID="}, []string{"chime", "list-accounts"}, 255, object("NoCredentials", `Unable to locate credentials. You can configure credentials by running \"aws configure\".`)},
		{"no connection", nil, []string{"chime", "list-accounts", "--endpoint-url", refused}, 255, object("Connection", `Could not connect to the endpoint URL: \"`+refused+`/accounts\"`)},
		{"a missing option", nil, []string{"chime", "get-account"}, 2, object("ParamValidation", "the following arguments are required: --account-id")},
		{"an unknown option", nil, []string{"chime", "list-accounts", "--foo"}, 255, object("ParamValidation", "Unknown options: --foo")},
		{"a bad parameter", nil, []string{"chime", "list-bots", "--account-id", "a", "--max-results", "0"}, 255, object("ParamValidation", `Parameter validation failed:\nInvalid value for parameter MaxResults, value: 0, valid min value: 1`)},
		{"a missing profile", nil, []string{"chime", "list-accounts", "--profile", "nosuch"}, 255, object("Configuration", "The config profile (nosuch) could not be found")},
		{"a file that does not parse", []string{"AWS_CONFIG_FILE=" + broken}, []string{"chime", "list-accounts"}, 1, "{\n    \"Code\": \"Configuration\",\n"},
		{"a query that does not parse", nil, []string{"chime", "list-accounts", "--query", "["}, 255, "{\n    \"Code\": \"General\",\n"},
	} {
		got := runAWS(t, false, append(test.env, "AWS_CLI_ERROR_FORMAT=json"), test.args...)
		if got.exit != test.exit || got.stdout != "" || !strings.HasPrefix(got.stderr, test.want) {
			t.Errorf("%s: got status %d, %q and %q, want %d and %q", test.name, got.exit, got.stdout, got.stderr, test.exit, test.want)
		}
	}
	for _, format := range []string{"legacy", "text", "", "JSONL"} {
		got := runAWS(t, false, []string{endpoint, "AWS_CLI_ERROR_FORMAT=" + format}, "chime", "list-accounts")
		if want := "\nAn error occurred (NotFoundException) when calling the ListAccounts operation: no \"ü\"\n"; got.stderr != want {
			t.Errorf("format %q: got %q, want %q", format, got.stderr, want)
		}
	}
}

// A batch that is done in part is a success to version 1, unless this is set.
func TestFailOnUserErrors(t *testing.T) {
	const failed = `{"UserErrors": [{"UserId": "u", "ErrorCode": "NotFound", "ErrorMessage": "m"}]}`
	for _, test := range []struct {
		value, body string
		args        []string
		exit        int
	}{
		{"", failed, nil, 0},
		{"0", failed, nil, 0},
		{"1", failed, nil, 3},
		{"true", failed, []string{"--output", "text"}, 3},
		{"1", failed, []string{"--query", "nothing"}, 3},
		{"1", `{"UserErrors": []}`, nil, 0},
		{"1", `{}`, nil, 0},
		{"1", failed, []string{"--generate-cli-skeleton", "output"}, 0},
	} {
		server := startMock(t, "http", nil)
		server.answer([]response{{Body: test.body}}, nil)
		args := append([]string{"chime", "batch-suspend-user", "--account-id", "a", "--user-id-list", "u", "--endpoint-url", server.endpoint}, test.args...)
		asked := runAWS(t, false, []string{"CARILLON_FAIL_ON_USER_ERRORS=" + test.value}, args...)
		plain := runAWS(t, false, nil, args...)
		if asked.exit != test.exit || asked.stderr != "" {
			t.Errorf("%q, %s, %q: got status %d and %q, want %d", test.value, test.body, test.args, asked.exit, asked.stderr, test.exit)
		}
		if plain.exit != 0 || plain.stdout != asked.stdout {
			t.Errorf("%q, %s, %q: got %q and without the variable status %d and %q, want 0 and the same", test.value, test.body, test.args, asked.stdout, plain.exit, plain.stdout)
		}
	}
}

// Where version 1 sees later than elsewhere that something is wrong.
func TestLateRefusals(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		if err := os.WriteFile(home+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return home + "/" + name
	}
	binary := write("binary", "a\xff")
	unchecked := "AWS_CONFIG_FILE=" + write("config", "[default]\nparameter_validation = false\n")
	items := []string{"chime", "batch-update-user", "--account-id", "a", "--update-user-request-items", "UserId@=fileb://" + binary}
	for _, test := range []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"paging options that say nothing, without paging", nil, []string{"chime", "list-accounts", "--no-paginate", "--page-size", "0"},
			"Parameter validation failed:\nUnknown parameter in input: \"PaginationConfig\", must be one of: Name, UserEmail, NextToken, MaxResults"},
		{"bytes in shorthand", nil, items,
			"Parameter validation failed:\nInvalid type for parameter UpdateUserRequestItems[0].UserId, value: b'a\\xff', type: <class 'bytes'>, valid types: <class 'str'>"},
		{"bytes that nobody checks", []string{unchecked}, items, "UpdateUserRequestItems holds bytes from a fileb:// file, which cannot be sent: use file://"},
	} {
		got := runAWS(t, false, append(test.env, "AWS_ENDPOINT_URL=http://127.0.0.1:1"), test.args...)
		if want := "\n" + test.want + "\n"; got.exit != 255 || got.stderr != want {
			t.Errorf("%s: got status %d and %q, want 255 and %q", test.name, got.exit, got.stderr, want)
		}
	}
}
