package main

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"saksi/server/servertest"
)

// secret FIELD VALUE tells the story what nobody may find: a text, or the words that
// a program showed.
func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	storyOf(ts).secrets.field(args[0], args[1])
}

// photo FILE AUTHOR writes a picture that names somebody.
func cmdPhoto(ts *testscript.TestScript, neg bool, args []string) {
	var b bytes.Buffer
	ts.Check(png.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8))))
	chunk := "tEXtAuthor\x00" + args[1]
	named := binary.BigEndian.AppendUint32(nil, uint32(len(chunk)-4))
	named = binary.BigEndian.AppendUint32(append(named, chunk...), crc32.ChecksumIEEE([]byte(chunk)))
	const head = 8 + 25 // signature and IHDR
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(append(b.Bytes()[:head:head], named...), b.Bytes()[head:]...), 0o600))
}

// TestSealSpeaksBothLanguages: each text is there in both, with the same places to
// fill in, and nothing is asked for that is not there.
func TestSealSpeaksBothLanguages(t *testing.T) {
	id, en := speaker("id"), speaker("en")
	if len(id) < 60 || len(id) != len(en) || speaker("fr") != nil {
		t.Fatalf("%d and %d texts", len(id), len(en))
	}
	for key, text := range id {
		if en[key] == "" || strings.Count(text, "%") != strings.Count(en[key], "%") {
			t.Errorf("%s: %q and %q", key, text, en[key])
		}
		if hint, ok := strings.CutPrefix(key, "hint."); ok && id["err."+hint] == "" {
			t.Errorf("%s is for no error", key)
		}
	}
	for _, file := range []string{"seal.go", "speech.go"} {
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
	s := httptest.NewServer(front)
	defer s.Close()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "kesaksian.txt"), []byte("Kami diminta."), 0o600))
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), env{&stdout, &stderr},
		[]string{"seal", "-to", s.URL + "/#" + strings.Join(d.Trusted.Fingerprint(), "-"), dir})
	if strings.Contains(stdout.String()+stderr.String(), "Kami diminta") {
		t.Error("the text is printed")
	}
	return stdout.String() + stderr.String(), code
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
	status, err := d.Inbox.Status()
	must(t, err)
	if status.Items != 1 {
		t.Errorf("%d items are kept", status.Items)
	}
}
