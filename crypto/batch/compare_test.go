package batch

import (
	"errors"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/roster"
)

// TestComparedWordsDependOnAllOfIt: another word, another number, another batch, and
// all six are others.
func TestComparedWordsDependOnAllOfIt(t *testing.T) {
	c, hash := Challenge{1, 2}, note(7, roster.Hash{3}).Hash()
	want := c.Compare(7, hash)
	if again := c.Compare(7, hash); again != want {
		t.Errorf("%q, and then %q", want, again)
	}
	for what, got := range map[string][compareWords]string{
		"the first word":  Challenge{2, 2}.Compare(7, hash),
		"the second word": Challenge{1, 3}.Compare(7, hash),
		"their order":     Challenge{2, 1}.Compare(7, hash),
		"the number":      c.Compare(8, hash),
		"the batch":       c.Compare(7, note(7, roster.Hash{4}).Hash()),
	} {
		for i := range got {
			if got[i] == want[i] {
				t.Errorf("%s is another, and word %d the same", what, i+1)
			}
		}
	}
}

// TestAChallengeIsDrawnAnew: two in a row are not the same, and every word comes up.
func TestAChallengeIsDrawnAnew(t *testing.T) {
	seen := map[uint16]bool{}
	for range 20_000 {
		c := NewChallenge()
		seen[c[0]], seen[c[1]] = true, true
	}
	if len(seen) != 1024 {
		t.Errorf("%d words of 1,024 were drawn", len(seen))
	}
}

// FuzzParseChallenge: what was read as two words comes back from these words, and a
// refusal is the one.
func FuzzParseChallenge(f *testing.F) {
	two := Challenge{5, 1023}.String()
	f.Add(two)
	f.Add(strings.ToUpper(two[:4]) + ", 2." + two[strings.IndexByte(two, ' '):])
	f.Add("")
	f.Add(strings.Repeat("a ", 10_000))
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := fuzztest.Parse(t, bound, s, ParseChallenge, ErrChallenge)
		if !ok {
			return
		}
		again, err := ParseChallenge(c.String())
		if err != nil || again != c {
			t.Errorf("%q was read as %q, and that is not read back: %v", s, c, err)
		}
	})
}

// TestAChallengeIsReadAsReceiptsAre: forgiving, and not more than that.
func TestAChallengeIsReadAsReceiptsAre(t *testing.T) {
	want := Challenge{5, 1023}
	first, second, _ := strings.Cut(want.String(), " ")
	for _, typed := range []string{
		first + " " + second, "1. " + strings.ToUpper(first) + "\n2. " + second, first[:4] + "-" + second[:4],
	} {
		if got, err := ParseChallenge(typed); err != nil || got != want {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", first, first + " " + second + " " + first, first[:3] + " " + second, "xxxx yyyy"} {
		if _, err := ParseChallenge(typed); !errors.Is(err, ErrChallenge) {
			t.Errorf("%q: %v, want ErrChallenge", typed, err)
		}
	}
}
