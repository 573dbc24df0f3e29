package inbox

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
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
// desk, and the number of the last. Decoys come in first.
func (b *Inbox) Close() (uint64, error) {
	b.closing.Lock()
	defer b.closing.Unlock()
	if err := b.addDecoys(); err != nil {
		return 0, err
	}
	for {
		closed, more, err := b.closeOne()
		b.drawn = b.drawn && err != nil
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
	if err := b.addCanaries(note.Sequence); err != nil {
		return 0, false, fmt.Errorf("adding canaries: %w", err)
	}
	waiting, err := b.Store.Waiting()
	if err != nil {
		return 0, false, err
	}
	sums, ids, more, err := b.sum(waiting)
	if err == nil {
		err = b.sumCanaries(sums, note.Sequence)
	}
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

// closingWeek is the week that a batch is closed in: none before the newest roster's, as a
// machine without a battery starts in 1970, which is in no note. A week behind the roster's
// stands as it is: desks destroy the secrets of weeks by those of batches.
func (b *Inbox) closingWeek() week.Week {
	now := week.Of(b.Now())
	if first := week.Of(b.Newest().From); now.Before(first) {
		return first
	}
	return now
}

// nextNote returns the head of the next batch, without sums.
func (b *Inbox) nextNote() (batch.Note, error) {
	next := batch.Note{Origin: b.Newest().Origin, Sequence: 1, Week: b.closingWeek()}
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
		return fmt.Errorf("hashing an item: %d bytes of %d: %v: %w", n, i.Size, err, store.ErrDamaged)
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
	return b.Store.Acknowledge(o.Reviewer, newest)
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
		if err := b.Store.Retire(n, b.week()); err != nil {
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
