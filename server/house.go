package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"saksi/server/gate"
)

// A house bounds how many connections a listener has at once, and how many of
// them with an upload. When it is full a new one takes the place of another:
//
//   - first of the circuit that has most connections, or uploads, if they are more
//     than a browser opens ([Limits.CircuitConnections], [Limits.CircuitUploads]);
//   - among its own, and where no circuit has too many among all: of the one that
//     has been longest without a whole request, be it idle or sending its header
//     by the byte, as a person's header follows at once;
//   - else of the request that has moved least since it began, in bytes a second.
//
// So a single circuit, whatever it opens, only ever displaces itself. A request
// that waits in the gate's line goes for nobody: there it cannot move. Connections
// of which no circuit is known count one by one.
//
// Refusing newcomers instead would let whoever came first and stays silent lock
// out everyone. This way who wants to keep a person out has to open as many
// circuits as the house holds handfuls of connections, in the second or two that
// a header takes through Tor; and who wants to break off a person's upload has to
// fill the house with uploads that are faster, again by many circuits. Both is
// work that tor's own defences make dear.
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
		circuit, _ := gate.CircuitOf(raw)
		if c, ok := h.admit(&conn{Conn: raw, house: h, circuit: circuit, since: time.Now()}); ok {
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
// all began just now, or if its circuit alone has too many.
func (h *house) admit(c *conn) (*conn, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) >= h.limits.Connections && !h.makeRoom(c, false) {
		return nil, false
	}
	h.conns[c] = true
	return c, true
}

// makeRoom puts out the connection that goes first for a newcomer, of all or of
// uploads alone, if there is one. The lock is held.
func (h *house) makeRoom(newcomer *conn, uploads bool) bool {
	now, crowd := time.Now(), h.crowds(newcomer, uploads)
	var first *conn
	for c := range h.conns {
		begun := c.working && now.Sub(c.since) < h.limits.Settle
		switch {
		case c == newcomer, c.held, uploads && !c.upload, begun && crowd[c.circuit] == 0:
		case first == nil, crowd[c.circuit] > crowd[first.circuit]:
			first = c
		case crowd[c.circuit] == crowd[first.circuit] && c.weaker(first, now):
			first = c
		}
	}
	if first == nil {
		return false
	}
	h.putOut(first)
	return true
}

// crowds says how many connections, or uploads, circuits have beyond what a
// browser opens, with the newcomer. The lock is held.
func (h *house) crowds(newcomer *conn, uploads bool) map[gate.Circuit]int {
	few := h.limits.CircuitConnections
	if uploads {
		few = h.limits.CircuitUploads
	}
	count := map[gate.Circuit]int{newcomer.circuit: 1}
	for c := range h.conns {
		if c != newcomer && (c.upload || !uploads) {
			count[c.circuit]++
		}
	}
	for circuit, n := range count {
		count[circuit] = max(0, n-few)
	}
	delete(count, gate.Circuit{}) // which is no circuit
	return count
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
	if n >= h.limits.Uploads && !h.makeRoom(c, true) {
		return false
	}
	c.upload = true
	return true
}

// connKey is under what a request's context has its connection.
type connKey struct{}

// context is told by net/http when a connection begins.
func (h *house) context(ctx context.Context, nc net.Conn) context.Context {
	if c, ok := nc.(*conn); ok {
		ctx = gate.With(ctx, gate.Visit{Circuit: c.circuit, Waits: c.hold})
	}
	return context.WithValue(ctx, connKey{}, nc)
}

// circuitOf returns by which circuit a request came, if that is known.
func circuitOf(ctx context.Context) gate.Circuit {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		return c.circuit
	}
	return gate.Circuit{}
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
	house   *house
	circuit gate.Circuit // none if it is not known
	moved   atomic.Int64 // bytes, either way, since it began what it does

	// Guarded by the house's lock.
	working bool      // on a request whose header is here
	upload  bool      // and which brings a file
	since   time.Time // that it works, or that it waits
	held    bool      // its request waits in the gate's line
}

// hold is told when a request begins to wait in line, and when it has waited.
func (c *conn) hold(held bool) {
	c.house.mu.Lock()
	defer c.house.mu.Unlock()
	c.held = held
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
