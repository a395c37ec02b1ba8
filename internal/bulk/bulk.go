// Package bulk changes any number of users of an account through the public API. It keeps a record
// with which a job can be resumed, retried and rolled back.
//
// A job is a pipeline. Rows name users and say what should change ([ReadRows], rows.go); [Only]
// chooses some of them (only.go). An [Account] reads its users in one paged pass (account.go) and
// turns both into a [Plan] (plan.go), which fails what the service would refuse (standing.go).
// A [Limit] and the [Protected] users may refuse the plan as a whole (brakes.go). A [Ledger]
// (ledger.go) starts with the plan and gets a line before and after each call. [Account.Run]
// (run.go) sends the calls.
//
// [Account.Resume], [Account.Retry] and [Account.Rollback] (again.go) start from a ledger instead
// of rows. [Jobs] and [LookAt] (jobs.go) only look at ledgers, and [Pages] (pages.go) at some rows
// of a plan. Tables for spreadsheets are written in table.go.
//
// Nothing here prints or asks: callers do that. Errors about input are an [InputError].
package bulk

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/model"
)

// Action is what a job does to its users.
type Action string

const (
	Update    Action = "update"    // license, user type, Alexa metadata
	Suspend   Action = "suspend"   // on a Team account: remove
	Unsuspend Action = "unsuspend" // EnterpriseLWA accounts only
	Invite    Action = "invite"    // Team accounts only
	Logout    Action = "logout"    // end all sessions
	ResetPIN  Action = "reset-pin" // the old PIN stops working at once
)

// trait is what the engine needs to know about an action.
type trait struct {
	action    Action
	operation string
	users     int // the most users that one call takes
}

func traits() []trait {
	return []trait{
		{Update, "BatchUpdateUser", 20},
		{Suspend, "BatchSuspendUser", 50},
		{Unsuspend, "BatchUnsuspendUser", 50},
		{Invite, "InviteUsers", 50},
		{Logout, "LogoutUser", 1},
		{ResetPIN, "ResetPersonalPIN", 1},
	}
}

// trait returns the traits of the action. ok is false if the word is not an action.
func (a Action) trait() (t trait, ok bool) {
	for _, t := range traits() {
		if t.action == a {
			return t, true
		}
	}
	return trait{}, false
}

// Actions lists the actions.
func Actions() (all []Action) {
	for _, t := range traits() {
		all = append(all, t.action)
	}
	return all
}

// Operation returns the name of the API's operation that carries out the action, empty if the word
// is not an action.
func (a Action) Operation() string {
	t, _ := a.trait()
	return t.operation
}

// readable reports whether a listing of users shows the effect of the action. If it does not, rows
// have neither an old nor a new value.
func (a Action) readable() bool { return a != Logout && a != ResetPIN }

func operation(name string) *model.Operation { return chime.Service.Operation(name) }

// InputError says what is wrong with input from a person: a file of rows, a plan, a ledger. Nothing
// was sent.
type InputError struct {
	File string // empty if no file is at fault
	Line int    // from 1; 0 if no line is at fault
	Text string // options by their flags

	format  string // of Text
	args    []any
	unbegun bool // see [Unbegun]
}

func (e *InputError) Error() string {
	switch {
	case e.File == "":
		return e.Text
	case e.Line == 0:
		return e.File + ": " + e.Text
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text)
}

// Unwrap returns the error that the text tells of, if there is one.
func (e *InputError) Unwrap() error {
	for _, arg := range e.args {
		if err, ok := arg.(error); ok {
			return err
		}
	}
	return nil
}

func badInput(file string, line int, format string, args ...any) error {
	return &InputError{File: file, Line: line, Text: fmt.Sprintf(format, args...), format: format, args: args}
}

// Option is what a person has chosen, or can choose, in a message. It has the name of the flag.
type Option struct{ Name, Value string }

func (o Option) String() string { return strings.TrimSpace("--" + o.Name + " " + o.Value) }

// Say is the error in the words of a door that has no flags. call says what an option is called
// there.
func (e *InputError) Say(call func(Option) string) string {
	args := slices.Clone(e.args)
	for i, arg := range args {
		if o, ok := arg.(Option); ok {
			args[i] = call(o)
		}
	}
	said := *e
	said.Text = fmt.Sprintf(e.format, args...)
	return said.Error()
}
