package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/shell"
	"github.com/carillon-project/carillon/internal/testmode"
)

// firingsShown is how many times that rules have fired a page shows.
const firingsShown = 50

// faultsPage is the rules by which a service for tests fails, what they have done, the states that
// it can go back to, and what somebody has typed.
type faultsPage struct {
	Rules   []faultRow
	Firings []firing // the latest first
	Targets targets
	States  states
	Typed   typedFault
	JSON    string // rules, as somebody has typed them
	Problem string
}

// faultRow is a rule in the list.
type faultRow struct {
	testmode.Rule
	Fired   int
	Expired bool
}

// firing is a time that a rule has fired.
type firing struct {
	Time, Rule, Operation, Where, Effect, User, Account, Key, Test string
}

// PlaceName says where in a call it was.
func (f firing) PlaceName() string { return placeName(testmode.Where(f.Where)) }

// targets is what rules can name, by the contract of the service.
type targets struct {
	Operations []struct {
		Operation  string
		Exceptions []exception
	}
	ItemCodes   []string
	Connections []testmode.Connection
}

// Codes lists the exceptions of all operations, by status.
func (t targets) Codes() (list []exception) {
	for _, op := range t.Operations {
		for _, x := range op.Exceptions {
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b exception) int { return cmp.Compare(a.StatusCode, b.StatusCode) })
	return list
}

type exception struct {
	Code       string
	StatusCode int
}

// typedFault is the fields of the form for one rule.
type typedFault struct {
	Operation, Where, Code, Connection, User, Account, Count, Probability, Latency string
}

// Places are where in a call a rule can act.
func (typedFault) Places() []testmode.Where {
	return []testmode.Where{testmode.Before, testmode.After, testmode.Item}
}

func placeName(w testmode.Where) string {
	return say(map[testmode.Where]string{testmode.Before: "faults.where.before", testmode.After: "faults.where.after", testmode.Item: "faults.where.item"}[w])
}

func connectionName(c testmode.Connection) string {
	return say(map[testmode.Connection]string{
		testmode.Reset: "faults.connection.reset", testmode.Empty: "faults.connection.empty",
		testmode.Truncate: "faults.connection.truncate", testmode.Stall: "faults.connection.stall",
	}[c])
}

// Place says where in a call the rule acts.
func (f faultRow) Place() string { return placeName(f.Where) }

// Limits says which calls or items the rule is for, of those of its operation, and how often it
// fires.
func (f faultRow) Limits() (list []string) {
	for _, each := range []struct{ word, value string }{
		{"faults.only.user", f.User}, {"faults.only.account", f.Account}, {"faults.only.key", f.Key}, {"faults.only.test", f.Test}, {"faults.only.region", f.Region},
	} {
		if each.value != "" {
			list = append(list, say(each.word, each.value))
		}
	}
	if f.Skip > 0 {
		list = append(list, say("faults.limit.skip", f.Skip))
	}
	if f.Count > 0 {
		list = append(list, say("faults.limit.count", f.Count))
	}
	if f.Probability != nil {
		list = append(list, say("faults.limit.probability", strconv.FormatFloat(*f.Probability, 'g', -1, 64)))
	}
	if f.Expires != "" {
		list = append(list, say("faults.limit.expires", f.Expires))
	}
	return list
}

// Effects says what happens.
func (f faultRow) Effects() (list []string) {
	e := f.Effect
	switch {
	case e.StatusCode != 0:
		list = append(list, fmt.Sprint(e.StatusCode, " ", e.Code))
	case e.Code != "":
		list = append(list, e.Code)
	}
	if e.RetryAfter > 0 {
		list = append(list, say("faults.effect.retry", e.RetryAfter))
	}
	if e.Latency != nil {
		list = append(list, say("faults.effect.late", e.Latency.MS))
		if e.Latency.Jitter > 0 {
			list = append(list, say("faults.effect.jitter", e.Latency.Jitter))
		}
	}
	if e.Connection != "" {
		list = append(list, connectionName(e.Connection))
	}
	return list
}

func (v *visit) faultsPage() (p faultsPage, err error) {
	if err = v.askTests(http.MethodGet, "faults", nil, &p.Rules); err != nil {
		return p, err
	}
	if err = v.askTests(http.MethodGet, "targets", nil, &p.Targets); err != nil {
		return p, err
	}
	if p.Firings, err = v.firings(); err != nil {
		return p, err
	}
	p.States, err = v.states()
	return p, err
}

// firings returns the latest times that rules have fired, the latest first.
func (v *visit) firings() ([]firing, error) {
	var found struct {
		Activity []firing
		Next     int
	}
	// After a number that is never reached there is nothing but the number of the last one.
	if err := v.askTests(http.MethodGet, "activity?after="+strconv.Itoa(math.MaxInt32), nil, &found); err != nil {
		return nil, err
	}
	err := v.askTests(http.MethodGet, "activity?after="+strconv.Itoa(max(0, found.Next-firingsShown)), nil, &found)
	slices.Reverse(found.Activity)
	return found.Activity, err
}

func (c *Console) faults(v *visit) error {
	p, err := v.faultsPage()
	if err != nil {
		return err
	}
	return v.show("faults", p)
}

// faultEvents sends the latest firings as they happen.
func (c *Console) faultEvents(v *visit) error {
	return v.stream("faults", "part-firings.html", func() (any, bool, error) {
		firings, err := v.firings()
		return faultsPage{Firings: firings}, false, err
	})
}

// addFault adds the rule that the fields of a form describe.
func (c *Console) addFault(v *visit) (*change, error) {
	f := typedFault{
		Operation: v.r.FormValue("operation"), Where: v.r.FormValue("where"), Code: v.r.FormValue("code"), Connection: v.r.FormValue("connection"),
		User: v.r.FormValue("user"), Account: v.r.FormValue("account"), Count: v.r.FormValue("count"), Probability: v.r.FormValue("probability"), Latency: v.r.FormValue("latency"),
	}
	rule, effect := map[string]any{}, map[string]any{}
	rule["effect"] = effect
	command := "carillon fault add"
	for _, field := range []struct {
		of           map[string]any
		member, flag string
		value        any
		text, unit   string
	}{
		{rule, "operation", "operation", f.Operation, f.Operation, ""},
		{rule, "where", "where", f.Where, f.Where, ""},
		{rule, "user", "user", f.User, f.User, ""},
		{rule, "account", "account-id", f.Account, f.Account, ""},
		{rule, "count", "count", typedNumber(f.Count), f.Count, ""},
		{rule, "probability", "probability", typedNumber(f.Probability), f.Probability, ""},
		{effect, "code", "code", f.Code, f.Code, ""},
		{effect, "latency", "latency", map[string]any{"ms": typedNumber(f.Latency)}, f.Latency, "ms"},
		{effect, "connection", "connection", f.Connection, f.Connection, ""},
	} {
		if field.text == "" {
			continue
		}
		field.of[field.member] = field.value
		command += " --" + field.flag + " " + shell.Quote(field.text+field.unit)
	}
	return v.faultChange(say("faults.add"), "done.fault-added", testRequest{http.MethodPatch, "faults", rule, command}, faultsPage{Typed: f}), nil
}

// typedNumber is what somebody has typed as the number that it is, or else as a text, which test
// mode refuses with a reason.
func typedNumber(text string) any {
	if strings.Trim(text, "0123456789.") == "" && json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	return text
}

// addRules adds rules in JSON.
func (c *Console) addRules(v *visit) (*change, error) {
	text := v.r.FormValue("rules")
	command := "printf %s " + shell.Quote(text) + " | carillon fault add --file -"
	return v.faultChange(say("faults.json.add"), "done.faults-added", testRequest{http.MethodPatch, "faults", text, command}, faultsPage{JSON: text}), nil
}

func (c *Console) removeFault(v *visit) (*change, error) {
	id := v.r.PathValue("fault")
	var rules []faultRow
	if err := v.askTests(http.MethodGet, "faults", nil, &rules); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(rules, func(f faultRow) bool { return f.ID == id }) {
		return nil, refusing(http.StatusNotFound, "faults.gone", id)
	}
	ch := v.faultChange(say("faults.remove"), "done.fault-removed",
		testRequest{http.MethodDelete, "faults", []map[string]string{{"id": id}}, "carillon fault clear " + operand(id)}, faultsPage{})
	ch.About = id
	return ch, nil
}

func (c *Console) clearFaults(v *visit) (*change, error) {
	return v.faultChange(say("faults.clear"), "done.faults-cleared", testRequest{http.MethodDelete, "faults", nil, "carillon fault clear"}, faultsPage{}), nil
}

// faultChange returns a change that a form of the page asks for. typed is what the page shows again
// if it is refused.
func (v *visit) faultChange(title, said string, request testRequest, typed faultsPage) *change {
	return &change{
		Title: title, page: "/faults", said: said, request: &request,
		again: func(problem string) error {
			p, err := v.faultsPage()
			if err != nil {
				return err
			}
			p.Typed, p.JSON, p.States.Name, p.Problem = typed.Typed, typed.JSON, typed.States.Name, problem
			return v.showAgain("faults", p)
		},
	}
}
