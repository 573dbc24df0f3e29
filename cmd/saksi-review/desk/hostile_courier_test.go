package desk

import (
	"slices"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Hostile couriers: who carries the stick can write on it, and has no key.

func TestCourierImportsTheSameBundleTwice(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest), s.seal(receipt.New(), 0, file("x", "x")))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	before := string(d.index.format())
	if r := d.take(s.bundle(1, 1)); !r.Nothing() || !r.Whole() || r.Began != 0 {
		t.Errorf("second import: %+v", r)
	}
	if string(d.index.format()) != before {
		t.Error("the second import changed the desk")
	}
	s.close(s.message(receipt.New(), 0, marker))
	if r := d.take(s.bundle(1, 2)); !slices.Equal(r.Batches, []uint64{2}) || len(r.New) != 1 {
		t.Errorf("third import: %+v", r)
	}
}

// TestCourierImportsAnOldBundle: from before an item was deleted, a roster was
// made and more batches closed. Nothing comes back, and nothing is queued again.
func TestCourierImportsAnOldBundle(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, honest))
	old := s.bundle(1, 1)
	s.newRoster(func(*draft) {})
	s.close(s.message(code, 1, honest))
	d := s.sit(0)
	d.take(old)
	d.take(s.bundle(1, 2).without(code.ItemID(0).String()).with(burnMark(code, 0)))
	d.send()
	before := string(d.index.format())
	if r := d.take(old); !r.Nothing() || !r.Whole() || len(r.Warnings) > 0 {
		t.Errorf("the old bundle: %+v", r)
	}
	if acks, replies := d.Waiting(); acks+replies > 0 || string(d.index.format()) != before {
		t.Errorf("%d acknowledgements and %d replies wait, or the desk changed", acks, replies)
	}
	if items := d.Threads()[0].Items; !items[0].Deleted || items[1].Deleted || len(d.texts()) != 2 {
		t.Errorf("items are %+v", items)
	}
}

// TestCourierAddsAnItem that no server has listed.
func TestCourierAddsAnItem(t *testing.T) {
	s := newDrop(t, 1)
	smuggled := receipt.New()
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	r := d.take(s.bundle(1, 1).with(s.message(smuggled, 0, marker)))
	if !slices.Equal(r.Unlisted, []string{smuggled.ItemID(0).String()}) || !d.reads("0 "+honest) {
		t.Errorf("the desk reads %q: %+v", d.texts(), r)
	}
}

// TestCourierAddsToAnItem: one slot more beside those on the list. It is named
// and thrown away. The item is taken all the same: its batch is acknowledged, and
// the server would bring it no more.
func TestCourierAddsToAnItem(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, honest))
	for name, slot := range map[string][]byte{"a slot": make([]byte, item.SlotSize(roster.Quorum{Needed: 1})), "of no size": nil} {
		d := s.sit(0)
		r := d.take(s.bundle(1, 1).with(members{s.path(batch.Slot, code.ItemID(0), 1): slot}))
		if !slices.Equal(r.Unlisted, []string{code.ItemID(0).String()}) || len(r.New) != 1 || len(r.Apart) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
		if acks, _ := d.Waiting(); acks != 1 || !d.reads("0 "+honest) {
			t.Errorf("%s: the desk reads %q", name, d.texts())
		}
		if got := tree(t, d.path("items")); len(got) != 2 {
			t.Errorf("%s: the item has %d files", name, len(got))
		}
	}
}

// TestCourierAddsMarks of deletion and expiry for items that are there.
func TestCourierAddsMarks(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	id := code.ItemID(0)
	s.close(s.message(code, 0, honest))
	for name, mark := range map[string]members{
		"a false token": falseMark(id, receipt.Secret{1}), "expired": expiryMark(id),
		"no token":      {batch.Path{Kind: batch.BurnMark, ID: id}.String(): nil},
		"of a stranger": expiryMark(receipt.New().ItemID(0)),
	} {
		d := s.sit(0)
		r := d.take(s.bundle(1, 1).with(mark))
		if len(r.New) != 1 || len(r.Deleted) > 0 || r.Gone+r.Expired > 0 || d.Threads()[0].Items[0].Deleted {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestCourierLeavesThingsOut: what a list has is missed, whoever took it.
func TestCourierLeavesThingsOut(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, honest))
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.refuse(s.bundle(1, 2).without("rosters/"), batch.ErrBundle)
	d.refuse(s.bundle(1, 2).without("batches/1/SHA256SUMS"), batch.ErrBundle)
	d.refuse(s.bundle(1, 2).without("batches/1/BATCH.note"), batch.ErrBundle)
	r := d.take(s.bundle(1, 2).without(code.ItemID(0).String()))
	if len(r.Withheld) != 1 || len(r.New) != 1 {
		t.Errorf("an item: %+v", r)
	}
	if r = d.take(s.bundle(1, 2)); len(r.New) != 1 || !r.Whole() {
		t.Errorf("the whole bundle: %+v", r)
	}
}
