package errand

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"saksi/crypto/onionname"
)

// ErrAddress is returned for an address that neither Tor nor this machine has.
var ErrAddress = errors.New("want http:// and an onion address, or an address of this machine " +
	"such as http://127.0.0.1:8800: by any other way others would see it")

// An Address is where a drop is: an onion service, or a port of loopback.
type Address struct {
	Host     string // as the Host header has it
	Loopback bool
	// Fingerprint is what stands behind the #, in five groups with hyphens or as it
	// was given; "" if nothing does. No browser and none of our programs sends it.
	Fingerprint string
	dial        string // with the port
}

// ParseAddress reads an address as it stands on a poster, in a link, or is printed
// by saksi serve. It returns [ErrAddress]: there is no way to any other place.
func ParseAddress(text string) (Address, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return Address{}, ErrAddress
	}
	a := Address{Host: u.Host, Fingerprint: u.Fragment}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsLoopback() && ip.Zone() == "" && u.Port() != "" {
		a.Loopback, a.dial = true, u.Host
		return a, nil
	}
	name, err := onionname.Parse(strings.ToLower(u.Hostname()))
	if err != nil || u.Port() != "" && u.Port() != "80" {
		return Address{}, ErrAddress
	}
	a.Host, a.dial = name.String(), net.JoinHostPort(name.String(), "80")
	return a, nil
}

// Way returns a way to the address that nobody has gone: through tor's proxy on a
// circuit of its own or, to this machine, without any.
func (a Address) Way(socks string) func(context.Context) (net.Conn, error) {
	if a.Loopback {
		return func(ctx context.Context) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: torTime}).DialContext(ctx, "tcp", a.dial)
			if err != nil {
				return nil, ErrUnreachable
			}
			return &steadyConn{conn}, nil
		}
	}
	way := NewWay(socks)
	return func(ctx context.Context) (net.Conn, error) { return way.Dial(ctx, "tcp", a.dial) }
}

// Fits reports whether five groups are those of the address's fingerprint, however
// that is parted.
func (a Address) Fits(groups []string) bool {
	letters := func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}
	given := strings.ToLower(strings.Map(letters, a.Fingerprint))
	return given != "" && given == strings.Join(groups, "")
}
