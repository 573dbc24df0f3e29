package roster

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/week"
)

// RecipientsSuffix ends the name of a recipients file. The stem is free: the
// roster finds its files by their hash.
const RecipientsSuffix = ".recipients"

// Recipients is the content of a recipients file: whom items of some weeks
// are sealed to, one line a reviewer, in the order of the roster.
//
//	saksi/v1/recipients
//	weeks 2026-W47 2027-W08
//	r1 age1pq1...
//	r2 age1pq1...
type Recipients struct {
	From, To week.Week
	IDs      []string
	Keys     []*hybrid.Recipient
}

// Text writes the file in its one spelling.
func (r *Recipients) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "saksi/v1/recipients\nweeks %s %s\n", r.From, r.To)
	for i, id := range r.IDs {
		fmt.Fprintf(&b, "%s %s\n", id, r.Keys[i])
	}
	return b.String()
}

// Hash returns the SHA-256 of Text, which the roster pins.
func (r *Recipients) Hash() Hash { return sha256.Sum256([]byte(r.Text())) }

// ParseRecipients reads what Text wrote.
func ParseRecipients(text string) (*Recipients, error) {
	r, err := parseRecipients(newLines(text))
	if err != nil {
		return nil, fmt.Errorf("parsing recipients: %w", err)
	}
	if r.Text() != text {
		return nil, errors.New("parsing recipients: not in the one canonical spelling")
	}
	return r, nil
}

func parseRecipients(lines *lineReader) (*Recipients, error) {
	if err := lines.expect("saksi/v1/recipients"); err != nil {
		return nil, err
	}
	weeks, err := lines.field("weeks")
	if err != nil {
		return nil, err
	}
	r := &Recipients{}
	from, to, _ := strings.Cut(weeks, " ")
	if r.From, err = week.Parse(from); err != nil {
		return nil, err
	}
	if r.To, err = week.Parse(to); err != nil {
		return nil, err
	}
	for len(lines.rest) > 1 {
		id, _, _ := strings.Cut(lines.rest[0], " ")
		value, err := lines.field(id)
		if err != nil {
			return nil, err
		}
		key, err := hybrid.ParseRecipient(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", lines.at, err)
		}
		if len(r.IDs) == MaxReviewers {
			return nil, fmt.Errorf("more than %d recipients", MaxReviewers)
		}
		r.IDs, r.Keys = append(r.IDs, id), append(r.Keys, key)
	}
	return r, lines.end()
}

// ErrNoRecipients is returned when a roster has no recipients file for a week,
// or the file at hand is not the one it pins.
var ErrNoRecipients = errors.New("no recipients for this week")

// A Circle is a roster with the recipients of one period: everything that is
// needed to seal an item.
type Circle struct {
	*Signed
	Keys []*hybrid.Recipient // in slot order
}

// CircleAt picks, from the texts of recipients files, the one that the roster
// pins for the week of now, and checks it against the roster. It returns
// [ErrExpired], [ErrNotYet] or [ErrNoRecipients].
func (s *Signed) CircleAt(now time.Time, files map[Hash]string) (*Circle, error) {
	if err := s.ValidAt(now); err != nil {
		return nil, err
	}
	w := week.Of(now)
	period, ok := s.Period(w)
	if !ok {
		return nil, fmt.Errorf("roster %d, week %s: %w", s.Sequence, w, ErrNoRecipients)
	}
	return s.circle(period, files)
}

// CircleOf is [Signed.CircleAt] for a sender, who has the one file that a server seals to
// now. It may be that of the week of 24 hours before or after: clocks differ, and whose
// is off at the turn of a week is not to be told that a key was swapped.
func (s *Signed) CircleOf(now time.Time, file string) (*Circle, error) {
	if err := s.ValidAt(now); err != nil {
		return nil, err
	}
	hash := Hash(sha256.Sum256([]byte(file)))
	first, last := week.Of(now.Add(-skew)), week.Of(now.Add(skew))
	for _, p := range s.Recipients {
		if p.File == hash && !last.Before(p.From) && !p.To.Before(first) {
			return s.circle(p, map[Hash]string{hash: file})
		}
	}
	return nil, fmt.Errorf("roster %d, file %s: %w", s.Sequence, hash, ErrNoRecipients)
}

// Complete returns [ErrNoRecipients], or says what does not fit, unless the files
// are at hand that the roster pins for week w and all that come after it.
func (s *Signed) Complete(w week.Week, files map[Hash]string) error {
	for _, p := range s.Recipients {
		if p.To.Before(w) {
			continue
		}
		if _, err := s.circle(p, files); err != nil {
			return fmt.Errorf("checking the recipients of weeks %s to %s: %w", p.From, p.To, err)
		}
	}
	return nil
}

// circle reads the file of one period.
func (s *Signed) circle(period Period, files map[Hash]string) (*Circle, error) {
	text, ok := files[period.File]
	if !ok || Hash(sha256.Sum256([]byte(text))) != period.File {
		return nil, fmt.Errorf("roster %d, file %s: %w", s.Sequence, period.File, ErrNoRecipients)
	}
	// Each sealing asks for its circle, and reading a file takes 0.1 ms a line.
	if known, ok := s.circles.Load(period.File); ok {
		return known.(*Circle), nil
	}
	r, err := ParseRecipients(text)
	if err != nil {
		return nil, err
	}
	if err := s.match(r, period); err != nil {
		return nil, err
	}
	c := &Circle{Signed: s, Keys: r.Keys}
	s.circles.Store(period.File, c)
	return c, nil
}

// LastDay returns the last day on which items can be sealed, from now on without
// a gap: the roster's own last, or the Sunday of the last week with recipients.
// It reports false when nothing can be sealed now. Files count if has says so.
func (s *Signed) LastDay(now time.Time, has func(Hash) bool) (time.Time, bool) {
	if s.ValidAt(now) != nil {
		return time.Time{}, false
	}
	w := week.Of(now)
	for p, ok := s.Period(w); ok && has(p.File); p, ok = s.Period(w) {
		w = p.To.Add(1)
	}
	if w == week.Of(now) {
		return time.Time{}, false
	}
	if last := w.Monday().AddDate(0, 0, -1); last.Before(s.Until) {
		return last, true
	}
	return s.Until, true
}

// WarnDays is how many days before the last on which items can be sealed
// everybody is told: the roots have to meet.
const WarnDays = 28

// RunsOut says in words when nothing can be sealed any more, if that is less than
// [WarnDays] days away; otherwise it returns "". Files count if has says so.
func (s *Signed) RunsOut(now time.Time, has func(Hash) bool) string {
	last, ok := s.LastDay(now, has)
	switch {
	case !ok:
		return fmt.Sprintf("nothing can be sealed under roster %d now", s.Sequence)
	case now.AddDate(0, 0, WarnDays).Before(last):
		return ""
	case last.Before(s.Until):
		return fmt.Sprintf("the recipients of roster %d end on %s, before the roster", s.Sequence, last.Format(time.DateOnly))
	}
	return fmt.Sprintf("roster %d ends on %s", s.Sequence, last.Format(time.DateOnly))
}

// match holds that the file has the roster's reviewers in the roster's order,
// and no key that has another use.
func (s *Signed) match(r *Recipients, p Period) error {
	if r.From != p.From || r.To != p.To || len(r.IDs) != len(s.Reviewers) {
		return errors.New("matching recipients: the file is for other weeks or reviewers")
	}
	seen := map[string]bool{}
	for _, v := range s.Reviewers {
		seen[v.Direct.String()] = true
	}
	for i, v := range s.Reviewers {
		if r.IDs[i] != v.ID {
			return fmt.Errorf("matching recipients: line %d is %.40q, the roster has %q", i+1, r.IDs[i], v.ID)
		}
		if key := r.Keys[i].String(); seen[key] {
			return fmt.Errorf("matching recipients: the key of %q stands twice", v.ID)
		} else {
			seen[key] = true
		}
	}
	return nil
}
