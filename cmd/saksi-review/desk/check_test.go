package desk

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// marker stands in every text that a test has a reporter write.
const marker = "RAHASIA"

// check holds, after every step, what is true of a desk at rest: no staging, no
// temporary file, nothing readable by others, nothing in plaintext, an index
// that reads back, every item where the index says, and nothing else there.
func (d *table) check() {
	d.t.Helper()
	if _, err := parseIndex(d.index.format()); err != nil && d.index.Roots != "" {
		d.t.Errorf("the index does not read back: %v", err)
	}
	err := filepath.WalkDir(d.folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			d.t.Errorf("%s is open to others", path)
		}
		if e.Name() == "staging" || e.Name() == arrivingFile || strings.HasSuffix(path, ".new") || strings.HasSuffix(path, ".part") {
			d.t.Errorf("%s was left behind", path)
		}
		if e.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(marker)) {
			d.t.Errorf("%s holds plaintext", path)
		}
		return err
	})
	if err != nil {
		d.t.Error(err)
	}
	items, cases := len(d.index.Waiting), len(d.index.Waiting)
	for _, t := range d.index.Threads {
		items += len(t.Items)
		if t.Case != "" {
			cases++
		}
	}
	d.checkFolder("items", items)
	d.checkFolder("cases", cases)
}

func (d *table) checkFolder(name string, want int) {
	d.t.Helper()
	entries, err := os.ReadDir(d.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Error(err)
	}
	if len(entries) != want {
		d.t.Errorf("folder %s has %d entries, the index %d", name, len(entries), want)
	}
}

func errorsIs(err, want error) bool { return err != nil && errors.Is(err, want) }

func sum(b []byte) [32]byte { return sha256.Sum256(b) }
