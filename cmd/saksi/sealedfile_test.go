package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/store"
)

// A sealedFile is a sealed item with all its bytes: whoever has them knows what the
// server must have.
type sealedFile struct {
	head    parcel.Head
	payload []byte
}

// newSealedFile seals a file of random bytes. It may be called by any goroutine.
func newSealedFile(t *testing.T, circle *roster.Circle, code receipt.Code, n, size int) *sealedFile {
	t.Helper()
	return newSealed(t, circle, code, n, item.Content{
		Kind: item.Attachment, Language: "id", Name: "a.jpg",
		File: io.LimitReader(rand.Reader, int64(size)), Size: int64(size),
	})
}

// newSealed seals what it is given. It may be called by any goroutine.
func newSealed(t *testing.T, circle *roster.Circle, code receipt.Code, n int, content item.Content) *sealedFile {
	t.Helper()
	sealed, err := item.Seal(circle, code, n, content)
	if err != nil {
		t.Error(err)
		return nil
	}
	var payload bytes.Buffer
	if _, err := sealed.WriteTo(&payload); err != nil {
		t.Error(err)
		return nil
	}
	s := &sealedFile{payload: payload.Bytes(), head: parcel.Head{
		ID: sealed.ID, Burn: sealed.Burn, Roster: sealed.Roster, Slots: sealed.Slots, Size: sealed.Size,
	}}
	rand.Read(s.head.Upload[:])
	return s
}

func (s *sealedFile) hash() [32]byte { return sha256.Sum256(s.payload) }

// parcel is all of it in one body.
func (s *sealedFile) parcel() []byte { return append(s.head.Append(nil), s.payload...) }

// An ascent is a file on its way in, in slices, and how much of it was acknowledged.
type ascent struct {
	*sealedFile
	t    *testing.T
	url  string
	told int
}

// ask sends a request of the upload; whatever it says of its offset is acknowledged.
func (a *ascent) ask(method string, slice []byte, header ...string) (status int) {
	a.t.Helper()
	r, err := http.NewRequest(method, a.url+"/v1/uploads/"+hex.EncodeToString(a.head.Upload[:]), bytes.NewReader(slice))
	must(a.t, err)
	if len(slice) > 0 {
		r.Header.Set("Content-Type", "application/partial-upload")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	must(a.t, err)
	defer resp.Body.Close()
	if now, err := strconv.Atoi(resp.Header.Get("Upload-Offset")); err == nil {
		if now < a.told {
			a.t.Errorf("of an upload %d bytes were acknowledged, and then %d", a.told, now)
		}
		a.told = now
	}
	return resp.StatusCode
}

func (a *ascent) begin() {
	a.t.Helper()
	status := a.ask(http.MethodPost, nil, "Upload-Length", strconv.Itoa(len(a.payload)), "Upload-Complete", "?0")
	if status != http.StatusCreated {
		a.t.Fatalf("beginning an upload: status %d", status)
	}
}

// slice sends what comes next, at most size bytes.
func (a *ascent) slice(size int) (status int) {
	a.t.Helper()
	from, to, last := a.told, min(a.told+size, len(a.payload)), "?0"
	if to == len(a.payload) {
		last = "?1"
	}
	return a.ask(http.MethodPatch, a.payload[from:to], "Upload-Offset", strconv.Itoa(from), "Upload-Complete", last)
}

// standsOn holds that a server has what was acknowledged, and nothing less.
func (a *ascent) standsOn(p *process) {
	a.t.Helper()
	a.url = p.URL
	if status := a.ask(http.MethodHead, nil); status != http.StatusNoContent {
		a.t.Errorf("an upload of which %d bytes were acknowledged: status %d", a.told, status)
	}
}

// arrives sends the rest, and hands the item in.
func (a *ascent) arrives() {
	a.t.Helper()
	for a.told < len(a.payload) {
		if status := a.slice(1 << 20); status != http.StatusNoContent {
			a.t.Fatalf("a slice after %d bytes: status %d", a.told, status)
		}
	}
	head := a.head
	head.Staged = true
	if status := handIn(a.t, a.url, head.Append(nil)); status != http.StatusCreated {
		a.t.Fatalf("handing in: status %d", status)
	}
}

// handIn sends what was sealed before it came.
func handIn(t *testing.T, url string, parcel []byte) (status int) {
	t.Helper()
	resp, err := http.Post(url+"/v1/items", "application/octet-stream", bytes.NewReader(parcel))
	must(t, err)
	defer resp.Body.Close()
	return resp.StatusCode
}

// payloadHash reads a payload to its end.
func payloadHash(s store.Store, id receipt.ItemID) (hash [32]byte, size int64, err error) {
	payload, err := s.Payload(id)
	if err != nil {
		return hash, 0, err
	}
	defer payload.Close()
	sum := sha256.New()
	size, err = io.Copy(sum, payload)
	return [32]byte(sum.Sum(nil)), size, err
}

// readItem opens an item as the first reviewer does: its text, or the SHA-256 of its
// file. Opening holds every byte against the author's signature.
func (p *demoParty) readItem(s store.Store, id receipt.ItemID) (text string, file [32]byte, err error) {
	slots, err := s.Slots(id)
	if err != nil {
		return "", file, err
	}
	e, err := item.OpenSlot(slots[0], p.keys.SlotIdentities()...)
	if err != nil {
		return "", file, err
	}
	payload, err := s.Payload(id)
	if err != nil {
		return "", file, err
	}
	defer payload.Close()
	opened, err := item.Open(payload, e, item.Expect{ID: id, Roster: p.roster, Slots: slots}, nil)
	if err != nil {
		return "", file, err
	}
	if len(opened.Attachments) == 1 {
		file = opened.Attachments[0].Hash
	}
	return opened.Text, file, nil
}
