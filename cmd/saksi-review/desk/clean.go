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
// shown as <U+001B>, and so are letters that show nothing; bytes that are no UTF-8 as
// <0xFF>; every kind of space is a space.
func Clean(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "<0x%02X>", s[i])
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case unicode.IsPrint(r) && !showsNothing(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
		i += size
	}
	return b.String()
}

// brailleBlank is the braille letter without a dot.
const brailleBlank = 0x2800

// showsNothing reports whether a letter is drawn as nothing, or as a space: such
// letters are no spaces to what breaks lines, and hide what stands behind them.
func showsNothing(r rune) bool {
	return r == brailleBlank || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
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
// terminal that breaks it by itself puts the rest where lines of ours begin. The
// width is in columns.
func Wrap(s string, width int) (lines []string) {
	line := []rune(s)
	for {
		at := fitting(line, width)
		if at == len(line) {
			return append(lines, string(line))
		}
		space := at
		for space > 0 && line[space] != ' ' {
			space--
		}
		if space == 0 {
			lines, line = append(lines, string(line[:at])), line[at:]
			continue
		}
		lines, line = append(lines, string(line[:space])), line[space+1:]
	}
}

// fitting returns how many letters from the start of a line take no more than width
// columns; of one that is not empty, one at least.
func fitting(line []rune, width int) int {
	for n, r := range line {
		if width -= columns(r); width < 0 {
			return max(n, 1)
		}
	}
	return len(line)
}

// columns is how many columns of a terminal a letter takes at most. Which of them
// take two depends on the terminal, its settings, and its version of Unicode; nothing
// that a terminal puts into a cell takes more. A line that is broken early does no
// harm, and nor do marks that take none: so many on one letter would climb over lines
// of ours.
func columns(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	return 2
}
