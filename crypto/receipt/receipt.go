// Package receipt is the reporter's only possession: twelve words on paper,
// and every key and name that is derived from them.
//
//	12 words x 10 bits = 120 bits, most significant first
//	|<--------------- 14 random bytes --------------->|<- check ->|
//	|                    112 bits                     |  8 bits   |
//
// The check byte is the first byte of SHA-256("saksi/v1/check" || 14 bytes).
// It finds a slip of the pen with probability 255/256 and mends nothing by
// itself. The list's words differ by at least two edits, so a single slip never
// makes another whole word; it may make another word cut short, as Parse
// accepts them, and then the check byte alone can see it (see [Parse]).
//
// # Why no slow hash
//
// 112 random bits need none. Who guesses ten billion codes a second against a
// million receipts waits for ages of the universe; and neither an old phone
// without a JIT nor a server under flood pays for stretching.
//
// # What is derived
//
// HKDF-SHA256 (RFC 5869), secret the 14 bytes, salt "saksi/v1", info one of:
//
//	mailbox    32 bytes  token T: reads and empties the mailbox of replies
//	reply      32 bytes  seed of the hybrid identity that opens replies
//	author     32 bytes  Ed25519 seed; the public key is A
//	item/<n>   16 bytes  id of the n-th item, n = 0..127 in decimal
//	burn/<n>   32 bytes  token that deletes it; the server keeps its SHA-256
//
// The thread's name, known to reviewers and server, ties them together without
// telling any of them:
//
//	M = SHA-256("saksi/v1/mailbox" || SHA-256(T) || SHA-256(A || reply recipient))
//
// A is 32 raw bytes and the reply recipient its age1pq1 string. Whoever reads
// sends T and the last hash; whoever writes a reply knows M and the recipient,
// and cannot read. The ids of a person's items are unrelated numbers to
// everyone who does not hold the code.
package receipt

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"

	"saksi/crypto/hybrid"
)

// Limits of one receipt.
const (
	Words    = 12  // in a code
	MaxItems = 128 // that one code can send, ids 0 to 127
)

const codeSize = 14

// A Code is the secret behind the twelve words.
type Code [codeSize]byte

// New makes a code from the operating system's randomness.
func New() Code {
	var c Code
	rand.Read(c[:])
	return c
}

func (c Code) check() byte {
	sum := sha256.Sum256(append([]byte("saksi/v1/check"), c[:]...))
	return sum[0]
}

// Words returns the code's twelve words, in order.
func (c Code) Words() []string {
	list := wordList()
	bits := append(c[:], c.check())
	words := make([]string, Words)
	for i := range words {
		words[i] = list[tenBits(bits, i)]
	}
	return words
}

// tenBits returns the i-th group of ten bits. It spans at most two bytes,
// since 10*i mod 8 is even and so at most 6.
func tenBits(b []byte, i int) int {
	first := 10 * i / 8
	pair := int(b[first])<<8 | int(b[first+1])
	return pair >> (6 - 10*i%8) & 1023
}

// Field returns the code with its check byte in hexadecimal: the form it has
// in a hidden field of a page, never shown.
func (c Code) Field() string { return hex.EncodeToString(append(c[:], c.check())) }

// ErrField is returned when a hidden field holds no code.
var ErrField = errors.New("reading code field: damaged")

// ParseField reads what Field wrote.
func ParseField(s string) (Code, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != codeSize+1 {
		return Code{}, ErrField
	}
	c := Code(b[:codeSize])
	if c.Field() != s {
		return Code{}, ErrField
	}
	return c, nil
}

// An ItemID names one item. It tells nothing about its author.
type ItemID [16]byte

// String returns the id in hexadecimal, as it stands in paths.
func (id ItemID) String() string { return hex.EncodeToString(id[:]) }

// ParseItemID reads what String wrote.
func ParseItemID(s string) (ItemID, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(ItemID{}) || hex.EncodeToString(b) != s {
		return ItemID{}, errors.New("parsing item id: want 32 lower-case hexadecimal digits")
	}
	return ItemID(b), nil
}

// A Secret is a 32-byte token or seed.
type Secret [32]byte

// Hash returns the token's SHA-256, which the server may keep.
func (s Secret) Hash() [32]byte { return sha256.Sum256(s[:]) }

func (c Code) derive(label string, out []byte) { expand(c.extract(), label, out) }

// extract is the half of HKDF that is the same for all labels.
func (c Code) extract() []byte {
	prk, err := hkdf.Extract(sha256.New, c[:], []byte("saksi/v1"))
	if err != nil {
		panic("receipt: internal error: " + err.Error())
	}
	return prk
}

func expand(prk []byte, label string, out []byte) {
	key, err := hkdf.Expand(sha256.New, prk, label, len(out))
	if err != nil {
		panic("receipt: internal error: " + err.Error())
	}
	copy(out, key)
}

// ItemID returns the id of the n-th item. It panics unless 0 <= n < MaxItems.
func (c Code) ItemID(n int) (id ItemID) {
	c.derive("item/"+number(n), id[:])
	return id
}

// ItemIDs returns the ids of all items that the code can have.
func (c Code) ItemIDs() (ids [MaxItems]ItemID) {
	prk := c.extract()
	for n := range ids {
		expand(prk, "item/"+number(n), ids[n][:])
	}
	return ids
}

// Burn returns the token that deletes the n-th item. It panics unless
// 0 <= n < MaxItems.
func (c Code) Burn(n int) (burn Secret) {
	c.derive("burn/"+number(n), burn[:])
	return burn
}

func number(n int) string {
	if n < 0 || n >= MaxItems {
		panic("receipt: internal error: item number out of range")
	}
	return strconv.Itoa(n)
}

// Keys are the parts of a code that belong to no single item. Deriving them
// costs about 0.2 ms, most of it for the reply recipient.
type Keys struct {
	Token  Secret             // T: reads and empties the mailbox
	Reply  *hybrid.Identity   // opens replies
	Author ed25519.PrivateKey // signs items
}

// Keys derives them.
func (c Code) Keys() Keys {
	var k Keys
	var reply, author [32]byte
	c.derive("mailbox", k.Token[:])
	c.derive("reply", reply[:])
	c.derive("author", author[:])
	identity, err := hybrid.FromSeed(reply)
	if err != nil {
		panic("receipt: internal error: " + err.Error())
	}
	k.Reply = identity
	k.Author = ed25519.NewKeyFromSeed(author[:])
	return k
}

// AuthorPublic returns A.
func (k Keys) AuthorPublic() ed25519.PublicKey { return k.Author.Public().(ed25519.PublicKey) }

// KeyHash returns SHA-256(A || reply recipient): with T it opens a mailbox.
func (k Keys) KeyHash() [32]byte { return KeyHash(k.AuthorPublic(), k.Reply.Recipient()) }

// Mailbox returns the thread's name M.
func (k Keys) Mailbox() Mailbox { return MailboxOf(k.Token.Hash(), k.KeyHash()) }

// A Mailbox is a thread's name M.
type Mailbox [32]byte

// String returns M in hexadecimal.
func (m Mailbox) String() string { return hex.EncodeToString(m[:]) }

// ParseMailbox reads what String wrote.
func ParseMailbox(s string) (Mailbox, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(Mailbox{}) || hex.EncodeToString(b) != s {
		return Mailbox{}, errors.New("parsing mailbox: want 64 lower-case hexadecimal digits")
	}
	return Mailbox(b), nil
}

// KeyHash computes the last part of M from a thread's public keys.
func KeyHash(author ed25519.PublicKey, reply *hybrid.Recipient) [32]byte {
	return sha256.Sum256(append(append([]byte(nil), author...), reply.String()...))
}

// MailboxOf computes M from its two hashes.
func MailboxOf(tokenHash, keyHash [32]byte) Mailbox {
	b := append([]byte("saksi/v1/mailbox"), tokenHash[:]...)
	return sha256.Sum256(append(b, keyHash[:]...))
}
