package carillon

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

type faultListOptions struct {
	connection
	Format string
}

// faultListCommand declares `carillon fault list`.
func (p *program) faultListCommand() *cobra.Command {
	var o faultListOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the rules, and how often each has fired",
		Long: `List the rules in the order in which they are tried, and how often each has fired.
The json can be given to carillon fault add --file.` + aboutTestService,
		Example: `carillon fault list
carillon fault list --output json > rules.json`,
		RunE: func(c *cobra.Command, _ []string) error { return p.listFaults(c.Context(), o) },
	}
	f := flagsOf(c)
	outputFlag(f, &o.Format, formatTable, formatJSON)
	o.connection.endpointFlags(f)
	return c
}

func (p *program) listFaults(ctx context.Context, o faultListOptions) error {
	return p.onTestService(ctx, o.connection, func(s *testService) error {
		rules, err := s.faults(ctx)
		if err != nil {
			return err
		}
		if o.Format == formatJSON {
			list := make([]any, len(rules))
			for i, rule := range rules {
				list[i] = rule
			}
			return p.print(formatJSON, "", list)
		}
		lines := make([]*document.Object, len(rules))
		for i, rule := range rules {
			lines[i] = new(document.Object)
			setTexts(lines[i], "id", rule.Text("id"), "fired", memberText(rule, "fired"), "operation", operationOf(rule), "where", rule.Text("where"),
				"only", choiceOf(rule), "when", limitsOf(rule), "effect", effectOf(rule))
		}
		return listLines(p.stdout, []column{{"Id", "id"}, {"Fired", "fired"}, {"Operation", "operation"}, {"Where", "where"}, {"Effect", "effect"},
			{"Only for", "only"}, {"Limits", "when"}}, listed(lines))
	})
}

// choiceOf says of which calls or items a rule is, beyond the operation.
func choiceOf(rule *document.Object) string {
	return memberTexts(rule, "user", "account", "key", "test", "region")
}

// limitsOf says which matches of a rule it fires for.
func limitsOf(rule *document.Object) string {
	text := memberTexts(rule, "skip", "count", "probability", "seed", "expires")
	if expired, _ := rule.Get("expired"); expired == true {
		text += " (over)"
	}
	return text
}

// memberTexts spells those members that are there: "user=ana@example.com key=AKIA".
func memberTexts(o *document.Object, names ...string) string {
	var parts []string
	for _, name := range names {
		if text := memberText(o, name); text != "" {
			parts = append(parts, name+"="+text)
		}
	}
	return strings.Join(parts, " ")
}
