package cases

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"saksi/crypto/item"
	"saksi/web/taxonomy"
)

// written is the day on which the cases were written: the months that they name
// are some that the form offered then.
var written = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// TestThereAreTenCases, each under a name of its own that says what it is for.
func TestThereAreTenCases(t *testing.T) {
	slug := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[string]bool{}
	for _, c := range All() {
		if !slug.MatchString(c.Name) || seen[c.Name] {
			t.Errorf("the name %q is no slug, or is there twice", c.Name)
		}
		seen[c.Name] = true
		if c.About == "" || strings.Contains(c.About, "\n") {
			t.Errorf("%s: about is no single line: %q", c.Name, c.About)
		}
	}
	if len(seen) != 10 {
		t.Errorf("there are %d cases: want 10", len(seen))
	}
}

// TestAnUnknownFieldIsRefused: a misspelt field does not pass for a missing one.
func TestAnUnknownFieldIsRefused(t *testing.T) {
	for name, data := range map[string]string{
		"a field":    `[{"name": "a", "mesage": "b"}]`,
		"of a file":  `[{"name": "a", "file": {"nam": "b"}}]`,
		"behind all": `[{"name": "a"}] []`,
	} {
		if _, err := parse([]byte(data)); err == nil {
			t.Errorf("%s: taken without an error", name)
		}
	}
}

// TestEveryTextCanBeSent: stories, messages and files are what the form takes.
func TestEveryTextCanBeSent(t *testing.T) {
	for _, c := range All() {
		if err := item.CheckText(c.Text); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if n := utf8.RuneCountInString(c.Text); n < 400 || n > 2500 {
			t.Errorf("%s: the text has %d characters: want 400 to 2,500", c.Name, n)
		}
		if c.Message != "" {
			if err := item.CheckText(c.Message); err != nil {
				t.Errorf("%s: the message: %v", c.Name, err)
			}
		}
		if f := c.File; f != nil && (f.Name == "" || strings.ContainsAny(f.Name, `/\`) || f.Content == "") {
			t.Errorf("%s: the file is empty or has the name %q", c.Name, f.Name)
		}
	}
}

// TestEveryAnswerIsOneThatTheFormTakes, as it stands: Tidy drops nothing.
func TestEveryAnswerIsOneThatTheFormTakes(t *testing.T) {
	form := taxonomy.Current()
	for _, c := range All() {
		tidy := form.Tidy(taxonomy.Answers(c.Answers))
		if !maps.EqualFunc(tidy, taxonomy.Answers(c.Answers), slices.Equal) {
			t.Errorf("%s: tidying changes the answers to %q", c.Name, tidy)
		}
		for _, p := range form.Check(tidy) {
			t.Errorf("%s: question %q: %s", c.Name, p.Question, p.What)
		}
	}
}

// TestEveryMonthIsOneThatTheFormOffered on the day on which the cases were written.
func TestEveryMonthIsOneThatTheFormOffered(t *testing.T) {
	when := taxonomy.Current().Question("waktu")
	offered := taxonomy.Recent(written, when.Months)
	for _, c := range All() {
		for _, v := range c.Answers["waktu"] {
			if when.Choice(v) == nil && !slices.Contains(offered, v) {
				t.Errorf("%s: the form did not offer %q", c.Name, v)
			}
		}
	}
}

// TestTheCasesUseMostOfTheForm: two thirds of all choices, and of each question
// that has choices at least one beside the default.
func TestTheCasesUseMostOfTheForm(t *testing.T) {
	all, used := 0, 0
	for _, q := range taxonomy.Current().Questions() {
		telling := 0
		for _, choice := range q.Choices {
			all++
			if !given(q.ID, choice.Code) {
				continue
			}
			used++
			if !choice.Default {
				telling++
			}
		}
		if telling == 0 && len(q.Choices) > 0 {
			t.Errorf("question %q: no case has a choice beside the default", q.ID)
		}
	}
	if used*3 < all*2 {
		t.Errorf("the cases use %d of %d choices: want two thirds", used, all)
	}
}

// TestWhatMattersMostIsAmongTheCases: answers on which pages and sheets turn.
func TestWhatMattersMostIsAmongTheCases(t *testing.T) {
	for id, codes := range map[string][]string{
		"izin":            codes("izin"),
		"jumlah_tahu":     codes("jumlah_tahu"),
		"bahaya":          {"ya"},
		"jangan_teruskan": {"bawaslu_kab"},
		"pelaku":          {"kepala_daerah", "sekda", "penyelenggara"},
		"status":          {"pns", "pppk", "honorer"},
		"akibat":          {"tidak_ada"},
	} {
		for _, code := range codes {
			if !given(id, code) {
				t.Errorf("no case answers %q with %q", id, code)
			}
		}
	}
}

// TestSomebodyAnswersOnlyWhatIsRequired: the shortest way through the form.
func TestSomebodyAnswersOnlyWhatIsRequired(t *testing.T) {
	optional := func(id string) bool { return !taxonomy.Current().Question(id).Required }
	if !slices.ContainsFunc(All(), func(c Case) bool {
		return !slices.ContainsFunc(slices.Collect(maps.Keys(c.Answers)), optional)
	}) {
		t.Error("every case answers something that is not required")
	}
}

// TestSomebodySendsMore than one short story: a file, a later message, a long story.
func TestSomebodySendsMore(t *testing.T) {
	for what, sends := range map[string]func(Case) bool{
		"a file":          func(c Case) bool { return c.File != nil },
		"a later message": func(c Case) bool { return c.Message != "" },
		"a long story":    func(c Case) bool { return utf8.RuneCountInString(c.Text) > 2000 },
	} {
		if !slices.ContainsFunc(All(), sends) {
			t.Errorf("nobody sends %s", what)
		}
	}
}

// TestRegionalLanguagesAreHeard: at least three beside Indonesian.
func TestRegionalLanguagesAreHeard(t *testing.T) {
	known := []string{"id", "min", "jv", "abs", "xmm"}
	heard := map[string]bool{}
	for _, c := range All() {
		if !slices.Contains(known, c.Language) {
			t.Errorf("%s: the language %q is none of %q", c.Name, c.Language, known)
		}
		heard[c.Language] = true
	}
	if delete(heard, "id"); len(heard) < 3 {
		t.Errorf("%d regional languages are heard: want at least 3", len(heard))
	}
}

// TestSomeCasesHurt: signs that break a page, a format or a terminal that lets
// them through, in a story, in an answer, and in the name of a file.
func TestSomeCasesHurt(t *testing.T) {
	var stories, lines, names strings.Builder
	for _, c := range All() {
		stories.WriteString(c.Text)
		lines.WriteString(strings.Join(c.Answers["nama_pelaku"], ""))
		if c.File != nil {
			names.WriteString(c.File.Name)
		}
	}
	for where, want := range map[*strings.Builder][]string{
		&stories: {`"`, `'`, "`", `\`, "<b>", "<script>", "</textarea>", "&amp;", "%s", "{name}", "{{.", "${", "\t",
			"🎉", "\u200d", "\u200f"},
		&lines: {`"`, "<b>", "&amp;", "%s", "{name}"},
		&names: {`"`, "<", " "},
	} {
		for _, s := range want {
			if !strings.Contains(where.String(), s) {
				t.Errorf("nobody writes %+q where it belongs", s)
			}
		}
	}
}

// TestNoCasePointsAtAPerson: no number or address of a person stands in a case,
// and an office of which a kabupaten has only one is not tied to a kabupaten.
func TestNoCasePointsAtAPerson(t *testing.T) {
	personal := regexp.MustCompile(`[0-9]{7,}|[0-9]{4}[ -][0-9]{4}|@`)
	single := []string{"kepala_daerah", "sekda", "keluarga", "kepala_opd", "penyelenggara"}
	for _, c := range All() {
		words := []string{c.Text, c.Message}
		for _, values := range c.Answers {
			words = append(words, values...)
		}
		if c.File != nil {
			words = append(words, c.File.Name, c.File.Content)
		}
		if found := personal.FindString(strings.Join(words, "\n")); found != "" {
			t.Errorf("%s: %q may be the number or address of a person", c.Name, found)
		}
		one := slices.ContainsFunc(c.Answers["pelaku"], func(v string) bool { return slices.Contains(single, v) })
		if one && strings.Contains(c.Answers["tempat"][0], ".") {
			t.Errorf("%s: the actor's office and the place name one real person", c.Name)
		}
	}
}

// given reports whether a case answers a question with that value.
func given(id, value string) bool {
	return slices.ContainsFunc(All(), func(c Case) bool { return slices.Contains(c.Answers[id], value) })
}

// codes returns all choices of a question.
func codes(id string) []string {
	var all []string
	for _, c := range taxonomy.Current().Question(id).Choices {
		all = append(all, c.Code)
	}
	return all
}
