// Package sockstest is a SOCKS proxy on loopback that stands in for tor: it knows
// one onion address and connects to a server of the test's own.
package sockstest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
)

// A Proxy speaks SOCKS 5 with names and credentials, as tor does.
type Proxy struct {
	Addr  string
	onion string
	dial  func() (net.Conn, error)
	l     net.Listener

	mu      sync.Mutex
	asked   []string // what was to be connected to
	users   []string
	cutting []int64 // for each connection to come: bytes of answers until it is cut
	refusal byte    // SOCKS reply for all; 0 to connect
	running sync.WaitGroup
}

// Listen starts a proxy that connects to an onion address by dial.
func Listen(onion string, dial func() (net.Conn, error)) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{Addr: l.Addr().String(), onion: onion, dial: dial, l: l}
	p.running.Add(1)
	go p.serve()
	return p, nil
}

// Close ends the proxy. Connections end by themselves.
func (p *Proxy) Close() {
	p.l.Close()
	p.running.Wait()
}

// Cut cuts the connections to come, each after so many bytes of answers.
func (p *Proxy) Cut(after ...int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutting = append(p.cutting, after...)
}

// Refuse answers all connections to come with a SOCKS reply; 0 ends that.
func (p *Proxy) Refuse(reply byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusal = reply
}

// Asked returns the addresses that were asked for, and the users that asked.
func (p *Proxy) Asked() (addresses, users []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.asked...), append([]string{}, p.users...)
}

func (p *Proxy) serve() {
	defer p.running.Done()
	for {
		conn, err := p.l.Accept()
		if err != nil {
			return
		}
		go p.handle(conn)
	}
}

func (p *Proxy) handle(conn net.Conn) {
	defer conn.Close()
	address, err := p.greet(conn)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.asked = append(p.asked, address)
	reply, after := p.refusal, int64(-1)
	if reply == 0 && len(p.cutting) > 0 {
		after, p.cutting = p.cutting[0], p.cutting[1:]
	}
	p.mu.Unlock()
	if reply == 0 && address != p.onion+":80" {
		reply = 4 // host unreachable
	}
	var server net.Conn
	if reply == 0 {
		if server, err = p.dial(); err != nil {
			reply = 1
		}
	}
	_, _ = conn.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
	if reply == 0 {
		join(conn, server, after)
	}
}

// join passes bytes on until either side ends, or the answers are cut.
func join(client, server net.Conn, after int64) {
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	if after < 0 {
		_, _ = io.Copy(client, server)
	} else {
		_, _ = io.CopyN(client, server, after)
	}
}

// greet takes the handshake of RFC 1928 and RFC 1929, with a name and credentials
// and nothing else.
func (p *Proxy) greet(conn net.Conn) (address string, err error) {
	var head [2]byte
	methods, err := sized(conn, &head)
	if err != nil || head[0] != 5 || !strings.Contains(string(methods), "\x02") {
		return "", errors.New("no credentials")
	}
	_, _ = conn.Write([]byte{5, 2})
	user, err := sized(conn, &head)
	if err != nil {
		return "", err
	}
	length := make([]byte, 1)
	if _, err := io.ReadFull(conn, length); err != nil {
		return "", err
	}
	if _, err := io.ReadFull(conn, make([]byte, length[0])); err != nil {
		return "", err
	}
	p.mu.Lock()
	p.users = append(p.users, string(user))
	p.mu.Unlock()
	_, _ = conn.Write([]byte{1, 0})
	var request [3]byte
	if _, err := io.ReadFull(conn, request[:]); err != nil || request != [3]byte{5, 1, 0} {
		return "", errors.New("no request")
	}
	name, err := sized(conn, &head)
	if err != nil || head[0] != 3 {
		return "", errors.New("an address that was looked up already")
	}
	var port [2]byte
	_, err = io.ReadFull(conn, port[:])
	if binary.BigEndian.Uint16(port[:]) != 80 {
		return "", errors.New("another port")
	}
	return string(name) + ":80", err
}

// sized reads a byte, a length and so many bytes.
func sized(r io.Reader, head *[2]byte) ([]byte, error) {
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	content := make([]byte, head[1])
	_, err := io.ReadFull(r, content)
	return content, err
}
