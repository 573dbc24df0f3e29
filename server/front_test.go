package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/crypto/onionname"
	"saksi/server"
	"saksi/server/servertest"
)

// front serves the front of a drop, and returns what is asked over it like a drop.
func front(t *testing.T, hosts *server.Hosts, limits server.Limits) *servertest.Drop {
	t.Helper()
	d := servertest.New(t, servertest.Options{})
	srv, err := server.New(server.Config{
		Inbox: d.Inbox, Hosts: hosts, Limits: limits, Log: slog.New(slog.NewTextHandler(d.Log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, server.Listeners{Front: []net.Listener{l}}) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &servertest.Drop{Client: http.DefaultClient, Party: d.Party, Inbox: d.Inbox, URL: "http://" + l.Addr().String(), Log: d.Log, T: t}
}

func withOnion(t *testing.T) *server.Hosts {
	t.Helper()
	hosts, err := server.NewHosts(onionHost)
	if err != nil {
		t.Fatal(err)
	}
	return hosts
}

// TestFrontIsOnePage: by any name, in two languages, with the address, the
// fingerprint and what opening it shows; everything else is the same page, as 404.
func TestFrontIsOnePage(t *testing.T) {
	d := front(t, withOnion(t), server.Limits{})
	mark := strings.Join(d.Trusted.Fingerprint(), "</span> <span>")
	for path, want := range map[string]string{
		"/": "Penyedia internet Anda dapat melihat", "/en/": "Your internet provider can see",
		"/?x=1": "Kesaksian hanya dikirim lewat Tor",
	} {
		p := raw(t, d, "GET "+path+" HTTP/1.1\r\nHost: kotak.example\r\nX-Forwarded-Proto: https\r\n\r\n")
		expect(t, p, http.StatusOK, want, onionHost, mark, "torproject.org/download")
		if got := p.Header.Get("Onion-Location"); got != "http://"+onionHost+"/" {
			t.Errorf("%s: Onion-Location is %q", path, got)
		}
		holdsFront(t, path, p)
	}
	for _, path := range strings.Fields("/en /write /en/write /open /info /recipients.txt /index.html // /x /v1/status") {
		p := d.Get(path)
		expect(t, p, http.StatusNotFound, "class=\"problem\"", onionHost)
		holdsFront(t, path, p)
	}
	if p := d.Get("/style.css"); p.Status != http.StatusOK || p.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style sheet: %d", p.Status)
	}
	if d.Log.String() != "" {
		t.Errorf("the log says %q", d.Log)
	}
}

// holdsFront holds that nothing can be filled in, kept by the browser, or fetched
// from elsewhere.
func holdsFront(t *testing.T, path string, p servertest.Page) {
	t.Helper()
	for _, bad := range []string{"<form", "<input", "<button", "<textarea", "<script", "http:", "https:", "/write", "/open"} {
		if strings.Contains(p.Body, bad) {
			t.Errorf("%s: the page has %q", path, bad)
		}
	}
	csp := p.Header.Get("Content-Security-Policy")
	if p.Header["Set-Cookie"] != nil || p.Header["Date"] != nil || !strings.HasPrefix(csp, "default-src 'none'") ||
		p.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s: the headers are %v", path, p.Header)
	}
}

// TestFrontBeforeTheAddressIsKnown says so, and sends no Onion-Location; once it is
// known, both change.
func TestFrontBeforeTheAddressIsKnown(t *testing.T) {
	hosts := &server.Hosts{}
	d := front(t, hosts, server.Limits{})
	p := d.Get("/")
	expect(t, p, http.StatusOK, "belum diketahui", "Kembalilah")
	if p.Header["Onion-Location"] != nil || strings.Contains(p.Body, ".onion") {
		t.Error("an address is shown")
	}
	name := onionname.New([32]byte{7})
	hosts.AddOnion(name)
	if p := d.Get("/"); p.Header.Get("Onion-Location") != name.URL() || !strings.Contains(p.Body, name.String()) {
		t.Error("the address is not shown")
	}
}

// TestFrontReadsNoBody: what is sent to it is refused before it was sent, and the
// connection ends, though the sender has not.
func TestFrontReadsNoBody(t *testing.T) {
	limits := server.Production()
	limits.Linger, limits.Stall = time.Hour, time.Hour // whoever reads on waits that long for more
	d := front(t, withOnion(t), limits)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nteks",
		"POST /write HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\n",
		"POST /file HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
		"PUT /style.css HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(conn, request)
		in := bufio.NewReader(conn)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("%.20q: %v", request, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || strings.Contains(string(body), "teks") || resp.Header.Get("Connection") != "close" && !resp.Close {
			t.Errorf("%.20q: status %d, %v", request, resp.StatusCode, err)
		}
		if strings.HasPrefix(request, "GET") != (resp.StatusCode == http.StatusOK) {
			t.Errorf("%.20q: status %d", request, resp.StatusCode)
		}
		if _, err := in.ReadByte(); err != io.EOF {
			t.Errorf("%.20q: the connection goes on: %v", request, err)
		}
	}
}

// TestFrontHasLimits: whoever stays silent is put out, as everywhere.
func TestFrontHasLimits(t *testing.T) {
	limits := server.Production()
	limits.HeaderTime, limits.Connections = 50*time.Millisecond, 4
	d := front(t, withOnion(t), limits)
	var conns []net.Conn
	for range 8 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET / HTTP/1.1\r\n")
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		if _, err := io.Copy(io.Discard, conn); err != nil {
			continue // put out with what it had sent unread
		}
	}
	expect(t, d.Get("/"), http.StatusOK)
}

// TestFrontAnswersHead, as links are checked.
func TestFrontAnswersHead(t *testing.T) {
	d := front(t, withOnion(t), server.Limits{})
	resp, err := http.Head(d.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Onion-Location") == "" {
		t.Errorf("status %d", resp.StatusCode)
	}
}
