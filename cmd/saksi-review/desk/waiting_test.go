package desk

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/shamir"
	"saksi/crypto/share"
	"saksi/crypto/week"
)

// newQuorum is a drop whose items two of four reviewers open together, one of
// them from outside province 73.
func newQuorum(t testing.TB) *drop {
	t.Helper()
	s := newDrop(t, 4)
	s.newRoster(func(d *reviewer.Draft) {
		for i, region := range []string{"73.71", "73", "00", "00"} {
			d.Cards[i].Line.Region = region
			s.Reviewers[i].Line.Region = region
		}
		d.Quorum = roster.Quorum{Needed: 2, Outside: 1}
	})
	return s
}

// secret is a message that one reviewer is excluded from, if any.
func (s *drop) secret(code receipt.Code, n int, text string, withheld ...string) members {
	s.t.Helper()
	return s.seal(code, n, item.Content{
		Kind: item.Message, Language: "id", Text: text, Readers: item.Readers{Province: "73", Withheld: withheld},
	})
}

// hand gives what waits on one desk to another.
func (d *table) hand(to *table) *Joined {
	d.t.Helper()
	j, err := d.tryHand(to)
	if err != nil {
		d.t.Fatal(err)
	}
	to.check()
	to.reopen()
	return j
}

func (d *table) tryHand(to *table) (*Joined, error) {
	d.t.Helper()
	var file bytes.Buffer
	if _, err := d.Share(to.config.Keys.Line.ID, &file); err != nil {
		d.t.Fatal(err)
	}
	return to.Join(context.Background(), file.Bytes())
}

// TestAQuorumOpensAtADesk: nobody alone, not two of one province, and then two of
// whom one is from elsewhere, who get the thread as if it had come now.
func TestAQuorumOpensAtADesk(t *testing.T) {
	s := newQuorum(t)
	code := receipt.New()
	s.close(s.secret(code, 0, "satu"), s.secret(code, 1, "dua"))
	desks := []*table{s.sit(0), s.sit(1), s.sit(2)}
	for _, d := range desks {
		report := d.take(s.bundle(1, 1))
		if report.Waits != 2 || len(report.New) != 0 || d.Pending() != 2 || !d.reads() {
			t.Fatalf("alone: %+v, %d wait", report, d.Pending())
		}
	}
	if j := desks[1].hand(desks[0]); j.Taken != 2 || len(j.Report.New) != 0 || desks[0].Pending() != 2 {
		t.Fatalf("two of one province: %+v", j)
	}
	j := desks[2].hand(desks[0])
	if len(j.Report.New) != 2 || desks[0].Pending() != 0 || !desks[0].reads("0 satu", "1 dua") {
		t.Fatalf("a quorum: %+v, %q", j, desks[0].texts())
	}
	if o := desks[0].send(); len(o.Replies) != 1 {
		t.Errorf("%d acknowledgements for the reporter", len(o.Replies))
	}
	if j := desks[2].hand(desks[0]); j.Unknown != 2 || j.Taken != 0 {
		t.Errorf("once more: %+v", j)
	}
	if r := desks[0].take(s.bundle(1, 1)); !r.Nothing() {
		t.Errorf("the bundle once more: %+v", r)
	}
}

// TestKeyOfWhatWaitedEndsWhenItOpens, also if the command is killed as soon as the index
// is written.
func TestKeyOfWhatWaitedEndsWhenItOpens(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "satu"))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	disk := filepath.Join(t.TempDir(), "disk")
	path := one.casePath(one.index.Waiting[0].Case)
	was, err := os.ReadFile(path)
	if err := errors.Join(err, os.Link(path, disk)); err != nil {
		t.Fatal(err)
	}
	im := one.joining()
	w := im.next.Waiting[0]
	k, err := one.openCase(w.Case, w.ID)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := three.parts(three.index.Waiting[0])
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.seal(string(parts.Handed.Shares))
	w.Shares = append(w.Shares, keptShare{parts.Handed.Slot, sealed})
	if err := errors.Join(err, im.try(context.Background(), w, k), im.commit()); err != nil {
		t.Fatal(err)
	}
	one.reopen()
	if left, err := os.ReadFile(disk); err != nil || bytes.Equal(left, was) {
		t.Errorf("the key of what waited is on the disk: %v", err)
	}
	if one.check(); !one.reads("0 satu") {
		t.Errorf("the desk reads %q", one.texts())
	}
}

// TestWhoIsExcludedCollectsSharesInVain: colleagues hand over what they have, as
// they cannot know, and it opens for them and not for the excluded one.
func TestWhoIsExcludedCollectsSharesInVain(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "jangan r2", "r2"))
	one, excluded, three, four := s.sit(0), s.sit(1), s.sit(2), s.sit(3)
	for _, d := range []*table{one, excluded, three, four} {
		d.take(s.bundle(1, 1))
	}
	for _, d := range []*table{one, three, four} {
		if j := d.hand(excluded); len(j.Report.New) != 0 {
			t.Fatalf("the excluded reviewer opened it: %+v", j)
		}
	}
	if excluded.Pending() != 1 || !excluded.reads() {
		t.Error("the excluded reviewer reads it")
	}
	excluded.hand(one) // random bytes, which harm nobody
	if three.hand(one); !one.reads("0 jangan r2") {
		t.Errorf("a quorum beside the excluded one reads %q", one.texts())
	}
	if kept := one.Threads()[0].Items[0].KeptFrom; len(kept) != 1 || kept[0] != "r2" {
		t.Errorf("its readers are told that it is kept from %q", kept)
	}
}

// TestWhatWaitsOutlivesTheSecretOfItsWeek: what was in the slot is kept, so that
// destroying weeks loses nothing.
func TestWhatWaitsOutlivesTheSecretOfItsWeek(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "nanti"))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	// From the next roster on the reviewer has another secret, and the first is gone.
	later := *s.Reviewers[0]
	later.Terms = partytest.ReviewerWith(t, 1, s.always()).Terms
	s.newRoster(func(d *reviewer.Draft) {
		d.Cards[0], d.Quorum = later.Card(), roster.Quorum{Needed: 2, Outside: 1}
	})
	s.close()
	one.take(s.bundle(1, 2))
	three.take(s.bundle(1, 2))
	one.config.Keys = &later
	one.reopen()
	if j := three.hand(one); len(j.Report.New) != 1 || !one.reads("0 nanti") {
		t.Errorf("%+v, reads %q", j, one.texts())
	}
}

// always is a term of all weeks.
func (s *drop) always() reviewer.Term {
	s.t.Helper()
	term, err := reviewer.NewTerm(week.Week{Year: 2000, Number: 1}, week.Week{Year: 2199, Number: 52})
	if err != nil {
		s.t.Fatal(err)
	}
	return term
}

// TestSharesThatDoNotFitAreRefused: for another desk, of nobody on the roster, in
// a colleague's place.
func TestSharesThatDoNotFitAreRefused(t *testing.T) {
	s := newQuorum(t)
	m := s.secret(receipt.New(), 0, "satu")
	s.close(m)
	one, three, four := s.sit(0), s.sit(2), s.sit(3)
	for _, d := range []*table{one, three, four} {
		d.take(s.bundle(1, 1))
	}
	var file bytes.Buffer
	if _, err := three.Share("r4", &file); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Join(context.Background(), file.Bytes()); !errors.Is(err, share.ErrNotMine) {
		t.Errorf("for another: %v", err)
	}
	for _, id := range []string{"r3", "r9"} {
		if _, err := three.Share(id, &file); !errors.Is(err, ErrColleague) {
			t.Errorf("to %s: %v, want ErrColleague", id, err)
		}
	}
	h := &share.Handout{From: "r3", To: "r1", Roster: s.Roster.Sequence, RosterHash: s.Roster.Hash}
	h.Items = []share.Item{{ID: one.id(), Roster: s.Roster.Sequence, Handed: item.Handed{Slot: 3, Shares: make([]byte, 154)}}}
	forged, err := h.Seal(s.Reviewers[2].Signer, s.Circle.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	j, err := one.Join(context.Background(), forged)
	if err != nil || j.Refused != 1 || j.Taken != 0 {
		t.Errorf("in a colleague's place: %+v, %v", j, err)
	}
	one.check()
}

// id is that of the one item that waits.
func (d *table) id() receipt.ItemID {
	d.t.Helper()
	id, err := receipt.ParseItemID(d.index.Waiting[0].ID)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// TestADeletionIsBelievedWhenTheItemOpens: until then its proof is the server's
// word, and a lie would make every desk forget what waits.
func TestADeletionIsBelievedWhenTheItemOpens(t *testing.T) {
	s := newQuorum(t)
	honest, lied := receipt.New(), receipt.New()
	s.close(s.secret(honest, 0, "saya hapus"), s.secret(lied, 0, "tetap"))
	one, three := s.sit(0), s.sit(2)
	for _, d := range []*table{one, three} {
		d.take(s.bundle(1, 1))
	}
	s.close()
	one.take(s.bundle(1, 2).with(burnMark(honest, 0)).with(falseMark(lied.ItemID(0), receipt.Secret{1})))
	if one.Pending() != 2 {
		t.Fatalf("%d wait", one.Pending())
	}
	j := three.hand(one)
	if len(j.Report.New) != 2 || len(j.Report.Deleted) != 1 {
		t.Errorf("%+v", j.Report)
	}
}

// TestTheServerKeepsNoItemOfAQuorumClosed by saying that it was deleted: a server that
// lists a burn hash of its own has the token for it, and could have every desk leave
// the item out of what it hands to others. What was proved when it opened is left out.
func TestTheServerKeepsNoItemOfAQuorumClosed(t *testing.T) {
	s := newQuorum(t)
	lied, honest := receipt.New(), receipt.New()
	m, token := s.secret(lied, 0, "tetap"), receipt.Secret{9, 9}
	s.burns[lied.ItemID(0)] = token.Hash()
	s.close(m, s.secret(honest, 0, "saya hapus"))
	one, three := s.sit(0), s.sit(2)
	marks := falseMark(lied.ItemID(0), token).with(burnMark(honest, 0))
	for _, d := range []*table{one, three} {
		d.take(s.bundle(1, 1))
	}
	s.close()
	for _, d := range []*table{one, three} {
		d.take(s.bundle(1, 2).with(marks))
	}
	var file bytes.Buffer
	if sum, err := three.Share("r1", &file); err != nil || sum.Items != 2 || sum.Claimed != 2 || sum.Deleted != 0 {
		t.Errorf("of what waits: %+v, %v", sum, err)
	}
	j := three.hand(one)
	if len(j.Report.New) != 2 || len(j.Report.Deleted) != 1 || j.Report.Deleted[0].ID != honest.ItemID(0).String() {
		t.Errorf("opened: %+v", j.Report)
	}
	if all := strings.Join(j.Report.Warnings, "\n"); !strings.Contains(all, "cannot prove it") {
		t.Errorf("the lie is not named: %q", all)
	}
	if sum, err := one.Share("r4", &file); err != nil || sum.Items != 1 || sum.Claimed != 0 || sum.Deleted != 1 {
		t.Errorf("of what is open: %+v, %v", sum, err)
	}
}

// TestAForgedItemOfAQuorumIsSetApartWhenItOpens: another slot than the author
// sealed is not noticed before, and is then.
func TestAForgedItemOfAQuorumIsSetApartWhenItOpens(t *testing.T) {
	s := newQuorum(t)
	code := receipt.New()
	m := s.secret(code, 0, "satu")
	last := s.path(batch.Slot, code.ItemID(0), 3)
	if other, err := hybrid.SealBytes(make([]byte, 231), s.Circle.Keys[3]); err == nil {
		m[last] = other
	}
	s.close(m)
	one, three := s.sit(0), s.sit(2)
	for _, d := range []*table{one, three} {
		d.take(s.bundle(1, 1))
	}
	j, err := three.tryHand(one)
	if err != nil || len(j.Report.Apart) != 1 || one.Pending() != 0 || len(one.Threads()) != 0 {
		t.Errorf("%+v, %v", j, err)
	}
	if one.reopen(); len(one.Apart()) != 1 {
		t.Errorf("%d apart", len(one.Apart()))
	}
}

// TestASlotOfAQuorumThatIsNotOursIsSetApart at once.
func TestASlotOfAQuorumThatIsNotOursIsSetApart(t *testing.T) {
	s := newQuorum(t)
	code := receipt.New()
	m := s.secret(code, 0, "satu")
	m[s.path(batch.Slot, code.ItemID(0), 0)] = m[s.path(batch.Slot, code.ItemID(0), 1)]
	s.close(m)
	if r := s.sit(0).take(s.bundle(1, 1)); r.Waits != 0 || len(r.Apart) != 1 {
		t.Errorf("%+v", r)
	}
}

// TestWhatOpenedIsHandedOn to colleagues who come later.
func TestWhatOpenedIsHandedOn(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "satu", "r2"))
	one, three, four := s.sit(0), s.sit(2), s.sit(3)
	for _, d := range []*table{one, three, four} {
		d.take(s.bundle(1, 1))
	}
	if three.hand(one); !one.reads("0 satu") {
		t.Fatal("it does not open")
	}
	if one.hand(four); !four.reads("0 satu") {
		t.Errorf("handed on it reads %q", four.texts())
	}
}

// TestABentShareHarmsNothing: neither one that begins as an honest one does, nor
// one that makes an identity of its writer's choice.
func TestABentShareHarmsNothing(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "satu"))
	one, three, four := s.sit(0), s.sit(2), s.sit(3)
	for _, d := range []*table{one, three, four} {
		d.take(s.bundle(1, 1))
	}
	parts, err := four.parts(four.index.Waiting[0])
	if err != nil {
		t.Fatal(err)
	}
	own, err := one.parts(one.index.Waiting[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, bent := range [][]byte{bentEnd(parts.Handed.Shares), s.poisoned(own, parts)} {
		h := &share.Handout{From: "r4", To: "r1", Roster: s.Roster.Sequence, RosterHash: s.Roster.Hash}
		h.Items = []share.Item{{ID: one.id(), Roster: s.Roster.Sequence, Handed: item.Handed{Slot: 3, Shares: bent}}}
		file, err := h.Seal(s.Reviewers[3].Signer, s.Circle.Keys[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := one.Join(context.Background(), file); err != nil || one.Pending() != 1 {
			t.Fatalf("bent: %d wait, %v", one.Pending(), err)
		}
	}
	if three.hand(one); !one.reads("0 satu") {
		t.Errorf("beside a bent share it reads %q", one.texts())
	}
}

// bentEnd leaves the beginning of a share as it was.
func bentEnd(shares []byte) []byte {
	bent := bytes.Clone(shares)
	for i := 16; i < len(bent); i++ {
		bent[i] ^= 0x55
	}
	return bent
}

// poisoned bends the shares of the last slot so that with those of the first they
// join to an identity that opens nothing.
func (s *drop) poisoned(own, bent item.Parts) []byte {
	s.t.Helper()
	mine, err := hybrid.Generate()
	if err != nil {
		s.t.Fatal(err)
	}
	combine := func(shares ...shamir.Share) []byte {
		secret, err := shamir.Combine(shares)
		if err != nil {
			s.t.Fatal(err)
		}
		return secret
	}
	size, zeros := item.ShareSize, make([]byte, item.ShareSize)
	b := bent.Handed.Shares[size:] // of one from elsewhere: the whole
	part := func(x int, y []byte) shamir.Share { return shamir.Share{X: byte(x), Y: y} }
	have := combine(part(1, own.Own), part(2, zeros), part(3, b))
	// What A has to contribute, divided by its weight.
	a := make([]byte, size)
	for i := range a {
		a[i] = have[i] ^ mine.String()[i]
	}
	a = s.divide(a, func(y []byte) []byte { return combine(part(1, zeros), part(2, y), part(3, zeros)) })
	ownA := combine(part(1, own.Handed.Shares[:size]), part(4, zeros))
	for i := range a {
		a[i] ^= ownA[i]
	}
	a = s.divide(a, func(y []byte) []byte { return combine(part(1, zeros), part(4, y)) })
	return append(a, b...)
}

// divide finds, byte by byte, what a linear map takes to the target.
func (s *drop) divide(target []byte, by func([]byte) []byte) []byte {
	found := make([]byte, len(target))
	for guess := range 256 {
		mapped := by(bytes.Repeat([]byte{byte(guess)}, len(target)))
		for i := range target {
			if mapped[i] == target[i] {
				found[i] = byte(guess)
			}
		}
	}
	return found
}
