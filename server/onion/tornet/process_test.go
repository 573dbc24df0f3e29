package tornet

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// asChild says that this process was started by the test of that name.
const asChild = "TORNET_TEST_CHILD"

// TestAKilledTestLeavesNothing holds that no tor outlives a test process that
// had no time to close its network.
func TestAKilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	if os.Getenv(asChild) != "" {
		hold(t)
	}
	runtime.LockOSThread() // see start
	defer runtime.UnlockOSThread()
	cmd := command(os.Args[0], "-test.run", "^TestAKilledTestLeavesNothing$")
	cmd.Env = append(os.Environ(), asChild+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewReader(out)
	folder, err := lines.ReadString('\n')
	folder = strings.TrimSpace(folder)
	if err != nil || !filepath.IsAbs(folder) {
		rest, _ := io.ReadAll(lines)
		t.Fatalf("the child has no network: %v\n%s\n%s", err, folder, rest)
	}
	defer os.RemoveAll(folder)
	if len(residents(t, folder)) < authorities+relays {
		t.Error("the child has no processes")
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	must(t, await("all tors of a killed process to end", nil, func() error {
		if left := residents(t, folder); len(left) > 0 {
			return errors.New(strings.Join(left, " "))
		}
		return nil
	}))
}

// TestNothingLeavesLoopback starts a network in a namespace that has nothing but
// loopback, so that it needs nothing else, and under strace, so that it tries
// nothing else.
func TestNothingLeavesLoopback(t *testing.T) {
	t.Parallel()
	if os.Getenv(asChild) != "" {
		onlyLoopback(t)
		n := Start(t)
		reach(t, n, publish(t, n, "alone"), "alone")
		return
	}
	trace := filepath.Join(t.TempDir(), "trace")
	args := []string{"--net"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	args = append(args, "strace", "-f", "--seccomp-bpf", "-yy", "-e", "trace=bind,connect,sendto,sendmsg,sendmmsg",
		"-s", "0", "-o", trace, os.Args[0], "-test.run", "^TestNothingLeavesLoopback$")
	cmd := exec.Command("unshare", args...)
	cmd.Env = append(os.Environ(), asChild+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("in a namespace: %v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	must(t, err)
	loopback, others := sortOut(string(text))
	if loopback < 50 {
		t.Errorf("only %d calls with an address on loopback were seen", loopback)
	}
	if len(others) > 0 {
		t.Errorf("what is not for loopback:\n%s", strings.Join(others, ""))
	}
}

// sortOut returns how many lines of a trace name an address on loopback, and the
// lines that name another one, or send by UDP, which no line need name.
func sortOut(trace string) (loopback int, others []string) {
	address := regexp.MustCompile(`inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"`)
	// A client of tor asks the kernel so whence it would go out. It sends nothing there.
	route := regexp.MustCompile(`connect\(\d+<UDP:[^(]*sin_port=htons\(9\), sin_addr=inet_addr\("18\.0\.0\.1"\)`)
	send := regexp.MustCompile(`send[a-z]*\(\d+<UDP`)
	for line := range strings.Lines(trace) {
		m := address.FindStringSubmatch(line)
		switch {
		case send.MatchString(line), m != nil && !isLoopback(m[1]+m[2]) && !route.MatchString(line):
			others = append(others, line)
		case m != nil:
			loopback++
		}
	}
	return loopback, others
}

func isLoopback(address string) bool {
	a, err := netip.ParseAddr(address)
	return err == nil && a.Unmap().IsLoopback()
}

// TestATraceOfTheOutsideIsSeen holds that the test above can fail.
func TestATraceOfTheOutsideIsSeen(t *testing.T) {
	for line, outside := range map[string]bool{
		`1 connect(8<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.3.2.1")}, 16) = 0`:         false,
		`1 connect(8<UDP:[1]>, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("18.0.0.1")}, 16) = 0`:           false,
		`1 connect(8<TCP:[1]>, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("18.0.0.1")}, 16) = 0`:           true,
		`1 sendto(8<UDP:[127.0.0.1:1->18.0.0.1:9]>, ""..., 5, 0, NULL, 0) = 5`:                                            true,
		`1 sendto(8<UDP:[1]>, ""..., 5, 0, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("192.0.2.1")}) = 5`: true,
		`1 sendto(8<TCP:[127.0.0.1:1->127.0.0.1:9]>, ""..., 5, 0, NULL, 0) = 5`:                                           false,
		`1 bind(8<TCPv6:[1]>, {sa_family=AF_INET6, inet_pton(AF_INET6, "::1", &sin6_addr)}, 28) = 0`:                      false,
		`1 bind(8<TCPv6:[1]>, {sa_family=AF_INET6, inet_pton(AF_INET6, "::", &sin6_addr)}, 28) = 0`:                       true,
	} {
		if _, others := sortOut(line + "\n"); len(others) > 0 != outside {
			t.Errorf("for loopback, or not: %s", line)
		}
	}
}

// onlyLoopback switches loopback on, and fails if another interface is.
func onlyLoopback(t *testing.T) {
	t.Helper()
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(t, err)
	defer unix.Close(s)
	up, err := unix.NewIfreq("lo")
	must(t, err)
	up.SetUint16(unix.IFF_UP)
	must(t, unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, up))
	interfaces, err := net.Interfaces()
	must(t, err)
	for _, i := range interfaces {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
			t.Fatalf("the namespace has %s", i.Name)
		}
	}
}

// TestAMissingProgramIsNamed holds that it fails a test, with what to do.
func TestAMissingProgramIsNamed(t *testing.T) {
	for _, missing := range []string{"tor", "tor-gencert"} {
		programs := t.TempDir()
		for _, there := range []string{"tor", "tor-gencert"} {
			if there != missing {
				must(t, os.WriteFile(filepath.Join(programs, there), []byte("#!/bin/sh\n"), 0o700))
			}
		}
		t.Setenv("PATH", programs)
		n, err := Open()
		if want := missing + " is missing: apt-get install tor"; err == nil || err.Error() != want || n != nil {
			t.Errorf("the error is %v, not %q", err, want)
		}
	}
}

// TestWaitsSayWhatTheyWaitedFor holds that a failure can be understood from its
// error: what was awaited, why it did not come, and the end of tor's log.
func TestWaitsSayWhatTheyWaitedFor(t *testing.T) {
	for _, c := range []struct{ torrc, want string }{
		{"NoSuchOption 1", "waiting for spring: swallow has ended"},
		{"DisableNetwork 1", "nothing for 1s: it is winter; waiting for spring"},
	} {
		d := &daemon{name: "swallow", dir: t.TempDir()}
		must(t, d.writeTorrc(c.torrc+"\n"))
		must(t, d.start(filepath.Join(d.dir, "none")))
		err := awaitFor(time.Second, "spring", []*daemon{d}, func() error {
			if strings.Contains(c.want, "ended") {
				<-d.ended
			}
			return errors.New("it is winter")
		})
		d.kill()
		for _, want := range []string{c.want, "\nswallow:\n", strings.Fields(c.torrc)[0]} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("the error has no %q: %v", want, err)
			}
		}
	}
}

// TestAClaimIsOneNetworks holds that a second network cannot take the same addresses.
func TestAClaimIsOneNetworks(t *testing.T) {
	first, err := newClaim()
	must(t, err)
	defer first.Close()
	second := claim{prefix: first.prefix, port: first.port}
	if second.take() == nil {
		t.Error("a claim was given twice")
	}
	first.Close()
	must(t, second.take())
	second.Close()
}

// TestATorThatLeavesMakesRoom holds that a network lasts for all tests of a
// package, however many tors they start one after the other.
func TestATorThatLeavesMakesRoom(t *testing.T) {
	n := &Network{dir: t.TempDir(), tors: map[int]*Tor{}}
	first := &Tor{}
	must(t, n.enter(first))
	for range lastTor - firstTor {
		must(t, n.enter(&Tor{}))
	}
	late := &Tor{}
	if n.enter(late) == nil {
		t.Error("two tors have one address")
	}
	must(t, os.Mkdir(first.dir, 0o700))
	n.leave(first)
	must(t, n.enter(late))
	must(t, os.Mkdir(late.dir, 0o700))
}

// TestAConsensusThatLacksANodeIsNotEnough holds that waiting for the consensus
// waits for all nodes and all flags.
func TestAConsensusThatLacksANodeIsNotEnough(t *testing.T) {
	n := &Network{nodes: []*node{{daemon: daemon{name: "a"}}, {daemon: daemon{name: "b"}}}}
	const all = "s Fast Guard HSDir Running Stable Valid\n"
	for consensus, want := range map[string]string{
		"r a 1\n" + all + "r b 2\n" + all:                             "",
		"r a 1\n" + all + "r b 2\ns Fast Guard HSDir Running Valid\n": "the consensus lacks b Stable",
		"r a 1\n" + all: "the consensus lacks b Running, b Guard, b HSDir, b Stable, b Fast",
		"r a 1\ns Fast Guard HSDir Runningly Stable Valid\nr b 2\n" + all: "the consensus lacks a Running",
	} {
		if err := n.lacks(consensus); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%q: %v, not %q", consensus, err, want)
		}
	}
}
