//go:build !race

package server_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// sending is a stopwatch for the work of taking a testimony in. With the code of
// exclusion it keeps one reviewer out; the items have codes of their own.
func sending(t testing.TB, d *servertest.Drop, h http.Handler, exclusion receipt.Code) stopwatch {
	runtime.LockOSThread()
	percent := debug.SetGCPercent(-1) // between blocks only
	t.Cleanup(func() {
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
	})
	size := 0
	return func(code receipt.Code) float64 {
		pairs := []string{"code", receipt.New().Field(), "text", strings.Repeat("kesaksian ", 100),
			"roster", d.Roster.Hash.String()}
		if code == exclusion {
			pairs = append(pairs, "skip", "id:r2")
		}
		r := httptest.NewRequest(http.MethodPost, "/write", strings.NewReader(servertest.Fields("/write", pairs...).Encode()))
		r.Host = "localhost"
		r.Header.Set("Content-Type", urlencoded)
		answer := httptest.NewRecorder()
		began := processorTime(t)
		h.ServeHTTP(answer, r)
		took := processorTime(t) - began
		if size == 0 {
			size = answer.Body.Len()
		}
		if answer.Code != http.StatusOK || answer.Body.Len() != size {
			t.Fatalf("status %d, %d bytes, not %d", answer.Code, answer.Body.Len(), size)
		}
		return took
	}
}

// ofSending is the floor: a tenth of some 2 ms. What is left of it is the list of
// those who were excluded on the page, which is padded.
func ofSending(unknown float64) float64 { return 0.1 * unknown }

// TestWorkDoesNotTellAnExclusion: neither the work nor the size of the answer tells
// who watches the line whether somebody was kept out.
func TestWorkDoesNotTellAnExclusion(t *testing.T) {
	d := newDrop(t)
	codes := map[string]receipt.Code{"unknown": receipt.New(), "excluding": receipt.New()}
	watch := sending(t, d, withoutTicks(t, d), codes["excluding"])
	if found := toldApart(t, watch, codes, []string{"excluding"}, blocksOfWork, ofSending); len(found) > 0 {
		t.Error("the work tells that somebody was excluded")
	}
}

// TestWorkThatTellsAnExclusionIsFound plants what the test above must find.
func TestWorkThatTellsAnExclusionIsFound(t *testing.T) {
	d := newDrop(t)
	codes := map[string]receipt.Code{"unknown": receipt.New(), "excluding": receipt.New()}
	honest := withoutTicks(t, d)
	leaky := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > plainLength(d) {
			for range 20 {
				receipt.New().Keys()
			}
		}
		honest.ServeHTTP(w, r)
	})
	watch := sending(t, d, leaky, codes["excluding"])
	if found := toldApart(t, watch, codes, []string{"excluding"}, blocksOfWork, ofSending); len(found) == 0 {
		t.Error("it is not found")
	}
}

// plainLength is how long a form is that excludes nobody.
func plainLength(d *servertest.Drop) int64 {
	pairs := []string{"code", receipt.New().Field(), "text", strings.Repeat("kesaksian ", 100),
		"roster", d.Roster.Hash.String()}
	form := url.Values(servertest.Fields("/write", pairs...))
	return int64(len(form.Encode()))
}
