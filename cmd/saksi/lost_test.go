package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/servertest"
)

// TestKillBetweenCommitAndAnswer kills the server when a testimony is on disk
// and its writer has not seen the receipt. The writer sends the form again: it
// is received already, once, under the same words.
func TestKillBetweenCommitAndAnswer(t *testing.T) {
	data := newData(t)
	serve := []string{"saksi", "serve", "-data", data, "-listen", "127.0.0.1:0"}
	p := startProcess(t, serve...)
	code := p.Get("/write").Code(t)
	form := servertest.Fields("/write", "code", code.Field(), "text", "sekali saja").Encode()
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	before := indexBytes(t, data)
	fmt.Fprintf(conn, "POST /write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
	for range 200 { // until the commit shows in the file
		if indexBytes(t, data) != before {
			break
		}
		time.Sleep(time.Millisecond)
	}
	p.end(syscall.SIGKILL)

	p = startProcess(t, serve...)
	page := p.Post("/write", "code", code.Field(), "text", "sekali saja")
	for _, w := range append(code.Words(), "Sudah kami terima") {
		if !strings.Contains(page.Body, w) {
			t.Errorf("the receipt lacks %q", w)
		}
	}
	page = p.Post("/open", "words", strings.Join(code.Words(), " "))
	if n := strings.Count(page.Body, "menunggu giliran dibawa"); n != 1 {
		t.Errorf("%d items are kept, want 1", n)
	}
	p.end(syscall.SIGTERM)
	checkClean(t, data, 1)
}

// indexBytes sums up the index, so that any commit changes the result.
func indexBytes(t *testing.T, data string) (sum uint64) {
	t.Helper()
	f, err := os.Open(filepath.Join(data, "store", "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pages, err := io.ReadAll(io.LimitReader(f, 8192)) // both meta pages
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range pages {
		sum = sum*31 + uint64(b)
	}
	return sum
}

// checkClean holds a data folder at rest against its invariants.
func checkClean(t *testing.T, data string, items int) {
	t.Helper()
	f, err := folder.Open(data, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	box, err := f.Inbox(time.Now, inbox.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if wrong, err := box.Check(); err != nil || len(wrong) > 0 {
		t.Errorf("check: %q, %v", wrong, err)
	}
	if s, err := box.Status(); err != nil || s.Items != items {
		t.Errorf("%d items, want %d, %v", s.Items, items, err)
	}
}
