package desk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// indexFile is the index, and formerFile the one that it replaced, until that is
// overwritten. What has that name is destroyed unasked, so it is none that a person picks
// for a copy, as index.age.old would be.
const (
	indexFile  = "index.age"
	formerFile = ".index.age.saksi-replaced"
)

// renewIndex puts another index in the place of the one that is there, so that a crash
// leaves the old one or the new. Then it overwrites the old one: the words of answers are
// in it, also of cases that are closed since, and the reviewer's key alone opens it. Until
// the disk has the new name the old one is whole; killed after that, the next [Open]
// destroys it. Only where a file system has no links its blocks then stay as they were.
// It returns [ErrInForce] when it fails after the new one has the name.
func (d *Desk) renewIndex(sealed []byte) error {
	path := d.path(indexFile)
	if err := d.destroyFormer(); err != nil {
		return err
	}
	if err := scrap(path + ".new"); err != nil {
		return err
	}
	old, err := openToScrub(path)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = nil, nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	linked := os.Link(path, d.path(formerFile))
	if err := placeFile(path, sealed); err != nil {
		return err
	}
	return inForce(d.endFormer(old, linked == nil))
}

// endFormer destroys what was the index, if there was one, as soon as the disk has the name
// of the new one.
func (d *Desk) endFormer(old *os.File, named bool) error {
	if err := d.sync(d.folder); err != nil || old == nil {
		return err
	}
	if err := errors.Join(scrub(old), unix.Fdatasync(int(old.Fd()))); err != nil {
		return fmt.Errorf("destroying the index that was: %w", err)
	}
	if !named {
		return nil
	}
	return removeIn(d.folder, formerFile)
}

// destroyFormer destroys an index that was replaced, if it is left. Killed before the
// new one had its name, it is the one in force under a second name.
func (d *Desk) destroyFormer() error {
	former, err := os.Stat(d.path(formerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	current, err := os.Stat(d.path(indexFile))
	if err != nil {
		return err
	}
	if !os.SameFile(former, current) {
		// The name first: were the old one destroyed before the disk has it, a power cut
		// could leave neither.
		err := syncPath(d.folder)
		if err == nil {
			err = wipe(d.path(formerFile))
		}
		if err != nil {
			return fmt.Errorf("destroying the index that was: %w", err)
		}
	}
	return removeIn(d.folder, formerFile)
}

// openToScrub opens a file that nobody may write, perhaps: so it is in a folder that was
// copied from a disc.
func openToScrub(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrPermission) && os.Chmod(path, fileMode) == nil {
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	return f, err
}

// scrap removes what a write that was killed left of a sealed file, and overwrites it
// before.
func scrap(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Mode().IsRegular() {
		err = wipe(path)
	}
	return errors.Join(err, os.RemoveAll(path))
}
