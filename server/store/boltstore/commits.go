package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"go.etcd.io/bbolt"

	"saksi/server/store"
)

// commits lets those who write at the same time share one transaction: who
// comes while one is under way waits for the next, with all others who do.
//
// bbolt's own Batch does the same, in a goroutine of its own, where a damaged
// page would end the process, and without a place to ask for the disk's health:
// the page of a commit that the disk has not confirmed can be seen through the
// map of the file, and must not be built upon.
type commits struct {
	db      *bbolt.DB
	health  *health
	running sync.Mutex // held from the look at health to the end of a commit
	// confirmed is the number of the newest transaction that is on disk for sure.
	confirmed atomic.Int64

	mu      sync.Mutex // guards waiting
	waiting []*write
}

// A write is one caller's part of a transaction.
type write struct {
	run  func(*bbolt.Tx) error
	err  error
	done chan struct{}
}

// do runs f in a transaction and returns once it is on disk. f may run more than
// once. What f itself returns is returned as it is, and then f changed nothing;
// it is said of a state that is on disk.
func (c *commits) do(f func(*bbolt.Tx) error) error {
	mine := &write{run: f, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, mine)
	first := len(c.waiting) == 1
	c.mu.Unlock()
	if first {
		c.lead()
	}
	<-mine.done
	return mine.err
}

// lead commits for everyone who came before the transaction before ended.
func (c *commits) lead() {
	c.running.Lock()
	defer c.running.Unlock()
	c.mu.Lock()
	group := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	for len(group) > 0 {
		group = c.commit(group)
	}
}

// commit runs a group in one transaction. If one of them refuses, the others may
// be returned to be tried again.
func (c *commits) commit(group []*write) (again []*write) {
	var at int // in group
	err := c.health.check()
	if err == nil {
		var number int64
		err = guarded(func() error {
			return c.db.Update(func(tx *bbolt.Tx) error {
				number = int64(tx.ID())
				for at = 0; at < len(group); at++ {
					if err := group[at].run(tx); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err == nil {
			c.confirmed.Store(number)
		}
		if errors.Is(err, errPanicked) {
			c.health.crashed.Store(true)
			err = c.health.syncing(err)
		} else if err != nil && at < len(group) {
			return c.refused(group, at, err)
		}
		if err != nil && !c.health.failed.Load() {
			err = c.health.writing(err)
		}
	}
	for _, w := range group {
		w.err = err
		close(w.done)
	}
	return nil
}

// refused is what becomes of a group of which the write at a place refused. What
// was written before it in the same transaction may be its reason, as with twins,
// and is on no disk yet: it is committed first, and the refusal asked for again.
func (c *commits) refused(group []*write, at int, err error) (again []*write) {
	if at > 0 {
		return slices.Concat(c.commit(group[:at]), group[at:])
	}
	group[0].err = err
	close(group[0].done)
	return group[1:]
}

// confirm notes that what a transaction sees is on disk, as it is after Open.
func (c *commits) confirm(tx *bbolt.Tx) error {
	c.confirmed.Store(int64(tx.ID()))
	return nil
}

// settled returns once what can be seen in the index is on disk, or
// [store.ErrFailed] when that is not sure.
func (c *commits) settled() error {
	c.running.Lock()
	defer c.running.Unlock()
	return c.health.check()
}

// guarded turns what bbolt does about a damaged index, or the kernel about a
// disk that cannot be read through the map of its file, into an error: both are
// panics.
func guarded(run func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("%w: %w: %v", store.ErrDamaged, errPanicked, reason)
		}
	}()
	return run()
}

// errPanicked is returned by guarded. After it, bbolt may hold its own locks for
// good: nothing more may be written, nor the index be closed.
var errPanicked = errors.New("bbolt gave up")

// growing reports whether bbolt could not make its file longer for want of
// room. It does not wrap that error; nothing was written.
func growing(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "file resize error") &&
		(strings.HasSuffix(text, syscall.ENOSPC.Error()) || strings.HasSuffix(text, syscall.EDQUOT.Error()))
}

// update runs f in a transaction that it may share with others.
func (s *Store) update(doing string, f func(*bbolt.Tx) error) error {
	err := s.commits.do(f)
	s.blur("index.db")
	if err != nil {
		return fail(doing, err)
	}
	return nil
}

// view runs f on a snapshot. f copies what it returns: bbolt's memory is gone
// afterwards.
func (s *Store) view(doing string, f func(*bbolt.Tx) error) error {
	if err := guarded(func() error { return s.db.View(f) }); err != nil {
		return fail(doing, err)
	}
	return nil
}

// look runs f on a snapshot, as view does. An error of f that makes a caller
// believe in what is kept is returned only when that is on disk.
func (s *Store) look(doing string, f func(*bbolt.Tx) error) error {
	err := s.view(doing, f)
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrGone) || errors.Is(err, store.ErrKnown) {
		if unsettled := s.commits.settled(); unsettled != nil {
			return fail(doing, unsettled)
		}
	}
	return err
}
