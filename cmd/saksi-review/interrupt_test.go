package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A signaller is somebody who is asked for something, and ends the command instead.
type signaller struct {
	signal syscall.Signal
	never  chan struct{}
}

func (s signaller) Read([]byte) (int, error) {
	if err := syscall.Kill(os.Getpid(), s.signal); err != nil {
		return 0, err
	}
	<-s.never
	return 0, errors.New("the test is over")
}

// TestWhoIsAskedMayEndTheCommand: an answer is typed until Ctrl-D. Were Ctrl-C not heard
// before, it could only be sealed as far as it is, and nobody takes that back.
func TestWhoIsAskedMayEndTheCommand(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if signal.Ignored(s) {
			continue
		}
		never := make(chan struct{})
		t.Cleanup(func() { close(never) })
		out, said := filepath.Join(t.TempDir(), "rahasia"), new(bytes.Buffer)
		if code := run([]string{"paper", "read", "-out", out, "-"}, signaller{s, never}, said, said); code != 1 ||
			!strings.Contains(said.String(), "interrupted: nothing was changed") {
			t.Errorf("%v: it ends with %d and says %q", s, code, said)
		}
	}
}

// openTerminal returns a terminal, and the keyboard and screen before it.
func openTerminal(t *testing.T) (terminal, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, person
}

// shows reports whether a terminal shows what is typed.
func shows(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// TestAPassphraseNeedNotBeTyped: who sees at the question that the command is the wrong
// one ends it, and has a terminal as before.
func TestAPassphraseNeedNotBeTyped(t *testing.T) {
	const question = "Passphrase of r1.key: "
	for name, want := range map[string]error{"typed": nil, "interrupted": errInterrupted} {
		terminal, person := openTerminal(t)
		ended, result := make(chan struct{}), make(chan error, 1)
		c, passphrase := &console{ended: ended}, ""
		go func() {
			var err error
			passphrase, err = c.typedAt(terminal, question)
			result <- err
		}()
		asked := make([]byte, len(question))
		if n, err := person.Read(asked); err != nil || string(asked[:n]) != question || shows(t, terminal) {
			t.Fatalf("%s: asked %q, %v; what is typed shows: %v", name, asked[:n], err, shows(t, terminal))
		}
		if want == nil {
			fmt.Fprint(person, "sungai batu\r")
		} else {
			close(ended)
		}
		if err := <-result; !errors.Is(err, want) || !shows(t, terminal) || want == nil && passphrase != "sungai batu" {
			t.Errorf("%s: %q, %v; what is typed shows again: %v", name, passphrase, err, shows(t, terminal))
		}
	}
}
