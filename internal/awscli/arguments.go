package awscli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/python"
)

// The grammar of version 1's command line is that of Python's argparse, quirks included:
// options may stand anywhere, names may be shortened to a unique prefix, and words that a parser
// does not know are left to the next one. There are three parsers: for the global options and the
// command, for the operation, and for the options of the operation.

// option is an option that a parser knows.
type option struct {
	name string // "--account-id"
	// takes says which words may follow it.
	takes    arity
	choices  []string // allowed values; nil for any
	integer  bool     // the value must be an integer
	float    bool     // the value must be a number
	required bool
	hidden   bool // works, but is not shown in help
	// inverse is the option that a flag switches off: --no-disabled for --disabled.
	inverse *option
}

type arity uint8

const (
	one      arity = iota // exactly one word
	optional              // one word or none
	many                  // any number of words
	none                  // no word: a flag
)

// expectedOne is the only error of a wrong number of words: all other numbers are allowed.
const expectedOne = "expected one argument"

// positional is the word that a parser takes besides options.
type positional struct {
	name     string   // as errors name it
	choices  []string // allowed words; nil for any
	unlisted []string // allowed words that errors do not list
	required bool
	// all finds all choices; nil if there are no more. It is called only for a word that is not
	// among choices.
	all func() ([]string, error)
}

// check refuses a word that is not among the choices.
func (p positional) check(word string) error {
	choices := p.choices
	if slices.Contains(p.unlisted, word) {
		return nil
	}
	if p.all != nil && !slices.Contains(choices, word) {
		all, err := p.all()
		if err != nil {
			return err
		}
		choices = all
	}
	return checkChoice(p.name, choices, word)
}

// parsed is what a parser found.
type parsed struct {
	values map[*option][]string // the words of each option given; the last ones if it is repeated
	word   string               // the positional, if given
	given  bool                 // it was
	rest   []string             // what the parser does not know, in order
	// whole says that the line was read to its end. The line may be refused all the same, for a
	// value that its option does not take.
	whole bool
}

func (p *parsed) has(o *option) bool { _, ok := p.values[o]; return ok }

// last returns the word of an option that takes one, and whether the option was given.
func (p *parsed) last(o *option) (string, bool) {
	words, ok := p.values[o]
	if !ok || len(words) == 0 {
		return "", ok
	}
	return words[len(words)-1], true
}

// usageError says why the parser refuses a line.
type usageError string

func (e usageError) Error() string { return string(e) }

// versionRequested ends parsing at --version.
type versionRequested struct{}

func (versionRequested) Error() string { return "version requested" }

func argumentError(name, format string, args ...any) error {
	return usageError("argument " + name + ": " + fmt.Sprintf(format, args...))
}

// token is what a word of the line is.
type token struct {
	option   *option // nil for an unknown option
	name     string  // the option's full name
	value    string  // after "="
	hasValue bool
}

// parse takes apart the words of a line. Words that it does not know are left over, not refused.
// Of several errors it returns the first, together with all that it found.
func parse(words []string, options []*option, pos positional) (*parsed, error) {
	p := &argparser{words: words, options: options, positional: pos, tokens: make([]*token, len(words)),
		out: parsed{values: map[*option][]string{}}}
	err := p.classify()
	if err == nil {
		err = p.run()
	}
	if err == nil {
		err = p.missing()
	}
	p.out.whole = err == nil
	return &p.out, cmp.Or(p.refused, err)
}

// missing reports required words that were not given.
func (p *argparser) missing() error {
	var names []string
	for _, o := range p.options {
		if o.required && !p.out.has(o) {
			names = append(names, o.name)
		}
	}
	if p.positional.required && !p.out.given {
		names = append(names, p.positional.name)
	}
	if names != nil {
		return usageError("the following arguments are required: " + strings.Join(names, ", "))
	}
	return nil
}

type argparser struct {
	words      []string
	options    []*option
	positional positional
	tokens     []*token // nil for a word that is no option
	dash       int      // index of "--", or len(words); no options after it
	refused    error    // the first value that is none of its option's choices
	out        parsed
}

// classify finds the options among the words.
func (p *argparser) classify() error {
	p.dash = slices.Index(p.words, "--")
	if p.dash < 0 {
		p.dash = len(p.words)
	}
	for i, word := range p.words[:p.dash] {
		t, err := p.lookUp(word)
		if err != nil {
			return err
		}
		p.tokens[i] = t
	}
	return nil
}

func (p *argparser) lookUp(word string) (*token, error) {
	if !strings.HasPrefix(word, "-") || word == "-" {
		return nil, nil
	}
	name, value, hasValue := strings.Cut(word, "=")
	var found []*token
	for _, o := range p.options {
		if o.name == word {
			return &token{option: o, name: o.name}, nil
		}
		if o.name == name {
			return &token{o, o.name, value, hasValue}, nil
		}
		if strings.HasPrefix(name, "--") && strings.HasPrefix(o.name, name) {
			found = append(found, &token{o, o.name, value, hasValue})
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		names := make([]string, len(found))
		for i, t := range found {
			names[i] = t.name
		}
		return nil, usageError(fmt.Sprintf("ambiguous option: %s could match %s", word, strings.Join(names, ", ")))
	case isNegativeNumber(word) || strings.Contains(word, " "):
		return nil, nil
	}
	return &token{}, nil
}

// isNegativeNumber reports whether word has the form of -1, -1.5 or -.5, in digits of any script:
// no option has. One line feed may follow.
func isNegativeNumber(word string) bool {
	whole, fraction, point := strings.Cut(strings.TrimSuffix(word[1:], "\n"), ".")
	digits := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { _, ok := python.Digit(r); return !ok })
	}
	if point {
		return digits(whole) && digits(fraction) && fraction != ""
	}
	return digits(whole) && whole != ""
}

func (p *argparser) run() error {
	for i := 0; i < len(p.words); {
		if t := p.tokens[i]; t != nil {
			next, err := p.takeOption(t, i)
			if err != nil {
				return err
			}
			i = next
			continue
		}
		end := p.plainEnd(i)
		next, err := p.takePositional(i, end)
		if err != nil {
			return err
		}
		p.out.rest = append(p.out.rest, p.words[next:end]...)
		i = end
	}
	return nil
}

// plainEnd returns the end of the run of words that starts at i and holds no option.
func (p *argparser) plainEnd(i int) int {
	for i < len(p.words) && p.tokens[i] == nil {
		i++
	}
	return i
}

// takePositional gives the positional the first of the words from i to end, unless it has one,
// and returns the index of the rest. A "--" before or after that word is dropped.
func (p *argparser) takePositional(i, end int) (int, error) {
	if p.out.given {
		return i, nil
	}
	start := i
	if i == p.dash {
		i++
	}
	if i >= end {
		if p.positional.required {
			return start, nil
		}
		return i, nil
	}
	word := p.words[i]
	i++
	if i == p.dash && i < end {
		i++
	}
	if err := p.positional.check(word); err != nil {
		return 0, err
	}
	p.out.word, p.out.given = word, true
	return i, nil
}

// takeOption reads the option at i with its words and returns the index of the next word.
func (p *argparser) takeOption(t *token, i int) (int, error) {
	o := t.option
	if o == nil {
		p.out.rest = append(p.out.rest, p.words[i])
		return i + 1, nil
	}
	var words []string
	next := i + 1
	if t.hasValue {
		if o.takes == none {
			return 0, argumentError(o.name, "ignored explicit argument %s", python.Repr(t.value))
		}
		words = []string{t.value}
	} else {
		end := min(p.plainEnd(next), max(p.dash, next))
		switch o.takes {
		case one, optional:
			end = min(end, next+1)
			if o.takes == one && end == next {
				return 0, argumentError(o.name, expectedOne)
			}
		case none:
			end = next
		}
		words, next = p.words[next:end:end], end
	}
	for _, word := range words {
		if o.integer {
			if _, err := document.ToInt(word); err != nil {
				return 0, argumentError(o.name, "invalid int value: %s", python.Repr(word))
			}
		}
		if o.float {
			if _, err := document.ToFloat(word); err != nil {
				return 0, argumentError(o.name, "invalid float value: %s", python.Repr(word))
			}
		}
		if err := checkChoice(o.name, o.choices, word); err != nil && p.refused == nil {
			p.refused = err
		}
	}
	if o.name == versionOption.name {
		return 0, versionRequested{}
	}
	if o.inverse != nil {
		delete(p.out.values, o.inverse)
	}
	p.out.values[o] = words
	return next, nil
}
