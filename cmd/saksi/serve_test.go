package main

import (
	"net"
	"net/netip"
	"testing"

	"saksi/server"
)

// at is a listener that nobody can come to.
type at struct {
	net.Listener
	addr net.Addr
}

func (a at) Addr() net.Addr { return a.addr }

// TestWhatOthersCanReachIsSaid: that of couriers, too, shows where the drop stands.
func TestWhatOthersCanReachIsSaid(t *testing.T) {
	listen := func(text string) []net.Listener {
		return []net.Listener{at{addr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text))}}
	}
	socket := []net.Listener{at{addr: &net.UnixAddr{Name: "/run/s", Net: "unix"}}}
	for _, c := range []struct {
		on   server.Listeners
		want int
	}{
		{server.Listeners{Reporters: listen("127.0.0.1:80"), Couriers: listen("[::1]:81")}, 0},
		{server.Listeners{Reporters: socket, Couriers: socket}, 0},
		{server.Listeners{Reporters: listen("0.0.0.0:80")}, 1},
		{server.Listeners{Couriers: listen("[::]:81")}, 1},
		{server.Listeners{Reporters: listen("192.0.2.1:80"), Couriers: listen("192.0.2.1:81")}, 2},
	} {
		on := listeners{Listeners: c.on}
		if said := on.warnings(); len(said) != c.want {
			t.Errorf("of %+v it says %q", c.on, said)
		}
	}
}
