package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"saksi/crypto/item"
)

// A Closed item is what the desk knows of one whose case was closed: enough to
// recognise it, or a copy of it, when it is brought again.
type Closed struct {
	ID      string   `json:"id"`
	N       int      `json:"n"`
	Payload string   `json:"payload"`          // SHA-256 of payload.age
	Sealed  []string `json:"sealed,omitempty"` // of each age file in it: how copies are known
	// Begins are the SHA-256 of how its payload.age and this reviewer's slot begin:
	// what has either was made from it.
	Begins []string `json:"begins,omitempty"`
}

// A closing is a case whose end was decided. The index has it until nothing is
// left of the case, so that the next command finishes what a crash interrupted.
type closing struct {
	Case  string   `json:"case"`
	Items []string `json:"items"`
	Apart []string `json:"apart,omitempty"` // what lies apart and has part of it
}

// CloseCase destroys what opens the items of a thread, and removes their files.
// Of the thread there remains that it was there, and the chain of this
// reviewer's answers; what comes later for it opens a new case.
//
// It returns [ErrClosed] when nothing of the thread is left to be closed. After
// another error the case is open as it was; after [ErrInForce] it is closed, and the next
// [Open] finishes what is left.
func (d *Desk) CloseCase(t *Thread) error {
	next, err := d.ending(t.Mailbox)
	if err != nil {
		return err
	}
	if err := d.save(next); err != nil {
		return err
	}
	return inForce(d.finishClosing())
}

// close makes a stub of a thread and notes what has to go.
func (x *index) close(mailbox string) error {
	t := x.thread(mailbox)
	if t == nil || t.Case == "" {
		return fmt.Errorf("closing case: %w", ErrClosed)
	}
	c := closing{Case: t.Case}
	for _, i := range t.Items {
		c.Items = append(c.Items, i.ID)
		t.Closed = append(t.Closed, i.stub())
	}
	slices.SortFunc(t.Closed, func(a, b Closed) int { return a.N - b.N })
	t.Items, t.Case = nil, ""
	for _, r := range t.Replies {
		// An answer can repeat what it answers. The next one needs its hash alone.
		r.Text, r.Forwarded = "", ""
	}
	x.Closing = append(x.Closing, c)
	return nil
}

func (i *Item) stub() Closed {
	c := Closed{ID: i.ID, N: i.N, Payload: i.Payload}
	for _, a := range i.Attachments {
		c.Sealed = append(c.Sealed, a.sealedAs()...)
	}
	return c
}

// finishClosing takes every case whose end was decided to its end.
func (d *Desk) finishClosing() error {
	if len(d.index.Closing) == 0 {
		return nil
	}
	for _, step := range d.closingSteps(d.index.Closing...) {
		if err := step(); err != nil {
			return fmt.Errorf("closing case to its end: %w", err)
		}
	}
	return nil
}

// closingSteps are those after the index says that the first of its cases end. Each may
// be interrupted and then begins anew. The keys go first: with them, everything is
// closed. The slots follow, as the secret of their week may live for weeks.
func (d *Desk) closingSteps(first ...closing) []func() error {
	var all closing
	var keys []string
	for _, c := range first {
		keys = append(keys, c.Case+".key")
		all.Items, all.Apart = append(all.Items, c.Items...), append(all.Apart, c.Apart...)
	}
	return []func() error{
		func() error { return d.wipeCases(keys) },
		func() error { return errors.Join(d.wipeSlots("items", all.Items), d.wipeSlots("apart", all.Apart)) },
		func() error { return removeIn(d.path("cases"), keys...) },
		func() error {
			return errors.Join(removeIn(d.path("items"), all.Items...), removeIn(d.path("apart"), all.Apart...))
		},
		func() error {
			next := d.index.clone()
			next.Closing = next.Closing[len(first):]
			return d.save(next)
		},
	}
}

// wipeCases overwrites the files of case keys.
func (d *Desk) wipeCases(files []string) error {
	for _, name := range files {
		if err := wipe(d.path("cases", name)); err != nil {
			return fmt.Errorf("destroying a case key: %w", err)
		}
	}
	return nil
}

// wipeSlots overwrites all slots of items in a folder. They are synced together: item by item
// and slot by slot it would be hundreds of waits for the disk.
func (d *Desk) wipeSlots(within string, items []string) error {
	for _, id := range items {
		folder := d.path(within, id, "slots")
		slots, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, slot := range slots {
			f, err := overwrite(filepath.Join(folder, slot.Name()))
			if f != nil {
				err = errors.Join(err, f.Close())
			}
			if err != nil {
				return err
			}
		}
	}
	return syncAll(d.folder)
}

// numbered returns the id of the thread's n-th item, be it closed or not.
func (t *Thread) numbered(n int) (id string, found bool) {
	if at, found := t.find(n); found {
		return t.Items[at].ID, true
	}
	at := slices.IndexFunc(t.Closed, func(c Closed) bool { return c.N == n })
	if at < 0 {
		return "", false
	}
	return t.Closed[at].ID, true
}

// A Loss is what closing a case would take away.
type Loss struct {
	Items   map[item.Kind]int
	Bytes   int64
	Waiting int // answers that no outbox has taken; they are kept
}

// Loss says what closing the case of a thread would take away.
func (t *Thread) Loss() Loss {
	l := Loss{Items: map[item.Kind]int{}}
	for _, i := range t.Items {
		l.Items[i.Kind]++
		l.Bytes += i.Size
	}
	for _, r := range t.Replies {
		if r.Outbox == 0 {
			l.Waiting++
		}
	}
	return l
}
