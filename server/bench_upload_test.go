package server_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
)

// uploadSize is that of the file in uploads.
const uploadSize = 500 << 20

// BenchmarkUpload sends a file of 500 MiB over HTTP on loopback. Its limit is a
// handler that copies the body of the same request to a file, with fsync before
// it answers. Ours answers on a tick of 250 ms, which is in its time.
func BenchmarkUpload(b *testing.B) {
	d := newDrop(b)
	copying := http.Server{Handler: copyTo(b.TempDir())}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go copying.Serve(l)
	defer copying.Close()
	limittest.Compare(b, uploadSize>>20, "MiB", func() {
		sendFile(b, strings.TrimPrefix(d.URL, "http://"))
	}, func() {
		sendFile(b, l.Addr().String())
	})
}

// copyTo is the plainest handler that keeps an upload, each in a new file.
func copyTo(dir string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		f, err := os.CreateTemp(dir, "")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer f.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{f}, r.Body, make([]byte, 1<<20))
		if err != nil || f.Sync() != nil {
			http.Error(w, "copying failed", http.StatusInternalServerError)
		}
	}
}

// sendFile uploads a file of random bytes under a new code, on a connection of
// its own.
func sendFile(b *testing.B, address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	const boundary = "batas4711"
	head := fmt.Sprintf("--%[1]s\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n%[2]s\r\n"+
		"--%[1]s\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n0\r\n"+
		"--%[1]s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n",
		boundary, receipt.New().Field())
	tail := "\r\n--" + boundary + "--\r\n"
	fmt.Fprintf(conn, "POST /file HTTP/1.1\r\nHost: uji\r\nConnection: close\r\n"+
		"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
		boundary, len(head)+uploadSize+len(tail), head)
	piece := make([]byte, 1<<20)
	rand.Read(piece)
	for range uploadSize / len(piece) {
		if _, err := conn.Write(piece); err != nil {
			b.Fatal(err)
		}
	}
	io.WriteString(conn, tail)
	status, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || status != "HTTP/1.1 200 OK\r\n" {
		b.Fatalf("%q, %v", status, err)
	}
}
