package onion

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// A puppet answers at a control port as a tor that somebody else runs.
type puppet struct {
	address  string
	services atomic.Pointer[string] // the answer for their lines
	events   int                    // that it tells before each answer to how far it is
	asked    atomic.Int64           // how often it was asked that
	metrics  string                 // the answer for where they are
	changed  atomic.Int64           // how often its configuration was
}

// newPuppet starts one that has all lines, and whose services have names.
func newPuppet(t *testing.T, sockets string, events int) *puppet {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	p := &puppet{address: l.Addr().String(), events: events, metrics: "250 MetricsPort\r\n"}
	base := t.TempDir()
	var lines strings.Builder
	for line := range strings.Lines(Lines(base, sockets)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		fmt.Fprintf(&lines, "250-%s=%s\r\n", name, value)
		if name == "HiddenServiceDir" {
			must(t, os.MkdirAll(value, 0o700))
			must(t, os.WriteFile(filepath.Join(value, "hostname"), []byte("pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion\n"), 0o600))
		}
	}
	p.set(lines.String() + "250 OK\r\n")
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *puppet) set(services string) { p.services.Store(&services) }

func (p *puppet) serve(c net.Conn) {
	defer c.Close()
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if _, err := io.WriteString(c, p.answer(lines.Text())); err != nil {
			return
		}
	}
}

func (p *puppet) answer(line string) string {
	switch line {
	case "PROTOCOLINFO":
		return "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250 OK\r\n"
	case "GETINFO version":
		return "250-version=0.4.9.11\r\n250 OK\r\n"
	case "GETINFO net/listeners/socks":
		return "250-net/listeners/socks=\r\n250 OK\r\n"
	case "GETCONF MetricsPort":
		return p.metrics
	case "GETCONF HiddenServiceOptions":
		return *p.services.Load()
	case "GETINFO status/bootstrap-phase":
		p.asked.Add(1)
		return strings.Repeat("650 HS_DESC UPLOADED other UNKNOWN $0000 0000\r\n", p.events) +
			"250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"\r\n250 OK\r\n"
	default:
		if strings.Contains(line, "SETCONF") {
			p.changed.Add(1)
		}
		return "250 OK\r\n"
	}
}

// join joins it until the test ends.
func (p *puppet) join(t *testing.T, folder string) *published {
	t.Helper()
	joined := &published{log: &log{}}
	var err error
	joined.Tor, err = Open(t.Context(), Config{
		Folder: folder, Control: p.address, Times: quick(), Log: slog.New(slog.NewTextHandler(joined.log, nil)),
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- joined.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
		must(t, joined.Close())
	})
	return joined
}

// TestATorOfManyServicesIsWatched: however much it tells of others between two
// questions, it is asked again.
func TestATorOfManyServicesIsWatched(t *testing.T) {
	folder := t.TempDir()
	p := newPuppet(t, folder, 5000)
	p.join(t, folder).await(t, "asked again", func(Health) bool { return p.asked.Load() > 3 })
}

// TestServicesThatAJoinedTorLosesAreMissed: an edit of its torrc takes them away.
// Nothing says from then on that the drop can be reached, until they are back.
func TestServicesThatAJoinedTorLosesAreMissed(t *testing.T) {
	folder := t.TempDir()
	p := newPuppet(t, folder, 0)
	whole := *p.services.Load()
	joined := p.join(t, folder)
	joined.await(t, "connected", func(h Health) bool { return h.State == Publishing })
	joined.seen(nil, nil)
	p.set("250 HiddenServiceOptions\r\n")
	h := joined.await(t, "down", func(h Health) bool { return h.State == Down })
	if !h.Since.IsZero() {
		t.Errorf("a program that watches reads that it is reachable since %v", h.Since)
	}
	if !strings.Contains(joined.log.String(), ErrLines.Error()) {
		t.Errorf("the log says\n%s", joined.log)
	}
	p.set(whole)
	joined.await(t, "joined again", func(h Health) bool { return h.State == Publishing && h.Failures == 0 })
}

// TestMetricsThatATorHasStayAsTheyAre: in whatever way its torrc names their port.
func TestMetricsThatATorHasStayAsTheyAre(t *testing.T) {
	metrics := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, `tor_hs_pow_suggested_effort{onion="a"} 7`)
	}))
	defer metrics.Close()
	at := metrics.Listener.Addr().String()
	_, port, err := net.SplitHostPort(at)
	must(t, err)
	for value, want := range map[string]int{at: 7, port: 7, `"` + at + ` x"`: 7, "auto": -1, "": -1, "0": -1} {
		p := newPuppet(t, t.TempDir(), 0)
		p.metrics = "250 MetricsPort=" + value + "\r\n"
		s, err := connect(t.Context(), p.address, "", quick())
		must(t, err)
		effort, err := s.effort(t.Context(), "a.onion")
		if err != nil || (effort == nil) != (want < 0) || effort != nil && *effort != want {
			t.Errorf("%q: effort %v, %v", value, effort, err)
		}
		if free := value == "" || value == "0"; free != (p.changed.Load() == 2) {
			t.Errorf("%q was changed %d times", value, p.changed.Load())
		}
		s.end()
	}
}

// TestOurTorCountsNoVisitsIntoItsLog: its heartbeat would, every six hours.
func TestOurTorCountsNoVisitsIntoItsLog(t *testing.T) {
	tor, _ := alone(t, nil)
	s, err := tor.start(t.Context())
	must(t, err)
	defer s.end()
	period, err := s.ask("GETCONF HeartbeatPeriod")
	must(t, err)
	if period[0] != "HeartbeatPeriod=0" {
		t.Errorf("tor says %q", period)
	}
}

// TestAPassingFaultAtTheStart is tried again: a tor that outlived its server keeps the
// folder locked for a while.
func TestAPassingFaultAtTheStart(t *testing.T) {
	for said, want := range map[string]bool{
		"[warn] It looks like another Tor process is running with the same data directory.  Waiting 5 seconds": false,
		"[warn] Could not bind to 127.0.0.1:1: Address already in use.\n" +
			"[warn] Failed to parse/validate config: Failed to bind one of the listener ports.": false,
		"[warn] Failed to parse/validate config: Unknown option 'X'.  Failing.": true,
	} {
		c := &child{}
		_, _ = c.said.Write([]byte(said))
		if err := c.explain(io.EOF); permanent(err) != want {
			t.Errorf("%q: %v", said, err)
		}
	}
}
