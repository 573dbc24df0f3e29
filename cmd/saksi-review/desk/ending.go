package desk

import (
	"fmt"

	"saksi/crypto/week"
)

// WaitAtMost is for how many weeks an item waits for shares of colleagues. No
// server keeps one for longer than 52, and who means to open it has met by then.
// What waits longer is for others, or for nobody, and is forgotten.
const WaitAtMost = 60

// endOfWaiting takes items out that have waited for their time. The clock, the
// batches and the newest roster have to agree on it, as for the secrets of weeks: a
// server that signs weeks ahead, or a wrong clock, makes no desk forget.
func (im *importer) endOfWaiting() {
	if now, ok := im.agreedWeek(); ok {
		im.report.Outwaited = im.next.forget(now.Add(-WaitAtMost))
	}
}

// agreedWeek is the latest week of which the clock and the batches both say that it has
// begun, if the newest roster is valid then. A batch whose week was still to come when it
// arrived says nothing of it, also not later: signed years ahead it would leave the clock
// alone to decide, for good.
func (im *importer) agreedWeek() (latest week.Week, ok bool) {
	for _, b := range im.next.Batches {
		if w := parseWeek(b.Week); !b.Ahead && (!ok || latest.Before(w)) {
			latest, ok = w, true
		}
	}
	now := im.desk.now()
	if clock := week.Of(now); clock.Before(latest) {
		latest = clock
	}
	return latest, ok && im.newest.ValidAt(now) == nil
}

// forget takes the items out that came before a week, and notes that what the desk
// has of them is to be destroyed. They do not wait again when they are brought again.
func (x *index) forget(before week.Week) (n int) {
	return x.endWaiting(func(w *Waiting) bool { return parseWeek(w.Week).Before(before) })
}

func (x *index) endWaiting(ends func(*Waiting) bool) (n int) {
	var stay []*Waiting
	for _, w := range x.Waiting {
		if !ends(w) {
			stay = append(stay, w)
			continue
		}
		x.Closing = append(x.Closing, closing{Case: w.Case, Items: []string{w.ID}})
		x.setNotOurs(notOurs{ID: w.ID, Digest: w.Digest})
		n++
	}
	x.Waiting = stay
	return n
}

// PendingBefore returns how many items wait that came before a week.
func (d *Desk) PendingBefore(before week.Week) int { return d.index.clone().forget(before) }

// Forget destroys what the desk has of items that wait and came before a week: its
// shares of them, and their files. It returns how many those are.
func (d *Desk) Forget(before week.Week) (int, error) {
	next := d.index.clone()
	n := next.forget(before)
	if n == 0 {
		return 0, nil
	}
	if err := d.save(next); err != nil {
		return 0, err
	}
	if err := d.finishClosing(); err != nil {
		return n, fmt.Errorf("forgetting what waits: %w", inForce(err))
	}
	return n, nil
}
