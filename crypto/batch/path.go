package batch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"saksi/crypto/canary"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A Kind is what a member of a bundle is.
type Kind int

// The kinds, in the order that they have in a bundle.
const (
	BatchNote Kind = iota
	BatchSums
	RosterNote
	RecipientsFile
	Canary
	Payload
	Slot
	BurnMark
	ExpiryMark
)

// summed reports whether a member of this kind stands in SHA256SUMS.
func (k Kind) summed() bool {
	return k == RosterNote || k == RecipientsFile || k == Canary || k == Payload || k == Slot || k == BurnMark
}

// A Path names one member of a bundle.
type Path struct {
	Kind     Kind
	Sequence uint64         // of an earlier batch, or of a roster; 0 for the newest batch
	ID       receipt.ItemID // of an item
	Slot     int            // from 0
	File     roster.Hash    // of a recipients file
	Month    canary.Month   // of a canary
	Reviewer string         // to whom a canary is sealed
}

// String writes the path in its one spelling.
func (p Path) String() string {
	switch p.Kind {
	case BatchNote:
		return p.folder() + "BATCH.note"
	case BatchSums:
		return p.folder() + "SHA256SUMS"
	case RosterNote:
		return fmt.Sprintf("rosters/%d.note", p.Sequence)
	case RecipientsFile:
		return fmt.Sprintf("rosters/%s%s", p.File, roster.RecipientsSuffix)
	case Canary:
		return fmt.Sprintf("canary/%s/%s.age", p.Month, p.Reviewer)
	case Payload:
		return fmt.Sprintf("items/%d/%s/payload.age", p.Sequence, p.ID)
	case Slot:
		return fmt.Sprintf("items/%d/%s/slots/%03d.age", p.Sequence, p.ID, p.Slot+1)
	case BurnMark:
		return "gone/" + p.ID.String()
	case ExpiryMark:
		return "expired/" + p.ID.String()
	default:
		panic("batch: internal error: unknown kind of path")
	}
}

func (p Path) folder() string {
	if p.Sequence == 0 {
		return ""
	}
	return fmt.Sprintf("batches/%d/", p.Sequence)
}

// maxPath bounds a path, in bytes: it is that of a ustar header's name. The
// longest path of a bundle has 83.
const maxPath = 100

// ParsePath reads what String wrote. Nothing else gets through: no parent
// folder, no root, no second spelling.
func ParsePath(s string) (Path, error) {
	if len(s) > maxPath {
		return Path{}, fmt.Errorf("parsing path: %d bytes: not a member of a bundle", len(s))
	}
	parts := strings.Split(s, "/")
	p, err := parsePath(parts, len(parts))
	if err != nil || p.String() != s {
		return Path{}, fmt.Errorf("parsing path %.40q: not a member of a bundle", s)
	}
	return p, nil
}

func parsePath(parts []string, n int) (p Path, err error) {
	switch {
	case n == 1:
		p.Kind = batchKind(parts[0])
	case n == 3 && parts[0] == "batches":
		p.Kind = batchKind(parts[2])
		p.Sequence, err = parseSequence(parts[1])
	case n == 2 && parts[0] == "rosters" && strings.HasSuffix(parts[1], ".note"):
		p.Kind = RosterNote
		p.Sequence, err = parseSequence(strings.TrimSuffix(parts[1], ".note"))
	case n == 2 && parts[0] == "rosters":
		p.Kind = RecipientsFile
		p.File, err = roster.ParseHash(strings.TrimSuffix(parts[1], roster.RecipientsSuffix))
	case n == 2 && (parts[0] == "gone" || parts[0] == "expired"):
		p.Kind = map[string]Kind{"gone": BurnMark, "expired": ExpiryMark}[parts[0]]
		p.ID, err = receipt.ParseItemID(parts[1])
	case n == 3 && parts[0] == "canary":
		p.Kind = Canary
		p.Reviewer = strings.TrimSuffix(parts[2], ".age")
		if p.Month, err = canary.ParseMonth(parts[1]); err == nil && !roster.ValidID(p.Reviewer) {
			err = strconv.ErrSyntax
		}
	case n >= 4 && parts[0] == "items":
		return parseItemPath(parts, n)
	default:
		err = strconv.ErrSyntax
	}
	return p, err
}

// parseSequence reads the number of a batch or a roster, which begin at 1.
func parseSequence(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}

func parseItemPath(parts []string, n int) (p Path, err error) {
	p.Kind = Payload
	if n == 5 {
		p.Kind = Slot
		number, err := strconv.Atoi(strings.TrimSuffix(parts[4], ".age"))
		if err != nil || number < 1 || number > 999 {
			return Path{}, strconv.ErrSyntax
		}
		p.Slot = number - 1
	}
	if p.Sequence, err = parseSequence(parts[1]); err != nil {
		return Path{}, err
	}
	p.ID, err = receipt.ParseItemID(parts[2])
	return p, err
}

func batchKind(name string) Kind {
	if name == "SHA256SUMS" {
		return BatchSums
	}
	return BatchNote
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
