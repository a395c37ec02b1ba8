package profile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/profile"
)

// What each source asks and says is in the recorded cases of package awscli. Here is what takes
// time to pass, and what no recording shows.

// tokenService is a token service. The n-th set of keys that it gives out is KEYn, for as long as
// lasts says; with a status it refuses.
type tokenService struct {
	url    string
	now    time.Time
	lasts  time.Duration
	status int
	asked  []string // bodies
}

func startTokens(t *testing.T) *tokenService {
	t.Helper()
	s := &tokenService{now: now, lasts: time.Hour}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.asked = append(s.asked, string(body))
		if s.status != 0 {
			w.WriteHeader(s.status)
			fmt.Fprint(w, "<R><Error><Code>AccessDenied</Code><Message>no more</Message></Error></R>")
			return
		}
		fmt.Fprintf(w, "<R><AssumeRoleResult><Credentials><AccessKeyId>KEY%d</AccessKeyId><SecretAccessKey>secret/KEY%[1]d</SecretAccessKey>"+
			"<SessionToken>T</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></R>",
			len(s.asked), s.now.Add(s.lasts).Format(time.RFC3339))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

const roleProfile = "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/r1\nrole_session_name = sess\nsource_profile = src\n[profile src]\naws_access_key_id = SRC\naws_secret_access_key = secret/SRC\n"

// settings are those of a profile with a role, and of a clock.
func (s *tokenService) settings(t *testing.T, config string) (*profile.Settings, string) {
	t.Helper()
	settings, home := setup(t, map[string]string{"config": config}, []string{region, "AWS_ENDPOINT_URL_STS=" + s.url}, named("r"))
	s.follow(settings)
	return settings, home
}

func (s *tokenService) follow(settings *profile.Settings) {
	settings.Now = func() time.Time { return s.now }
	settings.Sleep = func(context.Context, time.Duration) error { return nil }
}

func find(t *testing.T, s *profile.Settings) *profile.Provider {
	t.Helper()
	p, err := s.Credentials(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func key(p *profile.Provider) string {
	c, err := p.Get(context.Background())
	if err != nil {
		return err.Error()
	}
	return c.AccessKeyID
}

// A job may take longer than the credentials of a role last.
func TestProvider_renews(t *testing.T) {
	tokens := startTokens(t)
	settings, _ := tokens.settings(t, roleProfile)
	p := find(t, settings)
	const refused = "An error occurred (AccessDenied) when calling the AssumeRole operation: no more"
	for _, step := range []struct {
		after  time.Duration // the time so far
		status int
		want   string
	}{
		{0, 0, "KEY1"},
		{44 * time.Minute, 0, "KEY1"},
		{46 * time.Minute, 403, "KEY1"}, // asked early, so no is no answer yet
		{51 * time.Minute, 403, refused},
		{52 * time.Minute, 0, "KEY4"},
		{53 * time.Minute, 403, "KEY4"},
	} {
		tokens.now, tokens.status = now.Add(step.after), step.status
		if got := key(p); got != step.want {
			t.Errorf("after %v: got %s, want %s", step.after, got, step.want)
		}
	}
	tokens.lasts, tokens.status, tokens.now = -time.Minute, 0, now.Add(5*time.Hour)
	if got, want := key(p), "Credentials were refreshed, but the refreshed credentials are still expired."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A code of a device is asked for once: nobody sits before a long job to type the next.
func TestProvider_code(t *testing.T) {
	tokens := startTokens(t)
	config := strings.Replace(roleProfile, "\nsource", "\nmfa_serial = arn:aws:iam::1:mfa/u\nsource", 1)
	settings, _ := tokens.settings(t, config)
	if got, want := key(find(t, settings)), "and there is no terminal to ask at"; !strings.Contains(got, want) {
		t.Errorf("got %s, want an error with %q", got, want)
	}
	var prompts []string
	settings.Prompt = func(_ context.Context, text string) (string, bool, error) {
		prompts = append(prompts, text)
		return "123456", true, nil
	}
	p := find(t, settings)
	first := key(p)
	tokens.now = now.Add(2 * time.Hour)
	if got, want := first+", then "+key(p), "KEY1, then Cannot refresh credentials: MFA token required."; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if want := []string{"Enter MFA code for arn:aws:iam::1:mfa/u: "}; !slices.Equal(prompts, want) {
		t.Errorf("got prompts %q, want %q", prompts, want)
	}
	if want := "&TokenCode=123456"; len(tokens.asked) != 1 || !strings.HasSuffix(tokens.asked[0], want) {
		t.Errorf("got requests %q, want one with %q", tokens.asked, want)
	}
}

// The cache is of one user: it holds secrets. The next command asks nobody.
func TestCache(t *testing.T) {
	tokens := startTokens(t)
	settings, home := tokens.settings(t, roleProfile)
	first := key(find(t, settings))
	dir := filepath.Join(home, ".aws/cli/cache")
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("got %v and %v, want one file in the cache", files, err)
	}
	path := filepath.Join(dir, files[0].Name())
	for name, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v and %v, want mode %v", name, info.Mode(), err, want)
		}
	}
	next := profile.New(profile.Env{"HOME=" + home, region, "AWS_EC2_METADATA_DISABLED=true"}, named("r"))
	tokens.follow(next)
	if got := key(find(t, next)); got != first || len(tokens.asked) != 1 {
		t.Errorf("the next command: got %s after %d requests, want %s after 1", got, len(tokens.asked), first)
	}
	if err := os.WriteFile(path, []byte(`{"Cred`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = find(t, next).Get(context.Background())
	if damaged, ok := errors.AsType[profile.CacheError](err); !ok || damaged.Path != path {
		t.Errorf("a damaged file: got %v, want a CacheError that names %s", err, path)
	}
}

// A home that cannot be written to costs only the cache.
func TestCache_noPlace(t *testing.T) {
	tokens := startTokens(t)
	settings, home := tokens.settings(t, roleProfile)
	if err := os.WriteFile(filepath.Join(home, ".aws/cli"), nil, 0o600); err != nil { // where a directory should be
		t.Fatal(err)
	}
	var warned string
	settings.Warn = func(text string) { warned += text }
	if got := key(find(t, settings)); got != "KEY1" || !strings.Contains(warned, "not kept for the next command") {
		t.Errorf("got %s and the warning %q, want KEY1 and why they are not kept", got, warned)
	}
}

// --debug tells which places were tried, in their order, and why they have nothing.
func TestSettings_trace(t *testing.T) {
	s, home := setup(t, map[string]string{".boto": "[Credentials]\n" + keys("BOTO")}, []string{region}, profile.Flags{})
	var got []string
	s.Trace = func(place, outcome string) { got = append(got, place+": "+strings.ReplaceAll(outcome, home, "HOME")) }
	find(t, s)
	want := []string{
		"env: none: AWS_ACCESS_KEY_ID is not set",
		`assume-role: none: the profile "default" has no role_arn`,
		`assume-role-with-web-identity: none: neither AWS_WEB_IDENTITY_TOKEN_FILE is set, nor has the profile "default" a web_identity_token_file`,
		`sso: none: the profile "default" has neither an sso_account_id nor an sso_role_name`,
		`shared-credentials-file: none: no aws_access_key_id of profile "default" in HOME/.aws/credentials`,
		`login: none: the profile "default" has no login_session`,
		`custom-process: none: the profile "default" has no credential_process`,
		`config-file: none: no aws_access_key_id of profile "default" in HOME/.aws/config`,
		"ec2-credentials-file: none: AWS_CREDENTIAL_FILE is not set",
		"boto-config: found in HOME/.boto [Credentials]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Static keys cost no connection: nobody is asked who could be asked.
func TestSettings_staticKeys(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s was asked for", r.Method, r.URL)
	}))
	defer server.Close()
	s, home := setup(t, nil, []string{envKey, envSec, region, "AWS_ENDPOINT_URL=" + server.URL, "AWS_EC2_METADATA_DISABLED=false",
		"AWS_EC2_METADATA_SERVICE_ENDPOINT=" + server.URL, "AWS_CONTAINER_CREDENTIALS_FULL_URI=" + server.URL}, profile.Flags{})
	if got, want := outcome(s, home, chime.Service, true), server.URL+" us-west-2 ENV"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
