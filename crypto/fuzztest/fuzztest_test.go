package fuzztest

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

// A recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// TestAnnouncedLengthIsCaught: a parser that makes room for as many bytes as
// its input announces takes more than the bound, and one that does not, does
// not.
func TestAnnouncedLengthIsCaught(t *testing.T) {
	var kept []byte
	input := binary.BigEndian.AppendUint32(nil, 1<<20)
	believing := func() { kept = make([]byte, binary.BigEndian.Uint32(input)) }
	careful := func() { kept = make([]byte, min(binary.BigEndian.Uint32(input), 4)) }
	bound := Bound{Base: 64 << 10, PerByte: 16}
	for name, test := range map[string]struct {
		parse func()
		want  bool
	}{"believing": {believing, true}, "careful": {careful, false}} {
		r := &recorder{TB: t}
		bound.Check(r, len(input), test.parse)
		if r.failed != test.want {
			t.Errorf("%s: caught is %v, want %v", name, r.failed, test.want)
		}
	}
	_ = kept
}

// TestSmallObjectsAreCaught: many small objects count as one large one does.
func TestSmallObjectsAreCaught(t *testing.T) {
	var kept [][]byte
	r := &recorder{TB: t}
	Bound{Base: 64 << 10}.Check(r, 0, func() {
		kept = nil
		for range 10_000 {
			kept = append(kept, make([]byte, 16))
		}
	})
	if !r.failed {
		t.Error("10,000 objects of 16 bytes are within 64 KiB")
	}
}

// TestNeighboursDoNotCount: what another goroutine allocates now and then is
// not held against the parser.
func TestNeighboursDoNotCount(t *testing.T) {
	r := &recorder{TB: t}
	var kept []byte
	runs := 0
	Bound{Base: 64 << 10}.Check(r, 0, func() {
		if runs++; runs < 3 {
			kept = make([]byte, 1<<20)
		}
	})
	if _ = kept; r.failed || runs != 3 {
		t.Errorf("failed is %v after %d runs", r.failed, runs)
	}
}

func TestRefused(t *testing.T) {
	known := errors.New("known")
	for _, test := range []struct {
		err   error
		known []error
		want  bool
	}{
		{errors.New("reading: line 2\nline 3"), nil, false},
		{known, []error{io.EOF, known}, false},
		{known, []error{io.EOF}, true},
		{errors.New("\x1b[2J"), nil, true},
		{errors.New("\u202e"), nil, true},
		{errors.New("\xff"), nil, true},
		{errors.New(strings.Repeat("a", maxRefusal+1)), nil, true},
	} {
		r := &recorder{TB: t}
		if Refused(r, test.err, test.known...); r.failed != test.want {
			t.Errorf("%.20q: failed is %v, want %v", test.err, r.failed, test.want)
		}
	}
}

func TestHides(t *testing.T) {
	const secret = "AGE-SECRET-KEY-PQ-1QQQQQQQQQQQQQQQQQQQQ"
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.New("line 3: damaged AGE-SECRET-KEY-PQ-1 string"), false},
		{errors.New("line 3: " + secret[5:37]), true},
		{errors.New(secret), true},
	} {
		r := &recorder{TB: t}
		if Hides(r, test.err, secret); r.failed != test.want {
			t.Errorf("%v: failed is %v, want %v", test.err, r.failed, test.want)
		}
	}
}

func TestEdit(t *testing.T) {
	for want, got := range map[string][]byte{
		"abXYe": Edit([]byte("abcde"), 2, 2, []byte("XY")),
		"abcde": Edit([]byte("abcde"), 9, 9, nil),
		"X":     Edit([]byte("abcde"), 0, 9, []byte("X")),
		"abX":   Edit([]byte("abcde"), 2, 65535, []byte("X")),
	} {
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRespell(t *testing.T) {
	got := Respell("satu 1 a\ndua\n")
	for _, want := range []string{
		"satu 1 a \ndua\n", "satu 1 a\r\ndua\n", " satu 1 a\ndua\n", "1 a\ndua\n", "satu  1 a\ndua\n",
		"satu 1 a\nsatu 1 a\ndua\n", "satu 01 a\ndua\n", "satu +1 a\ndua\n", "SATU 1 A\ndua\n", "\ndua\n",
		"satu 1 a\ndua \n", "dua\nsatu 1 a\n", "satu 1 a\ndua", "satu 1 a\ndua\n\n",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestMendTar: headers that were changed read as changed, behind a member of
// more than one block too.
func TestMendTar(t *testing.T) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range []string{"satu", "dua"} {
		w.WriteHeader(&tar.Header{Name: name, Size: 600, Mode: 0o600, Format: tar.FormatUSTAR})
		w.Write(make([]byte, 600))
	}
	w.Close()
	b := out.Bytes()
	b[0], b[3*512] = 'S', 'D'
	if _, err := tar.NewReader(bytes.NewReader(b)).Next(); err == nil {
		t.Error("a wrong checksum was taken")
	}
	r := tar.NewReader(bytes.NewReader(MendTar(b)))
	for _, want := range []string{"Satu", "Dua"} {
		header, err := r.Next()
		if err != nil || header.Name != want {
			t.Fatalf("got %v, %v, want %q", header, err, want)
		}
	}
}
