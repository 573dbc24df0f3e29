package gate

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// Limits of what tor says of a connection, in one line that it writes at once.
const (
	maxHeader  = 107              // bytes, by the PROXY protocol
	headerTime = 10 * time.Second // a busy machine's
	maxPending = 256              // connections that have not said it yet
)

// errHeader is why a connection is not let in. It says no more, as its text may
// stand in a log.
var errHeader = errors.New("the connection does not say which circuit it came by")

// A Circuit is a circuit of the own tor, or none if it is the zero value.
type Circuit struct {
	number uint32
	known  bool
}

// Format keeps a circuit from being printed, by any verb.
func (c Circuit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "a circuit") }

// Listen wraps the listener to which tor brings an onion service that has
// HiddenServiceExportCircuitID haproxy in torrc. tor begins each connection with
//
//	PROXY TCP6 fc00:dead:beef:4dad::0:1c ::1 28 81
//
// where the last 32 bits of the first address are the circuit. What begins in
// another way is closed. What is slow in saying so keeps no other waiting, and is
// closed for a newcomer when there is too much of it.
func Listen(l net.Listener) net.Listener {
	return &listener{Listener: l, accepted: make(chan accepted), done: make(chan struct{})}
}

type listener struct {
	net.Listener
	accepted chan accepted
	done     chan struct{} // closed by Close
	start    sync.Once
	stop     sync.Once

	mu      sync.Mutex
	pending []net.Conn // their header is being read; the oldest first
}

type accepted struct {
	conn net.Conn
	err  error
}

// Accept waits for a connection that has said by which circuit it came.
func (l *listener) Accept() (net.Conn, error) {
	l.start.Do(func() { go l.run() })
	select {
	case a := <-l.accepted:
		return a.conn, a.err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends the listener, and what has not been accepted.
func (l *listener) Close() error {
	l.stop.Do(func() { close(l.done) })
	err := l.Listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, raw := range l.pending {
		raw.Close()
	}
	return err
}

func (l *listener) run() {
	for {
		raw, err := l.Listener.Accept()
		if err == nil {
			l.begin(raw)
			go l.receive(raw)
			continue
		}
		if !l.hand(accepted{err: err}) || errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// hand gives what was accepted to Accept, and reports whether it took it.
func (l *listener) hand(a accepted) bool {
	select {
	case l.accepted <- a:
		return true
	case <-l.done:
		return false
	}
}

// begin notes a connection, in place of the oldest if there are too many.
func (l *listener) begin(raw net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) >= maxPending {
		l.pending[0].Close()
		l.pending = l.pending[1:]
	}
	l.pending = append(l.pending, raw)
}

func (l *listener) end(raw net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.pending {
		if c == raw {
			l.pending = append(l.pending[:i:i], l.pending[i+1:]...)
			return
		}
	}
}

// receive reads a connection's header and hands it over.
func (l *listener) receive(raw net.Conn) {
	_ = raw.SetReadDeadline(time.Now().Add(headerTime))
	ahead := bufio.NewReaderSize(io.LimitReader(raw, maxHeader), maxHeader)
	circuit, err := readCircuit(ahead)
	_ = raw.SetReadDeadline(time.Time{})
	l.end(raw)
	if err != nil || !l.hand(accepted{conn: &conn{Conn: raw, circuit: circuit, ahead: ahead}}) {
		raw.Close()
	}
}

// readCircuit reads what tor says, and nothing behind it. The library's errors
// repeat what they are about, so they go no further.
func readCircuit(r *bufio.Reader) (Circuit, error) {
	header, err := proxyproto.Read(r)
	if err != nil || header.Version != 1 || // tor's
		header.TransportProtocol != proxyproto.TCPv6 {
		return Circuit{}, errHeader
	}
	source, _, ok := header.TCPAddrs()
	if !ok {
		return Circuit{}, errHeader
	}
	addr, ok := netip.AddrFromSlice(source.IP)
	if !ok || !ofTor().Contains(addr) {
		return Circuit{}, errHeader
	}
	b := addr.As16()
	return Circuit{uint32(b[12])<<24 | uint32(b[13])<<16 | uint32(b[14])<<8 | uint32(b[15]), true}, nil
}

// ofTor has the addresses that tor makes of circuits.
func ofTor() netip.Prefix { return netip.MustParsePrefix("fc00:dead:beef:4dad::/64") }

// CircuitOf returns the circuit by which a connection of [Listen] came.
func CircuitOf(c net.Conn) (Circuit, bool) {
	if own, ok := c.(*conn); ok {
		return own.circuit, true
	}
	return Circuit{}, false
}

// A conn is a connection whose header has been read. Its addresses are those of
// the socket, which say nothing of the circuit.
type conn struct {
	net.Conn
	circuit Circuit
	ahead   *bufio.Reader // what came with the header; nil once it is read
}

func (c *conn) Read(p []byte) (int, error) {
	if c.ahead != nil && c.ahead.Buffered() > 0 {
		return c.ahead.Read(p)
	}
	c.ahead = nil
	return c.Conn.Read(p)
}

// CloseWrite ends what is sent, where the connection can.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// SetReadBuffer bounds what the kernel keeps, where it can be told.
func (c *conn) SetReadBuffer(bytes int) error {
	if socket, ok := c.Conn.(interface{ SetReadBuffer(int) error }); ok {
		return socket.SetReadBuffer(bytes)
	}
	return nil
}

// SetWriteBuffer bounds what the kernel keeps, where it can be told.
func (c *conn) SetWriteBuffer(bytes int) error {
	if socket, ok := c.Conn.(interface{ SetWriteBuffer(int) error }); ok {
		return socket.SetWriteBuffer(bytes)
	}
	return nil
}
