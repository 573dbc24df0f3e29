package desk

import (
	"strings"
	"testing"
	"time"

	"saksi/crypto/partytest"
	"saksi/crypto/receipt"
	"saksi/crypto/reviewer"
	"saksi/crypto/week"
)

// newWeeklyDrop is a drop whose one reviewer has an identity for each of so many
// weeks. Its roster needs 15.
func newWeeklyDrop(t *testing.T, weeks int) *drop {
	t.Helper()
	s := newDrop(t, 1)
	s.Reviewers[0] = partytest.Weekly(t, 1, day, weeks)
	s.Roster, s.rosters = nil, members{}
	s.Sign(t, s.Draft(day))
	s.publish()
	return s
}

// TestDeskOpensEachWeekWithItsTerm: slots of different weeks are sealed to
// different recipients, and the desk opens them all, and those whose week it has
// no identity for not.
func TestDeskOpensEachWeekWithItsTerm(t *testing.T) {
	s := newWeeklyDrop(t, 20)
	first := s.message(receipt.New(), 0, marker)
	circle, err := s.Roster.CircleAt(day.AddDate(0, 0, 21), s.Files())
	if err != nil {
		t.Fatal(err)
	}
	if s.Circle.Keys[0].String() == circle.Keys[0].String() {
		t.Fatal("two weeks have one recipient")
	}
	s.Circle = circle
	s.close(first, s.message(receipt.New(), 0, marker))
	if r := s.sit(0).take(s.bundle(1, 1)); len(r.New) != 2 || len(r.Warnings) != 0 {
		t.Errorf("the desk opened %d of 2: %+v", len(r.New), r)
	}
	s.Reviewers[0], _ = s.Reviewers[0].WithoutTerms(week.Of(day).Add(1))
	if r := s.sit(0).take(s.bundle(1, 1)); len(r.New) != 1 || len(r.Apart) != 1 {
		t.Errorf("without the first term the desk opened %d, and set %d apart", len(r.New), len(r.Apart))
	}
}

// TestDeskSaysWeeksAhead when the roster ends, when this reviewer's weeks do, and
// when things are sealed to weeks that this desk has not.
func TestDeskSaysWeeksAhead(t *testing.T) {
	lost := func(k *reviewer.Keys) *reviewer.Keys {
		fewer := *k
		fewer.Terms = append(fewer.Terms[:8:8], fewer.Terms[9:]...)
		return &fewer
	}
	other := func(k *reviewer.Keys) *reviewer.Keys {
		none, _ := k.WithoutTerms(week.Week{Year: 9999})
		k, err := none.WithTerms(partytest.Weekly(t, 1, day, 20).Terms...)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	same := func(k *reviewer.Keys) *reviewer.Keys { return k }
	for name, test := range map[string]struct {
		weeks int
		now   time.Time
		keys  func(*reviewer.Keys) *reviewer.Keys
		want  string
	}{
		"all is well":         {20, day, same, ""},
		"three weeks of one":  {18, day, same, "that no roster has yet: 3."},
		"no week of one":      {15, day, same, "that no roster has yet: 0."},
		"the roster ends":     {20, day.AddDate(0, 0, 70), same, "roster 1 ends on 2027-02-2"},
		"a week is lost":      {20, day, lost, "in week 2027-W02 things are sealed to this reviewer"},
		"another weeks file":  {20, day, other, "in week 2026-W48 things are sealed to this reviewer"},
		"what is lost is old": {20, day.AddDate(0, 0, 60), lost, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWeeklyDrop(t, test.weeks)
			s.Reviewers[0] = test.keys(s.Reviewers[0])
			s.close()
			d := s.sit(0)
			d.config.Now = func() time.Time { return test.now }
			d.reopen()
			got := strings.Join(d.take(s.bundle(1, 1)).Warnings, "; ")
			if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("it warns %q, want %q", got, test.want)
			}
		})
	}
}
