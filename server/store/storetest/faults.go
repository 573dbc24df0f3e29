package storetest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// A Fault is what befalls the next write to a [Faulty] store.
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

// Faulty wraps a store. Each write meets the fault that was planted last, once.
type Faulty struct {
	store.Store
	mu     sync.Mutex
	next   Fault
	failed bool
}

// Plant has the next write meet a fault.
func (f *Faulty) Plant(fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = fault
}

// Restart ends what FailedSync began, as opening the store again would.
func (f *Faulty) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next, f.failed = None, false
}

// take returns the fault that this write meets.
func (f *Faulty) take() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	fault := f.next
	f.next = None
	if f.failed {
		return NotPersisted
	}
	f.failed = fault == FailedSync
	return fault
}

func (f *Faulty) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed {
		return fmt.Errorf("%w: %w", ErrPlanted, store.ErrFailed)
	}
	return ErrPlanted
}

// meet does a write, or what a fault makes of it.
func (f *Faulty) meet(write func() error) error {
	switch fault := f.take(); {
	case fault == None:
		return write()
	case fault == Unanswered, fault == FailedSync && rand.IntN(2) == 0:
		if err := write(); err != nil {
			return err
		}
	}
	return f.err()
}

// Create implements [store.Store].
func (f *Faulty) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	f.mu.Lock()
	torn := f.next == TornPayload
	f.mu.Unlock()
	if torn {
		f.take()
		whole := payload
		payload = func(w io.Writer) error { return whole(&tornWriter{w, i.Size / 2}) }
		return f.Store.Create(i, slots, payload)
	}
	return f.meet(func() error { return f.Store.Create(i, slots, payload) })
}

// Stage implements [store.Store].
func (f *Faulty) Stage(id store.UploadID, size, offset int64, from io.Reader) (now int64, err error) {
	f.mu.Lock()
	torn := f.next == TornPayload
	f.mu.Unlock()
	if torn {
		f.take()
		return f.Store.Stage(id, size, offset, io.MultiReader(io.LimitReader(from, (size-offset)/2), broken{}))
	}
	now = offset
	err = f.meet(func() (err error) {
		now, err = f.Store.Stage(id, size, offset, from)
		return err
	})
	return now, err
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
	return f.meet(func() error { return f.Store.CreateStaged(i, slots, from) })
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
	return f.meet(func() error { return f.Store.Delete(tombstones...) })
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
	return f.meet(func() error { return f.Store.AddReply(r) })
}

// DeleteReplies implements [store.Store].
func (f *Faulty) DeleteReplies(m receipt.Mailbox) error {
	return f.meet(func() error { return f.Store.DeleteReplies(m) })
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
