package main

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"saksi/crypto/receipt"
	"saksi/crypto/week"
)

// agent is what the stories' browser calls itself.
const agent = "Mozilla/5.0 (penanda-agen-4711; rv:140.0)"

// secrets are what a story gave away to the server, or a reviewer to the desk,
// and what nobody may find afterwards on either disk or in any log.
type secrets struct {
	mu    sync.Mutex
	since time.Time
	named map[string]string // needle -> what it is
}

func newSecrets() *secrets {
	s := &secrets{since: time.Now(), named: map[string]string{}}
	s.add("the user agent", agent, "penanda-agen")
	return s
}

// add remembers needles. Short ones would be found anywhere.
func (s *secrets) add(what string, needles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, needle := range needles {
		if len(needle) >= 6 {
			s.named[needle] = what
		}
	}
}

// field remembers what was typed into a form.
func (s *secrets) field(name, value string) {
	if strings.HasPrefix(name, "q.") {
		name = "text"
	}
	switch name {
	case "code":
		if code, err := receipt.ParseField(value); err == nil {
			s.code(code)
		}
	case "words":
		if reading, err := receipt.Parse(value); err == nil {
			s.code(reading.Code)
		}
	case "text":
		s.add("what was typed", value, strings.ReplaceAll(value, " ", "+"))
	}
}

// code remembers a code in every form, and the secrets that follow from it.
func (s *secrets) code(code receipt.Code) {
	s.add("the code", code.Field(), string(code[:]))
	words := code.Words()
	for i := range len(words) - 1 {
		for _, between := range []string{" ", "+", "%20", "\n", ", ", "-"} {
			s.add("words of the code", words[i]+between+words[i+1])
		}
	}
	keys := code.Keys()
	s.add("the mailbox token", string(keys.Token[:]), hex.EncodeToString(keys.Token[:]))
	s.add("the reply identity", keys.Reply.String())
}

// connection remembers the address that a browser came from.
func (s *secrets) connection(addr net.Addr) { s.add("the reporter's address", addr.String()) }

var answerText = regexp.MustCompile(`-text '([^']+)'`)

// script remembers the answers that reviewers write in a story.
func (s *secrets) script(text string) {
	for _, m := range answerText.FindAllStringSubmatch(text, -1) {
		s.add("a reviewer's answer", m[1])
	}
}

// find returns what is wrong with a text or a file's bytes.
func (s *secrets) find(where string, content []byte) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for needle, what := range s.named {
		if bytes.Contains(content, []byte(needle)) {
			wrong = append(wrong, fmt.Sprintf("%s holds %s: %.40q", where, what, needle))
		}
	}
	for second := s.since.Unix(); second <= time.Now().Unix(); second++ {
		if form := timeForm(content, second); form != "" {
			wrong = append(wrong, fmt.Sprintf("%s holds a second of the story, %s", where, form))
		}
	}
	if m := clockTime.Find(content); m != nil {
		wrong = append(wrong, fmt.Sprintf("%s holds a time of day: %q", where, m))
	}
	return wrong
}

// clockTime is a time of day as programs write it. It is long enough not to be
// met by chance in some MiB of random bytes.
var clockTime = regexp.MustCompile(`20[0-9]{2}[-/][0-9]{2}[-/][0-9]{2}[T ][0-9]{2}:[0-9]{2}`)

// timeForm looks for a second as programs store it.
func timeForm(content []byte, second int64) string {
	for form, needle := range map[string][]byte{
		"big endian":    binary.BigEndian.AppendUint64(nil, uint64(second)),
		"little endian": binary.LittleEndian.AppendUint64(nil, uint64(second)),
		"decimal":       fmt.Append(nil, second),
	} {
		if bytes.Contains(content, needle) {
			return form
		}
	}
	return ""
}

// search looks through everything that a server or a desk keeps below a folder,
// and through the bundles and outboxes there.
func (s *secrets) search(root string) (wrong []string, files int, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		kept := keptFolder(filepath.Dir(name), root)
		carried := strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".outbox")
		if !d.Type().IsRegular() || kept == "" && !carried {
			return nil
		}
		files++
		content, err := os.ReadFile(name)
		wrong = append(wrong, s.find(name, append(content, name...))...)
		wrong = append(wrong, oddTimes(name, kept, d, content)...)
		return err
	})
	return wrong, files, err
}

// keptFolder returns the data folder or desk that a folder is in, or "".
func keptFolder(dir, root string) string {
	for ; strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
		for _, format := range []string{"server.vkey", "index.age"} {
			if _, err := os.Stat(filepath.Join(dir, format)); err == nil {
				return dir
			}
		}
	}
	return ""
}

// oddTimes holds that the times of a store's files, and those inside a bundle,
// are no finer than a week.
func oddTimes(name, kept string, d fs.DirEntry, content []byte) (wrong []string) {
	_, err := os.Stat(filepath.Join(kept, "root.vkey")) // nobody comes before the first roster
	if err == nil && strings.HasPrefix(name, filepath.Join(kept, "store")) {
		info, err := d.Info()
		if err != nil || !info.ModTime().Equal(week.Of(info.ModTime()).Monday()) {
			wrong = append(wrong, fmt.Sprintf("%s was modified %v: %v", name, info.ModTime(), err))
		}
	}
	if !strings.HasSuffix(name, ".tar") {
		return wrong
	}
	for members := tar.NewReader(bytes.NewReader(content)); ; {
		head, err := members.Next()
		if err == io.EOF {
			return wrong
		}
		if err != nil {
			return wrong // a story cut it
		}
		if !head.ModTime.Equal(time.Unix(0, 0)) && !head.ModTime.Equal(week.Of(head.ModTime).Monday()) {
			wrong = append(wrong, fmt.Sprintf("%s: %s is of %v", name, head.Name, head.ModTime))
		}
	}
}

// TestLeaksAreFound plants each kind of leak: the search must find them all.
func TestLeaksAreFound(t *testing.T) {
	code := receipt.New()
	s := newSecrets()
	s.field("code", code.Field())
	s.field("text", "isi kesaksian")
	s.add("a file's name", "bukti-rapat.jpg")
	s.connection(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40123})
	token := code.Keys().Token
	now := time.Now()
	for name, leak := range map[string]string{
		"text": "isi kesaksian", "field": "isi+kesaksian", "name": "bukti-rapat.jpg", "address": "127.0.0.1:40123",
		"agent": agent, "code": code.Field(), "raw code": string(code[:]), "words": strings.Join(code.Words()[3:5], " "),
		"token": string(token[:]), "second": string(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))),
		"decimal": fmt.Sprint(now.Unix()), "clock": now.UTC().Format(time.RFC3339),
	} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "data", "store"), 0o700); err != nil {
			t.Fatal(err)
		}
		for file, content := range map[string]string{"data/server.vkey": "x", "data/store/index.db": "...." + leak + "...."} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			monday := week.Of(now).Monday()
			if err := os.Chtimes(filepath.Join(dir, file), monday, monday); err != nil {
				t.Fatal(err)
			}
		}
		if wrong, files, err := s.search(dir); err != nil || len(wrong) == 0 || files != 2 {
			t.Errorf("%s: found %q in %d files, %v", name, wrong, files, err)
		}
	}
}
