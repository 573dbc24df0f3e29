package boltstore

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// recover learns which sectors are in use and sweeps what a crash left behind.
func (s *Store) recover() error {
	const doing = "recovering store"
	var used []uint32
	dying := map[receipt.ItemID]itemRecord{}
	files := map[string]bool{}
	err := s.view(doing, func(tx *bbolt.Tx) error {
		return eachItem(tx, func(id receipt.ItemID, r itemRecord) error {
			used = append(used, r.Sector)
			if tx.Bucket(bucketGone).Get(id[:]) != nil {
				dying[id] = r
			} else if r.Size > inlineMax() {
				files[filepath.Base(s.payloadPath(id))] = true
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	stored, err := s.allReplies()
	if err != nil {
		return err
	}
	for _, r := range stored {
		used = append(used, r.head.Sector)
	}
	if err := s.sectors.claim(used); err != nil {
		return fail(doing, err)
	}
	for id, record := range dying {
		err := s.finishDelete(id, record)
		if err != nil && !errors.Is(err, store.ErrFull) {
			return err
		}
		// On a full disk it waits for the next start, or for its reporter to ask
		// again: the rest of the store is of use meanwhile.
	}
	if err := s.sweepReplies(stored); err != nil {
		return err
	}
	return s.sweepFiles(files)
}

func (s *Store) allReplies() ([]storedReply, error) {
	var stored []storedReply
	err := s.view("listing replies", func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketReplies).ForEach(func(k, v []byte) error {
			r, err := parseReply(k, v)
			if err != nil || len(k) != len(receipt.Mailbox{})+8 {
				return errRecord
			}
			stored = append(stored, r)
			return nil
		})
	})
	return stored, err
}

// sweepReplies removes replies whose key was destroyed and whose entry the
// crash left.
func (s *Store) sweepReplies(stored []storedReply) error {
	var dead []storedReply
	for _, r := range stored {
		m := receipt.Mailbox(r.key[:len(receipt.Mailbox{})])
		_, err := s.openValue(r.head.Sector, r.sealed, replyName(m, r.head.Hash))
		if errors.Is(err, errDestroyed) {
			dead = append(dead, r)
		} else if err != nil {
			return fail("sweeping replies", err)
		}
	}
	return s.deleteReplies("sweeping replies", dead)
}

// sweepFiles removes payload files that no record refers to: uploads that broke
// off, and files of deleted items. A file of another name is left alone.
func (s *Store) sweepFiles(wanted map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "payloads"))
	if err != nil {
		return fail("sweeping payloads", err)
	}
	for _, e := range entries {
		if wanted[e.Name()] || !ourFile(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, "payloads", e.Name())); err != nil {
			return fail("sweeping payloads", err)
		}
	}
	return syncFolder(filepath.Join(s.dir, "payloads"))
}

// ourFile reports whether a payload file of this name was made by this package.
func ourFile(name string) bool {
	id, rest, ok := strings.Cut(name, ".age")
	_, err := receipt.ParseItemID(id)
	return ok && err == nil && (rest == "" || strings.HasPrefix(rest, ".") && strings.HasSuffix(rest, partSuffix))
}

// Usage implements [store.Store].
func (s *Store) Usage() (u store.Usage, err error) {
	err = s.view("counting", func(tx *bbolt.Tx) error {
		u.Gone = tx.Bucket(bucketGone).Stats().KeyN
		u.Replies = tx.Bucket(bucketReplies).Stats().KeyN
		return eachItem(tx, func(_ receipt.ItemID, r itemRecord) error {
			u.Items++
			u.Payloads += r.Size
			if r.Batch == 0 {
				u.Waiting++
			}
			return nil
		})
	})
	return u, err
}

// Check implements [store.Store].
func (s *Store) Check() (wrong []string, err error) {
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	items := map[receipt.ItemID]itemRecord{}
	sectors := map[uint32]int{}
	err = s.view("checking store", func(tx *bbolt.Tx) error {
		for problem := range tx.Check() {
			report("index: %v", problem)
		}
		return eachItem(tx, func(id receipt.ItemID, r itemRecord) error {
			items[id] = r
			sectors[r.Sector]++
			if tx.Bucket(bucketGone).Get(id[:]) != nil {
				report("item %s: has a tombstone and a record", id)
			}
			if r.Batch != 0 && r.Batch != store.Retired && tx.Bucket(bucketIDs).Get(sequenceKey(r.Batch)) == nil {
				report("item %s: in batch %d, which does not exist", id, r.Batch)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for id, r := range items {
		s.checkItem(id, r, report)
	}
	s.checkReplies(sectors, report)
	for n, users := range sectors {
		if users > 1 {
			report("key sector %d: %d entries use it", n, users)
		}
	}
	s.checkBatches(report)
	s.checkFiles(items, report)
	return wrong, nil
}

func (s *Store) checkItem(id receipt.ItemID, r itemRecord, report func(string, ...any)) {
	if _, err := s.Slots(id); err != nil {
		report("item %s: slots do not open: %v", id, err)
	}
	payload, err := s.Payload(id)
	if err != nil {
		report("item %s: no payload: %v", id, err)
		return
	}
	defer payload.Close()
	if n, err := io.Copy(io.Discard, payload); err != nil || n != r.Size {
		report("item %s: payload has %d bytes, want %d: %v", id, n, r.Size, err)
	}
}

func (s *Store) checkReplies(sectors map[uint32]int, report func(string, ...any)) {
	stored, err := s.allReplies()
	if err != nil {
		report("replies: %v", err)
	}
	for _, r := range stored {
		sectors[r.head.Sector]++
		m := receipt.Mailbox(r.key[:len(receipt.Mailbox{})])
		if _, err := s.openValue(r.head.Sector, r.sealed, replyName(m, r.head.Hash)); err != nil {
			report("a reply does not open: %v", err)
		}
	}
}

// checkBatches holds that batches are numbered without a gap.
func (s *Store) checkBatches(report func(string, ...any)) {
	newest, err := s.Batch(0)
	if errors.Is(err, store.ErrUnknown) {
		return
	}
	for n := uint64(1); err == nil && n < newest.Sequence; n++ {
		_, err = s.Batch(n)
	}
	if err != nil {
		report("batches: %v", err)
	}
}

// checkFiles names files in the folder that do not belong there.
func (s *Store) checkFiles(items map[receipt.ItemID]itemRecord, report func(string, ...any)) {
	known := map[string]bool{"FORMAT": true, "index.db": true, "keys.slots": true, "payloads": true}
	for _, name := range s.list(".", report) {
		if !known[name] {
			report("foreign file %q", name)
		}
	}
	for _, name := range s.list("payloads", report) {
		if ourFile(name) && strings.HasSuffix(name, partSuffix) {
			continue // an upload under way: those of a crash were swept at Open
		}
		id, err := receipt.ParseItemID(strings.TrimSuffix(name, ".age"))
		r, ok := items[id]
		if err != nil || !ok || r.Size <= inlineMax() {
			report("foreign file %q in payloads", name)
		}
	}
}

func (s *Store) list(dir string, report func(string, ...any)) (names []string) {
	entries, err := os.ReadDir(filepath.Join(s.dir, dir))
	if err != nil {
		report("listing %q: %v", dir, err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
