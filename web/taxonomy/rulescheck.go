package taxonomy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Limits of a rules file.
const (
	maxRules = 400
	maxDays  = 366
)

// A rulesCheck holds rules against a taxonomy.
type rulesCheck struct {
	*Rules
	t    *Taxonomy
	used map[string]bool // articles that something refers to
}

// line wants one line of text, in Indonesian. It takes nothing that does not
// print: it stands on a sheet as it is.
func line(what, s string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(s) == "" || len(s) > maxText || !isLine(s) || strings.ContainsFunc(s, odd) {
		return fmt.Errorf("%s is missing, or no single line of at most %d bytes", what, maxText)
	}
	return nil
}

// perhapsLine takes no text as well.
func perhapsLine(what, s string) error {
	if s == "" {
		return nil
	}
	return line(what, s)
}

func (c *rulesCheck) words() error {
	for _, s := range append([]string{c.Lawyer, c.Sheet.Title}, c.Cautions...) {
		if err := line("a text", s); err != nil {
			return err
		}
	}
	return nil
}

func (c *rulesCheck) articles() error {
	for _, a := range c.References {
		if a == nil {
			return errors.New("a reference that is none")
		}
		if c.byCode[a.Code] != nil {
			return fmt.Errorf("reference %.40q: it is there twice", a.Code)
		}
		err := errors.Join(line("the code", a.Code), line("the law", a.Law), line("the text", a.Text),
			perhapsLine("the sanction", a.Sanction), perhapsLine("the reserve", a.Reserve))
		if a.Basis != Quoted && a.Basis != Memory {
			err = errors.Join(err, errors.New("there is no such basis"))
		}
		if err != nil {
			return fmt.Errorf("reference %.40q: %w", a.Code, err)
		}
		c.byCode[a.Code] = a
	}
	return nil
}

func (c *rulesCheck) refer(codes []string) error {
	for _, code := range codes {
		if c.byCode[code] == nil {
			return fmt.Errorf("there is no reference %.40q", code)
		}
		c.used[code] = true
	}
	return nil
}

// choices holds that a question has these choices.
func (c *rulesCheck) choices(id string, codes []string) error {
	q := c.t.Question(id)
	if q == nil {
		return fmt.Errorf("there is no question %.40q", id)
	}
	for _, code := range codes {
		if q.Choice(code) == nil {
			return fmt.Errorf("question %q has no choice %.40q", id, code)
		}
	}
	return nil
}

func (c *rulesCheck) when(w When) error {
	for _, id := range slices.Sorted(maps.Keys(w)) {
		if len(w[id]) == 0 {
			return fmt.Errorf("question %.40q: it wants no choice", id)
		}
		if err := c.choices(id, w[id]); err != nil {
			return err
		}
	}
	return nil
}

func (c *rulesCheck) rules() error {
	if len(c.Rules.Rules) > maxRules {
		return fmt.Errorf("there are more than %d rules", maxRules)
	}
	for i, rule := range c.Rules.Rules {
		err := errors.Join(c.when(rule.When), c.refer(rule.Refer),
			perhapsLine("what is open", rule.Perhaps), perhapsLine("the note", rule.Note))
		if len(rule.When) == 0 || len(rule.Refer) == 0 && rule.Note == "" {
			err = errors.Join(err, errors.New("it has no condition, or leads nowhere"))
		}
		if err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

func (c *rulesCheck) lists() error {
	for _, l := range c.Lists {
		err := errors.Join(line("the title", l.Title), c.refer(l.Refer), c.lines(l.Items))
		for _, item := range l.Items {
			if len(item.From) == 0 && item.Source == "" && item.Note == "" {
				err = errors.Join(err, errors.New("an item that is not asked for has no note"))
			}
		}
		if err != nil {
			return fmt.Errorf("list %.40q: %w", l.Title, err)
		}
	}
	return nil
}

// acts wants a rule for each choice, so that none is passed over in silence.
func (c *rulesCheck) acts() error {
	if err := c.choices(c.Acts, nil); err != nil {
		return err
	}
	for _, choice := range c.t.Question(c.Acts).Choices {
		if !slices.ContainsFunc(c.Rules.Rules, func(r Rule) bool { return slices.Contains(r.When[c.Acts], choice.Code) }) {
			return fmt.Errorf("no rule speaks of the act %q", choice.Code)
		}
	}
	return nil
}

// reserves wants a reason for each article that nothing refers to.
func (c *rulesCheck) reserves() error {
	for _, a := range c.References {
		if c.used[a.Code] == (a.Reserve != "") {
			return fmt.Errorf("reference %.40q: something refers to it, or a reserve says why not", a.Code)
		}
	}
	return nil
}

func (c *rulesCheck) clock() error {
	k := c.Days
	if k.Question == "" && k.Days == 0 && len(k.Ages) == 0 && len(k.Past) == 0 {
		return nil
	}
	if k.Days < 1 || k.Days > maxDays {
		return fmt.Errorf("clock: want 1 to %d days", maxDays)
	}
	for code, age := range k.Ages {
		if age[0] < 0 || age[1] < age[0] || age[1] > maxDays || slices.Contains(k.Past, code) {
			return fmt.Errorf("clock: choice %.40q: the days are not in order", code)
		}
	}
	codes := append(slices.Sorted(maps.Keys(k.Ages)), k.Past...)
	if err := c.choices(k.Question, codes); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	return nil
}

// answers holds consent and alarms.
func (c *rulesCheck) answers() error {
	if err := c.consent(); err != nil {
		return fmt.Errorf("consent: %w", err)
	}
	for _, a := range []Alarm{c.People, c.Danger, c.Hold} {
		if a.Question == "" && len(a.Codes) == 0 && a.Text == "" {
			continue
		}
		if err := errors.Join(c.choices(a.Question, a.Codes), line("the text", a.Text)); err != nil {
			return fmt.Errorf("alarm: %w", err)
		}
	}
	return nil
}

// consent wants an answer that keeps a testimony inside, and no other where
// nobody has chosen: silence is not consent.
func (c *rulesCheck) consent() error {
	p := c.Permit
	if len(p.Closed) == 0 {
		return errors.New("no answer keeps a testimony inside")
	}
	if err := c.choices(p.Question, append(slices.Clone(p.Closed), p.Unquoted...)); err != nil {
		return err
	}
	for _, choice := range c.t.Question(p.Question).Choices {
		if choice.Default && !slices.Contains(p.Closed, choice.Code) {
			return fmt.Errorf("the form answers %q by itself: that must keep a testimony inside", choice.Code)
		}
	}
	return nil
}

func (c *rulesCheck) layout() error {
	if len(c.Sheet.Parts) == 0 {
		return errors.New("the sheet has no parts")
	}
	for _, p := range c.Sheet.Parts {
		if err := errors.Join(line("the number", p.Number), line("the title", p.Title), c.lines(p.Lines)); err != nil {
			return fmt.Errorf("sheet: part %.40q: %w", p.Number, err)
		}
	}
	return nil
}

func (c *rulesCheck) lines(lines []FormLine) error {
	for _, l := range lines {
		err := errors.Join(line("the label", l.Label), perhapsLine("the note", l.Note))
		for _, id := range l.From {
			if q := c.t.Question(id); q == nil || q.Kind == Story {
				err = errors.Join(err, fmt.Errorf("there is no question %.40q", id))
			} else if len(l.None) > 0 {
				err = errors.Join(err, c.choices(id, l.None))
			}
		}
		if !slices.Contains([]Source{"", FromStory, FromAttachments, FromWeek, FromClock}, l.Source) {
			err = errors.Join(err, fmt.Errorf("there is no source %.40q", string(l.Source)))
		}
		if err != nil {
			return fmt.Errorf("line %.40q: %w", l.Label, err)
		}
	}
	return nil
}

func (c *rulesCheck) ways() error {
	known := map[string]bool{}
	for _, w := range c.Ways {
		err := errors.Join(line("the label", w.Label), perhapsLine("the note", w.Note), c.when(w.When))
		for _, conflict := range w.Conflicts {
			err = errors.Join(err, c.when(conflict.When), line("the reason", conflict.Reason))
			if len(conflict.When) == 0 {
				err = errors.Join(err, errors.New("a conflict without a condition"))
			}
		}
		if known[w.Code] || !codePattern.MatchString(w.Code) {
			err = errors.Join(err, errors.New("its code is there twice, or no word of small letters"))
		}
		if err != nil {
			return fmt.Errorf("route %.40q: %w", w.Code, err)
		}
		known[w.Code] = true
	}
	return nil
}

// decline wants a way for each answer: what a reporter refused must be struck out.
func (c *rulesCheck) decline() error {
	d := c.Declined
	if d == (Decline{}) {
		return nil
	}
	if err := errors.Join(c.choices(d.Question, nil), line("the reason", d.Reason)); err != nil {
		return fmt.Errorf("decline: %w", err)
	}
	for _, choice := range c.t.Question(d.Question).Choices {
		if !slices.ContainsFunc(c.Ways, func(w Way) bool { return w.Code == choice.Code }) {
			return fmt.Errorf("decline: there is no route %q", choice.Code)
		}
	}
	return nil
}
