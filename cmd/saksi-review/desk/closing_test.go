package desk

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
)

// A lawsuit is a desk with two open cases, and its disk: a link to every file
// that ever was in the folder, which is what free blocks keep of it.
type lawsuit struct {
	*table
	code  receipt.Code // of the thread that is closed
	disk  string
	older []byte // the index of the day that is remembered: somebody copied it
	items members
}

func newLawsuit(t *testing.T) *lawsuit {
	s := newDrop(t, 2)
	l := &lawsuit{code: s.confirmedBy("r1"), disk: filepath.Join(t.TempDir(), "disk")}
	l.items = s.message(l.code, 0, marker+" satu").with(s.message(l.code, 1, marker+" dua"))
	s.close(l.items, s.message(receipt.New(), 0, honest))
	l.table = s.sit(0)
	l.take(s.bundle(1, 1))
	l.remember()
	return l
}

// remember links what is in the folder to the disk. A file that is replaced or
// removed stays there as it was; one that is overwritten in its place does not.
func (l *lawsuit) remember() {
	l.t.Helper()
	err := filepath.WalkDir(l.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		copied := filepath.Join(l.disk, strings.TrimPrefix(path, l.folder))
		err = os.MkdirAll(filepath.Dir(copied), folderMode)
		return errors.Join(err, os.Link(path, copied))
	})
	if err == nil && l.stands(indexFile) {
		l.older, err = os.ReadFile(l.path(indexFile))
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// thread is the one that is closed.
func (l *lawsuit) thread() *Thread {
	l.t.Helper()
	t, err := l.Thread(l.code.Keys().Mailbox().String())
	if err != nil {
		l.t.Fatal(err)
	}
	return t
}

// decide writes into the index that the case ends, and no more.
func (l *lawsuit) decide() []func() error {
	l.t.Helper()
	next := l.index.clone()
	if err := errors.Join(next.close(l.thread().Mailbox), l.save(next)); err != nil {
		l.t.Fatal(err)
	}
	return l.closingSteps(l.index.Closing[0])
}

func (l *lawsuit) run(steps []func() error) {
	l.t.Helper()
	for _, step := range steps {
		if err := step(); err != nil {
			l.t.Fatal(err)
		}
	}
}

// stolen returns the texts of the case that a thief of everything reads.
func (l *lawsuit) stolen() []string {
	l.t.Helper()
	th := newThief(l.t, l.drop.Reviewers[0], l.code)
	th.take(l.disk, l.folder)
	th.found(l.older)
	for path, content := range l.items {
		if parsePath(path).Kind == batch.Payload {
			th.found(content)
		}
	}
	return slices.DeleteFunc(th.texts(), func(text string) bool { return text == honest })
}

// closed holds that nothing but the stub is left of the case, and that the other
// one is as it was.
func (l *lawsuit) closed() {
	l.t.Helper()
	l.check()
	l.reopen()
	t := l.thread()
	if len(l.index.Closing) > 0 || t.Case != "" || len(t.Items) > 0 || len(t.Closed) != 2 || len(t.Replies) != 1 {
		l.t.Errorf("the thread is %+v, closing %+v", t, l.index.Closing)
	}
	if !l.reads("0 " + honest) {
		l.t.Errorf("the desk reads %q", l.texts())
	}
	if texts := l.stolen(); len(texts) > 0 {
		l.t.Errorf("a thief reads %q", texts)
	}
}

// TestClosedCaseOpensForNobody: not with the reviewer's keys, the reporter's
// words, the folder, an old index, and whatever the free blocks of the disk
// still have of removed files. It holds what close promises.
func TestClosedCaseOpensForNobody(t *testing.T) {
	l := newLawsuit(t)
	if texts := l.stolen(); len(texts) != 2 {
		t.Fatalf("from an open case the thief reads %q", texts)
	}
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	l.closed()
	if err := l.CloseCase(l.thread()); !errors.Is(err, ErrClosed) {
		t.Errorf("closing it again: %v, want ErrClosed", err)
	}
}

// TestThiefFindsWhatClosingForgets leaves out a step, and has the thief of the
// test above find it: without it that test could not fail.
func TestThiefFindsWhatClosingForgets(t *testing.T) {
	for skipped, what := range []string{"the case key", "the slots"} {
		l := newLawsuit(t)
		l.run(slices.Delete(l.decide(), skipped, skipped+1))
		l.reopen()
		if texts := l.stolen(); len(texts) != 2 {
			t.Errorf("%s was not overwritten, and the thief reads %q", what, texts)
		}
	}
}

// TestNeitherHalfOpensACase: the file without the reviewer's keys, and the keys
// with the index but without the file.
func TestNeitherHalfOpensACase(t *testing.T) {
	l := newLawsuit(t)
	l.run([]func() error{func() error { return l.wipeSlots("items", slices.Collect(maps.Keys(l.index.known()))) }})
	colleague := newThief(t, l.drop.Reviewers[1], l.code)
	colleague.take(l.disk)
	colleague.learn(l.index) // an index that somebody decrypted once, and not the keys
	if texts := colleague.texts(); len(texts) > 0 {
		t.Errorf("without the keys: %q", texts)
	}
	owner := newThief(t, l.drop.Reviewers[0], l.code)
	if err := os.RemoveAll(filepath.Join(l.disk, "cases")); err != nil {
		t.Fatal(err)
	}
	owner.take(l.disk)
	if texts := owner.texts(); len(texts) > 0 {
		t.Errorf("without the file: %q", texts)
	}
}

// TestClosingSurvivesAKill stops after each step, and within those that can be
// stopped within. The next command finishes what was decided.
func TestClosingSurvivesAKill(t *testing.T) {
	before := newLawsuit(t)
	if err := os.WriteFile(before.path("index.age.new"), []byte("x"), fileMode); err != nil {
		t.Fatal(err)
	}
	before.reopen()
	if texts := before.texts(); len(texts) != 3 || len(before.thread().Closed) > 0 {
		t.Errorf("killed before it was decided: the desk reads %q", texts)
	}
	for done := range 5 {
		l := newLawsuit(t)
		l.run(l.decide()[:done])
		l.reopen()
		l.closed()
	}
}

func TestClosingSurvivesAKillWithinAStep(t *testing.T) {
	half := func(l *lawsuit, path string) error {
		f, err := os.OpenFile(l.path(path), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.Write(make([]byte, 700))
		return errors.Join(err, f.Close())
	}
	gone := func(l *lawsuit, path string) error { return os.RemoveAll(l.path(path)) }
	written := func(l *lawsuit, path string) error { return writeFile(l.path(path), strings.NewReader("x")) }
	for name, test := range map[string]struct {
		steps int
		do    func(*lawsuit, closing) error
	}{
		"half a key":    {0, func(l *lawsuit, c closing) error { return half(l, "cases/"+c.Case+".key") }},
		"half a slot":   {1, func(l *lawsuit, c closing) error { return half(l, "items/"+c.Items[0]+"/slots/001.age") }},
		"half an item":  {3, func(l *lawsuit, c closing) error { return gone(l, "items/"+c.Items[0]+"/payload.age") }},
		"one of two":    {3, func(l *lawsuit, c closing) error { return gone(l, "items/"+c.Items[1]) }},
		"half an index": {4, func(l *lawsuit, _ closing) error { return written(l, "index.age.new") }},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLawsuit(t)
			steps := l.decide()
			c := l.index.Closing[0]
			l.run(steps[:test.steps])
			if err := test.do(l, c); err != nil {
				t.Fatal(err)
			}
			l.reopen()
			if err := os.RemoveAll(l.path("index.age.new")); err != nil {
				t.Fatal(err)
			}
			l.closed()
		})
	}
}

// TestClosedThreadGoesOn: what comes later opens a new case; what came before, a
// copy of it and another item of its number are known; the answers' chain goes on.
func TestClosedThreadGoesOn(t *testing.T) {
	l := newLawsuit(t)
	s := l.drop
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	if r := l.take(s.bundle(1, 1)); !r.Nothing() || !r.Whole() || len(r.Warnings) > 0 {
		t.Errorf("the same bundle: %+v", r)
	}
	another := s.craft(l.code, 1, "message").item(regular("message.txt", marker))
	s.batches[0].items = members{}
	s.close(s.message(l.code, 2, marker+" tiga"), s.copied(l, receipt.New()))
	s.close(another)
	s.close(s.renamed(l.code, receipt.New().ItemID(0)))
	r := l.take(s.bundle(2, 2))
	if len(r.New) != 1 || r.New[0].N != 2 || len(r.Apart) != 1 || !strings.Contains(r.Apart[0].Reason, "a copy of item") {
		t.Errorf("later: %+v", r)
	}
	if r := l.take(s.bundle(3, 3)); len(r.New) > 0 || len(r.Warnings) != 1 ||
		!strings.Contains(r.Warnings[0], "with another content") {
		t.Errorf("another item of an id that was closed: %+v", r)
	}
	if r := l.take(s.bundle(4, 4)); len(r.Apart) != 1 || !strings.Contains(r.Apart[0].Reason, "under its number 1") {
		t.Errorf("another item of a number that was closed: %+v", r)
	}
	thread := l.thread()
	if len(thread.Items) != 1 || thread.Case == "" || !slices.Contains(l.texts(), "2 "+marker+" tiga") {
		t.Errorf("the thread is %+v", thread)
	}
	own, err := l.Reply(thread, Answer{Status: reply.Reviewed, Text: "x"})
	if err != nil || own.Number != 3 {
		t.Errorf("the next answer: %+v, %v", own, err)
	}
	if err := l.CloseCase(l.thread()); err != nil || len(l.thread().Closed) != 3 {
		t.Errorf("closing the new case: %v, %+v", err, l.thread())
	}
	l.check()
}

// renamed is another second item of a thread, under an id that is not the code's.
func (s *drop) renamed(code receipt.Code, id receipt.ItemID) members {
	c := s.craft(code, 1, "message")
	c.id, c.manifest.ID = id, id.String()
	s.burns[id] = code.Burn(1).Hash()
	return c.item(regular("message.txt", marker))
}

// copied is an item with the payload of the closed case's first under an id of
// somebody else's.
func (s *drop) copied(l *lawsuit, other receipt.Code) members {
	m := s.message(other, 0, marker)
	m[s.path(batch.Payload, other.ItemID(0), 0)] = l.items[s.path(batch.Payload, l.code.ItemID(0), 0)]
	return m
}

// TestReadingNeedsNoSecretOfAWeek: items stay readable and can be extracted by
// their case keys alone.
func TestReadingNeedsNoSecretOfAWeek(t *testing.T) {
	l := newLawsuit(t)
	keys := *l.config.Keys
	keys.Terms = nil
	l.config.Keys = &keys
	l.reopen()
	if texts := l.texts(); len(texts) != 3 {
		t.Errorf("the desk reads %q", texts)
	}
	if got := l.extract(l.thread().Items); got["001/message.txt"] != marker+" dua" {
		t.Errorf("extracted %q", got)
	}
}

// TestLostCaseKeyIsNamed, and keeps no other case from being read. The case can
// be given up.
func TestLostCaseKeyIsNamed(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"gone":     os.Remove,
		"cut":      func(path string) error { return os.Truncate(path, 100) },
		"replaced": func(path string) error { return os.WriteFile(path, make([]byte, caseFileSize), fileMode) },
	} {
		l := newLawsuit(t)
		if err := damage(l.casePath(l.thread().Case)); err != nil {
			t.Fatal(err)
		}
		for _, thread := range l.Threads() {
			_, err := l.Read(context.Background(), thread)
			if lost := thread.Case == l.thread().Case; errors.Is(err, ErrNoCase) != lost || !lost && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := l.CloseCase(l.thread()); err != nil {
			t.Errorf("%s: giving it up: %v", name, err)
		}
		l.check()
	}
}

// TestKeyOfAnInterruptedImportIsDestroyed: its index may be among the free blocks.
func TestKeyOfAnInterruptedImportIsDestroyed(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest))
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	kept := d.keyFiles()
	d.kill(s.bundle(2, 2))
	disk := filepath.Join(t.TempDir(), "disk")
	fresh := slices.DeleteFunc(d.keyFiles(), func(name string) bool { return slices.Contains(kept, name) })
	if len(fresh) != 1 {
		t.Fatalf("the import made the keys %q", fresh)
	}
	was, err := os.ReadFile(d.path("cases", fresh[0]))
	if err := errors.Join(err, os.Link(d.path("cases", fresh[0]), disk)); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	left, err := os.ReadFile(disk)
	if err != nil || len(left) != caseFileSize || bytes.Equal(left, was) {
		t.Errorf("the disk still has it: %v", err)
	}
	if keys := d.keyFiles(); !slices.Equal(keys, kept) || !d.reads("0 "+honest) {
		t.Errorf("the keys are %q, want %q", keys, kept)
	}
}

// keyFiles returns the names of the files of case keys.
func (d *table) keyFiles() (names []string) {
	d.t.Helper()
	entries, err := os.ReadDir(d.path("cases"))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// TestKeysOfANewerIndexAreLeft: an older one was put back, and a bundle taken, an import
// killed, a case closed. With the newer one, its cases open.
func TestKeysOfANewerIndexAreLeft(t *testing.T) {
	for name, do := range map[string]func(*table){
		"a bundle is taken":   func(d *table) { d.takeUnderAnOlderIndex(3) },
		"an import is killed": func(d *table) { d.kill(d.drop.bundle(2, 3)); d.reopen() },
		"a case is closed": func(d *table) {
			d.takeUnderAnOlderIndex(3)
			i := slices.IndexFunc(d.Threads(), func(t *Thread) bool { return t.Items[0].Batch == 3 })
			if err := d.CloseCase(d.Threads()[i]); err != nil {
				d.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 1)
			for _, text := range []string{"satu", "dua", "tiga"} {
				s.close(s.message(receipt.New(), 0, text))
			}
			d := s.sit(0)
			d.take(s.bundle(1, 1))
			older := snap(t, d.folder)
			d.take(s.bundle(2, 2))
			newer := snap(t, d.folder)
			older.restore(t, d.folder, "index.age")
			d.reopen()
			do(d)
			newer.restore(t, d.folder, "index.age")
			if d.reopen(); !d.reads("0 satu", "0 dua") {
				t.Errorf("with the newer index the desk reads %q", d.texts())
			}
		})
	}
}

func (d *table) takeUnderAnOlderIndex(n uint64) {
	d.t.Helper()
	r, err := d.try(d.drop.bundle(n, n))
	if err != nil || len(r.New) != 1 || !strings.Contains(strings.Join(r.Warnings, "\n"), "Keep them: this is an older copy") {
		d.t.Errorf("under an older index: %+v, %v", r, err)
	}
}

// TestCaseKeyIsThereBeforeItsIndex: whenever an import stops, an index that names
// a case has its key.
func TestCaseKeyIsThereBeforeItsIndex(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	if err := os.WriteFile(d.path("cases"), nil, fileMode); err != nil {
		t.Fatal(err)
	}
	if _, err := d.try(s.bundle(1, 1)); err == nil || len(d.index.Threads) > 0 {
		t.Errorf("an import without a place for case keys: %v", err)
	}
	if _, err := os.Stat(d.path("index.age")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the index was written: %v", err)
	}
	if err := os.Remove(d.path("cases")); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.take(s.bundle(1, 1))
}
