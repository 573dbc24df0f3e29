package server_test

import (
	"net/http"
	"strings"
	"testing"

	"saksi/server/servertest"
	"saksi/server/store/storetest"
)

// TestFaultsKeepWhatWasTyped: whatever befalls the store, the page says that the
// testimony may not be kept, hands the text back, and the same form sent again
// is received, once, under the same words.
func TestFaultsKeepWhatWasTyped(t *testing.T) {
	for _, fault := range storetest.Faults() {
		t.Run(fault.String(), func(t *testing.T) { testFault(t, fault) })
	}
}

func testFault(t *testing.T, fault storetest.Fault) {
	faulty := servertest.NewFrail()
	d := servertest.New(t, servertest.Options{Wrap: faulty.Wrap})
	code := d.Get("/write").Code(t)
	faulty.Plant(fault)
	page := d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	want := http.StatusInternalServerError
	if fault == storetest.FailedSync {
		want = http.StatusServiceUnavailable
	}
	expect(t, page, want, "isi kesaksian", code.Field(), "tidak tahu pasti")
	if strings.Contains(page.Body, code.Words()[0]+"<") {
		t.Error("the words are shown before anything is acknowledged")
	}
	faulty.Restart()
	page = d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	expect(t, page, http.StatusOK, code.Words()[0], code.Words()[11])
	page = d.Upload("/file", "a.jpg", make([]byte, 200_000), "code", code.Field(), "n", "1")
	expect(t, page, http.StatusOK, "Susulan 1")
	faulty.Plant(fault)
	page = d.Upload("/file", "a.jpg", make([]byte, 200_000), "code", code.Field(), "n", "2")
	if page.Status < 500 {
		t.Errorf("status %d for a file that met a fault", page.Status)
	}
	faulty.Restart()
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items < 2 || u.Items > 3 {
		t.Errorf("usage is %+v, %v", u, err)
	}
	if strings.Contains(d.Log.String(), "kesaksian") {
		t.Error("the log has the text")
	}
}
