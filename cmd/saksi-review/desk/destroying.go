package desk

import (
	"fmt"
	"slices"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// How many weeks after its last the secret of a term is kept, for what comes late.
const (
	DefaultGrace = 4
	MaxGrace     = 12
)

// A Verdict says whether the secret of a term may be destroyed.
type Verdict struct {
	From, To week.Week
	Due      bool   // by the clock or by some batch it is time
	Why      string // it is kept; empty when it may go
}

// A lookout is all that the rule looks at. A hostile server writes the batches,
// and a battery that is flat sets the clock. So each has to agree with the
// other, and the clock with the days that the roots signed.
type lookout struct {
	index *index // of it the batches, and the gaps that were given up
	clock week.Week
	valid bool // the newest roster is, at the clock
	begun bool // the desk has no more than the bundle that began it
	grace int
}

// verdict judges one term. Its secret goes when everything that was sealed to it has
// had the grace to arrive, and nothing that came before is missing. The terms are the
// reviewer's, and not the desk's: whoever gives a wrong folder begins a desk that was
// brought all that another one still has to read, or only what a new server closed.
func (l lookout) verdict(from, to week.Week) Verdict {
	v := Verdict{From: from, To: to, Due: true}
	chain, last := reachOf(l.index), to.Add(l.grace)
	switch {
	case !last.Before(l.clock):
		v.Due = last.Before(chain.newest)
		v.Why = fmt.Sprintf("the clock of this desk is in week %s", l.clock)
	case !l.valid:
		v.Why = "the clock is outside the newest roster's days"
	case from.Before(chain.knows):
		v.Why = chain.since
	case !last.Before(chain.to):
		v.Why = chain.stop
	case l.begun:
		v.Why = "this bundle began the desk: is the name behind -desk right?"
	}
	return v
}

// A reach says until when the desk has all that the server closed.
type reach struct {
	knows  week.Week // the first of which it has all that came: none from before its beginning, or a gap that was given up
	since  string    // which of them
	to     week.Week // of the last batch without a gap and with nothing missing
	stop   string    // why it is no later one
	newest week.Week // the latest of any batch, believed or not
}

// hasBegun reports whether nothing has come to the desk since the bundle that began it,
// which somebody may have opened with a wrong name, and then once more.
func (x *index) hasBegun() bool {
	n := len(x.Batches)
	return n > 0 && x.Batches[n-1].Sequence == x.Began
}

// knownFrom returns the first week of which a desk has all that came if a batch of this
// week is the first that it has. Of that week itself it has it only if nothing was closed
// before.
func knownFrom(b *batchEntry, w week.Week) week.Week {
	if b.Sequence > 1 {
		return w.Add(1)
	}
	return w
}

// reachOf follows the chain of batches to its first flaw. A batch whose week was
// still to come by this desk's clock when it arrived says nothing about what
// has arrived since: once the clock gets there, the server may have closed many others.
func reachOf(x *index) reach {
	r := reach{stop: "there is no batch"}
	for _, b := range x.Batches {
		if w := parseWeek(b.Week); r.newest.Before(w) {
			r.newest = w
		}
	}
	var latest week.Week // of the batches so far: a server may say an earlier one behind a gap
	for i, b := range x.Batches {
		gap, ok := gapBefore(x.Batches, i)
		if w := parseWeek(b.Week); latest.Before(w) && (!b.Ahead || ok) {
			latest = w
		}
		switch {
		case i == 0:
			r.knows = knownFrom(b, parseWeek(b.Week))
			r.since = fmt.Sprintf("the desk begins with batch %d, of week %s", b.Sequence, b.Week)
		case ok && !x.gaveUp(gap):
			r.stop = missing(gap.From, gap.To)
			return r
		case ok && r.knows.Before(knownFrom(b, latest)):
			r.knows = knownFrom(b, latest)
			r.since = fmt.Sprintf("a gap was given up before batch %d, of week %s", b.Sequence, b.Week)
		}
		switch {
		case !b.Complete:
			r.stop = fmt.Sprintf("batch %d is incomplete", b.Sequence)
			return r
		case b.Ahead:
			r.stop = fmt.Sprintf("batch %d says week %s, which was still to come when it came", b.Sequence, b.Week)
		default:
			r.to, r.stop = parseWeek(b.Week), fmt.Sprintf("the newest batch is of week %s", b.Week)
		}
	}
	return r
}

func missing(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("batch %d is missing", from)
	}
	return fmt.Sprintf("batches %d to %d are missing", from, to)
}

// parseWeek reads a week of the index, which was checked.
func parseWeek(s string) week.Week {
	w, err := week.Parse(s)
	if err != nil {
		panic("desk: internal error: " + err.Error())
	}
	return w
}

// isAhead reports whether a batch's week is still to come. Clocks may differ by
// days around the end of one.
func isAhead(w week.Week, now time.Time) bool { return week.Of(now).Add(1).Before(w) }

// Verdicts judges every term of the reviewer's.
func (d *Desk) Verdicts(grace int) (verdicts []Verdict) {
	now, newest := d.now(), d.newest()
	l := lookout{index: d.index, clock: week.Of(now), begun: d.index.hasBegun(), grace: grace}
	l.valid = newest != nil && newest.ValidAt(now) == nil
	for _, t := range d.keys.Terms {
		verdicts = append(verdicts, l.verdict(t.From, t.To))
	}
	return verdicts
}

// Destroy destroys the secrets of terms that are needed no longer, by having without
// take them out of the weeks file. Items that are in threads stay readable by their
// case keys. That a term is gone is in the index before it is, so that what comes for
// it later is not taken for forged.
func (d *Desk) Destroy(grace int, without func(gone []reviewer.Term) error) ([]Verdict, error) {
	verdicts := d.Verdicts(grace)
	fewer, next := *d.keys, d.index.clone()
	fewer.Terms = nil
	var gone []reviewer.Term
	for i, t := range d.keys.Terms {
		if verdicts[i].Why != "" {
			fewer.Terms = append(fewer.Terms, t)
			continue
		}
		gone = append(gone, t)
		s := span{t.From.String(), t.To.String(), recipientHash(t)}
		if !slices.Contains(next.Destroyed, s) {
			next.Destroyed = append(next.Destroyed, s)
		}
	}
	if len(gone) == 0 {
		return verdicts, nil
	}
	if err := d.save(next); err != nil {
		return nil, err
	}
	if err := without(gone); err != nil {
		return nil, fmt.Errorf("destroying the secrets of weeks: %w", err)
	}
	d.keys = &fewer
	return verdicts, nil
}

// A span is a run of weeks, both ends included, whose secret was destroyed.
type span struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Recipient string `json:"recipient,omitempty"` // SHA-256; older desks did not note whose
}

// overlaps reports whether some week is in the span and from from to to.
func (s span) overlaps(from, to week.Week) bool {
	return !to.Before(parseWeek(s.From)) && !parseWeek(s.To).Before(from)
}

func (x *index) checkDestroyed() error {
	for _, s := range x.Destroyed {
		from, err := week.Parse(s.From)
		if err != nil {
			return err
		}
		to, err := week.Parse(s.To)
		if err != nil {
			return err
		}
		if _, err := roster.ParseHash(s.Recipient); s.Recipient != "" && err != nil {
			return err
		}
		if to.Before(from) {
			return fmt.Errorf("weeks %s to %s", from, to)
		}
	}
	return nil
}
