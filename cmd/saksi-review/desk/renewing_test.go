package desk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
)

// TestClosedCaseLeavesNoWords of its answers, nor to whom it went: not in the free blocks
// of any index since they were written, for who has the key file alone.
func TestClosedCaseLeavesNoWords(t *testing.T) {
	l := newLawsuit(t)
	disk := t.TempDir()
	day := func(done error) {
		t.Helper()
		if done != nil {
			t.Fatal(done)
		}
		entries, err := os.ReadDir(disk)
		if err != nil {
			t.Fatal(err)
		}
		l.disk = filepath.Join(disk, fmt.Sprint(len(entries)))
		l.remember()
	}
	answer := Answer{Status: reply.Forwarded, Forwarded: "Bawaslu " + marker, Text: "rapat di rumah " + marker}
	_, err := l.Reply(l.thread(), answer)
	day(err)
	day(l.MarkSeen(l.thread()))
	l.send()
	day(nil)
	if !l.keyReads(disk, marker) {
		t.Fatal("the thief does not read the words of an open case")
	}
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	if l.keyReads(disk, marker) {
		t.Error("the key file and the free blocks give the words of a closed case")
	}
	if l.stands(formerFile) {
		t.Error("the old index is left behind")
	}
}

// keyReads reports whether the key file alone opens something with these words, on the
// disk or in the folder.
func (l *lawsuit) keyReads(disk, words string) bool {
	l.t.Helper()
	th := newThief(l.t, l.drop.Reviewers[0], l.code)
	th.identities = map[string]*hybrid.Identity{th.desk.String(): th.desk}
	th.take(disk, l.folder)
	th.search()
	return strings.Contains(strings.Join(th.plain, ""), words)
}

// TestKilledRenewingLeavesOneIndex: the old one or the new, and of the old one nothing
// else as soon as the new one is in force.
func TestKilledRenewingLeavesOneIndex(t *testing.T) {
	half := func(l *lawsuit) error {
		f, err := os.OpenFile(l.path(formerFile), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, 100))
		return errors.Join(err, f.Close())
	}
	steps := []func(l *lawsuit, sealed []byte) error{
		func(l *lawsuit, _ []byte) error { return os.Link(l.path(indexFile), l.path(formerFile)) },
		func(l *lawsuit, sealed []byte) error { return os.WriteFile(l.path("index.age.new"), sealed, fileMode) },
		func(l *lawsuit, _ []byte) error { return os.Rename(l.path("index.age.new"), l.path(indexFile)) },
		func(l *lawsuit, _ []byte) error { return half(l) },
		func(l *lawsuit, _ []byte) error {
			return errors.Join(wipe(l.path(formerFile)), os.Remove(l.path(formerFile)))
		},
	}
	for done := range len(steps) + 1 {
		l := newLawsuit(t)
		next := l.index.clone()
		next.Outbox = 7
		sealed, err := l.seal(next.format())
		for _, step := range steps[:done] {
			err = errors.Join(err, step(l, sealed))
		}
		if err != nil {
			t.Fatal(err)
		}
		l.reopen()
		renewed := done > 2
		left, err := os.ReadFile(filepath.Join(l.disk, indexFile))
		if err != nil || bytes.Equal(left, l.older) == renewed || renewed && bytes.Contains(left, l.older[1000:1100]) {
			t.Errorf("killed after %d steps: the old index is on the disk, %v", done, err)
		}
		if (l.index.Outbox == 7) != renewed || len(l.texts()) != 3 || l.stands(formerFile) {
			t.Errorf("killed after %d steps: outbox %d, the desk reads %q", done, l.index.Outbox, l.texts())
		}
	}
}

// TestHalfAnIndexIsOverwritten when the next one is written: a kill left it.
func TestHalfAnIndexIsOverwritten(t *testing.T) {
	l := newLawsuit(t)
	half := l.older[:len(l.older)/2]
	disk := filepath.Join(t.TempDir(), "disk")
	err := os.WriteFile(l.path("index.age.new"), half, fileMode)
	if err := errors.Join(err, os.Link(l.path("index.age.new"), disk), l.save(l.index.clone())); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadFile(disk); err != nil || bytes.Contains(left, half[:100]) {
		t.Errorf("it is on the disk: %v", err)
	}
	if l.reopen(); len(l.texts()) != 3 {
		t.Errorf("the desk reads %q", l.texts())
	}
}

// TestAFormerIndexIsDestroyedBesideOneThatReads, and beside no other: it can be all that is
// left.
func TestAFormerIndexIsDestroyedBesideOneThatReads(t *testing.T) {
	for name, index := range map[string][]byte{"none": nil, "half of one": []byte("age-encryption.org/v1")} {
		l := newLawsuit(t)
		l.Close()
		err := os.Rename(l.path(indexFile), l.path(formerFile))
		if index != nil {
			err = errors.Join(err, os.WriteFile(l.path(indexFile), index, fileMode))
		}
		if err != nil {
			t.Fatal(err)
		}
		if d, err := Open(l.config); err == nil {
			d.Close()
			t.Errorf("beside %s: opened", name)
		}
		if former, err := os.ReadFile(l.path(formerFile)); err != nil || !bytes.Equal(former, l.older) {
			t.Errorf("beside %s: it is gone, %v", name, err)
		}
		if err := os.Rename(l.path(formerFile), l.path(indexFile)); err != nil {
			t.Fatal(err)
		}
		l.Desk = nil
		l.reopen()
	}
}

// TestWhatFailsAfterTheIndexHidesNoReport: what it says is said once.
func TestWhatFailsAfterTheIndexHidesNoReport(t *testing.T) {
	for name, breaks := range map[string]func(*table, receipt.Code) error{
		"the name is not on the disk": func(d *table, _ receipt.Code) error {
			d.sync = func(string) error { return syscall.EIO }
			return nil
		},
		"what lay apart stays": func(d *table, code receipt.Code) error {
			return os.MkdirAll(d.path("apart", code.ItemID(0).String(), "slots", "001.age"), folderMode)
		},
		"a folder is none": func(d *table, _ receipt.Code) error { return os.WriteFile(d.path("apart"), nil, fileMode) },
	} {
		t.Run(name, func(t *testing.T) {
			s, code := newDrop(t, 1), receipt.New()
			s.close(s.message(receipt.New(), 0, "satu"))
			s.close(s.message(code, 0, "dua"))
			d := s.sit(0)
			d.take(s.bundle(1, 1))
			if err := breaks(d, code); err != nil {
				t.Fatal(err)
			}
			r, err := d.try(s.bundle(2, 2))
			if r == nil || len(r.New) != 1 || !errors.Is(err, ErrTakenIn) {
				t.Fatalf("report is %+v, %v", r, err)
			}
			if err := os.RemoveAll(d.path("apart")); err != nil {
				t.Fatal(err)
			}
			if d.reopen(); !d.reads("0 satu", "0 dua") {
				t.Errorf("the desk reads %q", d.texts())
			}
			if d.stands(formerFile) || d.stands(arrivingFile) {
				t.Error("something is left behind")
			}
		})
	}
}

// TestAnAnswerThatCountsIsNotGivenTwice: the next one is told from it.
func TestAnAnswerThatCountsIsNotGivenTwice(t *testing.T) {
	l := newLawsuit(t)
	l.sync = func(string) error { return syscall.EIO }
	if _, err := l.Reply(l.thread(), Answer{Status: reply.Reviewed, Text: "x"}); !errors.Is(err, ErrInForce) {
		t.Fatalf("got %v, want ErrInForce", err)
	}
	if replies := l.thread().Replies; len(replies) != 2 {
		t.Errorf("in memory are %d answers, want 2", len(replies))
	}
	if l.reopen(); len(l.thread().Replies) != 2 {
		t.Errorf("on the disk are %d answers, want 2", len(l.thread().Replies))
	}
}

// TestAnOutboxThatCountsIsNamed though nothing of it was written: by its number it is
// written once more.
func TestAnOutboxThatCountsIsNamed(t *testing.T) {
	l := newLawsuit(t)
	if _, err := l.Reply(l.thread(), Answer{Status: reply.Reviewed, Text: "x"}); err != nil {
		t.Fatal(err)
	}
	l.sync = func(string) error { return syscall.EIO }
	var file bytes.Buffer
	sent, err := l.Outbox(&file)
	if !errors.Is(err, ErrInForce) || sent.Number == 0 || sent.Number != l.LastOutbox() {
		t.Errorf("it sent %+v, %v", sent, err)
	}
	l.reopen()
	if err := l.OutboxAgain(sent.Number, &file); err != nil || file.Len() == 0 {
		t.Errorf("once more: %d bytes, %v", file.Len(), err)
	}
}
