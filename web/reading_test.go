package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"saksi/web/taxonomy"
)

// maxWords is how long a sentence for reporters may be.
const maxWords = 20

// long returns the sentences of a text that are too long. A word is what stands
// between spaces, so "orang-orang" is one.
func long(text string) (sentences []string) {
	for _, s := range regexp.MustCompile(`[.?!:;…](\s|$)`).Split(text, -1) {
		if len(strings.Fields(s)) > maxWords {
			sentences = append(sentences, s)
		}
	}
	return sentences
}

// TestSentencesAreShort: a worried person on a small phone reads each sentence
// once. In both languages, in catalogs and questions.
func TestSentencesAreShort(t *testing.T) {
	for lang, c := range testCatalogs(t) {
		for key, text := range c.texts {
			for _, s := range long(text) {
				t.Errorf("%s %s: %d words: %q", lang, key, len(strings.Fields(s)), s)
			}
		}
	}
	for _, text := range taxonomyTexts(taxonomy.Current()) {
		for _, s := range slices.Concat(long(text.ID), long(text.EN)) {
			t.Errorf("taxonomy: %d words: %q", len(strings.Fields(s)), s)
		}
	}
	if long(strings.Repeat("kata ", maxWords+1)) == nil || long(strings.Repeat("kata ", maxWords)+". Lagi") != nil {
		t.Error("the count is wrong")
	}
}

// taxonomyTexts are all texts of a form.
func taxonomyTexts(t *taxonomy.Taxonomy) []taxonomy.Text {
	texts := []taxonomy.Text{t.Title}
	for _, s := range t.Sections {
		texts = append(texts, s.Title)
	}
	for _, q := range t.Questions() {
		texts = append(texts, q.Label, q.Hint, q.Risk.Text)
		for _, c := range q.Choices {
			texts = append(append(texts, c.Label), c.Advice...)
		}
	}
	return texts
}

// TestNobodyIsAskedWhoHeIs: no field asks a reporter for what names him.
func TestNobodyIsAskedWhoHeIs(t *testing.T) {
	bad := regexp.MustCompile(`(?i)\b(nama anda|nama lengkap|your name|nip|nik|ktp|telepon|nomor hp|phone|e-?mail|surel|lahir|birth|kelamin|gender|sex|alamat|address|umur|age|agama|religion)\b`)
	for _, q := range taxonomy.Current().Questions() {
		for _, text := range []string{q.ID, q.Label.ID, q.Label.EN} {
			if found := bad.FindString(text); found != "" {
				t.Errorf("%q asks for %q", q.ID, found)
			}
		}
	}
	form := regexp.MustCompile(`(?s)<form.*</form>`)
	kinds := regexp.MustCompile(`type="(email|tel|date|number|password)"`)
	everyPage(t, states(), func(t *testing.T, _ Lang, _ state, page string) {
		if found := kinds.FindString(form.FindString(page)); found != "" {
			t.Errorf("a field has %s", found)
		}
	})
}

// TestRisksAreSaidBesideTheirFields: what may tell who wrote says so, in one line.
func TestRisksAreSaidBesideTheirFields(t *testing.T) {
	page := render(t, newPages(t), ID, Write{Today: testDay})
	for _, id := range []string{"uraian", "nama_pelaku", "waktu_rinci", "kecamatan", "unit", "status", "akibat"} {
		q := taxonomy.Current().Question(id)
		if q == nil || q.Risk.Level == "" || len(strings.Fields(q.Risk.Text.ID)) > maxWords {
			t.Errorf("%q names no risk, or not in one line", id)
			continue
		}
		at := strings.Index(page, `id="`+FieldID(id)+`-hint"`)
		if at < 0 || !strings.Contains(page[at:min(len(page), at+800)], q.Risk.Text.ID) {
			t.Errorf("the risk of %q is not beside its field", id)
		}
	}
}
