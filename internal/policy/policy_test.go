package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/policy"
)

func TestManagedPolicies(t *testing.T) {
	userManagement := strings.Fields(`ListAccounts GetAccount GetAccountSettings UpdateAccountSettings
		ListUsers GetUser InviteUsers CreateUser UpdateUser BatchUpdateUser BatchSuspendUser
		BatchUnsuspendUser LogoutUser ResetPersonalPIN GetUserSettings UpdateUserSettings
		AssociatePhoneNumberWithUser DisassociatePhoneNumberFromUser GetPhoneNumber ListPhoneNumbers
		AssociateSigninDelegateGroupsWithAccount DisassociateSigninDelegateGroupsFromAccount`)
	looking := []string{"SearchUsers", "CountUsers", "ListJobs", "ReadJob"}
	own := append(slices.Clone(looking), "RecordJob", "ReadAudit", "ListKeys", "CreateKey", "DisableKey", "EnableKey", "DeleteKey")
	for _, tt := range []struct {
		name  string
		count int
		want  func(operation string) bool
		own   []string // of the operations beyond the API
	}{
		{policy.FullAccess, 62, func(string) bool { return true }, own},
		{policy.ReadOnly, 21, func(op string) bool {
			return strings.HasPrefix(op, "Get") || strings.HasPrefix(op, "List") || op == "SearchAvailablePhoneNumbers"
		}, looking},
		{policy.UserManagement, 22, func(op string) bool { return slices.Contains(userManagement, op) }, append(slices.Clone(looking), "RecordJob")},
	} {
		p, err := policy.Parse(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		allowed := 0
		for _, op := range chime.Service.All() {
			got := p.Allows("chime:"+op.Name, "*")
			if want := tt.want(op.Name); got != want {
				t.Errorf("%s on %s: got %v, want %v", tt.name, op.Name, got, want)
			}
			if got {
				allowed++
			}
		}
		if allowed != tt.count {
			t.Errorf("%s allows %d operations, want %d", tt.name, allowed, tt.count)
		}
		for _, op := range own {
			if got, want := p.Allows("carillon:"+op, "*"), slices.Contains(tt.own, op); got != want {
				t.Errorf("%s on carillon:%s: got %v, want %v", tt.name, op, got, want)
			}
		}
		if p.Allows("s3:GetObject", "*") {
			t.Errorf("%s allows an action of another service", tt.name)
		}
	}
}

func TestAllows(t *testing.T) {
	const meeting = "arn:aws:chime:us-east-1:111122223333:meeting/0c1b"
	for _, tt := range []struct {
		name, statement  string
		action, resource string
		want             bool
	}{
		{"named", `{"Effect":"Allow","Action":"chime:GetUser","Resource":"*"}`, "chime:GetUser", "*", true},
		{"other action", `{"Effect":"Allow","Action":"chime:GetUser","Resource":"*"}`, "chime:ListUsers", "*", false},
		{"no prefix match", `{"Effect":"Allow","Action":"chime:Get","Resource":"*"}`, "chime:GetUser", "*", false},
		{"console action of a like name", `{"Effect":"Allow","Action":"chime:UpdateUserLicenses","Resource":"*"}`, "chime:UpdateUser", "*", false},
		{"case of names", `{"Effect":"Allow","Action":"CHIME:getuser","Resource":"*"}`, "chime:GetUser", "*", true},
		{"list", `{"Effect":"Allow","Action":["chime:ListUsers","chime:GetUser"],"Resource":["*"]}`, "chime:GetUser", "*", true},
		{"star in the middle", `{"Effect":"Allow","Action":"chime:Batch*User","Resource":"*"}`, "chime:BatchUpdateUser", "*", true},
		{"star must end", `{"Effect":"Allow","Action":"chime:Batch*User","Resource":"*"}`, "chime:BatchUpdateUsers", "*", false},
		{"star of nothing", `{"Effect":"Allow","Action":"chime:GetUser*","Resource":"*"}`, "chime:GetUser", "*", true},
		{"star goes back", `{"Effect":"Allow","Action":"chime:*User","Resource":"*"}`, "chime:UserOfUser", "*", true},
		{"question mark", `{"Effect":"Allow","Action":"chime:GetUse?","Resource":"*"}`, "chime:GetUser", "*", true},
		{"question mark of nothing", `{"Effect":"Allow","Action":"chime:GetUser?","Resource":"*"}`, "chime:GetUser", "*", false},
		{"everything", `{"Effect":"Allow","Action":"*","Resource":"*"}`, "chime:GetUser", "*", true},
		{"other service", `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, "chime:GetUser", "*", false},
		{"all but", `{"Effect":"Allow","NotAction":"chime:Delete*","Resource":"*"}`, "chime:GetUser", "*", true},
		{"all but this", `{"Effect":"Allow","NotAction":"chime:Delete*","Resource":"*"}`, "chime:DeleteAccount", "*", false},
		{"only a denial", `{"Effect":"Deny","Action":"chime:GetUser","Resource":"*"}`, "chime:ListUsers", "*", false},
		{"denial after", `[{"Effect":"Allow","Action":"chime:*","Resource":"*"},{"Effect":"Deny","Action":"chime:GetUser","Resource":"*"}]`, "chime:GetUser", "*", false},
		{"denial before", `[{"Effect":"Deny","Action":"chime:GetUser","Resource":"*"},{"Effect":"Allow","Action":"chime:*","Resource":"*"}]`, "chime:GetUser", "*", false},
		{"beside a denial", `[{"Effect":"Allow","Action":"chime:*","Resource":"*"},{"Effect":"Deny","Action":"chime:GetUser","Resource":"*"}]`, "chime:ListUsers", "*", true},
		{"denial of all but", `[{"Effect":"Allow","Action":"chime:*","Resource":"*"},{"Effect":"Deny","NotAction":"chime:Get*","Resource":"*"}]`, "chime:ListUsers", "*", false},
		{"ARN where the action has none", `{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:*:*:*"}`, "chime:GetUser", "*", false},
		{"ARN of a meeting", `{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:*:111122223333:meeting/*"}`, "chime:CreateMeetingDialOut", meeting, true},
		{"ARN of another meeting", `{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:us-east-1:111122223333:meeting/ffff"}`, "chime:CreateMeetingDialOut", meeting, false},
		{"ARNs keep their case", `{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:us-east-1:111122223333:meeting/0C1B"}`, "chime:CreateMeetingDialOut", meeting, false},
		{"star for a meeting", `{"Effect":"Allow","Action":"chime:*","Resource":"*"}`, "chime:CreateMeetingDialOut", meeting, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := policy.Parse(`{"Version":"2012-10-17","Id":"x","Statement":` + tt.statement + `}`)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Allows(tt.action, tt.resource); got != tt.want {
				t.Errorf("Allows(%q, %q) = %v, want %v", tt.action, tt.resource, got, tt.want)
			}
		})
	}
	if (policy.Policy{}).Allows("chime:GetUser", "*") {
		t.Error("the zero policy allows something")
	}
}

// A statement about the ARN of an account or a user is about nothing here, and says so.
func TestIdle(t *testing.T) {
	const star = `{"Effect":"Allow","Action":"chime:*","Resource":"*"}`
	for _, tt := range []struct {
		statement string
		want      int // the statement of the list of two that is named, 0 for none
	}{
		{`{"Effect":"Deny","Action":"chime:DeleteAccount","Resource":"arn:aws:chime:us-east-1:111122223333:account/a"}`, 2},
		{`{"Effect":"Deny","Action":"chime:*","Resource":"arn:aws:chime::111122223333:account/*"}`, 2},
		{`{"Effect":"Deny","Action":"*","Resource":["arn:aws:chime:*:*:*","arn:aws:chime:*:*:user/*"]}`, 2},
		{`{"Effect":"Deny","NotAction":"chime:GetUser","Resource":"arn:aws:chime:*:*:user/*"}`, 2},
		{`{"Effect":"Allow","Action":"chime:GetUser","Resource":"arn:aws:chime:*:*:meeting/*"}`, 2},
		{`{"Effect":"Deny","Action":"chime:CreateMeetingDialOut","Resource":"arn:aws:chime:*:*:meeting/*"}`, 0},
		{`{"Effect":"Deny","Action":"chime:DeleteAccount","Resource":["arn:aws:chime:*:*:account/*","*"]}`, 0},
	} {
		p, err := policy.Parse(`{"Statement":[` + star + "," + tt.statement + "]}")
		got := p.Idle()
		if err != nil || (len(got) > 0) != (tt.want > 0) || len(got) > 0 && !strings.HasPrefix(got[0], fmt.Sprintf("statement %d, a", tt.want)) {
			t.Errorf("%s: got %q, %v; want statement %d named", tt.statement, got, err, tt.want)
		}
	}
	for _, name := range []string{policy.FullAccess, policy.ReadOnly, policy.UserManagement} {
		if p, err := policy.Parse(name); err != nil || p.Idle() != nil {
			t.Errorf("%s: got %q, %v", name, p.Idle(), err)
		}
	}
}

func TestUnknown(t *testing.T) {
	actions := []string{"chime:GetUser", "chime:DeleteAccount", "carillon:ReadAudit"}
	for statement, want := range map[string]string{
		`"Effect":"Deny","Action":"chime:DeleteAcount"`:                                  "chime:DeleteAcount",
		`"Effect":"Allow","NotAction":["chime:Remove*","CHIME:getuser","carillon:Read"]`: "chime:Remove* carillon:Read",
		`"Effect":"Deny","Action":["chimee:GetUser","s3:Get*","chimee:GetUser"]`:         "chimee:GetUser s3:Get*",
		`"Effect":"Allow","Action":["*","chime:*","chime:?etUser","carillon:readaudit"]`: "",
	} {
		p, err := policy.Parse(`{"Statement":{` + statement + `,"Resource":"*"}}`)
		if got := strings.Join(p.Unknown(actions), " "); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", statement, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const ok = `"Effect":"Allow","Action":"chime:*","Resource":"*"`
	for _, tt := range []struct{ text, where string }{
		{``, "neither"},
		{`AmazonChimeSDK`, `"AmazonChimeSDK" is neither`},
		{`["chime:*"]`, "neither"},
		{`{`, "not valid JSON"},
		{`{"Statement":{` + ok + `}} x`, "more text"},
		{`{"Statement":{` + ok + `},"Statement":[]}`, "duplicate"},
		{`{"Statement":{` + ok + `,"Effect":"Deny"}}`, "duplicate"},
		{`{}`, "Statement is missing"},
		{`{"Statement":[]}`, "Statement is missing or empty"},
		{`{"Statement":null}`, "Statement must be an object"},
		{`{"Statement":[{` + ok + `},"x"]}`, "Statement[1] must be an object"},
		{`{"Version":"2022-01-01","Statement":{` + ok + `}}`, "Version"},
		{`{"Version":2012,"Statement":{` + ok + `}}`, "Version"},
		{`{"Id":1,"Statement":{` + ok + `}}`, "Id must be a string"},
		{`{"statement":{` + ok + `}}`, `"statement" is not supported`},
		{`{"Statement":{` + ok + `,"Sid":1}}`, "Statement.Sid must be a string"},
		{`{"Statement":[{` + ok + `},{` + ok + `,"Condition":{}}]}`, `Statement[1] has the element "Condition"`},
		{`{"Statement":{` + ok + `,"Principal":"*"}}`, `"Principal"`},
		{`{"Statement":{` + ok + `,"NotResource":"*"}}`, `"NotResource"`},
		{`{"Statement":{` + ok + `,"NotAction":"chime:*"}}`, "either Action or NotAction"},
		{`{"Statement":{"Action":"chime:*","Resource":"*"}}`, "Statement.Effect is missing"},
		{`{"Statement":{"Effect":"allow","Action":"chime:*","Resource":"*"}}`, "Statement.Effect"},
		{`{"Statement":{"Effect":null,"Action":"chime:*","Resource":"*"}}`, "Statement.Effect"},
		{`{"Statement":{"Effect":"Allow","Resource":"*"}}`, "Statement.Action is missing"},
		{`{"Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}`, "Statement.Action must not be an empty list"},
		{`{"Statement":{"Effect":"Allow","NotAction":[],"Resource":"*"}}`, "Statement.NotAction must not be an empty list"},
		{`{"Statement":{"Effect":"Allow","Action":["chime:*",7],"Resource":"*"}}`, "Statement.Action[1] must be a string"},
		{`{"Statement":{"Effect":"Allow","Action":"GetUser","Resource":"*"}}`, "Statement.Action is"},
		{`{"Statement":{"Effect":"Allow","Action":"ch*:GetUser","Resource":"*"}}`, "Statement.Action is"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:Get User","Resource":"*"}}`, "Statement.Action is"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*"}}`, "Statement.Resource is missing"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":[]}}`, "Statement.Resource must not be an empty list"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":["*",{}]}}`, "Statement.Resource[1] must be a string"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":""}}`, "Statement.Resource is"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":"accounts"}}`, "neither"},
		{`{"Statement":{"Effect":"Allow","Action":"chime:*","Resource":"arn:aws:chime:us-east-1:${aws:x}:meeting/1"}}`, "policy variable"},
	} {
		_, err := policy.Parse(tt.text)
		if err == nil || !strings.Contains(err.Error(), tt.where) {
			t.Errorf("Parse(%s)\n got error %v\nwant one with %q", tt.text, err, tt.where)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(policy.ReadOnly, "chime:GetUser")
	f.Add(`{"Statement":[{"Effect":"Deny","NotAction":["chime:Get*","chime:?ist*"],"Resource":"*"}]}`, "chime:GetUser")
	f.Add(`{"Version":"2012-10-17","Statement":{"Sid":"a","Effect":"Allow","Action":"*","Resource":["*","arn:a:b:c:d:e"]}}`, "")
	f.Fuzz(func(t *testing.T, text, action string) {
		p, err := policy.Parse(text)
		if err != nil && p.Allows(action, "*") {
			t.Errorf("%q was refused (%v) and yet allows %q", text, err, action)
		}
		if p.Allows(action, "*") && !strings.Contains(text, "Allow") && !strings.Contains(text, "AmazonChime") &&
			!strings.Contains(text, `\u`) {
			t.Errorf("%q allows %q though nothing in it says Allow", text, action)
		}
	})
}
