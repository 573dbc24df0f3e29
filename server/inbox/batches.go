package inbox

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// newestSequence returns the newest batch's number, 0 if there is none.
func (b *Inbox) newestSequence() (uint64, error) {
	newest, err := b.Store.Batch(0)
	if errors.Is(err, store.ErrUnknown) {
		return 0, nil
	}
	return newest.Sequence, err
}

// slot numbers the days between two closing hours.
func slot(t time.Time) int64 {
	return int64(t.UTC().Add(-closingHour*time.Hour).Sub(time.Unix(0, 0)) / (24 * time.Hour))
}

// NextClosing returns when the next batch is due: possibly in the past, after
// the server was down at the hour.
func (b *Inbox) NextClosing() (time.Time, error) {
	last, err := b.Store.LastSlot()
	if err != nil {
		return time.Time{}, err
	}
	if last > slot(b.Now()) {
		// A batch was closed under a clock that ran ahead. Waiting for that day to
		// come again would hold testimonies back for years.
		return b.Now(), nil
	}
	return time.Unix(0, 0).UTC().AddDate(0, 0, int(last)+1).Add(closingHour * time.Hour), nil
}

// Close closes a batch of everything that waits, also when nothing does, and
// returns its number; or several batches, when one would be too long for a
// desk, and the number of the last.
func (b *Inbox) Close() (uint64, error) {
	b.closing.Lock()
	defer b.closing.Unlock()
	for {
		closed, more, err := b.closeOne()
		if err != nil || !more {
			return closed, err
		}
	}
}

// closeOne closes one batch, and reports whether another has to follow. Hashing
// happens before: the store is not held up.
func (b *Inbox) closeOne() (closed uint64, more bool, err error) {
	note, err := b.nextNote()
	if err != nil {
		return 0, false, err
	}
	waiting, err := b.Store.Waiting()
	if err != nil {
		return 0, false, err
	}
	sums, ids, more, err := b.sum(waiting)
	if err != nil {
		return 0, false, fmt.Errorf("closing batch %d: %w", note.Sequence, err)
	}
	note.Sums = sums.Hash()
	signed, err := note.Sign(b.Signer)
	if err != nil {
		return 0, false, err
	}
	full := store.Batch{Sequence: note.Sequence, Note: signed, Sums: []byte(sums.Text()), IDs: ids}
	if err := b.Store.CloseBatch(full, slot(b.Now())); err != nil {
		return 0, false, err
	}
	return note.Sequence, more, nil
}

// nextNote returns the head of the next batch, without sums.
func (b *Inbox) nextNote() (batch.Note, error) {
	next := batch.Note{Origin: b.Newest().Origin, Sequence: 1, Week: week.Of(b.Now())}
	newest, err := b.Store.Batch(0)
	if errors.Is(err, store.ErrUnknown) {
		return next, nil
	}
	if err != nil {
		return next, err
	}
	previous, err := batch.OpenNote(newest.Note, b.Signer.Key())
	if err != nil {
		return next, fmt.Errorf("reading batch %d: %w", newest.Sequence, err)
	}
	next.Sequence, next.Previous = previous.Sequence+1, previous.Hash()
	return next, nil
}

// sum hashes rosters and items. An item that is deleted meanwhile is left out,
// and so is one that is damaged: it must not hold up the others.
// It reports whether some are left for another batch.
func (b *Inbox) sum(items []store.Item) (sums batch.Sums, ids []receipt.ItemID, more bool, err error) {
	sums = batch.Sums{}
	for path, content := range b.rosterMembers() {
		sums[path.String()] = sha256.Sum256(content)
	}
	size := 0
	for _, i := range items {
		if size += sumsSize(i, len(b.Newest().Reviewers)); size > maxBatchSums {
			return sums, ids, len(ids) > 0, nil
		}
		err := b.sumItem(sums, i)
		if errors.Is(err, store.ErrUnknown) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return nil, nil, false, err
		}
		ids = append(ids, i.ID)
	}
	return sums, ids, false, nil
}

// maxBatchSums bounds the list of one batch, in bytes, well below what a desk
// reads ([batch.MaxSums]): a flood makes more batches, not one that nobody can
// open.
const maxBatchSums = 16 << 20

// sumsSize is about what one item takes on the list.
func sumsSize(i store.Item, reviewers int) int {
	line := 2*32 + len("  ") + len(batch.Path{Kind: batch.Payload, Sequence: i.Roster, ID: i.ID}.String()) + len("\n")
	return line * (reviewers + 2)
}

func (b *Inbox) sumItem(sums batch.Sums, i store.Item) error {
	slots, err := b.Store.Slots(i.ID)
	if err != nil {
		return err
	}
	payload, err := b.Store.Payload(i.ID)
	if err != nil {
		return err
	}
	defer payload.Close()
	hash := sha256.New()
	if n, err := io.Copy(hash, payload); err != nil || n != i.Size {
		return fmt.Errorf("hashing item %s: %d bytes of %d: %v", i.ID, n, i.Size, err)
	}
	sums[batch.Path{Kind: batch.Payload, Sequence: i.Roster, ID: i.ID}.String()] = roster.Hash(hash.Sum(nil))
	sums[batch.Path{Kind: batch.BurnMark, ID: i.ID}.String()] = i.Burn
	for n, s := range slots {
		sums[batch.Path{Kind: batch.Slot, Sequence: i.Roster, ID: i.ID, Slot: n}.String()] = sha256.Sum256(s)
	}
	return nil
}

// rosterMembers returns every roster so far and every recipients file.
func (b *Inbox) rosterMembers() map[batch.Path][]byte {
	b.mu.RLock()
	defer b.mu.RUnlock()
	members := map[batch.Path][]byte{}
	for _, r := range b.rosters {
		members[batch.Path{Kind: batch.RosterNote, Sequence: r.Sequence}] = r.Note
	}
	for hash, text := range b.files {
		members[batch.Path{Kind: batch.RecipientsFile, File: hash}] = []byte(text)
	}
	return members
}

// ErrNoBatch is returned when no batch has been closed yet.
var ErrNoBatch = errors.New("no batch has been closed yet")

// Bundle writes the newest batch, and all earlier ones that some desk has not
// confirmed, to w. The same store gives the same bytes. It returns the items
// that are damaged: they are left out, and desks will say that they miss them.
func (b *Inbox) Bundle(w io.Writer) (damaged []receipt.ItemID, err error) {
	b.closing.Lock() // no batch closes or retires while its items are written
	defer b.closing.Unlock()
	batches, err := b.openBatches()
	if err != nil {
		return nil, err
	}
	out := batch.NewWriter(w)
	if err := writeHeads(out, batches); err != nil {
		return nil, err
	}
	if err := b.writeRosters(out); err != nil {
		return nil, err
	}
	var gone []store.Tombstone
	for _, id := range sortedIDs(batches) {
		t, err := b.writeItem(out, id)
		switch {
		case errors.Is(err, store.ErrDamaged):
			damaged = append(damaged, id)
		case err != nil:
			return nil, err
		case t != nil:
			gone = append(gone, *t)
		}
	}
	for _, t := range gone {
		if err := writeMark(out, t); err != nil {
			return nil, err
		}
	}
	return damaged, out.Close()
}

// openBatches returns the newest batch and the earlier ones that are not
// retired, the newest first.
func (b *Inbox) openBatches() ([]store.Batch, error) {
	newest, err := b.Store.Batch(0)
	if errors.Is(err, store.ErrUnknown) {
		return nil, ErrNoBatch
	}
	if err != nil {
		return nil, err
	}
	batches := []store.Batch{newest}
	for n := newest.Sequence - 1; n > 0; n-- {
		earlier, err := b.Store.Batch(n)
		if err != nil {
			return nil, err
		}
		if earlier.Sums == nil {
			break // batches retire in order: all before it are retired too
		}
		batches = append(batches, earlier)
	}
	return batches, nil
}

func writeHeads(out *batch.Writer, batches []store.Batch) error {
	for i, head := range batches {
		sequence := head.Sequence
		if i == 0 {
			sequence = 0
		}
		if err := out.AddBytes(batch.Path{Kind: batch.BatchNote, Sequence: sequence}, head.Note); err != nil {
			return err
		}
		if err := out.AddBytes(batch.Path{Kind: batch.BatchSums, Sequence: sequence}, head.Sums); err != nil {
			return err
		}
	}
	return nil
}

func (b *Inbox) writeRosters(out *batch.Writer) error {
	members := b.rosterMembers()
	var paths []batch.Path
	for path := range members {
		paths = append(paths, path)
	}
	slices.SortFunc(paths, func(a, b batch.Path) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Sequence, b.Sequence), slices.Compare(a.File[:], b.File[:]))
	})
	for _, path := range paths {
		if err := out.AddBytes(path, members[path]); err != nil {
			return err
		}
	}
	return nil
}

func sortedIDs(batches []store.Batch) []receipt.ItemID {
	var ids []receipt.ItemID
	for _, head := range batches {
		ids = append(ids, head.IDs...)
	}
	slices.SortFunc(ids, func(a, b receipt.ItemID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

// writeItem writes an item's members, or returns the tombstone of one that is
// gone.
func (b *Inbox) writeItem(out *batch.Writer, id receipt.ItemID) (*store.Tombstone, error) {
	states, err := b.Store.States([]receipt.ItemID{id})
	if err != nil {
		return nil, err
	}
	if states[0].Gone != nil {
		return states[0].Gone, nil
	}
	i := states[0].Item
	if i == nil {
		return nil, fmt.Errorf("writing bundle: item %s: %w", id, store.ErrDamaged)
	}
	slots, slotsErr := b.Store.Slots(id)
	payload, payloadErr := b.Store.Payload(id)
	if payloadErr == nil {
		defer payload.Close()
	}
	if errors.Is(errors.Join(slotsErr, payloadErr), store.ErrUnknown) {
		return b.tombstone(id)
	}
	if err := errors.Join(slotsErr, payloadErr); err != nil {
		return nil, err
	}
	if err := out.Add(batch.Path{Kind: batch.Payload, Sequence: i.Roster, ID: id}, i.Size, payload); err != nil {
		return nil, err
	}
	for n, s := range slots {
		if err := out.AddBytes(batch.Path{Kind: batch.Slot, Sequence: i.Roster, ID: id, Slot: n}, s); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// tombstone is for an item that was deleted between two looks at it.
func (b *Inbox) tombstone(id receipt.ItemID) (*store.Tombstone, error) {
	states, err := b.Store.States([]receipt.ItemID{id})
	if err != nil {
		return nil, err
	}
	if states[0].Gone == nil {
		return nil, fmt.Errorf("writing bundle: item %s: %w", id, store.ErrDamaged)
	}
	return states[0].Gone, nil
}

// writeMark writes the burn token, which has the hash that the list says, or
// the mark of expiry, which proves nothing.
func writeMark(out *batch.Writer, t store.Tombstone) error {
	if t.Reason == store.Expired {
		return out.AddBytes(batch.Path{Kind: batch.ExpiryMark, ID: t.ID}, nil)
	}
	return out.AddBytes(batch.Path{Kind: batch.BurnMark, ID: t.ID}, t.Proof[:])
}

// importAcks remembers the newest batch that a desk has, if its hashes are ours.
func (b *Inbox) importAcks(o *outbox.Outbox, report *Imported) error {
	known, err := b.Store.Acknowledged()
	if err != nil {
		return err
	}
	newest := known[o.Reviewer]
	for _, ack := range o.Acks {
		ours, err := b.isOurs(ack)
		if err != nil {
			return err
		}
		if !ours {
			report.Foreign++
		} else if ack.Sequence > newest {
			newest = ack.Sequence
			report.Batches++
		}
	}
	if newest == known[o.Reviewer] {
		return nil
	}
	return b.Store.Acknowledge(o.Reviewer, newest, week.Of(b.Now()))
}

func (b *Inbox) isOurs(ack outbox.Ack) (bool, error) {
	closed, err := b.Store.Batch(ack.Sequence)
	if errors.Is(err, store.ErrUnknown) || ack.Sequence == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	note, err := batch.OpenNote(closed.Note, b.Signer.Key())
	if err != nil {
		return false, err
	}
	return note.Hash() == ack.Batch, nil
}

// retireUpTo retires from the oldest to the newest, so that a crash in between
// leaves no hole: the retired ones are always the first.
func (b *Inbox) retireUpTo(last uint64) (retired int, err error) {
	first := last + 1
	for ; first > 1; first-- {
		head, err := b.Store.Batch(first - 1)
		if err != nil {
			return 0, err
		}
		if head.Sums == nil {
			break
		}
	}
	for n := first; n <= last; n++ {
		if err := b.Store.Retire(n); err != nil {
			return retired, err
		}
		retired++
	}
	return retired, nil
}

// retire forgets which items were in which batch, for batches that all desks
// of the newest roster have. The newest batch stays: the next bundle names it.
func (b *Inbox) retire() (int, error) {
	b.closing.Lock()
	defer b.closing.Unlock()
	acks, err := b.Store.Acknowledged()
	if err != nil {
		return 0, err
	}
	newest, err := b.newestSequence()
	if err != nil || newest == 0 {
		return 0, err
	}
	everyone := newest - 1
	for _, r := range b.Newest().Reviewers {
		everyone = min(everyone, acks[r.ID])
	}
	return b.retireUpTo(everyone)
}
