package sqlite

import "github.com/carillon-project/carillon/internal/store"

func (t *tx) Bot(accountID, botID string) (store.Bot, error) { return t.sql.Bot(accountID, botID) }

func (t *tx) ListBots(accountID string, after store.Entry, limit int) ([]store.Bot, store.Entry, error) {
	return t.sql.ListBots(accountID, after, limit)
}

func (t *tx) CountBots(accountID string) (int, error) { return t.sql.CountBots(accountID) }

func (t *tx) HasBotEmail(email string) (bool, error) { return t.sql.HasBotEmail(email) }

func (t *tx) InsertBot(b *store.Bot) error { return t.sql.InsertBot(b) }

func (t *tx) UpdateBot(b store.Bot) error { return t.sql.UpdateBot(b) }
