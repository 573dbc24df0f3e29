package desk

import (
	"errors"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

// TestDesksCompareWhatTheyWereShown: desks with one history have one head; behind a
// fork no batch has the same words again, as each names the one before.
func TestDesksCompareWhatTheyWereShown(t *testing.T) {
	s := newDrop(t, 2)
	s.close(s.message(receipt.New(), 0, "satu"))
	one, two := s.sit(0), s.sit(1)
	one.take(s.bundle(1, 1))
	two.take(s.bundle(1, 1))
	heads := func(sequence uint64) (a, b Head) {
		t.Helper()
		a, err := one.Head(sequence)
		b, err2 := two.Head(sequence)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return a, b
	}
	if a, b := heads(0); a != b || a.Sequence != 1 || !a.Complete {
		t.Errorf("heads %+v and %+v", a, b)
	}
	forked := *s
	s.close(s.message(receipt.New(), 0, "dua"))
	forked.close(forked.message(receipt.New(), 0, "lain"))
	s.close()
	forked.close()
	one.take(s.bundle(2, 3))
	two.take(forked.bundle(2, 3))
	for sequence, same := range map[uint64]bool{0: false, 1: true, 2: false, 3: false} {
		a, b := heads(sequence)
		c := batch.NewChallenge()
		if (c.Compare(a.Sequence, a.Hash) == c.Compare(b.Sequence, b.Hash)) != same {
			t.Errorf("batch %d: %+v and %+v", sequence, a, b)
		}
	}
}

// TestTheNewestCompleteBatchIsCompared: one that came incomplete is named when it is
// asked for, one that never came is refused.
func TestTheNewestCompleteBatchIsCompared(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(receipt.New(), 0, "satu"))
	s.close(s.seal(code, 0, item.Content{Kind: item.Message, Language: "id", Text: "dua"}))
	d := s.sit(0)
	d.take(s.bundle(1, 2).without(code.ItemID(0).String()))
	if h, err := d.Head(0); err != nil || h.Sequence != 1 || !h.Complete {
		t.Errorf("the newest complete: %+v, %v", h, err)
	}
	if h, err := d.Head(2); err != nil || h.Sequence != 2 || h.Complete {
		t.Errorf("batch 2: %+v, %v", h, err)
	}
	if _, err := d.Head(3); !errors.Is(err, ErrNoBatch) {
		t.Errorf("batch 3: %v, want ErrNoBatch", err)
	}
}
