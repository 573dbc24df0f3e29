package desk

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Hostile reporters: who writes a client of their own chooses every byte of an
// item. What they reach is a line under "set apart", and nobody else's item.

const honest = marker + " jujur"

// setsApart holds that a hostile item is set apart for this reason, that
// nothing can show or extract it, and that the honest item beside it arrives.
func (s *drop) setsApart(t *testing.T, id receipt.ItemID, hostile members, want string) *table {
	t.Helper()
	served := *s
	served.t, served.batches = t, nil
	served.close(hostile, served.message(receipt.New(), 0, honest))
	d := served.sit(0)
	r := d.take(served.bundle(1, 1))
	if len(r.Apart) != 1 || r.Apart[0].ID != id.String() || r.Apart[0].Reason != want || !r.Whole() {
		t.Errorf("report is %+v, want %s apart: %q", r, id, want)
	}
	if texts := d.texts(); len(r.New) != 1 || !slices.Equal(texts, []string{"0 " + honest}) {
		t.Errorf("the desk reads %q", texts)
	}
	if apart := d.Apart(); len(apart) != 1 || apart[0].Reason != want {
		t.Errorf("list says %+v", apart)
	}
	if _, _, err := d.Find(id.String()); !errors.Is(err, ErrUnknown) {
		t.Errorf("show and extract find it: %v", err)
	}
	if acks, _ := d.Waiting(); acks != 1 {
		t.Error("the batch is not acknowledged: bringing it again would not help")
	}
	if r := d.take(served.bundle(1, 1)); !r.Nothing() {
		t.Errorf("once more: %+v", r)
	}
	return d
}

const (
	noItem    = "its payload is no item"
	forged    = "it is not what its author signed"
	misSealed = "it is damaged, or not sealed as items are"

	foreignSlot = "this reviewer's slot is not sealed to this reviewer"
	damagedSlot = "this reviewer's slot is damaged"
)

// TestCraftedItemArrives: without it the tests below could refuse everything.
func TestCraftedItemArrives(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	s.close(s.craft(code, 3, item.Message).item(regular("message.txt", honest)),
		s.craft(code, 4, item.Attachment).item(regular("attachments/001.jpg", "gambar")))
	d := s.sit(1)
	if r := d.take(s.bundle(1, 1)); len(r.New) != 2 {
		t.Fatalf("report is %+v", r)
	}
	got := d.extract(d.Threads()[0].Items)
	if got["003/message.txt"] != honest || got["004/attachments/001.jpg"] != "gambar" {
		t.Errorf("extracted %q", got)
	}
}

// TestReporterWhoseSlotsOpenForOneAndNotAnother: the first reviewer reads the
// item. The second is told of it, and by more than a number where the slot is
// not what an excluded reviewer gets: they can compare the item's id.
func TestReporterWhoseSlotsOpenForOneAndNotAnother(t *testing.T) {
	s := newDrop(t, 2)
	second := s.Circle.Keys[1]
	for name, test := range map[string]struct {
		slot []byte
		want string // for the second; empty for one who is excluded
	}{
		"random bytes":       {sealedTo(t, strings.Repeat("\x07", item.ShareSize), second), ""},
		"sealed to nobody":   {sealedTo(t, identity(t).String(), identity(t).Recipient()), foreignSlot},
		"the first's":        {sealedTo(t, identity(t).String(), s.Circle.Keys[0]), foreignSlot},
		"another key inside": {sealedTo(t, identity(t).String(), second), misSealed},
		"no age file":        {make([]byte, item.SlotSize(roster.Quorum{Needed: 1})), damagedSlot},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.craft(receipt.New(), 0, item.Message)
			c.slots[1] = test.slot
			served := *s
			served.t, served.batches = t, nil
			served.close(c.item(regular("message.txt", marker+" satu")), served.message(receipt.New(), 0, honest))
			first, second := served.sit(0), served.sit(1)
			if r := first.take(served.bundle(1, 1)); len(r.New) != 2 {
				t.Errorf("the first: %+v", r)
			}
			r := second.take(served.bundle(1, 1))
			if len(r.New) != 1 || !second.reads("0 "+honest) {
				t.Errorf("the second reads %q: %+v", second.texts(), r)
			}
			if test.want == "" && (r.NotOurs != 1 || len(r.Apart) > 0) {
				t.Errorf("the second: %+v", r)
			}
			if test.want != "" && (len(r.Apart) != 1 || r.Apart[0].Reason != test.want || r.Apart[0].ID != c.id.String()) {
				t.Errorf("the second: %+v, want %q", r, test.want)
			}
		})
	}
}

// TestReporterShowsTwoTexts: a payload sealed to two keys could hold a text for
// each. It has the size of no payload.
func TestReporterShowsTwoTexts(t *testing.T) {
	s := newDrop(t, 2)
	c := s.craft(receipt.New(), 0, item.Message)
	other := identity(t)
	c.slots[1] = sealedTo(t, other.String(), s.Circle.Keys[1])
	m := c.item(regular("message.txt", marker))
	two, err := hybrid.SealBytes(c.tar(regular("message.txt", marker)), c.e.Recipient(), other.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for path := range m {
		if strings.HasSuffix(path, "payload.age") {
			m[path] = two
		}
	}
	s.setsApart(t, c.id, m, "its payload has a size that no payload has")
}

// TestReporterTarEscapesItsFolder: names that lead out of the folder, all
// signed. Nothing of the item is ever written.
func TestReporterTarEscapesItsFolder(t *testing.T) {
	s := newDrop(t, 1)
	for _, name := range []string{
		"../001.jpg", "attachments/../001.jpg", "attachments/../../../001.jpg", "/attachments/001.jpg", "/tmp/001.jpg",
		"attachments//001.jpg", "./attachments/001.jpg", "attachments/001.jpg/../../../x", "attachments\\..\\001.jpg",
		"attachments/001./../x", "attachments/001.jp g", "attachments/002.jpg",
	} {
		t.Run(name, func(t *testing.T) {
			c := s.craft(receipt.New(), 0, item.Attachment)
			d := s.setsApart(t, c.id, c.item(regular(name, marker)), noItem)
			got := d.extract(d.Threads()[0].Items)
			if len(got) != 1 || got["000/message.txt"] != honest {
				t.Errorf("extracted %q", got)
			}
		})
	}
}

// TestReporterNamesAFileOutside: the name that a reporter's device gave is shown
// and never used.
func TestReporterNamesAFileOutside(t *testing.T) {
	s := newDrop(t, 1)
	c := s.craft(receipt.New(), 0, item.Attachment)
	c.manifest.Original = map[string]string{"attachments/001.jpg": "../../../../tmp/x.sh"}
	s.close(c.item(regular("attachments/001.jpg", "isi")), s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	_, i, err := d.Find(c.id.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := d.extract([]*Item{i}); len(got) != 1 || got["000/attachments/001.jpg"] != "isi" {
		t.Errorf("extracted %q", got)
	}
	c.manifest.Original = map[string]string{"../attachments/001.jpg": "x"}
	s.setsApart(t, c.id, c.item(regular("attachments/001.jpg", "isi")), noItem)
}

// TestReporterTarHasLinks: to a file of the reviewer, or to a folder that the
// next member goes through.
func TestReporterTarHasLinks(t *testing.T) {
	s := newDrop(t, 1)
	home, file := t.TempDir(), regular("attachments/001.jpg", marker)
	link := func(kind byte, name, to string) entry {
		return entry{Header: tar.Header{Typeflag: kind, Name: name, Linkname: to}}
	}
	for name, entries := range map[string][]entry{
		"symbolic":         {link(tar.TypeSymlink, "attachments/001.jpg", "/etc/passwd")},
		"hard":             {link(tar.TypeLink, "attachments/001.jpg", "manifest.json")},
		"a folder's place": {link(tar.TypeSymlink, "attachments", home), file},
		"behind the file":  {file, link(tar.TypeSymlink, "attachments/002.jpg", "/etc/passwd")},
		"for the padding":  {file, link(tar.TypeSymlink, ".padding", "/dev/zero")},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.craft(receipt.New(), 0, item.Attachment)
			d := s.setsApart(t, c.id, c.item(entries...), noItem)
			if left, _ := filepath.Glob(filepath.Join(home, "*")); len(left) > 0 {
				t.Errorf("written through a link: %v", left)
			}
			if got := tree(t, d.folder); got["attachments/001.jpg"] != "" {
				t.Error("a file of the item is on the desk")
			}
		})
	}
}

// TestReporterTarHasDevices, and whatever else is no regular file.
func TestReporterTarHasDevices(t *testing.T) {
	s := newDrop(t, 1)
	t.Run("a kind of its own", func(t *testing.T) {
		file := regular("attachments/001.jpg", marker)
		file.Typeflag = tar.TypeCont
		c := s.craft(receipt.New(), 0, item.Attachment)
		s.setsApart(t, c.id, c.item(file), noItem)
	})
	for name, header := range map[string]tar.Header{
		"character device": {Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5},
		"block device":     {Typeflag: tar.TypeBlock, Devmajor: 8},
		"pipe":             {Typeflag: tar.TypeFifo},
		"folder":           {Typeflag: tar.TypeDir},
	} {
		t.Run(name, func(t *testing.T) {
			header.Name = "attachments/001.jpg"
			c := s.craft(receipt.New(), 0, item.Attachment)
			s.setsApart(t, c.id, c.item(entry{Header: header}), noItem)
		})
	}
}

// TestReporterChoosesARecipientThatNothingSealsTo: age reads this reply
// recipient and cannot seal to it. The import answers every thread by itself:
// one such item would have stopped every desk for good.
func TestReporterChoosesARecipientThatNothingSealsTo(t *testing.T) {
	s := newDrop(t, 1)
	bad, err := os.ReadFile("../../../crypto/testdata/small-order.recipient")
	if err != nil {
		t.Fatal(err)
	}
	c := s.craft(receipt.New(), 0, item.Message)
	c.manifest.ReplyRecipient = strings.TrimSpace(string(bad))
	keyHash := sum(append(c.keys.AuthorPublic(), c.manifest.ReplyRecipient...))
	c.manifest.Mailbox = receipt.MailboxOf(c.keys.Token.Hash(), keyHash).String()
	d := s.setsApart(t, c.id, c.item(regular("message.txt", marker)), noItem)
	if o := d.send(); len(o.Replies) != 1 || len(o.Acks) != 1 {
		t.Errorf("outbox is %+v", o)
	}
}

// TestReporterReusesANumber: a reporter whose client uses one number for two
// items, both signed, under two ids or under one. The first stays.
func TestReporterReusesANumber(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	first, second := s.message(code, 0, marker+" pertama"), s.craft(code, 1, item.Message)
	second.manifest.N = 0
	same := s.message(code, 0, marker+" kedua")
	s.close(first)
	s.close(second.item(regular("message.txt", marker+" lain")))
	s.close(same)
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	r := d.take(s.bundle(2, 2))
	want := "its thread has item " + code.ItemID(0).String() + " under its number 0 already"
	if len(r.Apart) != 1 || r.Apart[0].Reason != want {
		t.Errorf("under another id: %+v", r)
	}
	r = d.take(s.bundle(3, 3))
	if len(r.New) > 0 || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "the desk keeps the first") {
		t.Errorf("under the same: %+v", r)
	}
	if !d.reads("0 " + marker + " pertama") {
		t.Errorf("the desk reads %q", d.texts())
	}
}

// TestReporterHidesATextBehindTheEnd: what follows the end marker, or stands in
// the padding, would be seen by some programs and not by others.
func TestReporterHidesATextBehindTheEnd(t *testing.T) {
	s := newDrop(t, 1)
	c := s.craft(receipt.New(), 0, item.Message)
	plain := c.tar(regular("message.txt", marker))
	for name, at := range map[string]int{"in the padding": len(plain) - 2000, "in the end marker": len(plain) - 700} {
		t.Run(name, func(t *testing.T) {
			hidden := bytes.Clone(plain)
			copy(hidden[at:], "tersembunyi")
			s.setsApart(t, c.id, c.around(hidden), noItem)
		})
	}
	t.Run("behind it", func(t *testing.T) {
		s.setsApart(t, c.id, c.around(append(bytes.Clone(plain), plain...)), noItem)
	})
}
