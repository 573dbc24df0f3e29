package desk

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A delivered batch has a note that a trusted server signed.
type delivered struct {
	note   batch.Note
	hash   roster.Hash
	sums   batch.Sums
	roster uint64      // whose server key signed it
	entry  *batchEntry // in the index
}

// readRosters verifies the bundle's rosters against the roots, each other and
// those that the desk knows. It returns [ErrRoster] or [ErrFork].
//
// A roster is public as soon as the roots have signed it, and waits for its first
// day. So whoever carries the stick could make it the desk's newest weeks before
// any server goes by it. A new one is taken only if a list of the bundle names it:
// readBatches refuses the bundle if a server did not sign that list.
func (im *importer) readRosters(trusted roster.RootSet) error {
	im.rosters = maps.Clone(im.desk.rosters)
	listed := im.staged.listedRosters()
	var unlisted []uint64
	for _, sequence := range slices.Sorted(maps.Keys(im.staged.rosters)) {
		known := im.rosters[sequence]
		if path := rosterPath(sequence); known == nil && !listed[path] {
			unlisted = append(unlisted, sequence)
			continue
		}
		signed, err := im.readRoster(sequence, trusted)
		if err != nil {
			return err
		}
		if known == nil && !im.passOver(signed) {
			im.rosters[sequence] = signed
		}
	}
	if len(unlisted) > 0 {
		im.warn("roster %s on no list that the server signed: not taken; if it is in force, the next batch lists it",
			counted(unlisted))
	}
	if len(im.rosters) == 0 {
		return fmt.Errorf("reading bundle: %w: no roster in it", batch.ErrBundle)
	}
	return im.chainRosters()
}

// listedRosters returns the paths below rosters/ on all lists of the bundle.
func (s *staging) listedRosters() map[string]bool {
	listed := map[string]bool{}
	for _, sums := range s.sums {
		for line := range strings.Lines(sums) {
			_, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
			if strings.HasPrefix(path, "rosters/") {
				listed[path] = true
			}
		}
	}
	return listed
}

func rosterPath(sequence uint64) string {
	return batch.Path{Kind: batch.RosterNote, Sequence: sequence}.String()
}

// counted writes the first of some numbers and how many follow: a hostile bundle
// may have any number of them.
func counted(numbers []uint64) string {
	if len(numbers) == 1 {
		return fmt.Sprintf("%d is", numbers[0])
	}
	return fmt.Sprintf("%d, and %d more, are", numbers[0], len(numbers)-1)
}

func (im *importer) readRoster(sequence uint64, trusted roster.RootSet) (*roster.Signed, error) {
	signed, err := roster.Verify(im.staged.rosters[sequence], trusted)
	if err != nil {
		return nil, fmt.Errorf("reading roster %d of the bundle: %w: %w", sequence, ErrRoster, err)
	}
	if signed.Sequence != sequence {
		return nil, fmt.Errorf("reading roster %d of the bundle: %w: it is roster %d",
			sequence, batch.ErrBundle, signed.Sequence)
	}
	if known, ok := im.rosters[sequence]; ok && known.Hash != signed.Hash {
		return nil, fmt.Errorf("reading roster %d of the bundle: %w: the desk knows another roster %d",
			sequence, ErrFork, sequence)
	}
	return signed, nil
}

// passOver reports whether a roster is not taken because its first day is to come,
// and then it takes none that follows. A clock that is not even in the days of the
// roster before it shows a wrong day, and is no argument against anything.
func (im *importer) passOver(signed *roster.Signed) bool {
	now, before := im.desk.now(), newestOf(im.rosters)
	early := before != nil && errors.Is(signed.ValidAt(now), roster.ErrNotYet) &&
		!errors.Is(before.ValidAt(now), roster.ErrNotYet)
	if im.early == nil && !early {
		return false
	}
	if im.early == nil {
		im.early = signed
		im.warn("%v: not taken; open this bundle again on that day, or when you have set the clock of this desk, "+
			"if it is wrong", signed.ValidAt(now))
	}
	im.named[rosterPath(signed.Sequence)] = true // it was brought: nobody withholds it
	return true
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
	strays := 0
	for hash, text := range im.staged.recipients {
		switch {
		case roster.Hash(sha256.Sum256(text)) != hash:
			return fmt.Errorf("reading bundle: %w: recipients file %s has another hash", batch.ErrBundle, hash)
		case !pinned[hash]:
			strays++
			delete(im.staged.recipients, hash)
		}
	}
	if strays > 0 {
		im.warn("no roster names %d of the recipients files that were brought: not taken", strays)
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
	if b.roster, err = im.signedUnder(msg, b.sums); err != nil {
		return b, fmt.Errorf("reading batch %d: %w", b.note.Sequence, err)
	}
	return b, nil
}

// signedUnder returns the roster whose server key signed a batch: the newest one
// on its list, or one after it. It returns [ErrReplaced] if the key is that of an
// older one: when the roots gave the server a new key, the old one may be in
// strange hands.
func (im *importer) signedUnder(msg []byte, sums batch.Sums) (uint64, error) {
	sequences := slices.Sorted(maps.Keys(im.rosters))
	first := 0
	for i, sequence := range sequences {
		if _, listed := sums[rosterPath(sequence)]; listed {
			first = i
		}
	}
	for _, sequence := range sequences[first:] {
		if _, err := sign.Open(msg, 1, im.rosters[sequence].Server); err == nil {
			return sequence, nil
		}
	}
	return 0, fmt.Errorf("%w: its list has roster %d", ErrReplaced, sequences[first])
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
	if im.early != nil {
		return batch.Note{}, fmt.Errorf("reading a batch of the bundle: %w: %v",
			ErrUntrusted, im.early.ValidAt(im.desk.now()))
	}
	return batch.Note{}, fmt.Errorf("reading a batch of the bundle: %w", ErrUntrusted)
}

// link ties the bundle's batches to the desk's chain. It returns [ErrFork],
// [ErrReplaced], [ErrBlocked] or [ErrRollback].
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
	if err := im.checkKeys(); err != nil {
		return err
	}
	if _, ok := im.staged.rosters[im.newest.Sequence]; !ok && im.goesOn() {
		return fmt.Errorf("reading bundle: %w: the desk knows roster %d, and the bundle does not have it",
			ErrRollback, im.newest.Sequence)
	}
	im.report.Missing = im.next.gaps()
	return nil
}

// goesOn reports whether the bundle's batches go on where those of the desk end, or open
// a gap. Others lie between what the desk has: they are from an old stick, whose newest
// roster was an older one, and may be all that is left of a batch.
func (im *importer) goesOn() bool {
	known, all := im.desk.index.Batches, im.next.Batches
	return len(known) == 0 || lastNumber(all) > lastNumber(known) || lacking(all) > lacking(known)
}

func lastNumber(batches []*batchEntry) uint64 { return batches[len(batches)-1].Sequence }

// lacking returns how many batches are missing between the first and the last.
func lacking(batches []*batchEntry) uint64 {
	return lastNumber(batches) - batches[0].Sequence + 1 - uint64(len(batches))
}

// checkKeys holds that no batch is signed by an older key than one before it. From
// the first batch by a new key on, whoever has the old one makes no more of them. Made
// before that, one with a high number is in the way of all that follow: then it is the
// desk's own and not the bundle's, and nothing is wrong with who brought that.
func (im *importer) checkKeys() error {
	kept, held := map[uint64]uint64{}, ""
	since := uint64(0) // the first roster with the key that the one at hand has
	for _, sequence := range slices.Sorted(maps.Keys(im.rosters)) {
		if key := im.rosters[sequence].Server.String(); key != held {
			since, held = sequence, key
		}
		kept[sequence] = since
	}
	newest := uint64(0)
	for _, b := range im.next.Batches {
		switch since := kept[b.Roster]; {
		case b.Roster == 0: // from a version that did not keep it
		case since < newest && im.desk.index.batch(b.Sequence) != nil:
			return fmt.Errorf("reading bundle: %w: batch %d", ErrBlocked, b.Sequence)
		case since < newest:
			return fmt.Errorf("reading batch %d: %w: a batch before it has the key of roster %d",
				b.Sequence, ErrReplaced, newest)
		default:
			newest = since
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
		if b.entry.Roster == 0 {
			b.entry.Roster = b.roster
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
		Ahead: isAhead(n.Week, im.desk.now()), Roster: b.roster,
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
