package onion

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/server/onion/tornet"
)

// TestAJoinedTorPublishes: with the lines that it is given, a running tor
// publishes; keys stay with it, and when it has been away it is joined again.
func TestAJoinedTorPublishes(t *testing.T) {
	folder, base := t.TempDir(), t.TempDir()
	running := network.Get(t).Tor(t, Lines(base, folder))
	// A tor that has just started answers before it has a SOCKS port to look through.
	must(t, tell(running, "SETCONF SocksPort=0"))
	p := publish(t, folder, func(c *Config) { c.Control = running.Control() })
	p.await(t, "looked at in vain", func(h Health) bool { return h.Failures > 0 })
	must(t, tell(running, "SETCONF SocksPort="+running.SOCKS()))
	// It may have been published before it was joined, when no event is told.
	first := p.await(t, "reachable", func(h Health) bool { return h.State == Reachable })
	if got := network.Get(t).Client(t).Await(t, "http://"+first.Reporters.Name+"/"); got != page {
		t.Errorf("the page is %q", got)
	}
	if len(p.Warnings()) > 0 {
		t.Errorf("with all lines it warns: %q", p.Warnings())
	}
	holdGroup(t, running.Folder(), base)
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != len(services) {
		t.Errorf("beside the sockets it made %v, %v", entries, err)
	}
	running.Kill()
	p.await(t, "down", func(h Health) bool { return h.State == Down })
	running.Start(t)
	h := p.await(t, "reachable again", func(h Health) bool { return h.Starts == 2 && h.State == Reachable })
	if h.Reporters.Name != first.Reporters.Name {
		t.Errorf("the name was %q and is %q", first.Reporters.Name, h.Reporters.Name)
	}
	p.stop()
	if _, err := running.Ask("GETINFO version"); err != nil {
		t.Errorf("the joined tor is gone with the server: %v", err)
	}
}

func tell(tor *tornet.Tor, line string) error {
	_, err := tor.Ask(line)
	return err
}

// holdGroup: tor's group, which the server has, reads the names and no key.
func holdGroup(t *testing.T, data, base string) {
	t.Helper()
	for _, service := range services {
		dir := filepath.Join(base, "saksi-"+string(service))
		for path, want := range map[string]os.FileMode{
			data: 0o050, dir: 0o050, filepath.Join(dir, "hostname"): 0o040,
			filepath.Join(dir, "hs_ed25519_secret_key"): 0, filepath.Join(data, "keys"): 0,
		} {
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm()&0o077 != want {
				t.Errorf("%s is %v, %v; want %v for the group", path, info.Mode(), err, want)
			}
		}
	}
}

// TestWhoCannotComeToASocket: by the right digit of the mode, as the kernel does it.
func TestWhoCannotComeToASocket(t *testing.T) {
	tor := file{uid: 102, gid: 105}
	for _, c := range []struct {
		socket file
		want   bool
	}{
		{file{0o660, 103, 106}, false}, {file{0o660, 103, 105}, true}, {file{0o600, 102, 106}, true},
		{file{0o062, 102, 105}, false}, {file{0o602, 103, 105}, false}, {file{0o602, 103, 106}, true},
	} {
		if got := permits(c.socket, tor, 2); got != c.want {
			t.Errorf("%+v: %v", c.socket, got)
		}
	}
	if !permits(file{0, 103, 106}, file{}, 2) {
		t.Error("root is kept out")
	}
	dir := t.TempDir()
	closed := &Tor{config: Config{Sockets: dir}}
	hostname := filepath.Join(dir, "hostname")
	must(t, errors.Join(os.WriteFile(hostname, nil, 0o600), os.WriteFile(Socket(dir, Reporters), nil, 0o400)))
	_ = os.Chown(hostname, 102, 105) // as root, whom no mode keeps out
	if w := closed.cannotEnter(Reporters, dir); len(w) != 1 || !strings.Contains(w[0], "Group=debian-tor") {
		t.Errorf("of a closed socket it says %q", w)
	}
}

// A file is one of any owner.
type file struct {
	mode     os.FileMode
	uid, gid uint32
}

func (f file) Mode() os.FileMode { return f.mode }
func (f file) Sys() any          { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }
func (file) Name() string        { return "" }
func (file) Size() int64         { return 0 }
func (file) IsDir() bool         { return false }
func (file) ModTime() time.Time  { return time.Time{} }

// TestAJoinedTorIsTold what it lacks: what nothing works without is an error,
// what defends is a warning.
func TestAJoinedTorIsTold(t *testing.T) {
	folder, base := t.TempDir(), t.TempDir()
	whole := Lines(base, folder)
	running := network.Get(t).Tor(t, "HashedControlPassword "+hashed(t, "rahasia"))
	join := func(password string) (*Tor, error) {
		return Open(t.Context(), Config{
			Folder: folder, Control: running.Control(), Password: password, Log: slog.New(slog.DiscardHandler),
		})
	}
	if _, err := join(""); !errors.Is(err, ErrLines) {
		t.Errorf("without any line: %v", err)
	}
	configure(t, running, strings.Replace(whole, "HiddenServiceExportCircuitID haproxy\n", "", 1))
	if _, err := join(""); !errors.Is(err, ErrLines) || !strings.Contains(err.Error(), "HiddenServiceExportCircuitID haproxy") {
		t.Errorf("without circuit numbers: %v", err)
	}
	configure(t, running, strings.Replace(whole, "HiddenServicePoWDefensesEnabled 1\n", "", 1))
	joined, err := join("rahasia")
	must(t, err)
	if w := joined.Warnings(); len(w) != 1 || !strings.Contains(w[0], "HiddenServicePoWDefensesEnabled 1") {
		t.Errorf("without proof of work it warns: %q", w)
	}
	must(t, joined.Close())
	if _, err := join("salah"); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "salah") {
		t.Errorf("with a wrong password: %v", err)
	}
	must(t, os.Rename(running.Cookie(), running.Cookie()+".away"))
	if _, err := join(""); !errors.Is(err, ErrRefused) {
		t.Errorf("without the cookie: %v", err)
	}
}

// configure gives a running tor services, as an edit of its torrc and a reload do.
func configure(t *testing.T, running *tornet.Tor, lines string) {
	t.Helper()
	var options []string
	for line := range strings.Lines(lines) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		options = append(options, name+`="`+value+`"`)
	}
	_, err := running.Ask("SETCONF " + strings.Join(options, " "))
	must(t, err)
}

func hashed(t *testing.T, password string) string {
	t.Helper()
	out, err := exec.Command("tor", "--quiet", "--hash-password", password).Output()
	must(t, err)
	lines := strings.Fields(string(out))
	return lines[len(lines)-1]
}

// TestWhatOnlyTheOperatorMends is said at once, and clearly.
func TestWhatOnlyTheOperatorMends(t *testing.T) {
	discard := slog.New(slog.DiscardHandler)
	old := filepath.Join(t.TempDir(), "tor")
	must(t, os.WriteFile(old, []byte("#!/bin/sh\necho 'Tor version 0.4.7.16.'\n"), 0o700))
	t.Chdir(filepath.Dir(old))
	silent := filepath.Join(t.TempDir(), "tor")
	must(t, os.WriteFile(silent, []byte("#!/bin/sh\n"), 0o700))
	for name, c := range map[string]struct {
		config Config
		want   error
	}{
		"no program":       {Config{Program: "/nonexistent/tor"}, ErrProgram},
		"another program":  {Config{Program: silent}, ErrProgram},
		"an old program":   {Config{Program: old}, ErrVersion},
		"an old one here":  {Config{Program: "./tor"}, ErrVersion},
		"no such folder":   {Config{Sockets: "/nonexistent"}, ErrSocket},
		"nobody listens":   {Config{Control: "127.0.0.1:1"}, ErrControl},
		"no such socket":   {Config{Control: "unix:/nonexistent/control"}, ErrControl},
		"a relative path":  {Config{Folder: "tor"}, ErrPath},
		"a path too long":  {Config{Folder: "/" + strings.Repeat("x", 100)}, ErrPath},
		"an odd path":      {Config{Folder: "/tmp/data folder"}, ErrPath},
		"another protocol": {Config{Control: deaf(t)}, ErrRefused},
	} {
		c.config.Log = discard
		if c.config.Folder == "" {
			c.config.Folder = t.TempDir()
		}
		if tor, err := Open(t.Context(), c.config); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v", name, tor, err)
		}
	}
}

// deaf returns the address of a server that is no tor.
func deaf(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	return l.Addr().String()
}

// TestATorrcThatTorRefuses ends the server at its start, with what tor says.
func TestATorrcThatTorRefuses(t *testing.T) {
	tor, err := Open(t.Context(), Config{
		Folder: t.TempDir(), Extra: "DisableNetwork 1\nNoSuchOption 1", Log: slog.New(slog.DiscardHandler), Times: quick(),
	})
	must(t, err)
	defer tor.Close()
	err = tor.Run(context.Background())
	if !errors.Is(err, ErrTorrc) || !strings.Contains(err.Error(), "NoSuchOption") {
		t.Errorf("it says %v", err)
	}
}

// TestTorThatComesNoFurther is said, with what to do, and goes on trying.
func TestTorThatComesNoFurther(t *testing.T) {
	p := &published{log: &log{}}
	times := quick()
	times.Stuck = times.Poll
	var err error
	p.Tor, err = Open(t.Context(), Config{
		Folder: t.TempDir(), Log: slog.New(slog.NewTextHandler(p.log, nil)), Times: times,
		Extra: "DisableNetwork 1",
	})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	p.await(t, "stuck", func(h Health) bool { return h.Stuck && h.State == Connecting })
	cancel()
	must(t, <-done)
	must(t, p.Close())
	if said := p.log.String(); !strings.Contains(said, "is the clock right") ||
		!strings.Contains(said, `msg="tor is connecting" percent=0`) {
		t.Errorf("the log says\n%s", p.log)
	}
}
