// Package share is what one desk hands to another so that an item opens for which
// a roster asks for several reviewers: a signed text, sealed to the colleague who
// opens.
//
//	age file, to the colleague's recipient of the week, around
//
//	saksi/v1/share
//	from r1
//	to r2
//	roster 4 <64 hex>                          the newest that the sender knows, and its hash
//	item <32 hex> <roster> <slot> <base64>     one line an item, by its id
//	signature <base64>                         Ed25519 over every byte above
//
// An item's line has the roster that it was sealed under, the sender's slot in it,
// from 1, and the sender's shares: 77 or 154 bytes ([item.HandedSize]). The part P
// of an item is in no such file: so who is excluded from an item can collect the
// shares of all colleagues, and opens nothing.
//
// It is sealed to the recipient of the week, not to the direct one: the direct
// identity tries files that reporters chose, and does not change.
//
// A sender cannot know whether a share is worth anything: who is excluded, or not
// from elsewhere, has random bytes in its place. So a file has a line for every
// item that waits, and tells whom it is opened for no more than how many wait.
package share

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// Limits of one file.
const (
	MaxItems = 10000
	// MaxSize bounds the sealed file, in bytes.
	MaxSize = 4 << 20
)

// A Handout is the content of the file.
type Handout struct {
	From, To   string
	Roster     uint64
	RosterHash roster.Hash
	Items      []Item
}

// An Item is the sender's part of one item.
type Item struct {
	ID     receipt.ItemID
	Roster uint64 // that the item was sealed under
	item.Handed
}

const label = "saksi/v1/share"

// text writes everything but the signature.
func (h *Handout) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nfrom %s\nto %s\nroster %d %s\n", label, h.From, h.To, h.Roster, h.RosterHash)
	for _, i := range h.Items {
		fmt.Fprintf(&b, "item %s %d %d %s\n", i.ID, i.Roster, i.Slot+1, base64.StdEncoding.EncodeToString(i.Shares))
	}
	return b.String()
}

// Seal signs the handout and seals it to the colleague. Its items are put in
// order.
func (h *Handout) Seal(signer sign.Signer, to *hybrid.Recipient) ([]byte, error) {
	slices.SortFunc(h.Items, func(a, b Item) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	text := h.text()
	signature := ed25519.Sign(signer.Private(), []byte(text))
	whole := text + signatureLine(signature)
	if _, _, _, err := parse(whole); err != nil {
		return nil, fmt.Errorf("sealing shares: %w", err)
	}
	return hybrid.SealBytes([]byte(whole), to)
}

func signatureLine(signature []byte) string {
	return "signature " + base64.StdEncoding.EncodeToString(signature) + "\n"
}

// Errors that a caller acts on.
var (
	// ErrNotMine is returned when none of the identities opens the file, or it is
	// addressed to somebody else.
	ErrNotMine = errors.New("the shares are for another reviewer")
	// ErrSender is returned when the roster that is named is not at hand, or it or
	// the newest does not have the sender, or revokes the key.
	ErrSender = errors.New("the shares are not from a reviewer of the roster")
	// ErrSignature is returned when the named sender did not sign the file.
	ErrSignature = errors.New("the shares are not signed by their sender")
)

// Open opens a file that was sealed to the reviewer with the id to, and checks
// who signed it. It returns [ErrNotMine], [ErrSender] or [ErrSignature].
func Open(file []byte, to string, rosters reply.Rosters, ids ...*hybrid.Identity) (*Handout, error) {
	h, text, signature, err := unseal(file, ids)
	if err != nil {
		return nil, err
	}
	if h.To != to {
		return nil, fmt.Errorf("opening shares for %q: %w", h.To, ErrNotMine)
	}
	signed, ok := rosters.At(h.Roster)
	if !ok || signed.Hash != h.RosterHash {
		return nil, fmt.Errorf("opening shares: roster %d is unknown here: %w", h.Roster, ErrSender)
	}
	sender, _, ok := signed.Reviewer(h.From)
	now, _, still := rosters.Newest().Reviewer(h.From)
	_, revoked := rosters.Newest().VoidFrom(sender.Key)
	if !ok || !still || revoked || !now.Key.Public().Equal(sender.Key.Public()) {
		return nil, fmt.Errorf("opening shares of %q: %w", h.From, ErrSender)
	}
	if !ed25519.Verify(sender.Key.Public(), []byte(text), signature) {
		return nil, fmt.Errorf("opening shares of %q: %w", h.From, ErrSignature)
	}
	return h, nil
}

// unseal opens the age file and takes it apart; the signature is still unchecked.
func unseal(file []byte, ids []*hybrid.Identity) (*Handout, string, []byte, error) {
	if len(file) > MaxSize {
		return nil, "", nil, errors.New("opening shares: too long")
	}
	r, err := hybrid.Open(bytes.NewReader(file), ids...)
	if errors.Is(err, hybrid.ErrNoMatch) {
		return nil, "", nil, fmt.Errorf("opening shares: %w", ErrNotMine)
	}
	if err != nil {
		return nil, "", nil, fmt.Errorf("opening shares: %w", err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		return nil, "", nil, fmt.Errorf("opening shares: %w", err)
	}
	h, text, signature, err := parse(string(plain))
	if err != nil {
		return nil, "", nil, fmt.Errorf("reading shares: %w", err)
	}
	return h, text, signature, nil
}

// parse takes a text apart, and refuses a second spelling.
func parse(whole string) (h *Handout, text string, signature []byte, err error) {
	at := strings.LastIndex(whole, "\nsignature ")
	if at < 0 {
		return nil, "", nil, errors.New("no signature in it")
	}
	text = whole[:at+1]
	last := strings.TrimSuffix(strings.TrimPrefix(whole[at+1:], "signature "), "\n")
	if signature, err = base64.StdEncoding.DecodeString(last); err != nil {
		return nil, "", nil, errors.New("the signature is not base64")
	}
	if h, err = parseText(text); err != nil {
		return nil, "", nil, err
	}
	if h.text()+signatureLine(signature) != whole {
		return nil, "", nil, errors.New("not in the one canonical spelling")
	}
	return h, text, signature, nil
}

// headLines is how many lines stand before the items.
const headLines = 4

func parseText(text string) (*Handout, error) {
	lines := strings.SplitN(strings.TrimSuffix(text, "\n"), "\n", headLines+1)
	if len(lines) < headLines || lines[0] != label {
		return nil, fmt.Errorf("the first line is not %q", label)
	}
	h := &Handout{From: strings.TrimPrefix(lines[1], "from "), To: strings.TrimPrefix(lines[2], "to ")}
	if !roster.ValidID(h.From) || !roster.ValidID(h.To) { // errors name them: a stranger can seal any text
		return nil, errors.New("lines 2 and 3: want \"from\" and \"to\", with ids of reviewers")
	}
	var err error
	sequence, hash, _ := strings.Cut(strings.TrimPrefix(lines[3], "roster "), " ")
	if h.Roster, err = strconv.ParseUint(sequence, 10, 64); err != nil {
		return nil, errors.New("line 4: want \"roster\", a number and a hash")
	}
	if h.RosterHash, err = roster.ParseHash(hash); err != nil {
		return nil, fmt.Errorf("line 4: %w", err)
	}
	if len(lines) == headLines {
		return h, nil
	}
	number := headLines
	for line := range strings.SplitSeq(lines[headLines], "\n") {
		number++
		if err := h.parseItem(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return h, nil
}

func (h *Handout) parseItem(line string) error {
	fields := strings.SplitN(line, " ", 6)
	if len(fields) != 5 || fields[0] != "item" || len(h.Items) == MaxItems {
		return errors.New("want \"item\" with an id, a roster, a slot and shares, and not too many of them")
	}
	id, err := receipt.ParseItemID(fields[1])
	if err != nil {
		return err
	}
	if n := len(h.Items); n > 0 && cmp.Compare(h.Items[n-1].ID.String(), fields[1]) >= 0 {
		return errors.New("the items are not in order, or one stands twice")
	}
	sequence, err := strconv.ParseUint(fields[2], 10, 64)
	slot, slotErr := strconv.Atoi(fields[3])
	if cmp.Or(err, slotErr) != nil || sequence == 0 || slot < 1 || slot > roster.MaxReviewers {
		return errors.New("want a roster and a slot, from 1")
	}
	shares, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil || len(shares) != item.ShareSize && len(shares) != 2*item.ShareSize {
		return errors.New("the shares are damaged")
	}
	h.Items = append(h.Items, Item{ID: id, Roster: sequence, Handed: item.Handed{Slot: slot - 1, Shares: shares}})
	return nil
}
