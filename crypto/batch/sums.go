package batch

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"saksi/crypto/roster"
)

// MaxSums bounds SHA256SUMS, in bytes: room for 20,000 items with 20 slots.
const MaxSums = 64 << 20

// Sums is the content of SHA256SUMS: the hash of each member by its path.
type Sums map[string]roster.Hash

// Text writes the list in the form of sha256sum, sorted by path.
func (s Sums) Text() string {
	var b strings.Builder
	for _, path := range sortedKeys(s) {
		fmt.Fprintf(&b, "%s  %s\n", s[path], path)
	}
	return b.String()
}

// Hash returns the SHA-256 of Text, which the note signs.
func (s Sums) Hash() roster.Hash { return sha256.Sum256([]byte(s.Text())) }

// ParseSums reads what Text wrote. Only paths of items, rosters and canaries are taken.
func ParseSums(text string) (Sums, error) {
	if len(text) > MaxSums {
		return nil, errors.New("parsing SHA256SUMS: too long")
	}
	s := Sums{}
	for line := range strings.Lines(text) {
		hex, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		hash, err := roster.ParseHash(hex)
		if err != nil {
			return nil, fmt.Errorf("parsing SHA256SUMS: %w", err)
		}
		member, err := ParsePath(path)
		if err != nil {
			return nil, fmt.Errorf("parsing SHA256SUMS: %w", err)
		}
		if !member.Kind.summed() {
			return nil, fmt.Errorf("parsing SHA256SUMS: %q is not for this list", path)
		}
		s[path] = hash
	}
	if s.Text() != text {
		return nil, errors.New("parsing SHA256SUMS: not sorted, or a path stands twice")
	}
	return s, nil
}
