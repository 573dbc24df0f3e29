package roster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// Text writes the roster in its one spelling.
func (r *Roster) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	previous := "-"
	if !r.Previous.IsZero() {
		previous = r.Previous.String()
	}
	line("saksi/v1/roster")
	line("origin %s", r.Origin)
	line("sequence %d", r.Sequence)
	line("previous %s", previous)
	line("valid %s %s", r.From.Format(time.DateOnly), r.Until.Format(time.DateOnly))
	line("quorum %d outside %d", r.Quorum.Needed, r.Quorum.Outside)
	for i, set := range r.RootSets {
		line("roots %d threshold %d", i+1, set.Threshold)
		for _, k := range set.Keys {
			line("root %s", k)
		}
		for _, e := range set.Endorsed {
			line("endorsed %s", e)
		}
	}
	line("server %s", r.Server)
	for _, v := range r.Reviewers {
		line("reviewer %s", v.Line())
	}
	for _, p := range r.Recipients {
		line("recipients %s %s %s", p.From, p.To, p.File)
	}
	for _, v := range r.Revoked {
		line("revoked %s from %d", v.Key, v.From)
	}
	return b.String()
}

// Parse reads a roster's text. It checks the form, the counts and that no key,
// id or label stands twice; signatures are checked by [Verify].
func Parse(text string) (*Roster, error) {
	r, err := parse(newLines(text))
	if err != nil {
		return nil, fmt.Errorf("parsing roster: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("parsing roster: %w", err)
	}
	if r.Text() != text {
		return nil, errors.New("parsing roster: not in the one canonical spelling")
	}
	return r, nil
}

func parse(lines *lineReader) (*Roster, error) {
	r := &Roster{}
	if err := lines.expect("saksi/v1/roster"); err != nil {
		return nil, err
	}
	for _, read := range []func(*lineReader) error{
		r.parseHead, r.parseRoots, r.parseServer, r.parseReviewers, r.parsePeriods, r.parseRevoked,
	} {
		if err := read(lines); err != nil {
			return nil, err
		}
	}
	return r, lines.end()
}

func (r *Roster) parseHead(lines *lineReader) error {
	var err error
	if r.Origin, err = lines.field("origin"); err != nil {
		return err
	}
	if r.Sequence, err = lines.number("sequence"); err != nil {
		return err
	}
	previous, err := lines.field("previous")
	if err != nil {
		return err
	}
	if previous != "-" {
		if r.Previous, err = ParseHash(previous); err != nil {
			return err
		}
	}
	valid, err := lines.field("valid")
	if err != nil {
		return err
	}
	if r.From, r.Until, err = parseDays(valid); err != nil {
		return err
	}
	quorum, err := lines.field("quorum")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscanf(quorum, "%d outside %d", &r.Quorum.Needed, &r.Quorum.Outside); err != nil {
		return fmt.Errorf("line %d: want \"quorum K outside J\"", lines.at)
	}
	return nil
}

func parseDays(s string) (from, until time.Time, err error) {
	first, last, _ := strings.Cut(s, " ")
	if from, err = time.Parse(time.DateOnly, first); err != nil {
		return from, until, fmt.Errorf("first day %.40q: want a form such as 2026-11-22", first)
	}
	if until, err = time.Parse(time.DateOnly, last); err != nil {
		return from, until, fmt.Errorf("last day %.40q: want a form such as 2026-11-22", last)
	}
	return from, until, nil
}

func (r *Roster) parseRoots(lines *lineReader) error {
	for lines.next("roots") && len(r.RootSets) < MaxRootSets {
		value, err := lines.field("roots")
		if err != nil {
			return err
		}
		var number int
		var set RootSet
		_, err = fmt.Sscanf(value, "%d threshold %d", &number, &set.Threshold)
		if err != nil || number != len(r.RootSets)+1 {
			return fmt.Errorf("line %d: want \"roots %d threshold K\"", lines.at, len(r.RootSets)+1)
		}
		if set.Keys, err = parseRootKeys(lines); err != nil {
			return err
		}
		for lines.next("endorsed") && len(set.Endorsed) < MaxRoots {
			endorsement, err := lines.field("endorsed")
			if err != nil {
				return err
			}
			set.Endorsed = append(set.Endorsed, endorsement)
		}
		r.RootSets = append(r.RootSets, set)
	}
	return nil
}

func (r *Roster) parseServer(lines *lineReader) error {
	value, err := lines.field("server")
	if err != nil {
		return err
	}
	r.Server, err = sign.ParseKey(value)
	return err
}

func (r *Roster) parseReviewers(lines *lineReader) error {
	for lines.next("reviewer") {
		value, err := lines.field("reviewer")
		if err != nil {
			return err
		}
		reviewer, err := ParseReviewer(value)
		if err != nil {
			return fmt.Errorf("line %d: %w", lines.at, err)
		}
		if r.Reviewers = append(r.Reviewers, reviewer); len(r.Reviewers) > MaxReviewers {
			return fmt.Errorf("more than %d reviewers", MaxReviewers)
		}
	}
	return nil
}

// Line writes the fields of a reviewer's line, without the keyword.
func (v Reviewer) Line() string {
	return fmt.Sprintf("%s | %s | %s | %s | %s | %s", v.ID, v.Region, v.Organisation, v.Key, v.Direct, v.Label)
}

// ParseReviewer reads what Line wrote.
func ParseReviewer(value string) (Reviewer, error) {
	if n := 1 + strings.Count(value, " | "); n != 6 {
		return Reviewer{}, fmt.Errorf("a reviewer has 6 fields between \" | \", not %d", n)
	}
	fields := strings.Split(value, " | ")
	key, err := sign.ParseKey(fields[3])
	if err != nil {
		return Reviewer{}, err
	}
	direct, err := hybrid.ParseRecipient(fields[4])
	if err != nil {
		return Reviewer{}, err
	}
	v := Reviewer{
		ID: fields[0], Region: fields[1], Organisation: fields[2],
		Key: key, Direct: direct, Label: fields[5],
	}
	return v, v.Check()
}

func (r *Roster) parsePeriods(lines *lineReader) error {
	for lines.next("recipients") {
		value, err := lines.field("recipients")
		if err != nil {
			return err
		}
		fields := strings.SplitN(value, " ", 4)
		if len(fields) != 3 {
			return fmt.Errorf("line %d: want \"recipients FROM TO HASH\"", lines.at)
		}
		var p Period
		if p.From, err = week.Parse(fields[0]); err != nil {
			return err
		}
		if p.To, err = week.Parse(fields[1]); err != nil {
			return err
		}
		if p.File, err = ParseHash(fields[2]); err != nil {
			return err
		}
		if r.Recipients = append(r.Recipients, p); len(r.Recipients) > MaxPeriods {
			return fmt.Errorf("more than %d recipients files", MaxPeriods)
		}
	}
	return nil
}

func (r *Roster) parseRevoked(lines *lineReader) error {
	for lines.next("revoked") {
		value, err := lines.field("revoked")
		if err != nil {
			return err
		}
		key, from, ok := strings.Cut(value, " from ")
		var v Revocation
		if v.Key, err = sign.ParseKey(key); err != nil {
			return err
		}
		if v.From, err = strconv.ParseUint(from, 10, 64); err != nil || !ok {
			return fmt.Errorf("line %d: want \"revoked KEY from SEQUENCE\"", lines.at)
		}
		if r.Revoked = append(r.Revoked, v); len(r.Revoked) > MaxRevoked {
			return fmt.Errorf("more than %d revocations", MaxRevoked)
		}
	}
	return nil
}
