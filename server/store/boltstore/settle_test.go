//go:build !race

package boltstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestAStartSettlesUnderTheLockWhatItReads: after a failure of the disk both files are
// synced and dropped from the kernel's memory, once nobody else can write to them and
// before anything of them is read; the mark that says so comes last.
func TestAStartSettlesUnderTheLockWhatItReads(t *testing.T) {
	dir, _ := newStore(t)
	if err := os.Remove(filepath.Join(dir, "sound")); err != nil { // as the disk's failure leaves it
		t.Fatal(err)
	}
	calls := firstCalls(t, dir, "flock", "fsync", "fadvise64", "openat", "pread64")
	before := func(first, second string) {
		t.Helper()
		a, b := slices.Index(calls, first), slices.Index(calls, second)
		if a < 0 || b < 0 || a > b {
			t.Errorf("want %s before %s, got calls %d and %d", first, second, a, b)
		}
	}
	for _, file := range []string{"index.db", "keys.slots"} {
		before("flock index.db", "fsync "+file)
		before("fsync "+file, "fadvise64 "+file)
		before("fadvise64 "+file, "openat sound")
		before("fadvise64 "+file, "pread64 "+file)
		before("fadvise64 "+file, "pread64 index.db")
	}
}

// firstCalls opens a store in a process of its own, and returns which calls it made for
// which files, each once, in the order in which they were made first.
func firstCalls(t *testing.T, dir string, calls ...string) (made []string) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command("strace", "-f", "-y", "-qq", "-o", trace, "-e", "trace="+strings.Join(calls, ","), os.Args[0])
	cmd.Env = append(os.Environ(), envFolder+"="+dir, envJournal+"="+trace+".journal", envMode+"="+modeOnce)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	call := regexp.MustCompile(`(?m)^\d+ +(\w+)\(.*?` + regexp.QuoteMeta(dir) + `/([\w.]+)[>"]`)
	for _, m := range call.FindAllStringSubmatch(string(text), -1) {
		if name := m[1] + " " + m[2]; !slices.Contains(made, name) {
			made = append(made, name)
		}
	}
	return made
}
