//go:build !race

package boltstore_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var powerLosses = flag.Int("powerlosses", 100, "how many moments the power fails at")

// A disk is what a store's files may be after the power failed, by the promises
// of POSIX and no more: data is on disk once a sync of its file that began after
// the write has succeeded; names are once a sync of their folder has. Of all
// else, any part may be there, in pieces of 512 bytes; names come in their
// order, as from a journal. What a failed sync was for is never promised again.
type disk struct {
	files   map[string]*inode // names that are surely there
	byName  map[string]*inode // names as the process sees them
	pending []*change
}

type inode struct {
	content []byte
	shared  bool  // content belongs to somebody else as well
	written int64 // where the next write without an offset goes
}

// own makes the content this inode's alone, before it changes.
func (i *inode) own() {
	if i.shared {
		i.content, i.shared = slices.Clone(i.content), false
	}
}

type change struct {
	event
	of        *inode       // data; nil for names
	folder    string       // of names
	forgotten bool         // a sync failed
	covered   map[int]bool // pieces that a later write has replaced on disk
}

func newDisk(before map[string][]byte) *disk {
	d := &disk{files: map[string]*inode{}}
	for name, content := range before {
		d.files[name] = &inode{content: content, shared: true}
	}
	d.byName = maps.Clone(d.files)
	return d
}

// apply takes one event into account. Events come in the order of their ends.
func (d *disk) apply(e event, syncs func(event) bool) {
	switch e.call {
	case "openat":
		if d.byName[e.path] == nil {
			d.byName[e.path] = &inode{}
			d.pending = append(d.pending, &change{event: e, of: d.byName[e.path], folder: filepath.Dir(e.path)})
		}
	case "write", "pwrite64", "ftruncate":
		d.write(e)
	case "renameat", "unlinkat":
		d.pending = append(d.pending, &change{event: e, folder: filepath.Dir(e.path)})
		if e.to != "" {
			d.byName[e.to] = d.byName[e.path]
		}
		delete(d.byName, e.path)
	case "linkat":
		d.pending = append(d.pending, &change{event: e, folder: filepath.Dir(e.to)})
		d.byName[e.to] = d.byName[e.path]
	case "fsync", "fdatasync":
		if syncs(e) {
			d.sync(e)
		}
	}
}

func (d *disk) write(e event) {
	of := d.byName[e.path]
	if of == nil || e.failed {
		return
	}
	if e.call == "write" {
		e.at = of.written
		of.written += int64(len(e.data))
	}
	d.pending = append(d.pending, &change{event: e, of: of})
}

// sync makes final what was written before it began; or, if it failed, promises
// nothing of it any more.
func (d *disk) sync(e event) {
	of := d.byName[e.path]
	var left []*change
	for _, c := range d.pending {
		mine := c.end < e.begin && (c.folder == e.path || c.folder == "" && c.of == of && of != nil)
		switch {
		case !mine || c.forgotten:
			left = append(left, c)
		case e.failed:
			c.forgotten = true
			left = append(left, c)
		default:
			c.do(d.files, func(int) bool { return true })
			for _, older := range left {
				older.coverBy(c)
			}
		}
	}
	d.pending = left
}

const piece = 512

// coverBy notes which pieces of a write can no longer come to be on disk, as a
// later write to the same place is there.
func (c *change) coverBy(later *change) {
	if c.of == nil || c.of != later.of || len(later.data) == 0 {
		return
	}
	for n := 0; n*piece < len(c.data); n++ {
		at := c.at + int64(n*piece)
		if at >= later.at && at+piece <= later.at+int64(len(later.data)) {
			if c.covered == nil {
				c.covered = map[int]bool{}
			}
			c.covered[n] = true
		}
	}
}

// do makes a change in files, of a write those pieces that keep chooses.
func (c *change) do(files map[string]*inode, keep func(piece int) bool) {
	switch c.call {
	case "openat":
		files[c.path] = c.of
	case "renameat":
		if files[c.path] != nil {
			files[c.to] = files[c.path]
		}
		delete(files, c.path)
	case "linkat":
		if files[c.path] != nil {
			files[c.to] = files[c.path]
		}
	case "unlinkat":
		delete(files, c.path)
	case "ftruncate":
		if keep(0) {
			c.of.resize(c.at)
		}
	default:
		c.of.write(c.data, c.at, func(n int) bool { return !c.covered[n] && keep(n) })
	}
}

func (i *inode) resize(size int64) {
	i.own()
	if size <= int64(len(i.content)) {
		i.content = i.content[:size]
		return
	}
	i.content = append(i.content, make([]byte, size-int64(len(i.content)))...)
}

func (i *inode) write(data []byte, at int64, keep func(piece int) bool) {
	for n := 0; n*piece < len(data); n++ {
		if !keep(n) {
			continue
		}
		from, to := n*piece, min((n+1)*piece, len(data))
		if end := at + int64(to); end > int64(len(i.content)) {
			i.resize(end)
		}
		i.own()
		copy(i.content[at+int64(from):], data[from:to])
	}
}

// crash returns the files as they may be when the power fails now, given how
// likely a pending change is to be there.
func (d *disk) crash(inFlight []event, likely float64) map[string][]byte {
	copies := map[*inode]*inode{}
	files := map[string]*inode{}
	clone := func(i *inode) *inode {
		if i != nil && copies[i] == nil {
			copies[i] = &inode{content: i.content, shared: true}
		}
		return copies[i]
	}
	for name, i := range d.files {
		files[name] = clone(i)
	}
	names := true
	for _, c := range d.withInFlight(inFlight) {
		now := *c
		now.of = clone(c.of)
		if c.folder == "" {
			now.do(files, func(int) bool { return rand.Float64() < likely })
		} else if names = names && rand.Float64() < likely; names {
			now.do(files, nil)
		}
	}
	contents := map[string][]byte{}
	for name, i := range files {
		contents[name] = i.content
	}
	return contents
}

// withInFlight adds writes that had begun and not ended.
func (d *disk) withInFlight(inFlight []event) []*change {
	all := slices.Clone(d.pending)
	for _, e := range inFlight {
		if e.call == "pwrite64" && d.byName[e.path] != nil && !e.failed {
			all = append(all, &change{event: e, of: d.byName[e.path]})
		}
	}
	return all
}

// materialise writes files into a folder, which takes the place of the one that
// they were in.
func materialise(t *testing.T, files map[string][]byte, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "payloads"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		rest, ok := strings.CutPrefix(name, from)
		if !ok {
			continue
		}
		if err := writeSparse(filepath.Join(dir, rest), content); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// writeSparse leaves pages of zeros out.
func writeSparse(name string, content []byte) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	const page = 4096
	zeros := make([]byte, page)
	for at := 0; at < len(content); at += page {
		part := content[at:min(at+page, len(content))]
		if bytes.Equal(part, zeros[:len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, int64(at)); err != nil {
			return err
		}
	}
	return f.Truncate(int64(len(content)))
}

// replay lets the power fail at some moments of a run and returns what was
// wrong afterwards. syncs says which syncs do anything.
func (r run) replay(t *testing.T, before map[string][]byte, moments int, syncs func(event) bool) (wrong []string) {
	t.Helper()
	last := r.events[len(r.events)-1].end
	for range moments {
		moment := 1 + rand.IntN(last)
		wrong = append(wrong, r.loseAt(t, before, moment, []float64{0, 0.5, 0.9, 1}[rand.IntN(4)], syncs)...)
	}
	return wrong
}

// loseAt lets the power fail at one moment.
func (r run) loseAt(
	t *testing.T, before map[string][]byte, moment int, likely float64, syncs func(event) bool,
) (wrong []string) {
	t.Helper()
	d := newDisk(before)
	var inFlight []event
	var told strings.Builder
	for _, e := range r.events {
		if e.path == r.journal && e.begin < moment {
			told.Write(e.data)
		}
		if e.end < moment {
			d.apply(e, syncs)
		} else if e.begin < moment {
			inFlight = append(inFlight, e)
		}
	}
	records, err := readJournal(told.String())
	if err != nil {
		t.Fatal(err)
	}
	dir := materialise(t, d.crash(inFlight, likely), r.dir)
	defer os.RemoveAll(dir)
	for _, problem := range verify(dir, records) {
		wrong = append(wrong, fmt.Sprintf("power lost at event line %d, %.0f %% of what was not synced is there: %s",
			moment, 100*likely, problem))
	}
	return wrong
}

func everySync(event) bool { return true }

// TestPowerLoss: whatever the moment, and whatever part of the unsynced writes
// is lost, all that was acknowledged is there, whole, and the store is clean.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	r, before := runWorkload(t)
	r.replaysTheRun(t, before)
	for _, problem := range r.replay(t, before, *powerLosses, everySync) {
		t.Error(problem)
	}
}

// replaysTheRun holds that the replay of all events gives the files that the run
// left: otherwise it would not be about this program.
func (r run) replaysTheRun(t *testing.T, before map[string][]byte) {
	t.Helper()
	d := newDisk(before)
	for _, e := range r.events {
		d.apply(e, everySync)
	}
	got := d.crash(nil, 1)
	for name, want := range readFiles(t, r.dir) {
		if !bytes.Equal(got[name], want) {
			t.Fatalf("%q is %d bytes after the replay and %d after the run, or other ones", name, len(got[name]), len(want))
		}
		delete(got, name)
	}
	for name := range got {
		if strings.HasPrefix(name, r.dir) {
			t.Fatalf("%q is there after the replay and not after the run", name)
		}
	}
	if records := r.records(t); len(records) < workers*stepsPerWorker/2 {
		t.Fatalf("the run did only %d steps", len(records))
	}
}

// TestPowerLossNeedsEverySync: a store that left one kind of sync out would be
// found out by the same replay.
func TestPowerLossNeedsEverySync(t *testing.T) {
	t.Parallel()
	r, before := runWorkload(t)
	for name, without := range map[string]func(path string) bool{
		"index":   func(path string) bool { return strings.HasSuffix(path, "/index.db") },
		"keys":    func(path string) bool { return strings.HasSuffix(path, "/keys.slots") },
		"payload": func(path string) bool { return strings.HasSuffix(path, ".part") },
		"slice":   func(path string) bool { return strings.HasSuffix(path, ".staged") },
		"folder":  func(path string) bool { return strings.HasSuffix(path, "/payloads") },
	} {
		found := false
		for range 20 {
			if found = len(r.replay(t, before, 10, func(e event) bool { return !without(e.path) })) > 0; found {
				break
			}
		}
		if !found {
			t.Errorf("without the sync of the %s nothing is lost in 200 power losses: the replay sees nothing", name)
		}
	}
}
