package courier

import (
	"encoding/binary"
	"testing"

	"saksi/crypto/pass"
)

func stamp(n int, at int64) (s pass.Stamp) {
	binary.BigEndian.PutUint64(s.Nonce[:], uint64(n))
	s.Time = at
	return s
}

// TestNoncesStayBounded: a courier who sends without end fills his own part and
// no more, and nothing of his is ever taken twice.
func TestNoncesStayBounded(t *testing.T) {
	var n nonces
	his, hers := [32]byte{1}, [32]byte{2}
	const now, oldest = 10_000, 10_000 - 600
	if !n.take(hers, stamp(0, now), oldest) {
		t.Fatal("the first request was refused")
	}
	const many = 5 * maxNonces
	at := func(i int) int64 { return oldest + int64(i)/10 }
	for i := range many {
		if !n.take(his, stamp(i, at(i)), oldest) {
			t.Fatalf("request %d was refused", i)
		}
		if held := len(n.of[his].seen); held > maxNonces {
			t.Fatalf("%d nonces are held", held)
		}
	}
	for i := range many {
		if n.take(his, stamp(i, at(i)), oldest) {
			t.Fatalf("request %d was taken twice", i)
		}
	}
	if n.take(hers, stamp(0, now), oldest) {
		t.Error("another courier's request was forgotten")
	}
	if !n.take(his, stamp(many, at(many)), oldest) {
		t.Error("a new request was refused")
	}
}

// TestNoncesAreForgottenWithTheirTime: what is too old to be taken need not be
// remembered.
func TestNoncesAreForgottenWithTheirTime(t *testing.T) {
	var n nonces
	for key := range byte(100) {
		for i := range 10 {
			n.take([32]byte{key}, stamp(i, 1000+int64(i)), 900)
		}
	}
	n.take([32]byte{0}, stamp(10, 1500), 1005)
	if held := len(n.of[[32]byte{0}].seen); held != 6 {
		t.Errorf("%d nonces are held, want those of 1005 to 1009 and one", held)
	}
	n.take([32]byte{200}, stamp(0, 5000), 4400)
	if len(n.of) != 1 {
		t.Errorf("%d couriers are remembered, want 1", len(n.of))
	}
}
