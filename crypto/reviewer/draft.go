package reviewer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// A Draft is what the roots decide before they sign a roster.
type Draft struct {
	Origin   string
	Roots    []roster.RootSet
	Server   sign.Key
	Cards    []Card // in slot order
	From     time.Time
	Weeks    int // how long the roster is valid; 13 by default
	Quorum   roster.Quorum
	Previous *roster.Signed // nil for the first roster
	Revoked  []roster.Revocation
}

// defaultWeeks is a roster's life: a quarter of a year, so that a reviewer who
// left does not stay on it for long.
const defaultWeeks = 13

// Roster puts the draft together: the roster to be signed, and the recipients
// files that it pins, in the order of weeks. Neighbouring weeks with the same
// recipients share a file.
func (d Draft) Roster() (*roster.Roster, []*roster.Recipients, error) {
	if d.Weeks == 0 {
		d.Weeks = defaultWeeks
	}
	if d.Quorum == (roster.Quorum{}) {
		d.Quorum.Needed = 1
	}
	from := d.From.UTC().Truncate(24 * time.Hour)
	until := from.AddDate(0, 0, 7*d.Weeks-1)
	r := &roster.Roster{
		Origin: d.Origin, Sequence: 1, From: from, Until: until, Quorum: d.Quorum,
		RootSets: d.Roots, Server: d.Server, Revoked: d.Revoked,
	}
	if d.Previous != nil {
		r.Sequence, r.Previous = d.Previous.Sequence+1, d.Previous.Hash
	}
	if len(d.Cards) == 0 {
		return nil, nil, errors.New("drafting roster: no reviewer's card")
	}
	for _, c := range d.Cards {
		r.Reviewers = append(r.Reviewers, c.Line)
	}
	// A week more on both sides covers clocks that are a day off.
	files, err := d.recipients(week.Of(from).Add(-1), week.Of(until).Add(1))
	if err != nil {
		return nil, nil, err
	}
	for _, f := range files {
		r.Recipients = append(r.Recipients, roster.Period{From: f.From, To: f.To, File: f.Hash()})
	}
	if _, err := roster.Parse(r.Text()); err != nil {
		return nil, nil, err
	}
	return r, files, nil
}

// recipients makes the files of these weeks. Each card must have a term for each
// week: a reviewer who is left out of one could read nothing of it, and no other
// week's key stands in.
func (d Draft) recipients(from, to week.Week) ([]*roster.Recipients, error) {
	var missing error
	for _, c := range d.Cards {
		if w, ok := c.firstMissing(from, to); ok {
			missing = errors.Join(missing, fmt.Errorf("drafting roster: the card of %q has no recipient for week %s, "+
				"and the roster needs weeks %s to %s", c.Line.ID, w, from, to))
		}
	}
	if missing != nil {
		return nil, missing
	}
	var files []*roster.Recipients
	for w := from; !to.Before(w); w = w.Add(1) {
		next := &roster.Recipients{From: w, To: w}
		for _, c := range d.Cards {
			next.IDs, next.Keys = append(next.IDs, c.Line.ID), append(next.Keys, c.in(w))
		}
		if n := len(files); n > 0 && slices.Equal(files[n-1].Keys, next.Keys) {
			files[n-1].To = w
			continue
		}
		files = append(files, next)
	}
	return files, nil
}

// firstMissing returns the first of these weeks that the card has no term for.
func (c Card) firstMissing(from, to week.Week) (week.Week, bool) {
	for w := from; !to.Before(w); w = w.Add(1) {
		if c.in(w) == nil {
			return w, true
		}
	}
	return week.Week{}, false
}
