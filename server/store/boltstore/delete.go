package boltstore

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// Delete implements [store.Store]. An item that has its tombstone, and not yet
// lost everything else, is deleted to its end.
func (s *Store) Delete(tombstones ...store.Tombstone) error {
	s.deleting.Lock()
	defer s.deleting.Unlock()
	ids := make([]receipt.ItemID, len(tombstones))
	for i, t := range tombstones {
		ids[i] = t.ID
	}
	return s.items.about(ids, func() error {
		return s.withBallast(func() error { return s.deleteItems(tombstones) })
	})
}

func (s *Store) deleteItems(tombstones []store.Tombstone) error {
	var dying map[receipt.ItemID]itemRecord
	err := s.update("deleting item", func(tx *bbolt.Tx) error {
		dying = map[receipt.ItemID]itemRecord{}
		for _, t := range tombstones {
			record, err := bury(tx, t)
			if err != nil {
				return err
			}
			if record != nil {
				dying[t.ID] = *record
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.finishDelete(dying)
}

// bury writes a tombstone, and returns the record of what lies under it; nil if
// there is nothing any more.
func bury(tx *bbolt.Tx, t store.Tombstone) (*itemRecord, error) {
	_, gone, err := readGone(tx, t.ID)
	if err != nil {
		return nil, err
	}
	record, err := readItem(tx, t.ID)
	switch {
	case gone && errors.Is(err, store.ErrUnknown):
		return nil, nil
	case gone || err != nil:
		return &record, err
	}
	t.Batch = record.Batch
	return &record, putGone(tx, t)
}

func putGone(tx *bbolt.Tx, t store.Tombstone) error {
	return tx.Bucket(bucketGone).Put(t.ID[:], encode(goneRecord{
		Reason: uint8(t.Reason), Week: newWeek(t.Week), Batch: t.Batch, Proof: t.Proof,
	}))
}

// Bury implements [store.Store].
func (s *Store) Bury(t store.Tombstone) error {
	bury := func(tx *bbolt.Tx) error {
		err := checkUnused(tx, t.ID)
		if errors.Is(err, store.ErrGone) {
			return nil
		}
		if err != nil {
			return err
		}
		return putGone(tx, t)
	}
	return s.items.about([]receipt.ItemID{t.ID}, func() error {
		return s.withBallast(func() error { return s.update("burying item", bury) })
	})
}

func (s *Store) isGone(id receipt.ItemID) bool {
	states, _, err := s.states("looking for item", []receipt.ItemID{id})
	return err == nil && states[0].Gone != nil
}

// finishDelete does what follows the tombstones. It may be repeated. The caller
// holds the lock of deletions, or nobody else has the store yet.
func (s *Store) finishDelete(dying map[receipt.ItemID]itemRecord) error {
	const doing = "deleting item"
	if len(dying) == 0 {
		return nil
	}
	var numbers []uint32
	for _, record := range dying {
		numbers = append(numbers, record.Sector)
	}
	err := s.sectors.destroy(numbers...)
	s.blur("keys.slots")
	if err != nil {
		return fail(doing, err)
	}
	err = s.update(doing, func(tx *bbolt.Tx) error {
		for id := range dying {
			for _, bucket := range [][]byte{bucketItems, bucketSlots, bucketPayloads} {
				if err := tx.Bucket(bucket).Delete(id[:]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.sectors.release(numbers...)
	return s.removePayloads(dying)
}

// removePayloads removes those payloads that are files. No record refers to one that
// stays: until the next start sweeps it, Check names it.
func (s *Store) removePayloads(gone map[receipt.ItemID]itemRecord) error {
	var why error // of the first that stays: many have the same reason
	files, stay := 0, 0
	for id, record := range gone {
		if record.Size <= inlineMax() {
			continue
		}
		files++
		if err := os.Remove(s.payloadPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
			why = cmp.Or(why, err)
			stay++
		}
	}
	if files == 0 {
		return nil
	}
	if stay > 0 {
		why = fail(fmt.Sprintf("removing payloads, of which %d stay", stay), why)
	}
	return errors.Join(why, s.syncPayloads())
}
