package directory

import (
	"context"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/seal"
	"github.com/carillon-project/carillon/internal/store"
)

// What happens to all access keys at once, because the secret key that seals them changes.

// RotateSecret seals all access keys with a new secret key, under running services, and returns how
// many there are. With forget the former secret key is of no use at the end. Without, it is as good
// as the new one until [Keys.ForgetSecret], for services with a copy of its file. A call that
// follows one that was cut short carries that one through.
func (k *Keys) RotateSecret(ctx context.Context, forget bool) (int, error) {
	count := 0
	err := k.update(ctx, k.options.operator(), opRotateSecret, func(c *change) error {
		count = 0
		reseal, err := k.sealer.Rotate(c)
		if err != nil {
			return err
		}
		return eachOwner(c, func(owner string, keys []store.AccessKey) error {
			count += len(keys)
			if reseal == nil {
				return nil
			}
			for _, key := range keys {
				if key.SealedSecret, err = reseal(key.KeyID, key.SealedSecret); err != nil {
					return err
				}
				if err := c.PutAccessKey(key); err != nil {
					return err
				}
			}
			c.recordSecret(owner, len(keys))
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	if forget {
		return count, k.ForgetSecret(ctx)
	}
	return count, k.store.Update(ctx, func(tx store.Tx) error {
		_, err := k.sealer.Finish(tx, false)
		return err
	})
}

// ForgetSecret makes the former secret key useless after a rotation. Without one it does nothing.
func (k *Keys) ForgetSecret(ctx context.Context) error {
	return k.update(ctx, k.options.operator(), opForgetSecret, func(c *change) error {
		pending, err := k.sealer.Finish(c, true)
		if err != nil || !pending {
			return err
		}
		return eachOwner(c, func(owner string, keys []store.AccessKey) error {
			c.recordSecret(owner, len(keys))
			return nil
		})
	})
}

// RecoverSecret gives a store whose secret key is lost another one, in a file as [seal.Renew] says,
// and deletes all access keys, which nothing opens any more. It returns how many. The next start of
// the service makes a root key. If the secret key is not lost, the error is [seal.ErrNotLost].
func RecoverSecret(ctx context.Context, st store.Store, keyFile string, options Options) (int, error) {
	options = options.orDefault()
	count := 0
	err := update(ctx, st, options, options.operator(), opRecoverSecret, func(c *change) error {
		count = 0
		if err := seal.Renew(c, keyFile); err != nil {
			return err
		}
		return eachOwner(c, func(owner string, keys []store.AccessKey) error {
			count += len(keys)
			for _, key := range keys {
				if err := c.changeKey(&key, nil); err != nil {
					return err
				}
			}
			c.recordSecret(owner, len(keys))
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// recordSecret is record for the secret key that seals the access keys of an AWS account.
func (c *change) recordSecret(awsAccountID string, keys int) {
	c.recordOwned(awsAccountID, awsAccountID, nil, []document.Member{{Key: "AccessKeys", Value: document.Int(keys)}})
}

// HasLiveKey reports whether there is an access key that the service would take.
func HasLiveKey(ctx context.Context, st store.Store, options Options) (live bool, err error) {
	options = options.orDefault()
	err = st.View(ctx, func(tx store.ReadTx) error {
		live = false
		return eachOwner(tx, func(_ string, keys []store.AccessKey) error {
			for _, key := range keys {
				live = live || showKey(key).ended(options.Clock()) == ""
			}
			return nil
		})
	})
	return live, err
}

// eachOwner gives fn the access keys of each AWS account that has any.
func eachOwner(tx store.ReadTx, fn func(owner string, keys []store.AccessKey) error) error {
	owners, err := tx.AWSAccounts()
	if err != nil {
		return err
	}
	for _, owner := range owners {
		keys, err := tx.AccessKeys(owner)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			continue
		}
		if err := fn(owner, keys); err != nil {
			return err
		}
	}
	return nil
}
