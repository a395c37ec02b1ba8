package sqlite

import (
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

func (t *tx) Session(sessionID string) (store.Session, error) { return t.sql.Session(sessionID) }

func (t *tx) Sessions(awsAccountID string) ([]store.Session, error) {
	return t.sql.Sessions(awsAccountID)
}

func (t *tx) InsertSession(s store.Session) error { return t.sql.InsertSession(s) }

func (t *tx) UseSession(sessionID string, at time.Time) error { return t.sql.UseSession(sessionID, at) }

func (t *tx) DeleteSession(sessionID string) error { return t.sql.DeleteSession(sessionID) }

func (t *tx) SignInLink(linkID string) (store.SignInLink, error) { return t.sql.SignInLink(linkID) }

func (t *tx) InsertSignInLink(l store.SignInLink) error { return t.sql.InsertSignInLink(l) }

func (t *tx) DeleteSignInLink(linkID string) error { return t.sql.DeleteSignInLink(linkID) }

func (t *tx) DeleteSessionsOf(keyID string) error { return t.sql.DeleteSessionsOf(keyID) }

func (t *tx) DeleteEndedSessions(unseen, at time.Time) error {
	return t.sql.DeleteEndedSessions(unseen, at)
}
