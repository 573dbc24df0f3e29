package canary

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
	"saksi/crypto/hybrid"
)

func generate(t testing.TB) *hybrid.Identity {
	t.Helper()
	e, err := hybrid.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func seal(t testing.TB, plain []byte, to *hybrid.Recipient) []byte {
	t.Helper()
	sealed, err := hybrid.SealBytes(plain, to)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestOnlyItsReviewerAnswers: with the key of the week, among those of other weeks.
func TestOnlyItsReviewerAnswers(t *testing.T) {
	e, old, other := generate(t), generate(t), generate(t)
	sealed, hash, err := New(e.Recipient())
	if err != nil || int64(len(sealed)) != SealedSize() {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	got, err := Open(sealed, old, e)
	if err != nil || !got.Fits(hash) {
		t.Errorf("the answer fits: %v, %v", got.Fits(hash), err)
	}
	if _, err := Open(sealed, old, other); !errors.Is(err, ErrClosed) {
		t.Errorf("other keys: %v, want ErrClosed", err)
	}
	if _, err := Open(sealed); !errors.Is(err, ErrClosed) {
		t.Errorf("no key: %v, want ErrClosed", err)
	}
	again, hash2, err := New(e.Recipient())
	if err != nil || hash2 == hash || bytes.Equal(again, sealed) {
		t.Error("two canaries have one word")
	}
	if got.Fits(hash2) || (Answer{}).Fits(hash) {
		t.Error("an answer fits another canary")
	}
}

// TestTheDeskIsNoOracle: whatever else is sealed to the same key is not answered,
// whoever sealed it: a slot, its random bytes, a payload, a word without its label, the
// label with more or less behind it.
func TestTheDeskIsNoOracle(t *testing.T) {
	e := generate(t)
	share := []byte(generate(t).String())
	for name, plain := range map[string][]byte{
		"a slot":                        share,
		"a share of a canary's size":    share[:48],
		"nothing":                       nil,
		"a word without label":          make([]byte, 32),
		"48 zeros":                      make([]byte, 48),
		"another label":                 append([]byte("saksi/v1/canari\n"), make([]byte, 32)...),
		"the label and a byte less":     append([]byte(label), make([]byte, 31)...),
		"the label and a byte more":     append([]byte(label), make([]byte, 33)...),
		"the label alone":               []byte(label),
		"the label in the middle":       append(make([]byte, 32), label...),
		"the label of the answer":       append([]byte(answerLabel), make([]byte, 26)...),
		"the tar of an item":            make([]byte, 65536),
		"an answer as a plaintext":      append([]byte(label[:15]), make([]byte, 33)...),
		"a reply":                       make([]byte, 4096),
		"the label in upper case":       append([]byte("SAKSI/V1/CANARY\n"), make([]byte, 32)...),
		"a canary in another's canary?": seal(t, append([]byte(label), make([]byte, 32)...), e.Recipient()),
	} {
		if a, err := Open(seal(t, plain, e.Recipient()), e); !errors.Is(err, ErrClosed) || a != (Answer{}) {
			t.Errorf("%s: answered %x, %v", name, a, err)
		}
	}
	two, err := hybrid.SealBytes(append([]byte(label), make([]byte, 32)...), e.Recipient(), generate(t).Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(two, e); !errors.Is(err, ErrClosed) {
		t.Errorf("a file to two: %v, want ErrClosed", err)
	}
}

// FuzzOpen: whatever is done to a canary, its answer comes out or none.
func FuzzOpen(f *testing.F) {
	e := generate(f)
	sealed, hash, err := New(e.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(25), uint16(1), []byte("x"))
	f.Add(uint16(len(sealed)-1), uint16(1), []byte{0})
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 8}
	open := func(b []byte) (Answer, error) { return Open(b, e) }
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.Edit(sealed, at, cut, with)
		a, ok := fuzztest.Parse(t, bound, edited, open, ErrClosed)
		if ok && (!a.Fits(hash) || !bytes.Equal(edited, sealed)) {
			t.Error("another file was answered")
		}
	})
}

// FuzzParseMonth: a month has one spelling.
func FuzzParseMonth(f *testing.F) {
	for _, s := range []string{"2026-12", "2026-1", "2026-13", "1999-12", "2026-00", "02026-01", "2026-12 ", ""} {
		f.Add(s)
	}
	bound := fuzztest.Bound{Base: 4 << 10, PerByte: 8}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Canonical(t, bound, s, ParseMonth, func(m Month) string { return string(m) })
	})
}

func TestMonths(t *testing.T) {
	for s, ok := range map[string]bool{
		"2026-12": true, "2000-01": true, "9999-12": true, "2026-1": false, "2026-13": false, "1999-12": false,
		"2026-00": false, "2026-12-01": false, "": false, "2026/12": false,
	} {
		if m, err := ParseMonth(s); (err == nil) != ok || ok && string(m) != s {
			t.Errorf("%q: %q, %v", s, m, err)
		}
	}
	for m, want := range map[Month]Month{"2026-12": "2026-11", "2027-01": "2026-12", "2028-03": "2028-02"} {
		if got := m.Before(); got != want {
			t.Errorf("before %s is %s, want %s", m, got, want)
		}
	}
	jakarta := time.FixedZone("WIB", 7*3600)
	if got := MonthOf(time.Date(2026, time.December, 1, 6, 0, 0, 0, jakarta)); got != "2026-11" {
		t.Errorf("months are in UTC, got %s", got)
	}
}
