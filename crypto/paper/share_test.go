package paper

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	mrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func shared(t testing.TB, secret []byte, need, of int) []Paper {
	t.Helper()
	papers, err := Split(secret, need, of)
	if err != nil {
		t.Fatal(err)
	}
	return papers
}

// TestEnoughPapersGiveTheSecret: written, typed in and joined, for every subset.
func TestEnoughPapersGiveTheSecret(t *testing.T) {
	for of := 2; of <= 5; of++ {
		for need := 2; need <= of; need++ {
			papers := shared(t, bytesOf(77), need, of)
			for mask := 1; mask < 1<<of; mask++ {
				var some []Paper
				for i, p := range papers {
					if mask>>i&1 == 1 {
						reads(t, "a share", write(t, p.Kind, p.Data), p.Kind, p.Data)
						some = append(some, p)
					}
				}
				slices.Reverse(some)
				got, err := Join(append(some, some[0]))
				if len(some) >= need && (err != nil || !bytes.Equal(got, bytesOf(77))) {
					t.Errorf("%d of %d, with %d: %v", need, of, len(some), err)
				}
				if len(some) < need && (!errors.Is(err, ErrTooFew) || got != nil) {
					t.Errorf("%d of %d, with %d: %x, %v", need, of, len(some), got, err)
				}
			}
		}
	}
}

// TestSetsAreNew: two sharings of one secret do not have the same set, and what is
// on a paper says nothing of another sharing.
func TestSetsAreNew(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		part, ok := shared(t, []byte("a"), 2, 2)[0].Part()
		if !ok || seen[part.Set] {
			t.Errorf("set %q, %v", part.Set, ok)
		}
		seen[part.Set] = true
	}
}

// TestPapersThatDoNotBelongTogether are refused, and so is a false one among more
// than are needed.
func TestPapersThatDoNotBelongTogether(t *testing.T) {
	a, b := shared(t, bytesOf(40), 2, 3), shared(t, bytesOf(40), 2, 3)
	whole := Paper{Whole, bytesOf(40)}
	changed := func(p Paper) Paper {
		data := bytes.Clone(p.Data)
		data[7] ^= 1
		return Paper{p.Kind, data}
	}
	other := Paper{strings.Replace(a[1].Kind, "need 2", "need 3", 1), a[1].Data}
	for what, papers := range map[string][]Paper{
		"two sets":               {a[0], b[1]},
		"another number needed":  {a[0], other},
		"two papers of a number": {a[0], changed(a[0]), a[1]},
		"a false one of three":   {a[0], a[1], changed(a[2])},
		"whole and share":        {whole, a[0]},
		"share and whole":        {a[0], whole},
		"two wholes":             {whole, changed(whole)},
		"another kind":           {{"card", []byte("a")}},
		"shorter":                {a[0], {a[1].Kind, a[1].Data[:39]}},
	} {
		if got, err := Join(papers); !errors.Is(err, ErrSets) || got != nil {
			t.Errorf("%s: %x, %v", what, got, err)
		}
	}
	if got, err := Join([]Paper{whole, whole}); err != nil || !bytes.Equal(got, whole.Data) {
		t.Errorf("the same whole twice: %v", err)
	}
	if _, err := Join(nil); !errors.Is(err, ErrTooFew) {
		t.Errorf("none: %v", err)
	}
}

// TestAnyFalsePaperIsFoundAmongMore: whichever is false, of however many more than are
// needed, in any order.
func TestAnyFalsePaperIsFoundAmongMore(t *testing.T) {
	for _, need := range []int{2, 3, 4} {
		all := shared(t, bytesOf(40), need, 8)
		for mask := range 1 << len(all) {
			if bits.OnesCount(uint(mask)) <= need {
				continue
			}
			var papers []Paper
			for n, p := range all {
				if mask>>n&1 == 1 {
					papers = append(papers, p)
				}
			}
			for n, right := range papers {
				papers[n] = Paper{right.Kind, bytesOf(40)}
				if _, err := Join(papers); !errors.Is(err, ErrSets) {
					t.Fatalf("%d needed of papers %08b, number %d of them false: %v", need, mask, n, err)
				}
				papers[n] = right
			}
			mrand.Shuffle(len(papers), func(i, j int) { papers[i], papers[j] = papers[j], papers[i] })
			if got, err := Join(papers); err != nil || !bytes.Equal(got, bytesOf(40)) {
				t.Fatalf("%d needed of papers %08b: %v", need, mask, err)
			}
		}
	}
}

// TestTooFewSaysWhichPapersMayCome, word for word.
func TestTooFewSaysWhichPapersMayCome(t *testing.T) {
	papers := shared(t, []byte("a"), 3, 5)
	part, _ := papers[0].Part()
	_, err := Join([]Paper{papers[3], papers[1]})
	want := "joining papers: there are too few: set " + part.Set +
		", here: 4, 2; 1 more needed of: 1, 3, 5"
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestSharingsThatMakeNoSense(t *testing.T) {
	for _, n := range [][2]int{{1, 3}, {0, 0}, {4, 3}, {2, 256}, {-1, 2}} {
		if papers, err := Split([]byte("a"), n[0], n[1]); err == nil || papers != nil {
			t.Errorf("%d of %d papers", n[0], n[1])
		}
	}
	for _, size := range []int{0, MaxData + 1} {
		if _, err := Split(bytesOf(size), 2, 3); err == nil {
			t.Errorf("%d bytes were shared", size)
		}
	}
	if part, ok := shared(t, []byte("a"), 255, 255)[254].Part(); !ok || part.Number != 255 {
		t.Errorf("share 255 is %+v, %v", part, ok)
	}
}

// TestKindsOfShares: one spelling each.
func TestKindsOfShares(t *testing.T) {
	good := "share 2 of 3 need 2 set acdefghj"
	if part, ok := (Paper{Kind: good}).Part(); !ok || part != (Part{2, 3, 2, "acdefghj"}) {
		t.Errorf("%+v, %v", part, ok)
	}
	for _, swap := range [][2]string{
		{"2 of", "0 of"}, {"2 of", "4 of"}, {"2 of", "02 of"}, {"of 3", "of 256"}, {"need 2", "need 1"}, {"need 2", "need 4"},
		{"acdefghj", "acdefgh"}, {"acdefghj", "acdefghjk"}, {"acdefghj", "acdefghb"}, {"share", "a share"}, {"j", "j x"},
		{"2 of", fmt.Sprint(1<<62, "0 of")},
	} {
		if part, ok := (Paper{Kind: strings.Replace(good, swap[0], swap[1], 1)}).Part(); ok {
			t.Errorf("%q for %q: %+v", swap[1], swap[0], part)
		}
	}
}
