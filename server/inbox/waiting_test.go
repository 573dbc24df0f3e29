package inbox_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/server/inbox"
	"saksi/server/store"
	"saksi/server/store/boltstore"
	"saksi/server/store/storetest"
)

const day = 24 * time.Hour

// next has the roots sign another roster, as edit leaves its draft, and returns it as
// it is handed in. The party goes on from it.
func (d *drop) next(t testing.TB, edit func(*reviewer.Draft)) inbox.Handed {
	t.Helper()
	draft := d.Draft(d.now)
	edit(&draft)
	d.Sign(t, draft)
	return inbox.Handed{Note: d.Roster.Note, Files: d.Files()}
}

func (d *drop) handIn(h inbox.Handed, waiting ...inbox.Handed) (*roster.Signed, bool, error) {
	return d.admission(waiting...).HandIn(h)
}

func (d *drop) admission(waiting ...inbox.Handed) inbox.Admission {
	return inbox.Admission{Store: d.Store, Trusted: d.Trusted, Server: d.Server.Key(), Now: d.now, Waiting: waiting}
}

// again starts the rules over the same store anew, as after a restart.
func (d *drop) again(t testing.TB, waiting ...inbox.Handed) {
	t.Helper()
	var err error
	d.Inbox, err = inbox.New(inbox.Config{
		Store: d.faulty, Trusted: d.Trusted, Signer: d.Server, Now: d.clock, Waiting: waiting,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// inForce holds which roster is sealed under now.
func (d *drop) inForce(t testing.TB, what string, want uint64) {
	t.Helper()
	circle, err := d.Inbox.Circle()
	if err != nil || circle.Sequence != want {
		t.Errorf("%s: sealed under %v, %v; want roster %d", what, circle, err, want)
	}
}

// from makes a roster valid from that many days on.
func from(days int) func(*reviewer.Draft) {
	return func(d *reviewer.Draft) { d.From = d.From.AddDate(0, 0, days) }
}

// TestARosterFromNextMonthWaits: it is verified at once and has no effect before its
// day, then it is in force, and the drop was open all the time.
func TestARosterFromNextMonthWaits(t *testing.T) {
	d := newDrop(t, 2)
	h := d.next(t, func(draft *reviewer.Draft) {
		from(30)(draft)
		draft.Cards = draft.Cards[:1]
	})
	signed, waits, err := d.handIn(h)
	if err != nil || !waits || signed.Sequence != 2 {
		t.Fatalf("handed in: waits %v, %v", waits, err)
	}
	d.again(t, h)
	d.inForce(t, "today", 1)
	if next := d.Next(); next == nil || next.Sequence != 2 {
		t.Errorf("next is %v", next)
	}
	d.now = signed.From.Add(-time.Second)
	if begun, err := d.Begin(); begun != nil || err != nil {
		t.Errorf("begun a second before its day: %v, %v", begun, err)
	}
	d.inForce(t, "a second before its day", 1)
	code := receipt.New()
	d.send(t, code, 0)
	d.now = signed.From
	begun, err := d.Begin()
	if err != nil || begun == nil || begun.Sequence != 2 {
		t.Fatalf("on its day: %v, %v", begun, err)
	}
	d.inForce(t, "on its day", 2)
	d.send(t, code, 1)
	if d.Next() != nil {
		t.Error("it still waits")
	}
	d.again(t, h) // its file may still lie there
	d.inForce(t, "after a restart", 2)
}

// TestARosterIsInBundlesWithTheBatchThatListsIt: a member on no list looks to couriers
// and desks as if somebody had put it in.
func TestARosterIsInBundlesWithTheBatchThatListsIt(t *testing.T) {
	d := newDrop(t, 2)
	d.close(t)
	h := d.next(t, from(30))
	d.again(t, h)
	d.now = d.Roster.From
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	for _, listed := range []bool{false, true} {
		members := d.bundle(t)
		for path := range members {
			if strings.HasPrefix(path, "rosters/") && !strings.Contains(string(members["SHA256SUMS"]), "  "+path+"\n") {
				t.Errorf("%s is on no list", path)
			}
		}
		if _, in := members["rosters/2.note"]; in != listed {
			t.Errorf("roster 2 is in the bundle: %v, want %v", in, listed)
		}
		d.close(t)
	}
}

// TestAClockThatFallsBackDoesNotBringAnOldRosterBack: once in force, always in force.
func TestAClockThatFallsBackDoesNotBringAnOldRosterBack(t *testing.T) {
	d := newDrop(t, 2)
	h := d.next(t, from(30))
	d.again(t, h)
	d.now = d.now.Add(31 * day)
	if _, err := d.Begin(); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(-20 * day)
	d.again(t, h)
	if _, err := d.Inbox.Circle(); !errors.Is(err, inbox.ErrClosed) || !errors.Is(err, roster.ErrNotYet) {
		t.Errorf("20 days back: %v, want ErrNotYet", err)
	}
}

// TestAClockTwoYearsAheadBeginsNothing: the roster of next month would be over too, so it
// goes on waiting, and all is well when the clock is mended. Two years back, likewise.
func TestAClockTwoYearsAheadBeginsNothing(t *testing.T) {
	d := newDrop(t, 2)
	h := d.next(t, from(30))
	for _, off := range []time.Duration{730 * day, -730 * day} {
		d.now = start.Add(off)
		d.again(t, h)
		if begun, _ := d.Begin(); begun != nil {
			t.Errorf("roster %d has begun", begun.Sequence)
		}
		if _, err := d.Inbox.Circle(); !errors.Is(err, inbox.ErrClosed) {
			t.Errorf("clock off by %v: %v, want ErrClosed", off, err)
		}
		d.now = start
		d.inForce(t, "the clock is mended", 1)
	}
	d.now = start.Add(730 * day)
	if _, _, err := d.handIn(h); !errors.Is(err, roster.ErrExpired) {
		t.Errorf("handed in two years ahead: %v, want ErrExpired", err)
	}
}

// TestAnUrgentRosterTakesThoseThatWaitAlong: the roots need not sign a second roster with
// the number of the one that waits.
func TestAnUrgentRosterTakesThoseThatWaitAlong(t *testing.T) {
	d := newDrop(t, 2)
	h2 := d.next(t, from(30))
	h3 := d.next(t, from(0))
	if _, _, err := d.handIn(h3); !errors.Is(err, inbox.ErrSkips) {
		t.Errorf("without the one that waits: %v, want ErrSkips", err)
	}
	if _, waits, err := d.handIn(h3, h2); err != nil || waits {
		t.Fatalf("waits %v, %v", waits, err)
	}
	d.again(t, h2)
	d.inForce(t, "at once", 3)
	if notes, _, err := d.Store.Rosters(); err != nil || len(notes) != 3 {
		t.Errorf("%d rosters in the store, %v", len(notes), err)
	}
}

// TestRostersThatWaitAreRepeatable: handed in twice, one waits once.
func TestRostersThatWaitAreRepeatable(t *testing.T) {
	d := newDrop(t, 2)
	h := d.next(t, from(30))
	if _, waits, err := d.handIn(h, h); err != nil || !waits {
		t.Errorf("again: waits %v, %v", waits, err)
	}
	d.again(t, h, h)
	d.now = d.Roster.From
	if begun, err := d.Begin(); err != nil || begun == nil {
		t.Errorf("%v, %v", begun, err)
	}
}

// TestARosterBeginsInSpiteOfAFault: whatever befell the write, the one before stays in
// force, and a minute later it begins.
func TestARosterBeginsInSpiteOfAFault(t *testing.T) {
	for _, fault := range storetest.Faults() {
		d := newDrop(t, 2)
		h := d.next(t, from(30))
		d.again(t, h)
		d.now = d.Roster.From
		d.faulty.Plant(fault)
		if begun, err := d.Begin(); begun != nil || !errors.Is(err, storetest.ErrPlanted) {
			t.Fatalf("%v: %v, %v", fault, begun, err)
		}
		d.inForce(t, fault.String(), 1)
		d.faulty.Restart()
		if begun, err := d.Begin(); begun == nil || err != nil {
			t.Fatalf("%v, afterwards: %v, %v", fault, begun, err)
		}
		d.inForce(t, fault.String()+", afterwards", 2)
	}
}

// TestTwoRostersBeginInSpiteOfAFault: each is kept under its own number, whichever write
// failed, and the server starts again.
func TestTwoRostersBeginInSpiteOfAFault(t *testing.T) {
	for failing := range 4 {
		d := newDrop(t, 2)
		second, third := d.next(t, from(30)), d.next(t, from(30))
		d.again(t, second, third)
		d.now = d.Roster.From
		d.Inbox.Store = &failingRosters{d.faulty, failing}
		for range 3 {
			_, _ = d.Begin() // each minute
		}
		d.inForce(t, "afterwards", 3)
		notes, _, err := d.faulty.Rosters()
		if err != nil || len(notes) != 3 || !bytes.Equal(notes[1], second.Note) || !bytes.Equal(notes[2], third.Note) {
			t.Errorf("failing call %d: not the notes that were handed in; %v", failing, err)
		}
		d.again(t, second, third)
		d.inForce(t, "after a restart", 3)
	}
}

// failingRosters is a store of which one call about rosters finds no room.
type failingRosters struct {
	store.Store
	left int // calls until that
}

func (f *failingRosters) fail() error {
	if f.left--; f.left == -1 {
		return store.ErrFull
	}
	return nil
}

func (f *failingRosters) AddRoster(sequence uint64, note []byte, files map[roster.Hash]string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.AddRoster(sequence, note, files)
}

func (f *failingRosters) Rosters() ([][]byte, map[roster.Hash]string, error) {
	if err := f.fail(); err != nil {
		return nil, nil, err
	}
	return f.Store.Rosters()
}

// notTaken hands a roster in that must be refused, and holds that two are kept as before.
func (d *drop) notTaken(t *testing.T, what string, h inbox.Handed, want error) {
	t.Helper()
	if _, _, err := d.handIn(h); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
	if notes, _, err := d.Store.Rosters(); err != nil || len(notes) != 2 {
		t.Errorf("%s: %d rosters in the store, %v", what, len(notes), err)
	}
}

// TestTheServerRefusesRosters: it goes not back, skips none, takes no second one of a
// number, none of other roots, of too few, for another server, or that is over.
func TestTheServerRefusesRosters(t *testing.T) {
	d := newDrop(t, 2)
	first := inbox.Handed{Note: d.Roster.Note, Files: d.Files()}
	firstSigned := d.Roster
	second := d.next(t, from(0))
	if _, _, err := d.handIn(second); err != nil {
		t.Fatal(err)
	}
	d.notTaken(t, "going back", first, inbox.ErrOlder)
	secondSigned := d.Roster
	d.Roster = firstSigned
	d.notTaken(t, "another roster 2", d.next(t, func(draft *reviewer.Draft) { draft.Weeks = 5 }), inbox.ErrTwice)
	d.Roster = secondSigned
	d.next(t, from(0))
	d.notTaken(t, "skipping roster 3", d.next(t, from(0)), inbox.ErrSkips)

	d.Roster = secondSigned
	other := partytest.New(t, start, 2)
	d.notTaken(t, "other roots", inbox.Handed{Note: other.Roster.Note, Files: other.Files()}, roster.ErrRoots)
	d.Roster = secondSigned
	d.notTaken(t, "another server", d.next(t, func(draft *reviewer.Draft) { draft.Server = other.Server.Key() }), inbox.ErrServer)
	d.Roster = secondSigned
	d.notTaken(t, "over", d.next(t, from(-365)), roster.ErrExpired)
	d.Roster = secondSigned
	d.notTaken(t, "another origin", d.next(t, func(draft *reviewer.Draft) { draft.Origin = "lain.saksi" }), roster.ErrChain)
	d.Roster = secondSigned
	h := d.next(t, from(0))
	h.Files = nil
	d.notTaken(t, "without recipients", h, roster.ErrNoRecipients)
}

// TestTheServerRefusesTooFewSignatures: of two of three.
func TestTheServerRefusesTooFewSignatures(t *testing.T) {
	d := newDrop(t, 1)
	var roots []sign.Signer
	set := roster.RootSet{Threshold: 2}
	for _, name := range []string{"aji", "icw", "lbh"} {
		s, err := sign.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		roots, set.Keys = append(roots, s), append(set.Keys, s.Key())
	}
	draft := d.Draft(d.now)
	draft.Previous, draft.Roots = nil, []roster.RootSet{set}
	r, recipients, err := draft.Roster()
	if err != nil {
		t.Fatal(err)
	}
	a := d.admission()
	a.Trusted = set
	for _, by := range [][]sign.Signer{{roots[0]}, {roots[2], roots[2]}, {roots[1], d.Roots[0]}} {
		note, err := sign.Note(r.Text(), by...)
		if err != nil {
			t.Fatal(err)
		}
		files := map[roster.Hash]string{recipients[0].Hash(): recipients[0].Text()}
		if _, _, err := a.HandIn(inbox.Handed{Note: note, Files: files}); !errors.Is(err, sign.ErrSignatures) {
			t.Errorf("signed by %d: %v, want ErrSignatures", len(by), err)
		}
	}
}

// TestTheServerRefusesClassicRecipients: a roster that pins a file with one of them is
// well signed, and is not taken, also for weeks that are still to come.
func TestTheServerRefusesClassicRecipients(t *testing.T) {
	d := newDrop(t, 2)
	const classic = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
	draft := d.Draft(d.now)
	r, recipients, err := draft.Roster()
	if err != nil {
		t.Fatal(err)
	}
	good := recipients[0].Text()
	mixed := strings.Replace(good, recipients[0].Keys[1].String(), classic, 1)
	last := r.Recipients[len(r.Recipients)-1]
	for what, pinned := range map[string][]roster.Period{
		"now":   {{From: last.From, To: last.To, File: sha256.Sum256([]byte(mixed))}},
		"later": {last, {From: last.To.Add(1), To: last.To.Add(1), File: sha256.Sum256([]byte(mixed))}},
	} {
		r.Recipients = pinned
		note, err := sign.Note(r.Text(), d.Roots...)
		if err != nil {
			t.Fatal(err)
		}
		files := map[roster.Hash]string{sha256.Sum256([]byte(mixed)): mixed, sha256.Sum256([]byte(good)): good}
		_, _, err = d.handIn(inbox.Handed{Note: note, Files: files})
		if err == nil || !strings.Contains(err.Error(), "parsing recipients") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTheFirstRosterDoesNotWait: before it there is none that could be in force. A day
// too early is taken, as clocks go; a month is not.
func TestTheFirstRosterDoesNotWait(t *testing.T) {
	for early, want := range map[time.Duration]error{12 * time.Hour: nil, 30 * day: roster.ErrNotYet} {
		dir := t.TempDir()
		if err := boltstore.Create(dir); err != nil {
			t.Fatal(err)
		}
		s, err := boltstore.Open(dir, func() time.Time { return start })
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := partytest.New(t, start.Truncate(day).Add(day), 1)
		a := inbox.Admission{Store: s, Trusted: p.Trusted, Server: p.Server.Key(), Now: p.Roster.From.Add(-early)}
		if _, waits, err := a.HandIn(inbox.Handed{Note: p.Roster.Note, Files: p.Files()}); waits || !errors.Is(err, want) {
			t.Errorf("%v before its first day: waits %v, %v, want %v", early, waits, err, want)
		}
	}
}
