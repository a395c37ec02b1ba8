package carillon

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/sheet"
	"github.com/carillon-project/carillon/internal/testmode"
)

type faultAddOptions struct {
	connection
	File            string // "-" is standard input
	Rule            testmode.Rule
	Latency, Jitter time.Duration
}

// faultPlaces are where in a call a rule can act. The first one is the default.
var faultPlaces = []string{string(testmode.Before), string(testmode.After), string(testmode.Item)}

// connectionFaults are what can become of a connection.
var connectionFaults = []string{string(testmode.Reset), string(testmode.Empty), string(testmode.Truncate), string(testmode.Stall)}

// faultAddCommand declares `carillon fault add`.
func (p *program) faultAddCommand() *cobra.Command {
	var o faultAddOptions
	c := &cobra.Command{
		Use:   "add",
		Short: "add a rule by which calls fail",
		Long: `Add a rule by which calls of the API fail, and print its id. What the rule is about is
said by --operation, --user, --account-id, --key and --test, all of them together.
What happens then is said by --code or --status, --latency and --connection. Of
several rules, the first one that fires counts.

With --where before, nothing is done but to answer so. With after, the work is done,
and then the reply is replaced or lost. With item, those items of a batch fail that
match, such as one user of batch-update-user, and the others are done.

--file has one rule or a list of them in JSON, as docs/testing.md describes them, and
as carillon fault list --output json prints them.` + aboutTestService,
		Example: `carillon fault add --operation ListUsers --status 429 --count 3
carillon fault add --operation BatchUpdateUser --where item \
    --user ana@example.com --code Throttled
carillon fault add --where after --connection reset --skip 10 --count 1
carillon fault add --latency 300ms --jitter 100ms --expires 10m
carillon fault add --file rules.json`,
		RunE: func(c *cobra.Command, _ []string) error { return p.addFault(c.Context(), o) },
	}
	f := flagsOf(c)
	f.text(&o.File, "file FILE", "file of rules in JSON, - for standard input", files("json"))
	only := insteadOf("file")
	number, some := numberFrom(0, math.MaxInt), numberFrom(1, math.MaxInt)
	f.group("what it is about")
	f.text(&o.Rule.Operation, "operation NAME", "operation of the API, such as BatchUpdateUser (default all)", only, completedBy(faultOperations))
	f.text(&o.Rule.User, "user USER", "calls about this user, or this user of a batch: an id, an e-mail address, or a pattern such as *@example.com", only)
	f.text(&o.Rule.Account, "account-id ID", "calls about this account", only)
	f.text(&o.Rule.Key, "key KEY-ID", "calls with this access key", only)
	f.text(&o.Rule.Test, "test NAME", "calls whose header x-carillon-test has this value", only)
	f.choice((*string)(&o.Rule.Where), "where PLACE", "where in a call it happens", faultPlaces, only)
	f.group("when it fires")
	parsed(f, &o.Rule.Skip, number, "skip N", "", "let the first N of those pass", only)
	parsed(f, &o.Rule.Count, some, "count N", "", "fire N times (default any number of times)", only)
	parsed(f, &o.Rule.Probability, fraction, "probability P", "", "fire for this part of them, such as 0.25", only)
	parsed(f, &o.Rule.Seed, number, "seed N", "", "choose others for that part", only)
	f.text(&o.Rule.Expires, "expires DURATION", "forget the rule after this time, such as 10m", only)
	f.group("what happens")
	f.text(&o.Rule.Effect.Code, "code NAME", "error of the API: an exception, or with --where item an error code such as Throttled", only, completedBy(p.faultCodes(&o)))
	parsed(f, &o.Rule.Effect.StatusCode, some, "status CODE", "", "status of the answer, such as 503, in place of a --code", only)
	f.text(&o.Rule.Effect.Message, "message TEXT", "message of the error", only)
	parsed(f, &o.Rule.Effect.RetryAfter, some, "retry-after SECONDS", "", "value of the header Retry-After", only)
	parsed(f, &o.Latency, duration, "latency DURATION", "", "be late by this time, such as 300ms", only)
	parsed(f, &o.Jitter, duration, "jitter DURATION", "", "give or take this time at most", only)
	parsed(f, (*string)(&o.Rule.Effect.Connection), oneOf(connectionFaults), "connection FAULT", "",
		"break the connection off: "+strings.Join(connectionFaults, ", "), only, completedBy(fixed(connectionFaults...)))
	f.group("its name")
	f.text(&o.Rule.ID, "id ID", "id of the rule (default one that is made up)", only)
	o.connection.endpointFlags(f)
	return c
}

// faultOperations completes by the operations of the API.
func faultOperations(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []string
	for _, op := range chime.Service.All() {
		names = append(names, op.Name)
	}
	return beginning(begun, names), noFiles
}

// faultCodes completes by the errors that the service says there are: of the operation and the
// place that the line names, if it does.
func (p *program) faultCodes(o *faultAddOptions) cobra.CompletionFunc {
	return p.found(func(ctx context.Context) (found []cobra.Completion, err error) {
		err = p.onTestService(ctx, o.connection, func(s *testService) error {
			targets, err := s.object(ctx, http.MethodGet, "targets", "", nil)
			if err != nil {
				return err
			}
			if o.Rule.Where == testmode.Item {
				codes, _ := targets.Get("itemCodes")
				list, _ := codes.([]any)
				for _, code := range list {
					found = append(found, fmt.Sprint(code))
				}
				return nil
			}
			operations, _ := targets.Get("operations")
			list, err := s.objects("targets", operations)
			for _, op := range list {
				if o.Rule.Operation != "" && o.Rule.Operation != op.Text("operation") {
					continue
				}
				exceptions, _ := op.Get("exceptions")
				of, err := s.objects("targets", exceptions)
				if err != nil {
					return err
				}
				for _, x := range of {
					if word := described(x.Text("code"), memberText(x, "statusCode")); !slices.Contains(found, word) {
						found = append(found, word)
					}
				}
			}
			return err
		})
		return found, err
	})
}

// fraction reads a number from 0 to 1.
func fraction(text string) (*float64, error) {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return nil, fmt.Errorf("%q is not a number from 0 to 1, such as 0.25", text)
	}
	return &v, nil
}

// rules returns the rules to add, and how many they are.
func (p *program) rules(o faultAddOptions) (text []byte, n int, err error) {
	if o.File != "" {
		if text, n, err = p.readRules(o.File); err != nil {
			return nil, 0, p.badInput("--file %s: %w", o.File, err)
		}
		return text, n, nil
	}
	if o.Latency > 0 || o.Jitter > 0 {
		o.Rule.Effect.Latency = &testmode.Latency{MS: milliseconds(o.Latency), Jitter: milliseconds(o.Jitter)}
	}
	if o.Rule.Effect == (testmode.Effect{}) {
		return nil, 0, p.misused("say what happens, with one of --code, --status, --latency and --connection, or give a --file")
	}
	text, err = json.Marshal(o.Rule)
	return text, 1, err
}

// milliseconds returns a time in milliseconds, rounded up.
func milliseconds(d time.Duration) int { return int((d + time.Millisecond - 1) / time.Millisecond) }

func (p *program) addFault(ctx context.Context, o faultAddOptions) error {
	rules, n, err := p.rules(o)
	if err != nil {
		return err
	}
	return p.onTestService(ctx, o.connection, func(s *testService) error {
		all, err := s.list(ctx, http.MethodPatch, "faults", rules)
		if err == nil && len(all) < n {
			err = s.odd("faults")
		}
		if err != nil {
			return err
		}
		for _, rule := range all[len(all)-n:] {
			fmt.Fprintln(p.stdout, rule.Text("id"))
		}
		return nil
	})
}

// readRules reads a file of rules: one, or a list of them. What a rule may be, the service knows,
// and says so of a text that is no JSON, too.
func (p *program) readRules(name string) (text []byte, n int, err error) {
	if name == "-" {
		text, err = io.ReadAll(sheet.Decode(p.stdin))
	} else {
		text, err = readText(name)
	}
	if err != nil {
		return nil, 0, err
	}
	v, _ := document.Parse(string(text))
	if list, ok := v.([]any); ok {
		return text, len(list), nil
	}
	return text, 1, nil
}

// readText reads a file of text in any encoding that people save texts in: PowerShell puts a byte
// order mark before UTF-8, and redirects in UTF-16.
func readText(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(sheet.Decode(f))
}
