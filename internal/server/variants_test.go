package server_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carillon-project/carillon/internal/server"
	"github.com/carillon-project/carillon/internal/store"
)

// TestVariants sends the service each way in which a request can break the contract, or keep just
// within it, for all operations. What has to come back follows from chime.json alone, which is read
// here and not through the packages that the service has its types from:
//
//   - a request that breaks the contract is a BadRequestException that names the member, and
//     changes nothing;
//   - one that keeps it is checked on. If it names an account that does not exist, or belongs to
//     others, it is a NotFoundException. If the account is suspended, it is a ForbiddenException
//     unless it only reads. In all other cases the operation answers in one of the ways that its
//     contract has, and with BadRequest only where a rule says so (see ruled).
func TestVariants(t *testing.T) {
	c := readContract(t)
	in := install(t, server.Options{})
	accounts := map[string]string{"absent": "name", "of others": "b", "suspended": "s"}
	if err := in.store.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			tx.InsertAccount(&store.Account{AWSAccountID: "444455556666", AccountID: "b", Name: "B", Type: "EnterpriseLWA", Status: "Active"}),
			tx.InsertAccount(&store.Account{AWSAccountID: awsAccount, AccountID: "s", Name: "S", Type: "EnterpriseLWA", Status: "Suspended"}))
	}); err != nil {
		t.Fatal(err)
	}
	total, broken := 0, 0
	for _, name := range slices.Sorted(maps.Keys(c.Operations)) {
		op := c.Operations[name]
		ofAccount := strings.Contains(op.HTTP.RequestURI, "{accountId}")
		for state, id := range accounts {
			if !ofAccount && state != "absent" {
				continue
			}
			before := in.records(t)
			kept := 0
			for _, v := range c.variants(op, id) {
				total++
				r := in.by(in.root, call{method: op.HTTP.Method, target: v.target, body: v.body}).send(t, in.url)
				exception := r.header.Get("x-amzn-ErrorType")
				want := ""
				switch {
				case v.breaks != "":
					broken++
					if exception != "BadRequestException" || !v.named(r.message()) {
						want = "a BadRequestException that names " + v.breaks
					}
				case exception == "BadRequestException" && ruled[name] != "":
				case ofAccount && (state != "suspended" || v.otherAccount):
					if exception != "NotFoundException" {
						want = "a NotFoundException"
					}
				case ofAccount && op.HTTP.Method != "GET":
					if exception != "ForbiddenException" {
						want = "a ForbiddenException"
					}
				case exception == "":
					kept++
					if r.status != cmp.Or(op.HTTP.ResponseCode, 200) {
						want = fmt.Sprint("status ", op.HTTP.ResponseCode)
					}
				case exception == "BadRequestException" || r.status >= 500 || !slices.Contains(op.exceptions(), exception):
					want = "success, or what the contract has for it"
				}
				if want != "" {
					t.Errorf("%s of an account that is %s, %s:\n\t%s %s %.300s\n\tanswered by %d %s %.300s\n\twant %s", name, state, v.what,
						op.HTTP.Method, v.target, v.body, r.status, exception, r.body, want)
				}
			}
			if kept == 0 && in.records(t) != before {
				t.Errorf("%s: requests that were all refused left records of changes", name)
			}
		}
	}
	t.Logf("%d variants of %d operations, of which %d break the contract", total, len(c.Operations), broken)
	if total < 3000 || len(c.Operations) != 62 {
		t.Errorf("there are only %d variants of %d operations", total, len(c.Operations))
	}
}

// records returns how long the trail is.
func (in installation) records(t *testing.T) (n int) {
	t.Helper()
	if err := in.store.View(t.Context(), func(tx store.ReadTx) error {
		all, _, err := tx.Audit(awsAccount, store.AuditFilter{}, 0, 10_000)
		n = len(all)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// ruled has the operations whose rules refuse requests that keep the contract, before they look for
// what the requests name.
var ruled = map[string]string{
	"CreateBot":                   "a name is not too long",
	"CreateRoom":                  "a name is not too long",
	"UpdateRoom":                  "a name is not too long",
	"PutEventsConfiguration":      "it names one of two places, which is a URL or an ARN",
	"ListPhoneNumbers":            "a filter has a name and a value",
	"CreatePhoneNumberOrder":      "numbers fit their product, and are named once",
	"SearchAvailablePhoneNumbers": "what a search must name depends on the country",
	"UpdatePhoneNumberSettings":   "a calling name stays for a week",
	"UpdateGlobalSettings":        "buckets have the names of S3",
}

// required has the members that the service requires although the contract does not, by the shape.
var required = map[string]string{
	"MembershipItem": "MemberId", // nobody to add: the whole request is refused
}

// contract is chime.json, as far as variants need it.
type contract struct {
	Operations map[string]*contractOperation
	Shapes     map[string]*contractShape
}

type contractOperation struct {
	HTTP struct {
		Method       string
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	}
	Input  struct{ Shape string }
	Errors []struct{ Shape string }
}

func (o *contractOperation) exceptions() (names []string) {
	for _, e := range o.Errors {
		names = append(names, e.Shape)
	}
	return names
}

type contractShape struct {
	Type     string
	Members  map[string]contractMember
	Required []string
	Member   *contractMember
	Enum     []string
	Min, Max *int
	Pattern  string
}

type contractMember struct {
	Shape        string
	Location     string
	LocationName string `json:"locationName"`
}

func readContract(t *testing.T) *contract {
	t.Helper()
	text, err := os.ReadFile("../chime/chime.json")
	if err != nil {
		t.Fatal(err)
	}
	c := new(contract)
	if err := json.Unmarshal(text, c); err != nil {
		t.Fatal(err)
	}
	for name, member := range required {
		c.Shapes[name].Required = append(c.Shapes[name].Required, member)
	}
	for _, s := range c.Shapes {
		if _, known := patterns[s.Pattern]; s.Pattern != "" && !known {
			t.Fatalf("there are no examples of the pattern %s", s.Pattern)
		}
	}
	return c
}

// patterns has examples of values that match each pattern of the contract, the plainest first, and
// of some that do not.
var patterns = map[string]struct{ good, bad []string }{
	`.*\S.*`:                    {[]string{"name", "x", " x ", "ü", "\U0001F514"}, []string{" ", "\t"}},
	`[A-Z]{2}`:                  {[]string{"US", "ZZ"}, []string{"us", "USA", "U", "U1", " US"}},
	`^$|^[a-zA-Z0-9 ]{2,15}$`:   {[]string{"Example 1", "ab", "123456789012345", ""}, []string{"a", "1234567890123456", "Ex-ample", "Exämple", "ab\n"}},
	`[-_a-zA-Z0-9]*`:            {[]string{"token-1_A", "ab"}, []string{"to ken", "tökens", "token\n"}},
	`^\+?[1-9]\d{1,14}$`:        {[]string{"+12065550100", "12065550100", "+12", "123456789012345"}, []string{"+02065550100", "+1", "1234567890123456", "+1206555010x", "++12065550100", "+1 2065550100", "+12065550100\n", "+١٢٠٦"}},
	`.+@.+\..+`:                 {[]string{"ana@example.com", "a@b.c"}, []string{"ana", "ana@example", "@example.com", "ana.example.com"}},
	`^[a-zA-Z0-9+/]+$`:          {[]string{"Join0Token+/", "ab"}, []string{"Join-Token", "Jo in", "ab=", "ab\n"}},
	`^8(00|33|44|55|66|77|88)$`: {[]string{"800", "888"}, []string{"801", "8000", "899", "80", "900"}},
	`[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}`: {
		[]string{"01234567-89ab-cdef-0123-456789ABCDEF"},
		[]string{"0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdeg", "01234567-89ab-cdef-0123-456789abcdef0"}},
}

// variant is a request.
type variant struct {
	what         string
	target, body string
	breaks       string   // the member that breaks the contract; empty: none does
	otherAccount bool     // it names another account than the one that it is about
	names        []string // by which the message may call it
}

func (v variant) named(message string) bool {
	return slices.ContainsFunc(v.names, func(name string) bool { return strings.Contains(message, name) })
}

// set returns a copy of a document of maps and lists in which a value is at a path, or nothing is
// if it is absent.
type absent struct{}

func set(document any, path []any, value any) any {
	if len(path) == 0 {
		return value
	}
	switch d := document.(type) {
	case map[string]any:
		d = maps.Clone(d)
		name := path[0].(string)
		if inner := set(d[name], path[1:], value); inner == (absent{}) {
			delete(d, name)
		} else {
			d[name] = inner
		}
		return d
	case []any:
		d = slices.Clone(d)
		d[path[0].(int)] = set(d[path[0].(int)], path[1:], value)
		return d
	}
	panic(fmt.Sprintf("no place %v in %v", path, document))
}

// sample returns a value of a shape that keeps the contract, with all its members.
func (c *contract) sample(shape string) any {
	s := c.Shapes[shape]
	switch s.Type {
	case "string":
		return c.texts(s)[0]
	case "integer":
		if s.Min != nil {
			return *s.Min
		}
		return 1
	case "boolean":
		return true
	case "list":
		return []any{c.sample(s.Member.Shape)}
	case "structure":
		all := make(map[string]any)
		for name, m := range s.Members {
			all[name] = c.sample(m.Shape)
		}
		return all
	}
	panic("no sample of the type " + s.Type)
}

// texts are strings that a shape allows.
func (c *contract) texts(s *contractShape) []string {
	switch {
	case s.Enum != nil:
		return s.Enum
	case s.Pattern != "":
		return slices.DeleteFunc(slices.Clone(patterns[s.Pattern].good), func(text string) bool { return !fits(s, text) })
	}
	return []string{strings.Repeat("x", max(1, deref(s.Min, 1)))}
}

func fits(s *contractShape, text string) bool {
	n := len([]rune(text))
	return n >= deref(s.Min, 0) && n <= deref(s.Max, n)
}

func deref(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

// variants are the requests of an operation, about one account if it is about any.
func (c *contract) variants(op *contractOperation, accountID string) (all []variant) {
	if op.Input.Shape == "" {
		return []variant{c.request(op, "no input", map[string]any{}, "")}
	}
	input := c.Shapes[op.Input.Shape]
	base := c.sample(op.Input.Shape).(map[string]any)
	if _, has := base["AccountId"]; has {
		base["AccountId"] = accountID
	}
	_, pages := base["NextToken"]
	delete(base, "NextToken") // an answer gives it
	all = append(all, c.request(op, "everything given", base, ""))
	least := make(map[string]any)
	for _, name := range input.Required {
		least[name] = base[name]
	}
	all = append(all, c.request(op, "only what is required", least, ""))
	if pages {
		foreign := value{"of no listing", "eCBvZiBubyBsaXN0aW5n", true}
		all = append(all, c.requestAt(op, base, []any{"NextToken"}, foreign, input.Members["NextToken"]))
	}
	for _, name := range slices.Sorted(maps.Keys(input.Members)) {
		m := input.Members[name]
		required := slices.Contains(input.Required, name)
		switch {
		case name == "NextToken":
			continue
		case m.Location == "uri":
			for _, v := range c.values(m.Shape, false) {
				if text, ok := v.value.(string); ok && text != "" && !strings.ContainsAny(text, "\n\t") { // or it is another path
					r := c.requestAt(op, base, []any{name}, v, m)
					r.otherAccount = name == "AccountId"
					all = append(all, r)
				}
			}
			continue
		case m.Location == "querystring":
			for _, v := range c.values(m.Shape, false) {
				all = append(all, c.requestAt(op, base, []any{name}, v, m))
			}
			v := value{"absent", absent{}, required}
			all = append(all, c.requestAt(op, base, []any{name}, v, m))
			continue
		}
		all = append(all, c.inBody(op, base, []any{name}, m, required)...)
	}
	if len(all[0].body) > 2 {
		all = append(all, c.forms(op, base)...)
	}
	return all
}

// forms are variants of a body as a whole.
func (c *contract) forms(op *contractOperation, base map[string]any) (all []variant) {
	for _, form := range []struct {
		what, to string // what becomes of the opening brace, or of all
		breaks   string
	}{
		{"an unknown member", `{"OfNoContract": [{"x": 1}], `, ""},
		{"white space", " \r\n\t{ ", ""},
		{"no closing brace", `{"x": {`, "the form"},
		{"a trailing comma", `{,`, "the form"},
		{"two unknown members of one name", `{"OfNoContract": 1, "OfNoContract": 1, `, "the form"},
		{"a comment", `/* */ {`, "the form"},
		{"a byte order mark", "\ufeff{", "the form"},
		{"half a surrogate pair", `{"OfNoContract": "\ud800", `, "the form"},
		{"invalid UTF-8", "{\"OfNoContract\": \"\xff\", ", "the form"},
		{"too deep", `{"OfNoContract": ` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + ", ", "the form"},
		{"a list around it", `[{`, "the form"},
		{"two objects", `{} {`, "the form"},
	} {
		v := c.request(op, form.what, base, form.breaks)
		v.body = form.to + strings.TrimPrefix(v.body, "{")
		v.names = []string{""} // the message says what is wrong with the form
		all = append(all, v)
	}
	return all
}

// inBody are the variants of a place in the body and of those inside it.
func (c *contract) inBody(op *contractOperation, base map[string]any, path []any, m contractMember, required bool) (all []variant) {
	add := func(v value) { all = append(all, c.requestAt(op, base, path, v, m)) }
	if _, inList := path[len(path)-1].(int); !inList {
		add(value{"absent", absent{}, required})
		add(value{"null", nil, required})
	} else {
		add(value{"null", nil, true})
	}
	for _, v := range c.values(m.Shape, true) {
		add(v)
	}
	switch s := c.Shapes[m.Shape]; s.Type {
	case "list":
		all = append(all, c.inBody(op, base, append(slices.Clone(path), 0), *s.Member, true)...)
	case "structure":
		for _, name := range slices.Sorted(maps.Keys(s.Members)) {
			all = append(all, c.inBody(op, base, append(slices.Clone(path), name), s.Members[name], slices.Contains(s.Required, name))...)
		}
	}
	return all
}

// value is what a variant has at a place.
type value struct {
	what   string
	value  any
	breaks bool
}

// values are what a place of a shape can hold: in JSON, or in a path or query.
func (c *contract) values(shape string, inJSON bool) (all []value) {
	s := c.Shapes[shape]
	add := func(what string, v any, breaks bool) { all = append(all, value{what, v, breaks}) }
	wrong := func(values ...any) {
		for _, v := range values {
			if inJSON {
				add(fmt.Sprintf("the wrong type: %T", v), v, true)
			}
		}
	}
	switch s.Type {
	case "string":
		for _, text := range c.texts(s) {
			add("allowed", text, false)
		}
		if s.Enum != nil {
			add("not in the enumeration", "Nonsense", true)
			add("in another case", strings.ToUpper(s.Enum[0])+"x", true)
		}
		for _, text := range patterns[s.Pattern].bad {
			add("against the pattern", text, true)
		}
		if s.Min != nil && *s.Min > 0 {
			add("too short", strings.Repeat("a", *s.Min-1), true)
			add("just long enough", strings.Repeat("a", *s.Min), !c.letters(s))
		}
		if s.Max != nil {
			add("just short enough", strings.Repeat("a", *s.Max), !c.letters(s))
			add("too long", strings.Repeat("a", *s.Max+1), true)
			if c.letters(s) && s.Pattern != `^[a-zA-Z0-9+/]+$` && s.Pattern != `[-_a-zA-Z0-9]*` {
				add("just short enough, in characters", strings.Repeat("\U0001F514", *s.Max), false)
				add("too long, in characters", strings.Repeat("\U0001F514", *s.Max+1), true)
			}
		}
		wrong(5, true, []any{}, map[string]any{})
	case "integer":
		for _, bound := range []struct {
			what string
			at   *int
			out  int
		}{{"least", s.Min, -1}, {"most", s.Max, 1}} {
			if bound.at != nil {
				add("the "+bound.what, *bound.at, false)
				add("beyond the "+bound.what, *bound.at+bound.out, true)
			}
		}
		add("not whole", 1.5, true)
		add("huge", json.Number("9223372036854775808"), true)
		if !inJSON {
			add("no number", "ten", true)
			add("empty", "", true)
			add("a blank", " 1", true)
		}
		wrong("1", true, []any{}, map[string]any{})
	case "boolean":
		add("true", true, false)
		add("false", false, false)
		wrong("true", 1, []any{}, map[string]any{})
	case "list":
		one := c.sample(s.Member.Shape)
		many := func(n int) []any { return slices.Repeat([]any{one}, n) }
		if s.Min != nil && *s.Min > 0 {
			add("too few", many(*s.Min-1), true)
			add("just enough", many(*s.Min), false)
		}
		if s.Max != nil {
			add("just few enough", many(*s.Max), false)
			add("too many", many(*s.Max+1), true)
		}
		wrong("x", 5, true, map[string]any{})
	case "structure":
		wrong("x", 5, true, []any{})
	}
	return all
}

// letters reports whether a shape allows texts of any letters.
func (c *contract) letters(s *contractShape) bool {
	switch s.Pattern {
	case "", `.*\S.*`, `^[a-zA-Z0-9+/]+$`, `[-_a-zA-Z0-9]*`:
		return s.Enum == nil
	}
	return false
}

// requestAt is a request with a value at a place.
func (c *contract) requestAt(op *contractOperation, base map[string]any, path []any, v value, m contractMember) variant {
	breaks := ""
	if v.breaks {
		breaks = fmt.Sprint(path)
	}
	input := set(base, path, v.value).(map[string]any)
	r := c.request(op, fmt.Sprintf("%v %s", path, v.what), input, breaks)
	last := fmt.Sprint(path[0]) // of the members of the path
	for _, step := range path {
		if name, ok := step.(string); ok {
			last = name
		}
	}
	r.names = []string{last}
	if m.LocationName != "" {
		r.names = append(r.names, m.LocationName)
	}
	return r
}

// request is a request with an input.
func (c *contract) request(op *contractOperation, what string, input map[string]any, breaks string) variant {
	body := maps.Clone(input)
	path, query, _ := strings.Cut(op.HTTP.RequestURI, "?")
	values, _ := url.ParseQuery(query)
	if op.Input.Shape != "" {
		for name, m := range c.Shapes[op.Input.Shape].Members {
			v, given := input[name]
			switch m.Location {
			case "uri":
				path = strings.ReplaceAll(path, "{"+m.LocationName+"}", url.PathEscape(inText(v)))
				delete(body, name)
			case "querystring":
				if given {
					values.Set(m.LocationName, inText(v))
				}
				delete(body, name)
			}
		}
	}
	target := path
	if len(values) > 0 {
		target += "?" + values.Encode()
	}
	text := ""
	if len(body) > 0 {
		encoded, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text = string(encoded)
	}
	return variant{what: what, target: target, body: text, breaks: breaks}
}

// inText is a value as it is in a path or query.
func inText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// message returns the message of a failure.
func (r reply) message() string {
	var body struct{ Message string }
	json.Unmarshal([]byte(r.body), &body)
	return body.Message
}
