package reviewer

import (
	"errors"
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
// file that it pins for all its weeks.
func (d Draft) Roster() (*roster.Roster, *roster.Recipients, error) {
	if d.Weeks == 0 {
		d.Weeks = defaultWeeks
	}
	if d.Quorum == (roster.Quorum{}) {
		d.Quorum.Needed = 1
	}
	from := d.From.UTC().Truncate(24 * time.Hour)
	until := from.AddDate(0, 0, 7*d.Weeks-1)
	// A week more on both sides covers clocks that are a day off.
	recipients := &roster.Recipients{From: week.Of(from).Add(-1), To: week.Of(until).Add(1)}
	r := &roster.Roster{
		Origin: d.Origin, Sequence: 1, From: from, Until: until, Quorum: d.Quorum,
		RootSets: d.Roots, Server: d.Server, Revoked: d.Revoked,
	}
	if d.Previous != nil {
		r.Sequence, r.Previous = d.Previous.Sequence+1, d.Previous.Hash
	}
	for _, c := range d.Cards {
		r.Reviewers = append(r.Reviewers, c.Line)
		recipients.IDs = append(recipients.IDs, c.Line.ID)
		recipients.Keys = append(recipients.Keys, c.Slots)
	}
	r.Recipients = []roster.Period{{From: recipients.From, To: recipients.To, File: recipients.Hash()}}
	if len(d.Cards) == 0 {
		return nil, nil, errors.New("drafting roster: no reviewer's card")
	}
	if _, err := roster.Parse(r.Text()); err != nil {
		return nil, nil, err
	}
	return r, recipients, nil
}
