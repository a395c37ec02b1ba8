package postgres

import (
	"github.com/carillon-project/carillon/internal/store"
	"github.com/carillon-project/carillon/internal/store/internal/engine"
)

// All that an update does with bots takes the bots of the account alone.

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

func (t *tx) HasBotEmail(email string) (bool, error) {
	t.takeEmails(engine.EmailKeys([]string{email}))
	return t.sql.HasBotEmail(email)
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
