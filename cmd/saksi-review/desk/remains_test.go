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
			l := &lawsuit{code: receipt.New(), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
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
		next := l.index.clone()
		if err := next.close(l.thread().Mailbox); err != nil {
			t.Fatal(err)
		}
		var err error
		c := &next.Closing[0]
		if c.Apart, err = l.remainsOf(c.Items); err != nil || len(c.Apart) != 1 {
			t.Fatalf("copies are %v, %v", c.Apart, err)
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

// TestSlotsThatGiveWayAreOverwritten: an item stood apart because a server changed
// somebody else's slot of it, and then came as it is. The files that give way have the
// slot that opens it.
func TestSlotsThatGiveWayAreOverwritten(t *testing.T) {
	s := newDrop(t, 2)
	l := &lawsuit{code: receipt.New(), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
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
			l := &lawsuit{code: receipt.New(), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
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
