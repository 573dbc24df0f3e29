package reviewer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/roster"
)

// byHash returns the texts of recipients files as a roster finds them, and has the
// roster pin them.
func byHash(r *roster.Roster, files []*roster.Recipients) map[roster.Hash]string {
	texts := map[roster.Hash]string{}
	for i, f := range files {
		r.Recipients[i].File = f.Hash()
		texts[f.Hash()] = f.Text()
	}
	return texts
}

// TestCompareFindsKeysThatChangedPlaces: with those of a colleague in one week, and with
// those of the same reviewer between two weeks. All keys of the card are in the files.
func TestCompareFindsKeysThatChangedPlaces(t *testing.T) {
	one, two := card(t, 1, first, 15, 1), card(t, 2, first, 15, 1)
	r, files, err := newDraft(t, one, two).Roster()
	if err != nil {
		t.Fatal(err)
	}
	found, err := one.Compare(r, byHash(r, files))
	if err != nil || len(found.Same) != 15 || found.Others != nil || found.Unknown != nil || found.Line.Line() != one.Line.Line() {
		t.Errorf("as it was drafted: %+v, %v", found, err)
	}
	files[3].Keys[0], files[3].Keys[1] = files[3].Keys[1], files[3].Keys[0]
	files[7].Keys[1], files[8].Keys[1] = files[8].Keys[1], files[7].Keys[1]
	texts := byHash(r, files)
	for _, c := range []struct {
		card Card
		want []int
	}{{one, []int{3}}, {two, []int{3, 7, 8}}} {
		found, err := c.card.Compare(r, texts)
		var others []int
		for _, w := range found.Others {
			others = append(others, slices.IndexFunc(files, func(f *roster.Recipients) bool { return f.From == w }))
		}
		if err != nil || !slices.Equal(others, c.want) || len(found.Same)+len(c.want) != 15 {
			t.Errorf("%s: others in files %v, want %v; %v", c.card.Line.ID, others, c.want, err)
		}
	}
}

// TestCompareSaysWhatACardDoesNotCover, and refuses what cannot be compared.
func TestCompareSaysWhatACardDoesNotCover(t *testing.T) {
	one, two := card(t, 1, first, 15, 1), card(t, 2, first.Add(-9), 1, 90)
	r, files, err := newDraft(t, one, two).Roster()
	if err != nil {
		t.Fatal(err)
	}
	texts := byHash(r, files)
	older := one
	older.Terms = slices.Concat(one.Terms[:5], one.Terms[7:12])
	found, err := older.Compare(r, texts)
	if err != nil || len(found.Same) != 10 || len(found.Unknown) != 5 || found.Unknown[0] != first.Add(5) {
		t.Errorf("an older card: %+v, %v", found, err)
	}
	if found, err := two.Compare(r, texts); err != nil || len(found.Same) != 15 {
		t.Errorf("one term for all weeks: %+v, %v", found, err)
	}
	if _, err := card(t, 3, first, 15, 1).Compare(r, texts); err == nil || !strings.Contains(err.Error(), `no reviewer "r3"`) {
		t.Errorf("a card of nobody: %v", err)
	}
	delete(texts, r.Recipients[4].File)
	if _, err := one.Compare(r, texts); !errors.Is(err, roster.ErrNoRecipients) {
		t.Errorf("without one of the files: %v", err)
	}
}
