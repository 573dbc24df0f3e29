package main

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/cmd/saksi/errand/sockstest"
)

// socks ONION SOCKET starts a SOCKS proxy that leads to a unix socket, in the
// place of a courier's tor, and sets $SOCKS. socks cut BYTES... cuts the
// connections to come; socks refuse REPLY answers all with a SOCKS reply.
func cmdSocks(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	numbers := func() (n []int64) {
		for _, text := range args[1:] {
			v, err := strconv.ParseInt(text, 0, 64)
			ts.Check(err)
			n = append(n, v)
		}
		return n
	}
	switch args[0] {
	case "cut":
		s.proxy.Cut(numbers()...)
	case "refuse":
		s.proxy.Refuse(byte(numbers()[0]))
	default:
		socket := filepath.Join(ts.Getenv("WORK"), args[1])
		proxy, err := sockstest.Listen(args[0], func() (net.Conn, error) { return net.Dial("unix", socket) })
		ts.Check(err)
		s.proxy = proxy
		ts.Setenv("SOCKS", proxy.Addr)
	}
}

// httpsocks ONION starts a SOCKS proxy that leads to the running server's pages, in
// the place of a watchdog's tor, and sets $SOCKS.
func cmdHTTPSocks(ts *testscript.TestScript, neg bool, args []string) {
	s := storyOf(ts)
	proxy, err := sockstest.Listen(args[0], func() (net.Conn, error) {
		return net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	})
	ts.Check(err)
	s.proxy = proxy
	ts.Setenv("SOCKS", proxy.Addr)
}
