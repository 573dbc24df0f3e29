//go:build !race

package boltstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestFailingDisk plants errors in the system calls of a working store, once or
// from some moment on, and lets the power fail as well. What a failed sync was
// for counts as lost for good, as Linux has it, also when a later one succeeds.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{
		"fdatasync:error=EIO:when=%d", "fdatasync:error=EIO:when=%d+", "fdatasync:error=ENOSPC:when=%d",
		"fsync:error=EIO:when=%d", "fsync:error=ENOSPC:when=%d+",
		"pwrite64:error=EIO:when=%d", "pwrite64:error=ENOSPC:when=%d", "pwrite64:error=ENOSPC:when=%d+",
		"renameat:error=EIO:when=%d", "unlinkat:error=EIO:when=%d", "linkat:error=EIO:when=%d",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			planted := 0
			for _, when := range []int{1, 3} {
				planted += testFault(t, fmt.Sprintf(fault, when))
			}
			if planted == 0 {
				t.Error("the fault was never met: nothing is shown")
			}
		})
	}
}

func testFault(t *testing.T, fault string) (planted int) {
	t.Helper()
	r, before := runWorkload(t, "-e", "inject="+fault)
	for _, problem := range verify(r.dir, r.records(t)) {
		t.Errorf("%s: %s", fault, problem)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "sound")); err != nil {
		t.Errorf("%s: the next start made no mark", fault)
	}
	for _, problem := range r.replay(t, before, 3, everySync) {
		t.Errorf("%s: %s", fault, problem)
	}
	return r.planted
}
