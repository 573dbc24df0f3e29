// Package errand is what a courier's laptop does over Tor: it fetches bundles and
// brings outboxes.
//
// Everything goes through a SOCKS proxy, tor's, to the onion address in the pass.
// There is no way around it: no name is looked up here, and without the proxy
// nothing is sent. Each connection has SOCKS credentials of its own, at which tor
// takes a circuit of its own, so that a bad circuit is left behind.
//
// A bundle grows in a file beside its place,
//
//	saksi-<8 letters of the address>-<tag>.part
//
// where the tag is the server's name for what the bundle holds. A fetch that is
// broken off goes on there if the tag is still the same, by itself or when it is
// started again. The file gets its name once it is whole and was checked:
//
//	bundle-<newest batch>-<beginning of the tag>.tar
package errand

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"saksi/crypto/pass"
	"saksi/server/inbox"
)

// A Courier does errands with a pass.
type Courier struct {
	Pass  *pass.Pass
	Socks string // address of tor's SOCKS proxy, see [CheckSocks]
	// Wait is how long pauses may last in all while nothing comes.
	Wait time.Duration
	// Notice is told what goes on.
	Notice func(format string, args ...any)
	// Authorize, if set, brings the pass's key to tor before the first request.
	Authorize func(context.Context) error

	// Seams for tests.
	Now   func() time.Time
	Pause func(context.Context, time.Duration) error

	authorized bool
}

// Errors that a caller acts on.
var (
	// ErrRefused is returned when the server does not know the pass.
	ErrRefused = errors.New("the server does not take this pass")
	// ErrServer is returned when the server could not do what was asked.
	ErrServer = errors.New("the server answered with an error")
	// ErrBusy is returned for a server that asks to come again.
	ErrBusy = errors.New("the server is not ready")
	// ErrStopped is returned when the context ended before the errand did.
	ErrStopped = errors.New("it was stopped before its end")
)

// A ClockError says how far this machine's clock is from the server's.
type ClockError struct{ Server, Own time.Time }

func (e *ClockError) Error() string {
	return fmt.Sprintf("the clocks differ too much: the server has %s, this machine %s",
		e.Server.UTC().Format(time.DateTime), e.Own.UTC().Format(time.DateTime))
}

// A RefusedError has what the server says about a request that it did not take, or, for
// want of room, not all of it. It says nothing of other requests.
type RefusedError struct{ Text string }

func (e *RefusedError) Error() string { return e.Text }

// maxAnswer bounds an answer that is no bundle, in bytes.
const maxAnswer = 1 << 20

// Batches asks for the batches that a bundle would hold.
func (c *Courier) Batches(ctx context.Context) (states []inbox.BatchState, err error) {
	err = c.persist(ctx, func() (bool, error) {
		return false, c.callJSON(ctx, http.MethodGet, "/v1/batches", nil, &states)
	})
	return states, err
}

// Push brings an outbox. Bringing it again is harmless.
func (c *Courier) Push(ctx context.Context, file []byte) (report inbox.Imported, err error) {
	err = c.persist(ctx, func() (bool, error) {
		return false, c.callJSON(ctx, http.MethodPost, "/v1/outbox", file, &report)
	})
	for _, said := range []*string{&report.Reviewer, &report.Canaries, &report.Misfits} {
		*said = Plain(*said)
	}
	return report, err
}

func (c *Courier) callJSON(ctx context.Context, method, path string, body []byte, value any) error {
	resp, err := c.call(ctx, pass.Request{Method: method, URI: path}, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return c.read(resp, value)
}

// read takes in an answer that is JSON.
func (c *Courier) read(resp *http.Response, value any) error {
	if resp.StatusCode != http.StatusOK {
		return c.explain(resp)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return network(err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		return fmt.Errorf("reading the server's answer: %w", ErrServer)
	}
	return nil
}

// call signs and sends one request. The caller closes the body.
func (c *Courier) call(ctx context.Context, r pass.Request, body []byte) (*http.Response, error) {
	if err := c.authorize(ctx); err != nil {
		return nil, err
	}
	r.Time, r.Nonce, r.Body = c.Now().Unix(), pass.NewNonce(), sha256.Sum256(body)
	headers, err := c.Pass.Sign(r)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequestWithContext(ctx, r.Method, "http://"+c.Pass.Onion+r.URI, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking the server: %w", err)
	}
	for name, value := range headers {
		q.Header.Set(name, value)
	}
	for name, value := range map[string]string{"Range": r.Range, "If-Range": r.IfRange} {
		if value != "" {
			q.Header.Set(name, value)
		}
	}
	q.Header.Set("User-Agent", "") // none
	resp, err := c.client().Do(q)
	if err != nil {
		return nil, network(err)
	}
	return resp, nil
}

func (c *Courier) authorize(ctx context.Context) error {
	if c.authorized || c.Authorize == nil {
		return nil
	}
	if err := c.Authorize(ctx); err != nil {
		return err
	}
	c.authorized = true
	return nil
}

// explain turns an answer that is none into an error.
func (c *Courier) explain(resp *http.Response) error {
	var answer struct {
		Error string `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	_ = json.Unmarshal(text, &answer)
	seconds, err := strconv.ParseInt(resp.Header.Get(pass.HeaderTime), 10, 64)
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return ErrRefused
	case err == nil:
		return &ClockError{Server: time.Unix(seconds, 0), Own: c.Now()}
	case resp.StatusCode == http.StatusServiceUnavailable:
		return ErrBusy
	case resp.StatusCode == http.StatusInsufficientStorage && answer.Error != "":
	case resp.StatusCode >= 500 || answer.Error == "":
		return fmt.Errorf("%w: %d", ErrServer, resp.StatusCode)
	}
	return &RefusedError{Plain(answer.Error)}
}

// Plain keeps what a server says to what a terminal shows, and to its first 500 letters.
func Plain(s string) string {
	const most = 500
	out := make([]rune, 0, min(len(s), most))
	for _, r := range s {
		if len(out) == most {
			break
		}
		if r < ' ' || r > '~' {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}

// Pauses between tries, and how many tries there are at most.
const (
	firstPause = time.Second
	lastPause  = time.Minute
	maxTries   = 1000
)

// persist tries again while the network is at fault: after a pause that doubles
// while nothing comes, until the pauses are longer than Wait in all.
func (c *Courier) persist(ctx context.Context, try func() (moved bool, err error)) error {
	pause, waited := firstPause, time.Duration(0)
	for n := 1; ; n++ {
		moved, err := try()
		if err != nil && ctx.Err() != nil {
			return ErrStopped
		}
		if err == nil || !passing(err) {
			return err
		}
		if moved {
			pause, waited = firstPause, 0
		}
		if waited += pause; waited > c.Wait || n == maxTries {
			return err
		}
		c.Notice("%v: trying again in %s", err, pause)
		if err := c.Pause(ctx, pause); err != nil && ctx.Err() != nil {
			return ErrStopped
		} else if err != nil {
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// Sleep is the Pause of real life.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
