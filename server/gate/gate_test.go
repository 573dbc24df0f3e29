package gate

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// The tests of the gate run on a clock of their own, which moves when all wait.

// by is a visit that came by a circuit.
func by(number uint32) context.Context {
	return With(context.Background(), Visit{Circuit: Circuit{number, true}})
}

// small are limits whose buckets are quickly empty: one circuit's, and all texts'.
func small() Limits {
	l := Production()
	l.AllTexts = Rate{4, time.Minute}
	l.Line, l.LineTime = 3, 10*time.Minute
	return l
}

// let holds whether something was let in, and returns when to come back.
func let(t *testing.T, want bool, err error) (minutes int) {
	t.Helper()
	if (err == nil) != want || err != nil && !errors.Is(err, ErrBusy) {
		t.Errorf("let in: %t, want %t (%v)", err == nil, want, err)
	}
	if busy := new(Busy); errors.As(err, &busy) {
		return busy.Minutes()
	}
	return 0
}

// empty takes texts from all circuits together until none is left.
func empty(t *testing.T, g *Gate) {
	t.Helper()
	for range g.limits.AllTexts.Burst {
		_, err := g.Text(context.Background())
		let(t, true, err)
	}
}

// TestACircuitHasItsOwnBuckets: who empties his keeps nobody else out, and is let
// in again when he was told.
func TestACircuitHasItsOwnBuckets(t *testing.T) {
	l := Production()
	for name, test := range map[string]struct {
		burst int
		ask   func(*Gate, context.Context) error
	}{
		"page":    {l.Requests.Burst - 1, (*Gate).Page},
		"part":    {l.Requests.Burst, (*Gate).Part},
		"mailbox": {l.Mailbox.Burst, (*Gate).Mailbox},
		"text":    {l.Texts.Burst, func(g *Gate, ctx context.Context) error { _, err := g.Text(ctx); return err }},
		"files":   {l.Files.Burst, func(g *Gate, ctx context.Context) error { _, err := g.File(ctx, 1); return err }},
		"bytes": {4, func(g *Gate, ctx context.Context) error {
			_, err := g.File(ctx, l.Bytes.Burst/4)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := l
				l.AllBytes.Burst *= 2
				g := New(l)
				for range test.burst {
					let(t, true, test.ask(g, by(1)))
				}
				minutes := let(t, false, test.ask(g, by(1)))
				let(t, true, test.ask(g, by(2)))
				let(t, true, test.ask(g, context.Background()))
				time.Sleep(time.Duration(minutes) * time.Minute)
				let(t, true, test.ask(g, by(1)))
				if got := g.Stats(); got != (Stats{Circuits: 1, ByCircuit: 1}) {
					t.Errorf("counted %+v", got)
				}
			})
		})
	}
}

// TestAPageLeavesARequestForItsStyleSheet: no page is let in without.
func TestAPageLeavesARequestForItsStyleSheet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Production())
		for g.Page(by(1)) == nil {
		}
		let(t, true, g.Part(by(1)))
		let(t, false, g.Part(by(1)))
	})
}

// TestFilesNeverStopTexts: the bytes of all files together are used up, by many
// circuits and by connections of none, and a text is let in at once.
func TestFilesNeverStopTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Production())
		var err error
		for n := uint32(0); err == nil; n++ {
			_, err = g.File(by(n), 1<<30)
		}
		let(t, false, err)
		_, err = g.File(context.Background(), 1<<20)
		let(t, false, err)
		if g.Waiting() > 0 || g.Stats().ByBudget != 2 {
			t.Errorf("%d wait, counted %+v", g.Waiting(), g.Stats())
		}
		_, err = g.Text(by(1))
		let(t, true, err)
	})
}

// TestTextsNeverStopFiles is the other way round.
func TestTextsNeverStopFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small())
		empty(t, g)
		_, err := g.File(by(1), 1<<30)
		let(t, true, err)
	})
}

// TestWhatWasNotKeptIsGivenBack: texts whole; of a file its bytes, while it stays
// counted that there was one.
func TestWhatWasNotKeptIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.Texts.Burst, l.AllTexts.Burst, l.Files.Burst = 1, 1, 3
		g := New(l)
		for range 5 {
			giveBack, err := g.Text(by(1))
			let(t, true, err)
			giveBack()
			if n := g.circuits.of(Circuit{1, true}).had(time.Now()); n != 0 {
				t.Errorf("the circuit has had %d texts", n)
			}
		}
		for range l.Files.Burst {
			giveBack, err := g.File(by(1), l.AllBytes.Burst)
			let(t, true, err)
			giveBack()
		}
		_, err := g.File(by(1), 1)
		let(t, false, err)
		_, err = g.File(by(2), l.AllBytes.Burst)
		let(t, true, err)
	})
}

// TestABucketNeverHoldsMoreThanItsBurst, however often the same is given back.
func TestABucketNeverHoldsMoreThanItsBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(small())
		giveBack, err := g.Text(by(1))
		let(t, true, err)
		for range 10 {
			giveBack()
		}
		empty(t, g)
		if g.texts.lacks(time.Now(), 1) == 0 {
			t.Error("a bucket is larger than it was made")
		}
	})
}

// TestTheLargestFileAlwaysFits: whatever an operator chooses, there is an hour at
// which it is taken.
func TestTheLargestFileAlwaysFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const largest = 7 << 30
		if l := Production().PerHour(1200, 1<<30, largest); l.AllBytes.Burst < largest || l.Bytes.Burst < largest {
			t.Errorf("a bucket is smaller than the largest file: %+v", l)
		}
		g := New(Production().PerHour(1200, 1<<30, 1<<20))
		_, err := g.File(by(1), largest)
		let(t, true, err)
		_, err = g.File(by(2), largest)
		time.Sleep(time.Duration(let(t, false, err)) * time.Minute)
		_, err = g.File(by(2), largest)
		let(t, true, err)
	})
}

// TestTheHourIsTheOperators: a day of texts, as fast as they are taken, is what
// -texts-per-hour says; and the defaults are what it says by default.
func TestTheHourIsTheOperators(t *testing.T) {
	if got := Production().PerHour(1200, 8<<30, 512<<20); got != Production() {
		t.Errorf("the defaults are not those of production: %+v", got)
	}
	synctest.Test(t, func(t *testing.T) {
		g := New(Production().PerHour(100, 1<<30, 1<<20))
		taken, until := 0, time.Now().Add(24*time.Hour)
		for time.Now().Before(until) {
			if _, err := g.Text(context.Background()); err == nil {
				taken++
			}
		}
		if want := 100/2 + 24*100; taken < want-1 || taken > want+1 {
			t.Errorf("%d texts in a day, want %d", taken, want)
		}
	})
}

// TestACircuitsHourIsAPartOfTheOperators: of the bytes of files one circuit gets a quarter,
// hour after hour, or one file, and never more than all together.
func TestACircuitsHourIsAPartOfTheOperators(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct{ hour, maxFile, want int64 }{
		{1024, 64, 256}, {1024, 512, 512}, {64, 512, 64}, {64 << 10, 512, 16 << 10}, {0, 512, 0},
	} {
		l := Production().PerHour(1200, test.hour*mib, test.maxFile*mib)
		if l.Bytes.PerHour != test.want*mib {
			t.Errorf("of %d MiB an hour one circuit gets %d MiB, want %d", test.hour, l.Bytes.PerHour/mib, test.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g := New(Production().PerHour(1200, 1024*mib, 64*mib))
		taken, hours := 0, 4
		for range hours * 60 {
			time.Sleep(time.Minute)
			for {
				if _, err := g.Slice(by(1), mib, false); err != nil {
					break
				}
				taken++
			}
		}
		if want := 64 + 256*hours; taken < want-8 || taken > want+8 {
			t.Errorf("one circuit had %d MiB in %d hours, want %d", taken, hours, want)
		}
	})
}

// TestTheTableIsBounded: when there are too many circuits, the idlest is forgotten.
func TestTheTableIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.Circuits, l.Mailbox.Burst = 3, 1
		g := New(l)
		for n := range uint32(3) {
			let(t, true, g.Mailbox(by(n)))
		}
		let(t, false, g.Mailbox(by(0))) // no longer the idlest
		let(t, true, g.Mailbox(by(3)))
		let(t, false, g.Mailbox(by(0)))
		let(t, true, g.Mailbox(by(1)))
		for n := range uint32(1000) {
			_ = g.Page(by(n))
		}
		if n, m := len(g.circuits.byCirc), g.circuits.recent.Len(); n != 3 || m != 3 {
			t.Errorf("%d and %d circuits are kept, want 3", n, m)
		}
	})
}

// TestNothingIsKeptOfWhoWentAway: once the buckets have filled, nothing says that
// a circuit was there, though nobody asks any more.
func TestNothingIsKeptOfWhoWentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Production())
		for n := range uint32(20) {
			_, err := g.Text(by(n))
			let(t, true, err)
		}
		kept := func() int {
			g.mu.Lock()
			defer g.mu.Unlock()
			return len(g.circuits.byCirc)
		}
		time.Sleep(time.Hour - 1)
		if kept() != 20 {
			t.Errorf("%d circuits are kept within the hour", kept())
		}
		time.Sleep(2 * time.Minute)
		if kept() != 0 || g.sweeping {
			t.Errorf("%d circuits are kept", kept())
		}
	})
}

// TestACircuitIsNotPrinted: neither by itself nor in what has it, and no error
// names it.
func TestACircuitIsNotPrinted(t *testing.T) {
	c := Circuit{0xbeefcafe, true}
	for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%x", "%s"} {
		if got := fmt.Sprintf(verb, c); got != "a circuit" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	g := New(Production())
	for {
		if err := g.Page(by(c.number)); err != nil {
			if err.Error() != "too much at once" {
				t.Errorf("a refusal says %q", err)
			}
			return
		}
	}
}

// TestANilGateLetsEverythingIn, as demos and most tests have it.
func TestANilGateLetsEverythingIn(t *testing.T) {
	var g *Gate
	back, textErr := g.Text(by(1))
	bytes, fileErr := g.File(by(1), 1<<40)
	let(t, true, errors.Join(textErr, fileErr, g.Page(by(1)), g.Part(by(1)), g.Mailbox(by(1))))
	back()
	bytes()
	if g.Stats() != (Stats{}) {
		t.Error("it counts")
	}
}

// TestProductionLimitsHoldTogether: the one set of values that drops run with.
func TestProductionLimitsHoldTogether(t *testing.T) {
	l := Production()
	for promise, holds := range map[string]bool{
		"who sent a dozen files has requests left": l.Requests.Burst >= 5*12 && l.Files.Burst > 12 && l.Mailbox.Burst > 2*12,
		"five videos fit at once, and a dozen within the hour": l.Bytes.Burst >= 5*(100<<20) &&
			l.Bytes.Burst+l.Bytes.PerHour >= 12*(100<<20),
		"a circuit is forgiven within the hour": time.Duration(l.Texts.Burst)*l.Texts.Every <= time.Hour &&
			time.Duration(l.Files.Burst)*l.Files.Every <= time.Hour && l.Bytes.Burst <= l.Bytes.PerHour,
		"one circuit has little of the texts of all": 20*l.Texts.Burst <= l.AllTexts.Burst,
		"and a part of the bytes of all":             4*l.Bytes.Burst <= l.AllBytes.Burst && 4*l.Bytes.PerHour <= l.AllBytes.PerHour,
		"who is first in line is served":             2*l.AllTexts.Every < l.LineTime,
	} {
		if !holds {
			t.Errorf("not so: %s", promise)
		}
	}
}

// TestASliceCostsItsBytes: those that it announces, less those that did not arrive;
// and the first one a file.
func TestASliceCostsItsBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.Bytes, l.Files = Volume{10 << 10, 1}, Rate{2, time.Hour}
		g := New(l)
		kept, err := g.Slice(by(1), 10<<10, true)
		let(t, true, err)
		_, err = g.Slice(by(1), 1, false)
		let(t, false, err)
		kept(4 << 10)
		for range 6 {
			_, err = g.Slice(by(1), 1<<10, false)
			let(t, true, err)
		}
		_, err = g.Slice(by(1), 1, false)
		let(t, false, err)
		for _, want := range []bool{true, false} {
			_, err = g.Slice(by(1), 0, true)
			let(t, want, err)
		}
		_, err = g.Slice(by(2), 10<<10, true)
		let(t, true, err)
	})
}

// TestAnnouncingAndGivingUpKeepsNobodyOut: one circuit that announces what it may, gives
// it up and announces it again, for an hour, costs others nothing.
func TestAnnouncingAndGivingUpKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Production())
		for round := range uint32(60 * 15) {
			var kept []func(int64)
			for n := 0; n < 4096; n++ {
				k, err := g.Slice(by(1), 8<<20, false)
				if err != nil {
					break
				}
				kept = append(kept, k)
			}
			time.Sleep(2 * time.Second)
			back, err := g.File(by(10+round), 20<<20)
			let(t, true, err)
			back()
			for _, k := range kept {
				k(0)
			}
			time.Sleep(2 * time.Second)
		}
	})
}

// TestSlicesOfAllCostTogether, as files do.
func TestSlicesOfAllCostTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := Production()
		l.AllBytes = Volume{10 << 10, 1}
		g := New(l)
		kept, err := g.Slice(by(1), 10<<10, true)
		let(t, true, err)
		_, err = g.Slice(by(2), 1, true)
		let(t, false, err)
		_, err = g.File(by(3), 1)
		let(t, false, err)
		kept(0)
		_, err = g.File(by(3), 10<<10)
		let(t, true, err)
	})
}
