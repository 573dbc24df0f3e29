package onion

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cretz/bine/control"

	"saksi/crypto/onionname"
)

// checkJoined looks once whether the running tor will do.
func (t *Tor) checkJoined(ctx context.Context) error {
	s, err := t.join(ctx)
	if err != nil {
		return err
	}
	return s.end()
}

// join connects to a running tor's control port and checks its lines.
func (t *Tor) join(ctx context.Context) (*session, error) {
	s, err := connect(ctx, t.config.Control, t.config.Password, t.config.Times)
	if err != nil {
		return nil, err
	}
	if err := t.enter(s); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// connect connects to a control port: an address with port, or the path of a
// socket.
func connect(ctx context.Context, at, password string, times Times) (*session, error) {
	network, address := "tcp", strings.TrimPrefix(at, "unix:")
	if strings.HasPrefix(address, "/") {
		network = "unix"
	}
	dialer := net.Dialer{Timeout: times.Answer}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("joining tor at %q: %w: %w", at, ErrControl, err)
	}
	s := newSession(control.NewConn(textproto.NewConn(conn)), conn, times)
	s.end = sync.OnceValue(conn.Close)
	if err := s.authenticate(password); err != nil {
		s.end()
		return nil, fmt.Errorf("joining tor at %q: %w: %w", at, ErrRefused, err)
	}
	return s, nil
}

// GiveKey has a running tor know the private key by which a courier may come to a
// service, until it ends. An earlier key for that service is replaced.
func GiveKey(ctx context.Context, at, password, service string, private Key) error {
	s, err := connect(ctx, at, password, Production())
	if err != nil {
		return err
	}
	defer s.end()
	_, err = s.ask("ONION_CLIENT_AUTH_ADD " + strings.TrimSuffix(service, ".onion") +
		" x25519:" + base64.StdEncoding.EncodeToString(private[:]))
	var answer *textproto.Error
	if errors.As(err, &answer) && (answer.Code == 251 || answer.Code == 252) {
		return nil // it replaced one; or it could read a descriptor at once
	}
	if err != nil {
		return errors.New("giving tor a key: tor does not take it") // and not err, which repeats it
	}
	return nil
}

func (t *Tor) enter(s *session) error {
	version, err := s.info("version")
	if err != nil {
		return err
	}
	version, _, _ = strings.Cut(version, " ")
	if err := t.admitVersion(version); err != nil {
		return err
	}
	return t.checkLines(s)
}

// authenticate uses the password if there is one: the library would prefer the
// cookie, also where it may not be read.
func (s *session) authenticate(password string) error {
	if err := s.conn.SetDeadline(time.Now().Add(s.answer)); err != nil {
		return err
	}
	if password == "" {
		return s.control.Authenticate("")
	}
	if _, err := s.ask("AUTHENTICATE " + hex.EncodeToString([]byte(password))); err != nil {
		return errors.New("the password is wrong") // and not err, which repeats the line
	}
	s.control.Authenticated = true
	return nil
}

// checkLines holds tor's configuration against what the services need, and reads
// their names.
func (t *Tor) checkLines(s *session) error {
	answer, err := s.ask("GETCONF HiddenServiceOptions")
	if err != nil {
		return err
	}
	configured := parseServices(answer)
	var lacks []string
	for _, service := range services {
		socket := Socket(t.config.Sockets, service)
		i := slices.IndexFunc(configured, func(lines []option) bool {
			return slices.Contains(lines, option{"HiddenServicePort", "80 unix:" + socket})
		})
		if i < 0 {
			return fmt.Errorf("joining tor: no service leads to %q: %w", socket, ErrLines)
		}
		more, err := t.checkService(service, configured[i])
		if err != nil {
			return err
		}
		lacks = append(lacks, more...)
	}
	t.warn(lacks)
	return nil
}

// checkService returns what a service lacks and does not need.
func (t *Tor) checkService(service Service, have []option) (lacks []string, err error) {
	dir := have[0].value
	for _, want := range serviceLines(service, dir, Socket(t.config.Sockets, service)) {
		if slices.Contains(have, option{want.name, want.value}) {
			continue
		}
		if want.must {
			return nil, fmt.Errorf("joining tor: the %s' service lacks \"%s %s\" (%s): %w",
				service, want.name, want.value, want.why, ErrLines)
		}
		if !slices.ContainsFunc(have, func(o option) bool { return o.name == want.name }) {
			lacks = append(lacks, fmt.Sprintf("the %s' service of tor lacks \"%s %s\": %s",
				service, want.name, want.value, want.why))
		}
	}
	name, err := readName(dir)
	if err != nil {
		return nil, fmt.Errorf("joining tor: reading the name of the %s' service: %w", service, err)
	}
	t.update(func(h *Health) { h.Of(service).Name = name })
	return append(lacks, t.cannotEnter(service, dir)...), nil
}

// cannotEnter warns if the user of tor, to whom the folder with the name belongs,
// cannot come to a service's socket: tor itself would only log that, for each
// visitor. Tor gives up all groups but its own when it starts.
func (t *Tor) cannotEnter(service Service, dir string) []string {
	socket := Socket(t.config.Sockets, service)
	name, err := os.Stat(filepath.Join(dir, "hostname"))
	folder, err2 := os.Stat(t.config.Sockets)
	file, err3 := os.Stat(socket)
	if errors.Join(err, err2, err3) != nil {
		return nil // others say so
	}
	if permits(folder, name, 1) && permits(file, name, 2) {
		return nil
	}
	return []string{fmt.Sprintf("tor's user cannot come to %q: run the server with tor's group, "+
		"as by \"Group=debian-tor\" in its unit", socket)}
}

// permits reports whether a file's mode gives a right (4, 2, 1 as in its digits) to
// the user and group of another file.
func permits(file, whose fs.FileInfo, right fs.FileMode) bool {
	f, w := file.Sys().(*syscall.Stat_t), whose.Sys().(*syscall.Stat_t)
	switch mode := file.Mode().Perm(); {
	case w.Uid == 0:
		return true
	case w.Uid == f.Uid:
		return mode>>6&right != 0
	case w.Gid == f.Gid:
		return mode>>3&right != 0
	default:
		return mode&right != 0
	}
}

// readName reads the name that tor writes into a service's folder.
func readName(dir string) (string, error) {
	f, err := os.Open(filepath.Join(dir, "hostname"))
	if errors.Is(err, fs.ErrPermission) {
		return "", fmt.Errorf("%w: it lacks one that ends in \"GroupReadable 1\", or was not restarted since, "+
			"or we are not in its group: %w", ErrLines, err)
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 1<<10)) // it has 63 bytes
	if err != nil {
		return "", err
	}
	name, err := onionname.Parse(strings.TrimSpace(string(text)))
	return name.String(), err
}

// An option is a line of a service as tor knows it.
type option struct{ name, value string }

// parseServices divides the lines of GETCONF HiddenServiceOptions by service: each
// begins with its folder.
func parseServices(lines []string) (all [][]option) {
	for _, l := range lines {
		name, value, _ := strings.Cut(l, "=")
		if name == "HiddenServiceDir" {
			all = append(all, nil)
		}
		if len(all) > 0 {
			all[len(all)-1] = append(all[len(all)-1], option{name, strings.ReplaceAll(value, `"`, "")})
		}
	}
	return all
}

// findSocks finds how to look at the own page, if this tor has such a port now. A
// tor that has just started answers on its control port before it listens there.
func (t *Tor) findSocks(s *session) error {
	listeners, err := s.info("net/listeners/socks")
	if err != nil {
		return err
	}
	s.setSocks(parseSocks(listeners))
	return nil
}

// parseSocks returns the network and the address of the first of some listeners, divided
// by a space, or "". Each of them stands in quotes.
func parseSocks(listeners string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(listeners, `"`), `"`)
	if path, ok := strings.CutPrefix(first, "unix:"); ok {
		return "unix " + path
	}
	if first != "" {
		return "tcp " + first
	}
	return ""
}
