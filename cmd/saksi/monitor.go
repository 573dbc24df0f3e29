package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/cmd/saksi/watch"
	"saksi/crypto/onionname"
	"saksi/crypto/roster"
)

// leastEvery keeps a watchdog from being a burden, and from being known by it.
const leastEvery = 10 * time.Minute

type monitorFlags struct {
	*flag.FlagSet
	onion, root, dir, socks *string
	every                   *time.Duration
	misses                  *int
}

func newMonitorFlags(e env) monitorFlags {
	fs := flags(e, "monitor")
	return monitorFlags{
		fs, fs.String("onion", "", ""), fs.String("root", "", ""), fs.String("dir", "", ""),
		fs.String("socks", defaultSocks, ""), fs.Duration("every", 0, ""), fs.Int("misses", 3, ""),
	}
}

func runMonitor(ctx context.Context, e env, args []string) error {
	if len(args) > 0 && args[0] == "compare" {
		return runCompare(e, args[1:])
	}
	fs := newMonitorFlags(e)
	if err := parse(e, fs.FlagSet, args, 0, fs.onion, fs.root, fs.dir); err != nil {
		return err
	}
	w, err := fs.watchdog()
	if err != nil {
		return err
	}
	if *fs.every == 0 {
		return look(ctx, e, w)
	}
	return keepWatch(ctx, e, w, *fs.every, errand.Sleep)
}

// watchdog makes the one who looks.
func (f monitorFlags) watchdog() (*watch.Watchdog, error) {
	address := strings.TrimSuffix(strings.TrimPrefix(*f.onion, "http://"), "/")
	onion, err := onionname.Parse(address)
	if err != nil {
		return nil, hinted{fmt.Errorf("-onion: %w", err), "give the address as the poster has it"}
	}
	if *f.every != 0 && *f.every < leastEvery || *f.misses < 1 {
		return nil, hinted{errors.New("monitor: a number is too small"), "-every 10m is the least, and -misses 1"}
	}
	if err := checkSocks(*f.socks); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(*f.root)
	if err != nil {
		return nil, fmt.Errorf("reading roots: %w", err)
	}
	roots, err := roster.ParseRootSet(string(text))
	if err != nil {
		return nil, hinted{err, "-root is the file that the organisations publish, such as root.vkey"}
	}
	return &watch.Watchdog{
		Onion: onion, Roots: roots, Dir: *f.dir, Socks: *f.socks, Misses: *f.misses, Now: time.Now,
	}, nil
}

// keepWatch looks again and again. An alarm is printed, and the watch goes on.
func keepWatch(
	ctx context.Context, e env, w *watch.Watchdog, every time.Duration, pause func(context.Context, time.Duration) error,
) error {
	return again(ctx, e, every, pause, func() error { return look(ctx, e, w) })
}

// again looks at times that nobody can foresee: from half of every to half as much
// again. What is wrong with a drop is printed; an error of this machine ends it.
func again(
	ctx context.Context, e env, every time.Duration, pause func(context.Context, time.Duration) error, look func() error,
) error {
	for ctx.Err() == nil {
		err := look()
		if machine := new(machineError); errors.As(err, machine) && ctx.Err() == nil {
			return err
		}
		if ctx.Err() == nil {
			report(e, err)
			_ = pause(ctx, every/2+rand.N(every))
		}
	}
	return nil
}

// A machineError is one of this machine, not of the drop.
type machineError struct{ error }

func (m machineError) Unwrap() error { return m.error }

// look looks once, and says what it found.
func look(ctx context.Context, e env, w *watch.Watchdog) error {
	found, err := w.Look(ctx)
	if err != nil {
		return explainWatch(machineError{err})
	}
	if found.Alarm != nil {
		return hinted{fmt.Errorf("ALARM %w", found.Alarm), alarmHint(found.Alarm.Reason)}
	}
	if found.Missed != nil {
		return hinted{fmt.Errorf("monitor: %w", found.Missed), "see whether tor has a connection. " +
			"That the drop is not reached is an alarm after some looks in a row"}
	}
	r := found.Roster
	fmt.Fprintf(e.stdout, "Roster %d of %s, to %s: signed, in order, and the one on the pages, on two circuits.\n"+
		"%d reviewers. Fingerprint, to be compared with the poster: %s\n", r.Sequence, r.Origin,
		r.Until.Format(time.DateOnly), len(r.Reviewers), strings.Join(w.Roots.Fingerprint(), " "))
	for _, warning := range found.Warnings {
		fmt.Fprintf(e.stderr, "saksi: warning: %s\n", warning)
	}
	return nil
}

// explainWatch adds the next step to errors of a watchdog's machine.
func explainWatch(err error) error {
	return hintFor(err, []next{
		{watch.ErrLog, "keep a copy of the folder as it is, for others to see; then go on as docs/monitoring.md says"},
		{watch.ErrMemory, "put the file back from a copy, or begin with a new folder and keep this one"},
		{watch.ErrOther, "give each drop a -dir of its own, and compare the fingerprint of -root with the poster"},
		{watch.ErrBusy, "end the other one, or give this one a -dir of its own"},
	})
}

// alarmHint is what a watchdog does about an alarm.
func alarmHint(reason watch.Verdict) string {
	switch reason {
	case watch.Unreachable, watch.Expired, watch.Early:
		return "look whether this machine's clock and its tor are right; then ask the organisations on the poster"
	case watch.Gap:
		return "ask the organisations for the rosters in between, lay them into rosters/ in -dir, and look again"
	}
	return "tell the organisations on the poster, by a way that does not go through the drop, " +
		"and keep the folder of -dir: it has the proof"
}

func runCompare(e env, args []string) error {
	fs := flags(e, "monitor")
	if err := parse(e, fs, args, 2); err != nil {
		return err
	}
	var logs []*watch.Log
	for _, name := range args {
		l, err := readLog(name)
		if err != nil {
			return err
		}
		logs = append(logs, l)
	}
	c, err := watch.Compare(logs[0], logs[1])
	if err != nil {
		return hinted{err, "compare logs of one drop: line 3 of each has the fingerprint"}
	}
	if c.Differ > 0 {
		return twoRosters(c)
	}
	fmt.Fprintf(e.stdout, "Both saw %s, the same.\n", numbers(c.Both))
	for i, only := range [][]uint64{c.First, c.Second} {
		if len(only) > 0 {
			fmt.Fprintf(e.stdout, "Only %s has %s.\n", args[i], numbers(only))
		}
	}
	return nil
}

func twoRosters(c *watch.Comparison) error {
	detail := fmt.Sprintf("there are two rosters %d: %s and %s. The roots signed both, and the server showed "+
		"them to different visitors", c.Differ, c.Hashes[0], c.Hashes[1])
	return hinted{fmt.Errorf("ALARM %w", &watch.Alarm{Reason: watch.Fork, Detail: detail}),
		"lay both notes side by side, from rosters/ and alarms/ of the two folders: together they are the proof"}
}

// readLog reads the log of a watchdog, which may be anybody's.
func readLog(name string) (*watch.Log, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, watch.MaxLog+1))
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	l, err := watch.ParseLog(string(text))
	if err != nil {
		return nil, hinted{fmt.Errorf("%q: %w", name, err), "ask its watchdog for a new copy"}
	}
	return l, nil
}

// numbers writes numbers in order as "rosters 3 to 7 and 9".
func numbers(all []uint64) string {
	var runs []string
	for i := 0; i < len(all); {
		j := i
		for j+1 < len(all) && all[j+1] == all[j]+1 {
			j++
		}
		run := fmt.Sprint(all[i])
		if j > i {
			run = fmt.Sprintf("%d to %d", all[i], all[j])
		}
		runs, i = append(runs, run), j+1
	}
	switch len(all) {
	case 0:
		return "no roster"
	case 1:
		return "roster " + runs[0]
	}
	return "rosters " + strings.Join(runs, " and ")
}
