package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/share"
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

// Errors that a caller acts on.
var (
	// ErrColleague is returned for somebody whom shares cannot be handed to: not on
	// the newest roster, or oneself.
	ErrColleague = errors.New("no colleague of that id on the newest roster")
)

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

// Shared says what a file of shares has, and what it leaves out.
type Shared struct {
	Items   int
	Deleted int // by their reporters, says the server
	Kept    int // open here, and kept from the colleague by their reporters
	More    int // the oldest: the file is full
}

// Share writes, to one colleague, what this desk has of every item that the
// colleague has a slot of and that opens with several: those that wait, and those
// that are open here. It returns [ErrColleague], [ErrNothing], [ErrNotOnRoster] or
// [roster.ErrNoRecipients].
func (d *Desk) Share(to string, w io.Writer) (Shared, error) {
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
	sum, err := d.gather(h, colleague)
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

// gather fills a handout, the newest batches first.
func (d *Desk) gather(h *share.Handout, colleague roster.Reviewer) (sum Shared, err error) {
	for _, p := range d.pieces() {
		switch {
		case !d.rosters[p.roster].Has(colleague):
			continue
		case p.deleted:
			sum.Deleted++
			continue
		case slices.Contains(p.keptFrom, colleague.ID):
			sum.Kept++
			continue
		case len(h.Items) == share.MaxItems:
			sum.More++
			continue
		}
		handed, err := p.handed()
		if err != nil {
			return sum, err
		}
		h.Items = append(h.Items, handed)
	}
	sum.Items = len(h.Items)
	return sum, nil
}

// A piece is what this desk can hand over of one item.
type piece struct {
	roster, batch uint64
	deleted       bool
	keptFrom      []string
	handed        func() (share.Item, error)
}

// pieces returns all of them, those of the newest batches first.
func (d *Desk) pieces() []piece {
	var all []piece
	for _, w := range d.index.Waiting {
		all = append(all, piece{
			roster: w.Roster, batch: w.Batch, deleted: w.Token != "",
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

// A Joined says what a file of shares brought.
type Joined struct {
	From    roster.Reviewer
	Report  *Report
	Taken   int // shares of items that wait here
	Unknown int // of items that are not here, or do not wait
	Refused int // that do not fit the sender's place on the item's roster
}

// Join takes in a file of shares that a colleague made, and opens what opens with
// it. It returns [share.ErrNotMine], [share.ErrSender], [share.ErrSignature] or
// [ErrNothing], and then the desk is as it was.
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
	return j, im.commit()
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
	signed := im.rosters[w.Roster]
	if i.Roster != w.Roster || i.Slot >= len(signed.Reviewers) || !sameReviewer(signed.Reviewers[i.Slot], j.From) ||
		len(i.Shares) != item.HandedSize(signed.Quorum) {
		j.Refused++
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

func sameReviewer(a, b roster.Reviewer) bool {
	return a.ID == b.ID && a.Key.Public().Equal(b.Key.Public())
}

// try opens an item with all shares at hand, and judges it as if it had come now.
func (im *importer) try(ctx context.Context, w *Waiting, k *caseKey) error {
	q := im.rosters[w.Roster].Quorum
	own, err := im.desk.parts(w)
	if err != nil {
		return err
	}
	var others []item.Handed
	for _, s := range w.Shares {
		shares, err := k.open(s.Sealed, item.HandedSize(q))
		if err != nil {
			return fmt.Errorf("opening item %s: %w", w.ID, err)
		}
		others = append(others, item.Handed{Slot: s.Slot, Shares: []byte(shares)})
	}
	e, err := item.Join(q, own, others, opensFile(im.desk.path("items", w.ID, "payload.age")))
	if errors.Is(err, item.ErrNotYet) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := w.parcel(e, len(im.rosters[w.Roster].Reviewers))
	if err != nil {
		return err
	}
	p.handed = own.Handed.Shares
	im.release(w, p.id)
	return im.admit(ctx, p, func(int) {})
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
