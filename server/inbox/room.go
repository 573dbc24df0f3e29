package inbox

import (
	"fmt"
	"io"
	"math"
	"sync"

	"saksi/server/store"
)

// room gives out the disk's space, so that files leave some for answers and texts,
// answers of reviewers, who may be hostile and name as many mailboxes as they like,
// leave some for texts, and texts leave some for deletions and batches.
//
//	free space   |<- files ->|<------ Reserve ------>|
//	             |<----- answers ----->|
//	             |<-------- texts -------->|<- last ->|
type room struct {
	mu       sync.Mutex
	promised int64 // to files that are arriving
}

// enter holds room for a parcel until leave is called. It returns [ErrFilesFull]
// or [store.ErrFull]. A staged file is on the disk already. One that comes whole takes
// no place of uploads, but room: idle ones make it. All of it has to fit when it begins,
// but what it holds is room for as much as has come, or a little: else whoever announces
// much and sends next to nothing would keep everyone else's files out. If it held a little
// all the time, of two files of which either fits both would break off near their ends.
// So p.Payload is wrapped, and may return ErrFilesFull.
func (b *Inbox) enter(p *Parcel) (leave func(), err error) {
	if p.Staged || p.Size <= textSize() {
		free, err := b.Store.Free()
		if err != nil {
			return nil, err
		}
		if free < lastReserve {
			return nil, fmt.Errorf("finding room: %w", store.ErrFull)
		}
		return func() {}, nil
	}
	h := &held{inbox: b, size: p.Size}
	if err := b.findRoom(p.Size, func() { h.hold(min(p.Size, aheadOfUpload)) }); err != nil {
		return nil, err
	}
	whole := p.Payload
	p.Payload = func(w io.Writer) error {
		h.Writer = w
		return whole(h)
	}
	return h.leave, nil
}

// roomForAnswers returns [store.ErrFull] where answers would take what half of the
// reserve is kept for.
func (b *Inbox) roomForAnswers() error {
	free, err := b.Store.Free()
	if err != nil {
		return err
	}
	if free < max(b.Reserve/2, lastReserve) {
		return fmt.Errorf("finding room for answers: %w", store.ErrFull)
	}
	return nil
}

// findRoom makes room for a file beside all uploads, and takes it in one step.
func (b *Inbox) findRoom(size int64, take func()) error {
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	uploads, err := b.Store.Staged()
	if err != nil {
		return err
	}
	if err := b.makeRoom(uploads, size, math.MaxInt); err != nil {
		return err
	}
	take()
	return nil
}

// held is the room of a file that comes whole, and its payload on its way to the disk.
// The lock of rooms guards its numbers.
type held struct {
	io.Writer
	inbox   *Inbox
	size    int64
	to      int64 // up to where it has room
	written int64
	holds   int64 // of what is promised
}

// hold changes what is promised. The lock of rooms is held.
func (h *held) hold(bytes int64) {
	h.inbox.room.promised += bytes - h.holds
	h.holds, h.to = bytes, h.written+bytes
}

func (h *held) leave() {
	h.inbox.room.mu.Lock()
	defer h.inbox.room.mu.Unlock()
	h.hold(0)
}

// Write finds room for what comes next. What the disk has is not promised any more: it
// is missing from what is free.
func (h *held) Write(p []byte) (int, error) {
	next := h.written + int64(len(p))
	if next > h.to && h.to < h.size {
		rest := min(h.size, next+max(aheadOfUpload, h.written)) - h.written
		if err := h.inbox.findRoom(rest-h.holds, func() { h.hold(rest) }); err != nil {
			return 0, err
		}
	}
	n, err := h.Writer.Write(p)
	h.inbox.room.mu.Lock()
	defer h.inbox.room.mu.Unlock()
	h.written += int64(n)
	h.hold(max(0, h.holds-int64(n)))
	return n, err
}
