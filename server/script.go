package server

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// A script is what browsers run that seal by themselves. Its address has its hash,
// so that one page never runs the script of another release.
type script struct {
	path          string
	plain, zipped []byte
}

// ScriptPath returns the address of a script, for pages; "" for none.
func ScriptPath(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	hash := sha256.Sum256(text)
	return "/saksi-" + hex.EncodeToString(hash[:8]) + ".js"
}

// newScript compresses a script once. It returns nil for none.
func newScript(text []byte) *script {
	if len(text) == 0 {
		return nil
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("server: internal error: " + err.Error())
	}
	return &script{path: ScriptPath(text), plain: text, zipped: zipped.Bytes()}
}

// parts are what belongs to a page because of a script.
func (s *script) parts() []string {
	if s == nil {
		return nil
	}
	return []string{s.path}
}

// serve serves it. It may stay in memory for a day, which in Tor Browser ends with
// the session; there is nothing in it that is not in everyone's.
func (s *script) serve(c echo.Context) error {
	h, text := c.Response().Header(), s.plain
	if takesGzip(c.Request()) {
		text = s.zipped
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "private, max-age=86400, immutable")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	return c.Blob(http.StatusOK, "text/javascript; charset=utf-8", text)
}

// takesGzip reports whether a request names gzip as every browser does.
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		if strings.TrimSpace(coding) == "gzip" {
			return true
		}
	}
	return false
}
