package reporter_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/browser"
	"saksi/server/servertest"
)

// TestTheWholeWay goes from the front page to the receipt, the answer and the
// deletion, with an attachment, as a person does: in Firefox without JavaScript,
// as at Tor Browser's level Safest, and in Chromium without it; on a phone and at
// a desk; in both languages, and from one to the other in the middle of the form.
func TestTheWholeWay(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	t.Run("firefox", func(t *testing.T) {
		walkAll(t, d, browser.Firefox(t, browser.Options{}))
	})
	t.Run("chromium", func(t *testing.T) {
		page := browser.Chromium(t, browser.Options{})
		walkAll(t, d, page.Page)
		requests, err := page.Requests()
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range requests {
			if !strings.HasPrefix(r.URL, d.URL+"/") || r.Type != "Document" && r.URL != d.URL+"/style.css" {
				t.Errorf("the browser asked for %s %s (%s)", r.Method, r.URL, r.Type)
			}
		}
		if len(requests) < 40 {
			t.Errorf("only %d requests were seen", len(requests))
		}
	})
}

func walkAll(t *testing.T, d *servertest.Drop, page *browser.Page) {
	for _, size := range [][2]int{{360, 740}, {1280, 800}} {
		for _, lang := range []string{"id", "en"} {
			w := &walk{t: t, d: d, page: page, lang: lang}
			w.must(page.Resize(size[0], size[1]))
			w.write()
			w.send()
			w.attach()
			w.readAnswer()
			w.deleteAll()
		}
	}
}

// A walk is one person's way.
type walk struct {
	t     *testing.T
	d     *servertest.Drop
	page  *browser.Page
	lang  string
	words []string
}

func (w *walk) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// path is a path in the walk's language.
func (w *walk) path(p string) string {
	if w.lang == "en" {
		return "/en" + p
	}
	return p
}

// reads holds the language of the page, and what a part of it says.
func (w *walk) reads(selector, want string) {
	w.t.Helper()
	got, err := w.page.Text(selector)
	w.must(err)
	if !strings.Contains(got, want) {
		w.t.Errorf("%s says %q, want %q", selector, got, want)
	}
	lang, err := w.page.Attribute("html", "lang")
	w.must(err)
	if lang != w.lang {
		w.t.Errorf("the page is in %q, want %q", lang, w.lang)
	}
}

// say picks the text of the walk's language.
func (w *walk) say(id, en string) string {
	if w.lang == "en" {
		return en
	}
	return id
}

const story = "Kami dikumpulkan <di aula> & diminta hadir.\nYang tidak datang akan \"dipindah\"."

// write fills in the form, makes a mistake first, and changes language and back.
func (w *walk) write() {
	w.must(w.page.Open(w.d.URL + w.path("/")))
	w.reads("h1", w.say("Kotak kesaksian", "A box for testimonies"))
	w.must(w.page.Click(`a.button[href$="/write"]`))
	w.must(w.page.Select("#f-tempat", "73"))
	w.must(w.page.Click("button[value=place]"))
	w.must(w.page.Select("#f-tempat-finer", "73.02"))
	w.must(w.page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "medsos", "lisan", "camat", "mengalami"} {
		w.must(w.page.Click("input[value=" + box + "]"))
	}
	w.must(w.page.Fill("#f-uraian", story))
	w.must(w.page.Click("details.part summary"))
	w.must(w.page.Fill("#f-unit", "Dinas <Contoh>"))
	w.must(w.page.Click("#readers summary"))
	w.must(w.page.Click("#readers input[value='id:r2']"))
	w.must(w.page.Click("form#write > button:last-of-type"))
	w.reads(".problem li:first-child", w.say("Berapa orang yang tahu", "How many people know"))
	w.kept()
	w.must(w.page.Click("header button.link"))
	w.lang = map[string]string{"id": "en", "en": "id"}[w.lang]
	w.kept()
	w.must(w.page.Click("header button.link"))
	w.lang = map[string]string{"id": "en", "en": "id"}[w.lang]
	w.kept()
	w.must(w.page.Click("input[value=sedikit]"))
}

// kept holds the form to what was filled in.
func (w *walk) kept() {
	w.t.Helper()
	for selector, want := range map[string]string{
		"#f-uraian": story, "#f-tempat": "73", "#f-tempat-finer": "73.02", "#f-waktu": "tidak_ingat",
		"#f-unit": "Dinas <Contoh>", "#readers input:checked": "id:r2", "input[value=lisan]:checked": "lisan", "input[value=statistik]:checked": "statistik",
	} {
		got, err := w.page.Value(selector)
		w.must(err)
		if strings.ReplaceAll(got, "\r\n", "\n") != want {
			w.t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
}

// send sends the form and reads the words, and the advice for a small circle.
func (w *walk) send() {
	w.must(w.page.Click("form#write > button:last-of-type"))
	w.reads("h1", w.say("Sudah kami terima", "We have received it"))
	w.reads("main", w.say("kurang dari 5 orang tahu", "fewer than 5 people know"))
	w.reads("main", w.say("Tidak dapat dibuka oleh:", "Cannot be opened by:"))
	words, err := w.page.Texts(".words li")
	w.must(err)
	if len(words) != 12 {
		w.t.Fatalf("%d words", len(words))
	}
	w.words = words
	title, err := w.page.Title()
	w.must(err)
	if strings.Contains(strings.ToLower(title), "saksi") {
		w.t.Errorf("the title is %q", title)
	}
}

func (w *walk) attach() {
	file := filepath.Join(w.t.TempDir(), "surat.pdf")
	w.must(os.WriteFile(file, []byte(strings.Repeat("isi berkas ", 20_000)), 0o600))
	// Whom the testimony was kept from the file is kept from.
	excluded, err := w.page.Value(`form[action$="/file"] input[name=skip]:checked`)
	w.must(err)
	if excluded != "id:r2" {
		w.t.Errorf("the file is kept from %q", excluded)
	}
	w.must(w.page.Click("details.part summary")) // folded: the advice is to send none
	w.must(w.page.Attach("#file", file))
	w.must(w.page.Click(`form[action$="/file"] button`))
	w.reads("[role=status]", w.say("Susulan 1 sudah kami terima", "1"))
}

// readAnswer comes back with the words, reads, and answers.
func (w *walk) readAnswer() {
	reading, err := receipt.Parse(strings.Join(w.words, " "))
	w.must(err)
	w.d.Answer(reading.Code, 1, uint64(1), "Terima kasih. Kira-kira <berapa> orang yang hadir?")
	w.must(w.page.Open(w.d.URL + w.path("/")))
	w.must(w.page.Click(`a.button[href$="/open"]`))
	w.must(w.page.Fill("#words", strings.ToUpper(strings.Join(w.words, ", "))))
	w.must(w.page.Click("main form button"))
	w.reads("article", "Kira-kira <berapa> orang yang hadir?")
	w.reads(`form[action$="/message"]`, w.say("centang lagi sekarang", "tick them again now"))
	w.must(w.page.Click(`form[action$="/message"] input[value="id:r3"]`))
	w.must(w.page.Fill("#text", "Kira-kira tiga puluh."))
	w.must(w.page.Click(`form[action$="/message"] button`))
	w.reads("[role=status]", w.say("Susulan 2 sudah kami terima", "2"))
	url, err := w.page.URL()
	w.must(err)
	w.readBy(reading.Code, map[int][]bool{0: {true, false, true}, 1: {true, false, true}, 2: {true, true, false}})
	for _, secret := range append(slices.Clone(w.words), reading.Code.Field()) {
		if strings.Contains(url, secret) {
			w.t.Errorf("the address is %q", url)
		}
	}
}

// readBy holds which reviewers read the items of a code.
func (w *walk) readBy(code receipt.Code, readers map[int][]bool) {
	for n, want := range readers {
		slots, err := w.d.Inbox.Store.Slots(code.ItemID(n))
		w.must(err)
		for r, reads := range want {
			_, err := item.OpenSlot(slots[r], w.d.Reviewers[r].SlotIdentities()...)
			if (err == nil) != reads || !reads && !errors.Is(err, item.ErrNotForUs) {
				w.t.Errorf("item %d, reviewer %d: %v, want reading %v", n, r+1, err, reads)
			}
		}
	}
}

func (w *walk) deleteAll() {
	w.must(w.page.Select("#delete", "all"))
	w.must(w.page.Click(`form[action$="/delete"] button`))
	w.must(w.page.Click("button.danger"))
	w.reads("h1", w.say("Sudah dihapus", "Deleted"))
	w.must(w.page.Open(w.d.URL + w.path("/open")))
	w.must(w.page.Fill("#words", strings.Join(w.words, " ")))
	w.must(w.page.Click("main form button"))
	w.reads("main", w.say("dihapus oleh Anda", "deleted by you"))
	if has, err := w.page.Has("article"); err != nil || has {
		w.t.Errorf("a deleted answer is shown, %v", err)
	}
}
