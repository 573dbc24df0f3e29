package batch

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Two desks compare what the server showed them by reading words to each other:
// two that one of them draws, the challenge, and six that follow from those and
// from a batch, and with it from all batches before.
//
// Six words are 60 bits. As a fixed code of a batch they would be too few: a
// server that wants to show two histories makes 2^30 variants of either, by
// exchanging a decoy in each, and finds two with one code on a laptop. A challenge
// that is drawn when both desks have their batches leaves it to guess: a pair of
// variants that agrees under one challenge agrees under any other with probability
// 2^-60, and there are 2^20. A pair that agrees under c of them at once takes
// 2^(30 c) variants. A pair that agrees under the challenge of last week helps nobody, so
// each comparison has a new one.
const (
	challengeWords = 2
	compareWords   = 6
	wordBits       = 10
)

// A Challenge is two words of the list of receipts, by their numbers.
type Challenge [challengeWords]uint16

// ErrChallenge is returned when a text is no two words of the list.
var ErrChallenge = errors.New("a challenge is two words of the list")

// NewChallenge draws two words.
func NewChallenge() (c Challenge) {
	var b [2 * challengeWords]byte
	rand.Read(b[:])
	for i := range c {
		c[i] = binary.BigEndian.Uint16(b[2*i:]) % (1 << wordBits)
	}
	return c
}

// ParseChallenge reads two words as a person types them. It returns
// [ErrChallenge].
func ParseChallenge(s string) (c Challenge, err error) {
	numbers, ok := receipt.ReadWords(s, challengeWords)
	if !ok {
		return c, fmt.Errorf("reading challenge: %w", ErrChallenge)
	}
	for i, n := range numbers {
		c[i] = uint16(n)
	}
	return c, nil
}

// String returns the two words.
func (c Challenge) String() string {
	return strings.Join([]string{receipt.Word(int(c[0])), receipt.Word(int(c[1]))}, " ")
}

// Compare returns the six words for a batch: the first 60 bits of
//
//	SHA-256("saksi/v1/compare" || number of the first word (2) || of the second (2)
//	|| sequence (8) || SHA-256 of the batch's text (32))
//
// in groups of ten, numbers big endian.
func (c Challenge) Compare(sequence uint64, hash roster.Hash) (words [compareWords]string) {
	b := []byte("saksi/v1/compare")
	for _, number := range c {
		b = binary.BigEndian.AppendUint16(b, number)
	}
	b = binary.BigEndian.AppendUint64(b, sequence)
	sum := sha256.Sum256(append(b, hash[:]...))
	bits := binary.BigEndian.Uint64(sum[:])
	for i := range words {
		words[i] = receipt.Word(int(bits >> (64 - wordBits*(i+1)) & (1<<wordBits - 1)))
	}
	return words
}
