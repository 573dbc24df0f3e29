package folder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/roster"
	"saksi/server/inbox"
)

// nextName is the folder of rosters whose first day is still to come: <sequence>.note,
// and the recipients files that they pin, by their hash. A note is written last.
const nextName = "next"

// waiting reads them, in the order of their sequence.
func waiting(dir string) (handed []inbox.Handed, err error) {
	dir = filepath.Join(dir, nextName)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading rosters that wait: %w", err)
	}
	var sequences []uint64
	for _, e := range entries {
		if n, ok := roster.ParseNoteName(e.Name()); ok {
			sequences = append(sequences, n)
		}
	}
	slices.Sort(sequences)
	for _, n := range sequences {
		note, files, err := readRoster(filepath.Join(dir, roster.NoteName(n)))
		if err != nil {
			return nil, err
		}
		handed = append(handed, inbox.Handed{Note: note, Files: files})
	}
	return handed, nil
}

// wait keeps a roster that was found to be good until it begins.
func wait(dir string, signed *roster.Signed, h inbox.Handed) error {
	err := os.MkdirAll(filepath.Join(dir, nextName), 0o700)
	if err == nil {
		err = syncFolder(dir)
	}
	for _, p := range signed.Recipients {
		if err == nil {
			err = replace(filepath.Join(dir, nextName, p.File.String()+roster.RecipientsSuffix), []byte(h.Files[p.File]))
		}
	}
	if err == nil {
		err = replace(filepath.Join(dir, nextName, roster.NoteName(signed.Sequence)), h.Note)
	}
	if err != nil {
		return fmt.Errorf("keeping roster: %w", err)
	}
	return nil
}

// tidy removes the rosters that wait no more: those that the store has.
func tidy(dir string, newest uint64) error {
	handed, err := waiting(dir)
	if err != nil {
		return err
	}
	left := 0
	for _, h := range handed {
		if n, ok := sequenceOf(h); ok && n <= newest {
			if err := os.Remove(filepath.Join(dir, nextName, roster.NoteName(n))); err != nil {
				return fmt.Errorf("removing roster that waited: %w", err)
			}
		} else {
			left++
		}
	}
	if left > 0 {
		return nil
	}
	return os.RemoveAll(filepath.Join(dir, nextName))
}

func sequenceOf(h inbox.Handed) (uint64, bool) {
	text, _, _ := strings.Cut(string(h.Note), "\n\n")
	r, err := roster.Parse(text + "\n")
	if err != nil {
		return 0, false
	}
	return r.Sequence, true
}

// readRoster reads a roster and all recipients files beside it. A file that is damaged
// is for the roster to refuse, if it pins it.
func readRoster(name string) (note []byte, files map[roster.Hash]string, err error) {
	if note, err = readFile(name); err != nil {
		return nil, nil, fmt.Errorf("reading roster: %w", err)
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return nil, nil, fmt.Errorf("reading recipients files: %w", err)
	}
	files = map[roster.Hash]string{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), roster.RecipientsSuffix) {
			continue
		}
		text, err := readFile(filepath.Join(filepath.Dir(name), e.Name()))
		if err != nil {
			return nil, nil, fmt.Errorf("reading recipients file: %w", err)
		}
		files[sha256.Sum256(text)] = string(text)
	}
	return note, files, nil
}
