package desk

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A listing is an item as the list of one batch has it.
type listing struct {
	parcelKey
	lines []line // by their path
}

type line struct {
	path batch.Path
	want roster.Hash
}

// digest is one hash over all that the list says of the item. What was judged
// once under a digest is not judged again; other slots to the same payload are
// another item.
func (l listing) digest() string {
	hash := sha256.New()
	for _, line := range l.lines {
		fmt.Fprintf(hash, "%s  %s\n", line.want, line.path)
	}
	return roster.Hash(hash.Sum(nil)).String()
}

// payload returns the hash that payload.age has on the list.
func (l listing) payload() string {
	for _, line := range l.lines {
		if line.path.Kind == batch.Payload {
			return line.want.String()
		}
	}
	return ""
}

// compareLists holds the members of the bundle against the lists of its
// batches. A batch is complete when nothing on its list is missing. What no list
// has is named and thrown away: it spoils nothing that is listed.
func (im *importer) compareLists() error {
	for _, b := range im.batches {
		im.settled = b.entry.Complete
		complete := true
		for _, path := range slices.Sorted(maps.Keys(b.sums)) {
			complete = im.comparePublic(b, path, b.sums[path]) && complete
		}
		for _, l := range listings(b.sums) {
			complete = im.compareItem(b, l) && complete
		}
		b.entry.Complete = b.entry.Complete || complete
	}
	for path, m := range im.staged.members {
		if err := im.dropUnlisted(parsePath(path), m); err != nil {
			return err
		}
	}
	slices.Sort(im.report.Withheld)
	slices.Sort(im.report.Damaged)
	slices.Sort(im.report.Unlisted)
	return nil
}

// parsePath reads a path that was parsed before.
func parsePath(path string) batch.Path {
	p, err := batch.ParsePath(path)
	if err != nil {
		panic("desk: internal error: " + err.Error())
	}
	return p
}

// listings returns the items on a list. Sorted paths have those of one item
// beside each other.
func listings(sums batch.Sums) (items []listing) {
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		p := parsePath(path)
		if p.Kind != batch.Payload && p.Kind != batch.Slot {
			continue
		}
		key := parcelKey{p.Sequence, p.ID}
		if len(items) == 0 || items[len(items)-1].parcelKey != key {
			items = append(items, listing{parcelKey: key})
		}
		last := &items[len(items)-1]
		last.lines = append(last.lines, line{p, sums[path]})
	}
	return items
}

// comparePublic holds a line that belongs to no item against the bundle, and
// reports whether nothing is missing.
func (im *importer) comparePublic(b delivered, path string, want roster.Hash) bool {
	m, present := im.staged.members[path]
	if present {
		m.listed = true
		im.staged.members[path] = m
	}
	switch p := parsePath(path); p.Kind {
	case batch.RosterNote:
		// A roster that gained a signature is another file and the same
		// roster; what counts was checked by readRosters.
		_, present = im.rosters[p.Sequence]
		return im.there(present, path)
	case batch.RecipientsFile:
		return im.there(present || im.desk.has("rosters", p.File.String()+roster.RecipientsSuffix), path)
	case batch.Canary: // no evidence: nobody misses one
		im.listCanary(b.entry, p, present && m.hash == want)
	case batch.BurnMark:
		// The first list that names the item counts.
		if _, known := im.proofs[p.ID]; !known {
			im.proofs[p.ID] = want
		}
	}
	return true
}

// compareItem holds an item against its lines, and reports whether nothing of
// it is missing. An item that is whole is a parcel from now on.
func (im *importer) compareItem(b delivered, l listing) bool {
	id := l.id.String()
	if payload, known := im.items[id]; known {
		switch w := im.next.waiting(id); {
		case w != nil && w.Roster != l.roster:
			im.warn(twoRosters, id)
		case l.payload() != payload || w != nil && w.Digest != l.digest():
			im.warn(anotherContent, b.note.Sequence, id)
		}
		return true
	}
	p := &parcel{parcelKey: l.parcelKey, batch: b.entry, digest: l.digest()}
	damaged := false
	for _, line := range l.lines {
		m, present := im.staged.members[line.path.String()]
		if !present {
			return im.excused(l) || im.there(false, id)
		}
		damaged = damaged || m.hash != line.want
		p.add(line.path, m)
	}
	if l.payload() == "" {
		p.bad = "its batch lists no payload for it"
	}
	// Without its roster an item cannot be judged: it has to come again.
	if _, ok := im.rosters[l.roster]; !ok {
		return im.there(false, batch.Path{Kind: batch.RosterNote, Sequence: l.roster}.String())
	}
	if damaged {
		im.name("damaged "+id, &im.report.Damaged, id)
		return false
	}
	if im.parcels[l.parcelKey] == nil {
		im.parcels[l.parcelKey] = p
	}
	return true
}

// add counts a member that came for the item.
func (p *parcel) add(path batch.Path, m member) {
	if path.Kind == batch.Payload {
		p.size, p.payload = m.size, m.hash
	} else {
		p.slots++
	}
	if odd := oddSize(path.Kind, m.size); odd != "" {
		p.bad = odd
	}
}

// name puts something into a list of the report, once.
func (im *importer) name(key string, list *[]string, what string) {
	if !im.named[key] {
		im.named[key] = true
		*list = append(*list, what)
	}
}

// there names a member that is not there as withheld, once, and not when its
// batch was complete before: what was gone then need not be explained again.
func (im *importer) there(present bool, name string) bool {
	if !present && !im.settled {
		im.name(name, &im.report.Withheld, name)
	}
	return present
}

// dropUnlisted throws a member of an item away that is on no list.
func (im *importer) dropUnlisted(p batch.Path, m member) error {
	if m.listed || p.Kind != batch.Payload && p.Kind != batch.Slot {
		return nil
	}
	if id := p.ID.String(); im.items[id] == "" {
		im.name("unlisted "+id, &im.report.Unlisted, id)
	}
	if err := os.Remove(im.staged.path(p)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unpacking bundle: %w", err)
	}
	return nil
}

// excused reports whether there is a good reason that an item is not there: its
// reporter's burn token, which has the hash that the list promised; a mark of
// expiry, which is the server's word alone; or that the desk had just what is
// listed once, and it was nothing for a thread.
func (im *importer) excused(l listing) bool {
	if im.next.judged(l.id.String(), l.digest()) {
		return true
	}
	burned := im.isBurned(l.id)
	if !burned && !im.staged.expired[l.id] {
		return false
	}
	if id := l.id.String(); !im.settled && !im.named["gone "+id] {
		im.named["gone "+id] = true
		if burned {
			im.report.Gone++
		} else {
			im.report.Expired++
		}
	}
	return true
}

// isBurned reports whether the bundle has an item's burn token, by the hash on
// the list.
func (im *importer) isBurned(id receipt.ItemID) bool {
	token, ok := im.staged.burned[id]
	proof, listed := im.proofs[id]
	return ok && listed && roster.Hash(token.Hash()) == proof
}
