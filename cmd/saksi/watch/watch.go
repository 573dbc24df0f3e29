// Package watch is what a watchdog's machine does: it looks at a drop from
// outside, as a visitor, and raises an alarm when the roster there is not the one
// that should be.
//
// # What a look is
//
// Two visits, one after the other, each on a circuit of tor of its own: one reads
// the pages in Indonesian and one in English. A visit asks for
//
//	/  /info                   the pages, with style sheet and script, as a browser does
//	/recipients.txt            the keys for files that are sealed beforehand
//	/roster.recipients         the keys that are sealed to this week
//	/roster.note               the newest roster
//	/rosters/<n>.note          those since the last look
//
// Pages come first: when they are asked for, nothing about the visit is unlike a
// reporter's whose browser runs scripts, as far as we can make it so: the script is
// asked for, and not run. What only a watchdog would ask for
// comes when the pages are here already. A server that wants to show its
// reporters other pages than its watchdogs has to guess.
//
// What is seen is held against the roots that are trusted, against what was seen
// before, and page against roster. The first thing that is wrong is the [Alarm].
//
// # What is kept
//
// A folder, which is the watchdog's memory:
//
//	monitor.log        one line a look, each with the hash of the one before
//	monitor.head       the hash of the last one
//	rosters/<n>.note   every roster that was verified and fits the one before
//	alarms/            rosters that the roots signed and that do not fit
//
// Whatever a server sends is bounded, in bytes and in time, and nothing of it
// reaches the terminal but what was verified or cleaned.
package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/onionname"
	"saksi/crypto/roster"
)

// A Watchdog looks at one drop.
type Watchdog struct {
	Onion  onionname.Name
	Roots  roster.RootSet // the first root set, from the poster's fingerprint
	Dir    string         // its memory
	Socks  string         // address of tor's SOCKS proxy, see [errand.CheckSocks]
	Misses int            // looks in a row that do not reach the drop, until that is an alarm
	Now    func() time.Time
}

// A Report is what one look found.
type Report struct {
	Roster   *roster.Signed // the newest that was verified; nil if none was
	Alarm    *Alarm         // what is wrong, if anything is
	Missed   error          // why the drop was not reached, and that is no alarm yet
	Warnings []string
}

// Limits of a look.
const (
	lookTime = 30 * time.Minute
	askTime  = 5 * time.Minute // for one answer
	tries    = 3               // circuits for one visit
	maxChain = 500             // rosters between two looks
	// soon is how long before the end of a roster the watchdog warns.
	soon = 3 * 7 * 24 * time.Hour
)

// Look looks once, and writes what it saw into the log. Its error is of this
// machine: [ErrLog], [ErrBusy], [ErrMemory] or of the disk.
func (w *Watchdog) Look(ctx context.Context) (*Report, error) {
	m, err := open(w.Dir, w.Onion, w.Roots)
	if err != nil {
		return nil, err
	}
	defer m.close()
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	report, err := w.look(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
		return nil, err // the watchdog was stopped: that says nothing about the drop
	}
	return report, m.write(w.entry(report))
}

func (w *Watchdog) entry(r *Report) Entry {
	e := Entry{Time: w.Now().UTC().Truncate(time.Second), Verdict: OK}
	if r.Roster != nil {
		e.Origin, e.Sequence, e.Hash = r.Roster.Origin, r.Roster.Sequence, r.Roster.Hash
	}
	switch {
	case r.Alarm != nil:
		e.Verdict = r.Alarm.Reason
	case r.Missed != nil:
		e.Verdict = Missed
	}
	return e
}

// look looks, and once more if a roster came into force meanwhile: then a page and
// the roster may be of two times.
func (w *Watchdog) look(ctx context.Context, m *memory) (*Report, error) {
	before := m.last()
	report, err := w.once(ctx, m)
	if err != nil || report.Alarm == nil || !report.Alarm.passing() || m.last() == before {
		return report, err
	}
	return w.once(ctx, m)
}

// once makes both visits and judges them, also where one came to nothing: that is the
// server's choice.
func (w *Watchdog) once(ctx context.Context, m *memory) (*Report, error) {
	var visits []*seen
	var missed error
	for _, language := range []string{"", "/en"} {
		var s *seen
		s, missed = w.visit(ctx, language, m.last())
		visits = append(visits, s)
		if missed != nil {
			break
		}
	}
	alarm, err := w.judge(m, visits...)
	if err != nil {
		return nil, err
	}
	// What ended a visit is told first, if it is an alarm: what the visit showed before
	// follows from it, as the pages of a drop with other roots do.
	if missed != nil && (alarm == nil || errors.As(missed, new(*Alarm))) {
		return w.failed(missed, m), nil
	}
	report := &Report{Roster: visits[0].newest, Alarm: alarm}
	if alarm == nil || alarm.Reason == Views {
		report.Roster = visits[1].newest
	}
	if alarm == nil {
		report.Warnings = w.warnings(report.Roster)
	}
	return report, nil
}

// failed reports a visit that came to nothing.
func (w *Watchdog) failed(err error, m *memory) *Report {
	var alarm *Alarm
	if errors.As(err, &alarm) {
		return &Report{Alarm: alarm}
	}
	missed := m.missed() + 1
	if missed < w.Misses {
		return &Report{Missed: why(err)}
	}
	return &Report{Alarm: &Alarm{Unreachable, fmt.Sprintf("%v; %d looks in a row", why(err), missed)}}
}

// why says what kept a visit from the drop, in words without addresses. Some errors
// of errands speak of couriers.
func why(err error) error {
	for _, known := range []error{errand.ErrNoTor, errand.ErrBroken, ErrServerBusy} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errNotReached
}

var errNotReached = errors.New("tor does not reach the drop")

// visit goes to the drop, by up to three circuits. When one breaks is the server's choice,
// too, and takes nothing back of what it showed: that is in before, also with an error.
func (w *Watchdog) visit(ctx context.Context, language string, last uint64) (*seen, error) {
	var before []*seen
	var err error
	for range tries {
		var s *seen
		if s, err = w.visitOnce(ctx, language, last); err == nil {
			s.before = before
			return s, nil
		}
		before = append(before, s)
		if errors.As(err, new(*Alarm)) || errors.Is(err, errand.ErrNoTor) || ctx.Err() != nil {
			break
		}
	}
	return &seen{before: before}, err
}

func (w *Watchdog) warnings(r *roster.Signed) (all []string) {
	now := w.Now()
	if left := r.Until.Add(24 * time.Hour).Sub(now); left < soon {
		all = append(all, fmt.Sprintf("roster %d ends on %s: the roots should sign the next one soon",
			r.Sequence, r.Until.Format(time.DateOnly)))
	}
	if _, ok := r.Period(weekOf(now.Add(soon))); !ok {
		all = append(all, fmt.Sprintf("roster %d has no keys for the week of %s: nothing can be sent then",
			r.Sequence, now.Add(soon).UTC().Format(time.DateOnly)))
	}
	return all
}
