package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"saksi/cmd/saksi/errand/sockstest"
	"saksi/cmd/saksi/letter"
	"saksi/crypto/receipt"
	"saksi/server/servertest"
)

// photo FILE AUTHOR writes a picture that names somebody.
func cmdPhoto(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pictureWith("tEXtAuthor\x00"+args[1]), 0o600))
}

// pictureWith makes a PNG with chunks, each of which begins with its type.
func pictureWith(chunks ...string) []byte {
	var plain bytes.Buffer
	if err := png.Encode(&plain, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		panic(err)
	}
	const head = 8 + 25 // signature and IHDR
	b := bytes.Clone(plain.Bytes()[:head])
	for _, chunk := range chunks {
		b = binary.BigEndian.AppendUint32(b, uint32(len(chunk)-4))
		b = binary.BigEndian.AppendUint32(append(b, chunk...), crc32.ChecksumIEEE([]byte(chunk)))
	}
	return append(b, plain.Bytes()[head:]...)
}

// TestSealSpeaksBothLanguages: each text is there in both, with the same places to
// fill in, and nothing is asked for that is not there.
func TestSealSpeaksBothLanguages(t *testing.T) {
	id, en := speaker("id"), speaker("en")
	if len(id) < 60 || len(id) != len(en) || speaker("fr") != nil {
		t.Fatalf("%d and %d texts", len(id), len(en))
	}
	for key, text := range id {
		if other := regexp.MustCompile(`(?i)sidik.jari|\bbita\b`).FindString(text); other != "" {
			t.Errorf("%s: %q is called otherwise on the poster and the pages", key, other)
		}
		if en[key] == "" || strings.Count(text, "%") != strings.Count(en[key], "%") {
			t.Errorf("%s: %q and %q", key, text, en[key])
		}
		if hint, ok := strings.CutPrefix(key, "hint."); ok && id["err."+hint] == "" {
			t.Errorf("%s is for no error", key)
		}
	}
	for _, file := range []string{"seal.go", "sealtells.go", "speech.go"} {
		code, err := os.ReadFile(file)
		must(t, err)
		for _, key := range keysIn(string(code)) {
			if id[key] == "" {
				t.Errorf("%s asks for %q, which is not there", file, key)
			}
		}
	}
}

var keyPattern = regexp.MustCompile(`"((?:err|hint|reveal)\.[a-z_]+)"|(?:tellTo|print|text)\("([a-z_]+)"`)

func keysIn(code string) (keys []string) {
	for _, m := range keyPattern.FindAllStringSubmatch(code, -1) {
		keys = append(keys, m[1]+m[2])
	}
	return keys
}

// sealWith runs saksi seal against a server that answers for a drop, and returns what
// it printed.
func sealWith(t *testing.T, d *servertest.Drop, front http.HandlerFunc) (out string, err int) {
	t.Helper()
	return sealUntil(t.Context(), t, d, front)
}

func sealUntil(ctx context.Context, t *testing.T, d *servertest.Drop, front http.HandlerFunc) (out string, err int) {
	t.Helper()
	s := httptest.NewServer(front)
	defer s.Close()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "kesaksian.txt"), []byte("Kami diminta."), 0o600))
	var stdout, stderr bytes.Buffer
	code := run(ctx, env{nil, &stdout, &stderr}, sealTo(s.URL, d, dir))
	if strings.Contains(stdout.String()+stderr.String(), "Kami diminta") {
		t.Error("the text is printed")
	}
	return stdout.String() + stderr.String(), code
}

func sealTo(url string, d *servertest.Drop, dir string) []string {
	return []string{"seal", "-to", url + "/#" + strings.Join(d.Trusted.Fingerprint(), "-"), dir}
}

// passOn asks the drop.
func passOn(d *servertest.Drop, w http.ResponseWriter, r *http.Request) {
	target, _ := url.Parse(d.URL)
	proxy := httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(target) }} // and says nothing of itself
	proxy.ServeHTTP(w, r)
}

var shownWord = regexp.MustCompile(`(?m)^ ?[0-9]+\. [a-z]{4,7}$`)

// TestWordsAreForWhatIsKept: of a testimony that the server refuses, nobody gets a
// code; of one that it kept, and said so to a line that broke, its sender does.
func TestWordsAreForWhatIsKept(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	out, code := sealWith(t, d, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, `{"error":"closed"}`)
			return
		}
		passOn(d, w, r)
	})
	if words := shownWord.FindAllString(out, -1); code == 0 || len(words) > 0 || !strings.Contains(out, "tidak ada yang tersimpan") {
		t.Errorf("refused: status %d, words %q", code, words)
	}
	posts := 0
	out, code = sealWith(t, d, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if posts++; posts == 1 {
				passOn(d, httptest.NewRecorder(), r) // kept, and the answer is lost
				panic(http.ErrAbortHandler)
			}
		}
		passOn(d, w, r)
	})
	if words := shownWord.FindAllString(out, -1); code != 0 || len(words) != 12 || posts != 2 {
		t.Errorf("a lost answer: status %d, %d words, %d requests", code, len(words), posts)
	}
	if !strings.Contains(out, speaker("id")["let_run"]+".") || strings.Contains(out, "jalankan lagi") {
		t.Errorf("while it sends by itself, it says %q", out)
	}
	posts = 0
	out, code = sealWith(t, d, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			passOn(d, w, r)
			return
		}
		if posts++; posts == 1 {
			passOn(d, httptest.NewRecorder(), r) // kept, the answer is lost, and then the disk is full
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, `{"error":"store"}`)
	})
	if words := shownWord.FindAllString(out, -1); code == 0 || len(words) != 12 || posts != 2 ||
		!strings.Contains(out, speaker("id")["kept_perhaps"]) || strings.Contains(out, "tidak ada yang tersimpan") {
		t.Errorf("a lost answer, and then none: status %d, %d words, %d requests: %q", code, len(words), posts, out)
	}
	status, err := d.Inbox.Status()
	must(t, err)
	if status.Items != 2 {
		t.Errorf("%d items are kept", status.Items)
	}
}

// openTerminal makes a terminal, and the keyboard in front of it.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { keyboard.Close() })
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	must(t, err)
	must(t, unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { terminal.Close() })
	return keyboard, terminal
}

// atTerminal runs the program with somebody at a terminal who has typed a line.
func atTerminal(t *testing.T, typed string, args ...string) (printed string, err error) {
	t.Helper()
	keyboard, terminal := openTerminal(t)
	_, err = io.WriteString(keyboard, typed)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), "saksi", args...)
	cmd.Stdin = terminal
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestNothingIsSentBeforeSomebodySawWhoReads: at a terminal the list comes, then the
// question, and nothing but yes sends.
func TestNothingIsSentBeforeSomebodySawWhoReads(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "kesaksian.txt"), []byte("Kami diminta."), 0o600))
	address := d.URL + "/#" + strings.Join(d.Trusted.Fingerprint(), "-")
	for _, c := range []struct {
		typed, lang string
		items       int
	}{{"\n", "id", 0}, {"t\n", "id", 0}, {"\x04", "id", 0}, {"n\n", "en", 0}, {"y\n", "id", 1}, {"yes\n", "en", 2}} {
		out, err := atTerminal(t, c.typed, "seal", "-lang", c.lang, "-to", address, dir)
		must(t, err)
		list, question := strings.Index(out, "    r1 "), strings.Index(out, speaker(c.lang)["ask"])
		if list < 0 || question < list || strings.Contains(out[:question], speaker(c.lang)["kept"]) {
			t.Errorf("%q: no question after the list: %q", c.typed, out)
		}
		status, err := d.Inbox.Status()
		must(t, err)
		if status.Items != c.items {
			t.Errorf("%q: %d items are kept, want %d", c.typed, status.Items, c.items)
		}
	}
}

// waitingFor runs the program until it waits, ends it as Ctrl-C does, and returns what
// it said.
func waitingFor(t *testing.T, args ...string) (printed string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "saksi", args...)
	out, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if printed += lines.Text() + "\n"; strings.HasPrefix(lines.Text(), "Waiting") {
			must(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	return printed
}

// carriedFor returns the path of a carried file.
func carriedFor(t *testing.T, d *servertest.Drop) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "titip")
	must(t, writeCarried(name, &letter.Letter{
		Circle: d.Circle, Code: receipt.New(), Folder: &letter.Folder{Text: "Kami diminta."}, Language: "id",
	}))
	return name
}

// TestADeadAddressSaysWhyAtTheFirstTry: what is wrong, what to do, for how long it goes
// on, how to end it; and whoever ends it reads that, and not what a program calls it.
func TestADeadAddressSaysWhyAtTheFirstTry(t *testing.T) {
	const onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion"
	d := servertest.New(t, servertest.Options{})
	carried := carriedFor(t, d)
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer broken.Close()
	proxy, err := sockstest.Listen("other.onion", nil)
	must(t, err)
	defer proxy.Close()
	for key, args := range map[string][]string{
		"no_tor":      {"-to", "http://" + onion, "-socks", "127.0.0.1:9"},
		"unreachable": {"-to", "http://" + onion, "-socks", proxy.Addr},
		"broken":      {"-to", broken.URL},
	} {
		out := waitingFor(t, append([]string{"seal", "-lang", "en", "-send", carried}, args...)...)
		first, _, _ := strings.Cut(out, "Waiting")
		en := speaker("en")
		for _, want := range []string{en["err."+key], en["hint."+key], "3 hours", "Ctrl-C"} {
			if !strings.Contains(first, want) {
				t.Errorf("%s: before it waits it does not say %q: %q", key, want, out)
			}
		}
		if strings.Contains(out, "context") || !strings.Contains(out, en["err.ended"]) || !strings.Contains(out, en["hint.ended"]) {
			t.Errorf("%s: ended, it says %q", key, out)
		}
	}
}

// TestOfALostAnswerNobodySaysThatNothingWasKept: whoever ends the program while the
// answer is missing must not believe that nothing arrived, and has the words.
func TestOfALostAnswerNobodySaysThatNothingWasKept(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, code := sealUntil(ctx, t, d, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			passOn(d, httptest.NewRecorder(), r) // kept, and the answer is lost
			cancel()
			panic(http.ErrAbortHandler)
		}
		passOn(d, w, r)
	})
	words := shownWord.FindAllString(out, -1)
	if code == 0 || len(words) != 12 ||
		strings.Contains(out, "tidak ada yang tersimpan") || !strings.Contains(out, "server belum menyatakan") {
		t.Errorf("status %d, %d words, %q", code, len(words), out)
	}
	status, err := d.Inbox.Status()
	must(t, err)
	if status.Items != 1 {
		t.Errorf("%d items are kept", status.Items)
	}
}

// TestATakenNumberIsSaidInWords: of what was carried, another item has the number. The
// same file sent twice is no such thing.
func TestATakenNumberIsSaidInWords(t *testing.T) {
	d := servertest.New(t, servertest.Options{})
	l := &letter.Letter{
		Circle: d.Circle, Code: receipt.New(), Folder: &letter.Folder{Text: "Kami diminta."}, Language: "id",
	}
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b")
	must(t, writeCarried(first, l))
	must(t, writeCarried(second, l))
	for range 2 {
		if out, err := atTerminal(t, "", "seal", "-lang", "en", "-send", first, "-to", d.URL); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	out, err := atTerminal(t, "", "seal", "-lang", "en", "-send", second, "-to", d.URL)
	if err == nil || !strings.Contains(out, speaker("en")["err.number_used"]) {
		t.Errorf("it says %q, %v", out, err)
	}
}
