package inbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"syscall"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/server/store"
)

// A desk confirms no batch behind one of which it misses something, and destroys no
// secrets of weeks from there on. So an item that the disk has lost would hold up all
// desks until it expires, if nobody could give it up. A server can say of any item that it has
// expired: this is no other power.

// ErrWhole is returned for an item that the disk has not lost.
var ErrWhole = errors.New("the disk has this item as it came")

// Lost returns nil for an item that the disk has lost: something of it cannot be
// read, or is not what its batch lists. Else it returns [ErrWhole], [store.ErrGone]
// for one that is deleted, or [store.ErrUnknown] for one of which nobody knows.
func (b *Inbox) Lost(id receipt.ItemID) error {
	_, err := b.loss(id)
	return err
}

// GiveUp deletes what is left of an item that the disk has lost: its reporter is
// told, and the desks no longer wait for it. It returns what [Inbox.Lost] does.
func (b *Inbox) GiveUp(id receipt.ItemID) error {
	t, err := b.loss(id)
	if err != nil {
		return err
	}
	if err := b.Store.Delete(t); !errors.Is(err, store.ErrUnknown) {
		return err
	}
	return b.Store.Bury(t) // of its record nothing is left
}

// loss returns the tombstone for an item that the disk has lost. What every desk has
// is not lost to anybody.
func (b *Inbox) loss(id receipt.ItemID) (t store.Tombstone, err error) {
	t = store.Tombstone{ID: id, Week: b.week(), Reason: store.Lost}
	states, err := b.Store.States([]receipt.ItemID{id})
	switch {
	case err != nil:
		return t, err
	case states[0].Gone != nil:
		return t, fmt.Errorf("giving up an item: %w", store.ErrGone)
	case states[0].Item == nil:
		return t, b.listed(id)
	case states[0].Item.Batch == store.Retired:
		t.Reason = store.Expired
	}
	whole, err := b.isWhole(*states[0].Item)
	if whole {
		err = ErrWhole
	}
	if err != nil {
		return t, fmt.Errorf("giving up an item: %w", err)
	}
	return t, nil
}

// passing reports whether an error says nothing of what the disk has.
func passing(err error) bool {
	return slices.ContainsFunc([]error{fs.ErrPermission, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}, func(reason error) bool {
		return errors.Is(err, reason)
	})
}

// listed returns nil if a batch has an item of which the store knows nothing.
func (b *Inbox) listed(id receipt.ItemID) error {
	unknown := fmt.Errorf("giving up an item: %w", cmp.Or(b.Store.Sound(), store.ErrUnknown))
	batches, err := b.openBatches()
	if errors.Is(err, ErrNoBatch) {
		return unknown
	}
	if err != nil {
		return err
	}
	for _, closed := range batches {
		if slices.Contains(closed.IDs, id) {
			return nil
		}
	}
	return unknown
}

// isWhole reports whether all of an item can be read, and is what its batch lists. It
// returns the error of one that perhaps is, and may not be read or cannot be now: as its
// file belongs to root, who put it back, or the machine is short of something.
func (b *Inbox) isWhole(i store.Item) (bool, error) {
	now := batch.Sums{}
	if err := b.sumItem(now, i); err != nil {
		if errors.Is(err, store.ErrDamaged) && !passing(err) {
			err = nil
		}
		return false, err
	}
	if i.Batch == 0 || i.Batch == store.Retired {
		return true, nil
	}
	closed, err := b.Store.Batch(i.Batch)
	if err != nil || closed.Sums == nil { // it retired meanwhile
		return err == nil, err
	}
	listed, err := batch.ParseSums(string(closed.Sums))
	if err != nil {
		return false, fmt.Errorf("batch %d: %w", i.Batch, err)
	}
	for path, hash := range now {
		if listed[path] != hash {
			return false, nil
		}
	}
	return true, nil
}
