package web

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"saksi/web/taxonomy"
)

func testClient() Client {
	next := testReaders()
	next.Place = true
	return Client{Later: laterReaders(), Next: next, MaxFile: 512 << 20, MaxText: 24000, KeepSpread: 13, KeepMost: 52}
}

// clientViews returns the templates of the page for the script, by id.
func clientViews(t *testing.T, lang Lang) (views map[string]*html.Node, order []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(render(t, newPages(t), lang, testClient())))
	if err != nil {
		t.Fatal(err)
	}
	views = map[string]*html.Node{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "template" {
			continue
		}
		id := nodeAttr(n, "id")
		if views[id] != nil || id == "" {
			t.Errorf("%q is there twice, or nameless", id)
		}
		views[id], order = n, append(order, id)
	}
	return views, order
}

func nodeAttr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestViewsOfBothLanguagesAreTheSame: the script works on views by their names, so
// that whoever changes the language finds each of them.
func TestViewsOfBothLanguagesAreTheSame(t *testing.T) {
	_, id := clientViews(t, ID)
	_, en := clientViews(t, EN)
	if len(id) < 20 || !slices.Equal(id, en) {
		t.Errorf("%d views in one language, %d in the other", len(id), len(en))
	}
}

// TestViewsAreWhole: within each view labels, hints and forms point to what is
// there, no id is twice, and no form sends anything without the script, but the one
// that is the server's way.
func TestViewsAreWhole(t *testing.T) {
	for _, lang := range []Lang{ID, EN} {
		views, _ := clientViews(t, lang)
		for name, view := range views {
			checkView(t, string(lang)+"/"+name, view)
		}
	}
}

func checkView(t *testing.T, name string, view *html.Node) {
	t.Helper()
	ids := map[string]bool{}
	for n := range view.Descendants() {
		if id := nodeAttr(n, "id"); id != "" {
			if ids[id] {
				t.Errorf("%s: the id %q is there twice", name, id)
			}
			ids[id] = true
		}
	}
	for n := range view.Descendants() {
		for _, id := range strings.Fields(nodeAttr(n, "aria-describedby") + " " + nodeAttr(n, "for")) {
			if !ids[id] && !strings.Contains(id, "{") {
				t.Errorf("%s: <%s> points to %q, which is not there", name, n.Data, id)
			}
		}
		if n.Data != "form" {
			continue
		}
		if nodeAttr(n, "method") != "dialog" && nodeAttr(n, "data-way") != "server" {
			t.Errorf("%s: a form would send without the script", name)
		}
	}
}

// TestThePageForTheScriptHasNone: it is asked for by a script and runs none.
func TestThePageForTheScriptHasNone(t *testing.T) {
	p, err := New(Site{Script: "/saksi-0123456789abcdef.js"})
	if err != nil {
		t.Fatal(err)
	}
	tag := `<script src="/saksi-0123456789abcdef.js" defer></script>`
	for _, lang := range []Lang{ID, EN} {
		for _, s := range append(states(), state{"client", testClient()}) {
			family, _, _ := strings.Cut(s.name, "-")
			without := family == "outside" || family == "front" || family == "client"
			page := render(t, p, lang, s.view)
			if n := strings.Count(page, "<script"); without && n != 0 || !without && (n != 1 || !strings.Contains(page, tag)) {
				t.Errorf("%s/%s has %d scripts", lang, s.name, n)
			}
			if i := strings.Index(page, "</head>"); !without && !strings.HasSuffix(page[:i], tag+"\n") {
				t.Errorf("%s/%s: the script is not at the end of its head", lang, s.name)
			}
		}
	}
	foreign := regexp.MustCompile(`(?i)http:|https:|//|javascript:|\sstyle=|\son[a-z]+=|<!--|ZgotmplZ`)
	if found := foreign.FindString(render(t, p, ID, testClient())); found != "" {
		t.Errorf("the views hold %q", found)
	}
}

// TestPageForTheScriptIsSmall: it comes over Tor, once for each page with a form.
func TestPageForTheScriptIsSmall(t *testing.T) {
	for _, lang := range []Lang{ID, EN} {
		n := len(render(t, newPages(t), lang, testClient()))
		if n > 48<<10 {
			t.Errorf("%s: %d bytes", lang, n)
		}
		t.Logf("%s: %d bytes", lang, n)
	}
}

// clientSources returns the script's own sources.
// TestEvidenceIsFoldedWhereTheAdviceIsToSendNone: whoever would be found by it is not
// asked for it in the same breath, on either receipt.
func TestEvidenceIsFoldedWhereTheAdviceIsToSendNone(t *testing.T) {
	source := clientSources(t)
	folds := func(r Receipt) bool {
		page := render(t, newPages(t), ID, r)
		before, _, _ := strings.Cut(page, `action="/file"`)
		return strings.LastIndex(before, `<details class="part">`) > strings.LastIndex(before, "</details>")
	}
	if folds(Receipt{Carried: taxonomy.Answers{"jumlah_tahu": {"banyak"}}}) {
		t.Error("it is folded for somebody whom many could be")
	}
	for _, q := range taxonomy.Current().Questions() {
		for _, c := range q.Choices {
			warned := slices.ContainsFunc(c.Advice, func(a taxonomy.Text) bool {
				return strings.Contains(a.ID, "Jangan mengirim bukti") || strings.Contains(a.ID, "Jangan mengirimnya")
			})
			folded := folds(Receipt{Carried: taxonomy.Answers{q.ID: {c.Code}}})
			known := strings.Contains(source, `"`+c.Code+`"`)
			if folded != warned || warned && !known {
				t.Errorf("%s: warned %t, folded %t, known to the script %t", c.Code, warned, folded, known)
			}
		}
	}
}

func clientSources(t *testing.T) (all string) {
	t.Helper()
	err := filepath.WalkDir("client/src", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".ts") {
			return err
		}
		data, err := os.ReadFile(path)
		all += string(data)
		return err
	})
	if err != nil || all == "" {
		t.Fatalf("reading the script's sources: %v", err)
	}
	return all
}

// TestEveryFailureOfTheScriptHasWords: whatever goes wrong in a browser, its person
// is told what to do.
func TestEveryFailureOfTheScriptHasWords(t *testing.T) {
	silent := map[string]bool{"cancelled": true} // is said by its file
	source := clientSources(t)
	thrown := regexp.MustCompile(`Failure\("([a-z_]+)"`).FindAllStringSubmatch(source, -1)
	told := regexp.MustCompile(`unsure\(err, "([a-z_]+)"(?:, "([a-z_]+)")?`).FindAllStringSubmatch(source, -1)
	if len(thrown) < 10 || len(told) < 2 {
		t.Fatalf("%d failures were found, and %d that are told otherwise", len(thrown), len(told))
	}
	var keys []string
	for _, m := range slices.Concat(thrown, told) {
		keys = append(keys, m[1:]...)
	}
	texts := testCatalogs(t)[ID].texts
	for _, key := range keys {
		if key != "" && texts["client.problem."+key]+texts["problem."+key]+texts["failure."+key+".text"] == "" && !silent[key] {
			t.Errorf("nothing is said about %q", key)
		}
	}
}

// TestTheScriptHoldsNoText: all words are in the catalogs, so that both languages
// have them.
func TestTheScriptHoldsNoText(t *testing.T) {
	sources, err := filepath.Glob("client/src/ui/*.ts")
	if err != nil || len(sources) == 0 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	// Words with spaces between them that are not an error for developers.
	text := regexp.MustCompile("[^\\w.]\"[A-Z][a-z]+ [a-z ]+[a-z.]\"")
	for _, name := range sources {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := text.FindString(string(data)); found != "" {
			t.Errorf("%s holds %s", name, found)
		}
		for _, sink := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser",
			"localStorage", "sessionStorage", "indexedDB", "document.cookie", "history.", "window.name", "createContextualFragment"} {
			if strings.Contains(string(data), sink) {
				t.Errorf("%s uses %q", name, sink)
			}
		}
	}
}

func TestRegionsAreAllThere(t *testing.T) {
	var pairs [][2]string
	if err := json.Unmarshal(Regions(), &pairs); err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	for _, p := range pairs {
		codes[p[0]] = p[1]
	}
	if len(codes) != len(pairs) || len(pairs) < 540 || codes["73"] != "Sulawesi Selatan" || codes["73.71"] != "Kota Makassar" {
		t.Errorf("%d regions, %d codes", len(pairs), len(codes))
	}
}
