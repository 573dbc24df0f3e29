package receipt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func anyCode(t *rapid.T) Code {
	return Code(rapid.SliceOfN(rapid.Byte(), codeSize, codeSize).Draw(t, "code"))
}

func TestWordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := anyCode(t)
		r, err := Parse(strings.Join(code.Words(), " "))
		if err != nil || r.Code != code || len(r.Mended) > 0 {
			t.Fatalf("%v comes back as %v, %v", code.Words(), r, err)
		}
		back, err := ParseField(code.Field())
		if err != nil || back != code {
			t.Fatalf("field comes back as %v, %v", back, err)
		}
	})
}

// TestForgivingInput writes the same code in the ways people write lists.
func TestForgivingInput(t *testing.T) {
	code := New()
	words := code.Words()
	numbered, short := "", ""
	for i, w := range words {
		numbered += string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)) + ". " + strings.ToUpper(w) + ",\r\n"
		short += w[:prefixLen] + "\t"
	}
	for name, input := range map[string]string{
		"numbered upper case": numbered,
		"hyphens":             strings.Join(words, "-"),
		"four letters":        short,
		"commas":              strings.Join(words, ","),
		"no-break spaces":     "\u00a0" + strings.Join(words, "\u00a0") + "\u200b",
		"digits between":      strings.Join(words, "1"),
	} {
		r, err := Parse(input)
		if err != nil || r.Code != code || len(r.Mended) > 0 {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
}

// TestOneSlipIsMendedOrNamed makes every kind of single slip: the reading is
// either the right code, said to be mended, or an error. Never another code.
func TestOneSlipIsMendedOrNamed(t *testing.T) {
	mended := 0
	letters := "abcdefghijklmnopqrstuvwxyz"
	rapid.Check(t, func(t *rapid.T) {
		code := anyCode(t)
		words := code.Words()
		at := rapid.IntRange(0, Words-1).Draw(t, "word")
		words[at] = slip(t, words[at], letters)
		if _, ok := wordIndex()[words[at]]; ok {
			return // no slip, or it looks like another word cut short: only the check byte can tell
		}
		r, err := Parse(strings.Join(words, " "))
		var wordErr *WordError
		switch {
		case err == nil && r.Code == code:
			mended++
		case errors.As(err, &wordErr):
			if wordErr.Number != at+1 {
				t.Fatalf("word %d was blamed for a slip in word %d", wordErr.Number, at+1)
			}
			if strings.Contains(err.Error(), words[at]) {
				t.Fatal("the error repeats what was typed")
			}
		case errors.As(err, new(*CountError)):
		default:
			t.Fatalf("%q for %v was read as %v, %v", words[at], code.Words(), r, err)
		}
	})
	if mended == 0 {
		t.Error("no slip was mended")
	}
}

func slip(t *rapid.T, w, letters string) string {
	i := rapid.IntRange(0, len(w)-2).Draw(t, "place")
	c := string(letters[rapid.IntRange(0, 25).Draw(t, "letter")])
	switch rapid.SampledFrom([]string{"drop", "add", "change", "swap"}).Draw(t, "slip") {
	case "drop":
		return w[:i] + w[i+1:]
	case "add":
		return w[:i] + c + w[i:]
	case "change":
		return w[:i] + c + w[i+1:]
	default:
		return w[:i] + w[i+1:i+2] + w[i:i+1] + w[i+2:]
	}
}

func TestParseErrors(t *testing.T) {
	words := New().Words()
	var count *CountError
	if _, err := Parse(strings.Join(words[:3], " ")); !errors.As(err, &count) || count.Found != 3 {
		t.Errorf("three words: %v", err)
	}
	if _, err := Parse(""); !errors.As(err, &count) || count.Found != 0 {
		t.Errorf("nothing: %v", err)
	}
	if _, err := Parse(strings.Repeat("kata ", 1e6)); !errors.As(err, &count) {
		t.Errorf("a book: %v", err)
	}
	var word *WordError
	unknown := slices.Clone(words)
	unknown[6] = "xyzzyx"
	if _, err := Parse(strings.Join(unknown, " ")); !errors.As(err, &word) || word.Number != 7 || word.Typed != "xyzzyx" {
		t.Errorf("unknown word: %v", err)
	}
	wrong := 0
	for range 512 {
		w := New().Words()
		w[0], w[1] = w[1], w[0]
		if _, err := Parse(strings.Join(w, " ")); errors.Is(err, ErrCheck) {
			wrong++
		}
	}
	if wrong < 490 {
		t.Errorf("only %d of 512 swapped words were noticed; one in 256 may pass", wrong)
	}
}

func TestDerivedValuesAreDistinct(t *testing.T) {
	code := New()
	seen := map[string]string{}
	add := func(name, value string) {
		if other, ok := seen[value]; ok {
			t.Errorf("%s and %s are the same", name, other)
		}
		seen[value] = name
	}
	for n := range MaxItems {
		burn := code.Burn(n)
		add("item", code.ItemID(n).String())
		add("burn", string(burn[:]))
		hash := burn.Hash()
		add("burn hash", string(hash[:]))
	}
	keys := code.Keys()
	add("token", string(keys.Token[:]))
	add("author", string(keys.Author.Seed()))
	add("reply", keys.Reply.String())
	add("mailbox", keys.Mailbox().String())
}

func TestItemNumbersAreBounded(t *testing.T) {
	for _, n := range []int{-1, MaxItems} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("item %d was derived", n)
				}
			}()
			New().ItemID(n)
		}()
	}
}

func BenchmarkKeys(b *testing.B) {
	code := New()
	keys := code.Keys()
	for b.Loop() {
		if code.Keys().Token != keys.Token {
			b.Fatal("another token")
		}
	}
}

func BenchmarkParseMended(b *testing.B) {
	code := Code{1, 2, 3}
	words := code.Words()
	words[11] = words[11][1:]
	input := strings.Join(words, " ")
	for b.Loop() {
		if r, err := Parse(input); err != nil || r.Code != code {
			b.Fatal(r, err)
		}
	}
}

// TestItemIDsAtOnce: all ids of a code at once are those that it gives one by one.
func TestItemIDsAtOnce(t *testing.T) {
	code := New()
	for n, id := range code.ItemIDs() {
		if id != code.ItemID(n) {
			t.Errorf("item %d has two ids", n)
		}
	}
}
