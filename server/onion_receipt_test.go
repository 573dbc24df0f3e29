package server_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
	"saksi/server/browser"
	"saksi/server/servertest"
	"saksi/web/client"
)

const told = "Kami dikumpulkan di aula dan diminta hadir."

// newVisited is a drop with script behind an onion service. The handler beside it gets
// what the drop gets and answers what it answers, to the byte, and keeps nothing.
func newVisited(t testing.TB) *overTor {
	if client.Script() == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	return newOverTor(t, client.Script(), func(d *servertest.Drop) http.Handler {
		mux := http.NewServeMux()
		for _, path := range []string{"/write", "/style.css"} {
			mux.Handle("GET "+path, bareAnswer(d.Get(path)))
		}
		mux.Handle("POST /write", bareAnswer(d.Post("/write", "code", receipt.New().Field(), "text", told)))
		kept := hand(t, d, "POST", "/v1/items", octets, sealText(t, d, receipt.New(), 0).parcel())
		mux.Handle("POST /v1/items", bareAnswer(kept))
		return mux
	})
}

// A visitor has two browsers of one kind, one whose scripts run and one without them,
// which know nothing but the network's SOCKS port.
type visitor struct {
	t            testing.TB
	o            *overTor
	script, form *browser.Page
}

// kinds are both browsers. To Chromium as it is an onion address is not secure, and our
// script does without crypto.subtle; to Firefox it is, as to Tor Browser.
var kinds = []struct {
	name   string
	secure bool
	start  func(testing.TB, browser.Options) *browser.Page
}{
	{"Firefox", true, browser.Firefox},
	{"Chromium", false, func(t testing.TB, o browser.Options) *browser.Page { return browser.Chromium(t, o).Page }},
}

func arrive(t testing.TB, o *overTor, start func(testing.TB, browser.Options) *browser.Page) *visitor {
	t.Helper()
	socks := o.client.SOCKS()
	return &visitor{
		t: t, o: o, form: start(t, browser.Options{SOCKS: socks}),
		script: start(t, browser.Options{JavaScript: true, SOCKS: socks}),
	}
}

func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// write fills in the form.
func (v *visitor) write(p *browser.Page, d *servertest.Drop) {
	v.t.Helper()
	v.must(p.Open(d.URL + "/write"))
	v.must(p.Select("#f-tempat", "73"))
	v.must(p.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "lisan", "camat", "mengalami", "banyak"} {
		v.must(p.Hit("input[value=" + box + "]"))
	}
	v.must(p.Fill("#f-uraian", told))
}

// tapJS presses the button and waits until the words are in the page.
const tapJS = `new Promise(done => {
	new MutationObserver(() => {
		if (document.querySelectorAll(".words li").length === 12) done()
	}).observe(document.body, { childList: true, subtree: true })
	document.querySelector("form#write > button:last-of-type").click()
})`

// sealed takes the time from the tap until the words are there, sealed in the browser.
func (v *visitor) sealed(p *browser.Page, d *servertest.Drop) time.Duration {
	v.t.Helper()
	v.write(p, d)
	v.must(p.Until(`document.querySelector(".sealing[data-key=text]").textContent.includes("perangkat Anda")`))
	start := time.Now()
	v.must(p.Evaluate(tapJS, nil))
	return time.Since(start)
}

// postJS sends as many bytes as a sealed text has, as the script does.
const postJS = `fetch("/v1/items", {
	method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: new Uint8Array(%d),
	credentials: "omit", cache: "no-store",
}).then(async answer => { await answer.text(); if (!answer.ok) throw answer.status; return 0 })`

// sealedLimit is the same way without sealing, and to a server that does nothing.
func (v *visitor) sealedLimit() time.Duration {
	v.t.Helper()
	v.must(v.script.Open(v.o.bare.URL + "/write"))
	size := len(sealText(v.t, v.o.direct, receipt.New(), 0).parcel())
	post := fmt.Sprintf(postJS, size)
	start := time.Now()
	v.must(v.script.Evaluate(post, nil))
	return time.Since(start)
}

// formed is sealed where scripts do not run: the server seals, and a page comes.
func (v *visitor) formed(p *browser.Page, d *servertest.Drop) time.Duration {
	v.t.Helper()
	v.write(p, d)
	var start time.Time
	v.must(p.Follow(func() error {
		start = time.Now()
		return p.Evaluate(`document.querySelector("form#write > button:last-of-type").click()`, nil)
	}))
	took := time.Since(start)
	v.code(p)
	return took
}

// code reads the words that a page shows.
func (v *visitor) code(p *browser.Page) receipt.Code {
	v.t.Helper()
	words, err := p.Texts(".words li")
	v.must(err)
	reading, err := receipt.Parse(strings.Join(words, " "))
	v.must(err)
	return reading.Code
}

// reaches holds that what was told is in the store, and that a reviewer opens it.
func (v *visitor) reaches(code receipt.Code) {
	v.t.Helper()
	d := v.o.direct
	id := code.ItemID(0)
	slots, err := d.Inbox.Store.Slots(id)
	v.must(err)
	payload, err := d.Inbox.Store.Payload(id)
	v.must(err)
	defer payload.Close()
	e, err := item.OpenSlot(slots[0], d.Reviewers[0].SlotIdentities()...)
	v.must(err)
	refuse := func(item.File, io.Reader) error { return fmt.Errorf("it has a file") }
	o, err := item.Open(payload, e, item.Expect{ID: id, Roster: d.Roster, Slots: slots}, refuse)
	v.must(err)
	if o.Text != told {
		v.t.Errorf("reviewers read %q", o.Text)
	}
}

// TestFromTapToReceiptOverTor goes the way of the benchmark once: in both browsers,
// with script and without, through a private Tor network, up to the reviewers.
func TestFromTapToReceiptOverTor(t *testing.T) {
	o := newVisited(t)
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			v := arrive(t, o, kind.start)
			t.Logf("with script %v", v.sealed(v.script, o.drop))
			var secure, there bool
			v.must(v.script.Evaluate("isSecureContext && !!crypto.subtle", &secure))
			v.must(v.script.Evaluate(`location.host.endsWith(".onion")`, &there))
			if secure != kind.secure || !there {
				t.Errorf("the page is secure: %t, and at an onion address: %t", secure, there)
			}
			v.reaches(v.code(v.script))
			t.Logf("without %v", v.formed(v.form, o.drop))
			v.reaches(v.code(v.form))
			t.Logf("bare %v and %v", v.sealedLimit(), v.formed(v.form, o.bare))
		})
	}
}

// BenchmarkReceiptOverTor takes the time from the tap on "send" until the twelve words
// are there, through a private Tor network, by one circuit: sealed in the browser, and
// beside it a bare request of as many bytes by the same browser; and by the form
// without script, beside the same form to a handler that answers the same page. On
// loopback, without Tor, what is left is sealing, the server and its disk.
func BenchmarkReceiptOverTor(b *testing.B) {
	rounds := limittest.Size(10, 1)
	o := newVisited(b)
	for _, kind := range kinds {
		b.Run(kind.name, func(b *testing.B) {
			v := arrive(b, o, kind.start)
			local, localForm := kind.start(b, browser.Options{JavaScript: true}), kind.start(b, browser.Options{})
			times := map[string][]time.Duration{}
			note := func(unit string, took time.Duration) { times[unit] = append(times[unit], took) }
			for b.Loop() {
				for range rounds {
					note("ms", v.sealed(v.script, o.drop))
					note("limit-ms", v.sealedLimit())
					note("form-ms", v.formed(v.form, o.drop))
					note("form-limit-ms", v.formed(v.form, o.bare))
					note("loopback-ms", v.sealed(local, o.direct))
					note("form-loopback-ms", v.formed(localForm, o.direct))
				}
			}
			b.ReportMetric(0, "ns/op")
			reportMedians(b, times)
		})
	}
}

// reportMedians reports the medians, and what is left of each way's.
func reportMedians(b *testing.B, times map[string][]time.Duration) {
	median := map[string]float64{}
	for unit, all := range times {
		slices.Sort(all)
		median[unit] = float64(all[len(all)/2].Microseconds()) / 1e3
		b.ReportMetric(median[unit], unit)
	}
	b.ReportMetric(median["limit-ms"]/median["ms"], "of-limit")
	b.ReportMetric(median["form-limit-ms"]/median["form-ms"], "form-of-limit")
}
