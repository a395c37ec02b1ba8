package sqlite

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

func (t *tx) Bot(accountID, botID string) (store.Bot, error) { return t.sql.Bot(accountID, botID) }

func (t *tx) ListBots(accountID string, after store.Entry, limit int) ([]store.Bot, store.Entry, error) {
	return t.sql.ListBots(accountID, after, limit)
}

func (t *tx) CountBots(accountID string) (int, error) { return t.sql.CountBots(accountID) }

func (t *tx) BotEmails(emails []string) (all []string, err error) {
	for _, key := range engine.EmailKeys(emails) {
		some, err := engine.List(&t.sql, engine.ScanText, `SELECT email_key FROM bot_emails WHERE email_key = $1`, key)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func (t *tx) InsertBot(b *store.Bot) error { return t.sql.InsertBot(b) }

func (t *tx) UpdateBot(b store.Bot) error { return t.sql.UpdateBot(b) }

func (t *tx) BotEvents(accountID, botID string, limit int) ([]store.BotEvent, error) {
	return t.sql.BotEvents(accountID, botID, limit)
}

func (t *tx) CountBotEvents(accountID, botID string) (int, error) {
	return t.sql.CountBotEvents(accountID, botID)
}

func (t *tx) InsertBotEvent(e *store.BotEvent) error { return t.sql.InsertBotEvent(e) }

func (t *tx) DeleteBotEvents(accountID, botID string, last store.Entry) error {
	return t.sql.DeleteBotEvents(accountID, botID, last)
}
