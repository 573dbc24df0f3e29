package boltstore

import (
	"errors"
	"io"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// TestWhatTheDiskFailedInIsInDoubt: the tombstone is there, and the key is not
// destroyed. Until the next Open has done it, nobody is told that the item is gone;
// others are told what they were told before.
func TestWhatTheDiskFailedInIsInDoubt(t *testing.T) {
	dir := t.TempDir()
	now := func() time.Time { return time.Date(2026, time.November, 16, 0, 0, 0, 0, time.UTC) }
	if err := Create(dir); err != nil {
		t.Fatal(err)
	}
	s, err := Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	kept, deleted := receipt.ItemID{1}, receipt.ItemID{2}
	for _, id := range []receipt.ItemID{kept, deleted} {
		i := store.Item{ID: id, Roster: 1, Week: week.Of(now()), Size: 3}
		if err := s.Create(i, [][]byte{{1}}, func(w io.Writer) error { _, err := w.Write([]byte("isi")); return err }); err != nil {
			t.Fatal(err)
		}
	}
	s.sectors.file.Close()
	if err := s.Delete(store.Tombstone{ID: deleted, Week: week.Of(now()), Reason: store.Deleted}); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("deleting: %v, want ErrFailed", err)
	}
	if states, err := s.States([]receipt.ItemID{kept, deleted}); !errors.Is(err, store.ErrFailed) {
		t.Errorf("states: %+v, %v, want ErrFailed", states, err)
	}
	if states, err := s.States([]receipt.ItemID{kept, {3}}); err != nil || states[0].Item == nil {
		t.Errorf("states of others: %+v, %v", states, err)
	}
	s.Close()
	if s, err = Open(dir, now); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if states, err := s.States([]receipt.ItemID{deleted}); err != nil || states[0].Gone == nil {
		t.Errorf("after the next start: %+v, %v", states, err)
	}
}
