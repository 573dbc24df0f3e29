package browser

import (
	"fmt"
	"image/png"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// head begins a page whose script gives itself away if it runs.
const head = `<!doctype html><html lang="id"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>Uji</title>
<script>document.title = "ran"</script><noscript><p id="noscript">tanpa skrip</p></noscript>`

// pages are what the test's site serves by path.
var pages = map[string]string{
	"/form": head + `<form method="post" action="/posted" enctype="multipart/form-data">
		<input name="name" id="name" value="lama" maxlength="40" required><textarea name="story" id="story"></textarea>
		<label><input type="checkbox" name="sure" id="sure" value="ya"> yakin</label>
		<label><input type="radio" name="when" id="later" value="nanti"> nanti</label>
		<select name="place" id="place"><optgroup label="Jawa"><option value="31">Jakarta<option value="32">Jabar</optgroup>
		<optgroup label="Lain"><option value="99" disabled>Lain</optgroup></select>
		<input type="file" name="files" id="files" multiple>
		<div style="height: 3000px"></div><button id="send">Kirim</button></form>`,
	"/keys": head + `<a href="#main" id="skip">lewati</a><a href="/next" id="next">berikut</a><main id="main">
		<form action="/next"><input type="checkbox" id="box" name="box"><input id="text" name="text">
		<button id="go">Ke sana</button></form></main>`,
	"/scripted": scripted,
	"/next":     head + `<h1>Berikut</h1>`,
	"/covered":  head + `<button id="under">a</button><div style="position: fixed; inset: 0"></div>`,
	"/tall":     `<!doctype html><title>Uji</title><body style="margin: 0"><div style="height: 2500px">tinggi</div>`,
}

type site struct {
	*httptest.Server
	posted chan *multipart.Form // what the form of the last POST held
}

// newSite serves pages, and keeps what is posted.
func newSite(t *testing.T) *site {
	s := &site{posted: make(chan *multipart.Form, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/posted" && r.Method == http.MethodPost {
			if err := r.ParseMultipartForm(1 << 20); err != nil {
				t.Error(err)
			}
			s.posted <- r.MultipartForm
			http.Redirect(w, r, "/next", http.StatusSeeOther)
			return
		}
		text, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s
}

// both runs a test in both browsers, each started once.
func both(t *testing.T, opts Options, test func(t *testing.T, p *Page, s *site)) {
	t.Run("Firefox", func(t *testing.T) { test(t, Firefox(t, opts), newSite(t)) })
	t.Run("Chromium", func(t *testing.T) { test(t, Chromium(t, opts).Page, newSite(t)) })
}

// must fails the test at the first error of some steps.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// is compares what a page says with what it should.
func is(t *testing.T, what, want string) func(string, error) {
	return func(got string, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s is %q (%v), not %q", what, got, err, want)
		}
	}
}

func TestWithoutScripts(t *testing.T) {
	both(t, Options{}, func(t *testing.T, p *Page, s *site) {
		t.Run("PageScriptsDoNotRun", func(t *testing.T) {
			must(t, p.Open(s.URL+"/form"))
			is(t, "the title", "Uji")(p.Title())
			is(t, "the text for browsers without scripts", "tanpa skrip")(p.Text("#noscript"))
		})
		t.Run("AFormArrives", func(t *testing.T) { formArrives(t, p, s) })
		t.Run("MistakesAreErrors", func(t *testing.T) { mistakesAreErrors(t, p, s) })
		t.Run("KeysReachTheButton", func(t *testing.T) { keysReachTheButton(t, p, s) })
		t.Run("ScreenshotsAreAsWideAsTheView", func(t *testing.T) { screenshotsAreWide(t, p, s) })
		t.Run("NothingButOneAddressIsReached", func(t *testing.T) { nothingElseIsReached(t, p, s) })
		t.Run("ClosingLeavesNoProcess", func(t *testing.T) { closingLeavesNothing(t, p) })
	})
}

// TestANameThatTestsMayHaveAlthoughItIsSoLongThatNoSocketFitsIntoItsTemporaryFolder is
// about its name: Chromium once did not start in a folder named after such a test.
func TestANameThatTestsMayHaveAlthoughItIsSoLongThatNoSocketFitsIntoItsTemporaryFolder(t *testing.T) {
	must(t, Chromium(t, Options{}).Open("about:blank"))
}

// TestScripts holds that the script which must not run otherwise does run when
// it is asked for, so that its silence says something.
func TestScripts(t *testing.T) {
	both(t, Options{JavaScript: true, Width: 360, Height: 740}, func(t *testing.T, p *Page, s *site) {
		must(t, p.Open(s.URL+"/form"), p.Until("document.title == 'ran'"))
		if has, err := p.Has("#noscript"); has || err != nil {
			t.Errorf("the text for browsers without scripts is there (%v)", err)
		}
		var width int
		if must(t, p.Evaluate("innerWidth", &width)); width != 360 {
			t.Errorf("the view is %d wide", width)
		}
	})
}

// formArrives fills in every kind of field, and compares what the server got.
func formArrives(t *testing.T, p *Page, s *site) {
	one, two := filepath.Join(t.TempDir(), "foto 1.jpg"), filepath.Join(t.TempDir(), "b.txt")
	must(t, os.WriteFile(one, []byte("satu"), 0o600), os.WriteFile(two, []byte("dua"), 0o600))
	story := strings.Repeat("Ditugasi \"ikut\" kampanye – tak berani menolak.\n", 200)
	must(t, p.Open(s.URL+"/form"), p.Fill("#name", "Budi Ünü"), p.Fill("#story", story),
		p.Click("#sure"), p.Click("#later"), p.Select("#place", "32"), p.Attach("#files", one, two))
	is(t, "the story", story)(p.Value("#story"))
	must(t, p.Click("#send"))
	is(t, "the page that follows", s.URL+"/next")(p.URL())
	is(t, "its heading", "Berikut")(p.Text("h1"))

	form := <-s.posted
	want := map[string]string{"name": "Budi Ünü", "story": strings.ReplaceAll(story, "\n", "\r\n"),
		"sure": "ya", "when": "nanti", "place": "32"}
	for name, value := range want {
		if got := form.Value[name]; len(got) != 1 || got[0] != value {
			t.Errorf("%s arrived as %.80q", name, got)
		}
	}
	var files []string
	for _, h := range form.File["files"] {
		files = append(files, fmt.Sprintf("%s %d", h.Filename, h.Size))
	}
	if fmt.Sprint(files) != "[foto 1.jpg 4 b.txt 3]" {
		t.Errorf("the files arrived as %v", files)
	}
}

// mistakesAreErrors holds that a test cannot do what a person could not.
func mistakesAreErrors(t *testing.T, p *Page, s *site) {
	must(t, p.Open(s.URL+"/covered"))
	refused := func(err error, part string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v instead of one with %q", err, part)
		}
	}
	refused(p.Click("#under"), `clicking "#under"`)
	refused(p.Click("#nowhere"), "#nowhere")
	refused(p.Fill("#nowhere", "x"), `filling "#nowhere"`)
	refused(p.Attach("#nowhere", "/dev/null"), `attaching to "#nowhere"`)
	_, err := p.Text("#nowhere")
	refused(err, `reading "#nowhere"`)

	must(t, p.Open(s.URL+"/form"), p.Fill("#name", ""))
	refused(p.Fill("#name", strings.Repeat("x", 41)), "the field holds 40 of 41 characters")
	refused(p.Select("#place", "99"), "disabled")
	refused(p.Select("#place", "77"), "no such option")
	must(t, p.Fill("#name", ""), p.Click("#send")) // the browser itself refuses to send
	is(t, "the page", s.URL+"/form")(p.URL())
	closed := httptest.NewServer(nil)
	closed.Close()
	refused(p.Open(closed.URL), "opening")
}

// keysReachTheButton walks a page with the keyboard alone.
func keysReachTheButton(t *testing.T, p *Page, s *site) {
	must(t, p.Open(s.URL+"/keys"))
	links, err := p.Texts("a")
	if err != nil || fmt.Sprintf("%q", links) != `["lewati" "berikut"]` {
		t.Errorf("the links are %q (%v)", links, err)
	}
	is(t, "the target of the second", "/next")(p.Attribute("#next", "href"))
	is(t, "its title", "")(p.Attribute("#next", "title"))
	var walk []string
	for range 5 {
		must(t, p.Press(Tab))
		e, err := p.Focused()
		must(t, err)
		walk = append(walk, e.ID)
	}
	if got := fmt.Sprint(walk); got != "[skip next box text go]" {
		t.Errorf("the keyboard went %s", got)
	}
	must(t, p.Press(ShiftTab, "a", "b", Left, "C", ShiftTab, Space))
	is(t, "what was typed", "aCb")(p.Value("#text"))
	if has, err := p.Has("#box:checked"); !has || err != nil {
		t.Errorf("the space bar did not tick the box (%v)", err)
	}
	must(t, p.Press(Tab, Tab))
	if e, err := p.Focused(); err != nil || e != (Element{"button", "go", "", "submit", "Ke sana"}) {
		t.Errorf("the focus is on %+v (%v)", e, err)
	}
	must(t, p.Follow(func() error { return p.Press(Enter) }))
	is(t, "the page that follows", s.URL+"/next?box=on&text=aCb")(p.URL())
}

// screenshotsAreWide holds that a picture shows the page in the width asked for,
// down to its end.
func screenshotsAreWide(t *testing.T, p *Page, s *site) {
	must(t, p.Open(s.URL+"/tall"))
	for _, width := range []int{360, 1280, 320} {
		path := filepath.Join(t.TempDir(), "page.png")
		must(t, p.Resize(width, 740), p.Screenshot(path))
		file, err := os.Open(path)
		must(t, err)
		picture, err := png.DecodeConfig(file)
		must(t, err, file.Close())
		if picture.Width != width || picture.Height != 2500 {
			t.Errorf("the picture is %dx%d at a width of %d", picture.Width, picture.Height, width)
		}
	}
}

// nothingElseIsReached holds that a browser reaches 127.0.0.1 alone, by the
// example of its neighbour, which is on loopback too should the browser fail.
func nothingElseIsReached(t *testing.T, p *Page, s *site) {
	listener, err := net.Listen("tcp", "127.0.0.2:0")
	must(t, err)
	var asked atomic.Int64
	neighbour := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	neighbour.Listener = listener
	neighbour.Start()
	defer neighbour.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.2", "localhost", "saksi.test", "[::1]"} {
		if err := p.Open(fmt.Sprintf("http://%s:%d/", host, port)); err == nil {
			t.Errorf("%s was opened", host)
		}
	}
	if asked.Load() > 0 {
		t.Errorf("the neighbour was asked %d times", asked.Load())
	}
	must(t, p.Open(s.URL+"/next"))
}

// closingLeavesNothing looks for processes that know the browser's home.
func closingLeavesNothing(t *testing.T, p *Page) {
	home := ""
	switch e := p.engine.(type) {
	case *firefox:
		home = e.home
	case *chromium:
		home = e.home
	}
	before, err := residents(home)
	must(t, err)
	if len(before) < 3 {
		t.Errorf("the browser has %d processes: the search does not find them", len(before))
	}
	p.Close()
	after, err := residents(home)
	must(t, err)
	for _, pid := range after {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		t.Errorf("process %d is left: %.200q", pid, line)
	}
}

// deaf is a test that stops where it fails, and tells why.
type deaf struct {
	testing.TB
	said string
}

func (d *deaf) Fatalf(format string, values ...any) {
	d.said = fmt.Sprintf(format, values...)
	panic(d)
}

func (d *deaf) Skipf(string, ...any) { panic("skipped") }

// TestMissingBrowsersFailTheTest holds that nothing is skipped where a browser is
// missing, and that the failure says what to install.
func TestMissingBrowsersFailTheTest(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for program, start := range map[string]func(testing.TB){
		"firefox-esr": func(t testing.TB) { Firefox(t, Options{}) },
		"chromium":    func(t testing.TB) { Chromium(t, Options{}) },
	} {
		d := &deaf{TB: t}
		func() {
			defer func() { _ = recover() }()
			start(d)
		}()
		if want := program + " is missing: apt-get install " + program; d.said != want {
			t.Errorf("it says %q, not %q", d.said, want)
		}
	}
}

// TestAwaitGivesUp is the one test of the waits' end: it asks with a clock of its own.
func TestAwaitGivesUp(t *testing.T) {
	err := awaitFor(time.Millisecond, func() (bool, error) { return true, io.EOF })
	if err == nil || !strings.Contains(err.Error(), "nothing for 1ms: EOF") {
		t.Error(err)
	}
}
