package folder

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/roster"
	"saksi/server/store"
)

// TestAFileOfAnotherNameDoesNotWait: it would keep the drop from starting.
func TestAFileOfAnotherNameDoesNotWait(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, nextName), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"3.note", "03.note", "4.note.part", "catatan.note"} {
		if err := os.WriteFile(filepath.Join(dir, nextName, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handed, err := waiting(dir)
	if err != nil || len(handed) != 1 || string(handed[0].Note) != "3.note" {
		t.Errorf("%d rosters wait: %v", len(handed), err)
	}
}

// FuzzFormat: a folder is ours by the one text of FORMAT, and nothing of another is shown
// that a terminal obeys.
func FuzzFormat(f *testing.F) {
	for _, text := range []string{formatText, "saksi/v1/data", formatText + "\n", "saksi/v2/data\n", "\x1b[2J", ""} {
		f.Add(text)
	}
	dir := f.TempDir()
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var err error
		bound.Check(t, len(text), func() { err = checkFormat(dir) })
		if ours := text == formatText; ours != (err == nil) || ours != Exists(dir) {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil {
			fuzztest.Refused(t, err, store.ErrFormat, ErrNoFolder)
		}
		if other := strings.HasPrefix(text, "saksi/") && text != formatText; other != errors.Is(err, store.ErrFormat) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// TestLargeFilesAreNotRead: each takes no more memory than a roster may.
func TestLargeFilesAreNotRead(t *testing.T) {
	dir := t.TempDir()
	for name, read := range map[string]func(string) error{
		"FORMAT":    func(string) error { return checkFormat(dir) },
		"root.vkey": func(string) error { _, err := readRoots(dir); return err },
		"3.note":    func(name string) error { _, _, err := readRoster(name); return err },
	} {
		name = filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 64<<20)); err != nil {
			t.Fatal(err)
		}
		fuzztest.Bound{Base: 8 * maxFile}.Check(t, 0, func() {
			if err := read(name); err == nil {
				t.Errorf("%s of 64 MiB was taken", filepath.Base(name))
			}
		})
	}
}

// TestWithoutRoomWhatWasThereStays: else a roster that is cut keeps the drop from
// starting.
func TestWithoutRoomWhatWasThereStays(t *testing.T) {
	name := filepath.Join(t.TempDir(), "2.note")
	if err := replace(name, []byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", name+partSuffix); err != nil { // every write: no space left
		t.Fatal(err)
	}
	if err := replace(name, []byte("next")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without room: %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || string(text) != "whole" {
		t.Errorf("what was there is %q, %v", text, err)
	}
	if err := replace(name, []byte("next")); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestEmptyRootsAreNone: a crash may leave the file without what stood in it. That is
// no other root set, for which a new drop would have to be made.
func TestEmptyRootsAreNone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, rootsName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readRoots(dir); !errors.Is(err, ErrNoRoots) {
		t.Errorf("reading: %v", err)
	}
	if err := sameRoots(dir, roster.RootSet{}); err != nil {
		t.Errorf("comparing: %v", err)
	}
}
