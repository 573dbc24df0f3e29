package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// replaceSecret puts another content in the place of what a secret file has, so that
// after it either the old file is there, whole, or the new one. It writes a new file
// beside the old one, to the disk, gives it the old one's name, and overwrites the
// old one's blocks with random bytes before they are given back. Until then the old
// one has another name, so that an attempt that is killed leaves no secret without
// one: [finishReplacing] of the next command destroys it. Only where a file system
// has no links, a kill in that moment leaves the old blocks as they were.
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
	if err := finishReplacing(path); err != nil {
		return err
	}
	fresh, former := replacingNames(path)
	if err := writeNew(fresh, secretMode, string(content)); err != nil {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	linked := os.Link(path, former)
	if err := os.Rename(fresh, path); err != nil {
		return errors.Join(fmt.Errorf("replacing %q: %w", path, err), finishReplacing(path))
	}
	// The name first: were the old blocks destroyed before the disk has it, a
	// power cut could leave neither.
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("replacing %q: %w", path, err)
	}
	if linked == nil {
		return finishReplacing(path)
	}
	if err := overwrite(old); err != nil {
		return fmt.Errorf("destroying what %q held before: %w", path, err)
	}
	return nil
}

// replacingNames returns what the new file is called before it is in force, and the
// old one after that. What has such a name is destroyed unasked, so neither is one
// that a person picks for a copy, as r1.weeks.old would be.
func replacingNames(path string) (fresh, former string) {
	folder, name := filepath.Split(path)
	return folder + "." + name + ".saksi-new", folder + "." + name + ".saksi-replaced"
}

// finishReplacing destroys what an attempt to replace a secret has left beside it: a
// new file that was never in force, or an old one that no longer is.
func finishReplacing(path string) error {
	fresh, former := replacingNames(path)
	for _, left := range []string{fresh, former} {
		if err := destroyUnless(left, path); err != nil {
			return fmt.Errorf("destroying %q, which is left from before: %w", left, err)
		}
	}
	return nil
}

// destroyUnless overwrites and removes a file, if there is one. A second name of
// the file that is in force is removed and nothing else.
func destroyUnless(left, inForce string) error {
	f, err := os.OpenFile(left, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	one, err := f.Stat()
	if err != nil {
		return err
	}
	other, err := os.Stat(inForce)
	if err != nil {
		return err
	}
	if !os.SameFile(one, other) {
		if err := overwrite(f); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(left), syncFolder(filepath.Dir(left)))
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
