package recorder

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// A Secret is what must not pass: bytes, or words.
type Secret struct {
	Name  string
	Bytes []byte   // at least 8
	Words []string // at least 3
}

// piece is how many bytes of a secret are enough to give it away.
const piece = 16

// Find searches URLs, headers and bodies of all requests, and of all answers, for
// secrets, and says where it found which, and how it was written. It finds any 16
// bytes in a row that begin at a multiple of 16 (or end at the end), and any three
// words, whatever stands between them.
//
// It looks for bytes as they are, in base64 of both alphabets and all three phases,
// in hex of either case, as numbers of a JSON array or object, and as text of
// which each character is a byte, in UTF-8 and UTF-16. All of these may be
// percent-encoded, escaped as in JSON, or UTF-16; bodies may be gzipped.
func (r *Recorder) Find(secrets ...Secret) []string {
	needles := newNeedles(secrets)
	var found []string
	for _, e := range r.Exchanges() {
		for _, part := range e.parts() {
			for _, name := range needles.find(part.content) {
				found = append(found, fmt.Sprintf("%s %s: %s: %s", e.Method, e.URL, part.name, name))
			}
		}
	}
	return found
}

// A part is a piece of an exchange.
type part struct {
	name    string
	content []byte
}

func (e Exchange) parts() []part {
	return []part{
		{"address", []byte(e.URL)}, {"headers", lines(e.Header)}, {"body", unzip(e.Header, e.Body)},
		{"answer's headers", lines(e.Answer.Header)}, {"answer", unzip(e.Answer.Header, e.Answer.Body)},
	}
}

func lines(h http.Header) []byte {
	var b bytes.Buffer
	_ = h.Write(&b) // into memory
	return b.Bytes()
}

// unzip returns a body as it was before it was compressed, as far as it came.
func unzip(h http.Header, body []byte) []byte {
	if h.Get("Content-Encoding") != "gzip" {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	text, _ := io.ReadAll(z) // what was cut off is missing
	return text
}

// needles are all spellings of all secrets. A text is gone through once: its next
// two bytes tell whether to look closer, its next four at what.
type needles struct {
	first [1 << 16]bool
	by    map[uint32][]needle
	words map[string]string // three words in a row, and whose they are
}

type needle struct {
	text []byte
	name string
}

func newNeedles(secrets []Secret) *needles {
	n := &needles{by: map[uint32][]needle{}, words: map[string]string{}}
	for _, s := range secrets {
		if len(s.Bytes) < 8 && len(s.Words) < 3 {
			panic("recorder: internal error: " + s.Name + " is too short to be told from chance")
		}
		if s.Bytes != nil {
			n.addBytes(s.Name, s.Bytes)
		}
		for i := range max(0, len(s.Words)-2) {
			n.words[fold([]byte(strings.Join(s.Words[i:i+3], "")))] = s.Name
		}
		for _, between := range []string{" ", "\n", "-", ",", ", ", ""} {
			if s.Words != nil {
				n.addBytes(s.Name, []byte(strings.Join(s.Words, between)))
			}
		}
	}
	return n
}

// addBytes adds the pieces of a secret in all spellings.
func (n *needles) addBytes(name string, secret []byte) {
	for start := 0; start < len(secret); start += piece {
		end := min(start+piece, len(secret))
		start = max(0, end-piece)
		for spelling, text := range spell(secret[start:end], start) {
			n.add(needle{text, name + " (" + spelling + ")"})
		}
	}
}

func (n *needles) add(s needle) {
	key := uint32(s.text[0])<<24 | uint32(s.text[1])<<16 | uint32(s.text[2])<<8 | uint32(s.text[3])
	n.first[key>>16] = true
	n.by[key] = append(n.by[key], s)
}

// spell returns some bytes in all spellings. at is where they begin in the secret.
func spell(b []byte, at int) map[string][]byte {
	var chars, object []string
	var utf8, little, big []byte
	for i, v := range b {
		chars = append(chars, strconv.Itoa(int(v)))
		object = append(object, fmt.Sprintf(`"%d":%d`, at+i, v))
		utf8 = append(utf8, string(rune(v))...)
		little, big = append(little, v, 0), append(big, 0, v)
	}
	all := map[string][]byte{
		"plain": b, "hex": []byte(hex.EncodeToString(b)), "HEX": []byte(strings.ToUpper(hex.EncodeToString(b))),
		"numbers": []byte(strings.Join(chars, ",")), "object": []byte(strings.Join(object, ",")),
		"UTF-8": utf8, "UTF-16LE": little, "UTF-16BE": big,
	}
	for phase := range 3 {
		all[fmt.Sprintf("base64, phase %d", phase)] = phased(base64.RawStdEncoding, b, phase)
		all[fmt.Sprintf("base64url, phase %d", phase)] = phased(base64.RawURLEncoding, b, phase)
	}
	return all
}

// phased returns those characters of base64 that depend on some bytes alone, when
// that many bytes of something else, modulo three, stand before them.
func phased(e *base64.Encoding, b []byte, before int) []byte {
	text := e.EncodeToString(append(make([]byte, before), b...))
	whole := (before + len(b)) * 8 / 6 // characters, of which nothing that follows has a bit
	return []byte(text[(before*8+5)/6 : whole])
}

// find returns the names of what a text holds, each once.
func (n *needles) find(text []byte) (found []string) {
	for _, view := range views(text) {
		n.scan(view, func(name string) { found = append(found, name) })
		folded := fold(view)
		for words, name := range n.words {
			if strings.Contains(folded, words) {
				found = append(found, name+" (words)")
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// scan is not watched by the race detector, as what goes through each byte of a
// large upload is not: it would take ten times as long, and shares nothing.
//
//go:norace
func (n *needles) scan(text []byte, found func(name string)) {
	for i := 0; i+4 <= len(text); i++ {
		two := uint32(text[i])<<8 | uint32(text[i+1])
		if !n.first[two] {
			continue
		}
		for _, s := range n.by[two<<16|uint32(text[i+2])<<8|uint32(text[i+3])] {
			if bytes.HasPrefix(text[i:], s.text) {
				found(s.name)
			}
		}
	}
}

// views returns a text as it is, and as it is once it is decoded, where that makes
// a difference.
func views(text []byte) [][]byte {
	all := [][]byte{text}
	for _, decode := range []func([]byte) []byte{unpercent, unform, unescape, narrow} {
		if view := decode(text); !bytes.Equal(view, text) {
			all = append(all, view)
		}
	}
	return all
}

// unform undoes the encoding of forms, where a space is a plus.
func unform(text []byte) []byte { return unpercent(bytes.ReplaceAll(text, []byte("+"), []byte(" "))) }

// unpercent undoes percent-encoding.
//
//go:norace
func unpercent(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' && i+2 < len(text) {
			if v, err := strconv.ParseUint(string(text[i+1:i+3]), 16, 8); err == nil {
				c, i = byte(v), i+2
			}
		}
		out = append(out, c)
	}
	return out
}

// unescape undoes the escapes of JSON.
//
//go:norace
func unescape(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\`)) {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		if text[i] == 'u' && i+4 < len(text) {
			if v, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16); err == nil {
				out, i = append(out, string(rune(v))...), i+4
				continue
			}
		}
		out = append(out, escaped(text[i]))
	}
	return out
}

// escaped returns the character that a letter behind a backslash stands for.
func escaped(c byte) byte {
	if at := strings.IndexByte("nrtbf", c); at >= 0 {
		return "\n\r\t\b\f"[at]
	}
	return c
}

// narrow drops the zeros that UTF-16 has beside each character of ASCII.
func narrow(text []byte) []byte { return bytes.ReplaceAll(text, []byte{0}, nil) }

// fold keeps the letters of a text, all small.
//
//go:norace
func fold(text []byte) string {
	out := make([]byte, 0, len(text))
	for _, c := range text {
		if c |= 0x20; 'a' <= c && c <= 'z' {
			out = append(out, c)
		}
	}
	return string(out)
}
