package receipt

import (
	_ "embed"
	"strings"
	"sync"
)

// words.txt is the project's own list: 1,024 Indonesian words of 4 to 7
// letters a-z, sorted, no two alike in their first four letters or within one
// edit of each other. words_test.go holds it to that.
//
//go:embed words.txt
var wordsFile string

const (
	listSize  = 1024
	prefixLen = 4 // letters that tell a word from every other
)

var wordList = sync.OnceValue(func() []string {
	return strings.Fields(wordsFile)
})

// wordIndex maps each word, and each prefix of it that has at least prefixLen
// letters, to the word's number.
var wordIndex = sync.OnceValue(func() map[string]int {
	index := make(map[string]int)
	for i, w := range wordList() {
		for n := prefixLen; n <= len(w); n++ {
			index[w[:n]] = i
		}
	}
	return index
})

// near returns the numbers of the list words that one edit turns into typed.
func near(typed string) []int {
	var found []int
	for i, w := range wordList() {
		if oneEdit(typed, w) {
			found = append(found, i)
		}
	}
	return found
}

// oneEdit reports whether one insertion, deletion, substitution or swap of
// neighbours turns a into b.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || a == b {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
