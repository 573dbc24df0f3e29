package outbox

import (
	"bytes"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
)

// taken is an outbox with what its signature covers.
type taken struct {
	*Outbox
	text      string
	signature []byte
}

// FuzzParse: an outbox has one spelling.
func FuzzParse(f *testing.F) {
	p := partytest.New(f, day, 1)
	file := string(sample(p).Sign(p.Reviewers[0].Signer))
	f.Add(file)
	for _, spelling := range fuzztest.Respell(file) {
		f.Add(spelling)
	}
	f.Add("saksi/v1/outbox\nreviewer r1\nroster 1 " + p.Roster.Hash.String() + "\nnumber 1\nsignature \n")
	f.Add(strings.Repeat("\n", 10_000) + "signature \n")
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 12}
	take := func(file string) (t taken, err error) {
		t.Outbox, t.text, t.signature, err = parse(file)
		return t, err
	}
	f.Fuzz(func(t *testing.T, file string) {
		fuzztest.Canonical(t, bound, file, take, func(o taken) string {
			return o.Outbox.text() + signatureLine(o.signature)
		})
	})
}

// FuzzOpen: whatever is done to an outbox, it is the one that its reviewer
// signed, or none.
func FuzzOpen(f *testing.F) {
	p := partytest.New(f, day, 1)
	file := sample(p).Sign(p.Reviewers[0].Signer)
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(25), uint16(1), []byte("2"))
	f.Add(uint16(16), uint16(12), []byte("reviewer r2\n"))
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 12}
	open := func(file []byte) (*Outbox, error) { return Open(file, partytest.Rosters{p.Roster}) }
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.Edit(file, at, cut, with)
		if _, ok := fuzztest.Parse(t, bound, edited, open); ok && !bytes.Equal(edited, file) {
			t.Errorf("an outbox was taken that nobody signed: %q", edited)
		}
	})
}
