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
// kept; what lies apart and has part of a case in it goes when the case is closed. It
// would open with the secret of its week, while that lives.

// beginningSize is how much of two age files is compared. What the file's key is sealed
// in stands there; each file is sealed anew, so no two begin alike unless one was made
// from the other.
const beginningSize = 1 << 10

// remainsOf returns the items that lie apart and have a payload or a slot in common
// with one of these items, or the name.
func (d *Desk) remainsOf(items []string) ([]string, error) {
	mine := map[string]bool{}
	for _, id := range items {
		err := d.beginnings("items", id, func(b string) { mine[b] = true })
		if err != nil {
			return nil, fmt.Errorf("looking for copies: %w", err)
		}
	}
	entries, err := os.ReadDir(d.path("apart"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for copies: %w", err)
	}
	var remains []string
	for _, entry := range entries {
		found := slices.Contains(items, entry.Name())
		err := d.beginnings("apart", entry.Name(), func(b string) { found = found || mine[b] })
		if err != nil {
			return nil, fmt.Errorf("looking for copies: %w", err)
		}
		if found {
			remains = append(remains, entry.Name())
		}
	}
	return remains, nil
}

// endCopies ends the waiting of items that are copies of what was closed of a thread.
func (x *index) endCopies(t *Thread) {
	x.endWaiting(func(w *Waiting) bool {
		return slices.ContainsFunc(t.Closed, func(c Closed) bool { return c.Payload == w.Payload })
	})
}

// beginnings calls found with the beginning of each file of an item.
func (d *Desk) beginnings(folder, id string, found func(string)) error {
	slots, err := os.ReadDir(d.path(folder, id, "slots"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	paths := []string{d.path(folder, id, "payload.age")}
	for _, slot := range slots {
		paths = append(paths, d.path(folder, id, "slots", slot.Name()))
	}
	for _, path := range paths {
		b, err := beginning(path)
		if err != nil {
			return err
		}
		if b != "" {
			found(b)
		}
	}
	return nil
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
