package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// show serves one page and opens it.
func show(t *testing.T, p *ChromiumPage, html string) (origin string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(html))
		case "/moved":
			http.Redirect(w, r, "/style.css", http.StatusFound)
		case "/style.css":
			w.Header().Set("Content-Type", "text/css")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	must(t, p.Open(s.URL+"/"))
	return s.URL
}

// begin is the start of a page with which axe finds no fault.
const begin = `<!doctype html><html lang="id"><meta charset="utf-8"><title>Uji</title>`

func TestChromium(t *testing.T) {
	p := Chromium(t, Options{})
	t.Run("RequestsAreLogged", func(t *testing.T) { requestsAreLogged(t, p) })
	t.Run("AxeFindsWhatIsPlanted", func(t *testing.T) { axeFinds(t, p) })
	t.Run("MediaAreTakenOn", func(t *testing.T) { mediaAreTakenOn(t, p) })
	t.Run("ZoomLeavesFewerPixels", func(t *testing.T) { zoomLeavesFewer(t, p) })
}

// requestsAreLogged plants requests that no page of a drop may make: of an image,
// of another origin, of a frame, in a style sheet, and behind a redirection. They
// are compared as a set: at times Chromium asks for a style sheet twice.
func requestsAreLogged(t *testing.T, p *ChromiumPage) {
	before, err := p.Requests()
	must(t, err)
	origin := show(t, p, begin+`<link rel="icon" href="data:,"><link rel="stylesheet" href="/moved">
		<style>body { background: url(/background.png) }</style>
		<main><h1>Uji</h1><img src="/planted.png" alt=""><img src="http://saksi.test/far.png" alt="">
		<iframe title="x" src="http://127.0.0.2:9/frame"></iframe></main>`)
	all, err := p.Requests()
	must(t, err)
	var got []string
	for _, r := range all[len(before):] {
		got = append(got, r.Method+" "+r.Type+" "+strings.TrimPrefix(r.URL, origin))
	}
	slices.Sort(got)
	got = slices.Compact(got)
	want := []string{"GET Document /", "GET Document http://127.0.0.2:9/frame", "GET Image /background.png",
		"GET Image /planted.png", "GET Image http://saksi.test/far.png",
		"GET Stylesheet /moved", "GET Stylesheet /style.css"}
	if !slices.Equal(got, want) {
		t.Errorf("the log is\n\t%s\nnot\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// axeFinds plants what axe should find, one page each, and a page without fault.
func axeFinds(t *testing.T, p *ChromiumPage) {
	for html, want := range map[string]string{
		`<main><h1>Uji</h1><label>Nama <input></label><img src="data:," alt="bendera"></main>`: "[]",
		`<main><h1>Uji</h1><img id="bare" src="data:,"></main>`:                                "[image-alt #bare]",
		`<main><h1>Uji</h1><input id="bare"></main>`:                                           "[label #bare]",
		`<main><h1>Uji</h1><p id="pale" style="color: #ccc">pucat</p></main>`:                  "[color-contrast #pale]",
		`<main><h1>Uji</h1><button id="a" style="all: unset; width: 9px; height: 9px">x</button><button
			style="all: unset; width: 9px; height: 9px">y</button></main>`: "[target-size #a target-size button:nth-child(3)]",
	} {
		show(t, p, begin+`<script>document.title = ""</script>`+html)
		found, err := Axe(p)
		must(t, err)
		var got []string
		for _, v := range found {
			for _, node := range v.Nodes {
				got = append(got, v.ID+" "+node)
			}
			if v.Impact == "" || v.Help == "" {
				t.Errorf("%+v does not say what is wrong", v)
			}
		}
		if fmt.Sprint(got) != want {
			t.Errorf("axe finds %v, not %s", got, want)
		}
		is(t, "the title", "Uji")(p.Title()) // axe did not wake the page's script
	}
	found, err := Axe(p, BestPractice)
	if err != nil || len(found) != 0 {
		t.Errorf("axe finds %+v (%v)", found, err)
	}
	show(t, p, begin+`<h3>Uji</h3>`)
	if found, err = Axe(p, BestPractice); err != nil || len(found) < 2 {
		t.Errorf("axe finds %+v (%v)", found, err)
	}
}

// mediaAreTakenOn asks for each medium's style, and that it goes again.
func mediaAreTakenOn(t *testing.T, p *ChromiumPage) {
	show(t, p, begin+`<style>body { color: rgb(1, 1, 1); background: rgb(9, 9, 9) }
		@media (prefers-color-scheme: dark) { body { color: rgb(2, 2, 2) } }
		@media print { body { color: rgb(3, 3, 3) } }
		@media (forced-colors: active) { h1 { padding-top: 4px } }</style><h1>Uji</h1>`)
	const (
		plain  = "rgb(1, 1, 1) rgb(9, 9, 9) 0px"
		dark   = "rgb(2, 2, 2) rgb(9, 9, 9) 0px"
		print  = "rgb(3, 3, 3) rgb(9, 9, 9) 0px"
		forced = "rgb(0, 0, 0) rgb(255, 255, 255) 4px"
	)
	for _, c := range []struct {
		on   Media
		want string
	}{
		{Media{Dark: true}, dark}, {Media{}, plain}, {Media{ForcedColors: true}, forced}, {Media{}, plain},
		{Media{Print: true}, print}, {Media{}, plain},
	} {
		var got string
		must(t, p.Show(c.on), p.Evaluate(`[getComputedStyle(document.body).color,
			getComputedStyle(document.body).backgroundColor,
			getComputedStyle(document.querySelector("h1")).paddingTop].join(" ")`, &got))
		if got != c.want {
			t.Errorf("on %+v the style is %s, not %s", c.on, got, c.want)
		}
	}
}

// zoomLeavesFewer holds that a page at 400 % has a quarter of the width.
func zoomLeavesFewer(t *testing.T, p *ChromiumPage) {
	show(t, p, begin+`<h1>Uji</h1>`)
	for percent, want := range map[int]string{400: "[320 200 4]", 100: "[1280 800 1]", 200: "[640 400 2]"} {
		var got []float64
		must(t, p.Zoom(percent), p.Evaluate("[innerWidth, innerHeight, devicePixelRatio]", &got))
		if fmt.Sprint(got) != want {
			t.Errorf("at %d %% the view is %v, not %s", percent, got, want)
		}
	}
	must(t, p.Resize(1280, 800))
}
