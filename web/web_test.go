package web

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

func TestPagesAreWellFormed(t *testing.T) {
	everyPage(t, states(), func(t *testing.T, lang Lang, _ state, page string) {
		d, err := readPage(page)
		if err != nil {
			t.Fatal(err)
		}
		if n := d.count("h1"); n != 1 {
			t.Errorf("%d h1, want one", n)
		}
		if got, _ := attr(d.tags[0], "lang"); got != string(lang) {
			t.Errorf("lang is %q, want %q", got, lang)
		}
		checkReferences(t, d)
		checkAddresses(t, d)
		checkForms(t, d, lang)
	})
}

// checkReferences holds labels, hints and links within a page to existing ids.
func checkReferences(t *testing.T, d *document) {
	t.Helper()
	for n, tag := range d.tags {
		for _, name := range []string{"aria-describedby", "for", "form", "href"} {
			value, _ := attr(tag, name)
			if name == "href" {
				if !strings.HasPrefix(value, "#") {
					continue
				}
				value = value[1:]
			}
			for _, id := range strings.Fields(value) {
				if !d.ids[id] {
					t.Errorf("<%s> points to %q, which is not there", tag.Data, id)
				}
			}
		}
		kind, _ := attr(tag, "type")
		if tag.Data == "textarea" || tag.Data == "select" || tag.Data == "input" && kind != "hidden" {
			if id, _ := attr(tag, "id"); !d.labels[id] && !d.within[n] {
				t.Errorf("field %q has no label", id)
			}
		}
	}
}

// checkAddresses allows addresses of this server only, and one blank page.
func checkAddresses(t *testing.T, d *document) {
	t.Helper()
	own := regexp.MustCompile(`^(/|/[a-z.]+|/en/[a-z]*|(/write|/en/write)?#[a-z][a-z_-]+|about:blank|data:,)$`)
	for _, tag := range d.tags {
		for _, a := range tag.Attr {
			switch a.Key {
			case "href", "action", "formaction":
				if !own.MatchString(a.Val) {
					t.Errorf("<%s %s=%q>", tag.Data, a.Key, a.Val)
				}
			case "src", "srcset", "style", "target", "autofocus", "ping", "background":
				t.Errorf("<%s> has %q", tag.Data, a.Key)
			}
			if strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %q", tag.Data, a.Key)
			}
		}
		switch tag.Data {
		case "script", "style", "img", "iframe", "object", "base", "svg", "video":
			t.Errorf("the page has <%s>", tag.Data)
		}
	}
}

// checkForms holds each form to POST, to its language and to no autofill.
func checkForms(t *testing.T, d *document, lang Lang) {
	t.Helper()
	for _, tag := range d.tags {
		if tag.Data != "form" {
			continue
		}
		for name, want := range map[string]string{"method": "post", "autocomplete": "off"} {
			if got, _ := attr(tag, name); got != want {
				t.Errorf("form has %s=%q, want %q", name, got, want)
			}
		}
	}
	exits := 0
	for _, tag := range d.tags {
		if href, _ := attr(tag, "href"); href == "about:blank" {
			exits++
		}
	}
	if exits != 1 {
		t.Errorf("%d ways to leave quickly, want one", exits)
	}
}

func TestPagesHoldNothingForeign(t *testing.T) {
	bad := regexp.MustCompile(`(?i)http:|https:|//|<script|javascript:|\sstyle=|\son[a-z]+=|<!--|ZgotmplZ`)
	everyPage(t, states(), func(t *testing.T, _ Lang, _ state, page string) {
		if found := bad.FindString(page); found != "" {
			t.Errorf("the page holds %q", found)
		}
	})
}

func TestHostileDataIsEscaped(t *testing.T) {
	long := strings.Repeat("W", 20000)
	for name, evil := range map[string]string{
		"script":      `<script>alert(1)</script>`,
		"quotes":      `"' onfocus="x" autofocus='`,
		"address":     `javascript:alert(1)//`,
		"ends field":  `</textarea></form></main><h1>x</h1><base href=//x>`,
		"NUL":         "a\x00<b\x00>c",
		"bad UTF-8":   "\xff\xfe<\xc3",
		"placeholder": `{max} {{.Code}} {word}`,
		"long":        long,
	} {
		t.Run(name, func(t *testing.T) {
			everyPage(t, hostileStates(evil), func(t *testing.T, lang Lang, _ state, page string) {
				checkHostile(t, page, lang)
			})
		})
	}
}

func checkHostile(t *testing.T, page string, lang Lang) {
	t.Helper()
	d, err := readPage(page)
	if err != nil {
		t.Fatal(err)
	}
	if n := d.count("h1"); n != 1 {
		t.Errorf("%d h1, want one", n)
	}
	checkAddresses(t, d)
	checkForms(t, d, lang)
	if strings.ContainsRune(page, 0) || !utf8.ValidString(page) {
		t.Error("the page holds NUL or is not UTF-8")
	}
}

func TestTypedTextComesBackUnchanged(t *testing.T) {
	typed := "\n\n  <b>“a”</b> & {max}\n\ttab\nend  "
	for _, view := range []any{
		Write{Draft: Draft{Text: typed}, Problems: []Problem{{"uraian", "empty"}}},
		Conversation{Draft: Draft{Text: typed}, NextN: 1},
		Conversation{Draft: Draft{Text: typed}, NextN: -1},
		Receipt{Unsent: &Draft{Text: typed}},
		Open{Words: typed},
		Failure{Key: "store", Draft: &Draft{Text: typed}},
		Failure{Key: "store", Draft: &Draft{Text: typed}, Code: testCode, Retryat: "/message", N: 1},
	} {
		page := render(t, newPages(t), ID, view)
		// Parse as a browser does, which drops one line break after <textarea>.
		if got := fieldText(t, page); got != typed {
			t.Errorf("%T: got %q, want %q", view, got, typed)
		}
	}
}

// fieldText returns what a browser puts into the page's textarea.
func fieldText(t *testing.T, page string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "textarea" && n.FirstChild != nil {
			return n.FirstChild.Data
		}
	}
	return ""
}

func TestTitlesAreNeutral(t *testing.T) {
	bad := regexp.MustCompile(`(?i)lapor|bocor|whistle|saksi|leak|witness|testimon|asn`)
	everyPage(t, states(), func(t *testing.T, _ Lang, _ state, page string) {
		d, err := readPage(page)
		if err != nil {
			t.Fatal(err)
		}
		if title := d.texts["title"]; title == "" || bad.MatchString(title) {
			t.Errorf("title is %q", title)
		}
	})
}

func TestCodeIsOnlyInHiddenFields(t *testing.T) {
	hidden := `<input type="hidden" name="code" value="` + testCode + `">`
	everyPage(t, states(), func(t *testing.T, _ Lang, _ state, page string) {
		if strings.Contains(strings.ReplaceAll(page, hidden, ""), testCode) {
			t.Error("the code is outside a hidden field")
		}
	})
}

func TestFileIsTheLastField(t *testing.T) {
	form := regexp.MustCompile(`(?s)<form[^>]*enctype="multipart/form-data".*?</form>`)
	field := regexp.MustCompile(`<(?:input|textarea|select|button)\b[^>]*\bname="([a-z._]+)"`)
	found := 0
	everyPage(t, states(), func(t *testing.T, _ Lang, _ state, page string) {
		for _, f := range form.FindAllString(page, -1) {
			found++
			names := field.FindAllStringSubmatch(f, -1)
			if last := names[len(names)-1][1]; last != "file" {
				t.Errorf("last field is %q", last)
			}
		}
	})
	if found == 0 {
		t.Error("no page has a form for files")
	}
}

func TestLanguageSwitchLeadsToTheOtherLanguage(t *testing.T) {
	for _, c := range []struct {
		view any
		want string
	}{
		{Start{}, `<a href="/en/"`},
		{Open{}, `<a href="/en/open"`},
		{Write{}, `formaction="/en/write" name="switch" value="1"`},
		{Receipt{}, `<form method="post" action="/en/receipt"`},
		{Conversation{}, `<form method="post" action="/en/open"`},
	} {
		page := render(t, newPages(t), ID, c.view)
		if !strings.Contains(page, c.want) {
			t.Errorf("%T has no %s", c.view, c.want)
		}
		back := strings.Replace(c.want, "/en/", "/", 1)
		if page := render(t, newPages(t), EN, c.view); !strings.Contains(page, back) {
			t.Errorf("%T in English has no %s", c.view, back)
		}
	}
}

func TestFailureOffersTheWayOn(t *testing.T) {
	d := &Draft{Text: "x"}
	for _, c := range []struct {
		name    string
		failure Failure
		want    []string
		not     []string
	}{
		{"testimony again", Failure{Key: "store", Code: "c0", Draft: d, Retryat: "/write"},
			[]string{`action="/write"`, `name="text"`}, []string{`action="/open"`}},
		{"message again", Failure{Key: "store", Code: "c0", Draft: d, Retryat: "/message", N: 7},
			[]string{`action="/message"`, `name="n" value="7"`, `action="/open"`}, nil},
		{"number gone", Failure{Key: "deleted", Code: "c0", Draft: d, Retryat: "/message", N: 7},
			[]string{`readonly`, `action="/open"`}, []string{`action="/message"`}},
		{"first number gone", Failure{Key: "deleted", Code: "c0", Draft: d, Retryat: "/write"},
			[]string{`readonly`, `href="/write"`}, []string{`action="/write"`}},
		{"file", Failure{Key: "upload_cut", Code: "c0", Retryat: "/file"},
			[]string{`action="/open"`}, []string{`"/file"`}},
		{"busy", Failure{Key: "busy", Code: "c0", Draft: d, Retryat: "/write", Minutes: 5},
			[]string{`action="/write"`, "Tunggu 5 menit, lalu coba lagi."}, nil},
		{"busy receipt", Failure{Key: "busy", Code: "c0", Retryat: "/receipt", Minutes: 5},
			[]string{`action="/receipt"`, "Tunggu 5 menit, lalu coba lagi."}, []string{`action="/open"`}},
		{"nothing known", Failure{Key: "store"}, []string{`href="/"`}, []string{`<form`}},
	} {
		page := render(t, newPages(t), ID, c.failure)
		for _, s := range c.want {
			if !strings.Contains(page, s) {
				t.Errorf("%s: no %s", c.name, s)
			}
		}
		for _, s := range c.not {
			if strings.Contains(page, s) {
				t.Errorf("%s: has %s", c.name, s)
			}
		}
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, view := range map[string]any{
		"not a view":      42,
		"a pointer":       &Start{},
		"unknown problem": Open{Problem: "never"},
		"unknown failure": Failure{Key: "never"},
		"unknown state":   Conversation{Items: []Item{{State: "never"}}},
	} {
		var b bytes.Buffer
		if err := newPages(t).Render(&b, ID, view); err == nil || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
	if err := newPages(t).Render(&bytes.Buffer{}, "fr", Start{}); err == nil {
		t.Error("an unknown language is rendered")
	}
}

func TestPrefix(t *testing.T) {
	if Prefix(ID) != "" || Prefix(EN) != "/en" {
		t.Errorf("got %q and %q", Prefix(ID), Prefix(EN))
	}
}

// TestPagesOutsideLeadToNoForm: who came by another way finds nothing to type
// into and nothing to follow, in either language, and the address only as text.
func TestPagesOutsideLeadToNoForm(t *testing.T) {
	for _, s := range states() {
		family, _, _ := strings.Cut(s.name, "-")
		if family != "outside" && family != "front" {
			continue
		}
		for _, lang := range []Lang{ID, EN} {
			d, err := readPage(render(t, newPages(t), lang, s.view))
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range d.tags {
				switch tag.Data {
				case "form", "input", "textarea", "select", "button":
					t.Errorf("%s/%s has <%s>", lang, s.name, tag.Data)
				}
				href, linked := attr(tag, "href")
				switch {
				case !linked || tag.Data != "a" || href == "about:blank":
				case family == "front" && href == Prefix(other(lang))+"/": // the switch, on the front's own listener
				default:
					t.Errorf("%s/%s leads to %q", lang, s.name, href)
				}
			}
		}
	}
}

// TestOutsideSpeaksBothLanguages: nobody can switch there.
func TestOutsideSpeaksBothLanguages(t *testing.T) {
	catalogs := testCatalogs(t)
	for _, lang := range []Lang{ID, EN} {
		page := html.UnescapeString(render(t, newPages(t), lang, Outside{Onion: "contoh.onion"}))
		for _, c := range catalogs {
			for _, key := range []string{"outside.heading", "outside.text.3", "tor.how.2"} {
				if !strings.Contains(page, c.texts[key]) {
					t.Errorf("%s: %q is not there", lang, c.texts[key])
				}
			}
		}
		if !strings.Contains(page, "contoh.onion") {
			t.Error("the address is not there")
		}
	}
}
