package server_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/reviewer"
	"saksi/server/gate"
	"saksi/server/servertest"
)

// TestWhoWatchesReadsTheRosters: the newest, those before it, and the keys of this
// week, as the roots signed and pinned them.
func TestWhoWatchesReadsTheRosters(t *testing.T) {
	d := newDrop(t)
	first := string(d.Roster.Note)
	d.Admit(func(draft *reviewer.Draft) { draft.Cards = draft.Cards[:2] })
	for path, want := range map[string]string{
		"/roster.note": string(d.Roster.Note), "/rosters/2.note": string(d.Roster.Note), "/rosters/1.note": first,
		"/roster.recipients": d.Recipients[0].Text(),
	} {
		p := d.Get(path)
		if p.Status != http.StatusOK || p.Body != want {
			t.Errorf("%s: status %d, and other bytes than the roster's", path, p.Status)
		}
		if kind := p.Header.Get("Content-Type"); kind != "text/plain; charset=UTF-8" {
			t.Errorf("%s: it is %q", path, kind)
		}
		if p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Set-Cookie")+p.Header.Get("Date") != "" {
			t.Errorf("%s: the headers are %v", path, p.Header)
		}
	}
	for _, path := range strings.Fields("/rosters/0.note /rosters/3.note /rosters/01.note /rosters/+1.note /rosters/1 " +
		"/rosters/1.note/ /rosters/18446744073709551616.note /rosters/../roster.note /rosters/ /en/roster.note " +
		"/rosters/1.note%00 /rosters/1.recipients") {
		expect(t, d.Get(path), http.StatusNotFound)
	}
	silentOn(t, d)
}

// TestTextsAreHeldToTheHeadersOfPages: what a watchdog reads has no header that a
// page does not have.
func TestTextsAreHeldToTheHeadersOfPages(t *testing.T) {
	d := newDrop(t)
	page := d.Get("/").Header
	for _, path := range []string{"/roster.note", "/rosters/1.note", "/roster.recipients"} {
		got := d.Get(path).Header
		for name := range got {
			if name != "Content-Type" && name != "Content-Length" && got.Get(name) != page.Get(name) {
				t.Errorf("%s: %s is %q, on a page %q", path, name, got.Get(name), page.Get(name))
			}
		}
		if len(got) != len(page) {
			t.Errorf("%s: %d headers, a page has %d", path, len(got), len(page))
		}
	}
}

// TestWithoutARosterInForceThereAreNoKeys: the roster itself is shown all the same.
func TestWithoutARosterInForceThereAreNoKeys(t *testing.T) {
	var late atomic.Bool
	d := servertest.New(t, servertest.Options{Now: func() time.Time {
		if late.Load() {
			return time.Now().AddDate(1, 0, 0)
		}
		return time.Now()
	}})
	late.Store(true)
	expect(t, d.Get("/roster.recipients"), http.StatusServiceUnavailable)
	if p := d.Get("/roster.note"); p.Status != http.StatusOK || p.Body != string(d.Roster.Note) {
		t.Errorf("the roster: status %d", p.Status)
	}
}

// TestRostersAreCountedAsPages: they are behind the gate, and foreign names get none.
func TestRostersAreCountedAsPages(t *testing.T) {
	limits := gate.Production()
	limits.Requests = gate.Rate{Burst: 3, Every: time.Hour}
	d := servertest.New(t, servertest.Options{Gate: gate.New(limits)})
	by := d.By(flooder)
	expect(t, by.Get("/roster.note"), http.StatusOK)
	expect(t, by.Get("/rosters/1.note"), http.StatusOK)
	expect(t, by.Get("/roster.recipients"), http.StatusTooManyRequests)
	r, err := http.NewRequest(http.MethodGet, d.URL+"/roster.note", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "contoh.example"
	resp, err := d.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by another name: status %d", resp.StatusCode)
	}
}
