package awscli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/jmespath"
	"github.com/carillon-project/carillon/internal/model"
)

// waitCommand is the command of a service that polls an operation until something is so. A service
// without waiters does not have it.
const waitCommand = "wait"

// runWait runs `aws SERVICE wait ...`.
func (c *cli) runWait(ctx context.Context, s *model.Service, words []string) error {
	if slices.Equal(words, []string{"help"}) {
		return c.waitHelp(s)
	}
	choices := make([]string, len(s.Waiters))
	for i, w := range s.Waiters {
		choices[i] = w.Command
	}
	slices.Sort(choices)
	line, err := parse(words, nil, positional{name: "subcommand", choices: choices})
	if err != nil {
		return err
	}
	switch {
	case !line.given && len(line.rest) > 0:
		return unknownWords(line.rest)
	case !line.given:
		return errors.New("usage: aws [options] <command> <subcommand> [parameters]\naws: error: too few arguments")
	}
	w := s.Waiter(line.word)
	return c.runCommand(ctx, s, s.Operation(w.Operation), w, line.rest)
}

// waitError says how a wait has failed.
type waitError struct{ name, reason string }

func (e *waitError) Error() string { return "Waiter " + e.name + " failed: " + e.reason }

// attempt is what came of one call of a waiter: a reply or a refusal of the service.
type attempt struct {
	reply   *client.Reply
	refusal *client.ServiceError
}

// wait calls the operation until an acceptor of the waiter says how it ends.
func (c *command) wait(ctx context.Context, call func() (*client.Reply, error)) error {
	failed := func(format string, args ...any) error { return &waitError{c.waiter.Name, fmt.Sprintf(format, args...)} }
	for i := range c.waiter.Acceptors {
		if err := checkAcceptor(&c.waiter.Acceptors[i]); err != nil {
			return err
		}
	}
	matched := false // an acceptor has
	for n := 1; ; n++ {
		var a attempt
		var err error
		if a.reply, err = call(); err != nil {
			var refused bool
			if a.refusal, refused = errors.AsType[*client.ServiceError](err); !refused {
				return err
			}
		}
		var last *model.Acceptor // the one that says what the attempt means, or the last of all
		state := ""
		for i := range c.waiter.Acceptors {
			last = &c.waiter.Acceptors[i]
			fits, err := accepts(last, a)
			if err != nil {
				return err
			}
			if fits {
				state, matched = last.State, true
				break
			}
		}
		switch {
		case state == "" && a.refusal != nil:
			return failed("An error occurred (%s): %s", a.refusal.Code, a.refusal.Message)
		case state == "success":
			return nil
		case state == "failure":
			return failed("Waiter encountered a terminal failure state: %s", explain(last))
		case n >= c.waiter.MaxAttempts && matched:
			return failed("Max attempts exceeded. Previously accepted state: %s", explain(last))
		case n >= c.waiter.MaxAttempts:
			return failed("Max attempts exceeded")
		}
		if err := client.Sleep(ctx, time.Duration(min(max(c.waiter.Delay, 0), 1e6))*time.Second); err != nil {
			return err
		}
	}
}

// checkAcceptor refuses what cannot be evaluated, before any call is made.
func checkAcceptor(a *model.Acceptor) error {
	switch a.Matcher {
	case "status", "error":
		return nil
	case "path", "pathAll", "pathAny":
		_, err := jmespath.Compile(a.Argument)
		return err
	}
	return errors.New("Error processing waiter config: Unknown acceptor: " + a.Matcher)
}

// accepts reports whether an acceptor fits an attempt.
func accepts(a *model.Acceptor, attempt attempt) (bool, error) {
	expected, err := document.Parse(a.Expected)
	if err != nil {
		return false, err
	}
	switch a.Matcher {
	case "status":
		status := 0
		if attempt.refusal != nil {
			status = attempt.refusal.Status
		} else {
			status = attempt.reply.Status
		}
		return same(document.Int(status), expected), nil
	case "error":
		if wanted, ok := expected.(bool); ok {
			return wanted == (attempt.refusal != nil), nil
		}
		return attempt.refusal != nil && same(attempt.refusal.Code, expected), nil
	case "path", "pathAll", "pathAny":
		if attempt.refusal != nil {
			return false, nil
		}
	}
	expression, err := jmespath.Compile(a.Argument)
	if err != nil {
		return false, err
	}
	result, err := expression.Search(attempt.reply.Output)
	if err != nil {
		return false, err
	}
	if a.Matcher == "path" {
		return same(result, expected), nil
	}
	list, _ := result.([]any)
	isExpected := func(v any) bool { return same(v, expected) }
	if a.Matcher == "pathAny" {
		return slices.ContainsFunc(list, isExpected), nil
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(v any) bool { return !isExpected(v) }), nil
}

// same compares values as Python does, for which 1 is 1.0, and true.
func same(a, b any) bool {
	x, isNumber := number(a)
	y, both := number(b)
	if isNumber && both {
		return x == y || x.Float64() == y.Float64()
	}
	return document.Class(a) == document.Class(b) && document.Repr(a) == document.Repr(b)
}

// number returns a number, or the one that a boolean is.
func number(v any) (n document.Number, ok bool) {
	switch v := v.(type) {
	case document.Number:
		return v, true
	case bool:
		n, _ = document.ToInt(v)
		return n, true
	}
	return "", false
}

// explain says why an acceptor fits.
func explain(a *model.Acceptor) string {
	value, _ := document.Parse(a.Expected)
	expected := document.Spell(value)
	switch a.Matcher {
	case "path":
		return fmt.Sprintf(`For expression "%s" we matched expected path: "%s"`, a.Argument, expected)
	case "pathAll":
		return fmt.Sprintf(`For expression "%s" all members matched expected path: "%s"`, a.Argument, expected)
	case "pathAny":
		return fmt.Sprintf(`For expression "%s" we matched expected path: "%s" at least once`, a.Argument, expected)
	case "status":
		return "Matched expected HTTP status code: " + expected
	}
	return "Matched expected service error code: " + expected
}
