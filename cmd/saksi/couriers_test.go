package main

import (
	"bytes"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"saksi/server/onion"
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
	must(t, os.WriteFile(outbox, party.answer(code), 0o600))
	if said, ok := errand("push", outbox); !ok || !strings.Contains(said, "1 new replies") {
		t.Errorf("bringing: %s", said)
	}
	if page := d.Post("/open", "words", strings.Join(code.Words(), " ")); !strings.Contains(page.Body, "jawaban") {
		t.Errorf("the answer that was brought cannot be read: status %d", page.Status)
	}
	output(t, "saksi", "courier", "remove", "-data", data, "budi")
	if said, ok := errand("fetch", "-list"); ok || !strings.Contains(said, "does not take this pass") {
		t.Errorf("a courier who was removed is told: %s", said)
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
