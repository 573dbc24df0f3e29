package scribe

import (
	"testing"

	"saksi/crypto/reply"
	"saksi/crypto/roster"
)

// TestOneAnswerBroughtTwiceIsNoOther: two pages are read one after the other, and what
// an outbox brings between them moves an answer from the first to the second. Nobody is
// told then that one of two is not from this reviewer.
func TestOneAnswerBroughtTwiceIsNoOther(t *testing.T) {
	answer := func(number uint64, hash, previous byte) Reply {
		r := reply.Reply{Number: number, Previous: roster.Hash{previous}}
		return Reply{Opened: &reply.Opened{Reply: r, Hash: roster.Hash{hash}, Author: roster.Reviewer{ID: "r1"}}}
	}
	twice := []Reply{answer(2, 20, 10), answer(2, 20, 10), answer(1, 10, 0)}
	markChain(twice, true)
	for _, r := range twice {
		if r.Repeat || r.Gap {
			t.Errorf("answer %d, brought twice: repeat %v, gap %v", r.Number, r.Repeat, r.Gap)
		}
	}
	two := []Reply{answer(2, 20, 10), answer(2, 21, 10), answer(1, 10, 0)}
	markChain(two, true)
	if !two[0].Repeat || !two[1].Repeat || two[2].Repeat {
		t.Errorf("two answers of one number: %+v", two)
	}
}
