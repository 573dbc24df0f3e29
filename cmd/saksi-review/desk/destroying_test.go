package desk

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

// chain makes batches of these weeks, relative to the first day of these tests,
// from sequence 1.
func chain(weeks ...int) (batches []*batchEntry) {
	for i, n := range weeks {
		batches = append(batches, &batchEntry{
			Sequence: uint64(i) + 1, Week: week.Of(day).Add(n).String(), Complete: true,
		})
	}
	return batches
}

// without leaves a batch out, by its sequence.
func without(batches []*batchEntry, gone ...uint64) []*batchEntry {
	return slices.DeleteFunc(batches, func(b *batchEntry) bool { return slices.Contains(gone, b.Sequence) })
}

// incomplete lacks something in its n-th batch.
func incomplete(n int, batches []*batchEntry) []*batchEntry {
	batches[n-1].Complete = false
	return batches
}

// ahead has an n-th batch that came before its week.
func ahead(n int, batches []*batchEntry) []*batchEntry {
	batches[n-1].Ahead = true
	return batches
}

// TestWhichWeeksMayGo is the rule: the secret of week 0, or of weeks 0 to 2, with
// a grace of 4. It goes when batches, clock and roster agree that its time is
// over, and stays with a reason otherwise.
func TestWhichWeeksMayGo(t *testing.T) {
	w := func(n int) string { return week.Of(day).Add(n).String() }
	for _, test := range []struct {
		name    string
		batches []*batchEntry
		clock   int
		invalid bool
		last    int
		due     bool
		why     string
	}{
		{"all agree", chain(0, 1, 5), 5, false, 0, true, ""},
		{"within the grace", chain(0, 1, 4), 4, false, 0, false, "the clock of this desk is in week " + w(4)},
		{"the last of several weeks", chain(0, 1, 7), 7, false, 2, true, ""},
		{"not yet the last of them", chain(0, 1, 6), 6, false, 2, false, "the clock of this desk is in week " + w(6)},
		{"nothing came since", chain(0, 1), 9, false, 0, true, "the newest batch is of week " + w(1)},
		{"nothing ever came", nil, 9, false, 0, true, "there is no batch"},
		{"batches run ahead", chain(0, 500), 1, false, 0, true, "the clock of this desk is in week " + w(1)},
		{"the clock runs ahead", chain(0, 1), 500, true, 0, true, "the clock is outside the newest roster's days"},
		{"both run ahead", chain(0, 500), 500, true, 0, true, "the clock is outside the newest roster's days"},
		{"the clock is behind", chain(0, 1, 5), -500, true, 0, true, "the clock of this desk is in week " + w(-500)},
		{"a gap", without(chain(0, 1, 5), 2), 5, false, 0, true, "batch 2 is missing"},
		{"a wide gap", without(chain(0, 1, 1, 5), 2, 3), 5, false, 0, true, "batches 2 to 3 are missing"},
		{"a gap after", without(chain(0, 5, 6, 6), 3), 6, false, 0, true, ""},
		{"incomplete", incomplete(2, chain(0, 1, 5)), 5, false, 0, true, "batch 2 is incomplete"},
		{"the last is incomplete", incomplete(3, chain(0, 1, 5)), 5, false, 0, true, "batch 3 is incomplete"},
		{"it came before its week", ahead(2, chain(0, 5)), 5, false, 0, true, "batch 2 says week " + w(5)},
		{"and then another", ahead(2, chain(0, 50, 5)), 5, false, 0, true, ""},
		{"weeks run back", chain(0, 9, 1), 9, false, 0, true, "the newest batch is of week " + w(1)},
		{"it begins within", without(chain(0, 0, 5), 1), 5, false, 0, true, "the desk begins with batch 2, of week " + w(0)},
		{"it begins before", without(chain(-1, -1, 5), 1), 5, false, 0, true, ""},
		{"batch 1 is of later", chain(1, 1, 5), 5, false, 0, true, "the desk begins with batch 1, of week " + w(1)},
	} {
		l := lookout{index: &index{Batches: test.batches}, clock: week.Of(day).Add(test.clock), valid: !test.invalid, grace: 4}
		from := week.Of(day)
		v := l.verdict(from, from.Add(test.last))
		if v.Due != test.due || !strings.HasPrefix(v.Why, test.why) || (v.Why == "") != (test.why == "") {
			t.Errorf("%s: due %t, %q", test.name, v.Due, v.Why)
		}
	}
}

// newWeekly is a drop of reviewers with a term for each week.
func newWeekly(t *testing.T, reviewers int) *drop {
	s := newDrop(t, reviewers)
	for n := range s.Reviewers {
		s.Reviewers[n] = partytest.Weekly(t, n+1, day, 20)
	}
	s.Party.Roster, s.rosters = nil, members{}
	s.newRoster(func(*draft) {})
	return s
}

// in has the drop take and close what follows n weeks after the first day.
func (s *drop) in(n int) *drop {
	s.t.Helper()
	at := day.AddDate(0, 0, 7*n)
	circle, err := s.Roster.CircleAt(at, s.Files())
	if err != nil {
		s.t.Fatal(err)
	}
	s.week, s.Circle = week.Of(at), circle
	return s
}

// weekly closes an empty batch in each of these weeks.
func (s *drop) weekly(from, to int) {
	for n := from; n <= to; n++ {
		s.in(n).close()
	}
}

// takeAll imports all batches up to one, the first alone: a desk destroys nothing before
// something newer came than the bundle that began it.
func (d *table) takeAll(to uint64) {
	d.t.Helper()
	d.take(d.drop.bundle(1, 1))
	d.take(d.drop.bundle(2, to))
}

// clock sets the desk's clock n weeks after the first day, and opens it anew.
func (d *table) clock(n int) {
	d.t.Helper()
	d.config.Now = func() time.Time { return day.AddDate(0, 0, 7*n) }
	d.reopen()
}

// destroy destroys what may go, and returns the terms that are left. Where a
// weeks file would be, the table keeps the keys.
func (d *table) destroy() (left int) {
	d.t.Helper()
	_, err := d.Destroy(DefaultGrace, func(gone []reviewer.Term) error {
		fewer := *d.config.Keys
		fewer.Terms = slices.DeleteFunc(slices.Clone(fewer.Terms), func(t reviewer.Term) bool {
			return slices.Contains(gone, t)
		})
		d.config.Keys = &fewer
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(d.keys.Terms) != len(d.config.Keys.Terms) {
		d.t.Error("the open desk still has the secrets")
	}
	d.check()
	d.reopen()
	return len(d.keys.Terms)
}

// keeps holds that no secret goes, and for which reason that of the first day's
// week is kept.
func (d *table) keeps(why string) {
	d.t.Helper()
	all := len(d.keys.Terms)
	verdicts := d.Verdicts(DefaultGrace)
	if left := d.destroy(); left != all {
		d.t.Errorf("%d of %d secrets are left", left, all)
	}
	if v := verdicts[1]; !v.Due || v.From != week.Of(day) || !strings.Contains(v.Why, why) {
		d.t.Errorf("the secret of week %s is kept, due %t, because %q, not %q", v.From, v.Due, v.Why, why)
	}
}

func TestWeeksAreDestroyedInTheirTime(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 6)
	d := s.sit(0)
	d.takeAll(7)
	if left := d.destroy(); left != 20 {
		t.Errorf("in the first week %d of 20 secrets are left", left)
	}
	d.clock(6)
	s.weekly(6, 6)
	d.take(s.bundle(8, 8))
	if left := d.destroy(); left != 18 || d.keys.Terms[1].From != week.Of(day).Add(2) {
		t.Errorf("six weeks later %d of 20 are left", left)
	}
	if left := d.destroy(); left != 18 || len(d.index.Destroyed) != 2 {
		t.Errorf("once more: %d, %v", left, d.index.Destroyed)
	}
}

// TestServerThatSignsWeeksAheadDestroysNothing: neither at once, nor when the
// clock gets to the weeks that it signed and nothing else has come.
func TestServerThatSignsWeeksAheadDestroysNothing(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 0)
	s.week = week.Of(day).Add(500)
	s.close()
	s.week = week.Of(day).Add(7)
	s.close()
	d := s.sit(0)
	d.take(s.bundle(1, 3))
	d.keeps("the clock of this desk")
	d.clock(8)
	d.take(s.bundle(1, 3))
	d.keeps("still to come when it came")
}

func TestClockYearsAheadDestroysNothing(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 1)
	d := s.sit(0)
	d.clock(300)
	d.take(s.bundle(1, 2))
	d.keeps("the clock is outside the newest roster's days")
	// Not even together with a server that says the same.
	s.week = week.Of(day).Add(299)
	s.close()
	d.take(s.bundle(3, 3))
	d.keeps("the clock is outside the newest roster's days")
}

func TestClockYearsBehindDestroysNothing(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 6)
	d := s.sit(0)
	d.clock(-300)
	d.takeAll(7)
	d.keeps("the clock of this desk is in week")
	d.clock(6)
	d.keeps("still to come when it came")
	s.weekly(6, 6)
	d.take(s.bundle(8, 8))
	if left := d.destroy(); left != 18 {
		t.Errorf("with the clock set and a new batch, %d secrets are left", left)
	}
}

func TestWithheldBundleKeepsTheSecrets(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 6)
	d := s.sit(0)
	d.take(s.bundle(1, 2))
	d.clock(6)
	d.take(s.bundle(4, 7))
	d.keeps("batch 3 is missing")
	d.take(s.bundle(3, 3))
	if left := d.destroy(); left != 18 {
		t.Errorf("when it came, %d secrets are left", left)
	}
}

func TestIncompleteBatchKeepsTheSecrets(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 0)
	s.close(s.in(0).message(receipt.New(), 0, marker))
	s.weekly(1, 6)
	d := s.sit(0)
	d.clock(6)
	d.take(s.bundle(1, 1))
	d.take(s.bundle(1, 8).without("items/"))
	d.keeps("batch 2 is incomplete")
	if d.take(s.bundle(1, 8)); len(d.Threads()) != 1 {
		t.Error("the withheld item does not open")
	}
	if left := d.destroy(); left != 18 {
		t.Errorf("when it came, %d secrets are left", left)
	}
}

// TestWhatTheServerGaveUpIsWaitedForNoMore: an item that came damaged, and then was said
// to be gone, holds up neither the answer to its batch nor the end of its week.
func TestWhatTheServerGaveUpIsWaitedForNoMore(t *testing.T) {
	s := newWeekly(t, 1)
	code := receipt.New()
	s.close(s.message(code, 0, marker))
	s.weekly(1, 6)
	d := s.sit(0)
	d.clock(6)
	damaged := s.bundle(1, 7)
	for path := range damaged {
		if strings.HasSuffix(path, "payload.age") {
			damaged[path] = make([]byte, len(damaged[path]))
		}
	}
	d.take(s.bundle(1, 1).without("items/"))
	if r := d.take(damaged); len(r.Damaged) != 1 {
		t.Errorf("report is %+v", r)
	}
	d.keeps("batch 1 is incomplete")
	if acks, _ := d.Waiting(); acks != 0 {
		t.Errorf("batches to be confirmed: %d", acks)
	}
	if r := d.take(s.bundle(1, 7).without("items/").with(expiryMark(code.ItemID(0)))); r.Expired != 1 {
		t.Errorf("report is %+v", r)
	}
	if acks, _ := d.Waiting(); acks != 7 {
		t.Errorf("batches to be confirmed: %d, want 7", acks)
	}
	if left := d.destroy(); left != 18 {
		t.Errorf("%d secrets are left", left)
	}
}

// TestOldBundleAgainDestroysNothing: its batches say nothing about what came since.
func TestOldBundleAgainDestroysNothing(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 2)
	d := s.sit(0)
	d.clock(2)
	d.take(s.bundle(1, 3))
	d.clock(9)
	for range 2 {
		d.take(s.bundle(1, 3))
		d.keeps("the newest batch is of week")
	}
}

// TestDestroyedWeek is what destroying a week means. What was filed stays readable.
// When its case is closed, a thief of everything finds nothing: not with the
// bundle as it came, not among the free blocks. What comes too late is named, and
// not as forged, and a colleague opens it.
func TestDestroyedWeek(t *testing.T) {
	s := newWeekly(t, 2)
	l := &lawsuit{code: s.confirmedBy("r1"), disk: filepath.Join(t.TempDir(), "disk"), table: s.sit(0)}
	late := s.message(receipt.New(), 0, marker+" terlambat")
	s.close(s.message(l.code, 0, marker+" satu"), s.message(l.code, 1, marker+" dua"))
	s.weekly(1, 6)
	l.clock(6)
	l.takeAll(7)
	l.remember()
	l.items = s.batches[0].items
	thief := func() []string {
		th := newThief(t, l.config.Keys, l.code)
		th.take(l.disk, l.folder)
		for _, content := range l.items {
			th.found(content)
		}
		return th.texts()
	}
	if left := l.destroy(); left != 18 || !l.reads("0 "+marker+" satu", "1 "+marker+" dua") {
		t.Errorf("%d secrets are left, and the desk reads %q", left, l.texts())
	}
	if texts := thief(); len(texts) != 2 {
		t.Errorf("from an open case the thief reads %q", texts)
	}
	s.close(late)
	r := l.take(s.bundle(8, 8))
	if len(r.Late) != 1 || len(r.Apart) > 0 || !r.Whole() ||
		!strings.Contains(r.Late[0].Reason, "its week's secret was destroyed on this desk") {
		t.Errorf("too late: %+v", r)
	}
	if r := l.take(s.bundle(8, 8)); !r.Nothing() || len(l.Apart()) != 1 || !l.Apart()[0].Late {
		t.Errorf("once more: %+v", r)
	}
	l.checkFolder("apart", 0)
	colleague := s.sit(1)
	if r := colleague.take(s.bundle(8, 8)); len(r.New) != 1 || !colleague.reads("0 "+marker+" terlambat") {
		t.Errorf("the colleague: %+v", r)
	}
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	if texts := thief(); len(texts) > 0 {
		t.Errorf("from a closed case the thief reads %q", texts)
	}
}

// TestThiefReadsWhileTheWeekLives: the same thief, before the week's secret is
// destroyed. Without it the test above could not fail.
func TestThiefReadsWhileTheWeekLives(t *testing.T) {
	l := newLawsuit(t)
	if err := l.CloseCase(l.thread()); err != nil {
		t.Fatal(err)
	}
	th := newThief(t, l.config.Keys, l.code)
	for _, content := range l.items { // the bundle, on a stick somewhere
		th.found(content)
	}
	if texts := th.texts(); len(texts) != 2 {
		t.Errorf("the thief reads %q", texts)
	}
}

// TestForgedSlotIsStillNamed: where this desk destroyed nothing of the item's roster.
func TestForgedSlotIsStillNamed(t *testing.T) {
	s := newWeekly(t, 1)
	d := s.sit(0)
	s.weekly(0, 6)
	d.clock(6)
	d.takeAll(7)
	d.destroy()
	s.newRoster(func(n *draft) { n.From, n.Weeks = day.AddDate(0, 0, 7*6), 6 })
	c := s.craft(receipt.New(), 0, "message")
	c.slots[0] = sealedTo(t, c.e.String(), identity(t).Recipient())
	s.close(c.item(regular("message.txt", marker)))
	if r := d.take(s.bundle(8, 8)); len(r.Late) > 0 || len(r.Apart) != 1 || r.Apart[0].Reason != foreignSlot {
		t.Errorf("report is %+v", r)
	}
}

// TestNoSecretLeft: who destroyed the last one, or lost the weeks file, still has a
// desk that takes bundles in.
func TestNoSecretLeft(t *testing.T) {
	s := newWeekly(t, 1)
	s.close(s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	keys := *d.config.Keys
	keys.Terms = nil
	d.config.Keys = &keys
	d.reopen()
	if r := d.take(s.bundle(1, 1)); len(r.Apart) != 1 || r.Apart[0].Reason != string(reasonLost) {
		t.Errorf("report is %+v", r)
	}
}

// TestDestroyingThatFailsIsTriedAgain: the index says it first, so that no late
// item is called forged; the secret goes with the next attempt.
func TestDestroyingThatFailsIsTriedAgain(t *testing.T) {
	s := newWeekly(t, 1)
	s.weekly(0, 6)
	d := s.sit(0)
	d.clock(6)
	d.takeAll(7)
	full := errors.New("the disk is full")
	if _, err := d.Destroy(DefaultGrace, func([]reviewer.Term) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	d.reopen()
	if len(d.keys.Terms) != 20 || len(d.index.Destroyed) != 2 {
		t.Errorf("%d secrets, destroyed %v", len(d.keys.Terms), d.index.Destroyed)
	}
	early := s.in(0).message(receipt.New(), 0, marker)
	s.in(6).close(early)
	if r := d.take(s.bundle(8, 8)); len(r.New) != 1 {
		t.Errorf("a secret that is still there opens nothing: %+v", r)
	}
	if left := d.destroy(); left != 18 || len(d.index.Destroyed) != 2 {
		t.Errorf("%d secrets, destroyed %v", left, d.index.Destroyed)
	}
}

func TestIndexKeepsDestroyedWeeks(t *testing.T) {
	l := newLawsuit(t)
	for _, s := range []span{
		{From: "2026-W48", To: "2026-W47"}, {From: "2026-W54", To: "2026-W54"}, {From: "2026-W48"},
		{From: "2026-W48", To: "2026-W48", Recipient: "x"},
	} {
		next := l.index.clone()
		if next.Destroyed = []span{s}; next.check() == nil {
			t.Errorf("%v: taken", s)
		}
	}
}
