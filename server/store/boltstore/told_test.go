//go:build !race

package boltstore_test

import "testing"

// A told step is one that was begun and acknowledged, at these lines of the trace.
type told struct {
	kind       byte
	begin, end int
}

// tolds returns the steps of a run that did one after the other. What was read of a
// batch was begun with its closing.
func (r run) tolds(t *testing.T) (steps []told) {
	t.Helper()
	begun := 0
	for _, e := range r.events {
		if e.path != r.journal || len(e.data) == 0 {
			continue
		}
		switch line := string(e.data); line[0] {
		case 's':
			begun = e.begin
		case 'k':
			steps = append(steps, told{line[2], begun, e.end})
		case 'f':
			t.Fatalf("a step was refused: %q", line)
		}
	}
	return steps
}

// kinds are those of all steps.
func kinds() []byte {
	return []byte{
		createText, createFile, remove, addReply, emptyBox, stageFile, stageHalf, unstage, bury,
		addRoster, keepCanaries, closeBatch, readBatch, answerCanary, acknowledge, retire, forgetCanary, schedule,
	}
}

// TestAcknowledgedIsOnDisk: the power fails in the moment in which a step is
// acknowledged, and nothing that was not synced is left. Once more without the syncs of
// this one step, what it did is missed: of each kind the replay would see a store that
// acknowledges before it syncs.
func TestAcknowledgedIsOnDisk(t *testing.T) {
	t.Parallel()
	dir, before := newStore(t)
	// Syncs are slow, so that whoever reads meanwhile sees what is on no disk yet.
	r, err := runMode(t, modeEach, dir, "-e", "inject=fdatasync:delay_enter=20000")
	if err != nil {
		t.Fatal(err)
	}
	missed := map[byte]bool{}
	for _, step := range r.tolds(t) {
		for _, problem := range r.loseAt(t, before, step.end+1, 0, everySync) {
			t.Errorf("step %c: %s", step.kind, problem)
		}
		if !missed[step.kind] {
			outside := func(e event) bool { return e.begin < step.begin || e.begin > step.end }
			missed[step.kind] = len(r.loseAt(t, before, step.end+1, 0, outside)) > 0
		}
	}
	for _, kind := range kinds() {
		if !missed[kind] {
			t.Errorf("a step %c that syncs nothing loses nothing: the replay sees nothing", kind)
		}
	}
}
