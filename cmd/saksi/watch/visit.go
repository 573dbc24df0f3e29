package watch

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/roster"
)

// Sizes that answers may have, in bytes.
const (
	maxHead = 64 << 10
	maxPage = 1 << 20
	maxText = 1 << 20 // a roster is below that, and so is a recipients file
)

// seen is what one visit saw.
type seen struct {
	start, info []byte
	direct      []byte // recipients.txt
	week        []byte // recipients file of this week
	closed      bool   // the drop said so in place of that
	busy        bool   // or the server was
	newest      *roster.Signed
	between     []*roster.Signed // after the last one that we know, before the newest
	before      []*seen          // on connections that broke: pages as far as they came
	cut         []piece
}

// A piece is what came of an answer that broke off, or of one that says that the server
// is busy. A browser shows both.
type piece struct {
	path   string
	body   []byte
	header http.Header
	whole  bool
}

// A visitor asks for one thing after the other on one circuit.
//
// Requests are written here and not by net/http, which would give them away: it
// has an order of headers of its own. Nothing of an answer counts but its status
// and its body; a redirect is one that is not 200.
type visitor struct {
	dial    func(context.Context) (net.Conn, error)
	host    string
	script  string // that it has
	conn    net.Conn
	end     *ending
	bounded *io.LimitedReader
	answers *bufio.Reader
	cut     []piece
	busy    []piece // in place of an answer
}

// ending notes that a connection came to its end: half a line of an answer is no line
// that a server chose.
type ending struct {
	io.Reader
	came bool
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	e.came = e.came || err != nil
	return n, err
}

// visitOnce makes a visit on a circuit that nobody has used. With an error comes what was
// seen until then.
func (w *Watchdog) visitOnce(ctx context.Context, language string, last uint64) (*seen, error) {
	way := errand.NewWay(w.Socks)
	host := w.Onion.String()
	v := &visitor{host: host, dial: func(ctx context.Context) (net.Conn, error) {
		return way.Dial(ctx, "tcp", net.JoinHostPort(host, "80"))
	}}
	defer v.hangUp()
	s, err := v.read(ctx, language)
	s.cut = v.cut
	if err != nil {
		return s, err
	}
	note, err := v.within(ctx, "/roster.note", typed, maxText)
	if err != nil {
		return s, err
	}
	if s.newest, err = w.verify(note); err != nil {
		return s, err
	}
	if s.busy && w.inForce(s.newest) == nil {
		return s, ErrServerBusy // which keys it has for this week nobody knows
	}
	s.between, err = w.between(ctx, v, last, s.newest.Sequence)
	return s, err
}

// read opens what a reporter would open.
func (v *visitor) read(ctx context.Context, language string) (*seen, error) {
	s := &seen{}
	var err error
	if s.start, err = v.page(ctx, language+"/", typed); err != nil {
		return s, err
	}
	if s.info, err = v.page(ctx, language+"/info", followed); err != nil {
		return s, err
	}
	if s.direct, err = v.within(ctx, "/recipients.txt", followed, maxPage); err != nil {
		return s, err
	}
	s.week, err = v.within(ctx, "/roster.recipients", typed, maxPage)
	if errors.Is(err, ErrServerBusy) {
		s.closed = errors.Is(err, errClosed)
		s.busy, err = !s.closed, nil // the roster says why there is none, perhaps
	}
	return s, err
}

// page opens a page with what belongs to it: its style sheet each time, and its script
// once, as a browser keeps that. What is in them a watchdog does not look at. With an error
// comes the page, if that came.
func (v *visitor) page(ctx context.Context, path string, k kind) ([]byte, error) {
	body, err := v.within(ctx, path, k, maxPage)
	if err != nil {
		return nil, err
	}
	if _, err := v.within(ctx, "/style.css", part, maxPage); err != nil {
		return body, err
	}
	if named := script.FindSubmatch(body); named != nil && string(named[1]) != v.script {
		if _, err := v.within(ctx, string(named[1]), program, maxPage); err != nil {
			return body, err
		}
		v.script = string(named[1])
	}
	return body, nil
}

// between fetches the rosters between the last one that we know and the newest.
func (w *Watchdog) between(ctx context.Context, v *visitor, last, newest uint64) (all []*roster.Signed, err error) {
	if last == 0 || newest <= last {
		return nil, nil
	}
	if newest-last > maxChain {
		return nil, &Alarm{Gap, fmt.Sprintf("from roster %d to %d at once", last, newest)}
	}
	for n := last + 1; n < newest; n++ {
		note, err := v.within(ctx, "/rosters/"+roster.NoteName(n), typed, maxText)
		var alarm *Alarm
		if errors.As(err, &alarm) {
			return nil, &Alarm{Gap, fmt.Sprintf("roster %d is in force, and the server does not show roster %d: %s",
				newest, n, alarm.Detail)}
		}
		if err != nil {
			return nil, err
		}
		signed, err := w.verify(note)
		if err != nil {
			return nil, err
		}
		all = append(all, signed)
	}
	return all, nil
}

func (w *Watchdog) verify(note []byte) (*roster.Signed, error) {
	signed, err := roster.Verify(note, w.Roots)
	if err != nil {
		return nil, &Alarm{Unsigned, err.Error()}
	}
	return signed, nil
}

// A kind of request, as a browser tells them apart.
type kind int

const (
	typed    kind = iota // a page by its address
	followed             // a page by a link
	part                 // of a page: its style sheet
	program              // its script
	loaded               // what its script asks for
)

// request returns what Tor Browser sends. A test holds it against Firefox.
func request(host, path string, k kind) string {
	accept := "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	upgrade := "Upgrade-Insecure-Requests: 1\r\n"
	fetch := "document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nSec-Fetch-User: ?1\r\nPriority: u=0, i"
	switch k {
	case followed:
		fetch = strings.Replace(fetch, "Site: none", "Site: same-origin", 1)
	case part:
		accept, upgrade = "text/css,*/*;q=0.1", ""
		fetch = "style\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin\r\nPriority: u=2"
	case program:
		accept, upgrade = "*/*", ""
		fetch = "script\r\nSec-Fetch-Mode: no-cors\r\nSec-Fetch-Site: same-origin" // one that is deferred has no priority
	case loaded:
		accept, upgrade = "*/*", ""
		fetch = "empty\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin"
	}
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" +
		"User-Agent: Mozilla/5.0 (Windows NT 10.0; rv:153.0) Gecko/20100101 Firefox/153.0\r\n" +
		"Accept: " + accept + "\r\nAccept-Language: en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Sec-GPC: 1\r\nConnection: keep-alive\r\n" + upgrade + "Sec-Fetch-Dest: " + fetch + "\r\n\r\n"
}

// ErrServerBusy is returned for a server that cannot answer now.
var ErrServerBusy = errors.New("the server is busy, or in trouble")

// within asks for one thing, for as long as that may take. A connection that
// the server ended between two requests is made anew, on the same circuit.
func (v *visitor) within(ctx context.Context, path string, k kind, size int64) ([]byte, error) {
	_, body, err := v.withHeader(ctx, path, k, size)
	return body, err
}

// withHeader is within, and returns the header as well.
func (v *visitor) withHeader(
	ctx context.Context, path string, k kind, size int64,
) (h http.Header, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	again := v.conn != nil
	h, body, err = v.ask(ctx, path, k, size)
	var alarm *Alarm
	if err != nil && again && !errors.As(err, &alarm) && !errors.Is(err, ErrServerBusy) && ctx.Err() == nil {
		v.hangUp()
		h, body, err = v.ask(ctx, path, k, size)
	}
	return h, body, err
}

func (v *visitor) ask(ctx context.Context, path string, k kind, size int64) (http.Header, []byte, error) {
	if err := v.connect(ctx); err != nil {
		return nil, nil, err
	}
	conn := v.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if _, err := io.WriteString(conn, request(v.host, path, k)); err != nil {
		return nil, nil, errand.ErrBroken
	}
	v.bounded.N = maxHead + size
	resp, err := http.ReadResponse(v.answers, nil)
	if err != nil {
		return nil, nil, v.broken()
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		body, err := io.ReadAll(io.LimitReader(resp.Body, size))
		v.busy = append(v.busy, piece{path, body, resp.Header, err == nil})
		v.hangUp()
		return nil, nil, trouble(resp.StatusCode, body, err)
	case resp.StatusCode != http.StatusOK:
		return nil, nil, &Alarm{Answer, fmt.Sprintf("asked for %s it answers with status %d", path, resp.StatusCode)}
	}
	plain, err := unpacked(resp, k)
	if err != nil {
		return nil, nil, &Alarm{Answer, fmt.Sprintf("%s came compressed, and no drop does that", path)}
	}
	body, err := io.ReadAll(io.LimitReader(plain, size+1))
	switch {
	case int64(len(body)) > size:
		return nil, nil, &Alarm{Answer, fmt.Sprintf("%s has more than %d bytes", path, size)}
	case errors.Is(err, errPacked):
		return nil, nil, &Alarm{Answer, fmt.Sprintf("%s is %v", path, err)}
	case err != nil:
		v.cut = append(v.cut, piece{path, body, resp.Header, false})
		return nil, nil, v.broken()
	}
	if resp.Close || v.answers.Buffered() > 0 {
		v.hangUp() // what is left over is an answer to nothing
	}
	return resp.Header, body, nil
}

// unpacked returns an answer as a browser reads it. Scripts alone come compressed.
func unpacked(resp *http.Response, k kind) (io.Reader, error) {
	switch encoding := resp.Header.Get("Content-Encoding"); {
	case encoding == "":
		return resp.Body, nil
	case encoding == "gzip" && k == program:
		return &packed{from: bufio.NewReader(resp.Body)}, nil
	}
	return nil, errEncoding
}

var (
	errEncoding = errors.New("compressed")
	errPacked   = errors.New("packed as no drop does it, so that a browser may read less of it")
)

// packed is an answer that came compressed, in the one way in which a drop does that: a
// head that says nothing, one part, and nothing behind it. Tor Browser refuses some of
// what else the format permits, and of several parts it reads the first: it would have
// another script than we.
type packed struct {
	from  *bufio.Reader
	plain *gzip.Reader // nil before the head has been read
}

func (p *packed) Read(b []byte) (int, error) {
	if p.plain == nil {
		if err := p.open(); err != nil {
			return 0, err
		}
	}
	n, err := p.plain.Read(b)
	if err != io.EOF {
		return n, err
	}
	if _, err := p.from.ReadByte(); err != io.EOF {
		return n, cmp.Or(err, errPacked)
	}
	return n, io.EOF
}

func (p *packed) open() error {
	const flags = 3 // the byte that says what else the head has
	head, err := p.from.Peek(flags + 1)
	switch {
	case err != nil:
		return err
	case head[flags] != 0:
		return errPacked
	}
	if p.plain, err = gzip.NewReader(p.from); err != nil {
		return err
	}
	p.plain.Multistream(false)
	return nil
}

// broken tells an answer that is endless or none from a connection that broke.
func (v *visitor) broken() error {
	switch {
	case v.bounded.N <= 0:
		return &Alarm{Answer, "an answer is too long"}
	case v.end.came:
		return errand.ErrBroken
	}
	return &Alarm{Answer, "an answer is not HTTP as a drop speaks it"}
}

func (v *visitor) connect(ctx context.Context) (err error) {
	if v.conn != nil {
		return nil
	}
	if v.conn, err = v.dial(ctx); err != nil {
		v.conn = nil
		return err
	}
	v.end = &ending{Reader: v.conn}
	v.bounded = &io.LimitedReader{R: v.end}
	v.answers = bufio.NewReader(v.bounded)
	return nil
}

func (v *visitor) hangUp() {
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
	}
}
