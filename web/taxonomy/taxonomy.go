// Package taxonomy holds the questions of a drop as data: what a reporter is
// asked, with which choices, in which words, and what a choice advises. It knows
// no page and no desk; both read the same file, so that a reviewer sees the
// words that the reporter saw.
//
// # A file
//
// A taxonomy is one JSON file, bound to its bytes by a [Reference]:
//
//	asn 2026-11-22 4b0c...     name, version, SHA-256 in hexadecimal
//
// The manifest of a testimony carries the reference and the answers carry codes,
// so an old testimony is read with the version that it was written with. Versions
// that were ever in use stay among the embedded files; a code never changes its
// meaning. The version is the day from which the file holds ("berlaku per
// tanggal"): law and offices change faster than programs.
//
// A drop for other people has another file, and nothing else to change.
//
// # Answers
//
// Answers are a map from a question to its values: codes of choices, a month
// such as "2026-10", a Kemendagri code such as "73" or "73.71", or one line of
// text. The story is not among them: it is the item's text.
package taxonomy

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed asn-*.json
var files embed.FS

// MaxFile is what a file may have, in bytes.
const MaxFile = 256 << 10

// A Text is one text in both languages.
type Text struct {
	ID string `json:"id"`
	EN string `json:"en"`
}

// In returns the text in English for "en", else in Indonesian.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.ID
}

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t == Text{} }

// Kind is how a question is asked and answered.
type Kind string

// The kinds.
const (
	One   Kind = "one"   // one choice, all of them in sight
	List  Kind = "list"  // one choice, from a closed list
	Many  Kind = "many"  // any number of choices
	Month Kind = "month" // one of the last months, or a choice
	Place Kind = "place" // a province, a regency or city in it, or a choice
	Line  Kind = "line"  // a short text
	Story Kind = "story" // the text of the testimony: exactly one question
)

// A Taxonomy is never changed after it was parsed.
type Taxonomy struct {
	Format   string    `json:"format"` // "saksi/v1/taxonomy"
	Name     string    `json:"name"`
	Version  string    `json:"version"` // the day from which it holds, such as "2026-11-22"
	Title    Text      `json:"title"`
	Sections []Section `json:"sections"`

	data []byte // the file
	hash [sha256.Size]byte
	byID map[string]*Question
}

// A Section is a part of the form.
type Section struct {
	Title     Text        `json:"title"`
	Folded    bool        `json:"folded,omitempty"` // shown closed: none of its questions is required
	Questions []*Question `json:"questions"`
}

// A Question is one field.
type Question struct {
	ID       string   `json:"id"`
	Kind     Kind     `json:"kind"`
	Required bool     `json:"required,omitempty"`
	Label    Text     `json:"label"`
	Hint     Text     `json:"hint,omitzero"`
	Risk     Risk     `json:"risk,omitzero"`    // how far an answer tells who wrote it
	Months   int      `json:"months,omitempty"` // of kind month: how many, with the present one
	Choices  []Choice `json:"choices,omitempty"`
}

// A Risk is said beside the field, in one line.
type Risk struct {
	Level string `json:"level"` // "medium" or "high"
	Text  Text   `json:"text"`
}

// A Choice is one answer out of a list.
type Choice struct {
	Code    string `json:"code"`
	Label   Text   `json:"label"`
	Default bool   `json:"default,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // says nothing: not known, or not to be said
	Advice  []Text `json:"advice,omitempty"`  // for the page after the form
}

// rulesSuffix ends the name of an embedded file with what reviewers make of the
// answers: it changes more often than the questions.
const rulesSuffix = ".rules.json"

const formatLabel = "saksi/v1/taxonomy"

// ErrInvalid is returned for a file that is no taxonomy, or no rules for one.
var ErrInvalid = errors.New("the file is not what it should be")

// Parse reads a file and holds it against all rules of this package. It returns
// an error that wraps [ErrInvalid] and names the place that is wrong.
func Parse(data []byte) (*Taxonomy, error) {
	t := &Taxonomy{data: bytes.Clone(data), hash: sha256.Sum256(data), byID: map[string]*Question{}}
	if err := decode(data, t); err != nil {
		return nil, invalid("taxonomy", err)
	}
	if err := t.check(); err != nil {
		return nil, invalid("taxonomy", err)
	}
	return t, nil
}

// invalid bounds what an error repeats of a file.
func invalid(what string, err error) error {
	return fmt.Errorf("reading %s: %w: %.300s", what, ErrInvalid, err.Error())
}

// decode reads one JSON value without fields that nobody knows.
func decode(data []byte, to any) error {
	if len(data) > MaxFile {
		return fmt.Errorf("it has more than %d bytes", MaxFile)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something stands behind its end")
	}
	return nil
}

// Question returns the question of that id, or nil.
func (t *Taxonomy) Question(id string) *Question { return t.byID[id] }

// Questions returns all questions in their order.
func (t *Taxonomy) Questions() []*Question {
	var all []*Question
	for _, s := range t.Sections {
		all = append(all, s.Questions...)
	}
	return all
}

// Story returns the question that the text of a testimony answers.
func (t *Taxonomy) Story() *Question {
	all := t.Questions()
	return all[slices.IndexFunc(all, func(q *Question) bool { return q.Kind == Story })]
}

// Choice returns the choice of that code, or nil.
func (q *Question) Choice(code string) *Choice {
	for i := range q.Choices {
		if q.Choices[i].Code == code {
			return &q.Choices[i]
		}
	}
	return nil
}

// File returns the bytes of the file, for whoever reads it by himself.
func (t *Taxonomy) File() []byte { return bytes.Clone(t.data) }

// Reference names the file by its bytes.
func (t *Taxonomy) Reference() string {
	return t.Name + " " + t.Version + " " + hex.EncodeToString(t.hash[:])
}

// builtin parses the embedded files once, the oldest first.
var builtin = sync.OnceValue(func() []*Taxonomy {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("taxonomy: internal error: " + err.Error())
	}
	var all []*Taxonomy
	for _, e := range entries { // sorted by name, and so by version
		if strings.HasSuffix(e.Name(), rulesSuffix) {
			continue
		}
		data, err := files.ReadFile(path.Clean(e.Name()))
		if err != nil {
			panic("taxonomy: internal error: " + err.Error())
		}
		t, err := Parse(data)
		if err != nil {
			panic("taxonomy: internal error: " + e.Name() + ": " + err.Error())
		}
		all = append(all, t)
	}
	return all
})

// Current returns the newest taxonomy for civil servants.
func Current() *Taxonomy {
	all := builtin()
	return all[len(all)-1]
}

// Find returns the taxonomy of a reference, among the embedded ones and others;
// or nil.
func Find(reference string, others ...*Taxonomy) *Taxonomy {
	for _, t := range slices.Concat(builtin(), others) {
		if t.Reference() == reference {
			return t
		}
	}
	return nil
}
