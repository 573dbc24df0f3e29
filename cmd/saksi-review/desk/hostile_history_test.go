package desk

import (
	"errors"
	"slices"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// Hostile servers, acts upon the history: batches and rosters are chained, and
// the desk remembers the hash of each.

// desk that knows an honest past: batches 1 and 2 with a text each.
func (s *drop) withPast(t *testing.T) *table {
	t.Helper()
	s.close(s.message(receipt.New(), 0, honest))
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	return d
}

// keepsPast holds that the honest past is still read.
func (d *table) keepsPast(t *testing.T) {
	t.Helper()
	if texts := d.texts(); len(texts) < 2 || texts[0] != "0 "+honest || texts[1] != "0 "+honest {
		t.Errorf("the desk reads %q", texts)
	}
}

// TestServerRollsTheRosterBack: it keeps the newest roster from the desk, the one
// that revokes somebody perhaps, and goes on with batches under the old one.
func TestServerRollsTheRosterBack(t *testing.T) {
	s := newDrop(t, 1)
	d := s.withPast(t)
	old := s.bundle(1, 2)
	s.newRoster(func(d *draft) { d.Weeks = 5 })
	s.close(s.message(receipt.New(), 0, honest))
	d.take(s.bundle(3, 3))
	if r := d.take(old); !r.Nothing() {
		t.Errorf("an old bundle, which has nothing new: %+v", r)
	}
	s.close(s.message(receipt.New(), 0, marker))
	d.refuse(s.bundle(4, 4).without("rosters/2.note"), ErrRollback)
	d.refuse(s.bundle(3, 4).without("rosters/2.note"), ErrRollback)
	d.keepsPast(t)
	if r := d.take(s.bundle(4, 4)); len(r.New) != 1 || !r.Whole() {
		t.Errorf("with the roster: %+v", r)
	}
}

// TestOldStickClosesAGap: a copy of the desk lacks the batch that the lost outbox had
// confirmed, and no server has it any more. The stick does, from before the newest
// roster. What it brings lies between what the desk has, and takes nothing back.
func TestOldStickClosesAGap(t *testing.T) {
	s := newDrop(t, 1)
	d := s.withPast(t)
	s.close(s.message(receipt.New(), 0, marker))
	stick := s.bundle(1, 3)
	s.newRoster(func(d *draft) { d.Weeks = 5 })
	s.close()
	if r := d.take(s.bundle(4, 4)); !slices.Equal(r.Missing, []Range{{3, 3}}) {
		t.Fatalf("missing %v, want batch 3", r.Missing)
	}
	if r := d.take(stick); len(r.New) != 1 || !slices.Equal(r.Batches, []uint64{3}) || !r.Whole() || d.newest().Sequence != 2 {
		t.Errorf("the stick that has it: %+v, under roster %d", r, d.newest().Sequence)
	}
	if acks, _ := d.Waiting(); acks != 4 {
		t.Errorf("%d batches are to be confirmed, want all 4", acks)
	}
	d.keepsPast(t)
}

// TestOldStickOpensNoGap: without the newest roster a bundle closes gaps, in whole or in
// part, and makes none, neither before the desk's first batch nor after its last.
func TestOldStickOpensNoGap(t *testing.T) {
	s := newDrop(t, 1)
	for range 7 {
		s.close()
	}
	second, fourth, fifth, seventh := s.bundle(2, 2), s.bundle(4, 4), s.bundle(5, 5), s.bundle(7, 7)
	d := s.sit(0)
	d.take(fifth)
	s.newRoster(func(d *draft) { d.Weeks = 5 })
	s.close()
	s.close()
	d.take(s.bundle(8, 8))
	d.refuse(s.bundle(9, 9).without("rosters/2.note"), ErrRollback)
	d.refuse(second, ErrRollback)
	for _, step := range []struct {
		stick   members
		missing []Range
	}{{fifth, []Range{{6, 7}}}, {seventh, []Range{{6, 6}}}, {fourth, []Range{{6, 6}}}} {
		if r := d.take(step.stick); !slices.Equal(r.Missing, step.missing) {
			t.Errorf("missing %v, want %v", r.Missing, step.missing)
		}
	}
	strange := newDrop(t, 1)
	strange.close()
	d.refuse(s.bundle(6, 6).without(".note").with(strange.bundle(1, 1)), ErrRoster)
}

// TestServerForksTheRoster: the roots were made to sign two rosters of one
// number, and the desk knows the other one.
func TestServerForksTheRoster(t *testing.T) {
	s := newDrop(t, 1)
	d := s.withPast(t)
	first := *s.Party
	s.newRoster(func(d *draft) { d.Weeks = 5 })
	s.close(s.message(receipt.New(), 0, honest))
	d.take(s.bundle(3, 3))
	known := *s.Party

	*s.Party = first
	s.newRoster(func(d *draft) { d.Weeks = 7 })
	s.close(s.message(receipt.New(), 0, marker))
	d.refuse(s.bundle(4, 4), ErrFork)
	d.keepsPast(t)
	*s.Party = known
	s.publish()
	if r := d.take(s.bundle(4, 4)); len(r.Batches) != 1 {
		t.Errorf("with the roster that is known: %+v", r)
	}
}

// TestServerSkipsARoster: between the one that the desk knows and the newest one
// is missing, so nobody can tell what it revoked; or stands under its number.
func TestServerSkipsARoster(t *testing.T) {
	s := newDrop(t, 1)
	d := s.withPast(t)
	s.newRoster(func(*draft) {})
	second := s.rosters["rosters/2.note"]
	s.newRoster(func(*draft) {})
	s.close(s.message(receipt.New(), 0, honest))
	d.refuse(s.bundle(3, 3).without("rosters/2.note"), roster.ErrChain)
	d.refuse(s.bundle(3, 3).without("rosters/2.note"), ErrRoster)
	d.refuse(s.bundle(3, 3).with(members{"rosters/3.note": second}), batch.ErrBundle)
	d.keepsPast(t)
	if r := d.take(s.bundle(3, 3)); len(r.New) != 1 {
		t.Errorf("with all rosters: %+v", r)
	}
}

// TestServerForksTheBatches: other batches under known numbers, or after them.
func TestServerForksTheBatches(t *testing.T) {
	s := newDrop(t, 1)
	d := s.withPast(t)
	past := s.batches
	fork := func(from int) {
		s.batches = slices.Clone(past[:from-1])
		for len(s.batches) < 4 {
			s.close(s.message(receipt.New(), 0, marker))
		}
	}
	fork(2)
	d.refuse(s.bundle(1, 2), ErrFork)
	d.refuse(s.bundle(2, 3), ErrFork)
	d.refuse(s.bundle(3, 4), ErrFork)
	fork(1)
	d.refuse(s.bundle(1, 1), ErrFork)
	d.keepsPast(t)

	late := s.sit(0) // a new desk, that meets the fork first
	late.take(s.bundle(3, 3))
	s.batches = past
	late.refuse(s.bundle(1, 2), ErrFork)
	if _, err := late.try(s.bundle(1, 1)); err != nil {
		t.Errorf("a batch that touches nothing known: %v", err)
	}
	s.close(s.message(receipt.New(), 0, honest))
	if r := d.take(s.bundle(3, 3)); len(r.New) != 1 {
		t.Errorf("the honest history goes on: %+v", r)
	}
}

// TestServerWithholdsBatches: each gap is named until it is filled, and nothing
// above it is acknowledged.
func TestServerWithholdsBatches(t *testing.T) {
	s := newDrop(t, 1)
	for range 8 {
		s.close(s.message(receipt.New(), 0, honest))
	}
	d := s.sit(0)
	for _, step := range []struct {
		from, to uint64
		missing  []Range
		texts    int
		acks     int
	}{
		{2, 3, nil, 2, 2}, {6, 6, []Range{{4, 5}}, 3, 2}, {8, 8, []Range{{4, 5}, {7, 7}}, 4, 2},
		{5, 7, []Range{{4, 4}}, 6, 2}, {4, 8, nil, 7, 7}, {1, 8, nil, 8, 8},
	} {
		r := d.take(s.bundle(step.from, step.to))
		acks, _ := d.Waiting()
		if !slices.Equal(r.Missing, step.missing) || len(d.texts()) != step.texts || acks != step.acks {
			t.Errorf("batches %d to %d: %d texts, %d acknowledgements, missing are %v, want %+v",
				step.from, step.to, len(d.texts()), acks, r.Missing, step)
		}
	}
}

// TestServerRestoredFromABackup: an operator who went back makes other batches
// under numbers that the desk knows. The desk cannot tell that from a lie and
// names it; it keeps what it has, and a desk in a new folder begins with the
// server's new history, in which the desk's own answers do not stand.
func TestServerRestoredFromABackup(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(receipt.New(), 0, honest))
	backup := slices.Clone(s.batches)
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	acknowledged := d.send()

	s.batches = backup
	s.close(s.message(code, 0, marker+" sesudahnya"))
	d.refuse(s.bundle(1, 2), ErrFork)
	s.close()
	d.refuse(s.bundle(2, 3), ErrFork)
	d.keepsPast(t)
	if last := acknowledged.Acks[len(acknowledged.Acks)-1]; last.Batch == s.batches[1].note.Hash() {
		t.Error("the server cannot tell from the outbox that it went back")
	}
	fresh := s.sit(0)
	if r := fresh.take(s.bundle(1, 3)); len(r.New) != 2 || !r.Whole() {
		t.Errorf("a new folder: %+v", r)
	}
	if _, err := fresh.Thread(code.Keys().Mailbox().String()); err != nil {
		t.Errorf("what came after is not read: %v", err)
	}
}

// TestRosterByOtherRoots, for a new desk and for one that knows the right ones:
// named, and nothing on the desk changes.
func TestRosterByOtherRoots(t *testing.T) {
	s, other := newDrop(t, 1), newDrop(t, 1)
	past := s.withPast(t)
	s.close(s.message(receipt.New(), 0, honest))
	other.close(other.message(receipt.New(), 0, marker))
	for name, d := range map[string]*table{"a new desk": s.sit(0), "an old one": past} {
		t.Run(name, func(t *testing.T) {
			good := s.bundle(1, 3)
			d.refuse(good.with(members{"rosters/1.note": signNote(t, s.Roster.Text, other.Roots...)}), ErrRoster)
			d.refuse(good.with(members{"rosters/1.note": other.Roster.Note}), roster.ErrRoots)
			d.refuse(other.bundle(1, 1), ErrRoster)
			if r := d.take(good); len(r.New) == 0 || !r.Whole() {
				t.Errorf("the right one, later: %+v", r)
			}
		})
	}
	past.keepsPast(t)
	past.drop = other // whose root file the reviewer now gives
	past.refuse(other.bundle(1, 1), ErrOtherRoots)
	past.refuse(s.bundle(1, 3), ErrOtherRoots)
}

// TestRosterWithTooFewSignatures: one root of two made it alone.
func TestRosterWithTooFewSignatures(t *testing.T) {
	s := newDrop(t, 1)
	s.Roots = append(s.Roots, generate(t, "akar-dua"))
	s.Trusted = roster.RootSet{Threshold: 2, Keys: []sign.Key{s.Roots[0].Key(), s.Roots[1].Key()}}
	s.Party.Roster, s.rosters = nil, members{}
	s.newRoster(func(*draft) {})
	d := s.withPast(t)
	both := s.Roster
	s.Roots = s.Roots[:1]
	next := s.Draft(day)
	next.Previous = both
	r, _, err := next.Roster()
	if err != nil {
		t.Fatal(err)
	}
	s.rosters["rosters/2.note"] = signNote(t, r.Text(), s.Roots...)
	s.close(s.message(receipt.New(), 0, honest))
	alone := s.bundle(3, 3)
	d.refuse(alone, ErrRoster)
	if _, err := d.try(alone); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("got %v, want ErrSignatures", err)
	}
	d.keepsPast(t)
	if r := d.take(alone.without("rosters/2.note")); len(r.New) != 1 {
		t.Errorf("without it: %+v", r)
	}
}

func signNote(t *testing.T, text string, signers ...sign.Signer) []byte {
	t.Helper()
	msg, err := sign.Note(text, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}
