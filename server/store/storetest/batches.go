package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/store"
)

func testBatches(t *testing.T, e Engine) {
	s := e.Open(t)
	if _, err := s.Batch(0); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("the newest of no batches: %v", err)
	}
	a, _, _ := create(t, s, small())
	b, _, _ := create(t, s, small())
	if err := s.Delete(store.Tombstone{ID: b.ID, Week: thisWeek, Reason: store.Expired}); err != nil {
		t.Fatal(err)
	}
	if waiting, err := s.Waiting(); err != nil || len(waiting) != 1 || waiting[0].ID != a.ID {
		t.Errorf("waiting are %v, %v", waiting, err)
	}
	first := store.Batch{Sequence: 1, Note: []byte("1"), Sums: []byte("s"), IDs: []receipt.ItemID{a.ID, b.ID}}
	if err := s.CloseBatch(first, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.CloseBatch(first, 8); err == nil {
		t.Error("the same batch was closed twice")
	}
	if err := s.CloseBatch(store.Batch{Sequence: 3}, 8); err == nil {
		t.Error("a batch was skipped")
	}
	finish(t, s)
	s = e.Open(t)
	got, err := s.Batch(0)
	if err != nil || got.Sequence != 1 || string(got.Sums) != "s" || !slices.Equal(got.IDs, first.IDs) {
		t.Errorf("the batch is %+v, %v", got, err)
	}
	if slot, err := s.LastSlot(); err != nil || slot != 7 {
		t.Errorf("slot is %d, %v", slot, err)
	}
	states, err := s.States(first.IDs)
	if err != nil || states[0].Item.Batch != 1 || states[1].Gone.Batch != 1 {
		t.Errorf("states are %+v, %v", states, err)
	}
	if waiting, err := s.Waiting(); err != nil || len(waiting) != 0 {
		t.Errorf("waiting are %v, %v", waiting, err)
	}
	if err := s.Schedule(9); err != nil {
		t.Fatal(err)
	}
	if slot, err := s.LastSlot(); err != nil || slot != 9 {
		t.Errorf("slot is %d, %v", slot, err)
	}
	finish(t, s)
}

// testConcurrentClosers: of several batches with one number one is closed, and whoever
// reads meanwhile, reads that one or none: what was read has left the server.
func testConcurrentClosers(t *testing.T, e Engine) {
	s := e.Open(t)
	defer func() { finish(t, s) }()
	for sequence := range uint64(6) {
		sequence++
		var closers, readers sync.WaitGroup
		var mu sync.Mutex
		var won, read []string
		ended := make(chan struct{})
		for range 2 {
			readers.Go(func() {
				for {
					if b, err := s.Batch(0); err == nil && b.Sequence == sequence {
						mu.Lock()
						defer mu.Unlock()
						read = append(read, string(b.Note))
						return
					}
					select {
					case <-ended:
						return
					default:
					}
				}
			})
		}
		for n := range 4 {
			closers.Go(func() {
				note := fmt.Sprintf("batch %d of closer %d", sequence, n)
				if err := s.CloseBatch(store.Batch{Sequence: sequence, Note: []byte(note), Sums: []byte("s")}, 1); err != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				won = append(won, note)
			})
		}
		closers.Wait()
		close(ended)
		readers.Wait()
		finish(t, s)
		s = e.Open(t)
		b, err := s.Batch(sequence)
		another := func(note string) bool { return note != string(b.Note) }
		if err != nil || len(won) != 1 || slices.ContainsFunc(append(read, won...), another) {
			t.Fatalf("closed %q, read %q, and there is %q, %v", won, read, b.Note, err)
		}
	}
}

func testRetire(t *testing.T, e Engine) {
	s := e.Open(t)
	a, slots, payload := create(t, s, small())
	if err := s.CloseBatch(store.Batch{Sequence: 1, Note: []byte("1"), Sums: []byte("s"), IDs: []receipt.ItemID{a.ID}}, 1); err != nil {
		t.Fatal(err)
	}
	if err := s.Retire(1, thisWeek); err != nil {
		t.Fatal(err)
	}
	got, err := s.Batch(1)
	if err != nil || string(got.Note) != "1" || got.Sums != nil || got.IDs != nil {
		t.Errorf("the batch is %+v, %v", got, err)
	}
	a.Batch, a.Spread = store.Retired, thisWeek
	expect(t, s, a, slots, payload)
	if err := s.Retire(2, thisWeek); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("retiring an unknown batch: %v", err)
	}
	finish(t, s)
}

func testAcks(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, ack := range []struct {
		reviewer string
		sequence uint64
	}{{"r1", 3}, {"r2", 1}, {"r1", 2}} {
		if err := s.Acknowledge(ack.reviewer, ack.sequence); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, s)
	s = e.Open(t)
	if acks, err := s.Acknowledged(); err != nil || len(acks) != 2 || acks["r1"] != 3 || acks["r2"] != 1 {
		t.Errorf("acknowledged are %v, %v", acks, err)
	}
	finish(t, s)
}

func addReplies(t testing.TB, s store.Store, m receipt.Mailbox, n int) [][]byte {
	t.Helper()
	var all [][]byte
	for range n {
		sealed := make([]byte, 5755)
		rand.Read(sealed)
		if err := s.AddReply(store.Reply{Mailbox: m, Sealed: sealed, Reviewer: "r1", Batch: 4, Week: thisWeek}); err != nil {
			t.Fatal(err)
		}
		all = append(all, sealed)
	}
	slices.Reverse(all)
	return all
}

func sealedOf(t testing.TB, s store.Store, m receipt.Mailbox, skip, limit int) [][]byte {
	t.Helper()
	replies, err := s.Replies(m, store.Places(skip, limit))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for _, r := range replies {
		if r.Mailbox != m || r.Reviewer != "r1" || r.Batch != 4 || r.Week != thisWeek {
			t.Errorf("the reply is %+v", r)
		}
		all = append(all, r.Sealed)
	}
	return all
}

func testReplies(t *testing.T, e Engine) {
	s := e.Open(t)
	first, last := receipt.Mailbox{0}, receipt.Mailbox(bytes.Repeat([]byte{0xff}, 32))
	want := map[receipt.Mailbox][][]byte{}
	for _, m := range []receipt.Mailbox{last, first, {5}} {
		want[m] = addReplies(t, s, m, 10)
	}
	if err := s.AddReply(store.Reply{Mailbox: first, Sealed: want[first][3]}); !errors.Is(err, store.ErrKnown) {
		t.Errorf("a known ciphertext: %v, want ErrKnown", err)
	}
	elsewhere := store.Reply{Mailbox: receipt.Mailbox{6}, Sealed: want[first][3], Reviewer: "r1", Batch: 4, Week: thisWeek}
	if err := s.AddReply(elsewhere); err != nil {
		t.Errorf("a known ciphertext in another mailbox: %v", err)
	}
	want[elsewhere.Mailbox] = [][]byte{elsewhere.Sealed}
	finish(t, s)
	s = e.Open(t)
	for m, all := range want {
		for _, page := range [][2]int{{0, 8}, {8, 8}, {16, 8}, {0, 100}} {
			from, to := min(page[0], len(all)), min(page[0]+page[1], len(all))
			if got := sealedOf(t, s, m, page[0], page[1]); !slices.EqualFunc(got, all[from:to], bytes.Equal) {
				t.Errorf("mailbox %v, skip %d: %d replies, want %d, or in another order", m, page[0], len(got), to-from)
			}
		}
	}
	if got := sealedOf(t, s, receipt.Mailbox{1}, 0, 8); len(got) != 0 {
		t.Errorf("an unknown mailbox has %d replies", len(got))
	}
	finish(t, s)
}

func testDeleteReplies(t *testing.T, e Engine) {
	s := e.Open(t)
	m, other := receipt.Mailbox{5}, receipt.Mailbox{6}
	deleted, kept := addReplies(t, s, m, 3), addReplies(t, s, other, 3)
	if err := s.DeleteReplies(m); err != nil {
		t.Fatal(err)
	}
	if got := sealedOf(t, s, m, 0, 8); len(got) != 0 {
		t.Errorf("%d replies are left", len(got))
	}
	if got := sealedOf(t, s, other, 0, 8); !slices.EqualFunc(got, kept, bytes.Equal) {
		t.Error("another mailbox was touched")
	}
	if err := s.AddReply(store.Reply{Mailbox: m, Sealed: deleted[0]}); !errors.Is(err, store.ErrKnown) {
		t.Errorf("a deleted ciphertext again: %v, want ErrKnown", err)
	}
	if err := s.DeleteReplies(m); err != nil {
		t.Errorf("deleting nothing: %v", err)
	}
	finish(t, s)
	finish(t, e.Open(t))
}

func testRosters(t *testing.T, e Engine) {
	s := e.Open(t)
	for range 2 {
		if err := s.AddRoster(1, []byte("one"), map[roster.Hash]string{{1}: "first"}); err != nil {
			t.Fatal(err)
		}
		if err := s.AddRoster(2, []byte("two"), map[roster.Hash]string{{2}: "second"}); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, s)
	s = e.Open(t)
	notes, files, err := s.Rosters()
	if err != nil || len(notes) != 2 || string(notes[1]) != "two" || len(files) != 2 || files[roster.Hash{2}] != "second" {
		t.Errorf("rosters are %q, %v, %v", notes, files, err)
	}
	finish(t, s)
}
