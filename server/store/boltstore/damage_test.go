package boltstore

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// TestDamagedPagesEndNothing puts random bytes into the heads and first elements of
// random pages. Opening and checking come to their end with an answer, whatever a page
// says of itself: bbolt alone would count to four thousand million over some of them,
// and die over others.
func TestDamagedPagesEndNothing(t *testing.T) {
	s, dir := newStore(t)
	for range 20 {
		create(t, s, sizes()[0], "")
	}
	s.Close()
	name := filepath.Join(dir, "index.db")
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const page, rounds = 4096, 150
	var heads []int // pages that are not the middle of a value
	for at := 2 * page; at < len(whole); at += page {
		if binary.LittleEndian.Uint64(whole[at:]) == uint64(at/page) {
			heads = append(heads, at)
		}
	}
	found := 0
	for range rounds {
		damaged := append([]byte(nil), whole...)
		at := heads[rand.IntN(len(heads))] + rand.IntN(64)
		for i := range 8 {
			damaged[at+i] = byte(rand.Uint32())
		}
		// A new file: bbolt does not let go of one over which it panicked.
		if err := errors.Join(os.Remove(name), os.WriteFile(name, damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		if tells(dir) {
			found++
		}
	}
	if t.Logf("%d of %d damages were noticed", found, rounds); found == 0 {
		t.Error("no damage was noticed")
	}
}

// tells reports whether Open or Check sees damage.
func tells(dir string) bool {
	s, err := Open(dir, clock)
	if err != nil {
		return true
	}
	defer s.Close()
	wrong, err := s.Check()
	return err != nil || len(wrong) > 0
}

// TestCheckBesideDeletions: checking a store in use names nothing that is well.
func TestCheckBesideDeletions(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := range 30 {
			i := create(t, s, sizes()[n%2], "")
			m := receipt.Mailbox{byte(n)}
			err := s.AddReply(store.Reply{Mailbox: m, Sealed: []byte{byte(n)}})
			err = errors.Join(err, s.Delete(store.Tombstone{ID: i.ID, Week: i.Week, Reason: store.Deleted}), s.DeleteReplies(m))
			if err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
			t.Fatalf("check: %q, %v", wrong, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// TestOnePayloadThatStaysKeepsNoOther: of items that are deleted together one file cannot
// be removed. The others go, and Check names the one, until a start has removed it.
func TestOnePayloadThatStaysKeepsNoOther(t *testing.T) {
	s, dir := newStore(t)
	var dead []store.Tombstone
	for range 8 {
		dead = append(dead, tombstone(create(t, s, sizes()[1], "").ID))
	}
	stays := s.payloadPath(dead[0].ID)
	inside := filepath.Join(stays, "x") // a folder with something in it is no file to remove
	err := errors.Join(os.Remove(stays), os.MkdirAll(inside, folderMode))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(dead...); err == nil {
		t.Error("nobody is told of the file that stays")
	}
	files, err := os.ReadDir(filepath.Join(dir, "payloads"))
	if err != nil || len(files) != 1 || files[0].Name() != filepath.Base(stays) {
		t.Errorf("left are %v, %v, want the one that cannot be removed", files, err)
	}
	if wrong, err := s.Check(); err != nil || len(wrong) != 1 || !strings.Contains(wrong[0], "the next start removes it") {
		t.Errorf("check: %q, %v", wrong, err)
	}
	if err := errors.Join(s.Close(), os.Remove(inside)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("after the next start: %q, %v", wrong, err)
	}
}
