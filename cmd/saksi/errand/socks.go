package errand

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Errors of the way to the server.
var (
	// ErrSocks is returned for a SOCKS address that is none.
	ErrSocks = errors.New("want the address of tor's SOCKS proxy, such as 127.0.0.1:9050 or unix:/run/tor/socks: " +
		"an IP address and no name, and never without")
	// ErrNoTor is returned when nobody answers at the SOCKS address.
	ErrNoTor = errors.New("no tor answers at the SOCKS address")
	// ErrNoKey is returned when tor says that it has no key, or a wrong one, for
	// the onion service.
	ErrNoKey = errors.New("tor has no key for the couriers' address")
	// ErrUnreachable is returned when tor does not get to the onion service. A tor
	// without ExtendedErrors says the same when it has no key.
	ErrUnreachable = errors.New("tor does not reach the couriers' address")
	// ErrBroken is returned when a connection ended before its time.
	ErrBroken = errors.New("the connection broke")
)

// passing reports whether an error may be gone the next time.
func passing(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrBroken) || errors.Is(err, ErrBusy)
}

// CheckSocks returns [ErrSocks] unless address is IP:PORT or unix:PATH. A name
// would have to be looked up, which others could see.
func CheckSocks(address string) error {
	_, _, err := splitSocks(address)
	return err
}

func splitSocks(address string) (network, rest string, err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok && path != "" {
		return "unix", path, nil
	}
	if a, err := netip.ParseAddrPort(address); err != nil || a.Port() == 0 {
		return "", "", ErrSocks
	}
	return "tcp", address, nil
}

// Times of a connection through Tor.
const (
	stall     = 2 * time.Minute // without a byte
	reachTime = 3 * time.Minute // until a circuit to the service stands
	torTime   = 10 * time.Second
)

// socketBuffer is how many bytes the kernel takes before tor does: megabytes of them
// would be on their way for longer than stall, after the last was written.
const socketBuffer = 64 << 10

// client returns a client for one request, on a circuit of its own.
func (c *Courier) client() *http.Client {
	dial := NewWay(c.Socks).Dial
	return &http.Client{
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// A Way leads through tor's SOCKS proxy, with credentials of its own: tor takes
// for them a circuit that no other way has, and the same one again for each of
// its connections.
type Way struct{ socks, own string }

// NewWay returns a way that nobody has gone.
func NewWay(socks string) Way { return Way{socks, rand.Text()} }

// Dial connects to an address by its name, through the proxy. It returns
// [ErrSocks], [ErrNoTor], [ErrNoKey] or [ErrUnreachable].
func (w Way) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	network, proxyAddress, err := splitSocks(w.socks)
	if err != nil {
		return nil, err
	}
	dialer, err := proxy.SOCKS5(network, proxyAddress, &proxy.Auth{User: w.own, Password: w.own}, toTor{})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNoTor, err)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	conn, err := dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, reached(err)
	}
	return &steadyConn{conn}, nil
}

// reached tells apart what went wrong on the way.
func reached(err error) error {
	switch {
	case errors.Is(err, ErrNoTor):
		return err
	case strings.HasSuffix(err.Error(), "unknown code: 244"), strings.HasSuffix(err.Error(), "unknown code: 245"):
		return ErrNoKey // ExtendedErrors of tor: authorization missing, or wrong
	default:
		return ErrUnreachable
	}
}

// toTor is the way to the proxy itself.
type toTor struct{}

func (toTor) Dial(network, address string) (net.Conn, error) {
	return toTor{}.DialContext(context.Background(), network, address)
}

func (toTor) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: torTime}).DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNoTor, err)
	}
	if c, ok := conn.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = c.SetWriteBuffer(socketBuffer)
	}
	return conn, nil
}

// A steadyConn ends when it stands still. What leaves it buys time for the answer, too:
// net/http waits for that from the beginning, and a large outbox takes longer than stall.
type steadyConn struct{ net.Conn }

func (c *steadyConn) Read(p []byte) (int, error) {
	_ = c.SetReadDeadline(time.Now().Add(stall))
	return c.Conn.Read(p)
}

func (c *steadyConn) Write(p []byte) (int, error) {
	_ = c.SetDeadline(time.Now().Add(stall))
	return c.Conn.Write(p)
}

// network turns an error of a request into one of ours: those of net/http name
// the address, and say it in many ways.
func network(err error) error {
	for _, ours := range []error{ErrSocks, ErrNoTor, ErrNoKey, ErrUnreachable, context.Canceled} {
		if errors.Is(err, ours) {
			return ours
		}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return ErrBroken
	}
	return fmt.Errorf("%w: %v", ErrBroken, Plain(rootCause(err).Error()))
}

func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}
