package desk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// A Waiting item was sealed under a quorum and does not open with what the desk
// has. It may be for others, or for nobody: no desk can tell before it opens. Its
// files are with those of all items.
type Waiting struct {
	ID      string `json:"id"`
	Roster  uint64 `json:"roster"`
	Batch   uint64 `json:"batch"`
	Week    string `json:"week"` // of the batch
	Payload string `json:"payload"`
	Size    int64  `json:"size"`
	Digest  string `json:"digest"`
	Proof   string `json:"proof"`           // of deletion: what the list says
	Token   string `json:"token,omitempty"` // that has this hash, if it came: proves nothing before the item opens
	// Its week's secret may go while it waits, so what was in the slot is kept
	// under a case key of its own.
	Case   string      `json:"case"`
	Secret []byte      `json:"secret"`
	Shares []keptShare `json:"shares,omitempty"` // of colleagues, by slot
}

// A keptShare is what a colleague handed over, sealed as the own parts are.
type keptShare struct {
	Slot   int    `json:"slot"` // from 0
	Sealed []byte `json:"sealed"`
}

// errWaits is returned when an item needs colleagues to open.
type errWaits struct{ parts item.Parts }

func (*errWaits) Error() string { return "it opens with shares of colleagues, or not at all" }

// Pending returns how many items wait for shares of colleagues.
func (d *Desk) Pending() int { return len(d.index.Waiting) }

// waiting returns the entry of an item, or nil.
func (x *index) waiting(id string) *Waiting {
	at, ok := slices.BinarySearchFunc(x.Waiting, id, func(w *Waiting, id string) int { return strings.Compare(w.ID, id) })
	if !ok {
		return nil
	}
	return x.Waiting[at]
}

// wait keeps an item that does not open yet.
func (im *importer) wait(p *parcel, parts item.Parts) error {
	k, err := im.desk.newCase(p.id.String())
	if err != nil {
		return err
	}
	secret, err := k.seal(string(parts.Own) + string(parts.Handed.Shares))
	if err != nil {
		return err
	}
	im.cases[p.id.String()] = k
	im.next.Waiting = append(im.next.Waiting, &Waiting{
		ID: p.id.String(), Roster: p.roster, Batch: p.batch.Sequence, Week: p.batch.Week,
		Payload: p.payload.String(), Size: p.size, Digest: p.digest, Proof: im.proofs[p.id].String(),
		Case: k.name, Secret: secret,
	})
	slices.SortFunc(im.next.Waiting, func(a, b *Waiting) int { return strings.Compare(a.ID, b.ID) })
	im.unlist(p.id.String())
	im.items[p.id.String()] = p.payload.String()
	im.moves = append(im.moves, move{p, "items"})
	im.report.Waits++
	return nil
}

// burnWaiting notes tokens that came for items that wait. What they prove is seen
// when an item opens: before that the hash is the server's word alone.
func (im *importer) burnWaiting() {
	for _, w := range im.next.Waiting {
		id, err := receipt.ParseItemID(w.ID)
		token, burned := im.staged.burned[id]
		if err != nil || !burned {
			continue
		}
		if hash := token.Hash(); roster.Hash(hash).String() == w.Proof {
			w.Token = hex.EncodeToString(token[:])
		}
	}
}

// openParts opens this reviewer's slot of an item under a quorum. It returns
// an errWaits, or E if nobody else is needed.
func (r *reading) openParts(slot []byte, number int) (*hybrid.Identity, error) {
	q := r.signed.Quorum
	parts, err := item.Parts{}, error(hybrid.ErrNoMatch) // when all weeks are destroyed
	if ids := r.keys.SlotIdentities(); len(ids) > 0 {
		parts, err = item.OpenParts(q, slot, number, ids...)
	}
	if err != nil {
		return nil, err
	}
	e, err := item.Join(q, parts, nil, opensFile(filepath.Join(r.folder, "payload.age")))
	if errors.Is(err, item.ErrNotYet) {
		return nil, &errWaits{parts}
	}
	r.handed = parts.Handed.Shares
	return e, err
}

// parts opens what was in this reviewer's slot.
func (d *Desk) parts(w *Waiting) (item.Parts, error) {
	signed := d.rosters[w.Roster]
	_, slot, ok := signed.Reviewer(d.keys.Line.ID)
	if !ok {
		return item.Parts{}, fmt.Errorf("opening item %s: %w", w.ID, ErrDamaged)
	}
	k, err := d.openCase(w.Case, w.ID)
	if err != nil {
		return item.Parts{}, fmt.Errorf("opening item %s: %w", w.ID, err)
	}
	plain, err := k.open(w.Secret, item.ShareSize+item.HandedSize(signed.Quorum))
	if err != nil {
		return item.Parts{}, fmt.Errorf("opening item %s: %w", w.ID, err)
	}
	return item.Parts{
		Own:    []byte(plain[:item.ShareSize]),
		Handed: item.Handed{Slot: slot, Shares: []byte(plain[item.ShareSize:])},
	}, nil
}

// checkWaiting holds what is relied on of items that wait.
func (x *index) checkWaiting() error {
	before := ""
	for _, w := range x.Waiting {
		if w == nil || w.ID <= before || !validCase(w.Case) {
			return errors.New("the items that wait are not in order")
		}
		before = w.ID
		if _, err := receipt.ParseItemID(w.ID); err != nil {
			return err
		}
		for _, hash := range []string{w.Payload, w.Proof, w.Digest} {
			if _, err := roster.ParseHash(hash); err != nil {
				return err
			}
		}
		if _, err := week.Parse(w.Week); err != nil {
			return err
		}
		slot := -1
		for _, s := range w.Shares {
			if s.Slot <= slot {
				return errors.New("the shares are not in order")
			}
			slot = s.Slot
		}
		if !slices.ContainsFunc(x.Rosters, func(r rosterEntry) bool { return r.Sequence == w.Roster }) {
			return errors.New("an item waits of an unknown roster")
		}
	}
	return nil
}
