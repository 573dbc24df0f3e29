package boltstore

import (
	"slices"
	"sync"

	"saksi/server/store"
)

// doubts are the names of items, or of mailboxes, that a write under way is about, and of
// those for which the disk failed in its midst. What can be seen of the latter, through the
// map of the index, may be gone after the next Open, or their keys still be there: a
// reporter who looks is told nothing rather than that.
type doubts[Name comparable] struct {
	commits *commits

	mu  sync.Mutex // guards all
	all map[Name]int
}

func newDoubts[Name comparable](c *commits) *doubts[Name] {
	return &doubts[Name]{commits: c, all: map[Name]int{}}
}

func (d *doubts[Name]) add(names []Name, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range names {
		if d.all[name] += n; d.all[name] == 0 {
			delete(d.all, name)
		}
	}
}

func (d *doubts[Name]) any(names []Name) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(names, func(name Name) bool { return d.all[name] != 0 })
}

// about does a write about items or mailboxes. If the disk fails in its midst they stay in
// doubt until the next Open.
func (d *doubts[Name]) about(names []Name, write func() error) (err error) {
	health := d.commits.health
	if health.check() != nil { // it failed before: nothing is written
		return write()
	}
	d.add(names, 1)
	defer func() {
		if err == nil || health.check() == nil {
			d.add(names, -1)
		}
	}()
	return write()
}

// believe returns once what a snapshot says of items or mailboxes is on disk, or
// [store.ErrFailed] when that is not sure.
func (d *doubts[Name]) believe(doing string, snapshot int64, names ...Name) error {
	c := d.commits
	if c.confirmed.Load() >= snapshot && c.health.check() == nil {
		return nil
	}
	if c.settled() != nil && d.any(names) {
		return fail(doing, store.ErrFailed)
	}
	return nil
}
