package errand

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"saksi/crypto/batch"
)

// ErrTwice is returned while another fetch writes to the same folder.
var ErrTwice = errors.New("another fetch is under way in this folder")

// hold keeps other fetches out of a folder until it is released, or the process ends,
// however it ends. A file system that knows no locks is not held to them.
func hold(dir string) (release func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("fetching: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, errors.Join(fmt.Errorf("fetching into %q: %w", dir, ErrTwice), f.Close())
	}
	return f.Close, nil
}

// findPartial opens what an earlier fetch from this address left in a folder.
func findPartial(dir, prefix string) (*partial, error) {
	p := &partial{dir: dir, prefix: prefix}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("fetching: %w", err)
	}
	pattern := regexp.MustCompile("^" + regexp.QuoteMeta(prefix) + `([0-9a-f]{32})\.part$`)
	for _, e := range entries {
		m := pattern.FindStringSubmatch(e.Name())
		if m == nil || !e.Type().IsRegular() {
			continue
		}
		if p.tag != "" { // of two bundles one is not the server's any more
			if err := p.discard(); err != nil {
				return nil, err
			}
		}
		if err := p.open(m[1]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *partial) open(tag string) error {
	p.tag = tag
	f, err := os.OpenFile(p.name(), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return fmt.Errorf("fetching: %w", err)
	}
	p.file, p.have, p.pieces = f, info.Size(), 1
	return nil
}

func (p *partial) close() {
	if p.file != nil {
		p.file.Close()
	}
	p.file = nil
}

// discard removes the file, and begins without one.
func (p *partial) discard() error {
	p.close()
	if p.tag != "" {
		if err := os.Remove(p.name()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("fetching: %w", err)
		}
	}
	*p = partial{dir: p.dir, prefix: p.prefix, unfit: p.unfit}
	return nil
}

// refuse removes a bundle that did not stand the check. One that could not be read
// stays, for the next fetch: hours of Tor may be in it.
func (p *partial) refuse(err error) error {
	if errors.Is(err, batch.ErrBundle) || errors.Is(err, ErrForged) || errors.Is(err, ErrLarge) {
		return errors.Join(err, p.discard())
	}
	return err
}

// shortTag is as much of a tag as a bundle's name has.
const shortTag = 12

// already returns the bundle of a tag and a size if it was fetched before. One that is
// not whole any more is told, and fetched anew: the stick may have been pulled while it
// was copied.
func (c *Courier) already(p *partial, tag string, size int64) *Fetched {
	entries, err := os.ReadDir(p.dir)
	if err != nil || p.unfit == tag {
		return nil
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "bundle-") || !strings.HasSuffix(e.Name(), "-"+tag[:shortTag]+".tar") {
			continue
		}
		path := filepath.Join(p.dir, e.Name())
		if checked := c.intact(path, size); checked != nil {
			return &Fetched{Path: path, Already: true, Checked: *checked}
		}
		c.Notice("%q is damaged: fetching it anew", path)
		p.unfit = tag // looking again may take longer than the connection waits
	}
	return nil
}

// intact checks a bundle that lies there, and returns nil for one that is not as it was.
func (c *Courier) intact(path string, size int64) *Checked {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	checked, err := Check(f, c.Pass.Origin, c.Pass.Server)
	if err != nil || checked.Size != size || len(checked.Damaged) > 0 {
		return nil
	}
	return checked
}

// settle gives the bundle its name, for good: the stick is pulled next.
func (p *partial) settle(f *Fetched) error {
	f.Path = filepath.Join(p.dir, fmt.Sprintf("bundle-%d-%s.tar", f.Batch, p.tag[:shortTag]))
	if err := p.file.Sync(); err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	if err := os.Rename(p.name(), f.Path); err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	dir, err := os.Open(p.dir)
	if err != nil {
		return fmt.Errorf("fetching: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}
