package operator

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// errHelp ends a command whose help was asked for and has been printed.
var errHelp = errors.New("help was printed")

// flagSet is the flags of one command. Every flag can also be given as a variable: --data as
// CARILLON_DATA. The command line wins.
type flagSet struct {
	*flag.FlagSet
	program *program
	summary string
}

// flags starts the flags of a command; the summary goes on behind "carillon NAME".
func (p *program) flags(name, summary string) *flagSet {
	f := &flagSet{flag.NewFlagSet(name, flag.ContinueOnError), p, summary}
	f.SetOutput(io.Discard) // errors are reported once, by Main
	f.Usage = func() {}
	return f
}

// variable is the name of the variable that stands for a flag.
func variable(name string) string {
	return "CARILLON_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// parse reads the variables, then the line. A word that is no flag is refused.
func (f *flagSet) parse(args []string) error {
	var bad error
	f.VisitAll(func(fl *flag.Flag) {
		if text, ok := f.program.lookup(variable(fl.Name)); ok {
			if err := fl.Value.Set(text); err != nil && bad == nil {
				bad = usagef("%s: %q is not valid: %w", variable(fl.Name), text, err)
			}
		}
	})
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.help()
		return errHelp
	case err != nil:
		return usagef("%s: %w; see carillon %s --help", f.Name(), err, f.Name())
	case f.NArg() > 0:
		return usagef("%s: unexpected word %q; see carillon %s --help", f.Name(), f.Arg(0), f.Name())
	}
	return bad
}

func (f *flagSet) help() {
	w := f.program.stdout
	fmt.Fprintf(w, "carillon %s %s\n\n", f.Name(), f.summary)
	f.VisitAll(func(fl *flag.Flag) {
		value, text := flag.UnquoteUsage(fl)
		fmt.Fprintf(w, "  --%s %s\n      %s", fl.Name, value, text)
		if fl.DefValue != "" && fl.DefValue != "0" {
			fmt.Fprintf(w, " (default %s)", fl.DefValue)
		}
		fmt.Fprintf(w, " [$%s]\n", variable(fl.Name))
	})
}

// lookup returns the value of a variable of the environment.
func (p *program) lookup(name string) (string, bool) {
	for _, v := range p.env {
		if key, value, _ := strings.Cut(v, "="); key == name {
			return value, true
		}
	}
	return "", false
}

// getenv is lookup for variables that may as well be empty.
func (p *program) getenv(name string) string {
	value, _ := p.lookup(name)
	return value
}
