package desk

import (
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"saksi/crypto/batch"
	"saksi/crypto/canary"
	"saksi/crypto/outbox"
	"saksi/crypto/roster"
)

// A canaryEntry is the answer to the canary of a month.
type canaryEntry struct {
	Month  canary.Month `json:"month"`
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
		if _, err := roster.ParseHash(c.Answer); err != nil {
			return err
		}
	}
	return nil
}

// answerCanaries opens those canaries of this reviewer that are on the list of a
// batch and were not answered yet. One that does not open is named each time it
// comes: the key is lost, or the server sealed it to another one.
func (im *importer) answerCanaries() {
	if n := len(im.staged.canaries); n > outbox.MaxCanaries {
		im.warn("the bundle has %d canaries for this desk, more than any server keeps: none is answered", n)
		return
	}
	for _, month := range slices.Sorted(maps.Keys(im.staged.canaries)) {
		at, known := slices.BinarySearchFunc(im.next.Canaries, month, byMonth)
		if known {
			continue
		}
		if !im.canaries[month] {
			im.warn("the canary of %s is not the one on the server's list: it is not answered", month)
			continue
		}
		answer, err := canary.Open(im.staged.canaries[month], im.desk.keys.SlotIdentities()...)
		if err != nil {
			im.report.Canaries = append(im.report.Canaries, string(month))
			continue
		}
		entry := &canaryEntry{Month: month, Answer: hex.EncodeToString(answer[:])}
		im.next.Canaries = slices.Insert(im.next.Canaries, at, entry)
	}
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

// listCanary notes that a list has this reviewer's canary just as it came.
func (im *importer) listCanary(p batch.Path, same bool) {
	if same && p.Reviewer == im.desk.keys.Line.ID {
		im.canaries[p.Month] = true
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
