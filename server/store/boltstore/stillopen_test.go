//go:build !race

package boltstore_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"

	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/server/store/boltstore"
)

// stillOpen looks for what was deleted, as a thief does who takes the disk in the
// moment of a crash: before any sweep.
func stillOpen(dir string, records map[key]record) (wrong []string) {
	disk := steal(dir)
	for k, r := range records {
		if !r.done[remove] && !r.done[emptyBox] {
			continue
		}
		if n := disk.openings(k, r.begun[addReply]); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%x: it was deleted, and a key is left for it", k))
		}
	}
	return wrong
}

// stolen is what a thief reads of a folder: nothing of one that does not open either.
type stolen struct{ index, sectors []byte }

func steal(dir string) (s stolen) {
	index, _ := os.ReadFile(filepath.Join(dir, "index.db"))
	zeros := make([]byte, 4096)
	for page := range slices.Chunk(index, len(zeros)) { // most were never written
		if !bytes.Equal(page, zeros) {
			s.index = append(s.index, page...)
		}
	}
	s.sectors, _ = os.ReadFile(filepath.Join(dir, "keys.slots"))
	return s
}

// openings counts the places in the index, in use or free, where a sealed value
// of k stands that the key of some sector opens.
func (s stolen) openings(k key, isReply bool) (opened int) {
	needle, size, begins := sealedAs(k, isReply)
	for from := 0; ; {
		at := bytes.Index(s.index[from:], needle)
		if at < 0 {
			return opened
		}
		from += at + len(needle)
		if from+size <= len(s.index) && openedBySome(s.sectors, s.index[from:from+size], begins) {
			opened++
		}
	}
}

// sealedAs returns the key under which bbolt has a value, the value's size, and how it
// begins before it is sealed.
func sealedAs(k key, isReply bool) (needle []byte, size int, begins []byte) {
	const more = chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	if !isReply {
		_, slots, _ := k.item(createText)
		size := item.SlotSize(roster.Quorum{Needed: 1})
		head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, uint16(len(slots))), uint32(size))
		return k[:], more + len(head) + len(slots)*int(size), append(head, slots[0]...)
	}
	r := k.reply()
	return binary.BigEndian.AppendUint64(slices.Clone(r.Mailbox[:]), 1), more + len(r.Sealed), r.Sealed
}

// openedBySome tries every sector. What comes out is known, so a few bytes of it do:
// to open all of it, over and over, would take too long.
func openedBySome(sectors, sealed, begins []byte) bool {
	const enough = 24
	plain := make([]byte, enough)
	for sector := range slices.Chunk(sectors, 512) {
		c, err := chacha20.NewUnauthenticatedCipher(sector[:chacha20.KeySize], sealed[:chacha20.NonceSizeX])
		if err != nil {
			panic(err)
		}
		c.SetCounter(1) // before is the key of Poly1305
		c.XORKeyStream(plain, sealed[chacha20.NonceSizeX:][:enough])
		if bytes.Equal(plain, begins[:enough]) {
			return true
		}
	}
	return false
}

// TestStillOpenCanFail: of many deletions the one that left a key is found, of an item
// and of a reply, be it the value or the key that was brought back.
func TestStillOpenCanFail(t *testing.T) {
	dir := t.TempDir()
	if err := boltstore.Create(dir); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	records, all := map[key]record{}, []key{}
	for n := range byte(6) {
		k, kind, gone := key{1, n}, byte(createText), byte(remove)
		if n%2 == 1 {
			kind, gone = addReply, emptyBox
		}
		if err := do(s, kind, k); err != nil {
			t.Fatal(err)
		}
		all = append(all, k)
		records[k] = record{begun: map[byte]bool{kind: true}, done: map[byte]bool{gone: true}}
	}
	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	for left := len(all); ; left-- {
		if wrong := stillOpen(dir, records); len(wrong) != left {
			t.Errorf("%d of %d deleted ones still open, found %q", left, len(all), wrong)
		}
		if left == 0 {
			break
		}
		k := all[left-1]
		for gone := range records[k].done {
			if err := do(s, gone, k); err != nil {
				t.Fatal(err)
			}
		}
	}
	old := t.TempDir()
	for name, from := range map[string]string{"keys.slots": before, "index.db": dir} {
		if err := os.Link(filepath.Join(from, name), filepath.Join(old, name)); err != nil {
			t.Fatal(err)
		}
	}
	if wrong := stillOpen(old, records); len(wrong) == 0 {
		t.Error("with the keys of before, nothing is found in free pages")
	}
}
