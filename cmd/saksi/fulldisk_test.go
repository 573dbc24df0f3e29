package main

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"saksi/crypto/item"
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
	args := append(strings.Fields(private()), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a namespace: %v\n%s", err, out)
	}
}

// private begins a command that may mount disks which nobody else sees.
func private() string {
	if os.Getuid() != 0 {
		return "unshare --mount --user --map-root-user"
	}
	return "unshare --mount"
}

const (
	diskSize = 96 << 20
	bigFile  = 6 << 20
	reserve  = 32 << 20
)

func free(t *testing.T, dir string) int64 {
	t.Helper()
	var at syscall.Statfs_t
	must(t, syscall.Statfs(dir, &at))
	return int64(at.Bavail) * at.Bsize
}

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
// texts, and a page hands them back; whatever was acknowledged stays, of uploads
// under way, too. Deleting works to the last, and with the room everything else
// comes back.
func testFullDisk(t *testing.T) {
	data := smallDisk(t)
	party := readParty(t, data)
	serve := []string{"saksi", "serve", "-data", data, "-listen", "127.0.0.1:0", "-reserve", fmt.Sprint(reserve),
		"-texts-per-hour", "1000000"}
	p := startProcess(t, serve...)
	rising := startSlices(t, p, party)
	told := fillWithFiles(t, p)
	files := len(told)
	if files < 2 { // one is deleted on the full disk, the rest are read after the kill
		t.Fatalf("the disk took only %d files", files)
	}
	refusesSlices(t, rising[1], http.StatusInsufficientStorage)
	for free(t, data) >= reserve {
		told = append(told, p.Send("hanya tulisan"))
	}
	sealed := receipt.New() // by who sent it
	if status := handsInText(t, p, party, sealed); status != http.StatusCreated {
		t.Errorf("a sealed text from the reserve: status %d", status)
	}
	told = append(append(told, fillWithTexts(t, p)...), sealed)
	holds(t, p, told...)

	empty := fillDisk(t, data)
	page := p.Post("/write", "code", receipt.New().Field(), "text", "isi kesaksian yang panjang")
	wants(t, page.Status, http.StatusInsufficientStorage, page.Body, "tidak dapat menyimpannya", "isi kesaksian yang panjang")
	if status := handsInText(t, p, party, receipt.New()); status != http.StatusInsufficientStorage {
		t.Errorf("a sealed text on a full disk: status %d", status)
	}
	refusesSlices(t, rising[0], http.StatusInsufficientStorage)
	deletes(t, p, told[0])
	told, files = told[1:], files-1
	holds(t, p, told...)
	speaksOf(t, data, func(s inbox.Status) bool { return !s.TakesTexts && !s.TakesFiles && !s.Failed })

	p.end(syscall.SIGKILL)
	keepsAll(t, data, party, told, files)
	p = startProcess(t, serve...) // starts on a full disk
	holds(t, p, told...)
	for _, a := range rising {
		a.standsOn(p)
	}
	empty()
	for _, code := range told[:files+1] {
		deletes(t, p, code)
	}
	told, files = slices.Insert(told[files+1:], 0, p.Send("hanya tulisan")), 1
	page = p.Upload("/file", "a.jpg", make([]byte, bigFile), "code", told[0].Field(), "n", "1")
	wants(t, page.Status, http.StatusOK, page.Body, "sudah kami terima")
	for _, a := range rising {
		a.arrives()
	}
	speaksOf(t, data, func(s inbox.Status) bool { return s.TakesTexts && !s.Failed })
	p.end(syscall.SIGTERM)
	keepsAll(t, data, party, told, files)
	withBox(t, data, func(box *inbox.Inbox) {
		for _, a := range rising {
			if hash, _, err := payloadHash(box.Store, a.head.ID); err != nil || hash != a.hash() {
				t.Errorf("a file that came in slices is not what was sent: %v", err)
			}
		}
		if wrong, err := box.Check(); err != nil || len(wrong) > 0 {
			t.Errorf("check: %q, %v", wrong, err)
		}
	})
}

// handsInText sends a text that was sealed before it came.
func handsInText(t *testing.T, p *process, party *demoParty, code receipt.Code) (status int) {
	t.Helper()
	text := newSealed(t, party.circle, code, 0, item.Content{Kind: item.Testimony, Language: "id", Text: "hanya tulisan"})
	if text == nil {
		t.FailNow()
	}
	return handIn(t, p.URL, text.parcel())
}

// startSlices begins two uploads and sends a part of each. For all of the first there
// is room held, for the second not: it is longer than what is held ahead.
func startSlices(t *testing.T, p *process, party *demoParty) (rising []*ascent) {
	t.Helper()
	for _, size := range []int{bigFile, 9 << 20} {
		a := &ascent{sealedFile: newSealedFile(t, party.circle, receipt.New(), 0, size), t: t, url: p.URL}
		a.begin()
		for range 2 {
			if status := a.slice(1 << 20); status != http.StatusNoContent {
				t.Fatalf("a slice: status %d", status)
			}
		}
		rising = append(rising, a)
	}
	return rising
}

// refusesSlices sends slices until one is refused, with a status that says why.
func refusesSlices(t *testing.T, a *ascent, want int) {
	t.Helper()
	for range len(a.payload) >> 20 {
		switch status := a.slice(1 << 20); status {
		case http.StatusNoContent:
		case want:
			return
		default:
			t.Errorf("a slice after %d bytes: status %d, want %d", a.told, status, want)
			return
		}
	}
	t.Error("a full disk takes a whole upload")
}

// keepsAll looks at a folder at rest, and not at what pages say of it: a reviewer opens
// each text that was acknowledged, and each file; the last ones came from the reserve.
func keepsAll(t *testing.T, data string, party *demoParty, told []receipt.Code, files int) {
	t.Helper()
	zeros, lost := sha256.Sum256(make([]byte, bigFile)), 0
	withBox(t, data, func(box *inbox.Inbox) {
		for place, code := range told {
			text, _, err := party.readItem(box.Store, code.ItemID(0))
			if err != nil || text != "hanya tulisan" {
				lost++
				t.Logf("text %d of %d is %q: %v", place+1, len(told), text, err)
			}
			if place >= files {
				continue
			}
			if _, file, err := party.readItem(box.Store, code.ItemID(1)); err != nil || file != zeros {
				lost++
				t.Logf("file %d of %d: %v", place+1, files, err)
			}
		}
	})
	if lost > 0 {
		t.Errorf("%d of %d acknowledged testimonies are not there", lost, len(told))
	}
}

// fillWithFiles sends testimonies with a file each until files are refused, and
// returns the codes of those whose file was told. The last text has none.
func fillWithFiles(t *testing.T, p *process) (told []receipt.Code) {
	t.Helper()
	for range diskSize / bigFile {
		code := p.Send("hanya tulisan")
		page := p.Upload("/file", "a.jpg", make([]byte, bigFile), "code", code.Field(), "n", "1")
		if page.Status == http.StatusInsufficientStorage {
			wants(t, page.Status, page.Status, page.Body, "tidak menerima berkas", "Tulisan masih kami terima")
			return told
		}
		wants(t, page.Status, http.StatusOK, page.Body, "sudah kami terima")
		told = append(told, code)
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

// holds asks for the first item of some codes, the first and the last.
func holds(t *testing.T, p *process, codes ...receipt.Code) {
	t.Helper()
	for _, code := range slices.Concat(codes[:4], codes[len(codes)-4:]) {
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
