// Package recorder is a reverse proxy on loopback for tests. It stands between a
// browser and a server, keeps everything that passes, and does what a bad network or
// a hostile server would do: it cuts connections, loses answers, holds requests
// back, answers in the server's place, changes what the server says, goes down and
// comes back.
//
// What it kept can be searched for secrets, in the encodings in which a page could
// have let one slip: see [Recorder.Find].
package recorder

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a wait may last.
const patience = 60 * time.Second

// An Exchange is a request and the server's answer, each as far as it came.
type Exchange struct {
	Method, URL string // as the request's first line has them
	Header      http.Header
	Body        []byte
	Answer      Answer // with status 0 if there was none
}

// An Answer is what a server says.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// A Recorder is a running proxy. Its methods are for any goroutine.
type Recorder struct {
	t       testing.TB
	address string
	forward *http.Transport

	mu     sync.Mutex
	target string
	server *http.Server // nil while it is down
	all    []*Exchange
	faults []*Watch
}

// New starts a recorder in front of a server, whose URL has no slash at its end. It
// ends with the test.
func New(t testing.TB, target string) *Recorder {
	t.Helper()
	r := &Recorder{
		t: t, target: target, address: "127.0.0.1:0",
		// Compression is the business of those who talk. A connection that was kept
		// could be one that a stopped server has left.
		forward: &http.Transport{DisableCompression: true, DisableKeepAlives: true},
	}
	r.Back()
	t.Cleanup(r.Down)
	return r
}

// URL returns the address at which the recorder listens, without a slash at its end.
func (r *Recorder) URL() string { return "http://" + r.address }

// Forward has another server be asked from now on.
func (r *Recorder) Forward(target string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.target = target
}

// Down cuts all connections and takes no new ones.
func (r *Recorder) Down() {
	r.mu.Lock()
	server := r.server
	r.server = nil
	r.mu.Unlock()
	if server != nil {
		_ = server.Close() // its listener may have gone before
	}
}

// Back listens again, at the same address.
func (r *Recorder) Back() {
	r.t.Helper()
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		r.t.Errorf("listening again: %v", err)
		return
	}
	server := &http.Server{Handler: r}
	r.mu.Lock()
	r.address, r.server = l.Addr().String(), server
	r.mu.Unlock()
	go server.Serve(l)
}

// Exchanges returns everything that has passed, in the order in which the requests
// began. What is under way is there as far as it came.
func (r *Recorder) Exchanges() []Exchange {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Exchange
	for _, e := range r.all {
		all = append(all, *e)
	}
	return all
}

// Matching returns the exchanges of a pattern, as [Recorder.When] has it.
func (r *Recorder) Matching(pattern string) []Exchange {
	return slices.DeleteFunc(r.Exchanges(), func(e Exchange) bool { return !matches(pattern, e.Method, e.URL) })
}

// Forget drops what has been kept.
func (r *Recorder) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = nil
}

// Until waits until what has passed is as it should be.
func (r *Recorder) Until(done func([]Exchange) bool) error {
	for start := time.Now(); time.Since(start) < patience; time.Sleep(5 * time.Millisecond) {
		if done(r.Exchanges()) {
			return nil
		}
	}
	return fmt.Errorf("waiting for requests: nothing for %v", patience)
}

// ServeHTTP passes a request on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	e := r.begin(req)
	fault := r.fault(req)
	body := &tape{from: req.Body, keep: func(b []byte) { r.keep(&e.Body, b) }, left: unlimited}
	if fault.Cut == InRequest {
		body.left = fault.After
	}
	if fault.Answer != nil {
		_, _ = io.Copy(io.Discard, body) // to be kept
		fault.hold(req)
		write(w, req, *fault.Answer, unlimited)
		return
	}
	fault.hold(req)
	answer, err := r.ask(req, body, e)
	if err != nil || fault.Cut == BeforeAnswer {
		panic(http.ErrAbortHandler)
	}
	if fault.Change != nil {
		fault.Change(&answer)
		answer.Header.Del("Content-Length") // whatever it is now
	}
	limit := int64(unlimited)
	if fault.Cut == InAnswer {
		limit = fault.After
	}
	write(w, req, answer, limit)
}

// begin keeps what is known of a request before its body.
func (r *Recorder) begin(req *http.Request) *Exchange {
	header := req.Header.Clone()
	header.Set("Host", req.Host)
	e := &Exchange{Method: req.Method, URL: req.RequestURI, Header: header}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
	return e
}

func (r *Recorder) keep(to *[]byte, b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to = append(*to, b...)
}

// ask puts the request to the server, and reads its whole answer.
func (r *Recorder) ask(req *http.Request, body io.Reader, e *Exchange) (Answer, error) {
	r.mu.Lock()
	to, err := url.Parse(r.target + req.RequestURI)
	r.mu.Unlock()
	if err != nil {
		return Answer{}, err
	}
	out := req.Clone(req.Context())
	out.URL, out.RequestURI, out.Body = to, "", io.NopCloser(body)
	if req.ContentLength == 0 {
		out.Body = http.NoBody
	}
	if req.UserAgent() == "" {
		out.Header["User-Agent"] = []string{""} // not Go's own
	}
	resp, err := r.forward.RoundTrip(out)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	tape := &tape{from: resp.Body, keep: func(b []byte) { r.keep(&e.Answer.Body, b) }, left: unlimited}
	content, err := io.ReadAll(tape)
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Answer.Status, e.Answer.Header = resp.StatusCode, resp.Header.Clone()
	return Answer{resp.StatusCode, resp.Header, content}, err
}

// write gives an answer, and cuts the connection if it is longer than the limit.
func write(w http.ResponseWriter, req *http.Request, a Answer, limit int64) {
	maps.Copy(w.Header(), a.Header)
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding"} {
		w.Header().Del(name)
	}
	cut := int64(len(a.Body)) > limit
	if cut {
		// The length tells whoever reads that there should be more.
		w.Header().Set("Content-Length", fmt.Sprint(len(a.Body)))
		a.Body = a.Body[:limit]
	}
	w.WriteHeader(a.Status)
	if req.Method != http.MethodHead {
		_, _ = w.Write(a.Body) // who asked may have gone
	}
	if cut {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// unlimited is more than any body has.
const unlimited = 1 << 62

// A tape keeps what is read through it, and breaks off after some bytes.
type tape struct {
	from io.Reader
	keep func([]byte)
	left int64
}

func (t *tape) Read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := t.from.Read(p[:min(int64(len(p)), t.left)])
	t.keep(p[:n])
	t.left -= int64(n)
	return n, err
}

// matches tells whether a request is of a pattern: "METHOD /path", where either may
// be missing, and a path that ends in a slash stands for all below it.
func matches(pattern, method, uri string) bool {
	asked, path, ok := strings.Cut(pattern, " ")
	if !ok && strings.HasPrefix(pattern, "/") {
		asked, path = "", pattern
	}
	if asked != "" && asked != method {
		return false
	}
	here, _, _ := strings.Cut(uri, "?")
	return path == "" || path == here || strings.HasSuffix(path, "/") && strings.HasPrefix(here, path)
}
