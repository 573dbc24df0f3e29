package roster_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"saksi/crypto/partytest"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

var day = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

func TestTextComesBack(t *testing.T) {
	p := partytest.New(t, day, 3)
	got, err := roster.Parse(p.Roster.Text)
	if err != nil || got.Text() != p.Roster.Text {
		t.Fatalf("roster does not come back: %v", err)
	}
	r, err := roster.ParseRecipients(p.Recipients[0].Text())
	if err != nil || r.Text() != p.Recipients[0].Text() {
		t.Fatalf("recipients do not come back: %v", err)
	}
	roots, err := roster.ParseRootSet(p.Trusted.Text())
	if err != nil || roots.Text() != p.Trusted.Text() {
		t.Fatalf("roots do not come back: %v", err)
	}
	for _, k := range p.Reviewers {
		card, err := reviewer.ParseCard(k.Card().Text())
		if err != nil || card.Text() != k.Card().Text() {
			t.Fatalf("card does not come back: %v", err)
		}
		keys, err := reviewer.ParseFile(strings.NewReader(k.File()))
		if err != nil || keys.File() != k.File() {
			t.Fatalf("key file does not come back: %v", err)
		}
	}
}

// TestDamagedTextIsRefused changes single characters and drops, doubles and
// swaps lines: what parses must say something else, never the same thing in
// another spelling; and no changed note verifies.
func TestDamagedTextIsRefused(t *testing.T) {
	p := partytest.New(t, day, 2)
	lines := strings.SplitAfter(p.Roster.Text, "\n")
	for i := range lines[:len(lines)-1] {
		for name, changed := range map[string]string{
			"dropped": strings.Join(lines[:i], "") + strings.Join(lines[i+1:], ""),
			"doubled": strings.Join(lines[:i+1], "") + lines[i] + strings.Join(lines[i+1:], ""),
			"spaced":  strings.Replace(p.Roster.Text, lines[i], " "+lines[i], 1),
			"tailed":  strings.Replace(p.Roster.Text, lines[i], strings.TrimSuffix(lines[i], "\n")+" \n", 1),
		} {
			if r, err := roster.Parse(changed); err == nil && (r.Text() != changed || changed == p.Roster.Text) {
				t.Errorf("line %d %s: taken", i+1, name)
			}
			msg := strings.Replace(string(p.Roster.Note), p.Roster.Text, changed, 1)
			if _, err := roster.Verify([]byte(msg), p.Trusted); err == nil {
				t.Errorf("line %d %s: verified", i+1, name)
			}
		}
	}
}

func TestVerifyNeedsTheTrustedRoots(t *testing.T) {
	p, other := partytest.New(t, day, 1), partytest.New(t, day, 1)
	if _, err := roster.Verify(p.Roster.Note, other.Trusted); !errors.Is(err, roster.ErrRoots) {
		t.Errorf("other roots: %v, want ErrRoots", err)
	}
	forged, err := sign.Note(p.Roster.Text, other.Roots...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := roster.Verify(forged, p.Trusted); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("signed by strangers: %v, want ErrSignatures", err)
	}
}

func TestVerifyNeedsTheThreshold(t *testing.T) {
	p := partytest.New(t, day, 1)
	p.Roots = append(p.Roots, generate(t, "akar2"), generate(t, "akar3"))
	p.Trusted = roster.RootSet{Threshold: 2}
	for _, r := range p.Roots {
		p.Trusted.Keys = append(p.Trusted.Keys, r.Key())
	}
	p.Roster = nil
	r, _, err := p.Draft(day).Roster()
	if err != nil {
		t.Fatal(err)
	}
	for signers, want := range map[int]error{1: sign.ErrSignatures, 2: nil, 3: nil} {
		msg, err := sign.Note(r.Text(), p.Roots[:signers]...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := roster.Verify(msg, p.Trusted); !errors.Is(err, want) {
			t.Errorf("%d of 2 signatures: %v, want %v", signers, err, want)
		}
	}
}

// TestRootSetsSucceedEachOther replaces the roots twice; the poster's
// fingerprint stays that of the first.
func TestRootSetsSucceedEachOther(t *testing.T) {
	p := partytest.New(t, day, 1)
	second, third := generate(t, "baru"), generate(t, "lebih-baru")
	first := p.Trusted
	next := endorse(t, first, roster.RootSet{Threshold: 1, Keys: []sign.Key{second.Key()}}, p.Roots...)
	last := endorse(t, next, roster.RootSet{Threshold: 1, Keys: []sign.Key{third.Key()}}, second)
	d := p.Draft(day)
	d.Roots = []roster.RootSet{first, next, last}
	signed := signDraft(t, d, third)
	got, err := roster.Verify(signed, first)
	if err != nil {
		t.Fatal(err)
	}
	if err := got.Follows(p.Roster); err != nil {
		t.Errorf("the roster with new roots does not follow: %v", err)
	}
	if _, err := roster.Verify(signDraft(t, d, second), first); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("signed by the set before the last: %v", err)
	}
	d.Roots = []roster.RootSet{first, endorse(t, first, roster.RootSet{Threshold: 1, Keys: []sign.Key{third.Key()}}, third)}
	if _, err := roster.Verify(signDraft(t, d, third), first); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("a set that endorsed itself: %v", err)
	}
	d.Roots = []roster.RootSet{first, next, endorse(t, first, last, p.Roots...)}
	d.Roots[2].Endorsed = d.Roots[2].Endorsed[1:]
	if _, err := roster.Verify(signDraft(t, d, third), first); !errors.Is(err, sign.ErrSignatures) {
		t.Errorf("a set endorsed by an older set: %v", err)
	}
}

func TestRootSetHasDistinctRoots(t *testing.T) {
	a := generate(t, "a")
	text := "saksi/v1/roots\nthreshold 2\nroot " + a.Key().String() + "\nroot " + a.Key().String() + "\n"
	if _, err := roster.ParseRootSet(text); err == nil {
		t.Error("one root standing twice was taken as two")
	}
}

func TestFollows(t *testing.T) {
	p := partytest.New(t, day, 2)
	first := p.Roster
	p.Sign(t, p.Draft(day))
	second := p.Roster
	p.Sign(t, p.Draft(day))
	third := p.Roster
	fork := partytest.New(t, day, 2)
	fork.Sign(t, fork.Draft(day))
	if err := errors.Join(second.Follows(first), third.Follows(second)); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"back": first.Follows(second), "skip": third.Follows(first),
		"same": second.Follows(second), "fork": fork.Roster.Follows(first),
	} {
		if !errors.Is(err, roster.ErrChain) {
			t.Errorf("%s: %v, want ErrChain", name, err)
		}
	}
}

func TestCircleAt(t *testing.T) {
	p := partytest.New(t, day, 2)
	for name, test := range map[string]struct {
		now   time.Time
		files map[roster.Hash]string
		want  error
	}{
		"now":             {day, p.Files(), nil},
		"a day early":     {day.AddDate(0, 0, -1), p.Files(), nil},
		"two days early":  {day.AddDate(0, 0, -3), p.Files(), roster.ErrNotYet},
		"last day":        {p.Roster.Until.Add(20 * time.Hour), p.Files(), nil},
		"over":            {p.Roster.Until.AddDate(0, 0, 3), p.Files(), roster.ErrExpired},
		"no file":         {day, nil, roster.ErrNoRecipients},
		"swapped content": {day, map[roster.Hash]string{p.Recipients[0].Hash(): "saksi/v1/recipients\n"}, roster.ErrNoRecipients},
	} {
		if _, err := p.Roster.CircleAt(test.now, test.files); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// weekly makes a party whose reviewers have an identity a week.
func weekly(t *testing.T) *partytest.Party {
	t.Helper()
	p := partytest.New(t, day, 2)
	for n := range p.Reviewers {
		p.Reviewers[n] = partytest.Weekly(t, n+1, day, 16)
	}
	p.Roster = nil
	p.Sign(t, p.Draft(day))
	return p
}

// TestCompleteNeedsEachFileToCome: whoever takes a roster in learns then, and not
// weeks later, that a file is missing.
func TestCompleteNeedsEachFileToCome(t *testing.T) {
	p := weekly(t)
	now := week.Of(day)
	if err := p.Roster.Complete(now, p.Files()); err != nil {
		t.Fatal(err)
	}
	for i, period := range p.Roster.Recipients {
		files := p.Files()
		delete(files, period.File)
		err := p.Roster.Complete(now, files)
		if past := i == 0; past && err != nil || !past && !errors.Is(err, roster.ErrNoRecipients) {
			t.Errorf("without %s: %v", period.From, err)
		}
	}
}

// TestASendersClockMayBeOff by a day at the turn of a week, and no further.
func TestASendersClockMayBeOff(t *testing.T) {
	p := weekly(t)
	before, _ := p.Roster.Period(week.Of(day))
	after, _ := p.Roster.Period(week.Of(day).Add(1))
	turn, files := after.From.Monday(), p.Files()
	for hours, test := range map[time.Duration]struct {
		file roster.Hash
		want error
	}{
		-25: {after.File, roster.ErrNoRecipients}, -23: {after.File, nil}, 1: {after.File, nil},
		25: {before.File, roster.ErrNoRecipients}, 23: {before.File, nil}, -1: {before.File, nil},
	} {
		circle, err := p.Roster.CircleOf(turn.Add(hours*time.Hour), files[test.file])
		if !errors.Is(err, test.want) {
			t.Errorf("%d hours from the turn: %v, want %v", hours, err, test.want)
		}
		if want, _ := roster.ParseRecipients(files[test.file]); err == nil && circle.Keys[0].String() != want.Keys[0].String() {
			t.Errorf("%d hours from the turn: other keys", hours)
		}
	}
	if _, err := p.Roster.CircleOf(p.Roster.Until.AddDate(0, 0, 3), files[after.File]); !errors.Is(err, roster.ErrExpired) {
		t.Errorf("over: %v", err)
	}
}

// TestAWeekWithoutRecipientsIsClosed: the file of no other week stands in.
func TestAWeekWithoutRecipientsIsClosed(t *testing.T) {
	p := weekly(t)
	files := p.Files()
	gap, _ := p.Roster.Period(week.Of(day).Add(3))
	delete(files, gap.File)
	for n := range 7 {
		_, err := p.Roster.CircleAt(day.AddDate(0, 0, 7*n), files)
		if want := n == 3; errors.Is(err, roster.ErrNoRecipients) != want {
			t.Errorf("in week %s, with a gap in %s: %v", week.Of(day).Add(n), gap.From, err)
		}
	}
}

func TestRunsOutIsSaidWeeksAhead(t *testing.T) {
	p := weekly(t)
	all := func(roster.Hash) bool { return true }
	until := p.Roster.Until
	gap, _ := p.Roster.Period(week.Of(day).Add(6))
	butGap := func(h roster.Hash) bool { return h != gap.File }
	sunday := gap.From.Monday().AddDate(0, 0, -1)
	for name, test := range map[string]struct {
		now  time.Time
		has  func(roster.Hash) bool
		want string
	}{
		"at first":          {day, all, ""},
		"29 days before":    {until.AddDate(0, 0, -29), all, ""},
		"28 days before":    {until.AddDate(0, 0, -28), all, "roster 1 ends on " + until.Format(time.DateOnly)},
		"on the last day":   {until, all, "roster 1 ends on " + until.Format(time.DateOnly)},
		"over":              {until.AddDate(0, 0, 3), all, "nothing can be sealed under roster 1 now"},
		"not yet":           {day.AddDate(0, 0, -3), all, "nothing can be sealed under roster 1 now"},
		"before a gap":      {sunday.AddDate(0, 0, -28), butGap, "end on " + sunday.Format(time.DateOnly) + ", before the roster"},
		"long before a gap": {sunday.AddDate(0, 0, -29), butGap, ""},
		"in the gap":        {sunday.AddDate(0, 0, 1), butGap, "nothing can be sealed under roster 1 now"},
	} {
		if got := p.Roster.RunsOut(test.now, test.has); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestRecipientsMustBeTheReviewers signs rosters that pin unfit files: even k
// roots do not make them usable.
func TestRecipientsMustBeTheReviewers(t *testing.T) {
	for name, spoil := range map[string]func(p *partytest.Party, r *roster.Recipients){
		"one too few":     func(p *partytest.Party, r *roster.Recipients) { r.IDs, r.Keys = r.IDs[:1], r.Keys[:1] },
		"other order":     func(p *partytest.Party, r *roster.Recipients) { r.IDs[0], r.IDs[1] = r.IDs[1], r.IDs[0] },
		"one key twice":   func(p *partytest.Party, r *roster.Recipients) { r.Keys[1] = r.Keys[0] },
		"a direct key":    func(p *partytest.Party, r *roster.Recipients) { r.Keys[1] = p.Reviewers[0].Direct.Recipient() },
		"for other weeks": func(p *partytest.Party, r *roster.Recipients) { r.From = r.From.Add(1) },
	} {
		p := partytest.New(t, day, 2)
		spoiled := *p.Recipients[0]
		r := p.Roster.Roster
		r.Recipients = []roster.Period{{From: spoiled.From, To: spoiled.To}}
		spoil(p, &spoiled)
		r.Recipients[0].File = spoiled.Hash()
		msg, err := sign.Note(r.Text(), p.Roots...)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := roster.Verify(msg, p.Trusted)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.CircleAt(day, map[roster.Hash]string{spoiled.Hash(): spoiled.Text()}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func generate(t *testing.T, name string) sign.Signer {
	t.Helper()
	s, err := sign.Generate(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func endorse(t *testing.T, set, next roster.RootSet, signers ...sign.Signer) roster.RootSet {
	t.Helper()
	next, err := set.Endorse(next, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func signDraft(t *testing.T, d reviewer.Draft, signers ...sign.Signer) []byte {
	t.Helper()
	r, _, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	msg, err := sign.Note(r.Text(), signers...)
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

// TestRevocationsStay: a later roster cannot take a revocation back, or move it.
func TestRevocationsStay(t *testing.T) {
	p := partytest.New(t, day, 2)
	d := p.Draft(day)
	key := p.Reviewers[0].Line.Key
	d.Revoked = []roster.Revocation{{Key: key, From: 2}}
	p.Sign(t, d)
	before := p.Roster
	for name, test := range map[string]struct {
		revoked []roster.Revocation
		want    error
	}{
		"kept":    {[]roster.Revocation{{Key: key, From: 2}}, nil},
		"earlier": {[]roster.Revocation{{Key: key, From: 1}}, nil},
		"later":   {[]roster.Revocation{{Key: key, From: 3}}, roster.ErrChain},
		"dropped": {nil, roster.ErrChain},
	} {
		d := p.Draft(day)
		d.Previous, d.Revoked = before, test.revoked
		got, err := roster.Verify(signDraft(t, d, p.Roots...), p.Trusted)
		if err != nil {
			t.Fatal(err)
		}
		if err := got.Follows(before); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	for name, revoked := range map[string][]roster.Revocation{
		"twice":      {{Key: key, From: 2}, {Key: key, From: 1}},
		"in future":  {{Key: key, From: 900}},
		"from never": {{Key: key, From: 0}},
	} {
		d := p.Draft(day)
		d.Revoked = revoked
		if _, _, err := d.Roster(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
