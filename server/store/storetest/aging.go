package storetest

import (
	"bytes"
	"crypto/rand"
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

// testCarried: an item is carried from when the first of all desks has it.
func testCarried(t *testing.T, e Engine) {
	s := e.Open(t)
	a, slots, payload := create(t, s, small())
	b, _, _ := create(t, s, small())
	closeBatch(t, s, 1, a)
	closeBatch(t, s, 2, b)
	for n, ack := range []struct {
		reviewer string
		sequence uint64
	}{{"r1", 1}, {"r2", 1}, {"r1", 1}, {"r2", 2}, {"r1", 2}} {
		if err := s.Acknowledge(ack.reviewer, ack.sequence, thisWeek.Add(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Retire(1); err != nil {
		t.Fatal(err)
	}
	finish(t, s)
	s = e.Open(t)
	a.Batch, a.Carried = store.Retired, thisWeek
	expect(t, s, a, slots, payload)
	states, err := s.States([]receipt.ItemID{b.ID})
	if err != nil || states[0].Item.Carried != thisWeek.Add(3) {
		t.Errorf("state is %+v, %v", states, err)
	}
	finish(t, s)
}

// testAged: neither too early, nor too late, nor without having been carried.
func testAged(t *testing.T, e Engine) {
	s := e.Open(t)
	waiting, _, _ := create(t, s, small())
	carried, _, _ := create(t, s, small())
	closeBatch(t, s, 1, carried)
	if err := s.Acknowledge("r1", 1, thisWeek.Add(5)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		carried, accepted int // weeks from now
		want              []receipt.ItemID
	}{
		{4, -1, nil},
		{5, -1, []receipt.ItemID{carried.ID}},
		{60, -1, []receipt.ItemID{carried.ID}},
		{-60, 0, []receipt.ItemID{carried.ID, waiting.ID}},
	} {
		got, err := s.Aged(thisWeek.Add(test.carried), thisWeek.Add(test.accepted))
		slices.SortFunc(got, byID)
		slices.SortFunc(test.want, byID)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("aged by %d and %d: %v, %v, want %v", test.carried, test.accepted, got, err, test.want)
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
		if replies, err := s.Replies(m, 0, 8); err != nil || len(replies) != test.left {
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
