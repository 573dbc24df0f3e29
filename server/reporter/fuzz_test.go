package reporter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/labstack/echo/v4"

	"saksi/crypto/fuzztest"
	"saksi/crypto/item"
	"saksi/crypto/roster"
	"saksi/web"
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
		comesBack(t, up, body[:min(len(body), 1<<16)])
	})
}

// comesBack holds that what was read of an upload, written as browsers do, is read as
// the same, with any file behind it.
func comesBack(t *testing.T, up *upload, file []byte) {
	t.Helper()
	names := slices.Sorted(maps.Keys(up.fields))
	if slices.Contains(names, "file") || strings.ContainsAny(strings.Join(names, "")+up.name, "\x00\r\n") {
		return // a browser writes those otherwise
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range names {
		w.WriteField(name, up.fields[name])
	}
	for _, value := range up.chosen.Withheld {
		w.WriteField(web.SkipField, value)
	}
	w.WriteField(web.ProvinceField, up.chosen.Province)
	w.WriteField(web.RosterField, up.chosen.Roster)
	part, err := w.CreateFormFile("file", up.name)
	if err != nil {
		t.Fatal(err)
	}
	part.Write(file)
	w.Close()
	if out.Len()-len(file) > multipartRoom/2 {
		return // the heads that are written are longer than those that were read
	}
	r := request(out.Bytes(), int64(out.Len()))
	r.Header.Set("Content-Type", w.FormDataContentType())
	again, err := openUpload(r)
	if err != nil {
		t.Fatalf("an upload that was read is not read again: %v", err)
	}
	read, err := io.ReadAll(struct{ io.Reader }{again})
	if err != nil || !bytes.Equal(read, file) {
		t.Errorf("of %d bytes %d came back: %v", len(file), len(read), err)
	}
	if !maps.Equal(again.fields, up.fields) || again.name != up.name || !reflect.DeepEqual(again.chosen, up.chosen) {
		t.Errorf("%q, %+v of %q became %q, %+v of %q", up.fields, up.chosen, up.name, again.fields, again.chosen, again.name)
	}
}

// FuzzForm: the fields of a form that was read, written again, are read as the
// same; what the handlers take from them is in its range. Of a form that is refused or
// breaks off is kept what a page can hand back: of each field the beginning, in its room.
func FuzzForm(f *testing.F) {
	const kind = "application/x-www-form-urlencoded"
	f.Add(kind, []byte("text=isi%0D%0Alagi&q.a=&q.a=b&q.a=b&q.b.finer=c&n=3&code=00"), uint16(12))
	f.Add(kind, []byte("a&a&a=%zz"), uint16(8))
	f.Add(kind+"; charset=x", []byte("n=-1;n=2"), uint16(0))
	f.Add(kind, bytes.Repeat([]byte("&"), formLimit+1), uint16(1))
	f.Add(kind, bytes.Repeat([]byte("x"), formLimit+1), uint16(1))
	f.Add(kind, []byte("text=%F0%9F%98%80&skip=id:r1&skip=id:r2&q.a="+strings.Repeat("%41", maxShort+1)), uint16(9))
	f.Add(kind, []byte("text="+strings.Repeat("a", formLimit+1)+"&code=1&code=2"), uint16(60_000))
	f.Add(kind, []byte(strings.Repeat("q.abc="+strings.Repeat("x", 1000)+"&", 20)), uint16(15_000))
	f.Add("text/plain", []byte("a=b"), uint16(0))
	var names strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&names, "+%x&", i)
	}
	f.Add(kind, []byte(names.String()), uint16(0))
	// Of a text what it grows through, and a copy; of fields their number.
	bound := fuzztest.Bound{Base: 128 << 10, PerByte: 8}
	f.Fuzz(func(t *testing.T, kind string, body []byte, at uint16) {
		var got form
		var err error
		bound.Check(t, len(kind)+len(body), func() { got, err = bodyOf(kind, bytes.NewReader(body)) })
		hasItsRoom(t, got)
		cut := body[:min(int(at), len(body))]
		part, cutErr := bodyOf(kind, io.MultiReader(bytes.NewReader(cut), iotest.ErrReader(io.ErrUnexpectedEOF)))
		isBeginning(t, part, got)
		if cutErr == nil {
			t.Error("half a form was taken for a whole one")
		}
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
		again, err := bodyOf("application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
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

const formLimit = 64 << 10 // bytes of a text

func bodyOf(kind string, body io.Reader) (form, error) {
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.Header.Set("Content-Type", kind)
	h := &Handler{MaxForm: formLimit}
	return h.form(echo.New().NewContext(r, httptest.NewRecorder()))
}

// hasItsRoom holds that nothing is kept of a form but fields of ours, each in its room.
func hasItsRoom(t *testing.T, f form) {
	t.Helper()
	fields, answers := 0, 0
	for name, values := range f.values {
		d := decoder{maxText: formLimit}
		room, known := d.room(name)
		fields += len(values)
		for _, value := range values {
			if !known || len(value) > room || len(values) > 1 && !isList(name) {
				t.Errorf("%d bytes in one of %d fields %q", len(value), len(values), name)
			}
			if isList(name) {
				answers += len(name) + len(value)
			}
		}
	}
	if fields > maxFormFields || answers > maxAnswers {
		t.Errorf("%d fields, with answers of %d bytes", fields, answers)
	}
}

// isBeginning holds that each value of a form that broke off is what the whole one has
// there, or its beginning. Of a line break and of a name half may have come.
func isBeginning(t *testing.T, part, whole form) {
	t.Helper()
	for name, values := range part.values {
		for i, value := range values {
			value = strings.TrimSuffix(value, "\r")
			if all := whole.values[name]; value != "" && (i >= len(all) || !strings.HasPrefix(all[i], value)) {
				t.Errorf("field %q began with %q, and is %q", name, value, all)
			}
		}
	}
}

// FuzzReaders: a value of a form excludes those of whom the page says so, and nobody
// else; one that excludes nobody is refused, and with it all others.
func FuzzReaders(f *testing.F) {
	f.Add("r1", "73.02", "LBH", "id:r1\nregion:73")
	f.Add("r1", "00", "id:r1", "org:id:r1\nregion:00")
	f.Add("region:73", "7", "", "region:\norg:\nid:")
	f.Add("r1", "73.02", "LBH", "region:7\nid:r\nr1\n73")
	f.Add("r1", "73", "LBH", strings.Repeat("region:73\n", 400))
	bound := fuzztest.Bound{Base: 8 << 10, PerByte: 128}
	f.Fuzz(func(t *testing.T, id, region, organisation, skipped string) {
		readers := []roster.Reviewer{
			{ID: id, Region: region, Organisation: organisation}, {ID: "r2", Region: "73.02", Organisation: "LBH"},
			{ID: "r3", Region: "73", Organisation: "Lain"}, {ID: "r4", Region: roster.National, Organisation: "LBH"},
		}
		values := strings.Split(skipped, "\n")
		var ids []string
		var err error
		bound.Check(t, len(skipped), func() { ids, err = excluded(values, readers) })
		if err != nil {
			fuzztest.Refused(t, err, item.ErrNoReader)
		}
		refused := false
		for _, v := range readers {
			covered := slices.ContainsFunc(values, func(value string) bool { return covers(value, v) })
			if err == nil && covered != slices.Contains(ids, v.ID) && id != "r2" && id != "r3" && id != "r4" {
				t.Errorf("%q is excluded: %v, by %q", v.ID, !covered, values)
			}
		}
		for _, value := range values {
			refused = refused || !slices.ContainsFunc(readers, func(v roster.Reviewer) bool { return covers(value, v) })
		}
		if refused != (err != nil) {
			t.Errorf("%q: %v", values, err)
		}
	})
}

// covers is what the page says of a value: the person, all of an organisation, of a
// region, or of the regencies in a province.
func covers(value string, v roster.Reviewer) bool {
	in := []string{"id:" + v.ID, "org:" + v.Organisation, "region:" + v.Region}
	for i, c := range v.Region {
		if c == '.' && v.Region != roster.National {
			in = append(in, "region:"+v.Region[:i])
		}
	}
	return slices.Contains(in, value)
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
