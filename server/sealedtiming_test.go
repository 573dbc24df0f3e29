//go:build !race

package server_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
	"saksi/server/store"
)

// These hold the mailbox of the sealed surface to invariant 5, as timing_test.go
// holds the page. The work here is less, as nothing is opened, and its floor is the
// same 0.4 ms: what a tick of 250 ms and tor's jitter hide does not depend on the
// rest of the work.
func ofSealedWork(float64) float64 { return 400 }

// sealedWork is a stopwatch for the work of a read request without ticks.
func sealedWork(t testing.TB, h http.Handler) stopwatch {
	runtime.LockOSThread()
	percent := debug.SetGCPercent(-1) // between blocks only
	t.Cleanup(func() {
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
	})
	return func(code receipt.Code) float64 {
		request := readRequest(parcel.NewRequest(code, 0).Bytes())
		answer := httptest.NewRecorder()
		began := processorTime(t)
		h.ServeHTTP(answer, request)
		took := processorTime(t) - began
		if answer.Code != http.StatusOK || answer.Body.Len() != parcel.AnswerSize() {
			t.Fatalf("status %d, %d bytes", answer.Code, answer.Body.Len())
		}
		return took
	}
}

// readRequest is a request for a mailbox, as it reaches a handler.
func readRequest(body []byte) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/v1/mailbox", bytes.NewReader(body))
	r.Host = "localhost"
	r.Header.Set("Content-Type", octets)
	return r
}

func TestSealedWorkDoesNotTellMailboxesApart(t *testing.T) {
	d := newDrop(t)
	codes := fillMailboxes(t, d)
	found := toldApart(t, sealedWork(t, withoutTicks(t, d)), codes, mailboxes()[1:], blocksOfWork, ofSealedWork)
	if len(found) > 0 {
		t.Errorf("the work tells %q from an unknown code", found)
	}
}

// TestSealedWorkLeaksAreFound plants leaks that the test above must find.
func TestSealedWorkLeaksAreFound(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return leakyStore{s} }})
	codes := fillMailboxes(t, d)
	honest := withoutTicks(t, d)
	for name, leak := range map[string]struct {
		handler http.Handler
		kind    string
	}{
		"a store that works on answers":    {honest, "eight answers"},
		"an early answer to unknown codes": {earlyRead(t, honest, codes["unknown"]), "silent"},
	} {
		t.Run(name, func(t *testing.T) {
			kinds := []string{leak.kind}
			if found := toldApart(t, sealedWork(t, leak.handler), codes, kinds, blocksOfWork, ofSealedWork); len(found) == 0 {
				t.Error("it is not found")
			}
		})
	}
}

// earlyRead answers one code from memory.
func earlyRead(t testing.TB, h http.Handler, known receipt.Code) http.Handler {
	t.Helper()
	first := parcel.NewRequest(known, 0).Bytes()
	kept := httptest.NewRecorder()
	h.ServeHTTP(kept, readRequest(first))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if bytes.Equal(body, first) {
			_, _ = w.Write(kept.Body.Bytes())
			return
		}
		h.ServeHTTP(w, readRequest(body))
	})
}

// sealedOnTheWire is a stopwatch for what leaves the socket, and holds that the
// answers differ in nothing but what is sealed and said in them.
func sealedOnTheWire(t testing.TB, url string) stopwatch {
	return func(code receipt.Code) float64 {
		body := parcel.NewRequest(code, 0).Bytes()
		began := time.Now()
		resp, err := http.Post(url+"/v1/mailbox", octets, bytes.NewReader(body))
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		took := time.Since(began)
		if resp.StatusCode != http.StatusOK || int(n) != parcel.AnswerSize() || err != nil {
			t.Errorf("status %d, %d bytes, %v", resp.StatusCode, n, err)
		}
		return float64(took.Microseconds())
	}
}

// TestSealedAnswersLeaveAlike: TestWireLeaksAreFound plants what it must find.
func TestSealedAnswersLeaveAlike(t *testing.T) {
	d := newDrop(t)
	codes := fillMailboxes(t, d)
	kinds := []string{"silent", "eight answers"}
	if found := wireEar(sealedOnTheWire(t, d.URL)).tells(t, codes, kinds); len(found) > 0 {
		t.Errorf("what leaves the socket tells %q from an unknown code", found)
	}
}
