package boltstore

import (
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// Waiting implements [store.Store].
func (s *Store) Waiting() ([]store.Item, error) {
	var items []store.Item
	err := s.view("listing items", func(tx *bbolt.Tx) error {
		gone := tx.Bucket(bucketGone)
		eachReadable(tx, func(id receipt.ItemID, r itemRecord) {
			if r.Batch == 0 && gone.Get(id[:]) == nil {
				items = append(items, *r.item(id))
			}
		})
		return nil
	})
	return items, err
}

// eachItem visits every item's record.
func eachItem(tx *bbolt.Tx, visit func(receipt.ItemID, itemRecord) error) error {
	return tx.Bucket(bucketItems).ForEach(func(k, v []byte) error {
		id, record, err := parseEntry(k, v)
		if err != nil {
			return err
		}
		return visit(id, record)
	})
}

// Aged implements [store.Store].
func (s *Store) Aged(spread, accepted week.Week) (ids []receipt.ItemID, err error) {
	err = s.view("listing items", func(tx *bbolt.Tx) error {
		damaged := 0
		err := tx.Bucket(bucketItems).ForEach(func(k, v []byte) error {
			id, r, err := parseEntry(k, v)
			old := r.Spread != weekRecord{} && !spread.Before(r.Spread.week())
			switch {
			case err != nil:
				damaged++
			case old || !accepted.Before(r.Week.week()):
				ids = append(ids, id)
			}
			return nil
		})
		return errors.Join(err, unreadable(damaged, "items"))
	})
	return ids, err
}

// eachReadable visits every item's record but for damaged ones, and returns the keys of
// those.
func eachReadable(tx *bbolt.Tx, visit func(receipt.ItemID, itemRecord)) (damaged [][]byte) {
	c := tx.Bucket(bucketItems).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if id, record, err := parseEntry(k, v); err == nil {
			visit(id, record)
		} else {
			damaged = append(damaged, slices.Clone(k))
		}
	}
	return damaged
}

// CloseBatch implements [store.Store].
func (s *Store) CloseBatch(b store.Batch, slot int64) error {
	return s.update("closing batch", func(tx *bbolt.Tx) error {
		newest, err := newestBatch(tx)
		if err != nil {
			return err
		}
		if b.Sequence != newest+1 {
			return fmt.Errorf("batch %d after batch %d", b.Sequence, newest)
		}
		var ids []byte
		for _, id := range b.IDs {
			ids = append(ids, id[:]...)
			if err := setBatch(tx, id, b.Sequence, week.Week{}); err != nil {
				return err
			}
		}
		k := sequenceKey(b.Sequence)
		return errors.Join(
			tx.Bucket(bucketBatches).Put(k, b.Note),
			tx.Bucket(bucketSums).Put(k, b.Sums),
			tx.Bucket(bucketIDs).Put(k, ids),
			tx.Bucket(bucketMeta).Put([]byte("slot"), sequenceKey(uint64(slot))),
		)
	})
}

// setBatch changes the batch of an item, and since when it is spread, or of its
// tombstone, whichever exists.
func setBatch(tx *bbolt.Tx, id receipt.ItemID, sequence uint64, spread week.Week) error {
	gone, ok, err := readGone(tx, id)
	if err != nil {
		return err
	}
	if ok {
		gone.Batch = sequence
		if err := tx.Bucket(bucketGone).Put(id[:], encode(gone)); err != nil {
			return err
		}
	}
	record, err := readItem(tx, id)
	if errors.Is(err, store.ErrUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	record.Batch, record.Spread = sequence, newWeek(spread)
	return tx.Bucket(bucketItems).Put(id[:], encode(record))
}

func newestBatch(tx *bbolt.Tx) (uint64, error) {
	k, _ := tx.Bucket(bucketBatches).Cursor().Last()
	if k == nil {
		return 0, nil
	}
	return parseSequence(k)
}

// Batch implements [store.Store].
func (s *Store) Batch(sequence uint64) (store.Batch, error) {
	b := store.Batch{Sequence: sequence}
	// A batch that leaves the server must not be made once more, otherwise.
	if err := s.commits.settled(); err != nil {
		return b, fail("reading batch", err)
	}
	err := s.view("reading batch", func(tx *bbolt.Tx) error {
		var err error
		if b.Sequence == 0 {
			b.Sequence, err = newestBatch(tx)
		}
		if err != nil {
			return err
		}
		k := sequenceKey(b.Sequence)
		if b.Note = slices.Clone(tx.Bucket(bucketBatches).Get(k)); b.Note == nil {
			return store.ErrUnknown
		}
		b.Sums = slices.Clone(tx.Bucket(bucketSums).Get(k))
		b.IDs, err = splitIDs(tx.Bucket(bucketIDs).Get(k))
		return err
	})
	return b, err
}

func splitIDs(b []byte) ([]receipt.ItemID, error) {
	const size = len(receipt.ItemID{})
	if len(b)%size != 0 {
		return nil, errRecord
	}
	var ids []receipt.ItemID
	for chunk := range slices.Chunk(b, size) {
		ids = append(ids, receipt.ItemID(chunk))
	}
	return ids, nil
}

// LastSlot implements [store.Store].
func (s *Store) LastSlot() (slot int64, err error) {
	err = s.view("reading schedule", func(tx *bbolt.Tx) error {
		// One that is damaged counts as none: the next start writes it anew.
		if n, err := parseSequence(tx.Bucket(bucketMeta).Get([]byte("slot"))); err == nil {
			slot = int64(n)
		}
		return nil
	})
	return slot, err
}

// Schedule implements [store.Store].
func (s *Store) Schedule(slot int64) error {
	return s.update("scheduling", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put([]byte("slot"), sequenceKey(uint64(slot)))
	})
}

// Retire implements [store.Store].
func (s *Store) Retire(sequence uint64, w week.Week) error {
	return s.update("retiring batch", func(tx *bbolt.Tx) error {
		k := sequenceKey(sequence)
		if tx.Bucket(bucketBatches).Get(k) == nil {
			return store.ErrUnknown
		}
		ids, err := splitIDs(tx.Bucket(bucketIDs).Get(k))
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := setBatch(tx, id, store.Retired, w); err != nil {
				return err
			}
		}
		return errors.Join(tx.Bucket(bucketIDs).Delete(k), tx.Bucket(bucketSums).Delete(k))
	})
}

// Acknowledge implements [store.Store].
func (s *Store) Acknowledge(reviewer string, sequence uint64) error {
	return s.update("acknowledging batch", func(tx *bbolt.Tx) error {
		bucket := tx.Bucket(bucketAcks)
		// One that is damaged is written anew.
		if n, err := parseSequence(bucket.Get([]byte(reviewer))); err == nil && n >= sequence {
			return nil
		}
		return bucket.Put([]byte(reviewer), sequenceKey(sequence))
	})
}

// Acknowledged implements [store.Store].
func (s *Store) Acknowledged() (map[string]uint64, error) {
	acks, _, err := s.acks()
	return acks, err
}

// acks returns what each reviewer has confirmed, and whose record is damaged: it counts as
// none, and the next one from that reviewer writes it anew.
func (s *Store) acks() (acks map[string]uint64, damaged []string, err error) {
	acks = map[string]uint64{}
	err = s.view("reading acknowledgements", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketAcks).ForEach(func(k, v []byte) error {
			if n, err := parseSequence(v); err == nil {
				acks[string(k)] = n
			} else {
				damaged = append(damaged, string(k))
			}
			return nil
		})
	})
	return acks, damaged, err
}

// AddRoster implements [store.Store].
func (s *Store) AddRoster(sequence uint64, note []byte, files map[roster.Hash]string) error {
	return s.update("adding roster", func(tx *bbolt.Tx) error {
		for hash, text := range files {
			if err := tx.Bucket(bucketFiles).Put(hash[:], []byte(text)); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketRosters).Put(sequenceKey(sequence), note)
	})
}

// Rosters implements [store.Store].
func (s *Store) Rosters() (notes [][]byte, files map[roster.Hash]string, err error) {
	files = map[roster.Hash]string{}
	err = s.view("reading rosters", func(tx *bbolt.Tx) error {
		err := tx.Bucket(bucketRosters).ForEach(func(_, note []byte) error {
			notes = append(notes, slices.Clone(note))
			return nil
		})
		if err != nil {
			return err
		}
		return tx.Bucket(bucketFiles).ForEach(func(hash, text []byte) error {
			if len(hash) != len(roster.Hash{}) {
				return errRecord
			}
			files[roster.Hash(hash)] = string(text)
			return nil
		})
	})
	return notes, files, err
}
