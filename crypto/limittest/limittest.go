// Package limittest is for benchmarks: it runs a piece of work in turn with the
// bare work that it cannot do without, its limit, so that both meet the same
// disturbances of the machine.
package limittest

import (
	"slices"
	"testing"
	"time"
)

// fewest is how many turns there are at least. With -short one is enough: then
// nothing is measured, and the work is only held to its answers.
func fewest() int {
	if testing.Short() {
		return 1
	}
	return 3
}

// Compare does ours and limit in turn until the benchmark has run its time; who
// begins, changes. Each of them does n units. It reports the units per second of
// both, and their ratio as of-limit: 1 means that nothing can be won any more. Of
// all turns the medians count.
func Compare(b *testing.B, n int, unit string, ours, limit func()) {
	b.Helper()
	var our, least []time.Duration
	turn := func() {
		if len(our)%2 == 0 {
			our, least = append(our, span(ours)), append(least, span(limit))
		} else {
			least, our = append(least, span(limit)), append(our, span(ours))
		}
	}
	for b.Loop() {
		turn()
	}
	for len(our) < fewest() {
		turn()
	}
	o, l := Median(our), Median(least)
	b.ReportMetric(float64(o.Nanoseconds()), "ns/op")
	b.ReportMetric(float64(n)/o.Seconds(), unit+"/s")
	b.ReportMetric(float64(n)/l.Seconds(), "limit-"+unit+"/s")
	b.ReportMetric(l.Seconds()/o.Seconds(), "of-limit")
}

// Size is how much of something a benchmark does: a few with -short, as in make test,
// which runs each benchmark's work once so that none rots.
func Size[N int | int64](measured, short N) N {
	if testing.Short() {
		return short
	}
	return measured
}

func span(work func()) time.Duration {
	start := time.Now()
	work()
	return time.Since(start)
}

// Median returns the one in the middle. It sorts them.
func Median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
