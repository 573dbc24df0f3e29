package crypto_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/receipt"
)

type parseVector struct {
	About  string   `json:"about"`
	Input  string   `json:"input"`
	Code   hexBytes `json:"code,omitempty"`
	Mended []int    `json:"mended,omitempty"`
	Error  string   `json:"error,omitempty"`
	Found  int      `json:"found,omitempty"`
	Number int      `json:"number,omitempty"`
}

// newParse records what the code makes of an input, and holds it against what
// the generator meant to show.
func newParse(t *testing.T, about, input, wantError string) parseVector {
	v := parseVector{About: about, Input: input, Error: wantError}
	r, err := receipt.Parse(input)
	if errorName(err) != wantError {
		t.Fatalf("%s: %v, want %q", about, err, wantError)
	}
	var count *receipt.CountError
	var word *receipt.WordError
	switch {
	case err == nil:
		v.Code, v.Mended = r.Code[:], r.Mended
	case errors.As(err, &count):
		v.Found = count.Found
	case errors.As(err, &word):
		v.Number = word.Number
	}
	return v
}

func (v parseVector) check(t *testing.T) {
	again := newParse(t, v.About, v.Input, v.Error)
	same(t, v.About, again.Code, v.Code)
	if !slices.Equal(again.Mended, v.Mended) || again.Found != v.Found || again.Number != v.Number {
		t.Errorf("%s: got %+v", v.About, again)
	}
}

func makeParses(t *testing.T) []parseVector {
	words := codes()[3].Words()
	return slices.Concat(makeForgiving(t, words), makeMended(t, words), makeUnreadable(t, words))
}

func makeForgiving(t *testing.T, words []string) []parseVector {
	numbered, short := "", ""
	for i, w := range words {
		numbered += fmt.Sprintf("%d. %s,\r\n", i+1, strings.ToUpper(w))
		short += w[:4] + "\t"
	}
	longer := slices.Clone(words)
	for i, w := range longer {
		longer[i] = w[:max(4, len(w)-1)]
	}
	return []parseVector{
		newParse(t, "as it is shown", strings.Join(words, " "), ""),
		newParse(t, "a numbered column in upper case", numbered, ""),
		newParse(t, "hyphens", strings.Join(words, "-"), ""),
		newParse(t, "digits between", strings.Join(words, "1"), ""),
		newParse(t, "four letters each, tabs", short, ""),
		newParse(t, "words cut short by one letter, down to four", strings.Join(longer, " "), ""),
		newParse(t, "no-break spaces, and a zero-width space",
			"\u00a0"+strings.Join(words, "\u00a0")+"\u200b", ""),
		newParse(t, "the Kelvin sign is a k, and I with a dot is an i",
			exotic(strings.Join(words, " ")), ""),
	}
}

// exotic spells letters with characters outside ASCII whose lower case, taken
// one by one, is the letter.
func exotic(s string) string {
	return strings.NewReplacer("k", "\u212a", "i", "\u0130").Replace(s)
}

func makeMended(t *testing.T, words []string) []parseVector {
	first, last := slices.Clone(words), slices.Clone(words)
	first[0] = slip(t, words, 0)
	last[0], last[11] = first[0], slip(t, words, 11)
	return []parseVector{
		newParse(t, "one slip, in the first word", strings.Join(first, " "), ""),
		newParse(t, "slips in the first and the last word", strings.Join(last, " "), ""),
	}
}

// slip returns the word at a place with its first slip that is mended.
func slip(t *testing.T, words []string, at int) string {
	for _, typed := range slips(words[at]) {
		changed := slices.Clone(words)
		changed[at] = typed
		r, err := receipt.Parse(strings.Join(changed, " "))
		if err == nil && slices.Equal(r.Mended, []int{at}) {
			return typed
		}
	}
	t.Fatalf("no slip of word %d is mended", at+1)
	return ""
}

// slips returns single slips of a word: neighbours swapped, a letter dropped,
// doubled or changed.
func slips(w string) []string {
	var out []string
	for i := range len(w) - 1 {
		out = append(out, w[:i]+w[i+1:i+2]+w[i:i+1]+w[i+2:], w[:i]+w[i+1:], w[:i]+w[i:i+1]+w[i:])
		for c := 'a'; c <= 'z'; c++ {
			out = append(out, w[:i]+string(c)+w[i+1:])
		}
	}
	return out
}

func makeUnreadable(t *testing.T, words []string) []parseVector {
	swapped := slices.Clone(words)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	foreign, cut := slices.Clone(words), slices.Clone(words)
	foreign[6], cut[2] = "xyzzyx", words[2][:3]
	silent := slices.Clone(words)
	ambiguous, misread := oddSlips(t)
	foreign2 := slices.Clone(words)
	foreign2[4], silent[3] = ambiguous, misread
	mendedWrong := slices.Clone(swapped)
	mendedWrong[5] = slip(t, words, 5)
	return []parseVector{
		newParse(t, "nothing", "", "count"),
		newParse(t, "eleven words", strings.Join(words[:11], " "), "count"),
		newParse(t, "thirteen words", strings.Join(append(slices.Clone(words), words[0]), " "),
			"count"),
		newParse(t, "a page of words: counting ends at 121", strings.Repeat("kata ", 500), "count"),
		newParse(t, "two words swapped: only the check byte sees it", strings.Join(swapped, " "),
			"check"),
		newParse(t, "a word that is near to none", strings.Join(foreign, " "), "word"),
		newParse(t, "three letters of a word", strings.Join(cut, " "), "word"),
		newParse(t, "a slip that is near to two words", strings.Join(foreign2, " "), "word"),
		newParse(t, "a slip that is another word cut short: only the check byte sees it",
			strings.Join(silent, " "), "check"),
		newParse(t, "a mended word, and the check byte does not fit: the mended word is named",
			strings.Join(mendedWrong, " "), "word"),
		newParse(t, "a letter that is not ASCII belongs to the word", strings.Join(words, " ")+"é",
			"word"),
		newParse(t, "a combining mark parts words",
			words[0][:4]+"\u0301x "+strings.Join(words[1:], " "), "count"),
	}
}

// oddSlips finds two slips on the list: one that is near to two words, and one
// that another word begins with.
func oddSlips(t *testing.T) (ambiguous, misread string) {
	list := strings.Fields(string(must(os.ReadFile(wordListFile))(t)))
	owner, near := map[string]string{}, map[string]map[string]bool{}
	for _, w := range list {
		for n := 4; n <= len(w); n++ {
			owner[w[:n]] = w
		}
		for _, s := range slips(w) {
			if near[s] == nil {
				near[s] = map[string]bool{}
			}
			near[s][w] = true
		}
	}
	for _, w := range list {
		for _, s := range slips(w) {
			other, known := owner[s]
			if ambiguous == "" && !known && len(near[s]) > 1 {
				ambiguous = s
			}
			if misread == "" && known && other != w && other != s {
				misread = s
			}
		}
	}
	return ambiguous, misread
}
