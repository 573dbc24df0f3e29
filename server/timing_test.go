//go:build !race

package server_test

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/inbox"
	"saksi/server/servertest"
	"saksi/server/store"
)

// Invariant 5: whether a code was ever issued, and whether it has answers, shows
// in no answer's time. It is held at two levels. The work of a request must not
// depend on it, because what takes longer than a tick leaves on the next one;
// and what leaves the socket must not.
//
// With enough samples any two things differ, so a difference has to pass twice
// two thresholds: that chance does not explain it (level), and that it is more
// than noise (floor). Chance alone passes once in a million comparisons.
const level = 0.001

// A stopwatch takes the time of one request for a code.
type stopwatch func(code receipt.Code) float64

// A sampling takes one time of each kind.
type sampling func(codes map[string]receipt.Code, kinds []string) map[string]float64

// inTurn takes them one after the other.
func inTurn(watch stopwatch) sampling {
	return func(codes map[string]receipt.Code, kinds []string) map[string]float64 {
		times := map[string]float64{}
		for _, kind := range kinds {
			times[kind] = watch(codes[kind])
		}
		return times
	}
}

// atOnce takes them together, of answers that wait for a tick: whatever disturbs one
// disturbs them all.
func atOnce(watch stopwatch) sampling {
	return func(codes map[string]receipt.Code, kinds []string) map[string]float64 {
		var mu sync.Mutex
		var all sync.WaitGroup
		times := map[string]float64{}
		for _, kind := range kinds {
			all.Go(func() {
				took := watch(codes[kind])
				mu.Lock()
				defer mu.Unlock()
				times[kind] = took
			})
		}
		all.Wait()
		return times
	}
}

// inBlocks takes times of all kinds, in blocks of one request for each kind in
// random order.
func inBlocks(take sampling, codes map[string]receipt.Code, kinds []string, blocks int) map[string][]float64 {
	times := map[string][]float64{}
	for range blocks {
		order := slices.Clone(kinds)
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		runtime.GC()
		for kind, took := range take(codes, order) {
			times[kind] = append(times[kind], took)
		}
	}
	return times
}

// An ear is what tells kinds apart.
type ear struct {
	take   sampling
	blocks int
	parts  []float64 // of the times, the fastest, that are compared
	floor  func(unknown float64) float64
}

// toldApart returns which kinds differ from unknown codes in their work, by more than
// chance and by more than floor.
func toldApart(
	t testing.TB, watch stopwatch, codes map[string]receipt.Code, kinds []string, blocks int,
	floor func(unknown float64) float64,
) (found []string) {
	t.Helper()
	return ear{inTurn(watch), blocks, []float64{0.5}, floor}.tells(t, codes, kinds)
}

// tells returns which kinds differ from unknown codes in two samples that know nothing
// of each other.
func (e ear) tells(t testing.TB, codes map[string]receipt.Code, kinds []string) (found []string) {
	t.Helper()
	if found = e.differ(t, codes, kinds); len(found) == 0 {
		return nil
	}
	t.Logf("once more, as %q differ:", found)
	return e.differ(t, codes, found)
}

func (e ear) differ(t testing.TB, codes map[string]receipt.Code, kinds []string) (found []string) {
	t.Helper()
	times := inBlocks(e.take, codes, append([]string{"unknown"}, kinds...), e.blocks)
	rng := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	for _, kind := range kinds {
		differs := false
		for _, part := range e.parts {
			unknown := fastest(times["unknown"], part)
			c := compare(times["unknown"], times[kind], part, 1999, rng)
			t.Logf("%-20s %8.0f µs, %+7.0f µs (%+.1f %%), p %.4f, of the fastest %.0f %%",
				kind, unknown+c.Shift, c.Shift, 100*c.Shift/unknown, c.P, 100*part)
			differs = differs || c.P <= level && math.Abs(c.Shift) > e.floor(unknown)
		}
		if differs {
			found = append(found, kind)
		}
	}
	return found
}

// ofWork is the floor for work: 5 % of it, which is 0.4 ms. A person's request passes one tick of 250 ms and a jitter of tens of
// milliseconds in tor. Long answers take 2 % more than short ones, to decode and
// to escape, and sixty of them 2 % more, to be found.
func ofWork(unknown float64) float64 { return 0.05 * unknown }

// blocksOfWork are enough to see a leak of a tenth of the work.
const blocksOfWork = 80

// work is a stopwatch for the work of a handler without ticks: the time that the
// thread has the processor, which others who use it disturb least.
func work(t testing.TB, h http.Handler) stopwatch {
	runtime.LockOSThread()
	percent := debug.SetGCPercent(-1) // between blocks only
	t.Cleanup(func() {
		runtime.UnlockOSThread()
		debug.SetGCPercent(percent)
	})
	return func(code receipt.Code) float64 {
		request := openRequest("code=" + code.Field())
		answer := httptest.NewRecorder()
		began := processorTime(t)
		h.ServeHTTP(answer, request)
		took := processorTime(t) - began
		if answer.Code != http.StatusOK || answer.Body.Len() != 40<<10 {
			t.Fatalf("status %d, %d bytes", answer.Code, answer.Body.Len())
		}
		return took
	}
}

func processorTime(t testing.TB) (microseconds float64) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		t.Fatal(err)
	}
	return float64(ts.Nano()) / 1000
}

// withoutTicks returns a drop's handler, whose answers leave when they are ready.
func withoutTicks(t testing.TB, d *servertest.Drop) http.Handler {
	t.Helper()
	limits := server.Production()
	limits.Tick = 0
	s, err := server.New(server.Config{Inbox: d.Inbox, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return s.Reporters()
}

func TestWorkDoesNotTellMailboxesApart(t *testing.T) {
	d := newDrop(t)
	codes := fillMailboxes(t, d)
	found := toldApart(t, work(t, withoutTicks(t, d)), codes, mailboxes()[1:], blocksOfWork, ofWork)
	if len(found) > 0 {
		t.Errorf("the work tells %q from an unknown code", found)
	}
}

// TestWorkLeaksAreFound plants leaks that the test above must find.
func TestWorkLeaksAreFound(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return leakyStore{s} }})
	codes := fillMailboxes(t, d)
	honest := withoutTicks(t, d)
	leaks := map[string]struct {
		handler http.Handler
		kind    string
	}{
		"a store that works on answers":    {honest, "eight answers"},
		"an early answer to unknown codes": {early(t, honest, codes["unknown"]), "silent"},
	}
	for name, leak := range leaks {
		t.Run(name, func(t *testing.T) {
			kinds := []string{leak.kind}
			for range 3 { // a busy disk may hide it once
				if found := toldApart(t, work(t, leak.handler), codes, kinds, blocksOfWork, ofWork); len(found) > 0 {
					return
				}
			}
			t.Error("it is not found")
		})
	}
}

// leakyStore does for each answer a part of what a whole request does.
type leakyStore struct{ store.Store }

func (s leakyStore) Replies(m receipt.Mailbox, pick func([]store.ReplyHead) []int) ([]store.Reply, error) {
	replies, err := s.Store.Replies(m, pick)
	for range replies {
		receipt.New().Keys() // as a reader's, once more: 2 % of the work
	}
	return replies, err
}

// openRequest is a request for a conversation, as it reaches a handler.
func openRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/open", strings.NewReader(body))
	r.Host = "localhost" // by another name there is no conversation
	r.Header.Set("Content-Type", urlencoded)
	return r
}

// early answers one code from memory, as a cache of unknown codes would.
func early(t testing.TB, h http.Handler, known receipt.Code) http.Handler {
	t.Helper()
	request := openRequest("code=" + known.Field())
	kept := httptest.NewRecorder()
	h.ServeHTTP(kept, request)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != request.ContentLength {
			t.Error("another request")
		}
		body := make([]byte, r.ContentLength)
		if _, err := r.Body.Read(body); err != nil {
			t.Error(err)
		}
		if string(body) == "code="+known.Field() {
			_, _ = w.Write(kept.Body.Bytes())
			return
		}
		r.Body = http.NoBody
		again := openRequest(string(body))
		h.ServeHTTP(w, again)
	})
}

// onTheWire is a stopwatch for what leaves the socket: from the request's last
// byte to the answer's last.
func onTheWire(t testing.TB, url string) stopwatch {
	return func(code receipt.Code) float64 {
		began := time.Now()
		resp, err := http.PostForm(url+"/open", map[string][]string{"code": {code.Field()}})
		if err != nil {
			t.Error(err)
			return 0
		}
		defer resp.Body.Close()
		n, err := io.Copy(io.Discard, resp.Body)
		took := time.Since(began)
		if resp.StatusCode != http.StatusOK || n != 40<<10 || err != nil {
			t.Errorf("status %d, %d bytes, %v", resp.StatusCode, n, err)
		}
		return float64(took.Microseconds())
	}
}

// wireEar listens to what leaves. Work that crosses a tick leaves on the next one, be it
// once in two times: so all times are compared, too, not the fastest alone. Answers wait
// for their tick together: so 48 of each kind take twelve seconds. The floor is 3 ms, a
// tenth of tor's jitter.
func wireEar(watch stopwatch) ear {
	return ear{atOnce(watch), 48, []float64{0.5, 1}, func(float64) float64 { return 3000 }}
}

func TestAnswersLeaveAlike(t *testing.T) {
	d := newDrop(t)
	codes := fillMailboxes(t, d)
	kinds := []string{"another unknown", "silent", "eight answers"}
	if found := wireEar(onTheWire(t, d.URL)).tells(t, codes, kinds); len(found) > 0 {
		t.Errorf("what leaves the socket tells %q from an unknown code", found)
	}
}

// TestWireLeaksAreFound plants what the tests of the wire must find, as they are: with
// the ticks of production, and as many requests. An answer that comes from a memory, or
// from an error, leaves before its tick; work may cross a tick, or cross it one time in
// two.
func TestWireLeaksAreFound(t *testing.T) {
	leaky := []string{"silent", "one answer", "eight answers"}
	for surface, wire := range wires() {
		t.Run(surface, func(t *testing.T) {
			t.Parallel()
			wrap := func(s store.Store) store.Store { return &slowStore{Store: s} }
			d := servertest.New(t, servertest.Options{Wrap: wrap})
			codes := fillMailboxes(t, d)
			s := httptest.NewServer(forgetful(t, d, codes["silent"]))
			defer s.Close()
			found := wireEar(wire(t, s.URL)).tells(t, codes, append(leaky, "another unknown"))
			if !slices.Equal(found, leaky) {
				t.Errorf("found are %q, want %q", found, leaky)
			}
		})
	}
}

// wires are the two surfaces that answer for a mailbox.
func wires() map[string]func(testing.TB, string) stopwatch {
	return map[string]func(testing.TB, string) stopwatch{"page": onTheWire, "sealed": sealedOnTheWire}
}

// forgetful answers for all codes on a tick but for one.
func forgetful(t testing.TB, d *servertest.Drop, but receipt.Code) http.Handler {
	t.Helper()
	s, err := server.New(server.Config{Inbox: d.Inbox, Limits: server.Production()})
	if err != nil {
		t.Fatal(err)
	}
	onTicks, early := s.Reporters(), withoutTicks(t, d)
	page, read := []byte("code="+but.Field()), parcel.NewRequest(but, 0).Bytes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Equal(body, page) || bytes.Equal(body, read) {
			early.ServeHTTP(w, r)
			return
		}
		onTicks.ServeHTTP(w, r)
	})
}

// slowStore works longer than a tick for a single answer, and for a full page of them
// every other time.
type slowStore struct {
	store.Store
	pages atomic.Int64
}

func (s *slowStore) Replies(m receipt.Mailbox, pick func([]store.ReplyHead) []int) ([]store.Reply, error) {
	replies, err := s.Store.Replies(m, pick)
	if len(replies) == 1 || len(replies) == inbox.PageEntries && s.pages.Add(1)%2 == 0 {
		time.Sleep(server.Production().Tick + 50*time.Millisecond)
	}
	return replies, err
}
