package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
)

// policyFlags are what the roots decide for a roster beside its reviewers and days.
type policyFlags struct {
	quorum, outside int // below 0: as in the roster before
	revoke, remove  repeated
	nextRoots       string
}

// repeated is a flag that may stand several times.
type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, " ") }
func (r *repeated) Set(v string) error { *r = append(*r, v); return nil }

func (f *policyFlags) define(flags *flag.FlagSet) {
	flags.IntVar(&f.quorum, "quorum", -1, "how many reviewers must join to open a testimony; as before if not given, first 1")
	flags.IntVar(&f.outside, "outside", -1, "how many of them from outside the province of what happened; "+
		"as before if not given, first 0")
	flags.Var(&f.revoke, "revoke", "`REVIEWER[:FROM]`, the id of a reviewer of the roster before, or a signing key: "+
		"answers under roster FROM or later are void; this roster if FROM is not given. Several times for several")
	flags.Var(&f.remove, "remove", "`id` of a reviewer of the roster before who is meant to be gone. Several times for several")
	flags.StringVar(&f.nextRoots, "next-roots", "", "`file` with next roots, endorsed by those of now")
}

// decide puts what the flags say into a draft that has its roots, cards and previous
// roster.
func (f *policyFlags) decide(c *console, d *reviewer.Draft) error {
	if err := f.policy(d); err != nil {
		return err
	}
	if err := f.successor(d); err != nil {
		return err
	}
	if err := f.removals(c, d); err != nil {
		return err
	}
	return f.revocations(d)
}

// policy sets the quorum, which must be in reach.
func (f *policyFlags) policy(d *reviewer.Draft) error {
	if d.Quorum.Needed == 0 {
		d.Quorum.Needed = 1
	}
	if f.quorum >= 0 {
		d.Quorum.Needed = f.quorum
	}
	if f.outside >= 0 {
		d.Quorum.Outside = f.outside
	}
	return reachable(d.Quorum, d.Cards)
}

// reachable returns an error when there are testimonies that too few of these reviewers
// could open.
func reachable(q roster.Quorum, cards []reviewer.Card) error {
	if q.Needed < 1 || q.Outside < 0 || q.Outside > q.Needed {
		return fmt.Errorf("%w: -quorum is 1 or more, -outside from 0 to the quorum", errUsage)
	}
	if q.Needed > len(cards) {
		return fmt.Errorf("a quorum of %d is out of reach of %s", q.Needed, plural(len(cards), "reviewer"))
	}
	r := &roster.Roster{Quorum: q}
	for _, card := range cards {
		r.Reviewers = append(r.Reviewers, card.Line)
	}
	return r.Reachable()
}

// successor takes next roots in, if there are some.
func (f *policyFlags) successor(d *reviewer.Draft) error {
	if f.nextRoots == "" {
		return nil
	}
	msg, err := readText(f.nextRoots)
	if err != nil {
		return err
	}
	next, err := d.Roots[len(d.Roots)-1].Succeed([]byte(msg))
	if err != nil {
		return fmt.Errorf("reading %q: %w", f.nextRoots, err)
	}
	d.Roots = append(slices.Clone(d.Roots), next)
	return nil
}

// removals holds that who is gone was meant to be, as far as that was said.
func (f *policyFlags) removals(c *console, d *reviewer.Draft) error {
	if d.Previous == nil {
		if len(f.remove) > 0 {
			return fmt.Errorf("%w: -remove goes with -previous", errUsage)
		}
		return nil
	}
	given := func(id string) bool {
		return slices.ContainsFunc(d.Cards, func(card reviewer.Card) bool { return card.Line.ID == id })
	}
	for _, id := range f.remove {
		if _, _, ok := d.Previous.Reviewer(id); !ok {
			return fmt.Errorf("removing %q: the roster before has no such reviewer", id)
		}
		if given(id) {
			return fmt.Errorf("removing %q: leave the card away, too", id)
		}
	}
	for _, v := range d.Previous.Reviewers {
		if !given(v.ID) && !slices.Contains(f.remove, v.ID) {
			c.warn("no card of %s, %s, was given: this roster is without them; -remove %s says that this is meant",
				v.ID, v.Label, v.ID)
		}
	}
	return nil
}

// revocations adds those that the flags ask for to those that are handed down.
func (f *policyFlags) revocations(d *reviewer.Draft) error {
	sequence := uint64(1)
	if d.Previous != nil {
		sequence = d.Previous.Sequence + 1
	}
	d.Revoked = slices.Clone(d.Revoked)
	for _, text := range f.revoke {
		v, err := f.revocation(d, text, sequence)
		if err != nil {
			return fmt.Errorf("revoking %q: %w", text, err)
		}
		if err := add(&d.Revoked, v); err != nil {
			return fmt.Errorf("revoking %q: %w", text, err)
		}
	}
	for _, card := range d.Cards {
		key := card.Line.Key.Public()
		if slices.ContainsFunc(d.Revoked, func(v roster.Revocation) bool { return v.Key.Public().Equal(key) }) {
			return fmt.Errorf("the card of %q has a revoked key: leave it away, or let them make a new key", card.Line.ID)
		}
	}
	return nil
}

// revocation reads REVIEWER[:FROM]. Whose key it is, is looked up in the roster before.
func (f *policyFlags) revocation(d *reviewer.Draft, text string, sequence uint64) (v roster.Revocation, err error) {
	who, from, dated := strings.Cut(text, ":")
	v.From = sequence
	if dated {
		if v.From, err = strconv.ParseUint(from, 10, 64); err != nil || v.From < 1 || v.From > sequence {
			return v, fmt.Errorf("%w: want the number of a roster from 1 to %d behind the colon", errUsage, sequence)
		}
	}
	if strings.Contains(who, "+") {
		v.Key, err = sign.ParseKey(who)
		return v, err
	}
	if d.Previous != nil {
		if known, _, ok := d.Previous.Reviewer(who); ok {
			v.Key = known.Key
			return v, nil
		}
	}
	return v, errors.New("the roster before has no such reviewer: give the signing key instead, " +
		"the field with plus signs on their card")
}

// add adds a revocation, or makes one reach further back. None is taken back.
func add(all *[]roster.Revocation, v roster.Revocation) error {
	for i, old := range *all {
		if !old.Key.Public().Equal(v.Key.Public()) {
			continue
		}
		if old.From <= v.From {
			return fmt.Errorf("it is void from roster %d already", old.From)
		}
		(*all)[i].From = v.From
		return nil
	}
	*all = append(*all, v)
	return nil
}
