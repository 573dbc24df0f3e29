package onion

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run keeps the services published until the context ends; then it returns nil.
// When tor ends, or the connection to it, it begins again. It returns an error
// only when tor has never come up and only the operator can mend why. It is called once.
func (t *Tor) Run(ctx context.Context) error {
	pause := t.config.Times.Pause
	for {
		began := time.Now()
		err := t.attend(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if t.Health().Starts == 0 && permanent(err) {
			return err
		}
		t.update(func(h *Health) { h.leave(Down) })
		t.config.Log.Error("tor is gone, and nobody can reach the drop; it is tried again", "error", err.Error())
		if time.Since(began) > t.config.Times.LongPause {
			pause = t.config.Times.Pause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, t.config.Times.LongPause)
	}
}

// permanent reports whether only the operator can mend an error.
func permanent(err error) bool {
	for _, e := range []error{ErrProgram, ErrVersion, ErrTorrc, ErrRefused, ErrLines} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// attend starts or joins tor, and watches it until it is gone.
func (t *Tor) attend(ctx context.Context) error {
	connect := t.start
	if t.config.Control != "" {
		connect = t.join
	}
	// An own tor lives on while requests are answered after the context's end; Close ends it.
	s, err := connect(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	if err := s.listen(); err != nil {
		return errors.Join(err, s.close())
	}
	t.begin(s)
	watched, stop := context.WithCancel(ctx)
	defer stop()
	probed := make(chan struct{})
	go func() {
		defer close(probed)
		t.probe(watched, s)
	}()
	err = t.watch(ctx, s)
	stop()
	<-probed
	if ctx.Err() != nil {
		return nil
	}
	t.mu.Lock()
	t.session = nil
	t.mu.Unlock()
	return errors.Join(err, s.close())
}

func (t *Tor) begin(s *session) {
	t.mu.Lock()
	t.session = s
	if t.late {
		s.askReload()
	}
	t.mu.Unlock()
	t.update(func(h *Health) {
		h.leave(Starting)
		h.Bootstrap, h.Stuck, h.PoWEffort, h.Failures = 0, false, nil, 0
		h.Starts++
	})
}

// watch looks at tor until it does not answer, or the context ends.
func (t *Tor) watch(ctx context.Context, s *session) error {
	progress := progress{percent: -1, since: time.Now()} // no percent is said, too
	for {
		if err := t.look(s, &progress); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.reload:
			if _, err := s.ask("SIGNAL RELOAD"); err != nil {
				return err
			}
		case reply := <-s.efforts:
			effort, err := s.effort(ctx, t.Health().Reporters.Name)
			reply <- effort
			if err != nil {
				return err
			}
		case <-time.After(t.config.Times.Poll):
		}
	}
}

// reload has tor read its lists of clients again.
func (t *Tor) reload() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.session == nil {
		t.late = true
		return
	}
	t.session.askReload()
}

// progress is how long tor has not come further.
type progress struct {
	percent int
	since   time.Time
	said    bool
}

// look asks tor how far it is and takes in what has happened.
func (t *Tor) look(s *session, p *progress) error {
	b, err := s.bootstrap()
	if err != nil {
		return err
	}
	if b.percent != p.percent {
		*p = progress{percent: b.percent, since: time.Now()}
		t.config.Log.Info("tor is connecting", "percent", b.percent, "doing", b.doing)
	}
	stuck := b.percent < 100 && time.Since(p.since) > t.config.Times.Stuck
	if stuck && !p.said {
		p.said = true
		t.config.Log.Error("tor comes no further: is the network up, is the clock right, does a firewall stand between? "+
			"Where tor is blocked, give bridges by -torrc", "percent", b.percent, "doing", b.doing)
	}
	if err := t.lookAgain(s); err != nil {
		return err
	}
	uploads := s.uploads()
	t.note(b, stuck, uploads)
	select {
	case <-s.published:
	default:
		if slices.Contains(uploads, t.Health().Reporters.Name) {
			close(s.published)
		}
	}
	return nil
}

// note keeps what was seen.
func (t *Tor) note(b bootstrap, stuck bool, uploads []string) {
	t.update(func(h *Health) {
		h.Bootstrap, h.Stuck = b.percent, stuck
		switch {
		case b.percent < 100:
			h.leave(Connecting)
		case h.State == Starting || h.State == Connecting:
			h.State = Publishing
		}
		for _, service := range services {
			if p := h.Of(service); slices.Contains(uploads, p.Name) {
				p.Uploaded = now()
			}
		}
	})
}

// lookAgain looks whether the services and the SOCKS port are still there. Those of
// a joined tor may come and go with any edit of its torrc; a page that was seen
// before says nothing then.
func (t *Tor) lookAgain(s *session) error {
	if t.config.Control == "" {
		return t.readNames(s)
	}
	if err := t.checkLines(s); err != nil {
		return err
	}
	return t.findSocks(s)
}

// readNames reads the services' names, once. An own tor has made them by the time that it
// answers, and they are its own as long as it runs: a disk that fails later, or a file
// that somebody moved, is no reason to let it go.
func (t *Tor) readNames(s *session) error {
	if s.named {
		return nil
	}
	for _, service := range services {
		name, err := readName(t.path(string(service)))
		if err != nil {
			return fmt.Errorf("reading the name of the %s' service: %w", service, err)
		}
		t.update(func(h *Health) { h.Of(service).Name = name })
	}
	s.named = true
	return nil
}

// now is to the minute: nothing finer is written down.
func now() time.Time { return time.Now().UTC().Truncate(time.Minute) }
