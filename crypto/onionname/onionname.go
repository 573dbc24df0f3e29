// Package onionname has the names of onion services, version 3, and the address
// that posters carry. It knows no network.
//
//	<56 characters of base32>.onion
//	 |
//	 public key 32 || checksum 2 || version 1 = 0x03
//
// The checksum is the first two bytes of SHA3-256(".onion checksum" || public key
// || version): rend-spec-v3 of torspec, section 6, "Encoding onion addresses". It
// catches a slip of whoever types a name into a poster. It proves nothing: any
// name of anyone has one.
package onionname

import (
	"crypto/sha3"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
)

// A Name is an onion service's name that was checked. Names are compared with ==.
type Name struct{ text string }

// Suffix ends every name.
const Suffix = ".onion"

const (
	letters = 56 // of base32, without a bit left over
	size    = 35 // bytes that they are
	version = 3
	group   = 4
)

// ErrName is returned for a text that is no name.
var ErrName = errors.New("not the name of an onion service")

// Parse reads a name in its one spelling: lower case, with ".onion", without
// anything before or after it.
func Parse(text string) (Name, error) {
	label, ok := strings.CutSuffix(text, Suffix)
	if !ok || len(label) != letters {
		return Name{}, fmt.Errorf("%w: want %d letters and digits, and %q", ErrName, letters, Suffix)
	}
	raw, err := base32.StdEncoding.DecodeString(strings.ToUpper(label))
	// The decoder passes over line breaks and takes padding, and upper case is
	// another spelling.
	if err != nil || len(raw) != size || strings.ToLower(base32.StdEncoding.EncodeToString(raw)) != label {
		return Name{}, fmt.Errorf("%w: it has a character that is not a-z or 2-7", ErrName)
	}
	if raw[34] != version {
		return Name{}, fmt.Errorf("%w of version %d", ErrName, version)
	}
	if sum := checksum(raw[:32]); raw[32] != sum[0] || raw[33] != sum[1] {
		return Name{}, fmt.Errorf("%w: its checksum does not fit, so a character is wrong", ErrName)
	}
	return Name{text}, nil
}

// New returns the name of the service with a public key.
func New(key [32]byte) Name {
	sum := checksum(key[:])
	raw := append(append([]byte{}, key[:]...), sum[0], sum[1], version)
	return Name{strings.ToLower(base32.StdEncoding.EncodeToString(raw)) + Suffix}
}

func checksum(key []byte) [2]byte {
	sum := sha3.Sum256(append(append([]byte(".onion checksum"), key...), version))
	return [2]byte{sum[0], sum[1]}
}

// String returns the name, or "" for the zero Name.
func (n Name) String() string { return n.text }

// IsZero reports whether n is no name.
func (n Name) IsZero() bool { return n.text == "" }

// URL returns the address of the service's first page.
func (n Name) URL() string { return "http://" + n.text + "/" }

// Groups returns the name in groups of four characters, for paper. The last one
// also has the suffix.
func (n Name) Groups() (groups []string) {
	for at := 0; at+group <= len(n.text)-len(Suffix); at += group {
		groups = append(groups, n.text[at:at+group])
	}
	if len(groups) > 0 {
		groups[len(groups)-1] += Suffix
	}
	return groups
}

// Entry returns the address on posters: the first page, and the fingerprint of
// the first root set as the fragment, its groups joined by "-". A browser keeps
// a fragment to itself, so the page can be held against it and no server sees it.
func (n Name) Entry(fingerprint []string) string {
	return n.URL() + "#" + strings.Join(fingerprint, "-")
}
