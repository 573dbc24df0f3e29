package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"saksi/crypto/pass"
	"saksi/server/onion"
	"saksi/server/onion/tornet"
)

// TestCouriersOverTor: without a key nobody reaches the couriers' service, nor with
// a wrong one; with the right one a courier does the whole errand; and once he is
// removed he is refused, although his tor still knows the way.
func TestCouriersOverTor(t *testing.T) {
	data := newData(t)
	party := readParty(t, data)
	d := startOnion(t, data)
	code := d.Send("untuk kurir")
	stick := t.TempDir()
	budi := filepath.Join(stick, "budi.pass")
	output(t, "saksi", "courier", "add", "-data", data, "-out", budi, "budi")
	laptop := torNetwork.Get(t).Client(t)
	errand := func(command string, more ...string) (said string, ok bool) {
		args := append([]string{command, "-pass", budi, "-socks", laptop.SOCKS(), "-wait", "30s"}, more...)
		out, err := exec.Command("saksi", args...).CombinedOutput()
		return string(out), err == nil
	}
	if said, ok := errand("fetch", "-list", "-wait", "1s"); ok || !strings.Contains(said, "saksi courier line") {
		t.Errorf("a courier whose tor has no key is told: %s", said)
	}
	var wrong onion.Key
	_, err := rand.Read(wrong[:])
	must(t, err)
	name := healthOf(t, data).Couriers.Name
	must(t, onion.GiveKey(t.Context(), laptop.Control(), "", name, wrong))
	if said, ok := errand("fetch", "-list", "-wait", "1s"); ok {
		t.Errorf("a courier whose tor has a wrong key gets: %s", said)
	}
	output(t, "saksi", "export", "-data", data, "-now", "-out", filepath.Join(stick, "bundle.tar"))
	said, ok := errand("fetch", "-out", stick, "-tor-control", laptop.Control())
	if !ok || !strings.Contains(said, "signature is right") {
		t.Fatalf("fetching: %s", said)
	}
	holdSame(t, filepath.Join(stick, "bundle.tar"), filepath.Join(stick, "bundle-1-*.tar"))
	outbox := filepath.Join(stick, "r1.outbox")
	answer, _ := party.answer(code)
	must(t, os.WriteFile(outbox, answer, 0o600))
	if said, ok := errand("push", outbox); !ok || !strings.Contains(said, "1 new replies") {
		t.Errorf("bringing: %s", said)
	}
	if page := d.Post("/open", "words", strings.Join(code.Words(), " ")); !strings.Contains(page.Body, "jawaban") {
		t.Errorf("the answer that was brought cannot be read: status %d", page.Status)
	}
	held := heldConnection(t, laptop, budi)
	if status := held(); status != http.StatusOK {
		t.Errorf("a courier on a connection that stays open gets %d", status)
	}
	output(t, "saksi", "courier", "remove", "-data", data, "budi")
	if status := held(); status != http.StatusUnauthorized {
		t.Errorf("on the same connection, once removed, he gets %d", status)
	}
	// His tor may know by now that the way is closed, or still come as far as the server.
	said, ok = errand("fetch", "-list", "-wait", "1s")
	if ok || !strings.Contains(said, "does not take this pass") && !strings.Contains(said, "saksi courier line") {
		t.Errorf("a courier who was removed is told: %s", said)
	}
}

// heldConnection returns a function that asks for the batches, each time on the
// same connection, and returns the status.
func heldConnection(t *testing.T, laptop *tornet.Client, name string) func() int {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	p, err := pass.Parse(string(text))
	must(t, err)
	var client *http.Client // nil as long as nothing has come by its circuit
	ask := func() (*http.Response, error) {
		r := pass.Request{Method: http.MethodGet, Host: p.Onion, URI: "/v1/batches"}
		r.Time, r.Nonce, r.Body = time.Now().Unix(), pass.NewNonce(), sha256.Sum256(nil)
		headers, err := p.Sign(r)
		must(t, err)
		trace := httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
			if c.Reused != (client != nil) {
				t.Errorf("the connection is the same: %v", c.Reused)
			}
		}}
		q, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), &trace), r.Method, "http://"+p.Onion+r.URI, nil)
		must(t, err)
		for name, value := range headers {
			q.Header.Set(name, value)
		}
		if client != nil {
			return client.Do(q)
		}
		first := laptop.Isolated(rand.Text())
		first.Timeout = 20 * time.Second
		resp, err := first.Do(q)
		if err == nil {
			client = first
			t.Cleanup(client.CloseIdleConnections)
		}
		return resp, err
	}
	return func() int {
		resp, err := ask()
		for range 5 {
			if err == nil || client != nil {
				break
			}
			resp, err = ask() // by another circuit
		}
		must(t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(t, errors.Join(err, resp.Body.Close()))
		return resp.StatusCode
	}
}

func healthOf(t *testing.T, data string) *health {
	t.Helper()
	h, err := readHealth(data)
	must(t, err)
	return h
}

// holdSame holds two files against each other; the second is the one that a pattern
// finds.
func holdSame(t *testing.T, name, pattern string) {
	t.Helper()
	found, err := filepath.Glob(pattern)
	must(t, err)
	if len(found) != 1 {
		t.Fatalf("%s finds %q", pattern, found)
	}
	one, err := os.ReadFile(name)
	must(t, err)
	other, err := os.ReadFile(found[0])
	must(t, err)
	if !bytes.Equal(one, other) {
		t.Errorf("%s and %s differ", name, found[0])
	}
}
