package importer_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/importer"
	"github.com/carillon-project/carillon/internal/sheet"
)

const accounts = `{
    "Accounts": [
        {
            "AwsAccountId": "444455556666",
            "AccountId": "acc-1",
            "Name": "Example"
        }
    ]
}
`

// user is a row of list-users, with more members if need be.
func user(id string, more ...string) string {
	return fmt.Sprintf(`{"UserId": %q, "AccountId": "acc-1", "PrimaryEmail": "%s@example.com", "AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": false}%s}`,
		id, id, strings.Join(append([]string{""}, more...), ", "))
}

// read reads a text as the file f.txt.
func read(t *testing.T, text string) *importer.Rows {
	t.Helper()
	rows := new(importer.Rows)
	if err := rows.Read("f.txt", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return rows
}

// ids returns the ids of the users, each with the line it was found on.
func ids(rows *importer.Rows) string {
	var all []string
	for _, row := range rows.Users {
		all = append(all, strings.TrimPrefix(row.Place, "f.txt:")+" "+row.User.UserId)
	}
	return strings.Join(all, ", ")
}

func equal(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// encoded is a text as PowerShell writes it by `>`.
func encoded(text string, order binary.AppendByteOrder) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\uFEFF" + strings.ReplaceAll(text, "\n", "\r\n"))) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// In whatever form two users come, they are the same two users.
func TestRead_Forms(t *testing.T) {
	one, two := user("u1", `"DisplayName": "Märta 漢字"`), user("u2")
	page := func(rows ...string) string { return "{\"Users\": [\n" + strings.Join(rows, ",\n") + "\n]}\n" }
	for name, text := range map[string]string{
		"one page":               page(one, two),
		"pages":                  page(one) + page(two),
		"pages with tokens":      `{"Users": [` + one + `], "NextToken": "x"}` + `{"NextToken": null, "Users": [` + two + `]}`,
		"list of pages":          "[" + page(one) + "," + page(two) + "]",
		"list of users":          "[" + one + "," + two + "]",
		"users line by line":     one + "\n" + two + "\n",
		"single users":           `{"User": ` + one + `}{"User": ` + two + `}`,
		"empty pages too":        page() + page(one, two) + page() + "[]",
		"CRLF":                   strings.ReplaceAll(page(one, two), "\n", "\r\n"),
		"byte order mark":        "\uFEFF" + page(one, two),
		"UTF-16":                 encoded(page(one, two), binary.LittleEndian),
		"UTF-16, big endian":     encoded(page(one, two), binary.BigEndian),
		"many blanks":            strings.Repeat("\n", 10_000) + page(one, two),
		"accounts beside":        page(one, two) + accounts,
		"get-account beside":     `{"Account": {"AccountId": "acc-1", "AwsAccountId": "444455556666", "Name": "Example"}}` + page(one, two),
		"UTF-16 without a mark":  encoded(page(one, two), binary.LittleEndian)[2:],
		"lines end in CR":        strings.ReplaceAll(page(one, two), "\n", "\r"),
		"table":                  "userId,email\nu1,u1@example.com\nu2,u2@example.com\n",
		"table without names":    "u1,u1@example.com\nu2,u2@example.com",
		"table of a spreadsheet": "\uFEFF\"Name; or \"\"title\"\"\";\"Primary Email\";\"User ID\"\r\n\"Mä;\"\"rta\"\"\";u1@example.com;u1\r\n;u2@example.com;u2\r\n",
		"table with bars":        "User ID|Email\nu1|u1@example.com\nu2|u2@example.com\n",
		"table for Excel":        "sep=;\r\n\"Primary, or only, Email\";User E-Mail;[id]\r\nx@example.com;u1@example.com;u1\r\n;u2@example.com;u2\r\n",
		"table in UTF-16":        encoded("userId\temail\nu1\tu1@example.com\nu2\tu2@example.com\n", binary.BigEndian),
		"text output":            "u1\tu1@example.com\nu2\tu2@example.com\n",
		"table with comments":    "# from the guide\n\nUserId, email\n# the first\n u1, u1@example.com\n\nu2,u2@example.com\n",
	} {
		t.Run(name, func(t *testing.T) {
			rows := read(t, text)
			equal(t, "problems", rows.Problems, []string(nil))
			var got []string
			for _, row := range rows.Users {
				got = append(got, row.User.UserId+" "+*row.User.PrimaryEmail)
				if name := row.User.DisplayName; name != nil && *name != "Märta 漢字" {
					t.Errorf("display name: got %q, want %q", *name, "Märta 漢字")
				}
			}
			equal(t, "users", got, []string{"u1 u1@example.com", "u2 u2@example.com"})
		})
	}
}

// Bots are read as list-bots and get-bot print them. They name no account.
func TestRead_Bots(t *testing.T) {
	const bot = `{"BotId": "b1", "UserId": "b1", "DisplayName": "Lunch (Bot)", "BotType": "ChatBot", "Disabled": true,
		"CreatedTimestamp": "2019-01-04T17:11:22.003Z", "UpdatedTimestamp": "2019-01-05T17:11:22.003Z",
		"BotEmail": "lunch-chimebot@example.com", "SecurityToken": "abc"}`
	made := time.Date(2019, 1, 4, 17, 11, 22, 3e6, time.UTC)
	want := api.Bot{
		BotId: new("b1"), DisplayName: new("Lunch (Bot)"), BotType: "ChatBot", Disabled: new(true), CreatedTimestamp: made,
		UpdatedTimestamp: made.AddDate(0, 0, 1), BotEmail: new("lunch-chimebot@example.com"), SecurityToken: new("abc"),
	}
	for _, text := range []string{`{"Bots": [` + bot + `]}`, `{"Bot": ` + bot + `}`, bot, "[" + bot + "]"} {
		rows := read(t, text)
		equal(t, "problems", rows.Problems, []string(nil))
		equal(t, "users", len(rows.Users), 0)
		equal(t, "bots", rows.Bots, []directory.BotRow{{Place: "f.txt:1", Bot: want}})
	}
	rows := read(t, `{"BotId": "b1", "Disabled": "no"}`)
	equal(t, "problems", rows.Problems, []string{"f.txt:1: Disabled must be true or false"})
}

// Settings are read as the get-commands print them. They do not say whose they are.
func TestRead_Settings(t *testing.T) {
	const (
		global    = `{"BusinessCalling": {"CdrBucket": "calls"}, "VoiceConnector": {}}`
		account   = `{"AccountSettings": {"DisableRemoteControl": false, "EnableDialOut": true}}`
		retention = `{"RetentionSettings": {"RoomRetentionSettings": {"RetentionDays": 30}, "ConversationRetentionSettings": {}},
			"InitiateDeletionTimestamp": "2021-01-02T03:04:05.006Z"}`
	)
	for _, text := range []string{global + account + retention, "[" + global + "," + account + "," + retention + "]"} {
		rows := read(t, text)
		equal(t, "problems", rows.Problems, []string(nil))
		equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string(nil))
		equal(t, "global settings", rows.GlobalSettings, []directory.GlobalSettingsRow{{Place: "f.txt:1", Settings: api.GetGlobalSettingsOutput{
			BusinessCalling: &api.BusinessCallingSettings{CdrBucket: new("calls")}, VoiceConnector: &api.VoiceConnectorSettings{},
		}}})
		equal(t, "account settings", rows.AccountSettings, []directory.AccountSettingsRow{{Place: "f.txt:1", Settings: api.AccountSettings{
			DisableRemoteControl: new(false), EnableDialOut: new(true),
		}}})
		equal(t, "retention settings", rows.RetentionSettings, []directory.RetentionSettingsRow{{Place: "f.txt:1", Settings: api.GetRetentionSettingsOutput{
			RetentionSettings: &api.RetentionSettings{
				RoomRetentionSettings: &api.RoomRetentionSettings{RetentionDays: new(30)}, ConversationRetentionSettings: &api.ConversationRetentionSettings{},
			},
			InitiateDeletionTimestamp: time.Date(2021, 1, 2, 3, 4, 5, 6e6, time.UTC),
		}}})
		equal(t, "accounts", len(rows.Accounts), 0)
	}
	rows := read(t, `{"VoiceConnector": {"CdrBucket": 7}}{"BusinessCalling": true}
{"AccountSettings": {"EnableDialOut": "yes"}}{"AccountSettings": {"EnableFax": true}}
{"RetentionSettings": {"RoomRetentionSettings": {"RetentionDays": "30"}}}{"RetentionSettings": {"ConversationRetentionSettings": {"RetentionDays": 1.5}}}
{"RetentionSettings": {"RoomRetentionSettings": {"RetentionDays": 1e300}}}{"RetentionSettings": {}, "InitiateDeletionTimestamp": "soon"}`)
	equal(t, "problems", rows.Problems, []string{
		"f.txt:1: CdrBucket must be a string",
		"f.txt:1: BusinessCalling must be an object",
		"f.txt:2: EnableDialOut must be true or false",
		"f.txt:3: RetentionDays must be a whole number",
		"f.txt:3: RetentionDays must be a whole number",
		"f.txt:4: RetentionDays must be a whole number",
		"f.txt:4: InitiateDeletionTimestamp is soon, which is not a time such as 2019-01-04T17:11:22.003Z",
	})
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{`f.txt:2: member "EnableFax" is unknown: left out`})
}

// What cannot be read is named by the line where it begins, and does not keep the rest out.
func TestRead_Problems(t *testing.T) {
	const (
		notATime  = "which is not a time such as 2019-01-04T17:11:22.003Z"
		notUsers  = "this is neither JSON nor a table with the columns userId and email\n"
		users     = ": make a table of the users, with the columns userId and email, and JSON of other things\n"
		makeTable = ": write them as a table, with the columns userId and email\n"
		notUTF8   = "this is not UTF-8, so the rest of the file is not read: save the file as UTF-8, or as UTF-16 with a byte order mark"
	)
	for _, test := range []struct {
		text     string
		problems string // without "f.txt:"
		users    string // see ids; "refused" for a file that is refused
	}{
		{"[\n" + user("a") + ",\n{\n\"PrimaryEmail\": \"x@example.com\"\n},\n" + user("b") + "]",
			"3: this has \"PrimaryEmail\", and is nothing that can be imported: see carillon import --help\n", "2 a, 6 b"},
		{"{\"Users\": [\n{},\n" + user("a") + "]}", "", "2 , 3 a"}, // whether it is a user is decided elsewhere
		{user("a") + "\n{\"Users\": [\n7,\n\"x\", null, [\ntrue]]}", "3: found 7 where an object was expected, such as an account or a user\n" +
			"4: found \"x\" where an object was expected, such as an account or a user\n4: found null where an object was expected, such as an account or a user\n" +
			"5: found true where an object was expected, such as an account or a user\n", "1 a"},
		{user("a") + "\n{\"UserErrors\": []}", "2: this has \"UserErrors\", and is nothing that can be imported: see carillon import --help\n", "1 a"},
		{`{"a@example.com": 1, "b": 2, "c": 3, "d": 4, "e": 5}`,
			"1: this has \"a@example.com\", \"b\", \"c\", \"d\", and is nothing that can be imported: see carillon import --help\n", ""},
		{"[[\"a\",\n\"a@example.com\"],\n[\"b\", \"b@example.com\"],\n" + user("c") + "]", "1: this is a list of values without names" + makeTable + "3: this is a list of values without names" + makeTable, "4 c"},
		{"[null,\n" + user("a") + ",\n" + user("b") + "]", "1: found null where an object was expected, such as an account or a user\n", "2 a, 3 b"},
		{"[7, 8,\n" + user("a") + ",\n9]", "1: this is a list of values without names" + makeTable + "3: found 9 where an object was expected, such as an account or a user\n", "2 a"},
		{"[\n\"a@example.com\",\n\"b@example.com\"]" + user("c"), "1: this is a list of values without names" + makeTable, "3 c"},
		{"[" + user("a", `"RegisteredOn": "yesterday"`) + ",\n" + user("b", `"InvitedOn": 1546621882003`) + ",\n" + user("c", `"RegisteredOn": true`) +
			",\n" + user("d", `"InvitedOn": "2019-13-01T00:00:00Z"`) + ",\n" + user("e", `"InvitedOn": 0`) + "]",
			"1: RegisteredOn is yesterday, " + notATime + "\n2: InvitedOn is 1546621882003, " + notATime + "\n3: RegisteredOn must be a time\n" +
				"4: InvitedOn is 2019-13-01T00:00:00Z, " + notATime + "\n5: InvitedOn is 0, " + notATime + "\n", ""},
		{user("a", `"DisplayName": 7`) + user("b", `"DisplayName": "\u0000"`) + user("c"),
			"1: DisplayName must be a string\n1: DisplayName holds a NUL character\n", "1 c"},
		{user("a", `"RegisteredOn": true, "DisplayName": 7`) + `{"UserId": "b", "AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": "no"}}`,
			"1: RegisteredOn must be a time\n1: IsAlexaForBusinessEnabled must be true or false\n", ""},
		{"{\"Accounts\": [{\"AwsAccountId\": \"444455556666\",\n\"AccountId\": \"x\", \"Name\": \"n\", \"SupportedLicenses\": \"Pro\"}," +
			"\n{\"SigninDelegateGroups\": [7]}]}", "1: SupportedLicenses must be a list\n3: SigninDelegateGroups must be an object\n", ""},
		{"[" + user("a") + ",\n" + user("b")[:90], "2: the text ends in the middle of a row; the rows before it are complete\n", "1 a"},
		{"[" + user("a") + ",\n", "2: the text ends in the middle of a row; the rows before it are complete\n", "1 a"},
		{user("a") + "\n\n{'UserId': 'b'}", "3: this is not JSON, so the rest of the file is not read: invalid character '\\'' at start of value\n", "1 a"},
		{user("a") + "\n" + user("b", "\"DisplayName\": \"M\xe4rta\""), "2: " + notUTF8 + "\n", "1 a"},
		{user("a") + "\n{\"UserId\": \"" + strings.Repeat("x", 2<<20) + "\"}", "2: a row has more than 1048576 bytes\n", "1 a"},
		{user("a") + user("b", `"DisplayName": `+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)), "1: \"DisplayName\" is nested too deep\n", "1 a"},
		{"[7, ", "1: the text ends in the middle of a row; the rows before it are complete\n", "refused"},
		{"", "1: the file is empty\n", "refused"},
		{" \n\n", "1: the file is empty\n", "refused"},
		{"----\n| ListUsers |\n+----+\n|  a@example.com |\n", "1: this is a frame that --output table has drawn" + users, "refused"},
		{"USERS\tacc-1\tAna\ta@example.com\ta\n", "1: this is what --output text prints, which does not name its columns" + users, "refused"},
		{"a\ta@example.com\tPro\n", "1: the first line does not name the columns: write a line of names above it, among them userId and email\n", "refused"},
		{"{'Users': [{'UserId': 'a'}]}", "1: this is how Python prints values, not JSON: have Python read it, and print it by json.dumps\n", "refused"},
		{"[{'UserId': 'a'}]", "1: this is how Python prints values, not JSON: have Python read it, and print it by json.dumps\n", "refused"},
		{"Users:\n- UserId: a\n  PrimaryEmail: a@example.com\n", "1: this is YAML: save it as JSON\n", "refused"},
		{"$ aws chime list-users\r\n{\r\n", "1: there is other text above the JSON: delete it\n", "refused"},
		{"\nAn error occurred\n", "2: " + notUsers, "refused"},
		{"UserId,License\n", "1: " + notUsers, "refused"},
		{"userId,email\na,a@example.com\n,b@example.com\nc\n\"e\nf\",e@example.com\ng,\"g\" g@example.com\nh,h@example.com\n",
			"7: a quoted cell begins here and does not end well: a quotation mark inside one is written twice\n", "2 a, 3 , 4 c, 5 e\nf, 8 h"},
		{"userId,email\na,a@example.com\nb,b\xe4@example.com\n", "3: the text is neither UTF-8 nor UTF-16, but perhaps Windows-1252 or another encoding (byte 0xE4 in \"b,b\\xe4@exa\"); " +
			"save the file as \"CSV UTF-8\"\n", "refused"},
		{"userId,email\na,a@example.com,why\nb,b@example.com,\n", "2: there is a cell \"why\" without a heading; the heading has 2 columns\n", "3 b"},
		{"userId,email,mail\n", "1: columns 2 and 3, \"email\" and \"mail\", mean the same\n", "refused"},
		{"PK\x03\x04", " this begins like a workbook, but is damaged or cut off (zip: not a valid zip file)\n", "refused"},
		{"\xff\xfe{\x00\n\x00}", "2: the text is UTF-16, and half a character is missing here\n", "refused"},
	} {
		rows := new(importer.Rows)
		err := rows.Read("f.txt", strings.NewReader(test.text))
		users, texts := ids(rows), slices.Concat(rows.Problems, rows.Cut)
		if refused, ok := errors.AsType[*importer.Refused](err); ok {
			users, texts = "refused", []string{refused.Error()}
		} else if err != nil {
			t.Fatal(err)
		}
		var problems strings.Builder
		for _, p := range texts {
			problems.WriteString(strings.TrimPrefix(p, "f.txt:") + "\n")
		}
		equal(t, fmt.Sprintf("problems of %.80q", test.text), problems.String(), test.problems)
		equal(t, fmt.Sprintf("users of %.80q", test.text), users, test.users)
	}
}

// Times of any form are read to the millisecond. What is left out or listed in another way is
// noted once, with the first place and the number of others.
// Rooms and memberships are read in every form in which they were printed.
func TestRead_Rooms(t *testing.T) {
	const room = `{"RoomId": "r1", "Name": "x", "AccountId": "acc-1", "CreatedBy": "arn", "CreatedTimestamp": "2021-01-02T03:04:05.006Z", "UpdatedTimestamp": 1609556645.006}`
	const membership = `{"RoomId": "r1", "Member": {"MemberId": "u1", "MemberType": "User", "Email": "e", "FullName": "n", "AccountId": "acc-1"}, "Role": "Member", "InvitedBy": "arn", "UpdatedTimestamp": "2021-01-02T03:04:05.006Z"}`
	at := time.Date(2021, 1, 2, 3, 4, 5, 6e6, time.UTC)
	for _, text := range []string{
		`{"Rooms": [` + room + `], "NextToken": "x"}` + "\n" + `{"RoomMemberships": [` + membership + `], "NextToken": null}`,
		`{"Room": ` + room + `}` + "\n" + `{"RoomMembership": ` + membership + `}`,
		`{"Room": [` + room + `]}` + "\n" + membership, // as the old examples of list-rooms show it
		`[` + room + ",\n" + membership + `]`,
	} {
		rows := read(t, text)
		equal(t, "problems in "+text, rows.Problems, []string(nil))
		equal(t, "rooms in "+text, rows.Rooms, []directory.RoomRow{{Place: "f.txt:1", Room: api.Room{
			RoomId: new("r1"), Name: new("x"), AccountId: new("acc-1"), CreatedBy: new("arn"), CreatedTimestamp: at, UpdatedTimestamp: at,
		}}})
		equal(t, "memberships in "+text, rows.Memberships, []directory.MembershipRow{{Place: "f.txt:2", Membership: api.RoomMembership{
			RoomId: new("r1"), Member: &api.Member{MemberId: new("u1"), MemberType: "User", AccountId: new("acc-1")}, Role: "Member", InvitedBy: new("arn"), UpdatedTimestamp: at,
		}}})
		equal(t, "other rows in "+text, len(rows.Users)+len(rows.Accounts), 0)
	}

	rows := read(t, `{"Rooms": [{"RoomId": 7, "Name": "x"}, {"RoomId": "r", "Name": "x", "Topic": "y", "CreatedTimestamp": "soon"}]}
{"RoomMemberships": [{"RoomId": "r", "Member": "u1"}, {"RoomId": "r", "Member": {"MemberId": ["u1"]}}, {"RoomId": "r", "Member": {"MemberId": "u1", "Pet": 1}}]}`)
	equal(t, "problems", rows.Problems, []string{
		"f.txt:1: RoomId must be a string",
		"f.txt:1: CreatedTimestamp is soon, which is not a time such as 2019-01-04T17:11:22.003Z",
		"f.txt:2: Member must be an object",
		"f.txt:2: MemberId must be a string",
	})
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{`f.txt:2: member "Pet" is unknown: left out`})
	equal(t, "memberships", len(rows.Memberships), 1)
}

func TestRead_Notes(t *testing.T) {
	rows := read(t, strings.Join([]string{
		`{"Users": [` + user("a", `"RegisteredOn": 1546621882.0034`),
		user("b", `"RegisteredOn": "2019-01-04T18:11:22.003+01:00"`),
		user("c", `"RegisteredOn": "2019-01-04 17:11:22.003123+00:00"`),
		user("d", `"RegisteredOn": "2019-01-04T17:11:22.003"`, `"Color": "red"`),
		user("e", `"RegisteredOn": "2019-01-04T17:11:22.003Z"`, `"Color": "blue"`, `"DisplayName": null`),
		user("f", `"PersonalPIN": "0123456789"`, `"RegisteredOn": "2019-01-04T17:11:22.003Z"`) + `], "ResponseMetadata": {}}`,
	}, ",\n")+"\n"+`{"AwsAccountId": "444455556666", "SupportedLicenses": null, "SigninDelegateGroups": [{"GroupName": "g", "GroupId": 1}]}`)
	equal(t, "problems", rows.Problems, []string(nil))
	for _, row := range rows.Users {
		equal(t, "RegisteredOn of "+row.User.UserId, api.FormatTime(row.User.RegisteredOn), "2019-01-04T17:11:22.003Z")
	}
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{
		"f.txt:1: RegisteredOn is listed in UTC with milliseconds (and in 3 more)",
		`f.txt:4: member "Color" is unknown: left out (and in 1 more)`,
		"f.txt:5: DisplayName is null: left out",
		"f.txt:6: PersonalPIN is kept, but lists do not show it",
		`f.txt:1: member "ResponseMetadata" is unknown: left out`,
		"f.txt:7: SupportedLicenses is null: left out",
		`f.txt:7: member "GroupId" is unknown: left out`,
	})
}

// A table need not name accounts.
func TestRead_Table(t *testing.T) {
	rows := read(t, accounts)
	equal(t, "table", rows.Table, "")
	rows = read(t, "Email,Department,User-ID\na@example.com,Sales,a\n")
	equal(t, "table", rows.Table, "f.txt")
	equal(t, "table without accounts", rows.Homeless, "f.txt")
	equal(t, "users", ids(rows), "2 a")
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{`f.txt:1: column "Department" is unknown: left out`})
	rows = read(t, "Email,Lisence,User-ID\na@example.com,Pro,a\n")
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{`f.txt:1: column "Lisence" (did you mean LicenseType?) is unknown: left out`})
}

// Whoever saved the first page only is told so, for each account.
func TestRows_Unfinished(t *testing.T) {
	page := func(token string, users ...string) string {
		return `{"Users": [` + strings.Join(users, ", ") + `], "NextToken": ` + token + "}\n"
	}
	room := func(account, token string) string {
		return `{"Rooms": [{"RoomId": "r", "AccountId": "` + account + `"}], "NextToken": ` + token + "}\n"
	}
	const perhaps = ", and its end is missing, or is one of the pages without Rooms: NextToken names a page that was not saved, or is not given"
	const goesOn = ", and no file has its end: NextToken names a page that was not saved, or is not given"
	for _, test := range []struct {
		text string
		want []string
	}{
		{page(`"x"`, user("a")), []string{"f.txt:1: the list goes on after these Users" + goesOn}},
		{page("null", user("b")) + page(`"x"`, user("a")), nil},
		{page(`"x"`, user("a")) + page(`"y"`, user("b")), []string{"f.txt:2: the list goes on after these Users" + goesOn}},
		{page(`"x"`, user("a")) + page(`""`), nil},
		{room("acc-1", `"x"`) + room("acc-2", `"y"`) + room("acc-1", "null"), []string{"f.txt:2: the list goes on after these Rooms" + goesOn}},
		{user("a") + accounts, nil},
		// An empty page may be the end of another list, or all of one.
		{room("acc-1", `"x"`) + room("acc-2", "null") + `{"Rooms": []}`, []string{"f.txt:1: the list goes on after these Rooms" + perhaps}},
		{room("acc-1", "null") + room("acc-2", `"y"`) + `{"Rooms": []}` + room("acc-2", "null"), nil},
		{`{"Accounts": [{"AccountId": "acc-1"}, {"AccountId": "acc-2"}]}` + "\n" + room("acc-1", `"x"`) + `{"Rooms": []}`, []string{"f.txt:2: the list goes on after these Rooms" + perhaps}},
		{room("acc-1", `"x"`) + `{"Rooms": []}`, nil},
	} {
		equal(t, test.text, read(t, test.text).Unfinished(), test.want)
	}
}

// A table may say of users what lists do, as spreadsheets write it. An empty cell says nothing.
func TestRead_TableColumns(t *testing.T) {
	const heading = "UserId,AccountId,PrimaryEmail,PrimaryProvisionedNumber,DisplayName,LicenseType,UserType,UserRegistrationStatus," +
		"UserInvitationStatus,RegisteredOn,InvitedOn,IsAlexaForBusinessEnabled,AlexaForBusinessRoomArn,PersonalPIN\n"
	rows := read(t, heading+
		"a,acc-1,a@example.com,'+12065550100,Ana,basic,privateuser,SUSPENDED,accepted,2019-01-04T17:11:22.003Z,2019-01-03 10:00:00,TRUE,arn,0123456789\n"+
		"b,,b@example.com,,,,,,,,,,,\n")
	equal(t, "problems", rows.Problems, []string(nil))
	equal(t, "notes", slices.Collect(rows.Notes.Lines()), []string{"f.txt:2: InvitedOn is listed in UTC with milliseconds"})
	equal(t, "table without accounts", rows.Homeless, "")
	equal(t, "users", rows.Users, []directory.UserRow{
		{Place: "f.txt:2", User: api.User{
			UserId: "a", AccountId: new("acc-1"), PrimaryEmail: new("a@example.com"), PrimaryProvisionedNumber: new("+12065550100"), DisplayName: new("Ana"),
			LicenseType: api.LicenseBasic, UserType: api.UserTypePrivateUser, UserRegistrationStatus: api.RegistrationStatusSuspended,
			UserInvitationStatus: api.InviteStatusAccepted, RegisteredOn: time.Date(2019, 1, 4, 17, 11, 22, 3e6, time.UTC),
			InvitedOn:                time.Date(2019, 1, 3, 10, 0, 0, 0, time.UTC),
			AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(true), AlexaForBusinessRoomArn: new("arn")},
			PersonalPIN:              new("0123456789"),
		}},
		{Place: "f.txt:3", User: api.User{UserId: "b", PrimaryEmail: new("b@example.com")}},
	})
	rows = read(t, "id,mail,licence,RegisteredOn,InvitedOn,alexa,Display name\na,a@example.com,,5/3/2024,,,\nb,b@example.com,,,soon,,\n"+
		"c,c@example.com,,,,maybe,\nd,d@example.com,#N/A,,,,\ne,e@example.com,,,,,#REF!\nf,f@example.com,Gold,,,no,#1\n")
	const failed = ", which a spreadsheet says instead of a value"
	equal(t, "problems", rows.Problems, []string{
		"f.txt:2: RegisteredOn is 5/3/2024, which is not a time such as 2019-01-04T17:11:22.003Z",
		"f.txt:3: InvitedOn is soon, which is not a time such as 2019-01-04T17:11:22.003Z",
		`f.txt:4: IsAlexaForBusinessEnabled is "maybe", not TRUE or FALSE`,
		"f.txt:5: LicenseType is #N/A" + failed,
		"f.txt:6: DisplayName is #REF!" + failed,
	})
	equal(t, "users", ids(rows), "7 f") // whether there is such a license is decided elsewhere
	rows = read(t, "Department,id,mail\n#N/A,a,a@example.com\n# of the guide\n#NV,b,b@example.com\n")
	equal(t, "users without a department", ids(rows), "2 a, 4 b")
	rows = read(t, "mail,id\n#N/A,a\n")
	equal(t, "problems of a first cell", rows.Problems, []string{"f.txt:2: PrimaryEmail is #N/A" + failed})
}

// A workbook is a table, whatever its name.
func TestRead_Workbook(t *testing.T) {
	var text strings.Builder
	book, err := sheet.NewWorkbook(&text, "People")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range [][]any{{"Name", "Email", "User ID"}, {"Ana", "a@example.com", "a"}, {"Bo", "b@example.com", 7}} {
		if err := book.Write(row...); err != nil {
			t.Fatal(err)
		}
	}
	if err := book.Close(); err != nil {
		t.Fatal(err)
	}
	rows := read(t, text.String())
	equal(t, "table", rows.Table, "f.txt")
	equal(t, "problems", rows.Problems, []string(nil))
	equal(t, "users", ids(rows), "2 a, 3 7")
}

// A file that breaks off is no file with problems.
func TestRead_Unreadable(t *testing.T) {
	broken := errors.New("the disk is on fire")
	for _, start := range []string{"", "\n", user("a"), "userId,email\na,a@example.com\n"} {
		rows := new(importer.Rows)
		if err := rows.Read("f.txt", io.MultiReader(strings.NewReader(start), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("after %q: got %v, want %v", start, err, broken)
		}
		equal(t, fmt.Sprintf("problems after %q", start), rows.Problems, []string(nil))
	}
}
