package carillon

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// errHelp ends a command whose help was asked for and has been printed.
var errHelp = errors.New("help was printed")

// flagSet is the flags of one command. Every flag can also be given as a variable: --data as
// CARILLON_DATA. The command line wins; a variable that is empty counts for nothing.
type flagSet struct {
	*flag.FlagSet
	program *program
	summary string

	required []string // names of flags that must not be empty
	takes    string   // what the words beside the flags are: "", one "DOMAIN", or "LICENSE ..." for one or more
	words    []string // those words, once the line is parsed
}

// flags starts the flags of a command; the summary goes on behind "carillon NAME".
func (p *program) flags(name, summary string) *flagSet {
	f := &flagSet{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), program: p, summary: summary}
	f.SetOutput(io.Discard) // errors are reported once, by Main
	f.Usage = func() {}
	return f
}

// require adds a flag that must be given.
func (f *flagSet) require(name, usage string) *string {
	f.required = append(f.required, name)
	return f.String(name, "", usage)
}

// variable is the name of the variable that stands for a flag.
func variable(name string) string {
	return "CARILLON_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// parse reads the variables, then the line, where flags may stand before and after words; all
// that follows "--" is words.
func (f *flagSet) parse(args []string) error {
	var bad error
	f.VisitAll(func(fl *flag.Flag) {
		if text := f.program.getenv(variable(fl.Name)); text != "" {
			if err := fl.Value.Set(text); err != nil && bad == nil {
				bad = usagef("%s: %q is not valid: %w", variable(fl.Name), text, err)
			}
		}
	})
	for {
		err := f.Parse(args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			f.help()
			return errHelp
		case err != nil:
			return f.misused(err.Error())
		}
		read := len(args) - f.NArg()
		if f.NArg() == 0 || read > 0 && args[read-1] == "--" {
			f.words = append(f.words, f.Args()...)
			break
		}
		f.words = append(f.words, f.Arg(0))
		args = f.Args()[1:]
	}
	if bad != nil {
		return bad
	}
	return f.check()
}

// check reports what is missing and what is too much.
func (f *flagSet) check() error {
	most := 1
	switch {
	case f.takes == "":
		most = 0
	case strings.HasSuffix(f.takes, " ..."):
		most = len(f.words)
	}
	if len(f.words) > most {
		return f.misused(fmt.Sprintf("unexpected word %q", f.words[most]))
	}
	for _, name := range f.required {
		if f.Lookup(name).Value.String() == "" {
			return f.misused("--" + name + " is missing")
		}
	}
	if f.takes != "" && (len(f.words) == 0 || slices.Contains(f.words, "")) {
		return f.misused(f.takes + " is missing")
	}
	return nil
}

func (f *flagSet) misused(problem string) error {
	return usagef("%s: %s; see carillon %s --help", f.Name(), problem, f.Name())
}

func (f *flagSet) help() {
	w := f.program.stdout
	fmt.Fprintf(w, "carillon %s %s\n\n", f.Name(), f.summary)
	if f.takes != "" {
		fmt.Fprintf(w, "usage: carillon %s [--flag VALUE ...] %s\n\n", f.Name(), f.takes)
	}
	f.VisitAll(func(fl *flag.Flag) {
		value, text := flag.UnquoteUsage(fl)
		fmt.Fprintf(w, "  --%s %s\n      %s", fl.Name, value, text)
		switch {
		case slices.Contains(f.required, fl.Name):
			fmt.Fprint(w, " (required)")
		case fl.DefValue != "" && fl.DefValue != "0":
			fmt.Fprintf(w, " (default %s)", fl.DefValue)
		}
		fmt.Fprintf(w, " [$%s]\n", variable(fl.Name))
	})
}

// getenv returns the value of a variable of the environment, empty for one that is not set.
func (p *program) getenv(name string) string {
	for _, v := range p.env {
		if key, value, _ := strings.Cut(v, "="); key == name {
			return value
		}
	}
	return ""
}
