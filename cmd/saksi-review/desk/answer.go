package desk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
)

// An Answer is what a reviewer has to say to a thread.
type Answer struct {
	Status    reply.Status
	Forwarded string // to whom, with status diteruskan
	Text      string
}

// standing returns [ErrNotOnRoster] unless the newest roster has this reviewer
// with this key: a reporter would not be shown the answer.
func (d *Desk) standing(newest *roster.Signed) error {
	line, _, ok := newest.Reviewer(d.keys.Line.ID)
	if !ok || !line.Key.Public().Equal(d.keys.Line.Key.Public()) {
		return fmt.Errorf("looking up %q in roster %d: %w", d.keys.Line.ID, newest.Sequence, ErrNotOnRoster)
	}
	if _, revoked := newest.VoidFrom(line.Key); revoked {
		return fmt.Errorf("looking up %q in roster %d: %w: it is revoked",
			d.keys.Line.ID, newest.Sequence, ErrNotOnRoster)
	}
	return nil
}

// Reply seals an answer to a thread, for the next outbox. It returns
// [reply.ErrTooLong], [reply.ErrInvalid] or [ErrNotOnRoster].
func (d *Desk) Reply(t *Thread, a Answer) (*OwnReply, error) {
	switch {
	case reply.PageSize(a.Text) > reply.MaxText:
		return nil, fmt.Errorf("writing reply: %w: the text takes %d bytes on a page (each of &<>\"'+ five), at most %d",
			reply.ErrTooLong, reply.PageSize(a.Text), reply.MaxText)
	case reply.PageSize(a.Forwarded) > reply.MaxForwarded:
		return nil, fmt.Errorf("writing reply: %w: the name of the body takes %d bytes on a page, at most %d",
			reply.ErrTooLong, reply.PageSize(a.Forwarded), reply.MaxForwarded)
	case !a.Status.Valid():
		return nil, fmt.Errorf("writing reply: %w: unknown status %q", reply.ErrInvalid, a.Status)
	case (a.Status == reply.Forwarded) != (a.Forwarded != ""):
		return nil, fmt.Errorf("writing reply: %w: status %q, and no other, needs to whom",
			reply.ErrInvalid, reply.Forwarded)
	}
	if err := d.standing(d.newest()); err != nil {
		return nil, err
	}
	next := d.index.clone()
	r := reply.Reply{Status: a.Status, Forwarded: a.Forwarded, Text: a.Text}
	own, err := d.answer(next.thread(t.Mailbox), d.newest(), r)
	if err != nil {
		return nil, err
	}
	return own, d.save(next)
}

// answer seals a reply as the next of this reviewer in the thread.
func (d *Desk) answer(t *Thread, newest *roster.Signed, r reply.Reply) (*OwnReply, error) {
	thread, err := t.address()
	if err != nil {
		return nil, err
	}
	r.Reviewer, r.Roster, r.Number = d.keys.Line.ID, newest.Sequence, uint64(len(t.Replies))+1
	if r.Number > 1 {
		if r.Previous, err = roster.ParseHash(t.Replies[r.Number-2].Hash); err != nil {
			return nil, err
		}
	}
	sealed, hash, err := reply.Seal(r, thread, d.keys.Signer)
	if err != nil {
		return nil, fmt.Errorf("writing reply: %w", err)
	}
	own := &OwnReply{
		Number: r.Number, Hash: hash.String(), Roster: r.Roster, Status: r.Status,
		Forwarded: r.Forwarded, Items: r.Items, Text: r.Text, Sealed: sealed,
	}
	t.Replies = append(t.Replies, own)
	return own, nil
}

// address returns what a reply is sealed to.
func (t *Thread) address() (reply.Thread, error) {
	mailbox, err := receipt.ParseMailbox(t.Mailbox)
	if err != nil {
		return reply.Thread{}, err
	}
	if t.recipient == nil {
		t.recipient, err = hybrid.ParseRecipient(t.Recipient)
	}
	return reply.Thread{Mailbox: mailbox, Reply: t.recipient}, err
}

// confirms reports whether it is this desk that tells a reporter that an item is on a
// desk. Of those who open it alone one does for all, drawn by what they alone know: if
// each did, the server would see whom the item is kept from. Who was on its roster and
// left is not drawn. Under a quorum each does that has it open, as that took colleagues,
// and nobody may get as far but one. Nor is drawn who has another key since, which opens
// nothing of that roster, or whose key is revoked, as nobody would be shown the answer.
func (im *importer) confirms(sequence uint64, o *item.Opened) bool {
	signed := im.rosters[sequence]
	if !signed.Quorum.Alone() {
		return true
	}
	var readers []string
	for _, v := range signed.Reviewers {
		_, revoked := im.newest.VoidFrom(v.Key)
		if im.newest.Has(v) && !revoked && !slices.Contains(o.Manifest.Withheld, v.ID) {
			readers = append(readers, v.ID)
		}
	}
	return reply.Thread{Reply: o.Reply}.Confirmer(readers) == im.desk.keys.Line.ID
}

// acknowledge queues one reply for each thread that got something that this desk confirms.
// The acknowledgement of a batch needs no queue: see waitingBatches.
func (im *importer) acknowledge() error {
	if err := im.desk.standing(im.newest); err != nil {
		im.warn("%v: nothing can be answered", err)
		return nil
	}
	for _, t := range im.next.Threads {
		numbers := im.fresh[t.Mailbox]
		if len(numbers) == 0 {
			continue
		}
		slices.Sort(numbers)
		if _, err := im.desk.answer(t, im.newest, reply.Reply{Status: reply.Taken, Items: numbers}); err != nil {
			return err
		}
	}
	return nil
}

// waitingBatches returns the batches that are still to be acknowledged. An
// acknowledgement says that everything up to a batch is here, so it stops at
// the first batch that came incomplete, or not at all: the server would bring
// it no more. So it does at one with an item that a lost weeks file would open. What
// was given up is not waited for.
func (x *index) waitingBatches() (waiting []*batchEntry) {
	held := x.held()
	for n, b := range x.Batches {
		gap, ok := gapBefore(x.Batches, n)
		if ok && !x.gaveUp(gap) || !b.Complete || b.Outbox == 0 && held[b.Sequence] {
			return waiting
		}
		if b.Outbox == 0 {
			waiting = append(waiting, b)
		}
	}
	return waiting
}

// Sent says what an outbox holds.
type Sent struct {
	Number   uint64
	Acks     int
	Replies  int
	Canaries int
	More     bool // left for another outbox, as this one is full
}

// Outbox writes everything that waits to w, as the next outbox. The desk
// remembers it before the first byte is written, so that no number is ever used
// twice: when w fails, [Desk.OutboxAgain] writes the same bytes. Until [Desk.Written] it
// is among those of [Desk.Unwritten]. It returns [ErrNothing] or [ErrNotOnRoster].
func (d *Desk) Outbox(w io.Writer) (Sent, error) {
	acks, replies := d.Waiting()
	waiting := acks + replies + d.WaitingCanaries()
	if waiting == 0 {
		return Sent{}, fmt.Errorf("writing outbox: %w", ErrNothing)
	}
	if err := d.standing(d.newest()); err != nil {
		return Sent{}, err
	}
	next := d.index.clone()
	o, err := next.fill(d.keys.Line.ID, d.newest())
	if err != nil {
		return Sent{}, fmt.Errorf("writing outbox: %w", err)
	}
	file := o.Sign(d.keys.Signer)
	if err := replaceFile(d.unwrittenPath(o.Number), nil); err != nil {
		return Sent{}, fmt.Errorf("keeping outbox: %w", err)
	}
	if err := d.writeSealed(d.outboxPath(o.Number), file); err != nil {
		return Sent{}, fmt.Errorf("keeping outbox: %w", err)
	}
	err = d.save(next)
	if err != nil && !errors.Is(err, ErrInForce) {
		return Sent{}, err
	}
	sent := Sent{
		Number: o.Number, Acks: len(o.Acks), Replies: len(o.Replies), Canaries: len(o.Canaries),
		More: len(o.Acks)+len(o.Replies)+len(o.Canaries) < waiting,
	}
	if err != nil {
		return sent, err
	}
	if _, err := w.Write(file); err != nil {
		return sent, fmt.Errorf("writing outbox %d: %w", o.Number, err)
	}
	return sent, nil
}

// fill takes what waits into the next outbox, up to its limits.
func (x *index) fill(id string, newest *roster.Signed) (*outbox.Outbox, error) {
	x.Outbox++
	o := &outbox.Outbox{Reviewer: id, Roster: newest.Sequence, RosterHash: newest.Hash, Number: x.Outbox}
	for _, b := range x.waitingBatches() {
		if len(o.Acks) == outbox.MaxAcks {
			break
		}
		hash, err := roster.ParseHash(b.Hash)
		if err != nil {
			return nil, err
		}
		o.Acks = append(o.Acks, outbox.Ack{Sequence: b.Sequence, Batch: hash})
		b.Outbox = x.Outbox
	}
	if err := x.takeCanaries(o); err != nil {
		return nil, err
	}
	for _, t := range x.Threads {
		mailbox, err := receipt.ParseMailbox(t.Mailbox)
		if err != nil {
			return nil, err
		}
		for _, r := range t.Replies {
			if r.Outbox == 0 && len(o.Replies) < outbox.MaxReplies {
				o.Replies = append(o.Replies, outbox.Reply{Mailbox: mailbox, Sealed: r.Sealed})
				r.Outbox, r.Sealed = x.Outbox, nil
			}
		}
	}
	return o, nil
}

// LastOutbox returns the number of the newest outbox, or 0.
func (d *Desk) LastOutbox() uint64 { return d.index.Outbox }

// OutboxAgain writes an outbox once more, byte for byte. It returns
// [ErrNoOutbox].
func (d *Desk) OutboxAgain(number uint64, w io.Writer) error {
	if number == 0 || number > d.index.Outbox {
		return fmt.Errorf("writing outbox %d: %w", number, ErrNoOutbox)
	}
	file, err := d.readSealed(d.outboxPath(number))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing outbox %d: %w", number, ErrNoOutbox)
	}
	if err != nil {
		return fmt.Errorf("reading outbox %d: %w", number, err)
	}
	if _, err := w.Write(file); err != nil {
		return fmt.Errorf("writing outbox %d: %w", number, err)
	}
	return nil
}

func (d *Desk) outboxPath(number uint64) string {
	return d.path("outbox", fmt.Sprintf("%d.age", number))
}
