package jmespath

import (
	"github.com/carillon-project/carillon/internal/document"
)

// search is one evaluation of a query.
type search struct {
	work int // what may still be done
}

// maxWork bounds the elements that a search visits or makes, so that a short query that
// doubles its value again and again ends in an error rather than in a machine without
// memory. An honest query over a million users stays well below it.
const maxWork = 1 << 25

// maxResult bounds the elements of a result at all levels. Parts of a value can be shared,
// so that it takes little memory and would still be endless when it is written out.
const maxResult = 1 << 27

// bytesPerElement says how much text counts as one element: as much as takes its memory.
const bytesPerElement = 16

// spend takes n elements' worth of work off what may still be done.
func (s *search) spend(n int) error {
	s.work -= n
	if s.work < 0 {
		return failure("the query does too much: its result, or a value on the way to it, is too large")
	}
	return nil
}

// eval evaluates n over v. Beside document values it takes and gives *node: the value of
// an expression reference.
func (s *search) eval(n *node, v any) (any, error) {
	switch n.op {
	case opCurrent:
		return v, nil
	case opLiteral:
		return n.value, nil
	case opExpref:
		return n.operands[0], nil
	case opField:
		if o, ok := v.(*document.Object); ok {
			v, _ := o.Get(n.name)
			return v, nil
		}
		return nil, nil
	case opIndex:
		list, _ := v.([]any)
		i := n.index
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return nil, nil
		}
		return list[i], nil
	case opSlice:
		if list, ok := v.([]any); ok {
			return slice(list, n.bounds)
		}
		return nil, nil
	case opList, opHash:
		return s.multiSelect(n, v)
	case opCall:
		return s.call(n, v)
	}

	left, err := s.eval(n.operands[0], v)
	if err != nil {
		return nil, err
	}
	switch n.op {
	case opThen, opIndexed:
		return s.eval(n.operands[1], left)
	case opOr:
		if IsTrue(left) {
			return left, nil
		}
		return s.eval(n.operands[1], v)
	case opAnd:
		if !IsTrue(left) {
			return left, nil
		}
		return s.eval(n.operands[1], v)
	case opNot:
		return !IsTrue(left), nil
	case opCompare:
		right, err := s.eval(n.operands[1], v)
		if err != nil {
			return nil, err
		}
		return s.compare(n.comparator, left, right)
	case opFlatten:
		return s.flatten(left)
	case opProject, opProjectFiltered:
		if list, ok := left.([]any); ok {
			return s.project(n, list)
		}
	case opProjectValues:
		if o, ok := left.(*document.Object); ok {
			return s.project(n, values(o))
		}
	}
	return nil, nil
}

// project gathers what a projection makes of the elements of list, nulls left out.
func (s *search) project(n *node, list []any) (any, error) {
	if err := s.spend(len(list)); err != nil {
		return nil, err
	}
	result := make([]any, 0, len(list))
	for _, e := range list {
		if n.op == opProjectFiltered {
			accepted, err := s.eval(n.operands[2], e)
			if err != nil {
				return nil, err
			}
			if !IsTrue(accepted) {
				continue
			}
		}
		r, err := s.eval(n.operands[1], e)
		if err != nil {
			return nil, err
		}
		if r != nil {
			result = append(result, r)
		}
	}
	return result, nil
}

// flatten puts the elements of lists in v in the place of the lists, one level deep.
func (s *search) flatten(v any) (any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, nil
	}
	n := 0
	for _, e := range list {
		if inner, ok := e.([]any); ok {
			n += len(inner)
		} else {
			n++
		}
	}
	if err := s.spend(n); err != nil {
		return nil, err
	}
	result := make([]any, 0, n)
	for _, e := range list {
		if inner, ok := e.([]any); ok {
			result = append(result, inner...)
		} else {
			result = append(result, e)
		}
	}
	return result, nil
}

// multiSelect makes a list or an object of n's operands over v; of null it makes null.
func (s *search) multiSelect(n *node, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	list := make([]any, len(n.operands))
	for i, operand := range n.operands {
		var err error
		if list[i], err = s.eval(operand, v); err != nil {
			return nil, err
		}
	}
	if n.op == opList {
		return list, nil
	}
	o := new(document.Object)
	for i, key := range n.keys {
		o.Set(key, list[i])
	}
	return o, nil
}

func values(o *document.Object) []any {
	list := make([]any, o.Len())
	for i, m := range o.Members() {
		list[i] = m.Value
	}
	return list
}

// slice selects from list as Python does: bounds beyond the list are moved to its ends.
func slice(list []any, bounds [3]*int) (any, error) {
	step := 1
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, failure("slice step cannot be zero")
	}
	first, last := 0, len(list) // the range of a bound; backwards, last is before the first
	if step < 0 {
		first, last = -1, len(list)-1
	}
	bound := func(b *int, otherwise int) int {
		if b == nil {
			return otherwise
		}
		at := *b
		if at < 0 {
			at += len(list)
		}
		return min(max(at, first), last)
	}
	result := []any{}
	if step > 0 {
		stop := bound(bounds[1], last)
		for i := bound(bounds[0], first); i < stop; i += step {
			result = append(result, list[i])
		}
		return result, nil
	}
	stop := bound(bounds[1], first)
	for i := bound(bounds[0], last); i > stop; i += step {
		result = append(result, list[i])
	}
	return result, nil
}

// compare gives a bool, or null for an order of values that have none.
func (s *search) compare(comparator kind, left, right any) (any, error) {
	switch comparator {
	case eq, ne:
		equal, err := s.equal(left, right)
		if err != nil {
			return nil, err
		}
		// Inside lists and objects, true and 1 are the same. Here they are not.
		if _, ok := left.(bool); ok {
			_, ok = right.(bool)
			equal = equal && ok
		} else if _, ok := right.(bool); ok {
			equal = false
		}
		return equal == (comparator == eq), nil
	}
	if !hasOrder(left) || !hasOrder(right) {
		return nil, nil
	}
	o, ok := order(left, right)
	if !ok {
		return nil, noOrder(comparator, left, right)
	}
	switch comparator {
	case lt:
		return o == less, nil
	case lte:
		return o == less || o == same, nil
	case gt:
		return o == greater, nil
	}
	return o == greater || o == same, nil
}

// printable reports whether v is a document value throughout, and of a bearable size.
func (s *search) printable(v any) error {
	switch v := v.(type) {
	case *node:
		return errExpref
	case []any:
		if err := s.spend(len(v)); err != nil {
			return err
		}
		for _, e := range v {
			if err := s.printable(e); err != nil {
				return err
			}
		}
	case *document.Object:
		if err := s.spend(v.Len()); err != nil {
			return err
		}
		for _, m := range v.Members() {
			if err := s.printable(m.Value); err != nil {
				return err
			}
		}
	}
	return nil
}

// errExpref is what comes of a query whose result has an expression reference in it.
const errExpref = failure("Encountered unrecognized type in JSON encoder.")
