package model

import (
	"slices"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// A party, and what it has from the start. Every reviewer has a bundle. What is
// on the server's disk is the same ciphertext; the key sectors on it open the
// second seal of the slots, which is there for deletion alone.
type party struct {
	name  string
	facts []Fact
}

const (
	thief    = "thief of the disk"
	plain    = "running server, reporter without script"
	scripted = "running server, reporter with script"
	network  = "local network"
	phone    = "holder of the phone, later"
	words    = "holder of the code"
	rootOne  = "root 1"
	rootTwo  = "root 2"
	late     = "first reviewer's laptop, after the week was destroyed and the case closed"
	handed   = "excluded reviewer to whom all colleagues handed their shares"
)

func stored() []Fact {
	facts := []Fact{"answer sealed", "recipients", "batch key"}
	for n := range items {
		facts = append(facts, fact("slots %d", n), fact("payload %d", n))
	}
	return facts
}

func (w World) parties() []party {
	serving := append(stored(), "serves", "link", "token", "key hash", "id 0", "id 1")
	list := []party{
		{thief, stored()},
		// Without script the code and the text pass through the process.
		{plain, append(slices.Clone(serving), "code", "text 0", "text 1", "excluded 0", "excluded 1", "text of later items")},
		// With it: ids as they are asked for, and the token of a reading.
		{scripted, serving},
		{network, []Fact{"somebody uses Tor"}},
		{phone, nil},
		{words, []Fact{"code", "recipients", "answer sealed"}}, // the answer by asking the server
		{rootOne, []Fact{"root key 1"}}, {rootTwo, []Fact{"root key 2"}},
		{late, append(stored(), fact("signing key of %s", w.Reviewers[0].ID))},
	}
	for _, r := range w.Reviewers {
		list = append(list, party{r.ID, append(stored(),
			fact("week of %s", r.ID), fact("signing key of %s", r.ID))})
	}
	return append(list, party{handed, w.handedOver()})
}

// handedOver is what an excluded reviewer can collect without anybody's fault: no
// desk knows who is excluded before an item is open.
func (w World) handedOver() []Fact {
	facts := append(stored(), fact("week of %s", w.Withheld))
	if w.alone() {
		return facts
	}
	for n := range items {
		for _, r := range w.Reviewers {
			if w.entitled(n, r) && r.ID != w.Withheld {
				facts = append(facts, fact("A %d of %s", n, r.ID))
			}
			if w.entitled(n, r) && r.ID != w.Withheld && r.Outside && w.Outside > 0 {
				facts = append(facts, fact("B %d of %s", n, r.ID))
			}
		}
	}
	return facts
}

func worlds() []World {
	reviewers := []Reviewer{{"r1", false}, {"r2", false}, {"r3", true}, {"r4", true}}
	var list []World
	for _, q := range [][2]int{{1, 0}, {2, 0}, {3, 0}, {1, 1}, {2, 1}, {3, 1}, {2, 2}, {3, 2}} {
		for _, withheld := range []string{"r2", "r3"} {
			if withheld == "r3" && q[1] == 2 {
				continue // two from elsewhere are needed, and one is left
			}
			list = append(list, World{reviewers, q[0], q[1], withheld})
		}
	}
	return list
}

// A coalition is who acts together, by name.
type coalition map[string]bool

// reads is what docs/threat-model.md says about the text of an item, in other
// words than the rules: the server without script, or a reader with a quorum of
// readers.
func (w World) reads(c coalition, n int) bool {
	if c[plain] {
		return true
	}
	readers, outside, opener := 0, 0, false
	for _, r := range w.Reviewers {
		has := c[r.ID] && w.entitled(n, r)
		opener = opener || has
		// What the excluded one collected counts for others, too.
		if has || c[handed] && !w.alone() && w.entitled(n, r) && r.ID != w.Withheld || c[handed] && n != 0 && r.ID == w.Withheld {
			readers++
			if r.Outside {
				outside++
			}
		}
	}
	if c[handed] && n != 0 {
		opener = true // of the second item nobody is excluded
	}
	return opener && readers >= w.Needed && outside >= w.Outside
}

// TestEveryCoalitionLearnsWhatTheTableSays goes through all coalitions of all
// parties, in every world.
func TestEveryCoalitionLearnsWhatTheTableSays(t *testing.T) {
	for _, w := range worlds() {
		parties, rules := w.parties(), w.Rules()
		for mask := range 1 << len(parties) {
			c, facts := coalition{}, []Fact(nil)
			for i, p := range parties {
				if mask>>i&1 == 1 {
					c[p.name] = true
					facts = append(facts, p.facts...)
				}
			}
			known := Closure(facts, rules)
			for goal, want := range w.expected(c) {
				if known[goal] != want {
					t.Fatalf("%+v: %v: %q %v, want %v", w, c, goal, known[goal], want)
				}
			}
		}
	}
}

func (w World) expected(c coalition) map[Fact]bool {
	both := w.reads(c, 0) && w.reads(c, 1)
	code, serving := c[plain] || c[words], c[plain] || c[scripted]
	holds := func(n int) bool { return w.reads(c, n) && !c[plain] } // by opening it
	addressed := holds(0) || holds(1) || c[plain] && w.opensAny(c)
	expect := map[Fact]bool{
		"text 0": w.reads(c, 0), "text 1": w.reads(c, 1),
		"excluded 0":          w.reads(c, 0),
		"link":                serving || code || both,
		"answer":              code && (c[words] || serving),
		"code":                code,
		"delete 0":            code,
		"reply identity":      code,
		"roster":              c[rootOne] && c[rootTwo],
		"text of later items": c[plain] || c[scripted] && c[rootOne] && c[rootTwo],
		"answer as r1":        (c["r1"] || c[late]) && addressed,
		"answer as r2":        c["r2"] && addressed,
		"suspects who is excluded from 0": w.reads(c, 0) ||
			!w.alone() && (c[w.Withheld] || c[handed]) && w.readersIn(c) >= 2,
	}
	return expect
}

// readersIn counts those of a coalition whom the first item is for.
func (w World) readersIn(c coalition) (n int) {
	for _, r := range w.Reviewers {
		if c[r.ID] && w.entitled(0, r) {
			n++
		}
	}
	return n
}

// opensAny reports whether reviewers in a coalition open an item without the
// server's help.
func (w World) opensAny(c coalition) bool {
	without := coalition{}
	for name := range c {
		without[name] = name != plain
	}
	return w.reads(without, 0) || w.reads(without, 1)
}

// TestTheModelIsWhatTheSealsDo compares, for every coalition of reviewers, what
// the rules say with what real identities open.
func TestTheModelIsWhatTheSealsDo(t *testing.T) {
	day := time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)
	for _, w := range worlds() {
		p := partytest.New(t, day, len(w.Reviewers))
		for i, r := range w.Reviewers {
			p.Reviewers[i].Line.Region = map[bool]string{true: "00", false: "73"}[r.Outside]
		}
		d := p.Draft(day)
		d.Quorum = roster.Quorum{Needed: w.Needed, Outside: w.Outside}
		p.Sign(t, d)
		sealed, err := item.Seal(p.Circle, receipt.New(), 0, item.Content{
			Kind: item.Message, Text: "rahasia", Readers: item.Readers{Withheld: []string{w.Withheld}, Province: "73"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for mask := range 1 << len(w.Reviewers) {
			facts := stored()
			for i, r := range w.Reviewers {
				if mask>>i&1 == 1 {
					facts = append(facts, fact("week of %s", r.ID))
				}
			}
			want := Closure(facts, w.Rules())["E 0"]
			if got := reallyOpens(t, p, sealed, mask); got != want {
				t.Errorf("%+v, reviewers %04b: opens %v, the model says %v", w, mask, got, want)
			}
		}
	}
}

// reallyOpens has everybody in a coalition open their slot and try with what all
// others found.
func reallyOpens(t *testing.T, p *partytest.Party, sealed *item.Sealed, mask int) bool {
	t.Helper()
	q := p.Roster.Quorum
	var parts []item.Parts
	for i, k := range p.Reviewers {
		if mask>>i&1 == 0 {
			continue
		}
		if q.Alone() {
			if _, err := item.OpenSlot(sealed.Slots[i], k.SlotIdentities()...); err == nil {
				return true
			}
			continue
		}
		part, err := item.OpenParts(q, sealed.Slots[i], i, k.SlotIdentities()...)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part)
	}
	var all []item.Handed
	for _, part := range parts {
		all = append(all, part.Handed)
	}
	return slices.ContainsFunc(parts, func(own item.Parts) bool {
		_, err := item.Join(q, own, all, nil)
		return err == nil
	})
}

// TestTheModelFindsAPlantedLeak: rules with a hole in them do not pass.
func TestTheModelFindsAPlantedLeak(t *testing.T) {
	w := World{Reviewers: worlds()[0].Reviewers, Needed: 2, Outside: 1, Withheld: "r2"}
	for _, hole := range []Rule{
		{[]Fact{"slots 0"}, "E 0"}, {[]Fact{"A 0", "B 0"}, "E 0"}, {[]Fact{"code"}, "E 0"},
		{[]Fact{"answer sealed", "token"}, "answer"}, {[]Fact{"root key 1"}, "roster"}, {[]Fact{"P 0"}, "A 0"},
		{[]Fact{"A 1 of r2"}, "A 0 of r2"}, {[]Fact{"week of r1"}, "link"},
	} {
		found := false
		parties := w.parties()
		for mask := range 1 << len(parties) {
			c, facts := coalition{}, []Fact(nil)
			for i, p := range parties {
				if mask>>i&1 == 1 {
					c[p.name] = true
					facts = append(facts, p.facts...)
				}
			}
			known := Closure(facts, append(w.Rules(), hole))
			for goal, want := range w.expected(c) {
				found = found || known[goal] != want
			}
			if found {
				break
			}
		}
		if !found {
			t.Errorf("%v is not noticed", hole)
		}
	}
}
