package main

import (
	"log/slog"
	"strings"
	"testing"

	"saksi/server/onion"
	"saksi/server/servertest"
)

// TestAnotherAddressIsSaid: tor makes a new key where it finds none, and is content. A
// first start, and one with the same keys, say nothing.
func TestAnotherAddressIsSaid(t *testing.T) {
	named := func(reporters, couriers string) onion.Health {
		return onion.Health{Reporters: onion.Published{Name: reporters}, Couriers: onion.Published{Name: couriers}}
	}
	dir := t.TempDir()
	for _, start := range []struct {
		now  onion.Health
		said string // what the log has, "" for nothing
	}{
		{named("a.onion", "b.onion"), ""},
		{named("a.onion", "b.onion"), ""},
		{named("c.onion", "b.onion"), "service=reporters before=a.onion now=c.onion"},
		{named("c.onion", "d.onion"), "service=couriers before=b.onion now=d.onion"},
		{named("c.onion", "d.onion"), ""},
	} {
		var log servertest.Log
		before := lastAddresses(dir)
		for _, h := range []onion.Health{{}, named(start.now.Reporters.Name, ""), start.now, start.now} {
			before.hold(h, slog.New(slog.NewTextHandler(&log, nil)))
		}
		if lines := strings.Count(log.String(), "\n"); !strings.Contains(log.String(), start.said) || lines != min(1, len(start.said)) {
			t.Errorf("with %+v it says %q, want %q", start.now, log.String(), start.said)
		}
		must(t, (&health{Health: start.now}).write(dir))
	}
	var log servertest.Log // while it runs, as a joined tor may after an edit
	now := lastAddresses(dir)
	for _, name := range []string{"c.onion", "e.onion", "", "e.onion"} {
		now.hold(named(name, "d.onion"), slog.New(slog.NewTextHandler(&log, nil)))
	}
	if !strings.Contains(log.String(), "before=c.onion now=e.onion") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("while it runs it says %q", log.String())
	}
}
