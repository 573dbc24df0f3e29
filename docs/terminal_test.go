package docs

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// passphrase is what the people of the walk type, whatever is proposed to them.
const passphrase = "sungai batu kertas lampu pagar kebun angin"

// giveTerminal gives a command a terminal of its own, at which somebody has typed
// a line several times: commands ask for passphrases there, and not on standard
// input. What it returns takes the terminal away.
func giveTerminal(t *testing.T, cmd *exec.Cmd, line string) (take func()) {
	t.Helper()
	keyboard, terminal := openTerminal(t)
	cmd.ExtraFiles = []*os.File{terminal}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if _, err := keyboard.WriteString(strings.Repeat(line+"\n", 10)); err != nil {
		t.Fatal(err)
	}
	return func() {
		keyboard.Close()
		terminal.Close()
	}
}

// openTerminal returns both ends of a new terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, terminal
}
