package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/cmd/saksi-review/desk"
)

// TestAnOutboxThatTheStickLosesIsWrittenOnceMore: a stick that took all bytes may fail
// when they are to stay there. The desk counts the outbox as sent, and nothing of it
// is left: who carries the stick is told how to have it again.
func TestAnOutboxThatTheStickLosesIsWrittenOnceMore(t *testing.T) {
	full := errors.New("no space left")
	for name, fail := range map[string]func(io.Writer) error{
		"at the end":     func(w io.Writer) error { return w.(*os.File).Close() }, // so that syncing fails
		"at the writing": func(io.Writer) error { return full },
	} {
		path := filepath.Join(t.TempDir(), "r1.outbox")
		_, err := outboxFile(path, func(w io.Writer) (desk.Sent, error) { return desk.Sent{Number: 7}, fail(w) })
		if err == nil || !strings.Contains(err.Error(), "-again 7 writes it once more") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file is left: %v", name, err)
		}
	}
	// Nothing counts as sent where there was nothing to send.
	nothing := func(io.Writer) (desk.Sent, error) { return desk.Sent{}, desk.ErrNothing }
	_, err := outboxFile(filepath.Join(t.TempDir(), "x"), nothing)
	if !errors.Is(err, desk.ErrNothing) || strings.Contains(err.Error(), "again") {
		t.Errorf("nothing to send: %v", err)
	}
}

// TestWhatCannotBeTakenBackIsNamed: a stick that fails in the middle of a sheet, or of a
// paper, may take no removing any more, and then has a part of it.
func TestWhatCannotBeTakenBackIsNamed(t *testing.T) {
	const left = "/proc/self/comm" // which nobody removes
	full := errors.New("no space left")
	err := takeBack(full, left)
	if !errors.Is(err, full) || !strings.Contains(err.Error(), `is left in "`+left+`", delete it`) {
		t.Errorf("of what is left it is said: %v", err)
	}
	if err := takeBack(full, filepath.Join(t.TempDir(), "gone")); err != full {
		t.Errorf("of what is gone it is said: %v", err)
	}
}
