package watch

import (
	"saksi/cmd/saksi/errand"
)

// A Verdict is what a look ended with: [OK], [Missed], or the reason of an alarm.
type Verdict string

// The verdicts.
const (
	OK     Verdict = "ok"
	Missed Verdict = "missed" // the drop was not reached, and that is no alarm yet

	Unsigned    Verdict = "unsigned"    // the roster is none, or is not signed by the roots
	Fork        Verdict = "fork"        // this roster's number was another roster's
	Back        Verdict = "back"        // an older roster than the one that was seen
	Gap         Verdict = "gap"         // a roster in between is not shown
	Chain       Verdict = "chain"       // it does not follow the one before
	Early       Verdict = "early"       // its first day has not come
	Expired     Verdict = "expired"     // its last day is over
	Page        Verdict = "page"        // a page shows another fingerprint or other reviewers
	Recipients  Verdict = "recipients"  // this week's keys are not those that the roots signed
	Direct      Verdict = "direct"      // the keys for sealing beforehand are not the roster's
	Views       Verdict = "views"       // two circuits see two rosters
	Answer      Verdict = "answer"      // the server does not answer as a drop does
	Unreachable Verdict = "unreachable" // not reached for some looks in a row
)

func reasons() []Verdict {
	return []Verdict{
		Unsigned, Fork, Back, Gap, Chain, Early, Expired, Page, Recipients, Direct, Views, Answer, Unreachable,
	}
}

// An Alarm is what is wrong with a drop.
type Alarm struct {
	Reason Verdict
	Detail string
}

func (a *Alarm) Error() string { return string(a.Reason) + ": " + errand.Plain(a.Detail) }

// passing reports whether an alarm may come from a roster that came into force
// between two requests.
func (a *Alarm) passing() bool {
	return a.Reason == Page || a.Reason == Recipients || a.Reason == Direct
}
