package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"saksi/crypto/frames"
	"saksi/server/browser"
)

// TestCodesAreReadByAStranger: a program that has nothing of ours reads the page from a
// picture of it, in its own order, and the file comes out.
func TestCodesAreReadByAStranger(t *testing.T) {
	content := strings.Repeat("reviewer r1 | 73.71 | LBH Contoh | kunci\n", 40)
	lines, err := frames.Split([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	html, err := codes("roster<1>.note", content, lines)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(html))
	}))
	defer server.Close()
	page := browser.Chromium(t, browser.Options{Width: 1500, Height: 1200})
	if err := page.Open(server.URL); err != nil {
		t.Fatal(err)
	}
	picture := filepath.Join(t.TempDir(), "page.png")
	if err := page.Screenshot(picture); err != nil {
		t.Fatal(err)
	}
	read, err := exec.Command("zbarimg", "--quiet", "-Sdisable", "-Sqrcode.enable", picture).Output()
	if err != nil {
		t.Fatalf("zbarimg (Debian's zbar-tools): %v", err)
	}
	if n := strings.Count(string(read), "SAKSI/V1/FRAME"); n != len(lines) || n < 3 {
		t.Errorf("%d of %d codes were read", n, len(lines))
	}
	got, err := frames.Join(string(read))
	if err != nil || string(got) != content {
		t.Errorf("%d bytes came back of %d: %v", len(got), len(content), err)
	}
}

// TestNoKeyIsDrawn, open or sealed, nor a weeks file; shares for a colleague are.
func TestNoKeyIsDrawn(t *testing.T) {
	const sealed = "age-encryption.org/v1\n-> scrypt c2FsdHNhbHRzYWx0c2Fs 18\n"
	const header = "-----BEGIN AGE ENCRYPTED FILE-----\n"
	armored := header + base64.StdEncoding.EncodeToString([]byte(sealed[:48])) + "\n-----END AGE ENCRYPTED FILE-----\n"
	const toSomebody = "age-encryption.org/v1\n-> mlkem768x25519 YQ\n"
	for name, content := range map[string]string{
		"r1.key": armored, "lost.key": "\n" + armored, "binary": sealed, "open.key": "AGE-SECRET-KEY-PQ-1",
		"akar.key": "PRIVATE+KEY+akar", "r1.weeks": toSomebody, "found.WEEKS": toSomebody, "r1-r2.share": toSomebody,
		"roster.note": "isi\n",
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		drawn := run([]string{"qr", "write", path}, strings.NewReader(""), &out, &errs) == 0
		public := name == "r1-r2.share" || name == "roster.note"
		if drawn != public || !public && (out.Len() > 0 || !strings.Contains(errs.String(), errSecret.Error())) {
			t.Errorf("%s: drawn %t: %s", name, drawn, errs.String())
		}
	}
}

// TestACodesPageStandsAlone: it runs nothing, fetches nothing, and a file's name is text.
func TestACodesPageStandsAlone(t *testing.T) {
	page, err := codes(`<script>alert(1)</script>`, "isi\n", []string{"SAKSI"})
	if err != nil {
		t.Fatal(err)
	}
	page = strings.ReplaceAll(page, ` xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{"<script", "http:", "https:", "src=", "href=", "url(", "@import", "<link", "<img"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	if found := regexp.MustCompile(`\son[a-z]+=`).FindString(page); found != "" {
		t.Errorf("the page holds %q", found)
	}
}
