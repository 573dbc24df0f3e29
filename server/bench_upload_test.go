package server_test

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"saksi/crypto/hybrid"
	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// uploadSize is that of the file in uploads.
func uploadSize() int { return limittest.Size(500<<20, 2<<20) }

// BenchmarkUpload sends a file of 500 MiB over HTTP on loopback. Its limits are
// a handler that copies the body of the same request to a file, with fsync
// before it answers; and one that also hashes and seals it on the way, as the
// format asks. Ours answers on a tick of 250 ms, which is in its time.
func BenchmarkUpload(b *testing.B) {
	for _, limit := range []struct {
		name string
		keep func(*testing.B) io.WriteCloser
	}{{"copy", copying}, {"sealed-copy", sealing}} {
		b.Run("limit="+limit.name, func(b *testing.B) {
			d := newDrop(b)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			bare := http.Server{Handler: keepBody(b, limit.keep)}
			go bare.Serve(l)
			defer bare.Close()
			limittest.Compare(b, uploadSize()>>20, "MiB", func() {
				isKept(b, d, sendFile(b, strings.TrimPrefix(d.URL, "http://")))
			}, func() {
				sendFile(b, l.Addr().String())
			})
		})
	}
}

// isKept holds that a code's first item is a file of that size.
func isKept(b *testing.B, d *servertest.Drop, code receipt.Code) {
	states, err := d.Inbox.Store.States([]receipt.ItemID{code.ItemID(0)})
	if err != nil || states[0].Item == nil || states[0].Item.Size < int64(uploadSize()) {
		b.Fatalf("the file is not kept: %+v, %v", states, err)
	}
}

// keepBody is the plainest handler that keeps an upload.
func keepBody(b *testing.B, open func(*testing.B) io.WriteCloser) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		to := open(b)
		_, err := io.CopyBuffer(struct{ io.Writer }{to}, r.Body, make([]byte, 1<<20))
		if err := errors.Join(err, to.Close()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
}

// A synced file is new, and on the disk once it was closed.
type synced struct{ *os.File }

func (s synced) Close() error { return errors.Join(s.Sync(), s.File.Close()) }

func copying(b *testing.B) io.WriteCloser {
	f, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Error(err)
	}
	return synced{f}
}

// A sealedFile is hashed, sealed by age and written in pieces of 1 MiB.
type sealedFile struct {
	io.Writer
	age  io.Closer
	buf  *bufio.Writer
	file io.Closer
}

func sealing(b *testing.B) io.WriteCloser {
	f := copying(b)
	buf := bufio.NewWriterSize(f, 1<<20)
	id, err := hybrid.Generate()
	if err != nil {
		b.Error(err)
	}
	sealed, err := hybrid.Seal(buf, id.Recipient())
	if err != nil {
		b.Error(err)
	}
	return sealedFile{io.MultiWriter(sha256.New(), sealed), sealed, buf, f}
}

func (s sealedFile) Close() error { return errors.Join(s.age.Close(), s.buf.Flush(), s.file.Close()) }

// sendFile uploads a file of random bytes under a new code, on a connection of
// its own.
func sendFile(b *testing.B, address string) receipt.Code {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	const boundary = "batas4711"
	code := receipt.New()
	head := fmt.Sprintf("--%[1]s\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n%[2]s\r\n"+
		"--%[1]s\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n0\r\n"+
		"--%[1]s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n",
		boundary, code.Field())
	tail := "\r\n--" + boundary + "--\r\n"
	fmt.Fprintf(conn, "POST /file HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"+
		"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		boundary, len(head)+uploadSize()+len(tail), head)
	piece := make([]byte, 1<<20)
	rand.Read(piece)
	for range uploadSize() / len(piece) {
		if _, err := conn.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
	io.WriteString(conn, tail)
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || status != "HTTP/1.1 200 OK\r\n" {
		b.Fatalf("%q, %v", status, err)
	}
	return code
}
