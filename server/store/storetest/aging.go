package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// closeBatch closes the next batch, of these items.
func closeBatch(t testing.TB, s store.Store, sequence uint64, items ...store.Item) {
	t.Helper()
	b := store.Batch{Sequence: sequence, Note: []byte("n"), Sums: []byte("s")}
	for _, i := range items {
		b.IDs = append(b.IDs, i.ID)
	}
	if err := s.CloseBatch(b, int64(sequence)); err != nil {
		t.Fatal(err)
	}
}

// testSpread: an item knows since when every desk has it.
func testSpread(t *testing.T, e Engine) {
	s := e.Open(t)
	a, slots, payload := create(t, s, small())
	b, _, _ := create(t, s, small())
	closeBatch(t, s, 1, a)
	closeBatch(t, s, 2, b)
	if err := s.Retire(1, thisWeek.Add(3)); err != nil {
		t.Fatal(err)
	}
	finish(t, s)
	s = e.Open(t)
	a.Batch, a.Spread = store.Retired, thisWeek.Add(3)
	expect(t, s, a, slots, payload)
	states, err := s.States([]receipt.ItemID{b.ID})
	if err != nil || states[0].Item.Spread != (week.Week{}) {
		t.Errorf("state is %+v, %v", states, err)
	}
	finish(t, s)
}

// testAged: neither too early, nor too late.
func testAged(t *testing.T, e Engine) {
	s := e.Open(t)
	waiting, _, _ := create(t, s, small())
	spread, _, _ := create(t, s, small())
	closeBatch(t, s, 1, spread)
	if err := s.Retire(1, thisWeek.Add(5)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		spread, accepted int // weeks from now
		want             []receipt.ItemID
	}{
		{4, -1, nil},
		{5, -1, []receipt.ItemID{spread.ID}},
		{60, -1, []receipt.ItemID{spread.ID}},
		{-60, 0, []receipt.ItemID{spread.ID, waiting.ID}},
	} {
		got, err := s.Aged(thisWeek.Add(test.spread), thisWeek.Add(test.accepted))
		slices.SortFunc(got, byID)
		slices.SortFunc(test.want, byID)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("aged by %d and %d: %v, %v, want %v", test.spread, test.accepted, got, err, test.want)
		}
	}
	finish(t, s)
}

func byID(a, b receipt.ItemID) int { return bytes.Compare(a[:], b[:]) }

func testExpireReplies(t *testing.T, e Engine) {
	s := e.Open(t)
	m := receipt.Mailbox{5}
	for n := range 3 {
		sealed := make([]byte, 5755)
		rand.Read(sealed)
		if err := s.AddReply(store.Reply{Mailbox: m, Sealed: sealed, Reviewer: "r1", Week: thisWeek.Add(n)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		last          week.Week
		expired, left int
	}{{thisWeek.Add(-1), 0, 3}, {thisWeek.Add(1), 2, 1}, {thisWeek.Add(1), 0, 1}, {thisWeek.Add(9), 1, 0}} {
		n, err := s.ExpireReplies(test.last)
		if err != nil || n != test.expired {
			t.Errorf("%d replies expired, %v, want %d", n, err, test.expired)
		}
		if replies, err := s.Replies(m, store.Places(0, 8)); err != nil || len(replies) != test.left {
			t.Errorf("%d replies are left, %v, want %d", len(replies), err, test.left)
		}
	}
	finish(t, s)
	finish(t, e.Open(t))
}

func testUsage(t *testing.T, e Engine) {
	s := e.Open(t)
	a, _, _ := create(t, s, small())
	create(t, s, large())
	addReplies(t, s, receipt.Mailbox{5}, 2)
	closeBatch(t, s, 1, a)
	if err := s.Delete(store.Tombstone{ID: a.ID, Week: thisWeek, Reason: store.Expired}); err != nil {
		t.Fatal(err)
	}
	u, err := s.Usage()
	if want := (store.Usage{Items: 1, Waiting: 1, Gone: 1, Replies: 2, Payloads: large()}); err != nil || u != want {
		t.Errorf("usage is %+v, %v, want %+v", u, err, want)
	}
	if free, err := s.Free(); err != nil || free <= 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	finish(t, s)
}

// testDeleteMany: several at once, some of them gone already; or none, if one of
// them was never there.
func testDeleteMany(t *testing.T, e Engine) {
	s := e.Open(t)
	var tombstones []store.Tombstone
	for n := range 6 {
		i, _, _ := create(t, s, []int64{small(), large()}[n%2])
		tombstones = append(tombstones, store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Expired})
	}
	kept, slots, payload := create(t, s, large())
	if err := s.Delete(append(tombstones, store.Tombstone{ID: receipt.ItemID{1}})...); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("deleting one that was never there: %v, want ErrUnknown", err)
	}
	if u, err := s.Usage(); err != nil || u.Items != 7 {
		t.Errorf("usage is %+v, %v", u, err)
	}
	if err := s.Delete(tombstones[:2]...); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(tombstones...); err != nil {
		t.Fatal(err)
	}
	if u, err := s.Usage(); err != nil || u.Items != 1 || u.Gone != 6 {
		t.Errorf("usage is %+v, %v", u, err)
	}
	expect(t, s, kept, slots, payload)
	finish(t, s)
}
