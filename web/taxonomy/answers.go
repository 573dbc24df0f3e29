package taxonomy

import (
	"maps"
	"slices"
	"strings"
	"time"

	"saksi/web/regions"
)

// MaxLine is what a line may have, in bytes; also what any value may have.
const MaxLine = 300

// Answers map the id of a question to its values.
type Answers map[string][]string

// A Problem is an answer that cannot be taken.
type Problem struct {
	Question string
	What     What
}

// What is wrong with an answer.
type What string

// What can be wrong.
const (
	Missing What = "missing" // a required question has no answer
	Strange What = "strange" // the value is none that this form offers
	TooLong What = "long"    // a line has more than [MaxLine] bytes
	NotLine What = "sign"    // a line holds signs that no keyboard writes
)

// Tidy returns the answers to questions of this taxonomy, without blank values
// and without spaces around a value.
func (t *Taxonomy) Tidy(a Answers) Answers {
	tidy := Answers{}
	for id, values := range a {
		if q := t.byID[id]; q == nil || q.Kind == Story {
			continue
		}
		for _, v := range values {
			if v = strings.TrimSpace(v); v != "" && !slices.Contains(tidy[id], v) {
				tidy[id] = append(tidy[id], v)
			}
		}
	}
	return tidy
}

// Check returns what is wrong with tidy answers, in the order of the questions.
func (t *Taxonomy) Check(a Answers) []Problem {
	var problems []Problem
	for _, q := range t.Questions() {
		if what := q.wrong(a[q.ID]); what != "" {
			problems = append(problems, Problem{q.ID, what})
		}
	}
	return problems
}

func (q *Question) wrong(values []string) What {
	switch {
	case q.Kind == Story:
		return ""
	case len(values) == 0 && q.Required:
		return Missing
	case len(values) > 1 && q.Kind != Many:
		return Strange
	}
	for _, v := range values {
		if what := q.wrongValue(v); what != "" {
			return what
		}
	}
	return ""
}

func (q *Question) wrongValue(v string) What {
	if q.Kind == Line {
		switch {
		case len(v) > MaxLine:
			return TooLong
		case !isLine(v):
			return NotLine
		}
		return ""
	}
	if q.Choice(v) != nil {
		return ""
	}
	switch q.Kind {
	case Month:
		if _, err := time.Parse(monthForm, v); err == nil {
			return ""
		}
	case Place:
		if _, ok := regions.Name(v); ok {
			return ""
		}
	}
	return Strange
}

// Offers reports whether a value is one that the form has words for. All others a
// reporter typed: into a line, or into a form of his own.
func (q *Question) Offers(v string) bool {
	return q.Kind != Line && q.Kind != Story && q.wrongValue(v) == ""
}

// Known reports whether an answer says something: it has a value, and none that
// stands for not knowing or not saying.
func (t *Taxonomy) Known(a Answers, id string) bool {
	q := t.byID[id]
	if q == nil || len(a[id]) == 0 {
		return false
	}
	return !slices.ContainsFunc(a[id], func(v string) bool {
		c := q.Choice(v)
		return c != nil && c.Unknown
	})
}

// Advice returns what the chosen answers advise, in the order of the questions.
func (t *Taxonomy) Advice(a Answers) []Text {
	var advice []Text
	for _, q := range t.Questions() {
		for _, v := range a[q.ID] {
			if c := q.Choice(v); c != nil {
				advice = append(advice, c.Advice...)
			}
		}
	}
	return advice
}

// Advising returns those of the answers that have an advice: what a page has to
// hand on for it.
func (t *Taxonomy) Advising(a Answers) Answers {
	advising := Answers{}
	for id, values := range a {
		for _, v := range values {
			if q := t.byID[id]; q != nil && q.Choice(v) != nil && len(q.Choice(v).Advice) > 0 {
				advising[id] = append(advising[id], v)
			}
		}
	}
	return advising
}

// A Said is an answer in words. What no taxonomy explains is given as it is.
type Said struct {
	ID     string
	Label  string
	Values []string
	Risk   string // "", "medium" or "high"
}

// Describe puts answers into words, in the order of the questions. A nil
// taxonomy explains nothing.
func (t *Taxonomy) Describe(a Answers, lang string) []Said {
	var said []Said
	rest := maps.Clone(a)
	if t != nil {
		for _, q := range t.Questions() {
			if len(a[q.ID]) > 0 {
				said = append(said, Said{q.ID, q.Label.In(lang), q.describe(a[q.ID], lang), q.Risk.Level})
			}
			delete(rest, q.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rest)) {
		said = append(said, Said{ID: id, Label: id, Values: rest[id]})
	}
	return said
}

func (q *Question) describe(values []string, lang string) []string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = q.word(v, lang)
	}
	return words
}

// word returns a value in words.
func (q *Question) word(v, lang string) string {
	if c := q.Choice(v); c != nil {
		return c.Label.In(lang)
	}
	switch q.Kind {
	case Month:
		return MonthName(v, lang)
	case Place:
		if name, ok := regions.Name(v); ok {
			return name
		}
	}
	return v
}

const monthForm = "2006-01"

// Recent returns so many months, the present one first, as values.
func Recent(now time.Time, n int) []string {
	var months []string
	first := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		months = append(months, first.AddDate(0, -i, 0).Format(monthForm))
	}
	return months
}

// MonthName writes "2026-10" as "Oktober 2026", or returns what is no month.
func MonthName(value, lang string) string {
	m, err := time.Parse(monthForm, value)
	if err != nil {
		return value
	}
	return Month12(int(m.Month()), lang) + m.Format(" 2006")
}

// Month12 names a month from 1 to 12.
func Month12(n int, lang string) string {
	if lang == "en" {
		return time.Month(n).String()
	}
	return [...]string{"Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September",
		"Oktober", "November", "Desember"}[n-1]
}
