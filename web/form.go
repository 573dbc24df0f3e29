package web

import (
	"slices"
	"strings"
	"time"

	"saksi/web/regions"
	"saksi/web/taxonomy"
)

// Names of the fields of the form, beside those of the questions.
const (
	// StoryField is the field of the testimony's text.
	StoryField = "text"
	// AnswerPrefix stands before a question's id: it cannot be mistaken for
	// another field, whatever an operator calls his questions.
	AnswerPrefix = "q."
	// SkipField is that of everyone who is excluded: one value each.
	SkipField = "skip"
	// RosterField is the hash of the roster that a form's readers are of.
	RosterField = "roster"
	// ProvinceField is the province of the incident, in forms that do not ask
	// the questions.
	ProvinceField = "province"
	// FinerSuffix stands behind the field of a place, for its second step.
	FinerSuffix = ".finer"
)

// A part is a section of the form, in one language.
type part struct {
	Title  string
	Folded bool
	Open   bool // though folded: something in it was answered, or is wrong
	Fields []field
}

// A field is a question, in one language.
type field struct {
	*taxonomy.Question
	ID      string // of its first control
	Name    string
	Problem string // a key under "problem."; empty when there is none
	Length  int    // of the story, in bytes
	MaxText int
	Value   string // of a line or the story
	Options []option
	Groups  []option // of a place: the second step, once a province is chosen
}

// Described is the id of what stands between a question and its field, or "" when
// nothing does.
func (f field) Described() string {
	if f.Problem == "" && f.Hint.IsZero() && f.Risk.Level == "" && f.Kind != taxonomy.Story {
		return ""
	}
	return f.ID + "-hint"
}

// An option is one choice of a field.
type option struct {
	Code, Label string
	Chosen      bool
}

// FieldID is the id of a question's first control, and of what a problem points
// to.
func FieldID(question string) string { return "f-" + question }

// form lays out the taxonomy's questions, with what was answered so far.
func (s Site) form(lang Lang) func(Write) []part {
	return func(w Write) []part {
		var parts []part
		for _, section := range s.Taxonomy.Sections {
			p := part{Title: section.Title.In(string(lang)), Folded: section.Folded}
			for _, q := range section.Questions {
				f := newField(q, lang, w)
				p.Fields = append(p.Fields, f)
				p.Open = p.Open || f.Problem != "" || answered(q, w.Draft.Answers[q.ID])
			}
			parts = append(parts, p)
		}
		return parts
	}
}

// answered reports whether somebody answered a question otherwise than the form
// does by itself.
func answered(q *taxonomy.Question, values []string) bool {
	if len(values) == 1 && q.Choice(values[0]) != nil {
		return !q.Choice(values[0]).Default
	}
	return len(values) > 0
}

func newField(q *taxonomy.Question, lang Lang, w Write) field {
	f := field{
		Question: q, ID: FieldID(q.ID), Name: AnswerPrefix + q.ID, Length: w.Length, MaxText: w.MaxText,
	}
	if at := slices.IndexFunc(w.Problems, func(p Problem) bool { return p.Question == q.ID }); at >= 0 {
		f.Problem = w.Problems[at].Key
	}
	values := w.Draft.Answers[q.ID]
	switch q.Kind {
	case taxonomy.Story:
		f.Name, f.Value = StoryField, w.Draft.Text
	case taxonomy.Line:
		f.Value = strings.Join(values, " ")
	case taxonomy.Place:
		f.place(values)
	case taxonomy.Month:
		f.months(w.Today, lang, values)
	}
	for _, c := range q.Choices {
		chosen := slices.Contains(values, c.Code) || c.Default && len(values) == 0
		f.Options = append(f.Options, option{c.Code, c.Label.In(string(lang)), chosen})
	}
	return f
}

// place offers the provinces and, when one is chosen, what lies in it: two short
// lists, as no phone searches in a list of five hundred.
func (f *field) place(values []string) {
	var province string
	for _, r := range regions.Provinces() {
		within := func(v string) bool { return v == r.Code || strings.HasPrefix(v, r.Code+".") }
		chosen := slices.ContainsFunc(values, within)
		if chosen {
			province = r.Code
		}
		f.Options = append(f.Options, option{r.Code, r.Short(), chosen})
	}
	for _, r := range regions.Within(province) {
		f.Groups = append(f.Groups, option{r.Code, r.Short(), slices.Contains(values, r.Code)})
	}
}

// provinces offers all provinces, one of them chosen perhaps.
func provinces(chosen string) []option {
	var options []option
	for _, r := range regions.Provinces() {
		options = append(options, option{r.Code, r.Short(), r.Code == chosen})
	}
	return options
}

// months offers the last months, and one that was chosen before the form was
// left open for long.
func (f *field) months(today time.Time, lang Lang, values []string) {
	months := taxonomy.Recent(today, f.Months)
	for _, v := range values {
		if taxonomy.MonthName(v, string(lang)) != v && !slices.Contains(months, v) {
			months = append(months, v)
		}
	}
	for _, m := range months {
		f.Options = append(f.Options, option{m, taxonomy.MonthName(m, string(lang)), slices.Contains(values, m)})
	}
}
