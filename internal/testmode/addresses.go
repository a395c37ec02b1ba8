package testmode

import (
	"context"
	"errors"
	"sync"

	"github.com/carillon-project/carillon/internal/store"
)

// addresses keeps which user or bot has which address, for rules that name them by address. None
// ever changes.
type addresses struct {
	mu   sync.Mutex
	byID map[userKey]string
}

type userKey struct{ account, user string }

// keptAddresses is how many addresses are kept.
const keptAddresses = 100_000

// of returns those of some users and bots of an account that exist, or have existed.
func (a *addresses) of(ctx context.Context, st store.Store, account string, ids []string) ([]name, error) {
	var known []name
	var unknown []string
	a.mu.Lock()
	for _, id := range ids {
		if email, ok := a.byID[userKey{account, id}]; ok {
			known = append(known, name{id: id, email: email})
		} else {
			unknown = append(unknown, id)
		}
	}
	a.mu.Unlock()
	if len(unknown) == 0 {
		return known, nil
	}
	var users []store.User
	err := st.View(ctx, func(tx store.ReadTx) (err error) {
		if users, err = tx.Users(account, unknown); err != nil || len(users) == len(unknown) {
			return err
		}
		for _, id := range unknown {
			bot, err := tx.Bot(account, id)
			if err == nil {
				users = append(users, store.User{UserID: id, Email: bot.Email})
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.byID == nil || len(a.byID)+len(users) > keptAddresses {
		a.byID = make(map[userKey]string)
	}
	for _, u := range users {
		a.byID[userKey{account, u.UserID}] = u.Email
		known = append(known, name{id: u.UserID, email: u.Email})
	}
	return known, nil
}

// forget drops all, since another state may have other users.
func (a *addresses) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID = nil
}
