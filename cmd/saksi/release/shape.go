package release

import (
	"crypto/sha256"
	"errors"
	"regexp"
	"strings"
)

// ErrShape is returned for a page that is not written as those of a drop are.
var ErrShape = errors.New("it is not written as a drop's pages are")

// maxParts is far more tags and texts than any page of ours has.
const maxParts = 20_000

// codeField is the one thing on a page that differs each time: a fresh code.
var codeField = regexp.MustCompile(`(<input type="hidden" name="code" value=")[0-9a-f]{30}(">)`)

// Masked returns a page with zeros in the place of its code.
func Masked(page []byte) []byte {
	return codeField.ReplaceAll(page, []byte("${1}"+strings.Repeat("0", 30)+"${2}"))
}

// A Shape is what a page is made of. Its parts, put together again, are the page.
type Shape struct {
	Tags []Tag
	// Texts has what stands before each tag, and last what stands behind the end:
	// one more than there are tags.
	Texts []string
}

// A Tag is one tag as it stands, from "<" to ">".
type Tag struct {
	Text       string
	Closes     bool
	Name       string
	Attributes []Attribute
}

// An Attribute has the value as it stands, without the quotes.
type Attribute struct {
	Name, Value string
	Valued      bool
}

const doctype = "<!doctype html>"

// ReadShape reads a page. It knows one spelling of tags:
//
//	"<" [ "/" ] name { " " attribute [ "=" quote value quote ] } ">"
//
// in small letters, where no value has a quote or an angle bracket. It returns
// [ErrShape] for whatever a browser might read in another way: comments, raw text
// of scripts and styles, and angle brackets that belong to no tag.
func ReadShape(page []byte) (*Shape, error) {
	rest, ok := strings.CutPrefix(string(page), doctype)
	if !ok {
		return nil, ErrShape
	}
	s := &Shape{}
	raw := ""
	for {
		text, tagged, found := strings.Cut(rest, "<")
		if strings.Contains(text, ">") || raw != "" && (text != "" || !found) {
			return nil, ErrShape
		}
		s.Texts = append(s.Texts, text)
		if !found {
			return s, nil
		}
		var t Tag
		if t, rest, ok = cutTag(tagged); !ok || len(s.Tags) >= maxParts || raw != "" && !(t.Closes && t.Name == raw) {
			return nil, ErrShape
		}
		if raw = ""; !t.Closes && isRaw(t.Name) {
			raw = t.Name
		}
		s.Tags = append(s.Tags, t)
	}
}

// isRaw reports whether a browser takes what stands in an element for something
// else than tags and text. Such an element has to be empty; a textarea is empty, or
// has text without tags, which is the same for both ways of reading.
func isRaw(name string) bool {
	switch name {
	case "script", "style", "iframe", "noembed", "noframes", "noscript", "xmp", "plaintext":
		return true
	}
	return false
}

// cutTag takes a tag off the text behind its "<".
func cutTag(text string) (t Tag, rest string, ok bool) {
	rest, t.Closes = strings.CutPrefix(text, "/")
	if t.Name, rest = cutName(rest, "0123456789"); t.Name == "" {
		return t, rest, false
	}
	for strings.HasPrefix(rest, " ") {
		a := Attribute{}
		if a.Name, rest = cutName(rest[1:], "-"); a.Name == "" || t.Closes {
			return t, rest, false
		}
		var quoted string
		if quoted, a.Valued = strings.CutPrefix(rest, `="`); a.Valued {
			if a.Value, rest, ok = strings.Cut(quoted, `"`); !ok || strings.ContainsAny(a.Value, "<>") {
				return t, rest, false
			}
		}
		t.Attributes = append(t.Attributes, a)
	}
	rest, ok = strings.CutPrefix(rest, ">")
	if ok {
		t.Text = "<" + text[:len(text)-len(rest)]
	}
	return t, rest, ok
}

// cutName takes a name off: a small letter, and then those and others.
func cutName(text, others string) (name, rest string) {
	n := 0
	for n < len(text) && ('a' <= text[n] && text[n] <= 'z' || n > 0 && strings.IndexByte(others, text[n]) >= 0) {
		n++
	}
	return text[:n], text[n:]
}

// String puts the page together again.
func (s *Shape) String() string {
	var page strings.Builder
	page.WriteString(doctype)
	for i, text := range s.Texts {
		page.WriteString(text)
		if i < len(s.Tags) {
			page.WriteString(s.Tags[i].Text)
		}
	}
	return page.String()
}

// Hash is that of the tags, without what stands between them.
func (s *Shape) Hash() Hash {
	h := sha256.New()
	for _, t := range s.Tags {
		h.Write([]byte(t.Text + "\n"))
	}
	return Hash(h.Sum(nil))
}

// Value returns an attribute's value; ok is whether the tag has it.
func (t Tag) Value(name string) (value string, ok bool) {
	for _, a := range t.Attributes {
		if a.Name == name {
			return a.Value, true
		}
	}
	return "", false
}
