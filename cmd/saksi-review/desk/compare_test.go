package desk

import (
	"errors"
	"slices"
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

// TestEqualWordsAboveAGapAreNotCompared unless somebody asks for them: one desk is shown
// another batch 2, batch 3 is withheld from it, and batch 4 is the same for both.
func TestEqualWordsAboveAGapAreNotCompared(t *testing.T) {
	s := newDrop(t, 2)
	s.close()
	forked := *s
	forked.batches = slices.Clip(s.batches)
	s.close(s.message(receipt.New(), 0, "saksi"))
	s.close()
	s.close()
	forked.close()
	one, two := s.sit(0), s.sit(1)
	one.take(forked.bundle(1, 2))
	one.take(s.bundle(4, 4))
	two.take(s.bundle(1, 4))
	a, err := one.Head(0)
	if err != nil || a.From != 1 || a.Sequence != 2 || one.Newest() != 4 {
		t.Fatalf("the desk with a gap compares %+v, %v", a, err)
	}
	if b, err := two.Head(2); err != nil || b.Hash == a.Hash {
		t.Errorf("the two histories are not told apart: %v", err)
	}
	if b, err := two.Head(0); err != nil || b.From != 1 || b.Sequence != 4 {
		t.Errorf("the whole desk compares %+v, %v", b, err)
	}
	if h, err := one.Head(4); err != nil || h.From != 4 {
		t.Errorf("above the gap: %+v, %v", h, err)
	}
	if gaps, bad := one.Holes(4); !slices.Equal(gaps, []Range{{3, 3}}) || bad != nil {
		t.Errorf("it lacks %v, %v", gaps, bad)
	}
	if gaps, bad := one.Holes(2); gaps != nil || bad != nil {
		t.Errorf("up to batch 2 it lacks %v, %v", gaps, bad)
	}
}

// TestAnIncompleteBatchEndsWhatIsCompared, also when later ones are complete; a desk whose
// first one is incomplete compares what somebody asks for.
func TestAnIncompleteBatchEndsWhatIsCompared(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close()
	s.close(s.message(code, 0, "dua"))
	s.close()
	d, fresh := s.sit(0), s.sit(0)
	d.take(s.bundle(1, 3).without(code.ItemID(0).String()))
	if h, err := d.Head(0); err != nil || h.Sequence != 1 {
		t.Errorf("it compares %+v, %v", h, err)
	}
	if _, bad := d.Holes(3); !slices.Equal(bad, []uint64{2}) {
		t.Errorf("incomplete are %v", bad)
	}
	fresh.take(s.bundle(2, 3).without(code.ItemID(0).String()))
	if _, err := fresh.Head(0); !errors.Is(err, ErrNoBatch) {
		t.Errorf("a desk that begins with an incomplete batch: %v, want ErrNoBatch", err)
	}
	if h, err := fresh.Head(3); err != nil || h.From != 2 || h.Sequence != 3 {
		t.Errorf("asked for batch 3: %+v, %v", h, err)
	}
}
