// Package web holds the pages that a reporter sees: templates, texts in
// Indonesian and English, one style sheet, and the code that joins them. It
// knows no framework, no store and no key; a handler fills one of the views of
// views.go and calls Render.
//
// Page rules, each held by a test:
//
//   - No inline script or style, no event attribute, and no address of another
//     origin. A page works with JavaScript off and without cookies; where JavaScript
//     runs, one script of ours takes its views and texts from the page "client".
//   - The code of a receipt is only ever in a hidden field of a POST form: never
//     in an address, in a title, or in a link.
//   - Titles are neutral. Whoever glances at a list of tabs sees "Catatan" or
//     "Notes", and the printed receipt is a bare list of words.
//   - Every text is in both catalogs, with the same placeholders. A text that is
//     missing is an error, never a blank on a page.
//   - What was typed comes back in the form whenever something has to be mended.
//   - Fields ask for no spell checking and no autofill, and pages for no
//     translation, because some browsers send such text to their maker.
//
// A page is built in memory and written in one piece, so that an error never
// leaves half a page behind.
package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"unicode/utf8"

	"saksi/web/taxonomy"
)

//go:embed templates static catalog
var files embed.FS

// Lang names one of the two languages that every page exists in.
type Lang string

const (
	ID Lang = "id" // Indonesian, the language without a prefix
	EN Lang = "en" // English, under "/en"
)

// Prefix returns what stands before every path of a language.
func Prefix(lang Lang) string {
	if lang == EN {
		return "/en"
	}
	return ""
}

// other returns the language that a page's switch leads to.
func other(lang Lang) Lang {
	if lang == EN {
		return ID
	}
	return EN
}

// Pages renders views. It never changes after New, so that any number of
// goroutines may share it.
type Pages struct {
	site  Site
	style []byte
	byKey map[pageKey]*template.Template
}

// pageKey names one page in one language.
type pageKey struct {
	lang Lang
	name string
}

// New parses every template and catalog once. It fails if the two catalogs do
// not hold the same keys and placeholders. A zero Site is a drop for civil
// servants.
func New(site Site) (*Pages, error) {
	style, err := files.ReadFile("static/style.css")
	if err != nil {
		return nil, fmt.Errorf("reading the style sheet: %v", err)
	}
	catalogs, err := loadCatalogs(ID, EN)
	if err != nil {
		return nil, err
	}
	p := &Pages{site: site.withDefaults(), style: style, byKey: make(map[pageKey]*template.Template)}
	for lang := range catalogs {
		if err := p.parse(lang, catalogs); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// parse adds all pages of one language.
func (p *Pages) parse(lang Lang, catalogs map[Lang]*catalog) error {
	functions := p.functions(lang, catalogs[lang])
	functions["voice"] = func() voice { return voice{lang, true, catalogs[lang]} }
	functions["otherVoice"] = func() voice { return voice{other(lang), false, catalogs[other(lang)]} }
	for _, name := range pageNames() {
		functions["script"] = func() string { return p.site.scriptOn(name) }
		t, err := template.New("layout.html").Funcs(functions).ParseFS(files,
			"templates/layout.html", "templates/parts.html", "templates/"+name+".html")
		if err != nil {
			return fmt.Errorf("parsing page %q: %v", name, err)
		}
		p.byKey[pageKey{lang, name}] = t
	}
	return nil
}

// functions returns what a template may call, bound to one language.
func (p *Pages) functions(lang Lang, texts *catalog) template.FuncMap {
	return template.FuncMap{
		"lang":      func() string { return string(lang) },
		"otherLang": func() string { return string(other(lang)) },
		"path":      func(p string) string { return Prefix(lang) + p },
		"otherPath": func(p string) string { return Prefix(other(lang)) + p },
		"t":         texts.text,
		"each":      texts.each,
		"size":      texts.size,
		"week":      texts.week,
		"region":    texts.region,
		"status":    texts.status,
		"item":      texts.item,
		"told":      texts.told,
		"say":       func(text taxonomy.Text) string { return text.In(string(lang)) },
		"said":      func(a taxonomy.Answers) []taxonomy.Said { return p.site.Taxonomy.Describe(a, string(lang)) },
		"form":      p.site.form(lang),
		"story":     func() string { return p.site.Taxonomy.Story().ID },
		"label":     func(id string) string { return p.site.Taxonomy.Question(id).Label.In(string(lang)) },
		"fieldID":   FieldID,
		"provinces": provinces,
		"instance":  func() Instance { return p.site.Instance },
		"slot":      func(name string) string { return "{" + name + "}" },
		"texts":     texts.forScript,
		"add":       func(a, b int) int { return a + b },
		"sub":       func(a, b int) int { return a - b },
	}
}

// Taxonomy returns the questions that the form asks.
func (p *Pages) Taxonomy() *taxonomy.Taxonomy { return p.site.Taxonomy }

// Style returns the style sheet, to be served at /style.css. The caller must
// not change it.
func (p *Pages) Style() []byte { return p.style }

// Render writes the page that belongs to the view's type. It writes nothing if
// the page cannot be built.
func (p *Pages) Render(w io.Writer, lang Lang, view any) error {
	page, err := p.Page(lang, view)
	if err != nil {
		return err
	}
	_, err = w.Write(page)
	return err
}

// Page builds the page that belongs to the view's type. Bytes that are not UTF-8
// become U+FFFD.
func (p *Pages) Page(lang Lang, view any) ([]byte, error) {
	name := pageName(view)
	t, ok := p.byKey[pageKey{lang, name}]
	if !ok {
		return nil, fmt.Errorf("no page for a %T in language %q", view, lang)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, view); err != nil {
		return nil, fmt.Errorf("building page %q: %v", name, err)
	}
	if utf8.Valid(page.Bytes()) {
		return page.Bytes(), nil // without a copy
	}
	return bytes.ToValidUTF8(page.Bytes(), []byte("\uFFFD")), nil
}

// pageNames lists the template files that are pages.
func pageNames() []string {
	return []string{
		"start", "info", "write", "receipt", "open", "suggest", "conversation", "confirm", "gone", "failure",
		"outside", "front", "client",
	}
}

// pageName returns the template file for a view, or "" if it is not a view.
func pageName(view any) string {
	switch view.(type) {
	case Start:
		return "start"
	case Info:
		return "info"
	case Write:
		return "write"
	case Receipt:
		return "receipt"
	case Open:
		return "open"
	case Suggest:
		return "suggest"
	case Conversation:
		return "conversation"
	case Confirm:
		return "confirm"
	case Gone:
		return "gone"
	case Failure:
		return "failure"
	case Outside:
		return "outside"
	case Client:
		return "client"
	case Front:
		return "front"
	}
	return ""
}
