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

// FuzzJoin: of the papers of one sharing enough give the secret, whatever their order;
// with a false one among more than are needed nothing comes out that is not the
// secret, and what is refused repeats nothing of it.
func FuzzJoin(f *testing.F) {
	secret := []byte("AGE-SECRET-KEY-PQ-1QQPQYQQYRQSZAGE-SECRET-KEY-PQ-1QQPQYQQYRQSZ")
	f.Add(secret, uint8(2), uint8(3), []byte{0, 1}, "", []byte(nil))
	f.Add(secret, uint8(2), uint8(3), []byte{2, 2}, "", []byte(nil))
	f.Add(secret, uint8(2), uint8(3), []byte{0, 1, 2}, "share 3 of 3 need 2 set acdefghj", []byte("x"))
	f.Add(secret, uint8(3), uint8(5), []byte{4, 0, 2, 1}, "secret", secret)
	f.Add(secret, uint8(2), uint8(2), []byte{0, 1}, "share 256 of 257 need 1 set acdefghj", []byte(nil))
	f.Add(secret, uint8(2), uint8(3), []byte{0, 1, 2}, "", bytesOf(len(secret)))
	f.Add([]byte("share 3 of 3 need 2 set acdefghj"), uint8(2), uint8(40), []byte("sha"), "share 3 of 3 need 2 set acdefghj", []byte("x"))
	joining := fuzztest.Bound{Base: 256 << 10, PerByte: 8 << 10}
	f.Fuzz(func(t *testing.T, secret []byte, need, of uint8, order []byte, kind string, data []byte) {
		all, err := Split(secret, int(need), int(of))
		if err != nil || len(order) > 64 || len(secret) > 256 {
			return
		}
		var papers []Paper
		here := map[byte]bool{}
		for _, n := range order {
			papers, here[n%of] = append(papers, all[n%of]), true
		}
		honest := kind == "" && len(data) == 0
		switch {
		case kind != "":
			papers = append(papers, Paper{kind, data})
		case !honest && len(papers) > 0: // it says that it is one of them
			papers[0].Data = data
		}
		var got []byte
		joining.Check(t, len(order)*(len(secret)+16)+len(kind)+len(data), func() { got, err = Join(papers) })
		if err != nil {
			fuzztest.Refused(t, err, ErrTooFew, ErrSets)
			if !bytes.Contains(secret, []byte(" need ")) { // it names the papers, and one may be the secret
				fuzztest.Hides(t, err, string(secret))
			}
		}
		switch {
		case honest && (err == nil) != (len(here) >= int(need)):
			t.Errorf("%d of %d papers: %v", len(here), need, err)
		case err == nil && !bytes.Equal(got, secret) && (len(here) > int(need) || kind != "" && len(order) > 0):
			t.Error("another secret came out")
		}
	})
}
