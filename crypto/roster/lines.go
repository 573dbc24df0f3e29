package roster

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A lineReader reads a text whose lines are a keyword, a space and a value.
type lineReader struct {
	rest []string
	at   int // the line that was read last, from 1
}

func newLines(text string) *lineReader {
	return &lineReader{rest: strings.SplitAfter(text, "\n")}
}

// next reports whether the next line begins with keyword.
func (l *lineReader) next(keyword string) bool {
	return len(l.rest) > 0 && strings.HasPrefix(l.rest[0], keyword+" ")
}

// field returns the value of the next line, which must have this keyword.
func (l *lineReader) field(keyword string) (string, error) {
	if !l.next(keyword) || !strings.HasSuffix(l.rest[0], "\n") {
		return "", fmt.Errorf("line %d: want a line that begins with %.40q", l.at+1, keyword)
	}
	value := strings.TrimSuffix(l.rest[0][len(keyword)+1:], "\n")
	l.rest = l.rest[1:]
	l.at++
	return value, nil
}

func (l *lineReader) number(keyword string) (uint64, error) {
	value, err := l.field(keyword)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("line %d: %.40q is no number", l.at, value)
	}
	return n, nil
}

// expect reads a line that is exactly this.
func (l *lineReader) expect(line string) error {
	if len(l.rest) == 0 || l.rest[0] != line+"\n" {
		return fmt.Errorf("line %d: want %q", l.at+1, line)
	}
	l.rest = l.rest[1:]
	l.at++
	return nil
}

// end returns an error unless everything was read.
func (l *lineReader) end() error {
	if len(l.rest) == 1 && l.rest[0] == "" {
		return nil
	}
	if len(l.rest) == 0 {
		return errors.New("the last line does not end")
	}
	return fmt.Errorf("line %d: unknown or out of order", l.at+1)
}
