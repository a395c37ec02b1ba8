package importer_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carillon-project/carillon/internal/importer"
)

// FuzzRead reads files of any content. All rows and problems lie on a line of the file, rows in
// rising order, and it does not matter in which portions the file comes.
func FuzzRead(f *testing.F) {
	const user = `{"UserId": "u", "AccountId": "a", "PrimaryEmail": "u@example.com", "RegisteredOn": 1546621882.003, "PersonalPIN": null}`
	for _, text := range []string{
		"", " ", "{}", "[]", "null", "[[[[", "{\"Users\":", user, "[" + user + ",\r\n" + user + "]",
		`{"Users": [` + user + `], "NextToken": "x"}` + "\n" + `{"User": ` + user + `}`,
		`{"Accounts": [{"AwsAccountId": "1", "SupportedLicenses": ["Pro", 7], "SigninDelegateGroups": [{"GroupName": "g"}]}], "Account": 1}`,
		`{"AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": "no"}, "UserId": "\ud800"}`,
		`{"Rooms": [{"RoomId": "r", "Name": "x", "CreatedTimestamp": 1.5}], "RoomMemberships": {"RoomId": "r", "Member": {"MemberId": null}, "Role": 1}}`,
		`{"PhoneNumbers": [{"PhoneNumberId": "n", "Capabilities": {"InboundSMS": 1}, "Associations": [{"Name": "UserId"}, 7]}]}{"CallingName": "x"}`,
		`{"PhoneNumberOrder": {"PhoneNumberOrderId": "o", "OrderedPhoneNumbers": [{"E164PhoneNumber": "+1"}, null]}}`,
		`{"BusinessCalling": {"CdrBucket": 1}}{"AccountSettings": {"EnableDialOut": true, "x": 1}}{"RetentionSettings": {"RoomRetentionSettings": {"RetentionDays": 1e9}}}`,
		"userId,email\na,b@c.d\n\"", "a;b@c.d\n\n#x\n;", "\uFEFF" + user, "\xff\xfe{\x00}\x00", "\xfe\xff\x00[", "\xff\xfe\x00\xd8",
		"sep=;\r\"User ID\";mail\ra;b@c.d\r", "[\x00\r\x00{\x00", "PK\x03\x04",
	} {
		f.Add(text)
	}
	place := regexp.MustCompile(`^file:(\d+)(?:$|: )`)
	f.Fuzz(func(t *testing.T, text string) {
		rows, portions := new(importer.Rows), new(importer.Rows)
		err, other := rows.Read("file", strings.NewReader(text)), portions.Read("file", iotest.OneByteReader(strings.NewReader(text)))
		if (err == nil) != (other == nil) {
			t.Errorf("got %v; read in portions: %v", err, other)
		}
		if err != nil {
			if _, ok := errors.AsType[*importer.Refused](err); !ok {
				t.Fatal(err)
			}
			return
		}
		// The texts of problems may quote more or less of what follows.
		if one, other := counts(rows), counts(portions); one != other {
			t.Errorf("read in portions: got %s, want %s", other, one)
		}
		most := 1 + strings.Count(text, "\n") + strings.Count(text, "\r")
		if n := len(rows.Users) + len(rows.Accounts) + len(rows.Rooms) + len(rows.Memberships) + len(rows.Numbers) + len(rows.Orders) + settings(rows) + len(rows.Problems); n > 1+len(text) {
			t.Errorf("%d rows and problems in %d bytes", n, len(text))
		}
		line := func(where string) int {
			var n int
			m := place.FindStringSubmatch(where)
			if m == nil {
				t.Fatalf("%q names no line", where)
			}
			fmt.Sscan(m[1], &n)
			if n < 1 || n > most {
				t.Fatalf("%q: the file has %d lines", where, most)
			}
			return n
		}
		last := 1
		for _, u := range rows.Users {
			n := line(u.Place)
			if n < last {
				t.Errorf("user on line %d behind one on line %d", n, last)
			}
			last = n
		}
		for _, a := range rows.Accounts {
			line(a.Place)
		}
		for _, r := range rows.Rooms {
			line(r.Place)
		}
		for _, m := range rows.Memberships {
			line(m.Place)
		}
		for _, n := range rows.Numbers {
			line(n.Place)
		}
		for _, o := range rows.Orders {
			line(o.Place)
		}
		for _, s := range rows.GlobalSettings {
			line(s.Place)
		}
		for _, s := range rows.AccountSettings {
			line(s.Place)
		}
		for _, s := range rows.RetentionSettings {
			line(s.Place)
		}
		for _, p := range slices.Concat(rows.Problems, rows.Cut) {
			line(p)
		}
	})
}

func counts(r *importer.Rows) string {
	return fmt.Sprintf("%d accounts, %d users, %d rooms, %d memberships, %d numbers, %d orders, %d settings, %d problems, %d cut, notes %q", len(r.Accounts), len(r.Users),
		len(r.Rooms), len(r.Memberships), len(r.Numbers), len(r.Orders), settings(r), len(r.Problems), len(r.Cut), slices.Collect(r.Notes.Lines()))
}

func settings(r *importer.Rows) int {
	return len(r.NumberSettings) + len(r.GlobalSettings) + len(r.AccountSettings) + len(r.RetentionSettings)
}
