package item

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
)

// FuzzSlot: whatever a stranger seals to a reviewer as a slot, it opens to what he
// sealed or is refused, without a word of it.
func FuzzSlot(f *testing.F) {
	e, err := hybrid.Generate()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(e.String()))
	f.Add(bytes.ToLower([]byte(e.String())))
	f.Add(slices.Repeat([]byte{7}, ShareSize))
	f.Add(slices.Repeat([]byte{7}, 2*ShareSize))
	f.Add(slices.Repeat([]byte{7}, 3*ShareSize+1))
	bound := fuzztest.Bound{Base: 512 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, plain []byte) {
		slot, err := hybrid.SealBytes(plain, e.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		own, ok := fuzztest.Parse(t, bound, slot, func(b []byte) (*hybrid.Identity, error) { return OpenSlot(b, e) })
		if ok && own.String() != string(plain) {
			t.Error("another identity came out than was sealed")
		}
		for _, q := range quorums() {
			p, ok := fuzztest.Parse(t, bound, slot, func(b []byte) (Parts, error) { return OpenParts(q, b, 3, e) })
			all := slices.Concat(p.Own, p.Handed.Shares)
			if fits := len(plain) == slotPlain(q); ok != fits || ok && (!bytes.Equal(all, plain) || p.Handed.Slot != 3) {
				t.Errorf("%d bytes under %+v: taken %t", len(plain), q, ok)
			}
		}
	})
}

// FuzzJoin: whatever one colleague hands over, an item opens with the shares of enough
// others, and never by another key.
func FuzzJoin(f *testing.F) {
	e, err := hybrid.Generate()
	if err != nil {
		f.Fatal(err)
	}
	two := HandedSize(roster.Quorum{Needed: 2, Outside: 1})
	f.Add(uint8(0), []byte{1, 2}, 3, []byte(nil))
	f.Add(uint8(1), []byte{1, 2, 3}, 0, make([]byte, two))
	f.Add(uint8(1), []byte{1}, 1, make([]byte, two))
	f.Add(uint8(0), []byte{2, 2, 2}, 1, make([]byte, two/2))
	f.Add(uint8(2), []byte{3, 3}, -1, make([]byte, two/2))
	f.Add(uint8(2), []byte{}, roster.MaxReviewers, make([]byte, two))
	bound := fuzztest.Bound{Base: 1 << 20, PerByte: 64}
	f.Fuzz(func(t *testing.T, policy uint8, brought []byte, slot int, shares []byte) {
		q := quorums()[int(policy)%len(quorums())]
		if q.Alone() || len(brought) > MaxJoined {
			return
		}
		const reviewers = 5
		plains, err := split([]byte(e.String()), q, slices.Repeat([]bool{true}, reviewers))
		if err != nil {
			t.Fatal(err)
		}
		own := Parts{Own: plains[0][:ShareSize], Handed: Handed{0, plains[0][ShareSize:]}}
		others, here := []Handed{{slot, shares}}, map[int]bool{0: true}
		for _, n := range brought {
			at := int(n) % reviewers
			others, here[at] = append(others, Handed{at, plains[at][ShareSize:]}), true
		}
		delete(here, slot) // he came first: his is the one that counts
		if slot == 0 {
			here[0] = true // one's own comes before
		}
		bends := slot < 0 || slot >= roster.MaxReviewers || len(shares) != HandedSize(q)
		var got *hybrid.Identity
		bound.Check(t, len(shares), func() {
			got, err = Join(q, own, others, func(k *hybrid.Identity) bool { return k.String() == e.String() })
		})
		switch {
		case err != nil:
			fuzztest.Refused(t, err)
			fuzztest.Hides(t, err, e.String())
			if !errors.Is(err, ErrNotYet) && !bends || len(here) >= q.Needed && !bends {
				t.Errorf("%d honest shares under %+v: %v", len(here), q, err)
			}
		case got.String() != e.String():
			t.Error("another key came out")
		}
	})
}
