package desk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/roster"
)

// errNotOurs is returned when a slot opens for somebody else.
var errNotOurs = errors.New("not for this desk")

// errLate is returned when a slot does not open, and this desk destroyed the secret
// of each week in which it may have been sealed and whose secret is not here.
var errLate = errors.New("its week's secret was destroyed on this desk, or its slot is sealed to somebody else")

// setApart is the reason why an item goes into no thread. It holds nothing
// that a reporter wrote.
type setApart string

func (s setApart) Error() string { return string(s) }

// twoRosters is said of an item that is listed under a roster that it was not sealed under.
const twoRosters = "the server lists item %s under two rosters: the desk keeps the first"

// admitAll judges every item that came and that the desk does not have.
func (im *importer) admitAll(ctx context.Context) error {
	parcels := slices.SortedFunc(maps.Values(im.parcels), func(a, b *parcel) int {
		return cmp.Or(strings.Compare(a.id.String(), b.id.String()), cmp.Compare(a.roster, b.roster))
	})
	var total int64
	for _, p := range parcels {
		total += p.size
	}
	count := im.desk.counter("checking", total)
	for _, p := range parcels {
		if im.items[p.id.String()] != "" {
			im.warn(twoRosters, p.id)
			continue
		}
		if err := im.admit(ctx, p, count); err != nil {
			return err
		}
	}
	return nil
}

// admit puts one item where it belongs. An error is one of the desk itself.
func (im *importer) admit(ctx context.Context, p *parcel, count func(int)) error {
	id := p.id.String()
	before := im.next.judged(id, p.digest)
	if before && !im.next.mayOpen(id, p.digest) {
		return nil
	}
	first := im.next.first(id, p.digest)
	if first != nil && first.Reason == string(reasonLost) {
		im.warnOfAnother(p)
		return nil
	}
	if p.keys = im.desk.keys; before {
		p.keys = im.usable()
	}
	i, opened, err := im.judgeItem(ctx, p, count)
	var reason setApart
	var lost *errLost
	var waits *errWaits
	switch {
	case first != nil && closed(err):
		im.warnOfAnother(p)
		return nil
	case errors.As(err, &waits):
		return im.wait(p, waits.parts)
	case errors.As(err, &lost):
		return im.setApart(p, Apart{Reason: string(reasonLost), Kept: im.keep(p), Hold: lost.hold})
	case errors.Is(err, errLate):
		return im.setApart(p, Apart{Reason: errLate.Error(), Late: true})
	case errors.Is(err, errNotOurs):
		if before {
			im.unlist(id)
			im.drops = append(im.drops, id)
		}
		im.next.setNotOurs(notOurs{ID: id, Digest: p.digest})
		im.report.NotOurs++
		return nil
	case errors.Is(err, reasonForeign):
		return im.setApart(p, Apart{Reason: string(reasonForeign), Kept: im.keep(p)})
	case errors.As(err, &reason):
		return im.setApart(p, Apart{Reason: string(reason)})
	case err != nil:
		return err
	}
	im.file(p, i, opened)
	return nil
}

// maxBad is how many items of one bundle may be none by their sizes alone. No
// honest server takes one in, and they cost whoever makes them up next to nothing,
// while the desk remembers each for good.
const maxBad = 1000

// setApart keeps an item out of every thread. One that is too late may well be honest,
// but the secret that would tell is gone: its files are of no use. Judged anew and
// with the same result, an item stays as it was and is not named again. It returns
// [ErrOversize] if too many are nothing that a server takes in.
func (im *importer) setApart(p *parcel, a Apart) error {
	a.ID, a.Batch, a.Digest = p.id.String(), p.batch.Sequence, p.digest
	old := im.next.apart(a.ID)
	again := old != nil && old.Digest == a.Digest && old.Reason == a.Reason
	if again && (old.Kept != nil || a.Kept == nil) {
		return nil
	}
	if p.bad != "" {
		im.bad++
	}
	if im.bad > maxBad {
		return fmt.Errorf("reading bundle: more than %d items with sizes that no item has: %w", maxBad, ErrOversize)
	}
	im.next.setApart(a)
	switch {
	case again:
	case a.Late:
		im.report.Late = append(im.report.Late, a)
	default:
		im.report.Apart = append(im.report.Apart, a)
	}
	switch {
	case p.kept && p.copied:
		im.next.Closing = append(im.next.Closing, closing{Case: p.waited, Items: []string{a.ID}})
	case a.Late || p.copied || p.bad != "":
		im.drops = append(im.drops, a.ID)
	default:
		im.moves = append(im.moves, move{p, "apart"})
	}
	return nil
}

// unlist takes an item out of those that go into no thread: it may have been taken for
// something else when it came before.
func (im *importer) unlist(id string) {
	im.next.Apart = slices.DeleteFunc(im.next.Apart, func(a Apart) bool { return a.ID == id })
	im.next.NotOurs = slices.DeleteFunc(im.next.NotOurs, func(n notOurs) bool { return n.ID == id })
}

// file puts an item into its thread.
func (im *importer) file(p *parcel, i *Item, o *item.Opened) {
	t := im.next.thread(o.Mailbox.String())
	if t == nil {
		t = &Thread{
			Mailbox: o.Mailbox.String(), Author: hex.EncodeToString(o.Author), Recipient: o.Reply.String(),
		}
		im.next.Threads = append(im.next.Threads, t)
	}
	t.recipient = o.Reply
	at, _ := t.find(i.N)
	t.Items = slices.Insert(t.Items, at, i)
	t.Case, i.thread = im.cases[t.Mailbox].name, t
	im.items[i.ID] = i.Payload
	im.warnOfCopies(t, i)
	im.remember(t, i.stub())
	if im.confirms(p.roster, o) {
		im.fresh[t.Mailbox] = append(im.fresh[t.Mailbox], i.N)
	}
	im.report.New = append(im.report.New, arrival(t, i))
	im.moves = append(im.moves, move{p, "items"})
	im.unlist(i.ID)
}

// remember notes what a later item may be a copy of.
func (im *importer) remember(t *Thread, c Closed) {
	im.copies[c.Payload] = c.ID
	im.closed.add(c)
	for _, hash := range c.Sealed {
		if _, known := im.sealed[hash]; !known {
			im.sealed[hash] = origin{t.Mailbox, c.ID}
		}
	}
}

// caseOf returns the case key of a thread: a new one for a new thread, or for one
// whose case was closed.
func (im *importer) caseOf(mailbox string) (k *caseKey, err error) {
	if k = im.cases[mailbox]; k != nil {
		return k, nil
	}
	if t := im.next.thread(mailbox); t != nil && t.Case != "" {
		k, err = im.desk.openCase(t.Case, mailbox)
	} else {
		k, err = im.desk.newCase(mailbox)
	}
	im.cases[mailbox] = k
	return k, err
}

// keepSecret seals the E of an item under the case key of its thread. From now on
// nothing but that key opens the item here.
func (im *importer) keepSecret(mailbox string, e *hybrid.Identity) ([]byte, error) {
	k, err := im.caseOf(mailbox)
	if err != nil {
		return nil, err
	}
	return k.seal(e.String())
}

// warnOfCopies names a sealed file that came in another thread before. Files are
// alike when two people send one picture; an age file is sealed anew each time,
// so the same one twice is a copy: of what somebody else sealed to this desk,
// perhaps, by one who wants to be told what is in it.
func (im *importer) warnOfCopies(t *Thread, i *Item) {
	for _, a := range i.Attachments {
		for _, hash := range a.sealedAs() {
			if first, known := im.sealed[hash]; known && first.thread != t.Mailbox {
				im.report.Copies = append(im.report.Copies, Copy{i.ID, first.item})
				break
			}
		}
	}
}

// An origin is where something came first.
type origin struct{ thread, item string }

// find returns where the n-th item stands in the thread, or would.
func (t *Thread) find(n int) (at int, found bool) {
	return slices.BinarySearchFunc(t.Items, n, func(i *Item, n int) int { return i.N - n })
}

// judgeItem opens an item and checks it against everything that the desk
// knows. It returns errNotOurs, errLate, an errWaits, an errLost or a setApart, or an
// error of the desk itself.
func (im *importer) judgeItem(ctx context.Context, p *parcel, count func(int)) (*Item, *item.Opened, error) {
	if p.bad != "" {
		return nil, nil, setApart(p.bad)
	}
	if other, ok := im.copies[p.payload.String()]; ok {
		p.copied = true
		return nil, nil, setApart("its payload is a copy of item " + other)
	}
	if other, err := im.closed.in(im.folderOf(p)); err != nil {
		return nil, nil, err
	} else if other != "" {
		p.copied = true
		return nil, nil, setApart("it has part of item " + other + ", whose case was closed")
	}
	i := &Item{
		ID: p.id.String(), Roster: p.roster, Batch: p.batch.Sequence, Week: p.batch.Week,
		Payload: p.payload.String(), Size: p.size,
	}
	signed := im.rosters[p.roster]
	if p.slots != len(signed.Reviewers) {
		return nil, nil, setApart(fmt.Sprintf("it has %d slots, and roster %d has %d reviewers",
			p.slots, p.roster, len(signed.Reviewers)))
	}
	r := &reading{
		folder: im.folderOf(p), id: p.id, signed: signed, keys: p.keys, count: count,
		closed: func() error { return im.whyClosed(p) }, e: p.e, handed: p.handed,
	}
	opened, err := r.open(ctx, func(f item.File, content io.Reader) error {
		a := Attachment{Path: f.Path, Original: f.Original, Size: f.Size}
		a.Sealed, a.Header = r.peek(content)
		i.Attachments = append(i.Attachments, a)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	i.describe(opened)
	i.Danger = im.desk.inDanger(opened.Manifest.Taxonomy, opened.Form)
	if proof := im.proofs[p.id]; proof.String() != i.Burn {
		// A server that lists a hash of its own could tell a colleague that this
		// item was deleted; a reporter can sign one that was never handed in.
		im.warn("the server lists item %s with another proof of deletion than its author signed: one of them "+
			"is wrong, so believe neither when it is said to be deleted", i.ID)
	}
	if t := im.next.thread(opened.Mailbox.String()); t != nil {
		if id, found := t.numbered(i.N); found {
			return nil, nil, setApart(fmt.Sprintf("its thread has item %s under its number %d already", id, i.N))
		}
	}
	if i.Secret, err = im.keepSecret(opened.Mailbox.String(), r.e); err == nil && r.handed != nil {
		i.Handed, err = im.cases[opened.Mailbox.String()].seal(string(r.handed))
	}
	return i, opened, err
}

// describe copies what the manifest says.
func (i *Item) describe(o *item.Opened) {
	i.N, i.Kind, i.Language, i.Burn = o.Manifest.N, o.Manifest.Kind, o.Manifest.Language, o.Manifest.Burn
	i.KeptFrom = o.Manifest.Withheld
	for n, f := range o.Attachments {
		i.Attachments[n].Hash = hex.EncodeToString(f.Hash[:])
	}
}

// reason says in the desk's own words what is wrong with an item. What the
// item says of itself stays out: a reporter wrote it.
func reason(err error) setApart {
	switch {
	case errors.Is(err, item.ErrForged):
		return "it is not what its author signed"
	case errors.Is(err, item.ErrMalformed):
		return "its payload is no item"
	default:
		return "it is damaged, or not sealed as items are"
	}
}

// slotPaths returns the slots of an item in a folder, in roster order.
func slotPaths(folder string, signed *roster.Signed) []string {
	paths := make([]string, len(signed.Reviewers))
	for n := range paths {
		paths[n] = filepath.Join(folder, "slots", fmt.Sprintf("%03d.age", n+1))
	}
	return paths
}

// readSlots reads them. A slot that is not there is an item whose slots have
// other numbers than the roster's.
func readSlots(paths []string, q roster.Quorum) ([][]byte, error) {
	slots := make([][]byte, len(paths))
	for n, path := range paths {
		slot, err := readFile(path, item.SlotSize(q))
		if errors.Is(err, os.ErrNotExist) {
			return nil, setApart("its slots are not numbered as the roster's reviewers are")
		}
		// A slot of a roster with another quorum has a size that some slot has.
		if errors.Is(err, ErrOversize) {
			return nil, setApart("a slot is larger than those of its roster are")
		}
		if err != nil {
			return nil, err
		}
		slots[n] = slot
	}
	return slots, nil
}

// openSlot opens this reviewer's slot: the one at their place in the roster
// that the item was sealed under, if they stood there with this key. Whoever
// stood there has a slot of their own, excluded or not: a slot that is sealed to
// somebody else was put there.
func (r *reading) openSlot(slots [][]byte) (*hybrid.Identity, error) {
	line, n, ok := r.signed.Reviewer(r.keys.Line.ID)
	if !ok || !line.Key.Public().Equal(r.keys.Line.Key.Public()) {
		return nil, errNotOurs
	}
	open := r.openAlone
	if !r.signed.Quorum.Alone() {
		open = r.openParts
	}
	e, err := open(slots[n], n)
	switch {
	case errors.As(err, new(*errWaits)):
		return nil, err
	case errors.Is(err, item.ErrNotForUs):
		return nil, errNotOurs
	case errors.Is(err, hybrid.ErrNoMatch):
		return nil, r.closed()
	case err != nil:
		return nil, setApart("this reviewer's slot is damaged")
	}
	return e, nil
}

// openAlone opens the slot where each reviewer opens an item alone.
func (r *reading) openAlone(slot []byte, _ int) (*hybrid.Identity, error) {
	ids := r.keys.SlotIdentities()
	if len(ids) == 0 { // all weeks are destroyed
		return nil, hybrid.ErrNoMatch
	}
	return item.OpenSlot(slot, ids...)
}

// peek looks whether an attachment is an age file, and whose, and returns the SHA-256 of
// its header. Only the direct identity is tried: a reporter chose these bytes.
func (r *reading) peek(content io.Reader) (Sealed, string) {
	var start bytes.Buffer
	_, sealed, err := hybrid.Unwrap(io.TeeReader(content, &start), r.keys.Direct)
	if !sealed {
		return "", ""
	}
	header := hybrid.Header(&start)
	hash := ""
	if header != nil {
		hash = hashOf(header)
	}
	if err != nil {
		return SealedToOther, hash
	}
	return SealedToDesk, hash
}
