package desk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

func TestOneCommandAtATime(t *testing.T) {
	d := newDrop(t, 1).sit(0)
	if _, err := Open(d.config); !errors.Is(err, ErrLocked) {
		t.Errorf("a second command: %v, want ErrLocked", err)
	}
	d.reopen()
}

func TestOnlyADeskIsADesk(t *testing.T) {
	s := newDrop(t, 1)
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "surat.txt"), []byte("x"), fileMode); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"not there":   {Folder: filepath.Join(home, "meja"), Keys: s.Reviewers[0]},
		"full, old":   {Folder: home, Keys: s.Reviewers[0]},
		"full, new":   {Folder: home, Keys: s.Reviewers[0], Create: true},
		"not a place": {Folder: filepath.Join(home, "kosong"), Keys: s.Reviewers[0]},
	} {
		if _, err := Open(c); !errors.Is(err, ErrNoDesk) {
			t.Errorf("%s: %v, want ErrNoDesk", name, err)
		}
	}
	if entries, _ := os.ReadDir(home); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestDeskBelongsToOneKey(t *testing.T) {
	s := newDrop(t, 2)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	d.Close()
	other := d.config
	other.Keys = s.Reviewers[1]
	if _, err := Open(other); !errors.Is(err, ErrOtherKey) {
		t.Errorf("a colleague's key: %v, want ErrOtherKey", err)
	}
}

func TestDamagedDeskIsNamed(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	// Signed by the same roots under the same number, and not what was taken.
	s.Party.Roster = nil
	s.newRoster(func(d *draft) { d.Weeks = 2 })
	for name, content := range map[string][]byte{"index.age": []byte("x"), "rosters/1.note": s.Roster.Note} {
		was, err := os.ReadFile(d.path(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range [][]byte{content, was[:len(was)-3], nil} {
			d.Close()
			if err := os.WriteFile(d.path(name), bad, fileMode); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(d.config); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v, want ErrDamaged", name, err)
			}
		}
		if err := os.WriteFile(d.path(name), was, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	d.reopen()
}

func TestNames(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	mailbox, id := code.Keys().Mailbox().String(), code.ItemID(0).String()
	if found, err := d.Thread(mailbox[:12]); err != nil || found.Mailbox != mailbox {
		t.Errorf("by its beginning: %v", err)
	}
	if _, i, err := d.Find(id); err != nil || i == nil || i.ID != id {
		t.Errorf("by an item: %v", err)
	}
	for name, want := range map[string]error{
		mailbox[:3]: ErrName, "../../": ErrName, "": ErrName, mailbox + "00": ErrUnknown, id[:10]: ErrUnknown,
	} {
		if _, err := d.Thread(name); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", name, err, want)
		}
	}
	d.index.Threads[0].Mailbox, d.index.Threads[1].Mailbox = mailbox, mailbox[:60]+"0000"
	if _, err := d.Thread(mailbox[:20]); !errors.Is(err, ErrAmbiguous) {
		t.Errorf("two of one beginning: %v, want ErrAmbiguous", err)
	}
}

func TestSeenIsRemembered(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	s.close(s.message(code, 1, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	if err := d.MarkSeen(d.Threads()[0]); err != nil {
		t.Fatal(err)
	}
	d.take(s.bundle(2, 2))
	if items := d.Threads()[0].Items; !items[0].Seen || items[1].Seen {
		t.Errorf("items are %+v %+v", items[0], items[1])
	}
}

// TestNoItemTakesAThreadsName: a reporter chooses the ids of items, and a thread's
// mailbox stands in every outbox. The thread is found by each of its beginnings.
func TestNoItemTakesAThreadsName(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	mailbox := d.send().Replies[0].Mailbox
	c := s.craft(receipt.New(), 0, item.Message)
	id := receipt.ItemID(mailbox[:16])
	s.burns[id] = s.burns[c.id]
	c.id, c.manifest.ID = id, id.String()
	s.close(c.item(regular("message.txt", "x")))
	if r := d.take(s.bundle(2, 2)); len(r.New) != 1 {
		t.Fatalf("the item is not in a thread: %+v", r)
	}
	for _, digits := range []int{4, 8, 16, 31, 32, 33, 64} {
		name := mailbox.String()[:digits]
		if found, err := d.Thread(name); err != nil || found.Mailbox != mailbox.String() {
			t.Errorf("thread by %d digits: %v", digits, err)
		}
		if found, one, err := d.Find(name); err != nil || one != nil || found.Mailbox != mailbox.String() {
			t.Errorf("thread or item by %d digits: %v, %v", digits, one, err)
		}
	}
}

// TestANameIsAsLongAsItHasToBe to mean one thread, and found by what is shown.
func TestANameIsAsLongAsItHasToBe(t *testing.T) {
	mailboxes := []string{
		strings.Repeat("a", 64), strings.Repeat("a", 10) + strings.Repeat("b", 54), // twins
		strings.Repeat("a", 7) + strings.Repeat("c", 57), strings.Repeat("f", 64),
	}
	d := &Desk{index: &index{}}
	for _, m := range mailboxes {
		d.index.Threads = append(d.index.Threads, &Thread{Mailbox: m})
	}
	names := d.Names()
	for n, want := range []int{11, 11, 8, 8} {
		m := mailboxes[n]
		if name := names.Of(m); len(name) != want || names.Twin(m) != (want > 8) {
			t.Errorf("%s is called %s, twin %t", m, name, names.Twin(m))
		}
		if found, err := d.Thread(names.Of(m)); err != nil || found.Mailbox != m {
			t.Errorf("%s is not found by its name: %v", m, err)
		}
	}
	if name := (Names)(nil).Of(mailboxes[0]); name != "aaaaaaaa" {
		t.Errorf("alone it is called %s", name)
	}
}
