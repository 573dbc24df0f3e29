package item

import (
	"crypto/rand"
	"fmt"
	"io"

	"saksi/crypto/hybrid"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A Hollow item has the outside of an item without attachment, and nothing
// inside: its slots hold random bytes, as those of excluded reviewers do, and its
// payload is sealed to an identity that was thrown away. Nobody can open it,
// neither its maker nor all reviewers together. So nobody can tell it from an
// item that was sealed to others.
type Hollow struct {
	ID     receipt.ItemID
	Burn   [32]byte // SHA-256 of a token that nobody has
	Roster uint64
	Slots  [][]byte
	Size   int64 // of payload.age

	payload *hybrid.Recipient
}

// Decoy makes a hollow item for a circle.
func Decoy(circle *roster.Circle) (*Hollow, error) {
	plains, err := hollowPlains(circle)
	if err != nil {
		return nil, fmt.Errorf("making decoy: %w", err)
	}
	throwaway, err := hybrid.Generate()
	if err != nil {
		return nil, err
	}
	var token receipt.Secret
	rand.Read(token[:])
	h := &Hollow{
		Burn: token.Hash(), Roster: circle.Sequence, Size: PayloadSize(Floor), payload: throwaway.Recipient(),
	}
	rand.Read(h.ID[:])
	for i, key := range circle.Keys {
		slot, err := hybrid.SealBytes(plains[i], key)
		if err != nil {
			return nil, err
		}
		h.Slots = append(h.Slots, slot)
	}
	return h, nil
}

// hollowPlains is what the slots hold. Under a quorum all who may read an item
// have one P, which two of them could compare: so they have here, as if up to two
// others were excluded. What their shares join to is no identity.
func hollowPlains(circle *roster.Circle) ([][]byte, error) {
	secret := make([]byte, ShareSize)
	rand.Read(secret)
	somewhere := roster.Province(circle.Reviewers[randomBelow(len(circle.Reviewers))].Region)
	plains, err := split(secret, circle.Quorum, circle.Outside(somewhere))
	if err != nil {
		return nil, err
	}
	if circle.Quorum.Alone() { // a string that all have would be a secret that opens nothing
		for _, plain := range plains {
			rand.Read(plain)
		}
	}
	// Never so many that those who are left are no quorum: no item is like that.
	var withheld []string
	for range randomBelow(3) {
		i := randomBelow(len(plains))
		more := append(withheld, circle.Reviewers[i].ID)
		if (Readers{Withheld: more, Province: somewhere}).Check(circle) == nil {
			withheld = more
			rand.Read(plains[i])
		}
	}
	return plains, nil
}

// randomBelow draws a number from 0 to n-1, n at most 256; which of them come a
// little oftener does not matter here.
func randomBelow(n int) int {
	var b [2]byte
	rand.Read(b[:])
	return (int(b[0])<<8 | int(b[1])) % n
}

// WriteTo writes payload.age, Size bytes of it. Zeros will do: whoever could tell
// them from a tar would have to open the file.
func (h *Hollow) WriteTo(dst io.Writer) (int64, error) {
	count := &countingWriter{w: dst}
	sealed, err := hybrid.Seal(count, h.payload)
	if err != nil {
		return count.n, err
	}
	if _, err := io.CopyN(sealed, zeros{}, Floor); err != nil {
		return count.n, fmt.Errorf("sealing decoy: %w", err)
	}
	if err := sealed.Close(); err != nil {
		return count.n, fmt.Errorf("sealing decoy: %w", err)
	}
	return count.n, nil
}
