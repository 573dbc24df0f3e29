package paper

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// bound: a line of a few letters can have 64 ways to read it.
var bound = fuzztest.Bound{Base: 64 << 10, PerByte: 3 << 10}

// FuzzParse takes any text: what is read, written and read again is the same, and
// what is refused is refused as documented, without a word of it.
func FuzzParse(f *testing.F) {
	for _, size := range []int{1, 19, 20, 21, 77} {
		text := write(f, "secret", bytesOf(size))
		f.Add(text)
		f.Add(strings.ToUpper(text))
		for _, other := range fuzztest.Respell(text) {
			f.Add(other)
		}
	}
	f.Add("paper a\n1 ililil il\n" + strings.Repeat("1 11111111 11\n", 20))
	f.Add("end l 11111i1111111111 11\nend 205 aaaa aaaa aaaa aaaa aa\n205 aa\n\u2028\u2028 a")
	f.Fuzz(func(t *testing.T, text string) {
		p, ok := fuzztest.Parse(t, bound, text, Parse)
		if !ok {
			_, err := Parse(text)
			fuzztest.Hides(t, err, text)
			if !errors.As(err, new(*LinesError)) && !errors.Is(err, ErrSum) && len(text) <= MaxText {
				t.Errorf("an error that is not documented: %v", err)
			}
			return
		}
		reads(t, "written again", write(t, p.Kind, p.Data), p.Kind, p.Data)
	})
}

// FuzzTyping writes any secret and types it in as people do: in capitals, with other
// space, with 0 for o, 8 for b, lines in another order. It reads back. With one
// character more wrong it is refused, or is still the same.
func FuzzTyping(f *testing.F) {
	f.Add([]byte("AGE-SECRET-KEY-PQ-1QQPQYQQYRQSZ"), uint64(1), uint16(70), byte('q'))
	f.Add([]byte{0}, uint64(2), uint16(20), byte(' '))
	f.Add(bytesOf(MaxData), uint64(3), uint16(5000), byte('#'))
	f.Add(bytesOf(100), uint64(4), uint16(0), byte('\n'))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, at uint16, with byte) {
		p := Paper{"secret", data}
		if p.Check() != nil {
			return
		}
		typed := habits(write(t, p.Kind, data), rand.New(rand.NewPCG(seed, 0)))
		if len(typed) > MaxText {
			return
		}
		reads(t, "typed in", typed, p.Kind, data)
		slip := []byte(typed)
		slip[int(at)%len(slip)] = with
		got, ok := fuzztest.Parse(t, bound, string(slip), Parse)
		if ok && (got.Kind != p.Kind || !bytes.Equal(got.Data, data)) {
			t.Error("a slip made another paper")
		}
	})
}

// habits are those of one person at a keyboard.
func habits(text string, r *rand.Rand) string {
	lines := strings.SplitAfter(text, "\n")
	for _, habit := range []func(string) string{
		strings.ToUpper,
		func(s string) string { return strings.ReplaceAll(s, "o", "0") },
		func(s string) string { return strings.ReplaceAll(s, "b", "8") },
		func(s string) string { return strings.ReplaceAll(s, "  ", " \t") },
		func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n\r\n# 2 abcd\n") },
	} {
		for i := range lines {
			if r.IntN(3) == 0 {
				lines[i] = habit(lines[i])
			}
		}
	}
	r.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return strings.Join(lines, "")
}
