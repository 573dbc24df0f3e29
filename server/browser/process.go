package browser

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// find returns the path of a program. Its absence fails the test: a test that is
// skipped holds nothing.
func find(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install %s", program, program)
	}
	return path
}

// newHome makes the folder that a browser takes for its home, until the test ends.
// Everything that it writes is below: profile, caches, sockets, temporary files. Its
// path is short, which that of t.TempDir need not be: a socket's may have 107 bytes.
func newHome(t testing.TB) string {
	t.Helper()
	home, err := os.MkdirTemp("", "browser")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(home); err != nil {
			t.Errorf("removing the browser's home: %v", err)
		}
	})
	for _, name := range []string{"profile", "tmp"} {
		if err := os.Mkdir(filepath.Join(home, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// own makes a process the head of a group of its own, which dies with this one,
// and gives it an environment of its own: no proxies, no keys, no session bus.
func own(cmd *exec.Cmd, home string) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Env = []string{
		"HOME=" + home, "TMPDIR=" + filepath.Join(home, "tmp"), "PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8", "TZ=UTC", "DBUS_SESSION_BUS_ADDRESS=disabled:", "DBUS_SYSTEM_BUS_ADDRESS=disabled:",
		"MOZ_CRASHREPORTER_DISABLE=1", "MOZ_HEADLESS_WIDTH=1920", "MOZ_HEADLESS_HEIGHT=2160",
	}
}

// kill ends a group of processes, and then all others that live in the home:
// crash helpers leave the group and outlive who started them.
func kill(group int, home string) error {
	if group > 0 {
		_ = syscall.Kill(-group, syscall.SIGKILL) // it may be gone
	}
	for start := time.Now(); time.Since(start) < patience; time.Sleep(10 * time.Millisecond) {
		left, err := residents(home)
		if err != nil || len(left) == 0 {
			return err
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return fmt.Errorf("ending the browser: processes are left after %v", patience)
}

// residents returns the processes, other than this one, that have a folder in
// their command line or environment.
func residents(home string) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var found []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err == nil && pid != os.Getpid() && mentions(pid, home) {
			found = append(found, pid)
		}
	}
	return found, nil
}

// mentions reports whether a process that lives has a folder in its command line or
// environment. Of the dead both are empty.
func mentions(pid int, folder string) bool {
	for _, name := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err == nil && bytes.Contains(text, []byte(folder)) {
			return true
		}
	}
	return false
}

// module returns the root of this module, from where the test runs: its package.
func module() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding go.mod: %w", err)
		}
	}
	return "", err
}
