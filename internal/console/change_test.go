package console_test

import (
	"bytes"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carillon-project/carillon/internal/awscli"
	"github.com/carillon-project/carillon/internal/carillon"
	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/console"
	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/store"
)

// formOfChange is a form of a page: its path, the fields that say what it is, and those that people
// type into.
type formOfChange struct {
	route        string
	path         string
	fixed, typed []string
	oneLine      bool // it has no field with line breaks, and its command could not have one
}

// hostileTexts are what people type into fields, or what other people want them to.
var hostileTexts = []string{
	"Example", "", " ", "a'b", `a"b`, "--name", "-x", "-1", "$HOME `id` $(id)", `a\b\`, "a\r\nb", "Zoë 🎓 漢", "file:///etc/hostname", "fileb://x",
	"http://127.0.0.1:1/", "https://127.0.0.1:1/", "@x", "{}", "[1]", "a,b=c", "#x", "~", "*", "!x", "null", "true", "%s", "<script>", "\u200e",
}

// TestChange_Command demands of each change that the command which the page shows makes the call
// which the page makes.
func TestChange_Command(t *testing.T) {
	if testing.Short() {
		t.Skip("one thing after another")
	}
	s := start(t, nil)
	s.forTests(t)
	account := s.enterprise(t, "Example")
	s.people(t, account, 3)
	bot := store.Bot{AccountID: account, BotID: "b1", Name: "Clerk", Email: "clerk-chimebot@example.com", SecurityToken: "much-secret", Created: time.Now()}
	number := store.PhoneNumber{AWSAccountID: awsAccount, Number: "+12065550100", Country: "US", Type: "Local", ProductType: "BusinessCalling", Status: "Unassigned"}
	s.write(t, func(tx store.Tx) error { return tx.InsertBot(&bot) })
	s.write(t, func(tx store.Tx) error { return tx.InsertPhoneNumbers([]store.PhoneNumber{number}) })
	p := s.person(t, s.root)
	of := "/accounts/" + account
	p.changes(of+"/rooms", []string{"name", "Lounge"}, "The room was created.")
	room := regexp.MustCompile(`href="/console/ui(` + of + `/rooms/[^"]+)">Lounge`).FindStringSubmatch(p.sees(of+"/rooms", "Lounge"))[1]
	phone := regexp.MustCompile(`href="/console/ui(/numbers/[^"?]+)">\+1206`).FindStringSubmatch(p.sees("/numbers"))[1]

	user := func(do string, fields ...string) formOfChange {
		return formOfChange{"/accounts/{account}/users/{user}/change", of + "/users/u0/change", append([]string{"do", do}, fields...), nil, false}
	}
	typing := func(form formOfChange, fields ...string) formOfChange {
		form.typed = fields
		return form
	}
	forms := []formOfChange{
		{"/accounts", "/accounts", nil, []string{"new"}, false},
		{"/accounts/{account}/settings", of + "/settings", []string{"do", "name"}, []string{"Name"}, false},
		{"/accounts/{account}/settings", of + "/settings", []string{"do", "license"}, []string{"DefaultLicense"}, false},
		{"/accounts/{account}/settings", of + "/settings", []string{"do", "settings", "EnableDialOut", "on"}, nil, false},
		typing(user("license"), "LicenseType"), typing(user("type"), "UserType"), typing(user("give-number"), "E164PhoneNumber"),
		user("calling", "SMS", "on"), user("suspend"), user("unsuspend"), user("logout"), user("pin"), user("give-number", "E164PhoneNumber", "+12065550100"), user("take-number"),
		{"/numbers/{number}", phone, nil, []string{"CallingName"}, false},
		{"/numbers/{number}", phone, nil, []string{"ProductType"}, false},
		{"/numbers/{number}/delete", phone + "/delete", nil, nil, false},
		{"/numbers/{number}/restore", phone + "/restore", nil, nil, false},
		{"/accounts/{account}/rooms", of + "/rooms", nil, []string{"name"}, false},
		{"/accounts/{account}/rooms/{room}", room, nil, []string{"name"}, false},
		{"/accounts/{account}/rooms/{room}/members", room + "/members", []string{"role", "Member"}, []string{"member"}, false},
		{"/accounts/{account}/rooms/{room}/members", room + "/members", []string{"role", "Member", "member", "u1"}, nil, false},
		{"/accounts/{account}/rooms/{room}/members/{member}/remove", room + "/members/u1/remove", nil, nil, false},
		{"/accounts/{account}/bots/{bot}/disable", of + "/bots/b1/disable", nil, nil, false},
		{"/accounts/{account}/bots/{bot}/enable", of + "/bots/b1/enable", nil, nil, false},
		{"/accounts/{account}/rooms/{room}/delete", room + "/delete", nil, nil, false},
		{"/clock/advance", "/clock/advance", nil, []string{"by"}, true},
		{"/clock/set", "/clock/set", []string{"now", "2030-03-01T12:00"}, nil, false}, // what is no time has no command
		{"/faults", "/faults", []string{"where", "before", "code", "ThrottledClientException", "latency", "300", "count", "2", "probability", "0.250"}, []string{"user"}, true},
		{"/faults", "/faults", []string{"where", "after", "connection", "stall", "operation", "ListUsers", "user", "-x"}, []string{"account"}, true},
		{"/faults", "/faults", []string{"where", "item"}, []string{"code"}, true},
		{"/faults/json", "/faults/json", []string{"rules", `[{"id": "gone", "effect": {"statusCode": 503, "message": "it's \\n 100%s"}},` + "\r\n" + `{"effect": {"statusCode": 503}}]`}, nil, false},
		{"/faults/json", "/faults/json", nil, []string{"rules"}, false},
		{"/faults/json", "/faults/json", []string{"rules", `{"id": "the-rule", "effect": {"statusCode": 503}}`}, nil, false},
		{"/faults/{fault}/remove", "/faults/the-rule/remove", nil, nil, false},
		{"/faults/clear", "/faults/clear", nil, nil, false},
		{"/snapshots", "/snapshots", []string{"snapshot", "-a"}, nil, false},
		{"/snapshots/{snapshot}/load", "/snapshots/-a/load", nil, nil, false},
		{"/snapshots/{snapshot}/delete", "/snapshots/-a/delete", nil, nil, false},
		{"/reset", "/reset", nil, nil, false},
		{"/reset", "/reset", []string{"keep", "yes"}, nil, false},
		{"/clock/freeze", "/clock/freeze", nil, nil, false},
		{"/clock/run", "/clock/run", nil, nil, false},
	}
	for _, pattern := range s.console.Routes() {
		route, ok := strings.CutSuffix(strings.TrimPrefix(pattern, "GET "), "/ask")
		if ok && !slices.ContainsFunc(forms, func(f formOfChange) bool { return f.route == route }) {
			t.Errorf("no form of this test is sent to %s", route)
		}
	}

	var calls []string // that change something, of either side
	record := func(r *http.Request, body []byte) {
		if r.Method == http.MethodGet {
			return
		}
		if len(body) > 0 {
			var input any // stays nil for what somebody has typed that is no JSON
			json.Unmarshal(body, &input)
			if members, ok := input.(map[string]any); ok {
				delete(members, "ClientRequestToken") // each call has its own
			}
			body, _ = json.Marshal(input) // in one order
		}
		calls = append(calls, r.Method+" "+r.URL.RequestURI()+" "+string(body))
	}
	before := func(r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		record(r, body)
	}
	s.before.Store(&before)
	testMode := s.options.TestMode
	s.options.TestMode = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		before(r)
		testMode.ServeHTTP(w, r)
	})
	s.console = console.New(s.options)
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		record(r, body)
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/faults") { // rules
			io.WriteString(w, `[{"id": "the-rule"}, {"id": "r1"}, {"id": "r2"}]`)
			return
		}
		io.WriteString(w, "{}")
	}))
	defer listener.Close()
	env := []string{
		"HOME=" + t.TempDir(), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1", "AWS_ENDPOINT_URL=" + listener.URL,
		"AWS_EC2_METADATA_DISABLED=true",
	}
	shown := regexp.MustCompile(`(?s)<pre tabindex="0"><code>(.*?)</code></pre>`)
	for _, form := range forms {
		texts := hostileTexts
		if len(form.typed) == 0 {
			texts = []string{""}
		}
		for _, text := range texts {
			if form.oneLine && strings.Contains(text, "\n") {
				continue
			}
			fields := slices.Clone(form.fixed)
			for _, name := range form.typed {
				fields = append(fields, name, text)
			}
			query := ""
			for i := 0; i < len(fields); i += 2 {
				query += "&" + url.QueryEscape(fields[i]) + "=" + url.QueryEscape(fields[i+1])
			}
			calls = nil
			page := p.get(form.path + "/ask?" + strings.TrimPrefix(query, "&"))
			m := shown.FindStringSubmatch(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(page.text)) // as browsers read lines
			if m == nil || len(calls) > 0 {
				t.Errorf("%s %q: the page shows no command, or has called %q: %s", form.path, fields, calls, page.text)
				continue
			}
			command := html.UnescapeString(m[1])
			words, err := shell.Split(command)
			var out bytes.Buffer
			code := 0
			switch {
			case err == nil && len(words) > 0 && words[0] == "aws":
				code = awscli.Main(t.Context(), words[1:], env, strings.NewReader(""), &out, &out, chime.Service)
			case err == nil && len(words) > 0 && words[0] == "carillon":
				code = carillon.Main(t.Context(), words[1:], env, strings.NewReader(""), &out, &out)
			case err == nil && len(words) > 4 && words[0] == "printf" && words[1] == "%s" && words[3] == "|" && words[4] == "carillon":
				code = carillon.Main(t.Context(), words[5:], env, strings.NewReader(words[2]), &out, &out)
			default:
				t.Errorf("%s %q: the command is not one: %v: %s", form.path, fields, err, command)
				continue
			}
			byCommand := calls
			calls = nil
			made := p.post(form.path, fields...)
			switch {
			case code == 0:
				if !slices.Equal(calls, byCommand) || len(calls) != 1 {
					t.Errorf("%s %q: the page calls %q, and the command %q: %s", form.path, fields, calls, byCommand, command)
				}
			case made.status < 400 || len(byCommand) > 0:
				t.Errorf("%s %q: the command fails, and the page does not: %s\n%s", form.path, fields, command, out.String())
			}
		}
	}
}
