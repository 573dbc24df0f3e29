package boltstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"saksi/server/store"
)

// health knows whether the disk has failed. Once it has, it has for good.
type health struct {
	failed  atomic.Bool
	crashed atomic.Bool // in the middle of a commit
	mark    string      // file that is removed for the next Open to know; "" for none
	marked  func()      // called once that is done; the folder has a time
}

// markName is there as long as the disk has not failed since an Open that looked at
// the disk itself. That it is removed need not come to the disk: it is about what the
// kernel remembers, and is forgotten with that. A mark that had to be made would find
// no room on a full disk.
const markName = "sound"

func (h *health) check() error {
	if h.failed.Load() {
		return store.ErrFailed
	}
	return nil
}

// writing passes the error of a write on. A full disk took nothing and is no
// failure; anything else is.
func (h *health) writing(err error) error {
	if err == nil || full(err) {
		return err
	}
	if growing(err) {
		return store.ErrFull
	}
	return h.syncing(err)
}

// syncing passes the error of a sync on: after it nobody knows what is on disk,
// also when the reason was a full one.
func (h *health) syncing(err error) error {
	if err == nil {
		return nil
	}
	if !h.failed.Swap(true) && h.mark != "" {
		_ = os.Remove(h.mark) // as well as can be
		h.marked()
	}
	if errors.Is(err, store.ErrFailed) {
		return err
	}
	return fmt.Errorf("%w: %v", store.ErrFailed, withoutPath(err))
}

// full reports whether a write found no room. The errors of syncs are bare
// numbers, or say what they are of.
func full(err error) bool {
	var path *os.PathError
	var link *os.LinkError // a name takes room, too
	switch {
	case errors.As(err, &path) && path.Op == "sync":
		return false
	case path == nil && !errors.As(err, &link):
		return false
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// fail says what was being done, and maps a full disk to [store.ErrFull].
func fail(doing string, err error) error {
	if full(err) {
		return fmt.Errorf("%s: %w", doing, store.ErrFull)
	}
	return fmt.Errorf("%s: %w", doing, withoutPath(err))
}

// withoutPath takes file names out of an error: those of payloads have an
// item's id in them, and errors may be logged.
func withoutPath(err error) error {
	var path *os.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return fmt.Errorf("%s: %w", path.Op, path.Err)
	case errors.As(err, &link):
		return fmt.Errorf("%s: %w", link.Op, link.Err)
	default:
		return err
	}
}

// settle makes sure that what is read from a file is what the disk has. A process
// that was killed may have left writes that only the kernel knows: they are
// synced. After a disk that failed, the kernel may remember what never came to
// it, and has no more need to write: that is dropped. Without need it is not, for
// the sake of a quick start.
func settle(f *os.File, failed bool) error {
	if err := f.Sync(); err != nil {
		return err
	}
	if !failed {
		return nil
	}
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// settleAll settles what Open reads, and makes the mark. The lock is held: what somebody
// else writes meanwhile would be settled by nobody, and the mark would hide from the
// next Open that a disk had failed for them.
func settleAll(index *os.File, dir string) error {
	keys, err := os.OpenFile(filepath.Join(dir, "keys.slots"), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer keys.Close()
	mark := filepath.Join(dir, markName)
	_, err = os.Stat(mark)
	failed := err != nil
	for _, f := range []*os.File{index, keys} {
		if err := settle(f, failed); err != nil {
			return err
		}
	}
	if failed {
		_ = os.WriteFile(mark, nil, fileMode) // else the next Open looks as closely as this one
	}
	return nil
}

// Sound implements [store.Store].
func (s *Store) Sound() error { return s.health.check() }

// Free implements [store.Store].
func (s *Store) Free() (int64, error) {
	var at unix.Statfs_t
	if err := unix.Statfs(s.dir, &at); err != nil {
		return 0, fmt.Errorf("measuring room: %w", err)
	}
	return int64(at.Bavail) * at.Bsize, nil
}

// together lets those who have written at the same time share one sync: who
// comes while one is under way waits for the next, with all others who do.
type together struct {
	sync    func() error
	running sync.Mutex

	mu   sync.Mutex // guards next
	next *round     // has not begun; nil when nobody waits for one
}

type round struct {
	done chan struct{}
	err  error
}

// wait returns once what the caller had written before is on disk.
func (t *together) wait() error {
	t.mu.Lock()
	mine := t.next
	first := mine == nil
	if first {
		mine = &round{done: make(chan struct{})}
		t.next = mine
	}
	t.mu.Unlock()
	if first {
		t.lead(mine)
	}
	<-mine.done
	return mine.err
}

// lead syncs for everyone who came before the sync began.
func (t *together) lead(r *round) {
	t.running.Lock()
	defer t.running.Unlock()
	t.mu.Lock()
	t.next = nil
	t.mu.Unlock()
	r.err = t.sync()
	close(r.done)
}
