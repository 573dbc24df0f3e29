package errand

import (
	"errors"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/roster"
)

// TestAServerDoesNotFillALaptop with lists, nor with members. What is too much is not read.
func TestAServerDoesNotFillALaptop(t *testing.T) {
	c := &checker{lists: map[uint64][]byte{}, hashes: map[batch.Path]roster.Hash{}}
	list := func(n uint64) error {
		return c.member(batch.Path{Kind: batch.BatchSums, Sequence: n}, batch.MaxSums, strings.NewReader(""))
	}
	for n := range uint64(maxLists / batch.MaxSums) {
		if err := list(n); err != nil {
			t.Fatalf("list %d: %v", n, err)
		}
	}
	if err := list(99); !errors.Is(err, ErrLarge) {
		t.Errorf("a list too many: %v, want ErrLarge", err)
	}
	c.count, c.listed = maxMembers-1, 0
	for n, want := range []error{nil, ErrLarge} {
		err := c.member(batch.Path{Kind: batch.Slot, Slot: n}, 0, strings.NewReader(""))
		if !errors.Is(err, want) {
			t.Errorf("member %d behind the last but one: %v, want %v", n, err, want)
		}
	}
}
