package crypto_test

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/crypto/sign"
	"saksi/crypto/week"
)

type weekSection struct {
	About   string       `json:"about"`
	Weeks   []weekVector `json:"weeks"`
	Refused []string     `json:"refused"`
}

type weekVector struct {
	Time   time.Time `json:"time"`
	Week   string    `json:"week"`
	Monday time.Time `json:"monday"`
}

func makeWeeks() weekSection {
	s := weekSection{
		About: "weeks: the ISO 8601 week of a time, and its first moment. refused: no names of weeks.",
		Refused: []string{
			"", "2026-W7", "2026-w47", "2026W47", "2026-W54", "2025-W53", "2026-W00", "1999-W10",
			"2026-W47 ", "02026-W47",
		},
	}
	for _, text := range []string{
		"2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", "2026-12-31T12:00:00Z",
		"2027-01-03T12:00:00Z", "2029-12-31T06:00:00+07:00",
	} {
		at, _ := time.Parse(time.RFC3339, text)
		w := week.Of(at)
		s.Weeks = append(s.Weeks, weekVector{at, w.String(), w.Monday()})
	}
	return s
}

func (s weekSection) check(t *testing.T) {
	for _, v := range s.Weeks {
		w := must(week.Parse(v.Week))(t)
		if week.Of(v.Time) != w || !w.Monday().Equal(v.Monday) {
			t.Errorf("%v: week %s from %v", v.Time, week.Of(v.Time), w.Monday())
		}
	}
	for _, text := range s.Refused {
		if _, err := week.Parse(text); err == nil {
			t.Errorf("week %q: taken", text)
		}
	}
}

type rosterSection struct {
	About     []string       `json:"about"`
	Roots     rootsVector    `json:"roots"`
	Successor rootsVector    `json:"successor_roots"`
	Endorsing string         `json:"successor_text"`
	Files     []fileVector   `json:"recipients_files"`
	Rosters   []rosterVector `json:"rosters"`

	RefusedRoots      []replacement `json:"roots_refused"`
	RefusedRecipients []replacement `json:"recipients_refused"`
	RefusedText       []replacement `json:"text_refused"`
	RefusedNote       []replacement `json:"note_refused"`
	Verify            []namedNote   `json:"verify"`
	Follows           []pair        `json:"follows"`
	Next              []nextRoster  `json:"next"`
	Circle            []circleAt    `json:"circle"`
}

type rootsVector struct {
	Text        string   `json:"text"`
	SHA256      hexBytes `json:"sha256"`
	Fingerprint []string `json:"fingerprint,omitempty"`
	Endorsed    []string `json:"endorsed,omitempty"`
}

type fileVector struct {
	Text   string   `json:"text"`
	SHA256 hexBytes `json:"sha256"`
}

type rosterVector struct {
	Text   string   `json:"text"`
	SHA256 hexBytes `json:"sha256"`
	Note   string   `json:"note"`
	Signed []string `json:"signed_by"`
}

// A namedNote is a roster's text, signed by the roots of these names.
type namedNote struct {
	About  string   `json:"about"`
	Roster int      `json:"roster"`
	By     []string `json:"by"`
	Note   []string `json:"signature_lines"`
	Error  string   `json:"error"`
}

// A pair asks whether one roster follows another, by their numbers.
type pair struct {
	Roster   int    `json:"roster"`
	Previous int    `json:"previous"`
	Error    string `json:"error"`
}

// A nextRoster is well signed, and perhaps does not follow the second.
type nextRoster struct {
	About string `json:"about"`
	Note  string `json:"note"`
	Error string `json:"error"`
}

// A circleAt asks whom the first roster seals to at a time.
type circleAt struct {
	Time  time.Time `json:"time"`
	Files bool      `json:"with_file"`
	Keys  []string  `json:"recipients,omitempty"`
	Error string    `json:"error"`
}

func makeRoster(t *testing.T, p *party) rosterSection {
	s := rosterSection{About: []string{
		"roots: the first root set, which is trusted. successor_roots: the next, endorsed by akar-1 and akar-2.",
		"successor_text: what they sign for it. rosters: the first under roots, the second under successor_roots.",
		"roots_refused, recipients_refused, text_refused: the first root set, recipients file and roster after a replacement.",
		"note_refused: the second roster's note after a replacement. verify: a roster's text with other signatures.",
		"follows: whether a roster is the next after previous. next: well signed rosters with the number 3, and whether they",
		"follow the second. circle: whom the first roster seals to at a time.",
	}}
	first, next := p.rootSets[0], p.rootSets[1]
	s.Roots = rootsVector{first.Text(), sum([]byte(first.Text())), first.Fingerprint(), nil}
	s.Successor = rootsVector{next.Text(), sum([]byte(next.Text())), next.Fingerprint(), next.Endorsed}
	s.Endorsing = successorText(s.Roots, s.Successor)
	for i, signed := range p.rosters {
		for _, r := range p.recipients[i] {
			s.Files = append(s.Files, fileVector{r.Text(), sum([]byte(r.Text()))})
		}
		_, lines, _ := sign.Split(signed.Note)
		s.Rosters = append(s.Rosters, rosterVector{signed.Text, signed.Hash[:], string(signed.Note),
			names(lines)})
	}
	s.RefusedRoots, s.RefusedRecipients = refusedRoots(p), refusedRecipientsFiles(p)
	s.RefusedText = slices.Concat(refusedRosters(p), refusedRevocations(p))
	s.RefusedNote = refusedNotes(p)
	s.Verify = makeVerifies(t, p)
	s.Follows = []pair{{2, 1, ""}, {1, 1, "roster_chain"}, {1, 2, "roster_chain"}, {2, 2,
		"roster_chain"}}
	s.Next = makeNext(t, p)
	s.Circle = makeCircles(t, p)
	return s
}

func names(signatureLines []string) []string {
	var out []string
	for _, line := range signatureLines {
		name, _, _ := strings.Cut(line, " ")
		out = append(out, name)
	}
	return out
}

// successorText is the document's words over again.
func successorText(before, next rootsVector) string {
	hash, _ := before.SHA256.MarshalText()
	return "saksi/v1/successor\nbefore " + string(hash) + "\n" + next.Text
}

func refusedRoots(p *party) []replacement {
	first, second := p.roots[0].Key().String(), p.roots[1].Key().String()
	return []replacement{
		{"another label", "saksi/v1/roots", "saksi/v1/root", "refused"},
		{"threshold 0", "threshold 2", "threshold 0", "refused"},
		{"a threshold that cannot be reached", "threshold 2", "threshold 4", "refused"},
		{"a second spelling of a number", "threshold 2", "threshold 02", "refused"},
		{"a root standing twice", second, first, "refused"},
		{"a line too many", "threshold 2\n", "threshold 2\nnote x\n", "refused"},
		{"a carriage return", "threshold 2\n", "threshold 2\r\n", "refused"},
	}
}

func refusedRecipientsFiles(p *party) []replacement {
	return []replacement{
		{"another label", "saksi/v1/recipients", "saksi/v1/recipient", "refused"},
		{"a week that is none", "weeks 2026-W46", "weeks 2026-W60", "refused"},
		{"two spaces", "r1 age1pq1", "r1  age1pq1", "refused"},
		{"a damaged recipient", "r1 age1pq1", "r1 age1pq1q", "refused"},
		{"an empty line", "\nr2", "\n\nr2", "refused"},
	}
}

func refusedRosters(p *party) []replacement {
	return []replacement{
		{"another label", "saksi/v1/roster", "saksi/v2/roster", "refused"},
		{"an origin with upper case", "origin uji", "origin Uji", "refused"},
		{"sequence 0", "sequence 1\n", "sequence 0\n", "refused"},
		{"a second spelling of a number", "sequence 1\n", "sequence 01\n", "refused"},
		{"the second roster without a previous one", "sequence 1\n", "sequence 2\n", "refused"},
		{"a last day before the first", "valid 2026-11-22 2027", "valid 2028-11-22 2027", "refused"},
		{"a quorum that cannot be reached", "quorum 1", "quorum 9", "refused"},
		{"more from outside than are needed", "outside 0", "outside 2", "refused"},
		{"root sets that do not count from 1", "roots 1 ", "roots 2 ", "refused"},
		{"an endorsement of the first set", "server ", "endorsed akar-1 AAAAAAAA\nserver ", "refused"},
		{"a label standing twice", "Penelaah 2", "Penelaah 1", "refused"},
		{"a bar in an organisation", "Lembaga Uji", "Lembaga | Uji", "refused"},
		{"a hidden character in a label", "Penelaah 2", "Penelaah\u202e2", "refused"},
		{"a region that is none", "| 73.71 |", "| 73.7 |", "refused"},
		{"an id that is not the key's name", "reviewer r2 ", "reviewer r9 ", "refused"},
		{"weeks in the wrong order", "recipients 2026-W46 ", "recipients 2028-W46 ", "refused"},
		{"an unknown line", "server ", "servers x\nserver ", "refused"},
		{"a space at the end of a line", "sequence 1\n", "sequence 1 \n", "refused"},
		{"a replacement character in a label", "Penelaah 2", "Penelaah \ufffd", "refused"},
		{"an id in upper case", "reviewer r2 ", "reviewer R2 ", "refused"},
	}
}

// refusedRevocations end the first roster with lines that it does not have.
func refusedRevocations(p *party) []replacement {
	last := fmt.Sprintf(" %s\n", p.recipients[0][len(p.recipients[0])-1].Hash())
	key := p.reviewers[1].Line.Key
	otherName := notedKey("other", append([]byte{1}, key.Public()...))
	add := func(about, wantError string, lines ...string) replacement {
		return replacement{about, last, last + strings.Join(lines, ""), wantError}
	}
	revoked := func(key, from string) string { return "revoked " + key + " from " + from + "\n" }
	return []replacement{
		add("a revocation from the first roster on", "", revoked(key.String(), "1")),
		add("a revocation from the next roster on", "refused", revoked(key.String(), "2")),
		add("a revocation from roster 0 on", "refused", revoked(key.String(), "0")),
		add("a second spelling of a revocation's number", "refused", revoked(key.String(), "01")),
		add("a key revoked twice", "refused", revoked(key.String(), "1"), revoked(key.String(), "1")),
		add("a key revoked twice, under two names", "refused", revoked(key.String(), "1"),
			revoked(otherName, "1")),
	}
}

func refusedNotes(p *party) []replacement {
	endorsement := "endorsed " + p.rootSets[1].Endorsed[0] + "\n"
	both := endorsement + "endorsed " + p.rootSets[1].Endorsed[1] + "\n"
	return []replacement{
		{"another sequence", "sequence 2\n", "sequence 3\n", "refused"},
		{"a root set endorsed by one root of two", endorsement, "", "signatures"},
		{"a root set endorsed by nobody", both, "", "signatures"},
		{"the first root set is another", "roots 1 threshold 2", "roots 1 threshold 1", "roots"},
		{"a revocation taken out", "revoked r2+", "revoked r3+", "refused"},
	}
}

func makeVerifies(t *testing.T, p *party) []namedNote {
	cases := []namedNote{
		{About: "one of two", Roster: 1, By: []string{"akar-1"}, Error: "signatures"},
		{About: "all three", Roster: 1, By: []string{"akar-1", "akar-2", "akar-3"}},
		{About: "a stranger and one root", Roster: 1, By: []string{"akar-4", "akar-1"},
			Error: "signatures"},
		{About: "the second roster, by the set before", Roster: 2, By: []string{"akar-1", "akar-2"},
			Error: "signatures"},
		{About: "the second roster, by its own set", Roster: 2, By: []string{"akar-2", "akar-4"}},
	}
	for i, c := range cases {
		var by []sign.Signer
		for _, name := range c.By {
			by = append(by, p.roots[name[len(name)-1]-'1'])
		}
		note := must(sign.Note(p.rosters[c.Roster-1].Text, by...))(t)
		_, lines, err := sign.Split(note)
		if err != nil {
			t.Fatal(err)
		}
		cases[i].Note = lines
	}
	return cases
}

// The places, from 1, that these rosters have in next.
const (
	nextRevokesR1  = 2
	nextReplacesR1 = 3
)

// makeNext makes rosters that come after the second, with r1 alone.
func makeNext(t *testing.T, p *party) []nextRoster {
	other := must(reviewer.Generate("r1", "00", "Lembaga Uji", "Penelaah 1", nil))(t)
	revoke := func(i int, from uint64) roster.Revocation {
		return roster.Revocation{Key: p.reviewers[i].Line.Key, From: from}
	}
	return []nextRoster{
		p.next(t, "it keeps both revocations", "", func(*roster.Roster) {}),
		p.next(t, "r1 stands on it, and its key is revoked", "", func(r *roster.Roster) {
			r.Revoked = append(r.Revoked, revoke(0, 3))
		}),
		p.next(t, "r1 has another key", "", func(r *roster.Roster) { r.Reviewers[0] = other.Line }),
		p.next(t, "a revocation is lowered", "", func(r *roster.Roster) { r.Revoked[1].From = 1 }),
		p.next(t, "a revocation is raised", "roster_chain", func(r *roster.Roster) {
			r.Revoked[1].From = 3
		}),
		p.next(t, "a revocation is taken back", "roster_chain", func(r *roster.Roster) {
			r.Revoked = r.Revoked[:1]
		}),
		p.next(t, "another origin", "roster_chain", func(r *roster.Roster) { r.Origin = "lain.saksi" }),
		p.next(t, "it names another roster before it", "roster_chain", func(r *roster.Roster) {
			r.Previous = p.rosters[0].Hash
		}),
		p.next(t, "a root set is dropped", "roster_chain", func(r *roster.Roster) {
			r.RootSets = r.RootSets[:1]
		}),
	}
}

func (p *party) next(
	t *testing.T, about, wantError string, change func(*roster.Roster),
) nextRoster {
	d := reviewer.Draft{
		Origin: "uji.saksi", Roots: p.rootSets, Server: p.server.Key(), Cards: p.cards(0),
		From: firstDay().AddDate(0, 0, 112), Previous: p.rosters[1],
		Revoked: slices.Clone(p.rosters[1].Revoked),
	}
	r, _, err := d.Roster()
	if err != nil {
		t.Fatal(err)
	}
	change(r)
	note := must(sign.Note(r.Text(), p.roots[1], p.roots[2]))(t)
	return nextRoster{about, string(note), wantError}
}

func makeCircles(t *testing.T, p *party) []circleAt {
	keys := func(at time.Time) (list []string) {
		for _, k := range must(p.rosters[0].CircleAt(at, p.files()))(t).Keys {
			list = append(list, k.String())
		}
		return list
	}
	day := func(n int) time.Time { return firstDay().AddDate(0, 0, n) }
	lastWeek, nextTerm := week.Week{Year: 2026, Number: 53}.Monday(), week.Week{Year: 2027, Number: 1}.Monday()
	return []circleAt{
		{day(0), true, keys(day(0)), ""}, {day(-1), true, keys(day(-1)), ""},
		{day(-1).Add(-time.Second), true, nil, "not_yet"},
		{lastWeek, true, keys(lastWeek), ""}, {nextTerm.Add(-time.Second), true, keys(lastWeek), ""},
		{nextTerm, true, keys(nextTerm), ""},
		{day(91).Add(24 * time.Hour), true, keys(day(92)), ""},
		{day(91).Add(24*time.Hour + time.Second), true, nil, "expired"},
		{day(0), false, nil, "no_recipients"},
	}
}

func (s rosterSection) check(t *testing.T) {
	s.checkRoots(t)
	s.checkTexts(t)
	s.checkRefused(t)
	s.checkVerify(t)
	rosters := readRosters(t, s)
	for _, v := range s.Follows {
		if got := errorName(rosters[v.Roster-1].Follows(rosters[v.Previous-1])); got != v.Error {
			t.Errorf("roster %d after %d: error %q, want %q", v.Roster, v.Previous, got, v.Error)
		}
	}
	for i, v := range s.Next {
		if got := errorName(s.next(t, i+1).Follows(rosters[1])); got != v.Error {
			t.Errorf("%s: error %q, want %q", v.About, got, v.Error)
		}
	}
	for _, v := range s.Circle {
		v.check(t, rosters[0], s.Files)
	}
}

// next verifies the roster at a place in next, from 1.
func (s rosterSection) next(t *testing.T, place int) *roster.Signed {
	t.Helper()
	trusted := must(roster.ParseRootSet(s.Roots.Text))(t)
	return must(roster.Verify([]byte(s.Next[place-1].Note), trusted))(t)
}

func (s rosterSection) checkRoots(t *testing.T) {
	for _, v := range []rootsVector{s.Roots, s.Successor} {
		set := must(roster.ParseRootSet(v.Text))(t)
		sameText(t, "root set", set.Text(), v.Text)
		same(t, "root set's hash", sum([]byte(v.Text)), v.SHA256)
		sameText(t, "fingerprint", strings.Join(set.Fingerprint(), " "), strings.Join(v.Fingerprint,
			" "))
		byHand := strings.ToLower(base32.StdEncoding.EncodeToString(v.SHA256))
		if !strings.HasPrefix(byHand, strings.Join(v.Fingerprint, "")) {
			t.Errorf("fingerprint %v is not the beginning of %s", v.Fingerprint, byHand)
		}
	}
	sameText(t, "successor text", successorText(s.Roots, s.Successor), s.Endorsing)
	note := s.Endorsing + "\n— " + strings.Join(s.Successor.Endorsed, "\n— ") + "\n"
	trusted := must(roster.ParseRootSet(s.Roots.Text))(t)
	must(sign.Open([]byte(note), trusted.Threshold, trusted.Keys...))(t)
}

func (s rosterSection) checkTexts(t *testing.T) {
	for _, v := range s.Files {
		r := must(roster.ParseRecipients(v.Text))(t)
		hash := r.Hash()
		sameText(t, "recipients file", r.Text(), v.Text)
		same(t, "recipients file's hash", hash[:], v.SHA256)
	}
	for i, signed := range readRosters(t, s) {
		v := s.Rosters[i]
		sameText(t, "roster", must(roster.Parse(v.Text))(t).Text(), v.Text)
		same(t, "roster's hash", signed.Hash[:], v.SHA256)
		same(t, "roster's hash by hand", sum([]byte(v.Text)), v.SHA256)
	}
}

func (s rosterSection) checkRefused(t *testing.T) {
	trusted := must(roster.ParseRootSet(s.Roots.Text))(t)
	refuse(t, s.Roots.Text, s.RefusedRoots, func(text string) error {
		_, err := roster.ParseRootSet(text)
		return err
	})
	refuse(t, s.Files[0].Text, s.RefusedRecipients, func(text string) error {
		_, err := roster.ParseRecipients(text)
		return err
	})
	refuse(t, s.Rosters[0].Text, s.RefusedText, func(text string) error {
		_, err := roster.Parse(text)
		return err
	})
	refuse(t, s.Rosters[1].Note, s.RefusedNote, func(text string) error {
		_, err := roster.Verify([]byte(text), trusted)
		return err
	})
}

func (s rosterSection) checkVerify(t *testing.T) {
	trusted := must(roster.ParseRootSet(s.Roots.Text))(t)
	for _, v := range s.Verify {
		note := s.Rosters[v.Roster-1].Text + "\n— " + strings.Join(v.Note, "\n— ") + "\n"
		if _, err := roster.Verify([]byte(note), trusted); errorName(err) != v.Error {
			t.Errorf("%s: %v, want %q", v.About, err, v.Error)
		}
	}
}

func (v circleAt) check(t *testing.T, first *roster.Signed, files []fileVector) {
	texts := map[roster.Hash]string{}
	for _, f := range files {
		if v.Files {
			texts[roster.Hash(f.SHA256)] = f.Text
		}
	}
	circle, err := first.CircleAt(v.Time, texts)
	if got := errorName(err); got != v.Error {
		t.Fatalf("circle at %v: error %q (%v), want %q", v.Time, got, err, v.Error)
	}
	if err != nil {
		return
	}
	for i, key := range circle.Keys {
		sameText(t, "recipient in slot order", key.String(), v.Keys[i])
	}
}
