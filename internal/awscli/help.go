package awscli

import (
	"context"
	"slices"

	"github.com/carillon-project/carillon/internal/help"
	"github.com/carillon-project/carillon/internal/model"
)

// helpTopics are the topics of version 1's `aws help TOPIC`, in its own order.
var helpTopics = []string{"topics", "config-vars", "return-codes", "s3-config", "s3-faq", "s3-case-insensitivity"}

// help shows the page of the whole command, or of a topic. Topics about other services are
// handed on, like their commands.
func (c *cli) help(ctx context.Context) error {
	// Like version 1, help ignores unknown options.
	line, err := parse(c.global.rest, nil, positional{name: "subcommand", choices: helpTopics})
	if err != nil {
		return err
	}
	if !line.given {
		return c.page(func(width int) string {
			return help.Command(c.services, shown(globalOptions), width)
		})
	}
	if !slices.Contains(help.Topics(), line.word) {
		return c.handOn(ctx, "help "+line.word, []string{"help", line.word})
	}
	return c.page(func(width int) string { return help.Topic(c.services, line.word, width) })
}

func (c *cli) serviceHelp(s *model.Service) error {
	return c.page(func(width int) string { return help.Service(s, width) })
}

func (c *cli) waitHelp(s *model.Service) error {
	return c.page(func(width int) string { return help.Wait(s, width) })
}

// operationHelp shows the page of an operation, or of a waiter that polls it.
func (c *cli) operationHelp(s *model.Service, op *model.Operation, waiter *model.Waiter) error {
	own := commandOptions(op)
	options := make([]help.Option, 0, len(own))
	for _, o := range own {
		if !o.hidden {
			h := shown([]*option{o.option})[0]
			if !o.pages {
				h.Member = o.member
			}
			options = append(options, h)
		}
	}
	if waiter != nil {
		return c.page(func(width int) string { return help.Waiter(s, waiter, options, shown(globalOptions), width) })
	}
	return c.page(func(width int) string { return help.Operation(s, op, options, shown(globalOptions), width) })
}

// shown describes the options that are not hidden for a page.
func shown(options []*option) []help.Option {
	out := make([]help.Option, 0, len(options))
	for _, o := range options {
		if o.hidden {
			continue
		}
		value := ""
		switch o.takes {
		case one:
			value = "<value>"
		case optional:
			value = "[<value>]"
		case many:
			value = "<value> ..."
		}
		out = append(out, help.Option{Name: o.name, Value: value, Choices: o.choices, Required: o.required})
	}
	return out
}

// asksForHelp reports whether the line is for a page, which needs no settings.
func (c *cli) asksForHelp() bool {
	rest := c.global.rest
	return c.global.word == "help" ||
		c.service(c.global.word) != nil && (slices.Equal(rest, []string{"help"}) || len(rest) == 2 && rest[1] == "help" ||
			len(rest) == 3 && rest[0] == waitCommand && rest[2] == "help")
}
