package taxonomy

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
)

// parsing is what a file may take: each "{}," may become a line of a checklist with room to
// grow, 198 bytes for each byte of the file.
var parsing = fuzztest.Bound{Base: 256 << 10, PerByte: 224}

// small is a taxonomy with a question of each kind.
const small = `{"format":"saksi/v1/taxonomy","name":"kecil","version":"2026-11-01",
"title":{"id":"a","en":"b"},"sections":[
{"title":{"id":"a","en":"b"},"questions":[
{"id":"satu","kind":"one","required":true,"label":{"id":"a","en":"b"},"choices":[
 {"code":"ya","default":true,"label":{"id":"a","en":"b"},"advice":[{"id":"a","en":"b"}]},
 {"code":"entah","unknown":true,"label":{"id":"a","en":"b"}}]},
{"id":"daftar","kind":"list","label":{"id":"a","en":"b"},
 "choices":[{"code":"x","label":{"id":"a","en":"b"}},{"code":"y","label":{"id":"a","en":"b"}}]},
{"id":"banyak","kind":"many","label":{"id":"a","en":"b"},
 "choices":[{"code":"x","label":{"id":"X","en":"EX"}},{"code":"y","label":{"id":"a","en":"b"}}]},
{"id":"bulan","kind":"month","months":3,"label":{"id":"a","en":"b"}},
{"id":"tempat","kind":"place","label":{"id":"a","en":"b"}},
{"id":"baris","kind":"line","hint":{"id":"a","en":"b"},"risk":{"level":"high","text":{"id":"a","en":"b"}},
 "label":{"id":"a","en":"b"}},
{"id":"cerita","kind":"story","required":true,"label":{"id":"a","en":"b"}}]}]}`

// smallRules are rules for it.
const smallRules = `{"format":"saksi/v1/rules","taxonomy":"kecil","version":"2026-11-01","lawyer":"l",
"cautions":["c"],"acts":"banyak",
"references":[{"code":"A","law":"l","text":"t","sanction":"s","basis":"quoted"},
 {"code":"B","law":"l","text":"t","basis":"memory","reserve":"r"}],
"rules":[{"when":{"banyak":["x","y"],"satu":["ya"]},"refer":["A"],"perhaps":"p","note":"n"}],
"clock":{"question":"daftar","days":7,"ages":{"x":[0,3]},"past":["y"]},
"consent":{"question":"satu","closed":["ya"],"unquoted":["entah"]},
"people":{"question":"satu","codes":["ya"],"text":"t"},"danger":{"question":"satu","codes":["ya"],"text":"t"},
"hold":{"question":"satu","codes":["ya"],"text":"t"},"decline":{"question":"daftar","reason":"r"},
"sheet":{"title":"t",
 "parts":[{"number":"1","title":"t","lines":[
  {"label":"l","from":["baris"],"note":"n"},{"label":"l","source":"week"}]}]},
"checks":[{"title":"t","refer":["A"],"items":[{"label":"l","from":["daftar"],"none":["y"]},{"label":"l","note":"n"}]}],
"routes":[{"code":"x","label":"l","note":"n","when":{"satu":["ya"]},
  "conflicts":[{"when":{"banyak":["x"]},"reason":"r"}]},
 {"code":"y","label":"l"}]}`

// damages returns texts that differ from a JSON text in a place.
func damages(text string) (all []string) {
	for _, edit := range [][2]string{
		{`"format"`, `"Format"`}, {`"id"`, `"ID"`}, {"[", "[null,"}, {"{", "null,{"}, {`"a"`, `"\u202e"`},
		{`"a"`, `"\ud800"`},
		{":7", ":-7"}, {":3", ":1e9"}, {"[0,3]", "[3,0]"}, {`"one"`, `"` + strings.Repeat("x", 2000) + `"`},
		{`"sections"`, `"` + strings.Repeat("x", 2000) + `"`}, {"}", "}}"}, {"true", `"true"`},
	} {
		all = append(all, strings.Replace(text, edit[0], edit[1], 1))
	}
	for _, list := range []string{
		`{"sections":[`, `{"sections":[{"questions":[`, `{"sections":[{"questions":[{"choices":[`, `{"references":[`,
		`{"rules":[`, `{"routes":[`, `{"checks":[`, `{"checks":[{"items":[`,
	} {
		all = append(all, full(list, func(int) string { return "{}" }))
	}
	for _, object := range []string{`{"rules":[{"when":{`, `{"clock":{"ages":{`} {
		all = append(all, full(object, func(i int) string { return fmt.Sprintf(`"%x":[]`, i) }))
	}
	return append(all, text+text, text+" ", "", "{}", "null", strings.Repeat("[", 20_000))
}

// full is a file of the largest size that has as many values as it can.
func full(begin string, value func(i int) string) string {
	var b strings.Builder
	b.WriteString(begin + value(0))
	for i := 1; b.Len() < MaxFile-100; i++ {
		b.WriteString("," + value(i))
	}
	for i := len(begin) - 1; i >= 0; i-- {
		switch begin[i] {
		case '[':
			b.WriteByte(']')
		case '{':
			b.WriteByte('}')
		}
	}
	return b.String()
}

func written(t testing.TB, value any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// FuzzParse: a taxonomy that was read, written again, is read as the same; and a
// form that is built from it finds its story, and takes no answer that it does
// not offer.
func FuzzParse(f *testing.F) {
	for _, text := range append(damages(small), written(f, Current())) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tax, ok := fuzztest.Parse(t, parsing, text, func(s string) (*Taxonomy, error) { return Parse([]byte(s)) }, ErrInvalid)
		if !ok {
			return
		}
		first := written(t, tax)
		again, err := Parse([]byte(first))
		if err != nil {
			t.Fatalf("what was written is not read again: %v", err)
		}
		if second := written(t, again); second != first {
			t.Errorf("%s became %s", first, second)
		}
		if tax.Story() == nil || tax.Reference() == again.Reference() && text != first {
			t.Error("no story, or one reference for two files")
		}
		a := Answers{}
		for _, q := range tax.Questions() {
			a[q.ID] = []string{"\x00"}
		}
		if n := len(tax.Check(a)); n != len(tax.Questions())-1 {
			t.Errorf("%d of %d strange answers were refused", n, len(tax.Questions()))
		}
	})
}

// FuzzParseRules: rules that were read, written again, are read as the same; and
// whatever was answered, what they make of it is what they say.
func FuzzParseRules(f *testing.F) {
	tax, err := Parse([]byte(small))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range append(damages(smallRules), smallRules) {
		f.Add(text)
	}
	f.Add(written(f, RulesFor(Current())))
	parse := func(s string) (*Rules, error) { return ParseRules([]byte(s), tax) }
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := fuzztest.Parse(t, parsing, text, parse, ErrInvalid)
		if !ok {
			return
		}
		first := written(t, r)
		again, err := parse(first)
		if err != nil {
			t.Fatalf("what was written is not read again: %v", err)
		}
		if second := written(t, again); second != first {
			t.Errorf("%s became %s", first, second)
		}
		for _, a := range []Answers{
			nil, {"satu": {"ya"}, "banyak": {"x"}, "daftar": {"x"}}, {"satu": {"\x00"}, "daftar": {"x", "y"}},
		} {
			evaluate(t, r, tax, a)
		}
	})
}

// FuzzAnswers: tidied answers are what was answered, each value once; and those in which
// nothing is wrong say what the form offers, fit into an item, and are all told.
func FuzzAnswers(f *testing.F) {
	tax, err := Parse([]byte(small))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		"satu=ya", "satu=ya\nsatu=entah", "satu= ya \nsatu=ya\nbanyak=x\nbanyak=y\nbanyak=x", "satu=ya\nbulan=2026-10\ntempat=73.02",
		"satu=ya\nbulan=2026-1\nbulan=02026-10", "satu=ya\nbaris=" + strings.Repeat("a", MaxLine+1), "satu=ya\nbaris=\u2028\x1b",
		"satu=\u00a0\ncerita=x\nlain=x\n=\n", "satu=ya\ntempat=73\ntempat=73.02", "satu=ya\nbaris=\xff",
		strings.Repeat("satu=ya\n", 1000), "kapan=2026-10\ntempat=73.02\ntindakan=hadir",
	} {
		f.Add(text)
	}
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, text string) {
		raw := Answers{}
		for line := range strings.SplitSeq(text, "\n") {
			id, value, _ := strings.Cut(line, "=")
			raw[id] = append(raw[id], value)
		}
		for _, tax := range []*Taxonomy{tax, Current()} {
			var tidy Answers
			var problems []Problem
			bound.Check(t, len(text), func() {
				tidy = tax.Tidy(raw)
				problems = tax.Check(tidy)
			})
			areTidy(t, tax, tidy, raw)
			for _, p := range problems {
				if q := tax.Question(p.Question); q == nil || p.What == Missing && (!q.Required || len(tidy[q.ID]) > 0) {
					t.Errorf("%v is wrong with %q", p, tidy)
				}
			}
			if len(problems) == 0 {
				canBeSent(t, tax, tidy)
			}
		}
	})
}

func areTidy(t *testing.T, tax *Taxonomy, tidy, raw Answers) {
	t.Helper()
	if again := tax.Tidy(tidy); !reflect.DeepEqual(again, tidy) {
		t.Errorf("%q, tidied again, is %q", tidy, again)
	}
	for id, values := range tidy {
		if q := tax.Question(id); q == nil || q.Kind == Story || len(values) == 0 {
			t.Errorf("%q is an answer to %q", values, id)
		}
		for i, v := range values {
			said := slices.ContainsFunc(raw[id], func(r string) bool { return strings.TrimSpace(r) == v })
			if v == "" || !said || slices.Contains(values[:i], v) {
				t.Errorf("%q answers %q with %q", raw, id, v)
			}
		}
	}
}

// canBeSent holds answers in which nothing is wrong.
func canBeSent(t *testing.T, tax *Taxonomy, a Answers) {
	t.Helper()
	values, size, told := 0, 0, 0
	for id, list := range a {
		q := tax.Question(id)
		for _, v := range list {
			values, size = values+1, size+len(v)
			if line := q.Kind == Line && isLine(v); !line && !q.Offers(v) {
				t.Errorf("%q is answered with %q", id, v)
			}
		}
	}
	for _, said := range tax.Describe(a, "id") {
		told += len(said.Values)
		if slices.Contains(said.Values, "") || said.Label == "" {
			t.Errorf("%q is told as %+v", a, said)
		}
	}
	if values > MaxValues || size > MaxAnswers || told != values {
		t.Errorf("%d values of %d bytes, of which %d are told", values, size, told)
	}
}

// evaluate holds what follows from answers.
func evaluate(t *testing.T, r *Rules, tax *Taxonomy, a Answers) {
	t.Helper()
	for _, m := range r.Matches(tax, a) {
		if m.Article == nil || m.Reserve != "" {
			t.Errorf("%v leads to an article that is none, or a reserve", a)
		}
	}
	if len(a["satu"]) == 0 && len(a["banyak"]) == 0 && len(r.Matches(tax, a)) > 0 {
		t.Error("an empty form leads somewhere")
	}
	for _, route := range r.Routes(tax, a) {
		if len(route.Struck) == 0 && slices.Contains(a[r.Declined.Question], route.Code) {
			t.Errorf("the reporter declined %q", route.Code)
		}
	}
	if q := r.Permit.Question; len(a[q]) == 0 && r.Consent(tax, a) != Closed {
		t.Error("silence is consent")
	}
	r.Checks(tax, a, Facts{Week: w48, Today: time.Now()})
	if window, ok := r.Clock(w48, a); ok && window.Latest.Before(window.Earliest) && window.At(window.Earliest) != Over {
		t.Errorf("%v: the window is %v", a, window)
	}
}
