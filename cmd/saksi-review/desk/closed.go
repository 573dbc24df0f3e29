package desk

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"

	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// Why this reviewer's slot of an item does not open. The three are told apart by what
// the desk has of the weeks of the item's roster: a slot does not say in which of them
// it was sealed.
const (
	// reasonForeign: the desk has the secrets of all of them.
	reasonForeign setApart = "this reviewer's slot is not sealed to this reviewer"
	// reasonLost: the secret of one is not here, and was not destroyed here either.
	reasonLost setApart = "the secret of a week in which it may have been sealed is not in the weeks file here"
)

// errLost is returned for reasonLost.
type errLost struct {
	setApart
	hold bool // it is a week in which what honest people send with this batch is sealed
}

// A keptItem is what has to be known of an item that lies apart and opens when a weeks
// file is found.
type keptItem struct {
	Roster  uint64 `json:"roster"`
	Payload string `json:"payload"`
	Size    int64  `json:"size"`
	Slots   int    `json:"slots"`
	Proof   string `json:"proof"`           // of deletion: what the list says
	Token   string `json:"token,omitempty"` // that has this hash, if it came
}

// keep returns what has to be known of a parcel that may open one day.
func (im *importer) keep(p *parcel) *keptItem {
	return &keptItem{
		Roster: p.roster, Payload: p.payload.String(), Size: p.size, Slots: p.slots, Proof: im.proofs[p.id].String(),
	}
}

// mayOpen reports whether an item that was judged before may open now: nothing was
// wrong with it but that no secret here opened its slot.
func (x *index) mayOpen(id, digest string) bool {
	a := x.apart(id)
	return a != nil && a.Digest == digest && (a.Late || a.Kept != nil || a.Reason == string(reasonForeign))
}

// first returns what lies apart under an id with another content than this, and may
// open, or nil. A server knows all ids, and could list one that lies closed once more, to
// have the desk destroy what came first. So what is new gives way: always where a
// secret is lost, as the server can seal something that opens under any id; where the
// slot was found to be somebody else's, unless the new one opens.
func (x *index) first(id, digest string) *Apart {
	a := x.apart(id)
	if a == nil || a.Kept == nil || a.Digest == digest {
		return nil
	}
	return a
}

// anotherContent is said of an item that is listed twice, and not as it was.
const anotherContent = "batch %d lists item %s with another content: the desk keeps the first"

func (im *importer) warnOfAnother(p *parcel) { im.warn(anotherContent, p.batch.Sequence, p.id) }

// closed reports whether err says of an item that it goes into no thread now. Other
// errors are of the desk itself.
func closed(err error) bool {
	var reason setApart
	return errors.As(err, &reason) || errors.As(err, new(*errWaits)) || errors.As(err, new(*errLost)) ||
		errors.Is(err, errLate) || errors.Is(err, errNotOurs)
}

// An ownWeek is a week of a roster, and whom this reviewer's slot is sealed to in it.
type ownWeek struct {
	week      week.Week
	recipient string // SHA-256; empty where the recipients file is not here
}

// ownWeeks returns those of a roster on which the reviewer stands.
func (im *importer) ownWeeks(sequence uint64) []ownWeek {
	if weeks, known := im.weeks[sequence]; known {
		return weeks
	}
	var weeks []ownWeek
	signed := im.rosters[sequence]
	_, n, _ := signed.Reviewer(im.desk.keys.Line.ID)
	for _, p := range signed.Recipients {
		recipient := im.ownRecipient(p.File, n)
		for w := p.From; !p.To.Before(w); w = w.Add(1) {
			weeks = append(weeks, ownWeek{w, recipient})
		}
	}
	im.weeks[sequence] = weeks
	return weeks
}

// ownRecipient returns the hash of the n-th recipient of a file, if the file is here.
func (im *importer) ownRecipient(file roster.Hash, n int) string {
	text, brought := im.staged.recipients[file]
	if !brought {
		var err error
		text, err = readFile(im.desk.path("rosters", file.String()+roster.RecipientsSuffix), maxRecipients)
		if err != nil {
			return ""
		}
	}
	r, err := roster.ParseRecipients(string(text))
	if err != nil || n >= len(r.Keys) {
		return ""
	}
	return hashOf([]byte(r.Keys[n].String()))
}

// recipientHash names a term without its secret.
func recipientHash(t reviewer.Term) string { return hashOf([]byte(t.Identity.Recipient().String())) }

// has reports whether the desk has the secret of a week.
func (w ownWeek) has(keys *reviewer.Keys) bool {
	t, ok := keys.Term(w.week)
	return ok && (w.recipient == "" || w.recipient == recipientHash(t))
}

// destroyedIn reports whether this desk destroyed the secret of a week.
func (w ownWeek) destroyedIn(destroyed []span) bool {
	return slices.ContainsFunc(destroyed, func(s span) bool {
		return s.overlaps(w.week, w.week) && (s.Recipient == "" || w.recipient == "" || s.Recipient == w.recipient)
	})
}

// whyClosed says why this reviewer's slot of an item does not open. It returns an
// errLost, errLate or a setApart.
func (im *importer) whyClosed(p *parcel) error {
	came := parseWeek(p.batch.Week)
	late, lost, hold := false, false, false
	for _, w := range im.ownWeeks(p.roster) {
		switch {
		case w.has(p.keys):
		case w.destroyedIn(im.next.Destroyed):
			late = true
		default:
			lost = true
			// What is closed into a batch was sealed in its week, or in the one before.
			hold = hold || w.week == came || w.week == came.Add(-1)
		}
	}
	switch {
	case lost:
		return &errLost{reasonLost, hold}
	case late:
		return errLate
	}
	return reasonForeign
}

// usable returns the reviewer's keys without terms that this desk destroyed. Somebody
// may have put an old copy of the weeks file back: what was too late stays closed.
func (im *importer) usable() *reviewer.Keys {
	keys := *im.desk.keys
	keys.Terms = slices.DeleteFunc(slices.Clone(keys.Terms), func(t reviewer.Term) bool {
		return ownWeek{t.From, recipientHash(t)}.destroyedIn(im.next.Destroyed)
	})
	return &keys
}

// judgeAnew judges anew what lies apart because no secret of this desk opened it, as soon
// as there is one that was not tried: the weeks file was found, perhaps.
func (im *importer) judgeAnew(ctx context.Context) error {
	var terms []string
	anew := false
	for _, t := range im.usable().Terms {
		hash := recipientHash(t)
		terms, anew = append(terms, hash), anew || !slices.Contains(im.next.Tried, hash)
	}
	if !anew {
		im.next.Tried = terms
		return nil
	}
	allWhole := true
	for _, a := range slices.Clone(im.next.Apart) {
		p, err := im.keptParcel(a)
		if err != nil {
			return err
		}
		if p == nil || im.items[a.ID] != "" {
			continue
		}
		if came := im.parcels[p.parcelKey]; came != nil && came.digest == p.digest {
			continue // it was judged just now
		}
		whole, err := im.isWhole(ctx, p)
		if allWhole = allWhole && whole; err == nil && whole {
			err = im.admit(ctx, p, func(int) {})
		}
		if err != nil {
			return err
		}
	}
	if allWhole { // else what is put back is tried with them
		im.next.Tried = terms
	}
	return nil
}

// keptParcel returns an item that lies apart as it came, or nil if its files are not
// there, or nothing could open it.
func (im *importer) keptParcel(a Apart) (*parcel, error) {
	if a.Kept == nil {
		return nil, nil
	}
	id, err := receipt.ParseItemID(a.ID)
	if err != nil {
		return nil, err
	}
	payload, err := roster.ParseHash(a.Kept.Payload)
	if err != nil {
		return nil, err
	}
	p := &parcel{
		parcelKey: parcelKey{roster: a.Kept.Roster, id: id}, batch: im.next.batch(a.Batch), digest: a.Digest,
		payload: payload, size: a.Kept.Size, slots: a.Kept.Slots, apart: true,
	}
	if _, err := os.Stat(im.folderOf(p)); errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("looking for item %s: %w", a.ID, err)
	}
	if proof, err := roster.ParseHash(a.Kept.Proof); err == nil && im.proofs[id] == (roster.Hash{}) {
		im.proofs[id] = proof
	}
	if token, err := hex.DecodeString(a.Kept.Token); err == nil && len(token) == len(receipt.Secret{}) {
		im.staged.burned[id] = receipt.Secret(token)
	}
	return p, nil
}

// burnApart notes tokens that came for items that lie apart and may open.
func (im *importer) burnApart() {
	for _, a := range im.next.Apart {
		id, err := receipt.ParseItemID(a.ID)
		token, burned := im.staged.burned[id]
		if err != nil || !burned || a.Kept == nil {
			continue
		}
		if hash := token.Hash(); roster.Hash(hash).String() == a.Kept.Proof {
			a.Kept.Token = hex.EncodeToString(token[:])
		}
	}
}

// HoldAtMost is for how many weeks a batch is not acknowledged because of an item
// that a weeks file would open which is not here. Were there no end, the server would
// bring everything since to a desk that lost the file for good.
const HoldAtMost = DefaultGrace

// endOfHolding lets batches be acknowledged whose time for it is over, and says what
// still lies closed. Their items stay where they are.
func (im *importer) endOfHolding() {
	held := 0
	now, agreed := im.agreedWeek()
	for i := range im.next.Apart {
		a := &im.next.Apart[i]
		if a.Hold && agreed && parseWeek(im.next.batch(a.Batch).Week).Add(HoldAtMost).Before(now) {
			a.Hold = false
		}
		if a.Hold {
			held++
		}
	}
	if held > 0 {
		im.warn("items that may open with secrets which the weeks file here does not have: %d. If there is another "+
			"weeks file, bring it back and open this bundle again: until then, and for %d weeks at most, "+
			"nothing from their batches on is acknowledged", held, HoldAtMost)
	}
}

// held returns the batches that are not acknowledged because of what lies apart.
func (x *index) held() map[uint64]bool {
	held := map[uint64]bool{}
	for _, a := range x.Apart {
		if a.Hold {
			held[a.Batch] = true
		}
	}
	return held
}

// checkKept holds what is relied on of an item that may open one day.
func (x *index) checkKept(a Apart) error {
	if a.Kept == nil {
		if a.Hold {
			return errors.New("an item that is not here holds up its batch")
		}
		return nil
	}
	for _, hash := range []string{a.Kept.Payload, a.Kept.Proof} {
		if _, err := roster.ParseHash(hash); err != nil {
			return err
		}
	}
	known := func(r rosterEntry) bool { return r.Sequence == a.Kept.Roster }
	if x.batch(a.Batch) == nil || !slices.ContainsFunc(x.Rosters, known) {
		return errors.New("an item lies apart of an unknown batch or roster")
	}
	return nil
}
