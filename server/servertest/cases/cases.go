// Package cases holds ten made-up testimonies for tests that go the whole way:
// form, sealing, desk, sheet. The pressures in them are of kinds that civil
// servants have told in public; no place, number, office or word is taken from
// what anybody told, and nobody in them has a name. Where an actor holds an
// office of which a kabupaten has only one, the place is a province or nothing,
// so that no sheet that a test writes accuses a person who exists.
package cases

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

//go:embed cases.json
var file []byte

// A Case is one testimony, with what its reporter sends beside it.
type Case struct {
	Name     string              `json:"name"`     // a slug
	About    string              `json:"about"`    // what the case exercises, in one line
	Language string              `json:"language"` // of the text or the quotes in it: "id", "min", "jv", "abs" or "xmm"
	Text     string              `json:"text"`
	Answers  map[string][]string `json:"answers"` // as the newest taxonomy asks
	File     *File               `json:"file,omitempty"`
	Message  string              `json:"message,omitempty"` // a later message, if there is one
}

// A File is what a reporter attaches.
type File struct {
	Name    string `json:"name"` // as the reporter's device names it
	Content string `json:"content"`
}

// All returns the cases, new ones at each call, so that a test may change them.
func All() []Case {
	all, err := parse(file)
	if err != nil {
		panic("cases: internal error: " + err.Error())
	}
	return all
}

// parse refuses fields that nobody knows: a misspelt one would be a case that
// tests less than it says.
func parse(data []byte) ([]Case, error) {
	var all []Case
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&all); err != nil {
		return nil, fmt.Errorf("reading cases: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("reading cases: something stands behind their end")
	}
	return all, nil
}
