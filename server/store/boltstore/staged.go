package boltstore

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"saksi/server/store"
)

// A stage is a payload on its way in. Its file says by its name how much of it is
// there for good: the name changes only after what it tells of was synced. The
// length of a file tells nothing, as after a power loss it may have holes.
type stage struct {
	id   store.UploadID
	size int64

	mu      sync.Mutex // guards what is below, the name of the file, and writes to it
	offset  int64      // that the name has
	written int64      // from the beginning; beyond offset not synced
	busy    bool       // somebody brings more
	turn    int        // which one does; an earlier one writes nothing any more
	gone    bool       // it is staged no more
}

// stages are all of them. Of locks, that of files comes first, then this one,
// then that of one stage.
type stages struct {
	mu  sync.Mutex
	all map[store.UploadID]*stage
}

const stagedSuffix = ".staged"

// stagePiece is what is read before it is written.
const stagePiece = 64 << 10

func stageName(u store.Upload) string {
	return fmt.Sprintf("%s.%d.%d%s", u.ID, u.Size, u.Offset, stagedSuffix)
}

// parseStage reads the name of a staged payload's file.
func parseStage(name string) (u store.Upload, ok bool) {
	id, rest, _ := strings.Cut(name, ".")
	if _, err := fmt.Sscanf(rest, "%d.%d"+stagedSuffix, &u.Size, &u.Offset); err != nil {
		return u, false
	}
	var err error
	u.ID, err = store.ParseUploadID(id)
	return u, err == nil && stageName(u) == name && u.Size > inlineMax() && u.Offset >= 0 && u.Offset <= u.Size
}

func (s *Store) stagePath(u store.Upload) string {
	return filepath.Join(s.dir, "payloads", stageName(u))
}

// upload is what a stage has for good. Its lock is held.
func (g *stage) upload() store.Upload { return store.Upload{ID: g.id, Size: g.size, Offset: g.offset} }

// Stage implements [store.Store].
func (s *Store) Stage(id store.UploadID, size, offset int64, from io.Reader) (int64, error) {
	const doing = "staging payload"
	g, err := s.findStage(id, size, offset == 0)
	if err != nil {
		return 0, fail(doing, err)
	}
	turn, now, err := g.begin(size, offset)
	if err == nil {
		err = s.take(g, turn, from)
		var kept error
		now, kept = s.endTurn(g, turn)
		err = cmp.Or(kept, err)
	}
	if err != nil {
		return now, fail(doing, err)
	}
	return now, nil
}

// findStage returns the stage of a name; if there is none, a new one if it is to
// begin.
func (s *Store) findStage(id store.UploadID, size int64, begin bool) (*stage, error) {
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	if g := s.stages.all[id]; g != nil {
		return g, nil
	}
	switch {
	case !begin:
		return nil, store.ErrUnknown
	case size <= inlineMax():
		return nil, store.ErrSize
	}
	if err := s.health.check(); err != nil {
		return nil, err
	}
	g := &stage{id: id, size: size}
	if err := s.makeStage(s.stagePath(g.upload())); err != nil {
		return nil, err
	}
	s.stages.all[id] = g
	return g, nil
}

// makeStage makes the file of a stage, and its name last.
func (s *Store) makeStage(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.blur(filepath.Join("payloads", filepath.Base(path)))
	return s.syncPayloads()
}

func (s *Store) syncPayloads() error {
	s.blur("payloads")
	return s.health.syncing(syncFolder(filepath.Join(s.dir, "payloads")))
}

// begin gives out a turn.
func (g *stage) begin(size, offset int64) (turn int, now int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.gone:
		return 0, 0, store.ErrUnknown
	case size != g.size:
		return 0, g.offset, store.ErrSize
	case g.busy:
		return 0, g.offset, store.ErrBusy
	case offset != g.offset:
		return 0, g.offset, store.ErrOffset
	}
	g.busy = true
	g.turn++
	return g.turn, g.offset, nil
}

// mine reports whether a turn goes on, or why not. The lock is held.
func (g *stage) mine(turn int) error {
	switch {
	case g.gone:
		return store.ErrUnknown
	case !g.busy || g.turn != turn:
		return store.ErrBusy
	}
	return nil
}

// take writes what comes, to its end or until it breaks off.
func (s *Store) take(g *stage, turn int, from io.Reader) error {
	f, err := s.openStage(g)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, stagePiece)
	for {
		n, broke := fill(from, buf)
		if err := s.write(g, turn, f, buf[:n]); err != nil {
			return err
		}
		if errors.Is(broke, io.EOF) {
			return nil
		}
		if broke != nil {
			return broke
		}
	}
}

func (s *Store) openStage(g *stage) (*os.File, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return os.OpenFile(s.stagePath(g.upload()), os.O_WRONLY, 0)
}

// fill is io.ReadFull that returns the reader's own error: a body that breaks off
// has the same as one that ends within a piece.
func fill(from io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var more int
		more, err = from.Read(buf[n:])
		n += more
	}
	return n, err
}

// write appends to a stage as long as the turn lasts, and never beyond its size.
func (s *Store) write(g *stage, turn int, f *os.File, p []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.mine(turn); err != nil {
		return err
	}
	if err := s.health.check(); err != nil {
		return err
	}
	fits := p[:min(int64(len(p)), g.size-g.written)]
	n, err := f.WriteAt(fits, g.written)
	g.written += int64(n)
	if err != nil {
		return s.health.writing(err)
	}
	if len(fits) < len(p) {
		return store.ErrSize
	}
	return nil
}

// endTurn makes final what a turn has brought.
func (s *Store) endTurn(g *stage, turn int) (now int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.mine(turn); err != nil {
		return g.offset, err
	}
	g.busy = false
	err = s.confirm(g)
	return g.offset, err
}

// confirm makes final what was written: the data first, then the name that tells
// how much it is. If that fails, what was written since the last time counts for
// nothing and is written over. The stage's lock is held.
func (s *Store) confirm(g *stage) (err error) {
	if g.written == g.offset {
		return nil
	}
	defer func() { g.written = g.offset }()
	if err := s.health.check(); err != nil {
		return err
	}
	before, after := g.upload(), g.upload()
	after.Offset = g.written
	if err := s.syncStage(before); err != nil {
		return err
	}
	if err := os.Rename(s.stagePath(before), s.stagePath(after)); err != nil {
		return err
	}
	if err := s.syncPayloads(); err != nil {
		return err
	}
	g.offset = after.Offset
	return nil
}

// syncStage syncs what was written to a stage's file, and its blurred time.
func (s *Store) syncStage(u store.Upload) error {
	f, err := os.OpenFile(s.stagePath(u), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	s.blur(filepath.Join("payloads", stageName(u)))
	return s.syncPart(f)
}

// Settle implements [store.Store].
func (s *Store) Settle(id store.UploadID) (store.Upload, error) {
	const doing = "settling payload"
	g := s.stages.get(id)
	if g == nil {
		return store.Upload{}, fail(doing, store.ErrUnknown)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.gone {
		return store.Upload{}, fail(doing, store.ErrUnknown)
	}
	g.busy = false
	if err := s.confirm(g); err != nil {
		return g.upload(), fail(doing, err)
	}
	return g.upload(), nil
}

func (all *stages) get(id store.UploadID) *stage {
	all.mu.Lock()
	defer all.mu.Unlock()
	return all.all[id]
}

// Unstage implements [store.Store].
func (s *Store) Unstage(id store.UploadID) error {
	const doing = "removing staged payload"
	found, err := s.dropStage(id)
	if err == nil && found {
		err = s.syncPayloads()
	}
	if err != nil {
		return fail(doing, err)
	}
	return nil
}

func (s *Store) dropStage(id store.UploadID) (found bool, err error) {
	if err := s.health.check(); err != nil {
		return false, err
	}
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	g := s.stages.all[id]
	if g == nil {
		return false, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.gone {
		if err := os.Remove(s.stagePath(g.upload())); err != nil && !errors.Is(err, os.ErrNotExist) {
			return true, err
		}
	}
	g.gone = true
	delete(s.stages.all, id)
	return true, nil
}

// Staged implements [store.Store].
func (s *Store) Staged() (uploads []store.Upload, err error) {
	s.stages.mu.Lock()
	defer s.stages.mu.Unlock()
	for _, g := range s.stages.all {
		g.mu.Lock()
		if !g.gone {
			uploads = append(uploads, g.upload())
		}
		g.mu.Unlock()
	}
	return uploads, nil
}
