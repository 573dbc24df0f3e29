package inbox

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

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
//   - [ErrUploads] or [ErrFilesFull] when there is no place or room for it, or
//     ErrFilesFull when there is no room for more of it;
//   - [store.ErrOffset] when offset is not where the upload is, which is the
//     number returned: so for a repeated beginning too;
//   - [store.ErrSize] when it began with another size, or more came than that;
//   - [store.ErrUnknown] when there is no upload and offset is not 0;
//   - [store.ErrBusy] when another Stage of it is under way: [Inbox.Upload] ends
//     that one, which then returns ErrBusy itself;
//   - [store.ErrFull], [store.ErrFailed], or what from returned.
func (b *Inbox) Stage(id store.UploadID, size, offset int64, from io.Reader) (now int64, err error) {
	if err := b.checkUpload(size); err != nil {
		return 0, err
	}
	if offset == 0 {
		if err := b.beginUpload(id, size); err != nil {
			return 0, err
		}
	}
	return b.Store.Stage(id, size, offset, &bringing{Reader: from, inbox: b, id: id, size: size, at: offset})
}

func (b *Inbox) checkUpload(size int64) error {
	if size <= textSize() {
		return fmt.Errorf("staging payload: one of %d bytes comes with its parcel: %w", size, ErrMisfit)
	}
	return b.checkSize(size)
}

// Upload returns how far an upload is, or [store.ErrUnknown]: also when it became
// an item. A Stage of it that is under way ends, as it may hang on a connection of
// which only the other end knows that it broke.
func (b *Inbox) Upload(id store.UploadID) (size, offset int64, err error) {
	u, err := b.Store.Settle(id)
	return u.Size, u.Offset, err
}

// Abandon removes an upload, if there is one. What became an item stays.
func (b *Inbox) Abandon(id store.UploadID) error {
	if err := b.Store.Unstage(id); err != nil {
		return err
	}
	b.progress.forget(id)
	return nil
}

// checkStaged is checkParcel for what should have been brought before. That nothing was
// is told first, whatever else is wrong: a sender asks so whether his item is kept. That
// some of it is missing is told last, or the rest would come for a shape of yesterday.
//
// The gate is asked for slices, not for a staged parcel. Until all of them are found here
// it does not count as being kept, and a burn leaves no tombstone.
func (b *Inbox) checkStaged(p Parcel) error {
	const doing = "checking parcel: %w"
	u, err := b.Store.Settle(p.Upload)
	if err != nil {
		return fmt.Errorf(doing, err)
	}
	if err := b.checkParcel(p); err != nil {
		return err
	}
	switch {
	case u.Size != p.Size:
		return fmt.Errorf(doing, store.ErrSize)
	case u.Offset != u.Size:
		return fmt.Errorf(doing, store.ErrOffset)
	}
	return nil
}

// leaveNothing removes what was staged for a parcel of which no item comes any more. If
// that fails it is swept in a day.
func (b *Inbox) leaveNothing(p Parcel) {
	if p.Staged {
		_ = b.Abandon(p.Upload)
	}
}

// beginUpload finds a place and room for an upload, and takes it in one step.
func (b *Inbox) beginUpload(id store.UploadID, size int64) error {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	uploads, err := b.Store.Staged()
	if err != nil || slices.ContainsFunc(uploads, func(u store.Upload) bool { return u.ID == id }) {
		return err
	}
	to := min(size, aheadOfUpload)
	if err := b.makeRoom(uploads, to, MaxUploads); err != nil {
		return err
	}
	b.progress.begin(store.Upload{ID: id, Size: size}, to, b.Now())
	if _, err = b.Store.Stage(id, size, 0, strings.NewReader("")); err != nil {
		b.progress.forget(id)
	}
	return err
}

// goOn finds room for what comes next of an upload, and returns up to where.
func (b *Inbox) goOn(id store.UploadID, size, at int64) (to int64, err error) {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	uploads, err := b.Store.Staged()
	if err != nil {
		return at, err
	}
	to = min(size, at+aheadOfUpload)
	others := slices.DeleteFunc(uploads, func(u store.Upload) bool { return u.ID == id })
	if err := b.makeRoom(others, to-at, MaxUploads); err != nil {
		return at, err
	}
	b.progress.grant(id, to)
	return to, nil
}

// makeRoom finds a place, of so many, and room for what comes beside others. What
// hardly came on for long makes room, the longest first: else whoever announces much
// and sends next to nothing would keep everyone else's files out. If all of that is not
// enough, it stays. The lock of rooms is held.
func (b *Inbox) makeRoom(others []store.Upload, size int64, places int) error {
	idle := b.idle(others)
	going := slices.DeleteFunc(slices.Clone(others), func(u store.Upload) bool { return slices.Contains(idle, u) })
	var kept int64 // by the idle ones, on the disk
	for _, u := range idle {
		kept += u.Offset
	}
	if err := b.fits(going, size-kept, places); err != nil {
		return err
	}
	var stays error // why an idle one does
	for {
		err := b.fits(append(going, idle...), size, places)
		if err == nil {
			return nil
		}
		if len(idle) == 0 {
			return cmp.Or(stays, err)
		}
		if err := b.Abandon(idle[0].ID); err != nil {
			stays, going = err, append(going, idle[0])
		}
		idle = idle[1:]
	}
}

// idle returns those that hardly came on for [YieldUpload], the longest first.
func (b *Inbox) idle(uploads []store.Upload) (idle []store.Upload) {
	now := b.Now()
	last := func(u store.Upload) time.Time { return b.progress.of(u, now).last }
	for _, u := range uploads {
		if now.Sub(last(u)) >= YieldUpload {
			idle = append(idle, u)
		}
	}
	slices.SortFunc(idle, func(x, y store.Upload) int { return last(x).Compare(last(y)) })
	return idle
}

func (b *Inbox) fits(others []store.Upload, size int64, places int) error {
	free, err := b.Store.Free()
	if err != nil {
		return err
	}
	if len(others) >= places {
		return fmt.Errorf("finding room: %w", ErrUploads)
	}
	if free-b.room.promised-b.expected(others)-size < b.Reserve {
		return fmt.Errorf("finding room: %w", ErrFilesFull)
	}
	return nil
}

// expected is what is still to come of uploads, as far as they hold room for it.
func (b *Inbox) expected(uploads []store.Upload) (sum int64) {
	now := b.Now()
	for _, u := range uploads {
		sum += max(0, b.progress.of(u, now).to-u.Offset)
	}
	return sum
}

// SweepUploads removes uploads that did not come on for [KeepUpload] or that began
// [LongestUpload] ago, among them what no parcel ever claims. It returns how many,
// which goes into no log: with its time it would tell when somebody gave up. What cannot
// be removed keeps nothing else from being; the error is that of the first.
func (b *Inbox) SweepUploads() (removed int, err error) {
	uploads, err := b.Store.Staged()
	if err != nil {
		return 0, err
	}
	b.progress.keep(uploads)
	for _, u := range uploads {
		if !b.progress.over(u, b.Now()) {
			continue
		}
		if stays := b.Abandon(u.ID); stays != nil {
			err = cmp.Or(err, stays)
			continue
		}
		removed++
	}
	return removed, err
}
