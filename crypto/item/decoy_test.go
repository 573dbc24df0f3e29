package item_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/roster"
)

// TestADecoyOpensForNobody: each reviewer finds what an excluded one finds, and the
// sizes are those of a text.
func TestADecoyOpensForNobody(t *testing.T) {
	p := partytest.New(t, time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC), 3)
	first, err := item.Decoy(p.Circle)
	if err != nil {
		t.Fatal(err)
	}
	second, err := item.Decoy(p.Circle)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID == second.ID || first.Burn == second.Burn || first.Burn == [32]byte{} {
		t.Error("two decoys have the same id or burn hash, or none")
	}
	for n, slot := range first.Slots {
		if int64(len(slot)) != item.SlotSize() {
			t.Errorf("slot %d has %d bytes", n+1, len(slot))
		}
		if _, err := item.OpenSlot(slot, p.Reviewers[n].Slots); !errors.Is(err, item.ErrNotForUs) {
			t.Errorf("slot %d: %v, want ErrNotForUs", n+1, err)
		}
	}
	var payload bytes.Buffer
	n, err := first.WriteTo(&payload)
	if err != nil || n != first.Size || int64(payload.Len()) != item.PayloadSize(item.Floor) {
		t.Errorf("the payload has %d bytes, %v", payload.Len(), err)
	}
}

// TestNoDecoyWhereNothingIsSealed: under a quorum that items have not, none is made.
func TestNoDecoyWhereNothingIsSealed(t *testing.T) {
	p := partytest.New(t, time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC), 3)
	other := &roster.Signed{Roster: p.Roster.Roster}
	other.Quorum.Needed = 2
	if _, err := item.Decoy(&roster.Circle{Signed: other, Keys: p.Circle.Keys}); !errors.Is(err, item.ErrQuorum) {
		t.Errorf("got %v, want ErrQuorum", err)
	}
}
