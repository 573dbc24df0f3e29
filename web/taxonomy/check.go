package taxonomy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a file, so that the form stays one that a phone can show.
const (
	maxQuestions = 48
	maxChoices   = 48
	maxMonths    = 60
	maxLabel     = 160 // bytes
	maxText      = 400
)

// Limits of all answers to one form, which are those of an item: whatever a form
// asks can be sent.
const (
	MaxValues  = 128
	MaxAnswers = 5000 // bytes
)

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	codePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
)

// check holds a file against the rules.
func (t *Taxonomy) check() error {
	if t.Format != formatLabel {
		return fmt.Errorf("the format is not %q", formatLabel)
	}
	if !namePattern.MatchString(t.Name) {
		return errors.New("the name is no word of small letters")
	}
	if !isDay(t.Version) {
		return errors.New("the version is no day such as 2026-11-22")
	}
	if err := t.Title.check("the title", maxLabel); err != nil {
		return err
	}
	stories := 0
	for _, s := range t.Sections {
		if err := s.Title.check("the title of a section", maxLabel); err != nil {
			return err
		}
		if len(s.Questions) == 0 {
			return errors.New("a section without questions")
		}
		for _, q := range s.Questions {
			if err := t.checkQuestion(q, s.Folded); err != nil {
				return err
			}
			if q.Kind == Story {
				stories++
			}
		}
	}
	if stories != 1 || len(t.byID) > maxQuestions {
		return fmt.Errorf("there are %d questions, of which %d are a story: want at most %d, and one",
			len(t.byID), stories, maxQuestions)
	}
	return t.checkAnswers()
}

// checkAnswers wants room for the longest answer to every question at once.
func (t *Taxonomy) checkAnswers() error {
	values, size := 0, 0
	for _, q := range t.byID {
		v, s := q.most()
		values, size = values+v, size+s
	}
	if values > MaxValues || size > MaxAnswers {
		return fmt.Errorf("a form can have %d answers of %d bytes: want at most %d of %d, with fewer lines or choices",
			values, size, MaxValues, MaxAnswers)
	}
	return nil
}

// most returns how many values a question may have, and how many bytes in all.
func (q *Question) most() (values, size int) {
	longest, all := 0, 0
	for _, c := range q.Choices {
		longest, all = max(longest, len(c.Code)), all+len(c.Code)
	}
	switch q.Kind {
	case Story:
		return 0, 0
	case Many:
		return len(q.Choices), all
	case Line:
		return 1, MaxLine
	default: // a month and a place have no more than this
		return 1, max(longest, len(monthForm))
	}
}

func (t *Taxonomy) checkQuestion(q *Question, folded bool) error {
	if q == nil || !codePattern.MatchString(q.ID) {
		return errors.New("a question without an id of small letters")
	}
	if t.byID[q.ID] != nil {
		return fmt.Errorf("question %q: it is there twice", q.ID)
	}
	t.byID[q.ID] = q
	if err := q.check(); err != nil {
		return fmt.Errorf("question %q: %w", q.ID, err)
	}
	if folded && (q.Required || q.Kind == Story) {
		return fmt.Errorf("question %q: what is required must not be folded away", q.ID)
	}
	return nil
}

func (q *Question) check() error {
	if err := q.Label.check("the label", maxLabel); err != nil {
		return err
	}
	for _, text := range []Text{q.Hint, q.Risk.Text} {
		if err := text.check("a text", maxText); err != nil && !text.IsZero() {
			return err
		}
	}
	if q.Risk != (Risk{}) && (q.Risk.Text.IsZero() || q.Risk.Level != "medium" && q.Risk.Level != "high") {
		return errors.New(`the risk has no text, or a level other than "medium" and "high"`)
	}
	if q.Kind == Story && !q.Required {
		return errors.New("a story is required: no testimony goes without")
	}
	if (q.Kind == Month) != (q.Months > 0) || q.Months < 0 || q.Months > maxMonths {
		return fmt.Errorf("of kind month, and of no other, it says how many months, at most %d", maxMonths)
	}
	return q.checkChoices()
}

func (q *Question) checkChoices() error {
	switch q.Kind {
	case One, List, Many:
		if len(q.Choices) < 2 || len(q.Choices) > maxChoices {
			return fmt.Errorf("it has %d choices: want 2 to %d", len(q.Choices), maxChoices)
		}
	case Month, Place:
	case Line, Story:
		if len(q.Choices) > 0 {
			return fmt.Errorf("a %s has no choices", q.Kind)
		}
	default:
		return fmt.Errorf("there is no kind %q", q.Kind)
	}
	defaults := 0
	for i, c := range q.Choices {
		if err := c.check(); err != nil {
			return fmt.Errorf("choice %q: %w", c.Code, err)
		}
		if q.Choice(c.Code) != &q.Choices[i] {
			return fmt.Errorf("choice %q: it is there twice", c.Code)
		}
		if c.Default {
			defaults++
		}
	}
	if defaults > 1 || defaults > 0 && q.Kind != One && q.Kind != List {
		return errors.New("a default is for one choice of one answer")
	}
	return nil
}

func (c *Choice) check() error {
	if !codePattern.MatchString(c.Code) {
		return errors.New("the code is no word of small letters")
	}
	if err := c.Label.check("the label", maxLabel); err != nil {
		return err
	}
	for _, text := range c.Advice {
		if err := text.check("an advice", maxText); err != nil {
			return err
		}
	}
	return nil
}

// check wants both languages, short, in one line.
func (t Text) check(what string, limit int) error {
	for _, s := range []string{t.ID, t.EN} {
		if strings.TrimSpace(s) == "" || len(s) > limit || !isLine(s) {
			return fmt.Errorf("%s is missing in a language, or no single line of at most %d bytes", what, limit)
		}
	}
	return nil
}

func isDay(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

func isLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError || strings.ContainsRune(separators, r)
	})
}

// separators end a line for some readers and not for others.
const separators = "\u2028\u2029"
