package receipt

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzParse: a code that was read has the words that a person typed, cut short
// or one slip away, and is read again from its own words; a refusal is one that
// the page can explain.
func FuzzParse(f *testing.F) {
	f.Add(strings.Join(Code{}.Words(), " "))
	f.Add("1. " + strings.Join(Code{1, 2, 3}.Words(), "\n2. "))
	f.Add("satu dua tiga")
	f.Add(strings.Repeat("\u023a ", 10_000)) // longer in lower case
	wordIndex()
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, s string) {
		var r Reading
		var err error
		bound.Check(t, len(s), func() { r, err = Parse(s) })
		if err != nil {
			checkRefusal(t, err)
			return
		}
		for i, word := range split(s) {
			whole := r.Code.Words()[i]
			mended := slices.Contains(r.Mended, i) && oneEdit(word, whole)
			if !mended && (len(word) < prefixLen || !strings.HasPrefix(whole, word)) {
				t.Errorf("%q was read as %q", word, whole)
			}
		}
		again, err := Parse(strings.Join(r.Code.Words(), " "))
		if err != nil || again.Code != r.Code || len(again.Mended) > 0 {
			t.Errorf("a code that was read does not come back: %v", err)
		}
	})
}

// checkRefusal holds that an error is a known one, and repeats no word.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	fuzztest.Refused(t, err)
	var count *CountError
	var word *WordError
	switch {
	case errors.As(err, &count) && count.Found != Words:
	case errors.As(err, &word) && word.Number >= 1 && word.Number <= Words:
		other := &WordError{Number: word.Number, Typed: "x"}
		if err.Error() != other.Error() {
			t.Error("a refusal depends on the word that was typed")
		}
	case errors.Is(err, ErrCheck):
	default:
		t.Errorf("an error that is not documented: %v", err)
	}
}

// FuzzParseField: what stands in hidden fields, paths and files in hexadecimal
// has one spelling.
func FuzzParseField(f *testing.F) {
	f.Add(Code{}.Field())
	f.Add(strings.ToUpper(Code{0xab}.Field()))
	f.Add(ItemID{0xab}.String())
	f.Add(Mailbox{0xab}.String())
	f.Add("00")
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Canonical(t, bound, s, ParseField, Code.Field, ErrField)
		fuzztest.Canonical(t, bound, s, ParseItemID, ItemID.String)
		fuzztest.Canonical(t, bound, s, ParseMailbox, Mailbox.String)
	})
}
