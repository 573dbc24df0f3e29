package inbox

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// Stage takes a slice of a file's payload, and returns how many bytes of it are
// on disk for good. With offset 0 it begins an upload, unless there is one. What
// came before from broke is kept: the number is right beside every error too,
// but for those that say that there is no upload.
//
// A text is too small to be staged: it comes in one request. The errors are
//
//   - [ErrMisfit] or [ErrTooLarge] for a size that no payload of a file has;
//   - [ErrUploads] or [ErrFilesFull] when there is no place or room for it;
//   - [store.ErrExists] or [store.ErrGone] when the id is or was an item;
//   - [store.ErrOffset] when offset is not where the upload is, which is the
//     number returned: so for a repeated beginning too;
//   - [store.ErrSize] when it began with another size, or more came than that;
//   - [store.ErrUnknown] when there is no upload and offset is not 0;
//   - [store.ErrBusy] when another Stage of it is under way: [Inbox.Upload] ends
//     that one, which then returns ErrBusy itself;
//   - [store.ErrFull], [store.ErrFailed], or what from returned.
func (b *Inbox) Stage(id receipt.ItemID, size, offset int64, from io.Reader) (now int64, err error) {
	if err := b.checkUpload(size); err != nil {
		return 0, b.unlessKnown(id, err)
	}
	if offset == 0 {
		if err := b.beginUpload(id, size); err != nil {
			return 0, b.unlessKnown(id, err)
		}
	}
	return b.Store.Stage(id, size, offset, &touching{from, b, id})
}

func (b *Inbox) checkUpload(size int64) error {
	if size <= textSize() {
		return fmt.Errorf("staging payload: one of %d bytes comes with its parcel: %w", size, ErrMisfit)
	}
	return b.checkSize(size)
}

// unlessKnown returns what an id stands for, if anything, and else err: who sends
// again what is kept needs no room.
func (b *Inbox) unlessKnown(id receipt.ItemID, err error) error {
	done, known := b.known(id)
	if done {
		return fmt.Errorf("staging payload: %w", store.ErrExists)
	}
	if known != nil {
		return known
	}
	return err
}

// known reports whether an id is an item's, or returns [store.ErrGone].
func (b *Inbox) known(id receipt.ItemID) (item bool, err error) {
	states, err := b.Store.States([]receipt.ItemID{id})
	if err == nil && states[0].Gone != nil {
		err = fmt.Errorf("finding upload: %w", store.ErrGone)
	}
	return err == nil && states[0].Item != nil, err
}

// Upload returns how far an upload is. Done is set when the id is an item's
// already, whole. A Stage of it that is under way ends, as it may hang on a
// connection of which only the other end knows that it broke. It returns
// [store.ErrUnknown] or [store.ErrGone].
func (b *Inbox) Upload(id receipt.ItemID) (size, offset int64, done bool, err error) {
	if done, err = b.known(id); done || err != nil {
		return 0, 0, done, err
	}
	u, err := b.Store.Settle(id)
	return u.Size, u.Offset, false, err
}

// Abandon removes an upload, if there is one. An item stays.
func (b *Inbox) Abandon(id receipt.ItemID) error {
	if err := b.Store.Unstage(id); err != nil {
		return err
	}
	b.touched.forget(id)
	return nil
}

// beginUpload finds a place and room for an upload, and takes it in one step.
func (b *Inbox) beginUpload(id receipt.ItemID, size int64) error {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	uploads, err := b.Store.Staged()
	if err != nil || slices.ContainsFunc(uploads, func(u store.Upload) bool { return u.ID == id }) {
		return err
	}
	if err := b.makeRoom(uploads, size); err != nil {
		return err
	}
	b.touched.at(id, b.Now())
	_, err = b.Store.Stage(id, size, 0, strings.NewReader(""))
	return err
}

// makeRoom finds a place and room for one more upload. What nobody touched for
// long makes room, the longest first: else whoever announces much and sends
// nothing would keep everyone else's files out for a day. The lock of rooms is held.
func (b *Inbox) makeRoom(uploads []store.Upload, size int64) error {
	slices.SortFunc(uploads, func(x, y store.Upload) int {
		return b.touched.since(x.ID, b.Now()).Compare(b.touched.since(y.ID, b.Now()))
	})
	for {
		err := b.fits(uploads, size)
		if err == nil || len(uploads) == 0 || b.idle(uploads[0].ID) < YieldUpload {
			return err
		}
		if err := b.Abandon(uploads[0].ID); err != nil {
			return err
		}
		uploads = uploads[1:]
	}
}

func (b *Inbox) fits(uploads []store.Upload, size int64) error {
	free, err := b.Store.Free()
	if err != nil {
		return err
	}
	if len(uploads) >= MaxUploads {
		return fmt.Errorf("finding room: %w", ErrUploads)
	}
	if free-b.room.promised-expected(uploads)-size < b.Reserve {
		return fmt.Errorf("finding room: %w", ErrFilesFull)
	}
	return nil
}

// idle is for how long nothing came of an upload, as far as this process knows.
func (b *Inbox) idle(id receipt.ItemID) time.Duration {
	now := b.Now()
	return now.Sub(b.touched.since(id, now))
}

// SweepUploads removes uploads of which nothing came for [KeepUpload], and those
// whose id an item has taken otherwise. It returns how many, which goes into no
// log: with its time it would tell when somebody gave up.
func (b *Inbox) SweepUploads() (removed int, err error) {
	uploads, err := b.Store.Staged()
	if err != nil {
		return 0, err
	}
	b.touched.keep(uploads)
	for _, u := range uploads {
		item, err := b.known(u.ID)
		if err != nil && !errors.Is(err, store.ErrGone) {
			return removed, err
		}
		if !item && err == nil && b.idle(u.ID) < KeepUpload {
			continue
		}
		if err := b.Abandon(u.ID); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// touched remembers when the last byte of each upload came, in memory alone.
type touched struct {
	mu   sync.Mutex
	last map[receipt.ItemID]time.Time
}

func (t *touched) at(id receipt.ItemID, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[receipt.ItemID]time.Time{}
	}
	t.last[id] = now
}

// since returns when an upload was touched. One that is new to this process, or
// was touched by a clock that ran ahead, counts as touched now.
func (t *touched) since(id receipt.ItemID, now time.Time) time.Time {
	t.mu.Lock()
	last, ok := t.last[id]
	t.mu.Unlock()
	if !ok || last.After(now) {
		t.at(id, now)
		return now
	}
	return last
}

func (t *touched) forget(id receipt.ItemID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.last, id)
}

// keep forgets all but these.
func (t *touched) keep(uploads []store.Upload) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.last, func(id receipt.ItemID, _ time.Time) bool {
		return !slices.ContainsFunc(uploads, func(u store.Upload) bool { return u.ID == id })
	})
}

// touching notes each arrival of bytes.
type touching struct {
	io.Reader
	inbox *Inbox
	id    receipt.ItemID
}

func (t *touching) Read(p []byte) (int, error) {
	n, err := t.Reader.Read(p)
	if n > 0 {
		t.inbox.touched.at(t.id, t.inbox.Now())
	}
	return n, err
}
