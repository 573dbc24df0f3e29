package taxonomy

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func parseSmall(t *testing.T) *Taxonomy {
	t.Helper()
	tax, err := Parse([]byte(small))
	if err != nil {
		t.Fatal(err)
	}
	return tax
}

// refusals plants each fault in a file and holds that it is refused with words
// that name the place.
func refusals(t *testing.T, good string, parse func(string) error, faults [][3]string) {
	t.Helper()
	if err := parse(good); err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		bad := strings.Replace(good, f[0], f[1], 1)
		if bad == good {
			t.Errorf("%q is not there", f[0])
		}
		if err := parse(bad); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), f[2]) {
			t.Errorf("%q for %q: %v, want %q", f[1], f[0], err, f[2])
		}
	}
}

// TestEveryRuleOfATaxonomyIsHeld: a file that breaks one is refused for just that.
func TestEveryRuleOfATaxonomyIsHeld(t *testing.T) {
	long := strings.Repeat("a", maxText+1)
	label := `"label":{"id":"a","en":"b"}`
	choice := `{"code":"x",` + label + `}`
	line := `{"id":"baris","kind":"line","hint":{"id":"a","en":"b"},"risk":{"level":"high","text":{"id":"a","en":"b"}},` +
		"\n " + label + `},`
	story := `{"id":"cerita","kind":"story","required":true,` + label + `}`
	var many, choices, lines, ticks strings.Builder
	for i := range maxQuestions {
		many.WriteString(`{"id":"q` + strings.Repeat("a", i%30) + string(rune('a'+i/30)) + `","kind":"line",` + label + `},`)
	}
	for i := range 17 {
		lines.WriteString(strings.Replace(line, "baris", "baris_"+string(rune('a'+i)), 1))
	}
	for i := range maxChoices {
		choices.WriteString(`,{"code":"c` + strings.Repeat("a", i%30) + string(rune('a'+i/30)) + `",` + label + `}`)
	}
	for i := range 3 {
		ticks.WriteString(`{"id":"centang_` + string(rune('a'+i)) + `","kind":"many",` + label + `,"choices":[` + choices.String()[1:] + `]},`)
	}
	refusals(t, small, func(s string) error { _, err := Parse([]byte(s)); return err }, [][3]string{
		{"v1/taxonomy", "v2/taxonomy", "the format is not"},
		{`"name":"kecil"`, `"name":"Kecil"`, "the name is no word"},
		{"2026-11-01", "2026-11-31", "the version is no day"},
		{`"title":{"id":"a","en":"b"},"sections"`, `"title":{"id":"a"},"sections"`, "the title is missing in a language"},
		{`"title":{"id":"a","en":"b"},"questions"`,
			`"title":{"id":"` + long[:maxLabel+1] + `","en":"b"},"questions"`, "the title of a section"},
		{`"sections"`, `"other":1,"sections"`, "unknown field"},
		{`}]}]}`, `}]}]} 1`, "behind its end"},
		{`}]}]}`, `}]}]}` + strings.Repeat(" ", MaxFile), "more than 262144 bytes"},
		{line, "null,", "a question without an id"},
		{`"id":"baris"`, `"id":"Baris"`, "a question without an id"},
		{`"id":"baris"`, `"id":"bulan"`, `question "bulan": it is there twice`},
		{`"kind":"line"`, `"kind":"riddle"`, `there is no kind "riddle"`},
		{`{"id":"cerita","kind":"story"`, `{"id":"cerita","kind":"line"`, "0 are a story"},
		{line, line + strings.Replace(story, "cerita", "lagi", 1) + ",", "2 are a story"},
		{line, many.String(), "at most 48"},
		{story, strings.Replace(story, `"en":"b"`, `"en":" "`, 1), `question "cerita": the label is missing`},
		{`"hint":{"id":"a","en":"b"}`, `"hint":{"id":"a"}`, `question "baris": a text is missing`},
		{`"hint":{"id":"a","en":"b"}`, `"hint":{"id":"` + long + `","en":"b"}`, "of at most 400 bytes"},
		{`"hint":{"id":"a","en":"b"}`, `"hint":{"id":"a\u2028b","en":"b"}`, "no single line"},
		{`"level":"high"`, `"level":"low"`, `question "baris": the risk`},
		{`"level":"high","text":{"id":"a","en":"b"}`, `"level":"high"`, "the risk has no text"},
		{`"months":3`, `"months":0`, `question "bulan": of kind month`},
		{`"months":3`, `"months":61`, "at most 60"},
		{`"kind":"line"`, `"kind":"line","months":3`, `question "baris": of kind month`},
		{`"kind":"line"`, `"kind":"line","months":-3`, `question "baris": of kind month`},
		{`"kind":"line"`, `"kind":"line","choices":[` + choice + `]`, "a line has no choices"},
		{`"kind":"story"`, `"kind":"story","choices":[` + choice + `]`, "a story has no choices"},
		{`,{"code":"y",` + label + `}]`, `]`, `question "daftar": it has 1 choices`},
		{`,{"code":"y",` + label + `}]`, choices.String() + `]`, "it has 49 choices"},
		{`,{"code":"y",`, `,{"code":"Y",`, "the code is no word"},
		{`,{"code":"y",`, `,{"code":"x",`, `choice "x": it is there twice`},
		{choice, `{"code":"x","label":{"id":"a"}}`, `choice "x": the label is missing`},
		{`"unknown":true`, `"unknown":true,"default":true`, "a default is for one choice"},
		{`{"code":"x","label":{"id":"X"`, `{"code":"x","default":true,"label":{"id":"X"`, `question "banyak": a default`},
		{`"advice":[{"id":"a","en":"b"}]`, `"advice":[{"id":"a"}]`, "an advice is missing"},
		{`"kind":"story","required":true`, `"kind":"story"`, `question "cerita": a story is required`},
		{line, lines.String(), "a form can have 23 answers of 5130 bytes: want at most 128 of 5000"},
		{line, ticks.String(), "a form can have 150 answers"},
		{`"sections":[`, `"sections":[{"title":{"id":"a","en":"b"}},`, "a section without questions"},
		{`"questions"`, `"folded":true,"questions"`, `question "satu": what is required must not be folded`},
	})
}

// TestFoldedStoryIsRefused: the story is asked for in sight, required or not.
func TestFoldedStoryIsRefused(t *testing.T) {
	free := strings.ReplaceAll(small, `"required":true,`, "")
	bad := strings.Replace(free, `"questions"`, `"folded":true,"questions"`, 1)
	if _, err := Parse([]byte(bad)); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), `"cerita"`) {
		t.Error(err)
	}
}

// TestRefusalsAreShort: a file cannot fill the screen with its own words.
func TestRefusalsAreShort(t *testing.T) {
	for _, bad := range []string{`{"` + strings.Repeat("x", 5000) + `":1}`,
		strings.Replace(small, `"one"`, `"`+strings.Repeat("x", 5000)+`"`, 1)} {
		if _, err := Parse([]byte(bad)); err == nil || len(err.Error()) > 400 {
			t.Errorf("%.500v", err)
		}
	}
}

// TestEveryRuleOfARulesFileIsHeld: what the rules name has to be there.
func TestEveryRuleOfARulesFileIsHeld(t *testing.T) {
	tax := parseSmall(t)
	refusals(t, smallRules, func(s string) error { _, err := ParseRules([]byte(s), tax); return err }, [][3]string{
		{"v1/rules", "v1/taxonomy", "the format is not"},
		{`"taxonomy":"kecil"`, `"taxonomy":"asn"`, "for another taxonomy"},
		{"2026-11-01", "kemarin", "the version is no day"},
		{`"lawyer":"l"`, `"lawyer":""`, "a text is missing"},
		{`"acts"`, `"other":1,"acts"`, "unknown field"},
		{`"cautions":["c"]`, `"cautions":["\u202e"]`, "a text is missing"},
		{`"acts":"banyak"`, `"acts":"lain"`, `there is no question "lain"`},
		{`{"code":"A"`, `null,{"code":"A"`, "a reference that is none"},
		{`{"code":"B"`, `{"code":"A"`, `reference "A": it is there twice`},
		{`"basis":"quoted"`, `"basis":"dreamt"`, "no such basis"},
		{`"law":"l"`, `"law":""`, `reference "A": the law is missing`},
		{`"sanction":"s"`, `"sanction":" "`, "the sanction is missing"},
		{`,"reserve":"r"`, ``, `reference "B": something refers to it`},
		{`"refer":["A"],"perhaps"`, `"refer":["A","B"],"perhaps"`, `reference "B": something refers to it`},
		{`"refer":["A"],"perhaps"`, `"refer":["C"],"perhaps"`, `rule 1: there is no reference "C"`},
		{`{"banyak":["x","y"],`, `{"banyak":["x"],`, `no rule speaks of the act "y"`},
		{`"satu":["ya"]},"refer"`, `"satu":[]},"refer"`, `question "satu": it wants no choice`},
		{`"satu":["ya"]},"refer"`, `"satu":["boleh"]},"refer"`, `question "satu" has no choice "boleh"`},
		{`"satu":["ya"]},"refer"`, `"dua":["ya"]},"refer"`, `there is no question "dua"`},
		{`"rules":[`, `"rules":[{"when":{},"note":"n"},`, "rule 1: it has no condition"},
		{`"rules":[`, `"rules":[{"when":{"satu":["ya"]}},`, "rule 1: it has no condition, or leads nowhere"},
		{`"rules":[`, `"rules":[` + strings.Repeat(`{"when":{"satu":["ya"]},"note":"n"},`, maxRules), "more than 400 rules"},
		{`"perhaps":"p"`, `"perhaps":"\n"`, "what is open is missing"},
		{`"days":7`, `"days":0`, "clock: want 1 to 366 days"},
		{`"ages":{"x":[0,3]}`, `"ages":{"x":[3,0]}`, "clock: choice \"x\""},
		{`"ages":{"x":[0,3]}`, `"ages":{"x":[-1,0]}`, "not in order"},
		{`"past":["y"]`, `"past":["x"]`, "not in order"},
		{`"past":["y"]`, `"past":["z"]`, `clock: question "daftar" has no choice "z"`},
		{`"closed":["ya"]`, `"closed":[]`, "consent: no answer keeps"},
		{`"closed":["ya"],"unquoted":["entah"]`, `"closed":["entah"],"unquoted":["ya"]`, `consent: the form answers "ya" by itself`},
		{`"unquoted":["entah"]`, `"unquoted":["mungkin"]`, "consent: question"},
		{`"people":{"question":"satu"`, `"people":{"question":"dua"`, "alarm: there is no question"},
		{`"danger":{"question":"satu","codes":["ya"],"text":"t"}`,
			`"danger":{"question":"satu","codes":["ya"]}`, "alarm: the text is missing"},
		{`"question":"daftar","reason":"r"`, `"question":"daftar"`, "decline: the reason is missing"},
		{`"question":"daftar","reason":"r"`, `"question":"satu","reason":"r"`, `decline: there is no route "ya"`},
		{`"parts":[{"number":"1","title":"t","lines":[` +
			"\n  " + `{"label":"l","from":["baris"],"note":"n"},{"label":"l","source":"week"}]}]`,
			`"parts":[]`, "the sheet has no parts"},
		{`{"label":"l","from":["baris"]`, `{"label":"","from":["baris"]`, `part "1": line ""`},
		{`"from":["baris"]`, `"from":["cerita"]`, `there is no question "cerita"`},
		{`"source":"week"`, `"source":"day"`, `there is no source "day"`},
		{`"none":["y"]`, `"none":["z"]`, `has no choice "z"`},
		{`{"label":"l","note":"n"}]}]`, `{"label":"l"}]}]`, "that is not asked for has no note"},
		{`"refer":["A"],"items"`, `"refer":["C"],"items"`, `list "t": there is no reference`},
		{`{"code":"y","label":"l"}`, `{"code":"x","label":"l"}`, `route "x": its code is there twice`},
		{`{"code":"y","label":"l"}`, `{"code":"Y","label":"l"}`, `route "Y": its code`},
		{`{"when":{"banyak":["x"]},"reason":"r"}`, `{"when":{},"reason":"r"}`, "a conflict without a condition"},
		{`{"when":{"banyak":["x"]},"reason":"r"}`, `{"when":{"banyak":["x"]}}`, "the reason is missing"},
	})
	if _, err := ParseRules([]byte(smallRules), nil); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// TestRulesMayBeFew: consent, acts, a sheet and ways are all that a drop of another
// kind has to write down.
func TestRulesMayBeFew(t *testing.T) {
	few := `{"format":"saksi/v1/rules","taxonomy":"kecil","version":"2026-11-01","lawyer":"l","acts":"banyak","references":[],
"rules":[{"when":{"banyak":["x","y"]},"note":"n"}],"consent":{"question":"satu","closed":["ya"]},
"sheet":{"title":"t","parts":[{"number":"1","title":"t","lines":[{"label":"l"}]}]},"routes":[]}`
	tax := parseSmall(t)
	r, err := ParseRules([]byte(few), tax)
	if err != nil {
		t.Fatal(err)
	}
	a := Answers{"satu": {"entah"}, "banyak": {"x"}}
	if r.Danger.Rings(a) || len(r.Routes(tax, a)) > 0 || len(r.Checks(tax, a, Facts{})) > 0 || r.Consent(tax, a) != Quotable {
		t.Error("few rules say more than they do")
	}
}

// TestFindKnowsByTheBytes: another file of the same name and version is another
// taxonomy.
func TestFindKnowsByTheBytes(t *testing.T) {
	tax := parseSmall(t)
	other, err := Parse([]byte(small + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	for reference, want := range map[string]*Taxonomy{
		tax.Reference(): tax, Current().Reference(): Current(), other.Reference(): nil, "": nil, "kecil 2026-11-01": nil,
	} {
		if got := Find(reference, tax); got != want {
			t.Errorf("%q: %p", reference, got)
		}
	}
	data, err := os.ReadFile("asn-2026-11-22.json")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(data); err != nil || again.Reference() != Current().Reference() {
		t.Errorf("the embedded file is another: %v", err)
	}
}

// TestTidyKeepsAnswersAlone: no blanks, no spaces around, nothing twice, nothing
// that the form does not ask, and not the story.
func TestTidyKeepsAnswersAlone(t *testing.T) {
	got := parseSmall(t).Tidy(Answers{
		"satu": {" ya\t", "ya", ""}, "baris": {" dua kata "}, "bulan": {" "}, "cerita": {"panjang"}, "lain": {"x"},
	})
	if want := (Answers{"satu": {"ya"}, "baris": {"dua kata"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestCheckTakesWhatTheFormOffers, and nothing else; problems come in the order of
// the questions.
func TestCheckTakesWhatTheFormOffers(t *testing.T) {
	ok := Answers{"satu": {"ya"}}
	for _, test := range []struct {
		id     string
		values []string
		want   What
	}{
		{"satu", nil, Missing}, {"satu", []string{"ya"}, ""}, {"satu", []string{"tidak"}, Strange},
		{"satu", []string{"ya", "entah"}, Strange},
		{"daftar", []string{"x"}, ""}, {"daftar", []string{"x", "y"}, Strange},
		{"banyak", []string{"x", "y"}, ""}, {"banyak", []string{"x", "z"}, Strange},
		{"bulan", []string{"2026-10"}, ""}, {"bulan", []string{"2026-13"}, Strange},
		{"bulan", []string{"2026-10-01"}, Strange},
		{"tempat", []string{"73"}, ""}, {"tempat", []string{"73.71"}, ""}, {"tempat", []string{"73.99"}, Strange},
		{"baris", []string{strings.Repeat("a", MaxLine)}, ""}, {"baris", []string{strings.Repeat("a", MaxLine+1)}, TooLong},
		{"baris", []string{"a\nb"}, NotLine}, {"baris", []string{"a\u2029b"}, NotLine},
		{"baris", []string{"\xff"}, NotLine}, {"baris", []string{"\ufffd"}, NotLine},
		{"cerita", []string{"x", "y"}, ""},
	} {
		a := Answers{"satu": ok["satu"]}
		a[test.id] = test.values
		got := parseSmall(t).Check(a)
		if test.want == "" && len(got) == 0 {
			continue
		}
		if want := []Problem{{test.id, test.want}}; !slices.Equal(got, want) {
			t.Errorf("%s %.40q: %v, want %v", test.id, test.values, got, want)
		}
	}
	got := parseSmall(t).Check(Answers{"baris": {"\x00"}, "daftar": {"z"}})
	if want := []Problem{{"satu", Missing}, {"daftar", Strange}, {"baris", NotLine}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestKnownIsNeitherSilenceNorEvasion.
func TestKnownIsNeitherSilenceNorEvasion(t *testing.T) {
	for _, test := range []struct {
		a    Answers
		id   string
		want bool
	}{
		{Answers{"satu": {"ya"}}, "satu", true}, {Answers{"satu": {"entah"}}, "satu", false}, {nil, "satu", false},
		{Answers{"satu": {"ya", "entah"}}, "satu", false}, {Answers{"lain": {"ya"}}, "lain", false},
		{Answers{"baris": {"x"}}, "baris", true},
	} {
		if got := parseSmall(t).Known(test.a, test.id); got != test.want {
			t.Errorf("%v, %q: %t", test.a, test.id, got)
		}
	}
}

// TestAdviceIsThatOfTheChosenAnswers.
func TestAdviceIsThatOfTheChosenAnswers(t *testing.T) {
	a := Answers{"satu": {"ya"}, "banyak": {"x"}, "baris": {"ya"}, "lain": {"ya"}}
	tax := parseSmall(t)
	if got := tax.Advice(a); !slices.Equal(got, []Text{{"a", "b"}}) {
		t.Errorf("advice: %v", got)
	}
	if got := tax.Advising(a); !reflect.DeepEqual(got, Answers{"satu": {"ya"}}) {
		t.Errorf("advising: %v", got)
	}
	if got := tax.Advice(Answers{"satu": {"entah"}}); len(got) > 0 {
		t.Errorf("advice for nothing: %v", got)
	}
}

// TestDescribePutsAnswersIntoWords, in the order of the questions; what no
// question explains comes last, as it is.
func TestDescribePutsAnswersIntoWords(t *testing.T) {
	a := Answers{
		"zz": {"1"}, "aa": {"2"}, "baris": {"<b>"}, "banyak": {"x", "?"}, "bulan": {"2026-10"},
		"tempat": {"73.71"}, "satu": {},
	}
	got := parseSmall(t).Describe(a, "en")
	want := []Said{
		{"banyak", "b", []string{"EX", "?"}, ""}, {"bulan", "b", []string{"October 2026"}, ""},
		{"tempat", "b", []string{"Kota Makassar, Sulawesi Selatan"}, ""}, {"baris", "b", []string{"<b>"}, "high"},
		{"aa", "aa", []string{"2"}, ""}, {"zz", "zz", []string{"1"}, ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	var none *Taxonomy
	want = []Said{{"a", "a", []string{"y"}, ""}, {"b", "b", []string{"x"}, ""}}
	if got := none.Describe(Answers{"b": {"x"}, "a": {"y"}}, "id"); !reflect.DeepEqual(got, want) {
		t.Errorf("without a taxonomy: %v", got)
	}
	if len(a) != 7 {
		t.Error("the answers were changed")
	}
}

// TestRecentMonthsOverNewYear: each month once, on the last day of a long month as
// on any other.
func TestRecentMonthsOverNewYear(t *testing.T) {
	for _, now := range []string{"2027-01-31", "2027-01-01"} {
		if got, want := Recent(day(now), 3), []string{"2027-01", "2026-12", "2026-11"}; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", now, got, want)
		}
	}
	march := time.Date(2026, time.March, 31, 23, 0, 0, 0, time.FixedZone("WIT", 9*3600))
	if got := Recent(march, 2); !slices.Equal(got, []string{"2026-03", "2026-02"}) {
		t.Errorf("at the end of March: %q", got)
	}
}

func TestMonthName(t *testing.T) {
	for _, test := range [][3]string{
		{"2026-08", "id", "Agustus 2026"}, {"2026-08", "en", "August 2026"}, {"2026-12", "id", "Desember 2026"},
		{"2026-01", "id", "Januari 2026"}, {"lebih_lama", "id", "lebih_lama"}, {"2026-13", "en", "2026-13"},
	} {
		if got := MonthName(test[0], test[1]); got != test[2] {
			t.Errorf("%q in %s: %q, want %q", test[0], test[1], got, test[2])
		}
	}
}
