package directory_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

func TestAccountSettings(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "Team")
	settings := func(remote, dial bool) {
		t.Helper()
		equal(t, "settings", h.must("GetAccountSettings", "accountId=A", "", ""),
			fmt.Sprintf(`{"AccountSettings":{"DisableRemoteControl":%t,"EnableDialOut":%t}}`, remote, dial))
	}
	put := func(body string) {
		t.Helper()
		equal(t, "answer", h.must("UpdateAccountSettings", "accountId=A", "", `{"AccountSettings":`+body+`}`), "")
	}
	settings(false, false)
	put(`{"EnableDialOut":true}`)
	settings(false, true)
	put(`{"DisableRemoteControl":true}`) // what is absent stays
	settings(true, true)
	put(`{"DisableRemoteControl":false,"EnableDialOut":false}`)
	settings(false, false)
	equal(t, "audit", h.audited(0), []string{
		`UpdateAccountSettings A {"EnableDialOut": false} {"EnableDialOut": true}`,
		`UpdateAccountSettings A {"DisableRemoteControl": false} {"DisableRemoteControl": true}`,
		`UpdateAccountSettings A {"DisableRemoteControl": true, "EnableDialOut": true} {"DisableRemoteControl": false, "EnableDialOut": false}`,
	})
	put(`{}`)
	put(`{"EnableDialOut":false}`)
	equal(t, "audit of nothing", h.audited(3), []string{})

	h.refused(api.BadRequestException, "UpdateAccountSettings", "accountId=A", "", `{}`)
	h.refused(api.BadRequestException, "UpdateAccountSettings", "accountId=A", "", `{"AccountSettings":{"EnableDialOut":"true"}}`)
	h.refused(api.BadRequestException, "GetAccountSettings", "accountId= ", "", "")
	for _, tenant := range []*house{h, h.as(foreignAccount)} {
		labels := "accountId=B"
		if tenant != h {
			labels = "accountId=A"
		}
		tenant.refused(api.NotFoundException, "GetAccountSettings", labels, "", "")
		tenant.refused(api.NotFoundException, "UpdateAccountSettings", labels, "", `{"AccountSettings":{}}`)
	}
}

func TestUserSettings(t *testing.T) {
	h := newHouse(t)
	h.populate("A", "Team")
	body := func(in, out, sms bool) string {
		return fmt.Sprintf(`{"UserSettings":{"Telephony":{"InboundCalling":%t,"OutboundCalling":%t,"SMS":%t}}}`, in, out, sms)
	}
	get := func(user, want string) {
		t.Helper()
		equal(t, "settings of "+user, h.must("GetUserSettings", "accountId=A&userId="+user, "", ""), want)
	}
	get("reg", body(false, false, false))
	equal(t, "answer", h.must("UpdateUserSettings", "accountId=A&userId=reg", "", body(true, false, true)), "")
	get("reg", body(true, false, true))
	get("pro", body(false, false, false))
	h.must("UpdateUserSettings", "accountId=A&userId=reg", "", body(true, false, true))
	h.must("UpdateUserSettings", "accountId=A&userId=reg", "", body(false, true, true))
	get("reg", body(false, true, true))
	equal(t, "audit", h.audited(0), []string{
		`UpdateUserSettings reg {"InboundCalling": false, "SMS": false} {"InboundCalling": true, "SMS": true}`,
		`UpdateUserSettings reg {"InboundCalling": true, "OutboundCalling": false} {"InboundCalling": false, "OutboundCalling": true}`,
	})

	for _, incomplete := range []string{`{}`, `{"UserSettings":{}}`, `{"UserSettings":{"Telephony":{"InboundCalling":true,"SMS":true}}}`} {
		h.refused(api.BadRequestException, "UpdateUserSettings", "accountId=A&userId=reg", "", incomplete)
	}
	for _, labels := range []string{"accountId=A&userId=nobody", "accountId=B&userId=reg"} {
		h.refused(api.NotFoundException, "GetUserSettings", labels, "", "")
		h.refused(api.NotFoundException, "UpdateUserSettings", labels, "", body(true, true, true))
	}
	other := h.as(foreignAccount)
	other.refused(api.NotFoundException, "GetUserSettings", "accountId=A&userId=reg", "", "")
	other.refused(api.NotFoundException, "UpdateUserSettings", "accountId=A&userId=reg", "", body(true, true, true))
	h.refused(api.BadRequestException, "GetUserSettings", "accountId=A&userId= ", "", "")
}

func TestGlobalSettings(t *testing.T) {
	h := newHouse(t)
	get := func(h *house, want string) {
		t.Helper()
		equal(t, "settings", h.must("GetGlobalSettings", "", "", ""), want)
	}
	put := func(body string) {
		t.Helper()
		equal(t, "answer", h.must("UpdateGlobalSettings", "", "", body), "")
	}
	get(h, `{"BusinessCalling":{},"VoiceConnector":{}}`)
	put(`{"BusinessCalling":{"CdrBucket":"calls.2026"},"VoiceConnector":{"CdrBucket":"voice"}}`)
	get(h, `{"BusinessCalling":{"CdrBucket":"calls.2026"},"VoiceConnector":{"CdrBucket":"voice"}}`)
	get(h.as(foreignAccount), `{"BusinessCalling":{},"VoiceConnector":{}}`)
	put(`{"VoiceConnector":{"CdrBucket":""}}`)
	get(h, `{"BusinessCalling":{"CdrBucket":"calls.2026"},"VoiceConnector":{}}`)
	put(``)
	put(`{"VoiceConnector":{}}`)
	get(h, `{"BusinessCalling":{"CdrBucket":"calls.2026"},"VoiceConnector":{}}`)
	put(`{"BusinessCalling":{}}`)
	get(h, `{"BusinessCalling":{},"VoiceConnector":{}}`)
	equal(t, "audit", h.audited(0), []string{
		`UpdateGlobalSettings 111122223333 {"BusinessCallingCdrBucket": "", "VoiceConnectorCdrBucket": ""} ` +
			`{"BusinessCallingCdrBucket": "calls.2026", "VoiceConnectorCdrBucket": "voice"}`,
		`UpdateGlobalSettings 111122223333 {"VoiceConnectorCdrBucket": "voice"} {"VoiceConnectorCdrBucket": ""}`,
		`UpdateGlobalSettings 111122223333 {"BusinessCallingCdrBucket": "calls.2026"} {"BusinessCallingCdrBucket": ""}`,
	})

	for _, name := range []string{"abc", strings.Repeat("a", 63), "0-a.b-9", "1.2.3"} {
		put(`{"BusinessCalling":{"CdrBucket":"` + name + `"}}`)
	}
	n := len(h.audit())
	for _, name := range []string{"ab", strings.Repeat("a", 64), "Calls", "a_b", "a..b", ".abc", "abc-", "192.168.5.4", "xn--abc", "sthree-abc",
		"amzn-s3-demo-abc", "abc-s3alias", "abc--ol-s3", "abc.mrap", "abc--x-s3", "abc--table-s3", "bücher", " "} {
		h.refused(api.BadRequestException, "UpdateGlobalSettings", "", "", `{"BusinessCalling":{"CdrBucket":"`+name+`"}}`)
		h.refused(api.BadRequestException, "UpdateGlobalSettings", "", "", `{"BusinessCalling":{},"VoiceConnector":{"CdrBucket":"`+name+`"}}`)
	}
	equal(t, "audit of nothing", h.audited(n), []string{})
}

func TestDelegateGroups(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseDirectory")
	groups := func(want ...string) {
		t.Helper()
		var answer struct {
			Account struct{ SigninDelegateGroups []struct{ GroupName string } }
		}
		parse(t, h.must("GetAccount", "accountId=A", "", ""), &answer)
		got := []string{}
		for _, g := range answer.Account.SigninDelegateGroups {
			got = append(got, g.GroupName)
		}
		equal(t, "groups", got, append([]string{}, want...))
	}
	add := func(body string) {
		t.Helper()
		equal(t, "answer", h.must("AssociateSigninDelegateGroupsWithAccount", "accountId=A", "", `{"SigninDelegateGroups":`+body+`}`), "")
	}
	remove := func(names string) string { return `{"GroupNames":` + names + `}` }

	add(`[{"GroupName":"ops"},{"GroupName":"desk"},{"GroupName":"ops"}]`)
	groups("ops", "desk")
	add(`[{"GroupName":"desk"}]`)
	add(`[]`)
	add(`[{"GroupName":"Desk"},{"GroupName":"ops"}]`)
	groups("ops", "desk", "Desk")

	// One that is not associated keeps all of them.
	h.refused(api.NotFoundException, "DisassociateSigninDelegateGroupsFromAccount", "accountId=A", "", remove(`["ops","none"]`))
	groups("ops", "desk", "Desk")
	equal(t, "answer", h.must("DisassociateSigninDelegateGroupsFromAccount", "accountId=A", "", remove(`["desk","ops","desk"]`)), "")
	groups("Desk")
	h.must("DisassociateSigninDelegateGroupsFromAccount", "accountId=A", "", remove(`["Desk"]`))
	groups()
	equal(t, "audit", h.audited(0), []string{
		`AssociateSigninDelegateGroupsWithAccount A {"SigninDelegateGroups": []} {"SigninDelegateGroups": ["ops", "desk"]}`,
		`AssociateSigninDelegateGroupsWithAccount A {"SigninDelegateGroups": ["ops", "desk"]} {"SigninDelegateGroups": ["ops", "desk", "Desk"]}`,
		`DisassociateSigninDelegateGroupsFromAccount A {"SigninDelegateGroups": ["ops", "desk", "Desk"]} {"SigninDelegateGroups": ["Desk"]}`,
		`DisassociateSigninDelegateGroupsFromAccount A {"SigninDelegateGroups": ["Desk"]} {"SigninDelegateGroups": []}`,
	})

	for _, body := range []string{`{}`, `{"SigninDelegateGroups":[{"GroupName":"new"},{}]}`, `{"SigninDelegateGroups":[{"GroupName":" "}]}`} {
		h.refused(api.BadRequestException, "AssociateSigninDelegateGroupsWithAccount", "accountId=A", "", body)
	}
	for _, body := range []string{`{}`, `{"GroupNames":[]}`} {
		h.refused(api.BadRequestException, "DisassociateSigninDelegateGroupsFromAccount", "accountId=A", "", body)
	}
	groups()

	for _, other := range []string{"Team", "EnterpriseLWA", "EnterpriseOIDC"} {
		h.addAccount(other, other, func(a *store.Account) { a.SigninDelegateGroups = []string{"g"} })
		h.refused(api.BadRequestException, "AssociateSigninDelegateGroupsWithAccount", "accountId="+other, "", `{"SigninDelegateGroups":[]}`)
		h.refused(api.BadRequestException, "DisassociateSigninDelegateGroupsFromAccount", "accountId="+other, "", remove(`["g"]`))
	}
	for _, tenant := range []*house{h, h.as(foreignAccount)} {
		labels := "accountId=B"
		if tenant != h {
			labels = "accountId=A"
		}
		tenant.refused(api.NotFoundException, "AssociateSigninDelegateGroupsWithAccount", labels, "", `{"SigninDelegateGroups":[{}]}`)
		tenant.refused(api.NotFoundException, "DisassociateSigninDelegateGroupsFromAccount", labels, "", remove(`["g"]`))
	}
}
