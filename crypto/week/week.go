// Package week names ISO 8601 weeks: the finest time that Saksi writes down.
package week

import (
	"cmp"
	"fmt"
	"time"
)

// A Week is an ISO 8601 week in UTC. The zero Week is no week.
type Week struct {
	Year   int // ISO year, which differs from the calendar year around New Year
	Number int // 1 to 53
}

// Of returns the week that holds t.
func Of(t time.Time) Week {
	year, number := t.UTC().ISOWeek()
	return Week{Year: year, Number: number}
}

// Parse reads the form that String writes, such as 2026-W47.
func Parse(s string) (Week, error) {
	var w Week
	if _, err := fmt.Sscanf(s, "%4d-W%2d", &w.Year, &w.Number); err != nil || w.String() != s {
		return Week{}, fmt.Errorf("parsing week %.40q: want a form such as 2026-W47", s)
	}
	if w.Year < 2000 || w.Number < 1 || Of(w.Monday()) != w {
		return Week{}, fmt.Errorf("parsing week %.40q: no such week", s)
	}
	return w, nil
}

// String returns the form 2026-W47.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// Monday returns the week's first moment, in UTC.
func (w Week) Monday() time.Time {
	// 4 January is always in week 1.
	fourth := time.Date(w.Year, time.January, 4, 0, 0, 0, 0, time.UTC)
	sinceMonday := (int(fourth.Weekday()) + 6) % 7
	return fourth.AddDate(0, 0, 7*(w.Number-1)-sinceMonday)
}

// Before reports whether w is earlier than other.
func (w Week) Before(other Week) bool {
	return w.Year < other.Year || w.Year == other.Year && w.Number < other.Number
}

// Compare returns -1, 0 or 1 as w is earlier than other, the same, or later.
func (w Week) Compare(other Week) int {
	return cmp.Or(cmp.Compare(w.Year, other.Year), cmp.Compare(w.Number, other.Number))
}

// Add returns the week n weeks later.
func (w Week) Add(n int) Week { return Of(w.Monday().AddDate(0, 0, 7*n)) }
