package main

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"saksi/server/browser"
	"saksi/server/inbox"
	"saksi/web/client"
)

// TestAnUploadFromABrowserOutlivesAKilledServer kills the real server while a browser
// sends it a file. The page says that the line is gone, waits, and goes on from what
// the server had acknowledged once it is back; the reviewers get the file as it was.
func TestAnUploadFromABrowserOutlivesAKilledServer(t *testing.T) {
	if client.Script() == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	data, address := newData(t), freeAddress(t)
	serve := func() *process { return startProcess(t, "saksi", "serve", "-data", data, "-listen", address) }
	first := serve()
	page := browser.Chromium(t, browser.Options{JavaScript: true, Width: 360, Height: 740})
	u := &uploading{t: t, page: page, data: data}
	u.testimony(first.URL)
	file := u.begin()
	u.until(`document.querySelector(".queue progress").value > 0`)
	first.end(syscall.SIGKILL)
	acknowledged, before := u.stand()
	u.says(".queue .state", "Sambungan terputus")
	if kept := u.staged(); kept < acknowledged || kept == 0 {
		t.Fatalf("the server said that it has %d bytes, and has %d", acknowledged, kept)
	}
	must(t, u.page.Slow(-1))
	second := serve()
	u.says(".queue .state", "Sudah kami terima")
	u.wentOn(acknowledged, before)
	second.end(syscall.SIGTERM)
	u.arrived(file)
}

// freeAddress finds a port that is still free when the server comes back: below those
// that the kernel gives to connections.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprint("127.0.0.1:", 10000+mathrand.IntN(20000))
		if l, err := net.Listen("tcp", address); err == nil {
			must(t, l.Close())
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// uploading is a person whose file is on its way.
type uploading struct {
	t    *testing.T
	page *browser.ChromiumPage
	data string
}

func (u *uploading) until(expression string) {
	u.t.Helper()
	if err := u.page.Until(expression); err != nil {
		text, _ := u.page.Text("main")
		u.t.Fatalf("%v; the page says %q", err, text)
	}
}

func (u *uploading) says(selector, want string) {
	u.t.Helper()
	u.until(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))`, selector, want))
}

func (u *uploading) testimony(url string) {
	u.t.Helper()
	must(u.t, u.page.Open(url+"/write"))
	u.says(".sealing", "perangkat Anda")
	must(u.t, u.page.Select("#f-tempat", "73"))
	must(u.t, u.page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "lisan", "camat", "mengalami", "banyak"} {
		must(u.t, u.page.Hit("input[value="+box+"]"))
	}
	must(u.t, u.page.Fill("#f-uraian", "sebelum server mati"))
	must(u.t, u.page.Hit("form#write > button:last-of-type"))
	u.says("h1", "Sudah kami terima")
}

// watchJS notes what the page asks of uploads: the method, and from which byte on.
const watchJS = `void (window.asked = [], window.fetch = (ask => (path, o) => {
	if (path.startsWith("/v1/uploads/")) asked.push([o.method, Number(o.headers["Upload-Offset"] ?? -1)])
	return ask(path, o)
})(window.fetch))`

// begin sends a file of 24 MiB, so slowly that there is a middle to meet.
func (u *uploading) begin() (file []byte) {
	u.t.Helper()
	file = make([]byte, 24<<20)
	_, _ = rand.Read(file) // it never fails
	path := filepath.Join(u.t.TempDir(), "rekaman.bin")
	must(u.t, os.WriteFile(path, file, 0o600))
	must(u.t, u.page.Evaluate(watchJS, nil))
	must(u.t, u.page.Slow(512<<10))
	must(u.t, u.page.Attach("#file", path))
	u.says(".queue h3", "rekaman.bin")
	must(u.t, u.page.Hit("[data-do=send-files]"))
	return file
}

// An asking is what the page asked of an upload.
type asking struct {
	method string
	offset int64
}

func (u *uploading) asked() (all []asking) {
	u.t.Helper()
	var pairs [][2]any
	must(u.t, u.page.Evaluate("asked", &pairs))
	for _, p := range pairs {
		all = append(all, asking{p[0].(string), int64(p[1].(float64))})
	}
	return all
}

// stand returns how much the page took for acknowledged when the server was gone, and
// how often it had asked by then.
func (u *uploading) stand() (acknowledged int64, asked int) {
	u.t.Helper()
	for _, a := range u.asked() {
		acknowledged, asked = max(acknowledged, a.offset), asked+1
	}
	return acknowledged, asked
}

// staged returns how much of the upload the dead server left.
func (u *uploading) staged() (offset int64) {
	u.t.Helper()
	withBox(u.t, u.data, func(box *inbox.Inbox) {
		uploads, err := box.Store.Staged()
		must(u.t, err)
		if len(uploads) != 1 || uploads[0].Offset >= uploads[0].Size {
			u.t.Fatalf("the server left the uploads %+v, want one that is not whole", uploads)
		}
		offset = uploads[0].Offset
	})
	return offset
}

// wentOn holds that nothing that was acknowledged was sent again.
func (u *uploading) wentOn(acknowledged int64, before int) {
	u.t.Helper()
	begun, sent := 0, 0
	for n, a := range u.asked() {
		switch {
		case a.method == "POST" || a.method == "DELETE":
			begun++
		case a.method == "PATCH" && n >= before:
			sent++
			if a.offset < acknowledged {
				u.t.Errorf("%d bytes were acknowledged, and it went on at %d", acknowledged, a.offset)
			}
		}
	}
	if begun != 1 || sent == 0 || acknowledged == 0 {
		u.t.Errorf("begun or given up %d times, %d slices after %d bytes: %v", begun, sent, acknowledged, u.asked())
	}
}

// arrived holds that the folder is sound, and that a reviewer gets the file.
func (u *uploading) arrived(file []byte) {
	u.t.Helper()
	if said := output(u.t, "saksi", "check", "-data", u.data); !strings.Contains(said, "All is well") {
		u.t.Errorf("check says %s", said)
	}
	dir := filepath.Dir(u.data)
	bundle, table := filepath.Join(dir, "bundle.tar"), filepath.Join(dir, "meja")
	output(u.t, "saksi", "export", "-data", u.data, "-now", "-out", bundle)
	key, root, out := filepath.Join(dir, "reviewers", "r2.key"), filepath.Join(dir, "root.vkey"), filepath.Join(dir, "hasil")
	output(u.t, "saksi-review", "open", "-key", key, "-desk", table, "-root", root, bundle)
	output(u.t, "saksi-review", "extract", "-key", key, "-desk", table, "-out", out, "newest")
	if !holdsFile(u.t, out, file) {
		u.t.Error("the file did not arrive as it was sent")
	}
}
