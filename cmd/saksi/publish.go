package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"saksi/crypto/onionname"
	"saksi/server"
	"saksi/server/folder"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/onion"
)

// torFlags are the flags of serve that publish the drop.
type torFlags struct {
	onion    bool
	program  string
	torrc    string // file of further lines
	control  string
	password string // file
	sockets  string
}

func (f *torFlags) define(fs *flag.FlagSet) {
	fs.BoolVar(&f.onion, "onion", false, "")
	fs.StringVar(&f.program, "tor", "tor", "")
	fs.StringVar(&f.torrc, "torrc", "", "")
	fs.StringVar(&f.control, "tor-control", "", "")
	fs.StringVar(&f.password, "tor-password", "", "")
	fs.StringVar(&f.sockets, "tor-sockets", "", "")
}

// check refuses flags without the one that they belong to: they would do nothing,
// and nobody might notice that the drop is not published.
func (f *torFlags) check() error {
	switch {
	case f.onion && f.control != "":
		return hinted{errors.New("publishing: -onion and -tor-control exclude each other"),
			"-onion starts a tor, -tor-control joins one that runs"}
	case !f.onion && (f.program != "tor" || f.torrc != ""):
		return hinted{errors.New("publishing: -tor and -torrc are of no use without -onion"), "give -onion as well"}
	case f.control == "" && (f.password != "" || f.sockets != ""):
		return hinted{errors.New("publishing: -tor-password and -tor-sockets are of no use without -tor-control"),
			"give -tor-control as well, or take them out"}
	}
	return nil
}

// config makes of the flags what package onion wants.
func (f *torFlags) config(dir string, log *slog.Logger) (onion.Config, error) {
	c := onion.Config{
		Folder: filepath.Join(dir, folder.TorName), Program: f.program, Control: f.control, Log: log,
	}
	if f.sockets != "" {
		absolute, err := filepath.Abs(f.sockets)
		if err != nil {
			return c, err
		}
		c.Sockets = absolute
	}
	if f.torrc != "" {
		text, err := os.ReadFile(f.torrc)
		if err != nil {
			return c, fmt.Errorf("publishing: %w", err)
		}
		c.Extra = string(text)
	}
	var err error
	c.Password, err = readPassword(f.password)
	return c, err
}

// readPassword reads the password of a control port from a file, if there is one.
func readPassword(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", fmt.Errorf("reading tor's password: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// wanted reports whether the drop is to be published.
func (f *torFlags) wanted() bool { return f.onion || f.control != "" }

// A publication is the drop as onion services. Nil is one that is not published.
type publication struct {
	*onion.Tor
	config  onion.Config
	changed chan struct{} // its health; one waits
}

// publish prepares the services, or returns nil if they are not asked for.
func (f *torFlags) publish(ctx context.Context, dir string, drop *server.Config) (*publication, error) {
	if !f.wanted() {
		return nil, nil
	}
	c, err := f.config(dir, drop.Log)
	if err != nil {
		return nil, err
	}
	fingerprint := drop.Inbox.Trusted.Fingerprint()
	p := &publication{changed: make(chan struct{}, 1)}
	before := lastAddresses(dir)
	c.Expect = func(page []byte) bool { return hasAll(page, fingerprint) }
	c.Changed = func(h onion.Health) {
		if name, err := onionname.Parse(h.Reporters.Name); err == nil {
			drop.Hosts.AddOnion(name)
		}
		before.hold(h, drop.Log)
		select {
		case p.changed <- struct{}{}:
		default:
		}
	}
	book := &folder.Couriers{Dir: dir}
	c.Clients = func() (map[string]onion.Key, error) { return torClients(book) }
	p.config = c
	p.Tor, err = onion.Open(ctx, c)
	if err != nil {
		return nil, explainTor(err, c)
	}
	book.OnChange = p.authorize
	drop.Couriers, drop.Onion = book, func() string { return p.Health().Couriers.Name }
	return p, nil
}

// addresses are those that the services had last, be it when the server ran before.
type addresses struct {
	mu  sync.Mutex
	was map[onion.Service]string
}

// lastAddresses reads them. A file that is missing or damaged says nothing.
func lastAddresses(dir string) *addresses {
	h, _ := readHealth(dir)
	if h == nil {
		h = &health{}
	}
	return &addresses{was: map[onion.Service]string{onion.Reporters: h.Reporters.Name, onion.Couriers: h.Couriers.Name}}
}

// hold says when a service has another address than before. A tor that finds no key makes
// one, and nobody who has a poster would come to that address.
func (a *addresses) hold(h onion.Health, log *slog.Logger) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for service, was := range a.was {
		name := h.Of(service).Name
		if name == "" || name == was {
			continue
		}
		a.was[service] = name
		if was != "" {
			log.Error("THE ADDRESS IS ANOTHER ONE than before, and who has the old one finds nobody: were tor's keys left behind?",
				"service", string(service), "before", was, "now", name)
		}
	}
}

// torClients are the couriers as tor knows them.
func torClients(book *folder.Couriers) (map[string]onion.Key, error) {
	list, err := book.Couriers()
	keys := map[string]onion.Key{}
	for _, card := range list {
		keys[card.Name] = card.Tor
	}
	return keys, err
}

// authorize tells tor of a change. If that fails the API refuses whoever was
// removed all the same; who was added has to wait for the next start.
func (p *publication) authorize() {
	if err := p.Authorize(); err != nil {
		p.config.Log.Error("tor was not told who the couriers are", "error", err.Error())
	}
}

// Close ends it.
func (p *publication) Close() error {
	if p == nil {
		return nil
	}
	return p.Tor.Close()
}

// listener returns where a service's visitors arrive.
func (p *publication) listener(s onion.Service) []net.Listener {
	if p == nil {
		return nil
	}
	return []net.Listener{p.Listener(s)}
}

func (p *publication) warnings() []string {
	if p == nil {
		return nil
	}
	return p.Warnings()
}

// with publishes while serve runs, and ends it if tor cannot be had at all.
func (p *publication) with(
	ctx context.Context, e env, g *gate.Gate, box *inbox.Inbox, serve func(context.Context) error,
) error {
	if p == nil {
		return serve(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	var failed error
	running.Go(func() {
		if failed = p.Run(ctx); failed != nil {
			cancel()
		}
	})
	running.Go(func() {
		keepHealth(ctx, filepath.Dir(p.config.Folder), p.changed, func() health {
			h, err := health{Health: p.Health(), Refused: refused(g.Stats())}.asked(box)
			if err != nil {
				p.config.Log.Error("the canaries cannot be read", "error", err.Error())
			}
			return h
		}, func(err error) { p.config.Log.Error("the health file is not written", "error", err.Error()) })
	})
	running.Go(func() { p.announce(ctx, e.stdout) })
	err := serve(ctx)
	cancel()
	running.Wait()
	return errors.Join(err, explainTor(failed, p.config))
}

// announce prints the address when it can be reached for the first time.
func (p *publication) announce(ctx context.Context, out io.Writer) {
	for ctx.Err() == nil {
		if h := p.Health(); h.State == onion.Reachable {
			fmt.Fprintf(out, "saksi: serving http://%s/\n", h.Reporters.Name)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// hasAll reports whether the groups of the fingerprint stand on a page.
func hasAll(page []byte, groups []string) bool {
	for _, g := range groups {
		if !bytes.Contains(page, []byte(g)) {
			return false
		}
	}
	return len(groups) > 0
}

// serviceFolder is where a tor of saksi's own keeps a service.
func serviceFolder(data string, s onion.Service) string {
	return filepath.Join(data, folder.TorName, string(s))
}

// publishedName returns the address of a service as it is now: what a joined tor
// said last, or what a tor of our own wrote. It is "" if there is none.
func publishedName(data string, s onion.Service) (string, error) {
	h, unread := readHealth(data)
	if h != nil && !h.Own && h.Of(s).Name != "" {
		return h.Of(s).Name, nil // and not the one of an own tor of before
	}
	text, err := readSmall(filepath.Join(serviceFolder(data, s), "hostname"), maxSmall)
	if errors.Is(err, fs.ErrNotExist) {
		return "", unread
	}
	if err != nil {
		return "", fmt.Errorf("reading the address of the %s' service: %w", s, err)
	}
	return strings.TrimSpace(string(text)), nil
}
