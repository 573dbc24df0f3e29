package server_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/servertest"
)

// benchText is a testimony of 2,000 bytes.
var benchText = strings.Repeat("kesaksian ", 200)

// turn is how many texts are accepted in one turn.
func turn() int { return limittest.Size(192, 8) }

// BenchmarkAcceptText sends texts over HTTP on loopback, and waits for the
// receipts. The clients share the cores with the server: they send bytes made
// beforehand, but for the code, and look for the twelve words in the answer. The
// limit is sealing the same texts in process and keeping them in bbolt with Batch:
// no HTTP, no page, no key sector, no check of any kind.
func BenchmarkAcceptText(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("clients=", clients), func(b *testing.B) {
			d := newDrop(b)
			lines := make([]*line, clients)
			for i := range lines {
				lines[i] = newLine(b, d)
			}
			bare := newBare(b, clients)
			limittest.Compare(b, turn(), "texts", func() {
				share(clients, func(i int) { lines[i].testify(b) })
			}, func() {
				share(clients, func(int) { bare.accept(b, d.Circle) })
			})
		})
	}
}

// share has that many workers do one turn.
func share(workers int, work func(worker int)) {
	var done atomic.Int64
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for done.Add(1) <= int64(turn()) {
				work(i)
			}
		})
	}
	group.Wait()
}

// A line is a kept-alive connection that a client sends testimonies on.
type line struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	code    []byte // where the code stands in the request
}

func newLine(b *testing.B, d *servertest.Drop) *line {
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	field := receipt.New().Field()
	body := servertest.Fields("/write", "code", field, "text", benchText).Encode()
	l := &line{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}
	l.request = fmt.Appendf(nil, "POST /write HTTP/1.1\r\nHost: localhost\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	at := bytes.Index(l.request, []byte(field))
	l.code = l.request[at : at+len(field)]
	return l
}

// testify sends the text under a new code.
func (l *line) testify(b *testing.B) {
	code := receipt.New()
	copy(l.code, code.Field())
	if _, err := l.conn.Write(l.request); err != nil {
		b.Error(err)
		return
	}
	if err := l.receives(code); err != nil {
		b.Error(err)
	}
}

// receives reads an answer to its end, and looks for the code's words.
func (l *line) receives(code receipt.Code) error {
	status, length, err := l.header()
	if err != nil {
		return err
	}
	page, err := l.in.Peek(length)
	if err != nil {
		return err
	}
	words := []byte("<li>" + strings.Join(code.Words(), "</li><li>") + "</li>")
	if status != "HTTP/1.1 200 OK" || !bytes.Contains(page, words) {
		return fmt.Errorf("no receipt: %q", status)
	}
	_, err = l.in.Discard(length)
	return err
}

// header reads an answer up to its body.
func (l *line) header() (status string, length int, err error) {
	for first := true; ; first = false {
		header, err := l.in.ReadSlice('\n')
		if err != nil {
			return status, 0, err
		}
		text := strings.TrimRight(string(header), "\r\n")
		if first {
			status = text
		}
		if n, ok := strings.CutPrefix(text, "Content-Length: "); ok {
			length, err = strconv.Atoi(n)
		}
		if text == "" || err != nil {
			return status, length, err
		}
	}
}

// A bare store keeps sealed texts in bbolt, and does nothing else.
type bare struct {
	db   *bbolt.DB
	next atomic.Uint64
}

func newBare(b *testing.B, clients int) *bare {
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, &bbolt.Options{
		InitialMmapSize: 1 << 30, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.MaxBatchSize, db.MaxBatchDelay = 64, 2*time.Millisecond
	if clients == 1 {
		db.MaxBatchDelay = 0 // nobody to wait for
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range []string{"items", "slots", "payloads"} {
			if _, err := tx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return &bare{db: db}
}

// accept seals the text and keeps it.
func (s *bare) accept(b *testing.B, circle *roster.Circle) {
	sealed, err := item.Seal(circle, receipt.New(), 0, item.Content{Kind: item.Testimony, Language: "id", Text: benchText})
	if err != nil {
		b.Error(err)
		return
	}
	payload := bytes.NewBuffer(make([]byte, 0, sealed.Size))
	if _, err := sealed.WriteTo(payload); err != nil {
		b.Error(err)
	}
	record := binary.BigEndian.AppendUint64(make([]byte, 64), s.next.Add(1))
	err = s.db.Batch(func(tx *bbolt.Tx) error {
		for name, value := range map[string][]byte{
			"items": record, "slots": bytes.Join(sealed.Slots, nil), "payloads": payload.Bytes(),
		} {
			if err := tx.Bucket([]byte(name)).Put(sealed.ID[:], value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Error(err)
	}
}
