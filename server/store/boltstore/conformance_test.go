package boltstore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

type engine struct{ dir string }

func newEngine(t testing.TB) storetest.Engine {
	dir := t.TempDir()
	if err := Create(dir); err != nil {
		t.Fatal(err)
	}
	return engine{dir}
}

func (e engine) Open(t testing.TB) store.Store { return open(t, e.dir) }

func (e engine) Copy(t testing.TB, to string) storetest.Engine {
	storetest.CopyFolder(t, to, e.dir, ballastName)
	return engine{to}
}

func open(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(dir, clock)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { storetest.Run(t, newEngine) }

// wrapped is an engine behind the wrapper that plants faults.
type wrapped struct{ storetest.Engine }

func (w wrapped) Open(t testing.TB) store.Store { return &storetest.Faulty{Store: w.Engine.Open(t)} }

func (w wrapped) Copy(t testing.TB, to string) storetest.Engine {
	return wrapped{w.Engine.Copy(t, to)}
}

// TestWrapperIsTransparent: where no fault is planted, the store is as without.
func TestWrapperIsTransparent(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Engine { return wrapped{newEngine(t)} })
}

// TestFullDiskConforms to what every engine does on one.
func TestFullDiskConforms(t *testing.T) {
	onSmallDisk(t, "size=64m", func(t *testing.T, dir string) {
		data := filepath.Join(dir, "store")
		if err := Create(data); err != nil {
			t.Fatal(err)
		}
		storetest.FullDisk(t, engine{data}, filepath.Join(dir, "foreign"))
	})
}

// TestFailedDiskConforms, and the wrapper that plants faults is like this engine.
func TestFailedDiskConforms(t *testing.T) {
	t.Run("boltstore", func(t *testing.T) {
		storetest.FailedDisk(t, newEngine(t), func(s store.Store) { s.(*Store).health.syncing(syscall.EIO) })
	})
	t.Run("wrapper", func(t *testing.T) {
		storetest.FailedDisk(t, wrapped{newEngine(t)}, func(s store.Store) {
			s.(*storetest.Faulty).Plant(storetest.FailedSync)
			s.Unstage(store.UploadID{1})
		})
	})
}

// TestWhatTheDiskFailedInIsInDoubt: the tombstone is there, or the mark of replies, and
// the key is not destroyed.
func TestWhatTheDiskFailedInIsInDoubt(t *testing.T) {
	t.Run("boltstore", func(t *testing.T) {
		storetest.Doubts(t, newEngine, func(s store.Store) { s.(*Store).sectors.refuse(t) })
	})
	t.Run("wrapper", func(t *testing.T) {
		storetest.Doubts(t, func(t testing.TB) storetest.Engine { return wrapped{newEngine(t)} },
			func(s store.Store) { s.(*storetest.Faulty).Plant(storetest.FailedSync) })
	})
}

// refuse has the disk take no key any more.
func (s *sectors) refuse(t testing.TB) {
	t.Helper()
	shut, err := os.Open(s.file.Name())
	if err != nil {
		t.Fatal(err)
	}
	s.file.Close()
	s.file = shut
}

// TestWrapperFailsAsThisEngineDoes: on a disk that failed nothing is written, no batch
// is read, which might not be there, and everything else is.
func TestWrapperFailsAsThisEngineDoes(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	f := &storetest.Faulty{Store: s}
	first := store.Batch{Sequence: 1, Note: []byte("n"), Sums: []byte("s")}
	if err := f.CloseBatch(first, 1); err != nil {
		t.Fatal(err)
	}
	i := create(t, s, sizes()[0], "")
	f.Plant(storetest.FailedSync)
	if err := f.Schedule(2); !errors.Is(err, store.ErrFailed) {
		t.Errorf("scheduling: %v, want ErrFailed", err)
	}
	_, reading := f.Batch(1)
	_, settling := f.Settle(store.UploadID{1})
	for doing, err := range map[string]error{
		"burying": f.Bury(tombstone(i.ID)), "reading a batch": reading, "settling": settling, "looking": f.Sound(),
	} {
		if !errors.Is(err, store.ErrFailed) {
			t.Errorf("%s: %v, want ErrFailed", doing, err)
		}
	}
	if states, err := f.States([]receipt.ItemID{i.ID}); err != nil || states[0].Item == nil {
		t.Errorf("reading states: %+v, %v", states, err)
	}
	f.Restart()
	if b, err := f.Batch(0); err != nil || b.Sequence != 1 || f.Sound() != nil {
		t.Errorf("after a restart: %+v, %v, sound %v", b, err, f.Sound())
	}
}
