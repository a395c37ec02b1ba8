package carillon

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzImport reads files of any content. All rows and problems lie on a line of the file, rows in
// rising order, and it does not matter in which portions the file comes.
func FuzzImport(f *testing.F) {
	const user = `{"UserId": "u", "AccountId": "a", "PrimaryEmail": "u@example.com", "RegisteredOn": 1546621882.003, "PersonalPIN": null}`
	for _, text := range []string{
		"", " ", "{}", "[]", "null", "[[[[", "{\"Users\":", user, "[" + user + ",\r\n" + user + "]",
		`{"Users": [` + user + `], "NextToken": "x"}` + "\n" + `{"User": ` + user + `}`,
		`{"Accounts": [{"AwsAccountId": "1", "SupportedLicenses": ["Pro", 7], "SigninDelegateGroups": [{"GroupName": "g"}]}], "Account": 1}`,
		`{"AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": "no"}, "UserId": "\ud800"}`,
		"userId,email\na,b@c.d\n\"", "a;b@c.d\n\n#x\n;", "\uFEFF" + user, "\xff\xfe{\x00}\x00", "\xfe\xff\x00[", "\xff\xfe\x00\xd8",
	} {
		f.Add(text)
	}
	place := regexp.MustCompile(`^file:(\d+)(?:$|: )`)
	f.Fuzz(func(t *testing.T, text string) {
		s, portions := new(saved), new(saved)
		if err := s.read("file", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if err := portions.read("file", iotest.OneByteReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
		// The texts of problems may quote more or less of what follows.
		if one, other := counts(s), counts(portions); one != other {
			t.Errorf("read in portions: got %s, want %s", other, one)
		}
		most := 1 + strings.Count(text, "\n")
		if rows := len(s.users) + len(s.accounts) + len(s.problems); rows > 1+len(text) {
			t.Errorf("%d rows and problems in %d bytes", rows, len(text))
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
		for _, u := range s.users {
			n := line(u.Place)
			if n < last {
				t.Errorf("user on line %d behind one on line %d", n, last)
			}
			last = n
		}
		for _, a := range s.accounts {
			line(a.Place)
		}
		for _, p := range s.problems {
			line(p)
		}
	})
}

func counts(s *saved) string {
	return fmt.Sprintf("%d accounts, %d users, %d problems, notes %q", len(s.accounts), len(s.users), len(s.problems), s.notes.texts)
}
