package recorder

import (
	"fmt"
	"net/http"
	"time"
)

// Cut says where a connection is cut.
type Cut int

// Where a connection is cut.
const (
	Nowhere      Cut = iota
	InRequest        // after some bytes of the body, of which the server may get fewer
	BeforeAnswer     // the server has taken the request and answered, and nobody hears it
	InAnswer         // after the head and some bytes of the body
)

// A Fault is what befalls a request.
type Fault struct {
	Skip  int // how many requests pass before the first
	Times int // how many requests it befalls; all if 0
	// Hold keeps the request from the server, or the answer in its place from the
	// browser, until it is closed.
	Hold   <-chan struct{}
	Cut    Cut
	After  int64         // how many bytes pass before the cut
	Answer *Answer       // is given, and the server is not asked
	Change func(*Answer) // changes what the server said
}

// A Watch tells whom a fault has befallen.
type Watch struct {
	Fault
	pattern string
	r       *Recorder
	seen    int // matching requests; of r.mu
	met     int // those that it befell; of r.mu
	ended   bool
}

// When has a fault befall requests of a pattern: "METHOD /path", where either may be
// missing, and a path that ends in a slash stands for all below it. Of two faults
// for one request the later counts.
func (r *Recorder) When(pattern string, f Fault) *Watch {
	w := &Watch{Fault: f, pattern: pattern, r: r}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append([]*Watch{w}, r.faults...)
	return w
}

// Met returns how many requests it has befallen.
func (w *Watch) Met() int {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	return w.met
}

// Wait waits until it has befallen some requests.
func (w *Watch) Wait(times int) error {
	for start := time.Now(); time.Since(start) < patience; time.Sleep(5 * time.Millisecond) {
		if w.Met() >= times {
			return nil
		}
	}
	return fmt.Errorf("waiting for %q: met %d of %d times", w.pattern, w.Met(), times)
}

// End lets requests pass again.
func (w *Watch) End() {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.ended = true
}

// fault returns what befalls a request.
func (r *Recorder) fault(req *http.Request) Fault {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.faults {
		if w.ended || !matches(w.pattern, req.Method, req.RequestURI) {
			continue
		}
		w.seen++
		if w.seen > w.Skip && (w.Times == 0 || w.met < w.Times) {
			w.met++
			return w.Fault
		}
	}
	return Fault{}
}

// hold waits as long as the request is held back.
func (f Fault) hold(req *http.Request) {
	if f.Hold == nil {
		return
	}
	select {
	case <-f.Hold:
	case <-req.Context().Done():
	}
}
