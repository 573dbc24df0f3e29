package reporter_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/browser"
	"saksi/server/servertest"
	"saksi/web/client"
)

// TestTheWholeWayWithScript goes the way of TestTheWholeWay where scripts run: the
// testimony, a file, an answer, a message and the deletion, in both languages. All
// that the browser sends goes through a recorder; neither the text, nor a file's
// bytes or name, nor the words or the code are in it, in any spelling.
func TestTheWholeWayWithScript(t *testing.T) {
	if client.Script() == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	d := servertest.New(t, servertest.Options{Script: client.Script()})
	line := record(t, d)
	t.Run("chromium", func(t *testing.T) {
		page := browser.Chromium(t, browser.Options{JavaScript: true})
		for _, lang := range []string{"id", "en"} {
			w := &scripted{walk{t: t, d: d, page: page.Page, lang: lang}, line, page}
			w.walkAll()
		}
	})
	t.Run("firefox", func(t *testing.T) { // as at Tor Browser's level Safer
		page := browser.Firefox(t, browser.Options{JavaScript: true, Interpreted: true})
		w := &scripted{walk{t: t, d: d, page: page, lang: "id"}, line, nil}
		w.walkAll()
	})
}

func (w *scripted) walkAll() {
	w.must(w.page.Resize(320, 640))
	w.write()
	w.send()
	w.attach()
	w.readAnswer()
	w.message()
	w.delete()
	w.sentNoSecret()
}

// A wire records what is sent over it.
type wire struct {
	url    string
	mu     sync.Mutex
	target *url.URL
	sent   bytes.Buffer
	asked  []string                              // method and path of each request
	cut    func(path string, answered bool) bool // loses a request, or the answer to it
	swap   func(path string, body []byte) []byte // puts another answer in the place of one
	denied string                                // requests that begin so
	deny   http.HandlerFunc                      // are answered here
	came   sync.Cond                             // after each request
}

// count returns how many requests began so.
func (l *wire) count(prefix string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counted(prefix)
}

func (l *wire) counted(prefix string) (n int) {
	for _, asked := range l.asked {
		if strings.HasPrefix(asked, prefix) {
			n++
		}
	}
	return n
}

// change lets one test be a bad server, or a bad line to it.
func (l *wire) change(cut func(path string, answered bool) bool, swap func(path string, body []byte) []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut, l.swap = cut, swap
}

// refuse answers requests to paths that begin so with an error that says nothing of
// use, until mend is called.
func (l *wire) refuse(prefix string) (mend func()) {
	return l.refuseWith(prefix, http.StatusTeapot, "")
}

func (l *wire) refuseWith(prefix string, status int, body string) (mend func()) {
	set := func(deny http.HandlerFunc) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.denied, l.deny = prefix, deny
	}
	set(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
	return func() { set(nil) }
}

// requested waits until requests that begin so have come so often.
func (w *scripted) requested(prefix string, times int) {
	w.t.Helper()
	l := w.line
	late := false
	timer := time.AfterFunc(time.Minute, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.came.Broadcast()
	})
	defer timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.counted(prefix) < times && !late {
		l.came.Wait()
	}
	if late {
		w.t.Fatalf("%s: %d times, want %d", prefix, l.counted(prefix), times)
	}
}

// lead has the requests from now on go to another server.
func (l *wire) lead(to string) {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

// record puts a recorder before a drop.
func record(t *testing.T, d *servertest.Drop) *wire {
	line := &wire{}
	line.came.L = &line.mu
	line.lead(d.URL)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		line.mu.Lock()
		target := line.target
		line.mu.Unlock()
		r.SetURL(target)
		r.Out.Host = target.Host
		r.Out.Header.Del("Origin")
		r.Out.Header.Del("Referer")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the browser broke off
		}
		line.mu.Lock()
		fmt.Fprintf(&line.sent, "%s %s\n", r.Method, r.RequestURI)
		_ = r.Header.Write(&line.sent)
		line.sent.Write(body)
		line.asked = append(line.asked, r.Method+" "+r.URL.Path)
		cut, swap, denied, deny := line.cut, line.swap, line.denied, line.deny
		line.came.Broadcast()
		line.mu.Unlock()
		if cut != nil && cut(r.URL.Path, false) {
			panic(http.ErrAbortHandler)
		}
		if deny != nil && strings.HasPrefix(r.URL.Path, denied) {
			deny(w, r)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		if cut != nil && cut(r.URL.Path, true) {
			panic(http.ErrAbortHandler)
		}
		text := answer.Body.Bytes()
		if swap != nil {
			text = swap(r.URL.Path, text)
			answer.Header().Del("Content-Length")
		}
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(text)
	}))
	t.Cleanup(server.Close)
	line.url = server.URL
	return line
}

// A scripted walk is one person's way where scripts run.
type scripted struct {
	walk
	line *wire
	in   *browser.ChromiumPage
}

// until waits for a part of the page to say something.
func (w *scripted) until(selector, want string) {
	w.t.Helper()
	err := w.page.Until(fmt.Sprintf(`(document.querySelector(%q)?.textContent ?? "").includes(%q)`, selector, want))
	if err != nil {
		text, _ := w.page.Text("main")
		w.t.Fatalf("%v; the page says %q", err, text)
	}
}

func (w *scripted) hit(selector string) {
	w.t.Helper()
	w.must(w.page.Hit(selector))
}

func (w *scripted) ready(key string) {
	w.t.Helper()
	w.until(".sealing[data-key="+key+"]", w.say("perangkat Anda", "your device"))
}

// shoot holds what the page shows now against barriers, as the pages without script
// are held, and takes a picture where SAKSI_PAGES_DIR says, to be looked at. Chromium
// alone does that.
func (w *scripted) shoot(name string) {
	w.t.Helper()
	if w.in == nil {
		return
	}
	found, err := browser.Axe(w.in, "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", browser.BestPractice)
	w.must(err)
	for _, v := range found {
		w.t.Errorf("%s, %s: %s (%s): %q", name, w.lang, v.Help, v.ID, v.Nodes)
	}
	var wide bool
	w.must(w.page.Evaluate("document.documentElement.scrollWidth > window.innerWidth", &wide))
	if wide {
		w.t.Errorf("%s, %s: scrolls sideways", name, w.lang)
	}
	if dir := os.Getenv("SAKSI_PAGES_DIR"); dir != "" {
		w.must(w.page.Screenshot(filepath.Join(dir, "script-"+name+"."+w.lang+".png")))
	}
}

const other = "window.other = true" // a page that is loaded anew has it no more

func (w *scripted) write() {
	w.must(w.page.Open(w.line.url + w.path("/write")))
	w.ready("text")
	w.must(w.page.Evaluate(other, nil))
	w.must(w.page.Select("#f-tempat", "73"))
	w.hit("button[value=place]")
	w.must(w.page.Until(`!!document.querySelector("#f-tempat-finer")`))
	w.must(w.page.Select("#f-tempat-finer", "73.02"))
	w.must(w.page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "medsos", "lisan", "camat", "mengalami"} {
		w.hit("input[value=" + box + "]")
	}
	w.must(w.page.Fill("#f-uraian", story))
	w.hit("details.part summary")
	w.must(w.page.Fill("#f-unit", "Dinas <Contoh>"))
	w.hit("#readers summary")
	w.hit("#readers input[value='id:r2']")
	w.hit("form#write > button:last-of-type")
	w.until(".problem li:first-child", w.say("Berapa orang yang tahu", "How many people know"))
	w.reads("#f-jumlah_tahu-hint .wrong, fieldset:has(#f-jumlah_tahu) .wrong", w.say("Belum dijawab", "ot answered"))
	w.shoot("write-problem")
	for range 2 {
		w.hit("header button.link")
		w.lang = map[string]string{"id": "en", "en": "id"}[w.lang]
		w.must(w.page.Until(`document.documentElement.lang === "` + w.lang + `"`))
		w.ready("text")
		w.kept()
	}
	w.hit("input[value=sedikit]")
}

// kept holds the form to what was filled in.
func (w *scripted) send() {
	w.hit("form#write > button:last-of-type")
	w.until("h1", w.say("Sudah kami terima", "We have received it"))
	w.reads("main", w.say("kurang dari 5 orang tahu", "fewer than 5 people know"))
	w.reads("main", w.say("Tidak dapat dibuka oleh:", "Cannot be opened by:"))
	w.shoot("receipt")
	words, err := w.page.Texts(".words li")
	w.must(err)
	if len(words) != 12 {
		w.t.Fatalf("%d words", len(words))
	}
	w.words = words
	var stayed bool
	w.must(w.page.Evaluate("window.other === true", &stayed))
	if !stayed {
		w.t.Error("the page was loaded anew")
	}
}

const fileText = "isi berkas rahasia "

func (w *scripted) attach() {
	file := filepath.Join(w.t.TempDir(), "surat-perintah.pdf")
	w.must(os.WriteFile(file, []byte(strings.Repeat(fileText, 200_000)), 0o600)) // several slices
	w.hit("main details.part summary")                                           // folded: the advice is to send none
	w.must(w.page.Attach("#file", file))
	w.until(".queue li", "surat-perintah.pdf")
	w.reads(".queue .seen", "001.pdf")
	w.shoot("file")
	w.hit("[data-do=send-files]")
	w.until(".queue .state", w.say("Sudah kami terima", "We have received it"))
	w.shoot("file-sent")
}

// code is the code of the walk's words.
func (w *scripted) code() receipt.Code {
	reading, err := receipt.Parse(strings.Join(w.words, " "))
	w.must(err)
	return reading.Code
}

func (w *scripted) readAnswer() {
	w.d.Answer(w.code(), 1, 1, "Terima kasih. Kira-kira <berapa> orang yang hadir?")
	w.must(w.page.Open(w.line.url + w.path("/open")))
	w.ready("open")
	w.must(w.page.Fill("#words", "bayam layar"))
	w.hit("main form button")
	w.until(".problem", "2")
	w.shoot("open-problem")
	w.must(w.page.Fill("#words", strings.ToUpper(strings.Join(w.words, ", "))))
	w.hit("main form button")
	w.until("article", "Kira-kira <berapa> orang yang hadir?")
	w.reads("main", w.say("menunggu giliran", "waiting"))
	w.shoot("conversation")
}

func (w *scripted) message() {
	w.hit(`form[data-do=message] input[value="id:r3"]`)
	w.hit(`form[data-do=message] button`)
	w.until(".problem", w.say("masih kosong", "empty"))
	w.must(w.page.Fill("#text", "Kira-kira tiga puluh orang."))
	w.hit(`form[data-do=message] button`)
	w.until(".notice[role=status]", w.say("Susulan 2 sudah kami terima", "2"))
	w.readBy(w.code(), map[int][]bool{0: {true, false, true}, 1: {true, false, true}, 2: {true, true, false}})
	w.shoot("message-kept")
}

func (w *scripted) delete() {
	w.must(w.page.Select("#delete", "all"))
	w.hit("form[data-do=delete] button")
	w.must(w.page.Until(`!!document.querySelector("button.danger")`))
	w.shoot("confirm")
	w.hit("button.danger")
	w.until("h1", w.say("Sudah dihapus", "Deleted"))
	w.shoot("gone")
	w.must(w.page.Open(w.line.url + w.path("/open")))
	w.ready("open")
	w.must(w.page.Fill("#words", strings.Join(w.words, " ")))
	w.hit("main form button")
	w.until("main", w.say("dihapus oleh Anda", "deleted by you"))
	if has, err := w.page.Has("article"); err != nil || has {
		w.t.Errorf("a deleted answer is shown, %v", err)
	}
}

// sentNoSecret holds all that was sent so far against what must stay in the page.
func (w *scripted) sentNoSecret() {
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	sent := w.line.sent.Bytes()
	if !bytes.Contains(sent, []byte("POST /v1/items")) || !bytes.Contains(sent, []byte("PATCH /v1/uploads/")) ||
		!bytes.Contains(sent, []byte("POST /v1/mailbox")) {
		w.t.Error("the recorder saw no sealed item, slice or reading")
	}
	code := w.code()
	// None is so short that a ciphertext of some megabytes might have it by chance.
	for _, secret := range []string{
		"dikumpulkan", "di aula", "Dinas", fileText, "surat-perintah", "tiga puluh", "tidak_ingat",
		string(code[:]), fmt.Sprintf("%x", code[:]), strings.Join(w.words[:2], " "), strings.Join(w.words[:2], "+"),
	} {
		if bytes.Contains(bytes.ToLower(sent), []byte(strings.ToLower(secret))) {
			w.t.Errorf("%q was sent", secret)
		}
	}
}
