package reporter_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/server/browser"
	"saksi/server/servertest"
	"saksi/web/client"
)

// read returns what reviewer r reads in the n-th item of the walk's code, and the
// bytes of its file.
func (w *scripted) read(n, r int) (o *item.Opened, file []byte) {
	w.t.Helper()
	id := w.code().ItemID(n)
	slots, err := w.d.Inbox.Store.Slots(id)
	w.must(err)
	payload, err := w.d.Inbox.Store.Payload(id)
	w.must(err)
	defer payload.Close()
	e, err := item.OpenSlot(slots[r], w.d.Reviewers[r].SlotIdentities()[0])
	w.must(err)
	extract := func(_ item.File, from io.Reader) (err error) {
		file, err = io.ReadAll(from)
		return err
	}
	o, err = item.Open(payload, e, item.Expect{ID: id, Roster: w.d.Roster, Slots: slots}, extract)
	w.must(err)
	return o, file
}

// vector returns a file that web/evidence knows, and what is left of it.
func vector(t *testing.T, name string) (in, clean []byte) {
	t.Helper()
	data, err := os.ReadFile("../../web/evidence/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		Name      string
		In, Clean []byte
	}
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Name == name {
			return v.In, v.Clean
		}
	}
	t.Fatalf("there is no %q", name)
	return nil, nil
}

// TestAPhotoGoesWithoutWhatItHides: the page says what is in a photo, shows what
// reviewers will see, and sends it without what it hides and without its name, unless
// both are ticked. A damaged one, which cannot be cleaned, is not sent by itself.
func TestAPhotoGoesWithoutWhatItHides(t *testing.T) {
	w := newScripted(t, "id")
	w.fillIn()
	w.hit("form#write > button:last-of-type")
	w.receive()
	in, clean := vector(t, "jpeg exif")
	cut, _ := vector(t, "jpeg cut")
	folder := t.TempDir()
	var paths []string
	for _, f := range []struct {
		name string
		data []byte
	}{{"IMG_2026.jpg", in}, {"IMG_2027.jpg", in}, {"rusak.jpg", cut}} {
		paths = append(paths, filepath.Join(folder, f.name))
		w.must(os.WriteFile(paths[len(paths)-1], f.data, 0o600))
	}
	w.must(w.page.Attach("#file", paths...))
	w.until(".queue > li:nth-child(3)", "rusak.jpg")
	w.reads(".queue > li", "jenis kamera")
	w.reads(".queue > li", "dihapus dari salinan yang dikirim")
	w.reads(".queue > li .seen", "001.jpg")
	w.must(w.page.Until(`document.querySelector(".queue > li img").naturalWidth > 0`))
	w.reads(".queue > li:nth-child(3)", "Foto ini rusak")
	w.reads(".queue > li:nth-child(3) .state", "Tidak dikirim.")
	w.shoot("photos")
	w.hit(".queue > li:nth-child(2) [name=whole]")
	w.hit(".queue > li:nth-child(2) [name=keep]")
	w.reads(".queue > li:nth-child(2) .seen", "IMG_2027.jpg")
	w.hit("[data-do=send-files]")
	w.until(".queue > li:nth-child(2) .state", "Sudah kami terima")
	w.reads(".queue > li:nth-child(3) .state", "Tidak dikirim.")
	w.shoot("photos-sent")
	o, file := w.read(1, 0)
	if !bytes.Equal(file, clean) || len(o.Manifest.Original) != 0 {
		t.Errorf("reviewers get %d bytes and %v, want %d and no name", len(file), o.Manifest.Original, len(clean))
	}
	o, file = w.read(2, 0)
	if !bytes.Equal(file, in) || len(o.Manifest.Original) != 1 {
		t.Errorf("reviewers get %d bytes and %v, want %d and the name", len(file), o.Manifest.Original, len(in))
	}
	if w.stand(3) != parcel.Unused {
		t.Error("a damaged photo was sent")
	}
}

// TestASlowBrowserIsOfferedTheServersWay: where scripts are interpreted, the page
// says how long a large file takes, and that the server would read it and the words.
// Whoever chooses that sends it as without script.
func TestASlowBrowserIsOfferedTheServersWay(t *testing.T) {
	if client.Script() == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	d := servertest.New(t, servertest.Options{Script: client.Script()})
	page := browser.Chromium(t, browser.Options{JavaScript: true, Interpreted: true, Width: 360, Height: 740})
	w := &scripted{walk{t: t, d: d, page: page.Page, lang: "id"}, record(t, d), page}
	w.fillIn()
	w.hit("form#write > button:last-of-type")
	w.receive()
	path := filepath.Join(t.TempDir(), "panjang.bin")
	w.must(os.WriteFile(path, bytes.Repeat([]byte("video "), 12<<20), 0o600))
	w.must(w.page.Attach("#file", path))
	w.until(".queue > li", "Browser ini menyegel kira-kira")
	w.until(".queue details .risk", "server kami akan membaca berkas ini dan kedua belas kata Anda")
	w.hit(".readers summary")
	w.hit(".readers input[value='id:r3']") // after the file was chosen
	w.hit(".queue details summary")
	w.shoot("slow")
	w.must(w.page.Attach(".queue details input[type=file]", path))
	w.must(w.page.Click(".queue details button"))
	w.reads("[role=status]", "Susulan 1 sudah kami terima")
	w.readBy(w.code(), map[int][]bool{1: {true, true, false}})
}
