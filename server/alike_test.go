package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/crypto/reviewer"
	"saksi/crypto/roster"
	"saksi/server/scribe"
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

// TestTheFullestMailboxLooksAlike: answers with all that an answer can have, by
// reviewers who mean to be seen on the line, make no page longer, under a small roster
// and a larger one.
func TestTheFullestMailboxLooksAlike(t *testing.T) {
	for _, reviewers := range []int{2, 7} {
		d := servertest.New(t, servertest.Options{Reviewers: reviewers, Limits: hurried()})
		code := fullest(t, d)
		for _, prefix := range []string{"", "/en"} {
			page := d.Post(prefix+"/open", "code", code.Field())
			expect(t, page, http.StatusOK, says{mayForge, "this answer may be forged"}.in(prefix), strings.Repeat("&amp;", 24))
			unknown := d.Post(prefix+"/open", "code", receipt.New().Field())
			if len(page.Body) != len(unknown.Body) {
				t.Errorf("%d reviewers, %q: %d bytes, and %d for an unknown code", reviewers, prefix, len(page.Body), len(unknown.Body))
			}
		}
	}
}

// fullest sends as many items as are listed, and fills the first page of answers.
func fullest(t *testing.T, d *servertest.Drop) receipt.Code {
	t.Helper()
	code, writer := receipt.New(), scribe.Scribe{Inbox: d.Inbox}
	for n := range 24 {
		if _, err := writer.Send(code, receipt.MaxItems-25+n, item.Content{Kind: item.Message, Text: "pesan"}); err != nil {
			t.Fatal(err)
		}
	}
	for r := range 2 {
		for n := range 4 {
			said, _ := seal(t, d, code, r, func(r *reply.Reply, _ *reply.Thread) {
				r.Status, r.Forwarded, r.Number = reply.Verified, strings.Repeat("&", 24), ^uint64(0)-uint64(n&2)
				r.Text = fmt.Sprint(n) + strings.Repeat("a", reply.MaxText-1)
			})
			arrives(t, d, r, said)
		}
	}
	if _, err := d.Inbox.Close(); err != nil {
		t.Fatal(err)
	}
	d.Admit(func(draft *reviewer.Draft) {
		draft.Revoked = []roster.Revocation{{Key: d.Reviewers[0].Line.Key, From: 2}}
	})
	return code
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
