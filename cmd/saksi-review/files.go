package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

// Modes of what the command writes.
const (
	secretMode = 0o600
	publicMode = 0o644
)

// maxInput bounds every file that a user names, except bundles: notes have at
// most 1 MB by themselves.
const maxInput = 1 << 20

// create makes a file that must not be there yet.
func create(path string, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// writeNew writes a file that must not be there yet, to the disk.
func writeNew(path string, mode os.FileMode, content string) error {
	f, err := create(path, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return takeBack(err, path)
	}
	return nil
}

// takeBack removes what was written before err, or says beside it what is left: a stick
// that turns read-only when it fails may keep a secret, or a plaintext.
func takeBack(err error, path string) error {
	if left := os.RemoveAll(path); left != nil {
		return fmt.Errorf("%w; what was written until then is left in %q, delete it: %w", err, path, left)
	}
	return err
}

// checkNew holds that a file can be made that is not there yet, before anything is done
// that would have to be done again without it.
func checkNew(path string) error {
	f, err := create(path, secretMode)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(path))
}

// A newFile is one that must not be there yet.
type newFile struct {
	path    string
	mode    os.FileMode
	content string
}

// writeAll writes all of the files, or none.
func writeAll(files ...newFile) error {
	for i, f := range files {
		if err := writeNew(f.path, f.mode, f.content); err != nil {
			for _, written := range files[:i] {
				err = takeBack(err, written.path)
			}
			return err
		}
	}
	return nil
}

// fillNew makes a secret file that must not be there yet and has it filled. The file
// comes first: where it cannot be made, nothing counts as sent. After an error there
// is none.
func fillNew(path string, fill func(io.Writer) error) error {
	f, err := create(path, secretMode)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return takeBack(err, path)
	}
	return nil
}

// beside returns path with another suffix.
func beside(path, suffix string) string {
	return strings.TrimSuffix(path, filepath.Ext(path)) + suffix
}

func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", path, err)
	}
	return text, nil
}

// readUpTo reads a file that a user names, one byte more than limit at most: what
// takes it apart refuses that.
func readUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return content, nil
}

func readAll(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("more than %d bytes", maxInput)
	}
	return string(b), err
}

// readKey reads a key file: keys without terms.
func readKey(c *console, path string) (*reviewer.Keys, error) {
	f, err := readSecret(c, path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return reviewer.ParseFile(f)
}

// readKeys reads a key file, and a weeks file.
func readKeys(c *console, path, weeks string) (*reviewer.Keys, error) {
	keys, err := readKey(c, path)
	if err != nil {
		return nil, err
	}
	return readWeeks(keys, weeks)
}

func readRoots(path string) (roster.RootSet, error) {
	text, err := readText(path)
	if err != nil {
		return roster.RootSet{}, err
	}
	set, err := roster.ParseRootSet(text)
	if err != nil {
		return roster.RootSet{}, fmt.Errorf("reading %q: %w", path, err)
	}
	return set, nil
}

// progress returns what shows how far a long work has come, when stderr is a
// terminal; otherwise nothing is shown.
func (c *console) progress() func(work string, done, total int64) {
	f, ok := c.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return newProgress(f, time.Now)
}

// newProgress writes at most five lines a second over each other. Work of less
// than that is never shown.
func newProgress(w io.Writer, now func() time.Time) func(work string, done, total int64) {
	last := now()
	shown := false
	return func(work string, done, total int64) {
		end := done >= total
		if now().Sub(last) < 200*time.Millisecond && !(end && shown) || total <= 0 {
			return
		}
		last, shown = now(), !end
		fmt.Fprintf(w, "\r\x1b[K%s: %s of %s bytes, %d %%", work, number(done), number(total), 100*done/total)
		if end {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

// number writes 1234567 as 1,234,567.
func number(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plural writes "1 item" and "2 items".
func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	if stem, ok := strings.CutSuffix(one, "y"); ok {
		one = stem + "ie"
	} else if strings.HasSuffix(one, "ch") {
		one += "e"
	}
	return number(int64(n)) + " " + one + "s"
}
