package desk

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
)

// Limits of a bundle. A member that is larger is refused before it is read.
const (
	maxNote       = 1 << 20   // bytes of a batch's or a roster's note
	maxRecipients = 1 << 20   // bytes of a recipients file
	maxMark       = 32        // bytes of a burn token; a mark of expiry is empty
	maxHeld       = 256 << 20 // bytes of all of these, and all SHA256SUMS, in memory
	maxMembers    = 2_000_000 // 20,000 items with 100 slots
	maxBatches    = 10_000    // 27 years of one a day
)

// A member is what the bundle brought under one path.
type member struct {
	hash   roster.Hash
	size   int64
	listed bool // a batch's list has the path
}

// A parcel is an item that came just as the list of a batch has it.
type parcel struct {
	parcelKey
	batch   *batchEntry // whose list has it
	digest  string      // of its lines on that list
	payload roster.Hash
	size    int64 // of payload.age
	slots   int
	kept    bool             // on the desk already: it waited
	waited  string           // the case key of one that waited
	apart   bool             // on the desk already: it lay apart
	keys    *reviewer.Keys   // whose slot secrets are tried
	e       *hybrid.Identity // that opens it, when it waited
	handed  []byte           // this reviewer's shares of it, when it waited
	bad     string           // why it cannot be an item, from its list and sizes alone
	copied  bool             // it is a copy of an item that the desk has: no files are kept
}

type parcelKey struct {
	roster uint64
	id     receipt.ItemID
}

// A staging is a bundle that was unpacked and not yet believed.
type staging struct {
	folder     string
	skip       func(receipt.ItemID) bool // no need to keep the files of this item
	members    map[string]member         // by their path; marks are not among them
	count      int                       // of all members
	notes      map[uint64][]byte         // of batches; 0 for the newest
	sums       map[uint64]string
	rosters    map[uint64][]byte
	recipients map[roster.Hash][]byte
	burned     map[receipt.ItemID]receipt.Secret // tokens, not yet held against a list
	expired    map[receipt.ItemID]bool
	reviewer   string
	canaries   map[canary.Month][]byte // of this reviewer
	held       int64
}

// stage unpacks a bundle into the staging folder, hashing every member. It
// returns [batch.ErrBundle] or [ErrOversize].
func (d *Desk) stage(ctx context.Context, bundle io.Reader, size int64) (*staging, error) {
	known := d.index.known()
	s := &staging{
		folder:  d.path("staging"),
		skip:    func(id receipt.ItemID) bool { return known[id.String()] != "" },
		members: map[string]member{}, notes: map[uint64][]byte{}, sums: map[uint64]string{},
		rosters: map[uint64][]byte{}, recipients: map[roster.Hash][]byte{},
		burned: map[receipt.ItemID]receipt.Secret{}, expired: map[receipt.ItemID]bool{},
		reviewer: d.keys.Line.ID, canaries: map[canary.Month][]byte{},
	}
	if err := os.Mkdir(s.folder, folderMode); err != nil {
		return nil, fmt.Errorf("unpacking bundle: %w", err)
	}
	in := &meter{ctx: ctx, r: bundle, count: d.counter("reading", size)}
	if err := batch.Read(in, s.take); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return s, nil
}

func (s *staging) remove() error { return removeStaging(s.folder) }

// take receives one member.
func (s *staging) take(p batch.Path, size int64, r io.Reader) error {
	if s.count++; s.count > maxMembers {
		return fmt.Errorf("reading bundle: %w: more than %d members", ErrOversize, maxMembers)
	}
	hash := sha256.New()
	r = io.TeeReader(r, hash)
	var err error
	if p.Kind == batch.Payload || p.Kind == batch.Slot {
		err = s.takeItem(p, size, r)
	} else {
		err = s.takeSmall(p, size, r)
	}
	if p.Kind != batch.BurnMark && p.Kind != batch.ExpiryMark {
		s.members[p.String()] = member{hash: roster.Hash(hash.Sum(nil)), size: size}
	}
	return err
}

// smallLimit is what a member that is held in memory may have.
func smallLimit(k batch.Kind) int64 {
	switch k {
	case batch.BatchSums:
		return batch.MaxSums
	case batch.RecipientsFile:
		return maxRecipients
	case batch.BurnMark, batch.ExpiryMark:
		return maxMark
	}
	return maxNote
}

func (s *staging) takeSmall(p batch.Path, size int64, r io.Reader) error {
	if s.held += size; size > smallLimit(p.Kind) || s.held > maxHeld {
		return fmt.Errorf("reading bundle: member %q has %d bytes: %w", p, size, ErrOversize)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch p.Kind {
	case batch.BatchNote:
		if s.notes[p.Sequence] = content; len(s.notes) > maxBatches {
			return fmt.Errorf("reading bundle: more than %d batches: %w", maxBatches, ErrOversize)
		}
	case batch.BatchSums:
		s.sums[p.Sequence] = string(content)
	case batch.RosterNote:
		s.rosters[p.Sequence] = content
	case batch.RecipientsFile:
		s.recipients[p.File] = content
	case batch.BurnMark:
		if len(content) == len(receipt.Secret{}) {
			s.burned[p.ID] = receipt.Secret(content)
		}
	case batch.ExpiryMark:
		s.expired[p.ID] = true
	case batch.Canary:
		if p.Reviewer == s.reviewer {
			s.canaries[p.Month] = content
		}
	}
	return nil
}

// takeItem writes a member of an item to the staging folder. Of one whose size
// no such member has, the content is read for the hash alone.
func (s *staging) takeItem(p batch.Path, size int64, r io.Reader) error {
	if s.skip(p.ID) || oddSize(p.Kind, size) != "" {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	return writeFile(s.path(p), r)
}

// oddSize says what is wrong with the size of an item's member.
func oddSize(k batch.Kind, size int64) string {
	switch {
	case k == batch.Payload && !item.ValidPayloadSize(size):
		return "its payload has a size that no payload has"
	case k == batch.Slot && !item.ValidSlotSize(size):
		return "a slot has a size that no slot has"
	}
	return ""
}

// path returns where a member is kept. The path of a member has one spelling
// and no parent folder in it.
func (s *staging) path(p batch.Path) string {
	return filepath.Join(s.folder, filepath.FromSlash(p.String()))
}

// itemFolder returns where an item's members are kept.
func (s *staging) itemFolder(b *parcel) string {
	return filepath.Dir(s.path(batch.Path{Kind: batch.Payload, Sequence: b.roster, ID: b.id}))
}

// known returns the payload hash of every item of the threads, by the item's id.
// Those of closed cases are among them: they are not taken in again.
func (x *index) known() map[string]string {
	items := map[string]string{}
	for _, t := range x.Threads {
		for _, i := range t.Items {
			items[i.ID] = i.Payload
		}
		for _, c := range t.Closed {
			items[c.ID] = c.Payload
		}
	}
	for _, w := range x.Waiting {
		items[w.ID] = w.Payload
	}
	return items
}
