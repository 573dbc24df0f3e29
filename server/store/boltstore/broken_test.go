package boltstore

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"saksi/server/store"
	"saksi/server/store/storetest"
)

// TestSuiteCanFail: engines that write too late, or too much, are found out by copies
// that are made while they are open.
func TestSuiteCanFail(t *testing.T) {
	burns := func(c storetest.Crash) bool { return c.Burns }
	always := func(storetest.Crash) bool { return true }
	for name, test := range map[string]struct {
		of    func(engine) storetest.Engine
		found func(storetest.Crash) bool
	}{
		"writes when it is closed": {func(e engine) storetest.Engine { return lazy{e} }, always},
		"is one operation late":    {func(e engine) storetest.Engine { return &late{engine: e} }, always},
		"keeps more than it says":  {func(e engine) storetest.Engine { return hoarding{e} }, burns},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range storetest.Crashes(t, test.of(newEngine(t).(engine))) {
				if found := len(c.Wrong) > 0; found != test.found(c) {
					t.Errorf("after %s: found %q", c.Step, c.Wrong)
				}
			}
		})
	}
}

// TestDisksCanFail: a store that goes on after its disk failed, and one that acknowledges
// what found no room, are found out.
func TestDisksCanFail(t *testing.T) {
	wrong := storetest.Findings(t, func(t testing.TB) { storetest.FailedDisk(t, newEngine(t), func(store.Store) {}) })
	if len(wrong) < 20 {
		t.Errorf("of a store that goes on was found %q", wrong)
	}
	onSmallDisk(t, "size=64m", func(t *testing.T, dir string) {
		data := filepath.Join(dir, "store")
		if err := Create(data); err != nil {
			t.Fatal(err)
		}
		wrong := storetest.Findings(t, func(t testing.TB) {
			storetest.FullDisk(t, hopeful{engine{data}}, filepath.Join(dir, "foreign"))
		})
		if len(wrong) == 0 {
			t.Error("a store that takes files on a full disk passes")
		}
	})
}

// hopeful is an engine that takes for granted that there is room for files.
type hopeful struct{ engine }

func (h hopeful) Open(t testing.TB) store.Store { return hope{h.engine.Open(t)} }

type hope struct{ store.Store }

func (h hope) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	err := h.Store.Create(i, slots, payload)
	if i.Size > inlineMax() && errors.Is(err, store.ErrFull) {
		return nil
	}
	return err
}

// lazy is an engine whose folder has what it did once it is closed.
type lazy struct{ engine }

func (l lazy) Open(t testing.TB) store.Store {
	work := t.TempDir()
	l.engine.Copy(t, work)
	return &lazyStore{open(t, work), func() { storetest.CopyFolder(t, l.dir, work) }}
}

type lazyStore struct {
	store.Store
	write func()
}

func (s *lazyStore) Close() error {
	defer s.write()
	return s.Store.Close()
}

// late is an engine whose folder has what it did when it has done something else.
type late struct {
	engine
	before *engine
}

func (l *late) Open(t testing.TB) store.Store {
	before := l.engine.Copy(t, t.TempDir()).(engine)
	l.before = &before
	return l.engine.Open(t)
}

func (l *late) Copy(t testing.TB, to string) storetest.Engine {
	before := *l.before
	now := l.engine.Copy(t, t.TempDir()).(engine)
	l.before = &now
	return before.Copy(t, to)
}

// hoarding is an engine that keeps in clear what it is given.
type hoarding struct{ engine }

func (h hoarding) Open(t testing.TB) store.Store {
	return hoard{open(t, h.dir), filepath.Join(h.dir, "hoard")}
}

func (h hoarding) Copy(t testing.TB, to string) storetest.Engine {
	return hoarding{h.engine.Copy(t, to).(engine)}
}

type hoard struct {
	store.Store
	file string
}

func (h hoard) keep(values ...[]byte) error {
	f, err := os.OpenFile(h.file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, fileMode)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, v := range values {
		if _, err := f.Write(v); err != nil {
			return err
		}
	}
	return nil
}

// Check sees nothing of it.
func (h hoard) Check() ([]string, error) { return nil, nil }

func (h hoard) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	if err := h.keep(slots...); err != nil {
		return err
	}
	return h.Store.Create(i, slots, payload)
}

func (h hoard) AddReply(r store.Reply) error {
	if err := h.keep(r.Sealed); err != nil {
		return err
	}
	return h.Store.AddReply(r)
}
