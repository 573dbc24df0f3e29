package server_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"saksi/server"
	"saksi/server/servertest"
	"saksi/web/taxonomy"
)

// fetchScript fetches as a browser that names codings.
func fetchScript(t *testing.T, d *servertest.Drop, path, codings string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest("GET", d.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", codings)
	resp, err := d.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// TestTheScript has its hash in its address, is compressed for who takes it so, and
// may be kept for a day by the browser alone.
func TestTheScript(t *testing.T) {
	script := "\"use strict\";\n" + strings.Repeat("const saksi = 1;\n", 100)
	d := servertest.New(t, servertest.Options{Script: []byte(script)})
	hash := sha256.Sum256([]byte(script))
	path := "/saksi-" + hex.EncodeToString(hash[:8]) + ".js"
	if server.ScriptPath([]byte(script)) != path {
		t.Errorf("its address is %q", server.ScriptPath([]byte(script)))
	}
	for codings, want := range map[string]string{
		"": "", "br": "", "gzip": "gzip", "br, gzip, zstd": "gzip", "gzip;q=0": "", "xgzip": "",
	} {
		resp, text := fetchScript(t, d, path, codings)
		if resp.Header.Get("Content-Encoding") != want || resp.ContentLength != int64(len(text)) {
			t.Errorf("for %q: encoding %q, %d bytes", codings, resp.Header.Get("Content-Encoding"), resp.ContentLength)
		}
		if want == "gzip" {
			unzipped, err := gzip.NewReader(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(unzipped)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		if text != script || resp.Header.Get("Cache-Control") != "private, max-age=86400, immutable" ||
			resp.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || resp.Header["Date"] != nil {
			t.Errorf("for %q: %d bytes, header %v", codings, len(text), resp.Header)
		}
	}
	if p := d.Get("/saksi-0000000000000000.js"); p.Status != http.StatusNotFound {
		t.Errorf("another script: status %d", p.Status)
	}
}

// TestThePolicyHasTheScriptWhereThereIsOne, and nothing more than before where there
// is none.
func TestThePolicyHasTheScriptWhereThereIsOne(t *testing.T) {
	common := []string{
		"default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'",
	}
	for script, own := range map[string][]string{
		"": {"img-src data:"},
		"1": {
			"img-src data: blob:", "script-src 'self'", "connect-src 'self'",
			"require-trusted-types-for 'script'", "trusted-types 'none'",
		},
	} {
		d := servertest.New(t, servertest.Options{Script: []byte(script)})
		for _, path := range []string{"/", "/en/write", "/entah", "/style.css", "/taxonomy.json"} {
			got := strings.Split(d.Get(path).Header.Get("Content-Security-Policy"), "; ")
			if want := slices.Concat(common, own); !slices.Equal(got, want) {
				t.Errorf("%s: the policy is %q, want %q", path, got, want)
			}
		}
	}
}

// TestTheTaxonomyIsServedToTheByte: a testimony names it by its hash.
func TestTheTaxonomyIsServedToTheByte(t *testing.T) {
	d := newDrop(t)
	p := d.Get("/taxonomy.json")
	hash := sha256.Sum256([]byte(p.Body))
	if _, last, _ := strings.Cut(taxonomy.Current().Reference(), " "); p.Status != http.StatusOK ||
		!strings.HasSuffix(last, hex.EncodeToString(hash[:])) || p.Header.Get("Content-Type") != "application/json" {
		t.Errorf("status %d, %q, %d bytes", p.Status, p.Header.Get("Content-Type"), len(p.Body))
	}
}
