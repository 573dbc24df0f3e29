// Package folder is a drop's data folder:
//
//	FORMAT        "saksi/v1/data\n"
//	server.key    the server's batch-signing key, 0600
//	server.vkey   its public half, for the roster
//	root.vkey     the first root set and its threshold
//	store/        what package boltstore keeps
//	next/         rosters that were handed in ahead of their first day
//	saksi.sock    while a server runs
//	tor/          what package onion keeps, if the drop is published
//	health.json   how the onion services are
//	couriers      who may fetch and bring over Tor, if anybody: public keys, 0600
//	taxonomy.json the operator's own questions, if he has some
//	instance.json the drop's own name and words, if it has some
//
// Nothing in it opens a sealed item. Of what is beside store/, the times of files are those
// at which the operator did something, or the server by its clock: nothing is written
// there because somebody came.
package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
)

// Names in a data folder that belong to others.
const (
	TorName    = "tor"
	HealthName = "health.json"
)

const rootsName = "root.vkey"

const formatText = "saksi/v1/data\n"

// What a folder lacks. Which it is decides what there is to do: nothing must be made
// anew over what a drop has kept.
var (
	// ErrNoFolder is returned when nothing in the folder is a data folder's.
	ErrNoFolder = errors.New("not a data folder of saksi")
	// ErrNotEmpty is returned by Create.
	ErrNotEmpty = errors.New("the folder is not empty")
	// ErrHalfMade is returned for a folder without FORMAT that lacks more: Create did
	// not come to its end, or several files were lost.
	ErrHalfMade = errors.New("not a whole data folder: FORMAT is missing or damaged, and other files are missing")
	// ErrNoFormat is returned when FORMAT was lost, or what stands in it.
	ErrNoFormat = errors.New("the file FORMAT of the data folder is missing or damaged")
	// ErrNoRoster is returned by Open when the folder has no roster yet.
	ErrNoRoster = errors.New("the data folder has no roster yet")
	// ErrNoRoots is returned when root.vkey is missing: by Open when the folder has
	// a roster.
	ErrNoRoots = errors.New("the data folder has no root.vkey")
)

// Create makes a data folder with a new server key for a drop of this origin.
// The folder must be empty or not exist.
func Create(dir, origin string) (sign.Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return sign.Key{}, fmt.Errorf("creating data folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return sign.Key{}, fmt.Errorf("creating data folder: %w", err)
	}
	if len(entries) > 0 {
		return sign.Key{}, fmt.Errorf("creating data folder %q: %w", dir, ErrNotEmpty)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return sign.Key{}, fmt.Errorf("creating data folder: %w", err)
	}
	key, err := sign.Generate(origin)
	if err != nil {
		return sign.Key{}, err
	}
	if err := boltstore.Create(filepath.Join(dir, "store")); err != nil {
		return sign.Key{}, err
	}
	for _, file := range [...]struct{ name, text string }{
		{"server.key", key.String() + "\n"}, {"server.vkey", key.Key().String() + "\n"}, {"FORMAT", formatText},
	} {
		if err := writeNew(filepath.Join(dir, file.name), file.text); err != nil {
			return sign.Key{}, err
		}
	}
	return key.Key(), nil
}

// Exists reports whether dir is a data folder.
func Exists(dir string) bool {
	format, err := readFile(filepath.Join(dir, "FORMAT"))
	return err == nil && string(format) == formatText
}

// A Folder is an open data folder.
type Folder struct {
	Store   store.Store
	Signer  sign.Signer
	Trusted roster.RootSet
	Waiting []inbox.Handed
}

// Open opens a data folder that has a roster. It returns [ErrNoFolder], [ErrHalfMade],
// [ErrNoFormat], [ErrNoRoster], [ErrNoRoots], [store.ErrFormat] or [store.ErrLocked].
func Open(dir string, now func() time.Time) (*Folder, error) {
	signer, err := openKey(dir)
	if err != nil {
		return nil, err
	}
	trusted, err := readRoots(dir)
	if errors.Is(err, ErrNoRoots) {
		err = withoutRoots(dir, now, err)
	}
	if err != nil {
		return nil, err
	}
	next, err := waiting(dir)
	if err != nil {
		return nil, err
	}
	s, err := boltstore.Open(filepath.Join(dir, "store"), now)
	if err != nil {
		return nil, err
	}
	return &Folder{Store: s, Signer: signer, Trusted: trusted, Waiting: next}, nil
}

// withoutRoots tells a folder that waits for its first roster from one that lost a file.
func withoutRoots(dir string, now func() time.Time, missing error) error {
	s, err := boltstore.Open(filepath.Join(dir, "store"), now)
	if err != nil {
		return err
	}
	defer s.Close()
	notes, _, err := s.Rosters()
	switch {
	case err != nil:
		return err
	case len(notes) > 0:
		return missing
	}
	return fmt.Errorf("opening data folder %q: %w", dir, ErrNoRoster)
}

// Roots returns the first root set of a data folder, which a server may be using.
// It returns [ErrNoFolder], [ErrHalfMade], [ErrNoFormat], [ErrNoRoots] or
// [store.ErrFormat].
func Roots(dir string) (roster.RootSet, error) {
	if err := checkFormat(dir); err != nil {
		return roster.RootSet{}, err
	}
	return readRoots(dir)
}

func readRoots(dir string) (roster.RootSet, error) {
	text, err := readFile(filepath.Join(dir, rootsName))
	if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 { // as a crash of the machine may leave it
		return roster.RootSet{}, fmt.Errorf("opening data folder %q: %w", dir, ErrNoRoots)
	}
	if err != nil {
		return roster.RootSet{}, fmt.Errorf("opening data folder: %w", err)
	}
	trusted, err := roster.ParseRootSet(string(text))
	if err != nil {
		return roster.RootSet{}, damaged(rootsName, err)
	}
	return trusted, nil
}

func checkFormat(dir string) error {
	format, err := readFile(filepath.Join(dir, "FORMAT"))
	switch {
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("opening data folder: %w", err)
	case err == nil && string(format) == formatText:
		return nil
	case err == nil && strings.HasPrefix(string(format), "saksi/"):
		return fmt.Errorf("opening data folder %q: format %.40q: %w", dir, format, store.ErrFormat)
	}
	return fmt.Errorf("opening data folder %q: %w", dir, withoutFormat(dir))
}

// withoutFormat says what a folder is that does not say it itself: one that has roots
// was in use.
func withoutFormat(dir string) error {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	switch {
	case has(rootsName) && has("store"):
		return ErrNoFormat
	case has("server.key"), has("store"):
		return ErrHalfMade
	}
	return ErrNoFolder
}

func openKey(dir string) (sign.Signer, error) {
	if err := checkFormat(dir); err != nil {
		return sign.Signer{}, err
	}
	f, err := os.Open(filepath.Join(dir, "server.key"))
	if err != nil {
		return sign.Signer{}, fmt.Errorf("opening data folder: %w", err)
	}
	defer f.Close()
	signer, err := sign.ReadSigner(f)
	if err != nil {
		return sign.Signer{}, damaged("server.key", err)
	}
	return signer, nil
}

func damaged(name string, err error) error {
	return fmt.Errorf("opening data folder: %s: %w: %v", name, store.ErrDamaged, err)
}

// Foreign returns the names in a data folder that do not belong there. What is
// in store is for its engine to say.
func Foreign(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing data folder: %w", err)
	}
	ours := []string{
		"FORMAT", "server.key", "server.vkey", rootsName, rootsName + partSuffix, "store", nextName, "saksi.sock", taxonomyName, instanceName,
		TorName, HealthName, HealthName + partSuffix, couriersName, couriersName + partSuffix,
	}
	var foreign []string
	for _, e := range entries {
		if !slices.Contains(ours, e.Name()) {
			foreign = append(foreign, e.Name())
		}
	}
	return foreign, nil
}

// Inbox opens the rules over the folder.
func (f *Folder) Inbox(now func() time.Time, limits inbox.Limits) (*inbox.Inbox, error) {
	return inbox.New(inbox.Config{
		Store: f.Store, Trusted: f.Trusted, Signer: f.Signer, Now: now, Waiting: f.Waiting, Limits: limits,
	})
}

// Close closes the store.
func (f *Folder) Close() error { return f.Store.Close() }

// Admit takes a roster into the data folder, with the recipients files beside it, and
// reports whether it waits for its first day. The first one also fixes the trusted roots;
// later ones must agree.
func Admit(dir, rosterFile, rootFile string, now func() time.Time) (signed *roster.Signed, waits bool, err error) {
	a := inbox.Admission{Now: now()}
	signer, err := openKey(dir)
	if err != nil {
		return nil, false, err
	}
	a.Server = signer.Key()
	rootText, err := readFile(rootFile)
	if err != nil {
		return nil, false, fmt.Errorf("reading roots: %w", err)
	}
	if a.Trusted, err = roster.ParseRootSet(string(rootText)); err != nil {
		return nil, false, err
	}
	note, files, err := readRoster(rosterFile)
	if err != nil {
		return nil, false, err
	}
	s, err := boltstore.Open(filepath.Join(dir, "store"), now)
	if err != nil {
		return nil, false, err
	}
	defer s.Close()
	if err := sameRoots(dir, a.Trusted); err != nil {
		return nil, false, err
	}
	a.Store = s
	return admit(dir, a, inbox.Handed{Note: note, Files: files})
}

// admit holds the lock of the folder's store.
func admit(dir string, a inbox.Admission, h inbox.Handed) (signed *roster.Signed, waits bool, err error) {
	if a.Waiting, err = waiting(dir); err != nil {
		return nil, false, err
	}
	if signed, waits, err = a.HandIn(h); err != nil {
		return nil, false, err
	}
	if waits {
		return signed, true, wait(dir, signed, h)
	}
	if _, err := readRoots(dir); errors.Is(err, ErrNoRoots) {
		if err := replace(filepath.Join(dir, rootsName), []byte(a.Trusted.Text())); err != nil {
			return nil, false, fmt.Errorf("keeping roots: %w", err)
		}
	}
	return signed, false, tidy(dir, signed.Sequence)
}

// sameRoots holds a root set against the one that the folder trusts already.
func sameRoots(dir string, trusted roster.RootSet) error {
	was, err := readRoots(dir)
	if errors.Is(err, ErrNoRoots) {
		return nil
	}
	if err != nil {
		return err
	}
	if was.Text() != trusted.Text() {
		return errors.New("reading roots: the data folder trusts other roots, for good: make a new one with saksi init")
	}
	return nil
}
