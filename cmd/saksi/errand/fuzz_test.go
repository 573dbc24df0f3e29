package errand

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
	"saksi/crypto/onionname"
	"saksi/crypto/pass"
	"saksi/server/inbox"
)

// FuzzAnswer: whatever a server answers to a courier, it is taken in within bounds, or
// refused in words that a terminal can show.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "", `[{"sequence":1,"items":2,"desks":{"r1":true}}]`)
	f.Add(200, "", `{"reviewer":"r1","canaries":"\u001b[2J"}`)
	f.Add(200, "", "["+strings.Repeat("{},", 20_000)+"{}]")
	f.Add(200, "", strings.Repeat("[", 20_000))
	f.Add(400, "", `{"error":"\u202e\u001b[2J`+strings.Repeat("a", 3000)+`"}`)
	f.Add(401, "9223372036854775807", "")
	f.Add(400, "-9223372036854775808", "")
	f.Add(400, "253402300800", "")
	f.Add(503, "", "<html>")
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 128}
	f.Fuzz(func(t *testing.T, status int, clock, body string) {
		c := &Courier{Now: func() time.Time { return time.Unix(0, 0) }}
		for _, value := range []any{&[]inbox.BatchState{}, &inbox.Imported{}} {
			var err error
			bound.Check(t, len(clock)+min(len(body), maxAnswer), func() {
				err = c.read(&http.Response{
					StatusCode: status, Header: http.Header{pass.HeaderTime: {clock}}, Body: io.NopCloser(strings.NewReader(body)),
				}, value)
			})
			if err != nil {
				fuzztest.Refused(t, err)
			} else if status != http.StatusOK {
				t.Errorf("%d passes for a yes", status)
			}
		}
	})
}

// FuzzRange: what a server says of a piece is taken in its one spelling, and only if it
// goes on where this machine stands.
func FuzzRange(f *testing.F) {
	const tag = "0123456789abcdef0123456789abcdef"
	for _, text := range []string{
		"bytes 5-9/10", "bytes */5", "bytes */4", "bytes */-1", "bytes */+5", "bytes */05", "bytes 5-9/10 ", "bytes 5-9/+10",
		"bytes 05-9/10", "bytes 5--1/0", "bytes 5-9223372036854775806/9223372036854775807", "bytes 4-9/10", "bytes 5-8/10",
		"bytes */9223372036854775808", "",
	} {
		f.Add(int64(5), `"`+tag+`"`, text)
	}
	f.Add(int64(5), tag, "bytes 5-9/10")
	bound := fuzztest.Bound{Base: 32 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, have int64, etag, text string) {
		if have <= 0 {
			return
		}
		on, whole := &partial{tag: tag, have: have}, &partial{tag: tag, have: have}
		var onErr, wholeErr error
		bound.Check(t, len(etag)+len(text), func() {
			said, err := tagOf(&http.Response{Header: http.Header{"Etag": {etag}}})
			if onErr = err; err == nil {
				onErr = on.goOn(said, text)
			}
			wholeErr = whole.complete(text)
		})
		if onErr != nil {
			fuzztest.Refused(t, onErr, ErrServer)
		} else if etag != `"`+tag+`"` || on.size <= have || fmt.Sprintf("bytes %d-%d/%d", have, on.size-1, on.size) != text {
			t.Errorf("%q goes on at %d with %d", text, have, on.size)
		}
		if wholeErr != nil {
			fuzztest.Refused(t, wholeErr, ErrServer)
		} else if whole.size <= 0 || whole.size > have || fmt.Sprintf("bytes */%d", whole.size) != text {
			t.Errorf("%q says that %d are all, of %d", text, whole.size, have)
		}
	})
}

// FuzzParseAddress: what is taken for an address is on this machine, or an onion
// service, and is the same when it is read again.
func FuzzParseAddress(f *testing.F) {
	onion := strings.Repeat("a", 56) + ".onion"
	for _, text := range []string{
		"http://127.0.0.1:8800", "127.0.0.1:8800", "http://127.0.0.1", "http://[::1]:80/", "http://" + onion + "/#abcd-efgh", "HTTP://127.1:80",
		"http://user@127.0.0.1:80", "http://127.0.0.1:80@evil.example", "http://[::1%25eth0]:80", "http://[::ffff:127.0.0.1]:80",
		"http://0177.0.0.1:80", "http://localhost:80", "https://127.0.0.1:80", "http://127.0.0.1:99999", "http://127.0.0.1:80/?a",
		"http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion/#a",
		"http://2GZYXA5IHM7NSGGFXNU52RCK2VV4RVMDLKIU3ZZUI5DU4XYCLEN53WID.onion:80",
	} {
		f.Add(text)
	}
	bound := fuzztest.Bound{Base: 16 << 10, PerByte: 32}
	f.Fuzz(func(t *testing.T, text string) {
		a, ok := fuzztest.Parse(t, bound, text, ParseAddress, ErrAddress)
		if !ok {
			return
		}
		if _, err := onionname.Parse(a.Host); (err == nil) == a.Loopback {
			t.Errorf("%q is at %q, on this machine: %t", text, a.Host, a.Loopback)
		}
		if _, port, err := net.SplitHostPort(a.dial); err != nil || port == "" || !a.Loopback && port != "80" {
			t.Errorf("%q is dialled at %q", text, a.dial)
		}
		again, err := ParseAddress("http://" + a.Host)
		again.Fingerprint = a.Fingerprint
		if err != nil || again != a {
			t.Errorf("%+v is read again as %+v, %v", a, again, err)
		}
	})
}
