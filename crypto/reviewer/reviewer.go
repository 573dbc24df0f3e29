// Package reviewer is what one reviewer holds: identities that open slots, each
// for some weeks, an identity for files that reporters seal beforehand, and a
// signing key.
//
// It is kept in two files, both plain age identity files, so that stock age can
// use them with -i; what age does not know stands in comments. The key file is
// what a reviewer keeps copies of:
//
//	# Saksi reviewer
//	# card: reviewer r1 | 73.71 | LBH Contoh | r1+... | age1pq1... | Penelaah Satu
//	# signing: PRIVATE+KEY+r1+...
//	# weeks:
//	AGE-SECRET-KEY-PQ-1...
//	# direct:
//	AGE-SECRET-KEY-PQ-1...
//
// The weeks file holds the identities of slots, its terms. Nobody keeps a copy of
// it, so that destroying a term means something: what was sealed in its weeks
// then opens for nobody who takes the key file later. It lies on the disk sealed
// to the identity behind "# weeks:", which follows from the signing key.
//
//	# Saksi weeks
//	# rehearsed 2026-W47
//	# term 2026-W47 2026-W47
//	AGE-SECRET-KEY-PQ-1...
//	# term 2026-W48 2026-W48
//	AGE-SECRET-KEY-PQ-1...
//
// The card is the public half, which the reviewer hands to the roots:
//
//	saksi/v1/card
//	reviewer r1 | 73.71 | LBH Contoh | r1+... | age1pq1... | Penelaah Satu
//	recipient 2026-W47 2026-W47 age1pq1...
//	recipient 2026-W48 2026-W48 age1pq1...
//
// The direct identity is kept apart because the desk tries it on files that a
// reporter chose freely. Were it an identity of slots as well, a reporter could
// send a colleague's slot as such a file and have the desk open it.
package reviewer

import (
	"bufio"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// Keys are one reviewer's secrets.
type Keys struct {
	Line      roster.Reviewer // the roster's line: public
	Terms     []Term          // in the order of weeks; none overlaps another
	Rehearsed week.Week       // when a copy of the key file was tried; zero: never
	Direct    *hybrid.Identity
	Signer    sign.Signer

	weeks *hybrid.Identity // derived from the signing key
}

// Generate makes a reviewer's keys, around terms from [Weekly] or [NewTerm].
func Generate(id, region, organisation, label string, terms []Term) (*Keys, error) {
	direct, err := hybrid.Generate()
	if err != nil {
		return nil, err
	}
	signer, err := sign.Generate(id)
	if err != nil {
		return nil, err
	}
	line := roster.Reviewer{
		ID: id, Region: region, Organisation: organisation,
		Key: signer.Key(), Direct: direct.Recipient(), Label: label,
	}
	if err := line.Check(); err != nil {
		return nil, fmt.Errorf("generating reviewer keys: %w", err)
	}
	k := &Keys{Line: line, Direct: direct, Signer: signer}
	if k.weeks, err = k.derive("weeks"); err != nil {
		return nil, err
	}
	return k.WithTerms(terms...)
}

// File writes the key file: a secret. The terms are not in it.
func (k *Keys) File() string {
	return "# Saksi reviewer: keep this file secret, and a copy of it on paper or a second stick.\n" +
		cardComment + k.Line.Line() + "\n" +
		signingComment + k.Signer.String() + "\n" +
		weeksComment + "\n" + k.weeks.String() + "\n" +
		directComment + "\n" + k.Direct.String() + "\n"
}

const (
	cardComment    = "# card: reviewer "
	signingComment = "# signing: "
	weeksComment   = "# weeks:"
	directComment  = "# direct:"
)

// ParseFile reads what File wrote: keys without terms. Its errors hold nothing
// of the secrets.
func ParseFile(r io.Reader) (*Keys, error) {
	k := &Keys{}
	var next **hybrid.Identity
	scanner := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		var err error
		switch {
		case strings.HasPrefix(line, cardComment):
			k.Line, err = roster.ParseReviewer(line[len(cardComment):])
		case strings.HasPrefix(line, signingComment):
			k.Signer, err = sign.ParseSigner(line[len(signingComment):])
		case line == weeksComment:
			next = &k.weeks
		case line == directComment:
			next = &k.Direct
		case line == "" || strings.HasPrefix(line, "#"):
		case next == nil || *next != nil:
			err = errors.New("an identity without a use: want # weeks: or # direct: before it")
		default:
			*next, err = hybrid.ParseIdentity(line)
		}
		if err != nil {
			return nil, fmt.Errorf("reading reviewer key file, line %d: %w", n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("reading reviewer key file: %w", err)
	}
	return k, k.check()
}

// check holds that the file is whole and its parts belong together.
func (k *Keys) check() error {
	switch {
	case k.Line.ID == "" || k.weeks == nil || k.Direct == nil || k.Signer.String() == "":
		return errors.New("reading reviewer key file: want a card, a signing key and two identities")
	case k.Signer.Key().String() != k.Line.Key.String():
		return errors.New("reading reviewer key file: the signing key is not the card's")
	case k.weeks.String() == k.Direct.String():
		return errors.New("reading reviewer key file: one identity stands for both uses")
	case k.Direct.Recipient().String() != k.Line.Direct.String():
		return errors.New("reading reviewer key file: the direct identity is not the card's")
	}
	derived, err := k.derive("weeks")
	if err == nil && derived.String() != k.weeks.String() {
		err = errors.New("reading reviewer key file: the identity for weeks is not the signing key's")
	}
	return err
}

// Desk derives the identity that the reviewer's own desk seals its index to.
// It is no recipient of anything from outside.
func (k *Keys) Desk() (*hybrid.Identity, error) { return k.derive("desk") }

// Weeks returns the identity that the weeks file is sealed to. It follows from the
// signing key, and stands in the key file for who opens the weeks file with stock
// age.
func (k *Keys) Weeks() *hybrid.Identity { return k.weeks }

func (k *Keys) derive(label string) (*hybrid.Identity, error) {
	seed, err := hkdf.Key(sha256.New, k.Signer.Private().Seed(), []byte("saksi/v1"), label, 32)
	if err != nil {
		return nil, fmt.Errorf("deriving %s identity: %v", label, err)
	}
	return hybrid.FromSeed([32]byte(seed))
}
