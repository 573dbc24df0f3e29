// Package model says what follows from what: which secrets open which, all over
// the drop, as rules that a machine goes through. Its tests try every coalition of
// every party (parties, in the test, says who holds what) and compare what it can
// learn with what docs/threat-model.md says; another compares the model with the
// real seals.
//
// # What a model like this shows, and what not
//
// It is symbolic, in the manner of Dolev and Yao ("On the Security of Public Key
// Protocols", IEEE Transactions on Information Theory 29, 1983): a sealed file is
// opened by its identity or not at all, a hash is never turned round, a signature
// comes from its key. So it finds who can open what by putting together what
// several have, over all coalitions. It does not find
//
//   - weaknesses of age, HKDF, Ed25519 or Shamir's scheme, or of how they are
//     called: vectors and the stock programs are there for that;
//   - what sizes, times, counts and orders tell: tests of those are in server,
//     server/inbox and server/gate;
//   - what a text says by itself. "Known to two people" is the reporter's to weigh;
//   - mistakes of the rules below. They are few and meant to be read.
package model

import (
	"fmt"
	"slices"
)

// A Fact is something that a party has or can work out, such as "text 0".
type Fact string

// A Rule says that whoever has all of From has To.
type Rule struct {
	From []Fact
	To   Fact
}

// Closure returns all that follows from the facts by the rules.
func Closure(facts []Fact, rules []Rule) map[Fact]bool {
	known := map[Fact]bool{}
	for _, f := range facts {
		known[f] = true
	}
	for grown := true; grown; {
		grown = false
		for _, r := range rules {
			if !known[r.To] && !slices.ContainsFunc(r.From, func(f Fact) bool { return !known[f] }) {
				known[r.To], grown = true, true
			}
		}
	}
	return known
}

// A Reviewer is one slot of the roster.
type Reviewer struct {
	ID      string
	Outside bool // of the province of the incident
}

// A World is one reporter with two items, the reviewers, and the roster's quorum.
type World struct {
	Reviewers []Reviewer // in slot order
	Needed    int
	Outside   int
	Withheld  string // the reviewer whom the first item is kept from; "" for nobody
}

// items are the reporter's: a testimony, and a message that follows it.
const items = 2

func fact(format string, args ...any) Fact { return Fact(fmt.Sprintf(format, args...)) }

// entitled reports whether a reviewer may read an item.
func (w World) entitled(item int, r Reviewer) bool { return item != 0 || r.ID != w.Withheld }

// alone reports whether one reader is enough.
func (w World) alone() bool { return w.Needed == 1 && w.Outside == 0 }

// Rules returns what opens what.
func (w World) Rules() []Rule {
	rules := codeRules()
	for item := range items {
		for _, r := range w.Reviewers {
			rules = append(rules, w.slotRules(item, r)...)
		}
		if !w.alone() {
			rules = append(rules, w.quorumRules(item)...)
		}
		rules = append(rules, w.suspicionRules(item)...)
		rules = append(rules, itemRules(item)...)
	}
	return append(rules, w.personRules()...)
}

// codeRules: all of a reporter's keys follow from the twelve words, and no key of
// an item.
func codeRules() []Rule {
	code := []Fact{"code"}
	rules := []Rule{
		{code, "token"}, {code, "reply identity"}, {code, "author key"},
		{[]Fact{"answer sealed", "reply identity"}, "answer"},
		{[]Fact{"token", "key hash"}, "mailbox"},
		{code, "key hash"},
		{[]Fact{"author key", "recipients"}, "write as the reporter"},
	}
	for item := range items {
		rules = append(rules, Rule{code, fact("id %d", item)}, Rule{code, fact("burn token %d", item)},
			Rule{[]Fact{fact("burn token %d", item), fact("id %d", item)}, fact("delete %d", item)})
	}
	// Who knows both ids as one person's, or finds one mailbox in both, knows that
	// one person sent both. Ids by themselves look random.
	return append(rules, Rule{code, "link"}, Rule{[]Fact{"mailbox of 0", "mailbox of 1"}, "link"})
}

// slotRules: what a reviewer's week identity finds in the slot. Who is excluded
// finds random bytes, which are no fact.
func (w World) slotRules(item int, r Reviewer) []Rule {
	if !w.entitled(item, r) {
		return nil
	}
	open := []Fact{fact("week of %s", r.ID), fact("slots %d", item)}
	if w.alone() {
		return []Rule{{open, fact("E %d", item)}}
	}
	rules := []Rule{{open, fact("P %d", item)}, {open, fact("A %d of %s", item, r.ID)}}
	if r.Outside && w.Outside > 0 {
		rules = append(rules, Rule{open, fact("B %d of %s", item, r.ID)})
	}
	return rules
}

// quorumRules: k shares of A, j of B, and P.
func (w World) quorumRules(item int) []Rule {
	var everybody, outside []Fact
	for _, r := range w.Reviewers {
		everybody = append(everybody, fact("A %d of %s", item, r.ID))
		if r.Outside {
			outside = append(outside, fact("B %d of %s", item, r.ID))
		}
	}
	whole := []Fact{fact("P %d", item), fact("A %d", item)}
	rules := threshold(everybody, w.Needed, fact("A %d", item))
	if w.Outside > 0 {
		whole = append(whole, fact("B %d", item))
		rules = append(rules, threshold(outside, w.Outside, fact("B %d", item))...)
	}
	return append(rules, Rule{whole, fact("E %d", item)})
}

// suspicionRules: P is one string for all who may read. Two who compare theirs
// find that they have the same, and that a third has not: that one is excluded, or
// the item is a decoy that was made to look so.
func (w World) suspicionRules(item int) []Rule {
	suspects := fact("suspects who is excluded from %d", item)
	rules := []Rule{{[]Fact{fact("excluded %d", item)}, suspects}}
	if w.alone() {
		return rules
	}
	for i, a := range w.Reviewers {
		for _, b := range w.Reviewers[:i] {
			if w.entitled(item, a) && w.entitled(item, b) && !w.entitled(item, Reviewer{ID: w.Withheld}) {
				rules = append(rules, Rule{[]Fact{
					fact("week of %s", a.ID), fact("week of %s", b.ID), fact("week of %s", w.Withheld), fact("slots %d", item),
				}, suspects})
			}
		}
	}
	return rules
}

// threshold returns a rule for each k of the shares.
func threshold(shares []Fact, k int, secret Fact) (rules []Rule) {
	for mask := range 1 << len(shares) {
		var from []Fact
		for i, s := range shares {
			if mask>>i&1 == 1 {
				from = append(from, s)
			}
		}
		if len(from) == k {
			rules = append(rules, Rule{from, secret})
		}
	}
	return rules
}

// itemRules: E opens the payload, and in it is what its author said of himself to
// readers: the thread, and who is excluded.
func itemRules(item int) []Rule {
	open := []Fact{fact("E %d", item), fact("payload %d", item)}
	return []Rule{
		{open, fact("text %d", item)}, {open, fact("excluded %d", item)}, {open, fact("mailbox of %d", item)},
		{[]Fact{fact("mailbox of %d", item)}, "address of answers"},
	}
}

// personRules: who can pass for whom.
func (w World) personRules() []Rule {
	var rules []Rule
	for _, r := range w.Reviewers {
		rules = append(rules, Rule{
			[]Fact{fact("signing key of %s", r.ID), "address of answers"}, fact("answer as %s", r.ID),
		})
	}
	return append(rules,
		// A roster of one's own has one's own recipients: what is sealed under it
		// can be read. What was sealed before cannot.
		Rule{[]Fact{"root key 1", "root key 2"}, "roster"},
		Rule{[]Fact{"roster", "serves"}, "text of later items"},
		Rule{[]Fact{"roster"}, "revoke"},
	)
}
