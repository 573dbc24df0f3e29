package watch

import (
	"errors"
	"html"
	"regexp"
	"slices"
	"strings"

	"saksi/crypto/roster"
	"saksi/web/regions"
)

// A block is a piece of text that stands by itself on a page: a paragraph, a
// heading, one entry of a list.
type block struct {
	class string
	list  int // number of the list that it is an entry of; 0 for none
	text  string
}

var (
	// Read, never written.
	inline = strings.Fields("a b i em strong span code small br abbr")
	// barred can show what is not in the text, or hide what is.
	barred = strings.Fields("script style template noscript noframes iframe object embed svg math textarea option " +
		"xmp plaintext base")
)

// maxBlocks is far more than any page of ours has.
const maxBlocks = 10_000

var errShape = errors.New("it is not made as a drop's pages are")

// readPage returns the visible text of a page that is made as ours are. It is
// strict: tags and attributes are written in one way only, there is nothing that
// a browser might read in another way than we do, and nothing that runs, or hides
// by itself what stands there.
func readPage(page string) (blocks []block, err error) {
	rest, ok := strings.CutPrefix(page, "<!doctype html>")
	if !ok {
		return nil, errShape
	}
	rest = withoutScript(rest)
	r := &reader{}
	for rest != "" {
		at := strings.IndexByte(rest, '<')
		if at < 0 {
			at = len(rest)
		}
		r.text.WriteString(rest[:at])
		if rest = rest[at:]; rest == "" {
			break
		}
		t, ok := tag{}, false
		if t, rest, ok = cutTag(rest[1:]); !ok || len(r.blocks) > maxBlocks {
			return nil, errShape
		}
		if err := r.tag(t); err != nil {
			return nil, err
		}
	}
	r.flush()
	return r.blocks, nil
}

// script is the one that a drop's pages have, if any: by its address alone, which has
// its hash. What it is, and what it makes of a page, is for [Site].
var script = regexp.MustCompile(`<script src="(/saksi-[0-9a-f]{16}\.js)" defer></script>\s*</head>`)

// withoutScript takes it out of the head. A second one, or another, stays.
func withoutScript(page string) string {
	head, body, ok := strings.Cut(page, "<body")
	if !ok {
		return page
	}
	return script.ReplaceAllLiteralString(head, "</head>") + "<body" + body
}

type reader struct {
	blocks []block
	now    block
	lists  []int // that are open
	known  int
	text   strings.Builder
	within bool // the body
}

// flush ends the block that is being read.
func (r *reader) flush() {
	if text := words(html.UnescapeString(r.text.String())); text != "" && r.within {
		r.now.text = text
		r.blocks = append(r.blocks, r.now)
	}
	r.text.Reset()
}

func words(s string) string { return strings.Join(strings.Fields(s), " ") }

// A tag is what stands between "<" and ">".
type tag struct {
	closes bool
	name   string
	class  string
	hides  bool // or runs: it has an attribute for that
}

// cutTag takes a tag off the text behind its "<". Its one spelling is
//
//	[/] name { " " attribute [ "=" quote value quote ] } ">"
//
// in small letters, where no value has a quote or an angle bracket.
func cutTag(text string) (t tag, rest string, ok bool) {
	rest, t.closes = strings.CutPrefix(text, "/")
	if t.name, rest = cutName(rest, "0123456789"); t.name == "" {
		return t, rest, false
	}
	for strings.HasPrefix(rest, " ") {
		name, value := "", ""
		if name, rest = cutName(rest[1:], "-"); name == "" {
			return t, rest, false
		}
		if quoted, has := strings.CutPrefix(rest, `="`); has {
			if value, rest, ok = strings.Cut(quoted, `"`); !ok || strings.ContainsAny(value, "<>") {
				return t, rest, false
			}
		}
		t.hides = t.hides || name == "style" || name == "hidden" || name == "popover" || strings.HasPrefix(name, "on")
		if name == "class" {
			t.class = value
		}
	}
	rest, ok = strings.CutPrefix(rest, ">")
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

func (r *reader) tag(t tag) error {
	switch {
	case t.hides, slices.Contains(barred, t.name):
		return errShape
	case slices.Contains(inline, t.name):
		return nil
	}
	r.flush()
	r.within = r.within || t.name == "body"
	r.now = block{class: t.class}
	if t.closes {
		r.now = block{}
	}
	if t.name == "ul" || t.name == "ol" {
		r.enter(t.closes)
	}
	if n := len(r.lists); n > 0 {
		r.now.list = r.lists[n-1]
	}
	return nil
}

func (r *reader) enter(closes bool) {
	if !closes {
		r.known++
		r.lists = append(r.lists, r.known)
	} else if n := len(r.lists); n > 0 {
		r.lists = r.lists[:n-1]
	}
}

var (
	errFingerprint = errors.New("it does not show the fingerprint of the roots, once and alone")
	errReaders     = errors.New("it does not name the reviewers of the roster, in their order and alone")
)

// checkStart holds the front page against the roots and the roster.
func checkStart(page []byte, fingerprint []string, reviewers []roster.Reviewer) error {
	blocks, err := readPage(string(page))
	if err != nil {
		return err
	}
	if shown := fingerprints(blocks); len(shown) != 1 || shown[0] != strings.Join(fingerprint, " ") {
		return errFingerprint
	}
	lists := map[int][]string{}
	for _, b := range blocks {
		if b.list > 0 {
			lists[b.list] = append(lists[b.list], b.text)
		}
	}
	for _, list := range lists {
		if names(list, reviewers) {
			return nil
		}
	}
	return errReaders
}

// checkInfo holds that a page that need not show the fingerprint shows no other.
func checkInfo(page []byte, fingerprint []string) error {
	blocks, err := readPage(string(page))
	if err != nil {
		return err
	}
	for _, shown := range fingerprints(blocks) {
		if shown != strings.Join(fingerprint, " ") {
			return errFingerprint
		}
	}
	return nil
}

// fingerprints returns what stands on a page as a fingerprint does: in the letters
// for one, or as a block of five groups.
func fingerprints(blocks []block) (all []string) {
	for _, b := range blocks {
		if b.class == "fingerprint" || groupsPattern.MatchString(b.text) {
			all = append(all, b.text)
		}
	}
	return all
}

// names reports whether a list is that of the reviewers: label, organisation and
// region of each. For the whole country pages have words of their own.
func names(list []string, reviewers []roster.Reviewer) bool {
	if len(list) != len(reviewers) {
		return false
	}
	for i, v := range reviewers {
		region, ok := strings.CutPrefix(list[i], words(v.Label)+", "+words(v.Organisation)+", ")
		name, known := regions.Name(v.Region)
		if !ok || known && region != name {
			return false
		}
	}
	return true
}
