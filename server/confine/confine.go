// Package confine takes away from the server process what it does not need, so
// that a mistake fails instead of leaking: writing outside the data folder,
// dumping its memory.
//
// Landlock (Linux 5.13 or newer) refuses every write outside the folder, for
// all threads and for good. A library that spilled an upload to /tmp would get
// an error. What the kernel cannot do is said, not hidden.
package confine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// Process confines this process to writing below dir, and keeps its memory from
// being dumped. It returns warnings for the operator.
func Process(dir string) (warnings []string, err error) {
	if err := noDumps(); err != nil {
		return nil, err
	}
	warnings = append(warnings, swapWarnings("/proc/swaps", "/sys/block")...)
	// Everything may be read, only dir written. BestEffort does as much of it as
	// the kernel knows.
	err = landlock.V5.BestEffort().RestrictPaths(landlock.RODirs("/"), landlock.RWDirs(dir))
	if err != nil {
		return nil, fmt.Errorf("confining process: %v", err)
	}
	version, err := ll.LandlockGetABIVersion()
	if err == nil && version < 3 {
		warnings = append(warnings, "this kernel's landlock is old: "+
			"cutting files short outside the data folder is not refused")
	}
	if err != nil || version < 1 {
		warnings = append(warnings, "this kernel has no landlock: writes outside the data folder are not refused")
	}
	return warnings, nil
}

// noDumps forbids core dumps, and other processes of the same user to read this
// one's memory.
func noDumps() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbidding core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("forbidding memory dumps: %w", err)
	}
	return nil
}

// swapWarnings names swap that is neither in memory nor encrypted.
func swapWarnings(swaps, blocks string) (warnings []string) {
	text, err := os.ReadFile(swaps)
	if err != nil {
		return []string{"cannot tell whether swap is on: look at swapon --show"}
	}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		fields := strings.Fields(line)
		if i == 0 || len(fields) == 0 || isSafeSwap(fields[0], blocks) {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("swap is on and not encrypted (%s): memory may reach the disk; "+
			"swapoff -a; MemorySwapMax=0 in the unit keeps this process out of it", fields[0]))
	}
	return warnings
}

// isSafeSwap reports whether a swap device is compressed memory or dm-crypt.
func isSafeSwap(device, blocks string) bool {
	name := filepath.Base(device)
	if target, err := filepath.EvalSymlinks(device); err == nil {
		name = filepath.Base(target)
	}
	if strings.HasPrefix(name, "zram") {
		return true
	}
	uuid, err := os.ReadFile(filepath.Join(blocks, name, "dm", "uuid"))
	return err == nil && strings.HasPrefix(string(uuid), "CRYPT-")
}
