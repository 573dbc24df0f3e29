package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// An importer is one import under way. It changes a copy of the index, which
// becomes the desk's at the very end.
type importer struct {
	desk   *Desk
	staged *staging
	next   *index
	report *Report

	rosters map[uint64]*roster.Signed // the desk's and the bundle's
	newest  *roster.Signed
	early   *roster.Signed    // the first that was passed over: its day is to come
	batches []delivered       // by sequence
	items   map[string]string // id to payload hash, of items in threads
	copies  map[string]string // payload hash to id, of items in threads
	closed  beginnings        // of items whose cases were closed
	sealed  map[string]origin // hash of a sealed file, to where it came first
	fresh   map[string][]int  // mailbox to the numbers of new items that this desk confirms
	named   map[string]bool   // what the report has already
	parcels map[parcelKey]*parcel
	proofs  map[receipt.ItemID]roster.Hash // of deletion: what the lists say
	moves   []move
	drops   []string             // items whose files go from apart, if there are any
	weeks   map[uint64][]ownWeek // by roster
	cases   map[string]*caseKey  // by mailbox, of threads that something came for
	settled bool                 // the list at hand was complete before
	bad     int                  // new items that are none by their sizes

	canaries map[canary.Month]*batchEntry // whose list has this reviewer's just as it came
}

// A move puts an item's files in their place once everything was judged.
type move struct {
	parcel *parcel
	folder string // "items" or "apart"
}

// Import takes a bundle of size bytes in: all of it that verifies, or nothing.
// Items that are missing, damaged or not what they claim to be stand in the
// report and do not keep others out.
//
// It returns [ErrOtherRoots], [ErrRoster], [ErrFork], [ErrRollback],
// [ErrUntrusted], [ErrReplaced], [ErrBlocked], [ErrOversize], [ErrFull] or
// [batch.ErrBundle], and then the desk is as it was. With [ErrTakenIn] it returns the
// report: what is in it is said once.
func (d *Desk) Import(ctx context.Context, bundle io.Reader, size int64, trusted roster.RootSet) (*Report, error) {
	if d.index.Roots != "" && d.index.Roots != trusted.Text() {
		return nil, fmt.Errorf("reading bundle: %w", ErrOtherRoots)
	}
	staged, err := d.stage(ctx, bundle, size)
	if err != nil {
		return nil, err
	}
	defer staged.remove()
	im := newImporter(d, staged)
	im.next.Roots = trusted.Text()
	if d.index.Roots == "" && d.stands("aside") {
		im.warn(asideNote, d.path("aside"))
	}
	if err := im.judge(ctx, trusted); err != nil {
		return nil, err
	}
	if im.report.Began > 0 {
		im.next.Began = im.next.Batches[len(im.next.Batches)-1].Sequence
	}
	err = im.commit()
	if err != nil && !errors.Is(err, ErrTakenIn) {
		return nil, fmt.Errorf("keeping what the bundle brought: %w", err)
	}
	im.report.Names = d.Names()
	return im.report, takenIn(errors.Join(err, im.warnOfUnnamed()))
}

// takenIn says of an error that what was brought is in.
func takenIn(err error) error {
	if err == nil || errors.Is(err, ErrTakenIn) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrTakenIn, err)
}

func newImporter(d *Desk, staged *staging) *importer {
	return &importer{
		desk: d, staged: staged, next: d.index.clone(), report: &Report{},
		fresh: map[string][]int{}, named: map[string]bool{}, proofs: map[receipt.ItemID]roster.Hash{},
		parcels: map[parcelKey]*parcel{}, sealed: map[string]origin{}, copies: map[string]string{}, closed: beginnings{},
		cases: map[string]*caseKey{}, weeks: map[uint64][]ownWeek{}, canaries: map[canary.Month]*batchEntry{},
	}
}

// judge decides about everything in the bundle, and moves nothing.
func (im *importer) judge(ctx context.Context, trusted roster.RootSet) error {
	if err := im.readRosters(trusted); err != nil {
		return err
	}
	if err := im.readRecipients(); err != nil {
		return err
	}
	im.warnOfTerms()
	if err := im.readBatches(); err != nil {
		return err
	}
	if err := im.link(); err != nil {
		return err
	}
	im.recall()
	if err := im.compareLists(); err != nil {
		return err
	}
	if err := im.admitAll(ctx); err != nil {
		return err
	}
	if err := im.judgeAnew(ctx); err != nil {
		return err
	}
	im.burnWaiting()
	im.burnApart()
	im.burn()
	im.endOfWaiting()
	im.endOfHolding()
	im.answerCanaries()
	return im.acknowledge()
}

// recall notes what the desk has already.
func (im *importer) recall() {
	im.items = im.next.known()
	for _, t := range im.next.Threads {
		for _, i := range t.Items {
			im.remember(t, i.stub())
		}
		for _, c := range t.Closed {
			im.remember(t, c)
		}
	}
}

func (im *importer) warn(format string, args ...any) {
	im.report.warn(format, args...)
}

// burn marks items whose reporter proved to have deleted them.
func (im *importer) burn() {
	for _, t := range im.next.Threads {
		for _, i := range t.Items {
			id, err := receipt.ParseItemID(i.ID)
			token, burned := im.staged.burned[id]
			if err != nil || !burned || i.Deleted {
				continue
			}
			opened := item.Opened{Manifest: item.Manifest{Burn: i.Burn}}
			if !opened.BurnedBy(token) {
				im.warn("the server says that item %s was deleted by its reporter, and cannot prove it", id)
				continue
			}
			i.Deleted = true
			im.report.Deleted = append(im.report.Deleted, arrival(t, i))
		}
	}
}

func arrival(t *Thread, i *Item) Arrival {
	return Arrival{Mailbox: t.Mailbox, ID: i.ID, N: i.N, Kind: i.Kind, Danger: i.Danger}
}

// commit moves the items, writes case keys and rosters and replaces the index. The index
// comes last, when all that it names is on the disk for good; then cases end that it says
// do. It returns [ErrTakenIn] for what goes wrong from then on.
func (im *importer) commit() error {
	d := im.desk
	im.next.endCases(d.index)
	err := im.bring()
	if err == nil {
		err = d.save(im.next)
	}
	if err != nil && !errors.Is(err, ErrInForce) {
		return errors.Join(err, d.sweepArriving())
	}
	d.rosters = im.rosters
	if err == nil {
		err = im.settle()
	}
	return takenIn(err)
}

// settle does what the next command would do after a kill, and removes what lay apart and
// does not any more.
func (im *importer) settle() error {
	d := im.desk
	if err := d.arrived(); err != nil {
		return err
	}
	for _, m := range im.moves {
		if m.folder == "apart" && m.parcel.kept {
			if err := moveFolder(im.folderOf(m.parcel), d.path(m.folder, m.parcel.id.String())); err != nil {
				return err
			}
		}
		if m.folder == "items" { // it stood apart when it came before, perhaps
			im.drops = append(im.drops, m.parcel.id.String())
		}
	}
	return errors.Join(d.clear(im.drops), d.finishClosing())
}

// bring puts everything on the disk that the next index names.
func (im *importer) bring() error {
	d := im.desk
	if err := im.announce(); err != nil {
		return err
	}
	for _, m := range im.moves {
		from, to := im.folderOf(m.parcel), d.path(m.folder, m.parcel.id.String())
		if m.parcel.kept || from == to {
			continue
		}
		if m.folder == "apart" { // another item that came under its id, perhaps
			if err := d.clear([]string{m.parcel.id.String()}); err != nil {
				return err
			}
		}
		if err := moveFolder(from, to); err != nil {
			return err
		}
	}
	if err := d.keepCases(im.newCases()); err != nil {
		return err
	}
	if len(im.moves) > 0 {
		if err := syncAll(d.folder); err != nil {
			return err
		}
	}
	for sequence, signed := range im.rosters {
		name := batch.Path{Kind: batch.RosterNote, Sequence: sequence}.String()
		if err := d.keep(strings.TrimPrefix(name, "rosters/"), signed.Note); err != nil {
			return err
		}
	}
	for hash, text := range im.staged.recipients {
		if err := d.keep(hash.String()+roster.RecipientsSuffix, text); err != nil {
			return err
		}
	}
	return nil
}

// folderOf returns where an item's files are: in the bundle, or on the desk. What lay
// apart is with the items already when an import that had moved it was interrupted.
func (im *importer) folderOf(p *parcel) string {
	id := p.id.String()
	switch {
	case p.kept:
		return im.desk.path("items", id)
	case p.apart:
		if _, err := os.Stat(im.desk.path("apart", id)); errors.Is(err, os.ErrNotExist) {
			return im.desk.path("items", id)
		}
		return im.desk.path("apart", id)
	}
	return im.staged.itemFolder(p)
}

// keep writes a public file of the rosters, unless it is there. A roster that
// an interrupted import left may be another one: only what the index pins is
// left as it is.
func (d *Desk) keep(name string, content []byte) error {
	old, err := readFile(d.path("rosters", name), maxNote)
	if err == nil && string(old) == string(content) {
		return nil
	}
	return replaceFile(d.path("rosters", name), content)
}

func (d *Desk) has(folder, name string) bool {
	_, err := readFile(d.path(folder, name), maxNote)
	return err == nil
}
