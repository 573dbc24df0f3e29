package main

import (
	"crypto/sha256"
	"strings"
	"time"

	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// describe says in words what a roster says. Its fields are plain text:
// roster.Parse takes nothing else.
func (c *console) describe(r *roster.Roster) {
	last := r.RootSets[len(r.RootSets)-1]
	hash := roster.Hash(sha256.Sum256([]byte(r.Text())))
	c.say("roster %d of %s", r.Sequence, r.Origin)
	c.say("  hash         %s", hash)
	c.say("  valid        %s to %s, both days included", r.From.Format(time.DateOnly), r.Until.Format(time.DateOnly))
	if r.Quorum.Needed == 1 {
		c.say("  quorum       each reviewer opens a testimony alone")
	} else {
		c.say("  quorum       %d reviewers together, %d of them from elsewhere", r.Quorum.Needed, r.Quorum.Outside)
	}
	c.say("  roots        %d of %d must sign: %s", last.Threshold, len(last.Keys), names(last))
	c.say("  server       %s", r.Server)
	for i, v := range r.Reviewers {
		c.say("  slot %03d     %s, %s, region %s, id %s", i+1, v.Label, v.Organisation, v.Region, v.ID)
	}
	for _, v := range r.Revoked {
		c.say("  revoked      the key of %s, from roster %d", v.Key.Name(), v.From)
	}
	c.say("  fingerprint  %s", strings.Join(r.RootSets[0].Fingerprint(), " "))
}

// describeChange says what differs from the roster before.
func (c *console) describeChange(before, after *roster.Roster) {
	c.say("\nagainst roster %d:", before.Sequence)
	changes := 0
	change := func(format string, args ...any) {
		changes++
		c.say("  "+format, args...)
	}
	for i, v := range after.Reviewers {
		old, at, ok := before.Reviewer(v.ID)
		switch {
		case !ok:
			change("new: %s, %s", v.ID, v.Label)
		case old.Line() != v.Line():
			change("changed: %s has another %s", v.ID, strings.Join(changedFields(old, v), ", "))
		case at != i:
			change("moved: %s from slot %03d to %03d", v.ID, at+1, i+1)
		}
	}
	for _, v := range before.Reviewers {
		if _, _, ok := after.Reviewer(v.ID); !ok {
			change("gone: %s, %s", v.ID, v.Label)
		}
	}
	if before.Server.String() != after.Server.String() {
		change("changed: the server's key")
	}
	if before.Until.Before(after.From.AddDate(0, 0, -1)) {
		change("a gap: no roster is valid between %s and %s",
			before.Until.Format(time.DateOnly), after.From.Format(time.DateOnly))
	}
	if changes == 0 {
		c.say("  the same people and keys, other days")
	}
}

func changedFields(old, v roster.Reviewer) []string {
	var fields []string
	for _, f := range []struct{ name, old, now string }{
		{"label", old.Label, v.Label},
		{"organisation", old.Organisation, v.Organisation},
		{"region", old.Region, v.Region},
		{"signing key", old.Key.String(), v.Key.String()},
		{"direct recipient", old.Direct.String(), v.Direct.String()},
	} {
		if f.old != f.now {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// describeSignatures says who signed, and how many are still to come.
func (c *console) describeSignatures(r *roster.Roster, msg []byte, path string) error {
	last := r.RootSets[len(r.RootSets)-1]
	var signed, open []string
	for _, k := range last.Keys {
		if _, err := sign.Open(msg, 1, k); err == nil {
			signed = append(signed, k.Name())
		} else {
			open = append(open, k.Name())
		}
	}
	c.say("\n%s has %d of %d signatures: %s", path, len(signed), last.Threshold, strings.Join(signed, ", "))
	if missing := last.Threshold - len(signed); missing > 0 {
		c.say("%s to come, by any of: %s", plural(missing, "signature"), strings.Join(open, ", "))
	} else {
		c.say("it is complete")
	}
	return nil
}
