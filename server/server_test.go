package server_test

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
	"saksi/server/store"
)

func newDrop(t testing.TB) *servertest.Drop { return servertest.New(t, servertest.Options{}) }

// expect holds a page's status and what must and must not be on it.
func expect(t testing.TB, p servertest.Page, status int, contains ...string) {
	t.Helper()
	if p.Status != status {
		t.Errorf("status %d, want %d", p.Status, status)
	}
	for _, text := range contains {
		if !strings.Contains(p.Body, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
}

// opened returns what reviewer r reads in the n-th item of a code.
func opened(t testing.TB, d *servertest.Drop, code receipt.Code, n, r int, extract func(item.File, io.Reader) error) *item.Opened {
	t.Helper()
	slots, err := d.Inbox.Store.Slots(code.ItemID(n))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := d.Inbox.Store.Payload(code.ItemID(n))
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	e, err := item.OpenSlot(slots[r], d.Reviewers[r].SlotIdentities()[0])
	if err != nil {
		t.Fatal(err)
	}
	o, err := item.Open(payload, e, item.Expect{ID: code.ItemID(n), Roster: d.Roster, Slots: slots}, extract)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestStory(t *testing.T) {
	d := newDrop(t)
	code := d.Get("/write").Code(t)
	p := d.Post("/write", "code", code.Field(), "text", "Kami diminta hadir.\r\nBaju bebas.", "q.tempat", "73", "q.tempat.finer", "73.02")
	expect(t, p, http.StatusOK, "Sudah kami terima")
	for _, w := range code.Words() {
		expect(t, p, http.StatusOK, "<li>"+w+"</li>")
	}
	o := opened(t, d, code, 0, 1, nil)
	if o.Text != "Kami diminta hadir.\nBaju bebas." || !slices.Equal(o.Form.Answers["tempat"], []string{"73.02"}) || o.Manifest.Taxonomy == "" {
		t.Errorf("a reviewer reads %+v", o)
	}

	file := make([]byte, 3<<20)
	rand.Read(file)
	p = d.Upload("/file", "IMG-20241122-WA0007.jpg", file, "code", code.Field(), "n", "1")
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	var got []byte
	o = opened(t, d, code, 1, 2, func(_ item.File, r io.Reader) (err error) {
		got, err = io.ReadAll(r)
		return err
	})
	if !bytes.Equal(got, file) || len(o.Manifest.Original) != 0 {
		t.Error("another file came out, or its name was kept")
	}

	p = d.Post("/message", "code", code.Field(), "n", "2", "text", "Tambahan.")
	expect(t, p, http.StatusOK, "Susulan 2 sudah kami terima.")
	answer(t, d, code, 0, 1, "Terima kasih, kami periksa.")
	p = d.Post("/open", "words", strings.ToUpper(strings.Join(code.Words(), ", ")))
	expect(t, p, http.StatusOK, "Terima kasih, kami periksa.", "Penelaah 1", "Status: sedang ditelaah.", "menunggu giliran")

	p = d.Post("/delete", "code", code.Field(), "n", "1")
	expect(t, p, http.StatusOK, "Hapus Susulan 1?")
	p = d.Post("/delete", "code", code.Field(), "n", "1", "confirm", "yes")
	expect(t, p, http.StatusOK, "Sudah dihapus")
	p = d.Post("/open", "code", code.Field())
	expect(t, p, http.StatusOK, "dihapus oleh Anda", "Terima kasih, kami periksa.")
	p = d.Post("/delete", "code", code.Field(), "n", "all", "confirm", "yes")
	expect(t, p, http.StatusOK, "Sudah dihapus")
	p = d.Post("/open", "code", code.Field())
	if strings.Contains(p.Body, "Terima kasih, kami periksa.") {
		t.Error("a deleted answer is still there")
	}
	p = d.Post("/write", "code", code.Field(), "text", "Kami diminta hadir.")
	expect(t, p, http.StatusGone, "sudah pernah dihapus")
	if log := d.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
}

// answer imports a reply by reviewer r.
func answer(t testing.TB, d *servertest.Drop, code receipt.Code, r int, number uint64, text string) {
	t.Helper()
	d.Answer(code, r, number, text)
}

// TestForgivingOpen: a slip in a word is mended, after a question.
func TestForgivingOpen(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	words := code.Words()
	words[3] += "x"
	p := d.Post("/open", "words", strings.Join(words, " "))
	expect(t, p, http.StatusOK, "Maksud Anda", code.Words()[3], code.Field())
}

func TestBothLanguages(t *testing.T) {
	d := newDrop(t)
	expect(t, d.Get("/"), http.StatusOK, `lang="id"`)
	expect(t, d.Get("/en/"), http.StatusOK, `lang="en"`)
	expect(t, d.Get("/en"), http.StatusOK, `lang="en"`)
	expect(t, d.Get("/en/nowhere"), http.StatusNotFound, `lang="en"`)
	expect(t, d.Get("/entah"), http.StatusNotFound, `lang="id"`)
	code := d.Send("satu")
	expect(t, d.Post("/en/open", "code", code.Field()), http.StatusOK, `lang="en"`)
	expect(t, d.Post("/en/receipt", "code", code.Field()), http.StatusOK, `lang="en"`, code.Words()[11])
	p := d.Post("/en/write", "code", receipt.New().Field(), "text", "teks <b>", "q.unit", "Kota", "switch", "1")
	expect(t, p, http.StatusOK, `lang="en"`, "teks &lt;b&gt;", "Kota")
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("switching the language kept something: %+v, %v", u, err)
	}
}

func TestHeaders(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	for name, p := range map[string]servertest.Page{
		"start": d.Get("/"), "style": d.Get("/style.css"), "not found": d.Get("/x"), "open": d.Post("/open", "code", code.Field()),
		"problem": d.Post("/open", "words", "x"), "recipients": d.Get("/recipients.txt"),
	} {
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := p.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if csp := p.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'; ") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is %q", name, csp)
		}
		for _, header := range []string{"Set-Cookie", "Date", "Server", "Last-Modified", "Etag"} {
			if p.Header[header] != nil {
				t.Errorf("%s: has header %s", name, header)
			}
		}
	}
}

// TestRepeatedRequests: reloading a receipt, sending a form twice and sending
// two forms with one number lose nothing and keep nothing twice.
func TestRepeatedRequests(t *testing.T) {
	d := newDrop(t)
	code := d.Get("/write").Code(t)
	d.Post("/write", "code", code.Field(), "text", "pertama")
	p := d.Post("/write", "code", code.Field(), "text", "kedua")
	expect(t, p, http.StatusOK, "sudah kami terima sebelumnya", code.Words()[0], "kedua",
		"Jika berbeda, itu belum tersimpan")
	if strings.Contains(p.Body, "Ada tulisan") { // it may be the same, sent again
		t.Error("the page knows what nobody can know: that another text came")
	}
	d.Post("/message", "code", code.Field(), "n", "1", "text", "pesan")
	p = d.Post("/message", "code", code.Field(), "n", "1", "text", "pesan lain")
	expect(t, p, http.StatusOK, "tidak disimpan dua kali", "pesan lain", "Jika berbeda, tulisan itu belum tersimpan")
	p = d.Upload("/file", "a.jpg", []byte("x"), "code", code.Field(), "n", "1")
	expect(t, p, http.StatusUnprocessableEntity, "sudah dipakai kiriman sebelumnya", "belum tersimpan")
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 2 {
		t.Errorf("%d items are kept, want 2, %v", u.Items, err)
	}
	if o := opened(t, d, code, 0, 0, nil); o.Text != "pertama" {
		t.Errorf("the first sending became %q", o.Text)
	}
}

func TestConcurrentDoublePost(t *testing.T) {
	d := newDrop(t)
	code := d.Get("/write").Code(t)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			p := d.Post("/write", "code", code.Field(), "text", "satu")
			expect(t, p, http.StatusOK, code.Words()[0], code.Words()[11])
		})
	}
	wg.Wait()
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("%d items are kept, want 1, %v", u.Items, err)
	}
}

// showsWords reports whether a page lists a code's words. In its sentences some of them
// may stand as well.
func showsWords(p servertest.Page, code receipt.Code) bool {
	return strings.Contains(p.Body, "<li>"+code.Words()[0]+"</li>")
}

// TestNoCodeForNothing: when the store fails, no page shows the words.
func TestNoCodeForNothing(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return fullStore{s} }})
	code := d.Get("/write").Code(t)
	for _, p := range []servertest.Page{
		d.Post("/write", "code", code.Field(), "text", "satu kesaksian"),
		d.Post("/receipt", "code", code.Field()),
	} {
		if showsWords(p, code) || p.Status == http.StatusOK {
			t.Errorf("status %d, with the words", p.Status)
		}
	}
	p := d.Post("/write", "code", code.Field(), "text", "satu kesaksian")
	expect(t, p, http.StatusInsufficientStorage, "satu kesaksian", "tidak disimpan")
}

// fullStore is a store on a full disk.
type fullStore struct{ store.Store }

func (fullStore) Create(store.Item, [][]byte, func(io.Writer) error) error {
	return fmt.Errorf("creating item: %w", store.ErrFull)
}

func TestFileLimits(t *testing.T) {
	d := servertest.New(t, servertest.Options{MaxFile: 1 << 20})
	code := d.Send("satu")
	upload := func(size int) servertest.Page {
		return d.Upload("/file", "a.bin", make([]byte, size), "code", code.Field(), "n", "1")
	}
	expect(t, upload(1<<20+1), http.StatusRequestEntityTooLarge, "Batasnya 1 MB")
	expect(t, upload(40<<20), http.StatusRequestEntityTooLarge, "Batasnya 1 MB") // read to its end: no reset
	expect(t, upload(0), http.StatusUnprocessableEntity, "Berkas itu kosong")
	expect(t, d.Upload("/file", "", nil, "code", code.Field(), "n", "1"), http.StatusUnprocessableEntity, "Belum ada berkas")
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("%d items are kept, want 1, %v", u.Items, err)
	}
	expect(t, upload(1<<20), http.StatusOK, "Susulan 1 sudah kami terima.")
}

func TestKeptNames(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	d.Upload("/file", "surat perintah.pdf", []byte("x"), "code", code.Field(), "n", "1", "keep", "1")
	o := opened(t, d, code, 1, 0, nil)
	if o.Manifest.Original["attachments/001.pdf"] != "surat perintah.pdf" {
		t.Errorf("names are %v", o.Manifest.Original)
	}
}

// speak sends a request as it stands and reads the answer.
func speak(t *testing.T, d *servertest.Drop, request string) servertest.Page {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go io.WriteString(conn, request)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return servertest.Page{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}
}

// TestNothingIsLogged: what went wrong is logged, what was sent is not.
func TestNothingIsLogged(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return brokenStore{s} }})
	code := d.Get("/write").Code(t)
	d.Post("/write", "code", code.Field(), "text", "marker4711 isi", "q.unit", "marker4711 tempat")
	d.Upload("/file", "marker4711.jpg", []byte("marker4711"), "code", code.Field(), "n", "1")
	log := d.Log.String()
	if !strings.Contains(log, "a request failed") {
		t.Errorf("the log says nothing of the failure: %q", log)
	}
	for _, secret := range []string{"marker4711", code.Field(), code.Words()[0], "127.0.0.1", "Go-http-client", "/write"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q: %s", secret, log)
		}
	}
}

// TestAPanicLosesNothing: what was typed and chosen comes back, ready to be sent
// once more.
func TestAPanicLosesNothing(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return brokenStore{s} }})
	code := receipt.New()
	p := d.Post("/write", "code", code.Field(), "text", "isi kesaksian", "q.unit", "Dinas Contoh")
	refused(t, p, http.StatusInternalServerError, "Kirim sekali lagi", "code", code.Field(), "text", "isi kesaksian", "q.unit", "Dinas Contoh")
	p = d.Post("/en/message", "code", code.Field(), "n", "1", "text", "isi pesan")
	refused(t, p, http.StatusInternalServerError, "Send", "code", code.Field(), "text", "isi pesan", "n", "1")
	p = d.Upload("/file", "a.pdf", make([]byte, 9000), "code", code.Field(), "n", "1", "roster", d.Roster.Hash.String(), "skip", "id:r1")
	refused(t, p, http.StatusInternalServerError, "Buka percakapan", "code", code.Field(), "skip", "id:r1")
}

// brokenStore fails, or panics for payloads that are files.
type brokenStore struct{ store.Store }

func (brokenStore) Create(i store.Item, _ [][]byte, _ func(io.Writer) error) error {
	if i.Size > 0 {
		panic("marker4711 in a panic")
	}
	return nil
}
