// Package sign is the one door to C2SP signed notes
// (golang.org/x/mod/sumdb/note) and the home of every Ed25519 key of the
// drop: roots, reviewers and the server.
//
// A public key is written as a note verifier key, "name+hash+base64", and a
// private key as "PRIVATE+KEY+name+hash+base64". A signed text is
//
//	<text>              lines, the first of which names the format
//	                    an empty line
//	— name base64...    one line a signature
//
// One key may sign several kinds of text: roster, batch, outbox, reply. They
// cannot be taken for each other, because each begins with its own label
// ("saksi/v1/roster", "saksi/v1/reply", ...) and no label begins another.
package sign

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// A Key is a public signing key with the name of its holder.
type Key struct {
	text   string
	name   string
	public ed25519.PublicKey
}

// ParseKey reads a verifier key. Only Ed25519 keys in their canonical
// spelling are taken. Its errors hold nothing of the input: it may be the
// private key, given in the place of the public one.
func ParseKey(s string) (Key, error) {
	if strings.HasPrefix(s, signerPrefix) {
		return Key{}, errors.New("parsing signing key: this is a private key, want its public half")
	}
	v, err := note.NewVerifier(s)
	if err != nil {
		return Key{}, fmt.Errorf("parsing signing key: %v", err)
	}
	raw, err := rawKey(s)
	if err != nil {
		return Key{}, fmt.Errorf("parsing signing key: %w", err)
	}
	if !validName(v.Name()) {
		return Key{}, errors.New("parsing signing key: its name has other characters than letters, digits, dots and dashes")
	}
	k := Key{text: s, name: v.Name(), public: raw}
	if want, err := note.NewEd25519VerifierKey(k.name, k.public); err != nil || want != s {
		return Key{}, errors.New("parsing signing key: not in its one canonical spelling")
	}
	return k, nil
}

// rawKey returns the 32 bytes at the end of a verifier or signer key.
func rawKey(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(s[lastField(s):])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != 1 {
		return nil, errors.New("not an Ed25519 key")
	}
	return raw[1:], nil
}

// lastField returns where the base64 field begins. Base64 has plus signs of
// its own, so the fields are counted from the left: the name has none.
func lastField(s string) int {
	prefix := 0
	if strings.HasPrefix(s, signerPrefix) {
		prefix = len(signerPrefix)
	}
	name := strings.IndexByte(s[prefix:], '+')
	if name < 0 {
		return len(s)
	}
	hash := strings.IndexByte(s[prefix+name+1:], '+')
	if hash < 0 {
		return len(s)
	}
	return prefix + name + 1 + hash + 1
}

const signerPrefix = "PRIVATE+KEY+"

// String returns the verifier key.
func (k Key) String() string { return k.text }

// Name returns its holder's name.
func (k Key) Name() string { return k.name }

// Public returns the raw Ed25519 key.
func (k Key) Public() ed25519.PublicKey { return k.public }

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.text == "" }

// A Signer is a private signing key.
type Signer struct {
	text    string
	key     Key
	private ed25519.PrivateKey
}

// Generate makes a new key for a holder. A name has no spaces and no plus
// signs.
func Generate(name string) (Signer, error) {
	skey, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return Signer{}, fmt.Errorf("generating signing key: %v", err)
	}
	if !validName(name) {
		return Signer{}, fmt.Errorf("generating signing key: %q is no name: use letters, digits, dots and dashes", name)
	}
	return ParseSigner(skey)
}

// validName keeps names to what is safe in a line, a path and a page.
func validName(name string) bool {
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/", r)
	}
	return name != "" && len(name) <= 64 && strings.IndexFunc(name, func(r rune) bool { return !valid(r) }) < 0
}

// ParseSigner reads a private key. Its errors hold nothing of the input.
func ParseSigner(s string) (Signer, error) {
	if _, err := note.NewSigner(s); err != nil {
		return Signer{}, errors.New("parsing private signing key: damaged")
	}
	seed, err := rawKey(s)
	if err != nil {
		return Signer{}, errors.New("parsing private signing key: damaged")
	}
	private := ed25519.NewKeyFromSeed(seed)
	name := strings.SplitN(s[len(signerPrefix):], "+", 2)[0]
	text, err := note.NewEd25519VerifierKey(name, private.Public().(ed25519.PublicKey))
	if err != nil {
		return Signer{}, errors.New("parsing private signing key: damaged")
	}
	key, err := ParseKey(text)
	canonical := signerPrefix + text[:lastField(text)] + base64.StdEncoding.EncodeToString(append([]byte{1}, seed...))
	if err != nil || canonical != s {
		return Signer{}, errors.New("parsing private signing key: damaged")
	}
	return Signer{text: s, key: key, private: private}, nil
}

// String returns the private key: a secret.
func (s Signer) String() string { return s.text }

// Key returns the public half.
func (s Signer) Key() Key { return s.key }

// Private returns the raw Ed25519 key, for signatures that are no notes.
func (s Signer) Private() ed25519.PrivateKey { return s.private }

// Note signs text, which ends in a newline.
func Note(text string, signers ...Signer) ([]byte, error) {
	return AddSignatures(text, nil, signers...)
}

// AddSignatures signs a note once more. Signatures that it has already are
// given as lines without their "— " and are kept unchecked.
func AddSignatures(text string, existing []string, signers ...Signer) ([]byte, error) {
	n := &note.Note{Text: text}
	for _, line := range existing {
		sig, err := parseSignature(line)
		if err != nil {
			return nil, err
		}
		n.UnverifiedSigs = append(n.UnverifiedSigs, sig)
	}
	var with []note.Signer
	for _, s := range signers {
		signer, err := note.NewSigner(s.text)
		if err != nil {
			return nil, fmt.Errorf("signing: %v", err)
		}
		with = append(with, signer)
	}
	msg, err := note.Sign(n, with...)
	if err != nil {
		return nil, fmt.Errorf("signing: %v", err)
	}
	return msg, nil
}

func parseSignature(line string) (note.Signature, error) {
	name, encoded, ok := strings.Cut(line, " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) < 5 {
		return note.Signature{}, errors.New("parsing signature: damaged")
	}
	hash := uint32(raw[0])<<24 | uint32(raw[1])<<16 | uint32(raw[2])<<8 | uint32(raw[3])
	return note.Signature{Name: name, Hash: hash, Base64: encoded}, nil
}

// Split takes a signed note apart without checking anything: its text, and
// its signature lines without their "— ".
func Split(msg []byte) (text string, signatures []string, err error) {
	_, err = note.Open(msg, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return "", nil, fmt.Errorf("reading signed note: %v", err)
	}
	n := unverified.Note
	if err := checkSpelling(n); err != nil {
		return "", nil, err
	}
	for _, sig := range n.UnverifiedSigs {
		signatures = append(signatures, sig.Name+" "+sig.Base64)
	}
	return n.Text, signatures, nil
}

// ErrSignatures is returned when too few of the expected keys signed.
var ErrSignatures = errors.New("too few valid signatures")

// Open checks a signed note: at least threshold of the keys, all of them
// distinct, signed its text. It returns the text. Signatures by other keys
// are ignored; a bad signature by one of the keys is an error.
//
// [note.Open] alone would be content with a single signature.
func Open(msg []byte, threshold int, keys ...Key) (string, error) {
	if threshold < 1 {
		return "", errors.New("opening signed note: internal error: threshold below 1")
	}
	var verifiers []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(k.text)
		if err != nil {
			return "", fmt.Errorf("opening signed note: %v", err)
		}
		verifiers = append(verifiers, v)
	}
	n, err := note.Open(msg, note.VerifierList(verifiers...))
	if errors.As(err, new(*note.UnverifiedNoteError)) {
		return "", fmt.Errorf("opening signed note: %w: 0 of %d", ErrSignatures, threshold)
	}
	if err != nil {
		return "", fmt.Errorf("opening signed note: %v", err)
	}
	if err := checkSpelling(n); err != nil {
		return "", err
	}
	signed := distinct(n.Sigs, keys)
	if signed < threshold {
		return "", fmt.Errorf("opening signed note: %w: %d of %d", ErrSignatures, signed, threshold)
	}
	return n.Text, nil
}

// checkSpelling holds that each signature is in its one spelling: the note
// package does not look at the last bits of base64.
func checkSpelling(n *note.Note) error {
	for _, sig := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		raw, err := base64.StdEncoding.DecodeString(sig.Base64)
		if err != nil || base64.StdEncoding.EncodeToString(raw) != sig.Base64 {
			return errors.New("reading signed note: a signature is not in its one canonical spelling")
		}
	}
	return nil
}

// distinct counts the public keys behind verified signatures. Two names for
// one key are one key.
func distinct(sigs []note.Signature, keys []Key) int {
	seen := map[string]bool{}
	for _, sig := range sigs {
		for _, k := range keys {
			if k.name == sig.Name && strings.HasPrefix(k.text, fmt.Sprintf("%s+%08x+", sig.Name, sig.Hash)) {
				seen[string(k.public)] = true
			}
		}
	}
	return len(seen)
}

// ReadSigner reads a file with one private key; lines that begin with # are
// comments.
func ReadSigner(r io.Reader) (Signer, error) {
	b, err := io.ReadAll(io.LimitReader(r, 64<<10))
	if err != nil {
		return Signer{}, fmt.Errorf("reading signing key: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return ParseSigner(line)
		}
	}
	return Signer{}, errors.New("reading signing key: no key in it")
}
