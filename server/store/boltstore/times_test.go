package boltstore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// mondays holds that everything in the folder has the time of the week's Monday, but
// for a payload on its way in.
func mondays(t *testing.T, dir, when string) {
	t.Helper()
	filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if strings.HasSuffix(name, partSuffix) {
			return err
		}
		info, infoErr := d.Info()
		if err != nil || infoErr != nil {
			t.Fatal(err, infoErr)
		}
		if monday := week.Of(noon).Monday(); !info.ModTime().Equal(monday) {
			t.Errorf("%s: %s was modified %v, want %v", when, name, info.ModTime(), monday)
		}
		return nil
	})
}

func TestTimesAreMondays(t *testing.T) {
	s, dir := newStore(t)
	create(t, s, sizes()[0], "")
	doomed := create(t, s, sizes()[1], "")
	create(t, s, sizes()[1], "")
	if err := s.Delete(store.Tombstone{ID: doomed.ID, Week: doomed.Week, Reason: store.Deleted}); err != nil {
		t.Fatal(err)
	}
	if err := s.AddReply(store.Reply{Sealed: []byte("x"), Reviewer: "r1"}); err != nil {
		t.Fatal(err)
	}
	mondays(t, dir, "open")
	s.Close()
	mondays(t, dir, "closed")
}

// TestReadingLeavesNoTime: a kernel notes when a file was read, and of the keys that would
// be when somebody looked for answers, or sent what is here once more.
func TestReadingLeavesNoTime(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	i := create(t, s, sizes()[0], "")
	if err := s.AddReply(store.Reply{Sealed: []byte("x"), Reviewer: "r1"}); err != nil {
		t.Fatal(err)
	}
	replies, err := s.Replies(receipt.Mailbox{}, store.Places(0, 1))
	_, slotsErr := s.Slots(i.ID)
	if err := errors.Join(err, slotsErr); err != nil || len(replies) != 1 {
		t.Fatal(replies, err)
	}
	var keys syscall.Stat_t
	if err := syscall.Stat(filepath.Join(dir, "keys.slots"), &keys); err != nil {
		t.Fatal(err)
	}
	if read, monday := time.Unix(keys.Atim.Unix()), week.Of(noon).Monday(); !read.Equal(monday) {
		t.Errorf("the keys were read %v, want %v", read, monday)
	}
}

// TestTimesOfFailuresAreMondays: what came to nothing tells no more than what was kept
// of when somebody sent it.
func TestTimesOfFailuresAreMondays(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	for n, name := range []string{"text", "file"} {
		i := store.Item{ID: receipt.ItemID{byte(n)}, Roster: 1, Week: week.Of(noon), Size: sizes()[n]}
		payload := make([]byte, i.Size)
		send := func(whole func(w io.Writer) error) error { return s.Create(i, [][]byte{{1}}, whole) }
		write := func(w io.Writer) error { _, err := w.Write(payload); return err }
		for end, fails := range map[string]func() error{
			"breaks off at once": func() error {
				return send(func(io.Writer) error { mondays(t, dir, name+" arrives"); return io.ErrUnexpectedEOF })
			},
			"breaks off": func() error {
				return send(func(w io.Writer) error {
					w.Write(payload[:i.Size/2])
					mondays(t, dir, name+" arrives")
					return io.ErrUnexpectedEOF
				})
			},
			"is too long": func() error {
				return send(func(w io.Writer) error { w.Write([]byte{1}); return write(w) })
			},
			"is pressed twice": func() error {
				i.ID[1]++
				return send(func(w io.Writer) error {
					if err := send(write); err != nil {
						t.Error(err)
					}
					return write(w)
				})
			},
			"is buried": func() error {
				i.ID[1]++
				return send(func(w io.Writer) error {
					if err := s.Bury(tombstone(i.ID)); err != nil {
						t.Error(err)
					}
					return write(w)
				})
			},
		} {
			if err := fails(); err == nil {
				t.Errorf("a %s that %s was kept", name, end)
			}
			mondays(t, dir, "a "+name+" that "+end)
		}
	}
}

// TestTimesOfFailedUploadsAreMondays of slices that break off, are given up, or come
// for an item that is there by then.
func TestTimesOfFailedUploadsAreMondays(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	u, payload := halfway(t, s)
	mondays(t, dir, "half")
	if _, err := s.Stage(u.ID, u.Size, u.Offset, io.MultiReader(bytes.NewReader(payload[:10]), broken{})); err == nil {
		t.Error("a slice that broke off was taken")
	}
	mondays(t, dir, "a slice that breaks off")
	u.Offset += 10
	if now, err := s.Stage(u.ID, u.Size, u.Offset, bytes.NewReader(payload[u.Offset:])); err != nil || now != u.Size {
		t.Fatal(now, err)
	}
	there := create(t, s, sizes()[1], "")
	for name, id := range map[string]receipt.ItemID{"used": there.ID, "used meanwhile": {9}} {
		i := store.Item{ID: id, Roster: 1, Week: week.Of(noon), Size: u.Size}
		adopt := func() error { return s.CreateStaged(i, [][]byte{{1}}, u.ID) }
		if id != there.ID {
			adopt = func() error { return s.create(i, [][]byte{{1}}, s.losing(t, i, u.ID)) }
		}
		if err := adopt(); err == nil {
			t.Errorf("an upload for a number that is %s was adopted", name)
		}
		mondays(t, dir, "for a number that is "+name)
	}
	if err := s.Unstage(u.ID); err != nil {
		t.Error(err)
	}
	mondays(t, dir, "given up")
}

// TestTimesOfAFailedDiskAreMondays: the write that it failed at was somebody's.
func TestTimesOfAFailedDiskAreMondays(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	create(t, s, sizes()[1], "")
	if err := s.health.syncing(syscall.EIO); !errors.Is(err, store.ErrFailed) {
		t.Fatal(err)
	}
	mondays(t, dir, "failed")
	if _, err := os.Stat(filepath.Join(dir, markName)); err == nil {
		t.Error("the next Open would not know")
	}
	for n, size := range sizes() {
		i := store.Item{ID: receipt.ItemID{byte(n)}, Roster: 1, Week: week.Of(noon), Size: size}
		if err := s.Create(i, [][]byte{{1}}, func(io.Writer) error { return nil }); !errors.Is(err, store.ErrFailed) {
			t.Errorf("creating on a failed disk: %v, want ErrFailed", err)
		}
	}
	mondays(t, dir, "after a failure")
}

// losing adopts an upload for an item, after the same item was created otherwise.
func (s *Store) losing(t *testing.T, i store.Item, from store.UploadID) func(string, newEntry) error {
	return func(doing string, e newEntry) error {
		err := s.Create(i, [][]byte{{1}}, func(w io.Writer) error {
			_, err := io.CopyN(w, rand.Reader, i.Size)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return s.adopt(doing, e, from)
	}
}

// broken is a connection that breaks.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestBuriedWhenItsFileHadItsName: a file that was renamed, or an upload that was
// linked, and not yet indexed when its id was buried, loses its name again; and no time
// tells of it.
func TestBuriedWhenItsFileHadItsName(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	u, payload := halfway(t, s)
	if now, err := s.Stage(u.ID, u.Size, u.Offset, bytes.NewReader(payload[u.Offset:])); err != nil || now != u.Size {
		t.Fatal(now, err)
	}
	u.Offset = u.Size
	i := store.Item{Roster: 1, Week: week.Of(noon), Size: u.Size}
	for n, keep := range []func() error{
		func() error {
			return s.Create(i, [][]byte{{1}}, func(w io.Writer) error { _, err := w.Write(payload); return err })
		},
		func() error { return s.CreateStaged(i, [][]byte{{1}}, u.ID) },
	} {
		i.ID = receipt.ItemID{byte(n)}
		var buried, kept error
		var both sync.WaitGroup
		s.commits.running.Lock()
		both.Go(func() { buried = s.Bury(tombstone(i.ID)) })
		s.commits.await(1)
		both.Go(func() { kept = keep() })
		s.commits.await(2)
		s.commits.running.Unlock()
		both.Wait()
		if buried != nil || !errors.Is(kept, store.ErrGone) {
			t.Errorf("burying: %v; keeping: %v, want ErrGone", buried, kept)
		}
		mondays(t, dir, "buried")
		isStaged(t, s, u)
		if files, err := os.ReadDir(filepath.Join(dir, "payloads")); err != nil || len(files) != 1 {
			t.Errorf("left are %v, %v", files, err)
		}
	}
}

// await returns once so many wait for a transaction.
func (c *commits) await(n int) {
	for {
		c.mu.Lock()
		waiting := len(c.waiting)
		c.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}
