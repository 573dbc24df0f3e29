package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"

	"saksi/server/store"
)

// bbolt believes what its pages say of themselves. Over a damaged one it can go round in
// a circle until the machine's memory is used up, or read far behind the file: in a
// goroutine of its own, where no fault can be caught. So pages are read here first, from
// the file, and held to their bounds.
//
//	page     number (8), kind (2), count (2), further pages (4), count elements, keys and values
//	branch   position of the key (4), its length (4), number of a page (8)
//	leaf     is it a bucket (4), position of key and value (4), length of the key (4), of the value (4)
//	bucket   number of its first page, or 0 (8), counter (8), a leaf page if that was 0
//	list     numbers of free pages (8 each); with 65,535 of them or more the first says how many
//	meta     magic (4), version (4), size of a page (4), flags (4), bucket of all buckets (16),
//	         number of the list (8), number of pages (8), of the transaction (8), FNV-1a of these (8)
//
// Numbers are in the machine's order of bytes, positions are counted from the element. As in
// package internal/common of go.etcd.io/bbolt v1.5; the two metas are the first two pages.
const (
	pageHead, elementSize, bucketHead = 16, 16, 16
	metaSize, metaChecked             = 64, 56
	metaMagic, metaVersion            = 0xED0CDAED, 2
	kindBranch, kindLeaf, kindList    = 1, 2, 16
	noList                            = 1<<64 - 1
)

// A pageReader walks through an index.
type pageReader struct {
	file io.ReaderAt
	size uint64 // of a page, in bytes
	all  uint64 // pages, as the newest meta has it
	seen []bool // by number: each page has one place
	skip func(bucket string) bool
}

// checkPages returns [store.ErrDamaged] unless every page of an index that can be reached
// is whole, in one place and within the file, and no other is in the list of free pages.
// Of buckets that are skipped it reads the branches alone. Nobody may write meanwhile. It
// takes a byte of memory for each page.
func checkPages(file *os.File, skip func(bucket string) bool) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return checkIndexFile(file, info.Size(), skip)
}

func checkIndexFile(file io.ReaderAt, length int64, skip func(bucket string) bool) error {
	p := &pageReader{file: file, skip: skip}
	if err := p.measure(); err != nil {
		return err
	}
	root, list, err := p.meta(uint64(length))
	if err != nil {
		return err
	}
	p.seen = make([]bool, p.all)
	if list == noList {
		return p.tree(root, true)
	}
	count, first, err := p.list(list)
	if err != nil {
		return err
	}
	if err := p.tree(root, true); err != nil {
		return err
	}
	return p.free(list, first, count)
}

// measure finds out how long pages are: the second meta is behind the first page.
func (p *pageReader) measure() error {
	const shortest, longest = 1 << 10, 1 << 20
	for at := uint64(0); at <= longest; at = max(2*at, shortest) {
		b, err := p.read(at+pageHead, metaSize)
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			return err
		}
		size := uint64(0)
		if err == nil && wholeMeta(b) {
			size = uint64(binary.NativeEndian.Uint32(b[8:]))
		}
		if size >= shortest && size <= longest && size&(size-1) == 0 && (at == 0 || at == size) {
			p.size = size
			return nil
		}
	}
	return damagedPage(0, "no meta is whole")
}

func wholeMeta(b []byte) bool {
	order := binary.NativeEndian
	sum := fnv.New64a()
	sum.Write(b[:metaChecked])
	return order.Uint32(b) == metaMagic && order.Uint32(b[4:]) == metaVersion && order.Uint64(b[metaChecked:]) == sum.Sum64()
}

// meta reads the newer one of the metas that are whole.
func (p *pageReader) meta(length uint64) (root, list uint64, err error) {
	newest, found := uint64(0), false
	for n := range uint64(2) {
		b, err := p.read(n*p.size+pageHead, metaSize)
		if err != nil {
			return 0, 0, err
		}
		order := binary.NativeEndian
		whole := wholeMeta(b) && uint64(order.Uint32(b[8:])) == p.size
		if txid := order.Uint64(b[48:]); whole && (!found || txid > newest) {
			newest, found = txid, true
			root, list, p.all = order.Uint64(b[16:]), order.Uint64(b[32:]), order.Uint64(b[40:])
		}
	}
	if !found || p.all < 2 || p.all > length/p.size {
		return 0, 0, damagedPage(0, "the file is too short")
	}
	return root, list, nil
}

// A pageText is a page's head and elements.
type pageText struct {
	id      uint64
	kind    uint16
	count   int
	further uint64 // pages that belong to it
	room    uint64 // of all its pages
	b       []byte // head and elements
}

// page reads one that nothing else has referred to.
func (p *pageReader) page(id uint64) (t pageText, err error) {
	if t, err = p.text(id); err != nil {
		return t, err
	}
	return t, p.mark(id, t.further)
}

// mark gives pages their one place.
func (p *pageReader) mark(id, further uint64) error {
	if id < 2 || id >= p.all || id+further >= p.all {
		return damagedPage(id, "there is none")
	}
	for n := id; n <= id+further; n++ {
		if p.seen[n] {
			return damagedPage(n, "it has two places")
		}
		p.seen[n] = true
	}
	return nil
}

// text reads a page, whoever else refers to it.
func (p *pageReader) text(id uint64) (t pageText, err error) {
	if id < 2 || id >= p.all {
		return t, damagedPage(id, "there is none")
	}
	b, err := p.read(id*p.size, p.size)
	if err != nil {
		return t, err
	}
	order := binary.NativeEndian
	further := uint64(order.Uint32(b[12:]))
	if order.Uint64(b) != id || id+further >= p.all {
		return t, damagedPage(id, "its head is damaged")
	}
	t = pageText{
		id: id, kind: order.Uint16(b[8:]), count: int(order.Uint16(b[10:])), further: further, room: (1 + further) * p.size,
	}
	if t.kind != kindBranch && t.kind != kindLeaf {
		return t, nil // a list, or nothing that is asked for
	}
	need := uint64(pageHead + t.count*elementSize)
	if need > t.room {
		return t, damagedPage(id, "it has more elements than room")
	}
	if need > p.size {
		if b, err = p.read(id*p.size, need); err != nil {
			return t, err
		}
	}
	t.b = b[:need]
	return t, nil
}

// list holds the list of free pages to its room, and returns how many it has, behind
// how many numbers.
func (p *pageReader) list(id uint64) (count, first uint64, err error) {
	t, err := p.page(id)
	if err != nil {
		return 0, 0, err
	}
	if t.kind != kindList {
		return 0, 0, damagedPage(id, "it is not the list of free pages")
	}
	count = uint64(t.count)
	if count == 0xffff {
		b, err := p.read(id*p.size+pageHead, 8)
		if err != nil {
			return 0, 0, err
		}
		count, first = binary.NativeEndian.Uint64(b), 1
	}
	if room := (t.room - pageHead) / 8; count > room || count+first > room {
		return 0, 0, damagedPage(id, "it lists more than it has room for")
	}
	return count, first, nil
}

// free holds that the list has pages of which none was seen, in rising order: what bbolt
// takes for free it writes over.
func (p *pageReader) free(list, first, count uint64) error {
	const piece = 8 << 10
	last := uint64(1)
	for at := first; at < first+count; at += piece {
		b, err := p.read(list*p.size+pageHead+8*at, 8*min(piece, first+count-at))
		if err != nil {
			return err
		}
		for ; len(b) > 0; b = b[8:] {
			id := binary.NativeEndian.Uint64(b)
			if id <= last || id >= p.all || p.seen[id] {
				return damagedPage(list, "it lists what is no free page")
			}
			last = id
		}
	}
	return nil
}

// tree walks through a bucket, and from that of all buckets into each.
func (p *pageReader) tree(root uint64, ofBuckets bool) error {
	for rest := []uint64{root}; len(rest) > 0; {
		t, err := p.page(rest[len(rest)-1])
		if err != nil {
			return err
		}
		rest = rest[:len(rest)-1]
		switch {
		case t.kind == kindBranch && t.count > 0:
			children, err := t.branch()
			if err != nil {
				return err
			}
			rest = append(rest, children...)
		case t.kind == kindLeaf && (t.count > 0 || t.id == root):
			if err := p.leaf(t, ofBuckets); err != nil {
				return err
			}
		default:
			return damagedPage(t.id, "it is neither branch nor leaf")
		}
	}
	return nil
}

// branches walks through a bucket's branches, and reads no leaf but the first: that has
// the depth of all others.
func (p *pageReader) branches(root uint64) error {
	depth, err := p.depth(root)
	if err != nil {
		return err
	}
	level := []uint64{root}
	for range depth {
		var below []uint64
		for _, id := range level {
			t, err := p.page(id)
			if err != nil {
				return err
			}
			if t.kind != kindBranch || t.count == 0 {
				return damagedPage(id, "it is no branch")
			}
			children, err := t.branch()
			if err != nil {
				return err
			}
			below = append(below, children...)
		}
		level = below
	}
	for _, id := range level {
		if err := p.mark(id, 0); err != nil {
			return err
		}
	}
	return nil
}

// depth is how many branches are above the first leaf.
func (p *pageReader) depth(id uint64) (depth int, err error) {
	const most = 64 // of two children each
	for ; depth < most; depth++ {
		t, err := p.text(id)
		if err != nil {
			return 0, err
		}
		if t.kind != kindBranch || t.count == 0 {
			return depth, nil
		}
		children, err := t.branch()
		if err != nil {
			return 0, err
		}
		id = children[0]
	}
	return 0, damagedPage(id, "it is below too many")
}

// branch returns the pages below.
func (t pageText) branch() (children []uint64, err error) {
	order, filled := binary.NativeEndian, uint64(len(t.b))
	for at := uint64(pageHead); at < uint64(len(t.b)); at += elementSize {
		e := t.b[at:]
		key := uint64(order.Uint32(e[4:]))
		filled += key
		if at+uint64(order.Uint32(e))+key > t.room || filled > t.room {
			return nil, damagedPage(t.id, "a key is outside of it")
		}
		children = append(children, order.Uint64(e[8:]))
	}
	return children, nil
}

// leaf holds keys and values to the page; what it has in buckets is a bucket's.
func (p *pageReader) leaf(t pageText, ofBuckets bool) error {
	order, filled := binary.NativeEndian, uint64(len(t.b))
	for at := uint64(pageHead); at < uint64(len(t.b)); at += elementSize {
		e := t.b[at:]
		from, key, value := at+uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:])), uint64(order.Uint32(e[12:]))
		filled += key + value
		if from+key+value > t.room || filled > t.room {
			return damagedPage(t.id, "an entry is outside of it")
		}
		if isBucket := order.Uint32(e)&1 != 0; isBucket != ofBuckets {
			return damagedPage(t.id, "an entry is of another kind")
		}
		if !ofBuckets {
			continue
		}
		if err := p.bucket(t.id, t.id*p.size+from, key, value); err != nil {
			return err
		}
	}
	return nil
}

// bucket walks through one whose name and value are at that place of the file.
func (p *pageReader) bucket(id, at, key, value uint64) error {
	if value < bucketHead || key+value > p.size {
		return damagedPage(id, "a bucket has an odd size")
	}
	b, err := p.read(at, key+value)
	if err != nil {
		return err
	}
	name, b := string(b[:key]), b[key:]
	root := binary.NativeEndian.Uint64(b)
	if root != 0 {
		if p.skip != nil && p.skip(name) {
			return p.branches(root)
		}
		return p.tree(root, false)
	}
	b = b[bucketHead:]
	if len(b) < pageHead {
		return damagedPage(id, "a bucket has an odd size")
	}
	t := pageText{id: id, kind: binary.NativeEndian.Uint16(b[8:]), count: int(binary.NativeEndian.Uint16(b[10:])), room: uint64(len(b))}
	need := pageHead + t.count*elementSize
	if t.kind != kindLeaf || need > len(b) {
		return damagedPage(id, "a bucket in it is damaged")
	}
	t.b = b[:need]
	return p.leaf(t, false)
}

func (p *pageReader) read(at, n uint64) ([]byte, error) {
	b := make([]byte, n)
	_, err := p.file.ReadAt(b, int64(at))
	if err == io.EOF {
		return nil, damagedPage(at/max(p.size, 1), "the file is too short")
	}
	if err != nil {
		return nil, fmt.Errorf("reading pages: %w", err)
	}
	return b, nil
}

func damagedPage(id uint64, why string) error {
	return fmt.Errorf("page %d: %s: %w", id, why, store.ErrDamaged)
}
