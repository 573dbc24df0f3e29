// Package leaks looks through what servers and desks of a test wrote for what nobody
// may find there: what a person typed or sent, the code and all that follows from it,
// where he came from, and when.
//
// Most of what is searched is ciphertext, megabytes of it. So that chance is no leak,
// a needle has at least seven bytes; a number that is shorter, or a span of time that
// is wide, has to be there as often as chance never makes it.
package leaks

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"saksi/crypto/receipt"
)

// shortest is how long a needle is: what is shorter is anywhere.
const shortest = 7

// Secrets are what was given away to a server or a desk, and since when.
type Secrets struct {
	mu    sync.Mutex
	since time.Time
	named map[string]string // needle -> what it is
	index *index            // of the needles; nil when they changed

	burned map[receipt.Code]bool
	short  []string // what has a needle that cannot be looked for
}

// New begins now.
func New() *Secrets {
	return &Secrets{since: time.Now(), named: map[string]string{}, burned: map[receipt.Code]bool{}}
}

// Add remembers needles as they are. One that is too short to be looked for is a fault of
// the test, which the search returns: nobody must take it for looked for.
func (s *Secrets) Add(what string, needles ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index = nil
	for _, needle := range needles {
		if len(needle) < shortest {
			s.short = append(s.short, fmt.Sprintf("%s cannot be looked for, it is too short: %q", what, needle))
			continue
		}
		s.named[needle] = what
	}
}

func (s *Secrets) tooShort() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Compact(slices.Sorted(slices.Values(s.short)))
}

// Text remembers what was typed, as forms, pages, logs and JSON spell it, and as it is
// when it was cut.
func (s *Secrets) Text(what, text string) {
	quoted, _ := json.Marshal(text) // of a string it never fails
	s.Add(what, text, strings.ReplaceAll(text, " ", "+"), url.QueryEscape(text), url.PathEscape(text),
		html.EscapeString(text), strings.Trim(string(quoted), `"`), strings.ReplaceAll(text, " ", `\u0020`))
	s.Add(what, base64s([]byte(text))...)
	const piece = 24
	if len(text) > piece {
		s.Add("a part of "+what, text[:piece], text[len(text)-piece:])
	}
}

// File remembers a file's name and pieces of its content.
func (s *Secrets) File(name string, content []byte) {
	s.Text("a file's name", name)
	const piece = 64
	for part := range 5 {
		from := max(0, len(content)-piece) * part / 4
		s.Add("a file", string(content[from:min(len(content), from+piece)]))
	}
}

// Code remembers a code in every form, and the secrets that follow from it.
func (s *Secrets) Code(code receipt.Code) {
	s.Add("the code", strings.ToUpper(code.Field()))
	s.secret("the code", code[:])
	words := code.Words()
	for i := range len(words) - 1 {
		for _, between := range []string{" ", "+", "%20", "\n", "\r\n", ", ", ",", "-", "_", "", `","`, `", "`} {
			if pair := words[i] + between + words[i+1]; len(pair) >= shortest {
				s.Add("words of the code", pair)
			}
		}
	}
	keys := code.Keys()
	s.Add("the reply identity", keys.Reply.String())
	for label, what := range map[string]string{
		"mailbox": "the mailbox token", "reply": "the seed of the reply identity", "author": "the author's seed",
	} {
		s.secret(what, derived(code, label))
	}
	s.mu.Lock()
	burned := s.burned[code]
	s.mu.Unlock()
	for n := range receipt.MaxItems {
		if !burned {
			s.secret("a burn token", derived(code, fmt.Sprint("burn/", n)))
		}
	}
}

// Burned forgets the burn tokens of a code: of what was deleted they are kept, and
// carried to the desks, as the proof.
func (s *Secrets) Burned(code receipt.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.index = nil
	s.burned[code] = true
	for n := range receipt.MaxItems {
		for _, needle := range spellings(derived(code, fmt.Sprint("burn/", n))) {
			delete(s.named, needle)
		}
	}
}

// derived is what a code derives, by the book: see package receipt.
func derived(code receipt.Code, label string) []byte {
	key, err := hkdf.Key(sha256.New, code[:], []byte("saksi/v1"), label, 32)
	if err != nil {
		panic("leaks: internal error: " + err.Error())
	}
	return key
}

func (s *Secrets) secret(what string, raw []byte) { s.Add(what, spellings(raw)...) }

// spellings are bytes as they are, in hexadecimal and in base64.
func spellings(raw []byte) []string {
	digits := hex.EncodeToString(raw)
	return append(base64s(raw), string(raw), digits, strings.ToUpper(digits))
}

func base64s(raw []byte) []string {
	return []string{base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)}
}

// Words remembers a code by its words, if they are any.
func (s *Secrets) Words(words string) {
	if reading, err := receipt.Parse(words); err == nil {
		s.Code(reading.Code)
	}
}

// Address remembers where somebody came from: an address that nobody else has, without
// its port. In four bytes it is looked for nowhere.
func (s *Secrets) Address(ip net.IP) {
	s.Add("the reporter's address", ip.String(), string(ip.To16()))
}

// Find returns what is wrong with a text or a file's bytes.
func (s *Secrets) Find(where string, content []byte) (wrong []string) {
	return append(s.FindTimeless(where, content), s.FindTimes(where, content)...)
}

// logged is the day that every line of a server's log begins with: it tells of events
// of the drop, and of no request.
var logged = regexp.MustCompile(`(?m)^time=20[0-9]{2}-[0-9]{2}-[0-9]{2} `)

// FindInLog is Find in what a server logged.
func (s *Secrets) FindInLog(where, log string) (wrong []string) {
	return s.Find(where, logged.ReplaceAll([]byte(log), []byte("time=")))
}

// FindTimeless is Find in what may hold times.
func (s *Secrets) FindTimeless(where string, content []byte) (wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.index == nil {
		s.index = newIndex(s.named)
	}
	for needle, what := range s.index.find(content) {
		wrong = append(wrong, fmt.Sprintf("%s holds %s: %.40q", where, what, needle))
	}
	return wrong
}

// An index has needles by their first two bytes.
type index [1 << 16][]needle

type needle struct{ text, what string }

func newIndex(named map[string]string) *index {
	var x index
	for text, what := range named {
		at := int(text[0])<<8 | int(text[1])
		x[at] = append(x[at], needle{text, what})
	}
	return &x
}

// find returns the needles that are in it. Nobody else has the bytes, of which there are
// hundreds of megabytes in a test run.
//
//go:norace
func (x *index) find(content []byte) (found map[string]string) {
	found = map[string]string{}
	for i := range max(0, len(content)-shortest+1) {
		for _, n := range x[int(content[i])<<8|int(content[i+1])] {
			if len(content)-i >= len(n.text) && string(content[i:i+len(n.text)]) == n.text {
				found[n.text] = n.what
			}
		}
	}
	return found
}
