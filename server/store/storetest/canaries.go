package storetest

import (
	"reflect"
	"testing"

	"saksi/crypto/canary"
	"saksi/server/store"
)

func testCanaries(t *testing.T, e Engine) {
	s := e.Open(t)
	if all, err := s.Canaries(); err != nil || len(all) != 0 {
		t.Errorf("a new store has canaries %v, %v", all, err)
	}
	old := newCanary("2026-10", "r1", 1, "a")
	first := newCanary("2026-11", "r1", 2, "bb")
	second := newCanary("2026-11", "r2", 2, "cc")
	if err := s.KeepCanaries(second, first); err != nil {
		t.Fatal(err)
	}
	if err := s.KeepCanaries(old); err != nil {
		t.Fatal(err)
	}
	holds := func(want ...store.Canary) {
		t.Helper()
		finish(t, s)
		s = e.Open(t)
		if all, err := s.Canaries(); err != nil || !reflect.DeepEqual(all, want) {
			t.Errorf("canaries are %+v, %v, want %+v", all, err, want)
		}
	}
	holds(old, first, second)
	first.Answered, first.Sealed = true, nil
	if err := s.KeepCanaries(first); err != nil {
		t.Fatal(err)
	}
	holds(old, first, second)
	for range 2 {
		if err := s.ForgetCanaries("2026-11"); err != nil {
			t.Fatal(err)
		}
	}
	holds(first, second)
	// The rest of what is remembered beside them stays.
	if err := s.Schedule(9); err != nil {
		t.Fatal(err)
	}
	if err := s.ForgetCanaries("2027-01"); err != nil {
		t.Fatal(err)
	}
	holds()
	if slot, err := s.LastSlot(); err != nil || slot != 9 {
		t.Errorf("slot is %d, %v", slot, err)
	}
	finish(t, s)
}

func newCanary(month canary.Month, reviewer string, batch uint64, sealed string) store.Canary {
	return store.Canary{
		Month: month, Reviewer: reviewer, Batch: batch, Week: thisWeek, Sealed: []byte(sealed), Answer: [32]byte{sealed[0]},
	}
}
