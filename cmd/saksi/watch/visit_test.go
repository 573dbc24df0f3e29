package watch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/fuzztest"
	"saksi/crypto/onionname"
	"saksi/crypto/roster"
)

// A line says what it has, and ends.
type line struct {
	net.Conn
	io.Reader
}

func (l line) Read(p []byte) (int, error)  { return l.Reader.Read(p) }
func (l line) Write(p []byte) (int, error) { return len(p), nil }
func (l line) Close() error                { return nil }

// hear asks a server that says this, whatever it is asked.
func hear(said []byte, k kind, size int64) ([]byte, error) {
	v := &visitor{host: "a.onion", dial: func(context.Context) (net.Conn, error) {
		return line{Reader: bytes.NewReader(said)}, nil
	}}
	_, body, err := v.ask(context.Background(), "/path", k, size)
	return body, err
}

// sayTo writes an answer as a server does.
func sayTo(t testing.TB, body []byte, packed, chunked bool) []byte {
	t.Helper()
	header := http.Header{}
	if packed {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(body)
		w.Close()
		body = out.Bytes()
		header.Set("Content-Encoding", "gzip")
	}
	resp := http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Header: header,
		ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}
	if chunked {
		resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
	}
	var out bytes.Buffer
	if err := resp.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzAsk: whatever a server says, it is read within bounds, and is a page that is not
// too large, or an alarm, or no answer; what it wrote comes back; and an answer that
// breaks off is neither a shorter one nor an alarm.
func FuzzAsk(f *testing.F) {
	const size = 64 << 10
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nisi"), true, true, uint16(60))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nisi"), true, false, uint16(0))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"), false, true, uint16(90))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n"), false, false, uint16(9))
	f.Add([]byte("HTTP/1.1 503 \x1b[2J\r\n\r\n"), false, false, uint16(17))
	f.Add([]byte("HTTP/1.1 503 x\r\n\r\n{\"error\":\"closed\"}"), false, false, uint16(17))
	f.Add([]byte("HTTP/1.1 301 x\r\nLocation: http://b/\r\n\r\n"), false, false, uint16(1))
	f.Add([]byte("HTTP/1.1 200 OK\r\n"+strings.Repeat("a:\r\n", 20_000)), false, false, uint16(1))
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: "+strings.Repeat("a", 200_000)), false, false, uint16(1))
	f.Add([]byte(strings.Repeat("a", 200_000)), true, false, uint16(1))
	f.Add(sayTo(f, bytes.Repeat([]byte("a"), 10<<20), true, false), true, false, uint16(1))
	// Of short lines of a header each has its place in a map, and names go through the text
	// of an error; a page grows as it is read.
	bound := fuzztest.Bound{Base: 512 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, said []byte, packed, chunked bool, cut uint16) {
		k := typed
		if packed {
			k = program
		}
		var body []byte
		var err error
		bound.Check(t, min(len(said), maxHead+size), func() { body, err = hear(said, k, size) })
		if alarm := new(Alarm); errors.As(err, &alarm) {
			fuzztest.Refused(t, err)
		} else if err != nil {
			fuzztest.Refused(t, err, ErrServerBusy, errand.ErrBroken)
		}
		if len(body) > size {
			t.Errorf("a page has %d bytes", len(body))
		}
		text := said[:min(len(said), size)]
		whole := sayTo(t, text, packed, chunked)
		if got, err := hear(whole, k, size); err != nil || !bytes.Equal(got, text) {
			t.Errorf("of %d bytes %d came back: %v", len(text), len(got), err)
		}
		at := int(cut) % len(whole)
		if got, err := hear(whole[:at], k, size); err != errand.ErrBroken {
			t.Errorf("an answer that broke off after %d of %d bytes gave %d: %v", at, len(whole), len(got), err)
		}
	})
}

// TestTheHeadOfALogIsReadWithinBounds: whatever lies in its place.
func TestTheHeadOfALogIsReadWithinBounds(t *testing.T) {
	dir := t.TempDir()
	m := &memory{dir: dir, Log: NewLog(onionname.Name{}, roster.RootSet{})}
	m.add(Entry{Time: time.Unix(0, 0).UTC(), Verdict: Missed})
	for name, head := range map[string]struct {
		text string
		ok   bool
	}{
		"its own": {m.Before.String() + "\n", true}, "another": {strings.Repeat("0", 64) + "\n", false},
		"none": {"", false}, "large": {m.Before.String() + "\n" + strings.Repeat("\n", 8<<20), false},
	} {
		if err := os.WriteFile(filepath.Join(dir, headName), []byte(head.text), 0o600); err != nil {
			t.Fatal(err)
		}
		fuzztest.Bound{Base: 64 << 10}.Check(t, 0, func() {
			if err := m.checkHead(); (err == nil) != head.ok {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
