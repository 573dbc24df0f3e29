package desk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/share"
)

// A Joined says what a file of shares brought.
type Joined struct {
	From    roster.Reviewer
	Report  *Report
	Taken   int // shares of items that wait here
	Unknown int // of items that are not here, or do not wait
	Refused int // that do not fit the sender's place on the item's roster
	Another int // of items that wait here under another roster: the server listed them under both
}

// Join takes in a file of shares that a colleague made, and opens what opens with
// it. It returns [share.ErrNotMine], [share.ErrSender], [share.ErrSignature] or
// [ErrNothing], and then the desk is as it was; or [ErrTakenIn], with what it says.
func (d *Desk) Join(ctx context.Context, file []byte) (*Joined, error) {
	if d.newest() == nil {
		return nil, fmt.Errorf("taking shares: %w", ErrNothing)
	}
	h, err := share.Open(file, d.keys.Line.ID, rosterSet{d}, d.keys.SlotIdentities()...)
	if err != nil {
		return nil, err
	}
	im := d.joining()
	j := &Joined{Report: im.report}
	j.From, _, _ = d.newest().Reviewer(h.From)
	for _, i := range h.Items {
		if err := im.takeShare(ctx, j, i); err != nil {
			return nil, err
		}
	}
	im.burn()
	if err := im.acknowledge(); err != nil {
		return nil, err
	}
	err = im.commit()
	if err != nil && !errors.Is(err, ErrTakenIn) {
		return nil, err
	}
	j.Report.Names = d.Names()
	return j, err
}

// joining is an import without a bundle.
func (d *Desk) joining() *importer {
	im := newImporter(d, &staging{burned: map[receipt.ItemID]receipt.Secret{}})
	im.rosters, im.newest = d.rosters, d.newest()
	im.recall()
	return im
}

// takeShare adds one share to its item, and opens the item if it opens now.
func (im *importer) takeShare(ctx context.Context, j *Joined, i share.Item) error {
	w := im.next.waiting(i.ID.String())
	if w == nil {
		j.Unknown++
		return nil
	}
	switch signed := im.rosters[i.Roster]; {
	case signed != nil && !fits(i, signed, j.From):
		j.Refused++
		return nil
	case i.Roster != w.Roster: // that is no fault of the sender's
		j.Another++
		return nil
	}
	if _, err := im.desk.parts(w); errors.Is(err, ErrNoCase) {
		im.warn("item %s waits, and the key of its case is not on this desk, or damaged: shares of it are of no use "+
			"here before a copy of the desk's folder is brought back", w.ID)
		return nil
	}
	k, err := im.desk.openCase(w.Case, w.ID)
	if err != nil {
		return err
	}
	sealed, err := k.seal(string(i.Shares))
	if err != nil {
		return err
	}
	w.Shares = slices.DeleteFunc(w.Shares, func(s keptShare) bool { return s.Slot == i.Slot })
	w.Shares = append(w.Shares, keptShare{i.Slot, sealed})
	slices.SortFunc(w.Shares, func(a, b keptShare) int { return a.Slot - b.Slot })
	j.Taken++
	return im.try(ctx, w, k)
}

// fits reports whether a share is the sender's by the roster that it names.
func fits(i share.Item, signed *roster.Signed, from roster.Reviewer) bool {
	return i.Slot < len(signed.Reviewers) && sameReviewer(signed.Reviewers[i.Slot], from) &&
		len(i.Shares) == item.HandedSize(signed.Quorum)
}

func sameReviewer(a, b roster.Reviewer) bool {
	return a.ID == b.ID && a.Key.Public().Equal(b.Key.Public())
}

// try opens an item with all shares at hand, and judges it as if it had come now: if its
// files are as they came. Those that a disk damaged would pass for forged by its
// reporter, and what opens them would end with that.
func (im *importer) try(ctx context.Context, w *Waiting, k *caseKey) error {
	own, err := im.desk.parts(w)
	if err != nil {
		return err
	}
	q := im.rosters[w.Roster].Quorum
	others, err := w.handed(k, item.HandedSize(q))
	if err != nil {
		return err
	}
	joined, opens := false, opensFile(im.desk.path("items", w.ID, "payload.age"))
	e, err := item.Join(q, own, others, func(e *hybrid.Identity) bool { joined = true; return opens(e) })
	if err != nil && !errors.Is(err, item.ErrNotYet) {
		return err
	}
	if !joined {
		return nil
	}
	p, damage := w.parcel(e, len(im.rosters[w.Roster].Reviewers))
	if damage != nil {
		return damage
	}
	whole, damage := im.isWhole(ctx, p)
	switch {
	case damage != nil:
		return damage
	case err != nil || !whole: // somebody bent a share, or a disk the item
		return nil
	}
	p.handed = own.Handed.Shares
	im.release(w, p.id)
	return im.admit(ctx, p, func(int) {})
}

// handed returns what colleagues handed over of an item.
func (w *Waiting) handed(k *caseKey, size int) (others []item.Handed, err error) {
	for _, s := range w.Shares {
		shares, err := k.open(s.Sealed, size)
		if err != nil {
			return nil, fmt.Errorf("opening item %s: %w", w.ID, err)
		}
		others = append(others, item.Handed{Slot: s.Slot, Shares: []byte(shares)})
	}
	return others, nil
}

// opensFile reports whether an identity opens a payload: shares that somebody bent
// can join to one that does not.
func opensFile(path string) func(*hybrid.Identity) bool {
	return func(e *hybrid.Identity) bool {
		f, err := os.Open(path)
		if err != nil {
			return false
		}
		defer f.Close()
		_, err = hybrid.Open(f, e)
		return err == nil
	}
}

// release takes an item out of those that wait, with what is known of it.
func (im *importer) release(w *Waiting, id receipt.ItemID) {
	im.next.Waiting = slices.DeleteFunc(im.next.Waiting, func(other *Waiting) bool { return other.ID == w.ID })
	delete(im.items, w.ID)
	if proof, err := roster.ParseHash(w.Proof); err == nil {
		im.proofs[id] = proof
	}
	if token, err := hex.DecodeString(w.Token); err == nil && len(token) == len(receipt.Secret{}) {
		im.staged.burned[id] = receipt.Secret(token)
	}
}

// parcel returns the item as it came, but on the desk and with what opens it.
func (w *Waiting) parcel(e *hybrid.Identity, slots int) (*parcel, error) {
	id, err := receipt.ParseItemID(w.ID)
	if err != nil {
		return nil, err
	}
	payload, err := roster.ParseHash(w.Payload)
	return &parcel{
		parcelKey: parcelKey{roster: w.Roster, id: id}, batch: &batchEntry{Sequence: w.Batch, Week: w.Week},
		digest: w.Digest, payload: payload, size: w.Size, slots: slots, kept: true, e: e,
		waited: w.Case,
	}, err
}

// rosterSet answers for the rosters of a desk.
type rosterSet struct{ d *Desk }

// At implements [reply.Rosters].
func (r rosterSet) At(sequence uint64) (*roster.Signed, bool) {
	signed, ok := r.d.rosters[sequence]
	return signed, ok
}

// Newest implements [reply.Rosters].
func (r rosterSet) Newest() *roster.Signed { return r.d.newest() }
