// Package bulk changes any number of users of an account by the public API, and keeps a record
// by which a job can be resumed, mended and undone.
//
// A job is a pipeline: rows name users and what they shall become ([ReadRows], rows.go); an
// [Account] reads its users in one paged pass (account.go) and makes of both a [Plan] (plan.go); a
// [Ledger] (ledger.go) starts with the plan and takes a line before and after each call; [Account.Run]
// (run.go) sends the calls. [Account.Resume], [Account.Retry] and [Account.Rollback] (again.go)
// begin with a ledger instead of rows. Tables for spreadsheets are written in table.go.
//
// Before that, a [Limit] and the [Protected] users may refuse the plan as a whole (brakes.go).
//
// Nothing here prints or asks: that is for callers. Errors about input are an [InputError].
package bulk

import (
	"fmt"

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
	ResetPIN  Action = "reset-pin" // the old PIN is dead at once
)

// trait is what the engine must know of an action.
type trait struct {
	action    Action
	operation string
	users     int // most users that one call takes
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

// trait returns the traits of the action; ok is false for a word that is no action.
func (a Action) trait() (t trait, ok bool) {
	for _, t := range traits() {
		if t.action == a {
			return t, true
		}
	}
	return trait{}, false
}

// readable reports whether the effect of the action shows when users are listed. Where it does
// not, rows have neither a former nor a new value.
func (a Action) readable() bool { return a != Logout && a != ResetPIN }

func operation(name string) *model.Operation { return chime.Service.Operation(name) }

// InputError says what is wrong with what a person gave: a file of rows, a plan, a ledger.
// Nothing was sent.
type InputError struct {
	File string // empty where no file is at fault
	Line int    // from 1; 0 where no line is at fault
	Text string
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

func badInput(file string, line int, format string, args ...any) error {
	return &InputError{file, line, fmt.Sprintf(format, args...)}
}
