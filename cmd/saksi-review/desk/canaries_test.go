package desk

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/week"
)

// canary seals one to a recipient, for reviewer n's desk.
func (s *drop) canary(month string, n int, to *hybrid.Recipient) (members, [32]byte) {
	s.t.Helper()
	sealed, hash, err := canary.New(to)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.asCanary(month, n, sealed), hash
}

// asCanary puts anything in the place of a canary.
func (s *drop) asCanary(month string, n int, sealed []byte) members {
	return members{"canary/" + month + "/" + s.Reviewers[n].Line.ID + ".age": sealed}
}

// TestADeskAnswersItsCanaries: those of its own reviewer, once, in the next outbox.
func TestADeskAnswersItsCanaries(t *testing.T) {
	s := newDrop(t, 2)
	own, hash := s.canary("2026-11", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	colleagues, _ := s.canary("2026-11", 1, s.Reviewers[1].SlotIdentities()[0].Recipient())
	s.close(own, colleagues)
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); len(r.Canaries) > 0 || len(r.Warnings) > 0 || !r.Whole() || d.WaitingCanaries() != 1 {
		t.Errorf("report %+v, %d wait", r, d.WaitingCanaries())
	}
	d.take(s.bundle(1, 1))
	o := d.send()
	if len(o.Canaries) != 1 || o.Canaries[0].Month != "2026-11" || !o.Canaries[0].Answer.Fits(hash) {
		t.Errorf("the outbox has %+v", o.Canaries)
	}
	next, hash := s.canary("2026-12", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	s.close(next)
	d.take(s.bundle(1, 2))
	o = d.send()
	if len(o.Canaries) != 1 || o.Canaries[0].Month != "2026-12" || !o.Canaries[0].Answer.Fits(hash) {
		t.Errorf("the second outbox has %+v", o.Canaries)
	}
	d.take(s.bundle(1, 2))
	if n := d.WaitingCanaries(); n != 0 {
		t.Errorf("%d wait after all was sent", n)
	}
}

// TestACanaryThatDoesNotOpenIsNamed: each time it comes; and it keeps nothing else out.
func TestACanaryThatDoesNotOpenIsNamed(t *testing.T) {
	s := newDrop(t, 1)
	lost, err := hybrid.Generate()
	if err != nil {
		t.Fatal(err)
	}
	other, _ := s.canary("2026-11", 0, lost.Recipient())
	s.close(other, s.message(receipt.New(), 0, "satu"))
	d := s.sit(0)
	for range 2 {
		r := d.take(s.bundle(1, 1))
		if !slices.Equal(r.Canaries, []string{"2026-11"}) || !r.Whole() || !d.reads("0 satu") {
			t.Errorf("report %+v", r)
		}
	}
	if o := d.send(); len(o.Canaries) != 0 || len(o.Acks) != 1 {
		t.Errorf("outbox %+v", o)
	}
}

// TestAMissingCanaryIsNothingWithheld: the server takes those away that were answered.
func TestAMissingCanaryIsNothingWithheld(t *testing.T) {
	s := newDrop(t, 1)
	own, _ := s.canary("2026-11", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	s.close(own)
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1).without("canary/")); !r.Whole() || len(r.Warnings) > 0 {
		t.Errorf("report %+v", r)
	}
	if o := d.send(); len(o.Acks) != 1 {
		t.Errorf("outbox %+v", o)
	}
	d.take(s.bundle(1, 1)) // it comes all the same, and is all that waits
	if o := d.send(); len(o.Acks) != 0 || len(o.Canaries) != 1 {
		t.Errorf("outbox %+v", o)
	}
}

// TestNoAnswerIsAFunctionOfAnotherFile: a hostile server puts what it wants opened in the
// place of a canary. The outbox is the one that it would be without.
func TestNoAnswerIsAFunctionOfAnotherFile(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	victim := s.message(code, 0, "satu")
	slot := victim[s.path(batch.Slot, code.ItemID(0), 0)]
	payload := victim[s.path(batch.Payload, code.ItemID(0), 0)]
	if slot == nil || payload == nil {
		t.Fatal("the item has no such members")
	}
	own := s.Reviewers[0].SlotIdentities()[0].Recipient()
	seal := func(plain []byte, to *hybrid.Recipient) []byte {
		sealed, err := hybrid.SealBytes(plain, to)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	keys := code.Keys()
	answer, _, err := reply.Seal(reply.Reply{Reviewer: "r1", Roster: 1, Number: 1, Status: reply.Received},
		reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}, s.Reviewers[0].Signer)
	if err != nil {
		t.Fatal(err)
	}
	good, _, err := canary.New(own)
	if err != nil {
		t.Fatal(err)
	}
	direct, _, err := canary.New(s.Reviewers[0].Line.Direct)
	if err != nil {
		t.Fatal(err)
	}
	colleagues, _, err := canary.New(s.Reviewers[1].SlotIdentities()[0].Recipient())
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(good)
	changed[len(changed)-20] ^= 1
	for name, planted := range map[string][]byte{
		"a victim's slot":               slot,
		"a slot cut to size":            slot[:canary.SealedSize()],
		"a victim's payload":            payload,
		"a reply":                       answer,
		"a share of a canary's size":    seal(slot[:48], own),
		"a share":                       seal(make([]byte, 77), own),
		"a canary for the other key":    direct,
		"a colleague's":                 colleagues,
		"a changed one":                 changed,
		"a longer one":                  append(bytes.Clone(good), 0),
		"nothing":                       nil,
		"its label, and a tar behind":   seal(append([]byte("saksi/v1/canary\n"), make([]byte, 512)...), own),
		"48 bytes that begin otherwise": seal([]byte(strings.Repeat("saksi/v1/share\n.", 3)), own),
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t, s.batches = t, nil
			s.close(s.asCanary("2026-11", 0, planted))
			d := s.sit(0)
			if r := d.take(s.bundle(1, 1)); !slices.Equal(r.Canaries, []string{"2026-11"}) {
				t.Errorf("report %+v", r)
			}
			got := d.send()
			s.batches = nil
			s.close()
			plain := s.sit(0)
			plain.take(s.bundle(1, 1))
			want := plain.send()
			if hidden(got) != hidden(want) {
				t.Errorf("the outbox is\n%s, without the file it is\n%s", hidden(got), hidden(want))
			}
		})
	}
}

// hidden writes an outbox without the hash of its batch, which the server made.
func hidden(o *outbox.Outbox) string {
	bare := *o
	bare.Acks = slices.Clone(o.Acks)
	for i := range bare.Acks {
		bare.Acks[i].Batch = [32]byte{}
	}
	return fmt.Sprintf("%+v", bare)
}

// TestACanaryOnNoListIsNotAnswered: nor one that was changed on the way; nor a flood of
// them.
func TestACanaryOnNoListIsNotAnswered(t *testing.T) {
	s := newDrop(t, 1)
	own, _ := s.canary("2026-11", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	other, _ := s.canary("2026-11", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	s.close(own)
	s.close()
	unlisted, _ := s.canary("2026-12", 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
	d := s.sit(0)
	r := d.take(s.bundle(1, 2).with(other).with(unlisted))
	if len(r.Warnings) != 2 || len(r.Canaries) != 0 || d.WaitingCanaries() != 0 {
		t.Errorf("report %+v, %d wait", r, d.WaitingCanaries())
	}
	flood := members{}
	for year := range outbox.MaxCanaries + 1 {
		one, _ := s.canary(fmt.Sprintf("%d-01", 2030+year), 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
		flood = flood.with(one)
	}
	s.close(flood)
	if r := d.take(s.bundle(1, 3)); len(r.Warnings) != 1 || d.WaitingCanaries() != 0 {
		t.Errorf("report %+v, %d wait", r, d.WaitingCanaries())
	}
	if r := d.take(s.bundle(1, 3).without("canary/20")); len(r.Warnings) != 0 {
		t.Errorf("report %+v", r)
	}
}

// answers imports a bundle, and returns its warnings and the months that it answers.
func (d *table) answers(m members) (warnings, months string) {
	d.t.Helper()
	warnings = strings.Join(d.take(m).Warnings, "; ")
	for _, c := range d.Desk.index.Canaries {
		months += string(c.Month) + " "
	}
	return warnings, strings.TrimSpace(months)
}

// TestACanaryOfAnotherTimeIsNotAnswered: a server cannot use up months in advance.
func TestACanaryOfAnotherTimeIsNotAnswered(t *testing.T) {
	for month, answered := range map[string]bool{
		"2026-09": false, "2026-10": true, "2026-11": true, "2026-12": true, "2027-01": false, "2027-11": false,
	} {
		s := newDrop(t, 1)
		own, _ := s.canary(month, 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
		s.close(own)
		want, months := "", month
		if !answered {
			want, months = "the canary of "+month+" is on the list of batch 1 of week 2026-W48: it is not answered", ""
		}
		if warnings, got := s.sit(0).answers(s.bundle(1, 1)); warnings != want || got != months {
			t.Errorf("%s: it answers %q, and warns %q", month, got, warnings)
		}
	}
}

// TestAnImportAnswersTwoCanaries: more is asked by no server that wants to know of lost
// keys alone.
func TestAnImportAnswersTwoCanaries(t *testing.T) {
	s := newDrop(t, 1)
	all := members{}
	for _, month := range []string{"2026-10", "2026-11", "2026-12"} {
		one, _ := s.canary(month, 0, s.Reviewers[0].SlotIdentities()[0].Recipient())
		all = all.with(one)
	}
	s.close(all)
	warnings, got := s.sit(0).answers(s.bundle(1, 1))
	if got != "2026-11 2026-12" || !strings.HasPrefix(warnings, "the canary of 2026-10 is one more than the 2 ") {
		t.Errorf("it answers %q, and warns %q", got, warnings)
	}
}

// TestACanaryAsksForNoOtherWeek: what a desk answers shows nothing of the secrets of
// other weeks than those around the batch's.
func TestACanaryAsksForNoOtherWeek(t *testing.T) {
	for weeks, opens := range map[int]bool{-2: false, -1: true, 0: true, 1: true, 2: false, 8: false} {
		s := newWeeklyDrop(t, 20)
		s.week = week.Of(day).Add(3)
		term, ok := s.Reviewers[0].Term(s.week.Add(weeks))
		if !ok {
			t.Fatal("no such term")
		}
		own, _ := s.canary("2026-12", 0, term.Identity.Recipient())
		s.close(own)
		d := s.sit(0)
		if r := d.take(s.bundle(1, 1)); (d.WaitingCanaries() == 1) != opens || (len(r.Canaries) == 0) != opens {
			t.Errorf("a term %d weeks off: %d answers, report %+v", weeks, d.WaitingCanaries(), r)
		}
	}
}

// TestAnotherCanaryOfAnAnsweredMonthIsNamed: who planted the first one makes the honest
// one look unanswered, and the reviewer is told why.
func TestAnotherCanaryOfAnAnsweredMonthIsNamed(t *testing.T) {
	s := newDrop(t, 1)
	own := s.Reviewers[0].SlotIdentities()[0].Recipient()
	planted, _ := s.canary("2026-12", 0, own)
	s.close(planted)
	d := s.sit(0)
	for range 2 {
		if warnings, got := d.answers(s.bundle(1, 1)); warnings != "" || got != "2026-12" {
			t.Errorf("it answers %q, and warns %q", got, warnings)
		}
	}
	d.send()
	d.reopen()
	honest, _ := s.canary("2026-12", 0, own)
	warnings, _ := d.answers(s.bundle(1, 1).with(honest))
	if !strings.HasPrefix(warnings, "the canary of 2026-12 is not the one on the server's list") {
		t.Errorf("of one on no list it warns %q", warnings)
	}
	s.close(honest)
	for range 2 {
		warnings, _ = d.answers(s.bundle(1, 2).with(honest))
		if !strings.HasPrefix(warnings, "the server brought another canary of 2026-12: ") || d.WaitingCanaries() != 0 {
			t.Errorf("it warns %q", warnings)
		}
	}
}
