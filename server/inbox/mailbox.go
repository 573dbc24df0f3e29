package inbox

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"sync"

	"saksi/crypto/hybrid"
	"saksi/crypto/outbox"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/server/store"
)

// States answers for all ids that one code can have, in weeks alone. The number of
// ids is fixed, so that a question tells nothing.
func (b *Inbox) States(ids [receipt.MaxItems]receipt.ItemID) ([receipt.MaxItems]parcel.State, error) {
	var answers [receipt.MaxItems]parcel.State
	states, err := b.Store.States(ids[:])
	if err != nil {
		return answers, err
	}
	carried, err := b.carriedUpTo()
	if err != nil {
		return answers, err
	}
	for i, s := range states {
		answers[i] = stand(s, carried)
	}
	return answers, nil
}

// carriedUpTo returns the newest batch that any desk has confirmed.
func (b *Inbox) carriedUpTo() (uint64, error) {
	acks, err := b.Store.Acknowledged()
	if err != nil {
		return 0, err
	}
	var newest uint64
	for _, sequence := range acks {
		newest = max(newest, sequence)
	}
	return newest, nil
}

func stand(s store.State, carried uint64) parcel.State {
	switch {
	case s.Gone != nil:
		stands := map[store.Reason]parcel.Stand{store.Expired: parcel.Expired, store.Lost: parcel.Lost}
		return parcel.State{Stand: cmp.Or(stands[s.Gone.Reason], parcel.Deleted), Week: s.Gone.Week}
	case s.Item == nil:
		return parcel.State{}
	}
	answer := parcel.State{Stand: parcel.Batched, Week: s.Item.Week, Until: until(*s.Item)}
	switch {
	case s.Item.Batch == 0:
		answer.Stand = parcel.Waiting
	case s.Item.Batch <= carried || s.Item.Batch == store.Retired:
		answer.Stand = parcel.Carried
	}
	return answer
}

// A Page is one page of a mailbox: always full. Entries that are no replies
// are files of the same size, sealed to nobody.
type Page [PageEntries][]byte

// Mailbox returns a page of the mailbox that token and key hash name. Every page
// of every mailbox exists. The replies stand in turns: the newest of each
// reviewer come first, then the second newest of each, and so on.
func (b *Inbox) Mailbox(token receipt.Secret, keyHash [32]byte, page int) (Page, error) {
	entries, err := b.fillers()
	if err != nil {
		return Page{}, err
	}
	replies, err := b.page(receipt.MailboxOf(token.Hash(), keyHash), page)
	if err != nil {
		return Page{}, err
	}
	for i, r := range replies {
		entries[i] = r.Sealed
	}
	return entries, nil
}

// Ends reports whether no page behind this one has a reply.
func (b *Inbox) Ends(token receipt.Secret, keyHash [32]byte, page int) (ends bool, err error) {
	_, err = b.Store.Replies(receipt.MailboxOf(token.Hash(), keyHash), func(heads []store.ReplyHead) []int {
		ends = len(heads) <= (page+1)*PageEntries
		return nil
	})
	return ends, err
}

// turns is how many of a mailbox's newest replies are put in turns: what one
// reviewer can write in twelve weeks of daily batches. By then a flood is known.
const turns = 12 * 7 * MaxRepliesPerBatch

// page returns the replies of a page. In the order of their arrival a single
// reviewer, whose answers nobody but the reporter can tell from garbage, would
// push those of all others pages back in a week; in turns he pushes back his own.
func (b *Inbox) page(m receipt.Mailbox, page int) ([]store.Reply, error) {
	return b.Store.Replies(m, func(heads []store.ReplyHead) []int {
		places := inTurns(heads[:min(turns, len(heads))])
		for place := len(places); place < len(heads); place++ {
			places = append(places, place)
		}
		from, to := page*PageEntries, (page+1)*PageEntries
		return places[min(from, len(places)):min(to, len(places))]
	})
}

// inTurns orders the places of replies, which come with the newest first.
func inTurns(heads []store.ReplyHead) []int {
	written := map[string]int{}
	var byTurn [][]int
	for place, h := range heads {
		turn := written[h.Reviewer]
		written[h.Reviewer]++
		if turn == len(byTurn) {
			byTurn = append(byTurn, nil)
		}
		byTurn[turn] = append(byTurn[turn], place)
	}
	return slices.Concat(byTurn...)
}

// fillers makes a page of entries that open for nobody. They are made whether
// needed or not, so that a full page takes no less time than an empty one.
func (b *Inbox) fillers() (Page, error) {
	var page Page
	var nothing [reply.PlainSize]byte
	for i := range page {
		sealed, err := hybrid.SealBytes(nothing[:], b.filler)
		if err != nil {
			return Page{}, fmt.Errorf("filling page: %w", err)
		}
		page[i] = sealed
	}
	return page, nil
}

// Empty deletes all replies of the mailbox that token and key hash name.
func (b *Inbox) Empty(token receipt.Secret, keyHash [32]byte) error {
	return b.Store.DeleteReplies(receipt.MailboxOf(token.Hash(), keyHash))
}

// Burn deletes an item whose burn token is given. It returns [ErrToken] for a token that
// does not fit, and [store.ErrUnknown] for an id never used, unless the disk has failed:
// then nobody knows. Burning twice changes nothing. What is on its way in is not kept,
// also after ErrUnknown: see [Inbox.Expect].
func (b *Inbox) Burn(id receipt.ItemID, token receipt.Secret) error {
	t := store.Tombstone{ID: id, Week: b.week(), Reason: store.Deleted, Proof: token}
	if b.arrivals.burn(id, token) {
		if err := b.Store.Bury(t); err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
	}
	states, err := b.Store.States([]receipt.ItemID{id})
	if err != nil {
		return err
	}
	if gone := states[0].Gone; gone != nil {
		return b.Store.Delete(*gone) // it may not have come to its end
	}
	if states[0].Item == nil {
		return fmt.Errorf("burning item: %w", cmp.Or(b.Store.Sound(), store.ErrUnknown))
	}
	hash := token.Hash()
	if subtle.ConstantTimeCompare(hash[:], states[0].Item.Burn[:]) != 1 {
		return fmt.Errorf("burning item: %w", ErrToken)
	}
	return b.Store.Delete(t)
}

// Imported says what an outbox brought.
type Imported struct {
	Reviewer string `json:"reviewer"`
	Number   uint64 `json:"number"`
	Replies  int    `json:"replies"`  // new ones
	Known    int    `json:"known"`    // that were here before, deleted ones included
	Crowded  int    `json:"crowded"`  // refused: too many from one reviewer in one mailbox
	Batches  int    `json:"batches"`  // newly confirmed
	Foreign  int    `json:"foreign"`  // confirmations of batches that this server did not make
	Finished int    `json:"finished"` // batches that every desk has by now

	// Months, with a space between them.
	Canaries string `json:"canaries,omitempty"` // whose canary is answered now
	Misfits  string `json:"misfits,omitempty"`  // to whose canary this is no answer
}

// A RefusedError is returned for an outbox that is at fault itself: nothing of it
// was taken.
type RefusedError struct{ error }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.error }

// Import takes a desk's outbox. Importing the same again, or an older one,
// changes nothing. It returns a [*RefusedError] for one that is no outbox, and
// [store.ErrFull] when answers would take the room of texts: the same outbox brings the
// others once there is more. What else is in it is taken then: confirmations are what
// makes room.
func (b *Inbox) Import(file []byte) (Imported, error) {
	o, err := outbox.Open(file, b)
	if err != nil {
		return Imported{}, &RefusedError{err}
	}
	own, _ := b.importing.LoadOrStore(o.Reviewer, new(sync.Mutex))
	own.(*sync.Mutex).Lock()
	defer own.(*sync.Mutex).Unlock()
	report := Imported{Reviewer: o.Reviewer, Number: o.Number}
	crowded := b.importReplies(o, &report)
	if crowded != nil && !errors.Is(crowded, store.ErrFull) {
		return report, crowded
	}
	if err := b.importCanaries(o, &report); err != nil {
		return report, err
	}
	if err := b.importAcks(o, &report); err != nil {
		return report, err
	}
	report.Finished, err = b.retire()
	return report, cmp.Or(err, crowded)
}

func (b *Inbox) importReplies(o *outbox.Outbox, report *Imported) error {
	batch, err := b.newestSequence()
	if err != nil {
		return err
	}
	for _, r := range o.Replies {
		own, known, err := b.ownReplies(r, o.Reviewer, batch)
		switch {
		case err != nil:
			return err
		case known:
			report.Known++
			continue
		case own >= MaxRepliesPerBatch:
			report.Crowded++
			continue
		}
		if err := b.roomForAnswers(); err != nil {
			return err
		}
		err = b.Store.AddReply(store.Reply{
			Mailbox: r.Mailbox, Sealed: r.Sealed, Reviewer: o.Reviewer, Batch: batch, Week: b.week(),
		})
		switch {
		case errors.Is(err, store.ErrKnown):
			report.Known++
		case err != nil:
			return err
		default:
			report.Replies++
		}
	}
	return nil
}

// ownReplies counts what a reviewer has added to a mailbox since a batch closed,
// and reports whether this reply is there: it takes no room again. Nothing is
// ever evicted to make room: a flood must not push out what a reporter has not
// read.
func (b *Inbox) ownReplies(r outbox.Reply, reviewer string, batch uint64) (own int, known bool, err error) {
	hash := sha256.Sum256(r.Sealed)
	_, err = b.Store.Replies(r.Mailbox, func(heads []store.ReplyHead) []int {
		for _, h := range heads {
			known = known || h.Hash == hash
			if h.Batch == batch && h.Reviewer == reviewer {
				own++
			}
		}
		return nil
	})
	return own, known, err
}
