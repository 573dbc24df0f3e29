package main

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// A flood asks as fast as it can, by the circuits of one client. That is a tor of its
// own: what it does to its guards is not to be what others are measured by.
type flood struct {
	client *http.Client
	url    string
	over   context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup

	asked, taken, busy, broken atomic.Int64
	brought                    atomic.Int64 // of files, in bytes
}

func newFlood(t *testing.T, client *http.Client, url string) *flood {
	f := &flood{url: url}
	f.over, f.stop = context.WithCancel(context.Background())
	t.Cleanup(func() { // also when the test fails meanwhile: others run after it
		f.end()
		t.Logf("the flood asked %d times; %d texts were taken, %d requests refused, %d broke",
			f.asked.Load(), f.taken.Load(), f.busy.Load(), f.broken.Load())
	})
	f.client = &http.Client{Transport: until{f.over, client.Transport}}
	return f
}

// until breaks requests off when a context ends.
type until struct {
	context.Context
	http.RoundTripper
}

func (u until) RoundTrip(r *http.Request) (*http.Response, error) {
	return u.RoundTripper.RoundTrip(r.WithContext(u))
}

// begin lets so many do the same until end.
func (f *flood) begin(n int, ask func() (status int, body string)) {
	for range n {
		f.wg.Go(func() {
			for f.over.Err() == nil {
				status, body := ask()
				f.asked.Add(1)
				switch {
				case status == http.StatusTooManyRequests:
					f.busy.Add(1)
				case status == http.StatusOK && strings.Contains(body, `class="words"`):
					f.taken.Add(1)
				case status == 0:
					f.broken.Add(1)
				}
			}
		})
	}
}

func (f *flood) end() {
	f.stop()
	f.wg.Wait()
}

func (f *flood) page() (int, string) {
	return answer(f.client.Get(f.url + "/"))
}

func (f *flood) text() (int, string) {
	return answer(f.client.PostForm(f.url+"/write", servertest.Fields("/write", "code", receipt.New().Field(), "text", "banjir")))
}

func (f *flood) mailbox() (int, string) {
	return answer(f.client.PostForm(f.url+"/open", url.Values{"code": {receipt.New().Field()}}))
}

// file sends 20 MiB of a file, which is made as it is read.
func (f *flood) file() (int, string) {
	const size = 20 << 20
	const head = "--b\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n"
	before := head + receipt.New().Field() + "\r\n--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n0\r\n" +
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n"
	const after = "\r\n--b--\r\n"
	r, err := http.NewRequest("POST", f.url+"/file", io.MultiReader(
		strings.NewReader(before), io.LimitReader(counting{&f.brought}, size), strings.NewReader(after)))
	if err != nil {
		return 0, ""
	}
	r.ContentLength = int64(len(before) + size + len(after))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	return answer(f.client.Do(r))
}

// counting reads zeros, and adds up how many.
type counting struct{ *atomic.Int64 }

func (c counting) Read(b []byte) (int, error) {
	c.Add(int64(len(b)))
	return zeros{}.Read(b)
}

// A visitor is somebody who has to be able to write, to read the words, and to look
// whether there is an answer, in a flood too. A circuit that says nothing for a while
// is given up for another, as a person does: in a network of seven relays now and
// then none is left for the last hop.
type visitor struct {
	*publishedDrop
	try, patience time.Duration
	circuits      int
}

// ask sends a form until the answer has a text in it, and returns how long the
// circuit took by which it came.
func (v *visitor) ask(t *testing.T, path string, values url.Values, want string) time.Duration {
	t.Helper()
	for began := time.Now(); ; {
		begin := time.Now()
		client := v.client.Isolated(rand.Text())
		client.Timeout = v.try
		v.circuits++
		status, body := answer(client.PostForm(v.URL+path, values))
		client.CloseIdleConnections()
		if status == http.StatusOK && strings.Contains(body, want) {
			return time.Since(begin)
		}
		if time.Since(began) > v.patience {
			t.Fatalf("%s: status %d after %v\n%.2000s", path, status, time.Since(began), body)
		}
	}
}

// visits makes n visits and logs how long they took.
func (d *publishedDrop) visits(t *testing.T, when string, n int, try time.Duration) {
	t.Helper()
	v := &visitor{publishedDrop: d, try: try, patience: 4 * time.Minute}
	var writes, reads []time.Duration
	for range n {
		code := receipt.New()
		form := servertest.Fields("/write", "code", code.Field(), "text", "saya")
		writes = append(writes, v.ask(t, "/write", form, code.Words()[11]))
		words := url.Values{"words": {strings.Join(code.Words(), " ")}}
		reads = append(reads, v.ask(t, "/open", words, "menunggu giliran"))
	}
	slices.Sort(writes)
	slices.Sort(reads)
	t.Logf("%s: write to receipt %v (at most %v), look for an answer %v (at most %v), %d visits by %d circuits", when,
		writes[n/2].Round(time.Millisecond), writes[n-1].Round(time.Millisecond),
		reads[n/2].Round(time.Millisecond), reads[n-1].Round(time.Millisecond), n, v.circuits)
}

// TestAFloodFromOneCircuit: pages, texts, mailboxes and large files as fast as one
// circuit brings them keep nobody else from testifying and from reading.
func TestAFloodFromOneCircuit(t *testing.T) {
	d := startOnion(t, newData(t))
	d.visits(t, "before", 5, 20*time.Second)
	f := newFlood(t, torNetwork.Get(t).Client(t).Isolated("flood"), d.URL)
	f.begin(12, f.page)
	f.begin(4, f.text)
	f.begin(4, f.mailbox)
	awaitTrue(t, "the flood to be held back", func() bool { return f.busy.Load() > 25 })
	f.begin(6, f.file) // now, as little else gets past them
	awaitTrue(t, "files to be under way", func() bool { return f.brought.Load() > 4<<20 })
	d.visits(t, "during", 5, 20*time.Second)
	f.end()
	d.visits(t, "after", 5, 20*time.Second)
	if taken := f.taken.Load(); taken > 20 {
		t.Errorf("one circuit brought %d texts", taken)
	}
}

// TestAFloodFromManyCircuits: texts from many circuits come down to the budget of
// the hour; whoever comes by a new circuit still gets hers in, and when the flood
// ends so does the waiting.
func TestAFloodFromManyCircuits(t *testing.T) {
	const perHour = 480 // of which 240 at once, and then one each 7.5 seconds
	d := startOnion(t, newData(t), "-texts-per-hour", "480")
	f := newFlood(t, torNetwork.Get(t).Client(t).Spread(60), d.URL)
	began := time.Now()
	f.begin(30, f.text)
	awaitTrue(t, "the budget to be used up", func() bool { return f.taken.Load() >= perHour/2 })
	d.visits(t, "during", 3, 75*time.Second)
	f.end()
	most := int64(perHour/2) + int64(time.Since(began).Hours()*perHour) + 1
	if taken := f.taken.Load(); taken > most {
		t.Errorf("%d texts were taken in %v, of at most %d", taken, time.Since(began), most)
	}
	d.visits(t, "after", 2, 75*time.Second)
}
