package desk

import (
	"fmt"

	"saksi/crypto/roster"
)

// A Head is a batch of the desk's chain. Its hash stands for all before it.
type Head struct {
	Sequence uint64
	Hash     roster.Hash
	Complete bool // nothing on its list is missing
}

// Head returns a batch, or, for sequence 0, the newest that is complete. It
// returns [ErrNoBatch] with the newest that the desk has.
func (d *Desk) Head(sequence uint64) (Head, error) {
	var newest uint64
	for n := len(d.index.Batches) - 1; n >= 0; n-- {
		b := d.index.Batches[n]
		newest = max(newest, b.Sequence)
		if b.Sequence == sequence || sequence == 0 && b.Complete {
			hash, err := roster.ParseHash(b.Hash)
			return Head{b.Sequence, hash, b.Complete}, err
		}
	}
	if sequence == 0 {
		return Head{}, fmt.Errorf("looking for a batch: %w: none is complete", ErrNoBatch)
	}
	return Head{}, fmt.Errorf("looking for batch %d: %w: its newest is %d", sequence, ErrNoBatch, newest)
}
