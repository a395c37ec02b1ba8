package awscli

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/shell"
)

// To complete a line, a shell runs aws_completer, which is this program under another name. The
// line is in COMP_LINE (tcsh: COMMAND_LINE), the position of the cursor in COMP_POINT. bash adds
// three arguments: the command, the word at the cursor as bash splits words, and the word before
// it.

// typedLine returns the part of the line to complete that is left of the cursor. ok is false
// where args are a command, which a script that completes may run as well: a shell asks only with
// args that would otherwise be refused.
func (c *cli) typedLine(args []string) (typed string, ok bool) {
	fromBash := len(args) == 3 && !slices.Contains(c.commands(), args[0]) && !strings.HasPrefix(args[0], "-")
	if len(args) > 0 && !fromBash {
		return "", false
	}
	line, _ := c.env.Lookup("COMP_LINE")
	if line == "" {
		line, _ = c.env.Lookup("COMMAND_LINE")
	}
	if line == "" {
		return "", false
	}
	// The position counts characters.
	characters := []rune(line)
	if text, ok := c.env.Lookup("COMP_POINT"); ok {
		if point, err := strconv.Atoi(text); err == nil && point >= 0 && point < len(characters) {
			return string(characters[:point]), true
		}
	}
	return line, true
}

// complete prints the candidates for the word at the end of typed, one a line.
func (c *cli) complete(ctx context.Context, typed string, args []string) error {
	words := shell.SplitTyped(typed)
	if i := slices.IndexFunc(words, isAWS); i >= 0 {
		words = words[i:]
	}
	if len(words) < 2 {
		return nil
	}
	line := c.readLineToComplete(words[1:])
	if command := line.command(); command != "" && !c.serves(command) && slices.Contains(c.commands(), command) {
		return c.handOnCompletion(ctx, args)
	}
	cut := 0
	if len(args) == 3 && strings.HasSuffix(line.word, args[1]) {
		// bash also splits words at "=" and ":", and wants the last part only.
		cut = len(line.word) - len(args[1])
	}
	for _, candidate := range line.candidates() {
		if _, err := fmt.Fprintln(c.out, candidate[cut:]); err != nil {
			return wrapWrite(err)
		}
	}
	return nil
}

func isAWS(word string) bool {
	return strings.TrimSuffix(filepath.Base(word), ".exe") == "aws"
}

// handOnCompletion runs the completer that belongs to the next aws on PATH.
func (c *cli) handOnCompletion(ctx context.Context, args []string) error {
	next := nextAWS(c.env, nil)
	if _, again := c.env.Lookup(handedOn); next == "" || again {
		return nil
	}
	completer, err := exec.LookPath(filepath.Join(filepath.Dir(next), "aws_completer"))
	if err != nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, completer, args...)
	cmd.Env = append(slices.Clone(c.env), handedOn+"="+next)
	return c.runChild(ctx, cmd)
}

// lineToComplete is a line up to the word at the cursor.
type lineToComplete struct {
	cli     *cli
	aliases []alias
	word    string   // at the cursor
	path    []string // the words before it that are no options and no values: command, operation
	op      *model.Operation
	known   []operationOption
	given   []*option
	pending *operationOption // the option that the word may be a value of; nil for none
}

// readLineToComplete takes apart the words after aws.
func (c *cli) readLineToComplete(words []string) *lineToComplete {
	l := &lineToComplete{cli: c, word: words[len(words)-1]}
	l.aliases, _ = c.aliases() // the command itself reports a bad file
	for _, o := range globalOptions {
		l.known = append(l.known, operationOption{option: o})
	}
	before := words[:len(words)-1]
	expanded := false
	for len(before) > 0 {
		word := before[0]
		before = before[1:]
		switch {
		case strings.HasPrefix(word, "--"):
			l.takeOption(word)
		case l.pending != nil:
			if l.pending.takes != many {
				l.pending = nil
			}
		case len(l.path) == 0 && !expanded && find(l.aliases, word) != nil:
			meaning, _ := shell.Split(find(l.aliases, word).value)
			before, expanded = append(meaning, before...), true
		default:
			l.take(word)
		}
	}
	return l
}

// command returns the command, "" if there is none yet.
func (l *lineToComplete) command() string {
	if len(l.path) == 0 {
		return ""
	}
	return l.path[0]
}

func (l *lineToComplete) takeOption(word string) {
	name, _, hasValue := strings.Cut(word, "=")
	l.pending = nil
	o := l.option(name)
	if o == nil {
		return
	}
	l.given = append(l.given, o.option)
	if !hasValue && o.takes != none {
		l.pending = o
	}
}

func (l *lineToComplete) take(word string) {
	l.path = append(l.path, word)
	s := l.cli.service(l.path[0])
	if s == nil {
		return
	}
	switch {
	case len(l.path) == 2:
		l.op = s.OperationOf(word)
	case len(l.path) == 3 && l.path[1] == waitCommand && s.Waiter(word) != nil:
		l.op = s.Operation(s.Waiter(word).Operation)
	default:
		return
	}
	if l.op != nil {
		l.known = append(l.known, commandOptions(l.op)...)
	}
}

// option returns the option of that name, or of which name is a unique prefix, or nil.
func (l *lineToComplete) option(name string) *operationOption {
	var found *operationOption
	for i := range l.known {
		o := &l.known[i]
		if o.name == name {
			return o
		}
		if strings.HasPrefix(o.name, name) {
			if found != nil {
				return nil
			}
			found = o
		}
	}
	return found
}

// candidates returns what the word may become.
func (l *lineToComplete) candidates() []string {
	if strings.HasPrefix(l.word, "-") {
		if name, value, ok := strings.Cut(l.word, "="); ok {
			return prepend(name+"=", l.values(l.option(name), value))
		}
		return beginning(l.word, l.options())
	}
	if l.pending != nil {
		values := l.values(l.pending, l.word)
		if l.pending.takes == one || l.word != "" || values != nil {
			return values
		}
	}
	var choices []string
	switch {
	case len(l.path) == 0:
		choices = append(l.cli.allCommands(), l.cli.names(l.aliases)...)
	case l.op != nil && len(l.path) <= 3:
		choices = l.options()
		if len(l.given) == 0 {
			choices = append(choices, "help")
		}
	case len(l.path) == 2 && l.path[1] == waitCommand && l.cli.service(l.path[0]) != nil:
		for _, w := range l.cli.service(l.path[0]).Waiters {
			choices = append(choices, w.Command)
		}
	case len(l.path) > 1:
	case l.path[0] == "configure":
		choices = []string{"list", "get", "set", "help"}
	case l.path[0] == "help":
		choices = helpTopics
	default:
		s := l.cli.service(l.path[0])
		if s == nil {
			break
		}
		choices = s.Commands()
		if s.Waiters != nil {
			choices = append(choices, waitCommand)
		}
		choices = append(choices, "help")
	}
	return beginning(l.word, choices)
}

// options returns the options that were not given yet. For an empty word, as long as a required
// option is missing, only required ones are returned.
func (l *lineToComplete) options() []string {
	var all, missing []string
	for _, o := range l.known {
		if o.hidden || slices.Contains(l.given, o.option) {
			continue
		}
		all = append(all, o.name)
		if o.required {
			missing = append(missing, o.name)
		}
	}
	if l.word == "" && missing != nil {
		return missing
	}
	return all
}

// values returns the values of an option that begin with text. Values that cannot be known, and
// names of files, are left to the shell.
func (l *lineToComplete) values(o *operationOption, text string) []string {
	switch {
	case o == nil:
		return nil
	case o.name == profileOption.name:
		return beginning(text, l.cli.profiles())
	case o.choices != nil:
		return beginning(text, o.choices)
	case o.member == nil:
		return nil
	}
	s := o.member.Shape
	if s.Kind == model.List {
		s = s.Element
	}
	if s.Kind == model.Structure {
		return completeShorthand(s, text)
	}
	return beginning(text, s.Enum)
}

// profiles returns the names of the profiles in both files.
func (c *cli) profiles() []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	settings := profile.New(c.env, profile.Flags{})
	if config, err := profile.Load(c.env.Expand(settings.ConfigFile())); err == nil {
		for _, s := range config.Sections {
			words, err := shell.Split(s.Name)
			switch {
			case err != nil:
			case len(words) == 2 && words[0] == "profile":
				add(words[1])
			case s.Name == "default":
				add(s.Name)
			}
		}
	}
	if credentials, err := profile.Load(c.env.Expand(settings.CredentialsFile())); err == nil {
		for _, s := range credentials.Sections {
			add(s.Name)
		}
	}
	return names
}

// completeShorthand completes the last name or value of a structure in shorthand.
func completeShorthand(s *model.Shape, text string) []string {
	type level struct {
		shape *model.Shape
		given []string
	}
	var (
		outer   []level
		inner   = level{shape: s}
		start   int           // of the current name or value
		member  *model.Member // that the value is of
		inValue bool
		quote   rune
	)
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case inValue && (r == '"' || r == '\''):
			quote = r
		case !inValue && r == '=':
			if member = inner.shape.Member(strings.TrimSpace(text[start:i])); member == nil {
				return nil
			}
			inner.given = append(inner.given, member.Name)
			inValue, start = true, i+1
		case r == '{' && inValue && i == start && member != nil && member.Shape.Kind == model.Structure:
			outer = append(outer, inner)
			inner = level{shape: member.Shape}
			inValue, start = false, i+1
		case r == '}' && len(outer) > 0:
			inner = outer[len(outer)-1]
			outer = outer[:len(outer)-1]
			inValue, member, start = true, nil, i+1
		case r == ',' || !inValue && r == ' ' && i == start:
			inValue, start = inValue && r != ',', i+1
		}
	}
	head, begun := text[:start], text[start:]
	if inValue {
		if member == nil {
			return nil
		}
		return prepend(head, beginning(begun, fixedValues(member.Shape)))
	}
	var fitting []*model.Member
	for i := range inner.shape.Members {
		m := &inner.shape.Members[i]
		if strings.HasPrefix(m.Name, begun) && !slices.Contains(inner.given, m.Name) {
			fitting = append(fitting, m)
		}
	}
	var names []string
	for _, m := range fitting {
		name := m.Name + "="
		if m.Shape.Kind == model.Structure {
			name += "{"
		}
		names = append(names, name)
	}
	if len(fitting) == 1 {
		// A shell adds a blank to the only candidate, which is wrong after "=".
		if values := fixedValues(fitting[0].Shape); values != nil {
			names = prepend(names[0], values)
		}
	}
	return prepend(head, names)
}

// fixedValues returns all values of a shape, nil if they cannot be listed.
func fixedValues(s *model.Shape) []string {
	if s.Kind == model.Boolean {
		return []string{"true", "false"}
	}
	return s.Enum
}

// beginning returns the words that begin with prefix.
func beginning(prefix string, words []string) []string {
	var out []string
	for _, w := range words {
		if strings.HasPrefix(w, prefix) {
			out = append(out, w)
		}
	}
	return out
}

// prepend puts a text in front of each word.
func prepend(text string, words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = text + w
	}
	return out
}
