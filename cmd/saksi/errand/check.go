package errand

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A Checked is what a courier can see of a bundle without any key: that his server
// signed its lists, and that what is in it is what they name.
type Checked struct {
	Batch   uint64 // the newest
	Batches int
	Items   int
	Size    int64
	Damaged []string // members that are not what was listed, by path
	Missing []string // items that were listed and are not there, without a mark
}

// ErrForged is returned for a bundle that the server of the pass did not make.
var ErrForged = errors.New("the bundle is not from the server of this pass")

// ErrLarge is returned for a bundle whose lists a laptop's memory is not to hold.
var ErrLarge = errors.New("the bundle has more members, or longer lists, than a desk takes")

// Bounds of what is kept of a bundle until all of it was read.
const (
	maxNote    = 64 << 10  // of BATCH.note, in bytes
	maxMembers = 2_000_000 // as a desk has it
	maxLists   = 256 << 20 // of all lists together, in bytes: for about as many members
)

// A checker holds a bundle's members until all of them are there.
type checker struct {
	origin string
	server sign.Key
	notes  map[uint64]batch.Note // by the sequence in the path; 0 for the newest
	lists  map[uint64][]byte
	hashes map[batch.Path]roster.Hash
	size   int64
	count  int   // of members
	listed int64 // bytes of all lists
}

// Check reads a bundle. It returns [batch.ErrBundle] for one that is not whole,
// [ErrForged] and [ErrLarge].
func Check(r io.Reader, origin string, server sign.Key) (*Checked, error) {
	c := &checker{
		origin: origin, server: server, notes: map[uint64]batch.Note{}, lists: map[uint64][]byte{},
		hashes: map[batch.Path]roster.Hash{},
	}
	counted := &counter{r: r}
	if err := batch.Read(counted, c.member); err != nil {
		return nil, fmt.Errorf("checking: %w", err)
	}
	c.size = counted.n
	chain, err := c.chain()
	if err != nil {
		return nil, fmt.Errorf("checking: %w", err)
	}
	return c.compare(chain)
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *checker) member(path batch.Path, size int64, content io.Reader) error {
	c.count++
	if path.Kind == batch.BatchSums {
		c.listed += size
	}
	switch {
	case c.count > maxMembers || c.listed > maxLists:
		return ErrLarge
	case path.Kind == batch.BatchNote && size <= maxNote:
		msg, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		note, err := batch.OpenNote(msg, c.server)
		if err != nil || note.Origin != c.origin || path.Sequence != 0 && path.Sequence != note.Sequence {
			return ErrForged
		}
		c.notes[path.Sequence] = note
		return nil
	case path.Kind == batch.BatchSums && size <= batch.MaxSums:
		var list bytes.Buffer
		_, err := list.ReadFrom(content)
		c.lists[path.Sequence] = list.Bytes()
		return err
	case path.Kind == batch.BatchNote || path.Kind == batch.BatchSums:
		return batch.ErrBundle
	}
	hash := sha256.New()
	_, err := io.Copy(hash, content)
	c.hashes[path] = roster.Hash(hash.Sum(nil))
	return err
}

// chain returns the notes from the newest on, held against each other, and their
// lists against them.
func (c *checker) chain() ([]batch.Note, error) {
	if _, ok := c.notes[0]; !ok {
		return nil, batch.ErrBundle
	}
	var notes []batch.Note
	for at, note := range c.notes {
		if list, ok := c.lists[at]; !ok || sha256.Sum256(list) != note.Sums {
			return nil, ErrForged
		}
		notes = append(notes, note)
	}
	slices.SortFunc(notes, func(a, b batch.Note) int { return cmp.Compare(b.Sequence, a.Sequence) })
	for i := range notes[1:] {
		if err := notes[i].Follows(notes[i+1]); err != nil {
			return nil, ErrForged
		}
	}
	if len(c.lists) != len(notes) || notes[0].Sequence != c.notes[0].Sequence {
		return nil, ErrForged
	}
	return notes, nil
}

// compare holds what is there against what is listed.
func (c *checker) compare(notes []batch.Note) (*Checked, error) {
	listed := map[batch.Path]roster.Hash{}
	for at, list := range c.lists {
		delete(c.lists, at) // it is not needed twice
		sums, err := batch.ParseSums(string(list))
		if err != nil {
			return nil, fmt.Errorf("checking: %w", ErrForged)
		}
		for name, hash := range sums {
			path, err := batch.ParsePath(name)
			if err != nil {
				return nil, fmt.Errorf("checking: %w", ErrForged)
			}
			listed[path] = hash
		}
	}
	out := &Checked{Batch: notes[0].Sequence, Batches: len(notes), Size: c.size}
	gone := map[receipt.ItemID]bool{}
	for path, hash := range c.hashes {
		want, ok := listed[path]
		switch {
		case path.Kind == batch.ExpiryMark:
			gone[path.ID] = true
			continue
		case !ok:
			return nil, fmt.Errorf("checking: %w: %s is on no list", ErrForged, path)
		case hash != want:
			out.Damaged = append(out.Damaged, path.String())
		}
		if path.Kind == batch.Payload {
			out.Items++
		}
		gone[path.ID] = gone[path.ID] || path.Kind == batch.BurnMark
	}
	for path := range listed {
		_, there := c.hashes[path]
		if !there && (path.Kind == batch.RosterNote || path.Kind == batch.RecipientsFile) {
			return nil, fmt.Errorf("checking: %w: %s is missing", ErrForged, path)
		}
	}
	out.Missing = c.missing(listed, gone)
	slices.Sort(out.Damaged)
	return out, nil
}

// missing returns the items of which something is not there, and no mark says why. A
// canary is not one: it stays on the list, and leaves the bundle once it is answered.
func (c *checker) missing(listed map[batch.Path]roster.Hash, gone map[receipt.ItemID]bool) (ids []string) {
	for path := range listed {
		_, there := c.hashes[path]
		part := path.Kind == batch.Payload || path.Kind == batch.Slot
		if !there && part && !gone[path.ID] {
			ids = append(ids, path.ID.String())
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
