package tornet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Tor is one that joined a network, with a control port.
type Tor struct {
	daemon
	network *Network
	lines   []string // of its torrc, beyond those that all have
	host    int      // in the network's claim
	service bool     // whether it publishes a service by its torrc
}

// Tor starts a tor that joins the network and ends with the test; its torrc
// gets the lines that are given. It returns when the tor knows its way.
func (n *Network) Tor(t testing.TB, torrc ...string) *Tor {
	t.Helper()
	return n.run(t, &Tor{lines: torrc})
}

// A Client is a tor with a SOCKS port.
type Client struct{ *Tor }

// Client starts a client, as Tor does.
func (n *Network) Client(t testing.TB) *Client {
	t.Helper()
	return &Client{n.run(t, &Tor{})}
}

// A Service is a tor that publishes an onion service by its torrc.
type Service struct{ *Tor }

// Service starts a service, as Tor does: the lines that are given follow its
// HiddenServiceDir, so they begin with HiddenServicePort. It returns when the
// descriptor is uploaded.
func (n *Network) Service(t testing.TB, torrc ...string) *Service {
	t.Helper()
	return &Service{n.run(t, &Tor{lines: torrc, service: true})}
}

// run gives a tor its place in the network until the test ends, and starts it.
func (n *Network) run(t testing.TB, tor *Tor) *Tor {
	t.Helper()
	if err := n.enter(tor); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.leave(tor) })
	if err := errors.Join(os.Mkdir(tor.dir, 0o700), n.Seed(tor.dir)); err != nil {
		t.Fatal(err)
	}
	tor.Start(t)
	return tor
}

func (n *Network) enter(tor *Tor) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for host := firstTor; host <= lastTor; host++ {
		if n.tors[host] == nil {
			n.tors[host] = tor
			tor.network, tor.host, tor.name = n, host, fmt.Sprintf("tor%d", host)
			tor.dir = filepath.Join(n.dir, tor.name)
			return nil
		}
	}
	return errors.New("joining the network: it has no address left")
}

func (n *Network) leave(tor *Tor) {
	tor.kill()
	os.RemoveAll(tor.dir) // what is left, Close removes
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.tors, tor.host)
}

// Folder returns the data folder.
func (tor *Tor) Folder() string { return tor.dir }

// Control returns the address of the control port.
func (tor *Tor) Control() string { return tor.network.claim.address(tor.host, controlPort) }

// Cookie returns the path of the file that lets callers in at the control port.
func (tor *Tor) Cookie() string { return tor.path("control_auth_cookie") }

// SOCKS returns the address of the SOCKS port.
func (tor *Tor) SOCKS() string { return tor.network.claim.address(tor.host, socksPort) }

// Ask sends a line to the control port and returns the lines of the answer.
func (tor *Tor) Ask(line string) ([]string, error) {
	c, err := dial(tor.Control(), tor.Cookie())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.command(line)
}

// Kill ends the tor without notice, as kill -9 does. Start starts it again.
func (tor *Tor) Kill() { tor.kill() }

// Start starts the tor again, in the same folder with the same keys. It returns
// when the tor knows its way, and its service, if it has one, is uploaded.
func (tor *Tor) Start(t testing.TB) {
	t.Helper()
	if err := tor.launch(); err != nil {
		t.Fatal(err)
	}
}

// launch starts the tor without a network at first, so that no event is missed
// between its start and the first connection to its control port. The torrc says
// so no longer when that connection stands: a reload would switch the network off.
func (tor *Tor) launch() error {
	if err := tor.writeTorrc(tor.torrc() + "DisableNetwork 1\n"); err != nil {
		return err
	}
	if err := tor.start(tor.network.empty()); err != nil {
		return err
	}
	self := []*daemon{&tor.daemon}
	var c *control
	err := await("the control port of "+tor.name, self, func() (err error) {
		c, err = dial(tor.Control(), tor.Cookie())
		return err
	})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := tor.writeTorrc(tor.torrc()); err != nil {
		return err
	}
	for _, line := range []string{"SETEVENTS HS_DESC", "SETCONF DisableNetwork=0"} {
		if _, err := c.command(line); err != nil {
			return err
		}
	}
	if !tor.service {
		return await(tor.name+" to know its way", self, tor.bootstrapped)
	}
	if err := c.uploaded(); err != nil {
		return fmt.Errorf("waiting for %s to upload its descriptor: %v%s", tor.name, err, tor.tail())
	}
	return nil
}

func (tor *Tor) torrc() string {
	lines := []string{"SocksPort " + tor.SOCKS(), "ControlPort " + tor.Control(), "CookieAuthentication 1"}
	if tor.service {
		lines = append(lines, "HiddenServiceDir "+tor.path("service"))
	}
	return tor.network.Torrc() + strings.Join(append(lines, tor.lines...), "\n") + "\n"
}

// bootstrapped fails until the tor can build circuits.
func (tor *Tor) bootstrapped() error {
	phase, err := tor.Ask("GETINFO status/bootstrap-phase")
	if err == nil && !strings.Contains(phase[0], "PROGRESS=100") {
		err = errors.New(phase[0])
	}
	return err
}

// Keys returns the folder of the service: its keys, its name, its clients.
func (s *Service) Keys() string { return s.path("service") }

// Address returns the service's name, which ends in ".onion".
func (s *Service) Address() string {
	text, _ := os.ReadFile(s.path("service/hostname")) // there before the upload that Start waited for
	return strings.TrimSpace(string(text))
}

// HTTP returns a client all of whose requests go through this tor; names are
// resolved there. It waits as long as its caller does.
func (c *Client) HTTP() *http.Client { return c.through(nil) }

// Isolated returns a client that shares circuits with none that has another name.
func (c *Client) Isolated(name string) *http.Client { return c.through(url.UserPassword(name, "-")) }

// Spread returns a client whose connections are spread over n sets of circuits.
func (c *Client) Spread(n int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConns: n, Proxy: func(*http.Request) (*url.URL, error) {
		user := url.UserPassword(fmt.Sprint("spread", rand.IntN(n)), "-")
		return &url.URL{Scheme: "socks5h", User: user, Host: c.SOCKS()}, nil
	}}}
}

func (c *Client) through(user *url.Userinfo) *http.Client {
	proxy := &url.URL{Scheme: "socks5h", User: user, Host: c.SOCKS()}
	return &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}
}

// Await asks for a page until it comes, and returns its text. The first requests
// after an upload may fail, and those after a service came back, until this
// client has noticed that what it knew of it is gone.
func (c *Client) Await(t testing.TB, page string) (text string) {
	t.Helper()
	client := c.HTTP()
	defer client.CloseIdleConnections()
	err := await(c.name+" to get "+page, []*daemon{&c.daemon}, func() (err error) {
		text, err = get(client, page)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// get asks for a page once, for as long as a new circuit may take.
func get(client *http.Client, page string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience/3)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", page, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return string(text), err
}
