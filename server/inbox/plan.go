package inbox

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/server/store"
)

// ErrChanged is returned when a bundle is no longer what its plan says.
var ErrChanged = errors.New("the bundle changed while it was written")

// A Plan is a bundle that is about to be written: how long it is, and what tells
// it from others. A courier whose connection broke can go on where it did if
// both are the same.
//
// It is found without reading payloads: one that is there has the hash that the
// batch lists, so its id says it all.
type Plan struct {
	Size int64
	Tag  [sha256.Size]byte

	inbox   *Inbox
	batches []store.Batch
	present []receipt.ItemID // items whose payload is in it, in order
}

// Plan finds out what a bundle of now would hold.
func (b *Inbox) Plan() (*Plan, error) {
	batches, err := b.openBatches()
	if err != nil {
		return nil, err
	}
	m := newMeasure()
	if _, err := b.bundle(m, batches); err != nil {
		return nil, err
	}
	return &Plan{Size: m.size, Tag: m.tag(), inbox: b, batches: batches, present: m.present}, nil
}

// Write writes the bundle to w. It returns [ErrChanged] before it writes a byte
// that the plan does not have: an item may be deleted meanwhile.
func (p *Plan) Write(w io.Writer) error {
	out := &follower{members: batch.NewWriter(w), plan: p, seen: newMeasure()}
	_, err := p.inbox.bundle(out, p.batches)
	return err
}

// A measure takes a bundle's members and keeps what they come to.
type measure struct {
	size    int64
	hash    hash.Hash
	present []receipt.ItemID
}

const tarBlock = 512

func newMeasure() *measure { return &measure{hash: sha256.New()} }

// Add implements members.
func (m *measure) Add(path batch.Path, size int64, _ io.Reader) error {
	if path.Kind == batch.Payload {
		m.present = append(m.present, path.ID)
	}
	m.size += tarBlock + (size+tarBlock-1)/tarBlock*tarBlock
	fmt.Fprintf(m.hash, "%s %d\n", path, size)
	return nil
}

// AddBytes implements members.
func (m *measure) AddBytes(path batch.Path, content []byte) error {
	err := m.Add(path, int64(len(content)), nil)
	m.hash.Write(content)
	return err
}

// Close implements members.
func (m *measure) Close() error {
	m.size += 2 * tarBlock
	return nil
}

func (m *measure) tag() [sha256.Size]byte { return [sha256.Size]byte(m.hash.Sum(nil)) }

// A follower writes a bundle for as long as it is the one of its plan.
type follower struct {
	members
	plan *Plan
	seen *measure
}

func (f *follower) check(path batch.Path) error {
	want := f.plan.present
	n := len(f.seen.present)
	other := path.Kind == batch.Payload && (n >= len(want) || want[n] != path.ID)
	early := (path.Kind == batch.BurnMark || path.Kind == batch.ExpiryMark) && n < len(want)
	if other || early {
		return fmt.Errorf("writing bundle: %w", ErrChanged)
	}
	return nil
}

// Add implements members.
func (f *follower) Add(path batch.Path, size int64, content io.Reader) error {
	if err := f.check(path); err != nil {
		return err
	}
	return errors.Join(f.seen.Add(path, size, nil), f.members.Add(path, size, content))
}

// AddBytes implements members.
func (f *follower) AddBytes(path batch.Path, content []byte) error {
	if err := f.check(path); err != nil {
		return err
	}
	_ = f.seen.AddBytes(path, content)
	return f.members.Add(path, int64(len(content)), bytes.NewReader(content))
}

// Close implements members.
func (f *follower) Close() error {
	if f.seen.tag() != f.plan.Tag {
		return fmt.Errorf("writing bundle: %w", ErrChanged)
	}
	return f.members.Close()
}

// A BatchState is what a courier may know of a batch.
type BatchState struct {
	Sequence uint64          `json:"sequence"`
	Items    int             `json:"items"` // when it was closed
	Desks    map[string]bool `json:"desks"` // by reviewer: the server thinks that this desk has it
}

// Batches returns the batches that a bundle of now would hold, the newest first.
func (b *Inbox) Batches() ([]BatchState, error) {
	batches, err := b.openBatches()
	if err != nil {
		return nil, err
	}
	acks, err := b.Store.Acknowledged()
	if err != nil {
		return nil, err
	}
	var states []BatchState
	for _, head := range batches {
		s := BatchState{Sequence: head.Sequence, Items: len(head.IDs), Desks: map[string]bool{}}
		for _, r := range b.Newest().Reviewers {
			s.Desks[r.ID] = acks[r.ID] >= head.Sequence
		}
		states = append(states, s)
	}
	return states, nil
}
