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
	f.Add(strings.Replace(k.File(), weeksComment, directComment, 1))
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

// FuzzParseWeeks: a weeks file that was read, written again, has the same terms,
// in order and apart; and a refusal says nothing of the secrets.
func FuzzParseWeeks(f *testing.F) {
	k := generate(f)
	f.Add(k.WeeksFile())
	k.Rehearsed = k.Terms[0].From
	f.Add(k.WeeksFile())
	f.Add(strings.ReplaceAll(k.WeeksFile(), "\n", "\r\n"))
	f.Add(strings.Replace(k.WeeksFile(), k.Terms[1].Identity.String(), k.Terms[0].Identity.String(), 1))
	f.Add(strings.Repeat(termComment+"2026-W47 2026-W47\n", 1000))
	// As with a key file: one identity a line at most.
	bound := fuzztest.Bound{Base: 96 << 10, PerByte: 256}
	parse := func(text string) (*Keys, error) {
		read := *k
		var err error
		read.Terms, read.Rehearsed, err = ParseWeeks(strings.NewReader(text))
		return &read, err
	}
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := fuzztest.Parse(t, bound, text, parse)
		if !ok {
			_, err := parse(text)
			hidesSecrets(t, err, text)
			return
		}
		again, err := parse(read.WeeksFile())
		if err != nil || again.WeeksFile() != read.WeeksFile() {
			t.Errorf("a weeks file that was read does not come back: %v", err)
		}
		for i, term := range read.Terms {
			if term.To.Before(term.From) || i > 0 && !read.Terms[i-1].To.Before(term.From) {
				t.Errorf("terms out of order were taken: %s %s", term.From, term.To)
			}
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
