package watch

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"saksi/crypto/roster"
)

// A Comparison says what two watchdogs saw of one drop.
type Comparison struct {
	Both   []uint64 // rosters that both saw, the same
	First  []uint64 // that only the first saw
	Second []uint64
	// Differ is the first number under which there are two rosters, and Hashes
	// are theirs; 0 if there is none.
	Differ uint64
	Hashes []roster.Hash
}

// ErrCompare is returned for logs of two drops.
var ErrCompare = errors.New("the logs are not of one drop: they have other roots")

// Compare holds two logs against each other. They may be of two addresses of a
// drop, and one log may be given twice: then it is held against itself.
func Compare(a, b *Log) (*Comparison, error) {
	if a.Roots != b.Roots {
		return nil, fmt.Errorf("comparing: %w", ErrCompare)
	}
	first, second := a.rosters(), b.rosters()
	all := maps.Clone(first)
	maps.Copy(all, second)
	c := &Comparison{}
	for _, n := range slices.Sorted(maps.Keys(all)) {
		hashes := slices.Clone(first[n])
		for _, h := range second[n] {
			if !slices.Contains(hashes, h) {
				hashes = append(hashes, h)
			}
		}
		switch {
		case len(hashes) > 1:
			c.Differ, c.Hashes = n, hashes
			return c, nil
		case len(second[n]) == 0:
			c.First = append(c.First, n)
		case len(first[n]) == 0:
			c.Second = append(c.Second, n)
		default:
			c.Both = append(c.Both, n)
		}
	}
	return c, nil
}

// rosters returns the hashes under each number, in the order in which they came.
func (l *Log) rosters() map[uint64][]roster.Hash {
	all := map[uint64][]roster.Hash{}
	for _, e := range l.Entries {
		if e.Sequence > 0 && !slices.Contains(all[e.Sequence], e.Hash) {
			all[e.Sequence] = append(all[e.Sequence], e.Hash)
		}
	}
	return all
}
