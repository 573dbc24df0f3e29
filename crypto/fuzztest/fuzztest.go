// Package fuzztest is for fuzzers of parsers: what each checks beside its own
// property. A parser takes no more memory than its fuzzer states, and what it
// refuses it refuses in words that a person can read.
package fuzztest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// A Bound is the most that a parser may allocate in all, in bytes: Base, and
// PerByte for each byte of its input. What was freed meanwhile counts too, so
// that what is held at any moment is less.
type Bound struct{ Base, PerByte int }

// Check runs parse on an input of that size, and fails the test when it
// allocates more. It may run parse several times.
//
// The quick measurement counts small objects by the span, sometimes too late;
// and other goroutines allocate as well. One above the bound is therefore
// repeated exactly, and the lowest counts.
func (b Bound) Check(t testing.TB, input int, parse func()) {
	t.Helper()
	limit := uint64(b.Base + b.PerByte*input)
	lowest := measure(quick, parse)
	for range 4 {
		if lowest <= limit {
			return
		}
		lowest = min(lowest, measure(exact, parse))
	}
	if lowest > limit {
		t.Errorf("parsing %d bytes allocated %d bytes, at most %d", input, lowest, limit)
	}
}

func measure(allocated func() uint64, parse func()) uint64 {
	before := allocated()
	parse()
	return allocated() - before
}

// quick takes 0.2 µs.
func quick() uint64 {
	sample := [1]metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample[:])
	return sample[0].Value.Uint64()
}

// exact takes 30 µs: it stops the program.
func exact() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.TotalAlloc
}

// maxRefusal bounds the text of an error: a line or two of a terminal, not the
// input once more.
const maxRefusal = 1000

// Refused holds that an error is fit to be shown: short, and without characters
// that a terminal obeys. If errors are given, it must be one of them.
func Refused(t testing.TB, err error, known ...error) {
	t.Helper()
	text := err.Error()
	if len(text) > maxRefusal {
		t.Errorf("an error has %d bytes: %.80q...", len(text), text)
	}
	odd := func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }
	if strings.IndexFunc(text, odd) >= 0 || strings.ToValidUTF8(text, "") != text {
		t.Errorf("an error is not fit for a terminal: %q", text)
	}
	for _, one := range known {
		if errors.Is(err, one) {
			return
		}
	}
	if len(known) > 0 {
		t.Errorf("an error that is not documented: %v", err)
	}
}

// Hides holds that an error, or nil, repeats nothing of a secret that is longer
// than a name, or the words for its kind.
func Hides(t testing.TB, err error, secret string) {
	t.Helper()
	const long = 32
	for i := 0; err != nil && i+long <= len(secret); i++ {
		if strings.Contains(err.Error(), secret[i:i+long]) {
			t.Errorf("an error repeats a secret: %v", err)
			return
		}
	}
}

// Edit puts with in the place of cut bytes of b. A fuzzer that mends signatures
// or keys takes an edit as its input, not the edited bytes, because each of its
// processes has keys of its own.
func Edit(b []byte, at, cut uint16, with []byte) []byte {
	from := min(int(at), len(b))
	to := min(from+int(cut), len(b))
	return bytes.Join([][]byte{b[:from], with, b[to:]}, nil)
}

// Respell returns texts that differ from a text of lines as second spellings do:
// by white space, leading zeros and signs, case, a word or a line too few or too
// many, lines in another order. They are seeds: a mutator hardly finds them.
func Respell(text string) (spellings []string) {
	lines := slices.Collect(strings.Lines(text))
	number := regexp.MustCompile(`\b[0-9]+\b`)
	for i, line := range lines {
		body := strings.TrimSuffix(line, "\n")
		_, rest, _ := strings.Cut(body, " ")
		for _, other := range []string{
			body + " ", body + "\r", " " + body, rest, strings.Replace(body, " ", "  ", 1), body + "\n" + body,
			number.ReplaceAllString(body, "0$0"), number.ReplaceAllString(body, "+$0"), strings.ToUpper(body), "",
		} {
			spellings = append(spellings, strings.Join(slices.Concat(lines[:i], []string{other + "\n"}, lines[i+1:]), ""))
		}
		if i > 0 {
			swapped := slices.Concat(lines[:i-1], []string{body + "\n", lines[i-1]}, lines[i+1:])
			spellings = append(spellings, strings.Join(swapped, ""))
		}
	}
	return append(spellings, strings.TrimSuffix(text, "\n"), text+"\n")
}

// MendTar returns b with the right checksum in each header of a tar, so that a
// header that was changed reaches what is behind the checksum.
func MendTar(b []byte) []byte {
	const block = 512
	b = bytes.Clone(b)
	for at := 0; at+block <= len(b); {
		header := b[at : at+block]
		if len(bytes.Trim(header, "\x00")) == 0 {
			return b
		}
		copy(header[148:156], "        ")
		sum := 0
		for _, c := range header {
			sum += int(c)
		}
		copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
		size, err := strconv.ParseInt(strings.Trim(string(header[124:136]), " \x00"), 8, 32)
		if err != nil || size < 0 {
			return b
		}
		at += block + int(size+block-1)/block*block
	}
	return b
}

// Parse runs a parser within its bound. A refusal must be fit to be shown, and
// one of the known errors if any are given; then ok is false.
func Parse[I ~string | ~[]byte, T any](
	t testing.TB, b Bound, input I, parse func(I) (T, error), known ...error,
) (value T, ok bool) {
	t.Helper()
	var err error
	b.Check(t, len(input), func() { value, err = parse(input) })
	if err != nil {
		Refused(t, err, known...)
	}
	return value, err == nil
}

// Canonical runs a parser within its bound, and holds that it takes nothing but
// what format writes: each value has one spelling.
func Canonical[I ~string | ~[]byte, T any](
	t testing.TB, b Bound, input I, parse func(I) (T, error), format func(T) I, known ...error,
) {
	t.Helper()
	if value, ok := Parse(t, b, input, parse, known...); ok && string(format(value)) != string(input) {
		t.Error("a second spelling was taken")
	}
}
