package reply

import (
	"slices"
	"testing"

	"saksi/crypto/receipt"
)

// TestOneReaderConfirms: whoever asks, in whatever order they stand, and each as often as
// another.
func TestOneReaderConfirms(t *testing.T) {
	readers := []string{"r1", "r2", "r3", "r4"}
	const threads = 400
	drawn := map[string]int{}
	for n := range threads {
		thread := Thread{Reply: receipt.Code{byte(n), byte(n >> 8)}.Keys().Reply.Recipient()}
		one := thread.Confirmer(readers)
		drawn[one]++
		others := slices.DeleteFunc(slices.Clone(readers), func(id string) bool { return id == one })
		slices.Reverse(others)
		if again := thread.Confirmer(append(others, one)); again != one {
			t.Fatalf("of the same readers %q confirms, and then %q", one, again)
		}
		less := others[1:] // who is left out is not who confirms
		if again := thread.Confirmer(append(slices.Clone(less), one)); again != one {
			t.Fatalf("without %q it is %q who confirms, and was %q", others[0], again, one)
		}
		if next := thread.Confirmer(others); !slices.Contains(others, next) {
			t.Fatalf("without %q it is %q who confirms", one, next)
		}
	}
	for _, id := range readers { // 100 each; the chance that an even draw fails here is below 1 in 10^5
		if drawn[id] < threads/4-45 || drawn[id] > threads/4+45 {
			t.Errorf("%q confirms %d of %d threads", id, drawn[id], threads)
		}
	}
	if nobody := (Thread{Reply: receipt.Code{}.Keys().Reply.Recipient()}).Confirmer(nil); nobody != "" {
		t.Errorf("of nobody %q confirms", nobody)
	}
}
