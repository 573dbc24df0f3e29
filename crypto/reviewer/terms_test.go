package reviewer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/week"
)

// TestWeeksFileOpensForItsKeysAlone: the weeks file comes back from the disk
// whole, for the keys that sealed it, and for no others.
func TestWeeksFileOpensForItsKeysAlone(t *testing.T) {
	k, other := generate(t), generate(t)
	k.Rehearsed = first
	sealed, err := k.SealWeeks()
	if err != nil {
		t.Fatal(err)
	}
	bare, err := ParseFile(strings.NewReader(k.File()))
	if err != nil || len(bare.Terms) != 0 {
		t.Fatalf("the key file has %d terms, %v", len(bare.Terms), err)
	}
	read, err := bare.OpenWeeks(sealed)
	if err != nil || read.WeeksFile() != k.WeeksFile() || read.Rehearsed != first {
		t.Errorf("the weeks file does not come back: %v", err)
	}
	if _, err := other.OpenWeeks(sealed); !errors.Is(err, hybrid.ErrNoMatch) {
		t.Errorf("with other keys: %v, want ErrNoMatch", err)
	}
	for n := range sealed {
		if _, err := bare.OpenWeeks(sealed[:n]); err == nil {
			t.Fatalf("cut after %d of %d bytes: taken", n, len(sealed))
		}
	}
}

// TestWeeksFileMustBeWhole: no term loses its weeks or its identity in silence.
func TestWeeksFileMustBeWhole(t *testing.T) {
	k := generate(t)
	k.Rehearsed = first
	file := k.WeeksFile()
	one, two := k.Terms[0].Identity.String(), k.Terms[1].Identity.String()
	for name, changed := range map[string]string{
		"empty":               "",
		"no title":            strings.Replace(file, weeksTitle, "# weeks", 1),
		"a term without it":   strings.Replace(file, two, "", 1),
		"no weeks before it":  strings.Replace(file, termComment, "# ", 1),
		"two after one":       strings.Replace(file, one, one+"\n"+two, 1),
		"one identity twice":  strings.Replace(file, two, one, 1),
		"a damaged identity":  strings.Replace(file, two, two[:70]+"QQQQQQQ", 1),
		"weeks the other way": strings.Replace(file, "W52 2026-W52", "W52 2026-W51", 1),
		"overlapping":         strings.Replace(file, "W52 2026-W52", "W52 2026-W53", 1),
		"no such week":        strings.Replace(file, "rehearsed 2026-W52", "rehearsed 2026-W99", 1),
	} {
		_, _, err := ParseWeeks(strings.NewReader(changed))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		for _, secret := range []string{one, two} {
			if strings.Contains(err.Error(), secret[20:40]) {
				t.Errorf("%s: the error repeats a secret", name)
			}
		}
	}
}

// TestTermsHaveOneUse: neither keys nor a card take an identity twice.
func TestTermsHaveOneUse(t *testing.T) {
	k := generate(t)
	desk, err := k.Desk()
	if err != nil {
		t.Fatal(err)
	}
	later := first.Add(9)
	for name, id := range map[string]*hybrid.Identity{
		"direct": k.Direct, "weeks": k.Weeks(), "desk": desk, "another term": k.Terms[0].Identity,
	} {
		if _, err := k.WithTerms(Term{later, later, id}); err == nil {
			t.Errorf("the identity of %s was taken for slots", name)
		}
	}
	double := *k
	double.Terms = []Term{k.Terms[0], {later, later, k.Terms[0].Identity}}
	direct := *k
	direct.Terms = []Term{{later, later, k.Direct}}
	for name, k := range map[string]*Keys{"one recipient twice": &double, "the direct recipient": &direct} {
		if _, err := ParseCard(k.Card().Text()); err == nil {
			t.Errorf("a card with %s was taken", name)
		}
	}
}

func TestTermsComeAndGo(t *testing.T) {
	k := generate(t)
	more, err := Weekly(first.Add(-3), 2)
	if err != nil {
		t.Fatal(err)
	}
	k, err = k.WithTerms(more...)
	if err != nil {
		t.Fatal(err)
	}
	weeks := func(terms []Term) (list []string) {
		for _, term := range terms {
			list = append(list, term.From.String())
		}
		return list
	}
	if got := weeks(k.Terms); !slices.Equal(got, []string{"2026-W49", "2026-W50", "2026-W52", "2026-W53"}) {
		t.Errorf("terms are %v", got)
	}
	if _, ok := k.Term(first.Add(-1)); ok {
		t.Error("a week between two terms has one")
	}
	if _, err := k.WithTerms(more[0]); err == nil {
		t.Error("a term was taken twice")
	}
	fewer, gone := k.WithoutTerms(first)
	if !slices.Equal(weeks(gone), []string{"2026-W49", "2026-W50"}) || len(fewer.Terms) != 2 || len(k.Terms) != 4 {
		t.Errorf("gone are %v, left %v", weeks(gone), weeks(fewer.Terms))
	}
	if ids := fewer.SlotIdentities(); len(ids) != 2 || ids[1].String() != k.Terms[3].Identity.String() {
		t.Error("the identities are not those of the terms, in their order")
	}
}

// TestOneTermOfManyWeeksStaysUntilItsLast: what is needed in any of its weeks is
// not destroyed.
func TestOneTermOfManyWeeksStaysUntilItsLast(t *testing.T) {
	long, err := NewTerm(first, first.Add(5))
	if err != nil {
		t.Fatal(err)
	}
	k, err := Generate("r1", "00", "LBH Contoh", "Penelaah Satu", []Term{long})
	if err != nil {
		t.Fatal(err)
	}
	if _, gone := k.WithoutTerms(first.Add(5)); len(gone) != 0 {
		t.Error("a term went in its last week")
	}
	if _, gone := k.WithoutTerms(first.Add(6)); len(gone) != 1 {
		t.Error("a term stayed after its last week")
	}
}

// TestCardIsBounded: of more terms than a card takes, it has the last; and no
// card has none, or one too many.
func TestCardIsBounded(t *testing.T) {
	terms, err := Weekly(first, MaxTerms+1)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Generate("r1", "00", "LBH Contoh", "Penelaah Satu", terms)
	if err != nil {
		t.Fatal(err)
	}
	card, err := ParseCard(k.Card().Text())
	if err != nil || len(card.Terms) != MaxTerms || card.Terms[0].From != terms[1].From {
		t.Fatalf("%d terms, %v", len(card.Terms), err)
	}
	over := card
	over.Terms = append([]PublicTerm{{first, first, terms[0].Identity.Recipient()}}, card.Terms...)
	if _, err := ParseCard(over.Text()); err == nil {
		t.Error("a card with too many terms was taken")
	}
	card.Terms = nil
	if _, err := ParseCard(card.Text()); err == nil {
		t.Error("a card without terms was taken")
	}
}

// TestACardHasTheWeeksThatComeFirst from a week on, where there are more than it takes;
// of fewer from then on it has as many as it takes.
func TestACardHasTheWeeksThatComeFirst(t *testing.T) {
	terms, err := Weekly(first, MaxTerms+20)
	if err != nil {
		t.Fatal(err)
	}
	k, err := Generate("r1", "00", "LBH Contoh", "Penelaah Satu", terms)
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[int]int{-5: 0, 0: 0, 7: 7, 20: 20, 21: 20, MaxTerms: 20, 2 * MaxTerms: 20} {
		card, err := ParseCard(k.CardFrom(first.Add(from)).Text())
		if err != nil || len(card.Terms) != MaxTerms || card.Terms[0].From != first.Add(want) {
			t.Errorf("from week %d on: %d terms, %v", from, len(card.Terms), err)
		}
	}
	k.Terms = k.Terms[:3]
	if card := k.CardFrom(first.Add(2)); len(card.Terms) != 3 {
		t.Errorf("of three terms a card has %d", len(card.Terms))
	}
}

// TestWeeklyEndsSomewhere: a slip of the finger makes no endless file.
func TestWeeklyEndsSomewhere(t *testing.T) {
	terms, err := Weekly(week.Week{Year: 2026, Number: 1}, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Generate("r1", "00", "LBH Contoh", "Penelaah Satu", terms); err == nil {
		t.Errorf("%d terms were taken", len(terms))
	}
}
