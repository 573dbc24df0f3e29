package reporter_test

import (
	"bytes"
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"saksi/crypto/parcel"
)

// attachOne waits for the receipt, and puts one file of some bytes in the queue.
func (w *scripted) attachOne(size int) {
	w.t.Helper()
	w.hit("form#write > button:last-of-type")
	w.receive()
	data := make([]byte, size)
	_, _ = rand.Read(data)
	path := filepath.Join(w.t.TempDir(), "satu.bin")
	w.must(os.WriteFile(path, data, 0o600))
	w.must(w.page.Attach("#file", path))
	w.until(".queue > li", "satu.bin")
}

// TestACancelledFileIsNotKept: the file arrived and its answer was lost. Whoever
// cancels it then is told that it may be kept, for as long as nobody answers; and once
// somebody does, that it is not, and so it is.
func TestACancelledFileIsNotKept(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	w.attachOne(100 << 10)
	mend := w.line.breakFor("/v1/items", true)
	w.hit("[data-do=send-files]")
	w.until(".queue li .state", "Sambungan terputus")
	if w.stand(1) != parcel.Waiting {
		t.Fatal("the file did not arrive")
	}
	w.hit(".queue li [data-do=cancel]")
	w.until(".queue li .state", "mungkin sudah tersimpan")
	mend()
	w.hit(".queue li [data-do=cancel]")
	w.until(".queue li .state", "Dibatalkan")
	if stand := w.stand(1); stand != parcel.Deleted {
		t.Errorf("a file that was cancelled stands at %v", stand)
	}
}

// TestASwappedNameStopsSending: the list of reviewers is the server's page. Where it
// puts another name beside a box than the signed roster has, somebody would exclude
// the wrong person: nothing is sent.
func TestASwappedNameStopsSending(t *testing.T) {
	w := newScripted(t, "id")
	w.line.change(nil, func(path string, body []byte) []byte {
		if path == "/write" {
			return bytes.ReplaceAll(body, []byte("Penelaah 1"), []byte("Penelaah 7"))
		}
		return body
	})
	w.fillIn()
	w.hit("form#write > button:last-of-type")
	w.until(".problem", "diubah orang")
	if n := w.line.count("POST"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

// TestAFingerprintWithASlipIsNotPassedOver: neither one that was mistyped nor one that
// was added to an open page goes unchecked.
func TestAFingerprintWithASlipIsNotPassedOver(t *testing.T) {
	w := newScripted(t, "id")
	pin := "#" + strings.Join(w.d.Trusted.Fingerprint(), "-")
	w.must(w.page.Open(w.line.url + "/write" + pin[:len(pin)-1]))
	w.until(".problem", "salah ketik")
	w.noForm()
	w.shoot("pin")
	w.must(w.page.Open("about:blank"))
	w.must(w.page.Open(w.line.url + "/write" + strings.ToUpper(pin) + "."))
	w.ready("text")
	w.must(w.page.Open("about:blank"))
	w.fillIn()
	w.must(w.page.Evaluate(`location.hash = "#aaaa-bbbb-cccc-dddd-eeee"`, nil))
	w.until(".problem", "berubah setelah halaman ini dibuka")
	w.hit("form#write > button:last-of-type")
	w.must(w.page.Until(`document.activeElement.matches(".problem")`))
	if n := w.line.count("POST"); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
