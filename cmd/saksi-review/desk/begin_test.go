package desk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Without index.age nothing on a desk opens, and with it everything does: so no command
// destroys what only waits for it to come back.

// withoutIndex is a desk with one item, whose index is elsewhere.
func (s *drop) withoutIndex(sent bool) (d *table, index string) {
	s.t.Helper()
	s.close(s.message(receipt.New(), 0, marker))
	d = s.sit(0)
	d.take(s.bundle(1, 1))
	if sent {
		d.send()
	}
	d.Close()
	index = filepath.Join(s.t.TempDir(), "index.age")
	if err := os.Rename(d.path("index.age"), index); err != nil {
		s.t.Fatal(err)
	}
	return d, index
}

// TestDeskThatLostItsIndexIsLeftAsItIs: nothing is begun in its place, and when the
// index is back, everything opens.
func TestDeskThatLostItsIndexIsLeftAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		sent bool
		left string // what an interrupted attempt left
	}{"outbox": {true, ""}, "taxonomies": {false, "taxonomies"}, "a new index": {false, "index.age.new"}} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 1)
			d, index := s.withoutIndex(test.sent)
			if test.left != "" {
				if err := os.WriteFile(d.path(test.left), []byte("x"), fileMode); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				if _, err := Open(d.config); !errors.Is(err, ErrNoIndex) {
					t.Fatalf("got %v, want ErrNoIndex", err)
				}
			}
			if test.left != "" && !d.stands(test.left) {
				t.Errorf("%s is gone", test.left)
			}
			d.restore(index)
			if !d.reads("0 " + marker) {
				t.Errorf("with the index back, the desk reads %q", d.texts())
			}
		})
	}
}

// restore puts an index back.
func (d *table) restore(index string) {
	d.t.Helper()
	content, err := os.ReadFile(index)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.path("index.age"), content, fileMode); err != nil {
		d.t.Fatal(err)
	}
	if d.Desk, err = Open(d.config); err != nil {
		d.t.Fatal(err)
	}
}

// TestOtherCommandsSayThatTheIndexIsLost, and not to begin a desk.
func TestOtherCommandsSayThatTheIndexIsLost(t *testing.T) {
	d, _ := newDrop(t, 1).withoutIndex(true)
	d.config.Create = false
	if _, err := Open(d.config); !errors.Is(err, ErrNoIndex) {
		t.Errorf("got %v, want ErrNoIndex", err)
	}
}

// TestFirstImportPutsCaseKeysAside that it finds: of an interrupted first import, or of
// a copy that was interrupted. With the whole folder copied over it, everything opens.
func TestFirstImportPutsCaseKeysAside(t *testing.T) {
	s := newDrop(t, 1)
	d, index := s.withoutIndex(false)
	var keys []string
	for _, round := range []string{"1", "2"} {
		var err error
		if d.Desk, err = Open(d.config); err != nil {
			t.Fatal(err)
		}
		if keys, err = filepath.Glob(d.path("aside", round, "cases", "*.key")); err != nil || len(keys) != 1 {
			t.Fatalf("aside are %v, %v", keys, err)
		}
		r, err := d.try(s.bundle(1, 1))
		if err != nil || len(r.New) != 1 || !strings.Contains(strings.Join(r.Warnings, "\n"), "copy the whole folder anew") {
			t.Fatalf("report is %+v, %v", r, err)
		}
		d.check()
		d.Close()
		if err := os.Remove(d.path("index.age")); err != nil {
			t.Fatal(err)
		}
	}
	keys, _ = filepath.Glob(d.path("aside", "1", "cases", "*.key"))
	if err := os.Rename(keys[0], d.path("cases", filepath.Base(keys[0]))); err != nil {
		t.Fatal(err)
	}
	d.restore(index)
	if !d.reads("0 " + marker) {
		t.Errorf("with key and index back, the desk reads %q", d.texts())
	}
}

// TestInterruptedFirstImportIsNoDesk: what it can leave keeps nobody from beginning.
func TestInterruptedFirstImportIsNoDesk(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.Close()
	for _, name := range []string{"items/x", "apart", "rosters", "staging/x"} {
		if err := os.MkdirAll(d.path(filepath.FromSlash(name)), folderMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(d.path("index.age.new"), []byte("x"), fileMode); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	if r, err := d.try(s.bundle(1, 1)); err != nil || len(r.New) != 1 {
		t.Errorf("report is %+v, %v", r, err)
	}
	if _, err := os.Stat(d.path("aside", "1", "index.age.new")); err != nil {
		t.Errorf("the index that was there is gone: %v", err)
	}
	d.reopen()
	s.close()
	if r, err := d.try(s.bundle(2, 2)); err != nil || len(r.Warnings) > 0 {
		t.Errorf("the next report is %+v, %v", r, err)
	}
}

// TestAnotherFolderDestroysNothing: a name behind -desk that is mistyped begins a desk,
// which may be brought all batches at once. What the right one has not read yet still
// opens there.
func TestAnotherFolderDestroysNothing(t *testing.T) {
	s := newWeekly(t, 1)
	s.close()
	right := s.sit(0)
	right.take(s.bundle(1, 1))
	s.in(1).close(s.message(receipt.New(), 0, marker))
	s.weekly(2, 7)
	wrong := s.sit(0)
	wrong.clock(7)
	for range 2 {
		wrong.take(s.bundle(1, 8))
		wrong.keeps("this bundle began the desk")
	}
	right.with(wrong.config.Keys)
	right.clock(7)
	if r := right.take(s.bundle(1, 8)); len(r.New) != 1 || !right.reads("0 "+marker) {
		t.Errorf("in the right folder: %+v, and it reads %q", r, right.texts())
	}
	if left := right.destroy(); left != 17 {
		t.Errorf("in the right folder %d secrets are left", left)
	}
}

// TestNewServerDestroysNothingOfTheOldOne: desks begin anew with its batch 1, and what
// the old one closed before may still have to be read in the old folder.
func TestNewServerDestroysNothingOfTheOldOne(t *testing.T) {
	old := newWeekly(t, 1)
	old.close(old.message(receipt.New(), 0, marker))
	before := old.sit(0)
	fresh := &drop{
		Party: old.Party, t: t, week: old.week, rosters: old.rosters, burns: map[receipt.ItemID]roster.Hash{},
	}
	fresh.weekly(5, 7)
	d := fresh.sit(0)
	d.clock(7)
	d.take(fresh.bundle(1, 1))
	d.take(fresh.bundle(2, 3))
	d.keeps("the desk begins with batch 1")
	before.with(d.config.Keys)
	if r := before.take(old.bundle(1, 1)); len(r.New) != 1 {
		t.Errorf("of the old server: %+v", r)
	}
}
