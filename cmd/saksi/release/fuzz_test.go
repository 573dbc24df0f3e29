package release_test

import (
	"strings"
	"testing"

	"saksi/cmd/saksi/release"
	"saksi/crypto/fuzztest"
)

// FuzzParse: a manifest has one spelling.
func FuzzParse(f *testing.F) {
	m, err := release.Make("v1")
	if err != nil {
		f.Fatal(err)
	}
	text := m.Text()
	f.Add(text)
	script := release.HashOf([]byte("x"))
	named := "script " + script.String() + " /saksi-" + script.String()[:16] + ".js\n"
	f.Add(strings.Replace(text, "script -\n", named, 1))
	f.Add(strings.Replace(text, "style", "file "+script.String()+" saksi-linux-amd64\nstyle", 1))
	f.Add(strings.Replace(text, "version v1", "version  v1", 1))
	f.Add(strings.ToUpper(text))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, s string) {
		fuzztest.Canonical(t, bound, s, release.Parse, (*release.Manifest).Text)
	})
}

// FuzzReadShape: what was read, put together again, is the page to the byte; so two
// pages with one shape and the same texts are one page.
func FuzzReadShape(f *testing.F) {
	answers, err := release.Reference()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(answers["/open"].Body))
	f.Add(`<!doctype html><p class="a">b</p>`)
	f.Add(`<!doctype html><script src="/x.js"></script>`)
	f.Add("<!doctype html><script>if (a<b) c()</script>")
	f.Add("<!doctype html><p a=b><!-- --></P >")
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 200}
	f.Fuzz(func(t *testing.T, page string) {
		read := func(s string) (*release.Shape, error) { return release.ReadShape([]byte(s)) }
		fuzztest.Canonical(t, bound, page, read, (*release.Shape).String)
	})
}

// FuzzOfPage: a page that is not the release's is never taken for it, and what is
// said of it is a few lines that a terminal can show.
func FuzzOfPage(f *testing.F) {
	answers, err := release.Reference()
	if err != nil {
		f.Fatal(err)
	}
	page := answers["/open"].Body
	f.Add(uint16(0), uint16(0), []byte(nil))
	f.Add(uint16(300), uint16(20), []byte("<script>"))
	f.Add(uint16(1000), uint16(0), []byte("\x1b[2J\n<p onclick=\"a\">"))
	bound := fuzztest.Bound{Base: 4 << 20, PerByte: 200}
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		edited := fuzztest.Edit(page, at, cut, with)
		var said []string
		bound.Check(t, len(edited), func() { said = release.OfPage(page, edited) })
		if same := string(edited) == string(page); same != (said == nil) {
			t.Errorf("the same: %v, said %q", same, said)
		}
		for _, line := range said {
			if len(line) > 300 || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("a line that a terminal cannot show: %q", line)
			}
		}
	})
}
