package server_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// A slowBody is a request of the sealed surface whose sender stands still.
type slowBody struct {
	head, body string
	sent       int // bytes of the body, before
}

// slowBodies are all that have a body, on a drop with an upload.
func slowBodies(t *testing.T, d *servertest.Drop) (all map[string]slowBody, file *sealedItem) {
	t.Helper()
	file = sealFile(t, d, receipt.New(), 0, 200_000)
	whole := sealFile(t, d, receipt.New(), 0, 200_000)
	begin(t, d, file)
	octets := func(path string, body []byte, sent int) slowBody {
		return slowBody{head(path, octets, len(body)), string(body), sent}
	}
	return map[string]slowBody{
		"a parcel's head":    octets("/v1/items", sealText(t, d, receipt.New(), 0).parcel(), 10),
		"a text":             octets("/v1/items", sealText(t, d, receipt.New(), 0).parcel(), 20_000),
		"a file":             octets("/v1/items", whole.parcel(), 100_000),
		"a read request":     octets("/v1/mailbox", parcel.NewRequest(receipt.New(), 0).Bytes(), 10),
		"a burn request":     octets("/v1/burn", parcel.BurnAll(receipt.New()).Bytes(), 100),
		"a slice":            {sliceHead(file, 0, 5000), string(file.payload[:5000]), 3000},
		"a slice of nothing": {sliceHead(whole, 0, 5000), string(whole.payload[:5000]), 0}, // of no upload: refused unread
	}, file
}

// TestStalledBodiesOfTheSealedSurface: whoever stands still is let go after a while, with
// the name of what broke off where HTTP allows an answer; of a slice what came is kept, of
// all else nothing; and meanwhile others are served.
func TestStalledBodiesOfTheSealedSurface(t *testing.T) {
	d := newHurriedDrop(t)
	all, file := slowBodies(t, d)
	answers := map[string]<-chan []byte{}
	for name, b := range all {
		conn := dial(t, d)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute)) // far beyond what it waits for
		io.WriteString(conn, b.head+b.body[:b.sent])
		answers[name] = overheard(conn)
	}
	served(t, d)
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		cutOff(t, d, name, <-answers[name], file, 3000)
	}
	served(t, d)
	untouched(t, d, 2)
	quiet(t, d)
}

// TestCreepingBodiesOfTheSealedSurface: a byte now and then is not moving.
func TestCreepingBodiesOfTheSealedSurface(t *testing.T) {
	d := newHurriedDrop(t)
	all, file := slowBodies(t, d)
	answers := map[string]<-chan []byte{}
	for name, b := range all {
		conn := dial(t, d)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute)) // far beyond what it waits for
		io.WriteString(conn, b.head+b.body[:b.sent])
		answers[name] = overheard(conn)
		go func() {
			for rest := b.body[b.sent:]; len(rest) > 1; rest = rest[1:] {
				if _, err := io.WriteString(conn, rest[:1]); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond) // as slow as the test says
			}
		}()
	}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		cutOff(t, d, name, <-answers[name], file, 3000)
	}
	served(t, d)
	untouched(t, d, 1)
	quiet(t, d)
}

// served: a person who is not slow hands a text in.
func served(t *testing.T, d *servertest.Drop) {
	t.Helper()
	p := hand(t, d, "POST", "/v1/items", octets, sealText(t, d, receipt.New(), 0).parcel())
	tells(t, "another person", p, http.StatusCreated, "", "?1")
}

// cutOff holds what a connection that stood still heard to its end. What a slice
// brought is kept: as much as it says, and at least what came at once.
func cutOff(t *testing.T, d *servertest.Drop, name string, heard []byte, file *sealedItem, least int) {
	t.Helper()
	if len(heard) == 0 {
		t.Errorf("%s: the connection ends without an answer", name)
		return
	}
	p, ends := parsed(t, strings.NewReader(string(heard)))
	if !ends {
		t.Errorf("%s: the connection goes on", name)
	}
	if name == "a slice of nothing" {
		failed(t, name, p, http.StatusNotFound, "upload_cut")
		return
	}
	failed(t, name, p, http.StatusBadRequest, "upload_cut")
	if name != "a slice" {
		return
	}
	at, err := strconv.Atoi(p.Header.Get("Upload-Offset"))
	where := hand(t, d, "HEAD", file.upload(), "", nil)
	if err != nil || at < least || at >= 5000 || where.Header.Get("Upload-Offset") != strconv.Itoa(at) {
		t.Errorf("%s: it says %q, and is at %q", name, p.Header.Get("Upload-Offset"), where.Header.Get("Upload-Offset"))
	}
}
