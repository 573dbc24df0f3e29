// Package batch is what leaves the server: signed, chained batches of sealed
// items, and the bundle that carries them to a desk on a stick.
//
// A batch is a signed note and a list of hashes:
//
//	saksi/v1/batch
//	origin demo.saksi
//	sequence 4                    1 for the first
//	previous <64 hex>             SHA-256 of the text of batch 3, or -
//	week 2026-W47                 when it was closed, and no finer
//	sums <64 hex>                 SHA-256 of SHA256SUMS
//
// A bundle is a USTAR tar, byte for byte the same whenever the same things are
// exported. It holds the newest batch at its top, every earlier batch that some
// desk has not confirmed yet below batches/, and the items of all of them in
// one tree:
//
//	BATCH.note                                    the newest batch, signed
//	SHA256SUMS                                    its items and rosters
//	batches/<seq>/BATCH.note                      earlier ones
//	batches/<seq>/SHA256SUMS
//	rosters/<seq>.note                            every roster so far
//	rosters/<64 hex>.recipients                   every recipients file of those
//	canary/<month>/<reviewer>.age                 for a desk to answer; no testimony
//	items/<roster seq>/<id>/payload.age
//	items/<roster seq>/<id>/slots/<NNN>.age
//	gone/<id>                                     for an item deleted since, 32 bytes
//	expired/<id>                                  for an item that expired, 0 bytes
//
// Hashes are checked with sha256sum -c --ignore-missing. SHA256SUMS lists the
// members of every item, and besides gone/<id> with the item's burn hash. An
// item that its reporter deleted after its batch was closed is missing, and
// gone/<id> is there: it holds the burn token, which has just that hash. So the
// proof of a deletion is checked like everything else, and a server that
// withholds an item has none. For an item that expired there is the server's
// word alone. All of it opens with age, sha256sum and tar.
//
// The chain of hashes lets a desk name what a server withholds: a gap in the
// sequence, or two histories shown to two desks.
package batch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// A Note is the signed head of a batch.
type Note struct {
	Origin   string
	Sequence uint64
	Previous roster.Hash // zero for the first
	Week     week.Week
	Sums     roster.Hash
}

// Text writes the note in its one spelling.
func (n Note) Text() string {
	previous := "-"
	if !n.Previous.IsZero() {
		previous = n.Previous.String()
	}
	return fmt.Sprintf("saksi/v1/batch\norigin %s\nsequence %d\nprevious %s\nweek %s\nsums %s\n",
		n.Origin, n.Sequence, previous, n.Week, n.Sums)
}

// Hash returns the SHA-256 of Text, which the next batch names.
func (n Note) Hash() roster.Hash { return sha256.Sum256([]byte(n.Text())) }

// Sign writes the signed note.
func (n Note) Sign(server sign.Signer) ([]byte, error) {
	msg, err := sign.Note(n.Text(), server)
	if err != nil {
		return nil, fmt.Errorf("signing batch %d: %w", n.Sequence, err)
	}
	return msg, nil
}

// ParseNote reads what Text wrote.
func ParseNote(text string) (Note, error) {
	fields := [...]string{"origin", "sequence", "previous", "week", "sums"}
	lines := strings.SplitN(text, "\n", len(fields)+3)
	if len(lines) != len(fields)+2 || lines[0] != "saksi/v1/batch" {
		return Note{}, errors.New("parsing batch: want six lines, the first \"saksi/v1/batch\"")
	}
	var values [len(fields)]string
	for i, field := range fields {
		value, ok := strings.CutPrefix(lines[i+1], field+" ")
		if !ok {
			return Note{}, fmt.Errorf("parsing batch, line %d: want %q", i+2, field)
		}
		values[i] = value
	}
	n, err := parseValues(values)
	if err != nil {
		return Note{}, fmt.Errorf("parsing batch: %w", err)
	}
	if n.Text() != text {
		return Note{}, errors.New("parsing batch: not in the one canonical spelling")
	}
	return n, nil
}

func parseValues(values [5]string) (Note, error) {
	n := Note{Origin: values[0]}
	if n.Origin == "" {
		return Note{}, errors.New("no origin")
	}
	var err error
	if n.Sequence, err = strconv.ParseUint(values[1], 10, 64); err != nil || n.Sequence == 0 {
		return Note{}, fmt.Errorf("sequence %.40q is no number from 1", values[1])
	}
	if values[2] != "-" {
		if n.Previous, err = roster.ParseHash(values[2]); err != nil {
			return Note{}, err
		}
	}
	if (n.Sequence == 1) != n.Previous.IsZero() {
		return Note{}, errors.New("the first batch, and only the first, has previous \"-\"")
	}
	if n.Week, err = week.Parse(values[3]); err != nil {
		return Note{}, err
	}
	n.Sums, err = roster.ParseHash(values[4])
	return n, err
}

// OpenNote checks a signed note against the server's key. It returns
// [sign.ErrSignatures] when another key signed it.
func OpenNote(msg []byte, server sign.Key) (Note, error) {
	text, err := sign.Open(msg, 1, server)
	if err != nil {
		return Note{}, fmt.Errorf("opening batch: %w", err)
	}
	return ParseNote(text)
}

// ErrChain is returned when a batch does not follow the one before it.
var ErrChain = errors.New("the batch does not follow the one before it")

// Follows returns [ErrChain] unless n is the next batch after previous.
func (n Note) Follows(previous Note) error {
	switch {
	case n.Origin != previous.Origin:
		return fmt.Errorf("batch %d has origin %q, not %q: %w", n.Sequence, n.Origin, previous.Origin, ErrChain)
	case n.Sequence != previous.Sequence+1:
		return fmt.Errorf("batch %d comes after batch %d: %w", n.Sequence, previous.Sequence, ErrChain)
	case n.Previous != previous.Hash():
		return fmt.Errorf("batch %d names another batch %d: %w", n.Sequence, previous.Sequence, ErrChain)
	}
	return nil
}
