package server_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// A comparison of two kinds of answers, from pairs of times that were taken one
// right after the other.
type comparison struct {
	Shift float64 // of the second against the first, in the unit of the times
	P     float64 // how often chance alone shifts as far
}

// compare is Fisher's randomisation test for matched pairs (The Design of
// Experiments, 1935, section 21): if the two kinds are alike, each pair might
// as well have come out the other way round, so the shift is held against those
// of rounds random exchanges. It assumes nothing of the times' distribution,
// and pairing takes out whatever slows down for longer than a pair.
//
// Times have a long tail to the right, of interruptions. The shift is therefore
// that of the means of the fastest part of each kind, as in dudect (Reparaz,
// Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017).
func compare(a, b []float64, part float64, rounds int, rng *rand.Rand) comparison {
	x, y := slices.Clone(a), slices.Clone(b)
	c := comparison{Shift: fastest(y, part) - fastest(x, part)}
	asFar := 1
	for range rounds {
		for i := range x {
			x[i], y[i] = a[i], b[i]
			if rng.Uint64()&1 == 1 {
				x[i], y[i] = b[i], a[i]
			}
		}
		if math.Abs(fastest(y, part)-fastest(x, part)) >= math.Abs(c.Shift)*(1-1e-9) {
			asFar++
		}
	}
	c.P = float64(asFar) / float64(rounds+1)
	return c
}

// fastest returns the mean of the smallest part of the times, which it sorts a
// copy of.
func fastest(times []float64, part float64) (mean float64) {
	sorted := slices.Clone(times)
	slices.Sort(sorted)
	n := max(1, int(part*float64(len(sorted))))
	for _, t := range sorted[:n] {
		mean += t / float64(n)
	}
	return mean
}

// TestStatisticAgainstFisher: Darwin's maize, crossed against self-fertilised, in
// eighths of an inch. Fisher counts 1,726 of 32,768 exchanges that differ as much.
func TestStatisticAgainstFisher(t *testing.T) {
	differences := []float64{49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48}
	c := compare(make([]float64, len(differences)), differences, 1, 200_000, rand.New(rand.NewPCG(1, 2)))
	if want := 1726.0 / 32768; math.Abs(c.P-want) > 0.002 || math.Abs(c.Shift-314.0/15) > 1e-9 {
		t.Errorf("shift %.3f, p %.4f, want %.3f and %.4f", c.Shift, c.P, 314.0/15, want)
	}
}

// skewed returns pairs of times as a busy machine gives them: a common drift, a
// long tail, and the second slower by shift.
func skewed(rng *rand.Rand, n int, shift float64) (a, b []float64) {
	for i := range n {
		drift := 10 + math.Sin(float64(i)/9)
		a = append(a, drift+math.Exp(rng.NormFloat64()))
		b = append(b, drift+math.Exp(rng.NormFloat64())+shift)
	}
	return a, b
}

// TestStatisticKeepsItsLevel: of times that are alike one in twenty has p below
// 0.05, and few of those that differ escape.
func TestStatisticKeepsItsLevel(t *testing.T) {
	const runs = 1000
	rng := rand.New(rand.NewPCG(3, 4))
	below := func(shift float64) (n int) {
		for range runs {
			a, b := skewed(rng, 30, shift)
			if compare(a, b, 0.5, 199, rng).P <= 0.05 {
				n++
			}
		}
		return n
	}
	if n := below(0); n < 25 || n > 80 {
		t.Errorf("%d of %d are called different though alike", n, runs)
	}
	if n := below(1); n < 950 {
		t.Errorf("only %d of %d are called different", n, runs)
	}
}
