package carillon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nameOf returns the words that call a command, without the program's name: "key create". It is
// empty for the program itself.
func nameOf(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

// operandsOf returns what the words after a command stand for: "", one "DOMAIN", "[ROWS]" that may
// be missing, or "LICENSE ..." for one or more.
func operandsOf(c *cobra.Command) string {
	_, operands, _ := strings.Cut(c.Use, " ")
	return operands
}

// misused is the error of a line that a command cannot make sense of.
func misused(name, problem string) error {
	if name == "" {
		return usagef("%s; see carillon --help", problem)
	}
	return &codedError{exitUsage, &namedError{name, fmt.Errorf("%s; see carillon %s --help", problem, name)}}
}

// misused is that error for the command that runs.
func (p *program) misused(problem string) error { return misused(p.name, problem) }

// badInput is the error of a line that makes sense, of something that does not exist or is wrong.
func (p *program) badInput(format string, args ...any) error {
	return &codedError{exitUsage, &namedError{p.name, fmt.Errorf(format, args...)}}
}

// refuse finds what Cobra would guess at: words that name no command, flags that stand before the
// command that they belong to, and long flags with one dash, which it reads as several short ones.
func (p *program) refuse(root *cobra.Command, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil // half a line, from a shell
	}
	c, rest, _ := root.Find(args) // its error is about words that name no command
	name := nameOf(c)
	words := strings.Fields(name)
	for i, word := range words {
		if args[i] != word {
			return misplaced(strings.Join(words[:i], " "), args[i])
		}
	}
	if c.Runnable() {
		if problem := oneDash(c, rest); problem != "" {
			return misused(name, problem)
		}
		return nil
	}
	switch {
	case len(rest) == 0:
		pageOf(c).help(p.stderr)
		return usagef("%s", strings.TrimPrefix(name+": a command is missing", ": "))
	case rest[0] == "-h" || rest[0] == "--help":
		return nil
	case strings.HasPrefix(rest[0], "-"):
		return misplaced(name, rest[0])
	case rest[0] == "":
		return misused(name, "the word for a command is empty")
	case rest[0] == "help":
		return misused(name, "help comes first: carillon help "+strings.Join(append(words, rest[1:]...), " "))
	}
	c.SuggestionsMinimumDistance = 2
	return usagef("there is no command %q%s; %s lists them", rest[0], didYouMean(c.SuggestionsFor(rest[0])),
		strings.TrimSpace("carillon help "+name))
}

func misplaced(name, flag string) error {
	return misused(name, fmt.Sprintf("the command comes first, then its flags such as %q", flag))
}

// oneDash says what is wrong with a long flag that has one dash; nothing if there is none.
func oneDash(c *cobra.Command, args []string) string {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		var f *pflag.Flag
		switch {
		case arg == "--":
			return ""
		case arg == "-" || !strings.HasPrefix(arg, "-"): // a word
		case strings.HasPrefix(arg, "--"):
			f = c.Flags().Lookup(arg[2:])
		case len(arg) == 2:
			f = c.Flags().ShorthandLookup(arg[1:])
		case arg[2] != '=':
			name, _, _ := strings.Cut(arg[1:], "=")
			if name == "help" || c.Flags().Lookup(name) != nil {
				return fmt.Sprintf("a flag of several letters has two dashes: --%s, not -%s", name, name)
			}
			return unknownFlag(c, "-"+name)
		}
		if f != nil && f.NoOptDefVal == "" {
			i++ // its value
		}
	}
	return ""
}

// badFlag says what is wrong with the flags of a line.
func badFlag(c *cobra.Command, err error) error {
	problem := err.Error()
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if problem = unknownFlag(c, "--"+e.GetSpecifiedName()); e.GetSpecifiedShortnames() != "" {
			problem = unknownFlag(c, "-"+e.GetSpecifiedName())
		}
	} else if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		problem = fmt.Sprintf("%s lacks its %s", dashed(e.GetFlag()), annotation(e.GetFlag(), valueKey))
	} else if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		problem = fmt.Sprintf("%s: %v", dashed(e.GetFlag()), e.Unwrap())
	}
	return misused(nameOf(c), problem)
}

// unknownFlag says that a command has no such flag.
func unknownFlag(c *cobra.Command, flag string) string {
	// Cobra knows which names of commands are alike: let the flags be commands.
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		names.AddCommand(&cobra.Command{Use: dashed(f), Run: func(*cobra.Command, []string) {}})
	})
	return fmt.Sprintf("there is no flag %s%s", flag, didYouMean(names.SuggestionsFor("--"+strings.TrimLeft(flag, "-"))))
}

func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (did you mean " + strings.Join(names, " or ") + "?)"
}

// checkOperands refuses too few and too many words after a command.
func checkOperands(c *cobra.Command, words []string) error {
	operands := operandsOf(c)
	most := 1
	switch {
	case operands == "":
		most = 0
	case strings.HasSuffix(strings.TrimSuffix(operands, "]"), " ..."):
		most = len(words)
	}
	if len(words) > most {
		return misused(nameOf(c), fmt.Sprintf("unexpected word %q", words[most]))
	}
	if slices.Contains(words, "") || len(words) == 0 && operands != "" && !strings.HasPrefix(operands, "[") {
		return misused(nameOf(c), strings.Trim(operands, "[]")+" is missing")
	}
	return nil
}
