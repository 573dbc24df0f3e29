package item_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
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
		if int64(len(slot)) != item.SlotSize(p.Roster.Quorum) {
			t.Errorf("slot %d has %d bytes", n+1, len(slot))
		}
		if _, err := item.OpenSlot(slot, p.Reviewers[n].SlotIdentities()...); !errors.Is(err, item.ErrNotForUs) {
			t.Errorf("slot %d: %v, want ErrNotForUs", n+1, err)
		}
	}
	var payload bytes.Buffer
	n, err := first.WriteTo(&payload)
	if err != nil || n != first.Size || int64(payload.Len()) != item.PayloadSize(item.Floor) {
		t.Errorf("the payload has %d bytes, %v", payload.Len(), err)
	}
}

// TestADecoyOfAQuorumLooksLikeAnItem: of those who compare what they have, most
// find one P, as with an item that one or two are excluded from; sizes are those of
// an item, and all shares together open nothing.
func TestADecoyOfAQuorumLooksLikeAnItem(t *testing.T) {
	day := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	p := partytest.New(t, day, 5)
	d := p.Draft(day)
	d.Quorum = roster.Quorum{Needed: 2, Outside: 1}
	p.Sign(t, d)
	withOthers := 0
	for range 40 {
		hollow, err := item.Decoy(p.Circle)
		if err != nil {
			t.Fatal(err)
		}
		alike, handed := map[string]int{}, []item.Handed(nil)
		var parts []item.Parts
		for n, slot := range hollow.Slots {
			if int64(len(slot)) != item.SlotSize(d.Quorum) {
				t.Fatalf("slot %d has %d bytes", n+1, len(slot))
			}
			own, err := item.OpenParts(d.Quorum, slot, n, p.Reviewers[n].SlotIdentities()...)
			if err != nil {
				t.Fatal(err)
			}
			parts, handed = append(parts, own), append(handed, own.Handed)
			alike[string(own.Own)]++
		}
		if most := slices.Max(slices.Collect(maps.Values(alike))); most < 3 {
			t.Fatalf("at most %d of 5 have one P", most)
		}
		if len(alike) > 1 {
			withOthers++
		}
		for _, own := range parts {
			if _, err := item.Join(d.Quorum, own, handed, nil); !errors.Is(err, item.ErrNotYet) {
				t.Fatalf("got %v, want ErrNotYet", err)
			}
		}
	}
	if withOthers == 0 || withOthers == 40 {
		t.Errorf("%d of 40 decoys look as if somebody were excluded", withOthers)
	}
}
