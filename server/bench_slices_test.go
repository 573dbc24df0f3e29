package server_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/sealed/deliver"
	"saksi/server/servertest"
)

// BenchmarkSlices hands a sealed file of 500 MiB in as the script and "saksi seal"
// do, in slices of 1 MiB, each of which is on the disk before it is acknowledged.
// Its limits are one request with the same bytes, copied to a file with one fsync;
// and as many requests, each appended to a file with fsync. Nothing is sealed here:
// the server gets bytes that nobody could open.
func BenchmarkSlices(b *testing.B) {
	for _, limit := range []struct {
		name string
		send func(*testing.B) func()
	}{{"copy", oneRequest}, {"synced-slices", requestForEach}} {
		b.Run("limit="+limit.name, func(b *testing.B) {
			d := newDrop(b)
			limittest.Compare(b, uploadSize()>>20, "MiB", func() { isKept(b, d, sendSlices(b, d)) }, limit.send(b))
		})
	}
}

// payloadSize is that of a file of uploadSize once it is sealed.
func payloadSize() int64 { return item.PayloadSize(item.Padme(int64(uploadSize()))) }

// sendSlices hands a file in under a new code.
func sendSlices(b *testing.B, d *servertest.Drop) receipt.Code {
	code := receipt.New()
	slots := make([][]byte, len(d.Reviewers))
	for n := range slots {
		slots[n] = make([]byte, item.SlotSize(d.Roster.Quorum))
	}
	head := parcel.Head{ID: code.ItemID(0), Burn: code.Burn(0).Hash(), Roster: 1, Slots: slots, Size: payloadSize()}
	s := deliver.Sender{Client: http.DefaultClient, URL: d.URL, Failed: func(err error) { b.Error(err) }}
	outcome, err := s.SendParcel(b.Context(), head, func(w io.Writer) (int64, error) {
		return io.CopyBuffer(w, newNoise().first(payloadSize()), make([]byte, deliver.DefaultSlice))
	})
	if err != nil || outcome != deliver.Kept {
		b.Fatal(outcome, err)
	}
	return code
}

// A noise is an endless stream of random bytes, the same MiB again and again.
type noise []byte

func newNoise() noise {
	n := make(noise, 1<<20)
	rand.Read(n)
	return n
}

func (n noise) Read(p []byte) (int, error) { return copy(p, n), nil }

func (n noise) first(size int64) *io.LimitedReader { return &io.LimitedReader{R: n, N: size} }

func oneRequest(b *testing.B) func() {
	bare := httptest.NewServer(keepBody(b, copying))
	b.Cleanup(bare.Close)
	return func() { bring(b, bare.URL, newNoise().first(payloadSize())) }
}

// requestForEach appends each slice to a file, whose name is the path.
func requestForEach(b *testing.B) func() {
	dir := b.TempDir()
	bare := httptest.NewServer(keepBody(b, func(*testing.B) io.WriteCloser {
		f, err := os.OpenFile(filepath.Join(dir, "file"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			b.Error(err)
		}
		return synced{f}
	}))
	b.Cleanup(bare.Close)
	n := newNoise()
	return func() {
		for sent := int64(0); sent < payloadSize(); sent += deliver.DefaultSlice {
			bring(b, bare.URL, n.first(min(deliver.DefaultSlice, payloadSize()-sent)))
		}
		if err := holdsAll(filepath.Join(dir, "file")); err != nil {
			b.Fatal(err)
		}
	}
}

// holdsAll removes a file that has all that was sent.
func holdsAll(file string) error {
	info, err := os.Stat(file)
	if err == nil && info.Size() != payloadSize() {
		err = fmt.Errorf("%d bytes were kept of %d", info.Size(), payloadSize())
	}
	return errors.Join(err, os.Remove(file))
}

// bring sends a body in a request.
func bring(b *testing.B, url string, body *io.LimitedReader) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, body)
	if err != nil {
		b.Fatal(err)
	}
	req.ContentLength = body.N
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatal(resp, err)
	}
	resp.Body.Close()
}
