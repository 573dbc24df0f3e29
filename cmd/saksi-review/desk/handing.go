package desk

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/share"
	"saksi/crypto/week"
)

// ErrColleague is returned for somebody whom shares cannot be handed to: not on
// the newest roster, or revoked there, or oneself.
var ErrColleague = errors.New("no colleague of that id on the newest roster")

// Shared says what a file of shares has, and what it leaves out.
type Shared struct {
	Items   int
	Deleted int // left out: open here, and their reporters proved to have deleted them
	Claimed int // among Items: the server says that they were deleted, and nobody can tell before they open
	Lost    int // left out: the keys of their cases are not on this desk, or damaged
	Kept    int // among Items: open here, and kept from the colleague by their reporters
	More    int // the oldest: the file is full, and the next part has them
}

// A Portion says which items a file of shares is about. A file holds [share.MaxItems],
// the newest first: without portions, whoever sends the drop more than that would keep
// all that is older from ever being handed over. The zero Portion is the first part of
// all batches.
type Portion struct {
	Batches Range // of these alone; all if both ends are 0
	Part    int   // which file's worth of them, the newest first, from 1; 0 is 1 too
}

// has reports whether items of a batch are in the portion.
func (p Portion) has(batch uint64) bool {
	return p.Batches == Range{} || p.Batches.From <= batch && batch <= p.Batches.To
}

// Share is [Desk.SharePortion] of the zero Portion.
func (d *Desk) Share(to string, w io.Writer) (Shared, error) { return d.SharePortion(to, Portion{}, w) }

// SharePortion writes, to one colleague, what this desk has of every item of a portion
// that the colleague has a slot of and that opens with several: those that wait, and
// those that are open here. What its reporter keeps from the colleague is among them:
// without P its shares open nothing, and left out it would tell that it is no decoy and
// for others. It returns [ErrColleague], [ErrNothing], [ErrNotOnRoster] or
// [roster.ErrNoRecipients].
func (d *Desk) SharePortion(to string, portion Portion, w io.Writer) (Shared, error) {
	newest := d.newest()
	if newest == nil {
		return Shared{}, fmt.Errorf("handing over shares: %w", ErrNothing)
	}
	if err := d.standing(newest); err != nil {
		return Shared{}, err
	}
	colleague, n, ok := newest.Reviewer(to)
	if _, revoked := newest.VoidFrom(colleague.Key); !ok || revoked || to == d.keys.Line.ID {
		return Shared{}, fmt.Errorf("handing over shares to %.16q: %w", to, ErrColleague)
	}
	recipient, err := d.recipient(newest, n)
	if err != nil {
		return Shared{}, err
	}
	h := &share.Handout{From: d.keys.Line.ID, To: to, Roster: newest.Sequence, RosterHash: newest.Hash}
	sum, err := d.gather(h, colleague, portion, d.pieces())
	if err == nil && len(h.Items) == 0 {
		err = fmt.Errorf("handing over shares: %w", ErrNothing)
	}
	if err != nil {
		return sum, err
	}
	file, err := h.Seal(d.keys.Signer, recipient)
	if err != nil {
		return sum, err
	}
	_, err = w.Write(file)
	return sum, err
}

// gather fills a handout with pieces of a portion, in their order.
func (d *Desk) gather(
	h *share.Handout, colleague roster.Reviewer, portion Portion, pieces []piece,
) (sum Shared, err error) {
	before := max(portion.Part-1, 0) * share.MaxItems
	for _, p := range pieces {
		switch {
		case !portion.has(p.batch) || !d.rosters[p.roster].Has(colleague):
			continue
		case p.deleted:
			sum.Deleted++
			continue
		case before > 0: // in an earlier part
			before--
			continue
		case len(h.Items) == share.MaxItems:
			sum.More++
			continue
		}
		handed, err := p.handed()
		if errors.Is(err, ErrNoCase) {
			sum.Lost++
			continue
		}
		if err != nil {
			return sum, err
		}
		h.Items = append(h.Items, handed)
		if p.claimed {
			sum.Claimed++
		}
		if slices.Contains(p.keptFrom, colleague.ID) {
			sum.Kept++
		}
	}
	sum.Items = len(h.Items)
	return sum, nil
}

// A piece is what this desk can hand over of one item.
type piece struct {
	roster, batch uint64
	deleted       bool // proved against what its author signed
	claimed       bool // by the server, whose own hash it may be that its token fits
	keptFrom      []string
	handed        func() (share.Item, error)
}

// pieces returns all of them, those of the newest batches first.
func (d *Desk) pieces() []piece {
	var all []piece
	for _, w := range d.index.Waiting {
		all = append(all, piece{
			roster: w.Roster, batch: w.Batch, claimed: w.Token != "",
			handed: func() (share.Item, error) { return d.handed(w) },
		})
	}
	for _, t := range d.index.Threads {
		for _, i := range t.Items {
			if i.Handed != nil {
				all = append(all, piece{
					roster: i.Roster, batch: i.Batch, deleted: i.Deleted, keptFrom: i.KeptFrom,
					handed: func() (share.Item, error) { return d.handedOn(i) },
				})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b piece) int { return cmp.Compare(b.batch, a.batch) })
	return all
}

// handedOn returns what may leave the desk of an item that is open here.
func (d *Desk) handedOn(i *Item) (share.Item, error) {
	signed := d.rosters[i.Roster]
	_, slot, ok := signed.Reviewer(d.keys.Line.ID)
	id, err := receipt.ParseItemID(i.ID)
	if err != nil || !ok {
		return share.Item{}, fmt.Errorf("handing over item %s: %w", i.ID, ErrDamaged)
	}
	k, err := d.openCase(i.thread.Case, i.thread.Mailbox)
	if err != nil {
		return share.Item{}, fmt.Errorf("handing over item %s: %w", i.ID, err)
	}
	shares, err := k.open(i.Handed, item.HandedSize(signed.Quorum))
	if err != nil {
		return share.Item{}, fmt.Errorf("handing over item %s: %w", i.ID, err)
	}
	return share.Item{ID: id, Roster: i.Roster, Handed: item.Handed{Slot: slot, Shares: []byte(shares)}}, nil
}

// recipient returns whom shares for the n-th reviewer are sealed to this week.
func (d *Desk) recipient(newest *roster.Signed, n int) (*hybrid.Recipient, error) {
	files := map[roster.Hash]string{}
	if period, ok := newest.Period(week.Of(d.now())); ok {
		text, err := readFile(d.path("rosters", period.File.String()+roster.RecipientsSuffix), maxRecipients)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		files[period.File] = string(text)
	}
	circle, err := newest.CircleAt(d.now(), files)
	if err != nil {
		return nil, fmt.Errorf("handing over shares: %w", err)
	}
	return circle.Keys[n], nil
}

// handed returns what may leave the desk of an item.
func (d *Desk) handed(w *Waiting) (share.Item, error) {
	parts, err := d.parts(w)
	if err != nil {
		return share.Item{}, err
	}
	id, err := receipt.ParseItemID(w.ID)
	return share.Item{ID: id, Roster: w.Roster, Handed: parts.Handed}, err
}
