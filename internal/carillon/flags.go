package carillon

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flags declares the flags of one command, in the groups and the order in which help lists them.
//
// Flags are plain values of the command's options. Their default is what the options hold when
// they are declared.
type flags struct {
	command *cobra.Command
	title   string // of the group at hand
}

// flagsOf starts the flags of a command.
func flagsOf(c *cobra.Command) *flags {
	c.Flags().SortFlags = false
	return &flags{c, ownFlags}
}

// ownFlags is the title of the flags that a command shares with no other.
const ownFlags = "flags"

// group begins a group.
func (f *flags) group(title string) { f.title = title }

// Annotations keep what pflag has no place for.
const (
	groupKey    = "carillon_group"    // the title of the flag's group
	valueKey    = "carillon_value"    // what help calls its value: "FILE"
	variableKey = "carillon_variable" // the variable that the flag opted in to
	insteadKey  = "carillon_instead"  // the flag that must not be given, too
)

// trait is what a flag has beyond a name, a value and a text.
type trait func(*cobra.Command, *pflag.Flag)

// required is the trait of a flag that must be given.
func required(c *cobra.Command, f *pflag.Flag) { c.MarkFlagRequired(f.Name) }

// variable lets a flag be given as a variable, too: --data as CARILLON_DATA.
//
// It is for flags that say where and how: where the data is, on which address to listen, by which
// profile to connect. It is not for flags that say who is changed, what they become, where output
// goes, or whether a person is asked or a brake holds. A variable that is set for one command is
// set for all, is not seen where the command is typed, and is forgotten.
func variable(_ *cobra.Command, f *pflag.Flag) { f.Annotations[variableKey] = []string{variableOf(f)} }

// insteadOf is the trait of a flag that excludes another one. On the line, the other overrules the
// variable of this one, too: whoever names a test directory must not reach the database of a
// variable.
func insteadOf(name string) trait {
	return func(_ *cobra.Command, f *pflag.Flag) { f.Annotations[insteadKey] = []string{name} }
}

// variableOf returns the name of the variable that stands for a flag, if it opts in.
func variableOf(f *pflag.Flag) string {
	return "CARILLON_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
}

// files is the trait of a flag that names a file. Completion offers files with these extensions,
// all files if there are none.
func files(extensions ...string) trait {
	return completedBy(filesOf(extensions...))
}

// folder is the trait of a flag that names a directory.
func folder(c *cobra.Command, f *pflag.Flag) { c.MarkFlagDirname(f.Name) }

// completedBy is the trait of a flag whose values completion finds out.
func completedBy(fn cobra.CompletionFunc) trait {
	return func(c *cobra.Command, f *pflag.Flag) { c.RegisterFlagCompletionFunc(f.Name, fn) }
}

// add declares a flag by its syntax, such as "data DIR". A flag of one letter has one dash.
func (f *flags) add(v pflag.Value, syntax, text string, traits []trait) *pflag.Flag {
	name, value, _ := strings.Cut(syntax, " ")
	short := ""
	if len(name) == 1 {
		short = name
	}
	flag := f.command.Flags().VarPF(v, name, short, text)
	flag.Annotations = map[string][]string{groupKey: {f.title}, valueKey: {value}}
	for _, t := range traits {
		t(f.command, flag)
	}
	return flag
}

// parsed declares a flag whose value is made of a text by parse. The default, as text, may be empty
// for the zero value.
func parsed[T any](f *flags, at *T, parse func(string) (T, error), syntax, byDefault, text string, traits ...trait) {
	v := &parsedValue[T]{at: at, parse: parse}
	if byDefault != "" {
		if err := v.Set(byDefault); err != nil {
			panic(err) // of the declaration
		}
	}
	f.add(v, syntax, text, traits)
}

// text declares a flag whose value is any text.
func (f *flags) text(at *string, syntax, text string, traits ...trait) {
	parsed(f, at, func(s string) (string, error) { return s, nil }, syntax, *at, text, traits...)
}

// choice declares a flag whose value is one of a few words. The first one is the default.
func (f *flags) choice(at *string, syntax, text string, words []string, traits ...trait) {
	text += ": " + strings.Join(words, ", ")
	traits = append(slices.Clone(traits), completedBy(cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	parsed(f, at, oneOf(words), syntax, words[0], text, traits...)
}

// toggle declares a flag without a value.
func (f *flags) toggle(at *bool, name, text string, traits ...trait) {
	v := &parsedValue[bool]{at: at, parse: truth}
	f.add(v, name, text, traits).NoOptDefVal = "true"
}

// optionalChoice declares a flag that may have one of a few words after a "=". Without, it means
// the first one.
func (f *flags) optionalChoice(at *string, syntax, text string, words []string, traits ...trait) {
	name, _, _ := strings.Cut(syntax, "[")
	v := &parsedValue[string]{at: at, parse: oneOf(words)}
	flag := f.add(v, name, text, traits)
	flag.NoOptDefVal = words[0]
	flag.Annotations[valueKey] = []string{strings.TrimPrefix(syntax, name)}
}

// parsedValue is the value of a flag: the text that was given, and what it means.
type parsedValue[T any] struct {
	at    *T
	parse func(string) (T, error)
	text  string
}

func (v *parsedValue[T]) Set(text string) error {
	value, err := v.parse(text)
	if err == nil {
		*v.at, v.text = value, text
	}
	return err
}

func (v *parsedValue[T]) String() string { return v.text }
func (v *parsedValue[T]) Type() string   { return "text" }

func isRequired(f *pflag.Flag) bool { return f.Annotations[cobra.BashCompOneRequiredFlag] != nil }

// annotation returns what an annotation of ours says, empty if the flag has none.
func annotation(f *pflag.Flag, key string) string {
	if text := f.Annotations[key]; len(text) > 0 {
		return text[0]
	}
	return ""
}

// overruled reports whether the line has the flag that the flag is instead of.
func overruled(c *cobra.Command, f *pflag.Flag) bool {
	other := c.Flags().Lookup(annotation(f, insteadKey))
	return other != nil && other.Changed
}

// readVariables gives flags that opted in the values of their variables, unless they are on the
// line. An empty variable counts for nothing.
func (p *program) readVariables(c *cobra.Command) error {
	var bad error
	c.Flags().VisitAll(func(f *pflag.Flag) {
		name := annotation(f, variableKey)
		if name == "" || f.Changed || overruled(c, f) {
			return
		}
		if text := p.getenv(name); text != "" {
			if err := f.Value.Set(text); err != nil && bad == nil {
				bad = usagef("%s: %s: %w", nameOf(c), name, err)
			}
		}
	})
	return bad
}

// checkFlags refuses a line without a required flag, or with an empty value: that is a variable of
// a script that is not set, and must not stand for a default or for no brake.
func (p *program) checkFlags(c *cobra.Command) error {
	var problem string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		switch {
		case problem != "":
		case f.Changed && f.Value.String() == "":
			problem = dashed(f) + " is empty"
		case f.Changed && overruled(c, f):
			problem = "--" + annotation(f, insteadKey) + " and " + dashed(f) + " exclude each other"
		case !f.Changed && isRequired(f):
			problem = dashed(f) + " is missing"
		}
	})
	if problem != "" {
		return misused(nameOf(c), problem)
	}
	return nil
}

// dashed returns the name of a flag as it is typed.
func dashed(f *pflag.Flag) string {
	if len(f.Name) == 1 {
		return "-" + f.Name
	}
	return "--" + f.Name
}
