package inbox

import (
	"fmt"

	"saksi/crypto/week"
	"saksi/server/store"
)

// until returns the last week that an item is on the server.
func until(i store.Item) week.Week {
	last := i.Week.Add(KeepAtMost)
	if i.Carried != (week.Week{}) {
		if carried := i.Carried.Add(KeepCarried); carried.Before(last) {
			return carried
		}
	}
	return last
}

// Swept says what a sweep deleted.
type Swept struct{ Items, Replies int }

// Expire deletes what has been kept for its time: items [KeepCarried] weeks
// after the week in which a desk first had them, anything [KeepAtMost] weeks
// after the week in which it came. It may be repeated, and goes on where it was
// broken off.
func (b *Inbox) Expire() (Swept, error) {
	now := week.Of(b.Now())
	ids, err := b.Store.Aged(now.Add(-KeepCarried-1), now.Add(-KeepAtMost-1))
	if err != nil {
		return Swept{}, err
	}
	var done Swept
	for _, id := range ids {
		if err := b.Store.Delete(store.Tombstone{ID: id, Week: now, Reason: store.Expired}); err != nil {
			return done, fmt.Errorf("expiring items: %w", err)
		}
		done.Items++
	}
	done.Replies, err = b.Store.ExpireReplies(now.Add(-KeepAtMost - 1))
	return done, err
}
