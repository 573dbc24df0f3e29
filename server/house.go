package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A house bounds how many connections a listener has at once, and how many of
// them with an upload. When it is full a new one takes the place of another:
//
//   - first of the one that has been longest without a whole request, be it idle
//     or sending its header by the byte: a person's header follows at once;
//   - else of the request that has moved least since it began, in bytes a second.
//
// Refusing newcomers instead would let whoever came first and stays silent lock
// out everyone. This way who wants to keep a person out has to open as many
// connections as the house holds in the second or two that a header takes
// through Tor; and who wants to break off a person's upload has to fill the
// house with uploads that are faster. Both is work that tor's own defences make
// dear.
type house struct {
	net.Listener
	limits Limits

	mu     sync.RWMutex
	conns  map[*conn]bool
	closed bool // to stop: deadlines are near
}

func newHouse(l net.Listener, limits Limits) *house {
	return &house{Listener: l, limits: limits, conns: map[*conn]bool{}}
}

// Accept waits for a connection, and makes room for it.
func (h *house) Accept() (net.Conn, error) {
	for {
		raw, err := h.Listener.Accept()
		if err != nil {
			return nil, err
		}
		bound(raw, h.limits.Socket)
		if c, ok := h.admit(&conn{Conn: raw, house: h, since: time.Now()}); ok {
			return c, nil
		}
		raw.Close()
	}
}

// bound sets what the kernel keeps of a connection. Left alone it would keep 4 MiB
// for each reader who does not read, which no limit of ours sees, and wait for a
// third of that to drain before it takes more.
func bound(c net.Conn, size int) {
	if socket, ok := c.(interface {
		SetReadBuffer(bytes int) error
		SetWriteBuffer(bytes int) error
	}); ok {
		_ = socket.SetReadBuffer(size)
		_ = socket.SetWriteBuffer(size)
	}
}

// admit takes a connection in. It fails if the house is full of requests that
// all began just now.
func (h *house) admit(c *conn) (*conn, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) >= h.limits.Connections {
		weakest := h.weakest(time.Now(), false)
		if weakest == nil {
			return nil, false
		}
		h.putOut(weakest)
	}
	h.conns[c] = true
	return c, true
}

// weakest returns the connection that goes first, of all or of uploads alone, or
// nil if all are on requests that began just now. The lock is held.
func (h *house) weakest(now time.Time, uploads bool) *conn {
	var first *conn
	for c := range h.conns {
		if uploads && !c.upload || c.working && now.Sub(c.since) < h.limits.Settle {
			continue
		}
		if first == nil || c.weaker(first, now) {
			first = c
		}
	}
	return first
}

// putOut ends a connection. The lock is held.
func (h *house) putOut(c *conn) {
	delete(h.conns, c)
	c.Conn.Close()
}

// uploads makes room for the upload that a connection begins. It fails if there
// are too many that all began just now.
func (h *house) uploads(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for other := range h.conns {
		if other.upload {
			n++
		}
	}
	if n >= h.limits.Uploads {
		weakest := h.weakest(time.Now(), true)
		if weakest == nil {
			return false
		}
		h.putOut(weakest)
	}
	c.upload = true
	return true
}

// connKey is under what a request's context has its connection.
type connKey struct{}

// context is told by net/http when a connection begins.
func (h *house) context(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, nc)
}

// beginUpload makes room for a request's upload, if it came through a house.
func beginUpload(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return !ok || c.house.uploads(c)
}

// state is told by net/http when a request begins and when it has been answered.
func (h *house) state(nc net.Conn, s http.ConnState) {
	c, ok := nc.(*conn)
	if !ok || s != http.StateActive && s != http.StateIdle {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	c.working, c.upload, c.since = s == http.StateActive, false, time.Now()
	c.moved.Store(0)
}

// close brings the deadlines of all connections near. What moves goes on: each
// read and write moves its deadline.
func (h *house) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for c := range h.conns {
		_ = c.Conn.SetDeadline(time.Now().Add(h.limits.StopStall))
	}
}

// A conn is a connection of a house.
type conn struct {
	net.Conn
	house *house
	moved atomic.Int64 // bytes, either way, since it began what it does

	// Guarded by the house's lock.
	working bool      // on a request whose header is here
	upload  bool      // and which brings a file
	since   time.Time // that it works, or that it waits
}

func (c *conn) weaker(other *conn, now time.Time) bool {
	switch {
	case c.working != other.working:
		return !c.working
	case !c.working:
		return c.since.Before(other.since)
	default:
		return c.speed(now) < other.speed(now)
	}
}

// speed is in bytes a second.
func (c *conn) speed(now time.Time) float64 {
	return float64(c.moved.Load()) / max(now.Sub(c.since).Seconds(), 1e-3)
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.moved.Add(int64(n))
	return n, err
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.moved.Add(int64(n))
	return n, err
}

func (c *conn) Close() error {
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	delete(c.house.conns, c)
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer before it ends the connection.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *conn) SetDeadline(t time.Time) error { return c.until(c.Conn.SetDeadline, t) }

func (c *conn) SetReadDeadline(t time.Time) error { return c.until(c.Conn.SetReadDeadline, t) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.until(c.Conn.SetWriteDeadline, t) }

// until sets a deadline, and a nearer one in a house that is to close. The lock
// keeps it from undoing what close has just set.
func (c *conn) until(set func(time.Time) error, t time.Time) error {
	c.house.mu.RLock()
	defer c.house.mu.RUnlock()
	if soon := time.Now().Add(c.house.limits.StopStall); c.house.closed && (t.IsZero() || t.After(soon)) {
		t = soon
	}
	return set(t)
}
