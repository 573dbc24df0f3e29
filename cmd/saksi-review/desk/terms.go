package desk

import (
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// warnOfTheEnd says weeks ahead when the roster ends, or its recipients.
func (im *importer) warnOfTheEnd() {
	now := im.desk.now()
	if err := im.newest.ValidAt(now); err != nil {
		im.warn("%v: ask the roots for a new one", err)
		return
	}
	if soon := im.newest.RunsOut(now, func(roster.Hash) bool { return true }); soon != "" {
		im.warn("%s: ask the roots when they meet", soon)
	}
}

// warnOfTerms says which weeks this desk has no identity for although things are
// sealed to it in them, or will soon have none that the next roster needs.
func (im *importer) warnOfTerms() {
	keys, now := im.desk.keys, week.Of(im.desk.now())
	line, n, ok := im.newest.Reviewer(keys.Line.ID)
	if !ok || !line.Key.Public().Equal(keys.Line.Key.Public()) {
		return
	}
	if w, ok := im.lostWeek(n, now); ok {
		im.warn("in week %s things are sealed to this reviewer that the weeks file here does not open: "+
			"bring back the weeks file of the card that the roots had, or give them a new card, today", w)
	}
	last := im.newest.Recipients[len(im.newest.Recipients)-1].To
	own := 0
	for _, ok := keys.Term(last.Add(1)); ok && own < roster.WarnDays/7; _, ok = keys.Term(last.Add(own + 1)) {
		own++
	}
	if own < roster.WarnDays/7 {
		im.warn("weeks of this desk that no roster has yet: %d. Make more with saksi-review weeks new, "+
			"and give the roots the new card before they meet", own)
	}
}

// lostWeek returns the first week, from this one on, in which the newest roster
// seals to another recipient in the n-th slot than the desk has an identity for.
func (im *importer) lostWeek(n int, now week.Week) (week.Week, bool) {
	for _, p := range im.newest.Recipients {
		r, err := roster.ParseRecipients(string(im.staged.recipients[p.File]))
		if err != nil || n >= len(r.Keys) {
			continue // not brought, or a file that no server takes in
		}
		for w := p.From; !p.To.Before(w); w = w.Add(1) {
			term, ok := im.desk.keys.Term(w)
			if !w.Before(now) && (!ok || term.Identity.Recipient().String() != r.Keys[n].String()) {
				return w, true
			}
		}
	}
	return week.Week{}, false
}
