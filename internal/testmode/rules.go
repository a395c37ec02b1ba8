package testmode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/nearest"
)

// Rule is a fault, and which requests it hits. What is empty does not narrow it. Made by
// [ReadRules], it is complete: Where, and the code and status of its effect, are there.
type Rule struct {
	ID          string   `json:"id,omitempty"`
	Service     string   `json:"service,omitempty"`   // "chime"
	Region      string   `json:"region,omitempty"`    // that the signature is for
	Operation   string   `json:"operation,omitempty"` // "BatchUpdateUser"; empty: all that have the effect
	Key         string   `json:"key,omitempty"`       // id of an access key
	Account     string   `json:"account,omitempty"`   // AccountId
	User        string   `json:"user,omitempty"`      // an id or address, or a pattern with *, ? and [a-z] for either
	Test        string   `json:"test,omitempty"`      // the value of the header [TestHeader]
	Where       Where    `json:"where,omitempty"`
	Skip        int      `json:"skip,omitempty"`        // matches that are let pass
	Count       int      `json:"count,omitempty"`       // times that it fires; 0: any number
	Probability *float64 `json:"probability,omitempty"` // 0 to 1; nil: 1
	Seed        int      `json:"seed,omitempty"`        // of the probability, and of jitter
	Expires     string   `json:"expires,omitempty"`     // from when it is set, by the time of the machine: "10m", "7d"
	Effect      Effect   `json:"effect"`
}

// TestHeader is the header of a request by which a program says which of its tests sends it.
const TestHeader = "X-Carillon-Test"

// Where is the place of a fault in the course of a request.
type Where string

const (
	Before Where = "before" // the work: nothing is done
	After  Where = "after"  // the work, which is done and then not answered as it would be
	Item   Where = "item"   // of a batch: refused while the others are done
)

// Effect is what a fault does: it answers, delays or breaks the connection.
type Effect struct {
	StatusCode int        `json:"statusCode,omitempty"` // of HTTP; 0 for an item
	Code       string     `json:"code,omitempty"`       // an api.Exception, or the api.ErrorCode of an item
	Message    string     `json:"message,omitempty"`
	RetryAfter int        `json:"retryAfter,omitempty"` // seconds
	Latency    *Latency   `json:"latency,omitempty"`
	Connection Connection `json:"connection,omitempty"`
}

// Latency is a delay in milliseconds: MS, give or take Jitter at most.
type Latency struct {
	MS     int `json:"ms"`
	Jitter int `json:"jitter,omitempty"`
}

// Connection is what becomes of the connection in place of a whole answer. Of HTTP/2 that is the
// stream: other requests on the connection go on.
type Connection string

const (
	Reset    Connection = "reset"    // closed by a TCP RST
	Empty    Connection = "empty"    // closed without a byte of an answer
	Truncate Connection = "truncate" // closed after half of the body; like Empty if that has no two bytes
	Stall    Connection = "stall"    // nothing comes, until the client leaves or the service stops
)

// What rules may be, beside the names of the contract.
const (
	maxRules     = 1000
	maxRulesBody = 1 << 20 // bytes
	maxID        = 64      // bytes: ids are in headers and metrics
	maxText      = 1024    // bytes
	maxNumber    = 1 << 53 // which every client can write
	maxLatency   = 50_000  // ms: a call may take a minute
	maxRetry     = 86_400  // s
)

var (
	wheres      = []string{string(Before), string(After), string(Item)}
	connections = []string{string(Reset), string(Empty), string(Truncate), string(Stall)}

	ruleMembers = []string{
		"id", "service", "region", "operation", "key", "account", "user", "test", "where",
		"skip", "count", "probability", "seed", "expires", "effect", "error", "fired", "expired",
	}
	effectMembers  = []string{"statusCode", "code", "message", "retryAfter", "latency", "connection"}
	latencyMembers = []string{"ms", "jitter"}
)

// ReadRules reads rules for the operations of a contract: a JSON array of them, or one. Those
// without an id have none. The error names the member that is wrong, such as [1].effect.code, and
// what it may be.
//
// It takes what LocalStack's clients send, too, who call the effect "error", and what the service
// shows of its rules: "fired" and "expired" are ignored.
func ReadRules(contract *model.Service, text []byte) ([]Rule, error) {
	values, paths, err := list(text)
	if err != nil {
		return nil, err
	}
	if len(values) > maxRules {
		return nil, fmt.Errorf("there may be %d rules at most, and these are %d", maxRules, len(values))
	}
	rules := make([]Rule, len(values))
	ids := make(map[string]bool)
	for i, v := range values {
		if rules[i], err = readRule(contract, paths[i], v); err != nil {
			return nil, err
		}
		id := rules[i].ID
		if id != "" && ids[id] {
			return nil, wrong(paths[i], "id", "two rules are called %q", id)
		}
		ids[id] = true
	}
	return rules, nil
}

// list returns the elements of a JSON array, or the one object that the text is, with their paths.
func list(text []byte) (values []jsontext.Value, paths []string, err error) {
	whole, err := readValue(text, "the rules are not valid JSON")
	if err != nil {
		return nil, nil, err
	}
	switch whole.Kind() {
	case '{':
		return []jsontext.Value{whole}, []string{""}, nil
	case '[':
		elements(whole, func(v jsontext.Value) {
			paths = append(paths, fmt.Sprintf("[%d]", len(values)))
			values = append(values, v)
		})
		return values, paths, nil
	}
	return nil, nil, errors.New("the rules must be a JSON array of objects, or one object")
}

// readValue reads the JSON value that a text is. If it is none, the error begins with invalid.
func readValue(text []byte, invalid string) (jsontext.Value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	whole, err := d.ReadValue()
	if err == nil {
		whole = whole.Clone()
		if _, more := d.ReadToken(); more != io.EOF {
			err = fmt.Errorf("more text follows, at byte %d", d.InputOffset())
		}
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%s: the text ends too early", invalid)
	case err != nil:
		return nil, fmt.Errorf("%s: %s", invalid, strings.TrimPrefix(err.Error(), "jsontext: "))
	}
	return whole, nil
}

// elements calls fn with each element of a valid array, or each name and value of an object.
func elements(v jsontext.Value, fn func(jsontext.Value)) {
	d := jsontext.NewDecoder(bytes.NewReader(v))
	d.ReadToken()
	for d.PeekKind() != ']' && d.PeekKind() != '}' {
		e, _ := d.ReadValue() // its syntax was checked with the whole text
		fn(e.Clone())
	}
}

// wrong is the error of a member of the object at a path.
func wrong(at, member, format string, args ...any) error {
	if at != "" && member != "" {
		at += "."
	}
	problem := fmt.Errorf(format, args...)
	if at+member == "" { // the one rule that the text is
		return fmt.Errorf("the rule %w", problem)
	}
	return fmt.Errorf("%s: %w", at+member, problem)
}

// oneOf ends a message about a name that is unknown: the nearest one that there is, or all.
func oneOf(name string, known []string) string {
	if near := nearest.Of(name, known); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "use one of " + strings.Join(known, ", ")
}

// object reads the members of a JSON object. It keeps the first thing that is wrong.
type object struct {
	path    string
	members map[string]jsontext.Value
	err     error
}

// newObject reads an object that has no other than these members.
func newObject(at string, v jsontext.Value, known []string) *object {
	o := &object{path: at, members: make(map[string]jsontext.Value)}
	if v.Kind() != '{' {
		o.err = wrong(at, "", "must be an object")
		return o
	}
	name := ""
	elements(v, func(v jsontext.Value) {
		if name == "" {
			name = unquoted(v)
			if !slices.Contains(known, name) && o.err == nil {
				o.err = wrong(at, printable(name), "there is no such member: %s", oneOf(name, known))
			}
			return
		}
		if v.Kind() != 'n' { // null counts as absent
			o.members[name] = v
		}
		name = ""
	})
	return o
}

func unquoted(v jsontext.Value) string {
	text, _ := jsontext.AppendUnquote(nil, v)
	return string(text)
}

// printable is a name as it can stand in a path.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted[1:len(quoted)-1] != name || name == "" || len(name) > maxID {
		return fmt.Sprintf("%.*q", maxID, name)
	}
	return name
}

func (o *object) wrong(member, format string, args ...any) {
	if o.err == nil {
		o.err = wrong(o.path, member, format, args...)
	}
}

// text returns a member that is a text, which must not be empty.
func (o *object) text(name string, most int) string {
	v, ok := o.members[name]
	if !ok {
		return ""
	}
	if v.Kind() != '"' {
		o.wrong(name, "must be a text, in double quotes")
		return ""
	}
	text := unquoted(v)
	switch {
	case text == "":
		o.wrong(name, "must not be empty: leave it out if it does not matter")
	case len(text) > most:
		o.wrong(name, "must have at most %d bytes, it has %d", most, len(text))
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		o.wrong(name, "must not hold control characters")
	}
	return text
}

// choice returns a member that is one of some words.
func (o *object) choice(name string, words []string) string {
	word := o.text(name, maxText)
	if word != "" && !slices.Contains(words, word) {
		o.wrong(name, "%q is none of %s%s", word, strings.Join(words, ", "), suggestion(word, words))
	}
	return word
}

func suggestion(word string, words []string) string {
	if near := nearest.Of(word, words); near != "" {
		return fmt.Sprintf(" (did you mean %s?)", near)
	}
	return ""
}

// truth returns a member that is true or false, nil if it is absent.
func (o *object) truth(name string) *bool {
	v, ok := o.members[name]
	if !ok {
		return nil
	}
	is := v.Kind() == 't'
	if !is && v.Kind() != 'f' {
		o.wrong(name, "must be true or false, not %.40s", v)
	}
	return &is
}

// number returns a member that is a whole number, 0 if it is absent.
func (o *object) number(name string, least, most int) int {
	v, ok := o.members[name]
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(string(v))
	if v.Kind() != '0' || err != nil || n < least || n > most {
		o.wrong(name, "must be a whole number from %d to %d, not %.40s", least, most, v)
		return 0
	}
	return n
}

func readRule(contract *model.Service, at string, v jsontext.Value) (Rule, error) {
	o := newObject(at, v, ruleMembers)
	r := Rule{
		ID: o.text("id", maxID), Region: o.text("region", maxText), Key: o.text("key", maxText),
		Account: o.text("account", maxText), User: o.text("user", maxText), Test: o.text("test", maxText),
		Where: Where(o.choice("where", wheres)), Service: o.choice("service", []string{contract.Command}),
		Skip: o.number("skip", 0, maxNumber), Count: o.number("count", 1, maxNumber), Seed: o.number("seed", -maxNumber, maxNumber),
		Expires: o.text("expires", maxText),
	}
	if strings.Trim(r.ID, idCharacters) != "" {
		o.wrong("id", "%q must consist of letters, digits, - _ and .", r.ID)
	}
	if r.Where == "" {
		r.Where = Before
	}
	if _, ok := o.members["probability"]; ok {
		p := o.fraction("probability")
		r.Probability = &p
	}
	if r.Expires != "" {
		if d, ok := parseSpan(r.Expires); !ok || d <= 0 {
			o.wrong("expires", "is %.40q, which is not a time such as \"90s\", \"10m\" or \"7d\"", r.Expires)
		}
	}
	if _, err := path.Match(r.User, ""); err != nil {
		o.wrong("user", "%q is not a pattern: a [ has its ], as in [a-z]*@example.com", r.User)
	}
	if name := o.text("operation", maxText); name != "" && name != "*" {
		if contract.Operation(name) == nil {
			o.wrong("operation", "there is no operation %.60q: %s", name, oneOf(name, operationNames(contract)))
		}
		r.Operation = name
	}
	if op := contract.Operation(r.Operation); op != nil {
		target := newTarget(op)
		switch {
		case r.Where == Item && !hasItems(op):
			o.wrong("where", "%s is no batch: it has no items that could fail alone; those that have are %s",
				op.Name, strings.Join(batches(contract), ", "))
		case r.Account != "" && target.account == "":
			o.wrong("account", "no call of %s is for an account, so the rule would hit none: leave it out", op.Name)
		case r.User != "" && len(target.places) == 0:
			o.wrong("user", "no call of %s names a user, a bot or a phone number, so the rule would hit none: leave it out", op.Name)
		}
	}
	effect, name := o.members["effect"], "effect"
	if other, ok := o.members["error"]; ok {
		if effect != nil {
			o.wrong("error", "is another name of effect, which is there, too")
		}
		effect, name = other, "error"
	}
	if effect == nil {
		o.wrong("effect", "is missing: it says what is to happen, as in {\"code\": %q}", api.ThrottledClientException)
	}
	if o.err != nil {
		return r, o.err
	}
	if at != "" {
		at += "."
	}
	var err error
	r.Effect, err = readEffect(contract, at+name, effect, r)
	return r, err
}

const idCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// fraction returns a member that is a number from 0 to 1.
func (o *object) fraction(name string) float64 {
	v := o.members[name]
	f, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != '0' || err != nil || !(f >= 0 && f <= 1) {
		o.wrong(name, "must be a number from 0 to 1, not %.40s", v)
		return 0
	}
	return math.Abs(f) // -0 is 0
}

func readEffect(contract *model.Service, at string, v jsontext.Value, r Rule) (Effect, error) {
	o := newObject(at, v, effectMembers)
	e := Effect{
		StatusCode: o.number("statusCode", 100, 599), Code: o.text("code", maxText), Message: o.text("message", maxText),
		RetryAfter: o.number("retryAfter", 1, maxRetry), Connection: Connection(o.choice("connection", connections)),
	}
	if v, ok := o.members["latency"]; ok && o.err == nil {
		l := newObject(at+".latency", v, latencyMembers)
		if _, ok := l.members["ms"]; !ok {
			l.wrong("ms", "is missing")
		}
		e.Latency = &Latency{l.number("ms", 0, maxLatency), l.number("jitter", 0, maxLatency)}
		if e.Latency.Jitter > e.Latency.MS {
			l.wrong("jitter", "must be at most ms, which is %d", e.Latency.MS)
		}
		if e.Latency.MS+e.Latency.Jitter > maxLatency {
			l.wrong("jitter", "must not make the delay longer than %d ms", maxLatency)
		}
		o.err = l.err
	}
	answers := e.StatusCode != 0 || e.Code != ""
	switch {
	case o.err != nil:
	case r.Where == Item && e.Latency != nil:
		o.wrong("latency", "is for a whole call, not for an item of it")
	case r.Where == Item && e.Connection != "":
		o.wrong("connection", "is for a whole call, not for an item of it")
	case r.Where == Item && e.RetryAfter != 0:
		o.wrong("retryAfter", "is for a whole call, not for an item of it")
	case !answers && r.Where == Item:
		o.wrong("code", "is missing: an item fails with one of %s", strings.Join(itemCodes(contract), ", "))
	case !answers && e.Latency == nil && e.Connection == "":
		o.wrong("", "needs one of statusCode, code, latency and connection")
	case !answers && e.Message != "":
		o.wrong("message", "needs a code to go with")
	case !answers && e.RetryAfter != 0:
		o.wrong("retryAfter", "needs a code to go with")
	case answers && e.Connection != "" && e.Connection != Truncate:
		o.wrong("connection", "%s sends no answer: leave out the code, or %s", e.Connection, Truncate)
	case answers && r.Where == Item:
		o.itemCode(contract, &e)
	case answers:
		o.exception(contract, r.Operation, &e)
	}
	return e, o.err
}

// exception completes the code and status of an effect on a whole call.
func (o *object) exception(contract *model.Service, operation string, e *Effect) {
	known := exceptions(contract, operation)
	owner := operation
	if owner == "" {
		owner = "the API"
	}
	if e.Code == "" {
		var named []string
		for _, x := range known {
			if status, _ := x.Status(); status == e.StatusCode {
				named = append(named, string(x))
			}
		}
		switch len(named) {
		case 0:
			o.wrong("statusCode", "%s has no exception with status %d: use one of %s", owner, e.StatusCode, strings.Join(describe(known), ", "))
		case 1:
			e.Code = named[0]
		default:
			o.wrong("statusCode", "%d is %s: name one as code", e.StatusCode, strings.Join(named, " or "))
		}
		return
	}
	x := api.Exception(e.Code)
	if !slices.Contains(known, x) {
		o.wrong("code", "%s has no exception %.60q: %s", owner, e.Code, oneOf(e.Code, texts(known)))
		return
	}
	status, _ := x.Status()
	if e.StatusCode != 0 && e.StatusCode != status {
		o.wrong("statusCode", "%s has the status %d, not %d", x, status, e.StatusCode)
	}
	e.StatusCode = status
}

// itemCode completes the code of an effect on an item, which may be spelled as an exception.
func (o *object) itemCode(contract *model.Service, e *Effect) {
	codes := itemCodes(contract)
	var status []string // of exceptions with this code
	for _, x := range exceptions(contract, "") {
		s, code := x.Status()
		if e.Code == string(x) || e.Code == "" && s == e.StatusCode {
			e.Code = string(code)
		}
		if e.Code == string(code) {
			status = append(status, strconv.Itoa(s))
		}
	}
	switch {
	case e.Code == "":
		o.wrong("statusCode", "no code of an item goes with %d: use one of %s as code", e.StatusCode, strings.Join(codes, ", "))
	case !slices.Contains(codes, e.Code):
		o.wrong("code", "an item has no code %.60q: %s", e.Code, oneOf(e.Code, codes))
	case e.StatusCode != 0 && !slices.Contains(status, strconv.Itoa(e.StatusCode)):
		o.wrong("statusCode", "%s does not go with %d: leave it out", e.Code, e.StatusCode)
	}
	e.StatusCode = 0 // an item has none
}

// exceptions returns those of an operation, or of any.
func exceptions(contract *model.Service, operation string) (list []api.Exception) {
	if operation != "" {
		return api.Exceptions(operation)
	}
	for _, op := range contract.All() {
		for _, x := range api.Exceptions(op.Name) {
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	return list
}

func texts(list []api.Exception) []string {
	names := make([]string, len(list))
	for i, x := range list {
		names[i] = string(x)
	}
	return names
}

func describe(list []api.Exception) []string {
	names := make([]string, len(list))
	for i, x := range list {
		status, _ := x.Status()
		names[i] = fmt.Sprintf("%d (%s)", status, x)
	}
	return names
}

func operationNames(contract *model.Service) []string {
	names := make([]string, len(contract.All()))
	for i, op := range contract.All() {
		names[i] = op.Name
	}
	return names
}

// hasItems reports whether items of an operation can fail alone. The items of most batches are
// reported with an ErrorCode; InviteUsers gives each of its own a status.
func hasItems(op *model.Operation) bool { return op.ItemErrors != "" || op.Name == "InviteUsers" }

func batches(contract *model.Service) (names []string) {
	for _, op := range contract.All() {
		if hasItems(op) {
			names = append(names, op.Name)
		}
	}
	return names
}

// itemCodes returns the codes that an item of a batch can fail with.
func itemCodes(contract *model.Service) []string {
	for _, op := range contract.All() {
		if op.ItemErrors != "" {
			return op.Output.Member(op.ItemErrors).Shape.Element.Member("ErrorCode").Shape.Enum
		}
	}
	return nil
}

// expiry returns when a rule ends that is set now; zero: never.
func (r *Rule) expiry(now time.Time) time.Time {
	if d, ok := parseSpan(r.Expires); ok {
		return now.Add(d)
	}
	return time.Time{}
}
