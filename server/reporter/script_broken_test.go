package reporter_test

import (
	"fmt"
	"net/http"
	"testing"

	"saksi/crypto/parcel"
	"saksi/server/servertest"
	"saksi/server/store/storetest"
)

// TestAServerInTroubleIsNotALostConnection: where the script sends, a full disk, a
// failed one and a fault are said as they are, and at once. Whoever reads them has the
// text in the form again, and what comes of pressing again is kept once.
func TestAServerInTroubleIsNotALostConnection(t *testing.T) {
	faulty := servertest.NewFrail()
	w := newScriptedOn(t, "id", servertest.Options{Wrap: faulty.Wrap})
	w.fillIn()
	send := func(want string) {
		t.Helper()
		w.hit("form#write > button:last-of-type")
		w.until("main > .problem", want)
		w.must(w.page.Until(`!document.querySelector("form[inert], .notice[role=status]:not([hidden])")`))
		if text, err := w.page.Value("#f-uraian"); err != nil || text != story {
			t.Errorf("the form has %q, %v", text, err)
		}
	}
	for _, c := range []struct {
		status     int
		body, want string
	}{
		{http.StatusInsufficientStorage, `{"error":"store"}`, "Kiriman Anda tidak disimpan."},
		{http.StatusServiceUnavailable, `{"error":"disk"}`, "Penyimpanan server kami rusak"},
		{http.StatusInternalServerError, `{"error":"internal"}`, "Ada kesalahan pada server kami"},
		{http.StatusServiceUnavailable, `{"error":"closed"}`, "Kotak ini sedang tidak menerima kiriman"},
		{http.StatusUnprocessableEntity, `{"error":"no_reader"}`, "Daftar penelaah berubah sesudah halaman ini dibuka"},
		{http.StatusRequestEntityTooLarge, `{"error":"too_large","limit":536870912}`, "Batasnya 512 MB."},
	} {
		mend := w.line.refuseWith("/v1/items", c.status, c.body)
		send(c.want)
		mend()
	}
	for _, fault := range []storetest.Fault{storetest.NotPersisted, storetest.Unanswered} {
		faulty.Plant(fault)
		send("Kami tidak tahu pasti apakah kiriman terakhir Anda tersimpan.")
		faulty.Restart()
	}
	mend := w.line.refuseWith("/v1/items", http.StatusServiceUnavailable, `{"error":"busy"}`)
	w.hit("form#write > button:last-of-type")
	w.until(".notice[role=status]", "Server sedang ramai.")
	mend()
	w.receive()
	w.keeps(1)
	w.sendsAMessageInDoubt(faulty)
	w.sendsAFileInDoubt(faulty)
}

// keeps holds how many items are kept.
func (w *scripted) keeps(items int) {
	w.t.Helper()
	if u, err := w.d.Inbox.Store.Usage(); err != nil || u.Items != items {
		w.t.Errorf("%d items are kept, want %d, %v", u.Items, items, err)
	}
}

// sendsAMessageInDoubt: one that arrived is not sent twice, and stays where another is
// written before anybody knows that it arrived.
func (w *scripted) sendsAMessageInDoubt(faulty *servertest.Frail) {
	w.hit("main > .aside > button")
	w.until("h1", "Percakapan Anda")
	for _, c := range []struct {
		fault storetest.Fault
		again string
		kept  int // the number that is kept
		items int
	}{
		{storetest.Unanswered, "Pesan.", 1, 2}, {storetest.NotPersisted, "Pesan.", 3, 3},
		{storetest.Unanswered, "Pesan lain.", 5, 5}, {storetest.NotPersisted, "Pesan lain.", 7, 6},
	} {
		faulty.Plant(c.fault)
		w.must(w.page.Fill("#text", "Pesan."))
		w.hit("form[data-do=message] button")
		w.until("main > .problem", "Kami tidak tahu pasti")
		w.must(w.page.Fill("#text", c.again))
		w.hit("form[data-do=message] button")
		w.until("main > .notice[role=status]", fmt.Sprintf("Susulan %d sudah kami terima", c.kept))
		w.keeps(c.items)
	}
	w.leavesWhatIsThere(faulty)
	for n, want := range []parcel.Stand{
		parcel.Waiting, parcel.Waiting, parcel.Unused, parcel.Waiting,
		parcel.Waiting, parcel.Waiting, parcel.Unused, parcel.Waiting, parcel.Waiting, parcel.Waiting, parcel.Waiting,
	} {
		if got := w.stand(n); got != want {
			w.t.Errorf("item %d stands at %v, want %v", n, got, want)
		}
	}
}

// leavesWhatIsThere: once the conversation was opened and lists it, a message that was
// in doubt stays, whatever is written next. Its text stays in the form, too: the same
// is not sent twice.
func (w *scripted) leavesWhatIsThere(faulty *servertest.Frail) {
	faulty.Plant(storetest.Unanswered)
	w.must(w.page.Fill("#text", "Pesan ketiga."))
	w.hit("form[data-do=message] button")
	w.until("main > .problem", "Kami tidak tahu pasti")
	w.hit("[data-do=older]")
	w.must(w.page.Until(`!!document.querySelector("[data-do=newer]")`))
	w.hit("form[data-do=message] button")
	w.until("main > .notice[role=status]", "Susulan 8 sudah kami terima")
	w.keeps(7)
	faulty.Plant(storetest.Unanswered)
	w.must(w.page.Fill("#text", "Pesan ketiga setengah."))
	w.hit("form[data-do=message] button")
	w.until("main > .problem", "Kami tidak tahu pasti")
	w.hit("[data-do=older]")
	w.must(w.page.Until(`!!document.querySelector("[data-do=newer]")`))
	w.must(w.page.Fill("#text", "Pesan keempat."))
	w.hit("form[data-do=message] button")
	w.until("main > .notice[role=status]", "Susulan 10 sudah kami terima")
	w.keeps(9)
}

// sendsAFileInDoubt: what is said of a file is not that nobody answered.
func (w *scripted) sendsAFileInDoubt(faulty *servertest.Frail) {
	w.put(map[string][]byte{"a.bin": []byte("a")}, "a.bin")
	faulty.Plant(storetest.Unanswered)
	w.hit("[data-do=send-files]")
	w.until(".queue > li .state", "Kami tidak tahu pasti")
	w.hit(".queue > li [data-do=retry]")
	w.until(".queue > li .state", "Sudah kami terima")
	w.keeps(10)
}
