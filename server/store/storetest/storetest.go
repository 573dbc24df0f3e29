// Package storetest is the suite that every engine of package store has to
// pass.
package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// An Engine is one engine under test: its data stays between calls of Open.
type Engine interface {
	// Open opens the data; the suite closes it.
	Open(t testing.TB) store.Store
	// Copy copies the files of the data, as they stand while they are open, into an
	// empty folder, and returns the engine of the copy.
	Copy(t testing.TB, to string) Engine
}

// Run runs the suite. make returns an engine with no data.
func Run(t *testing.T, make func(t testing.TB) Engine) {
	for name, test := range map[string]func(*testing.T, Engine){
		"create and read":                 testCreate,
		"large payload":                   testLargePayload,
		"one id is used once":             testOneID,
		"concurrent doubles":              testConcurrentDoubles,
		"failed payload":                  testFailedPayload,
		"delete":                          testDelete,
		"concurrent deletes":              testConcurrentDeletes,
		"burying":                         testBury,
		"burying beside a staged payload": testBuryStaged,
		"burying an item":                 testBuryWhatIsThere,
		"burying twice":                   testBuryTwice,
		"burying midway":                  testBuryMidway,
		"burying beside creating":         testBuryBesideCreate,
		"batches":                         testBatches,
		"retire":                          testRetire,
		"concurrent closers":              testConcurrentClosers,
		"acknowledgements":                testAcks,
		"spread":                          testSpread,
		"delete many":                     testDeleteMany,
		"aged":                            testAged,
		"usage":                           testUsage,
		"replies":                         testReplies,
		"expired replies":                 testExpireReplies,
		"deleted replies":                 testDeleteReplies,
		"rosters":                         testRosters,
		"canaries":                        testCanaries,
		"staging":                         testStage,
		"random slices":                   testRandomSlices,
		"refused slices":                  testRefusedSlices,
		"staging used ids":                testStageUsedIDs,
		"adopting too early":              testAdoptTooEarly,
		"concurrent adopters":             testConcurrentAdopters,
		"hanging slices":                  testHangingSlice,
		"unstaging":                       testUnstage,
		"crashes":                         testCrashes,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
}

var thisWeek = week.Week{Year: 2026, Number: 47}

// newItem makes an item with random content.
func newItem(size int64) (store.Item, [][]byte, []byte) {
	i := store.Item{Roster: 3, Week: thisWeek, Size: size}
	rand.Read(i.ID[:])
	rand.Read(i.Burn[:])
	slots := [][]byte{make([]byte, item.SlotSize(roster.Quorum{Needed: 1})), make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))}
	rand.Read(slots[0])
	rand.Read(slots[1])
	payload := make([]byte, size)
	rand.Read(payload)
	return i, slots, payload
}

// small and large are payload sizes on both sides of what an engine may keep
// apart.
func small() int64 { return item.PayloadSize(item.Floor) }
func large() int64 { return item.PayloadSize(item.Padme(1 << 20)) }

func writer(payload []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(payload)
		return err
	}
}

func create(t testing.TB, s store.Store, size int64) (store.Item, [][]byte, []byte) {
	t.Helper()
	i, slots, payload := newItem(size)
	if err := s.Create(i, slots, writer(payload)); err != nil {
		t.Fatal(err)
	}
	return i, slots, payload
}

// expect holds that an item is there, whole.
func expect(t testing.TB, s store.Store, i store.Item, slots [][]byte, payload []byte) {
	t.Helper()
	states, err := s.States([]receipt.ItemID{i.ID})
	if err != nil || states[0].Item == nil || *states[0].Item != i {
		t.Fatalf("state is %+v, %v, want %+v", states, err, i)
	}
	got, err := s.Slots(i.ID)
	if err != nil || !slices.EqualFunc(got, slots, bytes.Equal) {
		t.Fatalf("other slots came back: %v", err)
	}
	r, err := s.Payload(i.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, payload) {
		t.Fatalf("another payload came back: %v", err)
	}
}

// finish holds the store against itself and closes it.
func finish(t testing.TB, s store.Store) {
	t.Helper()
	wrong, err := s.Check()
	if err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func testCreate(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := create(t, s, small())
	expect(t, s, i, slots, payload)
	finish(t, s)
	s = e.Open(t)
	expect(t, s, i, slots, payload)
	states, err := s.States([]receipt.ItemID{{1}, i.ID, {2}})
	if err != nil || states[0] != (store.State{}) || states[2] != (store.State{}) || states[1].Item == nil {
		t.Errorf("states are %+v, %v", states, err)
	}
	if _, err := s.Slots(receipt.ItemID{1}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("slots of an unknown id: %v", err)
	}
	if _, err := s.Payload(receipt.ItemID{1}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("payload of an unknown id: %v", err)
	}
	finish(t, s)
}

func testLargePayload(t *testing.T, e Engine) {
	s := e.Open(t)
	i, slots, payload := create(t, s, large())
	finish(t, s)
	s = e.Open(t)
	expect(t, s, i, slots, payload)
	finish(t, s)
}

func testOneID(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, size := range []int64{small(), large()} {
		i, slots, payload := create(t, s, size)
		for _, otherSize := range []int64{small(), large()} {
			other, otherSlots, otherPayload := newItem(otherSize)
			other.ID = i.ID
			if err := s.Create(other, otherSlots, writer(otherPayload)); !errors.Is(err, store.ErrExists) {
				t.Errorf("a second item under one id: %v, want ErrExists", err)
			}
		}
		expect(t, s, i, slots, payload)
	}
	finish(t, s)
}

func testConcurrentDoubles(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, size := range []int64{small(), large()} {
		i, slots, payload := newItem(size)
		var wg sync.WaitGroup
		var mu sync.Mutex
		outcomes := map[bool]int{}
		for range 8 {
			wg.Go(func() {
				err := s.Create(i, slots, writer(payload))
				if err != nil && !errors.Is(err, store.ErrExists) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				outcomes[err == nil]++
			})
		}
		wg.Wait()
		if outcomes[true] != 1 {
			t.Errorf("%d of 8 requests were told that they created the item", outcomes[true])
		}
		expect(t, s, i, slots, payload)
	}
	finish(t, s)
}

func testFailedPayload(t *testing.T, e Engine) {
	s := e.Open(t)
	broken := errors.New("broken off")
	for _, size := range []int64{small(), large()} {
		i, slots, payload := newItem(size)
		err := s.Create(i, slots, func(w io.Writer) error {
			w.Write(payload[:len(payload)/2])
			return broken
		})
		if !errors.Is(err, broken) {
			t.Errorf("a payload that broke off: %v", err)
		}
		if err := s.Create(i, slots, writer(payload[:len(payload)-1])); err == nil {
			t.Error("a payload that is too short was taken")
		}
		if err := s.Create(i, slots, writer(append(payload, 0))); err == nil {
			t.Error("a payload that is too long was taken")
		}
		if states, err := s.States([]receipt.ItemID{i.ID}); err != nil || states[0] != (store.State{}) {
			t.Errorf("something was kept: %+v, %v", states, err)
		}
		if err := s.Create(i, slots, writer(payload)); err != nil {
			t.Errorf("the repetition: %v", err)
		}
	}
	finish(t, s)
}

func testDelete(t *testing.T, e Engine) {
	s := e.Open(t)
	for _, size := range []int64{small(), large()} {
		i, slots, payload := create(t, s, size)
		kept, keptSlots, keptPayload := create(t, s, size)
		open, err := s.Payload(i.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Deleted, Proof: receipt.Secret{9}}
		if err := s.Delete(want); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(open); err != nil || !bytes.Equal(b, payload) {
			t.Errorf("a payload that was open is gone: %v", err)
		}
		open.Close()
		if err := s.Delete(want); err != nil {
			t.Errorf("deleting again: %v", err)
		}
		states, err := s.States([]receipt.ItemID{i.ID})
		if err != nil || states[0].Gone == nil || *states[0].Gone != want || states[0].Item != nil {
			t.Errorf("state is %+v, %v", states, err)
		}
		_, slotsErr := s.Slots(i.ID)
		_, payloadErr := s.Payload(i.ID)
		if !errors.Is(slotsErr, store.ErrUnknown) || !errors.Is(payloadErr, store.ErrUnknown) {
			t.Errorf("after deletion: slots %v, payload %v", slotsErr, payloadErr)
		}
		if err := s.Create(i, slots, writer(payload)); !errors.Is(err, store.ErrGone) {
			t.Errorf("creating a deleted id: %v, want ErrGone", err)
		}
		expect(t, s, kept, keptSlots, keptPayload)
	}
	if err := s.Delete(store.Tombstone{ID: receipt.ItemID{1}}); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("deleting an unknown id: %v", err)
	}
	finish(t, s)
	finish(t, e.Open(t))
}

func testConcurrentDeletes(t *testing.T, e Engine) {
	s := e.Open(t)
	i, _, _ := create(t, s, large())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.Delete(store.Tombstone{ID: i.ID, Week: thisWeek, Reason: store.Deleted}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() { create(t, s, small()) })
	}
	wg.Wait()
	finish(t, s)
}
