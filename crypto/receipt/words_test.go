package receipt

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forbidden.txt holds the words that would frighten, accuse or give away, or
// that a stranger would find odd on a shopping list.
//
//go:embed testdata/forbidden.txt
var forbiddenFile string

func TestWordList(t *testing.T) {
	list := wordList()
	if len(list) != listSize {
		t.Fatalf("%d words, want %d", len(list), listSize)
	}
	if !slices.IsSorted(list) || wordsFile != strings.Join(list, "\n")+"\n" {
		t.Error("the file is not one sorted word a line")
	}
	shape := regexp.MustCompile(`^[a-z]{4,7}$`)
	prefixes := map[string]string{}
	for _, w := range list {
		if !shape.MatchString(w) {
			t.Errorf("%q is not 4 to 7 letters a-z", w)
			continue
		}
		if other, ok := prefixes[w[:prefixLen]]; ok {
			t.Errorf("%q and %q begin alike", w, other)
		}
		prefixes[w[:prefixLen]] = w
	}
}

func TestWordListDistance(t *testing.T) {
	list := wordList()
	for i, a := range list {
		for _, b := range list[i+1:] {
			if osaDistance(a, b) < 2 {
				t.Errorf("%q and %q are one edit apart", a, b)
			}
		}
	}
}

func TestWordListHoldsNothingForbidden(t *testing.T) {
	forbidden := map[string]bool{}
	for _, w := range strings.Fields(forbiddenFile) {
		forbidden[w] = true
	}
	if len(forbidden) < 1000 {
		t.Fatalf("the forbidden list has only %d words", len(forbidden))
	}
	for _, w := range wordList() {
		if forbidden[w] {
			t.Errorf("%q is forbidden", w)
		}
	}
}

// TestOneEditAgreesWithDistance holds the fast test against the textbook's
// dynamic programme (optimal string alignment).
func TestOneEditAgreesWithDistance(t *testing.T) {
	words := []string{"", "a", "ab", "ba", "abc", "acb", "bac", "abcd", "abdc", "xbcd", "abxcd", "bayam", "byam", "bayma", "abyam"}
	words = append(words, wordList()[:60]...)
	for _, a := range words {
		for _, b := range words {
			if got, want := oneEdit(a, b), osaDistance(a, b) == 1; got != want {
				t.Errorf("oneEdit(%q, %q) = %v", a, b, got)
			}
		}
	}
}

func osaDistance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
