package reporter_test

import (
	"net/http"
	"strings"
	"testing"

	"saksi/crypto/parcel"
	"saksi/crypto/reviewer"
)

// renewRoster has the roots sign a new list of reviewers, and leads the browser to it.
func (w *scripted) renewRoster() {
	w.t.Helper()
	w.d.Admit(func(*reviewer.Draft) {})
	w.line.lead(w.d.URL)
}

// TestAChoiceOfReadersGoesWithItsRoster: the list of reviewers changes while pages are
// open. What was chosen under the old one is not taken for a choice under the new one:
// nothing is sent before the new list was shown, with the same ticks.
func TestAChoiceOfReadersGoesWithItsRoster(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	w.hit("#readers summary")
	w.hit("#readers input[value='id:r2']")
	w.renewRoster()
	w.hit("form#write > button:last-of-type")
	w.until(".problem", "Daftar penelaah berubah")
	if n := w.line.count("POST"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	w.ticked("#readers", "id:r2")
	w.hit("form#write > button:last-of-type")
	w.receive()
	w.readBy(w.code(), map[int][]bool{0: {true, false, true}})
	w.hit("main > .aside > button")
	w.until("h1", "Percakapan Anda")
	w.filesUnderTwoRosters()
	w.messageUnderTwoRosters()
	w.filesBesideAMessage()
}

// ticked holds that a list of readers is open, and who is left out in it.
func (w *scripted) ticked(within, want string) {
	w.t.Helper()
	var got []string
	boxes := within + " details[open] [name=skip]:checked"
	w.must(w.page.Evaluate("[...document.querySelectorAll(`"+boxes+"`)].map(e => e.value)", &got))
	if strings.Join(got, " ") != want {
		w.t.Errorf("%q are ticked, want %q", got, want)
	}
}

// holdUploads lets no upload through to the server until it is released.
func (w *scripted) holdUploads() (release func()) {
	come, release := w.hold()
	w.line.change(func(path string, answered bool) bool {
		if strings.HasPrefix(path, "/v1/uploads/") && !answered {
			<-come
		}
		return false
	}, nil)
	return release
}

// filesUnderTwoRosters: of two files the first is on its way when the list changes, and
// a message learns of it. The second is not sent to people who were not shown.
func (w *scripted) filesUnderTwoRosters() {
	w.put(map[string][]byte{"a.bin": make([]byte, 2<<20), "b.bin": []byte("b")}, "a.bin", "b.bin")
	release := w.holdUploads()
	w.hit("[data-do=send-files]")
	w.until(".queue > li .state", "Menyegel")
	w.must(w.page.Until(`document.querySelector(".queue > li .care").hidden`))
	w.renewRoster()
	w.must(w.page.Fill("#text", "Pesan."))
	w.hit(`form[data-do=message] input[value="id:r3"]`)
	w.hit(`form[data-do=message] button`)
	w.until(".problem", "Daftar penelaah berubah")
	release()
	w.line.change(nil, nil)
	w.until(".queue > li .state", "Daftar penelaah berubah") // its readers are not those of now
	w.hit(".queue > li:nth-child(1) [data-do=cancel]")
	w.until(".queue > li:nth-child(2) .state", "Daftar penelaah berubah")
	w.hit(".queue > li:nth-child(2) [data-do=cancel]")
	w.until(".queue > li:nth-child(2) .state", "Dibatalkan")
}

// messageUnderTwoRosters: what was ticked for a message is ticked in the new list.
func (w *scripted) messageUnderTwoRosters() {
	w.ticked("form[data-do=message]", "id:r2 id:r3") // r2 with the first testimony
	w.hit(`form[data-do=message] button`)
	w.until(".notice[role=status]", "sudah kami terima")
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	for n, s := range states[1:] {
		if s.Stand == parcel.Waiting {
			w.readBy(w.code(), map[int][]bool{n + 1: {true, false, false}})
			return
		}
	}
	w.t.Error("the message is not kept")
}

// filesBesideAMessage: while files are sent no other choice can be made for them. What is
// still to come is not sent to whom a message leaves out meanwhile.
func (w *scripted) filesBesideAMessage() {
	w.hit(`form[data-do=files] input[value="id:r3"]`) // not for the files
	w.put(map[string][]byte{"c.bin": make([]byte, 2<<20), "d.bin": []byte("d")}, "c.bin", "d.bin")
	w.hit("[data-do=send-files]")
	w.until(".problem", "Daftar penelaah berubah")
	w.ticked("form[data-do=files]", "id:r2")
	release := w.holdUploads()
	begun := w.line.count("POST /v1/uploads/")
	w.hit("[data-do=send-files]")
	w.requested("POST /v1/uploads/", begun+1)
	w.must(w.page.Until(`document.querySelector("form[data-do=files]").inert`))
	w.must(w.page.Fill("#text", "Pesan kedua."))
	w.hit(`form[data-do=message] button`)
	w.must(w.page.Until(`document.querySelector("#text").value === ""`))
	release()
	w.line.change(nil, nil)
	w.until(".queue > li:last-child .state", "Sudah kami terima")
	w.must(w.page.Until(`!document.querySelector("form[data-do=files]").inert`))
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	last := 0
	for n, s := range states {
		if s.Stand != parcel.Unused {
			last = n
		}
	}
	w.readBy(w.code(), map[int][]bool{last: {true, false, false}})
}

// TestADeletionWaitsUntilAllSendingEnded: a file and a message are on their way when
// everything is deleted. Both are broken off first, and nothing is kept afterwards.
func TestADeletionWaitsUntilAllSendingEnded(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	w.attachOne(2 << 20)
	w.hit("main > .aside > button")
	w.until("h1", "Percakapan Anda")
	file, releaseFile := w.hold()
	text, releaseText := w.hold()
	w.line.change(func(path string, answered bool) bool {
		if strings.HasPrefix(path, "/v1/uploads/") && !answered {
			<-file
		}
		if path == "/v1/items" && !answered {
			<-text
		}
		return false
	}, nil)
	w.hit("[data-do=send-files]")
	w.requested("POST /v1/uploads/", 1)
	items := w.line.count("POST /v1/items")
	w.must(w.page.Fill("#text", "Pesan."))
	w.hit(`form[data-do=message] button`)
	w.requested("POST /v1/items", items+1)
	w.must(w.page.Select("#delete", "all"))
	w.hit("form[data-do=delete] button")
	w.must(w.page.Until(`!!document.querySelector("button.danger")`))
	w.hit("button.danger")
	w.requested("DELETE /v1/uploads/", 1) // held: the file's sending has not ended
	w.must(w.page.Evaluate(`void fetch("/roster.note").then(() => (window.asked = true))`, nil))
	w.must(w.page.Until("window.asked"))
	if n := w.line.count("POST /v1/burn"); n != 0 {
		t.Error("it is deleted while something is being sent")
	}
	releaseFile()
	w.until("h1", "Sudah dihapus")
	releaseText()
	w.must(w.page.Evaluate(`void fetch("/roster.note").then(() => (window.asked = 2))`, nil))
	w.must(w.page.Until("window.asked === 2"))
	states, err := w.d.Inbox.States(w.code().ItemIDs())
	w.must(err)
	for n, s := range states {
		if s.Stand != parcel.Deleted && s.Stand != parcel.Unused {
			t.Errorf("item %d stands at %v after everything was deleted", n, s.Stand)
		}
	}
}

// TestAChangedTestimonyHasACodeOfItsOwn: a first try was kept and its answer lost, and
// the next was refused. Who then changes the text gets words for the text as it is now;
// what the first try brought is deleted, and not shown as if it were the second.
func TestAChangedTestimonyHasACodeOfItsOwn(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	mend := w.line.breakFor("/v1/items", true)
	w.hit("form#write > button:last-of-type")
	w.until(".notice[role=status]", "Kami belum tahu apakah kiriman ini sampai")
	heal := w.line.refuseWith("/v1/items", http.StatusBadRequest, `{"error":"form_damaged"}`)
	mend()
	w.until(".problem", "Kami tidak dapat membaca kiriman ini")
	heal()
	w.must(w.page.Fill("#f-uraian", "Yang benar begini."))
	w.hit("form#write > button:last-of-type")
	w.receive()
	if n := w.line.count("POST /v1/burn"); n != 1 {
		t.Errorf("%d deletions of what came before", n)
	}
	if o, _ := w.read(0, 0); o.Text != "Yang benar begini." {
		t.Errorf("the words open %q", o.Text)
	}
}

// TestAFormHandedBackIsNotCalledSealed: the form was sent before the script ran, so our
// server has read it. It comes back for a mistake; the script takes it over, and does
// not say of these words that our server never sees them.
func TestAFormHandedBackIsNotCalledSealed(t *testing.T) {
	w := newScripted(t, "id")
	mend := w.line.breakFor("/saksi-", false)
	w.must(w.page.Open(w.line.url + "/write"))
	w.answer("banyak")
	w.must(w.page.Evaluate(`document.querySelector("input[value=banyak]").checked = false`, nil))
	mend()
	w.must(w.page.Click("form#write > button:last-of-type"))
	w.reads(".problem", "Belum dijawab")
	w.must(w.page.Evaluate(other, nil))
	w.requested("GET /regions.json", 1)
	w.hit("form#write > button:last-of-type")
	w.must(w.page.Until(`document.activeElement.matches(".problem")`))
	var stayed bool
	w.must(w.page.Evaluate("window.other === true", &stayed))
	if !stayed || w.line.count("POST /write") != 1 {
		t.Error("the script did not take the form over")
	}
	w.reads(".sealing[data-key=text]", "Server kami membaca tulisan Anda")
	w.shoot("handed-back")
	w.hit("input[value=banyak]")
	w.hit("form#write > button:last-of-type")
	w.receive()
}
