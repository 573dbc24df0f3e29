package sealed

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/labstack/echo/v4"

	"saksi/crypto/fuzztest"
	"saksi/crypto/parcel"
	"saksi/server/reporter"
)

// FuzzSlice: what a stranger's line and header say of a slice has one spelling, and
// lies within the upload; nothing that is refused repeats a word of it.
func FuzzSlice(f *testing.F) {
	const id = "0123456789abcdef0123456789abcdef"
	f.Add(id, partial, int64(10), "100", "90", "?1")
	f.Add(id, partial, int64(10), "100", "80", "?0")
	f.Add(id, "", int64(0), "100", "100", "?1")
	f.Add(id, partial, int64(1), "9223372036854775807", "9223372036854775807", "?1")
	f.Add(id, partial, int64(1<<62), "9223372036854775807", "4611686018427387904", "?0")
	for _, number := range []string{"+90", "090", "-1", " 90", "90 ", "0x5a", "9_0", "9e1", "", "-0", "9223372036854775808"} {
		f.Add(id, partial, int64(10), "100", number, "?1")
		f.Add(id, partial, int64(10), number, "0", "?1")
	}
	f.Add(id[1:], partial, int64(10), "100", "90", "?1")
	f.Add("0123456789ABCDEF0123456789abcdef", partial, int64(10), "100", "90", "?1 ")
	f.Add(id, "application/octet-stream", int64(-1), "100", "90", "1")
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 16}
	f.Fuzz(func(t *testing.T, id, kind string, length int64, size, offset, complete string) {
		header := http.Header{
			"Content-Type": {kind}, headerLength: {size}, headerOffset: {offset}, headerComplete: {complete},
		}
		c := echo.New().NewContext(&http.Request{Header: header, ContentLength: length}, httptest.NewRecorder())
		c.SetParamNames("id")
		c.SetParamValues(id)
		var s slice
		var err error
		bound.Check(t, len(id)+len(kind)+len(size)+len(offset)+len(complete), func() { s, err = readSlice(c) })
		if err != nil {
			fuzztest.Refused(t, err, parcel.ErrMalformed, reporter.ErrLength, echo.ErrNotFound)
			for _, text := range []string{id, kind, size, offset, complete} {
				fuzztest.Hides(t, err, text)
			}
			return
		}
		again := []string{s.id.String(), strconv.FormatInt(s.size, 10), strconv.FormatInt(s.offset, 10)}
		if again[0] != id || again[1] != size || again[2] != offset {
			t.Errorf("a second spelling was taken: %q", again)
		}
		end := s.offset + s.length
		if s.length != length || length < 0 || end < s.offset || end > s.size || complete == "?1" && end != s.size {
			t.Errorf("%d bytes at %d of %d, complete %q", s.length, s.offset, s.size, complete)
		}
		if length > 0 && kind != partial {
			t.Errorf("a body of type %q", kind)
		}
	})
}

// readSlice reads all that Begin and Append do of a request, and what both hold it to.
func readSlice(c echo.Context) (s slice, err error) {
	if s, err = sliceOf(c); err != nil {
		return s, err
	}
	h := c.Request().Header
	var sizeErr, offsetErr error
	s.size, sizeErr = number(h, headerLength)
	s.offset, offsetErr = number(h, headerOffset)
	if err := errors.Join(sizeErr, offsetErr); err != nil {
		return s, err
	}
	return s, s.check(h)
}
