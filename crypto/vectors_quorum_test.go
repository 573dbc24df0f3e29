package crypto_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/crypto/shamir"
	"saksi/crypto/share"
)

type quorumSection struct {
	About   []string        `json:"about"`
	Items   []quorumVector  `json:"items"`
	Handout handoutVector   `json:"handout"`
	Places  []outsideVector `json:"outside"`
}

// A quorumVector is one item's slots, opened.
type quorumVector struct {
	Needed   int           `json:"needed"`
	Outside  int           `json:"outside"`
	Regions  []string      `json:"regions"`
	Province string        `json:"province"`
	Withheld []string      `json:"withheld"`
	E        string        `json:"e"`
	Slots    []hexBytes    `json:"slots"`
	Opens    []openingPair `json:"opens"`
}

// An openingPair is who opens with what of whom, from 1.
type openingPair struct {
	Opener int   `json:"opener"`
	With   []int `json:"with"`
	Opens  bool  `json:"opens"`
}

type outsideVector struct {
	Outside       int      `json:"outside"`
	Regions       []string `json:"regions"`
	Organisations []string `json:"organisations"`
	Province      string   `json:"province"`
	Elsewhere     []bool   `json:"elsewhere"`
}

type handoutVector struct {
	Text     string   `json:"text"`
	Identity string   `json:"identity"`
	Sealed   hexBytes `json:"sealed"`
}

func makeQuorum(t *testing.T) quorumSection {
	s := quorumSection{About: []string{
		"items: what the slots of an item hold under a quorum. Reviewers are r1, r2 and so on; opens says who opens with the",
		"A and B of whom, besides the own ones. outside: who counts as from elsewhere. handout: a file of shares, and the",
		"identity that opens it; its signature is by a key of its own.",
	}}
	places := []string{"73.71", "73", "00", "74"}
	s.Items = []quorumVector{
		makeQuorumItem(t, roster.Quorum{Needed: 2}, places, "", "r2"),
		makeQuorumItem(t, roster.Quorum{Needed: 2, Outside: 1}, places, "73", "r4"),
		makeQuorumItem(t, roster.Quorum{Needed: 1, Outside: 1}, places, "73", ""),
	}
	s.Places = makeOutside()
	s.Handout = makeHandout(t)
	return s
}

func makeQuorumItem(t *testing.T, q roster.Quorum, regions []string, province, withheld string) quorumVector {
	v := quorumVector{Needed: q.Needed, Outside: q.Outside, Regions: regions, Province: province, Withheld: []string{}}
	day := time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC)
	p := partytest.New(t, day, len(regions))
	for i, region := range regions {
		p.Reviewers[i].Line.Region = region
	}
	d := p.Draft(day)
	d.Quorum = q
	p.Sign(t, d)
	if withheld != "" {
		v.Withheld = []string{withheld}
	}
	c := item.Content{Kind: item.Message, Text: "a", Readers: item.Readers{Withheld: v.Withheld, Province: province}}
	sealed := must(item.Seal(p.Circle, receipt.New(), 0, c))(t)
	for i, slot := range sealed.Slots {
		parts := must(item.OpenParts(q, slot, i, p.Reviewers[i].SlotIdentities()...))(t)
		v.Slots = append(v.Slots, append(parts.Own, parts.Handed.Shares...))
	}
	for opener := 1; opener <= len(regions); opener++ {
		for with := 1; with <= len(regions); with++ {
			if with == opener {
				continue
			}
			pair := openingPair{Opener: opener, With: []int{with}}
			e, err := v.join(pair)
			if pair.Opens = err == nil; pair.Opens {
				v.E = e.String()
			}
			v.Opens = append(v.Opens, pair)
		}
	}
	return v
}

func (v quorumVector) quorum() roster.Quorum {
	return roster.Quorum{Needed: v.Needed, Outside: v.Outside}
}

func (v quorumVector) join(pair openingPair) (*hybrid.Identity, error) {
	parts := func(n int) item.Parts {
		slot := v.Slots[n-1]
		return item.Parts{Own: slot[:item.ShareSize], Handed: item.Handed{Slot: n - 1, Shares: slot[item.ShareSize:]}}
	}
	var others []item.Handed
	for _, n := range pair.With {
		others = append(others, parts(n).Handed)
	}
	return item.Join(v.quorum(), parts(pair.Opener), others, nil)
}

func makeOutside() []outsideVector {
	one, two := []string{"A", "A", "B"}, []string{"A", "B", "B"}
	list := []outsideVector{
		{1, []string{"73.71", "73", "00"}, one, "73", nil}, {1, []string{"73.71", "73", "00"}, one, "", nil},
		{1, []string{"73.71", "74", "00"}, one, "74", nil}, {1, []string{"73", "73", "73.02"}, two, "73", nil},
		{2, []string{"73", "00", "00"}, one, "00", nil}, {1, []string{"73", "73", "74"}, []string{"A", "B", "C"}, "", nil},
	}
	for i, v := range list {
		list[i].Elsewhere = v.roster().Outside(v.Province)
	}
	return list
}

func (v outsideVector) roster() *roster.Roster {
	r := &roster.Roster{Quorum: roster.Quorum{Needed: 2, Outside: v.Outside}}
	for i, region := range v.Regions {
		r.Reviewers = append(r.Reviewers, roster.Reviewer{Region: region, Organisation: v.Organisations[i]})
	}
	return r
}

func makeHandout(t *testing.T) handoutVector {
	p := partytest.New(t, time.Date(2026, time.November, 22, 0, 0, 0, 0, time.UTC), 2)
	h := &share.Handout{From: "r1", To: "r2", Roster: 1, RosterHash: p.Roster.Hash}
	for n := range 2 {
		shares := make([]byte, item.ShareSize)
		h.Items = append(h.Items, share.Item{
			ID: codes()[2].ItemID(n), Roster: 1, Handed: item.Handed{Shares: shares},
		})
	}
	sealed := must(h.Seal(p.Reviewers[0].Signer, p.Circle.Keys[1]))(t)
	id := p.Reviewers[1].SlotIdentities()[0]
	opened := must(share.Open(sealed, "r2", partytest.Rosters{p.Roster}, id))(t)
	if len(opened.Items) != 2 {
		t.Fatalf("%d items", len(opened.Items))
	}
	v := handoutVector{Identity: id.String(), Sealed: sealed}
	v.Text = string(must(hybrid.OpenBytes(sealed, plainSize(sealed), id))(t))
	return v
}

// plainSize is what a sealed file of less than a chunk has inside.
func plainSize(sealed []byte) int { return len(sealed) - int(hybrid.SealedSize(0, 1)) }

func (s quorumSection) check(t *testing.T) {
	for _, v := range s.Items {
		v.check(t)
	}
	for _, v := range s.Places {
		if got := v.roster().Outside(v.Province); fmt.Sprint(got) != fmt.Sprint(v.Elsewhere) {
			t.Errorf("%v in %q: from elsewhere are %v, the file has %v", v.Regions, v.Province, got, v.Elsewhere)
		}
	}
	id := must(hybrid.ParseIdentity(s.Handout.Identity))(t)
	same(t, "shares", must(hybrid.OpenBytes(s.Handout.Sealed, plainSize(s.Handout.Sealed), id))(t), hexBytes(s.Handout.Text))
}

// check joins by the document's words, with the package of section 19 alone, and
// as the package of items does.
func (v quorumVector) check(t *testing.T) {
	for _, pair := range v.Opens {
		e, err := v.join(pair)
		if (err == nil) != pair.Opens || err == nil && e.String() != v.E {
			t.Errorf("%+v: %v", pair, err)
		}
		if pair.Opens && v.Needed == 2 {
			same(t, "E by hand", v.byHand(t, pair), hexBytes(v.E))
		}
	}
}

func (v quorumVector) byHand(t *testing.T, pair openingPair) []byte {
	size := item.ShareSize
	a, b := v.Slots[pair.Opener-1], v.Slots[pair.With[0]-1]
	join := func(shares ...shamir.Share) []byte { return must(shamir.Combine(shares))(t) }
	top := []shamir.Share{{X: 1, Y: a[:size]}, {X: 2, Y: join(
		shamir.Share{X: byte(pair.Opener), Y: a[size : 2*size]}, shamir.Share{X: byte(pair.With[0]), Y: b[size : 2*size]})}}
	if v.Outside == 0 {
		return join(top...)
	}
	first := join(append(top, shamir.Share{X: 3, Y: a[2*size:]})...)
	if string(first) == v.E {
		return first
	}
	return join(append(top, shamir.Share{X: 3, Y: b[2*size:]})...)
}

// TestProtocolQuorum runs the document's commands on slots of the vectors.
func TestProtocolQuorum(t *testing.T) {
	v := readVectors(t, must(os.ReadFile(vectorsFile))(t)).Quorum.Items[1]
	folder := t.TempDir()
	for name, i := range map[string]int{"slot-1": 0, "slot-3": 2} {
		if err := os.WriteFile(filepath.Join(folder, name), v.Slots[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, folder, shellBlocks(t, "21. Shares between desks", 1)[0])
	same(t, "E", must(os.ReadFile(filepath.Join(folder, "e.key")))(t), hexBytes(v.E))
}
