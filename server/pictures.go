package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"saksi/server/gate"
)

// A share is memory that requests have in turn. Who came first has his first: a small
// picture does not pass a large one, or the large one would wait for ever.
type share struct {
	mu   sync.Mutex
	free int64
	line []*asked
}

// An asked is a place in line.
type asked struct {
	bytes int64
	given chan struct{} // closed when they are
}

func (s *share) ask(bytes int64) *asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &asked{bytes, make(chan struct{})}
	s.line = append(s.line, a)
	s.serve()
	return a
}

// serve gives to those in front. The lock is held.
func (s *share) serve() {
	for len(s.line) > 0 && s.line[0].bytes <= s.free {
		s.free -= s.line[0].bytes
		close(s.line[0].given)
		s.line = s.line[1:]
	}
}

// giveBack ends what was asked for, be it given or not.
func (s *share) giveBack(a *asked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.line, a); at >= 0 {
		s.line = slices.Delete(s.line, at, at+1)
	} else {
		s.free += a.bytes
	}
	s.serve()
}

// exchangeKey is under what a request's context has its exchange.
type exchangeKey struct{}

// hold waits for memory for a request's picture. From then on the request has to keep
// pace. Nobody else waits: neither for a text, nor with a file of another kind.
func (s *Server) hold(ctx context.Context, bytes int64) (release func(), err error) {
	a := s.pictures.ask(bytes)
	timer := time.NewTimer(s.Limits.PictureWait)
	defer timer.Stop()
	select {
	case <-a.given:
	case <-timer.C:
		err = &gate.Busy{}
	case <-s.stopping:
		err = &gate.Busy{}
	case <-ctx.Done(): // who waited went away
		err = &gate.Busy{}
	}
	if err != nil {
		s.pictures.giveBack(a)
		return nil, err
	}
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x != nil {
		x.held, x.heldFrom = time.Now(), x.read
	}
	return func() {
		if x != nil {
			x.held = time.Time{}
		}
		s.pictures.giveBack(a)
	}, nil
}

// pace returns until when a request with a picture may go on with what it has sent.
func (x *exchange) pace() time.Time {
	sent := time.Duration(x.read-x.heldFrom) * time.Second / time.Duration(max(1, x.limits.PicturePace))
	return x.held.Add(x.limits.PictureGrace + sent)
}
