package server_test

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/outbox"
	"saksi/crypto/pass"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/servertest"
)

// remote is a drop with couriers.
type remote struct {
	*servertest.Drop
	book  *folder.Couriers
	t     testing.TB
	ahead atomic.Int64 // seconds that the server's clock is ahead of the couriers'
}

var onion = strings.Repeat("couriers", 7) + ".onion"

func newRemote(t testing.TB) *remote {
	t.Helper()
	r := &remote{t: t, book: &folder.Couriers{Dir: t.TempDir()}}
	now := func() time.Time { return time.Now().Add(time.Duration(r.ahead.Load()) * time.Second) }
	r.Drop = servertest.New(t, servertest.Options{Couriers: r.book, Onion: onion, Now: now})
	return r
}

// hire makes a courier.
func (r *remote) hire(name string) *pass.Pass {
	r.t.Helper()
	p, err := pass.New(r.Roster.Origin, name, onion, r.Server.Key())
	if err == nil {
		err = r.book.AddCourier(p.Card())
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *remote) fire(name string) {
	r.t.Helper()
	if err := r.book.RemoveCourier(name); err != nil {
		r.t.Fatal(err)
	}
}

// close closes a batch with a large file in it, and returns the bundle.
func (r *remote) close(size int) []byte {
	r.t.Helper()
	code := r.Send("Kami diminta hadir.")
	if size > 0 {
		r.Upload("/file", "a.bin", make([]byte, size), "code", code.Field(), "n", "1")
	}
	if _, err := r.Inbox.Close(); err != nil {
		r.t.Fatal(err)
	}
	var bundle bytes.Buffer
	if _, err := r.Inbox.Bundle(&bundle); err != nil {
		r.t.Fatal(err)
	}
	return bundle.Bytes()
}

// A letter is a signed request before it is sent.
type letter struct {
	pass.Request
	body    []byte
	headers map[string]string
}

func (r *remote) get(uri string) letter {
	return letter{Request: pass.Request{
		Stamp:  pass.Stamp{Time: time.Now().Unix(), Nonce: pass.NewNonce(), Body: sha256.Sum256(nil)},
		Method: http.MethodGet, URI: uri,
	}}
}

func (r *remote) post(uri string, body []byte) letter {
	l := r.get(uri)
	l.Method, l.body, l.Body = http.MethodPost, body, sha256.Sum256(body)
	return l
}

func (l letter) sign(t testing.TB, p *pass.Pass) letter {
	t.Helper()
	headers, err := p.Sign(l.Request)
	if err != nil {
		t.Fatal(err)
	}
	l.headers = headers
	for name, value := range map[string]string{"Range": l.Range, "If-Range": l.IfRange} {
		if value != "" {
			l.headers[name] = value
		}
	}
	return l
}

// text writes a request as it goes over the wire.
func (l letter) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", l.Method, l.URI, cmp.Or(l.Host, onion))
	for name, value := range l.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", name, value)
	}
	if l.body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(l.body))
	}
	return b.String() + "\r\n" + string(l.body)
}

// conn is a connection to the couriers' surface.
func (r *remote) conn() net.Conn {
	r.t.Helper()
	c, err := net.Dial("tcp", r.Remote)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	_ = c.(*net.TCPConn).SetReadBuffer(32 << 10)
	return c
}

// ask sends a request on a connection and reads the answer.
func (r *remote) ask(c net.Conn, l letter) servertest.Page {
	r.t.Helper()
	if _, err := io.WriteString(c, l.text()); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: l.Method})
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return servertest.Page{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
}

func (r *remote) send(l letter) servertest.Page {
	r.t.Helper()
	return r.ask(r.conn(), l)
}

// TestStrangersLearnNothingOfCouriers: whoever is no courier gets the same bytes
// for every path and method, whether there is a courier of that name or not.
func TestStrangersLearnNothingOfCouriers(t *testing.T) {
	r := newRemote(t)
	r.close(0)
	budi, dewi := r.hire("budi"), r.hire("dewi")
	r.fire("dewi")
	other := newRemote(t).hire("budi")
	another, err := pass.Parse(strings.Replace(budi.Text(), onion, strings.Repeat("z", 56)+".onion", 1))
	if err != nil {
		t.Fatal(err)
	}
	unsigned := r.get("/v1/bundle")
	changed := func(change func(*letter)) letter {
		l := r.get("/v1/bundle").sign(t, budi)
		change(&l)
		return l
	}
	elsewhere := r.get("/v1/bundle").sign(t, another)
	elsewhere.Host = another.Onion
	twice := r.get("/v1/bundle")
	twice.Range = "bytes=0-"
	twice = twice.sign(t, budi)
	delete(twice.headers, "Range")
	twice.headers["Range: bytes=0-\r\nRange"] = "bytes=1-"
	late := r.get("/v1/bundle")
	late.Time -= 3600
	first := r.send(unsigned)
	if first.Status != http.StatusUnauthorized || first.Header.Get(pass.HeaderTime) != "" {
		t.Fatalf("an unsigned request: status %d, %v", first.Status, first.Header)
	}
	for what, l := range map[string]letter{
		"no such path": r.get("/v1/status"), "another method": {Request: pass.Request{Method: "DELETE", URI: "/v1/bundle"}},
		"which methods there are": {Request: pass.Request{Method: "OPTIONS", URI: "/v1/bundle"}},
		"no such path, signed":    r.get("/v1/close").sign(t, budi),
		"a removed courier":       r.get("/v1/bundle").sign(t, dewi), "another drop's pass": r.get("/v1/bundle").sign(t, other),
		"signed for another address": elsewhere,
		"another path":               changed(func(l *letter) { l.URI = "/v1/batches" }),
		"a query":                    changed(func(l *letter) { l.URI += "?a" }),
		"another method, signed":     changed(func(l *letter) { l.Method = "HEAD" }),
		"a range that was added":     changed(func(l *letter) { l.headers["Range"] = "bytes=1-" }),
		"an if-range that was added": changed(func(l *letter) { l.headers["If-Range"] = `"a"` }),
		"another time": changed(func(l *letter) {
			l.headers[pass.HeaderTime] = strconv.FormatInt(l.Time+1, 10)
		}),
		"another nonce":          changed(func(l *letter) { l.headers[pass.HeaderNonce] = strings.Repeat("0", 32) }),
		"another body's hash":    changed(func(l *letter) { l.headers[pass.HeaderBody] = strings.Repeat("0", 64) }),
		"a header twice":         twice,
		"a wrong clock, unknown": late.sign(t, other),
	} {
		p := r.send(l)
		p.Header.Del("Connection")
		if l.Method == "HEAD" {
			p.Body = first.Body
		}
		if p.Status != first.Status || p.Body != first.Body || fmt.Sprint(p.Header) != fmt.Sprint(first.Header) {
			t.Errorf("%s: status %d, %v, %q", what, p.Status, p.Header, p.Body)
		}
	}
	if p := r.send(r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusOK {
		t.Errorf("a courier: status %d, %s", p.Status, p.Body)
	}
}

// TestARequestIsTakenOnce: with the same nonce it is refused, also on another path.
func TestARequestIsTakenOnce(t *testing.T) {
	r := newRemote(t)
	r.close(0)
	budi := r.hire("budi")
	l := r.get("/v1/batches").sign(t, budi)
	if p := r.send(l); p.Status != http.StatusOK {
		t.Fatalf("status %d, %s", p.Status, p.Body)
	}
	if p := r.send(l); p.Status != http.StatusConflict {
		t.Errorf("a replay: status %d", p.Status)
	}
	if p := r.send(r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusOK {
		t.Errorf("another request: status %d", p.Status)
	}
}

// TestAWrongClockIsToldToCouriers: ten minutes are well, and beyond that the
// courier learns what the server's clock says.
func TestAWrongClockIsToldToCouriers(t *testing.T) {
	r := newRemote(t)
	r.close(0)
	budi := r.hire("budi")
	for _, off := range []int64{0, 590, -590, 610, -610, 86400 * 365} {
		r.ahead.Store(off)
		p := r.send(r.get("/v1/batches").sign(t, budi))
		if off > -600 && off < 600 {
			if p.Status != http.StatusOK {
				t.Errorf("%d seconds off: status %d, %s", off, p.Status, p.Body)
			}
			continue
		}
		told, err := strconv.ParseInt(p.Header.Get(pass.HeaderTime), 10, 64)
		late := time.Now().Unix() + off - told
		if p.Status != http.StatusBadRequest || err != nil || late < -60 || late > 60 {
			t.Errorf("%d seconds off: status %d, %v", off, p.Status, p.Header)
		}
	}
	r.ahead.Store(0)
}

// TestAnotherBodyIsNotTaken: what is brought is what was signed.
func TestAnotherBodyIsNotTaken(t *testing.T) {
	r := newRemote(t)
	budi := r.hire("budi")
	by := r.Reviewers[0]
	box := outbox.Outbox{Reviewer: by.Line.ID, Roster: 1, RosterHash: r.Roster.Hash, Number: 1}
	file := box.Sign(by.Signer)
	l := r.post("/v1/outbox", []byte("lain")).sign(t, budi)
	l.body = file
	if p := r.send(l); p.Status != http.StatusBadRequest {
		t.Errorf("another body: status %d, %s", p.Status, p.Body)
	}
	for n := range 2 {
		p := r.send(r.post("/v1/outbox", file).sign(t, budi))
		var report inbox.Imported
		err := json.Unmarshal([]byte(p.Body), &report)
		if err != nil || p.Status != http.StatusOK || report.Reviewer != "r1" {
			t.Errorf("time %d: status %d, %s", n, p.Status, p.Body)
		}
	}
	for body, want := range map[string]int{"no outbox": http.StatusConflict, "": http.StatusConflict} {
		p := r.send(r.post("/v1/outbox", []byte(body)).sign(t, budi))
		if p.Status != want || !strings.Contains(p.Body, "reading outbox") {
			t.Errorf("%q: status %d, %s", body, p.Status, p.Body)
		}
	}
	get := r.post("/v1/batches", []byte("a"))
	get.Method = http.MethodGet
	if p := r.send(get.sign(t, budi)); p.Status != http.StatusBadRequest {
		t.Errorf("a GET with a body: status %d, %s", p.Status, p.Body)
	}
}

// TestRangesGoOnWhereTheyWere: the rest is the rest, and only of the same bundle.
func TestRangesGoOnWhereTheyWere(t *testing.T) {
	r := newRemote(t)
	bundle := r.close(400_000)
	budi := r.hire("budi")
	whole := r.send(r.get("/v1/bundle").sign(t, budi))
	tag := whole.Header.Get("ETag")
	length := whole.Header.Get("Content-Length")
	if whole.Status != http.StatusOK || whole.Body != string(bundle) || length != fmt.Sprint(len(bundle)) {
		t.Fatalf("status %d, %d bytes of %d, %v", whole.Status, len(whole.Body), len(bundle), whole.Header)
	}
	ranged := func(ranges, ifRange string) servertest.Page {
		t.Helper()
		l := r.get("/v1/bundle")
		l.Range, l.IfRange = ranges, ifRange
		return r.send(l.sign(t, budi))
	}
	for _, n := range []int{0, 1, 511, 512, 65_536, 262_143, 262_144, 262_145, 300_001, len(bundle) - 1} {
		p := ranged(fmt.Sprintf("bytes=%d-", n), tag)
		want := fmt.Sprintf("bytes %d-%d/%d", n, len(bundle)-1, len(bundle))
		if p.Status != http.StatusPartialContent || p.Body != string(bundle[n:]) || p.Header.Get("Content-Range") != want {
			t.Errorf("from %d: status %d, %d bytes, %q", n, p.Status, len(p.Body), p.Header.Get("Content-Range"))
		}
	}
	for _, n := range []string{fmt.Sprint(len(bundle)), fmt.Sprint(len(bundle) + 1), "4611686018427387903"} {
		p := ranged("bytes="+n+"-", tag)
		want := fmt.Sprintf("bytes */%d", len(bundle))
		if p.Status != http.StatusRequestedRangeNotSatisfiable || p.Header.Get("Content-Range") != want {
			t.Errorf("from %s: status %d, %q", n, p.Status, p.Header.Get("Content-Range"))
		}
	}
	for _, odd := range [][2]string{
		{"bytes=5-", ""}, {"bytes=5-", `"0"`}, {"bytes=5-9", tag}, {"bytes=-5", tag}, {"bytes=+5-", tag},
		{"bytes=99999999999999999999-", tag},
		{"lines=5-", tag}, {"5-", tag}, {"bytes=5", tag}, {"bytes=1-,5-", tag}, {"", tag},
	} {
		if p := ranged(odd[0], odd[1]); p.Status != http.StatusOK || p.Body != string(bundle) {
			t.Errorf("%q: status %d, %d bytes", odd, p.Status, len(p.Body))
		}
	}
	r.close(0)
	if p := ranged("bytes=5-", tag); p.Status != http.StatusOK || p.Header.Get("ETag") == tag {
		t.Errorf("after another batch: status %d", p.Status)
	}
}

// begin asks for the bundle and reads no more than the head of the answer.
func (r *remote) begin(p *pass.Pass) (io.Reader, int64) {
	r.t.Helper()
	c := r.conn()
	if _, err := io.WriteString(c, r.get("/v1/bundle").sign(r.t, p).text()); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatal(resp, err)
	}
	return resp.Body, resp.ContentLength
}

// large is more than all buffers between the server and a courier who does not
// read.
const large = 24 << 20

// TestARemovedCourierIsCutOff: at once, in the middle of a bundle, on a
// connection that is open, and for whom gets the name next the way is free.
func TestARemovedCourierIsCutOff(t *testing.T) {
	r := newRemote(t)
	r.close(large)
	budi, citra := r.hire("budi"), r.hire("citra")
	open := r.conn()
	if p := r.ask(open, r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusOK {
		t.Fatalf("status %d", p.Status)
	}
	his, size := r.begin(budi)
	hers, _ := r.begin(citra)
	r.fire("budi")
	if n, err := io.Copy(io.Discard, his); err == nil || n >= size/2 {
		t.Errorf("%d bytes of %d came after the removal: %v", n, size, err)
	}
	if n, err := io.Copy(io.Discard, hers); err != nil || n != size {
		t.Errorf("another courier got %d bytes of %d: %v", n, size, err)
	}
	if p := r.ask(open, r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusUnauthorized {
		t.Errorf("on an open connection: status %d", p.Status)
	}
	again := r.hire("budi")
	if p := r.send(r.get("/v1/batches").sign(t, again)); p.Status != http.StatusOK {
		t.Errorf("the new budi: status %d", p.Status)
	}
	if p := r.send(r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusUnauthorized {
		t.Errorf("the old budi: status %d", p.Status)
	}
}

// TestACourierRemovedWhileHeBringsBringsNothing: a body takes its time.
func TestACourierRemovedWhileHeBringsBringsNothing(t *testing.T) {
	r := newRemote(t)
	budi := r.hire("budi")
	by := r.Reviewers[0]
	box := outbox.Outbox{Reviewer: by.Line.ID, Roster: 1, RosterHash: r.Roster.Hash, Number: 1}
	l := r.post("/v1/outbox", box.Sign(by.Signer)).sign(t, budi)
	l.headers["Expect"] = "100-continue"
	head, body, _ := strings.Cut(l.text(), "\r\n\r\n")
	c := r.conn()
	answers := bufio.NewReader(c)
	io.WriteString(c, head+"\r\n\r\n")
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	answers.ReadString('\n')
	r.fire("budi")
	io.WriteString(c, body)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("%v, %v", resp, err)
	}
}

// TestASecondBundleEndsTheFirst: most often it is the same courier, whose circuit
// broke. Others are left alone.
func TestASecondBundleEndsTheFirst(t *testing.T) {
	r := newRemote(t)
	r.close(large)
	budi, citra := r.hire("budi"), r.hire("citra")
	first, size := r.begin(budi)
	hers, _ := r.begin(citra)
	second, _ := r.begin(budi)
	if n, err := io.Copy(io.Discard, first); err == nil || n == size {
		t.Errorf("the first got %d bytes of %d: %v", n, size, err)
	}
	for name, body := range map[string]io.Reader{"the second": second, "another courier": hers} {
		if n, err := io.Copy(io.Discard, body); err != nil || n != size {
			t.Errorf("%s got %d bytes of %d: %v", name, n, size, err)
		}
	}
}

// TestAServerWithoutAnAddressTakesNoCourier: a signature for no address, or for a
// list that cannot be read, counts nothing.
func TestAServerWithoutAnAddressTakesNoCourier(t *testing.T) {
	book := &folder.Couriers{Dir: t.TempDir()}
	r := &remote{t: t, book: book, Drop: servertest.New(t, servertest.Options{Couriers: book})}
	budi := r.hire("budi")
	if p := r.send(r.get("/v1/batches").sign(t, budi)); p.Status != http.StatusServiceUnavailable {
		t.Errorf("status %d", p.Status)
	}
}

// TestNothingIsLoggedOfCouriers: no visit, no name, no address.
func TestNothingIsLoggedOfCouriers(t *testing.T) {
	r := newRemote(t)
	r.close(large)
	budi := r.hire("budi")
	r.send(r.get("/v1/batches").sign(t, budi))
	r.send(r.get("/v1/batches"))
	body, _ := r.begin(budi)
	r.fire("budi")
	io.Copy(io.Discard, body)
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if log := r.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
}
