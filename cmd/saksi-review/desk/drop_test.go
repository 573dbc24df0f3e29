package desk

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/outbox"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

var day = time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC)

// members are those of a bundle, by their path.
type members map[string][]byte

func (m members) with(other members) members {
	all := maps.Clone(m)
	maps.Copy(all, other)
	return all
}

// without leaves out every member whose path has part in it.
func (m members) without(part string) members {
	rest := maps.Clone(m)
	maps.DeleteFunc(rest, func(path string, _ []byte) bool { return strings.Contains(path, part) })
	return rest
}

// pack writes a bundle. Paths that sort by their text are in no special order:
// a desk takes any.
func (m members) pack(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := batch.NewWriter(&out)
	for _, path := range slices.Sorted(maps.Keys(m)) {
		p, err := batch.ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.AddBytes(p, m[path]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A drop plays the server: it takes items, closes batches and exports bundles.
type drop struct {
	*partytest.Party
	t       testing.TB
	week    week.Week
	rosters members // of all rosters so far
	batches []served
	burns   map[receipt.ItemID]roster.Hash // of items that were sealed
}

type served struct {
	note   batch.Note
	sums   batch.Sums
	items  members
	signed []byte // the note, where another key than the server's signed it
}

func newDrop(t testing.TB, reviewers int) *drop {
	t.Helper()
	s := &drop{Party: partytest.New(t, day, reviewers), t: t, week: week.Of(day), rosters: members{}}
	s.burns = map[receipt.ItemID]roster.Hash{}
	s.publish()
	return s
}

// publish adds the party's roster to the bundles.
func (s *drop) publish() {
	note := batch.Path{Kind: batch.RosterNote, Sequence: s.Roster.Sequence}
	s.rosters[note.String()] = s.Roster.Note
	for hash, text := range s.Files() {
		s.rosters[batch.Path{Kind: batch.RecipientsFile, File: hash}.String()] = []byte(text)
	}
}

// seal makes the members of an item.
func (s *drop) seal(code receipt.Code, n int, c item.Content, excluded ...string) members {
	s.t.Helper()
	c.Readers.Withheld = append(c.Readers.Withheld, excluded...)
	sealed, err := item.Seal(s.Circle, code, n, c)
	if err != nil {
		s.t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := sealed.WriteTo(&payload); err != nil {
		s.t.Fatal(err)
	}
	s.burns[sealed.ID] = sealed.Burn
	m := members{s.path(batch.Payload, sealed.ID, 0): payload.Bytes()}
	for i, slot := range sealed.Slots {
		m[s.path(batch.Slot, sealed.ID, i)] = slot
	}
	return m
}

func (s *drop) path(k batch.Kind, id receipt.ItemID, slot int) string {
	return batch.Path{Kind: k, Sequence: s.Roster.Sequence, ID: id, Slot: slot}.String()
}

// message seals a short text.
func (s *drop) message(code receipt.Code, n int, text string) members {
	s.t.Helper()
	return s.seal(code, n, item.Content{Kind: item.Message, Language: "id", Text: text})
}

// confirmedBy returns a code whose thread these confirm: the first, and without the first
// the second.
func (s *drop) confirmedBy(ids ...string) receipt.Code {
	for {
		code, readers := receipt.New(), []string{}
		for _, v := range s.Roster.Reviewers {
			readers = append(readers, v.ID)
		}
		drawn := 0
		for ; drawn < len(ids); drawn++ {
			by := (reply.Thread{Reply: code.Keys().Reply.Recipient()}).Confirmer(readers)
			if by != ids[drawn] {
				break
			}
			readers = slices.DeleteFunc(readers, func(id string) bool { return id == by })
		}
		if drawn == len(ids) {
			return code
		}
	}
}

// close signs a batch with items, whatever they are.
func (s *drop) close(items ...members) {
	s.t.Helper()
	b := served{sums: batch.Sums{}, items: members{}}
	for _, m := range items {
		b.items = b.items.with(m)
	}
	for path, content := range b.items.with(s.rosters) {
		b.sums[path] = hash(content)
		if p, err := batch.ParsePath(path); err == nil && p.Kind == batch.Payload {
			b.sums[batch.Path{Kind: batch.BurnMark, ID: p.ID}.String()] = s.burns[p.ID]
		}
	}
	b.note = batch.Note{
		Origin: "uji.saksi", Sequence: uint64(len(s.batches)) + 1, Week: s.week, Sums: b.sums.Hash(),
	}
	if len(s.batches) > 0 {
		b.note.Previous = s.batches[len(s.batches)-1].note.Hash()
	}
	s.batches = append(s.batches, b)
}

// bundle exports the batches from one sequence to another.
func (s *drop) bundle(from, to uint64) members {
	s.t.Helper()
	m := maps.Clone(s.rosters)
	for _, b := range s.batches[from-1 : to] {
		msg := b.signed
		if msg == nil {
			msg = signed(s.t, b.note, s.Server)
		}
		folder := b.note.Sequence
		if folder == to {
			folder = 0
		}
		m[batch.Path{Kind: batch.BatchNote, Sequence: folder}.String()] = msg
		m[batch.Path{Kind: batch.BatchSums, Sequence: folder}.String()] = []byte(b.sums.Text())
		m = m.with(b.items)
	}
	return m
}

// newRoster has the roots sign another roster.
func (s *drop) newRoster(edit func(*reviewer.Draft)) {
	s.t.Helper()
	d := s.Draft(day)
	edit(&d)
	s.Sign(s.t, d)
	s.publish()
}

func hash(content []byte) roster.Hash { return roster.Hash(sum(content)) }

func burnMark(code receipt.Code, n int) members { return falseMark(code.ItemID(n), code.Burn(n)) }

// falseMark is a burn mark with any token.
func falseMark(id receipt.ItemID, token receipt.Secret) members {
	return members{batch.Path{Kind: batch.BurnMark, ID: id}.String(): token[:]}
}

func expiryMark(id receipt.ItemID) members {
	return members{batch.Path{Kind: batch.ExpiryMark, ID: id}.String(): nil}
}

// A table is a desk in a temporary folder.
type table struct {
	*Desk
	t      testing.TB
	drop   *drop
	config Config
}

// sit opens a new desk for the n-th reviewer, from 0.
func (s *drop) sit(n int) *table {
	s.t.Helper()
	folder := filepath.Join(s.t.TempDir(), "meja")
	d := &table{t: s.t, drop: s, config: Config{
		Folder: folder, Keys: s.Reviewers[n], Create: true, Now: func() time.Time { return day },
	}}
	d.reopen()
	s.t.Cleanup(func() { d.Close() })
	return d
}

// reopen closes the desk and opens it from what is on the disk.
func (d *table) reopen() {
	d.t.Helper()
	if d.Desk != nil {
		d.Close()
	}
	var err error
	if d.Desk, err = Open(d.config); err != nil {
		d.t.Fatal(err)
	}
}

func (d *table) try(m members) (*Report, error) {
	b := m.pack(d.t)
	return d.Import(context.Background(), bytes.NewReader(b), int64(len(b)), d.drop.Trusted)
}

// take imports a bundle that has to be taken, and reads the desk again.
func (d *table) take(m members) *Report {
	d.t.Helper()
	report, err := d.try(m)
	if err != nil {
		d.t.Fatal(err)
	}
	d.check()
	d.reopen()
	return report
}

// refuse imports a bundle that has to be refused, and holds that the desk did
// not change.
func (d *table) refuse(m members, want error) {
	d.t.Helper()
	before := string(d.index.format())
	report, err := d.try(m)
	if !errorsIs(err, want) || report != nil {
		d.t.Errorf("got %v, want %v", err, want)
	}
	if string(d.index.format()) != before {
		d.t.Error("a refused bundle changed the desk")
	}
	d.check()
	d.reopen()
}

// texts returns all texts of all threads, in order.
func (d *table) texts() []string {
	d.t.Helper()
	var texts []string
	for _, t := range d.Threads() {
		pages, err := d.Read(context.Background(), t)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, p := range pages {
			texts = append(texts, fmt.Sprintf("%d %s", p.N, p.Text))
		}
	}
	return texts
}

// reads reports whether these are the desk's texts, in order.
func (d *table) reads(want ...string) bool {
	d.t.Helper()
	return slices.Equal(d.texts(), want)
}

// send writes an outbox and opens it as the server does.
func (d *table) send() *outbox.Outbox {
	d.t.Helper()
	var file bytes.Buffer
	if _, err := d.Outbox(&file); err != nil {
		d.t.Fatal(err)
	}
	d.reopen()
	o, err := outbox.Open(file.Bytes(), d.drop)
	if err != nil {
		d.t.Fatal(err)
	}
	return o
}

// At and Newest make the drop the history that an outbox is checked against.
func (s *drop) At(sequence uint64) (*roster.Signed, bool) {
	msg, ok := s.rosters[batch.Path{Kind: batch.RosterNote, Sequence: sequence}.String()]
	if !ok {
		return nil, false
	}
	signed, err := roster.Verify(msg, s.Trusted)
	return signed, err == nil
}

func (s *drop) Newest() *roster.Signed { return s.Roster }

func generate(t testing.TB, name string) sign.Signer {
	t.Helper()
	s, err := sign.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func file(content string, name string) item.Content {
	return item.Content{
		Kind: item.Attachment, File: strings.NewReader(content), Size: int64(len(content)), Name: name, KeepName: true,
	}
}
