package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"saksi/crypto/onionname"
	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/browser"
	"saksi/server/servertest"
)

const onionHost = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"

// known starts a drop that is reached by onionHost and kotak.example.
func known(t *testing.T) *servertest.Drop {
	t.Helper()
	hosts, err := server.NewHosts(onionHost, "kotak.example")
	if err != nil {
		t.Fatal(err)
	}
	return servertest.New(t, servertest.Options{Hosts: hosts})
}

// raw sends bytes as they stand and reads one answer.
func raw(t *testing.T, d *servertest.Drop, request string) servertest.Page {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	return servertest.Page{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}

var leadsOn = regexp.MustCompile(`(?i)<(form|input|textarea|button)|name="code"|(href|action)="(/|http|#)[^"]*"`)

// turnedAway holds that a page is the one for strangers, and that nothing on it
// can be filled in or followed.
func turnedAway(t *testing.T, what string, p servertest.Page, status int) {
	t.Helper()
	if p.Status != status {
		t.Errorf("%s: status %d, want %d", what, p.Status, status)
	}
	rest := strings.Replace(p.Body, `href="/style.css"`, "", 1)
	if found := leadsOn.FindString(rest); found != "" {
		t.Errorf("%s: the page has %q", what, found)
	}
	for _, text := range []string{"Buka dengan Tor Browser", "Open it with Tor Browser", onionHost} {
		if !strings.Contains(p.Body, text) {
			t.Errorf("%s: the page does not say %q", what, text)
		}
	}
	if p.Header.Get("Cache-Control") != "no-store" || p.Header["Date"] != nil {
		t.Errorf("%s: the headers are %v", what, p.Header)
	}
}

// TestOwnNamesAreServed: the onion address, what stands before it, loopback and a
// name of the operator's, in all their spellings.
func TestOwnNamesAreServed(t *testing.T) {
	d := known(t)
	for _, host := range []string{
		onionHost, onionHost + ":80", onionHost + ".", strings.ToUpper(onionHost), "www." + onionHost, "a.b." + onionHost + ":8080",
		"localhost", "LocalHost:8800", "localhost.", "127.0.0.1", "127.0.0.1:1",
		"127.8.9.10:65535", "[::1]", "[::1]:80",
		"[0:0:0:0:0:0:0:1]", "kotak.example", "Kotak.Example.:443", "localhost:",
	} {
		p := raw(t, d, "GET /write HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		if p.Status != http.StatusOK || !strings.Contains(p.Body, "<form") {
			t.Errorf("%q: status %d, without its form", host, p.Status)
		}
	}
}

// TestForeignNamesAreTurnedAway: by another name there is no form, whatever the
// path and the method.
func TestForeignNamesAreTurnedAway(t *testing.T) {
	d := known(t)
	other := onionname.New([32]byte{1}).String()
	for _, host := range []string{
		"", "example.com", "kotak.example.com", "x" + onionHost, onionHost + ".to",
		"www.kotak.example", other, "onion",
		"127.0.0.1.nip.io", "128.0.0.1", "0.0.0.0", "127.1", "2130706433", "[::2]", "[::1", "::1",
		"[::1]x", "[::1%25lo]",
		"localhost:80:80", "localhost:x", "localhost:123456",
		"localhost..", ".localhost", "xn--kotak-9ua.example", "xn--localhost-9ya", "foo.localhost",
		"local_host", "[127.0.0.1]",
		strings.Repeat("a.", 130) + onionHost, strings.Repeat("a", 5000),
	} {
		for _, request := range []string{
			"GET / ", "GET /en/write ", "GET /recipients.txt ", "POST /write ", "GET /x ", "DELETE / ", "OPTIONS * ",
		} {
			p := raw(t, d, request+"HTTP/1.1\r\nHost: "+host+"\r\nContent-Length: 0\r\n\r\n")
			turnedAway(t, fmt.Sprintf("%s %.70q", request, host), p, http.StatusMisdirectedRequest)
		}
	}
	turnedAway(t, "HTTP/1.0 without a host", raw(t, d, "GET /write HTTP/1.0\r\n\r\n"), http.StatusMisdirectedRequest)
}

// TestBrokenHostsGetNoPage: net/http refuses what no browser can send.
func TestBrokenHostsGetNoPage(t *testing.T) {
	d := known(t)
	for name, request := range map[string]string{
		"absent":       "GET /write HTTP/1.1\r\n\r\n",
		"two":          "GET /write HTTP/1.1\r\nHost: " + onionHost + "\r\nHost: example.com\r\n\r\n",
		"the same":     "GET /write HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
		"IDN":          "GET /write HTTP/1.1\r\nHost: kotäk.example\r\n\r\n",
		"a user":       "GET /write HTTP/1.1\r\nHost: user@localhost\r\n\r\n",
		"a space":      "GET /write HTTP/1.1\r\nHost: local host\r\n\r\n",
		"a long one":   "GET /write HTTP/1.1\r\nHost: " + strings.Repeat("a", 40<<10) + "\r\n\r\n",
		"a folded one": "GET /write HTTP/1.1\r\nHost: example.com\r\n localhost\r\n\r\n",
	} {
		if p := raw(t, d, request); p.Status < 400 || leadsOn.MatchString(p.Body) {
			t.Errorf("%s: status %d, %q", name, p.Status, p.Body)
		}
	}
}

// TestHeadIsTurnedAway, too.
func TestHeadIsTurnedAway(t *testing.T) {
	d := known(t)
	r, err := http.NewRequest(http.MethodHead, d.URL+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "example.com"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// TestGatewaysAreTurnedAway: each header by which a web proxy names itself or its
// client is enough, also with the right name beside it.
func TestGatewaysAreTurnedAway(t *testing.T) {
	d := known(t)
	for _, header := range []string{
		"X-Tor2web: encrypted", "x-tor2web-whatever: 1", "X-Forwarded-For: 10.0.0.1",
		"X-Forwarded-Host: a", "X-Forwarded-Proto: https",
		"X-Forwarded-Port: 443", "X-Forwarded-Server: a", "X-Forwarded: a", "x_forwarded_for: a",
		"Forwarded: for=10.0.0.1", "Via: 1.1 a",
		"via: 1.0 squid", "X-Real-IP: 10.0.0.1", "X-Real-Port: 1", "X-Client-IP: a",
		"X-Cluster-Client-Ip: a", "X-Originating-IP: a",
		"X-Original-Forwarded-For: a", "X-Remote-Addr: a", "X-ProxyUser-Ip: a", "X-Scheme: https",
		"X-Request-ID: a", "X-Amzn-Trace-Id: a",
		"X-Amz-Cf-Id: a", "X-Azure-ClientIP: a", "X-ARR-SSL: a", "X-Varnish: 1",
		"X-Sucuri-ClientIP: a", "X-Cloud-Trace-Context: a",
		"X-Envoy-External-Address: a", "X-Vercel-Id: a", "X-NF-Client-Connection-Ip: a",
		"X-Bluecoat-Via: a", "X-IMForwards: 1",
		"X-Wap-Profile: a", "X-Nokia-msisdn: 62", "X-UP-Calling-Line-ID: 62", "X-MSISDN: 62",
		"MSISDN: 62", "Wap-Connection: a",
		"True-Client-IP: a", "Client-IP: a", "WL-Proxy-Client-IP: a", "Remote-Addr: a",
		"Max-Forwards: 9", "Front-End-Https: on",
		"CF-Connecting-IP: a", "CF-Ray: a", "CF-Visitor: a", "CF-IPCountry: ID", "CF-Worker: a",
		"CDN-Loop: a", "Fastly-Client-IP: a",
		"Akamai-Origin-Hop: 1", "Ali-Cdn-Real-Ip: a", "EagleEye-RPCID: a", "Fly-Client-IP: a",
		"Incap-Client-IP: a", "Z-Forwarded-For: a",
		"Proxy-Connection: keep-alive", "Proxy-Authorization: Basic a", "Proxy-Client-IP: a",
		"Surrogate-Capability: a", "traceparent: a", "b3: 0",
	} {
		for _, request := range []string{"GET /", "GET /en/open", "POST /open"} {
			p := raw(t, d, request+" HTTP/1.1\r\nHost: "+onionHost+"\r\n"+header+"\r\nContent-Length: 0\r\n\r\n")
			turnedAway(t, request+" "+header, p, http.StatusForbidden)
		}
	}
	for _, request := range []string{
		"GET http://" + onionHost + "/write HTTP/1.1\r\nHost: " + onionHost + "\r\n\r\n",
		"GET http://localhost/write HTTP/1.1\r\nHost: example.com\r\n\r\n",
		"CONNECT " + onionHost + ":80 HTTP/1.1\r\nHost: " + onionHost + "\r\n\r\n",
	} {
		turnedAway(t, request, raw(t, d, request), http.StatusForbidden)
	}
}

// TestBrowsersHeadersAreNone: what Tor Browser, Onion Browser and a browser inside
// another program send is no gateway's.
func TestBrowsersHeadersAreNone(t *testing.T) {
	d := known(t)
	headers := "User-Agent: Mozilla/5.0\r\nAccept: text/html\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-User: ?1\r\nPriority: u=0, i\r\n" +
		"Origin: null\r\nSec-GPC: 1\r\nDNT: 1\r\nTE: trailers\r\n" +
		"Pragma: no-cache\r\nCache-Control: no-cache\r\nRange: bytes=0-\r\nCookie: a=b\r\n" +
		"Save-Data: on\r\nX-Requested-With: a.b\r\n" +
		"X-Moz: prefetch\r\nX-Purpose: preview\r\nSec-CH-UA: a\r\nIf-None-Match: a\r\nKeep-Alive: 115\r\n"
	if p := raw(t, d, "GET /write HTTP/1.1\r\nHost: "+onionHost+"\r\n"+headers+"\r\n"); p.Status != http.StatusOK {
		t.Errorf("status %d", p.Status)
	}
}

// TestWhatAGatewayReadIsNotHandedBack: a form that came through one is kept
// nowhere, shown nowhere, and in no log.
func TestWhatAGatewayReadIsNotHandedBack(t *testing.T) {
	d := known(t)
	code := d.Send("satu")
	secret := "rahasia-yang-diketik"
	body := servertest.Fields("/write", "code", receipt.New().Field(), "text", secret).Encode()
	words := url.Values{"words": {strings.Join(code.Words(), " ")}}.Encode()
	file, kind := servertest.Multipart(t, secret+".jpg", []byte(secret), "code", code.Field(), "n", "1")
	burn := url.Values{"code": {code.Field()}, "n": {"all"}, "confirm": {"yes"}}.Encode()
	for _, c := range []struct{ path, kind, body string }{
		{"/write", "application/x-www-form-urlencoded", body},
		{"/open", "application/x-www-form-urlencoded", words},
		{"/delete", "application/x-www-form-urlencoded", burn},
		{"/file", kind, string(file)},
	} {
		head := fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n", c.path, c.kind, len(c.body))
		for line, status := range map[string]int{
			"Host: example.com": http.StatusMisdirectedRequest, "Host: localhost\r\nVia: 1.1 a": http.StatusForbidden,
		} {
			p := raw(t, d, head+line+"\r\n\r\n"+c.body)
			turnedAway(t, c.path+" "+line, p, status)
			for _, typed := range []string{secret, code.Field(), code.Words()[0]} {
				if strings.Contains(p.Body, typed) {
					t.Errorf("%s: the page has %q", c.path, typed)
				}
			}
		}
	}
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 || u.Gone != 0 {
		t.Errorf("%+v, %v", u, err)
	}
	if d.Log.String() != "" {
		t.Errorf("the log says %q", d.Log)
	}
}

// TestStyleIsServedToStrangers, and nothing else: see the others.
func TestStyleIsServedToStrangers(t *testing.T) {
	d := known(t)
	p := raw(t, d, "GET /style.css HTTP/1.1\r\nHost: example.com\r\nVia: 1.1 a\r\n\r\n")
	if p.Status != http.StatusOK || p.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("status %d, %q", p.Status, p.Header.Get("Content-Type"))
	}
	turnedAway(t, "a form sent to it", raw(t, d, "POST /style.css HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n"),
		http.StatusMisdirectedRequest)
}

// TestBrowsersShowThePageForStrangers: 421 makes a browser ask once more, and then
// show the page; through a real reverse proxy both browsers see it, styled.
func TestBrowsersShowThePageForStrangers(t *testing.T) {
	d := known(t)
	target, err := url.Parse(d.URL)
	if err != nil {
		t.Fatal(err)
	}
	var gateways []string
	for _, rewrite := range []func(*httputil.ProxyRequest){
		func(r *httputil.ProxyRequest) { r.SetXForwarded() },              // it names itself
		func(r *httputil.ProxyRequest) { r.Out.Host = "gerbang.example" }, // it is silent
	} {
		gateway := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			rewrite(r)
		}})
		defer gateway.Close()
		gateways = append(gateways, gateway.URL)
	}
	for _, page := range []*browser.Page{browser.Firefox(t, browser.Options{}), browser.Chromium(t, browser.Options{}).Page} {
		for i, gateway := range gateways {
			if err := page.Open(gateway + "/write"); err != nil {
				t.Fatal(err)
			}
			var seen struct {
				Heading string
				Forms   int
				Notice  string // the style's
			}
			const look = `({Heading: document.querySelector("h1").textContent, Forms: document.forms.length,
				Notice: getComputedStyle(document.querySelector(".notice")).borderLeftStyle})`
			if err := page.Evaluate(look, &seen); err != nil {
				t.Fatal(err)
			}
			if seen.Heading != "Buka dengan Tor Browser" || seen.Forms != 0 || seen.Notice != "solid" {
				t.Errorf("through gateway %d a browser shows %+v", i, seen)
			}
		}
	}
}

// TestANameBecomesKnownWhileRunning: tor publishes after the start. Until then the
// page says that the address is not known.
func TestANameBecomesKnownWhileRunning(t *testing.T) {
	hosts := &server.Hosts{}
	d := servertest.New(t, servertest.Options{Hosts: hosts})
	ask := func() servertest.Page { return raw(t, d, "GET / HTTP/1.1\r\nHost: "+onionHost+"\r\n\r\n") }
	if p := ask(); p.Status != http.StatusMisdirectedRequest || !strings.Contains(p.Body, "belum diketahui") {
		t.Errorf("before: status %d", p.Status)
	}
	name, err := onionname.Parse(onionHost)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range byte(8) { // with the race detector
		wg.Go(func() { hosts.AddOnion(onionname.New([32]byte{i})) })
		wg.Go(func() { ask() })
	}
	wg.Wait()
	hosts.AddOnion(name)
	hosts.AddOnion(name)
	if p := ask(); p.Status != http.StatusOK || hosts.Onion() != name {
		t.Errorf("after: status %d, shown is %s", p.Status, hosts.Onion())
	}
}

func TestNewHostsRefuses(t *testing.T) {
	for _, name := range []string{
		"", "a b", "kotak.example:80", "http://kotak.example", "kotak.example.", "user@a", "a/b",
		"kotäk.example",
	} {
		if _, err := server.NewHosts(name); !errors.Is(err, server.ErrHost) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"kotak.onion", "www." + onionHost, "a" + onionHost[1:]} {
		if _, err := server.NewHosts(name); !errors.Is(err, onionname.ErrName) {
			t.Errorf("%q: %v", name, err)
		}
	}
	first := onionname.New([32]byte{1})
	if h, err := server.NewHosts("a.example", first.String(), onionHost); err != nil || h.Onion() != first {
		t.Errorf("shown is %s, %v", h.Onion(), err)
	}
}
