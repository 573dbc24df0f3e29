package recorder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A world is a server behind a recorder. The server keeps how much of each request
// it got, and says that back.
type world struct {
	*Recorder
	t      *testing.T
	server *httptest.Server
	mu     sync.Mutex
	got    []string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	w.Recorder = New(t, w.server.URL)
	return w
}

func (w *world) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.mu.Lock()
	w.got = append(w.got, fmt.Sprintf("%s %s %d %v", r.Method, r.RequestURI, len(body), err == nil))
	w.mu.Unlock()
	out.Header().Set("X-Answer", "ya")
	out.Header().Set("X-Seen", r.Header.Get("X-Seen")+"|"+r.Host)
	out.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(out, "got %d bytes", len(body))
}

// send makes a request and returns what came of it.
func (w *world) send(method, path, body string) (string, error) {
	req, err := http.NewRequest(method, w.URL()+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Seen", "ya")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s %s", resp.StatusCode, resp.Header.Get("X-Answer"), answer), err
}

// want sends a request that must arrive.
func (w *world) want(method, path, body, want string) {
	w.t.Helper()
	if got, err := w.send(method, path, body); err != nil || got != want {
		w.t.Errorf("%s %s: got %q (%v), want %q", method, path, got, err, want)
	}
}

// arrived waits until the last that the server got is as it should be.
func (w *world) arrived(is func(last string) bool) {
	w.t.Helper()
	err := w.Until(func([]Exchange) bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.got) > 0 && is(w.got[len(w.got)-1])
	})
	if err != nil {
		w.t.Errorf("the server got %q last", w.got)
	}
}

func exactly(want string) func(string) bool { return func(last string) bool { return last == want } }

// TestEverythingIsKept: an exchange has all that was said, as it was said.
func TestEverythingIsKept(t *testing.T) {
	w := newWorld(t)
	w.want("PUT", "/a%2fb?c=d%20e", "isi", "202 ya got 3 bytes")
	w.want("HEAD", "/x", "", "202 ya ")
	all := w.Exchanges()
	if len(all) != 2 {
		t.Fatalf("%d exchanges", len(all))
	}
	e := all[0]
	if e.Method != "PUT" || e.URL != "/a%2fb?c=d%20e" || string(e.Body) != "isi" || e.Header.Get("X-Seen") != "ya" {
		t.Errorf("the request is %+v", e)
	}
	if e.Answer.Status != 202 || e.Answer.Header.Get("X-Answer") != "ya" || string(e.Answer.Body) != "got 3 bytes" {
		t.Errorf("the answer is %+v", e.Answer)
	}
	host := strings.TrimPrefix(w.URL(), "http://")
	if e.Header.Get("Host") != host || e.Answer.Header.Get("X-Seen") != "ya|"+host {
		t.Errorf("the host is %q, and to the server %q", e.Header.Get("Host"), e.Answer.Header.Get("X-Seen"))
	}
	if len(w.Matching("HEAD /x")) != 1 || len(w.Matching("/")) != 2 || len(w.Matching("PUT /x")) != 0 {
		t.Error("patterns do not match")
	}
	w.Forget()
	if len(w.Exchanges()) != 0 {
		t.Error("something is left")
	}
}

// TestCutInRequest: the server gets a part, and the browser no answer.
func TestCutInRequest(t *testing.T) {
	w := newWorld(t)
	cut := w.When("PATCH /up/", Fault{Skip: 1, Times: 1, Cut: InRequest, After: 40_000})
	body := strings.Repeat("x", 100_000)
	w.want("PATCH", "/up/1", body, "202 ya got 100000 bytes")
	if _, err := w.send("PATCH", "/up/1", body); err == nil {
		t.Error("a request that was cut was answered")
	}
	if kept := w.Matching("PATCH /up/"); len(kept) != 2 || len(kept[1].Body) != 40_000 || kept[1].Answer.Status != 0 {
		t.Errorf("%d requests, with %d bytes", len(kept), len(kept[1].Body))
	}
	w.arrived(func(last string) bool {
		return strings.HasPrefix(last, "PATCH /up/1 ") && strings.HasSuffix(last, " false")
	})
	w.want("PATCH", "/up/1", "x", "202 ya got 1 bytes")
	if err := cut.Wait(1); err != nil || cut.Met() != 1 {
		t.Errorf("met %d (%v)", cut.Met(), err)
	}
}

// TestLostAnswer: the server has taken what the browser knows nothing of.
func TestLostAnswer(t *testing.T) {
	w := newWorld(t)
	w.When("/", Fault{Times: 1, Cut: BeforeAnswer})
	if _, err := w.send("POST", "/a", "isi"); err == nil {
		t.Error("the answer came")
	}
	w.arrived(exactly("POST /a 3 true"))
	w.want("POST", "/a", "isi", "202 ya got 3 bytes")
}

// TestCutInAnswer: the head of the answer comes, and some of its body.
func TestCutInAnswer(t *testing.T) {
	w := newWorld(t)
	fault := w.When("/", Fault{Cut: InAnswer, After: 4})
	if got, err := w.send("POST", "/a", "isi"); !errors.Is(err, io.ErrUnexpectedEOF) || got != "202 ya got " {
		t.Errorf("got %q, %v", got, err)
	}
	fault.End()
	w.want("POST", "/a", "isi", "202 ya got 3 bytes")
}

// TestAnswersOfTheTests: in the server's place, and changed.
func TestAnswersOfTheTests(t *testing.T) {
	w := newWorld(t)
	w.When("/in-place", Fault{Answer: &Answer{409, http.Header{"X-Answer": {"tidak"}}, []byte("lain")}})
	w.want("POST", "/in-place", "isi", "409 tidak lain")
	if len(w.got) > 0 {
		t.Errorf("the server was asked: %q", w.got)
	}
	if kept := w.Exchanges(); string(kept[0].Body) != "isi" {
		t.Errorf("kept %q", kept[0].Body)
	}
	w.When("/changed", Fault{Change: func(a *Answer) {
		a.Status, a.Body = 200, bytes.ToUpper(append(a.Body, " dan lagi"...))
	}})
	w.want("POST", "/changed", "isi", "200 ya GOT 3 BYTES DAN LAGI")
	if kept := w.Matching("/changed"); string(kept[0].Answer.Body) != "got 3 bytes" {
		t.Errorf("kept %q: what the server said is what is searched", kept[0].Answer.Body)
	}
}

// TestHeldRequests wait until they may pass.
func TestHeldRequests(t *testing.T) {
	w := newWorld(t)
	gate := make(chan struct{})
	fault := w.When("POST /a", Fault{Hold: gate})
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.want("POST", "/a", "isi", "202 ya got 3 bytes")
	}()
	if err := fault.Wait(1); err != nil {
		t.Fatal(err)
	}
	w.want("GET", "/b", "", "202 ya got 0 bytes")
	w.arrived(exactly("GET /b 0 true"))
	close(gate)
	<-done
}

// TestDownAndBack: nothing answers, and then it does, at the same address; and what
// was under way is cut.
func TestDownAndBack(t *testing.T) {
	w := newWorld(t)
	held := w.When("/held", Fault{Hold: make(chan struct{})})
	cut := make(chan error)
	go func() {
		_, err := w.send("POST", "/held", "isi")
		cut <- err
	}()
	if err := held.Wait(1); err != nil {
		t.Fatal(err)
	}
	w.Down()
	if err := <-cut; err == nil {
		t.Error("what was under way was answered")
	}
	if _, err := w.send("GET", "/", ""); err == nil {
		t.Error("it is down and answers")
	}
	before := w.URL()
	w.Back()
	if w.want("GET", "/", "", "202 ya got 0 bytes"); w.URL() != before {
		t.Errorf("it came back at %s, not %s", w.URL(), before)
	}
	other := newWorld(t)
	w.Forward(other.server.URL)
	w.want("GET", "/other", "", "202 ya got 0 bytes")
	other.arrived(exactly("GET /other 0 true"))
}
