package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/gate"
	"saksi/server/inbox"
	"saksi/server/servertest"
	"saksi/server/store"
)

// failed holds the status and the name that an error has, and that it repeats
// nothing.
func failed(t testing.TB, what string, p servertest.Page, status int, name string) {
	t.Helper()
	var body struct {
		Error   string `json:"error"`
		Minutes int    `json:"minutes"`
		Limit   int64  `json:"limit"`
	}
	d := json.NewDecoder(strings.NewReader(p.Body))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || p.Status != status || body.Error != name {
		t.Errorf("%s: status %d, %q, want %d, %q (%v)", what, p.Status, p.Body, status, name, err)
	}
	if (name == "busy") != (body.Minutes > 0) || (name == "too_large") != (body.Limit > 0) {
		t.Errorf("%s: %q", what, p.Body)
	}
}

// A mistake is a request that is refused before anything of it is kept.
type mistake struct {
	about        string
	method, path string
	kind         string
	body         []byte
	header       []string
	status       int
	name         string
}

func mistakes(t *testing.T, d *servertest.Drop) []mistake {
	text, file := sealText(t, d, receipt.New(), 0), sealFile(t, d, receipt.New(), 0, 200_000)
	read, burn := parcel.NewRequest(receipt.New(), 0).Bytes(), parcel.BurnAll(receipt.New()).Bytes()
	changed := func(b []byte, at int, to byte) []byte {
		b = bytes.Clone(b)
		b[at] = to
		return b
	}
	misfit := *text
	misfit.head.Slots = text.head.Slots[:2]
	old := *text
	old.head.Roster = 7
	const items, mailbox, burns, damaged = "/v1/items", "/v1/mailbox", "/v1/burn", "form_damaged"
	id := file.upload()
	sized := []string{"Upload-Length", strconv.Itoa(len(file.payload)), "Upload-Complete", "?0"}
	length := func(n string) []string { return []string{"Upload-Length", n, "Upload-Complete", "?0"} }
	return []mistake{
		{"a parcel as a form", "POST", items, urlencoded, text.parcel(), nil, 400, damaged},
		{"a parcel with another label", "POST", items, octets, changed(text.parcel(), 7, '2'), nil, 400, damaged},
		{"a parcel that is cut", "POST", items, octets, text.parcel()[:20_000], nil, 400, damaged},
		{"a parcel of its head alone", "POST", items, octets, text.head.Append(nil), nil, 400, damaged},
		{"a byte behind a parcel", "POST", items, octets, append(text.parcel(), 0), nil, 400, damaged},
		{"a byte behind a staged parcel", "POST", items, octets, append(file.staged(), 0), nil, 400, damaged},
		{"a staged parcel with a payload", "POST", items, octets, append(text.staged(), text.payload...), nil, 400, damaged},
		{"no parcel", "POST", items, octets, nil, nil, 400, damaged},
		{"too few slots", "POST", items, octets, misfit.parcel(), nil, 422, "no_reader"},
		{"another roster", "POST", items, octets, old.parcel(), nil, 422, "no_reader"},
		{"a staged parcel without an upload", "POST", items, octets, file.staged(), nil, 404, "upload_cut"},

		{"no length", "POST", id, "", nil, []string{"Upload-Complete", "?0"}, 400, damaged},
		{"a length with a sign", "POST", id, "", nil, length("+200000"), 400, damaged},
		{"a length below 0", "POST", id, "", nil, length("-1"), 400, damaged},
		{"a length that no payload has", "POST", id, "", nil, length("200001"), 400, damaged},
		{"a text's length", "POST", id, "", nil, length(fmt.Sprint(len(text.payload))), 400, damaged},
		{"a length above the limit", "POST", id, "", nil,
			length(fmt.Sprint(item.PayloadSize(item.Padme(1 << 30)))), 413, "too_large"},
		{"a length of 64 bits", "POST", id, "", nil, length("9223372036854775807"), 400, damaged},
		{"no word of the end", "POST", id, "", nil, sized[:2], 400, damaged},
		{"a slice of another type", "POST", id, octets, file.payload[:10], sized, 400, damaged},
		{"a slice beyond the end", "POST", id, partial, append(file.payload, 0), sized, 400, damaged},
		{"a slice that is too large", "POST", id, partial, make([]byte, 8<<20+1), length(fmt.Sprint(item.PayloadSize(item.Padme(9 << 20)))), 400, damaged},
		{"an end before the end", "POST", id, partial, file.payload[:10],
			[]string{"Upload-Length", sized[1], "Upload-Complete", "?1"}, 400, damaged},
		{"no id", "POST", "/v1/uploads/", "", nil, sized, 404, "not_found"},
		{"half an id", "POST", id[:len(id)-2], "", nil, sized, 404, "not_found"},
		{"an id in capitals", "POST", "/v1/uploads/" + strings.Repeat("AB", 16), "", nil, sized, 404, "not_found"},
		{"a slice of nothing", "PATCH", id, partial, file.payload[:10], sliceHeader(file, 0, 10), 404, "upload_cut"},
		{"a slice without an offset", "PATCH", id, partial, file.payload[:10], []string{"Upload-Complete", "?0"}, 400, damaged},
		{"a slice that is a form", "PATCH", id, urlencoded, file.payload[:10], sliceHeader(file, 0, 10), 400, damaged},
		{"to fetch an upload", "GET", id, "", nil, nil, 405, "method"},

		{"a read request as text", "POST", mailbox, "text/plain", read, nil, 400, damaged},
		{"a read request with another label", "POST", mailbox, octets, changed(read, 0, 'S'), nil, 400, damaged},
		{"a short read request", "POST", mailbox, octets, read[1:], nil, 400, damaged},
		{"a long read request", "POST", mailbox, octets, append(read, 0), nil, 400, damaged},
		{"a burn request with another flag", "POST", burns, octets, changed(burn, len(burn)-65, 2), nil, 400, damaged},
		{"a burn request that is too long", "POST", burns, octets, append(burn, 0), nil, 400, damaged},
		{"a huge burn request", "POST", burns, octets, make([]byte, 1<<20), nil, 400, damaged},
		{"an empty burn request", "POST", burns, octets, nil, nil, 400, damaged},
		{"something else", "POST", "/v1/entah", octets, read, nil, 404, "not_found"},
		{"a mailbox as a page", "GET", mailbox, "", nil, nil, 405, "method"},
	}
}

// TestSealedMistakes: each has its status and name of the one table of errors, and
// leaves nothing behind.
func TestSealedMistakes(t *testing.T) {
	d := servertest.New(t, servertest.Options{MaxFile: 64 << 20})
	for _, m := range mistakes(t, d) {
		failed(t, m.about, hand(t, d, m.method, m.path, m.kind, m.body, m.header...), m.status, m.name)
	}
	untouched(t, d, 0)
	if left, err := d.Inbox.Store.Staged(); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if log := d.Log.String(); log != "" {
		t.Errorf("the log has %q", log)
	}
}

// TestSealedMistakesWithAnUpload: what is wrong with a slice of an upload that there
// is leaves the upload as it was.
func TestSealedMistakesWithAnUpload(t *testing.T) {
	d := newDrop(t)
	s := sealFile(t, d, receipt.New(), 0, 200_000)
	begin(t, d, s)
	sendSlice(t, d, s, 0, 1000)
	size := len(s.payload)
	other := hand(t, d, "POST", s.upload(), "", nil,
		"Upload-Length", fmt.Sprint(item.PayloadSize(item.Padme(400_000))), "Upload-Complete", "?0")
	failed(t, "another length", other, 400, "form_damaged")
	for about, header := range map[string][]string{
		"an early end":   {"Upload-Offset", "1000", "Upload-Complete", "?1"},
		"no word of it":  {"Upload-Offset", "1000"},
		"an offset of 0": {"Upload-Offset", "01000", "Upload-Complete", "?0"},
	} {
		failed(t, about, hand(t, d, "PATCH", s.upload(), partial, s.payload[1000:2000], header...), 400, "form_damaged")
	}
	beyond := hand(t, d, "PATCH", s.upload(), partial, make([]byte, size), "Upload-Offset", "1000", "Upload-Complete", "?0")
	failed(t, "beyond the end", beyond, 400, "form_damaged")
	tells(t, "where", hand(t, d, "HEAD", s.upload(), "", nil), 204, "1000", "?0")
	for range 2 {
		tells(t, "cancel", hand(t, d, "DELETE", s.upload(), "", nil), 204, "", "")
	}
	tells(t, "cancelled", hand(t, d, "HEAD", s.upload(), "", nil), 404, "", "")
}

// TestATokenThatDoesNotFitDeletesNothing.
func TestATokenThatDoesNotFitDeletesNothing(t *testing.T) {
	d := newDrop(t)
	code := d.Send("satu")
	b := parcel.NewBurn(code, 0)
	b.Items[0].Token = receipt.New().Burn(0)
	failed(t, "another token", hand(t, d, "POST", "/v1/burn", octets, b.Bytes()), 403, "code_invalid")
	untouched(t, d, 1)
}

// sliceHead is the head of a request that brings a slice.
func sliceHead(s *sealedItem, from, to int) string {
	slice := strings.Replace(head(s.upload(), partial, to-from), "POST", "PATCH", 1)
	return strings.Replace(slice, "\r\n", fmt.Sprintf("\r\nUpload-Offset: %d\r\nUpload-Complete: ?0\r\n", from), 1)
}

// A clock is one that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// TestSealedLengths: a body without a length is refused before it is read; one that
// ends early keeps nothing of a parcel, and of a slice what came.
func TestSealedLengths(t *testing.T) {
	d := newHurriedDrop(t)
	s, text := sealFile(t, d, receipt.New(), 0, 200_000), sealText(t, d, receipt.New(), 0)
	begin(t, d, s)
	for path, kind := range map[string]string{
		"/v1/items": octets, "/v1/mailbox": octets, "/v1/burn": octets, s.upload(): partial,
	} {
		method := "POST"
		if kind == partial {
			method = "PATCH"
		}
		p := speak(t, d, method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: "+kind+
			"\r\nUpload-Offset: 0\r\nUpload-Complete: ?0\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
		failed(t, path, p, http.StatusLengthRequired, "length_required")
	}
	body := text.parcel()
	for _, n := range []int{10, 2000, len(body) - 1} {
		p := half(t, d, head("/v1/items", octets, len(body))+string(body[:n]))
		failed(t, fmt.Sprintf("a parcel of which %d bytes came", n), p, http.StatusBadRequest, "upload_cut")
	}
	p := half(t, d, sliceHead(s, 0, 5000)+string(s.payload[:3000]))
	failed(t, "a slice", p, http.StatusBadRequest, "upload_cut")
	if p.Header.Get("Upload-Offset") != "3000" {
		t.Errorf("a slice of which 3000 bytes came: offset %q", p.Header.Get("Upload-Offset"))
	}
	untouched(t, d, 0)
	tells(t, "where", hand(t, d, "HEAD", s.upload(), "", nil), 204, "3000", "?0")
}

// TestSealedHeaders: answers have the headers of a page, and no others but their own.
func TestSealedHeaders(t *testing.T) {
	d := newDrop(t)
	s := sealFile(t, d, receipt.New(), 0, 200_000)
	page := d.Get("/").Header
	own := map[string][]string{
		"begin": {"Upload-Offset", "Upload-Complete"}, "slice": {"Upload-Offset", "Upload-Complete"},
		"where": {"Upload-Offset", "Upload-Complete", "Upload-Length"}, "cancel": nil, "read": nil, "burn": nil,
		"item": {"Upload-Complete"}, "error": nil, "taxonomy": nil,
	}
	for name, p := range map[string]servertest.Page{
		"item":     hand(t, d, "POST", "/v1/items", octets, sealText(t, d, receipt.New(), 0).parcel()),
		"begin":    begin(t, d, s),
		"slice":    sendSlice(t, d, s, 0, 100),
		"where":    hand(t, d, "HEAD", s.upload(), "", nil),
		"cancel":   hand(t, d, "DELETE", s.upload(), "", nil),
		"read":     hand(t, d, "POST", "/v1/mailbox", octets, parcel.NewRequest(receipt.New(), 0).Bytes()),
		"burn":     hand(t, d, "POST", "/v1/burn", octets, parcel.BurnAll(receipt.New()).Bytes()),
		"error":    hand(t, d, "POST", "/v1/burn", octets, nil),
		"taxonomy": d.Get("/taxonomy.json"),
	} {
		want := slices.Concat(slices.Collect(maps.Keys(page)), own[name])
		for header := range page {
			varies := header == "Content-Type" || header == "Content-Length"
			if !varies && !slices.Equal(p.Header[header], page[header]) {
				t.Errorf("%s: %s is %q, want %q", name, header, p.Header[header], page[header])
			}
		}
		for header := range p.Header {
			if !slices.Contains(want, header) {
				t.Errorf("%s: has header %s", name, header)
			}
		}
	}
}

// TestNothingIsLoggedOfWhatIsSealed: what went wrong is, without an id.
func TestNothingIsLoggedOfWhatIsSealed(t *testing.T) {
	d := servertest.New(t, servertest.Options{Wrap: func(s store.Store) store.Store { return brokenStore{s} }})
	s := sealText(t, d, receipt.New(), 0)
	failed(t, "a store that panics", hand(t, d, "POST", "/v1/items", octets, s.parcel()), 500, "internal")
	log := d.Log.String()
	if !strings.Contains(log, "a request failed") {
		t.Errorf("the log says nothing of the failure: %q", log)
	}
	for _, secret := range []string{s.head.ID.String(), "127.0.0.1", "Go-http-client", "/v1/"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q: %s", secret, log)
		}
	}
}

// TestUploadsAreGivenUpAfterADay: by the clock of the drop. The house does it.
func TestUploadsAreGivenUpAfterADay(t *testing.T) {
	clock := &clock{now: time.Now()}
	d := servertest.New(t, servertest.Options{Now: clock.Now})
	s := sealFile(t, d, receipt.New(), 0, 200_000)
	begin(t, d, s)
	sendSlice(t, d, s, 0, 1000)
	for _, test := range []struct {
		after time.Duration
		want  int
	}{{inbox.KeepUpload - time.Minute, 0}, {2 * time.Minute, 1}} {
		clock.pass(test.after)
		if n, err := d.Inbox.SweepUploads(); err != nil || n != test.want {
			t.Errorf("%d uploads are over, %v, want %d", n, err, test.want)
		}
	}
	tells(t, "where", hand(t, d, "HEAD", s.upload(), "", nil), 404, "", "")
	failed(t, "a slice", sendSlice(t, d, s, 1000, 2000), 404, "upload_cut")
}

// TestUploadsByCircuit: slices cost bytes by what they announce, and what did not
// arrive is given back; a text costs a text.
func TestUploadsByCircuit(t *testing.T) {
	d := gated(t, func(l *gate.Limits) {
		l.Bytes = gate.Volume{Burst: 1 << 20, PerHour: 1}
		l.Files, l.Texts = gate.Rate{Burst: 2, Every: time.Hour}, gate.Rate{Burst: 2, Every: time.Hour}
	})
	by := d.By(flooder)
	s := sealFile(t, by, receipt.New(), 0, 2<<20)
	begin(t, by, s)
	for range 3 {
		conn := d.Dial(flooder)
		io.WriteString(conn, sliceHead(s, 0, 1<<20))
		conn.CloseWrite()
		p, _ := answerOn(t, conn)
		failed(t, "a slice of which nothing came", p, 400, "upload_cut")
	}
	tells(t, "half", sendSlice(t, by, s, 0, 512<<10), 204, "524288", "?0")
	tells(t, "the other half", sendSlice(t, by, s, 512<<10, 1<<20), 204, "1048576", "?0")
	failed(t, "more", sendSlice(t, by, s, 1<<20, 1<<20+5000), 429, "busy")
	tells(t, "where", hand(t, by, "HEAD", s.upload(), "", nil), 204, "1048576", "?0")
	begin(t, by, sealFile(t, by, receipt.New(), 0, 200_000))
	failed(t, "a third file", begin(t, by, sealFile(t, by, receipt.New(), 0, 200_000)), 429, "busy")
	for range 2 {
		one := sealText(t, by, receipt.New(), 0)
		for _, status := range []int{201, 200} {
			tells(t, "a text", hand(t, by, "POST", "/v1/items", octets, one.parcel()), status, "", "?1")
		}
	}
	failed(t, "a third text", hand(t, by, "POST", "/v1/items", octets, sealText(t, by, receipt.New(), 0).parcel()), 429, "busy")
	wellServed(t, d, person)
	silentOn(t, d)
}
