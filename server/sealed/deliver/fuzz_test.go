package deliver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saksi/crypto/fuzztest"
	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/roster"
	"saksi/server/store"
)

type line func(*http.Request) (*http.Response, error)

func (l line) RoundTrip(r *http.Request) (*http.Response, error) { return l(r) }

func answerOf(status int, offset, complete string, body io.Reader) *http.Response {
	return &http.Response{
		StatusCode: status, Body: io.NopCloser(body),
		Header: http.Header{"Upload-Offset": {offset}, "Upload-Complete": {complete}},
	}
}

// FuzzAnswer: whatever a server answers, it is a number in its one spelling, or a
// refusal in words that a person can read, or strange; and no pause that it asks for
// is longer than an hour.
func FuzzAnswer(f *testing.F) {
	f.Add(false, 204, "1048576", "?1", "")
	f.Add(true, 404, "", "", "")
	f.Add(false, 429, "", "", `{"error":"busy","minutes":525600}`)
	f.Add(false, 429, "", "", `{"error":"busy","minutes":-9223372036854775808}`)
	f.Add(false, 413, "", "", `{"error":"too_large","limit":-1}`)
	f.Add(false, 409, "", "", `{"error":"`+strings.Repeat("a", 60_000)+`"}`)
	f.Add(false, 503, "", "", `{"error":"\u001b[2J\u202e"}`)
	f.Add(false, 500, "", "", strings.Repeat("[", 20_000))
	f.Add(false, 301, "", "", "<html>")
	for _, number := range []string{"+1", "01", "-1", " 1", "1 ", "-0", "9223372036854775808", "0x1"} {
		f.Add(false, 204, number, "?0", "")
	}
	bound := fuzztest.Bound{Base: 256 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, head bool, status int, offset, complete, body string) {
		method := http.MethodPatch
		if head {
			method = http.MethodHead
		}
		d := &delivery{ctx: t.Context(), Sender: Sender{URL: "http://a"}}
		d.Client = &http.Client{Transport: line(func(*http.Request) (*http.Response, error) {
			return answerOf(status, offset, complete, strings.NewReader(body)), nil
		})}
		var a *answer
		var err error
		bound.Check(t, len(offset)+len(complete)+min(len(body), maxFailure), func() {
			a, err = d.ask(d.ctx, method, "/", "", nil, nil)
		})
		if err != nil {
			holdsRefusal(t, err)
			return
		}
		if offset != "" && strconv.FormatInt(a.offset, 10) != offset || a.offset < 0 || a.complete != (complete == "?1") {
			t.Errorf("%q and %q were read as %+v", offset, complete, a)
		}
		if status < 200 || status > 299 {
			t.Errorf("%d passes for a yes", status)
		}
	})
}

func holdsRefusal(t *testing.T, err error) {
	t.Helper()
	fuzztest.Refused(t, err)
	if wait, _ := waits(err); wait < 0 || wait > time.Hour {
		t.Errorf("%v asks for a pause of %s", err, wait)
	}
}

// A hostile server answers by a script that begins anew when it ends, and notes what
// it was sent.
type hostile struct {
	t        *testing.T
	script   []byte
	at       int
	payload  []byte
	requests int
	most     int // requests, or the test fails
	kept     int // the status of the last answer that said that the item is kept
}

// next is the next byte of the script.
func (h *hostile) next() byte {
	h.at++
	return h.script[(h.at-1)%len(h.script)]
}

func (h *hostile) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.requests++; h.requests > h.most {
		h.t.Fatalf("the delivery does not end: %d requests", h.requests)
	}
	h.kept = 0
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	at, err := strconv.Atoi(r.Header.Get("Upload-Offset"))
	if err == nil {
		if at < 0 || at+len(sent) > len(h.payload) || !bytes.Equal(sent, h.payload[at:at+len(sent)]) {
			h.t.Errorf("%d bytes at %d are not those of the payload", len(sent), at)
		}
	}
	kind := h.next()
	status := []int{200, 201, 204, 400, 404, 409, 429, 500, 503}[kind%9]
	names := []string{"busy", "internal", "upload_cut", "file_number_used", "offset", ""}
	complete := []string{"?0", "?1"}[kind>>7]
	offset := strconv.Itoa(int(h.next()) << 8)
	switch kind >> 5 & 3 {
	case 0:
		return nil, errors.New("the line is broken")
	case 1: // as an honest one
		offset = strconv.Itoa(at + len(sent))
	}
	if r.URL.Path == "/v1/items" && status/100 == 2 && complete == "?1" {
		h.kept = status
	}
	body := `{"error":"` + names[int(h.next())%len(names)] + `","minutes":90}`
	return answerOf(status, offset, complete, strings.NewReader(body)), nil
}

// A truthful server keeps what arrives, behind a line that breaks by a script.
type truthful struct {
	script []byte
	at     int
	name   store.UploadID
	kept   []byte // of the upload
	item   []byte // what was handed in with it
}

var errLine = errors.New("the line is broken")

// RoundTrip says no more than is true: a line that breaks does so before anything
// arrives, within a slice, or before the answer.
func (h *truthful) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h.at++
	kind := h.script[h.at%len(h.script)]
	switch kind & 7 {
	case 1:
		return nil, errLine
	case 2:
		return answerOf(429, "", "", strings.NewReader(`{"error":"busy","minutes":1}`)), nil
	}
	arrived := sent
	if kind&7 == 3 && r.Method == http.MethodPatch {
		arrived = sent[:len(sent)*int(kind>>3)/32]
	}
	answer := h.answer(r, arrived)
	if kind&7 == 3 || kind&7 == 4 {
		return nil, errLine
	}
	return answer, nil
}

func (h *truthful) answer(r *http.Request, sent []byte) *http.Response {
	status := 204
	switch at := r.Header.Get("Upload-Offset"); {
	case r.URL.Path == "/v1/items" && h.item != nil:
		return answerOf(200, "", "?1", strings.NewReader(""))
	case r.URL.Path == "/v1/items":
		h.item = sent
		return answerOf(201, "", "?1", strings.NewReader(""))
	case r.Method == http.MethodPost:
		h.name, _ = store.ParseUploadID(strings.TrimPrefix(r.URL.Path, "/v1/uploads/"))
		status = 201
	case r.Method == http.MethodPatch && at != strconv.Itoa(len(h.kept)):
		return answerOf(409, strconv.Itoa(len(h.kept)), "?0", strings.NewReader(`{"error":"upload_cut"}`))
	case r.Method == http.MethodPatch:
		h.kept = append(h.kept, sent...)
	}
	return answerOf(status, strconv.Itoa(len(h.kept)), "?0", strings.NewReader(""))
}

// arrives holds that what a truthful server keeps is what was sent, if that is said.
func arrives(t *testing.T, s Sender, script []byte, head parcel.Head, payload []byte) {
	t.Helper()
	h := &truthful{script: script}
	s.Client = &http.Client{Transport: h}
	_, err := s.SendParcel(t.Context(), head, func(w io.Writer) (int64, error) {
		n, err := w.Write(payload)
		return int64(n), err
	})
	if err != nil {
		fuzztest.Refused(t, err)
	}
	sound := !slices.ContainsFunc(script, func(kind byte) bool { return kind&7 != 0 })
	if err != nil && sound {
		t.Errorf("over a line that does not break: %v", err)
	}
	if err == nil && len(h.item) == 0 {
		t.Error("an item that was never handed in passes for kept")
	}
	head.Staged, head.Upload = true, h.name
	if len(h.item) > 0 && (!bytes.Equal(h.kept, payload) || !bytes.Equal(h.item, head.Append(nil))) {
		t.Errorf("of %d bytes %d are kept, and an item was handed in", len(payload), len(h.kept))
	}
}

// FuzzServer: whatever a server answers in a row, what it is sent is what belongs
// where it is sent, the delivery comes to an end, and nothing but the answer that the
// item is kept is taken for that. Where the line breaks and the server tells the truth,
// all of it arrives.
func FuzzServer(f *testing.F) {
	f.Add([]byte{0xa3, 0, 0})                                  // keeps it
	f.Add([]byte{0xa2, 0, 0})                                  // has it already
	f.Add([]byte{0x24, 0, 0})                                  // says never that it is whole
	f.Add([]byte{0xa3, 0, 0, 0, 0, 0})                         // every other request breaks
	f.Add([]byte{0x41, 0, 0, 0x41, 16, 0, 0x41, 32, 0})        // to and fro within a slice
	f.Add([]byte{0xa3, 0, 0, 0xc1, 255, 0, 0xc1, 1, 0})        // beyond the end, and back
	f.Add([]byte{0xa3, 0, 0, 0x48, 0, 1, 0x25, 0, 4, 0, 0, 0}) // refuses in turn
	f.Add([]byte{0x4b, 0, 0})                                  // is always busy
	f.Add([]byte{0, 0, 0xa3, 0, 4, 0, 1, 0x43, 2})             // keeps parts of slices, and breaks
	payload := make([]byte, item.PayloadSize(item.Floor)+1)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range payload {
		payload[i] = byte(rng.Uint32())
	}
	head := parcel.Head{
		Roster: 1, Slots: [][]byte{make([]byte, item.SlotSize(roster.Quorum{Needed: 1}))}, Size: int64(len(payload)),
	}
	// Each answer that brings it on is worth 256 bytes at least, and between two of
	// them nothing comes of so many attempts, of two requests each.
	most := 2 * attempts * (len(payload)/256 + 8)
	bound := fuzztest.Bound{Base: 1 << 20, PerByte: 96 << 10} // for each request, and for reading it
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 300 {
			return
		}
		h := &hostile{t: t, script: script, payload: payload, most: most}
		s := Sender{
			Client: &http.Client{Transport: h}, URL: "http://a", Slice: 1 << 14,
			Pause: func(context.Context, time.Duration) error { return nil },
		}
		var outcome Outcome
		var err error
		send := func() {
			h.at, h.requests = 0, 0
			outcome, err = s.SendParcel(t.Context(), head, func(w io.Writer) (int64, error) {
				n, err := w.Write(payload)
				return int64(n), err
			})
		}
		send()
		bound.Check(t, h.requests, send)
		arrives(t, s, script, head, payload)
		if err != nil {
			fuzztest.Refused(t, err)
			return
		}
		if h.kept == 0 || (outcome == Again) != (h.kept == http.StatusOK) {
			t.Errorf("%v after %d", outcome, h.kept)
		}
	})
}
