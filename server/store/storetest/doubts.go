package storetest

import (
	"errors"
	"slices"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// Doubts holds what a store says of that in whose midst its disk failed: that it is not
// sure, until it is opened again and has done the rest. Of all else it tells what it told
// before. fail has the disk fail in the midst of the next deletion.
func Doubts(t *testing.T, make func(t testing.TB) Engine, fail func(s store.Store)) {
	t.Run("a deleted item", func(t *testing.T) { doubtDeleted(t, make(t), fail) })
	t.Run("deleted replies", func(t *testing.T) { doubtReplies(t, make(t), fail) })
}

func doubtDeleted(t *testing.T, e Engine, fail func(store.Store)) {
	s := e.Open(t)
	kept, slots, payload := create(t, s, small())
	deleted, _, _ := create(t, s, small())
	fail(s)
	if err := s.Delete(tombstoneOf(deleted)); !errors.Is(err, store.ErrFailed) {
		t.Errorf("deleting: %v, want ErrFailed", err)
	}
	if states, err := s.States([]receipt.ItemID{kept.ID, deleted.ID}); !errors.Is(err, store.ErrFailed) {
		t.Errorf("states are %+v, %v, want ErrFailed", states, err)
	}
	expect(t, s, kept, slots, payload)
	_ = s.Close() // its disk has failed
	s = e.Open(t)
	defer finish(t, s)
	expect(t, s, kept, slots, payload)
	states, err := s.States([]receipt.ItemID{deleted.ID})
	if err != nil || (states[0].Item == nil) == (states[0].Gone == nil) {
		t.Errorf("after the next start: %+v, %v, want an item or a tombstone", states, err)
	}
}

// doubtReplies: whoever wanted answers gone does not hear that there are none, as long as
// they may come back.
func doubtReplies(t *testing.T, e Engine, fail func(store.Store)) {
	s := e.Open(t)
	m, other := receipt.Mailbox{5}, receipt.Mailbox{6}
	all, kept := addReplies(t, s, m, 3), addReplies(t, s, other, 1)
	// Who asks for heads alone is told no less.
	counts := func(heads []store.ReplyHead) []int { return nil }
	fail(s)
	if err := s.DeleteReplies(m); !errors.Is(err, store.ErrFailed) {
		t.Errorf("deleting: %v, want ErrFailed", err)
	}
	for _, pick := range []func([]store.ReplyHead) []int{counts, store.Places(0, 8)} {
		if replies, err := s.Replies(m, pick); !errors.Is(err, store.ErrFailed) {
			t.Errorf("there are %d replies, %v, want ErrFailed", len(replies), err)
		}
	}
	if got := sealedOf(t, s, other, 0, 8); !slices.EqualFunc(got, kept, slices.Equal) {
		t.Errorf("another mailbox has %d replies, or other ones", len(got))
	}
	_ = s.Close() // its disk has failed
	s = e.Open(t)
	defer finish(t, s)
	if got := sealedOf(t, s, m, 0, 8); len(got) > 0 && !slices.EqualFunc(got, all, slices.Equal) {
		t.Errorf("after the next start there are %d replies, want all or none", len(got))
	}
}
