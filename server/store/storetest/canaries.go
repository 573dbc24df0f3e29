package storetest

import (
	"reflect"
	"testing"

	"saksi/server/store"
)

func testCanaries(t *testing.T, e Engine) {
	s := e.Open(t)
	if all, err := s.Canaries(); err != nil || len(all) != 0 {
		t.Errorf("a new store has canaries %v, %v", all, err)
	}
	old := store.Canary{Month: "2026-10", Reviewer: "r1", Batch: 1, Week: thisWeek, Sealed: []byte("a"), Answer: [32]byte{1}}
	first := store.Canary{Month: "2026-11", Reviewer: "r1", Batch: 2, Week: thisWeek, Sealed: []byte("bb"), Answer: [32]byte{2}}
	second := store.Canary{Month: "2026-11", Reviewer: "r2", Batch: 2, Week: thisWeek, Sealed: []byte("cc"), Answer: [32]byte{3}}
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
