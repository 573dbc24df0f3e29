// Package strictjson reads JSON in the one way that all readers agree on.
//
// encoding/json matches names without regard to case and lets the last of two
// equal names win; other languages do otherwise. One signed object must not say
// one thing to a desk and another to a browser, so names here are unique and of
// lower-case ASCII, numbers are not negative, strings are whole Unicode, null,
// which Go reads as nothing at all, does not stand anywhere, and nothing is nested
// so deep that one reader gives up where another goes on.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how many objects and arrays a value stands in at most. The texts of the
// protocol have three.
const maxDepth = 32

// None of them repeats anything of what was read: a stranger wrote it.
var (
	errForm  = errors.New("reading JSON: no JSON, or not of the right form")
	errName  = errors.New("reading JSON: a name stands twice, or is not lower-case ASCII")
	errValue = errors.New("reading JSON: null, a negative number, or a string that is not whole Unicode")
	errDepth = errors.New("reading JSON: nested too deep")
)

// Unmarshal reads one JSON value, with nothing after it.
func Unmarshal(data []byte, v any) error {
	if !utf8.Valid(data) || hasHalfPair(data) {
		return errValue
	}
	if err := checkTokens(data); err != nil {
		return err
	}
	if json.Unmarshal(data, v) != nil {
		return errForm
	}
	return nil
}

// checkTokens walks through all objects, however nested.
func checkTokens(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var open []map[string]bool // the names of each open object; nil for an array
	isName := false
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return errForm
		}
		if !validValue(token) {
			return errValue
		}
		if len(open) > maxDepth && token != json.Delim('}') && token != json.Delim(']') {
			return errDepth
		}
		switch token := token.(type) {
		case json.Delim:
			open = step(open, token)
		case string:
			if isName && !addName(open[len(open)-1], token) {
				return errName
			}
			if isName {
				isName = false
				continue
			}
		}
		isName = len(open) > 0 && open[len(open)-1] != nil
	}
}

// hasHalfPair reports whether an escape stands for half of a surrogate pair. The
// decoder would put U+FFFD in its place, which a person may write as well: a
// form that was sent with damaged bytes comes back with it. JSON has no
// backslash but in strings.
func hasHalfPair(data []byte) bool {
	for {
		at := bytes.IndexByte(data, '\\')
		if at < 0 || at+1 == len(data) {
			return false
		}
		data = data[at:]
		unit, ok := codeUnit(data)
		switch {
		case !ok:
			data = data[2:]
		case !utf16.IsSurrogate(unit):
			data = data[6:]
		default:
			second, _ := codeUnit(data[6:])
			if utf16.DecodeRune(unit, second) == utf8.RuneError {
				return true
			}
			data = data[12:]
		}
	}
}

// codeUnit reads an escape such as \u00e9 at the beginning of data.
func codeUnit(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(unit), err == nil
}

// validValue refuses what readers take differently.
func validValue(token json.Token) bool {
	switch token := token.(type) {
	case nil:
		return false
	case json.Number:
		return !strings.HasPrefix(token.String(), "-")
	default:
		return true
	}
}

func step(open []map[string]bool, token json.Delim) []map[string]bool {
	switch token {
	case '{':
		return append(open, map[string]bool{})
	case '[':
		return append(open, nil)
	default:
		return open[:len(open)-1]
	}
}

// addName adds a name to its object, and reports whether it may stand there.
func addName(names map[string]bool, name string) bool {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("_./-", r)
	}
	if names[name] || strings.IndexFunc(name, odd) >= 0 {
		return false
	}
	names[name] = true
	return true
}
