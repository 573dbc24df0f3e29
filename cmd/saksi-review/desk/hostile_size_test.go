package desk

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Hostile servers, acts upon sizes that some slot, some bundle or some index may
// have, and this one not.

// TestServerBringsASlotOfAnotherQuorum: of a size that slots have, and not those
// of its roster. The item is set apart alone, whoever's slot it is.
func TestServerBringsASlotOfAnotherQuorum(t *testing.T) {
	s := newServer(t)
	larger := make([]byte, item.SlotSize(roster.Quorum{Needed: 2, Outside: 1}))
	for name, slots := range map[string]members{
		"own": {s.slotPath(0): larger}, "a colleague's": {s.slotPath(1): larger},
		"all": {s.slotPath(0): larger, s.slotPath(1): larger},
	} {
		t.Run(name, func(t *testing.T) {
			s.heals(t, s.setsApart(t, s.id, s.theirs.with(slots), "a slot is larger than those of its roster are"))
		})
	}
}

// empty is a number of items without a byte.
func (s *drop) empty(n int) members {
	m := members{}
	for i := range n {
		var id receipt.ItemID
		binary.BigEndian.PutUint32(id[:], uint32(i)+1)
		m[s.path(batch.Payload, id, 0)] = nil
	}
	return m
}

// TestServerFillsTheIndexWithNothing: items without a byte cost it next to nothing,
// and the desk remembers each for good. Some are taken for an accident, more are
// refused.
func TestServerFillsTheIndexWithNothing(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.empty(maxBad), s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); len(r.Apart) != maxBad || len(r.New) != 1 {
		t.Errorf("%d items set apart, %d are new", len(r.Apart), len(r.New))
	}
	if r := d.take(s.bundle(1, 1)); !r.Nothing() {
		t.Errorf("once more: %d set apart", len(r.Apart))
	}
	s.batches = nil
	s.close(s.empty(maxBad+1), s.message(receipt.New(), 0, honest))
	s.sit(0).refuse(s.bundle(1, 1), ErrOversize)
}

// TestServerBringsBatchesOfCenturies: each is remembered for good, too.
func TestServerBringsBatchesOfCenturies(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	many := s.bundle(1, 1)
	for sequence := range uint64(maxBatches) {
		many[batch.Path{Kind: batch.BatchNote, Sequence: sequence + 2}.String()] = []byte("x")
	}
	s.sit(0).refuse(many, ErrOversize)
}

// TestWhatCouldNotBeReadBackIsNotWritten: an index that is too large to be read
// would end the desk, so the one before it stays.
func TestWhatCouldNotBeReadBackIsNotWritten(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	before, err := os.ReadFile(d.path("index.age"))
	if err != nil {
		t.Fatal(err)
	}
	// Never touched, so it takes no memory.
	if err := d.writeSealed(d.path("index.age"), make([]byte, maxSealed+1)); !errors.Is(err, ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if after, err := os.ReadFile(d.path("index.age")); err != nil || string(after) != string(before) {
		t.Errorf("the index was written: %v", err)
	}
	d.reopen()
	if !d.reads("0 " + honest) {
		t.Errorf("the desk reads %q", d.texts())
	}
}
