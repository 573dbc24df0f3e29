package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/sealed/deliver"
)

// A patient sends files in slices, one after the other, and outlives every server:
// the next one is at another address, and has what the last one acknowledged.
type patient struct {
	*ledger
	circle *roster.Circle
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
		s := p.begin(&sent{code: receipt.New()})
		sealed, err := item.Seal(p.circle, s.code, 0, item.Content{
			Kind: item.Attachment, Language: "id", File: bytes.NewReader(make([]byte, 1<<20)), Size: 1 << 20, Name: "a.jpg",
		})
		if err != nil {
			t.Error(err)
			return
		}
		switch _, err := sender.Send(ctx, sealed); {
		case err == nil:
			p.note(func() { s.told = true })
			p.sent++
		case ctx.Err() == nil:
			t.Errorf("a file in slices: %v", err)
			return
		}
	}
}
