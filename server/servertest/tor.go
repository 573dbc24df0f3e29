package servertest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"saksi/server/gate"
)

// listenForTor listens on a socket, as for a tor that says by which circuit each
// connection came. Its path is short: that of a socket has 107 bytes at most.
func (d *Drop) listenForTor(t testing.TB) net.Listener {
	dir, err := os.MkdirTemp("", "saksi")
	d.check(err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	d.tor = filepath.Join(dir, "tor")
	l, err := net.Listen("unix", d.tor)
	d.check(err)
	return gate.Listen(l)
}

// Dial connects as tor does for a circuit.
func (d *Drop) Dial(circuit uint32) *net.UnixConn {
	d.T.Helper()
	conn, err := d.dial(circuit)
	d.check(err)
	d.T.Cleanup(func() { conn.Close() })
	return conn
}

func (d *Drop) dial(circuit uint32) (*net.UnixConn, error) {
	conn, err := net.Dial("unix", d.tor)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(conn, "PROXY TCP6 fc00:dead:beef:4dad::%x:%x ::1 %d 80\r\n",
		circuit>>16, circuit&0xffff, circuit&0xffff)
	return conn.(*net.UnixConn), err
}

// By returns the drop as one sees it who comes by a circuit: what is asked of it
// is asked by that. The drop must have a gate.
func (d *Drop) By(circuit uint32) *Drop {
	by := *d
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return d.dial(circuit)
	}}
	by.Client = &http.Client{Transport: transport}
	d.T.Cleanup(transport.CloseIdleConnections)
	return &by
}

// TorSocket returns the path of the socket that a real tor may connect to. The
// drop must have a gate.
func (d *Drop) TorSocket() string { return d.tor }
