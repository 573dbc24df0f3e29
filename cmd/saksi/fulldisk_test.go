package main

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"saksi/crypto/receipt"
	"saksi/server/courier"
	"saksi/server/inbox"
)

// inNamespace says that this process has a mount namespace of its own.
const inNamespace = "SAKSI_TEST_NAMESPACE"

// TestFullDisk runs in a mount namespace of its own, so that it may mount a small
// disk without anybody else seeing it, and without leaving it behind.
func TestFullDisk(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		testFullDisk(t)
		return
	}
	args := []string{"--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	cmd := exec.Command("unshare", append(args, os.Args[0], "-test.run=^TestFullDisk$", "-test.v")...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a namespace: %v\n%s", err, out)
	}
}

const (
	diskSize = 96 << 20
	bigFile  = 6 << 20
)

// smallDisk mounts a disk and makes a data folder on it.
func smallDisk(t *testing.T) (data string) {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=96m,mode=700"); err != nil {
		t.Fatalf("mounting a small disk: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	d := demo{dir: filepath.Join(dir, "d")}
	if err := d.prepare(); err != nil {
		t.Fatal(err)
	}
	return d.path("data")
}

// fillDisk takes all the room that is left, as another program would.
func fillDisk(t *testing.T, data string) (undo func()) {
	t.Helper()
	name := filepath.Join(filepath.Dir(filepath.Dir(data)), "foreign")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, rand.Reader); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
	return func() { os.Remove(name) }
}

// testFullDisk: first no more files are taken, and a page says so; then no more
// texts, and a page hands them back; whatever was acknowledged stays. Deleting
// works to the last, and with the room everything else comes back.
func testFullDisk(t *testing.T) {
	data := smallDisk(t)
	serve := []string{"saksi", "serve", "-data", data, "-listen", "127.0.0.1:0", "-reserve", "32MiB",
		"-texts-per-hour", "1000000"}
	p := startProcess(t, serve...)
	told := fillWithFiles(t, p)
	told = append(told, fillWithTexts(t, p)...)
	holds(t, p, told...)

	empty := fillDisk(t, data)
	page := p.Post("/write", "code", receipt.New().Field(), "text", "isi kesaksian yang panjang")
	wants(t, page.Status, http.StatusInsufficientStorage, page.Body, "tidak dapat menyimpannya", "isi kesaksian yang panjang")
	deletes(t, p, told[0])
	told = told[1:]
	holds(t, p, told...)
	speaksOf(t, data, func(s inbox.Status) bool { return !s.TakesTexts && !s.TakesFiles && !s.Failed })

	p.end(syscall.SIGKILL)
	p = startProcess(t, serve...) // starts on a full disk
	holds(t, p, told...)
	empty()
	deletes(t, p, told[0])
	told = append(told[1:], p.Send("lagi"))
	for _, code := range told[:4] {
		deletes(t, p, code)
	}
	page = p.Upload("/file", "a.jpg", make([]byte, bigFile), "code", told[4].Field(), "n", "2")
	wants(t, page.Status, http.StatusOK, page.Body, "sudah kami terima")
	speaksOf(t, data, func(s inbox.Status) bool { return s.TakesTexts && !s.Failed })
	p.end(syscall.SIGTERM)
	withBox(t, data, func(box *inbox.Inbox) {
		if wrong, err := box.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
}

// fillWithFiles sends testimonies with a file each until files are refused, and
// returns the codes of those that were told.
func fillWithFiles(t *testing.T, p *process) (told []receipt.Code) {
	t.Helper()
	for range diskSize / bigFile {
		code := p.Send("dengan berkas")
		told = append(told, code)
		page := p.Upload("/file", "a.jpg", make([]byte, bigFile), "code", code.Field(), "n", "1")
		if page.Status == http.StatusInsufficientStorage {
			wants(t, page.Status, page.Status, page.Body, "tidak menerima berkas", "Tulisan masih kami terima")
			return told
		}
		wants(t, page.Status, http.StatusOK, page.Body, "sudah kami terima")
	}
	t.Fatal("a disk full of files takes more")
	return nil
}

// fillWithTexts writes until texts are refused too.
func fillWithTexts(t *testing.T, p *process) (told []receipt.Code) {
	t.Helper()
	var mu sync.Mutex
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for range diskSize / (64 << 10) {
				code := receipt.New()
				page := p.Post("/write", "code", code.Field(), "text", "hanya tulisan")
				if page.Status != http.StatusOK {
					check(t, page.Status, http.StatusInsufficientStorage, page.Body,
						"tidak dapat menyimpannya", "hanya tulisan", code.Field())
					return
				}
				check(t, page.Status, http.StatusOK, page.Body, code.Words()[11])
				mu.Lock()
				told = append(told, code)
				mu.Unlock()
			}
			t.Error("a full disk takes more texts")
		})
	}
	writers.Wait()
	if len(told) < 50 {
		t.Errorf("the reserve took only %d texts", len(told))
	}
	return told
}

// check holds a page against what it should be.
func check(t *testing.T, status, want int, body string, texts ...string) {
	t.Helper()
	if status != want {
		t.Errorf("status %d, want %d", status, want)
		return
	}
	for _, text := range texts {
		if !strings.Contains(body, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func wants(t *testing.T, status, want int, body string, texts ...string) {
	t.Helper()
	if check(t, status, want, body, texts...); t.Failed() {
		t.FailNow()
	}
}

// holds asks for each code's first item.
func holds(t *testing.T, p *process, codes ...receipt.Code) {
	t.Helper()
	for _, code := range codes[:min(len(codes), 8)] {
		page := p.Post("/open", "words", strings.Join(code.Words(), " "))
		wants(t, page.Status, http.StatusOK, page.Body, "menunggu giliran dibawa")
	}
}

func deletes(t *testing.T, p *process, code receipt.Code) {
	t.Helper()
	page := p.Post("/delete", "code", code.Field(), "n", "all", "confirm", "yes")
	wants(t, page.Status, http.StatusOK, page.Body)
	page = p.Post("/open", "words", strings.Join(code.Words(), " "))
	wants(t, page.Status, http.StatusOK, page.Body, "dihapus oleh Anda")
}

func speaksOf(t *testing.T, data string, fits func(inbox.Status) bool) {
	t.Helper()
	ops, err := courier.NewClient(data)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := ops.Status(); err != nil || !fits(s) {
		t.Errorf("status %+v, %v", s, err)
	}
}
