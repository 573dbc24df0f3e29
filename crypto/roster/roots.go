package roster

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"saksi/crypto/sign"
)

// A RootSet is a set of roots and how many of them must sign. Its text is also
// the form of a root file, such as root.vkey:
//
//	saksi/v1/roots
//	threshold 2
//	root <verifier key>
//	root <verifier key>
type RootSet struct {
	Threshold int
	Keys      []sign.Key
	// Endorsed has the signature lines by the set before, without their "— ".
	// The first set has none.
	Endorsed []string
}

const rootsLabel = "saksi/v1/roots\n"

// Text returns the set's one spelling, without endorsements.
func (s RootSet) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%sthreshold %d\n", rootsLabel, s.Threshold)
	for _, k := range s.Keys {
		fmt.Fprintf(&b, "root %s\n", k)
	}
	return b.String()
}

// ParseRootSet reads what Text wrote: a root file.
func ParseRootSet(text string) (RootSet, error) {
	lines := newLines(text)
	var s RootSet
	if err := lines.expect("saksi/v1/roots"); err != nil {
		return RootSet{}, fmt.Errorf("parsing roots: %w", err)
	}
	threshold, err := lines.field("threshold")
	if err != nil {
		return RootSet{}, fmt.Errorf("parsing roots: %w", err)
	}
	if s.Threshold, err = strconv.Atoi(threshold); err != nil {
		return RootSet{}, fmt.Errorf("parsing roots: threshold %.40q is no number", threshold)
	}
	if s.Keys, err = parseRootKeys(lines); err != nil {
		return RootSet{}, fmt.Errorf("parsing roots: %w", err)
	}
	if err := s.check(); err != nil {
		return RootSet{}, fmt.Errorf("parsing roots: %w", err)
	}
	if s.Text() != text {
		return RootSet{}, errors.New("parsing roots: not in the one canonical spelling")
	}
	return s, nil
}

func parseRootKeys(lines *lineReader) ([]sign.Key, error) {
	var keys []sign.Key
	for lines.next("root") {
		value, err := lines.field("root")
		if err != nil {
			return nil, err
		}
		key, err := sign.ParseKey(value)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// check holds that the threshold can be reached, and by distinct keys and
// names only.
func (s RootSet) check() error {
	if s.Threshold < 1 || s.Threshold > len(s.Keys) {
		return fmt.Errorf("threshold %d of %d roots", s.Threshold, len(s.Keys))
	}
	if len(s.Keys) > MaxRoots {
		return fmt.Errorf("%d roots, at most %d", len(s.Keys), MaxRoots)
	}
	seen := map[string]bool{}
	for _, k := range s.Keys {
		if seen[k.Name()] || seen[string(k.Public())] {
			return fmt.Errorf("root %q stands twice, by name or by key", k.Name())
		}
		seen[k.Name()], seen[string(k.Public())] = true, true
	}
	return nil
}

// Fingerprint returns five groups of four characters: the first 100 bits of
// the SHA-256 of the set's text in base32, lower case. It goes on posters.
func (s RootSet) Fingerprint() []string { return Aloud([]byte(s.Text())) }

// Aloud returns what two people read to each other to find out whether they have
// the same text: five groups of four characters, the first 100 bits of its SHA-256
// in base32, lower case.
func Aloud(text []byte) []string {
	sum := sha256.Sum256(text)
	encoded := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:]))
	groups := make([]string, 5)
	for i := range groups {
		groups[i] = encoded[4*i : 4*i+4]
	}
	return groups
}

// Endorse signs next as the set that comes after s. The signers are roots of s;
// their lines are added to those that next has already.
func (s RootSet) Endorse(next RootSet, signers ...sign.Signer) (RootSet, error) {
	text := s.Propose(next).Text()
	msg, err := sign.AddSignatures(text, next.Endorsed, signers...)
	if err != nil {
		return RootSet{}, fmt.Errorf("endorsing roots: %w", err)
	}
	if _, next.Endorsed, err = sign.Split(msg); err != nil {
		return RootSet{}, fmt.Errorf("endorsing roots: %w", err)
	}
	return next, nil
}

// verifySets walks from the trusted first set to the last.
func verifySets(sets []RootSet) (RootSet, error) {
	current := sets[0]
	for i, next := range sets[1:] {
		if len(next.Endorsed) == 0 {
			return RootSet{}, fmt.Errorf("root set %d is not endorsed by the one before: %w", i+2, sign.ErrSignatures)
		}
		msg := current.Propose(next).Text() + "\n"
		for _, line := range next.Endorsed {
			msg += "— " + line + "\n"
		}
		if _, err := sign.Open([]byte(msg), current.Threshold, current.Keys...); err != nil {
			return RootSet{}, fmt.Errorf("root set %d is not endorsed by the one before: %w", i+2, err)
		}
		current = next
	}
	return current, nil
}
