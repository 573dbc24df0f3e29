package letter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"saksi/cmd/saksi/errand"
	"saksi/crypto/parcel"
	"saksi/crypto/roster"
	"saksi/server/sealed/deliver"
	"saksi/web/taxonomy"
)

// ErrAnswer is returned for an answer that is not that of a drop.
var ErrAnswer = errors.New("the server does not answer as a drop does")

const (
	maxText = 1 << 20 // a roster is below that, and so is a recipients file
	// fetchTries is how often something is asked for, each time by another circuit.
	fetchTries = 5
	// sealings is how often an item is sealed anew because the server lost a part of
	// what it had acknowledged.
	sealings = 3
)

// A Drop is where a letter goes.
type Drop struct {
	Address errand.Address
	Socks   string // address of tor's SOCKS proxy, unless the drop is on this machine
	// Pause waits between two tries.
	Pause func(context.Context, time.Duration) error
	// Failed is told why a try came to nothing, before the pause, in the errors of this
	// package, of errand, or as a [*deliver.Refused]; may be nil.
	Failed func(error)
	// Progress is told how much of an item the server has on disk.
	Progress func(acknowledged, size int64)

	once   sync.Once
	client *http.Client
}

// Fetch returns what the drop publishes under a path. It returns [roster.ErrExpired] where
// that is not there because no roster is in force.
func (d *Drop) Fetch(ctx context.Context, path string) (body []byte, err error) {
	for n := range fetchTries {
		if n > 0 {
			d.failed(err)
			if err := d.Pause(ctx, time.Duration(n)*time.Second); err != nil {
				return nil, err
			}
		}
		body, err = d.fetch(ctx, path)
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, ctx.Err()
		case err == nil, errors.Is(err, ErrAnswer), errors.Is(err, errand.ErrNoTor), errors.Is(err, roster.ErrExpired):
			return body, err
		}
	}
	return nil, err
}

func (d *Drop) failed(err error) {
	if d.Failed != nil {
		d.Failed(ofWay(err))
	}
}

func (d *Drop) fetch(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url()+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := d.http().Do(req)
	if err != nil {
		return nil, ofWay(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusServiceUnavailable && isClosed(resp.Body):
		return nil, roster.ErrExpired
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return nil, errand.ErrBusy
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("asking for %s: %w: status %d", path, ErrAnswer, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxText+1))
	switch {
	case err != nil:
		return nil, errand.ErrBroken
	case len(body) > maxText:
		return nil, fmt.Errorf("asking for %s: %w: it is too long", path, ErrAnswer)
	}
	return body, nil
}

// isClosed reports whether an error is that of a drop that takes nothing.
func isClosed(body io.Reader) bool {
	var said struct {
		Error string `json:"error"`
	}
	text, err := io.ReadAll(io.LimitReader(body, maxText))
	return err == nil && json.Unmarshal(text, &said) == nil && said.Error == "closed"
}

// Questions returns the taxonomy of the drop.
func (d *Drop) Questions(ctx context.Context) (*taxonomy.Taxonomy, error) {
	text, err := d.Fetch(ctx, "/taxonomy.json")
	if err != nil {
		return nil, err
	}
	t, err := taxonomy.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("asking for the questions: %w", ErrAnswer)
	}
	return t, nil
}

// Send hands in the n-th item of a letter. When it returns nil, the server has said
// that it is on disk. It returns the errors of [deliver.Sender.Send] and [Letter.Seal].
func (d *Drop) Send(ctx context.Context, l *Letter, n int) error {
	return d.persist(func(s *deliver.Sender) error {
		sealed, done, err := l.Seal(n)
		if err != nil {
			return err
		}
		defer done()
		return d.hand(ctx, s, HeadOf(sealed), sealed.WriteTo)
	})
}

// SendCarried hands in the n-th parcel of a carried file.
func (d *Drop) SendCarried(ctx context.Context, file io.ReadSeeker, n int) error {
	return d.persist(func(s *deliver.Sender) error {
		head, payload, err := carried(file, n)
		if err != nil {
			return err
		}
		return d.hand(ctx, s, head, func(w io.Writer) (int64, error) { return io.Copy(w, payload) })
	})
}

func (d *Drop) hand(
	ctx context.Context, s *deliver.Sender, head parcel.Head, payload func(io.Writer) (int64, error),
) error {
	var own error
	_, err := s.SendParcel(ctx, head, func(w io.Writer) (n int64, err error) {
		n, own = payload(w)
		return n, own
	})
	if own != nil && err != nil && !errors.Is(own, io.ErrClosedPipe) {
		return own // of this machine, not of the way
	}
	return ofWay(err)
}

// carried reads up to the n-th parcel of a carried file.
func carried(file io.ReadSeeker, n int) (parcel.Head, io.Reader, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return parcel.Head{}, nil, err
	}
	c, err := parcel.OpenCarry(file)
	if err != nil {
		return parcel.Head{}, nil, err
	}
	for range n {
		if _, _, err := c.Next(); err != nil {
			return parcel.Head{}, nil, err
		}
	}
	return c.Next()
}

// CountCarried reads a carried file to its end, and returns how many parcels it has.
func CountCarried(file io.ReadSeeker) (n int, err error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	c, err := parcel.OpenCarry(file)
	if err != nil {
		return 0, err
	}
	for ; ; n++ {
		if _, _, err := c.Next(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
}

// persist sends anew what the server has lost a part of: it cannot be gone on with,
// because ciphertext that was acknowledged is not kept.
func (d *Drop) persist(send func(*deliver.Sender) error) (err error) {
	s := &deliver.Sender{Client: d.http(), URL: d.url(), Pause: d.Pause, Failed: d.failed, Progress: d.Progress}
	for range sealings {
		if err = send(s); !errors.Is(err, deliver.ErrLost) {
			return err
		}
	}
	return err
}

func (d *Drop) url() string { return "http://" + d.Address.Host }

func (d *Drop) http() *http.Client {
	d.once.Do(func() { d.client = newClient(d.Address, d.Socks) })
	return d.client
}

// newClient returns a client that reaches one address and no other, follows no
// redirect, and does not say what it is made with.
func newClient(a errand.Address, socks string) *http.Client {
	r := &route{address: a, socks: socks, way: a.Way(socks)}
	r.transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return r.current()(ctx) },
		Proxy:       nil, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{Transport: r, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// A route is a way that is left for another one when it breaks.
type route struct {
	address   errand.Address
	socks     string
	transport *http.Transport

	mu  sync.Mutex // guards what is below
	way func(context.Context) (net.Conn, error)
}

func (r *route) current() func(context.Context) (net.Conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.way
}

// RoundTrip implements [http.RoundTripper].
func (r *route) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", "") // none, instead of that of net/http
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		r.transport.CloseIdleConnections()
		r.mu.Lock()
		r.way = r.address.Way(r.socks)
		r.mu.Unlock()
	}
	return resp, err
}

// ofWay takes addresses out of the errors of a connection.
func ofWay(err error) error {
	var unsure *deliver.Unsure
	if errors.As(err, &unsure) {
		return &deliver.Unsure{Cause: ofWay(unsure.Cause)}
	}
	var refused *deliver.Refused
	switch {
	case err == nil, errors.As(err, &refused), errors.Is(err, deliver.ErrLost), errors.Is(err, parcel.ErrMalformed),
		errors.Is(err, context.Canceled), errors.Is(err, errand.ErrBusy), errors.Is(err, ErrAnswer):
		return err
	case errors.Is(err, deliver.ErrStrange):
		return ErrAnswer
	case errors.Is(err, errand.ErrNoTor):
		return errand.ErrNoTor
	case errors.Is(err, errand.ErrUnreachable), errors.Is(err, errand.ErrNoKey), errors.Is(err, ErrUnreachable):
		return ErrUnreachable
	}
	return errand.ErrBroken
}

// ErrUnreachable is returned when the drop cannot be reached.
var ErrUnreachable = errors.New("the drop cannot be reached")
