// Package gate keeps a flood from the reporters' service, without an address.
//
// tor says of each connection by which circuit it came ([Listen]). A circuit has
// a bucket for each kind of thing that can be asked for; and there is one bucket
// for the texts of all circuits together and one for the bytes of their files.
// Who finds a bucket empty is told when to come back ([Busy]).
//
//	           | of one circuit          | of all together
//	page       | requests                |
//	mailbox    | requests, mailbox       |
//	text       | requests, texts         | texts, and then a line
//	file       | requests, files, bytes  | bytes
//	slice      | requests, bytes         | bytes
//
// # The line
//
// A text is what the drop is for. When the bucket of all texts is empty, a text
// is not refused but waits, for [Limits.LineTime] at most. The next one that is
// taken is that of the circuit which has had the fewest in the last hour, and
// among equals that of who came first. So circuits that flood wait behind each
// newcomer, and for each text they get in they stand further back. Who can make
// more new circuits an hour than texts are taken still makes everyone wait: that
// is what tor's proof of work is for.
//
// # What it knows
//
// A circuit is a number that tor makes up and forgets. It is not a person:
// whoever wants makes another one, for which tor's proof of work has to be paid.
// The number stays in memory, in a table of bounded size, until the circuit's
// buckets have filled again and its last text is an hour old. It is in no log, no
// error and no file; [Circuit] refuses to be printed. A gate does not see codes,
// texts or names.
package gate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrBusy is what every [Busy] is.
var ErrBusy = errors.New("too much at once")

// Busy is returned when a request is refused.
type Busy struct{ wait time.Duration }

func (b *Busy) Error() string { return ErrBusy.Error() }

// Unwrap returns [ErrBusy].
func (b *Busy) Unwrap() error { return ErrBusy }

// Minutes says when to come back: 1 or more.
func (b *Busy) Minutes() int { return int(max(0, b.wait-1)/time.Minute) + 1 }

// Stats counts what was refused since the start.
type Stats struct {
	Circuits  uint64 // that were refused something
	ByCircuit uint64 // requests that were too many for their circuit
	ByBudget  uint64 // requests that were too many for all together
}

// A Gate decides what is let in. A nil Gate lets everything in.
type Gate struct {
	limits Limits

	mu       sync.Mutex // guards what is below
	circuits table
	texts    bucket
	volume   bucket
	line     line
	sweeping bool
	stats    Stats
}

// New makes a gate.
func New(limits Limits) *Gate {
	g := &Gate{limits: limits, texts: newBucket(limits.AllTexts), volume: newVolume(limits.AllBytes)}
	g.circuits = newTable(&g.limits)
	return g
}

// Limits returns what the gate was made with.
func (g *Gate) Limits() Limits { return g.limits }

// Stats returns the counts.
func (g *Gate) Stats() Stats {
	if g == nil {
		return Stats{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stats
}

// Page asks for a request. It takes one and leaves one for the style sheet, so
// that no page comes without. Its errors, like those of all that asks, are [Busy].
func (g *Gate) Page(ctx context.Context) error {
	return g.ask(ctx, func(e *entry) []need { return []need{{e.requests, 1, 1}} })
}

// Part asks for a request that belongs to a page.
func (g *Gate) Part(ctx context.Context) error {
	return g.ask(ctx, func(e *entry) []need { return []need{{e.requests, 1, 0}} })
}

// Mailbox asks for a look into a mailbox, or for a deletion. It does not know
// which one, so its answer cannot depend on what is in there.
func (g *Gate) Mailbox(ctx context.Context) error {
	return g.ask(ctx, func(e *entry) []need { return []need{{e.mailbox, 1, 0}} })
}

// File asks for a file of so many bytes. Whoever kept nothing of it gives the
// bytes back; that there was one stays counted.
func (g *Gate) File(ctx context.Context, size int64) (giveBack func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	n := kibs(size)
	var own bucket
	err = g.ask(ctx, func(e *entry) []need {
		own = e.volume
		return []need{{e.files, 1, 0}, {e.volume, n, 0}}
	}, need{g.volume, n, 0})
	if err != nil {
		return nil, err
	}
	return func() { g.giveBytesBack(n, own) }, nil
}

// Slice asks for so many bytes of a file that comes in several requests, and with
// the first of them for the file. Whoever kept fewer bytes says so, which gives the
// others back.
func (g *Gate) Slice(ctx context.Context, size int64, first bool) (kept func(bytes int64), err error) {
	if g == nil {
		return func(int64) {}, nil
	}
	n, files := kibs(size), 0
	if first {
		files = 1
	}
	var own bucket
	err = g.ask(ctx, func(e *entry) []need {
		own = e.volume
		return []need{{e.files, files, 0}, {e.volume, n, 0}}
	}, need{g.volume, n, 0})
	if err != nil {
		return nil, err
	}
	return func(bytes int64) { g.giveBytesBack(n-kibs(bytes), own) }, nil
}

func (g *Gate) giveBytesBack(n int, own bucket) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.volume.giveBack(now, n)
	if own.Limiter != nil { // not for those who came by no circuit
		own.giveBack(now, n)
	}
}

// A need is what is taken of a bucket, and what has to be left in it.
type need struct {
	bucket
	n, left int
}

func longest(now time.Time, needs []need) (wait time.Duration) {
	for _, one := range needs {
		wait = max(wait, one.lacks(now, one.n+one.left))
	}
	return wait
}

// ask takes what a circuit needs of its own and what it needs of all, or nothing.
func (g *Gate) ask(ctx context.Context, own func(*entry) []need, ofAll ...need) error {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	needs := ofAll
	if e := g.entry(visit(ctx).Circuit); e != nil {
		needs = append(own(e), ofAll...)
		if wait := longest(now, own(e)); wait > 0 {
			return g.refuseCircuit(e, wait)
		}
	}
	if wait := longest(now, ofAll); wait > 0 {
		return g.refuse(wait)
	}
	for _, one := range needs {
		one.take(now, one.n)
	}
	return nil
}

// refuseCircuit counts a refusal for a circuit's own sake. The lock is held.
func (g *Gate) refuseCircuit(e *entry, wait time.Duration) error {
	g.stats.ByCircuit++
	if !e.refused {
		e.refused = true
		g.stats.Circuits++
	}
	return &Busy{wait}
}

// refuse counts a refusal because of all together. The lock is held.
func (g *Gate) refuse(wait time.Duration) error {
	g.stats.ByBudget++
	return &Busy{wait}
}

// entry returns what is kept of a circuit, if anything is, and sees to it that
// it will be forgotten. The lock is held.
func (g *Gate) entry(c Circuit) *entry {
	e := g.circuits.of(c)
	if e != nil && !g.sweeping {
		g.sweeping = true
		time.AfterFunc(time.Minute, g.sweep)
	}
	return e
}

func (g *Gate) sweep() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.circuits.sweep(time.Now())
	if g.sweeping = len(g.circuits.byCirc) > 0; g.sweeping {
		time.AfterFunc(time.Minute, g.sweep)
	}
}

// A Visit is what a gate may know of a request.
type Visit struct {
	Circuit Circuit
	// Waits is told when the request begins to wait in line, and when it has
	// waited: that time is not its sender's. It must not ask the gate.
	Waits func(bool)
}

type visitKey struct{}

// With returns a context for requests of a visit.
func With(ctx context.Context, v Visit) context.Context { return context.WithValue(ctx, visitKey{}, v) }

func visit(ctx context.Context) Visit {
	v, _ := ctx.Value(visitKey{}).(Visit)
	return v
}
