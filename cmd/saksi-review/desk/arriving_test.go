package desk

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
)

// kill takes a bundle up to the moment before its index is written.
func (d *table) kill(m members) {
	d.t.Helper()
	b := m.pack(d.t)
	staged, err := d.stage(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		d.t.Fatal(err)
	}
	im := newImporter(d.Desk, staged)
	im.next.Roots = d.drop.Trusted.Text()
	if err := im.judge(context.Background(), d.drop.Trusted); err != nil {
		d.t.Fatal(err)
	}
	if err := im.bring(); err != nil {
		d.t.Fatal(err)
	}
}

// slotOf links this reviewer's slot of an item to where nothing removes it.
func (d *table) slotOf(within string, id receipt.ItemID) (link string) {
	d.t.Helper()
	link = filepath.Join(d.t.TempDir(), "slot")
	if err := os.Link(d.path(within, id.String(), "slots", "001.age"), link); err != nil {
		d.t.Fatal(err)
	}
	return link
}

// TestWhatAKilledImportMovedIsDestroyed: the reporter deletes the item before the bundle
// is taken again, so it comes no more, and no case has it.
func TestWhatAKilledImportMovedIsDestroyed(t *testing.T) {
	for name, first := range map[string]bool{"the first import": true, "a later one": false} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 1)
			code := receipt.New()
			bad := s.craft(receipt.New(), 0, "message")
			s.close(s.message(receipt.New(), 0, honest))
			s.close(s.message(code, 0, marker), bad.around(nil))
			d := s.sit(0)
			if !first {
				d.take(s.bundle(1, 1))
			}
			d.kill(s.bundle(1, 2))
			links := []string{d.slotOf("items", code.ItemID(0)), d.slotOf("apart", bad.id)}
			d.reopen()
			for n, was := range [][]byte{s.batches[1].items[s.path(batch.Slot, code.ItemID(0), 0)], bad.slots[0]} {
				if slot, err := os.ReadFile(links[n]); err != nil || bytes.Equal(slot, was) {
					t.Errorf("the slot is on the disk as it was: %v", err)
				}
			}
			d.checkFolder("apart", 0)
			gone := s.bundle(1, 2).without("items/1/" + code.ItemID(0).String()).with(burnMark(code, 0))
			if r := d.take(gone); r.Gone != 1 || !d.reads("0 "+honest) ||
				strings.Contains(strings.Join(r.Warnings, "\n"), "does not name") {
				t.Errorf("the next import: %+v, and the desk reads %q", r, d.texts())
			}
			d.checkFolder("apart", 1)
		})
	}
}

// TestAFailedImportLeavesNoItems where the index cannot be written.
func TestAFailedImportLeavesNoItems(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	if err := os.Mkdir(d.path("rosters"), folderMode); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(d.path("rosters", "1.note"), folderMode); err != nil {
		t.Fatal(err)
	}
	if _, err := d.try(s.bundle(1, 1)); err == nil {
		t.Fatal("an import without a place for its roster succeeded")
	}
	d.checkFolder("items", 0)
	if d.stands(arrivingFile) {
		t.Error("the note is left behind")
	}
}

// TestWhatAnotherIndexNamesIsLeft: an older copy of the index was put back, or one was
// begun anew. What only the newer one names stays, also when an import of the same items
// is killed, and after a note of the time before; with the newer one back, all is read.
func TestWhatAnotherIndexNamesIsLeft(t *testing.T) {
	for name, lost := range map[string]bool{"an older one": false, "none": true} {
		t.Run(name, func(t *testing.T) {
			s := newDrop(t, 1)
			s.close(s.message(receipt.New(), 0, "satu"))
			s.close(s.message(receipt.New(), 0, "dua"))
			s.close()
			d := s.sit(0)
			d.take(s.bundle(1, 1))
			older := d.index.format()
			d.take(s.bundle(1, 2))
			newer := snap(t, d.folder)
			if lost {
				d.Close()
				for _, name := range []string{"index.age", "cases"} {
					if err := os.RemoveAll(d.path(name)); err != nil {
						t.Fatal(err)
					}
				}
			} else if err := d.writeSealed(d.path("index.age"), older); err != nil {
				t.Fatal(err)
			}
			d.reopen()
			d.kill(s.bundle(1, 2))
			d.reopen()
			d.checkFolder("items", 2)
			r, err := d.try(s.bundle(3, 3))
			if err != nil || !strings.Contains(strings.Join(r.Warnings, "\n"), "does not name:") {
				t.Errorf("what the index does not name: %+v, %v", r, err)
			}
			d.checkFolder("items", 2)
			d.Close()
			for _, name := range []string{"index.age", "cases"} {
				newer.restore(t, d.folder, name)
			}
			if d.reopen(); !d.reads("0 satu", "0 dua") {
				t.Errorf("with the newer index the desk reads %q", d.texts())
			}
		})
	}
}

// A snapshot is what is in a folder, by path.
type snapshot map[string][]byte

func snap(t *testing.T, folder string) snapshot {
	t.Helper()
	all := snapshot{}
	err := filepath.WalkDir(folder, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all[strings.TrimPrefix(path, folder+"/")], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// restore puts back what has a name, or is below it.
func (all snapshot) restore(t *testing.T, folder, name string) {
	t.Helper()
	for path, content := range all {
		if path != name && !strings.HasPrefix(path, name+"/") {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, path)); err != nil {
			t.Fatal(err)
		}
		if err := writeFile(filepath.Join(folder, path), bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestANoteOfAnotherTimeDestroysNothing: it came back with an older copy, and the index
// is not the one that the killed import found.
func TestANoteOfAnotherTimeDestroysNothing(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(receipt.New(), 0, honest))
	s.close(s.message(code, 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	d.kill(s.bundle(2, 2))
	killed := snap(t, d.folder)
	d.reopen()
	d.take(s.bundle(2, 2))
	older := d.index.clone()
	at := len(older.Threads) - 1
	older.Threads = older.Threads[:at]
	if err := d.writeSealed(d.path("index.age"), older.format()); err != nil {
		t.Fatal(err)
	}
	killed.restore(t, d.folder, arrivingFile)
	d.reopen()
	d.checkFolder("items", 2)
	if d.stands(arrivingFile) {
		t.Error("the note is left behind")
	}
}
