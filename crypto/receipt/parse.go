package receipt

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrCheck is returned when twelve known words do not belong together.
var ErrCheck = errors.New("reading receipt: the words do not fit together")

// A CountError is returned when there are not twelve words.
type CountError struct{ Found int }

func (e *CountError) Error() string {
	return fmt.Sprintf("reading receipt: %d words, want %d", e.Found, Words)
}

// A WordError is returned when a word is not on the list and cannot be mended.
// Its text does not repeat the word: errors may be logged.
type WordError struct {
	Number int    // the word's place, counted from 1
	Typed  string // what stood there, for the page that goes back to its writer
}

func (e *WordError) Error() string {
	return fmt.Sprintf("reading receipt: word %d is not on the list", e.Number)
}

// A Reading is what [Parse] made of the input.
type Reading struct {
	Code Code
	// Mended has the places, counted from 0, of words that were read as their
	// only neighbour on the list. Unless it is empty, ask before using Code.
	Mended []int
}

// Parse reads twelve words as a person types them: case, digits, punctuation
// and line breaks do not matter, and the first four letters of a word suffice.
// A word one slip away from exactly one word of the list is read as that word
// if the check byte then fits; see [Reading].
//
// It returns a [*CountError], a [*WordError] or [ErrCheck].
func Parse(s string) (Reading, error) {
	typed := split(s)
	if len(typed) != Words {
		return Reading{}, &CountError{Found: len(typed)}
	}
	var r Reading
	var numbers [Words]int
	for i, word := range typed {
		number, mended, ok := recognise(word)
		if !ok {
			return Reading{}, &WordError{Number: i + 1, Typed: word}
		}
		if mended {
			r.Mended = append(r.Mended, i)
		}
		numbers[i] = number
	}
	code, ok := join(numbers)
	if !ok && len(r.Mended) > 0 {
		return Reading{}, &WordError{Number: r.Mended[0] + 1, Typed: typed[r.Mended[0]]}
	}
	if !ok {
		return Reading{}, ErrCheck
	}
	r.Code = code
	return r, nil
}

// split returns the runs of letters in s, in lower case. It stops when there are
// far too many, so that a pasted book costs nothing.
func split(s string) []string {
	var words []string
	isSeparator := func(r rune) bool { return !unicode.IsLetter(r) }
	for field := range strings.FieldsFuncSeq(strings.ToLower(s), isSeparator) {
		if words = append(words, field); len(words) > 10*Words {
			break
		}
	}
	return words
}

// recognise finds the one list word that typed stands for.
func recognise(typed string) (number int, mended, ok bool) {
	if number, ok := wordIndex()[typed]; ok {
		return number, false, true
	}
	candidates := near(typed)
	if len(candidates) != 1 {
		return 0, false, false
	}
	return candidates[0], true, true
}

// join packs the numbers of twelve words and checks the last byte.
func join(numbers [Words]int) (Code, bool) {
	var bits [codeSize + 1]byte
	for i, n := range numbers {
		for b := range 10 {
			if n>>(9-b)&1 == 1 {
				at := 10*i + b
				bits[at/8] |= 0x80 >> (at % 8)
			}
		}
	}
	code := Code(bits[:codeSize])
	return code, code.check() == bits[codeSize]
}
