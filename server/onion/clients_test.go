package onion

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"
)

// alone opens an own tor that has no network.
func alone(t *testing.T, change func(*Config)) (*Tor, *log) {
	t.Helper()
	said := &log{}
	c := Config{Folder: t.TempDir(), Log: slog.New(slog.NewTextHandler(said, nil)), Times: quick(), Extra: "DisableNetwork 1"}
	if change != nil {
		change(&c)
	}
	tor, err := Open(t.Context(), c)
	must(t, err)
	t.Cleanup(func() { tor.Close() })
	return tor, said
}

func (t *Tor) listed(test *testing.T) (names string) {
	test.Helper()
	entries, err := os.ReadDir(t.path("couriers", "authorized_clients"))
	must(test, err)
	for _, e := range entries {
		names += e.Name() + " "
	}
	return names
}

// TestADamagedListOfCouriersKeepsNoReporterOut: tor starts, no courier is let in,
// and the log says why.
func TestADamagedListOfCouriersKeepsNoReporterOut(t *testing.T) {
	tor, said := alone(t, func(c *Config) {
		c.Clients = func() (map[string]Key, error) { return nil, errors.New("line 2 is damaged") }
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- tor.Run(ctx) }()
	(&published{Tor: tor, log: said}).await(t, "started", func(h Health) bool { return h.State == Connecting })
	if got := tor.listed(t); got != nobody+".auth " {
		t.Errorf("tor lets in %q", got)
	}
	if !strings.Contains(said.String(), "line 2 is damaged") {
		t.Errorf("the log says\n%s", said)
	}
	cancel()
	must(t, <-done)
}

// TestTheListIsNeverEmpty: tor opens a service to everyone when no file of its list
// can be read. What a full disk left of nobody's is made whole; and one that is
// whole stays as it is, when there is no room either.
func TestTheListIsNeverEmpty(t *testing.T) {
	known := map[string]Key{"rani": testKey(t), "budi": testKey(t)}
	tor, _ := alone(t, func(c *Config) { c.Clients = func() (map[string]Key, error) { return known, nil } })
	must(t, tor.Authorize())
	of := func(name string) string { return tor.path("couriers", "authorized_clients", name+".auth") }
	first, err := os.ReadFile(of(nobody))
	must(t, err)

	full := tor.path("couriers", "authorized_clients", unfinished)
	must(t, os.MkdirAll(full+"/x", 0o700)) // so nothing can be written
	delete(known, "rani")
	if err := tor.Authorize(); err != nil {
		t.Errorf("removing needs room: %v", err)
	}
	known["dewi"] = testKey(t)
	if err := tor.Authorize(); err == nil {
		t.Error("dewi was written, where nothing can be")
	}
	if got := tor.listed(t); got != nobody+".auth "+unfinished+" budi.auth " {
		t.Errorf("tor lets in %q", got)
	}
	if now, err := os.ReadFile(of(nobody)); err != nil || string(now) != string(first) {
		t.Errorf("nobody's key was %q and is %q, %v", first, now, err)
	}
	must(t, os.RemoveAll(full))
	must(t, os.Truncate(of(nobody), 0))
	must(t, tor.Authorize())
	if now, err := os.ReadFile(of(nobody)); err != nil || len(now) != len(first) {
		t.Errorf("nobody's key is %q, %v", now, err)
	}
}

// TestAFullDiskLeavesTheTorrc: tor starts on one, by what is there.
func TestAFullDiskLeavesTheTorrc(t *testing.T) {
	tor, _ := alone(t, nil)
	must(t, tor.prepare())
	before, err := os.ReadFile(tor.path("torrc"))
	must(t, err)
	must(t, os.Chtimes(tor.path("torrc"), time.Time{}, time.Unix(0, 0)))
	must(t, os.MkdirAll(tor.path(unfinished, "x"), 0o700)) // so nothing can be written
	must(t, tor.prepare())
	if info, err := os.Stat(tor.path("torrc")); err != nil || info.ModTime().Unix() != 0 {
		t.Errorf("what was right was written again: %v, %v", info.ModTime(), err)
	}
	tor.config.Extra = "UseBridges 1"
	if err := tor.prepare(); err == nil {
		t.Error("there is another torrc, where nothing can be written")
	}
	if now, err := os.ReadFile(tor.path("torrc")); err != nil || string(now) != string(before) {
		t.Errorf("of the torrc there is %q, %v", now, err)
	}
}

// TestAListThatIsReadWhileItChanges: who was removed while tor starts is not
// written back by the start.
func TestAListThatIsReadWhileItChanges(t *testing.T) {
	reads, second := 0, make(chan struct{})
	begun := make(chan struct{})
	key := testKey(t)
	tor, _ := alone(t, func(c *Config) {
		c.Clients = func() (map[string]Key, error) {
			if reads++; reads > 1 {
				close(second)
				return nil, nil
			}
			close(begun)
			select { // the other one has its turn, if it does not wait
			case <-second:
				time.Sleep(100 * time.Millisecond)
			case <-time.After(200 * time.Millisecond):
			}
			return map[string]Key{"rani": key}, nil
		}
	})
	started := make(chan error, 1)
	go func() { started <- tor.prepare() }()
	<-begun
	must(t, tor.Authorize())
	must(t, <-started)
	if got := tor.listed(t); got != nobody+".auth " {
		t.Errorf("tor lets in %q", got)
	}
}

// TestAChangeBeforeTheSessionIsTold: tor has read its list by then.
func TestAChangeBeforeTheSessionIsTold(t *testing.T) {
	tor, _ := alone(t, nil)
	must(t, tor.prepare())
	must(t, tor.Authorize())
	s := newSession(nil, nil, quick())
	s.end = func() error { return nil }
	tor.begin(s)
	if len(s.reload) != 1 {
		t.Error("tor is not told")
	}
}

func testKey(t *testing.T) Key {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	return Key(key.PublicKey().Bytes())
}
