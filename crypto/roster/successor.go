package roster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"saksi/crypto/sign"
)

// A Successor is a root set that is proposed in the place of another one. Its text
// is what the roots of the set before sign:
//
//	saksi/v1/successor
//	before <64 hex>              SHA-256 of the text of the set before
//	saksi/v1/roots
//	threshold 2
//	root <verifier key>
//
// It names the set before, so that an endorsement fits nowhere else.
type Successor struct {
	Before Hash
	Next   RootSet
}

const successorLabel = "saksi/v1/successor"

// ErrSuccessor is returned when a proposal is for the place of other roots.
var ErrSuccessor = errors.New("it would come after other roots than these")

// Hash returns the SHA-256 of the set's text.
func (s RootSet) Hash() Hash { return sha256.Sum256([]byte(s.Text())) }

// Propose returns next as the set that comes after s, endorsed by nobody yet.
func (s RootSet) Propose(next RootSet) Successor {
	next.Endorsed = nil
	return Successor{Before: s.Hash(), Next: next}
}

// Text writes the proposal in its one spelling.
func (p Successor) Text() string {
	return successorLabel + "\nbefore " + p.Before.String() + "\n" + p.Next.Text()
}

// ParseSuccessor reads what Text wrote.
func ParseSuccessor(text string) (Successor, error) {
	lines := newLines(text)
	if err := lines.expect(successorLabel); err != nil {
		return Successor{}, fmt.Errorf("parsing next roots: %w", err)
	}
	value, err := lines.field("before")
	if err != nil {
		return Successor{}, fmt.Errorf("parsing next roots: %w", err)
	}
	var p Successor
	if p.Before, err = ParseHash(value); err != nil {
		return Successor{}, fmt.Errorf("parsing next roots: %w", err)
	}
	if p.Next, err = ParseRootSet(strings.Join(lines.rest, "")); err != nil {
		return Successor{}, fmt.Errorf("parsing next roots: %w", err)
	}
	return p, nil
}

// Succeed takes a signed proposal and returns the next set with its endorsements, if
// it is to come after s and enough roots of s signed it. It returns [ErrSuccessor] or
// [sign.ErrSignatures], or says what is wrong with the text.
func (s RootSet) Succeed(msg []byte) (RootSet, error) {
	text, lines, err := sign.Split(msg)
	if err != nil {
		return RootSet{}, fmt.Errorf("reading next roots: %w", err)
	}
	p, err := ParseSuccessor(text)
	if err != nil {
		return RootSet{}, err
	}
	if p.Before != s.Hash() {
		return RootSet{}, fmt.Errorf("reading next roots: %w", ErrSuccessor)
	}
	if _, err := sign.Open(msg, s.Threshold, s.Keys...); err != nil {
		return RootSet{}, fmt.Errorf("reading next roots: %w", err)
	}
	_, p.Next.Endorsed, _ = sign.Sort(text, lines, s.Keys...)
	return p.Next, nil
}

// VerifyRoots returns [sign.ErrSignatures] unless each root set was endorsed by the one
// before it. [Verify] holds it too; this is for who is about to sign.
func (r *Roster) VerifyRoots() error {
	_, err := verifySets(r.RootSets)
	return err
}
