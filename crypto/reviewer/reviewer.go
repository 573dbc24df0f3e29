// Package reviewer is what one reviewer holds: an identity that opens slots,
// an identity for files that reporters seal beforehand, and a signing key.
//
// The key file is a plain age identity file, so that stock age can use it with
// -i; what age does not know stands in comments:
//
//	# Saksi reviewer
//	# card: reviewer r1 | 73.71 | LBH Contoh | r1+... | age1pq1... | Penelaah Satu
//	# signing: PRIVATE+KEY+r1+...
//	# slots:
//	AGE-SECRET-KEY-PQ-1...
//	# direct:
//	AGE-SECRET-KEY-PQ-1...
//
// The card is the public half, which the reviewer hands to the roots:
//
//	saksi/v1/card
//	reviewer r1 | 73.71 | LBH Contoh | r1+... | age1pq1... | Penelaah Satu
//	recipient age1pq1...
//
// The two identities are kept apart because the desk tries the direct one on
// files that a reporter chose freely. Were it the slots' identity as well, a
// reporter could send a colleague's slot as such a file and have the desk open
// it.
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
)

// Keys are one reviewer's secrets.
type Keys struct {
	Line   roster.Reviewer // the roster's line: public
	Slots  *hybrid.Identity
	Direct *hybrid.Identity
	Signer sign.Signer
}

// Generate makes a reviewer's keys.
func Generate(id, region, organisation, label string) (*Keys, error) {
	slots, err := hybrid.Generate()
	if err != nil {
		return nil, err
	}
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
	return &Keys{Line: line, Slots: slots, Direct: direct, Signer: signer}, nil
}

// File writes the key file: a secret.
func (k *Keys) File() string {
	return "# Saksi reviewer: keep this file secret, and a copy of it on paper or a second stick.\n" +
		cardComment + k.Line.Line() + "\n" +
		signingComment + k.Signer.String() + "\n" +
		slotsComment + "\n" + k.Slots.String() + "\n" +
		directComment + "\n" + k.Direct.String() + "\n"
}

const (
	cardComment    = "# card: reviewer "
	signingComment = "# signing: "
	slotsComment   = "# slots:"
	directComment  = "# direct:"
)

// ParseFile reads what File wrote. Its errors hold nothing of the secrets.
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
		case line == slotsComment:
			next = &k.Slots
		case line == directComment:
			next = &k.Direct
		case line == "" || strings.HasPrefix(line, "#"):
		case next == nil || *next != nil:
			err = errors.New("an identity without a use: want # slots: or # direct: before it")
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
	case k.Line.ID == "" || k.Slots == nil || k.Direct == nil || k.Signer.String() == "":
		return errors.New("reading reviewer key file: want a card, a signing key and two identities")
	case k.Signer.Key().String() != k.Line.Key.String():
		return errors.New("reading reviewer key file: the signing key is not the card's")
	case k.Slots.String() == k.Direct.String():
		return errors.New("reading reviewer key file: one identity stands for both uses")
	case k.Direct.Recipient().String() != k.Line.Direct.String():
		return errors.New("reading reviewer key file: the direct identity is not the card's")
	}
	return nil
}

// Desk derives the identity that the reviewer's own desk seals its index to.
// It is no recipient of anything from outside.
func (k *Keys) Desk() (*hybrid.Identity, error) {
	seed, err := hkdf.Key(sha256.New, k.Signer.Private().Seed(), []byte("saksi/v1"), "desk", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving desk identity: %v", err)
	}
	return hybrid.FromSeed([32]byte(seed))
}

// A Card is a reviewer's public half.
type Card struct {
	Line  roster.Reviewer
	Slots *hybrid.Recipient
}

// Card returns the public half of k.
func (k *Keys) Card() Card { return Card{Line: k.Line, Slots: k.Slots.Recipient()} }

// Text writes the card in its one spelling.
func (c Card) Text() string {
	return "saksi/v1/card\nreviewer " + c.Line.Line() + "\nrecipient " + c.Slots.String() + "\n"
}

// ParseCard reads what Text wrote.
func ParseCard(text string) (Card, error) {
	lines := strings.SplitN(text, "\n", 5)
	if len(lines) != 4 || lines[0] != "saksi/v1/card" {
		return Card{}, errors.New("parsing card: want three lines, the first \"saksi/v1/card\"")
	}
	line, err := roster.ParseReviewer(strings.TrimPrefix(lines[1], "reviewer "))
	if err != nil {
		return Card{}, fmt.Errorf("parsing card: %w", err)
	}
	slots, err := hybrid.ParseRecipient(strings.TrimPrefix(lines[2], "recipient "))
	if err != nil {
		return Card{}, fmt.Errorf("parsing card: %w", err)
	}
	if slots.String() == line.Direct.String() {
		return Card{}, errors.New("parsing card: one recipient stands for both uses")
	}
	c := Card{Line: line, Slots: slots}
	if c.Text() != text {
		return Card{}, errors.New("parsing card: not in the one canonical spelling")
	}
	return c, nil
}
