package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/courier"
)

// endless is a server whose bundle has no end.
type endless struct {
	courier.Operations
	stop func()
}

func (o endless) Bundle(w io.Writer) ([]receipt.ItemID, error) {
	for range 1000 { // none, as far as anybody waits
		if _, err := w.Write([]byte("a piece")); err != nil {
			return nil, err
		}
		o.stop()
	}
	return nil, nil
}

// TestAnExportCanBeStopped: a large one to a slow stick takes hours, and the stick is
// else pulled out while it is written to.
func TestAnExportCanBeStopped(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	err := export(ctx, env{stdout: io.Discard, stderr: io.Discard}, endless{stop: stop}, filepath.Join(dir, "bundle.tar"), false)
	if !errors.Is(err, errStopped) {
		t.Errorf("%v, want errStopped", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// small is a server with a bundle of a few bytes.
type small struct {
	courier.Operations
	beside func()
}

func (s small) Bundle(w io.Writer) ([]receipt.ItemID, error) {
	s.beside()
	_, err := io.WriteString(w, "a bundle")
	return nil, err
}

// TestWhatAKilledExportLeftGoes: with the next to that name. Two at once do not share a file.
func TestWhatAKilledExportLeftGoes(t *testing.T) {
	dir := t.TempDir()
	out, quiet := filepath.Join(dir, "bundle.tar"), env{stdout: io.Discard, stderr: io.Discard}
	must(t, os.WriteFile(out+".part", []byte("longer than what comes next"), 0o600))
	must(t, export(t.Context(), quiet, small{beside: func() {
		err := export(t.Context(), quiet, small{beside: func() { t.Error("two write at once") }}, out, false)
		if !errors.Is(err, errTwice) {
			t.Errorf("a second one beside it: %v, want errTwice", err)
		}
	}}, out, false))
	left, err := os.ReadDir(dir)
	must(t, err)
	text, err := os.ReadFile(out)
	if err != nil || string(text) != "a bundle" || len(left) != 1 {
		t.Errorf("there is %q, %v, and in all %v", text, err, left)
	}
}

// TestAnExportFollowsNoLink: what lies on a stick leads to no other file.
func TestAnExportFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	out, elsewhere := filepath.Join(dir, "bundle.tar"), filepath.Join(dir, "elsewhere")
	must(t, os.WriteFile(elsewhere, []byte("mine"), 0o600))
	must(t, os.Symlink(elsewhere, out+".part"))
	err := export(t.Context(), env{stdout: io.Discard, stderr: io.Discard}, small{beside: func() {}}, out, false)
	if text, readErr := os.ReadFile(elsewhere); err == nil || readErr != nil || string(text) != "mine" {
		t.Errorf("%v; the other file has %q, %v", err, text, readErr)
	}
}
