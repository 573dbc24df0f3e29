package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"saksi/web/taxonomy"
)

// A Site is what an operator chooses: the questions, and how the drop is called.
// Who reads is not among it: reviewers and their labels stand in the roster, which
// the roots have signed.
type Site struct {
	Taxonomy *taxonomy.Taxonomy
	Instance Instance
	// Script is the address of the script that seals in the browser. With none, the
	// pages have no script and the server seals.
	Script string
}

// withDefaults fills in what an operator left open.
func (s Site) withDefaults() Site {
	if s.Taxonomy == nil {
		s.Taxonomy = taxonomy.Current()
	}
	return s
}

// scriptOn returns the script's address for a page. Pages that lead nowhere have
// none, and neither has the one that the script itself asks for.
func (s Site) scriptOn(page string) string {
	if page == "outside" || page == "front" || page == "client" {
		return ""
	}
	return s.Script
}

// An Instance is one drop's own words. All of it may be empty: the catalogs have
// words for a drop of civil servants. The title of a page is never the operator's:
// whoever glances at a list of tabs must learn nothing.
type Instance struct {
	Format  string          `json:"format"`            // "saksi/v1/instance"
	Name    taxonomy.Text   `json:"name,omitzero"`     // heading of the front page
	About   []taxonomy.Text `json:"about,omitempty"`   // paragraphs below it: for whom, by whom
	Notice  []taxonomy.Text `json:"notice,omitempty"`  // paragraphs that stand out, for a time
	Contact []taxonomy.Text `json:"contact,omitempty"` // how to reach the operator without this site
}

const instanceLabel = "saksi/v1/instance"

// Limits of an instance's texts.
const (
	// MaxInstance is what the file may have, in bytes.
	MaxInstance   = 16 << 10
	maxName       = 60 // letters
	maxParagraph  = 300
	maxParagraphs = 6
)

// ErrInstance is returned for a file that is no instance.
var ErrInstance = errors.New("the file is no instance")

// ParseInstance reads an operator's file. Its error names what is wrong.
func ParseInstance(data []byte) (Instance, error) {
	var i Instance
	if err := i.parse(data); err != nil {
		return Instance{}, fmt.Errorf("reading instance: %w: %v", ErrInstance, err)
	}
	return i, nil
}

func (i *Instance) parse(data []byte) error {
	if len(data) > MaxInstance {
		return fmt.Errorf("it has more than %d bytes", MaxInstance)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(i); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind its end")
	}
	if i.Format != instanceLabel {
		return fmt.Errorf("the format is not %q", instanceLabel)
	}
	if !i.Name.IsZero() {
		if err := checkWords("name", i.Name, maxName); err != nil {
			return err
		}
	}
	for what, list := range map[string][]taxonomy.Text{"about": i.About, "notice": i.Notice, "contact": i.Contact} {
		if len(list) > maxParagraphs {
			return fmt.Errorf("%q has more than %d paragraphs", what, maxParagraphs)
		}
		for _, text := range list {
			if err := checkWords(what, text, maxParagraph); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkWords wants one line in each language.
func checkWords(what string, text taxonomy.Text, most int) error {
	for _, s := range []string{text.ID, text.EN} {
		if strings.TrimSpace(s) == "" || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
			return fmt.Errorf("a text of %q is missing in a language, or is not one line", what)
		}
		if utf8.RuneCountInString(s) > most {
			return fmt.Errorf("a text of %q has more than %d letters", what, most)
		}
	}
	return nil
}
