package server_test

import (
	"bytes"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/limittest"
	"saksi/crypto/onionname"
	"saksi/server"
	"saksi/server/gate"
	"saksi/server/onion/tornet"
	"saksi/server/servertest"
)

// overTor is a drop and the plainest handler behind the same onion service.
type overTor struct {
	drop, bare *servertest.Drop // by Tor
	direct     *servertest.Drop // the drop, on loopback
	client     *tornet.Client   // by which browsers get to it
}

// bareAnswer reads a body, and answers with a page of the drop's, to the byte.
func bareAnswer(page servertest.Page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		header := w.Header()
		maps.Copy(header, page.Header)
		header["Date"] = nil
		_, _ = io.WriteString(w, page.Body)
	}
}

// bareFront answers everything with the front page.
func bareFront(d *servertest.Drop) http.Handler { return bareAnswer(d.Get("/")) }

func newOverTor(b testing.TB, script []byte, plainest func(*servertest.Drop) http.Handler) *overTor {
	b.Helper()
	wide := gate.Production() // one circuit asks for everything here
	wide.Requests = gate.Rate{Burst: 1 << 20, Every: time.Microsecond}
	wide.Files, wide.Texts = wide.Requests, wide.Requests
	wide.Bytes = gate.Volume{Burst: 1 << 40, PerHour: 1 << 40}
	wide.AllBytes = wide.Bytes
	hosts := new(server.Hosts)
	d := servertest.New(b, servertest.Options{Gate: gate.New(wide), Hosts: hosts, Script: script})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	bare := httptest.NewUnstartedServer(plainest(d))
	bare.Listener = gate.Listen(l)
	bare.Start()
	b.Cleanup(bare.Close)
	network := tornet.Start(b)
	service := network.Service(b, "HiddenServicePort 80 unix:"+d.TorSocket(), "HiddenServicePort 81 "+l.Addr().String(),
		"HiddenServiceExportCircuitID haproxy")
	name, err := onionname.Parse(service.Address())
	if err != nil {
		b.Fatal(err)
	}
	hosts.AddOnion(name)
	client := network.Client(b)
	client.Await(b, "http://"+service.Address()+"/")
	by := func(port, circuit string) *servertest.Drop {
		return &servertest.Drop{URL: "http://" + service.Address() + port, Client: client.Isolated(circuit), T: b}
	}
	return &overTor{drop: by("", "same"), bare: by(":81", "same"), direct: d, client: client}
}

// BenchmarkPageOverTor fetches the front page through a private Tor network, by
// one circuit and a kept connection; its limit is a handler behind the same
// service that writes the same bytes. Beside it the page without Tor.
func BenchmarkPageOverTor(b *testing.B) {
	o := newOverTor(b, nil, bareFront)
	pages := limittest.Size(20, 1)
	times, want := map[*servertest.Drop][]time.Duration{}, o.drop.Get("/").Body
	if !strings.Contains(want, `href="/write"`) {
		b.Fatal("no front page")
	}
	fetch := func(d *servertest.Drop) {
		for range pages {
			start := time.Now()
			page := d.Get("/")
			times[d] = append(times[d], time.Since(start))
			if page.Status != http.StatusOK || page.Body != want {
				b.Fatalf("another page: %d", page.Status)
			}
		}
	}
	limittest.Compare(b, pages, "page", func() { fetch(o.drop) }, func() { fetch(o.bare) })
	fetch(o.direct)
	for name, d := range map[string]*servertest.Drop{"": o.drop, "limit-": o.bare, "loopback-": o.direct} {
		slices.Sort(times[d])
		for percent, unit := range map[int]string{50: "p50-ms", 95: "p95-ms"} {
			b.ReportMetric(float64(times[d][len(times[d])*percent/100].Microseconds())/1e3, name+unit)
		}
	}
}

// BenchmarkUploadOverTor sends a file of 20 MiB by the same circuit; its limit is
// a handler that reads the same body and keeps nothing. Beside it the same upload
// without Tor.
func BenchmarkUploadOverTor(b *testing.B) {
	size := limittest.Size(20<<20, 1<<20)
	o := newOverTor(b, nil, bareFront)
	file := bytes.Repeat([]byte("isi berkas "), size/11)
	upload := func(d *servertest.Drop) {
		code := o.direct.Get("/write").Code(b)
		if page := d.Upload("/file", "a.mp4", file, "code", code.Field(), "n", "0"); page.Status != http.StatusOK {
			b.Fatalf("status %d", page.Status)
		}
		if _, err := o.direct.Inbox.Store.Payload(code.ItemID(0)); (err == nil) != (d != o.bare) {
			b.Fatalf("kept: %v", err)
		}
	}
	limittest.Compare(b, size>>20, "MiB", func() { upload(o.drop) }, func() { upload(o.bare) })
	start := time.Now()
	upload(o.direct)
	b.ReportMetric(float64(size>>20)/time.Since(start).Seconds(), "loopback-MiB/s")
}
