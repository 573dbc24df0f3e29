package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/onion"
)

// health is the file in the data folder that programs watch. Its format is in
// docs/operating.md. Nothing in it is about visits: counts run since the start.
type health struct {
	Written time.Time `json:"written"` // to the minute; an old one: the server is gone, or hangs
	onion.Health
	Refused refused `json:"refused"`
	RunsOut string  `json:"runs_out"` // when the roster or its recipients end, if soon
	// Unanswered are canaries: by them a lost key is noticed.
	Unanswered []inbox.Unanswered `json:"unanswered_canaries"`
}

// refused is what the gate counts.
type refused struct {
	Circuits  uint64 `json:"circuits"`
	ByCircuit uint64 `json:"requests_by_circuit"`
	ByBudget  uint64 `json:"requests_by_budget"`
}

// asked adds what runs out, and who has not answered.
func (h health) asked(box *inbox.Inbox) (health, error) {
	var err error
	h.RunsOut = box.RunsOut()
	h.Unanswered, err = box.Unanswered()
	return h, err
}

// healthEvery is how often the file is written, changed or not.
const healthEvery = time.Minute

// fresh reports whether a server still writes the file. One of the future was
// written before the clock was set back.
func (h *health) fresh(now time.Time) bool { return now.Sub(h.Written).Abs() < 5*healthEvery }

// write replaces the file. It is small, and old news when the machine comes back
// from a crash, so it is not synced.
func (h *health) write(dir string) error {
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return fmt.Errorf("writing health: %w", err)
	}
	name := filepath.Join(dir, folder.HealthName)
	if err := os.WriteFile(name+".part", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing health: %w", err)
	}
	if err := os.Rename(name+".part", name); err != nil {
		return fmt.Errorf("writing health: %w", err)
	}
	return nil
}

// readHealth returns nil if the drop has never been published.
func readHealth(dir string) (*health, error) {
	text, err := readSmall(filepath.Join(dir, folder.HealthName), maxSmall)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading health: %w", err)
	}
	h := new(health)
	if err := json.Unmarshal(text, h); err != nil {
		return nil, fmt.Errorf("reading health: %q: %s", folder.HealthName, errand.Plain(err.Error())) // it repeats the text
	}
	return h, nil
}

// maxSmall bounds a file that a server or tor writes for others, in bytes.
const maxSmall = 1 << 20

// keepHealth writes the file until the context ends: on each change, and every
// minute; and last that the drop is down, as nobody will write it later. What cannot
// be written is logged, once for each reason.
func keepHealth(ctx context.Context, dir string, changed <-chan struct{}, now func() health, failed func(error)) {
	last := ""
	for {
		h, over := now(), ctx.Err() != nil
		if over {
			h.State, h.Since = onion.Down, time.Time{}
		}
		h.Written = time.Now().UTC().Truncate(time.Minute)
		if err := h.write(dir); err != nil && err.Error() != last {
			last = err.Error()
			failed(err)
		}
		if over {
			return
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(healthEvery):
		}
	}
}

// printHealth prints what the file says, loud where somebody has to act.
func printHealth(w io.Writer, h *health, running bool) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	if !running {
		line("onion", "%sNOBODY CAN REACH IT, as the server is not running", named(h.Reporters.Name))
		return
	}
	if !h.fresh(time.Now()) {
		line("HEALTH IS OLD", "a server last wrote it at %s: it hangs, its disk is full, the clock was set, "+
			"or it was started without publishing", minute(h.Written))
		return
	}
	line("onion", "%s", h.Reporters.Name)
	line("couriers", "%s", h.Couriers.Name)
	switch h.State {
	case onion.Reachable:
		line("reachable", "since %s; last looked at %s", minute(h.Since), minute(h.Checked))
	case onion.Unreachable:
		line("UNREACHABLE", "the server does not see its own page through tor, %d times now; last at %s",
			h.Failures, minute(h.Checked))
	case onion.Down:
		line("TOR IS DOWN", "nobody can reach the drop; it is tried again")
	case onion.Publishing:
		line("publishing", "tor is connected; the page has not been seen through it yet")
	default:
		line("connecting", "%d %%%s", h.Bootstrap, map[bool]string{true: ": IT COMES NO FURTHER, see the log"}[h.Stuck])
	}
	line("descriptor", "taken by directories %s", ago(h.Reporters.Uploaded))
	line("refused", "%d requests of %d circuits that asked too much, %d for want of budget; since the start",
		h.Refused.ByCircuit, h.Refused.Circuits, h.Refused.ByBudget)
	line("tor", "%s, %s; work asked of visitors: %s", h.Tor, starts(h), effort(h.PoWEffort))
}

// starts says whose tor it is, and how often it had to be brought back.
func starts(h *health) string {
	if h.Own {
		return fmt.Sprintf("our own, starts so far: %d", h.Starts)
	}
	return fmt.Sprintf("joined, joins so far: %d", h.Starts)
}

// named returns a name that is known, to stand before what is said of it.
func named(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}

func effort(e *int) string {
	switch {
	case e == nil:
		return "unknown"
	case *e == 0:
		return "none"
	default:
		return fmt.Sprint(*e)
	}
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func ago(t time.Time) string {
	if t.IsZero() {
		return "at a time that is not known"
	}
	return fmt.Sprintf("%d minutes ago", int(time.Since(t).Minutes()))
}
