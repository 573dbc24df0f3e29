package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
	"saksi/server/store/boltstore"
)

// TestKilledThenSentAgainThenPowerLoss: a server is killed before the sync of a
// commit; it starts again, the reporter sends again and is told that it was
// received, out of what only the kernel knew so far; then the power fails.
func TestKilledThenSentAgainThenPowerLoss(t *testing.T) {
	kills := 0
	for when := range 8 {
		dir, before := newStore(t)
		first, err := runMode(t, modeOnce, dir, "-e", fmt.Sprintf("inject=fdatasync:signal=SIGKILL:when=%d", when+1))
		if err != nil {
			kills++
		}
		second, err := runMode(t, modeOnce, dir)
		if err != nil {
			t.Fatal(err)
		}
		both := second
		both.events = first.events
		for _, e := range second.events {
			e.begin, e.end = e.begin+1_000_000, e.end+1_000_000
			both.events = append(both.events, e)
		}
		for _, problem := range both.atTheEnd(t, before) {
			t.Errorf("killed at sync %d: %s", when+1, problem)
		}
	}
	if kills == 0 {
		t.Error("nothing was killed: nothing is shown")
	}
}

// atTheEnd lets the power fail after all events, with nothing of what was not
// synced.
func (r run) atTheEnd(t *testing.T, before map[string][]byte) []string {
	t.Helper()
	d := newDisk(before)
	for _, e := range r.events {
		d.apply(e, everySync)
	}
	return verify(materialise(t, d.crash(nil, 0), r.dir), r.records(t))
}

// TestTwinsAreToldTheTruth: of two equal requests at once the second is answered
// only when what the first kept is on disk. Syncs are made slow.
func TestTwinsAreToldTheTruth(t *testing.T) {
	dir, before := newStore(t)
	r, err := runMode(t, modeTwins, dir, "-e", "inject=fdatasync:delay_enter=300000")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for n, e := range r.events {
		if bytes.Contains(e.data, []byte("k C")) {
			told = n + 1
			break
		}
	}
	if told == 0 {
		t.Fatal("nothing was told")
	}
	r.events = r.events[:told]
	for _, problem := range r.atTheEnd(t, before) {
		t.Error(problem)
	}
}

// TestSentAgainAndDeletedStaysShut: the first copy of an item came to the index,
// and not to its commit, when the server was killed. Sent again and deleted, it
// must not open with the key of the first.
func TestSentAgainAndDeletedStaysShut(t *testing.T) {
	found := 0
	for when := range 6 {
		dir, _ := newStore(t)
		runMode(t, modeOnce, dir, "-e", fmt.Sprintf("inject=fdatasync:signal=SIGKILL:when=%d", when+1))
		found += openings(dir, key{1}, false) + openings(dir, key{2}, true)
		s, err := boltstore.Open(dir, now)
		if err != nil {
			t.Fatal(err)
		}
		for kind, k := range map[byte]key{createText: {1}, addReply: {2}} {
			if err := do(s, kind, k); err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrKnown) {
				t.Fatal(err)
			}
		}
		if err := errors.Join(do(s, remove, key{1}), do(s, emptyBox, key{2}), s.Close()); err != nil {
			t.Fatal(err)
		}
		if openings(dir, key{1}, false)+openings(dir, key{2}, true) > 0 {
			t.Errorf("killed at sync %d: what was deleted opens", when+1)
		}
	}
	if found == 0 {
		t.Error("never was a value in the index when the server died: nothing is shown")
	}
}

// TestBatchOfAFailedDiskStaysIn: a batch whose commit the disk did not confirm can
// be seen, and must not leave the server: another one would get its number.
func TestBatchOfAFailedDiskStaysIn(t *testing.T) {
	dir, _ := newStore(t)
	const fault = "inject=fdatasync:error=EIO:when=2"
	r, err := runMode(t, modeBatch, dir, "-e", fault)
	if err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(r.journal)
	if err != nil || !strings.Contains(string(said), "closing: failed") || !strings.Contains(string(said), "reading: failed") {
		t.Errorf("the store said %q, %v", said, err)
	}
}

// batch closes a batch and reads it.
func batch(s store.Store, j *journal) {
	say := func(what string, err error) {
		if errors.Is(err, store.ErrFailed) {
			j.note("%s: failed", what)
		} else {
			j.note("%s: %v", what, err)
		}
	}
	say("closing", s.CloseBatch(store.Batch{Sequence: 1, Note: []byte("n"), Sums: []byte("s")}, 1))
	_, err := s.Batch(0)
	say("reading", err)
}

// TestUnreadablePagesDoNotEndTheProcess: creating, deleting and checking beside
// pages that the disk does not give end in errors, whichever goroutine reads.
func TestUnreadablePagesDoNotEndTheProcess(t *testing.T) {
	dir := t.TempDir()
	if err := boltstore.Create(dir); err != nil {
		t.Fatal(err)
	}
	s, err := boltstore.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var keys []key
	for n := range 120 {
		keys = append(keys, key{byte(n)})
		if err := do(s, createText, keys[n]); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Truncate(dir+"/index.db", 4<<20); err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for n := range 60 {
		for _, err := range []error{do(s, createText, key{byte(n), 1}), do(s, remove, keys[n])} {
			if errors.Is(err, store.ErrDamaged) || errors.Is(err, store.ErrFailed) {
				damaged++
			}
		}
		s.States([]receipt.ItemID{receipt.ItemID(keys[n])})
	}
	wrong, err := s.Check()
	if err == nil && len(wrong) == 0 || damaged == 0 {
		t.Errorf("check %q, %v; %d damages were met", wrong, err, damaged)
	}
}
