package engine

import (
	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/store"
)

const botColumns = `account_id, entry, bot_id, name, email, created, disabled, security_token, updated, https_endpoint, lambda_arn`

func scanBot(row Row) (b store.Bot, err error) {
	err = row.Scan(&b.AccountID, &b.Entry, &b.BotID, &b.Name, &b.Email, millisTo{&b.Created}, &b.Disabled, &b.SecurityToken,
		millisTo{&b.Updated}, &b.HTTPSEndpoint, &b.LambdaARN)
	return b, err
}

func (s *SQL) Bot(accountID, botID string) (store.Bot, error) {
	return one(List(s, scanBot, `SELECT `+botColumns+` FROM bots WHERE account_id = $1 AND bot_id = $2`, accountID, botID))
}

func (s *SQL) ListBots(accountID string, after store.Entry, limit int) ([]store.Bot, store.Entry, error) {
	bots, err := List(s, scanBot, `SELECT `+botColumns+` FROM bots WHERE account_id = $1 AND entry > $2
		ORDER BY entry LIMIT $3`, accountID, after, limit+1)
	if err != nil {
		return nil, 0, err
	}
	page, next := CutPage(bots, limit, func(b *store.Bot) store.Entry { return b.Entry })
	return page, next, nil
}

func (s *SQL) CountBots(accountID string) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM bots WHERE account_id = $1`, []any{accountID}, &n)
	return n, err
}

// ScanText scans the one column of a row.
func ScanText(row Row) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}

func (s *SQL) InsertBot(b *store.Bot) (err error) {
	if b.Entry, err = s.NewRows("bots", "account_id", nil).Next(b.AccountID); err != nil {
		return err
	}
	if _, err := s.Write(`INSERT INTO bot_emails (email_key, account_id, bot_id) VALUES ($1, $2, $3)`,
		address.Key(b.Email), b.AccountID, b.BotID); err != nil {
		return err
	}
	_, err = s.Write(`INSERT INTO bots (`+botColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		b.AccountID, b.Entry, b.BotID, b.Name, b.Email, Millis(b.Created), b.Disabled, b.SecurityToken, Millis(b.Updated),
		b.HTTPSEndpoint, b.LambdaARN)
	return err
}

func (s *SQL) UpdateBot(b store.Bot) error {
	return s.WriteOne(`UPDATE bots SET disabled = $1, security_token = $2, updated = $3, https_endpoint = $4, lambda_arn = $5
		WHERE account_id = $6 AND entry = $7 AND bot_id || '' = $8`,
		b.Disabled, b.SecurityToken, Millis(b.Updated), b.HTTPSEndpoint, b.LambdaARN, b.AccountID, b.Entry, b.BotID)
}

const botEventColumns = `account_id, bot_id, entry, type, room_id, membership, sender_id, message_id, created`

func scanBotEvent(row Row) (e store.BotEvent, err error) {
	err = row.Scan(&e.AccountID, &e.BotID, &e.Entry, &e.Type, &e.RoomID, &e.Membership, &e.SenderID, &e.MessageID, millisTo{&e.Created})
	return e, err
}

func (s *SQL) BotEvents(accountID, botID string, limit int) ([]store.BotEvent, error) {
	return List(s, scanBotEvent, `SELECT `+botEventColumns+` FROM bot_events WHERE account_id = $1 AND bot_id = $2
		ORDER BY entry LIMIT $3`, accountID, botID, limit)
}

func (s *SQL) CountBotEvents(accountID, botID string) (n int, err error) {
	err = s.ReadRow(`SELECT COUNT(*) FROM bot_events WHERE account_id = $1 AND bot_id = $2`, []any{accountID, botID}, &n)
	return n, err
}

func (s *SQL) InsertBotEvent(e *store.BotEvent) error {
	var last store.Entry
	if err := s.ReadRow(`SELECT COALESCE((SELECT entry FROM bot_events WHERE account_id = $1 AND bot_id = $2
		ORDER BY entry DESC LIMIT 1), 0)`, []any{e.AccountID, e.BotID}, &last); err != nil {
		return err
	}
	e.Entry = s.Entries.after(last)
	_, err := s.Write(`INSERT INTO bot_events (`+botEventColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		e.AccountID, e.BotID, e.Entry, e.Type, e.RoomID, e.Membership, e.SenderID, e.MessageID, Millis(e.Created))
	return err
}

func (s *SQL) DeleteBotEvents(accountID, botID string, last store.Entry) error {
	_, err := s.Write(`DELETE FROM bot_events WHERE account_id = $1 AND bot_id = $2 AND entry <= $3`, accountID, botID, last)
	return err
}
