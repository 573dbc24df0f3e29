package walks

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/server/browser"
	"saksi/server/browser/recorder"
	"saksi/server/servertest"
	"saksi/server/servertest/leaks"
	"saksi/web/client"
)

// long is how long sealing and sending may take in a browser without compilers on a
// machine that has other things to do.
const long = 5 * time.Minute

// What nobody but reviewers may read.
const (
	story   = "Kami dikumpulkan <di aula> & diminta hadir.\nPENANDA-KESAKSIAN-7391"
	later   = "Kira-kira tiga puluh orang. PENANDA-SUSULAN-5528"
	name    = "surat-perintah-PENANDA-2046.bin"
	replied = "Terima kasih. PENANDA-JAWABAN-6610"
)

// A walk is one person's way, through a recorder, to a drop.
type walk struct {
	t     *testing.T
	d     *servertest.Drop
	line  *recorder.Recorder
	page  *browser.Page
	words []string
	gave  *leaks.Secrets // to the server, and when

	deleted bool // all of it
}

// inBrowser is a browser that a walk goes through.
type inBrowser struct {
	name  string
	start func(t *testing.T) *browser.Page
}

// browsers are both, with the compilers or without.
func browsers(interpreted bool) []inBrowser {
	o := browser.Options{JavaScript: true, Interpreted: interpreted, Width: 360, Height: 740}
	return []inBrowser{
		{"Firefox", func(t *testing.T) *browser.Page { return browser.Firefox(t, o) }},
		{"Chromium", func(t *testing.T) *browser.Page { return browser.Chromium(t, o).Page }},
	}
}

func newWalk(t *testing.T, b inBrowser) *walk {
	t.Helper()
	if client.Script() == nil {
		t.Fatal("there is no script: run .ci/client first")
	}
	gave := leaks.New()
	d := servertest.New(t, servertest.Options{Script: client.Script()})
	return &walk{t: t, d: d, line: recorder.New(t, d.URL), page: b.start(t), gave: gave}
}

func (w *walk) must(errs ...error) {
	w.t.Helper()
	for _, err := range errs {
		if err != nil {
			text, _ := w.page.Texts("h1, main > .problem, .state, [role=status]")
			w.t.Fatalf("%v; the page says %.1500q", err, text)
		}
	}
}

// until waits for a part of the page to say something.
func (w *walk) until(selector, want string) {
	w.t.Helper()
	w.must(w.page.UntilWithin(long, fmt.Sprintf(
		`[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))`, selector, want)))
}

// says holds what a part of the page says now.
func (w *walk) says(selector, want string) {
	w.t.Helper()
	if got, err := w.page.Text(selector); err != nil || !strings.Contains(got, want) {
		w.t.Errorf("%s says %q (%v), want %q", selector, got, err, want)
	}
}

// open opens a page and waits until the script says that it seals.
func (w *walk) open(path string) {
	w.t.Helper()
	w.must(w.page.Open(w.line.URL() + path))
	w.until(".sealing", "perangkat Anda")
}

// write opens the form and answers what must be answered.
func (w *walk) write() {
	w.t.Helper()
	w.open("/write")
	w.fillIn()
}

func (w *walk) fillIn() {
	w.t.Helper()
	w.must(w.page.Select("#f-tempat", "73"), w.page.Select("#f-waktu", "tidak_ingat"))
	for _, box := range []string{"hadir", "lisan", "camat", "mengalami", "banyak"} {
		w.must(w.page.Hit("input[value=" + box + "]"))
	}
	w.must(w.page.Fill("#f-uraian", story))
}

// send sends the testimony and reads the words.
func (w *walk) send() {
	w.t.Helper()
	w.must(w.page.Hit("form#write > button:last-of-type"))
	w.until("h1", "Sudah kami terima")
	words, err := w.page.Texts(".words li")
	w.must(err)
	if w.words = words; len(words) != 12 {
		w.t.Fatalf("%d words", len(words))
	}
}

// attach puts a file into the queue, as the n-th, and starts to send it.
func (w *walk) attach(path string) {
	w.t.Helper()
	w.must(w.page.Attach("#file", path))
	w.until(".queue h3", name)
	w.must(w.page.Hit("[data-do=send-files]"))
}

func (w *walk) code() receipt.Code {
	w.t.Helper()
	reading, err := receipt.Parse(strings.Join(w.words, " "))
	w.must(err)
	return reading.Code
}

// read opens the conversation with the words.
func (w *walk) read() {
	w.t.Helper()
	w.open("/open")
	w.must(w.page.Fill("#words", strings.Join(w.words, " ")), w.page.Hit("main form button"))
	w.until("h1", "Percakapan")
}

// reply reads an answer, and adds a message.
func (w *walk) reply() {
	w.t.Helper()
	w.d.Answer(w.code(), 1, 1, replied)
	w.read()
	w.until("article", replied)
	w.must(w.page.Fill("#text", later), w.page.Hit("form[data-do=message] button"))
	w.until(".notice[role=status]", "sudah kami terima")
}

// delete deletes everything, and looks whether it is gone.
func (w *walk) delete() {
	w.t.Helper()
	w.must(w.page.Select("#delete", "all"), w.page.Hit("form[data-do=delete] button"))
	w.until("button.danger", "")
	w.must(w.page.Hit("button.danger"))
	w.until("h1", "Sudah dihapus")
	w.deleted = true
	w.read()
	w.until("main", "dihapus oleh Anda")
	if has, err := w.page.Has("article"); err != nil || has {
		w.t.Errorf("a deleted answer is shown, %v", err)
	}
}

// secrets are what must not leave the page: all that the words derive but tokens and
// hashes, and all that was written.
func (w *walk) secrets(files ...[]byte) []recorder.Secret {
	code := w.code()
	keys := code.Keys()
	derived := func(label string) []byte {
		secret, err := hkdf.Key(sha256.New, code[:], []byte("saksi/v1"), label, 32)
		w.must(err)
		return secret
	}
	all := []recorder.Secret{
		{Name: "words", Words: w.words}, {Name: "code", Bytes: code[:]}, {Name: "field", Bytes: []byte(code.Field())},
		{Name: "author's seed", Bytes: derived("author")}, {Name: "author", Bytes: keys.AuthorPublic()},
		{Name: "reply seed", Bytes: derived("reply")}, {Name: "reply identity", Bytes: []byte(keys.Reply.String()[len("AGE-SECRET-KEY-PQ-1"):])},
		{Name: "reply recipient", Bytes: []byte(keys.Reply.Recipient().String())},
	}
	for _, text := range []string{story[len(story)-22:], later[len(later)-20:], name[:20], replied[14:], "dikumpulkan <di aula>"} {
		all = append(all, recorder.Secret{Name: text, Bytes: []byte(text)})
	}
	for _, file := range files {
		all = append(all, recorder.Secret{Name: "the file's beginning", Bytes: file[:64]},
			recorder.Secret{Name: "the file's end", Bytes: file[len(file)-64:]})
	}
	return all
}

// leaksNothing searches everything that passed and everything that is kept, and holds
// that there was something.
func (w *walk) leaksNothing(files ...[]byte) {
	w.t.Helper()
	for _, pattern := range []string{"GET /roster.note", "POST /v1/items", "POST /v1/mailbox"} {
		if len(w.line.Matching(pattern)) == 0 {
			w.t.Errorf("the recorder saw no %s", pattern)
		}
	}
	for _, found := range w.line.Find(w.secrets(files...)...) {
		w.t.Errorf("it was sent: %s", found)
	}
	w.keepsNothing(files...)
}

// visitor remembers what tells one browser from another, and where it came from: through
// the recorder, all come from this machine.
func (w *walk) visitor() {
	w.t.Helper()
	told := map[string]bool{}
	for _, e := range w.line.Exchanges() {
		for _, name := range []string{"User-Agent", "Accept-Language", "Sec-Ch-Ua"} {
			told[e.Header.Get(name)] = true
		}
	}
	delete(told, "")
	w.gave.Add("what a browser says of itself", slices.Collect(maps.Keys(told))...)
	if w.gave.Address(net.IPv4(127, 0, 0, 1)); len(told) == 0 {
		w.t.Error("the browser says nothing of itself")
	}
}

// keepsNothing searches the store and the log.
func (w *walk) keepsNothing(files ...[]byte) {
	w.t.Helper()
	w.visitor()
	for _, text := range []string{story, later, replied} {
		w.gave.Text("what was written", text)
	}
	for _, file := range files {
		w.gave.File(name, file)
	}
	if w.deleted {
		w.gave.Burned(w.code())
	}
	w.gave.Code(w.code())
	wrong, kept, err := w.gave.SearchStore(w.d.Dir)
	for _, leak := range append(wrong, w.gave.FindTimeless("the log", []byte(w.d.Log.String()))...) {
		w.t.Error(leak)
	}
	if err != nil || kept < 3 {
		w.t.Errorf("%d files were searched, %v", kept, err)
	}
}
