package boltstore

import (
	"errors"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// Delete implements [store.Store]. An item that has its tombstone, and not yet
// lost everything else, is deleted to its end.
func (s *Store) Delete(t store.Tombstone) error {
	s.deleting.Lock()
	defer s.deleting.Unlock()
	return s.withBallast(func() error { return s.deleteItem(t) })
}

func (s *Store) deleteItem(t store.Tombstone) error {
	var record itemRecord
	err := s.update("deleting item", func(tx *bbolt.Tx) (err error) {
		if record, err = readItem(tx, t.ID); err != nil {
			return err
		}
		if _, ok, err := readGone(tx, t.ID); ok || err != nil {
			return err
		}
		return tx.Bucket(bucketGone).Put(t.ID[:], encode(goneRecord{
			Reason: uint8(t.Reason), Week: newWeek(t.Week), Batch: record.Batch, Proof: t.Proof,
		}))
	})
	if errors.Is(err, store.ErrUnknown) && s.isGone(t.ID) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.finishDelete(t.ID, record)
}

func (s *Store) isGone(id receipt.ItemID) bool {
	states, err := s.States([]receipt.ItemID{id})
	return err == nil && states[0].Gone != nil
}

// finishDelete does what follows the tombstone. It may be repeated. The caller
// holds the lock of deletions, or nobody else has the store yet.
func (s *Store) finishDelete(id receipt.ItemID, record itemRecord) error {
	const doing = "deleting item"
	if err := s.sectors.destroy(record.Sector); err != nil {
		return fail(doing, err)
	}
	s.blur("keys.slots")
	err := s.update(doing, func(tx *bbolt.Tx) error {
		for _, bucket := range [][]byte{bucketItems, bucketSlots, bucketPayloads} {
			if err := tx.Bucket(bucket).Delete(id[:]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.sectors.release(record.Sector)
	if record.Size <= inlineMax() {
		return nil
	}
	return s.removePayload(id)
}

func (s *Store) removePayload(id receipt.ItemID) error {
	if err := os.Remove(s.payloadPath(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail("removing payload", err)
	}
	s.blur("payloads")
	return syncFolder(filepath.Join(s.dir, "payloads"))
}
