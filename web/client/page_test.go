package client_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"saksi/server/browser"
)

// policy is what the pages of a drop let a script do, and no more.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// bundle builds the bundle of the tests, and returns it.
func bundle(tb testing.TB) []byte {
	tb.Helper()
	to := filepath.Join(tb.TempDir(), "tests.js")
	if out, err := exec.Command("node", "build.mjs", "test", to).CombinedOutput(); err != nil {
		tb.Fatalf("building the tests: %v (has .ci/deps run?)\n%s", err, out)
	}
	script, err := os.ReadFile(to)
	if err != nil {
		tb.Fatal(err)
	}
	return script
}

// A stage is a page that has a bundle, and calls what a test asks it to.
type stage struct {
	*browser.Page
	tb  testing.TB
	url string
}

// newStage opens a page with a bundle in it; data is what it may fetch, by path.
func newStage(tb testing.TB, p *browser.Page, script []byte, data map[string]string) *stage {
	tb.Helper()
	mux := http.NewServeMux()
	serve := func(path, kind string, content func(http.ResponseWriter)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Security-Policy", policy)
			content(w)
		})
	}
	serve("/bundle.js", "text/javascript", func(w http.ResponseWriter) { w.Write(script) })
	serve("/call.js", "text/javascript", func(w http.ResponseWriter) { io.WriteString(w, callJS) })
	serve("/{$}", "text/html; charset=utf-8", func(w http.ResponseWriter) { io.WriteString(w, pageHTML) })
	for path, file := range data {
		serve(path, "application/json", func(w http.ResponseWriter) {
			content, err := os.ReadFile(file)
			if err != nil {
				tb.Error(err)
			}
			w.Write(content)
		})
	}
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	s := &stage{p, tb, server.URL}
	if err := p.Open(s.url + "/"); err != nil {
		tb.Fatal(err)
	}
	return s
}

const pageHTML = `<!doctype html><html lang="id"><meta charset="utf-8"><title>Uji</title><link rel="icon" href="data:,">
<textarea id="call"></textarea><button id="go">Jalan</button><pre id="said"></pre>
<script src="/bundle.js"></script><script src="/call.js"></script>`

// callJS calls a function of the bundle with values, of which those that are paths
// are fetched, and says what came of it.
const callJS = `"use strict"
const say = v => { document.querySelector("#said").textContent = JSON.stringify(v) }
const given = async v => typeof v == "string" && v.startsWith("/") ? (await fetch(v)).json() : v
document.querySelector("#go").onclick = async () => {
	const [name, ...values] = JSON.parse(document.querySelector("#call").value)
	say({})
	try {
		say({ result: await globalThis.saksiTests[name](...await Promise.all(values.map(given))) })
	} catch (e) {
		say({ error: String(e) + " " + e.stack })
	}
}`

// call calls a function of the bundle and decodes what it returns.
func (s *stage) call(out any, limit time.Duration, name string, values ...any) {
	s.tb.Helper()
	request, err := json.Marshal(append([]any{name}, values...))
	if err != nil {
		s.tb.Fatal(err)
	}
	for _, err := range []error{
		s.Fill("#call", string(request)), s.Click("#go"),
		s.UntilWithin(limit, `document.querySelector("#said").textContent.length > 2`),
	} {
		if err != nil {
			s.tb.Fatal(err)
		}
	}
	text, err := s.Text("#said")
	if err != nil {
		s.tb.Fatal(err)
	}
	answer := struct {
		Error  string
		Result any
	}{Result: out}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Error != "" {
		s.tb.Fatalf("%s: %s %v", name, answer.Error, err)
	}
}

// inEach runs a test in each browser, and in Firefox without the compilers too.
func inEach(t *testing.T, run func(t *testing.T, p *browser.Page)) {
	for _, interpreted := range []bool{false, true} {
		o := browser.Options{JavaScript: true, Interpreted: interpreted}
		t.Run(fmt.Sprintf("Firefox/interpreted=%t", interpreted), func(t *testing.T) { run(t, browser.Firefox(t, o)) })
	}
	o := browser.Options{JavaScript: true}
	t.Run("Chromium", func(t *testing.T) { run(t, browser.Chromium(t, o).Page) })
}
