package taxonomy

import (
	"maps"
	"slices"
	"time"

	"saksi/crypto/week"
)

// A Match is an article that the answers lead to.
type Match struct {
	*Article
	Acts []string // those of the answers, in words, that led to it
	Open []string // what has to be known first, in words; empty when the answers say it all
}

// Certain reports whether all that a rule asks was answered. What the law says
// is for a lawyer all the same.
func (m *Match) Certain() bool { return len(m.Open) == 0 }

// judge holds answers against a condition. It is silent when a known answer does
// not fit; said counts the questions that fit, open has those without a known
// answer.
func (w When) judge(t *Taxonomy, a Answers) (said int, open []string, silent bool) {
	for _, id := range slices.Sorted(maps.Keys(w)) {
		wanted := func(v string) bool { return slices.Contains(w[id], v) }
		switch q := t.Question(id); {
		case slices.ContainsFunc(a[id], wanted):
			said++
		case t.Known(a, id):
			return 0, nil, true
		case q == nil: // an older form did not ask
			open = append(open, id)
		default:
			open = append(open, q.Label.ID)
		}
	}
	return said, open, false
}

// applies reports whether a rule speaks, and what is open then. Something must
// speak for it: an empty form leads nowhere.
func (r *Rule) applies(t *Taxonomy, a Answers) (open []string, ok bool) {
	said, open, silent := r.When.judge(t, a)
	if silent || said == 0 {
		return nil, false
	}
	if r.Perhaps != "" {
		open = append(open, r.Perhaps)
	}
	return open, true
}

// Matches returns the articles that the answers lead to, in the order of the
// references: the certain ones first.
func (r *Rules) Matches(t *Taxonomy, a Answers) []Match {
	found := map[string]*Match{}
	for i := range r.Rules {
		rule := &r.Rules[i]
		open, ok := rule.applies(t, a)
		if !ok {
			continue
		}
		for _, code := range rule.Refer {
			if known := found[code]; known != nil {
				known.join(r.led(t, rule, a), open)
				continue
			}
			found[code] = &Match{r.byCode[code], r.led(t, rule, a), slices.Clone(open)}
		}
	}
	var certain, perhaps []Match
	for _, article := range r.References {
		switch m := found[article.Code]; {
		case m == nil:
		case m.Certain():
			certain = append(certain, *m)
		default:
			perhaps = append(perhaps, *m)
		}
	}
	return append(certain, perhaps...)
}

// join adds what a second rule found for the same article. One that is certain
// leaves nothing open.
func (m *Match) join(acts, open []string) {
	m.Acts = union(m.Acts, acts)
	if m.Certain() || len(open) == 0 {
		m.Open = nil
		return
	}
	m.Open = union(m.Open, open)
}

func union(a, b []string) []string {
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}

// led returns the acts of the answers that a rule speaks of; a rule that speaks
// of none returns whatever answers it wants.
func (r *Rules) led(t *Taxonomy, rule *Rule, a Answers) (acts []string) {
	for _, q := range t.Questions() {
		if _, ok := rule.When[r.Acts]; ok && q.ID != r.Acts {
			continue
		}
		for _, v := range a[q.ID] {
			if slices.Contains(rule.When[q.ID], v) {
				acts = append(acts, q.word(v, "id"))
			}
		}
	}
	return acts
}

// Notes returns what rules remark on the answers.
func (r *Rules) Notes(t *Taxonomy, a Answers) (notes []string) {
	for i := range r.Rules {
		if _, ok := r.Rules[i].applies(t, a); ok && r.Rules[i].Note != "" {
			notes = union(notes, []string{r.Rules[i].Note})
		}
	}
	return notes
}

// Consent is how far a testimony may be passed on.
type Consent int

// The degrees.
const (
	Closed   Consent = iota // counted only
	Unquoted                // passed on, without the reporter's own words
	Quotable
)

// Consent returns what the reporter allowed: the narrowest that the answers say,
// and [Closed] where they say nothing that the taxonomy knows.
func (r *Rules) Consent(t *Taxonomy, a Answers) Consent {
	values, q := a[r.Permit.Question], t.Question(r.Permit.Question)
	if q == nil || len(values) == 0 {
		return Closed
	}
	consent := Quotable
	for _, v := range values {
		switch {
		case q.Choice(v) == nil || slices.Contains(r.Permit.Closed, v):
			return Closed
		case slices.Contains(r.Permit.Unquoted, v):
			consent = Unquoted
		}
	}
	return consent
}

// Rings reports whether an answer is one of those that the alarm is for.
func (l Alarm) Rings(a Answers) bool {
	return slices.ContainsFunc(a[l.Question], func(v string) bool { return slices.Contains(l.Codes, v) })
}

// A Route is a way, and why it is struck out, if it is.
type Route struct {
	Way
	Struck []string // reasons; empty: open
}

// Routes returns to whom the testimony could be passed on.
func (r *Rules) Routes(t *Taxonomy, a Answers) (routes []Route) {
	for _, w := range r.Ways {
		if _, _, silent := w.When.judge(t, a); silent {
			continue
		}
		route := Route{Way: w}
		if slices.Contains(a[r.Declined.Question], w.Code) {
			route.Struck = append(route.Struck, r.Declined.Reason)
		}
		for _, c := range w.Conflicts {
			_, open, silent := c.When.judge(t, a)
			if silent {
				continue
			}
			reason := c.Reason
			for _, question := range open {
				reason += " (mungkin; belum terjawab: " + question + ")"
			}
			route.Struck = append(route.Struck, reason)
		}
		routes = append(routes, route)
	}
	return routes
}

// Facts are what checks need beside the answers.
type Facts struct {
	Story       bool
	Attachments int
	Week        week.Week // of the batch that brought the testimony
	Today       time.Time
}

// A Checked is one line of a checklist.
type Checked struct {
	Label  string
	Status string
	Note   string
}

// What a check can find, beside the words of [State].
const (
	Present  = "ada"
	Absent   = "belum ada"
	NotAsked = "tidak diminta"
)

// A CheckedList is a checklist that was gone through.
type CheckedList struct {
	Title    string
	Articles []*Article
	Items    []Checked
}

// Checks goes through the checklists.
func (r *Rules) Checks(t *Taxonomy, a Answers, f Facts) (lists []CheckedList) {
	for _, l := range r.Lists {
		list := CheckedList{Title: l.Title}
		for _, code := range l.Refer {
			list.Articles = append(list.Articles, r.byCode[code])
		}
		for _, item := range l.Items {
			list.Items = append(list.Items, r.checkItem(t, a, f, item))
		}
		lists = append(lists, list)
	}
	return lists
}

func (r *Rules) checkItem(t *Taxonomy, a Answers, f Facts, item FormLine) Checked {
	c := Checked{item.Label, Present, item.Note}
	if len(item.From) == 0 && item.Source == "" {
		c.Status = NotAsked
		return c
	}
	for _, id := range item.From {
		none := func(v string) bool { return slices.Contains(item.None, v) }
		if !t.Known(a, id) || slices.ContainsFunc(a[id], none) {
			c.Status = Absent
		}
	}
	switch {
	case item.Source == FromStory && !f.Story, item.Source == FromAttachments && f.Attachments == 0:
		c.Status = Absent
	case item.Source == FromClock && c.Status == Present:
		if window, ok := r.Clock(f.Week, a); ok {
			c.Status = string(window.At(f.Today))
		}
	}
	return c
}
