// Package canary is how a lost key is noticed before evidence is lost: once a month
// the server seals a random word to each reviewer, and a desk that opens it
// answers.
//
//	canary/2026-12/r1.age        in a bundle: an age file to the recipient to which
//	                             r1's slots are sealed when the batch closes
//	    "saksi/v1/canary\n" || 32 random bytes
//
//	answer = SHA-256("saksi/v1/canary/answer" || the 32 bytes)
//
// The server keeps SHA-256 of the answer and throws the word away, so a thief of
// its disk cannot answer in a reviewer's place.
//
// # No oracle
//
// A desk that answers is asked by a stranger to open a file with the key to
// everything that the stranger keeps. So nothing is answered but a file of exactly this
// size whose plaintext is exactly this. A slot's plaintext is an identity or parts of
// one, a payload's is a tar, and neither begins so; both have other sizes. Whoever made
// the file knows the answer; whoever did not make it cannot change what is in it, as
// age authenticates every byte. The answer is a hash under a label of its own, so not
// even 32 bytes that somebody got into the right place would come out.
//
// That a desk answers tells which reviewers still have the secret of a week. A desk tries
// those around the week of the batch alone, for months around it, two in one import.
//
// It is no testimony: nobody wrote it, nobody may burn it, and it goes without a
// trace once it was answered or two months are over.
package canary

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"saksi/crypto/hybrid"
)

const (
	label       = "saksi/v1/canary\n"
	answerLabel = "saksi/v1/canary/answer"
	wordSize    = 32
)

// SealedSize is the size of every canary, in bytes.
func SealedSize() int64 { return hybrid.SealedSize(int64(len(label)+wordSize), 1) }

// A Month is a calendar month in UTC, such as 2026-12. Months compare as texts do.
type Month string

const monthForm = "2006-01"

// MonthOf returns the month that holds t.
func MonthOf(t time.Time) Month { return Month(t.UTC().Format(monthForm)) }

// ParseMonth reads a month from the year 2000 on.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse(monthForm, s[:min(len(s), len(monthForm))]) // its error has all of it, quoted
	if err != nil || t.Year() < 2000 || string(MonthOf(t)) != s {
		return "", fmt.Errorf("parsing month %.40q: want a form such as 2026-12", s)
	}
	return Month(s), nil
}

// Before returns the month before.
func (m Month) Before() Month {
	t, err := time.Parse(monthForm, string(m))
	if err != nil {
		panic("canary: internal error: " + err.Error())
	}
	return MonthOf(t.AddDate(0, -1, 0))
}

// An Answer shows that a canary was opened.
type Answer [sha256.Size]byte

// Hash returns what the server keeps of an answer.
func (a Answer) Hash() [sha256.Size]byte { return sha256.Sum256(a[:]) }

// Fits reports whether the answer has a hash, in a time that does not depend on
// either.
func (a Answer) Fits(hash [sha256.Size]byte) bool {
	own := a.Hash()
	return subtle.ConstantTimeCompare(own[:], hash[:]) == 1
}

func answer(word []byte) Answer { return sha256.Sum256(append([]byte(answerLabel), word...)) }

// New seals a fresh word to a reviewer, and returns the hash of the answer.
func New(to *hybrid.Recipient) (sealed []byte, hash [sha256.Size]byte, err error) {
	word := make([]byte, wordSize)
	rand.Read(word)
	if sealed, err = hybrid.SealBytes(append([]byte(label), word...), to); err != nil {
		return nil, hash, fmt.Errorf("sealing canary: %w", err)
	}
	return sealed, answer(word).Hash(), nil
}

// ErrClosed is returned for a file that is no canary, or one that none of the
// identities opens.
var ErrClosed = errors.New("the canary does not open")

// Open returns the answer to a canary, or [ErrClosed]. Why it does not open stays
// inside: nobody is to learn that from what follows.
func Open(sealed []byte, ids ...*hybrid.Identity) (Answer, error) {
	if int64(len(sealed)) != SealedSize() {
		return Answer{}, ErrClosed
	}
	plain, err := hybrid.OpenBytes(sealed, len(label)+wordSize, ids...)
	if err != nil || string(plain[:len(label)]) != label {
		return Answer{}, ErrClosed
	}
	return answer(plain[len(label):]), nil
}
