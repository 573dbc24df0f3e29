package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// A burner deletes what is on its way in. Once it is told that it is deleted, the item
// is never there: not when the rest of it comes, and not when the server dies before.
type burner struct {
	refused, died atomic.Int64
}

// sealed burns a parcel that a browser sealed.
func (b *burner) sealed(t *testing.T, c *crowd) {
	code := receipt.New()
	s := newSealedFile(t, c.party.circle, code, 0, 150_000)
	if s == nil {
		return
	}
	b.burn(t, c, &sent{code: code, payload: s.hash()}, "/v1/items", octets, s.parcel(), func() bool {
		resp, err := c.client.Post(c.url+"/v1/burn", octets, bytes.NewReader(parcel.BurnAll(code).Bytes()))
		status, _ := answer(resp, err)
		return status == http.StatusNoContent
	})
}

// form burns what a form without script brings.
func (b *burner) form(t *testing.T, c *crowd) {
	code, file := receipt.New(), make([]byte, 500_000)
	body, kind := servertest.Multipart(t, "a.pdf", file, "code", code.Field(), "n", "0")
	b.burn(t, c, &sent{code: code, file: sha256.Sum256(file)}, "/file", kind, body, func() bool {
		status, _ := c.post("/delete", "code", code.Field(), "n", "all", "confirm", "yes")
		return status == http.StatusOK
	})
}

const octets = "application/octet-stream"

// burn sends most of a body, deletes what it brings, and then sends the rest or waits
// for the server's end.
func (b *burner) burn(t *testing.T, c *crowd, s *sent, path, kind string, body []byte, deleted func() bool) {
	s.deleting = true
	c.begin(s)
	host := strings.TrimPrefix(c.url, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return // it is killed already
	}
	defer conn.Close()
	most := len(body) - 100
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n",
		path, host, kind, len(body))
	_, err = conn.Write(body[:most])
	if err != nil || !taken(t, conn) || !deleted() {
		return
	}
	c.note(func() { s.deleted = true })
	if rand.IntN(2) == 0 {
		<-c.over
		b.died.Add(1)
		return
	}
	_, _ = conn.Write(body[most:]) // to a server that may be dead
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	switch {
	case err != nil:
		b.died.Add(1)
	case resp.StatusCode == http.StatusGone:
		b.refused.Add(1)
	default:
		t.Errorf("%s: what was deleted while it came has status %d", path, resp.StatusCode)
	}
}

// taken waits until the server has read all that was written to it: more than it reads
// ahead, so that it knows what is coming. It returns false when the server is gone.
func taken(t *testing.T, conn net.Conn) bool {
	t.Helper()
	here, there := inProc(conn.LocalAddr()), inProc(conn.RemoteAddr())
	for range 10_000 {
		table, err := os.ReadFile("/proc/net/tcp")
		if err != nil {
			t.Error(err)
			return false
		}
		sending, ours := queues(string(table), here, there)
		receiving, theirs := queues(string(table), there, here)
		if !ours || !theirs {
			return false
		}
		if strings.HasPrefix(sending, "00000000:") && strings.HasSuffix(receiving, ":00000000") {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the server does not read")
	return false
}

// inProc is an address as the kernel's table has it.
func inProc(a net.Addr) string {
	at := a.(*net.TCPAddr)
	return fmt.Sprintf("%08X:%04X", binary.LittleEndian.Uint32(at.IP.To4()), at.Port)
}

// queues returns what of a connection waits to be sent and to be read.
func queues(table, from, to string) (waiting string, found bool) {
	const established = "01"
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 4 && f[1] == from && f[2] == to && f[3] == established {
			return f[4], true
		}
	}
	return "", false
}

// summary fails if too little was deleted on its way to show anything.
func (b *burner) summary(t *testing.T) {
	t.Helper()
	refused, died := b.refused.Load(), b.died.Load()
	t.Log(strconv.FormatInt(refused, 10), "parcels were deleted on their way and refused, and of", died, "the server died")
	if died == 0 || refused == 0 {
		t.Error("too little was deleted on its way to show anything")
	}
}
