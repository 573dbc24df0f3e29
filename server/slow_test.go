package server_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"saksi/crypto/item"
	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/servertest"
	"saksi/web/evidence"
)

// The tests of slow senders hold that whoever stands still is let go after a
// while, with a page where HTTP allows one, that nothing of him stays, and that
// he keeps nobody out. Times are shortened; no test waits for real minutes.

// drip sends a piece every while, until it cannot or has sent all.
func drip(conn net.Conn, pieces int, piece string, while time.Duration) {
	tick := time.NewTicker(while)
	defer tick.Stop()
	for range pieces {
		if _, err := io.WriteString(conn, piece); err != nil {
			return
		}
		<-tick.C
	}
}

// begun sends the head of a request, and returns when the server has begun to
// read its body.
func begun(t *testing.T, d *servertest.Drop, path, kind string, length int) net.Conn {
	t.Helper()
	return readies(t, dial(t, d), path, kind, length)
}

// readies is begun, on a connection.
func readies(t *testing.T, conn net.Conn, path, kind string, length int) net.Conn {
	t.Helper()
	io.WriteString(conn, strings.Replace(head(path, kind, length), "\r\n", "\r\nExpect: 100-continue\r\n", 1))
	const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
	answer := make([]byte, len(goOn))
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != goOn {
		t.Fatalf("the server says %q, %v", answer, err)
	}
	return conn
}

// TestSlowHeader: HTTP has no answer to half a question. The connection ends,
// however often a byte comes.
func TestSlowHeader(t *testing.T) {
	limits := hurried()
	limits.HeaderTime = time.Second
	d := servertest.New(t, servertest.Options{Limits: limits})
	silent, slow := dial(t, d), dial(t, d)
	io.WriteString(silent, "POST /write HTTP/1.1\r\nHost: localhost\r\n")
	go drip(slow, 1<<20, "X", 100*time.Millisecond)
	untouched(t, d, 0)
	for _, conn := range []net.Conn{silent, slow} {
		if b, _ := io.ReadAll(conn); strings.Contains(string(b), "200 OK") {
			t.Errorf("half a header was answered: %q", b)
		}
	}
	quiet(t, d)
}

// TestStalledForm: the page comes once the form has stood still, with what did
// arrive; meanwhile others are served.
func TestStalledForm(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	says{"Yang sempat sampai ada di bawah.", "What did arrive is below."}.each(t,
		func(t *testing.T, prefix, text string) {
			body := "code=" + code.Field() + "&n=1&text=isi+pesan"
			write, message, open := dial(t, d), dial(t, d), dial(t, d)
			io.WriteString(write, head(prefix+"/write", urlencoded, 5000)+body)
			io.WriteString(message, head(prefix+"/message", urlencoded, 5000)+body)
			io.WriteString(open, head(prefix+"/open", urlencoded, 5000)+"words=bayam")
			untouched(t, d, 1)
			refused(t, listen(t, write), http.StatusBadRequest, text, "code", code.Field(), "text", "isi pesan")
			refused(t, listen(t, message), http.StatusUnprocessableEntity, text, "code", code.Field(), "text", "isi pesan")
			refused(t, listen(t, open), http.StatusBadRequest, text, "words", "bayam")
			untouched(t, d, 1)
			quiet(t, d)
		})
}

func TestStalledUpload(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 1<<20)
	says{"coba lagi saat sinyal baik", "try again on a better connection"}.each(t,
		func(t *testing.T, prefix, text string) {
			early, late := dial(t, d), dial(t, d)
			io.WriteString(early, head(prefix+"/file", kind, len(body))+body[:300])
			io.WriteString(late, head(prefix+"/file", kind, len(body))+body[:1<<19])
			untouched(t, d, 1)
			refused(t, listen(t, early), http.StatusBadRequest, text, "code", code.Field())
			refused(t, listen(t, late), http.StatusBadRequest, text, "code", code.Field())
			untouched(t, d, 1)
			quiet(t, d)
		})
}

// TestCreepingBody: a byte now and then is not moving.
func TestCreepingBody(t *testing.T) {
	d := newHurriedDrop(t)
	conn := dial(t, d)
	io.WriteString(conn, head("/write", urlencoded, 1<<20)+"code="+receipt.New().Field()+"&text=")
	go drip(conn, 1<<20, "x", 20*time.Millisecond)
	refused(t, listen(t, conn), http.StatusBadRequest, "Yang sempat sampai ada di bawah.")
	untouched(t, d, 0)
	quiet(t, d)
}

// TestSlowBodyThatMoves takes several stall times, and arrives.
func TestSlowBodyThatMoves(t *testing.T) {
	limits := hurried()
	limits.Move = 100
	d := servertest.New(t, servertest.Options{Limits: limits})
	conn := dial(t, d)
	const pieces = 12
	body := "code=" + receipt.New().Field() + "&" + servertest.Fields("/write").Encode() + "&text="
	io.WriteString(conn, head("/write", urlencoded, len(body)+pieces*100)+body)
	go drip(conn, pieces, strings.Repeat("x", 100), limits.Stall/4)
	p, _ := answerOn(t, conn)
	expect(t, p, http.StatusOK, "Sudah kami terima")
}

// TestReaderThatStopsReading: an answer that nobody takes ends as well.
func TestReaderThatStopsReading(t *testing.T) {
	d := newHurriedDrop(t)
	conn := dial(t, d)
	if err := conn.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	body := "code=" + receipt.New().Field() + "&text=" + strings.Repeat("'", 1<<20-1) // a page of 5 MiB
	io.WriteString(conn, head("/write", urlencoded, len(body))+body)
	untouched(t, d, 0)
	quiet(t, d)
}

// TestReaderThatReadsSlowly gets a long answer whole, though it takes several
// stall times.
func TestReaderThatReadsSlowly(t *testing.T) {
	limits := hurried()
	limits.Stall = 700 * time.Millisecond
	d := servertest.New(t, servertest.Options{Limits: limits})
	conn := dial(t, d)
	if err := conn.SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	body, text := longForm("'", 1<<20-1) // a page of 5 MiB
	request := head("/write", urlencoded, len(body)) + body
	io.WriteString(conn, strings.Replace(request, "\r\n", "\r\nConnection: close\r\n", 1))
	var answer strings.Builder
	for {
		n, err := io.CopyN(&answer, conn, 64<<10)
		if n == 0 || err != nil {
			break
		}
		time.Sleep(limits.Stall / 9) // as slow as the test says
	}
	if n := strings.Count(answer.String(), "&#39;"); n != len(text) {
		t.Errorf("%d letters came back, want %d", n, len(text))
	}
}

// TestSilentConnectionsLockNobodyOut: far more connections than the house holds
// send half a header, or nothing.
func TestSilentConnectionsLockNobodyOut(t *testing.T) {
	limits := hurried()
	limits.Connections = 8
	d := servertest.New(t, servertest.Options{Limits: limits})
	http.DefaultClient.CloseIdleConnections()
	for i := range 40 {
		conn := dial(t, d)
		if i%2 == 0 {
			io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
		}
		if i%8 == 0 {
			expect(t, d.Get("/"), http.StatusOK)
			http.DefaultClient.CloseIdleConnections() // the next one is new
		}
	}
	untouched(t, d, 0)
	if n := d.Connected(); n > limits.Connections {
		t.Errorf("%d connections are there, the limit is %d", n, limits.Connections)
	}
}

// TestSilenceMakesRoomForWork: a request that moves little stays, as long as others
// have not even begun one.
func TestSilenceMakesRoomForWork(t *testing.T) {
	limits := hurried()
	limits.Connections, limits.Settle, limits.Stall = 4, 0, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits})
	body := "code=" + receipt.New().Field() + "&" + servertest.Fields("/write").Encode() + "&text=isi"
	slow := begun(t, d, "/write", urlencoded, len(body))
	for range 40 {
		dial(t, d)
		expect(t, d.Get("/"), http.StatusOK)
		http.DefaultClient.CloseIdleConnections()
	}
	io.WriteString(slow, body)
	p, _ := answerOn(t, slow)
	expect(t, p, http.StatusOK, "Sudah kami terima")
}

// firstPart of an upload is more than the kernel keeps of one.
const firstPart = 12 << 20

// TestSlowestMakesRoom: in a house full of requests the one that moves least
// goes, and an upload that moves stays.
func TestSlowestMakesRoom(t *testing.T) {
	limits := hurried()
	limits.Connections, limits.Settle, limits.Stall = 8, 0, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	http.DefaultClient.CloseIdleConnections()
	body, kind := upload(t, code, 16<<20)
	moving := begun(t, d, "/file", kind, len(body))
	io.WriteString(moving, body[:firstPart]) // once it is out, the server has read most of it
	for range 40 {
		begun(t, d, "/write", urlencoded, 5000)
		expect(t, d.Get("/"), http.StatusOK)
	}
	io.WriteString(moving, body[firstPart:])
	p, _ := answerOn(t, moving)
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	untouched(t, d, 2)
}

// TestSlowestUploadMakesRoom: uploads cost most, so they have a limit of their own.
func TestSlowestUploadMakesRoom(t *testing.T) {
	limits := hurried()
	limits.Uploads, limits.Settle, limits.Stall = 4, 0, time.Minute
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	http.DefaultClient.CloseIdleConnections()
	body, kind := upload(t, code, 16<<20)
	moving := begun(t, d, "/file", kind, len(body))
	io.WriteString(moving, body[:firstPart]) // once it is out, the server has read most of it
	var stalled []net.Conn
	for range 20 {
		stalled = append(stalled, begun(t, d, "/file", kind, len(body)))
	}
	p := d.Upload("/file", "b.jpg", []byte("lain"), "code", code.Field(), "n", "2")
	expect(t, p, http.StatusOK, "Susulan 2 sudah kami terima.")
	for _, conn := range stalled[:10] {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a stalled upload was answered")
		}
	}
	io.WriteString(moving, body[firstPart:])
	p, _ = answerOn(t, moving)
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	untouched(t, d, 3)
}

// longForm is a form whose text is far above the limit, and the text.
func longForm(letters string, n int) (body, text string) {
	text = strings.Repeat(letters, n)
	return "code=" + receipt.New().Field() + "&text=" + text, text
}

// TestLongFormsTakeTurns: who dawdles over a long text keeps nobody from sending
// an ordinary one; another long one gets its beginning back; and the place is
// free again after its time, though its sender moves.
func TestLongFormsTakeTurns(t *testing.T) {
	limits := hurried()
	limits.LongForms, limits.LongTime, limits.Move = 1, 4*time.Second, 1
	d := servertest.New(t, servertest.Options{Limits: limits})
	held, heldText := longForm("h", 130_000)
	holder := dial(t, d)
	// The kernel takes the whole answer, also when this process has to wait: the drops
	// that come after it reset the connection half a second later.
	if err := holder.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	io.WriteString(holder, head("/write", urlencoded, 1<<20)+held)
	go drip(holder, 1<<20, "h", 100*time.Millisecond)
	answer := overheard(holder)
	body, text := longForm("x", 130_000)
	var p servertest.Page
	for p.Status != http.StatusRequestEntityTooLarge { // the holder may not be there yet
		p = post(t, d, "/write", urlencoded, body)
	}
	refused(t, p, http.StatusRequestEntityTooLarge, "Di bawah hanya bagian awalnya; sisanya tidak ada lagi di sini.")
	if back := formOf(t, p)["text"]; len(back) < 70_000 || !strings.HasPrefix(text, back) {
		t.Errorf("%d bytes came back", len(back))
	}
	d.Send("tulisan biasa")
	p, _ = parsed(t, bytes.NewReader(<-answer))
	refused(t, p, http.StatusBadRequest, "Yang sempat sampai ada di bawah.")
	if back := formOf(t, p)["text"]; !strings.HasPrefix(back, heldText) {
		t.Errorf("%d bytes came back", len(back))
	}
	refused(t, post(t, d, "/write", urlencoded, body), http.StatusUnprocessableEntity, "Pendekkan", "text", text)
	untouched(t, d, 1)
}

// overheard reads what comes on a connection until it ends, however it ends.
func overheard(conn net.Conn) <-chan []byte {
	all := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(conn)
		all <- b
	}()
	return all
}

// TestHostileFormsCostBoundedMemory: a hundred forms with a megabyte each, that
// never end, cost what the places and the beginnings of the others cost.
func TestHostileFormsCostBoundedMemory(t *testing.T) {
	limits := hurried()
	limits.Stall, limits.LongWait, limits.LongForms = time.Minute, time.Minute, 4
	d := servertest.New(t, servertest.Options{Limits: limits})
	d.Send("yang pertama") // what is made once and kept is no cost of these forms
	http.DefaultClient.CloseIdleConnections()
	before := heap()
	const senders = 100
	quotes := []byte(strings.Repeat("'", 1<<14))
	for range senders {
		conn := dial(t, d)
		io.WriteString(conn, head("/write", urlencoded, 1<<30)+"code=00&text=")
		go func() {
			for range 1 << 20 / len(quotes) {
				conn.Write(quotes)
			}
		}()
	}
	most := int64(0)
	for range 8 {
		time.Sleep(100 * time.Millisecond) // between two samples
		most = max(most, heap()-before)
	}
	d.Send("tulisan biasa")
	if limit := int64(senders*(200<<10) + limits.LongForms*(3<<20)); most > limit || most < senders*limits.PlainForm/2 {
		t.Errorf("%d MiB, want below %d MiB, and not nothing", most>>20, limit>>20)
	}
	t.Logf("%d forms cost %d MiB", senders, most>>20)
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one finalized
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestProductionLimitsHoldTogether: the one set of values that drops run with.
func TestProductionLimitsHoldTogether(t *testing.T) {
	l := server.Production()
	form := fmt.Sprintf("code=%s&n=127&text=%s", receipt.New().Field(), strings.Repeat("%41", 24_000)) +
		strings.Repeat("&q.jangan_teruskan="+strings.Repeat("%41", item.MaxAnswers/item.MaxValues), item.MaxValues)
	for promise, holds := range map[string]bool{
		"the largest form that is taken needs no place":      int64(len(form)) <= l.PlainForm,
		"200,000 characters of any kind come back":           l.Form >= 4*200_000,
		"they arrive at 16 KiB a second, escaped":            float64(3*l.Form) <= 16<<10*l.LongTime.Seconds(),
		"what stands still ends before a place's time":       l.Stall < l.LongTime,
		"nobody waits for a place longer than for a body":    l.LongWait < l.Stall,
		"stopping ends before systemd kills":                 l.Stop+l.StopStall < 90*time.Second,
		"the largest picture fits, and others beside it":     l.Pictures >= 3*evidence.MaxPicture,
		"nobody waits for a picture longer than for a body":  l.PictureWait < l.Stall,
		"who stands still loses his share before his turn":   l.PictureGrace < l.Stall,
		"4 MiB at 16 KiB/s keep their share in a crowd":      4<<20 <= 16<<10*l.PictureTurn.Seconds(),
		"nobody keeps others' pictures out for 10 minutes":   l.PictureGrace+l.PictureTurn+l.PictureWait < 10*time.Minute,
		"the house fits below the usual limit of 1024 files": l.Connections <= 512,
	} {
		if !holds {
			t.Errorf("not so: %s", promise)
		}
	}
}
