package jmespath

import (
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
)

// op says how a node is evaluated over a value v. "left" and "right" are its operands.
type op uint8

const (
	opCurrent         op = iota // v
	opField                     // the member name of v
	opLiteral                   // value
	opIndex                     // the element index of v
	opSlice                     // the elements of v that bounds select
	opThen                      // right over left: "a.b", "a | b"
	opIndexed                   // the same, but right is an opIndex or opSlice: "a[0]"
	opFlatten                   // left with its lists replaced by their elements
	opProject                   // right over each element of left
	opProjectValues             // right over each member's value of left
	opProjectFiltered           // right over each element of left that the third operand accepts
	opOr                        // left, or right where left is false
	opAnd                       // right, or left where left is false
	opNot                       // the opposite of left
	opCompare                   // left and right by the comparator
	opList                      // a list of all operands
	opHash                      // an object of keys and operands
	opCall                      // the function name with all operands
	opExpref                    // left itself, not evaluated
)

type node struct {
	op         op
	operands   []*node
	height     int // of the tree below, in nodes
	name       string
	keys       []string
	value      any
	index      int
	bounds     [3]*int // start, stop, step; nil where left out
	comparator kind
	function   *function // nil where there is none of that name
}

// newNode makes a node whose place in the tree is known; the caller adds what its op needs.
func newNode(o op, operands ...*node) *node {
	n := &node{op: o, operands: operands}
	for _, operand := range operands {
		n.height = max(n.height, operand.height)
	}
	n.height++
	return n
}

// maxNesting bounds the height of a tree and with it the stack that parsing and evaluation
// use. Version 1 of the AWS CLI gives up at about half of it.
const maxNesting = 1000

// stopPower is the binding power below which a token ends a projection.
const stopPower = 10

// parser is a top-down operator precedence parser. Its methods are named for the grammar;
// those that take a power read as far as tokens bind more tightly than that.
type parser struct {
	text    string
	tokens  []token
	at      int
	nesting int
}

func parse(text string, tokens []token) (*node, error) {
	p := &parser{text: text, tokens: tokens}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != eof {
		return nil, p.fail(t, "Unexpected token: "+str(t.value))
	}
	return root, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

// peekKind returns the kind of the token that is ahead of the reading position by n.
func (p *parser) peekKind(n int) kind {
	if p.at+n < len(p.tokens) {
		return p.tokens[p.at+n].kind
	}
	return eof
}

// next returns the token at the reading position and moves on, but never beyond the end.
func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != eof {
		p.at++
	}
	return t
}

// match moves over a token of the kind that the grammar wants here.
func (p *parser) match(k kind) error {
	if t := p.peek(); t.kind != k {
		return p.expecting(t, k.String())
	}
	p.next()
	return nil
}

// expecting reports that t is not what the grammar wants.
func (p *parser) expecting(t token, want string) error {
	if t.kind == eof {
		return p.incomplete()
	}
	return p.fail(t, "Expecting: "+want+", got: "+t.kind.String())
}

func (p *parser) incomplete() error {
	return failuref("Invalid jmespath expression: Incomplete expression:\n\"%s\"\n%s^",
		p.text, p.margin(len(p.text)))
}

func (p *parser) fail(t token, reason string) error {
	return failuref("%s: Parse error at column %d, token \"%s\" (%s), for expression:\n\"%s\"\n%s^",
		reason, column(p.text, t.at), str(t.value), strings.ToUpper(t.kind.String()), p.text, p.margin(t.at))
}

// margin is what puts a caret under an offset of the text, which is shown in quotes.
func (p *parser) margin(at int) string { return strings.Repeat(" ", column(p.text, at)+1) }

func (p *parser) tooDeep() error {
	return failuref("Invalid jmespath expression: nested more than %d levels deep", maxNesting)
}

func (p *parser) expression(power int) (*node, error) {
	p.nesting++
	defer func() { p.nesting-- }()
	if p.nesting > maxNesting {
		return nil, p.tooDeep()
	}
	left, err := p.prefix(p.next())
	for err == nil && power < kinds[p.peek().kind].power {
		left, err = p.infix(left, p.next())
	}
	if err == nil && left.height > maxNesting {
		err = p.tooDeep()
	}
	return left, err
}

// prefix reads what can begin with t, which has been read.
func (p *parser) prefix(t token) (*node, error) {
	switch t.kind {
	case literal:
		n := newNode(opLiteral)
		n.value = t.value
		return n, nil
	case unquotedIdentifier, quotedIdentifier:
		n := newNode(opField)
		n.name = t.value.(string)
		if t.kind == quotedIdentifier && p.peek().kind == lparen {
			paren := p.peek()
			paren.at = 0 // where version 1 points
			return nil, p.fail(paren, "Quoted identifier not allowed for function names.")
		}
		return n, nil
	case current:
		return newNode(opCurrent), nil
	case star:
		return p.projection(opProjectValues, newNode(opCurrent), star)
	case filter:
		return p.filtered(newNode(opCurrent))
	case flatten:
		return p.projection(opProject, newNode(opFlatten, newNode(opCurrent)), flatten)
	case lbrace:
		return p.hash()
	case lbracket:
		switch {
		case p.peek().kind == number, p.peek().kind == colon:
			return p.subscript(newNode(opCurrent))
		case p.peek().kind == star && p.peekKind(1) == rbracket:
			p.next()
			p.next()
			return p.projection(opProject, newNode(opCurrent), star)
		}
		return p.list()
	case lparen:
		n, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return n, p.match(rparen)
	case not, expref:
		o := opNot
		if t.kind == expref {
			o = opExpref
		}
		operand, err := p.expression(kinds[t.kind].power)
		if err != nil {
			return nil, err
		}
		return newNode(o, operand), nil
	case eof:
		return nil, p.incomplete()
	}
	return nil, p.fail(t, "invalid token")
}

// infix reads what t, which has been read, makes of the expression on its left.
func (p *parser) infix(left *node, t token) (*node, error) {
	switch t.kind {
	case dot:
		if p.peek().kind == star {
			p.next()
			return p.projection(opProjectValues, left, dot)
		}
		right, err := p.member(kinds[dot].power)
		if err != nil {
			return nil, err
		}
		return newNode(opThen, left, right), nil
	case pipe:
		return p.binary(opThen, left, t)
	case or:
		return p.binary(opOr, left, t)
	case and:
		return p.binary(opAnd, left, t)
	case eq, ne, lt, lte, gt, gte:
		n, err := p.binary(opCompare, left, t)
		if err != nil {
			return nil, err
		}
		n.comparator = t.kind
		return n, nil
	case flatten:
		return p.projection(opProject, newNode(opFlatten, left), flatten)
	case filter:
		return p.filtered(left)
	case lparen:
		return p.call(left)
	case lbracket:
		if k := p.peek().kind; k == number || k == colon {
			return p.subscript(left)
		}
		if err := p.match(star); err != nil {
			return nil, err
		}
		if err := p.match(rbracket); err != nil {
			return nil, err
		}
		return p.projection(opProject, left, star)
	}
	return nil, p.fail(t, "invalid token")
}

func (p *parser) binary(o op, left *node, t token) (*node, error) {
	right, err := p.expression(kinds[t.kind].power)
	if err != nil {
		return nil, err
	}
	return newNode(o, left, right), nil
}

// projection reads the rest of a projection over left, which k began.
func (p *parser) projection(o op, left *node, k kind) (*node, error) {
	right, err := p.projected(kinds[k].power)
	if err != nil {
		return nil, err
	}
	return newNode(o, left, right), nil
}

// projected reads what a projection does with each element.
func (p *parser) projected(power int) (*node, error) {
	t := p.peek()
	switch {
	case kinds[t.kind].power < stopPower:
		return newNode(opCurrent), nil
	case t.kind == lbracket, t.kind == filter:
		return p.expression(power)
	case t.kind == dot:
		p.next()
		return p.member(power)
	}
	return nil, p.fail(t, "syntax error")
}

// member reads what can stand after a dot.
func (p *parser) member(power int) (*node, error) {
	switch t := p.peek(); t.kind {
	case quotedIdentifier, unquotedIdentifier, star:
		return p.expression(power)
	case lbracket:
		p.next()
		return p.list()
	case lbrace:
		p.next()
		return p.hash()
	default:
		return nil, p.fail(t, "Expecting: "+
			"['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], got: "+t.kind.String())
	}
}

// filtered reads a filter of left, whose opening has been read.
func (p *parser) filtered(left *node) (*node, error) {
	condition, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if err := p.match(rbracket); err != nil {
		return nil, err
	}
	right := newNode(opCurrent)
	if p.peek().kind != flatten {
		if right, err = p.projected(kinds[filter].power); err != nil {
			return nil, err
		}
	}
	return newNode(opProjectFiltered, left, right, condition), nil
}

// subscript reads an index or slice of left, whose bracket has been read. A slice projects,
// unless it follows a subscript that does not.
func (p *parser) subscript(left *node) (*node, error) {
	var right *node
	if p.peek().kind == colon || p.peekKind(1) == colon {
		bounds, err := p.slice()
		if err != nil {
			return nil, err
		}
		right = newNode(opSlice)
		right.bounds = bounds
	} else {
		right = newNode(opIndex)
		right.index = clamp(p.next().value.(document.Number))
	}
	if err := p.match(rbracket); err != nil {
		return nil, err
	}
	n := newNode(opIndexed, left, right)
	if right.op == opSlice && left.op != opIndexed {
		return p.projection(opProject, n, star)
	}
	return n, nil
}

func (p *parser) slice() (bounds [3]*int, err error) {
	part := 0
	for p.peek().kind != rbracket {
		switch t := p.peek(); {
		case t.kind == colon && part < 2:
			part++
		case t.kind == number:
			i := clamp(t.value.(document.Number))
			bounds[part] = &i
		default:
			return bounds, p.fail(t, "syntax error")
		}
		p.next()
	}
	return bounds, nil
}

// clamp turns an integer of any size into an int that is out of any list where the integer
// is, and that sums with lengths of lists do not overflow.
func clamp(n document.Number) int {
	const far = 1 << 30
	i, _ := strconv.ParseInt(string(n), 10, 64) // out of range: the nearest int64
	return int(min(max(i, -far), far))
}

// list reads a multi-select list whose bracket has been read.
func (p *parser) list() (*node, error) {
	var operands []*node
	for {
		operand, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		operands = append(operands, operand)
		if p.peek().kind == rbracket {
			p.next()
			return newNode(opList, operands...), nil
		}
		if err := p.match(comma); err != nil {
			return nil, err
		}
	}
}

// hash reads a multi-select hash whose brace has been read.
func (p *parser) hash() (*node, error) {
	var keys []string
	var operands []*node
	for {
		key := p.peek()
		if key.kind != quotedIdentifier && key.kind != unquotedIdentifier {
			return nil, p.expecting(key, "['quoted_identifier', 'unquoted_identifier']")
		}
		p.next()
		if err := p.match(colon); err != nil {
			return nil, err
		}
		operand, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key.value.(string))
		operands = append(operands, operand)
		switch p.peek().kind {
		case comma:
			p.next()
		case rbrace:
			p.next()
			n := newNode(opHash, operands...)
			n.keys = keys
			return n, nil
		}
	}
}

// call reads the arguments of a function, whose parenthesis has been read.
func (p *parser) call(name *node) (*node, error) {
	if name.op != opField {
		t := p.tokens[p.at-2]
		return nil, p.fail(t, "Invalid function name '"+str(t.value)+"'")
	}
	var operands []*node
	for p.peek().kind != rparen {
		operand, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		operands = append(operands, operand)
		if p.peek().kind == comma {
			p.next()
		}
	}
	p.next()
	n := newNode(opCall, operands...)
	n.name = name.name
	n.function = lookup(name.name)
	return n, nil
}
