package browser

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// scripted is a page that does something: it reads files, asks for pages, and
// guards itself once a person wrote something.
const scripted = `<!doctype html><html lang="id"><link rel="icon" href="data:,"><title>Uji</title>
<input id="text"><input type="file" id="files" multiple><a id="away" href="/next">pergi</a><p id="said"></p>
<script>
const say = t => document.querySelector("#said").textContent = t
document.querySelector("#files").onchange = async e => {
	const files = [...e.target.files]
	say((await Promise.all(files.map(async f => f.name + " " + f.size + " " + await f.text()))).join("; "))
}
document.querySelector("#text").oninput = () => onbeforeunload = e => e.preventDefault()
const ask = () => fetch("/next").then(() => say("tersambung"), () => say("terputus"))
</script>`

// compilersOf tells what a page can notice of compilers: WebAssembly needs one.
const compilersOf = `typeof WebAssembly + " " + isSecureContext + " " + typeof crypto.subtle + " " + typeof Worker`

// TestScriptsDoWhatTheyDoForAPerson holds what the tests of scripts stand on, with
// the compilers and without.
func TestScriptsDoWhatTheyDoForAPerson(t *testing.T) {
	for _, c := range []struct {
		name, wasm string
		jit        int
	}{{"compiled", "object", 1}, {"interpreted", "undefined", 0}} {
		t.Run(c.name, func(t *testing.T) {
			both(t, Options{JavaScript: true, Interpreted: c.jit == 0}, func(t *testing.T, p *Page, s *site) {
				must(t, p.Open(s.URL+"/scripted"))
				var got string
				must(t, p.Evaluate(compilersOf, &got))
				if want := c.wasm + " true object function"; got != want {
					t.Errorf("the page finds %q, not %q", got, want)
				}
				jitOfFirefox(t, p, c.jit)
				filesAreRead(t, p)
				pageIsGuarded(t, p, s)
			})
		})
	}
}

// filesAreRead holds that files which are put into a field reach the script.
func filesAreRead(t *testing.T, p *Page) {
	one, two := filepath.Join(t.TempDir(), "foto 1.jpg"), filepath.Join(t.TempDir(), "b.txt")
	must(t, os.WriteFile(one, []byte("satu"), 0o600), os.WriteFile(two, []byte("dua"), 0o600))
	must(t, p.Attach("#files", one, two), p.UntilText("#said", "foto 1.jpg 4 satu; b.txt 3 dua"))
	if err := p.UntilWithin(time.Millisecond, "false"); err == nil {
		t.Error("what is never true was waited for")
	}
}

// pageIsGuarded holds that a page with something in it asks before it is left, and
// that it is left all the same.
func pageIsGuarded(t *testing.T, p *Page, s *site) {
	for _, want := range []bool{false, true} {
		if guarded, err := p.Guarded(); err != nil || guarded != want {
			t.Errorf("guarded is %t (%v), not %t", guarded, err, want)
		}
		must(t, p.Fill("#text", "abc"))
	}
	must(t, p.Click("#away"))
	is(t, "the page that follows", s.URL+"/next")(p.URL())
}

// jitOfFirefox asks Firefox itself: a page does not see its compilers.
func jitOfFirefox(t *testing.T, p *Page, want int) {
	f, ok := p.engine.(*firefox)
	if !ok {
		return
	}
	var got []int
	must(t, f.chrome(`const o = Cu.getJSTestingFunctions().getJitCompilerOptions()
		return ["ion.enable", "baseline.enable", "native_regexp.enable"].map(name => o[name])`, &got))
	if !slices.Equal(got, []int{want, want, want}) {
		t.Errorf("the compilers are %v, not %d", got, want)
	}
}

// TestChromiumStaysAndGoesOffline holds what Chromium alone can do: refuse to leave
// a page, and lose its network.
func TestChromiumStaysAndGoesOffline(t *testing.T) {
	p, s := Chromium(t, Options{JavaScript: true}), newSite(t)
	must(t, p.Open(s.URL+"/scripted"))
	if err := p.Stay(func() error { return p.Hit("#text") }); err == nil {
		t.Error("a page that did not ask counts as one that did")
	}
	must(t, p.Fill("#text", "abc"), p.Stay(func() error { return p.Hit("#away") }))
	is(t, "the page", s.URL+"/scripted")(p.URL())
	is(t, "the field", "abc")(p.Value("#text"))

	for _, cut := range []bool{true, false} {
		want, online := map[bool]string{true: "terputus", false: "tersambung"}[cut], false
		must(t, p.Offline(cut), p.Evaluate("void ask()", nil), p.UntilText("#said", want), p.Evaluate("navigator.onLine", &online))
		if online == cut {
			t.Errorf("cut is %t and the page takes itself for online=%t", cut, online)
		}
	}
}
