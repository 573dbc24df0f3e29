package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/web/taxonomy"
)

func example(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../docs/examples/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAnotherDropNeedsNoOtherProgram: with the two example files the pages speak
// of another matter, in both languages, and of none of ours.
func TestAnotherDropNeedsNoOtherProgram(t *testing.T) {
	questions, err := taxonomy.Parse(example(t, "taxonomy.json"))
	if err != nil {
		t.Fatal(err)
	}
	instance, err := ParseInstance(example(t, "instance.json"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Site{Taxonomy: questions, Instance: instance})
	if err != nil {
		t.Fatal(err)
	}
	draft := Draft{Text: "isi", Answers: taxonomy.Answers{"apa": {"harga"}}}
	for lang, want := range map[Lang][]string{
		ID: {"Kotak pengadaan", "Untuk pegawai rumah sakit", "jawaban lebih lambat", "Lembaga Contoh", "Harga dinaikkan"},
		EN: {"Procurement box", "For hospital staff", "answers are slower", "Do not mention there", "Prices were raised"},
	} {
		all := render(t, p, lang, Start{}) + render(t, p, lang, Write{Today: testDay, Draft: draft, Problems: []Problem{{"cerita", "empty"}}}) +
			render(t, p, lang, Failure{Key: "store", Draft: &draft, Code: testCode, Retryat: "/write"})
		for _, text := range want {
			if !strings.Contains(all, text) {
				t.Errorf("%s: no page says %q", lang, text)
			}
		}
		for _, text := range []string{"PPPK", "Puskesmas", "honorary staff"} {
			if strings.Contains(all, text) {
				t.Errorf("%s: a page says %q", lang, text)
			}
		}
	}
}

func TestInstancesThatAreRefused(t *testing.T) {
	const good = `{"format":"saksi/v1/instance","name":{"id":"a","en":"b"},"about":[{"id":"c","en":"d"}]}`
	if _, err := ParseInstance([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for what, edit := range map[string][2]string{
		"format":         {"v1", "v2"},
		"unknown field":  {`"name"`, `"title"`},
		"no English":     {`"en":"b"`, `"en":" "`},
		"long name":      {`"a"`, `"` + strings.Repeat("é", 61) + `"`},
		"long paragraph": {`"c"`, `"` + strings.Repeat("c", 301) + `"`},
		"two lines":      {`"c"`, `"c\nd"`},
		"many":           {`[{`, `[` + strings.Repeat(`{"id":"c","en":"d"},`, 6) + `{`},
		"behind its end": {`]}`, `]} {}`},
		"cut":            {`]}`, `]`},
		"too large":      {`]}`, `]}` + strings.Repeat(" ", MaxInstance)},
	} {
		if _, err := ParseInstance([]byte(strings.Replace(good, edit[0], edit[1], 1))); !errors.Is(err, ErrInstance) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// FuzzParseInstance: what was read, written again, is read as the same, and every
// page shows it.
func FuzzParseInstance(f *testing.F) {
	f.Add(example(f, "instance.json"))
	f.Add([]byte(`{"format":"saksi/v1/instance","name":{"id":"<b>","en":"\u202e"},"contact":[{"id":"a","en":"'"}]}`))
	f.Add([]byte(`{"format":"saksi/v1/instance","about":[` + strings.Repeat("{},", 5000) + `{}]}`))
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, data []byte) {
		i, ok := fuzztest.Parse(t, bound, data, ParseInstance, ErrInstance)
		if !ok {
			return
		}
		again, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseInstance(again)
		if err != nil {
			t.Fatalf("%s is refused: %v", again, err)
		}
		if second, err := json.Marshal(got); err != nil || !bytes.Equal(second, again) {
			t.Errorf("%s has become %s, %v", again, second, err)
		}
		p, err := New(Site{Instance: i})
		if err != nil {
			t.Fatal(err)
		}
		d, err := readPage(render(t, p, ID, Start{}))
		if err != nil || d.count("h1") != 1 {
			t.Errorf("the page of %+v: %v", i, err)
		}
	})
}
