package directory

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Amazon Chime published these. A message is hidden as soon as its period is over. A period that is
// new or shorter has a grace: until that ends nothing is deleted, and who turns the policy off or
// makes the period longer has the messages back.
const (
	retentionGrace = 30 * day
	sharedPeriod   = 90 * day // for conversations with users of other accounts, whatever the settings
	purgeInterval  = day

	day = 24 * time.Hour
)

// The tasks that delete messages.
const (
	deleteRoomMessages  = "DeleteRoomMessages"  // of a room that is deleted
	purgeMessages       = "PurgeMessages"       // by the settings of an account
	purgeSharedMessages = "PurgeSharedMessages" // in conversations with users of other accounts
)

// purgePiece is how many messages are deleted in one update: others wait for it.
const purgePiece = 500

// GetRetentionSettings says for how long an account keeps messages. A policy without days keeps
// them for ever.
func (s *Service) GetRetentionSettings(ctx context.Context, in *api.GetRetentionSettingsInput) (*api.GetRetentionSettingsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetRetentionSettingsOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err == nil {
			err = enterprise(a, "retention settings")
		}
		if err != nil {
			return nil, err
		}
		return &api.GetRetentionSettingsOutput{RetentionSettings: showRetention(a), InitiateDeletionTimestamp: a.InitiateDeletion}, nil
	})
}

// PutRetentionSettings sets for how long an account keeps messages. A structure that is absent
// leaves its policy as it is; one without days ends the policy. The contract has an output, but the
// status does not let it have a body.
//
// One grace holds for both policies, since the contract has one time of deletion: while it lasts, a
// policy that was in force before deletes nothing either. Updates take turns, so there is never a
// conflict.
func (s *Service) PutRetentionSettings(ctx context.Context, in *api.PutRetentionSettingsInput) (*api.PutRetentionSettingsOutput, error) {
	return write(ctx, s, opPutRetentionSettings, func(c *change) (*api.PutRetentionSettingsOutput, error) {
		before, err := c.account(in.AccountId)
		if err == nil {
			err = enterprise(before, "retention settings")
		}
		if err != nil {
			return nil, err
		}
		after := before
		setPeriods(&after, in.RetentionSettings)
		purge := purgeTask(after)
		switch {
		case after.RoomRetentionDays == 0 && after.ConversationRetentionDays == 0:
			after.InitiateDeletion = time.Time{}
			err = c.DeleteTask(purge)
		case shorter(before.RoomRetentionDays, after.RoomRetentionDays) || shorter(before.ConversationRetentionDays, after.ConversationRetentionDays):
			after.InitiateDeletion = c.now.Add(retentionGrace)
			purge.Due = after.InitiateDeletion
			err = c.schedule(purge)
		}
		if err != nil {
			return nil, err
		}
		return &api.PutRetentionSettingsOutput{}, c.saveAccount(before, after)
	})
}

// setPeriods sets the policies of an account that are given; one without days is for ever.
func setPeriods(a *store.Account, given *api.RetentionSettings) {
	if r := given.RoomRetentionSettings; r != nil {
		a.RoomRetentionDays = orZero(r.RetentionDays)
	}
	if r := given.ConversationRetentionSettings; r != nil {
		a.ConversationRetentionDays = orZero(r.RetentionDays)
	}
}

// purgeTask returns the task that deletes messages by the settings of an account.
func purgeTask(a store.Account) store.Task {
	return store.Task{AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, Kind: purgeMessages, Target: a.AccountID}
}

// shorter reports whether messages are kept for fewer days after a change; 0 days are for ever.
func shorter(before, after int) bool { return after > 0 && (before == 0 || after < before) }

func orZero(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func showRetention(a store.Account) *api.RetentionSettings {
	days := func(n int) *int {
		if n == 0 {
			return nil
		}
		return &n
	}
	return &api.RetentionSettings{
		RoomRetentionSettings:         &api.RoomRetentionSettings{RetentionDays: days(a.RoomRetentionDays)},
		ConversationRetentionSettings: &api.ConversationRetentionSettings{RetentionDays: days(a.ConversationRetentionDays)},
	}
}

// keptFor returns for how long an account keeps a kind of messages; 0: for ever. A Team account has
// no policies: those that it had as an Enterprise account stand still until it is one again.
func keptFor(a store.Account, kind store.Retention) time.Duration {
	switch {
	case a.Type == string(api.AccountTypeTeam):
		return 0
	case kind == store.RetainRoom:
		return time.Duration(a.RoomRetentionDays) * day
	case kind == store.RetainConversation:
		return time.Duration(a.ConversationRetentionDays) * day
	}
	return sharedPeriod
}

// hidden reports whether a message that an account keeps is too old to be seen. It follows from the
// settings whenever somebody looks: so a longer period brings messages back at once, unless they
// are deleted by then.
func hidden(a store.Account, m store.Message, now time.Time) bool {
	period := keptFor(a, m.Retention)
	return period > 0 && !now.Before(m.Created.Add(period))
}

// Messages are deleted by tasks. A suspended account goes on deleting: nobody can change it, but
// what it has promised to forget is forgotten.

// hasMessages reports whether an account keeps messages to which its settings apply.
func (c *change) hasMessages(a store.Account) (bool, error) {
	for _, kind := range []store.Retention{store.RetainRoom, store.RetainConversation} {
		if _, err := c.OldestMessage(a.AccountID, kind); !errors.Is(err, store.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// purgeMessages deletes the messages that are too old by the settings of an account, once the grace
// is over and then every day.
func (c *change) purgeMessages(t store.Task) (again time.Time, err error) {
	a, err := c.FindAccount(t.AccountID)
	switch {
	case errors.Is(err, store.ErrNotFound): // deleted, and its messages are seen by nobody
		return time.Time{}, nil
	case err != nil:
		return again, err
	case a.InitiateDeletion.IsZero():
		return time.Time{}, nil
	case c.now.Before(a.InitiateDeletion):
		return a.InitiateDeletion, nil
	}
	n, err := c.purge(a, store.RetainRoom, purgePiece)
	if err != nil {
		return again, err
	}
	more, err := c.purge(a, store.RetainConversation, purgePiece-n)
	if err != nil {
		return again, err
	}
	if n+more == purgePiece {
		return c.now, nil
	}
	return c.now.Add(purgeInterval), nil
}

// purgeSharedMessages deletes what was said in conversations with users of other accounts too long
// ago: every day, as long as there is anything.
func (c *change) purgeSharedMessages(t store.Task) (again time.Time, err error) {
	a, err := c.FindAccount(t.AccountID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return time.Time{}, nil
	case err != nil:
		return again, err
	}
	n, err := c.purge(a, store.RetainShared, purgePiece)
	switch {
	case err != nil:
		return again, err
	case n == purgePiece:
		return c.now, nil
	}
	due, err := c.sharedDue(a)
	if tomorrow := c.now.Add(purgeInterval); err == nil && !due.IsZero() && due.Before(tomorrow) {
		due = tomorrow
	}
	return due, err
}

// lockMessages keeps other updates from the messages that the account of a task keeps.
func (c *change) lockMessages(t store.Task) error {
	_, err := c.OldestMessage(t.AccountID, store.RetainShared)
	return ignoreMissing(err)
}

// purge deletes the messages of a kind that are too old, so many at most, and returns how many.
func (c *change) purge(a store.Account, kind store.Retention, most int) (int, error) {
	period := keptFor(a, kind)
	if period == 0 || most == 0 {
		return 0, nil
	}
	n, err := c.DeleteOldMessages(a.AccountID, kind, c.now.Add(-period), most)
	if err == nil && n > 0 {
		c.record(a, a.AccountID, []document.Member{{Key: string(kind) + "Messages", Value: count(n)}}, nil)
	}
	return n, err
}

// sharedDue returns when the first message that users of other accounts can see is too old, the
// zero time if there is none.
func (c *change) sharedDue(a store.Account) (time.Time, error) {
	oldest, err := c.OldestMessage(a.AccountID, store.RetainShared)
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return oldest.Created.Add(sharedPeriod), err
}

// scheduleSharedPurge sees to it that the messages that users of other accounts can see are deleted
// in time.
func (c *change) scheduleSharedPurge(a store.Account) error {
	due, err := c.sharedDue(a)
	if err != nil || due.IsZero() {
		return err
	}
	t := store.Task{AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, Kind: purgeSharedMessages, Target: a.AccountID, Due: due}
	is, err := c.Task(t.AWSAccountID, t.AccountID, t.Kind, t.Target)
	switch {
	case err == nil && !due.Before(is.Due):
		return nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	return c.schedule(t)
}

// deleteMessagesOf deletes the messages of a room that is being deleted: the first at once, and
// what is more than others should wait for by a task. Nobody sees them meanwhile.
func (c *change) deleteMessagesOf(a store.Account, room store.Room) error {
	n, err := c.DeleteMessages(room.Discussion(), purgePiece)
	if err != nil || n < purgePiece {
		return err
	}
	return c.schedule(store.Task{AWSAccountID: a.AWSAccountID, AccountID: a.AccountID, Kind: deleteRoomMessages,
		Target: fmt.Sprintf("%s/%d", room.RoomID, room.Entry), Due: c.now})
}

// deleteRoomMessages goes on where deleteMessagesOf has stopped. A room is named by its entry, too,
// since its id may be that of another one by now.
func (c *change) deleteRoomMessages(t store.Task) (again time.Time, err error) {
	at := strings.LastIndexByte(t.Target, '/')
	entry, err := strconv.ParseInt(t.Target[at+1:], 10, 64)
	if at < 0 || err != nil {
		return again, fmt.Errorf("a task for the messages of the room %.64q, which names none", t.Target)
	}
	room := store.Room{AccountID: t.AccountID, RoomID: t.Target[:at], Entry: store.Entry(entry)}
	n, err := c.DeleteMessages(room.Discussion(), purgePiece)
	if err != nil || n == 0 {
		return again, err
	}
	a := store.Account{AWSAccountID: t.AWSAccountID, AccountID: t.AccountID}
	c.record(a, room.RoomID, []document.Member{{Key: "RoomId", Value: label(room.RoomID)}, {Key: "RoomMessages", Value: count(n)}}, nil)
	if n == purgePiece {
		again = c.now
	}
	return again, nil
}
