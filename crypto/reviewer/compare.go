package reviewer

import (
	"fmt"

	"saksi/crypto/hybrid"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// A Comparison says what a roster has in a reviewer's place, beside what the card of
// this reviewer says. All weeks that the roster has recipients for are in one of the
// lists, in their order.
type Comparison struct {
	Line    roster.Reviewer // of the card's id, on the roster
	Same    []week.Week     // sealed to the recipient that the card has for them
	Others  []week.Week     // sealed to another one
	Unknown []week.Week     // the card has no recipient for them
}

// Compare looks for each week's recipient of a card in the place of its id: a key that
// stands in the files, but under another id or in another week, is somebody else's to
// use. A roster whose signatures nobody has checked yet may be compared, too. It returns
// [roster.ErrNoRecipients] when a file is not at hand, or says what does not fit.
func (c Card) Compare(r *roster.Roster, files map[roster.Hash]string) (found Comparison, err error) {
	line, slot, ok := r.Reviewer(c.Line.ID)
	if !ok {
		return found, fmt.Errorf("the roster has no reviewer %q", c.Line.ID)
	}
	found.Line = line
	if err := (&roster.Signed{Roster: *r}).Complete(week.Week{}, files); err != nil {
		return found, err
	}
	for _, p := range r.Recipients {
		file, err := roster.ParseRecipients(files[p.File])
		if err != nil {
			return found, err
		}
		sealed := file.Keys[slot].String()
		for w := p.From; !p.To.Before(w); w = w.Add(1) {
			found.add(w, c.in(w), sealed)
		}
	}
	return found, nil
}

// add puts a week into one of the lists.
func (f *Comparison) add(w week.Week, card *hybrid.Recipient, sealed string) {
	switch {
	case card == nil:
		f.Unknown = append(f.Unknown, w)
	case card.String() == sealed:
		f.Same = append(f.Same, w)
	default:
		f.Others = append(f.Others, w)
	}
}
