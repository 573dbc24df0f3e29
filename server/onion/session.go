package onion

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cretz/bine/control"
)

// A session is a connection to a tor's control port, as long as it lasts.
type session struct {
	control *control.Conn
	conn    net.Conn      // below it, for its deadlines
	answer  time.Duration // to wait for
	process *os.Process   // of an own tor
	end     func() error
	named   bool // of an own tor: its services' names are known; for whoever watches

	efforts   chan chan *int // asks for the effort
	reload    chan struct{}  // one asks for it
	published chan struct{}  // closed when the reporters' descriptor has been taken
	gone      chan struct{}  // closed by close
	leave     sync.Once

	mu    sync.Mutex
	taken map[string]bool // services whose descriptors have been taken since somebody asked
	socks string          // network and address of a SOCKS port, divided by a space; or ""
}

// newSession makes a session of a connection.
func newSession(c *control.Conn, below net.Conn, times Times) *session {
	return &session{
		control: c, conn: below, answer: times.Answer,
		reload: make(chan struct{}, 1), efforts: make(chan chan *int), published: make(chan struct{}),
		gone: make(chan struct{}), taken: map[string]bool{},
	}
}

// close ends a session that may have been told to listen.
func (s *session) close() error {
	defer s.leave.Do(func() { close(s.gone) })
	return s.end()
}

func (s *session) setSocks(at string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socks = at
}

// socksPort returns the network and the address of a SOCKS port, if there is one.
func (s *session) socksPort() (network, address string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Cut(s.socks, " ")
}

// askReload has whoever watches the session reload tor.
func (s *session) askReload() {
	select {
	case s.reload <- struct{}{}:
	default: // it is asked for already
	}
}

// ask sends a line and returns the answer's lines without their codes. It must
// not be called by several goroutines at once.
//
// The library reads events only while it waits for an answer, so asking is also
// what brings them.
func (s *session) ask(line string) ([]string, error) {
	if err := s.conn.SetDeadline(time.Now().Add(s.answer)); err != nil {
		return nil, err
	}
	answer, err := s.control.SendRequest("%s", line)
	if err != nil {
		return nil, fmt.Errorf("asking tor for %.40q: %w", line, err)
	}
	return answer.DataWithReply(), nil
}

// info returns the value of a key of GETINFO, if it has one line.
func (s *session) info(key string) (string, error) {
	lines, err := s.ask("GETINFO " + key)
	if err != nil {
		return "", err
	}
	value, ok := strings.CutPrefix(lines[0], key+"=")
	if !ok {
		return "", fmt.Errorf("asking tor for %q: it answers something else", key)
	}
	return value, nil
}

// listen has tor tell of descriptors from now on.
func (s *session) listen() error {
	if err := s.conn.SetDeadline(time.Now().Add(s.answer)); err != nil {
		return err
	}
	events := make(chan control.Event)
	go s.collect(events)
	if err := s.control.AddEventListener(events, control.EventCodeHSDesc); err != nil {
		return fmt.Errorf("asking tor for events: %w", err)
	}
	return nil
}

// maxTaken bounds what is kept of a joined tor's other services.
const maxTaken = 1024

// collect takes events as they come: as long as one is not taken the library waits,
// and no deadline ends that.
func (s *session) collect(events <-chan control.Event) {
	for {
		select {
		case <-s.gone:
			return
		case event := <-events:
			e, ok := event.(*control.HSDescEvent)
			s.mu.Lock()
			if ok && e.Action == "UPLOADED" && len(s.taken) < maxTaken {
				s.taken[e.Address+".onion"] = true
			}
			s.mu.Unlock()
		}
	}
}

var errBootstrap = errors.New("asking tor how far it is: it does not say")

// uploads returns the services whose descriptors have been taken since the last call.
func (s *session) uploads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := slices.Collect(maps.Keys(s.taken))
	clear(s.taken)
	return names
}

// A bootstrap says how far tor has come.
type bootstrap struct {
	percent int
	doing   string
}

func (s *session) bootstrap() (bootstrap, error) {
	phase, err := s.info("status/bootstrap-phase")
	if err != nil {
		return bootstrap{}, err
	}
	return parseBootstrap(phase)
}

// parseBootstrap reads, as control-spec has it,
//
//	NOTICE BOOTSTRAP PROGRESS=45 TAG=requesting_descriptors SUMMARY="Asking for relay descriptors"
func parseBootstrap(phase string) (b bootstrap, err error) {
	_, rest, ok := strings.Cut(phase, " PROGRESS=")
	digits, rest, _ := strings.Cut(rest, " ")
	if b.percent, err = strconv.Atoi(digits); !ok || err != nil || b.percent < 0 || b.percent > 100 {
		return bootstrap{}, errBootstrap
	}
	_, summary, _ := strings.Cut(rest, `SUMMARY="`)
	b.doing, _, _ = strings.Cut(summary, `"`)
	return b, nil
}

// atLeast compares versions such as 0.4.9.11 and "0.4.8.12-rc (git-...)".
func atLeast(version, minimum string) bool {
	have, want := strings.Split(version, "."), strings.Split(minimum, ".")
	for i := range want {
		if i >= len(have) {
			return false
		}
		digits := have[i][:len(have[i])-len(strings.TrimLeft(have[i], "0123456789"))]
		h, err := strconv.Atoi(digits)
		w, _ := strconv.Atoi(want[i])
		if err != nil || h < w {
			return false
		}
		if h > w {
			return true
		}
	}
	return true
}
