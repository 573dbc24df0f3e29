package crypto_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

// A party is everyone in the vectors: four roots, of whom the last replaces
// the first; four reviewers, of whom two leave with the second roster.
type party struct {
	roots      []sign.Signer
	rootSets   []roster.RootSet // the second endorsed by the first
	server     sign.Signer
	reviewers  []*reviewer.Keys
	rosters    history
	recipients [][]*roster.Recipients // of each roster
	circle     *roster.Circle         // of the first roster
	code       receipt.Code           // of the reporter
}

// history is rosters, oldest first.
type history []*roster.Signed

var _ reply.Rosters = history(nil)

func (h history) At(sequence uint64) (*roster.Signed, bool) {
	if sequence < 1 || sequence > uint64(len(h)) {
		return nil, false
	}
	return h[sequence-1], true
}

func (h history) Newest() *roster.Signed { return h[len(h)-1] }

func firstDay() time.Time { return time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC) }

func newParty(t *testing.T) *party {
	p := &party{code: receipt.Code([]byte("saksi mata dua"))}
	for i := range 4 {
		p.roots = append(p.roots, must(sign.Generate(fmt.Sprintf("akar-%d", i+1)))(t))
	}
	first := roster.RootSet{Threshold: 2, Keys: keysOf(p.roots[:3])}
	next := roster.RootSet{Threshold: 2, Keys: keysOf(p.roots[1:])}
	p.rootSets = []roster.RootSet{first, must(first.Endorse(next, p.roots[0], p.roots[1]))(t)}
	p.server = must(sign.Generate("uji.saksi"))(t)
	for i, region := range []string{"00", "73", "73.71", "73.02"} {
		id := fmt.Sprintf("r%d", i+1)
		label := fmt.Sprintf("Penelaah %d", i+1)
		keys := must(reviewer.Generate(id, region, "Lembaga Uji é", label, terms(t, i)))(t)
		p.reviewers = append(p.reviewers, keys)
	}
	p.signRosters(t)
	return p
}

// terms are four of eight weeks each for r1, and one for the others.
func terms(t *testing.T, n int) []reviewer.Term {
	first := week.Of(firstDay()).Add(-1)
	if n > 0 {
		return []reviewer.Term{must(reviewer.NewTerm(first, first.Add(31)))(t)}
	}
	var list []reviewer.Term
	for i := range 4 {
		from := first.Add(8 * i)
		list = append(list, must(reviewer.NewTerm(from, from.Add(7)))(t))
	}
	return list
}

func keysOf(signers []sign.Signer) []sign.Key {
	keys := make([]sign.Key, len(signers))
	for i, s := range signers {
		keys[i] = s.Key()
	}
	return keys
}

// signRosters makes two rosters. The second has the second root set, misses
// r2 and r4, and voids what they signed: r2's from the beginning, r4's from
// roster 2.
func (p *party) signRosters(t *testing.T) {
	d := reviewer.Draft{
		Origin: "uji.saksi", Roots: p.rootSets[:1], Server: p.server.Key(), From: firstDay(),
		Cards: p.cards(0, 1, 2, 3),
	}
	p.sign(t, d, p.roots[0], p.roots[2])
	p.circle = must(p.rosters[0].CircleAt(firstDay(), p.files()))(t)
	d.Roots, d.Previous, d.Cards, d.From = p.rootSets, p.rosters[0], p.cards(0, 2), firstDay().AddDate(0, 0, 56)
	d.Revoked = []roster.Revocation{
		{Key: p.reviewers[1].Line.Key, From: 1}, {Key: p.reviewers[3].Line.Key, From: 2},
	}
	p.sign(t, d, p.roots[2], p.roots[3])
}

func (p *party) cards(reviewers ...int) []reviewer.Card {
	var cards []reviewer.Card
	for _, i := range reviewers {
		cards = append(cards, p.reviewers[i].Card())
	}
	return cards
}

func (p *party) sign(t *testing.T, d reviewer.Draft, by ...sign.Signer) {
	r, recipients, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	note := must(sign.Note(r.Text(), by...))(t)
	p.rosters = append(p.rosters, must(roster.Verify(note, p.rootSets[0]))(t))
	p.recipients = append(p.recipients, recipients)
}

func (p *party) files() map[roster.Hash]string {
	files := map[roster.Hash]string{}
	for _, r := range slices.Concat(p.recipients...) {
		files[r.Hash()] = r.Text()
	}
	return files
}

// thread is what reviewers know of the reporter's mailbox.
func (p *party) thread() reply.Thread {
	keys := p.code.Keys()
	return reply.Thread{Mailbox: keys.Mailbox(), Reply: keys.Reply.Recipient()}
}

// readReviewers reads the people that the file describes back into keys.
func readReviewers(t *testing.T, s reviewerSection) map[string]*reviewer.Keys {
	t.Helper()
	byID := map[string]*reviewer.Keys{}
	for _, v := range s.Reviewers {
		byID[v.ID] = v.read(t)
	}
	return byID
}

// readRosters reads the rosters that the file describes.
func readRosters(t *testing.T, s rosterSection) history {
	t.Helper()
	trusted := must(roster.ParseRootSet(s.Roots.Text))(t)
	var h history
	for _, v := range s.Rosters {
		h = append(h, must(roster.Verify([]byte(v.Note), trusted))(t))
	}
	return h
}
