package desk

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/hybrid"
	"saksi/crypto/outbox"
	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// A canaryEntry is the answer to the canary of a month.
type canaryEntry struct {
	Month  canary.Month `json:"month"`
	Sealed string       `json:"sealed"` // SHA-256 of the file that was answered
	Answer string       `json:"answer"`
	Outbox uint64       `json:"outbox,omitempty"` // that took it; 0 while it waits
}

func (x *index) checkCanaries() error {
	var before canary.Month
	for _, c := range x.Canaries {
		if c == nil || c.Month <= before || c.Outbox > x.Outbox {
			return errors.New("the canaries are not in order")
		}
		before = c.Month
		if _, err := canary.ParseMonth(string(c.Month)); err != nil {
			return err
		}
		for _, hash := range []string{c.Sealed, c.Answer} {
			if _, err := roster.ParseHash(hash); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxNewCanaries is how many canaries one import opens: a server keeps that of this
// month and that of the last. By more a hostile one would only ask more.
const maxNewCanaries = 2

// answerCanaries opens those canaries of this reviewer that are on the list of a
// batch of their time and were not answered yet, the newest first. One that does not
// open is named each time it comes: the key is lost, or the server sealed it to
// another one.
func (im *importer) answerCanaries() {
	if n := len(im.staged.canaries); n > outbox.MaxCanaries {
		im.warn("the bundle has %d canaries for this desk, more than any server keeps: none is answered", n)
		return
	}
	opened := 0
	for _, month := range slices.Backward(slices.Sorted(maps.Keys(im.staged.canaries))) {
		switch why := im.refuseCanary(month); {
		case im.answered(month):
		case why != "":
			im.warn("the canary of %s %s: it is not answered", month, why)
		case opened == maxNewCanaries:
			im.warn("the canary of %s is one more than the %d that a server has at once: it is not answered",
				month, maxNewCanaries)
		default:
			opened++
			im.answerCanary(month)
		}
	}
	slices.Sort(im.report.Canaries)
}

// answered reports whether the canary of a month was answered before. If that was
// another file, it is named: one of the two may be planted, and an honest one that
// comes second stays unanswered.
func (im *importer) answered(month canary.Month) bool {
	at, known := slices.BinarySearchFunc(im.next.Canaries, month, byMonth)
	switch {
	case !known || im.next.Canaries[at].Sealed == hashOf(im.staged.canaries[month]):
		return known
	case im.canaries[month] == nil: // nor did the server bring it
		return false
	}
	im.warn("the server brought another canary of %s: this desk has answered one of that month, "+
		"and answers no second", month)
	return true
}

// refuseCanary says why a canary is not even tried, or nothing. Without the bounds of
// time a server could ask which weeks' secrets this desk still has, and use up months
// that are still to come.
func (im *importer) refuseCanary(month canary.Month) string {
	b := im.canaries[month]
	if b == nil {
		return "is not the one on the server's list"
	}
	now := canary.MonthOf(parseWeek(b.Week).Monday())
	if month != now && month.Before() != now && month != now.Before() {
		return fmt.Sprintf("is on the list of batch %d of week %s", b.Sequence, b.Week)
	}
	return ""
}

func (im *importer) answerCanary(month canary.Month) {
	sealed := im.staged.canaries[month]
	answer, err := canary.Open(sealed, im.desk.identitiesAround(parseWeek(im.canaries[month].Week))...)
	if err != nil {
		im.report.Canaries = append(im.report.Canaries, string(month))
		return
	}
	entry := &canaryEntry{Month: month, Sealed: hashOf(sealed), Answer: hex.EncodeToString(answer[:])}
	at, _ := slices.BinarySearchFunc(im.next.Canaries, month, byMonth)
	im.next.Canaries = slices.Insert(im.next.Canaries, at, entry)
}

// identitiesAround returns those of the terms that cover a week, the one before or the
// one after: clocks differ, and a batch that failed is closed later.
func (d *Desk) identitiesAround(w week.Week) (ids []*hybrid.Identity) {
	for _, t := range d.keys.Terms {
		if !w.Add(1).Before(t.From) && !t.To.Before(w.Add(-1)) {
			ids = append(ids, t.Identity)
		}
	}
	return ids
}

func byMonth(c *canaryEntry, month canary.Month) int {
	switch {
	case c.Month < month:
		return -1
	case c.Month > month:
		return 1
	}
	return 0
}

// listCanary notes the first batch whose list has this reviewer's canary just as it came.
func (im *importer) listCanary(b *batchEntry, p batch.Path, same bool) {
	if same && p.Reviewer == im.desk.keys.Line.ID && im.canaries[p.Month] == nil {
		im.canaries[p.Month] = b
	}
}

// WaitingCanaries returns how many answers wait for an outbox.
func (d *Desk) WaitingCanaries() (n int) {
	for _, c := range d.index.Canaries {
		if c.Outbox == 0 {
			n++
		}
	}
	return n
}

// takeCanaries puts what waits into an outbox, up to its limit. The newest go first:
// a server forgets old ones.
func (x *index) takeCanaries(o *outbox.Outbox) error {
	for _, c := range slices.Backward(x.Canaries) {
		if c.Outbox > 0 || len(o.Canaries) == outbox.MaxCanaries {
			continue
		}
		answer, err := roster.ParseHash(c.Answer)
		if err != nil {
			return err
		}
		o.Canaries = append(o.Canaries, outbox.Canary{Month: c.Month, Answer: canary.Answer(answer)})
		c.Outbox = x.Outbox
	}
	slices.Reverse(o.Canaries)
	return nil
}
