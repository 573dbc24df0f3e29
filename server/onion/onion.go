// Package onion publishes the drop as onion services, through a tor that it
// starts or through one that runs already:
//
//	reporters  ──▶ tor ──▶ reporters.sock ──▶ pages; each connection says its circuit
//	couriers   ──▶ tor ──▶ couriers.sock  ──▶ API; only with a key that tor knows
//
// # What tor keeps from the server
//
// A visitor's address is known to his guard alone. What arrives here is a circuit's
// number, which is new for each visit and gone with it.
//
// # An own tor
//
// The folder is a part of the data folder:
//
//	torrc            as the flags have it now
//	reporters/       keys and name (hostname) of the reporters' service
//	couriers/        the same of the couriers', and who is let in
//	reporters.sock   and couriers.sock: where tor brings them
//	socks.sock       by which the server looks at itself
//	data/            tor's own
//	log              tor's notices since its last start, to the hour
//
// Tor inherits its control connection instead of listening for one: nobody else
// can reach it, and tor ends when the server ends, however that ends. When tor
// ends first it is started again.
//
// # A joined tor
//
// A tor that others run keeps the keys, and its torrc has to have the lines that
// [Lines] returns: circuit numbers, for one, cannot be had by the control port. The
// server checks them there, and says which are missing.
package onion

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A Service is one of the two onion services.
type Service string

// The services.
const (
	Reporters Service = "reporters"
	Couriers  Service = "couriers"
)

var services = [...]Service{Reporters, Couriers}

// Errors that the operator has to mend: trying again changes nothing.
var (
	// ErrProgram is returned when there is no tor to start.
	ErrProgram = errors.New("tor is not installed")
	// ErrVersion is returned for a tor that cannot do what the services need.
	ErrVersion = errors.New("tor is too old")
	// ErrTorrc is returned when tor does not take its configuration.
	ErrTorrc = errors.New("tor refuses its configuration")
	// ErrControl is returned when nothing answers at the control port.
	ErrControl = errors.New("tor's control port does not answer")
	// ErrRefused is returned when the control port does not let us in.
	ErrRefused = errors.New("tor's control port refuses us")
	// ErrLines is returned when a joined tor lacks lines. The text has them.
	ErrLines = errors.New("tor's configuration lacks lines")
	// ErrSocket is returned when the sockets cannot be made in their folder.
	ErrSocket = errors.New("there is no socket for tor")
	// ErrPath is returned for a folder that cannot stand in a torrc or a socket's address.
	ErrPath = errors.New("the path does not do for tor")
)

// MinVersion is the first tor with proof of work for onion services.
const MinVersion = "0.4.8"

// A Config says how the drop is published.
type Config struct {
	Folder  string // absolute; made if it is missing
	Sockets string // folder of the sockets; Folder if empty
	Program string // an own tor's, by path or by name
	Extra   string // further lines of an own tor's torrc

	Control  string // a running tor's: an address with port, or the path of a socket
	Password string // of the control port; by cookie if empty

	// Clients returns the public keys of those who may come to the couriers'
	// service, by their names.
	Clients func() (map[string]Key, error)
	// Expect says whether a page that was fetched through tor is the drop's own.
	Expect func(page []byte) bool
	// Changed is called after each change of [Health].
	Changed func(Health)
	Log     *slog.Logger
	Times   Times
}

// Key is an X25519 public key, of tor's client authorization.
type Key [32]byte

// Times says how long things may take. [Production] has those of a drop.
type Times struct {
	Answer    time.Duration // of the control port
	Poll      time.Duration // between two looks at tor
	Stuck     time.Duration // without progress, before it is said
	Pause     time.Duration // before tor is started again; twice as long each time
	LongPause time.Duration // at most
	Settle    time.Duration // for a descriptor to be taken, before the first look
	Check     time.Duration // between two looks at the own page, on average
	Recheck   time.Duration // after one that failed, on average
	Fetch     time.Duration // of the own page
}

// Production returns the times of a drop.
func Production() Times {
	return Times{
		Answer:    time.Minute,
		Poll:      5 * time.Second,
		Stuck:     3 * time.Minute,
		Pause:     time.Second,
		LongPause: time.Minute,
		Settle:    time.Minute,
		Check:     20 * time.Minute,
		Recheck:   3 * time.Minute,
		Fetch:     time.Minute,
	}
}

// A Tor publishes the services. Its methods may be called at any time.
type Tor struct {
	config  Config
	sockets map[Service]net.Listener

	writing sync.Mutex // held while the list of clients is read and written

	mu      sync.Mutex // guards what is below
	health  Health
	warned  []string
	session *session // nil while there is none
	late    bool     // the list changed after tor was given it, and before there was a session
}

// Open makes what tor will connect to, and looks whether there is a tor that will
// do. Nothing is published before [Tor.Run]. It returns the errors that only the
// operator can mend.
func Open(ctx context.Context, config Config) (*Tor, error) {
	if config.Times == (Times{}) {
		config.Times = Production()
	}
	if config.Sockets == "" {
		config.Sockets = config.Folder
	}
	t := &Tor{config: config, sockets: map[Service]net.Listener{}}
	t.health = Health{State: Starting, Own: config.Control == ""}
	if err := t.open(ctx); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

func (t *Tor) open(ctx context.Context) error {
	for _, path := range []string{t.config.Folder, t.config.Sockets} {
		if err := checkPath(path); err != nil {
			return err
		}
	}
	folders := []string{t.config.Folder}
	if t.health.Own {
		folders = append(folders, t.path("data"), t.path(string(Reporters)), t.path(string(Couriers)))
	}
	for _, dir := range folders {
		if err := makePrivate(dir); err != nil {
			return fmt.Errorf("preparing tor's folder: %w", err)
		}
	}
	for _, s := range services {
		if err := t.listen(s); err != nil {
			return err
		}
	}
	if t.health.Own {
		return t.checkProgram(ctx)
	}
	return t.checkJoined(ctx)
}

func (t *Tor) path(name ...string) string {
	return filepath.Join(append([]string{t.config.Folder}, name...)...)
}

// makePrivate makes a folder that tor takes: its own alone.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// Socket returns the path of the socket that a service's visitors come by.
func Socket(folder string, s Service) string { return filepath.Join(folder, string(s)+".sock") }

// listen opens a service's socket. For a tor of another user the folder's group
// decides who may connect, so the folder has to be closed to others.
func (t *Tor) listen(s Service) error {
	path := Socket(t.config.Sockets, s)
	mode := os.FileMode(0o600)
	if t.config.Sockets != t.config.Folder {
		mode = 0o660
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrSocket, err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSocket, err)
	}
	t.sockets[s] = l
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("%w: %w", ErrSocket, err)
	}
	return nil
}

// checkPath refuses what has a meaning in a torrc, and what is too long for a
// socket's address.
func checkPath(dir string) error {
	const most = 107 // bytes, of which the longest name takes some
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("preparing tor's folder: %q is not absolute: %w", dir, ErrPath)
	}
	if longest := Socket(dir, Reporters); len(longest) > most {
		return fmt.Errorf("preparing tor's folder: %q is %d bytes too long: %w", dir, len(longest)-most, ErrPath)
	}
	odd := func(r rune) bool { return r <= ' ' || r > '~' || r == '#' || r == '"' || r == '\\' || r == '%' }
	if i := slices.IndexFunc([]rune(dir), odd); i >= 0 {
		return fmt.Errorf("preparing tor's folder: %q has the character %q: %w", dir, []rune(dir)[i], ErrPath)
	}
	return nil
}

// Listener returns where a service's visitors arrive. Those of reporters come
// with the circuit's number, as a PROXY header.
func (t *Tor) Listener(s Service) net.Listener { return t.sockets[s] }

// Close ends tor, if it is an own one, and removes the sockets.
func (t *Tor) Close() error {
	t.mu.Lock()
	s := t.session
	t.session = nil
	t.mu.Unlock()
	var errs []error
	if s != nil {
		errs = append(errs, s.close())
	}
	for service, l := range t.sockets {
		l.Close() // a server may have closed it
		os.Remove(Socket(t.config.Sockets, service))
	}
	return errors.Join(errs...)
}

// Warnings returns what the operator should know of this tor.
func (t *Tor) Warnings() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.warned)
}

func (t *Tor) warn(lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.warned = lines
}
