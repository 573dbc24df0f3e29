package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errTwice is returned while another export writes to the same file.
var errTwice = errors.New("another export to this file is under way")

// createPart makes the file beside out in which a bundle grows. What an export left there
// that was killed goes: nobody else would remove it, and a stick has room for one. Who
// writes holds the lock of his file, to the end of his process.
func createPart(out string) (*os.File, error) {
	name := out + ".part"
	if err := removeLeft(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%q: %w", out, errTwice)
	}
	if err != nil {
		return nil, err
	}
	// Between the two somebody may have taken it for one that was left.
	if ours, err := holdPart(f); err != nil || !ours {
		f.Close()
		return nil, fmt.Errorf("%q: %w", out, errTwice)
	}
	return f, nil
}

// removeLeft removes a file of that name that nobody writes to any more.
func removeLeft(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // its lock goes with it
	ours, err := holdPart(f)
	if err != nil || !ours {
		return err
	}
	return os.Remove(name)
}

// holdPart takes a file's lock, and reports whether its name is still that file's. It
// returns [errTwice] if another process has the lock. A file system that knows no locks is
// not held to them.
func holdPart(f *os.File) (ours bool, err error) {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return false, fmt.Errorf("%q: %w", f.Name(), errTwice)
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(info, named), nil
}
