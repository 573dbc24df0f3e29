package desk

import (
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// waiting is a desk at which an item of this week waits.
func (s *drop) waiting() *table {
	s.t.Helper()
	s.close(s.secret(receipt.New(), 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	return d
}

// later imports an empty batch of a week by a clock, in weeks from now.
func (d *table) later(batch, clock int) *Report {
	d.t.Helper()
	d.drop.week = week.Of(day).Add(batch)
	d.drop.close()
	at := day.AddDate(0, 0, 7*clock)
	d.config.Now = func() time.Time { return at }
	d.reopen()
	newest := uint64(len(d.drop.batches))
	return d.take(d.drop.bundle(newest, newest))
}

// rosterIn has the roots sign a roster that begins some weeks from now.
func (s *drop) rosterIn(weeks int) {
	s.t.Helper()
	s.newRoster(func(d *reviewer.Draft) {
		d.From, d.Quorum = day.AddDate(0, 0, 7*weeks), roster.Quorum{Needed: 2, Outside: 1}
	})
}

// TestWhatWaitedForItsTimeIsForgotten, with its case key, its slots and its files;
// and is not taken in again.
func TestWhatWaitedForItsTimeIsForgotten(t *testing.T) {
	s := newQuorum(t)
	d := s.waiting()
	s.rosterIn(WaitAtMost)
	if r := d.later(WaitAtMost, WaitAtMost); r.Outwaited != 0 || d.Pending() != 1 {
		t.Fatalf("too early: %+v", r)
	}
	if r := d.later(WaitAtMost+1, WaitAtMost+1); r.Outwaited != 1 || d.Pending() != 0 {
		t.Fatalf("in its time: %+v", r)
	}
	if r := d.take(s.bundle(1, 1)); r.Waits != 0 || d.Pending() != 0 {
		t.Errorf("brought again: %+v", r)
	}
}

// TestNobodyMakesADeskForget: neither a server that signs weeks ahead, nor a clock
// that is years ahead.
func TestNobodyMakesADeskForget(t *testing.T) {
	for name, at := range map[string][2]int{"server": {200, 1}, "clock": {1, 200}} {
		s := newQuorum(t)
		d := s.waiting()
		if r := d.later(at[0], at[1]); r.Outwaited != 0 || d.Pending() != 1 {
			t.Errorf("a %s ahead: %+v", name, r)
		}
	}
}

// TestABatchYearsAheadIsNoVoiceLater: the server signs it once, and months later the clock
// is a year ahead, in the days of some roster.
func TestABatchYearsAheadIsNoVoiceLater(t *testing.T) {
	s := newQuorum(t)
	d := s.waiting()
	d.later(200, 1)
	s.rosterIn(WaitAtMost + 1)
	if r := d.later(10, WaitAtMost+2); r.Outwaited != 0 || d.Pending() != 1 {
		t.Errorf("a clock a year ahead: %+v", r)
	}
	if r := d.later(WaitAtMost+1, WaitAtMost+2); r.Outwaited != 1 || d.Pending() != 0 {
		t.Errorf("in its time: %+v", r)
	}
}

// TestServerAndClockTogetherForgetNothing outside the days that the roots signed, nor does
// a desk whose every batch was ahead of its clock.
func TestServerAndClockTogetherForgetNothing(t *testing.T) {
	s := newQuorum(t)
	d := s.waiting()
	if r := d.later(WaitAtMost+1, WaitAtMost+1); r.Outwaited != 0 || d.Pending() != 1 {
		t.Errorf("without a roster of that time: %+v", r)
	}
	early := newQuorum(t)
	early.week = week.Of(day).Add(2)
	if d := early.waiting(); d.Pending() != 1 || !d.index.Batches[0].Ahead {
		t.Errorf("from a batch ahead: %d wait", d.Pending())
	}
}

// TestAReviewerForgetsWhatWaits: before a week, and nothing of it is left.
func TestAReviewerForgetsWhatWaits(t *testing.T) {
	s := newQuorum(t)
	d := s.waiting()
	now := week.Of(day)
	if n, err := d.Forget(now); err != nil || n != 0 || d.PendingBefore(now) != 0 {
		t.Fatalf("of this week: %d, %v", n, err)
	}
	next := now.Add(1)
	if d.PendingBefore(next) != 1 || d.Pending() != 1 {
		t.Fatal("asking changes something")
	}
	if n, err := d.Forget(next); err != nil || n != 1 || d.Pending() != 0 {
		t.Fatalf("of before next week: %d, %v", n, err)
	}
	d.check()
	d.reopen()
	d.check()
}
