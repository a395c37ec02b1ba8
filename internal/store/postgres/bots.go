package postgres

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// Whatever an update does with bots, it locks the bots of the account first, and shares that lock
// with nobody. Their events have a lock of their own: who has only sent some need not wait.

func (t *tx) Bot(accountID, botID string) (store.Bot, error) {
	t.take("bots", accountID)
	return t.sql.Bot(accountID, botID)
}

func (t *tx) ListBots(accountID string, after store.Entry, limit int) ([]store.Bot, store.Entry, error) {
	t.take("bots", accountID)
	return t.sql.ListBots(accountID, after, limit)
}

func (t *tx) CountBots(accountID string) (int, error) {
	t.take("bots", accountID)
	return t.sql.CountBots(accountID)
}

func (t *tx) BotEmails(emails []string) ([]string, error) {
	keys := engine.EmailKeys(emails)
	t.takeEmails(keys)
	return engine.List(&t.sql, engine.ScanText, `SELECT email_key FROM bot_emails WHERE email_key = ANY($1) ORDER BY email_key`, keys)
}

func (t *tx) InsertBot(b *store.Bot) error {
	t.take("bots", b.AccountID)
	t.takeEmails(engine.EmailKeys([]string{b.Email}))
	return t.sql.InsertBot(b)
}

func (t *tx) UpdateBot(b store.Bot) error {
	t.take("bots", b.AccountID)
	return t.sql.UpdateBot(b)
}

func (t *tx) BotEvents(accountID, botID string, limit int) ([]store.BotEvent, error) {
	t.take("bot events", accountID)
	return t.sql.BotEvents(accountID, botID, limit)
}

func (t *tx) CountBotEvents(accountID, botID string) (int, error) {
	t.take("bot events", accountID)
	return t.sql.CountBotEvents(accountID, botID)
}

func (t *tx) InsertBotEvent(e *store.BotEvent) error {
	t.take("bot events", e.AccountID)
	return t.sql.InsertBotEvent(e)
}

func (t *tx) DeleteBotEvents(accountID, botID string, last store.Entry) error {
	t.take("bot events", accountID)
	t.account = accountID
	return t.sql.DeleteBotEvents(accountID, botID, last)
}
