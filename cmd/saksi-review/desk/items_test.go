package desk

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

// TestSetApart: items that are whole, listed and signed by the server, and yet
// not what a reporter sent. They are in no thread, and keep nothing else out.
func TestSetApart(t *testing.T) {
	s := newDrop(t, 2)
	code, other := receipt.New(), receipt.New()
	id, payload := code.ItemID(0), s.path(batch.Payload, code.ItemID(0), 0)
	good := s.message(code, 0, marker)
	second := s.path(batch.Slot, id, 1)
	forked := *s.Party
	forked.Roster = nil
	d := forked.Draft(day)
	d.Weeks = 3
	forked.Sign(t, d)
	under := *s
	under.Party = &forked
	for name, test := range map[string]struct {
		item members
		want string
	}{
		"another text": {s.forge(good, id, func(_ string, b []byte) []byte {
			return bytes.ReplaceAll(b, []byte(marker), []byte("DIUBAH!"))
		}), "it is not what its author signed"},
		"hostile manifest": {s.forge(good, id, func(_ string, b []byte) []byte {
			return bytes.Replace(b, []byte(`"kind": "message"`), []byte(`"kind": "\u001b[2JRAHASIA"`), 1)
		}), "its payload is no item"},
		"under another id": {swap(good, id.String(), other.ItemID(0).String()), "it is not what its author signed"},
		"another slot": {good.with(members{second: s.message(other, 0, marker)[s.path(batch.Slot, other.ItemID(0), 1)]}),
			"it is not what its author signed"},
		"no age file":         {good.with(members{payload: make([]byte, item.PayloadSize(item.Floor))}), "it is damaged, or not sealed as items are"},
		"size of no payload":  {good.with(members{payload: make([]byte, 1000)}), "its payload has a size that no payload has"},
		"size of no slot":     {good.with(members{second: make([]byte, item.SlotSize()+1)}), "a slot has a size that no slot has"},
		"a slot too few":      {good.without("slots/002"), "it has 1 slots, and roster 1 has 2 reviewers"},
		"slots misnumbered":   {swap(good, "slots/002", "slots/003"), "its slots are not numbered as the roster's reviewers are"},
		"own slot no age":     {good.with(members{s.path(batch.Slot, id, 0): make([]byte, item.SlotSize())}), "this reviewer's slot is damaged"},
		"under another fork":  {under.message(code, 0, marker), "it is not what its author signed"},
		"under another thing": {swap(good, "items/1/", "items/2/"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			served := *s
			served.batches = nil
			served.close(test.item, s.message(receipt.New(), 0, marker))
			d := served.sit(0)
			r := d.take(served.bundle(1, 1))
			if test.want == "" {
				if len(r.Withheld) != 1 || len(r.New) != 1 {
					t.Errorf("report is %+v", r)
				}
				return
			}
			if len(r.Apart) != 1 || r.Apart[0].Reason != test.want || len(r.New) != 1 {
				t.Fatalf("report is %+v", r)
			}
			if acks, _ := d.Waiting(); acks != 1 {
				t.Error("the batch is not acknowledged: bringing it again would not help")
			}
			if r = d.take(served.bundle(1, 1)); !r.Nothing() || len(d.Apart()) != 1 {
				t.Errorf("once more: %+v", r)
			}
		})
	}
}

// TestSetApartIsNotForGood: what a server spoiled once does not keep the
// reporter's item out when it comes.
func TestSetApartIsNotForGood(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	good := s.message(code, 0, marker)
	payload := s.path(batch.Payload, code.ItemID(0), 0)
	s.close(good.with(members{payload: make([]byte, item.PayloadSize(item.Floor))}))
	s.close(good)
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); len(r.Apart) != 1 {
		t.Fatalf("spoiled: %+v", r)
	}
	d.checkFolder("apart", 1)
	if r := d.take(s.bundle(2, 2)); len(r.New) != 1 || len(d.Apart()) != 0 {
		t.Errorf("as it was sent: %+v", r)
	}
	d.checkFolder("apart", 0)
}

// TestNotOursIsNotForGood: the same for a slot that opened for nobody.
func TestNotOursIsNotForGood(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	good := s.message(code, 0, marker)
	s.close(s.seal(code, 0, item.Content{Kind: item.Message, Text: marker}, "r1"))
	s.close(good)
	d := s.sit(0)
	if r := d.take(s.bundle(1, 1)); r.NotOurs != 1 {
		t.Fatalf("for a colleague: %+v", r)
	}
	if r := d.take(s.bundle(2, 2)); len(r.New) != 1 || d.NotOurs() != 0 {
		t.Errorf("as it was sent: %+v", r)
	}
}

func TestCopyUnderAnotherIDIsRefused(t *testing.T) {
	s := newDrop(t, 1)
	code, other := receipt.New(), receipt.New()
	good := s.message(code, 0, marker)
	s.close(good)
	s.close(swap(good, code.ItemID(0).String(), other.ItemID(0).String()))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	r := d.take(s.bundle(2, 2))
	if len(r.Apart) != 1 || r.Apart[0].Reason != "its payload is a copy of item "+code.ItemID(0).String() {
		t.Errorf("report is %+v", r)
	}
}

// TestChangedFilesAreNotShown: who has the disk and not the key changes a file.
func TestChangedFilesAreNotShown(t *testing.T) {
	s := newDrop(t, 2)
	code := receipt.New()
	s.close(s.message(code, 0, marker), s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	for _, name := range []string{"payload.age", "slots/001.age", "slots/002.age"} {
		path := d.path("items", code.ItemID(0).String(), name)
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(was)
		bad[len(bad)-1] ^= 1
		for _, content := range [][]byte{bad, was[:100], nil} {
			if err := os.WriteFile(path, content, fileMode); err != nil {
				t.Fatal(err)
			}
			thread, _, err := d.Find(code.ItemID(0).String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Read(context.Background(), thread); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v, want ErrDamaged", name, err)
			}
		}
		if err := os.WriteFile(path, was, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	if texts := d.texts(); len(texts) != 2 {
		t.Errorf("texts are %q", texts)
	}
}

// TestFullDiskIsNoDamage: an error of the reviewer's own disk says nothing
// about the item.
func TestFullDiskIsNoDamage(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.seal(receipt.New(), 0, file("x", "x")))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	full := errors.New("the disk is full")
	_, err := d.openItem(context.Background(), d.Threads()[0].Items[0], func(int) {},
		func(item.File, io.Reader) error { return full })
	if !errors.Is(err, full) || errors.Is(err, ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// forge lets a reviewer, who knows E, edit the payload of an item.
func (s *drop) forge(m members, id receipt.ItemID, edit func(string, []byte) []byte) members {
	s.t.Helper()
	e, err := item.OpenSlot(m[s.path(batch.Slot, id, 0)], s.Reviewers[0].Slots)
	if err != nil {
		s.t.Fatal(err)
	}
	payload := s.path(batch.Payload, id, 0)
	plain, err := hybrid.Open(bytes.NewReader(m[payload]), e)
	if err != nil {
		s.t.Fatal(err)
	}
	var out bytes.Buffer
	r, w := tar.NewReader(plain), tar.NewWriter(&out)
	for {
		header, err := r.Next()
		if err == io.EOF {
			break
		}
		content, err := io.ReadAll(r)
		if err != nil {
			s.t.Fatal(err)
		}
		content = edit(header.Name, content)
		if header.Name == ".padding" {
			content = make([]byte, item.Floor-out.Len()-3*512)
		}
		header.Size = int64(len(content))
		if err := errors.Join(w.WriteHeader(header), write(w, content), w.Flush()); err != nil {
			s.t.Fatal(err)
		}
	}
	w.Close()
	sealed, err := hybrid.SealBytes(out.Bytes(), e.Recipient())
	if err != nil {
		s.t.Fatal(err)
	}
	return m.with(members{payload: sealed})
}
