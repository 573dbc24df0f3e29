package paper

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

// bytesOf returns bytes that look random and are always the same.
func bytesOf(size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)}).Read(b)
	return b
}

func write(t testing.TB, kind string, data []byte) string {
	t.Helper()
	text, err := Paper{kind, data}.Text()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func reads(t testing.TB, what, text, kind string, data []byte) {
	t.Helper()
	p, err := Parse(text)
	if err != nil || p.Kind != kind || !bytes.Equal(p.Data, data) {
		t.Errorf("%s: %q, %d bytes, %v", what, p.Kind, len(p.Data), err)
	}
}

// TestWhatIsWrittenReadsBack holds it for every size up to four lines, and that the
// lines fit on a page.
func TestWhatIsWrittenReadsBack(t *testing.T) {
	for size := 1; size <= 80; size++ {
		reads(t, fmt.Sprint(size), write(t, "secret", bytesOf(size)), "secret", bytesOf(size))
	}
	longest := strings.Repeat("a", MaxKind)
	text := write(t, longest, bytesOf(MaxData))
	reads(t, "the longest", text, longest, bytesOf(MaxData))
	for _, line := range strings.Split(write(t, "share 2 of 3 need 2 set acdefghj", bytesOf(MaxData)), "\n") {
		if len(line) > 48 {
			t.Errorf("a line has %d characters", len(line))
		}
	}
}

// TestTheDrawingIsRight holds the package comment to the code.
func TestTheDrawingIsRight(t *testing.T) {
	source, err := os.ReadFile("paper.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(write(t, "secret", []byte("AGE-SECRET-KEY-PQ-1QQPQYQQYRQSZ")), "\n")
	drawn := "//\t" + strings.ReplaceAll(text, "\n", "\n//\t")
	if !strings.Contains(string(source), drawn) {
		t.Errorf("the package comment should draw\n%s", drawn)
	}
}

func TestWhatDoesNotFitOnPaperIsRefused(t *testing.T) {
	for what, p := range map[string]Paper{
		"nothing": {"secret", nil}, "too much": {"secret", bytesOf(MaxData + 1)}, "no kind": {"", []byte("a")},
		"long kind": {strings.Repeat("a", MaxKind+1), []byte("a")}, "upper case": {"Secret", []byte("a")},
		"two spaces": {"a  b", []byte("a")}, "line break": {"a\nb", []byte("a")}, "digit first": {"1 a", []byte("a")},
		"space at the end": {"a ", []byte("a")},
	} {
		if text, err := p.Text(); err == nil || text != "" {
			t.Errorf("%s: %q, %v", what, text, err)
		}
	}
}

// TestForgivenTyping: each of these is the same paper.
func TestForgivenTyping(t *testing.T) {
	data := bytesOf(150)
	text := write(t, "secret", data)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	turned := slices.Clone(lines)
	slices.Reverse(turned)
	for what, typed := range map[string]string{
		"upper case":       strings.ToUpper(text),
		"carriage returns": strings.ReplaceAll(text, "\n", "\r\n"),
		"byte order mark":  "\ufeff" + text,
		"tabs":             strings.ReplaceAll(text, " ", "\t"),
		"no end of line":   strings.TrimSuffix(text, "\n"),
		"more space":       strings.ReplaceAll(text, " ", "  \u00a0"),
		"less space":       squeezed(lines, " "),
		"groups of dashes": squeezed(lines, "-"),
		"numbers with dot": squeezed(lines, ". "),
		"last line first":  strings.Join(turned, "\n"),
		"empty lines":      strings.ReplaceAll(text, "\n", "\n\n   \n"),
		"comments":         "# untuk brankas\n" + strings.ReplaceAll(text, "\n", "\n  # secret\n"),
		"everything twice": text + text,
		"o as 0":           strings.ReplaceAll(text, "o", "0"),
		"b as 8":           strings.ReplaceAll(text, "b", "8"),
		"1 as l":           onLetters(lines, "1", "l"),
		"1 as i":           onLetters(lines, "1", "i"),
		"0 as o":           onLetters(lines, "0", "o"),
		"a slip, mended":   text + "\n" + strings.Replace(text, lines[3][5:9], "aaaa", 1),
	} {
		reads(t, what, typed, "secret", data)
	}
}

// squeezed drops the space between groups, and puts parting behind the name.
func squeezed(lines []string, parting string) string {
	var out strings.Builder
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case first:
			out.WriteString(line)
		case last:
			fmt.Fprint(&out, words[0], " ", words[1], parting, strings.Join(words[2:], ""))
		default:
			fmt.Fprint(&out, words[0], parting, strings.Join(words[1:], ""))
		}
		out.WriteString("\n")
	}
	return out.String()
}

// onLetters replaces characters in the numbers of lines alone.
func onLetters(lines []string, old, with string) string {
	var out strings.Builder
	for _, line := range lines {
		name, rest, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
		fmt.Fprintln(&out, strings.ReplaceAll(name, old, with), rest)
	}
	return out.String()
}

// TestLooksAlike: every i typed as l, every l as i, and both as 1. Where a line has too
// many of them, or they can be read in two ways, it is named, and nothing wrong is read.
func TestLooksAlike(t *testing.T) {
	mended, named := 0, 0
	for size := 1; size <= 200; size++ {
		data := bytesOf(size)
		lines, err := Paper{"s", data}.Lines()
		if err != nil {
			t.Fatal(err)
		}
		for _, swap := range []*strings.Replacer{
			strings.NewReplacer("i", "l"), strings.NewReplacer("l", "i"), strings.NewReplacer("i", "1", "l", "1"),
		} {
			typed := lines[0] + swap.Replace(strings.Join(lines[1:len(lines)-1], "")) + lines[len(lines)-1]
			p, err := Parse(typed)
			switch {
			case err == nil && bytes.Equal(p.Data, data):
				mended++
			case errors.As(err, new(*LinesError)), errors.Is(err, ErrSum):
				named++
			default:
				t.Errorf("%d bytes: read as %x, %v", size, p.Data, err)
			}
		}
	}
	if named*10 > mended {
		t.Errorf("%d were mended, and %d were not", mended, named)
	}
}

// TestEverySlipIsFound types each letter of a paper wrong, in every way. The error
// names its line and no other; once in 1,024 the line fits, and then the last line
// does not. Never is something else read.
func TestEverySlipIsFound(t *testing.T) {
	data := bytesOf(47)
	lines, err := Paper{"share 2 of 3", data}.Lines()
	if err != nil {
		t.Fatal(err)
	}
	slips, unnamed := 0, 0
	for n, line := range lines {
		name := strings.Fields(line)[0]
		from := strings.Index(line, name) + len(name)
		for at := from; at < len(line)-1; at++ {
			for _, c := range alphabet {
				if line[at] == ' ' || alike(string(c), line[at:at+1]) {
					continue
				}
				slips++
				typed := line[:at] + string(c) + line[at+1:]
				_, err := Parse(strings.Join(slices.Concat(lines[:n], []string{typed}, lines[n+1:]), ""))
				var lines *LinesError
				if errors.Is(err, ErrSum) {
					unnamed++
				} else if !errors.As(err, &lines) || !names(lines, name) {
					t.Errorf("line %s, letter %d is %c: %v", name, at, c, err)
				}
			}
		}
	}
	if slips < 3000 || unnamed*256 > slips {
		t.Errorf("%d of %d slips were not found in their lines", unnamed, slips)
	}
}

// names reports whether one line is wrong and nothing else. Of a last line that is
// wrong the number may be what is wrong.
func names(e *LinesError, name string) bool {
	return slices.Equal(e.Wrong, []string{name}) && len(e.Missing)+len(e.Mixed)+len(e.Odd) == 0
}

// TestErrorsNameLines: what the errors say, word for word.
func TestErrorsNameLines(t *testing.T) {
	text := write(t, "secret", bytesOf(250))
	lines := strings.SplitAfter(text, "\n")
	other := strings.SplitAfter(write(t, "other", bytesOf(251)), "\n")
	without := func(numbers ...int) string {
		var left []string
		for i, line := range lines {
			if !slices.Contains(numbers, i) {
				left = append(left, line)
			}
		}
		return strings.Join(left, "")
	}
	slip := func(text string, n int) string { return strings.Replace(text, lines[n][5:9], "aaaa", 1) }
	for want, typed := range map[string]string{
		"line 3 is missing":                             without(3),
		"lines 3, 9, 13 are missing":                    without(3, 9, 13),
		"line paper is missing":                         without(0),
		"line end is missing":                           without(14),
		"lines 1, 13 are wrong":                         slip(slip(text, 1), 13),
		"line 7 is wrong; line 2 is missing":            slip(without(2), 7),
		"line 4 belongs to another paper":               text + other[4],
		"line paper belongs to another paper":           text + other[0],
		"line 14 belongs to another paper":              text + " 14 aaaa aa\n",
		"what is typed in row 17 begins with no number": text + "\nabcd efgh\n",
		"lines paper, end are missing":                  "",
	} {
		if _, err := Parse(typed); err == nil || err.Error() != "reading paper: "+want {
			t.Errorf("want %s: %v", want, err)
		}
	}
	// Numbers changed places: the letters are right, and the numbers are not.
	swapped := without(2, 3) + lines[2][:3] + lines[3][3:] + lines[3][:3] + lines[2][3:]
	if _, err := Parse(swapped); err == nil || err.Error() != "reading paper: lines 2, 3 are wrong" {
		t.Errorf("swapped: %v", err)
	}
}

// TestLinesOfTwoPapersAreNotRead: a line that fits by itself, of another paper.
func TestLinesOfTwoPapersAreNotRead(t *testing.T) {
	lines := strings.SplitAfter(write(t, "secret", bytesOf(50)), "\n")
	other := strings.SplitAfter(write(t, "other", bytesOf(51)), "\n")
	for n := range 4 {
		mixed := strings.Join(slices.Concat(lines[:n], other[n:n+1], lines[n+1:]), "")
		if p, err := Parse(mixed); !errors.Is(err, ErrSum) {
			t.Errorf("line %d of another paper: %q, %v", n, p.Kind, err)
		}
	}
	// Right letters, cut into lines in another way, are no second spelling.
	letters := strings.Join(strings.Fields(lines[1][5:44]), "")
	cut := lines[0]
	for n, row := range []string{letters[:16], letters[16:]} {
		cut += fmt.Sprintf("%d %s %s\n", n+1, row, check(fmt.Sprint(n+1), row))
	}
	p := Paper{"secret", bytesOf(50)[:20]}
	p.Data, _ = encoding().DecodeString(letters)
	sum := "2 " + p.seal()
	if _, err := Parse(cut + "end " + sum + " " + check(last, sum)); !errors.Is(err, ErrSum) {
		t.Errorf("short lines: %v", err)
	}
}

// TestErrorsOfALongPaperAreShort, and hold nothing of it.
func TestErrorsOfALongPaperAreShort(t *testing.T) {
	text := write(t, "secret", bytesOf(MaxData))
	_, err := Parse(strings.ReplaceAll(text, "a", "c"))
	if err == nil || len(err.Error()) > 300 || !strings.Contains(err.Error(), "more are wrong") {
		t.Errorf("%v", err)
	}
	for row := range strings.Lines(text) {
		if groups := strings.Fields(row); strings.Contains(err.Error(), groups[2]) {
			t.Errorf("the error repeats %q", groups[2])
		}
	}
	for size, taken := range map[int]bool{MaxText: true, MaxText + 1: false} {
		if _, err := Parse(text + strings.Repeat("#", size-len(text))); (err == nil) != taken {
			t.Errorf("a text of %d bytes: %v", size, err)
		}
	}
}

// TestDoubtIsNamed: a line that fits in two ways is read in neither.
func TestDoubtIsNamed(t *testing.T) {
	for n := range 10_000 {
		row := "ililil" + encoding().EncodeToString(bytesOf(n%200 + 1))[:2] + encoding().EncodeToString([]byte{byte(n)})
		last := check("1", row)
		fit := 0
		for _, way := range ways(strings.NewReplacer("i", "1", "l", "1").Replace(row)) {
			if alike(last, check("1", way)) {
				fit++
			}
		}
		if fit < 2 {
			continue
		}
		_, err := Parse("1 " + strings.NewReplacer("i", "1", "l", "1").Replace(row+last))
		var lines *LinesError
		if !errors.As(err, &lines) || !slices.Equal(lines.Wrong, []string{"1"}) {
			t.Errorf("a line that can be read in %d ways: %v", fit, err)
		}
		return
	}
	t.Error("no line can be read in two ways")
}

// TestBitsLeftOverAreZero: a paper whose letters and checks fit, and whose last letter
// has bits that are no part of a byte, is a second spelling.
func TestBitsLeftOverAreZero(t *testing.T) {
	p := Paper{"secret", []byte("a")}
	kind, sum := "paper secret "+check(first, "secret")+"\n", "1 "+p.seal()
	end := "end " + sum + " " + check(last, sum)
	for row, want := range map[string]error{"me": nil, "mf": ErrSum} {
		if _, err := Parse(kind + "1 " + row + " " + check("1", row) + "\n" + end); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", row, err, want)
		}
	}
}
