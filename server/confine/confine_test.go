package confine

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain runs this binary once more as the process that is confined: it is for
// good, so it cannot be this one.
func TestMain(m *testing.M) {
	if dir := os.Getenv("SAKSI_CONFINE"); dir != "" {
		confined(dir)
		return
	}
	os.Exit(m.Run())
}

// confined tries to write inside and outside, from another thread too.
func confined(dir string) {
	warnings, err := Process(dir)
	if err != nil {
		panic(err)
	}
	for _, w := range warnings {
		os.Stdout.WriteString("warning: " + w + "\n")
	}
	for name, file := range map[string]string{
		"inside": filepath.Join(dir, "x"), "outside": filepath.Join(filepath.Dir(dir), "outside"),
		"in temp": filepath.Join(os.TempDir(), "saksi-confine-test"),
	} {
		done := make(chan error)
		go func() { done <- os.WriteFile(file, []byte("x"), 0o600) }()
		os.Stdout.WriteString(name + ": " + verdict(<-done) + "\n")
	}
	_, err = os.ReadFile("/etc/hostname")
	os.Stdout.WriteString("reading: " + verdict(err) + "\n")
}

func verdict(err error) string {
	if errors.Is(err, syscall.EACCES) {
		return "refused"
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return "allowed"
}

func TestOnlyTheFolderIsWritable(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SAKSI_CONFINE="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"inside: allowed", "outside: refused", "in temp: refused", "reading: allowed"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q in:\n%s", want, out)
		}
	}
}

func TestSwapWarnings(t *testing.T) {
	dir := t.TempDir()
	uuid := filepath.Join(dir, "dm-0", "dm", "uuid")
	if err := os.MkdirAll(filepath.Dir(uuid), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(uuid, []byte("CRYPT-PLAIN-swap\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const head = "Filename Type Size Used Priority\n"
	for name, test := range map[string]struct {
		swaps string
		want  int
	}{
		"none":      {head, 0},
		"a disk":    {head + "/dev/sda2 partition 1 0 -2\n", 1},
		"a file":    {head + "/swapfile file 1 0 -2\n", 1},
		"encrypted": {head + "/dev/dm-0 partition 1 0 -2\n", 0},
		"memory":    {head + "/dev/zram0 partition 1 0 100\n", 0},
		"mixed":     {head + "/dev/zram0 partition 1 0 100\n/dev/dm-1 partition 1 0 -2\n", 1},
	} {
		file := filepath.Join(dir, "swaps")
		if err := os.WriteFile(file, []byte(test.swaps), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := swapWarnings(file, dir); len(got) != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
