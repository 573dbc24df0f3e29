package web

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

func testCatalogs(t *testing.T) map[Lang]*catalog {
	t.Helper()
	catalogs, err := loadCatalogs(ID, EN)
	if err != nil {
		t.Fatal(err)
	}
	return catalogs
}

func TestCatalogsThatDifferAreRefused(t *testing.T) {
	for name, pair := range map[string][2]string{
		"a key is missing":        {`{"a":"x","b":"y"}`, `{"a":"x"}`},
		"a key is too many":       {`{"a":"x"}`, `{"a":"x","b":"y"}`},
		"a placeholder differs":   {`{"a":"{max}"}`, `{"a":"{min}"}`},
		"a placeholder is absent": {`{"a":"{max}"}`, `{"a":"x"}`},
	} {
		a, err := parseCatalog(ID, []byte(pair[0]))
		if err != nil {
			t.Fatal(err)
		}
		b, err := parseCatalog(EN, []byte(pair[1]))
		if err != nil {
			t.Fatal(err)
		}
		if sameShape(a, b) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for _, data := range []string{`{"a":" "}`, `{"a":1}`, `[]`, ``} {
		if _, err := parseCatalog(ID, []byte(data)); err == nil {
			t.Errorf("%q: accepted", data)
		}
	}
}

func TestTextFillsPlaceholdersOnce(t *testing.T) {
	c, err := parseCatalog(ID, []byte(`{"a":"{x} of {y}","format.thousands":"."}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.text("a", "x", "{y}", "y", 24000, "z", "unused"); err != nil || got != "{y} of 24.000" {
		t.Errorf("got %q, %v", got, err)
	}
	for name, pairs := range map[string][]any{
		"no value": {"x", 1}, "half a pair": {"x", 1, "y"}, "a value that is no name": {"x", "{y}"},
	} {
		if _, err := c.text("a", pairs...); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := c.text("b"); err == nil {
		t.Error("a missing key is accepted")
	}
	if _, err := c.each("a"); err == nil {
		t.Error("an empty list is accepted")
	}
}

// families are the keys that a page or the code puts together at run time.
func families() map[string][]string {
	return map[string][]string{
		"problem": strings.Fields("heading empty too_long not_text word_count word_unknown check far_too_long cut damaged " +
			"no_file empty_file file_number_used picture_damaged field_long missing strange long sign unasked few_readers no_reader"),
		"status": strings.Fields("diterima diambil ditelaah butuh_keterangan terverifikasi " +
			"diteruskan tidak_dapat ditutup other"),
		"state":   strings.Fields("waiting batched carried deleted expired lost"),
		"format":  strings.Fields("thousands megabytes kilobytes week"),
		"item":    strings.Fields("first later"),
		"region":  {"national"},
		"reveals": strings.Fields("place time camera author organisation software title comment thumbnail other"),
	}
}

// usedKeys returns every key that a template or a family names.
func usedKeys(t *testing.T, c *catalog) map[string]bool {
	t.Helper()
	used := make(map[string]bool)
	for family, keys := range families() {
		for _, k := range keys {
			used[family+"."+k] = true
		}
	}
	for _, key := range failureKeys() {
		for _, part := range []string{"title", "text", "advice"} {
			used["failure."+key+"."+part] = true
		}
	}
	// The script names its texts by their keys, or puts them together of a family.
	source := clientSources(t)
	for key := range c.texts {
		family, of := scriptFamily(key)
		if of && (family != key && strings.Contains(source, `"`+family) || strings.Contains(source, `"`+key+`"`)) {
			used[key] = true
		}
	}
	call := regexp.MustCompile(`\b(?i:(t|each)) "([a-z0-9_.]+)"`)
	for _, source := range templateSources(t) {
		for _, m := range call.FindAllStringSubmatch(source, -1) {
			if strings.EqualFold(m[1], "t") {
				used[m[2]] = true
				continue
			}
			texts, err := c.each(m[2])
			if err != nil {
				t.Error(err)
			}
			for i := range texts {
				used[fmt.Sprintf("%s.%d", m[2], i+1)] = true
			}
		}
	}
	return used
}

// scriptFamily returns what the script puts before the rest of a key.
func scriptFamily(key string) (family string, of bool) {
	rest, of := strings.CutPrefix(key, "client.")
	family, _, _ = strings.Cut(rest, ".")
	return "client." + family + ".", of
}

func templateSources(t *testing.T) map[string]string {
	t.Helper()
	sources := make(map[string]string)
	names, err := fs.Glob(files, "templates/*.html")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d templates, %v", len(names), err)
	}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources[name] = string(data)
	}
	return sources
}

func TestEveryKeyIsUsedAndEveryUsedKeyExists(t *testing.T) {
	c := testCatalogs(t)[ID]
	used := usedKeys(t, c)
	for key := range c.texts {
		if !used[key] {
			t.Errorf("%q is never used", key)
		}
	}
	for key := range used {
		if _, ok := c.texts[key]; !ok {
			t.Errorf("%q is used and does not exist", key)
		}
	}
}

func TestTemplatesHoldNoText(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	for name, source := range templateSources(t) {
		z := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(source, "")))
		for kind := z.Next(); kind != html.ErrorToken; kind = z.Next() {
			token := z.Token()
			if kind == html.TextToken && strings.ContainsFunc(token.Data, unicode.IsLetter) {
				t.Errorf("%s holds the text %q", name, strings.TrimSpace(token.Data))
			}
			for _, a := range []string{"title", "placeholder", "alt", "aria-label"} {
				if v, _ := attr(token, a); v != "" {
					t.Errorf("%s holds %s=%q", name, a, v)
				}
			}
		}
	}
}

func TestWordsToAvoid(t *testing.T) {
	bad := map[Lang]*regexp.Regexp{
		ID: regexp.MustCompile(`(?i)\b(me|di)?lapor(kan)?\b|pelapor|bocor|informan\b|pengadu|silakan|enkripsi`),
		EN: regexp.MustCompile(`(?i)whistle|leak|informant|informer|encrypt|please note`),
	}
	for lang, c := range testCatalogs(t) {
		for key, text := range c.texts {
			if found := bad[lang].FindString(text); found != "" {
				t.Errorf("%s %s: %q", lang, key, found)
			}
		}
	}
}
