package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"saksi/crypto/fuzztest"
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
	if err := errors.Join(p.list(list), p.tree(root, true)); err != nil {
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
	check := func(index []byte) error { return checkPages(bytes.NewReader(index), int64(len(index)), testPage, nil) }
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
		{"a list that is none", kindList, func(p []byte) { order.PutUint16(p[8:], 4) }, "it is not the list of free pages"},
	} {
		index := bytes.Clone(whole)
		c.do(aPage(t, index, c.kind))
		if err := check(index); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, not %q", c.damage, err, c.want)
		}
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
		bound.Check(t, len(index), func() { err = checkPages(bytes.NewReader(index), int64(len(index)), testPage, nil) })
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
