// Package document holds JSON-like values whose members keep their order from end to end:
// what a command line argument, a request body, a reply and a query result are made of.
//
// A value is one of
//
//	nil, bool, string, Number, []any, *Object
//
// and, in an input that has not been validated, Bytes.
//
// Strings are UTF-8 with the two extensions of package python for lone surrogates, so that these
// survive a round trip.
package document

import (
	"math/big"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/python"
)

// Number is a JSON number in the spelling that Python gives it: an integer of any size
// ("100000000000000000000"), or a float ("1.5", "1e+22", "inf", "-inf", "nan"). An integral
// float keeps its ".0", which is what tells it from an integer.
type Number string

// Int makes a Number of an int.
func Int(n int) Number { return Number(strconv.Itoa(n)) }

// Float makes a Number of a float64.
func Float(f float64) Number { return Number(python.FormatFloat(f)) }

// IsInt reports whether n is an integer rather than a float.
func (n Number) IsInt() bool { return !strings.ContainsAny(string(n), ".einf") }

// Float64 returns the nearest float64, infinite where n is out of range.
func (n Number) Float64() float64 {
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// BigInt returns the value of an integer; ok is false for a float.
func (n Number) BigInt() (i *big.Int, ok bool) {
	if !n.IsInt() {
		return nil, false
	}
	return new(big.Int).SetString(string(n), 10)
}

// Member is one member of an Object.
type Member struct {
	Key   string
	Value any
}

// Object is a mapping whose members keep the order in which they were first set.
// The zero value is empty and ready to use.
type Object struct {
	members []Member
	index   map[string]int // only for large objects; nil below indexFrom members
}

// indexFrom is the size from which a map finds members faster than looking at each.
const indexFrom = 16

// NewObject returns an object of the given members; of a repeated key the last value counts.
func NewObject(members ...Member) *Object {
	o := &Object{members: make([]Member, 0, len(members))}
	for _, m := range members {
		o.Set(m.Key, m.Value)
	}
	return o
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.members) }

// Members returns the members in order. The slice is the object's own: do not change it.
func (o *Object) Members() []Member { return o.members }

// Get returns the value of key and whether it is there.
func (o *Object) Get(key string) (any, bool) {
	if i := o.find(key); i >= 0 {
		return o.members[i].Value, true
	}
	return nil, false
}

// Text returns the value of key if that is a text, and otherwise "".
func (o *Object) Text(key string) string {
	v, _ := o.Get(key)
	s, _ := v.(string)
	return s
}

// Set gives key a value: in place where the key is there already, at the end otherwise.
func (o *Object) Set(key string, value any) {
	if i := o.find(key); i >= 0 {
		o.members[i].Value = value
		return
	}
	o.members = append(o.members, Member{key, value})
	switch {
	case o.index != nil:
		o.index[key] = len(o.members) - 1
	case len(o.members) >= indexFrom:
		o.reindex()
	}
}

// Delete removes key, if it is there.
func (o *Object) Delete(key string) {
	i := o.find(key)
	if i < 0 {
		return
	}
	o.members = append(o.members[:i:i], o.members[i+1:]...)
	if o.index != nil {
		o.reindex()
	}
}

func (o *Object) find(key string) int {
	if o.index != nil {
		if i, ok := o.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].Key == key {
			return i
		}
	}
	return -1
}

func (o *Object) reindex() {
	o.index = make(map[string]int, len(o.members))
	for i, m := range o.members {
		o.index[m.Key] = i
	}
}
