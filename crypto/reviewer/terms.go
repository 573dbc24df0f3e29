package reviewer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"saksi/crypto/hybrid"
	"saksi/crypto/week"
)

// A Term is the identity that opens slots of some weeks, the last included.
type Term struct {
	From, To week.Week
	Identity *hybrid.Identity
}

// maxKept bounds the terms of a weeks file: eleven years of single weeks.
const maxKept = 600

// NewTerm makes a term of these weeks.
func NewTerm(from, to week.Week) (Term, error) {
	id, err := hybrid.Generate()
	return Term{from, to, id}, err
}

// Weekly makes n terms of a week each.
func Weekly(from week.Week, n int) ([]Term, error) {
	var terms []Term
	for i := range min(n, maxKept+1) {
		w := from.Add(i)
		t, err := NewTerm(w, w)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	return terms, nil
}

// WithTerms returns keys that have these terms too. Where one overlaps another,
// or an identity has another use already, it returns an error.
func (k *Keys) WithTerms(terms ...Term) (*Keys, error) {
	more := *k
	more.Terms = slices.Concat(k.Terms, terms)
	slices.SortStableFunc(more.Terms, func(a, b Term) int { return a.From.Compare(b.From) })
	return &more, more.checkTerms()
}

// WithoutTerms returns keys that have only those terms which last until week w or
// later, and the terms that went.
func (k *Keys) WithoutTerms(before week.Week) (*Keys, []Term) {
	fewer := *k
	fewer.Terms = nil
	var gone []Term
	for _, t := range k.Terms {
		if t.To.Before(before) {
			gone = append(gone, t)
		} else {
			fewer.Terms = append(fewer.Terms, t)
		}
	}
	return &fewer, gone
}

// checkTerms holds that terms are in order, and each identity has one use.
func (k *Keys) checkTerms() error {
	desk, err := k.Desk()
	if err != nil {
		return err
	}
	if err := checkOrder(k.Terms); err != nil {
		return err
	}
	for _, t := range k.Terms {
		switch t.Identity.String() {
		case k.weeks.String(), desk.String(), k.Direct.String():
			return fmt.Errorf("checking terms: %s: its identity has another use", t.From)
		}
	}
	return nil
}

// checkOrder holds that terms are in order, do not overlap, and differ.
func checkOrder(terms []Term) error {
	if len(terms) > maxKept {
		return fmt.Errorf("checking terms: more than %d", maxKept)
	}
	seen := map[string]bool{}
	for i, t := range terms {
		if err := follows(i, t.From, t.To, func() week.Week { return terms[i-1].To }); err != nil {
			return err
		}
		if seen[t.Identity.String()] {
			return fmt.Errorf("checking terms: %s: its identity stands twice", t.From)
		}
		seen[t.Identity.String()] = true
	}
	return nil
}

// follows holds that the i-th term ends after it begins, and begins after the one
// before ends.
func follows(i int, from, to week.Week, before func() week.Week) error {
	if to.Before(from) {
		return fmt.Errorf("checking terms: %s %s: ends before it begins", from, to)
	}
	if i > 0 && !before().Before(from) {
		return fmt.Errorf("checking terms: %s %s: overlaps the one before, or stands out of order", from, to)
	}
	return nil
}

// SlotIdentities returns the identities of all terms, in their order. Each that is
// tried on a slot takes 0.2 ms; as old ones are destroyed, what comes now is
// opened by one of the first.
func (k *Keys) SlotIdentities() []*hybrid.Identity {
	var ids []*hybrid.Identity
	for _, t := range k.Terms {
		ids = append(ids, t.Identity)
	}
	return ids
}

// Term returns the term of week w.
func (k *Keys) Term(w week.Week) (Term, bool) {
	for _, t := range k.Terms {
		if !w.Before(t.From) && !t.To.Before(w) {
			return t, true
		}
	}
	return Term{}, false
}

const (
	weeksTitle       = "# Saksi weeks"
	rehearsedComment = "# rehearsed "
	termComment      = "# term "
)

// WeeksFile writes the weeks file as it is inside: a secret.
func (k *Keys) WeeksFile() string {
	var b strings.Builder
	b.WriteString(weeksTitle + ": secret; make no copy of this file.\n")
	if k.Rehearsed != (week.Week{}) {
		fmt.Fprintf(&b, "%s%s\n", rehearsedComment, k.Rehearsed)
	}
	for _, t := range k.Terms {
		fmt.Fprintf(&b, "%s%s %s\n%s\n", termComment, t.From, t.To, t.Identity)
	}
	return b.String()
}

// ParseWeeks reads what WeeksFile wrote. Its errors hold nothing of the secrets.
func ParseWeeks(r io.Reader) (terms []Term, rehearsed week.Week, err error) {
	p := &weeksParser{}
	scanner := bufio.NewScanner(io.LimitReader(r, 1<<20))
	for n := 1; scanner.Scan(); n++ {
		if err := p.line(strings.TrimSpace(scanner.Text())); err != nil {
			return nil, week.Week{}, fmt.Errorf("reading weeks file, line %d: %w", n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, week.Week{}, fmt.Errorf("reading weeks file: %w", err)
	}
	if !p.titled || p.open {
		return nil, week.Week{}, errors.New("reading weeks file: it has no beginning, or is cut short")
	}
	return p.terms, p.rehearsed, checkOrder(p.terms)
}

type weeksParser struct {
	terms     []Term
	rehearsed week.Week
	titled    bool
	open      bool // the last term waits for its identity
}

func (p *weeksParser) line(line string) (err error) {
	switch {
	case strings.HasPrefix(line, weeksTitle):
		p.titled = true
	case strings.HasPrefix(line, rehearsedComment):
		if p.rehearsed, err = week.Parse(line[len(rehearsedComment):]); err != nil {
			err = errWeeksComment
		}
	case strings.HasPrefix(line, termComment):
		return p.term(line[len(termComment):])
	case line == "" || strings.HasPrefix(line, "#"):
	case !p.open:
		err = errors.New("an identity without weeks: want # term before it")
	default:
		p.terms[len(p.terms)-1].Identity, err = hybrid.ParseIdentity(line)
		p.open = false
	}
	return err
}

func (p *weeksParser) term(value string) error {
	if p.open || len(p.terms) == maxKept {
		return fmt.Errorf("a term without identity before it, or more than %d terms", maxKept)
	}
	from, to, err := parseWeeks(value)
	if err != nil {
		return errWeeksComment
	}
	p.terms, p.open = append(p.terms, Term{From: from, To: to}), true
	return nil
}

// errWeeksComment does not say what stands there: an identity, perhaps, that
// slipped into the line.
var errWeeksComment = errors.New("a comment without a week: want a form such as # term 2026-W47 2026-W47")

func parseWeeks(value string) (from, to week.Week, err error) {
	first, last, _ := strings.Cut(value, " ")
	if from, err = week.Parse(first); err != nil {
		return from, to, err
	}
	to, err = week.Parse(last)
	return from, to, err
}

// SealWeeks writes the weeks file as it lies on the disk.
func (k *Keys) SealWeeks() ([]byte, error) {
	return hybrid.SealBytes([]byte(k.WeeksFile()), k.weeks.Recipient())
}

// OpenWeeks returns keys with the terms of a weeks file from the disk. It returns
// [hybrid.ErrNoMatch] when the file belongs to other keys.
func (k *Keys) OpenWeeks(sealed []byte) (*Keys, error) {
	in, err := hybrid.Open(bytes.NewReader(sealed), k.weeks)
	if err != nil {
		return nil, fmt.Errorf("opening weeks file: %w", err)
	}
	// Read to the end first: a file that was cut short must not pass for one
	// with fewer terms.
	plain, err := io.ReadAll(in)
	if err != nil {
		return nil, errors.New("opening weeks file: it is damaged or cut short")
	}
	terms, rehearsed, err := ParseWeeks(bytes.NewReader(plain))
	if err != nil {
		return nil, err
	}
	opened := *k
	opened.Terms, opened.Rehearsed = terms, rehearsed
	return &opened, opened.checkTerms()
}
