package inbox

import (
	"fmt"
	"math"
	"sync"

	"saksi/server/store"
)

// room gives out the disk's space, so that files leave some for texts, and texts
// leave some for deletions, replies and batches.
//
//	free space   |<- files ->|<------ Reserve ------>|
//	             |<-------- texts -------->|<- last ->|
type room struct {
	mu       sync.Mutex
	promised int64 // to files that are arriving
}

// enter holds room for a parcel until leave is called. It returns [ErrFilesFull]
// or [store.ErrFull]. What a file has already written is counted twice while it
// arrives: that errs on the side of texts. A staged file is on the disk already. One
// that comes whole takes no place of uploads, but room: idle ones make it.
func (b *Inbox) enter(p Parcel) (leave func(), err error) {
	free, err := b.Store.Free()
	if err != nil {
		return nil, err
	}
	if p.Staged || p.Size <= textSize() {
		if free < lastReserve {
			return nil, fmt.Errorf("finding room: %w", store.ErrFull)
		}
		return func() {}, nil
	}
	b.room.mu.Lock()
	defer b.room.mu.Unlock()
	uploads, err := b.Store.Staged()
	if err != nil {
		return nil, err
	}
	if err := b.makeRoom(uploads, p.Size, math.MaxInt); err != nil {
		return nil, err
	}
	b.room.promised += p.Size
	return func() {
		b.room.mu.Lock()
		defer b.room.mu.Unlock()
		b.room.promised -= p.Size
	}, nil
}
