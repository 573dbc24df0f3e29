package server_test

import (
	"bytes"
	cryptorand "crypto/rand"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/reply"
	"saksi/server/servertest"
	"saksi/server/store"
)

const (
	octets  = "application/octet-stream"
	partial = "application/partial-upload"
)

// A sealedItem is an item as a browser hands it in.
type sealedItem struct {
	head    parcel.Head
	payload []byte
}

func (s *sealedItem) upload() string { return "/v1/uploads/" + hex.EncodeToString(s.head.Upload[:]) }

// parcel is all of it in one body.
func (s *sealedItem) parcel() []byte { return append(s.head.Append(nil), s.payload...) }

// staged is the body that comes after an upload.
func (s *sealedItem) staged() []byte {
	head := s.head
	head.Staged = true
	return head.Append(nil)
}

// sealItem seals as a browser does.
func sealItem(t testing.TB, d *servertest.Drop, code receipt.Code, n int, c item.Content) *sealedItem {
	t.Helper()
	circle, err := d.Inbox.Circle()
	if err != nil {
		t.Fatal(err)
	}
	c.Language = "id"
	s, err := item.Seal(circle, code, n, c)
	if err != nil {
		t.Fatal(err)
	}
	var payload bytes.Buffer
	if _, err := s.WriteTo(&payload); err != nil {
		t.Fatal(err)
	}
	head := parcel.Head{ID: s.ID, Burn: s.Burn, Roster: s.Roster, Slots: s.Slots, Size: s.Size}
	cryptorand.Read(head.Upload[:])
	return &sealedItem{head, payload.Bytes()}
}

func sealText(t testing.TB, d *servertest.Drop, code receipt.Code, n int) *sealedItem {
	return sealItem(t, d, code, n, item.Content{Kind: item.Message, Text: "isi pesan"})
}

func sealFile(t testing.TB, d *servertest.Drop, code receipt.Code, n, size int) *sealedItem {
	return sealItem(t, d, code, n, item.Content{
		Kind: item.Attachment, File: bytes.NewReader(make([]byte, size)), Size: int64(size), Name: "a.jpg",
	})
}

// hand sends a request of the sealed surface. Header come in pairs.
func hand(t testing.TB, d *servertest.Drop, method, path, kind string, body []byte, header ...string) servertest.Page {
	t.Helper()
	p, err := tryHand(d, method, path, kind, bytes.NewReader(body), header...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tryHand is hand for any goroutine, and for bodies that break.
func tryHand(d *servertest.Drop, method, path, kind string, body io.Reader, header ...string) (servertest.Page, error) {
	r, err := http.NewRequest(method, d.URL+path, body)
	if err != nil {
		return servertest.Page{}, err
	}
	if b, ok := body.(sized); ok {
		r.ContentLength = b.n
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := d.Client.Do(r)
	if err != nil {
		return servertest.Page{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return servertest.Page{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}, err
}

// begin begins an upload.
func begin(t testing.TB, d *servertest.Drop, s *sealedItem) servertest.Page {
	t.Helper()
	return hand(t, d, "POST", s.upload(), "", nil, "Upload-Length", strconv.Itoa(len(s.payload)), "Upload-Complete", "?0")
}

// sendSlice sends a slice of the payload.
func sendSlice(t testing.TB, d *servertest.Drop, s *sealedItem, from, to int) servertest.Page {
	t.Helper()
	return hand(t, d, "PATCH", s.upload(), partial, s.payload[from:to], sliceHeader(s, from, to)...)
}

func sliceHeader(s *sealedItem, from, to int) []string {
	last := "?0"
	if to == len(s.payload) {
		last = "?1"
	}
	return []string{"Upload-Offset", strconv.Itoa(from), "Upload-Complete", last}
}

// upload3 is what an answer about an upload says: status, offset, complete.
func upload3(p servertest.Page) [3]string {
	return [3]string{strconv.Itoa(p.Status), p.Header.Get("Upload-Offset"), p.Header.Get("Upload-Complete")}
}

func tells(t testing.TB, what string, p servertest.Page, status int, offset, complete string) {
	t.Helper()
	if got, want := upload3(p), [3]string{strconv.Itoa(status), offset, complete}; got != want {
		t.Errorf("%s: status, offset and complete are %q, want %q (%s)", what, got, want, p.Body)
	}
}

// sendSealed hands an item in, a file in slices.
func sendSealed(t testing.TB, d *servertest.Drop, s *sealedItem) {
	t.Helper()
	body := s.parcel()
	if len(s.payload) > int(item.PayloadSize(item.Floor)) {
		begin(t, d, s)
		for from := 0; from < len(s.payload); {
			to := min(from+70_001, len(s.payload))
			sendSlice(t, d, s, from, to)
			from = to
		}
		body = s.staged()
	}
	if p := hand(t, d, "POST", "/v1/items", octets, body); p.Status != http.StatusCreated {
		t.Fatalf("handing in: status %d, %s", p.Status, p.Body)
	}
}

// readMailbox reads a page of a mailbox as a browser does.
func readMailbox(t testing.TB, d *servertest.Drop, code receipt.Code, page uint32) parcel.Answer {
	t.Helper()
	p := hand(t, d, "POST", "/v1/mailbox", octets, parcel.NewRequest(code, page).Bytes())
	if p.Status != http.StatusOK || p.Header.Get("Content-Type") != octets {
		t.Fatalf("reading: status %d, %s", p.Status, p.Body)
	}
	a, err := parcel.ParseAnswer([]byte(p.Body))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestSealedStory: a testimony, a file in slices, an answer, a deletion; with every
// answer that a browser goes by. The pages without script show the same conversation.
func TestSealedStory(t *testing.T) {
	d := newDrop(t)
	code := receipt.New()
	text := sealItem(t, d, code, 0, item.Content{Kind: item.Testimony, Text: "isi kesaksian", Form: item.Form{}})
	for _, status := range []int{http.StatusCreated, http.StatusOK} {
		tells(t, "text", hand(t, d, "POST", "/v1/items", octets, text.parcel()), status, "", "?1")
	}
	file := sealFile(t, d, code, 1, 300_000)
	size := len(file.payload)
	tells(t, "before", hand(t, d, "HEAD", file.upload(), "", nil), 404, "", "")
	tells(t, "begin", begin(t, d, file), 201, "0", "?0")
	tells(t, "slice", sendSlice(t, d, file, 0, 100_000), 204, "100000", "?0")
	tells(t, "begin again", begin(t, d, file), 200, "100000", "?0")
	tells(t, "the same slice", sendSlice(t, d, file, 0, 100_000), 409, "100000", "?0")
	tells(t, "a later slice", sendSlice(t, d, file, 200_000, size), 409, "100000", "?0")
	tells(t, "too early", hand(t, d, "POST", "/v1/items", octets, file.staged()), 409, "", "")
	tells(t, "the last slice", sendSlice(t, d, file, 100_000, size), 204, strconv.Itoa(size), "?1")
	p := hand(t, d, "HEAD", file.upload(), "", nil)
	tells(t, "where", p, 204, strconv.Itoa(size), "?1")
	if p.Header.Get("Upload-Length") != strconv.Itoa(size) {
		t.Errorf("the length is %q", p.Header.Get("Upload-Length"))
	}
	for _, status := range []int{http.StatusCreated, http.StatusOK} {
		tells(t, "file", hand(t, d, "POST", "/v1/items", octets, file.staged()), status, "", "?1")
	}
	tells(t, "kept, where", hand(t, d, "HEAD", file.upload(), "", nil), 404, "", "")
	failed(t, "kept, slice", sendSlice(t, d, file, 0, 10), 404, "upload_cut")
	answer(t, d, code, 1, 1, "jawaban penelaah")
	expect(t, d.Post("/open", "code", code.Field()), http.StatusOK, "Susulan 1", "jawaban penelaah")
	readsAndDeletes(t, d, code)
}

// readsAndDeletes reads a mailbox with two items and an answer, and deletes all.
func readsAndDeletes(t *testing.T, d *servertest.Drop, code receipt.Code) {
	t.Helper()
	a := readMailbox(t, d, code, 0)
	if a.States[0].Stand != parcel.Waiting || a.States[1].Stand != parcel.Waiting || a.States[2].Stand != parcel.Unused || !a.Ends {
		t.Errorf("stands %v, ends %v", a.States[:3], a.Ends)
	}
	opened := 0
	for _, entry := range a.Entries {
		if o, err := reply.Open(entry, code.Keys(), d.Inbox); err == nil && o.Text == "jawaban penelaah" {
			opened++
		}
	}
	if opened != 1 {
		t.Errorf("%d answers open", opened)
	}
	if p := hand(t, d, "POST", "/v1/burn", octets, parcel.NewBurn(code, 1, 5).Bytes()); p.Status != http.StatusNoContent {
		t.Errorf("deleting: status %d", p.Status)
	}
	a = readMailbox(t, d, code, 0)
	if a.States[0].Stand != parcel.Waiting || a.States[1].Stand != parcel.Deleted || a.States[5].Stand != parcel.Unused {
		t.Errorf("stands %v", a.States[:6])
	}
	tells(t, "a deleted id", hand(t, d, "POST", "/v1/items", octets, sealFile(t, d, code, 1, 300_000).parcel()), 410, "", "")
	for range 2 {
		if p := hand(t, d, "POST", "/v1/burn", octets, parcel.BurnAll(code).Bytes()); p.Status != http.StatusNoContent {
			t.Errorf("deleting all: status %d", p.Status)
		}
	}
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 0 || u.Replies != 0 {
		t.Errorf("left: %+v, %v", u, err)
	}
}

// TestBothWaysKeepTheSame: what is kept of an item does not tell whether a browser
// sealed it or the server did, whether it came in slices or at once; and every
// reviewer opens it.
func TestBothWaysKeepTheSame(t *testing.T) {
	d := newDrop(t)
	code := d.Send("isi")
	d.Upload("/file", "a.jpg", make([]byte, 200_000), "code", code.Field(), "n", "1")
	sendSealed(t, d, sealItem(t, d, code, 2, item.Content{Kind: item.Testimony, Text: "isi"}))
	sendSealed(t, d, sealFile(t, d, code, 3, 200_000))
	whole := sealFile(t, d, code, 4, 200_000)
	if p := hand(t, d, "POST", "/v1/items", octets, whole.parcel()); p.Status != http.StatusCreated {
		t.Fatalf("a file at once: status %d, %s", p.Status, p.Body)
	}
	ids := code.ItemIDs()
	states, err := d.Inbox.Store.States(ids[:])
	if err != nil {
		t.Fatal(err)
	}
	for n, like := range map[int]int{2: 0, 3: 1, 4: 1} {
		got, want := *states[n].Item, *states[like].Item
		got.ID, got.Burn = want.ID, want.Burn
		if !reflect.DeepEqual(got, want) {
			t.Errorf("item %d is kept as %+v, item %d as %+v", n, got, like, want)
		}
		if states[n].Item.Burn != code.Burn(n).Hash() {
			t.Errorf("item %d has another burn hash", n)
		}
	}
	for n := range 5 {
		for r := range d.Reviewers {
			opened(t, d, code, n, r, func(_ item.File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		}
	}
}

// A chance is what may happen to an upload.
type chance struct {
	t    *testing.T
	d    *servertest.Drop
	s    *sealedItem
	told int // acknowledged
}

// cut draws a slice that begins at the offset.
func (c *chance) cut() (from, to int) {
	return c.told, min(len(c.s.payload), c.told+1+rand.IntN(60_000))
}

// where asks where the upload is.
func (c *chance) where() {
	c.t.Helper()
	c.learn(hand(c.t, c.d, "HEAD", c.s.upload(), "", nil))
}

// learn takes an offset from an answer. It never goes back. It may be further than
// this side knows: of a request that broke off, the server may read more later.
func (c *chance) learn(p servertest.Page) {
	c.t.Helper()
	now, err := strconv.Atoi(p.Header.Get("Upload-Offset"))
	if err != nil || now < c.told || now > len(c.s.payload) {
		c.t.Fatalf("after %d were acknowledged: status %d, offset %q", c.told, p.Status, p.Header.Get("Upload-Offset"))
	}
	c.told = now
}

// right sends a slice where the upload is. While the server has one before it in hand,
// which broke off, it may be told to come again.
func (c *chance) right() {
	from, to := c.cut()
	for tries := 0; c.told == from; tries++ {
		p := sendSlice(c.t, c.d, c.s, from, to)
		if c.learn(p); p.Status == http.StatusNoContent && c.told != to || p.Status != http.StatusNoContent && tries == 1000 {
			c.t.Fatalf("slice %d to %d: status %d, %s", from, to, p.Status, p.Body)
		}
	}
}

func (c *chance) wrong() {
	from := rand.IntN(len(c.s.payload))
	p := sendSlice(c.t, c.d, c.s, from, min(from+1000, len(c.s.payload)))
	if c.learn(p); p.Status != http.StatusConflict && c.told != min(from+1000, len(c.s.payload)) {
		c.t.Fatalf("offset %d: status %d, now %d", from, p.Status, c.told)
	}
}

// broken sends a part of a slice.
func (c *chance) broken() {
	from, to := c.cut()
	sent := io.MultiReader(bytes.NewReader(c.s.payload[from:from+rand.IntN(to-from)]), breaking{})
	r, err := http.NewRequest("PATCH", c.d.URL+c.s.upload(), sent)
	if err != nil {
		c.t.Fatal(err)
	}
	r.ContentLength = int64(to - from)
	r.Header.Set("Content-Type", partial)
	for i, h := 0, sliceHeader(c.s, from, to); i < len(h); i += 2 {
		r.Header.Set(h[i], h[i+1])
	}
	if resp, err := c.d.Client.Do(r); err == nil {
		resp.Body.Close()
	}
}

type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// twice sends two slices at once, of which at most one can be right.
func (c *chance) twice() {
	var wg sync.WaitGroup
	for range 2 {
		from, to := c.cut()
		wg.Go(func() {
			p, err := tryHand(c.d, "PATCH", c.s.upload(), partial, bytes.NewReader(c.s.payload[from:to]), sliceHeader(c.s, from, to)...)
			if err != nil || p.Status != http.StatusNoContent && p.Status != http.StatusConflict {
				c.t.Errorf("two at once: status %d, %v, %s", p.Status, err, p.Body)
			}
		})
	}
	wg.Wait()
}

// TestSlicesInAnyManner: slices cut at random, repeated, at wrong offsets, broken
// off, two at once, with the server stopped and started between. What was
// acknowledged is never taken back, and what is kept in the end is what was sealed.
func TestSlicesInAnyManner(t *testing.T) {
	d := newDrop(t)
	for range 4 {
		code := receipt.New()
		c := &chance{t: t, d: d, s: sealItem(t, d, code, 0, item.Content{
			Kind: item.Attachment, File: strings.NewReader(strings.Repeat("isi", 150_000)), Size: 450_000, Name: "a.txt"})}
		tells(t, "begin", begin(t, d, c.s), 201, "0", "?0")
		for c.told < len(c.s.payload) {
			switch rand.IntN(12) {
			case 0:
				d.Restart()
			case 1, 2:
				c.broken()
			case 3, 4:
				c.twice()
			case 5, 6, 7:
				c.wrong()
			default:
				c.right()
			}
			c.where()
		}
		for _, status := range []int{http.StatusCreated, http.StatusOK} {
			if p := hand(t, d, "POST", "/v1/items", octets, c.s.staged()); p.Status != status {
				t.Fatalf("handing in: status %d, want %d, %s", p.Status, status, p.Body)
			}
		}
		opened(t, d, code, 0, 1, func(_ item.File, r io.Reader) error {
			b, err := io.ReadAll(r)
			if string(b) != strings.Repeat("isi", 150_000) {
				t.Error("another file was kept")
			}
			return err
		})
	}
	if left, err := d.Inbox.Store.Staged(); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestALostAnswerAboutAnItem: who asks and hears nothing sends the same again, and
// it is kept once.
func TestALostAnswerAboutAnItem(t *testing.T) {
	d := newDrop(t)
	s := sealText(t, d, receipt.New(), 0)
	body := s.parcel()
	conn := dial(t, d)
	io.WriteString(conn, head("/v1/items", octets, len(body))+string(body))
	conn.CloseWrite()
	if p, _ := answerOn(t, conn); p.Status != http.StatusCreated {
		t.Fatalf("status %d", p.Status)
	}
	states := func() store.State {
		all, err := d.Inbox.Store.States([]receipt.ItemID{s.head.ID})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	before := *states().Item
	tells(t, "again", hand(t, d, "POST", "/v1/items", octets, body), 200, "", "?1")
	if !reflect.DeepEqual(*states().Item, before) {
		t.Error("the repetition changed something")
	}
	if u, err := d.Inbox.Store.Usage(); err != nil || u.Items != 1 {
		t.Errorf("kept: %+v, %v", u, err)
	}
}

func bringAll(t *testing.T, d *servertest.Drop, s *sealedItem) {
	t.Helper()
	begin(t, d, s)
	sendSlice(t, d, s, 0, len(s.payload))
}

// keeps holds that an item's bytes are those of this sealing.
func keeps(t *testing.T, d *servertest.Drop, s *sealedItem) {
	t.Helper()
	slots, err := d.Inbox.Store.Slots(s.head.ID)
	if err != nil || !reflect.DeepEqual(slots, s.head.Slots) {
		t.Errorf("other slots are kept: %v", err)
	}
	payload, err := d.Inbox.Store.Payload(s.head.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer payload.Close()
	if b, err := io.ReadAll(payload); err != nil || !bytes.Equal(b, s.payload) {
		t.Errorf("another payload is kept: %v", err)
	}
}
