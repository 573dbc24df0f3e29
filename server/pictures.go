package server

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"saksi/server/gate"
)

// lookAtPictures is how often a request that waits for memory looks who is behind.
const lookAtPictures = 250 * time.Millisecond

// A share is memory that requests have in turn. Who came first has his first: a small
// picture does not pass a large one, or the large one would wait for ever. One circuit has
// a quarter of all at most, or one picture: what it asks for beyond that waits aside, and
// keeps nobody waiting.
//
// The pace that each has to keep is a slow one, so that a photo arrives over a bad
// connection. At that pace alone, two circuits with the largest pictures would keep
// everyone else's out for most of an hour. So while somebody waits, who has memory has
// to send his picture within [Limits.PictureTurn]: whoever is behind loses his.
type share struct {
	limits Limits

	mu   sync.Mutex
	free int64
	line []*asked
	has  []*asked // what was given
}

// An asked is a place in line, and then what was given.
type asked struct {
	bytes   int64 // twice the picture's size
	circuit gate.Circuit
	cut     func()        // ends the reading of the picture
	given   chan struct{} // closed when they are
	since   time.Time     // that they are
	sent    atomic.Int64  // of the request, since then
	whole   atomic.Bool   // no more of it is to come
}

func newShare(l Limits) *share { return &share{limits: l, free: l.Pictures} }

func (s *share) ask(bytes int64, by gate.Circuit, cut func()) *asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &asked{bytes: bytes, circuit: by, cut: cut, given: make(chan struct{})}
	s.line = append(s.line, a)
	s.serve()
	return a
}

// serve gives to those in front. The lock is held.
func (s *share) serve() {
	for at := s.next(); at >= 0 && s.line[at].bytes <= s.free; at = s.next() {
		a := s.line[at]
		s.free -= a.bytes
		s.line, s.has = slices.Delete(s.line, at, at+1), append(s.has, a)
		a.since = time.Now()
		close(a.given)
	}
}

// next returns where in line the first is whose circuit may have more, or -1. The lock
// is held.
func (s *share) next() int {
	held := map[gate.Circuit]int64{}
	for _, a := range s.has {
		held[a.circuit] += a.bytes
	}
	delete(held, gate.Circuit{}) // which is no circuit
	return slices.IndexFunc(s.line, func(a *asked) bool {
		return held[a.circuit] == 0 || held[a.circuit]+a.bytes <= s.limits.Pictures/4
	})
}

// giveBack ends what was asked for, be it given or not.
func (s *share) giveBack(a *asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.line, a); at >= 0 {
		s.line = slices.Delete(s.line, at, at+1)
	} else {
		s.has = slices.DeleteFunc(s.has, func(other *asked) bool { return other == a })
		s.free += a.bytes
	}
	s.serve()
}

// hurry ends the reading of those who are behind, the largest first, and of no more than
// it takes to make room for who is next. If all of them are not enough, they go on.
func (s *share) hurry(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, room := s.next(), s.free
	if at < 0 {
		return
	}
	behind := slices.DeleteFunc(slices.Clone(s.has), func(a *asked) bool {
		return a.whole.Load() || now.Before(a.turn(&s.limits)) // what is whole waits for the server alone
	})
	slices.SortStableFunc(behind, func(a, b *asked) int { return cmp.Compare(b.bytes, a.bytes) })
	for n, a := range behind {
		if room += a.bytes; room < s.line[at].bytes {
			continue
		}
		for _, a := range behind[:n+1] {
			a.cut()
		}
		return
	}
}

// pace returns until when a request with a picture may go on with what it has sent.
func (a *asked) pace(l *Limits) time.Time {
	sent := time.Duration(a.sent.Load()) * time.Second / time.Duration(max(1, l.PicturePace))
	return a.since.Add(l.PictureGrace + sent)
}

// turn returns the same for when somebody waits.
func (a *asked) turn(l *Limits) time.Time {
	part := float64(2*a.sent.Load()) / float64(a.bytes)
	return a.since.Add(l.PictureGrace + time.Duration(part*float64(l.PictureTurn)))
}

// exchangeKey is under what a request's context has its exchange.
type exchangeKey struct{}

// hold waits for memory for a request's picture. From then on the request has to keep
// pace. Nobody else waits: neither for a text, nor with a file of another kind.
func (s *Server) hold(ctx context.Context, bytes int64) (release func(), err error) {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	a := s.pictures.ask(bytes, circuitOf(ctx), func() {
		if x != nil {
			_ = x.control.SetReadDeadline(time.Now())
		}
	})
	if !s.waitFor(ctx, a) {
		s.pictures.giveBack(a)
		return nil, &gate.Busy{}
	}
	if x != nil {
		x.picture = a
	}
	return func() {
		if x != nil {
			x.picture = nil
		}
		s.pictures.giveBack(a)
	}, nil
}

// waitFor reports whether a request was given what it asked for in time.
func (s *Server) waitFor(ctx context.Context, a *asked) bool {
	timer, look := time.NewTimer(s.Limits.PictureWait), time.NewTicker(lookAtPictures)
	defer timer.Stop()
	defer look.Stop()
	for {
		select {
		case <-a.given:
			return true
		case <-look.C:
			s.pictures.hurry(time.Now())
		case <-timer.C:
			return false
		case <-s.stopping:
			return false
		case <-ctx.Done(): // who waited went away
			return false
		}
	}
}
