package onion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"github.com/cretz/bine/process"
	"github.com/cretz/bine/tor"
	"golang.org/x/sys/unix"
)

// checkProgram finds tor and asks its version.
func (t *Tor) checkProgram(ctx context.Context) error {
	if t.config.Program == "" {
		t.config.Program = "tor"
	}
	path, err := exec.LookPath(t.config.Program)
	if err != nil {
		return fmt.Errorf("looking for %q: %w", t.config.Program, ErrProgram)
	}
	if path, err = filepath.Abs(path); err != nil { // it is run in another folder
		return err
	}
	t.config.Program = path
	ctx, cancel := context.WithTimeout(ctx, t.config.Times.Answer)
	defer cancel()
	said, err := t.command(ctx, "--version").Output()
	version, ok := parseVersion(string(said))
	if err != nil || !ok {
		return fmt.Errorf("asking %q for its version: it does not answer as tor does: %w", path, ErrProgram)
	}
	if err := t.admitVersion(version); err != nil {
		return err
	}
	modules, err := t.command(ctx, "--list-modules").Output()
	if err != nil || !bytes.Contains(modules, []byte("pow: yes")) {
		t.warn([]string{"this tor was built without proof of work: floods are held off less well"})
	}
	return nil
}

// parseVersion finds the version in what tor says, such as
//
//	Tor version 0.4.8.12 (git-0123abc).
func parseVersion(said string) (version string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(said), "Tor version ")
	line, _, _ := strings.Cut(rest, "\n")
	version, _, _ = strings.Cut(line, " ")
	return strings.TrimSuffix(version, "."), ok
}

func (t *Tor) admitVersion(version string) error {
	odd := func(r rune) bool { return r != '.' && r != '-' && !unicode.IsDigit(r) && !unicode.IsLetter(r) } // it is shown
	if strings.ContainsFunc(version, odd) || len(version) > 64 || !atLeast(version, MinVersion) {
		return fmt.Errorf("tor %.64q, and at least %s is needed: %w", version, MinVersion, ErrVersion)
	}
	t.update(func(h *Health) { h.Tor = version })
	return nil
}

// command runs tor in its folder, with nothing of our environment.
func (t *Tor) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.config.Program, args...)
	cmd.Dir = t.config.Folder
	cmd.Env = []string{"HOME=" + t.path("data"), "LANG=C.UTF-8", "TZ=UTC"}
	return cmd
}

// start starts tor and returns the session with it.
func (t *Tor) start(ctx context.Context) (*session, error) {
	if err := t.prepare(); err != nil {
		return nil, fmt.Errorf("preparing tor's folder: %w", err)
	}
	ctx, kill := context.WithCancel(ctx)
	child := &child{make: func(args ...string) *exec.Cmd { return t.command(ctx, args...) }}
	running, err := tor.Start(ctx, &tor.StartConf{
		ProcessCreator: child, UseEmbeddedControlConn: true, DisableCookieAuth: true, DisableEagerAuth: true,
		DataDir: t.path("data"), TorrcFile: t.path("torrc"), NoAutoSocksPort: true, NoHush: true, EnableNetwork: true,
		ExtraArgs: []string{"--defaults-torrc", os.DevNull},
	})
	if err != nil {
		kill()
		return nil, fmt.Errorf("starting tor: %w", err)
	}
	running.Control.Authenticated = true // an inherited connection is
	s := newSession(running.Control, child.ours, t.config.Times)
	s.process = child.cmd.Process
	s.setSocks("unix " + t.path("socks.sock"))
	s.end = sync.OnceValue(func() error { return child.end(running, kill) })
	if _, err := s.info("version"); err != nil {
		err = errors.Join(err, s.end())
		return nil, child.explain(err)
	}
	return s, nil
}

// prepare writes what tor reads at its start. A list of couriers that cannot be
// read keeps no reporter out.
func (t *Tor) prepare() error {
	t.mu.Lock()
	t.late = false
	t.mu.Unlock()
	unread, err := t.writeClients()
	if unread != nil {
		t.config.Log.Error("tor starts without the couriers", "error", unread.Error())
	}
	return errors.Join(err, keepFile(t.config.Folder, "torrc", t.torrc()))
}

// A child is a tor process with a control connection that it inherits.
type child struct {
	make   func(args ...string) *exec.Cmd
	cmd    *exec.Cmd
	ours   net.Conn
	theirs *os.File
	said   beginning
}

var _ process.Creator = (*child)(nil)

// New implements [process.Creator].
func (c *child) New(_ context.Context, args ...string) (process.Process, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("connecting to tor: %w", err)
	}
	const first = 3 // of ExtraFiles, in the child
	c.ours, c.theirs = ours, theirs
	c.cmd = c.make(append(args, "--__OwningControllerFD", fmt.Sprint(first))...)
	c.cmd.ExtraFiles = []*os.File{theirs}
	// A terminal's Ctrl-C is for us: answers that are under way still go through tor.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	return c, nil
}

// Start implements [process.Process].
func (c *child) Start() error {
	defer c.theirs.Close()
	return c.cmd.Start()
}

// Wait implements [process.Process].
func (c *child) Wait() error { return c.cmd.Wait() }

// EmbeddedControlConn implements [process.Process].
func (c *child) EmbeddedControlConn() (net.Conn, error) { return c.ours, nil }

// end ends tor: kindly, and after a while by force.
func (c *child) end(running *tor.Tor, kill context.CancelFunc) error {
	defer kill()
	_ = c.ours.SetDeadline(time.Now().Add(5 * time.Second))
	_ = running.Control.Signal("HALT") // it may be gone
	c.ours.Close()
	timer := time.AfterFunc(10*time.Second, kill)
	defer timer.Stop()
	_ = c.cmd.Wait() // it was halted, or has failed already
	return nil
}

// explain adds what tor said before it ended.
func (c *child) explain(err error) error { return explainEnd(c.said.String(), err) }

// explainEnd finds in a log why tor ended. What is over by itself, or with another
// process, is not the torrc's fault: a tor that outlived its server, or a port that
// somebody else took.
func explainEnd(said string, err error) error {
	for _, passing := range []string{"another Tor process is running", "Failed to bind one of the listener ports"} {
		if strings.Contains(said, passing) {
			return fmt.Errorf("starting tor: %s: %w", passing, err)
		}
	}
	for line := range strings.Lines(said) {
		if _, text, ok := strings.Cut(line, "[warn] "); ok && !strings.Contains(text, "running Tor as root") {
			text = strings.TrimSpace(text)
			return fmt.Errorf("starting tor: %q: %w", text[:min(len(text), 200)], ErrTorrc)
		}
	}
	return fmt.Errorf("starting tor: %w", err)
}

// socketPair returns two ends of a connection, the second for a child.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "tor"), os.NewFile(uintptr(fds[1]), "tor")
	defer ours.Close() // FileConn makes a copy
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

// beginning keeps the first bytes of what a process says.
type beginning struct {
	mu   sync.Mutex
	text []byte
}

func (b *beginning) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	const most = 16 << 10
	b.text = append(b.text, p[:min(len(p), most-len(b.text))]...)
	return len(p), nil
}

func (b *beginning) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
