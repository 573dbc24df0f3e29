package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"saksi/server/reporter"
	"saksi/server/sealed"
)

const (
	maxDrain = 8 << 30  // bytes of a body that nobody reads
	piece    = 32 << 10 // bytes of an answer that have to get through in one stall time
)

// An exchange is one request and its answer, on deadlines that move with them: a
// slow upload may take as long as it moves.
//
// Before the answer leaves, the rest of the body is read, so that a browser
// looks at the answer. When a body stands still or breaks off, the connection
// ends with the answer, and nobody waits for the rest a second time.
type exchange struct {
	http.ResponseWriter
	control *http.ResponseController
	server  *Server
	limits  *Limits

	body   io.ReadCloser
	isForm bool          // what is read of it stays in memory, and is bounded here
	read   int64         // bytes
	waited time.Duration // for bytes, since it last moved
	moved  int64         // since then
	ended  error         // io.EOF, or why no more can be read

	placed    bool      // it has one of the places
	refused   bool      // there was none
	until     time.Time // when placed: for the body, and then for the answer
	picture   *asked    // what it has of the memory for pictures, if it has some
	answering bool
}

// steady runs a handler's requests as exchanges.
func (s *Server) steady(next http.Handler, forms bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		multipart := strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/")
		parcel := forms && sealed.Has(r.URL.Path)
		file := multipart || parcel && sealed.BringsFile(r)
		x := &exchange{
			ResponseWriter: w, control: http.NewResponseController(w), server: s, limits: &s.Limits,
			body: r.Body, isForm: forms && !multipart && !parcel,
		}
		if !s.work.begin() {
			panic(http.ErrAbortHandler) // net/http ends the connection
		}
		defer s.work.end()
		if file && !beginUpload(r) {
			panic(http.ErrAbortHandler)
		}
		defer x.end()
		if r.Body == http.NoBody {
			x.ended = io.EOF
		} else {
			r.Body = exchangeBody{x}
		}
		next.ServeHTTP(x, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// end leaves nothing to be waited for: net/http would read the rest of a body.
func (x *exchange) end() {
	x.answer()
	if x.ended != io.EOF {
		_ = x.control.SetReadDeadline(time.Now())
	}
	if x.placed {
		<-x.server.places
	}
}

// exchangeBody is the body as a handler sees it.
type exchangeBody struct{ x *exchange }

func (b exchangeBody) Close() error { return b.x.body.Close() }

func (b exchangeBody) Read(p []byte) (int, error) {
	if err := b.x.claim(); err != nil {
		return 0, err
	}
	return b.x.readBefore(p, b.x.limits.Stall)
}

// claim takes a place once a form is longer than ordinary ones.
//
// Texts in memory are bounded by that: by PlainForm for every connection, and by
// Form for every place. A sender who dawdles holds a place for LongTime at most,
// and keeps nobody from sending an ordinary form, which needs none. Who finds all
// places taken for LongWait has a text that is too long in any case, and gets its
// beginning back.
func (x *exchange) claim() error {
	if !x.isForm || x.placed || x.answering || x.read < x.limits.PlainForm {
		return nil
	}
	if x.refused {
		return reporter.ErrFormSize
	}
	timer := time.NewTimer(x.limits.LongWait)
	defer timer.Stop()
	select {
	case x.server.places <- struct{}{}:
		x.placed, x.until = true, time.Now().Add(x.limits.LongTime)
		return nil
	case <-timer.C:
	case <-x.server.stopping:
	}
	x.refused = true
	return reporter.ErrFormSize
}

// readBefore reads of the body what comes before it has stood still for stall.
// Only waiting counts, not what a handler does meanwhile.
func (x *exchange) readBefore(p []byte, stall time.Duration) (int, error) {
	if x.ended != nil {
		return 0, x.ended
	}
	began := time.Now()
	_ = x.control.SetReadDeadline(x.within(began.Add(stall - x.waited)))
	n, err := x.body.Read(p)
	x.waited += time.Since(began)
	x.read, x.moved = x.read+int64(n), x.moved+int64(n)
	if x.picture != nil {
		x.picture.sent.Add(int64(n))
		x.picture.whole.Store(err == io.EOF)
	}
	if x.moved >= x.limits.Move {
		x.waited, x.moved = 0, 0
	}
	if x.ended = err; err == io.EOF {
		_ = x.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// within returns a deadline no later than a place's time, or a share's.
func (x *exchange) within(t time.Time) time.Time {
	if x.picture != nil && !x.answering {
		if soon := x.picture.pace(x.limits); soon.Before(t) {
			t = soon
		}
	}
	if x.placed && x.until.Before(t) {
		return x.until
	}
	return t
}

// answer is called before the first byte of the answer.
func (x *exchange) answer() {
	if x.answering {
		return
	}
	x.answering = true
	var scratch [32 << 10]byte
	for x.ended == nil && x.read < maxDrain {
		_, _ = x.readBefore(scratch[:], x.limits.Linger)
	}
	if !errors.Is(x.ended, io.EOF) {
		x.Header().Set("Connection", "close")
	}
	x.until = time.Now().Add(x.limits.LongTime)
}

func (x *exchange) WriteHeader(status int) {
	x.answer()
	_ = x.control.SetWriteDeadline(x.within(time.Now().Add(x.limits.Stall)))
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (written int, err error) {
	x.answer()
	for len(p) > 0 && err == nil {
		var n int
		_ = x.control.SetWriteDeadline(x.within(time.Now().Add(x.limits.Stall)))
		n, err = x.ResponseWriter.Write(p[:min(len(p), piece)])
		written, p = written+n, p[n:]
	}
	return written, err
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }
