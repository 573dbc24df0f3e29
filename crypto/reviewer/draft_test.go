package reviewer

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// The draft's first day is a Monday, so that its weeks are whole: 2026-W53 to
// 2027-W12, and one more on both sides.
var firstDay = time.Date(2026, time.December, 28, 23, 0, 0, 0, time.UTC)

func newDraft(t testing.TB, cards ...Card) Draft {
	t.Helper()
	root, err := sign.Generate("akar")
	if err != nil {
		t.Fatal(err)
	}
	server, err := sign.Generate("uji.saksi")
	if err != nil {
		t.Fatal(err)
	}
	return Draft{
		Origin: "uji.saksi", Roots: []roster.RootSet{{Threshold: 1, Keys: []sign.Key{root.Key()}}},
		Server: server.Key(), Cards: cards, From: firstDay,
	}
}

// card makes the card of the n-th reviewer: terms of so many weeks each.
func card(t testing.TB, n int, from week.Week, terms, weeks int) Card {
	t.Helper()
	var list []Term
	for i := range terms {
		term, err := NewTerm(from.Add(i*weeks), from.Add((i+1)*weeks-1))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, term)
	}
	k, err := Generate(fmt.Sprintf("r%d", n), "73.71", "LBH Contoh", fmt.Sprintf("Penelaah %d", n), list)
	if err != nil {
		t.Fatal(err)
	}
	return k.Card()
}

// TestDraftSpansItsWeeks: on each day of a roster, and one before and after it,
// there are the recipients that the cards have for this week.
func TestDraftSpansItsWeeks(t *testing.T) {
	weekly, long := card(t, 1, first, 15, 1), card(t, 2, first.Add(-9), 1, 90)
	r, files, err := newDraft(t, weekly, long).Roster()
	if err != nil {
		t.Fatal(err)
	}
	if days := r.Until.Sub(r.From).Hours() / 24; days != 90 {
		t.Errorf("the roster is valid for %v days, want 91 with the last", days+1)
	}
	if len(files) != 15 {
		t.Errorf("%d recipients files, want one a week", len(files))
	}
	texts := map[roster.Hash]string{}
	for _, f := range files {
		texts[f.Hash()] = f.Text()
	}
	signed := roster.Signed{Roster: *r}
	for day := r.From.AddDate(0, 0, -1); !day.After(r.Until.AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
		circle, err := signed.CircleAt(day, texts)
		if err != nil {
			t.Errorf("%v: %v", day, err)
			continue
		}
		if w := week.Of(day); circle.Keys[0].String() != weekly.in(w).String() || circle.Keys[1] == circle.Keys[0] {
			t.Errorf("%v is sealed to other recipients than the cards have", day)
		}
	}
}

// TestNeighbouringWeeksShareAFile: long terms keep a roster small.
func TestNeighbouringWeeksShareAFile(t *testing.T) {
	for _, test := range []struct{ weeks, terms, files int }{{90, 1, 1}, {5, 3, 3}, {4, 4, 4}, {1, 15, 15}} {
		r, files, err := newDraft(t, card(t, 1, first, test.terms, test.weeks), card(t, 2, first, 1, 15)).Roster()
		if err != nil || len(files) != test.files || len(r.Recipients) != test.files {
			t.Errorf("terms of %d weeks: %d files, %v", test.weeks, len(files), err)
			continue
		}
		if last := files[test.files-1]; files[0].From != first || last.To != first.Add(14) {
			t.Errorf("terms of %d weeks: %s to %s", test.weeks, files[0].From, last.To)
		}
	}
}

// TestDraftNamesWhoMissesAWeek: no week is left without recipients, and none is
// sealed to another week's. The error says whose card is short, and where.
func TestDraftNamesWhoMissesAWeek(t *testing.T) {
	whole := card(t, 1, first, 15, 1)
	gap := card(t, 2, first, 15, 1)
	gap.Terms = append(gap.Terms[:6:6], gap.Terms[7:]...)
	for name, test := range map[string]struct {
		card Card
		want string
	}{
		"begins late": {card(t, 2, first.Add(1), 15, 1), `"r2" has no recipient for week 2026-W52`},
		"ends early":  {card(t, 2, first, 14, 1), `"r2" has no recipient for week 2027-W13`},
		"has a hole":  {gap, `"r2" has no recipient for week 2027-W05`},
	} {
		_, _, err := newDraft(t, whole, test.card).Roster()
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), `"r1"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := newDraft(t).Roster(); err == nil {
		t.Error("a roster without reviewers was drafted")
	}
}

// TestRosterStaysReadable: twenty reviewers with a recipient each week. The
// roster is shown on a page; the files go to the server once, and lie in each
// bundle.
func TestRosterStaysReadable(t *testing.T) {
	var cards []Card
	for n := range 20 {
		cards = append(cards, card(t, n+1, first, 15, 1))
	}
	r, files, err := newDraft(t, cards...).Roster()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, f := range files {
		total += len(f.Text())
	}
	if n, lines := len(r.Text()), strings.Count(r.Text(), "\n"); n > 50_000 || lines > 50 || total > 600_000 {
		t.Errorf("the roster has %d bytes in %d lines, its files %d bytes", n, lines, total)
	}
}
