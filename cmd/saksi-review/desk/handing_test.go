package desk

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/share"
)

// TestAFloodKeepsNothingOlderFromAColleague: a file of shares is full with what came
// since, and the rest is in another part, or in a file of the older batches alone.
func TestAFloodKeepsNothingOlderFromAColleague(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "satu"))
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	three.take(s.bundle(1, 1))
	honest := three.pieces()[0]
	flood := honest
	flood.batch, flood.handed = 2, func() (share.Item, error) { return share.Item{}, nil }
	all := append(slices.Repeat([]piece{flood}, 2*share.MaxItems), honest)
	for _, test := range []struct {
		portion     Portion
		items, more int
		reached     bool
	}{
		{Portion{}, share.MaxItems, share.MaxItems + 1, false},
		{Portion{Part: 1}, share.MaxItems, share.MaxItems + 1, false},
		{Portion{Part: 2}, share.MaxItems, 1, false},
		{Portion{Part: 3}, 1, 0, true},
		{Portion{Part: 4}, 0, 0, false},
		{Portion{Batches: Range{1, 1}}, 1, 0, true},
		{Portion{Batches: Range{2, 7}, Part: 2}, share.MaxItems, 0, false},
		{Portion{Batches: Range{3, 7}}, 0, 0, false},
	} {
		h := &share.Handout{}
		sum, err := three.gather(h, one.own(), test.portion, all)
		reached := slices.ContainsFunc(h.Items, func(i share.Item) bool { return i.ID == one.id() })
		if err != nil || sum.Items != test.items || sum.More != test.more || reached != test.reached {
			t.Errorf("%+v: %+v, %v; the honest item is in it: %t", test.portion, sum, err, reached)
		}
	}
	var file bytes.Buffer
	if _, err := three.SharePortion("r1", Portion{Batches: Range{1, 1}}, &file); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Join(context.Background(), file.Bytes()); err != nil || !one.reads("0 satu") {
		t.Errorf("with a file of batch 1 alone: %v, it reads %q", err, one.texts())
	}
	if _, err := three.SharePortion("r1", Portion{Batches: Range{2, 2}}, &file); !errors.Is(err, ErrNothing) {
		t.Errorf("of batches that have nothing: %v, want ErrNothing", err)
	}
}

// own is the desk's reviewer, as the newest roster has it.
func (d *table) own() roster.Reviewer {
	line, _, _ := d.newest().Reviewer(d.keys.Line.ID)
	return line
}

// TestSharesDoNotTellWhatOpened: whom a reporter excluded has one more item that waits,
// as everybody has decoys. A file that lacks what its sender opened would say which.
func TestSharesDoNotTellWhatOpened(t *testing.T) {
	s := newQuorum(t)
	s.close(s.secret(receipt.New(), 0, "jangan r2", "r2"), s.secret(receipt.New(), 0, "semua"))
	one, excluded, three := s.sit(0), s.sit(1), s.sit(2)
	for _, d := range []*table{one, excluded, three} {
		d.take(s.bundle(1, 1))
	}
	before := three.handsOut("r2", Shared{Items: 2})
	if one.hand(three); three.Pending() != 0 {
		t.Fatal("it does not open")
	}
	after := three.handsOut("r2", Shared{Items: 2, Kept: 1})
	if !reflect.DeepEqual(before.Items, after.Items) {
		t.Error("a file from before it opened here has other shares than one from after that")
	}
	if three.hand(excluded); excluded.Pending() != 1 || !excluded.reads("0 semua") {
		t.Errorf("with the file %d wait, and the desk reads %q", excluded.Pending(), excluded.texts())
	}
}

// handsOut writes shares for a colleague, and returns what is in the file.
func (d *table) handsOut(to string, want Shared) *share.Handout {
	d.t.Helper()
	var file bytes.Buffer
	if sum, err := d.Share(to, &file); err != nil || sum != want {
		d.t.Fatalf("to %s: %+v, %v, want %+v", to, sum, err, want)
	}
	_, n, _ := d.drop.Roster.Reviewer(to)
	h, err := share.Open(file.Bytes(), to, d.drop, d.drop.Reviewers[n].SlotIdentities()...)
	if err != nil {
		d.t.Fatal(err)
	}
	return h
}

// TestTheServerMakesNoColleagueALiar by listing an item under two rosters: one desk keeps
// the one and another the other, in one history, and each hands over honest shares.
func TestTheServerMakesNoColleagueALiar(t *testing.T) {
	s := newQuorum(t)
	s.newRoster(func(d *reviewer.Draft) { d.Quorum = s.Roster.Quorum })
	code := receipt.New()
	m, again := s.secret(code, 0, "satu"), members{}
	for path, content := range m {
		again[strings.Replace(path, "items/3/", "items/2/", 1)] = content
	}
	s.close(m)
	s.close(again)
	one, three := s.sit(0), s.sit(2)
	one.take(s.bundle(1, 1))
	for _, d := range []*table{one, three} {
		r := d.take(s.bundle(1, 2))
		if !strings.Contains(strings.Join(r.Warnings, "\n"), "under two rosters") {
			t.Errorf("taken without a word: %+v", r)
		}
	}
	if j := three.hand(one); j.Refused != 0 || j.Another != 1 || j.Taken != 0 {
		t.Errorf("honest shares: %+v", j)
	}
}
