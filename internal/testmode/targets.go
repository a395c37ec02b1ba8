package testmode

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/model"
)

// target is an operation as rules see it. All of it follows from the contract.
type target struct {
	operation *model.Operation
	account   string   // the label of the path that names the account, empty for none
	filter    string   // the key of the query that says what FilterValue names, empty for none
	places    []place  // where a request names what a rule's user can be
	tokens    []string // members of the body that differ with each call of a client
}

// place is where a request names users, bots or phone numbers.
type place struct {
	location model.Location
	wire     string   // of a label or a key of the query
	path     []string // in the body, through lists, too
	kind     kind
}

// kind is how a place names users, bots or phone numbers.
type kind int

const (
	byNothing kind = iota
	byID           // of a user or bot
	byEmail        // of a user
	byNumber       // a phone number, or its id
	byFilter       // of a user, if the filter is for users
)

// kindOf says how a member, or an element of a list of this name, names what a rule's user can be.
func kindOf(member string, shape *model.Shape) kind {
	switch {
	case shape.Name == "EmailAddress":
		return byEmail
	case shape.Name == "E164PhoneNumber" || member == "PhoneNumberId":
		return byNumber
	case member == "UserId" || member == "MemberId" || member == "BotId":
		return byID
	case member == "FilterValue":
		return byFilter
	}
	return byNothing
}

func newTarget(op *model.Operation) *target {
	t := &target{operation: op}
	if op.Input == nil {
		return t
	}
	for _, m := range op.Input.Members {
		if m.Name == "AccountId" && m.Location == model.URI {
			t.account = m.WireName
		}
		if m.Name == "FilterName" {
			t.filter = m.WireName
		}
		if m.IdempotencyToken {
			t.tokens = append(t.tokens, m.Name)
		}
		t.find(m, nil)
	}
	return t
}

// find adds the places in a member, which is at the end of a path.
func (t *target) find(m model.Member, path []string) {
	path = append(path[:len(path):len(path)], m.Name)
	name, shape := m.Name, m.Shape
	if shape.Kind == model.List { // UserIdList, PhoneNumberIds
		name, shape = strings.TrimSuffix(strings.TrimSuffix(name, "List"), "s"), shape.Element
	}
	if shape.Kind == model.Structure {
		for _, m := range shape.Members {
			t.find(m, path)
		}
	} else if kind := kindOf(name, shape); kind != byNothing {
		t.places = append(t.places, place{m.Location, m.WireName, path, kind})
	}
}

// id returns the id in the path of a request that a rule's user can be, "" if there is none.
func (t *target) id(r api.Request) string {
	for _, p := range t.places {
		if p.location == model.URI {
			return r.Label(p.wire)
		}
	}
	return ""
}

// names returns what a request names.
func (t *target) names(r api.Request) (list []name) {
	var body any
	add := func(p place, text string) {
		switch {
		case text == "":
		case p.kind == byFilter && r.Query.Get(t.filter) != string(api.PhoneNumberAssociationNameUserId):
		case p.kind == byEmail:
			list = append(list, name{email: text})
		case p.kind == byNumber:
			list = append(list, name{number: directory.AsNumber(text)})
		default:
			list = append(list, name{id: text})
		}
	}
	for _, p := range t.places {
		switch p.location {
		case model.URI:
			add(p, r.Label(p.wire))
		case model.Query:
			add(p, r.Query.Get(p.wire))
		default:
			if body == nil {
				json.Unmarshal(r.Body, &body) // one that is not valid names nobody
			}
			walk(body, p.path, func(text string) { add(p, text) })
		}
	}
	return list
}

// walk calls fn with the texts at a path of a JSON value. Lists on the way have the path in each of
// their elements.
func walk(v any, path []string, fn func(string)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, path, fn)
		}
	case map[string]any:
		if len(path) > 0 {
			walk(v[path[0]], path[1:], fn)
		}
	case string:
		if len(path) == 0 {
			fn(v)
		}
	}
}

// essence returns the body of a request without what differs when a client sends it again.
func (t *target) essence(r api.Request) []byte {
	if len(t.tokens) == 0 {
		return r.Body
	}
	var body map[string]any
	if json.Unmarshal(r.Body, &body) != nil {
		return r.Body
	}
	for _, token := range t.tokens {
		delete(body, token)
	}
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return r.Body
	}
	return text
}

// targets is what GET /_carillon/targets answers.
type targets struct {
	Operations  []targetAnswer `json:"operations"`
	ItemCodes   []string       `json:"itemCodes"`
	Connections []string       `json:"connections"`
}

type targetAnswer struct {
	Operation  string            `json:"operation"`
	Where      []string          `json:"where"`
	Exceptions []exceptionAnswer `json:"exceptions"`
}

type exceptionAnswer struct {
	Code       string `json:"code"`
	StatusCode int    `json:"statusCode"`
}

// showTargets answers with what rules can name.
func (f *Faults) showTargets(w http.ResponseWriter, r *http.Request) {
	all := targets{ItemCodes: itemCodes(f.contract), Connections: connections}
	for _, op := range f.contract.All() {
		one := targetAnswer{Operation: op.Name, Where: wheres}
		if !hasItems(op) {
			one.Where = []string{string(Before), string(After)}
		}
		for _, x := range api.Exceptions(op.Name) {
			status, _ := x.Status()
			one.Exceptions = append(one.Exceptions, exceptionAnswer{string(x), status})
		}
		all.Operations = append(all.Operations, one)
	}
	answer(w, http.StatusOK, all)
}
