package main

import (
	"slices"

	"saksi/cmd/saksi-review/desk"
	"saksi/web/taxonomy"
)

// answersIn says how answers, and what files tell, are put into words.
type answersIn struct {
	lang string
	form func(reference string) (*taxonomy.Taxonomy, *taxonomy.Rules)
	look func(*desk.Item) (desk.Tells, error)
}

// showAnswers writes what a reporter answered, by the sections of the form.
// Answers to a form that nobody here knows are shown as they are.
func (c *console) showAnswers(p desk.Page, in answersIn) {
	if len(p.Form.Answers) == 0 {
		return
	}
	form, _ := in.form(p.Taxonomy)
	said := form.Describe(p.Form.Answers, in.lang)
	if form == nil {
		c.say("  the answers are codes of a form that this desk does not know:")
		c.text(p.Taxonomy)
		c.say("  %s", askForForm)
		c.sayAnswers(said, p.Form.Answers, nil)
		return
	}
	for _, section := range form.Sections {
		var here []taxonomy.Said
		here, said = split(said, section)
		if len(here) > 0 {
			c.say("\n  %s", desk.Clean(section.Title.In(in.lang)))
			c.sayAnswers(here, p.Form.Answers, form)
		}
	}
	c.sayAnswers(said, p.Form.Answers, form) // to no question of this form
	c.say("")
}

// split takes out the answers to the questions of a section.
func split(said []taxonomy.Said, section taxonomy.Section) (here, rest []taxonomy.Said) {
	for _, s := range said {
		asks := func(q *taxonomy.Question) bool { return q.ID == s.ID }
		if slices.ContainsFunc(section.Questions, asks) {
			here = append(here, s)
		} else {
			rest = append(rest, s)
		}
	}
	return here, rest
}

// sayAnswers writes answers below their questions. What a reporter typed has a bar
// before it, as all their words have: also what stands where a choice belongs.
func (c *console) sayAnswers(said []taxonomy.Said, answers taxonomy.Answers, form *taxonomy.Taxonomy) {
	for _, s := range said {
		c.say("    %s", desk.Clean(s.Label))
		for i, v := range s.Values {
			mark := "| "
			if form != nil && form.Question(s.ID) != nil && form.Question(s.ID).Offers(answers[s.ID][i]) {
				mark = "- "
			}
			for n, part := range desk.Wrap(desk.Clean(v), lineWidth) {
				if n > 0 && mark == "- " {
					mark = "  "
				}
				c.say("      %s%s", mark, part)
			}
		}
	}
}

// listThreads writes a line for each thread of a desk, those in danger before all others.
func (c *console) listThreads(threads []*desk.Thread, copied map[string]bool) {
	threads, names := slices.Clone(threads), desk.NamesOf(threads)
	slices.SortStableFunc(threads, func(a, b *desk.Thread) int { return first(inDanger(a), inDanger(b)) })
	for _, t := range threads {
		c.listThread(t, names, copied[t.Mailbox])
	}
}

// first compares so that true comes before false.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

func inDanger(t *desk.Thread) bool {
	return slices.ContainsFunc(t.Items, func(i *desk.Item) bool { return i.Danger && !i.Deleted })
}

func dangerMark(danger bool) string {
	if danger {
		return "  in danger"
	}
	return ""
}
