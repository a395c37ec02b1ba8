package awscli

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// pageOptions are the options of a listing.
type pageOptions struct {
	start    string           // --starting-token; empty for none
	started  bool             // it was given
	pageSize *document.Number // --page-size
	maxItems *int             // --max-items
	stray    bool             // such options were given, with empty values, and pages are not followed
}

// readPageOptions reads the options of a listing. paginate says whether to follow its pages: not
// if the operation's own options (--next-token, --max-results) name a page.
func (c *command) readPageOptions() (p pageOptions, paginate bool, err error) {
	if c.op.Paginator == nil {
		return p, false, nil
	}
	paginate = !c.global.has(noPaginateOption)
	for _, o := range c.options {
		if o.hidden && c.line.has(o.option) {
			paginate = false
		}
	}
	var given, used []string // used are those with a value that is not empty
	if p.start, p.started = c.value(startingToken); p.started {
		given = append(given, startingToken)
		if p.start != "" {
			used = append(used, startingToken)
		}
	}
	if text, ok := c.value(pageSize); ok {
		n, _ := document.ToInt(text) // checked by the parser
		p.pageSize = &n
		given = append(given, pageSize)
		if n != "0" {
			used = append(used, pageSize)
		}
	}
	if text, ok := c.value(maxItems); ok {
		n, _ := document.ToInt(text)
		items := clamp(n)
		p.maxItems = &items
		given = append(given, maxItems)
		if items != 0 {
			used = append(used, maxItems)
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

// each calls yield with each page. A page holds only the result key.
func (l *listing) each(yield func(page *document.Object) error) error {
	next := document.NewObject(document.Member{Key: l.model.InputToken})
	skip := 0
	if l.options.started {
		var err error
		if next, skip, err = decodeToken(l.options.start, l.model.InputToken); err != nil {
			return err
		}
		l.inject(next)
	}
	if l.options.pageSize != nil {
		l.input.Set(l.model.LimitKey, *l.options.pageSize)
	}
	previous := ""
	total := 0
	for first := true; ; first = false {
		reply, err := l.call(l.input)
		if err != nil {
			return err
		}
		items, _ := reply.Get(l.model.ResultKey)
		list, isList := items.([]any)
		if !first {
			skip = 0
		} else if l.options.started && isList {
			list = list[sliceEnd(skip, len(list)):]
			items = list
		}
		page := document.NewObject()
		if l.options.maxItems != nil && total+len(list) > *l.options.maxItems {
			keep := *l.options.maxItems - total
			page.Set(l.model.ResultKey, append([]any{}, list[:sliceEnd(keep, len(list))]...))
			next.Set(truncated, document.Int(keep+skip))
			l.resume = encodeToken(next)
			return yield(page)
		}
		page.Set(l.model.ResultKey, items)
		if err := yield(page); err != nil {
			return err
		}
		total += len(list)
		token, _ := reply.Get(l.model.OutputToken)
		if !document.Truth(token) {
			return nil
		}
		next = document.NewObject(document.Member{Key: l.model.InputToken, Value: token})
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
	whole := document.NewObject()
	var items []any
	err := l.each(func(page *document.Object) error {
		v, _ := page.Get(l.model.ResultKey)
		if list, ok := v.([]any); ok {
			items = append(items, list...)
			whole.Set(l.model.ResultKey, items)
			if items == nil {
				whole.Set(l.model.ResultKey, []any{})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if l.resume != "" {
		whole.Set(resumeKey, l.resume)
	}
	return whole, nil
}

// encodeToken makes the token that version 1 prints after --max-items.
func encodeToken(token *document.Object) string {
	return base64.StdEncoding.EncodeToString(document.AppendCompact(nil, token))
}

// decodeToken reads the value of --starting-token: a text of encodeToken, a token of the service
// as it is, or the form TOKEN___SKIP of old releases.
func decodeToken(text, key string) (token *document.Object, skip int, err error) {
	if token, ok := decodeJSONToken(text); ok {
		if v, ok := token.Get(truncated); ok {
			n, _ := v.(document.Number)
			skip = clamp(n)
			token.Delete(truncated)
		}
		return token, skip, nil
	}
	parts := strings.Split(text, "___")
	if len(parts) == 2 {
		if n, err := document.ToInt(parts[1]); err == nil {
			skip = clamp(n)
			parts = parts[:1]
		} else {
			parts = []string{text}
		}
	}
	if len(parts) > 1 {
		//lint:ignore ST1005 version 1's text
		return nil, 0, fmt.Errorf("Bad starting token: %s", text)
	}
	return document.NewObject(document.Member{Key: key, Value: parts[0]}), skip, nil
}

func decodeJSONToken(text string) (*document.Object, bool) {
	// Python's decoder ignores characters that are not in the alphabet.
	text = regexp.MustCompile(`[^A-Za-z0-9+/=]`).ReplaceAllString(text, "")
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	v, err := document.Parse(string(data))
	token, ok := v.(*document.Object)
	return token, ok && err == nil
}
