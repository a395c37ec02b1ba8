package directory

import (
	"context"
	"net/netip"
	"strings"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// GetAccountSettings returns the settings for the meetings of an account.
func (s *Service) GetAccountSettings(ctx context.Context, in *api.GetAccountSettingsInput) (*api.GetAccountSettingsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetAccountSettingsOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		return &api.GetAccountSettingsOutput{AccountSettings: &api.AccountSettings{
			DisableRemoteControl: new(a.DisableRemoteControl),
			EnableDialOut:        new(a.EnableDialOut),
		}}, nil
	})
}

// UpdateAccountSettings sets the settings that are given. Updates take turns, so there is never a
// conflict.
func (s *Service) UpdateAccountSettings(ctx context.Context, in *api.UpdateAccountSettingsInput) (*api.UpdateAccountSettingsOutput, error) {
	return write(ctx, s, opUpdateAccountSettings, func(c *change) (*api.UpdateAccountSettingsOutput, error) {
		before, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		after := before
		if v := in.AccountSettings.DisableRemoteControl; v != nil {
			after.DisableRemoteControl = *v
		}
		if v := in.AccountSettings.EnableDialOut; v != nil {
			after.EnableDialOut = *v
		}
		return &api.UpdateAccountSettingsOutput{}, c.saveAccount(before, after)
	})
}

// GetUserSettings returns the telephony settings of a user.
func (s *Service) GetUserSettings(ctx context.Context, in *api.GetUserSettingsInput) (*api.GetUserSettingsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetUserSettingsOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		u, err := findUser(tx, a, in.UserId)
		if err != nil {
			return nil, err
		}
		return &api.GetUserSettingsOutput{UserSettings: &api.UserSettings{Telephony: &api.TelephonySettings{
			InboundCalling:  u.InboundCalling,
			OutboundCalling: u.OutboundCalling,
			SMS:             u.SMS,
		}}}, nil
	})
}

// UpdateUserSettings replaces a user's settings. The user need not have a phone number.
func (s *Service) UpdateUserSettings(ctx context.Context, in *api.UpdateUserSettingsInput) (*api.UpdateUserSettingsOutput, error) {
	return write(ctx, s, opUpdateUserSettings, func(c *change) (*api.UpdateUserSettingsOutput, error) {
		a, err := c.account(in.AccountId)
		if err != nil {
			return nil, err
		}
		before, err := findUser(c, a, in.UserId)
		if err != nil {
			return nil, err
		}
		after := before
		t := in.UserSettings.Telephony
		after.InboundCalling, after.OutboundCalling, after.SMS = t.InboundCalling, t.OutboundCalling, t.SMS
		return &api.UpdateUserSettingsOutput{}, c.save(a, []*member{{before: before, after: after}})
	})
}

// GetGlobalSettings returns the settings of the whole AWS account.
func (s *Service) GetGlobalSettings(ctx context.Context, _ *api.GetGlobalSettingsInput) (*api.GetGlobalSettingsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetGlobalSettingsOutput, error) {
		g, err := tx.GlobalSettings(caller.AWSAccountID)
		if err != nil {
			return nil, err
		}
		return &api.GetGlobalSettingsOutput{
			BusinessCalling: &api.BusinessCallingSettings{CdrBucket: orNil(g.BusinessCallingBucket)},
			VoiceConnector:  &api.VoiceConnectorSettings{CdrBucket: orNil(g.VoiceConnectorBucket)},
		}, nil
	})
}

// UpdateGlobalSettings sets the buckets for call detail records. A structure that is absent leaves
// its setting as it is; one without a bucket ends the logging. Buckets are not contacted.
func (s *Service) UpdateGlobalSettings(ctx context.Context, in *api.UpdateGlobalSettingsInput) (*api.UpdateGlobalSettingsOutput, error) {
	return write(ctx, s, opUpdateGlobalSettings, func(c *change) (*api.UpdateGlobalSettingsOutput, error) {
		before, err := c.GlobalSettings(c.caller.AWSAccountID)
		if err != nil {
			return nil, err
		}
		after := before
		if b := in.BusinessCalling; b != nil {
			after.BusinessCallingBucket = orEmpty(b.CdrBucket)
		}
		if v := in.VoiceConnector; v != nil {
			after.VoiceConnectorBucket = orEmpty(v.CdrBucket)
		}
		if problem := badBucket(after.BusinessCallingBucket); problem != "" {
			return nil, api.BadRequest("BusinessCalling.CdrBucket %s", problem)
		}
		if problem := badBucket(after.VoiceConnectorBucket); problem != "" {
			return nil, api.BadRequest("VoiceConnector.CdrBucket %s", problem)
		}
		if after == before {
			return &api.UpdateGlobalSettingsOutput{}, nil
		}
		c.recordOwned(c.caller.AWSAccountID, c.caller.AWSAccountID, globalFields(before), globalFields(after))
		return &api.UpdateGlobalSettingsOutput{}, c.PutGlobalSettings(c.caller.AWSAccountID, after)
	})
}

func globalFields(g store.GlobalSettings) []document.Member {
	return []document.Member{
		{Key: "BusinessCallingCdrBucket", Value: g.BusinessCallingBucket},
		{Key: "VoiceConnectorCdrBucket", Value: g.VoiceConnectorBucket},
	}
}

// badBucket says why a name cannot be that of an S3 bucket, by the rules that S3 publishes for
// general purpose buckets; "" if it can.
func badBucket(name string) string {
	const alphanumeric = "abcdefghijklmnopqrstuvwxyz0123456789"
	if name == "" {
		return "" // logging is off
	}
	_, notAddress := netip.ParseAddr(name)
	switch {
	case len(name) < 3 || len(name) > 63:
		return "must have 3 to 63 characters"
	case strings.Trim(name, alphanumeric+".-") != "" || strings.Contains(name, ".."):
		return "must be of lower-case letters, digits, hyphens and single dots"
	case !strings.Contains(alphanumeric, name[:1]) || !strings.Contains(alphanumeric, name[len(name)-1:]):
		return "must begin and end with a letter or digit"
	case notAddress == nil:
		return "must not be an IP address"
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return "must not begin with " + prefix
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return "must not end with " + suffix
		}
	}
	return ""
}
