package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server"
	"saksi/server/servertest"
)

// hurried are the limits of a drop that waits for nobody longer than a second.
func hurried() server.Limits {
	l := server.Production()
	l.Stall, l.Linger, l.LongWait, l.Tick = time.Second, time.Second/2, time.Second/2, time.Millisecond
	l.StopStall = time.Second / 4
	return l
}

func newHurriedDrop(t *testing.T) *servertest.Drop {
	return servertest.New(t, servertest.Options{Limits: hurried()})
}

// upload is a form with a file for a code, and its content type.
func upload(t *testing.T, code receipt.Code, size int) (body, kind string) {
	b, kind := servertest.Multipart(t, "a.jpg", make([]byte, size), "code", code.Field(), "n", "1")
	return string(b), kind
}

func boundary(kind string) string { return kind[strings.Index(kind, "boundary=")+len("boundary="):] }

// half sends a request whose body ends early: its sender says so, and still
// listens.
func half(t *testing.T, d *servertest.Drop, request string) servertest.Page {
	t.Helper()
	conn := dial(t, d)
	io.WriteString(conn, request)
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	return listen(t, conn)
}

func dial(t *testing.T, d *servertest.Drop) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

// listen reads an answer, and holds that the connection ends with it.
func listen(t *testing.T, conn net.Conn) servertest.Page {
	t.Helper()
	p, ends := answerOn(t, conn)
	if n, err := conn.Read(make([]byte, 1)); err == nil || n > 0 || !ends {
		t.Errorf("the connection goes on after the answer: %v", err)
	}
	return p
}

// answerOn reads an answer, and whether it says that the connection ends.
func answerOn(t *testing.T, conn net.Conn) (p servertest.Page, ends bool) {
	t.Helper()
	return parsed(t, conn)
}

func parsed(t *testing.T, answer io.Reader) (p servertest.Page, ends bool) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return servertest.Page{Status: resp.StatusCode, Header: resp.Header, Body: string(b)}, resp.Close
}

// TestTruncatedForm: what did arrive comes back, without half a letter.
func TestTruncatedForm(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	says{
		"Yang sempat sampai ada di bawah. Periksa akhirnya, lengkapi, lalu kirim lagi.",
		"What did arrive is below. Check its end, complete it, then send again.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for sent, back := range map[string]string{
			"satu+dua":             "satu dua",
			"satu%0D%0Adua%E2%80":  "satu\ndua",
			"satu%E2%80%9":         "satu",
			"satu%":                "satu",
			strings.Repeat("a", 4): "aaaa",
		} {
			body := "code=" + code.Field() + "&n=1&text=" + sent
			p := half(t, d, head(prefix+"/write", urlencoded, len(body)+9)+body)
			refused(t, p, http.StatusBadRequest, text, "code", code.Field(), "text", back)
			p = half(t, d, head(prefix+"/message", urlencoded, len(body)+9)+body)
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code.Field(), "text", back)
		}
		p := half(t, d, head(prefix+"/open", urlencoded, 100)+"words=bayam+layar")
		refused(t, p, http.StatusBadRequest, text, "words", "bayam layar")
		untouched(t, d, 1)
	})
}

func TestTruncatedUpload(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 300_000)
	says{
		"Buka percakapan, lalu coba lagi saat sinyal baik.",
		"Open your conversation and try again on a better connection.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for _, sent := range []int{len(body) - 1, len(body) - len(boundary(kind)) - 8, 200_000, 1000} {
			p := half(t, d, head(prefix+"/file", kind, len(body))+body[:sent])
			refused(t, p, http.StatusBadRequest, text, "code", code.Field())
		}
		p := half(t, d, head(prefix+"/file", kind, len(body))+body[:30]) // before the code
		refused(t, p, http.StatusBadRequest, text)
		untouched(t, d, 1)
	})
}

// TestSenderGoesAway: nobody is left to read a page; nothing is kept or logged.
func TestSenderGoesAway(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 400_000)
	form := "code=" + receipt.New().Field() + "&text=isi"
	for _, request := range []string{
		head("/file", kind, len(body)) + body[:200_000], head("/write", urlencoded, len(form)+1) + form,
		"POST /write HTTP/1.1\r\nHost: localhost\r\nContent-Le",
	} {
		for _, linger := range []int{0, -1} { // a reset, and an end
			conn := dial(t, d)
			io.WriteString(conn, request)
			conn.SetLinger(linger)
			conn.Close()
		}
	}
	quiet(t, d)
	untouched(t, d, 1)
}

// quiet waits until nobody but this test is connected.
func quiet(t *testing.T, d *servertest.Drop) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	for range 1000 {
		if d.Connected() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d connections are still there", d.Connected())
}

// TestLengthThatIsTooSmall: the form ends on the byte that was announced, or it
// is none.
func TestLengthThatIsTooSmall(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 100_000)
	says{"Buka percakapan, lalu coba lagi", "Open your conversation and try again"}.each(t,
		func(t *testing.T, prefix, text string) {
			for _, less := range []int{1, 2, 50, 99_000} {
				p := post(t, d, prefix+"/file", kind, body[:len(body)-less])
				refused(t, p, http.StatusBadRequest, text, "code", code.Field())
			}
			untouched(t, d, 1)
		})
}

// TestLengthThatIsTooLarge: the rest never comes. The page does, and the
// connection ends.
func TestLengthThatIsTooLarge(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 100_000)
	form := "code=" + code.Field() + "&n=1&text=isi+pesan"
	says{
		"Yang sempat sampai ada di bawah.", "What did arrive is below.",
	}.each(t, func(t *testing.T, prefix, text string) {
		for _, more := range []int{1, 50, 1 << 40} {
			file, message := dial(t, d), dial(t, d)
			io.WriteString(file, head(prefix+"/file", kind, len(body)+more)+body)
			io.WriteString(message, head(prefix+"/message", urlencoded, len(form)+more)+form)
			refused(t, listen(t, file), lyingStatus(more), "", "code", code.Field())
			refused(t, listen(t, message), http.StatusUnprocessableEntity, text, "code", code.Field(), "text", "isi pesan")
		}
		untouched(t, d, 1)
	})
}

// lyingStatus is the status for a file that is said to be so much larger.
func lyingStatus(more int) int {
	if more > 1<<30 {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// TestMissingLength: a file's size has to be known; a text may come in chunks.
func TestMissingLength(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 1000)
	chunked := func(path, kind, body string) servertest.Page {
		return speak(t, d, fmt.Sprintf(
			"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
			path, kind, len(body), body))
	}
	says{
		"Perbarui Tor Browser, lalu coba lagi. Atau ketik ulang isi berkas sebagai pesan.",
		"Update Tor Browser and try again. Or type what the file says as a message.",
	}.each(t, func(t *testing.T, prefix, text string) {
		refused(t, chunked(prefix+"/file", kind, body), http.StatusLengthRequired, text, "code", code.Field())
		p := speak(t, d, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n\r\n", prefix+"/file", kind))
		expect(t, p, http.StatusBadRequest) // without either there is no body
		untouched(t, d, 1)
	})
	form := "code=" + code.Field() + "&n=1&text=isi+pesan"
	expect(t, chunked("/message", urlencoded, form), http.StatusOK, "Susulan 1 sudah kami terima.")
	untouched(t, d, 2)
}

// TestOddLengths: net/http answers by itself, and reads no body.
func TestOddLengths(t *testing.T) {
	d := newHurriedDrop(t)
	for _, length := range []string{"-1", "x", "1e3", "99999999999999999999", "5\r\nContent-Length: 6"} {
		p := speak(t, d, strings.Replace(head("/write", urlencoded, 0), "Length: 0", "Length: "+length, 1)+"hello")
		expect(t, p, http.StatusBadRequest)
	}
	untouched(t, d, 0)
}

func TestThousandsOfParts(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	body, kind := upload(t, code, 1000)
	part := "--" + boundary(kind) + "\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n"
	lead := "--" + boundary(kind) + "\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n" + code.Field() + "\r\n"
	says{"Buka lagi halamannya, lalu kirim sekali lagi.", "Open the page again and send once more."}.each(t,
		func(t *testing.T, prefix, text string) {
			p := post(t, d, prefix+"/file", kind, lead+strings.Repeat(part, 5000)+body)
			refused(t, p, http.StatusBadRequest, text, "code", code.Field())
			long := strings.Replace(part, "x", strings.Repeat("x", 1<<20), 1)
			refused(t, post(t, d, prefix+"/file", kind, lead+long+body), http.StatusBadRequest, text, "code", code.Field())
			untouched(t, d, 1)
		})
	// A part behind the file: what browsers never send may hide another size.
	more := strings.Replace(body, "\r\n--"+boundary(kind)+"--", "\r\n"+part+"--"+boundary(kind)+"--", 1)
	refused(t, post(t, d, "/file", kind, more), http.StatusBadRequest, "coba lagi", "code", code.Field())
	untouched(t, d, 1)
}

// TestRefusedUploadIsReadToItsEnd: a browser that is still sending would show a
// broken connection in place of the page.
func TestRefusedUploadIsReadToItsEnd(t *testing.T) {
	limits := hurried()
	d := servertest.New(t, servertest.Options{MaxFile: 1 << 20, Limits: limits})
	code := d.Send("satu")
	says{"Pilih berkas yang lebih kecil", "Choose a smaller file"}.each(t, func(t *testing.T, prefix, text string) {
		p := d.Upload(prefix+"/file", "a.bin", make([]byte, 40<<20), "code", code.Field(), "n", "1")
		refused(t, p, http.StatusRequestEntityTooLarge, text, "code", code.Field())
		p = d.Upload(prefix+"/file", "a.bin", bytes.Repeat([]byte{1}, 2<<20), "code", "rusak", "n", "1")
		expect(t, p, http.StatusBadRequest)
		untouched(t, d, 1)
	})
}

func TestNoFileOrAnEmptyOne(t *testing.T) {
	d := newHurriedDrop(t)
	code := d.Send("satu")
	says{"Pilih satu berkas, lalu kirim lagi.", "Choose one and send again."}.each(t,
		func(t *testing.T, prefix, text string) {
			p := d.Upload(prefix+"/file", "", nil, "code", code.Field(), "n", "1")
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code.Field())
			untouched(t, d, 1)
		})
	says{"Pilih berkas lain, lalu kirim lagi.", "Choose another one and send again."}.each(t,
		func(t *testing.T, prefix, text string) {
			p := d.Upload(prefix+"/file", "a.jpg", nil, "code", code.Field(), "n", "1")
			refused(t, p, http.StatusUnprocessableEntity, text, "code", code.Field())
			untouched(t, d, 1)
		})
}
