package parcel

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/roster"
)

// carried writes a carried file of parcels whose payloads are zeros.
func carried(heads ...Head) []byte {
	var b bytes.Buffer
	_ = BeginCarry(&b)
	for _, h := range heads {
		b.Write(h.Append(nil))
		b.Write(make([]byte, h.Size))
	}
	return b.Bytes()
}

// readCarried reads a whole carried file, and writes it once more.
func readCarried(b []byte) (again []byte, err error) {
	c, err := OpenCarry(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(b) + bytes.MinRead) // what is measured is the reader, not this
	_ = BeginCarry(&out)
	for {
		h, payload, err := c.Next()
		if err == io.EOF {
			return out.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
		out.Write(h.Append(out.AvailableBuffer()))
		if _, err := io.Copy(&out, payload); err != nil {
			return nil, err
		}
	}
}

// FuzzCarried: a carried file has one spelling, and ends where its last parcel does.
func FuzzCarried(f *testing.F) {
	one := sampleHead(roster.Quorum{Needed: 1}, 2)
	whole := carried(one, one)
	f.Add(uint32(0), []byte(nil), false)
	f.Add(uint32(len(carryLabel)), []byte{1}, false)
	f.Add(uint32(len(whole)-1), []byte{1}, true)
	f.Add(uint32(len(whole)/2), []byte(headLabel), true)
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 3}
	f.Fuzz(func(t *testing.T, at uint32, with []byte, cut bool) {
		at %= uint32(len(whole))
		edited := slices.Concat(whole[:at], with)
		if !cut {
			edited = slices.Concat(edited, whole[min(int(at)+len(with), len(whole)):])
		}
		fuzztest.Canonical(t, bound, edited, readCarried, func(b []byte) []byte { return b }, ErrMalformed)
	})
}

// TestACarriedFileIsReadParcelByParcel, also when nobody looks at the payloads.
func TestACarriedFileIsReadParcelByParcel(t *testing.T) {
	a := sampleHead(roster.Quorum{Needed: 1}, 2)
	b := sampleHead(roster.Quorum{Needed: 1}, 3)
	c, err := OpenCarry(bytes.NewReader(carried(a, b)))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Head{a, b} {
		if h, _, err := c.Next(); err != nil || !bytes.Equal(h.Append(nil), want.Append(nil)) {
			t.Errorf("parcel %d: %v", i, err)
		}
	}
	if _, _, err := c.Next(); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
}

// TestWhatIsNoCarriedFileIsRefused.
func TestWhatIsNoCarriedFileIsRefused(t *testing.T) {
	h := sampleHead(roster.Quorum{Needed: 1}, 1)
	staged := h
	staged.Staged = true
	whole := carried(h)
	for what, b := range map[string][]byte{
		"empty": nil, "without a parcel": carried(), "cut": whole[:len(whole)-1], "cut in the head": whole[:60],
		"something behind": append(bytes.Clone(whole), 0), "without payload": staged.Append([]byte(carryLabel)),
		"with the flag": append(staged.Append([]byte(carryLabel)), make([]byte, staged.Size)...),
		"another label": bytes.Replace(whole, []byte("carry"), []byte("carri"), 1),
		"too many":      carried(slices.Repeat([]Head{h}, MaxCarried+1)...),
	} {
		if _, err := readCarried(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
