package onion

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"time"

	"golang.org/x/net/proxy"
)

// A State is how far the services are.
type State string

// The states.
const (
	Starting    State = "starting"
	Connecting  State = "connecting"  // to the network
	Publishing  State = "publishing"  // connected; nobody has seen the page yet
	Reachable   State = "reachable"   // the server saw its own page through tor
	Unreachable State = "unreachable" // and then did not
	Down        State = "down"        // there is no tor
)

// Health is what is known of the services. There is nothing in it about visits.
// Times are to the minute.
type Health struct {
	State     State     `json:"state"`
	Tor       string    `json:"tor"` // version
	Own       bool      `json:"own_tor"`
	Starts    int       `json:"tor_starts"` // or joins, since the server began
	Bootstrap int       `json:"bootstrap_percent"`
	Stuck     bool      `json:"bootstrap_stuck"`
	Reporters Published `json:"reporters"`
	Couriers  Published `json:"couriers"`
	Since     time.Time `json:"reachable_since,omitzero"`
	Checked   time.Time `json:"last_check,omitzero"`
	Failures  int       `json:"failed_checks"`        // since the last good one
	PoWEffort *int      `json:"pow_effort,omitempty"` // that tor asks of visitors now; nil if it does not say
}

// Published is what is known of one service.
type Published struct {
	Name     string    `json:"onion"`                        // ends in ".onion"; empty before it is known
	Uploaded time.Time `json:"descriptor_uploaded,omitzero"` // last, to any directory
}

// Of returns what is known of a service.
func (h *Health) Of(s Service) *Published {
	if s == Couriers {
		return &h.Couriers
	}
	return &h.Reporters
}

// leave changes to a state in which nobody can reach the drop.
func (h *Health) leave(to State) { h.State, h.Since = to, time.Time{} }

// Health returns what is known now.
func (t *Tor) Health() Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.health
}

// update changes what is known, and tells.
func (t *Tor) update(change func(*Health)) {
	t.mu.Lock()
	before := t.health
	change(&t.health)
	after := t.health
	t.mu.Unlock()
	if t.config.Changed != nil && before != after {
		t.config.Changed(after)
	}
}

// probe looks at the own page through tor from time to time. The times are drawn,
// so that nobody can tell a check from a visit by the clock.
//
// The first look waits for the descriptor: with the one of before, which
// directories still have, a visitor waits for introduction points that are gone.
// A joined tor may have sent its own long ago.
func (t *Tor) probe(ctx context.Context, s *session) {
	select {
	case <-ctx.Done():
		return
	case <-s.published:
	case <-time.After(t.config.Times.Settle):
	}
	for pause := t.config.Times.Poll; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		h := t.Health()
		if h.State != Publishing && h.State != Reachable && h.State != Unreachable || h.Reporters.Name == "" {
			continue
		}
		pause = t.check(ctx, s, h.Reporters.Name)
	}
}

// check looks at the page once, and returns the time until the next look.
func (t *Tor) check(ctx context.Context, s *session, name string) time.Duration {
	err := t.fetch(ctx, s, name)
	effort := s.askEffort(ctx)
	if ctx.Err() != nil {
		return 0
	}
	h := t.seen(err, effort)
	switch {
	case err == nil:
		return drawn(t.config.Times.Check)
	case h.State == Publishing:
		return t.config.Times.Poll // directories and introduction points take their time
	default:
		return drawn(t.config.Times.Recheck)
	}
}

// patience is how many checks have to fail before the drop counts as out of reach:
// one may be the fault of its own circuit.
const patience = 2

// early is how many of the first checks may fail before anything is said.
const early = 12

func (t *Tor) seen(err error, effort *int) (after Health) {
	before := t.Health().State
	t.update(func(h *Health) {
		h.Checked, h.PoWEffort = now(), effort
		if err == nil {
			if h.State != Reachable {
				h.Since = h.Checked
			}
			h.State, h.Failures = Reachable, 0
			return
		}
		h.Failures++
		if h.State == Reachable && h.Failures >= patience || h.State == Publishing && h.Failures >= early {
			h.leave(Unreachable)
		}
	})
	after = t.Health()
	switch {
	case after.State == before:
	case after.State == Reachable:
		t.config.Log.Info("the drop can be reached", "onion", after.Reporters.Name)
	case after.State == Unreachable:
		t.config.Log.Error("NOBODY CAN REACH THE DROP: the server does not see its own page through tor",
			"error", err.Error())
	}
	return after
}

// drawn returns half to one and a half of an average.
func drawn(average time.Duration) time.Duration {
	return average/2 + mathrand.N(average+1)
}

// fetch fetches the own front page on circuits of its own.
func (t *Tor) fetch(ctx context.Context, s *session, name string) error {
	network, address, ok := s.socksPort()
	if !ok {
		return errors.New("this tor has no SOCKS port to look through")
	}
	ctx, cancel := context.WithTimeout(ctx, t.config.Times.Fetch)
	defer cancel()
	dialer, err := proxy.SOCKS5(network, address, &proxy.Auth{User: rand.Text(), Password: "-"}, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, DialContext: dialer.(proxy.ContextDialer).DialContext,
	}}
	page, err := get(ctx, &client, "http://"+name+"/")
	if err != nil {
		return err
	}
	if t.config.Expect != nil && !t.config.Expect(page) {
		return errors.New("another page is there than the drop's")
	}
	return nil
}

// get fetches a page of at most a megabyte.
func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", resp.StatusCode)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}
