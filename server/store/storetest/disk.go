package storetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/store"
)

// FailedDisk holds what a store does once its disk has failed, which fail brings about:
// whatever writes says so, and keeps nothing; nothing is read that might not be there;
// all else is read, and is there when the disk is well again.
func FailedDisk(t testing.TB, e Engine, fail func(s store.Store)) {
	t.Helper()
	s := e.Open(t)
	i, slots, payload := create(t, s, small())
	half, _, halfPayload := newItem(large())
	stage(t, s, half, halfPayload, 0, half.Size/2)
	whole, wholeSlots, wholePayload := newItem(large())
	stage(t, s, whole, wholePayload, 0, whole.Size)
	closeBatch(t, s, 1)
	if err := s.KeepCanaries(newCanary("2026-10", "r1", 1, "a")); err != nil {
		t.Fatal(err)
	}
	m := receipt.Mailbox{5}
	sealed := addReplies(t, s, m, 1)
	before, err := s.Usage()
	if err != nil || s.Sound() != nil || before.Failed {
		t.Fatalf("usage is %+v, %v, sound %v", before, err, s.Sound())
	}
	fail(s)

	next, nextSlots, nextPayload := newItem(large())
	_, beginning := s.Stage(name(next), next.Size, 0, bytes.NewReader(nextPayload))
	_, going := s.Stage(name(half), half.Size, half.Size/2, bytes.NewReader(halfPayload[half.Size/2:]))
	_, reading := s.Batch(1)
	_, expiring := s.ExpireReplies(thisWeek)
	for doing, err := range map[string]error{
		"creating": s.Create(next, nextSlots, writer(nextPayload)), "beginning a slice": beginning, "a slice": going,
		"unstaging": s.Unstage(name(half)), "adopting": s.CreateStaged(whole, wholeSlots, name(whole)),
		"creating what is there": s.Create(i, slots, writer(payload)),
		"deleting":               s.Delete(tombstoneOf(i)), "burying": s.Bury(tombstoneOf(next)),
		"closing a batch": s.CloseBatch(store.Batch{Sequence: 2}, 2), "scheduling": s.Schedule(3),
		"reading a batch": reading, "retiring": s.Retire(1, thisWeek), "acknowledging": s.Acknowledge("r1", 1),
		"adding a reply":   s.AddReply(store.Reply{Mailbox: m, Sealed: make([]byte, 5755)}),
		"deleting replies": s.DeleteReplies(m), "expiring replies": expiring,
		"keeping a canary":    s.KeepCanaries(newCanary("2026-11", "r1", 1, "a")),
		"forgetting canaries": s.ForgetCanaries("2026-11"),
		"adding a roster":     s.AddRoster(1, []byte("one"), map[roster.Hash]string{{1}: "first"}), "looking": s.Sound(),
	} {
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("%s: %v, want ErrFailed", doing, err)
		}
	}
	if u, err := s.Usage(); err != nil || !u.Failed {
		t.Errorf("usage is %+v, %v", u, err)
	}
	same := func() {
		t.Helper()
		expect(t, s, i, slots, payload)
		staged(t, s, store.Upload{ID: name(half), Size: half.Size, Offset: half.Size / 2},
			store.Upload{ID: name(whole), Size: whole.Size, Offset: whole.Size})
		if got := sealedOf(t, s, m, 0, 8); len(got) != 1 || !bytes.Equal(got[0], sealed[0]) {
			t.Errorf("%d replies are there, or other ones", len(got))
		}
	}
	same()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = e.Open(t)
	defer finish(t, s)
	same()
	if after, err := s.Usage(); err != nil || after != before || s.Sound() != nil {
		t.Errorf("usage is %+v, %v, sound %v, want %+v", after, err, s.Sound(), before)
	}
}

// FullDisk holds what a store does on a disk that another program fills: foreign is a
// name on it. What has no room is told so and not kept, the disk counts as sound, what
// was acknowledged is read, and with the room everything goes on.
func FullDisk(t testing.TB, e Engine, foreign string) {
	t.Helper()
	s := e.Open(t)
	i, slots, payload := create(t, s, large())
	half, halfSlots, halfPayload := newItem(large())
	stage(t, s, half, halfPayload, 0, half.Size/2)
	fill(t, foreign)
	texts := 0
	next, nextSlots, nextPayload := newItem(small())
	for {
		err := s.Create(next, nextSlots, writer(nextPayload))
		if errors.Is(err, store.ErrFull) {
			break
		}
		if err != nil || texts > 1<<10 {
			t.Fatalf("text %d on a full disk: %v, want ErrFull", texts, err)
		}
		texts++
		next, nextSlots, nextPayload = newItem(small())
	}
	file, fileSlots, filePayload := newItem(large())
	_, beginning := s.Stage(name(file), file.Size, 0, bytes.NewReader(filePayload))
	now, going := s.Stage(name(half), half.Size, half.Size/2, bytes.NewReader(halfPayload[half.Size/2:]))
	for doing, err := range map[string]error{
		"creating": s.Create(file, fileSlots, writer(filePayload)), "beginning a slice": beginning, "a slice": going,
	} {
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("%s on a full disk: %v, want ErrFull", doing, err)
		}
	}
	states, err := s.States([]receipt.ItemID{next.ID, file.ID})
	if err != nil || states[0] != (store.State{}) || states[1] != (store.State{}) || s.Sound() != nil {
		t.Errorf("of what was refused there is %+v, %v; sound %v", states, err, s.Sound())
	}
	expect(t, s, i, slots, payload)
	if err := os.Remove(foreign); err != nil {
		t.Fatal(err)
	}
	stage(t, s, half, halfPayload, now, half.Size)
	adopting, creating := s.CreateStaged(half, halfSlots, name(half)), s.Create(next, nextSlots, writer(nextPayload))
	if err := errors.Join(adopting, creating); err != nil {
		t.Errorf("with room: %v", err)
	}
	finish(t, s)
	s = e.Open(t)
	defer finish(t, s)
	expect(t, s, i, slots, payload)
	expect(t, s, half, halfSlots, halfPayload)
	expect(t, s, next, nextSlots, nextPayload)
	if u, err := s.Usage(); err != nil || u.Items != texts+3 {
		t.Errorf("usage is %+v, %v, after %d texts", u, err, texts)
	}
}

// fill takes all the room that is left on a disk.
func fill(t testing.TB, foreign string) {
	t.Helper()
	f, err := os.OpenFile(foreign, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, rand.Reader); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
}
