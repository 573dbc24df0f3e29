package desk

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes what a stranger wrote fit for one line of a terminal. Control
// characters, among them the escape that begins a terminal's commands, and
// format characters, among them those that turn the direction of writing, are
// shown as <U+001B>; bytes that are no UTF-8 as <0xFF>; every kind of space is
// a space.
func Clean(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<0x%02X>", s[i])
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
		i += size
	}
	return b.String()
}

// CleanLines makes a stranger's text fit for a terminal, line by line. A tab is
// four spaces.
func CleanLines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\t", "    ")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Clean(line)
	}
	return lines
}

// Wrap breaks a clean line between words, and a word that is too long within: a
// terminal that breaks it by itself puts the rest where lines of ours begin.
func Wrap(s string, width int) (lines []string) {
	line := []rune(s)
	for len(line) > width {
		at := width
		for at > 0 && line[at] != ' ' {
			at--
		}
		if at == 0 {
			lines, line = append(lines, string(line[:width])), line[width:]
			continue
		}
		lines, line = append(lines, string(line[:at])), line[at+1:]
	}
	return append(lines, string(line))
}
