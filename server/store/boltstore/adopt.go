package boltstore

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"go.etcd.io/bbolt"

	"saksi/crypto/receipt"
	"saksi/server/store"
)

// CreateStaged implements [store.Store].
func (s *Store) CreateStaged(i store.Item, slots [][]byte, from store.UploadID) error {
	const doing = "creating item"
	if err := s.look(doing, func(tx *bbolt.Tx) error { return checkUnused(tx, i.ID) }); err != nil {
		return err
	}
	// Sealing slots costs a sync, and destroying their key another.
	if err := s.ready(i, from); err != nil {
		return s.unlessUsed(doing, i.ID, err)
	}
	return s.create(i, slots, func(doing string, e newEntry) error { return s.adopt(doing, e, from) })
}

// ready settles a stage, and returns nil if all of an item's payload is in it.
func (s *Store) ready(i store.Item, from store.UploadID) error {
	u, err := s.Settle(from)
	if err != nil {
		return err
	}
	return (&stage{size: u.Size, offset: u.Offset}).fit(i)
}

// adopt makes a staged payload an item's.
func (s *Store) adopt(doing string, e newEntry, from store.UploadID) error {
	g := s.stages.get(from)
	if g == nil {
		return s.unlessUsed(doing, e.item.ID, store.ErrUnknown)
	}
	if err := s.adoptFile(doing, e, g); err != nil {
		return err
	}
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	if s.stages.all[g.id] == g {
		delete(s.stages.all, g.id)
	}
	return nil
}

// unlessUsed passes an error on, or says that the item is there meanwhile.
func (s *Store) unlessUsed(doing string, id receipt.ItemID, err error) error {
	if errors.Is(err, store.ErrUnknown) {
		err = cmp.Or(s.look(doing, func(tx *bbolt.Tx) error { return checkUnused(tx, id) }), err)
	}
	if err != nil {
		return fail(doing, err)
	}
	return nil
}

// adoptFile gives the file a second name, that of a payload, and takes the first
// one away when the item is indexed. So at every moment one of them is right, and
// Open finds out which. Since it was settled it may have been removed and begun
// anew: what is adopted is looked at here, under its lock.
func (s *Store) adoptFile(doing string, e newEntry, g *stage) error {
	s.files.Lock()
	defer s.files.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return s.unlessUsed(doing, e.item.ID, store.ErrUnknown)
	}
	if err := g.fit(e.item); err != nil {
		return fail(doing, err)
	}
	path := s.stagePath(g.upload())
	if err := s.placeAndIndex(doing, e, os.Link, path); err != nil {
		return err
	}
	g.gone = true
	os.Remove(path) // else the next Open does
	s.blur("payloads")
	return nil
}

// fit returns nil if all of an item's payload is there for good. The stage's lock is
// held.
func (g *stage) fit(i store.Item) error {
	switch {
	case g.size != i.Size:
		return store.ErrSize
	case g.offset != g.size:
		return store.ErrOffset
	}
	return nil
}

// loadStages finds what was staged before, and sweeps what an item has taken: that
// has a second name, as what was not indexed has lost its own by now. A file that
// is shorter than its name says is left for Check to tell.
func (s *Store) loadStages() error {
	entries, err := os.ReadDir(filepath.Join(s.dir, "payloads"))
	if err != nil {
		return fmt.Errorf("finding staged payloads: %w", err)
	}
	for _, e := range entries {
		u, ok := parseStage(e.Name())
		if !ok {
			continue
		}
		if err := s.loadStage(u, entries); err != nil {
			return fail("finding staged payloads", err)
		}
	}
	return nil
}

func (s *Store) loadStage(u store.Upload, entries []os.DirEntry) error {
	info, err := os.Lstat(s.stagePath(u))
	if err != nil || !info.Mode().IsRegular() || info.Size() < u.Offset || s.stages.all[u.ID] != nil {
		return err
	}
	if s.taken(info, entries) {
		return os.Remove(s.stagePath(u))
	}
	s.blur(filepath.Join("payloads", stageName(u))) // it may have been in the middle of a slice
	s.stages.all[u.ID] = &stage{id: u.ID, size: u.Size, offset: u.Offset, written: u.Offset}
	return nil
}

// taken reports whether a staged file is a payload, too. Few have a second name, so
// few are looked for.
func (s *Store) taken(info os.FileInfo, entries []os.DirEntry) bool {
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink < 2 {
		return false
	}
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		payload, err := os.Lstat(filepath.Join(s.dir, "payloads", e.Name()))
		return err == nil && ourFile(e.Name()) && os.SameFile(info, payload)
	})
}

// staged reports whether a file is of a stage, or was when the folder was listed.
func (s *Store) staged(name string) bool {
	u, ok := parseStage(name)
	if !ok {
		return false
	}
	if g := s.stages.get(u.ID); g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		if !g.gone && g.upload() == u {
			return true
		}
	}
	_, err := os.Lstat(s.stagePath(u))
	return errors.Is(err, os.ErrNotExist)
}
