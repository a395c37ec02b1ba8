package bulk

import (
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Field is a property of a user that a job can change.
type Field uint8

const (
	License Field = iota
	UserType
	AlexaEnabled
	AlexaARN
	Registration
	Invitation
	fieldCount
)

// String returns the name of the field in the API.
func (f Field) String() string {
	return [fieldCount]string{"LicenseType", "UserType", "IsAlexaForBusinessEnabled", "AlexaForBusinessRoomArn",
		"UserRegistrationStatus", "UserInvitationStatus"}[f]
}

// absent is the registration and the invitation of a user who is not in the account.
const absent = "Absent"

// Value is the value of one field, as text. A Boolean is "true" or "false".
type Value struct {
	Field Field
	Text  string
}

// The values of the contract that the rules of this package use.
const (
	team           = string(api.AccountTypeTeam)
	privateUser    = string(api.UserTypePrivateUser)
	unregistered   = string(api.RegistrationStatusUnregistered)
	registered     = string(api.RegistrationStatusRegistered)
	suspended      = string(api.RegistrationStatusSuspended)
	invitePending  = string(api.InviteStatusPending)
	inviteAccepted = string(api.InviteStatusAccepted)
	inviteFailed   = string(api.InviteStatusFailed)
)

// Values are the values of some fields in the order of the fields. Each field occurs at most once.
type Values []Value

// Get returns the value of a field and whether there is one.
func (v Values) Get(f Field) (string, bool) {
	for _, e := range v {
		if e.Field == f {
			return e.Text, true
		}
	}
	return "", false
}

// With returns the values with the value of one field added or replaced.
func (v Values) With(f Field, text string) Values {
	out := make(Values, 0, len(v)+1)
	for _, e := range v {
		if e.Field != f {
			out = append(out, e)
		}
	}
	at, _ := slices.BinarySearchFunc(out, f, func(e Value, f Field) int { return int(e.Field) - int(f) })
	return slices.Insert(out, at, Value{f, text})
}

// merge returns v with the values of over added. For the same field, over wins.
func (v Values) merge(over Values) Values {
	for _, e := range over {
		v = v.With(e.Field, e.Text)
	}
	return v
}

// ParseSetting reads NAME=VALUE, as --set and --from take it. NAME is a heading of a column.
func ParseSetting(text string) (Value, error) {
	name, value, found := strings.Cut(text, "=")
	c := columnsOf(Update).Find(name)
	if !found || c < 0 || int(c) > int(AlexaARN) {
		return Value{}, badInput("", 0, "%q is not one of LicenseType=..., UserType=..., IsAlexaForBusinessEnabled=..., AlexaForBusinessRoomArn=...", text)
	}
	v, problem := spell(Field(c), value)
	if problem != "" {
		return Value{}, badInput("", 0, "%q: %s", text, problem)
	}
	return Value{Field(c), v}, nil
}

// Settings returns the settings that begin with a text, for completion. For a field that takes any
// text, it returns "NAME=" alone.
func Settings(begun string) []string {
	var all []string
	for f := License; f <= AlexaARN; f++ {
		name := f.String()
		if typed, _, found := strings.Cut(begun, "="); found && columnsOf(Update).Find(typed) == int(f) {
			name = typed // the person's word for it
		}
		switch f {
		case License, UserType:
			for _, v := range f.enum() {
				all = append(all, name+"="+v)
			}
		case AlexaEnabled:
			all = append(all, name+"=true", name+"=false")
		default:
			all = append(all, name+"=")
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return !strings.HasPrefix(s, begun) })
}

// spell returns the API's spelling of a value that a person wrote, or says what is wrong with it.
func spell(f Field, text string) (value, problem string) {
	text = strings.TrimSpace(text)
	switch f {
	case License, UserType:
		allowed := f.enum()
		for _, v := range allowed {
			if strings.EqualFold(v, text) {
				return v, ""
			}
		}
		return text, f.isOneOf(allowed)
	case AlexaEnabled:
		switch strings.ToLower(text) {
		case "true", "yes", "1":
			return "true", ""
		case "false", "no", "0":
			return "false", ""
		}
		return text, f.String() + " is true or false"
	}
	return text, ""
}

func (f Field) isOneOf(values []string) string {
	return f.String() + " is one of " + strings.Join(values, ", ")
}

// enum returns the values that the contract allows for a license or a user type.
func (f Field) enum() []string { return userShape().Member(f.String()).Shape.Enum }

// userShape is the contract's description of a user as it is listed.
func userShape() *model.Shape {
	return operation("ListUsers").Output.Member("Users").Shape.Element
}

// User is what the engine keeps of a listed user.
type User struct {
	ID    string
	Email string // as the service spells it
	now   [fieldCount]string
}

// readUser picks what the engine needs from a listed user. The strings are slices of the text of a
// whole page, and keep it in memory: texts.user copies them for users who are kept.
func readUser(o *document.Object, shape *model.Shape) User {
	text := func(o *document.Object, key string) string {
		switch v, _ := o.Get(key); v := v.(type) {
		case string:
			return v
		case bool:
			if v {
				return "true"
			}
		}
		return ""
	}
	u := User{ID: text(o, "UserId"), Email: text(o, "PrimaryEmail")}
	for _, f := range [...]Field{License, UserType, Registration, Invitation} {
		u.now[f] = intern(shape.Member(f.String()).Shape.Enum, text(o, f.String()))
	}
	u.now[AlexaEnabled] = "false"
	if v, _ := o.Get("AlexaForBusinessMetadata"); v != nil {
		if alexa, ok := v.(*document.Object); ok {
			if text(alexa, AlexaEnabled.String()) == "true" {
				u.now[AlexaEnabled] = "true"
			}
			u.now[AlexaARN] = strings.Clone(text(alexa, AlexaARN.String()))
		}
	}
	// A user who joined without an invitation needs none.
	if u.now[Invitation] == "" && u.now[Registration] != unregistered {
		u.now[Invitation] = inviteAccepted
	}
	return u
}

// nobody returns the state of a user who is not in the account.
func nobody() *User {
	u := new(User)
	u.now[Registration], u.now[Invitation] = absent, absent
	return u
}

// intern returns the contract's own copy of a value of an enum.
func intern(enum []string, text string) string {
	for _, v := range enum {
		if v == text {
			return v
		}
	}
	return strings.Clone(text)
}

// texts keeps copies of short texts in large pieces: there are many, and they stay for the whole
// job, so an allocation for each would cost memory.
type texts struct{ piece strings.Builder }

func (t *texts) keep(s string) string {
	if t.piece.Cap()-t.piece.Len() < len(s) {
		t.piece.Reset() // strings cut from the old piece keep it
		t.piece.Grow(max(len(s), 16<<10))
	}
	start := t.piece.Len()
	t.piece.WriteString(s)
	return t.piece.String()[start:]
}

// user returns a copy of a user that can be kept.
func (t *texts) user(u User) *User {
	u.ID, u.Email = t.keep(u.ID), t.keep(u.Email)
	return &u
}

// differences returns the values of v that the user does not have.
func (u *User) differences(v Values) Values {
	var out Values
	for _, e := range v {
		if u.now[e.Field] != e.Text {
			out = append(out, e)
		}
	}
	return out
}

// values returns the user's own values of the fields in like.
func (u *User) values(like Values) Values {
	out := make(Values, len(like))
	for i, e := range like {
		out[i] = Value{e.Field, u.now[e.Field]}
	}
	return out
}

// emailKey returns the same key for all spellings of an e-mail address.
func emailKey(email string) string { return address.Key(strings.TrimSpace(email)) }

// badAddress says why nobody can have an address, and which was probably meant. It returns "" for
// one that somebody can have.
func badAddress(email string) string {
	if _, err := address.Parse(email); err != nil {
		return err.Error()
	}
	return ""
}
