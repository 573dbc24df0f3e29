package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	"saksi/crypto/batch"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/roster"
)

// A giant is a bundle that is too large to be held in memory: it is written
// while the desk reads it. What an import of it cost is measured.
type giant struct {
	*batch.Writer
	sums batch.Sums

	bytes int64 // of the bundle, as far as it was read
	heap  int64 // most bytes on the heap, more than before
	disk  int64 // most bytes in the desk's folder
}

// importGiant imports what write makes, and holds the desk to two bounds: memory
// that does not depend on the bundle, and no more on the disk than came in.
func (d *table) importGiant(heap int64, write func(*giant) error) (*Report, error) {
	d.t.Helper()
	g := &giant{sums: batch.Sums{}}
	r, w := io.Pipe()
	g.Writer = batch.NewWriter(w)
	done := make(chan error, 1)
	go func() {
		err := write(g)
		w.CloseWithError(errors.Join(err, g.Close()))
		done <- err
	}()
	runtime.GC() // what tests before left does not count
	before, steps := heapNow(), 0
	d.progress = func(_ string, read, _ int64) {
		if steps++; steps%1000 == 0 {
			g.heap = max(g.heap, heapNow()-before)
		}
		if steps%20_000 == 0 {
			g.disk = max(g.disk, d.size())
		}
		g.bytes = max(g.bytes, read)
	}
	report, err := d.Import(context.Background(), r, 0, d.drop.Trusted)
	r.Close()
	if failed := <-done; failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		d.t.Fatal(failed)
	}
	g.heap, g.disk = max(g.heap, heapNow()-before), max(g.disk, d.size())
	d.t.Logf("a bundle of %d MiB took %d MiB of memory and %d MiB of disk", g.bytes>>20, g.heap>>20, g.disk>>20)
	if g.heap > heap {
		d.t.Errorf("the heap grew by %d bytes, at most %d", g.heap, heap)
	}
	if room := g.bytes + 1<<20; g.disk > room {
		d.t.Errorf("the desk took %d bytes on the disk, at most %d", g.disk, room)
	}
	d.reopen()
	return report, err
}

func heapNow() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// allocated returns the bytes that were ever allocated.
func allocated() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// size returns the bytes of all files of the desk.
func (d *table) size() (total int64) {
	err := filepath.WalkDir(d.folder, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Error(err)
	}
	return total
}

// add writes a member and puts it on the list.
func (g *giant) add(path string, content []byte) error {
	g.sums[path] = hash(content)
	return g.AddBytes(parsePath(path), content)
}

// addAll writes members and puts them on the list.
func (g *giant) addAll(m members) error {
	for path, content := range m {
		if err := g.add(path, content); err != nil {
			return err
		}
	}
	return nil
}

// addPayload seals what write makes to the craft's key, as a payload of a tar of
// that size, while the desk reads it.
func (g *giant) addPayload(c *craft, size int64, write func(io.Writer) error) error {
	path := parsePath(c.path(batch.Payload, 0))
	r, w := io.Pipe()
	go func() { w.CloseWithError(sealTar(w, c.e, item.Padme(size), write)) }()
	sum := sha256.New()
	err := g.Add(path, item.PayloadSize(item.Padme(size)), io.TeeReader(r, sum))
	g.sums[path.String()] = roster.Hash(sum.Sum(nil))
	return errors.Join(err, r.Close())
}

// sealTar fills the tar with zeros to its size.
func sealTar(to io.Writer, e *hybrid.Identity, size int64, write func(io.Writer) error) error {
	sealed, err := hybrid.Seal(to, e.Recipient())
	if err != nil {
		return err
	}
	counted := &counter{w: sealed}
	if err := write(counted); err != nil {
		return err
	}
	_, err = io.CopyN(counted, zeros{}, size-counted.n)
	return errors.Join(err, sealed.Close())
}

// finish lists everything and signs the batch, at the bundle's end: a reader
// takes any order.
func (g *giant) finish(s *drop) error {
	for path, content := range s.rosters {
		if err := g.add(path, content); err != nil {
			return err
		}
	}
	note := batch.Note{Origin: "uji.saksi", Sequence: 1, Week: s.week, Sums: g.sums.Hash()}
	msg, err := note.Sign(s.Server)
	return errors.Join(err, g.AddBytes(batch.Path{Kind: batch.BatchSums}, []byte(g.sums.Text())),
		g.AddBytes(batch.Path{Kind: batch.BatchNote}, msg))
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// extractSizes extracts one item and returns the sizes of its files.
func (d *table) extractSizes(id string) map[string]int64 {
	d.t.Helper()
	_, i, err := d.Find(id)
	if err != nil {
		d.t.Fatal(err)
	}
	dir := filepath.Join(d.t.TempDir(), "hasil")
	if _, err := d.Extract(context.Background(), []*Item{i}, dir); err != nil {
		d.t.Fatal(err)
	}
	sizes := map[string]int64{}
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sizes[filepath.ToSlash(strings.TrimPrefix(path, dir+"/"))] = info.Size()
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return sizes
}
