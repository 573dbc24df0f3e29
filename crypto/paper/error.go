package paper

import (
	"errors"
	"fmt"
	"strings"
)

// ErrSum is returned when every line fits its last letters, and the last line does
// not fit the others.
var ErrSum = errors.New("reading paper: each line fits by itself, and the last line does not fit them all")

// A LinesError names the lines of a paper that have to be looked at, by the word or
// the number that they begin with. It repeats nothing else of them.
type LinesError struct {
	Wrong   []string // do not fit their last two letters
	Missing []string
	Mixed   []string // there twice with other content, or behind the last one
	Odd     []int    // lines of the text, from 1, that begin like no line of a paper
}

// add puts a line where it belongs.
func (e *LinesError) add(r *reading, name string) {
	_, fits := r.lines[name]
	switch {
	case r.mixed[name]:
		e.Mixed = append(e.Mixed, name)
	case !fits && r.wrong[name]:
		e.Wrong = append(e.Wrong, name)
	case !fits:
		e.Missing = append(e.Missing, name)
	}
}

func (e *LinesError) Error() string {
	var said []string
	for _, part := range []struct {
		names     []string
		one, more string
	}{
		{e.Wrong, "is wrong", "are wrong"},
		{e.Missing, "is missing", "are missing"},
		{e.Mixed, "belongs to another paper", "belong to another paper"},
	} {
		if n := len(part.names); n == 1 {
			said = append(said, fmt.Sprintf("line %s %s", part.names[0], part.one))
		} else if n > 1 {
			said = append(said, fmt.Sprintf("lines %s %s", list(part.names), part.more))
		}
	}
	if len(e.Odd) > 0 {
		var places []string
		for _, n := range e.Odd {
			places = append(places, fmt.Sprint(n))
		}
		said = append(said, fmt.Sprintf("what is typed in row %s begins with no number", list(places)))
	}
	return "reading paper: " + strings.Join(said, "; ")
}

// maxNamed is how many lines of a kind an error names.
const maxNamed = 20

func list(names []string) string {
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	return strings.Join(names, ", ")
}

// sumError names the lines that were mended: one of them was read as what it is not.
func (r *reading) sumError() error {
	var names []string
	size, _ := r.size()
	for n := 1; n <= size; n++ {
		if name := fmt.Sprint(n); r.mended[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ErrSum
	}
	return fmt.Errorf("%w: compare i, l and 1 in %s first", ErrSum, list(names))
}
