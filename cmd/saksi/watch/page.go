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
	tag, class string
	list       int // number of the list that it is an entry of; 0 for none
	text       string
}

var (
	tagPattern  = regexp.MustCompile(`^<(/?)([a-z][a-z0-9]*)((?: [a-z][a-z-]*(?:="[^"<>]*")?)*)>`)
	attrPattern = regexp.MustCompile(` ([a-z][a-z-]*)(?:="([^"<>]*)")?`)
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
		m := tagPattern.FindStringSubmatch(rest)
		if m == nil || len(r.blocks) > maxBlocks {
			return nil, errShape
		}
		if err := r.tag(m[1] == "/", m[2], m[3]); err != nil {
			return nil, err
		}
		rest = rest[len(m[0]):]
	}
	r.flush()
	return r.blocks, nil
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

func (r *reader) tag(closes bool, name, attributes string) error {
	class := ""
	for _, a := range attrPattern.FindAllStringSubmatch(attributes, -1) {
		if a[1] == "style" || a[1] == "hidden" || a[1] == "popover" || strings.HasPrefix(a[1], "on") {
			return errShape
		}
		if a[1] == "class" {
			class = a[2]
		}
	}
	switch {
	case slices.Contains(barred, name):
		return errShape
	case slices.Contains(inline, name):
		return nil
	}
	r.flush()
	r.within = r.within || name == "body"
	r.now = block{tag: name, class: class}
	if closes {
		r.now = block{}
	}
	if name == "ul" || name == "ol" {
		r.enter(closes)
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
