package taxonomy

import (
	"testing"
	"time"

	"saksi/crypto/week"
)

var w48 = week.Week{Year: 2026, Number: 48} // 23 to 29 November

func day(s string) time.Time {
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return d
}

// TestClockAtBothEndsOfTheWeek: whenever in its week a testimony came, the days
// end within the window; and on no day outside is that possible. The days are
// counted here once more, in the reporter's time zones.
func TestClockAtBothEndsOfTheWeek(t *testing.T) {
	r := RulesFor(Current())
	for _, number := range []string{"2026-W48", "2026-W53", "2027-W01", "2024-W09", "2020-W53"} {
		w, err := week.Parse(number)
		if err != nil {
			t.Fatal(err)
		}
		for code, age := range map[string][2]int{"kemarin": {0, 1}, "tiga": {2, 3}, "tujuh": {4, 7}} {
			window, ok := r.Clock(w, answers("diketahui", code))
			if !ok {
				t.Fatal("no clock")
			}
			earliest, latest := time.Time{}, time.Time{}
			// The batch closes once a day, so the first moment is a day before.
			from, until := w.Monday().AddDate(0, 0, -1), w.Monday().AddDate(0, 0, 7).Add(-time.Second)
			for at := from; !at.After(until); at = at.Add(time.Hour - time.Second) {
				for _, zone := range []int{7, 8, 9} {
					local := at.In(time.FixedZone("", zone*3600))
					known := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
					for ago := age[0]; ago <= age[1]; ago++ {
						end := known.AddDate(0, 0, 7-ago)
						if earliest.IsZero() || end.Before(earliest) {
							earliest = end
						}
						if end.After(latest) {
							latest = end
						}
					}
				}
			}
			if !window.Earliest.Equal(earliest) || !window.Latest.Equal(latest) {
				t.Errorf("%s, %s: %v, want %v to %v", number, code, window, earliest, latest)
			}
		}
	}
}

// TestClockSaysWhereToday: the day on which the time ends still counts.
func TestClockSaysWhereToday(t *testing.T) {
	for _, test := range []struct {
		week, code, today string
		want              State
	}{
		{"2026-W48", "kemarin", "2026-11-28", Running}, // known on the 21st at the earliest
		{"2026-W48", "kemarin", "2026-11-29", PerhapsOver},
		{"2026-W48", "kemarin", "2026-12-07", PerhapsOver}, // known on the 30th at the latest
		{"2026-W48", "kemarin", "2026-12-08", Over},
		{"2026-W48", "tujuh", "2026-11-22", Running},
		{"2026-W48", "tujuh", "2026-11-23", PerhapsOver},
		{"2026-W48", "tujuh", "2026-12-04", Over},
		{"2026-W53", "tiga", "2026-12-31", Running}, // 27 December to 4 January
		{"2026-W53", "tiga", "2027-01-01", PerhapsOver},
		{"2026-W53", "tiga", "2027-01-09", PerhapsOver},
		{"2026-W53", "tiga", "2027-01-10", Over},
		{"2026-W48", "lewat", "2026-11-23", Over},
		{"2026-W48", "", "2026-11-23", PerhapsOver},
		{"2026-W48", "tidak_menjawab", "2026-12-07", PerhapsOver},
		{"2026-W48", "tidak_menjawab", "2026-12-08", Over},
		{"2026-W48", "kemarin lewat", "2026-11-23", PerhapsOver}, // two answers are none
	} {
		w, err := week.Parse(test.week)
		if err != nil {
			t.Fatal(err)
		}
		window, _ := RulesFor(Current()).Clock(w, answers("diketahui", test.code))
		evening := day(test.today).Add(23 * time.Hour).In(time.FixedZone("WIB", 0))
		if got := window.At(evening); got != test.want {
			t.Errorf("%s, %q, on %s: %s, want %s", test.week, test.code, test.today, got, test.want)
		}
	}
}

func TestRulesWithoutAClock(t *testing.T) {
	if _, ok := (&Rules{}).Clock(w48, nil); ok {
		t.Error("a clock out of nothing")
	}
}

func TestDayName(t *testing.T) {
	if got := DayName(day("2026-01-03")); got != "3 Januari 2026" {
		t.Error(got)
	}
}
