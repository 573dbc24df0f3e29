package boltstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// recover learns which sectors are in use and sweeps what a crash left behind.
func (s *Store) recover() error {
	dying, files, used, err := s.survey()
	if err != nil {
		return err
	}
	var marked []storedReply
	_, err = s.heads(func(r storedReply) bool {
		used = append(used, r.head.Sector)
		if r.head.Dying != 0 {
			marked = append(marked, r)
		}
		return false
	})
	if err != nil {
		return err
	}
	if err := s.sectors.claim(used); err != nil {
		return fail("recovering store", err)
	}
	if err := s.sectors.sweep(); err != nil {
		return fail("recovering store", err)
	}
	if err := s.sweepDying(dying, marked); err != nil {
		return err
	}
	if err := s.sweepFiles(files); err != nil {
		return err
	}
	return s.loadStages()
}

// survey returns the items whose deletion has begun, the payload files that
// there should be, and the sectors in use.
func (s *Store) survey() (dying map[receipt.ItemID]itemRecord, files map[string]bool, used []uint32, err error) {
	dying, files = map[receipt.ItemID]itemRecord{}, map[string]bool{}
	err = s.view("recovering store", func(tx *bbolt.Tx) error {
		gone := tx.Bucket(bucketGone)
		return eachItem(tx, func(id receipt.ItemID, r itemRecord) error {
			used = append(used, r.Sector)
			if gone.Get(id[:]) != nil {
				dying[id] = r
			} else if r.Size > inlineMax() {
				files[filepath.Base(s.payloadPath(id))] = true
			}
			return nil
		})
	})
	return dying, files, used, err
}

// sweepDying finishes deletions. On a full disk they wait for the next start, or
// for the reporter to ask again: the rest of the store is of use meanwhile.
func (s *Store) sweepDying(items map[receipt.ItemID]itemRecord, replies []storedReply) error {
	err := s.withBallast(func() error { return s.finishDelete(items) })
	if err != nil && !errors.Is(err, store.ErrFull) {
		return err
	}
	err = s.withBallast(func() error { return s.deleteReplies("sweeping replies", replies) })
	if err != nil && !errors.Is(err, store.ErrFull) {
		return err
	}
	return nil
}

// sweepFiles removes payload files that no record refers to: uploads that broke
// off, and files of deleted items. A file of another name is left alone.
func (s *Store) sweepFiles(wanted map[string]bool) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "payloads"))
	if err != nil {
		return fmt.Errorf("sweeping payloads: %w", err) // names the folder, and no item
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
	part := strings.HasPrefix(rest, ".") && strings.HasSuffix(rest, partSuffix) && !strings.Contains(rest, "/")
	return ok && err == nil && (rest == "" || part)
}
