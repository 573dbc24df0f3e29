package inbox

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// week returns the week that is written down now.
func (b *Inbox) week() week.Week { return b.weekAt(b.Now()) }

func (b *Inbox) weekAt(now time.Time) week.Week { return week.Of(b.believed(now)) }

// believed returns what is made of a clock. It is believed only as far as the newest
// roster reaches: one that jumped years ahead must not expire everything, nor one
// that fell back make new things look old.
func (b *Inbox) believed(now time.Time) time.Time {
	newest := b.Newest()
	if now.After(newest.Until) {
		now = newest.Until
	}
	if now.Before(newest.From) {
		now = newest.From
	}
	return now
}

// until returns the last week that an item is on the server, as far as is known
// now: once every desk has it, that may become sooner.
func until(i store.Item) week.Week {
	last := i.Week.Add(KeepAtMost)
	if i.Spread != (week.Week{}) {
		if spread := i.Spread.Add(KeepSpread); spread.Before(last) {
			return spread
		}
	}
	return last
}

// Swept says what a sweep deleted.
type Swept struct{ Items, Replies int }

// Expire deletes what has been kept for its time: items [KeepSpread] weeks after
// the week in which every desk had them, anything [KeepAtMost] weeks after the
// week in which it came. It may be repeated, and goes on where it was broken off. What
// cannot be deleted keeps nothing else from being.
func (b *Inbox) Expire() (Swept, error) {
	now := b.week()
	ids, err := b.Store.Aged(now.Add(-KeepSpread-1), now.Add(-KeepAtMost-1))
	errs := []error{err}
	var done Swept
	for some := range slices.Chunk(ids, expireTogether) {
		n, err := b.expireItems(some, now)
		done.Items, errs = done.Items+n, append(errs, err)
	}
	done.Replies, err = b.Store.ExpireReplies(now.Add(-KeepAtMost - 1))
	return done, errors.Join(append(errs, err)...)
}

// expireItems deletes some items, one by one where one of them is damaged.
func (b *Inbox) expireItems(ids []receipt.ItemID, now week.Week) (n int, err error) {
	tombstones := make([]store.Tombstone, len(ids))
	for i, id := range ids {
		tombstones[i] = store.Tombstone{ID: id, Week: now, Reason: store.Expired}
	}
	err = b.Store.Delete(tombstones...)
	switch {
	case err == nil:
		return len(ids), nil
	case !errors.Is(err, store.ErrDamaged) || len(ids) == 1:
		return 0, fmt.Errorf("expiring items: %w", err)
	}
	err = nil
	for i := range ids {
		m, failed := b.expireItems(ids[i:i+1], now)
		n, err = n+m, cmp.Or(err, failed)
	}
	return n, err
}
