package boltstore

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"go.etcd.io/bbolt"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// inlineMax is the largest payload that is kept in the index: that of an item
// without attachment.
func inlineMax() int64 { return item.PayloadSize(item.Floor) }

// Create implements [store.Store].
func (s *Store) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	return s.create(i, slots, func(doing string, e newEntry) error {
		if i.Size <= inlineMax() {
			return s.createInline(doing, e, payload)
		}
		return s.createFile(doing, e, payload)
	})
}

// create seals the slots of an item, and has keep do the rest.
func (s *Store) create(i store.Item, slots [][]byte, keep func(doing string, e newEntry) error) error {
	const doing = "creating item"
	for _, slot := range slots {
		if len(slot) != len(slots[0]) {
			return errors.New(doing + ": slots of different sizes")
		}
	}
	if err := s.look(doing, func(tx *bbolt.Tx) error { return checkUnused(tx, i.ID) }); err != nil {
		return err
	}
	v, err := s.sealValue(packSlots(slots), i.ID[:], maxSectors)
	if err != nil {
		return fail(doing, err)
	}
	defer v.settled() // also when what makes the payload panics
	err = s.items.about([]receipt.ItemID{i.ID}, func() error {
		return keep(doing, newEntry{item: i, record: newItemRecord(i, v.sector), slots: v})
	})
	if err != nil {
		s.abandon(v)
	}
	return err
}

// newEntry is an item on its way into the index.
type newEntry struct {
	item    store.Item
	record  itemRecord
	slots   sealedValue
	payload []byte // nil if it is a file
}

// A sealedValue may go into the index once its key has settled on the disk.
type sealedValue struct {
	sector  uint32
	bytes   []byte
	settled func() error
}

// sealValue seals a value under a fresh key in a sector of its own, if fewer than room are
// in use.
func (s *Store) sealValue(value, name []byte, room int) (v sealedValue, err error) {
	sector, k, settled, err := s.sectors.put(room)
	s.blur("keys.slots")
	if err != nil {
		return v, err
	}
	v = sealedValue{sector: sector, settled: settled}
	if v.bytes, err = k.seal(value, name); err != nil {
		s.abandon(v)
	}
	return v, err
}

// abandon destroys a key that nothing in the index refers to. If that fails, or
// if the disk has failed and the index may refer to it all the same, the sector
// stays as it is and out of use until the next Open.
func (s *Store) abandon(v sealedValue) {
	if v.settled() == nil && s.sectors.destroy(v.sector) == nil {
		s.sectors.release(v.sector)
	}
	s.blur("keys.slots")
}

func checkUnused(tx *bbolt.Tx, id receipt.ItemID) error {
	if tx.Bucket(bucketGone).Get(id[:]) != nil {
		return store.ErrGone
	}
	if tx.Bucket(bucketItems).Get(id[:]) != nil {
		return store.ErrExists
	}
	return nil
}

func (s *Store) createInline(doing string, e newEntry, payload func(io.Writer) error) error {
	var buf bytes.Buffer
	buf.Grow(int(e.item.Size))
	if err := payload(&buf); err != nil {
		return fail(doing, err)
	}
	if int64(buf.Len()) != e.item.Size {
		return fail(doing, store.ErrSize)
	}
	e.payload = buf.Bytes()
	return s.index(doing, e)
}

// createFile keeps a large payload as a file. Renaming and indexing are one
// step under the lock: of two requests that bring the same id, the second must
// not put its file in place of the first's.
func (s *Store) createFile(doing string, e newEntry, payload func(io.Writer) error) error {
	part, err := s.writePart(e.item, payload)
	if err != nil {
		return fail(doing, err)
	}
	defer s.dropPart(part)
	s.files.Lock()
	defer s.files.Unlock()
	return s.placeAndIndex(doing, e, os.Rename, part)
}

// placeAndIndex makes a file that is whole and synced an item's payload. The lock
// of files is held.
func (s *Store) placeAndIndex(doing string, e newEntry, name func(from, to string) error, file string) error {
	defer s.blur("payloads") // also what was taken back tells when
	if err := s.look(doing, func(tx *bbolt.Tx) error { return checkUnused(tx, e.item.ID) }); err != nil {
		return err
	}
	if err := e.slots.settled(); err != nil {
		return fail(doing, err)
	}
	if err := s.place(name, file, e.item.ID); err != nil {
		return fail(doing, err)
	}
	err := s.index(doing, e)
	if err != nil && s.health.check() == nil {
		// With a failed disk the index may have it: the next Open will know.
		os.Remove(s.payloadPath(e.item.ID))
	}
	return err
}

// place gives a payload file its name for good, with os.Rename or os.Link.
func (s *Store) place(name func(from, to string) error, file string, id receipt.ItemID) error {
	if err := name(file, s.payloadPath(id)); err != nil {
		return err
	}
	// A failed sync of the folder is one for all files that came at this time.
	err := s.syncPayloads()
	if err != nil {
		os.Remove(s.payloadPath(id))
	}
	return err
}

// dropPart removes a file that came to nothing, unless it was renamed.
func (s *Store) dropPart(part string) {
	if os.Remove(part) == nil {
		s.blur("payloads")
	}
}

// writePart writes a payload to a file of its own and syncs it. On an error the
// file is removed.
func (s *Store) writePart(i store.Item, payload func(io.Writer) error) (name string, err error) {
	suffix := make([]byte, 8)
	rand.Read(suffix)
	part := s.payloadPath(i.ID) + "." + hex.EncodeToString(suffix) + partSuffix
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return "", err
	}
	s.blur("payloads") // a file may be on its way in for long
	defer func() {
		if err != nil {
			f.Close()
			s.dropPart(part)
		}
	}()
	w := &wholeWriter{w: f}
	if err := payload(w); err != nil {
		return "", err
	}
	if err := w.flush(); err != nil {
		return "", err
	}
	if w.written != i.Size {
		return "", store.ErrSize
	}
	monday := week.Of(s.now()).Monday()
	_ = os.Chtimes(part, monday, monday)
	if err := s.syncPart(f); err != nil {
		return "", err
	}
	return part, f.Close()
}

// syncPart syncs a file that nothing depends on yet: that there was no room for
// it says nothing of any other.
func (s *Store) syncPart(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return store.ErrFull
	}
	return s.health.syncing(err)
}

const partSuffix = ".part"

func (s *Store) payloadPath(id receipt.ItemID) string {
	return filepath.Join(s.dir, "payloads", id.String()+".age")
}

// wholeWriter gathers small writes to pieces of 1 MiB: age writes its chunks of
// 64 KiB one by one.
type wholeWriter struct {
	w       io.Writer
	buf     []byte
	written int64
}

func (w *wholeWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	if len(w.buf) >= 1<<20 {
		return len(p), w.flush()
	}
	return len(p), nil
}

func (w *wholeWriter) flush() error {
	n, err := w.w.Write(w.buf)
	w.written += int64(n)
	w.buf = w.buf[:0]
	return err
}

// index makes an entry final, unless the id is in use by now.
func (s *Store) index(doing string, e newEntry) error {
	if err := e.slots.settled(); err != nil {
		return fail(doing, err)
	}
	return s.update(doing, func(tx *bbolt.Tx) error {
		if err := checkUnused(tx, e.item.ID); err != nil {
			return err
		}
		id := e.item.ID[:]
		if err := tx.Bucket(bucketItems).Put(id, encode(e.record)); err != nil {
			return err
		}
		if err := tx.Bucket(bucketSlots).Put(id, e.slots.bytes); err != nil {
			return err
		}
		if e.payload == nil {
			return nil
		}
		return tx.Bucket(bucketPayloads).Put(id, e.payload)
	})
}

// States implements [store.Store].
func (s *Store) States(ids []receipt.ItemID) ([]store.State, error) {
	const doing = "reading states"
	states, snapshot, err := s.states(doing, ids)
	if err == nil {
		err = s.items.believe(doing, snapshot, ids...)
	}
	return states, err
}

// states returns what can be seen, and in which snapshot.
func (s *Store) states(doing string, ids []receipt.ItemID) (states []store.State, snapshot int64, err error) {
	states = make([]store.State, len(ids))
	err = s.view(doing, func(tx *bbolt.Tx) error {
		snapshot = int64(tx.ID())
		tombstones, items := tx.Bucket(bucketGone), tx.Bucket(bucketItems)
		for i, id := range ids {
			gone, ok, err := goneIn(tombstones, id)
			if err != nil {
				return err
			}
			if ok {
				states[i].Gone = gone.tombstone(id)
				continue
			}
			record, err := itemIn(items, id)
			if errors.Is(err, store.ErrUnknown) {
				continue
			}
			if err != nil {
				return err
			}
			states[i].Item = record.item(id)
		}
		return nil
	})
	return states, snapshot, err
}

// Slots implements [store.Store].
func (s *Store) Slots(id receipt.ItemID) ([][]byte, error) {
	var sealed []byte
	var sector uint32
	err := s.view("reading slots", func(tx *bbolt.Tx) error {
		record, err := readItem(tx, id)
		if err != nil {
			return err
		}
		sector, sealed = record.Sector, slices.Clone(tx.Bucket(bucketSlots).Get(id[:]))
		return nil
	})
	if err != nil {
		return nil, err
	}
	packed, err := s.openValue(sector, sealed, id[:])
	if err != nil { // another key, or a sector that cannot be read
		return nil, fmt.Errorf("reading slots: %w", s.lost(id))
	}
	return unpackSlots(packed)
}

// lost tells why something of an item is not there: it is being deleted, or it
// is damaged.
func (s *Store) lost(id receipt.ItemID) error {
	if s.isGone(id) {
		return store.ErrUnknown
	}
	return store.ErrDamaged
}

func (s *Store) openValue(sector uint32, sealed, name []byte) ([]byte, error) {
	k, err := s.sectors.get(sector)
	if err != nil {
		return nil, err
	}
	return k.open(sealed, name)
}

// Payload implements [store.Store].
func (s *Store) Payload(id receipt.ItemID) (io.ReadCloser, error) {
	var inline []byte
	var size int64
	err := s.view("reading payload", func(tx *bbolt.Tx) error {
		record, err := readItem(tx, id)
		size, inline = record.Size, slices.Clone(tx.Bucket(bucketPayloads).Get(id[:]))
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case size > inlineMax():
		return s.openPayload(id, size)
	case int64(len(inline)) != size:
		return nil, fmt.Errorf("reading payload: %w", s.lost(id))
	default:
		return io.NopCloser(bytes.NewReader(inline)), nil
	}
}

// openPayload opens a payload that is a file.
func (s *Store) openPayload(id receipt.ItemID, size int64) (io.ReadCloser, error) {
	f, err := os.Open(s.payloadPath(id))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading payload: %w", s.lost(id))
	}
	if err != nil { // it is there
		return nil, fmt.Errorf("reading payload: %w: %w", s.lost(id), withoutPath(err))
	}
	info, err := f.Stat()
	if err != nil || info.Size() != size {
		f.Close()
		return nil, fmt.Errorf("reading payload: %w", store.ErrDamaged)
	}
	return f, nil
}
