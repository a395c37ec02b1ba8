package bulk_test

import (
	"testing"

	"github.com/carillon-project/carillon/internal/bulk"
)

// A condition that would choose everybody, or nobody, by mistake is refused.
func TestParseWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`PrimaryEmail!="ana@example.com"`:   `a user has no member "ana@example.com"; double quotes name a member, a text stands in single quotes: 'ana@example.com'`,
		`LicenceType!='Pro'`:                `a user has no member "LicenceType" (did you mean LicenseType?)`,
		`!LastLogin`:                        `a user has no member "LastLogin"`,
		`contains(PrimaryEmail, "@corp")`:   `a user has no member "@corp"; double quotes name a member, a text stands in single quotes: '@corp'`,
		`LicenseType!=Pro`:                  `a user has no member "Pro"; a text stands in single quotes: 'Pro'`,
		`UserId && !(DisplayName || Phone)`: `a user has no member "Phone"`,
		`[DisplayName, licensetype]`:        `a user has no member "licensetype" (did you mean LicenseType?)`,
		`{a: Nickname}.a`:                   `a user has no member "Nickname"`,
		`Users[?LicenseType=='Pro']`:        `a user has no member "Users" (did you mean UserId?)`,
		`AlexaForBusinessMetadata.Enabled`:  `AlexaForBusinessMetadata has no member "Enabled" (did you mean IsAlexaForBusinessEnabled?)`,
		`LicenseType.Name`:                  `LicenseType has no member "Name"`,
		`LicenseType!='pro'`:                `LicenseType is never 'pro': it is one of Basic, Plus, Pro, ProTrial (did you mean 'Pro'?)`,
		`'Suspend'==UserRegistrationStatus`: `UserRegistrationStatus is never 'Suspend': it is one of Unregistered, Registered, Suspended (did you mean 'Suspended'?)`,
		"UserType!=`1`":                     `UserType is never 1: it is one of PrivateUser, SharedDevice`,
		`AlexaForBusinessMetadata.IsAlexaForBusinessEnabled!='true'`:     "AlexaForBusinessMetadata.IsAlexaForBusinessEnabled is never equal to the text 'true': it is `true` or `false`, in backquotes",
		`AlexaForBusinessMetadata | IsAlexaForBusinessEnabled == 'true'`: "AlexaForBusinessMetadata.IsAlexaForBusinessEnabled is never equal to the text 'true': it is `true` or `false`, in backquotes",
		"'Pro'":        `it names no member of a user, so it says the same of all; for everybody there is --all`,
		"`true`":       `it names no member of a user, so it says the same of all; for everybody there is --all`,
		"!''":          `it names no member of a user, so it says the same of all; for everybody there is --all`,
		"@":            `it names no member of a user, so it says the same of all; for everybody there is --all`,
		"length(@)":    `it names no member of a user, so it says the same of all; for everybody there is --all`,
		"PrimaryEmail": "", `"PrimaryEmail"=='ana@example.com'`: "", "!DisplayName": "", "DisplayName==null": `a user has no member "null"`,
		"DisplayName==`null`": "", "LicenseType!=`null` && LicenseType!='Pro'": "", "AlexaForBusinessMetadata.IsAlexaForBusinessEnabled==`true`": "",
		"AlexaForBusinessMetadata|[IsAlexaForBusinessEnabled][0]": "", "contains(['a', 'b'], UserId)": "",
		"RegisteredOn<'2020-01-01' || PrimaryEmail | ends_with(@, '@corp.example')": "", "sort_by([@], &Anything)": `it names no member of a user, so it says the same of all; for everybody there is --all`,
	} {
		got := ""
		if _, err := bulk.ParseWhere(text); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
