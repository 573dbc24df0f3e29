package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// begin holds that the folder is a desk, or makes a new one. A folder with
// other things in it is never taken for a desk.
func (d *Desk) begin(create bool) error {
	_, err := os.Stat(d.path(indexFile))
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening desk: %w", err)
	}
	if d.hadIndex() {
		return fmt.Errorf("opening desk %q: %w", d.folder, ErrNoIndex)
	}
	if !create {
		return fmt.Errorf("opening desk %q: %w", d.folder, ErrNoDesk)
	}
	if err := os.MkdirAll(d.folder, folderMode); err != nil {
		return fmt.Errorf("making desk: %w", err)
	}
	entries, err := os.ReadDir(d.folder)
	if err != nil {
		return fmt.Errorf("making desk: %w", err)
	}
	for _, entry := range entries {
		if !ours(entry.Name()) {
			return fmt.Errorf("making desk in %q: the folder has other things in it: %w", d.folder, ErrNoDesk)
		}
	}
	return nil
}

// ours reports whether a name may stand in a desk whose first import was
// interrupted.
func ours(name string) bool {
	switch name {
	case "lock", "staging", "items", "apart", "rosters", "cases", "aside", indexFile + ".new", arrivingFile, arrivingFile + ".new":
		return true
	}
	return false
}

// hadIndex reports whether the folder has what is written to a desk with an index
// alone. Such a desk lost its index, or was copied in part: who began another one in
// its place would overwrite all case keys.
func (d *Desk) hadIndex() bool {
	return d.stands("outbox") || d.stands("taxonomies") || d.stands(formerFile)
}

func (d *Desk) stands(name string) bool {
	_, err := os.Lstat(d.path(name))
	return err == nil
}

// beginAnew makes room for a new desk. Case keys without an index are from a first
// import that was interrupted, or from a copy of a desk that was: the desk cannot
// tell, so it puts them aside. Beside an index that is not in force yet it leaves that
// to the reviewer: it can be all that is left of one.
func (d *Desk) beginAnew() error {
	keys, err := os.ReadDir(d.path("cases"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("making desk: %w", err)
	}
	fresh := d.stands(indexFile + ".new")
	switch {
	case len(keys) > 0 && fresh:
		return fmt.Errorf("making desk in %q: %w", d.folder, ErrNoIndex)
	case len(keys) > 0:
		err = d.putAside("cases")
	case fresh:
		err = d.putAside(indexFile + ".new")
	default:
		return nil
	}
	if err != nil {
		return fmt.Errorf("making desk: %w", err)
	}
	return nil
}

// putAside moves something out of the way, to where nothing of the desk overwrites it.
func (d *Desk) putAside(name string) error {
	if err := os.MkdirAll(d.path("aside"), folderMode); err != nil {
		return err
	}
	for n := 1; ; n++ {
		aside := d.path("aside", fmt.Sprint(n))
		err := os.Mkdir(aside, folderMode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		return errors.Join(os.Rename(d.path(name), filepath.Join(aside, name)), syncAll(d.folder))
	}
}

// asideNote says what to do about what was put aside.
const asideNote = "this folder had parts of a desk without its index: they are in %q now. If you had a desk there, " +
	"or a copy of one, copy the whole folder anew from where it is whole, and use that; if the first bundle was " +
	"interrupted, all is well: delete them"
