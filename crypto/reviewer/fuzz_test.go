package reviewer

import (
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
)

// FuzzParseFile: a key file that was read, written again, is the same keys, and
// a refusal says nothing of the secrets.
func FuzzParseFile(f *testing.F) {
	k := generate(f)
	f.Add(k.File())
	f.Add(strings.ReplaceAll(k.File(), "\n", "\r\n"))
	f.Add(strings.Replace(k.File(), slotsComment, directComment, 1))
	// A key pair takes 16 KiB; its line has 78 bytes.
	bound := fuzztest.Bound{Base: 96 << 10, PerByte: 256}
	parse := func(text string) (*Keys, error) { return ParseFile(strings.NewReader(text)) }
	f.Fuzz(func(t *testing.T, text string) {
		k, ok := fuzztest.Parse(t, bound, text, parse)
		if !ok {
			_, err := parse(text)
			hidesSecrets(t, err, text)
			return
		}
		again, err := parse(k.File())
		if err != nil || again.File() != k.File() {
			t.Errorf("a key file that was read does not come back: %v", err)
		}
	})
}

// hidesSecrets holds that a refusal repeats nothing of the lines with secrets.
func hidesSecrets(t *testing.T, err error, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") || strings.HasPrefix(line, signingComment) {
			fuzztest.Hides(t, err, strings.TrimPrefix(line, signingComment))
		}
	}
}

// FuzzParseCard: a card has one spelling.
func FuzzParseCard(f *testing.F) {
	card := generate(f).Card().Text()
	f.Add(card)
	for _, spelling := range fuzztest.Respell(card) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 48 << 10, PerByte: 24}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, bound, text, ParseCard, Card.Text)
	})
}
