package desk

import (
	"errors"
	"slices"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// check holds what every index satisfies, so that the rest of the package may
// rely on it.
func (x *index) check() error {
	if _, err := roster.ParseRootSet(x.Roots); err != nil {
		return err
	}
	if len(x.Rosters) == 0 {
		return errors.New("no roster")
	}
	return errors.Join(x.checkRosters(), x.checkBatches(), x.checkThreads(), x.checkApart(), x.checkForms(),
		x.checkClosing(), x.checkDestroyed(), x.checkWaiting(), x.checkCanaries(), x.checkGivenUp())
}

func (x *index) checkRosters() error {
	var before uint64
	for _, r := range x.Rosters {
		if _, err := roster.ParseHash(r.Hash); err != nil {
			return err
		}
		if r.Sequence <= before {
			return errors.New("the rosters are not in order")
		}
		before = r.Sequence
	}
	return nil
}

func (x *index) checkBatches() error {
	var before uint64
	for _, b := range x.Batches {
		if b == nil || b.Sequence <= before || b.Outbox > x.Outbox || b.Outbox > 0 && !b.Complete {
			return errors.New("the batches are not in order")
		}
		before = b.Sequence
		if b.Roster > 0 && !slices.ContainsFunc(x.Rosters, func(r rosterEntry) bool { return r.Sequence == b.Roster }) {
			return errors.New("a batch is signed under an unknown roster")
		}
		for _, hash := range []string{b.Hash, b.Previous} {
			if _, err := roster.ParseHash(hash); err != nil {
				return err
			}
		}
		if _, err := week.Parse(b.Week); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) checkThreads() error {
	threads, items, cases := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, t := range x.Threads {
		if t == nil || threads[t.Mailbox] {
			return errors.New("a thread stands twice")
		}
		threads[t.Mailbox] = true
		if t.Case != "" && cases[t.Case] {
			return errors.New("two threads have one case")
		}
		cases[t.Case] = true
		if err := t.check(x.Outbox); err != nil {
			return err
		}
		for _, id := range t.ids() {
			if items[id] {
				return errors.New("an item stands twice")
			}
			items[id] = true
		}
	}
	return nil
}

// ids returns the items of a thread, those of closed cases too.
func (t *Thread) ids() (ids []string) {
	for _, i := range t.Items {
		ids = append(ids, i.ID)
	}
	for _, c := range t.Closed {
		ids = append(ids, c.ID)
	}
	return ids
}

func (t *Thread) check(outbox uint64) error {
	if _, err := receipt.ParseMailbox(t.Mailbox); err != nil {
		return err
	}
	if _, err := roster.ParseHash(t.Author); err != nil {
		return err
	}
	// Parsed when a reply is sealed to it: it takes 0.1 ms, and every command
	// reads the whole index.
	if len(t.Recipient) != hybrid.RecipientSize {
		return errors.New("a thread without a recipient")
	}
	before := -1
	for _, i := range t.Items {
		if i == nil || i.N <= before || i.N >= receipt.MaxItems {
			return errors.New("the items are not in order")
		}
		before = i.N
		if err := i.check(); err != nil {
			return err
		}
	}
	if err := t.checkClosed(); err != nil {
		return err
	}
	return t.checkReplies(outbox)
}

func (t *Thread) checkReplies(outbox uint64) error {
	for n, r := range t.Replies {
		if r == nil || r.Number != uint64(n)+1 || !r.Status.Valid() || r.Outbox > outbox {
			return errors.New("the replies are not in order")
		}
		if (r.Outbox == 0) != (int64(len(r.Sealed)) == reply.SealedSize()) || r.Outbox > 0 && r.Sealed != nil {
			return errors.New("a reply is sent and waits at once")
		}
		if _, err := roster.ParseHash(r.Hash); err != nil {
			return err
		}
	}
	return nil
}

func (i *Item) check() error {
	if _, err := receipt.ParseItemID(i.ID); err != nil {
		return err
	}
	if i.Kind != item.Testimony && i.Kind != item.Message && i.Kind != item.Attachment {
		return errors.New("an item of no kind")
	}
	if len(i.Secret) != secretSize() {
		return errors.New("an item without its secret")
	}
	hashes := []string{i.Payload, i.Burn}
	for _, a := range i.Attachments {
		hashes = append(hashes, a.Hash)
		if a.Header != "" {
			hashes = append(hashes, a.Header)
		}
		if a.Sealed != "" && a.Sealed != SealedToDesk && a.Sealed != SealedToOther || a.Size < 0 {
			return errors.New("an attachment of no kind")
		}
	}
	for _, hash := range hashes {
		if _, err := roster.ParseHash(hash); err != nil {
			return err
		}
	}
	_, err := week.Parse(i.Week)
	return err
}

func (x *index) checkApart() error {
	before := ""
	for _, a := range x.Apart {
		if a.ID <= before {
			return errors.New("the items set apart are not in order")
		}
		before = a.ID
		if _, err := receipt.ParseItemID(a.ID); err != nil {
			return err
		}
		if _, err := roster.ParseHash(a.Digest); err != nil {
			return err
		}
		if err := x.checkKept(a); err != nil {
			return err
		}
	}
	return x.checkNotOurs()
}

func (x *index) checkNotOurs() error {
	before := ""
	for _, n := range x.NotOurs {
		if n.ID <= before {
			return errors.New("the items of others are not in order")
		}
		before = n.ID
		if _, err := receipt.ParseItemID(n.ID); err != nil {
			return err
		}
		if _, err := roster.ParseHash(n.Digest); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) checkClosing() error {
	for _, c := range x.Closing {
		if !validCase(c.Case) {
			return errors.New("a case without a name")
		}
		for _, id := range slices.Concat(c.Items, c.Apart) {
			if _, err := receipt.ParseItemID(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkClosed holds what is true of the stubs in a thread.
func (t *Thread) checkClosed() error {
	if (t.Case == "") != (len(t.Items) == 0) || t.Case != "" && !validCase(t.Case) {
		return errors.New("a thread has items without a case, or a case without items")
	}
	before := -1
	for _, c := range t.Closed {
		if _, found := t.find(c.N); found || c.N <= before || c.N >= receipt.MaxItems {
			return errors.New("the closed items are not in order")
		}
		before = c.N
		if _, err := receipt.ParseItemID(c.ID); err != nil {
			return err
		}
		for _, hash := range slices.Concat([]string{c.Payload}, c.Sealed, c.Begins) {
			if _, err := roster.ParseHash(hash); err != nil {
				return err
			}
		}
	}
	return nil
}
