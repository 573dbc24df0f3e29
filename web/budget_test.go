package web

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A page has to arrive over Tor on a weak signal, so each has a budget, counted as
// the server sends it: not compressed, since the size of a compressed page tells
// something of its words. The style sheet comes with the first page.
func TestPagesStayWithinTheirBudget(t *testing.T) {
	p, err := New(Site{Script: "/saksi-0123456789abcdef.js"}) // with one a page is larger
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]int{"start": 14 << 10, "info": 14 << 10, "receipt": 14 << 10, "outside": 14 << 10, "front": 14 << 10}
	for _, lang := range []Lang{ID, EN} {
		for _, s := range states() {
			family, _, _ := strings.Cut(s.name, "-")
			limit, ok := limits[family]
			n := len(render(t, p, lang, s.view))
			if ok {
				n += len(p.Style())
			} else {
				limit = 30 << 10
			}
			if n > limit {
				t.Errorf("%s/%s: %d bytes, limit %d", lang, s.name, n, limit)
			}
			t.Logf("%s/%s: %d bytes", lang, s.name, n)
		}
	}
}

// The server makes every conversation as long as the fullest one would be: what an
// ordinary full page takes must not grow unnoticed.
func TestOrdinaryConversationIsSmall(t *testing.T) {
	for _, lang := range []Lang{ID, EN} {
		c := testConversation()
		c.Replies = fullReplies(2000)
		n := len(render(t, newPages(t), lang, c))
		if n >= 32768 {
			t.Errorf("%s: %d bytes", lang, n)
		}
		t.Logf("%s: %d bytes", lang, n)
	}
}

// fullReplies fills a mailbox page with texts of one length.
func fullReplies(length int) []Reply {
	var list []Reply
	for len(list) < 8 {
		list = append(list, Reply{
			Label: "Penelaah 12", Organisation: "Lembaga Bantuan Hukum Contoh", Status: "diteruskan",
			Forwarded: "Bawaslu Provinsi Contoh", Text: strings.Repeat("katanya. ", length/9+1)[:length],
			Number: 12, Gap: true,
		})
	}
	return list
}

func TestStyleIsSmallAndFetchesNothing(t *testing.T) {
	style := string(newPages(t).Style())
	if len(style) > 5<<10 {
		t.Errorf("%d bytes", len(style))
	}
	for _, bad := range []string{"url(", "@import", "//", "image-set", "@font-face", "expression"} {
		if strings.Contains(style, bad) {
			t.Errorf("the style sheet holds %q", bad)
		}
	}
}

// Text needs a contrast of 4.5 and the edge of a field 3 (WCAG 2.2, 1.4.3 and
// 1.4.11), in light and in dark.
func TestColoursHaveContrast(t *testing.T) {
	value := regexp.MustCompile(`--([a-z]+): (#[0-9a-f]{6})`)
	schemes := regexp.MustCompile(`(?s):root \{.*?\}`).FindAllString(string(newPages(t).Style()), -1)
	if len(schemes) != 2 {
		t.Fatalf("%d colour schemes", len(schemes))
	}
	for _, scheme := range schemes {
		c := make(map[string]float64)
		for _, m := range value.FindAllStringSubmatch(scheme, -1) {
			c[m[1]] = luminance(t, m[2])
		}
		for pair, want := range map[[2]string]float64{
			{"fg", "bg"}: 7, {"fg", "box"}: 7, {"soft", "bg"}: 4.5, {"soft", "box"}: 4.5,
			{"link", "bg"}: 4.5, {"link", "box"}: 4.5, {"on", "act"}: 4.5,
			{"bad", "bg"}: 4.5, {"bad", "box"}: 4.5, {"line", "bg"}: 3,
		} {
			a, b := c[pair[0]], c[pair[1]]
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < want {
				t.Errorf("%v: contrast %.2f, want %.1f", pair, ratio, want)
			}
		}
	}
}

func luminance(t *testing.T, colour string) (sum float64) {
	t.Helper()
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			sum += weight * v / 12.92
			continue
		}
		sum += weight * math.Pow((v+0.055)/1.055, 2.4)
	}
	return sum
}

// TestWritePages writes every page where SAKSI_PAGES_DIR says, to be looked at
// in a browser.
func TestWritePages(t *testing.T) {
	dir := os.Getenv("SAKSI_PAGES_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := newPages(t)
	write("style.css", p.Style())
	for _, lang := range []Lang{ID, EN} {
		for _, s := range states() {
			page := render(t, p, lang, s.view)
			page = strings.Replace(page, `href="/style.css"`, `href="style.css"`, 1)
			write(s.name+"."+string(lang)+".html", []byte(page))
		}
	}
}
