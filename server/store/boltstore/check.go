package boltstore

import (
	"errors"
	"fmt"
	"io"
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
		return eachItem(tx, func(_ receipt.ItemID, r itemRecord) error {
			u.Items++
			u.Payloads += r.Size
			if r.Batch == 0 {
				u.Waiting++
			}
			return nil
		})
	})
	u.Failed = s.health.check() != nil
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
	heads, err := s.heads(func(storedReply) bool { return true })
	if err != nil {
		report("replies: %v", err)
	}
	for _, r := range heads {
		sectors[r.head.Sector]++
		if r.head.Dying != 0 {
			report("a reply's deletion has not come to its end")
			continue
		}
		if err := s.checkReply(r); err != nil {
			report("a reply does not open: %v", err)
		}
	}
}

func (s *Store) checkReply(r storedReply) error {
	err := s.view("checking reply", func(tx *bbolt.Tx) error {
		r.sealed = slices.Clone(tx.Bucket(bucketAnswers).Get(r.key))
		return nil
	})
	if err == nil {
		_, err = s.openReply(r)
	}
	return err
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
	known := map[string]bool{"FORMAT": true, "index.db": true, "keys.slots": true, "payloads": true, ballastName: true}
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
