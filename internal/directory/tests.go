package directory

import (
	"context"
	"errors"

	"github.com/carillon-project/carillon/internal/store"
)

// testsSetting is where the store says that it is there for tests only.
const testsSetting = "for-tests"

// ErrNotForTests: the store holds a directory that was not made for tests.
var ErrNotForTests = errors.New("it holds a directory that was not made for tests, which anybody could then change and age: name a new place")

// ClaimForTests marks an empty store as one for tests, for good. The error is ErrNotForTests if the
// store is in use otherwise.
func ClaimForTests(ctx context.Context, st store.Store) error {
	return st.Update(ctx, func(tx store.Tx) error {
		_, err := tx.Setting(testsSetting)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		used, err := tx.AWSAccounts()
		if err != nil {
			return err
		}
		if len(used) > 0 {
			return ErrNotForTests
		}
		return tx.PutSetting(testsSetting, []byte("yes"))
	})
}

// IsForTests reports whether the store was marked by [ClaimForTests].
func IsForTests(ctx context.Context, st store.Store) (bool, error) {
	err := st.View(ctx, func(tx store.ReadTx) error {
		_, err := tx.Setting(testsSetting)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
