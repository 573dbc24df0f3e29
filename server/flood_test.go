package server_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/gate"
	"saksi/server/servertest"
)

// The tests of floods hold that whoever comes by another circuit goes on sending
// and reading, and that whoever is refused loses nothing. A fake tor brings the
// connections: clients that say by which circuit they come.

// flooder is a circuit with a number that would be noticed in a log.
const flooder, person = 0xbeefcafe, 0x1c

// gated starts a drop with a gate.
func gated(t *testing.T, edit func(*gate.Limits)) *servertest.Drop {
	t.Helper()
	l := gate.Production()
	edit(&l)
	return servertest.New(t, servertest.Options{Limits: hurried(), Gate: gate.New(l)})
}

// wellServed holds that a circuit gets all that there is.
func wellServed(t *testing.T, d *servertest.Drop, circuit uint32) {
	t.Helper()
	by := d.By(circuit)
	code := by.Send("isi kesaksian")
	p := by.Upload("/file", "a.jpg", make([]byte, 1<<20), "code", code.Field(), "n", "1")
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	p = by.Post("/message", "code", code.Field(), "n", "2", "text", "susulan")
	expect(t, p, http.StatusOK, "Susulan 2 sudah kami terima.")
	expect(t, by.Post("/open", "words", strings.Join(code.Words(), " ")), http.StatusOK, "Susulan 2")
	expect(t, by.Post("/receipt", "code", code.Field()), http.StatusOK, code.Words()[0])
}

// silentOn holds that no log says anything: no number of a circuit, above all.
func silentOn(t *testing.T, d *servertest.Drop) {
	t.Helper()
	if log := d.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
}

// TestOneCircuitFloods with requests, looks into mailboxes, texts and files, far
// beyond what it may. It is refused, and others notice nothing.
func TestOneCircuitFloods(t *testing.T) {
	d := gated(t, func(l *gate.Limits) {
		l.Requests = gate.Rate{Burst: 300, Every: time.Hour}
		l.AllTexts = gate.Rate{Burst: 30, Every: time.Hour}
		l.AllBytes = gate.Volume{Burst: 64 << 20, PerHour: 1}
		l.Bytes = gate.Volume{Burst: 32 << 20, PerHour: 1}
	})
	by := d.By(flooder)
	code := by.Send("satu")
	for name, ask := range map[string]func(int) servertest.Page{
		"text":    func(int) servertest.Page { return by.Post("/write", "code", receipt.New().Field(), "text", "isi") },
		"mailbox": func(int) servertest.Page { return by.Post("/open", "code", code.Field()) },
		"file": func(n int) servertest.Page {
			return by.Upload("/file", "a.jpg", make([]byte, 1<<20), "code", code.Field(), "n", fmt.Sprint(n%100+1))
		},
	} {
		refused := 0
		for n := range 60 {
			if p := ask(n); p.Status == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 10 {
			t.Errorf("%s: of 60 only %d were refused", name, refused)
		}
		wellServed(t, d, person+uint32(len(name)))
	}
	for by.Get("/").Status == http.StatusOK {
	}
	p := by.Get("/en/write")
	expect(t, p, http.StatusTooManyRequests, "Wait 60 min, then try again.", `href="/en/write"`)
	if len(p.Body) > 4<<10 {
		t.Errorf("refusing a page takes %d bytes", len(p.Body))
	}
	expect(t, by.Get("/style.css"), http.StatusOK)
	for path, after := range map[string]string{
		"/style.css": "3600", "/entah": "7200", "/recipients.txt": "7200", "/en/": "7200",
	} {
		if p := by.Get(path); p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") != after {
			t.Errorf("%s: status %d, come back after %q", path, p.Status, p.Header.Get("Retry-After"))
		}
	}
	for _, path := range []string{"/roster.note", "/roster.recipients", "/rosters/1.note", "/regions.json", "/taxonomy.json"} {
		failed(t, path, by.Get(path), http.StatusTooManyRequests, "busy")
	}
	wellServed(t, d, person)
	silentOn(t, d)
}

// TestOneCircuitOpensHundredsOfConnections, silent ones and ones with half an
// upload. It displaces itself: the page that another circuit has open, and its
// upload, which moves less than all of them, stay.
func TestOneCircuitOpensHundredsOfConnections(t *testing.T) {
	limits := hurried()
	limits.Connections, limits.Uploads, limits.Settle, limits.Stall = 24, 6, 0, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits, Gate: gate.New(gate.Production())})
	code := d.By(person).Send("satu")
	body, kind := upload(t, code, 1<<20)
	slow := begunBy(t, d, person, "/file", kind, len(body))
	idle := d.Dial(person)
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost:")
	for i := range 300 {
		conn := d.Dial(flooder)
		if i%3 == 0 {
			io.WriteString(conn, head("/file", kind, len(body))+body[:1<<16])
		}
		if i%60 == 0 {
			expect(t, d.By(person+2).Get("/"), http.StatusOK)
		}
	}
	io.WriteString(idle, " localhost\r\n\r\n")
	if p, _ := answerOn(t, idle); p.Status != http.StatusOK {
		t.Errorf("a page has status %d", p.Status)
	}
	io.WriteString(slow, body)
	p, _ := answerOn(t, slow)
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	silentOn(t, d)
}

// TestACircuitFillsTheHouseWithFreshRequests, which are not held for slow yet. It
// has more than a browser opens, so that does not protect them.
func TestACircuitFillsTheHouseWithFreshRequests(t *testing.T) {
	limits := hurried()
	limits.Connections, limits.Uploads, limits.Settle, limits.Stall = 12, 6, time.Hour, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits, Gate: gate.New(gate.Production())})
	code := d.By(person).Send("satu")
	for n := range 18 {
		path, kind := "/write", urlencoded
		if n%2 == 0 {
			path, kind = "/file", "multipart/form-data; boundary=x"
		}
		begunBy(t, d, flooder, path, kind, 5000)
	}
	p := d.By(person+1).Upload("/file", "a.jpg", []byte("isi"), "code", code.Field(), "n", "1")
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	expect(t, d.By(person+2).Get("/"), http.StatusOK)
}

// begunBy is begun, by a circuit.
func begunBy(t *testing.T, d *servertest.Drop, circuit uint32, path, kind string, length int) net.Conn {
	t.Helper()
	return readies(t, d.Dial(circuit), path, kind, length)
}

// TestManyCircuitsFloodTexts, each as many as it may. Newcomers' texts are taken
// while the flood goes on.
func TestManyCircuitsFloodTexts(t *testing.T) {
	d := gated(t, func(l *gate.Limits) {
		l.AllTexts = gate.Rate{Burst: 12, Every: 100 * time.Millisecond}
		l.Texts = gate.Rate{Burst: 1000, Every: time.Second}
		l.Requests.Burst = 10_000
		l.Line = 20
	})
	var flood sync.WaitGroup
	var refused atomic.Int64
	stop := make(chan struct{})
	for n := range uint32(30) {
		by := d.By(flooder + n)
		flood.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				resp, err := by.Submit("/write", "code", receipt.New().Field(), "text", "banjir")
				if err != nil {
					t.Error(err)
					return
				}
				resp.Body.Close()
				if resp.StatusCode == http.StatusTooManyRequests {
					refused.Add(1)
				}
			}
		})
	}
	for refused.Load() < 100 { // it is a flood
		time.Sleep(10 * time.Millisecond)
	}
	for n := range uint32(5) {
		d.By(person + n).Send("isi kesaksian")
	}
	close(stop)
	flood.Wait()
	silentOn(t, d)
}

// TestAFloodOfFilesNeverStopsTexts: when the hour has no bytes left, files are
// refused by whomever, before they are read, and texts are taken.
func TestAFloodOfFilesNeverStopsTexts(t *testing.T) {
	d := gated(t, func(l *gate.Limits) { l.AllBytes = gate.Volume{Burst: 8 << 20, PerHour: 12 << 20} })
	code := d.By(flooder).Send("satu")
	for n := range uint32(2) {
		p := d.By(flooder+n).Upload("/file", "a.jpg", make([]byte, 4<<20), "code", code.Field(), "n", fmt.Sprint(n+1))
		expect(t, p, http.StatusOK)
	}
	says{"Tunggu 20 menit, lalu coba lagi.", "Wait 20 min, then try again."}.each(t, func(t *testing.T, prefix, text string) {
		p := d.By(person).Upload(prefix+"/file", "a.jpg", make([]byte, 4<<20), "code", code.Field(), "n", "4")
		refused(t, p, http.StatusTooManyRequests, text, "code", code.Field())
		expect(t, p, http.StatusTooManyRequests, `action="`+prefix+`/open"`)
	})
	for n := range uint32(20) {
		d.By(person + n).Send("isi kesaksian")
	}
	silentOn(t, d)
}

// TestWhoStandsInLineKeepsTheConnection: a request that waits for its turn does
// not move, and is not put out for that.
func TestWhoStandsInLineKeepsTheConnection(t *testing.T) {
	limits, l := hurried(), gate.Production()
	limits.Connections, limits.Settle = 6, 0
	l.AllTexts = gate.Rate{Burst: 1, Every: 2 * time.Second}
	g := gate.New(l)
	d := servertest.New(t, servertest.Options{Limits: limits, Gate: g})
	d.By(flooder).Send("satu")
	conn := d.Dial(person)
	code := receipt.New()
	form := servertest.Fields("/write", "code", code.Field(), "text", "isi").Encode()
	io.WriteString(conn, head("/write", urlencoded, len(form))+form)
	stands(g)
	for n := range uint32(30) {
		begunBy(t, d, flooder+n, "/write", urlencoded, 5000)
	}
	p, _ := answerOn(t, conn)
	expect(t, p, http.StatusOK, code.Words()[0])
}

// stands returns when somebody stands in line.
func stands(g *gate.Gate) {
	for g.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
}

// TestStoppingEmptiesTheLine: who waits gets the text back, and the server ends. The
// house brings deadlines near, so that net/http ends the request's context.
func TestStoppingEmptiesTheLine(t *testing.T) {
	l := gate.Production()
	l.AllTexts = gate.Rate{Burst: 1, Every: time.Hour}
	g := gate.New(l)
	d := servertest.New(t, servertest.Options{Limits: stopLimits(), Gate: g})
	d.By(flooder).Send("satu")
	by, pages := d.By(person), make(chan servertest.Page, 1)
	code := receipt.New().Field()
	go func() { pages <- by.Post("/write", "code", code, "text", "isi") }()
	stands(g)
	if err := <-stopping(d); err != nil {
		t.Error(err)
	}
	refused(t, <-pages, http.StatusTooManyRequests, "Yang Anda ketik ada di bawah.", "code", code, "text", "isi")
}

// TestTheGateAndTheHouseHoldTogether: the line leaves places in the house.
func TestTheGateAndTheHouseHoldTogether(t *testing.T) {
	l, g := server.Production(), gate.Production()
	for promise, holds := range map[string]bool{
		"who waits in line leaves room for pages": g.Line+32 <= l.Connections,
		"a handful of connections is little":      l.CircuitConnections*8 <= l.Connections,
		"a handful of uploads is little":          l.CircuitUploads*8 <= l.Uploads,
		"stopping does not wait for the line":     l.Stop < g.LineTime,
	} {
		if !holds {
			t.Errorf("not so: %s", promise)
		}
	}
}
