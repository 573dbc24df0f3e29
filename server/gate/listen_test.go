package gate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
)

// said is the line that tor writes for a circuit.
func said(circuit uint32) string {
	return fmt.Sprintf("PROXY TCP6 fc00:dead:beef:4dad::%x:%x ::1 %d 81\r\n", circuit>>16, circuit&0xffff, circuit&0xffff)
}

// FuzzCircuit: whatever begins a connection, a circuit that is read from it is the
// one that tor would have written so, and what is behind the line is still there.
func FuzzCircuit(f *testing.F) {
	f.Add("PROXY TCP6 fc00:dead:beef:4dad::0:1c ::1 28 81\r\n", "GET / HTTP/1.1\r\n")
	f.Add(said(0xffffffff), "")
	f.Add("PROXY TCP6 fc00:dead:beef:4dae::0:1c ::1 28 81\r\n", "")
	f.Add("PROXY TCP6 fc00:dead:beef:4dad:1:2:3.4.5.6 ::1 28 81\r\n", "")
	f.Add("PROXY TCP4 127.0.0.1 127.0.0.1 28 81\r\n", "")
	f.Add("PROXY UNKNOWN\r\n", "GET /")
	f.Add("PROXY TCP6 fc00:dead:beef:4dad::1%eth0 ::1 28 81\r\n", "")
	f.Add("\r\n\r\n\x00\r\nQUIT\n\x21\x21\xff\xff", strings.Repeat("x", 1<<16)) // version 2
	f.Add("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "")
	// A line of 107 bytes, or a header of version 2, for which the library has a
	// limit of 4 KiB, and what it makes of them.
	bound := fuzztest.Bound{Base: 16 << 10}
	f.Fuzz(func(t *testing.T, line, rest string) {
		all := line + rest
		ahead := bufio.NewReaderSize(nil, maxHeader)
		var circuit Circuit
		var err error
		bound.Check(t, len(all), func() {
			ahead.Reset(strings.NewReader(all))
			circuit, err = readCircuit(ahead)
		})
		if err != nil {
			fuzztest.Refused(t, err, errHeader)
			if circuit != (Circuit{}) || err != errHeader {
				t.Errorf("refused with %v", err)
			}
			return
		}
		again, err := readCircuit(bufio.NewReader(strings.NewReader(said(circuit.number))))
		if err != nil || again != circuit || !circuit.known {
			t.Errorf("written again, it is refused or another circuit: %v", err)
		}
		behind, err := io.ReadAll(ahead)
		if _, want, _ := strings.Cut(all, "\n"); err != nil || string(behind) != want {
			t.Errorf("%d bytes are behind the line, want %d: %v", len(behind), len(want), err)
		}
	})
}

// A socket is a listener of the gate, and what is accepted on it.
type socket struct {
	t        *testing.T
	path     string
	accepted chan net.Conn
	listener *listener
}

func newSocket(t *testing.T) *socket {
	t.Helper()
	s := &socket{t: t, path: filepath.Join(t.TempDir(), "s"), accepted: make(chan net.Conn)}
	raw, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(raw)
	s.listener = l.(*listener)
	done := make(chan error, 1)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				done <- err
				return
			}
			s.accepted <- c
		}
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("accepting ended with %v", err)
		}
	})
	return s
}

// say connects and writes.
func (s *socket) say(text string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("unix", s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	io.WriteString(c, text)
	return c
}

// TestACircuitIsWhatTorSays: 32 bits of it, and the connection goes on behind it
// as if nothing had been there.
func TestACircuitIsWhatTorSays(t *testing.T) {
	s := newSocket(t)
	for line, want := range map[string]uint32{
		"PROXY TCP6 fc00:dead:beef:4dad::0:1c ::1 28 81\r\n":       0x1c,
		"PROXY TCP6 fc00:dead:beef:4dad::12:abcd ::1 43981 80\r\n": 0x12abcd,
		said(0xfffffffe): 0xfffffffe,
	} {
		client := s.say(line + "hal")
		c := <-s.accepted
		if got, ok := CircuitOf(c); !ok || got != (Circuit{want, true}) {
			t.Errorf("%q is circuit %#x, want %#x", line, got.number, want)
		}
		io.WriteString(client, "o")
		client.(*net.UnixConn).CloseWrite()
		if got, err := io.ReadAll(c); err != nil || string(got) != "halo" {
			t.Errorf("%q came, %v", got, err)
		}
		for _, addr := range []net.Addr{c.RemoteAddr(), c.LocalAddr()} {
			if addr.Network() != "unix" || strings.Contains(addr.String(), "fc00") {
				t.Errorf("its address is %v", addr)
			}
		}
		c.Close()
	}
}

// TestWhatDoesNotSayItsCircuitIsClosed, without an answer.
func TestWhatDoesNotSayItsCircuitIsClosed(t *testing.T) {
	s := newSocket(t)
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"PROXY TCP6 2001:db8::1 ::1 28 81\r\n",
		"PROXY TCP6 fc00:dead:beef:4dac::1 ::1 28 81\r\n",
		"PROXY TCP4 127.0.0.1 127.0.0.1 28 81\r\n",
		"PROXY UNKNOWN\r\n",
		"PROXY TCP6 fc00:dead:beef:4dad::0:1c ::1 28 81\n",
		"PROXY TCP6 fc00:dead:beef:4dad::0:1c ::1 28 81" + strings.Repeat(" ", 100) + "\r\n",
		"PROXY TCP6 fc00:dead:beef:4dad::0:1c",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x21\x00\x24" + strings.Repeat("\xfc", 36),
	} {
		client, answer := s.say(text), make(chan []byte)
		go func() {
			b, _ := io.ReadAll(client)
			answer <- b
		}()
		select {
		case c := <-s.accepted:
			c.Close()
			t.Errorf("%q was let in", text)
			<-answer
		case b := <-answer:
			if len(b) > 0 {
				t.Errorf("%q is answered with %q", text, b)
			}
		}
	}
	s.say(said(1))
	if c := <-s.accepted; !c.(*conn).circuit.known {
		t.Error("a connection of no circuit was let in")
	}
}

// TestSilenceKeepsNobodyWaiting: far more connections than may be silent say
// nothing. Others are accepted, and the oldest of the silent are closed.
func TestSilenceKeepsNobodyWaiting(t *testing.T) {
	s := newSocket(t)
	var silent []net.Conn
	for range 2 * maxPending {
		silent = append(silent, s.say(""))
	}
	s.say(said(7))
	if got, _ := CircuitOf(<-s.accepted); got.number != 7 {
		t.Error("another one was accepted")
	}
	s.listener.mu.Lock()
	pending := len(s.listener.pending)
	s.listener.mu.Unlock()
	if pending > maxPending {
		t.Errorf("%d connections are waited for", pending)
	}
	for _, c := range silent[:maxPending] {
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("a silent connection was answered")
		}
	}
}

// TestSilenceEndsByItself after the time that tor has, at most.
func TestSilenceEndsByItself(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	watched := &deadlines{Conn: ours}
	l := Listen(nil).(*listener)
	go io.WriteString(theirs, "GET /")
	l.receive(watched)
	if len(watched.set) != 2 || time.Until(watched.set[0]) > headerTime || !watched.set[1].IsZero() {
		t.Errorf("deadlines: %v", watched.set)
	}
}

type deadlines struct {
	net.Conn
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return d.Conn.SetReadDeadline(t)
}

// TestConnectionsKeepWhatTheServerNeeds: halves that close, and buffers that are
// bounded.
func TestConnectionsKeepWhatTheServerNeeds(t *testing.T) {
	s := newSocket(t)
	client := s.say(said(1))
	c := (<-s.accepted).(*conn)
	if err := errors.Join(c.SetReadBuffer(1<<16), c.SetWriteBuffer(1<<16)); err != nil {
		t.Error(err)
	}
	io.WriteString(c, "jawaban")
	if err := c.CloseWrite(); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(client); err != nil || !bytes.Equal(b, []byte("jawaban")) {
		t.Errorf("%q came, %v", b, err)
	}
	if _, err := io.WriteString(client, "masih"); err != nil {
		t.Errorf("the other half is closed as well: %v", err)
	}
}

// TestOtherConnectionsHaveNoCircuit, such as those of loopback.
func TestOtherConnectionsHaveNoCircuit(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	defer ours.Close()
	if _, ok := CircuitOf(ours); ok {
		t.Error("a pipe came by a circuit")
	}
}
