package inbox

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/server/store"
)

// ErrNoBatch is returned when no batch has been closed yet.
var ErrNoBatch = errors.New("no batch has been closed yet")

// members is what a bundle is written to: a [batch.Writer], or what measures.
type members interface {
	Add(path batch.Path, size int64, content io.Reader) error
	AddBytes(path batch.Path, content []byte) error
	Close() error
}

// Bundle writes the newest batch, and all earlier ones that some desk has not
// confirmed, to w. The same store gives the same bytes. It returns the items
// that are damaged: desks will say that they miss them, or that they are damaged.
func (b *Inbox) Bundle(w io.Writer) (damaged []receipt.ItemID, err error) {
	batches, err := b.openBatches()
	if err != nil {
		return nil, err
	}
	return b.bundle(batch.NewWriter(w), batches)
}

func (b *Inbox) bundle(out members, batches []store.Batch) (damaged []receipt.ItemID, err error) {
	if err := writeHeads(out, batches); err != nil {
		return nil, err
	}
	if err := b.writeRosters(out, batches[0].Sums); err != nil {
		return nil, err
	}
	if err := b.writeCanaries(out, batches); err != nil {
		return nil, err
	}
	var gone []store.Tombstone
	for _, id := range sortedIDs(batches) {
		t, err := b.writeItem(out, id)
		switch {
		case errors.Is(err, store.ErrDamaged):
			damaged = append(damaged, id)
		case err != nil:
			return nil, err
		case t != nil:
			gone = append(gone, *t)
		}
	}
	for _, t := range gone {
		if err := writeMark(out, t); err != nil {
			return nil, err
		}
	}
	return damaged, out.Close()
}

// openBatches returns the newest batch and the earlier ones that are not
// retired, the newest first.
func (b *Inbox) openBatches() ([]store.Batch, error) {
	b.closing.Lock() // no batch closes or retires in between
	defer b.closing.Unlock()
	newest, err := b.Store.Batch(0)
	if errors.Is(err, store.ErrUnknown) {
		return nil, ErrNoBatch
	}
	if err != nil {
		return nil, err
	}
	batches := []store.Batch{newest}
	for n := newest.Sequence - 1; n > 0; n-- {
		earlier, err := b.Store.Batch(n)
		if err != nil {
			return nil, err
		}
		if earlier.Sums == nil {
			break // batches retire in order: all before it are retired too
		}
		batches = append(batches, earlier)
	}
	return batches, nil
}

func writeHeads(out members, batches []store.Batch) error {
	for i, head := range batches {
		sequence := head.Sequence
		if i == 0 {
			sequence = 0
		}
		if err := out.AddBytes(batch.Path{Kind: batch.BatchNote, Sequence: sequence}, head.Note); err != nil {
			return err
		}
		if err := out.AddBytes(batch.Path{Kind: batch.BatchSums, Sequence: sequence}, head.Sums); err != nil {
			return err
		}
	}
	return nil
}

// writeRosters writes those on the newest list. One that began since stands on
// none: to couriers and desks it would look as if somebody had put it in.
func (b *Inbox) writeRosters(out members, newest []byte) error {
	members := b.rosterMembers()
	var paths []batch.Path
	for path := range members {
		if bytes.Contains(newest, []byte("  "+path.String()+"\n")) {
			paths = append(paths, path)
		}
	}
	slices.SortFunc(paths, func(a, b batch.Path) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Sequence, b.Sequence), slices.Compare(a.File[:], b.File[:]))
	})
	for _, path := range paths {
		if err := out.AddBytes(path, members[path]); err != nil {
			return err
		}
	}
	return nil
}

func sortedIDs(batches []store.Batch) []receipt.ItemID {
	var ids []receipt.ItemID
	for _, head := range batches {
		ids = append(ids, head.IDs...)
	}
	slices.SortFunc(ids, func(a, b receipt.ItemID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// writeItem writes an item's members, or returns the tombstone of one that is
// gone.
func (b *Inbox) writeItem(out members, id receipt.ItemID) (*store.Tombstone, error) {
	states, err := b.Store.States([]receipt.ItemID{id})
	if err != nil {
		return nil, err
	}
	if states[0].Gone != nil {
		return states[0].Gone, nil
	}
	i := states[0].Item
	if i == nil {
		return nil, fmt.Errorf("writing bundle: an item is lost: %w", store.ErrDamaged)
	}
	slots, slotsErr := b.Store.Slots(id)
	payload, payloadErr := b.Store.Payload(id)
	if payloadErr == nil {
		defer payload.Close()
	}
	if errors.Is(errors.Join(slotsErr, payloadErr), store.ErrUnknown) {
		return b.tombstone(id)
	}
	if err := errors.Join(slotsErr, payloadErr); err != nil {
		return nil, err
	}
	whole := &patched{r: payload, left: i.Size}
	if err := out.Add(batch.Path{Kind: batch.Payload, Sequence: i.Roster, ID: id}, i.Size, whole); err != nil {
		return nil, err
	}
	// A payload takes long through Tor. What was deleted meanwhile must not leave with
	// its slots: without them nobody opens it.
	if states, err := b.Store.States([]receipt.ItemID{id}); err != nil || states[0].Item == nil {
		return nil, cmp.Or(err, fmt.Errorf("writing bundle: %w", ErrChanged))
	}
	for n, s := range slots {
		if err := out.AddBytes(batch.Path{Kind: batch.Slot, Sequence: i.Roster, ID: id, Slot: n}, s); err != nil {
			return nil, err
		}
	}
	if whole.broken {
		return nil, fmt.Errorf("writing bundle: %w", store.ErrDamaged)
	}
	return nil, nil
}

// patched reads a payload of known size. What the disk does not give is zeros:
// one bad block must not keep all other testimonies from the desks, which find
// the damage by the hash.
type patched struct {
	r      io.Reader
	left   int64
	broken bool
}

func (p *patched) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.left)]
	n, err := len(b), error(nil)
	if p.broken {
		clear(b)
	} else if n, err = p.r.Read(b); err != nil {
		p.broken = p.left > int64(n)
	}
	p.left -= int64(n)
	return n, nil
}

// tombstone is for an item that was deleted between two looks at it.
func (b *Inbox) tombstone(id receipt.ItemID) (*store.Tombstone, error) {
	states, err := b.Store.States([]receipt.ItemID{id})
	if err != nil {
		return nil, err
	}
	if states[0].Gone == nil {
		return nil, fmt.Errorf("writing bundle: an item is lost: %w", store.ErrDamaged)
	}
	return states[0].Gone, nil
}

// writeMark writes the burn token, which has the hash that the list says, or
// the mark of what expired or was lost, which proves nothing.
func writeMark(out members, t store.Tombstone) error {
	if t.Reason != store.Deleted {
		return out.AddBytes(batch.Path{Kind: batch.ExpiryMark, ID: t.ID}, nil)
	}
	return out.AddBytes(batch.Path{Kind: batch.BurnMark, ID: t.ID}, t.Proof[:])
}
