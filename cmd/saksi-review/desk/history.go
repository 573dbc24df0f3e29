package desk

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A delivered batch has a note that a trusted server signed.
type delivered struct {
	note  batch.Note
	hash  roster.Hash
	sums  batch.Sums
	entry *batchEntry // in the index
}

// readRosters verifies the bundle's rosters against the roots, each other and
// those that the desk knows. It returns [ErrRoster] or [ErrFork].
func (im *importer) readRosters(trusted roster.RootSet) error {
	im.rosters = maps.Clone(im.desk.rosters)
	for _, sequence := range slices.Sorted(maps.Keys(im.staged.rosters)) {
		signed, err := roster.Verify(im.staged.rosters[sequence], trusted)
		if err != nil {
			return fmt.Errorf("reading roster %d of the bundle: %w: %w", sequence, ErrRoster, err)
		}
		if signed.Sequence != sequence {
			return fmt.Errorf("reading roster %d of the bundle: %w: it is roster %d",
				sequence, batch.ErrBundle, signed.Sequence)
		}
		if known, ok := im.rosters[sequence]; ok && known.Hash != signed.Hash {
			return fmt.Errorf("reading roster %d of the bundle: %w: the desk knows another roster %d",
				sequence, ErrFork, sequence)
		} else if !ok {
			im.rosters[sequence] = signed
		}
	}
	if len(im.rosters) == 0 {
		return fmt.Errorf("reading bundle: %w: no roster in it", batch.ErrBundle)
	}
	return im.chainRosters()
}

func (im *importer) chainRosters() error {
	sequences := slices.Sorted(maps.Keys(im.rosters))
	for i, sequence := range sequences[1:] {
		if err := im.rosters[sequence].Follows(im.rosters[sequences[i]]); err != nil {
			return fmt.Errorf("reading rosters of the bundle: %w: %w", ErrRoster, err)
		}
	}
	im.newest = newestOf(im.rosters)
	im.next.Rosters = nil
	for _, sequence := range sequences {
		hash := im.rosters[sequence].Hash.String()
		im.next.Rosters = append(im.next.Rosters, rosterEntry{sequence, hash})
	}
	im.warnOfTheEnd()
	return nil
}

// readRecipients keeps those recipients files that a roster pins.
func (im *importer) readRecipients() error {
	pinned := map[roster.Hash]bool{}
	for _, r := range im.rosters {
		for _, p := range r.Recipients {
			pinned[p.File] = true
		}
	}
	for hash, text := range im.staged.recipients {
		switch {
		case roster.Hash(sha256.Sum256(text)) != hash:
			return fmt.Errorf("reading bundle: %w: recipients file %s has another hash", batch.ErrBundle, hash)
		case !pinned[hash]:
			im.warn("no roster names recipients file %s: not taken", hash)
			delete(im.staged.recipients, hash)
		}
	}
	return nil
}

// readBatches verifies the bundle's batches: signed by a server of the rosters,
// with the list that the note names. It returns [ErrUntrusted] or
// [batch.ErrBundle].
func (im *importer) readBatches() error {
	for folder, msg := range im.staged.notes {
		b, err := im.readBatch(folder, msg)
		if err != nil {
			return err
		}
		im.batches = append(im.batches, b)
	}
	slices.SortFunc(im.batches, func(a, b delivered) int { return cmp.Compare(a.note.Sequence, b.note.Sequence) })
	top, ok := im.staged.notes[0]
	if !ok || len(im.staged.sums) != len(im.staged.notes) {
		return fmt.Errorf("reading bundle: %w: a batch lacks its note or its list", batch.ErrBundle)
	}
	newest := im.batches[len(im.batches)-1].note
	if note, err := im.openNote(top); err != nil || note != newest {
		return fmt.Errorf("reading bundle: %w: the batch at its top is not its newest", batch.ErrBundle)
	}
	return nil
}

func (im *importer) readBatch(folder uint64, msg []byte) (b delivered, err error) {
	if b.note, err = im.openNote(msg); err != nil {
		return b, err
	}
	if folder != 0 && b.note.Sequence != folder {
		return b, fmt.Errorf("reading batch %d: %w: it is batch %d", folder, batch.ErrBundle, b.note.Sequence)
	}
	if b.note.Origin != im.newest.Origin {
		return b, fmt.Errorf("reading batch %d: %w: its origin is not the roster's", b.note.Sequence, ErrUntrusted)
	}
	text := im.staged.sums[folder]
	if roster.Hash(sha256.Sum256([]byte(text))) != b.note.Sums {
		return b, fmt.Errorf("reading batch %d: %w: SHA256SUMS is not the one it names",
			b.note.Sequence, batch.ErrBundle)
	}
	if b.sums, err = batch.ParseSums(text); err != nil {
		return b, fmt.Errorf("reading batch %d: %w: %v", b.note.Sequence, batch.ErrBundle, err)
	}
	b.hash = b.note.Hash()
	return b, nil
}

// openNote tries the servers of the rosters, the newest roster's first: a
// batch may be older than the server's newest key.
func (im *importer) openNote(msg []byte) (batch.Note, error) {
	for _, sequence := range slices.Backward(slices.Sorted(maps.Keys(im.rosters))) {
		text, err := sign.Open(msg, 1, im.rosters[sequence].Server)
		if err != nil {
			continue
		}
		note, err := batch.ParseNote(text)
		if err != nil {
			return note, fmt.Errorf("reading bundle: %w: %v", batch.ErrBundle, err)
		}
		return note, nil
	}
	return batch.Note{}, fmt.Errorf("reading a batch of the bundle: %w", ErrUntrusted)
}

// link ties the bundle's batches to the desk's chain. It returns [ErrFork] or
// [ErrRollback].
func (im *importer) link() error {
	begins := len(im.next.Batches) == 0
	for i := range im.batches {
		if err := im.linkBatch(&im.batches[i]); err != nil {
			return err
		}
	}
	if begins {
		im.report.Began = im.batches[0].note.Sequence
	}
	if _, ok := im.staged.rosters[im.newest.Sequence]; !ok && len(im.report.Batches) > 0 {
		return fmt.Errorf("reading bundle: %w: the desk knows roster %d, and the bundle does not have it",
			ErrRollback, im.newest.Sequence)
	}
	for i, b := range im.next.Batches[1:] {
		if before := im.next.Batches[i].Sequence; b.Sequence > before+1 {
			im.report.Missing = append(im.report.Missing, Range{before + 1, b.Sequence - 1})
		}
	}
	return nil
}

func (im *importer) linkBatch(b *delivered) error {
	n := b.note
	if b.entry = im.next.batch(n.Sequence); b.entry != nil {
		if b.entry.Hash != b.hash.String() {
			return fmt.Errorf("reading batch %d: %w: the desk knows another batch %d", n.Sequence, ErrFork, n.Sequence)
		}
		return nil
	}
	before, after := im.next.batch(n.Sequence-1), im.next.batch(n.Sequence+1)
	switch {
	case before != nil && before.Hash != n.Previous.String():
		return fmt.Errorf("reading batch %d: %w: it follows another batch %d", n.Sequence, ErrFork, n.Sequence-1)
	case after != nil && after.Previous != b.hash.String():
		return fmt.Errorf("reading batch %d: %w: batch %d follows another one", n.Sequence, ErrFork, n.Sequence+1)
	}
	b.entry = &batchEntry{
		Sequence: n.Sequence, Hash: b.hash.String(), Previous: n.Previous.String(), Week: n.Week.String(),
		Ahead: isAhead(n.Week, im.desk.now()),
	}
	im.next.addBatch(b.entry)
	im.report.Batches = append(im.report.Batches, n.Sequence)
	if !im.covered(n) {
		im.warn("batch %d is from week %s, when no roster was valid", n.Sequence, n.Week)
	}
	return nil
}

// covered reports whether some roster was valid in the batch's week.
func (im *importer) covered(n batch.Note) bool {
	first := n.Week.Monday()
	last := first.AddDate(0, 0, 6)
	for _, r := range im.rosters {
		if !last.Add(24*time.Hour).Before(r.From) && !first.Add(-24*time.Hour).After(r.Until) {
			return true
		}
	}
	return false
}
