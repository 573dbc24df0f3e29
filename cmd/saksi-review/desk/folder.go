package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Modes of everything the desk writes.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// Lock takes a lock for as long as the returned file is open. The kernel lets go of
// it when the process ends, however it ends. The file stays: it is empty, and whoever
// removed it could let two in. Lock returns [ErrLocked] when another command has it.
func Lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// replaceFile writes a file so that a crash leaves the old content or the new.
// The desk's lock keeps two from writing one name.
func replaceFile(path string, content []byte) error {
	if err := placeFile(path, content); err != nil {
		return err
	}
	return syncPath(filepath.Dir(path))
}

// placeFile does the same, but for the name, which is not on the disk for good yet. After
// an error nothing has changed.
func placeFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	temporary := path + ".new"
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	f, err := createFile(temporary)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, scrap(temporary)) // else a next desk would take it for what is left of one
	}
	return os.Rename(temporary, path)
}

// createFile makes a file that must not be there yet.
func createFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// writeFile makes a file that must not be there yet, with everything in r.
func writeFile(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return err
	}
	f, err := createFile(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("reading %q: %w", path, ErrOversize)
	}
	return content, err
}

// moveFolder puts a folder in its place. What stands there is from an
// interrupted import and gives way.
func moveFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), folderMode); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// syncAll makes everything below a folder survive a power cut. It syncs the
// whole file system at once: file by file, a bundle of a thousand items is
// many thousand waits for the disk.
func syncAll(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(f.Fd())), f.Close())
}

// syncPath makes a file's content, or a folder's entries, survive a power cut.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// A meter passes bytes on, counts them, stops when the context ends, and
// remembers an error of the reader below: a stick that was pulled is not a
// forged item.
type meter struct {
	ctx   context.Context
	r     io.Reader
	err   error
	count func(n int)
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err = m.ctx.Err(); m.err != nil {
		return 0, m.err
	}
	n, err := m.r.Read(p)
	if err != nil && err != io.EOF {
		m.err = err
	}
	m.count(n)
	return n, err
}

// counter returns a function that adds up bytes and tells the progress.
func (d *Desk) counter(work string, total int64) func(int) {
	var done int64
	return func(n int) {
		done += int64(n)
		d.progress(work, done, total)
	}
}
