package poster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"

	"saksi/crypto/onionname"
	"saksi/server/browser"
	"saksi/web/qrcode"
)

func testPoster(t testing.TB) Poster {
	t.Helper()
	name, err := onionname.Parse("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion")
	if err != nil {
		t.Fatal(err)
	}
	return Poster{Onion: name, Fingerprint: []string{"k7qa", "2mfe", "x4d4", "tt6p", "b3rw"}}
}

// longest has the longest words that an operator may give.
func longest(t testing.TB) Poster {
	p := testPoster(t)
	p.Name = strings.Repeat("Kesaksian ", 6)[:60]
	p.About = strings.Repeat("pegawai wilayah ", 20)[:300]
	return p
}

func files1(t testing.TB, p Poster) map[string][]byte {
	t.Helper()
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// served serves the files of a poster.
func served(t *testing.T, files map[string][]byte) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := map[string]string{".svg": "image/svg+xml", ".html": "text/html; charset=utf-8"}[filepath.Ext(r.URL.Path)]
		w.Header().Set("Content-Type", kind)
		w.Write(files[strings.TrimPrefix(r.URL.Path, "/")])
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// modules reads the black squares of an SVG back, as a set of places.
func modules(t *testing.T, svg string) (side int, black map[[2]int]bool) {
	t.Helper()
	box := regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`).FindStringSubmatch(svg)
	path := regexp.MustCompile(`fill="#000" d="([^"]*)"`).FindStringSubmatch(svg)
	if box == nil || path == nil || box[1] != box[2] {
		t.Fatalf("no code: %.100q", svg)
	}
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	run, black := regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`), map[[2]int]bool{}
	for _, m := range run.FindAllStringSubmatch(path[1], -1) {
		for i := range number(m[3]) {
			at := [2]int{number(m[1]) + i, number(m[2])}
			if black[at] {
				t.Fatalf("%v is drawn twice", at)
			}
			black[at] = true
		}
		if m[3] != m[4] {
			t.Errorf("a run goes forth by %s and back by %s", m[3], m[4])
		}
	}
	if rest := run.ReplaceAllString(path[1], ""); rest != "" {
		t.Errorf("the path also has %q", rest)
	}
	return number(box[1]), black
}

// TestTheCodeIsDrawnAsItIs: each module is where the encoder has it, with four
// white ones around.
func TestTheCodeIsDrawnAsItIs(t *testing.T) {
	p := testPoster(t)
	code, err := qr.Encode(p.Onion.Entry(p.Fingerprint), qr.M)
	if err != nil {
		t.Fatal(err)
	}
	side, black := modules(t, string(files1(t, p)["qr.svg"]))
	if side != code.Size+8 {
		t.Errorf("side %d of a code of %d", side, code.Size)
	}
	for y := range side {
		for x := range side {
			if want := code.Black(x-4, y-4); black[[2]int{x, y}] != want {
				t.Fatalf("at %d, %d: black is %v, want %v", x, y, !want, want)
			}
		}
	}
}

// TestTheCodeIsRead by a program that has nothing of ours, from pictures of what a
// browser makes of each file: the address and the fingerprint, wherever it stands.
func TestTheCodeIsRead(t *testing.T) {
	p := testPoster(t)
	base := served(t, files1(t, p))
	page := browser.Chromium(t, browser.Options{Width: 1600, Height: 1600})
	for name, times := range map[string]int{"qr.svg": 1, "poster.html": 1, "card.html": cards} {
		if err := page.Open(base + "/" + name); err != nil {
			t.Fatal(err)
		}
		picture := filepath.Join(t.TempDir(), "picture.png")
		if err := page.Screenshot(picture); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", picture).Output()
		if err != nil {
			t.Fatalf("zbarimg (Debian's zbar-tools): %v", err)
		}
		want := strings.Repeat(p.Onion.Entry(p.Fingerprint)+"\n", times)
		if string(out) != want {
			t.Errorf("%s: read %q, want %d times the address", name, out, times)
		}
	}
}

// pages counts the pages of a PDF, and those that are A4.
func pages(pdf []byte) (all, a4 int) {
	all = len(regexp.MustCompile(`/Type ?/Page\b`).FindAll(pdf, -1))
	for _, box := range regexp.MustCompile(`/MediaBox ?\[0 0 ([0-9.]+) ([0-9.]+)\]`).FindAllSubmatch(pdf, -1) {
		width, _ := strconv.ParseFloat(string(box[1]), 64)
		height, _ := strconv.ParseFloat(string(box[2]), 64)
		if width > 594 && width < 597 && height > 840 && height < 843 {
			a4++
		}
	}
	return all, a4
}

// TestEachIsOnePage of A4, also with the longest words of an operator.
func TestEachIsOnePage(t *testing.T) {
	page := browser.Chromium(t, browser.Options{})
	for what, p := range map[string]Poster{"ours": testPoster(t), "longest": longest(t)} {
		base := served(t, files1(t, p))
		for _, name := range []string{"poster.html", "card.html"} {
			if err := page.Open(base + "/" + name); err != nil {
				t.Fatal(err)
			}
			pdf, err := page.PDF()
			if err != nil {
				t.Fatal(err)
			}
			if all, a4 := pages(pdf); all != 1 || a4 != 1 {
				t.Errorf("%s, %s: %d pages, %d of A4", what, name, all, a4)
			}
			keep(t, what+"."+name+".pdf", pdf)
		}
	}
	base := served(t, map[string][]byte{"long.html": []byte(`<style>@page { size: A4 }</style><div style="height: 40cm">`)})
	if err := page.Open(base + "/long.html"); err != nil {
		t.Fatal(err)
	}
	if pdf, err := page.PDF(); err != nil {
		t.Fatal(err)
	} else if all, _ := pages(pdf); all != 2 {
		t.Errorf("a page of 40 cm counts as %d", all)
	}
}

// keep writes what was made where SAKSI_PAGES_DIR says, to be looked at.
func keep(t *testing.T, name string, data []byte) {
	t.Helper()
	dir := os.Getenv("SAKSI_PAGES_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsCutOff: on a card and on the poster no word stands outside its box.
func TestNothingIsCutOff(t *testing.T) {
	base := served(t, files1(t, longest(t)))
	page := browser.Chromium(t, browser.Options{Width: 1000, Height: 1400})
	if err := page.Show(browser.Media{Print: true}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"poster.html", "card.html"} {
		if err := page.Open(base + "/" + name); err != nil {
			t.Fatal(err)
		}
		var over []string
		const look = `[...document.querySelectorAll("section, section *, body > *")]
			.filter(e => !e.closest("svg") && (e.scrollHeight > e.clientHeight + 1 && e.clientHeight ||
				e.scrollWidth > e.clientWidth + 1 && e.clientWidth))
			.map(e => e.tagName + " " + e.textContent.slice(0, 30))`
		if err := page.Evaluate(look, &over); err != nil {
			t.Fatal(err)
		}
		if len(over) > 0 {
			t.Errorf("%s: cut off: %q", name, over)
		}
	}
}

// TestFilesStandAlone: nothing is fetched, nothing runs, and nothing is grey.
func TestFilesStandAlone(t *testing.T) {
	p := testPoster(t)
	files := files1(t, p)
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	for name, content := range files {
		text := strings.NewReplacer(` xmlns="http://www.w3.org/2000/svg"`, "", "http-equiv", "").Replace(string(content))
		for _, bad := range []string{"http", "//", "url(", "src=", "href=", "<script", "<link", "<img", "@import", "@font-face", " on"} {
			if bad == " on" {
				if found := regexp.MustCompile(`\son[a-z]+=`).FindString(text); found != "" {
					t.Errorf("%s holds %q", name, found)
				}
				continue
			}
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", name, bad)
			}
		}
		for _, colour := range regexp.MustCompile(`#[0-9a-f]{3,6}\b`).FindAllString(text, -1) {
			if colour != "#000" && colour != "#fff" {
				t.Errorf("%s has the colour %s", name, colour)
			}
		}
		if strings.HasSuffix(name, ".html") && !strings.Contains(text, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
			t.Errorf("%s has no policy", name)
		}
	}
	page := browser.Chromium(t, browser.Options{JavaScript: true})
	base := served(t, files)
	for _, name := range []string{"poster.html", "card.html"} {
		if err := page.Open(base + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
	requests, err := page.Requests()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range requests {
		if !slices.Contains([]string{base + "/poster.html", base + "/card.html", base + "/favicon.ico"}, r.URL) {
			t.Errorf("asked for %q", r.URL)
		}
	}
}

// visible returns what a reader sees of a file.
func visible(content []byte) string {
	text := regexp.MustCompile(`(?s)<style>.*?</style>|<[^>]*>`).ReplaceAllString(string(content), " ")
	return strings.Join(strings.Fields(text), " ")
}

// TestPosterSaysWhatItMust: address and fingerprint to be typed, how to get Tor
// Browser, and not from the office; in words that may hang there.
func TestPosterSaysWhatItMust(t *testing.T) {
	p := testPoster(t)
	files := files1(t, p)
	groups, mark := strings.Join(p.Onion.Groups(), " "), strings.Join(p.Fingerprint, " ")
	for name, also := range map[string][]string{
		"poster.html": {
			"www.torproject.org/download", "browser lain", "Komputer sendiri", "HP Android",
			"Memilih adalah hak Anda, dan pilihan Anda rahasia.",
			"jangan langsung dibuka", "hapus fotonya",
			"Bukan situs pemerintah, bukan Bawaslu, bukan polisi.", "never from the office", "PNS, PPPK, dan honorer",
		},
		"card.html": {"torproject.org/download", "Hanya di Tor Browser", "jangan langsung dibuka", "Never at the office"},
	} {
		text := visible(files[name])
		for _, want := range append(also, groups, mark, "Tor Browser", "Onion Browser", "Google Play", "F-Droid",
			"jaringan kantor, komputer kantor, atau HP dinas") {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q", name, want)
			}
		}
		bad := regexp.MustCompile(`(?i)\b(me|di)?lapor(kan)?\b|bocor|pelapor|informan\b|pengadu|enkripsi|whistle|leak|atasan`)
		if found := bad.FindString(text); found != "" {
			t.Errorf("%s says %q", name, found)
		}
		source := string(files[name])
		if english := strings.Index(source, `lang="en"`); english < strings.Index(source, "HP dinas") {
			t.Errorf("%s: English does not come last", name)
		}
	}
	telling := regexp.MustCompile(`(?i)saksi|tekan|ASN|PNS|calon|partai|pemilu`)
	if found := telling.FindString(visible(files["card.html"])); found != "" {
		t.Errorf("a card, which may be found in a pocket, says %q", found)
	}
}

// TestTheOperatorsWords stand where ours do, as text.
func TestTheOperatorsWords(t *testing.T) {
	p := testPoster(t)
	p.Name, p.About = `<script>alert("Kotak")</script>`, `Untuk & "semua" <b>pegawai</b>`
	page := string(files1(t, p)["poster.html"])
	if strings.Contains(page, "<script") || strings.Contains(page, "<b>pegawai") || !strings.Contains(page, "&lt;b&gt;pegawai") {
		t.Error("they are not escaped")
	}
	if strings.Contains(page, "Kotak kesaksian") || strings.Contains(page, "honorer") ||
		strings.Contains(page, "Memilih adalah") || strings.Contains(page, "take sides") {
		t.Error("ours stand there, too")
	}
}

func TestAPosterWithoutAnAddressIsRefused(t *testing.T) {
	whole := testPoster(t)
	for _, p := range []Poster{{Onion: whole.Onion}, {Fingerprint: whole.Fingerprint}} {
		if files, err := p.Files(); err == nil || files != nil {
			t.Errorf("%d files", len(files))
		}
	}
	if _, err := qrcode.SVG(strings.Repeat("a", 5000)); err == nil {
		t.Error("a code of 5000 letters is drawn")
	}
	if fmt.Sprint(onionname.Name{}.Groups()) != "[]" {
		t.Error("no address has groups")
	}
}
