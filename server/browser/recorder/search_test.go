package recorder

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf16"

	"saksi/crypto/limittest"
)

// secret has bytes of every kind: those that encodings leave, and those that they
// change, zeros among them.
var secret = []byte("k\x00~/?+ %\"\\\xff\xfe\x80\x01aZ09-_=&\n\r<>\xc3\xa9!'()*")

var slip = []string{"pasar", "melati", "kembang", "gunung", "perahu", "sawah", "cangkul", "lentera", "merpati", "tikar", "bakul", "payung"}

var planted = []Secret{{Name: "key", Bytes: secret}, {Name: "code", Words: slip}}

// wide is a text in UTF-16, of either byte order.
func wide(s string, big bool) []byte {
	var out []byte
	for _, c := range utf16.Encode([]rune(s)) {
		if big {
			out = append(out, byte(c>>8), byte(c))
		} else {
			out = append(out, byte(c), byte(c>>8))
		}
	}
	return out
}

// latin is a text whose characters are bytes, as atob has it.
func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

func percent(b []byte, format string) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, format, c)
	}
	return s.String()
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// spellings write the secret as other programs do: none of this is the searcher's.
func spellings(secret []byte) map[string]string {
	array, object := []int{}, map[string]int{}
	for i, c := range secret {
		array = append(array, int(c))
		object[fmt.Sprint(i)] = int(c)
	}
	// JSON.stringify has the keys of a typed array in their order.
	ordered := strings.Builder{}
	for i := range secret {
		fmt.Fprintf(&ordered, `,"%d":%d`, i, object[fmt.Sprint(i)])
	}
	all := map[string]string{
		"plain": string(secret), "hex": hex.EncodeToString(secret), "HEX": strings.ToUpper(hex.EncodeToString(secret)),
		"percent": percent(secret, "%%%02x"), "PERCENT": percent(secret, "%%%02X"), "form": url.QueryEscape(string(secret)),
		"path": url.PathEscape(string(secret)), "array": asJSON(array), "object": "{" + ordered.String()[1:] + "}",
		"UTF-8": latin(secret), "UTF-16LE": string(wide(latin(secret), false)), "UTF-16BE": string(wide(latin(secret), true)),
		"form of UTF-8": url.QueryEscape(latin(secret)), "JSON string": asJSON(latin(secret)),
		"escapes": percent(secret, `\u%04x`), "UTF-16 of hex": string(wide(hex.EncodeToString(secret), true)),
	}
	for before := range 6 {
		for after := range 3 {
			b := bytes.Join([][]byte{bytes.Repeat([]byte("x"), before), secret, bytes.Repeat([]byte("y"), after)}, nil)
			name := fmt.Sprintf(" %d %d", before, after)
			all["base64"+name] = base64.StdEncoding.EncodeToString(b)
			all["base64url"+name] = base64.RawURLEncoding.EncodeToString(b)
			all["form of base64"+name] = url.QueryEscape(base64.StdEncoding.EncodeToString(b))
			all["UTF-16 of base64"+name] = string(wide(base64.StdEncoding.EncodeToString(b), false))
		}
	}
	return all
}

// TestEachSpellingIsFound plants the secret in each spelling among noise. No request
// of a page may hold it in any: this is what that claim stands on.
func TestEachSpellingIsFound(t *testing.T) {
	noise := noise(3001)
	// A long one has pieces in each phase, of which one is enough; a short one has one.
	for _, secret := range [][]byte{secret, secret[:16], secret[:9]} {
		n := newNeedles([]Secret{{Name: "key", Bytes: secret}})
		for name, text := range spellings(secret) {
			all := bytes.Join([][]byte{noise, []byte(text), noise}, nil)
			if found := n.find(all); len(found) == 0 || !strings.HasPrefix(found[0], "key (") {
				t.Errorf("%d bytes, %s: found %q", len(secret), name, found)
			}
		}
	}
}

// TestHalfASecretIsFound: half of a key is as good as all of it to whoever guesses the rest.
func TestHalfASecretIsFound(t *testing.T) {
	n := newNeedles(planted)
	for name, b := range map[string][]byte{"first": secret[:16], "last": secret[len(secret)-16:]} {
		if found := n.find([]byte("x" + base64.StdEncoding.EncodeToString(b))); len(found) == 0 {
			t.Errorf("the %s half is not found", name)
		}
	}
}

// TestWordsAreFound: whatever stands between the words of a code, and three do.
func TestWordsAreFound(t *testing.T) {
	n := newNeedles(planted)
	numbered := ""
	for i, w := range slip {
		numbered += fmt.Sprintf("%d. %s\r\n", i+1, w)
	}
	for name, text := range map[string]string{
		"a sentence": strings.Join(slip, " "), "upper case": strings.ToUpper(strings.Join(slip, ", ")), "numbers": numbered,
		"a form": url.Values{"words": {numbered}}.Encode(), "JSON": asJSON(slip), "JSON of lines": asJSON(numbered),
		"three": strings.Join(slip[4:7], "_"), "base64": base64.StdEncoding.EncodeToString([]byte(strings.Join(slip, "\n"))),
		"hex": hex.EncodeToString([]byte(strings.Join(slip, " "))), "UTF-16": string(wide(strings.Join(slip, " "), false)),
	} {
		if found := n.find([]byte("kata=" + text)); len(found) == 0 || !strings.HasPrefix(found[0], "code (") {
			t.Errorf("%s: found %q", name, found)
		}
	}
}

// TestNothingIsFoundWhereNothingIs: what finds secrets everywhere says nothing.
func TestNothingIsFoundWhereNothingIs(t *testing.T) {
	n := newNeedles(planted)
	for name, text := range map[string][]byte{
		"noise": noise(1 << 20), "two words": []byte(strings.Join(slip[:2], " ") + " " + slip[5]),
		"fifteen bytes": secret[:15], "nothing": nil,
	} {
		if found := n.find(text); len(found) > 0 {
			t.Errorf("%s: found %q", name, found)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("seven bytes can be told from chance")
		}
	}()
	newNeedles([]Secret{{Name: "short", Bytes: secret[:7]}})
}

// TestEveryPartOfAnExchangeIsSearched plants the secret in each, and once under gzip.
func TestEveryPartOfAnExchangeIsSearched(t *testing.T) {
	hidden := base64.RawURLEncoding.EncodeToString(secret)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, hidden)
	z.Close()
	for want, e := range map[string]Exchange{
		"address":          {URL: "/a?b=" + hidden},
		"headers":          {Header: http.Header{"X-A": {"1", hidden}}},
		"body":             {Body: []byte(hidden)},
		"answer's headers": {Answer: Answer{Header: http.Header{"X-A": {hidden}}}},
		"answer":           {Answer: Answer{Header: http.Header{"Content-Encoding": {"gzip"}}, Body: zipped.Bytes()}},
	} {
		e.Method = "POST"
		r := &Recorder{all: []*Exchange{{Method: "GET", URL: "/"}, &e}}
		found := r.Find(planted...)
		if len(found) == 0 || !strings.HasPrefix(found[0], "POST "+e.URL+": "+want+": key (base64") {
			t.Errorf("in %s: found %q", want, found)
		}
	}
}

// noise is the same at each run.
func noise(n int) []byte {
	from := rand.NewChaCha8([32]byte{7})
	b := make([]byte, n)
	from.Read(b)
	return b
}

// BenchmarkFind says what searching a large upload costs.
func BenchmarkFind(b *testing.B) {
	text, n := noise(limittest.Size(32<<20, 1<<20)), newNeedles(planted)
	copy(text[len(text)-len(secret):], secret)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if found := n.find(text); len(found) == 0 {
			b.Fatal("what was planted is not found")
		}
	}
}
