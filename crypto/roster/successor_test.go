package roster_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/partytest"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// A house is a root set with its keys.
type house struct {
	set  roster.RootSet
	keys []sign.Signer
}

func newHouse(t testing.TB, threshold int, names ...string) (h house) {
	t.Helper()
	h.set.Threshold = threshold
	for _, name := range names {
		s, err := sign.Generate(name)
		if err != nil {
			t.Fatal(err)
		}
		h.keys, h.set.Keys = append(h.keys, s), append(h.set.Keys, s.Key())
	}
	return h
}

func note(t testing.TB, text string, signers ...sign.Signer) []byte {
	t.Helper()
	msg, err := sign.Note(text, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// TestRootsAreSucceededByEnoughOfThem: two of three put others in their place; one
// does not, nor do the new ones themselves, nor the same two for other roots.
func TestRootsAreSucceededByEnoughOfThem(t *testing.T) {
	old, next := newHouse(t, 2, "aji", "icw", "lbh"), newHouse(t, 2, "icw", "lbh", "pers")
	other := newHouse(t, 1, "lain")
	other.set.Keys = append(other.set.Keys, old.set.Keys...)
	text := old.set.Propose(next.set).Text()
	for what, c := range map[string]struct {
		of   house
		msg  []byte
		want error
	}{
		"two of three": {old, note(t, text, old.keys[0], old.keys[2]), nil},
		"one":          {old, note(t, text, old.keys[1]), sign.ErrSignatures},
		"one twice":    {old, note(t, text, old.keys[1], old.keys[1]), sign.ErrSignatures},
		"the new ones": {old, note(t, text, next.keys...), sign.ErrSignatures},
		"other roots":  {other, note(t, text, old.keys...), roster.ErrSuccessor},
	} {
		set, err := c.of.set.Succeed(c.msg)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
		if err == nil && (set.Text() != next.set.Text() || len(set.Endorsed) != 2) {
			t.Errorf("%s: %d endorsements of %q", what, len(set.Endorsed), set.Text())
		}
	}
}

// TestStrangersDoNotEndorse: their lines are not carried into rosters.
func TestStrangersDoNotEndorse(t *testing.T) {
	old, next, strangers := newHouse(t, 1, "aji"), newHouse(t, 1, "icw"), newHouse(t, 1, "x1", "x2", "x3")
	msg := note(t, old.set.Propose(next.set).Text(), append(slices.Clone(strangers.keys), old.keys...)...)
	set, err := old.set.Succeed(msg)
	if err != nil || len(set.Endorsed) != 1 || !strings.HasPrefix(set.Endorsed[0], "aji ") {
		t.Errorf("endorsed %q, %v", set.Endorsed, err)
	}
}

// TestARosterOfSucceededRoots: it verifies by the first set, whose fingerprint stays;
// the new roots sign it, and the one that is gone counts no more.
func TestARosterOfSucceededRoots(t *testing.T) {
	p := partytest.New(t, day, 1)
	old, next := newHouse(t, 2, "aji", "icw", "lbh"), newHouse(t, 2, "icw2", "lbh2", "pers")
	set, err := old.set.Succeed(note(t, old.set.Propose(next.set).Text(), old.keys[1], old.keys[2]))
	if err != nil {
		t.Fatal(err)
	}
	d := p.Draft(day)
	d.Previous, d.Roots = nil, []roster.RootSet{old.set, set}
	r, _, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := roster.Verify(note(t, r.Text(), next.keys[0], next.keys[2]), old.set)
	if err != nil || !slices.Equal(signed.RootSets[0].Fingerprint(), old.set.Fingerprint()) {
		t.Errorf("signed by two new roots: %v", err)
	}
	for what, by := range map[string][]sign.Signer{
		"all old roots": old.keys, "one new, and the lost one": {next.keys[0], old.keys[0]},
	} {
		if _, err := roster.Verify(note(t, r.Text(), by...), old.set); !errors.Is(err, sign.ErrSignatures) {
			t.Errorf("signed by %s: %v, want ErrSignatures", what, err)
		}
	}
}

// FuzzParseSuccessor: a proposal has one spelling.
func FuzzParseSuccessor(f *testing.F) {
	old, next := newHouse(f, 1, "aji"), newHouse(f, 1, "icw", "lbh")
	text := old.set.Propose(next.set).Text()
	f.Add(text)
	for _, spelling := range fuzztest.Respell(text) {
		f.Add(spelling)
	}
	f.Add(strings.Repeat("\n", 10_000))
	bound := fuzztest.Bound{Base: 48 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, text string) {
		fuzztest.Canonical(t, bound, text, roster.ParseSuccessor, roster.Successor.Text)
	})
}
