package roster

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

var (
	idPattern     = regexp.MustCompile(`^[a-z][a-z0-9-]{0,15}$`)
	originPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,59}$`)
	regionPattern = regexp.MustCompile(`^[0-9]{2}(\.[0-9]{2})?$`)
)

// check holds what every roster must satisfy, signed or not.
// ValidID reports whether a text has the form of a reviewer's id.
func ValidID(id string) bool { return idPattern.MatchString(id) }

func (r *Roster) check() error {
	switch {
	case !originPattern.MatchString(r.Origin):
		return fmt.Errorf("origin %.40q: want lower-case letters, digits, dots and dashes", r.Origin)
	case r.Sequence == 0:
		return errors.New("sequence 0: the first roster is 1")
	case (r.Sequence == 1) != r.Previous.IsZero():
		return errors.New("the first roster, and only the first, has previous \"-\"")
	case r.Until.Before(r.From):
		return errors.New("the last day is before the first")
	case len(r.RootSets) == 0:
		return errors.New("no roots")
	case len(r.Reviewers) == 0:
		return errors.New("no reviewers")
	case len(r.Recipients) == 0:
		return errors.New("no recipients file")
	case r.Quorum.Needed < 1 || r.Quorum.Needed > len(r.Reviewers) ||
		r.Quorum.Outside < 0 || r.Quorum.Outside > r.Quorum.Needed:
		return fmt.Errorf("quorum %d outside %d of %d reviewers", r.Quorum.Needed, r.Quorum.Outside, len(r.Reviewers))
	}
	if !r.Quorum.Alone() && len(r.Reviewers) > MaxTogether {
		return fmt.Errorf("quorum %d outside %d of %d reviewers: where several are needed there are at most %d",
			r.Quorum.Needed, r.Quorum.Outside, len(r.Reviewers), MaxTogether)
	}
	for i, set := range r.RootSets {
		if err := set.check(); err != nil {
			return fmt.Errorf("root set %d: %w", i+1, err)
		}
		if i == 0 && len(set.Endorsed) > 0 {
			return errors.New("the first root set has no endorsements")
		}
	}
	if err := errors.Join(r.checkPeriods(), r.checkRevoked()); err != nil {
		return err
	}
	if err := r.checkReviewers(); err != nil {
		return err
	}
	return r.Reachable()
}

// checkPeriods holds that periods are in order and do not overlap.
func (r *Roster) checkPeriods() error {
	for i, p := range r.Recipients {
		if p.To.Before(p.From) {
			return fmt.Errorf("recipients %s %s: ends before it begins", p.From, p.To)
		}
		if i > 0 && !r.Recipients[i-1].To.Before(p.From) {
			return fmt.Errorf("recipients %s %s: overlaps the one before", p.From, p.To)
		}
	}
	return nil
}

// checkRevoked holds that each key is revoked once, and by now.
func (r *Roster) checkRevoked() error {
	seen := map[string]bool{}
	for _, v := range r.Revoked {
		if seen[string(v.Key.Public())] {
			return fmt.Errorf("revoked %q: stands twice", v.Key.Name())
		}
		if v.From < 1 || v.From > r.Sequence {
			return fmt.Errorf("revoked %q from %d: want a roster from 1 to %d", v.Key.Name(), v.From, r.Sequence)
		}
		seen[string(v.Key.Public())] = true
	}
	return nil
}

// checkReviewers holds that no reviewer stands twice, under whatever name.
func (r *Roster) checkReviewers() error {
	seen := map[string]bool{r.Server.String(): true, string(r.Server.Public()): true}
	for _, v := range r.Reviewers {
		if err := v.Check(); err != nil {
			return err
		}
		for _, unique := range []string{"id " + v.ID, "label " + v.Label, string(v.Key.Public()), v.Direct.String()} {
			if seen[unique] {
				return fmt.Errorf("reviewer %q: id, label and keys must differ from every other", v.ID)
			}
			seen[unique] = true
		}
	}
	return nil
}

// Check holds what one reviewer's line must satisfy by itself.
func (v Reviewer) Check() error {
	switch {
	case !idPattern.MatchString(v.ID):
		return fmt.Errorf("reviewer %.40q: an id is a letter and up to 15 letters, digits or dashes", v.ID)
	case !regionPattern.MatchString(v.Region):
		return fmt.Errorf("reviewer %q: region %.40q: want 00, a province such as 73 or a kabupaten such as 73.71",
			v.ID, v.Region)
	case v.Key.Name() != v.ID:
		return fmt.Errorf("reviewer %q: the signing key is named %.40q", v.ID, v.Key.Name())
	case !plainText(v.Organisation) || !plainText(v.Label):
		return fmt.Errorf("reviewer %q: organisation and label: 1 to %d bytes of plain text without \"|\"",
			v.ID, maxField)
	}
	return nil
}

func plainText(s string) bool {
	bad := func(r rune) bool { return r == '|' || r == unicode.ReplacementChar || !unicode.IsPrint(r) }
	return s != "" && len(s) <= maxField && strings.TrimSpace(s) == s && strings.IndexFunc(s, bad) < 0
}
