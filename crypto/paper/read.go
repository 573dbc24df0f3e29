package paper

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Parse reads a paper as a person typed it. What is wrong with lines is a
// *LinesError; that the lines fit and the last one does not fit them is ErrSum.
func Parse(text string) (Paper, error) {
	if len(text) > MaxText {
		return Paper{}, fmt.Errorf("reading paper: more than %d bytes: this is no paper", MaxText)
	}
	r := reading{lines: map[string]string{}, wrong: map[string]bool{}, mixed: map[string]bool{}, mended: map[string]bool{}}
	at := 0
	text = strings.TrimPrefix(text, "\ufeff") // some editors begin a file with it
	for typed := range strings.Lines(text) {
		at++
		if typed = strings.TrimSpace(typed); typed != "" && typed[0] != '#' {
			r.line(at, strings.ToLower(typed))
		}
	}
	if err := r.trouble(); err != nil {
		return Paper{}, err
	}
	return r.paper()
}

// A reading is what was typed, line by line. A line's name is paper, its number, or
// end.
type reading struct {
	lines  map[string]string // that fit their last letters: content by name
	wrong  map[string]bool   // typed, and do not fit
	mixed  map[string]bool   // fit twice, with other content
	mended map[string]bool   // fit only once an i, l or 1 was read as another
	odd    []int             // lines of the text that are none of a paper
}

// line takes a line of the text in, which has that number there.
func (r *reading) line(at int, typed string) {
	name, rest := cutName(typed)
	if name == "" {
		r.odd = append(r.odd, at)
		return
	}
	content, ok := r.content(name, rest)
	before, there := r.lines[name]
	switch {
	case !ok:
		r.wrong[name] = true
	case there && before != content:
		r.mixed[name] = true
	default:
		r.lines[name] = content
	}
}

// cutName returns the name of a line, and what stands behind it. Without a name it
// is "".
func cutName(typed string) (name, rest string) {
	at := strings.IndexFunc(typed, parts)
	if at < 0 {
		return "", ""
	}
	name, rest = typed[:at], typed[at:]
	if name == first || name == last {
		return name, rest
	}
	digits := strings.NewReplacer("o", "0", "i", "1", "l", "1", "b", "8").Replace(name)
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n < 1 || n > maxLines {
		return "", ""
	}
	return fmt.Sprint(n), rest
}

// parts reports whether a character does nothing but part letters.
func parts(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,:;-_|)", r) }

// joined drops what only parts letters, and reads the digits that base32 has not.
func joined(typed string) string {
	letters := strings.Join(strings.FieldsFunc(typed, parts), "")
	return strings.NewReplacer("0", "o", "8", "b").Replace(letters)
}

// content returns what stands on a line between its name and its last letters. It is
// not ok if those do not fit.
func (r *reading) content(name, typed string) (content string, ok bool) {
	switch name {
	case first:
		return readKind(typed)
	case last:
		count, letters := cutName(strings.TrimLeftFunc(typed, parts))
		return r.letters(last, count+" ", joined(letters), sealSize, sealSize)
	default:
		return r.letters(name, "", joined(typed), 1, lineLetters)
	}
}

func readKind(typed string) (kind string, ok bool) {
	words := strings.FieldsFunc(typed, parts)
	if len(words) < 2 {
		return "", false
	}
	end := len(words) - 1
	kind = strings.Join(words[:end], " ")
	return kind, fits(kind) && alike(joined(words[end]), check(first, kind))
}

// alike compares the last letters of a line: i, l and 1 count as one there.
func alike(typed, want string) bool {
	one := strings.NewReplacer("i", "l", "1", "l")
	return one.Replace(typed) == one.Replace(want)
}

// letters returns prefix and the letters of a line, without the last ones, if they
// are that many. They are read as they were typed if that fits, and else in the only
// other way that does.
func (r *reading) letters(name, prefix, typed string, least, most int) (content string, ok bool) {
	size := len(typed) - checkSize
	if size < least || size > most {
		return "", false
	}
	var fit []string
	for _, way := range ways(typed[:size]) {
		if alike(typed[size:], check(name, prefix+way)) {
			if way == typed[:size] {
				return prefix + way, true
			}
			fit = append(fit, way)
		}
	}
	if len(fit) != 1 {
		return "", false
	}
	r.mended[name] = true
	return prefix + fit[0], true
}

// maxDoubts bounds the letters that are read in two ways: of 64 ways one fits a
// wrong line once in 16, and then the last line does not fit.
const maxDoubts = 6

// ways returns the ways to read letters: each i, l and 1 is i or l. Where there are
// many of them, i and l are what they are. It returns none if something is no letter,
// or too much is in doubt.
func ways(typed string) []string {
	doubts := "il1"
	if count(typed, doubts) > maxDoubts {
		doubts = "1"
	}
	if count(typed, doubts) > maxDoubts || strings.Trim(typed, alphabet+"1") != "" {
		return nil
	}
	found := []string{""}
	for _, c := range typed {
		choices := []string{string(c)}
		if strings.ContainsRune(doubts, c) {
			choices = []string{"i", "l"}
		}
		var longer []string
		for _, f := range found {
			for _, choice := range choices {
				longer = append(longer, f+choice)
			}
		}
		found = longer
	}
	return found
}

// count returns how many letters of s are among some.
func count(s, some string) (n int) {
	for _, c := range some {
		n += strings.Count(s, string(c))
	}
	return n
}

// size returns how many numbered lines there are: as many as the last line says, or
// the highest number if that line is not at hand.
func (r *reading) size() (n int, ended bool) {
	if end, ok := r.lines[last]; ok {
		number, _, _ := strings.Cut(end, " ")
		n, _ = strconv.Atoi(number)
		return n, true
	}
	for i := 1; i <= maxLines; i++ {
		name := fmt.Sprint(i)
		if _, ok := r.lines[name]; ok || r.wrong[name] {
			n = i
		}
	}
	return n, false
}

// trouble returns what is wrong with the lines, or nil. A wrong line does not matter
// if it is there once more, and right.
func (r *reading) trouble() error {
	e := &LinesError{Odd: r.odd}
	size, ended := r.size()
	e.add(r, first)
	for n := 1; n <= size; n++ {
		e.add(r, fmt.Sprint(n))
	}
	e.add(r, last)
	for n := size + 1; ended && n <= maxLines; n++ {
		if name := fmt.Sprint(n); r.lines[name] != "" || r.wrong[name] {
			e.Mixed = append(e.Mixed, name)
		}
	}
	if len(e.Odd)+len(e.Wrong)+len(e.Missing)+len(e.Mixed) == 0 {
		return nil
	}
	return e
}

// paper puts the lines together.
func (r *reading) paper() (Paper, error) {
	size, _ := r.size()
	var letters strings.Builder
	full := size >= 1
	for n := 1; n <= size; n++ {
		row := r.lines[fmt.Sprint(n)]
		full = full && (len(row) == lineLetters || n == size)
		letters.WriteString(row)
	}
	data, err := encoding().DecodeString(letters.String())
	p := Paper{r.lines[first], data}
	_, sum, _ := strings.Cut(r.lines[last], " ")
	// The decoder passes over bits that are left over.
	if err != nil || !full || encoding().EncodeToString(data) != letters.String() || p.Check() != nil || p.seal() != sum {
		return Paper{}, r.sumError()
	}
	return p, nil
}
