package gate

import (
	"context"
	"errors"
	"slices"
	"time"
)

// line is where texts wait when the bucket of all texts is empty. The gate's lock
// guards it.
type line struct {
	waiting []*place
	arrived uint64 // how many ever came
	timer   *time.Timer
}

// A place in line is that of a circuit, or of a connection that has none.
type place struct {
	entry   *entry // nil for none
	arrived uint64
	answer  chan error // takes one answer
	told    func(bool) // that it waits; nil if it does not, or nobody is to be told
}

// had returns how many texts of a place's circuit were taken in the last hour.
func (p *place) had(now time.Time) int {
	if p.entry == nil {
		return 0
	}
	return p.entry.had(now)
}

// before reports whether a place is served before another one.
func (p *place) before(other *place, now time.Time) bool {
	if mine, its := p.had(now), other.had(now); mine != its {
		return mine < its
	}
	return p.arrived < other.arrived
}

func (l *line) first(now time.Time) *place {
	return slices.MinFunc(l.waiting, func(a, b *place) int {
		if a.before(b, now) {
			return -1
		}
		return 1
	})
}

func (l *line) last(now time.Time) *place {
	return slices.MaxFunc(l.waiting, func(a, b *place) int {
		if a.before(b, now) {
			return -1
		}
		return 1
	})
}

// leave takes a place out of line, with an answer. It reports whether it was in.
func (l *line) leave(p *place, answer error) bool {
	at := slices.Index(l.waiting, p)
	if at < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	if p.entry != nil {
		p.entry.place = nil
	}
	p.answer <- answer
	return true
}

// Text asks for a text, and waits in line if need be. A circuit has one place:
// of two forms the later one has it. Whoever kept nothing of the text, be it that
// it had come before, gives it back.
func (g *Gate) Text(ctx context.Context) (giveBack func(), err error) {
	if g == nil {
		return func() {}, nil
	}
	v := visit(ctx)
	p, err := g.enter(v)
	if err == nil {
		err = g.wait(ctx, p)
	}
	if p != nil && p.told != nil {
		p.told(false)
	}
	if err != nil {
		return nil, err
	}
	return func() { g.giveTextBack(p.entry) }, nil
}

func (g *Gate) giveTextBack(e *entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.texts.giveBack(now, 1)
	if e != nil {
		e.giveTextBack(now)
	}
	g.serve()
}

// enter gives out a place, which may have been served at once. Under the lock it tells
// that somebody waits: whoever is seen in line is held.
func (g *Gate) enter(v Visit) (*place, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	p := &place{entry: g.entry(v.Circuit), arrived: g.line.arrived, answer: make(chan error, 1)}
	g.line.arrived++
	if e := p.entry; e != nil {
		if wait := e.texts.lacks(now, 1); wait > 0 {
			return nil, g.refuseCircuit(e, wait)
		}
		if earlier := e.place; earlier != nil {
			p.arrived = earlier.arrived
			g.line.leave(earlier, g.refuse(g.inLine()))
		}
	}
	g.serve()
	if !g.makeRoom(p, now) {
		return nil, g.refuse(g.inLine())
	}
	g.line.waiting = append(g.line.waiting, p)
	if p.entry != nil {
		p.entry.place = p
	}
	g.serve()
	if v.Waits != nil && len(p.answer) == 0 {
		p.told = v.Waits
		p.told(true)
	}
	return p, nil
}

// makeRoom has the last in line leave for a newcomer whose circuit has had less.
// The lock is held.
func (g *Gate) makeRoom(p *place, now time.Time) bool {
	switch {
	case g.texts.lacks(now, 1) == 0:
		return true
	case len(g.line.waiting) < g.limits.Line:
		return true
	case g.limits.Line == 0:
		return false
	}
	last := g.line.last(now)
	return p.had(now) < last.had(now) && g.line.leave(last, g.refuse(g.inLine()))
}

// Waiting returns how many texts wait in line.
func (g *Gate) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.line.waiting)
}

// inLine is how long it takes until all that wait have been served. The lock is held.
func (g *Gate) inLine() time.Duration {
	return time.Duration(len(g.line.waiting)+1) * g.limits.AllTexts.Every
}

// serve answers those for whom there are texts left, and comes again when there
// will be another one. The lock is held.
func (g *Gate) serve() {
	now := time.Now()
	for len(g.line.waiting) > 0 && g.texts.lacks(now, 1) == 0 {
		p := g.line.first(now)
		g.texts.take(now, 1)
		if p.entry != nil {
			p.entry.takeText(now)
		}
		g.line.leave(p, nil)
	}
	if len(g.line.waiting) > 0 && g.line.timer == nil {
		g.line.timer = time.AfterFunc(max(g.texts.lacks(now, 1), time.Millisecond), g.serveNext)
	}
}

func (g *Gate) serveNext() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.line.timer = nil
	g.serve()
}

// wait returns the answer to a place.
func (g *Gate) wait(ctx context.Context, p *place) error {
	select {
	case err := <-p.answer:
		return err
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, g.limits.LineTime)
	defer cancel()
	select {
	case err := <-p.answer:
		return err
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(p.answer) == 0 && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		g.line.leave(p, g.refuse(g.inLine()))
	} else if len(p.answer) == 0 {
		g.line.leave(p, &Busy{}) // who waited went away
	}
	return <-p.answer
}
