package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
)

// listedAgain returns an item under another id, as a hostile server lists it.
func listedAgain(m members, was, id receipt.ItemID) members {
	return swap(m, was.String(), id.String())
}

// TestCopiesDoNotOutliveACase: a server lists items of a case under other ids as well,
// before the items or after them, as they are or changed. When the case is closed, a
// thief of everything reads nothing of it, though the secret of its week still lives.
func TestCopiesDoNotOutliveACase(t *testing.T) {
	other := receipt.ItemID{0xaa}
	for name, test := range map[string]struct {
		before bool
		change func(payload []byte)
		files  int // that are kept until then
	}{
		"as they are":             {false, func([]byte) {}, 0},
		"as they are, and before": {true, func([]byte) {}, 1},
		"changed":                 {false, func(p []byte) { p[len(p)-1] ^= 1 }, 1},
		"changed, and before":     {true, func(p []byte) { p[len(p)-1] ^= 1 }, 1},
		"slots of it alone":       {false, func(p []byte) { clear(p) }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 2)
			l := &lawsuit{code: s.confirmedBy("r1"), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
			first := s.message(l.code, 0, marker+" satu")
			l.items = first.with(s.message(l.code, 1, marker+" dua"))
			again := listedAgain(first, l.code.ItemID(0), other)
			at := s.path(batch.Payload, other, 0)
			again[at] = bytes.Clone(again[at])
			test.change(again[at])
			if test.before {
				s.close(again)
				l.take(s.bundle(1, 1))
			}
			s.close(l.items, s.message(receipt.New(), 0, honest))
			if !test.before {
				l.take(s.bundle(1, 1))
				s.close(again)
			}
			l.take(s.bundle(2, 2))
			if len(l.Apart()) != 1 {
				t.Fatalf("apart are %+v", l.Apart())
			}
			l.checkFolder("apart", test.files)
			l.remember()
			if texts := l.stolen(); len(texts) != 2 {
				t.Fatalf("from an open case the thief reads %q", texts)
			}
			if err := l.CloseCase(l.thread()); err != nil {
				t.Fatal(err)
			}
			l.closed()
			l.checkFolder("apart", 0)
		})
	}
}

// TestWhatOthersSentStaysApart when a case is closed.
func TestWhatOthersSentStaysApart(t *testing.T) {
	l := newLawsuit(t)
	c := l.drop.craft(receipt.New(), 0, "message")
	c.slots[0] = sealedTo(t, c.e.String(), identity(t).Recipient())
	l.drop.close(c.item(regular("message.txt", marker)))
	l.take(l.drop.bundle(2, 2))
	l.checkFolder("apart", 1)
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	l.closed()
	l.checkFolder("apart", 1)
}

// TestKilledClosingClearsCopiesToo: whatever was done when it was killed, the next
// command destroys what lies apart of the case.
func TestKilledClosingClearsCopiesToo(t *testing.T) {
	for done := range 5 {
		l := newLawsuit(t)
		id := l.code.ItemID(0).String()
		if err := copyFolder(l.path("items", id), l.path("apart", id)); err != nil {
			t.Fatal(err)
		}
		l.disk = filepath.Join(t.TempDir(), "disk")
		l.remember()
		next, err := l.ending(l.thread().Mailbox)
		if err != nil || len(next.Closing[0].Apart) != 1 {
			t.Fatalf("the case ends with %+v, %v", next, err)
		}
		if err := l.save(next); err != nil {
			t.Fatal(err)
		}
		l.run(l.closingSteps(l.index.Closing[0])[:done])
		l.reopen()
		l.closed()
		l.checkFolder("apart", 0)
	}
}

func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		return errors.Join(err, writeFile(to+strings.TrimPrefix(path, from), bytes.NewReader(content)))
	})
}

// TestCopiesUnderAQuorum: a copy of what waits waits too, and nobody can tell. When the
// item opens and its copy does, none of the copy's files are kept; when the case of the
// item is closed, a copy that still waits ends with it.
func TestCopiesUnderAQuorum(t *testing.T) {
	for name, both := range map[string]bool{"both open": true, "the copy waits": false} {
		t.Run(name, func(t *testing.T) {
			s := newQuorum(t)
			code, other := receipt.New(), receipt.ItemID{0xff, 0xff}
			first := s.secret(code, 0, marker)
			again := listedAgain(first, code.ItemID(0), other)
			s.close(first)
			s.close(again)
			one, three := s.sit(0), s.sit(2)
			one.take(s.bundle(1, 2))
			last := uint64(1)
			if both {
				last = 2
			}
			three.take(s.bundle(1, last))
			var file bytes.Buffer
			if _, err := three.Share("r1", &file); err != nil {
				t.Fatal(err)
			}
			if _, err := one.Join(context.Background(), file.Bytes()); err != nil {
				t.Fatal(err)
			}
			one.check()
			if len(one.Threads()) != 1 || one.Pending() != 2-int(last) {
				t.Fatalf("%d threads, %d wait", len(one.Threads()), one.Pending())
			}
			one.checkFolder("apart", 0)
			if err := one.CloseCase(one.Threads()[0]); err != nil {
				t.Fatal(err)
			}
			one.check()
			one.reopen()
			if one.Pending() != 0 {
				t.Error("a copy of what was closed still waits")
			}
			if r := one.take(s.bundle(1, 2)); !r.Nothing() || one.Pending() != 0 {
				t.Errorf("the same bundle again: %+v", r)
			}
			one.checkFolder("items", 0)
			one.checkFolder("apart", 0)
		})
	}
}

// TestWhatWaitsWithSlotsOfACaseEndsWithIt: a server lists an item of a quorum once more,
// with the same slots and a payload that no identity opens. It would wait with the parts
// of the item, and open the item for who brings its payload, when the case is closed and
// the secret of its week destroyed. What comes after the closing does not wait at all.
func TestWhatWaitsWithSlotsOfACaseEndsWithIt(t *testing.T) {
	s := newQuorum(t)
	code, other, later := receipt.New(), receipt.ItemID{0xaa}, receipt.ItemID{0xbb}
	m := s.secret(code, 0, marker)
	bent := func(id receipt.ItemID, at int) members {
		again, payload := listedAgain(m, code.ItemID(0), id), s.path(batch.Payload, id, 0)
		again[payload] = bytes.Clone(again[payload])
		again[payload][at] ^= 1
		return again
	}
	s.close(m, bent(other, 200), s.secret(receipt.New(), 0, honest))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	three.hand(one)
	if len(one.Threads()) != 2 || one.Pending() != 1 {
		t.Fatalf("%d threads, %d wait", len(one.Threads()), one.Pending())
	}
	closed, err := one.Thread(code.Keys().Mailbox().String())
	if err := errors.Join(err, one.CloseCase(closed)); err != nil {
		t.Fatal(err)
	}
	one.check()
	if one.Pending() != 0 {
		t.Error("the parts of what was closed are kept with what waits")
	}
	s.close(bent(later, 300), s.secret(receipt.New(), 0, honest))
	r := one.take(s.bundle(2, 2))
	if len(r.Apart) != 1 || r.Apart[0].Reason != "it has part of item "+code.ItemID(0).String()+", whose case was closed" ||
		one.Pending() != 1 || !one.reads("0 "+honest) {
		t.Errorf("listed again after the closing: %+v, %d wait", r, one.Pending())
	}
	one.checkFolder("apart", 0)
}

// TestWhatAKilledJoinLeftEndsWithItsCase: a copy that had waited, opened before the item
// itself and was none, still lies with the items when the command is killed in that moment.
func TestWhatAKilledJoinLeftEndsWithItsCase(t *testing.T) {
	s := newQuorum(t)
	code, other := receipt.New(), receipt.ItemID{}
	m := s.secret(code, 0, marker)
	s.close(m, listedAgain(m, code.ItemID(0), other))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	im, h := one.joining(), three.handsOut("r1", Shared{Items: 2})
	j := &Joined{From: s.Reviewers[2].Line, Report: im.report}
	for _, i := range h.Items {
		if err := im.takeShare(context.Background(), j, i); err != nil {
			t.Fatal(err)
		}
	}
	im.next.endCases(one.index)
	if err := errors.Join(im.bring(), one.save(im.next)); err != nil {
		t.Fatal(err)
	}
	if one.reopen(); len(one.Apart()) != 1 || !one.reads("0 "+marker) {
		t.Fatalf("killed: %+v, %q", one.Apart(), one.texts())
	}
	if err := one.CloseCase(one.Threads()[0]); err != nil {
		t.Fatal(err)
	}
	if one.check(); len(one.Apart()) != 0 {
		t.Errorf("apart are %+v", one.Apart())
	}
}

// TestClosingTakesNothingOfStrangers: whoever has a stranger's item from the server, and
// cannot open it, puts its slot for a colleague into an item of their own. This desk does
// not notice, as it opens its own slot alone. When that case is closed, the stranger's
// item, whose secret is lost, lies there as before and opens when the secret is found.
func TestClosingTakesNothingOfStrangers(t *testing.T) {
	s := newWeekly(t, 2)
	stranger := receipt.New()
	m := s.message(stranger, 0, marker)
	s.close(m)
	d := s.sit(0)
	whole := d.lose(0)
	d.liesClosed(s.bundle(1, 1))
	s.in(1)
	c := s.craft(receipt.New(), 0, "message")
	c.slots[1] = m[s.path(batch.Slot, stranger.ItemID(0), 1)]
	s.close(c.item(regular("message.txt", honest)))
	d.take(s.bundle(2, 2))
	if err := d.CloseCase(d.Threads()[0]); err != nil {
		t.Fatal(err)
	}
	d.checkFolder("apart", 1)
	d.with(whole)
	s.close()
	d.hasOpened(d.take(s.bundle(3, 3)))
}

// TestNothingWaitsForWhatClosingTook: an item lies closed for want of a secret, its batch
// is not acknowledged, and it has this reviewer's slot of a case. With the case it goes
// from the list of what may open too.
func TestNothingWaitsForWhatClosingTook(t *testing.T) {
	s := newWeekly(t, 2)
	code, other := receipt.New(), receipt.ItemID{0xaa}
	m := s.message(code, 0, marker)
	s.close(m)
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	d.lose(0)
	again, payload := listedAgain(m, code.ItemID(0), other), s.path(batch.Payload, other, 0)
	again[payload] = bytes.Clone(again[payload])
	again[payload][200] ^= 1
	s.close(again)
	d.take(s.bundle(2, 2))
	if n := d.acks(); len(d.Apart()) != 1 || n != 1 {
		t.Fatalf("apart are %+v, %d batches are acknowledged", d.Apart(), n)
	}
	if err := d.CloseCase(d.Threads()[0]); err != nil {
		t.Fatal(err)
	}
	d.check()
	d.checkFolder("apart", 0)
	if n := d.acks(); len(d.Apart()) != 0 || n != 2 {
		t.Errorf("apart are %+v, %d batches are acknowledged", d.Apart(), n)
	}
}

// TestSlotsThatGiveWayAreOverwritten: an item stood apart because a server changed
// somebody else's slot of it, and then came as it is. The files that give way have the
// slot that opens it.
func TestSlotsThatGiveWayAreOverwritten(t *testing.T) {
	s := newDrop(t, 2)
	l := &lawsuit{code: s.confirmedBy("r1"), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
	first := s.message(l.code, 0, marker+" satu")
	l.items = first.with(s.message(l.code, 1, marker+" dua"))
	slot := s.path(batch.Slot, l.code.ItemID(0), 1)
	changed := bytes.Clone(first[slot])
	changed[len(changed)-1] ^= 1
	s.close(first.with(members{slot: changed}))
	l.take(s.bundle(1, 1))
	l.checkFolder("apart", 1)
	l.remember()
	s.close(l.items, s.message(receipt.New(), 0, honest))
	l.take(s.bundle(2, 2).with(first))
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	l.closed()
}

// TestWhatIsNotTakenIsOverwritten: a bundle that breaks off, or is killed, leaves slots
// of items that are taken from the next one.
func TestWhatIsNotTakenIsOverwritten(t *testing.T) {
	for name, killed := range map[string]bool{"broken off": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 2)
			l := &lawsuit{code: s.confirmedBy("r1"), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
			l.items = s.message(l.code, 0, marker+" satu").with(s.message(l.code, 1, marker+" dua"))
			s.close(l.items, s.message(receipt.New(), 0, honest))
			whole := s.bundle(1, 1).pack(t)
			staged, err := l.stage(context.Background(), bytes.NewReader(whole), int64(len(whole)))
			if err != nil {
				t.Fatal(err)
			}
			l.remember()
			if killed {
				l.reopen()
			} else if err := staged.remove(); err != nil {
				t.Fatal(err)
			}
			l.take(s.bundle(1, 1))
			if err := l.CloseCase(l.thread()); err != nil {
				t.Fatal(err)
			}
			l.closed()
		})
	}
}
