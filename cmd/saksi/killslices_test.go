package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/sealed/deliver"
)

// A patient sends files in slices, one after the other, and outlives every server:
// the next one is at another address, and has what the last one acknowledged.
type patient struct {
	*ledger
	server atomic.Pointer[url.URL] // that is up, as far as known
	sent   int
}

// RoundTrip sends to the server that is up.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	at := p.server.Load()
	if at == nil {
		return nil, errors.New("no server yet")
	}
	r = r.Clone(r.Context())
	r.URL.Host, r.Host = at.Host, at.Host
	return http.DefaultTransport.RoundTrip(r)
}

// up says where the server is now.
func (p *patient) up(t *testing.T, address string) {
	t.Helper()
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	p.server.Store(at)
}

// run sends until the context ends. That a server lost what it had acknowledged, or
// refuses to go on, is a failure.
func (p *patient) run(ctx context.Context, t *testing.T) {
	sender := deliver.Sender{
		Client: &http.Client{Transport: p}, URL: "http://127.0.0.1", Slice: 40_000,
		Pause: func(ctx context.Context, _ time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(500 * time.Millisecond): // 64 times: a crowded machine starts a server in seconds
				return nil
			}
		},
	}
	for ctx.Err() == nil {
		code := receipt.New()
		sealed := newSealedFile(t, p.party.circle, code, 0, 1<<20)
		if sealed == nil {
			return
		}
		s := p.begin(&sent{code: code, payload: sealed.hash()})
		_, err := sender.SendParcel(ctx, sealed.head, func(w io.Writer) (int64, error) {
			n, err := w.Write(sealed.payload)
			return int64(n), err
		})
		switch {
		case err == nil:
			p.note(func() { s.told = true })
			p.sent++
		case ctx.Err() == nil:
			t.Errorf("a file in slices: %v", err)
			return
		}
	}
}
