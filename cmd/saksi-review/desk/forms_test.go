package desk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/web/taxonomy"
)

// ownForm is a taxonomy of an operator's own; ownRules are rules for it.
const (
	ownForm = `{"format":"saksi/v1/taxonomy","name":"tambang","version":"2026-11-01",
"title":{"id":"a","en":"b"},"sections":[
{"title":{"id":"a","en":"b"},"questions":[{"id":"awas","kind":"one","label":{"id":"a","en":"b"},"choices":[
 {"code":"ya","label":{"id":"a","en":"b"}},{"code":"tidak","label":{"id":"a","en":"b"}}]},
{"id":"cerita","kind":"story","required":true,"label":{"id":"a","en":"b"}}]}]}`
	ownRules = `{"format":"saksi/v1/rules","taxonomy":"tambang","version":"2026-11-01","lawyer":"l",
"acts":"awas","references":[],
"rules":[{"when":{"awas":["ya","tidak"]},"note":"n"}],"consent":{"question":"awas","closed":["tidak"]},
"danger":{"question":"awas","codes":["ya"],"text":"t"},
"sheet":{"title":"t","parts":[{"number":"1","title":"t","lines":[]}]},"routes":[]}`
)

func ownReference(t *testing.T) string {
	t.Helper()
	tax, err := taxonomy.Parse([]byte(ownForm))
	if err != nil {
		t.Fatal(err)
	}
	return tax.Reference()
}

// answering seals a testimony with one answer.
func (s *drop) answering(reference, question, answer string) members {
	form := item.Form{Answers: map[string][]string{question: {answer}}}
	return s.seal(receipt.New(), 0, item.Content{Kind: item.Testimony, Text: marker, Form: form, Taxonomy: reference})
}

// TestDangerIsMarkedAsItComes: those in danger are known before anybody reads, and
// the mark is of an answer to a form that is known, not of a word.
func TestDangerIsMarkedAsItComes(t *testing.T) {
	s := newDrop(t, 1)
	current := taxonomy.Current().Reference()
	s.close(s.answering(current, "bahaya", "ya"), s.answering(current, "bahaya", "tidak"),
		s.answering(current, "tahan", "ya"), s.answering("asn 2026-11-22", "bahaya", "ya"),
		s.message(receipt.New(), 0, marker))
	d := s.sit(0)
	marked := 0
	for _, a := range d.take(s.bundle(1, 1)).New {
		if a.Danger {
			marked++
		}
	}
	d.reopen()
	kept := 0
	for _, thread := range d.Threads() {
		if thread.Items[0].Danger {
			kept++
		}
	}
	if marked != 1 || kept != 1 {
		t.Errorf("%d were marked and %d remembered, want 1", marked, kept)
	}
}

// TestWhatCannotBeReadHidesNoDanger: of the other testimonies it is marked when the desk
// learns what their answers mean.
func TestWhatCannotBeReadHidesNoDanger(t *testing.T) {
	s := newDrop(t, 1)
	code := receipt.New()
	s.close(s.answering(ownReference(t), "awas", "ya"), s.message(code, 0, marker))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	if err := os.RemoveAll(d.path("items", code.ItemID(0).String())); err != nil {
		t.Fatal(err)
	}
	if _, err := d.KeepForm(t.Context(), []byte(ownForm), []byte(ownRules)); err != nil {
		t.Error(err)
	}
	marked := 0
	for _, thread := range d.Threads() {
		if thread.Items[0].Danger {
			marked++
		}
	}
	if marked != 1 {
		t.Errorf("%d testimonies are marked, want 1", marked)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.KeepForm(ended, []byte(ownForm), []byte(ownRules)); !errors.Is(err, context.Canceled) {
		t.Errorf("once it was broken off: %v", err)
	}
}

// TestAFormIsKept with its rules, over a restart; what came before is marked
// when the desk learns what its answers mean.
func TestAFormIsKept(t *testing.T) {
	s := newDrop(t, 1)
	s.close(s.answering(ownReference(t), "awas", "ya"))
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	if form, rules := d.Form(ownReference(t)); form != nil || rules != nil || d.Threads()[0].Items[0].Danger {
		t.Fatal("a form that nobody brought")
	}
	if _, err := d.KeepForm(t.Context(), []byte(ownForm), nil); err != nil {
		t.Fatal(err)
	}
	if form, rules := d.Form(ownReference(t)); form == nil || rules != nil {
		t.Errorf("without rules: %v, %v", form, rules)
	}
	if _, err := d.KeepForm(t.Context(), []byte(ownForm), []byte(ownRules)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.KeepForm(t.Context(), []byte(ownForm), nil); err != nil { // keeps the rules
		t.Fatal(err)
	}
	d.reopen()
	if form, rules := d.Form(ownReference(t)); form == nil || rules == nil || !d.Threads()[0].Items[0].Danger {
		t.Errorf("with rules: %v, %v, danger %t", form, rules, d.Threads()[0].Items[0].Danger)
	}
	if form, rules := d.Form(taxonomy.Current().Reference()); form != taxonomy.Current() || rules == nil {
		t.Error("the program's own form is gone")
	}
	if len(d.index.Forms) != 1 {
		t.Errorf("%d forms", len(d.index.Forms))
	}
}

// TestOnlyGoodFormsAreKept: not what is none, not rules for another, and not one
// that would take the place of the program's.
func TestOnlyGoodFormsAreKept(t *testing.T) {
	s := newDrop(t, 1)
	s.close()
	d := s.sit(0)
	d.take(s.bundle(1, 1))
	builtIn, err := os.ReadFile("../../../web/taxonomy/asn-2026-11-22.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		form, rules string
		want        error
	}{
		"no taxonomy": {"{}", "", taxonomy.ErrInvalid}, "no rules": {ownForm, "{}", taxonomy.ErrInvalid},
		"rules for another": {ownForm, strings.Replace(ownRules, "tambang", "asn", 1), taxonomy.ErrInvalid},
		"the program's":     {string(builtIn), ownRules, ErrBuiltIn},
	} {
		var rules []byte
		if test.rules != "" {
			rules = []byte(test.rules)
		}
		if _, err := d.KeepForm(t.Context(), []byte(test.form), rules); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(d.path("taxonomies")); len(entries) > 0 || len(d.index.Forms) > 0 {
		t.Errorf("kept: %v", entries)
	}
}

// TestAForeignFormIsNotBelieved: the files are public, so who can write into the
// folder can change them. A changed one is damage; one that was put there is
// nothing.
func TestAForeignFormIsNotBelieved(t *testing.T) {
	for _, changed := range []string{ownForm, ownRules} {
		s := newDrop(t, 1)
		s.close()
		d := s.sit(0)
		d.take(s.bundle(1, 1))
		if _, err := d.KeepForm(t.Context(), []byte(ownForm), []byte(ownRules)); err != nil {
			t.Fatal(err)
		}
		other := strings.Replace(changed, "2026-11-01", "2026-11-02", 1)
		foreign := filepath.Join(d.path("taxonomies"), hashOf([]byte(other))+".json")
		if err := os.WriteFile(foreign, []byte(other), fileMode); err != nil {
			t.Fatal(err)
		}
		d.reopen()
		if len(d.forms) != 1 || d.forms[0].rules.Version != "2026-11-01" {
			t.Error("a foreign file was read")
		}
		if err := os.WriteFile(d.formPath(hashOf([]byte(changed))), []byte(other), fileMode); err != nil {
			t.Fatal(err)
		}
		d.Close()
		if _, err := Open(d.config); !errors.Is(err, ErrDamaged) {
			t.Errorf("a changed file: %v, want ErrDamaged", err)
		}
	}
}

// TestFormsOfAnIndexAreInOrder, each once and by a hash.
func TestFormsOfAnIndexAreInOrder(t *testing.T) {
	one, two := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for _, test := range []struct {
		forms []keptForm
		ok    bool
	}{
		{[]keptForm{{one, ""}, {two, one}}, true}, {[]keptForm{{two, ""}, {one, ""}}, false},
		{[]keptForm{{one, ""}, {one, ""}}, false}, {[]keptForm{{"../x", ""}}, false}, {[]keptForm{{one, "../x"}}, false},
	} {
		if err := (&index{Forms: test.forms}).checkForms(); (err == nil) != test.ok {
			t.Errorf("%v: %v", test.forms, err)
		}
	}
}
