package carillon_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/carillon"
	"github.com/carillon-project/carillon/internal/store"
)

const accounts = `{
    "Accounts": [
        {
            "AwsAccountId": "444455556666",
            "AccountId": "acc-1",
            "Name": "Example",
            "AccountType": "Team",
            "CreatedTimestamp": "2018-12-20T18:45:25.231Z",
            "DefaultLicense": "Pro",
            "SupportedLicenses": ["Basic", "Pro"],
            "AccountStatus": "Active",
            "SigninDelegateGroups": []
        }
    ]
}
`

// user is a row of list-users, with more members if need be.
func user(id string, more ...string) string {
	return fmt.Sprintf(`{"UserId": %q, "AccountId": "acc-1", "PrimaryEmail": "%s@example.com", "LicenseType": "Pro", "UserType": "PrivateUser", `+
		`"UserRegistrationStatus": "Registered", "AlexaForBusinessMetadata": {"IsAlexaForBusinessEnabled": false}%s}`,
		id, id, strings.Join(append([]string{""}, more...), ", "))
}

// desk is a directory to run carillon on.
type desk struct {
	t    *testing.T
	dir  string
	data string
}

func newDesk(t *testing.T) *desk {
	dir := t.TempDir()
	d := &desk{t, dir, filepath.Join(dir, "data")}
	d.put("accounts.json", accounts)
	return d
}

func (d *desk) put(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// run runs `carillon import`; arguments that name a file of the desk are completed. In what it
// prints the desk is left out again.
func (d *desk) run(stdin string, args ...string) (code int, stdout, stderr string) {
	d.t.Helper()
	line := []string{"import", "--data", d.data}
	for _, a := range args {
		if path := filepath.Join(d.dir, a); strings.Contains(a, ".") {
			a = path
		}
		line = append(line, a)
	}
	var out, complaints bytes.Buffer
	code = carillon.Main(d.t.Context(), line, nil, strings.NewReader(stdin), &out, &complaints)
	return code, out.String(), strings.ReplaceAll(complaints.String(), d.dir+string(filepath.Separator), "")
}

// users returns the ids and addresses of the users of an account, in their order.
func (d *desk) users(account string) string {
	d.t.Helper()
	st, err := store.OpenSQLite(d.t.Context(), d.data, store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer st.Close()
	var all []string
	err = st.View(d.t.Context(), func(tx store.ReadTx) error {
		users, err := tx.ListUsers(account, store.UserFilter{}, 0, 1000)
		for _, u := range users {
			all = append(all, u.UserID+" "+u.Email)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return strings.Join(all, "\n")
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

// Whatever form the same two users come in, they are the same users.
func TestImportForms(t *testing.T) {
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
		"table":                  "userId,email\nu1,u1@example.com\nu2,u2@example.com\n",
		"table without names":    "u1,u1@example.com\nu2,u2@example.com",
		"table of a spreadsheet": "\uFEFF\"Display Name\";\"Primary Email\";\"User ID\"\r\n\"Mä;\"\"rta\"\"\";u1@example.com;u1\r\n;u2@example.com;u2\r\n",
		"text output":            "u1\tu1@example.com\nu2\tu2@example.com\n",
		"table with comments":    "# from the guide\n\nUserId, email\n# the first\n u1, u1@example.com\n\nu2,u2@example.com\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.put("users.txt", text)
			code, stdout, stderr := d.run("", "accounts.json", "users.txt", "--account-id", "acc-1")
			if code != 0 || !strings.HasSuffix(stdout, "\nusers: 2 added\n") {
				t.Errorf("got code %d, stdout %q, stderr %q; want 0 and 2 users added", code, stdout, stderr)
			}
			equal(t, "users", d.users("acc-1"), "u1 u1@example.com\nu2 u2@example.com")
		})
	}
}

// What cannot be is named by the line where it begins, and does not keep the rest out.
func TestImportNamesBadRows(t *testing.T) {
	for _, test := range []struct {
		text  string
		lines string // complaints but for the last one
		users string
	}{
		{"[\n" + user("a") + ",\n{\n\"PrimaryEmail\": \"x@example.com\",\n\"AccountId\": \"acc-1\", \"UserId\": \"\"},\n" + user("b") + "]",
			"f.txt:3: UserId is missing\n", "a b"},
		{"{\"Users\": [\n{},\n" + user("a") + "]}", "f.txt:2: UserId is missing\n", "a"},
		{user("a") + "\n{\"Users\": [\n7,\n\"x\", null, [\ntrue]]}", "f.txt:3: 7 stands where an account or a user was expected\n" +
			"f.txt:4: \"x\" stands where an account or a user was expected\nf.txt:4: null stands where an account or a user was expected\n" +
			"f.txt:5: true stands where an account or a user was expected\n", "a"},
		{user("a") + "\n{\"UserErrors\": []}", "f.txt:2: this is no account and no user; give what list-accounts, list-users or get-user printed\n", "a"},
		{"[" + user("a", `"RegisteredOn": "yesterday"`) + ",\n" + user("b", `"InvitedOn": 1546621882003`) + ",\n" + user("c", `"RegisteredOn": true`) +
			",\n" + user("d", `"InvitedOn": "2019-13-01T00:00:00Z"`) + ",\n" + user("e", `"InvitedOn": 0`) + "]",
			"f.txt:1: RegisteredOn is yesterday, which is no time such as 2019-01-04T17:11:22.003Z\n" +
				"f.txt:2: InvitedOn is 1546621882003, which is no time such as 2019-01-04T17:11:22.003Z\nf.txt:3: RegisteredOn must be a time\n" +
				"f.txt:4: InvitedOn is 2019-13-01T00:00:00Z, which is no time such as 2019-01-04T17:11:22.003Z\n" +
				"f.txt:5: InvitedOn is 0, which is no time such as 2019-01-04T17:11:22.003Z\n", ""},
		{user("a", `"DisplayName": 7`) + user("b", `"DisplayName": "\u0000"`) + user("c", `"UserInvitationStatus": "Sent"`),
			"f.txt:1: DisplayName must be a string\nf.txt:1: DisplayName holds a NUL character\n" +
				"f.txt:1: UserInvitationStatus is \"Sent\", not one of Pending, Accepted, Failed\n", ""},
		{"{\"Accounts\": [{\"AwsAccountId\": \"444455556666\",\n\"AccountId\": \"x\", \"Name\": \"n\", \"SupportedLicenses\": \"Pro\"}," +
			"\n{\"SigninDelegateGroups\": [7]}]}", "f.txt:1: SupportedLicenses must be a list\nf.txt:3: SigninDelegateGroups must be an object\n", ""},
		{"[" + user("a") + ",\n" + user("b")[:90], "f.txt:2: the text breaks off; the rows before are whole\n", "a"},
		{"[" + user("a") + ",\n", "f.txt:2: the text breaks off; the rows before are whole\n", "a"},
		{user("a") + "\n\n{'UserId': 'b'}", "f.txt:3: this is not JSON, the rest of the file is not read: invalid character '\\'' at start of value\n", "a"},
		{user("a") + "\n" + user("b", "\"DisplayName\": \"M\xe4rta\""), "f.txt:2: the text is not UTF-8, from here on it is not read: " +
			"save it as UTF-8, or as UTF-16 with a byte order mark\n", "a"},
		{user("a") + "\n{\"UserId\": \"" + strings.Repeat("x", 2<<20) + "\"}", "f.txt:2: a row has more than 1048576 bytes\n", "a"},
		{user("a") + user("b", `"DisplayName": `+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)), "f.txt:1: \"DisplayName\" is nested too deep\n", "a"},
		{"", "f.txt:1: the file is empty\n", ""},
		{" \n\n", "f.txt:1: the file is empty\n", ""},
		{"-----\n|  ListUsers |\n", "f.txt:1: this is neither JSON nor a table with the columns userId and email\n", ""},
		{"userId,email\na,a@example.com\n,b@example.com\nc\nd,d@localhost\n\"e\nf\",e@example.com\ng,\"g\" g@example.com\nh,h@example.com\n",
			"f.txt:8: extraneous or missing \" in quoted-field\nf.txt:3: UserId is missing\nf.txt:4: PrimaryEmail of user c is missing\n" +
				"f.txt:5: PrimaryEmail of user d is not an e-mail address\nf.txt:6: UserId holds a line break or another control character\n", "a h"},
		{"userId,email\na,a@example.com\nb,b\xe4@example.com\n", "f.txt:3: the text is not UTF-8, from here on it is not read: " +
			"save it as UTF-8, or as UTF-16 with a byte order mark\n", "a"},
	} {
		d := newDesk(t)
		d.put("f.txt", test.text)
		if code, _, stderr := d.run("", "accounts.json"); code != 0 {
			t.Fatalf("accounts: got code %d, stderr %q", code, stderr)
		}
		code, stdout, stderr := d.run("", "f.txt", "--account-id", "acc-1")
		var complaints, rest []string
		for line := range strings.Lines(stderr) {
			line = strings.TrimPrefix(line, "carillon: ")
			if strings.Contains(line, " is missing: it is ") || strings.HasPrefix(line, "the next carillon serve ") {
				continue
			}
			if strings.HasPrefix(line, "f.txt:") {
				complaints = append(complaints, line)
			} else {
				rest = append(rest, line)
			}
		}
		equal(t, "complaints", strings.Join(complaints, ""), test.lines)
		n := strings.Count(test.lines, "\n")
		equal(t, "the last complaint", rest, []string{fmt.Sprintf("import: %d bad rows are left out\n", n)})
		if code != 1 {
			t.Errorf("%.80q: got code %d and stdout %q, want 1", test.text, code, stdout)
		}
		var ids []string
		for line := range strings.Lines(d.users("acc-1")) {
			ids = append(ids, strings.Fields(line)[0])
		}
		equal(t, "users", strings.Join(ids, " "), test.users)
	}
}

// What is not taken as it stands is named once, with the first place and the number of others.
func TestImportNamesWhatIsNormalized(t *testing.T) {
	d := newDesk(t)
	d.put("users.json", strings.Join([]string{
		`{"Users": [` + user("a", `"RegisteredOn": 1546621882.0034`),
		user("b", `"RegisteredOn": "2019-01-04T18:11:22.003+01:00"`),
		user("c", `"RegisteredOn": "2019-01-04 17:11:22.003123+00:00"`),
		user("d", `"RegisteredOn": "2019-01-04T17:11:22.003"`, `"Color": "red"`),
		user("e", `"RegisteredOn": "2019-01-04T17:11:22.003Z"`, `"Color": "blue"`, `"DisplayName": null`),
		user("f", `"PersonalPIN": "0123456789"`) + `], "ResponseMetadata": {}}`,
	}, ",\n"))
	code, stdout, stderr := d.run("", "accounts.json", "users.json")
	equal(t, "code", code, 0)
	equal(t, "stdout", stdout, "accounts: 1 added\nusers: 6 added\n")
	equal(t, "stderr", stderr, `carillon: there was no database in data; there is one now
carillon: users.json:1: RegisteredOn is listed in UTC with milliseconds (and in 3 more)
carillon: users.json:4: member "Color" is not known: left out (and in 1 more)
carillon: users.json:5: DisplayName is null: left out
carillon: users.json:6: PersonalPIN is kept, but lists do not show it
carillon: users.json:1: member "ResponseMetadata" is not known: left out
carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another
`)
	st, err := store.OpenSQLite(t.Context(), d.data, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = st.View(t.Context(), func(tx store.ReadTx) error {
		users, err := tx.Users("acc-1", []string{"a", "b", "c", "d", "e"})
		for _, u := range users {
			if got, want := u.RegisteredOn.Format("2006-01-02T15:04:05.000Z"), "2019-01-04T17:11:22.003Z"; got != want {
				t.Errorf("%s: registered on %s, want %s", u.UserID, got, want)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImportTwice(t *testing.T) {
	d := newDesk(t)
	d.put("users.json", user("a")+user("b"))
	d.run("", "accounts.json", "users.json")
	code, stdout, _ := d.run("", "users.json", "accounts.json")
	equal(t, "code", code, 0)
	equal(t, "stdout", stdout, "accounts: 1 unchanged\nusers: 2 unchanged\n")

	// What differs is named and is no fault; new rows are still taken.
	d.put("users.json", user("a", `"DisplayName": "A"`)+"\n"+user("c")+user("b"))
	code, stdout, stderr := d.run("", "users.json")
	equal(t, "code", code, 0)
	equal(t, "stdout", stdout, "accounts: none\nusers: 1 added, 1 unchanged, 1 differing\n")
	equal(t, "stderr", stderr, "carillon: users.json:1: user a is in the store with other DisplayName: it stays as it is\n")
	equal(t, "users", d.users("acc-1"), "a a@example.com\nb b@example.com\nc c@example.com")
}

func TestImportDryRun(t *testing.T) {
	d := newDesk(t)
	d.put("users.json", user("a")+"\n"+user("a", `"DisplayName": "A"`)+user("b"))
	code, stdout, dry := d.run("", "--dry-run", "accounts.json", "users.json")
	equal(t, "code", code, 1)
	equal(t, "stdout", stdout, "accounts: 1 to be added\nusers: 2 to be added, 1 bad\n")
	if entries, err := os.ReadDir(d.dir); err != nil || len(entries) != 2 {
		t.Errorf("the directory has %v, error %v; want the two files", entries, err)
	}
	code, stdout, stderr := d.run("", "accounts.json", "users.json")
	equal(t, "code", code, 1)
	equal(t, "stdout", stdout, "accounts: 1 added\nusers: 2 added, 1 bad\n")
	equal(t, "stderr", stderr, "carillon: there was no database in data; there is one now\n"+dry)
}

func TestImportAdvises(t *testing.T) {
	d := newDesk(t)
	d.put("more.json", `[{"AwsAccountId": "777788889999", "AccountId": "x y", "Name": "n", "AccountType": "EnterpriseLWA", "CreatedTimestamp": 1,
		"DefaultLicense": "Pro", "SupportedLicenses": [], "AccountStatus": "Active", "SigninDelegateGroups": []}]`)
	d.put("users.json", strings.ReplaceAll(user("a")+"\n"+user("b"), "acc-1", "acc-9")+"\n"+strings.Replace(user("c"), `"AccountId": "acc-1", `, "", 1))
	code, _, stderr := d.run("", "accounts.json", "more.json", "users.json")
	equal(t, "code", code, 1)
	equal(t, "stderr", strings.ReplaceAll(stderr, d.data, "data"), `carillon: there was no database in data; there is one now
carillon: users.json:1: account acc-9 of user a is neither among those to import nor in the store
carillon: users.json:2: account acc-9 of user b is neither among those to import nor in the store
carillon: users.json:3: user c names no account
carillon: more.json:1: CreatedTimestamp is listed in UTC with milliseconds
carillon: some users name no account: say which one by --account-id
carillon: account acc-9 is not known: import what list-accounts or get-account printed of it along with its users, or put them into an account that exists (carillon account create makes one) by --account-id
carillon: account x y is EnterpriseLWA, and no file tells its domains: carillon domain claim --data data --account-id 'x y' DOMAIN
carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another
carillon: no key opens AWS account 777788889999: carillon key create --data data --aws-account-id 777788889999 --name admin --policy AmazonChimeFullAccess
carillon: import: 3 bad rows are left out
`)
}

func TestImportUsage(t *testing.T) {
	d := newDesk(t)
	d.put("users.csv", "userId,email\na,a@example.com\n")
	for _, test := range []struct {
		args   []string
		stdin  string
		code   int
		stderr string
	}{
		{nil, "", 2, "carillon: import: FILE ... is missing; see carillon import --help\n"},
		{[]string{"accounts.json", "missing.json"}, "", 2, "carillon: import: opening a file: open missing.json: no such file or directory\n"},
		{[]string{"accounts.json", "users.csv"}, "", 2, "carillon: import: users.csv names users without their account: say which one by --account-id; see carillon import --help\n"},
		{[]string{"users.csv", "--account-id", "nowhere"}, "", 2, "carillon: there was no database in data; there is one now\ncarillon: import: Account nowhere was not found\n"},
		{[]string{"-"}, accounts, 0, "carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another\n"},
	} {
		code, stdout, stderr := d.run(test.stdin, test.args...)
		if code != test.code || stderr != test.stderr {
			t.Errorf("%q: got code %d, stdout %q, stderr %q; want %d and %q", test.args, code, stdout, stderr, test.code, test.stderr)
		}
	}
}
