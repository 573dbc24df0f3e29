package desk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A server can list an item again under another id: just as it is, or changed a
// little, before or after the item itself. Of what is a copy for certain no files are
// kept; what lies apart or waits and has part of a case in it goes when the case is
// closed, and is not kept when it comes later. It would open with the secret of its
// week, while that lives; and what waits with the parts of a slot that an item of the
// case has too gives those parts to who brings the item's payload.

// beginningSize is how much of two age files is compared. What the file's key is sealed
// in stands there; each file is sealed anew, so no two begin alike unless one was made
// from the other.
const beginningSize = 1 << 10

// ending returns the index that says that a case ends, and what ends with it.
func (d *Desk) ending(mailbox string) (*index, error) {
	next := d.index.clone()
	if err := next.close(mailbox); err != nil {
		return nil, err
	}
	t, c := next.thread(mailbox), &next.Closing[len(next.Closing)-1]
	for _, i := range d.index.thread(mailbox).Items {
		at := slices.IndexFunc(t.Closed, func(c Closed) bool { return c.ID == i.ID })
		var err error
		if t.Closed[at].Begins, err = d.ownBeginnings(i); err != nil {
			return nil, fmt.Errorf("looking for copies: %w", err)
		}
	}
	var err error
	var unmoved []string
	if c.Apart, unmoved, err = d.remainsOf(t.Closed); err != nil {
		return nil, fmt.Errorf("looking for copies: %w", err)
	}
	c.Items = append(c.Items, unmoved...)
	next.Apart = slices.DeleteFunc(next.Apart, func(a Apart) bool {
		return slices.Contains(c.Apart, a.ID) || slices.Contains(unmoved, a.ID)
	})
	if err := d.endCopies(next, t.Closed); err != nil {
		return nil, fmt.Errorf("looking for copies: %w", err)
	}
	return next, nil
}

// remainsOf returns the items that lie apart and have part of one of these items, or
// the name. Unmoved are those whose files are still with the items: a command was killed
// when they had waited, had opened, and were nothing for a thread.
func (d *Desk) remainsOf(closed []Closed) (remains, unmoved []string, err error) {
	entries, err := os.ReadDir(d.path("apart"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	mine, known := beginningsOf(closed), d.index.known()
	for _, entry := range entries {
		of, err := mine.in(d.path("apart", entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		if of != "" || slices.ContainsFunc(closed, func(c Closed) bool { return c.ID == entry.Name() }) {
			remains = append(remains, entry.Name())
		}
	}
	for _, a := range d.index.Apart {
		if known[a.ID] != "" {
			continue
		}
		of, err := mine.in(d.path("items", a.ID))
		if err != nil {
			return nil, nil, err
		}
		if of != "" {
			unmoved = append(unmoved, a.ID)
		}
	}
	return remains, unmoved, nil
}

// endCopies ends the waiting of items that are copies of these, or have part of one.
func (d *Desk) endCopies(next *index, closed []Closed) error {
	mine, ends := beginningsOf(closed), map[string]bool{}
	for _, w := range next.Waiting {
		of, err := mine.in(d.path("items", w.ID))
		if err != nil {
			return err
		}
		ends[w.ID] = of != "" || slices.ContainsFunc(closed, func(c Closed) bool { return c.Payload == w.Payload })
	}
	next.endWaiting(func(w *Waiting) bool { return ends[w.ID] })
	return nil
}

// beginnings are how files of closed items begin, by their SHA-256: the id of the item.
type beginnings map[string]string

func beginningsOf(closed []Closed) beginnings {
	mine := beginnings{}
	for _, c := range closed {
		mine.add(c)
	}
	return mine
}

func (mine beginnings) add(c Closed) {
	for _, hash := range c.Begins {
		mine[hash] = c.ID
	}
}

// in returns the closed item that has part of it in the folder of another, or nothing.
func (mine beginnings) in(folder string) (id string, err error) {
	if len(mine) == 0 {
		return "", nil
	}
	slots, err := os.ReadDir(filepath.Join(folder, "slots"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	paths := []string{filepath.Join(folder, "payload.age")}
	for _, slot := range slots {
		paths = append(paths, filepath.Join(folder, "slots", slot.Name()))
	}
	for _, path := range paths {
		b, err := beginning(path)
		if err != nil {
			return "", err
		}
		if id, ok := mine[hashOf([]byte(b))]; b != "" && ok {
			return id, nil
		}
	}
	return "", nil
}

// ownBeginnings returns how those files of an item begin that no honest item has in
// common with it: its payload, and this reviewer's slot. As the item opened, who made
// it knew what was in both, and took neither from somebody else's. The other slots no
// desk can open: a stranger may have copied them from an item that lies apart, so that
// it goes when the stranger's case is closed.
func (d *Desk) ownBeginnings(i *Item) (hashes []string, err error) {
	folder := d.path("items", i.ID)
	paths := []string{filepath.Join(folder, "payload.age")}
	if signed := d.rosters[i.Roster]; signed != nil {
		if _, n, ok := signed.Reviewer(d.keys.Line.ID); ok {
			paths = append(paths, slotPaths(folder, signed)[n])
		}
	}
	for _, path := range paths {
		b, err := beginning(path)
		if err != nil {
			return nil, err
		}
		if b != "" {
			hashes = append(hashes, hashOf([]byte(b)))
		}
	}
	return hashes, nil
}

// beginning returns the first bytes of a file, or nothing if there is none.
func beginning(path string) (string, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, beginningSize))
	return string(b), err
}

// removeStaging removes what came in and was not taken, slots overwritten: it may be a
// copy, or come again and be taken then.
func removeStaging(folder string) error {
	wiped := false
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(filepath.Dir(path)) != "slots" {
			return err
		}
		wiped = true
		f, err := overwrite(path)
		if f != nil {
			err = errors.Join(err, f.Close())
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if wiped {
		err = errors.Join(err, syncAll(folder))
	}
	return errors.Join(err, os.RemoveAll(folder))
}

// clear destroys the slots of items that lay apart, and removes their files. Removed
// alone they could be found among the free blocks.
func (d *Desk) clear(items []string) error {
	var there []string
	for _, id := range items {
		if d.stands(filepath.Join("apart", id)) {
			there = append(there, id)
		}
	}
	if len(there) == 0 {
		return nil
	}
	if err := d.wipeSlots("apart", there); err != nil {
		return err
	}
	return removeIn(d.path("apart"), there...)
}
