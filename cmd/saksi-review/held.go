package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/reviewer"
)

// lockSuffix ends the name of the lock beside a weeks file. The weeks file itself
// cannot be locked: it is replaced by another one.
const lockSuffix = ".lock"

// errWeeksHeld is returned when another command is about to replace the weeks file.
var errWeeksHeld = errors.New("the weeks file is in use by another command")

// heldKeys are a reviewer's keys and the weeks file that the terms came from, which
// no other command replaces until Close. Who wrote what it read before another
// command wrote would destroy what that one made: identities of weeks, of which
// nobody has a copy, and whose public halves may be with the roots already.
type heldKeys struct {
	*reviewer.Keys
	path  string
	lock  *os.File
	begun bool // there is no weeks file yet: the first write makes it
}

// holdWeeks keeps other commands from replacing the weeks file of these keys. Where its
// name is a link, what the link leads to is locked and replaced: the link would be
// replaced otherwise, and two commands that take different ways to one file would not
// see each other.
func holdWeeks(keys *reviewer.Keys, path string) (*heldKeys, error) {
	if file, err := filepath.EvalSymlinks(path); err == nil {
		path = file
	}
	lock, err := desk.Lock(path + lockSuffix)
	if errors.Is(err, desk.ErrLocked) {
		return nil, fmt.Errorf("%w: %q", errWeeksHeld, path)
	}
	if err != nil {
		return nil, fmt.Errorf("locking weeks file: %w", err)
	}
	return &heldKeys{Keys: keys, path: path, lock: lock}, nil
}

// holdKeys reads a key file and a weeks file that is to be replaced. A passphrase is
// asked for before anybody is kept waiting.
func holdKeys(c *console, key, weeks string) (*heldKeys, error) {
	keys, err := readKey(c, key)
	if err != nil {
		return nil, err
	}
	if _, err := readWeeks(keys, weeks); err != nil {
		return nil, err // and leave no lock where there is no weeks file
	}
	h, err := holdWeeks(keys, weeks)
	if err != nil {
		return nil, err
	}
	if h.Keys, err = readWeeks(keys, weeks); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Close lets other commands replace the weeks file.
func (h *heldKeys) Close() error { return h.lock.Close() }

// write puts keys with other terms in the place of those that the weeks file has.
func (h *heldKeys) write(keys *reviewer.Keys) error {
	sealed, err := keys.SealWeeks()
	if err != nil {
		return err
	}
	if h.begun {
		return writeNew(h.path, secretMode, string(sealed))
	}
	return replaceSecret(h.path, sealed)
}

// destroy takes terms out of the weeks file. It is read once more, and nothing else
// of it changes: a person may have put another one there meanwhile, whom no lock
// keeps out.
func (h *heldKeys) destroy(gone []reviewer.Term) error {
	now, err := readWeeks(h.Keys, h.path)
	if err != nil {
		return err
	}
	destroyed := map[string]bool{}
	for _, t := range gone {
		destroyed[t.Identity.String()] = true
	}
	now.Terms = slices.DeleteFunc(now.Terms, func(t reviewer.Term) bool { return destroyed[t.Identity.String()] })
	return h.write(now)
}
