// Package item seals and opens what a reporter sends: a testimony, a message
// that follows it, or an attachment. Each is an item of its own; nothing in
// the stored bytes ties two of them together.
//
// # Two layers
//
//	slots/001.age ... slots/NNN.age    one age file per reviewer, all of one size
//	    77, 154 or 231 bytes: what the reviewer has of the secret of E
//	payload.age                        one age file, to E alone
//	    USTAR tar, see below
//
// E is a hybrid identity made for this item and for nothing else. Where each
// reviewer opens alone, a slot holds E's identity string itself, so that stock
// age opens the item:
//
//	age -d -i r1.key r1.weeks > weeks
//	age -d -i weeks slots/001.age > e.key
//	age -d -i e.key payload.age | tar -x
//
// Under a quorum it holds two or three parts of 77 bytes:
//
//	+-----------------+------------------+-------------------+
//	| P               | A, share x       | B, share x        |
//	| of every reader | k of all readers | j from elsewhere, |
//	|                 |                  | if j > 0          |
//	+-----------------+------------------+-------------------+
//	  stays on the desk   travels to the desk that opens
//
// E's string is split by Shamir (package shamir) into P, A and B, of which all
// are needed; A is split once more, k of n over all slots, and B j of those from
// elsewhere ([roster.Roster.Outside]). x is the number of the slot, from 1. So
// gfcombine joins it: the shares of A to e.002, those of B to e.003, and those
// two with P, as e.001, to E. A share of which one suffices is the whole by itself.
//
// P is what makes an exclusion hold. Somebody who may not read an item could else
// collect k shares of colleagues who cannot know it, as nobody does before it is
// open; P is never handed on.
//
// The slot of an excluded reviewer is sealed to that reviewer just the same,
// around random bytes of the same length, and the share of B of a reviewer who is
// not from elsewhere is random: the server sees equal slots.
//
// # The tar
//
//	manifest.json              who, what, which roster, the slots' hashes
//	testimony.json             kind testimony: answers, never the text
//	testimony.txt              kind testimony: the text
//	message.txt                kind message: the text
//	attachments/001.<ext>      kind attachment: the file, under a neutral name
//	author.sig                 Ed25519 by the author key, in base64
//	.padding                   zeros, so that the tar has its padded size
//
// All members are regular files in this order. The padding is a member, not a
// tail after the end marker: GNU tar stops reading at the marker, and a
// truncation behind it would pass unseen. An item without attachment has a tar
// of exactly 64 KiB; one with an attachment is padded by Padmé (Nikitin et al.,
// PETS 2019) with that floor, which leaks the length's order of magnitude and
// a few bits more.
//
// # The signature
//
// A, the author key, signs
//
//	"saksi/v1/item" || id (16) || n (1) || M (32) || roster hash (32)
//	|| for each member before author.sig: SHA-256(name) || digest of its content
//
// The digest is SHA-256, and for an attachment, in pieces of 256 KiB,
//
//	SHA-256("saksi/v1/pieces" || size (8) || SHA-256(piece) for each piece)
//
// The manifest in turn holds the SHA-256 of every slot. So one who opens an
// item, a reviewer who knows E, cannot make another of it: not for another
// thread, not under another id, not with slots for other people.
package item

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// Sizes in bytes.
const (
	// MaxText is what a text may have, in UTF-8.
	MaxText = 24000
	// ShareSize is the length of E's string and of each part of a slot.
	ShareSize = hybrid.IdentitySize
	// Floor is the size of the tar of every item without attachment.
	Floor = 64 * 1024
	// MaxFile is what an attachment may have: a USTAR member ends at 8 GiB.
	MaxFile = 7 << 30
	// MaxField bounds each short field: an answer, the original name.
	MaxField = 300
	// MaxQuestions is how many questions may have answers, MaxValues how many
	// values those have in all, and MaxAnswers how many bytes: in JSON, however
	// it is spelled, they fit into testimony.json.
	MaxQuestions = 64
	MaxValues    = 128
	MaxAnswers   = 5000

	maxManifest = 32 * 1024
	maxForm     = 16 * 1024
)

// SlotSize is the size of every slot under a quorum, in bytes.
func SlotSize(q roster.Quorum) int64 { return hybrid.SealedSize(int64(slotPlain(q)), 1) }

// ValidSlotSize reports whether a slot has this size under some quorum.
func ValidSlotSize(size int64) bool {
	for _, q := range []roster.Quorum{{Needed: 1}, {Needed: 2}, {Needed: 2, Outside: 1}} {
		if SlotSize(q) == size {
			return true
		}
	}
	return false
}

// PayloadSize is the size of payload.age around a tar of that size.
func PayloadSize(tar int64) int64 { return hybrid.SealedSize(tar, 1) }

// ValidPayloadSize reports whether a payload.age may have this size.
func ValidPayloadSize(size int64) bool {
	overhead := PayloadSize(0)
	if size < PayloadSize(Floor) {
		return false
	}
	// Each chunk of 64 KiB adds a tag of 16 bytes to the one that is in overhead.
	body := size - overhead + 16
	chunks := (body + Floor + 15) / (Floor + 16)
	tar := body - 16*chunks
	return PayloadSize(tar) == size && Padme(tar) == tar
}

// Kind is what an item is.
type Kind string

// The kinds.
const (
	Testimony  Kind = "testimony"
	Message    Kind = "message"
	Attachment Kind = "attachment"
)

// A Manifest is the first member of the tar.
type Manifest struct {
	Format         string            `json:"format"` // "saksi/v1/item"
	Kind           Kind              `json:"kind"`
	ID             string            `json:"id"`
	N              int               `json:"n"`
	Mailbox        string            `json:"mailbox"`         // M
	TokenHash      string            `json:"token_hash"`      // SHA-256(T)
	Author         string            `json:"author"`          // A, 64 hexadecimal digits
	ReplyRecipient string            `json:"reply_recipient"` // age1pq1...
	Burn           string            `json:"burn"`            // SHA-256 of the token that deletes the item
	Roster         ManifestRoster    `json:"roster"`
	Slots          []string          `json:"slots"`                    // SHA-256 of each slot, in roster order
	Withheld       []string          `json:"withheld,omitempty"`       // ids of the reviewers who were excluded
	Language       string            `json:"language"`                 // of the page it was written on: "id" or "en"
	Taxonomy       string            `json:"taxonomy,omitempty"`       // reference of the form that was answered
	Original       map[string]string `json:"original_names,omitempty"` // member to name, if the reporter keeps it
}

// ManifestRoster names the roster that an item was sealed under.
type ManifestRoster struct {
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
}

const formatLabel = "saksi/v1/item"

// A Form is testimony.json: what a reporter answered beside the text. What the
// questions and their codes mean is said by the taxonomy that the manifest names;
// the format itself knows none of them.
type Form struct {
	Format  string              `json:"format"`            // "saksi/v1/testimony"
	Answers map[string][]string `json:"answers,omitempty"` // from a question to its values
}

const testimonyLabel = "saksi/v1/testimony"

// identity holds a manifest's parsed and checked parts.
type identity struct {
	id        receipt.ItemID
	author    ed25519.PublicKey
	tokenHash [32]byte
	reply     *hybrid.Recipient
	mailbox   receipt.Mailbox
	roster    roster.Hash
	slots     [][32]byte
}

// identify checks a manifest by itself: its form, and that M follows from its
// parts.
func (m *Manifest) identify() (*identity, error) {
	if m.Format != formatLabel {
		return nil, fmt.Errorf("reading manifest: the format is not %q", formatLabel)
	}
	if m.N < 0 || m.N >= receipt.MaxItems {
		return nil, fmt.Errorf("reading manifest: item number %d", m.N)
	}
	if m.Kind != Testimony && m.Kind != Message && m.Kind != Attachment {
		return nil, errors.New("reading manifest: no such kind")
	}
	var p identity
	var err error
	if p.id, err = receipt.ParseItemID(m.ID); err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	hashes := map[*[32]byte]string{&p.tokenHash: m.TokenHash, (*[32]byte)(&p.roster): m.Roster.Hash}
	for to, text := range hashes {
		if *to, err = parse32(text); err != nil {
			return nil, fmt.Errorf("reading manifest: %w", err)
		}
	}
	if len(m.Slots) == 0 {
		return nil, errors.New("reading manifest: no slots")
	}
	for _, text := range m.Slots {
		hash, err := parse32(text)
		if err != nil {
			return nil, fmt.Errorf("reading manifest: %w", err)
		}
		p.slots = append(p.slots, hash)
	}
	author, err := parse32(m.Author)
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	p.author = author[:]
	if p.reply, err = hybrid.ParseRecipient(m.ReplyRecipient); err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	if err := m.checkRest(); err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	p.mailbox = receipt.MailboxOf(p.tokenHash, receipt.KeyHash(p.author, p.reply))
	if p.mailbox.String() != m.Mailbox {
		return nil, errors.New("reading manifest: the mailbox does not follow from its parts")
	}
	return &p, nil
}

var reviewerPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)

var languagePattern = regexp.MustCompile(`^([a-z]{2,3})?$`)

// checkRest holds the values that nothing else is derived from.
func (m *Manifest) checkRest() error {
	if _, err := parse32(m.Burn); err != nil {
		return err
	}
	if !languagePattern.MatchString(m.Language) {
		return errors.New("the language is no code of two or three letters")
	}
	if len(m.Withheld) > roster.MaxReviewers || !slices.IsSorted(m.Withheld) ||
		slices.ContainsFunc(m.Withheld, func(id string) bool { return !reviewerPattern.MatchString(id) }) {
		return errors.New("the excluded reviewers are no sorted list of ids")
	}
	if len(m.Taxonomy) > MaxField || !isText(m.Taxonomy) {
		return errors.New("the taxonomy is no short text")
	}
	for path, name := range m.Original {
		if m.Kind != Attachment || !attachmentPath.MatchString(path) || len(name) > MaxField || !isText(name) {
			return errors.New("an original name is no short text, or of no attachment")
		}
	}
	return nil
}

func parse32(s string) ([32]byte, error) {
	h, err := roster.ParseHash(s)
	return h, err
}

// marshal writes the JSON of a member, with a newline at the end.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // it is read by eye
	if err := e.Encode(v); err != nil {
		panic("item: internal error: " + err.Error())
	}
	return b.Bytes()
}

// signedBytes collects what the author signs.
type signedBytes struct{ b []byte }

func newSignedBytes(p *identity, n int) *signedBytes {
	s := &signedBytes{b: []byte(formatLabel)}
	s.b = append(s.b, p.id[:]...)
	s.b = append(s.b, byte(n))
	s.b = append(s.b, p.mailbox[:]...)
	s.b = append(s.b, p.roster[:]...)
	return s
}

func (s *signedBytes) add(name string, digest [32]byte) {
	hash := sha256.Sum256([]byte(name))
	s.b = append(append(s.b, hash[:]...), digest[:]...)
}

func slotHashes(slots [][]byte) []string {
	hashes := make([]string, len(slots))
	for i, slot := range slots {
		sum := sha256.Sum256(slot)
		hashes[i] = hex.EncodeToString(sum[:])
	}
	return hashes
}
