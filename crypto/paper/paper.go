// Package paper writes a small secret as text for paper, and reads what a person
// typed in again from it.
//
//	paper secret                                  xe
//	  1  ifdu klkt ivbv erku fvfu kwjn kbis 2mkr  ds
//	  2  kfif cwkr kfmv eukt li                   qk
//	end 2 2mob dmew widr qahb                     kq
//
// The first line has the kind: a few words that say what the bytes are. Numbered
// lines hold the bytes in base32 (RFC 4648, in lower case, without padding), 20
// bytes a line. The last line has the number of those lines, and the beginning of
// a hash of kind and bytes. What the hashes are taken over is in the functions check
// and seal.
//
// Each line ends in two letters, 10 bits of a hash of what stands before them, the
// line's name included. A slip of the pen is so found in its line, 1,023 times of
// 1,024, and the error names lines by number: whoever types 120 of them does not
// begin again. They need not be right always, because the last line is: its 80 bits
// are more than mistakes ask for, and as many as somebody would need to hold a
// paper against a note of its last line that was kept elsewhere, and be sure that
// nobody exchanged the paper. By themselves they prove nothing about who wrote it:
// anyone can write a paper that fits.
//
// Base32 has neither 0, 1, 8 nor 9. So 0 is read as o and 8 as b; i, l and 1 are
// told apart by the line's own letters. Case, space, order of lines, lines of
// comment (#) and a second copy of a line do not matter.
//
// Whoever sees the paper has the secret. Errors repeat nothing of it.
package paper

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	// MaxData is how many bytes a paper holds at most: some four pages.
	MaxData = 4096
	// MaxKind bounds the kind, in bytes.
	MaxKind = 64
	// MaxText bounds what is read: a paper with all of its spaces and comments.
	MaxText = 64 << 10
	// LineData is how many bytes stand on a line.
	LineData = 20

	lineLetters = LineData * 8 / 5
	maxLines    = (MaxData + LineData - 1) / LineData
	group       = 4
	checkSize   = 2  // letters, 10 bits
	sealSize    = 16 // letters, 80 bits
)

// Names of the lines that have no number.
const (
	first = "paper"
	last  = "end"
)

// alphabet is that of base32 in lower case.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567"

// A Paper is what stands on one. Kind consists of words of a-z and 0-9 with a space
// between, the first of which begins with a letter.
type Paper struct {
	Kind string
	Data []byte
}

func encoding() *base32.Encoding {
	return base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)
}

// Check reports what keeps p from paper.
func (p Paper) Check() error {
	if !fits(p.Kind) {
		return fmt.Errorf("writing paper: want a kind of at most %d bytes: words of a-z and 0-9", MaxKind)
	}
	if len(p.Data) == 0 {
		return errors.New("writing paper: there is nothing to write")
	}
	if len(p.Data) > MaxData {
		return fmt.Errorf("writing paper: %d bytes, at most %d", len(p.Data), MaxData)
	}
	return nil
}

// fits reports whether a kind is one in its one spelling.
func fits(kind string) bool {
	return len(kind) <= MaxKind && regexp.MustCompile(`^[a-z][a-z0-9]*( [a-z0-9]+)*$`).MatchString(kind)
}

// Lines returns the paper line by line, each ended, the first and the last one
// included.
func (p Paper) Lines() ([]string, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	lines := []string{fmt.Sprintf("%-44s  %s\n", first+" "+p.Kind, check(first, p.Kind))}
	letters := encoding().EncodeToString(p.Data)
	for n := 1; len(letters) > 0; n++ {
		row := letters[:min(lineLetters, len(letters))]
		letters = letters[len(row):]
		lines = append(lines, fmt.Sprintf("%3d  %-39s  %s\n", n, grouped(row), check(fmt.Sprint(n), row)))
	}
	sum := p.seal()
	count := len(lines) - 1
	end := fmt.Sprintf("%s %d %s", last, count, grouped(sum))
	return append(lines, fmt.Sprintf("%-44s  %s\n", end, check(last, fmt.Sprint(count, " ", sum)))), nil
}

// Text returns the paper in the spelling that is printed.
func (p Paper) Text() (string, error) {
	lines, err := p.Lines()
	return strings.Join(lines, ""), err
}

// grouped puts a space after every fourth letter.
func grouped(letters string) string {
	var groups []string
	for ; len(letters) > group; letters = letters[group:] {
		groups = append(groups, letters[:group])
	}
	return strings.Join(append(groups, letters), " ")
}

// check returns the letters at the end of a line: of its name and content, without
// the space between groups.
func check(name, content string) string {
	return hashed("saksi/v1/line "+name+" "+content, checkSize)
}

// seal returns the letters of the last line.
func (p Paper) seal() string {
	return hashed("saksi/v1/paper "+p.Kind+"\n"+string(p.Data), sealSize)
}

// hashed returns the first letters of a SHA-256 in base32.
func hashed(text string, letters int) string {
	sum := sha256.Sum256([]byte(text))
	return encoding().EncodeToString(sum[:])[:letters]
}
