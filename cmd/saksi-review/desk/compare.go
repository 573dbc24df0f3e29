package desk

import (
	"fmt"
	"slices"

	"saksi/crypto/roster"
)

// A Head is the last batch of a chain. Its hash stands for all before it; of those this
// desk can say that it has them, and no others, from batch From on.
type Head struct {
	From     uint64 // the first one from which no batch is missing here
	Sequence uint64
	Hash     roster.Hash
	Complete bool // nothing on its list is missing
}

// Head returns a batch, or, for sequence 0, the last before which nothing is missing
// since the desk's first, but in gaps that were given up: no batch, and nothing on their
// lists. A newer one may be the same for two desks of which one has another history below
// a gap. It returns [ErrNoBatch] with the newest that the desk has.
func (d *Desk) Head(sequence uint64) (Head, error) {
	if sequence == 0 {
		sequence = d.lastWhole()
	}
	at, found := slices.BinarySearchFunc(d.index.Batches, sequence, bySequence)
	if !found {
		return Head{}, d.noHead(sequence)
	}
	first, last := d.index.Batches[at], d.index.Batches[at]
	for ; at > 0 && joined(d.index.Batches[at-1], first); at-- {
		first = d.index.Batches[at-1]
	}
	hash, err := roster.ParseHash(last.Hash)
	return Head{first.Sequence, last.Sequence, hash, last.Complete}, err
}

func (d *Desk) noHead(sequence uint64) error {
	newest := d.Newest()
	if sequence == 0 && newest > 0 {
		return fmt.Errorf("looking for a batch: %w: batch %d, its first, is incomplete", ErrNoBatch, d.index.Batches[0].Sequence)
	}
	return fmt.Errorf("looking for batch %d: %w: its newest is %d", sequence, ErrNoBatch, newest)
}

// Newest returns the number of the newest batch, or 0.
func (d *Desk) Newest() uint64 {
	if len(d.index.Batches) == 0 {
		return 0
	}
	return d.index.Batches[len(d.index.Batches)-1].Sequence
}

// lastWhole returns the last batch of the complete chain that begins with the desk's
// first, or 0. A gap that was given up does not end it: it would end all comparing for good.
func (d *Desk) lastWhole() (last uint64) {
	for n, b := range d.index.Batches {
		gap, ok := gapBefore(d.index.Batches, n)
		if !b.Complete || ok && !d.index.gaveUp(gap) {
			break
		}
		last = b.Sequence
	}
	return last
}

// joined reports whether a batch is the one after another.
func joined(before, b *batchEntry) bool {
	return b.Sequence == before.Sequence+1 && b.Previous == before.Hash
}

// Holes returns what the desk lacks up to a batch: those that it never got since its
// first, and those that came incomplete.
func (d *Desk) Holes(until uint64) (missing []Range, incomplete []uint64) {
	for n, b := range d.index.Batches {
		if b.Sequence > until {
			break
		}
		if gap, ok := gapBefore(d.index.Batches, n); ok {
			missing = append(missing, gap)
		}
		if !b.Complete {
			incomplete = append(incomplete, b.Sequence)
		}
	}
	return missing, incomplete
}
