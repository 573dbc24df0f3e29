package shamir

import (
	"bytes"
	"slices"
	"testing"

	"saksi/crypto/fuzztest"
)

// fit reports whether numbers of shares are distinct, and none is 0.
func fit(xs []byte) bool {
	sorted := slices.Sorted(slices.Values(xs))
	return len(xs) > 0 && sorted[0] != 0 && len(slices.Compact(sorted)) == len(xs)
}

// FuzzCombine takes shares of any numbers and contents: those that fit combine to
// what the slow field says, with one point more on the same polynomials too, and
// all others are refused without a byte of them.
func FuzzCombine(f *testing.F) {
	f.Add([]byte{1, 2, 3}, []byte("saksi mata dua orang."))
	f.Add([]byte{255, 1}, []byte{0, 0xff})
	f.Add([]byte{1}, []byte("a"))
	f.Add([]byte{1, 1}, []byte("ab"))
	f.Add([]byte{0, 1}, []byte("ab"))
	f.Add([]byte{1, 2, 3}, []byte("ab"))
	f.Add([]byte{}, []byte("ab"))
	f.Fuzz(func(t *testing.T, xs, ys []byte) {
		xs = xs[:min(len(xs), 300)]
		shares := make([]Share, len(xs))
		for i, x := range xs {
			shares[i] = Share{x, ys[len(ys)*i/len(xs) : len(ys)*(i+1)/len(xs)]}
		}
		secret, ok := fuzztest.Parse(t, fuzztest.Bound{Base: 4 << 10, PerByte: 2}, ys,
			func([]byte) ([]byte, error) { return Combine(shares) })
		equal := !slices.ContainsFunc(shares, func(s Share) bool { return len(s.Y) != len(shares[0].Y) })
		if want := fit(xs) && equal && len(ys) >= len(xs); ok != want {
			t.Fatalf("shares %v of %d bytes: taken is %v", xs, len(ys), ok)
		}
		if !ok || len(xs)*len(ys) > 4<<10 {
			return // the slow field takes its time
		}
		if !bytes.Equal(secret, slowCombine(shares)) {
			t.Error("another secret by hand")
		}
	})
}

// FuzzSplit shares any secret among any numbers: the first k shares, the last k,
// and all of them give it back.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("AGE-SECRET-KEY-PQ-1"), 2, []byte{1, 2, 3})
	f.Add([]byte{0}, 1, []byte{255})
	f.Add([]byte("a"), 3, []byte{1, 2})
	f.Add([]byte("a"), 2, []byte{1, 2, 1})
	f.Add([]byte{}, 1, []byte{1})
	f.Fuzz(func(t *testing.T, secret []byte, k int, xs []byte) {
		xs = xs[:min(len(xs), 300)]
		bound := fuzztest.Bound{Base: 32 << 10, PerByte: 2 * (len(xs) + max(0, min(k, len(xs))))}
		shares, ok := fuzztest.Parse(t, bound, secret, func(s []byte) ([]Share, error) { return Split(s, k, xs) })
		if want := fit(xs) && len(secret) > 0 && k >= 1 && k <= len(xs); ok != want {
			t.Fatalf("%d of %v, %d bytes: taken is %v", k, xs, len(secret), ok)
		}
		if !ok {
			return
		}
		for _, some := range [][]Share{shares[:k], shares[len(shares)-k:], shares} {
			if got, err := Combine(some); err != nil || !bytes.Equal(got, secret) {
				t.Errorf("%d of %d shares: %v", len(some), len(xs), err)
			}
		}
	})
}
