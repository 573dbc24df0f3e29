package reporter_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"saksi/crypto/parcel"
)

// guarded holds whether the browser would ask before this page is left.
func (w *scripted) guarded(want bool, when string) {
	w.t.Helper()
	got, err := w.page.Guarded()
	w.must(err)
	if got != want {
		w.t.Errorf("%s: the page asks before it is left: %t", when, got)
	}
}

// focused waits until the focus is on an element.
func (w *scripted) focused(selector string) {
	w.t.Helper()
	w.must(w.page.Until("document.activeElement.matches(`" + selector + "`)"))
}

// hold returns what requests can wait for, and what lets them go; the test's end does.
func (w *scripted) hold() (come chan struct{}, release func()) {
	come = make(chan struct{})
	release = sync.OnceFunc(func() { close(come) })
	w.t.Cleanup(release)
	return come, release
}

// put writes files, and chooses them.
func (w *scripted) put(files map[string][]byte, order ...string) {
	w.t.Helper()
	folder := w.t.TempDir()
	var paths []string
	for _, name := range order {
		paths = append(paths, filepath.Join(folder, name))
		w.must(os.WriteFile(paths[len(paths)-1], files[name], 0o600))
	}
	w.must(w.page.Attach("#file", paths...))
	w.until(".queue > li:last-child h3", order[len(order)-1])
}

// TestNothingIsLostOrLeftInTheDark goes the way of somebody whose line is bad, in both
// languages: at each step the page says what it waits for, what is kept, and what to
// press; and nothing that comes once is lost by one touch.
func TestNothingIsLostOrLeftInTheDark(t *testing.T) {
	w := newScripted(t, "id")
	for _, lang := range []string{"id", "en"} {
		w.lang = lang
		w.waitsForTheRoster()
		w.keepsTheReceipt()
		w.keepsWhatIsTyped()
		w.saysWhatAFileTells()
		w.triesAFileAgain()
		w.opensAndDeletesInDoubt()
	}
}

// waitsForTheRoster: who sends before the list of reviewers is there is told so, and
// can change nothing meanwhile. After a list that is damaged another try is made.
func (w *scripted) waitsForTheRoster() {
	come, release := w.hold()
	damaged := true
	w.line.change(func(path string, answered bool) bool {
		if path == "/roster.note" && !answered {
			<-come
		}
		return false
	}, func(path string, body []byte) []byte {
		if path == "/roster.note" && damaged {
			return body[:len(body)/2]
		}
		return body
	})
	w.must(w.page.Open(w.line.url + w.path("/write")))
	w.answer("sedikit")
	w.hit("form#write > button:last-of-type")
	w.focused("#checking")
	w.reads("#checking", w.say("Belum ada yang dikirim", "Nothing has been sent yet"))
	w.must(w.page.Until(`document.querySelector("#write").inert`))
	w.shoot("checking")
	release()
	w.until(".problem", w.say("Jawaban server rusak", "The server's answer is damaged"))
	w.must(w.page.Until(`!document.querySelector("#write").inert && document.querySelector("#checking").hidden`))
	w.keepsATestimony()
	w.line.change(nil, nil)
	w.hit("form#write > button:last-of-type")
	w.receive()
}

// keepsATestimony: a drop that was closed while somebody wrote has no form in the other
// language. What was typed stays where it is.
func (w *scripted) keepsATestimony() {
	w.line.change(nil, func(path string, body []byte) []byte {
		if strings.HasSuffix(path, "/write") {
			return bytes.ReplaceAll(body, []byte(`<form id="write"`), []byte("<form"))
		}
		return body
	})
	w.hit("header button.link")
	w.until("main > .problem h2", w.say("Kotak ini sedang tidak menerima kiriman", "The box is closed for now"))
	if got, err := w.page.Value("#f-uraian"); err != nil || got != story {
		w.t.Errorf("the testimony is %q, %v", got, err)
	}
}

// keepsTheReceipt: the words are shown once, so nobody leaves them by one touch; and
// where they come with the advice to send no evidence, the page does not ask for it.
func (w *scripted) keepsTheReceipt() {
	w.guarded(true, "the receipt")
	w.reads("main", w.say("tidak dapat ditampilkan lagi", "cannot be shown again"))
	if shown := w.shown("#file"); shown {
		w.t.Error("evidence is asked for where the advice is to send none")
	}
	w.shoot("receipt-folded")
	w.hit("main > .aside > button")
	w.until("h1", w.say("Percakapan Anda", "Your conversation"))
	w.guarded(false, "a conversation")
}

// keepsWhatIsTyped: a message and the choices of readers stay as they are while answers
// are read, a deletion is thought over and the language changes, until they were sent.
func (w *scripted) keepsWhatIsTyped() {
	const text = "Setengah jam saya mengetik {n}."
	w.must(w.page.Fill("#text", text))
	w.hit("form[data-do=message] input[value='id:r3']")
	w.hit("form[data-do=files] input[value='id:r2']")
	stays := func(forFiles string) {
		w.t.Helper()
		if got, err := w.page.Value("#text"); err != nil || got != text {
			w.t.Errorf("the message is %q, %v", got, err)
		}
		w.ticked("form[data-do=message]", "id:r3")
		w.ticked("form[data-do=files]", forFiles)
	}
	w.hit("[data-do=older]")
	w.until("main", w.say("Halaman jawaban ke-2", "Page 2"))
	stays("id:r2")
	was := w.lang
	for _, lang := range []string{map[string]string{"id": "en", "en": "id"}[was], was} {
		w.otherLanguage(lang)
		stays("id:r2")
	}
	w.hit("[data-do=newer]")
	w.must(w.page.Until(`!document.querySelector("[data-do=newer]")`))
	stays("id:r2")
	w.must(w.page.Select("#delete", "all"))
	w.hit("form[data-do=delete] button")
	w.must(w.page.Until(`!!document.querySelector("button.danger")`))
	w.guarded(true, "a deletion, with a message that is not sent")
	w.hit("[data-do=open]")
	w.until("h1", w.say("Percakapan Anda", "Your conversation"))
	stays("id:r2")
	w.saysThatItIsClosed()
	stays("id:r2 id:r3")
	w.staysWhileItIsSent()
}

// closedNotice stands above a message's form while nothing can be taken.
const closedNotice = "main > .notice:not([role]) + section"

// saysThatItIsClosed: before anybody writes more in vain.
func (w *scripted) saysThatItIsClosed() {
	asked := w.line.count("GET /roster.recipients")
	mend := w.line.refuseWith("/roster.recipients", http.StatusServiceUnavailable, `{"error":"closed"}`)
	w.hit("form[data-do=message] button")
	w.until("main > .problem", w.say("Kotak ini sedang tidak menerima kiriman", "The box is closed for now"))
	if n := w.line.count("GET /roster.recipients") - asked; n != 1 {
		w.t.Errorf("a drop that is closed was asked %d times", n)
	}
	w.hit("[data-do=older]")
	w.must(w.page.Until("!!document.querySelector(`" + closedNotice + "`)"))
	w.reads("main > .notice:not([role])", w.say("Jangan menulis dulu.", "Do not write yet."))
	w.shoot("closed")
	mend()
	w.hit("[data-do=newer]")
	w.must(w.page.Until(`!document.querySelector("[data-do=newer]")`))
}

// staysWhileItIsSent: the message is on its way, and cannot be sent twice; then it is gone.
func (w *scripted) staysWhileItIsSent() {
	come, release := w.hold()
	w.line.change(func(path string, answered bool) bool {
		if path == "/v1/items" && !answered {
			<-come
		}
		return false
	}, nil)
	w.hit("form[data-do=message] button")
	w.must(w.page.Until(`document.querySelector("form[data-do=message]").inert`))
	w.hit("[data-do=older]")
	w.until("main", w.say("Halaman jawaban ke-2", "Page 2"))
	w.must(w.page.Until(`document.querySelector("form[data-do=message]").inert`))
	release()
	w.line.change(nil, nil)
	w.until("main > .notice[role=status]", w.say("Susulan 2 sudah kami terima", "We have received Addition 2"))
	if got, err := w.page.Value("#text"); err != nil || got != "" {
		w.t.Errorf("after it was sent the message is %q, %v", got, err)
	}
	w.ticked("form[data-do=message]", "id:r3")
	w.ticked("form[data-do=files]", "id:r2 id:r3")
	w.guarded(false, "a message that was sent")
	if closed, err := w.page.Has(closedNotice); err != nil || closed {
		w.t.Errorf("a drop that takes a message is called closed, %v", err)
	}
	w.hit("form[data-do=files] input[value='id:r3']") // for the files
}

func (w *scripted) shown(selector string) (shown bool) {
	w.t.Helper()
	w.must(w.page.Evaluate("document.querySelector(`"+selector+"`).checkVisibility()", &shown))
	return shown
}

// looksAtAFile: while a file is looked at, which takes long on an old phone, the page says
// so. Whatever is shown meanwhile, it comes into the list; one that cannot be read, too.
func (w *scripted) looksAtAFile() {
	hold := func(then string) {
		w.must(w.page.Evaluate(`(() => {
			const read = Blob.prototype.arrayBuffer
			const held = new Promise((done) => (window.goOn = done))
			Blob.prototype.arrayBuffer = async function () {
				await held
				Blob.prototype.arrayBuffer = read
				`+then+`
			}
		})()`, nil))
	}
	path := filepath.Join(w.t.TempDir(), "x.bin")
	w.must(os.WriteFile(path, []byte("x"), 0o600))
	for n, c := range []struct{ then, says string }{
		{"return read.call(this)", w.say("Menunggu giliran.", "Waiting for its turn.")},
		{`throw new DOMException("", "NotReadableError")`, w.say("tidak dapat dibaca", "cannot be read")},
	} {
		hold(c.then)
		w.must(w.page.Attach("#file", path))
		w.until("form[data-do=files] + .notice", w.say("Memeriksa berkas.", "Checking the file."))
		w.must(w.page.Until(`document.querySelector("form[data-do=files]").inert`))
		for _, page := range []string{"older", "newer"} {
			w.hit("[data-do=" + page + "]")
			w.must(w.page.Until(`!!document.querySelector("[data-do=newer]") === ` + strconv.FormatBool(page == "older")))
		}
		w.must(w.page.Evaluate("window.goOn()", nil))
		w.until(fmt.Sprintf(".queue > li:nth-child(%d) .state", n+1), c.says)
		w.hit(".queue > li:last-child [data-do=cancel]")
	}
	if w.shown(".queue > li:last-child [data-do=retry]") {
		w.t.Error("a file that cannot be read is offered to be sent")
	}
	w.must(w.page.Evaluate(`document.querySelector(".queue").replaceChildren()`, nil)) // what follows counts
}

// saysWhatAFileTells: what is done about it comes first, then one line for each kind.
func (w *scripted) saysWhatAFileTells() {
	in, _ := vector(w.t, "jpeg exif")
	cut, _ := vector(w.t, "jpeg cut")
	w.looksAtAFile()
	w.put(map[string][]byte{"a.jpg": in, "b.jpg": cut, "c.bin": []byte("c"), "d.bin": bytes.Repeat([]byte("d"), 100)},
		"a.jpg", "b.jpg", "c.bin", "d.bin")
	w.guarded(true, "files that were chosen")
	if has, err := w.page.Has("header a[hreflang]"); err != nil || has {
		w.t.Errorf("the language can still be changed, %v", err)
	}
	w.reads("form[data-do=files]",
		w.say("Ganti bahasa sebelum memilih berkas", "Change the language before you choose files"))
	kinds, err := w.page.Texts(".queue > li:first-child .care > div > ul > li > :first-child")
	w.must(err)
	if len(kinds) != 9 {
		w.t.Errorf("%d kinds: %q", len(kinds), kinds)
	}
	w.must(w.page.Until(`(() => {
		const all = [...document.querySelectorAll(".queue > li:first-child .care > *")].map((e) => e.textContent)
		return all[0].includes("ICC") && all[1].includes("KX-7")
	})()`))
	w.shoot("kinds")
	w.must(w.page.Evaluate(
		`for (const e of document.querySelectorAll(".queue > li:first-child details")) e.open = true`, nil))
	w.reads(".queue > li:first-child", w.say("20 November 2026 pukul 10.11", "November 20, 2026 at 10:11"))
	w.shoot("kinds-open")
	// Refused or queued: never both.
	w.reads(".queue > li:nth-child(2) .state", w.say("Tidak dikirim.", "Not sent."))
	w.hit(".queue > li:nth-child(2) [name=whole]")
	w.reads(".queue > li:nth-child(2) .state", w.say("Menunggu giliran.", "Waiting for its turn."))
	w.hit(".queue > li:nth-child(2) [name=whole]")
	w.reads(".queue > li:nth-child(2) .state", w.say("Tidak dikirim.", "Not sent."))
}

// triesAFileAgain: a file that failed is sent at one touch, or cancelled; and the focus
// goes on where the button that had it goes.
func (w *scripted) triesAFileAgain() {
	line := func(n string) string { return ".queue > li:nth-child(" + n + ") " }
	mend := w.line.breakFor("/v1/items", false)
	w.hit("[data-do=send-files]")
	w.until(line("1")+".state", w.say("HP tidak terkunci", "the phone unlocked"))
	w.focused(line("1") + ".state")
	w.shoot("file-lost")
	w.hit(line("1") + "[data-do=pause]")
	w.focused(line("1") + "[data-do=resume]")
	w.hit(line("1") + "[data-do=resume]")
	w.focused(line("1") + "[data-do=pause]")
	heal := w.line.refuse("/v1/items") // answers that say nothing of use
	mend()
	w.until(line("4")+".state", w.say("Kami belum dapat memastikan", "We could not make sure"))
	w.until(line("1")+".state", w.say("tekan Coba lagi", "press Try again"))
	w.shoot("file-failed")
	w.hit(line("4") + "[data-do=cancel]")
	w.until(line("4")+".state", w.say("mungkin sudah tersimpan", "may have been kept"))
	heal()
	w.hit(line("4") + "[data-do=cancel]")
	w.until(line("4")+".state", w.say("Dibatalkan", "Cancelled"))
	w.hit(line("1") + "[data-do=retry]")
	w.until(line("1")+".state", w.say("Sudah kami terima", "We have received it"))
	w.reads(line("2")+".state", w.say("Tidak dikirim.", "Not sent."))
	w.hit(line("2") + "[data-do=cancel]")
	w.hit(line("3") + "[data-do=cancel]")
	w.until(line("3")+".state", w.say("Dibatalkan", "Cancelled"))
	w.guarded(false, "nothing that waits")
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	kept := 0
	for _, s := range states {
		if s.Stand == parcel.Waiting {
			kept++
		}
	}
	if kept != 3 {
		w.t.Errorf("%d items are kept", kept)
	}
}

// opensAndDeletesInDoubt: where an answer was lost, nobody typed anything that could
// still be there. What was asked for can be asked for again.
func (w *scripted) opensAndDeletesInDoubt() {
	mend := w.line.refuse("/v1/mailbox")
	w.hit("[data-do=older]")
	w.until(".problem", w.say("Yang sudah Anda kirim tidak berubah", "What you sent has not changed"))
	w.shoot("unread")
	mend()
	w.hit("[data-do=older]")
	w.until("main", w.say("Halaman jawaban ke-2", "Page 2"))
	w.must(w.page.Select("#delete", "all"))
	w.hit("form[data-do=delete] button")
	w.must(w.page.Until(`!!document.querySelector("button.danger")`))
	mend = w.line.refuse("/v1/burn")
	w.hit("button.danger")
	w.until(".problem", w.say("belum tahu apakah sudah terhapus", "do not know yet whether it is deleted"))
	if text, err := w.page.Text("main"); err != nil || strings.Contains(text, w.say("Yang Anda ketik", "What you typed")) {
		w.t.Errorf("of a deletion the page says %q, %v", text, err)
	}
	w.shoot("undeleted")
	mend()
	w.hit("button.danger")
	w.until("h1", w.say("Sudah dihapus", "Deleted"))
	if stand := w.stand(0); stand != parcel.Deleted {
		w.t.Errorf("a deleted item stands at %v", stand)
	}
}
