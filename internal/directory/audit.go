package directory

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// record adds an audit record: the target, which belongs to an account, has changed from before to
// after, either of which may be nil for nothing. What belongs to the AWS account as a whole has an
// account without an id. Before and After are JSON objects of the members that differ.
func (c *change) record(a store.Account, target string, before, after []document.Member) {
	r := store.AuditRecord{
		AWSAccountID: a.AWSAccountID,
		Time:         c.now,
		RequestID:    c.caller.RequestID,
		KeyID:        c.caller.KeyID,
		KeyName:      c.caller.KeyName,
		UserAgent:    c.caller.UserAgent,
		Operation:    c.operation.name,
		AccountID:    a.AccountID,
		Target:       target,
		Before:       objectOf(before, after),
		After:        objectOf(after, before),
	}
	c.audit = append(c.audit, r)
}

// recordOwned records that something has changed that belongs to an AWS account as a whole.
func (c *change) recordOwned(awsAccountID, target string, before, after []document.Member) {
	c.record(store.Account{AWSAccountID: awsAccountID}, target, before, after)
}

// objectOf returns the JSON object of the fields that differ from the other side, which has the
// same fields or none. If it has none, the object has all fields that are not empty.
func objectOf(fields, other []document.Member) string {
	if fields == nil {
		return ""
	}
	o := new(document.Object)
	for i, f := range fields {
		if other == nil && isEmpty(f.Value) {
			continue
		}
		_, isLabel := f.Value.(label)
		if other != nil && !isLabel && same(f.Value, other[i].Value) {
			continue
		}
		switch v := f.Value.(type) {
		case label:
			f.Value = string(v)
		case secret:
			f.Value = v.masked()
		case stamp:
			f.Value = v.String()
		case count:
			f.Value = document.Number(strconv.Itoa(int(v)))
		}
		o.Set(f.Key, f.Value)
	}
	return string(document.AppendCompact(nil, o))
}

// same compares two values of a field: texts, booleans, numbers, or lists of texts.
func same(a, b any) bool {
	if list, ok := a.([]any); ok {
		return slices.Equal(list, b.([]any))
	}
	return a == b
}

func isEmpty(v any) bool {
	if list, ok := v.([]any); ok {
		return len(list) == 0
	}
	return reflect.ValueOf(v).IsZero()
}

// secret is a text that would let a reader of the trail act as somebody else. The trail shows that
// there is one, and that it has changed, but not what it is.
type secret string

func (s secret) masked() string {
	if s == "" {
		return ""
	}
	return "***"
}

// label is a text that says which of several things a record is about. It does not change, and is
// in the record all the same.
type label string

// count is a number of things, or of days. In a record of what is new, 0 is not told.
type count int

// The fields below have the names of the API. Its encoder would not do: a record has only members
// that differ, on one level, and shows more than the API does, such as the id of an invitation.

func accountFields(a store.Account) []document.Member {
	return []document.Member{
		{Key: "Name", Value: a.Name},
		{Key: "AccountType", Value: a.Type},
		{Key: "AccountStatus", Value: a.Status},
		{Key: "DefaultLicense", Value: a.DefaultLicense},
		{Key: "SupportedLicenses", Value: values(a.SupportedLicenses)},
		{Key: "SigninDelegateGroups", Value: values(a.SigninDelegateGroups)},
		{Key: "DisableRemoteControl", Value: a.DisableRemoteControl},
		{Key: "EnableDialOut", Value: a.EnableDialOut},
		{Key: "RoomRetentionDays", Value: count(a.RoomRetentionDays)},
		{Key: "ConversationRetentionDays", Value: count(a.ConversationRetentionDays)},
		{Key: "InitiateDeletionTimestamp", Value: stampOf(a.InitiateDeletion)},
	}
}

func userFields(u store.User) []document.Member {
	return []document.Member{
		{Key: "PrimaryEmail", Value: u.Email},
		{Key: "DisplayName", Value: u.DisplayName},
		{Key: "LicenseType", Value: u.License},
		{Key: "UserType", Value: u.Type},
		{Key: "UserRegistrationStatus", Value: u.Registration},
		{Key: "RegisteredOn", Value: stampOf(u.RegisteredOn)},
		{Key: "UserInvitationStatus", Value: u.Invitation},
		{Key: "InviteId", Value: u.InviteID},
		{Key: "InvitedOn", Value: stampOf(u.InvitedOn)},
		{Key: "IsAlexaForBusinessEnabled", Value: u.AlexaEnabled},
		{Key: "AlexaForBusinessRoomArn", Value: u.AlexaARN},
		{Key: "PersonalPIN", Value: secret(u.PersonalPIN)},
		{Key: "PrimaryProvisionedNumber", Value: u.PhoneNumber},
		{Key: "InboundCalling", Value: u.InboundCalling},
		{Key: "OutboundCalling", Value: u.OutboundCalling},
		{Key: "SMS", Value: u.SMS},
	}
}

func keyFields(k store.AccessKey) []document.Member {
	return []document.Member{
		{Key: "Name", Value: k.Name},
		{Key: "Policy", Value: k.Policy},
		{Key: "Root", Value: k.Root},
		{Key: "Disabled", Value: k.Disabled},
		{Key: "Created", Value: stampOf(k.Created)},
		{Key: "Expires", Value: stampOf(k.Expires)},
	}
}

func values(texts []string) []any {
	all := make([]any, len(texts))
	for i, s := range texts {
		all[i] = s
	}
	return all
}

// stamp is a time in milliseconds since 1970, 0 for never. It becomes text only where it is shown,
// since most times of a user do not change.
type stamp int64

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.UnixMilli())
}

func (s stamp) String() string {
	if s == 0 {
		return ""
	}
	return api.FormatTime(time.UnixMilli(int64(s)))
}
