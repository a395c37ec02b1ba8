package directory_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/store"
)

// ownDomains claims domains for an account, one a minute.
func (h *house) ownDomains(account string, domains ...string) {
	h.t.Helper()
	h.write(func(tx store.Tx) error {
		for i, name := range domains {
			d := store.Domain{Name: name, AWSAccountID: awsAccount, AccountID: account, Claimed: now.Add(time.Duration(i) * time.Minute)}
			if err := tx.InsertDomain(d); err != nil {
				return err
			}
		}
		return nil
	})
}

type apiBot struct {
	BotId, UserId, DisplayName, BotType          string
	Disabled                                     *bool
	CreatedTimestamp, UpdatedTimestamp, BotEmail string
	SecurityToken                                string
}

func botIn(t *testing.T, reply string) apiBot {
	t.Helper()
	var parsed struct{ Bot apiBot }
	parse(t, reply, &parsed)
	return parsed.Bot
}

func (h *house) addBot(t *testing.T, account, name string) apiBot {
	t.Helper()
	return botIn(t, h.must("CreateBot", "accountId="+account, "", fmt.Sprintf(`{"DisplayName":%q}`, name)))
}

func botLabels(account, bot string) string { return "accountId=" + account + "&botId=" + bot }

// bots returns the names that a page of ListBots has, and the token of the next.
func (h *house) bots(account, query string) (names []string, next string) {
	h.t.Helper()
	var page struct {
		Bots      []apiBot
		NextToken string
	}
	parse(h.t, h.must("ListBots", "accountId="+account, query, ""), &page)
	for _, b := range page.Bots {
		names = append(names, b.DisplayName)
	}
	return names, page.NextToken
}

func TestBots(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.ownDomains("A", "a.example")
		made := h.must("CreateBot", "accountId=A", "", `{"DisplayName":"Lunch  Menu"}`)
		b := botIn(t, made)
		show := func(disabled bool, updated, token string) string {
			return fmt.Sprintf(`{"BotId":"%s","UserId":"%[1]s","DisplayName":"Lunch  Menu (Bot)","BotType":"ChatBot","Disabled":%t,"CreatedTimestamp":"%s",`+
				`"UpdatedTimestamp":"%s","BotEmail":"lunchmenu-chimebot@a.example","SecurityToken":"%s"}`, b.BotId, disabled, stamp, updated, token)
		}
		check := func(want string) {
			t.Helper()
			equal(t, "GetBot", h.must("GetBot", botLabels("A", b.BotId), "", ""), `{"Bot":`+want+`}`)
			equal(t, "ListBots", h.must("ListBots", "accountId=A", "", ""), `{"Bots":[`+want+`]}`)
		}
		if bytes, err := base64.StdEncoding.DecodeString(b.SecurityToken); err != nil || len(bytes) != 30 {
			t.Errorf("security token: got %q, want 40 characters of base64", b.SecurityToken)
		}
		equal(t, "CreateBot", made, `{"Bot":`+show(false, stamp, b.SecurityToken)+`}`)
		check(show(false, stamp, b.SecurityToken))

		// What changes nothing leaves the time of the last change.
		later := h.later(time.Hour)
		for _, body := range []string{"", "{}", `{"Disabled":null}`, `{"Disabled":false}`} {
			equal(t, "UpdateBot "+body, later.must("UpdateBot", botLabels("A", b.BotId), "", body), `{"Bot":`+show(false, stamp, b.SecurityToken)+`}`)
		}
		h.refused(api.BadRequestException, "UpdateBot", botLabels("A", b.BotId), "", `{"Disabled":"true"}`)
		want := show(true, "2026-03-01T13:00:00.123Z", b.SecurityToken)
		equal(t, "UpdateBot", later.must("UpdateBot", botLabels("A", b.BotId), "", `{"Disabled":true}`), `{"Bot":`+want+`}`)
		check(want)

		renewed := botIn(t, h.later(2*time.Hour).must("RegenerateSecurityToken", botLabels("A", b.BotId), "", ""))
		if renewed.SecurityToken == b.SecurityToken || len(renewed.SecurityToken) != 40 {
			t.Errorf("RegenerateSecurityToken: got the token %q after %q, want another one", renewed.SecurityToken, b.SecurityToken)
		}
		check(show(true, "2026-03-01T14:00:00.123Z", renewed.SecurityToken))
		for _, operation := range []string{"GetBot", "UpdateBot", "RegenerateSecurityToken"} {
			h.refused(api.NotFoundException, operation, botLabels("A", "nobody"), "", "")
		}

		equal(t, "audit", h.audited(0), []string{
			"CreateBot " + b.BotId + `  {"BotId": "` + b.BotId + `", "DisplayName": "Lunch  Menu (Bot)", "BotEmail": "lunchmenu-chimebot@a.example", ` +
				`"CreatedTimestamp": "` + stamp + `", "SecurityToken": "***"}`,
			"UpdateBot " + b.BotId + ` {"BotId": "` + b.BotId + `", "Disabled": false} {"BotId": "` + b.BotId + `", "Disabled": true}`,
			"RegenerateSecurityToken " + b.BotId + ` {"BotId": "` + b.BotId + `", "SecurityToken": "***"} {"BotId": "` + b.BotId + `", "SecurityToken": "***"}`,
		})
	})
}

func TestBots_Names(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseDirectory")
		h.ownDomains("A", "a.example")
		long := strings.Repeat("x", 55)
		tooLong := "no e-mail address"
		for name, want := range map[string]string{ // the mailbox, or what the error says
			"Lunch": "lunch", " Ü Ber ": "über", long: long, "it's": "it's", "a+b.c": "a+b.c",
			"": "DisplayName must have 1 to 55", " \t ": "DisplayName must have 1 to 55", "\u3000": "DisplayName must have 1 to 55",
			long + "x": "DisplayName must have 1 to 55", strings.Repeat("é", 56): "DisplayName must have 1 to 55",
			"a@b": tooLong, "a,b": tooLong, "a\u0001b": tooLong, "a\u200bb": tooLong,
		} {
			body, _ := json.Marshal(map[string]string{"DisplayName": name})
			out, err := h.call("CreateBot", "accountId=A", "", string(body))
			if strings.Contains(want, "DisplayName") || want == tooLong {
				if exception(err) != api.BadRequestException || !strings.Contains(err.Error(), want) || name != "" && strings.Contains(err.Error(), name) && name != " \t " {
					t.Errorf("CreateBot of %q: got %s, error %v; want BadRequestException with %q that does not tell the name", name, out, err, want)
				}
				continue
			}
			if err != nil {
				t.Errorf("CreateBot of %q: %v", name, err)
				continue
			}
			b := botIn(t, out)
			equal(t, "name", b.DisplayName, name+" (Bot)")
			equal(t, "address of "+name, b.BotEmail, want+"-chimebot@a.example")
		}
		for _, body := range []string{`{}`, `{"DisplayName":null}`, `{"DisplayName":1}`} {
			h.refused(api.BadRequestException, "CreateBot", "accountId=A", "", body)
		}
	})
}

func TestBots_Domains(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		h.addAccount("A", "EnterpriseLWA")
		h.addAccount("B", "EnterpriseLWA")
		h.refused(api.BadRequestException, "CreateBot", "accountId=A", "", `{"DisplayName":"x"}`) // nothing is claimed
		h.ownDomains("A", "second.example", "first.example")                                      // by their names, the other is first
		h.ownDomains("B", "b.example")
		equal(t, "address", h.addBot(t, "A", "x").BotEmail, "x-chimebot@second.example")
		equal(t, "address in a domain that is named", botIn(t, h.must("CreateBot", "accountId=A", "", `{"DisplayName":"x","Domain":"First.EXAMPLE"}`)).BotEmail, "x-chimebot@first.example")
		for _, domain := range []string{"b.example", "x.first.example", "example", "", " ", "first.example x", "first.example."} {
			h.refused(api.BadRequestException, "CreateBot", "accountId=A", "", fmt.Sprintf(`{"DisplayName":"y","Domain":%q}`, domain))
		}

		// Addresses are unique, among bots and users, in any spelling. A domain that moves to another
		// account takes no address with it.
		h.addUsers(registered("A", "u", func(u *store.User) { u.Email = "Ana-ChimeBot@first.example" }))
		for _, body := range []string{`{"DisplayName":"x"}`, `{"DisplayName":" X "}`, `{"DisplayName":"ana","Domain":"first.example"}`} {
			h.refused(api.BadRequestException, "CreateBot", "accountId=A", "", body)
		}
		h.must("CreateBot", "accountId=A", "", `{"DisplayName":"ana"}`) // in the other domain

		// Nobody joins under the address of a bot; who is only invited elsewhere keeps none from one.
		h.addAccount("D", "EnterpriseDirectory")
		h.addAccount("T", "Team")
		h.ownDomains("D", "d.example")
		h.must("CreateBot", "accountId=D", "", `{"DisplayName":"x"}`)
		h.refused(api.ConflictException, "CreateUser", "accountId=D", "", `{"Email":"X-ChimeBot@d.example"}`)
		if _, err := op.RegisterUser(t.Context(), "D", "x-chimebot@d.example"); exception(err) != api.ConflictException {
			t.Errorf("RegisterUser: got %v, want a conflict", err)
		}
		h.addUsers(registered("T", "g", invited, func(u *store.User) { u.Email = "guest-chimebot@d.example" }))
		h.must("CreateBot", "accountId=D", "", `{"DisplayName":"guest"}`)
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "second.example"))
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "B", "second.example"))
		h.refused(api.BadRequestException, "CreateBot", "accountId=B", "", `{"DisplayName":"x","Domain":"second.example"}`)
		h.must("CreateBot", "accountId=B", "", `{"DisplayName":"z","Domain":"second.example"}`)
		names, _ := h.bots("A", "")
		equal(t, "bots of the account that released the domain", names, []string{"x (Bot)", "x (Bot)", "ana (Bot)"})
	})
}

// Requests that come at the same time get different addresses, or an error.
func TestBots_AtTheSameTime(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.ownDomains("A", "a.example")
		var wg sync.WaitGroup
		var mu sync.Mutex
		count := map[api.Exception]int{}
		for i := range 24 { // each name twice, and two more than the account can have
			wg.Go(func() {
				_, err := h.call("CreateBot", "accountId=A", "", fmt.Sprintf(`{"DisplayName":"x%d"}`, i/2))
				mu.Lock()
				defer mu.Unlock()
				if err != nil && exception(err) == "" {
					t.Errorf("CreateBot: %v", err)
				}
				count[exception(err)]++
			})
		}
		wg.Wait()
		names, _ := h.bots("A", "max-results=99")
		slices.Sort(names)
		if made := len(names); made != 10 || len(slices.Compact(names)) != 10 || count[""] != 10 ||
			count[api.BadRequestException]+count[api.ResourceLimitExceededException] != 14 {
			t.Errorf("got bots %q and answers %v, want ten bots, and 14 refusals", names, count)
		}
	})
}

// What each operation on bots is called with when all is well.
var botCalls = []struct {
	operation string
	ofBot     bool
	body      string
	reads     bool
}{
	{"CreateBot", false, `{"DisplayName":"new"}`, false},
	{"GetBot", true, "", true},
	{"ListBots", false, "", true},
	{"UpdateBot", true, `{"Disabled":true}`, false},
	{"RegenerateSecurityToken", true, "", false},
	{"PutEventsConfiguration", true, `{"LambdaFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:x"}`, false},
	{"GetEventsConfiguration", true, "", true},
	{"DeleteEventsConfiguration", true, "", false},
}

// Bots are those of Enterprise accounts of the caller, which can be read only while suspended.
func TestBots_Accounts(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, kind := range []string{"EnterpriseLWA", "EnterpriseDirectory", "EnterpriseOIDC", "Team"} {
			h.addAccount(kind, kind)
			h.ownDomains(kind, strings.ToLower(kind)+".example")
		}
		bot := h.addBot(t, "EnterpriseOIDC", "x").BotId
		h.must("PutEventsConfiguration", botLabels("EnterpriseOIDC", bot), "", `{"LambdaFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:y"}`)
		setStatus := func(account, status string) {
			h.write(func(tx store.Tx) error {
				a, err := tx.FindAccount(account)
				a.Status = status
				if err == nil {
					err = tx.UpdateAccount(a)
				}
				return err
			})
		}
		labels := func(ofBot bool, account, bot string) string {
			if ofBot {
				return botLabels(account, bot)
			}
			return "accountId=" + account
		}
		records := len(h.audit())
		foreign := h.as("444455556666")
		setStatus("EnterpriseOIDC", "Suspended")
		for _, c := range botCalls {
			h.refused(api.BadRequestException, c.operation, labels(c.ofBot, "Team", bot), "", c.body)
			h.refused(api.NotFoundException, c.operation, labels(c.ofBot, "nowhere", bot), "", c.body)
			foreign.refused(api.NotFoundException, c.operation, labels(c.ofBot, "EnterpriseOIDC", bot), "", c.body)
			h.refused(api.BadRequestException, c.operation, labels(c.ofBot, " ", bot), "", c.body)
			if c.ofBot {
				h.refused(api.NotFoundException, c.operation, labels(true, "EnterpriseLWA", bot), "", c.body)
				h.refused(api.BadRequestException, c.operation, labels(true, "EnterpriseLWA", " "), "", c.body)
			}
			if c.reads {
				h.must(c.operation, labels(c.ofBot, "EnterpriseOIDC", bot), "", c.body)
			} else {
				h.refused(api.ForbiddenException, c.operation, labels(c.ofBot, "EnterpriseOIDC", bot), "", c.body)
			}
		}
		setStatus("Team", "Suspended") // which comes before a type that does not fit
		h.refused(api.ForbiddenException, "CreateBot", "accountId=Team", "", `{"DisplayName":"x"}`)
		h.refused(api.BadRequestException, "ListBots", "accountId=Team", "", "")
		if got := h.audited(records); len(got) > 0 {
			t.Errorf("what was refused is in the trail: %q", got)
		}
		setStatus("EnterpriseOIDC", "Active")
		for _, c := range botCalls {
			h.must(c.operation, labels(c.ofBot, "EnterpriseOIDC", bot), "", c.body)
		}
		h.addBot(t, "EnterpriseLWA", "x")
		h.addBot(t, "EnterpriseDirectory", "x")
	})
}

// A bot outlasts the time in which its account is a Team account, though nobody sees it then.
func TestBots_ReleasedDomain(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		op := directory.NewOperator(h.store, directory.Options{})
		h.addAccount("A", "Team")
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "a.example"))
		bot := h.addBot(t, "A", "x").BotId
		h.must("PutEventsConfiguration", botLabels("A", bot), "", `{"LambdaFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:x"}`)
		before := h.must("GetBot", botLabels("A", bot), "", "")
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "a.example"))
		h.refused(api.BadRequestException, "GetBot", botLabels("A", bot), "", "")
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "A", "other.example"))
		equal(t, "GetBot", h.must("GetBot", botLabels("A", bot), "", ""), before)
		h.must("GetEventsConfiguration", botLabels("A", bot), "", "")

		// The bots of a deleted account go with it, and keep their addresses.
		ok[api.Account](t)(op.ReleaseDomain(t.Context(), "A", "other.example"))
		h.must("DeleteAccount", "accountId=A", "", "")
		h.refused(api.NotFoundException, "GetBot", botLabels("A", bot), "", "")
		h.addAccount("B", "Team")
		ok[api.Account](t)(op.ClaimDomain(t.Context(), "B", "a.example"))
		h.refused(api.BadRequestException, "CreateBot", "accountId=B", "", `{"DisplayName":"x"}`)
		h.addBot(t, "B", "y")
	})
}

func TestBots_Quota(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, account := range []string{"A", "B"} {
			h.addAccount(account, "EnterpriseLWA")
			h.ownDomains(account, strings.ToLower(account)+".example")
		}
		for i := range 10 {
			bot := h.addBot(t, "A", fmt.Sprint("x", i))
			h.must("UpdateBot", botLabels("A", bot.BotId), "", `{"Disabled":true}`) // which counts all the same
		}
		records := len(h.audit())
		h.refused(api.ResourceLimitExceededException, "CreateBot", "accountId=A", "", `{"DisplayName":"x10"}`)
		equal(t, "records of what was refused", len(h.audit()), records)
		h.addBot(t, "B", "x")
	})
}

func TestPagesOfBots(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		for _, account := range []string{"A", "B", "C"} {
			h.addAccount(account, "EnterpriseLWA")
			h.ownDomains(account, strings.ToLower(account)+".example")
		}
		var all []string
		for i := range 12 { // more than the quota, as it may be lowered one day
			name := fmt.Sprintf("bot %d (Bot)", (i*7)%12)
			all = append(all, name)
			h.write(func(tx store.Tx) error {
				for _, account := range []string{"A", "B"} {
					b := store.Bot{AccountID: account, BotID: fmt.Sprint("b", i), Name: name, Email: fmt.Sprint(i, "@", account, ".example"), Created: now, Updated: now}
					if err := tx.InsertBot(&b); err != nil {
						return err
					}
				}
				return nil
			})
		}
		page, first := h.bots("A", "")
		if len(page) != 10 || first == "" {
			t.Errorf("the first page: got %d bots and the token %q, want 10 and a token", len(page), first)
		}
		for _, sizes := range [][]int{{99}, {5}, {1, 99, 3}} { // the size may change on the way
			var got []string
			for token, i := "", 0; i == 0 || token != ""; i++ {
				page, next := h.bots("A", fmt.Sprintf("max-results=%d&next-token=%s", sizes[i%len(sizes)], url.QueryEscape(token)))
				got, token = append(got, page...), next
			}
			equal(t, fmt.Sprintf("bots in pages of %d", sizes), got, all)
		}
		token := "next-token=" + url.QueryEscape(first)
		altered := []byte(first)
		altered[3] ^= 1
		h.must("ListBots", "accountId=A", token, "")
		h.refused(api.BadRequestException, "ListBots", "accountId=B", token, "")
		h.refused(api.BadRequestException, "ListBots", "accountId=A", "next-token="+url.QueryEscape(string(altered)), "")
		for _, operation := range []string{"ListUsers", "ListRooms"} {
			h.refused(api.BadRequestException, operation, "accountId=A", token, "")
		}
		for _, size := range []string{"0", "100", "-1", "x", "1.5", "", "99999999999999999999"} {
			h.refused(api.BadRequestException, "ListBots", "accountId=A", "max-results="+size, "")
		}
		equal(t, "an empty listing", h.must("ListBots", "accountId=C", "", ""), `{"Bots":[]}`)
	})
}

func TestEventsConfiguration(t *testing.T) {
	onEngines(t, func(t *testing.T, h *house) {
		h.addAccount("A", "EnterpriseLWA")
		h.ownDomains("A", "a.example")
		made := h.addBot(t, "A", "x")
		bot, records := botLabels("A", made.BotId), len(h.audit())
		other := botLabels("A", h.addBot(t, "A", "y").BotId)
		records++
		endpoint, arn := `"OutboundEventsHTTPSEndpoint":"`+newBotHost(t).url+`/x?secret=s3cr3t"`, `"LambdaFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:lunch"`
		show := func(config string) string {
			return `{"EventsConfiguration":{"BotId":"` + made.BotId + `",` + config + `}}`
		}
		h.refused(api.NotFoundException, "GetEventsConfiguration", bot, "", "")
		equal(t, "deleting what is not there", h.must("DeleteEventsConfiguration", bot, "", ""), "")
		for _, config := range []string{endpoint, endpoint, arn} { // the latter replaces the former
			equal(t, "PutEventsConfiguration", h.must("PutEventsConfiguration", bot, "", `{`+config+`}`), show(config))
			equal(t, "GetEventsConfiguration", h.must("GetEventsConfiguration", bot, "", ""), show(config))
		}
		h.must("UpdateBot", bot, "", `{"Disabled":true}`)
		h.must("RegenerateSecurityToken", bot, "", "")
		equal(t, "GetEventsConfiguration after other changes", h.must("GetEventsConfiguration", bot, "", ""), show(arn))
		h.refused(api.NotFoundException, "GetEventsConfiguration", other, "", "")
		equal(t, "DeleteEventsConfiguration", h.must("DeleteEventsConfiguration", bot, "", ""), "")
		h.refused(api.NotFoundException, "GetEventsConfiguration", bot, "", "")
		for _, operation := range []string{"PutEventsConfiguration", "GetEventsConfiguration", "DeleteEventsConfiguration"} {
			h.refused(api.NotFoundException, operation, botLabels("A", "nobody"), "", `{`+arn+`}`)
		}

		// The trail says that it changed, and not to what.
		id := `"BotId": "` + made.BotId + `"`
		var got []string
		for _, line := range h.audited(records) {
			if strings.Contains(line, "EventsConfiguration") {
				got = append(got, line)
			}
		}
		equal(t, "audit", got, []string{
			"PutEventsConfiguration " + made.BotId + ` {` + id + `, "OutboundEventsHTTPSEndpoint": ""} {` + id + `, "OutboundEventsHTTPSEndpoint": "***"}`,
			"PutEventsConfiguration " + made.BotId + ` {` + id + `, "OutboundEventsHTTPSEndpoint": "***", "LambdaFunctionArn": ""} {` + id + `, "OutboundEventsHTTPSEndpoint": "", "LambdaFunctionArn": "***"}`,
			"DeleteEventsConfiguration " + made.BotId + ` {` + id + `, "LambdaFunctionArn": "***"} {` + id + `, "LambdaFunctionArn": ""}`,
		})
	})
}

func TestEventsConfiguration_Places(t *testing.T) {
	h := newHouse(t)
	h.addAccount("A", "EnterpriseLWA")
	h.ownDomains("A", "a.example")
	bot := botLabels("A", h.addBot(t, "A", "x").BotId)
	put := func(members map[string]any, good bool) {
		t.Helper()
		body, _ := json.Marshal(members)
		out, err := h.call("PutEventsConfiguration", bot, "", string(body))
		if good {
			for name, value := range members {
				if err != nil || value != nil && !strings.Contains(out, fmt.Sprintf("%q:%q", name, value)) {
					t.Errorf("%s: got %s, error %v", body, out, err)
				}
			}
			return
		}
		if exception(err) != api.BadRequestException {
			t.Errorf("%s: got %s, error %v, want BadRequestException", body, out, err)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the value: %v", body, err)
		}
	}
	const endpoint, lambda = "OutboundEventsHTTPSEndpoint", "LambdaFunctionArn"
	for text, good := range map[string]bool{
		"https://bots.example.com": true, "HTTPS://bots.example.com/x?y=z": true, "https://10.0.0.1:8443/": true, "https://[2001:db8::1]/x": true,
		"https://bots.example.com:443/%20": true, "https://bots.example.com/" + strings.Repeat("x", 2048-25): true,
		"https://bots.example.com/" + strings.Repeat("x", 2048-24): false,
		"": false, " ": false, "secret": false, "http://secret.example.com/": false, "https://": false, "https:///secret": false, "https:secret": false,
		"//secret.example.com": false, "https://user:secret@example.com/": false, "https://secret.example.com/#x": false, "https://secret.example.com/#": false,
		"https://secret.example.com/ x": false, " https://secret.example.com": false, "https://secret.example.com:0/": false, "https://secret.example.com:65536/": false,
		"https://secret.example.com:x/": false, "https://secret.example.com/%zz": false, "ftp://secret.example.com": false,
		"https://..": false, "https://-": false, "https://<secret>/": false, `https://secret"b/`: false, "https://secret.example.com:": false,
		"https://sec\u200bret.example.com/": false, "https://secret.example.com/\u202e": false, "https://localhost/x": true,
	} {
		if got := directory.IsEndpoint(text); got != good {
			t.Errorf("%.100q as an endpoint: got %t, want %t", text, got, good)
		}
		if !good {
			put(map[string]any{endpoint: text, lambda: nil}, false)
		}
	}
	name := strings.Repeat("x", 64)
	for text, good := range map[string]bool{
		"arn:aws:lambda:us-east-1:111122223333:function:x": true, "arn:aws:lambda:eu-central-2:111122223333:function:A_b-1": true,
		"arn:aws-cn:lambda:cn-north-1:111122223333:function:x": true, "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:x:3": true,
		"arn:aws:lambda:us-east-1:111122223333:function:x:$LATEST": true, "arn:aws:lambda:us-east-1:111122223333:function:" + name: true,
		"arn:aws:lambda:us-east-1:111122223333:function:" + name + "x": false,
		"arn:aws-eusc:lambda:eusc-de-east-1:111122223333:function:x":   true, "arn:awsfoo---:lambda:us-east-1:111122223333:function:secret": false,
		"": false, "secret": false, "arn:aws:lambda:us-east-1:11112222333:function:secret": false, "arn:aws:sns:us-east-1:111122223333:secret": false,
		"arn:aws:lambda:us-east-1:111122223333:function:": false, "arn:aws:lambda:us-east-1:111122223333:function:secret:": false,
		"arn:aws:lambda::111122223333:function:secret": false, "arn:aws:lambda:us-east-1:111122223333:function:secret\n": false,
		"x arn:aws:lambda:us-east-1:111122223333:function:secret": false,
	} {
		put(map[string]any{lambda: text}, good)
	}
	put(map[string]any{}, false)
	put(map[string]any{endpoint: nil, lambda: nil}, false)
	put(map[string]any{endpoint: "https://secret.example.com", lambda: "arn:aws:lambda:us-east-1:111122223333:function:secret"}, false)
	put(map[string]any{endpoint: "https://secret.example.com", lambda: ""}, false)
	put(map[string]any{endpoint: 1}, false)
}
