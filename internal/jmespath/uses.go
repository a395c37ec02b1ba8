package jmespath

import "slices"

// Use is a place where a query names a member of the document that it searches, or of an object
// below it.
type Use struct {
	Path     []string // the names that lead to the member, its own last
	Compared []any    // the literals that the query compares it with, by == or !=
}

// Uses returns the members that the query names, in its order, for callers that know what the
// document can have. What a query names of the values that it makes itself (of lists, hashes,
// results of functions and projections) is not among them.
func (x *Expression) Uses() []Use {
	var u uses
	u.walk(x.root, &Use{})
	return u
}

type uses []Use

// walk gathers what n uses of a value. It returns the member that the result of n is, or nil if it
// is none. The value of at is the member that n searches; nil if it is none.
func (u *uses) walk(n *node, at *Use) *Use {
	switch n.op {
	case opCurrent:
		return at
	case opField:
		if at == nil {
			return nil
		}
		*u = append(*u, Use{Path: append(slices.Clone(at.Path), n.name)})
		return &(*u)[len(*u)-1]
	case opThen:
		return u.walk(n.operands[1], u.walk(n.operands[0], at))
	case opIndexed, opFlatten, opProject, opProjectValues, opProjectFiltered:
		u.walk(n.operands[0], at)
	case opCompare:
		left := u.place(n.operands[0], at)
		right := u.place(n.operands[1], at)
		if n.comparator == eq || n.comparator == ne {
			u.compare(left, n.operands[1])
			u.compare(right, n.operands[0])
		}
	case opExpref: // of elements
	default:
		for _, operand := range n.operands {
			u.walk(operand, at)
		}
	}
	return nil
}

// place walks, and returns where the member that the result is stands in u; -1 if it is none.
func (u *uses) place(n *node, at *Use) int {
	if m := u.walk(n, at); m != nil && m != at {
		return len(*u) - 1
	}
	return -1
}

func (u *uses) compare(place int, with *node) {
	if place >= 0 && with.op == opLiteral {
		(*u)[place].Compared = append((*u)[place].Compared, with.value)
	}
}
