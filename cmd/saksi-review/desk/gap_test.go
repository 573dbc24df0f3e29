package desk

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
)

// stuck is a desk that was put back from before batches 3 and 4, which its lost self had
// confirmed. It has batches 1, 2 and 5, and the stick with the two is returned.
func stuck(t *testing.T) (*drop, *table, members) {
	t.Helper()
	s := newDrop(t, 1)
	d := s.withPast(t)
	d.send()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := copyFolder(d.config.Folder, backup); err != nil {
		t.Fatal(err)
	}
	s.close(s.message(receipt.New(), 0, marker))
	s.close(s.message(receipt.New(), 0, marker))
	stick := s.bundle(3, 4)
	d.take(stick)
	d.send()
	d.Close()
	d.config.Folder, d.Desk = backup, nil
	d.reopen()
	s.close(s.message(receipt.New(), 0, honest))
	if r := d.take(s.bundle(5, 5)); !slices.Equal(r.Missing, []Range{{3, 4}}) {
		t.Fatalf("missing %v, want batches 3 and 4", r.Missing)
	}
	return s, d, stick
}

// TestGivenUpGapIsNotWaitedFor: nothing is confirmed behind a gap until it is given up,
// and that stays so when the desk is opened again. Only the gap itself can be given up.
func TestGivenUpGapIsNotWaitedFor(t *testing.T) {
	s, d, stick := stuck(t)
	for _, other := range []Range{{3, 3}, {4, 4}, {2, 4}, {3, 5}, {6, 7}, {}} {
		if err := d.GiveUp(other); !errors.Is(err, ErrNoGap) {
			t.Errorf("giving up %v: %v, want ErrNoGap", other, err)
		}
	}
	if acks, _ := d.Waiting(); acks != 0 {
		t.Errorf("%d batches are to be confirmed behind a gap", acks)
	}
	if err := d.GiveUp(Range{3, 4}); err != nil {
		t.Fatal(err)
	}
	if err := d.GiveUp(Range{3, 4}); !errors.Is(err, ErrNoGap) {
		t.Errorf("once more: %v, want ErrNoGap", err)
	}
	d.reopen()
	s.close()
	if r := d.take(s.bundle(5, 6)); !r.Whole() {
		t.Errorf("the next bundle: %+v", r)
	}
	if acks, _ := d.Waiting(); acks != 2 {
		t.Errorf("%d batches are to be confirmed, want 5 and 6", acks)
	}
	d.send()
	s.close()
	s.close()
	if r := d.take(s.bundle(8, 8)); !slices.Equal(r.Missing, []Range{{7, 7}}) {
		t.Errorf("missing %v, want batch 7: another gap is waited for", r.Missing)
	}
	// A stick that turns up after all is taken in, and its part of the gap is not missed.
	if r := d.take(stick.without("batches/3/")); len(r.New) == 0 || !slices.Equal(r.Missing, []Range{{7, 7}}) {
		t.Errorf("one of the two: %+v", r)
	}
	if acks, _ := d.Waiting(); acks != 1 {
		t.Errorf("%d batches are to be confirmed, want 4", acks)
	}
	d.check()
}

// TestWhatIsBehindAGivenUpGapIsCompared: else a desk would compare the same old batch for
// good. It says from which one on, and what it lacks.
func TestWhatIsBehindAGivenUpGapIsCompared(t *testing.T) {
	s, d, stick := stuck(t)
	if h, err := d.Head(0); err != nil || h.Sequence != 2 {
		t.Fatalf("a desk with a gap compares %+v, %v", h, err)
	}
	if err := d.GiveUp(Range{3, 4}); err != nil {
		t.Fatal(err)
	}
	s.close()
	d.take(s.bundle(5, 6))
	if h, err := d.Head(0); err != nil || h.From != 5 || h.Sequence != 6 || h.Hash != s.batches[5].note.Hash() {
		t.Errorf("once it is given up it compares %+v, %v", h, err)
	}
	if gaps, _ := d.Holes(6); !slices.Equal(gaps, []Range{{3, 4}}) {
		t.Errorf("it lacks %v", gaps)
	}
	s.close()
	s.close()
	d.take(s.bundle(8, 8))
	if h, err := d.Head(0); err != nil || h.Sequence != 6 {
		t.Errorf("with another gap it compares %+v, %v", h, err)
	}
	d.take(stick)
	if h, err := d.Head(0); err != nil || h.From != 1 || h.Sequence != 6 {
		t.Errorf("with the stick it compares %+v, %v", h, err)
	}
}

// TestWeeksAroundAGivenUpGap: what was sealed in a week may have come in the gap as long
// as the batch behind it is not of a later week. Such weeks are kept, later ones go.
func TestWeeksAroundAGivenUpGap(t *testing.T) {
	first := week.Of(day)
	for _, test := range []struct {
		week    int
		givenUp []Range
		why     string
	}{
		{0, nil, "batch 3 is missing"},
		{4, nil, "batch 3 is missing"},
		{0, []Range{{3, 3}}, "a gap was given up before batch 4, of week " + first.Add(3).String()},
		{3, []Range{{3, 3}}, "a gap was given up before batch 4, of week " + first.Add(3).String()},
		{4, []Range{{3, 3}}, ""},
		{4, []Range{{2, 9}}, ""},
		{4, []Range{{4, 4}}, "batch 3 is missing"},
		{6, []Range{{3, 3}}, "the newest batch is of week " + first.Add(9).String()},
	} {
		batches := without(chain(0, 1, 2, 3, 4, 9), 3)
		l := lookout{index: &index{Batches: batches, GivenUp: test.givenUp}, clock: first.Add(20), valid: true, grace: 4}
		if v := l.verdict(first.Add(test.week), first.Add(test.week)); !strings.HasPrefix(v.Why, test.why) || (v.Why == "") != (test.why == "") {
			t.Errorf("week %d, given up %v: %q, want %q", test.week, test.givenUp, v.Why, test.why)
		}
	}
	// A server that says an earlier week behind the gap takes back nothing.
	x := &index{Batches: without(chain(0, 3, 3, 0, 9), 1, 3), GivenUp: []Range{{3, 3}}}
	l := lookout{index: x, clock: first.Add(20), valid: true, grace: 4}
	if v := l.verdict(first.Add(1), first.Add(1)); !strings.HasPrefix(v.Why, "the desk begins with batch 2") {
		t.Errorf("weeks run back behind the gap: %q", v.Why)
	}
	x = &index{Batches: without(chain(0, 6, 6, 2, 20), 3), GivenUp: []Range{{3, 3}}}
	l = lookout{index: x, clock: first.Add(30), valid: true, grace: 4}
	for n, why := range map[int]string{6: "a gap was given up before batch 4", 7: ""} {
		if v := l.verdict(first.Add(n), first.Add(n)); !strings.HasPrefix(v.Why, why) || (v.Why == "") != (why == "") {
			t.Errorf("week %d, behind the gap is week 2: %q, want %q", n, v.Why, why)
		}
	}
}
