package testmode_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/testmode"
)

func TestReadRules(t *testing.T) {
	for _, test := range []struct {
		text string
		want string // the rules in JSON, as the service shows them
	}{
		{`[]`, `[]`},
		{` [ ] `, `[]`},
		{`{"effect":{"code":"ThrottledClientException"}}`, `[{"where":"before","effect":{"statusCode":429,"code":"ThrottledClientException"}}]`},
		{`[{"effect":{"statusCode":429}}]`, `[{"where":"before","effect":{"statusCode":429,"code":"ThrottledClientException"}}]`},
		{`[{"service":"chime","operation":"GetAccount","probability":1.0,"error":{"statusCode":500,"code":"ServiceFailureException"}}]`,
			`[{"service":"chime","operation":"GetAccount","where":"before","probability":1,"effect":{"statusCode":500,"code":"ServiceFailureException"}}]`},
		{`[{"operation":"*","where":"item","effect":{"code":"Throttled"}}]`, `[{"where":"item","effect":{"code":"Throttled"}}]`},
		{`[{"where":"item","effect":{"code":"ThrottledClientException"}}]`, `[{"where":"item","effect":{"code":"Throttled"}}]`},
		{`[{"where":"item","effect":{"statusCode":404}}]`, `[{"where":"item","effect":{"code":"NotFound"}}]`},
		{`[{"where":"item","effect":{"statusCode":429,"code":"Throttled"}}]`, `[{"where":"item","effect":{"code":"Throttled"}}]`},
		{`[{"where":"item","effect":{"code":"PreconditionFailed","message":"no"}}]`, `[{"where":"item","effect":{"code":"PreconditionFailed","message":"no"}}]`},
		{`[{"id":"a.b-c_1","fired":7,"expired":true,"key":null,"skip":2,"count":3,"seed":-9007199254740992,"expires":"7d","user":"a*@example.com","test":"T/1","region":"us-east-1",` +
			`"effect":{"latency":{"ms":300,"jitter":100},"connection":"stall"},"where":"after"}]`,
			`[{"id":"a.b-c_1","region":"us-east-1","user":"a*@example.com","test":"T/1","where":"after","skip":2,"count":3,"seed":-9007199254740992,"expires":"7d",` +
				`"effect":{"latency":{"ms":300,"jitter":100},"connection":"stall"}}]`},
		{`[{"effect":{"statusCode":503,"connection":"truncate"}}]`, `[{"where":"before","effect":{"statusCode":503,"code":"ServiceUnavailableException","connection":"truncate"}}]`},
		{`[{"probability":0,"effect":{"connection":"reset"}}]`, `[{"where":"before","probability":0,"effect":{"connection":"reset"}}]`},
	} {
		rules, err := testmode.ReadRules(chime.Service, []byte(test.text))
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if got := asJSON(t, rules); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.text, got, test.want)
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// effect is a rule with an effect on an operation.
func effect(operation, where, effect string) string {
	return fmt.Sprintf(`[{"operation":%q,"where":%q,"effect":%s}]`, operation, where, effect)
}

func TestReadRules_refused(t *testing.T) {
	const fine = `{"effect":{"statusCode":429}}`
	for _, test := range []struct{ text, want string }{
		{``, `the rules are not valid JSON: the text ends too early`},
		{`[`, `the rules are not valid JSON: the text ends too early`},
		{`[{]`, `the rules are not valid JSON: invalid character`},
		{`[] []`, `the rules are not valid JSON: more text follows`},
		{`[{"id":"a","id":"b"}]`, `the rules are not valid JSON: duplicate object member name "id"`},
		{`null`, `the rules must be a JSON array of objects, or one object`},
		{`"r1"`, `the rules must be a JSON array of objects, or one object`},
		{`[1]`, `[0]: must be an object`},
		{`[` + fine + `,[]]`, `[1]: must be an object`},
		{`[` + strings.Repeat(fine+`,`, 1000) + fine + `]`, `there may be 1000 rules at most, and these are 1001`},
		{`[{"id":"a","effect":{"statusCode":429}},{"id":"a","effect":{"statusCode":429}}]`, `[1].id: two rules are called "a"`},

		{`[{"operatoin":"GetUser"}]`, `[0].operatoin: there is no such member: did you mean operation?`},
		{`{"operatoin":"GetUser"}`, `operatoin: there is no such member: did you mean operation?`},
		{`[{"zz":1}]`, `[0].zz: there is no such member: use one of id, service, region, operation, key, account, user, test, where, skip, count`},
		{`[{"\u0007\"":1}]`, `[0]."\a\"": there is no such member`},
		{`[{"effect":{"codes":1}}]`, `[0].effect.codes: there is no such member: did you mean code?`},
		{`[{"error":{"codes":1}}]`, `[0].error.codes: there is no such member: did you mean code?`},
		{`[{"effect":{"latency":{"mss":1}}}]`, `[0].effect.latency.mss: there is no such member: use one of ms, jitter`},

		{`[{"id":7}]`, `[0].id: must be a text, in double quotes`},
		{`[{"id":""}]`, `[0].id: must not be empty: leave it out if it does not matter`},
		{`[{"id":"a b"}]`, `[0].id: "a b" must consist of letters, digits, - _ and .`},
		{`[{"id":"` + strings.Repeat("a", 65) + `"}]`, `[0].id: must have at most 64 bytes, it has 65`},
		{`[{"test":"a\nb"}]`, `[0].test: must not hold control characters`},
		{`[{"service":"kinesis"}]`, `[0].service: "kinesis" is none of chime`},
		{`[{"operation":"BatchUpdateUsers"}]`, `[0].operation: there is no operation "BatchUpdateUsers": did you mean BatchUpdateUser?`},
		{`[{"operation":"batch-update-user"}]`, `[0].operation: there is no operation "batch-update-user": did you mean BatchUpdateUser?`},
		{`[{"operation":"SearchUsers"}]`, `[0].operation: there is no operation "SearchUsers"`}, // which is an extension
		{`[{"where":"befor"}]`, `[0].where: "befor" is none of before, after, item (did you mean before?)`},
		{`[{"where":["item"]}]`, `[0].where: must be a text, in double quotes`},
		{`[{"user":"[a-"}]`, `[0].user: "[a-" is not a pattern`},
		{`[{"operation":"ListAccounts","account":"a","effect":{"statusCode":429}}]`, `[0].account: no call of ListAccounts is for an account, so the rule would hit none: leave it out`},
		{`[{"operation":"BatchDeletePhoneNumber","where":"item","account":"a","effect":{"statusCode":429}}]`, `[0].account: no call of BatchDeletePhoneNumber is for an account`},
		{`[{"operation":"CreateAccount","user":"a","effect":{"statusCode":429}}]`, `[0].user: no call of CreateAccount names a user, a bot or a phone number, so the rule would hit none: leave it out`},
		{`[{"skip":-1}]`, `[0].skip: must be a whole number from 0 to 9007199254740992, not -1`},
		{`[{"skip":1.5}]`, `[0].skip: must be a whole number from 0 to 9007199254740992, not 1.5`},
		{`[{"skip":"2"}]`, `[0].skip: must be a whole number from 0 to 9007199254740992, not "2"`},
		{`[{"count":0}]`, `[0].count: must be a whole number from 1 to 9007199254740992, not 0`},
		{`[{"count":1e400}]`, `[0].count: must be a whole number`},
		{`[{"count":99999999999999999999}]`, `[0].count: must be a whole number`},
		{`[{"seed":true}]`, `[0].seed: must be a whole number`},
		{`[{"probability":1.01}]`, `[0].probability: must be a number from 0 to 1, not 1.01`},
		{`[{"probability":-0.1}]`, `[0].probability: must be a number from 0 to 1, not -0.1`},
		{`[{"probability":NaN}]`, `the rules are not valid JSON`},
		{`[{"probability":"NaN"}]`, `[0].probability: must be a number from 0 to 1, not "NaN"`},
		{`[{"probability":1e999}]`, `[0].probability: must be a number from 0 to 1, not 1e999`},
		{`[{"expires":"soon"}]`, `[0].expires: is "soon", which is not a time such as "90s", "10m" or "7d"`},
		{`[{"expires":"-1m"}]`, `[0].expires: is "-1m"`},
		{`[{"expires":"0s"}]`, `[0].expires: is "0s"`},
		{`[{"expires":60}]`, `[0].expires: must be a text, in double quotes`},

		{`{}`, `effect: is missing: it says what is to happen, as in {"code": "ThrottledClientException"}`},
		{`{"effect":null}`, `effect: is missing`},
		{`{"effect":{}}`, `effect: needs one of statusCode, code, latency and connection`},
		{`{"effect":[]}`, `effect: must be an object`},
		{`{"effect":{"statusCode":429},"error":{"statusCode":429}}`, `error: is another name of effect, which is there, too`},
		{`{"effect":{"message":"x","latency":{"ms":1}}}`, `effect.message: needs a code to go with`},
		{`{"effect":{"retryAfter":1,"latency":{"ms":1}}}`, `effect.retryAfter: needs a code to go with`},
		{`{"effect":{"statusCode":429,"retryAfter":0}}`, `effect.retryAfter: must be a whole number from 1 to 86400, not 0`},
		{`{"effect":{"latency":300}}`, `effect.latency: must be an object`},
		{`{"effect":{"latency":{"jitter":1}}}`, `effect.latency.ms: is missing`},
		{`{"effect":{"latency":{"ms":50001}}}`, `effect.latency.ms: must be a whole number from 0 to 50000, not 50001`},
		{`{"effect":{"latency":{"ms":1,"jitter":2}}}`, `effect.latency.jitter: must be at most ms, which is 1`},
		{`{"effect":{"latency":{"ms":49999,"jitter":2}}}`, `effect.latency.jitter: must not make the delay longer than 50000 ms`},
		{`{"effect":{"connection":"rst"}}`, `effect.connection: "rst" is none of reset, empty, truncate, stall`},
		{`{"effect":{"statusCode":500,"connection":"reset"}}`, `effect.connection: reset sends no answer: leave out the code, or truncate`},
		{`{"effect":{"statusCode":42}}`, `effect.statusCode: must be a whole number from 100 to 599, not 42`},

		{effect("GetUser", "before", `{"code":"ThrotledClientException"}`), `[0].effect.code: GetUser has no exception "ThrotledClientException": did you mean ThrottledClientException?`},
		{effect("GetUser", "before", `{"code":"Throttled"}`), `[0].effect.code: GetUser has no exception "Throttled": did you mean ThrottledClientException?`},
		{effect("GetUser", "after", `{"code":"ConflictException"}`), `[0].effect.code: GetUser has no exception "ConflictException": `},
		{effect("GetEventsConfiguration", "before", `{"code":"ThrottledClientException"}`), `[0].effect.code: GetEventsConfiguration has no exception "ThrottledClientException": `},
		{`[{"effect":{"code":"Teapot"}}]`, `[0].effect.code: the API has no exception "Teapot": use one of `},
		{effect("GetUser", "before", `{"code":"ThrottledClientException","statusCode":500}`), `[0].effect.statusCode: ThrottledClientException has the status 429, not 500`},
		{effect("GetUser", "before", `{"statusCode":418}`), `[0].effect.statusCode: GetUser has no exception with status 418: use one of 401 (UnauthorizedClientException), 404 (NotFoundException)`},
		{effect("RestorePhoneNumber", "before", `{"statusCode":400}`), `[0].effect.statusCode: 400 is BadRequestException or ResourceLimitExceededException: name one as code`},

		{effect("GetUser", "item", `{"code":"Throttled"}`), `[0].where: GetUser is no batch: it has no items that could fail alone; those that have are BatchCreateRoomMembership, `},
		{effect("BatchUpdateUser", "item", `{"code":"Throtled"}`), `[0].effect.code: an item has no code "Throtled": did you mean Throttled?`},
		{effect("BatchUpdateUser", "item", `{"code":"Throttled","statusCode":500}`), `[0].effect.statusCode: Throttled does not go with 500: leave it out`},
		{effect("BatchUpdateUser", "item", `{"code":"PreconditionFailed","statusCode":412}`), `[0].effect.statusCode: PreconditionFailed does not go with 412: leave it out`},
		{effect("BatchUpdateUser", "item", `{"statusCode":412}`), `[0].effect.statusCode: no code of an item goes with 412: use one of BadRequest, `},
		{effect("BatchUpdateUser", "item", `{"latency":{"ms":1}}`), `[0].effect.latency: is for a whole call, not for an item of it`},
		{effect("BatchUpdateUser", "item", `{"code":"Throttled","connection":"reset"}`), `[0].effect.connection: is for a whole call, not for an item of it`},
		{effect("BatchUpdateUser", "item", `{"code":"Throttled","retryAfter":1}`), `[0].effect.retryAfter: is for a whole call, not for an item of it`},
		{effect("BatchUpdateUser", "item", `{"message":"x"}`), `[0].effect.code: is missing: an item fails with one of BadRequest, `},
	} {
		_, err := testmode.ReadRules(chime.Service, []byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.200s:\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

// What is accepted is the same rules when it is written and read again.
func FuzzReadRules(f *testing.F) {
	f.Add(`[]`)
	f.Add(`[{"id":"r1","service":"chime","region":"us-east-1","operation":"BatchUpdateUser","key":"AKIA","account":"a","user":"ana@example.com","test":"t",` +
		`"where":"item","skip":2,"count":3,"probability":0.25,"seed":7,"expires":"10m","effect":{"statusCode":429,"code":"ThrottledClientException","message":"m"}}]`)
	f.Add(`{"error":{"statusCode":503,"retryAfter":2,"latency":{"ms":300,"jitter":100},"connection":"truncate"},"where":"after"}`)
	f.Add(`[{"user":"[a-z]*","probability":1e-3,"effect":{"connection":"stall"}},{"effect":{"latency":{"ms":0}}}]`)
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := testmode.ReadRules(chime.Service, []byte(text))
		if err != nil {
			if rules != nil || err.Error() == "" {
				t.Errorf("got %v with the error %q", rules, err)
			}
			return
		}
		written := asJSON(t, rules)
		again, err := testmode.ReadRules(chime.Service, []byte(written))
		if err != nil {
			t.Fatalf("%s was accepted; %s is not: %v", text, written, err)
		}
		if diff := cmp.Diff(rules, again); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	})
}

func TestFaults_endpoints(t *testing.T) {
	s := start(t)
	type step struct {
		method, path, body string
		status             int
		want               string
	}
	throttle := func(id, more string) string {
		return fmt.Sprintf(`{"id":%q,%s"where":"before","effect":{"statusCode":429,"code":"ThrottledClientException"},"fired":0}`, id, more)
	}
	for _, x := range []step{
		{"GET", "faults", ``, 200, `[]`},
		{"POST", "faults", `[{"id":"r2","effect":{"statusCode":429}},{"operation":"GetUser","effect":{"statusCode":429}},{"operation":"GetBot","error":{"statusCode":429}}]`, 200,
			`[` + throttle("r2", "") + `,` + throttle("r1", `"operation":"GetUser",`) + `,` + throttle("r3", `"operation":"GetBot",`) + `]`},
		{"PATCH", "faults", `{"operation":"ListBots","effect":{"statusCode":429}}`, 200,
			`[` + throttle("r2", "") + `,` + throttle("r1", `"operation":"GetUser",`) + `,` + throttle("r3", `"operation":"GetBot",`) + `,` + throttle("r4", `"operation":"ListBots",`) + `]`},
		{"PATCH", "faults", `[{"effect":{"statusCode":429}},{"id":"r1","effect":{"statusCode":429}}]`, 400, `{"message":"[1].id: there is a rule \"r1\" already"}`},
		{"POST", "faults", `[{"effect":{"code":"Teapot"}}]`, 400, `the API has no exception`},
		{"POST", "faults", ``, 400, `{"message":"the rules are not valid JSON: the text ends too early"}`},
		{"DELETE", "faults", `[{"id":7}]`, 400, `{"message":"[0].id: must be a text, in double quotes"}`},
		{"DELETE", "faults", `[{"ID":"r1"}]`, 400, `{"message":"[0].ID: there is no such member: did you mean id?"}`},
		{"DELETE", "faults", `[{"id":"r1"},{"id":"gone"}]`, 200, // it is no error that nobody is "gone"
			`[` + throttle("r2", "") + `,` + throttle("r3", `"operation":"GetBot",`) + `,` + throttle("r4", `"operation":"ListBots",`) + `]`},
		{"DELETE", "faults", `[{"operation":"GetBot","error":{"statusCode":429,"code":"ThrottledClientException"}}]`, 200,
			`[` + throttle("r2", "") + `,` + throttle("r4", `"operation":"ListBots",`) + `]`},
		{"DELETE", "faults", `[]`, 200, `[` + throttle("r2", "") + `,` + throttle("r4", `"operation":"ListBots",`) + `]`},
		{"DELETE", "faults", ``, 200, `[]`},
		{"POST", "faults", `{"id":"only","effect":{"statusCode":429}}`, 200, `[` + throttle("only", "") + `]`},
		{"POST", "faults", `[]`, 200, `[]`},
		{"PUT", "faults", `[]`, 405, `PUT: use DELETE or GET or PATCH or POST`},
		{"POST", "faults", `[` + strings.Repeat(" ", 1<<20) + `]`, 400, `{"message":"the rules must have at most 1048576 bytes"}`},
		{"POST", "activity", ``, 405, `POST: use GET`},
	} {
		var got string
		status := s.mode(t, x.method, x.path, x.body, &got)
		if exact := strings.HasPrefix(x.want, "[") || strings.HasPrefix(x.want, "{"); status != x.status || exact && got != x.want || !strings.Contains(got, x.want) {
			t.Errorf("%s %s %.80s:\ngot  %d %s\nwant %d %s", x.method, x.path, x.body, status, got, x.status, x.want)
		}
	}

	// More rules are refused if they would be too many.
	var many []string
	for range 999 {
		many = append(many, `{"effect":{"statusCode":429}}`)
	}
	s.rules(t, `[`+strings.Join(many, ",")+`]`)
	var got string
	if status := s.mode(t, "PATCH", "faults", `[{"effect":{"statusCode":429}},{"effect":{"statusCode":429}}]`, &got); status != 400 || !strings.Contains(got, "1000 rules at most, and these would be 1001") {
		t.Errorf("got %d %s", status, got)
	}

	// What the service shows it takes.
	s.mode(t, "GET", "faults", "", &got)
	shown := got
	s.rules(t, shown)
	if s.mode(t, "GET", "faults", "", &got); got != shown {
		t.Error("the rules that the service shows have changed by being put again")
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/_carillon/faults", strings.NewReader(`[]`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", "https://evil.example")
	if got, err := s.send(r); err != nil || got.status != http.StatusForbidden {
		t.Errorf("a page of another origin: got %d, %v", got.status, err)
	}
}

func TestFaults_targets(t *testing.T) {
	s := start(t)
	var got struct {
		Operations []struct {
			Operation  string
			Where      []string
			Exceptions []struct {
				Code       string
				StatusCode int
			}
		}
		ItemCodes, Connections []string
	}
	if status := s.mode(t, "GET", "targets", "", &got); status != 200 || len(got.Operations) != len(chime.Service.All()) {
		t.Fatalf("got %d, %d operations", status, len(got.Operations))
	}
	// Every combination that it shows is accepted.
	var rules []string
	for _, op := range got.Operations {
		for _, where := range op.Where {
			if where == "item" {
				for _, code := range got.ItemCodes {
					rules = append(rules, fmt.Sprintf(`{"operation":%q,"where":%q,"effect":{"code":%q}}`, op.Operation, where, code))
				}
				continue
			}
			for _, x := range op.Exceptions {
				rules = append(rules, fmt.Sprintf(`{"operation":%q,"where":%q,"effect":{"code":%q,"statusCode":%d}}`, op.Operation, where, x.Code, x.StatusCode))
			}
			for _, c := range got.Connections {
				rules = append(rules, fmt.Sprintf(`{"operation":%q,"where":%q,"effect":{"connection":%q}}`, op.Operation, where, c))
			}
		}
	}
	if len(rules) < 62*2*10 {
		t.Errorf("there are %d combinations only", len(rules))
	}
	for some := range slices.Chunk(rules, 1000) {
		s.rules(t, `[`+strings.Join(some, ",")+`]`)
	}
}
