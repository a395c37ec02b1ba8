package carillon_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/carillon"
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/sqlite"
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
	st, err := sqlite.Open(d.t.Context(), d.data, sqlite.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer st.Close()
	var all []string
	err = st.View(d.t.Context(), func(tx store.ReadTx) error {
		users, _, err := tx.ListUsers(account, store.UserFilter{}, 0, 1000)
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

// What is bad is named with its line and skipped, what is changed is noted, and the rest is
// imported.
func TestImport_Report(t *testing.T) {
	d := newDesk(t)
	d.put("users.json", "["+user("a", `"RegisteredOn": 1546621882`)+",\n7,\n"+user("b", `"UserInvitationStatus": "Sent"`)+",\n"+
		user("c", `"RegisteredOn": 1546621882`, `"Color": "red"`)+",\n"+user("d", `"PersonalPIN": "12"`)+",\n"+user("e"))
	d.put("users.csv", "userId,email\nf,f@example.com\ng,nobody\n")
	code, stdout, stderr := d.run("", "accounts.json", "users.json", "users.csv", "--account-id", "acc-1")
	equal(t, "code", code, 1)
	equal(t, "stdout", stdout, "accounts: 1 added\nusers: 5 added, 2 bad\n")
	equal(t, "stderr", stderr, `carillon: made a database in data, which had none
carillon: users.json:2: found 7 where an object was expected, such as an account or a user
carillon: users.json:6: the text ends in the middle of a row; the rows before it are complete
carillon: users.json:3: UserInvitationStatus is "Sent", not one of Pending, Accepted, Failed
carillon: users.csv:3: PrimaryEmail of user g is not an e-mail address: it has no @
carillon: users.json:1: RegisteredOn is listed in UTC with milliseconds (and in 1 more)
carillon: users.json:4: member "Color" is unknown: left out
carillon: users.json:5: PersonalPIN is not 10 digits: left out until it is reset
carillon: users.csv:2: UserRegistrationStatus is missing: set to Registered
carillon: users.csv:2: AccountId is missing: set to the given account
carillon: users.csv:2: LicenseType is missing: set to the account's default
carillon: users.csv:2: UserType is missing: set to PrivateUser
carillon: users.csv:2: IsAlexaForBusinessEnabled is missing: set to false
carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another
carillon: import: 3 bad rows are skipped, and 1 file could not be read to the end
`)
	equal(t, "users", d.users("acc-1"), "a a@example.com\nc c@example.com\nd d@example.com\ne e@example.com\nf f@example.com")
}

func TestImport_Twice(t *testing.T) {
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
	equal(t, "stderr", stderr, "carillon: users.json:1: user a is in the store, with different DisplayName: the store stays as it is\n")
	equal(t, "users", d.users("acc-1"), "a a@example.com\nb b@example.com\nc c@example.com")
}

func TestImport_DryRun(t *testing.T) {
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
	equal(t, "stderr", stderr, "carillon: made a database in data, which had none\n"+dry)
}

func TestImport_Advises(t *testing.T) {
	d := newDesk(t)
	d.put("more.json", `[{"AwsAccountId": "777788889999", "AccountId": "x y", "Name": "n", "AccountType": "EnterpriseLWA", "CreatedTimestamp": 1,
		"DefaultLicense": "Pro", "SupportedLicenses": [], "AccountStatus": "Active", "SigninDelegateGroups": []}]`)
	d.put("users.json", strings.ReplaceAll(user("a")+"\n"+user("b"), "acc-1", "acc-9")+"\n"+strings.Replace(user("c"), `"AccountId": "acc-1", `, "", 1))
	code, _, stderr := d.run("", "accounts.json", "more.json", "users.json")
	equal(t, "code", code, 1)
	equal(t, "stderr", strings.ReplaceAll(stderr, d.data, "data"), `carillon: made a database in data, which had none
carillon: users.json:1: account acc-9 of user a is neither in these files nor in the store
carillon: users.json:2: account acc-9 of user b is neither in these files nor in the store
carillon: users.json:3: user c names no account
carillon: more.json:1: CreatedTimestamp is listed in UTC with milliseconds
carillon: some rows name no account: choose one with --account-id
carillon: account acc-9 is unknown: import what list-accounts or get-account printed of it along with these rows, or choose an existing account for them with --account-id (carillon account create makes one)
carillon: account x y is of type EnterpriseLWA, and no file lists its domains: claim each with carillon domain claim --data data --account-id 'x y' DOMAIN
carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another
carillon: AWS account 777788889999 has no access key: make one with carillon key create --data data --aws-account-id 777788889999 --name admin --policy AmazonChimeFullAccess
carillon: import: 3 bad rows are skipped
`)
}

func TestImport_Usage(t *testing.T) {
	d := newDesk(t)
	d.put("users.csv", "userId,email\na,a@example.com\n")
	d.put("ansi.csv", "userId,email,DisplayName\na,a@example.com,Zo\xeb\n")
	for _, test := range []struct {
		args   []string
		stdin  string
		code   int
		stderr string
	}{
		{nil, "", 2, "carillon: import: FILE ... is missing; see carillon import --help\n"},
		{[]string{"accounts.json", "missing.json"}, "", 2, "carillon: import: opening a file: open missing.json: no such file or directory\n"},
		{[]string{"accounts.json", "users.csv"}, "", 2, "carillon: import: users.csv names users without their account: say which one by --account-id, or in a column AccountId; see carillon import --help\n"},
		{[]string{"users.csv", "--account-id", "nowhere"}, "", 2, "carillon: made a database in data, which had none\ncarillon: import: --account-id: there is no account, or none that you can see\n"},
		{[]string{"accounts.json", "users.csv", "--account-id", "nobody"}, "", 2, "carillon: import: --account-id: no account has the id or the name \"nobody\"; there are Example (acc-1)\n"},
		{[]string{"accounts.json", "ansi.csv", "--account-id", "acc-1"}, "", 2, "carillon: import: ansi.csv:2: the text is neither UTF-8 nor UTF-16, " +
			"but perhaps Windows-1252 or another encoding (byte 0xEB in \"ple.com,Zo\\xeb\\n\"); save the file as \"CSV UTF-8\"\n"},
		{[]string{"-"}, accounts, 0, "carillon: the next carillon serve gives the root key to AWS account 444455556666, unless --aws-account-id names another\n"},
	} {
		code, stdout, stderr := d.run(test.stdin, test.args...)
		if code != test.code || stderr != test.stderr {
			t.Errorf("%q: got code %d, stdout %q, stderr %q; want %d and %q", test.args, code, stdout, stderr, test.code, test.stderr)
		}
	}
}
