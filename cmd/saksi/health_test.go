package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/crypto/canary"
	"saksi/server/folder"
	"saksi/server/inbox"
	"saksi/server/onion"
	"saksi/server/servertest"
)

func reachable() health {
	return health{Written: time.Now(), Health: onion.Health{State: onion.Reachable, Own: true, Since: time.Now()}}
}

// TestAStoppedServerLeavesNoReachableBehind for programs that watch the file.
func TestAStoppedServerLeavesNoReachableBehind(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	keepHealth(ctx, dir, nil, reachable, func(err error) { t.Error(err) })
	h, err := readHealth(dir)
	must(t, err)
	if h.State != onion.Down || !h.Since.IsZero() {
		t.Errorf("the file says %q, since %v", h.State, h.Since)
	}
}

// TestOldNewsAreNotTold as if they were of now: also not when the clock was set back.
func TestOldNewsAreNotTold(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		h := reachable()
		h.Written = h.Written.Add(off)
		var said strings.Builder
		printHealth(&said, &h, true)
		if !strings.Contains(said.String(), "HEALTH IS OLD") || strings.Contains(said.String(), "reachable") {
			t.Errorf("written %v from now, status says\n%s", off, said.String())
		}
	}
}

// TestPassesHaveTheAddressOfNow: a folder that had a tor of its own before it was
// joined still has that one's name.
func TestPassesHaveTheAddressOfNow(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(serviceFolder(dir, onion.Couriers), 0o700))
	must(t, os.WriteFile(filepath.Join(serviceFolder(dir, onion.Couriers), "hostname"), []byte("own.onion\n"), 0o600))
	for joined, want := range map[bool]string{true: "joined.onion", false: "own.onion"} {
		h := reachable()
		h.Own, h.Couriers.Name = !joined, "joined.onion"
		must(t, h.write(dir))
		if got, err := publishedName(dir, onion.Couriers); got != want || err != nil {
			t.Errorf("joined %v: the address is %q, %v", joined, got, err)
		}
	}
}

// TestASlipInAPathRemovesNothing: only the socket of a server that died.
func TestASlipInAPathRemovesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	flags := remoteFlags{listen: "unix:" + path}
	must(t, os.WriteFile(path, []byte("key"), 0o600))
	if _, err := flags.open(); err == nil {
		t.Error("a file makes room for a socket")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "key" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	must(t, os.Remove(path))
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	must(t, err)
	dead.SetUnlinkOnClose(false)
	must(t, dead.Close())
	again, err := flags.open()
	must(t, err)
	must(t, again[0].Close())
}

// TestHealthEndsWithTheServer: who watches the file learns of a stop at once.
func TestHealthEndsWithTheServer(t *testing.T) {
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	changed, seen := make(chan struct{}), make(chan struct{}, 2)
	over := make(chan struct{})
	go func() {
		defer close(over)
		keepHealth(ctx, dir, changed, func() health {
			seen <- struct{}{}
			return health{Health: onion.Health{State: onion.Reachable}}
		}, func(err error) { t.Error(err) })
	}()
	<-seen
	changed <- struct{}{} // it waits for this: the first one is written
	if h, err := readHealth(dir); err != nil || h.State != onion.Reachable {
		t.Errorf("while it runs: %+v, %v", h, err)
	}
	<-seen
	stop()
	<-over
	if h, err := readHealth(dir); err != nil || h.State != onion.Down {
		t.Errorf("after its end: %+v, %v", h, err)
	}
}

// TestStatusSaysWhatToKnowOfTor in words that hold for it.
func TestStatusSaysWhatToKnowOfTor(t *testing.T) {
	said := func(h health, running bool) string {
		var text strings.Builder
		printHealth(&text, &h, running)
		return text.String()
	}
	if got := said(health{}, false); !strings.Contains(got, " NOBODY CAN REACH IT") || strings.Contains(got, ":") {
		t.Errorf("before there is a name: %s", got)
	}
	h := health{Written: time.Now(), Health: onion.Health{Tor: "0.4.9", Starts: 3, Reporters: onion.Published{Name: "x.onion"}}}
	if got := said(h, false); !strings.Contains(got, "x.onion: NOBODY CAN REACH IT") {
		t.Errorf("of a server that is off: %s", got)
	}
	if got := said(h, true); !strings.Contains(got, "0.4.9, joined, joins so far: 3;") {
		t.Errorf("of a joined tor: %s", got)
	}
	h.Own = true
	if got := said(h, true); !strings.Contains(got, "0.4.9, our own, starts so far: 3;") {
		t.Errorf("of our own: %s", got)
	}
}

// TestStatusSaysWhatRunsOut, in time for the roots to meet; once the drop is closed
// only that is said.
func TestStatusSaysWhatRunsOut(t *testing.T) {
	const soon = "roster 1 ends on 2027-02-18"
	for _, test := range []struct {
		status inbox.Status
		says   bool
	}{{inbox.Status{}, false}, {inbox.Status{RunsOut: soon}, true}, {inbox.Status{RunsOut: soon, Closed: "x"}, false}} {
		var said strings.Builder
		printStatus(&said, test.status, true)
		if got := strings.Contains(said.String(), "RUNS OUT       "+soon); got != test.says {
			t.Errorf("%+v: status says\n%s", test.status, said.String())
		}
	}
}

// TestHealthNamesWhoHasNotAnswered: for programs, what status says to people.
func TestHealthNamesWhoHasNotAnswered(t *testing.T) {
	d := servertest.New(t, servertest.Options{Reviewers: 2})
	if _, err := d.Inbox.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := health{}.asked(d.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := h.write(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, folder.HealthName))
	if err != nil {
		t.Fatal(err)
	}
	month := string(canary.MonthOf(time.Now()))
	for _, want := range []string{
		`"unanswered_canaries": [`, `"reviewer": "r2"`, `"month": "` + month + `"`, `"carried": false`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("health.json lacks %s:\n%s", want, text)
		}
	}
}
