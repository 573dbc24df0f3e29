package reporter_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/partytest"
	"saksi/server/browser"
	"saksi/server/servertest"
	"saksi/web/client"
)

// newScripted starts a drop behind a recorder and a browser that runs scripts.
func newScripted(t *testing.T, lang string) *scripted {
	t.Helper()
	return newScriptedOn(t, lang, servertest.Options{})
}

func newScriptedOn(t *testing.T, lang string, o servertest.Options) *scripted {
	t.Helper()
	if o.Script = client.Script(); o.Script == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	d := servertest.New(t, o)
	page := browser.Chromium(t, browser.Options{JavaScript: true, Width: 360, Height: 740})
	return &scripted{walk{t: t, d: d, page: page.Page, lang: lang}, record(t, d), page}
}

// breakFor loses requests to paths that begin so, or their answers alone, until mend
// is called. (A browser tries some requests again by itself, and says nothing of it.)
func (l *wire) breakFor(prefix string, answersAlone bool) (mend func()) {
	var mended atomic.Bool
	l.change(func(path string, answered bool) bool {
		return !mended.Load() && answered == answersAlone && strings.HasPrefix(path, prefix)
	}, nil)
	return func() { mended.Store(true) }
}

// fillIn answers what must be answered.
func (w *scripted) fillIn() {
	w.t.Helper()
	w.must(w.page.Open(w.line.url + w.path("/write")))
	w.ready("text")
	w.answer("banyak")
}

// answer answers what must be answered; how many know is given.
func (w *scripted) answer(know string) {
	w.t.Helper()
	w.must(w.page.Select("#f-tempat", "73"))
	w.must(w.page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "lisan", "camat", "mengalami", know} {
		w.hit("input[value=" + box + "]")
	}
	w.must(w.page.Fill("#f-uraian", story))
}

// receive waits for the receipt and reads it.
func (w *scripted) receive() {
	w.t.Helper()
	w.until("h1", w.say("Sudah kami terima", "We have received it"))
	words, err := w.page.Texts(".words li")
	w.must(err)
	w.words = words
}

func (w *scripted) stand(n int) parcel.Stand {
	w.t.Helper()
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	return states[n].Stand
}

// TestALostAnswerLeavesNoDoubt: the testimony is kept and its answer is lost, more
// than once. The page says that it does not know, keeps the words to itself, sends the
// same again, and shows the words of what is kept: once.
func TestALostAnswerLeavesNoDoubt(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	mend := w.line.breakFor("/v1/items", true)
	w.hit("form#write > button:last-of-type")
	w.until(".notice[role=status]", "Kami belum tahu apakah kiriman ini sampai")
	if shown, err := w.page.Has(".words"); err != nil || shown {
		t.Errorf("words are shown before anything is known, %v", err)
	}
	mend()
	w.receive()
	if n := w.line.count("POST /v1/items"); n < 2 {
		t.Errorf("%d sendings", n)
	}
	if w.stand(0) != parcel.Waiting || w.stand(1) != parcel.Unused {
		t.Error("the words open something else than the one item")
	}
}

// TestAnUploadIsPausedCutAndCancelled: of two files one is paused, cut off and
// goes on from where it was; the other is cancelled, and nothing of it is left.
func TestAnUploadIsPausedCutAndCancelled(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	w.hit("form#write > button:last-of-type")
	w.receive()
	folder := t.TempDir()
	var paths []string
	for _, name := range []string{"satu.bin", "dua.bin"} {
		data := make([]byte, 6<<20)
		_, _ = rand.Read(data)
		paths = append(paths, filepath.Join(folder, name))
		w.must(os.WriteFile(paths[len(paths)-1], data, 0o600))
	}
	w.must(w.page.Attach("#file", paths...))
	w.until(".queue li:nth-child(2)", "dua.bin")
	mend := w.line.breakFor("/v1/uploads/", false)
	w.hit("[data-do=send-files]")
	w.until(".queue li .state", "Sambungan terputus")
	w.hit(".queue li [data-do=pause]")
	w.until(".queue li .state", "Dijeda")
	w.hit(".queue li:nth-child(2) [data-do=cancel]")
	w.until(".queue li:nth-child(2) .state", "Dibatalkan")
	mend()
	w.hit(".queue li [data-do=resume]")
	w.until(".queue li .state", "Sudah kami terima")
	if w.stand(1) == parcel.Unused || w.stand(2) != parcel.Unused {
		t.Error("what is kept is not the first file alone")
	}
	if staged, err := w.d.Inbox.Store.Staged(); err != nil || len(staged) > 0 {
		t.Errorf("%d uploads are left, %v", len(staged), err)
	}
	w.must(w.page.Attach("#file", paths[1]))
	w.until(".queue li:nth-child(3)", "dua.bin")
	mend = w.line.breakFor("/v1/uploads/", true)
	w.hit("[data-do=send-files]")
	w.until(".queue li:nth-child(3) .state", "Sambungan terputus")
	if staged, err := w.d.Inbox.Store.Staged(); err != nil || len(staged) != 1 {
		t.Errorf("%d uploads have begun, %v", len(staged), err)
	}
	mend()
	// Not by its place: what is said above it gets shorter at this moment.
	w.must(w.page.Evaluate(`document.querySelector(".queue li:nth-child(3) [data-do=cancel]").click()`, nil))
	w.until(".queue li:nth-child(3) .state", "Dibatalkan")
	if staged, err := w.d.Inbox.Store.Staged(); err != nil || len(staged) > 0 {
		t.Errorf("%d uploads are left after it was cancelled, %v", len(staged), err)
	}
}

// TestAServerThatLiesGetsNothing: a server that answers with another roster, another
// week's keys or other roots than the address names is sent nothing at all, and the
// page says what to do, and not that it seals here.
func TestAServerThatLiesGetsNothing(t *testing.T) {
	w := newScripted(t, "id")
	fake := partytest.New(t, time.Now(), 3)
	pin := "#" + strings.Join(w.d.Trusted.Fingerprint(), "-")
	flip := func(of string) func(path string, body []byte) []byte {
		return func(path string, body []byte) []byte {
			if path == of && len(body) > 0 {
				body = bytes.Clone(body)
				body[len(body)-10] ^= 1
			}
			return body
		}
	}
	renamed := func(path string, body []byte) []byte {
		if path == "/roster.note" {
			return bytes.ReplaceAll(body, []byte("Penelaah 1"), []byte("Penelaah 7"))
		}
		return body
	}
	another := func(path string, body []byte) []byte {
		if path == "/roster.note" {
			return fake.Roster.Note
		}
		return body
	}
	for _, c := range []struct {
		name, fragment, want string
		swap                 func(path string, body []byte) []byte
	}{
		{"other roots", "#aaaa-bbbb-cccc-dddd-eeee", "Kode keaslian di alamat ini bukan", nil},
		{"a damaged roster", "", "Jangan mengirim apa pun", flip("/roster.note")},
		{"a changed reviewer", "", "diubah orang", renamed},
		{"another roster", pin, "Kode keaslian di alamat ini bukan", another},
		{"other recipients", "", "Kunci penelaah minggu ini", flip("/roster.recipients")},
	} {
		w.line.change(nil, c.swap)
		w.must(w.page.Open("about:blank"))
		w.must(w.page.Open(w.line.url + "/write" + c.fragment))
		w.until(".problem", c.want)
		before := w.line.count("POST")
		if strings.HasPrefix(c.want, "Kode keaslian") { // this may be another site
			w.noForm()
			continue
		}
		w.must(w.page.Fill("#f-uraian", story))
		w.hit("form#write > button:last-of-type")
		w.must(w.page.Until(`document.activeElement.matches(".problem")`))
		if n := w.line.count("POST") - before; n != 0 {
			t.Errorf("%s: %d forms were sent", c.name, n)
		}
		text, err := w.page.Text(".sealing[data-key=text]")
		w.must(err)
		if !strings.Contains(text, "Server kami membaca") {
			t.Errorf("%s: the page says %q", c.name, text)
		}
		w.must(w.page.Evaluate(`document.querySelector("#f-uraian").value = ""`, nil)) // nothing is lost by leaving
	}
}

// noForm holds that there is nothing to type into.
func (w *scripted) noForm() {
	w.t.Helper()
	var shown bool
	w.must(w.page.Evaluate(`[...document.querySelectorAll("main :is(textarea, input, select, button)")]
		.some(e => e.checkVisibility())`, &shown))
	if shown {
		w.t.Error("there is something to type into")
	}
}

// TestTheFingerprintOfAnAddressLasts: links of ours carry it on, so that each page
// checks it.
func TestTheFingerprintOfAnAddressLasts(t *testing.T) {
	w := newScripted(t, "id")
	pin := "#" + strings.Join(w.d.Trusted.Fingerprint(), "-")
	w.must(w.page.Open(w.line.url + "/" + pin))
	w.must(w.page.Until(fmt.Sprintf(`document.querySelector("a.button[href*='/write']")?.hash === %q`, pin)))
	w.must(w.page.Click(`a.button[href*="/write"]`))
	w.ready("text")
	w.must(w.page.Open("about:blank"))
	w.must(w.page.Open(w.line.url + "/#aaaa-bbbb-cccc-dddd-eeee"))
	w.until(".problem", "Kode keaslian di alamat ini bukan")
}
