package inbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"saksi/crypto/batch"
	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/week"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/storetest"
)

// decoy sets how many decoys each batch gets.
func (d *drop) decoy(t testing.TB, n int) {
	t.Helper()
	d.Config.Decoys = func() int { return n }
	box, err := inbox.New(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	d.Inbox = box
}

// inBatch returns the ids that a batch had when it closed.
func (d *drop) inBatch(t testing.TB, sequence uint64) []receipt.ItemID {
	t.Helper()
	closed, err := d.Store.Batch(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return closed.IDs
}

// TestDecoysAreDrawnAsStated: each number from 0 to 8 has its share, whatever waits:
// the bounds are six standard deviations.
func TestDecoysAreDrawnAsStated(t *testing.T) {
	d := newDrop(t, 1)
	d.Config.Decoys = nil
	box, err := inbox.New(d.Config)
	if err != nil {
		t.Fatal(err)
	}
	const draws = 100_000
	var drawn [inbox.DecoysAtMost + 1]int
	for range draws {
		drawn[box.Decoys()]++
	}
	share, sum := 1.0, 0.0
	for range drawn {
		sum, share = sum+share, share*2/3
	}
	share = 1 / sum
	for n, got := range drawn {
		want := draws * share
		if diff := float64(got) - want; diff*diff > 36*want {
			t.Errorf("%d decoys: %d times of %d, want about %.0f", n, got, draws, want)
		}
		share = share * 2 / 3
	}
}

// TestEveryClosingAddsDecoys: also one when nothing waits; and the desks get them
// with the bundle, where nothing tells them from what reporters sent.
func TestEveryClosingAddsDecoys(t *testing.T) {
	d := newDrop(t, 2)
	d.decoy(t, 3)
	for _, real := range []int{0, 2} {
		for range real {
			d.send(t, receipt.New(), 0)
		}
		if n := d.close(t); len(d.inBatch(t, n)) != real+3 {
			t.Errorf("batch %d has %d items, want %d and 3 decoys", n, len(d.inBatch(t, n)), real)
		}
	}
	payloads, slots, lines := 0, 0, 0
	members := d.bundle(t)
	for path, content := range members {
		p, err := batch.ParsePath(path)
		switch {
		case err != nil:
			t.Fatal(err)
		case p.Kind == batch.Payload:
			payloads++
			if int64(len(content)) != item.PayloadSize(item.Floor) {
				t.Errorf("a payload has %d bytes", len(content))
			}
		case p.Kind == batch.Slot:
			slots++
			if int64(len(content)) != item.SlotSize(roster.Quorum{Needed: 1}) {
				t.Errorf("a slot has %d bytes", len(content))
			}
		case p.Kind == batch.BatchSums:
			lines += strings.Count(string(content), "  gone/")
		}
	}
	if payloads != 8 || slots != 16 || lines != 8 {
		t.Errorf("%d payloads, %d slots, %d burn hashes; want 8, 16, 8", payloads, slots, lines)
	}
	checkSums(t, members, "SHA256SUMS", "BATCH.note", d)
	checkSums(t, members, "batches/1/SHA256SUMS", "batches/1/BATCH.note", d)
}

// TestStatusCountsDecoysAsItems: the store has no other count, so nobody can ask
// for one.
func TestStatusCountsDecoysAsItems(t *testing.T) {
	d := newDrop(t, 1)
	d.decoy(t, 4)
	d.send(t, receipt.New(), 0)
	d.close(t)
	s, err := d.Status()
	if err != nil || s.Items != 5 || s.Waiting != 0 || s.PayloadBytes != 5*item.PayloadSize(item.Floor) {
		t.Errorf("status %+v, %v", s, err)
	}
}

// TestDecoysExpireLikeItems: a batch that lost all but its decoys would tell.
func TestDecoysExpireLikeItems(t *testing.T) {
	d := newDrop(t, 1)
	d.decoy(t, 3)
	d.send(t, receipt.New(), 0)
	d.close(t)
	d.decoy(t, 0)
	d.weeks(inbox.KeepAtMost)
	d.renew(t)
	d.expire(t, 0, 0)
	d.weeks(1)
	d.renew(t)
	d.expire(t, 4, 0)
}

// TestNoDecoysWhenNothingCanBeSealed: a batch closes all the same.
func TestNoDecoysWhenNothingCanBeSealed(t *testing.T) {
	d := newDrop(t, 2)
	d.decoy(t, 3)
	d.send(t, receipt.New(), 0)
	right := d.now
	d.now = d.now.AddDate(0, 6, 0)
	if n := d.close(t); len(d.inBatch(t, n)) != 1 {
		t.Errorf("under an expired roster: %d items", len(d.inBatch(t, n)))
	}
	d.now = right
	draft := d.Draft(d.now)
	d.Sign(t, draft)
	if n := d.close(t); len(d.inBatch(t, n)) != 3 {
		t.Errorf("back in time: %d items", len(d.inBatch(t, n)))
	}
}

// TestDecoysLeaveTheReserveToTexts: on a disk that takes no files any more a batch
// closes without decoys, and one that still has room for two gets two.
func TestDecoysLeaveTheReserveToTexts(t *testing.T) {
	d := newDrop(t, 1)
	d.decoy(t, 5)
	size := item.PayloadSize(item.Floor)
	for free, want := range map[int64]int{
		inbox.DefaultReserve - 1: 0, inbox.DefaultReserve + size - 1: 0, inbox.DefaultReserve + 2*size: 2, 0: 0,
	} {
		d.Inbox.Store = &shrinking{Store: d.faulty, free: free}
		if n := d.close(t); len(d.inBatch(t, n)) != want {
			t.Errorf("%d bytes are free: %d decoys, want %d", free, len(d.inBatch(t, n)), want)
		}
		d.decoy(t, 5)
	}
}

// shrinking is a store on a disk that has room for what it is told.
type shrinking struct {
	store.Store
	free int64
}

func (s *shrinking) Free() (int64, error) { return s.free, nil }

func (s *shrinking) Create(i store.Item, slots [][]byte, payload func(io.Writer) error) error {
	s.free -= i.Size
	return s.Store.Create(i, slots, payload)
}

// TestFailedClosingAddsNoMoreDecoys: a closing that fails is tried again each
// minute. The number is drawn once for all these times.
func TestFailedClosingAddsNoMoreDecoys(t *testing.T) {
	d := newDrop(t, 1)
	d.decoy(t, 2)
	for range 3 {
		broken := &unclosable{Store: d.faulty}
		d.Inbox.Store = broken
		if _, err := d.Close(); !errors.Is(err, storetest.ErrPlanted) {
			t.Fatalf("the closing: %v", err)
		}
	}
	d.Inbox.Store = d.faulty
	d.faulty.Plant(storetest.NotPersisted) // nothing is left to create: it meets the closing
	if _, err := d.Close(); !errors.Is(err, storetest.ErrPlanted) {
		t.Errorf("the closing: %v", err)
	}
	if n := d.close(t); len(d.inBatch(t, n)) != 2 {
		t.Errorf("after four failures the batch has %d decoys, want 2", len(d.inBatch(t, n)))
	}
	if n := d.close(t); len(d.inBatch(t, n)) != 2 {
		t.Errorf("the next batch has %d decoys, want 2 of its own", len(d.inBatch(t, n)))
	}
}

type unclosable struct{ store.Store }

func (unclosable) CloseBatch(store.Batch, int64) error { return storetest.ErrPlanted }

// TestDecoysOfACrashAreInTheNextBatch: a server that dies between its decoys and
// its batch leaves items, whole and waiting, and nothing else.
func TestDecoysOfACrashAreInTheNextBatch(t *testing.T) {
	d := newDrop(t, 2)
	d.decoy(t, 3)
	d.Inbox.Store = unclosable{d.faulty}
	if _, err := d.Close(); !errors.Is(err, storetest.ErrPlanted) {
		t.Fatal(err)
	}
	d.Inbox.Store = d.faulty
	d.decoy(t, 2) // a new server over the same store
	if s, err := d.Status(); err != nil || s.Waiting != 3 {
		t.Errorf("%d wait, %v", s.Waiting, err)
	}
	if n := d.close(t); len(d.inBatch(t, n)) != 5 {
		t.Errorf("the batch has %d items, want 3 and 2", len(d.inBatch(t, n)))
	}
}

// TestMondaysDecoysAreOfBothWeeks: items of Sunday night are in Monday's batch. If
// decoys were not, the week in a record would tell.
func TestMondaysDecoysAreOfBothWeeks(t *testing.T) {
	d := newDrop(t, 1)
	d.now = time.Date(2026, time.November, 23, 17, 0, 0, 0, time.UTC) // a Monday
	d.decoy(t, 60)
	seen := map[string]int{}
	states, err := d.Store.States(d.inBatch(t, d.close(t)))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		seen[s.Item.Week.String()]++
	}
	// Seven hours of the day before are Sunday: none, or all, one time in 10^8.
	if seen["2026-W47"] == 0 || seen["2026-W48"] == 0 || len(seen) != 2 {
		t.Errorf("decoys by week: %v", seen)
	}
}

// weekly gives both reviewers a term for each week, from a roster that begins on a day.
func (d *drop) weekly(t *testing.T, from time.Time) {
	t.Helper()
	for n := range d.Reviewers {
		d.Reviewers[n] = partytest.Weekly(t, n+1, start, 17)
	}
	d.Sign(t, d.Draft(from))
	_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), d.now)
	if err != nil {
		t.Fatal(err)
	}
}

// decoyWeeks counts a batch's decoys by week, and holds that the slots of each open
// with the terms of its own week alone, and to nothing.
func (d *drop) decoyWeeks(t *testing.T) map[string]int {
	t.Helper()
	ids, seen := d.inBatch(t, d.close(t)), map[string]int{}
	states, err := d.Store.States(ids)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range states {
		seen[s.Item.Week.String()]++
		slots, err := d.Store.Slots(ids[i])
		if err != nil {
			t.Fatal(err)
		}
		for n, r := range d.Reviewers {
			for _, term := range r.Terms {
				_, err := item.OpenSlot(slots[n], term.Identity)
				if opens := errors.Is(err, item.ErrNotForUs); opens != (term.From == s.Item.Week) {
					t.Errorf("reviewer %d, term %s, an item of %s: %v", n+1, term.From, s.Item.Week, err)
				}
			}
		}
	}
	return seen
}

// TestDecoysOfTheOldWeekAreSealedForIt: on a Monday an excluded reviewer sees with
// which term a slot of last week's opens. With the new one it would be a decoy.
func TestDecoysOfTheOldWeekAreSealedForIt(t *testing.T) {
	d := newDrop(t, 2)
	d.weekly(t, start)
	d.now = time.Date(2026, time.November, 23, 17, 0, 0, 0, time.UTC) // a Monday
	d.decoy(t, 60)
	if seen := d.decoyWeeks(t); seen["2026-W47"] == 0 || seen["2026-W48"] == 0 || len(seen) != 2 {
		t.Errorf("decoys by week: %v", seen)
	}
}

// TestNoDecoyIsOlderThanItsRoster: under a roster of today nobody sealed yesterday.
func TestNoDecoyIsOlderThanItsRoster(t *testing.T) {
	d := newDrop(t, 2)
	d.now = time.Date(2026, time.November, 23, 17, 0, 0, 0, time.UTC)
	d.weekly(t, d.now)
	d.decoy(t, 60)
	if seen := d.decoyWeeks(t); seen["2026-W48"] != 60 || len(seen) != 1 {
		t.Errorf("decoys by week: %v", seen)
	}
}

// A trace is what a thief of the disk can see of one item: what every item has of
// its own is in chance, the rest in form. Which sector it has, the engine draws.
type trace struct {
	form   string
	chance []byte
}

// traces reads what the disk holds of items, past the engine: records byte by byte,
// sectors, headers of age files.
func (d *drop) traces(t *testing.T, ids []receipt.ItemID) (traces []trace) {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(d.dir, "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "index.db")
	if err := os.WriteFile(copied, index, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sectors, err := os.ReadFile(filepath.Join(d.dir, "keys.slots"))
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		for _, id := range ids {
			traces = append(traces, look(tx, sectors, id))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range ids {
		slots, err := d.Store.Slots(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, slot := range slots {
			traces[i].see("slot", ageForm(slot), tail(slot))
		}
	}
	return traces
}

func (t *trace) see(what, form string, chance []byte) {
	t.form += fmt.Sprintf("%s: %s, %d\n", what, form, len(chance))
	t.chance = append(t.chance, chance...)
}

// tail is the end of a file: what is random in its header stands in front.
func tail(b []byte) []byte { return b[max(0, len(b)-64):] }

func look(tx *bbolt.Tx, sectors []byte, id receipt.ItemID) (t trace) {
	t.see("id", "", id[:])
	_ = tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
		value := bucket.Get(id[:])
		switch string(name) {
		case "items": // version, weeks | sector | roster, size, batch | burn
			t.see("record", fmt.Sprintf("%x %x", value[:7], value[11:35]), value[35:])
			at := 512 * (int(value[7])<<24 | int(value[8])<<16 | int(value[9])<<8 | int(value[10]))
			t.see("sector", "", sectors[at:at+512])
		case "payloads":
			t.see("payload", ageForm(value)+fmt.Sprint(len(value)), tail(value))
		case "slots":
			t.see("sealed slots", fmt.Sprint(len(value)), value)
		default:
			if value != nil {
				t.see("bucket "+string(name), fmt.Sprintf("%x", value), nil)
			}
		}
		return nil
	})
	return t
}

// ageForm is the header of an age file without what is random in it.
func ageForm(file []byte) string {
	head, _, _ := bytes.Cut(file, []byte("\n--- "))
	var form []string
	for line := range strings.Lines(string(head)) {
		words := strings.Fields(line)
		last := len(words) - 1
		if words[0] != "age-encryption.org/v1" {
			words[last] = fmt.Sprint(len(words[last]))
		}
		form = append(form, strings.Join(words, " "))
	}
	return strings.Join(form, "|")
}

// alike says in what items differ beside chance: in form, or in that some byte
// that should be chance is the same in all of one kind.
func alike(real, decoys []trace) (differences []string) {
	for i, d := range decoys {
		if d.form != real[0].form {
			differences = append(differences, fmt.Sprintf("decoy %d is\n%swhere an item is\n%s", i, d.form, real[0].form))
		}
	}
	for i, r := range real {
		if r.form != real[0].form {
			differences = append(differences, fmt.Sprintf("item %d is unlike the first", i))
		}
	}
	for _, kind := range [][]trace{real, decoys} {
		for at := range kind[0].chance {
			same := true
			for _, other := range kind[1:] {
				same = same && at < len(other.chance) && other.chance[at] == kind[0].chance[at]
			}
			if same && differences == nil {
				differences = append(differences, fmt.Sprintf("byte %d is no chance", at))
			}
		}
	}
	return differences
}

// TestNothingOnDiskTellsADecoy: records, sectors, headers and sizes of decoys and of
// texts are the same but for chance, and so are the files and their times.
func TestNothingOnDiskTellsADecoy(t *testing.T) {
	const many = 16
	d := newDrop(t, 3)
	d.decoy(t, many)
	start := d.files(t)
	var real []receipt.ItemID
	for range many {
		code := receipt.New()
		d.send(t, code, 0)
		real = append(real, code.ItemID(0))
	}
	d.sameFiles(t, start)
	all := d.inBatch(t, d.close(t))
	d.sameFiles(t, start)
	decoys := slices.DeleteFunc(slices.Clone(all), func(id receipt.ItemID) bool { return slices.Contains(real, id) })
	if len(decoys) != many {
		t.Fatalf("%d decoys", len(decoys))
	}
	for _, difference := range alike(d.traces(t, real), d.traces(t, decoys)) {
		t.Error(difference)
	}
}

// TestAPlantedDifferenceIsSeen: the look above is no blind one.
func TestAPlantedDifferenceIsSeen(t *testing.T) {
	for name, plant := range map[string]func(*inbox.Parcel){
		"an empty burn hash": func(p *inbox.Parcel) { p.Burn = [32]byte{} },
		"ids that count":     func(p *inbox.Parcel) { clear(p.ID[:8]) },
		"a larger payload": func(p *inbox.Parcel) {
			p.Size = item.PayloadSize(item.Padme(70_000))
			p.Payload = func(w io.Writer) error {
				_, err := w.Write(make([]byte, p.Size))
				return err
			}
		},
		"a payload of zeros": func(p *inbox.Parcel) {
			p.Payload = func(w io.Writer) error {
				_, err := io.WriteString(w, "age-encryption.org/v1\n"+strings.Repeat("\x00", int(p.Size)-22))
				return err
			}
		},
		"a slot of zeros": func(p *inbox.Parcel) { p.Slots[1] = make([]byte, item.SlotSize(roster.Quorum{Needed: 1})) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrop(t, 2)
			var real, planted []receipt.ItemID
			for range 8 {
				code, other := receipt.New(), receipt.New()
				d.send(t, code, 0)
				p := d.parcel(t, other, 0, "isi")
				plant(&p)
				d.mustAccept(t, p)
				real, planted = append(real, code.ItemID(0)), append(planted, p.ID)
			}
			d.close(t)
			if alike(d.traces(t, real), d.traces(t, planted)) == nil {
				t.Error("nothing was seen")
			}
		})
	}
}

// files lists the data folder: what an entry is like, and its time. Sizes grow in
// pieces, and say nothing of one item.
func (d *drop) files(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			name, _ := filepath.Rel(d.dir, path)
			files = append(files, fmt.Sprintf("%s %v %v", name, info.Mode(), info.ModTime().UTC()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sameFiles holds that no file came, went, or has another time than the Monday that
// all have. The folder itself has the time at which it was made.
func (d *drop) sameFiles(t *testing.T, before []string) {
	t.Helper()
	now := d.files(t)
	if len(now) != len(before) {
		t.Fatalf("files are\n%q, were\n%q", now, before)
	}
	for i, entry := range now {
		named := strings.HasPrefix(entry, "index.db") || strings.HasPrefix(entry, "keys.slots")
		if named && !strings.HasSuffix(entry, "2026-11-16 00:00:00 +0000 UTC") || !named && entry != before[i] {
			t.Errorf("%q was %q", entry, before[i])
		}
	}
}

// TestDecoysFollowTheRoster: as many slots as reviewers, in the recipients of the
// newest roster.
func TestDecoysFollowTheRoster(t *testing.T) {
	d := newDrop(t, 1)
	d.decoy(t, 1)
	d.Sign(t, func() reviewer.Draft {
		d.Reviewers = append(d.Reviewers, reviewerNamed(t, "r2"))
		return d.Draft(d.now)
	}())
	_, err := inbox.AdmitRoster(d.Store, d.Trusted, d.Server.Key(), d.Roster.Note, d.Files(), d.now)
	if err != nil {
		t.Fatal(err)
	}
	d.decoy(t, 1)
	ids := d.inBatch(t, d.close(t))
	slots, err := d.Store.Slots(ids[0])
	if err != nil || len(slots) != 2 {
		t.Fatalf("%d slots, %v", len(slots), err)
	}
	for n, r := range d.Reviewers {
		if _, err := item.OpenSlot(slots[n], r.SlotIdentities()...); !errors.Is(err, item.ErrNotForUs) {
			t.Errorf("reviewer %d: %v, want ErrNotForUs", n+1, err)
		}
	}
}

func reviewerNamed(t *testing.T, id string) *reviewer.Keys {
	t.Helper()
	always, err := reviewer.NewTerm(week.Week{Year: 2000, Number: 1}, week.Week{Year: 2199, Number: 52})
	if err != nil {
		t.Fatal(err)
	}
	k, err := reviewer.Generate(id, "00", "Organisasi Lain", "Penelaah "+id, []reviewer.Term{always})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
