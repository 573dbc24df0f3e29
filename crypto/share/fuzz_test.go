package share

import (
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
)

// taken is a handout with what its signature covers.
type taken struct {
	*Handout
	signature []byte
}

// FuzzParse: shares have one spelling.
func FuzzParse(f *testing.F) {
	p := partytest.New(f, day, 2)
	whole := sample(p).text() + signatureLine(make([]byte, 64))
	f.Add(whole)
	for _, spelling := range fuzztest.Respell(whole) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000) + "signature \n")
	f.Add(strings.Replace(whole, "\nitem ", "\nitem 0", 1))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 12}
	take := func(whole string) (t taken, err error) {
		t.Handout, _, t.signature, err = parse(whole)
		return t, err
	}
	f.Fuzz(func(t *testing.T, whole string) {
		fuzztest.Canonical(t, bound, whole, take, func(h taken) string {
			return h.text() + signatureLine(h.signature)
		})
	})
}

// FuzzOpen: whatever is done to a file of shares, it is the one that was sealed,
// or none.
func FuzzOpen(f *testing.F) {
	p := partytest.New(f, day, 2)
	file := seal(f, p, sample(p))
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(30), uint16(4), []byte("-> x"))
	f.Add(uint16(1700), uint16(1), []byte("\x00"))
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 64}
	open := func(file []byte) (*Handout, error) { return open(p, file, partytest.Rosters{p.Roster}, 1) }
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.Edit(file, at, cut, with)
		if h, ok := fuzztest.Parse(t, bound, edited, open); ok && h.text() != sample(p).text() {
			t.Errorf("shares were taken that nobody sealed: %q", edited)
		}
	})
}
