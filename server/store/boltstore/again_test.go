//go:build !race

package boltstore_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
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
	t.Parallel()
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

// TestTheTruthIsTold: of two equal requests at once the second is answered only when
// what the first kept is on disk; and whoever looks sees it only then. Syncs are made
// slow.
func TestTheTruthIsTold(t *testing.T) {
	for mode, told := range map[string]string{modeTwins: "k C", modeSeen: "v I"} {
		t.Run(mode, func(t *testing.T) {
			dir, before := newStore(t)
			r, err := runMode(t, mode, dir, "-e", "inject=fdatasync:delay_enter=300000")
			if err != nil {
				t.Fatal(err)
			}
			at := slices.IndexFunc(r.events, func(e event) bool { // random keys have it, too
				return e.path == r.journal && bytes.Contains(e.data, []byte(told))
			})
			if at < 0 {
				t.Fatal("nothing was told")
			}
			r.events = r.events[:at+1]
			for _, problem := range r.atTheEnd(t, before) {
				t.Error(problem)
			}
		})
	}
}

// TestSentAgainAndDeletedStaysShut: first copies of items and replies came to the
// index, and not to its commit, when the server was killed. Sent again and
// deleted, none of them must open with the key of its first copy.
func TestSentAgainAndDeletedStaysShut(t *testing.T) {
	found := 0
	for when := 10; found < 4 && when < 200; when += 7 { // writes to the index, of which a commit has some
		dir, _ := newStore(t)
		runMode(t, modeCrowd, dir, "-P", filepath.Join(dir, "index.db"),
			"-e", fmt.Sprintf("inject=pwrite64:signal=SIGKILL:when=%d", when))
		items, replies := left(dir)
		s, err := boltstore.Open(dir, now)
		if err != nil {
			t.Fatal(err)
		}
		// One of each: more would use the first copies' pages up.
		if k, ok := pick(s, items, false); ok {
			found += uncommitted(do(s, createText, k))
			err = do(s, remove, k)
		}
		if k, ok := pick(s, replies, true); ok {
			found += uncommitted(do(s, addReply, k))
			err = errors.Join(err, do(s, emptyBox, k))
		}
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
		if opens := deletedAndOpen(t, dir); opens > 0 {
			t.Errorf("killed at write %d: %d deleted entries open", when, opens)
		}
	}
	if found == 0 {
		t.Error("nothing was in the index without its commit: nothing is shown")
	}
}

// deletedAndOpen counts what a thief opens of a crowd and the store says is gone.
func deletedAndOpen(t *testing.T, dir string) (opens int) {
	t.Helper()
	items, replies := left(dir)
	s, err := boltstore.Open(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, k := range items {
		if !shown(s, k, false) {
			opens++
		}
	}
	for _, k := range replies {
		if !shown(s, k, true) {
			opens++
		}
	}
	return opens
}

// shown reports whether the store says that it has an item or a reply.
func shown(s store.Store, k key, isReply bool) bool {
	if isReply {
		kept, err := s.Replies(k.reply().Mailbox, store.Places(0, 1))
		return err == nil && len(kept) > 0
	}
	states, err := s.States([]receipt.ItemID{receipt.ItemID(k)})
	return err == nil && states[0].Item != nil
}

// pick takes one of the keys, of those that the store does not show if there are.
func pick(s store.Store, keys []key, isReply bool) (k key, ok bool) {
	for _, at := range rand.Perm(len(keys)) {
		if k = keys[at]; !shown(s, k, isReply) {
			break
		}
	}
	return k, len(keys) > 0
}

// uncommitted is 1 if a step could be done though its value was in the index.
func uncommitted(err error) int {
	if err == nil {
		return 1
	}
	return 0
}

// left returns what of a crowd a thief opens.
func left(dir string) (items, replies []key) {
	disk := steal(dir)
	for n := range byte(crowdSize) {
		if k := (key{n, 1}); disk.openings(k, false) > 0 {
			items = append(items, k)
		}
		if k := (key{n, 2}); disk.openings(k, true) > 0 {
			replies = append(replies, k)
		}
	}
	return items, replies
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
	j.say("closing", s.CloseBatch(store.Batch{Sequence: 1, Note: []byte("n"), Sums: []byte("s")}, 1))
	_, err := s.Batch(0)
	j.say("reading", err)
}

// TestRepliesOfAFailedDiskAreBelievedByNobody: neither that there is an answer nor that
// there is none, once the disk failed in the midst of a write to the mailbox, be it the
// one that brings it or the one that takes it away.
func TestRepliesOfAFailedDiskAreBelievedByNobody(t *testing.T) {
	for _, at := range []struct {
		sync int
		said string
	}{
		// Behind that of the start there are two to a commit; a deletion has two commits, and
		// between them the key's end.
		{3, "adding: failed, reading: failed, deleting: failed, reading: failed, "},
		{8, "adding: <nil>, reading: <nil>, deleting: failed, reading: failed, "},
	} {
		dir, _ := newStore(t)
		r, err := runMode(t, modeBox, dir, "-e", fmt.Sprintf("inject=fdatasync:error=EIO:when=%d", at.sync))
		if err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(r.journal)
		if got := strings.ReplaceAll(string(said), "\n", ", "); err != nil || got != at.said {
			t.Errorf("sync %d fails, and the store says %q, %v, want %q", at.sync, got, err, at.said)
		}
	}
}

// box adds an answer and takes it away.
func box(s store.Store, j *journal) {
	k := key{1}
	look := func() {
		_, err := s.Replies(k.reply().Mailbox, store.Places(0, 8))
		j.say("reading", err)
	}
	j.say("adding", do(s, addReply, k))
	look()
	j.say("deleting", do(s, emptyBox, k))
	look()
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
