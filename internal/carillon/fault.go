package carillon

import (
	"context"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/document"
)

// faultCommand declares `carillon fault`.
func (p *program) faultCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "fault",
		Short: "have a service for tests fail on demand",
		Long: `Give a service for tests rules by which calls of the API fail, are late or lose their
connection, and see which of them did. A program that is tested so shows what it
does about throttling, lost replies, and batches of which some users fail.`,
	}
	c.AddCommand(p.faultAddCommand(), p.faultListCommand(), p.faultClearCommand(), p.faultWatchCommand())
	return c
}

// faults asks for the rules that there are.
func (s *testService) faults(ctx context.Context) ([]*document.Object, error) {
	return s.list(ctx, http.MethodGet, "faults", nil)
}

// serviceFaults completes by the ids of the rules that a service for tests has.
func (p *program) serviceFaults(at *connection) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		err = p.onTestService(ctx, *at, func(s *testService) error {
			rules, err := s.faults(ctx)
			for _, rule := range rules {
				found = append(found, described(rule.Text("id"), operationOf(rule)+" "+effectOf(rule)))
			}
			return err
		})
		return found, err
	})
}

// operationOf returns the operation that a rule is about, "*" for all.
func operationOf(rule *document.Object) string {
	if name := rule.Text("operation"); name != "" {
		return name
	}
	return "*"
}

// effectOf says on one line what a rule does: "429 ThrottledClientException, retry after 2 s".
func effectOf(rule *document.Object) string {
	effect := memberObject(rule, "effect")
	latency := memberObject(effect, "latency")
	var parts []string
	add := func(before, text, unit string) {
		if text != "" {
			parts = append(parts, before+text+unit)
		}
	}
	add("", strings.TrimSpace(memberText(effect, "statusCode")+" "+memberText(effect, "code")), "")
	add("retry after ", memberText(effect, "retryAfter"), " s")
	add("latency ", memberText(latency, "ms"), " ms")
	add("jitter ", memberText(latency, "jitter"), " ms")
	add("connection ", memberText(effect, "connection"), "")
	return strings.Join(parts, ", ")
}

// memberObject returns a member that is an object, an empty one if there is none.
func memberObject(o *document.Object, name string) *document.Object {
	v, _ := o.Get(name)
	if inner, ok := v.(*document.Object); ok {
		return inner
	}
	return new(document.Object)
}

// memberText spells a member that is a text or a number; empty if there is none.
func memberText(o *document.Object, name string) string {
	v, _ := o.Get(name)
	if v == nil {
		return ""
	}
	return document.Spell(v)
}
