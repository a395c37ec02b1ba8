package engine

import (
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

const sessionColumns = `session_id, aws_account_id, key_id, created, seen, expires, address, user_agent`

func scanSession(row Row) (s store.Session, err error) {
	err = row.Scan(&s.SessionID, &s.AWSAccountID, &s.KeyID, millisTo{&s.Created}, millisTo{&s.Seen}, millisTo{&s.Expires}, &s.Address, &s.UserAgent)
	return s, err
}

func (s *SQL) Session(sessionID string) (store.Session, error) {
	return one(List(s, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE session_id = $1`, sessionID))
}

func (s *SQL) Sessions(awsAccountID string) ([]store.Session, error) {
	return List(s, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE aws_account_id = $1 ORDER BY created, session_id`, awsAccountID)
}

func (s *SQL) InsertSession(x store.Session) error {
	_, err := s.Write(`INSERT INTO sessions (`+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		x.SessionID, x.AWSAccountID, x.KeyID, Millis(x.Created), Millis(x.Seen), Millis(x.Expires), x.Address, x.UserAgent)
	return err
}

func (s *SQL) UseSession(sessionID string, at time.Time) error {
	_, err := s.Write(`UPDATE sessions SET seen = $1 WHERE session_id = $2 AND seen < $1`, Millis(at), sessionID)
	return err
}

func (s *SQL) DeleteSession(sessionID string) error {
	return s.WriteOne(`DELETE FROM sessions WHERE session_id = $1`, sessionID)
}

func (s *SQL) SignInLink(linkID string) (store.SignInLink, error) {
	return one(List(s, func(row Row) (l store.SignInLink, err error) {
		err = row.Scan(&l.LinkID, &l.KeyID, millisTo{&l.Expires})
		return l, err
	}, `SELECT link_id, key_id, expires FROM sign_in_links WHERE link_id = $1`, linkID))
}

func (s *SQL) InsertSignInLink(l store.SignInLink) error {
	_, err := s.Write(`INSERT INTO sign_in_links (link_id, key_id, expires) VALUES ($1, $2, $3)`, l.LinkID, l.KeyID, Millis(l.Expires))
	return err
}

func (s *SQL) DeleteSignInLink(linkID string) error {
	return s.WriteOne(`DELETE FROM sign_in_links WHERE link_id = $1`, linkID)
}

func (s *SQL) DeleteSessionsOf(keyID string) error {
	if _, err := s.Write(`DELETE FROM sessions WHERE key_id = $1`, keyID); err != nil {
		return err
	}
	_, err := s.Write(`DELETE FROM sign_in_links WHERE key_id = $1`, keyID)
	return err
}

func (s *SQL) DeleteEndedSessions(unseen, at time.Time) error {
	if _, err := s.Write(`DELETE FROM sessions WHERE seen <= $1 OR expires <= $2`, Millis(unseen), Millis(at)); err != nil {
		return err
	}
	_, err := s.Write(`DELETE FROM sign_in_links WHERE expires <= $1`, Millis(at))
	return err
}
