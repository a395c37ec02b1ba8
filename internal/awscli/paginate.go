package awscli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/python"
)

// pageOptions are the options of a listing.
type pageOptions struct {
	start    string // --starting-token; empty for none
	started  bool   // it was given
	pageSize any    // --page-size: a number or a text
	maxItems *int   // --max-items: known when the input is
	stray    bool   // such options were given where no pages are followed: they end up in the input
}

// readPageOptions reads the options of a listing. paginate says whether to follow its pages: not
// if the operation's own options (--next-token, --max-results) name a page.
func (c *command) readPageOptions() (p pageOptions, paginate bool, err error) {
	if c.op.Paginator == nil {
		return p, false, nil
	}
	paginate = !c.global.has(noPaginateOption)
	for _, o := range c.options {
		own := o.hidden || o.pages && o.name != maxItems && o.member != nil && c.op.Paginator.Takes(o.member.Name)
		if own && c.line.has(o.option) {
			paginate = false
		}
	}
	var given, used []string // used are those with a value that is not empty
	for _, name := range []string{startingToken, pageSize, maxItems} {
		i := slices.IndexFunc(c.options, func(o operationOption) bool { return o.name == name })
		if i < 0 {
			continue
		}
		o := c.options[i]
		text, ok := c.line.last(o.option)
		if !ok {
			continue
		}
		var value any = text
		if o.integer {
			value, _ = document.ToInt(text) // checked by the parser
		}
		switch name {
		case startingToken:
			p.start, p.started = text, true
		case pageSize:
			p.pageSize = value
		}
		if paginate && c.waiter != nil {
			// A waiter follows none, and version 1 complains about the input later.
			p.stray = true
		}
		if o.member != nil {
			continue
		}
		given = append(given, name)
		if value != "" && value != document.Number("0") {
			used = append(used, name)
		}
	}
	if !paginate && len(given) > 0 {
		if used == nil {
			// Version 1 lets these pass here, and complains about the input later.
			p.stray = true
			return p, false, nil
		}
		return p, false, pagingError("Cannot specify --no-paginate along with pagination arguments: " + strings.Join(used, ", "))
	}
	return p, paginate, nil
}

// clamp brings an integer of any size into a range in which counting cannot overflow.
func clamp(n document.Number) int { return int(max(-1e15, min(1e15, n.Float64()))) }

func pagingError(text string) error { return fmt.Errorf("Error during pagination: %s", text) }

// listing follows the pages of an operation.
type listing struct {
	model   *model.Paginator
	options pageOptions
	call    caller
	takes   *model.Shape // of the input; nil if nothing in tokens is binary
	input   *document.Object

	// resume is the value of --starting-token that continues where --max-items stopped; empty
	// at the end of the listing.
	resume string
}

// resumeKey is the name under which version 1 prints the value of listing.resume, whatever the
// service calls its own tokens.
const resumeKey = "NextToken"

// truncated is the member of a token that says how many items of its page were printed.
const truncated = "boto_truncate_amount"

// each calls yield with each page. A page holds only the result keys. With the first comes what is
// the same on all pages, in same.
func (l *listing) each(yield func(page, same *document.Object) error) error {
	next := document.NewObject()
	for _, name := range l.model.InputTokens {
		next.Set(name, nil)
	}
	var skip any = 0
	if l.options.started {
		var err error
		if next, skip, err = decodeToken(l.options.start, l.model.InputTokens); err != nil {
			return err
		}
		l.inject(next)
	}
	if l.options.pageSize != nil {
		l.input.Set(l.model.LimitKey, l.options.pageSize)
	}
	previous := ""
	total := 0
	for first := true; ; first = false {
		reply, err := l.call(l.input)
		if err != nil {
			return err
		}
		page, same := document.NewObject(), document.NewObject()
		for i, key := range l.model.ResultKeys {
			items := search(reply, key)
			if first && l.options.started {
				if i == 0 {
					if items, err = cut(items, skip); err != nil {
						return err
					}
				} else {
					items = emptied(items) // printed with the page that was cut
				}
			}
			place(page, key, items)
		}
		if first {
			for _, key := range l.model.NonAggregate {
				place(same, key, search(reply, key))
			}
		} else {
			skip = 0
		}
		list := search(page, l.model.ResultKeys[0])
		length := lengthOf(list)
		if l.options.maxItems != nil && total+length > *l.options.maxItems {
			keep := *l.options.maxItems - total
			place(page, l.model.ResultKeys[0], slice(list, 0, sliceEnd(keep, length)))
			if skip == nil {
				return badAmount{}
			}
			before, _ := index(skip)
			next.Set(truncated, document.Int(keep+before))
			if !l.resumes(next) {
				return badToken(document.Repr(next))
			}
			l.resume = encodeToken(next)
			return yield(page, same)
		}
		if err := yield(page, same); err != nil {
			return err
		}
		total += length
		next = l.next(reply)
		if next == nil {
			return nil
		}
		if l.options.maxItems != nil && total == *l.options.maxItems {
			l.resume = encodeToken(next)
			return nil
		}
		encoded := encodeToken(next)
		if encoded == previous {
			return pagingError("The same next token was received twice: " + document.Repr(next))
		}
		previous = encoded
		l.inject(next)
	}
}

// next returns the tokens of the next page, nil if there is none.
func (l *listing) next(reply *document.Object) *document.Object {
	if l.model.MoreResults != "" && !document.Truth(search(reply, l.model.MoreResults)) {
		return nil
	}
	next, any := document.NewObject(), false
	for i, name := range l.model.InputTokens {
		token := search(reply, l.model.OutputTokens[i])
		if !document.Truth(token) {
			token = nil
		}
		if l.takes != nil {
			if m := l.takes.Member(name); m != nil {
				token = binary(token, m.Shape)
			}
		}
		next.Set(name, token)
		any = any || token != nil
	}
	if !any {
		return nil
	}
	return next
}

// search returns what an expression finds, nil for nothing. Most are the name of a member.
func search(o *document.Object, expression string) any {
	if !strings.ContainsAny(expression, ".[|(&! ") {
		v, _ := o.Get(expression)
		return v
	}
	compiled, err := jmespath.Compile(expression)
	if err != nil {
		return nil
	}
	v, err := compiled.Search(o)
	if err != nil {
		return nil
	}
	return v
}

// place puts a value where an expression, which is a path of members, finds it.
func place(o *document.Object, path string, v any) {
	for {
		name, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			o.Set(name, v)
			return
		}
		inner, _ := o.Get(name)
		next, ok := inner.(*document.Object)
		if !ok {
			next = document.NewObject()
			o.Set(name, next)
		}
		o, path = next, rest
	}
}

// lengthOf is how many items of a listing a value is.
func lengthOf(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case string:
		return python.Len(v)
	case *document.Object:
		return v.Len()
	}
	return 0
}

// slice returns a part of a list, or of a text.
func slice(v any, from, to int) any {
	switch v := v.(type) {
	case []any:
		return append([]any{}, v[from:to]...)
	case string:
		return python.String(python.Runes(v)[from:to])
	}
	return []any{}
}

// resumes reports whether a token that says where a page was cut names no page but by the tokens of
// the operation: that of --starting-token may.
func (l *listing) resumes(token *document.Object) bool {
	for _, name := range l.model.InputTokens {
		if _, ok := token.Get(name); !ok {
			return false
		}
	}
	return token.Len() == len(l.model.InputTokens)+1
}

//lint:ignore ST1005 version 1's text
func badToken(text string) error { return fmt.Errorf("Bad starting token: %s", text) }

// badAmount is about a token that somebody else made. Version 1 has a Python error there.
type badAmount struct{}

func (badAmount) Error() string { return truncated + " of --starting-token is not an integer" }

// cut returns what is left of a listing after the items that were printed before.
func cut(items, skip any) (any, error) {
	switch items.(type) {
	case []any, string:
		start, ok := index(skip)
		if !ok {
			return nil, badAmount{}
		}
		n := lengthOf(items)
		return slice(items, sliceEnd(start, n), n), nil
	}
	return nil, nil
}

// index reads a value as Python does where a part of a list begins.
func index(v any) (int, bool) {
	switch v := v.(type) {
	case nil:
		return 0, true
	case int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case document.Number:
		_, whole := v.BigInt()
		return clamp(v), whole
	}
	return 0, false
}

// emptied is what remains of a listing that was printed before. A number, such as a count, counts
// the page even so.
func emptied(v any) any {
	switch v.(type) {
	case []any:
		return []any{}
	case string:
		return ""
	case document.Number, bool:
		return v
	}
	return nil
}

// sliceEnd reads n as Python reads an index into a list: from the end if it is negative.
func sliceEnd(n, length int) int {
	if n < 0 {
		n += length
	}
	return max(0, min(n, length))
}

// inject puts a token into the input of the next call.
func (l *listing) inject(token *document.Object) {
	for _, m := range token.Members() {
		if m.Value == nil || m.Value == "None" {
			l.input.Delete(m.Key)
		} else {
			l.input.Set(m.Key, m.Value)
		}
	}
}

// all returns one reply with the items of all pages.
func (l *listing) all() (*document.Object, error) {
	whole, same := document.NewObject(), document.NewObject()
	err := l.each(func(page, once *document.Object) error {
		for _, m := range once.Members() {
			same.Set(m.Key, m.Value)
		}
		for _, key := range l.model.ResultKeys {
			v := search(page, key)
			if v != nil {
				place(whole, key, joined(search(whole, key), v))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	merge(whole, same)
	if l.resume != "" {
		whole.Set(resumeKey, l.resume)
	}
	return whole, nil
}

// joined adds the items of a page: lists and texts go on, numbers are added.
func joined(sofar, v any) any {
	switch v := v.(type) {
	case []any:
		if list, ok := sofar.([]any); ok {
			return append(list, v...)
		}
		return append([]any{}, v...)
	case string:
		if text, ok := sofar.(string); ok {
			return text + v
		}
	case document.Number:
		if n, ok := sofar.(document.Number); ok {
			return add(n, v)
		}
	}
	if sofar == nil {
		return v
	}
	return sofar
}

func add(a, b document.Number) document.Number {
	x, whole := a.BigInt()
	y, both := b.BigInt()
	if whole && both {
		return document.Number(x.Add(x, y).String())
	}
	return document.Float(a.Float64() + b.Float64())
}

// merge adds members that o does not have.
func merge(o, more *document.Object) {
	for _, m := range more.Members() {
		if v, ok := o.Get(m.Key); !ok {
			o.Set(m.Key, m.Value)
		} else if into, ok := v.(*document.Object); ok {
			if from, ok := m.Value.(*document.Object); ok {
				merge(into, from)
			}
		}
	}
}
