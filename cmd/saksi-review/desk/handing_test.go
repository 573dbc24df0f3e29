package desk

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"saksi/crypto/receipt"
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
