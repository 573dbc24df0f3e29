package main

import (
	"crypto/sha256"
	"strings"
	"time"

	"saksi/crypto/roster"
)

// describe says in words what a roster says. Its fields are plain text:
// roster.Parse takes nothing else.
func (c *console) describe(r *roster.Roster) {
	last := r.RootSets[len(r.RootSets)-1]
	hash := roster.Hash(sha256.Sum256([]byte(r.Text())))
	c.say("roster %d of %s", r.Sequence, r.Origin)
	c.say("  hash         %s", hash)
	c.say("  aloud        %s", strings.Join(roster.Aloud([]byte(r.Text())), " "))
	c.say("  valid        %s to %s, both days included", r.From.Format(time.DateOnly), r.Until.Format(time.DateOnly))
	c.say("  quorum       %s", quorumWords(r.Quorum))
	c.say("  roots        %d of %d must sign: %s", last.Threshold, len(last.Keys), names(last))
	if n := len(r.RootSets); n > 1 {
		c.say("               they are root set %d; the posters have the first", n)
	}
	c.say("  server       %s", r.Server)
	for i, v := range r.Reviewers {
		c.say("  slot %03d     %s, %s, region %s, id %s", i+1, v.Label, v.Organisation, v.Region, v.ID)
	}
	for _, v := range r.Revoked {
		c.say("  revoked      the key %s, from roster %d", v.Key, v.From)
	}
	c.say("  fingerprint  %s", strings.Join(r.RootSets[0].Fingerprint(), " "))
}

// describeChange says what differs from the roster before.
func (c *console) describeChange(before, after *roster.Roster, files recipientsFiles) {
	c.say("\nagainst roster %d:", before.Sequence)
	c.sayAll(differences(before, after, files), "nothing: the same people, keys and days")
}

// sayAll prints lines of a list, or what stands for none.
func (c *console) sayAll(lines []string, none string) {
	for _, line := range lines {
		c.say("  %s", line)
	}
	if len(lines) == 0 {
		c.say("  %s", none)
	}
}
