package share

import (
	"errors"
	"strings"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// sample has shares of three items, from r1 to r2.
func sample(p *partytest.Party) *Handout {
	h := &Handout{From: "r1", To: "r2", Roster: p.Roster.Sequence, RosterHash: p.Roster.Hash}
	code := receipt.Code{1}
	for n := range 3 {
		size := item.ShareSize * (1 + n%2)
		h.Items = append(h.Items, Item{ID: code.ItemID(n), Roster: 1, Handed: item.Handed{Slot: 0, Shares: make([]byte, size)}})
	}
	return h
}

func seal(t testing.TB, p *partytest.Party, h *Handout) []byte {
	t.Helper()
	file, err := h.Seal(p.Reviewers[0].Signer, p.Circle.Keys[1])
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func open(p *partytest.Party, file []byte, rosters partytest.Rosters, r int) (*Handout, error) {
	return Open(file, p.Reviewers[r].Line.ID, rosters, p.Reviewers[r].SlotIdentities()...)
}

func TestSharesComeBack(t *testing.T) {
	p := partytest.New(t, day, 3)
	want := sample(p)
	got, err := open(p, seal(t, p, want), partytest.Rosters{p.Roster}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got.text() != want.text() {
		t.Errorf("%q, want %q", got.text(), want.text())
	}
}

// TestSharesAreForOneReviewerFromOne: no colleague opens them, none can pass them
// on under another name, and nobody signs in the place of a reviewer.
func TestSharesAreForOneReviewerFromOne(t *testing.T) {
	p := partytest.New(t, day, 3)
	rosters := partytest.Rosters{p.Roster}
	file := seal(t, p, sample(p))
	if _, err := open(p, file, rosters, 2); !errors.Is(err, ErrNotMine) {
		t.Errorf("another reviewer: %v", err)
	}
	plain, _, signature, err := unseal(file, p.Reviewers[1].SlotIdentities())
	if err != nil {
		t.Fatal(err)
	}
	passedOn, err := hybrid.SealBytes([]byte(plain.text()+signatureLine(signature)), p.Circle.Keys[2])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(p, passedOn, rosters, 2); !errors.Is(err, ErrNotMine) {
		t.Errorf("passed on: %v", err)
	}
	forged := sample(p)
	forged.From = "r3"
	if _, err := open(p, seal(t, p, forged), rosters, 1); !errors.Is(err, ErrSignature) {
		t.Errorf("in another's name: %v", err)
	}
	forged.From = "r9"
	if _, err := open(p, seal(t, p, forged), rosters, 1); !errors.Is(err, ErrSender) {
		t.Errorf("in nobody's name: %v", err)
	}
	forged = sample(p)
	forged.RosterHash[0]++
	if _, err := open(p, seal(t, p, forged), rosters, 1); !errors.Is(err, ErrSender) {
		t.Errorf("of another roster: %v", err)
	}
}

// TestARevokedReviewerHandsNothingOut holds also for one who left.
func TestARevokedReviewerHandsNothingOut(t *testing.T) {
	p := partytest.New(t, day, 3)
	first, file := p.Roster, seal(t, p, sample(p))
	d := p.Draft(day)
	d.Revoked = []roster.Revocation{{Key: p.Reviewers[0].Signer.Key(), From: 2}}
	p.Sign(t, d)
	if _, err := open(p, file, partytest.Rosters{first, p.Roster}, 1); !errors.Is(err, ErrSender) {
		t.Errorf("revoked: %v", err)
	}
	d.Revoked, d.Cards = nil, d.Cards[1:]
	p.Sign(t, d)
	if _, err := open(p, file, partytest.Rosters{first, p.Roster}, 1); !errors.Is(err, ErrSender) {
		t.Errorf("gone: %v", err)
	}
}

// TestWhatAStrangerWritesIsNotInAnError: who knows a reviewer's recipients, which are
// public, can seal any text to it, and have it printed as the reason for a refusal.
func TestWhatAStrangerWritesIsNotInAnError(t *testing.T) {
	p := partytest.New(t, day, 3)
	long := strings.Repeat("percaya", 100_000)
	for name, forged := range map[string]*Handout{
		"from": {From: long, To: "r2"}, "to": {From: "r1", To: long}, "words": {From: "r1", To: "saya LBH"},
		"hash": {From: "r1", To: "r2"},
	} {
		forged.Roster, forged.RosterHash = p.Roster.Sequence, p.Roster.Hash
		text := forged.text()
		if name == "hash" {
			text = strings.Replace(text, p.Roster.Hash.String(), long, 1)
		}
		file, err := hybrid.SealBytes([]byte(text+signatureLine(make([]byte, 64))), p.Circle.Keys[1])
		if err != nil {
			t.Fatal(err)
		}
		_, err = open(p, file, partytest.Rosters{p.Roster}, 1)
		if err == nil {
			t.Fatalf("%s is taken", name)
		}
		if said := err.Error(); len(said) > 200 || strings.Contains(said, "percaya") || strings.Contains(said, "saya") {
			t.Errorf("%s: an error of %d bytes", name, len(said))
		}
	}
}

func TestWhatCannotBeReadIsNotSealed(t *testing.T) {
	p := partytest.New(t, day, 3)
	h := sample(p)
	h.Items = append(h.Items, h.Items[0])
	if _, err := h.Seal(p.Reviewers[0].Signer, p.Circle.Keys[1]); err == nil {
		t.Error("an item that stands twice was sealed")
	}
	h = sample(p)
	h.Items[0].Shares = h.Items[0].Shares[1:]
	if _, err := h.Seal(p.Reviewers[0].Signer, p.Circle.Keys[1]); err == nil {
		t.Error("a short share was sealed")
	}
}
