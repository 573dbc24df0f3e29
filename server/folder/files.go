package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxFile bounds what is read of a file, in bytes: a roster is below that, and so is a
// recipients file.
const maxFile = 1 << 20

// readFile reads a file whole, or returns an error for one that is too large.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		return nil, fmt.Errorf("%q has more than %d bytes", filepath.Base(name), maxFile)
	}
	return text, err
}

// writeNew writes a file that must not exist, and syncs it. On an error there is none.
func writeNew(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("creating data folder: %w", err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = syncFolder(filepath.Dir(name))
	}
	if err != nil {
		_ = os.Remove(name) // as well as can be
		return fmt.Errorf("creating data folder: %w", err)
	}
	return nil
}

// partSuffix is of a file that is being written; a crash may leave it.
const partSuffix = ".part"

// replace writes a file so that after a crash, or without room for it, there is all of
// it, or what was before.
func replace(name string, content []byte) error {
	f, err := os.OpenFile(name+partSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(name+partSuffix, name)
	}
	if err != nil {
		_ = os.Remove(name + partSuffix) // as well as can be
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes what was created, renamed or removed in a folder last.
func syncFolder(name string) error {
	dir, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
