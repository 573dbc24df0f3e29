package boltstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// Usage implements [store.Store].
func (s *Store) Usage() (u store.Usage, err error) {
	err = s.view("counting", func(tx *bbolt.Tx) error {
		u.Gone = tx.Bucket(bucketGone).Stats().KeyN
		u.Replies = tx.Bucket(bucketReplies).Stats().KeyN
		damaged := eachReadable(tx, func(_ receipt.ItemID, r itemRecord) {
			u.Items++
			u.Payloads += r.Size
			if r.Batch == 0 {
				u.Waiting++
			}
		})
		u.Damaged = len(damaged)
		return nil
	})
	u.Failed = s.health.check() != nil
	return u, err
}

// Check implements [store.Store]. It may run while others use the store: what is
// being deleted meanwhile is no fault.
func (s *Store) Check() (wrong []string, err error) {
	report := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if err := s.checkIndexPages(report); err != nil {
		return append(wrong, fmt.Sprintf("index: %v", err)), nil // nothing else can be read
	}
	items, heads, err := s.census(report)
	if err != nil {
		return nil, err
	}
	for id, r := range items {
		s.checkItem(id, r, report)
	}
	for _, r := range heads {
		s.checkReply(r, report)
	}
	s.checkBatches(report)
	s.checkAcks(report)
	s.checkCanaries(report)
	s.checkFiles(report)
	return wrong, nil
}

// checkIndexPages holds the index's pages to their bounds, and then against each
// other. Writers wait meanwhile: bbolt's own check looks at the live list of free pages.
func (s *Store) checkIndexPages(report func(string, ...any)) error {
	if s.health.crashed.Load() {
		return store.ErrFailed
	}
	return guarded(func() error {
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer tx.Rollback() // nothing was written
		f, err := os.Open(s.db.Path())
		if err != nil {
			return err
		}
		defer f.Close()
		if err := checkPages(f, nil); err != nil {
			return err
		}
		const most = 100 // to be read by anybody
		n := 0
		for problem := range tx.Check() {
			if n++; n <= most {
				report("index: %.200v", problem)
			}
		}
		return nil
	})
}

// census lists items and replies as they are between two deletions, and holds
// their records against each other.
func (s *Store) census(report func(string, ...any)) (map[receipt.ItemID]itemRecord, []storedReply, error) {
	s.deleting.Lock()
	defer s.deleting.Unlock()
	items, users := map[receipt.ItemID]itemRecord{}, map[uint32]int{}
	err := s.view("checking store", func(tx *bbolt.Tx) error {
		damaged := eachReadable(tx, func(id receipt.ItemID, r itemRecord) {
			items[id] = r
			users[r.Sector]++
			if tx.Bucket(bucketGone).Get(id[:]) != nil {
				report("item %s: has a tombstone and a record", id)
			}
			if r.Batch != 0 && r.Batch != store.Retired && tx.Bucket(bucketIDs).Get(sequenceKey(r.Batch)) == nil {
				report("item %s: in batch %d, which does not exist", id, r.Batch)
			}
		})
		for _, key := range damaged {
			report("the record of item %.100q is damaged", hex.EncodeToString(key))
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	heads, _, damaged, err := s.someHeads(nil, math.MaxInt, func(r storedReply) bool {
		users[r.head.Sector]++
		if r.head.Dying != 0 {
			report("a reply's deletion has not come to its end")
		}
		return r.head.Dying == 0
	})
	if damaged > 0 {
		report("the records of replies that are damaged: %d", damaged)
	}
	for n, users := range users {
		if users > 1 {
			report("key sector %d: %d entries use it", n, users)
		}
	}
	return items, heads, err
}

func (s *Store) checkItem(id receipt.ItemID, r itemRecord, report func(string, ...any)) {
	if _, err := s.Slots(id); err != nil && !s.isGone(id) {
		report("item %s: slots do not open: %v", id, err)
	}
	payload, err := s.Payload(id)
	if err != nil {
		if !s.isGone(id) {
			report("item %s: no payload: %v", id, err)
		}
		return
	}
	defer payload.Close()
	if n, err := io.Copy(io.Discard, payload); err != nil || n != r.Size {
		report("item %s: payload has %d bytes, want %d: %v", id, n, r.Size, err)
	}
}

func (s *Store) checkReply(r storedReply, report func(string, ...any)) {
	err := s.view("checking reply", func(tx *bbolt.Tx) error {
		r.sealed = slices.Clone(tx.Bucket(bucketAnswers).Get(r.key))
		return nil
	})
	if err == nil {
		_, err = s.openReply(r)
	}
	if err != nil && s.stands(r) {
		report("a reply does not open: %v", err)
	}
}

// stands reports whether a reply is there and nobody has begun to delete it.
func (s *Store) stands(r storedReply) (there bool) {
	err := s.view("checking reply", func(tx *bbolt.Tx) error {
		there = bytes.Equal(tx.Bucket(bucketReplies).Get(r.key), r.entry())
		return nil
	})
	return there || err != nil
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

func (s *Store) checkAcks(report func(string, ...any)) {
	_, damaged, err := s.acks()
	if err != nil {
		report("acknowledgements: %v", err)
	}
	for _, reviewer := range damaged {
		report("what %.100q has confirmed is damaged: the next confirmation of that desk writes it anew", reviewer)
	}
}

func (s *Store) checkCanaries(report func(string, ...any)) {
	_, damaged, err := s.canaries()
	if err != nil {
		report("canaries: %v", err)
	}
	for _, key := range damaged {
		report("the canary %.100q is damaged: the next batch has another in its place", key[len(canaryPrefix):])
	}
}

// checkFiles names files in the folder that do not belong there.
func (s *Store) checkFiles(report func(string, ...any)) {
	known := map[string]bool{"FORMAT": true, "index.db": true, "keys.slots": true, "payloads": true, ballastName: true, markName: true}
	for _, name := range s.list(".", report) {
		if !known[name] {
			report("foreign file %q", name)
		}
	}
	s.deleting.Lock() // no file is to be removed, whose record is gone
	defer s.deleting.Unlock()
	s.files.Lock() // no file is renamed and not yet indexed
	defer s.files.Unlock()
	for _, name := range s.list("payloads", report) {
		switch _, staged := parseStage(name); {
		case s.wanted(name):
		case staged:
			report("staged payload %q is shorter than it was, or there twice", name)
		case ourFile(name):
			report("payload %q is of no item: the next start removes it", name)
		default:
			report("foreign file %q in payloads", name)
		}
	}
}

// wanted reports whether a payload file belongs to an item, or is an upload
// under way or on its way out: those that a crash left were swept at Open.
func (s *Store) wanted(name string) bool {
	if ourFile(name) && strings.HasSuffix(name, partSuffix) || s.staged(name) {
		return true
	}
	id, err := receipt.ParseItemID(strings.TrimSuffix(name, ".age"))
	if err != nil {
		return false
	}
	var record itemRecord
	err = s.view("looking for item", func(tx *bbolt.Tx) (err error) {
		record, err = readItem(tx, id)
		return err
	})
	return err == nil && record.Size > inlineMax()
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
