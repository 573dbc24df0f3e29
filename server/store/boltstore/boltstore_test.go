package boltstore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/store"
)

var noon = time.Date(2026, time.November, 20, 12, 0, 0, 0, time.UTC)

func clock() time.Time { return noon }

func newStore(t testing.TB) (*Store, string) {
	dir := newEngine(t).(engine).dir
	return open(t, dir), dir
}

// create keeps an item whose slots hold the marker.
func create(t testing.TB, s *Store, size int64, marker string) store.Item {
	t.Helper()
	i := store.Item{Roster: 1, Week: week.Of(noon), Size: size}
	rand.Read(i.ID[:])
	slot := make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))
	copy(slot, marker)
	err := s.Create(i, [][]byte{slot}, func(w io.Writer) error {
		_, err := io.CopyN(w, rand.Reader, size)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func sizes() []int64 {
	return []int64{item.PayloadSize(item.Floor), item.PayloadSize(item.Padme(300_000))}
}

// TestDeletedSlotsStayShut takes the whole folder after a deletion, as a thief
// of the disk would, restores the record and asks for the slots.
func TestDeletedSlotsStayShut(t *testing.T) {
	s, _ := newStore(t)
	i := create(t, s, sizes()[0], "")
	states, err := s.States([]receipt.ItemID{i.ID})
	if err != nil || states[0].Item == nil {
		t.Fatal(err)
	}
	stored := sealedSlots(t, s, i.ID)
	if err := s.Delete(store.Tombstone{ID: i.ID, Week: i.Week, Reason: store.Deleted}); err != nil {
		t.Fatal(err)
	}
	for n := range uint32(pieceSectors) {
		if n == 0 {
			continue
		}
		if _, err := s.openValue(n, stored, i.ID[:]); !errors.Is(err, errDestroyed) {
			t.Fatalf("sector %d still opens the deleted slots: %v", n, err)
		}
	}
	s.Close()
}

func sealedSlots(t *testing.T, s *Store, id receipt.ItemID) []byte {
	t.Helper()
	tx, err := s.db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	return bytes.Clone(tx.Bucket(bucketSlots).Get(id[:]))
}

// TestSlotsAreNeverOnDiskInClear looks for a marker in every file.
func TestSlotsAreNeverOnDiskInClear(t *testing.T) {
	s, dir := newStore(t)
	const marker = "marker-in-a-slot-4711"
	for _, size := range sizes() {
		create(t, s, size, marker)
	}
	s.Close()
	filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(name)
		if bytes.Contains(b, []byte(marker)) {
			t.Errorf("%s holds the marker", name)
		}
		return err
	})
}

// TestCrashLeftoversAreSwept puts the folder into the states that a crash can
// leave, one by one.
func TestCrashLeftoversAreSwept(t *testing.T) {
	s, dir := newStore(t)
	kept := create(t, s, sizes()[1], "")
	dying := create(t, s, sizes()[1], "")
	m := receipt.Mailbox{1}
	if err := s.AddReply(store.Reply{Mailbox: m, Sealed: []byte("x"), Reviewer: "r1"}); err != nil {
		t.Fatal(err)
	}
	// A deletion that came as far as the tombstone.
	tombstoneOnly(t, s, dying)
	// A deletion of replies that came as far as the key.
	stored, err := s.heads(func(storedReply) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.markReplies("marking", stored); err != nil {
		t.Fatal(err)
	}
	if err := s.sectors.destroy(stored[0].head.Sector); err != nil {
		t.Fatal(err)
	}
	s.Close()
	// An upload that broke off, a payload that was renamed and not indexed, half
	// a piece of key sectors.
	orphan := filepath.Join(dir, "payloads", receipt.ItemID{7}.String()+".age")
	for _, name := range []string{orphan, orphan + ".00ff.part"} {
		if err := os.WriteFile(name, []byte("x"), fileMode); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "keys.slots"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.Write(make([]byte, 1000))
	f.Close()

	s = open(t, dir)
	defer s.Close()
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "payloads"))
	if err != nil || len(files) != 1 || files[0].Name() != kept.ID.String()+".age" {
		t.Errorf("payloads are %v, %v", files, err)
	}
	if u, err := s.Usage(); err != nil || u.Items != 1 || u.Gone != 1 || u.Replies != 0 {
		t.Errorf("usage is %+v, %v", u, err)
	}
}

// tombstoneOnly does the first step of a deletion.
func tombstoneOnly(t *testing.T, s *Store, i store.Item) {
	t.Helper()
	tx, err := s.db.Begin(true)
	if err != nil {
		t.Fatal(err)
	}
	record := encode(goneRecord{Reason: 1, Week: newWeek(i.Week)})
	if err := tx.Bucket(bucketGone).Put(i.ID[:], record); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	for name, spoil := range map[string]func(dir string, i store.Item) error{
		"lost payload":  func(dir string, i store.Item) error { return os.Remove(payloadName(dir, i)) },
		"short payload": func(dir string, i store.Item) error { return os.Truncate(payloadName(dir, i), 5) },
		"foreign file": func(dir string, _ store.Item) error {
			return os.WriteFile(filepath.Join(dir, "payloads", "x"), nil, 0o600)
		},
		"foreign folder": func(dir string, _ store.Item) error { return os.Mkdir(filepath.Join(dir, "x"), 0o700) },
		"lost keys": func(dir string, _ store.Item) error {
			f, err := os.OpenFile(filepath.Join(dir, "keys.slots"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(make([]byte, (pieceSectors-1)*sectorSize), sectorSize)
			return err
		},
	} {
		s, dir := newStore(t)
		i := create(t, s, sizes()[1], "")
		s.Close()
		if err := spoil(dir, i); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		if wrong, err := s.Check(); err != nil || len(wrong) == 0 {
			t.Errorf("%s: check finds nothing, %v", name, err)
		}
		s.Close()
	}
}

func payloadName(dir string, i store.Item) string {
	return filepath.Join(dir, "payloads", i.ID.String()+".age")
}

// TestWhoIsLockedOutDoesNotCallTheDiskSound: the disk failed, and somebody starts the
// server a second time, beside the one that still reads. Only a start that has the folder
// looks at the disk, and makes the mark by which the next one trusts the kernel.
func TestWhoIsLockedOutDoesNotCallTheDiskSound(t *testing.T) {
	t.Parallel() // it waits for the lock
	s, dir := newStore(t)
	marked := func() bool {
		_, err := os.Stat(filepath.Join(dir, markName))
		return err == nil
	}
	s.health.syncing(syscall.EIO)
	if _, err := Open(dir, clock); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a second process: %v, want ErrLocked", err)
	}
	if marked() {
		t.Error("who did not get the folder called its disk sound")
	}
	s.Close()
	if open(t, dir).Close(); !marked() {
		t.Error("the next start made no mark")
	}
}

func TestOpenRefuses(t *testing.T) {
	s, dir := newStore(t)
	s.Close()
	o, other := newStore(t)
	o.Close()
	foreign, err := os.ReadFile(filepath.Join(other, "keys.slots"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys.slots"), foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, clock); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("keys of another folder: %v, want ErrDamaged", err)
	}
	if err := os.WriteFile(filepath.Join(other, "keys.slots"), foreign[:4096], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, clock); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("the first keys alone: %v, want ErrDamaged", err)
	}
	if err := os.Remove(filepath.Join(dir, "keys.slots")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, clock); err == nil {
		t.Error("a folder without its keys was opened")
	}
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte("saksi/v4/store\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, clock); !errors.Is(err, store.ErrFormat) {
		t.Errorf("another format: %v, want ErrFormat", err)
	}
	index := filepath.Join(other, "index.db")
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(other, clock); err == nil {
		t.Error("a folder without its index was opened")
	}
	if _, err := os.Stat(index); err == nil {
		t.Error("an index was made where one was lost")
	}
	if err := Create(dir); err == nil {
		t.Error("a store was created over another")
	}
}

func TestSectorsAreTakenByChanceAndReused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "keys.slots")
	id, err := createSectors(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSectors(name, id, new(health))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	inOrder, last := 0, uint32(0)
	seen := map[uint32]key{}
	for range 3000 {
		n, k, settled, err := s.put(maxSectors)
		if err == nil {
			err = settled()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := seen[n]; ok {
			t.Fatalf("sector %d was given out twice", n)
		}
		if n == last+1 {
			inOrder++
		}
		seen[n], last = k, n
	}
	if inOrder > 30 {
		t.Errorf("%d of 3000 sectors follow the one before", inOrder)
	}
	for n, k := range seen {
		if got, err := s.get(n); err != nil || got != k {
			t.Fatalf("sector %d has another key: %v", n, err)
		}
	}
}

func BenchmarkCreateText(b *testing.B) {
	s, _ := newStore(b)
	defer s.Close()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			create(b, s, sizes()[0], "")
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
}

// TestDeletingAgainComesToTheEnd: a deletion that broke off after its tombstone
// is finished by the next request, not only by the next start.
func TestDeletingAgainComesToTheEnd(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	i := create(t, s, sizes()[1], "")
	tombstoneOnly(t, s, i)
	if err := s.Delete(store.Tombstone{ID: i.ID, Week: i.Week, Reason: store.Deleted}); err != nil {
		t.Fatal(err)
	}
	if wrong, err := s.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
}

// TestMissingPartsAreNotMadeAnew: a folder that lost its index or its keys is
// refused, and what is left of it stays as it is.
func TestMissingPartsAreNotMadeAnew(t *testing.T) {
	for _, name := range []string{"index.db", "keys.slots"} {
		s, dir := newStore(t)
		i := create(t, s, sizes()[0], "")
		s.Close()
		part := filepath.Join(dir, name)
		if err := os.Rename(part, part+".away"); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, clock); err == nil {
			t.Fatalf("a folder without %s was opened", name)
		}
		if err := os.Rename(part+".away", part); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		if _, err := s.Slots(i.ID); err != nil {
			t.Errorf("after %s came back: %v", name, err)
		}
		s.Close()
	}
}

// TestErrorsNameNoItem: file names of payloads are ids.
func TestErrorsNameNoItem(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	if err := os.RemoveAll(filepath.Join(dir, "payloads")); err != nil {
		t.Fatal(err)
	}
	i := store.Item{ID: receipt.ItemID{0xab, 0xcd}, Roster: 1, Week: week.Of(noon), Size: sizes()[1]}
	err := s.Create(i, [][]byte{{1}}, func(io.Writer) error { return nil })
	if err == nil || bytes.Contains([]byte(err.Error()), []byte("abcd")) {
		t.Errorf("the error is %v", err)
	}
}

// TestUnreadablePagesAreAnError: what bbolt reads comes through a map of its
// file. A page that the disk does not give is a signal, which must not end the
// process; here the file is cut short under it.
func TestUnreadablePagesAreAnError(t *testing.T) {
	s, dir := newStore(t)
	i := create(t, s, sizes()[0], "")
	if err := os.Truncate(filepath.Join(dir, "index.db"), 8192); err != nil {
		t.Fatal(err)
	}
	if _, err := s.States([]receipt.ItemID{i.ID}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("reading: %v, want ErrDamaged", err)
	}
	if err := s.AddReply(store.Reply{Sealed: []byte("x")}); err == nil {
		t.Error("writing to an index that cannot be read succeeded")
	}
	s.Close()
	if _, err := Open(dir, clock); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("opening: %v, want ErrDamaged", err)
	}
}

// TestBrokenUploadsLeaveNothing: a payload that breaks off takes no room, also
// before the next start.
func TestBrokenUploadsLeaveNothing(t *testing.T) {
	s, dir := newStore(t)
	defer s.Close()
	i := store.Item{ID: receipt.ItemID{1}, Roster: 1, Week: week.Of(noon), Size: sizes()[1]}
	for _, written := range []int64{0, sizes()[1] / 2, sizes()[1] + 1} {
		err := s.Create(i, [][]byte{{1}}, func(w io.Writer) error {
			if _, err := io.CopyN(w, rand.Reader, written); err != nil {
				return err
			}
			return io.ErrUnexpectedEOF
		})
		if err == nil {
			t.Error("a broken upload was kept")
		}
	}
	if files, err := os.ReadDir(filepath.Join(dir, "payloads")); err != nil || len(files) > 0 {
		t.Errorf("left are %v, %v", files, err)
	}
}
