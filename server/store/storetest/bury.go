package storetest

import (
	"errors"
	"io"
	"sync"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// buried holds that an id has this tombstone and no item.
func buried(t testing.TB, s store.Store, want store.Tombstone) {
	t.Helper()
	states, err := s.States([]receipt.ItemID{want.ID})
	switch {
	case err != nil || states[0].Item != nil || states[0].Gone == nil:
		t.Errorf("state is %+v, %v, want a tombstone", states, err)
	case *states[0].Gone != want:
		t.Errorf("the tombstone is %+v, want %+v", *states[0].Gone, want)
	}
}

// tombstoneOf is one as a burn leaves it, of an item that was never here.
func tombstoneOf(i store.Item) store.Tombstone {
	return store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Deleted, Proof: receipt.Secret{7, 31: 9}}
}

// testBury: the id that is buried is used from then on, for an item of any kind and
// also after a restart. What was staged stays, and may become another item.
func testBury(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, size := range []int64{small(), large()} {
		i, slots, payload := newItem(size)
		want := tombstoneOf(i)
		if err := s.Bury(want); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Create(i, slots, writer(payload)); !errors.Is(err, store.ErrGone) {
				t.Errorf("creating a buried id: %v, want ErrGone", err)
			}
			buried(t, s, want)
			finish(t, s)
			s = e.Open(t)
		}
		if _, err := s.Slots(i.ID); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("slots of a buried id: %v, want ErrUnknown", err)
		}
		if _, err := s.Payload(i.ID); !errors.Is(err, store.ErrUnknown) {
			t.Errorf("payload of a buried id: %v, want ErrUnknown", err)
		}
	}
	if u, err := s.Usage(); err != nil || u != (store.Usage{Gone: 2}) {
		t.Errorf("usage is %+v, %v, want two that are gone", u, err)
	}
	finish(t, s)
}

// testBuryStaged: adopting for a buried id keeps nothing, and takes nothing away.
func testBuryStaged(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := newItem(large())
	stage(t, s, i, payload, 0, i.Size)
	want := tombstoneOf(i)
	if err := s.Bury(want); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.CreateStaged(i, slots, name(i)); !errors.Is(err, store.ErrGone) {
			t.Errorf("adopting for a buried id: %v, want ErrGone", err)
		}
		buried(t, s, want)
		staged(t, s, store.Upload{ID: name(i), Size: i.Size, Offset: i.Size})
		finish(t, s)
		s = e.Open(t)
	}
	other, otherSlots, _ := newItem(large())
	if err := s.CreateStaged(other, otherSlots, name(i)); err != nil {
		t.Fatal(err)
	}
	expect(t, s, other, otherSlots, payload)
	finish(t, s)
}

// testBuryWhatIsThere: an item is not harmed by it, waiting or in a batch.
func testBuryWhatIsThere(t *testing.T, e Engine) {
	s := e.Open(t)
	for sequence, size := range []int64{small(), large()} {
		i, slots, payload := create(t, s, size)
		for range 2 {
			if err := s.Bury(tombstoneOf(i)); !errors.Is(err, store.ErrExists) {
				t.Errorf("burying an item: %v, want ErrExists", err)
			}
			expect(t, s, i, slots, payload)
			finish(t, s)
			s = e.Open(t)
			if i.Batch == 0 {
				i.Batch = uint64(sequence) + 1
				closeBatch(t, s, i.Batch, i)
			}
		}
		expect(t, s, i, slots, payload)
	}
	finish(t, s)
}

// testBuryTwice: the first tombstone stays, whether burying or deleting left it, and
// whichever of the two comes after.
func testBuryTwice(t *testing.T, e Engine) {
	s := e.Open(t)
	empty, _, _ := newItem(small())
	deleted, _, _ := create(t, s, large())
	closeBatch(t, s, 1, deleted)
	first, second := tombstoneOf(empty), tombstoneOf(deleted)
	if err := errors.Join(s.Bury(first), s.Delete(second)); err != nil {
		t.Fatal(err)
	}
	second.Batch = 1
	for range 2 {
		for _, t0 := range []store.Tombstone{first, second} {
			again := store.Tombstone{ID: t0.ID, Week: thisWeek.Add(1), Reason: store.Expired, Proof: receipt.Secret{1}, Batch: 5}
			if err := s.Bury(again); err != nil {
				t.Errorf("burying again: %v", err)
			}
			if err := s.Delete(again); err != nil {
				t.Errorf("deleting what is buried: %v", err)
			}
		}
		buried(t, s, first)
		buried(t, s, second)
		finish(t, s)
		s = e.Open(t)
	}
	finish(t, s)
}

// testBuryBesideCreate: of both at once, one is told that it did it, and the other
// why it did not; and so it is.
func testBuryBesideCreate(t *testing.T, e Engine) {
	s := e.Open(t)
	for round := range 36 {
		i, slots, payload := newItem([]int64{small(), large()}[round%2])
		midway := make(chan struct{})
		keep := func() error {
			return s.Create(i, slots, func(w io.Writer) error {
				close(midway)
				return writer(payload)(w)
			})
		}
		if round%4 == 3 {
			stage(t, s, i, payload, 0, i.Size)
			close(midway)
			keep = func() error { return s.CreateStaged(i, slots, name(i)) }
		}
		var created, entombed error
		var both sync.WaitGroup
		both.Go(func() { created = keep() })
		both.Go(func() { <-midway; entombed = s.Bury(tombstoneOf(i)) })
		both.Wait()
		switch {
		case created == nil && errors.Is(entombed, store.ErrExists):
			expect(t, s, i, slots, payload)
		case errors.Is(created, store.ErrGone) && entombed == nil:
			buried(t, s, tombstoneOf(i))
		default:
			t.Errorf("round %d: creating says %v, burying says %v", round, created, entombed)
		}
	}
	finish(t, s)
	finish(t, e.Open(t))
}

// testBuryMidway: an item whose payload is coming in when its id is buried is not
// kept, and nothing of its payload.
func testBuryMidway(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, size := range []int64{small(), large()} {
		i, slots, payload := newItem(size)
		err := s.Create(i, slots, func(w io.Writer) error {
			if err := s.Bury(tombstoneOf(i)); err != nil {
				t.Errorf("burying: %v", err)
			}
			return writer(payload)(w)
		})
		if !errors.Is(err, store.ErrGone) {
			t.Errorf("creating: %v, want ErrGone", err)
		}
		buried(t, s, tombstoneOf(i))
		finish(t, s)
		s = e.Open(t)
		buried(t, s, tombstoneOf(i))
	}
	finish(t, s)
}
