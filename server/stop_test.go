package server_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/server"
	"saksi/server/servertest"
)

// stopping starts to stop a drop, and returns how it ended.
func stopping(d *servertest.Drop) chan error {
	ended := make(chan error, 1)
	go func() { ended <- d.Stop() }()
	return ended
}

// stopLimits are the limits for stopping: a stop would take a minute if anything
// but StopStall ended what stands still.
func stopLimits() server.Limits {
	l := server.Production()
	l.StopStall, l.Tick = time.Second, time.Millisecond
	return l
}

// TestStopWithStalledRequests: a drop that is told to stop ends well, though
// senders stand still in header, form and upload, and readers in an answer.
func TestStopWithStalledRequests(t *testing.T) {
	d := servertest.New(t, servertest.Options{Limits: stopLimits()})
	code := d.Send("satu")
	body, kind := upload(t, code, 1<<20)
	form, _ := longForm("'", 1<<20-1)
	half, idle, inAnswer := dial(t, d), dial(t, d), dial(t, d)
	io.WriteString(half, "GET / HTTP/1.1\r\nHost:")
	io.WriteString(idle, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	inForm, inFile := begun(t, d, "/write", urlencoded, 5000), begun(t, d, "/file", kind, len(body))
	io.WriteString(inForm, "code="+code.Field()+"&text=isi+pesan")
	io.WriteString(inFile, body[:1<<19])
	io.WriteString(inAnswer, head("/write", urlencoded, len(form))+form)
	untouched(t, d, 1)
	ended := stopping(d)
	refused(t, listen(t, inForm), http.StatusBadRequest, "Yang sempat sampai ada di bawah.", "text", "isi pesan")
	refused(t, listen(t, inFile), http.StatusBadRequest, "coba lagi saat sinyal baik", "code", code.Field())
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if log := d.Log.String(); log != "" {
		t.Errorf("the log says %q", log)
	}
}

// TestStopLetsMovingUploadsFinish: what is under way and moves is acknowledged.
func TestStopLetsMovingUploadsFinish(t *testing.T) {
	d := servertest.New(t, servertest.Options{Limits: stopLimits()})
	code := d.Send("satu")
	body, kind := upload(t, code, 400_000)
	moving := begun(t, d, "/file", kind, len(body))
	io.WriteString(moving, body[:200_000])
	untouched(t, d, 1)
	ended := stopping(d)
	for !refusedToDial(d) {
		time.Sleep(time.Millisecond) // until it takes nothing new
	}
	go func() {
		const pieces = 10
		for i := range pieces {
			from, to := 200_000+i*(len(body)-200_000)/pieces, 200_000+(i+1)*(len(body)-200_000)/pieces
			io.WriteString(moving, body[from:to])
			time.Sleep(stopLimits().StopStall / 4)
		}
	}()
	p, _ := answerOn(t, moving)
	expect(t, p, http.StatusOK, "Susulan 1 sudah kami terima.")
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func refusedToDial(d *servertest.Drop) bool {
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err == nil {
		conn.Close()
	}
	return err != nil
}

// TestStopIsBounded: what moves and does not come to an end is cut off.
func TestStopIsBounded(t *testing.T) {
	limits := stopLimits()
	limits.Stop = time.Second
	d := servertest.New(t, servertest.Options{Limits: limits})
	code := d.Send("satu")
	body, kind := upload(t, code, 1<<20)
	conn := begun(t, d, "/file", kind, len(body))
	io.WriteString(conn, body[:300_000])
	go drip(conn, 1<<20, "xxxx", 10*time.Millisecond)
	untouched(t, d, 1)
	if err := <-stopping(d); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if log := d.Log.String(); !strings.Contains(log, "were cut off") {
		t.Errorf("the log says %q", log)
	}
}
