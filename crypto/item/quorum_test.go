package item

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
)

// places are where the reviewers of these tests stand: two in one province, one
// for the country, one in another province; or two for the country, where as many
// are to be from elsewhere wherever it happened.
func places(q roster.Quorum) []string {
	if q.Outside == 2 {
		return []string{"73.71", "73", "00", "00"}
	}
	return []string{"73.71", "73", "00", "74"}
}

// circleOf makes a party whose roster asks for a quorum.
func circleOf(t testing.TB, q roster.Quorum, regions ...string) *partytest.Party {
	t.Helper()
	p := partytest.New(t, day, len(regions))
	for i, region := range regions {
		p.Reviewers[i].Line.Region = region
	}
	d := p.Draft(day)
	d.Quorum = q
	p.Sign(t, d)
	return p
}

// partsOf opens every slot with its reviewer's identity.
func partsOf(t testing.TB, p *partytest.Party, s sealed) []Parts {
	t.Helper()
	parts := make([]Parts, len(s.Slots))
	for i, slot := range s.Slots {
		var err error
		if parts[i], err = OpenParts(p.Roster.Quorum, slot, i, p.Reviewers[i].SlotIdentities()...); err != nil {
			t.Fatal(err)
		}
	}
	return parts
}

func quorums() []roster.Quorum {
	return []roster.Quorum{
		{Needed: 2}, {Needed: 3}, {Needed: 4}, {Needed: 1, Outside: 1}, {Needed: 2, Outside: 1},
		{Needed: 2, Outside: 2}, {Needed: 3, Outside: 1}, {Needed: 3, Outside: 2},
	}
}

// TestJustAQuorumOpens goes through every quorum that four reviewers can have,
// every single exclusion, every coalition and everyone in it who may open: an
// item opens when its opener may read it and those who may read it in the
// coalition are a quorum, and never otherwise.
func TestJustAQuorumOpens(t *testing.T) {
	for _, q := range quorums() {
		for _, province := range []string{"73", "74", ""} {
			p := circleOf(t, q, places(q)...)
			for withheld := -1; withheld < len(p.Reviewers); withheld++ {
				everyCoalition(t, p, province, withheld)
			}
		}
	}
}

func everyCoalition(t *testing.T, p *partytest.Party, province string, withheld int) {
	q, outside := p.Roster.Quorum, p.Roster.Outside(province)
	readers := Readers{Province: province}
	if withheld >= 0 {
		readers.Withheld = []string{p.Reviewers[withheld].Line.ID}
	}
	entitled, left := make([]bool, len(outside)), [2]int{}
	for i := range outside {
		if entitled[i] = i != withheld; entitled[i] {
			left = counted(left, outside[i])
		}
	}
	c := Content{Kind: Message, Text: "rahasia", Readers: readers}
	if left[0] < q.Needed || left[1] < q.Outside {
		if _, err := Seal(p.Circle, receipt.New(), 0, c); !errors.Is(err, ErrFewReaders) {
			t.Errorf("%+v in %q without %d: %v, want ErrFewReaders", q, province, withheld, err)
		}
		return
	}
	s := seal(t, p, receipt.New(), 0, c)
	parts := partsOf(t, p, s)
	for coalition := range 1 << len(parts) {
		var handed []Handed
		var has [2]int
		for i := range parts {
			if coalition>>i&1 == 0 {
				continue
			}
			handed = append(handed, parts[i].Handed)
			if entitled[i] {
				has = counted(has, outside[i])
			}
		}
		for opener := range parts {
			if coalition>>opener&1 == 0 {
				continue
			}
			want := entitled[opener] && has[0] >= q.Needed && has[1] >= q.Outside
			e, err := Join(q, parts[opener], handed, nil)
			if opened := err == nil; opened != want || !opened && !errors.Is(err, ErrNotYet) {
				t.Fatalf("%+v in %q without %d: %d opens with %04b: %v, want %v", q, province, withheld, opener, coalition, err, want)
			}
			if want {
				if _, err := Open(bytes.NewReader(s.payload), e, s.expect(), nil); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func counted(counts [2]int, outside bool) [2]int {
	counts[0]++
	if outside {
		counts[1]++
	}
	return counts
}

// TestSlotsOfAQuorumLookAlike: neither who is excluded nor who is from elsewhere
// shows in the size of a slot.
func TestSlotsOfAQuorumLookAlike(t *testing.T) {
	for _, q := range append(quorums(), roster.Quorum{Needed: 1}) {
		p := circleOf(t, q, append(places(q), "00", "00")...)
		s := seal(t, p, receipt.New(), 0, Content{
			Kind: Message, Text: "rahasia", Readers: Readers{Province: "73", Withheld: []string{"r3"}},
		})
		for i, slot := range s.Slots {
			if int64(len(slot)) != SlotSize(q) || !ValidSlotSize(int64(len(slot))) {
				t.Errorf("%+v: slot %d has %d bytes, want %d", q, i, len(slot), SlotSize(q))
			}
		}
	}
}

// TestSharesOfStrangersDoNotHarm: what colleagues hand over may be anything, and
// come twice.
func TestSharesOfStrangersDoNotHarm(t *testing.T) {
	q := roster.Quorum{Needed: 2, Outside: 1}
	p := circleOf(t, q, places(q)...)
	s := seal(t, p, receipt.New(), 0, Content{Kind: Message, Text: "rahasia", Readers: Readers{Province: "73"}})
	parts := partsOf(t, p, s)
	noise := Handed{Slot: 1, Shares: bytes.Repeat([]byte{7}, HandedSize(q))}
	if _, err := Join(q, parts[0], []Handed{noise, noise, parts[0].Handed, parts[2].Handed}, nil); err != nil {
		t.Errorf("among noise: %v", err)
	}
	for name, h := range map[string]Handed{
		"short": {Slot: 2, Shares: []byte{1}}, "no slot": {Slot: -1, Shares: noise.Shares},
		"of another quorum": {Slot: 2, Shares: noise.Shares[:ShareSize]},
	} {
		if _, err := Join(q, parts[0], []Handed{h}, nil); err == nil || errors.Is(err, ErrNotYet) {
			t.Errorf("%s: %v, want another error", name, err)
		}
	}
}

// TestStockToolsJoinAQuorum: gfcombine and head, tail and age are enough.
func TestStockToolsJoinAQuorum(t *testing.T) {
	if _, err := exec.LookPath("gfcombine"); err != nil {
		t.Fatal("gfcombine is missing: apt install libgfshare-bin")
	}
	q := roster.Quorum{Needed: 2, Outside: 1}
	p := circleOf(t, q, places(q)...)
	s := seal(t, p, receipt.New(), 0, Content{Kind: Message, Text: "rahasia", Readers: Readers{Province: "73"}})
	dir := t.TempDir()
	for _, i := range []int{0, 2} {
		part := partsOf(t, p, s)[i]
		slot := slices.Concat(part.Own, part.Handed.Shares)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("slot-%d", i+1)), slot, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := `set -e
head -c 77 slot-1 > e.001
for i in 1 3; do head -c 154 slot-$i | tail -c 77 > a.00$i; done
tail -c 77 slot-3 > b.003
gfcombine -o e.002 a.001 a.003
cp b.003 e.003 # one of one is the whole
gfcombine -o e.key e.001 e.002 e.003`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	key, err := os.ReadFile(filepath.Join(dir, "e.key"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := hybrid.ParseIdentity(string(key))
	if err != nil {
		t.Fatalf("what gfcombine gives is no identity: %v", err)
	}
	if _, err := Open(bytes.NewReader(s.payload), e, s.expect(), nil); err != nil {
		t.Error(err)
	}
}

// TestManySharesAreTriedInTime: a quorum of ten among twenty, half of them
// excluded.
func TestManySharesAreTriedInTime(t *testing.T) {
	q := roster.Quorum{Needed: 10, Outside: 5}
	p := circleOf(t, q, slices.Repeat([]string{"00"}, MaxJoined)...)
	var withheld []string
	for _, k := range p.Reviewers[10:] {
		withheld = append(withheld, k.Line.ID)
	}
	s := seal(t, p, receipt.New(), 0, Content{Kind: Message, Text: "x", Readers: Readers{Withheld: withheld}})
	parts := partsOf(t, p, s)
	var handed []Handed
	for _, part := range slices.Backward(parts) {
		handed = append(handed, part.Handed)
	}
	if _, err := Join(q, parts[0], handed, nil); err != nil {
		t.Error(err)
	}
}
