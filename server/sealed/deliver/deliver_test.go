package deliver_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"saksi/crypto/hybrid"
	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/sealed/deliver"
	"saksi/server/servertest"
)

const text = "isi kesaksian yang disegel sendiri"

// seal seals as a program does.
func seal(t *testing.T, d *servertest.Drop, code receipt.Code, n int, c item.Content) *item.Sealed {
	t.Helper()
	circle, err := d.Inbox.Circle()
	if err != nil {
		t.Fatal(err)
	}
	c.Language = "id"
	sealed, err := item.Seal(circle, code, n, c)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func file(content []byte) item.Content {
	return item.Content{Kind: item.Attachment, File: bytes.NewReader(content), Size: int64(len(content)), Name: "a.pdf"}
}

// random is a file that no other test has.
func random(size int) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// sender is one that does not wait.
func sender(d *servertest.Drop, through http.RoundTripper) *deliver.Sender {
	return &deliver.Sender{
		Client: &http.Client{Transport: through}, URL: d.URL, Slice: 100_000,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

// opens holds that every reviewer opens an item, and returns its text or file.
func opens(t *testing.T, d *servertest.Drop, code receipt.Code, n int) (content string) {
	t.Helper()
	id := code.ItemID(n)
	kept, err := d.Inbox.Store.Slots(id)
	if err != nil {
		t.Fatal(err)
	}
	for r, slot := range kept {
		e, err := item.OpenSlot(slot, d.Reviewers[r].SlotIdentities()...)
		if err != nil {
			t.Fatalf("reviewer %d: %v", r, err)
		}
		content = open(t, d, id, e, kept)
	}
	return content
}

func open(t *testing.T, d *servertest.Drop, id receipt.ItemID, e *hybrid.Identity, kept [][]byte) (content string) {
	t.Helper()
	payload, err := d.Inbox.Store.Payload(id)
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	o, err := item.Open(payload, e, item.Expect{ID: id, Roster: d.Roster, Slots: kept},
		func(_ item.File, r io.Reader) error {
			b, err := io.ReadAll(r)
			content = string(b)
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	return content + o.Text
}

func stand(t *testing.T, d *servertest.Drop, code receipt.Code, n int) parcel.Stand {
	t.Helper()
	states, err := d.Inbox.States(code.ItemIDs())
	if err != nil {
		t.Fatal(err)
	}
	return states[n].Stand
}

// TestTextAndFileArrive: what was delivered is there, opens for every reviewer, and
// delivered once more it is there once.
func TestTextAndFileArrive(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	code, content := receipt.New(), random(450_000)
	s := sender(d, nil)
	var told []int64
	s.Progress = func(now, size int64) { told = append(told, now, size) }
	for n, c := range []item.Content{{Kind: item.Testimony, Text: text}, file(content)} {
		head, payload := carried(t, seal(t, d, code, n, c))
		for _, want := range []deliver.Outcome{deliver.Kept, deliver.Again} {
			if got, err := s.SendParcel(t.Context(), head, payload); err != nil || got != want {
				t.Fatalf("item %d: %v, %v, want %v", n, got, err, want)
			}
		}
	}
	if opens(t, d, code, 0) != text || opens(t, d, code, 1) != string(content) {
		t.Error("something else arrived")
	}
	if last := len(told) - 2; last < 8 || told[last] != told[last+1] || !slices.IsSortedFunc(told[:2], func(a, b int64) int { return int(a - b) }) {
		t.Errorf("progress: %v", told)
	}
	if log := d.Log.String(); strings.Contains(log, code.ItemID(0).String()) || strings.Contains(log, "ERROR") {
		t.Errorf("the log has %q", log)
	}
}

// carried is an item that can be sent twice.
func carried(t *testing.T, s *item.Sealed) (parcel.Head, func(io.Writer) (int64, error)) {
	t.Helper()
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	head := parcel.Head{ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size}
	return head, func(w io.Writer) (int64, error) {
		return bytes.NewReader(payload.Bytes()).WriteTo(w)
	}
}

// TestANumberThatIsTakenIsRefused at once: nil would say that what was not kept is.
func TestANumberThatIsTakenIsRefused(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	code := receipt.New()
	s := sender(d, nil)
	s.Failed = func(err error) { t.Errorf("it is tried again after %v", err) }
	for n, c := range []func(string) item.Content{
		func(text string) item.Content { return item.Content{Kind: item.Message, Text: text} },
		func(text string) item.Content { return file(bytes.Repeat([]byte(text), 50_000)) },
	} {
		if _, err := s.Send(t.Context(), seal(t, d, code, n, c("pertama"))); err != nil {
			t.Fatal(err)
		}
		var refused *deliver.Refused
		_, err := s.Send(t.Context(), seal(t, d, code, n, c("kedua")))
		if !errors.As(err, &refused) || refused.Name != "file_number_used" || refused.Status != http.StatusConflict {
			t.Errorf("item %d: %v, want a refusal", n, err)
		}
		if !strings.HasPrefix(opens(t, d, code, n), "pertama") {
			t.Errorf("item %d: the first is not there any more", n)
		}
	}
}

// A weakLine breaks requests, half of them before they reach the server, half
// after, when the answer is lost; and cuts bodies in the middle.
type weakLine struct {
	mu     sync.Mutex
	rng    *rand.Rand
	broken int
}

func (w *weakLine) draw(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rng.IntN(n)
}

var errLine = errors.New("the line is broken")

func (w *weakLine) RoundTrip(r *http.Request) (*http.Response, error) {
	switch w.draw(6) {
	case 0:
		w.broken++
		return nil, errLine
	case 1:
		w.broken++
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return nil, errLine
	case 2:
		if r.ContentLength > 1 && r.Method == http.MethodPatch {
			w.broken++
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, int64(w.draw(int(r.ContentLength)))), failing{}))
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errLine }

// TestAWeakLineLosesNothing: over a line that breaks at every third request, before,
// within and after it, all arrives, once and unchanged.
func TestAWeakLineLosesNothing(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	for seed := range uint64(6) {
		line := &weakLine{rng: rand.New(rand.NewPCG(seed, 7))}
		code, content := receipt.New(), random(900_000)
		_, err := sender(d, line).Send(t.Context(), seal(t, d, code, 0, file(content)))
		if err != nil || opens(t, d, code, 0) != string(content) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if line.broken == 0 {
			t.Errorf("seed %d: the line never broke", seed)
		}
	}
	if uploads, err := d.Inbox.Store.Staged(); err != nil || len(uploads) > 0 {
		t.Errorf("left behind: %v, %v", uploads, err)
	}
}

// TestAnotherSealingIsNotContinued: what an earlier run of the program left under the
// id has another key. Gone on with, it would open for nobody.
func TestAnotherSealingIsNotContinued(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	code, content := receipt.New(), random(300_000)
	ctx, cancel := context.WithCancel(t.Context())
	first := sender(d, nil)
	first.Progress = func(now, _ int64) {
		if now > 100_000 {
			cancel()
		}
	}
	if _, err := first.Send(ctx, seal(t, d, code, 0, file(content))); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
	if uploads, err := d.Inbox.Store.Staged(); err != nil || len(uploads) != 1 || uploads[0].Offset == 0 {
		t.Fatalf("nothing was left: %v, %v", uploads, err)
	}
	if _, err := sender(d, nil).Send(t.Context(), seal(t, d, code, 0, file(content))); err != nil {
		t.Fatal(err)
	}
	if opens(t, d, code, 0) != string(content) {
		t.Error("something else arrived")
	}
}

// TestALostAnswerStaysOpen: once an answer was lost, the item may be kept, whatever is
// said or happens after that; and is not, where no server was ever reached.
func TestALostAnswerStaysOpen(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	full := func(name string) *http.Response {
		return &http.Response{
			StatusCode: http.StatusServiceUnavailable, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(`{"error":"` + name + `"}`)),
		}
	}
	for name, c := range map[string]struct {
		lost   bool
		then   string
		unsure bool
	}{
		"lost, then full":      {true, "store", true},
		"lost, then closed":    {true, "closed", true},
		"lost, then deleted":   {true, "deleted", false},
		"lost, then no answer": {true, "", true},
		"full":                 {false, "store", false},
		"a failed disk":        {false, "disk", true},
	} {
		code := receipt.New()
		s := sender(d, line(func(r *http.Request) (*http.Response, error) {
			if c.lost {
				c.lost = false
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err == nil {
					resp.Body.Close()
				}
				return nil, errLine
			}
			if c.then == "" {
				return nil, errLine
			}
			return full(c.then), nil
		}))
		kept := c.lost
		_, err := s.Send(t.Context(), seal(t, d, code, 0, item.Content{Kind: item.Testimony, Text: text}))
		if unsure := errors.As(err, new(*deliver.Unsure)); err == nil || unsure != c.unsure {
			t.Errorf("%s: %v, unsure is %v", name, err, unsure)
		}
		if kept != (stand(t, d, code, 0) != parcel.Unused) {
			t.Errorf("%s: it is kept: %v", name, !kept)
		}
	}
	s := sender(d, nil)
	s.URL = "http://127.0.0.1:1"
	_, err := s.Send(t.Context(), seal(t, d, receipt.New(), 0, item.Content{Kind: item.Testimony, Text: text}))
	if err == nil || errors.As(err, new(*deliver.Unsure)) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestARefusalEndsIt: what the server says in its own words is not asked again.
func TestARefusalEndsIt(t *testing.T) {
	d := servertest.New(t, servertest.Options{MaxFile: 200_000})
	var refused *deliver.Refused
	_, err := sender(d, nil).Send(t.Context(), seal(t, d, receipt.New(), 0, file(random(900_000))))
	if !errors.As(err, &refused) || refused.Name != "too_large" || refused.Limit != 200_000 || refused.Status != 413 {
		t.Errorf("too large: %v", err)
	}
}

// TestAStrangerIsNoServer: answers of something else, such as a proxy, count as a
// broken line, and never as an item that is kept.
func TestAStrangerIsNoServer(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	status := http.StatusBadGateway
	s := sender(d, answering(func(*http.Request) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("<html>"))}
	}))
	pauses := 0
	s.Pause = func(context.Context, time.Duration) error { pauses++; return nil }
	send := func() error {
		_, err := s.Send(t.Context(), seal(t, d, receipt.New(), 0, item.Content{Kind: item.Message, Text: text}))
		return err
	}
	if err := send(); err == nil || pauses < 10 {
		t.Errorf("%v after %d pauses", err, pauses)
	}
	status = http.StatusOK
	if err := send(); err == nil {
		t.Error("a page of somebody else passes for a receipt")
	}
}

type answering func(*http.Request) *http.Response

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

// dead is a line on which nothing ever comes.
var dead = line(func(*http.Request) (*http.Response, error) { return nil, errLine })

type line func(*http.Request) (*http.Response, error)

func (a line) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

// TestADeadLineSaysWhyAndEnds: from the first try on it is said why, and hours in which
// nothing came end it, however few attempts they were.
func TestADeadLineSaysWhyAndEnds(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	s, now := sender(d, dead), time.Now()
	var told []error
	s.Failed = func(cause error) { told = append(told, cause) }
	s.Now = func() time.Time { now = now.Add(time.Hour); return now }
	s.Pause = func(context.Context, time.Duration) error {
		if len(told) == 0 {
			t.Error("it waits, and has not said why")
		}
		return nil
	}
	_, err := s.Send(t.Context(), seal(t, d, receipt.New(), 0, item.Content{Kind: item.Message, Text: text}))
	if !errors.Is(err, errLine) || len(told) == 0 || len(told) > int(deliver.Patience/time.Hour) || !errors.Is(told[0], errLine) {
		t.Errorf("%v, told %v", err, told)
	}
}

// TestWhatArrivesRenewsThePatience: an upload may last longer than hours, as long as
// some of it arrives.
func TestWhatArrivesRenewsThePatience(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	s, now, requests := sender(d, nil), time.Now(), 0
	s.Client.Transport = line(func(r *http.Request) (*http.Response, error) {
		now = now.Add(deliver.Patience / 4) // a slow line, whose every third request breaks
		if requests++; requests%3 == 0 {
			return nil, errLine
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	s.Now = func() time.Time { return now }
	if _, err := s.Send(t.Context(), seal(t, d, receipt.New(), 0, file(random(450_000)))); err != nil {
		t.Error(err)
	}
}

// TestABusyServerNamesItsPauseWithinBounds: a server that says to come back in a year
// is asked within the hour.
func TestABusyServerNamesItsPauseWithinBounds(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	s := sender(d, answering(func(*http.Request) *http.Response {
		return &http.Response{
			StatusCode: http.StatusTooManyRequests, Header: http.Header{},
			Body: io.NopCloser(strings.NewReader(`{"error":"busy","minutes":525600}`)),
		}
	}))
	var longest time.Duration
	s.Pause = func(_ context.Context, wait time.Duration) error { longest = max(longest, wait); return nil }
	_, err := s.Send(t.Context(), seal(t, d, receipt.New(), 0, item.Content{Kind: item.Message, Text: text}))
	if err == nil || longest != time.Hour {
		t.Errorf("%v, after a pause of %s", err, longest)
	}
}

// TestWhoEndsItIsToldSo: not that the line is broken, which it is because of that.
func TestWhoEndsItIsToldSo(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	s := sender(d, line(func(*http.Request) (*http.Response, error) { cancel(); return nil, errLine }))
	s.Failed = func(cause error) { t.Errorf("told %v", cause) }
	_, err := s.Send(ctx, seal(t, d, receipt.New(), 0, item.Content{Kind: item.Message, Text: text}))
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
