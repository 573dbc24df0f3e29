package parcel

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

func sampleCode() receipt.Code { return receipt.Code{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7} }

func sampleHead(q roster.Quorum, slots int) Head {
	code := sampleCode()
	h := Head{ID: code.ItemID(1), Burn: code.Burn(1).Hash(), Roster: 2, Size: item.PayloadSize(item.Floor)}
	for i := range slots {
		h.Slots = append(h.Slots, bytes.Repeat([]byte{byte(i)}, int(item.SlotSize(q))))
	}
	return h
}

func sampleAnswer() (a Answer) {
	now, later := week.Week{Year: 2026, Number: 47}, week.Week{Year: 2027, Number: 46}
	a.States[0] = State{Stand: Carried, Week: now, Until: later}
	a.States[1] = State{Stand: Deleted, Week: now}
	a.States[2] = State{Stand: Waiting, Week: now, Until: later}
	for i := range a.Entries {
		a.Entries[i] = bytes.Repeat([]byte{byte(i)}, int(reply.SealedSize()))
	}
	return a
}

// FuzzReadHead: a head has one spelling, is read to its last byte and no further,
// and takes no memory for slots that are announced and do not come.
func FuzzReadHead(f *testing.F) {
	for _, q := range []roster.Quorum{{Needed: 1}, {Needed: 2}, {Needed: 2, Outside: 1}} {
		h := sampleHead(q, 3)
		f.Add(h.Append(nil))
		h.Staged = true
		f.Add(append(h.Append(nil), "behind"...))
	}
	f.Add(sampleHead(roster.Quorum{Needed: 1}, 1).Append(nil)[:fixed])
	type read struct {
		head Head
		rest []byte
	}
	bound := fuzztest.Bound{Base: 12 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Canonical(t, bound, b, func(b []byte) (read, error) {
			in := bytes.NewReader(b)
			h, err := ReadHead(in)
			return read{h, b[len(b)-in.Len():]}, err
		}, func(r read) []byte { return slices.Concat(r.head.Append(nil), r.rest) }, ErrMalformed)
	})
}

// FuzzParseRequest: a read request has one spelling and one size.
func FuzzParseRequest(f *testing.F) {
	whole := NewRequest(sampleCode(), 7).Bytes()
	f.Add(whole)
	f.Add(whole[:RequestSize-1])
	f.Add(append(whole[:RequestSize:RequestSize], 0))
	bound := fuzztest.Bound{Base: 8 << 10}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Canonical(t, bound, b, ParseRequest, Request.Bytes, ErrMalformed)
	})
}

// FuzzParseAnswer: a read answer has one spelling and one size. A fuzzer of whole
// answers would change entries, in which nothing is parsed: so this one changes what
// stands before them.
func FuzzParseAnswer(f *testing.F) {
	whole := sampleAnswer().Bytes()
	f.Add(whole[:statesSize], uint8(0))
	f.Add(whole[:statesSize], uint8(1))
	whole[0] = 2
	f.Add(whole[:statesSize], uint8(0))
	bound := fuzztest.Bound{Base: 16 << 10}
	f.Fuzz(func(t *testing.T, states []byte, more uint8) {
		b := append(slices.Clone(states), make([]byte, AnswerSize()-statesSize+int(more))...)
		fuzztest.Canonical(t, bound, b, ParseAnswer, Answer.Bytes, ErrMalformed)
	})
}

// FuzzParseBurn: a burn request has one spelling.
func FuzzParseBurn(f *testing.F) {
	code := sampleCode()
	f.Add(NewBurn(code, 0, 5).Bytes())
	f.Add(BurnAll(code).Bytes())
	f.Add(Burn{Empty: true}.Bytes())
	f.Add(append([]byte(burnLabel), 0, 0))
	f.Add(append([]byte(burnLabel), 128, 1))
	f.Add(append([]byte(burnLabel), 255, 0))
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzztest.Canonical(t, bound, b, ParseBurn, Burn.Bytes, ErrMalformed)
	})
}

// TestABrokenConnectionIsNoMalformedParcel: what the network did is told apart from
// what a sender did.
func TestABrokenConnectionIsNoMalformedParcel(t *testing.T) {
	whole := sampleHead(roster.Quorum{Needed: 1}, 2).Append(nil)
	broken := errors.New("broken")
	for _, n := range []int{0, 1, fixed - 1, fixed, fixed + 1, len(whole) - 1} {
		in := io.MultiReader(bytes.NewReader(whole[:n]), failing{broken})
		if _, err := ReadHead(in); !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
			t.Errorf("broken after %d bytes: %v", n, err)
		}
		_, err := ReadHead(bytes.NewReader(whole[:n]))
		if !errors.Is(err, ErrMalformed) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("ended after %d bytes: %v", n, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
