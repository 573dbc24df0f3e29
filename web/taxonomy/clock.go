package taxonomy

import (
	"slices"
	"time"

	"saksi/crypto/week"
)

// A Window holds the days on which the time for a formal report may end, both
// included: the desk knows the week in which something came, and about how many
// days before that the reporter had learned of it.
type Window struct {
	Earliest time.Time // zero: it may be over already
	Latest   time.Time // zero: it is over
}

// A State is where a day stands in a window.
type State string

// The states.
const (
	Running     State = "masih berjalan"
	PerhapsOver State = "mungkin sudah lewat"
	Over        State = "sudah lewat"
)

// A testimony may have come a day before its batch's week began, because the
// last batch of a week closes before the week does. And the week is one of
// UTC: in Indonesia, up to nine hours ahead, it ends on a Monday.
const (
	dayBefore = -1
	lastDay   = 7
)

// Clock returns when the days can end, at the earliest and at the latest. It
// returns false when the rules have no clock.
func (r *Rules) Clock(w week.Week, a Answers) (Window, bool) {
	if r.Days.Days == 0 {
		return Window{}, false
	}
	first, last := w.Monday().AddDate(0, 0, dayBefore+r.Days.Days), w.Monday().AddDate(0, 0, lastDay+r.Days.Days)
	values := a[r.Days.Question]
	if len(values) != 1 {
		return Window{Latest: last}, true
	}
	if slices.Contains(r.Days.Past, values[0]) {
		return Window{}, true
	}
	age, ok := r.Days.Ages[values[0]]
	if !ok {
		return Window{Latest: last}, true
	}
	return Window{Earliest: first.AddDate(0, 0, -age[1]), Latest: last.AddDate(0, 0, -age[0])}, true
}

// At returns the state on a day. The day on which the time ends still counts.
func (w Window) At(now time.Time) State {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case today.After(w.Latest):
		return Over
	case today.After(w.Earliest):
		return PerhapsOver
	default:
		return Running
	}
}

// DayName writes a day as "22 November 2026", in Indonesian.
func DayName(day time.Time) string {
	return day.Format("2 ") + Month12(int(day.Month()), "id") + day.Format(" 2006")
}
