package profile

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/timestamp"
)

// fromSSO uses the token of an earlier login, which version 2 or another tool has made: version 1
// has no command for it.
func (s *search) fromSSO(context.Context) (*Provider, error) {
	profile := s.profile
	if !s.has(profile, "sso_account_id") && !s.has(profile, "sso_role_name") {
		return nil, absent(fmt.Sprintf("the profile %q has neither an sso_account_id nor an sso_role_name", profile))
	}
	config, _, err := s.files()
	if err != nil {
		return nil, err
	}
	session, inSession, _ := s.option(profile, "sso_session")
	section := config.named("sso-session", session)
	if inSession && section == nil {
		return nil, errorf(`The specified sso-session does not exist: "%s"`, session)
	}
	if inSession {
		for _, o := range section.Options {
			if own, ok, _ := s.option(profile, o.Name); ok && own != o.Value {
				return nil, errorf("The value for %s is inconsistent between profile (%s) and sso-session (%s).", o.Name, own, o.Value)
			}
		}
	}
	a := &ssoCall{Settings: s.Settings, session: session}
	var missing []string
	for _, need := range []struct {
		name string
		to   *string
	}{{"sso_role_name", &a.role}, {"sso_account_id", &a.account}, {"sso_start_url", &a.url}, {"sso_region", &a.region}} {
		text, ok, _ := s.option(profile, need.name)
		if !ok && inSession && section.option(need.name) != nil {
			text, ok = section.value(need.name), true
		}
		if *need.to = text; !ok {
			missing = append(missing, need.name)
		}
	}
	if missing != nil {
		return nil, errorf(`The profile "%s" is configured to use SSO but is missing required configuration: %s`, profile, strings.Join(missing, ", "))
	}
	p := s.provider(nil, nil)
	p.Source = Source{"sso", "profile " + profile}
	p.renew = func(ctx context.Context) (*Credentials, error) {
		c, err := a.credentials(ctx, p.now())
		if err == nil {
			c.Source = p.Source
		}
		return c, err
	}
	return p, nil
}

// fromLogin refuses what takes a library that version 1 lacks, too, unless it was added to it.
func (s *search) fromLogin(context.Context) (*Provider, error) {
	if !s.has(s.profile, "login_session") {
		return nil, absent(fmt.Sprintf("the profile %q has no login_session", s.profile))
	}
	return nil, ErrLoginSession
}

// ErrLoginSession refuses a login_session in the words of version 1.
const ErrLoginSession = Error(`Missing Dependency: Using the login credential provider requires an additional dependency. You will need to pip install "botocore[crt]" before proceeding.`)

// ErrSignInAgain says that the token of a login through SSO has ended.
const ErrSignInAgain = Error("The SSO session associated with this profile has expired or is otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile.")

// NoTokenError says that nobody has logged in through SSO yet.
type NoTokenError struct{ Name string } // the URL where to start, or the name of the session

func (e NoTokenError) Error() string {
	return "Error loading SSO Token: Token for " + e.Name + " does not exist"
}

// ssoCall asks the portal of SSO for the credentials of a role in an account.
type ssoCall struct {
	*Settings
	role, account, url, region string
	session                    string // "" if the profile itself says all
}

func (a *ssoCall) credentials(ctx context.Context, now time.Time) (*Credentials, error) {
	region := Value{a.region, Source{Type: "config-file"}}
	portal, err := a.askFor(ctx, ssoPortal, region, nil)
	if err != nil {
		return nil, err
	}
	defer portal.Close()
	token, err := a.token(ctx, region, now)
	if err != nil {
		return nil, err
	}
	refused := client.Refusal(model.RESTJSON, "GetRoleCredentials")
	a.trace("sso", "asked for the credentials of "+a.role+" in "+a.account)
	answer, err := portal.Send(ctx, &client.Message{
		Operation: "GetRoleCredentials", Method: http.MethodGet, Path: "/federation/credentials",
		Query:   "role_name=" + queryEscape(a.role) + "&account_id=" + queryEscape(a.account),
		Header:  http.Header{"X-Amz-Sso_bearer_token": {token}},
		Refused: refused,
	})
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Code == "UnauthorizedException" {
		return nil, ErrSignInAgain
	}
	if err != nil {
		return nil, err
	}
	reply, err := jsonReply(answer)
	if err != nil {
		return nil, err
	}
	v, _ := reply.Get("roleCredentials")
	keys, ok := v.(*document.Object)
	if !ok {
		return nil, Error("'roleCredentials'")
	}
	c := new(Credentials)
	err = members(keys, memberTexts{{"accessKeyId", &c.AccessKeyID}, {"secretAccessKey", &c.SecretAccessKey}, {"sessionToken", &c.SessionToken}})
	if err != nil {
		return nil, err
	}
	v, _ = keys.Get("expiration")
	if v == nil {
		return nil, Error("'expiration'")
	}
	milliseconds, err := document.ToInt(v)
	if err != nil {
		return nil, Error(err.Error())
	}
	at, _, err := timestamp.Parse(document.Number(python.FormatFloat(milliseconds.Float64() / 1000)))
	if err != nil {
		return nil, Error(err.Error())
	}
	c.Expires = at.Truncate(time.Second) // as version 1 keeps it
	return c, nil
}

// queryEscape encodes a value of a query as version 1 does.
func queryEscape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// jsonReply reads the body of a successful answer, which is an object or counts as an empty one. A
// member that is null counts as missing.
func jsonReply(a *client.Answer) (*document.Object, error) {
	v, err := parseJSON(a.Body)
	if err != nil {
		return nil, err
	}
	if o, ok := v.(*document.Object); ok {
		return withoutNulls(o), nil
	}
	return document.NewObject(), nil
}

func withoutNulls(o *document.Object) *document.Object {
	found := document.NewObject()
	for _, m := range o.Members() {
		if inner, ok := m.Value.(*document.Object); ok {
			found.Set(m.Key, withoutNulls(inner))
		} else if m.Value != nil {
			found.Set(m.Key, m.Value)
		}
	}
	return found
}

// errEnded says that the token of a session has ended, and that there is no new one.
const errEnded = Error("Error when retrieving token from sso: Token has expired and refresh failed")

// token returns the token of the login. That of a session is renewed, if it ends soon and can be.
func (a *ssoCall) token(ctx context.Context, region Value, now time.Time) (string, error) {
	name := a.url
	if a.session != "" {
		name = a.session
	}
	sum := sha1.Sum([]byte(name))
	key := hex.EncodeToString(sum[:])
	path := a.env.Expand("~/.aws/sso/cache/" + key + ".json")
	v, ok, err := loadJSON(path)
	switch {
	case err != nil:
		return "", CacheError{key, path}
	case !ok:
		return "", NoTokenError{name}
	}
	cached, ok := v.(*document.Object)
	if !ok {
		cached = document.NewObject()
	}
	var token, end string
	if err := members(cached, memberTexts{{"accessToken", &token}, {"expiresAt", &end}}); err != nil {
		return "", errorf("Error loading SSO Token: Token for %s is invalid", a.url)
	}
	expires, err := parseTime(end)
	if err != nil {
		return "", err
	}
	if a.session == "" {
		if !now.Before(expires) {
			return "", ErrSignInAgain
		}
		return token, nil
	}
	if expires.Sub(now) < renewEarly {
		fresh, err := a.renewToken(ctx, region, cached, now)
		if err != nil && (expires.Sub(now) < renewLate || ctx.Err() != nil) {
			return "", err
		}
		if fresh != nil {
			if err := storeJSON(path, fresh); err != nil && a.Warn != nil {
				a.Warn(fmt.Sprintf("the new token of SSO is not kept, so that the next command may need a login: %v", err))
			}
			return fresh.Text("accessToken"), nil
		}
	}
	if !now.Before(expires) {
		return "", errEnded
	}
	return token, nil
}

// renewToken asks for a new token of a session, in exchange for the one to renew it with. It
// returns nil if there is none, or if the service refuses.
func (a *ssoCall) renewToken(ctx context.Context, region Value, cached *document.Object, now time.Time) (*document.Object, error) {
	var id, secret, with, registered string
	err := members(cached, memberTexts{{"refreshToken", &with}, {"clientId", &id}, {"clientSecret", &secret}, {"registrationExpiresAt", &registered}})
	if err != nil {
		a.trace("sso", "the token cannot be renewed: its file has not all that this takes")
		return nil, nil
	}
	ends, err := parseTime(registered)
	if err != nil {
		return nil, err
	}
	if !now.Before(ends) {
		a.trace("sso", "the token cannot be renewed: the registration has ended")
		return nil, nil
	}
	tokens, err := a.askFor(ctx, ssoTokens, region, nil)
	if err != nil {
		return nil, err
	}
	defer tokens.Close()
	body := document.NewObject(
		document.Member{Key: "grantType", Value: "refresh_token"}, document.Member{Key: "clientId", Value: id},
		document.Member{Key: "clientSecret", Value: secret}, document.Member{Key: "refreshToken", Value: with},
	)
	a.trace("sso", "asked for a new token")
	answer, err := tokens.Send(ctx, &client.Message{
		Operation: "CreateToken", Method: http.MethodPost, Path: "/token",
		Body: document.AppendCompact(nil, body), Header: http.Header{"Content-Type": {"application/json"}}, Refused: client.Refusal(model.RESTJSON, "CreateToken"),
	})
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok {
		a.trace("sso", "the token cannot be renewed: "+refusal.Code)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	reply, err := jsonReply(answer)
	if err != nil {
		return nil, err
	}
	var token string
	if err := members(reply, memberTexts{{"accessToken", &token}}); err != nil {
		return nil, err
	}
	v, _ := reply.Get("expiresIn")
	seconds, ok := v.(document.Number)
	if !ok {
		return nil, Error("'expiresIn'")
	}
	until := now.Add(time.Duration(min(max(seconds.Float64(), 0), 1e9)) * time.Second)
	fresh := document.NewObject(
		document.Member{Key: "startUrl", Value: a.url}, document.Member{Key: "region", Value: a.region},
		document.Member{Key: "accessToken", Value: token},
		document.Member{Key: "expiresAt", Value: until.UTC().Format("2006-01-02T15:04:05Z")},
		document.Member{Key: "clientId", Value: id}, document.Member{Key: "clientSecret", Value: secret},
		document.Member{Key: "registrationExpiresAt", Value: registered},
	)
	if next, ok := reply.Get("refreshToken"); ok {
		fresh.Set("refreshToken", next)
	}
	if !now.Before(until) {
		return nil, errEnded
	}
	return fresh, nil
}
