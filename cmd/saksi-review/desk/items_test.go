package desk

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

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
// about the item, and comes through to whoever says what to do about a disk.
func TestFullDiskIsNoDamage(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.seal(receipt.New(), 0, file("x", "x")))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	full := &fs.PathError{Op: "write", Path: "hasil/001", Err: syscall.ENOSPC}
	_, err := d.openItem(context.Background(), d.Threads()[0].Items[0], func(int) {},
		func(item.File, io.Reader) error { return full })
	if !errors.Is(err, syscall.ENOSPC) || errors.Is(err, ErrDamaged) || !strings.HasSuffix(err.Error(), full.Error()) {
		t.Errorf("got %v", err)
	}
}

// forge lets a reviewer, who knows E, edit the payload of an item.
func (s *drop) forge(m members, id receipt.ItemID, edit func(string, []byte) []byte) members {
	s.t.Helper()
	e, err := item.OpenSlot(m[s.path(batch.Slot, id, 0)], s.Reviewers[0].SlotIdentities()...)
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
