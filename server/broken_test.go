package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server/scribe"
	"saksi/server/servertest"
	"saksi/server/store"
)

// TestBrokenConnectionsAreNotLogged resets connections in the middle of an
// upload: the error of the network names both ends of it.
func TestBrokenConnectionsAreNotLogged(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	body, kind := servertest.Multipart(t, "a.jpg", make([]byte, 400_000), "code", code.Field(), "n", "1")
	for range 5 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST /file HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", kind, len(body))
		conn.Write(body[:200_000])
		time.Sleep(20 * time.Millisecond)
		conn.(*net.TCPConn).SetLinger(0) // a reset, not an end
		conn.Close()
	}
	time.Sleep(100 * time.Millisecond)
	if log := d.Log.String(); strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log names an address: %s", log)
	}
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("%d items are kept, want 1, %v", u.Items, err)
	}
}

func TestNoDateOnGeneralOptions(t *testing.T) {
	d := newDrop(t)
	p := speak(t, d, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if p.Header["Date"] != nil {
		t.Errorf("status %d with a date", p.Status)
	}
}

// TestReceiptIsNotShownOnceDeleted: nor can whoever counts bytes tell, however many the
// readers are whom the page names.
func TestReceiptIsNotShownOnceDeleted(t *testing.T) {
	for _, readers := range []int{3, 100} {
		receiptIsNotShown(t, servertest.New(t, servertest.Options{Reviewers: readers}))
	}
}

func receiptIsNotShown(t *testing.T, d *servertest.Drop) {
	t.Helper()
	code := d.Send("satu")
	d.Post("/delete", "code", code.Field(), "n", "0", "confirm", "yes")
	p, used := d.Post("/receipt", "code", code.Field()), d.Post("/receipt", "code", d.Send("dua").Field())
	if p.Status != http.StatusBadRequest || showsWords(p, code) {
		t.Errorf("status %d, or the words are shown", p.Status)
	}
	if len(p.Body) != len(used.Body) {
		t.Errorf("%d bytes, and %d with words", len(p.Body), len(used.Body))
	}
}

// TestKeptThoughStatesFail: the first page with the words asks for no states.
// When the testimony was kept before and the page cannot be made, the form
// comes back, and sending it again shows the words.
func TestKeptThoughStatesFail(t *testing.T) {
	blind := &blindStore{}
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store {
		blind.Store = s
		return blind
	}})
	code := d.Get("/write").Code(t)
	blind.failing = true
	p := d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	expect(t, p, http.StatusOK, code.Words()[0], code.Words()[11])
	p = d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	blind.failing = false
	expect(t, p, http.StatusInternalServerError, "isi kesaksian", code.Field())
	p = d.Post("/write", "code", code.Field(), "text", "isi kesaksian")
	expect(t, p, http.StatusOK, code.Words()[0], code.Words()[11])
}

// blindStore cannot answer for states while it is failing.
type blindStore struct {
	store.Store
	failing bool
}

func (b *blindStore) States(ids []receipt.ItemID) ([]store.State, error) {
	if b.failing {
		return nil, io.ErrClosedPipe
	}
	return b.Store.States(ids)
}

// TestFullMailboxFitsOnePage: eight answers as long as answers can be, of
// letters that a page spells with five bytes, and many items.
func TestFullMailboxFitsOnePage(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	writer := scribe.Scribe{Inbox: d.Inbox}
	for n := 1; n < 60; n++ {
		if _, err := writer.Send(code, n, item.Content{Kind: item.Message, Text: "pesan"}); err != nil {
			t.Fatal(err)
		}
	}
	for r := range 2 {
		for n := range uint64(4) {
			answer(t, d, code, r, n+1, strings.Repeat("'", 400))
		}
	}
	for _, prefix := range []string{"", "/en"} {
		p := d.Post(prefix+"/open", "code", code.Field())
		if len(p.Body) != 40<<10 {
			t.Errorf("%d bytes", len(p.Body))
		}
		expect(t, p, http.StatusOK, ": 36.") // items that are not listed
	}
}

// TestExpiredRosterLosesNothing: nothing new is taken in, what was typed comes
// back in the form, and what was sent and answered can be read.
func TestExpiredRosterLosesNothing(t *testing.T) {
	var later atomic.Int64
	d := servertest.New(t, servertest.Options{Now: func() time.Time {
		return time.Now().Add(time.Duration(later.Load()))
	}})
	code := d.Send("satu")
	answer(t, d, code, 0, 1, "Terima kasih.")
	fresh := d.Get("/write").Code(t)
	later.Store(int64(26 * 7 * 24 * time.Hour))
	p := d.Post("/write", "code", fresh.Field(), "text", "isi kesaksian", "q.unit", "Maros")
	expect(t, p, http.StatusServiceUnavailable, "Kotak ini sedang tidak menerima kiriman", "isi kesaksian")
	p = d.Post("/message", "code", code.Field(), "n", "1", "text", "isi pesan")
	expect(t, p, http.StatusServiceUnavailable, "isi pesan")
	expect(t, d.Post("/open", "code", code.Field()), http.StatusOK, "Terima kasih.", "Penelaah 1")
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("%d items are kept, want 1, %v", u.Items, err)
	}
	later.Store(0)
	expect(t, d.Post("/write", "code", fresh.Field(), "text", "isi kesaksian"), http.StatusOK, fresh.Words()[0])
}
