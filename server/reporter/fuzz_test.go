package reporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"saksi/crypto/fuzztest"
)

// FuzzUpload: whatever is read to its end without an error has exactly the size
// that was known before. Of the file nothing is held, and of all else no more
// than has its room.
func FuzzUpload(f *testing.F) {
	const kind = "multipart/form-data; boundary=" + testBoundary
	body := formBody(f, []byte("isi"))
	f.Add(kind, body, int64(len(body)))
	f.Add(kind, body[:len(body)-4], int64(len(body)))
	f.Add(kind, append(bytes.Clone(body), "lebih"...), int64(len(body)+5))
	f.Add(kind, []byte("--"+testBoundary+"\r\n\r\n"), int64(-1))
	f.Add(`multipart/form-data; boundary="a b"; boundary*0=c`, []byte("--a b\r\n"), int64(7))
	f.Add("text/plain", []byte("x"), int64(1))
	var headers strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&headers, "%x:\r\n", i)
	}
	f.Add(kind, []byte("--"+testBoundary+"\r\n"+headers.String()+"\r\n"), int64(1<<20))
	// What is read ahead, 256 KiB, and headers of many names in the room for them.
	bound := fuzztest.Bound{Base: 1 << 20}
	f.Fuzz(func(t *testing.T, kind string, body []byte, length int64) {
		var up *upload
		var err, readErr error
		var read int64
		bound.Check(t, len(body), func() {
			// net/http gives out no more of a body than was announced.
			r := request(body[:max(0, min(int64(len(body)), length))], length)
			r.Header.Set("Content-Type", kind)
			if up, err = openUpload(r); err == nil {
				read, readErr = io.Copy(io.Discard, struct{ io.Reader }{up})
			}
		})
		if err != nil {
			fuzztest.Refused(t, err, ErrForm, ErrLength, ErrNoFile)
			return
		}
		for name, value := range up.fields {
			if len(value) > maxFieldSize || len(up.fields) > maxFields {
				t.Errorf("%d fields, %q has %d bytes", len(up.fields), name, len(value))
			}
		}
		if readErr == nil && read != up.size {
			t.Errorf("%d bytes came out, %d were announced", read, up.size)
		} else if readErr != nil && readErr != io.ErrUnexpectedEOF {
			t.Errorf("a file that breaks off: %v", readErr)
		}
	})
}

// FuzzForm: the fields of a form that was read, written again, are read as the
// same; what the handlers take from them is in its range.
func FuzzForm(f *testing.F) {
	const kind = "application/x-www-form-urlencoded"
	const limit = 64 << 10
	f.Add(kind, []byte("text=isi%0D%0Alagi&q.a=&q.a=b&q.a=b&q.b.finer=c&n=3&code=00"))
	f.Add(kind, []byte("a&a&a=%zz"))
	f.Add(kind+"; charset=x", []byte("n=-1;n=2"))
	f.Add(kind, bytes.Repeat([]byte("&"), limit+1))
	f.Add(kind, bytes.Repeat([]byte("x"), limit+1))
	f.Add("text/plain", []byte("a=b"))
	var names strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&names, "+%x&", i)
	}
	f.Add(kind, []byte(names.String()))
	h := &Handler{MaxForm: limit}
	e := echo.New()
	read := func(kind string, body []byte) (form, error) {
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", kind)
		return h.form(e.NewContext(r, httptest.NewRecorder()))
	}
	// A field takes its place in a map and a slice, and may have two bytes.
	bound := fuzztest.Bound{Base: 64 << 10, PerByte: 64}
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		var got form
		var err error
		bound.Check(t, len(kind)+len(body), func() { got, err = read(kind, body) })
		if err != nil {
			fuzztest.Refused(t, err, ErrForm, ErrFormSize, ErrFormCut)
			return
		}
		values := url.Values{}
		for name, list := range got.values {
			for i, value := range list {
				list[i] = strings.ReplaceAll(value, "\r\n", "\n") // of \r\r\n the first stays
				values.Add(name, list[i])
			}
		}
		again, err := read("application/x-www-form-urlencoded", []byte(values.Encode()))
		if err != nil || !reflect.DeepEqual(again.values, got.values) {
			t.Errorf("a form does not come back: %q is %q, %v", got.values, again.values, err)
		}
		if n, err := got.number(); err == nil && (n < 0 || n > 127) {
			t.Errorf("item number %d was taken", n)
		}
		if code, err := got.code(); err == nil && code.Field() != got.text("code") {
			t.Error("a second spelling of a code was taken")
		}
	})
}

// TestLargeUploadsTakeLittleMemory: whichever part of an upload is large, of no
// more than its room anything is held.
func TestLargeUploadsTakeLittleMemory(t *testing.T) {
	large := strings.Repeat("a", 16<<20)
	begin := "--" + testBoundary + "\r\n"
	for name, test := range map[string]struct {
		body string
		want error
	}{
		"file":     {string(formBody(t, []byte(large))), nil},
		"preamble": {large + "\r\n" + begin, ErrForm},
		"header":   {begin + "A: " + large + "\r\n\r\n", ErrForm},
		"headers":  {begin + strings.Repeat("A: b\r\n", 2<<20) + "\r\n", ErrForm},
		"field":    {begin + "Content-Disposition: form-data; name=code\r\n\r\n" + large, ErrForm},
		"parts":    {strings.Repeat(begin+"\r\n\r\n", 500_000), ErrForm},
	} {
		fuzztest.Bound{Base: 1 << 20}.Check(t, len(test.body), func() {
			r := request(nil, int64(len(test.body)))
			r.Body = io.NopCloser(strings.NewReader(test.body))
			up, err := openUpload(r)
			if err == nil {
				_, err = io.Copy(io.Discard, struct{ io.Reader }{up})
			}
			if !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
		})
	}
}
