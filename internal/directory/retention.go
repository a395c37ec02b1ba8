package directory

import (
	"time"

	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/store"
)

// sharedDays is for how long the messages of conversations with users of other accounts are kept.
// Amazon Chime had this fixed for all of its Enterprise accounts, whatever their settings.
const sharedDays = 90

// keptFor returns for how long an account keeps a kind of messages; 0: for ever. A Team account has
// no policies: those that it had as an Enterprise account stand still until it is one again.
func keptFor(a store.Account, kind store.Retention) time.Duration {
	days := 0
	if a.Type == string(api.AccountTypeTeam) {
		return 0
	}
	switch kind {
	case store.RetainRoom:
		days = a.RoomRetentionDays
	case store.RetainConversation:
		days = a.ConversationRetentionDays
	case store.RetainShared:
		days = sharedDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// hidden reports whether a message that an account keeps is too old to be seen. It follows from the
// settings whenever somebody looks: so a longer period brings messages back at once, unless they
// are deleted by then.
func hidden(a store.Account, m store.Message, now time.Time) bool {
	period := keptFor(a, m.Retention)
	return period > 0 && !now.Before(m.Created.Add(period))
}
