package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

// A reading opens the files of one item, on the desk or in staging.
type reading struct {
	folder string
	id     receipt.ItemID
	signed *roster.Signed // that it was sealed under
	keys   *reviewer.Keys
	count  func(int)        // of payload bytes
	e      *hybrid.Identity // nil until the slot was opened
	handed []byte           // own shares, where several are needed

	closed func() error // why the slot does not open
}

// open reads the payload to its end and checks everything. It returns
// errNotOurs or a setApart, or an error of the disk, of the context or of
// extract: those say nothing about the item.
func (r *reading) open(ctx context.Context, extract func(item.File, io.Reader) error) (*item.Opened, error) {
	slots, err := readSlots(slotPaths(r.folder, r.signed), r.signed.Quorum)
	if err != nil {
		return nil, err
	}
	if r.e == nil {
		if r.e, err = r.openSlot(slots); err != nil {
			return nil, err
		}
	}
	payload, err := os.Open(filepath.Join(r.folder, "payload.age"))
	if err != nil {
		return nil, fmt.Errorf("opening item: %w", err)
	}
	defer payload.Close()
	in := &meter{ctx: ctx, r: payload, count: r.count}
	var failed error // by extract, and not because what it read broke off
	opened, err := item.Open(in, r.e, item.Expect{ID: r.id, Roster: r.signed, Slots: slots},
		func(f item.File, content io.Reader) error {
			source := &meter{ctx: ctx, r: content, count: func(int) {}}
			err := extract(f, source)
			if source.err == nil {
				failed = err
			}
			return err
		})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("opening item: %w", ctx.Err())
	case in.err != nil:
		return nil, fmt.Errorf("opening item: %w", in.err)
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, reason(err)
	}
	return opened, nil
}

// openItem opens an item of a thread once more, by its case key: the secret of its
// week may be gone. What does not verify now was changed on the desk.
func (d *Desk) openItem(
	ctx context.Context, i *Item, count func(int), extract func(item.File, io.Reader) error,
) (*item.Opened, error) {
	id, err := receipt.ParseItemID(i.ID)
	if err != nil {
		return nil, err
	}
	signed := d.rosters[i.Roster]
	if signed == nil {
		return nil, fmt.Errorf("opening item %s: %w: its roster is not there", i.ID, ErrDamaged)
	}
	e, err := d.openSecret(i)
	if err != nil {
		return nil, err
	}
	r := &reading{folder: d.path("items", i.ID), id: id, signed: signed, keys: d.keys, count: count, e: e}
	opened, err := r.open(ctx, extract)
	var changed setApart
	if errors.As(err, &changed) || errors.Is(err, errNotOurs) || errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("opening item %s: %w", i.ID, ErrItem)
	}
	if err != nil {
		return nil, fmt.Errorf("opening item %s: %w", i.ID, err)
	}
	return opened, nil
}

// openSecret opens the E of an item. It returns [ErrNoCase].
func (d *Desk) openSecret(i *Item) (*hybrid.Identity, error) {
	k, err := d.openCase(i.thread.Case, i.thread.Mailbox)
	if err != nil {
		return nil, fmt.Errorf("opening item %s: %w", i.ID, err)
	}
	e, err := k.open(i.Secret, hybrid.IdentitySize)
	if err != nil {
		return nil, fmt.Errorf("opening item %s: %w", i.ID, err)
	}
	return hybrid.ParseIdentity(e)
}

// Threads returns all threads, in the order that they came. The caller does
// not change them.
func (d *Desk) Threads() []*Thread { return d.index.Threads }

// Apart returns the items that are in no thread.
func (d *Desk) Apart() []Apart { return d.index.Apart }

// NotOurs returns how many items this reviewer could not open.
func (d *Desk) NotOurs() int { return len(d.index.NotOurs) }

// Waiting returns how many acknowledgements and replies no outbox has taken.
func (d *Desk) Waiting() (acks, replies int) {
	acks = len(d.index.waitingBatches())
	for _, t := range d.index.Threads {
		for _, r := range t.Replies {
			if r.Outbox == 0 {
				replies++
			}
		}
	}
	return acks, replies
}

// Newest names the thread that came last.
const Newest = "newest"

// Thread returns the thread whose mailbox begins with name, whatever its items are
// called. It returns [ErrName], [ErrUnknown], [ErrAmbiguous] or [ErrNoThread].
func (d *Desk) Thread(name string) (*Thread, error) {
	if threads := d.index.Threads; name == Newest && len(threads) > 0 {
		return threads[len(threads)-1], nil
	}
	if name == Newest {
		return nil, fmt.Errorf("looking for the newest thread: %w", ErrNoThread)
	}
	prefix := strings.ToLower(name)
	if len(prefix) < 4 || strings.Trim(prefix, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("looking for %q: %w", name, ErrName)
	}
	switch found := d.index.withPrefix(prefix); len(found) {
	case 0:
		return nil, fmt.Errorf("looking for thread %q: %w", name, ErrUnknown)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("looking for thread %q: %w", name, ErrAmbiguous)
	}
}

// Find returns the thread whose mailbox begins with name, or else the item whose id
// does, with its thread. A thread comes first: its mailbox stands in every outbox, and
// a reporter chooses the ids of items, so one could take a thread's name away. It
// returns what Thread does, and [ErrClosed] for an item whose case was closed.
func (d *Desk) Find(name string) (*Thread, *Item, error) {
	t, err := d.Thread(name)
	if !errors.Is(err, ErrUnknown) {
		return t, nil, err
	}
	prefix := strings.ToLower(name)
	var one *Item
	found, closed := 0, false
	for _, t := range d.index.Threads {
		for _, i := range t.Items {
			if strings.HasPrefix(i.ID, prefix) {
				one = i
				found++
			}
		}
		for _, c := range t.Closed {
			if strings.HasPrefix(c.ID, prefix) {
				closed = true
				found++
			}
		}
	}
	switch {
	case found == 0:
		return nil, nil, fmt.Errorf("looking for %q: %w", name, ErrUnknown)
	case found > 1:
		return nil, nil, fmt.Errorf("looking for %q: %w", name, ErrAmbiguous)
	case closed:
		return nil, nil, fmt.Errorf("looking for %q: %w", name, ErrClosed)
	}
	return one.thread, one, nil
}

// A Page is one item of a thread, as it can be shown. Text and Form are the
// reporter's own, hostile until cleaned.
type Page struct {
	*Item
	Taxonomy string // reference of the questions that Form answers
	Form     item.Form
	Text     string
	Copies   map[string]string // by the path of a sealed file: an item of another thread that has it too
	Unread   error             // why there is no text
}

// Read opens the texts of a thread. Attachments are as they were when they
// came: their content is opened by [Desk.Extract] alone. What cannot be read keeps
// nothing else from being: beside the first error are all pages, unless the context ended.
func (d *Desk) Read(ctx context.Context, t *Thread) (pages []Page, unread error) {
	same := d.index.holders()
	for _, i := range t.Items {
		page := Page{Item: i, Copies: same.copies(i)}
		if i.Kind != item.Attachment {
			opened, err := d.openItem(ctx, i, func(int) {}, discard)
			switch {
			case err != nil && ctx.Err() != nil: // and not what else is wrong with an item
				return nil, fmt.Errorf("reading thread: %w", ctx.Err())
			case err != nil:
				page.Unread, unread = err, cmp.Or(unread, err)
			default:
				page.Taxonomy, page.Form, page.Text = opened.Manifest.Taxonomy, opened.Form, opened.Text
			}
		}
		pages = append(pages, page)
	}
	return pages, unread
}

func discard(item.File, io.Reader) error { return nil }

// MarkSeen remembers that the reviewer has read the thread.
func (d *Desk) MarkSeen(t *Thread) error {
	next := d.index.clone()
	changed := false
	for _, i := range next.thread(t.Mailbox).Items {
		changed = changed || !i.Seen
		i.Seen = true
	}
	if !changed {
		return nil
	}
	return d.save(next)
}
