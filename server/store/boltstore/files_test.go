package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

// put puts a record into a bucket, as only a damaged disk does.
func put(t *testing.T, s *Store, bucket []byte, key, value string) {
	t.Helper()
	err := s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), []byte(value)) })
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedNumbersAreNamed: a number of another size is damage, also where it is a key.
func TestDamagedNumbersAreNamed(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	put(t, s, bucketBatches, "kunci", "")
	if _, err := s.Batch(0); !errors.Is(err, errRecord) {
		t.Errorf("the newest batch: %v", err)
	}
}

// TestADamagedAcknowledgementHoldsNothingUp: it counts as none, that of another reviewer as
// before, and Check names it until the reviewer's next one takes its place.
func TestADamagedAcknowledgementHoldsNothingUp(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	expect := func(problems int, want map[string]uint64) {
		t.Helper()
		if acks, err := s.Acknowledged(); err != nil || !maps.Equal(acks, want) {
			t.Errorf("acknowledged are %v, %v, want %v", acks, err, want)
		}
		if wrong, err := s.Check(); err != nil || len(wrong) != problems {
			t.Errorf("check: %q, %v, want %d lines", wrong, err, problems)
		}
	}
	if err := errors.Join(s.Acknowledge("r1", 7), s.Acknowledge("r2", 3)); err != nil {
		t.Fatal(err)
	}
	put(t, s, bucketAcks, "r1", "ganjil")
	expect(1, map[string]uint64{"r2": 3})
	if err := s.Acknowledge("r1", 2); err != nil {
		t.Fatal(err)
	}
	expect(0, map[string]uint64{"r1": 2, "r2": 3})
}

// TestADamagedRecordIsDamage: who starts a drop with one is told what to do about that.
func TestADamagedRecordIsDamage(t *testing.T) {
	for _, c := range []struct {
		bucket []byte
		key    string
	}{{bucketItems, "0123456789abcdef"}, {bucketItems, "0123456789"}, {bucketReplies, "0123456789"}} {
		s, _ := newStore(t)
		put(t, s, c.bucket, c.key, string(byte(store.Version))+"ganjil")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(s.dir, s.now); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s, %q: %v", c.bucket, c.key, err)
		}
	}
}

// TestDamagedRecordsExpireNothingElse: what is beside them goes when its time has come, and
// the error says how many stay, and nothing of them.
func TestDamagedRecordsExpireNothingElse(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	now := week.Of(noon)
	var kept []receipt.ItemID
	for n := range 3 {
		kept = append(kept, create(t, s, sizes()[0], "").ID)
		if err := s.AddReply(store.Reply{Mailbox: receipt.Mailbox{byte(2 * n)}, Sealed: []byte("x"), Week: now}); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"", "0123456789abcdef"} {
		put(t, s, bucketItems, "\x00"+key, "ganjil")
		put(t, s, bucketReplies, "\x01"+key, "ganjil")
	}
	ids, err := s.Aged(now, now)
	if len(ids) != len(kept) || !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "listing items: 2 items: a record") {
		t.Errorf("items whose time has come are %d, %v", len(ids), err)
	}
	n, err := s.ExpireReplies(now)
	if n != len(kept) || !errors.Is(err, store.ErrDamaged) || !strings.HasPrefix(err.Error(), "2 replies: a record") {
		t.Errorf("%d replies expired, %v", n, err)
	}
}

// TestDamagedRecordsEndNoCheck: in a store that runs they are counted and named, beside
// whatever else is wrong, and what is waiting beside them waits no longer.
func TestDamagedRecordsEndNoCheck(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	good, lost := create(t, s, sizes()[0], ""), create(t, s, sizes()[1], "")
	if err := os.Remove(s.payloadPath(lost.ID)); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", "0123456789abcdef"} {
		put(t, s, bucketItems, "\x00"+key, "ganjil")
		put(t, s, bucketReplies, "\x01"+key, "ganjil")
	}
	wrong, err := s.Check()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"item " + lost.ID.String() + ": no payload", "the record of item \"00\" is damaged", "00303132", "replies that are damaged: 2"} {
		if !slices.ContainsFunc(wrong, func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("check says %q, and nothing of %q", wrong, want)
		}
	}
	if u, err := s.Usage(); err != nil || u.Items != 2 || u.Damaged != 2 || u.Waiting != 2 || u.Payloads != good.Size+lost.Size {
		t.Errorf("usage is %+v, %v", u, err)
	}
	if waiting, err := s.Waiting(); err != nil || len(waiting) != 2 {
		t.Errorf("waiting are %v, %v", waiting, err)
	}
}

// TestADamagedCanaryHoldsNothingUp: it counts as none, that of another reviewer as before,
// and Check names it until a new one takes its place, or all of its time are forgotten.
func TestADamagedCanaryHoldsNothingUp(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	one, two := store.Canary{Month: "2026-11", Reviewer: "r1", Batch: 7}, store.Canary{Month: "2026-11", Reviewer: "r2", Batch: 7}
	expect := func(problems int, want ...store.Canary) {
		t.Helper()
		if all, err := s.Canaries(); err != nil || !reflect.DeepEqual(all, want) {
			t.Errorf("canaries are %v, %v, want %v", all, err, want)
		}
		if wrong, err := s.Check(); err != nil || len(wrong) != problems {
			t.Errorf("check: %q, %v, want %d lines", wrong, err, problems)
		}
	}
	if err := s.KeepCanaries(one, two); err != nil {
		t.Fatal(err)
	}
	put(t, s, bucketMeta, string(canaryKey(one)), "ganjil")
	put(t, s, bucketMeta, canaryPrefix+"2026-1x/r1", "ganjil")
	expect(2, two)
	if err := s.KeepCanaries(one); err != nil {
		t.Fatal(err)
	}
	expect(1, one, two)
	if err := s.ForgetCanaries("2026-11"); err != nil {
		t.Fatal(err)
	}
	expect(0, one, two)
}

// TestFilesAreAsLargeAsTheyMayBe: what is larger is told, and not read to its end.
func TestFilesAreAsLargeAsTheyMayBe(t *testing.T) {
	dir := t.TempDir()
	format, keys := filepath.Join(dir, "FORMAT"), filepath.Join(dir, "keys.slots")
	id, err := createSectors(keys)
	err = errors.Join(err, os.WriteFile(format, []byte(formatText), fileMode))
	for _, file := range []struct {
		name string
		size int64
		open func() error
		want error
	}{
		{format, 64 << 20, func() error { return checkFormat(format) }, store.ErrFormat},
		// Its sectors are as many as those of one piece, as far as 32 bits count them.
		{keys, 1<<41 + pieceSectors*sectorSize, func() error {
			_, err := openSectors(keys, id, new(health))
			return err
		}, store.ErrDamaged},
	} {
		if err := errors.Join(err, os.Truncate(file.name, file.size)); err != nil {
			t.Fatal(err)
		}
		fuzztest.Bound{Base: 64 << 10}.Check(t, 0, func() {
			if err := file.open(); !errors.Is(err, file.want) {
				t.Errorf("%s: %v", filepath.Base(file.name), err)
			}
		})
	}
}

// TestKeySectorsAreNotMoreThanAStartTakes: else the store would be shut for good.
func TestKeySectorsAreNotMoreThanAStartTakes(t *testing.T) {
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
	s.used = make([]bool, maxSectors)
	if err := s.grow(); !errors.Is(err, store.ErrFull) {
		t.Errorf("more than a start takes: %v", err)
	}
}

// TestAnswersLeaveKeySectorsToTexts: once half of all that there can be are in use, there
// is no room for answers, of which a reviewer can bring any number; texts come in as
// before. With an answer that goes there is room for one.
func TestAnswersLeaveKeySectorsToTexts(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	answers := 0
	add := func() error {
		answers++
		return s.AddReply(store.Reply{Mailbox: receipt.Mailbox{byte(answers)}, Sealed: []byte("jawaban")})
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	// As many in use as it takes: the file itself need not have them.
	s.sectors.used = append(s.sectors.used, make([]bool, maxSectors/2-len(s.sectors.used)+len(s.sectors.free))...)
	if err := add(); !errors.Is(err, store.ErrFull) {
		t.Errorf("an answer beyond half of all sectors: %v, want ErrFull", err)
	}
	if wrong := s.Sound(); wrong != nil {
		t.Errorf("the disk counts as failed: %v", wrong)
	}
	if err := s.DeleteReplies(receipt.Mailbox{1}); err != nil {
		t.Fatal(err)
	}
	if err := add(); err != nil {
		t.Errorf("an answer in place of one that is gone: %v", err)
	}
	for range 3 {
		create(t, s, sizes()[0], "")
	}
	if err := add(); !errors.Is(err, store.ErrFull) {
		t.Errorf("an answer beyond half of all sectors, behind texts: %v, want ErrFull", err)
	}
}

// FuzzSectors: whatever the head and the length of keys.slots, it is opened as the one of
// its index, with whole pieces, or not at all; and of the sectors that an index claims
// each is one, and once.
func FuzzSectors(f *testing.F) {
	f.Add(uint16(0), []byte(nil), uint32(2<<20), []byte{1, 2})
	f.Add(uint16(0), []byte("x"), uint32(1<<20), []byte(nil))
	f.Add(uint16(20), []byte{0, 0, 0, 0}, uint32(1<<20), []byte(nil))
	f.Add(uint16(52), []byte("x"), uint32(1<<20+511), []byte{0})
	f.Add(uint16(0), []byte(nil), uint32(1<<20-1), []byte(nil))
	f.Add(uint16(0), []byte(nil), uint32(20), []byte(nil))
	f.Add(uint16(0), []byte(nil), uint32(1<<20), []byte{8, 0, 7, 255})
	f.Add(uint16(0), []byte(nil), uint32(1<<20), []byte{0, 9, 0, 9})
	name := filepath.Join(f.TempDir(), "keys.slots")
	id, err := createSectors(name)
	if err != nil {
		f.Fatal(err)
	}
	head := append([]byte(sectorsLabel), id[:]...)
	// A few bytes for each sector of 512.
	bound := fuzztest.Bound{Base: 128 << 10, PerByte: 1}
	f.Fuzz(func(t *testing.T, at uint16, with []byte, size uint32, claimed []byte) {
		size %= 4 << 20
		written := fuzztest.Edit(head, at, uint16(len(with)), with)
		if err := errors.Join(os.WriteFile(name, written, fileMode), os.Truncate(name, int64(size))); err != nil {
			t.Fatal(err)
		}
		var s *sectors
		bound.Check(t, int(size), func() { s, err = openSectors(name, id, new(health)) })
		whole := int(size) / (pieceSectors * sectorSize) * pieceSectors
		if intact := bytes.HasPrefix(written, head) && whole > 0; intact != (err == nil) {
			t.Fatalf("%q with %d bytes: %v", written, size, err)
		}
		if err != nil {
			fuzztest.Refused(t, err, store.ErrDamaged)
			return
		}
		defer s.close()
		if len(s.used) != whole || len(s.free) != whole-1 {
			t.Errorf("%d sectors in %d bytes, of which %d are free", len(s.used), size, len(s.free))
		}
		claims(t, s, claimed)
	})
}

// claims has sectors claimed, two bytes for each, and holds which of them are free then.
func claims(t *testing.T, s *sectors, claimed []byte) {
	t.Helper()
	var numbers []uint32
	for n := range slices.Chunk(claimed[:len(claimed)/2*2], 2) {
		numbers = append(numbers, uint32(binary.BigEndian.Uint16(n)))
	}
	sorted := slices.Sorted(slices.Values(numbers))
	right := len(slices.Compact(slices.Clone(sorted))) == len(numbers)
	right = right && (len(sorted) == 0 || sorted[0] > 0 && int(sorted[len(sorted)-1]) < len(s.used))
	if err := s.claim(numbers); (err == nil) != right {
		t.Fatalf("claiming %d: %v", numbers, err)
	} else if err != nil {
		fuzztest.Refused(t, err, store.ErrDamaged)
		return
	}
	for n, used := range s.used {
		_, free := slices.BinarySearch(s.free, uint32(n))
		if taken := n == 0 || slices.Contains(numbers, uint32(n)); used != taken || free == taken {
			t.Fatalf("sector %d: used %v, free %v, claimed %v", n, used, free, taken)
		}
	}
}

// FuzzFileName: a payload's file begins with its item's id in the one spelling, and lies
// in its folder; what this package names so it knows again.
func FuzzFileName(f *testing.F) {
	id := receipt.ItemID{0xab}.String()
	for _, name := range []string{
		id + ".age", id + ".age.0123.part", id + ".age.part", id + ".agex.part", id + ".age./../../x.part", "x.age", ".age",
		strings.ToUpper(id) + ".age", id + ".age.age", id, id + ".age..part",
	} {
		f.Add(name)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 2}
	f.Fuzz(func(t *testing.T, name string) {
		var ours bool
		bound.Check(t, len(name), func() { ours = ourFile(name) })
		if !ours {
			return
		}
		of, err := receipt.ParseItemID(strings.TrimSuffix(name, ".age"))
		if part := strings.HasSuffix(name, partSuffix); (err == nil) == part {
			t.Errorf("%q is ours, and an item's: %v", name, err)
		} else if part {
			of, err = receipt.ParseItemID(name[:len(id)])
		}
		if err != nil || !strings.HasPrefix(name, of.String()+".age") || filepath.Base(name) != name {
			t.Errorf("%q is ours", name)
		}
	})
}

// TestWhyAPayloadDoesNotOpenIsSaid, and not where it is: a file that is there, and may not be
// read, is put right in another way than one that is gone.
func TestWhyAPayloadDoesNotOpenIsSaid(t *testing.T) {
	s, _ := newStore(t)
	defer s.Close()
	i := create(t, s, sizes()[1], "")
	name := s.payloadPath(i.ID)
	if err := errors.Join(os.Remove(name), os.Symlink(filepath.Base(name), name)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Payload(i.ID)
	if !errors.Is(err, store.ErrDamaged) || !errors.Is(err, syscall.ELOOP) || strings.Contains(err.Error(), i.ID.String()) {
		t.Errorf("%v, want ErrDamaged and ELOOP", err)
	}
}
