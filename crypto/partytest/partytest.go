// Package partytest makes a whole party for tests: roots, reviewers, a server
// key and a signed roster. All keys are fresh and all signatures real.
package partytest

import (
	"fmt"
	"testing"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// A Party is everyone around one drop.
type Party struct {
	Roots      []sign.Signer
	Trusted    roster.RootSet
	Server     sign.Signer
	Reviewers  []*reviewer.Keys
	Roster     *roster.Signed
	Recipients []*roster.Recipients // one file, unless reviewers have several terms
	Circle     *roster.Circle
}

// New makes a party with one root and that many reviewers, whose roster is
// valid at now.
func New(t testing.TB, now time.Time, reviewers int) *Party {
	t.Helper()
	p := &Party{}
	p.Roots = []sign.Signer{must(sign.Generate("akar"))(t)}
	p.Trusted = roster.RootSet{Threshold: 1, Keys: []sign.Key{p.Roots[0].Key()}}
	p.Server = must(sign.Generate("uji.saksi"))(t)
	for i := range reviewers {
		p.Reviewers = append(p.Reviewers, Reviewer(t, i+1))
	}
	p.Sign(t, p.Draft(now))
	return p
}

// Reviewer makes the keys of the n-th reviewer, with one term for all weeks that
// tests play in.
func Reviewer(t testing.TB, n int) *reviewer.Keys {
	t.Helper()
	always := must(reviewer.NewTerm(week.Week{Year: 2000, Number: 1}, week.Week{Year: 2199, Number: 52}))(t)
	return ReviewerWith(t, n, always)
}

// Weekly makes the keys of the n-th reviewer, with weeks terms of a week each,
// which cover a roster of [reviewer.Draft] from now on if there are 16 or more.
func Weekly(t testing.TB, n int, now time.Time, weeks int) *reviewer.Keys {
	t.Helper()
	return ReviewerWith(t, n, must(reviewer.Weekly(week.Of(now).Add(-1), weeks))(t)...)
}

// ReviewerWith makes the keys of the n-th reviewer, with these terms.
func ReviewerWith(t testing.TB, n int, terms ...reviewer.Term) *reviewer.Keys {
	t.Helper()
	id, label := fmt.Sprintf("r%d", n), fmt.Sprintf("Penelaah %d", n)
	return must(reviewer.Generate(id, "00", "Organisasi Uji", label, terms))(t)
}

// Draft returns the draft of the party's next roster.
func (p *Party) Draft(now time.Time) reviewer.Draft {
	d := reviewer.Draft{
		Origin: "uji.saksi", Roots: []roster.RootSet{p.Trusted}, Server: p.Server.Key(),
		From: now, Previous: p.Roster,
	}
	for _, k := range p.Reviewers {
		d.Cards = append(d.Cards, k.Card())
	}
	return d
}

// Sign has all roots sign the draft and makes it the party's roster.
func (p *Party) Sign(t testing.TB, d reviewer.Draft) {
	t.Helper()
	r, recipients, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	msg := must(sign.Note(r.Text(), p.Roots...))(t)
	p.Roster = must(roster.Verify(msg, p.Trusted))(t)
	p.Recipients = recipients
	p.Circle = must(p.Roster.CircleAt(d.From, p.Files()))(t)
}

// Files returns the recipients files by their hashes.
func (p *Party) Files() map[roster.Hash]string {
	files := map[roster.Hash]string{}
	for _, f := range p.Recipients {
		files[f.Hash()] = f.Text()
	}
	return files
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// Rosters are all rosters of a drop, the oldest first, from sequence 1.
type Rosters []*roster.Signed

// At returns the roster with a sequence.
func (r Rosters) At(sequence uint64) (*roster.Signed, bool) {
	if sequence < 1 || sequence > uint64(len(r)) {
		return nil, false
	}
	return r[sequence-1], true
}

// Newest returns the last.
func (r Rosters) Newest() *roster.Signed { return r[len(r)-1] }
