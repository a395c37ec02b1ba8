package testmode

import (
	"context"
	"errors"

	"github.com/carillon-project/carillon/internal/store"
)

// claimSetting is where the store says that it is there for tests only.
const claimSetting = "for-tests"

var errInUse = errors.New("it holds a directory that was not made for tests, which anybody could then change and age: name a new place")

// Claim marks an empty store as one for tests, for good. It is an error if the store holds a
// directory of another kind: anybody could change it then.
func Claim(ctx context.Context, st store.Store) error {
	return st.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Setting(claimSetting)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		used, err := tx.AWSAccounts()
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return errInUse
		}
		return tx.PutSetting(claimSetting, []byte("yes"))
	})
}

// Claimed reports whether the store was marked by [Claim].
func Claimed(ctx context.Context, st store.Store) (bool, error) {
	err := st.View(ctx, func(tx store.ReadTx) error {
		_, err := tx.Setting(claimSetting)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
