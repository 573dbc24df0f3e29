package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// parsing is what a text of lines may take: of a line with a recipient, 2 KB,
// the recipient; of one with a key, 70 bytes, its copies.
var parsing = fuzztest.Bound{Base: 48 << 10, PerByte: 24}

// FuzzParse: a roster has one spelling, and so have its lines.
func FuzzParse(f *testing.F) {
	p := partytest.New(f, day, 2)
	f.Add(p.Roster.Text)
	d := p.Draft(day)
	d.Revoked = []roster.Revocation{{Key: p.Reviewers[0].Line.Key, From: 2}}
	next := partytest.Reviewer(f, 9).Signer
	set, err := p.Trusted.Endorse(roster.RootSet{Threshold: 1, Keys: []sign.Key{next.Key()}}, p.Roots...)
	if err != nil {
		f.Fatal(err)
	}
	d.Roots = append(d.Roots, set)
	r, _, err := d.Roster()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.Text())
	for _, spelling := range fuzztest.Respell(r.Text()) {
		f.Add(spelling)
	}
	f.Add(p.Reviewers[0].Line.Line())
	f.Add(p.Roster.Hash.String())
	f.Add(strings.Repeat("\n", 10_000))
	f.Add(strings.Repeat(" | ", 10_000))
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, parsing, text, roster.Parse, (*roster.Roster).Text)
		fuzztest.Canonical(t, parsing, text, roster.ParseReviewer, roster.Reviewer.Line)
		fuzztest.Canonical(t, fuzztest.Bound{Base: 1 << 10, PerByte: 2}, text, roster.ParseHash, roster.Hash.String)
	})
}

// FuzzParseRecipients: a recipients file has one spelling.
func FuzzParseRecipients(f *testing.F) {
	text := partytest.New(f, day, 2).Recipients[0].Text()
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, parsing, text, roster.ParseRecipients, (*roster.Recipients).Text)
	})
}

// FuzzParseRootSet: a root file has one spelling.
func FuzzParseRootSet(f *testing.F) {
	text := partytest.New(f, day, 1).Trusted.Text()
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, parsing, text, roster.ParseRootSet, roster.RootSet.Text)
	})
}

// FuzzVerify: whatever is done to a signed roster, it is taken as the one that
// the roots signed, or not at all.
func FuzzVerify(f *testing.F) {
	p := partytest.New(f, day, 1)
	note := p.Roster.Note
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(20), uint16(1), []byte("x"))
	f.Add(uint16(len(note)), uint16(0), []byte("— a AAAAAAA=\n"))
	verify := func(msg []byte) (*roster.Signed, error) { return roster.Verify(msg, p.Trusted) }
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		got, ok := fuzztest.Parse(t, parsing, fuzztest.Edit(note, at, cut, with), verify)
		if ok && got.Hash != p.Roster.Hash {
			t.Errorf("a roster was taken that nobody signed: %q", got.Text)
		}
	})
}

// FuzzParseNoteName: a roster has one name.
func FuzzParseNoteName(f *testing.F) {
	for _, name := range []string{
		"3.note", "03.note", "+3.note", "3", "3.note.note", "3.note.part", ".note", "3.NOTE", "18446744073709551615.note",
		"18446744073709551616.note",
	} {
		f.Add(name)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 2}
	f.Fuzz(func(t *testing.T, name string) {
		var sequence uint64
		var ok bool
		bound.Check(t, len(name), func() { sequence, ok = roster.ParseNoteName(name) })
		if ok && fmt.Sprintf("%d.note", sequence) != name {
			t.Errorf("%q is read as %d", name, sequence)
		}
		if got, ok := roster.ParseNoteName(roster.NoteName(sequence)); !ok || got != sequence {
			t.Errorf("roster %d has no name", sequence)
		}
	})
}
