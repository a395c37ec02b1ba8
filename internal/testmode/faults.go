package testmode

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/store"
)

// Faults are the rules by which a service for tests fails on demand. Give Intercept to its server,
// Refuse to its directory, and all of it to a [Mode]. Only requests that come through the handler
// of that Mode are hit.
type Faults struct {
	contract *model.Service
	store    store.Store
	first    []Rule // those of the start
	targets  map[string]*target

	changing sync.Mutex // held while the rules are changed
	rules    atomic.Pointer[ruleSet]
	activity *activity

	addresses addresses

	close  func()
	closed chan struct{} // after that nobody waits any more
}

// NewFaults returns the faults of a service for a contract on a store. It begins with some rules of
// [ReadRules].
func NewFaults(contract *model.Service, st store.Store, first []Rule) *Faults {
	f := &Faults{contract: contract, store: st, first: first, targets: make(map[string]*target), activity: newActivity(), closed: make(chan struct{})}
	f.close = sync.OnceFunc(func() { close(f.closed) })
	for _, op := range contract.All() {
		f.targets[op.Name] = newTarget(op)
	}
	f.Reset()
	return f
}

// Reset puts back the rules of the start, and forgets what has been.
func (f *Faults) Reset() {
	f.changing.Lock()
	defer f.changing.Unlock()
	f.set(f.activate(nil, f.first))
	f.activity.clear()
	f.addresses.forget()
}

// Close ends what waits: stalled answers, delays, and requests for activity. Call it before the
// server waits for its requests.
func (f *Faults) Close() { f.close() }

// Fired returns how many times each of the rules has fired, by its id.
func (f *Faults) Fired() map[string]int {
	counts := make(map[string]int)
	for _, r := range f.rules.Load().all {
		counts[r.ID] = r.count()
	}
	return counts
}

// ruleSet are the rules at one time.
type ruleSet struct {
	all []*activeRule
	of  map[string]*rulesOf // by operation, if it has any
}

// rulesOf are the rules that can hit an operation, in order.
type rulesOf struct{ before, after, item []*activeRule }

// set makes rules those that are in force.
func (f *Faults) set(all []*activeRule) {
	s := &ruleSet{all: all, of: make(map[string]*rulesOf)}
	for _, op := range f.contract.All() {
		var here rulesOf
		for _, r := range all {
			if !r.canHit(op) {
				continue
			}
			switch r.Where {
			case Before:
				here.before = append(here.before, r)
			case After:
				here.after = append(here.after, r)
			case Item:
				here.item = append(here.item, r)
			}
		}
		if len(here.before)+len(here.after)+len(here.item) > 0 {
			s.of[op.Name] = &here
		}
	}
	f.rules.Store(s)
}

// activate makes rules count from now on. Those without an id get one that neither they nor the
// present rules have.
func (f *Faults) activate(present []*activeRule, list []Rule) []*activeRule {
	used := make(map[string]bool)
	for _, r := range present {
		used[r.ID] = true
	}
	for _, r := range list {
		used[r.ID] = true
	}
	now, next := time.Now(), 1
	var out []*activeRule
	for _, r := range list {
		for r.ID == "" {
			if id := "r" + strconv.Itoa(next); !used[id] {
				r.ID = id
			}
			next++
		}
		out = append(out, newActiveRule(r, now))
	}
	return out
}

// endpoints lists the paths of faults:
//
//	GET    /_carillon/faults     the rules, each with how many times it has fired
//	POST   /_carillon/faults     replaces all rules: by an array of them, or by one
//	PATCH  /_carillon/faults     adds rules after the present ones
//	DELETE /_carillon/faults     removes those that the body names by id, or equals; all without a body
//	GET    /_carillon/activity   the times that rules have fired: ?after=N&wait=30s&rule=r1
//	GET    /_carillon/targets    the operations, and what they can fail with
//
// POST, PATCH and DELETE answer like GET, with the rules as they are then.
func (f *Faults) endpoints() []endpoint {
	return []endpoint{
		{"faults", map[string]http.HandlerFunc{
			http.MethodGet: f.showRules, http.MethodPost: f.changeRules(f.replace), http.MethodPatch: f.changeRules(f.add), http.MethodDelete: f.deleteRules,
		}},
		{"activity", map[string]http.HandlerFunc{http.MethodGet: f.showActivity}},
		{"targets", map[string]http.HandlerFunc{http.MethodGet: f.showTargets}},
	}
}

// shownRule is a rule as an answer has it.
type shownRule struct {
	Rule
	Fired   int  `json:"fired"`
	Expired bool `json:"expired,omitempty"`
}

func (f *Faults) showRules(w http.ResponseWriter, r *http.Request) {
	list, now := []shownRule{}, time.Now()
	for _, r := range f.rules.Load().all {
		list = append(list, shownRule{r.Rule, r.count(), r.expired(now)})
	}
	answer(w, http.StatusOK, list)
}

// changeRules is the handler of a change that rules are sent for.
func (f *Faults) changeRules(change func([]Rule) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text, err := readBody(w, r, "the rules", maxRulesBody)
		var list []Rule
		if err == nil {
			list, err = ReadRules(f.contract, text)
		}
		if err == nil {
			f.changing.Lock()
			err = change(list)
			f.changing.Unlock()
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, err)
			return
		}
		f.showRules(w, r)
	}
}

// readBody returns the body of a request, which what is called and has a most size in bytes.
func readBody(w http.ResponseWriter, r *http.Request, what string, most int64) ([]byte, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, fmt.Errorf("%s must have at most %d bytes", what, most)
	}
	if err != nil {
		return nil, errors.New("the body did not arrive as announced")
	}
	return text, nil
}

func (f *Faults) replace(list []Rule) error {
	f.set(f.activate(nil, list))
	return nil
}

func (f *Faults) add(list []Rule) error {
	present := f.rules.Load().all
	for i, r := range list {
		if slices.ContainsFunc(present, func(p *activeRule) bool { return p.ID == r.ID }) {
			return fmt.Errorf("[%d].id: there is a rule %q already", i, r.ID)
		}
	}
	if n := len(present) + len(list); n > maxRules {
		return fmt.Errorf("there may be %d rules at most, and these would be %d", maxRules, n)
	}
	f.set(append(slices.Clone(present), f.activate(present, list)...))
	return nil
}

// deleteRules removes rules. It is no error if one is not there.
func (f *Faults) deleteRules(w http.ResponseWriter, r *http.Request) {
	text, err := readBody(w, r, "the rules", maxRulesBody)
	var goes func(*activeRule) bool
	if err == nil {
		goes, err = f.removal(text)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	f.changing.Lock()
	f.set(slices.DeleteFunc(slices.Clone(f.rules.Load().all), goes))
	f.changing.Unlock()
	f.showRules(w, r)
}

// removal reads which rules are to be removed: all, those of some ids, or those that are equal to
// others but for the id.
func (f *Faults) removal(text []byte) (goes func(*activeRule) bool, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return func(*activeRule) bool { return true }, nil
	}
	values, paths, err := list(text)
	if err != nil {
		return nil, err
	}
	named, equal := make(map[string]bool), make(map[string]bool)
	for i, v := range values {
		if o := newObject(paths[i], v, ruleMembers); len(o.members) == 1 && o.members["id"] != nil {
			named[o.text("id", maxID)] = true
			if o.err != nil {
				return nil, o.err
			}
			continue
		}
		r, err := readRule(f.contract, paths[i], v)
		if err != nil {
			return nil, err
		}
		if r.ID != "" {
			named[r.ID] = true
			continue
		}
		equal[r.content()] = true
	}
	return func(r *activeRule) bool { return named[r.ID] || equal[r.content()] }, nil
}

// content is what two rules have in common that differ in their ids only.
func (r Rule) content() string {
	r.ID = ""
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // numbers and texts always have a JSON form
	}
	return string(text)
}
