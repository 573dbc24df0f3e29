package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/week"
)

// A difference says in words all in which a roster differs from another one. A
// root signs what it was told here, so nothing may be left out.
type difference struct {
	before, after *roster.Roster
	files         recipientsFiles
	lines         []string
}

// recipientsFiles are those at hand, by their hash.
type recipientsFiles map[roster.Hash]string

// noWords stands for a difference that none of the functions below knows.
const noWords = "changed: something that this program has no words for; do not sign it"

// differences compares after with before. It returns nothing only for rosters with the
// same text, or for one that follows the other and has the same content.
func differences(before, after *roster.Roster, files recipientsFiles) []string {
	d := &difference{before: before, after: after, files: files}
	for _, compare := range []func(){
		d.head, d.days, d.quorum, d.roots, d.server, d.reviewers, d.recipients, d.revocations,
	} {
		compare()
	}
	next := *before
	next.Sequence, next.Previous = after.Sequence, after.Previous
	if len(d.lines) == 0 && next.Text() != after.Text() {
		d.say(noWords)
	}
	return d.lines
}

func (d *difference) say(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func textHash(r *roster.Roster) roster.Hash { return sha256.Sum256([]byte(r.Text())) }

// head compares the names and numbers, which are the same but for a step forward.
func (d *difference) head() {
	if d.before.Origin != d.after.Origin {
		d.say("changed: it is a roster of %s, not of %s", d.after.Origin, d.before.Origin)
	}
	if d.after.Sequence == d.before.Sequence+1 && d.after.Previous == textHash(d.before) {
		return
	}
	if d.before.Sequence != d.after.Sequence {
		d.say("changed: it has the number %d, not %d", d.after.Sequence, d.before.Sequence)
	}
	if d.before.Previous != d.after.Previous {
		d.say("changed: it names another roster as the one before it")
	}
}

func (d *difference) days() {
	before, after := d.before, d.after
	if !before.From.Equal(after.From) || !before.Until.Equal(after.Until) {
		d.say("days: %s, before: %s", days(after), days(before))
	}
	if before.Until.Before(after.From.AddDate(0, 0, -1)) {
		d.say("a gap: no roster is valid between %s and %s",
			before.Until.Format(time.DateOnly), after.From.Format(time.DateOnly))
	}
}

func days(r *roster.Roster) string {
	return r.From.Format(time.DateOnly) + " to " + r.Until.Format(time.DateOnly)
}

func (d *difference) quorum() {
	if d.before.Quorum != d.after.Quorum {
		d.say("changed: %s; before: %s", quorumWords(d.after.Quorum), quorumWords(d.before.Quorum))
	}
}

// quorumWords says who must join to open a testimony.
func quorumWords(q roster.Quorum) string {
	switch {
	case q.Needed == 1 && q.Outside == 0:
		return "each reviewer opens a testimony alone"
	case q.Needed == 1:
		return "one reviewer opens a testimony alone, and only one from outside the province of what happened"
	case q.Outside == 0:
		return fmt.Sprintf("%d reviewers together open a testimony, from wherever they are", q.Needed)
	default:
		return fmt.Sprintf("%d reviewers together open a testimony, %d of them from outside the province of what happened",
			q.Needed, q.Outside)
	}
}

// roots compares the root sets. Only the last one signs; the first is on posters.
func (d *difference) roots() {
	before, after := d.before.RootSets, d.after.RootSets
	for i := range min(len(before), len(after)) {
		switch {
		case before[i].Text() != after[i].Text() && i == 0:
			d.say("changed: the first roots: this is another drop, with another fingerprint")
		case before[i].Text() != after[i].Text():
			d.say("changed: root set %d is another one", i+1)
		case !slices.Equal(before[i].Endorsed, after[i].Endorsed):
			d.say("changed: root set %d has other signatures of the roots before it", i+1)
		}
	}
	if len(after) < len(before) {
		d.say("gone: root sets %d to %d", len(after)+1, len(before))
	}
	for i := len(before); i < len(after); i++ {
		for _, line := range rootChanges(after[i-1], after[i]) {
			d.say("root set %d: %s", i+1, line)
		}
	}
}

// rootChanges says how one root set differs from the one before it.
func rootChanges(before, after roster.RootSet) (lines []string) {
	known := func(set roster.RootSet, name string) string {
		for _, k := range set.Keys {
			if k.Name() == name {
				return k.String()
			}
		}
		return ""
	}
	for _, k := range after.Keys {
		switch known(before, k.Name()) {
		case k.String():
		case "":
			lines = append(lines, fmt.Sprintf("new: root %s", k.Name()))
		default:
			lines = append(lines, fmt.Sprintf("changed: root %s has another key", k.Name()))
		}
	}
	for _, k := range before.Keys {
		if known(after, k.Name()) == "" {
			lines = append(lines, fmt.Sprintf("gone: root %s", k.Name()))
		}
	}
	if before.Threshold != after.Threshold || len(before.Keys) != len(after.Keys) {
		lines = append(lines, fmt.Sprintf("%d of %d roots must sign, before: %d of %d",
			after.Threshold, len(after.Keys), before.Threshold, len(before.Keys)))
	}
	if len(lines) == 0 {
		lines = append(lines, "the same roots and threshold once more")
	}
	return lines
}

func (d *difference) server() {
	if d.before.Server.String() != d.after.Server.String() {
		d.say("changed: the server's key")
	}
}

func (d *difference) reviewers() {
	for i, v := range d.after.Reviewers {
		old, at, ok := d.before.Reviewer(v.ID)
		switch {
		case !ok:
			d.say("new: %s, %s", v.ID, v.Label)
			continue
		case old.Line() != v.Line():
			d.say("changed: %s has another %s", v.ID, strings.Join(changedFields(old, v), ", "))
		}
		if at != i {
			d.say("moved: %s from slot %03d to %03d", v.ID, at+1, i+1)
		}
	}
	for _, v := range d.before.Reviewers {
		if _, _, ok := d.after.Reviewer(v.ID); !ok {
			d.say("gone: %s, %s", v.ID, v.Label)
		}
	}
}

// A lineField is one field of a reviewer's line, in two versions of it.
type lineField struct {
	name, old, now string
	readable       bool // by a person
}

func lineFields(old, now roster.Reviewer) []lineField {
	return []lineField{
		{"label", old.Label, now.Label, true},
		{"organisation", old.Organisation, now.Organisation, true},
		{"region", old.Region, now.Region, true},
		{"signing key", old.Key.String(), now.Key.String(), false},
		{"direct recipient", old.Direct.String(), now.Direct.String(), false},
	}
}

// changedFields names them, and what stands in those that a person can read.
func changedFields(old, v roster.Reviewer) []string {
	var fields []string
	for _, f := range lineFields(old, v) {
		switch {
		case f.old == f.now:
		case f.readable:
			fields = append(fields, fmt.Sprintf("%s (%s, before: %s)", f.name, f.now, f.old))
		default:
			fields = append(fields, f.name)
		}
	}
	return fields
}

// recipients compares whom the weeks are sealed to. A roster has only hashes; with
// the files at hand it is said whose keys are others.
func (d *difference) recipients() {
	for _, now := range d.after.Recipients {
		for _, old := range d.before.Recipients {
			if overlap(old, now) {
				d.period(old, now)
			}
		}
	}
	for _, run := range alone(d.after.Recipients, d.before.Recipients) {
		d.say("recipients: weeks %s to %s are new", run.From, run.To)
	}
	for _, run := range alone(d.before.Recipients, d.after.Recipients) {
		d.say("recipients: weeks %s to %s are on it no more", run.From, run.To)
	}
}

// alone returns the periods that have no week in common with others, those that
// follow each other as one: a roster has a file for each week.
func alone(periods, others []roster.Period) (runs []roster.Period) {
	for _, p := range periods {
		if slices.ContainsFunc(others, func(o roster.Period) bool { return overlap(o, p) }) {
			continue
		}
		if n := len(runs) - 1; n >= 0 && runs[n].To.Add(1) == p.From {
			runs[n].To = p.To
		} else {
			runs = append(runs, p)
		}
	}
	return runs
}

func overlap(a, b roster.Period) bool { return !a.To.Before(b.From) && !b.To.Before(a.From) }

// period compares two recipients files that have weeks in common.
func (d *difference) period(old, now roster.Period) {
	if old == now {
		return
	}
	if old.From != now.From || old.To != now.To {
		d.say("recipients: a file for weeks %s to %s, before: %s to %s", now.From, now.To, old.From, old.To)
	}
	if old.File == now.File {
		return
	}
	from, to := later(old.From, now.From), earlier(old.To, now.To)
	a, errBefore := roster.ParseRecipients(d.files[old.File])
	b, errAfter := roster.ParseRecipients(d.files[now.File])
	if errBefore != nil || errAfter != nil {
		d.say("recipients of weeks %s to %s: another file; whose keys are others can only be said with both files", from, to)
		return
	}
	if changed := changedKeys(a, b); len(changed) > 0 {
		d.say("recipients of weeks %s to %s: other keys of %s", from, to, strings.Join(changed, ", "))
	} else {
		d.say("recipients of weeks %s to %s: the same keys, in another file", from, to)
	}
}

func later(a, b week.Week) week.Week {
	if a.Before(b) {
		return b
	}
	return a
}

func earlier(a, b week.Week) week.Week {
	if a.Before(b) {
		return a
	}
	return b
}

// changedKeys names those who are in both files, with different keys.
func changedKeys(before, after *roster.Recipients) (ids []string) {
	known := map[string]string{}
	for i, id := range before.IDs {
		known[id] = before.Keys[i].String()
	}
	for i, id := range after.IDs {
		if old, ok := known[id]; ok && old != after.Keys[i].String() {
			ids = append(ids, id)
		}
	}
	return ids
}

func (d *difference) revocations() {
	for _, v := range d.after.Revoked {
		from, ok := d.before.VoidFrom(v.Key)
		switch {
		case !ok:
			d.say("revoked: %s; what it signed under roster %d or later is void", d.keyOf(v), v.From)
		case from != v.From:
			d.say("changed: %s is void from roster %d, before: from %d", d.keyOf(v), v.From, from)
		}
	}
	for _, v := range d.before.Revoked {
		if _, ok := d.after.VoidFrom(v.Key); !ok {
			d.say("taken back: the revocation of %s, which no server and no desk will believe", d.keyOf(v))
		}
	}
	same := func(a, b roster.Revocation) bool { return a.Key.Public().Equal(b.Key.Public()) }
	if len(d.before.Revoked) == len(d.after.Revoked) && !slices.EqualFunc(d.before.Revoked, d.after.Revoked, sameLine) &&
		slices.EqualFunc(sorted(d.before.Revoked), sorted(d.after.Revoked), same) {
		d.say("changed: the revocations are named or ordered in another way")
	}
}

// keyOf says whose key is revoked. A key has a name of its own, which proves nothing:
// it may be another key than that of the reviewer of this name.
func (d *difference) keyOf(v roster.Revocation) string {
	for _, r := range []*roster.Roster{d.before, d.after} {
		for _, reviewer := range r.Reviewers {
			if reviewer.Key.Public().Equal(v.Key.Public()) {
				return fmt.Sprintf("the key of %s, %s", reviewer.ID, reviewer.Label)
			}
		}
	}
	return fmt.Sprintf("a key with the name %s that neither of the two rosters has", v.Key.Name())
}

func sameLine(a, b roster.Revocation) bool {
	return a.Key.String() == b.Key.String() && a.From == b.From
}

func sorted(list []roster.Revocation) []roster.Revocation {
	return slices.SortedFunc(slices.Values(list), func(a, b roster.Revocation) int {
		return strings.Compare(string(a.Key.Public()), string(b.Key.Public()))
	})
}
