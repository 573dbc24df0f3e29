package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/crypto/week"
	"saksi/server/store"
)

const testPage = 4096

// anIndex is a bbolt file with a bucket of two levels, one of large values, one inline,
// and free pages.
func anIndex(tb testing.TB) []byte {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "index.db")
	db, err := bbolt.Open(name, fileMode, &bbolt.Options{PageSize: testPage, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		tb.Fatal(err)
	}
	fill := func(bucket string, n, size int) {
		err = errors.Join(err, db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte(bucket))
			for i := range n {
				err = errors.Join(err, b.Put(binary.BigEndian.AppendUint64(nil, uint64(i)), make([]byte, size)))
			}
			return err
		}))
	}
	fill("many", 200, 60)
	fill("large", 2, 3*testPage)
	fill("large", 2, testPage)
	fill("inline", 1, 10)
	if err := errors.Join(err, db.Close()); err != nil {
		tb.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// aPage returns one of a kind that is in use, with all behind it.
func aPage(tb testing.TB, index []byte, kind uint16) []byte {
	tb.Helper()
	p := &pageReader{file: bytes.NewReader(index), size: testPage}
	root, list, err := p.meta(uint64(len(index)))
	if err != nil {
		tb.Fatal(err)
	}
	p.seen = make([]bool, p.all)
	if _, _, err := p.list(list); err != nil {
		tb.Fatal(err)
	}
	if err := p.tree(root, true); err != nil {
		tb.Fatal(err)
	}
	for n := 2; n < len(p.seen); n++ {
		page := index[n*testPage:]
		if p.seen[n] && binary.NativeEndian.Uint64(page) == uint64(n) && binary.NativeEndian.Uint16(page[8:]) == kind {
			return page
		}
	}
	tb.Fatalf("no page of kind %d", kind)
	return nil
}

// TestEachDamageOfPagesIsNamed: bbolt would go round in circles, read behind the file,
// or use up the memory over each.
func TestEachDamageOfPagesIsNamed(t *testing.T) {
	whole := anIndex(t)
	check := func(index []byte) error { return checkIndexFile(bytes.NewReader(index), int64(len(index)), nil) }
	if err := check(whole); err != nil {
		t.Fatal(err)
	}
	order := binary.NativeEndian
	for _, c := range []struct {
		damage string
		kind   uint16
		do     func(page []byte)
		want   string
	}{
		{"a branch that is its own child", kindBranch, func(p []byte) { copy(p[24:32], p[:8]) }, "it has two places"},
		{"two branches to one page", kindBranch, func(p []byte) { copy(p[40:48], p[24:32]) }, "it has two places"},
		{"a branch to nowhere", kindBranch, func(p []byte) { order.PutUint64(p[24:], 1<<40) }, "there is none"},
		{"a branch to a meta", kindBranch, func(p []byte) { order.PutUint64(p[24:], 1) }, "there is none"},
		{"a branch's key behind the file", kindBranch, func(p []byte) { order.PutUint32(p[20:], 1<<30) }, "a key is outside of it"},
		{"a branch without children", kindBranch, func(p []byte) { order.PutUint16(p[10:], 0) }, "it is neither branch nor leaf"},
		{"an entry behind the file", kindLeaf, func(p []byte) { order.PutUint32(p[24:], 1<<31) }, "an entry is outside of it"},
		{"more entries than room", kindLeaf, func(p []byte) { order.PutUint16(p[10:], 0xffff) }, "it has more elements than room"},
		{"a leaf of another number", kindLeaf, func(p []byte) { p[0] ^= 1 }, "its head is damaged"},
		{"a leaf over all that follow", kindLeaf, func(p []byte) { order.PutUint32(p[12:], 1<<31) }, "its head is damaged"},
		{"an entry that becomes a bucket", kindLeaf, func(p []byte) { p[16] ^= 1 }, "an entry is of another kind"},
		{"a list over the file's end", kindList, func(p []byte) { order.PutUint32(p[12:], 1<<31) }, "its head is damaged"},
		{"a list longer than its page", kindList, func(p []byte) { order.PutUint16(p[10:], 0xfffe) }, "it lists more than it has room for"},
		{"a list that says how long it is", kindList, func(p []byte) {
			order.PutUint16(p[10:], 0xffff)
			order.PutUint64(p[16:], 1<<62)
		}, "it lists more than it has room for"},
		{"entries over each other", kindLeaf, func(p []byte) {
			for at := pageHead; at < pageHead+3*elementSize; at += elementSize {
				order.PutUint32(p[at+12:], uint32(testPage/2))
			}
		}, "an entry is outside of it"},
		{"a list with a meta", kindList, func(p []byte) { order.PutUint64(p[16:], 1) }, "it lists what is no free page"},
		{"a list with itself", kindList, func(p []byte) {
			order.PutUint16(p[10:], 1)
			copy(p[16:24], p[:8])
		}, "it lists what is no free page"},
		{"a list with a page twice", kindList, func(p []byte) { copy(p[24:32], p[16:24]) }, "it lists what is no free page"},
		{"a list with a page behind the last", kindList, func(p []byte) {
			order.PutUint16(p[10:], 1)
			order.PutUint64(p[16:], 1<<40)
		}, "it lists what is no free page"},
		{"a list that is none", kindList, func(p []byte) { order.PutUint16(p[8:], 4) }, "it is not the list of free pages"},
	} {
		index := bytes.Clone(whole)
		c.do(aPage(t, index, c.kind))
		if err := check(index); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.damage, err, c.want)
		}
	}
	empty := bytes.Clone(whole)
	child := order.Uint64(aPage(t, empty, kindBranch)[24:])
	order.PutUint16(empty[child*testPage+10:], 0)
	if err := check(empty); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a leaf without entries, below a branch: %v", err)
	}
	branch := bytes.Clone(whole)
	copy(aPage(t, branch, kindBranch)[24:], aPage(t, branch, kindBranch)[:8])
	all := func(string) bool { return true }
	if err := checkIndexFile(bytes.NewReader(branch), int64(len(branch)), all); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a branch that is its own child, in a bucket of which leaves are skipped: %v", err)
	}
	for _, n := range []int{0, testPage + 80, 3 * testPage, len(whole) / 2} {
		if err := check(whole[:n]); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%d bytes of %d: %v", n, len(whole), err)
		}
	}
	metas := bytes.Clone(whole)
	metas[pageHead+20] ^= 1
	metas[testPage+pageHead+20] ^= 1
	if err := check(metas); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("without a whole meta: %v", err)
	}
}

// TestWhatBoltWritesPasses: a refusal would keep a drop from starting.
func TestWhatBoltWritesPasses(t *testing.T) {
	for _, page := range []int{1 << 10, testPage, 1 << 14} {
		name := filepath.Join(t.TempDir(), "index.db")
		db, err := bbolt.Open(name, fileMode, &bbolt.Options{PageSize: page, FreelistType: bbolt.FreelistMapType, NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		passes := func(file []byte) {
			t.Helper()
			for _, skipped := range []string{"", "bucket 0", "bucket 1", "bucket 2", "bucket 3"} {
				skip := func(bucket string) bool { return bucket == skipped }
				if err := checkIndexFile(bytes.NewReader(file), int64(len(file)), skip); err != nil {
					t.Fatalf("pages of %d bytes, without the leaves of %q: %v", page, skipped, err)
				}
			}
		}
		for round := range 40 {
			if err := db.Update(func(tx *bbolt.Tx) error { return change(tx, page, round > 25) }); err != nil {
				t.Fatal(err)
			}
			file, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			passes(file)
			for meta := range 2 { // torn by a crash
				torn := bytes.Clone(file)
				torn[meta*page+pageHead+30] ^= 1
				passes(torn)
			}
		}
	}
}

// change puts what is small and what is large into some buckets, or deletes much of it.
func change(tx *bbolt.Tx, page int, less bool) (err error) {
	for range 1 + rand.IntN(6) {
		b, e := tx.CreateBucketIfNotExists(fmt.Append(nil, "bucket ", rand.IntN(8)))
		if err = errors.Join(err, e); err != nil {
			return err
		}
		if less || rand.IntN(20) == 0 {
			err = errors.Join(err, b.ForEach(func(k, _ []byte) error {
				if rand.IntN(3) > 0 {
					return b.Delete(bytes.Clone(k))
				}
				return nil
			}))
			continue
		}
		for range rand.IntN(60) {
			key := []byte(strings.Repeat("k", rand.IntN(30)) + string(rune('a'+rand.IntN(26))))
			size := []int{0, 10, page / 5, page / 3, 3*page + 7}[rand.IntN(5)]
			err = errors.Join(err, b.Put(key, make([]byte, size)))
		}
	}
	return err
}

// TestOpenOutlivesAListThatLies: bbolt makes room for what the list of free pages says,
// before anybody can ask.
func TestOpenOutlivesAListThatLies(t *testing.T) {
	s, dir := newStore(t)
	create(t, s, sizes()[0], "")
	s.Close()
	name := filepath.Join(dir, "index.db")
	index, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	list := aPage(t, index, kindList)
	binary.NativeEndian.PutUint16(list[10:], 0xffff)
	binary.NativeEndian.PutUint64(list[16:], 1<<40)
	if err := os.WriteFile(name, index, fileMode); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(dir, clock); !errors.Is(err, store.ErrDamaged) {
		s.Close()
		t.Errorf("it was opened: %v", err)
	}
}

// TestAPanicLeavesNoSyncBehind: what makes a payload panics, and the store is closed. A
// sync that met the closed file would mark the disk as failed.
func TestAPanicLeavesNoSyncBehind(t *testing.T) {
	for range 8 {
		s, dir := newStore(t)
		func() {
			defer func() { _ = recover() }()
			i := store.Item{ID: receipt.ItemID{1}, Roster: 1, Week: week.Of(noon), Size: sizes()[0]}
			_ = s.Create(i, [][]byte{{1}}, func(io.Writer) error { panic("planted") })
		}()
		s.Close()
		time.Sleep(5 * time.Millisecond)
		if _, err := os.Stat(filepath.Join(dir, markName)); err != nil {
			t.Fatal("the disk is said to have failed")
		}
	}
}

// FuzzPages: whatever an index is damaged to, it is read within a bound of memory, and
// what passes is checked by bbolt to its end. The input says which bytes become others:
// of five, four are the place.
func FuzzPages(f *testing.F) {
	whole := anIndex(f)
	f.Add([]byte{})
	for at := range len(whole) / testPage {
		for _, off := range []int{8, 10, 12, 20, 24, 28} {
			f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(at*testPage+off)), 0xff))
			f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(at*testPage+off)), byte(at)))
		}
	}
	name := filepath.Join(f.TempDir(), "index.db")
	f.Fuzz(func(t *testing.T, patches []byte) {
		index := bytes.Clone(whole)
		for p := range slices.Chunk(patches, 5) {
			if len(p) == 5 {
				index[int(binary.BigEndian.Uint32(p))%len(index)] = p[4]
			}
		}
		// Heads of all pages, and elements, of which a long page can have a megabyte.
		bound := fuzztest.Bound{Base: 4 << 20}
		var err error
		bound.Check(t, len(index), func() { err = checkIndexFile(bytes.NewReader(index), int64(len(index)), nil) })
		if err != nil {
			fuzztest.Refused(t, err, store.ErrDamaged)
			return
		}
		checkedByBolt(t, name, index)
	})
}

// checkedByBolt holds that bbolt ends with what it says of an index, or with a panic that
// can be caught: what it says is its own.
func checkedByBolt(t *testing.T, name string, index []byte) {
	t.Helper()
	os.Remove(name) // bbolt does not let go of a file over which it panicked
	if err := os.WriteFile(name, index, fileMode); err != nil {
		t.Fatal(err)
	}
	_ = guarded(func() error {
		db, err := bbolt.Open(name, fileMode, &bbolt.Options{NoSync: true})
		if err != nil {
			return err
		}
		defer db.Close()
		return db.View(func(tx *bbolt.Tx) error {
			for range tx.Check() {
			}
			return tx.ForEach(func(_ []byte, b *bbolt.Bucket) error { return b.ForEach(func(_, _ []byte) error { return nil }) })
		})
	})
}
