package parcel

import (
	"bytes"
	"fmt"

	"saksi/crypto/receipt"
)

const burnLabel = "saksi/v1/burn\n"

const (
	burnItemSize = len(receipt.ItemID{}) + len(receipt.Secret{})
	mailboxSize  = 32 + 32
	minBurn      = len(burnLabel) + 1 + 1
)

// MaxBurn is the size of the largest burn request, in bytes.
const MaxBurn = minBurn + receipt.MaxItems*burnItemSize + mailboxSize

// A BurnItem names an item with the token that deletes it.
type BurnItem struct {
	ID    receipt.ItemID
	Token receipt.Secret
}

// A Burn asks that items be deleted, and a mailbox be emptied.
type Burn struct {
	Items   []BurnItem
	Empty   bool // the mailbox too, which the next two name
	Token   receipt.Secret
	KeyHash [32]byte
}

// NewBurn returns what deletes these items of a code.
func NewBurn(code receipt.Code, numbers ...int) (b Burn) {
	for _, n := range numbers {
		b.Items = append(b.Items, BurnItem{ID: code.ItemID(n), Token: code.Burn(n)})
	}
	return b
}

// BurnAll returns what deletes everything of a code.
func BurnAll(code receipt.Code) Burn {
	keys := code.Keys()
	b := Burn{Empty: true, Token: keys.Token, KeyHash: keys.KeyHash()}
	for n, id := range code.ItemIDs() {
		b.Items = append(b.Items, BurnItem{ID: id, Token: code.Burn(n)})
	}
	return b
}

// Bytes returns the request as it travels. It panics if there are too many items.
func (b Burn) Bytes() []byte {
	if len(b.Items) > receipt.MaxItems {
		panic("parcel: internal error: too many items")
	}
	out := append([]byte(burnLabel), byte(len(b.Items)))
	for _, i := range b.Items {
		out = append(append(out, i.ID[:]...), i.Token[:]...)
	}
	out = appendFlag(out, b.Empty)
	if b.Empty {
		out = append(append(out, b.Token[:]...), b.KeyHash[:]...)
	}
	return out
}

// ParseBurn reads what Bytes wrote, or returns [ErrMalformed].
func ParseBurn(text []byte) (Burn, error) {
	rest, ok := bytes.CutPrefix(text, []byte(burnLabel))
	if !ok || len(text) < minBurn {
		return Burn{}, fmt.Errorf("reading burn request: %w", malformed("another label or length"))
	}
	f := &fields{rest: rest}
	count := int(f.next(1)[0])
	if count > receipt.MaxItems || len(f.rest) < count*burnItemSize+1 {
		return Burn{}, fmt.Errorf("reading burn request: %w", malformed("%d items", count))
	}
	var b Burn
	for range count {
		var i BurnItem
		f.take(i.ID[:])
		f.take(i.Token[:])
		b.Items = append(b.Items, i)
	}
	b.Empty = f.flag()
	if err := b.readMailbox(f); err != nil {
		return Burn{}, fmt.Errorf("reading burn request: %w", err)
	}
	return b, nil
}

// readMailbox reads what stands behind the flag.
func (b *Burn) readMailbox(f *fields) error {
	want := 0
	if b.Empty {
		want = mailboxSize
	}
	switch {
	case f.err != nil:
		return f.err
	case len(f.rest) != want:
		return malformed("%d bytes behind the flag", len(f.rest))
	case len(b.Items) == 0 && !b.Empty:
		return malformed("nothing to delete")
	case b.Empty:
		f.take(b.Token[:])
		f.take(b.KeyHash[:])
	}
	return nil
}
