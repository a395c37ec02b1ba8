package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/client"
)

// standing is what a plan knows of the account, by which the service refuses changes.
type standing struct {
	rules.Account
	called string // by name and id, for messages
	denied bool   // the key may not read the account: only the id is known, and perhaps the type
}

// standing asks for the account. A key that may not do that can still change users.
func (a *Account) standing(ctx context.Context) (*standing, error) {
	s := &standing{Account: rules.Account{ID: a.config.Account}}
	account, err := a.describe(ctx)
	s.called = a.String()
	if refusal, ok := errors.AsType[*client.ServiceError](err); ok && refusal.Status == http.StatusForbidden {
		s.denied = true
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	s.Type = account.Text("AccountType")
	s.Status = cmp.Or(account.Text("AccountStatus"), string(api.AccountStatusActive)) // a member that may be absent
	licenses, _ := account.Get("SupportedLicenses")
	list, _ := licenses.([]any)
	for _, license := range list {
		s.Licenses = append(s.Licenses, plain(license))
	}
	return s, nil
}

// ready asks for the account of a plan that was made before, for an action that is to follow now.
func (a *Account) ready(ctx context.Context, p *Plan, action Action) (*standing, error) {
	s, err := a.standing(ctx)
	if err != nil {
		return nil, err
	}
	s.Type = cmp.Or(s.Type, p.Type)
	p.Unchecked = s.unchecked(action)
	return s, s.refuses(action, nil)
}

// unchecked says what nobody could check while planning. It is empty if all was checked.
func (s *standing) unchecked(action Action) string {
	switch {
	case action == Update && s.denied:
		return "licenses were not checked: the key may not call GetAccount"
	case action == Update && s.Licenses == nil:
		return "licenses were not checked: the service does not say which ones the account supports"
	case s.denied:
		return "the account was not checked: the key may not call GetAccount"
	}
	return ""
}

// refuses returns an error if the service would refuse whatever a job with this action asks of the
// account.
func (s *standing) refuses(action Action, set Values) error {
	if s.Type == "" && action == Suspend { // on a Team account this removes users: nobody may guess
		if s.denied {
			return badInput("", 0, "the key may not call GetAccount, so nobody knows whether account %s is a Team account, where to suspend users is to remove them", s.called)
		}
		return fmt.Errorf("reading account %s: the reply names no type", s.ID)
	}
	if s.denied {
		return nil
	}
	if refused := s.Change(); refused != nil {
		return fmt.Errorf("%s; nothing was changed", lowered(refused.Message))
	}
	var refused *rules.Refusal
	switch {
	case s.Type == "":
	case action == Suspend:
		refused = s.Suspend()
	case action == Unsuspend:
		refused = s.Unsuspend()
	case action == Invite:
		refused = s.Invite()
	}
	if refused != nil {
		return badInput("", 0, "account %s: %s", s.called, lowered(refused.Message))
	}
	if license, given := set.Get(License); given && s.Licenses != nil {
		if problem := s.Unsupported(license); problem != "" {
			return badInput("", 0, "%v: LicenseType %s", Option{Name: "set"}, problem)
		}
	}
	return nil
}

// lowered begins a sentence of the service as our messages begin.
func lowered(sentence string) string { return strings.ToLower(sentence[:1]) + sentence[1:] }

// refusal returns why the service would refuse to give a user these values.
func (s *standing) refusal(action Action, to Values, u *User) *rules.Refusal {
	user := rules.User{License: u.now[License], Type: u.now[UserType], Registration: u.now[Registration]}
	switch {
	case action == ResetPIN:
		return user.ResetPIN()
	case action == Suspend && s.Type != team:
		return user.Suspend()
	case action == Update:
		return user.Update(s.Account, s.update(to))
	}
	return nil
}

// update returns the update that a call asks for. A license is left out if nobody can check it.
func (s *standing) update(to Values) (update rules.Update) {
	alexa := func() *api.AlexaForBusinessMetadata {
		if update.Alexa == nil {
			update.Alexa = new(api.AlexaForBusinessMetadata)
		}
		return update.Alexa
	}
	for _, v := range to {
		switch v.Field {
		case License:
			if s.Licenses != nil {
				update.License = v.Text
			}
		case UserType:
			update.Type = v.Text
		case AlexaEnabled:
			alexa().IsAlexaForBusinessEnabled = new(v.Text == "true")
		case AlexaARN:
			alexa().AlexaForBusinessRoomArn = new(v.Text)
		}
	}
	return update
}

// problem returns what is wrong with a row. A license that there is not was found before anybody
// knew the account: this names those that the account supports instead of all.
func (s *standing) problem(w Wish) string {
	if before, found := strings.CutSuffix(w.Problem, License.isOneOf(License.enum())); found && len(s.Licenses) > 0 {
		return before + License.isOneOf(s.Licenses)
	}
	return w.Problem
}

// check fails a row that is planned if the service would refuse it.
func (s *standing) check(action Action, r *Row, u *User) {
	if r.Status != Planned {
		return
	}
	if refused := s.refusal(action, r.To, u); refused != nil {
		r.fail(string(refused.Code), "%s", refused.Message)
	}
}
