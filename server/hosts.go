package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"saksi/crypto/onionname"
	"saksi/web"
)

// Hosts are the names by which reporters may reach a drop, beside localhost and
// addresses of loopback: its onion addresses, with whatever stands before them
// (a browser takes foo.ADDRESS.onion for a site of its own, tor does not), and
// other names that the operator gave.
//
// Who comes by another name came through something that we do not know: a web
// proxy for onion services, a name that somebody pointed here, or a page that
// means this machine by a name of its own. The zero Hosts has no names.
type Hosts struct {
	mu     sync.RWMutex
	onions []onionname.Name // the one that pages show comes first
	names  []string
}

// ErrHost is returned for a text that is no name of a host.
var ErrHost = errors.New("not the name of a host")

// NewHosts returns these names, without ports. The first onion address is the one
// that pages show.
func NewHosts(names ...string) (*Hosts, error) {
	h := &Hosts{}
	for _, name := range slices.Backward(names) {
		host, err := parseHost(name)
		if err != nil || host != strings.ToLower(name) {
			return nil, fmt.Errorf("reading host %q: %w: want a name alone, such as kotak.example", name, ErrHost)
		}
		if !strings.HasSuffix(host, onionname.Suffix) {
			h.names = append(h.names, host)
			continue
		}
		onion, err := onionname.Parse(host)
		if err != nil {
			return nil, fmt.Errorf("reading host %q: %w", name, err)
		}
		h.AddOnion(onion)
	}
	return h, nil
}

// AddOnion adds an onion address, and has pages show it. It may be called at any
// time: tor says the name of a new service once it has made its key.
func (h *Hosts) AddOnion(name onionname.Name) {
	h.mu.Lock()
	defer h.mu.Unlock()
	others := slices.DeleteFunc(h.onions, func(n onionname.Name) bool { return n == name })
	h.onions = append([]onionname.Name{name}, others...)
}

// Onion returns the onion address that pages show, or the zero Name.
func (h *Hosts) Onion() onionname.Name {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if len(h.onions) == 0 {
		return onionname.Name{}
	}
	return h.onions[0]
}

// own reports whether the value of a Host header is a name of this drop.
func (h *Hosts) own(header string) bool {
	host, err := parseHost(header)
	if err != nil {
		return false
	}
	if host == "localhost" || isLoopback(host) {
		return true
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.Contains(h.names, host) || slices.ContainsFunc(h.onions, func(n onionname.Name) bool {
		return host == n.String() || strings.HasSuffix(host, "."+n.String())
	})
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

const maxHost = 253 // letters of a name in the DNS

// parseHost returns the host that the value of a Host header names: in lower
// case, without port and without the dot of a whole name. An IPv6 address keeps
// its brackets.
func parseHost(header string) (string, error) {
	literal := strings.LastIndexByte(header, ']') + 1 // colons before it are the address's
	name, port, _ := strings.Cut(header[literal:], ":")
	name = header[:literal] + name
	if len(port) > len("65535") || strings.Trim(port, "0123456789") != "" {
		return "", ErrHost
	}
	if strings.HasPrefix(name, "[") {
		return parseIPv6(name)
	}
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxHost || strings.ContainsFunc(name, notOfHost) || slices.Contains(strings.Split(name, "."), "") {
		return "", ErrHost
	}
	return strings.ToLower(name), nil
}

func parseIPv6(bracketed string) (string, error) {
	inside, ok := strings.CutSuffix(bracketed[1:], "]")
	addr, err := netip.ParseAddr(inside)
	if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", ErrHost
	}
	return "[" + addr.String() + "]", nil
}

func notOfHost(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_' || r == '.')
}

// gatewayHeaders are sent by proxies, and by no browser that reporters have,
// beside all that begin with "X-" or with one of gatewayPrefixes.
func gatewayHeaders() []string {
	return []string{
		"Forwarded", "Via", "Client-Ip", "True-Client-Ip", "Wl-Proxy-Client-Ip", "Remote-Addr", "Remote-Ip",
		"Max-Forwards", "Front-End-Https", "Surrogate-Capability", // proxies in front of servers
		"Traceparent", "Tracestate", "B3",
		"Msisdn", "Profile", "Wap-Connection", // telephone companies
	}
}

// gatewayPrefixes begin the headers of large networks of proxies; "Proxy-" those
// that a browser means for an HTTP proxy, and Tor Browser has none.
func gatewayPrefixes() []string {
	return []string{"Cf-", "Cdn-", "Fastly-", "Akamai-", "Ali-", "Eagleeye-", "Fly-", "Incap-", "Z-", "Proxy-"}
}

// harmlessX are the headers with "X-" that browsers send: Android's embedded one
// names its program, and some say that they fetch ahead.
func harmlessX() []string { return []string{"X-Requested-With", "X-Moz", "X-Purpose"} }

// throughGateway reports whether a request came through something that speaks
// HTTP itself and so has read it: a web proxy for onion services such as Tor2web,
// a CDN, or a proxy of an office or a telephone company. They name themselves, or
// their client; or the client sent the whole address, as is done to HTTP proxies
// alone. One that says nothing of itself is not seen.
func throughGateway(r *http.Request) bool {
	if r.URL.Host != "" || r.URL.Scheme != "" {
		return true
	}
	for name := range r.Header {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-")) // for some servers they are the same
		known := strings.HasPrefix(name, "X-") && !slices.Contains(harmlessX(), name) ||
			slices.Contains(gatewayHeaders(), name) ||
			slices.ContainsFunc(gatewayPrefixes(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
		if known {
			return true
		}
	}
	return false
}

// strange returns the status for a request that did not come by the drop's own
// address, or 0.
//
// A gateway gets 403: by that way the answer is no, for every name. A foreign
// name gets 421, which says just that: this server does not answer for that name.
func (s *Server) strange(r *http.Request) int {
	switch {
	case throughGateway(r):
		return http.StatusForbidden
	case !s.Hosts.own(r.Host):
		return http.StatusMisdirectedRequest
	}
	return 0
}

// outside turns away who did not come by the drop's own address, before anything
// that was sent is looked at, with a page that has no form and leads to none. All
// that is served to them beside it is its style sheet.
func (s *Server) outside(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		status := s.strange(r)
		style := r.URL.Path == "/style.css" && r.Method == http.MethodGet
		if status == 0 || style {
			return next(c)
		}
		onion, fingerprint := s.Hosts.Onion().String(), s.Inbox.Trusted.Fingerprint()
		return s.page(c, status, web.Outside{Onion: onion, Fingerprint: fingerprint})
	}
}
