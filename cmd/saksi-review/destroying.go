package main

import (
	"saksi/cmd/saksi-review/desk"
	"saksi/crypto/week"
)

// destroyWeeks destroys the secrets of weeks that the desk needs no longer, and
// says which, and why others that should be gone by now are kept.
func (c *console) destroyWeeks(d *desk.Desk, held *heldKeys, grace int) error {
	if err := finishReplacing(held.path); err != nil {
		return err
	}
	verdicts, err := d.Destroy(grace, held.destroy)
	if err != nil {
		return err
	}
	for _, v := range runsOf(verdicts) {
		switch {
		case v.Why == "":
			c.say("destroyed: the secret of %s; what came then is read by the keys of its cases", weeksFrom(v.From, v.To))
		case v.Due:
			c.say("kept: the secret of %s, because %s", weeksFrom(v.From, v.To), v.Why)
		}
	}
	return nil
}

// runsOf joins verdicts that follow each other and say the same.
func runsOf(verdicts []desk.Verdict) (runs []desk.Verdict) {
	for _, v := range verdicts {
		if n := len(runs); n > 0 && runs[n-1].Why == v.Why && runs[n-1].Due == v.Due && runs[n-1].To.Add(1) == v.From {
			runs[n-1].To = v.To
			continue
		}
		runs = append(runs, v)
	}
	return runs
}

func weeksFrom(from, to week.Week) string {
	if from == to {
		return "week " + from.String()
	}
	return "weeks " + from.String() + " to " + to.String()
}

// apartName says how an item that is in no thread is listed.
func apartName(a desk.Apart) string {
	if a.Late {
		return "too late "
	}
	return "set apart"
}
