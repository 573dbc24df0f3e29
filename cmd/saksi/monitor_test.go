package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/cmd/saksi/watch"
	"saksi/crypto/onionname"
	"saksi/crypto/partytest"
)

// holdMonitor: a watchdog finds that all is well, over the network itself.
func (d *publishedDrop) holdMonitor(t *testing.T) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "jaga")
	said := output(t, "saksi", "monitor", "-onion", d.URL, "-root", filepath.Join(filepath.Dir(d.data), "root.vkey"),
		"-dir", dir, "-socks", d.client.SOCKS())
	if !strings.Contains(said, "on two circuits") {
		t.Errorf("the monitor says %s", said)
	}
	text, err := os.ReadFile(filepath.Join(dir, "monitor.log"))
	must(t, err)
	l, err := watch.ParseLog(string(text))
	must(t, err)
	if len(l.Entries) != 1 || l.Entries[0].Verdict != watch.OK {
		t.Errorf("the monitor's log has\n%s", text)
	}
}

// watchdog returns one who never gets anywhere, and what he prints.
func watchdog(t *testing.T) (*watch.Watchdog, env, *bytes.Buffer) {
	t.Helper()
	printed := new(bytes.Buffer)
	return &watch.Watchdog{
		Onion: onionname.New([32]byte{1}), Roots: partytest.New(t, time.Now(), 1).Trusted,
		Dir: filepath.Join(t.TempDir(), "jaga"), Socks: "127.0.0.1:9", Misses: 2, Now: time.Now,
	}, env{nil, printed, printed}, printed
}

// TestTheWatchGoesOnAfterAnAlarm, at times that are drawn, until it is stopped.
func TestTheWatchGoesOnAfterAnAlarm(t *testing.T) {
	w, e, printed := watchdog(t)
	ctx, cancel := context.WithCancel(t.Context())
	const every = 6 * time.Hour
	pauses := map[time.Duration]bool{}
	err := keepWatch(ctx, e, w, every, func(_ context.Context, d time.Duration) error {
		if pauses[d] = true; len(pauses) == 4 {
			cancel()
		}
		if d < every/2 || d >= every/2+every {
			t.Errorf("a pause of %s", d)
		}
		return nil
	})
	must(t, err)
	if n := strings.Count(printed.String(), "ALARM unreachable: no tor answers"); n != 3 {
		t.Errorf("%d alarms after four looks:\n%s", n, printed)
	}
}

// TestTheWatchEndsWhereNothingCanBeKept: a look that is not in the log is none.
func TestTheWatchEndsWhereNothingCanBeKept(t *testing.T) {
	w, e, _ := watchdog(t)
	must(t, os.WriteFile(w.Dir, nil, 0o600))
	err := keepWatch(t.Context(), e, w, time.Hour, func(context.Context, time.Duration) error {
		t.Fatal("it goes on")
		return nil
	})
	if err == nil {
		t.Error("a folder that is a file was taken")
	}
}
