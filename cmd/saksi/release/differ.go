package release

import (
	"bytes"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxFindings is how many differences of one page are told.
const maxFindings = 8

// OfPage says what differs between a page that came and the one that should have,
// most dangerous first; nil if nothing does. Nothing but the code may.
func OfPage(want, got []byte) []string {
	want, got = Masked(want), Masked(got)
	if bytes.Equal(want, got) {
		return nil
	}
	should, err := ReadShape(want)
	if err != nil {
		return []string{"this program cannot read its own page"}
	}
	is, err := ReadShape(got)
	if err != nil {
		return []string{err.Error() + describeBroken(got)}
	}
	said := slices.Concat(ofTags(should, is), ofWords(should, is))
	if len(said) == 0 {
		said = []string{"it is written in another way: other spaces or signs between the same parts"}
	}
	if len(said) > maxFindings {
		said = append(said[:maxFindings], "and "+strconv.Itoa(len(said)-maxFindings)+" more")
	}
	return said
}

// Begins reports whether what came of a page that broke off is its beginning. Nothing but
// the code may differ, which may have come in part.
func Begins(want, got []byte) bool {
	got = codeBegun.ReplaceAll(Masked(got), nil)
	return bytes.HasPrefix(Masked(want), got)
}

// codeBegun is a code field that breaks off in its code, or right behind it.
var codeBegun = regexp.MustCompile(`<input type="hidden" name="code" value="[0-9a-f]{1,30}"?$`)

// describeBroken names what may make a page unreadable for us and not for a browser.
func describeBroken(page []byte) string {
	low := bytes.ToLower(page)
	for _, one := range []struct{ in, say string }{
		{"<!--", "a comment"}, {"<style", "a style of its own"}, {"<iframe", "a frame"},
	} {
		if bytes.Contains(low, []byte(one.in)) {
			return ": it has " + one.say
		}
	}
	if n := bytes.Count(low, []byte("<script")); n > 0 {
		return ": it may have a script of its own"
	}
	return ""
}

// ofTags says which tags came that should not have, and which did not come.
func ofTags(should, is *Shape) (said []string) {
	more, less := beyond(is, should), beyond(should, is)
	for _, t := range more {
		said = append(said, dangers(t)...)
	}
	for _, t := range more {
		said = append(said, "it has "+quote(t.Text)+", and the release has not")
	}
	for _, t := range less {
		said = append(said, "it lacks "+quote(t.Text))
	}
	if len(said) == 0 && is.Hash() != should.Hash() {
		said = append(said, "its parts stand in another order")
	}
	return said
}

// beyond returns the tags that a has and b has not, or not as often.
func beyond(a, b *Shape) (more []Tag) {
	there := map[string]int{}
	for _, t := range b.Tags {
		there[t.Text]++
	}
	for _, t := range a.Tags {
		if there[t.Text]--; there[t.Text] < 0 && !t.Closes {
			more = append(more, t)
		}
	}
	return more
}

// dangers says what a tag that should not be there can do.
func dangers(t Tag) (said []string) {
	switch t.Name {
	case "script":
		said = append(said, "a script that is not the release's can run on it")
	case "base":
		said = append(said, "its links and forms lead elsewhere")
	case "style", "iframe", "frame", "object", "embed", "meta", "link":
		said = append(said, "it loads or shows what is not the release's")
	}
	for _, a := range t.Attributes {
		value := strings.ToLower(strings.TrimSpace(html.UnescapeString(a.Value)))
		switch {
		case strings.HasPrefix(a.Name, "on"), strings.HasPrefix(value, "javascript:"):
			said = append(said, "an attribute runs a script: "+quote(a.Name))
		case a.Name == "style":
			said = append(said, "an attribute changes how it looks")
		case a.Name == "action", a.Name == "formaction":
			said = append(said, "a form is sent to "+quote(a.Value))
		case strings.Contains(value, "//") || strings.Contains(value, `\`):
			said = append(said, "it names an address of somebody else: "+quote(a.Value))
		}
	}
	return said
}

// ofWords says which texts came that should not have.
func ofWords(should, is *Shape) (said []string) {
	there := map[string]int{}
	for _, text := range should.Texts {
		there[words(text)]++
	}
	for _, text := range is.Texts {
		w := words(text)
		if there[w]--; w != "" && there[w] < 0 {
			said = append(said, "it says "+quote(w)+", and that is neither in the release nor in the roster")
		}
	}
	if len(said) == 0 && len(should.Tags) == len(is.Tags) {
		for i, text := range is.Texts {
			if words(text) != words(should.Texts[i]) {
				return []string{"its words stand in another order, or some are missing"}
			}
		}
	}
	return said
}

func words(text string) string { return strings.Join(strings.Fields(html.UnescapeString(text)), " ") }

// quote makes a short thing that a terminal can show of what a server sent.
func quote(s string) string {
	q := strconv.QuoteToASCII(s)
	if len(q) > 120 {
		q = q[:117] + `..."`
	}
	return q
}

// OfHeaders says which headers differ.
func OfHeaders(want, got http.Header) (said []string) {
	should, is := headerLines(want), headerLines(got)
	for _, line := range should {
		if !slices.Contains(is, line) {
			name, _, _ := strings.Cut(line, ":")
			if values := got.Values(name); len(values) > 0 {
				said = append(said, "the header "+name+" is "+quote(strings.Join(values, "; "))+", and should be "+
					quote(strings.TrimPrefix(line, name+": ")))
			} else {
				said = append(said, "the header "+name+" is missing")
			}
		}
	}
	for i, line := range is {
		name, _, _ := strings.Cut(line, ":")
		switch {
		case slices.Contains(is[:i], line): // a browser takes two as one: packed twice, say
			said = append(said, "it has a header twice: "+quote(line))
		case !slices.Contains(should, line) && (want.Get(name) == "" || len(got.Values(name)) > 1):
			said = append(said, "it has a header that the release has not: "+quote(line))
		}
	}
	if len(said) > maxFindings {
		said = append(said[:maxFindings], "and "+strconv.Itoa(len(said)-maxFindings)+" more")
	}
	return said
}
