package watch

import (
	"bytes"
	"errors"
	"html"
	"regexp"
	"strings"
	"testing"

	"saksi/crypto/fuzztest"
	"saksi/crypto/roster"
	"saksi/web"
)

// startPage returns a front page as a drop makes it, for reviewers whose names
// need escaping, and what it has to be held against.
func startPage(t testing.TB) (page []byte, fingerprint []string, reviewers []roster.Reviewer) {
	t.Helper()
	fingerprint = strings.Fields("abcd efgh ijkl mnop qrst")
	var shown []web.Reviewer
	for _, v := range []roster.Reviewer{
		{Label: "Penelaah <Satu> & \"kawan\"", Organisation: "LBH + 'Contoh'", Region: "73.71"},
		{Label: "Penelaah Dua", Organisation: "Redaksi Contoh", Region: "00"},
	} {
		reviewers = append(reviewers, v)
		region := map[bool]string{true: "-", false: v.Region}[v.Region == "00"]
		shown = append(shown, web.Reviewer{Label: v.Label, Organisation: v.Organisation, Region: region})
	}
	pages, err := web.New(web.Site{})
	if err == nil {
		page, err = pages.Page(web.ID, web.Start{Reviewers: shown, Fingerprint: fingerprint})
	}
	if err != nil {
		t.Fatal(err)
	}
	return page, fingerprint, reviewers
}

// TestNamesAreReadAsTheyAreShown, whatever had to be escaped.
func TestNamesAreReadAsTheyAreShown(t *testing.T) {
	page, fingerprint, reviewers := startPage(t)
	if err := checkStart(page, fingerprint, reviewers); err != nil {
		t.Error(err)
	}
	reviewers[0].Region = "73.72"
	if err := checkStart(page, fingerprint, reviewers); !errors.Is(err, errReaders) {
		t.Errorf("another region: %v", err)
	}
}

// FuzzReadPage: whatever is done to a front page, no word of its body is passed
// over: who reads it sees what was judged.
func FuzzReadPage(f *testing.F) {
	page, _, _ := startPage(f)
	li := uint16(bytes.Index(page, []byte("<li>")))
	f.Add(uint16(0), uint16(0), []byte(nil))
	for _, with := range []string{
		"<!--", "<p", "</ul>", "<li hidden>", "<script>", "&lt;", `<p a="<">`, "<b x='>'>", "\x00", "<body>",
	} {
		f.Add(li, uint16(0), []byte(with))
	}
	f.Add(li, uint16(0), bytes.Repeat([]byte("<p>"), 5_000))
	f.Add(li, uint16(0), bytes.Repeat([]byte("<p>x"), 3_000))
	tags := regexp.MustCompile(`<[^>]*>`)
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 160}
	f.Fuzz(func(t *testing.T, at, cut uint16, with []byte) {
		text := string(fuzztest.Edit(page, at, cut, with))
		blocks, ok := fuzztest.Parse(t, bound, text, readPage, errShape)
		if !ok {
			return
		}
		read := ""
		for _, b := range blocks {
			read += b.text
		}
		_, body, _ := strings.Cut(text, "<body")
		_, body, _ = strings.Cut("<body"+body, ">")
		want := html.UnescapeString(tags.ReplaceAllString(body, " "))
		if strings.Join(strings.Fields(read), "") != strings.Join(strings.Fields(want), "") {
			t.Errorf("read %q\nof %q", read, want)
		}
	})
}

// TestOneScriptByItsHashIsNoAlarm, and every other one is.
func TestOneScriptByItsHashIsNoAlarm(t *testing.T) {
	page, fingerprint, reviewers := startPage(t)
	const ours = `<script src="/saksi-0123456789abcdef.js" defer></script>`
	for with, want := range map[string]error{
		ours: nil, ours + ours: errShape, ours + "<script></script>": errShape,
		strings.Replace(ours, "/saksi", "//saksi", 1): errShape, strings.Replace(ours, "abcdef", "abcdeg", 1): errShape,
		strings.Replace(ours, " defer", "", 1): errShape, strings.Replace(ours, "></", ">f()</", 1): errShape,
	} {
		bare := script.ReplaceAll(page, []byte("</head>"))
		changed := bytes.Replace(bare, []byte("</head>"), []byte(with+"\n</head>"), 1)
		if err := checkStart(changed, fingerprint, reviewers); !errors.Is(err, want) {
			t.Errorf("%s: %v", with, err)
		}
	}
	body := bytes.Replace(page, []byte("</body>"), []byte(ours+"</body>"), 1)
	if err := checkStart(body, fingerprint, reviewers); !errors.Is(err, errShape) {
		t.Errorf("in the body: %v", err)
	}
}
