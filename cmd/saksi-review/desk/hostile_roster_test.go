package desk

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/batch"
	"saksi/crypto/receipt"
	"saksi/crypto/sign"
)

// Hostile couriers with a roster that waits, and thieves with a server key that
// the roots have replaced. The roster is public, and the key was good once.

// upcoming has the roots sign the next roster, which begins weeks from now. The
// server goes on with the one in force, and keeps the next one out of everything.
func (s *drop) upcoming() members {
	s.t.Helper()
	first, public := *s.Party, s.rosters
	s.rosters = members{}.with(public)
	s.newRoster(func(d *draft) { d.From = day.AddDate(0, 0, 28) })
	next := s.rosters
	*s.Party, s.rosters = first, public
	return next
}

// TestCourierAddsARosterThatWaits: it is signed and public, and on no list. A desk
// that took it would send outboxes that its server does not know the roster of,
// and refuse each honest bundle until that day.
func TestCourierAddsARosterThatWaits(t *testing.T) {
	s := newDrop(t, 2)
	s.close(s.message(receipt.New(), 0, honest))
	d := s.sit(0)
	r := d.take(s.bundle(1, 1).with(s.upcoming()))
	if d.newest().Sequence != 1 || d.has("rosters", "2.note") || len(r.New) != 1 {
		t.Errorf("the desk goes by roster %d: %+v", d.newest().Sequence, r)
	}
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.HasPrefix(w, "roster 2 is on no list") }) {
		t.Errorf("the roster is not named: %q", r.Warnings)
	}
	if o := d.send(); o.Roster != 1 {
		t.Errorf("the outbox names roster %d", o.Roster)
	}
	s.close(s.message(receipt.New(), 0, honest))
	if r := d.take(s.bundle(1, 2)); len(r.New) != 1 || !r.Whole() || len(r.Warnings) > 0 {
		t.Errorf("the next honest bundle: %+v", r)
	}
}

// TestCourierAddsManyRosters: however many there are, they are one warning, and
// nothing in them is looked at.
func TestCourierAddsManyRosters(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	many := members{}
	for sequence := range uint64(1000) {
		many[rosterPath(sequence+2)] = []byte("x")
		many[batch.Path{Kind: batch.RecipientsFile, File: hash([]byte{byte(sequence), byte(sequence >> 8)})}.String()] =
			[]byte{byte(sequence), byte(sequence >> 8)}
	}
	r := s.sit(0).take(s.bundle(1, 1).with(many))
	if len(r.Warnings) != 2 || !strings.HasPrefix(r.Warnings[0], "roster 2, and 999 more, are on no list") {
		t.Errorf("%d warnings: %.300q", len(r.Warnings), r.Warnings)
	}
}

// TestRosterThatCameWithAnOlderBatch: the newest list names no roster by its own
// bytes but by its number, also when it gained a signature since.
func TestRosterThatCameWithAnOlderBatch(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	s.newRoster(func(*draft) {})
	s.close(s.message(receipt.New(), 0, honest))
	s.batches[1].sums[rosterPath(2)] = hash([]byte("before it had another signature"))
	s.batches[1].note.Sums = s.batches[1].sums.Hash()
	late := s.sit(0)
	for name, d := range map[string]*table{"a desk that knows roster 1": d, "a new desk": late} {
		if r := d.take(s.bundle(2, 2)); d.newest().Sequence != 2 || len(r.New) != 1 || len(r.Warnings) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// TestServerListsARosterBeforeItsDay: by a clock that runs ahead, or because whoever
// has the server's key wants the desk to go by it. What came with it is taken on
// that day; nothing is lost.
func TestServerListsARosterBeforeItsDay(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	first := s.message(receipt.New(), 0, honest)
	s.newRoster(func(d *draft) { d.From = day.AddDate(0, 0, 28) })
	circle, err := s.Roster.CircleAt(s.Roster.From, s.Files())
	if err != nil {
		t.Fatal(err)
	}
	s.Circle = circle
	s.close(first, s.message(receipt.New(), 0, honest))
	r := d.take(s.bundle(2, 2))
	early := slices.ContainsFunc(r.Warnings, func(w string) bool {
		return strings.HasPrefix(w, "roster 2 begins on 2026-12-21") && strings.Contains(w, "not taken")
	})
	if !early || d.newest().Sequence != 1 || len(r.New) != 1 || len(r.Withheld) > 0 {
		t.Errorf("before its day: %+v", r)
	}
	if acks, _ := d.Waiting(); acks != 1 {
		t.Errorf("%d acknowledgements wait, want that of batch 1", acks)
	}
	d.config.Now = func() time.Time { return day.AddDate(0, 0, 28) }
	d.reopen()
	if r := d.take(s.bundle(2, 2)); d.newest().Sequence != 2 || len(r.New) != 1 || !r.Whole() {
		t.Errorf("on its day: %+v", r)
	}
}

// TestFlatBatteryKeepsNoRosterOut: a clock that is before the days of every roster
// shows a wrong day, and is no argument.
func TestFlatBatteryKeepsNoRosterOut(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	d := s.sit(0)
	d.config.Now = func() time.Time { return time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC) }
	d.reopen()
	d.take(s.bundle(1, 1))
	s.newRoster(func(*draft) {})
	s.close(s.message(receipt.New(), 0, honest))
	if r := d.take(s.bundle(2, 2)); d.newest().Sequence != 2 || len(r.New) != 1 {
		t.Errorf("report is %+v", r)
	}
}

// robbed is a server whose key was stolen. The roots have given it a new one, with
// which batch 2 is signed. It returns the stolen key.
func robbed(t *testing.T) (*drop, sign.Signer) {
	t.Helper()
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest))
	stolen, fresh := s.Server, generate(t, s.Server.Key().Name())
	s.batches[0].signed = signed(t, s.batches[0].note, stolen)
	s.newRoster(func(d *draft) { d.Server = fresh.Key() })
	s.Server = fresh
	s.close(s.message(receipt.New(), 0, honest))
	return s, stolen
}

// steal closes one more batch with the stolen key, and takes it back: the honest
// server knows nothing of it.
func (s *drop) steal(stolen sign.Signer, rosters members) members {
	s.t.Helper()
	honestBatches, honestRosters := slices.Clone(s.batches), s.rosters
	s.rosters = rosters
	s.close(s.message(receipt.New(), 0, marker+" palsu"))
	last := uint64(len(s.batches))
	s.batches[last-1].signed = signed(s.t, s.batches[last-1].note, stolen)
	forged := s.bundle(last, last)
	s.batches, s.rosters = honestBatches, honestRosters
	return forged.with(s.rosters)
}

// TestThiefOfAReplacedServerKey makes batches with it, with the newest roster on
// their lists and without. The desk takes none, and the honest one is no fork.
func TestThiefOfAReplacedServerKey(t *testing.T) {
	s, stolen := robbed(t)
	for name, rosters := range map[string]members{
		"with the newest roster on the list": s.rosters, "without it": s.rosters.without("rosters/2.note"),
		"with none": {},
	} {
		t.Run(name, func(t *testing.T) {
			forged := s.steal(stolen, rosters)
			for of, from := range map[string]uint64{"a desk that knows both": 1, "a desk that knows the new key": 2} {
				d := s.sit(0)
				d.take(s.bundle(from, 2))
				d.refuse(forged, ErrReplaced)
				if acks, _ := d.Waiting(); acks != int(3-from) {
					t.Errorf("%s: %d acknowledgements wait", of, acks)
				}
			}
		})
	}
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	d.refuse(s.steal(stolen, s.rosters.without("rosters/2.note")), ErrReplaced)
	s.close(s.message(receipt.New(), 0, honest))
	if r := d.take(s.bundle(3, 3)); len(r.New) != 1 || !r.Whole() {
		t.Errorf("the honest batch 3: %+v", r)
	}
}

// TestThiefGoesAheadBeforeTheKeyIsReplaced: a batch with a high number comes while the
// key still counts. The honest one by the new key is refused, and it is not that one
// which is blamed, but what the desk took; a new desk takes it.
func TestThiefGoesAheadBeforeTheKeyIsReplaced(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.message(receipt.New(), 0, honest))
	stolen, fresh := s.Server, generate(t, s.Server.Key().Name())
	s.batches[0].signed = signed(t, s.batches[0].note, stolen)
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	ahead := batch.Note{Origin: "uji.saksi", Sequence: 1_000_000, Week: s.week, Sums: s.batches[0].sums.Hash()}
	ahead.Previous = ahead.Sums // of a batch that nobody has
	d.take(s.bundle(1, 1).with(members{
		"batches/1/BATCH.note": s.batches[0].signed, "batches/1/SHA256SUMS": []byte(s.batches[0].sums.Text()),
		"BATCH.note": signed(t, ahead, stolen),
	}))
	s.newRoster(func(d *draft) { d.Server = fresh.Key() })
	s.Server = fresh
	s.close(s.message(receipt.New(), 0, honest))
	d.refuse(s.bundle(2, 2), ErrBlocked)
	if _, err := d.try(s.bundle(2, 2)); errors.Is(err, ErrReplaced) || !strings.Contains(err.Error(), "batch 1000000") {
		t.Errorf("it is said that %v", err)
	}
	if r := s.sit(0).take(s.bundle(1, 2)); len(r.New) != 2 || !r.Whole() {
		t.Errorf("a new desk: %+v", r)
	}
}

// TestThiefSignsAnHonestBatchAgain, under a list that has the new key's roster.
func TestThiefSignsAnHonestBatchAgain(t *testing.T) {
	s, stolen := robbed(t)
	again := s.bundle(2, 2).with(members{"BATCH.note": signed(t, s.batches[1].note, stolen)})
	s.sit(0).refuse(again, ErrReplaced)
}

// TestBatchesFromBeforeTheKeyChanged come late, signed with the old key: by
// themselves, and in one bundle with those by the new one.
func TestBatchesFromBeforeTheKeyChanged(t *testing.T) {
	s, _ := robbed(t)
	d := s.sit(0)
	d.take(s.bundle(2, 2))
	if r := d.take(s.bundle(1, 1)); len(r.New) != 1 || !r.Whole() || len(d.texts()) != 2 {
		t.Errorf("by itself: %+v", r)
	}
	if r := s.sit(0).take(s.bundle(1, 2)); len(r.New) != 2 || !r.Whole() {
		t.Errorf("in one bundle: %+v", r)
	}
}

// TestIndexFromBeforeKeysWereKept is read, and learns the keys of the batches that
// a bundle brings again.
func TestIndexFromBeforeKeysWereKept(t *testing.T) {
	s, stolen := robbed(t)
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	old := d.index.clone()
	for _, b := range old.Batches {
		b.Roster = 0
	}
	if err := d.save(old); err != nil {
		t.Fatal(err)
	}
	d.reopen()
	d.take(s.bundle(1, 2))
	if b := d.index.Batches; b[0].Roster != 1 || b[1].Roster != 2 {
		t.Errorf("batches are of rosters %d and %d", b[0].Roster, b[1].Roster)
	}
	d.refuse(s.steal(stolen, s.rosters.without("rosters/2.note")), ErrReplaced)
}

// TestRosterThatCameLaterIsNoNewKey: a batch came while the newest roster on its
// list was kept back. One before it that comes later, with that roster, has the
// same key.
func TestRosterThatCameLaterIsNoNewKey(t *testing.T) {
	s := newDrop(t, 1)
	s.newRoster(func(*draft) {})
	for range 3 {
		s.close(s.message(receipt.New(), 0, honest))
	}
	d := s.sit(0)
	d.take(s.bundle(3, 3).without("rosters/2.note"))
	if r := d.take(s.bundle(2, 2)); len(r.New) != 1 || d.index.batch(3).Roster != 1 || d.index.batch(2).Roster != 2 {
		t.Errorf("the batch before it: %+v", r)
	}
}

// TestBatchOfAnUnknownRosterIsNoIndex: what the desk relies on is checked when it
// is opened.
func TestBatchOfAnUnknownRosterIsNoIndex(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	d.index.Batches[0].Roster = 7
	if _, err := parseIndex(d.index.format()); err == nil {
		t.Error("it is read")
	}
}
