package desk

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
)

const (
	million = 1_000_000
	tenGiB  = 10 << 30
	// constantHeap bounds what an import may hold that is not about the number of
	// members: age's chunks, the index, and what the test itself holds.
	constantHeap = 16 << 20
)

// TestReporterTarHasAMillionMembers: half a gigabyte of headers. It is refused at
// the first member that does not belong; nothing counts them.
func TestReporterTarHasAMillionMembers(t *testing.T) {
	s := newDrop(t, 1)
	c := s.craft(receipt.New(), 0, item.Attachment)
	d := s.sit(0)
	r, err := d.importGiant(constantHeap, func(g *giant) error {
		err := g.addPayload(c, (million+1000)*512, func(out io.Writer) error {
			w := tar.NewWriter(out)
			s.write(w, regular("manifest.json", c.manifestText()))
			s.write(w, regular("attachments/001.jpg", marker))
			if err := w.Flush(); err != nil {
				return err
			}
			names := headers("attachments/%03d.jpg", 1000)
			for range million / 1000 {
				if _, err := out.Write(names); err != nil {
					return err
				}
			}
			return nil
		})
		return errors.Join(err, g.addAll(c.slotMembers()), g.addAll(s.message(receipt.New(), 0, honest)), g.finish(s))
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Apart) != 1 || r.Apart[0].Reason != noItem || !d.reads("0 "+honest) {
		t.Errorf("the desk reads %q: %+v", d.texts(), r)
	}
}

// TestReporterTarIsMadeOfZeros: nothing is compressed anywhere, so content that
// packs well takes what it takes, and nothing grows when it is opened.
func TestReporterTarIsMadeOfZeros(t *testing.T) {
	s := newDrop(t, 1)
	const size = 96 << 20
	code := receipt.New()
	sealed, err := item.Seal(s.Circle, code, 0, item.Content{
		Kind: item.Attachment, File: io.LimitReader(zeros{}, size), Size: size,
	})
	if err != nil {
		t.Fatal(err)
	}
	d := s.sit(0)
	r, err := d.importGiant(constantHeap, func(g *giant) error {
		in, out := io.Pipe()
		go func() {
			_, err := sealed.WriteTo(out)
			out.CloseWithError(err)
		}()
		path := s.path(batch.Payload, sealed.ID, 0)
		sum := sha256.New()
		err := g.Add(parsePath(path), sealed.Size, io.TeeReader(in, sum))
		g.sums[path] = [32]byte(sum.Sum(nil))
		return errors.Join(err, g.add(s.path(batch.Slot, sealed.ID, 0), sealed.Slots[0]),
			g.addAll(s.message(receipt.New(), 0, honest)), g.finish(s))
	})
	if err != nil || len(r.New) != 2 {
		t.Fatalf("report is %+v, %v", r, err)
	}
	runtime.GC()
	before := heapNow()
	files := d.extractSizes(code.ItemID(0).String())
	if grown := heapNow() - before; grown > constantHeap {
		t.Errorf("extracting left %d bytes on the heap", grown)
	}
	if files["000/attachments/001.bin"] != size || len(files) != 1 {
		t.Errorf("extracted %v", files)
	}
}

// TestReporterTarHasASparseMember of 10 GiB in a tar of 64 KiB, in each form that
// a tar has for it, and of 6 GiB, which a file may have. The standard library
// reads all of them.
func TestReporterTarHasASparseMember(t *testing.T) {
	s := newDrop(t, 1)
	for name, raw := range sparse("attachments/001.bin", tenGiB) {
		t.Run(name, func(t *testing.T) { s.meetsSparse(t, raw, tenGiB) })
	}
	for name, raw := range sparse("attachments/001.bin", 6<<30) {
		t.Run(name+" of 6 GiB", func(t *testing.T) { s.meetsSparse(t, raw, 6<<30) })
	}
	t.Run("announced alone", func(t *testing.T) {
		c := s.craft(receipt.New(), 0, item.Attachment)
		head := seal512(header("attachments/001.bin", '0', octal(6<<30, 11)+"\x00"))
		s.setsApart(t, c.id, c.around(slices.Concat(c.manifestTar(), head)), misSealed)
	})
}

// meetsSparse holds that a desk refuses the member by its header: a single byte
// of its content would be said to be missing or wrong instead.
func (s *drop) meetsSparse(t *testing.T, raw []byte, size int64) {
	t.Helper()
	c := s.craft(receipt.New(), 0, item.Attachment)
	plain := slices.Concat(c.manifestTar(), raw)
	announces(t, plain, size)
	before := allocated()
	d := s.setsApart(t, c.id, c.around(plain), noItem)
	if grown := allocated() - before; grown > sparseAllocated {
		t.Errorf("%d bytes were allocated", grown)
	}
	if size := d.size(); size > 1<<20 {
		t.Errorf("the desk has %d bytes", size)
	}
}

// sparseAllocated bounds everything that an import of some items allocates.
const sparseAllocated = 48 << 20

// TestCourierAddsASparseMember to the bundle itself.
func TestCourierAddsASparseMember(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest))
	good := s.bundle(1, 1).pack(t)
	for name, raw := range sparse(s.path(batch.Payload, receipt.New().ItemID(0), 0), tenGiB) {
		t.Run(name, func(t *testing.T) {
			d := s.sit(0)
			bad := slices.Concat(raw, good)
			_, err := d.Import(t.Context(), bytes.NewReader(bad), int64(len(bad)), s.Trusted)
			if !errors.Is(err, batch.ErrBundle) || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("got %v, want ErrBundle before its content is read", err)
			}
			if size := d.size(); size > 1<<20 {
				t.Errorf("the desk has %d bytes", size)
			}
			if r := d.take(s.bundle(1, 1)); len(r.New) != 1 {
				t.Errorf("without it: %+v", r)
			}
		})
	}
}

// announces holds that a reader of tar would make that much of it.
func announces(t *testing.T, plain []byte, size int64) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(plain))
	for {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("no member of %d bytes: %v", size, err)
		}
		if header.Size == size {
			return
		}
	}
}

// sparse returns members of a size whose content is a single block.
func sparse(name string, length int64) map[string][]byte {
	block := bytes.Repeat([]byte{'x'}, 512)
	old := header(name, 'S', octal(512, 11)+"\x00")
	copy(old[257:], "ustar  \x00")
	copy(old[386:], octal(0, 11)+"\x00"+octal(512, 11)+"\x00") // the first piece
	copy(old[386+24:], base256(length)+octal(0, 11)+"\x00")
	copy(old[483:], base256(length))
	pax := func(records ...string) []byte {
		text := ""
		for _, r := range records {
			text += record(r)
		}
		head := header("PaxHeaders/x", 'x', octal(int64(len(text)), 11)+"\x00")
		return slices.Concat(seal512(head), fill(text))
	}
	plain := func(size string, content ...byte) []byte {
		return slices.Concat(seal512(header(name, '0', size)), content)
	}
	small := octal(512, 11) + "\x00"
	size := fmt.Sprint(length)
	pieces := "2\n0\n512\n" + size + "\n0\n"
	return map[string][]byte{
		"old GNU": slices.Concat(seal512(old), block),
		"PAX 0.0": slices.Concat(pax("GNU.sparse.size="+size, "GNU.sparse.numblocks=2", "GNU.sparse.offset=0",
			"GNU.sparse.numbytes=512", "GNU.sparse.offset="+size, "GNU.sparse.numbytes=0"), plain(small, block...)),
		"PAX 0.1": slices.Concat(pax("GNU.sparse.size="+size, "GNU.sparse.numblocks=2",
			"GNU.sparse.map=0,512,"+size+",0"), plain(small, block...)),
		"PAX 1.0": slices.Concat(pax("GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name="+name,
			"GNU.sparse.realsize="+size), plain(octal(1024, 11)+"\x00", slices.Concat(fill(pieces), block)...)),
		"PAX size":      slices.Concat(pax("size="+size), plain(small, block...)),
		"base 256":      plain(base256(length), block...),
		"twelve digits": plain(octal(length, 12), block...),
	}
}

// headers returns those of n empty files, one behind the other.
func headers(format string, n int) (all []byte) {
	for i := range n {
		all = append(all, seal512(header(fmt.Sprintf(format, i), '0', octal(0, 11)+"\x00"))...)
	}
	return all
}

func octal(n int64, digits int) string { return fmt.Sprintf("%0*o", digits, n) }

func base256(n int64) string {
	b := make([]byte, 12)
	binary.BigEndian.PutUint64(b[4:], uint64(n))
	b[0] = 0x80
	return string(b)
}

func record(s string) string {
	for n := len(s); ; n++ {
		if r := fmt.Sprintf("%d %s\n", n, s); len(r) == n {
			return r
		}
	}
}

// header returns a USTAR header without its checksum.
func header(name string, kind byte, size string) []byte {
	b := make([]byte, 512)
	copy(b, name)
	copy(b[100:], "0000600\x000000000\x000000000\x00")
	copy(b[124:], size)
	copy(b[136:], octal(0, 11)+"\x00")
	b[156] = kind
	copy(b[257:], "ustar\x0000")
	copy(b[329:], "0000000\x000000000\x00")
	return b
}

// seal512 writes the checksum of a header.
func seal512(b []byte) []byte {
	copy(b[148:], strings.Repeat(" ", 8))
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func fill(text string) []byte {
	return append([]byte(text), make([]byte, (512-len(text)%512)%512)...)
}

// TestCourierAddsMembersWithoutEnd to the bundle: marks, which take a name and
// nothing else. They are passed over; the desk holds the name of each.
func TestCourierAddsMembersWithoutEnd(t *testing.T) {
	s := newDrop(t, 1)
	d := s.sit(0)
	const many, heldOfEach = 100_000, 250
	r, err := d.importGiant(constantHeap+many*heldOfEach, func(g *giant) error {
		for n := range many {
			id := receipt.ItemID{}
			binary.BigEndian.PutUint64(id[:], uint64(n))
			if err := g.AddBytes(batch.Path{Kind: batch.ExpiryMark, ID: id}, nil); err != nil {
				return err
			}
		}
		return errors.Join(g.addAll(s.message(receipt.New(), 0, honest)), g.finish(s))
	})
	if err != nil || len(r.New) != 1 || r.Expired > 0 || !d.reads("0 "+honest) {
		t.Errorf("the desk reads %q: %+v, %v", d.texts(), r, err)
	}
}

// TestServerListsItemsWithoutEnd that it does not bring: each is missed, and the
// honest item arrives. What the desk holds grows with the list, as it must.
func TestServerListsItemsWithoutEnd(t *testing.T) {
	s := newDrop(t, 1)
	d := s.sit(0)
	const many, heldOfEach = 100_000, 2000
	r, err := d.importGiant(constantHeap+many*heldOfEach, func(g *giant) error {
		for n := range many {
			id := receipt.ItemID{}
			binary.BigEndian.PutUint64(id[:], uint64(n))
			g.sums[batch.Path{Kind: batch.Payload, Sequence: 1, ID: id}.String()] = [32]byte{1}
		}
		return errors.Join(g.addAll(s.message(receipt.New(), 0, honest)), g.finish(s))
	})
	if err != nil || len(r.New) != 1 || len(r.Withheld) != many || !d.reads("0 "+honest) {
		t.Errorf("the desk reads %q, %d are withheld, %v", d.texts(), len(r.Withheld), err)
	}
	if acks, _ := d.Waiting(); acks != 0 {
		t.Error("the batch is acknowledged")
	}
}
