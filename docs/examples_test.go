package docs

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestTheUnitsCommandsExist holds what systemd's files start against the help.
func TestTheUnitsCommandsExist(t *testing.T) {
	units, err := filepath.Glob("examples/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("%d units: %v", len(units), err)
	}
	known := programs(t)
	for _, unit := range units {
		started := 0
		for line := range strings.Lines(read(t, unit)) {
			name, subcommand, flags := call(strings.TrimSpace(line), known)
			if problem := unknown(line, name, subcommand, flags, known); problem != "" {
				t.Errorf("%s: %s, in %q", unit, problem, line)
			}
			if name != "" {
				started++
			}
		}
		if started == 0 {
			t.Errorf("%s starts nothing of ours", unit)
		}
	}
}

// TestAStopIsToldToTheServerAlone: systemd would tell its tor at once, and that would
// take the answers with it that the server still gives.
func TestAStopIsToldToTheServerAlone(t *testing.T) {
	_, unit, ok := strings.Cut(read(t, "operating.md"), "\n[Service]\n")
	unit, _, _ = strings.Cut(unit, "```")
	if !ok || !strings.Contains(unit, "\nKillMode=mixed\n") {
		t.Errorf("the unit is\n%s", unit)
	}
}
