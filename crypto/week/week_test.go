package week

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWeekHoldsItsDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(946857600, 4102444800).Draw(t, "at"), 0).UTC()
		w := Of(at)
		if monday := w.Monday(); monday.After(at) || !monday.AddDate(0, 0, 7).After(at) {
			t.Fatalf("%v is not in %v, which begins %v", at, w, monday)
		}
		if w.Monday().Weekday() != time.Monday {
			t.Fatalf("%v begins on a %v", w, w.Monday().Weekday())
		}
		back, err := Parse(w.String())
		if err != nil || back != w {
			t.Fatalf("%v comes back as %v, %v", w, back, err)
		}
		if next := w.Add(1); !w.Before(next) || next.Before(w) || next.Add(-1) != w {
			t.Fatalf("%v and %v are out of order", w, next)
		}
	})
}
