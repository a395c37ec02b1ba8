package awscli

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/shell"
)

// alias is a command that a user has defined: an entry of [toplevel] in ~/.aws/cli/alias. Its
// value is either words that replace it or, after a "!", a command for the shell. An alias may
// use another one. It may also shadow a command (but not help); within its own value the name
// then means the command.
type alias struct{ name, value string }

// readAliases reads the user's aliases. Every command line needs them, since any command may be
// shadowed. For most users this is one look for a file that does not exist.
func (c *cli) readAliases() ([]alias, error) {
	path := c.env.Expand("~/.aws/cli/alias")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil // version 1 ignores a file that it cannot read
	}
	return parseAliases(path, string(text))
}

// parseAliases reads the section [toplevel]. The other sections hold aliases of operations,
// which version 1 has for some services.
func parseAliases(path, text string) ([]alias, error) {
	file, err := profile.ParseFlat(path, text)
	if err != nil {
		return nil, err
	}
	var all []alias
	for _, section := range file.Sections {
		if section.Name != "toplevel" {
			continue
		}
		for _, o := range section.Options {
			all = append(all, alias{o.Name, python.Strip(o.Value)})
		}
	}
	return all, nil
}

func find(aliases []alias, name string) *alias {
	for i := range aliases {
		if aliases[i].name == name {
			return &aliases[i]
		}
	}
	return nil
}

// names returns the names of aliases that shadow no command.
func (c *cli) names(aliases []alias) []string {
	var out []string
	for _, a := range aliases {
		if !slices.Contains(c.commands(), a.name) {
			out = append(out, a.name)
		}
	}
	return out
}

// expand replaces the command of c.global by the words of its alias until it is no alias. An
// alias for the shell is run: then done is true and err says how it ended. Global options in an
// alias win over those of the line.
func (c *cli) expand(ctx context.Context, aliases []alias) (done bool, err error) {
	var seen []string
	for {
		a := find(aliases, c.global.word)
		switch {
		case a == nil:
			return false, nil
		case len(seen) > 0 && seen[len(seen)-1] == a.name && slices.Contains(c.commands(), a.name):
			return false, nil // this is the shadowed command
		case slices.Contains(seen, a.name):
			return false, fmt.Errorf("the alias %q stands for itself: change it in ~/.aws/cli/alias", a.name)
		}
		seen = append(seen, a.name)
		if command, ok := strings.CutPrefix(a.value, "!"); ok {
			for _, word := range c.global.rest {
				command += " " + quoteArgument(word)
			}
			err := c.runChild(ctx, shellCommand(ctx, command, c.env))
			if ctx.Err() != nil {
				err = interrupted{}
			}
			return true, err
		}
		if err := c.substitute(a); err != nil {
			return false, err
		}
	}
}

// substitute replaces the name of an alias by its words.
func (c *cli) substitute(a *alias) error {
	words, err := shell.Split(a.value)
	if err != nil {
		return profile.Error(fmt.Sprintf("Value of alias \"%s\" could not be parsed. Received error: %v when parsing:\n%s", a.name, err, a.value))
	}
	line, err := parse(words, globalOptions, c.command())
	if err != nil {
		return err
	}
	for _, o := range []*option{debugOption, profileOption} {
		if line.has(o) {
			return profile.Error(fmt.Sprintf("Global parameter \"%s\" detected in alias \"%s\" which is not supported in subcommand aliases.", o.name, a.name))
		}
	}
	for o, words := range line.values {
		c.global.values[o] = words
	}
	c.global.word, c.global.rest = line.word, append(line.rest, c.global.rest...)
	c.newSettings()
	return c.checkGlobals()
}
