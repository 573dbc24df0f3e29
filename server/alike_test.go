package server_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// wire returns all bytes that a request with these fields brings back, up to the
// end of the connection.
func wire(t *testing.T, d *servertest.Drop, path string, pairs ...string) []byte {
	t.Helper()
	body := servertest.Fields(path, pairs...).Encode()
	conn := dial(t, d)
	io.WriteString(conn, strings.Replace(head(path, urlencoded, len(body)), "\r\n", "\r\nConnection: close\r\n", 1)+body)
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// header is what stands before the page.
func header(t *testing.T, answer []byte) []byte {
	t.Helper()
	end := bytes.Index(answer, []byte("\r\n\r\n"))
	if end < 0 {
		t.Fatalf("no answer: %q", answer)
	}
	return answer[:end]
}

// TestConversationsLookAlike: unknown, silent, deleted and answered codes give
// answers with the same header and the same number of bytes on the wire, in both
// languages, by code and by words, on every page.
func TestConversationsLookAlike(t *testing.T) {
	d := newHurriedDrop(t)
	codes := fillMailboxes(t, d)
	for _, prefix := range []string{"", "/en"} {
		for name, question := range map[string]func(receipt.Code) []string{
			"code":     func(c receipt.Code) []string { return []string{"code", c.Field()} },
			"words":    func(c receipt.Code) []string { return []string{"words", strings.Join(c.Words(), " ")} },
			"page 1":   func(c receipt.Code) []string { return []string{"code", c.Field(), "page", "1"} },
			"page 999": func(c receipt.Code) []string { return []string{"code", c.Field(), "page", "999"} },
		} {
			if prefix != "" && name != "code" {
				continue // the same handlers
			}
			want := wire(t, d, prefix+"/open", question(codes["unknown"])...)
			if !bytes.HasPrefix(want, []byte("HTTP/1.1 200 OK\r\n")) {
				t.Fatalf("%s: %q", name, header(t, want))
			}
			for kind, code := range codes {
				got := wire(t, d, prefix+"/open", question(code)...)
				if len(got) != len(want) || !bytes.Equal(header(t, got), header(t, want)) {
					t.Errorf("%s%s: %s code: %d bytes with header %q, want %d with %q",
						prefix, name, kind, len(got), header(t, got), len(want), header(t, want))
				}
			}
		}
	}
}

// TestRefusedMessagesLookAlike: a message that is too long comes back, and makes
// the page as long for every mailbox, whatever letters it has and wherever it
// ends between two paddings.
func TestRefusedMessagesLookAlike(t *testing.T) {
	d := newHurriedDrop(t)
	codes := fillMailboxes(t, d)
	for _, letters := range []string{"'", "+", "\xff", "\x00", "’"} {
		for n := 40_000; n < 60_000; n += 3000 {
			refusedAlike(t, d, codes, strings.Repeat(letters, n/len(letters)))
		}
	}
}

func refusedAlike(t *testing.T, d *servertest.Drop, codes map[string]receipt.Code, text string) {
	t.Helper()
	want := 0
	for _, kind := range []string{"silent", "eight answers"} { // unknown codes have no such form
		got := wire(t, d, "/message", "code", codes[kind].Field(), "n", "99", "text", text)
		if want == 0 {
			want = len(got)
		}
		if !bytes.HasPrefix(got, []byte("HTTP/1.1 422 ")) || len(got) != want {
			t.Errorf("%.3q, %s: %d bytes, want %d: %.40q", text, kind, len(got), want, got)
		}
	}
}

// TestOpenIsAnsweredAlike: the status and the header of what is no conversation
// depend on the words alone.
func TestOpenIsAnsweredAlike(t *testing.T) {
	d := newHurriedDrop(t)
	codes := fillMailboxes(t, d)
	want := wire(t, d, "/delete", "code", codes["unknown"].Field(), "n", "all")
	for kind, code := range codes {
		got := wire(t, d, "/delete", "code", code.Field(), "n", "all")
		if len(got) != len(want) || !bytes.Equal(header(t, got), header(t, want)) {
			t.Errorf("%s: the question before a deletion has %d bytes, want %d", kind, len(got), len(want))
		}
		if p := d.Post("/delete", "code", code.Field(), "n", "all", "confirm", "yes"); p.Status != http.StatusOK {
			t.Errorf("%s: status %d", kind, p.Status)
		}
	}
}
