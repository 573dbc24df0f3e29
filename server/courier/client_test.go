package courier

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"saksi/crypto/fuzztest"
	"saksi/crypto/receipt"
	"saksi/server/inbox"
)

// A broken store is one of a disk that lost items.
type broken struct {
	*inbox.Inbox
	damaged []receipt.ItemID
}

func (b broken) Bundle(w io.Writer) ([]receipt.ItemID, error) {
	_, err := io.WriteString(w, "bundle")
	return b.damaged, err
}

// TestManyDamagedItemsAreNamed: when the disk lost many, the rest still comes out of a
// running server.
func TestManyDamagedItemsAreNamed(t *testing.T) {
	e := echo.New()
	e.GET("/v1/bundle", (&Handler{Operations: broken{damaged: make([]receipt.ItemID, maxDamaged+1)}}).Bundle)
	dir := t.TempDir()
	l, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: e}
	go server.Serve(l)
	defer server.Close()
	c, err := NewClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	var bundle bytes.Buffer
	damaged, err := c.Bundle(&bundle)
	if err != nil || len(damaged) != maxDamaged || bundle.String() != "bundle" {
		t.Errorf("%d damaged items, bundle %q: %v", len(damaged), &bundle, err)
	}
}

type line func(*http.Request) (*http.Response, error)

func (l line) RoundTrip(r *http.Request) (*http.Response, error) { return l(r) }

// answering is a client of a server with this answer.
func answering(status int, body io.Reader) *Client {
	return &Client{http.Client{Transport: line(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Body: io.NopCloser(body)}, nil
	})}}
}

// FuzzClient: whatever answers on the socket, it is taken in within bounds, or refused.
func FuzzClient(f *testing.F) {
	f.Add(200, `{"origin":"uji.saksi","confirmed":{"r1":1}}`)
	f.Add(200, `["a","b"]`)
	f.Add(200, `{"batch":`+strings.Repeat("1", 3000)+`}`)
	f.Add(200, "["+strings.Repeat(`"",`, 20_000)+`""]`)
	f.Add(200, strings.Repeat("[", 20_000))
	f.Add(409, `{"error":"`+strings.Repeat("a", 70_000)+`"}`)
	f.Add(500, "<html>")
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 128}
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, ask := range []func(*Client) error{
			func(c *Client) error { _, err := c.Status(); return err },
			func(c *Client) error { _, err := c.Check(); return err },
			func(c *Client) error { _, err := c.Close(); return err },
			func(c *Client) error { _, err := c.Import(nil); return err },
			func(c *Client) error { _, err := c.Couriers(); return err },
		} {
			var err error
			bound.Check(t, len(body), func() { err = ask(answering(status, strings.NewReader(body))) })
			switch {
			case err == nil && status != http.StatusOK:
				t.Errorf("%d passes for a yes", status)
			case err != nil && status == http.StatusOK:
				fuzztest.Refused(t, err)
			}
		}
	})
}

// TestLargeAnswersAreRefused: in the memory that the largest one takes.
func TestLargeAnswersAreRefused(t *testing.T) {
	large := `["` + strings.Repeat("a", 4*maxAnswer) + `"]`
	fuzztest.Bound{Base: 8 * maxAnswer}.Check(t, 0, func() {
		if _, err := answering(http.StatusOK, strings.NewReader(large)).Check(); err == nil {
			t.Error("an answer of 64 MiB was taken")
		}
	})
}

// FuzzDamaged: what names the items that were left out has one spelling.
func FuzzDamaged(f *testing.F) {
	one := receipt.ItemID{1}.String()
	for _, text := range []string{"", one, one + " " + one, one + "  " + one, one + " ", " " + one, "x", strings.ToUpper(one)} {
		f.Add(text)
	}
	bound := fuzztest.Bound{Base: 2 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, text string) { fuzztest.Canonical(t, bound, text, parseDamaged, formatDamaged) })
}

// FuzzRangeFrom: a courier asks for the rest of a bundle in one spelling, and from a
// byte that can be.
func FuzzRangeFrom(f *testing.F) {
	for _, text := range []string{
		"bytes=5-", "bytes=05-", "bytes=+5-", "bytes=-5", "bytes=5-9", "bytes=5", "5-", "bytes=", "bytes=4611686018427387904-",
		"bytes=4611686018427387903-", "bytes=5-,7-", "bytes=bytes=5-", "bytes=5--",
	} {
		f.Add(text)
	}
	bound := fuzztest.Bound{Base: 1 << 10, PerByte: 4}
	f.Fuzz(func(t *testing.T, text string) {
		var from int64
		var ok bool
		bound.Check(t, len(text), func() { from, ok = rangeFrom(text) })
		if ok && (from < 0 || formatRange(from) != text) {
			t.Errorf("%q is read as %d", text, from)
		}
	})
}
