package desk

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Hostile servers, acts upon items: a server signs whatever it lists, so a list
// that fits proves nothing. What a reporter sent is found out by the reporter's
// signature alone.

// server is a drop with a victim's item and an honest one, for two reviewers.
type server struct {
	*drop
	code   receipt.Code
	id     receipt.ItemID
	theirs members
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{drop: newDrop(t, 2), code: receipt.New()}
	s.id, s.theirs = s.code.ItemID(0), s.message(s.code, 0, marker+" korban")
	return s
}

func (s *server) payload() string       { return s.path(batch.Payload, s.id, 0) }
func (s *server) slotPath(n int) string { return s.path(batch.Slot, s.id, n) }

// heals holds that the victim's item, brought as it was sent in a later batch,
// goes into its thread: what a server spoiled once is not spoiled for good.
func (s *server) heals(t *testing.T, d *table) {
	t.Helper()
	before := len(d.texts())
	served := d.drop
	served.close(s.theirs)
	last := uint64(len(served.batches))
	r := d.take(served.bundle(last, last))
	if len(r.New) != 1 || len(d.Apart()) != 0 || len(d.texts()) != before+1 {
		t.Errorf("as it was sent: %+v, apart are %+v", r, d.Apart())
	}
	d.checkFolder("apart", 0)
}

func TestServerSwapsSlots(t *testing.T) {
	s := newServer(t)
	other := s.message(receipt.New(), 0, marker+" lain")
	foreign := func(n int) []byte {
		for path, slot := range other {
			if strings.HasSuffix(path, s.slotPath(n)[len(s.slotPath(n))-len("/001.age"):]) {
				return slot
			}
		}
		return nil
	}
	first, second := s.theirs[s.slotPath(0)], s.theirs[s.slotPath(1)]
	for name, test := range map[string]struct {
		swapped members
		want    string
	}{
		"with each other":               {members{s.slotPath(0): second, s.slotPath(1): first}, foreignSlot},
		"own with another item's":       {members{s.slotPath(0): foreign(0)}, misSealed},
		"colleague's with another's":    {members{s.slotPath(1): foreign(1)}, forged},
		"all of them with another's":    {members{s.slotPath(0): foreign(0), s.slotPath(1): foreign(1)}, misSealed},
		"colleague's with the own slot": {members{s.slotPath(1): first}, forged},
	} {
		t.Run(name, func(t *testing.T) {
			s.heals(t, s.setsApart(t, s.id, s.theirs.with(test.swapped), test.want))
		})
	}
}

func TestServerSwapsPayloads(t *testing.T) {
	s := newServer(t)
	code := receipt.New()
	other := s.message(code, 0, marker+" lain")
	second := s.path(batch.Payload, code.ItemID(0), 0)
	s.close(s.theirs.with(members{s.payload(): other[second]}), other.with(members{second: s.theirs[s.payload()]}),
		s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	r := d.take(s.bundle(1, 1))
	if len(r.Apart) != 2 || r.Apart[0].Reason != misSealed || r.Apart[1].Reason != misSealed || len(r.New) != 1 {
		t.Errorf("report is %+v", r)
	}
	s.close(s.theirs)
	s.close(other)
	d.take(s.bundle(2, 3))
	if texts := d.texts(); len(texts) != 3 || len(d.Apart()) != 0 {
		t.Errorf("the desk reads %q", texts)
	}
}

// TestServerMutilatesAnItem, and lists it so: the hashes fit.
func TestServerMutilatesAnItem(t *testing.T) {
	s := newServer(t)
	payload := s.theirs[s.payload()]
	flipped, cut := bytes.Clone(payload), payload[:len(payload)-1]
	flipped[len(flipped)-1] ^= 1
	bent := bytes.Clone(s.theirs[s.slotPath(1)])
	bent[len(bent)-1] ^= 1
	noSlot := func(more int64) []byte { return make([]byte, item.SlotSize(roster.Quorum{Needed: 1})+more) }
	for name, test := range map[string]struct {
		item members
		want string
	}{
		"payload of zeros":     {s.theirs.with(members{s.payload(): make([]byte, len(payload))}), misSealed},
		"payload with a flip":  {s.theirs.with(members{s.payload(): flipped}), misSealed},
		"payload cut":          {s.theirs.with(members{s.payload(): cut}), "its payload has a size that no payload has"},
		"no payload":           {s.theirs.without("payload"), "its batch lists no payload for it"},
		"own slot of zeros":    {s.theirs.with(members{s.slotPath(0): noSlot(0)}), damagedSlot},
		"colleague's slot":     {s.theirs.with(members{s.slotPath(1): bent}), forged},
		"slot of another size": {s.theirs.with(members{s.slotPath(1): noSlot(1)}), "a slot has a size that no slot has"},
		"a slot too few":       {s.theirs.without("slots/002"), "it has 1 slots, and roster 1 has 2 reviewers"},
		"a slot too many":      {s.theirs.with(members{s.slotPath(2): bent}), "it has 3 slots, and roster 1 has 2 reviewers"},
		"slots misnumbered": {swap(s.theirs, "slots/002", "slots/003"),
			"its slots are not numbered as the roster's reviewers are"},
	} {
		t.Run(name, func(t *testing.T) {
			s.heals(t, s.setsApart(t, s.id, test.item, test.want))
		})
	}
}

// TestServerDropsAnItem that it has listed, or a part of it. The batch is not
// acknowledged, so that the server cannot say that the desk has it.
func TestServerDropsAnItem(t *testing.T) {
	s := newServer(t)
	s.close(s.theirs, s.message(receipt.New(), 0, honest))
	for name, part := range map[string]string{
		"all of it": s.id.String(), "its payload": s.id.String() + "/payload", "a slot": s.id.String() + "/slots/002",
	} {
		d := s.sit(0)
		r := d.take(s.bundle(1, 1).without(part))
		if !slices.Equal(r.Withheld, []string{s.id.String()}) || len(r.New) != 1 || len(r.Apart) > 0 {
			t.Errorf("%s: report is %+v", name, r)
		}
		if acks, _ := d.Waiting(); acks != 0 || !d.reads("0 "+honest) {
			t.Errorf("%s: %d acknowledgements wait, the desk reads %q", name, acks, d.texts())
		}
		if r = d.take(s.bundle(1, 1)); len(r.New) != 1 || !r.Whole() {
			t.Errorf("%s: brought later: %+v", name, r)
		}
		if acks, _ := d.Waiting(); acks != 1 {
			t.Errorf("%s: the whole batch is not acknowledged", name)
		}
	}
}

// TestServerDropsARoster that an item was sealed under: nobody can judge it.
func TestServerDropsARoster(t *testing.T) {
	s := newDrop(t, 1)
	old := s.message(receipt.New(), 0, marker)
	s.newRoster(func(d *draft) {})
	s.close(old, s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	r := d.take(s.bundle(1, 1).without("rosters/1.note"))
	if !slices.Equal(r.Withheld, []string{"rosters/1.note"}) || len(r.New) != 1 || len(r.Apart) > 0 {
		t.Errorf("report is %+v", r)
	}
	if acks, _ := d.Waiting(); acks != 0 {
		t.Error("a batch with an unreadable item is acknowledged")
	}
	if r = d.take(s.bundle(1, 1)); len(r.New) != 1 || !r.Whole() || len(d.texts()) != 2 {
		t.Errorf("with its roster: %+v", r)
	}
}

// TestServerRefilesAnItem: whole, and under another id, or under another roster
// than it was sealed for.
func TestServerRefilesAnItem(t *testing.T) {
	s := newServer(t)
	other := receipt.New().ItemID(0)
	t.Run("under another id", func(t *testing.T) {
		s.setsApart(t, other, swap(s.theirs, s.id.String(), other.String()), forged)
	})
	t.Run("under a roster that nobody signed", func(t *testing.T) {
		served := *s.drop
		served.t, served.batches = t, nil
		served.close(swap(s.theirs, "items/1/", "items/7/"), served.message(receipt.New(), 0, honest))
		d := served.sit(0)
		if r := d.take(served.bundle(1, 1)); !slices.Equal(r.Withheld, []string{"rosters/7.note"}) || len(r.New) != 1 {
			t.Errorf("report is %+v", r)
		}
	})
	t.Run("as a copy beside it", func(t *testing.T) {
		served := *s.drop
		served.t, served.batches = t, nil
		served.close(s.theirs)
		served.close(swap(s.theirs, s.id.String(), other.String()))
		d := served.sit(0)
		d.take(served.bundle(1, 1))
		r := d.take(served.bundle(2, 2))
		if len(r.Apart) != 1 || r.Apart[0].Reason != "its payload is a copy of item "+s.id.String() || len(d.texts()) != 1 {
			t.Errorf("report is %+v", r)
		}
	})
	forkedParty := *s.Party
	forkedParty.Roster = nil
	next := forkedParty.Draft(day)
	next.Weeks = 3
	forkedParty.Sign(t, next)
	fork := *s.drop
	fork.Party = &forkedParty
	t.Run("from another roster of its number", func(t *testing.T) {
		s.setsApart(t, s.id, fork.message(s.code, 0, marker), forged)
	})
	s.newRoster(func(*draft) {})
	t.Run("under the next roster", func(t *testing.T) {
		s.setsApart(t, s.id, swap(s.theirs, "items/1/", "items/2/"), forged)
	})
}

// TestServerRefilesSlots: those of one item beside the payload of another.
func TestServerRefilesSlots(t *testing.T) {
	s := newServer(t)
	other := receipt.New()
	slots := swap(s.message(other, 0, marker).without("payload"), other.ItemID(0).String(), s.id.String())
	s.heals(t, s.setsApart(t, s.id, s.theirs.with(slots), misSealed))
}

// TestServerListsAnItemUnderTwoRosters: whichever the desk looks at first, the
// reporter's item goes into its thread.
func TestServerListsAnItemUnderTwoRosters(t *testing.T) {
	for name, sequence := range map[string][2]string{"the second is the item": {"2", "1"}, "the first is": {"1", "2"}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			if sequence[0] == "2" {
				s.newRoster(func(*draft) {})
				s.theirs = s.message(s.code, 0, marker+" korban")
			} else {
				s.newRoster(func(*draft) {})
			}
			garbage := swap(s.theirs, "items/"+sequence[0]+"/", "items/"+sequence[1]+"/")
			s.close(s.theirs, garbage, s.message(receipt.New(), 0, honest))
			d := s.sit(0)
			r := d.take(s.bundle(1, 1))
			if len(r.New) != 2 || len(d.Apart()) != 0 || len(d.texts()) != 2 {
				t.Errorf("report is %+v, apart are %+v", r, d.Apart())
			}
			d.checkFolder("apart", 0)
			if r := d.take(s.bundle(1, 1)); len(r.New)+len(r.Apart) > 0 {
				t.Errorf("once more: %+v", r)
			}
		})
	}
}

// TestServerCoversAWithheldItem: the server lists garbage under a victim's id,
// which opens for nobody or is set apart, and in a later batch the victim's item,
// which it brings to a colleague and withholds here. That the desk knows the id
// is no excuse: it knows other content.
func TestServerCoversAWithheldItem(t *testing.T) {
	for name, exclude := range map[string][]string{"set apart": nil, "for others": {"r1"}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			garbage := s.seal(s.code, 0, item.Content{Kind: item.Message, Text: marker}, exclude...)
			if exclude == nil {
				garbage[s.payload()] = make([]byte, item.PayloadSize(item.Floor))
			}
			s.close(garbage)
			s.close(s.theirs, s.message(receipt.New(), 0, honest))
			d := s.sit(0)
			if r := d.take(s.bundle(1, 1)); len(r.Apart)+r.NotOurs != 1 {
				t.Fatalf("the garbage: %+v", r)
			}
			r := d.take(s.bundle(2, 2).without(s.id.String()))
			if !slices.Equal(r.Withheld, []string{s.id.String()}) || len(r.New) != 1 {
				t.Errorf("report is %+v", r)
			}
			if acks, _ := d.Waiting(); acks != 1 {
				t.Errorf("%d acknowledgements wait, want that of batch 1", acks)
			}
			if r = d.take(s.bundle(2, 2)); len(r.New) != 1 || !r.Whole() || len(d.Apart())+d.NotOurs() > 0 {
				t.Errorf("brought later: %+v", r)
			}
			if r = d.take(s.bundle(1, 1).without("items/")); !r.Whole() {
				t.Errorf("the garbage need not come again: %+v", r)
			}
		})
	}
}

// TestServerClaimsADeletion that its reporter did not ask for: of an item that
// the desk has, and of one that it withholds.
func TestServerClaimsADeletion(t *testing.T) {
	s := newServer(t)
	wrong := s.code.Burn(1)
	s.close(s.theirs, s.message(receipt.New(), 0, honest))
	r := s.sit(0).take(s.bundle(1, 1).without(s.id.String()).with(falseMark(s.id, wrong)))
	if !slices.Equal(r.Withheld, []string{s.id.String()}) || r.Gone > 0 || len(r.New) != 1 {
		t.Errorf("withheld: %+v", r)
	}
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	s.close()
	r = d.take(s.bundle(2, 2).with(falseMark(s.id, wrong)))
	warned := len(r.Warnings) == 1 && strings.Contains(r.Warnings[0], "cannot prove it")
	if !warned || len(r.Deleted) > 0 || len(d.texts()) != 2 {
		t.Errorf("of an item at hand: %+v", r)
	}
}

// TestServerForgesAProofOfDeletion: a server that lists a burn hash of its own is
// found out by every desk that opens the item.
func TestServerForgesAProofOfDeletion(t *testing.T) {
	s := newServer(t)
	own := receipt.Secret{7}
	s.burns[s.id] = own.Hash()
	s.close(s.theirs)
	r := s.sit(0).take(s.bundle(1, 1))
	if len(r.New) != 1 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "another proof of deletion") {
		t.Errorf("report is %+v", r)
	}
}
