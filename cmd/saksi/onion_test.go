package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/browser"
	"saksi/server/onion"
	"saksi/server/onion/tornet"
)

// torNetwork is the Tor network of all tests here.
var torNetwork tornet.Shared

// A publishedDrop is a server that reporters reach by its onion address alone.
type publishedDrop struct {
	*process
	data   string
	client *tornet.Client
	*secrets
}

// startOnion serves a data folder with a tor of its own.
func startOnion(t *testing.T, data string, more ...string) *publishedDrop {
	t.Helper()
	n := torNetwork.Get(t)
	torrc := filepath.Join(t.TempDir(), "torrc")
	must(t, os.WriteFile(torrc, []byte(n.Torrc()), 0o600))
	own := filepath.Join(data, "tor", "data")
	must(t, os.MkdirAll(own, 0o700))
	must(t, n.Seed(own))
	return startPublished(t, data, slices.Concat([]string{"-onion", "-torrc", torrc}, more)...)
}

// startJoined serves a data folder through a tor that runs already.
func startJoined(t *testing.T, data string) *publishedDrop {
	t.Helper()
	running := torNetwork.Get(t).Tor(t, onion.Lines(t.TempDir(), filepath.Join(data, "tor")))
	return startPublished(t, data, "-tor-control", running.Control())
}

func startPublished(t *testing.T, data string, args ...string) *publishedDrop {
	t.Helper()
	p := startProcess(t, slices.Concat([]string{"saksi", "serve", "-data", data}, args)...)
	if !strings.HasSuffix(p.URL, ".onion") {
		t.Fatalf("it serves %s", p.URL)
	}
	d := &publishedDrop{p, data, torNetwork.Get(t).Client(t), newSecrets()}
	p.Client = d.client.HTTP()
	d.client.Await(t, p.URL+"/")
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestTheWholeJobOverTor: front page, text, a file of 50 MiB, receipt and answer,
// through a tor of the server's own, and through one that ran already.
func TestTheWholeJobOverTor(t *testing.T) {
	t.Run("own", func(t *testing.T) {
		data := newData(t)
		party := readParty(t, data)
		d := startOnion(t, data)
		d.wholeJob(t, party)
		first := d.URL
		d.holdStatus(t, "our own")
		d.holdMonitor(t)
		d.holdLogs(t)
		d.end(syscall.SIGTERM)
		d.leavesNothing(t)
		if again := startOnion(t, data); again.URL != first {
			t.Errorf("after a restart %s is at %s", first, again.URL)
		}
	})
	t.Run("joined", func(t *testing.T) {
		data := newData(t)
		party := readParty(t, data)
		d := startJoined(t, data)
		d.wholeJob(t, party)
		d.holdStatus(t, "joined")
		d.end(syscall.SIGTERM)
		d.leavesNothing(t)
	})
}

func (d *publishedDrop) wholeJob(t *testing.T, party *demoParty) {
	t.Helper()
	const story = "lewat tor kami menulis ini"
	code := d.Send(story)
	d.field("text", story)
	d.Code(code)
	file := make([]byte, 50<<20)
	for i := range file {
		file[i] = byte(rand.IntN(256))
	}
	d.File("rekaman.mp4", file)
	if page := d.Upload("/file", "rekaman.mp4", file, "code", code.Field(), "n", "1"); page.Status != http.StatusOK {
		t.Fatalf("the file: status %d\n%s", page.Status, page.Body)
	}
	dir := filepath.Dir(d.data)
	bundle := filepath.Join(dir, "bundle.tar")
	output(t, "saksi", "export", "-data", d.data, "-now", "-out", bundle)
	desk := []string{"-key", filepath.Join(dir, "reviewers", "r2.key"), "-desk", filepath.Join(dir, "meja")}
	output(t, "saksi-review", slices.Concat([]string{"open"}, desk, []string{"-root", filepath.Join(dir, "root.vkey"), bundle})...)
	out := filepath.Join(dir, "hasil")
	output(t, "saksi-review", slices.Concat([]string{"extract"}, desk, []string{"-out", out, "newest"})...)
	if !holdsFile(t, out, file) {
		t.Error("the file did not arrive as it was sent")
	}
	outbox := filepath.Join(dir, "r1.outbox")
	answer, _ := party.answer(code)
	must(t, os.WriteFile(outbox, answer, 0o600))
	output(t, "saksi", "import", "-data", d.data, outbox)
	page := d.Post("/open", "words", strings.Join(code.Words(), " "))
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "jawaban") {
		t.Errorf("the answer cannot be read: status %d", page.Status)
	}
}

// holdsFile reports whether a file with that content lies below a folder.
func holdsFile(t *testing.T, dir string, content []byte) (found bool) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		found = found || sha256.Sum256(text) == sha256.Sum256(content)
		return err
	}))
	return found
}

// holdStatus: status and the file for programs say that the drop can be reached.
func (d *publishedDrop) holdStatus(t *testing.T, whose string) {
	t.Helper()
	said := output(t, "saksi", "status", "-data", d.data)
	for _, want := range []string{strings.TrimPrefix(d.URL, "http://"), "reachable", whose} {
		if !strings.Contains(said, want) {
			t.Errorf("status does not say %q:\n%s", want, said)
		}
	}
	text, err := os.ReadFile(filepath.Join(d.data, "health.json"))
	must(t, err)
	var read map[string]any
	must(t, json.Unmarshal(text, &read))
	if read["state"] != "reachable" || read["tor"] == "" || read["written"] == "" {
		t.Errorf("the file for programs says %s", text)
	}
	if checked := output(t, "saksi", "check", "-data", d.data); !strings.Contains(checked, "All is well") {
		t.Errorf("check says %s", checked)
	}
}

// leavesNothing searches all that the server wrote, and what was carried.
func (d *publishedDrop) leavesNothing(t *testing.T) {
	t.Helper()
	d.Add("what tor says of a circuit", "fc00:dead:beef")
	wrong, files, err := d.Search(filepath.Dir(d.data))
	for _, leak := range append(wrong, d.FindInLog("our log", d.printed.String())...) {
		t.Error(leak)
	}
	if err != nil || files < 8 {
		t.Errorf("%d files were searched, %v", files, err)
	}
}

// torTime is a time in tor's log, to the hour.
var torTime = regexp.MustCompile(`(?m)^\w{3} \d\d (\d\d:\d\d:\d\d\.\d{3})`)

// holdLogs: neither our log nor tor's, at its level as we start it, has anything
// of a visit: no word, no address, no circuit, no time finer than the hour.
func (d *publishedDrop) holdLogs(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.data, "tor", "log"))
	must(t, err)
	_, tor, ok := strings.Cut(string(text), "Bootstrapped 0%") // before that nobody can come
	if !ok {
		t.Errorf("tor's log has no beginning: %s", text)
	}
	lines := torTime.FindAllStringSubmatch(tor, -1)
	for _, m := range lines {
		if !strings.HasSuffix(m[1], ":00:00.000") {
			t.Errorf("tor's log has a time: %s", m[0])
		}
	}
	if len(lines) == 0 {
		t.Errorf("tor's log has no lines: %q", tor)
	}
	ours := d.printed.String()
	if !strings.Contains(ours, "the drop can be reached") {
		t.Errorf("our log is not there: %q", ours)
	}
	for name, log := range map[string]string{"tor's log": tor, "our log": ours} {
		for _, wrong := range d.FindTimeless(name, []byte(log)) {
			t.Error(wrong)
		}
		for _, needle := range []string{"fc00:dead:beef", "circuit id", "rekaman", "/write", "/open"} {
			if strings.Contains(log, needle) {
				t.Errorf("%s has %q:\n%s", name, needle, log)
			}
		}
	}
}

// TestFirefoxAtTheOnionAddress writes and reads with a browser without scripts,
// as at Tor Browser's level Safest.
func TestFirefoxAtTheOnionAddress(t *testing.T) {
	data := newData(t)
	party := readParty(t, data)
	d := startOnion(t, data)
	page := browser.Firefox(t, browser.Options{Width: 360, Height: 740, SOCKS: d.client.SOCKS()})
	must(t, page.Open(d.URL+"/"))
	must(t, page.Click(`a.button[href$="/write"]`))
	must(t, page.Select("#f-tempat", "73"))
	must(t, page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "lisan", "camat", "mengalami", "banyak"} {
		must(t, page.Click("input[value="+box+"]"))
	}
	must(t, page.Fill("#f-uraian", "lewat peramban"))
	must(t, page.Click("form#write > button:last-of-type"))
	words, err := page.Texts(".words li")
	must(t, err)
	reading, err := receipt.Parse(strings.Join(words, " "))
	must(t, err)
	file := filepath.Join(t.TempDir(), "surat.pdf")
	must(t, os.WriteFile(file, []byte(strings.Repeat("isi berkas ", 200_000)), 0o600))
	must(t, page.Attach("#file", file))
	must(t, page.Click(`form[action$="/file"] button`))
	kept, err := page.Text("[role=status]")
	must(t, err)
	if !strings.Contains(kept, "Susulan 1 sudah kami terima") {
		t.Errorf("after the file the page says %q", kept)
	}
	outbox := filepath.Join(t.TempDir(), "r1.outbox")
	answer, _ := party.answer(reading.Code)
	must(t, os.WriteFile(outbox, answer, 0o600))
	output(t, "saksi", "import", "-data", d.data, outbox)
	must(t, page.Open(d.URL+"/open"))
	must(t, page.Fill("textarea[name=words]", strings.Join(words, " ")))
	must(t, page.Click("main form button"))
	text, err := page.Text("main")
	must(t, err)
	if !strings.Contains(text, "jawaban") {
		t.Errorf("the conversation says %q", text)
	}
}

// TestTorIsKilledUnderLoad: tor dies again and again while people write. The
// server says so, and brings it back by itself; what was acknowledged is kept.
func TestTorIsKilledUnderLoad(t *testing.T) {
	data := newData(t)
	party := readParty(t, data)
	d := startOnion(t, data)
	book := newLedger(party)
	c := &crowd{
		ledger: book, url: d.URL, data: data, party: party, over: make(chan struct{}), client: *d.client.Spread(40),
	}
	c.client.Timeout = 30 * time.Second // a dead circuit says nothing
	everyone := c.run(t)
	const kills = 2
	for range kills {
		before := book.told()
		d.awaitPatiently(t, "more testimonies to be taken", func() bool { return book.told() >= before+5 })
		must(t, syscall.Kill(d.torPID(t), syscall.SIGKILL))
		awaitTrue(t, "the server to say that tor is gone", func() bool {
			h, err := readHealth(data)
			return err == nil && h.State != onion.Reachable
		})
		awaitTrue(t, "the drop to be reachable again", func() bool {
			h, err := readHealth(data)
			return err == nil && h.State == onion.Reachable
		})
	}
	before := book.told()
	d.awaitPatiently(t, "testimonies to be taken after the last kill", func() bool { return book.told() > before })
	close(c.over)
	everyone.Wait()
	if n := strings.Count(d.printed.String(), "tor is gone"); n != kills {
		t.Errorf("the log says %d times that tor is gone:\n%s", n, d.printed)
	}
	d.end(syscall.SIGTERM)
	book.verify(t, data, true)
}

// awaitPatiently waits as people do, who ask for a new identity after a while. A tor that
// has asked each directory for a service, and there are few in this network, asks none of
// them again for minutes, and holds to places where the service was before it died.
func (d *publishedDrop) awaitPatiently(t *testing.T, what string, ok func() bool) {
	t.Helper()
	anew := time.Now().Add(time.Minute)
	awaitTrue(t, what, func() bool {
		if time.Now().After(anew) {
			anew = time.Now().Add(time.Minute)
			_, err := d.client.Ask("SIGNAL NEWNYM")
			must(t, err)
		}
		return ok()
	})
}

// told returns how many items have been acknowledged.
func (l *ledger) told() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.items {
		if s.told {
			n++
		}
	}
	return n
}

// torPID finds the server's child.
func (d *publishedDrop) torPID(t *testing.T) int {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.cmd.Process.Pid))
	must(t, err)
	for _, task := range tasks {
		children, _ := os.ReadFile(task) // threads come and go
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			must(t, err)
			return pid
		}
	}
	t.Fatal("the server has no child")
	return 0
}

func awaitTrue(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s takes too long", what)
		}
	}
}
