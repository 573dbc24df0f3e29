package onion

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"saksi/server/onion/tornet"
)

// network is that of all tests here.
var network tornet.Shared

func TestMain(m *testing.M) {
	code := m.Run()
	if err := network.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// A published drop, for tests: its pages are one line.
type published struct {
	*Tor
	config Config
	log    *log
	stop   func()
}

const page = "a drop"

// quick are times for a network on loopback.
func quick() Times {
	times := Production()
	times.Poll, times.Pause, times.LongPause = 200*time.Millisecond, 100*time.Millisecond, time.Second
	times.Check, times.Recheck, times.Fetch = time.Second, 500*time.Millisecond, 15*time.Second
	return times
}

// publish publishes in a folder, until the test ends or it is stopped.
func publish(t *testing.T, folder string, change func(*Config)) *published {
	t.Helper()
	p := &published{log: &log{}}
	p.config = Config{
		Folder: folder, Extra: network.Get(t).Torrc(), Times: quick(), Log: slog.New(slog.NewTextHandler(p.log, nil)),
		Expect: func(body []byte) bool { return string(body) == page },
	}
	if change != nil {
		change(&p.config)
	}
	if p.config.Control == "" {
		must(t, os.MkdirAll(filepath.Join(folder, "data"), 0o700))
		must(t, network.Get(t).Seed(filepath.Join(folder, "data")))
	}
	var err error
	p.Tor, err = Open(t.Context(), p.config)
	must(t, err)
	for _, s := range services {
		go http.Serve(skipHeader{p.Listener(s)}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, page)
		}))
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
		must(t, p.Close())
	})
	t.Cleanup(p.stop)
	return p
}

// await waits until the health is as wanted.
func (p *published) await(t *testing.T, what string, ok func(Health) bool) Health {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if h := p.Health(); ok(h) {
			return h
		}
	}
	t.Fatalf("it never was %s: %+v\n%s", what, p.Health(), p.log)
	return Health{}
}

func (p *published) awaitReachable(t *testing.T) Health {
	t.Helper()
	return p.await(t, "reachable", func(h Health) bool { return h.State == Reachable && !h.Couriers.Uploaded.IsZero() })
}

// TestTheSameAddressAfterARestart: an own tor publishes the page, the server sees
// it by itself, and keys stay, for their owner alone.
func TestTheSameAddressAfterARestart(t *testing.T) {
	folder := t.TempDir()
	p := publish(t, folder, nil)
	first := p.awaitReachable(t)
	client := network.Get(t).Client(t)
	if got := client.Await(t, "http://"+first.Reporters.Name+"/"); got != page {
		t.Errorf("the page is %q", got)
	}
	for _, s := range services {
		info, err := os.Stat(filepath.Join(folder, string(s), "hs_ed25519_secret_key"))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("the key has mode %v", info.Mode())
		}
	}
	if first.PoWEffort == nil || first.Tor == "" || first.Checked.IsZero() || first.Since.IsZero() {
		t.Errorf("something is not known: %+v", first)
	}
	p.stop()
	if _, err := os.Stat(Socket(folder, Reporters)); err == nil {
		t.Error("a socket stays behind")
	}
	again := publish(t, folder, nil).awaitReachable(t)
	if again.Reporters.Name != first.Reporters.Name || again.Couriers.Name != first.Couriers.Name {
		t.Errorf("the addresses were %+v, and are %+v", first, again)
	}
}

// TestATorThatIsKilledComesBack: the health says so meanwhile, and the log too.
func TestATorThatIsKilledComesBack(t *testing.T) {
	p := publish(t, t.TempDir(), nil)
	p.awaitReachable(t)
	p.kill(t)
	p.await(t, "down", func(h Health) bool { return h.Starts > 1 || h.State == Down })
	h := p.await(t, "reachable again", func(h Health) bool { return h.Starts > 1 && h.State == Reachable })
	if h.Starts != 2 || !strings.Contains(p.log.String(), "tor is gone") {
		t.Errorf("%+v\n%s", h, p.log)
	}
}

// TestCtrlCIsNotForTor: it goes to a whole group of processes, and the server has to
// answer through tor what is under way.
func TestCtrlCIsNotForTor(t *testing.T) {
	tor, _ := alone(t, nil)
	s, err := tor.start(t.Context())
	must(t, err)
	defer s.end()
	if group, err := syscall.Getpgid(s.process.Pid); err != nil || group == syscall.Getpgrp() {
		t.Errorf("tor is in our own group, %d: %v", group, err)
	}
}

// TestANameThatIsLostLaterEndsNoTor: it is read when tor has begun, and stays.
func TestANameThatIsLostLaterEndsNoTor(t *testing.T) {
	tor, _ := alone(t, nil)
	s, err := tor.start(t.Context())
	must(t, err)
	defer s.end()
	must(t, tor.look(s, &progress{}))
	name := tor.Health().Reporters.Name
	must(t, os.Remove(tor.path("reporters", "hostname")))
	if err := tor.look(s, &progress{}); err != nil || name == "" || tor.Health().Reporters.Name != name {
		t.Errorf("%q became %q: %v", name, tor.Health().Reporters.Name, err)
	}
}

// kill kills tor as kill -9 does.
func (p *published) kill(t *testing.T) {
	t.Helper()
	p.mu.Lock()
	process := p.session.process
	p.mu.Unlock()
	must(t, process.Kill())
}

// TestCouriersNeedAKey: without one, and with a wrong one, there is no way to the
// couriers' service, also when nobody has a key; with the right one there is.
func TestCouriersNeedAKey(t *testing.T) {
	var mu sync.Mutex
	clients := map[string]Key{}
	p := publish(t, t.TempDir(), func(c *Config) {
		c.Clients = func() (map[string]Key, error) {
			mu.Lock()
			defer mu.Unlock()
			return clients, nil
		}
	})
	name := p.awaitReachable(t).Couriers.Name
	client := network.Get(t).Client(t)
	right, wrong := newKey(t), newKey(t)
	refused(t, client, name)
	allow(t, client, name, wrong)
	refused(t, client, name)

	mu.Lock()
	clients["rani"] = Key(right.PublicKey().Bytes())
	mu.Unlock()
	must(t, p.Authorize())
	allow(t, client, name, right)
	if got := client.Await(t, "http://"+name+"/"); got != page {
		t.Errorf("with the key comes %q", got)
	}

	mu.Lock()
	delete(clients, "rani")
	mu.Unlock()
	must(t, p.Authorize())
	entries, err := os.ReadDir(filepath.Join(p.config.Folder, "couriers/authorized_clients"))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("a removed client stays in the list: %v", entries)
	}
}

func newKey(t *testing.T) *ecdh.PrivateKey {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	return key
}

// allow gives a client a key for a service.
func allow(t *testing.T, c *tornet.Client, name string, key *ecdh.PrivateKey) {
	t.Helper()
	_, err := c.Ask("ONION_CLIENT_AUTH_ADD " + strings.TrimSuffix(name, ".onion") +
		" x25519:" + base64.StdEncoding.EncodeToString(key.Bytes()))
	must(t, err)
}

// refused holds that a client finds no way.
func refused(t *testing.T, c *tornet.Client, name string) {
	t.Helper()
	resp, err := c.Isolated(rand.Text()).Get("http://" + name + "/")
	if err == nil {
		resp.Body.Close()
		t.Errorf("%s answers somebody without a key: %s", name, resp.Status)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// log keeps lines.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
