// Package hybrid is the one door to age: files sealed to post-quantum hybrid
// recipients (ML-KEM-768 with X25519, RFC 9180 HPKE), and to nothing else; and
// key files that their owners keep under a passphrase ([SealPassphrase]).
//
// age itself accepts many kinds of recipient. A file that goes to one classic
// recipient falls with it on the day of a quantum computer, so this package
// has no way to name a classic one: [ParseRecipient] takes age1pq1 strings and
// [ParseIdentity] takes AGE-SECRET-KEY-PQ-1 strings, in their one canonical
// spelling.
//
// What it writes is an ordinary age v1 file that age 1.3 or newer opens:
//
//	"age-encryption.org/v1"                    header, 70 bytes in all with the MAC
//	one stanza per recipient                   1,557 bytes each
//	nonce                                      16 bytes
//	64 KiB chunks, each with a tag             16 bytes more than the plaintext's
//
// Sizes depend on nothing but the number of recipients and the length of the
// plaintext: see [SealedSize].
package hybrid

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Sizes of an age file, in bytes.
const (
	headerSize = 70        // version line and MAC line
	stanzaSize = 1557      // one hybrid stanza
	nonceSize  = 16        // of the payload
	chunkSize  = 64 * 1024 // plaintext in one chunk
	tagSize    = 16        // of each chunk

	// RecipientSize is the length of a recipient's string.
	RecipientSize = 1959
	// IdentitySize is the length of an identity's string.
	IdentitySize = 77
)

// ErrNoMatch is returned when none of the identities opens a file.
var ErrNoMatch = errors.New("none of the identities opens this file")

// SealedSize is the size in bytes of the age file that holds plain bytes for
// that many recipients.
func SealedSize(plain int64, recipients int) int64 {
	chunks := max(1, (plain+chunkSize-1)/chunkSize)
	return headerSize + int64(recipients)*stanzaSize + nonceSize + plain + chunks*tagSize
}

// A Recipient is a public key that files are sealed to.
type Recipient struct {
	text func() string // spelled once, if ever: it costs about 0.1 ms
	age  *age.HybridRecipient
}

// ParseRecipient reads an age1pq1 string. It costs about 0.1 ms: parse once.
//
// A recipient whose X25519 half is a point of small order is refused: age takes
// the string and then fails to seal to it, and who chose the string, a hostile
// reporter perhaps, would choose where and when.
func ParseRecipient(s string) (*Recipient, error) {
	if len(s) != RecipientSize || s != strings.ToLower(s) {
		return nil, errors.New("parsing recipient: not a post-quantum age recipient (age1pq1...)")
	}
	r, err := age.ParseHybridRecipient(s)
	if err != nil {
		return nil, errors.New("parsing recipient: damaged age1pq1 string")
	}
	if err := checkOrder(s); err != nil {
		return nil, fmt.Errorf("parsing recipient: %w", err)
	}
	return &Recipient{text: func() string { return s }, age: r}, nil
}

// checkOrder tries the X25519 half of a recipient with some private key: a point
// of small order gives the same nothing with every one.
func checkOrder(s string) error {
	const size = 32
	some, err := ecdh.X25519().NewPrivateKey(append(make([]byte, size-1), 1))
	if err != nil {
		return err
	}
	key := bech32Data(s)
	half, err := ecdh.X25519().NewPublicKey(key[len(key)-size:])
	if err != nil {
		return err
	}
	if _, err := some.ECDH(half); err != nil {
		return errors.New("nothing can be sealed to it")
	}
	return nil
}

// String returns the age1pq1 string.
func (r *Recipient) String() string { return r.text() }

// An Identity is a private key that opens files.
type Identity struct {
	text      string
	age       *age.HybridIdentity
	recipient *Recipient
}

func fromAge(id *age.HybridIdentity) *Identity {
	r := id.Recipient()
	return &Identity{id.String(), id, &Recipient{text: sync.OnceValue(r.String), age: r}}
}

// Generate makes a new identity from the operating system's randomness.
func Generate() (*Identity, error) {
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		return nil, fmt.Errorf("generating identity: %v", err)
	}
	return fromAge(id), nil
}

// FromSeed makes the identity whose secret is the 32-byte seed.
func FromSeed(seed [32]byte) (*Identity, error) {
	return ParseIdentity(strings.ToUpper(bech32(identityPrefix, seed[:])))
}

var errDamagedIdentity = errors.New("parsing identity: damaged AGE-SECRET-KEY-PQ-1 string")

// ParseIdentity reads an AGE-SECRET-KEY-PQ-1 string. Its errors hold nothing
// of the input.
func ParseIdentity(s string) (*Identity, error) {
	if len(s) != IdentitySize {
		return nil, errors.New("parsing identity: not a post-quantum age identity")
	}
	parsed, err := age.ParseHybridIdentity(s)
	if err != nil {
		return nil, errDamagedIdentity
	}
	id := fromAge(parsed)
	if id.text != s {
		return nil, errDamagedIdentity
	}
	return id, nil
}

// String returns the AGE-SECRET-KEY-PQ-1 string: a secret.
func (i *Identity) String() string { return i.text }

// Recipient returns the public half.
func (i *Identity) Recipient() *Recipient { return i.recipient }

// ReadIdentities reads an age identity file: one identity a line, comments
// begin with #. Lines of another kind are an error that names the line.
func ReadIdentities(r io.Reader) ([]*Identity, error) {
	var ids []*Identity
	scanner := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, err := ParseIdentity(line)
		if err != nil {
			return nil, fmt.Errorf("reading identity file, line %d: %w", n, err)
		}
		ids = append(ids, id)
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("reading identity file: %w", err)
	}
	if len(ids) == 0 {
		return nil, errors.New("reading identity file: no identity in it")
	}
	return ids, nil
}

// Seal returns a writer whose plaintext is sealed to all recipients and
// written to dst. Closing it writes the last chunk, and does not close dst.
func Seal(dst io.Writer, to ...*Recipient) (io.WriteCloser, error) {
	recipients := make([]age.Recipient, len(to))
	for i, r := range to {
		recipients[i] = r.age
	}
	w, err := age.Encrypt(dst, recipients...)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return w, nil
}

// SealBytes seals a small plaintext.
func SealBytes(plain []byte, to ...*Recipient) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(int(SealedSize(int64(len(plain)), len(to))))
	w, err := Seal(&buf, to...)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return buf.Bytes(), nil
}

// Open returns the plaintext of an age file. Each chunk is released once its
// tag was checked; a truncated file ends in an error after good chunks, so a
// caller acts on nothing before it has read to the end. It returns
// [ErrNoMatch] when no identity fits.
func Open(src io.Reader, ids ...*Identity) (io.Reader, error) {
	identities := make([]age.Identity, len(ids))
	for i, id := range ids {
		identities[i] = id.age
	}
	r, err := age.Decrypt(src, identities...)
	var noMatch *age.NoIdentityMatchError
	if errors.As(err, &noMatch) {
		return nil, ErrNoMatch
	}
	if err != nil {
		return nil, &headerError{err}
	}
	return r, nil
}

// A headerError keeps what a stranger wrote out of the error's text: age quotes
// the header, up to megabytes of it.
type headerError struct{ cause error }

func (e *headerError) Error() string { return "opening age file: its header is damaged or cut short" }

func (e *headerError) Unwrap() error { return e.cause }

// OpenBytes opens a small age file whose plaintext has exactly size bytes.
func OpenBytes(sealed []byte, size int, ids ...*Identity) ([]byte, error) {
	r, err := Open(bytes.NewReader(sealed), ids...)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, int64(size)+1))
	if err != nil {
		return nil, fmt.Errorf("opening age file: %w", err)
	}
	if len(plain) != size {
		return nil, fmt.Errorf("opening age file: want %d bytes inside", size)
	}
	return plain, nil
}

// Unwrap opens a file that somebody sealed with the stock age program, with
// or without ASCII armor. It reports false when src is no age file at all, and
// then src's bytes are still to be read from the returned reader.
func Unwrap(src io.Reader, ids ...*Identity) (io.Reader, bool, error) {
	in, ok := withoutArmor(src)
	if !ok {
		return in, false, nil
	}
	plain, err := Open(in, ids...)
	return plain, true, err
}

// Header returns the header of a file that Unwrap takes, the same with and without
// armor. Nobody but who knows what the file is sealed with makes another one that opens
// to the same. It returns nothing for a file that has none.
func Header(src io.Reader) []byte {
	in, ok := withoutArmor(src)
	if !ok {
		return nil
	}
	header, err := age.ExtractHeader(in)
	if err != nil {
		return nil
	}
	return header
}

// withoutArmor returns the binary form of an age file, or reports false and returns
// what is none as it was.
func withoutArmor(src io.Reader) (io.Reader, bool) {
	buffered := bufio.NewReaderSize(src, 4096)
	start, _ := buffered.Peek(len(armor.Header))
	switch {
	case bytes.HasPrefix(start, []byte("age-encryption.org/v1\n")):
		return buffered, true
	case bytes.Equal(start, []byte(armor.Header)):
		return armor.NewReader(buffered), true
	}
	return buffered, false
}
