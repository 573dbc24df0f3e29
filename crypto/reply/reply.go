// Package reply seals and opens what a reviewer answers. The server sees a
// thread's name, a ciphertext of one fixed size and whose outbox brought it.
//
//	age file to the thread's reply recipient, SealedSize bytes, around
//	+-----------+--------+------------------+-------------+
//	| signature | length | JSON             | zeros       |
//	| 64        | 2, BE  | length bytes     | up to 4,096 |
//	+-----------+--------+------------------+-------------+
//
// The reviewer's Ed25519 key signs
//
//	"saksi/v1/reply" || M (32) || SHA-256(reply recipient) (32)
//	|| roster sequence (8, BE) || len(id) (1) || id
//	|| number (8, BE) || previous (32) || SHA-256(JSON) (32)
//
// M in the signature keeps a colleague, or the server, from carrying a signed
// answer into another thread; the number and the hash of the same reviewer's
// previous answer in this thread show what was held back or sent twice.
package reply

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/strictjson"
)

// Sizes in bytes.
const (
	PlainSize = 4096
	// MaxText is what an answer's text may have, in bytes of UTF-8 as it stands on
	// a page, where each of & < > " ' + takes five: eight such texts fit on a
	// conversation page of 32 KiB, whatever is in them.
	MaxText = 2000
	// MaxForwarded is what the name of a body may have.
	MaxForwarded = 120

	headSize = ed25519.SignatureSize + 2
)

// SealedSize is the size of every sealed reply.
func SealedSize() int64 { return hybrid.SealedSize(PlainSize, 1) }

// Status is where a testimony stands with its reviewer.
type Status string

// The statuses, in the order of a case. The web's catalogs explain them.
const (
	Received     Status = "diterima"
	Taken        Status = "diambil"
	Reviewed     Status = "ditelaah"
	NeedsMore    Status = "butuh_keterangan"
	Verified     Status = "terverifikasi"
	Forwarded    Status = "diteruskan"
	CannotFollow Status = "tidak_dapat"
	Closed       Status = "ditutup"
)

// Statuses lists all of them, in order.
func Statuses() []Status {
	return []Status{Received, Taken, Reviewed, NeedsMore, Verified, Forwarded, CannotFollow, Closed}
}

// Valid reports whether s is one of them.
func (s Status) Valid() bool {
	for _, known := range Statuses() {
		if s == known {
			return true
		}
	}
	return false
}

// A Reply is one answer.
type Reply struct {
	Format    string      `json:"format"` // "saksi/v1/reply"
	Reviewer  string      `json:"reviewer"`
	Roster    uint64      `json:"roster"`
	Number    uint64      `json:"number"`              // 1 for this reviewer's first in this thread
	Previous  roster.Hash `json:"-"`                   // Hash of the one before; zero for the first
	Prev      string      `json:"previous"`            // Previous, in hexadecimal
	Status    Status      `json:"status"`              // of the whole thread
	Forwarded string      `json:"forwarded,omitempty"` // to whom, with status diteruskan
	Items     []int       `json:"items,omitempty"`     // numbers of the items it confirms, with status diambil
	Text      string      `json:"text,omitempty"`
}

const label = "saksi/v1/reply"

// Errors that a caller acts on.
var (
	// ErrNotMine is returned when the identity does not open the ciphertext: it
	// is filler, or for another thread.
	ErrNotMine = errors.New("the reply is not for this thread")
	// ErrUnsigned is returned when no reviewer of the roster signed the reply
	// for this thread.
	ErrUnsigned = errors.New("the reply has no valid signature")
	// ErrTooLong is returned when a reply does not fit.
	ErrTooLong = errors.New("the reply is too long")
	// ErrInvalid is returned when a reply has an unknown status or no valid text.
	ErrInvalid = errors.New("the reply has an invalid status or text")
)

// A Thread is what a reviewer knows of a mailbox.
type Thread struct {
	Mailbox receipt.Mailbox
	Reply   *hybrid.Recipient
}

// Seal signs r for the thread and seals it. Its Format and Prev are filled in.
// It returns the ciphertext and the hash that the next reply names.
func Seal(r Reply, thread Thread, signer sign.Signer) ([]byte, roster.Hash, error) {
	r.Format, r.Prev = label, r.Previous.String()
	if err := r.check(); err != nil {
		return nil, roster.Hash{}, err
	}
	body := marshal(r)
	if len(body) > PlainSize-headSize {
		return nil, roster.Hash{}, fmt.Errorf("sealing reply: %w", ErrTooLong)
	}
	plain := make([]byte, PlainSize)
	copy(plain, ed25519.Sign(signer.Private(), r.message(thread, body)))
	binary.BigEndian.PutUint16(plain[ed25519.SignatureSize:], uint16(len(body)))
	copy(plain[headSize:], body)
	sealed, err := hybrid.SealBytes(plain, thread.Reply)
	return sealed, sha256.Sum256(plain), err
}

// marshal writes the JSON on one line, with <, > and & as they are.
func marshal(r Reply) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		panic("reply: internal error: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// check holds a reply against the limits.
func (r *Reply) check() error {
	switch {
	case PageSize(r.Text) > MaxText || PageSize(r.Forwarded) > MaxForwarded:
		return fmt.Errorf("checking reply: %w", ErrTooLong)
	case !r.Status.Valid() || !isText(r.Text) || !isText(r.Forwarded):
		return fmt.Errorf("checking reply: %w", ErrInvalid)
	case r.Reviewer == "" || len(r.Reviewer) > 255 || r.Number == 0 || !validItems(r.Items):
		return fmt.Errorf("checking reply: %w", ErrInvalid)
	}
	return nil
}

// PageSize returns what a text takes on a page, in bytes.
func PageSize(text string) int {
	const escaped = len("&#34;")
	size := len(text)
	for _, b := range []byte(text) {
		if strings.IndexByte("&<>\"'+", b) >= 0 {
			size += escaped - 1
		}
	}
	return size
}

// validItems reports whether these are item numbers, each once, in order.
func validItems(items []int) bool {
	inRange := func(n int) bool { return n >= 0 && n < receipt.MaxItems }
	return slices.IsSorted(items) && len(slices.Compact(slices.Clone(items))) == len(items) &&
		!slices.ContainsFunc(items, func(n int) bool { return !inRange(n) })
}

func isText(s string) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }
	return utf8.ValidString(s) && strings.IndexFunc(s, control) < 0
}

// message is what the reviewer signs.
func (r *Reply) message(thread Thread, body []byte) []byte {
	recipient := sha256.Sum256([]byte(thread.Reply.String()))
	hash := sha256.Sum256(body)
	b := append([]byte(label), thread.Mailbox[:]...)
	b = append(b, recipient[:]...)
	b = binary.BigEndian.AppendUint64(b, r.Roster)
	b = append(b, byte(len(r.Reviewer)))
	b = append(b, r.Reviewer...)
	b = binary.BigEndian.AppendUint64(b, r.Number)
	b = append(b, r.Previous[:]...)
	return append(b, hash[:]...)
}

// An Opened reply was signed by a reviewer of the roster, for this thread.
type Opened struct {
	Reply
	Hash   roster.Hash     // that this reviewer's next reply names
	Author roster.Reviewer // from the roster it was written under
	// Revoked is true when its key has been revoked since, and the reply names a
	// roster from before. Who has the key can name any roster: it may be forged.
	Revoked bool
}

// Rosters returns the verified roster with a sequence, and the newest.
type Rosters interface {
	At(sequence uint64) (*roster.Signed, bool)
	Newest() *roster.Signed
}

// Open opens a ciphertext with the reporter's keys and checks who signed it.
// It returns [ErrNotMine] or [ErrUnsigned].
func Open(sealed []byte, keys receipt.Keys, rosters Rosters) (*Opened, error) {
	plain, err := hybrid.OpenBytes(sealed, PlainSize, keys.Reply)
	if err != nil {
		return nil, fmt.Errorf("opening reply: %w", ErrNotMine)
	}
	r, body, err := decode(plain)
	if err != nil {
		return nil, fmt.Errorf("opening reply: %w: %v", ErrUnsigned, err)
	}
	signed, ok := rosters.At(r.Roster)
	if !ok {
		return nil, fmt.Errorf("opening reply: %w: roster %d is unknown", ErrUnsigned, r.Roster)
	}
	author, _, ok := signed.Reviewer(r.Reviewer)
	thread := Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
	if !ok || !ed25519.Verify(author.Key.Public(), r.message(thread, body), plain[:ed25519.SignatureSize]) {
		return nil, fmt.Errorf("opening reply: %w", ErrUnsigned)
	}
	from, revoked := rosters.Newest().VoidFrom(author.Key)
	if revoked && r.Roster >= from {
		return nil, fmt.Errorf("opening reply: %w: the key was revoked", ErrUnsigned)
	}
	return &Opened{Reply: *r, Hash: sha256.Sum256(plain), Author: author, Revoked: revoked}, nil
}

// decode takes the plaintext apart; the signature is still unchecked.
func decode(plain []byte) (*Reply, []byte, error) {
	size := int(binary.BigEndian.Uint16(plain[ed25519.SignatureSize:]))
	if size > PlainSize-headSize {
		return nil, nil, errors.New("the length does not fit")
	}
	body, padding := plain[headSize:headSize+size], plain[headSize+size:]
	for _, b := range padding {
		if b != 0 {
			return nil, nil, errors.New("the padding is not zero")
		}
	}
	r := &Reply{}
	if err := strictjson.Unmarshal(body, r); err != nil || r.Format != label {
		return nil, nil, errors.New("no reply inside")
	}
	var err error
	if r.Previous, err = roster.ParseHash(r.Prev); err != nil {
		return nil, nil, err
	}
	return r, body, r.check()
}
