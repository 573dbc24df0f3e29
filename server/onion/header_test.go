package onion

import (
	"bufio"
	"net"
	"strings"
	"sync"
)

// skipHeader drops the line with the circuit's number, if there is one.
type skipHeader struct{ net.Listener }

func (l skipHeader) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &skipping{Conn: c, r: bufio.NewReader(c)}, nil
}

type skipping struct {
	net.Conn
	r    *bufio.Reader
	once sync.Once
}

func (c *skipping) Read(p []byte) (int, error) {
	c.once.Do(func() {
		if begin, err := c.r.Peek(5); err == nil && strings.HasPrefix(string(begin), "PROXY") {
			_, _ = c.r.ReadString('\n')
		}
	})
	return c.r.Read(p)
}
