package web

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// document is what a strict reading of a page finds.
type document struct {
	tags   []html.Token      // start tags, in order
	ids    map[string]bool   // every id, each used once
	texts  map[string]string // text by the name of the innermost element
	labels map[string]bool   // ids that a label points to
	within map[int]bool      // places of tags that stand within a label
}

// readPage reads a page and refuses a tag that is not closed in order, an id
// used twice, or an attribute given twice.
func readPage(page string) (*document, error) {
	d := &document{ids: map[string]bool{}, texts: map[string]string{}, labels: map[string]bool{}, within: map[int]bool{}}
	var open []string
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := z.Next()
		token := z.Token()
		switch kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				return nil, z.Err()
			}
			if len(open) > 0 {
				return nil, fmt.Errorf("not closed: %q", open)
			}
			return d, nil
		case html.TextToken:
			if len(open) > 0 {
				d.texts[open[len(open)-1]] += token.Data
			}
		case html.StartTagToken:
			d.within[len(d.tags)] = slices.Contains(open, "label")
			if err := d.start(token); err != nil {
				return nil, err
			}
			if !isVoid(token.Data) {
				open = append(open, token.Data)
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				return nil, fmt.Errorf("</%s> closes %q", token.Data, open)
			}
			open = open[:len(open)-1]
		case html.SelfClosingTagToken, html.CommentToken:
			return nil, fmt.Errorf("unexpected %q", token)
		}
	}
}

func (d *document) start(token html.Token) error {
	d.tags = append(d.tags, token)
	var names []string
	for _, a := range token.Attr {
		if slices.Contains(names, a.Key) {
			return fmt.Errorf("<%s> has %q twice", token.Data, a.Key)
		}
		names = append(names, a.Key)
	}
	if id, ok := attr(token, "id"); ok {
		if d.ids[id] {
			return fmt.Errorf("id %q is used twice", id)
		}
		d.ids[id] = true
	}
	if token.Data == "label" {
		to, _ := attr(token, "for")
		d.labels[to] = true
	}
	return nil
}

func (d *document) count(tag string) (n int) {
	for _, t := range d.tags {
		if t.Data == tag {
			n++
		}
	}
	return n
}

func attr(token html.Token, name string) (string, bool) {
	for _, a := range token.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func isVoid(tag string) bool {
	return slices.Contains([]string{"meta", "link", "input", "br", "hr", "img"}, tag)
}
