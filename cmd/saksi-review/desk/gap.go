package desk

import (
	"errors"
	"fmt"
	"slices"
)

// A gap stays when the batches in it are nowhere any more: a copy of the desk stands in
// the place of the one that had confirmed them, and no server brings again what every
// desk has confirmed. The reviewer may give it up. Then the desk goes by what came
// behind it, as a desk does by what came since it began.

// gaps returns what is missing between the first batch and the last, and was not given
// up.
func (x *index) gaps() (missing []Range) {
	for i := range x.Batches {
		if gap, ok := gapBefore(x.Batches, i); ok && !x.gaveUp(gap) {
			missing = append(missing, gap)
		}
	}
	return missing
}

// gapBefore returns what is missing before the n-th batch.
func gapBefore(batches []*batchEntry, n int) (Range, bool) {
	if n == 0 || batches[n].Sequence == batches[n-1].Sequence+1 {
		return Range{}, false
	}
	return Range{batches[n-1].Sequence + 1, batches[n].Sequence - 1}, true
}

// gaveUp reports whether a gap lies within one that was given up: a stick that is found
// after all may have brought a part of it.
func (x *index) gaveUp(gap Range) bool {
	return slices.ContainsFunc(x.GivenUp, func(r Range) bool { return r.From <= gap.From && gap.To <= r.To })
}

// GiveUp has the desk wait no longer for batches that are missing, just these: what comes
// behind them is confirmed, and the secrets of later weeks are destroyed in their time.
// Those of weeks of which something may have come in the gap are kept. What is brought
// of it later is taken in. It returns [ErrNoGap].
func (d *Desk) GiveUp(gap Range) error {
	if err := d.MissesJust(gap); err != nil {
		return err
	}
	next := d.index.clone()
	next.GivenUp = append(next.GivenUp, gap)
	return d.save(next)
}

// MissesJust returns [ErrNoGap] unless just these batches are missing between others.
func (d *Desk) MissesJust(gap Range) error {
	if !slices.Contains(d.index.gaps(), gap) {
		return fmt.Errorf("looking for a gap: %w", ErrNoGap)
	}
	return nil
}

func (x *index) checkGivenUp() error {
	for _, r := range x.GivenUp {
		if r.From < 2 || r.To < r.From {
			return errors.New("a gap that was given up is none")
		}
	}
	return nil
}
