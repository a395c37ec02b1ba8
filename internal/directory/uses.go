package directory

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/carillon-project/carillon/internal/store"
)

// The last use of each access key is known to the day, so that hardly any request has something to
// write, and none waits for it: requests note the day in memory, and one goroutine writes it.

const (
	usesPause = time.Second     // before a write: keys that come into use together share a transaction
	usesRetry = time.Minute     // before another write after one that failed
	usesLimit = 5 * time.Second // for a write: the service stops after the last one
)

// uses are the days that the store does not have yet.
type uses struct {
	mu    sync.Mutex
	days  map[string]time.Time // by the id of the key
	noted chan struct{}        // tells KeepUses that there are some; buffered, since one word of it is enough
}

// Used notes that a request was signed with a key, given as AccessKey has returned it. The note is
// in memory until [Keys.KeepUses] writes it: a process that is killed forgets those of the last
// second.
func (k *Keys) Used(key Key) {
	day := k.options.Clock().UTC().Truncate(24 * time.Hour)
	if !key.LastUsed.Before(day) {
		return // as nearly always
	}
	k.uses.mu.Lock()
	defer k.uses.mu.Unlock()
	if k.uses.days[key.ID].Before(day) {
		k.uses.days[key.ID] = day
		k.uses.wake()
	}
}

func (u *uses) wake() {
	select {
	case u.noted <- struct{}{}:
	default:
	}
}

// now returns the days that are noted now.
func (u *uses) now() map[string]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return maps.Clone(u.days)
}

// Forget drops what Used has noted: another state has been put in place of the data. It may be
// called while the store waits.
func (k *Keys) Forget() {
	k.uses.mu.Lock()
	defer k.uses.mu.Unlock()
	clear(k.uses.days)
}

// KeepUses writes to the store what Used has noted, until the context ends, and then what is left.
// A write that fails is done again a minute later; failed gets the error of the first of several
// that fail in a row. No audit record tells of it.
func (k *Keys) KeepUses(ctx context.Context, failed func(error)) {
	pause := usesPause
	for ended := false; !ended; {
		select {
		case <-k.uses.noted:
		case <-ctx.Done():
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		ended = ctx.Err() != nil // before the write, so that the last one has all
		err := k.saveUses(context.WithoutCancel(ctx))
		if err != nil && pause == usesPause {
			failed(err)
		}
		pause = usesPause
		if err != nil {
			pause = usesRetry
			k.uses.wake()
		}
	}
}

// saveUses writes all that is noted now, in one transaction.
func (k *Keys) saveUses(ctx context.Context) error {
	if len(k.uses.now()) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, usesLimit)
	defer cancel()
	var days map[string]time.Time
	err := k.store.Update(ctx, func(tx store.Tx) error {
		days = k.uses.now() // not earlier: see Forget
		for id, day := range days {
			if err := tx.UseAccessKey(id, day); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	k.uses.mu.Lock()
	defer k.uses.mu.Unlock()
	maps.DeleteFunc(k.uses.days, func(id string, day time.Time) bool { return day.Equal(days[id]) })
	return nil
}
