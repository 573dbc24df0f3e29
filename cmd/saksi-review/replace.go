package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"saksi/crypto/reviewer"
)

// writeWeeks puts the keys' terms in the place of those that the weeks file at
// path has, so that after it either the old file is there, whole, or the new one;
// and then destroys what the old one held.
func (c *console) writeWeeks(keys *reviewer.Keys, path string) error {
	sealed, err := keys.SealWeeks()
	if err != nil {
		return err
	}
	return replaceSecret(path, sealed)
}

// replaceSecret writes a new file beside the old one, to the disk, gives it the
// old one's name, and overwrites the old one's blocks with random bytes before
// they are given back.
//
// Where this ends: an SSD or a stick writes the random bytes to other cells and
// keeps the old ones until it needs them; btrfs and other copy-on-write file
// systems, snapshots and the journal of some do the same. There only encryption
// of the whole disk, or destroying it, destroys what was written. And whoever
// copied the file before has it still.
func replaceSecret(path string, content []byte) error {
	old, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	defer old.Close()
	fresh := path + ".new"
	// One that an interrupted attempt left was never in force.
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	if err := writeNew(fresh, secretMode, string(content)); err != nil {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(fmt.Errorf("replacing %q: %w", path, err), os.Remove(fresh))
	}
	// The name first: were the old blocks destroyed before the disk has it, a
	// power cut could leave neither.
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	if err := overwrite(old); err != nil {
		return fmt.Errorf("destroying what %q held before: %w", path, err)
	}
	return nil
}

// overwrite fills an open file with random bytes, to the disk.
func overwrite(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.NewOffsetWriter(f, 0), io.LimitReader(rand.Reader, info.Size())); err != nil {
		return err
	}
	return f.Sync()
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
