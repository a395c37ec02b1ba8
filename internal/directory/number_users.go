package directory

import (
	"context"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/chime/rules"
	"github.com/carillon-project/carillon/internal/store"
)

// AssociatePhoneNumberWithUser gives a number to a registered user, who may not call with it until
// UpdateUserSettings says so.
func (s *Service) AssociatePhoneNumberWithUser(ctx context.Context, in *api.AssociatePhoneNumberWithUserInput) (*api.AssociatePhoneNumberWithUserOutput, error) {
	return write(ctx, s, opAssociatePhoneNumberWithUser, func(c *change) (*api.AssociatePhoneNumberWithUserOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		before, err := findUser(c, a, in.UserId)
		if err != nil {
			return nil, err
		}
		n, err := findNumber(c, a.AWSAccountID, in.E164PhoneNumber)
		if err != nil {
			return nil, err
		}
		if n.AccountID == a.AccountID && n.UserID == before.UserID {
			return &api.AssociatePhoneNumberWithUserOutput{}, nil
		}
		if err := restricted(c, a.AWSAccountID, api.PhoneNumberProductTypeBusinessCalling, n.Country); err != nil {
			return nil, err
		}
		if refused := associate(n, before); refused != nil {
			return nil, exception(refused)
		}
		after := before
		after.PhoneNumber, after.PhoneProductType = n.Number, n.ProductType
		after.InboundCalling, after.OutboundCalling, after.SMS = false, false, false
		return &api.AssociatePhoneNumberWithUserOutput{}, c.save(a, []*member{{before: before, after: after}})
	})
}

// associate refuses what keeps a number from a user.
func associate(n store.PhoneNumber, u store.User) *rules.Refusal {
	switch {
	case n.ProductType != string(api.PhoneNumberProductTypeBusinessCalling):
		return refusal(api.ErrorCodeBadRequest, "Phone number %s is for %s: only one for %s can be associated with a user",
			n.Number, n.ProductType, api.PhoneNumberProductTypeBusinessCalling)
	case n.Status != string(api.PhoneNumberStatusUnassigned):
		return refusal(api.ErrorCodeBadRequest, "Phone number %s is %s: only one that is %s can be associated with a user",
			n.Number, n.Status, api.PhoneNumberStatusUnassigned)
	case u.Registration != string(api.RegistrationStatusRegistered):
		return refusal(api.ErrorCodeBadRequest, "Only a registered user can have a phone number, user %s is %s", u.UserID, u.Registration)
	case u.PhoneNumber != "":
		return refusal(api.ErrorCodeBadRequest, "User %s has a phone number already: disassociate it first", u.UserID)
	}
	return nil
}

// DisassociatePhoneNumberFromUser takes the number from a user who has one.
func (s *Service) DisassociatePhoneNumberFromUser(ctx context.Context, in *api.DisassociatePhoneNumberFromUserInput) (*api.DisassociatePhoneNumberFromUserOutput, error) {
	return write(ctx, s, opDisassociatePhoneNumberFromUser, func(c *change) (*api.DisassociatePhoneNumberFromUserOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		before, err := findUser(c, a, in.UserId)
		if err != nil || before.PhoneNumber == "" {
			return &api.DisassociatePhoneNumberFromUserOutput{}, err
		}
		after := before
		after.PhoneNumber, after.PhoneProductType = "", ""
		after.InboundCalling, after.OutboundCalling, after.SMS = false, false, false
		return &api.DisassociatePhoneNumberFromUserOutput{}, c.save(a, []*member{{before: before, after: after}})
	})
}

// moveNumbers makes the numbers of the AWS account say what the users of an account are about to
// say: who has which. Whoever leaves the account gives the number back.
func (c *change) moveNumbers(a store.Account, members []*member) error {
	var wanted []string
	holders := make(map[string]string) // ids of users, by number; "" for nobody
	for _, m := range members {
		before, after := m.before.PhoneNumber, m.after.PhoneNumber
		if m.gone {
			after = ""
		}
		if before == after {
			continue
		}
		for number, user := range map[string]string{before: "", after: m.before.UserID} {
			if number != "" {
				wanted = append(wanted, number)
				holders[number] = user
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	numbers, err := c.PhoneNumbers(a.AWSAccountID, wanted)
	if err != nil {
		return err
	}
	for i := range numbers {
		n := &numbers[i]
		before := numberFields(*n)
		n.AccountID, n.UserID, n.Associated = "", "", time.Time{}
		n.Status, n.Updated = string(api.PhoneNumberStatusUnassigned), c.now
		if user := holders[n.Number]; user != "" {
			n.AccountID, n.UserID, n.Associated = a.AccountID, user, c.now
			n.Status = string(api.PhoneNumberStatusAssigned)
		}
		c.recordOwned(a.AWSAccountID, n.Number, before, numberFields(*n))
	}
	return c.UpdatePhoneNumbers(numbers)
}
