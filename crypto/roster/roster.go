// Package roster says who may read: a list of reviewers that offline roots
// have signed, so that neither the server nor whoever leans on its operator
// can slip in a key of their own.
//
// A roster is a C2SP signed note. Its text, each line in this order:
//
//	saksi/v1/roster
//	origin demo.saksi                       name of the drop
//	sequence 2
//	previous <64 hex>                       SHA-256 of the text before, or -
//	valid 2026-11-22 2027-02-21             first and last day, UTC
//	quorum 1 outside 0                      reviewers needed; of them from elsewhere
//	roots 1 threshold 2                     the first root set
//	root <verifier key>                     one line a root
//	roots 2 threshold 2                     a later set, if any
//	root <verifier key>
//	endorsed <name> <base64>                signatures by the set before
//	server <verifier key>                   signs batches
//	reviewer <id> | <region> | <organisation> | <verifier key> | <direct> | <label>
//	recipients <from> <to> <64 hex>         SHA-256 of the file for these weeks
//	revoked <verifier key> from <sequence>  answers under this roster or later are void
//
// The hash of a roster is the SHA-256 of its text: more signatures do not
// make it another roster. A text has exactly one spelling: [Parse] refuses
// what [Roster.Text] would write in another way.
//
// # Trust
//
// All trust begins with one root set and its threshold, printed on posters as
// a fingerprint ([RootSet.Fingerprint]). Each later set counts only with the
// signatures of the threshold of the set before it, carried in the note, so
// the poster stays good when a root is replaced. The note itself needs the
// threshold of the last set. The sequence and the hash of the text before tie
// rosters to a chain ([Signed.Follows]): nobody may go back or skip.
//
// Keys that items are sealed to stand in recipients files of their own,
// pinned here by hash, because they are long and change by the week. The
// direct recipient is for files that a reporter seals beforehand with stock
// age; no slot is ever sealed to it.
package roster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// Limits of a roster, in counts and bytes. They keep a note below 1 MB, and a
// page that shows it readable.
const (
	MaxReviewers = 100
	// MaxTogether is how many there may be where an item needs several of them:
	// every subset of a quorum's size is tried.
	MaxTogether = 20
	MaxRoots    = 20
	MaxRootSets = 50
	MaxPeriods  = 60
	MaxRevoked  = 500
	maxField    = 80 // bytes of an organisation or a label
)

// A Hash is a SHA-256 value.
type Hash [32]byte

// String returns the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is no hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// ParseHash reads what String wrote.
func ParseHash(s string) (Hash, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(Hash{}) || hex.EncodeToString(b) != s {
		return Hash{}, errors.New("parsing hash: want 64 lower-case hexadecimal digits")
	}
	return Hash(b), nil
}

// A Roster is the content of a roster's text.
type Roster struct {
	Origin     string
	Sequence   uint64 // 1 for the first
	Previous   Hash   // zero for the first
	From       time.Time
	Until      time.Time // the last day
	Quorum     Quorum
	RootSets   []RootSet // the first is the one on posters
	Server     sign.Key
	Reviewers  []Reviewer // in slot order: the first has slot 001
	Recipients []Period
	Revoked    []Revocation
}

// Quorum is how many reviewers must join to open an item.
type Quorum struct {
	Needed  int // k
	Outside int // j: of them, how many at least from elsewhere ([Roster.Outside])
}

// Alone reports whether each reviewer opens an item without any other.
func (q Quorum) Alone() bool { return q.Needed == 1 && q.Outside == 0 }

// A Reviewer is one line of the roster.
type Reviewer struct {
	ID           string
	Region       string // Kemendagri code, or 00 for national
	Organisation string
	Key          sign.Key
	Direct       *hybrid.Recipient
	Label        string
}

// A Period pins the recipients file for some weeks, the last included.
type Period struct {
	From, To week.Week
	File     Hash
}

// A Revocation voids a reviewer's signing key.
type Revocation struct {
	Key  sign.Key
	From uint64 // the first roster sequence under which answers are void
}

// Reviewer returns the reviewer with this id, and its slot number from 0.
func (r *Roster) Reviewer(id string) (Reviewer, int, bool) {
	for i, reviewer := range r.Reviewers {
		if reviewer.ID == id {
			return reviewer, i, true
		}
	}
	return Reviewer{}, 0, false
}

// Has reports whether the roster has a reviewer, with the same key.
func (r *Roster) Has(v Reviewer) bool {
	other, _, ok := r.Reviewer(v.ID)
	return ok && other.Key.Public().Equal(v.Key.Public())
}

// Period returns the recipients file in use in week w.
func (r *Roster) Period(w week.Week) (Period, bool) {
	for _, p := range r.Recipients {
		if !w.Before(p.From) && !p.To.Before(w) {
			return p, true
		}
	}
	return Period{}, false
}

// VoidFrom returns the first roster sequence under which answers signed by key
// are void, if the key was revoked.
func (r *Roster) VoidFrom(key sign.Key) (uint64, bool) {
	for _, revoked := range r.Revoked {
		if revoked.Key.Public().Equal(key.Public()) {
			return revoked.From, true
		}
	}
	return 0, false
}

// Errors that a caller acts on.
var (
	// ErrRoots is returned when a roster begins with another root set than
	// the one that is trusted.
	ErrRoots = errors.New("the roster belongs to other roots")
	// ErrExpired is returned when a roster's last day is over.
	ErrExpired = errors.New("the roster has expired")
	// ErrNotYet is returned when a roster's first day has not come.
	ErrNotYet = errors.New("the roster is not valid yet")
	// ErrChain is returned when a roster does not follow the one before.
	ErrChain = errors.New("the roster does not follow the one before it")
)

// A Signed roster has been verified.
type Signed struct {
	Roster
	Text string
	Hash Hash
	Note []byte // with the signatures it was verified by

	circles sync.Map // of recipients files that were read: hash to *Circle
}

// Verify checks a signed roster against the trusted first root set: the chain
// of root sets, then the threshold of the last. It says nothing of time
// ([Signed.ValidAt]) or of the roster before ([Signed.Follows]). It returns
// [ErrRoots] or [sign.ErrSignatures], or says what is wrong with the text.
func Verify(msg []byte, trusted RootSet) (*Signed, error) {
	text, _, err := sign.Split(msg)
	if err != nil {
		return nil, fmt.Errorf("verifying roster: %w", err)
	}
	r, err := Parse(text)
	if err != nil {
		return nil, err
	}
	if r.RootSets[0].Text() != trusted.Text() {
		return nil, fmt.Errorf("verifying roster %d: %w", r.Sequence, ErrRoots)
	}
	last, err := verifySets(r.RootSets)
	if err != nil {
		return nil, fmt.Errorf("verifying roster %d: %w", r.Sequence, err)
	}
	if _, err := sign.Open(msg, last.Threshold, last.Keys...); err != nil {
		return nil, fmt.Errorf("verifying roster %d: %w", r.Sequence, err)
	}
	return &Signed{Roster: *r, Text: text, Hash: sha256.Sum256([]byte(text)), Note: msg}, nil
}

// skew is how far a clock may be off before it matters: laptops without a
// network drift, and a day's end differs by time zone.
const skew = 24 * time.Hour

// ValidAt returns [ErrExpired] or [ErrNotYet] when now is outside the roster's
// days, give or take a day.
func (s *Signed) ValidAt(now time.Time) error {
	if now.Add(skew).Before(s.From) {
		return fmt.Errorf("roster %d begins on %s: %w", s.Sequence, s.From.Format(time.DateOnly), ErrNotYet)
	}
	if now.Add(-skew).After(s.Until.Add(24 * time.Hour)) {
		return fmt.Errorf("roster %d ended on %s: %w", s.Sequence, s.Until.Format(time.DateOnly), ErrExpired)
	}
	return nil
}

// Follows returns [ErrChain] unless s is the next roster after previous.
func (s *Signed) Follows(previous *Signed) error {
	switch {
	case s.Origin != previous.Origin:
		return fmt.Errorf("roster %d has origin %q, not %q: %w", s.Sequence, s.Origin, previous.Origin, ErrChain)
	case s.Sequence != previous.Sequence+1:
		return fmt.Errorf("roster %d comes after roster %d: %w", s.Sequence, previous.Sequence, ErrChain)
	case s.Previous != previous.Hash:
		return fmt.Errorf("roster %d names another roster %d: %w", s.Sequence, previous.Sequence, ErrChain)
	case len(s.RootSets) < len(previous.RootSets):
		return fmt.Errorf("roster %d drops a root set: %w", s.Sequence, ErrChain)
	}
	for i, set := range previous.RootSets {
		if s.RootSets[i].Text() != set.Text() {
			return fmt.Errorf("roster %d rewrites root set %d: %w", s.Sequence, i+1, ErrChain)
		}
	}
	for _, v := range previous.Revoked {
		// A revocation that could be taken back would be none.
		if from, ok := s.VoidFrom(v.Key); !ok || from > v.From {
			return fmt.Errorf("roster %d takes back the revocation of %q: %w", s.Sequence, v.Key.Name(), ErrChain)
		}
	}
	return nil
}
