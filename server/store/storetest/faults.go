package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// A Fault is what befalls a write to a [Faulty] store.
type Fault int

// The faults.
const (
	None         Fault = iota
	NotPersisted       // nothing is kept, and an error returned
	Unanswered         // all is kept, and an error returned all the same
	TornPayload        // a payload ends in its middle; other writes: NotPersisted
	FailedSync         // kept or not, and every write fails until Restart
)

func (f Fault) String() string {
	return [...]string{"none", "not persisted", "persisted but unanswered", "torn payload", "failed sync"}[f]
}

// Faults returns all faults.
func Faults() []Fault { return []Fault{NotPersisted, Unanswered, TornPayload, FailedSync} }

// ErrPlanted is returned by a write that a fault met.
var ErrPlanted = errors.New("planted fault")

// Faulty wraps a store. One write meets the fault that was planted last, once.
type Faulty struct {
	store.Store
	mu     sync.Mutex
	next   Fault
	after  int // so many writes
	failed bool
	doubts []any // items and mailboxes that the write was about in which the disk failed
}

// Plant has the next write meet a fault.
func (f *Faulty) Plant(fault Fault) { f.PlantAfter(0, fault) }

// PlantAfter has a write meet a fault, after so many that go well.
func (f *Faulty) PlantAfter(writes int, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.after = fault, writes
}

// Planted reports whether a fault was planted that no write has met.
func (f *Faulty) Planted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.next != None
}

// Restart ends what FailedSync began, as opening the store again would.
func (f *Faulty) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.failed, f.doubts = None, false, nil
}

// take returns the fault that this write meets, which is about items or mailboxes.
func (f *Faulty) take(about ...any) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failed:
		return NotPersisted
	case f.next == None:
		return None
	case f.after > 0:
		f.after--
		return None
	}
	fault := f.next
	if f.next = None; fault == FailedSync {
		f.failed, f.doubts = true, about
	}
	return fault
}

// doubted returns an error if the disk failed in the midst of a write about this.
func (f *Faulty) doubted(name any) error {
	f.mu.Lock()
	doubted := slices.Contains(f.doubts, name)
	f.mu.Unlock()
	if doubted {
		return f.fails()
	}
	return nil
}

func (f *Faulty) err() error { return cmp.Or(f.fails(), ErrPlanted) }

// meet does a write about items or mailboxes, or what a fault makes of it.
func (f *Faulty) meet(write func() error, about ...any) error {
	return f.suffer(f.take(about...), write)
}

// suffer does a write, or what this fault makes of it.
func (f *Faulty) suffer(fault Fault, write func() error) error {
	switch {
	case fault == None:
		return write()
	case fault == Unanswered, fault == FailedSync && rand.IntN(2) == 0:
		_ = write() // what it says is lost, too
	}
	return f.err()
}

// Create implements [store.Store].
func (f *Faulty) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	fault := f.take(i.ID)
	if fault == TornPayload {
		torn := func(w io.Writer) error { return payload(&tornWriter{w, i.Size / 2}) }
		return f.Store.Create(i, slots, torn)
	}
	return f.suffer(fault, func() error { return f.Store.Create(i, slots, payload) })
}

// Stage implements [store.Store].
func (f *Faulty) Stage(id store.UploadID, size, offset int64, from io.Reader) (now int64, err error) {
	fault := f.take()
	if fault == TornPayload {
		return f.Store.Stage(id, size, offset, io.MultiReader(io.LimitReader(from, (size-offset)/2), broken{}))
	}
	now = offset
	err = f.suffer(fault, func() (err error) {
		now, err = f.Store.Stage(id, size, offset, from)
		return err
	})
	return now, err
}

// Settle implements [store.Store]: what it ends may have to be synced.
func (f *Faulty) Settle(id store.UploadID) (u store.Upload, err error) {
	err = f.meet(func() (err error) {
		u, err = f.Store.Settle(id)
		return err
	})
	return u, err
}

// broken is a reader that has nothing but its error.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, ErrPlanted }

// Unstage implements [store.Store].
func (f *Faulty) Unstage(id store.UploadID) error {
	return f.meet(func() error { return f.Store.Unstage(id) })
}

// CreateStaged implements [store.Store].
func (f *Faulty) CreateStaged(i store.Item, slots [][]byte, from store.UploadID) error {
	return f.meet(func() error { return f.Store.CreateStaged(i, slots, from) }, i.ID)
}

// tornWriter fails after some bytes.
type tornWriter struct {
	w    io.Writer
	left int64
}

func (t *tornWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > t.left {
		return 0, ErrPlanted
	}
	t.left -= int64(len(p))
	return t.w.Write(p)
}

// Delete implements [store.Store].
func (f *Faulty) Delete(tombstones ...store.Tombstone) error {
	var ids []any
	for _, t := range tombstones {
		ids = append(ids, t.ID)
	}
	return f.meet(func() error { return f.Store.Delete(tombstones...) }, ids...)
}

// Bury implements [store.Store].
func (f *Faulty) Bury(t store.Tombstone) error {
	return f.meet(func() error { return f.Store.Bury(t) }, t.ID)
}

// Sound implements [store.Store].
func (f *Faulty) Sound() error {
	if err := f.fails(); err != nil {
		return err
	}
	return f.Store.Sound()
}

// Batch implements [store.Store]: of a disk that failed it is not sure which batches
// there are.
func (f *Faulty) Batch(sequence uint64) (store.Batch, error) {
	if err := f.fails(); err != nil {
		return store.Batch{}, err
	}
	return f.Store.Batch(sequence)
}

// States implements [store.Store]: of what its disk failed in the midst of, a store is
// not sure.
func (f *Faulty) States(ids []receipt.ItemID) ([]store.State, error) {
	for _, id := range ids {
		if err := f.doubted(id); err != nil {
			return nil, err
		}
	}
	return f.Store.States(ids)
}

// Replies implements [store.Store], as States does.
func (f *Faulty) Replies(m receipt.Mailbox, pick func([]store.ReplyHead) []int) ([]store.Reply, error) {
	if err := f.doubted(m); err != nil {
		return nil, err
	}
	return f.Store.Replies(m, pick)
}

// Usage implements [store.Store].
func (f *Faulty) Usage() (store.Usage, error) {
	u, err := f.Store.Usage()
	u.Failed = u.Failed || f.fails() != nil
	return u, err
}

// fails returns an error from a failed sync on.
func (f *Faulty) fails() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed {
		return fmt.Errorf("%w: %w", ErrPlanted, store.ErrFailed)
	}
	return nil
}

// CloseBatch implements [store.Store].
func (f *Faulty) CloseBatch(b store.Batch, slot int64) error {
	return f.meet(func() error { return f.Store.CloseBatch(b, slot) })
}

// Schedule implements [store.Store].
func (f *Faulty) Schedule(slot int64) error {
	return f.meet(func() error { return f.Store.Schedule(slot) })
}

// Retire implements [store.Store].
func (f *Faulty) Retire(sequence uint64, w week.Week) error {
	return f.meet(func() error { return f.Store.Retire(sequence, w) })
}

// Acknowledge implements [store.Store].
func (f *Faulty) Acknowledge(reviewer string, sequence uint64) error {
	return f.meet(func() error { return f.Store.Acknowledge(reviewer, sequence) })
}

// AddReply implements [store.Store].
func (f *Faulty) AddReply(r store.Reply) error {
	return f.meet(func() error { return f.Store.AddReply(r) }, r.Mailbox)
}

// DeleteReplies implements [store.Store].
func (f *Faulty) DeleteReplies(m receipt.Mailbox) error {
	return f.meet(func() error { return f.Store.DeleteReplies(m) }, m)
}

// ExpireReplies implements [store.Store].
func (f *Faulty) ExpireReplies(last week.Week) (n int, err error) {
	err = f.meet(func() (err error) {
		n, err = f.Store.ExpireReplies(last)
		return err
	})
	return n, err
}

// KeepCanaries implements [store.Store].
func (f *Faulty) KeepCanaries(canaries ...store.Canary) error {
	return f.meet(func() error { return f.Store.KeepCanaries(canaries...) })
}

// ForgetCanaries implements [store.Store].
func (f *Faulty) ForgetCanaries(before canary.Month) error {
	return f.meet(func() error { return f.Store.ForgetCanaries(before) })
}

// AddRoster implements [store.Store].
func (f *Faulty) AddRoster(sequence uint64, note []byte, files map[roster.Hash]string) error {
	return f.meet(func() error { return f.Store.AddRoster(sequence, note, files) })
}
