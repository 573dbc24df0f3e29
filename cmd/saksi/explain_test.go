package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"saksi/cmd/saksi/errand"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/store"
)

// TestADisksErrorSaysWhatToDo: of the data folder, of a stick, and through the socket of
// a server, by which only the text comes. A hint that is there stays.
func TestADisksErrorSaysWhatToDo(t *testing.T) {
	at := func(path string, err error) error { return &fs.PathError{Op: "write", Path: path, Err: err} }
	failed := fmt.Errorf("%w: %v", store.ErrFailed, syscall.EIO)
	for _, c := range []struct {
		err  error
		hint string
	}{
		{fmt.Errorf("closing batch: %w", failed), "nothing more is taken"},
		{fmt.Errorf("closing batch: %w", store.ErrFull), "make room on the disk of data"},
		{fmt.Errorf("reading item: read: %w", syscall.EIO), "the disk of data is failing"},
		{at("data/health.json", syscall.EROFS), "the disk of data is mounted read-only"},
		{at("data/tor/log", syscall.EDQUOT), "make room on the disk of data"},
		{at("data2/b.tar", syscall.ENOSPC), "make room there"},
		{at("/media/stick/b.tar", syscall.EIO), "that stick or disk is failing"},
		{at("/media/stick/b.tar", syscall.EFBIG), "formatting this one erases"},
		{hinted{at("data/x", syscall.EIO), "as it was"}, "as it was"},
	} {
		errs := []error{c.err}
		if !elsewhere(c.err, "data") && !errors.As(c.err, new(hinted)) {
			errs = append(errs, errors.New(c.err.Error()))
		}
		for _, err := range errs {
			if h := (hinted{}); !errors.As(explain(err, "data"), &h) || !strings.Contains(h.hint, c.hint) {
				t.Errorf("%v: %q", err, h.hint)
			}
		}
	}
	if err := explainDisk(at("data/tor/x", syscall.EACCES), "data"); errors.As(err, new(hinted)) {
		t.Errorf("what is not of a disk is said to be: %v", err)
	}
	full := fmt.Errorf("finding room for answers: %w", store.ErrFull)
	for _, err := range []error{full, errors.New(full.Error())} {
		if h := (hinted{}); !errors.As(explainOutbox(err), &h) || !strings.Contains(h.hint, "the same outbox once more") {
			t.Errorf("%v: %q", err, h.hint)
		}
	}
	brought := errandFlags{pass: new(string)}.explain(&errand.RefusedError{Text: full.Error()})
	if h := (hinted{}); !errors.As(brought, &h) || !strings.Contains(h.hint, "tell the operator to make room") {
		t.Errorf("a courier is told %q", h.hint)
	}
	broken := fmt.Errorf("receiving bundle: %w", io.ErrUnexpectedEOF)
	for _, err := range []error{inbox.ErrNoBatch, errors.New(inbox.ErrNoBatch.Error()), broken} {
		if !errors.As(explainBundle(err), new(hinted)) {
			t.Errorf("%v: nothing to do", err)
		}
	}
}

// TestAnErrandsDiskSaysWhatToDo: to a courier at a laptop, with a stick.
func TestAnErrandsDiskSaysWhatToDo(t *testing.T) {
	pass := "budi.pass"
	f := errandFlags{pass: &pass}
	at := func(err error) error {
		return fmt.Errorf("fetching: %w", &fs.PathError{Op: "write", Path: "/media/stick/x.part", Err: err})
	}
	for err, hint := range map[error]string{
		at(syscall.ENOSPC): "what came is kept",
		at(syscall.EDQUOT): "what came is kept",
		at(syscall.EROFS):  "mounted read-only",
		at(syscall.EIO):    "that stick or disk is failing",
		at(syscall.EFBIG):  "formatting this one erases",
		at(syscall.ENOENT): "whether the stick is mounted",
		at(syscall.EACCES): "may not",
		fmt.Errorf("checking: reading bundle: %w", syscall.EIO): "that stick or disk is failing",
	} {
		if h := (hinted{}); !errors.As(f.explain(err), &h) || !strings.Contains(h.hint, hint) {
			t.Errorf("%v: %q", err, h.hint)
		}
	}
	for _, name := range []string{"/nowhere/outbox", "/nowhere/pass"} {
		_, outbox := readOutbox(name)
		_, pass := readPass(env{}, name)
		for _, err := range []error{explainFile(outbox), pass} {
			if !errors.As(err, new(hinted)) {
				t.Errorf("%v: nothing to do", err)
			}
		}
	}
}

// TestAHintsCommandsCanBeCopied whatever the folder is called.
func TestAHintsCommandsCanBeCopied(t *testing.T) {
	const data, word = "kotak kami; x", "'kotak kami; x'"
	pass := data
	said := []error{
		explain(folder.ErrNoFolder, data), explain(folder.ErrNoRoster, data), explain(folder.ErrNoRoots, data),
		explain(folder.ErrNotEmpty, data), errandFlags{pass: &pass}.explain(errand.ErrNoKey),
		runInit(t.Context(), env{stdout: io.Discard, stderr: io.Discard}, []string{"-data", data}),
		runInit(t.Context(), env{stdout: io.Discard, stderr: io.Discard}, []string{"-data", data, "-root", "r"}),
	}
	for _, err := range said {
		if h := (hinted{}); !errors.As(err, &h) || !strings.Contains(h.hint, word) {
			t.Errorf("%v: %q", err, h.hint)
		}
	}
}
