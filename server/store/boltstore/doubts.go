package boltstore

import (
	"sync"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// doubts are the ids of items that a write under way is about, and of those for which
// the disk failed in its midst. What can be seen of the latter, through the map of the
// index, may be gone after the next Open, or their keys still be there: a reporter who
// looks is told nothing rather than that.
type doubts struct {
	mu  sync.Mutex
	ids map[receipt.ItemID]int
}

func (d *doubts) add(ids []receipt.ItemID, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if d.ids[id] += n; d.ids[id] == 0 {
			delete(d.ids, id)
		}
	}
}

func (d *doubts) any(ids []receipt.ItemID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if d.ids[id] != 0 {
			return true
		}
	}
	return false
}

// about does a write about items. If the disk fails in its midst they stay in doubt
// until the next Open.
func (s *Store) about(ids []receipt.ItemID, write func() error) (err error) {
	if s.health.check() != nil { // it failed before: nothing is written
		return write()
	}
	s.doubts.add(ids, 1)
	defer func() {
		if err == nil || s.health.check() == nil {
			s.doubts.add(ids, -1)
		}
	}()
	return write()
}

// believe returns once what a snapshot says of items is on disk, or
// [store.ErrFailed] when that is not sure.
func (s *Store) believe(doing string, snapshot int64, ids []receipt.ItemID) error {
	if s.commits.confirmed.Load() >= snapshot && s.health.check() == nil {
		return nil
	}
	if s.commits.settled() != nil && s.doubts.any(ids) {
		return fail(doing, store.ErrFailed)
	}
	return nil
}
