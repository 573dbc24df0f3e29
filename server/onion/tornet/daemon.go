package tornet

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// patience is how long each wait may last. A network that is well needs 15
// seconds; one that missed its first vote, on a crowded machine, 20 more.
const patience = 90 * time.Second

// A daemon is a tor and its data folder. It may run, or have ended, or both in turn.
type daemon struct {
	name string // for errors
	dir  string // torrc, log and data

	process *os.Process
	ended   chan struct{} // closed when the process has ended
}

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

// writeTorrc writes the lines that are given and those that all have in common.
func (d *daemon) writeTorrc(lines string) error {
	const common = "DataDirectory %s\nLog notice stdout\n__OwningControllerProcess %d\n%s"
	return os.WriteFile(d.path("torrc"), fmt.Appendf(nil, common, d.dir, os.Getpid(), lines), 0o600)
}

// start starts the process from a thread that stays until it has ended: the
// kernel's signal at the parent's death is sent when the parent's thread ends.
func (d *daemon) start(defaults string) error {
	log, err := os.OpenFile(d.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd := command("tor", "--defaults-torrc", defaults, "-f", d.path("torrc"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = d.dir, log, log
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		defer log.Close()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed, or await tells its log
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("starting %s: %w", d.name, err)
	}
	d.process, d.ended = cmd.Process, ended
	return nil
}

// kill ends the process, if it runs, as kill -9 does, and waits until it is gone.
func (d *daemon) kill() {
	if d.process != nil {
		_ = d.process.Kill() // it may have ended
		<-d.ended
	}
}

// Log returns what this tor has logged, at tor's default level.
func (d *daemon) Log() string {
	text, err := os.ReadFile(d.path("log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// tail returns the end of the log, under the name of the daemon.
func (d *daemon) tail() string {
	lines := strings.Split(strings.TrimSpace(d.Log()), "\n")
	return "\n" + d.name + ":\n\t" + strings.Join(lines[max(0, len(lines)-12):], "\n\t")
}

// await asks until there is no error. It gives up at once if a daemon has ended.
func await(what string, daemons []*daemon, ask func() error) error {
	return awaitFor(patience, what, daemons, ask)
}

func awaitFor(limit time.Duration, what string, daemons []*daemon, ask func() error) error {
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := ask()
		if err == nil {
			return nil
		}
		for _, d := range daemons {
			select {
			case <-d.ended:
				return fmt.Errorf("waiting for %s: %s has ended%s", what, d.name, d.tail())
			default:
			}
		}
		if time.Since(start) > limit {
			for _, d := range daemons {
				what += d.tail()
			}
			return fmt.Errorf("nothing for %v: %v; waiting for %s", limit, err, what)
		}
	}
}

// command makes a process that heads a group of its own, dies with this one, and
// has an environment of its own.
func command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LANG=C.UTF-8", "TZ=UTC"}
	return cmd
}

// newFolder makes the folder of a network. Unix sockets are in it, whose paths
// may have 107 bytes.
func newFolder() (string, error) {
	dir, err := os.MkdirTemp("", "tornet")
	if err == nil && len(dir) > 80 {
		err = fmt.Errorf("the path of the temporary folder %q is too long for unix sockets below it", dir)
		os.Remove(dir)
	}
	return dir, err
}

// A claim is a /24 of loopback and a few ports there that no other network takes,
// in this process or another one, while the listener on its first address is open.
type claim struct {
	net.Listener
	prefix string
	port   int
}

// The ports of a claim. Each tor has an address of its own, so all can have the same.
const (
	orPort = iota
	dirPort
	socksPort
	controlPort
	ports
)

func newClaim() (c claim, err error) {
	for range 100 {
		// Below the ports that the kernel gives to connections.
		c = claim{prefix: fmt.Sprintf("127.%d.%d.", 1+rand.IntN(254), rand.IntN(256)), port: 10000 + rand.IntN(20000)}
		if err = c.take(); err == nil {
			return c, nil
		}
	}
	return c, fmt.Errorf("finding free addresses: %w", err)
}

// take opens the listener that keeps the claim, after a try of the other ports:
// somebody may listen there on all addresses.
func (c *claim) take() error {
	for port := range ports {
		l, err := net.Listen("tcp", c.address(1, port))
		if err != nil {
			if c.Listener != nil {
				c.Close()
			}
			return err
		}
		if port == orPort {
			c.Listener = l
		} else {
			l.Close()
		}
	}
	return nil
}

func (c *claim) ip(host int) string { return fmt.Sprint(c.prefix, host) }

// address returns the address and port of a tor.
func (c *claim) address(host, port int) string { return fmt.Sprintf("%s:%d", c.ip(host), c.port+port) }
