package reporter

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"testing"
)

const testBoundary = "batas4711"

// request is an upload with this body.
func request(body []byte, length int64) *http.Request {
	return &http.Request{
		Header:        http.Header{"Content-Type": {"multipart/form-data; boundary=" + testBoundary}},
		ContentLength: length, Body: io.NopCloser(bytes.NewReader(body)),
	}
}

func formBody(t testing.TB, file []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if err := w.SetBoundary(testBoundary); err != nil {
		t.Fatal(err)
	}
	w.WriteField("code", "00")
	w.WriteField("n", "1")
	part, err := w.CreateFormFile("file", "a.jpg")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(file)
	w.Close()
	return out.Bytes()
}

// TestSizeIsKnownBeforeTheFile: for files of many sizes, and with boundaries of
// other forms in them.
func TestSizeIsKnownBeforeTheFile(t *testing.T) {
	for _, file := range [][]byte{
		{}, {0}, make([]byte, 4095), make([]byte, 4096), make([]byte, 4097), make([]byte, 1<<20),
		[]byte("\r\n"), []byte("\r\n--" + testBoundary[:5]), []byte("--" + testBoundary[:8] + "--\r\n"),
	} {
		body := formBody(t, file)
		up, err := openUpload(request(body, int64(len(body))))
		if err != nil {
			t.Fatal(err)
		}
		if up.size != int64(len(file)) || up.name != "a.jpg" || up.fields["n"] != "1" {
			t.Errorf("a file of %d bytes is said to have %d", len(file), up.size)
		}
		if got, err := io.ReadAll(up); err != nil || !bytes.Equal(got, file) {
			t.Errorf("a file of %d bytes: %d came out, %v", len(file), len(got), err)
		}
	}
}

// TestBoundaryInsideTheFile: no browser sends it; it is refused, not cut.
func TestBoundaryInsideTheFile(t *testing.T) {
	for _, file := range []string{"--" + testBoundary + "--", "a\r\n--" + testBoundary + "--\r\nb", "a\r\n--" + testBoundary + "\r\n\r\nb"} {
		body := formBody(t, []byte(file))
		up, err := openUpload(request(body, int64(len(body))))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(up); err == nil {
			t.Errorf("%q was read as %q", file, got)
		}
	}
}
