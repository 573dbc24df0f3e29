package desk

import (
	"bytes"
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

// A desk may be opened with a weeks file that is not the right one: an older one, or
// one that was begun when the right one was lost. What came meanwhile opens when the
// right one is back, and no server is told before that this desk has it.

// lose takes the secrets of weeks away, relative to the first day, and returns the keys
// as they were.
func (d *table) lose(weeks ...int) (whole *reviewer.Keys) {
	d.t.Helper()
	whole = d.config.Keys
	fewer := *whole
	fewer.Terms = slices.DeleteFunc(slices.Clone(whole.Terms), func(t reviewer.Term) bool {
		return slices.ContainsFunc(weeks, func(n int) bool { return t.From == week.Of(day).Add(n) })
	})
	d.with(&fewer)
	return whole
}

// with opens the desk with other keys.
func (d *table) with(keys *reviewer.Keys) {
	d.t.Helper()
	d.config.Keys = keys
	d.reopen()
}

// acks returns how many batches the next outbox acknowledges.
func (d *table) acks() int {
	n, _ := d.Waiting()
	return n
}

// liesClosed takes a bundle with one item that a lost secret would open.
func (d *table) liesClosed(m members) {
	d.t.Helper()
	r := d.take(m)
	if len(r.Apart) != 1 || r.Apart[0].Reason != string(reasonLost) || len(r.New)+len(r.Late) > 0 ||
		!strings.Contains(strings.Join(r.Warnings, "\n"), "which the weeks file here does not have: 1.") {
		d.t.Fatalf("without its secret: %+v", r)
	}
	if r = d.take(m); !r.Nothing() {
		d.t.Errorf("the same bundle again: %+v", r)
	}
	d.checkFolder("apart", 1)
}

// hasOpened holds that a bundle made the desk open the item that lay closed.
func (d *table) hasOpened(r *Report) {
	d.t.Helper()
	if len(r.New) != 1 || len(d.Apart()) > 0 || !d.reads("0 "+marker) {
		d.t.Errorf("with the weeks file found: %+v, and the desk reads %q", r, d.texts())
	}
	d.checkFolder("apart", 0)
}

// TestFoundWeeksFileOpensWhatCame when the same bundle comes again, and when a later
// one does that has the item no more.
func TestFoundWeeksFileOpensWhatCame(t *testing.T) {
	for name, again := range map[string]uint64{"the same bundle": 1, "a later bundle": 2} {
		t.Run(name, func(t *testing.T) {
			s := newWeekly(t, 1)
			s.close(s.message(receipt.New(), 0, marker))
			s.close()
			d := s.sit(0)
			whole := d.lose(0)
			d.liesClosed(s.bundle(1, 1))
			if n := d.acks(); n != 0 {
				t.Errorf("%d batches are acknowledged, and an item of the first lies closed", n)
			}
			d.with(whole)
			d.hasOpened(d.take(s.bundle(again, again)))
			if n := d.acks(); n != int(again) {
				t.Errorf("%d batches are acknowledged, want %d", n, again)
			}
		})
	}
}

// TestFoundWeeksFileOpensWhatCameToADeskThatDestroyed some week of the same roster.
func TestFoundWeeksFileOpensWhatCameToADeskThatDestroyed(t *testing.T) {
	s := newWeekly(t, 1)
	d := s.sit(0)
	s.weekly(0, 6)
	d.clock(6)
	d.takeAll(7)
	if left := d.destroy(); left != 18 {
		t.Fatalf("%d secrets are left", left)
	}
	d.send()
	whole := d.lose(6)
	s.in(6).close(s.message(receipt.New(), 0, marker))
	d.liesClosed(s.bundle(8, 8))
	if n := d.acks(); n != 0 {
		t.Errorf("%d batches are acknowledged", n)
	}
	d.with(whole)
	s.in(6).close()
	d.hasOpened(d.take(s.bundle(9, 9)))
}

// TestWeeksBegunAnewAreNotThoseThatWereLost: the desk has and destroys secrets of the
// same weeks, and they are others.
func TestWeeksBegunAnewAreNotThoseThatWereLost(t *testing.T) {
	s := newWeekly(t, 1)
	d := s.sit(0)
	whole := d.config.Keys
	none, _ := whole.WithoutTerms(week.Week{Year: 9999})
	terms, err := reviewer.Weekly(week.Of(day).Add(-1), 20)
	if err != nil {
		t.Fatal(err)
	}
	begun, err := none.WithTerms(terms...)
	if err != nil {
		t.Fatal(err)
	}
	d.with(begun)
	s.close(s.message(receipt.New(), 0, marker))
	d.liesClosed(s.bundle(1, 1))
	s.weekly(1, 6)
	d.clock(6)
	d.take(s.bundle(2, 7))
	if left := d.destroy(); left != 18 {
		t.Errorf("%d secrets are left", left)
	}
	d.with(whole)
	s.weekly(6, 6)
	d.hasOpened(d.take(s.bundle(8, 8)))
}

// TestWhatWasDestroyedByTheRuleStaysClosed also when an old copy of the weeks file
// turns up: neither what came too late and was thrown away, brought once more, nor what
// was kept because it could be of a week that was lost.
func TestWhatWasDestroyedByTheRuleStaysClosed(t *testing.T) {
	s := newWeekly(t, 1)
	d := s.sit(0)
	old := d.config.Keys
	late := s.in(0).message(receipt.New(), 0, marker)
	mixed := s.in(0).message(receipt.New(), 0, marker)
	s.weekly(0, 6)
	d.clock(6)
	d.takeAll(7)
	d.destroy()
	s.in(6).close(late)
	if r := d.take(s.bundle(8, 8)); len(r.Late) != 1 {
		t.Fatalf("report is %+v", r)
	}
	if n := d.acks(); n != 8 {
		t.Errorf("%d batches are acknowledged: what is too late holds nothing up", n)
	}
	d.lose(5)
	s.in(6).close(mixed)
	d.liesClosed(s.bundle(9, 9))
	d.with(old)
	if r := d.take(s.bundle(8, 9)); len(r.New) > 0 || len(r.Late) != 1 || len(d.Threads()) > 0 {
		t.Errorf("with an old weeks file: %+v", r)
	}
	d.checkFolder("apart", 0)
}

// TestNoDeskHoldsItsBatchesForEver: after four weeks they are acknowledged. The item
// stays, and opens when the weeks file is found after all.
func TestNoDeskHoldsItsBatchesForEver(t *testing.T) {
	s := newWeekly(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	for _, step := range []struct{ week, acks int }{{4, 0}, {5, 3}} {
		s.weekly(step.week, step.week)
		d.clock(step.week)
		d.take(s.bundle(1, uint64(len(s.batches))))
		if n := d.acks(); n != step.acks {
			t.Errorf("in week %d %d batches are acknowledged, want %d", step.week, n, step.acks)
		}
	}
	d.send()
	d.with(whole)
	s.weekly(6, 6)
	d.clock(6)
	d.hasOpened(d.take(s.bundle(4, 4)))
}

// TestForgedSlotHoldsNothingUp where the desk has the secrets of the weeks in which
// what comes now was sealed: a reporter could keep it from acknowledging anything.
func TestForgedSlotHoldsNothingUp(t *testing.T) {
	s := newWeekly(t, 1)
	c := s.craft(receipt.New(), 0, "message")
	c.slots[0] = sealedTo(t, c.e.String(), identity(t).Recipient())
	s.close(c.item(regular("message.txt", marker)))
	for _, test := range []struct {
		lost   []int
		reason string
	}{{nil, foreignSlot}, {[]int{3}, string(reasonLost)}} {
		d := s.sit(0)
		d.lose(test.lost...)
		if r := d.take(s.bundle(1, 1)); len(r.Apart) != 1 || r.Apart[0].Reason != test.reason || d.acks() != 1 {
			t.Errorf("without weeks %v %d acknowledged; report is %+v", test.lost, d.acks(), r)
		}
	}
}

// TestLostSecretThatIsFoundShowsAForgedSlot: what lay closed is named once more, for
// what it is, and holds its batch up no longer.
func TestLostSecretThatIsFoundShowsAForgedSlot(t *testing.T) {
	s := newWeekly(t, 1)
	c := s.craft(receipt.New(), 0, "message")
	c.slots[0] = sealedTo(t, c.e.String(), identity(t).Recipient())
	s.close(c.item(regular("message.txt", marker)))
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	d.with(whole)
	s.close()
	if r := d.take(s.bundle(2, 2)); len(r.Apart) != 1 || r.Apart[0].Reason != foreignSlot || d.acks() != 2 {
		t.Errorf("%d acknowledged; report is %+v", d.acks(), r)
	}
	d.checkFolder("apart", 1)
}

// TestReopeningThatWasInterruptedGoesOn: the files were with the items already, and the
// index did not know it yet.
func TestReopeningThatWasInterruptedGoesOn(t *testing.T) {
	s := newWeekly(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	s.close()
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	id := code.ItemID(0).String()
	if err := os.MkdirAll(d.path("items"), folderMode); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(d.path("apart", id), d.path("items", id)); err != nil {
		t.Fatal(err)
	}
	d.with(whole)
	d.hasOpened(d.take(s.bundle(2, 2)))
}

// TestDeletionThatCameWhileAnItemLayClosed is known when it opens.
func TestDeletionThatCameWhileAnItemLayClosed(t *testing.T) {
	s := newWeekly(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	s.close()
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	if r := d.take(s.bundle(1, 2).without("items/").with(burnMark(code, 0))); !r.Whole() {
		t.Errorf("report is %+v", r)
	}
	d.with(whole)
	r := d.take(s.bundle(2, 2))
	d.hasOpened(r)
	if len(r.Deleted) != 1 || !d.Threads()[0].Items[0].Deleted {
		t.Errorf("its deletion is forgotten: %+v", r)
	}
}

// TestFoundWeeksFileUnderAQuorum: what lay closed waits for colleagues now, and opens
// with their shares.
func TestFoundWeeksFileUnderAQuorum(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, marker))
	s.close()
	one, three := s.sit(0), s.sit(2)
	whole := one.config.Keys
	none, _ := whole.WithoutTerms(week.Week{Year: 9999})
	one.with(none)
	one.liesClosed(s.bundle(1, 1))
	one.with(whole)
	if r := one.take(s.bundle(2, 2)); r.Waits != 1 || len(one.Apart()) > 0 || one.Pending() != 1 {
		t.Fatalf("with the weeks file found: %+v", r)
	}
	three.take(s.bundle(1, 1))
	var file bytes.Buffer
	if _, err := three.Share("r1", &file); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Join(context.Background(), file.Bytes()); err != nil {
		t.Fatal(err)
	}
	one.check()
	if one.reopen(); len(one.Threads()) != 1 {
		t.Error("it does not open with the shares")
	}
}

// TestIndexKeepsWhatLiesClosed: what is relied on of it is held.
func TestIndexKeepsWhatLiesClosed(t *testing.T) {
	s := newWeekly(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	for name, spoil := range map[string]func(*Apart){
		"another roster":    func(a *Apart) { a.Kept.Roster = 7 },
		"another batch":     func(a *Apart) { a.Batch = 7 },
		"no payload":        func(a *Apart) { a.Kept.Payload = "" },
		"no proof":          func(a *Apart) { a.Kept.Proof = "x" },
		"holds, not here":   func(a *Apart) { a.Kept = nil },
		"not in hex digits": func(a *Apart) { a.Digest = "x" },
	} {
		next := d.index.clone()
		if spoil(&next.Apart[0]); next.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// relisted returns an item as a server lists it again, with other bytes somewhere.
func relisted(m members, change func(members)) members {
	again := members{}
	for path, content := range m {
		again[path] = bytes.Clone(content)
	}
	change(again)
	return again
}

// TestServerCannotReplaceWhatLiesClosed by listing its id once more, with something else
// under it: neither with what nobody opens, nor with an item of its own. A desk that
// gave way would destroy the only copy of what the found weeks file opens.
func TestServerCannotReplaceWhatLiesClosed(t *testing.T) {
	code := receipt.New()
	id := code.ItemID(0)
	for name, change := range map[string]func(*drop) func(members){
		"no payload": func(s *drop) func(members) {
			return func(m members) { m[s.path(batch.Payload, id, 0)] = nil }
		},
		"zeros for a payload": func(s *drop) func(members) {
			return func(m members) { clear(m[s.path(batch.Payload, id, 0)]) }
		},
		"a decoy": func(s *drop) func(members) {
			return func(m members) {
				m[s.path(batch.Slot, id, 0)] = sealedTo(t, strings.Repeat("x", 77), s.in(1).Circle.Keys[0])
			}
		},
		"an item of its own": func(s *drop) func(members) {
			c := s.in(1).craft(receipt.New(), 0, "message")
			c.id, c.manifest.ID = id, id.String()
			own := c.item(regular("message.txt", honest))
			return func(m members) { maps.Copy(m, own) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWeekly(t, 2)
			m := s.message(code, 0, marker)
			s.close(m)
			d := s.sit(0)
			whole := d.lose(0)
			d.liesClosed(s.bundle(1, 1))
			s.in(1).close(relisted(m, change(s)))
			for range 2 {
				r := d.take(s.bundle(2, 2))
				if all := strings.Join(r.Warnings, "\n"); !strings.Contains(all, "with another content") || len(r.New) > 0 {
					t.Errorf("report is %+v", r)
				}
			}
			if d.checkFolder("apart", 1); d.acks() != 0 {
				t.Errorf("%d batches are acknowledged, and an item of the first lies closed", d.acks())
			}
			d.with(whole)
			d.hasOpened(d.take(s.bundle(2, 2)))
		})
	}
}

// TestForgedSlotGivesWayToWhatOpens: who puts junk under an id first keeps nobody from
// reading what comes under it, but more junk is not taken for it.
func TestForgedSlotGivesWayToWhatOpens(t *testing.T) {
	s := newWeekly(t, 1)
	code := receipt.New()
	m := s.message(code, 0, marker)
	forged := func() members {
		return relisted(m, func(m members) {
			m[s.path(batch.Slot, code.ItemID(0), 0)] = sealedTo(t, identity(t).String(), identity(t).Recipient())
		})
	}
	s.close(forged())
	s.close(forged())
	s.close(m)
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); len(r.Apart) != 1 || r.Apart[0].Reason != foreignSlot {
		t.Fatalf("report is %+v", r)
	}
	first := d.Apart()[0].Digest
	if d.take(s.bundle(2, 2)); len(d.Apart()) != 1 || d.Apart()[0].Digest != first {
		t.Errorf("apart is %+v", d.Apart())
	}
	d.hasOpened(d.take(s.bundle(3, 3)))
}
