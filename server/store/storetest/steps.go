package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/store"
)

// steps are operations of every kind, in an order in which each has something to do.
func steps() []step {
	return slices.Concat(itemSteps("a text", small()), itemSteps("a file", large()),
		stageSteps(), batchSteps(), replySteps(), canarySteps(), rosterSteps())
}

func itemSteps(what string, size int64) []step {
	i, slots, payload := newItem(size)
	dead := tombstoneOf(i)
	return []step{{
		name:  "creating " + what,
		do:    func(s store.Store) error { return s.Create(i, slots, writer(payload)) },
		holds: func(t testing.TB, s store.Store) { expect(t, s, i, slots, payload) },
	}, {
		name:  "deleting " + what,
		do:    func(s store.Store) error { return s.Delete(dead) },
		holds: func(t testing.TB, s store.Store) { expectGone(t, s, dead) },
		ends:  []string{"creating " + what},
		burnt: slots,
	}}
}

// expectGone holds that of an item there is its tombstone and nothing else.
func expectGone(t testing.TB, s store.Store, want store.Tombstone) {
	t.Helper()
	buried(t, s, want)
	_, slotsErr := s.Slots(want.ID)
	_, payloadErr := s.Payload(want.ID)
	if !errors.Is(slotsErr, store.ErrUnknown) || !errors.Is(payloadErr, store.ErrUnknown) {
		t.Errorf("after deletion: slots %v, payload %v", slotsErr, payloadErr)
	}
}

func stageSteps() []step {
	i, slots, payload := newItem(large())
	half := i.Size / 2
	slice := func(from, to int64) func(store.Store) error {
		return func(s store.Store) error {
			_, err := s.Stage(name(i), i.Size, from, bytes.NewReader(payload[from:to]))
			return err
		}
	}
	uploads := func(want ...store.Upload) func(testing.TB, store.Store) {
		return func(t testing.TB, s store.Store) { staged(t, s, want...) }
	}
	never, _, _ := newItem(small())
	begun := store.Upload{ID: name(i), Size: i.Size, Offset: half}
	ended := store.Upload{ID: name(i), Size: i.Size, Offset: i.Size}
	return []step{
		{"a slice", slice(0, half), uploads(begun), nil, nil},
		{"unstaging", func(s store.Store) error { return s.Unstage(name(i)) }, uploads(), []string{"a slice"}, nil},
		{"all at once", slice(0, i.Size), uploads(ended), []string{"unstaging"}, nil},
		{"adopting", func(s store.Store) error { return s.CreateStaged(i, slots, name(i)) },
			func(t testing.TB, s store.Store) {
				staged(t, s)
				expect(t, s, i, slots, payload)
			}, []string{"all at once"}, nil},
		{"burying", func(s store.Store) error { return s.Bury(tombstoneOf(never)) },
			func(t testing.TB, s store.Store) { buried(t, s, tombstoneOf(never)) }, nil, nil},
	}
}

func batchSteps() []step {
	i, slots, payload := newItem(small())
	in, out := i, i
	in.Batch, out.Batch, out.Spread = 1, store.Retired, thisWeek
	b := store.Batch{Sequence: 1, Note: []byte("n"), Sums: []byte("s"), IDs: []receipt.ItemID{i.ID}}
	whole := func(i store.Item, b store.Batch) func(testing.TB, store.Store) {
		return func(t testing.TB, s store.Store) {
			expect(t, s, i, slots, payload)
			if got, err := s.Batch(0); err != nil || !reflect.DeepEqual(got, b) {
				t.Errorf("the batch is %+v, %v, want %+v", got, err, b)
			}
		}
	}
	slot := func(want int64) func(testing.TB, store.Store) {
		return func(t testing.TB, s store.Store) {
			if slot, err := s.LastSlot(); err != nil || slot != want {
				t.Errorf("slot is %d, %v, want %d", slot, err, want)
			}
		}
	}
	confirmed := func(t testing.TB, s store.Store) {
		if acks, err := s.Acknowledged(); err != nil || acks["r1"] != 1 {
			t.Errorf("acknowledged are %v, %v", acks, err)
		}
	}
	retired := store.Batch{Sequence: 1, Note: b.Note}
	return []step{
		{"creating", func(s store.Store) error { return s.Create(i, slots, writer(payload)) },
			func(t testing.TB, s store.Store) { expect(t, s, i, slots, payload) }, nil, nil},
		{"closing a batch", func(s store.Store) error { return s.CloseBatch(b, 7) }, whole(in, b), []string{"creating"}, nil},
		{"scheduling", func(s store.Store) error { return s.Schedule(9) }, slot(9), nil, nil},
		{"acknowledging", func(s store.Store) error { return s.Acknowledge("r1", 1) }, confirmed, nil, nil},
		{"retiring", func(s store.Store) error { return s.Retire(1, thisWeek) }, whole(out, retired),
			[]string{"closing a batch"}, nil},
	}
}

func replySteps() []step {
	var all []step
	remove := map[string]func(store.Store, receipt.Mailbox) error{
		"deleting": func(s store.Store, m receipt.Mailbox) error { return s.DeleteReplies(m) },
		"expiring": func(s store.Store, _ receipt.Mailbox) error {
			_, err := s.ExpireReplies(thisWeek)
			return err
		},
	}
	for name, remove := range remove {
		m := receipt.Mailbox{name[0]}
		r := store.Reply{Mailbox: m, Sealed: make([]byte, 5755), Reviewer: "r1", Batch: 4, Week: thisWeek}
		rand.Read(r.Sealed)
		there := func(want int) func(testing.TB, store.Store) {
			return func(t testing.TB, s store.Store) {
				got, err := s.Replies(m, store.Places(0, 8))
				if err != nil || len(got) != want || want == 1 && !reflect.DeepEqual(got[0], r) {
					t.Errorf("%d replies, %v, want %d, or other ones", len(got), err, want)
				}
			}
		}
		add := "a reply before " + name
		all = append(all,
			step{add, func(s store.Store) error { return s.AddReply(r) }, there(1), nil, nil},
			step{name + " replies", func(s store.Store) error { return remove(s, m) }, there(0),
				[]string{add}, [][]byte{r.Sealed}})
	}
	return all
}

func canarySteps() []step {
	sealed := newCanary("2026-11", "r1", 1, "a")
	answered := sealed
	answered.Answered, answered.Sealed = true, nil
	keep := func(c store.Canary) func(store.Store) error {
		return func(s store.Store) error { return s.KeepCanaries(c) }
	}
	are := func(want ...store.Canary) func(testing.TB, store.Store) {
		return func(t testing.TB, s store.Store) {
			same := func(a, b store.Canary) bool { return reflect.DeepEqual(a, b) }
			if all, err := s.Canaries(); err != nil || !slices.EqualFunc(all, want, same) {
				t.Errorf("canaries are %+v, %v, want %+v", all, err, want)
			}
		}
	}
	return []step{
		{"a canary", keep(sealed), are(sealed), nil, nil},
		{"its answer", keep(answered), are(answered), []string{"a canary"}, nil},
		{"forgetting it", func(s store.Store) error { return s.ForgetCanaries("2026-12") }, are(),
			[]string{"its answer"}, nil},
	}
}

func rosterSteps() []step {
	files := map[roster.Hash]string{{1}: "first"}
	return []step{{
		name: "a roster",
		do:   func(s store.Store) error { return s.AddRoster(1, []byte("one"), files) },
		holds: func(t testing.TB, s store.Store) {
			notes, got, err := s.Rosters()
			if err != nil || len(notes) != 1 || string(notes[0]) != "one" || !reflect.DeepEqual(got, files) {
				t.Errorf("rosters are %q, %v, %v", notes, got, err)
			}
		},
	}}
}
