package release_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/release"
	"saksi/crypto/sign"
	"saksi/server/gate"
	"saksi/server/servertest"
	"saksi/web/client"
)

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestTwoManifestsOfOneProgramAreTheSame: otherwise nobody could compare them. The
// form draws a code each time, which is masked.
func TestTwoManifestsOfOneProgramAreTheSame(t *testing.T) {
	a, b := must(release.Make("v1"))(t), must(release.Make("v1"))(t)
	if a.Text() != b.Text() {
		t.Errorf("two manifests:\n%s\n%s", a.Text(), b.Text())
	}
	x, y := must(release.Reference())(t), must(release.Reference())(t)
	if bytes.Equal(x["/write"].Body, y["/write"].Body) {
		t.Error("two forms have one code")
	}
	if n := len(a.Pages); n < 8 {
		t.Errorf("the manifest has %d pages", n)
	}
	for _, p := range a.Pages {
		shape := must(release.ReadShape(x[p.Path].Body))(t)
		if shape.String() != string(x[p.Path].Body) || len(shape.Tags) < 20 {
			t.Errorf("%s: the shape is not the page's, or is small", p.Path)
		}
	}
}

// TestANoteIsTakenFromItsSignerAlone.
func TestANoteIsTakenFromItsSignerAlone(t *testing.T) {
	ours, other := must(sign.Generate("rilis"))(t), must(sign.Generate("rilis"))(t)
	m := must(release.Make("v1"))(t)
	note := must(m.Note(ours))(t)
	if got := must(release.Open(note, ours.Key()))(t); got.Text() != m.Text() {
		t.Error("another manifest came out")
	}
	for what, fault := range map[string]struct {
		note []byte
		want error
	}{
		"of somebody else":   {must(m.Note(other))(t), sign.ErrSignatures},
		"without signature":  {must(m.Note())(t), release.ErrUnsigned},
		"changed afterwards": {bytes.Replace(note, []byte("version v1"), []byte("version v2"), 1), sign.ErrSignatures},
		"no note":            {[]byte("x"), release.ErrManifest},
		"of another kind":    {must(sign.Note("saksi/v1/roster\n", ours))(t), release.ErrManifest},
		"too long":           {bytes.Repeat([]byte("a\n"), release.MaxNote), release.ErrManifest},
	} {
		if _, err := release.Open(fault.note, ours.Key()); !errors.Is(err, fault.want) {
			t.Errorf("%s: %v, want %v", what, err, fault.want)
		}
	}
	if fits := must(m.Fits())(t); !fits {
		t.Error("a program does not fit its own manifest")
	}
	m.Pages[0].Hash[0]++
	if fits := must(m.Fits())(t); fits {
		t.Error("a program fits a manifest with another page")
	}
}

// TestEveryFaultOfAPageIsNamed: what differs is said, with what it can do.
func TestEveryFaultOfAPageIsNamed(t *testing.T) {
	answers := must(release.Reference())(t)
	page := string(answers["/write"].Body)
	if said := release.OfPage([]byte(page), answers["/write"].Body); said != nil {
		t.Errorf("the same page: %q", said)
	}
	again := must(release.Reference())(t)["/write"].Body
	if said := release.OfPage(answers["/write"].Body, again); said != nil {
		t.Errorf("the page with another code: %q", said)
	}
	form := `<form id="write" method="post" action="/write"`
	for _, fault := range []struct{ old, with, want string }{
		{"</head>", `<script src="/x.js"></script></head>`, "a script that is not the release's"},
		{"</head>", "<script>alert(1)</script></head>", "it may have a script of its own"},
		{"</head>", "<ScRipt>1</ScRipt></head>", "it may have a script of its own"},
		{form, strings.Replace(form, `"/write"`, `"/other"`, 1), `a form is sent to "/other"`},
		{form, form + ` onsubmit="f()"`, `runs a script: "onsubmit"`},
		{"</main>", `<img src="http://a.example/x"></main>`, `an address of somebody else: "http://a.example/x"`},
		{"</main>", `<img src="&#47;/a.example/x"></main>`, "an address of somebody else"},
		{"</main>", `<a href="javascript:f()">x</a></main>`, "runs a script"},
		{"</head>", `<base href="/x/"></head>`, "lead elsewhere"},
		{"</head>", `<meta http-equiv="refresh" content="0;url=/x"></head>`, "loads or shows"},
		{"</main>", `<input type="password" name="sandi"></main>`, "the release has not"},
		{"</main>", "<!-- x --></main>", "a comment"},
		{"</main>", "<p>Telepon kami saja.</p></main>", `it says "Telepon kami saja."`},
		{"<main>", "<main> ", "written in another way"},
		{`name="code" value="`, `name="code" value="ABC`, "the release has not"},
		{`name="text"`, `name="teks"`, `it lacks "<textarea`},
		{"<h1>", "<h1><p>", "the release has not"},
	} {
		changed := strings.Replace(page, fault.old, fault.with, 1)
		said := release.OfPage([]byte(page), []byte(changed))
		if changed == page || !strings.Contains(strings.Join(said, "\n"), fault.want) {
			t.Errorf("%q in the place of %q: %q", fault.with, fault.old, said)
		}
	}
}

// TestTheOrderOfPartsAndWordsCounts: nothing is added, and it is another page.
func TestTheOrderOfPartsAndWordsCounts(t *testing.T) {
	const want = "<!doctype html><p>a</p><b>c</b><p>b</p>"
	for page, say := range map[string]string{
		"<!doctype html><b>c</b><p>a</p><p>b</p>": "parts stand in another order",
		"<!doctype html><p>b</p><b>c</b><p>a</p>": "words stand in another order",
		"<!doctype html><p>a</p><b>c</b><p></p>":  "some are missing",
	} {
		if said := release.OfPage([]byte(want), []byte(page)); !strings.Contains(strings.Join(said, "\n"), say) {
			t.Errorf("%s: %q", page, said)
		}
	}
}

// TestABeginningOfAPageIsKnown, wherever it breaks off, in the code as well.
func TestABeginningOfAPageIsKnown(t *testing.T) {
	const field = `<form><input type="hidden" name="code" value="%s"><p>a</p>`
	want := []byte(fmt.Sprintf(field, strings.Repeat("0a", 15)))
	got := []byte(fmt.Sprintf(field, strings.Repeat("f1", 15)))
	for n := range len(got) + 1 {
		if !release.Begins(want, got[:n]) {
			t.Errorf("%q is no beginning", got[:n])
		}
	}
	for _, other := range []string{"<form action", string(got) + "x", string(got[:60]) + "x", strings.Replace(string(got), "<p>", "<b>", 1)} {
		if release.Begins(want, []byte(other)) {
			t.Errorf("%q is a beginning", other)
		}
	}
}

// TestPagesOfABusyDropAreKnown: what it says in place of each page, to the byte.
func TestPagesOfABusyDropAreKnown(t *testing.T) {
	limits := gate.Production()
	limits.Requests = gate.Rate{Burst: 1, Every: 5 * time.Minute}
	d := servertest.New(t, servertest.Options{Gate: gate.New(limits), Script: client.Script()})
	by := d.By(1)
	for by.Get("/").Status == http.StatusOK {
	}
	ours := must(release.Reference())(t)
	for _, path := range release.Paths() {
		p := by.Get(path)
		seconds := must(strconv.Atoi(p.Header.Get("Retry-After")))(t)
		known := must(release.Site{}.Failing(path, seconds/60))(t)
		if p.Status != http.StatusTooManyRequests || !slices.ContainsFunc(known, func(page []byte) bool { return string(page) == p.Body }) {
			t.Errorf("%s: status %d\n%s", path, p.Status, p.Body)
		}
		p.Header.Del("Retry-After")
		if said := release.OfHeaders(ours[path].Header, p.Header); len(said) > 0 {
			t.Errorf("%s: %q", path, said)
		}
	}
}

// TestEveryHeaderCounts: a weaker policy, one more beside it, the same twice, one that is
// gone, and one that the release does not have.
func TestEveryHeaderCounts(t *testing.T) {
	want := must(release.Reference())(t)["/"].Header
	const csp = "Content-Security-Policy"
	if want.Get(csp) == "" || release.OfHeaders(want, want) != nil {
		t.Fatalf("the release has %v, and that differs: %q", want, release.OfHeaders(want, want))
	}
	for say, change := range map[string]func(http.Header){
		"the header " + csp + " is":  func(h http.Header) { h.Set(csp, "default-src *") },
		"has not: \"" + csp:          func(h http.Header) { h.Add(csp, "default-src *") },
		"header twice: \"" + csp:     func(h http.Header) { h.Add(csp, h.Get(csp)) },
		"X-Frame-Options is missing": func(h http.Header) { h.Del("X-Frame-Options") },
		"Set-Cookie: a=b":            func(h http.Header) { h.Set("Set-Cookie", "a=b") },
	} {
		got := want.Clone()
		change(got)
		if said := strings.Join(release.OfHeaders(want, got), "\n"); !strings.Contains(said, say) {
			t.Errorf("%s: %q", say, said)
		}
	}
}

// TestWhatABrowserMayReadOtherwiseIsNoShape.
func TestWhatABrowserMayReadOtherwiseIsNoShape(t *testing.T) {
	for _, page := range []string{
		"<p>a</p>", "<!doctype html><p>a>b</p>", "<!doctype html><!-- a -->", "<!doctype html><P>", "<!doctype html><p >",
		"<!doctype html><p a='b'>", `<!doctype html><p a="<">`, "<!doctype html></p a>", "<!doctype html><script>a</script>",
		"<!doctype html><script>", "<!doctype html><style><p></style>", "<!doctype html>a < b",
	} {
		if _, err := release.ReadShape([]byte(page)); !errors.Is(err, release.ErrShape) {
			t.Errorf("%s: %v", page, err)
		}
	}
}
