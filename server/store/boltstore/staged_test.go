package boltstore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

// halfway stages half of a payload.
func halfway(t *testing.T, s *Store) (u store.Upload, payload []byte) {
	t.Helper()
	u = store.Upload{Size: sizes()[1], Offset: sizes()[1] / 2}
	rand.Read(u.ID[:])
	payload = make([]byte, u.Size)
	rand.Read(payload)
	now, err := s.Stage(u.ID, u.Size, 0, bytes.NewReader(payload[:u.Offset]))
	if err != nil || now != u.Offset {
		t.Fatalf("staged %d bytes: %v", now, err)
	}
	return u, payload
}

// wholly stages the rest of a payload and makes an item of it.
func wholly(t *testing.T, s *Store, u store.Upload, payload []byte) {
	t.Helper()
	if now, err := s.Stage(u.ID, u.Size, u.Offset, bytes.NewReader(payload[u.Offset:])); err != nil || now != u.Size {
		t.Fatalf("staged %d bytes: %v", now, err)
	}
	i := store.Item{ID: receipt.ItemID(u.ID), Roster: 1, Week: week.Of(noon), Size: u.Size}
	if err := s.CreateStaged(i, [][]byte{make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))}, u.ID); err != nil {
		t.Fatal(err)
	}
	r, err := s.Payload(i.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, payload) {
		t.Errorf("another payload came out: %v", err)
	}
}

// isStaged holds which uploads there are, and that nothing is wrong.
func isStaged(t *testing.T, s *Store, want ...store.Upload) {
	t.Helper()
	if got, err := s.Staged(); err != nil || !slices.Equal(got, want) {
		t.Errorf("staged are %+v, %v, want %+v", got, err, want)
	}
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
}

// TestCrashesBetweenTwoNames: of a payload that was being adopted either name may
// be there. What the index has tells which is right.
func TestCrashesBetweenTwoNames(t *testing.T) {
	s, dir := newStore(t)
	before, payload := halfway(t, s)
	after := create(t, s, sizes()[1], "")
	s.Close()
	name := func(u store.Upload) string { return filepath.Join(dir, "payloads", stageName(u)) }
	taken := store.Upload{ID: store.UploadID{9}, Size: after.Size, Offset: after.Size}
	for from, to := range map[string]string{
		name(before): filepath.Join(dir, "payloads", before.ID.String()+".age"), // linked, not indexed
		filepath.Join(dir, "payloads", after.ID.String()+".age"): name(taken), // indexed, not unlinked
	} {
		if err := os.Link(from, to); err != nil {
			t.Fatal(err)
		}
	}
	s = open(t, dir)
	defer s.Close()
	isStaged(t, s, before)
	files, err := os.ReadDir(filepath.Join(dir, "payloads"))
	if err != nil || len(files) != 2 {
		t.Errorf("left are %v, %v", files, err)
	}
	wholly(t, s, before, payload)
	isStaged(t, s)
}

// TestBytesThatNoNameTellsOfAreWrittenOver: after a crash a file may be longer
// than its name says, with other bytes; and have the time of the crash.
func TestBytesThatNoNameTellsOfAreWrittenOver(t *testing.T) {
	s, dir := newStore(t)
	u, payload := halfway(t, s)
	s.Close()
	name := filepath.Join(dir, "payloads", stageName(u))
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	defer s.Close()
	isStaged(t, s, u)
	if info, err := os.Stat(name); err != nil || !info.ModTime().Equal(week.Of(noon).Monday()) {
		t.Errorf("its time is %v, %v", info.ModTime(), err)
	}
	wholly(t, s, u, payload)
}

// TestCheckNamesWhatIsNotStaged: files that only look like it, and one that has
// lost something.
func TestCheckNamesWhatIsNotStaged(t *testing.T) {
	for name, spoil := range map[string]func(dir string, u store.Upload) error{
		"shorter": func(dir string, u store.Upload) error {
			return os.Truncate(filepath.Join(dir, stageName(u)), u.Offset-1)
		},
		"twice": func(dir string, u store.Upload) error {
			more := u
			more.Offset--
			return os.Link(filepath.Join(dir, stageName(u)), filepath.Join(dir, stageName(more)))
		},
		"no id":           plant("x.300000.1.staged"),
		"no number":       plant(receipt.ItemID{1}.String() + ".x.1.staged"),
		"other spelling":  plant(receipt.ItemID{1}.String() + ".300000.+1.staged"),
		"beyond its size": plant(receipt.ItemID{1}.String() + ".300000.300001.staged"),
		"small":           plant(receipt.ItemID{1}.String() + ".100.0.staged"),
		"more behind it":  plant(receipt.ItemID{1}.String() + ".300000.0.staged.part"),
		"folder": func(dir string, u store.Upload) error {
			u.ID = store.UploadID{1}
			return os.Mkdir(filepath.Join(dir, stageName(u)), folderMode)
		},
	} {
		s, dir := newStore(t)
		u, _ := halfway(t, s)
		s.Close()
		if err := spoil(filepath.Join(dir, "payloads"), u); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		if wrong, err := s.Check(); err != nil || len(wrong) != 1 {
			t.Errorf("%s: check finds %q, %v", name, wrong, err)
		}
		s.Close()
	}
}

func plant(name string) func(dir string, u store.Upload) error {
	return func(dir string, _ store.Upload) error {
		return os.WriteFile(filepath.Join(dir, name), make([]byte, 300_000), fileMode)
	}
}

// TestCheckBesideSlices: checking a store in use names nothing that is well.
func TestCheckBesideSlices(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	done := make(chan bool)
	go func() {
		defer close(done)
		for n := range 20 {
			u, payload := halfway(t, s)
			if n%2 == 0 {
				wholly(t, s, u, payload)
			} else if err := s.Unstage(u.ID); err != nil {
				t.Error(err)
			}
		}
	}()
	for {
		if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
			t.Fatalf("check: %q, %v", wrong, err)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// TestAdoptingLooksUnderTheLock: between settling and adopting, an upload may have
// been removed and begun anew, by then of another size or not yet whole. What came
// before counts for nothing.
func TestAdoptingLooksUnderTheLock(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	u, payload := halfway(t, s)
	slots := [][]byte{make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))}
	for size, want := range map[int64]error{u.Size: store.ErrOffset, u.Offset: store.ErrSize, 2 * u.Size: store.ErrSize} {
		i := store.Item{ID: receipt.ItemID(u.ID), Roster: 1, Week: week.Of(noon), Size: size}
		err := s.create(i, slots, func(doing string, e newEntry) error {
			return s.adoptFile(doing, e, s.stages.get(u.ID)) // as if it had just been settled, whole
		})
		if !errors.Is(err, want) {
			t.Errorf("adopting %d of %d bytes as %d: %v, want %v", u.Offset, u.Size, size, err, want)
		}
		isStaged(t, s, u)
	}
	wholly(t, s, u, payload)
	isStaged(t, s)
}

// TestNoKeyIsMadeInVain: a parcel that names no upload, or one that is not whole or of
// another size, costs the disk nothing. A key that is made and destroyed is two syncs.
func TestNoKeyIsMadeInVain(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	u, payload := halfway(t, s)
	slots := [][]byte{make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))}
	keys := func() []byte {
		b, err := os.ReadFile(filepath.Join(dir, "keys.slots"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	before := keys()
	for name, test := range map[string]struct {
		from store.UploadID
		size int64
		want error
	}{
		"no upload":    {store.UploadID{1}, u.Size, store.ErrUnknown},
		"half of one":  {u.ID, u.Size, store.ErrOffset},
		"another size": {u.ID, u.Offset, store.ErrSize},
	} {
		i := store.Item{ID: receipt.ItemID(u.ID), Roster: 1, Week: week.Of(noon), Size: test.size}
		if err := s.CreateStaged(i, slots, test.from); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if !bytes.Equal(keys(), before) {
		t.Error("a key was made")
	}
	wholly(t, s, u, payload)
	if bytes.Equal(keys(), before) {
		t.Error("the item has no key: this test sees none")
	}
}

// TestStagedTimesAreMondays of the week in which the last byte came.
func TestStagedTimesAreMondays(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	u, payload := halfway(t, s)
	times := func(when string, want time.Time) {
		t.Helper()
		entries, err := os.ReadDir(filepath.Join(dir, "payloads"))
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		for _, name := range []string{"payloads", filepath.Join("payloads", entries[0].Name())} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.ModTime().Equal(want) {
				t.Errorf("%s %q: %v, %v", when, name, info.ModTime(), err)
			}
		}
	}
	times("staged", week.Of(noon).Monday())
	s.now = func() time.Time { return noon.AddDate(0, 0, 7) }
	wholly(t, s, u, payload)
	times("adopted", week.Of(noon).Add(1).Monday())
}

// TestStagingErrorsNameNoItem: file names of uploads begin with ids.
func TestStagingErrorsNameNoItem(t *testing.T) {
	s, dir := newStore(t)
	u, payload := halfway(t, s)
	if err := os.RemoveAll(filepath.Join(dir, "payloads")); err != nil {
		t.Fatal(err)
	}
	_, going := s.Stage(u.ID, u.Size, u.Offset, bytes.NewReader(payload[u.Offset:]))
	_, beginning := s.Stage(store.UploadID{0xab, 0xcd}, u.Size, 0, bytes.NewReader(payload))
	adopting := s.CreateStaged(store.Item{ID: receipt.ItemID(u.ID), Size: u.Size}, [][]byte{{1}}, u.ID)
	removing := s.Unstage(u.ID)
	for _, err := range []error{going, beginning, adopting, removing} {
		text := fmt.Sprint(err)
		if err == nil || bytes.Contains([]byte(text), []byte("abcd")) || bytes.Contains([]byte(text), []byte(u.ID.String())) {
			t.Errorf("the error is %q", text)
		}
	}
	s.Close()
}
